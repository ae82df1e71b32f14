"""The one switch for scale: `COURSE_PROFILE=quick` (two CPU cores, minutes) or `full` (the source tutorial's scale)."""

import os
from types import SimpleNamespace

PROFILES = ("quick", "full")


def name():
    """The profile in force, "quick" unless the environment variable COURSE_PROFILE says otherwise."""
    value = os.environ.get("COURSE_PROFILE", "").strip().lower() or "quick"
    if value not in PROFILES:
        raise ValueError(f"COURSE_PROFILE is {value!r}. Set it to 'quick' or 'full', or remove it.")
    return value


def choose(*, quick, full):
    """Return the settings of the profile in force as attributes, and print them beside those of the other profile.

    `quick` and `full` are dicts with the same keys, for example `{"epochs": 5}`.
    """
    if quick.keys() != full.keys():
        raise ValueError(f"Both profiles need the same settings; quick has {sorted(quick)}, full has {sorted(full)}.")
    chosen = {"quick": quick, "full": full}[name()]
    other = "full" if name() == "quick" else "quick"
    others = {"quick": quick, "full": full}[other]
    settings = ", ".join(f"{key} = {value} ({other}: {others[key]})" for key, value in chosen.items())
    print(f"Profile {name()}: {settings}")
    return SimpleNamespace(**chosen)

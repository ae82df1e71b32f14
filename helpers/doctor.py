"""Is this machine ready? `doctor.report()` (in a terminal `python -m helpers.doctor`) ends in a block for a bug report.

It never raises and never imports TensorFlow."""

import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from helpers import places, profile

ROOT = Path(__file__).resolve().parent.parent
NEEDED = 2 * 10**9  # memory for a lesson in quick; disk for data sets and saved networks
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")  # set in containers, as on Binder and Colab


class Line(NamedTuple):
    """One thing looked at: is it all right, what was found, what to do if not, more for the bug report."""

    name: str
    fine: bool
    found: str
    advice: str = ""
    details: str = ""


class Report(list):
    """Lines, shown as text: verdicts, then the block for a bug report. It names no folder and no person."""

    def __repr__(self):
        text, rule = [], "-" * 20
        for line in self:
            text.append(f"{'OK' if line.fine else 'LOOK AT THIS':12}  {line.name}: {line.found}")
            text += [] if line.fine else [f"{'':12}  → {line.advice}"]
        findings = sum(not line.fine for line in self)
        text += ["", f"{findings} to look at." if findings else "Ready.", "", f"{rule} for a bug report {rule}"]
        text += [f"{'' if line.fine else '(!) '}{line.name}: {line.details or line.found}" for line in self]
        return "\n".join([*text, rule * 3])


def report():
    """Look at Python, kernel, packages, widgets, memory, disk, graphics card and switches; return a `Report`."""
    lines, advice = Report(), "Open the lessons with `make lab`. If that does not help, report it."
    for check in (python, kernel, packages, widgets, memory, disk, graphics_card, switches):
        try:
            lines.append(check())
        except Exception as error:
            lines.append(Line(check.__name__, False, f"could not be checked ({type(error).__name__})", advice))
    return lines


def python():
    fine = (3, 11) <= sys.version_info[:2] <= (3, 13)
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Line("Python", fine, found, "The course needs Python 3.11, 3.12 or 3.13: see the README, 'Start'.")


def kernel():
    """A notebook may run in another Python than the one that `make` has filled."""
    own = ROOT / ".venv"
    if own.is_dir() and Path(sys.prefix).resolve() != own.resolve():
        advice = "Open the lessons with `make lab`, or choose the kernel of .venv. Your own choice? Then ignore this."
        return Line("kernel", False, "another Python than the course's .venv", advice)
    return Line("kernel", True, "the course's own .venv" if own.is_dir() else "no .venv (Colab, Binder or your own)")


def version(package):
    """The installed version, None if there is none. Either build of TensorFlow counts as TensorFlow."""
    names = ("tensorflow-cpu", "tensorflow") if package.startswith("tensorflow") else (package,)
    return next((found.version for name in names for found in metadata.distributions(name=name)), None)


def applicable(lines):
    """{package: versions} of those requirement lines that count on this machine."""
    from packaging.requirements import Requirement

    return {n.name: n.specifier for n in map(Requirement, lines) if n.marker is None or n.marker.evaluate()}


def packages():
    """What is missing or not allowed is a finding; allowed but not the locked version is only mentioned."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = applicable([*project["dependencies"], *project["optional-dependencies"]["tensorflow"]])
    file = ROOT / "requirements.lock"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    locked = applicable(line.rstrip(" \\") for line in lines if line[:1].isalnum() and "==" in line)
    have = {name: version(name) for name in allowed}
    unfit = [f"{n}{allowed[n]}" for n, v in have.items() if not v or not allowed[n].contains(v, prereleases=True)]
    as_locked = sum(bool(v) and n in locked and locked[n].contains(v, prereleases=True) for n, v in have.items())
    found = f"{len(have) - len(unfit)} of {len(have)} fit, " + (f"{as_locked} as locked" if lines else "no lock here")
    details = f"{found}; " + ", ".join(f"{name} {installed or 'missing'}" for name, installed in have.items())
    return Line("packages", not unfit, found, f"Run `make install`, restart. Needed: {', '.join(unfit)}.", details)


def widgets():
    """Interactive figures need ipywidgets in the kernel and its counterpart in JupyterLab, where that is used."""
    have, lab, front = version("ipywidgets"), version("jupyterlab"), version("jupyterlab_widgets")
    found = f"ipywidgets {have or 'missing'}" + (f", JupyterLab's part {front or 'missing'}" if lab else "")
    advice = "Run `make install`, restart JupyterLab. The lessons run without, but their controls do not move."
    return Line("widgets", bool(have and (front or not lab)), found, advice)


def room(name, size, advice):
    """A line for `size` bytes, told as a power of two that it reaches: the report is to be the same tomorrow."""
    gib = min(int(size / 2**30), 16)
    found = f"{2 ** (gib.bit_length() - 1)} GB or more" if gib else "less than 1 GB"
    return Line(name, size >= NEEDED, found, advice)


def memory():
    """What this machine, or the container that we are in, may use."""
    if not hasattr(os, "sysconf"):
        return Line("memory", True, "Windows does not tell; 4 GB are plenty")
    limit = CGROUP_LIMIT.read_text().strip() if CGROUP_LIMIT.is_file() else "max"
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    total = min(machine, int(limit)) if limit.isdigit() else machine
    return room("memory", total, "Lessons use up to 2 GB. Close other programs, or take a larger machine.")


def disk():
    return room("free disk", shutil.disk_usage(ROOT).free, "Data and saved networks use up to 2 GB: free some.")


def graphics_card():
    """Ask TensorFlow only if a lesson has started it: starting it takes seconds and much memory."""
    tensorflow = sys.modules.get("tensorflow")
    seen = tensorflow and tensorflow.config.list_physical_devices("GPU")
    found = "not asked, as TensorFlow is not started" if seen is None else f"{len(seen) or 'none'} in use"
    return Line("graphics card", True, f"{found}; none is needed")


def switches():
    """The environment variables that change what a lesson does; what the folder is called stays private."""
    allowed = {"COURSE_PROFILE": profile.PROFILES, "KERAS_BACKEND": ("tensorflow",)}
    now = {name: os.environ.get(name, "").strip().lower() or values[0] for name, values in allowed.items()}
    wrong = [f"{name} should be {' or '.join(allowed[name])}." for name in allowed if now[name] not in allowed[name]]
    try:
        data = "your folder" if places.staged_folder() else "as shipped"
    except ValueError:
        data, wrong = "your folder", [*wrong, "COURSE_DATA_DIR names no folder."]
    network = "off" if places.offline() else "allowed"
    found = f"profile {now['COURSE_PROFILE']}, data {data}, network {network}, Keras on {now['KERAS_BACKEND']}"
    return Line("switches", not wrong, found, " ".join(wrong))


if __name__ == "__main__":
    print(report())

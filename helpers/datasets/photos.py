"""A folder with one folder of pictures per class, as a data set: which files are usable, and fixed splits of them."""

import contextlib
import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import images
from helpers.datasets.shared import whole
from helpers.datasets.splits import SEED, taking_turns
from helpers.images import findings
from helpers.images.quarantine_folder import listing, sha256_of

TEXT = ["file", "verdict", "reason", "mode", "format", "same_as", "sha256"]


def remembered_audit(folder, cache, progress=True):
    """What `helpers.images.audit` says of `folder`, with the column `sha256` of each usable file's content.

    The report is kept in `cache` and used again as long as no file's name, size or time of change is another. Without
    `progress` nothing is printed.
    """
    folder, digest = Path(folder), hashlib.sha256(str(findings.simplejpeg is None).encode())
    for module in sorted(Path(images.__file__).parent.glob("*.py")):  # another way to look gives another report
        digest.update(module.read_bytes())
    paths = listing(folder)
    for name, path in paths.items():
        digest.update(f"{name} {_state(path)}\n".encode())
    kept = Path(cache) / f"{digest.hexdigest()[:32]}.csv"
    with contextlib.suppress(OSError, ValueError, KeyError):  # there is none, or it was damaged: look again
        report = _read(kept)
        if len(report) == len(paths) and set(TEXT) <= set(report):
            return report
    with contextlib.nullcontext() if progress else contextlib.redirect_stdout(io.StringIO()):
        report = images.audit(folder, progress)
    files = zip(report["file"], is_usable(report), strict=True)
    report["sha256"] = [_sha256(paths[file]) if usable else "" for file, usable in files]
    gone = is_usable(report) & (report["sha256"] == "")
    report.loc[gone, "verdict"] = "broken"
    report.loc[gone, "reason"] = "It vanished, or was closed, while the folder was looked at."
    text = report.to_csv(index=False)
    with contextlib.suppress(OSError):  # a full or read-only disk: the next call looks at the files again
        kept.parent.mkdir(parents=True, exist_ok=True)
        with whole(kept) as partial:
            partial.write_text(text, encoding="utf-8", newline="")
    return _read(io.StringIO(text))


def _read(file):
    sizes = dict.fromkeys(["width", "height", "bytes"], "Int64")
    return pd.read_csv(
        file, keep_default_na=False, na_values={name: [""] for name in sizes}, dtype=dict.fromkeys(TEXT, str) | sizes
    )


def _state(path):
    """Size and time of change of a file, or of a link that leads nowhere."""
    for look in (os.stat, os.lstat):
        with contextlib.suppress(OSError):
            about = look(path)
            return f"{about.st_size} {about.st_mtime_ns}"
    return "vanished"


def _sha256(path):
    """Of a file's content; empty if it cannot be read any more."""
    try:
        return sha256_of(path)
    except OSError:
        return ""


def is_usable(report):
    """Which rows of an audit are plain RGB JPEG files. A near duplicate is one if nothing else is said against it.

    If it lies in the folder of another class than its like, one of the two labels is wrong, and it is left out.
    """
    classes = report["file"].str.split("/").str[0], report["same_as"].str.split("/").str[0]
    twin = (report["verdict"] == "near duplicate") & report["reason"].str.startswith("It shows the same as")
    plain = (report["format"] == "JPEG") & (report["mode"] == "RGB")
    return plain & ((report["verdict"] == "good") | (twin & (classes[0] == classes[1])))


def usable_pictures(folder, classes, cache, progress=True):
    """Return (pictures, left_out): two frames made from the audit of `folder`.

    `pictures` has the columns path, label (the place of the file's folder in `classes`), sha256, and twin: whether it
    is a near duplicate of another one.
    """
    report = remembered_audit(folder, cache, progress)
    place = {name: label for label, name in enumerate(classes)}
    report = report[report["file"].str.split("/").str[0].isin(place)].reset_index(drop=True)
    usable = is_usable(report)
    good, left_out = report[usable], report[~usable].drop(columns="sha256").reset_index(drop=True)
    paths = listing(folder)
    linked = good[good["same_as"].isin(good["file"])]
    pictures = pd.DataFrame(
        {
            "path": [str(paths.get(file, Path(folder, file))) for file in good["file"]],  # one may have vanished
            "label": np.array([place[file.split("/")[0]] for file in good["file"]], np.uint8),
            "sha256": good["sha256"].to_numpy(),
            "twin": good["file"].isin([*linked["file"], *linked["same_as"]]).to_numpy(),
        }
    )
    return pictures, left_out


def shuffled(pictures, seed):
    """The rows of `pictures` in a random order that depends on the seed and on each file's content alone.

    Neither a file's name nor what else lies there plays a part.
    """
    turns = [hashlib.sha256(f"{SEED + seed} {digest}".encode()).hexdigest() for digest in pictures["sha256"]]
    ordered = pictures.assign(turn=turns).sort_values(["turn", "label"], ignore_index=True)
    return ordered.drop(columns="turn")


def split(pictures, train, validation, test, seed=0):
    """Cut three disjoint, stratified splits: a dict of (paths, labels), object array of str and uint8 array.

    Validation and test pictures have no near duplicate, so that none can stand on both sides. The same pictures land in
    the same split however the files are called; one picture more or less moves few others. Another seed gives other
    splits. Raises ValueError if there are too few.
    """
    pictures = shuffled(pictures, seed)
    labels, twin = pictures["label"].to_numpy(), pictures["twin"].to_numpy()
    single = np.flatnonzero(~twin)
    seen_later = single[taking_turns(labels[single])][: test + validation]
    rest = np.setdiff1d(np.arange(len(pictures)), seen_later)
    learned = rest[taking_turns(labels[rest])][:train]
    if len(seen_later) < test + validation or len(learned) < train:
        raise ValueError(
            f"You ask for {train:,} training, {validation:,} validation and {test:,} test pictures; the folder holds "
            f"{len(pictures):,} usable ones, {len(single):,} of them without a near duplicate. "
            f"{'Ask for fewer' if len(pictures) else 'Copy the whole folder again'}."
        )
    tested, held_out = np.split(seen_later, [test])
    learned = np.random.default_rng(SEED + seed).permutation(learned)  # neighbours in that order take turns by class
    chosen = {"train": learned, "validation": held_out, "test": tested}
    paths = pictures["path"].to_numpy(dtype=object)
    return {name: (paths[indices], labels[indices]) for name, indices in chosen.items()}


def fingerprint(pictures, parts):
    """SHA-256 over contents and labels of the pictures in the splits `parts`, whatever their order and names."""
    used = {path for paths, _ in parts.values() for path in paths}
    rows = pictures[pictures["path"].isin(used)]
    lines = sorted(f"{digest} {label}" for digest, label in zip(rows["sha256"], rows["label"], strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()

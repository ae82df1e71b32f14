"""Dirty folders of pictures: find what is wrong (`audit`), set it aside (`quarantine`, `undo`), or write a clean copy.

It looks at a folder as training code will: which files break it, which it would read in another way than you think,
and which pictures are there twice.
"""

import contextlib
import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pandas as pd
from PIL import Image
from tqdm import tqdm

from helpers.arguments import whole_number
from helpers.images import duplicates, findings
from helpers.images.findings import COLUMNS, VERDICTS, look_at
from helpers.images.folders import checked, inside, listing
from helpers.images.quarantine_folder import quarantine, undo

__all__ = ["VERDICTS", "audit", "clean_copy", "quarantine", "undo"]

PATIENCE = 3  # seconds before a progress bar appears
BLOCK = 2**26  # bytes that PIL asks of the system at a time; a smaller picture asks for less


def audit(folder, progress=True):
    """Look at every file in `folder` and its subfolders, and say what it is and why.

    Every picture is decoded. Links are not followed out of the folder, and nothing is changed. JPEGs are also decoded
    by simplejpeg, which repeats the complaints of libjpeg that TensorFlow prints and PIL keeps to itself. Of a group
    of duplicates, also across subfolders (classes, splits), the best and first file keeps its verdict; `same_as` of
    the others names it. Without `progress` no bar appears, so that a saved notebook surely holds nothing of it.

    Returns a pandas frame, one row per file, sorted by file: file (relative, forward slashes), verdict (a key of
    `VERDICTS`), reason (sentences), width, height (pixels, as stored), mode, format (PIL's names), bytes, same_as.
    Raises ValueError if `folder` is not a folder.
    """
    files = listing(folder)
    if findings.simplejpeg is None:
        print("The package simplejpeg is not installed: damage inside a JPEG that can still be decoded goes unseen.")
    root = Path(folder).resolve()
    rows = each(lambda item: look_at(*item, root), files.items(), progress, "looking")
    name_duplicates(rows)
    report = pd.DataFrame([row | {"reason": " ".join(row["reasons"])} for row in rows], columns=COLUMNS)
    return report.astype({"width": "Int64", "height": "Int64", "bytes": "Int64"})


def each(function, items, progress, what):
    """`function` of every item in parallel, in order, as a list. PIL releases Python's lock while it decodes."""
    Image.init()
    # glibc keeps freed blocks up to 32 MB for the thread that had them, so each thread would hold one large picture.
    Image.core.set_block_size(BLOCK)
    items = list(items)
    # Shown on standard output, only if it takes longer than a few seconds, and gone at the end: a saved notebook keeps
    # nothing of it. The filters hold for all threads.
    looks = {"leave": False, "delay": PATIENCE, "mininterval": 0.5, "unit": " files", "file": sys.stdout}
    bar = tqdm(total=len(items), desc=what, disable=not progress, **looks)
    with warnings.catch_warnings(), bar, ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        results = []
        try:
            for result in pool.map(function, items):
                results.append(result)
                bar.update()
        except BaseException:  # such as "Interrupt kernel": do not first finish thousands of files
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return results


def name_duplicates(rows):
    """Give all but the best file of each group of (near) duplicates its verdict and `same_as`."""
    order = sorted(
        (row for row in rows if "sha256" in row),
        key=lambda row: (row["verdict"] != "good", row["link"], -row["width"] * row["height"], row["file"]),
    )
    first, unlike = {}, []
    for row in order:
        original = first.setdefault(row["sha256"], row)
        if original is row:
            unlike.append(row)
        else:
            row.update(verdict="duplicate", same_as=original["file"])
            row["reasons"].append(f"The content is that of {original['file']}, byte for byte.")
    # In very small pictures, such as digits, too little tells a copy from a lookalike.
    unlike = [row for row in unlike if min(row["width"], row["height"]) >= findings.SMALL]
    for copy, (original, mirrored) in duplicates.near_duplicates([row["fingerprint"] for row in unlike]).items():
        row, same_as = unlike[copy], unlike[original]["file"]
        row.update(verdict="near duplicate", same_as=same_as)
        row["reasons"].append(f"It shows the same as {same_as}{', mirrored' if mirrored else ''}.")


def clean_copy(folder, destination, verdicts=("good", "odd"), quality=95, size=None, progress=True):
    """Write what is readable in `folder` to `destination` as plain RGB JPEGs, in the same subfolders.

    The first frame counts, the EXIF orientation is applied, transparency becomes white, 16 bits become 8, and no
    metadata is kept. libjpeg has nothing to say about the new files.

    Parameters
    ----------
    destination : path
        A new or an empty folder, not in `folder`.
    verdicts : tuple of str
        Which files to copy, after an `audit`; the default leaves one file of each group of duplicates.
    quality : int
        Of the JPEGs, 1 to 95.
    size : int or None
        The longest side in pixels that a copy may have; None keeps every size.

    Returns a pandas frame, one row per file of `folder`: file, verdict, reason, written (the copy's name relative to
    `destination`, or empty). Raises ValueError for an unfit folder.
    """
    folder, destination = checked(folder), Path(destination)
    if inside(destination, folder) or inside(folder, destination):
        raise ValueError(f"{destination.name!r} and {folder.name!r} lie in each other; choose another destination.")
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise ValueError(f"{destination.name!r} is not an empty folder; choose a new one, so that nothing mixes.")
    whole_number("quality", quality, 1, 95)
    whole_number("size", size, 1, optional=True)
    chosen = findings.known(verdicts)
    report, paths = audit(folder, progress), listing(folder)
    chosen = report["verdict"].isin(chosen) & report["width"].notna()  # nothing to try where no picture was found
    names = free_names(report.loc[chosen, "file"])

    def write(file):
        """Why the file could not be copied; an empty text if it was."""
        with contextlib.ExitStack() as stack:  # to the end, so that of large pictures only one is in memory
            try:
                copy = findings.as_rgb(stack.enter_context(findings.opened(paths[file].read_bytes())))
            except Exception as error:  # asked for with its verdict "broken", or changed since the audit
                return findings.unreadable(error)
            if size is not None:
                copy.thumbnail((size, size), Image.Resampling.LANCZOS)
            target = destination / paths[file].relative_to(folder).parent / names[file].name
            target.parent.mkdir(parents=True, exist_ok=True)
            copy.save(target, "JPEG", quality=quality)
        return ""

    failed = {file: why for file, why in zip(names, each(write, names, progress, "copying"), strict=True) if why}
    report["written"] = [str(names.get(file, "")) if file not in failed else "" for file in report["file"]]
    report["reason"] += [" " + failed[file] if file in failed else "" for file in report["file"]]
    return report[["file", "verdict", "reason", "written"]]


def free_names(files):
    """file → name of its JPEG, as a dict of paths; no two alike, also where capitals do not count."""
    names, taken = {}, set()
    for file in files:
        place = PurePosixPath(file)
        name = place if place.suffix.lower() in (".jpg", ".jpeg") else place.with_suffix(".jpg")
        while str(name).lower() in taken:
            name = name.with_stem(f"{name.stem}+")
        taken.add(str(name).lower())
        names[file] = name
    return names

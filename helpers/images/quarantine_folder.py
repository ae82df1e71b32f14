"""Moving files out of a folder of pictures in a way that one call undoes."""

import csv
import errno
import hashlib
import os
import shutil
from collections import Counter
from pathlib import Path, PurePosixPath

import pandas as pd

from helpers.images.findings import known
from helpers.images.folders import checked, inside, listing, printable, walk

JOURNAL = "quarantine.csv"
DRAFT = ".quarantine.part"
OWN = {JOURNAL, f"{JOURNAL}.new", DRAFT}  # no file moves to these names
COLUMNS = ["file", "verdict", "reason", "sha256", "bytes", "moved_to", "folder"]


def sha256_of(path):
    """SHA-256 in hexadecimal of a file's content or of what a link says; an empty text for anything else."""
    if path.is_symlink():
        return hashlib.sha256(b"link to " + os.fsencode(os.readlink(path))).hexdigest()
    if not path.is_file():
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def quarantine(report, folder, into=None, verdicts=("broken", "not a picture")):
    """Move files with these verdicts out of `folder`; nothing is deleted, and `undo` puts everything back.

    Parameters
    ----------
    report : pandas frame
        What `audit(folder)` returned; only the columns file, verdict and reason are read.
    into : path
        Where the files go, in the same subfolders; by default a folder beside `folder` named `<folder>-quarantine`.
    verdicts : tuple of str
        Which files to move.

    `into`/quarantine.csv is complete before the first file moves, so an interruption loses nothing: call again to go
    on, or call `undo`. Returns the journal's rows of the moved files as a frame. Raises ValueError for an unfit
    `into` or a report of another folder, OSError if a file cannot be moved (it then lies where it was).
    """
    folder = checked(folder)
    into = folder.resolve().with_name(f"{folder.resolve().name}-quarantine") if into is None else Path(into)
    if inside(into, folder) or inside(folder, into):
        raise ValueError(f"{into.name!r} and {folder.name!r} lie in each other; choose a folder beside it for `into`.")
    if missing := {"file", "verdict", "reason"} - set(report.columns):
        raise ValueError(f"The report has no column {min(missing)!r}; give the frame that `audit` returned.")
    if os.path.lexists(into) and not into.is_dir():
        raise ValueError(f"{into.name!r} is a file; choose a new folder for `into`.")
    chosen = report[report["verdict"].isin(known(verdicts))]
    journal, present, moves = read_journal(into), listing(folder), []
    taken = {row["moved_to"]: row["file"] for row in journal}
    if len(chosen) and not set(chosen["file"]) & (set(present) | {printable(name) for name in taken.values()}):
        raise ValueError(
            f"None of the {len(chosen)} files to move, such as {chosen['file'].iloc[0]!r}, lies in {folder.name!r}; "
            "give the report that `audit` returned for this very folder."
        )
    for file, verdict, reason in zip(chosen["file"], chosen["verdict"], chosen["reason"], strict=True):
        path = present.get(file)
        if path is None or (path.is_dir() and not path.is_symlink()):
            continue  # moved by an earlier call, or a folder that could not be opened, or a junction: these stay
        name = path.relative_to(folder).as_posix()
        moved_to = free_place(path, name, into, taken)
        taken[moved_to] = name
        facts = [name, verdict, reason, sha256_of(path), str(path.lstat().st_size), moved_to, related(folder, into)]
        moves.append(dict(zip(COLUMNS, facts, strict=True)))
    if moves:
        into.mkdir(parents=True, exist_ok=True)
        write_journal(journal + [row for row in moves if row not in journal], into)
    for row in moves:
        move(folder / row["file"], into / row["moved_to"])
    moved = pd.DataFrame(moves, columns=COLUMNS, dtype=object)
    for column in ("file", "moved_to"):
        moved[column] = moved[column].map(printable)
    return moved.drop(columns="folder").astype({"bytes": "int64"})


def undo(into, folder=None):
    """Put everything in a quarantine folder back, byte for byte and with its date; return how many files that were.

    `into` is the folder that holds quarantine.csv. `folder` is needed only if one of the two folders has been moved
    away from the other, or if they lie on two drives. Interrupted, or called twice, it goes on where it was. A file
    that has appeared in the old place meanwhile is never overwritten: then a ValueError names it, and nothing at all is
    moved.
    """
    into = checked(into)
    if not (into / JOURNAL).is_file():
        raise ValueError(f"{into.name!r} holds no {JOURNAL}; give the folder into which `quarantine` moved the files.")
    homes = {}  # where each file of the quarantine came from
    for row in read_journal(into):
        if not (is_plain(row["file"]) and is_plain(row["moved_to"])):
            raise ValueError(f"{JOURNAL} names {printable(row['file'])!r}, which leads out of the folder. Restore it.")
        if os.path.lexists(into / row["moved_to"]):
            home = stored_home(into, row["folder"]) if folder is None else Path(folder)
            if not home.is_dir():
                raise ValueError(f"The folder {home.name!r} is not where it was. Give its place: undo(into, folder=…).")
            homes[into / row["moved_to"]] = home, row["file"]
    wanted = Counter(home / file for home, file in homes.values())
    for source, (home, file) in homes.items():
        name = printable(PurePosixPath(file).name)
        if os.path.lexists(home / file) and not same_content(source, home / file):
            raise ValueError(
                f"{name!r} exists again in the old place. Move it away, then call undo; nothing was moved."
            )
        if wanted[home / file] > 1:
            raise ValueError(
                f"{into.name!r} holds several files that were {name!r}. Move all but one away; nothing was moved."
            )
        for parent in [*PurePosixPath(file).parents][:-1]:
            if home / parent in wanted or (os.path.lexists(home / parent) and not (home / parent).is_dir()):
                name = printable(parent.name)
                raise ValueError(f"{name!r} was a folder and is a file now. Move that file away; nothing was moved.")
    for source, (home, file) in homes.items():
        move(source, home / file)
    for parent, _, _ in reversed([*walk(into)]):
        if Path(parent) != into and not os.listdir(parent):
            os.rmdir(parent)
    return len(homes)


def free_place(source, name, into, taken):
    """Where in `into` the file `name` may move: to its own name, or one with "+" for each part that is in the way.

    `taken` is a dict: names that were given in `into` → the files that have them.
    """
    *parents, last = PurePosixPath(name).parts
    place = PurePosixPath()
    for part in parents:  # a file may lie where a folder should
        while str(place / part) in taken or not free_for_folder(into / place / part):
            part += "+"
        place /= part
    place /= last
    while taken.get(str(place), name) != name or not free_for(source, into / place):
        place = place.with_name(f"{place.stem}+{place.suffix}")
    return str(place)


def free_for(source, target):
    """Whether `source` may move to `target`: nothing is there, or the whole copy of an interrupted move."""
    return target.name not in OWN and (not os.path.lexists(target) or same_content(source, target))


def free_for_folder(target):
    """Whether `target` is a plain folder, or may become one."""
    return target.name not in OWN and (not os.path.lexists(target) or (target.is_dir() and not target.is_symlink()))


def is_plain(name):
    """Whether a relative name stays in its folder."""
    return bool(name) and not Path(name).anchor and ".." not in Path(name).parts


def same_content(one, other):
    """Whether these are two files (or links) that say the same; not if they are one file under two names."""
    if not sha256_of(one) == sha256_of(other) != "":
        return False
    return not os.path.samestat(os.lstat(one), os.lstat(other))


def related(folder, into):
    """`folder` as seen from `into`, so that both can move together; absolute where they lie on two drives."""
    try:
        return Path(os.path.relpath(folder.resolve(), into.resolve())).as_posix()
    except ValueError:
        return folder.resolve().as_posix()


def stored_home(into, folder):
    """The folder that the journal names, if it is one that `quarantine` could have written there.

    A path from a root or drive is never followed by itself: a journal that someone else made could name any folder.
    """
    home = Path(os.path.normpath(into.resolve() / folder))
    if Path(folder).anchor:
        raise ValueError(
            f"{JOURNAL} names the folder {home.name!r} by its whole path, which is not trusted: undo(into, folder=…)."
        )
    if inside(home, into) or inside(into, home):
        raise ValueError(
            f"{JOURNAL} names a folder around or in the quarantine. Give the right one: undo(into, folder=…)."
        )
    return home


def read_journal(into):
    if not (into / JOURNAL).is_file():
        return []
    with open(into / JOURNAL, encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    if any(set(row) != set(COLUMNS) or None in row.values() for row in rows):
        raise ValueError(f"{JOURNAL} in {into.name!r} has other columns than {', '.join(COLUMNS)}. Restore the file.")
    return rows


def write_journal(rows, into):
    """Replace the journal in one step, so that a complete one exists at every moment."""
    draft = into / f"{JOURNAL}.new"
    with open(draft, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, into / JOURNAL)


def move(source, target):
    """Move one file or link without overwriting; between two disks the source goes only when the copy is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(target):
        if not same_content(source, target):
            raise FileExistsError(errno.EEXIST, "will not overwrite a file", target.name)
        source.unlink()  # ends a move between two disks that was interrupted after its copy
        return
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        draft = target.with_name(DRAFT)
        draft.unlink(missing_ok=True)
        shutil.copy2(source, draft, follow_symlinks=False)
        if sha256_of(draft) != sha256_of(source):
            raise OSError(errno.EIO, "the copy differs from the file", target.name) from error
        os.rename(draft, target)
        source.unlink()

"""What lies in a folder of pictures, and moving files out of it in a way that one call undoes."""

import errno
import hashlib
import os
import shutil
from pathlib import Path, PurePosixPath

import pandas as pd

JOURNAL = "quarantine.csv"
COLUMNS = ["file", "verdict", "reason", "sha256", "bytes", "moved_to", "folder"]


def checked(folder):
    """Return `folder` as a Path. Raises ValueError if it is not an existing folder."""
    folder = Path(folder)
    if not folder.is_dir():
        state = "is a file" if folder.exists() else "does not exist"
        raise ValueError(f"{folder.name!r} {state}; give the path of a folder with pictures.")
    return folder


def inside(path, folder):
    """Whether `path` is `folder` or lies in it, links followed."""
    return Path(path).resolve().is_relative_to(Path(folder).resolve())


def listing(folder):
    """Everything in `folder` and its subfolders that is not a plain folder, as a dict: name → path, sorted by name.

    A name is relative to `folder`, with forward slashes. Bytes of a name that are not UTF-8 are written `\\xff`, so
    that every name can be printed. Links are listed, never followed. A folder that cannot be opened is listed too.
    """
    folder = checked(folder)
    paths = []

    def closed(error):
        paths.append(Path(error.filename or folder))

    for parent, folders, files in os.walk(folder, onerror=closed):
        linked = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        paths.extend(Path(parent, name) for name in files + linked)
    return dict(sorted((printable(path.relative_to(folder).as_posix()), path) for path in paths))


def printable(name):
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    return name


def sha256_of(path):
    """SHA-256 of a file's content in hexadecimal; an empty text for links and whatever else is not a plain file."""
    if path.is_symlink() or not path.is_file():
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
    `into`, OSError if a file cannot be moved (it then lies where it was).
    """
    folder = checked(folder)
    into = folder.resolve().with_name(f"{folder.resolve().name}-quarantine") if into is None else Path(into)
    if inside(into, folder) or inside(folder, into):
        raise ValueError(f"{into.name!r} and {folder.name!r} lie in each other; choose a folder beside it for `into`.")
    if isinstance(verdicts, str):
        verdicts = (verdicts,)
    journal = read_journal(into)
    known = dict(zip(journal["file"], journal["moved_to"], strict=True))
    taken, present, rows = set(journal["moved_to"]), listing(folder), []
    for file, verdict, reason in report.loc[report["verdict"].isin(verdicts), ["file", "verdict", "reason"]].to_numpy():
        path = present.get(file)
        if path is None or (path.is_dir() and not path.is_symlink()):
            continue  # moved by an earlier call, or a folder that could not be opened
        true_name = path.relative_to(folder).as_posix()
        moved_to = known.get(true_name, true_name)
        while os.path.lexists(into / moved_to) or (moved_to in taken and moved_to != known.get(true_name)):
            place = PurePosixPath(moved_to)
            moved_to = str(place.with_name(f"{place.stem}+{place.suffix}"))
        taken.add(moved_to)
        size = path.lstat().st_size
        rows.append([true_name, verdict, reason, sha256_of(path), size, moved_to, related(folder, into)])
    moves = pd.DataFrame(rows, columns=COLUMNS)
    if rows:
        into.mkdir(parents=True, exist_ok=True)
        write_journal(pd.concat([journal, moves]).drop_duplicates(["file", "moved_to", "sha256"]), into)
    for file, moved_to in zip(moves["file"], moves["moved_to"], strict=True):
        move(folder / file, into / moved_to)
    moves["file"] = [printable(name) for name in moves["file"]]
    return moves.drop(columns=["folder", "moved_to"])


def undo(into, folder=None):
    """Put everything in a quarantine folder back, byte for byte and with its date; return how many files that were.

    `into` is the folder that holds quarantine.csv. `folder` is needed only if either of the two folders has moved
    since. Interrupted, or called twice, it goes on where it was. A file that has appeared in the old place meanwhile
    is never overwritten: then a ValueError names it, and nothing at all is moved.
    """
    into = checked(into)
    if not (into / JOURNAL).is_file():
        raise ValueError(f"{into.name!r} holds no {JOURNAL}; give the folder into which `quarantine` moved the files.")
    journal = read_journal(into)
    moves = {}
    for row in journal.itertuples():
        home = Path(folder) if folder is not None else into / row.folder
        source, target = into / row.moved_to, Path(os.path.normpath(home)) / row.file
        if not all(PurePosixPath(name).parts and is_plain(name) for name in (row.moved_to, row.file)):
            raise ValueError(f"{JOURNAL} names the file {printable(row.file)!r}, which leads out of the folder.")
        if os.path.lexists(source):
            moves[source] = target
    twice = {source for source, target in moves.items() if same_content(source, target)}
    there = [target for source, target in moves.items() if source not in twice and os.path.lexists(target)]
    blocked = [printable(target.name) for target in there]
    if blocked:
        raise ValueError(
            f"{len(blocked)} files exist again in the old place, such as {blocked[0]!r}. Move them, then call undo."
        )
    for source, target in moves.items():
        if source not in twice:  # after an interrupted copy to another disk both exist: the old place is right already
            move(source, target)
    for parent, _, _ in os.walk(into, topdown=False):
        if parent != str(into) and not os.listdir(parent):
            os.rmdir(parent)
    return len(moves) - len(twice)


def is_plain(name):
    """Whether a relative name stays in its folder."""
    return not os.path.isabs(name) and not Path(name).drive and ".." not in Path(name).parts


def same_content(one, other):
    if not (os.path.lexists(one) and os.path.lexists(other)):
        return False
    return sha256_of(one) == sha256_of(other) != ""


def related(folder, into):
    """`folder` as seen from `into`, so that both can move together; absolute where they lie on two drives."""
    try:
        return Path(os.path.relpath(folder.resolve(), into.resolve())).as_posix()
    except ValueError:
        return folder.resolve().as_posix()


def read_journal(into):
    path = into / JOURNAL
    if not path.is_file():
        return pd.DataFrame(columns=COLUMNS)
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        journal = pd.read_csv(file, dtype=object, keep_default_na=False)
    if list(journal.columns) != COLUMNS:
        raise ValueError(f"{JOURNAL} in {into.name!r} has other columns than {', '.join(COLUMNS)}. Restore the file.")
    return journal


def write_journal(journal, into):
    """Replace the journal in one step, so that a complete one exists at every moment."""
    draft = into / f"{JOURNAL}.new"
    with open(draft, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        journal.to_csv(file, index=False, lineterminator="\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, into / JOURNAL)


def move(source, target):
    """Move one file or link without overwriting; between two disks the source goes only when the copy is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "will not overwrite a file", target.name)
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        draft = target.with_name(f".{target.name[:100]}.part")
        draft.unlink(missing_ok=True)
        shutil.copy2(source, draft, follow_symlinks=False)
        if sha256_of(draft) != sha256_of(source):
            raise OSError(errno.EIO, "the copy differs from the file", target.name) from error
        os.rename(draft, target)
        source.unlink()

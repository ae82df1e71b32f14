"""What lies in a folder of pictures: every name once, in a form that can be shown, and no link followed."""

import os
import stat
from pathlib import Path

JUNCTION = 0xA0000003  # Windows: IO_REPARSE_TAG_MOUNT_POINT, which `stat` holds on Windows only


def checked(folder):
    """Return `folder` as a Path. Raises ValueError if it is not an existing folder."""
    if not isinstance(folder, str | os.PathLike):
        raise ValueError(f"{folder!r} is no path; give the path of a folder with pictures.")
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
    that every name can be printed, and a backslash in a name is doubled, so that no two names become one. Links are
    listed, never followed. A folder that cannot be opened is listed too.
    """
    folder = checked(folder)
    paths = []

    def closed(error):
        paths.append(Path(error.filename or folder))

    for parent, _, files in walk(folder, closed):
        paths.extend(Path(parent, name) for name in files)
    return dict(sorted((printable(path.relative_to(folder).as_posix()), path) for path in paths))


def printable(name):
    """A name that can be shown everywhere, another one for every name. See `listing`."""
    name = name.replace("\\", "\\\\")
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    return name


def walk(folder, onerror=None):
    """`os.walk` from the top, with links to folders among the files.

    It enters no junction, Windows' other kind of link to a folder, as `os.walk` itself does before Python 3.12.
    """
    for parent, folders, files in os.walk(folder, onerror=onerror):
        linked = [name for name in folders if is_link(Path(parent, name))]
        folders[:] = [name for name in folders if name not in linked]
        yield parent, folders, files + linked


def is_link(path):
    """Whether a path is a link or a junction."""
    found = os.lstat(path)
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == JUNCTION

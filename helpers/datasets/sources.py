"""Where the files of a data set are found: staged by the user, bundled, kept from before, on the network; so tried."""

import contextlib
import hashlib
import shutil
from typing import NamedTuple

from helpers import places
from helpers.datasets import archives, origins
from helpers.datasets.download import Unavailable, fetch
from helpers.datasets.formats import read_idx
from helpers.datasets.shared import locked


class Found(NamedTuple):
    """What was found, how it came there, and if it is only a sample or nothing (None): the reason."""

    content: object
    how: str
    reason: str = ""


def staged(find):
    """What `find` sees in the folder of COURSE_DATA_DIR; None if that is not set or does not hold it."""
    root = places.staged_folder()
    return find(root) if root else None


def _absent(origin):
    """Where COURSE_DATA_DIR is set, that it does not hold the data set: something that its owner should know."""
    root = places.staged_folder()
    return f"COURSE_DATA_DIR ({root.resolve().name}) holds no {origin.name}" if root else ""


def _joined(*parts):
    return "; ".join(part for part in parts if part)


def archive_set(origin, find, read=lambda path: path):
    """What `read` makes of the unpacked files of a data set that comes as one archive, as `Found`.

    `content` is None if the files cannot be had. Raises ValueError if they are not what they should be, as `read` does.
    """
    cache, path = places.cache_folder() / origin.folder, staged(find)
    if path is not None and path.is_dir():
        return Found(read(path), "staged")
    if path is not None:
        folder = cache / _mark(path)
        content = _read_or_unpack(folder, find, read, lambda again: _staged(path, folder, origin, again), origin)
        return Found(content, "staged")
    absent, how, folder = _absent(origin), "cached", cache / "unpacked"

    def unpack(again):
        nonlocal how
        archive, fresh = fetch(origin.remote, cache)
        how = "downloaded" if fresh else "cached"
        try:
            _unpacked(archive, folder, origin.max_bytes, again)
        except OSError as error:
            raise Unavailable(f"{archive.name} cannot be unpacked in the course's cache ({error.strerror})") from error

    try:
        content = _read_or_unpack(folder, find, read, unpack, origin)
    except Unavailable as error:
        return Found(None, "", _joined(absent, str(error)))
    return Found(content, _joined(how, absent))


def _read_or_unpack(folder, find, read, unpack, origin):
    """What `read` makes of the unpacked `folder`. If that was damaged since, the archive is unpacked once more."""
    again = folder.is_dir()
    if again:
        with contextlib.suppress(ValueError):
            return read(_inside(folder, find, origin))
    unpack(again)
    return read(_inside(folder, find, origin))


def _inside(folder, find, origin):
    path = find(folder)
    if path is None or path.is_file():
        raise ValueError(f"The archive of {origin.name} does not hold what it should. Get it again.")
    return path


def _mark(archive):
    """Name of the folder in the cache for a staged archive: another one when the archive changes."""
    about = archive.stat()
    mark = f"{archive.resolve()} {about.st_size} {about.st_mtime_ns}"
    return f"staged-{hashlib.sha256(mark.encode()).hexdigest()[:16]}"


def _staged(archive, folder, origin, again):
    try:
        _unpacked(archive, folder, origin.max_bytes, again)
    except OSError as error:
        raise ValueError(
            f"{archive.name} cannot be unpacked in the course's cache ({error.strerror}). It may take "
            f"{origin.max_bytes / 10**9:.1f} GB there: set COURSE_CACHE_DIR to a folder of your own with room."
        ) from error


def _unpacked(archive, folder, max_bytes, again):
    """Put the content of `archive` into `folder`: once, however many ask at a time, or anew if `again`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder, archive.name):
        if again:
            shutil.rmtree(folder, ignore_errors=True)
        if not folder.is_dir():
            archives.extract(archive, folder, max_bytes)


def greys_set(origin, find, asked):
    """The files of MNIST or Fashion-MNIST as `Found`: the bundled sample if it suffices, or, with a reason, in need."""
    path, absent = staged(find), _absent(origin)
    if path is not None:
        return Found(path, "staged")

    bundled = Found(places.DATA / origin.folder, _joined(f"bundled: {origin.sample}", absent))
    if _suffices(bundled.content, asked):
        return bundled
    if origin is origins.FASHION_MNIST and places.DEBIAN_FASHION.is_dir():
        return Found(places.DEBIAN_FASHION, _joined("staged by Debian's dataset-fashion-mnist", absent))
    try:
        fetched = [fetch(remote, places.cache_folder() / origin.folder) for remote in origin.remotes]
        return Found(
            fetched[0][0].parent, _joined("downloaded" if any(fresh for _, fresh in fetched) else "cached", absent)
        )
    except Unavailable as error:
        return bundled._replace(reason=_joined(absent, str(error)))


def _suffices(folder, asked):
    """Whether the sample holds all that is asked for; its test file is never trained on, however few are asked for."""
    train, test = (len(read_idx(folder / places.MNIST_FILES[part])) for part in ("training labels", "test labels"))
    return asked["train"] + asked["validation"] + max(asked["test"], test) <= train + test

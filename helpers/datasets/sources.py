"""Where the files of a data set are found: staged by the user, bundled, kept from before, on the network; so tried."""

import hashlib
import shutil
from typing import NamedTuple

from helpers import places
from helpers.datasets import archives, origins
from helpers.datasets.download import Unavailable, fetch, locked
from helpers.datasets.formats import read_idx


class Found(NamedTuple):
    """A folder or file, how it came there, and if it is only a sample or nothing (None): the reason."""

    path: object
    how: str
    reason: str = ""


def staged(find):
    """What `find` sees in the folder of COURSE_DATA_DIR; None if that is not set or does not hold it."""
    root = places.staged_folder()
    return find(root) if root else None


def archive_set(origin, find):
    """The unpacked files of a data set that comes as one archive, as `Found`; with path None if they cannot be had."""
    cache, path = places.cache_folder() / origin.folder, staged(find)
    if path is not None and path.is_dir():
        return Found(path, "staged")
    try:
        if path is not None:
            about = path.stat()
            mark = hashlib.sha256(f"{path.resolve()} {about.st_size} {about.st_mtime_ns}".encode()).hexdigest()
            folder, how = _unpacked(path, cache / f"staged-{mark[:16]}", origin.max_bytes), "staged"
        elif (cache / "unpacked").is_dir():
            folder, how = cache / "unpacked", "cached"
        else:
            archive, fresh = fetch(origin.remote, cache)
            folder = _unpacked(archive, cache / "unpacked", origin.max_bytes)
            how = "downloaded" if fresh else "cached"
    except Unavailable as error:
        return Found(None, "", str(error))
    path = find(folder)
    if path is None or path.is_file():
        raise ValueError(f"The archive of {origin.name} does not hold what it should. Get it again.")
    return Found(path, how)


def _unpacked(archive, folder, max_bytes):
    """`folder` with the content of `archive`; unpacked once, however many ask at a time."""
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / f"{folder.name}.lock", archive.name):
            if not folder.is_dir():
                for rest in folder.parent.glob(f"{folder.name}-*.partial"):  # of a process that was killed
                    shutil.rmtree(rest, ignore_errors=True)
                archives.extract(archive, folder, max_bytes)
    except OSError as error:
        raise ValueError(
            f"{archive.name} cannot be unpacked, as the course's cache cannot be written ({error.strerror}). Set "
            "COURSE_CACHE_DIR to a folder of your own."
        ) from error
    return folder


def greys_set(origin, find, asked):
    """The files of MNIST or Fashion-MNIST as `Found`: the bundled sample if it suffices, or, with a reason, in need."""
    bundled = Found(places.DATA / origin.folder, f"bundled: {origin.sample}")
    path = staged(find)
    if path is not None:
        return Found(path, "staged")
    if _suffices(bundled.path, asked):
        return bundled
    if origin is origins.FASHION_MNIST and places.DEBIAN_FASHION.is_dir():
        return Found(places.DEBIAN_FASHION, "staged by Debian's dataset-fashion-mnist")
    try:
        fetched = [fetch(remote, places.cache_folder() / origin.folder) for remote in origin.remotes]
        return Found(fetched[0][0].parent, "downloaded" if any(fresh for _, fresh in fetched) else "cached")
    except Unavailable as error:
        return bundled._replace(reason=str(error))


def _suffices(folder, asked):
    """Whether the sample holds all that is asked for; its test file is never trained on, however few are asked for."""
    train, test = (len(read_idx(folder / places.MNIST_FILES[part])) for part in ("training labels", "test labels"))
    return asked["train"] + asked["validation"] + max(asked["test"], test) <= train + test

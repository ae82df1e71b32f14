"""A folder that processes share: one at a time makes a thing there, and it appears whole or not at all."""

import contextlib
import errno
import shutil
import uuid


@contextlib.contextmanager
def locked(path, name=""):
    """Be the only one who makes `path`, after waiting for another who does; where `name` says what for, that is told.

    What a killed process has left of it is tidied up. On a file system without locks everybody does the work, and
    nobody tidies up.
    """
    import filelock

    lock = filelock.FileLock(path.with_name(f"{path.name}.lock"), mode=0o666)  # others may lock it too
    try:
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            if name:
                print(f"Waiting for another notebook that prepares {name} …")
            lock.acquire()
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        yield
        return
    try:
        for rest in path.parent.glob(f"{path.name}-*.partial"):
            _remove(rest)
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def whole(path):
    """Give the path for a new file or folder, which in the end becomes `path`; after an error nothing is left of it.

    A file takes the place of an older one. A folder does not: then another process was first, with the same content.
    """
    partial = partial_path(path)
    try:
        yield partial
        try:
            partial.replace(path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        _remove(partial)


def partial_path(path):
    """A path beside `path` that is free. Not one of `tempfile`'s: others may read what is written there too."""
    return path.with_name(f"{path.name}-{uuid.uuid4().hex[:8]}.partial")


def _remove(path):
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)

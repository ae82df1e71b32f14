"""Unpack archives that may be hostile: nothing is written outside the target, and the target appears whole or not."""

import errno
import gzip
import stat
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from helpers.datasets.shared import whole

CHUNK = 10**6  # bytes written at a time
MOST_FILES = 100_000  # with folders; the largest official archive holds 25,004
MOST_HEADER = 2**16  # bytes between two members of a tar file: a long name and the like
MOST_HEADERS = 50_000_000  # bytes of a tar file beside its content
OF_THE_ARCHIVE = (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENAMETOOLONG)


class _Refused(Exception):
    """The archive is whole, and still must not be unpacked; the message says why."""


def extract(archive, folder, max_bytes):
    """Unpack a .zip or .tar.gz file into `folder`, which appears complete or not at all; returns it.

    Only plain files and folders that stay inside are admitted: an archive with an absolute name, `..`, a link, a
    device, a name twice, or more than `max_bytes` of content is refused as a whole. All check sums are verified. Raises
    ValueError that says why, and OSError where the disk is to blame: it is full, or must not be written.
    """
    archive, folder = Path(archive), Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = archive.open("rb")
    except OSError as error:
        raise ValueError(f"{archive.name} cannot be read ({error.strerror}). Fetch or copy it again.") from error
    try:
        with file, whole(folder) as partial:
            partial.mkdir()
            unpack = _unpack_zip if archive.suffix == ".zip" or zipfile.is_zipfile(file) else _unpack_tar
            file.seek(0)
            unpack(file, partial, max_bytes)
    except _Refused as error:
        raise ValueError(f"{archive.name} is refused: {error} Get it again from where it is official.") from None
    except Exception as error:  # a broken archive may raise nearly anything
        if isinstance(error, OSError) and error.errno not in (None, *OF_THE_ARCHIVE):
            raise
        reason = str(getattr(error, "strerror", None) or error or type(error).__name__)[:200]  # strerror: without paths
        raise ValueError(f"{archive.name} cannot be unpacked ({reason}). Fetch or copy it again.") from error
    return folder


def _unpack_zip(file, folder, max_bytes):
    with zipfile.ZipFile(file) as opened:
        target = _Target(folder, max_bytes)
        for member in opened.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the archive was not made on Unix
            plain = kind in (0, stat.S_IFREG) and not member.is_dir()
            path = target.place(member.filename, plain, member.is_dir())
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _Refused(f"{_short(member.filename)} is compressed in a way that no official archive uses.")
            if plain:
                with opened.open(member) as source:  # verifies the check sum when its end is read
                    target.write(path, source)


def _unpack_tar(file, folder, max_bytes):
    with gzip.open(file) as unzipped:
        target, stream = _Target(folder, max_bytes), _Measured(unzipped, max_bytes + MOST_HEADERS)
        with tarfile.open(fileobj=stream, mode="r:") as opened:
            while member := opened.next():
                path = target.place(member.name, member.isreg() and not member.issparse(), member.isdir())
                if not member.isdir():
                    stream.budget = max(member.size, 0) + CHUNK
                    with opened.extractfile(member) as source:
                        target.write(path, source)
                opened.members.clear()  # which would keep each one's notes
                stream.budget = MOST_HEADER
        stream.budget = max_bytes + MOST_HEADERS
        while stream.read(CHUNK):  # tarfile stops early; gzip's check sum stands at the very end
            pass


class _Measured:
    """A file for tarfile to read, which believes the sizes in headers: an end to what it may ask for."""

    def __init__(self, file, most):
        self.file, self.most, self.budget = file, most, MOST_HEADER
        self.tell = file.tell

    def read(self, size):
        self.budget -= size
        if size < 0 or self.budget < 0 or self.tell() > self.most:
            raise _Refused("its headers are far too large.")
        return self.file.read(size)

    def seek(self, position):
        if position > self.most:
            raise _Refused("it states a size that is far too large.")
        return self.file.seek(position)


class _Target:
    """The folder that is written, and what was written so far."""

    def __init__(self, folder, max_bytes):
        self.folder, self.max_bytes, self.left = folder, max_bytes, max_bytes
        self.members, self.seen = 0, set()

    def place(self, name, plain, is_folder):
        """The path for a member, and its folder made; raises _Refused for one that must not be."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or any(sign in name for sign in "\\:\0") or not path.parts:
            raise _Refused(f"it holds {_short(name)}, a name that leads outside.")
        if not (plain or is_folder):
            raise _Refused(f"{_short(name)} is a link or a device, not a plain file.")
        self.members += 1
        if self.members > MOST_FILES:
            raise _Refused(f"it holds more than {MOST_FILES:,} files and folders.")
        if plain and str(path).casefold() in self.seen:
            raise _Refused(f"it holds {_short(name)} twice.")
        self.seen.add(str(path).casefold())
        (self.folder / (path if is_folder else path.parent)).mkdir(parents=True, exist_ok=True)
        return self.folder / path

    def write(self, path, source):
        with path.open("xb") as target:
            while chunk := source.read(min(CHUNK, self.left + 1)):
                self.left -= len(chunk)
                if self.left < 0:
                    raise _Refused(f"it holds more than {self.max_bytes:,} bytes.")
                target.write(chunk)


def _short(name):
    return repr(name[:100])

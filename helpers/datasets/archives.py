"""Unpack archives that may be hostile: nothing is written outside the target, and the target appears whole or not."""

import contextlib
import shutil
import stat
import tarfile
import uuid
import zipfile
import zlib
from pathlib import Path, PurePosixPath

CHUNK = 10**6  # bytes written at a time
MOST_FILES = 100_000  # the largest official archive holds 25,004


def extract(archive, folder, max_bytes):
    """Unpack a .zip or .tar.gz file into `folder`, which appears complete or not at all; returns it.

    Only plain files and folders that stay inside are admitted: an archive with an absolute name, `..`, a link, a
    device, a name twice, or more than `max_bytes` of content is refused as a whole. Raises ValueError that says why.
    """
    archive, folder = Path(archive), Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:8]}.partial")  # not mkdtemp: others may read it too
    partial.mkdir()
    try:
        with (zipfile.ZipFile if zipfile.is_zipfile(archive) else tarfile.open)(archive) as opened:
            members = opened.infolist() if isinstance(opened, zipfile.ZipFile) else opened
            _unpack(opened, members, partial, max_bytes)
        with contextlib.suppress(OSError):  # another process was first, with the same content
            partial.rename(folder)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise ValueError(f"{archive.name} cannot be unpacked ({error}). Fetch or copy it again.") from error
    except ValueError as error:
        raise ValueError(f"{archive.name} is refused: {error} Get it again from where it is official.") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if not folder.is_dir():
        raise ValueError(f"{archive.name} could not be put into {folder.parent.name}/. Is the disk full?")
    return folder


def _unpack(opened, members, folder, max_bytes):
    left, seen = max_bytes, set()
    for count, member in enumerate(members):
        name, plain, is_folder = _describe(member)
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or any(sign in name for sign in "\\:\0") or not path.parts:
            raise ValueError(f"it holds {name!r}, a name that leads outside.")
        if not (plain or is_folder):
            raise ValueError(f"{name!r} is a link or a device, not a plain file.")
        if is_folder:
            (folder / path).mkdir(parents=True, exist_ok=True)
            continue
        if count >= MOST_FILES or str(path).casefold() in seen:
            raise ValueError(f"it holds {name!r} twice, or more than {MOST_FILES:,} files.")
        seen.add(str(path).casefold())
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        source = opened.open(member) if isinstance(opened, zipfile.ZipFile) else opened.extractfile(member)
        with source, (folder / path).open("xb") as target:
            while chunk := source.read(min(CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise ValueError(f"it holds more than {max_bytes:,} bytes.")
                target.write(chunk)


def _describe(member):
    """Name, "is a plain file", "is a folder" of an archive's member."""
    if isinstance(member, zipfile.ZipInfo):
        kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the archive was not made on Unix
        return member.filename, kind in (0, stat.S_IFREG) and not member.is_dir(), member.is_dir()
    return member.name, member.isreg() and not member.issparse(), member.isdir()

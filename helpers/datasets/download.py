"""Fetch one file from the network: whole and checked, or not at all; once for all who share the folder."""

import errno
import shutil
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from helpers import places
from helpers.datasets.shared import locked, partial_path

FIRST_BYTE = 2.5  # seconds that one address has to look up its name, connect and send: two addresses take 5
STALL = 15.0  # seconds without a byte after which an address is given up
SLOWEST, WINDOW = 5_000, 30.0  # bytes per second, seconds: an address that sends less in so long is given up too
FORGET = 60.0  # seconds for which a failure answers at once
CHUNK = 2**14
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EFBIG)


class Unavailable(Exception):
    """A file cannot be had; the message is the reason, in a sentence."""


class _TooSlow(Exception):
    """An address sends, but so little that it would take hours."""


class _Stopped(Exception):
    """Nobody waits for this transfer any more."""


@dataclass(frozen=True)
class Remote:
    """A file on the network: its name here, its size in bytes, its hash ("sha256:…" or "md5:…"), its addresses."""

    name: str
    size: int
    known_hash: str
    urls: tuple


_failed = {}  # (file, folder): (reason, when). One failure answers for a while.


def fetch(remote, folder):
    """Return (path, fresh): the file of `remote` in `folder`, downloaded if it is not there; `fresh` if so.

    The addresses are tried in turn. Raises Unavailable with the reason, within about 6 seconds if none answers; then
    again at once for a minute. Processes that share `folder` download once; those that had to wait share the failure
    too.
    """
    folder = Path(folder)
    key = remote, str(folder)
    try:
        if key in _failed and time.monotonic() - _failed[key][1] > FORGET:
            del _failed[key]
        return _fetch(remote, folder, _failed.get(key, ("",))[0])
    except Unavailable as error:
        if not places.offline():
            _failed.setdefault(key, (str(error), time.monotonic()))
        raise
    except OSError as error:
        why = f"the folder for downloads cannot be used ({error.strerror}); COURSE_CACHE_DIR names another one"
        raise Unavailable(why) from error


def _fetch(remote, folder, failure):
    import pooch

    path, note, began = folder / remote.name, folder / f"{remote.name}.failed", time.time()

    def is_there():
        return path.is_file() and pooch.hashes.hash_matches(path, remote.known_hash)

    if is_there():
        return path, False
    if places.offline():
        raise Unavailable("COURSE_OFFLINE forbids the network")
    if failure:
        raise Unavailable(failure)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(path, remote.name):
        if is_there():
            return path, False  # another process fetched it while we waited
        if note.is_file() and note.stat().st_mtime >= began:
            raise Unavailable(note.read_text(encoding="utf-8"))
        try:
            _from_first_that_answers(remote, path)
        except Unavailable as error:
            note.write_text(str(error), encoding="utf-8")
            raise
        note.unlink(missing_ok=True)
    return path, True


def _from_first_that_answers(remote, path):
    reasons, aside = [], partial_path(path)
    for url in remote.urls:
        transfer = _Transfer(remote, url, aside)
        try:
            transfer.run()
            # What pooch writes is for its owner alone; this is what a new file is for: everybody, within the umask.
            (aside / "new").touch()
            (aside / path.name).chmod((aside / "new").stat().st_mode & 0o777)
            (aside / path.name).replace(path)
            return
        except Exception as error:
            if isinstance(error, OSError) and error.errno in OF_THE_DISK:
                raise
            reasons.append(f"{url.split('/')[2]}: {_in_words(error)}")
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    raise Unavailable(f"{remote.name} could not be downloaded ({'; '.join(reasons)})")


class _Transfer:
    """One attempt, in a thread of its own: a name server that does not answer cannot be interrupted, only left."""

    def __init__(self, remote, url, folder):
        self.remote, self.url, self.folder = remote, url, folder
        self.first_byte, self.done = threading.Event(), threading.Event()
        self.stopped, self.error, self.received = False, None, 0

    def run(self):
        import pooch  # noqa: F401  # here, as on a busy machine this takes seconds that are not the network's
        import requests
        import tqdm  # noqa: F401

        threading.Thread(target=self._work, daemon=True).start()
        try:
            deadline = time.monotonic() + FIRST_BYTE
            while not (self.first_byte.is_set() or self.done.is_set()):
                if (left := deadline - time.monotonic()) <= 0:
                    raise TimeoutError
                self.first_byte.wait(min(left, 0.05))
            since, before = time.monotonic(), 0
            while not self.done.wait(0.2):  # in pieces, so that "Interrupt the kernel" works everywhere
                if time.monotonic() - since > WINDOW:
                    if self.received - before < SLOWEST * WINDOW:
                        raise _TooSlow
                    since, before = time.monotonic(), self.received
        finally:
            self.stopped = True
        if isinstance(self.error, requests.exceptions.ReadTimeout) and not self.first_byte.is_set():
            raise TimeoutError from self.error
        if self.error:
            raise self.error

    def _work(self):
        import pooch

        try:
            pooch.get_logger().setLevel("ERROR")
            wanted = {"known_hash": self.remote.known_hash, "fname": self.remote.name, "path": self.folder}
            pooch.retrieve(self.url, **wanted, downloader=self._stream)  # to a file beside it; checks; renames
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()

    def _stream(self, url, output_file, _):
        import pooch
        from tqdm import tqdm

        bar = {"total": self.remote.size, "unit": "B", "unit_scale": True, "leave": False, "file": sys.stderr}
        with open(output_file, "wb") as self.file, tqdm(desc=self.remote.name, delay=0.5, **bar) as progress:
            pooch.HTTPDownloader(
                progressbar=progress,
                chunk_size=CHUNK,
                timeout=(FIRST_BYTE, STALL),
                hooks={"response": self._answered},
                headers={"Accept-Encoding": "identity", "User-Agent": "image-classification-course"},
            )(url, self, None)

    def _answered(self, response, **_):
        if not response.is_redirect:
            self.first_byte.set()

    def write(self, chunk):
        """What the downloader writes to: counts, and ends a transfer that is too long or no longer wanted."""
        self.received += len(chunk)
        if self.stopped:
            raise _Stopped
        if self.received > self.remote.size:
            raise ValueError("more bytes than the file has")
        self.file.write(chunk)

    def flush(self):
        """The file is flushed when it is closed."""


def _in_words(error):
    import requests

    if isinstance(error, TimeoutError | requests.exceptions.ConnectTimeout):
        return f"no answer within {FIRST_BYTE:g} s"
    if isinstance(error, _TooSlow):
        return f"it sends less than {SLOWEST:,} bytes a second"
    if isinstance(error, requests.exceptions.HTTPError):
        return f"it answers {error.response.status_code}"
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return "it redirects without end"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.exceptions.ReadTimeout):
        return "it stopped sending"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "it stopped sending" if "Read timed out" in str(error) else "no connection"
    if isinstance(error, ValueError) and not isinstance(error, requests.exceptions.RequestException):
        return "what it sends is not the file"
    return getattr(error, "strerror", None) or type(error).__name__

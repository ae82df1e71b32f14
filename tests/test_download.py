"""Downloads under every fault that a classroom's network offers, against a server on this machine."""

import contextlib
import errno
import hashlib
import http.server
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import filelock
import pytest

from helpers import datasets, places
from helpers.datasets import download, shared
from helpers.datasets.download import Remote, Unavailable, fetch

CONTENT = random.Random(1).randbytes(300_000)
LENGTH = len(CONTENT)
ROOT = places.DATA.parent
ONE_FETCH = """
import sys
from helpers.datasets import download
from helpers.datasets.download import Remote, Unavailable, fetch
download.FIRST_BYTE = 30  # thirty of these start at a time: the processor is what is slow
name, size, known_hash, folder, *urls = sys.argv[1:]
try:
    path, fresh = fetch(Remote(name, int(size), known_hash, tuple(urls)), folder)
    print("fresh" if fresh else "found", path.stat().st_size)
except Unavailable as error:
    print("unavailable:", error)
"""


class Handler(http.server.BaseHTTPRequestHandler):
    """Does what the first part of the path says, and counts."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked[self.path] += 1
        _, kind, *details = self.path.split("/")
        with_faults = getattr(self, f"do_{kind}")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            with_faults(*details)

    def head(self, length=LENGTH, status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": length, **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()

    def do_whole(self):
        self.head()
        self.wfile.write(CONTENT)

    def do_slowly(self):
        """Takes long enough for everybody else to arrive."""
        self.head()
        self.wfile.write(CONTENT[:1000])
        self.wfile.flush()
        self.server.release.wait(30)
        self.wfile.write(CONTENT[1000:])

    def do_cut(self, offset):
        self.head()
        self.wfile.write(CONTENT[: int(offset)])
        self.close_connection = True

    def do_unannounced(self, offset):
        """No length is announced, so only the hash can tell that the end is missing."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(CONTENT[: int(offset)])
        self.close_connection = True

    def do_hold(self, offset):
        """Stops after some bytes, keeping the connection."""
        self.head()
        self.wfile.write(CONTENT[: int(offset)])
        self.wfile.flush()
        self.server.held.put(offset) if hasattr(self.server, "held") else None
        self.server.release.wait(30)
        self.close_connection = True

    def do_trickle(self):
        """Never silent, never done."""
        self.head()
        for offset in range(0, 300):
            self.wfile.write(CONTENT[offset : offset + 1])
            self.wfile.flush()
            if self.server.release.wait(0.05):
                break
        self.close_connection = True

    def do_silence(self):
        self.server.release.wait(30)
        self.close_connection = True

    def do_wrong(self):
        self.head()
        self.wfile.write(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))

    def do_longer(self):
        self.head(length=len(CONTENT) + 9)
        self.wfile.write(CONTENT + b"and more.")

    def do_endless(self):
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(CONTENT)

    def do_portal(self):
        page = b"<html>Welcome to our Wi-Fi. Please log in.</html>"
        self.head(length=len(page), **{"Content-Type": "text/html"})
        self.wfile.write(page)

    def do_missing(self):
        self.head(length=0, status=404)

    def do_redirect(self):
        self.head(length=0, status=302, Location="/whole")

    def do_loop(self):
        self.head(length=0, status=302, Location="/loop")

    def do_compressed(self):
        """Answers as servers do that call .gz files an encoding: only honest if the client has asked for one."""
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            self.head(**{"Content-Encoding": "gzip"})
        else:
            self.head()
        self.wfile.write(CONTENT)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.release, server.daemon_threads = Counter(), threading.Event(), True
        server.request_queue_size = 64
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.release.set()
        server.shutdown()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Seconds instead of many seconds, no memory of earlier tests, and the network allowed."""
    monkeypatch.setattr(download, "FIRST_BYTE", 1.0)
    monkeypatch.setattr(download, "STALL", 1.0)
    monkeypatch.setattr(download, "WINDOW", 1.0)
    monkeypatch.setattr(download, "_failed", {})
    monkeypatch.delenv("COURSE_OFFLINE", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def remote(server, *paths, name="file.bin"):
    known_hash = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    return Remote(name, len(CONTENT), known_hash, tuple(f"http://127.0.0.1:{server.server_port}{p}" for p in paths))


def only_locks_and_notes(folder):
    return all(path.suffix in (".lock", ".failed") for path in folder.iterdir())


def fetch_elsewhere(wanted, folder, **options):
    arguments = [wanted.name, str(wanted.size), wanted.known_hash, str(folder), *wanted.urls]
    command = [sys.executable, "-c", ONE_FETCH, *arguments]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def test_a_file_is_fetched_once_and_then_kept(server, tmp_path):
    wanted = remote(server, "/whole")
    path, fresh = fetch(wanted, tmp_path / "new" / "folder")
    assert fresh and path.read_bytes() == CONTENT
    assert fetch(wanted, tmp_path / "new" / "folder") == (path, False)
    assert server.asked == {"/whole": 1}
    assert sorted(file.name for file in path.parent.iterdir() if file.suffix != ".lock") == ["file.bin"]


def test_a_kept_file_that_was_damaged_is_fetched_again(server, tmp_path):
    wanted = remote(server, "/whole")
    path, _ = fetch(wanted, tmp_path)
    path.write_bytes(CONTENT[:-1])
    assert fetch(wanted, tmp_path) == (path, True)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["cut", "unannounced"])
@pytest.mark.parametrize("offset", [0, *random.Random(2).sample(range(1, len(CONTENT)), 9)])
def test_a_connection_cut_at_any_byte_leaves_nothing(server, tmp_path, monkeypatch, kind, offset):
    with pytest.raises(Unavailable, match=r"file\.bin could not be downloaded \(127\.0\.0\.1:\d+: "):
        fetch(remote(server, f"/{kind}/{offset}"), tmp_path)
    assert only_locks_and_notes(tmp_path)
    monkeypatch.setattr(download, "_failed", {})
    path, fresh = fetch(remote(server, "/whole"), tmp_path)
    assert fresh and path.read_bytes() == CONTENT


def test_a_process_killed_at_any_byte_leaves_nothing_that_is_used(server, tmp_path):
    import queue

    server.held = queue.Queue()
    offsets = random.Random(3).sample(range(1, len(CONTENT)), 10)
    workers = {str(o): fetch_elsewhere(remote(server, f"/hold/{o}"), tmp_path / str(o)) for o in offsets}
    for _ in offsets:
        offset = server.held.get(timeout=60)
        time.sleep(0.05)
        workers[offset].kill()
        workers[offset].communicate()
        assert not (tmp_path / offset / "file.bin").exists()
    for offset in offsets:
        path, fresh = fetch(remote(server, "/whole"), tmp_path / str(offset))
        assert fresh and path.read_bytes() == CONTENT
        assert {file.name for file in path.parent.iterdir()} <= {"file.bin", "file.bin.lock"}


FAULTS = {
    "/missing": "it answers 404",
    "/wrong": "what it sends is not the file",
    "/longer": "what it sends is not the file",
    "/endless": "what it sends is not the file",
    "/portal": "what it sends is not the file",
    "/cut/1000": "the connection broke off",
    "/loop": "it redirects without end",
    "/silence": "no answer within 1 s",
    "/hold/1000": "it stopped sending|it sends less than",
    "/trickle": "it sends less than 5,000 bytes a second",
}


@pytest.mark.parametrize(("path", "reason"), FAULTS.items())
def test_a_fault_is_named_and_the_second_address_helps(server, tmp_path, path, reason):
    with pytest.raises(Unavailable, match=reason):
        fetch(remote(server, path), tmp_path / "alone")
    assert only_locks_and_notes(tmp_path / "alone")
    found, fresh = fetch(remote(server, path, "/whole"), tmp_path / "both")
    assert fresh and found.read_bytes() == CONTENT
    assert server.asked["/whole"] == 1


def test_the_second_address_is_left_alone_if_the_first_serves(server, tmp_path):
    fetch(remote(server, "/whole", "/missing"), tmp_path)
    assert server.asked == {"/whole": 1}


@pytest.mark.parametrize("path", ["/redirect", "/compressed"])
def test_redirects_and_encodings_are_harmless(server, tmp_path, path):
    found, _ = fetch(remote(server, path), tmp_path)
    assert found.read_bytes() == CONTENT


def test_thirty_processes_on_one_folder_download_once(server, tmp_path):
    workers = [fetch_elsewhere(remote(server, "/slowly"), tmp_path) for _ in range(30)]
    time.sleep(2)
    server.release.set()
    said = [worker.communicate(timeout=120) for worker in workers]
    last = [out.splitlines()[-1] for out, _ in said]
    assert Counter(last) == {f"fresh {len(CONTENT)}": 1, f"found {len(CONTENT)}": 29}
    assert server.asked == {"/slowly": 1}
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert not any("Traceback" in errors for _, errors in said)


def test_those_who_waited_share_the_failure(server, tmp_path):
    wanted = remote(server, "/missing")
    with shared.locked(tmp_path / "file.bin", "file.bin"):
        worker = fetch_elsewhere(wanted, tmp_path, env=os.environ | {"PYTHONUNBUFFERED": "1"})
        assert "Waiting for another notebook that prepares file.bin" in worker.stdout.readline()
        (tmp_path / "file.bin.failed").write_text("the room has no network", encoding="utf-8")
    said, _ = worker.communicate(timeout=30)
    assert said == "unavailable: the room has no network\n"
    assert not server.asked


def test_an_old_failure_of_others_does_not_count(server, tmp_path):
    (tmp_path / "file.bin.failed").write_text("an hour ago", encoding="utf-8")
    os.utime(tmp_path / "file.bin.failed", (time.time() - 3600,) * 2)
    assert fetch(remote(server, "/whole"), tmp_path)[1]
    assert not (tmp_path / "file.bin.failed").exists()


def test_a_failure_is_remembered_for_a_minute(server, tmp_path, monkeypatch):
    for _ in range(3):
        with pytest.raises(Unavailable, match="404"):
            fetch(remote(server, "/missing"), tmp_path)
    assert server.asked == {"/missing": 1}
    monkeypatch.setattr(download, "FORGET", 0.0)
    time.sleep(0.02)
    with pytest.raises(Unavailable, match="404"):
        fetch(remote(server, "/missing"), tmp_path)
    assert server.asked == {"/missing": 2}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_others_may_read_what_one_has_fetched(server, tmp_path):
    before = os.umask(0o022)
    try:
        path, _ = fetch(remote(server, "/whole"), tmp_path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.with_name("file.bin.lock").stat().st_mode & 0o777 == 0o666


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP])
def test_a_file_system_without_locks_will_do(server, tmp_path, monkeypatch, code):
    """Everybody fetches there, and none takes away what another one is writing."""
    (tmp_path / "file.bin-1234.partial").mkdir()

    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    path, fresh = fetch(remote(server, "/whole"), tmp_path)
    assert fresh and path.read_bytes() == CONTENT
    assert [rest.name for rest in tmp_path.glob("*.partial")] == ["file.bin-1234.partial"]


def test_what_a_killed_process_has_left_is_tidied_up(server, tmp_path):
    (tmp_path / "file.bin-1234.partial").mkdir()
    fetch(remote(server, "/whole"), tmp_path)
    assert not list(tmp_path.glob("*.partial"))


def test_a_kept_file_that_may_not_be_read_is_a_reason(server, tmp_path, monkeypatch):
    fetch(remote(server, "/whole"), tmp_path)
    is_file = Path.is_file

    def guarded(path):
        if path.name == "file.bin":
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", guarded)
    with pytest.raises(
        Unavailable, match=r"the folder for downloads cannot be used \(Permission denied\); COURSE_CACHE"
    ):
        fetch(remote(server, "/whole"), tmp_path)


def test_a_full_disk_is_not_blamed_on_the_address(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download._Transfer, "write", full)
    with pytest.raises(Unavailable, match=r"^the folder for downloads cannot be used \(No space left on device\)"):
        fetch(remote(server, "/whole"), tmp_path)
    assert only_locks_and_notes(tmp_path)


def test_offline_means_that_nobody_is_asked(server, tmp_path, monkeypatch):
    kept, _ = fetch(remote(server, "/whole"), tmp_path)
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was asked"))
    assert fetch(remote(server, "/whole"), tmp_path) == (kept, False)
    with pytest.raises(Unavailable, match="COURSE_OFFLINE"):
        fetch(remote(server, "/whole", name="other.bin"), tmp_path)
    assert server.asked == {"/whole": 1}


def test_nobody_at_the_other_end(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gone = Remote("file.bin", 1, "sha256:00", (f"http://127.0.0.1:{port}/", "http://no-such-host.invalid/"))
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+: no connection; no-such-host\.invalid: no "):
        fetch(gone, tmp_path)


def test_a_folder_that_cannot_be_used_is_a_reason_too(server, tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(Unavailable, match="COURSE_CACHE_DIR names another one"):
        fetch(remote(server, "/whole"), tmp_path / "taken")


def test_no_network_costs_less_than_ten_seconds_in_all(tmp_path, monkeypatch, capsys):
    """The name server does not answer, which no time-out of a connection covers. Nothing is shortened here."""
    monkeypatch.undo()
    monkeypatch.setattr(download, "_failed", {})
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("COURSE_OFFLINE", raising=False)
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: asked.append(host) or time.sleep(60))
    began = time.monotonic()
    digits = datasets.mnist(train=50_000, validation=5_000, test=10_000)
    assert time.monotonic() - began < 10
    assert digits.counts() == {"train": 3000, "validation": 1000, "test": 1000}
    assert not digits.stand_in
    said = capsys.readouterr().out
    assert "ONLY A SAMPLE OF MNIST" in said and "no answer within 2.5 s" in said
    assert len(set(asked)) == len(asked) == 2
    datasets.mnist(train=50_000, validation=5_000, test=10_000)
    assert len(asked) == 2  # the failure answers for a while


def test_what_is_shared_appears_whole_or_not_at_all(tmp_path):
    file, folder = tmp_path / "file", tmp_path / "folder"
    for text in ("first", "second"):
        with shared.whole(file) as partial:
            partial.write_text(text)
    with shared.whole(folder) as partial:
        partial.mkdir()
        (partial / "mine").touch()
    for path in (file, folder):
        with pytest.raises(OSError, match="full"), shared.whole(path) as partial:
            partial.write_text("half")
            raise OSError("full")
    with shared.whole(folder) as partial:  # another process was first
        partial.mkdir()
        (partial / "later").touch()
    assert file.read_text() == "second"
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        "file",
        "folder",
        "folder/mine",
    ]

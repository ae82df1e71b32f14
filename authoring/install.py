"""Create .venv and install the locked packages into it: `make lab` and `make test` begin with this.

    python authoring/install.py

Standard library only, plain syntax and plain letters, so that an older Python, even a 2.7, can still say what is wrong.
A finished installation is recognised by its stamp; the next call then takes no time.
"""

from __future__ import print_function

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "Scripts", "python.exe") if os.name == "nt" else os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "installed")
LOG = os.path.join(ROOT, "build", "install.log")
LOCK = os.path.join(ROOT, "requirements.lock")
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"
SECONDS_BETWEEN_LINES = 15  # of progress, where nobody looks on
OLDEST, NEWEST = (3, 11), (3, 13)
GIGABYTES = 4  # 2.4 for .venv, the rest for what pip unpacks meanwhile

BROKEN_CONNECTION = "The connection broke during a download. Run the same command again; what is there is kept."

# What pip writes when something outside it is wrong, and what to do about it. The first match counts.
REASONS = [
    (
        "not enough space on the disk",
        "The disk is full. Free {} GB, then run the same command again.".format(GIGABYTES),
    ),
    ("No space left", "The disk is full. Free {} GB, then run the same command again.".format(GIGABYTES)),
    (
        "THESE PACKAGES DO NOT MATCH THE HASHES",
        "A downloaded package differs from the one in the lock. Run 'pip cache purge', then the same command again.",
    ),
    ("IncompleteRead", BROKEN_CONNECTION),
    ("Connection reset", BROKEN_CONNECTION),
    ("Read timed out", BROKEN_CONNECTION),
    ("Permission denied", "This folder may not be written to. Copy the course to a folder of your own."),
    (
        "No matching distribution",
        "pip finds no package for this machine: either no package registry can be reached (check the network or the "
        "proxy setting HTTPS_PROXY), or the platform has no TensorFlow (Intel Macs, 32-bit systems).",
    ),
]


def wrong_python(version):
    """Return a sentence if the course does not run on this Python version, else None."""
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        return None
    return (
        "The course needs Python 3.11, 3.12 or 3.13; this is {}.{}. Install one of them (python.org, or your system's "
        "package 'python3.12'), then name it: make lab PYTHON=python3.12".format(*version[:2])
    )


def too_little_space(free_bytes):
    """Return a sentence if the disk has no room for the packages, else None."""
    if free_bytes >= GIGABYTES * 10**9:
        return None
    return "The installation needs {} GB of free disk; there are {:.1f} GB. Free some space, then try again.".format(
        GIGABYTES, free_bytes / 10**9
    )


def no_venv():
    """Return a sentence if this Python cannot make virtual environments (Debian packs that part apart), else None."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        package = "python{}.{}-venv".format(*sys.version_info[:2])
        return "This Python has no venv module. On Debian or Ubuntu: sudo apt install {}".format(package)
    return None


def reason(log):
    """Turn the end of pip's log into one sentence that says what to do."""
    for sign, sentence in REASONS:
        if sign in log:
            return sentence
    return "pip could not install the packages."


def wanted_stamp():
    """What the stamp of an up-to-date installation says: a digest of everything that decides what is installed."""
    digest = hashlib.sha256(VENV.encode())
    for path in (LOCK, os.path.join(ROOT, "pyproject.toml"), os.path.abspath(__file__)):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def installed():
    """True if .venv holds what the lock says and its Python still starts."""
    try:
        with open(STAMP) as file:
            if file.read() != wanted_stamp():
                return False
        return subprocess.call([PYTHON, "-c", ""]) == 0
    except OSError:
        return False


def usable_venv():
    """True if .venv has a Python that starts, is of the right version and has pip."""
    code = "import pip, sys; sys.exit(not {} <= sys.version_info[:2] <= {})".format(OLDEST, NEWEST)
    try:
        return subprocess.call([PYTHON, "-c", code], stderr=subprocess.DEVNULL) == 0
    except OSError:  # missing, or built for another processor
        return False


def run_pip(arguments, expected):
    """Run pip with its output in the log and a counter on screen; end with one sentence if it fails."""
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install"]
    command.extend(arguments)  # a star in a list is no syntax of Python 2
    progress, done = Progress(), 0
    with open(LOG, "a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in process.stdout:
            log.write(line)
            if line.startswith(("Collecting", "Processing")):
                done += 1
                progress.show("  {} of {} packages fetched".format(done, expected))
            elif line.startswith("Installing collected"):
                progress.show("  {} packages fetched, unpacking them".format(done), much=done > 1)
    progress.end()
    if process.wait() != 0:
        with open(LOG) as log:
            fail(reason(log.read()[-20000:]) + " pip's own words are in build/install.log.")


class Progress:
    """One line that is written over where a person looks on; in a log file a new line every so often."""

    def __init__(self):
        self.person = sys.stdout.isatty()
        self.last = time.time()

    def show(self, text, much=False):
        """Show the text; in a log only if the last line is a while ago, or if there is `much` to wait for now."""
        if self.person:
            print("\r" + text.ljust(60), end="")
        elif much or time.time() - self.last >= SECONDS_BETWEEN_LINES:
            print(text)
            self.last = time.time()
        sys.stdout.flush()

    def end(self):
        """Leave the line that is written over."""
        if self.person:
            print()


def fail(sentence):
    """Stop with one clear sentence."""
    sys.exit("\n" + sentence)


def no_announcements():
    """Switch off JupyterLab's question about news, which covers a corner of the page, and its look for updates."""
    folder = os.path.join(VENV, "etc", "jupyter", "labconfig")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "page_config.json")
    try:
        with open(path) as file:
            settings = json.load(file)
    except (OSError, ValueError):
        settings = {}
    settings.setdefault("disabledExtensions", {})[ANNOUNCEMENTS] = True  # the rest stays as it is
    with open(path, "w") as file:
        json.dump(settings, file)


def main():
    """Install unless that is done already."""
    if installed():
        return
    # In this order: an old Python lacks what the later ones ask for.
    problem = wrong_python(sys.version_info) or no_venv() or too_little_space(shutil.disk_usage(ROOT).free)
    if problem:
        fail(problem)
    start = time.time()
    print("Installing the course into .venv (once; two to five minutes and 2.4 GB) ...", flush=True)
    try:
        os.makedirs(os.path.dirname(LOG), exist_ok=True)
        open(LOG, "w").close()
        import venv

        if os.path.exists(STAMP):
            os.remove(STAMP)  # from here on .venv is neither the old nor the new installation
        if not usable_venv():
            venv.create(VENV, with_pip=True, clear=os.path.exists(VENV), symlinks=os.name != "nt")
        with open(LOCK) as lock:
            expected = sum("==" in line and not line.startswith((" ", "#")) for line in lock)
        run_pip(["--require-hashes", "-r", LOCK], expected)
        # The project itself: linked, so that an edited helper counts at once; nothing is fetched.
        run_pip(["--no-deps", "--no-build-isolation", "--editable", ROOT], 1)
        no_announcements()
        with open(STAMP, "w") as file:
            file.write(wanted_stamp())
    except KeyboardInterrupt:
        fail("Interrupted. The same command goes on where it stopped.")
    except (OSError, subprocess.CalledProcessError) as error:
        fail("{} ({})".format(reason(str(error)), error))
    print("Installed in {:.0f} seconds.".format(time.time() - start), flush=True)


if __name__ == "__main__":
    main()

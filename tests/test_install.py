"""Two commands on a fresh machine: what goes wrong outside the course ends in one clear sentence."""

import ast
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from authoring import environment, install

ROOT = Path(install.ROOT)
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = {
    "Linux x86-64": {"sys_platform": "linux", "platform_machine": "x86_64", "os_name": "posix"},
    "Linux aarch64": {"sys_platform": "linux", "platform_machine": "aarch64", "os_name": "posix"},
    "macOS arm64": {"sys_platform": "darwin", "platform_machine": "arm64", "os_name": "posix"},
    "Windows": {"sys_platform": "win32", "platform_machine": "AMD64", "os_name": "nt"},
}
SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}


@pytest.mark.parametrize("version", [(3, 10, 4), (3, 14, 0), (3, 6, 15)])
def test_a_wrong_python_is_told_what_to_do(version):
    sentence = install.wrong_python(version)
    assert "needs Python 3.11, 3.12 or 3.13" in sentence
    assert "make lab PYTHON=" in sentence


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 9), (3, 13, 1)])
def test_a_right_python_is_let_through(version):
    assert install.wrong_python(version) is None


def test_a_full_disk_is_told_what_to_do():
    assert install.too_little_space(10**10) is None
    assert "needs 4 GB of free disk; there are 1.5 GB" in install.too_little_space(1_500_000_000)


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("Temporary failure in name resolution\nERROR: No matching distribution found for absl-py==2.5.1", "registry"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE",
            "differs from the one in the lock",
        ),
        ("PermissionError: [Errno 13] Permission denied: 'x'", "folder of your own"),
        ("urllib3.exceptions.ReadTimeoutError: Read timed out.", "connection broke"),
        ("something else", "pip could not install"),
    ],
)
def test_what_pip_says_becomes_one_sentence(log, sentence):
    assert sentence in install.reason(log)


def test_no_registry_ends_in_one_sentence(tmp_path, monkeypatch):
    """The real pip against an address on which nothing listens."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setattr(install, "LOG", str(tmp_path / "install.log"))
    monkeypatch.setattr(install, "PYTHON", sys.executable)
    (tmp_path / "install.log").touch()
    with pytest.raises(SystemExit) as caught:
        install.run_pip(["--no-cache-dir", "--target", str(tmp_path), "a-package-that-nobody-has==1.0"], 1)
    assert "no package registry can be reached" in str(caught.value)


def test_an_old_python_two_could_say_it_too():
    """No star in a list, no letter outside ASCII: Python 2 would end with a SyntaxError before it says anything."""
    text = Path(install.__file__).read_bytes()
    assert text.isascii()
    stars = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.List | ast.Tuple | ast.Set)]
    assert not any(isinstance(element, ast.Starred) for node in stars for element in node.elts)
    assert not any(isinstance(node, ast.JoinedStr | ast.NamedExpr | ast.Nonlocal) for node in ast.walk(ast.parse(text)))


@pytest.mark.skipif(not shutil.which("python2.7"), reason="there is no Python 2.7 here to be told that it is too old")
def test_a_python_two_is_told_what_to_do():
    run = subprocess.run(["python2.7", install.__file__], capture_output=True, text=True)
    if "python2.7" in run.stderr and run.returncode == 127:  # pyenv's name for a version that is not switched on
        pytest.skip("python2.7 is a name without a Python behind it")
    assert run.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13; this is 2.7" in run.stderr


def test_progress_in_a_log_is_a_line_every_so_often(capsys, monkeypatch):
    clock = iter([0, 1, 14, 15, 15, 16, 20, 20])
    monkeypatch.setattr(install.time, "time", lambda: next(clock))
    progress = install.Progress()
    for count in range(4):  # at 1, 14, 15 and 16 seconds
        progress.show(f"{count} of 9")
    progress.show("unpacking", much=True)
    progress.end()
    assert capsys.readouterr().out == "2 of 9\nunpacking\n"


def test_progress_before_a_person_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(install.sys.stdout, "isatty", lambda: True)
    progress = install.Progress()
    progress.show("1 of 9")
    progress.show("2 of 9")
    progress.end()
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.split() == ["1", "of", "9", "2", "of", "9"]


def test_jupyterlab_asks_about_no_news(tmp_path, monkeypatch):
    """JupyterLab itself, asked from the folder in which the installer left its setting."""
    monkeypatch.setattr(install, "VENV", str(tmp_path))
    settings = tmp_path / "etc" / "jupyter" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"disabledExtensions": {"somebody-elses": true}, "own": 1}')
    install.no_announcements()
    assert json.loads(settings.read_text())["disabledExtensions"]["somebody-elses"] is True
    env = os.environ | {"JUPYTER_CONFIG_PATH": str(tmp_path / "etc" / "jupyter")}
    run = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"], env=env, capture_output=True, text=True
    )
    disabled = (run.stdout + run.stderr).partition("Disabled extensions:")[2]
    assert install.ANNOUNCEMENTS in disabled


def make(*arguments, **env):
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=ROOT, env=os.environ | env, capture_output=True, text=True
    )


def test_make_names_a_python_that_is_missing_or_too_old(tmp_path):
    run = make("install", "PYTHON=python-of-nowhere")
    assert run.returncode != 0
    assert "No Python found under the name python-of-nowhere" in run.stderr
    old = tmp_path / "python-old"
    # Answers like Python 3.9: it starts, but is not new enough; then it runs the installer's own check.
    code = "import sys; sys.version_info = (3, 9, 1); import runpy; runpy.run_path(sys.argv[1], run_name='__main__')"
    old.write_text(
        f'#!/bin/sh\nif [ "$1" = -c ]; then case "$2" in *version_info*) exit 1;; *) exit 0;; esac; fi\n'
        f'exec {sys.executable} -c "{code}" {tmp_path}/install.py\n'
    )
    old.chmod(0o755)
    text = Path(install.__file__).read_text(encoding="utf-8")
    (tmp_path / "install.py").write_text(text.replace("def installed():", "def installed():\n    return False"))
    run = make("install", f"PYTHON={old}")
    assert run.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13; this is 3.9" in run.stderr


def test_make_help_lists_every_command():
    listed = make("help").stdout
    for command in ("lab", "test", "course", "notebooks", "solutions", "check", "lock", "record"):
        assert re.search(rf"^make {command} +\w", listed, re.MULTILINE), command


def test_make_test_goes_on_after_a_stage_that_failed(tmp_path):
    """A stand-in for Python that fails in two of the stages."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$*" in *authoring.check*|*tests/test_lessons.py) exit 3;; esac\n')
    python.chmod(0o755)
    run = make("test", f"RUN={python}", f"PYTHON={python}")
    assert run.returncode != 0
    assert [line for line in run.stdout.splitlines() if line.startswith("== ")] == [
        f"== make {stage}" for stage in ("lint", "check", "units", "lessons", "outputs")
    ]
    verdict = [line for line in run.stderr.splitlines() if line.startswith("make test:")]
    assert verdict == ["make test: not everything works; to repeat it: make check lessons"], run.stderr
    python.write_text("#!/bin/sh\n")
    run = make("test", f"RUN={python}", f"PYTHON={python}")
    assert run.returncode == 0
    assert run.stdout.splitlines()[-1] == "make test: everything works."


def test_make_lab_takes_arguments_and_keeps_the_token():
    shown = make("--dry-run", "lab", "LAB_ARGS=--no-browser --port 8899").stdout
    assert "--no-browser --port 8899" in shown
    assert "/lab/tree/notebooks/0" in shown
    assert "token" not in shown


def get(address):
    try:
        return urllib.request.urlopen(address, timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


@pytest.mark.skipif(os.name == "nt", reason="the README names the commands for Windows, which has no make")
def test_make_lab_answers_and_asks_for_its_token():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/api"
    arguments = f"LAB_ARGS=--no-browser --allow-root --port {port} --ServerApp.port_retries=0"
    with subprocess.Popen(
        ["make", "lab", arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as lab:
        try:
            deadline = time.time() + 180
            while get(address) != 200 and time.time() < deadline:
                time.sleep(0.3)
            assert get(address) == 200
            assert get(f"{address}/contents") == 403, "the notebooks can be read without the token"
        finally:
            os.killpg(lab.pid, signal.SIGTERM)


def holds(requirement, python, platform):
    marker_environment = platform | {
        "python_version": python,
        "python_full_version": f"{python}.0" if python != "3.11" else "3.11.7",
        "platform_system": SYSTEMS[platform["sys_platform"]],
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return requirement.marker is None or requirement.marker.evaluate(marker_environment)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", PLATFORMS)
def test_the_lock_gives_every_platform_one_of_each(python, system):
    chosen = [r for r in environment.locked_requirements() if holds(r, python, PLATFORMS[system])]
    names = [requirement.name for requirement in chosen]
    assert len(names) == len(set(names))
    engine = {"tensorflow", "tensorflow-cpu"} & set(names)
    assert engine == ({"tensorflow-cpu"} if system in ("Linux x86-64", "Windows") else {"tensorflow"})
    for spec, _ in environment.dependency_lines([*environment.TABLES, "author"]):
        wanted = Requirement(spec)
        if holds(wanted, python, PLATFORMS[system]):
            (locked,) = [requirement for requirement in chosen if requirement.name == wanted.name]
            (pin,) = locked.specifier
            assert wanted.specifier.contains(pin.version), f"{locked} is outside {spec}"


def test_the_lock_has_hashes_and_no_addresses():
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    requirements = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(requirements) > 100
    assert all("--hash=sha256:" in requirement for requirement in requirements)


def test_the_package_itself_does_not_demand_tensorflow():
    text = (ROOT / "pyproject.toml").read_text()
    core = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)[1]
    names = set(re.findall(r'^    "([a-z0-9-]+)', core, re.MULTILINE))
    assert "keras-tuner" in names  # which takes the Keras that is there
    assert not names & {"keras", "tensorflow", "tensorflow-cpu"}


def test_environment_yml_is_what_pyproject_says():
    assert list(environment.environment_drift()) == []

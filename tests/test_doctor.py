"""The doctor: it never raises, starts no TensorFlow, keeps names private, and says what is wrong."""

import os
import re
import subprocess
import sys
from collections import namedtuple

import pytest

from authoring.style import ABSOLUTE_PATH
from helpers import doctor, places

NAMES = ["Python", "kernel", "packages", "widgets", "memory", "free disk", "graphics card", "switches"]


@pytest.fixture(autouse=True)
def plain_switches(monkeypatch):
    for name in ("COURSE_PROFILE", "COURSE_DATA_DIR", "COURSE_OFFLINE", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """The course in another folder: with pyproject.toml, without .venv, without the lock."""
    (tmp_path / "pyproject.toml").write_text((doctor.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    return tmp_path


def test_the_report_has_all_its_lines_and_ends_in_the_block():
    report = doctor.report()
    assert [line.name for line in report] == NAMES
    verdicts, _, block = repr(report).partition(" for a bug report ")
    for name in NAMES:
        assert f"  {name}: " in verdicts
        assert re.search(rf"^(\(!\) )?{name}: ", block, re.MULTILINE)


def test_it_is_the_same_a_moment_later_and_names_no_folder_and_no_time():
    text = repr(doctor.report())
    assert text == repr(doctor.report())
    assert not ABSOLUTE_PATH.search(text) and str(doctor.ROOT) not in text
    assert not re.search(r"\d\d:\d\d", text)


def test_staged_data_are_mentioned_without_their_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    text = repr(doctor.report())
    assert "your folder" in text and str(tmp_path) not in text and tmp_path.name not in text


def test_it_starts_no_tensorflow_and_runs_as_a_program():
    code = "import sys; from helpers import doctor; doctor.report(); print([m for m in sys.modules if 'tensor' in m])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=doctor.ROOT)
    assert (run.stdout.strip(), run.returncode) == ("[]", 0), run.stderr
    program = subprocess.run([sys.executable, "-m", "helpers.doctor"], capture_output=True, cwd=doctor.ROOT)
    assert program.returncode == 0 and b"for a bug report" in program.stdout and not program.stderr


def test_it_runs_without_any_package():
    run = subprocess.run(
        [sys.executable, "-S", "-m", "helpers.doctor"], capture_output=True, text=True, cwd=doctor.ROOT
    )
    assert run.returncode == 0, run.stderr
    assert "packages: could not be checked (ModuleNotFoundError)" in run.stdout
    assert "Open the lessons with `make lab`" in run.stdout


@pytest.mark.parametrize("broken", ["platform.python_version", "shutil.disk_usage", "metadata.distributions"])
def test_a_check_that_fails_is_a_line(monkeypatch, broken):
    def fails(*_, **__):
        raise OSError("secret/folder")

    module, name = broken.split(".")
    monkeypatch.setattr(getattr(doctor, module), name, fails)
    report = doctor.report()
    assert len(report) == len(NAMES)
    assert "could not be checked (OSError)" in repr(report) and "secret" not in repr(report)


@pytest.mark.parametrize(("version", "fine"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)])
def test_python(monkeypatch, version, fine):
    monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))
    line = doctor.python()
    assert line.fine is fine and "3.11, 3.12 or 3.13" in line.advice


def test_kernel(monkeypatch, elsewhere):
    assert doctor.kernel().fine and "no .venv" in doctor.kernel().found
    (elsewhere / ".venv").mkdir()
    line = doctor.kernel()
    assert not line.fine and "make lab" in line.advice
    monkeypatch.setattr(sys, "prefix", str(elsewhere / ".venv"))
    assert doctor.kernel().fine and "own .venv" in doctor.kernel().found


def test_packages_as_locked():
    line = doctor.packages()
    if "as locked" not in line.found:
        pytest.skip("no requirements.lock here")
    assert "keras " in line.details and "tensorflow" in line.details and "numpy " in line.details


def test_packages_without_the_lock(elsewhere):
    line = doctor.packages()
    assert line.fine and "no lock here" in line.found and "keras " in line.details


def test_a_lock_for_other_systems_is_no_lock_for_this_one(elsewhere):
    lock = "numpy==0.1 \\\n    --hash=sha256:00\n    # via pandas\nscipy==0.2 ; sys_platform == 'amiga'\n"
    (elsewhere / "requirements.lock").write_text(lock)
    line = doctor.packages()
    assert line.fine and "0 as locked" in line.found


def test_a_missing_and_an_old_package_are_named(monkeypatch):
    versions = {"keras": "2.15.0", "pandas": None}
    real = doctor.version
    monkeypatch.setattr(doctor, "version", lambda name: versions[name] if name in versions else real(name))
    line = doctor.packages()
    assert not line.fine
    needed = line.advice.partition("Needed: ")[2]
    assert "keras" in needed and "pandas" in needed and "numpy" not in needed
    assert "pandas missing" in line.details and "keras 2.15.0" in line.details


def test_either_build_of_tensorflow_counts(monkeypatch):
    Found = namedtuple("Found", "version")
    monkeypatch.setattr(
        doctor.metadata, "distributions", lambda name: [Found("2.20.0")] if name == "tensorflow" else []
    )
    assert doctor.version("tensorflow-cpu") == doctor.version("tensorflow") == "2.20.0"
    assert doctor.version("keras") is None


@pytest.mark.parametrize(
    ("installed", "fine"),
    [
        ({"ipywidgets": "8.1", "jupyterlab": "4.6", "jupyterlab_widgets": "3.0"}, True),
        ({"ipywidgets": "7.7"}, True),
        ({"ipywidgets": "8.1", "jupyterlab": "4.6"}, False),
        ({"jupyterlab": "4.6", "jupyterlab_widgets": "3.0"}, False),
        ({}, False),
    ],
)
def test_widgets(monkeypatch, installed, fine):
    monkeypatch.setattr(doctor, "version", installed.get)
    assert doctor.widgets().fine is fine


@pytest.mark.parametrize(
    ("gib", "found"), [(0.5, "less than 1 GB"), (1.9, "1 GB"), (7.7, "4 GB"), (8, "8 GB"), (500, "16 GB")]
)
def test_sizes_are_rounded_down(gib, found):
    line = doctor.room("memory", gib * 2**30, "advice")
    assert line.found.startswith(found) and line.fine is (gib * 2**30 >= doctor.NEEDED)


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="Windows does not tell its memory")
def test_the_limit_of_a_container_counts(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(doctor, "CGROUP_LIMIT", limit)
    free = doctor.memory()
    limit.write_text("max\n")
    assert doctor.memory() == free
    limit.write_text(f"{2**30}\n")
    assert doctor.memory().found == "1 GB or more" and not doctor.memory().fine


@pytest.mark.parametrize(("cards", "found"), [([], "none in use"), (["GPU:0"], "1 in use")])
def test_graphics_card(monkeypatch, cards, found):
    class TensorFlow:
        class config:
            list_physical_devices = staticmethod(lambda kind: cards)

    monkeypatch.setitem(sys.modules, "tensorflow", TensorFlow)
    assert doctor.graphics_card().found.startswith(found) and doctor.graphics_card().fine
    monkeypatch.delitem(sys.modules, "tensorflow")
    assert doctor.graphics_card().found.startswith("not asked")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("COURSE_PROFILE", "fast", "quick or full"),
        ("COURSE_DATA_DIR", "no such folder", "names no folder"),
        ("KERAS_BACKEND", "jax", "should be tensorflow"),
    ],
)
def test_a_wrong_switch_is_named(monkeypatch, name, value, said):
    assert doctor.switches().fine
    monkeypatch.setenv(name, value)
    line = doctor.switches()
    assert not line.fine and name in line.advice and said in line.advice


def test_switches_in_use_are_told(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", " FULL ")
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    line = doctor.switches()
    assert line.fine and "profile full" in line.found and "network off" in line.found


@pytest.mark.parametrize(("value", "network"), [("", "allowed"), ("0", "allowed"), ("1", "off"), ("yes", "off")])
def test_the_doctor_reads_the_network_switch_as_the_data_sets_do(monkeypatch, value, network):
    monkeypatch.setenv("COURSE_OFFLINE", value)
    assert f"network {network}" in doctor.switches().found
    assert places.offline() == (network == "off")

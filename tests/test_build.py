"""Lesson text to notebook: derived, stable, and any drift is named."""

import json
import os
from dataclasses import replace

import nbformat
import pytest

from authoring import build, check, execute, launch

LESSON = """\
# %% [markdown]
# # 42 · A tiny lesson
#
# Recorded: {{tiny.test_accuracy}}.

# %% [markdown]
# ## Add up

# %%
import os
import sys
from helpers.exercises.engine import Problem

print(os.environ["COURSE_PROFILE"], os.environ["COURSE_OFFLINE"], os.environ.get("COURSE_DATA_DIR"))

# %% tags=["nbval-check-output"]
1 + 1

# %% [markdown]
# ## Add up
# again

# %% tags=["exercise"]
def add(a, b):
    # solution
    return a + b


Problem("42", "q1", lambda f: f(1, 2), praise="Yes.", hints=[]).check(add)
"""


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A course of one lesson in a folder of its own."""
    for name in ("lessons", "notebooks"):
        (tmp_path / name).mkdir()
    for module in (build, check):
        monkeypatch.setattr(module, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "LESSONS", tmp_path / "lessons")
    monkeypatch.setattr(build, "SOLUTIONS", tmp_path / "build" / "solutions")
    monkeypatch.setattr(build, "refresh", lambda: None)
    monkeypatch.setattr(build.runs, "quote", lambda path: f"<{path}>")
    monkeypatch.setenv("COURSE_PROFILE", "full")
    monkeypatch.setenv("COURSE_DATA_DIR", "elsewhere")
    (tmp_path / "lessons" / "42_tiny.py").write_text(LESSON, encoding="utf-8")
    return tmp_path


def test_both_editions_come_from_one_text(house):
    lesson = house / "lessons" / "42_tiny.py"
    learner = build.notebook_from(lesson)
    worked = build.notebook_from(lesson, solutions=True)
    assert "    ...\n" in learner.cells[-1].source
    assert "return a + b" not in learner.cells[-1].source
    assert "return a + b" in worked.cells[-1].source
    assert "# solution" not in worked.cells[-1].source
    assert "Recorded: <tiny.test_accuracy>." in learner.cells[0].source
    ids = [cell.id for cell in learner.cells]
    assert ids == ["42-a-tiny-lesson-1", "launch", "add-up-1", "add-up-2", "add-up-3", "add-up-4", "add-up-5"]


def test_a_built_notebook_is_executed_quick_offline_and_stable(house):
    target = house / "notebooks" / "42_tiny.ipynb"
    build.main([])
    first = target.read_bytes()
    assert "quick 1 None" in nbformat.read(target, as_version=4).cells[3].outputs[0].text
    for leak in (str(house), os.path.expanduser("~") + "/", "execution_time", "iopub"):
        assert leak not in first.decode()
    build.main([])
    assert target.read_bytes() == first
    stamp = target.stat().st_mtime_ns
    build.main([])
    assert target.stat().st_mtime_ns == stamp, "an unchanged lesson was rebuilt"
    build.main(["--force"])
    assert target.read_bytes() == first


def test_drift_is_named_and_mended(house):
    build.main([])
    assert list(check.drift()) == []
    lesson = house / "lessons" / "42_tiny.py"
    lesson.write_text(LESSON.replace("again", "once more"), encoding="utf-8")
    (sentence,) = check.drift()
    assert "notebooks/42_tiny.ipynb is not what lessons/42_tiny.py says" in sentence
    assert "add-up-4" in sentence
    build.main([])
    assert list(check.drift()) == []
    (house / "notebooks" / "07_old.ipynb").write_text("{}")
    assert "07_old.ipynb has no lesson" in next(check.drift())
    (house / "notebooks" / "42_tiny.ipynb").unlink()
    assert "42_tiny.ipynb is missing" in next(check.drift())


def test_a_new_address_is_drift_until_rebuilt(house, monkeypatch):
    build.main([])
    moved = replace(launch.configured(), repository="https://github.com/somebody/course", tag="v9.9.9")
    monkeypatch.setattr(launch, "configured", lambda: moved)
    (sentence,) = check.drift()
    assert "2 cells differ (first: cell 42-a-tiny-lesson-1)" in sentence
    build.main([])
    assert list(check.drift()) == []
    first, fetch = nbformat.read(house / "notebooks" / "42_tiny.ipynb", as_version=4).cells[:2]
    assert "/gh/somebody/course/v9.9.9?urlpath=lab/tree/notebooks/42_tiny.ipynb)" in first.source
    assert fetch.source == moved.cell()
    assert fetch.outputs == []


def test_a_stripped_notebook_is_rebuilt(house):
    build.main([])
    target = house / "notebooks" / "42_tiny.ipynb"
    notebook = json.loads(target.read_text())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"], cell["outputs"] = None, []
    target.write_text(json.dumps(notebook))
    build.main([])
    assert nbformat.read(target, as_version=4).cells[4].outputs[0].data["text/plain"] == "2"


def test_a_lesson_that_fails_keeps_the_old_notebook(house):
    build.main([])
    target = house / "notebooks" / "42_tiny.ipynb"
    before = target.read_bytes()
    lesson = house / "lessons" / "42_tiny.py"
    lesson.write_text(LESSON.replace("1 + 1", "1 / 0"), encoding="utf-8")
    with pytest.raises(SystemExit, match="ZeroDivisionError"):
        build.main([])
    assert target.read_bytes() == before


def test_a_lesson_that_does_not_exist_is_named(house):
    with pytest.raises(SystemExit, match=r"No lesson matches 99\. There are: 42_tiny"):
        build.main(["99"])


def test_a_run_is_measured():
    cells = [
        "import sys; block = bytearray(200 * 2**20); block[::4096] = b'x' * len(block[::4096])",
        "import time; time.sleep(0.5)",
        "print('careful', file=sys.stderr)",
        "import warnings; warnings.warn('old', DeprecationWarning)",
        "raise KeyError('gone')",
        "never = 'reached'",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    report = execute.run_notebook(notebook, "test")
    assert 200 < report.peak_mib < 600
    assert 0.5 < report.longest_cell_seconds < report.seconds < 60
    assert len(report.warnings) == 2
    assert len(report.errors) == 1
    assert "KeyError" in report.errors[0]
    assert notebook.cells[-1].execution_count is None


def test_a_cell_that_hangs_is_reported():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("while True: pass")])
    report = execute.run_notebook(notebook, "test", timeout=2)
    assert "Timeout" in report.errors[0]

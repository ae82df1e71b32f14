"""Lesson text to notebook: derived, stable, and any drift is named."""

import json
import os
import shutil
import subprocess
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


q1 = Problem("42", "q1", lambda f: 1 / (f(1, 2) == 3), praise="Yes.", hints=[])
q1.check(add)
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


def test_drift_is_named_and_mended(house, monkeypatch):
    build.main([])
    assert list(check.drift()) == []
    lesson = house / "lessons" / "42_tiny.py"
    lesson.write_text(LESSON.replace("again", "once more"), encoding="utf-8")
    (sentence,) = check.drift()
    assert "notebooks/42_tiny.ipynb is not what lessons/42_tiny.py says" in sentence
    assert "add-up-4" in sentence
    build.main([])
    assert list(check.drift()) == []
    monkeypatch.setattr(build.runs, "quote", lambda path: "a run recorded anew")
    (sentence,) = check.drift()
    assert "notebooks/42_tiny.ipynb is not what lessons/42_tiny.py says: 1 cells differ" in sentence
    build.main([])
    assert list(check.drift()) == []
    assert "Recorded: a run recorded anew." in (house / "notebooks" / "42_tiny.ipynb").read_text(encoding="utf-8")
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
    for wanted in (["99"], ["42", "99"], ["4", "99"]):
        with pytest.raises(SystemExit, match=r"No lesson matches (99|4)\. There are: 42_tiny"):
            build.main(wanted)


def test_a_lesson_is_found_by_number_or_name(house):
    (house / "lessons" / "05_other.py").write_text(LESSON, encoding="utf-8")
    (house / "lessons" / "50_far.py").write_text(LESSON, encoding="utf-8")
    for wanted in ("5", "05", "05_other", "lessons/05_other.py"):
        assert [file.stem for file in build.lesson_files([wanted])] == ["05_other"]
    assert [file.stem for file in build.lesson_files(["42", "5"])] == ["05_other", "42_tiny"]


def test_the_first_words_about_a_failing_cell_are_plain(house):
    (house / "lessons" / "42_tiny.py").write_text(LESSON.replace("1 + 1", "1 / 0"), encoding="utf-8")
    (house / "lessons" / "43_fine.py").write_text(LESSON, encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        build.main([])
    said = str(caught.value)
    assert said.splitlines()[0] == "lessons/42_tiny.py, cell 5 (add-up-3): ZeroDivisionError: division by zero"
    assert "\x1b" not in said
    assert (house / "notebooks" / "43_fine.ipynb").is_file(), "the other lesson was not built"


def test_a_solution_that_is_not_accepted_fails_the_worked_edition(house, capsys):
    lesson = house / "lessons" / "42_tiny.py"
    build.main(["--solutions"])
    target = house / "build" / "solutions" / "42_tiny.ipynb"
    before = target.read_bytes()
    lesson.write_text(LESSON.replace("return a + b", "return a - b"), encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        build.main(["--solutions"])
    wrong = "lessons/42_tiny.py, exercise q1, cell 7 (add-up-5): the solution is not accepted: Not yet."
    assert str(caught.value).startswith(wrong)
    assert target.read_bytes() == before
    build.main([])  # the learner's edition has nothing to do with it


def test_a_figure_that_is_not_recorded_is_named_with_its_cell(house, monkeypatch):
    def quote(path):
        raise ValueError(f"{path!r} names no figure that can be quoted.")

    build.main([])
    monkeypatch.setattr(build.runs, "quote", quote)
    (house / "notebooks" / "07_old.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    expected = "lessons/42_tiny.py, cell 1 (42-a-tiny-lesson-1): 'tiny.test_accuracy' names no figure"
    sentences = list(check.drift())
    assert sentences[0].startswith(expected)
    assert any("07_old.ipynb has no lesson" in sentence for sentence in sentences), "it stopped at the figure"
    with pytest.raises(SystemExit, match="names no figure") as caught:
        build.main([])
    assert str(caught.value).startswith(expected)


def test_a_marker_that_is_wrong_is_named_with_its_cell(house):
    lesson = house / "lessons" / "42_tiny.py"
    lesson.write_text(LESSON.replace("    # solution\n", "    a, b = b, a  # solution\n"), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"lessons/42_tiny\.py, cell 7 \(add-up-5\): The marker in 'a, b = b, a"):
        build.main([])


def save_as_jupyterlab_does(target, answer=None):
    """What JupyterLab writes after a lesson was run: the kernel's language, live views, an answer."""
    notebook = nbformat.read(target, as_version=4)
    notebook.metadata["language_info"] |= {"version": "3.12.1", "file_extension": ".py"}
    notebook.cells[4].outputs = [nbformat.v4.new_output("display_data", {execute.LIVE_VIEW: {}, "text/plain": "x"})]
    if answer:
        notebook.cells[6].source = notebook.cells[6].source.replace("...", answer)
    nbformat.write(notebook, target)


def test_a_notebook_that_was_taken_is_told_apart_from_drift(house):
    build.main([])
    assert list(check.own_work()) == []
    target = house / "notebooks" / "42_tiny.ipynb"
    save_as_jupyterlab_does(target, answer="return a + b")
    (sentence,) = check.own_work()
    assert sentence.startswith(
        "notebooks/42_tiny.ipynb: you have opened or run this lesson (nothing is wrong with your machine)"
    )
    assert "git checkout notebooks/42_tiny.ipynb" in sentence
    assert [*check.drift(), *check.style(), *check.weight()] == []


def test_a_notebook_with_the_marks_of_a_merge_is_named_and_rebuilt(house, capsys):
    build.main([])
    target = house / "notebooks" / "42_tiny.ipynb"
    broken = "<<<<<<< HEAD\n" + target.read_text(encoding="utf-8")
    target.write_text(broken, encoding="utf-8")
    (sentence,) = check.unreadable()
    assert "notebooks/42_tiny.ipynb cannot be read" in sentence
    assert [*check.own_work(), *check.drift(), *check.style(), *check.weight()] == []
    build.main([])
    assert [*check.unreadable(), *check.drift()] == []
    assert (house / "build" / "replaced" / "42_tiny.1.ipynb").read_text(encoding="utf-8") == broken


def rebuild(house):
    """Write the notebook anew as `build` does, without the seconds that running it takes."""
    target = house / "notebooks" / "42_tiny.ipynb"
    build.write(build.notebook_from(house / "lessons" / "42_tiny.py"), target)
    return target


def test_work_is_kept_and_no_copy_replaces_another(house, capsys):
    target = rebuild(house)
    kept = house / "build" / "replaced"
    for edition, answer in enumerate(("return a + b", "return b + a"), start=1):
        save_as_jupyterlab_does(target, answer)
        rebuild(house)
        assert f"it is kept in build{os.sep}replaced{os.sep}42_tiny.{edition}.ipynb" in capsys.readouterr().out
        assert answer in (kept / f"42_tiny.{edition}.ipynb").read_text(encoding="utf-8")
    assert "return" not in nbformat.read(target, as_version=4).cells[6].source
    assert len(list(kept.iterdir())) == 2


def test_an_ordinary_rebuild_keeps_no_copy(house, capsys):
    for words in ("again", "once more", "and again"):
        (house / "lessons" / "42_tiny.py").write_text(LESSON.replace("again", words), encoding="utf-8")
        rebuild(house)
    assert "kept" not in capsys.readouterr().out
    assert not (house / "build" / "replaced").exists()


def test_what_git_has_is_no_work(house, capsys):
    target = rebuild(house)
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=house, check=True)
    shutil.rmtree(house / "build" / "built")  # as on a fresh clone
    rebuild(house)
    assert "kept" not in capsys.readouterr().out
    shutil.rmtree(house / "build" / "built")
    save_as_jupyterlab_does(target)
    rebuild(house)
    assert "kept" in capsys.readouterr().out


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
    assert report.errors[0].splitlines()[0] == f"cell 5 ({notebook.cells[4].id}): KeyError: 'gone'"
    assert notebook.cells[-1].execution_count is None


def test_a_cell_that_hangs_is_reported():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("while True: pass")])
    report = execute.run_notebook(notebook, "test", timeout=2)
    assert "Timeout" in report.errors[0]

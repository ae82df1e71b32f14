"""The lessons themselves: every solution is accepted, within a learner's means, and nbval really compares."""

import json
import re
import subprocess
import sys

import nbformat
import pytest

from authoring.build import NOTEBOOKS, SOLUTIONS, lesson_files, notebook_from, write, wrong_solutions
from authoring.execute import kernel_environment, run_notebook

MOST_SECONDS = 120
MOST_SECONDS_A_CELL = 45
MOST_MIB = 1536
COMPARED_CELLS = 12


@pytest.mark.parametrize("lesson", lesson_files(), ids=lambda path: path.stem)
def test_the_worked_edition_is_correct_and_affordable(lesson):
    notebook = notebook_from(lesson, solutions=True)
    report = run_notebook(notebook, lesson.stem, env=kernel_environment("quick"))
    assert report.errors == []
    assert report.warnings == []
    assert sum("exercise" in cell.metadata.get("tags", []) for cell in notebook.cells) >= 3
    assert list(wrong_solutions(notebook)) == []
    print(f"{report.seconds:.0f} s, longest cell {report.longest_cell_seconds:.0f} s, peak {report.peak_mib:.0f} MiB")
    assert report.seconds <= MOST_SECONDS
    assert report.longest_cell_seconds <= MOST_SECONDS_A_CELL
    assert report.peak_mib <= MOST_MIB
    write(notebook, SOLUTIONS / f"{lesson.stem}.ipynb")


def compared_cells(path):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if "nbval-check-output" in cell.metadata.get("tags", [])]


def test_enough_different_cells_are_compared():
    cells = [cell for path in NOTEBOOKS.glob("*.ipynb") for cell in compared_cells(path)]
    assert len({cell.source for cell in cells}) >= COMPARED_CELLS
    assert all(cell.outputs for cell in cells)


def test_nbval_fails_on_one_wrong_stored_value(tmp_path):
    """Break one number in a copy of the first lesson: nbval must notice exactly that."""
    original = sorted(NOTEBOOKS.glob("*.ipynb"))[0]
    notebook = json.loads(original.read_text(encoding="utf-8"))
    broken = None
    for cell in notebook["cells"]:
        if "nbval-check-output" in cell["metadata"].get("tags", []) and broken is None:
            text = cell["outputs"][0]["data"]["text/plain"]
            text = "".join(text) if isinstance(text, list) else text
            broken = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), text, count=1)
            assert broken != text
            cell["outputs"][0]["data"]["text/plain"] = broken
    copy = tmp_path / original.name
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env", f"--rootdir={tmp_path}"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(copy)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=kernel_environment("quick"),
    )
    assert run.returncode == 1, run.stdout[-2000:]
    assert "1 failed" in run.stdout, run.stdout[-2000:]

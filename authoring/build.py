"""Lesson text to notebooks.

    python -m authoring.build [--force] [--solutions] [LESSON ...]

lessons/NN_name.py (py:percent, solutions inside) becomes notebooks/NN_name.ipynb, the learner's edition, executed with
the quick profile on bundled data. With --solutions it becomes build/solutions/NN_name.ipynb, the worked edition. Both
get the links for Binder and Colab and the cell for Colab (authoring/launch.py), which no lesson file holds.
Only notebooks whose text differs from their lesson are rebuilt; --force rebuilds all (after a change in helpers, say).
"""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

import jupytext
import nbformat

from authoring import launch
from authoring.execute import NOTEBOOKS, ROOT, kernel_environment, run_notebook
from authoring.readme import refresh
from helpers import runs
from helpers.exercises import source

LESSONS = ROOT / "lessons"
SOLUTIONS = ROOT / "build" / "solutions"
FIGURE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


def lesson_files(wanted=()):
    """The lesson files in order; `wanted` are numbers ("05") or names to restrict them to."""
    files = sorted(LESSONS.glob("[0-9][0-9]_*.py"))
    if not wanted:
        return files
    chosen = [file for file in files if any(file.stem.startswith(Path(name).stem) for name in wanted)]
    if not chosen:
        raise SystemExit(f"No lesson matches {' '.join(wanted)}. There are: {', '.join(f.stem for f in files)}.")
    return chosen


def notebook_from(lesson, solutions=False):
    """Return the notebook (not executed) that the lesson file gives, in the learner's or the worked edition."""
    read = jupytext.read(lesson, fmt="py:percent")
    edit = source.solution_from if solutions else source.exercise_from
    cells = []
    for cell in read.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            made = nbformat.v4.new_markdown_cell(with_figures(cell.source))
        else:
            text = edit(cell.source) if "exercise" in tags else cell.source
            made = nbformat.v4.new_code_cell(text)
        if tags:
            made.metadata["tags"] = tags
        cells.append(made)
    for cell, name in zip(cells, cell_ids(cells), strict=True):
        cell["id"] = name
    cells = with_launch(cells, f"{lesson.stem}.ipynb")
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def with_launch(cells, name):
    """Add the launch links to the first cell of notebook `name`, and behind it the cell that fetches the course."""
    first, *others = cells
    first.source = f"{first.source}\n\n{launch.configured().badges(name)}"
    fetch = nbformat.v4.new_code_cell(launch.configured().cell(), id=launch.CELL_ID)
    return [first, fetch, *others]


def with_figures(text):
    """Replace each {{run.figure}} in prose by the figure of that recorded run."""
    return FIGURE.sub(lambda match: runs.quote(match[1]), text)


def cell_ids(cells):
    """Yield one id per cell: the last heading and a counter, so that an edit moves only the ids of its own section."""
    heading, counts = "start", {}
    for cell in cells:
        found = re.search(r"^#+ (.+)", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if found:
            heading = re.sub(r"[^a-z0-9]+", "-", found[1].lower()).strip("-")[:50]
        counts[heading] = counts.get(heading, 0) + 1
        yield f"{heading}-{counts[heading]}"


def content(notebook):
    """What drift is judged by: kind, id, tags and source of every cell, not the outputs."""
    return [(cell.cell_type, cell.id, tuple(cell.metadata.get("tags", [])), cell.source) for cell in notebook.cells]


def is_current(lesson, target):
    """True if the notebook at `target` is executed and its cells are what the lesson says."""
    if not target.is_file():
        return False
    built = nbformat.read(target, as_version=4)
    executed = all(cell.execution_count for cell in built.cells if cell.cell_type == "code")
    return executed and content(built) == content(notebook_from(lesson))


def write(notebook, target):
    """Write the notebook without anything that differs from one machine or run to the next."""
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    nbformat.write(notebook, unfinished)
    if target.is_file() and target.parent == NOTEBOOKS:
        kept = ROOT / "build" / "replaced" / target.name  # somebody may have answered exercises in it
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(target, kept)
        print(f"The notebook as it was is kept in {kept.relative_to(ROOT)}")
    os.replace(unfinished, target)


def build(lesson, solutions=False):
    """Build and execute one lesson; return the path of the notebook. An error in a cell keeps the old file."""
    notebook = notebook_from(lesson, solutions)
    report = run_notebook(notebook, lesson.stem, env=kernel_environment("quick"))
    if report.errors:
        raise SystemExit(f"{lesson.relative_to(ROOT)} does not run:\n{report.errors[0]}")
    target = (SOLUTIONS if solutions else NOTEBOOKS) / f"{lesson.stem}.ipynb"
    write(notebook, target)
    print(f"{target.relative_to(ROOT)}: built in {report.seconds:.0f} s, peak {report.peak_mib:.0f} MiB")
    return target


def main(arguments=None):
    """Command line; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", metavar="LESSON")
    parser.add_argument("--force", action="store_true", help="rebuild even what is up to date")
    parser.add_argument("--solutions", action="store_true", help="build the worked edition")
    options = parser.parse_args(arguments)
    for lesson in lesson_files(options.lessons):
        current = not options.solutions and is_current(lesson, NOTEBOOKS / f"{lesson.stem}.ipynb")
        if current and not options.force:
            print(f"notebooks/{lesson.stem}.ipynb: up to date")
        else:
            build(lesson, options.solutions)
    if not options.solutions:
        refresh()


if __name__ == "__main__":
    sys.exit(main())

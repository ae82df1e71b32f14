"""Lesson text to notebooks.

    python -m authoring.build [--force] [--solutions] [LESSON ...]

lessons/NN_name.py (py:percent, solutions inside) becomes notebooks/NN_name.ipynb, the learner's edition, executed with
the quick profile on bundled data. With --solutions it becomes build/solutions/NN_name.ipynb, the worked edition. Both
get the links for Binder and Colab and the cell for Colab (authoring/launch.py), which no lesson file holds.
Only notebooks whose text differs from their lesson are rebuilt; --force rebuilds all (after a change in helpers, say).
A lesson that cannot be built keeps its old notebook, and the others are built all the same.
"""

import argparse
import io
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat

from authoring import launch
from authoring.execute import NOTEBOOKS, ROOT, kernel_environment, run_notebook
from authoring.readme import refresh
from helpers import runs
from helpers.exercises import source
from helpers.exercises.display import HEADS

LESSONS = ROOT / "lessons"
SOLUTIONS = ROOT / "build" / "solutions"
FIGURE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
CORRECT = HEADS["correct"]
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


class LessonError(ValueError):
    """A lesson from which no notebook can be made; `problems` are sentences that name lesson and cell."""

    def __init__(self, problems):
        super().__init__("\n".join(problems))
        self.problems = problems


def lesson_files(wanted=()):
    """The lesson files in order; `wanted` are numbers ("5", "05") or names to restrict them to."""
    files = sorted(LESSONS.glob("[0-9][0-9]_*.py"))
    starts = [f"{int(name):02}_" if name.isdecimal() else Path(name).stem for name in wanted]
    for name, start in zip(wanted, starts, strict=True):
        if not any(file.stem.startswith(start) for file in files):
            raise SystemExit(f"No lesson matches {name}. There are: {', '.join(file.stem for file in files)}.")
    return [file for file in files if not wanted or file.stem.startswith(tuple(starts))]


def notebook_from(lesson, solutions=False):
    """Return the notebook (not executed) that the lesson file gives, in the learner's or the worked edition.

    Raises LessonError that names every cell of which nothing can be made.
    """
    text_cells = jupytext.read(lesson, fmt="py:percent").cells
    cells, problems = [], []
    for index, (cell, name) in enumerate(zip(text_cells, cell_ids(text_cells), strict=True)):
        make = nbformat.v4.new_markdown_cell if cell.cell_type == "markdown" else nbformat.v4.new_code_cell
        tags = cell.metadata.get("tags", [])
        try:
            text = edited(cell, solutions)
        except ValueError as error:
            # The number counts the cell for Colab, which stands behind the first one, as the built notebook does.
            problems.append(f"lessons/{lesson.name}, cell {index + 1 + bool(index)} ({name}): {error}")
            continue
        cells.append(make(text, id=name, metadata={"tags": tags} if tags else {}))
    if problems:
        raise LessonError(problems)
    cells = with_launch(cells, f"{lesson.stem}.ipynb")
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def edited(cell, solutions):
    """The text of a lesson's cell as its edition shows it. Raises ValueError for a figure or a marker that is wrong."""
    if cell.cell_type == "markdown":
        return with_figures(cell.source)
    if "exercise" not in cell.metadata.get("tags", []):
        return cell.source
    return source.solution_from(cell.source) if solutions else source.exercise_from(cell.source)


def with_launch(cells, name):
    """Add the launch links to the first cell of notebook `name`, and behind it the cell that fetches the course."""
    first, *others = cells
    first.source = f"{first.source}\n\n{launch.configured().badges(name)}"
    fetch = nbformat.v4.new_code_cell(launch.configured().cell(), id=launch.CELL_ID, metadata=launch.CELL_METADATA)
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


def wrong_solutions(notebook):
    """Sentences about the exercises of an executed worked edition whose check does not say "Correct"."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and "exercise" in cell.metadata.get("tags", []):
            called = re.findall(r"^(q\d+)\.check\(", cell.source, re.MULTILINE)
            said = [output.data.get("text/plain", "") for output in cell.outputs if "data" in output]
            verdicts = [text for text in said if text.startswith(tuple(HEADS.values()))]
            if not called or len(verdicts) != len(called) or not all(text.startswith(CORRECT) for text in verdicts):
                exercise = f"exercise {', '.join(called) or '(no check)'}, cell {index + 1} ({cell.id})"
                yield f"{exercise}: the solution is not accepted: {' '.join(verdicts or said) or 'nothing was said'}"


def content(notebook):
    """What drift is judged by: kind, id, tags and source of every cell, not the outputs."""
    return [(cell.cell_type, cell.id, tuple(cell.metadata.get("tags", [])), cell.source) for cell in notebook.cells]


def read(path):
    """The notebook at `path`; None if there is none that can be read."""
    try:
        return nbformat.read(path, as_version=4)
    except Exception:  # nbformat has one kind of error for each way in which a file can be no notebook
        return None


def is_current(lesson, target):
    """True if the notebook at `target` is executed and its cells are what the lesson says."""
    built = read(target)
    if built is None:
        return False
    executed = all(cell.execution_count for cell in built.cells if cell.cell_type == "code")
    return executed and content(built) == content(notebook_from(lesson))


def write(notebook, target):
    """Write the notebook without anything that differs from one machine or run to the next."""
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        allowed = launch.CELL_METADATA if cell.id == launch.CELL_ID else {}
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"} | allowed
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    nbformat.write(notebook, unfinished)
    if target.parent == NOTEBOOKS:
        keep_work(target)
        remember(unfinished, target)
    os.replace(unfinished, target)


def keep_work(target):
    """Copy the notebook at `target` to build/replaced/ if somebody has worked in it; no copy replaces another.

    Nobody has where its cells and outputs are what the last build wrote, or what git has.
    """
    if not target.is_file() or seen(target.read_bytes()) in (seen(last_built(target)), seen(committed(target))):
        return
    folder = ROOT / "build" / "replaced"
    folder.mkdir(parents=True, exist_ok=True)
    names = (folder / f"{target.stem}.{number}.ipynb" for number in itertools.count(1))
    kept = next(name for name in names if not name.exists())
    shutil.copy2(target, kept)
    print(f"notebooks/{target.name} held work that no build wrote; it is kept in {kept.relative_to(ROOT)}")


def seen(text):
    """What a reader sees of a notebook, for comparison: kind, source and outputs of its cells; else the text itself."""
    notebook = read(io.BytesIO(text))
    if notebook is None:
        return text
    return [(cell.cell_type, cell.source, cell.get("outputs")) for cell in notebook.cells]


def remember(unfinished, target):
    """Keep a copy of what this build writes, so that the next one can tell it from somebody's work."""
    kept = ROOT / "build" / "built" / target.name
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(unfinished, kept)


def last_built(target):
    """The bytes of the notebook as the last build here wrote it; none if there was no build."""
    file = ROOT / "build" / "built" / target.name
    return file.read_bytes() if file.is_file() else b""


def committed(target):
    """The bytes of the notebook in git's last commit; none without git, or if it is not there."""
    name = f"HEAD:./{target.name}"
    try:
        return subprocess.run(["git", "show", name], cwd=target.parent, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return b""


def build(lesson, solutions=False):
    """Build and execute one lesson; return the path of the notebook.

    Raises LessonError if a cell fails or a solution is not accepted; the old file then stays.
    """
    notebook = notebook_from(lesson, solutions)
    report = run_notebook(notebook, lesson.stem, env=kernel_environment("quick"))
    problems = report.errors or (list(wrong_solutions(notebook)) if solutions else [])
    if problems:
        raise LessonError([f"lessons/{lesson.name}, {problem}" for problem in problems])
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
    problems = []
    for lesson in lesson_files(options.lessons):
        try:
            current = not options.solutions and is_current(lesson, NOTEBOOKS / f"{lesson.stem}.ipynb")
            if current and not options.force:
                print(f"notebooks/{lesson.stem}.ipynb: up to date")
            else:
                build(lesson, options.solutions)
        except LessonError as error:
            print(f"lessons/{lesson.name}: not built", flush=True)
            problems += error.problems
    if problems:
        raise SystemExit("\n".join(problems))
    if not options.solutions:
        refresh()


if __name__ == "__main__":
    sys.exit(main())

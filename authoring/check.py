"""List everything in notebooks/ that breaks the house style or differs from lessons/.

python -m authoring.check
"""

import sys

from authoring.build import KERNEL, NOTEBOOKS, LessonError, content, lesson_files, notebook_from, read
from authoring.environment import environment_drift
from authoring.launch import launch_drift
from authoring.readme import readme_drift
from authoring.style import violations

LARGEST_AVERAGE = 300_000  # bytes a notebook


def worked_in(notebook):
    """True if JupyterLab or another editor saved the notebook: it notes down its kernel, which the build does not."""
    return notebook.metadata != {"kernelspec": KERNEL, "language_info": {"name": "python"}}


def built_notebooks():
    """(path, notebook) of everything in notebooks/ that the build wrote and nobody has worked in since."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = read(path)
        if notebook is not None and not worked_in(notebook):
            yield path, notebook


def unreadable():
    """A sentence about every notebook that cannot be read."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if read(path) is None:
            name = f"notebooks/{path.name}"
            yield f"{name} cannot be read (did a merge leave its marks?); to have it fresh: git checkout HEAD {name}"


def own_work():
    """A sentence about every notebook that somebody has worked in: no fault of the course or of the machine."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook, name = read(path), f"notebooks/{path.name}"
        if notebook is not None and worked_in(notebook):
            yield (
                f"{name}: you have opened or run this lesson (nothing is wrong with your machine), so it is not "
                f"compared. Your answers are in it. To have it fresh, copy it elsewhere, then: git checkout {name}"
            )


def drift():
    """Sentences about every notebook that is not what its lesson says."""
    lessons, built = lesson_files(), dict(built_notebooks())
    for lesson in lessons:
        target = NOTEBOOKS / f"{lesson.stem}.ipynb"
        if not target.is_file():
            yield f"notebooks/{target.name} is missing: run make notebooks"
            continue
        try:
            wanted = content(notebook_from(lesson))
        except LessonError as error:
            yield from error.problems
            continue
        there = content(built[target]) if target in built else wanted  # own work is told apart from drift
        if wanted != there:
            differ = [cell for cell in wanted if cell not in there] or [cell for cell in there if cell not in wanted]
            first = f" (first: cell {differ[0][1]})" if differ else " (their order)"
            yield (
                f"notebooks/{target.name} is not what lessons/{lesson.name} says: "
                f"{len(differ)} cells differ{first}; run make notebooks"
            )
    known = {lesson.stem for lesson in lessons}
    for file in sorted(NOTEBOOKS.iterdir()):
        if file.suffix == ".ipynb" and file.stem not in known:
            yield f"notebooks/{file.name} has no lesson; only built notebooks live here"


def weight():
    """A sentence if the notebooks are too heavy on average."""
    sizes = [path.stat().st_size for path, _ in built_notebooks()]
    if sizes and sum(sizes) / len(sizes) > LARGEST_AVERAGE:
        average = sum(sizes) / len(sizes) / 1000
        yield f"notebooks weigh {average:.0f} KB on average; {LARGEST_AVERAGE // 1000} KB is the limit"


def style():
    """Every violation of the house style in every notebook as it was built."""
    for path, notebook in built_notebooks():
        yield from violations(notebook, path)


def main():
    """Print all violations; exit with 1 if there are any."""
    found = list(unreadable())
    readme = [] if found else readme_drift()  # it quotes every notebook
    found += [*own_work(), *drift(), *style(), *weight(), *environment_drift(), *launch_drift(), *readme]
    for sentence in found:
        print(sentence)
    count = len(list(NOTEBOOKS.glob("*.ipynb")))
    print(f"{count} notebooks checked, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

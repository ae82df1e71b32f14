"""List everything in notebooks/ that breaks the house style or differs from lessons/.

python -m authoring.check
"""

import sys

import nbformat

from authoring.build import NOTEBOOKS, content, lesson_files, notebook_from
from authoring.environment import environment_drift
from authoring.launch import launch_drift
from authoring.readme import readme_drift
from authoring.style import violations

LARGEST_AVERAGE = 300_000  # bytes a notebook


def drift():
    """Sentences about every notebook that is not what its lesson says."""
    lessons = lesson_files()
    for lesson in lessons:
        target = NOTEBOOKS / f"{lesson.stem}.ipynb"
        if not target.is_file():
            yield f"notebooks/{target.name} is missing: run make notebooks"
            continue
        wanted, built = content(notebook_from(lesson)), content(nbformat.read(target, as_version=4))
        if wanted != built:
            differ = [cell for cell in wanted if cell not in built] or [cell for cell in built if cell not in wanted]
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
    sizes = [file.stat().st_size for file in NOTEBOOKS.glob("*.ipynb")]
    if sizes and sum(sizes) / len(sizes) > LARGEST_AVERAGE:
        average = sum(sizes) / len(sizes) / 1000
        yield f"notebooks weigh {average:.0f} KB on average; {LARGEST_AVERAGE // 1000} KB is the limit"


def style():
    """Every violation of the house style in every notebook."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        yield from violations(nbformat.read(path, as_version=4), path)


def main():
    """Print all violations; exit with 1 if there are any."""
    found = [*drift(), *style(), *weight(), *environment_drift(), *launch_drift(), *readme_drift()]
    for sentence in found:
        print(sentence)
    count = len(list(NOTEBOOKS.glob("*.ipynb")))
    print(f"{count} notebooks checked, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

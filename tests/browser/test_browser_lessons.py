"""Each lesson, run whole by a real JupyterLab in a real browser."""

import nbformat
import pytest

from authoring import check
from authoring.execute import NOTEBOOKS

WIDTHS = (1280, 900)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_lesson_runs_in_the_browser(path, lab, open_notebook):
    before = path.read_bytes()
    cells = nbformat.read(path, as_version=4).cells
    explorers = sum(cell.cell_type == "code" and "_explorer(" in cell.source for cell in cells)
    with open_notebook(path) as notebook:
        assert notebook.page.locator(".jp-InputPlaceholder").count() == 1, "the cell for Colab is not folded"
        notebook.run_all()
        assert notebook.error_outputs() == []
        assert len(notebook.outputs()) == sum(cell.cell_type == "code" for cell in cells)
        notebook.page.wait_for_function(
            "wanted => document.querySelectorAll('.jupyter-widgets .widget-html img').length === wanted", arg=explorers
        )
        for width in WIDTHS:
            assert all(picture.stat().st_size > 10_000 for picture in notebook.screenshot(path.stem, width))
        assert notebook.errors == []
        notebook.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        saved = nbformat.read(lab.folder / path.name, as_version=4)
        assert check.worked_in(saved), "make check would take a learner's notebook for a fault of the course"
    assert path.read_bytes() == before, "a test wrote into notebooks/"

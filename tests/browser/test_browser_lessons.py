"""Each lesson, run whole by a real JupyterLab in a real browser."""

import pytest
from rail import SCREENSHOTS

from authoring.execute import NOTEBOOKS


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_lesson_runs_in_the_browser(path, open_notebook):
    before = path.read_bytes()
    notebook = open_notebook(path)
    notebook.run_all()
    assert notebook.error_outputs() == []
    assert notebook.errors == []
    assert all(outputs is not None for outputs in notebook.outputs())
    notebook.screenshot(f"{path.stem}-1280")
    notebook.page.set_viewport_size({"width": 900, "height": 900})
    notebook.hide_side_bar()
    notebook.screenshot(f"{path.stem}-900")
    assert (SCREENSHOTS / f"{path.stem}-900.png").stat().st_size > 10_000
    assert path.read_bytes() == before, "a test wrote into notebooks/"

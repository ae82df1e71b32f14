"""The explorers under a reader's hands: moved by mouse and by keyboard, the effect read from the kernel's state."""

import re
import statistics
import time

import nbformat
import pytest

from authoring.execute import drop_live_views, kernel_environment, run_notebook

CELLS = {
    "convolution": "from helpers.widgets import convolution_explorer\nexplorer = convolution_explorer()\nexplorer",
    "pooling": "from helpers.widgets import pooling_explorer\nexplorer = pooling_explorer()\nexplorer",
}
RED = "rgb(176, 0, 32)"


@pytest.fixture(scope="module", params=CELLS)
def built(request, tmp_path_factory):
    """The name of an explorer and a notebook that holds it, built as lessons are."""
    cells = [nbformat.v4.new_markdown_cell(f"# The {request.param} explorer")]
    cells.append(nbformat.v4.new_code_cell(CELLS[request.param]))
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    folder = tmp_path_factory.mktemp("built")
    report = run_notebook(notebook, request.param, cwd=folder, env=kernel_environment("quick"))
    assert report.errors == report.warnings == []
    path = folder / f"{request.param}_explorer.ipynb"
    nbformat.write(notebook, path)
    return request.param, path


@pytest.fixture(scope="module")
def running(built, open_notebook):
    """The name of an explorer, and the page on which it runs."""
    name, path = built
    with open_notebook(path) as notebook:
        notebook.run_all()
        notebook.page.locator(".widget-html img").wait_for()
        yield name, notebook


@pytest.fixture
def explorer(running):
    """The same, set back to where it begins; in the end the browser must have had nothing to complain about."""
    set_back(running[1])
    yield running
    assert running[1].errors == []


def set_back(notebook, seconds=60):
    """Set the explorer back to where it begins, in the kernel and on the page.

    Once is not enough: a last message from a slider of the test before may still be on its way, and the page's player
    goes on if it is set back between the last stop and the tick at which it would have ended.
    """
    figure = notebook.page.locator(".widget-html img")
    end = time.monotonic() + seconds
    while True:
        notebook.kernel(
            "[setattr(explorer.play, 'playing', False), setattr(explorer, 'state', type(explorer.state)())]"
        )
        notebook.wait_idle()
        wanted = notebook.kernel("explorer.alt_of(type(explorer.state)())")
        for _ in range(10):  # a message on its way has time to arrive and to be noticed
            notebook.page.wait_for_timeout(50)
            there = notebook.kernel("explorer.alt_of(explorer.state)"), figure.get_attribute("alt")
            if there != (wanted, wanted):
                break
        else:
            return
        assert time.monotonic() < end, f"the explorer cannot be set back: kernel and page show {there}"


def handle(notebook, label):
    """The handle of the slider with that label."""
    slider = notebook.page.locator(".widget-slider").filter(has_text=re.compile(f"^{label}"))
    return slider.locator(".noUi-handle")


def choose(notebook, label, option):
    """Choose from the drop-down menu with that label."""
    menu = notebook.page.locator(".widget-dropdown").filter(has_text=re.compile(f"^{label}"))
    menu.locator("select").select_option(label=option)


def picture(notebook):
    """Source and alt text of the figure."""
    figure = notebook.page.locator(".widget-html img")
    return figure.get_attribute("src"), figure.get_attribute("alt")


def test_before_it_runs_a_still_figure_stands_there(built, open_notebook):
    with open_notebook(built[1]) as notebook:
        figure = notebook.page.locator(".jp-OutputArea-output img")
        assert figure.count() == 1
        assert "window" in figure.get_attribute("alt")
        assert notebook.page.locator(".widget-html").count() == 0
        assert "Error displaying widget" not in notebook.page.content()
        assert notebook.errors == []
        notebook.screenshot(f"{built[0]}-still")


def test_by_mouse(explorer):
    _, notebook = explorer
    before = picture(notebook)
    notebook.page.get_by_role("button", name="step").click()
    notebook.until("explorer.state.position", 1)
    notebook.page.wait_for_function("old => document.querySelector('.widget-html img').src !== old", arg=before[0])
    assert picture(notebook)[1] != before[1]
    notebook.page.get_by_role("button", name="back").click()
    notebook.until("explorer.state.position", 0)
    knob = handle(notebook, "stride").bounding_box()
    track = notebook.page.locator(".widget-slider").filter(has_text="stride").locator(".noUi-base").bounding_box()
    middle = knob["y"] + knob["height"] / 2
    notebook.page.mouse.move(knob["x"] + knob["width"] / 2, middle)
    notebook.page.mouse.down()
    notebook.page.mouse.move(track["x"] + track["width"], middle, steps=5)
    notebook.page.mouse.up()
    notebook.until("explorer.state.stride", notebook.kernel("explorer.controls['stride'].widget.max"))
    choose(notebook, "picture", "28 × 28, a seven")
    notebook.until("explorer.state.picture", "28 × 28, a seven")


def test_by_keyboard(explorer):
    _, notebook = explorer
    handle(notebook, "column").focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.until("explorer.state.position", 1)
    handle(notebook, "row").focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.until("explorer.state.position", notebook.kernel("explorer.state.windows.columns") + 1)
    notebook.page.keyboard.press("End")
    notebook.until(
        "explorer.state.windows.stop(explorer.state.position)[0]", notebook.kernel("explorer.row.widget.max")
    )
    step = notebook.page.get_by_role("button", name="back")
    before = notebook.kernel("explorer.state.position")
    step.focus()
    notebook.page.keyboard.press("Enter")
    notebook.until("explorer.state.position", before - 1)


def test_it_plays_to_the_end(explorer):
    _, notebook = explorer
    notebook.page.locator(".widget-play button").first.click()
    notebook.until("explorer.state.position", notebook.kernel("explorer.state.windows.count") - 1, seconds=30)
    notebook.until("explorer.row.widget.value", notebook.kernel("explorer.row.widget.max"))


def test_it_can_be_set_back_while_it_plays(explorer):
    """What every test above and below relies on: the player does not go on from the beginning."""
    _, notebook = explorer
    notebook.page.locator(".widget-play button").first.click()
    notebook.until("explorer.state.position", 2, seconds=30)
    set_back(notebook)
    notebook.page.wait_for_timeout(1_500)  # two stops of the player
    assert notebook.kernel("explorer.state.position") == 0
    assert notebook.kernel("explorer.play.playing") is False


def test_what_does_not_fit_turns_red_and_says_why(explorer):
    name, notebook = explorer
    if name == "convolution":
        choose(notebook, "picture", "3 × 3, a corner")
        choose(notebook, "kernel", "mean of 5 × 5")
        label, sentence = "padding", "The kernel is 5 × 5, but the picture has only 3 rows or columns: no stop fits."
    else:
        handle(notebook, "size").focus()
        notebook.page.keyboard.press("End")
        label, sentence = "size", "The window is 5 × 5, but the picture has only 4 rows or columns: no stop fits."
    notebook.page.get_by_text(sentence).wait_for()
    border = "node => getComputedStyle(node).borderTopColor"
    slider = notebook.page.locator(".widget-slider").filter(has_text=re.compile(f"^{label}"))
    assert slider.evaluate(border) == RED
    notebook.screenshot(f"{name}-misfit")
    handle(notebook, label).focus()
    notebook.page.keyboard.press("ArrowRight" if name == "convolution" else "ArrowLeft")
    notebook.until("explorer.advice(explorer.state)[0] == 'error'", False)
    notebook.page.get_by_text(sentence).wait_for(state="detached")
    assert slider.evaluate(border) != RED


@pytest.mark.parametrize("built", ["convolution"], indirect=True)
def test_a_weight_is_typed(explorer):
    _, notebook = explorer
    field = notebook.page.locator(".widget-text input[type=number]").nth(4)
    field.fill("3")
    field.press("Enter")
    notebook.until("explorer.state.kernel[1][1]", 3.0)
    assert notebook.kernel("explorer.controls['kernel'].name.value") == "your own"
    choose(notebook, "kernel", "identity")
    notebook.until("explorer.state.kernel[1][1]", 1)
    assert field.input_value() == "1"


def test_a_change_shows_soon(explorer):
    """From the key to the new figure on the page; the kernel's share alone is measured in test_widgets.py."""
    name, notebook = explorer
    choose(notebook, "picture", "28 × 28, a seven")
    notebook.until("explorer.state.picture", "28 × 28, a seven")
    handle(notebook, "column").focus()
    seconds = []
    for _ in range(9):
        notebook.wait_idle()
        before = picture(notebook)[0]
        start = time.perf_counter()
        notebook.page.keyboard.press("ArrowRight")
        notebook.page.wait_for_function("old => document.querySelector('.widget-html img').src !== old", arg=before)
        seconds.append(time.perf_counter() - start)
    print(f"{name}: {1000 * statistics.median(seconds):.0f} ms from key to figure")
    assert statistics.median(seconds) < 0.5


def test_500_moves_leave_nothing_behind_in_the_kernel(explorer):
    """Here every move is also sent to the page, unlike in test_widgets.py."""
    name, notebook = explorer
    choose(notebook, "picture", "28 × 28, a seven")
    notebook.until("explorer.state.picture", "28 × 28, a seven")
    move = "[setattr(explorer.play, 'value', place % 150) for place in range({})] and None"
    resident = "__import__('psutil').Process().memory_info().rss"
    notebook.kernel(move.format(100))
    before = notebook.kernel(resident)
    notebook.kernel(move.format(500))
    notebook.wait_idle()
    grown = (notebook.kernel(resident) - before) / 2**20
    print(f"{name}: 500 moves, {grown:.1f} MiB more in the kernel")
    assert grown < 10


@pytest.mark.parametrize("width", [1280, 900])
def test_it_fits_on_the_page(explorer, width):
    name, notebook = explorer
    notebook.screenshot(name, width)
    notebook.resize(width, 900)
    assert notebook.too_wide() == []
    figure = notebook.page.locator(".widget-html img").bounding_box()
    assert figure["width"] > 400, "the figure's words would be too small"


def test_the_live_view_is_not_stored(built):
    notebook = nbformat.read(built[1], as_version=4)
    (output,) = notebook.cells[1].outputs
    assert set(output.data) == {"text/html", "text/plain"}
    output.data["application/vnd.jupyter.widget-view+json"] = {"model_id": "gone"}
    drop_live_views(notebook)
    assert set(output.data) == {"text/html", "text/plain"}

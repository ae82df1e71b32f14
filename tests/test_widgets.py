"""The explorers without a browser: their numbers, words and figures, how long a change takes and what it leaves."""

import base64
import gc
import io
import re
import statistics
import subprocess
import sys
import time
from dataclasses import FrozenInstanceError, replace

import numpy as np
import psutil
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image
from scipy.signal import correlate2d

from authoring.execute import LIVE_VIEW, MIB
from helpers import datasets
from helpers.widgets import canvas, convolution, convolution_explorer, front, pooling, pooling_explorer, windows

EXPLORERS = {"convolution": convolution_explorer, "pooling": pooling_explorer}
MODULES = {"convolution": convolution, "pooling": pooling}


def size_of(png):
    return Image.open(io.BytesIO(png)).size


# Numbers


@pytest.mark.parametrize("picture", windows.PICTURES)
@pytest.mark.parametrize("kernel", convolution.KERNELS)
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 2), (2, 1), (4, 3)])
def test_the_feature_map_is_scipys(picture, kernel, stride, padding):
    state = convolution.State(picture, convolution.KERNELS[kernel], stride, padding)
    result = convolution.feature_map(state)
    if len(state.kernel) > min(state.padded.shape):
        assert result is None
        return
    reference = correlate2d(state.padded, np.array(state.kernel), mode="valid")[::stride, ::stride]
    np.testing.assert_allclose(result, reference, atol=1e-9)
    assert result.shape == (state.windows.rows, state.windows.columns)
    for position in {0, result.size // 2, result.size - 1}:
        _, parts = convolution.products(replace(state, position=position))
        assert parts.sum() == pytest.approx(result.flat[position], abs=1e-9)


def test_the_first_stop_is_the_one_worked_out_in_the_lesson():
    state = convolution.State()
    seen, parts = convolution.products(state)
    assert seen.tolist() == [[0, 0, 2], [0, 1, 8], [0, 5, 9]]
    assert parts.tolist() == [[0, 0, 2], [0, 0, 16], [0, 0, 9]]
    assert convolution.feature_map(state).tolist() == [[27, 24, -17], [31, -2, -31], [14, -26, -25]]
    assert "0 + 0 + 2 + 0 + 0 + 16 + 0 + 0 + 9 = 27." in convolution.alt_of(state)
    middle = convolution.alt_of(replace(state, position=4))
    assert "at row 1, column 1" in middle
    assert "(−1) + 0 + 9 + (−10) + 0 + 8 + (−9) + 0 + 1 = −2." in middle
    assert "5 stops of 9 done" in middle


def test_pooling_is_what_the_lesson_works_out_by_hand():
    by_hand = {
        "maximum": [[4, 6, 5], [7, 8, 9]],
        "average": [[2, 2.5, 2], [3, 2, 5]],
        "sum": [[8, 10, 8], [12, 8, 20]],
    }
    for summary, values in by_hand.items():
        assert pooling.pooled(pooling.State(summary=summary)).tolist() == values
    words = [pooling.sum_in_words(pooling.State(summary=summary)) for summary in by_hand]
    assert words == ["The largest of 1, 3, 4, 0 is 4.", "(1 + 3 + 4 + 0) / 4 = 2.", "1 + 3 + 4 + 0 = 8."]


@pytest.mark.parametrize("picture", windows.PICTURES)
@pytest.mark.parametrize(("size", "stride"), [(1, 1), (2, 2), (3, 1), (3, 2)])
def test_pooling_is_what_two_loops_give(picture, size, stride):
    state = pooling.State(picture, "maximum", size, stride, shift=1)
    pixels = np.zeros_like(windows.picture(picture))
    pixels[:, 1:] = windows.picture(picture)[:, :-1]
    rows = range(0, pixels.shape[0] - size + 1, stride)
    columns = range(0, pixels.shape[1] - size + 1, stride)
    loops = [[pixels[r : r + size, c : c + size].max() for c in columns] for r in rows]
    assert pooling.pooled(state).tolist() == loops


def test_a_shift_is_counted_before_and_after_pooling():
    state = pooling.State(shift=1)
    moved = [[0, 1, 3, 2, 0, 5], [0, 4, 0, 6, 2, 1], [0, 7, 2, 0, 0, 3], [0, 1, 2, 0, 8, 4]]
    assert state.shifted.tolist() == moved
    still = windows.worked_map()
    inputs = sum(
        a != b for one, other in zip(still.tolist(), moved, strict=True) for a, b in zip(one, other, strict=True)
    )
    assert pooling.pooled(state).tolist() == [[4, 6, 5], [7, 2, 8]]
    (before, _), after = pooling.changed(state)
    assert before == inputs
    assert after == (2, 6)
    assert f"Shifted by 1 pixel: {inputs} of" in pooling.advice(state)[1]


def test_the_digit_is_the_one_in_the_lessons(capsys):
    images, labels = datasets.mnist().train
    capsys.readouterr()
    assert np.array_equal(windows.picture("28 × 28, a seven"), images[labels == 7][1])
    assert capsys.readouterr().out == "", "loading a picture prints"
    with pytest.raises(ValueError, match="read-only"):
        windows.picture("28 × 28, a seven")[0, 0] = 1
    with pytest.raises(ValueError, match=r"no picture 'dog'\. There are: 3 × 3"):
        windows.picture("dog")


# Words


@pytest.mark.parametrize(
    ("settings", "level", "sentence"),
    [
        ({}, "", "⌊(5 + 2 · 0 − 3) / 1⌋ + 1 = 3. Columns: the same."),
        ({"picture": "4 × 6, a small map"}, "", "= 2. Columns: ⌊(6 + 2 · 0 − 3) / 1⌋ + 1 = 4."),
        ({"picture": "28 × 28, a seven", "stride": 2}, "note", "The last column and the last row are never read"),
        (
            {"picture": "28 × 28, a seven", "stride": 4},
            "note",
            "Stride 4 is wider than the window: it leaps over 1 pixel",
        ),
        ({"padding": 3}, "note", "some stops see invented zeros and nothing else"),
        ({"picture": "3 × 3, a corner", "kernel": "mean of 5 × 5"}, "error", "only 3 rows or columns: no stop fits"),
        ({"picture": "3 × 3, a corner", "kernel": "mean of 5 × 5"}, "error", "a smaller kernel or padding 1."),
        ({"picture": "3 × 3, a corner", "kernel": "mean of 5 × 5", "padding": 1}, "", "+ 1 = 1."),
    ],
)
def test_advice_on_a_convolution(settings, level, sentence):
    settings = dict(settings)
    settings["kernel"] = convolution.KERNELS[settings.pop("kernel", "Sobel x")]
    found = convolution.advice(convolution.State(**settings))
    assert found[0] == level
    assert sentence in found[1]


@pytest.mark.parametrize(
    ("settings", "level", "sentence"),
    [
        ({}, "", "⌊(4 − 2) / 2⌋ + 1 = 2. Columns: ⌊(6 − 2) / 2⌋ + 1 = 3."),
        ({"size": 3, "stride": 3}, "note", "The last row is never read: stride 3 does not reach the end."),
        ({"size": 1}, "note", "it leaps over 1 pixel between stops"),
        ({"size": 5}, "error", "The window is 5 × 5, but the picture has only 4 rows or columns: no stop fits."),
    ],
)
def test_advice_on_pooling(settings, level, sentence):
    found = pooling.advice(pooling.State(**settings))
    assert found[0] == level
    assert sentence in found[1]


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_what_is_said_to_be_never_read_is_never_read(size, stride):
    where = windows.Windows(10, 11, size, stride)
    read = np.zeros((10, 11), dtype=bool)
    for position in range(where.count):
        row, column = where.corner(position)
        read[row : row + size, column : column + size] = True
    assert bool(where.unread()) == (not read.all())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (-2.0, "−2"),
        (0.0625, "0.06"),
        (-0.001, "0"),
        (12.34, "12.3"),
        (804.4, "804"),
        (2.5, "2.5"),
    ],
)
def test_numbers_are_written_as_people_do(value, text):
    assert windows.number(value) == text
    assert windows.rounded(value) == (text in {"0.06", "12.3", "804"} or value == -0.001)


@pytest.mark.parametrize("name", MODULES)
def test_every_state_has_a_figure_and_an_alt_text(name):
    module = MODULES[name]
    biggest = {"kernel": convolution.KERNELS["mean of 5 × 5"], "padding": 3} if name == "convolution" else {"size": 5}
    for picture in windows.PICTURES:
        for settings in ({}, biggest, {"stride": 4}):
            state = module.State(picture=picture, **settings)
            width, height = size_of(module.figure_of(state))
            assert width == 1200
            assert 300 < height < 1100
            assert len(module.alt_of(state).split()) >= 10
            assert "nan" not in module.alt_of(state) + module.advice(state)[1]


def test_paper_is_white_and_frames_have_their_colour():
    """The palette is Pillow's business; it may shift a colour a little, but not these."""
    figure = Image.open(io.BytesIO(convolution.figure_of(convolution.State()))).convert("RGB")
    colours = {colour for _, colour in figure.getcolors()}
    assert {(255, 255, 255), (0, 0, 0), (213, 94, 0)} <= colours
    assert figure.getpixel((1199, 0)) == (255, 255, 255)


def colours_of(png):
    """How many pixels of the figure have each colour."""
    figure = Image.open(io.BytesIO(png)).convert("RGB")
    return {colour: count for count, colour in figure.getcolors()}


def blue_pixels(**settings):
    """Pixels of the pooling figure that are blue, give or take what the palette does to a colour."""
    colours = colours_of(pooling.figure_of(pooling.State(**settings)))
    return sum(n for (r, g, b), n in colours.items() if r < 40 and b > 140 and b > g + 30)


def test_the_pooled_map_is_there_from_the_first_stop_on():
    """Only lesson 01 leaves the rest of the map for the reader to guess."""
    sand = [colours_of(m.figure_of(m.State())).get(canvas.UNKNOWN, 0) for m in (convolution, pooling)]
    assert sand[0] > 1000 and sand[1] == 0


def test_the_pooled_map_fills_its_panel_however_small_it_is(monkeypatch):
    cells, grid = [], canvas.Canvas.grid
    monkeypatch.setattr(canvas.Canvas, "grid", lambda self, *a, **k: (cells.append(a[3]), grid(self, *a, **k)))
    pooling.figure_of(pooling.State("28 × 28, a seven", size=4, stride=4))
    assert cells[:2] == [8, 35]


def test_a_changed_value_is_marked_also_where_the_window_stands():
    seven = {"picture": "28 × 28, a seven", "size": 4, "stride": 4}
    assert blue_pixels(**seven) == 0
    state = pooling.State(**seven, shift=1)
    changed = pooling.pooled(state) != pooling.pooled(replace(state, shift=0))
    places = int(np.flatnonzero(changed)[0]), int(np.flatnonzero(~changed)[0])
    on, off = (blue_pixels(**seven, shift=1, position=place) for place in places)
    assert on > 0.98 * off > 50 * changed.sum()
    assert f"Blue corners mark {changed.sum()} values" in pooling.alt_of(state)


@pytest.mark.parametrize("summary", pooling.SUMMARIES)
def test_a_value_that_the_shift_leaves_alone_keeps_its_grey(monkeypatch, summary):
    """Otherwise the eye would find changes that are none."""
    drawn, grid = [], canvas.Canvas.grid
    monkeypatch.setattr(canvas.Canvas, "grid", lambda self, *a, **k: (drawn.append(a[0]), grid(self, *a, **k)))
    states = [pooling.State(summary=summary, size=3, stride=1, shift=shift) for shift in (0, 1)]
    for state in states:
        pooling.figure_of(state)
    still, moved = map(pooling.pooled, states)
    grey = dict(zip(still.flat, drawn[1].reshape(-1, 3).tolist(), strict=True))
    common = [(grey[v], now) for v, now in zip(moved.flat, drawn[4].reshape(-1, 3).tolist(), strict=True) if v in grey]
    assert len(common) >= 3 and all(before == now for before, now in common)


def test_zeros_that_come_in_are_pale_in_the_window_too():
    state = pooling.State(shift=2)
    assert colours_of(pooling.figure_of(state))[canvas.PADDED] > 2 * 4 * (30 * 2) ** 2


def test_the_figure_depends_on_the_state_alone():
    state = convolution.State(position=3)
    with pytest.raises(FrozenInstanceError):
        state.position = 4
    assert convolution.figure_of(state) == convolution.figure_of(state)
    assert convolution.figure_of(state) != convolution.figure_of(replace(state, position=4))


# The front end, without a page


def test_controls_become_a_state():
    explorer = convolution_explorer(picture="28 × 28, a seven", kernel="blur", position=30)
    assert explorer.state == convolution.State("28 × 28, a seven", convolution.KERNELS["blur"], position=30)
    assert (explorer.row.read(), explorer.column.read()) == (1, 4)
    explorer.row.widget.value = 2
    assert explorer.state.position == 56
    explorer.step.click()
    assert (explorer.state.position, explorer.column.read(), explorer.play.value) == (57, 5, 57)
    explorer.play.value = 58
    assert explorer.state.position == 58
    explorer.controls["stride"].widget.value = 4
    assert explorer.state.stride == 4
    assert explorer.state.position <= explorer.state.windows.count - 1
    explorer.controls["picture"].widget.value = "5 × 5, a stroke"
    assert explorer.state.position == 0
    explorer.back.click()
    assert explorer.state.position == 0


def test_a_typed_weight_makes_a_kernel_of_ones_own():
    explorer = convolution_explorer()
    kernel = explorer.controls["kernel"]
    kernel.fields[4].value = 7
    assert explorer.state.kernel == ((-1, 0, 1), (-2, 7, 2), (-1, 0, 1))
    assert (kernel.name.value, explorer.state.kernel_name) == ("your own", "your own")
    kernel.fields[4].value = 0
    assert kernel.name.value == "Sobel x"
    kernel.name.value = "mean of 5 × 5"
    assert kernel.grid.layout.display == "none"
    kernel.name.value = "sharpen"
    assert [field.value for field in kernel.fields] == [0, -1, 0, -1, 5, -1, 0, -1, 0]
    kernel.name.value = "your own"
    kernel.fields[0].value = 1
    assert explorer.state.kernel[0][0] == 1


def test_what_does_not_fit_turns_red():
    explorer = pooling_explorer(size=5)
    assert front.RED in explorer.controls["size"].widget.layout.border_top
    assert "<b>Does not fit:</b> The window is 5 × 5" in explorer.view.value
    assert explorer.row.widget.disabled
    explorer.step.click()
    explorer.controls["size"].widget.value = 4
    assert explorer.controls["size"].widget.layout.border_top is None
    assert "Does not fit" not in explorer.view.value


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(TypeError, match="colour"):
        convolution_explorer(colour="red")
    with pytest.raises(KeyError, match="emboss"):
        convolution_explorer(kernel="emboss")


# What is stored and shown elsewhere


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_still_figure_stands_beside_the_live_view(name):
    explorer = EXPLORERS[name]()
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {LIVE_VIEW, "text/html", "text/plain"}
    alt = MODULES[name].alt_of(explorer.state)
    assert bundle["text/plain"] == f"Figure: {alt}"
    assert f'alt="{alt}"' in bundle["text/html"]
    png = base64.b64decode(re.search(r"base64,([^\"]+)", bundle["text/html"])[1])
    assert size_of(png) == size_of(MODULES[name].figure_of(explorer.state))
    assert len(bundle["text/html"]) < 60_000


def test_a_web_page_shows_the_still_figure():
    bundle = convolution_explorer()._repr_mimebundle_()
    del bundle[LIVE_VIEW]  # as the build does
    output = new_output("execute_result", data=bundle, execution_count=1)
    notebook = new_notebook(cells=[new_code_cell("convolution_explorer()", outputs=[output], execution_count=1)])
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert 'alt="A 3 by 3 window' in page
    assert "jupyter-widgets" not in page.split("<main>")[1]


def test_colab_gets_the_live_view_alone(monkeypatch):
    explorer = convolution_explorer()
    monkeypatch.setitem(sys.modules, "google.colab", object())
    assert set(explorer._repr_mimebundle_()) == {LIVE_VIEW, "text/plain"}


def test_explorers_need_no_tensorflow():
    code = "import sys, helpers.widgets; print(any(n in sys.modules for n in ('tensorflow', 'keras', 'ipywidgets')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


# Cost


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_change_is_drawn_within_100_milliseconds(name):
    explorer = EXPLORERS[name](picture="28 × 28, a seven")
    seconds = []
    for position in range(40):
        start = time.process_time()  # not the clock on the wall: other programs would be measured too
        explorer.play.value = position + 1
        seconds.append(time.process_time() - start)
    median = statistics.median(seconds)
    print(f"{name}: median {1000 * median:.0f} ms, longest {1000 * max(seconds):.0f} ms")
    assert median < 0.1


@pytest.mark.parametrize("name", EXPLORERS)
def test_500_moves_leave_nothing_behind(name):
    explorer = EXPLORERS[name](picture="28 × 28, a three")

    def move(times):
        for _ in range(times):
            explorer.play.value = (explorer.state.position + 1) % 150
        gc.collect()

    move(50)
    process = psutil.Process()
    before = process.memory_info().rss
    move(500)
    grown = (process.memory_info().rss - before) / MIB
    print(f"{name}: 500 moves, {grown:.1f} MiB more")
    assert grown < 10

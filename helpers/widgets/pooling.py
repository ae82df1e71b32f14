"""The pooling explorer of lesson 02: one number for a window, and what that forgives when the picture shifts."""

from dataclasses import dataclass, replace

import numpy as np

from helpers.widgets import canvas, windows
from helpers.widgets.windows import number, plural

SUMMARIES = {"maximum": np.max, "average": np.mean, "sum": np.sum}
SIZES, STRIDES, SHIFTS = (1, 5), (1, 5), (0, 4)


@dataclass(frozen=True)
class State:
    """Everything that the figure depends on. `shift` moves the picture to the right, `position` counts stops."""

    picture: str = "4 × 6, a small map"
    summary: str = "maximum"
    size: int = 2
    stride: int = 2
    shift: int = 0
    position: int = 0

    @property
    def shifted(self):
        """The picture, moved to the right; zeros come in from the left."""
        pixels = windows.picture(self.picture)
        return np.pad(pixels, ((0, 0), (self.shift, 0)))[:, : pixels.shape[1]]

    @property
    def windows(self):
        """Where the window stops."""
        return windows.Windows(*windows.picture(self.picture).shape, size=self.size, stride=self.stride)


def pooled(state):
    """The whole pooled map, an array of shape (rows, columns); None where no stop fits."""
    if not state.windows.count:
        return None
    return SUMMARIES[state.summary](state.windows.view(state.shifted), axis=(2, 3))


def seen(state):
    """The values in the window at this stop."""
    row, column = state.windows.corner(state.position)
    return state.shifted[row : row + state.size, column : column + state.size]


def changed(state):
    """What the shift changes, before and after pooling: two pairs (changed, of so many that are not 0 throughout)."""
    still = replace(state, shift=0)
    pairs = [(still.shifted, state.shifted), (pooled(still), pooled(state))]
    return [(int((a != b).sum()), int(((a != 0) | (b != 0)).sum())) for a, b in pairs]


def advice(state):
    """`(level, sentences)`: the size of the result worked out; level is "error", "note" or "" and says how it went."""
    where = state.windows
    if not where.count:
        return "error", (
            f"The window is {state.size} × {state.size}, but the picture has only {min(where.height, where.width)} "
            "rows or columns: no stop fits. Take a smaller size."
        )

    def worked(length, stops):
        return f"⌊({length} − {state.size}) / {state.stride}⌋ + 1 = {stops}"

    text = f"Rows of the pooled map: {worked(where.height, where.rows)}. "
    same = where.height == where.width
    text += "Columns: the same. " if same else f"Columns: {worked(where.width, where.columns)}. "
    if state.shift:
        (before, of_before), (after, of_after) = changed(state)
        text += (
            f"Shifted by {plural(state.shift, 'pixel')}: {before} of {of_before} inputs and {after} of {of_after} "
            "results differ (zeros that stay zero not counted). "
        )
    notes = where.unread()
    return ("note" if notes else ""), text + notes


def sum_in_words(state):
    """The values in the window and what becomes of them, as one line of arithmetic."""
    values = [number(value) for value in seen(state).flat]
    result = SUMMARIES[state.summary](seen(state))
    equals = "≈" if windows.rounded(result) else "="
    if len(values) > 9:
        return f"The {state.summary} of {len(values)} values {equals} {number(result)}."
    if state.summary == "maximum":
        return f"The largest of {', '.join(values)} is {number(result)}."
    total = " + ".join(values)
    return (
        f"({total}) / {len(values)} {equals} {number(result)}."
        if state.summary == "average"
        else (f"{total} {equals} {number(result)}.")
    )


def alt_of(state):
    """What the figure shows, in a sentence or two."""
    start = f"A {state.size} by {state.size} window on “{state.picture}”"
    start += f" shifted right by {state.shift}" if state.shift else ""
    if not state.windows.count:
        return f"{start}: the window is larger than the picture, so there is no pooled map."
    row, column = state.windows.stop(state.position)
    text = (
        f"{start}, stride {state.stride}, at row {row}, column {column} of the pooled map, which has "
        f"{plural(state.windows.count, 'value')}. {sum_in_words(state)}"
    )
    if state.shift:
        marked = int((pooled(state) != pooled(replace(state, shift=0))).sum())
        text += f" Blue corners mark {plural(marked, 'value')} that the shift has changed."
    return text


def figure_of(state):
    """The figure as PNG bytes: picture, pooled map, and below them this window and its one number."""
    cell = 38 if state.size < 4 else 30
    shifted, result = state.shifted, pooled(state)
    below = canvas.below_pair(shifted, state.windows, result) + 44
    page = canvas.Canvas(canvas.WIDTH, below + (0 if result is None else max(2, state.size) * cell + 8))
    scale = canvas.span(windows.picture(state.picture))
    colours = canvas.greys(shifted, *scale)
    colours[:, : state.shift] = canvas.PADDED
    before = (f"picture: {' × '.join(map(str, shifted.shape))}", shifted, colours)
    after = (state.summary + ("" if result is None else f": {' × '.join(map(str, result.shape))}"), result)
    marked = None
    if result is not None and state.shift:
        marked = result != pooled(replace(state, shift=0))
        after = (f"{after[0]} (blue: changed)", result)
    # The picture's own black and white: a value that a shift leaves alone keeps its grey.
    scale = [value * (state.size**2 if state.summary == "sum" else 1) for value in scale]
    canvas.draw_pair(page, before, after, state.windows, state.position, whole=True, marked=marked, scale=scale)
    if result is not None:
        draw_window(page, state, below, cell, colours)
    return page.png()


def draw_window(page, state, top, cell, colours):
    """Write the values of one window in the `colours` of the picture, and their maximum, average or sum."""
    values, side = seen(state), state.size * cell
    row, column = state.windows.corner(state.position)
    page.text(canvas.LEFT, top - 12, "window", size=13)
    page.grid(colours[row : row + state.size, column : column + state.size], canvas.LEFT, top, cell, values)
    page.frame(canvas.LEFT, top, side, side)
    middle = top + max(side, 50) / 2
    page.text(side + 30, middle, "→", size=24, anchor="mm")
    page.text(side + 60, middle - 14, f"their {state.summary}", size=13)
    result = number(SUMMARIES[state.summary](values))
    page.text(side + 60, middle + 10, result, size=22, bold=True, colour=canvas.ORANGE)


def pooling_explorer(**settings):
    """Return the explorer; as the last line of a cell it shows itself. `settings` are fields of `State` to begin with.

    Without a live kernel the page keeps a still picture.
    """
    from helpers.widgets.front import Choice, Explorer, Number

    controls = {
        "picture": Choice("picture", windows.PICTURES),
        "summary": Choice("summary", SUMMARIES),
        "size": Number("size", *SIZES),
        "stride": Number("stride", *STRIDES),
        "shift": Number("shift right", *SHIFTS),
    }
    return Explorer(State(**settings), controls, figure_of, alt_of, advice, at_fault=("size",))

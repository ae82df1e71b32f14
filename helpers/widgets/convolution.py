"""The convolution explorer of lesson 01: move a kernel over a picture, and see every product."""

from dataclasses import dataclass

import numpy as np

from helpers.widgets import canvas, windows
from helpers.widgets.windows import number, plural

KERNELS = {
    "Sobel x": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "Sobel y": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    "blur": ((0.0625, 0.125, 0.0625), (0.125, 0.25, 0.125), (0.0625, 0.125, 0.0625)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "all edges": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    "mean of 5 × 5": ((0.04,) * 5,) * 5,
}
OWN = "your own"
STRIDES, PADDINGS = (1, 4), (0, 3)
WEIGHTS = (-99, 99)  # what the fields accept


@dataclass(frozen=True)
class State:
    """Everything that the figure depends on. `position` counts stops in reading order, from 0."""

    picture: str = "5 × 5, a stroke"
    kernel: tuple = KERNELS["Sobel x"]
    stride: int = 1
    padding: int = 0
    position: int = 0

    @property
    def padded(self):
        """The picture inside its ring of zeros."""
        return np.pad(windows.picture(self.picture), self.padding)

    @property
    def windows(self):
        """Where the kernel stops."""
        return windows.Windows(*self.padded.shape, size=len(self.kernel), stride=self.stride)

    @property
    def kernel_name(self):
        """The name of the kernel, `OWN` if it is none of ours."""
        return next((name for name, kernel in KERNELS.items() if kernel == self.kernel), OWN)


def feature_map(state):
    """The whole feature map, an array of shape (rows, columns); None where no stop fits."""
    if not state.windows.count:
        return None
    return np.einsum("rcij,ij->rc", state.windows.view(state.padded), np.array(state.kernel, dtype=float))


def products(state):
    """What the window sees at this stop, and its products with the kernel: two arrays as large as the kernel."""
    row, column = state.windows.corner(state.position)
    size = len(state.kernel)
    seen = state.padded[row : row + size, column : column + size]
    return seen, seen * np.array(state.kernel, dtype=float)


def advice(state):
    """`(level, sentences)`: the size of the result worked out; level is "error", "note" or "" and says how it went."""
    where, size = state.windows, len(state.kernel)
    height, width = windows.picture(state.picture).shape
    if not where.count:
        name, short = "padded picture" if state.padding else "picture", min(where.height, where.width)
        wanted = -(-(size - min(height, width)) // 2)
        return "error", (
            f"The kernel is {size} × {size}, but the {name} has only {short} rows or columns: no stop fits. "
            f"Take a smaller kernel or padding {wanted}."
        )

    def worked(length, stops):
        return f"⌊({length} + 2 · {state.padding} − {size}) / {state.stride}⌋ + 1 = {stops}"

    text = f"Rows of the feature map: {worked(height, where.rows)}. "
    same = (height, where.rows) == (width, where.columns)
    text += "Columns: the same. " if same else f"Columns: {worked(width, where.columns)}. "
    notes = [where.unread()]
    if state.padding >= size:
        notes.append("The padding is as wide as the kernel: some stops see invented zeros and nothing else.")
    notes = " ".join(filter(None, notes))
    return ("note" if notes else ""), text + notes


def alt_of(state):
    """What the figure shows, in a sentence or two."""
    size = len(state.kernel)
    start = f"A {size} by {size} window with the kernel “{state.kernel_name}” on the picture “{state.picture}”"
    if state.padding or state.stride > 1:
        start += f", padding {state.padding}, stride {state.stride}"
    if not state.windows.count:
        return f"{start}: the kernel is larger than the picture, so there is no feature map."
    row, column = state.windows.stop(state.position)
    done = row * state.windows.columns + column + 1
    return (
        f"{start}, at row {row}, column {column} of the feature map. {sum_in_words(state)} "
        f"{plural(done, 'stop')} of {state.windows.count:,} done."
    )


def sum_in_words(state):
    """The products and their sum as one line of arithmetic; of more than nine products only the sum."""
    _, parts = products(state)
    equals = "≈" if windows.rounded([*parts.flat, parts.sum()]) else "="
    if parts.size > 9:
        return f"{parts.size} products add up: {equals} {number(parts.sum())}."
    signed = [f"({number(part)})" if part < 0 else number(part) for part in parts.flat]
    return f"{' + '.join(signed)} {equals} {number(parts.sum())}."


def figure_of(state):
    """The figure as PNG bytes: picture, feature map, and below them the products of this stop and their sum."""
    size = len(state.kernel)
    cell = 38 if size < 4 else 30
    padded, result = state.padded, feature_map(state)
    below = canvas.below_pair(padded, state.windows) + 44
    page = canvas.Canvas(canvas.WIDTH, below + (0 if result is None else size * cell + 8))
    colours = canvas.greys(padded, *canvas.span(windows.picture(state.picture)))
    ring = np.ones(padded.shape, dtype=bool)
    ring[state.padding : len(ring) - state.padding, state.padding : ring.shape[1] - state.padding] = False
    colours[ring] = canvas.PADDED
    shape = " × ".join(map(str, padded.shape))
    before = (f"picture{', padded' if state.padding else ''}: {shape}", padded, colours)
    after = ("feature map" + ("" if result is None else f": {' × '.join(map(str, result.shape))}"), result)
    canvas.draw_pair(page, before, after, state.windows, state.position)
    if result is not None:
        draw_products(page, state, below, cell)
    return page.png()


def draw_products(page, state, top, cell):
    """Write the arithmetic of one stop: window × kernel = products, and their sum."""
    seen, parts = products(state)
    low, high = canvas.span(windows.picture(state.picture))
    kernel = np.array(state.kernel, dtype=float)
    strength = max(np.abs(kernel).max(), np.abs(parts).max(), 1e-9)
    panels = [
        ("window", seen, (low, high), "×"),
        ("kernel", kernel, canvas.span([-np.abs(kernel).max(), np.abs(kernel).max()]), "="),
        ("products", parts, (-strength, strength), ""),
    ]
    side, gap = cell * len(kernel), 28
    for index, (name, values, scale, sign) in enumerate(panels):
        left = canvas.LEFT + index * (side + gap)
        page.text(left, top - 12, name, size=13)
        page.grid(canvas.greys(values, *scale), left, top, cell, values)
        page.text(left + side + gap / 2, top + side / 2, sign, size=20, anchor="mm")
    page.frame(canvas.LEFT, top, side, side)
    left = canvas.LEFT + 3 * side + 2.6 * gap
    page.text(left, top + side / 2 - 14, "their sum", size=13)
    page.text(left, top + side / 2 + 10, number(parts.sum()), size=22, bold=True, colour=canvas.ORANGE)


def convolution_explorer(**settings):
    """Return the explorer; as the last line of a cell it shows itself. `settings` are fields of `State` to begin with.

    `kernel` may also be the name of one of the `KERNELS`. Without a live kernel the page keeps a still picture.
    """
    from helpers.widgets.front import Choice, Explorer, Number, Numbers

    if isinstance(settings.get("kernel"), str):
        settings["kernel"] = KERNELS[settings["kernel"]]
    controls = {
        "picture": Choice("picture", windows.PICTURES),
        "kernel": Numbers("kernel", KERNELS, OWN, WEIGHTS),
        "stride": Number("stride", *STRIDES),
        "padding": Number("padding", *PADDINGS),
    }
    return Explorer(State(**settings), controls, figure_of, alt_of, advice, at_fault=("kernel", "padding"))

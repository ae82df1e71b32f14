"""Drawing for the explorers: grids of numbers, frames and words.

Pillow and not matplotlib, because the reader waits for each of them. All lengths are those on the page; the picture
has twice as many pixels, for sharp screens and print.
"""

import functools
import io
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from helpers.plots import COLOURS
from helpers.widgets.windows import number

SCALE = 2
WIDTH = 600  # on the page; fits beside the file browser of JupyterLab on a small screen
PANEL = 250  # the side of the square that a picture may fill
LEFT, TOP = 4, 34  # where the picture begins; frames and titles need a little room
BLUE, ORANGE = COLOURS[0], COLOURS[1]
INK, LINE, RED = "#1a1a1a", "#8c8c8c", "#B00020"
PADDED, UNKNOWN = (191, 217, 236), (250, 240, 220)
SMALLEST, LARGEST = 10, 15  # letters inside a square
READABLE = 20  # no square below this has a number in it


@functools.cache
def palette():
    """The colours that a figure may have: greys, and those of frames with their soft edges on white and black.

    With a palette of its own a figure is packed in a third of the time.
    """
    tints = [PADDED, tuple(value // 2 for value in PADDED), UNKNOWN]
    for colour in (ORANGE, BLUE, RED):
        red, green, blue = ImageColor.getrgb(colour)
        tints += [(red * i // 12, green * i // 12, blue * i // 12) for i in range(1, 13)]
        tints += [tuple(255 - (255 - value) * i // 12 for value in (red, green, blue)) for i in range(1, 12)]
    tints += [(grey,) * 3 for grey in (*range(0, 248, 3), 255)]  # no grey near white, or Pillow would paint the page so
    image = Image.new("P", (1, 1))
    image.putpalette([value for tint in tints for value in tint])
    return image


@functools.cache
def font(size, bold=False):
    """matplotlib's own DejaVu Sans, so that every machine draws the same."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    return ImageFont.truetype(str(path), round(size * SCALE))


def greys(values, low, high):
    """The values as colours from black (`low`) to white (`high`): uint8, shape (rows, columns, 3)."""
    share = (np.asarray(values, dtype=float) - low) / ((high - low) or 1)
    return np.repeat((255 * share.clip(0, 1)).astype(np.uint8)[..., None], 3, axis=2)


def span(values):
    """Lowest and highest value, for `greys`; an even array is drawn in the middle of the scale."""
    low, high = float(np.min(values)), float(np.max(values))
    return (low, high) if low < high else (low - 1, high + 1)


class Canvas:
    """A white page of `width` by `height` on which one draws from the top left corner."""

    def __init__(self, width, height):
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), "white")
        self.pen = ImageDraw.Draw(self.image)

    def text(self, x, y, words, *, size=14, bold=False, colour=INK, anchor="lm"):
        """Write `words`; `anchor` as in Pillow: "lm" is left and middle, "mm" the middle of the words."""
        self.pen.text((x * SCALE, y * SCALE), words, fill=colour, font=font(size, bold), anchor=anchor)

    def frame(self, left, top, width, height, *, colour=ORANGE, thickness=3):
        """Draw a frame around a part of the page."""
        out = thickness / 2
        box = (left - out, top - out, left + width + out, top + height + out)
        self.pen.rectangle([round(v * SCALE) for v in box], outline=colour, width=round(thickness * SCALE))

    def corner(self, left, top, cell):
        """Mark a square of `cell` in its top left corner, in blue with a white edge that sets it off from any grey.

        The corner lies inside the half of a frame that a square or its neighbour may get.
        """
        left, top = left + 1.5, top + 1.5
        for side, colour in ((cell / 3 + 1.5, "white"), (cell / 3, BLUE)):
            points = [(left, top), (left + side, top), (left, top + side)]
            self.pen.polygon([(round(x * SCALE), round(y * SCALE)) for x, y in points], fill=colour)

    def grid(self, colours, left, top, cell, values=None):
        """Draw one square of `cell` per colour, with lines between them where there is room, and the `values` in."""
        rows, columns = colours.shape[:2]
        size = (columns * cell * SCALE, rows * cell * SCALE)
        self.image.paste(Image.fromarray(colours).resize(size, Image.Resampling.NEAREST), (left * SCALE, top * SCALE))
        if cell >= 12:
            for row in range(1, rows):
                y = (top + row * cell) * SCALE
                self.pen.line((left * SCALE, y, (left + columns * cell) * SCALE, y), fill=LINE)
            for column in range(1, columns):
                x = (left + column * cell) * SCALE
                self.pen.line((x, top * SCALE, x, (top + rows * cell) * SCALE), fill=LINE)
        self.frame(left, top, columns * cell, rows * cell, colour=LINE, thickness=1)
        if values is not None and cell >= READABLE:
            self.write(values, colours, left, top, cell)

    def write(self, values, colours, left, top, cell):
        """Write the values into their squares, black on bright and white on dark; nothing where they do not fit.

        A value of NaN stays empty.
        """
        words = {place: number(v) for place, v in np.ndenumerate(values) if not np.isnan(v)}
        size = fitting(max(words.values(), key=len, default=""), cell)
        for (row, column), word in words.items() if size else ():
            red, green, blue = colours[row, column].tolist()
            ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 127 else "white"
            middle = (left + (column + 0.5) * cell, top + (row + 0.5) * cell)
            self.text(*middle, word, size=size, colour=ink, anchor="mm")

    def png(self):
        """The page as PNG bytes; packed lightly, because the reader waits."""
        out = io.BytesIO()
        self.image.quantize(palette=palette(), dither=Image.Dither.NONE).save(out, "PNG", compress_level=1)
        return out.getvalue()


@functools.cache
def fitting(word, cell):
    """The largest letters in which `word` fits into a square, or 0 if even the smallest do not."""
    for size in range(min(LARGEST, cell // 2), SMALLEST - 1, -1):
        if font(size).getlength(word) <= (cell - 3) * SCALE:
            return size
    return 0


def cell_of(values):
    """The side of one square, so that the picture fills its panel; small pictures are not blown up without end."""
    return min(50, PANEL // max(values.shape))


def below_pair(values, windows, result=None):
    """Where the space under the pair begins: below the picture, a window larger than it, and the whole `result`."""
    height = max(len(values), windows.size) * cell_of(values)
    return TOP + max(height, 0 if result is None else len(result) * cell_of(result))


def draw_pair(canvas, before, after, windows, position, *, whole=False, marked=None, scale=None):
    """Draw the picture under its window on the left and the result on the right.

    `before` is `(title, values, colours)` of the picture, `after` is `(title, values)`, the whole result, or a title
    and None where no stop fits. What the window does not light up is dimmed. The result is filled in up to this stop,
    at the picture's scale, and what is not yet worked out is sand; or, if `whole`, it is all there and fills its
    panel. `marked` tells which values of the result get a blue corner; `scale` is the result's own black and white,
    by default its lowest and highest value.
    """
    title, values, colours = before
    cell = cell_of(values)
    canvas.text(LEFT, 14, title)
    row, column = windows.corner(position)
    canvas.grid(lit(colours, row, column, windows.size), LEFT, TOP, cell, values)
    side = windows.size * cell
    frame = ORANGE if windows.count else RED
    canvas.frame(LEFT + column * cell, TOP + row * cell, side, side, colour=frame)
    left, middle = WIDTH - PANEL - LEFT, TOP + len(values) * cell / 2
    title, result = after
    canvas.text(left, 14, title)
    if result is None:
        canvas.text(left, middle, "No stop fits.", size=18, bold=True, colour=RED)
        return
    canvas.text((LEFT + values.shape[1] * cell + left) / 2, middle, "→", size=30, anchor="mm")
    colours = greys(result, *(scale or span(result)))
    known = np.full(result.shape, True) if whole else np.arange(result.size).reshape(result.shape) <= position
    colours[~known] = UNKNOWN
    cell = cell_of(result) if whole else cell
    canvas.grid(colours, left, TOP, cell, np.where(known, result, np.nan))
    for row, column in np.argwhere(known & marked) if marked is not None else ():
        canvas.corner(left + column * cell, TOP + row * cell, cell)
    row, column = windows.stop(position)
    canvas.frame(left + column * cell, TOP + row * cell, cell, cell)


def lit(colours, row, column, size):
    """The colours as in a dark room in which a square beam of light falls on one window."""
    room = (0.5 * colours).astype(np.uint8)
    beam = slice(row, row + size), slice(column, column + size)
    room[beam] = colours[beam]
    return room

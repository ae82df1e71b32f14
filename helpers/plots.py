"""Figures in one style: readable when projected and in print, safe for colour-blind readers, with a text twin."""

import base64
import html
import io

import matplotlib
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from PIL import Image

# Okabe and Ito's palette (2008), which stays apart under the common forms of colour blindness, without its yellow.
# Dark ones first: the fourth line of `show_curves` is dotted, and a pale dotted line is hard to see.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#000000", "#CC79A7", "#E69F00", "#56B4E9")

STYLE = {
    "figure.dpi": 100,
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "axes.grid": False,
    "lines.linewidth": 2,
    "legend.frameon": False,
}
# For the whole session: matplotlib looks up most of these when a line or a legend is drawn, not with the figure.
matplotlib.rcParams.update(STYLE)


class Shown:
    """A figure on its way to the page: HTML with the picture and its alt text, and the alt text alone as plain text."""

    def __init__(self, image, alt, width):
        self.image, self.alt, self.width = image, alt, width

    def _repr_mimebundle_(self, include=None, exclude=None):
        alt = html.escape(self.alt, quote=True)
        kind = "png" if self.image.startswith(b"\x89PNG") else "jpeg"
        source = f"data:image/{kind};base64,{base64.b64encode(self.image).decode()}"
        picture = f'<img src="{source}" alt="{alt}" width="{self.width}" style="max-width: 100%">'
        words = alt.replace(" %", "\N{NO-BREAK SPACE}%")  # no line begins with a per cent sign
        caption = f'<div aria-hidden="true" style="max-width: 46em; color: #595959"><small>{words}</small></div>'
        return {"text/html": picture + caption, "text/plain": f"Figure: {self.alt}"}


def new_figure(width=7.0, height=3.5, **grid):
    """Return `(figure, axes)` in the house style, `width` by `height` inches; `grid` goes to `Figure.subplots`.

    The figure is not registered with pyplot: nothing is drawn twice and nothing stays in memory.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(**grid)


def show(picture, *, alt, **options):
    """Put a figure, or a 2-D array drawn as a grey picture, on the page together with its alt text.

    `alt` says in one sentence what a reader who does not see the picture would miss; it also stands below it in small
    print. `options` are those of `draw_picture` and count for arrays only.
    """
    if not isinstance(alt, str) or len(alt.split()) < 4:
        raise ValueError(f"alt={alt!r}: say in a sentence of four words or more what the picture shows.")
    if not isinstance(picture, Figure):
        figure, axes = new_figure(3.2, 3.2)
        draw_picture(axes, picture, **options)
        picture = figure
    display(shown(picture, alt))


def shown(figure, alt):
    """Return the figure as `show` puts it on the page."""
    raw = io.BytesIO()
    figure.savefig(raw, format="png", dpi=120)
    return Shown(compact(raw.getvalue()), alt, round(figure.get_figwidth() * 100))


def compact(png):
    """Return the PNG picture in few bytes, with no difference one could see.

    Drawings become a PNG with a palette of 256 colours; photographs, where JPEG takes less than half of that, a JPEG.
    """
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    palette, photograph = io.BytesIO(), io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(palette, "PNG", optimize=True)
    picture.save(photograph, "JPEG", quality=65, optimize=True)
    return (photograph if 2 * photograph.tell() < palette.tell() else palette).getvalue()


def draw_picture(axes, pixels, title="", values=False, low=None, high=None, cmap="gray"):
    """Draw `pixels` (height, width) or (height, width, 3) without ticks; `values=True` writes the numbers in.

    `low` and `high` fix the grey scale; by default it spans the array. `cmap` is a matplotlib colour map.
    """
    pixels = np.asarray(pixels)
    # Single pixels stay squares where they are to be seen; a photograph is drawn smoothly.
    interpolation = "nearest" if max(pixels.shape[:2]) < 100 else "auto"
    image = axes.imshow(pixels, cmap=cmap, vmin=low, vmax=high, interpolation=interpolation)
    axes.set(title=title, xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    if values:
        write_values(axes, pixels, image)


def write_values(axes, pixels, image):
    """Write each value of a small 2-D array into its square, black or white by what stands out."""
    for (row, column), value in np.ndenumerate(pixels):
        red, green, blue, _ = image.cmap(image.norm(value))
        ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
        axes.text(column, row, f"{value:g}", ha="center", va="center", color=ink, fontsize=11)


def outline(axes, row, column, height, width, colour=COLOURS[1]):
    """Frame the part of a drawn picture that starts at pixel (`row`, `column`) and is `height` by `width` pixels."""
    corner = (column - 0.5, row - 0.5)  # a pixel's middle lies on the whole number
    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=colour, linewidth=3, clip_on=False))


def show_pictures(pictures, *, alt, titles=None, columns=5, size=1.5, **options):
    """Show several pictures in a grid, `size` inches each; `options` are those of `draw_picture`."""
    pictures = list(pictures)
    titles = [""] * len(pictures) if titles is None else list(titles)
    if len(titles) != len(pictures):
        raise ValueError(f"{len(pictures)} pictures but {len(titles)} titles: give one title for each picture.")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    height = rows * (size + (0.3 if any(titles) else 0))
    figure, axes = new_figure(columns * size, height, nrows=rows, ncols=columns, squeeze=False)
    for place in axes.flat[len(pictures) :]:
        place.set_axis_off()
    for place, pixels, title in zip(axes.flat, pictures, titles, strict=False):
        draw_picture(place, pixels, title=title, **options)
    show(figure, alt=alt)


def show_curves(frame, *, alt, ylabel, xlabel="epoch", logy=False):
    """Show each column of a pandas frame as a line over its index, with a legend."""
    figure, axes = new_figure()
    draw_curves(axes, frame, ylabel=ylabel, xlabel=xlabel, logy=logy)
    show(figure, alt=alt)


def draw_curves(axes, frame, *, ylabel, xlabel="epoch", logy=False):
    """Draw each column of a pandas frame as a line over its index, with a legend."""
    for line, (name, values) in zip(("-", "--", "-.", ":") * 3, frame.items(), strict=False):
        axes.plot(frame.index, values, line, label=name, marker="o" if len(frame) == 1 else None)
    axes.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if logy else "linear")
    if np.issubdtype(frame.index.dtype, np.integer):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))  # there is no epoch 1.5
    axes.legend()

"""How one sticker picture is composed: the drawings, a background, stickers on it, what a camera adds.

Every random choice comes from the generator that is passed in, and is a share of the picture's shorter side: the same
generator gives the same picture at any size. The background, what stands about and what the camera adds are chosen in
the same way whatever the class.
"""

import colorsys
import csv
import functools
import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from helpers.places import DATA

ARTWORK = DATA / "stickers"
HELD_OUT = "twemoji"  # the family behind the split "test"; all others are behind "train"
MARGIN = 4  # empty pixels around each drawing
OVERSAMPLING_BELOW = 100  # pixels; smaller pictures are drawn at twice their size and averaged, larger ones as they are


class Piece(NamedTuple):
    """One drawing: whose, of what, and its pixels (RGBA) at full, half and quarter size."""

    family: str
    codepoint: str
    sizes: tuple


@functools.lru_cache(maxsize=2)
def artwork(split):
    """The drawings of a split as a dict: class name, or "prop" → family → list of `Piece`."""
    table = ARTWORK / "stickers.csv"
    if not table.is_file():
        raise ValueError(f"{table.name} is missing in data/stickers/. Get the course's folder again, or restore it.")
    with open(table, newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["family"] == HELD_OUT) == (split == "test")]
    sheets = {}
    for family in dict.fromkeys(row["family"] for row in rows):
        with Image.open(ARTWORK / f"{family}.webp") as sheet:
            sheets[family] = sheet.convert("RGBA")
    pieces = {}
    for row in rows:
        x, y, width, height = (int(row[key]) for key in ("x", "y", "width", "height"))
        # The empty margin lets the edges stay smooth when the drawing is turned; see `turned`.
        drawing = sheets[row["family"]].crop((x, y, x + width, y + height))
        whole = ImageOps.expand(drawing, MARGIN, (0, 0, 0, 0))
        sizes = tuple(whole.reduce(factor) for factor in (1, 2, 4))
        families = pieces.setdefault(row["class"], {})
        families.setdefault(row["family"], []).append(Piece(row["family"], row["codepoint"], sizes))
    return pieces


def picture(rng, name, width, height, split="train"):
    """Compose one picture of the class `name` with the generator `rng`: a uint8 array of shape (height, width, 3)."""
    pieces = artwork(split)
    factor = 2 if min(width, height) < OVERSAMPLING_BELOW else 1
    canvas = background(rng, width * factor, height * factor)
    if rng.random() < 0.3:
        stick(canvas, rng, one_of(rng, pieces["prop"]), longer=rng.uniform(0.15, 0.35), inside=0.3)
    place = stick(canvas, rng, one_of(rng, pieces[name]), longer=rng.uniform(0.75, 1), inside=0.95)
    cover(canvas, rng, place, one_of(rng, pieces["prop"]))
    return developed(canvas.reduce(factor), rng)


def one_of(rng, families):
    """A piece at random: first a family, then one of its drawings."""
    family = list(families.values())[rng.integers(len(families))]
    return family[rng.integers(len(family))]


# Backgrounds. Every picture draws from the same ones, whatever its class.


def colour(rng):
    """A random colour as three floats, 0 to 255: of any hue, from grey to vivid, from dark to bright."""
    hue, saturation, value = rng.random(3)
    return 255 * np.array(colorsys.hsv_to_rgb(hue, 0.85 * saturation, 0.2 + 0.8 * value), np.float32)


@functools.lru_cache(maxsize=4)
def coordinates(width, height):
    """Pixel coordinates with the middle at 0 and the shorter side 1 long: two float32 arrays (height, width)."""
    short = min(width, height)
    x = ((np.arange(width, dtype=np.float32) + 0.5) - width / 2) / short
    y = ((np.arange(height, dtype=np.float32) + 0.5) - height / 2) / short
    return np.meshgrid(x, y)


def noise(rng, width, height, cells):
    """Smooth random values 0 to 1 with about `cells` hills along the picture, as a float32 array (height, width)."""
    grid = rng.integers(0, 256, (cells + 2, cells + 2), dtype=np.uint8)
    smooth = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float32) / 255


def pattern(rng, width, height):
    """A gradient, noise, stripes, checks, dots or waves: float32 values 0 to 1 of shape (height, width)."""
    x, y = coordinates(width, height)
    angle, frequency, share = rng.uniform(0, 2 * math.pi), rng.uniform(2, 7), rng.uniform(0.3, 0.7)
    u, v = math.cos(angle) * x + math.sin(angle) * y, math.cos(angle) * y - math.sin(angle) * x
    kind = rng.integers(10)
    if kind <= 2:
        return np.clip(u + 0.5, 0, 1)
    if kind <= 5:
        return (noise(rng, width, height, int(rng.integers(2, 5))) + noise(rng, width, height, int(2 * frequency))) / 2
    if kind == 6:
        return ((u * frequency) % 1 < share).astype(np.float32)
    if kind == 7:
        return (np.floor(u * frequency) + np.floor(v * frequency)) % 2
    if kind == 8:
        return (np.hypot((u * frequency) % 1 - 0.5, (v * frequency) % 1 - 0.5) < share / 2).astype(np.float32)
    return 0.5 + 0.5 * np.sin(2 * math.pi * frequency * (v + 0.06 * np.sin(2 * math.pi * share * frequency * u)))


def two_tone(rng, width, height):
    """A pattern between two colours: a float32 array (height, width, 3)."""
    low, high = colour(rng), colour(rng)
    near = rng.random()  # many surfaces are of one colour with little change
    return low + pattern(rng, width, height)[..., None] * (high - low) * (0.2 if near < 0.75 else 1)


def background(rng, width, height):
    """A surface, a scene with a horizon, or unrelated shapes on a surface, as an RGB picture."""
    values, kind = two_tone(rng, width, height), rng.random()
    if kind < 0.35:
        _, y = coordinates(width, height)
        ground = two_tone(rng, width, height)
        edge = rng.uniform(-0.2, 0.4) + rng.uniform(0, 0.3) * (noise(rng, width, height, 3)[:1] - 0.5)
        values = np.where((y > edge)[..., None], ground, values)
    canvas = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    if kind > 0.85:
        short, draw = min(width, height), ImageDraw.Draw(canvas)
        for _ in range(rng.integers(3, 9)):
            across, down, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.06, 0.35) * short
            corners = int(rng.integers(2, 6))
            fill = tuple(colour(rng).astype(int).tolist())
            if corners == 2:
                draw.ellipse((across - radius, down - radius, across + radius, down + radius), fill=fill)
            else:
                draw.regular_polygon((across, down, radius), corners, rotation=float(rng.uniform(0, 360)), fill=fill)
    return canvas


# Stickers


def recoloured(rng, sticker):
    """Turn the hue of an RGBA picture, change its saturation and brightness: a little mostly, much now and then."""
    turn = rng.uniform(-math.pi, math.pi) * (1 if rng.random() < 0.12 else 0.06)
    saturation, gain = rng.uniform(0.7, 1.3), rng.uniform(0.75, 1.15)
    # Hue turns about the grey axis; the formula is Rodrigues' rotation about (1, 1, 1)/√3.
    cosine, sine = math.cos(turn), math.sin(turn) / math.sqrt(3)
    third = (1 - cosine) / 3
    rotation = np.array(
        [
            [cosine + third, third - sine, third + sine],
            [third + sine, cosine + third, third - sine],
            [third - sine, third + sine, cosine + third],
        ]
    )
    matrix = gain * (saturation * rotation + (1 - saturation) / 3)
    rows = [(*row, float(rng.uniform(-12, 12))) for row in matrix.tolist()]
    result = sticker.convert("RGB").convert("RGB", [value for row in rows for value in row])
    result.putalpha(sticker.getchannel("A"))
    return result


def turned(piece, side, stretch, angle):
    """The drawing scaled to a longer side of `side` pixels, stretched (mirrored if negative), turned: RGBA."""
    small = [size for size in piece.sizes if max(size.size) >= side]
    drawing = small[-1] if small else piece.sizes[0]
    scale = side * max(piece.sizes[0].size) / (max(piece.sizes[0].size) - 2 * MARGIN) / max(drawing.size)
    width, height = drawing.width * scale * abs(stretch), drawing.height * scale
    cosine, sine = math.cos(angle), math.sin(angle)
    size = [math.ceil(abs(first * cosine) + abs(second * sine)) for first, second in ((width, height), (height, width))]
    # Each pixel of the result looks up its place in the drawing: turned back, then scaled back, about the middles.
    to_x, to_y = (cosine / (scale * stretch), sine / (scale * stretch)), (-sine / scale, cosine / scale)
    moves = [
        own / 2 - row[0] * size[0] / 2 - row[1] * size[1] / 2
        for own, row in zip(drawing.size, (to_x, to_y), strict=True)
    ]
    smooth = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BILINEAR
    return drawing.transform(tuple(size), Image.Transform.AFFINE, (*to_x, moves[0], *to_y, moves[1]), smooth)


def stick(canvas, rng, piece, longer, inside):
    """Paste a piece, turned, mirrored and recoloured, at a random place; return its box (left, top, right, bottom).

    `longer` is its longer side as a share of the canvas's shorter one, `inside` how much of its width and height must
    at least be on the canvas.
    """
    short = min(canvas.size)
    mirror, stretch, angle = rng.choice((-1, 1)), rng.uniform(0.9, 1.1), rng.uniform(-15, 15)
    sticker = recoloured(rng, turned(piece, longer * short, mirror * stretch, math.radians(angle)))
    left, top = (
        round(rng.uniform(*sorted(((inside - 1) * own, length - inside * own))))
        for length, own in zip(canvas.size, sticker.size, strict=True)
    )
    around = math.ceil(0.08 * short)  # pixels over which a rim or a shadow may reach
    style, alpha = rng.random(), ImageOps.expand(sticker.getchannel("A"), around)
    if style < 0.25:  # cut out with a rim of paper
        rim = alpha.filter(ImageFilter.GaussianBlur(0.02 * short)).point([min(255, 8 * value) for value in range(256)])
        canvas.paste((245, 245, 245), (left - around, top - around), rim)
    elif style < 0.6:  # a soft shadow, a little to the right and below
        shadow = alpha.filter(ImageFilter.GaussianBlur(0.03 * short)).point([value // 2 for value in range(256)])
        right, below = round(0.03 * short), round(0.04 * short)
        canvas.paste((20, 20, 25), (left - around + right, top - around + below), shadow)
    canvas.paste(sticker, (left, top), sticker)
    return left, top, left + sticker.width, top + sticker.height


def cover(canvas, rng, place, prop):
    """In a fifth of the pictures, hide a part of the box `place`: behind a prop or a box near its edge."""
    kind, angle = rng.random(), rng.uniform(0, 2 * math.pi)
    if kind > 0.2:
        return
    left, top, right, bottom = place
    across = (left + right) / 2 + 0.5 * math.cos(angle) * (right - left)
    down = (top + bottom) / 2 + 0.5 * math.sin(angle) * (bottom - top)
    reach = 0.2 * max(right - left, bottom - top)
    if kind < 0.08:
        box = [across - reach, down - reach, across + reach, down + reach]
        ImageDraw.Draw(canvas).rectangle(box, fill=tuple(colour(rng).astype(int).tolist()))
        return
    sticker = recoloured(rng, turned(prop, 2 * reach, 1, angle / 10))
    canvas.paste(sticker, (round(across - sticker.width / 2), round(down - sticker.height / 2)), sticker)


def developed(canvas, rng):
    """What a camera adds: blur, exposure, a colour cast, grain. Returns a uint8 array (height, width, 3)."""
    blur = rng.uniform(0, 0.018) * min(canvas.size) if rng.random() < 0.35 else 0
    if blur:
        canvas = canvas.filter(ImageFilter.GaussianBlur(blur))
    contrast, exposure, grain = rng.uniform(0.85, 1.15), rng.uniform(-15, 15), rng.uniform(0, 5)
    cast = rng.uniform(0.94, 1.06, 3)
    levels = (np.arange(256) - 128) * contrast * cast[:, None] + 128 + exposure  # one row per channel
    canvas = canvas.point(np.clip(np.rint(levels), 0, 255).astype(int).ravel().tolist())
    specks = grain * rng.standard_normal((canvas.height, canvas.width, 1), np.float32)
    return np.clip(np.asarray(canvas, np.int16) + np.rint(specks).astype(np.int16), 0, 255).astype(np.uint8)

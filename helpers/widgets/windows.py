"""What both explorers share without any front end: the pictures, and where a sliding window stops."""

import functools
from dataclasses import dataclass

import numpy as np

from helpers import datasets


def worked_stroke():
    """The 5 × 5 picture that lesson 01 works out by hand."""
    return np.array([[0, 0, 2, 9, 6], [0, 1, 8, 9, 2], [0, 5, 9, 4, 0], [2, 9, 7, 1, 0], [7, 9, 2, 0, 0]])


def worked_map():
    """The 4 × 6 map that lesson 02 pools by hand."""
    return np.array([[1, 3, 2, 0, 5, 1], [4, 0, 6, 2, 1, 1], [7, 2, 0, 0, 3, 9], [1, 2, 0, 8, 4, 4]])


def digit(label):
    """The second training digit with that label: 28 × 28. For 7 it is the one in the lessons."""
    folder = datasets.DATA / "mnist"
    labels = datasets.read_idx(folder / datasets.MNIST_FILES["training labels"])
    return datasets.read_idx(folder / datasets.MNIST_FILES["training images"])[labels == label][1]


def cat():
    """The course's cat in grey, 48 × 48: each pixel is the mean of a block of the photograph."""
    grey = datasets.cat_photograph().mean(axis=-1)
    return grey.reshape(48, 6, 48, 6).mean(axis=(1, 3)).round()


PICTURES = {
    "3 × 3, a corner": lambda: worked_stroke()[:3, 2:],
    "5 × 5, a stroke": worked_stroke,
    "4 × 6, a small map": worked_map,
    "28 × 28, a seven": lambda: digit(7),
    "28 × 28, a three": lambda: digit(3),
    "48 × 48, a cat": cat,
}


@functools.cache
def picture(name):
    """The picture of that name: a 2-D array of floats that nobody can change."""
    if name not in PICTURES:
        raise ValueError(f"There is no picture {name!r}. There are: {', '.join(PICTURES)}.")
    pixels = PICTURES[name]().astype(float)
    pixels.setflags(write=False)
    return pixels


@dataclass(frozen=True)
class Windows:
    """The stops of a square window of `size` pixels on a picture of `height` by `width` pixels (padding included)."""

    height: int
    width: int
    size: int
    stride: int

    @property
    def rows(self):
        """Stops from top to bottom; 0 if the window does not fit."""
        return max(0, (self.height - self.size) // self.stride + 1)

    @property
    def columns(self):
        """Stops from left to right; 0 if the window does not fit."""
        return max(0, (self.width - self.size) // self.stride + 1)

    @property
    def count(self):
        """Stops in all."""
        return self.rows * self.columns

    def stop(self, position):
        """Row and column, in stops, of the stop with that number in reading order, or of the nearest that exists."""
        if not self.count:
            return 0, 0
        return divmod(min(max(position, 0), self.count - 1), self.columns)

    def corner(self, position):
        """Row and column, in pixels, of the window's top left pixel at that stop."""
        row, column = self.stop(position)
        return row * self.stride, column * self.stride

    def view(self, pixels):
        """All windows of `pixels` as an array of shape (rows, columns, size, size); nothing is copied."""
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (self.size, self.size))
        return windows[:: self.stride, :: self.stride]

    def unread(self):
        """A sentence about the pixels that no stop reads, or an empty one."""
        if not self.count:
            return ""
        if self.stride > self.size:
            gap = self.stride - self.size
            return f"Stride {self.stride} is wider than the window: it leaps over {plural(gap, 'pixel')} between stops."
        lost = {
            "column": (self.width - self.size) % self.stride,
            "row": (self.height - self.size) % self.stride,
        }
        parts = [f"the last {name if n == 1 else f'{n} {name}s'}" for name, n in lost.items() if n]
        if not parts:
            return ""
        verb = "is" if sum(lost.values()) == 1 else "are"
        return f"{' and '.join(parts).capitalize()} {verb} never read: stride {self.stride} does not reach the end."


def plural(count, noun):
    """The count with its noun: `1 pixel`, `2 pixels`."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def number(value):
    """The value as people write it: a true minus, and three or four digits at most after rounding."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text.replace("-", "−")


def rounded(values):
    """True if `number` does not write all of the values exactly."""
    return any(float(number(value).replace("−", "-")) != value for value in np.ravel(values))

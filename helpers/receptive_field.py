"""Receptive fields: which pixels of the picture the values of a feature map are computed from.

A view is a pair of Axis, for height and width, or None where it is not known.
"""

from typing import NamedTuple


class Axis(NamedTuple):
    """Which pixels the values of a feature map see, along the height or the width of the picture.

    Value number i sees from start + i·step up to, not including, start + i·step + size, but nothing outside 0 … end.
    A start below 0 comes from padding. `count` is the number of values, `picture` that of the pixels.
    """

    start: int
    size: int
    step: int
    count: int
    end: int
    picture: int

    def slide(self, span, stride, before, count):
        """What `count` windows of `span` values see, `stride` values apart; the first begins `before` values early."""
        last = (count - 1) * stride + span - before - 1  # the last value read; it may lie in the padding
        start, size = self.start - before * self.step, self.size + (span - 1) * self.step
        end = min(self.end, self.start + last * self.step + self.size)
        return Axis(start, size, self.step * stride, count, end, self.picture)

    @property
    def whole(self):
        """Whether every value sees the whole length of the picture."""
        last = self.start + (self.count - 1) * self.step
        return self.end == self.picture <= self.start + self.size and max(self.start, last) <= 0


def of_input(shape):
    """The view of an input of this shape, (height, width) or (height, width, channels): every pixel sees itself."""
    if len(shape) not in (2, 3):
        return None
    return tuple(Axis(start=0, size=1, step=1, count=size, end=size, picture=size) for size in shape[:2])


def slide(view, windows):
    """The view after a window has slid over the map; `windows` holds span, stride, before and count for each axis."""
    return view and tuple(axis.slide(*window) for axis, window in zip(view, windows, strict=True))


def all_values(view):
    """The view of values each of which is computed from the whole map."""
    return view and tuple(Axis(0, axis.end, 0, 1, axis.end, axis.picture) for axis in view)


def widest(views):
    """What any of several maps sees; None where their windows move at a different pace."""
    if None in views:
        return None
    both = tuple(widest_axis(axes) for axes in zip(*views, strict=True))
    return None if None in both else both


def widest_axis(axes):
    """`widest` in one direction. Who sees everything may have one value for the whole map, as an attention has."""
    count, picture = max(axis.count for axis in axes), axes[0].picture
    if any(axis.picture != picture for axis in axes):
        return None
    if any(axis.whole for axis in axes):
        return Axis(start=0, size=picture, step=0, count=count, end=picture, picture=picture)
    if any((axis.step, axis.count) != (axes[0].step, count) for axis in axes):
        return None
    start, end = min(axis.start for axis in axes), max(axis.start + axis.size for axis in axes)
    return Axis(start, end - start, axes[0].step, count, max(axis.end for axis in axes), picture)


def text(view):
    """Height × width in pixels, or "all" for the whole picture; "–" where it is not known."""
    if view is None:
        return "–"
    if all(axis.whole for axis in view):
        return "all"
    return " × ".join(f"{axis.picture if axis.whole else axis.size:,}" for axis in view)

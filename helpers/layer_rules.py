"""The arithmetic of a layer: shape, parameters, multiply-adds and receptive field from its settings alone.

One short function per kind of layer, in RULES by the name of its class in Keras. Each takes the layer and what comes in
(one Map, or several) and gives a Step, or None where it cannot say. Nothing here asks Keras for a shape or a count.
"""

from math import floor, prod
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
        last = min(self.count, (count - 1) * stride + span - before) - 1
        return Axis(
            start=self.start - before * self.step,
            size=self.size + (span - 1) * self.step,
            step=self.step * stride,
            count=count,
            end=min(self.end, self.start + last * self.step + self.size),
            picture=self.picture,
        )

    def all_values(self):
        """What one value sees that is computed from all values of the map."""
        return Axis(start=0, size=self.end, step=0, count=1, end=self.end, picture=self.picture)

    @property
    def whole(self):
        """Whether every value sees the whole length of the picture."""
        last = self.start + (self.count - 1) * self.step
        return self.end == self.picture <= self.start + self.size and max(self.start, last) <= 0


class Map(NamedTuple):
    """What a layer takes or gives: its shape without the batch, and its Axis in height and width (None: not known)."""

    shape: tuple
    view: tuple | None


class Step(NamedTuple):
    """What a layer does. `kernels` and `others` hold the factors of each array of weights, as (3, 3, 3, 32).

    Only what is in `kernels` is multiplied with the input, at each of `positions` places. `statistics` are the
    parameters that no optimizer trains.
    """

    shape: tuple
    how: str
    view: tuple | None
    kernels: tuple = ()
    others: tuple = ()
    positions: int = 0
    statistics: int = 0

    @property
    def parameters(self):
        return sum(map(prod, (*self.kernels, *self.others)))

    @property
    def multiply_adds(self):
        return self.positions * sum(map(prod, self.kernels))


def times(factors):
    """The factors as a product in text: (8, 8, 128) gives "8·8·128"."""
    return "·".join(f"{factor:,}" for factor in factors)


def slide(layer, given, kernel, dilation=(1, 1)):
    """Height and width, formula and view after a window has slid over a map as TensorFlow does it.

    With padding "same" TensorFlow adds as many zeros as needed, half of them before, rounded down.
    """
    sizes, formulas, view = [], [], []
    for axis, (size, stride) in enumerate(zip(given.shape[:2], layer.strides, strict=True)):
        span = (kernel[axis] - 1) * dilation[axis] + 1
        if layer.padding == "same":
            count, before = -(-size // stride), max(0, (-(-size // stride) - 1) * stride + span - size) // 2
            formulas.append(f"⌈{size:,}/{stride}⌉ = {count:,}")
        else:
            count, before = floor((size - span) / stride) + 1, 0
            formulas.append(f"⌊({size:,} − {span})/{stride}⌋ + 1 = {count:,}")
        sizes.append(count)
        if is_grid(given):
            view.append(given.view[axis].slide(span, stride, before, count))
    return tuple(sizes), ", ".join(dict.fromkeys(formulas)), tuple(view) or None


def is_grid(given):
    """Whether the view still fits the map: not after values were flattened and put into another shape."""
    return given.view is not None and given.shape[:2] == tuple(axis.count for axis in given.view)


def of_all_values(given):
    """The view of one value that is computed from the whole map."""
    return given.view and tuple(axis.all_values() for axis in given.view)


def bias(layer, channels):
    """The factors of the bias: one number per channel, where there is one."""
    return ((channels,),) if layer.use_bias else ()


def convolution(layer, given):
    """Each filter holds one kernel per channel it looks at, and each filter has one bias."""
    size, how, view = slide(layer, given, layer.kernel_size, layer.dilation_rate)
    kernels = ((*layer.kernel_size, given.shape[2] // layer.groups, layer.filters),)
    return Step((*size, layer.filters), how, view, kernels, bias(layer, layer.filters), prod(size))


def depthwise(layer, given):
    """Each channel has kernels of its own; the channels do not mix."""
    size, how, view = slide(layer, given, layer.kernel_size, layer.dilation_rate)
    channels = given.shape[2] * layer.depth_multiplier
    return Step((*size, channels), how, view, ((*layer.kernel_size, channels),), bias(layer, channels), prod(size))


def separable(layer, given):
    """A depthwise convolution, then one of 1 × 1 that mixes the channels; one bias for both."""
    size, how, view = slide(layer, given, layer.kernel_size, layer.dilation_rate)
    channels = given.shape[2] * layer.depth_multiplier
    kernels = ((*layer.kernel_size, channels), (channels, layer.filters))
    return Step((*size, layer.filters), how, view, kernels, bias(layer, layer.filters), prod(size))


def pooling(layer, given):
    """A window slides as in a convolution, but nothing is learned."""
    size, how, view = slide(layer, given, layer.pool_size)
    return Step((*size, given.shape[2]), how, view)


def global_pooling(layer, given):
    """One value per channel, computed from the whole map."""
    channels = given.shape[2]
    shape = (1, 1, channels) if layer.keepdims else (channels,)
    return Step(shape, f"{channels:,} channels", of_all_values(given))


def flatten(layer, given):
    """The same values in one row. Each still sees what it saw."""
    size = prod(given.shape)
    return Step((size,), f"{times(given.shape)} = {size:,}", given.view)


def reshape(layer, given):
    """The same values in another shape; -1 stands for what is left."""
    size = prod(given.shape)
    known = prod(length for length in layer.target_shape if length != -1)
    shape = tuple(size // known if length == -1 else length for length in layer.target_shape)
    return Step(shape, f"{times(given.shape)} = {times(shape)}", given.view)


def dense(layer, given):
    """Every unit has a weight for each value that comes in, and a bias. On a map it works at each place alone."""
    *places, values = given.shape
    view = given.view if places else of_all_values(given)
    kernels = ((values, layer.units),)
    shape = (*places, layer.units)
    return Step(shape, f"{layer.units:,} units", view, kernels, bias(layer, layer.units), prod(places))


def batch_normalization(layer, given):
    """Mean and variance of each channel, kept and not trained, and its learned scale and offset."""
    if layer.axis not in (-1, len(given.shape)):
        return None
    channels = given.shape[-1]
    arrays = 2 + bool(layer.scale) + bool(layer.center)
    return Step(given.shape, "unchanged", given.view, others=((arrays, channels),), statistics=2 * channels)


def normalization(layer, given):
    """Mean and variance of each channel and the number of examples seen, unless they were given as numbers."""
    if layer.axis not in ((-1,), (len(given.shape),)):
        return None
    arrays = ((2, given.shape[-1]), (1,)) if layer.input_mean is None else ()
    return Step(given.shape, "unchanged", given.view, others=arrays, statistics=sum(map(prod, arrays)))


def zero_padding(layer, given):
    """Rows and columns of zeros around the map."""
    sizes = tuple(size + sum(zeros) for size, zeros in zip(given.shape[:2], layer.padding, strict=True))
    sums = zip(given.shape[:2], layer.padding, sizes, strict=True)
    formulas = [f"{before} + {size:,} + {after} = {total:,}" for size, (before, after), total in sums]
    view = is_grid(given) and tuple(
        axis.slide(span=1, stride=1, before=before, count=size)
        for axis, (before, _), size in zip(given.view, layer.padding, sizes, strict=True)
    )
    return Step((*sizes, given.shape[2]), ", ".join(dict.fromkeys(formulas)), view or None)


def unchanged(layer, given):
    """Every value is changed by itself or, as in softmax, with the other channels of its place."""
    return (
        None if getattr(layer, "axis", -1) not in (-1, len(given.shape)) else Step(given.shape, "unchanged", given.view)
    )


def merge(layer, *given):
    """Value by value, from maps of one shape or from one value per channel."""
    if len({len(one.shape) for one in given}) > 1:
        return None
    shape = tuple(map(max, zip(*(one.shape for one in given), strict=True)))
    return Step(shape, "unchanged", widest(given))


def concatenate(layer, *given):
    """The channels of all maps behind each other."""
    if layer.axis not in (-1, len(given[0].shape)):
        return None
    channels = [one.shape[-1] for one in given]
    how = f"{' + '.join(f'{number:,}' for number in channels)} = {sum(channels):,}"
    return Step((*given[0].shape[:-1], sum(channels)), how, widest(given))


def widest(given):
    """What any of several maps sees; None where their windows move at a different pace."""
    if any(one.view is None for one in given):
        return None
    view = []
    for axes in zip(*(one.view for one in given), strict=True):
        first, count = axes[0], max(axis.count for axis in axes)
        if len({axis.picture for axis in axes}) > 1:
            return None
        if any(axis.whole for axis in axes):
            view.append(Axis(0, first.picture, 0, count, first.picture, first.picture))
        elif len({(axis.step, axis.count) for axis in axes}) > 1:
            return None
        else:
            start, end = min(axis.start for axis in axes), max(axis.start + axis.size for axis in axes)
            view.append(first._replace(start=start, size=end - start, end=max(axis.end for axis in axes)))
    return tuple(view)


UNCHANGED = ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Rescaling", "Identity")
# These work in training only; in prediction they let every value pass.
RANDOM = ("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "AlphaDropout", "RandomFlip")
RANDOM += ("RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear", "RandomContrast", "RandomBrightness")

RULES = {
    "Conv2D": convolution,
    "DepthwiseConv2D": depthwise,
    "SeparableConv2D": separable,
    "MaxPooling2D": pooling,
    "AveragePooling2D": pooling,
    "GlobalMaxPooling2D": global_pooling,
    "GlobalAveragePooling2D": global_pooling,
    "Flatten": flatten,
    "Reshape": reshape,
    "Dense": dense,
    "BatchNormalization": batch_normalization,
    "Normalization": normalization,
    "ZeroPadding2D": zero_padding,
    "Concatenate": concatenate,
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), merge),
    **dict.fromkeys((*UNCHANGED, *RANDOM), unchanged),
}

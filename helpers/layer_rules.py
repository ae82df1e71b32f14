"""The arithmetic of a layer: shape, parameters, multiply-adds and receptive field from its settings alone.

One short function per kind of layer, in RULES by the name of its class in Keras. Each takes the layer and what comes in
(one Map, or several) and gives a Step, or None where it cannot say. Nothing here asks Keras for a shape or a count.
"""

from math import prod
from typing import NamedTuple

from helpers import receptive_field


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
    sizes, formulas, windows = [], [], []
    for size, length, holes, stride in zip(given.shape[:2], kernel, dilation, layer.strides, strict=True):
        span = (length - 1) * holes + 1
        if layer.padding == "same":
            count = -(-size // stride)
            before = max(0, (count - 1) * stride + span - size) // 2
            formulas.append(f"⌈{size:,}/{stride}⌉ = {count:,}")
        else:
            count, before = (size - span) // stride + 1, 0
            formulas.append(f"⌊({size:,} − {span})/{stride}⌋ + 1 = {count:,}")
        sizes.append(count)
        windows.append((span, stride, before, count))
    return tuple(sizes), once(formulas), receptive_field.slide(given.view, windows)


def once(formulas):
    """The formulas for height and width, or one if it holds for both."""
    return ", ".join(dict.fromkeys(formulas))


def convolve(layer, given, channels, *kernels):
    """A convolution that gives `channels` channels; `kernels` holds the factors of its arrays of kernels."""
    size, how, view = slide(layer, given, layer.kernel_size, layer.dilation_rate)
    bias = ((channels,),) if layer.use_bias else ()
    return Step((*size, channels), how, view, kernels, bias, positions=prod(size))


def convolution(layer, given):
    """Each filter holds one kernel for every channel that it looks at."""
    return convolve(layer, given, layer.filters, (*layer.kernel_size, given.shape[2] // layer.groups, layer.filters))


def depthwise(layer, given):
    """Each channel has kernels of its own; the channels do not mix."""
    channels = given.shape[2] * layer.depth_multiplier
    return convolve(layer, given, channels, (*layer.kernel_size, channels))


def separable(layer, given):
    """A depthwise convolution, then one of 1 × 1 that mixes the channels; one bias for both."""
    channels = given.shape[2] * layer.depth_multiplier
    return convolve(layer, given, layer.filters, (*layer.kernel_size, channels), (channels, layer.filters))


def pooling(layer, given):
    """A window slides as in a convolution, but nothing is learned."""
    size, how, view = slide(layer, given, layer.pool_size)
    return Step((*size, given.shape[2]), how, view)


def global_pooling(layer, given):
    """One value per channel, computed from the whole map."""
    *size, channels = given.shape
    shape = (1, 1, channels) if layer.keepdims else (channels,)
    return Step(shape, f"{times(size)} → 1", receptive_field.all_values(given.view))


def flatten(layer, given):
    """The same values in one row. Each still sees what it saw."""
    size = prod(given.shape)
    return Step((size,), f"{times(given.shape)} = {size:,}", given.view)


def reshape(layer, given):
    """The same values in another shape; -1 stands for what is left."""
    left = prod(given.shape) // prod(length for length in layer.target_shape if length != -1)
    shape = tuple(left if length == -1 else length for length in layer.target_shape)
    # A row of values still stands in the order of the map that it was; another map has places of its own.
    same = given.view and (len(shape) == 1 or shape[:-1] == tuple(axis.count for axis in given.view))
    return Step(shape, f"{times(given.shape)} = {times(shape)}", given.view if same else None)


def dense(layer, given):
    """Every unit has a weight for each value that comes in, and a bias. On a map it works at each place alone."""
    *places, values = given.shape
    view = receptive_field.all_values(given.view) if not places else given.view if len(places) == 2 else None
    bias = ((layer.units,),) if layer.use_bias else ()
    kernels, how = ((values, layer.units),), f"{layer.units:,} unit" + "s" * (layer.units != 1)
    return Step((*places, layer.units), how, view, kernels, bias, positions=prod(places))


def batch_normalization(layer, given):
    """Mean and variance of each channel, kept and not trained, and its learned scale and offset."""
    if layer.axis not in (-1, len(given.shape)):
        return None
    channels = given.shape[-1]
    arrays = 2 + bool(layer.scale) + bool(layer.center)
    return Step(given.shape, "", given.view, others=((arrays, channels),), statistics=2 * channels)


def normalization(layer, given):
    """Mean and variance of each channel and the number of examples seen, unless they were given as numbers."""
    if layer.axis not in ((-1,), (len(given.shape),)):
        return None
    arrays = ((2, given.shape[-1]), (1,)) if layer.input_mean is None else ()
    return Step(given.shape, "", given.view, others=arrays, statistics=sum(map(prod, arrays)))


def zero_padding(layer, given):
    """Rows and columns of zeros around the map."""
    sizes, formulas, windows = [], [], []
    for size, (before, after) in zip(given.shape[:2], layer.padding, strict=True):
        sizes.append(before + size + after)
        formulas.append(f"{before} + {size:,} + {after} = {sizes[-1]:,}")
        windows.append((1, 1, before, sizes[-1]))
    return Step((*sizes, given.shape[2]), once(formulas), receptive_field.slide(given.view, windows))


def unchanged(layer, given):
    """Every value is changed by itself."""
    return Step(given.shape, "", given.view)


def activation(layer, given):
    """Every value by itself, unless the function is a softmax or one of its kin."""
    name = getattr(layer.activation, "__name__", "")
    return softmax(layer, given) if name.endswith("max") else unchanged(layer, given)


def softmax(layer, given):
    """Every value is compared with the other channels of its place; in a row of values, with all."""
    *places, _ = given.shape
    if len(places) == 1 or getattr(layer, "axis", -1) not in (-1, len(given.shape)):
        return None
    return Step(given.shape, "", given.view if places else receptive_field.all_values(given.view))


def merge(layer, *given):
    """Value by value, from maps of one shape or from one value per channel."""
    if len({len(one.shape) for one in given}) > 1:
        return None
    shape = tuple(map(max, zip(*(one.shape for one in given), strict=True)))
    return Step(shape, "", receptive_field.widest([one.view for one in given]))


def concatenate(layer, *given):
    """The channels of all maps behind each other."""
    if layer.axis not in (-1, len(given[0].shape)):
        return None
    channels = [one.shape[-1] for one in given]
    how = f"{' + '.join(f'{number:,}' for number in channels)} = {sum(channels):,}"
    return Step((*given[0].shape[:-1], sum(channels)), how, receptive_field.widest([one.view for one in given]))


UNCHANGED = ("ReLU", "LeakyReLU", "ELU", "Rescaling", "Identity")
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
    "Activation": activation,
    "Softmax": softmax,
    "Concatenate": concatenate,
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), merge),
    **dict.fromkeys((*UNCHANGED, *RANDOM), unchanged),
}

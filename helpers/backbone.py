"""EfficientNet-Lite0, trained on ImageNet: a network to build on, from weights that ship with the course.

The network is Google's (2020), its weights are in data/efficientnet_lite0; data/README.md says where they come from.
`authoring.convert_backbone` wrote them.
"""

import functools

import numpy as np

from helpers.arguments import whole_number
from helpers.places import DATA

FOLDER = DATA / "efficientnet_lite0"
FEATURES, CLASSIFIER, WORDS = FOLDER / "features.npz", FOLDER / "classifier.npz", FOLDER / "words.txt"
ADVICE = "Get the folder data/efficientnet_lite0 of the course again."
NUM_CLASSES = 1000
# Kernel size, channels out, how many times as many channels inside, stride of the first block, how many blocks.
STAGES = (
    (3, 16, 1, 1, 1),
    (3, 24, 6, 2, 2),
    (5, 40, 6, 2, 2),
    (3, 80, 6, 2, 3),
    (5, 112, 6, 1, 3),
    (5, 192, 6, 2, 4),
    (3, 320, 6, 1, 1),
)


def efficientnet_lite0(image_size=224, classify=False):
    """Return EfficientNet-Lite0 with its ImageNet weights, a functional Keras model.

    Parameters
    ----------
    image_size : int
        Side of the square pictures in pixels, 32 to 1,024. It was trained at 224; smaller pictures are faster and
        recognised less well. The weights are the same for every size.
    classify : bool
        With False the model ends in the feature map (n, h, w, 1280) with h = w = image_size / 32, rounded up;
        pooling it and what comes after is yours; 3,413,024 parameters. With True it ends in "logits" (n, 1000), one
        score, not a probability, for each of `imagenet_words()`; 4,694,024 parameters.

    Input: (n, image_size, image_size, 3) pixels 0 to 255, uint8 or floats; "rescaling" makes them (x - 127) / 128.
    The layers are named stem_…, block_01_… to block_16_…, head_…; each is a layer of Keras itself. The weights are
    float32, stored as float16. Everything can be trained; `model.trainable = False` freezes it, and then the layers
    that end in _norm use their stored mean and variance in training too.

    Raises ValueError for a size outside these limits, and if the files with the weights are missing or damaged.
    """
    whole_number("image_size", image_size, 32, 1024)
    model = build(image_size, classify)
    load(model, FEATURES, *([CLASSIFIER] if classify else []))
    return model


def build(image_size=224, classify=False):
    """Return the network of `efficientnet_lite0` with random weights."""
    import keras
    from keras import layers

    def normalize(x, name, relu=True):
        x = layers.BatchNormalization(epsilon=1e-3, momentum=0.99, name=f"{name}_norm")(x)
        return layers.ReLU(max_value=6, name=f"{name}_relu6")(x) if relu else x

    def convolve(x, filters, name, relu=True, **settings):
        settings = {"kernel_size": 1, "padding": "same", "use_bias": False} | settings
        x = layers.Conv2D(filters, name=f"{name}_conv", **settings)(x)
        return normalize(x, name, relu)

    def block(x, name, kernel_size, filters, widen, strides):
        """More channels, a convolution of each by itself, and back to few channels; the block's input is added."""
        given = x
        if widen > 1:
            x = convolve(x, widen * given.shape[-1], f"{name}_expand")
        x = layers.DepthwiseConv2D(
            kernel_size, strides=strides, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
        )(x)
        x = normalize(x, f"{name}_depthwise")
        x = convolve(x, filters, f"{name}_project", relu=False)
        return layers.Add(name=f"{name}_add")([given, x]) if x.shape == given.shape else x

    inputs = keras.Input(shape=(image_size, image_size, 3), name="pictures")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(inputs)
    x = convolve(x, 32, "stem", kernel_size=3, strides=2)
    number = 0
    for kernel_size, filters, widen, strides, repeats in STAGES:
        for repeat in range(repeats):
            number += 1
            x = block(x, f"block_{number:02}", kernel_size, filters, widen, strides if repeat == 0 else 1)
    x = convolve(x, 1280, "head")
    if classify:
        x = layers.GlobalAveragePooling2D(name="pooling")(x)
        x = layers.Dense(NUM_CLASSES, name="logits")(x)
    return keras.Model(inputs, x, name="efficientnet_lite0")


@functools.cache
def imagenet_words():
    """The 1,000 classes of ImageNet in English: a tuple of str, in the order of the logits, no word twice.

    281 to 285 are cats, 151 to 268 dogs. Source: torchvision's list (see data/README.md). Raises ValueError if the
    file is missing or damaged.
    """
    words = tuple(existing(WORDS).read_text(encoding="utf-8").splitlines())
    if len(words) != NUM_CLASSES:
        raise ValueError(f"{WORDS.name} holds {len(words):,} lines, expected 1,000. {ADVICE}")
    return words


def existing(path):
    if not path.is_file():
        raise ValueError(f"{path.name} is missing in data/{path.parent.name}/. {ADVICE}")
    return path


def named_weights(model):
    """The weights of `model` as a dict: "layer.weight", as in "stem_conv.kernel" → variable of Keras."""
    return {f"{layer.name}.{weight.name}": weight for layer in model.layers for weight in layer.weights}


def load(model, *paths):
    """Set all weights of `model` from the arrays in the .npz files `paths`, whose names are those of `named_weights`.

    Raises ValueError naming the first array that is missing, too many, or of another shape.
    """
    arrays = {}
    for path in map(existing, paths):
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays.update(stored)
        except Exception as error:  # a damaged archive may raise nearly anything
            raise ValueError(f"{path.name} cannot be read ({str(error)[:100]}). {ADVICE}") from error
    weights = named_weights(model)
    check({name: array.shape for name, array in arrays.items()}, {name: one.shape for name, one in weights.items()})
    for name, weight in weights.items():
        weight.assign(arrays[name].astype(np.float32))


def check(found, wanted):
    """Raise ValueError unless both dicts, name of an array → its shape, are the same; it names what differs."""
    if missing := sorted(wanted.keys() - found.keys()):
        raise ValueError(f"{len(missing)} of the network's weights have no array: {', '.join(missing[:3])}. {ADVICE}")
    if unused := sorted(found.keys() - wanted.keys()):
        raise ValueError(f"{len(unused)} arrays have no place in the network: {', '.join(unused[:3])}. {ADVICE}")
    for name, shape in wanted.items():
        if tuple(found[name]) != tuple(shape):
            raise ValueError(f"{name} has the shape {tuple(found[name])}, expected {tuple(shape)}. {ADVICE}")

"""The networks of the source tutorials and the course's own, one builder each.

A lesson shows its network in full; benchmarks and tests use these. A test compares the two layer by layer.
"""

import hashlib
import json

import keras
from keras import layers


def mnist_s4():
    """S4's digit network 784-32-64-100-10: raw pixels divided by 255 in, ten probabilities out; 1,274,326 parameters.

    Input (n, 28, 28, 1) floats 0..1. Source: the Keras e-book of 2018-19 that lesson 05 follows, chapter 5.
    """
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(32, kernel_size=3, padding="same", activation="relu"),
            layers.Conv2D(64, kernel_size=3, padding="same", activation="relu"),
            layers.MaxPooling2D(pool_size=2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(100, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ],
        name="mnist_s4",
    )


def mnist_ours(augmentation=True, batch_norm=True):
    """The course's digit network: raw pixels in, ten probabilities out; 66,986 parameters.

    Input (n, 28, 28, 1) floats 0..255. The three random layers work in training only. The two switches leave out what
    they name, to measure what it is worth; a convolution without batch normalisation gets a bias instead.
    """
    network = [keras.Input(shape=(28, 28, 1))]
    if augmentation:
        network += [
            layers.RandomRotation(15 / 360, fill_mode="constant"),
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
            layers.RandomZoom(0.15, 0.15, fill_mode="constant"),
        ]
    network.append(layers.Rescaling(1 / 255))
    for filters, kernel_size, pool in [(32, 5, True), (64, 3, False), (64, 3, True)]:
        network.append(layers.Conv2D(filters, kernel_size=kernel_size, use_bias=not batch_norm))
        network += [layers.MaxPooling2D(pool_size=2)] if pool else []
        network += [layers.BatchNormalization(momentum=0.9)] if batch_norm else []
        network.append(layers.Activation("relu"))
    network += [layers.Flatten(), layers.Dropout(0.3), layers.Dense(10, activation="softmax")]
    return keras.Sequential(network, name="mnist_ours")


def dense_s3():
    """S3's digit network 784-50-50-10: pixels divided by 255 in, ten probabilities out; 42,310 parameters.

    Input (n, 28, 28, 1) floats 0..1. Source: the 2020 blog post that lesson 04 follows. It gives the hidden
    size, 50, but not the number of hidden layers; two are usual for this example.
    """
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Flatten(),
            layers.Dense(50, activation="relu"),
            layers.Dense(50, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ],
        name="dense_s3",
    )


def dense_ours(rotation=15 / 360, shift=0.1, zoom=0.15, units=256, dropout=0.0):
    """The course's dense network: raw pixels in, two wide hidden layers, ten probabilities out; 270,858 parameters.

    Input (n, 28, 28, 1) floats 0..255. The random layers work in training only; a range or a rate of 0 leaves
    its layer out.
    """
    network = [keras.Input(shape=(28, 28, 1))]
    network += [layers.RandomRotation(rotation, fill_mode="constant")] if rotation else []
    network += [layers.RandomTranslation(shift, shift, fill_mode="constant")] if shift else []
    network += [layers.RandomZoom(zoom, zoom, fill_mode="constant")] if zoom else []
    network += [layers.Rescaling(1 / 255), layers.Flatten()]
    for _ in range(2):
        network.append(layers.Dense(units, use_bias=False))
        network.append(layers.BatchNormalization(momentum=0.9))
        network.append(layers.Activation("relu"))
        network += [layers.Dropout(dropout)] if dropout else []
    network.append(layers.Dense(10, activation="softmax"))
    return keras.Sequential(network, name="dense_ours")


def cifar10_s1(dropout=True, batch_norm=True, pool_after=(2, 3), units=(32,)):
    """S1's network for CIFAR-10: pixels divided by 255 in, ten probabilities out; 393,962 parameters.

    Input (n, 32, 32, 3) floats 0..1. Source: the tutorial that lesson 06 follows. The arguments change one thing each,
    to measure what it is worth: the two switches, the convolutions (1 to 4) that are followed by pooling, and the
    units of the dense layers before the last.
    """

    def calmed(share):
        return [layers.Dropout(share)] * dropout + [layers.BatchNormalization() for _ in range(batch_norm)]

    network = [keras.Input(shape=(32, 32, 3))]
    for number, filters in enumerate((32, 64, 64, 128), start=1):
        network.append(layers.Conv2D(filters, kernel_size=3, padding="same", activation="relu"))
        network += [layers.MaxPooling2D(pool_size=2)] if number in pool_after else []
        network += calmed(0.2)
    network += [layers.Flatten(), *([layers.Dropout(0.2)] * dropout)]
    for number in units:
        network += [layers.Dense(number, activation="relu"), *calmed(0.3)]
    network.append(layers.Dense(10, activation="softmax"))
    return keras.Sequential(network, name="cifar10_s1")


def cifar10_speed(filters=(32, 64, 128), whitening=True, pool_after=1):
    """The course's fast network for CIFAR-10: raw pixels in, ten scores out (no softmax).

    Input (n, 32, 32, 3), 0..255. The first convolution is fixed, and lesson 13 sets it so that it whitens the pictures;
    without `whitening` it is trained as the others are. Each number in `filters` is a block of two convolutions, with
    pooling behind the first or, with `pool_after=2`, behind the second. The ideas are those of airbench (Keller
    Jordan, 2024).
    """
    network = [
        keras.Input(shape=(32, 32, 3)),
        layers.Rescaling(1 / 63, offset=-2),  # about mean 0 and standard deviation 1
        layers.Conv2D(24, kernel_size=2, use_bias=False, trainable=not whitening, name="whitening"),
        layers.Activation("relu"),
    ]
    for number in filters:
        for place in (1, 2):
            network.append(layers.Conv2D(number, kernel_size=3, padding="same", use_bias=False))
            if place == pool_after:
                network.append(layers.MaxPooling2D(pool_size=2))
            network += [layers.BatchNormalization(momentum=0.6, scale=False), layers.Activation("relu")]
    network += [layers.GlobalMaxPooling2D(), layers.Dense(10, use_bias=False), layers.Rescaling(1 / 9, dtype="float32")]
    return keras.Sequential(network, name="cifar10_speed")


def cats_dogs_model(number, image_size=224):
    """One of S5's three networks for cats and dogs: pixels divided by 255 in, two probabilities out (cat, dog).

    Input (n, image_size, image_size, 3) floats 0..1. Number 1 has one convolution of 16 filters, number 2 one of 32,
    number 3 two of 32: 25,234,242, 50,468,098 and 12,400,930 parameters at 224 pixels, nearly all of them in the first
    dense layer. Number 0 has none: what the tutorial's dense network may be, which it does not show; 19,267,970.
    Source: the tutorial that lesson 07 follows. Raises ValueError for another number.
    """
    convolutions = {0: (), 1: (16,), 2: (32,), 3: (32, 32)}
    if number not in convolutions:
        raise ValueError(f"number={number!r}: choose one of the networks 1, 2 and 3, or 0 for the dense one.")
    network = [keras.Input(shape=(image_size, image_size, 3))]
    for filters in convolutions[number]:
        network.append(layers.Conv2D(filters, kernel_size=3, activation="relu"))
        network.append(layers.MaxPooling2D(pool_size=2, padding="same"))
    network.append(layers.Flatten())
    network.append(layers.Dense(128, activation="relu"))
    network.append(layers.Dense(2, activation="softmax"))
    return keras.Sequential(network, name=f"cats_dogs_model_{number}" if number else "cats_dogs_dense")


def cats_dogs_scratch(image_size=112, filters=(16, 32, 64, 128, 192), dropout=0.3):
    """The course's network for cats and dogs: raw pixels in, two scores out (no softmax; cat, dog); 848,242 parameters.

    Input (n, image_size, image_size, 3), 0..255. The first convolution halves height and width, and so does each block
    of two convolutions behind it; a global mean ends them, so that the size of the picture adds no parameter.
    """
    network = [
        keras.Input(shape=(image_size, image_size, 3)),
        layers.Rescaling(1 / 64, offset=-2),  # about mean 0 and standard deviation 1
    ]
    for number, strides in [(filters[0], 2), *((number, strides) for number in filters[1:] for strides in (2, 1))]:
        kernel_size = 3 if len(network) > 2 else 5
        network += [
            layers.Conv2D(number, kernel_size=kernel_size, strides=strides, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
        ]
    network += [layers.GlobalAveragePooling2D(), layers.Dropout(dropout), layers.Dense(2)]
    return keras.Sequential(network, name="cats_dogs_scratch")


def xception_s2(image_size=180):
    """S2's small Xception: raw pixels in, the probability of a dog out; 2,731,065 parameters.

    Input (n, image_size, image_size, 3), 0..255; output (n, 1). A convolution of 1 × 1 leads around each of the three
    blocks. Source: the post that lesson 08 follows, after an example of the Keras documentation.
    """
    pictures = keras.Input(shape=(image_size, image_size, 3))
    x = layers.Rescaling(1 / 255)(pictures)
    x = layers.Conv2D(128, kernel_size=3, strides=2, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = around = layers.Activation("relu")(x)
    for size in (256, 512, 728):
        for _ in range(2):
            x = layers.Activation("relu")(x)
            x = layers.SeparableConv2D(size, kernel_size=3, padding="same")(x)
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(pool_size=3, strides=2, padding="same")(x)
        around = layers.Conv2D(size, kernel_size=1, strides=2, padding="same")(around)
        x = around = layers.add([x, around])
    x = layers.SeparableConv2D(1024, kernel_size=3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(pictures, layers.Dense(1, activation="sigmoid")(x), name="xception_s2")


# What decides the computation of the layers used in the course. Names are not among it: Keras numbers them by how many
# layers were built before. Nor is what a later Keras may add: it must not make all recorded runs look outdated.
SETTINGS = (
    *("filters", "units", "kernel_size", "pool_size", "strides", "padding", "depth_multiplier", "activation"),
    *("use_bias", "rate", "momentum", "epsilon", "scale", "offset"),
    *("factor", "height_factor", "width_factor", "fill_mode", "mode"),
)


def layer_table(model):
    """What `model` computes, layer by layer: [class, settings that count, output shape, parameters]."""
    table = []
    for layer in model.layers:
        settings = {key: value for key, value in layer.get_config().items() if key in SETTINGS}
        table.append([type(layer).__name__, settings, layer.output.shape, layer.count_params()])
    return table


def configuration_sha256(model, recipe):
    """SHA-256 of the network's layers and of `recipe` (a dict of training settings): stored with a recorded run."""
    text = json.dumps([layer_table(model), recipe], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()

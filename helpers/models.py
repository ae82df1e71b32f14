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
    network += [layers.GlobalMaxPooling2D(), layers.Dense(10, use_bias=False), layers.Rescaling(1 / 9)]
    return keras.Sequential(network, name="cifar10_speed")


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

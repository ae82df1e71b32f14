"""The table of a network: counted by hand, compared with Keras, and its receptive fields and multiply-adds measured."""

import functools
import inspect
import math
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from helpers import layer_rules, quiet
from helpers import receptive_field as field

quiet.start_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers as kl  # noqa: E402

from helpers import models  # noqa: E402
from helpers.explain import explain, graph_of, memory_text, picture, walk  # noqa: E402

COLUMNS = ["output shape", "how it comes about", "parameters", "sees", "multiply-adds"]


def plain(text):
    """The text with ordinary spaces."""
    return re.sub(r"\s", " ", text)


def rows_of(model, batch_size=1):
    return explain(model, batch_size).map(plain).reset_index(names="layer").to_dict("records")


def number(text):
    """What a text of the table ends with, without its remark: "3·3 + 1 = 1,010 (not trained)" gives 1010."""
    return int(text.partition(" (")[0].split(" ")[-1].replace(",", ""))


def value(formula):
    """A formula of the table, worked out by Python."""
    text = formula.replace(",", "").replace("·", "*").replace("−", "-")
    text = text.replace("⌊", "floor(").replace("⌈", "ceil(").replace("⌋", ")").replace("⌉", ")")
    return eval(text, {"floor": math.floor, "ceil": math.ceil})


def sequential(*given, shape=(32, 32, 3), name=None):
    return keras.Sequential([keras.Input(shape), *given], name=name)


def s5(*filters):
    """One of S5's three. Zeros, because drawing 50 million weights takes seconds."""
    network = sequential(shape=(224, 224, 3))
    for number_of_filters in filters:
        network.add(kl.Conv2D(number_of_filters, 3, activation="relu"))
        network.add(kl.MaxPooling2D(2, padding="same"))
    network.add(kl.Flatten())
    network.add(kl.Dense(128, activation="relu", kernel_initializer="zeros"))
    network.add(kl.Dense(2, activation="softmax"))
    return network


def xception():
    """S2's small Xception: three blocks with a strided 1 × 1 convolution around each."""
    pictures = keras.Input((180, 180, 3))
    x = kl.Conv2D(128, 3, strides=2, padding="same")(kl.Rescaling(1 / 255)(pictures))
    x = before = kl.Activation("relu")(kl.BatchNormalization()(x))
    for size in (256, 512, 728):
        for _ in range(2):
            x = kl.SeparableConv2D(size, 3, padding="same")(kl.Activation("relu")(x))
            x = kl.BatchNormalization()(x)
        x = kl.MaxPooling2D(3, strides=2, padding="same")(x)
        x = before = kl.add([x, kl.Conv2D(size, 1, strides=2, padding="same")(before)])
    x = kl.Activation("relu")(kl.BatchNormalization()(kl.SeparableConv2D(1024, 3, padding="same")(x)))
    x = kl.Dropout(0.5)(kl.GlobalAveragePooling2D()(x))
    return keras.Model(pictures, kl.Dense(1, activation="sigmoid")(x))


def builders():
    """Every network of helpers.models that is built without being told anything."""
    found = []
    for name, function in inspect.getmembers(models, inspect.isfunction):
        arguments = inspect.signature(function).parameters.values()
        if function.__module__ == models.__name__ and all(one.default is not one.empty for one in arguments):
            found.append(name)
    return found


# Counted with pencil and paper.
S1_BY_HAND = """
Input              | 32 × 32 × 3   |                         | 0                              | 1 × 1   | 0
Conv2D             | 32 × 32 × 32  | ⌈32/1⌉ = 32             | 3·3·3·32 + 32 = 896            | 3 × 3   | 884,736
Dropout            | 32 × 32 × 32  |                         | 0                              | 3 × 3   | 0
BatchNormalization | 32 × 32 × 32  |                         | 4·32 = 128 (64 not trained)    | 3 × 3   | 0
Conv2D             | 32 × 32 × 64  | ⌈32/1⌉ = 32             | 3·3·32·64 + 64 = 18,496        | 5 × 5   | 18,874,368
MaxPooling2D       | 16 × 16 × 64  | ⌊(32 − 2)/2⌋ + 1 = 16   | 0                              | 6 × 6   | 0
Dropout            | 16 × 16 × 64  |                         | 0                              | 6 × 6   | 0
BatchNormalization | 16 × 16 × 64  |                         | 4·64 = 256 (128 not trained)   | 6 × 6   | 0
Conv2D             | 16 × 16 × 64  | ⌈16/1⌉ = 16             | 3·3·64·64 + 64 = 36,928        | 10 × 10 | 9,437,184
MaxPooling2D       | 8 × 8 × 64    | ⌊(16 − 2)/2⌋ + 1 = 8    | 0                              | 12 × 12 | 0
Dropout            | 8 × 8 × 64    |                         | 0                              | 12 × 12 | 0
BatchNormalization | 8 × 8 × 64    |                         | 4·64 = 256 (128 not trained)   | 12 × 12 | 0
Conv2D             | 8 × 8 × 128   | ⌈8/1⌉ = 8               | 3·3·64·128 + 128 = 73,856      | 20 × 20 | 4,718,592
Dropout            | 8 × 8 × 128   |                         | 0                              | 20 × 20 | 0
BatchNormalization | 8 × 8 × 128   |                         | 4·128 = 512 (256 not trained)  | 20 × 20 | 0
Flatten            | 8,192         | 8·8·128 = 8,192         | 0                              | 20 × 20 | 0
Dropout            | 8,192         |                         | 0                              | 20 × 20 | 0
Dense              | 32            | 32 units                | 8,192·32 + 32 = 262,176        | all     | 262,144
Dropout            | 32            |                         | 0                              | all     | 0
BatchNormalization | 32            |                         | 4·32 = 128 (64 not trained)    | all     | 0
Dense              | 10            | 10 units                | 32·10 + 10 = 330               | all     | 320
total              |               |                         | 393,962 (640 not trained)      |         | 34,177,344
"""


def test_s1_counted_by_hand():
    table = rows_of(models.cifar10_s1(), batch_size=64)
    by_hand = [[cell.strip() for cell in line.split("|")] for line in S1_BY_HAND.strip().splitlines()]
    assert [[row[column] for column in ["layer", *COLUMNS]] for row in table] == by_hand
    # 64 pictures × 32·32·3 numbers of 4 bytes = 786,432 bytes; 64·32·32·32·4 = 8 MiB; 64·10·4 = 2,560 bytes.
    memory = [row["memory, batch of 64"] for row in table]
    assert (memory[0], memory[1], memory[-2]) == ("768 KiB", "8 MiB", "2.5 KiB")
    # 3,072 numbers of the picture, 3·32,768, 65,536, 3·16,384, 16,384, 3·4,096, 3·8,192, 2·8,192 … in all 285,834.
    numbers = 3_072 + 3 * 32_768 + 65_536 + 3 * 16_384 + 16_384 + 3 * 4_096 + 3 * 8_192 + 2 * 8_192 + 3 * 32 + 10
    assert memory[-1] == f"{numbers * 64 * 4 / 2**20:.3g} MiB"


def test_s4_counted_by_hand():
    table = rows_of(models.mnist_s4())
    assert [row["parameters"] for row in table] == [
        *("0", "3·3·1·32 + 32 = 320", "3·3·32·64 + 64 = 18,496", "0", "0", "0"),
        *("12,544·100 + 100 = 1,254,500", "0", "100·10 + 10 = 1,010", "1,274,326"),
    ]
    assert [row["sees"] for row in table] == ["1 × 1", "3 × 3", "5 × 5", *["6 × 6"] * 3, "all", "all", "all", ""]
    multiply_adds = 784 * 9 * 32 + 784 * 9 * 32 * 64 + 12_544 * 100 + 1_000
    assert table[-1]["multiply-adds"] == f"{multiply_adds:,}"


def test_s5_counted_by_hand():
    one, two, three = s5(16), s5(32), s5(32, 32)
    assert [number(rows_of(network)[-1]["parameters"]) for network in (one, two, three)] == [
        *(25_234_242, 50_468_098, 12_400_930),
    ]
    assert [(row["output shape"], row["how it comes about"], row["sees"]) for row in rows_of(three)[1:]] == [
        ("222 × 222 × 32", "⌊(224 − 3)/1⌋ + 1 = 222", "3 × 3"),
        ("111 × 111 × 32", "⌈222/2⌉ = 111", "4 × 4"),
        ("109 × 109 × 32", "⌊(111 − 3)/1⌋ + 1 = 109", "8 × 8"),
        ("55 × 55 × 32", "⌈109/2⌉ = 55", "10 × 10"),
        ("96,800", "55·55·32 = 96,800", "10 × 10"),
        ("128", "128 units", "all"),
        ("2", "2 units", "all"),
        ("", "", ""),
    ]


def test_s2_counted_by_hand():
    table = rows_of(xception())
    assert table[-1]["parameters"] == "2,731,065 (8,288 not trained)"
    separable = [row["parameters"] for row in table if row["layer"] == "SeparableConv2D"]
    assert separable[0] == "3·3·128 + 128·256 + 256 = 34,176"
    # 3, then per block twice + 2 steps and once more for the pool: steps of 2, 4, 8; the last adds 2 steps of 16.
    assert [row["sees"] for row in table if row["layer"] == "Add"] == ["15 × 15", "39 × 39", "87 × 87"]
    assert [row["sees"] for row in table if row["layer"] == "SeparableConv2D"][-1] == "119 × 119"
    assert [row["sees"] for row in table[-4:]] == ["all", "all", "all", ""]


NETWORKS = {
    **{name: getattr(models, name) for name in builders()},
    "s5": lambda: s5(32, 32),
    "xception": xception,
    "mobilenet": lambda: keras.applications.MobileNetV2(input_shape=(96, 96, 3), alpha=0.35, weights=None),
}


@functools.cache
def network_of(name):
    return NETWORKS[name]()


def formulas(row):
    """Both formulas of a row: of the shape, where it is one, and of the parameters."""
    shape = re.split(r", (?=\d+ \+|[⌊⌈])", row["how it comes about"])
    return [text for text in [*shape, row["parameters"].partition(" (")[0]] if " = " in text]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_agrees_with_keras_in_every_row_and_every_formula_is_true(name):
    network = network_of(name)
    rows = rows_of(network)
    assert "–" not in str(rows), [row for row in rows if "–" in str(row)]
    layers = {}
    for layer in network.layers:
        if not isinstance(layer, kl.InputLayer):
            shape = " × ".join(f"{size:,}" for size in layer.output.shape[1:])
            layers[shape, layer.count_params()] = layers.get((shape, layer.count_params()), 0) + 1
    for row in rows[1:-1]:
        layers[row["output shape"], number(row["parameters"])] -= 1
    assert set(layers.values()) == {0}
    assert (
        sum(number(row["parameters"]) for row in rows[:-1]) == number(rows[-1]["parameters"]) == network.count_params()
    )
    not_trained = sum(math.prod(array.shape) for array in network.non_trainable_weights)
    assert (f"({not_trained:,} not trained)" in rows[-1]["parameters"]) == bool(not_trained)
    for formula in (text for row in rows for text in formulas(row)):
        assert len({value(side) for side in formula.split(" = ")}) == 1, formula


def test_the_builders_are_found():
    assert {"mnist_s4", "mnist_ours", "dense_s3", "dense_ours", "cifar10_s1", "cifar10_speed"} <= set(builders())


# Receptive fields, measured


def branches():
    pictures = keras.Input((29, 40, 1))
    near = kl.Conv2D(2, 3, strides=2, padding="same")(pictures)
    far = kl.Conv2D(2, (7, 3), strides=2, padding="same", dilation_rate=1)(pictures)
    return keras.Model(pictures, kl.Conv2D(1, 3)(kl.Concatenate()([near, far])))


def residual():
    pictures = keras.Input((33, 40, 2))
    x = kl.ZeroPadding2D(((3, 0), (0, 5)))(pictures)
    y = kl.AveragePooling2D(3, strides=2, padding="same")(kl.SeparableConv2D(4, 3, padding="same")(x))
    x = kl.Add()([y, kl.Conv2D(4, 1, strides=2, padding="same")(x)])
    return keras.Model(pictures, kl.BatchNormalization()(kl.Conv2D(4, 3, groups=2)(x)))


def squeeze():
    """Every place is multiplied with a number that is computed from all."""
    pictures = keras.Input((12, 12, 2))
    x = kl.Conv2D(2, 3, padding="same")(pictures)
    gate = kl.Conv2D(2, 1)(kl.GlobalAveragePooling2D(keepdims=True)(x))
    return keras.Model(pictures, kl.Conv2D(2, 3)(kl.Multiply()([x, gate])))


def pool(size, **settings):
    return kl.AveragePooling2D(size, **settings)


SEEN = {  # what the table says of the last layer; the network
    "3 × 3": lambda: sequential(kl.Conv2D(2, 3), shape=(9, 12, 3)),
    "20 × 20": lambda: sequential(  # S1's convolutions
        *(kl.Conv2D(2, 3, padding="same"), kl.Conv2D(2, 3, padding="same"), pool(2), kl.Conv2D(2, 3, padding="same")),
        *(pool(2), kl.Conv2D(2, 3, padding="same")),
        shape=(40, 40, 1),
    ),
    "13 × 9": lambda: sequential(
        kl.Conv2D(2, 5, strides=2), kl.Conv2D(2, (5, 3), strides=(2, 3)), kl.Activation("linear"), shape=(37, 45, 1)
    ),
    "15 × 15": lambda: sequential(
        *(kl.Conv2D(2, 3, strides=2, padding="same"), kl.Conv2D(2, 3, strides=2, padding="same")),
        *(pool(3, strides=2, padding="same"),),
        shape=(41, 38, 1),
    ),
    "11 × 11": lambda: sequential(kl.Conv2D(2, 3, dilation_rate=2, padding="same"), kl.Conv2D(1, 3, dilation_rate=3)),
    "9 × 7": lambda: sequential(
        kl.DepthwiseConv2D((5, 3), strides=2, padding="same", depth_multiplier=2),
        kl.SeparableConv2D(2, 3),
        shape=(23, 20, 2),
    ),
    "11 × 7": branches,
    "9 × 9": residual,
    "all": squeeze,
    "4 × 4": lambda: sequential(  # the fifth row and column are never read
        pool(2), kl.Conv2D(2, 3, padding="same"), kl.Flatten(), kl.Dense(3), shape=(5, 5, 1)
    ),
    "6 × 6": lambda: sequential(
        kl.Flatten(), kl.Reshape((14, 14, 1)), kl.Conv2D(2, 5), pool(2), kl.Flatten(), kl.Dropout(0.5), shape=(14, 14)
    ),
}


def seen(network, position, view):
    """Which rows and columns of the picture change the output at `position`, by the gradient."""
    generator = np.random.default_rng(0)
    for array in network.weights:
        array.assign(generator.uniform(0.5, 1, array.shape))
    pixels = tf.constant(generator.uniform(0.5, 1, (1, *network.input_shape[1:])), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        values = network(pixels, training=False)
        if len(values.shape) == 2 and view[0].count > 1:  # flattened
            values = tf.reshape(values, (1, view[0].count, view[1].count, -1))
        values = tf.reshape(values, (1, 1, 1, -1)) if len(values.shape) == 2 else values
        chosen = values[0, position[0], position[1], 0]
    gradient = np.abs(tape.gradient(chosen, pixels).numpy()[0])
    gradient = gradient.reshape(*gradient.shape[:2], -1).max(-1)
    return gradient.max(1), gradient.max(0)


@pytest.mark.parametrize("text", SEEN)
def test_a_value_sees_exactly_the_pixels_that_change_it(text):
    network = SEEN[text]()
    assert rows_of(network)[-2]["sees"] == text
    _, (result,) = walk(graph_of(network), [picture(network.input_shape[1:])], set())
    height, width = (axis.count for axis in result.view)
    for position in [(height // 2, width // 2), (0, 0), (height - 1, width - 1), (0, width // 2)]:
        for index, axis, gradient in zip(position, result.view, seen(network, position, result.view), strict=True):
            first = axis.start + index * axis.step
            window = np.arange(max(0, first), min(axis.end, first + axis.size))
            found = np.flatnonzero(gradient)
            assert (found[0], found[-1]) == (window[0], window[-1])
            assert text == "11 × 11" or np.array_equal(found, window)  # dilation leaves holes


def test_a_view_is_not_made_up():
    """Where values are put to other places, or softmax mixes them, the window is not that of the layer before."""
    assert rows_of(sequential(kl.Reshape((16, 64, 3)), kl.Conv2D(1, 3)))[2]["sees"] == "–"
    assert rows_of(sequential(kl.Dense(5), shape=(28, 28)))[1]["sees"] == "–"
    assert rows_of(sequential(kl.Softmax(axis=1)))[1]["sees"] == "–"
    assert rows_of(sequential(kl.Softmax()))[1]["sees"] == "1 × 1"
    assert rows_of(sequential(kl.Flatten(), kl.Activation("softmax")))[2]["sees"] == "all"
    assert rows_of(sequential(kl.Dense(5), shape=(1280,)))[1]["sees"] == "–"
    # The first of five windows covers the picture of 5 × 5, the last lies in the padding.
    assert (
        rows_of(sequential(kl.ZeroPadding2D(((0, 4), (0, 4))), kl.Conv2D(1, 5), shape=(5, 5, 1)))[2]["sees"] == "5 × 5"
    )
    whole, part = field.of_input((8, 8)), field.slide(field.of_input((8, 8)), [(3, 1, 0, 6)] * 2)
    assert field.widest([whole, part]) is None and field.widest([whole, field.of_input((9, 8))]) is None


# Multiply-adds, measured


def convolve_by_hand(image, kernel, stride, padding, dilation, groups):
    """A convolution of (height, width, channels) in plain Python: the map, and how many products were added up."""
    (height, width, _), (rows, columns, inputs, filters) = image.shape, kernel.shape
    span = (rows - 1) * dilation + 1, (columns - 1) * dilation + 1
    if padding == "same":
        total = [max(0, (-(-n // stride) - 1) * stride + k - n) for n, k in zip((height, width), span, strict=True)]
        image = np.pad(image, [(n // 2, n - n // 2) for n in total] + [(0, 0)])
    size = [(n - k) // stride + 1 for n, k in zip(image.shape, span, strict=False)]
    result, products = np.zeros((*size, filters)), 0
    for i, j, k in np.ndindex(result.shape):
        first = k // (filters // groups) * inputs
        for a, b, c in np.ndindex(rows, columns, inputs):
            result[i, j, k] += (
                kernel[a, b, c, k] * image[i * stride + a * dilation, j * stride + b * dilation, first + c]
            )
            products += 1
    return result, products


@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding", "dilation", "groups"),
    [
        (3, 1, "valid", 1, 1),
        (3, 2, "same", 1, 1),
        ((5, 2), 1, "same", 1, 2),
        (2, 3, "valid", 1, 4),
        (3, 1, "valid", 2, 1),
    ],
)
def test_products_of_a_convolution_are_counted(kernel_size, stride, padding, dilation, groups):
    settings = {"strides": stride, "padding": padding, "dilation_rate": dilation, "groups": groups}
    network = sequential(kl.Conv2D(8, kernel_size, **settings, use_bias=False), shape=(9, 8, 4))
    image = np.random.default_rng(1).normal(size=(9, 8, 4))
    result, products = convolve_by_hand(image, network.weights[0].numpy(), stride, padding, dilation, groups)
    assert np.allclose(network(image[None])[0], result, atol=1e-4)
    row = rows_of(network)[1]
    assert number(row["multiply-adds"]) == products
    assert row["output shape"] == " × ".join(map(str, result.shape))


def multiply_adds_of_tensorflow(network):
    """What TensorFlow's profiler counts in convolutions and dense layers, at two operations per multiply-add."""
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation()).with_empty_output().build()
    spec = tf.TensorSpec((1, *network.input_shape[1:]), tf.float32)
    graph = tf.function(lambda x: network(x, training=False)).get_concrete_function(spec).graph
    kinds, total = [profiler.profile(graph, cmd="op", options=options)], 0
    while kinds:
        kind = kinds.pop()
        kinds.extend(kind.children)
        total += kind.float_ops if kind.name in ("Conv2D", "DepthwiseConv2dNative", "MatMul") else 0
    return total // 2


@pytest.mark.parametrize("name", NETWORKS)
def test_multiply_adds_are_those_that_tensorflow_counts(name):
    network = network_of(name)
    assert number(rows_of(network)[-1]["multiply-adds"]) == multiply_adds_of_tensorflow(network)


# Models of every form


def test_a_model_is_described_the_same_however_it_was_made(tmp_path):
    def layers():
        return [kl.Conv2D(4, 3), kl.MaxPooling2D(), kl.Flatten(), kl.Dense(3)]

    listed, added, called = sequential(*layers(), shape=(9, 9, 1)), keras.Sequential(), keras.Sequential(layers())
    added.add(keras.Input((9, 9, 1)))
    for layer in layers():
        added.add(layer)
    called(np.zeros((2, 9, 9, 1), "float32"))
    x = pictures = keras.Input((9, 9, 1))
    for layer in layers():
        x = layer(x)
    listed.save(tmp_path / "saved.keras")
    same = [added, called, keras.Model(pictures, x), keras.saving.load_model(tmp_path / "saved.keras")]
    for model in same:
        pd.testing.assert_frame_equal(explain(model, 8), explain(listed, 8))


def backbone(*size):
    pictures = keras.Input((*size, 3))
    x = kl.BatchNormalization()(kl.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(pictures))
    x = kl.Add()([x, kl.DepthwiseConv2D(3, padding="same")(x)])
    return keras.Model(pictures, kl.GlobalAveragePooling2D()(x), name="backbone")


def test_a_model_inside_is_one_row_with_its_own_totals():
    of_any_size, of_this_size = backbone(None, None), backbone(31, 40)
    of_any_size.trainable = False
    augmentation = keras.Sequential([kl.RandomFlip(), kl.RandomRotation(0.1)], name="augmentation")
    model = sequential(augmentation, of_any_size, kl.Dense(2, name="head"), shape=(31, 40, 3))
    _, first, second, head, total = rows_of(model)
    assert (first["layer"], first["how it comes about"]) == ("Sequential (augmentation)", "2 layers")
    assert (second["layer"], second["how it comes about"]) == ("Functional (backbone)", "5 layers")
    assert (second["output shape"], second["sees"]) == ("8", "all")
    assert second["parameters"] == f"their sum = {9 * 3 * 8 + 4 * 8 + 9 * 8 + 8} (not trained)"
    assert second["multiply-adds"] == rows_of(of_this_size)[-1]["multiply-adds"] == f"{320 * (216 + 72):,}"
    assert second["memory, batch of 1"] == f"{(4 * 320 * 8 + 8) * 4 / 1024:.3g} KiB"
    assert (head["layer"], head["sees"]) == ("Dense (head)", "all")
    assert total["parameters"] == "346 (328 not trained)"


def test_a_layer_used_twice_has_its_parameters_once():
    pictures, shared = keras.Input((8, 8, 4)), kl.Conv2D(4, 3, padding="same")
    rows = rows_of(keras.Model(pictures, shared(shared(pictures))))
    assert [row["parameters"] for row in rows] == ["0", "3·3·4·4 + 4 = 148", "counted above", "148"]
    assert [row["sees"] for row in rows] == ["1 × 1", "3 × 3", "5 × 5", ""]
    assert number(rows[-1]["multiply-adds"]) == 2 * 64 * 9 * 16
    numbers, inside = keras.Input((4,)), sequential(kl.Dense(4), shape=(4,))
    rows = rows_of(keras.Model(numbers, inside(inside(numbers))))
    assert [row["parameters"] for row in rows] == ["0", "their sum = 20", "counted above", "20"]
    outside = kl.Dense(4)
    inside = sequential(outside, kl.Dense(1), shape=(4,))
    rows = rows_of(keras.Model(numbers, inside(outside(numbers))))
    assert [row["parameters"] for row in rows] == ["0", "4·4 + 4 = 20", "their sum = 5", "25"]


class Doubled(kl.Layer):
    def call(self, inputs):
        return inputs * 2


class Conv2D(kl.Layer):
    """Not the layer of this name."""

    def call(self, inputs):
        return inputs


def test_what_is_not_known_is_not_made_up():
    own, same_name = Doubled(name="own"), Conv2D(name="same_name")
    model = sequential(
        kl.Conv2D(2, 3), kl.Conv2DTranspose(4, 2), own, same_name, kl.Flatten(), kl.Dense(1), shape=(6, 6, 1)
    )
    rows = rows_of(model)
    assert [row["layer"] for row in rows[2:5]] == ["Conv2DTranspose", "Doubled (own)", "Conv2D (same_name)"]
    assert [row["output shape"] for row in rows[2:5]] == ["5 × 5 × 4"] * 3
    assert [row["parameters"] for row in rows[2:5]] == ["– = 36", "0", "0"]
    for row in rows[2:5]:
        assert (row["how it comes about"], row["sees"], row["multiply-adds"]) == ("–", "–", "–")
    assert [row["sees"] for row in rows[5:]] == ["–", "–", ""]
    assert rows[-1]["parameters"] == f"{model.count_params()}"
    assert rows[-1]["multiply-adds"] == f"≥ {16 * 9 * 2 + 100}"
    inside = rows_of(sequential(sequential(Doubled(), shape=(6, 6, 1)), shape=(6, 6, 1)))
    assert inside[1]["multiply-adds"] == "–" and inside[2]["multiply-adds"] == "≥ 0"
    pictures = keras.Input((6, 6, 1))
    operation = rows_of(keras.Model(pictures, pictures + pictures))[1]
    assert (operation["sees"], operation["parameters"], operation["output shape"]) == ("–", "0", "6 × 6 × 1")


MISTAKES = {
    "no bias": ("Dense", lambda step: step._replace(others=())),
    "one filter more": ("Conv2D", lambda step: step._replace(kernels=((3, 3, 3, 5),))),
    "another shape": ("Conv2D", lambda step: step._replace(shape=(30, 31, 4))),
    "a shape with an axis too many": ("Dense", lambda step: step._replace(shape=(1, *step.shape))),
    "statistics said to be trained": ("BatchNormalization", lambda step: step._replace(statistics=0)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_arithmetic_that_keras_does_not_share_is_not_shown(mistake, monkeypatch):
    name, wrong = MISTAKES[mistake]
    model = sequential(kl.Conv2D(4, 3), kl.BatchNormalization(), kl.Flatten(), kl.Dense(2))
    (right,) = [row for row in rows_of(model) if row["layer"] == name]
    rule = layer_rules.RULES[name]
    monkeypatch.setitem(layer_rules.RULES, name, lambda layer, given: wrong(rule(layer, given)))
    (row,) = [row for row in rows_of(model) if row["layer"] == name]
    assert (row["how it comes about"], row["sees"], row["multiply-adds"]) == ("–", "–", "–")
    assert row["parameters"].startswith("– = ") and number(row["parameters"]) == number(right["parameters"])
    assert row["output shape"] == right["output shape"]


def test_parameters_that_are_not_trained():
    frozen = sequential(kl.Conv2D(4, 3), kl.BatchNormalization(), kl.Normalization(), kl.Dense(2, use_bias=False))
    assert [row["parameters"] for row in rows_of(frozen)[1:]] == [
        *("3·3·3·4 + 4 = 112", "4·4 = 16 (8 not trained)", "2·4 + 1 = 9 (not trained)", "4·2 = 8"),
        "145 (17 not trained)",
    ]
    frozen.trainable = False
    assert [row["parameters"] for row in rows_of(frozen)[1:3]] == [
        *("3·3·3·4 + 4 = 112 (not trained)", "4·4 = 16 (not trained)"),
    ]
    given = kl.Normalization(mean=[0.5] * 3, variance=[1.0] * 3)
    bare = rows_of(sequential(given, kl.BatchNormalization(center=False, scale=False)))
    assert [row["parameters"] for row in bare[1:]] == ["0", "2·3 = 6 (not trained)", "6 (not trained)"]


def test_memory_is_counted_in_the_number_format_of_each_layer():
    half = sequential(kl.Conv2D(8, 3, dtype="mixed_float16"), kl.Activation("relu", dtype="float32"), shape=(18, 18, 1))
    memory = [row["memory, batch of 4"] for row in rows_of(half, batch_size=4)]
    assert memory == ["5.06 KiB", "16 KiB", "32 KiB", "53.1 KiB"]  # 324·4·4, 2048·2·4, 2048·4·4 bytes
    assert [memory_text(size) for size in (0, 999, 1000, 1024**2, 1024**3 - 1, 3 * 1024**4)] == [
        *("0 B", "999 B", "0.977 KiB", "1 MiB", "1 GiB", "3,072 GiB"),
    ]
    bytes_in = rows_of(keras.Sequential([keras.Input((4, 4, 3), dtype="uint8"), kl.Rescaling(1 / 255)]))
    assert [row["memory, batch of 1"] for row in bytes_in] == ["48 B", "192 B", "240 B"]


def test_height_and_width_that_differ():
    rows = rows_of(
        sequential(kl.ZeroPadding2D(((1, 0), (2, 3))), kl.Conv2D(2, (3, 5), strides=(2, 1)), shape=(20, 30, 1))
    )
    assert rows[1]["how it comes about"] == "1 + 20 + 0 = 21, 2 + 30 + 3 = 35"
    assert rows[2]["how it comes about"] == "⌊(21 − 3)/2⌋ + 1 = 10, ⌊(35 − 5)/1⌋ + 1 = 31"
    assert rows[2]["sees"] == "3 × 5"


def test_importing_it_leaves_tensorflow_alone():
    code = "import sys, helpers.explain; print(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (lambda: "model", TypeError, "needs a Keras model and was given 'model'"),
        (lambda: keras.Sequential, TypeError, "needs a Keras model and was given <class"),
        (
            lambda: keras.Sequential([kl.Dense(1)], name="young"),
            ValueError,
            "'young' does not know its input shape yet",
        ),
        (lambda: Subclassed(), ValueError, "layers of a Subclassed are called in Python code"),
        (lambda: sequential(kl.Conv2D(1, 3), shape=(None, None, 3)), ValueError, r"of any size, \(None, None, 3\)"),
    ],
)
def test_what_cannot_be_explained_is_said(given, error, words):
    with pytest.raises(error, match=words):
        explain(given())


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "64", None])
def test_a_batch_size_is_a_positive_whole_number(batch_size):
    with pytest.raises(ValueError, match="Give the number of pictures in a batch"):
        explain(sequential(kl.Flatten()), batch_size)


def test_the_table_is_as_narrow_as_it_can_be():
    """No line ends inside a shape or a product, and pandas cuts no cell off, which it does after 50 characters."""
    cells = explain(xception(), 128).to_numpy().ravel()
    assert max(map(len, cells)) <= 50
    for cell in cells:
        assert not re.search(r"[×·−] |[×·−/] | [×·−/]", cell), cell

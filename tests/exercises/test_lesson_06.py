"""Lesson 06: every exercise takes right answers however written, and names what is off in a wrong one."""

import re

import jupytext
import numpy as np
import pytest
from answers import assert_right, assert_survives_garbage, assert_wrong, forgets_return, takes_nothing

from helpers import quiet, runs
from helpers.exercises import source
from helpers.exercises.lesson_06 import FIELD_SLIPS, MARGIN_SLIPS, TOTAL_SLIPS, TURNING_RUN, q1, q2, q3, q4, q5, q6

quiet.start_tensorflow()

import keras  # noqa: E402
from keras import layers  # noqa: E402

from helpers import models  # noqa: E402

LESSON = source.LESSONS / "06_cnn_cifar10.py"


def solution(problem):
    """What the lesson's worked cell of `problem` defines."""
    space = {"np": np, "keras": keras, "layers": layers}
    exec(source.find_solution("06", problem), space)
    return space


def built_in_lesson(*starts):
    """What the lesson's cells that begin like this define."""
    cells = [cell.source for cell in jupytext.read(LESSON).cells if cell.cell_type == "code"]
    space = {"keras": keras, "layers": layers, "np": np}
    for start in starts:
        (code,) = [cell for cell in cells if cell.startswith(start)]
        exec(code, space)
    return space


def test_the_lesson_shows_the_network_that_was_recorded():
    """With a layer that divides by 255 in front, which the recorded run does beforehand."""
    shown = built_in_lesson("see = [", "decide = [")["model"]
    rescaling, *others = models.layer_table(shown)
    assert rescaling[0] == "Rescaling" and shown.layers[0].scale == 1 / 255
    assert others == models.layer_table(models.cifar10_s1())
    assert shown.count_params() == 393_962
    added = built_in_lesson("def build(")["build"]
    assert models.layer_table(added()) == models.layer_table(shown)
    momenta = {layer.momentum for layer in added(0.9).layers if isinstance(layer, layers.BatchNormalization)}
    assert momenta == {0.9}


PUBLISHED = """
conv 32 32 32 896 | drop 32 32 32 0 | norm 32 32 32 128
conv 32 32 64 18496 | pool 16 16 64 0 | drop 16 16 64 0 | norm 16 16 64 256
conv 16 16 64 36928 | pool 8 8 64 0 | drop 8 8 64 0 | norm 8 8 64 256
conv 8 8 128 73856 | drop 8 8 128 0 | norm 8 8 128 512
flat 8192 0 | drop 8192 0 | dense 32 262176 | drop 32 0 | norm 32 128 | dense 10 330
"""
KINDS = {
    "conv": "Conv2D",
    "drop": "Dropout",
    "norm": "BatchNormalization",
    "pool": "MaxPooling2D",
    "flat": "Flatten",
    "dense": "Dense",
}


def test_every_shape_and_count_is_the_tutorials():
    rows = [row.split() for row in re.split(r"[|\n]", PUBLISHED.strip())]
    published = [(KINDS[kind], tuple(map(int, shape)), int(count)) for kind, *shape, count in rows]
    shown = built_in_lesson("see = [", "decide = [")["model"].layers[1:]
    assert [(type(layer).__name__, layer.output.shape[1:], layer.count_params()) for layer in shown] == published
    assert sum(count for *_, count in published) == 393_962


def test_the_heads_are_those_of_the_builder():
    count = built_in_lesson("def head_parameters(")["head_parameters"]
    rest = 393_962 - count([32])
    for units, total in (((32,), 393_962), ((128, 64, 32), 1_191_594), ((256, 128, 64), 2_272_330)):
        assert rest + count(units) == total == models.cifar10_s1(units=units).count_params()


def recorded(change):
    """Test accuracy and history of a run of section 5."""
    name = f"cifar10_short{change}"
    return runs.load(name)["test_accuracy"][0], runs.curves(name)


def test_what_the_prose_says_of_the_ablation():
    published, curves = recorded("")
    assert len(curves) == 8 and runs.load("cifar10_short")["dataset"]["train"] == 10_000
    assert runs.load("cifar10_short")["dataset"]["test"] == 10_000 and len(runs.load("cifar10_short")["seeds"]) == 1
    assert curves["val_accuracy"].iloc[0] < 0.15  # "validation is at guessing after the first"
    accuracy, free = recorded("_no_dropout")
    assert free["accuracy"].iloc[-1].round(2) == 0.97 and free["val_accuracy"].iloc[-1].round(2) == 0.62
    assert accuracy > published + 0.03
    accuracy, plain = recorded("_no_batch_norm")
    assert accuracy < published - 0.05 and (plain["val_accuracy"] > plain["accuracy"]).all()
    others = ("", "_no_dropout", "_four_pools", "_three_dense", "_weight_decay", "_sgd", "_rmsprop", "_nadam")
    assert all(recorded(other)[1]["accuracy"].iloc[-1] > plain["accuracy"].iloc[-1] for other in others)
    accuracy, narrow = recorded("_four_pools")
    assert accuracy < published - 0.03 and narrow["accuracy"].iloc[-1] < curves["accuracy"].iloc[-1] - 0.1
    work = [multiply_adds(models.cifar10_s1(pool_after=pools)) for pools in ((1, 2, 3, 4), (2, 3))]
    assert 0.2 < work[0] / work[1] < 0.3
    assert recorded("_three_dense")[0] < published - 0.02
    assert recorded("_three_dense")[1]["accuracy"].iloc[-1] < curves["accuracy"].iloc[-1] - 0.05
    assert 2.9 < runs.load("cifar10_short_three_dense")["parameters"] / 393_962 < 3.1
    accuracy, decayed = recorded("_weight_decay")
    assert round(100 * (accuracy - published)) == 5
    assert (decayed["accuracy"] - curves["accuracy"]).abs().max() < 0.01
    assert curves["val_accuracy"].iloc[-1] < curves["val_accuracy"].iloc[-2]


def multiply_adds(model):
    from helpers.explain import explain

    return int(explain(model)["multiply-adds"].iloc[-1].replace(",", ""))


def test_every_marker_in_the_prose_can_be_quoted():
    markers = re.findall(r"\{\{\s*([\w.]+)\s*\}\}", LESSON.read_text(encoding="utf-8"))
    assert len(markers) >= 4
    assert all(runs.quote(marker) for marker in markers)


# --- Exercise 1: a block's parameters


def right_block(channels, filters):
    return 9 * channels * filters + 5 * filters, 2 * filters


def test_block_right():
    assert_right(q1, solution("q1")["block_parameters"])
    assert_right(q1, right_block)
    assert_right(q1, lambda channels, filters: [np.int64(filters * (9 * channels + 5)), float(2 * filters)])


@pytest.mark.parametrize("sentence", TOTAL_SLIPS)
def test_each_slip_in_a_block_is_named(sentence):
    slip = TOTAL_SLIPS[sentence]
    assert_wrong(q1, lambda channels, filters: (slip(channels, filters), 2 * filters), sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda c, f: right_block(c, f)[::-1], "swapped"),
        (lambda c, f: right_block(c, f)[0], "Return two numbers"),
        (lambda c, f: (7, 2 * f), "Count the convolution first"),
        (lambda c, f: (right_block(c, f)[0], 0), "remembers a mean and a variance"),
        (lambda c, f: (right_block(c, f)[0], 4 * f), "Scale and offset *are* trained"),
        (lambda c, f: (right_block(c, f)[0], f), "a mean **and** a variance"),
        (lambda c, f: (right_block(c, f)[0], 2), "for **each** map"),
        (lambda c, f: (right_block(c, f)[0], 17), "one pair per map"),
        (lambda c, f: (right_block(c, f)[0], right_block(c, f)[0] - 2 * f), "So many **are** trained"),
        (lambda c, f: (right_block(c, f)[0], None), "One of the two is still missing"),
        (forgets_return, "Does the function end with `return`?"),
        (lambda c: (1, 2), "Keep the first line"),
    ],
)
def test_block_wrong(answer, sentence):
    assert_wrong(q1, answer, sentence)


def test_block_garbage(monkeypatch):
    assert_survives_garbage(q1, monkeypatch)


# --- Exercise 2: the receptive field


@pytest.mark.parametrize("answer", [20, 20.0, np.int64(20), solution("q2")["side"]])
def test_field_right(answer):
    assert_right(q2, answer)


def test_field_is_what_the_table_says():
    from helpers.explain import explain

    table = explain(models.cifar10_s1())
    assert re.findall(r"\d+", table["sees"][table.index == "Conv2D"].iloc[3]) == ["20", "20"]


@pytest.mark.parametrize("side", FIELD_SLIPS)
def test_each_slip_in_a_field_is_named(side):
    assert_wrong(q2, side, FIELD_SLIPS[side])


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [(11, "Begin with 1 pixel"), ("10", "without quotes"), ([10, 10], "one single number"), (-3, "Begin with 1 pixel")],
)
def test_field_wrong(answer, sentence):
    assert_wrong(q2, answer, sentence)


def test_field_garbage(monkeypatch):
    assert_survives_garbage(q2, monkeypatch)


# --- Exercise 3: a block with .add


def block(*makers, returns=False):
    """A function that adds what `makers` make of (filters, pool); None adds nothing."""

    def add_block(network, filters, pool):
        for make in makers:
            layer = make(filters, pool)
            if layer is not None:
                network.add(layer)
        return network if returns else None

    return add_block


def conv(**changed):
    options = {"kernel_size": 3, "padding": "same", "activation": "relu"} | changed
    return lambda filters, pool: layers.Conv2D(
        options.get("filters", filters), **{k: v for k, v in options.items() if k != "filters"}
    )


def maxpool(filters, pool):
    return layers.MaxPooling2D(pool_size=2) if pool else None


def drop(rate=0.2):
    return lambda filters, pool: layers.Dropout(rate)


def norm(filters, pool):
    return layers.BatchNormalization()


def test_add_block_right():
    assert_right(q3, solution("q3")["add_block"])
    assert_right(q3, block(conv(), maxpool, drop(), norm, returns=True))
    assert_right(q3, block(conv(activation=None), lambda f, p: layers.ReLU(), maxpool, drop(), norm))
    assert_right(q3, block(conv(activation=None), lambda f, p: layers.Activation("relu"), maxpool, drop(), norm))
    assert_right(q3, block(conv(activation=layers.ReLU()), maxpool, drop(), norm))
    assert_right(q3, block(conv(kernel_size=(3, 3), activation=keras.activations.relu), maxpool, drop(1 / 5), norm))


def another_network(network, filters, pool):
    return keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(filters, 3)])


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (block(conv(), lambda f, p: layers.MaxPooling2D(2), drop(), norm), "add it only `if pool:`"),
        (block(conv(), drop(), norm), "Pooling is missing"),
        (block(conv(), maxpool, norm, drop()), "the tutorial's order"),
        (block(maxpool, conv(), drop(), norm), "the tutorial's order"),
        (block(conv(), maxpool, drop()), "Missing: BatchNormalization"),
        (block(conv(), maxpool, drop(), norm, drop()), "Wanted is one block"),
        (block(conv(activation=None), maxpool, drop(), norm), "activation is `linear`"),
        (block(conv(activation="tanh"), maxpool, drop(), norm), "activation is `tanh`"),
        (block(conv(filters=64), maxpool, drop(), norm), "Use the argument `filters`"),
        (block(conv(padding="valid"), maxpool, drop(), norm), "the map shrinks"),
        (block(conv(kernel_size=5), maxpool, drop(), norm), "3 × 3 is wanted"),
        (block(conv(strides=2), maxpool, drop(), norm), "Leave it at 1"),
        (block(conv(), lambda f, p: layers.MaxPooling2D(4) if p else None, drop(), norm), "2 × 2 is wanted"),
        (block(conv(), maxpool, drop(0.5), norm), "dropout's rate is 0.5"),
        (
            block(conv(), lambda f, p: layers.MaxPooling2D(2, strides=1) if p else None, drop(), norm),
            "Leave `strides` out",
        ),
        (block(conv(activation=None), lambda f, p: layers.Activation("tanh"), maxpool, drop(), norm), "`tanh` follows"),
        (block(conv(), maxpool, lambda f, p: layers.Dropout(0.2) if p else None, norm), "stands inside the `if`"),
        (block(), "`network` has no layer"),
        (another_network, "Add to the one that is handed in"),
        (lambda network, filters: network.add(filters), "Keep the first line"),
        (lambda network, filters, pool: network.add(layers.Flatten), "function stops with"),
        (lambda network, filters, pool: network.add(layers.Flatten()), "Missing: Conv2D"),
    ],
)
def test_add_block_wrong(answer, sentence):
    assert_wrong(q3, answer, sentence)


def test_add_block_garbage(monkeypatch):
    assert_survives_garbage(q3, monkeypatch)


# --- Exercise 4: a compile call


def compiles(loss="sparse_categorical_crossentropy", metrics=("accuracy",), optimizer="adam"):
    return lambda model: model.compile(optimizer=optimizer, loss=loss, metrics=list(metrics) if metrics else None)


def test_compile_right():
    assert_right(q4, solution("q4")["compile_for"])
    assert_right(q4, compiles(keras.losses.SparseCategoricalCrossentropy(), ["sparse_categorical_accuracy"]))
    assert_right(q4, compiles(metrics=["acc"], optimizer=keras.optimizers.SGD(0.1)))
    assert_right(q4, compiles(metrics=[keras.metrics.SparseCategoricalAccuracy(name="share right")]))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (compiles(metrics=["accuracy", "val_accuracy"]), "leave that name out"),
        (compiles(metrics=["val_accuracy"]), "leave that name out"),
        (compiles("categorical_crossentropy"), "takes whole-number labels"),
        (compiles("binary_crossentropy"), "for yes or no"),
        (compiles(None), "You name no loss"),
        (compiles("mean_squared_error"), "You chose the loss `mean_squared_error`"),
        (compiles(keras.losses.CategoricalFocalCrossentropy()), "takes whole-number labels"),
        (compiles(keras.losses.SparseCategoricalCrossentropy(from_logits=True)), "leave that out"),
        (compiles(keras.losses.SparseCategoricalCrossentropy(reduction="sum")), "which is not the cross-entropy"),
        (compiles(metrics=None), 'metrics=["accuracy"]'),
        (compiles(metrics=[keras.metrics.MeanSquaredError()]), "one of the metrics does not"),
        (compiles(metrics=["sparse_top_k_categorical_accuracy"]), "lets Keras choose"),
        (compiles(metrics=["acuracy"]), "Look at the spelling"),
        (lambda model: model.summary(print_fn=str), "still not compiled"),
        (lambda model: model.compile(loss="sparse"), "Look at the spelling"),
        (takes_nothing, "Keep the first line"),
    ],
)
def test_compile_wrong(answer, sentence):
    assert_wrong(q4, answer, sentence)


def test_compile_leaves_no_warning_however_often_it_is_tried(caplog):
    """TensorFlow logs its warning of retracing from the fifth graph on."""
    for _ in range(7):
        assert_right(q4, compiles())
    assert not caplog.records


def test_compile_garbage(monkeypatch):
    assert_survives_garbage(q4, monkeypatch)


# --- Exercise 5: the best epoch of the recorded run


def test_best_epoch_right():
    curves = runs.curves(TURNING_RUN)
    assert_right(q5, solution("q5")["best"])
    assert_right(q5, int(curves["val_loss"].idxmin()))
    assert_right(q5, np.float64(curves["val_loss"].idxmin()))
    # "validation accuracy does not fall"
    assert (curves["val_accuracy"].loc[5:].diff().dropna() > 0).all()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (0, "has the epochs 1 to 8"),
        (9, "has the epochs 1 to 8"),
        (5.5, "Give the epoch, not the loss"),
        (None, "Give a number instead"),
        (float("nan"), "Give a finite number"),
        ("five", "without quotes"),
        (1, "look further right"),
        (4, "Do you count epochs from 0?"),
        (6, "look further left"),
        (8, "Look at the other line"),
    ],
)
def test_best_epoch_wrong(answer, sentence):
    assert_wrong(q5, answer, sentence)


def test_best_epoch_garbage(monkeypatch):
    assert_survives_garbage(q5, monkeypatch)


# --- Exercise 6: the margin of an accuracy


@pytest.mark.parametrize(
    "answer",
    [
        lambda p, n: 200 * np.sqrt(p * (1 - p) / n),
        lambda p, n: round(float(1.96 * np.sqrt(p * (1 - p)) / np.sqrt(n) * 100), 2),
    ],
)
def test_margin_right(answer):
    assert_right(q6, answer)


def test_margin_solution():
    assert_right(q6, solution("q6")["margin"])


@pytest.mark.parametrize("sentence", MARGIN_SLIPS)
def test_each_slip_in_a_margin_is_named(sentence):
    assert_wrong(q6, MARGIN_SLIPS[sentence], sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda p, n: 7.0, "Wanted: 100"),
        (lambda n, p: 196 * (p * (1 - p) / n) ** 0.5, "the root of a negative number"),
        (lambda n, p: float("nan"), "the root of a negative number"),
        (lambda p, n: round(196 * (p * (1 - p) / n) ** 0.5), "Leave the decimals in"),
        (lambda p, n: "0.96", "without quotes"),
        (forgets_return, "Does the function end with `return`?"),
        (lambda p: p, "Keep the first line"),
    ],
)
def test_margin_wrong(answer, sentence):
    assert_wrong(q6, answer, sentence)


def test_margin_garbage(monkeypatch):
    assert_survives_garbage(q6, monkeypatch)

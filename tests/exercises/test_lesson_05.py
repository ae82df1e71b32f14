"""Lesson 05: every exercise takes right answers however written, and names what is off in a wrong one."""

import re

import jupytext
import numpy as np
import pytest
from answers import assert_right, assert_survives_garbage, assert_wrong, forgets_return
from scipy.stats import binomtest

from helpers import quiet, runs
from helpers.exercises import source
from helpers.exercises.engine import NOT_ATTEMPTED
from helpers.exercises.lesson_05 import CONV_SLIPS, DENSE_SLIPS, LOG_SLIPS, SCALE_SLIPS, q1, q2, q3, q4, q5, q6

quiet.start_tensorflow()

import keras  # noqa: E402
from keras import layers  # noqa: E402

from helpers import models  # noqa: E402

LESSON = source.LESSONS / "05_cnn_mnist.py"


def solution(problem):
    """What the lesson's worked cell of `problem` defines."""
    space = {"np": np, "keras": keras, "layers": layers}
    exec(source.find_solution("05", problem), space)
    return space


def built_in_lesson(name):
    """The network that the lesson's cell `name = keras.Sequential(…)` builds."""
    start = f"{name} = keras.Sequential("
    (code,) = [cell.source for cell in jupytext.read(LESSON).cells if cell.source.startswith(start)]
    space = {"keras": keras, "layers": layers}
    exec(code, space)
    return space[name]


def test_the_lesson_shows_the_network_that_was_recorded():
    shown = built_in_lesson("model")
    assert models.layer_table(shown) == models.layer_table(models.mnist_s4())
    assert shown.count_params() == 1_274_326


def test_the_lesson_shows_the_better_network_that_was_recorded():
    shown = built_in_lesson("better")
    assert models.layer_table(shown) == models.layer_table(models.mnist_ours())
    assert shown.count_params() == 66_986 == runs.load("mnist_s4_ours")["parameters"]


def test_what_the_prose_says_of_the_recorded_runs():
    book = binomtest(98, 100).proportion_ci(method="wilson")
    plain, _ = runs.accuracy_with_interval(runs.load("mnist_s4"))
    ours, half = runs.accuracy_with_interval(runs.load("mnist_s4_ours"))
    assert book.low < plain < book.high
    assert ours - half > plain
    without = {
        part: runs.accuracy_with_interval(runs.load(f"mnist_s4_ours_no_{part}"))[0]
        for part in ("augmentation", "batch_norm", "schedule", "smoothing")
    }
    digits_alone = binomtest(round(plain * 3_000), 3_000).proportion_ci(method="wilson")
    assert round((digits_alone.high - digits_alone.low) / 2, 3) == 0.008
    assert plain + 0.01 < without.pop("augmentation") < ours - 0.01
    assert all(abs(accuracy - ours) < 0.003 for accuracy in without.values())
    curves = runs.curves("mnist_s4")
    assert (len(curves), len(runs.curves("mnist_s4_ours"))) == (50, 40)  # "Forty were recorded, against fifty"
    assert curves["val_accuracy"].iloc[0] > curves["accuracy"].iloc[0]
    assert curves["accuracy"].iloc[-1] > 0.98 > curves["val_accuracy"].iloc[-1] + 0.01


def test_every_marker_in_the_prose_can_be_quoted():
    markers = re.findall(r"\{\{\s*([\w.]+)\s*\}\}", LESSON.read_text(encoding="utf-8"))
    assert len(markers) >= 8
    assert all(runs.quote(marker) for marker in markers)


# --- Exercise 1: one-hot


def one_hot_loop(labels, num_classes):
    return [[1 if column == label else 0 for column in range(num_classes)] for label in labels]


@pytest.mark.parametrize(
    "answer",
    [
        lambda labels, n: np.eye(n)[labels],
        lambda labels, n: keras.utils.to_categorical(labels, n),
        lambda labels, n: np.asarray(labels)[:, None] == np.arange(n),
        one_hot_loop,
    ],
)
def test_one_hot_right(answer):
    assert_right(q1, answer)


def test_one_hot_solution():
    assert_right(q1, solution("q1")["one_hot"])


def fills_columns(labels, num_classes):
    rows = np.zeros((len(labels), num_classes))
    rows[:, labels] = 1
    return rows


def writes_label(labels, num_classes):
    return np.eye(num_classes)[labels] * np.asarray(labels)[:, None]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda labels, n: labels, "one number per label"),
        (lambda labels, n: np.eye(n)[labels].T, "swapped"),
        (lambda labels, n: np.eye(max(labels) + 1)[labels], "take the width from `num_classes`"),
        (lambda labels, n: np.eye(10)[labels], "must be `num_classes`"),
        (lambda labels, n: np.roll(np.eye(n)[labels], -1, axis=1), "one column off"),
        (lambda labels, n: np.eye(n)[labels - np.uint8(1)], "In `uint8`, `0 - 1` is 255"),
        (lambda labels, n: np.eye(n)[np.minimum(labels + 1, n - 1)], "one column off"),
        (lambda labels, n: 1 - np.eye(n)[labels], "exchanged"),
        (lambda labels, n: np.zeros((len(labels), n)), "sums to 0"),
        (lambda labels, n: np.eye(n)[labels[::-1]], "in the column that the label names"),
        (fills_columns, "An index like `[:, labels]` fills these columns in **every** row"),
        (writes_label, "the label itself"),
    ],
)
def test_one_hot_wrong(answer, sentence):
    assert_wrong(q1, answer, sentence)


def test_one_hot_garbage(monkeypatch):
    assert_survives_garbage(q1, monkeypatch)


# --- Exercise 2: parameters


def right_conv(kernel, channels, filters):
    return kernel**2 * channels * filters + filters


def right_dense(height, width, channels, units):
    return np.int64(height * width * channels * units + units)


def test_parameters_right():
    found = solution("q2")
    assert_right(q2, found["conv_parameters"], found["dense_parameters"])
    assert_right(q2, right_conv, right_dense)
    assert_right(
        q2, lambda k, c, f: sum(k * k * c + 1 for _ in range(f)), lambda h, w, c, u: float(u * (1 + h * w * c))
    )


@pytest.mark.parametrize("sentence", CONV_SLIPS)
def test_each_slip_in_a_convolution_is_named(sentence):
    assert_wrong(q2, (CONV_SLIPS[sentence], right_dense), sentence)


@pytest.mark.parametrize("sentence", DENSE_SLIPS)
def test_each_slip_in_a_dense_layer_is_named(sentence):
    assert_wrong(q2, (right_conv, DENSE_SLIPS[sentence]), sentence)


@pytest.mark.parametrize(
    ("conv", "dense", "sentence"),
    [
        (lambda k, c, f: 7, right_dense, "Count one filter or unit first"),
        (right_conv, lambda h, w, c, u: 7, "Count one filter or unit first"),
        (lambda k, c, f: "320", right_dense, "without quotes"),
        (lambda k, c: k * k * c, right_dense, "Keep the first line"),
        (right_conv, forgets_return, "Does the function end with `return`?"),
        (right_dense, right_conv, "Keep the first line"),
    ],
)
def test_parameters_wrong(conv, dense, sentence):
    assert_wrong(q2, (conv, dense), sentence)


def test_one_function_still_untouched_is_named():
    def dense_parameters(height, width, channels, units): ...

    outcome = q2.judge(right_conv, dense_parameters)
    assert outcome.status == NOT_ATTEMPTED and "`dense_parameters` still holds" in outcome.message
    outcome = q2.judge(..., right_dense)
    assert outcome.status == NOT_ATTEMPTED and "`conv_parameters` still holds" in outcome.message


def test_parameters_garbage(monkeypatch):
    assert_survives_garbage(q2, monkeypatch, several=2)


# --- Exercise 3: a small model


def network(*middle, shape=(28, 28, 1)):
    return lambda: keras.Sequential([keras.Input(shape=shape), *[make() for make in middle]])


def conv(filters=8, **options):
    return lambda: layers.Conv2D(filters, kernel_size=3, activation="relu", **options)


def dense(units, activation="softmax"):
    return lambda: layers.Dense(units, activation=activation)


def functional():
    inputs = keras.Input(shape=(28, 28, 1))
    maps = layers.SeparableConv2D(16, kernel_size=3)(layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, layers.Softmax()(layers.Dense(10)(layers.GlobalAveragePooling2D()(maps))))


def nested():
    body = keras.Sequential(
        [keras.Input(shape=(28, 28, 1)), layers.Conv2D(8, kernel_size=3, strides=2), layers.Flatten()]
    )
    return keras.Sequential([keras.Input(shape=(28, 28, 1)), body, layers.Dense(10, activation="softmax")])


POOL, FLAT = layers.MaxPooling2D, layers.Flatten


def test_small_model_right():
    assert_right(q3, solution("q3")["build_small"])
    assert_right(q3, functional)
    assert_right(q3, functional())  # the model itself, not the function
    assert_right(q3, nested)
    assert_right(q3, network(conv(), POOL, layers.BatchNormalization, FLAT, lambda: layers.Dropout(0.5), dense(10)))


def two_outputs():
    inputs = keras.Input(shape=(28, 28, 1))
    flat = layers.Flatten()(layers.Conv2D(2, kernel_size=3)(inputs))
    return keras.Model(inputs, [layers.Dense(10)(flat), layers.Dense(10)(flat)])


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (network(conv(), POOL, FLAT, dense(11)), "11 units"),
        (network(conv(), POOL, FLAT, dense(9)), "9 units"),
        (network(conv(), POOL, FLAT, dense(1)), "It should be (10,)"),
        (network(conv(), POOL, FLAT, dense(10, None)), 'activation="softmax"'),
        (network(conv(), POOL, FLAT, dense(10, "relu")), 'activation="softmax"'),
        (network(conv(), POOL, FLAT, dense(10, "sigmoid")), "`softmax` shares out one whole"),
        (network(conv(), POOL, dense(10)), "still a map"),
        (network(FLAT, dense(10)), "No `Conv2D` is among them"),
        (network(lambda: layers.Reshape((28, 28)), lambda: layers.Conv1D(4, 3), FLAT, dense(10)), "No `Conv2D` is"),
        (network(conv(), layers.GlobalAveragePooling2D, dense(10), layers.Softmax), "Softmax stands twice"),
        (
            network(conv(), layers.GlobalAveragePooling2D, dense(10), lambda: layers.Activation("softmax")),
            "Softmax stands twice",
        ),
        (
            network(conv(), layers.GlobalAveragePooling2D, dense(10), shape=(None, None, 1)),
            "`None` leaves a size open",
        ),
        (network(conv(), FLAT, dense(100), dense(10)), "before you flatten"),
        (network(conv(256), conv(256), layers.GlobalAveragePooling2D, dense(10)), "Use fewer filters"),
        (network(FLAT, conv(), dense(10)), "`Flatten` belongs after the last one"),
        (network(conv(), FLAT, dense(10), shape=(28, 28)), "pictures without channels"),
        (network(conv(), POOL, FLAT, dense(10), shape=(32, 32, 3)), "inputs of shape (32, 32, 3)"),
        (
            lambda: keras.Sequential([layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(10)]),
            "does not know its input",
        ),
        (forgets_return, "Does the function end with `return`?"),
        (lambda: [layers.Conv2D(8, 3)], "It should return a Keras model"),
        (two_outputs, "more than one output"),
    ],
)
def test_small_model_wrong(answer, sentence):
    assert_wrong(q3, answer, sentence)


def test_book_network_is_too_large():
    assert_wrong(q3, models.mnist_s4, "`Dense` alone holds 1,254,500")


def test_small_model_garbage(monkeypatch):
    assert_survives_garbage(q3, monkeypatch)


# --- Exercise 4: which epochs to log


def test_should_log_right():
    assert_right(q4, solution("q4")["should_log"])
    assert_right(q4, lambda epoch, epochs: epoch % 10 == 9 or epoch == epochs - 1)
    assert_right(q4, lambda epoch, epochs: np.bool_((epoch + 1) in {*range(10, epochs, 10), epochs}))


@pytest.mark.parametrize("sentence", LOG_SLIPS)
def test_each_slip_in_logging_is_named(sentence):
    assert_wrong(q4, LOG_SLIPS[sentence], sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda epoch, epochs: epoch % 10 == 0 or epoch == epochs, "neither is caught"),
        (lambda epoch, epochs: epoch % 10, "Answer with `True` or `False`"),
        (lambda epoch, epochs: True if (epoch + 1) % 10 == 0 else None, "in every case"),
        (lambda epoch, epochs: False, "none at all"),
        (lambda epoch, epochs: True, "Write down by hand"),
        (lambda epoch, epochs: (epoch + 1) % 10 == 0 or epoch == 49, "Of 25 epochs"),
    ],
)
def test_should_log_wrong(answer, sentence):
    assert_wrong(q4, answer, sentence)


def test_should_log_garbage(monkeypatch):
    assert_survives_garbage(q4, monkeypatch)


# --- Exercise 5: prepare one picture


@pytest.mark.parametrize(
    "answer",
    [
        lambda picture: picture.reshape(1, 28, 28, 1) / 255,
        lambda picture: np.expand_dims(picture / 255.0, (0, 3)).astype("float32"),
        lambda picture: (picture[None, :, :, None] / 255).astype(np.float16),
        lambda picture: keras.ops.convert_to_tensor(picture[None, ..., None] / np.float32(255)),
    ],
)
def test_prepare_right(answer):
    assert_right(q5, answer)


def test_prepare_solution():
    assert_right(q5, solution("q5")["prepare"])


@pytest.mark.parametrize("sentence", SCALE_SLIPS)
def test_each_slip_in_scaling_is_named(sentence):
    slip = SCALE_SLIPS[sentence]
    assert_wrong(q5, lambda picture: slip(picture.astype(float))[None, ..., None], sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda picture: picture / 255, "Two axes are missing"),
        (lambda picture: picture[None] / 255, "The channel axis at the end is missing"),
        (lambda picture: picture[..., None] / 255, "The batch axis in front is missing"),
        (lambda picture: picture[None, None] / 255, "NHWC"),
        (lambda picture: picture.reshape(1, 784) / 255, "You flattened"),
        (lambda picture: picture[None, None, None] / 255, "Wanted are four axes"),
        (lambda picture: picture[None, ..., None], "Not divided: white would be 255"),
        (lambda picture: (picture[None, ..., None] / 255).tolist(), "leave out `.tolist()`"),
        (lambda picture: tuple(picture[None, ..., None] / 255), "You return a tuple"),
        (lambda picture: (picture[None, ..., None] / 255).astype("uint8"), "holds no fractions"),
        (lambda picture: picture[None, ..., None] // 255, "holds no fractions"),
        (lambda picture: np.sqrt(picture[None, ..., None] / 255), "Do to it what `as_input` did"),
        (lambda picture: (picture[None, ..., None] / 256).astype(np.float16), "You divide by 256"),
    ],
)
def test_prepare_wrong(answer, sentence):
    assert_wrong(q5, answer, sentence)


def test_prepare_garbage(monkeypatch):
    assert_survives_garbage(q5, monkeypatch)


# --- Exercise 6: words


def guard(probabilities, words):
    if len(words) != probabilities.shape[1]:
        raise ValueError("count the words")


LOOK_UP = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def plainly(probabilities, words):
    return [words[column] for column in probabilities.argmax(axis=1)]


def guards_with(refuse, wanted=None):
    """A right look-up whose guard calls `refuse` (or returns what that gives)."""

    def to_words(probabilities, words):
        if len(words) != (wanted(probabilities) if wanted else probabilities.shape[1]):
            return refuse()
        return plainly(probabilities, words)

    return to_words


def raises_nothing_but(error):
    def refuse():
        raise error

    return refuse


def with_guard(answer):
    def guarded(probabilities, words):
        guard(probabilities, words)
        return answer(probabilities, words)

    return guarded


def test_to_words_right():
    assert_right(q6, solution("q6")["to_words"])
    assert_right(q6, with_guard(lambda p, words: np.array(words)[np.argmax(p, axis=1)]))
    assert_right(q6, with_guard(lambda p, words: tuple(words[list(row).index(max(row))] for row in p)))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (with_guard(lambda p, words: [words[c] for c in p.argmax(axis=0) % len(words)]), "one word per class"),
        (with_guard(lambda p, words: [words[c] for c in p.argmin(axis=1)]), "**lowest**"),
        (with_guard(lambda p, words: [words[(c + 1) % len(words)] for c in p.argmax(axis=1)]), "one place too far"),
        (with_guard(lambda p, words: [words[c - 1] for c in p.argmax(axis=1)]), "one place too early"),
        (with_guard(lambda p, words: words[p[0].argmax()]), "single text"),
        (with_guard(lambda p, words: [words[p[0].argmax()]]), "there are 3 pictures"),
        (with_guard(lambda p, words: p.argmax(axis=1).tolist()), "look them up in `words`"),
        (with_guard(lambda p, words: [words[-1]] * len(p)), "For each row"),
        (with_guard(lambda p, words: None), "Does the function end with `return`?"),
        (lambda p, words: [words[c] for c in p.argmax(axis=1)], "A comma may be missing"),
        (with_guard(lambda p, words: words[p.argmax()]), "stops with `IndexError"),
        (with_guard(lambda p, words: words[p.argmax()]), "`argmax` without `axis` searches the whole table"),
        (with_guard(lambda p, words: words[p.argmax(axis=1)]), "one place at a time"),
        (with_guard(lambda p, words: [words[p[0].argmax()]]), "you return 1 word; "),
        (with_guard(lambda p, words: plainly(p, LOOK_UP)), "not in the list handed in: use the argument `words`"),
        (guards_with(raises_nothing_but(ValueError), lambda p: 10), "`ValueError`. Here 4 words meet 4 classes"),
        (guards_with(raises_nothing_but(ValueError("no")), len), "Classes are `probabilities.shape[1]`"),
        (guards_with(raises_nothing_but(AssertionError)), "`AssertionError`. Wanted is a `ValueError`"),
        (guards_with(raises_nothing_but(Exception("count"))), "`Exception: count`. Wanted is a `ValueError`"),
        (guards_with(raises_nothing_but("ValueError")), "Wanted is a `ValueError`"),
        (guards_with(lambda: ValueError), "`raise` it"),
        (guards_with(lambda: ValueError("count")), "`raise` it"),
    ],
)
def test_to_words_wrong(answer, sentence):
    assert_wrong(q6, answer, sentence)


@pytest.mark.parametrize("count", [9, 11])
def test_a_guard_for_one_side_only_is_not_enough(count):
    def to_words(probabilities, words):
        classes = probabilities.shape[1]
        if len(words) < classes if count == 9 else len(words) > classes:
            raise ValueError("count the words")
        return [words[column] for column in probabilities.argmax(axis=1)]

    assert_wrong(q6, to_words, "11 words" if count == 9 else "9 words")
    assert_wrong(q6, to_words, "One word too many" if count == 9 else "A comma may be missing")


def test_to_words_garbage(monkeypatch):
    assert_survives_garbage(q6, monkeypatch)

"""Lesson 00: every check accepts right answers and names what is off in a wrong one; its tables are true."""

import importlib
import itertools
import re

import numpy as np
import pytest
from answers import assert_right, assert_survives_garbage, assert_wrong

from helpers import datasets, models, quiet, runs
from helpers.exercises import lesson_00, source
from helpers.exercises.lesson_00 import KIND_SLIPS, KINDS, PROBABILITIES, SHAPE_SLIPS, TASKS, q1, q2, q3, q4

LESSON = (source.LESSONS / "00_start_here.py").read_text(encoding="utf-8")


def solution(problem):
    """What the lesson's worked cell of `problem` defines."""
    space = {}
    exec(source.find_solution("00", problem), space)
    del space["__builtins__"]
    return list(space.values())


# --- Exercise 1: read an answer


def test_guess_right():
    assert_right(q1, *solution("q1"))
    assert_right(q1, np.argmax(PROBABILITIES))
    assert_right(q1, 3.0)
    assert_right(q1, 3 + 1e-7)


def test_the_lesson_shows_the_probabilities_that_are_checked():
    assert f"answer_of_network = {PROBABILITIES}" in LESSON
    assert round(sum(PROBABILITIES), 9) == 1


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (4, "count from 1"),
        (0.55, "how sure the network is"),
        (55, "how sure the network is"),
        (0.25, "the second guess's probability"),
        (25, "the second guess's probability"),
        (3.00001, "`3.00001` is no column"),
        (None, "Give a number instead."),
        (float("nan"), "Give a finite number."),
        (3 + 0j, "a complex number"),
        (5, "second guess"),
        (1, "**smallest**"),
        (7, "**smallest**"),
        (8, "Column `8` holds 0.08"),
        (0, "Column `0` holds 0.02"),
        (2.5, "`2.5` is no column"),
        (-7, "no column"),
        (10, "there are ten"),
        ("3", "without quotes"),
        ([3], "one single number"),
        (True, "asks for a number"),
    ],
)
def test_guess_wrong(answer, sentence):
    assert_wrong(q1, answer, sentence)


def test_guess_garbage(monkeypatch):
    assert_survives_garbage(q1, monkeypatch)


# --- Exercise 2: which kind of task


def test_kinds_right():
    assert_right(q2, *solution("q2"))
    assert_right(q2, "Multiclass", "multi label", "BINARY", "None")
    assert_right(q2, "multi_class", " multi-label ", "binary", "detection")
    assert_right(q2, "multi–class", "multi‑label", "binary", "object detection")


def test_no_other_combination_is_accepted_and_each_slip_has_its_sentence():
    accepted = []
    for words in itertools.product(KINDS, repeat=4):
        outcome = q2.judge(*words)
        if outcome.status == "correct":
            accepted.append(words)
    assert accepted == [tuple(TASKS.values())]
    for (name, slip), sentence in KIND_SLIPS.items():
        assert_wrong(q2, tuple({**TASKS, name: slip}.values()), f"`{name}` is `{slip!r}`? {sentence}")
    assert len(KIND_SLIPS) == len(TASKS) * (len(KINDS) - 1)


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (("classes", "multi-label", "binary", "none"), "`ripe` is `'classes'`. The four words"),
        (("multi-class", "multi-label", 2, "none"), "`spam` is `2`. Write one of the four words"),
        (("multi-class", "multi-label", "binary", None), "`faces` is `None`"),
        (("detection", "multi-label", "binary", "none"), "out of a fixed list"),
        (("multi-class", "multi-label", "binary"), "it got 3"),
        (("", "", "", ""), "The four words"),
    ],
)
def test_kinds_wrong(answers, sentence):
    assert_wrong(q2, answers, sentence)


def test_one_gap_left_is_not_attempted():
    assert q2.judge("multi-class", ..., "binary", "none").status == "not attempted"


def test_kinds_garbage(monkeypatch):
    assert_survives_garbage(q2, monkeypatch, several=4)


# --- Exercise 3: the shape of a batch


def test_shape_right():
    assert_right(q3, *solution("q3"))
    assert_right(q3, [32, 480, 640, 3])
    assert_right(q3, np.array([32, 480, 640, 3]))
    assert_right(q3, np.empty((32, 480, 640, 3), dtype=np.uint8).shape)


@pytest.mark.parametrize("shape", SHAPE_SLIPS, ids=str)
def test_each_slip_in_a_shape_is_named(shape):
    assert_wrong(q3, (shape,), SHAPE_SLIPS[shape])


@pytest.mark.parametrize("length", [3, 4])
def test_no_order_of_the_sizes_gets_a_general_sentence(length):
    for shape in itertools.permutations((32, 480, 640, 3), length):
        outcome = q3.judge(shape)
        if shape != (32, 480, 640, 3):
            assert outcome.status == "incorrect" and f"`{shape}`: " in outcome.message, outcome.message
            assert "Name the axes first" not in outcome.message and not outcome.message.endswith(": ")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((None, 480, 640, 3), "This batch has a number"),
        (32, "is one number"),
        ((32, 480, 640, 3, 1), "has 5 axes"),
        ((64, 480, 640, 3), "has four axes"),
        ((32, 480.5, 640, 3), "480.5"),
        ("(32, 480, 640, 3)", "Leave out its quotes: the question asks for a tuple"),
        (("32", 480, 640, 3), "`'32'` is text"),
        ((32, (480, 640), 3), "`(480, 640)` stands inside your tuple"),
        ((32, 3, 480, 640), "as PyTorch does. In Keras the channels come last."),
        ((32, 480, 3, 640), "In Keras the channels come last."),
        ((32, 640, 480, 3), "480 high means 480 rows"),
        ((3, 480, 640, 32), "counted by the **first** axis. In Keras the channels come last."),
        ((640, 480, 3, 32), "counted by the **first** axis. In Keras the channels come last. Rows come before"),
        ((480, 640, 3), "That is one picture. A batch has one more axis"),
        ((32, 640, 480), "pictures without channels. Colour needs an axis for red, green and blue. Rows come before"),
        ((32, 480, 3), "has rows **and** columns"),
        ((480, 480, 640, 3), "has four axes"),
        (np.zeros((1, 2, 2, 3)), "asks for the shape"),
        ({32, 480, 640, 3}, "is a set, which keeps no order"),
        ((), "has 0 axes"),
    ],
)
def test_shape_wrong(answer, sentence):
    assert_wrong(q3, (answer,), sentence)


def test_shape_garbage(monkeypatch):
    assert_survives_garbage(q3, monkeypatch)


# --- Exercise 4: the four phases


def test_order_right():
    assert_right(q4, *solution("q4"))
    assert_right(q4, "beda")
    assert_right(q4, ["B", "E", "D", "A"])
    assert_right(q4, "B → E → D → A")
    for spelled in ("BEDA.", "B/E/D/A", "B – E – D – A", "B_E_D_A", "(B) (E) (D) (A)"):
        assert_right(q4, spelled)


def test_no_other_order_is_accepted():
    orders = ["".join(cards) for n in range(1, 6) for cards in itertools.permutations("ABCDE", n)]
    assert [order for order in orders if q4.judge(order).status == "correct"] == ["BEDA"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("BECA", "card C in it"),
        ("BEDCA", "card C in it"),
        ("BDEA", "no weights to adjust"),
        ("EDBA", "pictures that are to judge you"),
        ("BEAD", "learned nothing yet"),
        ("AEBD", "learned nothing yet"),
        ("EBDA", "first look at the data"),
        ("BEA", "leaves out D"),
        ("BA", "leaves out D and E"),
        ("BBEDA", "twice"),
        ("BEDX", "not made of the letters"),
        ("", "not made of the letters"),
        (1234, "four letters in quotes"),
        (["data", "model"], "not made of the letters"),
    ],
)
def test_order_wrong(answer, sentence):
    assert_wrong(q4, answer, sentence)


def test_order_garbage(monkeypatch):
    assert_survives_garbage(q4, monkeypatch)


# --- what the prose states


def test_every_marker_in_the_prose_can_be_quoted():
    markers = re.findall(r"\{\{\s*([\w.]+)\s*\}\}", LESSON)
    assert len(markers) == 3 and all(runs.quote(marker) for marker in markers)


def test_the_data_side_counts_more_in_the_recorded_runs():
    def mean(part):
        return runs.accuracy_with_interval(runs.load(f"mnist_s4_ours{part}"))[0]

    assert mean("_no_augmentation") + 0.005 < min(mean(""), mean("_no_batch_norm"))


def test_no_digit_is_in_two_sets():
    digits = datasets.mnist()
    assert len(
        {picture.tobytes() for split in ("train", "validation", "test") for picture in getattr(digits, split)[0]}
    ) == sum(digits.counts().values())


@pytest.fixture(scope="module")
def keras():
    quiet.start_tensorflow()
    return importlib.import_module("keras")


def test_half_of_the_table_stops_with_an_error():
    table = LESSON.partition("### What has changed")[2].partition("Half of these stop")[0]
    happens = re.findall(r"^# \| .+ \| (.+) \| .+ \|$", table, re.MULTILINE)[1:]
    stops = [what for what in happens if re.match("ImportError|ValueError|gone", what)]
    assert (len(happens), len(stops)) == (12, 6)


@pytest.mark.parametrize(
    "code",
    [
        "from keras.utils import np_utils",
        "from keras.constraints import maxnorm",
        "from keras.layers.experimental import preprocessing",
        "from keras.preprocessing.image import ImageDataGenerator",
    ],
)
def test_what_the_table_calls_an_import_error_is_one(keras, code):
    assert code.split()[1].split(".")[-1] in LESSON or code.split()[-1] in LESSON
    with pytest.raises(ImportError):
        exec(code)


def test_nearly_all_errors_are_among_the_least_sure_and_the_network_claims_too_little(keras):
    images, labels = datasets.mnist().validation
    model = runs.load_weights(models.mnist_ours(), "mnist_s4_ours")
    probabilities = model.predict(images[..., np.newaxis], verbose=0)
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != labels
    assert wrong[confidence.argsort()[:100]].sum() >= 0.8 * wrong.sum() >= 8
    for count in (10, 100, 1000):
        chosen = confidence.argsort()[:count]
        assert confidence[chosen].mean() + 0.05 < 1 - wrong[chosen].mean()


def test_the_other_rows_of_the_table(keras, tmp_path, caplog):
    tensorflow = importlib.import_module("tensorflow")
    layers = keras.layers
    assert tensorflow.keras.layers.Dense is layers.Dense
    assert tensorflow.keras.preprocessing.image.ImageDataGenerator
    assert keras.utils.to_categorical and keras.constraints.MaxNorm and keras.utils.image_dataset_from_directory
    assert not any(hasattr(keras.Sequential, name) for name in ("fit_generator", "predict_classes"))
    with pytest.warns(UserWarning, match="input_shape"):
        layers.Dense(8, input_shape=(4,))
    with pytest.raises(ValueError, match="lr"):
        keras.optimizers.Adam(lr=0.001)
    assert keras.optimizers.Adadelta().get_config()["learning_rate"] == pytest.approx(0.001)

    model = keras.Sequential([keras.Input(shape=(4,)), layers.Dense(2)])
    data = np.ones((4, 4)), np.eye(2)[[0, 1, 0, 1]]
    for name in ("acc", "accuracy"):
        model.compile(loss="categorical_crossentropy", metrics=[name])
        assert name in model.fit(*data, validation_split=0.5, verbose=0).history
    model.compile(loss="categorical_crossentropy", metrics=["accuracy", "val_accuracy"])
    with pytest.raises(ValueError, match="val_accuracy"):
        model.fit(*data, verbose=0)
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    assert "legacy" in caplog.text


def test_the_module_names_the_cards_that_the_lesson_deals():
    assert re.findall(r"^# - \*\*([A-Z])\*\*", LESSON, re.MULTILINE) == list(lesson_00.CARDS)

"""Lesson 04: every exercise takes right answers however written, and names what is off in a wrong one."""

import itertools

import nbformat
import numpy as np
import pytest
from answers import assert_right, assert_survives_garbage, assert_wrong, forgets_return
from sklearn.svm import SVC

from authoring import build
from helpers import datasets, quiet, runs
from helpers.exercises import source
from helpers.exercises.lesson_04 import (
    EARLIEST_SLIPS,
    LOSS_SLIPS,
    OWN_BEST,
    OWN_BEST_SLIPS,
    PARAMETER_SLIPS,
    STOP_CASES,
    STOP_SLIPS,
    _loss_cases,
    q1,
    q2,
    q3,
    q4,
)

quiet.start_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from benchmarks import dense  # noqa: E402
from helpers import models  # noqa: E402


def solution(problem):
    """What the lesson's worked cell of `problem` defines."""
    space = {"np": np, "keras": keras}
    exec(source.find_solution("04", problem), space)
    return space


def test_what_the_prose_says_of_the_recorded_runs():
    mean, half = zip(
        *(
            runs.accuracy_with_interval(runs.load(name))
            for name in ("mnist_s3", "mnist_s3_ours", "mnist_s3_ours_no_augmentation")
        ),
        strict=True,
    )
    assert mean[0] + half[0] < mean[2] < mean[1] - half[1]
    assert 0.25 < (mean[1] - mean[2]) / (mean[1] - mean[0]) < 0.42  # "about a third"
    fashion, fashion_half = runs.accuracy_with_interval(runs.load("fashion_s3"))
    fashion_ours, ours_half = runs.accuracy_with_interval(runs.load("fashion_s3_ours"))
    assert fashion + fashion_half < fashion_ours - ours_half
    assert len({len(history["loss"]) for history in runs.load("mnist_s3")["history"]}) > 1
    # "It lies well above the post's network, and well below ours"
    splits = datasets.mnist(train=3_000, validation=1_000, test=1_000)
    vectors = support_vectors(splits).score(as_rows(splits.test[0]), splits.test[1])
    assert mean[0] + half[0] < vectors < mean[1] - half[1]


def test_every_figure_in_the_notebook_is_the_recorded_one():
    """What stands in the built notebook for each {{…}} is what the runs say today."""
    (lesson,) = build.lesson_files(["04"])
    built = nbformat.read(build.NOTEBOOKS / f"{lesson.stem}.ipynb", as_version=4)
    prose = "\n".join(cell.source for cell in built.cells if cell.cell_type == "markdown")
    pieces = build.FIGURE.split(lesson.read_text(encoding="utf-8"))
    assert len(pieces) > 20
    for before, marker, after in zip(pieces[:-2:2], pieces[1::2], pieces[2::2], strict=True):
        start, end = before.rpartition("\n")[2].removeprefix("# "), after.partition("\n")[0]
        assert f"{start}{runs.quote(marker)}{end}" in prose, marker


def as_rows(images):
    return images.reshape(len(images), -1).astype(np.float32) / 255


def support_vectors(splits):
    return SVC(kernel="rbf").fit(as_rows(splits.train[0]), splits.train[1])


def moved_right(images, pixels):
    moved = np.zeros_like(images)
    moved[:, :, pixels:] = images[:, :, : 28 - pixels]
    return moved


def test_what_the_prose_says_of_networks_when_digits_move():
    splits = datasets.mnist(train=3_000, validation=1_000, test=1_000)
    images, labels = splits.test
    lost = [np.mean(images[:, :, 28 - pixels :].any(axis=(1, 2))) for pixels in (3, 4)]
    assert round(100 * lost[0]) == 7 and 1 / 6 < lost[1] < 1 / 4  # "more than one in six"

    def recorded(network, name, pixels):
        network = runs.load_weights(network, name)
        return accuracy(network, moved_right(images, pixels)[..., None].astype("float32"))

    def accuracy(network, inputs):
        return np.mean(network.predict(inputs, verbose=0).argmax(axis=1) == labels)

    dense_moved = {pixels: recorded(models.dense_ours(), "mnist_s3_ours", pixels) for pixels in (3, 4, 6)}
    plain = models.mnist_ours(augmentation=False)
    cnn = {pixels: recorded(plain, "mnist_s3_cnn_no_augmentation", pixels) for pixels in (3, 4, 6)}
    cnn_moved = {pixels: recorded(models.mnist_ours(), "mnist_s4_ours", pixels) for pixels in (3, 4, 6)}
    assert cnn[3] > 0.9  # "more than nine in ten"
    assert all(dense_moved[pixels] > cnn[pixels] for pixels in (3, 4, 6))
    assert all(cnn_moved[pixels] > dense_moved[pixels] for pixels in (3, 4, 6))

    keras.utils.set_random_seed(1)
    post = models.dense_s3()
    dense.train_s3(post, splits, dense.S3_SETTINGS, [])
    at_three = accuracy(post, moved_right(images, 3)[..., None] / 255)
    vectors = support_vectors(splits).score(as_rows(moved_right(images, 3)), labels)
    assert at_three < vectors  # "the dense network misreads more than half of the digits, the SVM about half"
    assert at_three < 0.5
    assert 0.45 < vectors < 0.55


# --- Exercise 1: the shuffle buffer


def by_simulation(index, buffer_size):
    return index - min(index, buffer_size - 1)


def by_comparison(index, buffer_size):
    return np.int64(index - buffer_size + 1) if index >= buffer_size else 0


def test_earliest_right():
    assert_right(q1, solution("q1")["earliest"])
    assert_right(q1, by_simulation)
    assert_right(q1, by_comparison)


def test_tensorflow_shuffles_as_the_exercise_says():
    """Over many shuffles the earliest place seen for each of six examples is the one that the solution gives."""
    rule = solution("q1")["earliest"]
    for size in (1, 2, 3, 6, 9):
        numbers = tf.data.Dataset.range(6).shuffle(size, seed=1, reshuffle_each_iteration=True).repeat(400).batch(6)
        places = np.argsort(np.stack(list(numbers.as_numpy_iterator())), axis=1)
        assert places.min(axis=0).tolist() == [rule(index, size) for index in range(6)]


@pytest.mark.parametrize("sentence", EARLIEST_SLIPS)
def test_each_slip_about_the_buffer_is_named(sentence):
    assert_wrong(q1, EARLIEST_SLIPS[sentence], sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda index, size: index + size, "Example 11 with a buffer of 3: you say place 14. Play it on paper"),
        (lambda index, size: max(0, index - size + 1) / 2, "which is no whole number"),
        (lambda index: index, "Keep the first line"),
        (forgets_return, "Does the function end with `return`?"),
        (9, "The check needs the function itself"),
    ],
)
def test_earliest_wrong(answer, sentence):
    assert_wrong(q1, answer, sentence)


def test_earliest_garbage(monkeypatch):
    assert_survives_garbage(q1, monkeypatch)


# --- Exercise 2: parameters


def test_parameters_right():
    assert_right(q2, solution("q2")["parameters"])
    assert_right(q2, lambda sizes: float(sum((a + 1) * b for a, b in itertools.pairwise(sizes))))
    assert_right(q2, lambda sizes: int(np.dot(sizes[:-1], sizes[1:]) + np.sum(sizes[1:])))


def test_keras_counts_as_the_exercise_does():
    for sizes in ([784, 50, 50, 10], [3, 4, 2]):
        network = keras.Sequential([keras.Input((sizes[0],)), *map(keras.layers.Dense, sizes[1:])])
        assert network.count_params() == solution("q2")["parameters"](sizes)


@pytest.mark.parametrize("sentence", PARAMETER_SLIPS)
def test_each_slip_in_counting_is_named(sentence):
    assert_wrong(q2, PARAMETER_SLIPS[sentence], sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda sizes: 42_310, "For [784, 10] you get 42,310. You return that for every network."),
        (lambda sizes: len(sizes), "Take one layer: (inputs + 1) × units."),
        (lambda inputs, units: inputs * units, "Keep the first line"),
        (forgets_return, "Does the function end with `return`?"),
        (lambda sizes: "42310", "without quotes"),
        (42_310, "The check needs the function itself"),
    ],
)
def test_parameters_wrong(answer, sentence):
    assert_wrong(q2, answer, sentence)


def test_parameters_garbage(monkeypatch):
    assert_survives_garbage(q2, monkeypatch)


# --- Exercise 3: the sparse loss


def by_loop(labels, probabilities):
    total = 0
    for row, label in zip(probabilities, labels, strict=True):
        total -= np.log(row[label])
    return total / len(labels)


def by_one_hot(labels, probabilities):
    return -(np.eye(probabilities.shape[1])[labels] * np.log(probabilities)).sum(axis=1).mean()


def by_keras(labels, probabilities):
    return float(keras.ops.mean(keras.losses.sparse_categorical_crossentropy(labels, probabilities)))


def rows_of_probabilities(labels, probabilities):
    return -np.log(probabilities[np.arange(len(labels)), labels])


def test_sparse_loss_right():
    assert_right(q3, solution("q3")["sparse_loss"])
    assert_right(q3, by_loop)
    assert_right(q3, by_one_hot)
    assert_right(q3, by_keras)
    assert_right(q3, lambda labels, probabilities: keras.losses.SparseCategoricalCrossentropy()(labels, probabilities))


def test_the_rows_of_the_loss_cases_are_probabilities():
    for labels, probabilities in _loss_cases():
        assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(labels)), abs=1e-12)
        assert probabilities.min() > 0
        assert (np.round(probabilities, 3) == probabilities).all()


def test_the_loss_quotes_the_first_case_that_is_wrong():
    def one_class_less(labels, probabilities):
        right = rows_of_probabilities(labels, probabilities).mean()
        return right if probabilities.shape[1] < 10 else right / 2

    assert_wrong(q3, one_class_less, "and the 5 rows of probabilities you get")
    assert_wrong(q3, lambda y, p: -np.log(p[0, y[0]]) if len(y) > 2 else by_loop(y, p), "For the labels [")


def test_keras_computes_what_the_solution_does():
    labels, probabilities = np.array([0, 2]), np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    assert by_keras(labels, probabilities) == pytest.approx(solution("q3")["sparse_loss"](labels, probabilities))


@pytest.mark.parametrize("sentence", LOSS_SLIPS)
def test_each_slip_in_the_loss_is_named(sentence):
    assert_wrong(q3, LOSS_SLIPS[sentence], sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (rows_of_probabilities, "You return one loss per picture. They are right; the last step is their mean."),
        (lambda labels, probabilities: 1.5, "you get 1.5. The probabilities of the true classes are"),
        (lambda labels, probabilities: np.log(probabilities * 0).mean(), "is `-inf`"),
        (lambda labels, probabilities: probabilities, "one single number"),
        (lambda labels, probabilities: [[1, 2], [3]], "Rows of different lengths do not make an array"),
        (keras.losses.sparse_categorical_crossentropy, "You return one loss per picture. They are right"),
        (lambda labels: 1, "Keep the first line"),
        (forgets_return, "Does the function end with `return`?"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_sparse_loss_wrong(answer, sentence):
    assert_wrong(q3, answer, sentence)


def test_sparse_loss_garbage(monkeypatch):
    assert_survives_garbage(q3, monkeypatch)


# --- Exercise 4: patience


def by_waiting(losses, patience):
    best, best_epoch, waited = float("inf"), 0, 0
    for epoch, loss in enumerate(losses, start=1):
        waited += 1
        if loss < best:
            best, best_epoch, waited = loss, epoch, 0
        if waited == patience:
            return [epoch, best_epoch]
    return [epoch, best_epoch]


def by_argmin(losses, patience):
    for epoch in range(1, len(losses) + 1):
        best = int(np.argmin(losses[:epoch])) + 1
        if epoch - best >= patience:
            break
    return np.array([epoch, best])


def in_keras(losses, patience):
    """What Keras's own callback does when it is handed these losses."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    callback = keras.callbacks.EarlyStopping(monitor="val_loss", patience=patience, restore_best_weights=True)
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        model.set_weights([np.full((1, 1), float(epoch + 1)), np.zeros(1)])
        callback.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training:
            break
    callback.on_train_end()
    return epoch + 1, int(model.get_weights()[0][0, 0])


def test_early_stopping_right():
    assert_right(q4, solution("q4")["early_stopping"])
    assert_right(q4, by_waiting)
    assert_right(q4, by_argmin)


def test_keras_stops_as_the_exercise_says():
    random = np.random.default_rng(2)
    cases = STOP_CASES + [(random.integers(1, 9, size=9).tolist(), patience) for patience in (1, 2, 3, 4)]
    for losses, patience in cases:
        assert solution("q4")["early_stopping"](losses, patience) == in_keras(losses, patience), (losses, patience)


def starts_at_one(losses, patience):
    best, best_epoch, waited = 1, 0, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch, waited = loss, epoch, 0
        else:
            waited += 1
        if waited == patience:
            break
    return epoch, best_epoch


def starts_at_one_by_distance(losses, patience):
    best, best_epoch = 1, 0
    for epoch, loss in enumerate(losses):
        if loss < best:
            best, best_epoch = loss, epoch
        if epoch - best_epoch == patience:
            break
    return epoch + 1, best_epoch + 1


@pytest.mark.parametrize("answer", [*OWN_BEST_SLIPS, starts_at_one, starts_at_one_by_distance])
def test_a_first_best_of_ones_own_is_named(answer):
    assert_wrong(q4, lambda losses, patience: answer(losses, patience), OWN_BEST)


@pytest.mark.parametrize("sentence", STOP_SLIPS)
def test_each_slip_about_patience_is_named(sentence):
    assert_wrong(q4, STOP_SLIPS[sentence], sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda losses, patience: (1, 1), "you say: last 1, best 1. Write the best loss so far under each epoch"),
        (lambda losses, patience: 5, "You return `5`. Two numbers are wanted"),
        (lambda losses, patience: (1, 2, 3), "Two numbers are wanted"),
        (lambda losses, patience: {"last": 5, "best": 3}, "Two numbers are wanted: `return last, best`."),
        (lambda losses, patience: (None, None), "The first number is `None`: it never got a value for [0.9, 0.7"),
        (lambda losses, patience: (4, None), "The second number is `None`: it never got a value"),
        (starts_at_one, "For [2.3, 1.9, 1.5, 1.6, 1.55, 1.7] and a patience of 3 you say: last 3, best 0. Your first"),
        (lambda losses, patience: (1.5, 1), "The first number is `1.5`"),
        (lambda losses: (1, 1), "Keep the first line"),
        (forgets_return, "also if it never stops early"),
    ],
)
def test_early_stopping_wrong(answer, sentence):
    assert_wrong(q4, answer, sentence)


def test_early_stopping_garbage(monkeypatch):
    assert_survives_garbage(q4, monkeypatch)

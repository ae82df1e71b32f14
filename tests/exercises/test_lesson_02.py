"""Lesson 02's exercises: right answers are accepted, wrong ones earn the sentence that names the idea that is off."""

import math

import numpy as np
import pytest
from answers import assert_right, assert_survives_garbage, assert_wrong

from helpers.exercises import source
from helpers.exercises.lesson_02 import q1, q2, q3, q4, q5, q6


def solution(problem):
    """The names that the lesson's own solution of a problem defines."""
    scope = {"np": np}
    exec(source.find_solution("02", problem.name), scope)
    return scope


# Exercise 1: the window 3, 9, 4, 4


def test_q1_right():
    worked = solution(q1)
    assert_right(q1, worked["maximum"], worked["average"])
    assert_right(q1, 9.0, 5.0)
    assert_right(q1, np.int64(9), np.float32(5))
    assert_right(q1, 9, 5 + 1e-12)


@pytest.mark.parametrize(
    ("maximum", "average", "sentence"),
    [
        (5, 9, "swapped"),
        (4, 2, "another window: rows 0 and 1, columns 0 and 1"),
        (7, 3, "another window: rows 2 and 3, columns 0 and 1"),
        (8, 2, "another window: rows 2 and 3, columns 2 and 3"),
        (20, 5, "sum of the four"),
        (3, 5, "smallest of the four"),
        (4, 5, "a larger value does too"),
        (10, 5, "Max pooling keeps one value of the window unchanged"),
        (9, 20, "That is the sum"),
        (9, 4, "median"),
        (9, 6, "halfway"),
        (9, 10, "How many values"),
        (9, 11 / 3, "left the maximum out"),
        (9, 7, "then divide by four"),
        ("9", 5, "without quotes"),
        (9, [5], "one single number"),
        (9, 5.0001, "`average` is 5.0001."),
        (9, None, "Give a number instead."),
        (float("nan"), 5, "Give a finite number."),
    ],
)
def test_q1_wrong(maximum, average, sentence):
    assert_wrong(q1, (maximum, average), sentence)


def test_q1_garbage(monkeypatch):
    assert_survives_garbage(q1, monkeypatch, several=2)


# Exercise 2: max pooling


def pool_starts(picture, size, stride):
    return [range(0, length - size + 1, stride) for length in picture.shape]


def pool_by(summary):
    def answer(picture, size, stride):
        rows, columns = pool_starts(picture, size, stride)
        return [[summary(picture[r : r + size, c : c + size]) for c in columns] for r in rows]

    return answer


def pool_windows(picture, size, stride):
    windows = np.lib.stride_tricks.sliding_window_view(picture, (size, size))
    return windows[::stride, ::stride].max(axis=(2, 3))


def pool_shifted(picture, size, stride):
    """The largest of size² shifted copies."""
    rows, columns = ((length - size) // stride + 1 for length in picture.shape)
    pooled = np.full((rows, columns), -np.inf)
    for r, c in np.ndindex(size, size):
        shifted = picture[r : r + stride * rows : stride, c : c + stride * columns : stride][:rows, :columns]
        pooled = np.maximum(pooled, shifted)
    return pooled


def pool_from_zero(picture, size, stride):
    rows, columns = pool_starts(picture, size, stride)
    pooled = np.zeros((len(rows), len(columns)))
    for i, r in enumerate(rows):
        for j, c in enumerate(columns):
            pooled[i, j] = max(0, picture[r : r + size, c : c + size].max())
    return pooled


def pool_short(picture, size, stride):
    rows, columns = (range(0, length - size, stride) for length in picture.shape)
    return np.array([[picture[r : r + size, c : c + size].max() for c in columns] for r in rows])


def pool_overhanging(picture, size, stride):
    rows, columns = (range(0, length, stride) for length in picture.shape)
    return np.array([[picture[r : r + size, c : c + size].max() for c in columns] for r in rows])


def pool_last_wrong(picture, size, stride):
    pooled = pool_windows(picture, size, stride)
    pooled = pooled.copy()
    pooled[-1, -1] += 1
    return pooled


def pool_into_whole_numbers(picture, size, stride):
    pooled = pool_windows(picture, size, stride)
    kept = np.zeros(pooled.shape, dtype=int)
    kept[:] = pooled
    return kept


def test_q2_right():
    assert_right(q2, solution(q2)["max_pool"])
    assert_right(q2, pool_by(np.max))
    assert_right(q2, pool_windows)
    assert_right(q2, pool_shifted)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (pool_by(np.mean), "average pooling"),
        (pool_by(np.sum), "sum pooling"),
        (pool_by(np.min), "smallest value"),
        (pool_from_zero, "only negative values"),
        (lambda picture, size, stride: pool_windows(picture, size, size), "You step by `size`"),
        (lambda picture, size, stride: pool_windows(picture, size, 1), "You step by 1"),
        (lambda picture, size, stride: pool_windows(picture, size, 2), "always 2. Use `stride`"),
        (lambda picture, size, stride: pool_windows(picture, stride, stride), "as wide as the stride"),
        (lambda picture, size, stride: pool_windows(picture, 2, stride), "always 2 by 2"),
        (lambda picture, size, stride: pool_windows(picture, size, stride).T, "exchanged"),
        (pool_short, "needs a + 1"),
        (pool_overhanging, "hang over the edge"),
        (pool_last_wrong, "where you have 10"),
        (lambda picture, size, stride: pool_windows(picture, size, stride).ravel(), "lie in one row"),
        (pool_into_whole_numbers, "keeps whole numbers only"),
        (lambda picture, size, stride: picture.max(), "Count by hand how many windows"),
        (lambda picture, size: picture, "Keep the first line"),
    ],
)
def test_q2_wrong(answer, sentence):
    assert_wrong(q2, answer, sentence)


def test_q2_garbage(monkeypatch):
    assert_survives_garbage(q2, monkeypatch)


# Exercise 3: two numbers that ReLU and addition treat differently


def test_q3_right():
    worked = solution(q3)
    assert_right(q3, worked["first"], worked["second"])
    assert_right(q3, -1, 1)
    assert_right(q3, 0.5, np.float64(-0.25))


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (3, 5, "leaves positive numbers alone"),
        (-3, -5, "Both numbers are negative"),
        (0, -5, "Adding 0 changes nothing"),
        (4, 0.0, "Adding 0 changes nothing"),
        (1e300, -1e-300, "so small a difference"),
        ("3", -5, "without quotes"),
        (True, -5, "asks for a number"),
        (float("inf"), -5, "Give a finite number."),
        (3, None, "Give a number instead."),
        (3, -5j, "a complex number"),
    ],
)
def test_q3_wrong(first, second, sentence):
    assert_wrong(q3, (first, second), sentence)


def test_q3_garbage(monkeypatch):
    assert_survives_garbage(q3, monkeypatch, several=2)


# Exercise 4: softmax without overflow


def softmax_naive(scores):
    return np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)


def softmax_by_logarithm(scores):
    return np.exp(scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True))


def softmax_by_loops(scores):
    if scores.ndim > 1:
        return [softmax_by_loops(row) for row in scores]
    powers = [np.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def softmax_global_maximum(scores):
    powers = np.exp(scores - scores.max())
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_without_keepdims(scores):
    powers = np.exp(scores - scores.max(axis=-1))
    return powers / powers.sum(axis=-1)


def softmax_subtracting(shift):
    def answer(scores):
        powers = np.exp(scores - shift(scores, axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    return answer


def softmax_by_plain_python(scores):
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def softmax_by_python_max(scores):
    return softmax_naive(scores - max(scores))


def softmax_of_many_or_text(scores):
    return "nothing" if scores.max() > 100 else softmax_naive(scores)


def test_q4_right():
    assert_right(q4, solution(q4)["softmax"])
    assert_right(q4, softmax_by_logarithm)
    assert_right(q4, softmax_by_loops)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (softmax_naive, "Subtract the largest score of each example"),
        (softmax_global_maximum, "of **each row**"),
        (softmax_subtracting(np.mean), "Subtract the largest score of each example"),
        (softmax_subtracting(np.min), "Subtract the largest score of each example"),
        (softmax_without_keepdims, "`keepdims=True` to fit"),
        (lambda s: softmax_naive(np.clip(s, -50, 50)), "Do not cut or scale"),
        (lambda s: np.nan_to_num(softmax_naive(s)), "Do not cut or scale"),
        (lambda s: s / s.sum(axis=-1, keepdims=True), "Take the exponential of each first"),
        (lambda s: np.exp(s), "forgot to divide by the sum"),
        (lambda s: np.exp(s - s.max(axis=-1, keepdims=True)), "do not divide by the sum afterwards"),
        (lambda s: np.eye(s.shape[-1])[s.argmax(axis=-1)], "is what `argmax` does"),
        (lambda s: s.argmax(axis=-1), "place of the largest score"),
        (lambda s: np.log(softmax_naive(s)), "logarithm of softmax"),
        (lambda s: 1 / (1 + np.exp(-s)), "sigmoid"),
        (lambda s: softmax_naive(-s), "signs are turned"),
        (lambda s: np.exp(s) / np.exp(s).sum(), "sum over all examples"),
        (lambda s: np.exp(s) / np.exp(s).sum(axis=0, keepdims=s.ndim > 1), "down the columns"),
        (lambda s: softmax_naive(2 * s), "The shares sum to 1, but they differ"),
        (lambda s: softmax_naive(s) / 2, "sum to 0.5. They should sum to 1."),
        (lambda s: np.exp(s) / (np.exp(s).sum(axis=-1, keepdims=True) + 1e-5), "nothing need be added to it"),
        (lambda s: np.exp(s) / (np.exp(s).sum(axis=-1, keepdims=True) + 1e-5), "sum to 0.99999"),
        (lambda s: np.exp(s) / np.exp(s).sum(axis=1, keepdims=True), "`axis=-1` is the last axis"),
        (lambda s: np.exp(s) / np.exp(s).sum(axis=1, keepdims=True), "One row of scores has axis 0 alone"),
        (softmax_by_plain_python, "a loop over it meets whole rows"),
        (softmax_by_python_max, "cannot compare whole rows"),
        (lambda s: softmax_naive(s)[..., :1], "one share per score"),
        (softmax_of_many_or_text, "array of numbers"),
        (lambda: 1, "Keep the first line"),
    ],
)
def test_q4_wrong(answer, sentence):
    assert_wrong(q4, answer, sentence)


@pytest.mark.filterwarnings("error")
def test_q4_says_nothing_on_standard_error():
    assert_wrong(q4, softmax_naive, "Small scores are right.")


def test_q4_garbage(monkeypatch):
    assert_survives_garbage(q4, monkeypatch)


# Exercise 5: the gradient of the weights


def one_hot(probabilities, label):
    return np.eye(len(probabilities))[label]


def gradient_by_broadcast(probabilities, label, x):
    return (probabilities - one_hot(probabilities, label))[:, np.newaxis] * x


def gradient_in_place(probabilities, label, x):
    probabilities[label] -= 1
    return [[error * value for value in x] for error in probabilities]


def test_q5_right():
    assert_right(q5, solution(q5)["weight_gradient"])
    assert_right(q5, gradient_by_broadcast)
    assert_right(q5, gradient_in_place)
    assert_right(q5, lambda p, t, x: tuple(map(tuple, gradient_by_broadcast(p, t, x))))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda p, t, x: -gradient_by_broadcast(p, t, x), "sign is turned"),
        (lambda p, t, x: gradient_by_broadcast(p, t, x).T, "exchanged"),
        (lambda p, t, x: np.outer(p - t, x), "the label's number itself"),
        (lambda p, t, x: np.outer(p, x), "The truth is missing"),
        (lambda p, t, x: np.outer(p - 1, x), "1 from every class"),
        (lambda p, t, x: p - one_hot(p, t), "has that factor too"),
        (lambda p, t, x: np.outer((p - 1) * one_hot(p, t), x), "Only the true class has a slope"),
        (lambda p, t, x: np.outer(p * (1 - one_hot(p, t)), x), "no slope at all"),
        (lambda p, t, x: np.sum(p - one_hot(p, t)) * np.sum(x), "one number"),
        (lambda p, t, x: gradient_by_broadcast(p, t, x) / len(p), "0.25 times"),
        (lambda p, t, x: gradient_by_broadcast(p, t, x) / len(x), "0.5 times what it should be. This is one example"),
        (lambda p, t, x: -0.1 * gradient_by_broadcast(p, t, x), "-0.1 times what it should be. Return the slope alone"),
        (lambda p, t, x: 2 * gradient_by_broadcast(p, t, x), "2 times what it should be. Return prediction minus"),
        (lambda p, t, x: np.outer(one_hot(p, p.argmax()) - one_hot(p, t), x), "Did you take the guess"),
        (lambda p, t, x: (p - one_hot(p, t)) * x, "Every class meets every input"),
        (lambda p, t, x: (p - one_hot(p, t)) @ x, "Every class meets every input"),
        (lambda p, t, x: np.dot(p - one_hot(p, t), x), "Every class meets every input"),
        (lambda p, t, x: (gradient_by_broadcast(p, t, x), p - one_hot(p, t)), "you return 2 things"),
        (lambda p, t, x: gradient_by_broadcast(p, t, x).round(2), "You round"),
        (lambda p, t, x: gradient_by_broadcast(p, t, x).round(3), "You round"),
        (lambda p, t, x: -gradient_by_broadcast(p, t, x), "you return `[[-0.2, 0.1], [-0.4, 0.2], [-0.6, 0.3], [1.2"),
        (lambda p, t, x: gradient_by_broadcast(p, t, x).ravel(), "4 classes and 2 inputs"),
        (lambda p, t, x: gradient_by_broadcast(p, t, np.abs(x)), "By hand"),
        (lambda p, t, x: p @ x, "stops with `ValueError"),
    ],
)
def test_q5_wrong(answer, sentence):
    assert_wrong(q5, answer, sentence)


def test_q5_garbage(monkeypatch):
    assert_survives_garbage(q5, monkeypatch)


# Exercise 6: the receptive field


def field_backwards(layers):
    """The other known recipe: from one value of the last map towards the picture."""
    field = 1
    for size, stride in reversed(layers):
        field = (field - 1) * stride + size
    return field


def field_by_products(layers):
    sizes, strides = [size for size, _ in layers], [stride for _, stride in layers]
    return 1 + sum((size - 1) * int(np.prod(strides[:index])) for index, size in enumerate(sizes))


def field(start=1, first=1, grow=lambda size, jump: (size - 1) * jump, widen=lambda jump, stride: jump * stride):
    def answer(layers):
        field, jump = start, first
        for size, stride in layers:
            field += grow(size, jump)
            jump = widen(jump, stride)
        return field

    return answer


def field_stride_first(layers):
    field, jump = 1, 1
    for size, stride in layers:
        jump *= stride
        field += (size - 1) * jump
    return field


def field_by_columns(layers):
    """Right for every list that has a layer in it."""
    sizes, strides = np.array(layers)[:, 0], np.array(layers)[:, 1]
    return 1 + ((sizes - 1) * np.cumprod([1, *strides[:-1]])).sum()


def field_widened_by_size(layers):
    field, jump = 1, 1
    for size, _ in layers:
        field += (size - 1) * jump
        jump *= size
    return field


def field_by_own_stride(layers):
    field = 1
    for size, stride in layers:
        field += (size - 1) * stride
    return field


def field_of_last_layer(layers):
    jump = 1
    for size, stride in layers:
        field = (size - 1) * jump
        jump *= stride
    return field


def field_forwards_by_the_other_recipe(layers):
    field = 1
    for size, stride in layers:
        field = (field - 1) * stride + size
    return field


def field_returns_early(layers):
    field, jump = 1, 1
    for size, stride in layers:
        field += (size - 1) * jump
        jump *= stride
        return field


def test_q6_right():
    assert_right(q6, solution(q6)["receptive_field"])
    assert_right(q6, field_backwards)
    assert_right(q6, field_by_products)
    assert_right(q6, field_by_columns)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (field(widen=lambda jump, stride: 1), "forgot the strides"),
        (field(grow=lambda size, jump: size * jump), "add the whole sizes"),
        (lambda layers: sum(size for size, _ in layers), "add up the sizes and leave out the strides"),
        (field(start=0), "start from 1"),
        (field_stride_first, "multiply the jump before you add"),
        (field(widen=lambda jump, stride: stride), "All earlier strides multiply"),
        (field(widen=lambda jump, stride: jump + stride - 1), "You add the strides up"),
        (lambda layers: int(np.prod([stride for _, stride in layers])), "That is the jump"),
        (lambda layers: int(np.prod([size for size, _ in layers])), "product of the sizes. A layer adds"),
        (field_widened_by_size, "jump grows by the stride"),
        (field(widen=lambda jump, stride: jump + stride), "You add the stride to the jump"),
        (field_by_own_stride, "layers **before** it"),
        (lambda layers: max(size for size, _ in layers), "largest window"),
        (field_of_last_layer, "`=` where `+=`"),
        (field_forwards_by_the_other_recipe, "use the recipe for going backwards"),
        (lambda layers: field_by_products(layers) ** 2, "That is the area"),
        (lambda layers: field_by_products(layers[::-1]), "You go backwards, or"),
        (field_returns_early, "inside the loop"),
        (lambda layers: field_by_products(layers) + len(layers), "write down field and jump"),
        (lambda layers: field_by_products(layers) / 2, "no whole number"),
    ],
)
def test_q6_wrong(answer, sentence):
    assert_wrong(q6, answer, sentence)


def test_q6_quotes_layers_and_value():
    assert_wrong(q6, field(start=0), "For `[(3, 1)]` you return 2.")


def test_q6_garbage(monkeypatch):
    assert_survives_garbage(q6, monkeypatch)

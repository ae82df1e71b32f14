"""Lesson 01: its solutions, other right answers, the usual wrong ones with their sentence, and the facts it states."""

import ast
import io
import math

import numpy as np
import pytest
from answers import assert_right, assert_survives_garbage, assert_wrong
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image
from scipy import signal

from helpers import datasets, plots
from helpers.exercises import lesson_01, source
from helpers.exercises.lesson_01 import q1, q2, q3, q4, q5, q6

LESSON = source.LESSONS / "01_convolution.py"
PROBLEMS = {"q1": q1, "q2": q2, "q3": q3, "q4": q4, "q5": q5, "q6": q6}


def lesson_names():
    """The functions that the lesson itself defines, and its worked example: nothing is written twice."""
    names = {"np": np, "sliding_window_view": sliding_window_view}
    for cell in LESSON.read_text(encoding="utf-8").split("\n# %%"):
        head, _, code = cell.partition("\n")
        if "markdown" in head or "exercise" in head:
            continue
        for node in ast.parse(code).body:
            wanted = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("picture", "sobel_x")
            if isinstance(node, ast.FunctionDef) or wanted:
                exec(compile(ast.Module([node], []), str(LESSON), "exec"), names)
    return names


NAMES = lesson_names()
PICTURE, SOBEL_X = NAMES["picture"], NAMES["sobel_x"]
correlate, correlate_fast = NAMES["correlate"], NAMES["correlate_fast"]


def solution(problem):
    """What the lesson's own solution of an exercise hands in."""
    names = dict(NAMES)
    code = source.find_solution("01", problem)
    exec(code, names)
    last = ast.parse(code).body[-1]
    return names[last.name if isinstance(last, ast.FunctionDef) else last.targets[0].id]


# All exercises


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_lessons_own_solution_is_right(name):
    assert_right(PROBLEMS[name], solution(name))


@pytest.mark.parametrize("name", PROBLEMS)
def test_garbage_is_neither_accepted_nor_fatal(name, monkeypatch):
    assert_survives_garbage(PROBLEMS[name], monkeypatch)


@pytest.mark.parametrize("name", PROBLEMS)
def test_hints_do_not_hold_the_solution(name):
    assert 2 <= len(PROBLEMS[name].hints) <= 3
    assert not any(source.find_solution("01", name) in hint for hint in PROBLEMS[name].hints)


def test_the_checks_use_the_lessons_own_example():
    assert np.array_equal(lesson_01.PICTURE, PICTURE)
    assert np.array_equal(lesson_01.SOBEL_X, SOBEL_X)


# q1: one window by hand


@pytest.mark.parametrize("answer", [14, 14.0, np.int64(14), np.array(14), sum([9, 10, -5])])
def test_q1_right(answer):
    assert_right(q1, answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (50, "plain sum of the pixels"),
        (-14, "right but for its sign"),
        (8, "rows and columns are swapped"),
        (36, "without the minus signs"),
        (9, "−1, 0, 1 in every row"),
        (14 / 9, "mean of the nine products"),
        (1.56, "mean of the nine products"),
        (27, "starts in row 0, column 0; yours starts in row 2, column 0"),
        (-17, "starts in row 0, column 2"),
        (13, "`13` is not the sum of this window. Write its three rows"),
        (13.5, "`13.5` is not the sum"),
        ("14", "without quotes"),
        ([14], "one single number"),
        (True, "asks for a number"),
        (None, "`print` shows a number but hands back `None`"),
    ],
)
def test_q1_wrong(answer, sentence):
    assert_wrong(q1, answer, sentence)


# q2: the size of the output


def refuses(size, kernel, stride=1, padding=0):
    if kernel > size + 2 * padding:
        raise ValueError("the kernel does not fit")
    return (size + 2 * padding - kernel) // stride + 1


def keeps_silent(size, kernel, stride=1, padding=0):
    if kernel <= size + 2 * padding:
        return (size + 2 * padding - kernel) // stride + 1


def by_counting(size, kernel, stride=1, padding=0):
    return sum(1 for start in range(0, size + 2 * padding, stride) if start + kernel <= size + 2 * padding)


def by_rounding_down(size, kernel, stride=1, padding=0):
    way = size + padding + padding - kernel
    return math.floor(way / stride + 1) if way >= 0 else 0.0


@pytest.mark.parametrize(
    "answer", [by_counting, by_rounding_down, lambda s, k, t=1, p=0: len(range(0, s + 2 * p - k + 1, t))]
)
def test_q2_right(answer):
    assert_right(q2, answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda s, k, t=1, p=0: (s + 2 * p - k) // t, "the first one counts too"),
        (lambda s, k, t=1, p=0: max(0, (s + 2 * p - k) // t), "you get `25`"),
        (lambda s, k, t=1, p=0: (s + p - k) // t + 1, "on **both** sides"),
        (lambda s, k, t=1, p=0: (s - k) // t + 1, "the padding makes no difference"),
        (lambda s, k, t=1, p=0: max(0, (s - k) // t + 1 + 2 * p // t), "longer *before* you divide into strides"),
        (lambda s, k, t=1, p=0: (s - k) // t + 1 + 2 * p, "longer *before* you divide into strides"),
        (refuses, "the kernel does not fit`. Where nothing fits, the answer is 0."),
        (keeps_silent, "you return `None`. Where nothing fits, the answer is 0."),
        (lambda s, k, t=1, p=0: print(end=""), "Does the function end with `return`?"),
        (lambda s, k, t=1, p=0: s + 2 * p - k + 1, "the stride makes no difference"),
        (lambda s, k, t=1, p=0: (s + 2 * p - k) / t + 1, "you return `13.5`. A window either fits or it does not"),
        (lambda s, k, t=1, p=0: math.ceil((s + 2 * p - k) / t) + 1, "a window that hangs over the edge"),
        (lambda s, k, t=1, p=0: round((s + 2 * p - k) / t) + 1, "rounding to the nearest"),
        (lambda s, k, t=1, p=0: (s + 2 * p - k + 1) // t, "the `+ 1` is no step"),
        (lambda s, k, t=1, p=0: (s + 2 * p) // t - k + 1, "take the kernel away first"),
        (lambda s, k, t=1, p=0: (s + 2 * p) // t, "the kernel makes no difference"),
        (lambda s, k, t=1, p=0: (s + 2 * p - k) // t + 1, "there are 0 windows, not fewer"),
        (lambda s, k, t=1, p=0: max(0, int((s + 2 * p - k) / t) + 1), "the kernel is larger than the padded picture"),
        (lambda s, k, t=1, p=0: max(1, (s + 2 * p - k) // t + 1), "the kernel is larger than the padded picture"),
        (lambda s, k, t, p: max(0, (s + 2 * p - k) // t + 1), "calls it with 2 values"),
        (lambda s, k, t=2, p=0: max(0, (s + 2 * p - k) // t + 1), "take stride 1 and padding 0"),
        (lambda s, k, t=1, p=0: 26, "Draw that row of pixels"),
        (lambda s: s, "Keep the first line of the function"),
        (26, "its name, without brackets"),
    ],
)
def test_q2_wrong(answer, sentence):
    assert_wrong(q2, answer, sentence)


def test_q2_counts_as_the_lessons_loop_does():
    for size, kernel, stride, padding in lesson_01.FITS + lesson_01.DOES_NOT_FIT:
        if size < 50:
            out = correlate(np.zeros((size, size)), np.ones((kernel, kernel)), stride, padding)
            assert len(out) == lesson_01.positions(size, kernel, stride, padding)
    assert all(lesson_01.positions(*case) > 0 for case in lesson_01.FITS)
    assert not any(lesson_01.positions(*case) for case in lesson_01.DOES_NOT_FIT)


@pytest.mark.parametrize("index", range(len(lesson_01.SIZE_SLIPS)))
def test_q2_no_misconception_is_right(index):
    slip, _ = lesson_01.SIZE_SLIPS[index]
    assert any(slip(*case) != lesson_01.positions(*case) for case in lesson_01.FITS)


# q3: a kernel of one's own


@pytest.mark.parametrize(
    "answer",
    [
        -SOBEL_X.T,
        [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
        np.array([[1, 1, 1], [0, 0, 0], [-1, -1, -1]]) / 3,
        [[0, 0, 0], [0, 1, 0], [0, -1, 0]],
        [[0.1, 0.1, 0.1], [0.2, 0.2, 0.2], [-0.3, -0.3, -0.3]],
        1000 * np.array([[1, 1, 1], [0, 0, 0], [-1, -1, -1]]),
    ],
)
def test_q3_right(answer):
    assert_right(q3, answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (SOBEL_X.T, "the sign is the wrong way round"),
        (SOBEL_X, "answers to **vertical** edges and not to level ones"),
        (-SOBEL_X, "answers to **vertical** edges"),
        ([[1, 1, 1], [0, 0, 0], [0, 0, 0]], "Your weights add up to `3`"),
        ([[1, 2, 1], [0, 0, 0], [-1, -1, -1]], "Your weights add up to `1`"),
        ([[1, 1, 1], [-2, -2, -2], [1, 1, 1]], "it looks for lines"),
        ([[2, 1, 0], [1, 0, -1], [0, -1, -2]], "On a vertical edge your kernel gives"),
        ([[1, 0, -1], [0, 0, 0], [-1, 0, 1]], "On bright above dark your kernel gives 0"),
        (np.zeros((3, 3)), "All your weights are 0"),
        ([1, 0, -1], "three rows of three weights"),
        (np.ones((3, 4)), "has the shape (3, 4)"),
        ([[1, 2, 1], [0, 0], [-1, -2, -1]], "different lengths"),
        (7, "has the shape ()"),
    ],
)
def test_q3_wrong(answer, sentence):
    assert_wrong(q3, answer, sentence)


# q4: through all channels


def one_window_at_a_time(picture, weights, bias):
    rows, columns = picture.shape[0] - 2, picture.shape[1] - 2
    out = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            out[row, column] = np.sum(picture[row : row + 3, column : column + 3] * weights) + bias
    return out.tolist()


@pytest.mark.parametrize(
    "answer",
    [
        one_window_at_a_time,
        lambda x, w, b: signal.correlate(x, w, mode="valid")[:, :, 0] + b,
        lambda x, w, b: np.einsum("rcnij,ijn->rc", sliding_window_view(x, (3, 3), axis=(0, 1)), w) + b,
    ],
)
def test_q4_right(answer):
    assert_right(q4, answer)


def maps(x, w):
    return [correlate(x[:, :, c], w[:, :, c]) for c in range(x.shape[2])]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x, w, b: np.array(maps(x, w)) + b, "That is one map **per channel**"),
        (lambda x, w, b: np.stack(maps(x, w), axis=-1) + b, "That is one map **per channel**"),
        (lambda x, w, b: np.sum(maps(x, w), axis=0)[..., None] + b, "need two axes only"),
        (lambda x, w, b: np.sum(maps(x, w), axis=0), "the bias is missing"),
        (lambda x, w, b: np.sum([m + b for m in maps(x, w)], axis=0), "once for each channel"),
        (lambda x, w, b: np.sum(maps(x, w[::-1, ::-1]), axis=0) + b, "**flipped** kernels"),
        (lambda x, w, b: signal.convolve(x, w, mode="valid")[:, :, 0] + b, "**flipped** kernels"),
        (lambda x, w, b: np.sum(maps(x[:, :, ::-1], w), axis=0) + b, "channels meet the wrong kernels"),
        (lambda x, w, b: np.sum(maps(x, w.swapaxes(0, 1)), axis=0) + b, "rows and columns of the kernels are swapped"),
        (lambda x, w, b: maps(x, w)[0] + b, "map of channel 0 alone"),
        (lambda x, w, b: maps(x, w)[-1] + b, "the last channel alone"),
        (lambda x, w, b: np.sum(maps(x, w)[:3], axis=0) + b, "the first three channels"),
        (lambda x, w, b: np.mean(maps(x, w), axis=0) + b, "the **mean** over the channels"),
        (lambda x, w, b: correlate(x.sum(axis=2), w.sum(axis=2)) + b, "before weighting them"),
        (lambda x, w, b: np.sum(maps(np.pad(x, ((1, 1), (1, 1), (0, 0))), w), axis=0) + b, "no padding is asked for"),
        (lambda x, w, b: np.sum(maps(x, w), axis=0).T + b, "Rows and columns are swapped"),
        (lambda x, w, b: np.sum(maps(x, w)) + b, "one number in all"),
        (lambda x, w, b: np.sum(maps(x, w), axis=0)[0] + b, "slides along one axis only"),
        (lambda x, w, b: np.sum(maps(x, w), axis=0)[::2] + b, "How many stops does a 3 × 3 window have"),
        (lambda x, w, b: np.sum(maps(x, w), axis=0) + b + 1, "Add up the 27 products"),
        (lambda x, w, b: sum(x[:, :, c] * w[:, :, c] for c in range(3)), "your function stops with `ValueError"),
        (lambda x, w, b: correlate(x, w) + b, "`correlate` takes one channel at a time."),
        (lambda x, w, b: correlate_fast(x, w) + b, "`correlate` takes one channel at a time."),
        (
            lambda x, w, b: sum(correlate(x[:, :, c], w[:, :, c]) for c in range(3)) + b,
            "This picture has 1 channel: ask `picture.shape`.",
        ),
        (lambda x, w, b: (np.sum(maps(x, w), axis=0) + b).astype(int), "your map holds whole numbers only"),
        (lambda x, w, b: np.round(np.sum(maps(x, w), axis=0) + b), "your map holds whole numbers only"),
        (lambda x, w, b: sum(m.astype(int) for m in maps(x, w)) + int(b), "your map holds whole numbers only"),
    ],
)
def test_q4_wrong(answer, sentence):
    assert_wrong(q4, answer, sentence)


def test_q4_one_wrong_value_is_enough():
    def nearly(picture, weights, bias):
        out = np.sum(maps(picture, weights), axis=0) + bias
        out[-1, -1] += 1
        return out

    assert_wrong(q4, nearly, "the value in row 3, column 5 is off")


# q5: count the weights


@pytest.mark.parametrize(
    "answer",
    [
        lambda s, k, c, f: k**2 * c * f + f,
        lambda s, k, c, f: sum(np.zeros((k, k, c)).size + 1 for _ in range(f)),
        lambda s, k, c, f: np.float64(f * (c * k * k + 1)),
    ],
)
def test_q5_right(answer):
    assert_right(q5, answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda s, k, c, f: k * k * c * f, "The biases are missing"),
        (lambda s, k, c, f: k * k * c * f + 1, "one bias for the whole layer"),
        (lambda s, k, c, f: (k * k + 1) * c * f, "a bias for every kernel"),
        (lambda s, k, c, f: k * k * c * f + c, "a bias for each input channel"),
        (lambda s, k, c, f: (k * k * f + 1) * c, "or channels and filters have changed places"),
        (lambda s, k, c, f: k * k * (c + 1) * f, "the bias as one more kernel"),
        (lambda s, k, c, f: k * k * f + f, "The channels are missing"),
        (lambda s, k, c, f: k * k * f, "The channels and the biases are missing"),
        (lambda s, k, c, f: k * k * c + 1, "a single filter"),
        (lambda s, k, c, f: (k * c + 1) * f, "A kernel is a square"),
        (lambda s, k, c, f: (k * k * c + 1) * f * s * s, "multiply by the size of the picture"),
        (lambda s, k, c, f: k * k * c * f * s * s, "multiply by the size of the picture"),
        (lambda s, k, c, f: (k * k * c + 1) * f * (s - k + 1) ** 2, "multiply by the size of the picture"),
        (lambda s, k, c, f: (s * s * c + 1) * f, "changes with the size of the picture"),
        (lambda s, k, c, f: 320, "Draw one filter of that layer"),
        (lambda k, c, f: (k * k * c + 1) * f, "Keep the first line of the function"),
        (320, "its name, without brackets"),
    ],
)
def test_q5_wrong(answer, sentence):
    assert_wrong(q5, answer, sentence)


@pytest.mark.parametrize("index", range(len(lesson_01.WEIGHT_SLIPS)))
def test_q5_no_misconception_is_right(index):
    slip, _ = lesson_01.WEIGHT_SLIPS[index]
    assert any(slip(*case) != (case[1] ** 2 * case[2] + 1) * case[3] for case in lesson_01.WEIGHT_CASES)


# q6: one step downhill


def gradient(x, target, kernel):
    error = correlate_fast(x, kernel) - target
    return 2 / error.size * correlate_fast(x, error)


def weight_by_weight(x, target, kernel, rate):
    error = correlate(x, kernel) - target
    rows, columns = error.shape
    for i in range(3):
        for j in range(3):
            kernel[i, j] -= rate * np.mean(2 * error * x[i : i + rows, j : j + columns])
    return kernel


@pytest.mark.parametrize(
    "answer",
    [
        weight_by_weight,
        lambda x, t, k, a: k + a * 2 / t.size * correlate(x, t - correlate(x, k)),
        lambda x, t, k, a: (k - a * 2 * signal.correlate2d(x, correlate(x, k) - t, mode="valid") / t.size).tolist(),
    ],
)
def test_q6_right(answer):
    assert_right(q6, answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x, t, k, a: k + a * gradient(x, t, k), "**uphill**"),
        (lambda x, t, k, a: gradient(x, t, k), "you return the gradient"),
        (lambda x, t, k, a: -a * gradient(x, t, k), "you return the step alone"),
        (lambda x, t, k, a: a * gradient(x, t, k), "the step alone, uphill"),
        (lambda x, t, k, a: k - gradient(x, t, k), "the learning rate makes no difference"),
        (lambda x, t, k, a: k - a * gradient(x, t, k) / 2, "half as long"),
        (lambda x, t, k, a: k - a * gradient(x, t, k) * t.size, "many times too long"),
        (lambda x, t, k, a: k - a * correlate(x, correlate(x, k) - t), "2 / N before the sum"),
        (lambda x, t, k, a: k - a * 2 / 676 * correlate(x, correlate(x, k) - t), "you divide by 676"),
        (lambda x, t, k, a: k - a * 2 / len(t) * correlate(x, correlate(x, k) - t), "that is what `len` counts"),
        (lambda x, t, k, a: k - a * 2 / t.size * correlate(x, t), "you correlate with the target"),
        (lambda x, t, k, a: k - a * 2 / t.size * correlate(x, (correlate(x, k) - t) ** 2), "with the squared error"),
        (lambda x, t, k, a: k - a / t.size * correlate(x, (correlate(x, k) - t) ** 2), "with the squared error"),
        (lambda x, t, k, a: (k - a * gradient(x, t, k), 0.5), "you return 2 things. Return the kernel only."),
        (lambda x, t, k, a: (k, k, k), "you return 3 things. Return the kernel only."),
        (lambda x, t, k, a: k - a * gradient(x, t, k) * t.size / x.size, "the number of pixels"),
        (lambda x, t, k, a: k - a * gradient(x, t, k) * t.size / k.size, "the number of weights"),
        (lambda x, t, k, a: k - a * gradient(x, t, k)[::-1, ::-1], "the gradient is flipped"),
        (lambda x, t, k, a: k - a * gradient(x, t, k).T, "rows and columns of the gradient"),
        (lambda x, t, k, a: k - a * 2 / t.size * correlate(x, correlate(x, k)), "Correlate with the **error**"),
        (lambda x, t, k, a: k - a * 2 * np.mean(correlate(x, k) - t), "every weight moves by the same amount"),
        (lambda x, t, k, a: k, "the kernel has not moved"),
        (lambda x, t, k, a: correlate(x, k) - t, "the new kernel is 3 × 3"),
        (lambda x, t, k, a: k - 3 * a * gradient(x, t, k), "which is not the step"),
        (lambda x, t, k, a: k - a * correlate_fast(t, x), "your function stops with `ValueError"),
        (lambda x, t, k: k, "Keep the first line of the function"),
        (np.zeros((3, 3)), "its name, without brackets"),
    ],
)
def test_q6_wrong(answer, sentence):
    assert_wrong(q6, answer, sentence)


@pytest.mark.parametrize("index", range(len(lesson_01.STEP_SLIPS)))
def test_q6_no_misconception_is_right(index):
    slip, _ = lesson_01.STEP_SLIPS[index]
    for x, target, kernel, rate in lesson_01.STEP_CASES:
        right = kernel - rate * lesson_01.slope(x, target, kernel)
        assert not np.allclose(slip(x, target, kernel, rate), right)


# What the lesson states


def test_stops_that_touch_ink_and_rates_that_overshoot():
    images, labels = datasets.mnist().train
    digit = images[labels == 7][1] / 255
    windows = sliding_window_view(digit, (3, 3)).reshape(-1, 9)
    assert (len(windows), int(windows.any(axis=1).sum())) == (676, 240)
    assert np.linalg.matrix_rank(windows) == 9
    steepest = np.linalg.eigvalsh(2 / len(windows) * windows.T @ windows)[-1]
    assert 0.95 < 2 / steepest < 1  # the learning rate above which the steps grow


def test_stride_4_leaves_64_pixels_unread():
    assert np.count_nonzero(NAMES["count_reads"](10, kernel=3, stride=4) == 0) == 64


def test_the_worked_example():
    assert correlate(PICTURE, SOBEL_X).tolist() == [[27, 24, -17], [31, -2, -31], [14, -26, -25]]
    assert np.array_equal(correlate(PICTURE, SOBEL_X, padding=1), signal.correlate2d(PICTURE, SOBEL_X, mode="same"))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_the_loop_and_the_fast_one_equal_scipy(stride, padding):
    random = np.random.default_rng(0)
    picture, kernel = random.normal(size=(11, 14)), random.normal(size=(3, 4))
    reference = signal.correlate2d(np.pad(picture, padding), kernel, mode="valid")[::stride, ::stride]
    assert np.allclose(correlate(picture, kernel, stride, padding), reference)
    assert np.allclose(correlate_fast(picture, kernel, stride, padding), reference)


def test_the_layer_equals_scipy_filter_by_filter():
    random = np.random.default_rng(0)
    picture, filters, biases = random.normal(size=(9, 8, 3)), random.normal(size=(3, 3, 3, 5)), np.arange(5)
    out = NAMES["convolutional_layer"](picture, filters, biases)
    for index in range(5):
        expected = signal.correlate(picture, filters[..., index], mode="valid")[..., 0] + index
        assert np.allclose(out[..., index], expected)


def test_reads_are_counted_as_the_loop_reads():
    for stride, padding in ((1, 0), (1, 1), (2, 0), (3, 2), (4, 0)):
        reads = np.zeros((10 + 2 * padding,) * 2)
        for row in range(0, len(reads) - 2, stride):
            for column in range(0, len(reads) - 2, stride):
                reads[row : row + 3, column : column + 3] += 1
        inside = reads[padding : padding + 10, padding : padding + 10]
        assert np.array_equal(NAMES["count_reads"](10, 3, stride, padding), inside)


# What it needs from helpers


def test_the_photograph_comes_in_any_size():
    assert datasets.cat_photograph(size=144).shape == (144, 144, 3)
    halves = datasets.cat_photograph().reshape(144, 2, 144, 2, 3).mean(axis=(1, 3))
    assert abs(datasets.cat_photograph(size=144) - halves).max() <= 1


def test_an_outline_frames_whole_pixels():
    axes = Figure().subplots()
    plots.draw_picture(axes, PICTURE)
    plots.outline(axes, row=1, column=2, height=3, width=2)
    assert axes.patches[0].get_bbox().bounds == (1.5, 0.5, 2, 3)


def test_photographs_become_jpeg_and_drawings_png():
    def compacted(pixels):
        raw = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(raw, "PNG")
        return plots.compact(raw.getvalue())

    assert compacted(datasets.cat_photograph()).startswith(b"\xff\xd8")
    assert compacted(np.kron(PICTURE * 28, np.ones((40, 40)))).startswith(b"\x89PNG")

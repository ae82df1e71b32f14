"""Lesson 02, pooling, activations, shapes: what its exercises ask and the misconceptions they know."""

import re

import numpy as np

from helpers.exercises.compare import Wrong, as_array, as_function, as_number, as_whole_number, call, close, describe
from helpers.exercises.engine import Problem

SMALL_MAP = np.array([[1, 3, 2, 0, 5, 1], [4, 0, 6, 2, 1, 1], [7, 2, 0, 0, 3, 9], [1, 2, 0, 8, 4, 4]])


def examine_window(maximum, average):
    """The maximum and the average of the bottom right 2 by 2 window of the lesson's map: 3, 9, 4, 4."""
    maximum = as_number(maximum, what="Your `maximum`", returned=False)
    average = as_number(average, what="Your `average`", returned=False)
    window = SMALL_MAP[2:4, 4:6]
    if close([window.max(), window.mean()], [maximum, average]):
        return
    if (maximum, average) == (window.mean(), window.max()):
        raise Wrong(f"You give {maximum:g} as the maximum and {average:g} as the average. Are they swapped?")
    for row, column in np.ndindex(2, 3):
        other = SMALL_MAP[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        if (row, column) != (1, 2) and (maximum, average) == (other.max(), other.mean()):
            place = f"rows {2 * row} and {2 * row + 1}, columns {2 * column} and {2 * column + 1}"
            raise Wrong(f"{maximum:g} and {average:g} belong to another window: {place}. Take the bottom right one.")
    if not close(window.max(), maximum):
        raise Wrong(f"Your `maximum` is {maximum:.12g}. {_why_not_maximum(maximum, window)}")
    raise Wrong(f"The maximum is right. Your `average` is {average:.12g}. {_why_not_average(average, window)}")


def _why_not_maximum(maximum, window):
    if maximum == window.sum():
        return "That is the sum of the four. Max pooling keeps one of them as it is."
    if maximum == window.min():
        return "That is the smallest of the four."
    if maximum in window:
        return "It stands in the window, but a larger value does too."
    return "Max pooling keeps one value of the window unchanged; write down its four values first."


def _why_not_average(average, window):
    if average == window.sum():
        return "That is the sum. Divide it by how many values it has."
    if average == np.median(window):
        return "That is the median, the middle of the sorted values. The average adds all four and divides."
    if average == (window.max() + window.min()) / 2:
        return "That is halfway between the smallest and the largest. The other two count as well."
    if average == window.sum() / 2:
        return "You divide by the side of the window. How many values has a window of 2 by 2?"
    if np.isclose(average, (window.sum() - window.max()) / 3):
        return "You left the maximum out. All four values count."
    return "Add the four values of the window, then divide by four."


q1 = Problem(
    "02",
    "q1",
    examine_window,
    praise="The window holds 3, 9, 4, 4: max pooling keeps the 9, average pooling spreads all four into one 5.",
    hints=[
        "The window covers the last two rows and the last two columns of the map.",
        "Its values are 3, 9, 4 and 4.",
    ],
)


def _pool(picture, rows, columns, size, summary=np.max):
    return np.array([[summary(picture[r : r + size, c : c + size]) for c in columns] for r in rows])


def _pool_starts(picture, size, stride):
    return [range(0, length - size + 1, stride) for length in picture.shape]


def _max_pool(picture, size, stride):
    return _pool(picture, *_pool_starts(picture, size, stride), size)


def _pool_with(summary):
    return lambda picture, size, stride: _pool(picture, *_pool_starts(picture, size, stride), size, summary)


def _pool_until(overhang):
    """Max pooling that starts windows up to `overhang` pixels too late (too early if it is negative)."""

    def slip(picture, size, stride):
        rows, columns = (range(0, max(0, length - size + 1 + overhang(size)), stride) for length in picture.shape)
        return _pool(picture, rows, columns, size)

    return slip


POOL_SLIPS = {
    "That is average pooling. Keep the largest value of each window.": _pool_with(np.mean),
    "That is sum pooling. Keep the largest value of each window.": _pool_with(np.sum),
    "You keep the smallest value of each window.": _pool_with(np.min),
    "Your maximum starts at 0, so a window with only negative values gives 0. Start from the window itself.": (
        lambda picture, size, stride: np.maximum(_max_pool(picture, size, stride), 0)
    ),
    "You step by `size`. The window moves by `stride`.": lambda picture, size, stride: _max_pool(picture, size, size),
    "You step by 1. The window moves by `stride`.": lambda picture, size, stride: _max_pool(picture, size, 1),
    "Your window is as wide as the stride. It should be `size` wide.": (
        lambda picture, size, stride: _max_pool(picture, stride, stride)
    ),
    "Your window is always 2 by 2. Use `size`.": lambda picture, size, stride: _max_pool(picture, 2, stride),
    "Your step is always 2. Use `stride`.": lambda picture, size, stride: _max_pool(picture, size, 2),
    "Rows and columns are exchanged.": lambda picture, size, stride: _max_pool(picture, size, stride).T,
    "The values are right but lie in one row. Return one list per row of windows.": (
        lambda picture, size, stride: _max_pool(picture, size, stride).ravel()
    ),
    "Your array keeps whole numbers only. Where does it get its `dtype`?": (
        lambda picture, size, stride: np.trunc(_max_pool(picture, size, stride))
    ),
    "The last window of a row or column is missing: `range` stops before its end, so it needs a + 1.": (
        _pool_until(lambda size: -1)
    ),
    "You also count windows that hang over the edge. Leave them out.": _pool_until(lambda size: size - 1),
}


def examine_max_pool(answer):
    """`answer(picture, size, stride)` pools any map with whole windows only; also negative values, also overlaps."""
    random = np.random.default_rng(7)
    cases = [
        (SMALL_MAP, 2, 2),
        (random.integers(-9, 10, size=(6, 8)), 2, 2),
        (-random.integers(1, 10, size=(4, 6)), 2, 2),
        (random.integers(-9, 10, size=(8, 11)), 3, 3),
        (random.integers(-9, 10, size=(7, 9)), 3, 2),
        (random.integers(-9, 10, size=(7, 6)), 2, 3),
        (random.integers(-9, 10, size=(5, 4)), 3, 1),
        (random.normal(size=(4, 6)), 2, 2),
        (random.normal(size=(4, 4)), 4, 4),
    ]
    for case in cases:
        picture, size, stride = case
        asked = f"On a map of shape {picture.shape} with size {size} and stride {stride}"
        pooled = as_array(call(answer, *case), what=f"{asked}, what you return")
        expected = _max_pool(*case)
        if close(expected, pooled):
            continue
        for sentence, slip in POOL_SLIPS.items():
            if close(slip(*case), pooled):
                raise Wrong(f"{asked}, you return {_short(pooled)}. {sentence}")
        raise Wrong(f"{asked}, you return {_short(pooled)}. {_where_pooling_differs(pooled, expected, stride)}")


def _short(array):
    """Quote an array in a sentence: its values if they are few, else its shape."""
    if array.size <= 6:
        return f"`{array.round(3).tolist()}`"
    return describe(array)


def _where_pooling_differs(pooled, expected, stride):
    if pooled.shape != expected.shape:
        return "Count by hand how many windows fit along the rows and along the columns."
    row, column = (int(n) for n in np.argwhere(~np.isclose(pooled, expected))[0])
    start = f"rows from {row * stride} and columns from {column * stride}"
    return f"Look at [{row}, {column}], where you have {pooled[row, column]:g}: its window covers {start}."


q2 = Problem(
    "02",
    "q2",
    examine_max_pool,
    praise="Any size, any stride, negative values too, and only whole windows.",
    hints=[
        "Windows start at 0, stride, 2 · stride … The last start still leaves room for `size` pixels.",
        "`range(0, picture.shape[0] - size + 1, stride)` gives the first rows. The first columns go the same way.",
        "For each pair of starts r, c take `picture[r : r + size, c : c + size].max()`, row by row.",
    ],
)


def examine_bend(first, second):
    """Two numbers of opposite signs: ReLU of the sum then differs from the sum of the ReLUs."""
    first = as_number(first, what="Your `first`", returned=False)
    second = as_number(second, what="Your `second`", returned=False)
    before, after = max(first, 0.0) + max(second, 0.0), max(first + second, 0.0)
    if before != after:
        return
    given = f"With {first:g} and {second:g} both sides give {after:g}."
    if first == 0 or second == 0:
        raise Wrong(f"{given} Adding 0 changes nothing on either side.")
    if first > 0 and second > 0:
        raise Wrong(f"{given} ReLU leaves positive numbers alone, and a sum of two of them is positive as well.")
    if first < 0 and second < 0:
        raise Wrong(f"{given} Both numbers are negative, and so is their sum: ReLU makes 0 of all three.")
    raise Wrong(f"{given} The idea is right, but a float cannot show so small a difference. Try smaller numbers.")


q3 = Problem(
    "02",
    "q3",
    examine_bend,
    praise="Opposite signs do it: one of the two is cut off before the addition, and cannot be taken away any more.",
    hints=[
        "Compute both sides for 3 and 5, then for −3 and −5. Why do they agree?",
        "On one side of 0 ReLU is a straight line, and on the other too. Take numbers from both sides of the bend.",
    ],
)


def _plain_softmax(scores, shift=0.0, axis=-1):
    with np.errstate(all="ignore"):
        powers = np.exp(scores - shift)
        return powers / powers.sum(axis=axis, keepdims=axis is not None)


def _best_as_one(scores):
    return np.eye(scores.shape[-1])[scores.argmax(axis=-1)]


SOFTMAX_SLIPS = {
    "You divide the scores themselves. Take the exponential of each first.": (
        lambda s: s / s.sum(axis=-1, keepdims=True)
    ),
    "You forgot to divide by the sum: these are exponentials, not shares.": lambda s: np.exp(s),
    "You subtract the maximum, but do not divide by the sum afterwards.": (
        lambda s: np.exp(s - s.max(axis=-1, keepdims=True))
    ),
    "You divide by the largest exponential. Divide by the sum of all of them.": (
        lambda s: np.exp(s) / np.exp(s).max(axis=-1, keepdims=True)
    ),
    "A 1 for the best class and 0 for the rest is what `argmax` does. Softmax gives every class its share.": (
        _best_as_one
    ),
    "That is the place of the largest score. Softmax gives every class its share.": lambda s: s.argmax(axis=-1),
    "That is the logarithm of softmax.": lambda s: np.log(_plain_softmax(s)),
    "That is the sigmoid: each score on its own. Softmax makes the scores of one example share a whole.": (
        lambda s: 1 / (1 + np.exp(-s))
    ),
    "The signs are turned: the highest score must get the largest share.": lambda s: _plain_softmax(-s),
    "You divide by the sum over all examples. Each row is a whole of its own: `axis=-1`, `keepdims=True`.": (
        lambda s: _plain_softmax(s, axis=None)
    ),
    "You sum over the examples, down the columns. The classes of one example lie along the last axis.": (
        lambda s: _plain_softmax(s, axis=0)
    ),
}


def examine_softmax(answer):
    """`answer(scores)` gives shares along the last axis, for a vector and for rows, and does not overflow."""
    ordinary = [
        np.array([2.0, 1.0, -1.0]),
        np.array([0.5, 0.5, 0.5, 0.5]),
        np.array([[1.0, 2.0, 3.0], [3.0, 0.0, -1.0]]),
        np.array([[1.0, 0.0, -2.0], [0.5, 1.5, 2.5], [0.0, 0.0, 1.0]]),
    ]
    for scores in ordinary:
        asked = f"For the scores {scores.tolist()}"
        shares = as_array(_softmax_call(answer, scores), what=f"{asked}, what you return")
        expected = _plain_softmax(scores)
        if close(expected, shares):
            continue
        for sentence, slip in SOFTMAX_SLIPS.items():
            if close(slip(scores), shares):
                raise Wrong(f"{asked}, you return `{shares.round(3).tolist()}`. {sentence}")
        raise Wrong(f"{asked}, you return {_short(shares)}. {_why_not_shares(shares, expected)}")
    for scores in (
        [1000.0, 999.0, 997.0],
        [-1000.0, -1001.0],
        [[1000.0, 1001.0], [-5.0, 3.0]],
        [[0.0, 1e4], [1e4, 0.0]],
    ):
        _examine_large(answer, np.array(scores))


def _softmax_call(answer, scores):
    def quietly(values):
        with np.errstate(all="ignore"):  # the check speaks about overflow itself
            return answer(values)

    as_function(answer, scores)
    try:
        return call(quietly, scores)
    except Wrong as wrong:
        raise Wrong(f"{wrong} {_why_it_stops(str(wrong), scores.ndim)}".strip()) from wrong


def _why_it_stops(message, axes):
    """What to say, besides Python's own words, of an error that an idea explains; "" where none is known."""
    if axes == 1:
        if "AxisError" in message or "tuple index out of range" in message:
            return "One row of scores has axis 0 alone. `axis=-1` is the last axis: it fits one row and many."
        return ""
    if "TypeError" in message:
        return "Here `scores` has rows, so that a loop over it meets whole rows. `np.exp` takes arrays of any shape."
    if "ambiguous" in message:
        return "Python's own `max` and `if` cannot compare whole rows. Take `scores.max(axis=-1, keepdims=True)`."
    return "With many rows the maxima and sums need `keepdims=True` to fit." if "ValueError" in message else ""


def _why_not_shares(shares, expected):
    if shares.shape != expected.shape:
        return f"There should be one share per score: the shape {expected.shape}."
    sums = shares.sum(axis=-1)
    worst = float(np.ravel(sums)[np.argmax(np.abs(np.ravel(sums) - 1))])
    if abs(worst - 1) > 1e-6:
        small = " Leave the denominator as it is: nothing need be added to it." if abs(worst - 1) < 0.01 else ""
        return f"The shares of one example sum to {worst:.8g}. They should sum to 1.{small}"
    return "The shares sum to 1, but they differ: exponential of each score, divided by the sum of the exponentials."


def _examine_large(answer, scores):
    asked = f"For the scores {scores.tolist()}"
    value = _softmax_call(answer, scores)
    try:
        shares = np.asarray(value, dtype=float)
    except Exception:
        shares = as_array(value, what=f"{asked}, what you return")
    finite = np.isfinite(shares)
    if not finite.all():
        advice = "Subtract the largest score of each example before you take the exponential; nothing else changes."
        if shares.ndim == 2 and finite.all(axis=-1).any():
            advice = "Subtract the largest score of **each row**, not of the whole array: `axis=-1`, `keepdims=True`."
        raise Wrong(f"Small scores are right. {asked}, you return `{shares.tolist()}`. {advice}")
    expected = _plain_softmax(scores, shift=scores.max(axis=-1, keepdims=True))
    if not close(expected, shares):
        raise Wrong(
            f"Small scores are right. {asked}, you return `{shares.round(3).tolist()}`, which is not what their "
            "differences ask for. Do not cut or scale large scores; subtract the largest one of each example."
        )


q4 = Problem(
    "02",
    "q4",
    examine_softmax,
    praise="The largest exponential is now e⁰ = 1: nothing can overflow, and the shares are the same.",
    hints=[
        "The formula first: exponentials over their sum. Then make the scores smaller without changing the shares.",
        "Subtract the largest score. For many rows each has its own: `scores.max(axis=-1, keepdims=True)`.",
        "`powers = np.exp(scores - scores.max(axis=-1, keepdims=True))`; the sum needs the same axis and `keepdims`.",
    ],
)

GRADIENT_SLIPS = {
    "The sign is turned: truth minus prediction. The slope is prediction minus truth; the step goes against it.": (
        lambda p, t, x: np.outer(np.eye(len(p))[t] - p, x)
    ),
    "Rows and columns are exchanged: one row per class, one column per input.": (
        lambda p, t, x: np.outer(x, p - np.eye(len(p))[t])
    ),
    "You subtract the label's number itself. Subtract its one-hot row: 1 from the true class alone.": (
        lambda p, t, x: np.outer(p - t, x)
    ),
    "The truth is missing: you multiply the probabilities themselves by `x`.": lambda p, t, x: np.outer(p, x),
    "You subtract 1 from every class. Only the true one has a 1 in its one-hot row.": lambda p, t, x: np.outer(
        p - 1, x
    ),
    "That is p − y, the slope of the scores. Each weight has multiplied an input: its slope has that factor too.": (
        lambda p, t, x: p - np.eye(len(p))[t]
    ),
    "Only the true class has a slope in your answer. The others are wrong by their probability, and are pushed down.": (
        lambda p, t, x: np.outer((p - 1) * np.eye(len(p))[t], x)
    ),
    "You gave the true class no slope at all. It has p − 1.": (
        lambda p, t, x: np.outer(p * (1 - np.eye(len(p))[t]), x)
    ),
    "You have one number. Every pair of class and input has a slope of its own: `np.outer`.": (
        lambda p, t, x: np.sum(p - np.eye(len(p))[t]) * np.sum(x)
    ),
}


def examine_weight_gradient(answer):
    """`answer(probabilities, label, x)` is the outer product of p - y with x, of shape (classes, inputs)."""
    cases = [
        (np.array([0.1, 0.2, 0.3, 0.4]), 3, np.array([2.0, -1.0])),
        (np.array([0.7, 0.2, 0.1]), 1, np.array([1.0, 0.0, -2.0, 0.5])),
        (np.array([0.25, 0.75]), 0, np.array([1.0, 2.0, 3.0])),
        (np.array([0.2, 0.3, 0.5]), 2, np.array([0.5, 1.0, -1.0])),
        (np.array([0.123, 0.456, 0.421]), 0, np.array([0.37, -1.21])),
    ]
    for case in cases:
        p, label, x = case
        asked = f"For the probabilities {p.tolist()}, label {label} and x = {x.tolist()}"
        slopes = _slopes_of(answer, case, asked)
        expected = np.outer(p - np.eye(len(p))[label], x)
        if close(expected, slopes):
            continue
        given = f"`{slopes.round(3).tolist()}`" if slopes.size <= 8 else f"the shape {slopes.shape}"
        for sentence, slip in GRADIENT_SLIPS.items():
            if close(slip(*case), slopes):
                raise Wrong(f"{asked}, you return {given}. {sentence}")
        raise Wrong(f"{asked}, you return {given}. {_why_not_gradient(slopes, expected)}")


def _slopes_of(answer, case, asked):
    """What the answer returns, as an array; errors and results of the wrong kind that an idea explains are told so."""
    try:
        value = call(answer, *case)
    except Wrong as wrong:
        if "ValueError" in str(wrong) and re.search("broadcast|matmul|aligned", str(wrong)):
            raise Wrong(f"{wrong} Every class meets every input: `np.outer` makes all the products.") from wrong
        raise
    if isinstance(value, tuple) and any(isinstance(part, np.ndarray) and part.ndim == 2 for part in value):
        raise Wrong(f"{asked}, you return {len(value)} things. Return one array: the slopes of the weights.")
    return as_array(value, what=f"{asked}, what you return")


def _why_not_gradient(slopes, expected):
    if slopes.shape != expected.shape:
        return f"There are {expected.shape[0]} classes and {expected.shape[1]} inputs: the shape {expected.shape}."
    if not slopes.any():
        return (
            "Every slope is 0. Did you take the guess, a 1 for the likeliest class? Even where it is right, its "
            "**probability** is short of 1: that is the error."
        )
    ratios = slopes[expected != 0] / expected[expected != 0]
    if close(ratios, np.full(ratios.shape, ratios[0])):
        return _why_not_this_multiple(ratios[0], expected.shape)
    if any(close(expected.round(digits), slopes) for digits in range(5)):
        return "You round. Keep all digits: training adds up many small steps."
    row, column = (int(n) for n in np.argwhere(~np.isclose(slopes, expected))[0])
    return (
        f"Your slope for class {row} and input {column} is {slopes[row, column]:.3g}. By hand: (probability of class "
        f"{row}, minus 1 if it is the true class) times x[{column}]."
    )


def _why_not_this_multiple(ratio, shape):
    start = f"Every slope is {ratio:.3g} times what it should be."
    if any(np.isclose(ratio, 1 / n) for n in (*shape, shape[0] * shape[1])):
        return f"{start} This is one example: there is nothing to average."
    if ratio < 0:
        return f"{start} Return the slope alone: the minus sign and the learning rate belong to the step."
    return f"{start} Return prediction minus truth, times the input, with no factor: a learning rate comes later."


q5 = Problem(
    "02",
    "q5",
    examine_weight_gradient,
    praise="(p − y) ⊗ x: how wrong each class is, times how strong each input was.",
    hints=[
        "First p − y, one number per class: the probabilities, with 1 taken from the true class.",
        "The slope in row k, column j is number k of that, times `x[j]`. `np.outer` makes all such products.",
        "`errors = probabilities.copy()`, then `errors[label] -= 1`, then `np.outer(errors, x)`.",
    ],
)


def _field(layers, start=1, stride_first=False, count=lambda size: size - 1, jump_by=lambda stride: stride):
    """The receptive field, or what comes out with one idea off."""
    field, jump = start, 1
    for size, stride in layers:
        if stride_first:
            jump *= jump_by(stride)
        field += count(size) * jump
        if not stride_first:
            jump *= jump_by(stride)
    return field


def _only_last_stride(layers):
    field, previous = 1, 1
    for size, stride in layers:
        field += (size - 1) * previous
        previous = stride
    return field


def _added_strides(less):
    """The jump grows by stride - `less`, where it should be multiplied by the stride."""

    def slip(layers):
        field, jump = 1, 1
        for size, stride in layers:
            field += (size - 1) * jump
            jump += stride - less
        return field

    return slip


FIELD_SLIPS = {
    "You forgot the strides: after a stride of 2 neighbours lie two pixels apart, and a window reaches twice as far.": (
        lambda layers: _field(layers, jump_by=lambda stride: 1)
    ),
    "You add the whole sizes. Windows overlap: a window of size k reaches over k − 1 **further** steps.": (
        lambda layers: _field(layers, count=lambda size: size)
    ),
    "You add up the sizes and leave out the strides. A window of size k adds k − 1 steps, each `jump` pixels long.": (
        lambda layers: sum(size for size, _ in layers)
    ),
    "You start from 0. Without any layer a value sees itself: start from 1.": lambda layers: _field(layers, start=0),
    "You multiply the jump before you add. A layer's own stride matters only for the layers **after** it.": (
        lambda layers: _field(layers, stride_first=True)
    ),
    "You use the stride of the layer before alone. All earlier strides multiply.": _only_last_stride,
    "You add the strides up. Two strides of 2 make neighbours four pixels apart: multiply them.": _added_strides(1),
    "You add the stride to the jump. Two strides of 2 make neighbours four pixels apart: multiply.": _added_strides(0),
    "You take the layer's own stride. How far apart its inputs lie is up to the layers **before** it: `jump`.": (
        lambda layers: 1 + sum((size - 1) * stride for size, stride in layers)
    ),
    "That is the jump, the distance between neighbours. The field grows by (size − 1) · jump at every layer.": (
        lambda layers: int(np.prod([stride for _, stride in layers]))
    ),
    "That is the product of the sizes. A layer adds (size − 1) · jump, and jump grows by the stride.": (
        lambda layers: int(np.prod([size for size, _ in layers]))
    ),
    "That is the area. The side is asked for.": lambda layers: _field(layers) ** 2,
    "You go backwards, or use the recipe for going backwards. Adding (size − 1) · jump begins next to the picture; "
    "(field − 1) · stride + size begins at the last layer.": (lambda layers: _field(layers[::-1])),
    "You look at the first layer only. Does `return` stand inside the loop?": lambda layers: _field(layers[:1]),
    "That is the largest window. Every layer behind the first adds to what one value sees.": (
        lambda layers: max(size for size, _ in layers)
    ),
    "You keep only what the last layer adds. Is there an `=` where `+=` should be?": (
        lambda layers: (layers[-1][0] - 1) * int(np.prod([stride for _, stride in layers[:-1]]))
    ),
}
FIELD_CASES = [
    [(3, 1)],
    [(3, 1), (3, 1)],
    [(3, 1), (3, 1), (2, 2), (3, 1)],
    [(5, 2), (3, 1)],
    [(3, 2), (5, 1)],
    [(3, 1), (2, 2), (3, 1), (2, 2), (3, 1)],
    [(7, 2), (3, 2), (3, 1), (1, 1), (3, 2), (3, 1)],
    [(2, 3), (2, 3), (2, 3), (2, 1)],
]


def examine_receptive_field(answer):
    """`answer(layers)` is the side of the receptive field for a list of (size, stride), first layer first."""
    got = [_field_of(answer, layers) for layers in FIELD_CASES]
    right = [_field(layers) for layers in FIELD_CASES]
    if got != right:
        for sentence, slip in FIELD_SLIPS.items():
            if got == [slip(layers) for layers in FIELD_CASES]:
                raise Wrong(f"{_first_difference(got, right)} {sentence}")
        raise Wrong(
            f"{_first_difference(got, right)} Go through it on paper: write down field and jump after each layer, "
            "both from 1."
        )


def _field_of(answer, layers):
    return as_whole_number(call(answer, list(layers)), what=f"For `{layers}`, what you return")


def _first_difference(got, right):
    worst = next(index for index in range(len(got)) if got[index] != right[index])
    return f"For `{FIELD_CASES[worst]}` you return {got[worst]}."


q6 = Problem(
    "02",
    "q6",
    examine_receptive_field,
    praise="Every stride makes all later windows reach farther: that is how deep networks come to see whole objects.",
    hints=[
        "Keep two numbers, `field` and `jump`, both 1 at the start, and go through the layers once.",
        "Per layer, in this order: `field` grows by `(size - 1) * jump`, then `jump` is multiplied by the stride.",
    ],
)

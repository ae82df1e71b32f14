"""Lesson 05, a CNN on MNIST: what its exercises ask and the misconceptions they know."""

import numpy as np

from helpers.exercises.compare import (
    Wrong,
    as_array,
    as_function,
    as_whole_number,
    call,
    close,
    describe,
    first_line,
    untouched,
)
from helpers.exercises.engine import NOT_ATTEMPTED, Outcome, Problem

PARAMETER_LIMIT = 100_000


def examine_one_hot(answer):
    """`answer(labels, num_classes)` gives one row per label with a single 1; also where some class is missing."""
    for labels, num_classes in (([4, 0, 2, 2], 10), ([1, 0, 1], 3), ([7], 8), ([0, 1, 2, 3, 4], 5)):
        labels = np.array(labels, dtype=np.uint8)
        rows = as_array(_rows_for(answer, labels, num_classes), what="What you return")
        asked = f"For the labels {labels.tolist()} and {num_classes} classes"
        wanted = (len(labels), num_classes)
        if rows.shape != wanted:
            raise Wrong(f"{asked}, you return the shape {rows.shape}. {_why_not_one_hot_shape(rows.shape, wanted)}")
        expected = np.eye(num_classes)[labels]
        if not close(expected, rows):
            raise Wrong(f"{asked}, {_why_not_one_hot(rows, expected, labels)}")


def _rows_for(answer, labels, num_classes):
    try:
        return call(answer, labels, num_classes)
    except Wrong as wrong:
        if "index 255 is out of bounds" in str(wrong):
            raise Wrong(f"{wrong} In `uint8`, `0 - 1` is 255; label 0 belongs to column 0.") from wrong
        raise


def _why_not_one_hot_shape(shape, wanted):
    if shape == wanted[:1]:
        return "That is still one number per label. Each label becomes a whole row."
    if shape == wanted[::-1]:
        return "Rows and columns are swapped: one row per label, one column per class."
    if len(shape) == 2 and shape[0] == wanted[0] and shape[1] < wanted[1]:
        return "A class that occurs in no label needs its column too: take the width from `num_classes`."
    if len(shape) == 2 and shape[1] != wanted[1]:
        return "The number of columns must be `num_classes`, whatever it is."
    return "One row per label, one column per class."


def _why_not_one_hot(rows, expected, labels):
    sums = rows.sum(axis=1)
    first = f"the row of label {labels[0]} is {rows[0].round(3).tolist()}."
    if close(rows, expected * labels[:, None]):
        return f"{first} You write the label itself into its column; write a 1 there."
    if close(rows, np.roll(expected, -1, axis=1)) or close(rows, np.roll(expected, 1, axis=1)):
        return f"{first} The 1 is one column off: label 0 belongs to column 0."
    if close(rows, 1 - expected):
        return f"{first} Ones and zeros are exchanged."
    if np.all(rows == rows[0]) and sums[0] > 1:
        return (
            f"{first} An index like `[:, labels]` fills these columns in **every** row. Pair each row number with its "
            "own label."
        )
    if not close(sums, np.ones(len(sums))):
        worst = int(np.argmax(np.abs(sums - 1)))
        return f"the row of label {labels[worst]} sums to {sums[worst]:g}. Exactly one entry is 1, the others are 0."
    return f"{first} The 1 must stand in the column that the label names."


q1 = Problem(
    "05",
    "q1",
    examine_one_hot,
    praise="One row per label, one column per class, and room for classes that happen to be missing.",
    hints=[
        "Start with `np.zeros` of the right shape. Which number gives the rows, which the columns?",
        "A loop over the labels will do: `rows[row, label] = 1`. `enumerate(labels)` gives both numbers.",
        "Without a loop: `rows[np.arange(len(labels)), labels] = 1`.",
    ],
)

CONV_SLIPS = {
    "You left out the bias: each filter has one more parameter.": lambda k, c, f: k * k * c * f,
    "You add a single bias for the whole layer. **Each** filter has its own.": lambda k, c, f: k * k * c * f + 1,
    "You add one bias per input channel. A bias belongs to each **filter**.": lambda k, c, f: k * k * c * f + c,
    "You forgot the input channels: a filter reaches through all of them.": lambda k, c, f: (k * k + 1) * f,
    "The kernel is a square: it has `kernel` × `kernel` places.": lambda k, c, f: (k * c + 1) * f,
    "You give a bias to every channel. A filter sums over its channels and adds one bias.": lambda k, c, f: (
        (k * k + 1) * c * f
    ),
    "You count one filter. The layer has `filters` of them.": lambda k, c, f: k * k * c + 1,
    "You used the size of the picture. The same few weights slide over all of it: the picture's size does not count.": (
        lambda k, c, f: (28 * 28 * c + 1) * f
    ),
}
DENSE_SLIPS = {
    "You left out the bias: each unit has one more parameter.": lambda h, w, c, u: h * w * c * u,
    "You add a single bias for the whole layer. **Each** unit has its own.": lambda h, w, c, u: h * w * c * u + 1,
    "You forgot the channels: `Flatten` lays all the feature maps end to end.": lambda h, w, c, u: (h * w + 1) * u,
    "You count one number per feature map. `Flatten` keeps every pixel of every map; averaging would leave one.": (
        lambda h, w, c, u: (c + 1) * u
    ),
    "You used the input picture, 28 × 28. Use the feature maps that are flattened.": lambda h, w, c, u: (
        (28 * 28 + 1) * u
    ),
    "You used 28 × 28 maps. Pooling has made them smaller: use `height` and `width`.": lambda h, w, c, u: (
        (28 * 28 * c + 1) * u
    ),
    "You count one unit. The layer has `units` of them.": lambda h, w, c, u: h * w * c + 1,
    "You halve the maps. `height` and `width` are those after pooling: take them as they are.": lambda h, w, c, u: (
        ((h // 2) * (w // 2) * c + 1) * u
    ),
    "You use `height` twice. Maps need not be square: one of the two is `width`.": lambda h, w, c, u: (
        (h * h * c + 1) * u
    ),
    "You use `width` twice. Maps need not be square: one of the two is `height`.": lambda h, w, c, u: (
        (w * w * c + 1) * u
    ),
}


def examine_parameters(conv, dense):
    """`conv(kernel, channels, filters)` and `dense(height, width, channels, units)` count weights and biases."""
    conv_cases = [(3, 32, 64), (3, 1, 32), (5, 3, 16), (1, 64, 10)]
    dense_cases = [(14, 14, 64, 100), (7, 5, 3, 2), (4, 4, 64, 10)]
    _count(conv, "conv_parameters", conv_cases, lambda k, c, f: (k * k * c + 1) * f, CONV_SLIPS)
    _count(dense, "dense_parameters", dense_cases, lambda h, w, c, u: (h * w * c + 1) * u, DENSE_SLIPS)


def _count(answer, name, cases, right, slips):
    for case in cases:
        count = as_whole_number(call(answer, *case), what=f"What `{name}` returns")
        if count == right(*case):
            continue
        start = f"`{name}{case}` gives {count:,}."
        for sentence, slip in slips.items():
            if count == slip(*case):
                raise Wrong(f"{start} {sentence}")
        raise Wrong(f"{start} Count one filter or unit first: its weights, plus its bias. Then multiply.")


class _TwoFunctions(Problem):
    """Says which of the two functions is still the `...`."""

    def judge(self, *answers):
        names = ("conv_parameters", "dense_parameters")
        left = [name for name, answer in zip(names, answers, strict=False) if untouched(answer)]
        if len(left) != 1:
            return super().judge(*answers)
        return Outcome(NOT_ATTEMPTED, f"`{left[0]}` still holds the `...`. Replace it too, then run this cell again.")


q2 = _TwoFunctions(
    "05",
    "q2",
    examine_parameters,
    praise="A convolution's parameters do not depend on the picture's size; a dense layer's behind `Flatten` do.",
    hints=[
        "Take one filter of `Conv2D(32, kernel_size=3)` on a grey picture: 9 weights and 1 bias, so 10. Now all 32.",
        "On 32 channels a 3 × 3 filter has 3 · 3 · 32 weights: it is as deep as its input.",
        "Dense: `Flatten` gives height · width · channels numbers; each unit has a weight for every one, plus a bias.",
    ],
)


def examine_small_model(answer):
    """`answer()` gives a Keras model with a convolution, (28, 28, 1) in, ten probabilities out, few parameters."""
    import keras

    model = answer if isinstance(answer, keras.Model) else _built(answer)
    if model is None:
        raise Wrong("`build_small()` gives `None`. Does the function end with `return`?")
    if not isinstance(model, keras.Model):
        raise Wrong(f"`build_small()` gives {describe(model)}. It should return a Keras model.")
    if not model.built:
        raise Wrong("The model does not know its input yet. Begin with `keras.Input(shape=(28, 28, 1))`.")
    _check_input(getattr(model, "input_shape", None))
    _check_output(getattr(model, "output_shape", None))
    kinds = [type(layer).__name__ for layer in _all_layers(model)]
    if not any("Conv2D" in kind for kind in kinds):
        raise Wrong(f"Your layers are {', '.join(kinds)}. No `Conv2D` is among them: use at least one.")
    _check_size(model)
    pictures = np.random.default_rng(0).random((4, 28, 28, 1), dtype=np.float32)
    answers = call(lambda: np.asarray(model(pictures, training=False)))
    _check_probabilities(model, as_array(answers, what="The output"))


def _built(answer):
    try:
        return call(answer)
    except Wrong as wrong:
        if "min_ndim=4" not in str(wrong):
            raise
        if "found ndim=3" in str(wrong):
            raise Wrong("A convolution gets pictures without channels. Is your input (28, 28, 1)?") from wrong
        raise Wrong("A convolution gets a row of numbers, no picture. `Flatten` belongs after the last one.") from wrong


def _check_input(shape):
    if shape == (None, 28, 28):
        raise Wrong("Your model takes pictures of shape (28, 28). The channel axis is missing: (28, 28, 1).")
    if not isinstance(shape, tuple) or tuple(shape[1:]) != (28, 28, 1):
        seen = shape[1:] if isinstance(shape, tuple) else shape
        raise Wrong(f"Your model takes inputs of shape {seen}. The digits have the shape (28, 28, 1).{_open(seen)}")


def _open(shape):
    if not isinstance(shape, tuple) or None not in shape:
        return ""
    return " `None` leaves a size open, which can work; this exercise asks for a model with a fixed one."


def _check_output(shape):
    if not isinstance(shape, tuple):
        raise Wrong(f"Your model has more than one output: {describe(shape)}. One output of ten numbers is wanted.")
    if len(shape) > 2:
        raise Wrong(
            f"Your model answers with the shape {shape[1:]} for one picture: still a map. "
            "Put `Flatten` or `GlobalAveragePooling2D` before the last dense layer."
        )
    if shape[1:] == (11,):
        raise Wrong("The last layer has 11 units. The digits 0 to 9 are ten classes: count from 0.")
    if shape[1:] == (9,):
        raise Wrong("The last layer has 9 units. The digit 0 is a class too.")
    if shape[1:] != (10,):
        raise Wrong(f"Your model answers with the shape {shape[1:]} for one picture. It should be (10,).")


def _all_layers(model):
    for layer in model.layers:
        yield from _all_layers(layer) if getattr(layer, "layers", None) else [layer]


def _check_size(model):
    total = model.count_params()
    if total < PARAMETER_LIMIT:
        return
    largest = max(_all_layers(model), key=lambda layer: layer.count_params())
    where = f"`{type(largest).__name__}` alone holds {largest.count_params():,}"
    advice = "Use fewer filters."
    if type(largest).__name__ == "Dense":
        advice = "It stands behind a long row of numbers: pool (once more) before you flatten, or use fewer filters."
    raise Wrong(f"Your model has {total:,} parameters; fewer than {PARAMETER_LIMIT:,} are wanted. {where}. {advice}")


def _check_probabilities(model, answers):
    last = [layer for layer in _all_layers(model) if type(layer).__name__ != "Dropout"][-2:]
    if len(last) == 2 and all(map(_is_softmax, last)) and not last[1].weights:
        raise Wrong(
            "Softmax stands twice in a row. The second one makes probabilities of probabilities: none could exceed "
            "0.24. Leave one out."
        )
    sums = answers.sum(axis=1)
    if answers.shape == (4, 10) and answers.min() >= 0 and close(np.ones(4), sums, tolerance=1e-4):
        return
    start = f"For one picture the ten numbers sum to {sums[0]:.3f}"
    activation = getattr(getattr(model.layers[-1], "activation", None), "__name__", "")
    if activation == "sigmoid":
        raise Wrong(f"{start}. `sigmoid` answers ten separate questions; `softmax` shares out one whole.")
    raise Wrong(f'{start}, so they are no probabilities. Give the last layer `activation="softmax"`.')


def _is_softmax(layer):
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    return type(layer).__name__ == "Softmax" or activation == "softmax"


q3 = Problem(
    "05",
    "q3",
    examine_small_model,
    praise="Shape, probabilities and size are all as asked. You know where to save parameters: before `Flatten`.",
    hints=[
        "Start from the book's network. Which one layer holds nearly all the parameters?",
        "What `Flatten` hands on is height · width · channels. Each `MaxPooling2D(pool_size=2)` quarters it.",
        "Two blocks of convolution and pooling with 16 and 32 filters, `Flatten`, then straight to the ten units.",
    ],
)


def _right_log(epoch, epochs):
    return (epoch + 1) % 10 == 0 or epoch + 1 == epochs


LOG_SLIPS = {
    "Keras counts from 0: the tenth epoch has the number 9, the last one `epochs - 1`, so that neither is caught.": (
        lambda epoch, epochs: epoch % 10 == 0
    ),
    "The last epoch is caught, but the tens are off by one: the tenth epoch has the number 9.": (
        lambda epoch, epochs: epoch % 10 == 0 or epoch == epochs - 1
    ),
    "The tens are right. The last epoch, with the number `epochs - 1`, is missing unless it is one of them.": (
        lambda epoch, epochs: (epoch + 1) % 10 == 0
    ),
    "You log the last epoch alone. Every tenth one is wanted as well.": lambda epoch, epochs: epoch + 1 == epochs,
    "You need `or`: an epoch is logged if it is a tenth **or** the last.": lambda epoch, epochs: (
        (epoch + 1) % 10 == 0 and epoch + 1 == epochs
    ),
}


def examine_should_log(answer):
    """`answer(epoch, epochs)` is True after every tenth epoch and after the last; `epoch` counts from 0."""
    runs = (25, 50, 5, 1, 10, 11)
    logged = {}
    for epochs in runs:
        logged[epochs] = [epoch for epoch in range(epochs) if _verdict(answer, epoch, epochs)]
    for epochs in runs:
        expected = [epoch for epoch in range(epochs) if _right_log(epoch, epochs)]
        if logged[epochs] != expected:
            human = ", ".join(str(epoch + 1) for epoch in logged[epochs]) or "none at all"
            raise Wrong(f"Of {epochs} epochs you log (counting from 1): {human}. {_why_not_logged(logged)}")


def _verdict(answer, epoch, epochs):
    verdict = call(answer, epoch, epochs)
    if verdict is None:
        raise Wrong(f"`should_log({epoch}, {epochs})` gives `None`. Return `True` or `False` in every case.")
    if not isinstance(verdict, bool | np.bool_):
        raise Wrong(f"`should_log({epoch}, {epochs})` gives {describe(verdict)}. Answer with `True` or `False`.")
    return bool(verdict)


def _why_not_logged(logged):
    for sentence, slip in LOG_SLIPS.items():
        if all(found == [e for e in range(epochs) if slip(e, epochs)] for epochs, found in logged.items()):
            return sentence
    return "Write down by hand which are wanted, then their numbers counted from 0."


q4 = Problem(
    "05",
    "q4",
    examine_should_log,
    praise="Tenth, twentieth … and the last, however many there are. The last line of a log is the one you need.",
    hints=[
        "What is the number of the tenth epoch if the first has the number 0?",
        "Start with `number = epoch + 1`, which counts as people do. Now both conditions are easy.",
        "A tenth one: `number % 10 == 0`. The last one: `number == epochs`. Join them with `or`.",
    ],
)


def _test_pictures():
    random = np.random.default_rng(5)
    faint = random.integers(0, 120, size=(28, 28), dtype=np.uint8)
    bright = random.integers(0, 256, size=(28, 28), dtype=np.uint8)
    bright[3, 20] = 255
    return {"a faint picture": faint, "a bright picture": bright}


SCALE_SLIPS = {
    "Not divided: white would be 255. The network was trained on 0 to 1.": lambda p: p,
    "You divide by 255 twice: the brightest possible pixel would be 0.004.": lambda p: p / 255**2,
    "You stretch the picture to its own brightest pixel. In training every digit was divided by the same 255.": (
        lambda p: p / p.max()
    ),
    "You divide by 256. White is 255 and must become exactly 1.": lambda p: p / 256,
    "Black and white are exchanged: the digits in training are bright on a dark ground.": lambda p: 1 - p / 255,
    "You shift the values to lie around 0. The training digits lay between 0 and 1.": lambda p: p / 127.5 - 1,
    "Rows and columns are swapped: the picture lies on its side.": lambda p: p.T / 255,
}


def examine_prepare(answer):
    """`answer(picture)` gives a float batch (1, 28, 28, 1) of the uint8 picture divided by 255."""
    for name, picture in _test_pictures().items():
        given = call(answer, picture)
        if isinstance(given, list | tuple):
            kind = type(given).__name__
            raise Wrong(f"You return a {kind}; `model` wants an array: leave out `.tolist()`, or use `np.array`.")
        values = as_array(given, what="What you return")
        if values.shape != (1, 28, 28, 1):
            raise Wrong(f"You return the shape {values.shape}. {_why_not_batch(values.shape)}")
        kind = np.asarray(given).dtype
        pixels = picture.astype(float)
        expected = pixels / 255
        start = f"From {name} (0 to {picture.max()}) you make values from {values.min():.4g} to {values.max():.4g}."
        if kind.kind != "f" and not close(pixels, values[0, :, :, 0]):
            raise Wrong(f"{start} They have the dtype {kind}, which holds no fractions. Convert to float, then divide.")
        if close(expected, values[0, :, :, 0], tolerance=1e-3 / 255 if kind.itemsize > 2 else 1e-3):
            continue
        for sentence, slip in SCALE_SLIPS.items():
            if close(slip(pixels), values[0, :, :, 0], tolerance=1e-6):
                raise Wrong(f"{start} {sentence}")
        raise Wrong(f"{start} Do to it what `as_input` did to the training digits, no more and no less.")


def _why_not_batch(shape):
    reasons = {
        (28, 28): "Two axes are missing: the batch in front, the channel at the end.",
        (1, 28, 28): "The channel axis at the end is missing.",
        (28, 28, 1): "The batch axis in front is missing: `model` takes batches, also of one picture.",
        (1, 1, 28, 28): "The channel stands before height and width. This network wants it at the end (NHWC).",
        (28, 28, 1, 1): "The batch axis belongs in front.",
        (1, 784): "You flattened the picture. A convolution needs height and width.",
        (784,): "You flattened the picture. A convolution needs height and width.",
    }
    return reasons.get(shape, "Wanted are four axes: one picture, height, width, one channel.")


q5 = Problem(
    "05",
    "q5",
    examine_prepare,
    praise="A batch of one, four axes, 0 to 1: exactly what the network has seen in training.",
    hints=[
        "Three things happened to the training digits: float, division by 255, one more axis. A batch has another.",
        "`picture[np.newaxis, ..., np.newaxis]` adds an axis in front and one at the end.",
        "`as_input` does nearly everything. What does it expect that a single picture lacks?",
    ],
)


def examine_to_words(answer):
    """`answer(probabilities, words)` gives a list of words, and raises ValueError if the counts differ."""
    ten = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    four = np.array([[0.1, 0.2, 0.6, 0.1], [0.7, 0.1, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4]])
    digits = np.full((2, 10), 0.02)
    digits[[0, 1], [6, 9]] = 0.82
    for probabilities, words in ((four, ["cat", "dog", "owl", "fox"]), (digits, ten), (four[:1], ["a", "b", "c", "d"])):
        given = _words_from(answer, probabilities, words)
        expected = [words[column] for column in probabilities.argmax(axis=1)]
        _compare_words(given, expected, probabilities, words)
    low = np.full((1, 10), 0.05)
    low[0, 2] = 0.55
    for words in ([*ten[:6], "sixseven", *ten[8:]], [*ten, "ten"], []):
        _check_refusal(answer, low, words)


def _words_from(answer, probabilities, words):
    try:
        return call(answer, probabilities, words)
    except Wrong as wrong:
        said, why = str(wrong).replace(": `.", "`."), ""
        if "`IndexError" in said:
            why = " Does your `argmax` have its `axis=1`? `argmax` without `axis` searches the whole table."
        elif "`ValueError" in said:
            count = len(words)
            why = f" Here {count} words meet {count} classes: nothing to refuse. Classes are `probabilities.shape[1]`."
        elif "only integer scalar arrays" in said:
            why = " A list is asked for one place at a time: look up each column by itself."
        raise Wrong(said + why) from wrong


def _compare_words(given, expected, probabilities, words):
    shape = f"For probabilities of shape {probabilities.shape}"
    if isinstance(given, str):
        raise Wrong(f"{shape} you return the single text {describe(given)}. Return a list with one word per picture.")
    if given is None:
        raise Wrong(f"{shape} you return `None`. Does the function end with `return`?")
    if not isinstance(given, list | tuple | np.ndarray):
        raise Wrong(f"{shape} you return {describe(given)}. Return a list of words.")
    found = list(given)
    if any(not isinstance(word, str) for word in found):
        raise Wrong(f"{shape} you return {describe(found)}. These are not words: look them up in `words`.")
    found = [str(word) for word in found]
    slips = {
        "That is one word per class. Look along each row: `axis=1`.": probabilities.argmax(axis=0) % len(words),
        "That is the class with the **lowest** probability.": probabilities.argmin(axis=1),
        "Each word is one place too far: columns count from 0, as lists do.": (
            (probabilities.argmax(axis=1) + 1) % len(words)
        ),
        "Each word is one place too early: columns count from 0, as lists do.": probabilities.argmax(axis=1) - 1,
    }
    if found == expected:
        return
    for sentence, columns in slips.items():
        if found == [words[column] for column in columns]:
            raise Wrong(f"{shape} and the words {words} you return {found}. {sentence}")
    if any(word not in words for word in found):
        raise Wrong(
            f"{shape} and the words {words} you return {found}. These words are not in the list handed in: use the "
            "argument `words`."
        )
    if len(found) != len(expected):
        number = "1 word" if len(found) == 1 else f"{len(found)} words"
        raise Wrong(f"{shape} you return {number}; there are {len(expected)} pictures, one row each.")
    raise Wrong(
        f"{shape} and the words {words} you return {found}. For each row, find the column of its largest value."
    )


def _check_refusal(answer, probabilities, words):
    def guarded(probabilities, words):
        try:
            return "returned", answer(probabilities, words)
        except ValueError:
            return "refused", None
        except Exception as error:
            return "stopped", f"{type(error).__name__}: {first_line(error)}".rstrip(": ")

    as_function(answer, probabilities, words)
    what, given = call(guarded, probabilities, words)
    start = f"With {len(words)} words for {probabilities.shape[1]} classes"
    if what == "stopped":
        raise Wrong(f"{start} your function stops with `{given}`. Wanted is a `ValueError`: `raise ValueError(...)`.")
    if given is ValueError or isinstance(given, ValueError):
        raise Wrong(f"{start} you return the `ValueError`. Do not return it: `raise` it.")
    if what == "returned":
        reason = "A comma may be missing in the list" if words else "The list is empty"
        if len(words) > probabilities.shape[1]:
            reason = "One word too many"
        raise Wrong(
            f"{start} you return {describe(given)}. {reason}: compare the two counts first, and raise `ValueError`."
        )


q6 = Problem(
    "05",
    "q6",
    examine_to_words,
    praise="One word per picture, and a list with a missing comma can no longer pass unnoticed.",
    hints=[
        "Guard first: `len(words)` and `probabilities.shape[1]` must be equal, else `raise ValueError(...)`.",
        "`probabilities.argmax(axis=1)` gives one column number per picture.",
        "Then look each one up: `[words[column] for column in columns]`.",
    ],
)

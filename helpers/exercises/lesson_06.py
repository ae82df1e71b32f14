"""Lesson 06, a CNN on CIFAR-10: what its exercises ask and the misconceptions they know."""

import numpy as np

from helpers import runs
from helpers.exercises.compare import (
    Wrong,
    as_function,
    as_number,
    as_whole_number,
    call,
    close,
    describe,
    first_line,
)
from helpers.exercises.engine import Problem

TOTAL_SLIPS = {
    "Batch normalisation keeps **four** numbers per map; you count two. The remembered mean and variance count too.": (
        lambda c, f: 9 * c * f + f + 2 * f
    ),
    "The four numbers of batch normalisation come once per **map**. You count them once for the layer.": (
        lambda c, f: 9 * c * f + f + 4
    ),
    "Batch normalisation stands behind the convolution: it has `filters` maps to look after, not `channels`.": (
        lambda c, f: 9 * c * f + f + 4 * c
    ),
    "That is the convolution alone. Batch normalisation keeps four numbers per map.": lambda c, f: 9 * c * f + f,
    "You left out the biases: each filter has one.": lambda c, f: 9 * c * f + 4 * f,
    "You add a single bias for all filters. **Each** filter has its own.": lambda c, f: 9 * c * f + 1 + 4 * f,
    "A filter reaches through all its input channels: it has 3 · 3 · `channels` weights.": lambda c, f: 10 * f + 4 * f,
    "You give dropout parameters. It draws at random and learns nothing.": lambda c, f: 9 * c * f + f + 5 * f,
}


def examine_block(answer):
    """`answer(channels, filters)` gives (all parameters, those not trained) of convolution, dropout, batch norm."""
    for channels, filters in ((3, 32), (32, 64), (64, 128), (5, 7)):
        given = call(answer, channels, filters)
        asked = f"For {channels} channels and {filters} filters"
        total, not_trained = _two_numbers(given, asked)
        right, frozen = 9 * channels * filters + filters + 4 * filters, 2 * filters
        if (total, not_trained) == (right, frozen):
            continue
        if (total, not_trained) == (frozen, right):
            raise Wrong(f"{asked}, you return {total:,} and {not_trained:,}. They are swapped: all of them first.")
        if total != right:
            raise Wrong(f"{asked}, your first number is {total:,}. {_why_not_total(total, channels, filters)}")
        raise Wrong(
            f"{asked}, the first number is right; your second is {not_trained:,}. "
            f"{_why_not(not_trained, filters, total)}"
        )


def _two_numbers(given, asked):
    if given is None:
        raise Wrong(f"{asked}, you return `None`. Does the function end with `return`?")
    if not isinstance(given, tuple | list | np.ndarray) or len(np.atleast_1d(given)) != 2:
        raise Wrong(f"{asked}, you return {describe(given)}. Return two numbers: `return total, not_trained`.")
    if any(value is None for value in given):
        raise Wrong(f"{asked}, you return {describe(given)}. One of the two is still missing.")
    return [as_whole_number(value, what=f"{asked}, one of your numbers") for value in given]


def _why_not_total(total, channels, filters):
    for sentence, slip in TOTAL_SLIPS.items():
        if total == slip(channels, filters):
            return sentence
    return "Count the convolution first, as in lesson 05; then add four numbers per map for batch normalisation."


def _why_not(not_trained, filters, total):
    if not_trained == 0:
        return "Batch normalisation remembers a mean and a variance per map; no gradient changes them."
    if not_trained == total - 2 * filters:
        return "So many **are** trained. Asked is the rest: the remembered means and variances."
    if not_trained == 4 * filters:
        return "Scale and offset *are* trained; only the remembered mean and variance are not."
    if not_trained == filters:
        return "Two numbers per map are remembered: a mean **and** a variance."
    if not_trained == 2:
        return "A mean and a variance are remembered for **each** map."
    return "What is not trained: the remembered mean and variance, one pair per map."


q1 = Problem(
    "06",
    "q1",
    examine_block,
    praise="Dropout costs nothing, batch normalisation four numbers per map, of which two are only remembered.",
    hints=[
        "The convolution as in lesson 05: (3 · 3 · `channels` + 1) · `filters`.",
        "Batch normalisation has, per map: scale, offset, remembered mean, remembered variance.",
        "`return (9 * channels + 1) * filters + 4 * filters, 2 * filters`",
    ],
)

FIELD_SLIPS = {
    3: "That is one convolution by itself. Its inputs see more than a pixel each.",
    5: "That is the second convolution. Go on: pooling, the third, pooling, the fourth.",
    6: "That is behind the first pooling. Go on: the third convolution, pooling, the fourth.",
    8: "8 is the size of the map there. How many **pixels of the picture** does one of its values see?",
    9: "Four convolutions without pooling see 9. Behind each pooling, neighbouring values lie twice as far apart.",
    10: "That is the third convolution, as in lesson 02. Pooling and one more convolution follow.",
    12: "That is behind the second pooling. One more convolution follows.",
    14: "Up to the second pooling, 12, you are right. Then neighbouring values lie **four** pixels apart: 3 × 3 adds "
    "2 · 4, not 2.",
    16: "Up to the second pooling, 12, you are right. There have been two poolings: 3 × 3 adds 2 · 4, not 2 · 2.",
    17: "You counted the jumps, but not the pooling windows themselves, which widen 5 to 6 and 10 to 12.",
    32: "Not the whole picture yet: count outwards, layer by layer.",
    400: "20 × 20 is the area. Give the side.",
}


def examine_field(answer):
    """The side, in pixels, of what one value behind the fourth convolution of S1's network sees: 20."""
    side = as_number(answer, what="Your `side`", returned=False)
    if side == 20:
        return
    advice = "Begin with 1 pixel. A 3 × 3 window adds 2 steps; a step is 1 pixel, and each pooling doubles it."
    raise Wrong(f"Your `side` is {side:g}. {FIELD_SLIPS.get(side, advice)}")


q2 = Problem(
    "06",
    "q2",
    examine_field,
    praise="1 → 3 → 5 → 6 (pooling) → 10 → 12 (pooling) → 20: behind two poolings each step is four pixels long.",
    hints=[
        "A value of the first map sees 3 pixels across, one of the second 5.",
        "A 2 × 2 pooling window takes in one more step: 6. From now on neighbouring values lie two pixels apart.",
        "The third convolution: 6 + 2 · 2. The second pooling adds one step of 2. Then a step is 4 pixels.",
    ],
)


def examine_add_block(answer):
    """`answer(network, filters, pool)` adds convolution, pooling if asked for, dropout and batch normalisation."""
    for filters, pool in ((64, True), (32, False), (5, True)):
        _check_block(_added(answer, filters, pool), filters, pool)


def _added(answer, filters, pool):
    import keras

    network = keras.Sequential([keras.Input(shape=(8, 8, 3))])
    as_function(answer, network, filters, pool)
    given = call(lambda: answer(network, filters, pool))
    if network.layers:
        return network.layers
    if isinstance(given, keras.Sequential) and given.layers:
        raise Wrong("You return another network. Add to the one that is handed in: `network.add(...)`.")
    raise Wrong("After the call, `network` has no layer. Add each one: `network.add(layers.…)`.")


def _check_block(found, filters, pool):
    kinds = [_kind(layer) for layer in found]
    wanted = ["Conv2D", *["MaxPooling2D"] * pool, "Dropout", "BatchNormalization"]
    asked = f"With `filters={filters}` and `pool={pool}`"
    conv = next((layer for layer in found if _kind(layer) == "Conv2D"), None)
    bend = [kind for kind in kinds if kind in ("ReLU", "Activation")]
    if len(bend) == 1 and kinds[:2] == ["Conv2D", bend[0]] and _activation(conv) == "linear":
        if bend == ["Activation"] and _activation(found[1]) != "relu":
            raise Wrong(f"{asked}, `{_activation(found[1])}` follows the convolution. ReLU is wanted.")
        del kinds[1]  # ReLU as a layer of its own computes the same
    elif conv is not None and _activation(conv) != "relu":
        raise Wrong(f"{asked}, the convolution's activation is `{_activation(conv)}`. ReLU is wanted.")
    if kinds != wanted:
        raise Wrong(f"{asked}, you add {', '.join(kinds)}. {_why_not_kinds(kinds, wanted)}")
    rate = found[-2].rate
    pooling = next((layer for layer in found if _kind(layer) == "MaxPooling2D"), None)
    size, step = (tuple(pooling.pool_size), tuple(pooling.strides)) if pooling else ((2, 2), (2, 2))
    faults = [
        (conv.filters != filters, f"the convolution has {conv.filters} filters. Use the argument `filters`."),
        (tuple(conv.kernel_size) != (3, 3), f"the convolution's kernels are {conv.kernel_size}; 3 × 3 is wanted."),
        (conv.padding != "same", f'the padding is "{conv.padding}", so the map shrinks. "same" keeps its size.'),
        (
            tuple(conv.strides) != (1, 1),
            f"the convolution's stride is {conv.strides}. Leave it at 1: pooling makes the map smaller.",
        ),
        (size != (2, 2), f"pooling looks at windows of {size}; 2 × 2 is wanted."),
        (step != (2, 2), f"pooling moves by {step}. Leave `strides` out: then it moves by its window, 2 × 2."),
        (not close(0.2, rate), f"dropout's rate is {rate:g}; the tutorial's is 0.2."),
    ]
    for wrong, sentence in faults:
        if wrong:
            raise Wrong(f"{asked}: {sentence}")


def _kind(layer):
    return type(layer).__name__


def _activation(layer):
    """The activation's name in small letters; it may be a function or, as in `activation=layers.ReLU()`, a layer."""
    activation = getattr(layer, "activation", None)
    return getattr(activation, "__name__", type(activation).__name__).lower()


def _why_not_kinds(kinds, wanted):
    if sorted(kinds) == sorted(wanted):
        return f"All are there, but the tutorial's order is {', '.join(wanted)}."
    if "Conv2D" not in kinds:
        return "Missing: Conv2D."
    if "MaxPooling2D" in kinds and "MaxPooling2D" not in wanted:
        return "No pooling was asked for: add it only `if pool:`."
    if "MaxPooling2D" in wanted and "MaxPooling2D" not in kinds:
        return "Pooling is missing: `if pool:` add `layers.MaxPooling2D(pool_size=2)`."
    missing = [kind for kind in wanted if kind not in kinds]
    if missing and "MaxPooling2D" not in wanted:  # the same function has just passed with `pool=True`
        return f"Missing: {', '.join(missing)}. With `pool=True` all is there: what stands inside the `if`?"
    if missing:
        return f"Missing: {', '.join(missing)}."
    return f"Wanted is one block: {', '.join(wanted)}."


q3 = Problem(
    "06",
    "q3",
    examine_add_block,
    praise="The same layers as in the list, one `.add` after the other; code in between may decide.",
    hints=[
        'The first line: `network.add(layers.Conv2D(filters, kernel_size=3, padding="same", activation="relu"))`.',
        "Then `if pool:`, and inside it `network.add(layers.MaxPooling2D(pool_size=2))`.",
        "Dropout 0.2 and batch normalisation come in any case. Nothing needs to be returned.",
    ],
)

TURNING_RUN = "cifar10_short_no_dropout"


def examine_best_epoch(answer):
    """The epoch, counted from 1, at which the validation loss of the recorded run TURNING_RUN is lowest."""
    curves = runs.curves(TURNING_RUN)
    number, losses = as_number(answer, what="Your `best`", returned=False), curves["val_loss"]
    if number != int(number):
        raise Wrong(f"Your `best` is {number:g}, which is no whole number. Give the epoch, not the loss.")
    epoch = int(number)
    if epoch not in curves.index:
        raise Wrong(f"Your `best` is {epoch}. The recorded training has the epochs 1 to {len(curves)}.")
    lowest = losses.idxmin()
    if epoch == lowest:
        return
    start = f"After epoch {epoch} the validation loss is {losses[epoch]:.2f}; elsewhere it is {losses[lowest]:.2f}."
    if epoch == curves["loss"].idxmin():
        raise Wrong(
            f"{start} There the **training** loss is lowest, on pictures that it knows. Look at the other line."
        )
    if epoch == lowest - 1:
        raise Wrong(f"{start} One further right. (Do you count epochs from 0? The axis counts from 1.)")
    if epoch < lowest:
        raise Wrong(f"{start} It still falls there: look further right.")
    raise Wrong(f"{start} There it has turned already: look further left.")


q5 = Problem(
    "06",
    "q5",
    examine_best_epoch,
    praise="There the network was at its best on pictures that it does not know. What came later was learned by heart.",
    hints=[
        "Two lines: one falls to the end, the other turns. Which one is measured on pictures that no weight has seen?",
        "Look for the lowest point of `val_loss` and read the epoch below it.",
    ],
)


KEEP_SIMPLE = 'Just `"accuracy"` lets Keras choose the kind that fits the loss.'


def examine_compile(answer):
    """`answer(model)` compiles a ten-class softmax model for whole-number labels, with accuracy."""
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape=(12,)), keras.layers.Dense(10, activation="softmax")])
    as_function(answer, model)
    call(lambda: answer(model))
    if not getattr(model, "compiled", False):
        raise Wrong("The model that is handed in is still not compiled. Call `model.compile(...)` on it.")
    if getattr(model.loss, "from_logits", False):
        raise Wrong("Your loss expects logits (`from_logits=True`), but the model ends in softmax: leave that out.")
    inputs, labels = np.random.default_rng(0).normal(size=(60, 12)).astype(np.float32), np.arange(60) % 10
    answers = np.asarray(model(inputs, training=False))
    given = _reported(model, inputs, labels)
    loss = given.pop("loss")
    if not close(-np.log(answers[np.arange(60), labels]).mean(), loss, tolerance=1e-3):
        raise Wrong(
            f"It trains, but with {loss:.2f} as its loss, which is not the cross-entropy. {_why_loss(model.loss)}"
        )
    right = float((answers.argmax(axis=1) == labels).mean())
    if not given:
        raise Wrong('The loss is right. No accuracy is reported: `metrics=["accuracy"]`.')
    if not any(close(right, value, tolerance=1e-4) for value in given.values()):
        name, value = next(iter(given.items()))
        raise Wrong(
            f"The loss is right. `{name}` gives {value:.2f}, but {right:.2f} of the answers are right. {KEEP_SIMPLE}"
        )


def _reported(model, inputs, labels):
    """What `evaluate` gives; where it cannot, the reason in a sentence."""
    model.run_eagerly = True  # a graph for each try would make TensorFlow warn of "retracing" below the cell
    try:
        given = model.evaluate(inputs, labels, verbose=0, return_dict=True)
        return {name: float(value) for name, value in given.items()}
    except Exception as error:
        text, kind = first_line(error), type(error).__name__
    if "val_" in text:
        raise Wrong(
            f"On first use Keras says: `{text}`. Validation gets its own column by itself; leave that name out."
        )
    if "interpret" in text:
        raise Wrong(f"On first use Keras says: `{text}`. Look at the spelling.")
    raise Wrong(f"On whole-number labels Keras stops with `{kind}`. {_why_loss(model.loss)}")


def _why_loss(loss):
    if loss is None:
        return "You name no loss: `loss=…`. Which cross-entropy takes whole-number labels?"
    name = loss if isinstance(loss, str) else getattr(loss, "name", type(loss).__name__)
    if "sparse_categorical_crossentropy" in str(name):
        return f"The loss fits; one of the metrics does not. {KEEP_SIMPLE}"
    if "binary" in str(name):
        return "`binary_crossentropy` is for yes or no. Here one of ten is asked for."
    return f"You chose the loss `{name}`. Which cross-entropy takes whole-number labels?"


q4 = Problem(
    "06",
    "q4",
    examine_compile,
    praise="Sparse cross-entropy for whole numbers, one metric, and validation takes care of itself.",
    hints=[
        "The labels are whole numbers from 0 to 9. Which loss of section 3 takes them as they are?",
        "`val_accuracy` is no metric: it is what accuracy is called on the validation pictures.",
        '`loss="sparse_categorical_crossentropy"` and `metrics=["accuracy"]`.',
    ],
)


MARGIN_SLIPS = {
    "Take the square root: spreads are roots.": lambda p, n: 196 * p * (1 - p) / n,
    "That is a share. In points it is 100 times as much.": lambda p, n: 1.96 * (p * (1 - p) / n) ** 0.5,
    "That is one standard error. 95 % need 1.96 of them.": lambda p, n: 100 * (p * (1 - p) / n) ** 0.5,
    "The root must cover the division too: more pictures count only with their root.": lambda p, n: (
        196 * (p * (1 - p)) ** 0.5 / n
    ),
    "The root must cover p · (1 − p) too, not only the number of pictures.": lambda p, n: 196 * p * (1 - p) / n**0.5,
    "`x ** 1 / 2` is x / 2, because `**` goes before `/`. Write `** 0.5`.": lambda p, n: 98 * p * (1 - p) / n,
    "That is one standard error, as a share. Wanted are 1.96 of them, times 100.": lambda p, n: (
        (p * (1 - p) / n) ** 0.5
    ),
    "You forgot to divide by the number of pictures.": lambda p, n: 196 * (p * (1 - p)) ** 0.5,
    "Under the root belongs p · (1 − p): right answers and wrong ones.": lambda p, n: 196 * (p / n) ** 0.5,
    "That is the whole width. The margin is half of it.": lambda p, n: 392 * (p * (1 - p) / n) ** 0.5,
}


def examine_margin(answer):
    """`answer(accuracy, total)`: half the width of the 95 % interval of an accuracy, in points."""
    for accuracy, total in ((0.7, 2_500), (0.9, 100), (0.5, 500)):
        asked = f"For an accuracy of {accuracy} on {total:,} pictures"
        given = call(answer, accuracy, total)
        if isinstance(given, complex | float) and given != given.real:  # complex, or nan
            raise Wrong(
                f"{asked}, you take the root of a negative number. Under it belongs p · (1 − p) / n: "
                "p is `accuracy`, n is `total`."
            )
        points = as_number(given, what=f"{asked}, what you return")
        right = 196 * (accuracy * (1 - accuracy) / total) ** 0.5
        if abs(points - right) <= 0.03 * right:  # 2 in place of 1.96 is as good
            continue
        for sentence, slip in MARGIN_SLIPS.items():
            if close(slip(accuracy, total), points, tolerance=1e-4):
                raise Wrong(f"{asked}, you return {points:.4g}. {sentence}")
        if points in (round(right), int(right)):
            raise Wrong(f"{asked}, you return {points:.4g}; unrounded it is {right:.4g}. Leave the decimals in.")
        raise Wrong(f"{asked}, you return {points:.4g}. Wanted: 100 · 1.96 · √(p · (1 − p) / n).")


q6 = Problem(
    "06",
    "q6",
    examine_margin,
    praise="Four times the pictures halve it. A difference within such a margin may be luck.",
    hints=[
        "Start with √(p · (1 − p) / n), the standard error of a share p among n pictures.",
        "95 % reach 1.96 standard errors to either side; times 100 gives points.",
        "`return 100 * 1.96 * (accuracy * (1 - accuracy) / total) ** 0.5`",
    ],
)

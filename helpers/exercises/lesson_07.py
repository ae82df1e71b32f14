"""Lesson 07, cats vs dogs: what its exercises ask and the misconceptions they know."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.stats import binomtest

from helpers import datasets, pipelines
from helpers.exercises.compare import Wrong, as_array, as_function, as_number, as_whole_number, call, close, describe
from helpers.exercises.engine import Problem

SIZE = (48, 64)  # height and width: not a square, so that the order of the two matters
CLOSE = 0.012  # three grey levels on average: other libraries round in other ways, and any smooth filter will do


def examine_prepare(answer):
    """`answer(path, image_size)`: one file as the pipeline would give it, (1, height, width, 3) floats from 0 to 1."""
    as_function(answer, Path("cat.jpg"), SIZE)
    cat = datasets.cat_photograph()
    shots = {"a wide picture": cat[60:220], "a tall picture": cat[:, 60:220], "a grey picture": cat[..., 1]}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for kind, pixels in shots.items():
            path = Path(folder) / "picture.jpg"
            Image.fromarray(pixels).save(path, quality=95)
            stored = path.read_bytes()
            given = call(answer, path, SIZE)
            if not path.is_file() or path.read_bytes() != stored:
                raise Wrong("Afterwards the file is another, or gone. Only read it.")
            values = as_array(given, what=f"For {kind}, what you return")
            _check_shape(values.shape, pixels.shape[:2], kind)
            _check_values(values, np.asarray(given).dtype.kind, path, kind)


def _check_shape(shape, stored, kind):
    height, width = SIZE
    says = f"For {kind} and `image_size={SIZE}` you return the shape {shape}."
    known = {
        (1, width, height, 3): "Height and width are swapped: PIL's `resize` wants (width, height).",
        (width, height, 3): "Height and width are swapped: PIL's `resize` wants (width, height).",
        (height, width, 3): "A batch of one has an axis in front: `[np.newaxis]`.",
        (height, width): 'Grey files need three channels too: `.convert("RGB")`. And the axis of the batch is missing.',
        (1, height, width): 'Grey files need three channels too: `.convert("RGB")`.',
        (1, height, width, 1): 'Grey files need three channels too: `.convert("RGB")`.',
        (1, 3, height, width): "The channels come last: number, height, width, channels.",
        (1, *stored, 3): "The picture still has the size of its file: resize it.",
        (height, width, 3, 1): "The axis of the batch comes first: `[np.newaxis]`.",
    }
    if shape != (1, height, width, 3):
        raise Wrong(f"{says} {known.get(shape, f'It should be {(1, height, width, 3)}.')}")


def _check_values(values, dtype, path, kind):
    says = f"For {kind} your values lie between {values.min():.3g} and {values.max():.3g}."
    if values.min() < -0.05:
        raise Wrong(f"{says} Training gives 0 to 1: divide by 255, and subtract nothing.")
    if values.max() > 1.02:  # a filter such as Lanczos may overshoot a little
        raise Wrong(f"{says} Training divides by 255.")
    if dtype in "iu":
        raise Wrong(f"{says} They are whole numbers: `//`, or a conversion after the division, loses the picture.")
    if values.max() < 0.02:
        raise Wrong(f"{says} That is black, or nearly: do you divide twice?")
    wanted = {way: pipelines.resize_picture(path, SIZE, way) / 255.0 for way in pipelines.RESIZES}
    if apart(values, wanted["squash"]) < CLOSE:
        if whole(values, 256) and not whole(values, 255):
            raise Wrong(f"{says} You divide by 256. The brightest byte is 255, and is to become 1.")
        return
    if not np.ptp(values, axis=-1).any():
        raise Wrong(f'For {kind} your three channels are alike: the colours are lost. `.convert("RGB")` keeps them.')
    for way, meaning in {"crop": "cuts the margins off", "pad": "adds black bars"}.items():
        if apart(values, wanted[way]) < CLOSE:
            raise Wrong(f"For {kind} your picture is the one that `{way}` gives: it {meaning}. Training squashes.")
    if apart(values[..., ::-1], wanted["squash"]) < CLOSE:
        raise Wrong(f"For {kind} your red and blue are exchanged. Training has red, green, blue.")
    picture = Image.open(path).convert("RGB").resize(SIZE[::-1], Image.Resampling.NEAREST)
    if apart(values, np.asarray(picture) / 255) < CLOSE / 2:
        raise Wrong(
            f"For {kind} you take the nearest pixel and skip the others, which training does not: "
            "`Image.Resampling.BILINEAR`."
        )
    if apart(values, few_neighbours(path)) < CLOSE / 2:
        raise Wrong(
            f"For {kind} you look at four pixels around each place and skip the others, which training does not. "
            "With `tf.image.resize` say `antialias=True`."
        )
    far = 255 * apart(values, wanted["squash"])
    raise Wrong(
        f"For {kind} shape and range are right, but your pixels differ from `prepare` by {far:.0f} grey levels."
    )


def apart(one, other):
    """Mean difference of two pictures."""
    return float(np.abs(one - other).mean())


def whole(values, times):
    """Whether `values` are whole numbers once multiplied by `times`, to the precision of float32."""
    return bool(np.abs(values * times - np.round(values * times)).max() < 1e-3)


def few_neighbours(path):
    """What `tf.image.resize` gives where it shrinks a picture without `antialias`."""
    import tensorflow as tf

    return tf.image.resize(pipelines.decoded(str(path)), SIZE).numpy() / 255


q1 = Problem(
    "07",
    "q1",
    examine_prepare,
    praise="Same size, same colours, same range, same way of resizing: the network sees what it was trained on.",
    hints=[
        'Open, `.convert("RGB")`, resize, array, divide, one axis in front.',
        "`image_size` is (height, width); PIL's `resize` wants (width, height).",
        "`np.asarray(picture, dtype=np.float32)[np.newaxis] / 255`",
    ],
)


def places(side, filters, shrink=2, halve=lambda side: -(-side // 2)):
    """Height (and width) of the maps behind the last pooling."""
    for _ in filters:
        side = halve(side - shrink)
    return side


COUNT_SLIPS = {
    "Pooling rounds **up** here: 109 gives 55, not 54.": lambda s, f: (
        (places(s, f, halve=lambda side: side // 2) ** 2 * f[-1] + 1) * 128
    ),
    "You halve without rounding; half a pixel does not exist.": lambda s, f: (
        (places(s, f, halve=lambda side: side / 2) ** 2 * f[-1] + 1) * 128
    ),
    "A 3 × 3 window without padding costs two pixels of height and width; you left that out.": lambda s, f: (
        (places(s, f, shrink=0) ** 2 * f[-1] + 1) * 128
    ),
    "A 3 × 3 window costs **two** pixels, one at each side.": lambda s, f: (
        (places(s, f, shrink=1) ** 2 * f[-1] + 1) * 128
    ),
    "You left out the pooling.": lambda s, f: (places(s, f, halve=lambda side: side) ** 2 * f[-1] + 1) * 128,
    "You left out the biases: each of the 128 units has one.": lambda s, f: places(s, f) ** 2 * f[-1] * 128,
    "You add a single bias. **Each** of the 128 units has one.": lambda s, f: places(s, f) ** 2 * f[-1] * 128 + 1,
    "A map has height **times** width places: square the side.": lambda s, f: (places(s, f) * f[-1] + 1) * 128,
    "The number of maps is missing: each of the last filters gives one.": lambda s, f: (places(s, f) ** 2 + 1) * 128,
    "Only the last convolution's maps reach `Flatten`; you take those of the first.": lambda s, f: (
        (places(s, f) ** 2 * f[0] + 1) * 128
    ),
    "Only the last convolution's maps reach `Flatten`; you add up those of all.": lambda s, f: (
        (places(s, f) ** 2 * sum(f) + 1) * 128
    ),
    "Only one pooling counted: there is one behind **each** convolution.": lambda s, f: (
        (places(s, f[:1]) ** 2 * f[-1] + 1) * 128
    ),
    "That is what `Flatten` hands on. Each of 128 units has a weight for each of them, and a bias.": lambda s, f: (
        places(s, f) ** 2 * f[-1]
    ),
}

# None so large that a network built to be counted takes long.
COUNT_CASES = ((101, [4, 8]), (63, [16]), (96, [32, 32]), (64, [8, 24, 16]))


def examine_first_dense(answer):
    """`answer(side, filters)`: parameters of the dense layer of 128 units behind convolutions, poolings and Flatten."""
    counts = []
    for side, filters in COUNT_CASES:
        asked = f"For a side of {side} and the filters {filters}"
        counts.append(as_whole_number(call(answer, side, filters), what=f"{asked}, what you return"))
    for (side, filters), count in zip(COUNT_CASES, counts, strict=True):
        if count == (places(side, filters) ** 2 * filters[-1] + 1) * 128:
            continue
        why = (
            "Follow the side first: minus 2, then half of it, rounded up, once for each convolution; here it ends at "
            f"{places(side, filters)}. Then count the weights and biases of the 128 units."
        )
        for sentence, slip in COUNT_SLIPS.items():
            if counts == [slip(*case) for case in COUNT_CASES]:  # in every case, as two slips may agree in one
                why = sentence
                break
        raise Wrong(f"For a side of {side} and the filters {filters}, you return {count:,}. {why}")


q2 = Problem(
    "07",
    "q2",
    examine_first_dense,
    praise="Places times maps times units, and a bias each: all the rest of the network is small change.",
    hints=[
        "For each convolution: the side shrinks by 2, then it is halved and rounded up, `(side + 1) // 2`.",
        "`Flatten` hands on side · side · (filters of the last convolution) values.",
        "Each of the 128 units has a weight for each of them and one bias: `(values + 1) * 128`.",
    ],
)

POOLED_SLIPS = {
    (64, 55, 55): "That is the mean over the maps, at every place. Pooled are the places, for every map.",
    (64, 55, 55, 1): "That is the mean over the maps, at every place. Pooled are the places, for every map.",
    (64, 1, 1, 32): "The values are right, but Keras drops the two axes of size 1, unless you say `keepdims=True`.",
    (64, 96_800): "That is what `Flatten` gives. Global pooling takes one mean per map.",
    **dict.fromkeys(
        [(64, 55 * 32), (64, 55, 32), (64, 1, 32)],
        "One axis is gone, the other is still there. *Global* means: over height **and** width.",
    ),
    (32,): "That is one picture. The batch has 64.",
    (1, 32): "That is one picture. The batch has 64.",
    (1, 1, 32): "That is one picture, its two axes of size 1 included. The batch has 64, and Keras drops those axes.",
    (64,): "That is one number per picture. One per **map** is kept.",
    (64, 1): "That is one number per picture. One per **map** is kept.",
    (32, 64): "The order is swapped: the pictures of the batch come first.",
    (64, 27, 27, 32): "That is ordinary pooling, 2 × 2. *Global* means: the whole map at once.",
    (64, 28, 28, 32): "That is ordinary pooling, 2 × 2. *Global* means: the whole map at once.",
    (64, 55, 55, 32): "Nothing pooled: that is what goes in.",
    (64, 128): "128 is the number of units of the dense layer behind it.",
    (64, 2): "That is the network's last layer.",
}


def examine_pooled(answer):
    """The shape that global average pooling makes of (64, 55, 55, 32): (64, 32)."""
    says = f"Your `pooled_shape` is {describe(answer)}."
    if answer is None or isinstance(answer, str | int | float | np.number):
        raise Wrong(f"{says} A shape is a tuple of numbers, for example (64, 10).")
    if isinstance(answer, tuple | list) and any(size is None for size in answer):
        raise Wrong(f"{says} Keras writes `None` where any number of pictures may come. Here there are 64.")
    sizes = as_array(answer, what="Your `pooled_shape`", returned=False)
    if sizes.ndim != 1:
        raise Wrong(f"{says} Write its shape as a plain tuple, for example (64, 10).")
    shape = tuple(int(size) if size == int(size) else float(size) for size in sizes)
    if shape == (64, 32):
        return
    why = POOLED_SLIPS.get(shape, "Two sizes: how many pictures, and how many numbers are kept of each.")
    raise Wrong(f"Your `pooled_shape` is {shape}. {why}")


q3 = Problem(
    "07",
    "q3",
    examine_pooled,
    praise="32 numbers per picture in place of 96,800, and as many at any size of the picture.",
    hints=[
        "Height and width are averaged away. What is left?",
        "One number per map, for every picture of the batch.",
    ],
)

# True classes and answers, so that a metric by column, a threshold and a wrong axis each give another share.
TWO_ROWS = np.eye(2)[[0, 1, 1, 0, 1]]
TWO_ANSWERS = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6], [0.05, 0.95]])
TEN_ROWS = np.eye(10)[[3, 5, 5, 8, 0, 9]]
TEN_ANSWERS = np.full((6, 10), 0.05) + 0.45 * np.eye(10)[[3, 5, 1, 2, 4, 9]] + 0.05 * np.eye(10)[[0, 1, 5, 8, 0, 2]]
TEN_ANSWERS[:2] -= [[0.2], [0.2]] * np.eye(10)[[3, 5]]  # right, and yet below one half


def by_column(rows, answers):
    """What BinaryAccuracy gives."""
    return np.mean((answers > 0.5) == (rows > 0.5))


SHARE_SLIPS = {
    "That is `BinaryAccuracy`: it counts columns. Count pictures.": by_column,
    "You ask for more than 0.5 in the right column. The largest of ten may well be less.": lambda rows, answers: (
        np.mean(((answers > 0.5) == (rows > 0.5)).all(axis=1))
    ),
    "That is the number of right pictures; divide it by how many there are.": lambda rows, answers: np.sum(
        answers.argmax(axis=1) == rows.argmax(axis=1)
    ),
    "That is in per cent. Return a share, between 0 and 1.": lambda rows, answers: 100 * share(rows, answers),
    "That is the share of **wrong** pictures.": lambda rows, answers: 1 - share(rows, answers),
    "`argmax` along axis 0 goes down the column, over the pictures. The classes are on axis 1.": lambda rows, answers: (
        np.mean(answers.argmax(axis=0) == rows.argmax(axis=0))
    ),
    (
        "None would be right. Without `axis=1`, `argmax` looks for one place in the whole array; and a probability "
        "hardly ever **equals** a label."
    ): lambda rows, answers: np.mean(answers.argmax() == rows.argmax()),
    "That is the mean probability of the true class. Right is who gives it **most**.": lambda rows, answers: np.mean(
        (rows * answers).sum(axis=1)
    ),
}


def share(rows, answers):
    """The share of pictures whose most probable class is the true one."""
    return np.mean(answers.argmax(axis=1) == rows.argmax(axis=1))


def examine_share(answer):
    """`answer(rows, answers)`: the accuracy of probabilities against one-hot rows."""
    for name, rows, answers in (("two", TWO_ROWS, TWO_ANSWERS), ("ten", TEN_ROWS, TEN_ANSWERS)):
        asked = f"For {len(rows)} pictures of {name} classes"
        given = as_number(call(answer, rows, answers), what=f"{asked}, what you return")
        right = share(rows, answers)
        if close(right, given):
            continue
        for sentence, slip in SHARE_SLIPS.items():
            if close(slip(rows, answers), given):
                raise Wrong(f"{asked}, you return {given:.3g}. {sentence}")
        raise Wrong(
            f"{asked}, you return {given:.3g}; {right:.3g} of them are right. Compare the two `argmax`, row by row."
        )


q4 = Problem(
    "07",
    "q4",
    examine_share,
    praise="Pictures are counted, not columns, whatever the number of classes.",
    hints=[
        "Which column is largest, in `rows` and in `answers`? `argmax` along axis 1.",
        "The mean of an array of `True` and `False` is a share.",
        "`np.mean(np.argmax(answers, axis=1) == np.argmax(rows, axis=1))`",
    ],
)

FAULTS = {
    "Cat/666.jpg": OSError("the file is empty"),
    "Dog/1866.jpg": ValueError("the file holds text"),
    "Cat/Thumbs.db": KeyError("db"),
    "Dog/4367.jpg": OSError(),  # an exception need not say anything
}
FILES = ["Cat/0.jpg", "Cat/666.jpg", "Dog/0.jpg", "Dog/1866.jpg", "Cat/Thumbs.db", "Dog/4367.jpg", "Dog/7.jpg"]


def examine_ask_all(answer):
    """`answer(files, ask)` gives two dicts: file → answer, and file → why there is none."""
    asked_for = []

    def ask(file):
        asked_for.append(file)
        if file in FAULTS:
            raise FAULTS[file]
        return f"{file[:3].lower()} with 0.9"

    try:
        given = call(answer, FILES, ask)
    except Wrong as wrong:
        fault = FAULTS.get(asked_for[-1]) if asked_for else None
        if fault and f"stops with `{type(fault).__name__}: {fault}" in str(wrong):
            raise Wrong(
                f"For {asked_for[-1]!r}, `answer` raises `{fault!r}`, and your function ends with it. Catch it with "
                "`except Exception as error`, note the reason, and go on."
            ) from wrong
        raise
    if given is None:
        raise Wrong("You return `None`. Does the function end with `return answers, reasons`?")
    if not isinstance(given, tuple | list) or len(given) != 2 or not all(isinstance(part, dict) for part in given):
        raise Wrong(f"You return {describe(given)}. Return two dicts: `return answers, reasons`.")
    answers, reasons = given
    good = {file: f"{file[:3].lower()} with 0.9" for file in FILES if file not in FAULTS}
    _check_complete(answers, reasons, good)
    if len(asked_for) > len(FILES):
        raise Wrong(f"{len(FILES)} files, and you ask {len(asked_for)} times. Keep the first answer: asking is slow.")
    _check_texts(reasons)
    _check_stoppable(answer)


def _check_complete(answers, reasons, good):
    of = f"{len(FILES)} files are handed in, {len(FAULTS)} of them unreadable."
    if set(answers) == set(FAULTS) and set(reasons) == set(good):
        raise Wrong(f"{of} The two dicts are swapped: answers first.")
    if strange := [key for key in [*answers, *reasons] if key not in FILES]:
        raise Wrong(f"{of} {describe(strange[0])} is in a dict and was not handed in. The key is the `file` itself.")
    if twice := sorted(set(answers) & set(reasons)):
        raise Wrong(f"{of} {twice[0]!r} is in both dicts. Each file belongs to exactly one.")
    if lost := [file for file in FILES if file not in answers and file not in reasons]:
        if not reasons and len(lost) == len(FAULTS):
            raise Wrong(f"{of} `reasons` is empty: those without an answer are lost, as in the tutorial.")
        if len(lost) == len(FILES):
            raise Wrong(f"{of} Both dicts are empty.")
        if lost == FILES[FILES.index(lost[0]) :]:
            after_bad = FILES[FILES.index(lost[0]) - 1] in FAULTS
            why = "One bad file must not end the loop." if after_bad else "Does the `return` stand inside the loop?"
            raise Wrong(f"{of} From {lost[0]!r} on there is nothing. {why}")
        raise Wrong(f"{of} {lost[0]!r} is in neither dict.")
    if wrong := sorted(set(answers) & set(FAULTS)):
        raise Wrong(f"{of} {wrong[0]!r} has no answer, but `answers` holds {describe(answers[wrong[0]])} for it.")
    if wrong := [file for file in good if answers[file] != good[file]]:
        raise Wrong(f"For {wrong[0]!r} the answer is {good[wrong[0]]!r}; you note {describe(answers[wrong[0]])}.")


def _check_texts(reasons):
    for file, error in FAULTS.items():
        reason = reasons[file]
        if isinstance(reason, BaseException):
            raise Wrong(f"The reason for {file!r} is an exception, not text. `str` or an f-string makes text of it.")
        if not isinstance(reason, str):
            raise Wrong(f"The reason for {file!r} is {describe(reason)}. Give text.")
        if not reason.strip() and not str(error):
            raise Wrong(
                f"The reason for {file!r} is empty: an exception may come without a message. Add its type, "
                "`type(error).__name__`."
            )
        if not reason.strip():
            raise Wrong(f"The reason for {file!r} is empty. What does the exception say?")
    if len({reason.replace(file, "") for file, reason in reasons.items()}) == 1:
        raise Wrong(
            f"All the reasons say the same, here {describe(reasons['Cat/666.jpg'])}. What is wrong with each file? "
            "`except Exception as error` tells them apart."
        )


def _check_stoppable(answer):
    def interrupted(file):
        raise KeyboardInterrupt

    try:
        call(answer, FILES[:1], interrupted)
    except Wrong:
        return
    raise Wrong("You also catch the ■ button, `KeyboardInterrupt`. Write `except Exception`: it lets that one through.")


q5 = Problem(
    "07",
    "q5",
    examine_ask_all,
    praise="Answers and reasons add up to the files, so nothing can shrink in silence.",
    hints=[
        "Two empty dicts before the loop, `try` and `except Exception as error` inside it.",
        "In `try`: `answers[file] = answer(file)`. In `except`: the same for `reasons`, with text.",
        '`reasons[file] = f"{type(error).__name__}: {error}"`',
    ],
)

BETTER_CASES = (
    *((41, 50, 0.75), (410, 500, 0.75), (10, 10, 0.75), (36, 50, 0.75)),
    *((300, 500, 0.75), (97, 100, 0.9), (60, 200, 0.5)),
    # Near the border: by the share of a large number, by other intervals than this one, by one picture more or less.
    *((80, 100, 0.75), (22, 50, 0.3), (16, 50, 0.2), (43, 50, 0.75), (31, 50, 0.5), (84, 100, 0.75)),
)


def wilson(right, total):
    """The 95 % interval of a share after Wilson (1927): an object with `low` and `high`."""
    return binomtest(right, total).proportion_ci(method="wilson")


def other(right, total, rival, method="exact", **how):
    """The same with another interval."""
    return binomtest(right, total).proportion_ci(method=method, **how).low > rival


def simple(right, total):
    """The lower end of the interval that takes the share's own standard error."""
    p = right / total
    return p - 1.96 * (p * (1 - p) / total) ** 0.5


BETTER_SLIPS = {
    "You compare the share alone. Another draw of pictures could give less: look at the whole interval.": (
        lambda right, total, rival: right / total > rival
    ),
    "You compare the *upper* end. Nearly every score may be better; surely better is one whose lower end is.": (
        lambda right, total, rival: wilson(right, total).high > rival
    ),
    "Ten of ten gives the simple formula no width at all, as if all doubt were gone. Wilson's leaves some.": (
        lambda right, total, rival: simple(right, total) > rival
    ),
    'Without `method="wilson"`, scipy gives the *exact* interval, which is wider. Ask for Wilson\'s.': other,
    '`"wilsoncc"` is Wilson\'s interval with a correction that widens it. Asked for is `"wilson"`.': (
        lambda right, total, rival: other(right, total, rival, "wilsoncc")
    ),
    "You ask for another level than 95 %.": (
        lambda right, total, rival: other(right, total, rival, "wilson", confidence_level=0.9)
    ),
    "That is the reverse: you say `True` where the interval does **not** lie above.": (
        lambda right, total, rival: wilson(right, total).low <= rival
    ),
    "You say `True` where the interval lies *below* the rival.": (
        lambda right, total, rival: wilson(right, total).high < rival
    ),
    "You say `True` where the rival lies *inside* the interval: there nobody knows.": (
        lambda right, total, rival: wilson(right, total).low <= rival <= wilson(right, total).high
    ),
}


def examine_better(answer):
    """`answer(right, total, rival)`: whether Wilson's 95 % interval lies above `rival` as a whole."""
    given = [_truth(call(answer, *case), case) for case in BETTER_CASES]
    right = [wilson(*case[:2]).low > case[2] for case in BETTER_CASES]
    if given == right:
        return
    first = next(index for index in range(len(right)) if given[index] != right[index])
    hit, total, rival = BETTER_CASES[first]
    why = next(
        (sentence for sentence, slip in BETTER_SLIPS.items() if given == [bool(slip(*case)) for case in BETTER_CASES]),
        f"Wilson's interval is {wilson(hit, total).low:.1%} to {wilson(hit, total).high:.1%}.",
    )
    raise Wrong(f"For {hit} of {total} against {rival:.0%} you return `{given[first]}`. {why}")


def _truth(value, case):
    if isinstance(value, bool | np.bool_) or (
        isinstance(value, np.ndarray) and value.shape == () and value.dtype == bool
    ):
        return bool(value)
    hit, total, rival = case
    asked = f"For {hit} of {total} against {rival:.0%}"
    if value is None:
        raise Wrong(f"{asked} you return `None`. Does the function end with `return`?")
    raise Wrong(f"{asked} you return {describe(value)}. Return `True` or `False`, for example `low > rival`.")


q6 = Problem(
    "07",
    "q6",
    examine_better,
    praise="The lower end must clear the rival: 41 of 50 does not, 410 of 500 does.",
    hints=[
        '`binomtest(right, total).proportion_ci(method="wilson")` gives `low` and `high`.',
        "The whole interval lies above the rival if its lower end does.",
        "`return bool(found.low > rival)`",
    ],
)

"""Lesson 13, the speed run: what its exercises ask and the misconceptions they know."""

import numpy as np

from helpers.exercises.compare import (
    Wrong,
    as_array,
    as_function,
    as_number,
    as_whole_number,
    call,
    close,
    describe,
)
from helpers.exercises.engine import Problem

WORK_SLIPS = {
    "These are the parameters. Each weight is used once at **every** place of the map: what is missing is how many.": (
        lambda h, w, k, c, f: k * k * c * f
    ),
    "These are the parameters with their biases. Count how often each weight is used: once at every place.": (
        lambda h, w, k, c, f: (k * k * c + 1) * f
    ),
    "You forgot the channels that go in: a window reaches through all of them.": lambda h, w, k, c, f: (
        h * w * k * k * f
    ),
    "You counted one filter. Each of the `filters` visits every place.": lambda h, w, k, c, f: h * w * k * k * c,
    "The window has `kernel` × `kernel` places.": lambda h, w, k, c, f: h * w * k * c * f,
    'That is the work with `padding="valid"`. With "same" the map is as large as what goes in.': lambda h, w, k, c, f: (
        (h - k + 1) * (w - k + 1) * k * k * c * f
    ),
    "That is the number of values in the map. Each of them takes a whole window of multiply-adds.": (
        lambda h, w, k, c, f: h * w * f
    ),
    "That is one weight per place and pair of channels: the window is missing.": lambda h, w, k, c, f: h * w * c * f,
    "A multiplication and its addition count as one pair here: you counted both.": lambda h, w, k, c, f: (
        2 * h * w * k * k * c * f
    ),
    "You added the biases; they do not count here.": lambda h, w, k, c, f: h * w * (k * k * c + 1) * f,
    "You use `height` twice. Maps need not be square: one of the two is `width`.": lambda h, w, k, c, f: (
        h * h * k * k * c * f
    ),
    "You use `width` twice. Maps need not be square: one of the two is `height`.": lambda h, w, k, c, f: (
        w * w * k * k * c * f
    ),
    "The window has `kernel` × `kernel` places, not `kernel` + `kernel`.": lambda h, w, k, c, f: h * w * 2 * k * c * f,
    "The channels and the filters are to be multiplied: each filter reads every channel.": lambda h, w, k, c, f: (
        h * w * k * k * (c + f)
    ),
}


def examine_work(answer):
    """`answer(height, width, kernel, channels, filters)` counts the multiply-adds of a "same" convolution, stride 1."""
    for case in ((32, 32, 3, 32, 64), (8, 5, 3, 64, 128), (32, 32, 5, 3, 16), (7, 9, 1, 64, 10)):
        height, width, kernel, channels, filters = case
        count = as_whole_number(call(answer, *case), what="What `multiply_adds` returns")
        if count == height * width * kernel * kernel * channels * filters:
            continue
        start = f"`multiply_adds{case}` gives {count:,}."
        for sentence, slip in WORK_SLIPS.items():
            if count == slip(*case):
                raise Wrong(f"{start} {sentence}")
        raise Wrong(f"{start} Take one filter at one place first, then all places, then all filters.")


q1 = Problem(
    "13",
    "q1",
    examine_work,
    praise="Parameters times places. That is why the same layer costs four times less behind a pooling.",
    hints=[
        "One filter, one place: how many weights does its window hold? It reaches through all channels.",
        'With `padding="same"` and stride 1 the map has as many places as the input: `height * width`.',
        "Window weights × places × filters.",
    ],
)


def _axis_slips(batch, chosen):
    rows = chosen[:, None, None, None]
    return {
        "The chosen pictures stand on their heads: you reversed the rows. Columns are the third axis.": np.where(
            rows, batch[:, ::-1], batch
        ),
        "Their colours are exchanged: you reversed the channels. Columns are the third axis.": np.where(
            rows, batch[..., ::-1], batch
        ),
        "The chosen pictures are turned by half a circle: you reversed rows **and** columns.": np.where(
            rows, batch[:, ::-1, ::-1], batch
        ),
        "Other pictures stand in their places: you reversed the order of the batch, which is the first axis.": np.where(
            rows, batch[::-1], batch
        ),
        "All pictures are mirrored, also those that were not chosen.": batch[:, :, ::-1],
        "No picture is mirrored.": batch,
        "It is the wrong half: the chosen pictures stay, the others are mirrored.": np.where(
            rows, batch, batch[:, :, ::-1]
        ),
        "Rows and columns of the chosen pictures are swapped: they lie on their side.": np.where(
            rows, batch.transpose(0, 2, 1, 3), batch
        ),
    }


def examine_mirror(answer):
    """`answer(batch, chosen)` mirrors the chosen pictures left to right and leaves `batch` itself alone."""
    random = np.random.default_rng(13)
    chosen = np.array([True, False, False, True, True, False])
    for shape, marks in (((6, 4, 4, 3), chosen), ((6, 4, 4, 3), ~chosen), ((1, 4, 4, 1), chosen[:1])):
        batch = random.integers(0, 256, size=shape, dtype=np.uint8)
        changed = []

        def and_look(batch, chosen, changed=changed):
            before = batch.copy()
            mirrored = answer(batch, chosen)
            changed.append(not np.array_equal(before, batch))
            return mirrored

        as_function(answer, batch, marks)
        given = call(and_look, batch, marks)
        result = as_array(given, what="What you return")
        asked = f"For a batch of shape {shape} and `chosen` {marks.tolist()}"
        if result.shape != shape:
            raise Wrong(f"{asked}, you return the shape {result.shape}. {_why_not_batch(result.shape, shape, marks)}")
        expected = np.where(marks[:, None, None, None], batch[:, :, ::-1], batch)
        if not close(expected, result):
            for sentence, slip in _axis_slips(batch, marks).items():
                if close(slip, result):
                    raise Wrong(f"{asked}: {sentence}")
            right = [bool(close(one, other)) for one, other in zip(expected, result, strict=True)]
            raise Wrong(f"{asked}, {right.count(True)} of {len(right)} pictures are as wanted: {right}.")
        if changed[0]:
            raise Wrong(
                "The batch that you return is right, but the one handed in has changed too: an assignment into it "
                "writes over the caller's pictures. Copy first, or use `np.where`."
            )


def _why_not_batch(shape, wanted, marks):
    if shape == (int(marks.sum()), *wanted[1:]):
        return "Those are the chosen pictures alone; the others belong in the batch as well."
    return "Shape and order of the batch stay as they are."


q2 = Problem(
    "13",
    "q2",
    examine_mirror,
    praise="One expression for a whole batch, and no loop over pictures.",
    hints=[
        "`batch[:, :, ::-1]` is the batch with all pictures mirrored. Why the third axis?",
        "`np.where(condition, this, that)` picks from `this` where the condition holds, else from `that`.",
        "The condition needs four axes, like the batch: `chosen[:, None, None, None]`.",
    ],
)

STEP_SLIPS = {
    97: "That is one epoch. There are 5.",
    98: "That is one epoch, its incomplete batch included. There are 5, and what does not fill a batch is left out.",
    490: "You count the incomplete batch of each epoch; it is left out.",
    488: "You divided all the pictures of the 5 epochs at once. Each epoch leaves its own rest out.",
    489: "You divided all the pictures of the 5 epochs at once. Each epoch leaves its own rest out.",
    3905: "That fits batches of 64. Here they hold 512.",
}
RATE_SLIPS = {
    0.96: "That is 80 % of the peak: as if the rate went on climbing. It has been falling since 20 % of the steps.",
    0.24: "You let the rate fall from the first step on. It falls from 20 % of the steps to the end.",
    1.2: "That is the peak, which is reached at 20 % of the steps.",
    0.25: "That is the share of the peak. Multiply it by the peak.",
    0.6: "That is half of the peak, the rate at 60 % of the steps. At 80 % it is further down.",
    0.9: "You have the part that is gone already. How much of the peak is left?",
    0.75: "That is the share of the way down that is done. What is left of it, and of the peak?",
}


def examine_steps(steps, rate):
    """485 steps; 0.3 at 80 % of them."""
    count = as_number(steps, what="`steps`", returned=False)
    if count != 485:
        if not isinstance(count, float) or count != int(count):
            raise Wrong(f"`steps` is {count:g}. A step is whole: what does not fill a batch is left out.")
        reason = STEP_SLIPS.get(int(count), "How many full batches of 512 fit into 50,000? That many, 5 times.")
        raise Wrong(f"`steps` is {count:g}. {reason}")
    share = as_number(rate, what="`rate`", returned=False)
    if abs(share - 0.3) > 0.002:
        for slip, sentence in RATE_SLIPS.items():
            if abs(share - slip) < 0.002:
                raise Wrong(f"`steps` is right. `rate` is {share:g}. {sentence}")
        raise Wrong(
            f"`steps` is right. `rate` is {share:g}. Draw the triangle: top at 20 %, end at 100 % of the steps. "
            "How far down the slope is 80 %?"
        )


q3 = Problem(
    "13",
    "q3",
    examine_steps,
    praise="Fewer than 500 steps in all, so each must count; the last fifth of them only settles.",
    hints=[
        "`50_000 // 512` gives the full batches of one epoch.",
        "The rate falls between 20 % and 100 % of the steps, so all the way down takes 80 % of them.",
        "At 80 % of the steps, a quarter of the way down is left, and so is a quarter of the peak.",
    ],
)

SMOOTH_SLIPS = {
    "You share the smoothing out among the **other** classes. It goes to all of them, the right one included.": (
        lambda row, n, s: np.where(row, 1 - s, s / (n - 1))
    ),
    "The row does not sum to 1: the right class gets its share of the smoothing as well.": lambda row, n, s: np.where(
        row, 1 - s, s / n
    ),
    "You added to the row and took nothing away. The 1 becomes `1 - smoothing` first.": lambda row, n, s: row + s / n,
    "You took the smoothing away and shared nothing out.": lambda row, n, s: row * (1 - s),
    "Every other class gets the **whole** smoothing. It is shared out: divide it by `num_classes`.": (
        lambda row, n, s: np.where(row, 1 - s, s)
    ),
    "That is the plain row of the label. Nothing is smoothed yet.": lambda row, n, s: row,
    "Smoothing and the rest are exchanged: the label keeps `1 - smoothing`.": lambda row, n, s: row * s + (1 - s) / n,
    "You always divide by 10. The number of classes is `num_classes`.": lambda row, n, s: row * (1 - s) + s / 10,
    "You always smooth by 0.2. Use the argument `smoothing`.": lambda row, n, s: row * 0.8 + 0.2 / n,
    "Nothing has arrived. Is it a row of whole numbers (`dtype=int`)? They lose what stands behind the point.": (
        lambda row, n, s: np.zeros(n)
    ),
    "All classes get the same, whatever the label: it should keep `1 - smoothing`.": (
        lambda row, n, s: np.full(n, 1 / n)
    ),
}


def examine_smooth(answer):
    """`answer(label, num_classes, smoothing)` gives the row of targets."""
    for label, num_classes, smoothing in ((3, 10, 0.2), (0, 4, 0.1), (1, 2, 0.5), (2, 3, 0.0)):
        row = as_array(call(answer, label, num_classes, smoothing), what="What you return")
        plain = np.eye(num_classes)[label]
        asked = f"`smooth({label}, {num_classes}, {smoothing})`"
        if row.shape != (num_classes,):
            raise Wrong(f"{asked} has the shape {row.shape}; it should be ({num_classes},): one target per class.")
        if close(plain * (1 - smoothing) + smoothing / num_classes, row):
            continue
        start = f"{asked} gives {row.round(3).tolist()}, which sums to {row.sum():.3g}."
        for sentence, slip in SMOOTH_SLIPS.items():
            if close(slip(plain, num_classes, smoothing), row):
                raise Wrong(f"{start} {sentence}")
        if int(np.argmax(row)) != label:
            raise Wrong(f"{start} The largest target belongs to column {label}, counted from 0.")
        raise Wrong(f"{start} Each class gets `smoothing / num_classes`; the label gets `1 - smoothing` on top.")


q4 = Problem(
    "13",
    "q4",
    examine_smooth,
    praise="It sums to 1, and nothing is asked to be certain.",
    hints=[
        "Every class gets the same share of the smoothing. How much is it?",
        "Begin with a row in which all are `smoothing / num_classes`: `np.full`.",
        "Then add `1 - smoothing` at the label's place.",
    ],
)

# What is timed, and whether the new version is faster for sure.
TIMINGS = {
    "five clear wins": ([10.1, 10.3, 10.0, 10.2, 10.0], [9.6, 9.9, 9.5, 9.7, 9.5], True),
    "a busy third round": ([10.1, 10.3, 14.8, 10.2, 10.0], [9.6, 9.9, 14.1, 9.7, 9.5], True),
    "one round lost": ([10.1, 10.3, 19.8, 10.2, 10.0], [9.6, 9.9, 9.4, 10.3, 9.5], False),
    "two rounds": ([10.0, 10.2], [5.0, 5.1], False),
    "four rounds": ([10.0, 10.2, 10.1, 10.0], [5.0, 5.1, 5.2, 5.0], False),
    "a tie in one round": ([10.0, 10.2, 10.1, 10.0, 10.3], [9.0, 9.1, 10.1, 9.3, 9.2], False),
    "one bad old round": ([10.0, 10.1, 20.0, 10.0, 10.1], [10.2, 10.3, 10.0, 10.2, 10.3], False),
    "the first round lost": ([10.0, 11.0, 12.0, 13.0, 14.0], [10.5, 10.6, 10.7, 10.6, 10.5], False),
    "only the third round won": ([10.0, 11.0, 12.0, 13.0, 14.0], [10.5, 11.5, 11.9, 13.5, 14.5], False),
    "slower each time": ([9.6, 9.9, 9.5, 9.7, 9.5], [10.1, 10.3, 10.0, 10.2, 10.0], False),
    "only the first round won": ([10.0, 9.0, 9.1, 9.0, 9.2], [9.5, 9.6, 9.7, 9.8, 9.9], False),
    "seven clear wins": ([10.1, 10.3, 10.0, 10.2, 10.0, 10.1, 10.2], [9.6, 9.9, 9.5, 9.7, 9.5, 9.6, 9.8], True),
    "six rounds, the last lost": ([10.1, 10.3, 10.0, 10.2, 10.0, 10.1], [9.6, 9.9, 9.5, 9.7, 9.5, 10.4], False),
}
TIMING_SLIPS = {
    "You compare the means. One busy round moves a mean; what counts is who wins each round.": (
        lambda old, new: np.mean(new) < np.mean(old)
    ),
    "You compare the medians. What counts is who wins each round, and how many rounds there are.": (
        lambda old, new: np.median(new) < np.median(old)
    ),
    "You compare the fastest rounds. What counts is who wins each round, and how many rounds there are.": (
        lambda old, new: min(new) < min(old)
    ),
    "You ask that every new time beats every old one. A busy round slows both: compare round by round.": (
        lambda old, new: max(new) < min(old) and 0.5 ** len(old) < 0.05
    ),
    "You look at who wins, not at how often that happens by luck: with two rounds, once in four times.": (
        lambda old, new: all(b < a for a, b in zip(old, new, strict=True))
    ),
    "`new < old` compares lists like words: the first round that differs decides. Compare round by round.": (
        lambda old, new: new < old
    ),
    "One round won is not enough: **every** round must be won, `all` and not `any`.": lambda old, new: any(
        b < a for a, b in zip(old, new, strict=True)
    ),
    "More than five rounds are welcome: won by luck alone, they are rarer still.": lambda old, new: (
        all(b < a for a, b in zip(old, new, strict=True)) and len(old) == 5
    ),
    "You are content with most of the rounds. Every round must be won.": lambda old, new: (
        sum(b < a for a, b in zip(old, new, strict=True)) > len(old) / 2
    ),
    "Old and new are exchanged: fewer seconds win.": lambda old, new: (
        all(b > a for a, b in zip(old, new, strict=True)) and 0.5 ** len(old) < 0.05
    ),
    "In a tie nobody wins the round.": lambda old, new: (
        all(b <= a for a, b in zip(old, new, strict=True)) and 0.5 ** len(old) < 0.05
    ),
    "Four rounds are won by luck once in 16 times, and 1 / 16 is more than 5 of 100.": lambda old, new: (
        all(b < a for a, b in zip(old, new, strict=True)) and len(old) >= 4
    ),
}


def examine_faster(answer):
    """`answer(old, new)` is True if every round is won and luck would do that in fewer than 5 of 100 cases."""
    given = {name: _verdict(answer, old, new) for name, (old, new, _) in TIMINGS.items()}
    for name, (old, new, expected) in TIMINGS.items():
        if given[name] == expected:
            continue
        start = f"For old {old} and new {new} ({name}) you return `{given[name]}`."
        for sentence, slip in TIMING_SLIPS.items():
            if all(given[other] == bool(slip(*lists[:2])) for other, lists in TIMINGS.items()):
                raise Wrong(f"{start} {sentence}")
        often = f"once in {2 ** len(old)} times; the limit is once in 20"
        luck = f"By luck one wins {len(old)} rounds out of {len(old)} {often}."
        raise Wrong(f"{start} Count the rounds that the new version wins, one by one. {luck}")


def _verdict(answer, old, new):
    verdict = call(answer, old, new)
    if verdict is None:
        raise Wrong(f"`really_faster({old}, {new})` gives `None`. Return `True` or `False` in every case.")
    if isinstance(verdict, np.ndarray) and verdict.ndim == 0:
        verdict = verdict[()]
    if not isinstance(verdict, bool | np.bool_):
        raise Wrong(f"`really_faster({old}, {new})` gives {describe(verdict)}. Answer with `True` or `False`.")
    return bool(verdict)


q5 = Problem(
    "13",
    "q5",
    examine_faster,
    praise="Taken in turn and compared round by round, a busy moment hits both and decides nothing.",
    hints=[
        "`zip(old, new)` walks through the rounds. In how many is the new time smaller?",
        "`all(...)` is true if every round is won.",
        "Luck wins n rounds of n with probability 0.5 ** n. That must be below 0.05 as well.",
    ],
)

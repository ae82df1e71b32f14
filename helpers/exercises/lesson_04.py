"""Lesson 04, a dense network first: what its exercises ask and the misconceptions they know."""

from functools import partial
from itertools import pairwise

import numpy as np

from helpers.exercises.compare import Wrong, as_array, as_number, as_whole_number, call, close, describe
from helpers.exercises.engine import Problem

EARLIEST_CASES = [(11, 3), (7, 3), (0, 3), (1, 3), (2, 3), (3, 3), (5, 1), (0, 1), (40, 4_000), (250, 100), (99, 100)]
EARLIEST_SLIPS = {
    "That is a perfect shuffle. What is not yet in the buffer cannot come out: example 11 has not even been read when "
    "place 0 is filled through a buffer of 3.": lambda i, b: 0,
    "That is no shuffling at all. Which examples are in the buffer when the first place is filled?": lambda i, b: i,
    "No place is left of 0: an example that is in the first filling may come out at once.": lambda i, b: i - b + 1,
    "Off by one. A buffer of 3 holds the examples 0, 1 and 2 when the first one is drawn, so example 2 can come out at "
    "place 0 and example 3 at place 1.": lambda i, b: max(0, i - b),
    "Off by one, and no place is left of 0. A buffer of 3 holds the examples 0, 1 and 2 when the first one is drawn: "
    "each of them may come out at once.": lambda i, b: i - b,
    "Once the first filling is over, the buffer still holds later examples.": lambda i, b: i if i >= b else 0,
    "Off by one, the other way. A buffer of 1 holds a single example, so nothing can move.": (
        lambda i, b: max(0, i - b + 2)
    ),
    "You cut the file into blocks of the buffer's size. The buffer is refilled after **each** example: it slides.": (
        lambda i, b: i // b * b
    ),
    "That would be the middle of the buffer. Any example in the buffer may be drawn, also the newest.": (
        lambda i, b: max(0, i - b // 2)
    ),
    "You count places from 1. The first place is 0 here.": lambda i, b: max(0, i - b + 1) + 1,
}


def examine_earliest(answer):
    """`answer(index, buffer_size)` is the earliest place, from 0, at which example `index` can leave the buffer."""
    given = {case: as_whole_number(call(answer, *case), what="What you return") for case in EARLIEST_CASES}
    wrong = [case for case in EARLIEST_CASES if given[case] != max(0, case[0] - case[1] + 1)]
    if not wrong:
        return
    index, size = wrong[0]
    start = f"Example {index} with a buffer of {size}: you say place {given[wrong[0]]}."
    for sentence, slip in EARLIEST_SLIPS.items():
        if all(given[case] == slip(*case) for case in EARLIEST_CASES):
            raise Wrong(f"{start} {sentence}")
    raise Wrong(f"{start} Play it on paper: when place 0 is filled, which examples are in the buffer? And for place 1?")


q1 = Problem(
    "04",
    "q1",
    examine_earliest,
    praise="Nobody overtakes by more than the buffer's size less one. That is why a small buffer hardly shuffles.",
    hints=[
        "A buffer of 3 starts with the examples 0, 1, 2. Which of them can come out at place 0?",
        "After each draw one more example comes in. So at place 1 example 3 is there too, at place 2 example 4.",
        "Example `index` enters just before place `index - buffer_size + 1`. And what if that is negative?",
    ],
)

PARAMETER_CASES = [[784, 50, 50, 10], [784, 10], [3, 2], [4, 7, 5, 6, 2], [5, 5, 5], [784, 256, 256, 10]]


def _products(sizes):
    return [inputs * units for inputs, units in pairwise(sizes)]


PARAMETER_SLIPS = {
    "The biases are missing: every unit has one.": lambda s: sum(_products(s)),
    "You count one bias per layer. **Each unit** has its own.": lambda s: sum(_products(s)) + len(s) - 1,
    "You give a bias to every input. It belongs to the **unit**: as many biases as units.": (
        lambda s: sum(_products(s)) + sum(s[:-1])
    ),
    "You give a bias to the inputs as well. Inputs are no units: they only hand on the pixels.": (
        lambda s: sum(_products(s)) + sum(s)
    ),
    "That is the number of units, with the inputs. Count what lies **between** the layers: the weights.": sum,
    "That is the number of units. Each of them has a weight per input, besides its bias.": lambda s: sum(s[1:]),
    "You multiply all sizes with each other. Weights join neighbouring layers only; their counts are added up.": (
        lambda s: int(np.prod(s))
    ),
    "The last layer is missing: the outputs are units too.": lambda s: sum(_products(s[:-1])) + sum(s[1:-1]),
    "The first layer is missing: its units have a weight for every input.": (
        lambda s: sum(_products(s[1:])) + sum(s[2:])
    ),
    "That is the first layer alone. Add the others.": lambda s: (s[0] + 1) * s[1],
    "You start at layer 0: `sizes[-1]` is the last size. Start at 1.": (
        lambda s: sum((s[layer - 1] + 1) * s[layer] for layer in range(len(s)))
    ),
    "The outputs have a bias as well.": lambda s: sum(_products(s)) + sum(s[1:-1]),
    "You connect every layer to the inputs. A later layer sees only the layer right before it.": (
        lambda s: sum((s[0] + 1) * units for units in s[1:])
    ),
}


def examine_parameters(answer):
    """`answer(sizes)` counts weights and biases of a dense network with these layer sizes, the inputs first."""
    given = [as_whole_number(call(answer, sizes), what="What you return") for sizes in PARAMETER_CASES]
    expected = [sum(_products(sizes)) + sum(sizes[1:]) for sizes in PARAMETER_CASES]
    if given == expected:
        return
    first = next(place for place, count in enumerate(given) if count != expected[place])
    start = f"For {PARAMETER_CASES[first]} you get {given[first]:,}."
    if len(set(given)) == 1:
        raise Wrong(f"{start} You return that for every network. Compute it from `sizes`.")
    for sentence, slip in PARAMETER_SLIPS.items():
        if given == [slip(sizes) for sizes in PARAMETER_CASES]:
            raise Wrong(f"{start} {sentence}")
    raise Wrong(f"{start} Take one layer: (inputs + 1) × units. Then the next, whose inputs are the units before it.")


q2 = Problem(
    "04",
    "q2",
    examine_parameters,
    praise="Inputs plus one, times units, layer by layer. The size of the picture enters once, and it dominates.",
    hints=[
        "One unit of the first layer has 784 weights and 1 bias. There are 50 such units.",
        "The second layer's inputs are the first layer's 50 units. Go through neighbouring pairs of `sizes`.",
        "`zip(sizes[:-1], sizes[1:])` gives the pairs (784, 50), (50, 50), (50, 10).",
    ],
)


def _picked(labels, probabilities):
    return probabilities[np.arange(len(labels)), labels]


def _binary(labels, probabilities):
    there = np.eye(probabilities.shape[1])[labels]
    return -(there * np.log(probabilities) + (1 - there) * np.log(1 - probabilities))


LOSS_SLIPS = {
    "The minus is missing: the logarithm of a probability is never positive, a loss never negative.": (
        lambda y, p: np.log(_picked(y, p)).mean()
    ),
    "That is the sum. Take the mean, so that the loss does not grow with the batch.": (
        lambda y, p: -np.log(_picked(y, p)).sum()
    ),
    "You used the logarithm to base 10. `np.log` is the natural one.": lambda y, p: -np.log10(_picked(y, p)).mean(),
    "You used the logarithm to base 2. `np.log` is the natural one.": lambda y, p: -np.log2(_picked(y, p)).mean(),
    "You took the logarithm of the mean. First the logarithm of each, then the mean.": (
        lambda y, p: -np.log(_picked(y, p).mean())
    ),
    "You took the largest probability of each row. The loss asks for the one of the **true** class.": (
        lambda y, p: -np.log(p.max(axis=1)).mean()
    ),
    "You averaged over all classes. Only the column that the label names counts.": lambda y, p: -np.log(p).mean(),
    "You summed over all classes. Only the column that the label names counts.": (
        lambda y, p: -np.log(p).sum(axis=1).mean()
    ),
    "`probabilities[:, labels]` takes these columns from **every** row. Pair each row with its own label.": (
        lambda y, p: -np.log(p[:, y]).mean()
    ),
    "You count classes from 1. Label 0 is the first column.": lambda y, p: -np.log(_picked(y - 1, p)).mean(),
    "You divided by the classes as well. One term per picture: divide by their number alone.": (
        lambda y, p: -np.log(_picked(y, p)).mean() / p.shape[1]
    ),
    "That is the mean probability of the true class. The loss is its −ln.": lambda y, p: _picked(y, p).mean(),
    "That is one minus the probability. Cross-entropy takes the −ln: it punishes a sure mistake much harder.": (
        lambda y, p: (1 - _picked(y, p)).mean()
    ),
    "That is −ln(1 − p), which grows as the network gets **better**. Take −ln(p).": (
        lambda y, p: -np.log(1 - _picked(y, p)).mean()
    ),
    "That is binary cross-entropy: it asks of every class whether it is there or not. Here only the true class of each "
    "picture counts.": lambda y, p: _binary(y, p).mean(),
    "That is binary cross-entropy, added up over the classes. Here only the true class of each picture counts.": (
        lambda y, p: _binary(y, p).sum(axis=1).mean()
    ),
    "That is the first picture alone. Take the mean over all of them.": lambda y, p: -np.log(p[0, y[0]]),
    "That is the last picture alone. Take the mean over all of them.": lambda y, p: -np.log(p[-1, y[-1]]),
    "That is the squared error. Cross-entropy looks at the true class alone, and takes its −ln.": (
        lambda y, p: ((p - np.eye(p.shape[1])[y]) ** 2).mean()
    ),
}


LOSS_TOLERANCE = 1e-3  # Keras's own loss, in single precision, is a right answer too


def _loss_cases():
    random = np.random.default_rng(4)
    for count, classes in ((2, 3), (1, 4), (6, 3), (5, 10)):
        scores = np.exp(random.normal(size=(count, classes)))
        labels = random.integers(0, classes, size=count)
        thousandths = (1_000 * scores / scores.sum(axis=1, keepdims=True)).astype(int)
        thousandths[:, 0] += 1_000 - thousandths.sum(axis=1)  # three digits a value, and every row sums to 1
        yield labels, thousandths / 1_000


def examine_sparse_loss(answer):
    """`answer(labels, probabilities)` is the mean of −ln of each row's probability of its true class."""
    cases = list(_loss_cases())
    given = []
    for labels, probabilities in cases:
        value = call(answer, labels, probabilities)
        several = isinstance(value, list | tuple) or np.size(getattr(value, "shape", ()))  # a scalar's shape is empty
        if several:
            values = as_array(value, what="What you return").ravel()
            if close(-np.log(_picked(labels, probabilities)), values, LOSS_TOLERANCE):
                raise Wrong("You return one loss per picture. They are right; the last step is their mean.")
        given.append(as_number(value, what="What you return"))
    expected = [-np.log(_picked(*case)).mean() for case in cases]
    differs = [not close(*pair, LOSS_TOLERANCE) for pair in zip(expected, given, strict=True)]
    if not any(differs):
        return
    first = differs.index(True)
    labels, probabilities = cases[first]
    rows = f"rows {probabilities.tolist()}" if probabilities.size < 20 else f"{len(labels)} rows of probabilities"
    start = f"For the labels {labels.tolist()} and the {rows} you get {given[first]:.4g}."
    for sentence, slip in LOSS_SLIPS.items():
        if close([slip(*case) for case in cases], given, LOSS_TOLERANCE):
            raise Wrong(f"{start} {sentence}")
    picked = _picked(labels, probabilities).tolist()
    raise Wrong(f"{start} The probabilities of the true classes are {picked}. Take −ln of each, then the mean.")


q3 = Problem(
    "04",
    "q3",
    examine_sparse_loss,
    praise="Look up, −ln, mean. One-hot labels only do the looking up by multiplying with 0 and 1.",
    hints=[
        "From each row you need one number: the one in the column that the label names.",
        "A loop will do: `for row, label in zip(probabilities, labels)`. Collect `-np.log(row[label])`.",
        "Without a loop: `probabilities[np.arange(len(labels)), labels]` picks one number per row.",
    ],
)

STOP_CASES = [
    ([0.9, 0.7, 0.6, 0.65, 0.62, 0.5, 0.4], 2),
    ([0.9, 0.7, 0.72, 0.6, 0.61, 0.55, 0.58, 0.57, 0.56, 0.5], 3),
    ([0.9, 0.8, 0.85, 0.8, 0.7, 0.71, 0.72, 0.6], 2),
    ([0.9, 0.5, 0.6, 0.58, 0.57, 0.56], 3),
    ([0.9, 0.8, 0.7], 2),
    ([0.9, 0.8, 0.7, 0.75], 2),
    ([0.5, 0.6, 0.7, 0.1], 1),
    ([0.9, 0.8, 0.85, 0.79, 0.84, 0.78, 0.83, 0.9], 2),
    ([0.4], 5),
    ([2.3, 1.9, 1.5, 1.6, 1.55, 1.7], 3),
]


def _stop(losses, patience, *, consecutive=True, against_last=False, strict=True, extra=0):
    """Early stopping and its common misreadings: (epochs trained, best epoch), counted from 1."""
    best, waited = 0, 0
    for epoch, loss in enumerate(losses):
        previous = losses[epoch - 1] if against_last and epoch else losses[best]
        better = loss < previous if strict else loss <= previous
        if epoch == 0 or better:
            waited = 0 if consecutive else waited
            best = epoch if loss <= losses[best] else best
        else:
            waited += 1
        if waited >= patience + extra:
            break
    return epoch + 1, best + 1


def _overall_best(losses, patience):
    return _stop(losses, patience)[0], int(np.argmin(losses)) + 1


STOP_SLIPS = {
    "Both numbers are one too small: count epochs from 1.": lambda v, p: tuple(n - 1 for n in _stop(v, p)),
    "The last epoch is right, the best one is counted from 0.": lambda v, p: (_stop(v, p)[0], _stop(v, p)[1] - 1),
    "The best epoch is right, the last one is counted from 0.": lambda v, p: (_stop(v, p)[0] - 1, _stop(v, p)[1]),
    "The two numbers are the right ones, exchanged: first the last epoch, then the best.": (
        lambda v, p: _stop(v, p)[::-1]
    ),
    "You compare with the epoch **before**. What counts is the best loss so far.": (
        lambda v, p: _stop(v, p, against_last=True)
    ),
    "You never start to count again. A new best forgives all the bad epochs before it: they must come **in a row**.": (
        lambda v, p: _stop(v, p, consecutive=False)
    ),
    "You wait one epoch too long: it stops in the very epoch in which the count reaches `patience`.": (
        lambda v, p: _stop(v, p, extra=1)
    ),
    "You stop at the first epoch without a new best. `patience` allows for some of them.": lambda v, p: _stop(v, 1),
    "You take a tie for progress. A loss that is only as good as the best is no new best.": (
        lambda v, p: _stop(v, p, strict=False)
    ),
    "You look for the best epoch in the whole list. What comes after the stop is never trained.": _overall_best,
    "You train all the epochs. Stop when `patience` epochs in a row brought no new best.": (
        lambda v, p: (len(v), int(np.argmin(v)) + 1)
    ),
    "The last epoch is right. The best is not the last one, but the one with the lowest loss.": (
        lambda v, p: (_stop(v, p)[0],) * 2
    ),
    "The best epoch is right. Training goes on for up to `patience` epochs after it.": (
        lambda v, p: (_stop(v, p)[1],) * 2
    ),
}


OWN_BEST = (
    "Your first best is a number of your own. Losses may start above it: begin with the first loss, or `float('inf')`."
)


def _own_best(losses, patience, *, first, epoch, late=0):
    """Early stopping with `first` and `epoch` as the best to begin with; `late` epochs more if no loss is lower."""
    best = first
    best_epoch, waited = epoch, -late
    for last, loss in enumerate(losses, start=1):
        waited += 1
        if loss < best:
            best, best_epoch, waited = loss, last, 0
        if waited >= patience:
            break
    return last, best_epoch


# The best loss starts at 1 or 0; the best epoch at 0 or 1; epochs are counted by themselves or from the best one on.
OWN_BEST_SLIPS = [
    partial(_own_best, first=first, epoch=epoch, late=late)
    for first in (1, 0)
    for epoch, late in ((0, 0), (1, 0), (1, 1))
]


def examine_early_stopping(answer):
    """`answer(losses, patience)` gives (last epoch trained, best epoch), counted from 1, as Keras would stop."""
    given = []
    for losses, patience in STOP_CASES:
        value = call(answer, losses, patience)
        if value is None:
            raise Wrong("What you return is `None`. Does the function end with `return`, also if it never stops early?")
        try:
            if isinstance(value, dict | set):  # to unpack one would give its keys, or no order
                raise TypeError
            last, best = value
        except (TypeError, ValueError):
            raise Wrong(f"You return {describe(value)}. Two numbers are wanted: `return last, best`.") from None
        names = ("The first number", "The second number")
        for number, name in zip((last, best), names, strict=True):
            if number is None:
                raise Wrong(f"{name} is `None`: it never got a value for {losses} and a patience of {patience}.")
        pair = (as_whole_number(last, what=names[0]), as_whole_number(best, what=names[1]))
        given.append(pair)
    expected = [_stop(*case) for case in STOP_CASES]
    if given == expected:
        return
    first = next(place for place, pair in enumerate(given) if pair != expected[place])
    losses, patience = STOP_CASES[first]
    start = f"For {losses} and a patience of {patience} you say: last {given[first][0]}, best {given[first][1]}."
    for sentence, slip in STOP_SLIPS.items():
        if given == [tuple(slip(*case)) for case in STOP_CASES]:
            raise Wrong(f"{start} {sentence}")
    if any(given == [slip(*case) for case in STOP_CASES] for slip in OWN_BEST_SLIPS):
        raise Wrong(f"{start} {OWN_BEST}")
    raise Wrong(f"{start} Write the best loss so far under each epoch, and how many epochs it has stood.")


q4 = Problem(
    "04",
    "q4",
    examine_early_stopping,
    praise="It stops `patience` epochs after the best one, and the weights you hold are those of the last.",
    hints=[
        "Go through the losses one by one. Remember in which epoch the best one was.",
        "No new best for `patience` epochs means: this epoch less the best one equals `patience`.",
        "`enumerate(losses, start=1)` counts as people do. And if the loop ends by itself, all epochs were trained.",
    ],
)

"""The exercises of lesson 00: reading an answer, naming a task, the shape of a batch, the four phases."""

import re

import numpy as np

from helpers.exercises.compare import Wrong, as_array, as_number, describe
from helpers.exercises.engine import Problem

# --- q1: read an answer ----------------------------------------------------------------------------------------------

PROBABILITIES = [0.02, 0.01, 0.03, 0.55, 0.01, 0.25, 0.02, 0.01, 0.08, 0.02]


def examine_guess(answer):
    """The digit with the largest probability, counted from 0."""
    given = as_number(answer, returned=False)
    ranking = np.argsort(PROBABILITIES)[::-1]
    right, second = int(ranking[0]), int(ranking[1])
    if abs(given - right) < 1e-6:
        return
    quoted = f"`{given:.12g}`"
    if given == right + 1:
        raise Wrong(f"{quoted} is the place of the largest number if you count from 1. The columns start at digit 0.")
    if given in (PROBABILITIES[right], round(100 * PROBABILITIES[right])):
        raise Wrong(f"{quoted} is how sure the network is. The question is which digit it names: the number's column.")
    if given in (PROBABILITIES[second], round(100 * PROBABILITIES[second])):
        raise Wrong(
            f"{quoted} is the second guess's probability. The question is which digit the network names: the column of "
            "the largest one."
        )
    if given == second:
        raise Wrong(f"{quoted} is the second guess. One column holds a larger probability.")
    if given in np.flatnonzero(np.equal(PROBABILITIES, min(PROBABILITIES))):
        raise Wrong(f"{quoted} is a column with the **smallest** probability. The guess is the largest one's column.")
    if given in range(len(PROBABILITIES)):
        raise Wrong(
            f"Column {quoted} holds {PROBABILITIES[int(given)]}. Find the largest number, then count its column from 0."
        )
    raise Wrong(f"{quoted} is no column: there are ten, from 0 to 9. Give the column of the largest probability.")


q1 = Problem(
    "00",
    "q1",
    examine_guess,
    praise="Column 3 holds the most, 0.55: more likely a 3 than not, but with real doubt. Its second guess is a 5.",
    hints=[
        "Find the largest of the ten numbers.",
        "Count its place from the left. The first place belongs to digit 0.",
    ],
)


# --- q2: which kind of task ------------------------------------------------------------------------------------------

KINDS = ("binary", "multi-class", "multi-label", "none")
TASKS = {"ripe": "multi-class", "film": "multi-label", "spam": "binary", "faces": "none"}
NO_BOXES = "A face's place is a box, and there are as many boxes as faces: no fixed list of scores."
KIND_SLIPS = {
    ("ripe", "binary"): "Count the possible answers for a tomato: there are more than two.",
    ("ripe", "multi-label"): "Can one tomato be in two of the states at once?",
    ("ripe", "none"): "One answer is given for the whole picture, out of a fixed list. That is classification.",
    ("film", "binary"): "There are more than two genres to say something about.",
    ("film", "multi-class"): "That allows one genre per poster. Have you never seen a comedy with romance?",
    (
        "film",
        "none",
    ): "The list of genres is fixed, and each gets a score for the whole poster. That is classification.",
    ("spam", "multi-class"): "You can build it so, with two classes. The name for one of **two** answers is shorter.",
    ("spam", "multi-label"): "It cannot be an advertisement and none. How many answers are there, how many are true?",
    ("spam", "none"): "One of two answers is given for the whole letter. That is classification.",
    ("faces", "binary"): f'"Is there a face?" would be binary. The question is *where*. {NO_BOXES}',
    ("faces", "multi-class"): NO_BOXES,
    ("faces", "multi-label"): NO_BOXES,
}


def kind_of(name, answer):
    """One of KINDS, however it is spelled; a detection is none of the three."""
    if not isinstance(answer, str):
        raise Wrong(f"`{name}` is {describe(answer)}. Write one of the four words, in quotes.")
    spelled = re.sub(r"[\s_\-‐-―−]", "", answer).lower()  # with any of the dashes that an editor may put
    if spelled.endswith("detection"):
        return "none"
    for kind in KINDS:
        if spelled == kind.replace("-", ""):
            return kind
    raise Wrong(f"`{name}` is {describe(answer)}. The four words to choose from are {', '.join(KINDS)}.")


def examine_kinds(*answers):
    """One word per task, in the order of TASKS."""
    if len(answers) != len(TASKS):
        raise Wrong(
            f"The check wants {len(TASKS)} words, one per task; it got {len(answers)}. Leave its line as it was."
        )
    for (name, right), answer in zip(TASKS.items(), answers, strict=True):
        given = kind_of(name, answer)
        if given != right:
            raise Wrong(f"`{name}` is {describe(answer)}? {KIND_SLIPS[name, given]}")


q2 = Problem(
    "00",
    "q2",
    examine_kinds,
    praise="Count the possible answers, then how many may be true at once. Where the answer is boxes, it is detection.",
    hints=[
        "For each task: is the answer a fixed list of scores for the whole picture? If not, it is none of the three.",
        "If it is: how many of the answers on the list can be true at the same time?",
        "One true answer of two is binary, one of more is multi-class, any number is multi-label.",
    ],
)


# --- q3: the shape of a batch ----------------------------------------------------------------------------------------

SHAPE = (32, 480, 640, 3)
SHAPE_SLIPS = {
    (32, 480, 640, 1): "One channel is grey. How many numbers does a colour pixel have?",
    (32, 480, 640, 4): "Red, green and blue: how many numbers is that?",
    (1, 480, 640, 3): "That is a batch of one.",
    (32, 480 * 640 * 3): "You have flattened the pictures. A batch of pictures keeps rows, columns and channels apart.",
}
COUNT_FIRST = "The pictures are counted by the **first** axis."
CHANNELS_LAST = "In Keras the channels come last."
ROWS_FIRST = "Rows come before columns: 480 high means 480 rows."


def examine_shape(answer):
    """The four sizes in Keras's order, as a tuple, list or array."""
    if isinstance(answer, str):
        raise Wrong(f"{describe(answer)} is text. Leave out its quotes: the question asks for a tuple of four numbers.")
    if isinstance(answer, set | frozenset):
        raise Wrong(f"{describe(answer)} is a set, which keeps no order. Round brackets make it a tuple.")
    if isinstance(answer, tuple | list):
        _examine_parts(answer)
    array = as_array(answer, returned=False)
    if array.ndim == 0:
        raise Wrong(f"{describe(answer)} is one number. A shape is a tuple with one size per axis.")
    if array.ndim > 1:
        raise Wrong(f"You hand in {describe(answer)}. The question asks for the shape: a tuple of sizes.")
    given = tuple(array.tolist())
    if given == SHAPE:
        return
    quoted = f"`{tuple(int(size) if size == int(size) else size for size in given)}`"
    if given in SHAPE_SLIPS:
        raise Wrong(f"{quoted}: {SHAPE_SLIPS[given]}")
    if len(set(given)) == len(given) >= 3 and set(given) <= set(SHAPE):
        raise Wrong(f"{quoted}: {_why_not_these_axes(given)}")
    if len(given) != len(SHAPE):
        raise Wrong(f"{quoted} has {len(given)} axes. Name the axes first: pictures, rows, columns, channels.")
    raise Wrong(f"{quoted} has four axes, but not these pictures'. Go through them: pictures, rows, columns, channels.")


def _examine_parts(sizes):
    """Each size must be a number; say so before NumPy says something else."""
    for size in sizes:
        if size is None:
            raise Wrong(
                "`None` stands for any number of pictures. This batch has a number: how many pictures are in it?"
            )
        if isinstance(size, str):
            raise Wrong(f"{describe(size)} is text. The question asks for a tuple of numbers: leave out the quotes.")
        if isinstance(size, tuple | list):
            raise Wrong(f"{describe(size)} stands inside your tuple. Write the four sizes side by side.")


def _why_not_these_axes(given):
    """What is wrong with three or four of the right sizes: one that is missing, then their order."""
    sentences = []
    if 32 not in given:
        sentences.append("That is one picture. A batch has one more axis, in front.")
    elif 3 not in given:
        sentences.append("That would be pictures without channels. Colour needs an axis for red, green and blue.")
    elif not {480, 640} <= set(given):
        sentences.append("A picture has rows **and** columns, each with an axis of its own.")
    if 32 in given[1:]:
        sentences.append(COUNT_FIRST)
    if 3 in given[:-1]:
        second = "You put the channels second, as PyTorch does. " if given[1] == 3 and given[0] == 32 else ""
        sentences.append(second + CHANNELS_LAST)
    if {480, 640} <= set(given) and given.index(640) < given.index(480):
        sentences.append(ROWS_FIRST)
    return " ".join(sentences)


q3 = Problem(
    "00",
    "q3",
    examine_shape,
    praise="Pictures, rows, columns, channels. Height before width: arrays are addressed by row first.",
    hints=[
        "The paragraph that begins “A network takes pictures by the **batch**” names the axes in their order.",
        "Rows are counted from top to bottom: their number is the height.",
        "The last axis counts the numbers of a colour pixel: red, green, blue.",
    ],
)


# --- q4: the four phases ---------------------------------------------------------------------------------------------

CARDS = "ABCDE"
RULES = [  # of two cards, the one that comes first, and why
    ("E", "D", "there are no weights to adjust before the layers are stacked"),
    ("B", "D", "without a split you would train on the pictures that are to judge you"),
    ("D", "A", "a network that has learned nothing yet is not worth the only look at the test pictures"),
    ("B", "A", "there are no test pictures before the split"),
    ("E", "A", "there is nothing to measure before there is a network"),
    ("B", "E", "first look at the data: they tell the input's shape and the number of classes"),
]


def examine_order(answer):
    """Four letters: data, model, training, evaluation."""
    if isinstance(answer, tuple | list) and answer and all(isinstance(card, str) for card in answer):
        answer = "".join(answer)
    if not isinstance(answer, str):
        raise Wrong(f'You hand in {describe(answer)}. Write four letters in quotes, like `"ABCD"`.')
    given = re.sub(r"[\W_]", "", answer).upper()  # whatever stands between the letters
    quoted = describe(answer)
    if not given or set(given) - set(CARDS):
        raise Wrong(f'{quoted} is not made of the letters A to E. Write four of them, like `"ABCD"`.')
    if len(set(given)) < len(given):
        raise Wrong(f"{quoted} names a card twice. Each one is played once.")
    if "C" in given:
        raise Wrong(
            f"{quoted} has card C in it: pictures that chose the network cannot judge it as strangers any more. "
            "Choosing is what the validation pictures are for."
        )
    missing = sorted(set("ABDE") - set(given))
    if missing:
        raise Wrong(f"{quoted} leaves out {' and '.join(missing)}. A clean project needs four of the cards.")
    for first, later, reason in RULES:
        if given.index(first) > given.index(later):
            raise Wrong(f"In {quoted} card {later} comes before {first}, but {reason}.")


q4 = Problem(
    "00",
    "q4",
    examine_order,
    praise="Data, model, training, evaluation. The card left over turns the test set into a second validation set.",
    hints=[
        "Give each card the name of its phase: data, model, training, evaluation.",
        "The test pictures may decide nothing. Which card lets them?",
        "Splitting comes first, measuring last. What must be there before weights can be adjusted?",
    ],
)

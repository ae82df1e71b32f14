"""Lesson 03, data preparation: what its exercises ask and the misconceptions they know."""

import struct

import numpy as np

from helpers.exercises.compare import Wrong, as_array, as_number, call, close, describe
from helpers.exercises.engine import Problem

# --- q1: the header of an IDX file -----------------------------------------------------------------------------------


def idx_bytes(*sizes):
    """The bytes of an IDX file with these axes; at most 1,000 of its values, none of them 0, which would end a loop."""
    return struct.pack(f">HBB{len(sizes)}I", 0, 8, len(sizes), *sizes) + bytes([7]) * min(int(np.prod(sizes)), 1_000)


def _not_lazy(given, start):
    """Refuse a `map`, a `zip` or a generator: it holds no values yet."""
    if hasattr(given, "__next__"):
        raise Wrong(
            f"{start} you return a `{type(given).__name__}`, which holds no values yet. Put `list(…)` around it."
        )


def _words(raw, order, first, last):
    return [int.from_bytes(raw[start : start + 4], order) for start in range(first, last, 4)]


HEADER_SLIPS = {
    "You read the bytes little-endian. In IDX the first byte counts most.": (
        lambda raw: _words(raw, "little", 4, 4 + 4 * raw[3])
    ),
    "The first four bytes are no size: they hold the type and the number of axes.": (
        lambda raw: _words(raw, "big", 0, 4 + 4 * raw[3])
    ),
    "You start at byte 0. The sizes start at byte 4, behind type and number of axes.": (
        lambda raw: _words(raw, "big", 0, 4 * raw[3])
    ),
    "You take the last byte of each size alone. All four count: one byte ends at 255.": (
        lambda raw: list(raw[7 : 4 + 4 * raw[3] : 4])
    ),
    "You stop one axis too early.": lambda raw: _words(raw, "big", 4, 4 * raw[3]),
    "You read one axis too many: what follows the header are values.": (
        lambda raw: _words(raw, "big", 4, 8 + 4 * raw[3])
    ),
    "You always read three axes. How many there are stands in byte 3.": lambda raw: _words(raw, "big", 4, 16),
    "You always read one axis. How many there are stands in byte 3.": lambda raw: _words(raw, "big", 4, 8),
    "You return the bytes one by one. Four of them make one size.": lambda raw: list(raw[4 : 4 + 4 * raw[3]]),
    "That is the number of axes. Wanted are their sizes.": lambda raw: [raw[3]],
    "Those are the sizes in reverse order.": lambda raw: _words(raw, "big", 4, 4 + 4 * raw[3])[::-1],
}


def examine_sizes(answer):
    """`answer(raw)` gives the sizes of all axes of an IDX file, for one axis or several."""
    for sizes in ([4_000, 28, 28], [4_000], [300, 32, 40, 3], [70_000, 2]):
        raw = idx_bytes(*sizes)
        given = call(answer, raw)
        start = f"For a header that begins `{raw[: 4 + 4 * len(sizes)].hex(' ', 4)}`"
        if given is None:
            raise Wrong(f"{start} you return `None`. Does the function end with `return`?")
        if isinstance(given, bytes | bytearray):
            raise Wrong(f'{start} you return bytes. `int.from_bytes(…, "big")` makes a number of four of them.')
        _not_lazy(given, start)
        if isinstance(given, tuple | list) and any(isinstance(item, bytes | bytearray) for item in given):
            raise Wrong(f'{start} you return a list of bytes. `int.from_bytes(…, "big")` makes a number of each.')
        numbers = as_array(given, what="What you return")
        if numbers.ndim > 1:
            raise Wrong(f"{start} you return the shape {numbers.shape}. One plain list of numbers is wanted.")
        if numbers.ndim == 0 and len(sizes) == 1 and numbers == sizes[0]:
            raise Wrong(f"{start} you return the number {describe(given)}. Return a list, also for one axis.")
        found = np.atleast_1d(numbers).ravel().tolist()
        if found == sizes:
            continue
        for sentence, slip in HEADER_SLIPS.items():
            if found == slip(raw):
                raise Wrong(f"{start} you return {_listed(found)}. {sentence}")
        holds = f"{len(sizes)} sizes, four bytes each," if len(sizes) > 1 else "one size of four bytes,"
        raise Wrong(f"{start} you return {_listed(found)}; it holds {holds} from byte 4 on.")


def _listed(numbers):
    return (
        "["
        + ", ".join(f"{number:.3g}" if number % 1 else f"{int(number)}" for number in numbers[:6])
        + (", …]" if len(numbers) > 6 else "]")
    )


q1 = Problem(
    "03",
    "q1",
    examine_sizes,
    praise="One axis or four, your reader finds out from byte 3. That is what a header is for.",
    hints=[
        "Which byte says how many axes there are? `raw[3]` is already a number.",
        "Axis number i has its four bytes at `raw[4 + 4 * i : 8 + 4 * i]`.",
        '`int.from_bytes(…, "big")` turns four bytes into a number. Collect them in a list.',
    ],
)

# --- q2: megabytes ---------------------------------------------------------------------------------------------------

MEMORY_SLIPS = {
    "You count bits: `float32` has 32 bits, which are 4 bytes.": lambda shape, size: np.prod(shape) * size * 8 / 1e6,
    "You divide by 1,048,576 (2 to the power of 20). Wanted are millions of bytes.": (
        lambda shape, size: np.prod(shape) * size / 2**20
    ),
    "That is the number of bytes. Divide by a million.": lambda shape, size: np.prod(shape) * size,
    "That is the number of values. Multiply by the bytes of each, divide by a million.": (
        lambda shape, size: np.prod(shape)
    ),
    "You count one byte for each value. `float32` needs 4, `float64` needs 8.": lambda shape, size: (
        np.prod(shape) / 1e6
    ),
    "You **add** the sizes of the axes. An array holds their product.": lambda shape, size: sum(shape) * size / 1e6,
    "You divide by a thousand, which gives kilobytes.": lambda shape, size: np.prod(shape) * size / 1e3,
    "You divide by a thousand million, which gives gigabytes.": lambda shape, size: np.prod(shape) * size / 1e9,
    "You left out the first axis: that is one picture.": lambda shape, size: np.prod(shape[1:]) * size / 1e6,
    "You left out the last axis. Channels are values too.": lambda shape, size: np.prod(shape[:-1]) * size / 1e6,
    "You count four bytes for each value, whatever the dtype. Ask the dtype.": (
        lambda shape, size: np.prod(shape) * 4 / 1e6
    ),
    "Your product ran over: 32 bits end at 2,147,483,647. Multiply without `int32`.": (
        lambda shape, size: int(np.prod(shape, dtype=np.int32)) * size / 1e6
    ),
}


def examine_megabytes(answer):
    """`answer(shape, dtype)` gives the bytes of such an array in millions."""
    cases = [
        ((64, 224, 224, 3), "float32"),
        ((4_000, 28, 28, 1), "uint8"),
        ((50_000, 32, 32, 3), "float64"),
        ((10, 20), np.float32),
        ((1_000_000, 40_000, 60_000, 3), "uint8"),  # more than any machine can address: it cannot be built
    ]
    for shape, dtype in cases:
        size = np.dtype(dtype).itemsize
        asked = f"For the shape {shape} and `{np.dtype(dtype)}`"
        given = as_number(_memory_of(answer, shape, dtype), what=f"{asked}, what you return")
        expected = float(np.prod(shape, dtype=np.float64)) * size / 1e6
        if np.isclose(given, expected, rtol=1e-6):  # float32 holds seven digits
            continue
        for sentence, slip in MEMORY_SLIPS.items():
            if np.isclose(given, float(slip(shape, size)), rtol=1e-6):
                raise Wrong(f"{asked} you return {given:,.10g}. {sentence}")
        if abs(given - expected) <= 1:
            raise Wrong(f"{asked} you return {given:,.10g}, which is rounded. Return the exact {expected:,.10g}.")
        raise Wrong(f"{asked} you return {given:,.10g}. Multiply all sizes, then by the bytes of one value.")


def _memory_of(answer, shape, dtype):
    try:
        return call(answer, shape, dtype)
    except Wrong as wrong:
        if "MemoryError" in str(wrong) or "array is too big" in str(wrong) or "Maximum allowed" in str(wrong):
            raise Wrong(f"{wrong} You build the array. Count its bytes instead, from shape and dtype.") from wrong
        raise


q2 = Problem(
    "03",
    "q2",
    examine_megabytes,
    praise="Shape and dtype are all you need to know whether a set fits into memory, before you load it.",
    hints=[
        "How many values has an array of shape (2, 3, 4)? `np.prod(shape)` multiplies all sizes.",
        "Each value takes `np.dtype(dtype).itemsize` bytes. A million bytes is a megabyte.",
    ],
)

# --- q3: three sets --------------------------------------------------------------------------------------------------

SHARES = {"training": 0.6, "validation": 0.2, "test": 0.2}


def _sample_labels(total):
    """`total` (a multiple of 100) labels of ten classes, not sorted and not balanced."""
    counts = np.array([20, 16, 14, 12, 10, 9, 7, 5, 4, 3]) * total // 100
    return np.random.default_rng(5).permutation(np.repeat(np.arange(10, dtype=np.uint8), counts))


def examine_three_sets(answer):
    """`answer(labels, seed)` gives positions for three disjoint, stratified, shuffled sets of 60, 20 and 20 %."""
    _examine_split(answer, _sample_labels(1_000))
    try:
        _examine_split(answer, _sample_labels(500))
    except Wrong as wrong:
        raise Wrong(
            f"With 1,000 examples your split is right, with 500 it is not. {wrong} Write down no number of examples: "
            "use `len(labels)` and shares."
        ) from wrong


def _examine_split(answer, labels):
    parts = _positions(call(answer, labels, 3), labels)
    sizes = [len(part) for part in parts]
    wanted = [round(share * len(labels)) for share in SHARES.values()]
    if any(abs(size - want) > 10 for size, want in zip(sizes, wanted, strict=True)):
        raise Wrong(f"Of {len(labels):,} examples you put {_sizes(sizes)}. {_why_not_sizes(sizes, wanted)}")
    _disjoint(parts, len(labels))
    for name, part in zip(SHARES, parts, strict=True):
        _stratified(name, part, labels)
    again = _positions(call(answer, labels, 3), labels)
    if not all(np.array_equal(one, other) for one, other in zip(parts, again, strict=True)):
        raise Wrong(
            "Asked twice with seed 3, you return two different splits. Hand `seed` on as `random_state`, each time."
        )
    other = _positions(call(answer, labels, 4), labels)
    same = [
        name for name, one, two in zip(SHARES, parts, other, strict=True) if np.array_equal(np.sort(one), np.sort(two))
    ]
    if len(same) == len(SHARES):
        raise Wrong("With seed 3 and seed 4 you return the same three sets. Hand `seed` on as `random_state`.")
    if same:
        raise Wrong(
            f"With seed 3 and seed 4 your {same[0]} set is the same. Hand `seed` on as `random_state` in **both** cuts."
        )


def _positions(given, labels):
    if given is None:
        raise Wrong("You return `None`. Does the function end with `return`?")
    if isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype != object:
        raise Wrong(f"You return {describe(given)}, a single set. Return three, with commas between them.")
    try:
        parts = list(given)
    except TypeError as error:
        raise Wrong(f"You return {describe(given)}. Return three arrays of positions.") from error
    if isinstance(given, str | bytes | dict | set) or (parts and all(np.isscalar(part) for part in parts)):
        raise Wrong(f"You return {describe(given)}. Return three arrays of positions.")
    if len(parts) == 2 and all(hasattr(part, "__len__") for part in parts):
        raise Wrong(
            f"You return two sets, of {len(parts[0])} and {len(parts[1])}. By which would you choose? "
            "Cut one of them once more."
        )
    if len(parts) != 3:
        raise Wrong(
            f"You return {len(parts)} things. Three arrays of positions are wanted: training, validation, test."
        )
    positions = []
    for name, part in zip(SHARES, parts, strict=True):
        _not_lazy(part, f"As {name} set")
        array = as_array(part, what=f"Your {name} set")
        if array.ndim != 1:
            raise Wrong(f"Your {name} set has the shape {array.shape}. One row of positions is wanted.")
        if np.asarray(part).dtype == bool:
            raise Wrong(f"Your {name} set is a mask of `True` and `False`. `np.flatnonzero` makes positions of it.")
        if np.any(array != array.astype(int)) or array.min(initial=0) < 0 or array.max(initial=0) >= len(labels):
            low, high = array.min(initial=0), array.max(initial=0)
            raise Wrong(
                f"Your {name} set holds numbers from {low:g} to {high:g}. Positions are whole numbers, here from 0 to "
                f"{len(labels) - 1}."
            )
        positions.append(array.astype(int))
    together = np.concatenate(positions)
    if len(together) > 30 and together.max() <= labels.max():
        raise Wrong(
            f"Your sets hold only numbers from {together.min()} to {together.max()}: these are labels. Return "
            "**positions**: cut `np.arange(len(labels))`."
        )
    return positions


def _sizes(sizes):
    return f"{sizes[0]} into training, {sizes[1]} into validation, {sizes[2]} into test"


def _why_not_sizes(sizes, wanted):
    total = sum(wanted)
    near = [abs(size - share * total) <= 10 for size, share in zip(sizes, (0.64, 0.16, 0.2), strict=True)]
    if all(near):
        return "The second cut takes 20 % **of the 80 % that are left**, which is 16 %. A quarter of them is 20 %."
    if abs(sizes[0] - 0.8 * total) <= 10:
        return "Training and test already fill the whole; validation must come out of one of them, and leave it."
    if sorted(sizes) == sorted(wanted):
        return "The shares are right, their order is not: training first."
    return f"Wanted are {_sizes(wanted)}."


def _disjoint(parts, total):
    names = list(SHARES)
    for one in range(3):
        if len(np.unique(parts[one])) < len(parts[one]):
            raise Wrong(f"In your {names[one]} set some positions occur twice. Draw without putting back.")
        for two in range(one + 1, 3):
            both = np.intersect1d(parts[one], parts[two])
            if len(both):
                raise Wrong(
                    f"{len(both)} positions, such as {both[0]}, are in your {names[one]} and your {names[two]} set. "
                    "The second cut must divide what the first one left over, by **its** positions."
                )
    missing = total - sum(map(len, parts))
    if missing:
        raise Wrong(f"{missing} of {total:,} examples are in none of your sets. Nothing should get lost.")


def _stratified(name, part, labels):
    counts, wholes = np.bincount(labels[part], minlength=10), np.bincount(labels, minlength=10)
    expected = SHARES[name] * wholes
    worst = int(np.argmax(np.abs(counts - expected)))
    if abs(counts[worst] - expected[worst]) > 2.5:
        raise Wrong(
            f"Your {name} set holds {counts[worst]} of the {wholes[worst]} examples of class {worst}; its share would "
            f"be {expected[worst]:g}. Use `stratify` in both cuts, each time with the labels of what you cut."
        )


q3 = Problem(
    "03",
    "q3",
    examine_three_sets,
    praise="Three sets, nothing twice, nothing lost, and each class has its share in all of them.",
    hints=[
        "Cut `np.arange(len(labels))` in two: the test set with `test_size=0.2`, and a rest.",
        "Cut the rest again. Which share of the remaining 80 % is 20 % of the whole? A quarter.",
        "`stratify` wants the labels of what is cut: `labels` first, then `labels[rest]`.",
    ],
)

# --- q4: standardise -------------------------------------------------------------------------------------------------


def _by(train, other, mean, spread):
    return (train - mean) / spread, (other - mean) / spread


def _each_by_itself(train, other):
    return (train - train.mean()) / train.std(), (other - other.mean()) / other.std()


def _together(train, other):
    everything = np.concatenate([train.ravel(), other.ravel()])
    return _by(train, other, everything.mean(), everything.std())


def _by_pixel(train, other):
    spread = train.std(axis=0)
    return _by(train, other, train.mean(axis=0), np.where(spread > 0, spread, 1))


def _by_picture(train, other):
    return tuple(
        (part - part.mean(axis=(1, 2), keepdims=True)) / part.std(axis=(1, 2), keepdims=True) for part in (train, other)
    )


STANDARD_SLIPS = {
    "You scale each picture by its own mean and spread. Wanted are one mean and one spread, of all of `train`.": (
        _by_picture
    ),
    "You subtract the median. Wanted is the mean.": lambda train, other: _by(
        train, other, np.median(train), train.std()
    ),
    "You scale `other` by its own mean and spread. Then the same grey becomes two different numbers, and a single "
    "picture could not be scaled at all.": _each_by_itself,
    "You take mean and spread of both together: what should stay unseen has had a say. That is the leak.": _together,
    "You take mean and spread of `other`. It is `train` that you may learn from.": lambda train, other: _by(
        train, other, other.mean(), other.std()
    ),
    "You take one mean for each pixel place. Wanted is one mean and one spread for all of them.": _by_pixel,
    "You divide by the variance. The spread is its square root: `std`.": lambda train, other: _by(
        train, other, train.mean(), train.var()
    ),
    "You subtract the mean and forget to divide by the spread.": lambda train, other: _by(
        train, other, train.mean(), 1
    ),
    "You divide by the spread and forget to subtract the mean.": lambda train, other: _by(train, other, 0, train.std()),
    "You divide first and then subtract the mean of the **undivided** pixels. Subtract first.": lambda train, other: (
        train / train.std() - train.mean(),
        other / train.std() - train.mean(),
    ),
    "You divide by 255. That is a scaling, but not this one: no mean, no spread.": lambda train, other: (
        train / 255,
        other / 255,
    ),
    "You stretch to 0 to 1 by the smallest and the largest value. Wanted are mean and spread.": lambda train, other: (
        _by(train, other, train.min(), train.max() - float(train.min()))
    ),
    "You return both as they were.": lambda train, other: (train, other),
    "You scale `train` and leave `other` as it was. A model needs both in the same units.": lambda train, other: (
        (train - train.mean()) / train.std(),
        other,
    ),
}


def examine_standardise(answer):
    """`answer(train, other)` standardises both by one mean and one spread of `train`."""
    random = np.random.default_rng(7)
    train = (random.random((6, 4, 5)) ** 3 * 120).astype(np.uint8)  # skewed: median and mean are far apart
    other = random.integers(80, 256, size=(3, 4, 5), dtype=np.uint8)
    given = call(answer, train, other)
    if isinstance(given, np.ndarray) and len(given) != 2:
        raise Wrong(f"You return {describe(given)}. Return two arrays: the training pictures, then the others.")
    try:
        both = list(given) if given is not None else None
    except TypeError as error:
        raise Wrong(
            f"You return {describe(given)}. Return two arrays: the training pictures, then the others."
        ) from error
    if both is None:
        raise Wrong("You return `None`. Does the function end with `return`?")
    if len(both) != 2:
        raise Wrong(f"You return {len(both)} things. Two arrays are wanted: the training pictures, then the others.")
    if np.shape(both[0]) == other.shape and np.shape(both[1]) == train.shape:
        raise Wrong("You return the two in reverse order. The training pictures come first.")
    one = as_array(both[0], train.shape, what="Your first array")
    two = as_array(both[1], other.shape, what="Your second array")
    for part, before in ((both[0], train), (both[1], other)):
        kind = np.asarray(part).dtype
        if kind.kind != "f" and not np.array_equal(part, before):
            raise Wrong(f"One of your arrays has the dtype {kind}, which holds no fractions. Keep floats.")
    mean = train.mean()
    for spread in (train.std(), train.std(ddof=1)):  # dividing by n or by n − 1: both are a standard deviation
        if close(_by(train, other, mean, spread)[0], one, 2e-3) and close(
            _by(train, other, mean, spread)[1], two, 2e-3
        ):
            return
    start = f"You give `train` the mean {_rounded(one.mean())} and the spread {_rounded(one.std())}"
    for sentence, slip in STANDARD_SLIPS.items():
        first, second = slip(train, other)
        if close(first, one, 1e-4) and close(second, two, 1e-4):
            raise Wrong(f"{start}, `other` the mean {_rounded(two.mean())}. {sentence}")
    if close(_by(train, other, mean, train.std())[0], one, 2e-3):
        raise Wrong(
            f"`train` is right. `other` must get the same two numbers: mean {mean:.3g}, spread {train.std():.3g}. "
            f"You give it the mean {_rounded(two.mean())} and the spread {_rounded(two.std())}."
        )
    raise Wrong(f"{start}; 0 and 1 are wanted. Then do to `other` exactly what you did to `train`.")


def _rounded(number):
    """Three digits; what is 0 but for the last bits is 0."""
    return f"{number:.3g}" if abs(number) > 1e-5 else "0"


q4 = Problem(
    "03",
    "q4",
    examine_standardise,
    praise="Two numbers, learned from the training set, applied to every set. Save them beside the model.",
    hints=[
        "`train.mean()` and `train.std()` give one number each. Compute them once.",
        "Subtract the mean, divide by the spread. `other` gets the **same** two numbers.",
    ],
)

# --- q5: the honest denominator --------------------------------------------------------------------------------------

SCORE_CASES = [
    ([0, 0, None, 1, 0, None, 1, 1], [0, 0, 1, 1, 1, 0, 1, 1]),  # here every slip gives another pair
    ([1, 1, 0], [1, 0, 0]),
    ([None, None, 1, 0], [0, 1, 1, 1]),
    ([None, None], [1, 0]),
]


def _counts(answers, labels):
    right = sum(answer is not None and answer == label for answer, label in zip(answers, labels, strict=True))
    return right, sum(answer is not None for answer in answers), len(labels)


def _share(part, whole):
    return part / whole if whole else 0.0


SCORE_SLIPS = {
    "You divide by the files that were read. A file without an answer is not right: divide by all of them.": (
        lambda right, read, total: (_share(right, read), read / total)
    ),
    "The two are exchanged: accuracy first.": lambda right, read, total: (read / total, right / total),
    "Those are counts. Divide each by the number of files.": lambda right, read, total: (right, read),
    "Those are per cent. Wanted are shares between 0 and 1.": lambda right, read, total: (
        100 * right / total,
        100 * read / total,
    ),
    "The second number is the share that was **not** read.": lambda right, read, total: (
        right / total,
        (total - read) / total,
    ),
    "Where there is no answer you count a right one.": lambda right, read, total: (
        (right + total - read) / total,
        read / total,
    ),
    "The first number is the share of **wrong** answers.": lambda right, read, total: (
        (read - right) / total,
        read / total,
    ),
    "The second number counts answers. Divide it by the number of files.": lambda right, read, total: (
        right / total,
        read,
    ),
}


def _zero_unread(answers, labels):
    """What comes out if class 0 is taken for "no answer": `if answer:` instead of `is not None`."""
    right = sum(bool(answer) and answer == label for answer, label in zip(answers, labels, strict=True))
    return right / len(labels), sum(map(bool, answers)) / len(labels)


def _dropped(answers, labels):
    """Right answers if `None` is taken out first: what is left meets the labels of other files."""
    left = [answer for answer in answers if answer is not None]
    return sum(answer == label for answer, label in zip(left, labels, strict=False)), len(left)


def _none_is_read(answers, labels):
    right, _, total = _counts(answers, labels)
    return right / total, 1.0


DROPPED = "You drop `None` before you pair: then answers meet the labels of other files. Pair first."


def examine_honest_score(answer):
    """`answer(answers, labels)` gives (right / all files, read / all files); None stands for an unreadable file."""
    for answers, labels in SCORE_CASES:
        right, read, total = _counts(answers, labels)
        asked = f"For the answers {answers} and the labels {labels}"
        pair = _pair(_score_of(answer, answers, labels), asked)
        if np.allclose(pair, (right / total, read / total)):
            continue
        shown = f"{asked} you return {pair[0]:.4g} and {pair[1]:.4g}."
        zero_right, zero_read = _zero_unread(answers, labels)
        if np.allclose(pair, (zero_right, zero_read)):
            raise Wrong(f"{shown} You take class 0 for no answer. Test with `answer is not None`.")
        if np.allclose(pair, (zero_right, read / total)):
            raise Wrong(f"{shown} In the accuracy you take class 0 for no answer. Test with `answer is not None`.")
        if np.allclose(pair, (right / total, zero_read)):
            raise Wrong(
                f"{shown} In the share you take class 0 for no answer. Test with `answer is not None` there too."
            )
        if np.allclose(pair, _none_is_read(answers, labels)):
            raise Wrong(f"{shown} You count `None` as read.")
        for sentence, slip in SCORE_SLIPS.items():
            if np.allclose(pair, slip(right, read, total)):
                raise Wrong(f"{shown} {sentence}")
        matched, left = _dropped(answers, labels)
        if any(np.allclose(pair, (matched / divisor, read / total)) for divisor in (total, left) if divisor):
            raise Wrong(f"{shown} {DROPPED}")
        raise Wrong(f"{shown} {right} of {total} files got the right answer, {read} of {total} were read.")


def _score_of(answer, answers, labels):
    try:
        return call(answer, answers, labels)
    except Wrong as wrong:
        if "ZeroDivisionError" in str(wrong):
            raise Wrong(f"{wrong} You divide by the files that were read, and here none was. Divide by all.") from wrong
        if "zip()" in str(wrong):
            raise Wrong(f"{wrong} {DROPPED}") from wrong
        raise


def _pair(given, asked):
    if given is None:
        raise Wrong(f"{asked} you return `None`. Does the function end with `return`?")
    _not_lazy(given, asked)
    if isinstance(given, tuple | list):
        if len(given) != 2:
            things = "one thing" if len(given) == 1 else f"{len(given)} things"
            raise Wrong(f"{asked} you return {things}. Two numbers are wanted: accuracy, and the share read.")
        names = ("first", "second")
        return [as_number(item, what=f"{asked}, your {name} number") for item, name in zip(given, names, strict=True)]
    if isinstance(given, dict | set | str | bytes) or np.ndim(given):
        values = as_array(given, what=f"{asked}, what you return")
        if values.shape != (2,):
            raise Wrong(f"{asked} you return the shape {values.shape}. Two numbers are wanted: accuracy, share read.")
        return values
    as_number(given, what=f"{asked}, what you return")
    raise Wrong(f"{asked} you return {describe(given)} alone. Return two numbers: `return accuracy, read`.")


q5 = Problem(
    "03",
    "q5",
    examine_honest_score,
    praise="A file that cannot be read is an answer that is not right. Now nobody gains by failing to read.",
    hints=[
        "How many files are there? `len(labels)`. Both numbers are divided by that.",
        "A file was read if its answer `is not None`. (Class 0 is an answer too.)",
        "Count with `sum(... for answer, label in zip(answers, labels))`.",
    ],
)

# --- q6: most doubtful first -----------------------------------------------------------------------------------------


def _opinions():
    random = np.random.default_rng(3)  # with these numbers every slip below gives another answer
    probabilities = random.dirichlet(np.full(4, 0.7), size=12)
    labels = probabilities.argmax(axis=1)
    labels[[9, 2, 7]] = (labels[[9, 2, 7]] + 1) % 4  # three labels that the model contradicts
    return probabilities, labels


def _own(probabilities, labels):
    return probabilities[np.arange(len(labels)), labels]


def _margin(probabilities, labels):
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = 0
    return _own(probabilities, labels) - others.max(axis=1)


DOUBT_SLIPS = {
    "That is the other end of the list: the labels that the model finds **most** probable.": (
        lambda p, labels, count: _own(p, labels).argsort()[::-1][:count]
    ),
    "You have the right ones with the most doubtful last. Turn the order round.": (
        lambda p, labels, count: _own(p, labels).argsort()[:count][::-1]
    ),
    "You have the right ones, sorted by position. The most doubtful comes first.": (
        lambda p, labels, count: np.sort(_own(p, labels).argsort()[:count])
    ),
    "You look at the model's own guess, its largest probability. Look at the probability of the **label**.": (
        lambda p, labels, count: p.max(axis=1).argsort()[:count]
    ),
    "These are the ones whose guess the model is surest of. Look at the probability of the **label**.": (
        lambda p, labels, count: p.max(axis=1).argsort()[::-1][:count]
    ),
    "You rank by the smallest probability in each row. Look at the probability of the **label**.": (
        lambda p, labels, count: p.min(axis=1).argsort()[:count]
    ),
    "You rank by the distance to the best other class. Sensible, but asked is the label's own probability.": (
        lambda p, labels, count: _margin(p, labels).argsort()[:count]
    ),
    "You take the first ones in the order of the list. Sort by the probability of the label.": (
        lambda p, labels, count: np.arange(count)
    ),
    "That is the far end of the list, the labels most believed. `argsort` puts the smallest first: `[:count]`.": (
        lambda p, labels, count: _own(p, labels).argsort()[-count:]
    ),
    "You list the examples whose guess differs from the label. Rank **all** by the probability of the label.": (
        lambda p, labels, count: np.flatnonzero(p.argmax(axis=1) != labels)[:count]
    ),
    "You rank by the probability of class 0. Each row has its own label.": (
        lambda p, labels, count: p[:, 0].argsort()[:count]
    ),
}


def examine_most_doubtful(answer):
    """`answer(probabilities, labels, count)` gives the positions with the lowest probability of their own label."""
    probabilities, labels = _opinions()
    for count in (5, 3, 1):  # 5 first: only three labels are contradicted
        given = _doubtful_from(answer, probabilities, labels, count)
        if given is None:
            raise Wrong("You return `None`. Does the function end with `return`?")
        asked = f"Of 12 examples, asked for {count},"
        _not_lazy(given, asked)
        values = as_array(given, what="What you return")
        own = _own(probabilities, labels)
        right = own.argsort()[:count]
        if values.ndim > 1 and values.size == count:
            raise Wrong(f"{asked} you return the shape {values.shape}. Wanted is one row of positions.")
        if values.ndim > 1:
            raise Wrong(
                f"{asked} you return the shape {values.shape}. You sort each row, or all probabilities at once."
            )
        if values.ndim == 0 and count == 1 and values == right[0]:
            raise Wrong(f"{asked} you return the number {describe(given)}. Return an array, also of one position.")
        values = np.atleast_1d(values).ravel()
        if np.array_equal(values, right):
            continue
        shown = f"{asked} you return {_listed(values)}."
        if np.asarray(given).dtype == bool:
            raise Wrong(f"{asked} you return a mask of `True` and `False`. Return positions.")
        if len(values) == count and np.allclose(values, own[right]):
            raise Wrong(f"{shown} Those are the probabilities. Return the positions: `argsort` instead of `sort`.")
        if len(values) == count and np.array_equal(values, labels[right]):
            raise Wrong(f"{shown} Those are the labels of the right examples. Return their positions.")
        if len(values) == len(labels) and np.array_equal(values, own.argsort()):
            raise Wrong(f"{asked} you return all 12. The order is right: cut it off after `count`.")
        for sentence, slip in DOUBT_SLIPS.items():
            if np.array_equal(values, slip(probabilities, labels, count)):
                raise Wrong(f"{shown} {sentence}")
        if np.any(values % 1):
            raise Wrong(f"{shown} Positions are whole numbers: `argsort` gives them.")
        if len(values) != count:
            raise Wrong(f"{asked} you return {len(values)} numbers. Return `count` of them.")
        raise Wrong(f"{shown} The label least believed is that of example {right[0]}: probability {own[right[0]]:.2g}.")


def _doubtful_from(answer, probabilities, labels, count):
    try:
        return call(answer, probabilities, labels, count)
    except Wrong as wrong:
        if "IndexError" in str(wrong):
            raise Wrong(f"{wrong} Pair each row number with its label: `probabilities[rows, labels]`.") from wrong
        raise


q6 = Problem(
    "03",
    "q6",
    examine_most_doubtful,
    praise="The model's doubt about the **given** label is your reading list. What is right, you decide.",
    hints=[
        "From each row you need one number: the one in the column that the label names.",
        "`probabilities[np.arange(len(labels)), labels]` takes exactly these.",
        "`argsort` gives positions, smallest value first. Keep the first `count`.",
    ],
)

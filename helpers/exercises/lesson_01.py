"""The exercises of lesson 01: one `examine_…` per exercise, which knows the usual misconceptions by what they give."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from helpers.exercises.compare import Wrong, as_array, as_number, call, close
from helpers.exercises.engine import Problem

PICTURE = np.array([[0, 0, 2, 9, 6], [0, 1, 8, 9, 2], [0, 5, 9, 4, 0], [2, 9, 7, 1, 0], [7, 9, 2, 0, 0]])
SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def correlate(picture, kernel):
    """The feature map of a 2-D picture: stride 1, no padding."""
    return np.einsum("rcij,ij->rc", sliding_window_view(picture, kernel.shape), kernel)


def quote(number):
    """A number as a learner would write it: 25, 13.5, 0.333333."""
    return f"`{number:g}`" if number != int(number) or abs(number) > 1e15 else f"`{int(number)}`"


# --- q1: one window by hand ------------------------------------------------------------------------------------------


def examine_window(answer):
    """The sum for the window in rows 2 to 4, columns 0 to 2."""
    if answer is None:
        raise Wrong("Your answer is `None`. `print` shows a number but hands back `None`: write the number itself.")
    given = as_number(answer, returned=False)
    window = PICTURE[2:5, 0:3]
    right = int(np.sum(window * SOBEL_X))
    if given == right:
        return
    slips = {
        int(window.sum()): "the plain sum of the pixels. Multiply each by its weight first",
        int(np.sum(window * SOBEL_X[:, ::-1])): "right but for its sign: the negative weights are the left column",
        int(np.sum(window * SOBEL_X.T)): "what the kernel gives when rows and columns are swapped. "
        "Its first row is −1, 0, 1",
        int(np.sum(window * abs(SOBEL_X))): "the sum without the minus signs. Products of the left column are "
        "taken away",
        int(np.sum(window * np.sign(SOBEL_X))): "what you get with −1, 0, 1 in every row. The middle row is −2, 0, 2",
    }
    if given in slips:
        raise Wrong(f"{quote(given)} is {slips[given]}.")
    if abs(given - right / 9) < 0.01:
        raise Wrong(f"{quote(given)} is the mean of the nine products. A feature map holds their sum.")
    raise Wrong(f"{quote(given)} is not the sum of this window. {other_window(given)}")


def other_window(given):
    """Name the stop that gives `given`, if there is one; else say what to write down."""
    for (row, column), total in np.ndenumerate(correlate(PICTURE, SOBEL_X)):
        if given == total:
            return (
                f"It belongs to the window that starts in row {row}, column {column}; yours starts in row 2, column 0."
            )
    return "Write its three rows below each other, multiply place by place, and watch the signs on the left."


q1 = Problem(
    "01",
    "q1",
    examine_window,
    praise="9 + 10 − 5: one row of the window after the other. You have worked out a convolution.",
    hints=[
        "The window's rows are 0 5 9, then 2 9 7, then 7 9 2.",
        "The middle column of the kernel is 0: only the left and right columns of the window count.",
        "Right column: 9 · 1 + 7 · 2 + 2 · 1. Now the left column, with −1, −2, −1.",
    ],
)


# --- q2: the size of the output --------------------------------------------------------------------------------------

FITS = [
    (28, 3, 1, 0),
    (28, 3, 1, 1),
    (28, 5, 1, 2),
    (28, 3, 2, 0),
    (28, 3, 2, 1),
    (28, 3, 3, 1),
    (10, 3, 2, 0),
    (9, 4, 3, 0),
    (10, 3, 4, 0),
    (6, 2, 2, 0),
    (5, 5, 3, 0),
    (3, 5, 1, 1),
    (224, 7, 2, 3),
]
DOES_NOT_FIT = [(3, 5, 1, 0), (2, 5, 2, 1), (4, 9, 3, 1), (1, 8, 1, 2)]


def positions(size, kernel, stride, padding):
    """How many windows fit, counted one by one: the reference does not use the formula."""
    return len(range(0, size + 2 * padding - kernel + 1, stride))


PADDING_LAST = "For {case} you get {given}. Padding makes the row longer *before* you divide into strides."

# What each misconception gives for a case, and what it is told; "{case}" and "{given}" come from the first case missed.
SIZE_SLIPS = [
    (
        lambda s, k, t, p: (s + 2 * p - k) // t,
        "For {case} you get {given}. Count the positions on paper for a 4-pixel picture: the first one counts too.",
    ),
    (
        lambda s, k, t, p: (s + p - k) // t + 1,
        "For {case} you get {given}. Padding of 1 adds a pixel on **both** sides: the picture grows by 2, not by 1.",
    ),
    (
        lambda s, k, t, p: (s - k) // t + 1,
        "For {case} you get {given}: the padding makes no difference. The window may also stand on the added zeros.",
    ),
    (lambda s, k, t, p: (s - k) // t + 1 + 2 * p // t, PADDING_LAST),
    (lambda s, k, t, p: (s - k) // t + 1 + 2 * p, PADDING_LAST),
    (
        lambda s, k, t, p: s + 2 * p - k + 1,
        "For {case} you get {given}: the stride makes no difference. A larger step leaves starts out.",
    ),
    (
        lambda s, k, t, p: (s + 2 * p - k) / t + 1,
        "For {case} you return {given}. A window either fits or it does not.",
    ),
    (
        lambda s, k, t, p: math.ceil((s + 2 * p - k) / t) + 1,
        "For {case} you get {given}: you count a window that hangs over the edge. Nothing is read there.",
    ),
    (
        lambda s, k, t, p: round((s + 2 * p - k) / t) + 1,
        "For {case} you get {given}: rounding to the nearest counts a window that hangs over the edge.",
    ),
    (
        lambda s, k, t, p: (s + 2 * p - k + 1) // t,
        "For {case} you get {given}. Divide first, then count the first position: the `+ 1` is no step.",
    ),
    (
        lambda s, k, t, p: (s + 2 * p) // t - k + 1,
        "For {case} you get {given}. The stride divides the way the window can go, not the picture: "
        "take the kernel away first.",
    ),
    (
        lambda s, k, t, p: (s + 2 * p) // t,
        "For {case} you get {given}: the kernel makes no difference. A wide window reaches the border sooner.",
    ),
]


def in_words(size, kernel, stride, padding):
    """A case as part of a sentence."""
    return f"a {size}-pixel picture, a {kernel}-pixel kernel, stride {stride} and padding {padding}"


def examine_output_size(answer):
    """Every case that fits, then those that do not."""
    results = {case: as_number(call(answer, *case), f"For {in_words(*case)}, your answer") for case in FITS}
    missed = [case for case in FITS if results[case] != positions(*case)]
    if missed:
        told = {"case": in_words(*missed[0]), "given": quote(results[missed[0]])}
        for slip, sentence in SIZE_SLIPS:
            if all(abs(results[case] - slip(*case)) < 1e-9 for case in FITS):
                raise Wrong(sentence.format(**told))
        raise Wrong("For {case} you get {given}. Draw that row of pixels and count the starts.".format(**told))
    for case in DOES_NOT_FIT:
        examine_nothing_fits(answer, case)
    if call(answer, 28, 3) != 26:
        raise Wrong("Called with size and kernel alone, your function should take stride 1 and padding 0.")


def examine_nothing_fits(answer, case):
    """A case where no window fits: 0, and neither an exception nor `None`."""
    try:
        value = call(answer, *case)
    except Wrong as wrong:
        raise Wrong(f"{wrong} Where nothing fits, the answer is 0.") from wrong
    if value is None:
        raise Wrong(f"For {in_words(*case)} you return `None`. Where nothing fits, the answer is 0.")
    given = as_number(value, f"For {in_words(*case)}, your answer")
    if given < 0:
        raise Wrong(
            f"For {in_words(*case)} you get {quote(given)}. Where nothing fits, there are 0 windows, not fewer."
        )
    if given != 0:
        raise Wrong(
            f"For {in_words(*case)} you get {quote(given)}, but the kernel is larger than the padded picture. "
            "(`int()` rounds towards 0, also below 0; `//` always rounds down.)"
        )


q2 = Problem(
    "01",
    "q2",
    examine_output_size,
    praise="It agrees with counting window by window in seventeen cases, also where nothing fits.",
    hints=[
        "Start without padding and with stride 1. A 3-pixel kernel on a 4-pixel row: which starts are possible?",
        "The last start is at `size + 2 * padding - kernel`. How many steps of `stride` fit into that way?",
        "`//` divides and rounds down. Add 1 for the first position, and let `max(0, …)` see to what does not fit.",
    ],
)


# --- q3: a kernel of one's own ---------------------------------------------------------------------------------------


def edge_answers(kernel):
    """What the kernel gives on a wall of 1, on a step from 1 above to 0 below, and on steps from left to right."""
    level = np.repeat([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], 6).reshape(6, 6)
    wall = float(kernel.sum())
    return wall, correlate(level, kernel)[1:3, 0], correlate(level.T, kernel)[0, 1:3]


def examine_kernel(answer):
    """Positive on bright above dark, 0 on vertical edges and on a plain wall."""
    kernel = as_array(answer, returned=False)
    if kernel.shape != (3, 3):
        raise Wrong(f"Your kernel has the shape {kernel.shape}; three rows of three weights are asked for.")
    largest = float(abs(kernel).max())
    if largest == 0:
        raise Wrong("All your weights are 0: this kernel is silent everywhere.")
    wall, level, upright = edge_answers(kernel / largest)
    nothing = 1e-6  # thirds and sixths as weights do not cancel to the last digit
    if max(abs(level)) < nothing and max(abs(upright)) > nothing:
        raise Wrong("Your kernel answers to **vertical** edges and not to level ones. Swap its rows and columns.")
    if abs(wall) > nothing:
        total = quote(round(float(kernel.sum()), 6))
        raise Wrong(f"Your weights add up to {total}, so a plain wall is not silent. Let plus and minus cancel.")
    if max(abs(upright)) > nothing:
        raise Wrong(
            "On a vertical edge your kernel gives "
            f"{quote(round(float(upright[np.argmax(abs(upright))] * largest), 6))}, not 0. Look at its columns: "
            "what must each of them add up to?"
        )
    if max(abs(level)) < nothing:
        raise Wrong("On bright above dark your kernel gives 0. Add up each row: which should be positive?")
    if level.max() < nothing:
        raise Wrong(
            f"On bright above dark your kernel gives {quote(round(float(level.min() * largest), 6))}: the sign is the "
            "wrong way round. Nothing is flipped here: the upper weights meet the upper pixels."
        )
    if level.min() < -nothing:
        raise Wrong(
            "Around an edge from bright to dark your kernel is positive at one stop and negative at the next: "
            "it looks for lines. Let the weights only fall from the top row to the bottom one."
        )


q3 = Problem(
    "01",
    "q3",
    examine_kernel,
    praise="Positive where it is brighter above, silent on vertical edges and plain walls: you have designed a kernel.",
    hints=[
        "`sobel_x` compares right with left. Which rows must yours compare?",
        "Bright above should count positively: plus in the top row, minus in the bottom row.",
        "Each column has to add up to 0, so that neither walls nor vertical edges count.",
    ],
)


# --- q4: through all channels ----------------------------------------------------------------------------------------


def map_through(picture, weights, bias):
    """The right feature map of one filter over all channels."""
    return np.sum([correlate(picture[..., c], weights[..., c]) for c in range(picture.shape[2])], axis=0) + bias


def filter_case(rows, columns, channels, bias, seed):
    """A small picture and a filter of whole numbers."""
    random = np.random.default_rng(seed)
    picture = random.integers(0, 10, size=(rows, columns, channels))
    return picture, random.integers(-3, 4, size=(3, 3, channels)), bias


def broken_case(rows, columns, channels, bias, seed):
    """The same with weights that are not whole, so that an array of whole numbers cannot hold the map."""
    picture, weights, bias = filter_case(rows, columns, channels, bias, seed)
    return picture, weights + np.random.default_rng(seed).random(weights.shape), bias


FILTER_CASES = [
    filter_case(6, 8, 3, 10, seed=2),
    filter_case(5, 4, 1, -3, seed=3),
    filter_case(7, 6, 5, 1, seed=4),
    broken_case(6, 5, 3, 0.25, seed=7),
]
FILTER_SLIPS = [
    (lambda x, w, b: map_through(x, w, 0), "The bias is missing: it is added once, at each stop."),
    (
        lambda x, w, b: map_through(x, w, b * x.shape[2]),
        "The bias is in it once for each channel. It belongs to the filter: add it once.",
    ),
    (
        lambda x, w, b: map_through(x, w[::-1, ::-1], b),
        "That is the map of the **flipped** kernels. Networks do not flip: upper left weight, upper left pixel.",
    ),
    (
        lambda x, w, b: map_through(x, w[::-1, ::-1, ::-1], b),
        "That is the map of the **flipped** kernels, in flipped order: a true convolution. Use a correlation.",
    ),
    (
        lambda x, w, b: map_through(x, w[:, :, ::-1], b),
        "The channels meet the wrong kernels: kernel 0 belongs to channel 0.",
    ),
    (lambda x, w, b: map_through(x, w.swapaxes(0, 1), b), "Rows and columns of the kernels are swapped."),
    (
        lambda x, w, b: map_through(x[..., :1], w[..., :1], b),
        "That is the map of channel 0 alone. Add the other channels.",
    ),
    (lambda x, w, b: map_through(x[..., -1:], w[..., -1:], b), "That is the last channel alone. Add the maps up."),
    (
        lambda x, w, b: map_through(x[..., :3], w[..., :3], b),
        "That is the sum over the first three channels. This picture has more: ask `picture.shape`.",
    ),
    (
        lambda x, w, b: map_through(x, w, 0) / x.shape[2] + b,
        "That is the **mean** over the channels. A filter adds them up.",
    ),
    (
        lambda x, w, b: correlate(x.sum(axis=2), w.sum(axis=2)) + b,
        "You add up the channels before weighting them. Each channel has a kernel of its own: weight first, then add.",
    ),
]


def examine_filter(answer):
    """Several pictures with different numbers of channels, the first one with three; weights not whole in the last."""
    for case in FILTER_CASES:
        picture, weights, bias = case
        right = map_through(picture, weights, bias)
        setting = f"For a picture of shape {picture.shape} and bias {bias}"
        given = as_array(call_filter(answer, picture, weights, bias), what=f"{setting}, your answer")
        explain_shape(given, right, picture, setting)
        if close(right, given):
            continue
        for slip, sentence in FILTER_SLIPS:
            if close(slip(picture, weights, bias), given):
                raise Wrong(f"{setting}: {sentence[0].lower()}{sentence[1:]}")
        if np.array_equal(given, np.round(given)) and not np.array_equal(right, np.round(right)):
            raise Wrong(
                f"{setting}, your map holds whole numbers only; the products are not whole. "
                "What dtype does the array you fill have? (Or do you round?)"
            )
        (row, column), total = np.argwhere(abs(given - right) > 1e-6)[0], 9 * picture.shape[2]
        raise Wrong(
            f"{setting}, the value in row {row}, column {column} is off: you get {quote(given[row, column])}. "
            f"Add up the {total} products of that window by hand in a cell of your own, then the bias."
        )


def call_filter(answer, picture, weights, bias):
    """Call the learner's function; two errors that nearly everybody meets are told what to do."""
    try:
        return call(answer, picture, weights, bias)
    except Wrong as wrong:
        channels = picture.shape[2]
        if "to unpack" in str(wrong) or "einstein sum" in str(wrong):
            raise Wrong(f"{wrong} `correlate` takes one channel at a time.") from wrong
        if f"axis 2 with size {channels}" in str(wrong):
            noun = "channel" if channels == 1 else "channels"
            raise Wrong(f"{wrong} This picture has {channels} {noun}: ask `picture.shape`.") from wrong
        raise


def explain_shape(given, right, picture, setting):
    """Raise `Wrong` if the shape is not that of one feature map, and say what it looks like."""
    channels, rows, columns = picture.shape[2], *right.shape
    if given.shape == right.shape:
        return
    found = f"{setting} you return the shape {given.shape}."
    if given.shape in ((rows, columns, channels), (channels, rows, columns)):
        raise Wrong(f"{found} That is one map **per channel**. A filter adds them up and writes a single one.")
    if given.shape in ((rows, columns, 1), (1, rows, columns)):
        raise Wrong(f"{found} The numbers of one map need two axes only, rows and columns.")
    if given.shape == picture.shape[:2]:
        raise Wrong(f"{found} You pad, and no padding is asked for: a window of 3 leaves out 2 rows and 2 columns.")
    if given.shape == (columns, rows):
        raise Wrong(f"{found} Rows and columns are swapped.")
    if given.size == 1:
        raise Wrong(f"{found} That is one number in all. There is one at **each stop** of the window.")
    if given.shape in ((rows,), (columns,)):
        raise Wrong(f"{found} The window slides along one axis only. It has to move down as well as to the right.")
    raise Wrong(
        f"{found} How many stops does a 3 × 3 window have in {picture.shape[0]} rows and {picture.shape[1]} columns?"
    )


q4 = Problem(
    "01",
    "q4",
    examine_filter,
    praise="One filter, any number of channels, one feature map. This is what a convolutional layer does at heart.",
    hints=[
        "`picture[:, :, 0]` is the first channel, `weights[:, :, 0]` its kernel. `correlate` makes a map of the two.",
        "Make one map for each channel in `range(picture.shape[2])`, then add the maps.",
        "`np.sum(maps, axis=0)` adds a list of maps place by place. The bias comes last, once.",
    ],
)


# --- q5: count the weights -------------------------------------------------------------------------------------------

WEIGHT_CASES = [(28, 3, 1, 32), (32, 3, 3, 16), (288, 5, 3, 64), (14, 1, 7, 10), (28, 3, 32, 64)]
WEIGHT_SLIPS = [
    (lambda s, k, c, f: k * k * c * f, "The biases are missing: each filter has one."),
    (lambda s, k, c, f: k * k * c * f + 1, "That is one bias for the whole layer. Each filter has its own."),
    (lambda s, k, c, f: (k * k + 1) * c * f, "That is a bias for every kernel. A filter has one for its whole stack."),
    (
        lambda s, k, c, f: k * k * c * f + c,  # the same as (k * k * f + 1) * c
        "That is a bias for each input channel (or channels and filters have changed places). "
        "Count one for each filter.",
    ),
    (
        lambda s, k, c, f: k * k * (c + 1) * f,
        "You count the bias as one more kernel. It is a single number.",
    ),
    (lambda s, k, c, f: k * k * f + f, "The channels are missing: a filter has one kernel for each of them."),
    (
        lambda s, k, c, f: k * k * f,
        "The channels and the biases are missing: a filter is a stack of kernels, plus one.",
    ),
    (lambda s, k, c, f: k * k * c + 1, "That is a single filter. The layer has several."),
    (lambda s, k, c, f: (k * c + 1) * f, "A kernel is a square: `kernel_size` in both directions."),
    (lambda s, k, c, f: k * k * c * (f + 1), "Count the biases again: one for each filter, not one more filter."),
]


def on_picture(size, kernel):
    """What a count is multiplied by if weights are thought to belong to pixels or to stops."""
    return size * size, size, (size - kernel + 1) ** 2, size - kernel + 1


def examine_weights(answer):
    """Several layers; the size of the picture must not matter."""
    results = {case: as_number(call(answer, *case), f"For {layer(case)}, your answer") for case in WEIGHT_CASES}
    right = {case: (k * k * c + 1) * f for case in WEIGHT_CASES for _, k, c, f in [case]}
    missed = [case for case in WEIGHT_CASES if results[case] != right[case]]
    if not missed:
        return
    case = missed[0]
    found = f"For {layer(case)} you count {quote(results[case])}."
    for slip, sentence in WEIGHT_SLIPS:
        if all(results[case] == slip(*case) for case in WEIGHT_CASES):
            raise Wrong(f"{found} {sentence}")
    counts = [right, *({c: slip(*c) for c in WEIGHT_CASES} for slip, _ in WEIGHT_SLIPS)]
    for count in counts:
        if any(all(results[c] == count[c] * on_picture(*c[:2])[i] for c in WEIGHT_CASES) for i in range(4)):
            raise Wrong(
                f"{found} You multiply by the size of the picture. The same weights serve at every stop: "
                "a larger picture costs time, no weights."
            )
    if call(answer, 28, 3, 1, 32) != call(answer, 56, 3, 1, 32):
        raise Wrong(f"{found} Your count changes with the size of the picture. Do the weights know how large it is?")
    raise Wrong(f"{found} Draw one filter of that layer: how many kernels, how many weights in each, how many biases?")


def layer(case):
    """A layer as part of a sentence."""
    size, kernel, channels, filters = case
    noun = "channel" if channels == 1 else "channels"
    return f"{filters} filters of {kernel} × {kernel} on a picture of {size} × {size} with {channels} {noun}"


q5 = Problem(
    "01",
    "q5",
    examine_weights,
    praise="Kernel, channels, filters, biases, and never the size of the picture: the weights are shared by all stops.",
    hints=[
        "Count one filter first: it has a kernel for each channel, and one bias.",
        "All filters are of the same size. Which argument do you not need at all?",
    ],
)


# --- q6: one step downhill -------------------------------------------------------------------------------------------


def step_case(rows, columns, rate, seed):
    """A small picture, the target of a hidden kernel, a start and a learning rate."""
    random = np.random.default_rng(seed)
    x, hidden, start = random.random((rows, columns)), random.normal(size=(3, 3)), random.normal(size=(3, 3))
    return x, correlate(x, hidden), start, rate


STEP_CASES = [step_case(9, 11, 0.25, seed=5), step_case(8, 6, 0.5, seed=6)]


def slope(x, target, kernel):
    """The gradient of the mean squared error with respect to the kernel."""
    error = correlate(x, kernel) - target
    return 2 / error.size * correlate(x, error)


STEP_SLIPS = [
    (
        lambda x, t, k, a: k + a * slope(x, t, k),
        "the step goes **uphill**: the loss grows. Move against the gradient (or check the sign of your error).",
    ),
    (lambda x, t, k, a: slope(x, t, k), "you return the gradient. The kernel after the step is asked for."),
    (lambda x, t, k, a: -a * slope(x, t, k), "you return the step alone. Add it to the kernel."),
    (lambda x, t, k, a: a * slope(x, t, k), "you return the step alone, uphill. Take it away from the kernel."),
    (lambda x, t, k, a: k - slope(x, t, k), "the learning rate makes no difference. Multiply the gradient by it."),
    (
        lambda x, t, k, a: k - a * slope(x, t, k) / 2,
        "the step is half as long as it should be. Where does the 2 of the square's derivative go?",
    ),
    (
        lambda x, t, k, a: k - a * slope(x, t, k) * t.size / 2,
        "the step is many times too long. The formula has 2 / N before the sum, N being `error.size`.",
    ),
    (
        lambda x, t, k, a: k - a * slope(x, t, k) * t.size / 676,
        "the step is too short: you divide by 676, the stops of the digit. This picture has others; ask `error.size`.",
    ),
    (
        lambda x, t, k, a: k - a * slope(x, t, k) * t.size / len(t),
        "you divide by the number of rows: that is what `len` counts. The mean is taken over all stops: `error.size`.",
    ),
    (
        lambda x, t, k, a: k - a * slope(x, t, k) * t.size,
        "the step is many times too long: the loss is a **mean**, so divide by the number of stops, `error.size`.",
    ),
    (
        lambda x, t, k, a: k - a * slope(x, t, k) * t.size / x.size,
        "you divide by the number of pixels. The mean is taken over the stops: `error.size`.",
    ),
    (
        lambda x, t, k, a: k - a * slope(x, t, k) * t.size / 9,
        "you divide by the number of weights. The mean is taken over the stops: `error.size`.",
    ),
    (
        lambda x, t, k, a: k - a * slope(x, t, k)[::-1, ::-1],
        "the gradient is flipped. Nothing is flipped in a correlation of the picture with the error.",
    ),
    (lambda x, t, k, a: k - a * slope(x, t, k).T, "rows and columns of the gradient are swapped."),
    (
        lambda x, t, k, a: k - a * 2 / t.size * correlate(x, correlate(x, k)),
        "you correlate with the feature map. Correlate with the **error**: what you got minus the target.",
    ),
    (
        lambda x, t, k, a: k - a * 2 / t.size * correlate(x, t),
        "you correlate with the target. Correlate with the **error**: what you got minus the target.",
    ),
    (
        lambda x, t, k, a: k - a * 2 / t.size * correlate(x, (correlate(x, k) - t) ** 2),
        "you correlate with the squared error. The square belongs to the loss; its slope holds the error itself.",
    ),
    (
        lambda x, t, k, a: k - a / t.size * correlate(x, (correlate(x, k) - t) ** 2),
        "you correlate with the squared error. The square belongs to the loss; its slope is 2 times the error.",
    ),
    (
        lambda x, t, k, a: k - a * 2 * np.mean(correlate(x, k) - t),
        "every weight moves by the same amount: that is the mean error. Each weight has met other pixels.",
    ),
    (lambda x, t, k, a: k, "the kernel has not moved."),
]


def examine_step(answer):
    """The step from a start, for two pictures and two learning rates."""
    for x, target, kernel, rate in STEP_CASES:
        right = kernel - rate * slope(x, target, kernel)
        setting = f"With a picture of shape {x.shape} and learning rate {rate:g}"
        value = call(answer, x, target, kernel, rate)
        if isinstance(value, tuple) and any(np.ndim(part) == 2 for part in value if isinstance(part, np.ndarray)):
            raise Wrong(f"{setting} you return {len(value)} things. Return the kernel only.")
        given = as_array(value, what=f"{setting}, your answer")
        if given.shape != (3, 3):
            raise Wrong(
                f"{setting} you return the shape {given.shape}; the new kernel is 3 × 3, like the old one. "
                "Which two arrays give 3 × 3 when you correlate them?"
            )
        if close(right, given):
            continue
        for slip, sentence in STEP_SLIPS:
            if close(slip(x, target, kernel, rate), given):
                raise Wrong(f"{setting}, {sentence}")
        raise Wrong(
            f"{setting}, the first weight goes from {quote(round(float(kernel[0, 0]), 4))} to "
            f"{quote(round(float(given[0, 0]), 4))}, which is not the step. Check in turn: the error "
            f"has the shape {target.shape}, the gradient (3, 3), and the step is minus rate times gradient."
        )


q6 = Problem(
    "01",
    "q6",
    examine_step,
    praise="One step against the slope. Training a network is this line, for all of its weights, many times.",
    hints=[
        "`error = correlate_fast(x, kernel) - target`. What does the formula do with it?",
        "The gradient is 2 / N times the correlation of `x` with the error; N is `error.size`.",
        "Downhill means minus: old kernel, minus the learning rate times the gradient.",
    ],
)

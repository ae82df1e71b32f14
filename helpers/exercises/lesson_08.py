"""Lesson 08, augmentation and a small Xception: what its exercises ask and the misconceptions they know."""

import math

import numpy as np

from helpers.exercises.compare import Wrong, as_function, as_number, as_whole_number, call, close, describe
from helpers.exercises.engine import Problem

KEPT = {
    "A": "**A**: a mirrored cat is a cat.",
    "C": "**C**: a satellite has no up and down; a forest that is turned is a forest.",
    "E": "**E**: a cat in a brighter light is a cat.",
}
BROKEN = {
    "B": "**B**: a 6 that is turned by 180° is a 9.",
    "D": "**D**: mirrored, the sign says the other direction.",
    "F": "**F**: red or green is what tells a ripe tomato. Do not change the very thing that the label is about.",
}


def examine_keep(answer):
    """The letters of the tasks whose label survives the change: A, C and E, in any order."""
    if isinstance(answer, np.ndarray):
        answer = answer.tolist()
    if isinstance(answer, list | tuple | set | frozenset) and all(isinstance(one, str) for one in answer):
        answer = "".join(sorted(answer))
    if not isinstance(answer, str):
        raise Wrong(f'Your `keep` is {describe(answer)}. Write the letters as a text, for example `"BF"`.')
    letters = [letter for letter in answer.upper() if letter.isalnum()]
    unknown = [letter for letter in letters if letter not in KEPT | BROKEN]
    if unknown or not letters:
        raise Wrong(f'Your `keep` is {describe(answer)}. It should hold letters from A to F alone, such as `"BF"`.')
    for letter, sentence in BROKEN.items():
        if letter in letters:
            raise Wrong(f"You keep {sentence} The label would be a lie.")
    for letter, sentence in KEPT.items():
        if letter not in letters:
            raise Wrong(f"All that you keep is right, but one is missing. {sentence}")


q1 = Problem(
    "08",
    "q1",
    examine_keep,
    praise="A mirrored or brighter cat is a cat, a turned forest a forest. In the others the answer changes as well.",
    hints=[
        "For each row imagine one picture, change it, and answer the question again.",
        "In three of them the answer after the change is another one, or cannot be given.",
    ],
)

PARAMETER_SLIPS = {
    "That is a plain convolution, with a 3 × 3 kernel for every pair of channel and filter.": (
        lambda c, f: 9 * c * f + f
    ),
    "That is a plain convolution without its biases.": lambda c, f: 9 * c * f,
    "You left out the biases: each filter has one.": lambda c, f: 9 * c + c * f,
    "You gave both steps biases. There is one per filter, added at the very end.": lambda c, f: 9 * c + c + c * f + f,
    "You add a single bias for all filters. **Each** filter has its own.": lambda c, f: 9 * c + c * f + 1,
    "That is only the 1 × 1 convolution. The 3 × 3 kernels, one per channel, are missing.": lambda c, f: c * f + f,
    "That is only the first step, which looks around. The 1 × 1 convolution, which mixes, is missing.": (
        lambda c, f: 9 * c + f
    ),
    "The 3 × 3 kernels belong to what comes in: one per **channel**, not one per filter.": (
        lambda c, f: 9 * f + c * f + f
    ),
    "A kernel of 3 × 3 has 9 weights, not 3.": lambda c, f: 3 * c + c * f + f,
    "You count a single 3 × 3 kernel. There is one **per channel**.": lambda c, f: 9 + c * f + f,
    "The second step looks nowhere: it has 1 weight for each pair of channel and filter, not 9.": (
        lambda c, f: 9 * c + 9 * c * f + f
    ),
    "The biases belong to what goes out: one per **filter**, not one per channel.": lambda c, f: 9 * c + c * f + c,
}


def examine_parameters(answer):
    """`answer(channels, filters)`: 9 per channel, channels times filters, and a bias per filter."""
    for channels, filters in ((4, 32), (128, 256), (728, 1024), (7, 5)):  # in the first, no two slips give the same
        asked = f"For {channels:,} channels and {filters:,} filters"
        given = as_whole_number(call(answer, channels, filters), what=f"{asked}, your answer")
        if given == 9 * channels + channels * filters + filters:
            continue
        for sentence, slip in PARAMETER_SLIPS.items():
            if given == slip(channels, filters):
                raise Wrong(f"{asked}, you return {given:,}. {sentence}")
        raise Wrong(f"{asked}, you return {given:,}. Count three parts: kernels of 3 × 3, the 1 × 1 step, the biases.")


q2 = Problem(
    "08",
    "q2",
    examine_parameters,
    praise="Nine weights per channel to look around, one per pair of channel and filter to mix, one bias per filter.",
    hints=[
        "Step one: each channel has one kernel of its own, 3 × 3.",
        "Step two: a 1 × 1 convolution has one weight for each pair of a channel and a filter.",
        "`return 9 * channels + channels * filters + filters`",
    ],
)

MAIN = ["ReLU", "SeparableConv2D", "BatchNormalization"] * 2 + ["MaxPooling2D"]


def examine_block(answer):
    """`answer(maps, filters)`: the block of S2's Xception as a tensor of Keras, its two paths added."""
    for filters, size in ((8, 12), (5, 9)):
        asked = f"With maps of {size} × {size} × 6 and `filters={filters}`"
        maps, out = _called_on(answer, filters, size, asked)
        added = _layer(out)
        if type(added).__name__ != "Add":
            raise Wrong(f"{asked}, the last step is {_kind(added)}. Add the two paths: `layers.add([around, out])`.")
        paths = [_path(tensor, maps, asked) for tensor in _inputs(out)]
        if len(paths) != 2:
            raise Wrong(f"{asked}, you add {len(paths)} things. Add two: the main path and the way around.")
        paths.sort(key=len)
        _check_around(paths[0], filters, asked)
        _check_main(paths[1], filters, asked)


def _called_on(answer, filters, size, asked):
    import keras

    maps = keras.Input(shape=(size, size, 6))
    as_function(answer, maps, filters)
    try:
        out = call(lambda: answer(maps, filters))
    except Wrong as wrong:
        if "incompatible shapes" not in str(wrong):
            raise
        raise Wrong(f"{asked}: {wrong} What is added needs equal shapes. Look at `padding` and `strides`.") from wrong
    if out is None:
        raise Wrong(f"{asked}, you return `None`. Does the function end with `return`?")
    if not keras.utils.is_keras_tensor(out):
        raise Wrong(f"{asked}, you return {describe(out)}. Return what `layers.add` gives, not a layer or a model.")
    if out is maps:
        raise Wrong(f"{asked}, you return `maps` as they came in.")
    return maps, out


def _layer(tensor):
    """The layer that made a tensor. `_keras_history` is what Keras's own functions for graphs use."""
    return tensor._keras_history.operation


def _inputs(tensor):
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index].input_tensors


def _kind(layer):
    """The name of the layer's class; an activation is named by its function."""
    kind = type(layer).__name__
    activation = getattr(getattr(layer, "activation", None), "__name__", "").lower()
    if kind == "Relu":  # `keras.ops.relu`
        return "ReLU"
    if kind == "Activation":
        return {"relu": "ReLU"}.get(activation, f"Activation({activation})")
    return kind


def _path(tensor, maps, asked):
    """The layers from `maps` to `tensor`, first one first."""
    found = []
    while tensor is not maps:
        if _kind(_layer(tensor)) == "InputLayer":
            raise Wrong(f"{asked}, one path does not begin at `maps`. Call its first layer on `maps`.")
        found.insert(0, _layer(tensor))
        before = _inputs(tensor)
        if len(before) != 1:
            raise Wrong(f"{asked}, a path joins another one at {_kind(found[0])}. Add the two paths once, at the end.")
        (tensor,) = before
    return found


def _check_around(path, filters, asked):
    kinds = [_kind(layer) for layer in path]
    if not kinds:
        raise Wrong(f"{asked}, the way around is `maps` itself. It needs a convolution, 1 × 1, stride 2.")
    if kinds != ["Conv2D"]:
        raise Wrong(f"{asked}, the way around is {' → '.join(kinds)}. Wanted is one plain convolution from `maps`.")
    (conv,) = path
    faults = [
        (conv.kernel_size != (1, 1), f"its kernels are {conv.kernel_size}; 1 × 1 is wanted."),
        (conv.strides != (2, 2), f"its stride is {conv.strides}; with 2 it halves the maps like the pooling."),
        (conv.filters != filters, f"it has {conv.filters} filters. Use the argument `filters`."),
        (conv.activation.__name__ != "linear", f"it has the activation `{conv.activation.__name__}`. Leave it out."),
        (not conv.use_bias, "it has no bias. The tutorial's has one."),
    ]
    _raise_first(faults, f"{asked}, look at the way around:")


def _check_main(path, filters, asked):
    kinds = [_kind(layer) for layer in path]
    if kinds != MAIN:
        raise Wrong(f"{asked}, the main path is {' → '.join(kinds) or 'empty'}. {_why_not_main(kinds)}")
    pooling = path[-1]
    faults = [
        (path[2] is path[5], "one batch normalisation is called twice. Make a new layer each time."),
        (tuple(pooling.pool_size) != (3, 3), f"pooling looks at windows of {pooling.pool_size}; 3 × 3 is wanted."),
        (tuple(pooling.strides) != (2, 2), f"pooling moves by {pooling.strides}. Give it `strides=2`."),
        (pooling.padding != "same", 'pooling has no padding; `padding="same"` is wanted.'),
    ]
    for conv in (path[1], path[4]):
        faults += [
            (conv.filters != filters, f"a separable convolution has {conv.filters} filters. Use `filters`."),
            (conv.kernel_size != (3, 3), f"a separable convolution has kernels of {conv.kernel_size}, not 3 × 3."),
            (conv.padding != "same", 'a separable convolution has no padding; `padding="same"` keeps the size.'),
            (conv.strides != (1, 1), "a separable convolution has a stride. Pooling alone makes the maps smaller."),
            (conv.activation.__name__ != "linear", "ReLU stands **before** each separable convolution, as a layer."),
            (not conv.use_bias, "a separable convolution has no bias. The tutorial's have one."),
            (conv.depth_multiplier != 1, "`depth_multiplier` should stay 1: one kernel per channel."),
        ]
    _raise_first(faults, f"{asked}, look at the main path:")


def _why_not_main(kinds):
    if "Conv2D" in kinds:
        return "It has a plain convolution; the two of the main path are separable."
    if kinds == MAIN[:3] + MAIN[-1:]:
        return "Once more ReLU, separable convolution, batch normalisation: the three come twice."
    if sorted(kinds) == sorted(MAIN):
        return f"All are there, in another order than {' → '.join(MAIN)}."
    missing = [kind for kind in dict.fromkeys(MAIN) if kinds.count(kind) < MAIN.count(kind)]
    return f"Too few: {', '.join(missing)}." if missing else f"Wanted: {' → '.join(MAIN)}."


def _raise_first(faults, start):
    for wrong, sentence in faults:
        if wrong:
            raise Wrong(f"{start} {sentence}")


q3 = Problem(
    "08",
    "q3",
    examine_block,
    praise="Two paths from the same maps, both half as high and wide at their end, so that they can be added.",
    hints=[
        'Call layer by layer: `out = layers.Activation("relu")(maps)`, then the next one on `out`.',
        "The way around starts from `maps` again: `around = layers.Conv2D(filters, kernel_size=1, strides=2)(maps)`.",
        'Pooling is `layers.MaxPooling2D(pool_size=3, strides=2, padding="same")(out)`; '
        "the end is `return layers.add([around, out])`.",
    ],
)


def examine_augmented(answer):
    """`answer(batches, augment)`: pictures through `augment` once per pass, labels kept, the next batch prefetched."""
    import tensorflow as tf

    modes, calls = [], tf.Variable(0.0)

    def probe(pictures, training=False):
        """Adds 10, and a little more with each call, in training only."""
        training = isinstance(training, int) and bool(training)  # 1 counts, a tensor of labels does not
        modes.append(training)
        return pictures + 10 + calls.assign_add(1.0) / 1_000 if training else pictures

    pictures, labels = np.zeros((6, 2, 2, 3), np.float32), np.arange(6, dtype=np.float32).reshape(6, 1)
    batches = tf.data.Dataset.from_tensor_slices((pictures, labels)).batch(2)
    as_function(answer, batches, probe)
    list(batches.map(lambda pictures, labels: (probe(pictures), labels)))  # the first `map` of a session is slow
    modes.clear()

    def answered():
        """TensorFlow makes a traceback the message of an error inside `map`; its last line tells what happened."""
        try:
            return answer(batches, probe)
        except Exception as error:
            if not str(error).startswith("in user code"):
                raise
            raise RuntimeError(f"in `map`, {str(error).strip().splitlines()[-1].strip()}") from error

    given = call(answered)
    if given is None:
        raise Wrong("You return `None`. Does the function end with `return`?")
    if not isinstance(given, tf.data.Dataset):
        raise Wrong(f"You return {describe(given)}. Return a data set: what `batches.map(…)` gives.")
    spec = given.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2 or not all(isinstance(one, tf.TensorSpec) for one in spec):
        raise Wrong("Each element should be a pair again. Let the function in `map` return `pictures, labels`.")
    first, second = (call(lambda: list(given.as_numpy_iterator())) for _ in range(2))
    seen, kept = np.concatenate([one for one, _ in first]), np.concatenate([two for _, two in first])
    if (seen.shape, kept.shape) == (labels.shape, pictures.shape):
        raise Wrong("Labels come first in your pairs. Return the pictures first: `pictures, labels`.")
    if seen.shape != pictures.shape:
        raise Wrong(f"Of 6 pictures of 2 × 2 × 3 you make an array of shape {seen.shape}. Map batch by batch, once.")
    times = float(np.floor(seen / 10).mean())
    if seen.any() and (times == 0 or seen.dtype.kind != "f"):
        raise Wrong("What `augment` gives is changed once more. Hand it on as it is.")
    if times == 0:
        raise Wrong(f"The pictures come out unchanged. {_why_unchanged(modes)}")
    if times == 2:
        raise Wrong("Every picture went through `augment` twice. Its turns add up.")
    if times != 1:
        raise Wrong("Not every picture went through `augment` exactly once. One `map` over `batches` does it.")
    if kept.shape != labels.shape or not close(np.sort(labels, axis=0), np.sort(kept, axis=0)):
        raise Wrong("The labels are changed. `augment` is for the pictures alone.")
    if close(seen, np.concatenate([one for one, _ in second])):
        raise Wrong("Two epochs give the very same variations. Is there a `cache()` behind the augmentation?")
    if "Prefetch" not in type(given).__name__:
        raise Wrong("Augmented once, labels kept. Now let it prepare the next batch: end with `.prefetch(…)`.")


def _why_unchanged(modes):
    if not modes:
        return "`augment` was never called."
    if True not in modes:
        return "`augment` was called without `training=True`, so it lets every pixel pass."
    return "`map` returns a new data set and leaves the old one alone. Return the new one."


q4 = Problem(
    "08",
    "q4",
    examine_augmented,
    praise="Once, in training only, anew in each epoch, and while the network is busy with the batch before.",
    hints=[
        "`batches.map(function)` calls `function(pictures, labels)`, which returns the new pair.",
        "The new pictures: `augment(pictures, training=True)`.",
        "`return batches.map(…, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)`",
    ],
)


def stopped(losses, patience):
    """What Keras's EarlyStopping does: (epoch after which training ends, epoch with the lowest loss), from 1."""
    best = 1
    for epoch, loss in enumerate(losses, start=1):
        if loss < losses[best - 1]:
            best = epoch
        if epoch - best == patience:
            return epoch, best
    return len(losses), best


CASES = (
    ([0.7, 0.6, 0.5, 0.55, 0.52, 0.51, 0.53, 0.4], 3),
    ([0.7, 0.6, 0.65, 0.5, 0.45], 2),
    ([0.9, 0.8, 0.8, 0.7, 0.8, 0.75, 0.6], 2),
    ([0.3, 0.4, 0.35], 1),
    ([0.5, 0.5, 0.5, 0.5], 3),
)


def examine_stop(answer):
    """`answer(losses, patience)` gives (last epoch, best epoch), counted from 1."""
    for losses, patience in CASES:
        given = call(answer, losses, patience)
        asked = f"For losses {losses} and patience {patience}"
        if given is None:
            raise Wrong(f"{asked}, you return `None`. Does the function end with `return`?")
        if not isinstance(given, tuple | list | np.ndarray) or np.shape(given) != (2,):
            raise Wrong(f"{asked}, you return {describe(given)}. Return two numbers: `return last, best`.")
        last, best = (as_whole_number(value, what=f"{asked}, one of your numbers") for value in given)
        if (last, best) != stopped(losses, patience):
            raise Wrong(f"{asked}, you return {last} and {best}. {_why_not_stop(last, best, losses, patience)}")


def _why_not_stop(last, best, losses, patience):
    right_last, right_best = stopped(losses, patience)
    if (last, best) == (right_last - 1, right_best - 1):
        return "You count epochs from 0; the first one is 1."
    if (last, best) == (right_best, right_last):
        return "They are swapped: first the epoch after which training ends."
    if last == right_last:
        if best == right_last and losses[best - 1] > losses[right_best - 1]:
            return "The last epoch's weights are not the best: whose loss is lowest?"
        if best > right_last:
            return f"Epoch {best} is never trained: training has ended before."
        lowest = min(losses[:right_last])
        if best > right_best and losses[best - 1] == lowest:
            return f"{lowest} comes first after epoch {right_best}; the same loss again is not **below** it."
        return f"The lowest loss up to there, {lowest}, comes first after epoch {right_best}."
    if last < right_last:
        return "Too early. Count epochs from 1; one is waiting only if it is not below the lowest loss **so far**."
    if last == right_last + 1 < len(losses):
        return f"One too late: the epochs after the best one count, and {patience} of them are enough."
    return (
        f"Training ends earlier: {patience} in a row are not below the lowest loss **so far**. "
        "A loss that is only below the one before it is no new best."
    )


q5 = Problem(
    "08",
    "q5",
    examine_stop,
    praise="Training goes on for `patience` epochs after its best one; that one's file is what you keep.",
    hints=[
        "Go through the losses and remember the epoch with the lowest one so far.",
        "Training ends as soon as the epoch is `patience` later than the best one.",
        "`for epoch, loss in enumerate(losses, start=1):`, in it `if loss < losses[best - 1]: best = epoch`, "
        "then `if epoch - best == patience: return epoch, best`.",
    ],
)

SCORE_CASES = (
    ([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0, 0, 0]),
    ([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]),
    ([0, 1, 0, 1, 1, 1, 1, 0], [0, 1, 0, 0, 0, 0, 0, 0]),
)


def three(labels, predicted):
    """Precision, recall and F1 of class 1."""
    hits = int(np.sum((labels == 1) & (predicted == 1)))
    precision, recall = hits / int(predicted.sum()), hits / int(labels.sum())
    return precision, recall, 2 * precision * recall / (precision + recall)


def examine_scores(answer):
    """`answer(labels, predicted)` gives precision, recall and F1 of class 1."""
    for labels, predicted in (tuple(map(np.array, case)) for case in SCORE_CASES[::-1]):
        given = call(answer, labels, predicted)
        asked = f"For labels {labels.tolist()} and predicted {predicted.tolist()}"
        if given is None:
            raise Wrong(f"{asked}, you return `None`. Does the function end with `return`?")
        if not isinstance(given, tuple | list | np.ndarray) or np.shape(given) != (3,):
            raise Wrong(f"{asked}, you return {describe(given)}. Return three numbers: precision, recall, F1.")
        numbers = [as_number(value, what=f"{asked}, one of your numbers") for value in given]
        right = three(labels, predicted)
        if close(right, numbers, tolerance=5e-3):
            continue
        shown = ", ".join(f"{number:.2f}" for number in numbers)
        raise Wrong(f"{asked}, you return {shown}. {_why_not_scores(numbers, labels, predicted)}")


def _why_not_scores(numbers, labels, predicted):
    precision, recall, f1 = three(labels, predicted)
    accuracy = float(np.mean(labels == predicted))

    def same(one, other):
        return math.isclose(one, other, abs_tol=5e-3)

    if close((recall, precision, f1), numbers, tolerance=5e-3):
        return "Precision and recall are swapped: precision looks at what was **called** 1, recall at what **is** 1."
    if close(three(1 - labels, 1 - predicted), numbers, tolerance=5e-3):
        return "These are the scores of class 0. The rare class is 1."
    if close(np.multiply(100, (precision, recall, f1)), numbers, tolerance=5e-3):
        return "These are per cent. Return shares, from 0 to 1."
    if close(sorted((precision, recall, f1)), sorted(numbers), tolerance=5e-3):
        return "The numbers are right, in another order than precision, recall, F1."
    if same(numbers[0], precision) and same(numbers[1], recall):
        if same(numbers[2], (precision + recall) / 2):
            return "F1 is the harmonic mean, 2 · precision · recall / (precision + recall), not the plain one."
        if same(numbers[2], precision * recall / (precision + recall)):
            return "F1 lacks its factor of 2."
        return "Precision and recall are right. F1 is 2 · precision · recall / (precision + recall)."
    if same(numbers[0], accuracy) and not same(precision, accuracy):
        return "Your first number is the accuracy. Precision looks only at what was called 1."
    if same(numbers[1], accuracy) and not same(recall, accuracy):
        return "Your second number is the accuracy. Recall looks only at what is 1."
    if same(numbers[1], recall):
        return "Recall is right. Precision: the hits, divided by how often 1 was **predicted**."
    if same(numbers[0], precision):
        return "Precision is right. Recall: the hits, divided by how many **are** 1."
    return "A hit is a picture that is 1 and was called 1. Count the hits first."


q6 = Problem(
    "08",
    "q6",
    examine_scores,
    praise="Precision asks whether an alarm can be trusted, recall whether anything is missed; F1 is low if either is.",
    hints=[
        "A hit: `(labels == 1) & (predicted == 1)`. Count them with `np.sum`.",
        "Precision divides the hits by the number of `predicted == 1`, recall by the number of `labels == 1`.",
        "F1: `2 * precision * recall / (precision + recall)`",
    ],
)

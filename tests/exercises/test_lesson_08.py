"""Lesson 08: every exercise takes right answers however written, and names what is off in a wrong one."""

import jupytext
import numpy as np
import pytest
from answers import assert_right, assert_survives_garbage, assert_wrong, forgets_return, takes_nothing

from helpers import quiet
from helpers.exercises import source
from helpers.exercises.lesson_08 import BROKEN, CASES, KEPT, PARAMETER_SLIPS, q1, q2, q3, q4, q5, q6, stopped, three

quiet.start_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402
from sklearn.metrics import precision_recall_fscore_support  # noqa: E402

from helpers import models  # noqa: E402

LESSON = source.LESSONS / "08_augmentation_xception.py"


def solution(problem):
    """What the lesson's worked cell of `problem` defines."""
    space = {"np": np, "keras": keras, "layers": layers, "tf": tf}
    exec(source.find_solution("08", problem), space)
    return space


def built_in_lesson(start):
    """What the lesson's cell that begins like this defines."""
    cells = [cell.source for cell in jupytext.read(LESSON).cells if cell.cell_type == "code"]
    (code,) = [cell for cell in cells if cell.startswith(start)]
    space = {"keras": keras, "layers": layers}
    exec(code, space)
    return space


# --- The network of the tutorial, read off its description: kind, shape behind it, parameters


def published():
    """S2's network at 180 × 180, row by row; the way around each block stands behind its pooling."""
    rows = [("Rescaling", (180, 180, 3), 0), ("Conv2D", (90, 90, 128), (27 + 1) * 128)]
    rows += [("BatchNormalization", (90, 90, 128), 4 * 128), ("Activation", (90, 90, 128), 0)]
    channels = 128
    for side, filters in ((90, 256), (45, 512), (23, 728)):
        for given in (channels, filters):
            rows.append(("Activation", (side, side, given), 0))
            rows.append(("SeparableConv2D", (side, side, filters), 9 * given + given * filters + filters))
            rows.append(("BatchNormalization", (side, side, filters), 4 * filters))
        half = -(-side // 2)
        rows.append(("MaxPooling2D", (half, half, filters), 0))
        rows.append(("Conv2D", (half, half, filters), (channels + 1) * filters))
        rows.append(("Add", (half, half, filters), 0))
        channels = filters
    rows.append(("SeparableConv2D", (12, 12, 1024), 9 * 728 + 728 * 1024 + 1024))
    rows += [("BatchNormalization", (12, 12, 1024), 4 * 1024), ("Activation", (12, 12, 1024), 0)]
    return [*rows, ("GlobalAveragePooling2D", (1024,), 0), ("Dropout", (1024,), 0), ("Dense", (1,), 1025)]


def test_the_network_is_the_tutorials_layer_by_layer():
    xception = built_in_lesson("def xception(")["xception"]
    network = xception(image_size=180)
    rows = [(type(layer).__name__, layer.output.shape[1:], layer.count_params()) for layer in network.layers[1:]]
    assert sorted(rows, key=str) == sorted(published(), key=str)
    assert network.count_params() == sum(count for *_, count in published()) == 2_731_065
    assert network.layers[-2].rate == 0.5 and network.layers[-1].activation.__name__ == "sigmoid"
    momenta = {layer.momentum for layer in network.layers if isinstance(layer, layers.BatchNormalization)}
    assert momenta == {0.99}
    (scale,) = [layer.scale for layer in network.layers if isinstance(layer, layers.Rescaling)]
    assert scale == 1 / 255


def test_the_lesson_shows_the_network_that_is_recorded():
    shown, recorded = built_in_lesson("def xception(")["xception"](image_size=180), models.xception_s2()
    tables = [sorted(models.layer_table(network), key=str) for network in (shown, recorded)]
    assert tables[0] == tables[1]


def test_the_network_computes_what_a_second_writing_of_it_does():
    """The same weights in a network that is written down anew, in another style, give the same answers."""

    def again(size, first, sizes, last):
        start = keras.Input((size, size, 3))
        x = keras.Sequential(
            [
                layers.Rescaling(1 / 255),
                layers.Conv2D(first, 3, 2, padding="same"),
                layers.BatchNormalization(),
                layers.ReLU(),
            ]
        )(start)
        for filters in sizes:
            main = keras.Sequential()
            for _ in range(2):
                main.add(layers.ReLU())
                main.add(layers.SeparableConv2D(filters, 3, padding="same"))
                main.add(layers.BatchNormalization())
            main.add(layers.MaxPooling2D(3, 2, padding="same"))
            x = main(x) + layers.Conv2D(filters, 1, 2)(x)
        end = [layers.SeparableConv2D(last, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()]
        end += [layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid")]
        return keras.Model(start, keras.Sequential(end)(x))

    sizes = {"first": 4, "sizes": (6, 7), "last": 9}
    keras.utils.set_random_seed(8)
    ours, theirs = built_in_lesson("def xception(")["xception"](20, **sizes), again(20, **sizes)
    shapes = [sorted(tuple(weights.shape) for weights in one.weights) for one in (ours, theirs)]
    assert shapes[0] == shapes[1]
    kinds = [layers.Conv2D, layers.SeparableConv2D, layers.BatchNormalization, layers.Dense]
    for kind in kinds:
        pairs = zip(leaves(ours, kind), leaves(theirs, kind), strict=True)
        for one, other in pairs:
            values = [np.random.default_rng(8).uniform(0.1, 1, weights.shape) for weights in one.get_weights()]
            one.set_weights(values)
            other.set_weights(values)
    pictures = np.random.default_rng(8).uniform(0, 255, (3, 20, 20, 3)).astype(np.float32)
    answers = np.asarray(ours(pictures, training=False)), np.asarray(theirs(pictures, training=False))
    np.testing.assert_allclose(*answers, rtol=1e-4)


def leaves(network, kind):
    """The layers of a kind, those inside inner networks included, by the shape of their kernels."""
    found = [layer for layer in network._flatten_layers() if type(layer) is kind]
    return sorted(found, key=lambda layer: [tuple(weights.shape) for weights in layer.weights])


def test_what_the_prose_says_of_work_and_size():
    """ "Seven times the parameters, and eight times its work", and "nearly three quarters" for 240 pixels."""
    from helpers.explain import explain

    xception = built_in_lesson("def xception(")["xception"]
    table, larger = explain(xception(image_size=180)), explain(xception(image_size=240))
    work = table["multiply-adds"].str.replace(",", "").astype(int)
    plain = [(9 * given * filters, shape) for given, filters, shape in separable_rows()]
    assert round(sum(weights for weights, _ in plain) / 2_731_065) == 7
    assert round(sum(weights * side * side for weights, side in plain) / work.iloc[-1]) == 8
    assert 0.73 < int(larger["multiply-adds"].iloc[-1].replace(",", "")) / work.iloc[-1] - 1 < 0.75
    one, other = sorted(work.iloc[:-1])[-2:]
    assert other / one < 1.03  # "the work is nearly the same"


def separable_rows():
    """(channels, filters, side of the map) of the seven separable convolutions."""
    channels, rows = 128, []
    for side, filters in ((90, 256), (45, 512), (23, 728)):
        rows += [(channels, filters, side), (filters, filters, side)]
        channels = filters
    return [*rows, (728, 1024, 12)]


def test_keras_stops_at_a_folder_of_other_names(tmp_path):
    for name in ("train", "test"):
        (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match="class_names"):
        keras.utils.image_dataset_from_directory(tmp_path, class_names=["Cat", "Dog"], verbose=False)


# --- Exercise 1: which labels survive


@pytest.mark.parametrize(
    "answer", ["ACE", "e, c, a", "A-C/E\n", ["A", "E", "C"], {"A", "C", "E"}, np.array(list("ACE"))]
)
def test_keep_right(answer):
    assert_right(q1, answer)


def test_keep_solution():
    assert_right(q1, solution("q1")["keep"])


@pytest.mark.parametrize("letter", BROKEN)
def test_each_false_label_is_named(letter):
    assert_wrong(q1, f"ACE{letter}", BROKEN[letter])


@pytest.mark.parametrize("letter", KEPT)
def test_each_missing_letter_is_named(letter):
    assert_wrong(q1, "ACE".replace(letter, ""), KEPT[letter])


@pytest.mark.parametrize(("answer", "sentence"), [("", "letters from A to F"), ("ACG", "A to F"), (3, "as a text")])
def test_keep_wrong(answer, sentence):
    assert_wrong(q1, answer, sentence)


def test_keep_garbage(monkeypatch):
    assert_survives_garbage(q1, monkeypatch)


# --- Exercise 2: the parameters of a separable convolution


def test_parameters_right():
    assert_right(q2, solution("q2")["separable_parameters"])
    assert_right(q2, lambda channels, filters: channels * (9 + filters) + filters)
    assert_right(q2, lambda channels, filters: float(np.sum([9 * channels, filters * (channels + 1)])))


def test_the_formula_is_that_of_keras():
    layer = layers.SeparableConv2D(5, kernel_size=3)
    layer.build((None, 8, 8, 7))
    assert solution("q2")["separable_parameters"](7, 5) == layer.count_params()


def test_no_two_slips_in_parameters_give_the_same():
    given = [slip(4, 32) for slip in PARAMETER_SLIPS.values()]
    assert len({9 * 4 + 4 * 32 + 32, *given}) == len(given) + 1


@pytest.mark.parametrize("sentence", PARAMETER_SLIPS)
def test_each_slip_in_parameters_is_named(sentence):
    assert_wrong(q2, PARAMETER_SLIPS[sentence], sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda channels, filters: 17, "Count three parts"),
        (lambda channels, filters: 9 * channels + channels * filters + filters + 1, "Count three parts"),
        (lambda channels, filters: 0.5, "no whole number"),
        (forgets_return, "Does the function end with `return`?"),
        (lambda channels: 1, "Keep the first line"),
    ],
)
def test_parameters_wrong(answer, sentence):
    assert_wrong(q2, answer, sentence)


def test_parameters_garbage(monkeypatch):
    assert_survives_garbage(q2, monkeypatch)


# --- Exercise 3: a block that branches


def block(pair=2, order=("relu", "conv", "norm"), activation="relu", pool=None, around=None, join=None, **conv):
    """A function that builds the block with what is changed."""

    def residual_block(maps, filters):
        settings = {"filters": filters, "kernel_size": 3, "padding": "same"} | conv
        make = {
            "relu": lambda: layers.Activation(activation),
            "conv": lambda: layers.SeparableConv2D(**settings),
            "norm": layers.BatchNormalization,
        }
        out = maps
        for _ in range(pair):
            for name in order:
                out = make[name]()(out)
        out = layers.MaxPooling2D(**({"pool_size": 3, "strides": 2, "padding": "same"} | (pool or {})))(out)
        wide = layers.Conv2D(**({"filters": filters, "kernel_size": 1, "strides": 2} | (around or {})))(maps)
        return (join or layers.add)([out, wide])

    return residual_block


def by_relu_layers(maps, filters):
    out = layers.ReLU()(maps)
    out = layers.SeparableConv2D(filters, (3, 3), padding="same")(out)
    out = layers.BatchNormalization(momentum=0.9)(out)
    out = layers.ReLU()(out)
    out = layers.SeparableConv2D(filters, 3, padding="same")(out)
    out = layers.BatchNormalization()(out)
    out = layers.MaxPooling2D((3, 3), strides=(2, 2), padding="same")(out)
    around = layers.Conv2D(filters, 1, 2, padding="same")(maps)
    return layers.Add()([around, out])


def by_operations(maps, filters):
    out = maps
    for _ in range(2):
        out = layers.SeparableConv2D(filters, 3, padding="same")(keras.ops.relu(out))
        out = layers.BatchNormalization()(out)
    return layers.MaxPooling2D(3, 2, padding="same")(out) + layers.Conv2D(filters, 1, 2)(maps)


def test_block_right():
    assert_right(q3, solution("q3")["residual_block"])
    assert_right(q3, block())
    assert_right(q3, block(join=lambda both: layers.Add()(both[::-1])))
    assert_right(q3, by_relu_layers)
    assert_right(q3, by_operations)


def narrow_first(maps, filters):
    def main(filters, maps):
        maps = layers.SeparableConv2D(filters, 3, padding="same")(layers.ReLU()(maps))
        return layers.BatchNormalization()(maps)

    out = layers.MaxPooling2D(3, 2, padding="same")(main(filters, main(3, maps)))
    return layers.add([out, layers.Conv2D(filters, 1, 2)(maps)])


def normalises_twice_by_one_layer(maps, filters):
    norm, out = layers.BatchNormalization(), maps
    for _ in range(2):
        out = norm(layers.SeparableConv2D(filters, 3, padding="same")(layers.ReLU()(out)))
    return layers.add([layers.MaxPooling2D(3, 2, padding="same")(out), layers.Conv2D(filters, 1, 2)(maps)])


def returns_a_layer(maps, filters):
    return layers.Add()


def goes_elsewhere(maps, filters):
    return block()(keras.Input((12, 12, 6)), filters)


def adds_the_maps(maps, filters):
    return layers.add([maps, layers.Activation("relu")(maps)])


def adds_twice(maps, filters):
    return layers.add([block()(maps, filters), layers.Conv2D(filters, 1, 2)(maps)])


def goes_around_later(maps, filters):
    start = layers.Activation("relu")(maps)
    return layers.add([layers.MaxPooling2D(3, 2, "same")(start), layers.Conv2D(6, 1, 2)(start)])


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (block(pair=1), "the three come twice"),
        (block(order=("conv", "norm", "relu")), "in another order"),
        (block(order=("relu", "conv")), "Too few: BatchNormalization"),
        (block(pair=3), "Wanted: ReLU"),
        (block(activation="tanh"), "Too few: ReLU"),
        (block(kernel_size=5), "not 3 × 3"),
        (narrow_first, "Use `filters`"),
        (block(activation="relu", use_bias=False), "no bias"),
        (block(depth_multiplier=2), "should stay 1"),
        (block(pool={"pool_size": 2}), "3 × 3 is wanted"),
        (block(around={"kernel_size": 3, "padding": "same"}), "1 × 1 is wanted"),
        (block(around={"activation": "relu"}), "Leave it out"),
        (block(around={"use_bias": False}), "has no bias"),
        (block(join=layers.concatenate), "Add the two paths"),
        (block(join=lambda both: both[0]), "Add the two paths"),
        (block(join=lambda both: layers.add([*both, both[1]])), "Add two"),
        (block(padding="valid"), "Look at `padding` and `strides`"),
        (block(pool={"padding": "valid"}), "Look at `padding` and `strides`"),
        (block(around={"strides": 1}), "needs equal shapes"),
        (normalises_twice_by_one_layer, "called twice"),
        (goes_elsewhere, "Call its first layer on `maps`"),
        (goes_around_later, "the way around is"),
        (adds_the_maps, "the way around is `maps` itself"),
        (adds_twice, "Add the two paths once"),
        (returns_a_layer, "Return what `layers.add` gives"),
        (lambda maps, filters: maps, "as they came in"),
        (forgets_return, "Does the function end with `return`?"),
        (takes_nothing, "Keep the first line"),
    ],
)
def test_block_wrong(answer, sentence):
    assert_wrong(q3, answer, sentence)


def test_block_garbage(monkeypatch):
    assert_survives_garbage(q3, monkeypatch)


# --- Exercise 4: augmentation in the pipeline


def maps(function, prefetch=True):
    """A pipeline whose `map` does `function(augment, pictures, labels)`."""

    def augmented(batches, augment):
        varied = batches.map(lambda pictures, labels: function(augment, pictures, labels))
        return varied.prefetch(1) if prefetch else varied

    return augmented


def once(augment, pictures, labels):
    return augment(pictures, training=True), labels


def forgets_the_new_one(batches, augment):
    batches.map(lambda pictures, labels: (augment(pictures, training=True), labels))
    return batches.prefetch(1)


def in_two_steps(batches, augment):
    return maps(once)(maps(once)(batches, augment), augment)


def test_augmented_right():
    assert_right(q4, solution("q4")["augmented"])
    assert_right(q4, maps(once))
    assert_right(q4, maps(lambda augment, pictures, labels: (augment(pictures, training=1), labels)))
    assert_right(q4, lambda batches, augment: maps(once, prefetch=False)(batches.prefetch(1), augment).prefetch(2))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (maps(lambda augment, pictures, labels: (augment(pictures), labels)), "without `training=True`"),
        (maps(lambda augment, pictures, labels: (augment(pictures, training=False), labels)), "`training=True`"),
        (maps(lambda augment, pictures, labels: (pictures, labels)), "was never called"),
        (maps(lambda augment, pictures, labels: (augment((pictures, labels)), labels)), "a pair again"),
        (maps(lambda augment, pictures, labels: once(augment, pictures, labels)[::-1]), "pictures first"),
        (maps(lambda augment, pictures, labels: (once(augment, pictures, labels)[0] / 255, labels)), "once more"),
        (
            maps(lambda augment, pictures, labels: (tf.cast(once(augment, pictures, 0)[0], "uint8"), labels)),
            "once more",
        ),
        (lambda batches, augment: batches.map(lambda pair: augment(pair, training=True)), "but 2 were given"),
        (forgets_the_new_one, "leaves the old one alone"),
        (in_two_steps, "twice"),
        (maps(lambda augment, pictures, labels: (once(augment, pictures, labels)[0], labels + 1)), "labels"),
        (maps(lambda augment, pictures, labels: augment(pictures, training=True)), "a pair again"),
        (maps(once, prefetch=False), "end with `.prefetch(…)`"),
        (lambda batches, augment: maps(once)(batches, augment).cache().prefetch(1), "Is there a `cache()`"),
        (lambda batches, augment: maps(once)(batches, augment).take(1).prefetch(1), "Of 6 pictures"),
        (lambda batches, augment: maps(once)(batches, augment).concatenate(batches).prefetch(1), "Of 6 pictures"),
        (lambda batches, augment: augment, "Return a data set"),
        (forgets_return, "Does the function end with `return`?"),
        (takes_nothing, "Keep the first line"),
    ],
)
def test_augmented_wrong(answer, sentence):
    assert_wrong(q4, answer, sentence)


def test_augmented_garbage(monkeypatch):
    assert_survives_garbage(q4, monkeypatch)


# --- Exercise 5: early stopping


def test_our_rule_is_that_of_keras():
    """Feed EarlyStopping with the losses of the check, and with many drawn by lot."""
    lots = np.random.default_rng(8)
    drawn = [(lots.integers(1, 9, size=10).tolist(), int(lots.integers(1, 5))) for _ in range(200)]
    for losses, patience in [*CASES, *drawn]:
        model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
        callback = keras.callbacks.EarlyStopping(monitor="val_loss", patience=patience, restore_best_weights=False)
        callback.set_model(model)
        callback.on_train_begin()
        model.stop_training, last = False, 0
        while not model.stop_training and last < len(losses):
            callback.on_epoch_end(last, {"val_loss": losses[last]})
            last += 1
        assert (last, callback.best_epoch + 1) == stopped(losses, patience)


def with_min(losses, patience):
    last = next((n for n in range(1, len(losses) + 1) if n - int(np.argmin(losses[:n])) - 1 >= patience), len(losses))
    return [last, np.int64(np.argmin(losses[:last])) + 1]


def waits(losses, patience):
    lowest, best, waited = float("inf"), 0, 0
    for number, loss in enumerate(losses):
        waited += 1
        if loss < lowest:
            lowest, best, waited = loss, number + 1, 0
        if waited >= patience:
            break
    return number + 1, best


def test_stop_right():
    assert_right(q5, solution("q5")["stop"])
    assert_right(q5, with_min)
    assert_right(q5, waits)


def previous(losses, patience):
    """Waits while the loss is above the one before."""
    waited = 0
    for number in range(1, len(losses)):
        waited = waited + 1 if losses[number] >= losses[number - 1] else 0
        if waited == patience:
            return number + 1, int(np.argmin(losses[: number + 1])) + 1
    return len(losses), int(np.argmin(losses)) + 1


def takes_equals(losses, patience):
    """Takes a loss that equals the lowest for a new best one when it names the file, not when it waits."""
    last = stopped(losses, patience)[0]
    return last, last - int(np.argmin(losses[:last][::-1]))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda losses, patience: tuple(number - 1 for number in stopped(losses, patience)), "count epochs from 0"),
        (lambda losses, patience: stopped(losses, patience)[::-1], "swapped"),
        (lambda losses, patience: (len(losses), stopped(losses, patience)[1]), "Training ends earlier"),
        (lambda losses, patience: (stopped(losses, patience)[0], int(np.argmin(losses)) + 1), "is never trained"),
        (lambda losses, patience: (stopped(losses, patience)[0],) * 2, "are not the best"),
        (lambda losses, patience: (stopped(losses, patience)[0], 1), "The lowest loss up to there"),
        (lambda losses, patience: stopped(losses, patience + 1), "One too late"),
        (lambda losses, patience: stopped(losses, 1), "Too early"),
        (previous, "Training ends earlier"),
        (takes_equals, "is not **below** it"),
        (lambda losses, patience: 4, "Return two numbers"),
        (forgets_return, "Does the function end with `return`?"),
        (takes_nothing, "Keep the first line"),
    ],
)
def test_stop_wrong(answer, sentence):
    assert_wrong(q5, answer, sentence)


def test_stop_garbage(monkeypatch):
    assert_survives_garbage(q5, monkeypatch)


# --- Exercise 6: precision, recall, F1


def by_scikit_learn(labels, predicted):
    return precision_recall_fscore_support(labels, predicted, average="binary")[:3]


def by_counting(labels, predicted):
    pairs = list(zip(labels.tolist(), predicted.tolist(), strict=True))
    hits, misses, alarms = pairs.count((1, 1)), pairs.count((1, 0)), pairs.count((0, 1))
    return [hits / (hits + alarms), hits / (hits + misses), round(2 * hits / (2 * hits + misses + alarms), 3)]


def test_scores_right():
    assert_right(q6, solution("q6")["three_scores"])
    assert_right(q6, by_scikit_learn)
    assert_right(q6, by_counting)


def changed(function):
    """A function that gives `function(precision, recall, F1, accuracy)`."""
    return lambda labels, predicted: function(*three(labels, predicted), np.mean(labels == predicted))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (changed(lambda p, r, f, a: (r, p, f)), "swapped"),
        (lambda labels, predicted: three(1 - labels, 1 - predicted), "class 0"),
        (changed(lambda p, r, f, a: (p, r, (p + r) / 2)), "not the plain one"),
        (changed(lambda p, r, f, a: (p, r, f / 2)), "factor of 2"),
        (changed(lambda p, r, f, a: (p, r, 0.0)), "Precision and recall are right"),
        (changed(lambda p, r, f, a: (a, r, f)), "Your first number is the accuracy"),
        (changed(lambda p, r, f, a: (p, a, f)), "Your second number is the accuracy"),
        (changed(lambda p, r, f, a: (0.7 * p, r, f)), "Recall is right"),
        (changed(lambda p, r, f, a: (p, r / 2, f)), "Precision is right"),
        (changed(lambda p, r, f, a: (0.01, 0.02, 0.03)), "Count the hits first"),
        (changed(lambda p, r, f, a: (100 * p, 100 * r, 100 * f)), "per cent"),
        (changed(lambda p, r, f, a: (f, p, r)), "in another order"),
        (lambda labels, predicted: 0.5, "Return three numbers"),
        (forgets_return, "Does the function end with `return`?"),
        (takes_nothing, "Keep the first line"),
    ],
)
def test_scores_wrong(answer, sentence):
    assert_wrong(q6, answer, sentence)


def test_scores_garbage(monkeypatch):
    assert_survives_garbage(q6, monkeypatch)

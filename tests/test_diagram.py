"""The drawing of a network: nothing is missing, nothing is drawn twice, nothing overlaps, and the words are right."""

import random
import re
from collections import Counter
from itertools import combinations, pairwise

import keras
import numpy as np
import pytest
from keras import layers
from matplotlib.backends.backend_agg import FigureCanvasAgg

from helpers import diagram, explain, models, plots
from helpers.boxes import boxes_of, settings


def xception_s2(image_size=180):
    pictures = keras.Input(shape=(image_size, image_size, 3))
    x = layers.Rescaling(1 / 255)(pictures)
    x = layers.Conv2D(128, kernel_size=3, strides=2, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    around = x
    for size in (256, 512, 728):
        for _ in range(2):
            x = layers.Activation("relu")(x)
            x = layers.SeparableConv2D(size, kernel_size=3, padding="same")(x)
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(pool_size=3, strides=2, padding="same")(x)
        x = layers.add([x, layers.Conv2D(size, kernel_size=1, strides=2, padding="same")(around)])
        around = x
    x = layers.SeparableConv2D(1024, kernel_size=3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(pictures, layers.Dense(1, activation="sigmoid")(x), name="xception_s2")


def two_branches():
    pictures = keras.Input(shape=(16, 16, 3))
    x = layers.Conv2D(4, kernel_size=3, padding="same")(pictures)
    deep = layers.Conv2D(5, kernel_size=1)(x)
    deep = layers.Conv2D(6, kernel_size=3, padding="same")(deep)
    x = layers.Concatenate()([deep, layers.Conv2D(7, kernel_size=1)(x)])
    return keras.Model(pictures, layers.ReLU()(layers.BatchNormalization()(x)), name="two_branches")


def many_ends():
    """Two inputs, two outputs, a nested model, and a layer that is used twice."""
    picture, facts = keras.Input((32, 32, 3), name="picture"), keras.Input((5,), name="facts")
    augmentation = keras.Sequential(
        [keras.Input((32, 32, 3)), layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)], name="augmentation"
    )
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(16, kernel_size=3)(augmentation(picture)))
    shared = layers.Dense(5, name="shared")
    x = layers.Concatenate()([x, shared(layers.Dense(5)(shared(facts)))])
    kind, age = layers.Dense(3, activation="softmax", name="kind")(x), layers.Dense(1, name="age")(x)
    return keras.Model([picture, facts], [kind, age], name="many_ends")


def unet():
    """Long branches without a layer, one around the other."""
    pictures = keras.Input((32, 32, 3))
    x, around = pictures, []
    for filters in (8, 16):
        x = layers.Conv2D(filters, kernel_size=3, padding="same")(x)
        around.append(x)
        x = layers.MaxPooling2D(pool_size=2)(x)
    for filters in (16, 8):
        x = layers.Concatenate()([layers.UpSampling2D()(x), around.pop()])
        x = layers.Conv2D(filters, kernel_size=3, padding="same")(x)
    return keras.Model(pictures, x, name="unet")


def squeeze():
    """Branches that multiply, subtract and add; one within another, and the sum of a Keras operation."""
    pictures = keras.Input((32, 32, 8))
    x = layers.Conv2D(16, kernel_size=3, padding="same")(pictures)
    weights = layers.Conv2D(16, kernel_size=1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Conv2D(8, kernel_size=1)(layers.Multiply()([x, weights]))
    x = layers.ReLU()(layers.Add()([x, pictures]))
    return keras.Model(pictures, layers.Subtract()([x, layers.Dropout(0.1)(x)]) + x, name="squeeze")


def at_random(seed):
    """A tangle: each layer takes the outputs of one to three of those before it."""
    choose = random.Random(seed)
    made = [keras.Input((4,)) for _ in range(choose.choice((1, 1, 2)))]
    inputs = list(made)
    for _ in range(9):
        given = choose.sample(made, min(len(made), choose.choice((1, 1, 1, 2, 2, 3))))
        one = [layers.Dense(4), layers.ReLU(), layers.Dense(4, activation="relu")]
        several = [layers.Add(), layers.Average(), layers.Maximum()]
        made.append(choose.choice(one)(given[0]) if len(given) == 1 else choose.choice(several)(given))
    used = {id(tensor) for one in made for tensor in one._keras_history.operation._inbound_nodes[0].input_tensors}
    last = [one for one in made if id(one) not in used]
    last = last if len(last) < 3 else [last[0], layers.Average()(last[1:])]
    return keras.Model(inputs, last, name=f"tangle_{seed}")


COURSE = [models.mnist_s4, models.mnist_ours, models.dense_s3, models.dense_ours, models.cifar10_s1]
COURSE += [models.cifar10_speed, xception_s2]
BUILDERS = {build.__name__: build for build in (*COURSE, two_branches, many_ends, unet, squeeze)}
BUILDERS |= {f"tangle_{seed}": lambda seed=seed: at_random(seed) for seed in range(8)}


class Drawing:
    """What is to be seen, measured by the renderer in pixels."""

    def __init__(self, model):
        self.boxes = boxes_of(explain.graph_of(model))
        self.figure, self.alt = diagram.network(model)
        self.axes = self.figure.axes[0]
        renderer = FigureCanvasAgg(self.figure).get_renderer()
        self.figure.draw(renderer)
        self.frames, self.texts, self.shapes, self.arrows, self.lines = {}, {}, {}, [], []
        for artist in [*self.axes.patches, *self.axes.texts]:
            what, *numbers = (artist.get_gid() or "link").split()
            extent = artist.get_window_extent(renderer)
            if what == "box":
                self.frames[int(numbers[0])] = extent
            elif what == "text":
                self.texts.setdefault(int(numbers[0]), []).append((artist.get_text(), extent))
            elif what == "shape":
                self.shapes[int(numbers[0])] = (artist.get_text(), extent)
            else:
                self.arrows += [tuple(map(int, numbers))] if numbers else []
                self.lines.append((what, self.points(artist)))

    def points(self, artist):
        """The line, as points a pixel apart."""
        # An arrow's own path holds its head too: take the line that it was made of.
        corners = artist._path_original.vertices if hasattr(artist, "_path_original") else artist.get_path().vertices
        corners = self.axes.transData.transform(corners)
        steps = [np.linspace(a, b, 2 + int(np.hypot(*(b - a)))) for a, b in pairwise(corners)]
        return np.concatenate(steps)

    def words(self, number):
        return [text.replace("\N{NO-BREAK SPACE}", " ") for text, _ in self.texts[number]]


@pytest.fixture(scope="module", params=BUILDERS)
def case(request):
    model = BUILDERS[request.param]()
    return model, Drawing(model)


def nodes_of(model):
    return [node for nodes in explain.graph_of(model)._nodes_by_depth.values() for node in nodes]


def test_every_call_of_a_layer_is_in_one_box(case):
    model, drawing = case
    calls = Counter(node.operation.name for node in nodes_of(model))
    assert Counter(layer.name for box in drawing.boxes for layer in box.layers) == calls
    assert sorted(drawing.frames) == sorted(drawing.texts) == sorted(drawing.shapes) == list(range(len(drawing.boxes)))


def test_every_connection_is_drawn_once(case):
    model, drawing = case
    places = {}
    for number, box in enumerate(drawing.boxes):
        for layer in box.layers:
            places.setdefault(layer.name, []).append(number)
    # The calls of a layer that is used again come in the order in which they were made.
    box_of = {
        id(node): number
        for layer in {node.operation.name: node.operation for node in nodes_of(model)}.values()
        for node, number in zip(
            [node for node in layer._inbound_nodes if node in nodes_of(model)], places[layer.name], strict=True
        )
    }
    wanted = {(box_of[id(before)], box_of[id(node)]) for node in nodes_of(model) for before in node.parent_nodes}
    assert Counter(drawing.arrows) == Counter(pair for pair in wanted if pair[0] != pair[1])


def test_the_shapes_are_those_of_keras(case):
    _, drawing = case
    for number, box in enumerate(drawing.boxes):
        outputs = box.layers[-1]._inbound_nodes[0].outputs
        assert drawing.shapes[number][0] == " × ".join(f"{size:,}" for size in outputs[0].shape[1:])


def test_no_two_boxes_overlap_and_no_text_leaves_its_box(case):
    _, drawing = case
    for one, other in combinations(drawing.frames.values(), 2):
        assert not one.overlaps(other)
    for number, frame in drawing.frames.items():
        for text, extent in drawing.texts[number]:
            assert frame.x0 < extent.x0 and extent.x1 < frame.x1, text
            assert frame.y0 < extent.y0 and extent.y1 < frame.y1, text
        for (_, one), (_, other) in combinations(drawing.texts[number], 2):
            assert not one.overlaps(other)
        for label, extent in drawing.shapes.values():
            assert not extent.overlaps(frame), label


def test_the_picture_holds_all_and_can_be_read(case):
    _, drawing = case
    width, height = drawing.figure.get_size_inches()
    assert width <= 7.2 and height <= 9.6
    assert min(text.get_fontsize() for text in drawing.axes.texts) >= 8
    extents = [*drawing.frames.values(), *(extent for _, extent in drawing.shapes.values())]
    for extent in extents:
        assert extent.x0 >= 0 and extent.x1 <= width * drawing.figure.dpi
        assert extent.y0 >= 0 and extent.y1 <= height * drawing.figure.dpi
    for _, points in drawing.lines:
        assert (points >= 0).all() and (points <= np.array([width, height]) * drawing.figure.dpi).all()


def test_no_line_crosses_a_box_or_a_shape(case):
    _, drawing = case
    extents = [*drawing.frames.values(), *(extent for _, extent in drawing.shapes.values())]
    for what, (x, y) in ((what, points.T) for what, points in drawing.lines):
        for extent in extents:
            inside = (x > extent.x0 + 1) & (x < extent.x1 - 1) & (y > extent.y0 + 1) & (y < extent.y1 - 1)
            assert not inside.any(), (what, extent)


def test_an_arrow_begins_below_its_box_and_ends_at_the_next(case):
    _, drawing = case
    arrows = [points for what, points in drawing.lines if what == "arrow"]
    for (source, target), points in zip(drawing.arrows, arrows, strict=True):
        frame = drawing.frames[target].padded(2)
        assert frame.contains(*points[-1])
        start, shape = points[0], drawing.shapes[source][1]
        below = shape.x0 < start[0] < shape.x1 and 0 < shape.y0 - start[1] < 10
        # What goes on in the next column begins there, at the end of a line that begins below the box.
        ends = [line[-1] for what, line in drawing.lines if what == "link"]
        assert below or any(np.abs(start - end).max() < 1 for end in ends)


def test_the_network_of_s1_in_words():
    drawing = Drawing(models.cifar10_s1())
    assert drawing.words(1) == ["Conv2D", "32 filters, 3×3, same, ReLU", "+ dropout 0.2, batch norm"]
    assert drawing.words(3) == ["MaxPooling2D", "2×2", "+ dropout 0.2, batch norm"]
    assert drawing.words(9) == ["Dense", "10 units, softmax"]
    assert drawing.alt == (
        "Sequential (cifar10_s1): 20 layers, 32 × 32 × 3 → 32 × 32 × 32 → 32 × 32 × 64 → 16 × 16 × 64 → 8 × 8 × 64"
        " → 8 × 8 × 128 → 8,192 → 32 → 10."
    )


def test_xception_has_three_branches_beside_the_main_path():
    drawing = Drawing(xception_s2())
    beside = [number for number, box in enumerate(drawing.boxes) if box.layers[0].name.startswith("conv2d")][1:]
    merges = [number for number in drawing.texts if drawing.words(number) == ["+ Add"]]
    assert len(beside) == len(merges) == 3
    for branch, merge, filters in zip(beside, merges, (256, 512, 728), strict=True):
        assert drawing.words(branch)[1:] == [f"{filters} filters, 1×1, same,", "stride 2"]
        assert drawing.frames[branch].x0 > drawing.frames[merge].x1
        assert (branch, merge) in drawing.arrows
    assert drawing.alt.startswith("Functional (xception_s2): 37 layers, 180 × 180 × 3 → 90 × 90 × 128 → ")
    assert "→ 1; beside it from 90 × 90 × 128 over Conv2D to Add; beside it from 45 × 45 × 256" in drawing.alt


def test_quiet_layers_stand_alone_where_others_use_what_is_before_them():
    drawing = Drawing(squeeze())
    assert ["ReLU"] in [drawing.words(number) for number in drawing.texts]  # behind an Add
    assert ["Dropout 0.1"] in [drawing.words(number) for number in drawing.texts]  # on a branch
    joined = Drawing(two_branches())
    assert ["Concatenate", "+ batch norm, ReLU"] in [joined.words(number) for number in joined.texts]


def test_what_looks_alike_is_told_apart_by_name():
    drawing = Drawing(many_ends())
    titles = [drawing.words(number)[0] for number in drawing.texts]
    assert titles.count("Dense (shared)") == 2
    assert {"Input (picture)", "Input (facts)", "Dense (kind)", "Dense (age)"} < set(titles)
    assert drawing.words(titles.index("Sequential (augmentation)"))[1] == "2 layers"
    assert "; beside it over Input (facts), Dense (shared), Dense, Dense (shared) to Concatenate" in drawing.alt
    assert drawing.alt.startswith("Functional (many_ends): 8 layers, ")


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (layers.Conv2D(8, kernel_size=(3, 5), strides=(1, 2)), "8 filters, 3×5, stride 1×2"),
        (layers.DepthwiseConv2D(kernel_size=3, strides=2, padding="same"), "3×3, same, stride 2"),
        (layers.Conv2DTranspose(1, kernel_size=2, strides=2), "1 filter, 2×2, stride 2"),
        (layers.MaxPooling2D(pool_size=2), "2×2"),
        (layers.AveragePooling2D(pool_size=3, strides=1), "3×3, stride 1"),
        (layers.GlobalMaxPooling2D(), ""),
        (layers.Dense(1_000, activation="tanh"), "1,000 units, tanh"),
        (layers.Dropout(0.25), "0.25"),
        (layers.ReLU(max_value=6), "≤ 6"),
        (layers.BatchNormalization(), ""),
        (layers.Reshape((4, -1)), "4×-1"),
        (layers.Resizing(90, 60), "90×60"),
        (layers.UpSampling2D(), "2×2"),
        (layers.RandomFlip("horizontal"), "horizontal"),
        (layers.RandomRotation(0.1), "±0.1"),
        (layers.RandomTranslation(0.1, 0.2), "±0.1, ±0.2"),
        (layers.RandomTranslation(0.1, 0.1), "±0.1"),
        (layers.RandomZoom((-0.2, 0.1)), "−0.2 to 0.1"),
        (layers.Rescaling(1 / 127.5, offset=-1), "× 1/127.5, −1"),
        (layers.Rescaling(2), "× 2"),
        (layers.LSTM(3), "3 units, tanh"),
    ],
)
def test_what_sets_a_layer(layer, words):
    assert ", ".join(settings(layer)) == words


def test_a_layer_of_ones_own_and_any_size_of_picture():
    class Mine(layers.Layer):
        def __init__(self, something):
            super().__init__()

        def call(self, inputs):
            return inputs

    pictures = keras.Input((None, None, 3))
    drawing = Drawing(keras.Model(pictures, Mine(object())(pictures)))
    assert drawing.words(1) == ["Mine"]
    assert drawing.shapes[1][0] == "? × ? × 3"


def test_a_model_from_a_file_says_the_same(tmp_path):
    model = models.mnist_ours()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    one, other = (boxes_of(explain.graph_of(network)) for network in (model, loaded))
    assert [box.lines for box in one] == [box.lines for box in other]
    assert one[1].lines[1] == "±0.042"


def test_a_long_name_is_cut():
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2)], name="n" * 90)
    drawing = Drawing(keras.Sequential([keras.Input((3,)), inner]))
    assert drawing.words(1) == ["Sequential (" + "n" * 21 + "…", "1 layer"]


def test_on_the_page_the_drawing_has_its_alt_text(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", shown.append)
    diagram.show_network(models.dense_s3())
    bundle = shown[0]._repr_mimebundle_()
    alt = "Sequential (dense_s3): 4 layers, 28 × 28 × 1 → 784 → 50 → 10."
    assert bundle["text/plain"] == f"Figure: {alt}"
    assert f'alt="{alt}"' in bundle["text/html"]


def test_a_network_too_long_for_a_picture_says_what_to_draw_instead():
    model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3))
    with pytest.raises(ValueError, match=r"69 boxes do not fit into one picture .* Draw a part") as error:
        diagram.show_network(model)
    part = re.search(r"get_layer\('(\w+)'\)", str(error.value))[1]
    drawing = Drawing(keras.Model(model.inputs, model.get_layer(part).output))
    assert len(drawing.frames) >= 10


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(TypeError, match=r"needs a Keras model and was given \[1, 2\]\. Build one"):
        diagram.show_network([1, 2])
    with pytest.raises(ValueError, match=r"'late' does not know its input shape yet\. Begin it with keras\.Input"):
        diagram.show_network(keras.Sequential([layers.Dense(3)], name="late"))

    class Subclassed(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ValueError, match=r"layers of a Subclassed are called in Python code"):
        diagram.show_network(Subclassed())


def test_a_sequential_built_later_is_drawn():
    model = keras.Sequential([layers.Dense(3)])
    model.build((None, 5))
    assert Drawing(model).words(1) == ["Dense", "3 units"]

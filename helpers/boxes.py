"""The boxes of a network's drawing: which calls of layers share one, what stands in it, and on which path it lies."""

import re
import textwrap
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from helpers import explain

# The kind of a layer by the name of its class; the first pattern that fits counts. Quiet layers keep the shape, and are
# written into the box of the layer before.
KINDS = {
    "input": "InputLayer$",
    "merge": "(Add|Multiply|Subtract)$",
    "quiet": "Dropout|(Batch|Layer|Group)Norm|Activation|ReLU|Relu|ELU|Softmax|Sigmoid|Noise",
    "preparation": "Random|Rescaling|Normalization|Resizing|CenterCrop",
    "convolution": "Conv",
    "pooling": "Pool",
    "dense": "Dense$",
    "other": "",
}
# The kinds that a box takes in behind its own layer, where it is not just "quiet".
FOLDS = {"input": (), "merge": (), "preparation": ("preparation", "quiet")}
TITLES = {"InputLayer": "Input", "Add": "+ Add", "Multiply": "× Multiply", "Subtract": "− Subtract"}
FOLDED = {"BatchNormalization": "batch norm", "LayerNormalization": "layer norm", "Dropout": "dropout"}


@dataclass(eq=False)
class Box:
    """A call of a layer and the quiet layers behind it; `sources` are the boxes whose maps it takes.

    `rank` is its row and `lane` its path's place, 0 for the main path. Lengths are in em, the size of a letter.
    """

    kind: str
    title: str
    words: list
    shape: str
    layers: list
    sources: list
    folded: list = field(default_factory=list)

    @property
    def small(self):
        return self.kind in ("merge", "quiet")

    @cached_property
    def lines(self):
        """The text: the title, what sets the layer, the quiet layers behind it."""
        if self.small:
            return [" ".join([self.title, *self.words]), *wrapped("+ ", self.folded)]
        return [self.title, *wrapped("", self.words), *wrapped("+ ", self.folded)]

    @cached_property
    def height(self):
        return len(self.lines) * 1.25 + 0.6

    @cached_property
    def needs(self):
        """The width that the text needs."""
        return max(width_of(text, bold=number == 0) for number, text in enumerate(self.lines)) + 1.3


@dataclass(eq=False)
class Path:
    """Boxes below each other. Both ends hang on boxes of other paths, or on None: an input, an output."""

    source: Box | None
    boxes: list
    target: Box | None
    lane: int = 0

    def __post_init__(self):
        self.start = self.source.rank if self.source else self.boxes[0].rank - 1
        self.end = self.target.rank if self.target else self.boxes[-1].rank + 1


def wrapped(sign, words):
    words = [word.replace(" ", "\N{NO-BREAK SPACE}") for word in words]
    return textwrap.wrap(sign + ", ".join(words), 28, break_long_words=False) if words else []


@lru_cache(maxsize=4096)
def width_of(text, bold=False):
    """The width of a text in em."""
    return TextPath((0, 0), text, 100, FontProperties(weight="bold" if bold else "normal")).get_extents().width / 100


def boxes_of(graph):
    """The boxes of a functional model, in the order of computation."""
    nodes = [node for depth in sorted(graph._nodes_by_depth, reverse=True) for node in graph._nodes_by_depth[depth]]
    calls = Counter(id(node.operation) for node in nodes)
    # How often each tensor goes on. One that does so twice ends its box, and so do layers with several outputs.
    uses = Counter(id(one) for node in nodes for one in node.input_tensors) + Counter(map(id, graph.outputs))
    uses.update(id(one) for node in nodes if len(node.outputs) > 1 for one in node.outputs)
    several = {id(one) for ends in (graph.inputs, graph.outputs) if len(ends) > 1 for one in ends}
    boxes, maker = [], {}
    for node in nodes:
        layer, kind, name = node.operation, kind_of(node.operation), type(node.operation).__name__
        sources = list(dict.fromkeys(maker[id(one)] for one in node.input_tensors))
        shape = " and ".join(explain.shape_text(explain.Map(one.shape[1:], None)) or "1" for one in node.outputs)
        alone = [uses[id(one)] for one in node.input_tensors] == [1] and calls[id(layer)] == 1
        if alone and kind in FOLDS.get(sources[0].kind, ("quiet",)):
            box = sources[0]
            box.folded.append(" ".join([FOLDED.get(name, name)] * (name != "Activation") + settings(layer)))
            box.layers.append(layer)
            box.shape = shape
        else:
            title = TITLES.get(name, name) if explain.graph_of(layer) is None else explain.label_of(layer)
            if calls[id(layer)] > 1 or any(id(one) in several for one in node.outputs):  # a name tells them apart
                title = f"{title} ({layer.name})"
            title = title if len(title) < 35 else f"{title[:33]}…"
            box = Box(kind, title, settings(layer), shape, [layer], sources)
            boxes.append(box)
        maker.update((id(one), box) for one in node.outputs)
    return boxes


def arrange(boxes):
    """Give each box its row and its lane; return the paths, the main one first."""
    for box in boxes:
        box.rank = 1 + max((source.rank for source in box.sources), default=-1)
    latest = {}
    for box in reversed(boxes):
        for source in box.sources:
            latest[source] = min(latest.get(source, len(boxes)), latest.setdefault(box, box.rank) - 1)
    for box in boxes:  # a short branch stands half way down
        box.rank = (box.rank + latest.get(box, box.rank)) // 2
    used = {source for box in boxes for source in box.sources}
    ends = sorted((box for box in boxes if box not in used), key=lambda box: -box.rank)
    todo, placed, paths = [(end, None) for end in ends], set(), []
    for box, target in todo:  # grows: from the end of a path up to the first box that has its place
        chain = []
        while box is not None and box not in placed:
            placed.add(box)
            chain.insert(0, box)
            before = max(box.sources, key=lambda source: source.rank, default=None)
            todo += [(source, box) for source in box.sources if source is not before]
            box = before
        paths.append(Path(box, chain, target))
    # A branch stands outside of all that end before it: its last line then passes no box on the way to the main path.
    done = []
    for path in sorted(paths[1:], key=lambda path: (path.end, -path.start)):
        path.lane = 1 + max((one.lane for one in done if one.start < path.end and path.start < one.end), default=0)
        done.append(path)
    for path in paths:
        for box in path.boxes:
            box.lane = path.lane
    return paths


def kind_of(layer):
    if explain.graph_of(layer) is not None:
        return "other"
    return next(kind for kind, pattern in KINDS.items() if re.search(pattern, type(layer).__name__))


def settings(layer):
    """What sets the layer, in words, such as ["64 filters", "3×3", "same", "stride 2", "ReLU"]."""
    if explain.graph_of(layer) is not None:
        return [counted(sum(kind_of(one) != "input" for one in layer.layers), "layers")]
    try:
        found = layer.get_config()
    except NotImplementedError:  # the author of the layer wrote none
        return []
    words = [counted(found[key], key) for key in ("filters", "units") if key in found]
    sizes = [found.get(key) for key in ("kernel_size", "pool_size", "size", "target_shape")]
    sizes.append((found["height"], found["width"]) if {"height", "width"} <= set(found) else None)
    words += ["×".join(map(str, size)) for size in sizes if isinstance(size, tuple)]
    words += ["same"] if found.get("padding") == "same" else []
    strides = found.get("strides")
    if isinstance(strides, tuple) and strides != found.get("pool_size", (1,) * len(strides)):
        words.append("stride " + "×".join(map(str, dict.fromkeys(strides))))
    words += [f"{found[key]:g}" for key in ("rate", "stddev") if isinstance(found.get(key), float | int)]
    words += [found["mode"]] if isinstance(found.get("mode"), str) else []
    ranges = [found.get(key) for key in ("factor", "height_factor", "width_factor")]
    words += dict.fromkeys(reach(one) for one in ranges if isinstance(one, float | tuple | list))
    if isinstance(found.get("scale"), float | int) and isinstance(found.get("offset"), float | int):
        words.append(f"× 1/{1 / found['scale']:.4g}" if 0 < found["scale"] < 1 else f"× {found['scale']:g}")
        words += [f"{found['offset']:+g}".replace("-", "−")] if found["offset"] else []
    words += [f"≤ {found['max_value']:g}"] if found.get("max_value") else []
    function = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return words if function == "linear" else [*words, function.replace("relu", "ReLU")]


def counted(number, things):
    return f"{number:,} {things if number != 1 else things[:-1]}"


def reach(factor):
    low, high = (-factor, factor) if isinstance(factor, float) else factor
    return f"±{high:.2g}" if low == -high else f"{low:.2g} to {high:.2g}".replace("-", "−")

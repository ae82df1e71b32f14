"""A network as a table: what each layer gives, costs and sees, with the arithmetic written out."""

import re
from math import prod
from numbers import Integral
from typing import NamedTuple

import pandas as pd

from helpers import layer_rules, receptive_field
from helpers.layer_rules import Map

UNKNOWN, AGAIN = "–", "counted above"
BYTES = {"uint8": 1, "float16": 2, "bfloat16": 2, "int32": 4, "float32": 4, "int64": 8, "float64": 8}


class Row(NamedTuple):
    """The facts of one layer; None stands for what is not known. `bytes` are those of the outputs for one picture."""

    label: str
    shape: str
    sees: str
    bytes: int | None
    how: str | None = ""
    parameters: int = 0
    not_trained: int = 0
    counting: str | None = ""
    multiply_adds: int | None = 0


def explain(model, batch_size=1):
    """Return a pandas frame of text: a row per layer in the order of computation, and the row "total".

    `model` is a Sequential or functional Keras model that knows its input shape. The columns:

    - output shape: height × width × channels, without the batch; beside it how it comes about, if it is a new one;
    - parameters: the product for each array of weights, their sum, and how many of them are not trained;
    - sees: the receptive field, height × width of the part of the picture that one value is computed from, in pixels.
      Near the edge it reaches into the padding. "all": every value sees the whole picture;
    - multiply-adds for one picture, in convolutions and dense layers; all else is little beside them and counts as 0;
    - memory of the outputs for `batch_size` pictures. Training keeps most of them for the backward pass.

    A model inside the model is one row with the totals of its own table. A layer without a rule in
    `helpers.layer_rules`, or one that Keras counts differently, has "–" for what is not certain; its shape and its
    parameters are then those of Keras. A total that lacks something begins with "≥". Augmentation is described as it
    works in prediction: it lets every pixel pass.

    Raises TypeError for what is no Keras model, ValueError for one whose layers or whose input size are not known, and
    for a batch size that is no positive whole number.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(f"explain needs a Keras model and was given {model!r:.50}. Build one, then explain(model).")
    if not isinstance(batch_size, Integral) or batch_size < 1:
        raise ValueError(f"batch_size is {batch_size!r}. Give the number of pictures in a batch, for example 64.")
    graph = graph_of(model)
    if graph is None:
        raise ValueError(
            f"The model {model.name!r} does not know its input shape yet. Begin it with keras.Input, for example"
            " keras.Input(shape=(32, 32, 3)), or call it once on a batch of pictures."
            if isinstance(model, keras.Sequential)
            else f"The layers of a {type(model).__name__} are called in Python code, which explain cannot follow."
            " It reads models made with keras.Sequential or keras.Model(inputs, outputs)."
        )
    rows = [row_of(one._keras_history.operation, [picture(one.shape[1:])], [one]) for one in graph.inputs]
    rows += walk(graph, [picture(one.shape[1:]) for one in graph.inputs], counted=set())[0]
    return table(rows, model, batch_size)


def graph_of(model):
    """The functional model that holds the calls of the layers: `model`, or what a Sequential keeps inside; or None.

    These two names, and `_keras_history` of an input, are not public in Keras, which has no other way to the calls.
    They are the same in 3.13 and 3.15.
    """
    graph = getattr(model, "_functional", model)
    return graph if hasattr(graph, "_nodes_by_depth") else None


def picture(shape):
    """The Map of an input of this shape."""
    if None in shape:
        raise ValueError(
            f"The model takes pictures of any size, {shape}, but what it computes depends on the size. Put it behind an"
            " input of one size: explain(keras.Sequential([keras.Input(shape=(180, 180, 3)), model]))."
        )
    return Map(tuple(shape), receptive_field.of_input(shape))


def walk(graph, given, counted):
    """The rows of the layers in `graph`, and the Maps that it makes of the Maps `given`.

    `counted` holds the layers met so far: one that is used twice has its parameters once.
    """
    maps = {id(tensor): one for tensor, one in zip(graph.inputs, given, strict=True)}
    rows = []
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if all(id(tensor) in maps for tensor in node.outputs):
                continue  # an input
            incoming = [maps[id(tensor)] for tensor in node.input_tensors]
            one_row = layer_row if graph_of(node.operation) is None else model_row
            row, outgoing = one_row(node, incoming, counted)
            rows.append(row)
            maps.update((id(tensor), one) for tensor, one in zip(node.outputs, outgoing, strict=True))
    return rows, [maps[id(tensor)] for tensor in graph.outputs]


def layer_row(node, given, counted):
    """The row of one layer, worked out and compared with Keras, and the Maps that it makes of the Maps `given`."""
    layer, new = node.operation, id(node.operation) not in counted
    counted.add(id(layer))
    step = work_out(layer, given)
    step = step if step and fits([step], node.outputs) and agrees(step, layer) else None
    outgoing = [Map(step.shape, step.view)] if step else as_in_keras(node.outputs)
    row = row_of(layer, outgoing, node.outputs)._replace(
        how=step and step.how,
        parameters=count(getattr(layer, "weights", [])) if new else 0,
        not_trained=count(getattr(layer, "non_trainable_weights", [])) if new else 0,
        counting=(step and " + ".join(map(layer_rules.times, step.kernels + step.others))) if new else AGAIN,
        multiply_adds=step and step.multiply_adds,
    )
    return row, outgoing


def work_out(layer, given):
    """The Step of a layer of Keras itself that has a rule; None for any other, and where a size is not known."""
    ours = type(layer).__module__.split(".")[0] == "keras" and hasattr(layer, "weights")
    rule = layer_rules.RULES.get(type(layer).__name__) if ours else None
    if rule is None or getattr(layer, "data_format", None) == "channels_first":
        return None
    return None if any(None in one.shape for one in given) else rule(layer, *given)


def fits(maps, tensors):
    """Whether the shapes are those that Keras says, as far as it does."""
    return all(
        len(one.shape) == len(tensor.shape) - 1
        and all(size in (mine, None) for mine, size in zip(one.shape, tensor.shape[1:], strict=True))
        for one, tensor in zip(maps, tensors, strict=True)
    )


def agrees(step, layer):
    """Whether Keras counts as many parameters, and as many that are not trained."""
    not_trained = step.statistics if layer.trainable else step.parameters
    return (count(layer.weights), count(layer.non_trainable_weights)) == (step.parameters, not_trained)


def count(weights):
    return sum(prod(array.shape) for array in weights)


def as_in_keras(tensors):
    return [Map(tuple(tensor.shape[1:]), None) for tensor in tensors]


def model_row(node, given, counted):
    """The row of a model inside the model, the sums of its own table, and the Maps that it makes of those `given`."""
    model, new = node.operation, id(node.operation) not in counted
    counted.add(id(model))
    rows, outgoing = walk(graph_of(model), given, counted)
    outgoing = outgoing if fits(outgoing, node.outputs) else as_in_keras(node.outputs)
    row = row_of(model, outgoing, node.outputs)._replace(
        bytes=None if None in (sizes := [row.bytes for row in rows]) else sum(sizes),
        how=f"{len(rows)} layers",
        parameters=sum(row.parameters for row in rows),
        not_trained=sum(row.not_trained for row in rows),
        counting="their sum" if new else AGAIN,
        multiply_adds=None if None in (operations := [row.multiply_adds for row in rows]) else sum(operations),
    )
    return row, outgoing


def row_of(layer, maps, tensors):
    """The row of a layer that gives these Maps, in the number formats of these tensors, as far as they tell."""
    sizes = [(*one.shape, BYTES.get(tensor.dtype)) for one, tensor in zip(maps, tensors, strict=True)]
    return Row(
        label=label_of(layer),
        shape=", ".join(map(shape_text, maps)),
        sees=", ".join(receptive_field.text(one.view) for one in maps),
        bytes=None if any(None in size for size in sizes) else sum(map(prod, sizes)),
    )


def label_of(layer):
    """The kind of layer, and its name if the author gave one: Keras makes names like "conv2d_3" of the kind."""
    kind = type(layer).__name__
    given = re.sub(r"_\d+$", "", layer.name).replace("_", "") != kind.lower()
    kind = "Input" if kind == "InputLayer" else kind
    return f"{kind} ({layer.name})" if given else kind


def shape_text(one):
    return " × ".join("?" if size is None else f"{size:,}" for size in one.shape)


def parameters_text(row):
    """The formula with its result, and what of it is not trained."""
    number = f"{row.parameters:,}"
    if row.counting == AGAIN:
        return AGAIN
    worked = "" if not row.parameters or row.counting == number else f"{row.counting or UNKNOWN} = "
    return worked + number + untrained(row.parameters, row.not_trained)


def untrained(parameters, not_trained):
    if not not_trained:
        return ""
    return " (not trained)" if not_trained == parameters else f" ({not_trained:,} not trained)"


def memory_text(size):
    """Bytes as text with three digits, in the largest unit of which there is about one."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 999.5 or unit == "GiB":
            return f"{size:.3g} {unit}" if size < 999.5 else f"{size:,.0f} {unit}"
        size /= 1024


def table(rows, model, batch_size):
    """The frame of the rows, as text, with the totals."""

    def texts(numbers, text):
        """Each number as text, and their sum last."""
        shown = [UNKNOWN if number is None else text(number) for number in numbers]
        known = text(sum(number for number in numbers if number is not None))
        return [*shown, f"≥ {known}" if None in numbers else known]

    parameters, not_trained = count(model.weights), count(model.non_trainable_weights)
    memory = [row.bytes and row.bytes * batch_size for row in rows]
    frame = pd.DataFrame(
        {
            "output shape": [*(row.shape for row in rows), ""],
            "how it comes about": [*(UNKNOWN if row.how is None else row.how for row in rows), ""],
            "parameters": [*map(parameters_text, rows), f"{parameters:,}{untrained(parameters, not_trained)}"],
            "sees": [*(row.sees for row in rows), ""],
            "multiply-adds": texts([row.multiply_adds for row in rows], "{:,}".format),
            f"memory, batch of {batch_size}": texts(memory, memory_text),
        },
        index=[*(row.label for row in rows), "total"],
    )
    return frame.map(hold_together).rename_axis(columns="layer")


def hold_together(text):
    """The text with spaces at which no line ends, but before "=", "+", "→" and "(": the table is wide."""
    text = text.replace(" × ", "\N{NARROW NO-BREAK SPACE}×\N{NARROW NO-BREAK SPACE}")
    return re.sub(r" (?![=+→(])", "\N{NO-BREAK SPACE}", text)

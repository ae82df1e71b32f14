"""From picture files to batches: sizes, the three ways to resize, order, cache, and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw

from helpers import pipelines
from helpers.places import DATA


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Ten grey pictures of different sizes; each is as bright as 20 times its label says."""
    folder, paths = tmp_path_factory.mktemp("pictures"), []
    for label in range(10):
        paths.append(folder / f"{label}.jpg")
        Image.new("RGB", (40 + 7 * label, 90 - 5 * label), (20 * label,) * 3).save(paths[-1], quality=95)
    return paths


def circle(width=200, height=100):
    """A white disc, 80 pixels wide, in the middle of a green picture."""
    picture = Image.new("RGB", (width, height), (0, 120, 0))
    x, y = width / 2, height / 2
    ImageDraw.Draw(picture).ellipse((x - 40, y - 40, x + 40, y + 40), fill=(255, 255, 255))
    return np.asarray(picture)


def extent(picture):
    """Height and width of what is white."""
    rows, columns = np.nonzero(picture[..., 0] > 128)
    return np.ptp(rows) + 1, np.ptp(columns) + 1


def read(batches):
    pictures, labels = zip(*((p.numpy(), label.numpy()) for p, label in batches), strict=True)
    return np.concatenate(pictures), np.concatenate(labels)


@pytest.mark.parametrize("resize", pipelines.RESIZES)
@pytest.mark.parametrize("cache", [False, True])
def test_every_picture_comes_once_with_its_label(files, resize, cache):
    labels = np.arange(10, dtype=np.uint8)
    batches = pipelines.from_files(files, labels, image_size=(24, 32), batch_size=4, resize=resize, cache=cache)
    assert [p.shape for p, _ in batches] == [(4, 24, 32, 3), (4, 24, 32, 3), (2, 24, 32, 3)]
    pictures, given = read(batches)
    assert pictures.dtype == np.uint8 and given.dtype == np.uint8
    assert given.tolist() == list(range(10))
    middle = pictures[:, 12, 16, 0].astype(int)
    assert np.abs(middle - 20 * given.astype(int)).max() <= 2
    for path, picture in zip(files, pictures, strict=True):
        assert np.array_equal(pipelines.resize_picture(path, (24, 32), resize), picture)


def test_crop_keeps_the_shape_and_loses_the_margins():
    small = pipelines.resize_picture(circle(), (50, 50), "crop")
    assert extent(small) == (40, 40)
    assert (small[25, 0] != 0).any()  # no bars


def test_pad_keeps_the_shape_and_everything():
    small = pipelines.resize_picture(circle(), (50, 50), "pad")
    assert extent(small) == (20, 20)
    assert not small[:12].any() and not small[-12:].any()
    assert (small[25, [0, -1]] == (0, 120, 0)).all()


def test_squash_stretches():
    small = pipelines.resize_picture(circle(), (50, 50), "squash")
    assert extent(small) == (40, 20)
    assert (small[[0, -1], 25] == (0, 120, 0)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 500)])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 400, 3), (400, 1, 3), (3, 5, 3)])
@pytest.mark.parametrize("resize", pipelines.RESIZES)
def test_extreme_shapes_work(size, shape, resize):
    assert pipelines.resize_picture(np.full(shape, 77, np.uint8), size, resize).shape == (*size, 3)


@pytest.mark.parametrize("cache", [False, True])
def test_a_seed_gives_other_orders_but_the_same_ones_in_every_run(files, cache):
    def orders(seed):
        batches = pipelines.from_files(files, range(10), (8, 8), batch_size=3, shuffle=seed, cache=cache)
        return [read(batches)[1].tolist() for _ in range(3)]

    first = orders(1)
    assert first == orders(1)
    assert orders(2) != first
    assert len({tuple(order) for order in first}) > 1
    assert all(sorted(order) == list(range(10)) for order in first)


def test_the_cache_reads_each_file_once(files, tmp_path):
    paths = [tmp_path / path.name for path in files]
    for path, own in zip(files, paths, strict=True):
        own.write_bytes(path.read_bytes())
    batches = pipelines.from_files(paths, range(10), (8, 8), cache=True, shuffle=1)
    first = read(batches)
    for own in paths:
        own.unlink()
    again = read(batches)
    assert {p.tobytes() for p in first[0]} == {p.tobytes() for p in again[0]}


def test_greys_and_other_formats_become_three_channels(tmp_path):
    Image.new("L", (30, 20), 99).save(tmp_path / "grey.jpg")
    Image.new("RGB", (30, 20), (1, 2, 3)).save(tmp_path / "colour.png")
    pictures, _ = read(pipelines.from_files([tmp_path / "grey.jpg", tmp_path / "colour.png"], [0, 1], (5, 5)))
    assert (pictures[0] == 99).all() and (pictures[1] == (1, 2, 3)).all()


def test_the_cat_survives():
    small = pipelines.resize_picture(DATA / "pictures" / "cat.jpg", (72, 72), "squash")
    with Image.open(DATA / "pictures" / "cat.jpg") as picture:
        expected = np.asarray(picture.resize((72, 72), Image.Resampling.BOX), int)
    assert np.abs(small - expected).mean() < 4


def test_what_does_not_fit_is_refused(files):
    cases = [
        ({"paths": files[:3], "labels": [0, 1]}, "3 paths and 2 labels"),
        ({"paths": [], "labels": []}, "at least 1"),
        ({"paths": files, "labels": range(10), "resize": "stretch"}, 'choose "crop", "pad" or "squash"'),
        ({"paths": files, "labels": range(10), "image_size": 180}, "give height and width"),
        ({"paths": files, "labels": range(10), "image_size": (0, 9)}, "give height and width"),
        ({"paths": files, "labels": range(10), "batch_size": 0}, "batch_size=0: give a whole number, 1 or more"),
        ({"paths": files, "labels": range(10), "batch_size": "8"}, "batch_size='8': give a whole number"),
        (
            {"paths": files, "labels": range(10), "shuffle": False},
            "shuffle=False: .* 0 or more, or None",
        ),
        ({"paths": ["gone/away.jpg"], "labels": [0]}, r"no file 'away\.jpg' in gone/"),
    ]
    for arguments, sentence in cases:
        with pytest.raises(ValueError, match=sentence):
            pipelines.from_files(**arguments)
    with pytest.raises(ValueError, match=r"shape \(5, 5\)"):
        pipelines.resize_picture(np.zeros((5, 5)), (3, 3))


def test_importing_the_module_leaves_tensorflow_alone():
    code = "import sys, helpers.pipelines; print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_the_benchmark_measures_what_it_says(tmp_path):
    from benchmarks import data

    recorded = json.loads(data.RESULT.read_text(encoding="utf-8"))
    assert {"command", "date", "versions", "hardware", "dataset", "text_against_bytes", "pipeline", "audit"} <= set(
        recorded
    )
    pictures = np.random.default_rng(1).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    data.write_text(tmp_path / "digits.txt", pictures, [7, 1, 0, 9, 3])
    assert (tmp_path / "digits.txt").read_text().splitlines()[0].startswith(f"7 ** {pictures[0, 0, 0]} ")
    again, labels = data.read_text(tmp_path / "digits.txt")
    assert np.array_equal(again, pictures) and labels.tolist() == [7, 1, 0, 9, 3]
    measured = data.text_against_bytes(repeats=1)
    assert measured.keys() == recorded["text_against_bytes"].keys()
    assert measured["text_way_over_read_idx"]["median"] > 20  # once, on a machine that may be busy
    assert recorded["text_against_bytes"]["text_way_over_read_idx"]["median"] >= 100

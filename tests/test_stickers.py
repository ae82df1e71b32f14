"""The sticker set and the bundled Fashion-MNIST: what is shipped, what is composed, what is planted."""

import collections
import csv
import io
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from helpers import stickers
from helpers.datasets import DATA, read_idx
from helpers.stickers import compose

PHOTOGRAPHS = 40


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    return stickers.write_folder(tmp_path_factory.mktemp("pets"), PHOTOGRAPHS) / "PetImages"


@pytest.fixture(scope="module")
def drawn():
    """1,000 pictures of each split, and the seconds of computing that each took."""
    found = {}
    for split in stickers.SPLITS:
        compose.artwork(split)
        start = time.process_time()
        found[split] = (*stickers.pictures(1_000, split), time.process_time() - start)
    return found


def rows():
    with open(compose.ARTWORK / "stickers.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# The artwork


def test_the_artwork_is_small_and_every_sheet_is_credited():
    sheets = sorted(path.name for path in compose.ARTWORK.glob("*.webp"))
    assert sum(path.stat().st_size for path in compose.ARTWORK.iterdir()) <= 3_000_000
    assert sheets == sorted({f"{row['family']}.webp" for row in rows()})
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    credits = {line.split("`")[1]: line for line in readme.splitlines() if line.startswith("| `") and ".webp" in line}
    assert sorted(credits) == sheets
    for row in rows():
        credit = credits[f"{row['family']}.webp"]
        name = row["licence"].replace("-", " ").replace("BY SA", "BY-SA")
        assert f"[{name}](" in credit, row
        assert "](https://" in credit  # where the artists are
        for text in re.findall(r"\((licences/[^)]+)\)", credit):
            assert (DATA / text).is_file()


def test_the_credits_name_the_packages_that_the_sheets_were_drawn_from():
    from authoring.bundle_stickers import FAMILIES, GLYPHS, NOT_TAKEN

    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert {(row["family"], row["licence"]) for row in rows()} == {(f, licence) for f, (_, licence) in FAMILIES.items()}
    for family, (version, _) in FAMILIES.items():
        assert f"`@iconify-json/{family}` {version} |" in readme
    assert tuple(GLYPHS) == (*stickers.CLASS_NAMES, "prop")
    for row in rows():
        assert GLYPHS[row["class"]][row["codepoint"]] == row["name"]
        assert (row["family"], row["name"]) not in NOT_TAKEN


def test_every_class_has_artwork_of_the_held_out_family_and_of_others():
    families = collections.defaultdict(set)
    for row in rows():
        families[row["class"]].add(row["family"])
    for name in stickers.CLASS_NAMES:
        assert compose.HELD_OUT in families[name]
        assert len(families[name]) >= 4
    assert 150 <= sum(row["class"] != "prop" for row in rows()) <= 300


def test_the_held_out_family_is_never_in_train():
    train, test = (
        {
            piece.family
            for families in compose.artwork(split).values()
            for pieces in families.values()
            for piece in pieces
        }
        for split in stickers.SPLITS
    )
    assert test == {compose.HELD_OUT}
    assert len(train) >= 3
    assert not train & test


def test_no_drawing_is_there_twice_and_none_is_empty():
    seen = {}
    for split in stickers.SPLITS:
        for name, families in compose.artwork(split).items():
            for piece in (piece for family in families.values() for piece in family):
                pixels = np.asarray(piece.sizes[0])
                assert not pixels[: compose.MARGIN, :, 3].any()  # a neighbour on the sheet does not show
                drawing = pixels[compose.MARGIN : -compose.MARGIN, compose.MARGIN : -compose.MARGIN]
                assert 0.05 < (drawing[..., 3] > 128).mean() <= 1
                assert max(drawing.shape) in (96, 256)
                key = drawing.tobytes()
                assert key not in seen, (name, piece.family, piece.codepoint, seen[key])
                seen[key] = (name, piece.family, piece.codepoint)
    assert len(seen) == len(rows())


def test_artwork_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(compose, "ARTWORK", tmp_path)
    with pytest.raises(ValueError, match=r"stickers\.csv is missing in data/stickers/"):
        compose.artwork.__wrapped__("train")


# Pictures as arrays


def test_drawing_pictures_leaves_tensorflow_alone():
    code = "import sys; from helpers import stickers; stickers.pictures(1)"
    code += "; print(any(n in sys.modules for n in ('tensorflow', 'keras')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize("split", stickers.SPLITS)
def test_pictures_are_bytes_and_balanced_in_every_block(drawn, split):
    images, labels, _ = drawn[split]
    assert images.dtype == labels.dtype == np.uint8
    assert images.shape == (1_000, 32, 32, 3)
    assert labels.shape == (1_000,)
    assert {tuple(np.bincount(block)) for block in labels.reshape(-1, 10)} == {(1,) * 10}
    assert len({tuple(block) for block in labels.reshape(-1, 10)}) > 90  # and not in one and the same order
    assert len({image.tobytes() for image in images}) == 1_000


def test_ten_thousand_pictures_take_less_than_20_seconds(drawn):
    assert 10 * drawn["train"][2] < 20


def test_a_picture_depends_on_its_number_seed_and_split_alone(drawn):
    images, labels, _ = drawn["train"]
    fewer, their_labels = stickers.pictures(25)
    np.testing.assert_array_equal(fewer, images[:25])
    np.testing.assert_array_equal(their_labels, labels[:25])
    assert not np.array_equal(stickers.pictures(25, seed=1)[0], fewer)
    assert not np.array_equal(drawn["test"][0][:25], fewer)


def test_the_first_pictures_look_as_they_did_when_the_course_was_made():
    # Means, not bytes: another Pillow or NumPy may round otherwise.
    images, labels = stickers.pictures(10, seed=7)
    assert labels.tolist() == [5, 6, 4, 9, 0, 2, 7, 1, 8, 3]
    means = [105.4, 116.7, 168.7, 137.3, 90.0, 127.6, 148.6, 155.3, 143.2, 193.4]
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), means, atol=0.5)


def test_a_larger_picture_is_the_same_picture():
    small, _ = stickers.pictures(10, size=32)
    large, _ = stickers.pictures(10, size=64)
    reduced = large.reshape(10, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    for one, other in zip(small, reduced, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


def test_labels_count_in_the_order_of_the_classes_asked_for():
    images, labels = stickers.pictures(5, size=16, classes=("dog", "cat"))
    assert images.shape == (5, 16, 16, 3)
    assert sorted(labels.tolist()) in ([0, 0, 0, 1, 1], [0, 0, 1, 1, 1])
    _, only = stickers.pictures(3, classes=["frog"])
    assert only.tolist() == [0, 0, 0]
    assert [len(part) for part in stickers.pictures(0)] == [0, 0]


@pytest.mark.parametrize("split", stickers.SPLITS)
def test_colours_alone_tell_little(drawn, split):
    """The nearest class in mean colour is right more often than one in ten, and far from always."""
    images, labels, _ = drawn[split]
    colours = images.reshape(1_000, -1, 3).mean(axis=1)
    centres = np.array([colours[:500][labels[:500] == label].mean(axis=0) for label in range(10)])
    guesses = np.linalg.norm(colours[500:, None] - centres, axis=2).argmin(axis=1)
    assert (guesses == labels[500:]).mean() < 0.3


def test_the_corners_tell_nothing_of_the_class(drawn):
    """Backgrounds are drawn in the same way for every class: their colours spread alike, whatever is in front."""
    images, labels, _ = drawn["train"]
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]].reshape(1_000, -1).astype(float)
    means = np.array([corners[labels == label].mean() for label in range(10)])
    error = corners.mean(axis=1).std() / np.sqrt(100)  # of a class's mean over 100 pictures
    assert np.abs(means - means.mean()).max() < 4.5 * error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"count": -1}, r"count=-1: give a whole number from 0 to 10,000,000"),
        ({"count": 2.0}, r"count=2\.0: give a whole number"),
        ({"count": True}, r"count=True: give a whole number"),
        ({"count": 3, "size": 4}, r"size=4: give a whole number from 8 to 512"),
        ({"count": 3, "seed": -1}, r"seed=-1: give a whole number from 0"),
        ({"count": 0, "split": "validation"}, r"split='validation': choose \"train\" or \"test\""),
        ({"count": 3, "classes": ("cat", "fish")}, r"list some of airplane, .*, each once"),
        ({"count": 3, "classes": ("cat", "cat")}, r"each once"),
        ({"count": 3, "classes": ()}, r"each once"),
        ({"count": 3, "classes": "cat"}, r"classes='cat': list some of"),
    ],
)
def test_bad_arguments_say_what_is_wrong(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        stickers.pictures(**arguments)


# Pictures as files


def whole(pets):
    return [pets / name for name in stickers.names(PHOTOGRAPHS)]


def test_a_folder_holds_the_pictures_and_the_planted_files_and_no_more(pets):
    found = sorted(path.relative_to(pets).as_posix() for path in pets.rglob("*") if path.is_file())
    assert found == sorted([*stickers.names(PHOTOGRAPHS), *stickers.PLANTED])
    assert [sum(name.startswith(kind) for name in stickers.names(PHOTOGRAPHS)) for kind in ("Cat", "Dog")] == [20, 20]
    assert set(stickers.names(25_000)).isdisjoint(stickers.PLANTED)
    assert len(set(stickers.names(25_000))) == 25_000


def test_the_whole_pictures_are_rgb_jpegs_of_various_shapes(pets):
    sizes = set()
    for path in whole(pets):
        with Image.open(path) as picture:
            picture.load()
            assert (picture.format, picture.mode) == ("JPEG", "RGB")
            sizes.add(picture.size)
    assert len(sizes) > 0.9 * PHOTOGRAPHS
    assert all(120 <= max(size) <= 500 and min(size) >= 0.59 * max(size) for size in sizes)
    assert {width > height for width, height in sizes} == {True, False}


# What Pillow says of each kind: its format and mode, or the error.
READS_AS = {
    "empty file": "UnidentifiedImageError",
    "truncated JPEG": "OSError",
    "web page": "UnidentifiedImageError",
    "text": "UnidentifiedImageError",
    "Windows thumbnails": "UnidentifiedImageError",
    "JPEG with extraneous bytes": "JPEG RGB",
    "GIF": "GIF P",
    "PNG": "PNG RGB",
    "BMP": "BMP RGB",
    "grey JPEG": "JPEG L",
    "CMYK JPEG": "JPEG CMYK",
    "JPEG turned by EXIF": "JPEG RGB",
    "exact duplicate": "JPEG RGB",
    "exact duplicate across classes": "JPEG RGB",
    "near duplicate": "JPEG RGB",
    "near duplicate across classes": "JPEG RGB",
}


@pytest.mark.parametrize(("name", "kind"), stickers.PLANTED.items())
def test_a_planted_file_is_what_it_is_said_to_be(pets, name, kind):
    try:
        with Image.open(pets / name) as picture:
            picture.load()
            found, turn = f"{picture.format} {picture.mode}", picture.getexif().get(0x0112)
    except OSError as error:
        found, turn = type(error).__name__, None
    assert found == READS_AS[kind]
    assert turn == (6 if "EXIF" in kind else None)
    assert ("duplicate" in kind) == (name in stickers.COPIES)
    assert ("across" in kind) == (name in stickers.COPIES and stickers.COPIES[name][:3] != name[:3])


def test_every_kind_is_planted():
    assert set(stickers.PLANTED.values()) == set(READS_AS)


def test_extraneous_bytes_stand_before_the_last_marker_and_change_no_pixel(pets):
    for name, kind in stickers.PLANTED.items():
        if kind == "JPEG with extraneous bytes":
            raw = (pets / name).read_bytes()
            without = raw[: -2 - 65] + raw[-2:]
            assert raw[-2:] == b"\xff\xd9"
            assert without[-3] != 65
            assert Image.open(io.BytesIO(raw)).tobytes() == Image.open(io.BytesIO(without)).tobytes()


def test_duplicates_are_copies_of_whole_pictures(pets):
    originals = set(stickers.names(8))  # the fewest that can be asked for beside broken files
    for name, original in stickers.COPIES.items():
        assert original in originals
        same = (pets / name).read_bytes() == (pets / original).read_bytes()
        assert same == stickers.PLANTED[name].startswith("exact")
        with Image.open(pets / name) as copy, Image.open(pets / original) as picture:
            one, other = (np.asarray(each.resize((16, 16), Image.Resampling.BOX), float) for each in (copy, picture))
        assert np.abs(one - other).mean() < 3


def test_a_picture_turned_by_exif_is_upright_for_those_who_heed_it(pets):
    from PIL import ImageOps

    (name,) = (name for name, kind in stickers.PLANTED.items() if "EXIF" in kind)
    index = list(stickers.PLANTED).index(name)
    upright = Image.open(io.BytesIO(stickers.photograph("dog", "train", 0, index, stickers.PLANT)))
    with Image.open(pets / name) as stored:
        shown = ImageOps.exif_transpose(stored)
    assert stored.size == upright.size[::-1]
    assert np.abs(np.asarray(shown, float) - np.asarray(upright, float)).mean() < 6


def test_files_depend_on_split_seed_and_number_alone(tmp_path, pets):
    stickers.write_folder(tmp_path / "again", 8, broken=False)
    again = sorted((tmp_path / "again" / "PetImages").rglob("*.jpg"))
    assert len(again) == 8
    for path in again:
        assert path.read_bytes() == (pets / path.parent.name / path.name).read_bytes()
    stickers.write_folder(tmp_path / "test", 2, split="test", broken=False)
    assert (tmp_path / "test/PetImages/Cat/0.jpg").read_bytes() != (pets / "Cat/0.jpg").read_bytes()


def test_nothing_is_written_over(tmp_path):
    kept = tmp_path / "PetImages" / "Cat" / "0.jpg"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"mine")
    with pytest.raises(ValueError, match="PetImages is there already and not empty"):
        stickers.write_folder(tmp_path, 8)
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [b"mine"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"count": 7}, "count=7: give a whole number from 8 to 25,000"),
        ({"count": -1, "broken": False}, "count=-1: give a whole number from 0 to 25,000"),
        ({"count": 8, "split": "all"}, "split='all': choose"),
        ({"count": 8, "seed": 0.5}, r"seed=0\.5: give a whole number"),
    ],
)
def test_bad_arguments_for_a_folder_write_nothing(tmp_path, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        stickers.write_folder(tmp_path, **arguments)
    assert list(tmp_path.iterdir()) == []


# Fashion-MNIST


def test_the_bundled_clothes_are_small_balanced_and_disjoint():
    folder = DATA / "fashion-mnist"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 2_000_000
    seen = set()
    for part, count in (("train", 3_500), ("t10k", 1_000)):
        images = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
        labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")
        assert images.shape == (count, 28, 28)
        assert {tuple(np.bincount(block)) for block in labels.reshape(-1, 100)} == {(10,) * 10}
        pictures = {image.tobytes() for image in images}
        assert len(pictures) == count
        assert not pictures & seen
        seen |= pictures

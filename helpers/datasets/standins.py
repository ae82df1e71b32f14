"""What stands in for CIFAR-10 and Cats vs Dogs where these cannot be had: pictures composed of stickers."""

import contextlib
import functools
import hashlib
import tempfile
from pathlib import Path

import numpy as np

from helpers import places, stickers
from helpers.datasets.shared import locked, whole
from helpers.stickers import compose

SOURCE = "a stand-in composed of stickers"
LICENCE = "openly licensed artwork, see data/README.md"
DIFFERENT = (
    "Drawings on made-up backgrounds, those for testing by another hand. Everything runs, but scores and mistakes are "
    "others than with photographs; those are in the recorded runs."
)
# How much is drawn at most, once: about 5 and, with the audit, 15 seconds of one core; the latter uses two. The
# docstrings of `cifar10` and `cats_vs_dogs` name these figures.
MOST_PICTURES = {"train": 3_000, "validation": 500, "test": 500}
MOST_FILES = {"train": 800, "validation": 100, "test": 100}
SPARE = 20  # the planted faults make some pictures unfit, or give them a near duplicate


def capped(asked, most):
    """`asked`, split by split, but not more than `most`."""
    return {split: min(count, most[split]) for split, count in asked.items()}


def _drawn_by():
    """Names the code and the artwork that draw: other ones draw other pictures."""
    code = [Path(module.__file__).read_bytes() for module in (stickers, compose)]
    artwork = (places.DATA / "stickers" / "stickers.csv").read_bytes()
    return hashlib.sha256(b"".join([*code, artwork])).hexdigest()[:12]


def squares(count, split):
    """The first `count` small pictures with labels, as `stickers.pictures` draws them: drawn once, then kept."""
    kept = places.cache_folder() / "stickers" / f"squares-{split}-{_drawn_by()}.npz"
    with contextlib.suppress(Exception):  # there is no such file, or a damaged one: draw
        with np.load(kept, allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
        if len(labels) >= count and images.shape == (len(labels), 32, 32, 3) and images.dtype == np.uint8:
            return images[:count], labels[:count]
    images, labels = stickers.pictures(count, split=split, progress=True)
    with contextlib.suppress(OSError):  # a full or read-only disk: the next call draws again
        kept.parent.mkdir(parents=True, exist_ok=True)
        with whole(kept) as partial, partial.open("wb") as file:
            np.savez(file, images=images, labels=labels)
    return images, labels


@functools.cache
def _for_this_session():
    """A folder that is removed when Python ends."""
    return tempfile.TemporaryDirectory(prefix="image-classification-course-", ignore_cleanup_errors=True)


def pet_folders():
    """Two folders with Cat and Dog in them, for training with validation and for testing: drawn once, then kept.

    They lie in the cache, or, where that cannot be written, in a folder for the life of this session. Raises ValueError
    if there is no room for them either.
    """
    try:
        return _drawn(places.cache_folder() / "stickers")
    except OSError:
        pass
    try:
        return _drawn(Path(_for_this_session().name))
    except OSError as error:
        raise ValueError(
            f"The pictures that stand in for Cats vs Dogs cannot be written ({error.strerror}). They take 20 MB: make "
            "room, or set COURSE_CACHE_DIR to a folder of your own."
        ) from error


def _drawn(cache):
    cache.mkdir(parents=True, exist_ok=True)
    counts = {"train": MOST_FILES["train"] + MOST_FILES["validation"] + SPARE, "test": MOST_FILES["test"] + SPARE}
    folders = []
    for split, count in counts.items():
        folder = cache / f"{split}-{count}-{_drawn_by()}"
        if not folder.is_dir():
            with locked(folder):
                if not folder.is_dir():
                    with whole(folder) as partial:
                        stickers.write_folder(partial, count, split=split)
        folders.append(places.find_cats_vs_dogs(folder))
    return folders

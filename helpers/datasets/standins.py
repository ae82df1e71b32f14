"""What stands in for CIFAR-10 and Cats vs Dogs where these cannot be had: pictures composed of stickers."""

import functools
import hashlib
import shutil
import tempfile
from pathlib import Path

from helpers import places, stickers
from helpers.datasets.download import locked
from helpers.stickers import compose

SOURCE = "a stand-in composed of stickers"
LICENCE = "openly licensed artwork, see data/README.md"
DIFFERENT = (
    "Drawings on made-up backgrounds, those for testing by another hand. Everything runs, but scores and mistakes are "
    "others than with photographs; those are in the recorded runs."
)
MOST_PICTURES = {"train": 10_000, "validation": 2_000, "test": 2_000}  # what is drawn in well under a minute
SPARE = 20  # the planted faults make some pictures unfit, or give them a near duplicate
MOST_FILES = {"train": 1_600, "validation": 200, "test": 200}


def capped(asked, most):
    """`asked`, split by split, but not more than `most`."""
    return {split: min(count, most[split]) for split, count in asked.items()}


def _writable(folder):
    """`folder`, made if need be; where that cannot be, a folder for the life of this session."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "writable").touch()
        return folder
    except OSError:
        return _for_this_session()


@functools.cache
def _for_this_session():
    return Path(tempfile.mkdtemp(prefix="image-classification-course-"))


def pet_folders():
    """Two folders with Cat and Dog in them, for training with validation and for testing: drawn once, then kept."""
    code = [Path(module.__file__).read_bytes() for module in (stickers, compose)]
    artwork = (places.DATA / "stickers" / "stickers.csv").read_bytes()
    drawn_by = hashlib.sha256(b"".join([*code, artwork])).hexdigest()[:12]
    cache = _writable(places.cache_folder() / "stickers")
    counts = {"train": MOST_FILES["train"] + MOST_FILES["validation"] + SPARE, "test": MOST_FILES["test"] + SPARE}
    folders = []
    for split, count in counts.items():
        folder = cache / f"{split}-{count}-{drawn_by}"
        if not folder.is_dir():
            with locked(cache / f"{folder.name}.lock"):
                partial = folder.with_suffix(".partial")
                shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
                if not folder.is_dir():
                    stickers.write_folder(partial, count, split=split)
                    partial.rename(folder)
        folders.append(places.find_cats_vs_dogs(folder))
    return folders

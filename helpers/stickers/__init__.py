"""Pictures of CIFAR-10's ten classes, composed from openly licensed emoji: the stand-in where no network is.

`pictures` gives arrays in the manner of CIFAR-10, `write_folder` JPEG files in the manner of Cats vs Dogs. One family
of artwork is held out: pictures of the split "test" show drawings of which no training picture shows any. Where the
drawings come from and under which licences: data/README.md. How a picture is composed: `helpers.stickers.compose`.
"""

import io
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from helpers.arguments import whole_number
from helpers.datasets.origins import CIFAR10_CLASSES
from helpers.stickers import compose

CLASS_NAMES = CIFAR10_CLASSES
SPLITS = ("train", "test")
ORDER, SQUARE, PHOTOGRAPH, PLANT = 1, 2, 3, 4  # what a random generator is for; see `generator`

# The files that `write_folder(…, broken=True)` plants: path inside PetImages → kind.
PLANTED = {
    "Cat/666.jpg": "empty file",
    "Dog/11702.jpg": "empty file",
    "Cat/10404.jpg": "truncated JPEG",
    "Dog/4367.jpg": "truncated JPEG",
    "Cat/9778.jpg": "web page",
    "Dog/1866.jpg": "text",
    "Cat/Thumbs.db": "Windows thumbnails",
    "Dog/Thumbs.db": "Windows thumbnails",
    "Cat/5370.jpg": "JPEG with extraneous bytes",
    "Dog/9078.jpg": "JPEG with extraneous bytes",
    "Cat/10125.jpg": "GIF",
    "Dog/10158.jpg": "PNG",
    "Cat/3491.jpg": "BMP",
    "Cat/7377.jpg": "grey JPEG",
    "Dog/6059.jpg": "CMYK JPEG",
    "Dog/8730.jpg": "JPEG turned by EXIF",
    "Cat/11935.jpg": "exact duplicate",
    "Dog/11675.jpg": "exact duplicate",
    "Dog/5604.jpg": "exact duplicate across classes",
    "Cat/4688.jpg": "near duplicate",
    "Dog/10797.jpg": "near duplicate",
    "Dog/7133.jpg": "near duplicate across classes",
}

# Of which file each planted duplicate is a copy. The near ones are smaller and encoded again.
COPIES = {
    "Cat/11935.jpg": "Cat/0.jpg",
    "Dog/11675.jpg": "Dog/0.jpg",
    "Dog/5604.jpg": "Cat/1.jpg",
    "Cat/4688.jpg": "Cat/2.jpg",
    "Dog/10797.jpg": "Dog/2.jpg",
    "Dog/7133.jpg": "Cat/3.jpg",
}


def pictures(count, split="train", size=32, seed=0, classes=None, progress=False):
    """Compose `count` square pictures with their labels.

    Parameters
    ----------
    count : int
        How many; every run of as many pictures as there are classes shows each class once, in random order.
    split : "train" or "test"
        "test" draws from the family of artwork that "train" never shows.
    size : int
        Side in pixels, 8 to 512. The drawings are made for up to 96 pixels, those of cats and dogs for up to 256.
    seed : int
        0 or more. Picture number i depends on seed, split, classes and i alone: asking for more keeps the first ones.
    classes : sequence of str, optional
        Some of `CLASS_NAMES`; all ten by default. A label is the class's place in this sequence.
    progress : bool
        Show a bar if it takes longer than a few seconds; nothing of it stays.

    Returns (images, labels): uint8 (count, size, size, 3), red, green, blue, 0 to 255; uint8 (count,).
    Raises ValueError for an argument outside these limits.
    """
    whole_number("count", count, 0, 10**7)
    whole_number("size", size, 8, 512)
    classes = CLASS_NAMES if classes is None else classes
    if isinstance(classes, str) or not set(classes) <= set(CLASS_NAMES) or not 0 < len(set(classes)) == len(classes):
        raise ValueError(f"classes={classes!r}: list some of {', '.join(CLASS_NAMES)}, each once.")
    images = np.empty((count, size, size, 3), np.uint8)
    labels = np.empty(count, np.uint8)
    bar = {"desc": "drawing", "unit": " pictures", "leave": False, "delay": 3, "file": sys.stdout}
    for index in tqdm(range(count), disable=not progress, **bar):
        block, place = divmod(index, len(classes))
        if place == 0:
            order = generator(ORDER, split, seed, block).permutation(len(classes))
        labels[index] = order[place]
        name = classes[order[place]]
        images[index] = compose.picture(generator(SQUARE, split, seed, index), name, size, size, split)
    generator(ORDER, split, seed, 0)  # none drawn, and still an error for a split or seed that does not exist
    return images, labels


def write_folder(folder, count, split="train", seed=0, broken=True):
    """Write `count` cats and dogs as JPEG files into `folder`/PetImages/Cat and Dog, named 0.jpg, 1.jpg and so on.

    They are 120 to 500 pixels long, of various aspect ratios, taking turns: cat, dog, cat, … With `broken` the files of
    `PLANTED` join them, one or two of each kind that the official archive holds; their names are left free by the
    others. A file's content depends on split, seed and its number alone.

    Returns the folder as a Path. Raises ValueError for bad arguments, for broken files beside fewer than 8 whole ones
    (nothing to duplicate), and if PetImages is there already and holds anything: nothing is written over.
    """
    whole_number("count", count, 8 if broken else 0, 25_000)
    generator(PHOTOGRAPH, split, seed, 0)
    folder = Path(folder)
    root = folder / "PetImages"
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ValueError(f"{root.name} is there already and not empty. Choose another folder, or move it away.")
    for name in ("Cat", "Dog"):
        (root / name).mkdir(parents=True, exist_ok=True)

    def write(index, relative):
        (root / relative).write_bytes(photograph(relative.split("/")[0].lower(), split, seed, index))

    with ThreadPoolExecutor(max_workers=2) as pool:  # NumPy and Pillow let go of the interpreter while they compute
        for _ in pool.map(write, range(count), names(count)):
            pass  # raises what a thread has raised
    if broken:
        for index, (relative, kind) in enumerate(PLANTED.items()):
            (root / relative).write_bytes(planted(relative, kind, root, split, seed, index))
    return folder


def names(count):
    """The paths inside PetImages of `count` whole pictures: Cat/0.jpg, Dog/0.jpg, Cat/1.jpg, …, none of `PLANTED`."""
    found, number = [], 0
    while len(found) < count:
        both = (f"Cat/{number}.jpg", f"Dog/{number}.jpg")
        found += both if PLANTED.keys().isdisjoint(both) else ()
        number += 1
    return found[:count]


def photograph(name, split, seed, index, purpose=PHOTOGRAPH):
    """One picture of the class `name` as the bytes of an RGB JPEG file, 120 to 500 pixels long."""
    rng = generator(purpose, split, seed, index)
    longer = 120 + round(380 * rng.random() ** 2)  # small ones are more frequent
    ratio, quality = rng.uniform(0.6, 1), int(rng.integers(80, 93))
    width, height = (longer, round(longer * ratio))[:: rng.choice((-1, 1))]
    return encoded(Image.fromarray(compose.picture(rng, name, width, height, split)), quality=quality)


def encoded(picture, kind="JPEG", **options):
    """The bytes of `picture` as a file of the given kind."""
    raw = io.BytesIO()
    picture.save(raw, kind, **options)
    return raw.getvalue()


def planted(relative, kind, root, split, seed, index):
    """The bytes of one of the `PLANTED` files; `root` is the folder with the whole pictures."""
    if relative in COPIES:
        original = (root / COPIES[relative]).read_bytes()
        if kind.startswith("exact"):
            return original
        with Image.open(io.BytesIO(original)) as picture:
            smaller = picture.resize([round(0.8 * length) for length in picture.size], Image.Resampling.BICUBIC)
        return encoded(smaller, quality=70)
    whole = photograph(relative.split("/")[0].lower(), split, seed, index, PLANT)
    with Image.open(io.BytesIO(whole)) as picture:
        picture.load()
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be shown turned by 90 degrees, so stored turned the other way
    return {
        "empty file": lambda: b"",
        "truncated JPEG": lambda: whole[: len(whole) * 3 // 5],
        "web page": lambda: b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n",
        "text": lambda: b"This photograph is no longer available.\n",
        "Windows thumbnails": lambda: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1528),
        "JPEG with extraneous bytes": lambda: whole[:-2] + bytes(range(1, 66)) + whole[-2:],
        "GIF": lambda: encoded(picture.convert("P", palette=Image.Palette.ADAPTIVE), "GIF"),
        "PNG": lambda: encoded(picture, "PNG"),
        "BMP": lambda: encoded(picture.reduce(2), "BMP"),
        "grey JPEG": lambda: encoded(picture.convert("L"), quality=85),
        "CMYK JPEG": lambda: encoded(picture.convert("CMYK"), quality=85),
        "JPEG turned by EXIF": lambda: encoded(picture.transpose(Image.Transpose.ROTATE_90), quality=85, exif=exif),
    }[kind]()


def generator(purpose, split, seed, number):
    """A NumPy generator that depends on its arguments alone. Raises ValueError if there is no such split or seed."""
    if split not in SPLITS:
        raise ValueError(f'split={split!r}: choose "train" or "test".')
    whole_number("seed", seed, 0, 2**32 - 1)
    return np.random.default_rng([purpose, SPLITS.index(split), seed, number])

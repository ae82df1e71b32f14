"""Where data lie on this machine, and whether the network may be asked: the one place that reads these switches.

`COURSE_DATA_DIR` names a folder with data sets in their official formats; `COURSE_OFFLINE` (anything but empty or 0)
forbids the network; `COURSE_CACHE_DIR` moves the folder that keeps what was downloaded.
"""

import os
import re
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")  # Debian's package dataset-fashion-mnist
MNIST_FILES = {
    "training images": "train-images-idx3-ubyte.gz",
    "training labels": "train-labels-idx1-ubyte.gz",
    "test images": "t10k-images-idx3-ubyte.gz",
    "test labels": "t10k-labels-idx1-ubyte.gz",
}
CIFAR_FILES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
# Sets that use MNIST's file names for other pictures; only the folder's name tells them apart. Words count, not parts
# of them: "course-mnist" is not EMNIST.
LOOKALIKES = re.compile(r"fashion|(?<![a-z0-9])(kuzushiji|k49|([efkq]|not)[-_ ]?mnist)")


def staged_folder():
    """The folder that COURSE_DATA_DIR names, None where it is not set. Raises ValueError if there is no such folder."""
    value = os.environ.get("COURSE_DATA_DIR", "").strip()
    if not value:
        return None
    folder = _path("COURSE_DATA_DIR", value)
    if not os.path.isdir(folder):  # Path.is_dir raises where a folder above is closed
        whole = "" if folder.is_absolute() else " and give the whole path, as a notebook counts from its own folder"
        raise ValueError(f"COURSE_DATA_DIR names no folder: {value!r}. Correct it{whole}, or remove it to do without.")
    return folder


def offline():
    """True where COURSE_OFFLINE forbids the network: set, and not 0."""
    return os.environ.get("COURSE_OFFLINE", "").strip() not in ("", "0")


def cache_folder():
    """The folder for downloads: COURSE_CACHE_DIR, else where this system keeps such things. It need not exist yet."""
    value = os.environ.get("COURSE_CACHE_DIR", "").strip()
    if value:
        return _path("COURSE_CACHE_DIR", value)
    import pooch  # only here: lessons on bundled data never need it

    return Path(pooch.os_cache("image-classification-course"))


def _path(variable, value):
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{variable} names the home of a user who is not known here: {value!r}. Correct it, or remove it to do "
            "without."
        ) from error


def _folders(root):
    """`root`, the folders in it and those in them, by name; hidden and closed ones are left out."""
    found, level = [], [Path(root)]
    for depth in range(3):
        below = []
        for folder in level:
            try:
                os.stat(os.path.join(folder, "."))  # may files in it be looked at?
                # scandir asks no file for its status: there may be 25,000.
                with os.scandir(folder) as entries:
                    inner = [entry.name for entry in entries if entry.name[0] != "." and entry.is_dir()]
            except OSError as error:
                if depth == 0:
                    raise ValueError(
                        f"The folder {folder.name!r} cannot be read ({error.strerror}). Allow reading it, or set "
                        "COURSE_DATA_DIR to another one."
                    ) from error
                continue
            found.append(folder)
            below += [folder / name for name in sorted(inner)]
        level = below
    return found


def _names(folder, root):
    """What the names of `folder` and of those above it up to `root` say, in small letters."""
    own = root.resolve()
    above = [own.parent.name] if own.name.lower() in ("raw", "data") else []  # a name that says nothing
    return "/".join([*above, own.name, *folder.relative_to(root).parts]).lower()


def find_mnist(root):
    """MNIST under `root`: its mnist.npz, or the folder with its IDX files; None if there is neither.

    A folder whose name says that it holds another set with the same file names is passed over.
    """
    for folder in _folders(root):
        if not LOOKALIKES.search(_names(folder, root)):
            if (folder / "mnist.npz").is_file():
                return folder / "mnist.npz"
            if any(idx_file(folder, name) for name in MNIST_FILES.values()):
                return folder
    return None


def find_fashion_mnist(root):
    """The folder with Fashion-MNIST's IDX files under `root`; its name, or one above it, must say "fashion"."""
    for folder in _folders(root):
        if "fashion" in _names(folder, root) and any(idx_file(folder, name) for name in MNIST_FILES.values()):
            return folder
    return None


def idx_file(folder, name):
    """The IDX file of that name in `folder`, gzipped or already unpacked; None if there is neither."""
    return next((path for path in (folder / name, folder / name.removesuffix(".gz")) if path.is_file()), None)


def find_cifar10(root):
    """The folder with CIFAR-10's batches under `root`, or the official cifar-10-python.tar.gz; None if neither."""
    folders = _folders(root)
    for folder in folders:
        if any((folder / name).is_file() for name in CIFAR_FILES):
            return folder
    return next((path for path in (folder / "cifar-10-python.tar.gz" for folder in folders) if path.is_file()), None)


def find_cats_vs_dogs(root):
    """The folder with the folders Cat and Dog under `root`, or the official zip file; None if neither.

    Raises ValueError for a folder PetImages that holds one of the two only.
    """
    folders = _folders(root)
    for folder in folders:
        present = [(folder / name).is_dir() for name in ("Cat", "Dog")]
        if all(present):
            return folder
        if any(present) and folder.name == "PetImages":
            raise ValueError("PetImages/ holds only one of the folders Cat and Dog. Copy the whole folder again.")
    return next((path for folder in folders for path in sorted(folder.glob("kagglecatsanddogs_*.zip"))), None)

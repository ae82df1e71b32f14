"""The official file formats of the course's data sets, read without trusting the files: MNIST's and CIFAR-10's."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from helpers import places
from helpers.datasets.pickles import plain_shape, read_pickle

LARGEST_IDX = 100_000_000  # bytes, unpacked; the largest official file of 60,000 pictures takes 47 million


def read_idx(path):
    """Read an IDX file of unsigned bytes, gzipped (name ending in .gz) or not.

    Source of the format: the MNIST home page. Two zero bytes, a type code (0x08: uint8), the number of axes, one
    big-endian 32-bit size per axis, then the values.

    Returns a uint8 array of the shape that the file states. Raises ValueError if the file is not such a file.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f"{path.name} is missing in {path.parent.name}/. Copy it there again; if the folder is the course's own, "
            "get the course again."
        )
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            raw = file.read(LARGEST_IDX + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path.name} is not a complete gzip file ({error}). Fetch or copy it again.") from error
    except OSError as error:
        raise ValueError(
            f"{path.name} cannot be read ({error.strerror}). Allow reading it, or copy it again."
        ) from error
    if len(raw) > LARGEST_IDX:
        raise ValueError(f"{path.name} holds more than {LARGEST_IDX:,} bytes, too many for this set. Copy it again.")
    axes = raw[3] if len(raw) > 3 else 0
    if raw[:3] != b"\x00\x00\x08" or not 1 <= axes <= 4:
        raise ValueError(
            f"{path.name} starts with {raw[:4].hex(' ') or 'nothing'}; an IDX file of bytes starts with 00 00 08 and "
            "the number of its axes, 1 to 4. Copy it again."
        )
    if len(raw) < 4 + 4 * axes:
        raise ValueError(f"{path.name} ends within its header. Copy it again.")
    shape = struct.unpack(f">{axes}I", raw[4 : 4 + 4 * axes])
    values = raw[4 + 4 * axes :]
    if len(values) != math.prod(shape):
        raise ValueError(f"{path.name} states the shape {shape} but holds {len(values):,} values. Copy it again.")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def write_idx(path, array):
    """Write a uint8 array as a gzipped IDX file: magic number with type and rank, big-endian sizes, then the bytes."""
    header = struct.pack(">BBBB", 0, 0, 0x08, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    # Neither a time nor a name goes into the gzip header, so that writing again gives the same bytes.
    Path(path).write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes(), compresslevel=9, mtime=0))


def read_mnist(found, name):
    """Read MNIST, or a set of the same layout, from its mnist.npz or from the folder of its four IDX files.

    Returns (images, labels) of the training file, (images, labels) of the test file, and the paths of the files: uint8
    arrays of shape (n, 28, 28) and (n,). Raises ValueError that names the file if that is not what they hold.
    """
    if found.is_file():
        try:
            with np.load(found, allow_pickle=False) as file:
                arrays = [file[key] for key in ("x_train", "y_train", "x_test", "y_test")]
        except Exception as error:  # a broken file may raise nearly anything
            reason = str(getattr(error, "strerror", None) or error)[:200]  # strerror: without the path
            raise ValueError(
                f"{found.name} is not the file of that name ({reason}). Fetch or copy it again."
            ) from error
        paths = [found]
    else:
        paths = [places.idx_file(found, file) or found / file for file in places.MNIST_FILES.values()]
        arrays = [read_idx(path) for path in paths]
    for part in (0, 2):
        images, labels = arrays[part : part + 2]
        right = images.shape == (len(labels), 28, 28) and labels.ndim == 1 and images.dtype == labels.dtype == np.uint8
        if not right or labels.max(initial=0) > 9:
            path = paths[min(part, len(paths) - 1)]
            raise ValueError(
                f"{path.name} in {path.parent.name}/ holds "
                f"{images.dtype} pictures of shape {images.shape} for labels of shape {labels.shape}, up to "
                f"{labels.max(initial=0)}; {name} has bytes of shape (n, 28, 28) for (n,), up to 9. Copy it again."
            )
    return tuple(arrays[:2]), tuple(arrays[2:]), paths


def read_cifar_batch(path):
    """Read one batch file of CIFAR-10's Python version, official or written anew by Python 3.

    Source of the format: the CIFAR-10 home page. A pickled dict with `data`, one row of 3,072 bytes per picture (32
    rows of 32 reds, then greens, then blues), and `labels`, one number 0..9 per picture.

    Returns uint8 images (n, 32, 32, 3) and uint8 labels (n,). Raises ValueError that names the file.
    """
    path = Path(path)
    content = read_pickle(path)
    array, labels = content.get("data"), content.get("labels")
    raw, shape = getattr(array, "raw", b""), plain_shape(getattr(array, "shape", None))
    rows = shape is not None and len(shape) == 2 and shape[1] == 3072
    if not rows or not isinstance(raw, bytes | bytearray) or array.fortran:
        raise ValueError(f"{path.name} holds pictures of shape {shape}; expected (n, 3072). Copy the file again.")
    if len(raw) != shape[0] * shape[1]:
        raise ValueError(f"{path.name} states the shape {shape} but holds {len(raw):,} values. Copy the file again.")
    fitting = isinstance(labels, list) and all(type(label) is int and 0 <= label <= 9 for label in labels)
    if not fitting or len(labels) != shape[0]:
        raise ValueError(f"{path.name}: expected {shape[0]:,} labels from 0 to 9. Copy the file again.")
    images = np.frombuffer(bytes(raw), dtype=np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.array(labels, dtype=np.uint8)


def read_cifar10(folder):
    """Read the six batches in `folder`: (images, labels) for training, the same for testing, and the files' paths."""
    paths = [folder / name for name in places.CIFAR_FILES]
    batches = [read_cifar_batch(path) for path in paths]
    train = tuple(np.concatenate(arrays) for arrays in zip(*batches[:5], strict=True))
    return train, batches[5], paths

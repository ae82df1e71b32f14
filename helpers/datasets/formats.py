"""The official file formats of the course's data sets, read without trusting the files: MNIST's and CIFAR-10's."""

import gzip
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from helpers import places

LARGEST_BATCH = 64_000_000  # bytes; an official batch of 10,000 pictures takes 31 million


def read_idx(path):
    """Read an IDX file of unsigned bytes, gzipped (name ending in .gz) or not.

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
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
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
        except (KeyError, OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{found.name} is not the file of that name ({error}). Fetch or copy it again.") from error
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


class CifarUnpickler(pickle.Unpickler):
    """Loads what a CIFAR-10 batch is made of (dicts, lists, text, numbers, one uint8 array) and nothing else.

    A pickle is a program: it may name any function and have it called. Here the few names that an array needs stand
    for parts of our own that only take notes; NumPy never sees the file's claims before they are checked. Admitted are
    the names that Python 2 with old NumPy wrote (the official files) and those that Python 3 with NumPy 1 or 2 writes.
    """

    def find_class(self, module, name):
        class Array:
            """Notes the state of an array: version, shape, dtype, Fortran order, bytes."""

            def __setstate__(self, state):
                self.shape, self.fortran, self.raw = state[1], state[3], state[4]

        class Bytes8:
            """A dtype; only uint8 is admitted."""

            def __init__(self, code, *_):
                if code not in ("u1", b"u1", "uint8", b"uint8", "|u1"):
                    raise pickle.UnpicklingError(f"an array of {code!r} where bytes (u1) belong")

            def __setstate__(self, state):
                """Byte order and the like say nothing about bytes."""

        def from_buffer(raw, dtype, shape, order):
            array = Array()
            array.shape, array.fortran, array.raw = shape, order == "F", raw
            return array

        def encode(text, codec):  # how Python 3 writes bytes for Python 2
            if codec not in ("latin1", "latin-1"):
                raise pickle.UnpicklingError(f"text in the encoding {codec!r}")
            return text.encode("latin1")

        admitted = {
            ("numpy", "ndarray"): Array,
            ("numpy", "dtype"): Bytes8,
            ("_codecs", "encode"): encode,
        }
        for core in ("numpy.core", "numpy._core"):
            admitted[f"{core}.multiarray", "_reconstruct"] = lambda *_: Array()
            admitted[f"{core}.numeric", "_frombuffer"] = from_buffer
        if (module, name) not in admitted:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no picture needs")
        return admitted[module, name]


def read_pickle(path):
    """Read a pickle of CIFAR-10's layout; returns its dict with text as keys. Raises ValueError for anything else."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path.name} is missing in {path.parent.name}/. Copy the whole folder again.")
    if path.stat().st_size > LARGEST_BATCH:
        raise ValueError(f"{path.name} has {path.stat().st_size:,} bytes, too many for a CIFAR-10 file. Copy it again.")
    try:
        with path.open("rb") as file:
            content = CifarUnpickler(file, encoding="bytes").load()
        return {key.decode("ascii") if isinstance(key, bytes) else key: value for key, value in content.items()}
    except Exception as error:  # a broken pickle may raise nearly anything
        raise ValueError(
            f"{path.name} is refused: {error}. It is not a CIFAR-10 file; get the data again, from its home page."
        ) from error


def read_cifar_batch(path):
    """Read one batch file of CIFAR-10's Python version, official or written anew by Python 3.

    Source of the format: the CIFAR-10 home page. A pickled dict with `data`, one row of 3,072 bytes per picture (32
    rows of 32 reds, then greens, then blues), and `labels`, one number 0..9 per picture.

    Returns uint8 images (n, 32, 32, 3) and uint8 labels (n,). Raises ValueError that names the file.
    """
    path = Path(path)
    content = read_pickle(path)
    array, labels = content.get("data"), content.get("labels")
    raw, shape = getattr(array, "raw", b""), getattr(array, "shape", None)
    rows = isinstance(shape, tuple) and len(shape) == 2 and shape[1] == 3072 and isinstance(shape[0], int)
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

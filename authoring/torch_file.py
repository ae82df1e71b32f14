"""Read weights that PyTorch saved, without PyTorch: the format of before version 1.6, a pickle with numbers behind it.

A pickle is a program. This one is read by an unpickler that admits four names, which stand for parts of our own.
"""

import io
import pickle
import struct
from typing import NamedTuple

import numpy as np

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # how such a file begins


class Tensor(NamedTuple):
    """A tensor as the pickle describes it: where in which storage its numbers lie; steps in numbers, not bytes."""

    storage: str
    offset: int
    shape: tuple
    steps: tuple


class Storage(NamedTuple):
    """A row of numbers that follows the pickle."""

    key: str
    dtype: str
    count: int


class Notes(dict):
    """Stands for an OrderedDict, and lets go of what PyTorch notes beside its items."""

    def __setstate__(self, state):
        """Versions of PyTorch's layers: of no use here."""


def tensor(storage, offset, shape, steps, *_):
    """Stands for torch._utils._rebuild_tensor_v2."""
    numbers = (offset, *shape, *steps)
    if type(storage) is not Storage or len(shape) != len(steps) or not all(type(n) is int and n >= 0 for n in numbers):
        raise pickle.UnpicklingError("a tensor that is described in another way than PyTorch does")
    return Tensor(storage.key, offset, tuple(shape), tuple(steps))


class StateUnpickler(pickle.Unpickler):
    """Loads what the saved weights of a network are made of and nothing else: a pickle may name any function."""

    ADMITTED = {  # noqa: RUF012 (never changed: a pickle gets its values, not the dict)
        ("collections", "OrderedDict"): Notes,
        ("torch._utils", "_rebuild_tensor_v2"): tensor,
        ("torch", "FloatStorage"): "<f4",
        ("torch", "LongStorage"): "<i8",
    }

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) not in self.ADMITTED:
            raise pickle.UnpicklingError(f"it names {module[:60]}.{name[:60]}, which no weights need")
        return self.ADMITTED[module, name]

    def persistent_load(self, described):
        """The storage that the tuple describes: "storage", dtype, key, device, how many numbers, part of another."""
        kind, dtype, key, _, count, view = described
        if (kind, view) != ("storage", None) or dtype not in ("<f4", "<i8"):
            raise pickle.UnpicklingError("a storage that is described in another way than PyTorch does")
        return self.storages.setdefault(key, Storage(key, dtype, count))


def read_pth(raw):
    """Read the bytes of a .pth file as PyTorch wrote them before version 1.6: a dict of name → array.

    The file holds five pickles, then each storage: how many numbers, and these. Raises ValueError for anything else.
    """
    file = io.BytesIO(raw)
    try:
        if (StateUnpickler(file).load(), StateUnpickler(file).load()) != (MAGIC, PROTOCOL):
            raise ValueError("it does not begin as PyTorch's files did before version 1.6")
        if StateUnpickler(file).load().get("little_endian") is not True:
            raise ValueError("its numbers are written with the high byte first")
        unpickler = StateUnpickler(file)
        tensors = unpickler.load()
        numbers = {}
        for key in StateUnpickler(file).load():
            storage = unpickler.storages[key]
            (count,) = struct.unpack("<q", file.read(8))
            if count != storage.count:
                raise ValueError(f"a storage of {count} numbers where {storage.count} belong")
            numbers[key] = np.frombuffer(file.read(count * np.dtype(storage.dtype).itemsize), storage.dtype, count)
        return {name: laid_out(one, numbers[one.storage]) for name, one in tensors.items()}
    except Exception as error:  # a broken pickle may raise nearly anything
        raise ValueError(
            f"The weights are refused: {str(error)[:200]}. Install the package that holds them again."
        ) from error


def laid_out(one, numbers):
    """The array of a Tensor: its numbers may lie in another order than the axes (those from TensorFlow do)."""
    last = one.offset + sum((length - 1) * step for length, step in zip(one.shape, one.steps, strict=True))
    if 0 in one.shape or last >= len(numbers):
        raise ValueError(f"a tensor of shape {one.shape} reaches beyond its {len(numbers)} numbers")
    steps = [step * numbers.itemsize for step in one.steps]
    return np.lib.stride_tricks.as_strided(numbers[one.offset :], one.shape, steps, writeable=False).copy()

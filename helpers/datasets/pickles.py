"""Read the pickles that CIFAR-10 comes in, although a pickle is a program: only what such a file needs is admitted."""

import io
import pickle
import pickletools
from pathlib import Path

LARGEST_BATCH = 64_000_000  # bytes; an official batch of 10,000 pictures takes 31 million
MOST_STEPS = 500_000  # a batch takes 30,000 to 120,000, depending on the Python that wrote it
MOST_KEPT = 200_000  # notes that a pickle may take, and the highest number of one: they make a list of that length
MOST_TUPLES = 20  # that are not the arguments of a call; an array needs about three
# Copies of what lies on the stack would make small files large objects: pickles of data do without.
REFUSED = ("DUP", "POP", "POP_MARK", "PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4")
# After these a note may be taken that is used again. Not after tuples: nested in each other, they would take forever.
REUSABLE = (
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "GLOBAL", "STACK_GLOBAL", "REDUCE"),
    *("EMPTY_LIST", "EMPTY_DICT", "LIST", "DICT"),
)


def read_pickle(path):
    """Read a pickle of CIFAR-10's layout; returns its dict with text as keys. Raises ValueError for anything else."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path.name} is missing in {path.parent.name}/. Copy the whole folder again.")
    if path.stat().st_size > LARGEST_BATCH:
        raise ValueError(f"{path.name} has {path.stat().st_size:,} bytes, too many for a CIFAR-10 file. Copy it again.")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{path.name} cannot be read ({error.strerror}). Allow reading it, or copy it again."
        ) from error
    try:
        check(raw)
        content = CifarUnpickler(io.BytesIO(raw), encoding="bytes").load()
        return {key.decode("ascii") if isinstance(key, bytes) else key: value for key, value in content.items()}
    except Exception as error:  # a broken pickle may raise nearly anything
        raise ValueError(
            f"{path.name} is refused: {str(error)[:200]}. It is not a CIFAR-10 file; get the data again, from its home "
            "page."
        ) from error


def plain_shape(value):
    """`value` if that is a tuple of up to four plain numbers from 0 to 2³² - 1, else None: fit to be shown."""
    fits = type(value) is tuple and len(value) <= 4 and all(type(n) is int and 0 <= n < 2**32 for n in value)
    return value if fits else None


def check(raw):
    """Look at the steps of a pickle without taking them; raises UnpicklingError if one could use up time or memory."""
    reusable, last, tuples = {}, "", 0
    for count, (step, argument, _) in enumerate(pickletools.genops(raw)):
        name = step.name
        if count > MOST_STEPS or name in REFUSED:
            raise pickle.UnpicklingError(f"it takes too many steps, or one that no picture needs ({name})")
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            index = len(reusable) if name == "MEMOIZE" else argument
            if index > MOST_KEPT:
                raise pickle.UnpicklingError(f"it takes note number {str(index)[:20]}")
            reusable[index] = last in REUSABLE
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            if not reusable.get(argument):
                raise pickle.UnpicklingError("it uses a part twice that is neither text nor a name")
            last = name
        elif name != "FRAME":
            tuples += last.startswith("TUPLE") and name != "REDUCE"
            if tuples > MOST_TUPLES:
                raise pickle.UnpicklingError(f"it holds more than {MOST_TUPLES} tuples")
            last = name


class CifarUnpickler(pickle.Unpickler):
    """Loads what a CIFAR-10 batch is made of (dicts, lists, text, numbers, one uint8 array) and nothing else.

    It may name any function and have it called. Here the few names that an array needs stand for parts of our own that
    only take notes; NumPy never sees the file's claims before they are checked. Admitted are the names that Python 2
    with old NumPy wrote (the official files) and those that Python 3 with NumPy 1 or 2 writes.
    """

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.admitted = _admitted()

    def find_class(self, module, name):
        if (module, name) not in self.admitted:
            raise pickle.UnpicklingError(f"it names {module[:60]}.{name[:60]}, which no picture needs")
        return self.admitted[module, name]


def _admitted():
    """(module, name) → what stands for it; made anew for each file, as a pickle can change what it is given."""

    class Array:
        """Notes the state of an array: version, shape, dtype, Fortran order, bytes."""

        def __setstate__(self, state):
            self.shape, self.fortran, self.raw = state[1], state[3], state[4]

    class Bytes8:
        """A dtype; only uint8 is admitted."""

        def __init__(self, code, *_):
            if not isinstance(code, str | bytes) or code not in ("u1", b"u1", "uint8", b"uint8", "|u1"):
                raise pickle.UnpicklingError(f"an array of {_shown(code)} where bytes (u1) belong")

        def __setstate__(self, state):
            """Byte order and the like say nothing about bytes."""

    def from_buffer(raw, dtype, shape, order):
        array = Array()
        array.shape, array.fortran, array.raw = shape, order == "F", raw
        return array

    def encode(text, codec):  # how Python 3 writes bytes for Python 2
        if not isinstance(codec, str) or codec not in ("latin1", "latin-1"):
            raise pickle.UnpicklingError(f"text in the encoding {_shown(codec)}")
        return text.encode("latin1")

    admitted = {("numpy", "ndarray"): Array, ("numpy", "dtype"): Bytes8, ("_codecs", "encode"): encode}
    for core in ("numpy.core", "numpy._core"):
        admitted[f"{core}.multiarray", "_reconstruct"] = lambda *_: Array()
        admitted[f"{core}.numeric", "_frombuffer"] = from_buffer
    return admitted


def _shown(value):
    """Short text as it is written, of anything else only its type: showing it might never end."""
    return repr(value) if isinstance(value, str | bytes) and len(value) <= 20 else f"a {type(value).__name__}"

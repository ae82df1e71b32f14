"""File formats and archives: the official ones are read, hostile ones are refused and touch nothing outside."""

import errno
import gzip
import io
import os
import pickle
import struct
import tarfile
import tracemalloc
import zipfile
from pickle import (
    APPENDS,
    BINFLOAT,
    BININT,
    BININT1,
    BINSTRING,
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    MARK,
    NEWFALSE,
    NEWTRUE,
    NONE,
    PROTO,
    REDUCE,
    SETITEMS,
    SHORT_BINSTRING,
    STOP,
    TUPLE,
    TUPLE3,
)

import numpy as np
import pytest

from helpers.datasets import archives, formats, pickles

RNG = np.random.default_rng(5)
ROWS = RNG.integers(0, 256, (20, 3072), dtype=np.uint8)
LABELS = [int(label) for label in RNG.integers(0, 10, 20)]


def text(value):
    """A string of Python 2."""
    return (
        SHORT_BINSTRING + bytes([len(value)]) + value
        if len(value) < 256
        else BINSTRING + struct.pack("<i", len(value)) + value
    )


def number(value):
    return BININT1 + bytes([value]) if 0 <= value < 256 else BININT + struct.pack("<i", value)


def name(module, attribute):
    return pickle.GLOBAL + f"{module}\n{attribute}\n".encode()


def python2_array(array, dtype=b"u1", fortran=False):
    """An array as NumPy 1 under Python 2 pickles it."""
    empty = name("numpy.core.multiarray", "_reconstruct") + name("numpy", "ndarray")
    empty += number(0) + pickle.TUPLE1 + text(b"b") + TUPLE3 + REDUCE
    kind = name("numpy", "dtype") + text(dtype) + number(0) + number(1) + TUPLE3 + REDUCE
    kind += MARK + number(3) + text(b"|") + 3 * NONE + number(-1) + number(-1) + number(0) + TUPLE + BUILD
    shape = MARK + b"".join(map(number, array.shape)) + TUPLE
    state = MARK + number(1) + shape + kind + (NEWTRUE if fortran else NEWFALSE) + text(array.tobytes()) + TUPLE
    return empty + state + BUILD


def python2_batch(array=None, labels=None):
    """A batch file as Python 2 wrote the official ones; `array` and `labels` may be other pickled objects."""
    labels = EMPTY_LIST + MARK + b"".join(map(number, LABELS)) + APPENDS if labels is None else labels
    items = {
        b"batch_label": text(b"training batch 1 of 5"),
        b"labels": labels,
        b"data": python2_array(ROWS) if array is None else array,
        b"filenames": EMPTY_LIST + MARK + b"".join(text(b"a_cat.png") for _ in LABELS) + APPENDS,
    }
    return PROTO + b"\x02" + EMPTY_DICT + MARK + b"".join(text(k) + v for k, v in items.items()) + SETITEMS + STOP


def expected():
    return ROWS.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


# CIFAR-10


def test_the_handmade_pickle_is_what_numpy_means():
    """The test's own writer against the real reader, so that the tests below mean something."""
    content = pickle.loads(python2_batch(), encoding="bytes")
    assert np.array_equal(content[b"data"], ROWS) and content[b"labels"] == LABELS


@pytest.mark.parametrize("protocol", ["python 2", 0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("keys", [str, bytes])
def test_batches_of_every_python_are_read(tmp_path, protocol, keys):
    data = python2_batch()
    if protocol != "python 2":
        content = {"batch_label": b"x", "labels": LABELS, "data": ROWS, "filenames": [b"a.png"] * 20}
        if keys is bytes:
            content = {key.encode(): value for key, value in content.items()}
        data = pickle.dumps(content, protocol=protocol)
    (tmp_path / "data_batch_1").write_bytes(data)
    images, labels = formats.read_cifar_batch(tmp_path / "data_batch_1")
    assert np.array_equal(images, expected()) and images.flags.c_contiguous
    assert images.dtype == labels.dtype == np.uint8 and labels.tolist() == LABELS


class Calls:
    """Pickles as a call of something."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


HOSTILE = {
    "system": (Calls(os.system, "touch {target}"), "names (posix|nt).system"),
    "eval": (Calls(eval, "open({target!r}, 'w')"), "names (builtins|__builtin__).eval"),
    "open": (Calls(open, "{target}", "w"), "names (_io|io|__builtin__).open"),
    "getattr": (Calls(getattr, np, "load"), "names (builtins|__builtin__).getattr"),
    "array of objects": (np.array([{}, None], dtype=object), "'O8'"),
    "a number type": (np.float64(1), "names numpy"),
    "text codec": (Calls(__import__("codecs").encode, "00", "hex"), "encoding 'hex'"),
}


@pytest.mark.parametrize("protocol", [2, 5])
@pytest.mark.parametrize("case", HOSTILE)
def test_a_pickle_that_names_anything_else_is_refused_by_that_name(tmp_path, case, protocol):
    target = tmp_path / "touched"
    value, sentence = HOSTILE[case]
    if isinstance(value, Calls):
        filled = [a.format(target=str(target)) if isinstance(a, str) else a for a in value.call[1]]
        value = Calls(value.call[0], *filled)
        if case == "getattr":
            value = Calls(getattr, [], "append")
    path = tmp_path / "data_batch_3"
    path.write_bytes(pickle.dumps({b"data": ROWS, b"labels": LABELS, b"extra": value}, protocol=protocol))
    with pytest.raises(ValueError, match=rf"data_batch_3 is refused: .*{sentence}"):
        formats.read_cifar_batch(path)
    assert not target.exists()


def test_a_python_2_pickle_may_not_call_either(tmp_path):
    call = name("os", "system") + text(f"touch {tmp_path}/touched".encode()) + pickle.TUPLE1 + REDUCE
    (tmp_path / "test_batch").write_bytes(python2_batch(labels=call))
    with pytest.raises(ValueError, match=r"test_batch is refused: it names os\.system, which no picture needs"):
        formats.read_cifar_batch(tmp_path / "test_batch")
    assert not (tmp_path / "touched").exists()


def test_no_pickle_can_reach_what_is_admitted(tmp_path):
    """BUILD on a class or function of the reader changes nothing that a later file would meet."""
    stain = name("numpy", "dtype") + EMPTY_DICT + MARK + text(b"x") + number(1) + SETITEMS + BUILD
    (tmp_path / "stain").write_bytes(python2_batch(labels=stain))
    with pytest.raises(ValueError, match="stain"):
        formats.read_cifar_batch(tmp_path / "stain")
    (tmp_path / "clean").write_bytes(python2_batch())
    assert np.array_equal(formats.read_cifar_batch(tmp_path / "clean")[0], expected())


def many(count):
    return EMPTY_LIST + MARK + b"".join(number(1) for _ in range(count)) + APPENDS


FEW_VALUES = python2_array(ROWS[:5]).replace(number(5) + number(3072), number(20) + number(3072))
FLOAT_LABELS = EMPTY_LIST + MARK + 20 * (BINFLOAT + struct.pack(">d", 1)) + APPENDS
ODD_STATE = name("numpy", "ndarray") + pickle.EMPTY_TUPLE + REDUCE + number(7) + BUILD
BROKEN = {
    "empty": (b"", "is refused"),
    "a web page": (b"<html>404</html>", "is refused"),
    "half": (python2_batch()[:30_000], "is refused"),
    "a list": (pickle.dumps([1, 2]), "is refused"),
    "no pictures": (pickle.dumps({"labels": LABELS}), r"shape None; expected \(n, 3072\)"),
    "greys": (python2_batch(python2_array(ROWS[:, :1024])), r"shape \(20, 1024\); expected \(n, 3072\)"),
    "flat": (python2_batch(python2_array(ROWS.ravel())), "shape"),
    "Fortran": (python2_batch(python2_array(ROWS, fortran=True)), "shape"),
    "floats": (python2_batch(python2_array(ROWS, dtype=b"f8")), "is refused: an array of b'f8'"),
    "too few values": (python2_batch(FEW_VALUES), "holds 15,360"),
    "too few labels": (python2_batch(labels=many(3)), "expected 20 labels"),
    "a label of 10": (pickle.dumps({"data": ROWS, "labels": [10] * 20}), "from 0 to 9"),
    "a label of True": (pickle.dumps({"data": ROWS, "labels": [True] * 20}), "from 0 to 9"),
    "a label of 1.0": (python2_batch(labels=FLOAT_LABELS), "0 to 9"),
    "an odd state": (python2_batch(ODD_STATE), "is refused"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_batch_is_named(tmp_path, case):
    content, sentence = BROKEN[case]
    (tmp_path / "data_batch_2").write_bytes(content)
    with pytest.raises(ValueError, match=rf"data_batch_2.*{sentence}"):
        formats.read_cifar_batch(tmp_path / "data_batch_2")


DOUBLED = name("numpy", "dtype") + text(b"u1") + 28 * (pickle.DUP + pickle.TUPLE2) + pickle.TUPLE1 + REDUCE
NESTED = text(b"x") + b"".join(
    pickle.BINPUT + bytes([n]) + pickle.BINGET + bytes([n]) + pickle.TUPLE2 for n in range(40)
)
HASHED = EMPTY_DICT + MARK + NESTED + number(1) + SETITEMS
DEEP = EMPTY_DICT + MARK + text(b"x") + 300_000 * pickle.TUPLE1 + number(1) + SETITEMS
BOMBS = {
    "a dtype of copies of copies": (DOUBLED, "no picture needs"),
    "a dtype of notes of notes": (name("numpy", "dtype") + NESTED + pickle.TUPLE1 + REDUCE, "uses a part twice"),
    "a key that is hashed forever": (HASHED, "uses a part twice"),
    "a key so deep that hashing it ends the process": (DEEP, "more than 20 tuples"),
    "a note of a high number": (text(b"x") + pickle.LONG_BINPUT + struct.pack("<I", 2**31), "it takes note number"),
    "a very long name": (name("os", "x" * 10**6), "it names os"),
    "a very long dtype": (name("numpy", "dtype") + text(b"x" * 10**6) + pickle.TUPLE1 + REDUCE, "an array of a bytes"),
    "very many steps": (many(600_000), "too many steps"),
    "a claim of 4 GB": (pickle.BINBYTES + struct.pack("<I", 2**32 - 1), "expected 4294967295 bytes"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_a_pickle_that_would_use_up_time_or_memory_is_refused(tmp_path, case):
    labels, sentence = BOMBS[case]
    (tmp_path / "data_batch_2").write_bytes(python2_batch(labels=labels))
    tracemalloc.start()
    with pytest.raises(ValueError, match=rf"data_batch_2 is refused: .*{sentence}") as caught:
        formats.read_cifar_batch(tmp_path / "data_batch_2")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 60_000_000 and len(str(caught.value)) < 400


@pytest.mark.parametrize("shape", [many(200), text(b"x" * 10**6), MARK + 4 * number(2**31 - 1) + NEWTRUE + TUPLE])
def test_a_shape_that_is_none_is_not_shown(tmp_path, shape):
    state = MARK + number(1) + shape + NONE + NEWFALSE + text(b"") + TUPLE
    array = name("numpy", "ndarray") + pickle.EMPTY_TUPLE + REDUCE + state + BUILD
    (tmp_path / "data_batch_2").write_bytes(python2_batch(array))
    with pytest.raises(ValueError, match=r"data_batch_2 holds pictures of shape None; expected \(n, 3072\)"):
        formats.read_cifar_batch(tmp_path / "data_batch_2")


def test_a_batch_that_is_missing_or_huge_is_named(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="data_batch_5 is missing in"):
        formats.read_cifar_batch(tmp_path / "data_batch_5")
    (tmp_path / "data_batch_5").write_bytes(python2_batch())
    monkeypatch.setattr(pickles, "LARGEST_BATCH", 1000)
    with pytest.raises(ValueError, match="too many for a CIFAR-10 file"):
        formats.read_cifar_batch(tmp_path / "data_batch_5")


# IDX and npz


def test_idx_files_survive_the_round_trip(tmp_path):
    array = RNG.integers(0, 256, (3, 4, 5), dtype=np.uint8)
    formats.write_idx(tmp_path / "a.gz", array)
    assert np.array_equal(formats.read_idx(tmp_path / "a.gz"), array)
    (tmp_path / "a").write_bytes(gzip.decompress((tmp_path / "a.gz").read_bytes()))
    assert np.array_equal(formats.read_idx(tmp_path / "a"), array)
    formats.write_idx(tmp_path / "b.gz", array)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


IDX = {
    "nothing": (b"", "starts with nothing"),
    "no axes": (b"\0\0\x08\0", "starts with 00 00 08 00; .* the number of its axes, 1 to 4"),
    "axes that overflow": (b"\0\0\x08\x40" + 64 * b"\0\1\0\0", "the number of its axes, 1 to 4"),
    "a product that overflows": (b"\0\0\x08\x04" + 4 * b"\0\1\0\0", "holds 0 values"),
    "half a header": (b"\0\0\x08\x03\0\0", "ends within its header"),
    "far too much": (bytes(200_001), "holds more than 200,000 bytes"),
}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("case", IDX)
def test_an_idx_file_that_is_none_is_named(tmp_path, monkeypatch, case, suffix):
    monkeypatch.setattr(formats, "LARGEST_IDX", 200_000)
    content, sentence = IDX[case]
    path = tmp_path / f"file{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    with pytest.raises(ValueError, match=rf"^file{suffix} .*{sentence}"):
        formats.read_idx(path)


@pytest.mark.parametrize("kind", ["npz of pickles", "not an npz", "lacks y_test"])
def test_an_npz_file_of_another_kind_is_refused(tmp_path, kind):
    path = tmp_path / "mnist.npz"
    arrays = {"x_train": np.zeros((2, 28, 28), np.uint8), "y_train": np.zeros(2, np.uint8)}
    arrays |= {"x_test": np.array([Calls(os.system, f"touch {tmp_path}/touched")], dtype=object)}
    if kind == "not an npz":
        path.write_bytes(b"<html>")
    else:
        np.savez(path, **arrays, **({"y_test": np.zeros(1, np.uint8)} if "pickles" in kind else {}))
    with pytest.raises(ValueError, match=r"mnist\.npz is not the file of that name"):
        formats.read_mnist(path, "MNIST")
    assert not (tmp_path / "touched").exists()


# Archives


def tar_of(path, *members):
    """A .tar.gz of (name, content or a change of the TarInfo)."""
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            info = tarfile.TarInfo(member)
            data = content if isinstance(content, bytes) else b""
            info.size = len(data)
            if isinstance(content, dict):
                for key, value in content.items():
                    setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return path


def zip_of(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            info = zipfile.ZipInfo("placeholder")
            info.compress_type = zipfile.ZIP_DEFLATED
            info.filename = member  # as it stands, also on Windows
            if isinstance(content, dict):
                info.external_attr = content["mode"] << 16
                content = content["target"].encode()
            archive.writestr(info, content)
    return path


def everything_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_an_honest_archive_is_unpacked(tmp_path, make):
    archive = make(tmp_path / "a.bin", ("top/one.txt", b"1"), ("top/deep/two.txt", b"22"), ("readme[1].txt", b"3"))
    folder = archives.extract(archive, tmp_path / "new" / "out", max_bytes=4)
    assert everything_in(folder) == {"top", "top/one.txt", "top/deep", "top/deep/two.txt", "readme[1].txt"}
    assert (folder / "top/deep/two.txt").read_bytes() == b"22"
    assert everything_in(tmp_path / "new") == {f"out/{name}" for name in everything_in(folder)} | {"out"}


NAMES = {
    "..": "../outside.txt",
    "deep ..": "a/b/../../../outside.txt",
    "absolute": "/tmp/course-outside.txt",
    "drive": "C:/outside.txt",
    "backslash": "..\\outside.txt",
    "stream": "file.txt:hidden",
}


@pytest.mark.parametrize("make", [tar_of, zip_of])
@pytest.mark.parametrize("case", NAMES)
def test_a_name_that_leads_outside_is_refused(tmp_path, make, case):
    (tmp_path / "in").mkdir()
    archive = make(tmp_path / "a.bin", ("fine.txt", b"1"), (NAMES[case], b"evil"))
    with pytest.raises(ValueError, match=r"a\.bin is refused: it holds .* leads outside"):
        archives.extract(archive, tmp_path / "in" / "out", max_bytes=100)
    assert everything_in(tmp_path) == {"in", "a.bin"}
    assert not os.path.exists("/tmp/course-outside.txt")


SPECIAL = {
    "symbolic link": {"type": tarfile.SYMTYPE, "linkname": "/etc"},
    "hard link": {"type": tarfile.LNKTYPE, "linkname": "fine.txt"},
    "device": {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
    "pipe": {"type": tarfile.FIFOTYPE},
}


@pytest.mark.parametrize("case", SPECIAL)
def test_links_and_devices_are_refused(tmp_path, case):
    archive = tar_of(tmp_path / "a.tar.gz", ("fine.txt", b"1"), ("odd", SPECIAL[case]), ("odd/passwd", b"evil"))
    with pytest.raises(ValueError, match="'odd' is a link or a device"):
        archives.extract(archive, tmp_path / "out", max_bytes=100)
    assert everything_in(tmp_path) == {"a.tar.gz"}


def test_a_link_in_a_zip_file_is_refused(tmp_path):
    archive = zip_of(tmp_path / "a.zip", ("odd", {"mode": 0o120777, "target": "/etc"}), ("odd/passwd", b"evil"))
    with pytest.raises(ValueError, match="'odd' is a link or a device"):
        archives.extract(archive, tmp_path / "out", max_bytes=100)
    assert everything_in(tmp_path) == {"a.zip"}


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_a_bomb_stops_at_the_limit(tmp_path, make):
    archive = make(tmp_path / "a.bin", ("one", bytes(600_000)), ("two", bytes(600_000)))
    assert archive.stat().st_size < 10_000
    with pytest.raises(ValueError, match="more than 1,000,000 bytes"):
        archives.extract(archive, tmp_path / "out", max_bytes=1_000_000)
    assert everything_in(tmp_path) == {"a.bin"}


def test_a_zip_file_that_understates_its_size_is_refused(tmp_path):
    archive = zip_of(tmp_path / "a.zip", ("one", bytes(600_000)))
    lie = archive.read_bytes().replace(struct.pack("<I", 600_000), struct.pack("<I", 6))
    archive.write_bytes(lie)
    with pytest.raises(ValueError, match=r"a\.zip"):
        archives.extract(archive, tmp_path / "out", max_bytes=1_000)
    assert everything_in(tmp_path) == {"a.zip"}


def test_too_many_files_and_names_twice_are_refused(tmp_path, monkeypatch):
    archive = zip_of(tmp_path / "a.zip", ("One.txt", b"1"), ("one.TXT", b"2"))
    with pytest.raises(ValueError, match="twice"):
        archives.extract(archive, tmp_path / "out", max_bytes=100)
    monkeypatch.setattr(archives, "MOST_FILES", 3)
    archive = zip_of(tmp_path / "a.zip", *((f"{number}.txt", b"1") for number in range(5)))
    with pytest.raises(ValueError, match="more than 3 files and folders"):
        archives.extract(archive, tmp_path / "out", max_bytes=100)
    assert everything_in(tmp_path) == {"a.zip"}


@pytest.mark.parametrize("make", [tar_of, zip_of])
@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.99])
def test_a_truncated_archive_leaves_nothing(tmp_path, make, share):
    archive = make(tmp_path / "a.bin", *((f"{n}.txt", RNG.bytes(20_000)) for n in range(5)))
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"a\.bin"):
        archives.extract(archive, tmp_path / "out", max_bytes=10**6)
    assert everything_in(tmp_path) == {"a.bin"}


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path, make):
    """Bits that only date the file or describe how it was packed may change, the content never."""
    content = {f"{n}.txt": RNG.bytes(3_000) + bytes(3_000) for n in range(4)}
    whole, accepted = make(tmp_path / "a.bin", *content.items()).read_bytes(), 0
    for offset in sorted({*range(0, len(whole), 61), *range(len(whole) - 40, len(whole))}):
        flipped = bytearray(whole)
        flipped[offset] ^= 1 << offset % 8
        (tmp_path / "a.bin").write_bytes(flipped)
        out = tmp_path / f"out{offset}"
        try:
            archives.extract(tmp_path / "a.bin", out, max_bytes=10**6)
        except ValueError as error:
            assert str(error).startswith("a.bin ") and not out.exists() and len(str(error)) < 400
            assert str(tmp_path) not in str(error)
        else:
            assert {path.name: path.read_bytes() for path in out.iterdir()} == content
            accepted += 1
    assert accepted < (5 if make is tar_of else 60)


def test_a_web_page_in_place_of_a_zip_file_is_called_no_zip_file(tmp_path):
    (tmp_path / "a.zip").write_text("<!doctype html>")
    with pytest.raises(ValueError, match=r"a\.zip cannot be unpacked \(File is not a zip file\)"):
        archives.extract(tmp_path / "a.zip", tmp_path / "out", max_bytes=100)


def test_a_tar_file_that_is_not_zipped_is_refused(tmp_path):
    """Only gzip's check sum tells that such a file is whole."""
    with tarfile.open(tmp_path / "a.tar.gz", "w:") as archive:
        archive.addfile(tarfile.TarInfo("empty.txt"))
    with pytest.raises(ValueError, match=r"a\.tar\.gz cannot be unpacked \(Not a gzipped file"):
        archives.extract(tmp_path / "a.tar.gz", tmp_path / "out", max_bytes=100)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_SPARSE])
def test_a_header_cannot_fill_the_memory(tmp_path, kind):
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, 300_000_000
    with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(300):
            file.write(bytes(10**6))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"a\.tar\.gz"):
        archives.extract(tmp_path / "a.tar.gz", tmp_path / "out", max_bytes=1_000)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10_000_000
    assert everything_in(tmp_path) == {"a.tar.gz"}


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_folders_count_too(tmp_path, make, monkeypatch):
    monkeypatch.setattr(archives, "MOST_FILES", 3)
    folder = {"type": tarfile.DIRTYPE} if make is tar_of else b""
    archive = make(tmp_path / "a.bin", *((f"{number}/", folder) for number in range(5)))
    with pytest.raises(ValueError, match="more than 3 files and folders"):
        archives.extract(archive, tmp_path / "out", max_bytes=100)


def test_a_file_and_a_folder_of_one_name_are_refused_without_the_path(tmp_path):
    archive = tar_of(tmp_path / "a.tar.gz", ("one", b"1"), ("one/two", b"2"))
    with pytest.raises(ValueError, match=r"^a\.tar\.gz cannot be unpacked \([A-Z][a-z ]+\)\. Fetch") as caught:
        archives.extract(archive, tmp_path / "out", max_bytes=100)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_only_the_usual_compression_is_admitted(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("one.txt", b"1" * 100)
    with pytest.raises(ValueError, match="compressed in a way that no official archive uses"):
        archives.extract(tmp_path / "a.zip", tmp_path / "out", max_bytes=1000)


def test_a_full_disk_is_not_blamed_on_the_archive(tmp_path, monkeypatch):
    archive = tar_of(tmp_path / "a.tar.gz", ("one.txt", b"1"))
    monkeypatch.setattr(archives._Target, "write", raises(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        archives.extract(archive, tmp_path / "out", max_bytes=100)
    assert everything_in(tmp_path) == {"a.tar.gz"}


def raises(error):
    def fail(*_, **__):
        raise error

    return fail


def test_a_folder_that_is_there_already_stays(tmp_path):
    archive = zip_of(tmp_path / "a.zip", ("new.txt", b"1"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.txt").write_text("mine")
    assert archives.extract(archive, tmp_path / "out", max_bytes=100) == tmp_path / "out"
    assert everything_in(tmp_path / "out") == {"old.txt"}

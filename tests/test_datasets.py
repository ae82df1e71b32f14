"""The four data sets: every place they may come from, splits that hold, and what is said where they cannot be had."""

import dataclasses
import errno
import functools
import gzip
import hashlib
import http.server
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import textwrap
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers import datasets, places, runs, stickers
from helpers.datasets import download, formats, origins, photos, sources, splits, standins
from helpers.datasets.download import Remote

SPLITS = ("train", "validation", "test")
RNG = np.random.default_rng(8)
STAGED = os.environ.get("COURSE_DATA_DIR", "").strip()  # of whoever runs the tests: the real sets


@pytest.fixture(autouse=True)
def nothing_but_the_course(tmp_path, monkeypatch):
    """No staged folder, no network, an empty cache."""
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(places, "DEBIAN_FASHION", tmp_path / "not installed")
    monkeypatch.setattr(download, "_failed", {})


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder that a server on this machine offers, and a function that makes a `Remote` of a file in it."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.delenv("COURSE_OFFLINE")

        def remote(name):
            content = (folder / name).read_bytes()
            url = f"http://127.0.0.1:{server.server_port}/{name}"
            return Remote(name, len(content), f"sha256:{hashlib.sha256(content).hexdigest()}", (url,))

        yield folder, remote
        server.shutdown()


def some_greys(folder, train=300, test=100, zipped=True, seed=1):
    """Four IDX files of noise; labels in their proportions."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    arrays = [rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) if images else rng.permutation(np.arange(n) % 10)
              for n in (train, test) for images in (True, False)]  # fmt: skip
    for name, array in zip(places.MNIST_FILES.values(), arrays, strict=True):
        formats.write_idx(folder / name, array)
        if not zipped:
            path = folder / name
            (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
    return [np.asarray(array, np.uint8) for array in arrays]


def some_cifar(folder, each=40):
    """CIFAR-10's six batches with few pictures, as Python 3 writes them."""
    folder = folder / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in places.CIFAR_FILES:
        rows = RNG.integers(0, 256, (each, 3072), dtype=np.uint8)
        labels = [int(label) for label in RNG.permutation(np.arange(each) % 10)]
        (folder / name).write_bytes(pickle.dumps({"data": rows, "labels": labels}))
    return folder


def stage(monkeypatch, folder):
    monkeypatch.setenv("COURSE_DATA_DIR", str(folder))


def keys(split):
    """The examples of a split as a set: the bytes of each picture."""
    return {item if isinstance(item, str) else item.tobytes() for item in split[0]}


def assert_disjoint(dataset):
    parts = [keys(getattr(dataset, name)) for name in SPLITS]
    assert [len(part) for part in parts] == list(dataset.counts().values())
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]


def assert_same(one, other):
    for name in SPLITS:
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True):
            assert np.array_equal(a, b)
    assert one.sha256 == other.sha256


# Where MNIST and Fashion-MNIST are found

LAYOUTS = ["", "mnist", "MNIST/raw", "data/mnist", "digits", "course-mnist", "Henrik_MNIST/raw", "make mnist"]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_staged_digits_are_found_in_every_usual_place(tmp_path, monkeypatch, capsys, layout, zipped):
    images, labels, test_images, _ = some_greys(tmp_path / "staged" / layout, zipped=zipped)
    stage(monkeypatch, tmp_path / "staged")
    digits = datasets.mnist(train=200, validation=100, test=100)
    assert digits.source == "staged" and not digits.stand_in
    assert capsys.readouterr().out == "MNIST: 200 train + 100 validation + 100 test (staged, CC BY-SA 3.0)\n"
    by_picture = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    for split in (digits.train, digits.validation):
        assert all(by_picture[image.tobytes()] == label for image, label in zip(*split, strict=True))
    assert np.array_equal(digits.test[0], test_images)  # all of it: the official order
    assert_disjoint(digits)


def test_an_npz_file_gives_the_same_digits(tmp_path, monkeypatch):
    x_train, y_train, x_test, y_test = some_greys(tmp_path / "idx")
    (tmp_path / "npz").mkdir()
    np.savez(tmp_path / "npz" / "mnist.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    stage(monkeypatch, tmp_path / "idx")
    one = datasets.mnist(100, 50, 50)
    stage(monkeypatch, tmp_path / "npz")
    other = datasets.mnist(100, 50, 50)
    assert all(np.array_equal(getattr(one, name)[0], getattr(other, name)[0]) for name in SPLITS)
    assert other.sha256 == hashlib.sha256((tmp_path / "npz" / "mnist.npz").read_bytes()).hexdigest()


@pytest.mark.parametrize("clothes", ["fashion-mnist", "FashionMNIST/raw", "fashion"])
def test_clothes_and_digits_side_by_side_are_never_mixed_up(tmp_path, monkeypatch, clothes):
    ours = some_greys(tmp_path / "staged" / "zz_digits", seed=1)
    theirs = some_greys(tmp_path / "staged" / clothes, seed=2)
    stage(monkeypatch, tmp_path / "staged")
    assert np.array_equal(datasets.mnist(0, 0, 100).test[0], ours[2])
    assert np.array_equal(datasets.fashion_mnist(0, 0, 100).test[0], theirs[2])


@pytest.mark.parametrize(
    "other",
    [
        "fashion-mnist",
        "KMNIST/raw",
        "emnist",
        "Fashion_MNIST",
        "FashionMNIST",
        "E-MNIST",
        "my_not-mnist",
        "emnist-letters",
        "Kuzushiji-49",
    ],
)
def test_a_folder_with_another_set_is_passed_over(tmp_path, monkeypatch, other):
    some_greys(tmp_path / other)
    for folder in (tmp_path / other, tmp_path / other.split("/")[0]):
        stage(monkeypatch, folder)
        absent = f"COURSE_DATA_DIR ({folder.name}) holds no MNIST"
        assert datasets.mnist().source == f"bundled: 5,000 real digits; {absent}"


def test_digits_are_not_taken_for_clothes(tmp_path, monkeypatch):
    some_greys(tmp_path / "mnist")
    stage(monkeypatch, tmp_path / "mnist")
    absent = "COURSE_DATA_DIR (mnist) holds no Fashion-MNIST"
    assert datasets.fashion_mnist().source == f"bundled: 4,500 real pictures; {absent}"


def test_files_in_a_folder_of_the_wrong_name_are_recognised(tmp_path, monkeypatch):
    _, labels, *_ = some_greys(tmp_path / "mnist")
    unpacked = b"\x00\x00\x08\x01" + len(labels).to_bytes(4, "big") + labels.tobytes()
    monkeypatch.setattr(
        origins,
        "FASHION_MNIST",
        dataclasses.replace(origins.FASHION_MNIST, training_labels=hashlib.sha256(unpacked).hexdigest()),
    )
    stage(monkeypatch, tmp_path / "mnist")
    with pytest.raises(ValueError, match=r"mnist holds Fashion-MNIST\. Put it into a folder of that name"):
        datasets.mnist(100, 100, 100)


def test_a_staged_folder_that_does_not_exist_is_named(monkeypatch, tmp_path):
    stage(monkeypatch, tmp_path / "gone")
    for call in (datasets.mnist, datasets.fashion_mnist, datasets.cifar10, datasets.cats_vs_dogs):
        with pytest.raises(ValueError, match=r"COURSE_DATA_DIR names no folder: .*gone"):
            call()
    monkeypatch.setenv("COURSE_DATA_DIR", "gone")
    with pytest.raises(ValueError, match="give the whole path"):
        datasets.mnist()


def damage_missing(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()


def damage_half(folder):
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:5000])


def damage_swapped(folder):
    one, other = folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz"
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def damage_size(folder):
    formats.write_idx(folder / "t10k-images-idx3-ubyte.gz", np.zeros((100, 32, 32), np.uint8))


def damage_count(folder):
    formats.write_idx(folder / "train-labels-idx1-ubyte.gz", np.zeros(299, np.uint8))


def damage_labels(folder):
    formats.write_idx(folder / "train-labels-idx1-ubyte.gz", np.full(300, 10, np.uint8))


DAMAGES = {
    damage_missing: r"t10k-labels-idx1-ubyte\.gz is missing in mnist",
    damage_half: r"train-images-idx3-ubyte\.gz is not a complete gzip file",
    damage_swapped: r"train-images-idx3-ubyte\.gz in mnist/ holds",
    damage_size: r"t10k-images-idx3-ubyte\.gz in mnist/ holds uint8 pictures of shape \(100, 32, 32\)",
    damage_count: r"shape \(300, 28, 28\) for labels of shape \(299,\)",
    damage_labels: "up to 10",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_staged_file_is_named_and_nothing_else_taken(tmp_path, monkeypatch, damage):
    some_greys(tmp_path / "mnist")
    damage(tmp_path / "mnist")
    stage(monkeypatch, tmp_path)
    with pytest.raises(ValueError, match=DAMAGES[damage]):
        datasets.mnist(100, 100, 100)


def test_more_than_the_staged_files_hold_is_refused(tmp_path, monkeypatch):
    some_greys(tmp_path)
    stage(monkeypatch, tmp_path)
    with pytest.raises(ValueError, match="the files hold 300 for training and 100 for testing"):
        datasets.mnist(250, 51, 100)


@pytest.mark.parametrize("call", [datasets.mnist, datasets.fashion_mnist, datasets.cifar10, datasets.cats_vs_dogs])
@pytest.mark.parametrize("wrong", [{"train": -1}, {"validation": 0.5}, {"test": True}, {"train": "all"}])
def test_counts_must_be_whole_numbers(call, wrong):
    ((split, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{split}={value!r}: give a whole number"):
        call(**wrong)


def test_the_bundled_clothes_are_balanced_and_disjoint():
    clothes = datasets.fashion_mnist()
    assert clothes.counts() == {"train": 1000, "validation": 1000, "test": 1000}
    assert len(clothes.class_names) == 10 and clothes.class_names[9] == "Ankle boot"
    assert_disjoint(clothes)
    for name in SPLITS:
        assert set(np.bincount(getattr(clothes, name)[1])) == {100}


def test_the_bundled_clothes_are_those_of_their_source():
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.is_dir():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    for part in ("train", "t10k"):
        files = [f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"]
        pictures, labels = (formats.read_idx(folder / file) for file in files)
        known = {image.tobytes(): label for image, label in zip(pictures, labels, strict=True)}
        ours = [formats.read_idx(places.DATA / "fashion-mnist" / file) for file in files]
        assert all(known[image.tobytes()] == label for image, label in zip(*ours, strict=True))


def test_debians_clothes_serve_where_the_sample_does_not_suffice(tmp_path, monkeypatch):
    some_greys(tmp_path / "debian", train=5000, test=1000)
    monkeypatch.setattr(places, "DEBIAN_FASHION", tmp_path / "debian")
    assert datasets.fashion_mnist(1000, 1000, 1000).source.startswith("bundled")
    assert datasets.fashion_mnist(3000, 1000, 1000).source == "staged by Debian's dataset-fashion-mnist"


def close(monkeypatch, name, *, listed=False):
    """Close the folder of that name for those who are not the system's administrator, as who runs tests may be."""
    scandir, stat, is_file = os.scandir, os.stat, Path.is_file

    def inside(path):
        return isinstance(path, str | os.PathLike) and Path(path).parent.name == name

    def guarded(real, closed):
        def call(path=".", *arguments, **options):
            if closed(path):
                raise PermissionError(13, "Permission denied")
            return real(path, *arguments, **options)

        return call

    monkeypatch.setattr(os, "scandir", guarded(scandir, lambda path: Path(path).name == name and not listed))
    monkeypatch.setattr(os, "stat", guarded(stat, lambda path: inside(path) or str(path).endswith(f"{name}{os.sep}.")))
    monkeypatch.setattr(Path, "is_file", guarded(is_file, inside))


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("call", [datasets.mnist, datasets.fashion_mnist, datasets.cifar10, datasets.cats_vs_dogs])
def test_a_closed_folder_among_the_staged_ones_is_passed_over(tmp_path, monkeypatch, call, listed):
    finders = {"mnist": places.find_mnist, "fashion_mnist": places.find_fashion_mnist, "cifar10": places.find_cifar10}
    (tmp_path / "closed" / "deep").mkdir(parents=True)
    close(monkeypatch, "closed", listed=listed)
    assert finders.get(call.__name__, places.find_cats_vs_dogs)(tmp_path) is None
    if call is datasets.mnist:
        some_greys(tmp_path / "mnist")
        stage(monkeypatch, tmp_path)
        assert datasets.mnist(10, 10, 10).source == "staged"


def test_a_closed_staged_folder_is_named(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    close(monkeypatch, "closed")
    stage(monkeypatch, tmp_path / "closed")
    with pytest.raises(ValueError, match=r"^The folder 'closed' cannot be read \(Permission denied\)\. Allow reading"):
        datasets.mnist()


def test_a_home_of_nobody_is_named(monkeypatch):
    for variable in ("COURSE_DATA_DIR", "COURSE_CACHE_DIR"):
        with monkeypatch.context() as patch:
            patch.setenv(variable, "~nobody-of-this-name/data")
            with pytest.raises(ValueError, match=f"{variable} names the home of a user who is not known here"):
                datasets.cifar10(10, 10, 10)


def test_the_recorded_runs_saw_these_very_digits():
    digits = datasets.mnist()
    assert runs.load("mnist_s4")["dataset"]["sha256"] == digits.sha256
    files = [formats.read_idx(places.DATA / "mnist" / file) for file in places.MNIST_FILES.values()]
    assert np.array_equal(digits.train[0], files[0][:1000]) and np.array_equal(digits.train[1], files[1][:1000])
    assert np.array_equal(digits.validation[0], files[0][1000:2000])
    assert np.array_equal(digits.test[0], np.concatenate([files[0][2000:], files[2]]))


def test_too_few_bundled_digits_are_announced(capsys):
    digits = datasets.mnist(train=50_000, validation=5_000, test=10_000)
    assert digits.counts() == {"train": 3000, "validation": 1000, "test": 1000}
    assert not digits.stand_in
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "█" * 96
    assert "ONLY A SAMPLE OF MNIST" in said and "Why: COURSE_OFFLINE forbids the network." in said
    assert {len(line) for line in said.splitlines()[:-1]} == {96}


def test_digits_are_downloaded_and_then_cached(served, tmp_path, monkeypatch):
    folder, remote = served
    some_greys(folder)
    monkeypatch.setattr(
        origins,
        "MNIST",
        dataclasses.replace(origins.MNIST, remotes=[remote(name) for name in places.MNIST_FILES.values()]),
    )
    monkeypatch.setattr(sources, "_suffices", lambda *_: False)
    first = datasets.mnist(200, 100, 100)
    assert first.source == "downloaded"
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    again = datasets.mnist(200, 100, 100)
    assert again.source == "cached"
    assert_same(first, again)


def test_every_address_comes_with_a_hash():
    remotes = [
        *origins.MNIST.remotes,
        *origins.FASHION_MNIST.remotes,
        origins.CIFAR10.remote,
        origins.CATS_VS_DOGS.remote,
    ]
    for remote in remotes:
        kind, _, digest = remote.known_hash.partition(":")
        assert kind == "sha256" and len(bytes.fromhex(digest)) == 32 and remote.size > 4000
        assert all(url.startswith("http") and url.endswith(remote.name) for url in remote.urls)
        hosts = {url.split("/")[2] for url in remote.urls}
        assert len(hosts) == (1 if remote is origins.CATS_VS_DOGS.remote else 2)
    assert len({remote.known_hash for remote in remotes}) == len(remotes)


# CIFAR-10


def tarred(folder, path):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, arcname=folder.name)
    return path


def test_staged_batches_folder_or_archive_give_the_same_pictures(tmp_path, monkeypatch):
    batches = some_cifar(tmp_path / "one" / "cifar10")
    before = hashlib.sha256(b"".join(sorted(path.read_bytes() for path in batches.iterdir()))).hexdigest()
    (tmp_path / "two").mkdir()
    tarred(batches, tmp_path / "two" / "cifar-10-python.tar.gz")
    asked = {"train": 100, "validation": 50, "test": 40}
    found = []
    for folder in (tmp_path / "one", batches, tmp_path / "two"):
        stage(monkeypatch, folder)
        found.append(datasets.cifar10(**asked))
        assert found[-1].source == "staged" and found[-1].counts() == asked
        assert found[-1].train[0].shape == (100, 32, 32, 3) and found[-1].train[0].dtype == np.uint8
        assert found[-1].class_names == stickers.CLASS_NAMES
        assert_disjoint(found[-1])
    assert_same(found[0], found[1])
    assert_same(found[0], found[2])
    assert [path.name for path in (tmp_path / "two").iterdir()] == ["cifar-10-python.tar.gz"]  # unpacked in the cache
    assert before == hashlib.sha256(b"".join(sorted(path.read_bytes() for path in batches.iterdir()))).hexdigest()


def test_an_archive_is_unpacked_once(tmp_path, monkeypatch):
    batches = some_cifar(tmp_path / "made")
    (tmp_path / "staged").mkdir()
    tarred(batches, tmp_path / "staged" / "cifar-10-python.tar.gz")
    stage(monkeypatch, tmp_path / "staged")
    datasets.cifar10(10, 10, 10)
    monkeypatch.setattr(sources.archives, "extract", lambda *_: pytest.fail("unpacked again"))
    datasets.cifar10(10, 10, 10)


def test_cifar10_is_downloaded_and_then_cached(served, tmp_path, monkeypatch):
    folder, remote = served
    tarred(some_cifar(tmp_path / "made"), folder / "cifar-10-python.tar.gz")
    monkeypatch.setattr(
        origins, "CIFAR10", dataclasses.replace(origins.CIFAR10, remote=remote("cifar-10-python.tar.gz"))
    )
    first = datasets.cifar10(100, 50, 40)
    assert first.source == "downloaded" and not first.stand_in
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    again = datasets.cifar10(100, 50, 40)
    assert again.source == "cached"
    assert_same(first, again)


@pytest.mark.parametrize("damage", ["half", "missing", "nothing left"])
@pytest.mark.parametrize("how", ["downloaded", "staged"])
def test_a_file_that_was_damaged_after_unpacking_is_unpacked_again(served, tmp_path, monkeypatch, damage, how):
    folder, remote = served
    archive = tarred(some_cifar(tmp_path / "made"), folder / "cifar-10-python.tar.gz")
    monkeypatch.setattr(origins, "CIFAR10", dataclasses.replace(origins.CIFAR10, remote=remote(archive.name)))
    if how == "staged":
        stage(monkeypatch, folder)
    first = datasets.cifar10(100, 50, 40)
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    (batch,) = (tmp_path / "cache").rglob("data_batch_3")
    if damage == "half":
        batch.write_bytes(batch.read_bytes()[:5000])
    elif damage == "missing":
        batch.unlink()
    else:
        shutil.rmtree(batch.parent)
    again = datasets.cifar10(100, 50, 40)
    assert again.source == ("staged" if how == "staged" else "cached")
    assert_same(first, again)


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_while_unpacking_is_named(served, tmp_path, monkeypatch, capsys):
    folder, remote = served
    archive = tarred(some_cifar(tmp_path / "made"), folder / "cifar-10-python.tar.gz")
    monkeypatch.setattr(origins, "CIFAR10", dataclasses.replace(origins.CIFAR10, remote=remote(archive.name)))
    monkeypatch.setattr(sources.archives._Target, "write", full)
    assert datasets.cifar10(10, 10, 10).stand_in
    said = " ".join(capsys.readouterr().out.replace("█", " ").split())
    assert "Why: cifar-10-python.tar.gz cannot be unpacked in the course's cache (No space left on device)." in said
    stage(monkeypatch, folder)
    with pytest.raises(
        ValueError, match=r"unpacked in the course's cache \(No space left .* COURSE_CACHE_DIR"
    ) as caught:
        datasets.cifar10(10, 10, 10)
    assert "again" not in str(caught.value)


def test_a_staged_folder_that_lacks_the_set_is_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "my data").mkdir()
    stage(monkeypatch, tmp_path / "my data")
    datasets.cifar10(10, 10, 10)
    said = " ".join(capsys.readouterr().out.replace("█", " ").split())
    assert "Why: COURSE_DATA_DIR (my data) holds no CIFAR-10; COURSE_OFFLINE forbids the network." in said
    datasets.mnist(50_000, 5_000, 10_000)
    said = " ".join(capsys.readouterr().out.replace("█", " ").split())
    assert "Why: COURSE_DATA_DIR (my data) holds no MNIST; COURSE_OFFLINE forbids the network." in said


def test_an_archive_without_the_batches_is_refused(served, tmp_path, monkeypatch):
    folder, remote = served
    (tmp_path / "other").mkdir()
    tarred(tmp_path / "other", folder / "cifar-10-python.tar.gz")
    monkeypatch.setattr(
        origins, "CIFAR10", dataclasses.replace(origins.CIFAR10, remote=remote("cifar-10-python.tar.gz"))
    )
    with pytest.raises(ValueError, match="archive of CIFAR-10 does not hold what it should"):
        datasets.cifar10(1, 1, 1)


def test_a_batch_that_is_missing_is_named(tmp_path, monkeypatch):
    (some_cifar(tmp_path) / "data_batch_4").unlink()
    stage(monkeypatch, tmp_path)
    with pytest.raises(ValueError, match="data_batch_4 is missing in cifar-10-batches-py"):
        datasets.cifar10(10, 10, 10)


def test_splits_are_stratified_fixed_and_nested(tmp_path, monkeypatch):
    some_cifar(tmp_path, each=100)
    stage(monkeypatch, tmp_path)
    small, large = datasets.cifar10(100, 50, 30), datasets.cifar10(400, 50, 60)
    for name in SPLITS:
        for dataset in (small, large):
            counts = np.bincount(getattr(dataset, name)[1], minlength=10)
            assert np.ptp(counts) <= 1
    assert np.array_equal(small.validation[0], large.validation[0])
    assert keys(small.train) <= keys(large.train) and keys(small.test) <= keys(large.test)
    assert_same(small, datasets.cifar10(100, 50, 30))
    held = {image.tobytes() for image in formats.read_cifar_batch(tmp_path / "cifar-10-batches-py" / "test_batch")[0]}
    assert keys(large.test) <= held and not held & (keys(large.train) | keys(large.validation))
    turns = [len(set(large.train[1][start : start + 10])) for start in range(0, 400, 10)]
    assert np.mean(turns) < 8  # in training order the classes do not take turns


@pytest.mark.parametrize("labels", [[0] * 7, [3, 1, 1, 1, 1, 1, 1, 1], list(range(10)) * 20, [1] * 900 + [0] * 100, []])
def test_every_stretch_of_a_stratified_order_has_the_proportions(labels):
    labels = np.array(labels, dtype=np.uint8)
    order = splits.stratified_order(labels)
    assert sorted(order) == list(range(len(labels)))
    for label in np.unique(labels):
        share = np.mean(labels == label)
        seen = np.cumsum(labels[order] == label)
        assert np.abs(seen - share * np.arange(1, len(labels) + 1)).max() <= 1


def test_stickers_stand_in_for_cifar10_and_say_so(capsys):
    pictures = datasets.cifar10(60, 20, 30)
    assert pictures.stand_in and "stand-in" in pictures.source
    assert pictures.counts() == {"train": 60, "validation": 20, "test": 30}
    said = capsys.readouterr().out
    assert "A STAND-IN, NOT CIFAR-10" in said and "Why: COURSE_OFFLINE" in said and "What differs:" in said
    assert_disjoint(pictures)
    assert keys(pictures.test) == {picture.tobytes() for picture in stickers.pictures(30, split="test")[0]}
    assert_same(pictures, datasets.cifar10(60, 20, 30))


def test_the_stand_in_is_drawn_once(tmp_path, monkeypatch):
    first = datasets.cifar10(60, 20, 30)
    draw = stickers.pictures
    monkeypatch.setattr(stickers, "pictures", lambda *_, **__: pytest.fail("drawn again"))
    assert_same(first, datasets.cifar10(60, 20, 30))
    assert datasets.cifar10(20, 20, 10).counts() == {"train": 20, "validation": 20, "test": 10}
    monkeypatch.setattr(stickers, "pictures", draw)
    for kept in (tmp_path / "cache" / "stickers").glob("squares-*.npz"):
        kept.write_bytes(kept.read_bytes()[:-300])
    assert_same(first, datasets.cifar10(60, 20, 30))
    more = datasets.cifar10(70, 20, 40)  # than was kept
    assert keys(first.test) <= keys(more.test) and len(list((tmp_path / "cache" / "stickers").iterdir())) == 2
    monkeypatch.setattr(standins.np, "savez", full)
    assert datasets.cifar10(80, 20, 50).counts() == {"train": 80, "validation": 20, "test": 50}


def test_data_sets_compare_without_a_fault():
    digits = datasets.mnist(10, 10, 10)
    assert digits == digits and digits != datasets.mnist(10, 10, 10) and len({digits}) == 1


def test_the_stand_in_is_capped(monkeypatch):
    monkeypatch.setattr(standins, "MOST_PICTURES", {"train": 40, "validation": 20, "test": 10})
    assert datasets.cifar10().counts() == {"train": 40, "validation": 20, "test": 10}


# Cats vs Dogs


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """Eighty composed pictures with every kind of broken file among them."""
    return stickers.write_folder(tmp_path_factory.mktemp("pets"), 80, broken=True) / "PetImages"


def contents(split):
    return {hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in split[0]}


def assert_same_contents(one, other):
    for name in SPLITS:
        assert contents(getattr(one, name)) == contents(getattr(other, name))
    assert one.sha256 == other.sha256


ASKED = {"train": 50, "validation": 14, "test": 14}


def test_cats_and_dogs_are_plain_and_the_rest_is_listed(pets, monkeypatch, capsys):
    stage(monkeypatch, pets.parent)
    found = datasets.cats_vs_dogs(**ASKED)
    assert found.source == "staged" and not found.stand_in and found.class_names == ("cat", "dog")
    assert found.counts() == ASKED
    assert_disjoint(found)
    for name in SPLITS:
        paths, labels = getattr(found, name)
        assert paths.dtype == object and labels.dtype == np.uint8
        assert np.ptp(np.bincount(labels)) <= 1
        for path, label in zip(paths, labels, strict=True):
            assert Path(path).parent.name == ("Cat", "Dog")[label]
            with Image.open(path) as picture:
                assert (picture.format, picture.mode) == ("JPEG", "RGB")
    listed = set(found.left_out["file"])
    assert {"Cat/666.jpg", "Dog/11702.jpg", "Cat/Thumbs.db"} <= listed
    assert found.left_out["reason"].str.len().min() > 10
    used = {f"{Path(path).parent.name}/{Path(path).name}" for name in SPLITS for path in getattr(found, name)[0]}
    assert not used & listed
    assert "Cats vs Dogs: 50 train + 14 validation + 14 test (staged" in capsys.readouterr().out


def test_another_seed_cuts_other_splits_of_the_same_pictures(pets, tmp_path, monkeypatch):
    folder = tmp_path / "PetImages"
    shutil.copytree(pets, folder)
    stage(monkeypatch, folder)
    for path in map(Path, datasets.cats_vs_dogs(**ASKED).test[0][:6]):
        with Image.open(path) as picture:
            picture.save(path.with_name(f"again{path.name}"), quality=60)
    usual, same, other = (datasets.cats_vs_dogs(**ASKED, split_seed=number) for number in (0, 0, 1))
    assert_same(usual, datasets.cats_vs_dogs(**ASKED))
    assert_same(usual, same)
    pictures, _ = photos.usable_pictures(folder, ("Cat", "Dog"), tmp_path / "cache" / "reports")
    twins = set(pictures["path"][pictures["twin"]])
    assert len(twins) >= 6
    for found in (usual, other):
        assert found.counts() == ASKED
        assert_disjoint(found)
        assert all(np.ptp(np.bincount(getattr(found, name)[1])) <= 1 for name in SPLITS)
        assert not twins & (keys(found.validation) | keys(found.test))
    assert keys(usual.test) != keys(other.test) and keys(usual.train) != keys(other.train)
    everything = pictures.sample(frac=1, random_state=1)  # the order of the rows plays no part
    for seed in (0, 1, 2):
        cuts = [photos.split(frame, **ASKED, seed=seed) for frame in (pictures, everything)]
        assert all(list(cuts[0][name][0]) == list(cuts[1][name][0]) for name in SPLITS)


def test_the_usual_split_stays_what_it_was():
    """Lessons and recorded runs rest on it: where 12 pictures whose contents are numbered went."""
    import pandas as pd

    labels = np.arange(12, dtype=np.uint8) % 2
    names = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(12)]
    pictures = pd.DataFrame(
        {"path": [str(number) for number in range(12)], "label": labels, "sha256": names, "twin": False}
    )
    cut = photos.split(pictures, train=6, validation=2, test=4)
    assert {name: [int(path) for path in paths] for name, (paths, _) in cut.items()} == {
        "train": [0, 1, 11, 4, 10, 5],
        "validation": [2, 9],
        "test": [7, 6, 8, 3],
    }


@pytest.mark.parametrize("seed", [-1, 0.5, None, "1"])
def test_a_split_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match=r"split_seed=.*give a whole number, 0 or more"):
        datasets.cats_vs_dogs(split_seed=seed)


def test_broken_files_names_and_places_change_nothing(pets, tmp_path, monkeypatch):
    stage(monkeypatch, pets)
    before = datasets.cats_vs_dogs(**ASKED)
    clean = tmp_path / "clean" / "PetImages"
    left_out = set(before.left_out["file"])
    for number, path in enumerate(
        sorted(pets.rglob("*.jpg"), key=lambda path: hashlib.md5(path.name.encode()).digest())
    ):
        if path.relative_to(pets).as_posix() not in left_out:
            target = clean / path.parent.name / f"renamed{number}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    stage(monkeypatch, clean.parent)
    after = datasets.cats_vs_dogs(**ASKED)
    assert_same_contents(before, after)
    assert after.left_out.empty and not before.left_out.empty


def test_the_official_zip_file_serves_too(pets, tmp_path, monkeypatch):
    (tmp_path / "staged").mkdir()
    with zipfile.ZipFile(tmp_path / "staged" / "kagglecatsanddogs_5340.zip", "w") as archive:
        for path in sorted(pets.rglob("*.*")):
            archive.write(path, path.relative_to(pets.parent))
        archive.writestr("readme[1].txt", "Thank you")
    stage(monkeypatch, tmp_path / "staged")
    zipped = datasets.cats_vs_dogs(**ASKED)
    stage(monkeypatch, pets.parent)
    assert_same_contents(zipped, datasets.cats_vs_dogs(**ASKED))


def test_links_and_strange_names_do_no_harm(pets, tmp_path, monkeypatch):
    folder = tmp_path / "PetImages"
    shutil.copytree(pets, folder)
    stage(monkeypatch, folder)
    before = datasets.cats_vs_dogs(**ASKED)
    (folder / "notes.txt").write_text("not in a class")
    (folder / "Bird").mkdir()
    shutil.copyfile(before.train[0][0], folder / "Bird" / "1.jpg")
    try:
        (folder / "Cat" / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    except OSError:  # Windows asks for a right to make links
        (folder / "Cat" / "nowhere.jpg").write_bytes(b"")
    with Image.new("RGB", (90, 80), "red") as picture:
        picture.save(folder / "Dog" / 'a "quoted", name é.jpg')
    after = datasets.cats_vs_dogs(**ASKED)
    assert len(contents(after.train) & contents(before.train)) >= ASKED["train"] - 3
    assert "Cat/nowhere.jpg" in set(after.left_out["file"])
    again = datasets.cats_vs_dogs(**ASKED)
    assert_same(after, again)


def test_near_duplicates_never_stand_on_both_sides(pets, tmp_path, monkeypatch):
    folder = tmp_path / "PetImages"
    shutil.copytree(pets, folder)
    stage(monkeypatch, folder)
    before = datasets.cats_vs_dogs(**ASKED)
    chosen = [Path(path) for path in (*before.test[0][:6], *before.validation[0][:6])]
    copies = []
    for path in chosen:
        copies.append(path.with_name(f"again{path.name}"))
        with Image.open(path) as picture:
            picture.save(copies[-1], quality=60)
    cat = next(path for path in chosen if path.parent.name == "Cat")
    with Image.open(cat) as picture:
        picture.convert("L").save(folder / "Cat" / "zgrey.jpg")
        picture.save(folder / "Dog" / "mislabelled.jpg", quality=55)
    after = datasets.cats_vs_dogs(**ASKED)
    held = keys(after.validation) | keys(after.test)
    assert not held & {str(path) for path in (*chosen, *copies)}
    pictures, left_out = photos.usable_pictures(folder, ("Cat", "Dog"), tmp_path / "cache" / "reports")
    assert set(pictures["path"][pictures["twin"]]) >= {str(path) for path in (*chosen, *copies)}
    assert {"zgrey.jpg", "mislabelled.jpg"} <= {file.split("/")[1] for file in left_out["file"]}


def test_the_audit_is_remembered_until_a_file_changes(pets, tmp_path, monkeypatch):
    shutil.copytree(pets, tmp_path / "PetImages")
    stage(monkeypatch, tmp_path)
    first, audit, looked = datasets.cats_vs_dogs(**ASKED), photos.images.audit, []
    monkeypatch.setattr(photos.images, "audit", lambda *a, **k: looked.append(1) or audit(*a, **k))
    again = datasets.cats_vs_dogs(**ASKED)
    assert not looked
    assert_same(first, again)
    assert first.left_out.astype(str).equals(again.left_out.astype(str))
    Path(first.train[0][0]).write_bytes(b"")
    changed = datasets.cats_vs_dogs(train=49, validation=14, test=14)
    assert looked and first.train[0][0] not in keys(changed.train) | keys(changed.validation) | keys(changed.test)


@pytest.mark.parametrize("content", [b"", bytes(3000), b"file,verdict\nCat/1.jpg,good\n", b"\xff\xfe"])
def test_a_damaged_report_is_made_again(pets, tmp_path, monkeypatch, content):
    stage(monkeypatch, pets)
    first = datasets.cats_vs_dogs(**ASKED)
    (report,) = (tmp_path / "cache" / "reports").iterdir()
    whole = report.read_bytes()
    for damaged in (content, whole[: len(whole) // 2]):
        report.write_bytes(damaged)
        again = datasets.cats_vs_dogs(**ASKED)
        assert_same(first, again)
        assert report.read_bytes() == whole


def test_a_file_that_vanishes_while_the_folder_is_looked_at_is_left_out(pets, tmp_path, monkeypatch):
    shutil.copytree(pets, tmp_path / "PetImages")
    stage(monkeypatch, tmp_path)
    audit = photos.images.audit

    def slow(folder, progress):
        report = audit(folder, progress)
        gone.unlink()
        return report

    gone = tmp_path / "PetImages" / "Cat" / "10.jpg"
    monkeypatch.setattr(photos.images, "audit", slow)
    found = datasets.cats_vs_dogs(train=40, validation=14, test=14)
    reasons = found.left_out.set_index("file")["reason"]
    assert "vanished" in reasons["Cat/10.jpg"]
    assert str(gone) not in keys(found.train) | keys(found.validation) | keys(found.test)


def test_more_pictures_than_there_are_is_refused(pets, monkeypatch):
    stage(monkeypatch, pets)
    with pytest.raises(ValueError, match=r"You ask for 3,200 training, 400 .* the folder holds \d+ usable ones"):
        datasets.cats_vs_dogs()


def test_more_pictures_than_the_archive_holds_are_refused_at_once():
    with pytest.raises(ValueError, match="25,001 pictures in all; Cats vs Dogs has 25,000"):
        datasets.cats_vs_dogs(25_000, 1, 0)


def test_half_a_folder_and_an_empty_one_are_named(tmp_path, monkeypatch):
    stage(monkeypatch, tmp_path)
    (tmp_path / "PetImages" / "Cat").mkdir(parents=True)
    with pytest.raises(ValueError, match="PetImages/ holds only one of the folders Cat and Dog"):
        datasets.cats_vs_dogs()
    (tmp_path / "PetImages" / "Dog").mkdir()
    with pytest.raises(ValueError, match=r"holds 0 usable ones.*Copy the whole folder again"):
        datasets.cats_vs_dogs()


def test_a_cache_that_cannot_be_written_costs_time_only(pets, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file, not a folder")
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "taken"))
    stage(monkeypatch, pets)
    assert datasets.cats_vs_dogs(**ASKED).counts() == ASKED
    monkeypatch.delenv("COURSE_DATA_DIR")
    monkeypatch.setattr(standins, "MOST_FILES", {"train": 20, "validation": 6, "test": 8})
    assert datasets.cats_vs_dogs().stand_in


def test_a_folder_for_the_session_ends_with_it(tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    (tmp_path / "tmp").mkdir()
    code = """
        from pathlib import Path
        from helpers import datasets
        from helpers.datasets import standins
        standins.MOST_FILES = {"train": 20, "validation": 6, "test": 8}
        assert Path(datasets.cats_vs_dogs().train[0][0]).is_file()
    """
    places_of = {"COURSE_CACHE_DIR": str(tmp_path / "taken")} | dict.fromkeys(("TMPDIR", "TEMP"), str(tmp_path / "tmp"))
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=os.environ | places_of)
    assert done.returncode == 0 and not list((tmp_path / "tmp").iterdir())


def test_no_room_for_the_stand_in_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(standins, "MOST_FILES", {"train": 20, "validation": 6, "test": 8})
    write_folder, tried = stickers.write_folder, []

    def full_at_first(folder, *arguments, **options):
        tried.append(folder)
        if tmp_path in folder.parents:
            write_folder(folder, 10)
            full()
        return write_folder(folder, *arguments, **options)

    monkeypatch.setattr(stickers, "write_folder", full_at_first)
    assert datasets.cats_vs_dogs().stand_in and tmp_path in tried[0].parents
    assert [path.suffix for path in (tmp_path / "cache" / "stickers").iterdir()] == [".lock"]
    monkeypatch.setattr(standins, "MOST_FILES", {"train": 22, "validation": 6, "test": 8})
    monkeypatch.setattr(stickers, "write_folder", full)
    with pytest.raises(ValueError, match=r"stand in for Cats vs Dogs cannot be written \(No space left on device\)"):
        datasets.cats_vs_dogs()


def test_stickers_stand_in_for_cats_and_dogs_and_are_drawn_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(standins, "MOST_FILES", {"train": 30, "validation": 10, "test": 10})
    first = datasets.cats_vs_dogs()
    said = capsys.readouterr().out
    assert first.stand_in and "A STAND-IN, NOT CATS VS DOGS" in said
    assert first.counts() == {"train": 30, "validation": 10, "test": 10}
    assert all("/test-" in Path(path).as_posix() for path in first.test[0])
    assert not any("/test-" in Path(path).as_posix() for path in (*first.train[0], *first.validation[0]))
    assert len(first.left_out) > 10
    monkeypatch.setattr(stickers, "write_folder", lambda *_, **__: pytest.fail("drawn again"))
    assert_same(first, datasets.cats_vs_dogs())
    assert capsys.readouterr().out == said
    assert str(tmp_path) not in said


# The real sets, where COURSE_DATA_DIR holds them


def test_the_real_cifar10(monkeypatch):
    if not STAGED or not places.find_cifar10(Path(STAGED)):
        pytest.skip("COURSE_DATA_DIR holds no CIFAR-10")
    stage(monkeypatch, STAGED)
    pictures = datasets.cifar10()
    assert pictures.source == "staged"
    assert pictures.counts() == {"train": 45_000, "validation": 5_000, "test": 10_000}
    for name in SPLITS:
        images, labels = getattr(pictures, name)
        assert images.shape == (len(labels), 32, 32, 3) and set(np.bincount(labels)) == {len(labels) // 10}


def test_the_real_cats_and_dogs(monkeypatch, tmp_path):
    if not STAGED or not places.find_cats_vs_dogs(Path(STAGED)):
        pytest.skip("COURSE_DATA_DIR holds no Cats vs Dogs")
    stage(monkeypatch, STAGED)
    found = datasets.cats_vs_dogs()
    assert found.source == "staged" and found.counts() == {"train": 3_200, "validation": 400, "test": 400}
    for name in SPLITS:
        assert np.ptp(np.bincount(getattr(found, name)[1])) == 0
    assert {"Cat/666.jpg", "Dog/11702.jpg", "Dog/Thumbs.db"} <= set(found.left_out["file"])
    began = time.perf_counter()
    assert_same(found, datasets.cats_vs_dogs())
    assert time.perf_counter() - began < 2

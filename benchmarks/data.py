"""What reading data costs: text against bytes, picture files against a cache, an audit. Writes benchmarks/data.json.

    python -m benchmarks.data [--repeats N]

Rivals take turns, so that a busy moment of the machine hits them alike. Pictures are those of Cats vs Dogs where
COURSE_DATA_DIR holds them, else the stickers that stand in; the file says which.
"""

import argparse
import datetime
import gzip
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from helpers import datasets, images, pipelines, runs
from helpers.datasets.formats import read_idx
from helpers.places import DATA, MNIST_FILES

RESULT = Path(__file__).with_suffix(".json")
IMAGE_SIZE, BATCH_SIZE = (180, 180), 32


def seconds(function):
    """Wall seconds of one call."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def summary(values, unit):
    """Median and range of some measurements."""
    rounded = [float(f"{value:.4g}") for value in values]
    return {
        "median": float(f"{np.median(values):.4g}"),
        "range": [min(rounded), max(rounded)],
        "unit": unit,
        "n": len(values),
    }


def circumstances(dataset):
    """When, where and on which data a measurement is made."""
    return {
        "date": datetime.date.today().isoformat(),
        **runs.environment(),
        "load_average": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "dataset": {
            "name": dataset.name,
            "source": dataset.source,
            "stand_in": dataset.stand_in,
            "sha256": dataset.sha256,
            **dataset.counts(),
        },
    }


def write_text(path, pictures, labels):
    """S4's file: one line per picture, its label, two asterisks, then 784 values."""
    with path.open("w", encoding="ascii") as file:
        for picture, label in zip(pictures, labels, strict=True):
            file.write(f"{label} ** {' '.join(map(str, picture.ravel()))}\n")


def read_text(path):
    """Read S4's file as its chapter does, with np.loadtxt; returns pictures and labels."""
    table = np.loadtxt(path, usecols=[0, *range(2, 786)], dtype=np.uint8)
    return table[:, 1:].reshape(-1, 28, 28), table[:, 0]


def text_against_bytes(repeats):
    """The 5,000 bundled digits as text, as gzipped IDX files, and as IDX files already unpacked."""
    with tempfile.TemporaryDirectory() as folder:
        text, plain = Path(folder) / "digits.txt", []
        parts = [read_idx(DATA / "mnist" / file) for file in MNIST_FILES.values()]
        pictures, labels = np.concatenate(parts[::2]), np.concatenate(parts[1::2])
        for file in MNIST_FILES.values():
            plain.append(Path(folder) / file.removesuffix(".gz"))
            plain[-1].write_bytes(gzip.decompress((DATA / "mnist" / file).read_bytes()))
        rivals = {
            "write_text": lambda: write_text(text, pictures, labels),
            "read_text": lambda: read_text(text),
            "read_idx_gz": lambda: [read_idx(DATA / "mnist" / file) for file in MNIST_FILES.values()],
            "read_idx": lambda: [read_idx(path) for path in plain],
        }
        taken = {name: [] for name in rivals}
        for _ in range(repeats):
            for name, rival in rivals.items():
                taken[name].append(seconds(rival))
        again = read_text(text)
        assert np.array_equal(again[0], pictures) and np.array_equal(again[1], labels)
        sizes = {"text_bytes": text.stat().st_size, "idx_bytes": sum(path.stat().st_size for path in plain)}
    # The whole detour: a text file is of use only once it is written and read back.
    taken["text_way"] = [write + read for write, read in zip(taken["write_text"], taken["read_text"], strict=True)]
    result = {f"{name}_seconds": summary(values, "s") for name, values in taken.items()}
    for rival in ("read_idx", "read_idx_gz"):
        for way in ("text_way", "read_text"):
            ratios = np.array(taken[way]) / np.array(taken[rival])
            result[f"{way}_over_{rival}"] = summary(ratios, "times the seconds")
    return {"digits": len(labels), **sizes, **result}


def pipeline_speed(paths, labels, repeats):
    """Pictures per second from files, in the epoch that fills a cache, and from that cache, for each way to resize."""
    rates = {f"{resize}_{kind}": [] for resize in pipelines.RESIZES for kind in ("files", "cached")}
    for _ in range(repeats):
        for resize in pipelines.RESIZES:
            batches = pipelines.from_files(
                paths, labels, image_size=IMAGE_SIZE, batch_size=BATCH_SIZE, resize=resize, shuffle=1, cache=True
            )
            for kind in ("files", "cached"):
                rates[f"{resize}_{kind}"].append(len(paths) / seconds(lambda batches=batches: list(map(len, batches))))
    result = {name: summary(values, "pictures/s") for name, values in rates.items()}
    return {"pictures": len(paths), "image_size": IMAGE_SIZE, "batch_size": BATCH_SIZE, **result}


def audit_speed(folder, repeats):
    """Files per second of `helpers.images.audit`."""
    values = []
    for _ in range(repeats):
        taken = seconds(lambda: values.append(len(images.audit(folder, progress=False))))
        values[-1] /= taken
    return {"files": sum(path.is_file() for path in folder.rglob("*")), "rate": summary(values, "files/s")}


def main(arguments=None):
    """Command line; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    repeats = parser.parse_args(arguments).repeats
    began = time.perf_counter()
    pets = datasets.cats_vs_dogs()
    first = time.perf_counter() - began
    again = seconds(datasets.cats_vs_dogs)
    paths, labels = pets.train
    measured = {
        "name": "data",
        "command": "python -m benchmarks.data" + (f" --repeats {repeats}" if repeats != 5 else ""),
        **circumstances(pets),
        "loading": {"first_seconds": round(first, 2), "again_seconds": round(again, 3)},
        "text_against_bytes": text_against_bytes(repeats),
        "pipeline": pipeline_speed(paths, labels, repeats),
        "audit": audit_speed(Path(paths[0]).parent.parent, min(repeats, 3)),
    }
    RESULT.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    print(f"benchmarks/{RESULT.name} is written.")


if __name__ == "__main__":
    main()

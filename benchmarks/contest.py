"""One seed of an entry to the speed run, in a process of its own; started by benchmarks.leaderboard.

It finds images.npy, labels.npy and pictures.npy (what to answer for) in a folder and leaves result.json and scores.npy
there. The test labels are not in this process.
"""

import json
import multiprocessing
import os
import runpy
import sys
import time
import traceback
from pathlib import Path

import numpy as np

from benchmarks.memory import peak_rss_mib

CALIBRATION_STEPS = 10
ALONE = 20  # pictures that are asked for a second time, by themselves


class Broken(Exception):
    """What is wrong with an entry's run, as a sentence."""


def calibration():
    """CPU seconds of each of a number of training steps of one small network: how fast this machine is, now."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    network = [keras.Input(shape=(32, 32, 3))]
    for filters in (32, 64):
        network += [
            layers.Conv2D(filters, kernel_size=3, padding="same"),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(pool_size=2),
        ]
    model = keras.Sequential([*network, layers.GlobalAveragePooling2D(), layers.Dense(10, activation="softmax")])
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    random = np.random.default_rng(0)
    batch = random.random((128, 32, 32, 3), dtype=np.float32), random.integers(10, size=128)
    model.train_on_batch(*batch)  # Keras prepares its program
    taken = []
    for _ in range(CALIBRATION_STEPS):
        started = time.process_time()
        model.train_on_batch(*batch)
        taken.append(time.process_time() - started)
    keras.backend.clear_session()
    return taken


def cpu_seconds():
    """CPU seconds so far of this process, and (not on Windows) of those that it started and that have ended."""
    multiprocessing.active_children()  # a child counts once somebody has asked after it
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def where(error, path):
    """The error in one line, with the last line of the entry that took part in it."""
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    line = f" in line {frames[-1]}" if frames else ""
    text = (str(error).splitlines() or [""])[0][:200]
    return f"{type(error).__name__}{line}: {text}".rstrip(": ")


def answers(predict, pictures):
    """The entry's scores for `pictures`: finite floats (n, 10). Raises Broken if they are anything else."""
    given = predict(pictures)
    try:
        scores = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise Broken(f"predict gives a {type(given).__name__}; wanted is an array of numbers") from error
    if scores.shape != (len(pictures), 10):
        raise Broken(
            f"predict gives the shape {scores.shape} for {len(pictures):,} pictures; wanted is "
            f"({len(pictures)}, 10), ten scores for each"
        )
    if not np.isfinite(scores).all():
        raise Broken("predict gives scores that are not finite (nan or inf)")
    return scores


def contest(path, folder, seed, calibrate):
    """Calibrate, train, predict; return what was measured, and the scores. Raises Broken."""
    images, labels, pictures = (np.load(folder / f"{name}.npy") for name in ("images", "labels", "pictures"))
    result = {"calibration": calibration() if calibrate else []}
    try:
        started, cpu_started = time.perf_counter(), cpu_seconds()  # what the file does when it is read counts too
        entry = runpy.run_path(str(path))
        predict = entry["train"](images, labels, seed)
        if not callable(predict):
            raise Broken(f"train gives a {type(predict).__name__}; wanted is a function predict(images)")
        scores = answers(predict, pictures)
        result["wall_seconds"] = time.perf_counter() - started
        result["cpu_seconds"] = cpu_seconds() - cpu_started
        alone = answers(predict, pictures[:ALONE])
    except Broken:
        raise
    except Exception as error:
        raise Broken(f"the entry stops with {where(error, path)}") from error
    if np.abs(alone - scores[:ALONE]).max() > 1e-3 * max(1.0, np.abs(scores).max()):
        raise Broken(
            "predict scores a picture otherwise when it is asked again with fewer others; each counts by itself, and "
            "nothing in predict may be random"
        )
    return result | {"peak_rss_mib": peak_rss_mib()}, scores


def main():
    """Command line: entry, folder, seed, 1 or 0 for calibration."""
    path, folder, seed, calibrate = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "1"
    try:
        result, scores = contest(path, folder, seed, calibrate)
        np.save(folder / "scores.npy", scores)
    except Broken as broken:
        result = {"broken": str(broken)}
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Trainings that may be stopped: saved after each epoch, taken up where they were left.

What an epoch does depends on the seed and the epoch's number alone, so a training that was stopped ends where one that
was not ends. The files lie in the course's cache folder, never in the working tree.
"""

import argparse
import contextlib
import datetime
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile

import filelock
import keras
import numpy as np
import tensorflow as tf

from benchmarks.record import complete, known, parser_of, peak_rss_mib, per_class_accuracy
from helpers import models, places, runs

TO_BE_CONTINUED = 75  # exit status of a part after which epochs are left
SAID = 76  # of one that has said why it cannot go on


class CannotGoOn(ValueError):
    """Training cannot begin or go on, and the message says what to do."""


def real(dataset):
    """`dataset` itself. Raises CannotGoOn where it is a stand-in: a recorded run is of the real pictures."""
    if dataset.stand_in:
        raise CannotGoOn(
            f"The recorded runs need the real {dataset.name}. Set COURSE_DATA_DIR to a folder that has it."
        )
    return dataset


@contextlib.contextmanager
def alone(folder):
    """Hold the folder of a training. Raises CannotGoOn where another process does: they would overwrite each other."""
    lock = filelock.FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise CannotGoOn(f"Another process trains in {folder}. Wait until it has ended, or end it.") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def told(path):
    """Name the damaged file `path` where reading it fails."""
    try:
        yield
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CannotGoOn(f"{path} is damaged ({error}). Delete this file: what it held is trained anew.") from error


class Part(keras.callbacks.Callback):
    """One sitting of a training: restores what was saved, saves after each epoch, stops after `minutes`."""

    def __init__(self, path, seed, minutes=None):
        super().__init__()
        self.path, self.seed, self.minutes = path, seed, minutes
        self.started, self.cpu_started, self.first_batch = time.perf_counter(), time.process_time(), None
        self.before = {"history": {}, "epochs": 0, "wall": 0.0, "total": 0.0, "cpu": 0.0, "peak": 0.0}
        self.state = self.before

    def restore(self, model):
        """Set `model` and its optimizer to what was saved, if anything was; return the number of epochs done."""
        model.optimizer.build(model.trainable_variables)
        if self.path.is_file():
            with told(self.path), np.load(self.path, allow_pickle=False) as saved:
                self.before = self.state = json.loads(str(saved["state"]))
                for index, variable in enumerate(variables_of(model)):
                    variable.assign(saved[f"{index:04}"])
        return self.state["epochs"]

    def on_epoch_begin(self, epoch, logs=None):
        for index, layer in enumerate(self.model.layers):
            if hasattr(layer, "seed_generator"):  # dropout: another mask per layer and per epoch
                layer.seed_generator.state.assign([1_000 * self.seed + index, 1_000_000 * epoch])

    def on_train_batch_begin(self, batch, logs=None):
        self.first_batch = self.first_batch or time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        history = {key: [*self.state["history"].get(key, []), round(float(logs[key]), 5)] for key in logs}
        self.state = {"history": history, "epochs": epoch + 1} | self.seconds()
        arrays = {f"{index:04}": variable.numpy() for index, variable in enumerate(variables_of(self.model))}
        aside = self.path.with_suffix(".part.npz")
        np.savez(aside, state=json.dumps(self.state), **arrays)
        os.replace(aside, self.path)  # a stop while writing leaves the file of the epoch before
        if self.minutes and time.perf_counter() - self.started > 60 * self.minutes:
            self.model.stop_training = True

    def seconds(self):
        """Seconds and peak memory so far, those of earlier parts included."""
        now = time.perf_counter()
        return {
            "wall": self.before["wall"] + now - self.first_batch,
            "total": self.before["total"] + now - self.started,
            "cpu": self.before["cpu"] + time.process_time() - self.cpu_started,
            "peak": max(self.before["peak"], peak_rss_mib()),
        }


def variables_of(model):
    """All that training changes: weights, batch normalisation's averages, the optimizer's memory."""
    return [*model.weights, *model.optimizer.variables]


def fit(model, batches, steps, epochs, part, validation=None):
    """Train the compiled `model` up to `epochs`, or to the end of this part. Returns True when all epochs are done.

    Parameters
    ----------
    batches : function
        Called as `batches(epoch)`, gives the (images, labels) of one epoch, `steps` of them.
    part : Part
    validation : pair of arrays or None
    """
    done = part.restore(model)
    if done > epochs:
        raise ValueError(
            f"The training that is kept has {done} epochs, the recipe only {epochs}. Name no longer recipe as the one "
            "that it starts from."
        )
    if done < epochs:
        shapes = tf.nest.map_structure(
            lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), next(iter(batches(done)))
        )
        dataset = tf.data.Dataset.from_generator(
            lambda: (batch for epoch in range(done, epochs) for batch in batches(epoch)), output_signature=shapes
        )
        model.fit(
            dataset.prefetch(2),
            steps_per_epoch=steps,
            initial_epoch=done,
            epochs=epochs,
            validation_data=validation,
            validation_batch_size=500,
            shuffle=False,  # `batches` shuffles
            callbacks=[part],
            verbose=0,
        )
    return part.state["epochs"] == epochs


def folder_of(name, digest, seed):
    """Where the training of a recipe with that digest is kept."""
    return places.cache_folder() / "trainings" / f"{name}-{digest[:12]}-{seed}"


def one_seed(folder, seed, *, load, build, train, predict, settings, minutes):
    """Train, and evaluate on the test split once. Returns what is stored per seed, or None if epochs are left."""
    done = folder / "result.json"
    part = Part(folder / "training.npz", seed, minutes)
    dataset = load()
    keras.utils.set_random_seed(seed)
    model = build()
    finished = train(model, dataset, settings, seed, part)
    if not finished:
        return None, dataset, model
    if done.is_file():
        with told(done):
            return json.loads(done.read_text()), dataset, model
    images, labels = dataset.test
    started, cpu_started = time.perf_counter(), time.process_time()
    scores = predict(model, images)
    predicted = scores.argmax(axis=1)
    result = {
        "test_accuracy": round(float(np.mean(predicted == labels)), 5),
        "wall_seconds": round(part.state["wall"], 1),
        "total_seconds": round(part.state["total"] + time.perf_counter() - started, 1),
        "cpu_seconds": round(part.state["cpu"] + time.process_time() - cpu_started, 1),
        "per_class_accuracy": per_class_accuracy(labels, predicted, num_classes=scores.shape[1]),
        "history": part.state["history"],
        "peak_rss_mib": max(part.state["peak"], peak_rss_mib()),
        "recorded": runs.environment() | {"date": datetime.date.today().isoformat()},
    }
    done.write_text(json.dumps(result))
    return result, dataset, model


def record(name, *, system, load, build, train, predict, settings, seeds, command, starts_from=None, minutes=None):
    """Record `name` as `benchmarks.record.record` does, in parts. Returns the last model, or None if epochs are left.

    Parameters
    ----------
    train : function
        Called as `train(model, dataset, settings, seed, part)`; compiles, and returns what `fit` returns.
    predict : function
        Called as `predict(model, images)`; returns scores (n, classes).
    starts_from : (name, settings) or None
        Another recipe with the same network and data whose training this one begins with, as far as that has come: to
        go on behind its end, or to predict in another way.
    minutes : float
        Stop after the epoch in which so much time has gone.
    """
    digest = models.configuration_sha256(build(), settings)
    results = []
    for seed in seeds:
        folder = folder_of(name, digest, seed)
        folder.mkdir(parents=True, exist_ok=True)
        if starts_from and not (folder / "training.npz").is_file():
            other = folder_of(starts_from[0], models.configuration_sha256(build(), starts_from[1]), seed)
            if (other / "training.npz").is_file():
                aside = shutil.copy(other / "training.npz", folder / "training.part.npz")
                os.replace(aside, folder / "training.npz")  # whole or not at all
        fresh = not (folder / "result.json").is_file()
        if not fresh and seed != seeds[-1]:
            with told(folder / "result.json"):
                results.append(json.loads((folder / "result.json").read_text()))
            continue
        with alone(folder):
            result, dataset, model = one_seed(
                folder, seed, load=load, build=build, train=train, predict=predict, settings=settings, minutes=minutes
            )
        if result is None:
            return None
        results.append(result)
        print(f"{name}, seed {seed}: {result['test_accuracy']:.4f} in {result['wall_seconds']:.0f} s", flush=True)
        if minutes and fresh and seed != seeds[-1]:
            return None  # the turn is over: each seed begins in a process of its own
    run = {"name": name, "system": system, "command": command, "profile": "full", "seeds": list(seeds)}
    run |= {field: [result[field] for result in results] for field in runs.PER_SEED}
    run |= results[-1].get("recorded", {})  # not those of a later day on which the file is only written again
    complete(run, dataset, model, settings, max(result["peak_rss_mib"] for result in results))
    return model


def main(module, recipes, description, keep_weights=(), arguments=None):
    """The command line of a file of recipes that are recorded in parts; otherwise as `benchmarks.record.main`."""
    parser = parser_of(recipes, description)
    parser.add_argument(
        "--turn", type=float, metavar="MINUTES", help="the recipes train in turn, about so long at a time"
    )
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # one part in this very process
    options = parser.parse_args(arguments)
    names = known(options.names, recipes, parser)
    if options.turn is not None and not options.turn > 0:
        parser.error(f"--turn {options.turn:g}: a turn takes more than 0 minutes")
    if options.one:
        (name,) = names
        command = f"python -m {module} {name}"
        try:
            model = record(name, command=command, minutes=options.turn, **recipes[name])
        except CannotGoOn as error:
            print(error, file=sys.stderr)
            sys.exit(SAID)
        if model and name in keep_weights:
            runs.save_weights(model, name)
        sys.exit(0 if model else TO_BE_CONTINUED)
    turn = ["--turn", str(options.turn)] if options.turn else []
    while names:  # a part is a process, so that its peak memory is its own
        for name in list(names):
            try:
                status = subprocess.run([sys.executable, "-u", "-m", module, name, "--one", *turn]).returncode
            except KeyboardInterrupt:
                sys.exit(f"{name} is stopped. The same command goes on after its last whole epoch.")
            if status == SAID:
                sys.exit(SAID)
            if status not in (0, TO_BE_CONTINUED):
                sys.exit(f"{name} ended with status {status}. Start the same command again: it goes on where it was.")
            if status == 0:
                names.remove(name)

"""What every recorded run measures: the same clock, the same memory figure, the same file."""

import argparse
import datetime
import subprocess
import sys
import time

import keras
import numpy as np

from benchmarks.memory import peak_rss_mib
from helpers import models, runs


class Stopwatch(keras.callbacks.Callback):
    """Wall seconds of training, from the first batch to the end of the last epoch."""

    def __init__(self):
        super().__init__()
        self.first_batch = None
        self.seconds = 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self.first_batch = self.first_batch or time.perf_counter()

    def on_train_end(self, logs=None):
        self.seconds = time.perf_counter() - self.first_batch


def per_class_accuracy(labels, predicted, num_classes):
    """Share of right answers among the examples of each class, as a list of floats 0..1."""
    return [round(float(np.mean(predicted[labels == label] == label)), 4) for label in range(num_classes)]


def record(name, *, system, profile, load, build, train, settings, seeds, command):
    """Train once per seed, evaluate on the test split once each, and write data/results/<name>.json.

    Parameters
    ----------
    load : function
        Returns the `Dataset`; its test split is looked at only after training has ended.
    build : function
        Returns the network; called after the seed is set.
    train : function
        Called as `train(model, dataset, settings, callbacks)`; returns the Keras history.
    settings : dict
        The recipe in plain values; its hash together with the network's layers goes into the file.

    Returns the model of the last seed.
    """
    run = {"name": name, "system": system, "command": command, "profile": profile, "seeds": list(seeds)}
    run |= {field: [] for field in runs.PER_SEED}
    for seed in seeds:
        started, cpu_started = time.perf_counter(), time.process_time()
        dataset = load()
        keras.utils.set_random_seed(seed)
        model = build()
        stopwatch = Stopwatch()
        history = train(model, dataset, settings, [stopwatch])
        images, labels = dataset.test
        probabilities = model.predict(images[..., None].astype(np.float32) * settings["scale"], verbose=0)
        predicted = probabilities.argmax(axis=1)
        run["test_accuracy"].append(round(float(np.mean(predicted == labels)), 5))
        run["wall_seconds"].append(round(stopwatch.seconds, 1))
        run["total_seconds"].append(round(time.perf_counter() - started, 1))
        run["cpu_seconds"].append(round(time.process_time() - cpu_started, 1))
        run["per_class_accuracy"].append(per_class_accuracy(labels, predicted, num_classes=10))
        run["history"].append({key: [round(float(v), 5) for v in values] for key, values in history.history.items()})
        print(f"{name}, seed {seed}: {run['test_accuracy'][-1]:.4f} in {run['wall_seconds'][-1]:.0f} s", flush=True)
    complete(run, dataset, model, settings, peak_rss_mib())
    return model


def complete(run, dataset, model, settings, peak_rss_mib):
    """Add to `run` what does not depend on the seed, and write data/results/<name>.json."""
    run["dataset"] = {
        "name": dataset.name,
        "source": dataset.source,
        "sha256": dataset.sha256,
        **dataset.counts(),
    }
    run["configuration"] = settings
    run["configuration_sha256"] = models.configuration_sha256(model, settings)
    run["peak_rss_mib"] = peak_rss_mib
    run["parameters"] = model.count_params()
    now = runs.environment() | {"date": datetime.date.today().isoformat()}
    runs.save(run | {field: value for field, value in now.items() if field not in run})


def parser_of(recipes, description):
    """A command line that takes names of recipes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(recipes)}; all of them by default")
    return parser


def known(names, recipes, parser):
    """The names given, all recipes if none was; ends the program if one is not known."""
    if unknown := set(names) - recipes.keys():
        parser.error(f"no recipe is called {', '.join(sorted(unknown))}; there are: {', '.join(recipes)}")
    return names or list(recipes)


def main(module, recipes, description, keep_weights=(), arguments=None):
    """The command line of a file of recipes: record those named, or all of them.

    Each recipe runs in a process of its own, so that its peak memory is its own.

    Parameters
    ----------
    module : str
        How the file is started: "benchmarks.mnist".
    recipes : dict
        Name of the run to what `record` takes: system, load, build, train, settings, seeds.
    keep_weights : collection of str
        The runs whose last seed's weights are saved beside the record.
    """
    parser = parser_of(recipes, description)
    names = known(parser.parse_args(arguments).names, recipes, parser)
    if len(names) > 1:
        for name in names:
            subprocess.run([sys.executable, "-m", module, name], check=True)
        return
    (name,) = names
    model = record(name, profile="full", command=f"python -m {module} {name}", **recipes[name])
    if name in keep_weights:
        runs.save_weights(model, name)

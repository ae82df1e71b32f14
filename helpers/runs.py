"""Recorded runs: what a long training gave, with everything needed to judge and repeat it.

One JSON file per recipe in data/results. A lesson replays it; a figure in prose is quoted from it, never typed.
"""

import json
import os
import platform
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import plots
from helpers.places import DATA

RESULTS = DATA / "results"
PER_SEED = ("test_accuracy", "wall_seconds", "total_seconds", "cpu_seconds", "history", "per_class_accuracy")
FIELDS = {
    "name": str,
    "system": str,
    "command": str,
    "profile": str,
    "dataset": dict,
    "configuration": dict,
    "configuration_sha256": str,
    "seeds": list,
    **dict.fromkeys(PER_SEED, list),
    "peak_rss_mib": int | float,
    "parameters": int,
    "versions": dict,
    "hardware": str,
    "date": str,
}
DATASET = ("name", "source", "sha256", "train", "validation", "test")  # what the field "dataset" tells


def problems(run):
    """Return what is wrong with a run's fields, one sentence each; an empty list if nothing is."""
    if not isinstance(run, dict):
        return [f"it is a {type(run).__name__}, expected a dict of fields"]
    found, seeds = [], run.get("seeds")
    for field, kind in FIELDS.items():
        if field not in run:
            found.append(f"the field {field!r} is missing")
        elif not isinstance(run[field], kind):
            wanted = getattr(kind, "__name__", kind)
            found.append(f"{field!r} is a {type(run[field]).__name__}, expected {wanted}")
        elif field in PER_SEED and isinstance(seeds, list) and len(run[field]) != len(seeds):
            found.append(f"{field!r} has {len(run[field])} entries for {len(seeds)} seeds")
    if isinstance(run.get("dataset"), dict):
        found += [f"'dataset' lacks {field!r}" for field in DATASET if field not in run["dataset"]]
    if not found and not all(isinstance(one, int | float) and 0 <= one <= 1 for one in run["test_accuracy"]):
        found.append("an accuracy is no number, or lies outside 0..1")
    return found


def save(run, folder=RESULTS):
    """Check `run` against the schema and write it to `folder`/<name>.json. Raises ValueError naming every problem."""
    if found := problems(run):
        raise ValueError(f"The run {run.get('name', '?')!r} is not complete: {'; '.join(found)}.")
    path = Path(folder) / f"{run['name']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    return path


def load(name, folder=RESULTS):
    """Return the recorded run `name` as a dict.

    Raises ValueError that lists what there is if there is none, and one that says what is wrong with a damaged file.
    """
    path = Path(folder) / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in Path(folder).glob("*.json"))) or "none"
        raise ValueError(f"There is no recorded run {name!r}. Recorded are: {known}.")
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no text at all
        found = [f"it is no JSON ({error})"]
    else:
        found = problems(run)
    if found:
        raise ValueError(
            f"The file {path.name} of recorded runs is damaged: {'; '.join(found)}. Take it from the course again, for "
            f"example with git checkout data/results/{path.name}."
        )
    return run


def environment():
    """Versions and hardware of this machine, in the form that a recorded run stores."""
    packages = ["keras", "tensorflow-cpu", "tensorflow", "numpy"]
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {"versions": versions, "hardware": f"{processor()}, {os.cpu_count()} CPU cores"}


def processor():
    """The processor's name where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def accuracy_with_interval(run):
    """Mean test accuracy over the seeds and the half-width of its 95 % interval (Student's t; nan for one seed)."""
    from scipy import stats

    scores = np.asarray(run["test_accuracy"])
    if len(scores) < 2:
        return float(scores.mean()), float("nan")
    return float(scores.mean()), float(stats.t.ppf(0.975, len(scores) - 1) * stats.sem(scores))


def stamp(run):
    """One line that says of a recorded run: when, where, on what, how often."""
    seeds = len(run["seeds"])
    often = "1 seed" if seeds == 1 else f"mean of {seeds} seeds"
    return f"Recorded {run['date']} on {run['hardware']}; {run['dataset']['name']}, {often}."


def quote(path):
    """Return a figure of a recorded run as text for prose: "mnist_s4.test_accuracy" gives "94.9 %".

    The space before the per cent sign is one at which no line breaks.

    The part after the dot is `test_accuracy` (mean), `interval` (its half-width in points), `wall_seconds` (median),
    `seeds` (how many), `epochs` (or their range), or any field that holds one number. Raises ValueError for anything
    else, and for the interval of a run with one seed.
    """
    name, _, figure = path.partition(".")
    run = load(name)
    if figure == "test_accuracy":
        return f"{accuracy_with_interval(run)[0]:.1%}".replace("%", "\N{NO-BREAK SPACE}%")
    if figure == "interval":
        if len(run["seeds"]) < 2:
            raise ValueError(f"{path!r}: one seed gives no interval. Record more seeds, or leave it out.")
        return f"{100 * accuracy_with_interval(run)[1]:.1f}"
    if figure == "wall_seconds":
        return f"{np.median(run['wall_seconds']):,.0f}"
    if figure == "seeds":
        return str(len(run["seeds"]))
    if figure == "epochs":
        return epochs(run)
    if isinstance(run.get(figure), int | float):
        return f"{run[figure]:,}"
    known = ["test_accuracy", "interval", "wall_seconds", "seeds", "epochs"]
    known += [field for field, value in run.items() if isinstance(value, int | float)]
    raise ValueError(f"{path!r} names no figure that can be quoted. There are: {', '.join(known)}.")


def compare(*names):
    """Return a pandas frame with one row per recorded run: accuracy with interval, seeds, parameters, seconds."""
    if not names:
        raise ValueError('compare needs the name of one recorded run or more, for example compare("mnist_s4").')
    rows = []
    for run in map(load, names):
        mean, half = accuracy_with_interval(run)
        rows.append(
            {
                "recorded run": run["name"],
                "test accuracy": f"{mean:.1%} ± {100 * half:.1f}" if len(run["seeds"]) > 1 else f"{mean:.1%}",
                "test examples": run["dataset"]["test"],
                "seeds": len(run["seeds"]),
                "parameters": f"{run['parameters']:,}",
                "training seconds": round(float(np.median(run["wall_seconds"]))),
            }
        )
    return pd.DataFrame(rows).set_index("recorded run")


def curves(name, *columns):
    """Return the history of a recorded run as a pandas frame over epochs from 1: the mean over its seeds.

    Where early stopping ended some seeds before others, each epoch is the mean over those that were still training.
    `columns` choose among the quantities. Raises ValueError for one that this run does not have.
    """
    run = load(name)
    frames = [pd.DataFrame(history) for history in run["history"]]
    mean = pd.concat(frames).groupby(level=0).mean()
    mean.index = pd.RangeIndex(1, len(mean) + 1, name="epoch")
    if unknown := [column for column in columns if column not in mean]:
        raise ValueError(f"The recorded run {name!r} has no {', '.join(unknown)}. It has: {', '.join(mean)}.")
    return mean[list(columns)] if columns else mean


def epochs(run):
    """How many epochs each seed of a recorded run trained, as text: "50", or "13 to 17" where they differ."""
    lengths = [len(next(iter(history.values()))) for history in run["history"]]
    return str(min(lengths)) if len(set(lengths)) == 1 else f"{min(lengths)} to {max(lengths)}"


def replay(name, *columns, ylabel="accuracy"):
    """Show the curves of a recorded run, stamped with when and where it was recorded.

    Where early stopping ended some seeds before others, the stamp says from which epoch on fewer of them count.
    """
    run = load(name)
    frame = curves(name, *columns)
    shortest = min(len(next(iter(history.values()))) for history in run["history"])
    fewer = f" (from epoch {shortest + 1} on, fewer seeds)" if shortest < len(frame) else ""
    stamped = f"{stamp(run).removesuffix('.')}{fewer}."
    ends = ", ".join(f"{column} ends at {frame[column].iloc[-1]:.3f}" for column in frame)
    plots.show_curves(frame, ylabel=ylabel, alt=f"{run['name']} over {epochs(run)} epochs: {ends}. {stamped}")


def save_weights(model, name, folder=RESULTS):
    """Write the weights of `model` as float16 arrays to `folder`/<name>.npz, without optimizer state."""
    arrays = {f"{index:03}": value.astype(np.float16) for index, value in enumerate(model.get_weights())}
    path = Path(folder) / f"{name}.npz"
    np.savez_compressed(path, **arrays)
    return path


def load_weights(model, name, folder=RESULTS):
    """Set the weights of `model` from a file of `save_weights`; shapes must agree. Returns `model`."""
    path = Path(folder) / f"{name}.npz"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in Path(folder).glob("*.npz"))) or "none"
        raise ValueError(f"There are no recorded weights {name!r}. Recorded are: {known}.")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            weights = [arrays[key].astype(np.float32) for key in sorted(arrays.files)]
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"The weights {name!r} in {path.name} are damaged: {error}. Get this file anew.") from error
    wanted = [value.shape for value in model.get_weights()]
    if (stored := [value.shape for value in weights]) != wanted:
        raise ValueError(
            f"The weights {name!r} belong to another network than {model.name!r}: their first shapes are {stored[:3]}, "
            f"its are {wanted[:3]}. Build the network that the recorded run names."
        )
    model.set_weights(weights)
    return model

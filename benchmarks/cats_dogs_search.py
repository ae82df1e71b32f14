"""The search of lesson 08 at full size: KerasTuner varies the recipe of cats_dogs_scratch. Writes a table into data/.

    COURSE_DATA_DIR=... python -m benchmarks.cats_dogs_search [--trials N] [--epochs N]

Each trial trains on the 3,200 pictures and is judged by the 400 for validation; the test pictures are not touched. The
recipe as it stands is trained in the same way, as a trial of its own. A search that was stopped goes on with the same
command.
"""

import argparse
import datetime
from pathlib import Path

import keras
import keras_tuner
import pandas as pd

from benchmarks import cats_dogs, parts
from helpers import models, places, runs

RESULT = places.DATA / "cats_dogs_search.csv"
VARIED = ("learning_rate", "weight_decay", "window", "dropout")
SEED = 8


def drawn(hyperparameters):
    """What may vary, and how far."""
    return {
        "learning_rate": hyperparameters.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
        "weight_decay": hyperparameters.Choice("weight_decay", [0.0, 0.01, 0.05, 0.2]),
        "window": hyperparameters.Float("window", 0.4, 1.0, step=0.1),
        "dropout": hyperparameters.Float("dropout", 0.0, 0.6, step=0.1),
    }


def judged(folder, values, dataset, settings, build):
    """Train with `values`, or go on with it, and return the validation loss and accuracy after the last epoch."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = settings | {name: values[name] for name in VARIED if name != "dropout"}
    part = parts.Part(folder / "training.npz", SEED)
    keras.utils.set_random_seed(SEED)
    cats_dogs.train_ours(build(dropout=values["dropout"]), dataset, settings, SEED, part)
    history = part.state["history"]
    return {"validation_loss": history["val_loss"][-1], "validation_accuracy": history["val_accuracy"][-1]}


class Search(keras_tuner.RandomSearch):
    """Random search whose trial is `judge(folder, values)`; it keeps what each gave."""

    def __init__(self, judge, **options):
        super().__init__(**options)
        self.judge, self.folder = judge, Path(options["directory"])

    def run_trial(self, trial):
        return self.judge(self.folder / f"trial-{trial.trial_id}", drawn(trial.hyperparameters))


def search(dataset, settings, build, trials):
    """One row per trial, the best validation loss first; the row of the recipe itself is named so."""
    digest = models.configuration_sha256(build(), settings)
    folder = places.cache_folder() / "trainings" / f"cats_dogs_search-{digest[:12]}"

    def judge(folder, values):
        return judged(folder, values, dataset, settings, build)

    own = {name: settings[name] for name in VARIED if name in settings}
    own["dropout"] = next(layer.rate for layer in build().layers if isinstance(layer, keras.layers.Dropout))
    rows = [{"trial": "recipe", **own, **judge(folder / "recipe", own)}]
    tuner = Search(
        judge,
        objective=keras_tuner.Objective("validation_loss", direction="min"),
        max_trials=trials,
        seed=SEED,
        directory=folder,
        project_name="search",
    )
    tuner.search()
    for trial in tuner.oracle.get_best_trials(trials):
        scores = {name: trial.metrics.get_best_value(name) for name in ("validation_loss", "validation_accuracy")}
        rows.append({"trial": trial.trial_id, **{name: trial.hyperparameters.get(name) for name in VARIED}, **scores})
    return pd.DataFrame(rows).sort_values("validation_loss")


def main(arguments=None, load=None, build=models.cats_dogs_scratch, result=RESULT):
    """Command line; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=12, metavar="N")
    parser.add_argument("--epochs", type=int, default=8, metavar="N")
    options = parser.parse_args(arguments)
    recipe = cats_dogs.RECIPES["cats_dogs_scratch"]
    settings = recipe["settings"] | {"epochs": options.epochs}
    table = search((load or recipe["load"])(), settings, build, options.trials)
    where = runs.environment()
    table["epochs"] = options.epochs
    table["keras"], table["hardware"] = where["versions"]["keras"], where["hardware"]
    table["date"] = datetime.date.today().isoformat()
    table.round(5).to_csv(result, index=False)
    print(f"{result.parent.name}/{result.name} is written.")


if __name__ == "__main__":
    main()

"""What tests/test_parts.py starts and kills: a small training in parts, in the folder that it is given."""

import sys
from pathlib import Path

from helpers import quiet

quiet.start_tensorflow()

import keras  # noqa: E402

from benchmarks import cifar10, parts  # noqa: E402
from helpers import stickers  # noqa: E402
from helpers.datasets import Dataset  # noqa: E402

EPOCHS = 8


def few():
    train, test = stickers.pictures(320, seed=1), stickers.pictures(100, split="test")
    nothing = (test[0][:0], test[1][:0])
    return Dataset("stickers", "drawn", "", "0" * 64, train=train, validation=nothing, test=test)


RECIPES = {
    # Dropout, batch normalisation and Adam: all the kinds of state that a training has.
    "s1": cifar10.S1 | {"load": few, "settings": cifar10.S1_SETTINGS | {"epochs": EPOCHS}},
    # Pictures altered at random, and a learning rate that depends on the step.
    "fast": cifar10.speed((8, 8, 8), epochs=EPOCHS, batch_size=32) | {"load": few},
    # An optimizer of two kinds.
    "long": cifar10.speed((8, 8, 8), **cifar10.LONG["settings"] | {"epochs": EPOCHS, "batch_size": 32}) | {"load": few},
}


def train(name, folder):
    """Train to the end, from wherever `folder` is; return the model."""
    recipe = RECIPES[name]
    part = parts.Part(Path(folder) / "training.npz", seed=1)
    keras.utils.set_random_seed(1)
    model = recipe["build"]()
    recipe["train"](model, recipe["load"](), recipe["settings"], 1, part)
    return model


if __name__ == "__main__":
    train(sys.argv[1], sys.argv[2])

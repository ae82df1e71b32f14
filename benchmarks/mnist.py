"""The recorded runs of lesson 05, on the 1,000 training digits that ship with the course.

    python -m benchmarks.mnist [NAME ...]

Chosen on the 1,000 validation digits; the 3,000 test digits are looked at once per seed, after training.
"""

from functools import partial

import keras

from benchmarks.record import main
from helpers import datasets, models


def train_s4(model, dataset, settings, callbacks):
    """S4's recipe: pixels divided by 255, one-hot labels, Adadelta at the rate that was its default then."""
    (x_train, y_train), (x_val, y_val) = dataset.train, dataset.validation
    model.compile(
        optimizer=keras.optimizers.Adadelta(learning_rate=settings["learning_rate"]),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model.fit(
        x_train[..., None] * settings["scale"],
        keras.utils.to_categorical(y_train, 10),
        validation_data=(x_val[..., None] * settings["scale"], keras.utils.to_categorical(y_val, 10)),
        batch_size=settings["batch_size"],
        epochs=settings["epochs"],
        callbacks=callbacks,
        verbose=0,
    )


def train_ours(model, dataset, settings, callbacks):
    """The course's recipe: pictures altered on the fly, softened labels, a rate that warms up and then falls."""
    (x_train, y_train), (x_val, y_val) = dataset.train, dataset.validation
    steps = settings["epochs"] * -(-len(x_train) // settings["batch_size"])
    warmup = round(settings["warmup"] * steps)
    rate = settings["learning_rate"]
    if settings["schedule"] == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=settings["learning_rate"] / 10,
            decay_steps=steps - warmup,
            warmup_target=settings["learning_rate"],
            warmup_steps=warmup,
        )
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate=rate, weight_decay=settings["weight_decay"]),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings["label_smoothing"]),
        metrics=["accuracy"],
    )
    return model.fit(
        x_train[..., None],
        keras.utils.to_categorical(y_train, 10),
        validation_data=(x_val[..., None], keras.utils.to_categorical(y_val, 10)),
        batch_size=settings["batch_size"],
        epochs=settings["epochs"],
        callbacks=callbacks,
        verbose=0,
    )


S4_SETTINGS = {"optimizer": "Adadelta", "learning_rate": 1.0, "batch_size": 128, "epochs": 50, "scale": 1 / 255}
OUR_SETTINGS = {
    "optimizer": "AdamW",
    "learning_rate": 0.003,
    "schedule": "cosine",
    "warmup": 0.1,
    "weight_decay": 0.01,
    "label_smoothing": 0.1,
    "batch_size": 64,
    "epochs": 40,
    "scale": 1,
}


def ours(seeds, settings=(), **left_out):
    """The course's recipe, with some settings changed or parts of the network left out."""
    return {
        "system": "course",
        "load": datasets.mnist,
        "build": partial(models.mnist_ours, **left_out),
        "train": train_ours,
        "settings": OUR_SETTINGS | dict(settings),
        "seeds": seeds,
    }


FIVE, THREE = (1, 2, 3, 4, 5), (1, 2, 3)
RECIPES = {
    "mnist_s4": {
        "system": "S4",
        "load": datasets.mnist,
        "build": models.mnist_s4,
        "train": train_s4,
        "settings": S4_SETTINGS,
        "seeds": FIVE,
    },
    "mnist_s4_ours": ours(FIVE),
    # What each part is worth: ours with one thing left out.
    "mnist_s4_ours_no_augmentation": ours(THREE, augmentation=False),
    "mnist_s4_ours_no_schedule": ours(THREE, {"schedule": "constant"}),
    "mnist_s4_ours_no_smoothing": ours(THREE, {"label_smoothing": 0.0}),
    "mnist_s4_ours_no_batch_norm": ours(THREE, batch_norm=False),
}
KEEP_WEIGHTS = {"mnist_s4_ours"}  # small, and of use to lessons


if __name__ == "__main__":
    main("benchmarks.mnist", RECIPES, __doc__, KEEP_WEIGHTS)

"""The recorded runs of lesson 04: dense networks on the bundled digits, and on the full Fashion-MNIST.

    python -m benchmarks.dense [NAME ...]

Digits: 3,000 to train on, 1,000 to choose by, the 1,000 of the test file looked at once per seed, after training.
Fashion-MNIST: 55,000, 5,000 and the 10,000 of its test file.
"""

from functools import partial

import keras
import tensorflow as tf

from benchmarks.mnist import FIVE, OUR_SETTINGS, THREE, train_ours
from benchmarks.record import main
from helpers import datasets, models


def train_s3(model, dataset, settings, callbacks):
    """S3's recipe: a tf.data pipeline, Adam, labels as whole numbers, early stopping."""
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=settings["learning_rate"]),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )

    def scale(image, label):
        return tf.cast(image, tf.float32)[..., None] * settings["scale"], label

    train = tf.data.Dataset.from_tensor_slices(dataset.train).map(scale).cache().shuffle(settings["buffer"])
    validation = tf.data.Dataset.from_tensor_slices(dataset.validation).map(scale).cache()
    return model.fit(
        train.batch(settings["batch_size"]).prefetch(tf.data.AUTOTUNE),
        validation_data=validation.batch(len(dataset.validation[1])),  # one batch, as in the post
        epochs=settings["epochs"],
        shuffle=False,  # the pipeline shuffles
        callbacks=[*callbacks, keras.callbacks.EarlyStopping(patience=settings["patience"])],
        verbose=0,
    )


def digits():
    """3,000 + 1,000 + 1,000 of the 5,000 digits that ship with the course."""
    return datasets.mnist(train=3_000, validation=1_000, test=1_000)


def fashion():
    """The full Fashion-MNIST."""
    return datasets.fashion_mnist(train=55_000, validation=5_000, test=10_000)


S3_SETTINGS = {
    "optimizer": "Adam",
    "learning_rate": 0.001,
    "batch_size": 100,
    "epochs": 100,
    "patience": 2,
    "buffer": 10_000,
    "scale": 1 / 255,
}
DIGIT_SETTINGS = OUR_SETTINGS | {"epochs": 50}
FASHION_SETTINGS = OUR_SETTINGS | {"batch_size": 256, "epochs": 20}


def s3(load):
    """The post's recipe on the data that `load` gives."""
    return {"system": "S3", "load": load, "build": models.dense_s3, "train": train_s3, "settings": S3_SETTINGS}


def ours(load, build, settings=DIGIT_SETTINGS):
    """The course's recipe, the one of lesson 05's network, with 50 epochs."""
    return {"system": "course", "load": load, "build": build, "train": train_ours, "settings": settings}


RECIPES = {
    "mnist_s3": s3(digits) | {"seeds": FIVE},
    "mnist_s3_ours": ours(digits, models.dense_ours) | {"seeds": FIVE},
    # What moving the pictures is worth: ours without it, and lesson 05's convolutional network without it.
    "mnist_s3_ours_no_augmentation": ours(digits, partial(models.dense_ours, rotation=0, shift=0, zoom=0))
    | {"seeds": THREE},
    "mnist_s3_cnn_no_augmentation": ours(digits, partial(models.mnist_ours, augmentation=False)) | {"seeds": THREE},
    "fashion_s3": s3(fashion) | {"seeds": FIVE},
    # On the 5,000 validation clothes dropout did better than moving the pictures, so it takes its place.
    "fashion_s3_ours": ours(
        fashion, partial(models.dense_ours, rotation=0, shift=0, zoom=0, dropout=0.3), FASHION_SETTINGS
    )
    | {"seeds": FIVE},
}
KEEP_WEIGHTS = {"mnist_s3_ours", "mnist_s3_cnn_no_augmentation"}  # lesson 04 moves digits under their eyes


if __name__ == "__main__":
    main("benchmarks.dense", RECIPES, __doc__, KEEP_WEIGHTS)

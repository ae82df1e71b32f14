"""The recorded runs of lessons 07 and 08, on 4,000 photographs of cats and dogs.

    COURSE_DATA_DIR=... python -m benchmarks.cats_dogs [--turn MINUTES] [NAME ...]

Trained and resumed as those of CIFAR-10 are, see benchmarks/parts.py. Training sees 3,200 pictures or fewer, validation
400 after each epoch; the 400 test pictures are looked at once per seed, after training. Pictures are decoded and
resized once, and held as bytes.

`python -m benchmarks.cats_dogs_ratios` measures what reading and predicting in batches is worth.
"""

import dataclasses
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks import parts
from helpers import datasets, models, pipelines


def photographs(size, resize, train=3_200):
    """Cats vs Dogs as uint8 arrays (n, size, size, 3). Raises ValueError where only the stand-in is at hand."""
    return decoded(parts.real(datasets.cats_vs_dogs(train=train)), size, resize)


def decoded(pets, size, resize):
    """The data set `pets` with arrays of uint8 (n, size, size, 3) in place of its paths."""
    splits = {}
    for split in ("train", "validation", "test"):
        paths, labels = getattr(pets, split)
        images = np.empty((len(paths), size, size, 3), np.uint8)  # filled in place: there is room for one copy
        start = 0
        for batch, _ in pipelines.from_files(paths, labels, (size, size), batch_size=64, resize=resize):
            images[start : start + len(batch)] = batch
            start += len(batch)
        splits[split] = images, labels
    return dataclasses.replace(pets, **splits)


def one_hot(labels):
    """Two columns, float32: cat, dog."""
    return np.eye(2, dtype=np.float32)[labels]


def validation_of(images, targets):
    """Batches of 50, because 400 large pictures at a time take gigabytes inside a network."""
    return tf.data.Dataset.from_tensor_slices((images, targets)).batch(50)


def train_s5(model, dataset, settings, seed, part):
    """S5's recipe: float32 pixels divided by 255, two columns, Adam."""
    (images, labels), size = dataset.train, settings["batch_size"]
    targets = one_hot(labels)

    def batches(epoch):
        order = np.random.default_rng([seed, epoch]).permutation(len(labels))
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            yield images[chosen].astype(np.float32) / 255, targets[chosen]

    validation = validation_of(dataset.validation[0], one_hot(dataset.validation[1]))
    validation = validation.map(lambda pictures, columns: (tf.cast(pictures, tf.float32) / 255, columns))
    model.compile(
        optimizer=keras.optimizers.Adam(settings["learning_rate"]),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return parts.fit(model, batches, -(-len(labels) // size), settings["epochs"], part, validation)


def predict_s5(model, images):
    """Two probabilities per picture."""
    steps = range(0, len(images), 50)
    return np.concatenate([model.predict_on_batch(images[i : i + 50].astype(np.float32) / 255) for i in steps])


def train_s2(model, dataset, settings, seed, part):
    """S2's recipe: Adam, one column; each batch is mirrored and turned by Keras's own layers before the network."""
    (images, labels), size = dataset.train, settings["batch_size"]
    columns = labels[:, None].astype(np.float32)
    augmentation = [keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(settings["rotation"])]

    def batches(epoch):
        for index, layer in enumerate(augmentation):  # what they do depends on the seed and the epoch alone
            layer.generator.state.assign([1_000 * seed + index, 1_000_000 * epoch])
        order = np.random.default_rng([seed, epoch]).permutation(len(labels))
        for start in range(0, len(order), size):
            batch = images[order[start : start + size]].astype(np.float32)
            for layer in augmentation:
                batch = layer(batch, training=True)
            yield np.asarray(batch), columns[order[start : start + size]]

    validation = validation_of(dataset.validation[0], dataset.validation[1][:, None].astype(np.float32))
    model.compile(
        optimizer=keras.optimizers.Adam(settings["learning_rate"]), loss="binary_crossentropy", metrics=["accuracy"]
    )
    return parts.fit(model, batches, -(-len(labels) // size), settings["epochs"], part, validation)


def predict_s2(model, images):
    """Two probabilities per picture: the network gives the second."""
    dogs = np.concatenate([model.predict_on_batch(images[i : i + 50]) for i in range(0, len(images), 50)])
    return np.concatenate([1 - dogs, dogs], axis=1)


def view(picture, size, window=(0.0, 0.0, 1.0, 1.0), mirrored=False):
    """A window of a uint8 picture, resized to (size, size, 3).

    `window` is top, left, height and width as shares of the picture.
    """
    height, width, _ = picture.shape
    top, left, tall, wide = window
    box = (left * width, top * height, (left + wide) * width, (top + tall) * height)
    seen = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR, box))
    return seen[:, ::-1] if mirrored else seen


def train_ours(model, dataset, settings, seed, part):
    """The course's recipe: random windows and mirror images, AdamW with a rate that rises and falls, softened labels.

    A window has at least the share `window` of the height and of the width, each drawn by itself. An epoch is as many
    pictures as `pictures_per_epoch` says: fewer training pictures are seen more often, so that every size of training
    set gets the same number of steps.
    """
    (images, labels), size, side = dataset.train, settings["batch_size"], model.input_shape[1]
    targets, count = one_hot(labels), settings["pictures_per_epoch"]
    steps = count // size

    def batches(epoch):
        random = np.random.default_rng([seed, epoch])
        order = np.concatenate([random.permutation(len(labels)) for _ in range(-(-count // len(labels)))])
        extents = random.uniform(settings["window"], 1, size=(count, 2))
        windows = np.concatenate([random.uniform(0, 1 - extents), extents], axis=1)
        mirrored = random.random(count) < (0.5 if settings["flip"] else 0)
        for places in np.arange(steps * size).reshape(steps, size):
            chosen = order[places]
            seen = zip(images[chosen], windows[places], mirrored[places], strict=True)
            yield np.stack([view(picture, side, *how) for picture, *how in seen]), targets[chosen]

    total, peak = steps * settings["epochs"], settings["learning_rate"]
    rise = max(1, total // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        peak / 10, decay_steps=max(1, total - rise), warmup_target=peak, warmup_steps=rise
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=settings["weight_decay"]),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings["label_smoothing"]),
        metrics=["accuracy"],
    )
    whole = np.stack([view(picture, side) for picture in dataset.validation[0]])
    validation = validation_of(whole, one_hot(dataset.validation[1]))
    return parts.fit(model, batches, steps, settings["epochs"], part, validation)


def predict_ours(model, images, average=True):
    """Two scores per picture: of the picture as it is, or the mean over it, its middle, and their mirror images."""
    side, margin = model.input_shape[1], 0.075
    ways = [((0.0, 0.0, 1.0, 1.0), False)]
    if average:
        middle = (margin, margin, 1 - 2 * margin, 1 - 2 * margin)
        ways = [(window, mirrored) for window in (ways[0][0], middle) for mirrored in (False, True)]
    scores = []
    for start in range(0, len(images), 50):
        batch = images[start : start + 50]
        seen = [model.predict_on_batch(np.stack([view(picture, side, *how) for picture in batch])) for how in ways]
        scores.append(np.mean(seen, axis=0))
    return np.concatenate(scores)


def s5(number):
    """A recipe for one of S5's networks."""
    return {
        "system": "S5",
        "load": partial(photographs, 224, "squash"),
        "build": partial(models.cats_dogs_model, number),
        "train": train_s5,
        "predict": predict_s5,
        "settings": {"learning_rate": 0.001, "batch_size": 64, "epochs": 10, "resize": "squash"},
        "seeds": (1,),
    }


OURS_SETTINGS = {
    "optimizer": "AdamW",
    "learning_rate": 0.003,
    "schedule": "cosine",
    "weight_decay": 0.05,
    "label_smoothing": 0.1,
    "batch_size": 32,
    "epochs": 28,
    "pictures_per_epoch": 3_200,
    "window": 0.6,
    "flip": True,
    "resize": "crop",
}
PLAIN = {"window": 1.0, "flip": False}
ONE_VIEW = partial(predict_ours, average=False)
FEWER = (200, 400, 800, 1_600)


def ours(build=models.cats_dogs_scratch, train=3_200, side=128, seeds=(1,), **changes):
    """A recipe for a network of the course's own; `side` is the size in which the pictures are kept."""
    return {
        "system": "course",
        "load": partial(photographs, side, "crop", train),
        "build": build,
        "train": train_ours,
        "predict": predict_ours,
        "settings": OURS_SETTINGS | {"kept_size": side, "train": train} | changes,
        "seeds": seeds,
    }


XCEPTION = {
    "system": "S2",
    "load": partial(photographs, 96, "squash"),
    "build": partial(models.xception_s2, image_size=96),
    "train": train_s2,
    "predict": predict_s2,
    "settings": {"learning_rate": 0.001, "batch_size": 32, "epochs": 25, "rotation": 0.1, "resize": "squash"},
    "seeds": (1,),
}
RECIPES = {
    "cats_dogs_dense": s5(0),
    "cats_dogs_model_1": s5(1),
    "cats_dogs_model_2": s5(2),
    "cats_dogs_model_3": s5(3),
    # As many epochs as fit into the time of model_3's ten. Nothing in its settings was searched for.
    "cats_dogs_scratch": ours(seeds=(1, 2, 3)),
    # The same network type, wider, with larger pictures, for longer.
    "cats_dogs_augmented": ours(
        partial(models.cats_dogs_scratch, image_size=128, filters=(32, 64, 128, 256, 256)), side=144, epochs=80
    ),
    # S2's network. Its pictures of 180 pixels and batches of 128 take more memory and time than 2 cores have.
    "cats_dogs_xception_s2": XCEPTION,
    # Does it overfit past 50 epochs? It starts where that one ended.
    "cats_dogs_xception_s2_longer": XCEPTION
    | {
        "settings": XCEPTION["settings"] | {"epochs": 60},
        "starts_from": ("cats_dogs_xception_s2", XCEPTION["settings"]),
    },
    # What it is worth to ask about four views of a picture.
    "cats_dogs_scratch_one_view": ours(seeds=(1, 2, 3))
    | {"predict": ONE_VIEW, "starts_from": ("cats_dogs_scratch", ours()["settings"])},
    # What augmentation is worth, and how much more pictures help; cats_dogs_scratch_one_view is the upper right end.
    # All are asked about the picture as it is: the plain ones have never seen another view.
    **{f"cats_dogs_{count}": ours(train=count) | {"predict": ONE_VIEW} for count in FEWER},
    **{f"cats_dogs_{count}_plain": ours(train=count, **PLAIN) | {"predict": ONE_VIEW} for count in (*FEWER, 3_200)},
}
KEEP_WEIGHTS = {"cats_dogs_scratch", "cats_dogs_augmented"}  # for the lessons that look into a trained network


if __name__ == "__main__":
    parts.main("benchmarks.cats_dogs", RECIPES, __doc__, KEEP_WEIGHTS)

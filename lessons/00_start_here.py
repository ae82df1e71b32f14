# %% [markdown]
# # 00 · Start here
#
# **You let a trained network read handwriting, see where it is unsure, and get the map and the words for everything
# that follows.**
#
# By the end you can
#
# - **read** what a network answers, and where it doubts
# - **name** the kind of a task before you choose a network
# - **say** the shape of a batch of pictures
# - **order** the four phases that a network goes through
# - **check** your machine, and report what is wrong with it
#
# **Time:** about 34 minutes (estimate: reading, exercises, computing) · **You need:** a little Python. Everything
# else starts here.

# %% [markdown]
# ## Ten digits
#
# Run the cells from top to bottom with Shift + Enter. The one above does something on Colab only; the next one starts
# TensorFlow, which takes some seconds.

# %%
from helpers import quiet

quiet.start_tensorflow()

import keras
import numpy as np
import pandas as pd

from helpers import datasets, doctor, models, runs
from helpers.exercises.lesson_00 import q1, q2, q3, q4
from helpers.plots import draw_picture, new_figure, outline, show, show_pictures

# %%
digits = datasets.mnist()
images, labels = digits.validation
model = runs.load_weights(models.mnist_ours(), "mnist_s4_ours")

# %% [markdown]
# The printed line says what you got: handwritten digits, in three sets. The network was trained on the first. You
# take the second, pictures that it never learned from.
#
# You hand it all 1,000 of them at once. What shape will its answer have?

# %% tags=["nbval-check-output"]
probabilities = model.predict(images[..., np.newaxis], verbose=0)
probabilities.shape

# %% [markdown]
# One row per picture, one column per digit from 0 to 9. Each row holds ten **probabilities** that add up to one. The
# column with the largest is the network's guess, `argmax`; how large it is says how sure the network is.

# %%
guesses = probabilities.argmax(axis=1)
confidence = probabilities.max(axis=1)


def show_answers(chosen, alt):
    titles = [f"{guesses[i]} · {confidence[i]:.0%}" for i in chosen]
    show_pictures(
        images[chosen], titles=titles, alt=f"{alt} Guess and probability: {', '.join(titles)}."
    )


show_answers(range(10), alt="The first ten handwritten digits.")

# %% [markdown]
# Do you agree? Nobody wrote rules for the shape of a 2. The network found them in 1,000 labelled pictures. You will
# build and train this very network in [lesson 05](05_cnn_mnist.ipynb).
#
# ### Where is it unsure?
#
# Sort all 1,000 by confidence. What do you expect of the ten at the bottom?

# %%
least_sure = confidence.argsort()[:10]
show_answers(least_sure, alt="The ten digits of 1,000 with the lowest confidence.")

# %% [markdown]
# It hesitates where a shape is odd. Does it err there, too? Guess how many of all its errors are among the 100 least
# sure.

# %%
order_of_doubt = confidence.argsort()
chosen = {f"{n:,} least sure": order_of_doubt[:n] for n in (10, 100)} | {"all": order_of_doubt}
pd.DataFrame(
    {
        "mean confidence": {name: f"{confidence[c].mean():.0%}" for name, c in chosen.items()},
        "right": {name: f"{np.mean(guesses[c] == labels[c]):.1%}" for name, c in chosen.items()},
        "errors": {name: np.sum(guesses[c] != labels[c]) for name, c in chosen.items()},
    }
)

# %% [markdown]
# Nearly all of them. So doubt is worth something: you can pass such pictures to a person. But do not take the number at
# its word: the network is right more often than it claims. It was trained never to be quite sure (label smoothing, in
# lesson 05). Whether one can trust such a number is a question for the lesson on evaluation.
#
# Here are all ten probabilities of the least sure one.

# %%
doubtful = least_sure[0]
figure, (left, bars) = new_figure(6.6, 2.4, ncols=2, width_ratios=[1, 2])
draw_picture(left, images[doubtful], title=f"label: {labels[doubtful]}")
bars.bar(range(10), probabilities[doubtful])
bars.set(xticks=range(10), xlabel="digit", ylabel="probability", ylim=(0, 1))
show(
    figure,
    alt=f"A digit labelled {labels[doubtful]} and ten low bars; the highest, at "
    f"{guesses[doubtful]}, reaches {confidence[doubtful]:.2f}.",
)

# %% [markdown]
# ## How a lesson works
#
# - **It asks before it tells.** Say your answer, then run the cell.
# - **Exercises** have a gap, `...`. Fill it in and run the cell: the check says whether you are right and, if not,
#   which idea is off. Stuck? Remove the `#` before `hint()`, run it again for the next hint, then try `solution()`.
#   Nothing below depends on an exercise.
# - **Profiles.** `quick` takes minutes on two cores. `COURSE_PROFILE=full make lab` trains as long as the original
#   tutorials do.
# - **Recorded runs.** What takes long was run once and written down. You see it beside your own run.
# - **Data.** One printed line says which pictures you got. Those that ship with the course need no network.
#
# ### Exercise 1 · Read an answer
#
# A warm-up. For some picture the network gives the ten probabilities below. Which digit does it name?

# %% tags=["nbval-check-output"]
answer_of_network = [0.02, 0.01, 0.03, 0.55, 0.01, 0.25, 0.02, 0.01, 0.08, 0.02]
round(sum(answer_of_network), 2)

# %% tags=["exercise"]
answer = 3  # solution

q1.check(answer)

# %%
# q1.hint()
# q1.solution()

# %% [markdown]
# ## The map
#
# ### What is asked of a picture?
#
# **Recognition** is the loose word for all of it: say what a picture shows. The precise words differ in the shape of
# the answer.
#
# | task | question | answer |
# |---|---|---|
# | classification | what is this a picture of? | one list of scores for the whole picture |
# | detection | which things are where? | a box and a class for each thing, as many as there are |
# | segmentation | what does each pixel belong to? | a class per pixel |
#
# Put two digits on one sheet and ask all three.

# %%
sheet = np.zeros((50, 64), dtype=np.uint8)
places = [(3, 4), (18, 33)]
two = [images[labels == 7][1], images[labels == 2][1]]
for picture, (row, column) in zip(two, places, strict=True):
    sheet[row : row + 28, column : column + 28] = picture

# %%
figure, (whole, boxes, pixels) = new_figure(8.4, 2.6, ncols=3)
draw_picture(whole, sheet, title='"a sheet of digits"')
draw_picture(boxes, sheet, title='"a 7 here, a 2 there"')
for picture, (row, column) in zip(two, places, strict=True):
    ink = np.argwhere(picture > 90)
    (top, left), (height, width) = ink.min(axis=0), np.ptp(ink, axis=0) + 1
    outline(boxes, row + top, column + left, height=height, width=width)
draw_picture(pixels, sheet > 90, title='"these pixels are ink"')
show(
    figure,
    alt="The same sheet with a 7 and a 2 three times: classified as a whole; a box "
    "around the ink of each digit; every pixel marked as ink or paper.",
)

# %% [markdown]
# Some tutorials call detection a kind of classification. It is not: a classifier's answer has a fixed size, and nobody
# knows beforehand how many boxes there will be. A detector has a classifier *inside*.
#
# ### How many answers may be true?
#
# | kind | true answers | example | last layer |
# |---|---|---|---|
# | binary | one of two | cat or dog | 1 sigmoid unit, or 2 with softmax |
# | multi-class | exactly one of many | which digit | one unit per class, softmax |
# | multi-label | any number, also none | what is in the fridge | one unit per class, sigmoid |
#
# **Softmax** shares out one whole. A **sigmoid** turns each score into a probability of its own. Take three raw scores,
# for cat, dog and horse. Which of the two could say "cat *and* dog"?

# %% tags=["nbval-check-output"]
scores = np.array([2.0, 1.0, -1.0])
softmax = np.exp(scores) / np.exp(scores).sum()
sigmoid = 1 / (1 + np.exp(-scores))
pd.DataFrame({"softmax": softmax, "sigmoid": sigmoid}, index=["cat", "dog", "horse"]).round(2)

# %% tags=["nbval-check-output"]
round(softmax.sum(), 2).item(), round(sigmoid.sum(), 2).item()

# %% [markdown]
# The sigmoids: cat and dog are both above one half, and nothing holds their sum to 1. With softmax, one class can
# gain only what others lose.
#
# ### Exercise 2 · Which kind of task?
#
# Write `"binary"`, `"multi-class"`, `"multi-label"`, or `"none"` where the task is no classification at all.
#
# - `ripe`: a photo of one tomato is green, turning, or ripe
# - `film`: which genres does this poster suggest? (thriller, comedy, romance …)
# - `spam`: is this scanned letter an advertisement or not?
# - `faces`: where are the faces in this crowd?

# %% tags=["exercise"]
ripe = "multi-class"  # solution
film = "multi-label"  # solution
spam = "binary"  # solution
faces = "none"  # solution

q2.check(ripe, film, spam, faces)

# %%
# q2.hint()
# q2.solution()

# %% [markdown]
# ### From pixels to an answer
#
# A picture goes through three stages: it is **preprocessed** (brought to the expected size and range), its **features** are
# extracted (numbers that say more than pixels do), and these are **classified**. Follow the shapes through our network:

# %% tags=["nbval-check-output"]
shapes = {type(layer).__name__: layer.output.shape for layer in model.layers}
stages = {"preprocess": "Rescaling", "features": "Flatten", "classify": "Dense"}
{stage: shapes[name] for stage, name in stages.items()}

# %% [markdown]
# `None` stands for *any number of pictures*. In between, 28 × 28 pixels have become 1,024 features, then 10
# probabilities. People used to design the features by hand and classify them with, say, a support vector machine. A
# convolutional network **learns** both together.
#
# A network takes pictures by the **batch**. Keras orders the axes like this: pictures, rows, columns, channels. A grey
# picture has one channel, a colour picture three. That is why we added an axis above:

# %% tags=["nbval-check-output"]
images.shape, images[..., np.newaxis].shape

# %% [markdown]
# ### Exercise 3 · The shape of a batch
#
# Your camera gives colour pictures 640 pixels wide and 480 high. What is the shape of a batch of 32? Answer with a
# tuple.

# %% tags=["exercise"]
shape = (32, 480, 640, 3)  # solution

q3.check(shape)

# %%
# q3.hint()
# q3.solution()

# %% [markdown]
# ## Four phases
#
# The later lessons that build and train a network in Keras all have these four numbered headings:
#
# | phase | what you do | which pictures |
# |---|---|---|
# | 1 Data | look, split, prepare | all are split, once |
# | 2 Model | stack layers, say shapes and parameters | none |
# | 3 Training | adjust the weights, choose between ideas | train, validation |
# | 4 Evaluation | open the sealed set and report | test |
#
# Why *three* sets? The network learns from **train**. You choose by **validation**, so in the end your choices fit it,
# too. Only a **test** set that decided nothing tells what new pictures will give. And no picture may be in two sets:

# %% tags=["nbval-check-output"]
sets = [digits.train, digits.validation, digits.test]
different = {picture.tobytes() for pictures, _ in sets for picture in pictures}
digits.counts(), len(different)

# %% [markdown]
# ### Exercise 4 · Put them in order
#
# Four of these five cards make a clean project. One belongs in none. Write the four letters in order, like `"ABCD"`.
#
# - **A** Measure once on the test pictures, and report.
# - **B** Split the pictures into train, validation and test.
# - **C** Try three networks on the test pictures and keep the best.
# - **D** Adjust the weights; watch the validation accuracy.
# - **E** Stack the layers.

# %% tags=["exercise"]
order = "BEDA"  # solution

q4.check(order)

# %%
# q4.hint()
# q4.solution()

# %% [markdown]
# ### Two ways to get better
#
# The **model-centric** way keeps the data and changes the network. The **data-centric** way keeps the network and
# changes the data: more pictures, correct labels, pictures like those met in use, variations of those at hand.
# Our network has had both: **batch normalisation**, which brings what a layer gives to a common level and spread, and
# varied pictures. Each was left out in turn. Which of the two will be missed more?

# %%
runs.compare("mnist_s4_ours", "mnist_s4_ours_no_batch_norm", "mnist_s4_ours_no_augmentation")

# %% [markdown]
# Trained on the same 1,000 digits, the full recipe reads {{mnist_s4_ours.test_accuracy}} of the test pictures
# correctly. Without batch normalisation it is {{mnist_s4_ours_no_batch_norm.test_accuracy}}, without varied pictures
# {{mnist_s4_ours_no_augmentation.test_accuracy}}. Here the data side counts more. That is no law, so in this course you
# measure. (Each recipe was trained several times, each time with another **seed**, the number from which all random
# draws start. The ± says how far chance may have moved the mean.)
#
# And exercise 4? These runs are over: we report them and choose nothing by them. To choose between two recipes you
# would compare their accuracy on the *validation* pictures.
#
# ## The tools
#
# | tool | what it does here |
# |---|---|
# | NumPy | arrays: pictures are arrays of numbers |
# | Keras | layers, networks, training |
# | TensorFlow | the engine below Keras: it does the arithmetic and works out the slopes |
# | pandas | tables: results side by side |
# | matplotlib | figures |
#
# You have used all five. Here is the proof, in the same order:

# %% tags=["nbval-check-output"]
table = pd.DataFrame(probabilities)
[
    f"{type(images).__name__} {images.shape}",
    f"{type(model).__name__} of {len(model.layers)} layers",
    f"{keras.config.backend()} computes it",
    f"{type(table).__name__} {table.shape}",
    f"{type(figure).__module__}",
]

# %% [markdown]
# ### What has changed since older tutorials
#
# Keras 3 is stricter than what many pages on the web were written for. If you copy code, look here first:
#
# | older code | what happens now | write instead |
# |---|---|---|
# | `tf.keras` or `keras`? | the same package since Keras 3 | `import keras` |
# | `np_utils.to_categorical` | ImportError | `keras.utils.to_categorical` |
# | `keras.constraints.maxnorm` | ImportError | `keras.constraints.MaxNorm` |
# | `Dense(8, input_shape=(4,))` | a warning | `keras.Input(shape=(4,))` first |
# | `Adam(lr=0.001)` | ValueError | `learning_rate=0.001` |
# | `Adadelta()` | hardly learns: its rate was 1.0, is 0.001 | state the rate |
# | `metrics=["acc"]`, `history["acc"]` | the key is what you wrote | `"accuracy"` in both |
# | `metrics=["accuracy", "val_accuracy"]` | ValueError in `fit` | `"accuracy"`; `val_` comes by itself |
# | `model.save("m.h5")` | legacy, with a warning | `model.save("m.keras")` |
# | `fit_generator`, `predict_classes` | gone | `fit`; `predict`, then `argmax` |
# | `ImageDataGenerator` | legacy, under `tf.keras` only | `image_dataset_from_directory`, layers that augment |
# | `from keras.layers.experimental …` | ImportError | `layers.Rescaling`, `layers.RandomFlip` |
#
# Half of these stop with an error, so you notice. The other half run, some of them with a warning. Worst is
# `Adadelta()`: old code runs, says nothing and hardly learns. Ask Keras itself:

# %% tags=["nbval-check-output"]
rate = keras.optimizers.Adadelta().get_config()["learning_rate"]
round(rate, 4), hasattr(keras.utils, "np_utils"), hasattr(keras.Sequential, "predict_classes")

# %% [markdown]
# ## Glossary
#
# The words of the course, each with the meaning that it has here; in brackets, other names for the same.
#
# | word | meaning |
# |---|---|
# | ablation | the same training again with one part left out or changed |
# | accuracy | the share of pictures that get the right class |
# | activation | what an activation function lets through |
# | activation function | the bend between two layers, such as ReLU |
# | Adam | an optimizer that gives each weight a step size of its own |
# | argmax | the place of the largest number |
# | AUC | how often an example of the class gets a higher score than one of another class |
# | audit | a look through all files: which are broken, odd or there twice |
# | augmentation | random changes to training pictures that keep the label true |
# | backpropagation | works out all slopes, from the loss back, layer by layer |
# | balanced | every class has about as many examples |
# | baseline | the simple answer that a network must beat |
# | batch | the examples that are worked on together, in one step |
# | batch normalisation | brings each feature map of a batch to a common mean and spread |
# | bias | a learned number that is added to a weighted sum |
# | big-endian (endianness) | the order of bytes in a number: the one that counts most comes first |
# | callback | what Keras calls during training, such as after each epoch |
# | channel | one sheet of numbers of a picture (red, green, blue) or of a stack of maps |
# | checkpoint | a file with the network as it was after an epoch |
# | class | one of the possible answers |
# | colour map | says in which colour a number is drawn |
# | convolution | a kernel slides over a picture and sums up products at every stop |
# | convolutional layer | several filters side by side, and what they have to learn |
# | correlation | how alike two pictures are, whatever their brightness and contrast |
# | covariance | how far two numbers go together: the mean of their product around 0 |
# | crop | cut away the margins of a picture to give it another shape |
# | cross-entropy | the loss −ln p, where p is the probability of the true class |
# | cross-validation | several rounds; in each, another part of the data is left out to judge |
# | data card | a page on a data set: source, licence, counts, known faults |
# | data-centric | changes the data and keeps the network |
# | decision tree | asks one question after the other |
# | dense layer (dense) | every output is a weighted sum of all inputs |
# | dropout | sets random activations to 0 in training, so that none is relied on alone |
# | dtype | how an array stores its numbers, such as uint8 or float32 |
# | early stopping | ends training when validation no longer improves |
# | epoch | one pass over all training examples |
# | example | one picture with its label |
# | exponential moving average | a running mean in which older values count less and less |
# | F1 | one number from precision and recall: their harmonic mean |
# | feature | a number that says more than a pixel does |
# | feature map | what one filter gives, place by place |
# | filter | a stack of kernels, one per input channel, that writes one map |
# | flatten | writes all numbers of the maps into one row |
# | forest | many decision trees that vote |
# | functional style | layers are called like functions, so that a network may branch |
# | global average pooling | keeps one number per map: its average |
# | gradient | the slopes of the loss, one per weight |
# | header | the bytes in front of a file that say what follows |
# | IDX | the file format of MNIST: a header, then plain numbers |
# | interval (confidence interval, Wilson interval) | the true shares that fit well with what was counted |
# | jump | how many pixels apart two neighbours of a map lie |
# | kernel | the small matrix of weights that slides over a channel |
# | kernel size | how many rows and columns a kernel has |
# | label | the right answer of an example |
# | label smoothing | asks for a little less than certainty |
# | layer | one stage of a network |
# | leak | something about the pictures that judge gets into training |
# | learning rate | how far the weights move against the gradient |
# | logistic regression | one dense layer with softmax |
# | loss | one number for how wrong the network is; training makes it small |
# | median filter (median) | every pixel becomes the middle value of its window: single specks go |
# | metric | a number that says how good the answers are |
# | model-centric | changes the network and keeps the data |
# | momentum | a step keeps part of the one before |
# | multiply-add (multiply-adds) | one multiplication and the addition of its product; counting them measures the work |
# | near duplicate | a picture that is almost another one: saved again, scaled, cut |
# | nearest neighbour | the stored example that is most like this one |
# | Nesterov momentum | momentum that takes the slope where it is about to arrive |
# | NHWC | pictures, rows, columns, channels: Keras's order of axes |
# | one-hot | a row of zeros with a single 1, at the label's place |
# | optimizer | the rule that turns gradients into new weights |
# | overfitting | good on training examples, clearly worse on others |
# | padding | a border of zeros around the input |
# | parameters | all numbers that a network learns: weights and biases |
# | patience | how many epochs without improvement early stopping waits |
# | perceptual hash | a short code that is the same, or nearly, for pictures that look alike |
# | pooling | keeps one number, such as the largest, per window |
# | precision | of what was called so, the share that is so |
# | prefetch | prepares the next batch while this one is worked on |
# | preprocess | bring pictures to the size and range that a network expects |
# | probability | how likely something is, from 0 to 1 |
# | recall | of what is so, the share that was found |
# | receptive field | the pixels that one value of a map sees |
# | recognition | the loose word for saying what a picture shows |
# | recorded run | a long training, done once and written down |
# | ReLU (rectified linear unit) | sets negative numbers to 0 |
# | residual connection (residual) | a way around some layers; what goes in is added to what comes out |
# | score (logit) | a raw number per class, before softmax or sigmoid |
# | seed | the number that random draws start from: the same seed, the same draws |
# | separable convolution | first looks around in each channel by itself, then mixes the channels |
# | shuffle buffer (buffer) | the examples from which the next one is drawn at random |
# | sigmoid | turns one score into a probability of its own |
# | slope (derivative) | how much the loss changes for a small change of one number |
# | softmax | turns scores into probabilities that add up to 1 |
# | sparse matrix | stores only the numbers that are not 0, each with its place |
# | squash | stretch a picture in one direction to give it another shape |
# | standardise | subtract the mean, divide by the spread |
# | step | one change of all weights, after one batch |
# | sticker | a drawing on a made-up background, in place of a photograph |
# | stratified (stratify) | each set has the same share of every class |
# | stride | how far the window moves at a time |
# | support vector machine | compares with stored examples, of which the nearer ones count more |
# | test set (test) | the pictures that stay sealed and are used once, to report |
# | test-time augmentation | asks for several views of a picture and averages the scores |
# | training set (train) | the pictures that weights are learned from |
# | transfer learning | starts from a network trained on other pictures |
# | translation equivariance | what moves in the picture moves along in the map |
# | trial | one training in a search for good settings |
# | underfitting | still poor on the training examples themselves |
# | unit | one output of a dense layer |
# | validation set (validation) | the pictures by which you choose |
# | view | another way to walk through an array's memory, without a copy |
# | weight | a learned number that an input is multiplied by |
# | weight decay (L2) | pulls all weights a little towards zero |
# | weight sharing | the same weights at every place of the picture |
# | whitening | turns numbers that go together into uncorrelated ones of equal spread |
# | window | the part of a picture that a kernel or a pooling looks at |
# | Xception | a network of separable convolutions and residual connections |

# %% [markdown]
# ## Is this machine ready?
#
# The **doctor** looks at what goes wrong most often. Each line says `OK`, or `LOOK AT THIS` and what to do. If you
# ask somebody for help, paste the lower block; it names no folder and no person.

# %%
doctor.report()

# %% [markdown]
# If not even the import at the top works, the notebook may run in another Python than the course's. Make a new cell,
# write `import sys; sys.executable` into it, and run it: the answer should end in `.venv/bin/python` (on Windows in
# `.venv\Scripts\python.exe`) inside the course's folder. A terminal's own `python` may be a third one. There, in the
# course's folder, type `.venv/bin/python -m helpers.doctor`.

# %% [markdown]
# ## What you can do now
#
# - You can **read** an answer: the largest probability, and how much is left for the others.
# - You can **name** a task: binary, multi-class, multi-label, or no classification at all.
# - You can **say** the shape of a batch: pictures, rows, columns, channels.
# - You can **order** the four phases: data, model, training, evaluation.
# - You can **check** your machine with `doctor.report()`, and paste what it says.
#
# ### Three questions to recall
#
# <details><summary>A network gives a photo of a cat and a dog 0.52 for cat and 0.48 for dog, by softmax. Is it
# unsure?</summary>
#
# You cannot tell. Softmax shares out one whole, so two things that are both there must split it. For "both" you
# need a sigmoid for each class.
# </details>
#
# <details><summary>You tried ten networks on the validation set and report the best one's validation accuracy. What
# is wrong with that?</summary>
#
# The best of ten is partly luck, and it was chosen by those very pictures. Report what it does on test pictures that
# decided nothing.
# </details>
#
# <details><summary>Why is finding every face in a crowd no classification?</summary>
#
# The size of the answer is not known beforehand: a box for each face, as many as there are.
# </details>
#
# **Next:** [convolution](01_convolution.ipynb), the one operation behind the network that you have just used.

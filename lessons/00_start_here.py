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
# - **order** the four phases that every later lesson goes through
# - **check** your machine, and report what is wrong with it
#
# **Time:** about 27 minutes (estimate: reading, exercises, computing) · **You need:** a little Python. Everything
# else starts here.

# %% [markdown]
# ## Ten digits
#
# Run the cells from top to bottom with Shift + Enter. The first one starts TensorFlow; that takes some seconds.

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

# %%
right = guesses == labels
f"right: {right.mean():.1%} of all, {right[least_sure].mean():.0%} of the ten least sure"

# %% [markdown]
# It hesitates where a shape is odd, and there it errs more often. Doubt is worth something: you can pass such pictures
# to a person. Here are all ten probabilities of the least sure one.

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
for row, column in places:
    outline(boxes, row, column, height=28, width=28)
draw_picture(pixels, sheet > 90, title='"these pixels are ink"')
show(
    figure,
    alt="The same sheet with a 7 and a 2 three times: classified as a whole; each digit in a "
    "box; every pixel marked as ink or paper.",
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
# A picture takes three steps: it is **preprocessed** (brought to the expected size and range), its **features** are
# extracted (numbers that say more than pixels do), and these are **classified**. Follow the shapes through our network:

# %% tags=["nbval-check-output"]
shapes = {type(layer).__name__: layer.output.shape for layer in model.layers}
steps = {"preprocess": "Rescaling", "features": "Flatten", "classify": "Dense"}
{step: shapes[name] for step, name in steps.items()}

# %% [markdown]
# `None` stands for *any number of pictures*. In between, 28 × 28 pixels have become 1,024 features, then 10
# probabilities. People used to design the features by hand and classify them with, say, a support vector machine. A
# convolutional network **learns** both steps together.
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
# Every later lesson that trains a network has the same four numbered headings:
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
# Our network has had both: batch normalisation, and varied pictures. Which would you give up first?

# %%
runs.compare("mnist_s4_ours", "mnist_s4_ours_no_batch_norm", "mnist_s4_ours_no_augmentation")

# %% [markdown]
# On the same 1,000 digits the full recipe reaches {{mnist_s4_ours.test_accuracy}}. Without batch normalisation it is
# {{mnist_s4_ours_no_batch_norm.test_accuracy}}, without varied pictures
# {{mnist_s4_ours_no_augmentation.test_accuracy}}. Here the data side counts more. That is no law, so in this course you
# measure.
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
# Most of these stop with an error. `Adadelta()` does not: old code runs and hardly learns. Ask Keras itself:

# %% tags=["nbval-check-output"]
rate = keras.optimizers.Adadelta().get_config()["learning_rate"]
round(rate, 4), hasattr(keras.utils, "np_utils"), hasattr(keras.Sequential, "predict_classes")

# %% [markdown]
# ## Glossary
#
# In this course each word has one meaning only.
#
# | word | meaning |
# |---|---|
# | augmentation | random changes to training pictures that keep the label true |
# | batch | the examples that are worked on together, in one step |
# | channel | one layer of numbers in a picture (red, green, blue) or a stack of maps |
# | class | one of the possible answers |
# | dense layer | every output is a weighted sum of all inputs |
# | epoch | one pass over all training examples |
# | example | one picture with its label |
# | feature map | what one filter gives, place by place |
# | filter | a stack of kernels, one per input channel, that writes one map |
# | gradient | the slopes of the loss, one per weight |
# | kernel | the small matrix of weights that slides over a channel |
# | label | the right answer of an example |
# | layer | one step of a network |
# | learning rate | how far one step goes against the gradient |
# | logit | a raw score, before softmax or sigmoid |
# | loss | one number for how wrong the network is; training makes it small |
# | optimizer | the rule that turns gradients into new weights |
# | overfitting | good on training examples, clearly worse on others |
# | padding | a border of zeros around the input |
# | parameters | all numbers that a network learns: weights and biases |
# | pooling | keeps one number, such as the largest, per window |
# | sigmoid | turns one logit into a probability |
# | softmax | turns logits into probabilities that add up to 1 |
# | stride | how far the window moves at a time |
# | test | the sealed set, opened once |
# | train | the set that weights are learned from |
# | transfer learning | starting from a network trained on other pictures |
# | validation | the set by which you choose |

# %% [markdown]
# ## Is this machine ready?
#
# The **doctor** looks at what goes wrong most often. Each line says `OK`, or `LOOK AT THIS` and what to do. If you
# ask somebody for help, paste the lower block; it names no folder and no person.

# %%
doctor.report()

# %% [markdown]
# If not even the import at the top works, the notebook runs in the wrong Python: type `python -m helpers.doctor` in a
# terminal, in the course's folder.

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

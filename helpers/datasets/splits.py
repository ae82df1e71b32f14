"""Three disjoint splits, each with the classes in the same proportions, the same on every machine."""

import numpy as np

SEED = 2026  # of every split


def taking_turns(labels):
    """Indices of `labels` such that the classes take turns in their proportions, each in its own order.

    The k-th of n examples of a class stands k/n of the way down, so that stretches of any length are stratified.
    """
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(place, kind="stable")


def stratified_order(labels):
    """Indices of all `labels` in a random order, always the same one, whose every stretch is a stratified split."""
    shuffled = np.random.default_rng(SEED).permutation(len(labels))
    return shuffled[taking_turns(labels[shuffled])]


def carve(train, test, asked):
    """Cut the three splits: validation examples come from the training file, test examples from the test file alone.

    Parameters
    ----------
    train, test : pair of arrays
        What the files hold: (images, labels).
    asked : dict
        Examples for "train", "validation" and "test".

    Returns a dict of the three pairs. However many training examples are asked for, the validation examples stay the
    same, and fewer training examples are some of the more.
    """
    order = stratified_order(train[1])
    held_out = order[: asked["validation"]]
    learned = order[len(held_out) : len(held_out) + asked["train"]]
    tested = np.sort(stratified_order(test[1])[: asked["test"]])
    learned = np.random.default_rng(SEED).permutation(learned)  # neighbours in that order take turns by class
    chosen = {"train": (train, learned), "validation": (train, np.sort(held_out)), "test": (test, tested)}
    return {split: tuple(array[indices] for array in pair) for split, (pair, indices) in chosen.items()}


def slices(train, test, asked):
    """Cut the three splits from the bundled samples, whose every block of 100 is balanced: the first for training.

    Where more test examples are asked for than the test file holds, training examples that no other split uses fill up.
    """
    images, labels = (np.concatenate(pair) for pair in zip(train, test, strict=True))
    first_test = min(len(train[1]), len(labels) - asked["test"])
    starts = {"train": 0, "validation": asked["train"], "test": first_test}
    return {s: (images[start : start + asked[s]], labels[start : start + asked[s]]) for s, start in starts.items()}

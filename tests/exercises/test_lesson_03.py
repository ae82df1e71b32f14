"""Lesson 03: every exercise takes right answers however written, and names what is off in a wrong one."""

import json
import struct

import nbformat
import numpy as np
import pytest
from answers import assert_right, assert_survives_garbage, assert_wrong, forgets_return
from sklearn.model_selection import StratifiedShuffleSplit, train_test_split
from sklearn.preprocessing import StandardScaler

from authoring.build import notebook_from
from authoring.execute import kernel_environment, run_notebook
from helpers.exercises import source
from helpers.exercises.lesson_03 import (
    DOUBT_SLIPS,
    HEADER_SLIPS,
    MEMORY_SLIPS,
    SCORE_SLIPS,
    STANDARD_SLIPS,
    _counts,
    q1,
    q2,
    q3,
    q4,
    q5,
    q6,
)


def solution(problem):
    """What the lesson's worked cell of `problem` defines."""
    space = {"np": np, "train_test_split": train_test_split}
    exec(source.find_solution("03", problem), space)
    return space


# --- What the prose says of the lesson's own figures

REPORT = """
import json
print(json.dumps({
    "detour": detour,
    "milliseconds": milliseconds.tolist(),
    "scaling": by_scaling.to_dict("list"),
    "filters": {
        name: [np.mean([try_filter(apply, share, draw) for draw in range(5)]) for share in (0, 0.2)]
        for name, apply in filters.items()
    },
    "light": [by_light[title] for title in lights],
    "blurred": [float(np.square(images[labels == d] - images[labels == d].mean(axis=0)).mean()
        / np.square(images[labels == d].astype(float)).mean()) for d in range(10)],
    "caught": caught.to_numpy().tolist(),
    "worth": worth.to_numpy().tolist(),
    "twins": [honest, leaky, cleaned, int((~keep[2_000:]).sum()), len(strangers)],
    "line at 0.979": [int((closest[2_000:] >= 0.979).sum()), int((closest[:2_000] >= 0.979).sum())],
    "shown": [float(closest.min()), float(edges[0]), float(np.abs(edges - 0.975).min())],
    "strangers": y_train[strangers].tolist(),
}))
"""


@pytest.fixture(scope="module")
def figures():
    """The lesson, run once, and what it measured."""
    (lesson,) = source.LESSONS.glob("03_*.py")
    notebook = notebook_from(lesson, solutions=True)
    notebook.cells.append(nbformat.v4.new_code_cell(REPORT))
    report = run_notebook(notebook, lesson.stem, env=kernel_environment("quick"))
    assert report.errors == [] and report.warnings == []
    return json.loads(notebook.cells[-1].outputs[0].text)


def test_the_detour_by_text_takes_a_hundred_times_as_long(figures):
    assert figures["detour"] >= 100
    writing, reading, from_file, _ = figures["milliseconds"]
    assert 0.8 < writing / (writing + reading) < 0.97
    assert reading > 10 * from_file


def test_the_mean_of_the_fives_is_most_blurred(figures):
    assert np.argmax(figures["blurred"]) == 5


def test_scaling_decides_whether_the_network_learns(figures):
    scores = figures["scaling"]
    assert all(score < 0.15 for score in scores["raw, 0 to 255"])
    assert all(score > 0.85 for name in ("divided by 255", "standardised") for score in scores[name])


def test_filters_help_with_noise_and_the_median_costs_without(figures):
    (clean, noisy), (median_clean, median_noisy), (blur_clean, blur_noisy) = figures["filters"].values()
    assert median_noisy > noisy + 0.03 and blur_noisy > noisy + 0.03
    assert median_clean < clean - 0.005 and blur_clean > clean + 0.01


def test_colour_helps_until_the_lamp_moves(figures):
    (colour, grey), (colour_moved, grey_moved) = figures["light"]
    assert len(colour) == 5
    gains = np.subtract(colour, grey)
    assert gains.mean() > 0.03 and np.count_nonzero(np.abs(gains) < 0.02) == 1 and np.sum(gains > 0.05) == 4
    assert max(colour_moved) < 0.5 < min(grey_moved) - 0.1
    assert abs(np.mean(grey) - np.mean(grey_moved)) < 0.08


def test_the_model_finds_nearly_all_planted_errors(figures):
    (precision, _), (_, recall) = figures["caught"]
    assert precision > 0.6 and recall > 0.85
    (wrong, wrong_score), (fixed, fixed_score), (_, true_score) = figures["worth"]
    assert fixed > wrong + 0.01
    assert fixed_score > wrong_score + 0.015 and abs(fixed_score - true_score) < 0.01


def test_twins_flatter_and_are_found(figures):
    honest, leaky, cleaned, found, strangers = figures["twins"]
    assert leaky > honest + 0.02
    assert abs(cleaned - honest) < 0.005
    assert found == 300 and strangers == 2
    twins_beyond, strangers_beyond = figures["line at 0.979"]
    assert 297 <= twins_beyond < 300 and strangers_beyond == 0
    assert set(figures["strangers"]) == {1}
    lowest, left, off_edge = figures["shown"]
    assert lowest > left and off_edge < 1e-9


# --- Exercise 1: the header


def test_sizes_right():
    assert_right(q1, solution("q1")["read_sizes"])
    assert_right(q1, lambda raw: struct.unpack_from(f">{raw[3]}I", raw, 4))
    assert_right(q1, lambda raw: np.frombuffer(raw, dtype=">u4", count=raw[3], offset=4))


def words_until_zero(raw):
    found, start = [], 4
    while start < len(raw) and (size := int.from_bytes(raw[start : start + 4], "big")):
        found.append(size)
        start += 4
    return found


@pytest.mark.parametrize("sentence", HEADER_SLIPS)
def test_each_slip_in_the_header_is_named(sentence):
    assert_wrong(q1, HEADER_SLIPS[sentence], sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda raw: [1, 2], "it holds 3 sizes"),
        (lambda raw: raw[4:16], "you return bytes"),
        (lambda raw: struct.unpack(">III", raw[4:16]), "How many there are stands in byte 3"),
        (lambda raw: [int.from_bytes(raw[i : i + 4], "big") for i in range(4, len(raw), 4)], "it holds 3 sizes"),
        (forgets_return, "Does the function end with `return`?"),
        (lambda raw: 4000, "You always read one axis"),
        (words_until_zero, "it holds 3 sizes"),
        (lambda raw: [np.frombuffer(raw, ">u4", raw[3], 4).tolist()], "you return the shape (1, 3)"),
        (lambda raw: np.frombuffer(raw, ">u4", raw[3], 4).reshape(-1, 1), "One plain list of numbers"),
        (lambda raw: [raw[i : i + 4] for i in range(4, 4 + 4 * raw[3], 4)], "a list of bytes"),
        (lambda raw: (int.from_bytes(raw[i : i + 4], "big") for i in range(4, 8, 4)), "Put `list(…)` around it"),
        (lambda raw: map(int, raw), "Put `list(…)` around it"),
        (lambda raw: [4000, 28, 28] if raw[3] == 3 else [1, 2], "it holds one size of four bytes, from byte 4 on"),
    ],
)
def test_sizes_wrong(answer, sentence):
    assert_wrong(q1, answer, sentence)


def test_a_single_number_for_a_single_axis_is_named():
    def sizes(raw):
        found = struct.unpack_from(f">{raw[3]}I", raw, 4)
        return found if len(found) > 1 else found[0]

    assert_wrong(q1, sizes, "Return a list, also for one axis")


def test_sizes_garbage(monkeypatch):
    assert_survives_garbage(q1, monkeypatch)


# --- Exercise 2: megabytes


def test_megabytes_right():
    assert_right(q2, solution("q2")["megabytes"])
    assert_right(q2, lambda shape, dtype: np.broadcast_to(np.zeros((), dtype), shape).nbytes / 10**6)

    def with_a_loop(shape, dtype):
        values = 1
        for size in shape:
            values *= size
        return values * np.zeros(1, dtype).nbytes / 1e6

    assert_right(q2, with_a_loop)
    assert_right(q2, lambda shape, dtype: np.float32(np.prod(shape) * np.dtype(dtype).itemsize) / np.float32(1e6))


@pytest.mark.parametrize("sentence", MEMORY_SLIPS)
def test_each_slip_in_megabytes_is_named(sentence):
    slip = MEMORY_SLIPS[sentence]
    assert_wrong(q2, lambda shape, dtype: slip(shape, np.dtype(dtype).itemsize), sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda shape, dtype: round(np.prod(shape) * np.dtype(dtype).itemsize / 1e6), "which is rounded"),
        (lambda shape, dtype: round(np.prod(shape) * np.dtype(dtype).itemsize / 1e6, 2), "the exact 38.535168."),
        (lambda shape, dtype: np.zeros(shape, dtype).nbytes / 1e6, "Count its bytes instead"),
        (lambda shape, dtype: np.empty(shape).nbytes / 8e6 * np.dtype(dtype).itemsize, "Count its bytes instead"),
        (lambda shape, dtype: f"{np.prod(shape) * np.dtype(dtype).itemsize / 1e6} MB", "without quotes"),
        (lambda shape, dtype: 7, "Multiply all sizes"),
        (forgets_return, "Does the function end with `return`?"),
        (lambda shape: 1, "Keep the first line"),
    ],
)
def test_megabytes_wrong(answer, sentence):
    assert_wrong(q2, answer, sentence)


def test_megabytes_garbage(monkeypatch):
    assert_survives_garbage(q2, monkeypatch)


# --- Exercise 3: three sets


def by_hand(labels, seed):
    """Class by class, with NumPy alone; each set sorted."""
    random = np.random.default_rng(seed)
    parts = ([], [], [])
    for name in np.unique(labels):
        places = random.permutation(np.flatnonzero(labels == name))
        first, second = round(0.6 * len(places)), round(0.8 * len(places))
        for part, piece in zip(parts, np.split(places, [first, second]), strict=True):
            part.extend(piece.tolist())
    return [sorted(part) for part in parts]


def by_class_of_splitters(labels, seed):
    positions = np.arange(len(labels))
    cut = StratifiedShuffleSplit(1, train_size=0.6, random_state=seed)
    train, rest = next(cut.split(positions, labels))
    cut = StratifiedShuffleSplit(1, test_size=0.5, random_state=seed)
    validation, test = next(cut.split(rest, labels[rest]))
    return train, rest[validation], rest[test]


def cut_twice(first=0.2, second=0.25, stratify=(True, True), order=(0, 1, 2), seeded=True, what=np.arange):
    def three_sets(labels, seed):
        seed = seed if seeded else 0
        rest, test = train_test_split(
            np.arange(len(labels)), test_size=first, stratify=labels if stratify[0] else None, random_state=seed
        )
        train, validation = train_test_split(
            rest, test_size=second, stratify=labels[rest] if stratify[1] else None, random_state=seed
        )
        return tuple((train, validation, test)[place] for place in order)

    return three_sets


def positions_within_the_rest(labels, seed):
    rest, test = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=seed)
    train, validation = train_test_split(np.arange(len(rest)), test_size=0.25, stratify=labels[rest], random_state=seed)
    return train, validation, test


def validation_out_of_the_whole(labels, seed):
    train, rest = train_test_split(np.arange(len(labels)), test_size=0.4, stratify=labels, random_state=seed)
    _, validation = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=seed + 1)
    return train, validation, rest[:200]


def test_three_sets_right():
    assert_right(q3, solution("q3")["three_sets"])
    assert_right(q3, by_hand)
    assert_right(q3, by_class_of_splitters)


def as_masks(labels, seed):
    return [np.isin(np.arange(len(labels)), part) for part in by_hand(labels, seed)]


def as_labels(labels, seed):
    return [labels[part] for part in by_hand(labels, seed)]


def first_cut_seeded_with(number):
    def three_sets(labels, seed):
        rest, test = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=number)
        train, validation = train_test_split(rest, test_size=0.25, stratify=labels[rest], random_state=seed)
        return train, validation, test

    return three_sets


def hard_coded(labels, seed):
    rest, test = train_test_split(np.arange(1000), test_size=0.2, stratify=labels, random_state=seed)
    return (*train_test_split(rest, test_size=0.25, stratify=labels[rest], random_state=seed), test)


def counted(labels, seed):
    rest, test = train_test_split(np.arange(len(labels)), test_size=200, stratify=labels, random_state=seed)
    return (*train_test_split(rest, test_size=200, stratify=labels[rest], random_state=seed), test)


def ignores_seed(labels, seed):
    return cut_twice()(labels, np.random.default_rng().integers(10**6))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (cut_twice(second=0.2), "which is 16 %"),
        (lambda labels, seed: train_test_split(np.arange(1000), test_size=0.2, stratify=labels), "You return two sets"),
        (cut_twice(stratify=(False, False)), "Use `stratify` in both cuts"),
        (cut_twice(stratify=(True, False)), "Use `stratify` in both cuts"),
        (cut_twice(seeded=False), "you return the same three sets"),
        (ignores_seed, "two different splits"),
        (cut_twice(order=(2, 1, 0)), "training first"),
        (positions_within_the_rest, "by **its** positions"),
        (validation_out_of_the_whole, "The second cut must divide what the first one left over"),
        (as_labels, "these are labels"),
        (as_masks, "`np.flatnonzero` makes positions"),
        (lambda labels, seed: np.split(np.arange(1000), [600, 800]), "Use `stratify` in both cuts"),
        (lambda labels, seed: np.arange(1000), "a single set"),
        (lambda labels, seed: [part[:-1] for part in by_hand(labels, seed)], "are in none of your sets"),
        (lambda labels, seed: [[*part[:-1], part[0]] for part in by_hand(labels, seed)], "occur twice"),
        (lambda labels, seed: (*cut_twice()(labels, seed)[:2], np.arange(1000, 1200)), "here from 0 to 999"),
        (lambda labels, seed: (np.arange(800), np.arange(800, 1000), np.arange(800, 1000)), "already fill the whole"),
        (first_cut_seeded_with(0), "your test set is the same"),
        (hard_coded, "use `len(labels)` and shares"),
        (counted, "use `len(labels)` and shares"),
        (lambda labels, seed: (5, 6), "Return three arrays of positions"),
        (lambda labels, seed: 7, "Return three arrays of positions"),
        (lambda labels, seed: (1, [2]), "You return 2 things"),
        (lambda labels, seed: [iter(part) for part in by_hand(labels, seed)], "Put `list(…)` around it"),
        (forgets_return, "Does the function end with `return`?"),
    ],
)
def test_three_sets_wrong(answer, sentence):
    assert_wrong(q3, answer, sentence)


def test_three_sets_garbage(monkeypatch):
    assert_survives_garbage(q3, monkeypatch)


# --- Exercise 4: standardise


def by_scaler(train, other):
    scaler = StandardScaler().fit(train.reshape(-1, 1).astype(float))
    return tuple(scaler.transform(part.reshape(-1, 1)).reshape(part.shape) for part in (train, other))


def test_standardise_right():
    assert_right(q4, solution("q4")["standardise"])
    assert_right(q4, by_scaler)
    assert_right(
        q4, lambda train, other: [((p - train.mean()) / train.std(ddof=1)).astype("float32") for p in (train, other)]
    )


@pytest.mark.parametrize("sentence", STANDARD_SLIPS)
def test_each_slip_in_standardising_is_named(sentence):
    assert_wrong(q4, STANDARD_SLIPS[sentence], sentence)


def in_reverse(train, other):
    one, two = by_scaler(train, other)
    return two, one


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (in_reverse, "reverse order"),
        (lambda a, b: ((a - a.mean()) / a.std(), (b - b.mean()) / a.std()), "`train` is right. `other` must get"),
        (lambda a, b: ((a - a.mean()) / a.std(), (b - a.mean()) / b.std()), "`train` is right. `other` must get"),
        (
            lambda a, b: ((a - a.mean()) / a.std(), (b - b.mean()) / b.std()),
            "the mean 0 and the spread 1, `other` the mean 0",
        ),
        (lambda train, other: by_scaler(train, other)[0], "Return two arrays"),
        (lambda train, other: [p.astype(int) for p in by_scaler(train, other)], "holds no fractions"),
        (lambda train, other: [p.ravel() for p in by_scaler(train, other)], "it should be (6, 4, 5)"),
        (lambda train, other: [np.sqrt(p / 255) for p in (train, other)], "0 and 1 are wanted"),
        (forgets_return, "Does the function end with `return`?"),
    ],
)
def test_standardise_wrong(answer, sentence):
    assert_wrong(q4, answer, sentence)


def test_standardise_garbage(monkeypatch):
    assert_survives_garbage(q4, monkeypatch)


# --- Exercise 5: the honest denominator


def with_a_loop(answers, labels):
    right = read = 0
    for place, answer in enumerate(answers):
        if answer is None:
            continue
        read += 1
        right += answer == labels[place]
    return right / len(labels), read / len(labels)


def test_honest_score_right():
    assert_right(q5, solution("q5")["honest_score"])
    assert_right(q5, with_a_loop)
    assert_right(
        q5,
        lambda answers, labels: np.array(
            [
                np.mean([a == b for a, b in zip(answers, labels, strict=True)]),
                1 - answers.count(None) / len(answers),
            ]
        ),
    )


@pytest.mark.parametrize("sentence", SCORE_SLIPS)
def test_each_slip_in_the_score_is_named(sentence):
    slip = SCORE_SLIPS[sentence]
    assert_wrong(q5, lambda answers, labels: slip(*_counts(answers, labels)), sentence)


def takes_zero_for_none(answers, labels):
    read = [bool(answer) for answer in answers]
    right = [answer == label for answer, label, is_read in zip(answers, labels, read, strict=True) if is_read]
    return sum(right) / len(labels), sum(read) / len(labels)


def drops_first(answers, labels, strict=False):
    left = [answer for answer in answers if answer is not None]
    right = sum(answer == label for answer, label in zip(left, labels, strict=strict))
    return right / len(labels), len(left) / len(labels)


def shrinks(answers, labels):
    read = [(answer, label) for answer, label in zip(answers, labels, strict=True) if answer is not None]
    return sum(answer == label for answer, label in read) / len(read), len(read) / len(labels)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (takes_zero_for_none, "You take class 0 for no answer"),
        (shrinks, "divide by all of them"),
        (lambda answers, labels: shrinks(answers, labels) if any(answers) else 1 / 0, "divide by all of them"),
        (lambda a, b: (with_a_loop(a, b)[0], 1.0), "You count `None` as read"),
        (lambda a, b: with_a_loop(a, b)[0], "Return two numbers"),
        (lambda a, b: (*with_a_loop(a, b), 1), "you return 3 things"),
        (lambda a, b: (0.123, 0.456), "files got the right answer"),
        (lambda a, b: with_a_loop(a, b) if any(a) else (1 / 0, 0), "here none was"),
        (lambda a, b: (with_a_loop(a, b)[0], takes_zero_for_none(a, b)[1]), "In the share you take class 0"),
        (lambda a, b: (takes_zero_for_none(a, b)[0], with_a_loop(a, b)[1]), "In the accuracy you take class 0"),
        (drops_first, "answers meet the labels of other files"),
        (lambda a, b: drops_first(a, b, strict=True), "answers meet the labels of other files"),
        (lambda a, b: (0.5, [1, 2]), "your second number is `[1, 2]`"),
        (lambda a, b: [[1], [1, 2], 3], "you return 3 things"),
        (lambda a, b: (value for value in (0.5, 0.5)), "Put `list(…)` around it"),
        (forgets_return, "Does the function end with `return`?"),
    ],
)
def test_honest_score_wrong(answer, sentence):
    assert_wrong(q5, answer, sentence)


def test_honest_score_garbage(monkeypatch):
    assert_survives_garbage(q5, monkeypatch)


# --- Exercise 6: most doubtful first


def own(probabilities, labels):
    return np.array([row[label] for row, label in zip(probabilities, labels, strict=True)])


def test_most_doubtful_right():
    assert_right(q6, solution("q6")["most_doubtful"])
    assert_right(q6, lambda p, labels, count: sorted(range(len(labels)), key=lambda i: p[i, labels[i]])[:count])
    assert_right(q6, lambda p, labels, count: np.argsort(-np.log(own(p, labels)))[::-1][:count])


@pytest.mark.parametrize("sentence", DOUBT_SLIPS)
def test_each_slip_in_ranking_is_named(sentence):
    assert_wrong(q6, DOUBT_SLIPS[sentence], sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda p, labels, count: np.sort(own(p, labels))[:count], "`argsort` instead of `sort`"),
        (lambda p, labels, count: own(p, labels).argsort(), "cut it off after `count`"),
        (lambda p, labels, count: labels[own(p, labels).argsort()[:count]], "Those are the labels"),
        (lambda p, labels, count: p[:, labels].argsort()[:count], "You sort each row"),
        (lambda p, labels, count: p.argsort(axis=None)[:count] + 100, "The label least believed"),
        (lambda p, labels, count: np.flatnonzero(p.argmax(axis=1) != labels)[:2], "you return 2 numbers"),
        (lambda p, labels, count: own(p, labels).argsort()[:count, None], "Wanted is one row of positions"),
        (lambda p, labels, count: own(p, labels).argsort()[None, :count], "Wanted is one row of positions"),
        (lambda p, labels, count: np.arange(count)[::-1], "asked for 5, you return [4, 3, 2, 1, 0]."),
        (lambda p, labels, count: iter(own(p, labels).argsort()[:count]), "Put `list(…)` around it"),
        (lambda p, labels, count: p.min(axis=1)[:count], "Positions are whole numbers"),
        (lambda p, labels, count: own(p, labels) < 0.2, "a mask of `True` and `False`"),
        (lambda p, labels, count: p[labels, np.arange(len(labels))].argsort()[:count], "Pair each row number"),
        (forgets_return, "Does the function end with `return`?"),
    ],
)
def test_most_doubtful_wrong(answer, sentence):
    assert_wrong(q6, answer, sentence)


def test_a_single_position_as_a_number_is_named():
    def most_doubtful(probabilities, labels, count):
        found = own(probabilities, labels).argsort()[:count]
        return found if count > 1 else found[0]

    assert_wrong(q6, most_doubtful, "Return an array, also of one position")


def test_most_doubtful_garbage(monkeypatch):
    assert_survives_garbage(q6, monkeypatch)

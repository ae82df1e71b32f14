"""Lesson 13: every exercise takes right answers however written; the lesson's recipe is the recorded one."""

import re

import numpy as np
import pytest
from answers import assert_right, assert_survives_garbage, assert_wrong, forgets_return
from scipy.stats import binomtest

from helpers import quiet, race, runs
from helpers.exercises import source
from helpers.exercises.lesson_13 import (
    RATE_SLIPS,
    SMOOTH_SLIPS,
    STEP_SLIPS,
    TIMING_SLIPS,
    TIMINGS,
    WORK_SLIPS,
    q1,
    q2,
    q3,
    q4,
    q5,
)

quiet.start_tensorflow()

import keras  # noqa: E402

from benchmarks import cifar10  # noqa: E402
from benchmarks.entries import course  # noqa: E402
from helpers import models  # noqa: E402

LESSON = source.LESSONS / "13_speed_run.py"


def solution(problem):
    """What the lesson's worked cell of `problem` defines."""
    space = {"np": np}
    exec(source.find_solution("13", problem), space)
    return space


# --- The recipe: the entry's functions are the lesson's (tests/test_leaderboard.py), and do what the recorded run did


def test_the_lesson_builds_the_network_that_was_recorded():
    built = models.cifar10_speed()
    assert models.layer_table(course.build_fast()) == models.layer_table(built)
    assert [layer.trainable for layer in course.build_fast().layers] == [layer.trainable for layer in built.layers]
    assert course.build_fast().count_params() == 295_520
    assert cifar10.RECIPES["cifar10_fast"]["build"]().count_params() == 295_520


def pictures(count=40):
    random = np.random.default_rng(3)
    smooth = random.integers(0, 256, size=(count, 8, 8, 3)).repeat(4, axis=1).repeat(4, axis=2)
    return smooth.astype(np.uint8), random.integers(10, size=count).astype(np.uint8)


def test_the_filters_are_those_of_the_recorded_run():
    """Theirs were the eigenvectors of patches of 2 by 2 pixels, divided by the root of their value and 0.0005."""
    images = pictures()[0][:, :1, :1].repeat(32, axis=1).repeat(32, axis=2)  # even: most values are 0, the rest counts
    patches = np.stack([images[:, y : y + 31, x : x + 31] for y in (0, 1) for x in (0, 1)], axis=3)
    patches = (patches.astype(np.float32) / 63 - 2).reshape(-1, 12)
    values = np.linalg.eigvalsh(patches.T @ patches / len(patches))
    lengths = np.square(cifar10.whitening_filters(images)[..., :12]).sum(axis=(0, 1, 2))
    assert np.allclose(lengths * (values + 5e-4), 1, rtol=1e-3)


def test_the_filters_make_answers_uncorrelated():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, size=(50, 32, 32, 3)).astype(np.uint8)
    images[:, 1:] = images[:, 1:] // 2 + images[:, :-1] // 2  # neighbours alike, colours alike
    images[..., 2] = images[..., 1] // 2 + images[..., 2] // 2
    patches, filters = course.patches_of(images), course.whitening_filters(images)
    before = patches.T @ patches / len(patches)
    answers = patches @ filters[..., :12].reshape(12, 12)
    after = answers.T @ answers / len(answers)
    assert np.abs(before - np.diag(np.diag(before))).max() > 0.3
    assert np.allclose(after, np.eye(12), atol=0.05)
    assert np.array_equal(filters[..., 12:], -filters[..., :12])


def test_the_rate_is_that_of_the_recorded_run():
    rates = [float(cifar10.Triangle(1.2, 485)(step)) for step in range(486)]
    bends = np.interp(range(486), [0, 97, 485], [0.24, 1.2, 0.0])  # from a fifth of the peak, up, down to nothing
    assert np.allclose(rates, bends, atol=1e-6)
    assert (round(rates[0], 4), round(rates[97], 4), rates[485]) == (0.24, 1.2, 0.0)
    assert round(rates[485 * 80 // 100], 4) == 0.3  # exercise 3


def recorded_batches(monkeypatch, images, labels, settings, seed):
    """The batches that the recorded training feeds, and the model that it compiled."""
    caught = {}

    def fit(model, batches, steps, epochs, part, validation):
        caught.update(model=model, batches=[batch for epoch in range(epochs) for batch in batches(epoch)])

    monkeypatch.setattr(cifar10.parts, "fit", fit)
    nothing = (images[:0], labels[:0])
    dataset = type("Dataset", (), {"train": (images, labels), "validation": nothing})
    cifar10.train_speed(models.cifar10_speed(), dataset, settings, seed, None)
    return caught


def test_the_feed_and_the_optimizer_are_those_of_the_recorded_run(monkeypatch):
    images, labels = pictures(40)
    settings = cifar10.RECIPES["cifar10_fast"]["settings"] | {"batch_size": 16, "epochs": 3}
    caught = recorded_batches(monkeypatch, images, labels, settings, seed=5)
    ours = list(course.batches(images, labels, seed=5, epochs=3, batch_size=16))
    assert len(ours) == len(caught["batches"]) == 6
    for (one, targets), (other, theirs) in zip(ours, caught["batches"], strict=True):
        assert one.dtype == np.uint8 and np.array_equal(one, other) and np.array_equal(targets, theirs)
    trained = course.train_fast(images, labels, seed=5, epochs=3, batch_size=16)
    mine, recorded = trained.optimizer, caught["model"].optimizer
    for name in ("momentum", "nesterov", "weight_decay", "use_ema"):
        assert getattr(mine, name) == getattr(recorded, name)
    assert type(mine) is type(recorded) and vars(mine._learning_rate) == vars(recorded._learning_rate)
    assert trained.loss.get_config() == caught["model"].loss.get_config()
    weights = [model.get_layer("whitening").get_weights()[0] for model in (trained, caught["model"])]
    assert np.array_equal(*weights)


def test_the_defaults_are_the_recorded_settings():
    settings = cifar10.RECIPES["cifar10_fast"]["settings"]
    names = ("epochs", "batch_size", "learning_rate")
    assert course.train_fast.__defaults__[:3] == tuple(settings[name] for name in names)
    assert course.batches.__defaults__ == course.all_windows.__defaults__ == (settings["shift"],)


def test_any_two_epochs_show_both_sides():
    images, labels = pictures(16)
    sides = []
    for epoch in (0, 1):
        feed = list(course.batches(images, labels, seed=2, epochs=2, batch_size=16, shift=0))[epoch][0]
        sides.append([any(np.array_equal(picture, seen) for seen in feed) for picture in images])
    assert sides[0] == [not side for side in sides[1]] and 0 < sum(sides[0]) < 16


def test_the_answer_is_that_of_the_recorded_run():
    images, _ = pictures(12)
    keras.utils.set_random_seed(1)
    model = course.build_fast()
    assert np.allclose(course.predict(model, images), cifar10.predict_speed(model, images), atol=1e-5)
    assert len(list(course.views(images))) == 6
    assert np.array_equal(next(iter(course.views(images))), images)


# --- What the prose says of the recorded runs


def test_every_marker_in_the_prose_can_be_quoted():
    markers = re.findall(r"\{\{\s*([\w.]+)\s*\}\}", LESSON.read_text(encoding="utf-8"))
    assert len(markers) >= 6
    assert all(runs.quote(marker) for marker in markers)


def test_what_the_prose_says_of_the_recorded_runs():
    tutorial, fast = runs.load("cifar10_s1"), runs.load("cifar10_fast")
    # "You reach the accuracy of lesson 06 in a fraction of its time, on the same machine"
    assert np.mean(fast["test_accuracy"]) >= np.mean(tutorial["test_accuracy"]) - 0.005
    assert np.median(tutorial["wall_seconds"]) >= 5 * np.median(fast["wall_seconds"])
    assert tutorial["hardware"] == fast["hardware"] and "2 CPU cores" in fast["hardware"]
    assert tutorial["dataset"] == fast["dataset"] and fast["dataset"]["train"] == 50_000
    assert (runs.quote("cifar10_s1.epochs"), runs.quote("cifar10_fast.epochs")) == ("25", "5")
    assert len(fast["seeds"]) >= 3
    last = np.mean([history["accuracy"][-1] for history in fast["history"]])
    assert last < np.mean(fast["test_accuracy"])  # "Training accuracy lies low in the fast run"
    interval = binomtest(round(10_000 * np.mean(fast["test_accuracy"])), 10_000).proportion_ci(method="wilson")
    assert round((interval.high - interval.low) / 2, 3) == 0.007  # "leaves another ± 0.7 or so"
    assert fast["configuration"]["learning_rate"] == 1.2  # exercise 3


def test_the_figure_of_the_race_says_where_the_runs_end():
    figure, alt = race.race("cifar10_s1", "cifar10_fast")
    lines = figure.axes[0].get_lines()
    assert len(lines) == 4 and "on the test pictures" in alt
    for run, line, dot in zip(map(runs.load, ("cifar10_s1", "cifar10_fast")), lines[::2], lines[1::2], strict=True):
        assert line.get_xdata()[-1] == pytest.approx(np.median(run["wall_seconds"]))
        assert dot.get_ydata()[-1] == pytest.approx(np.mean(run["test_accuracy"]))
        assert len(line.get_xdata()) == run["configuration"]["epochs"]


def test_the_race_can_be_drawn_again_by_a_command(tmp_path, capsys):
    race.main(["cifar10_s1", "cifar10_fast", "--out", str(tmp_path / "race.png")])
    assert (tmp_path / "race.png").read_bytes().startswith(b"\x89PNG")
    assert "cifar10_fast ends after" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        race.main(["no_such_run"])
    assert "There is no recorded run 'no_such_run'" in capsys.readouterr().err
    for out, words in ((tmp_path / "gone" / "race.png", "No such file or directory"), ("race.xyz", "not supported")):
        with pytest.raises(SystemExit):
            race.main(["cifar10_s1", "--out", str(out)])
        assert words in capsys.readouterr().err


def test_the_race_leaves_no_run_out():
    figure, _ = race.race(*["cifar10_s1"] * 7)
    assert len(figure.axes[0].get_lines()) == 14
    for names in ([], ["cifar10_s1"] * 8):
        with pytest.raises(ValueError, match=f"draws 1 to 7 recorded runs and was given {len(names)}"):
            race.race(*names)


# --- Exercise 1: multiply-adds


def right_work(height, width, kernel, channels, filters):
    return height * width * kernel**2 * channels * filters


def test_work_right():
    assert_right(q1, solution("q1")["multiply_adds"])
    assert_right(q1, right_work)
    assert_right(q1, lambda h, w, k, c, f: float(np.prod([h, w, k, k, c, f])))


@pytest.mark.parametrize("sentence", WORK_SLIPS)
def test_each_slip_in_the_work_is_named(sentence):
    assert_wrong(q1, WORK_SLIPS[sentence], sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda h, w, k, c, f: 7, "Take one filter at one place first"),
        (lambda h, w, k: h * w * k, "Keep the first line"),
        (forgets_return, "Does the function end with `return`?"),
    ],
)
def test_work_wrong(answer, sentence):
    assert_wrong(q1, answer, sentence)


def test_work_garbage(monkeypatch):
    assert_survives_garbage(q1, monkeypatch)


# --- Exercise 2: mirror some


def mirror_loop(batch, chosen):
    return [picture[:, ::-1] if marked else picture for picture, marked in zip(batch, chosen, strict=True)]


def mirror_copy(batch, chosen):
    batch = batch.copy()
    batch[chosen] = batch[chosen][:, :, ::-1]
    return batch


def mirror_in_place(batch, chosen):
    batch[chosen] = batch[chosen][:, :, ::-1]
    return batch


def picks(change):
    return lambda batch, chosen: np.where(np.reshape(chosen, (-1, 1, 1, 1)), change(batch), batch)


def test_mirror_right():
    assert_right(q2, solution("q2")["mirror"])
    assert_right(q2, mirror_loop)
    assert_right(q2, mirror_copy)
    assert_right(q2, picks(lambda batch: np.flip(batch, axis=2)))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (picks(lambda batch: batch[:, ::-1]), "stand on their heads"),
        (picks(lambda batch: batch[..., ::-1]), "colours are exchanged"),
        (picks(lambda batch: batch[:, ::-1, ::-1]), "turned by half a circle"),
        (picks(lambda batch: batch[::-1]), "the order of the batch"),
        (picks(lambda batch: batch.transpose(0, 2, 1, 3)), "they lie on their side"),
        (lambda batch, chosen: batch[:, :, ::-1], "All pictures are mirrored"),
        (lambda batch, chosen: batch, "No picture is mirrored"),
        (lambda batch, chosen: np.where(chosen[:, None, None, None], batch, batch[:, :, ::-1]), "the wrong half"),
        (lambda batch, chosen: batch[chosen][:, :, ::-1], "Those are the chosen pictures alone"),
        (lambda batch, chosen: batch[0], "Shape and order of the batch"),
        (lambda batch, chosen: batch // 2, "0 of 6 pictures are as wanted"),
        (lambda batch, chosen: np.where(chosen, batch[:, :, ::-1], batch), "stops with `ValueError"),
        (mirror_in_place, "the one handed in has changed too"),
        (forgets_return, "Does the function end with `return`?"),
        (lambda batch: batch, "Keep the first line"),
    ],
)
def test_mirror_wrong(answer, sentence):
    assert_wrong(q2, answer, sentence)


def test_mirror_garbage(monkeypatch):
    assert_survives_garbage(q2, monkeypatch)


# --- Exercise 3: steps and rate


def test_steps_right():
    space = solution("q3")
    assert_right(q3, space["steps"], space["rate"])
    assert_right(q3, 50_000 // 512 * 5, 1.2 / 4)
    assert_right(q3, np.int64(485), np.float32(0.3))
    schedule = course.Triangle(1.2, 485)
    assert_right(q3, 485.0, float(schedule(0.8 * 485)))


@pytest.mark.parametrize("steps", STEP_SLIPS)
def test_each_slip_in_steps_is_named(steps):
    assert_wrong(q3, (steps, 0.3), STEP_SLIPS[steps])


@pytest.mark.parametrize("rate", RATE_SLIPS)
def test_each_slip_in_the_rate_is_named(rate):
    assert_wrong(q3, (485, rate), RATE_SLIPS[rate])


@pytest.mark.parametrize(
    ("steps", "rate", "sentence"),
    [
        (97.65625, 0.3, "A step is whole"),
        (7, 0.3, "How many full batches of 512"),
        ("485", 0.3, "without quotes"),
        (485, "0.3", "without quotes"),
        (485, 0.1, "Draw the triangle"),
        (485, None, "`rate` is `None`"),
    ],
)
def test_steps_wrong(steps, rate, sentence):
    assert_wrong(q3, (steps, rate), sentence)


def test_steps_garbage(monkeypatch):
    assert_survives_garbage(q3, monkeypatch, several=2)


# --- Exercise 4: a smoothed label


def test_smooth_right():
    assert_right(q4, solution("q4")["smooth"])
    assert_right(q4, lambda label, n, s: np.eye(n)[label] * (1 - s) + s / n)
    assert_right(q4, lambda label, n, s: [s / n + (1 - s) * (k == label) for k in range(n)])


@pytest.mark.parametrize("sentence", SMOOTH_SLIPS)
def test_each_slip_in_smoothing_is_named(sentence):
    slip = SMOOTH_SLIPS[sentence]
    assert_wrong(q4, lambda label, n, s: slip(np.eye(n)[label], n, s), sentence)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda label, n, s: np.roll(np.eye(n)[label] * (1 - s) + s / n, 1), "belongs to column 3"),
        (lambda label, n, s: 1 - s + s / n, "one target per class"),
        (lambda label, n, s: np.eye(10)[label] * (1 - s) + s / 10, "it should be (4,)"),
        (lambda label, n, s: np.eye(n)[label] * 0.5 + 0.01, "`1 - smoothing` on top"),
        (forgets_return, "Does the function end with `return`?"),
    ],
)
def test_smooth_wrong(answer, sentence):
    assert_wrong(q4, answer, sentence)


def test_keras_smooths_in_the_same_way():
    answer = solution("q4")["smooth"]
    scores = np.random.default_rng(0).random((10, 10)).astype(np.float32)
    rows = np.array([answer(label, 10, 0.2) for label in range(10)], dtype=np.float32)
    smoothed = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)(np.eye(10), scores)
    plain = keras.losses.CategoricalCrossentropy(from_logits=True)(rows, scores)
    assert float(smoothed) == pytest.approx(float(plain), abs=1e-5)


def test_smooth_garbage(monkeypatch):
    assert_survives_garbage(q4, monkeypatch)


# --- Exercise 5: is it faster?


def test_faster_right():
    assert_right(q5, solution("q5")["really_faster"])
    assert_right(q5, lambda old, new: len(old) > 4 and all(np.array(new) < np.array(old)))
    assert_right(q5, lambda old, new: np.bool_(len(old) >= 5 and min(np.subtract(old, new)) > 0))
    assert_right(q5, lambda old, new: np.array(len(old) >= 5 and min(np.subtract(old, new)) > 0))


@pytest.mark.parametrize("sentence", TIMING_SLIPS)
def test_each_slip_in_judging_is_named(sentence):
    slip = TIMING_SLIPS[sentence]
    assert_wrong(q5, lambda old, new: bool(slip(old, new)), sentence)


def test_every_slip_differs_from_the_others_and_from_what_is_right():
    verdicts = [tuple(bool(slip(old, new)) for old, new, _ in TIMINGS.values()) for slip in TIMING_SLIPS.values()]
    right = tuple(expected for _, _, expected in TIMINGS.values())
    assert right not in verdicts and len(set(verdicts)) == len(verdicts)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda old, new: False, "Count the rounds"),
        (lambda old, new: True, "Count the rounds"),
        (lambda old, new: all(np.less(new, old)) and len(old) > 5, "once in 32 times; the limit is once in 20"),
        (lambda old, new: all(np.less(new, old)[:5]) and len(old) > 4, "six rounds, the last lost"),
        (lambda old, new: 1.0, "Answer with `True` or `False`"),
        (forgets_return, "in every case"),
        (lambda old: True, "Keep the first line"),
    ],
)
def test_faster_wrong(answer, sentence):
    assert_wrong(q5, answer, sentence)


def test_faster_garbage(monkeypatch):
    assert_survives_garbage(q5, monkeypatch)


def test_what_the_prose_says_of_the_long_recipe():
    long, tutorial = runs.load("cifar10_long"), runs.load("cifar10_s1")
    climbed = runs.curves("cifar10_long")["accuracy"].to_numpy()
    reached = runs.curves("cifar10_fast")["accuracy"].iloc[-1]
    assert long["wall_seconds"][0] < tutorial["wall_seconds"][0]
    assert 0.95 < long["cpu_seconds"][0] / tutorial["cpu_seconds"][0] < 1
    assert np.ptp(climbed[1:6]) < 0.03 and climbed[1:8].max() < reached - 0.005  # it stands still, and below
    assert np.all(np.diff(climbed[4:]) > 0) and climbed[-1] > long["test_accuracy"][0] + 0.05

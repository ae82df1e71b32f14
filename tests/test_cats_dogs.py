"""The recipes for cats and dogs: each kind is recorded whole; what an epoch sees depends on seed and epoch alone."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest

from helpers import datasets, places, quiet, runs
from helpers.datasets import standins

quiet.start_tensorflow()

import keras  # noqa: E402

from benchmarks import cats_dogs, cats_dogs_ratios, cats_dogs_search, parts  # noqa: E402
from helpers import models  # noqa: E402

SIDE = 40
SMALL = {models.cats_dogs_model: SIDE, models.cats_dogs_scratch: 32, models.xception_s2: SIDE}


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """64 composed pictures to train with, as paths."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standins, "MOST_FILES", {"train": 64, "validation": 12, "test": 12})
        patch.setenv("COURSE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COURSE_OFFLINE", "1")
        patch.delenv("COURSE_DATA_DIR", raising=False)
        yield datasets.cats_vs_dogs()


@pytest.fixture(scope="module")
def small(pets):
    return cats_dogs.decoded(pets, SIDE, "squash")


def tried(name, small, **changes):
    """The recipe `name` with small pictures, a network for them, and few steps."""
    recipe = cats_dogs.RECIPES[name]
    build = recipe["build"]
    function, given, named = (build.func, build.args, build.keywords) if isinstance(build, partial) else (build, (), {})
    named = named | {"image_size": SMALL[function]}
    if "filters" in named:
        named["filters"] = (8, 8, 12)
    settings = recipe["settings"] | {"epochs": 1, "batch_size": 16} | changes
    settings |= {"pictures_per_epoch": 64} if "pictures_per_epoch" in settings else {}
    return recipe | {
        "build": partial(function, *given, **named),
        "load": lambda: small,
        "settings": settings,
        "starts_from": None,
    }


@pytest.mark.parametrize(
    "name", ["cats_dogs_model_3", "cats_dogs_scratch_one_view", "cats_dogs_augmented", "cats_dogs_xception_s2"]
)
def test_a_recipe_runs_and_gives_a_complete_record(name, small, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "cache_folder", lambda: tmp_path)
    saved = []
    monkeypatch.setattr(runs, "save", saved.append)
    recipe = tried(name, small) | {"seeds": (1,)}
    assert parts.record(name, command="", **recipe)
    (run,) = saved
    assert runs.problems(run) == []
    assert len(run["per_class_accuracy"][0]) == 2
    assert np.mean(run["per_class_accuracy"][0]) == pytest.approx(run["test_accuracy"][0], abs=1e-3)  # as many of each
    assert set(run["history"][0]) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert run["dataset"] | {"train": 64, "validation": 12, "test": 12} == run["dataset"]
    assert json.loads(json.dumps(run)) == run | {"configuration": json.loads(json.dumps(run["configuration"]))}


@pytest.mark.parametrize("name", ["cats_dogs_model_3", "cats_dogs_scratch", "cats_dogs_xception_s2"])
def test_a_training_in_two_parts_ends_where_one_ends(name, small, tmp_path):
    recipe = tried(name, small, epochs=2)

    def train(path, minutes=None):
        keras.utils.set_random_seed(1)
        model = recipe["build"]()
        done = recipe["train"](model, small, recipe["settings"], 1, parts.Part(path, 1, minutes))
        return done, model

    done, at_once = train(tmp_path / "once.npz")
    assert done
    assert not train(tmp_path / "parts.npz", minutes=1e-9)[0]
    done, in_parts = train(tmp_path / "parts.npz", minutes=1e-9)
    assert done
    for one, other in zip(at_once.get_weights(), in_parts.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)


def fed(recipe, dataset, monkeypatch, seed=1):
    """The function `batches` of a recipe's training, and how many there are in an epoch; nothing is trained."""
    caught = []
    monkeypatch.setattr(parts, "fit", lambda model, batches, steps, *_: caught.append((batches, steps)))
    recipe["train"](recipe["build"](), dataset, recipe["settings"], seed, None)
    return caught[0]


@pytest.mark.parametrize("name", ["cats_dogs_model_3", "cats_dogs_scratch", "cats_dogs_xception_s2"])
def test_an_epoch_depends_on_the_seed_and_its_number_alone(name, small, monkeypatch):
    recipe = tried(name, small)
    batches, steps = fed(recipe, small, monkeypatch)
    epoch = [list(batches(number)) for number in (3, 4, 3)]
    assert len(epoch[0]) == steps == 4
    for (one, columns), (again, same) in zip(epoch[0], epoch[2], strict=True):
        assert np.array_equal(one, again) and np.array_equal(columns, same)
    assert not np.array_equal(epoch[0][0][0], epoch[1][0][0])
    other = next(iter(fed(recipe, small, monkeypatch, seed=2)[0](3)))
    assert not np.array_equal(epoch[0][0][0], other[0])


def test_every_picture_is_seen_equally_often_with_its_label(small, monkeypatch):
    few = tuple(array[:16] for array in small.train)
    dataset = cats_dogs.dataclasses.replace(small, train=few)
    batches, steps = fed(tried("cats_dogs_200_plain", small), dataset, monkeypatch)
    found = {picture.tobytes(): [] for picture in (cats_dogs.view(image, 32) for image in few[0])}
    assert len(found) == 16 and steps == 4
    for pictures, columns in batches(0):
        assert pictures.dtype == np.uint8 and columns.dtype == np.float32
        for picture, column in zip(pictures, columns, strict=True):
            found[picture.tobytes()].append(int(column.argmax()))  # whole and not mirrored: nothing else is fed
    assert list(found.values()) == [[label] * 4 for label in few[1]]


def test_a_view_is_the_window_that_it_says():
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[10:30, 20:40] = 200
    assert np.array_equal(cats_dogs.view(picture, 40), picture)
    assert np.array_equal(cats_dogs.view(picture, 40, mirrored=True), picture[:, ::-1])
    inside = cats_dogs.view(picture, 10, (0.25, 0.5, 0.5, 0.5))[1:-1, 1:-1]  # at its edge, neighbours count too
    assert (inside == 200).all()
    assert not cats_dogs.view(picture, 10, (0.25, 0.0, 0.5, 0.4)).any()


def test_the_pictures_come_in_the_size_that_the_network_takes(monkeypatch):
    for name, recipe in cats_dogs.RECIPES.items():
        kept, resize = recipe["load"].args[:2]
        assert resize == recipe["settings"]["resize"], name
        if recipe["train"] is cats_dogs.train_ours:
            assert kept == recipe["settings"]["kept_size"], name
            assert (recipe["load"].args[2:] or (3_200,)) == (recipe["settings"]["train"],), name
        elif name != "cats_dogs_model_2":  # drawing its weights takes seconds
            assert recipe["build"]().input_shape[1:3] == (kept, kept), name


def test_a_stand_in_is_not_recorded(pets, monkeypatch):
    monkeypatch.setattr(datasets, "cats_vs_dogs", lambda **_: pets)
    with pytest.raises(ValueError, match=r"need the real Cats vs Dogs[.] Set COURSE_DATA_DIR"):
        cats_dogs.photographs(32, "crop")


def test_the_ratios_are_written(pets, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "cats_vs_dogs", lambda: pets)
    monkeypatch.setattr(cats_dogs_ratios, "ONE_BY_ONE", 4)
    monkeypatch.setattr(models, "cats_dogs_model", partial(models.cats_dogs_model, image_size=64))
    cats_dogs_ratios.main(["--repeats", "2", "--pictures", "40"], tmp_path / "ratios.json")
    measured = json.loads((tmp_path / "ratios.json").read_text())
    assert measured["reading"]["pictures"] == 40 and measured["dataset"]["stand_in"]
    for way in ("from_files", "nearest_four"):
        assert 0 < measured["reading"][f"{way}_mean_difference"] <= cats_dogs_ratios.TOLERANCE
        assert measured["reading"][f"{way}_over_legacy"]["n"] == 2
    for one in measured["predicting"]:
        assert one["ratio"]["n"] == 2
        assert one["largest_difference"] < 0.05


def test_a_search_keeps_its_trials_and_goes_on_with_them(small, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "cache_folder", lambda: tmp_path / "cache")
    few = {"pictures_per_epoch": 32, "batch_size": 16}
    recipe = cats_dogs.RECIPES["cats_dogs_scratch"]
    monkeypatch.setitem(recipe, "settings", recipe["settings"] | few)
    build = partial(models.cats_dogs_scratch, image_size=32, filters=(8, 8, 12))
    trained = []
    train = cats_dogs.train_ours
    monkeypatch.setattr(cats_dogs, "train_ours", lambda *given: trained.append(given[2]) or train(*given))

    def searched(trials, result):
        arguments = ["--trials", str(trials), "--epochs", "1"]
        cats_dogs_search.main(arguments, load=lambda: small, build=build, result=result)
        return pd.read_csv(result)

    first = searched(1, tmp_path / "one.csv")
    assert set(first["trial"].astype(str)) == {"recipe", "0"} and len(trained) == 2
    both = searched(2, tmp_path / "two.csv")
    assert set(both["trial"].astype(str)) == {"recipe", "0", "1"} and both["validation_loss"].is_monotonic_increasing
    again = both.set_index(both["trial"].astype(str))
    for _, row in first.iterrows():  # what was trained is not trained again with another end
        assert again.loc[str(row["trial"]), "validation_loss"] == row["validation_loss"]
    own = again.loc["recipe"]
    assert own["learning_rate"] == recipe["settings"]["learning_rate"] and own["dropout"] == 0.3
    drawn = again.drop(index="recipe")
    assert drawn["learning_rate"].between(3e-4, 1e-2).all() and drawn["learning_rate"].nunique() == 2
    assert trained[-1]["window"] == pytest.approx(again.loc["1", "window"])

"""Trainings in parts: killed at any moment they lose an epoch at most, and end where an undisturbed one ends."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from helpers import places, quiet, runs

quiet.start_tensorflow()

import filelock  # noqa: E402
import keras  # noqa: E402

from benchmarks import cifar10, parts  # noqa: E402
from tests import killed_training  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


def epochs_done(folder):
    """How many epochs are saved in `folder`; the file must be readable at every moment."""
    path = folder / "training.npz"
    if not path.is_file():
        return 0
    with np.load(path, allow_pickle=False) as saved:
        return json.loads(str(saved["state"]))["epochs"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("name", ["s1", "fast", "long"])
def test_killed_three_times_it_ends_where_an_undisturbed_training_ends(name, tmp_path):
    (tmp_path / "undisturbed").mkdir()
    (tmp_path / "killed").mkdir()
    expected = killed_training.train(name, tmp_path / "undisturbed").get_weights()
    moments = random.Random(name)
    for _ in range(3):
        before = epochs_done(tmp_path / "killed")
        command = [sys.executable, "-m", "tests.killed_training", name, str(tmp_path / "killed")]
        training = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while epochs_done(tmp_path / "killed") == before and training.poll() is None:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.3))
        reached = epochs_done(tmp_path / "killed")
        training.send_signal(signal.SIGKILL)
        training.wait()
        assert training.returncode == -signal.SIGKILL, "the training ended before it was killed: make it longer"
        assert epochs_done(tmp_path / "killed") >= reached > before, "more than the epoch under way was lost"
    found = killed_training.train(name, tmp_path / "killed").get_weights()
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)


def test_recipes_in_turn_give_complete_records(tmp_path, monkeypatch):
    """Parts of no length: one epoch each. The seconds are summed, the history is whole, the test is opened once."""
    monkeypatch.setattr(places, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(runs, "RESULTS", tmp_path)
    saved = []
    monkeypatch.setattr(runs, "save", saved.append)
    opened = []

    def predict(model, images):
        opened.append(len(images))
        return model.predict_on_batch(images.astype(np.float32) / 255)

    recipe = killed_training.RECIPES["s1"] | {"predict": predict, "seeds": (1, 2)}
    recipe["settings"] = recipe["settings"] | {"epochs": 2}
    turns = 0
    while not parts.record("trial", command="", minutes=1e-9, **recipe):
        turns += 1
        assert turns < 10
    (run,) = saved
    assert turns == 3, "two seeds of two epochs, one epoch a turn"
    assert runs.problems(run) == []
    assert [len(history["accuracy"]) for history in run["history"]] == [2, 2]
    assert opened == [100, 100]
    assert all(0 < wall < total for wall, total in zip(run["wall_seconds"], run["total_seconds"], strict=True))

    result = tmp_path / "trainings"
    (result,) = result.glob("trial-*-2/result.json")
    kept = json.loads(result.read_text())
    assert kept["recorded"]["date"] == run["date"]
    result.write_text(json.dumps(kept | {"recorded": kept["recorded"] | {"date": "2001-02-03"}}))
    assert parts.record("trial", command="", **recipe)
    assert saved[1]["date"] == "2001-02-03", "writing the file again is no new recording"
    assert opened == [100, 100]

    shorter = recipe | {"settings": recipe["settings"] | {"epochs": 1}, "starts_from": ("trial", recipe["settings"])}
    with pytest.raises(ValueError, match="kept has 2 epochs, the recipe only 1"):
        parts.record("shorter", command="", **shorter)


def test_damaged_files_and_a_second_process_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(runs, "save", lambda run: None)
    recipe = killed_training.RECIPES["s1"]
    recipe = recipe | {"predict": cifar10.predict_s1, "settings": recipe["settings"] | {"epochs": 1}}
    assert parts.record("trial", command="", **recipe)
    (folder,) = (tmp_path / "trainings").glob("trial-*")

    with filelock.FileLock(folder / "lock"), pytest.raises(parts.CannotGoOn, match="Another process trains in"):
        parts.record("trial", command="", **recipe)
    for name in ("result.json", "training.npz"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(parts.CannotGoOn, match=f"{name} is damaged .* Delete this file"):
            parts.record("trial", command="", **recipe)
        (folder / name).unlink()  # as told; then it goes on
        assert parts.record("trial", command="", **recipe)


@pytest.mark.parametrize("name", ["cifar10_s1", "cifar10_short"])
def test_a_stand_in_for_cifar10_is_not_recorded(name, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    with pytest.raises(ValueError, match=r"need the real CIFAR-10[.] Set COURSE_DATA_DIR"):
        cifar10.RECIPES[name]["load"]()


def test_the_command_repeats_what_its_part_has_said(tmp_path):
    """The part says why, and the command adds nothing; nothing is recorded."""
    before = (runs.RESULTS / "cifar10_short.json").read_bytes()
    nowhere = {"COURSE_OFFLINE": "1", "COURSE_CACHE_DIR": str(tmp_path), "COURSE_DATA_DIR": ""}
    command = [sys.executable, "-m", "benchmarks.cifar10", "cifar10_short"]
    ended = subprocess.run(command, cwd=ROOT, env=os.environ | nowhere, capture_output=True, text=True, timeout=300)
    assert ended.returncode == parts.SAID
    assert "The recorded runs need the real CIFAR-10" in ended.stderr and "Traceback" not in ended.stderr
    assert (runs.RESULTS / "cifar10_short.json").read_bytes() == before


def test_the_long_recipe_computes_in_bfloat16_and_answers_in_float32():
    policy = keras.config.dtype_policy().name
    model = cifar10.RECIPES["cifar10_long"]["build"]()
    assert keras.config.dtype_policy().name == policy == "float32"
    assert {layer.compute_dtype for layer in model.layers if layer.weights} == {"bfloat16"}
    assert {weight.dtype for weight in model.weights} == {"float32"} and model.outputs[0].dtype == "float32"


def test_muon_keeps_the_length_of_kernels_and_turns_them():
    """What a step takes off a kernel is near a matrix whose singular values are all 1, times the rate."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6, 6, 4)), keras.layers.Conv2D(8, 3), keras.layers.Conv2D(5, 3)])
    cifar10.start_as_identity(model)
    kernel = model.layers[0].kernel.numpy()
    assert np.array_equal(kernel[1, 1, :, :4], np.eye(4)) and np.count_nonzero(kernel[..., :4]) == 4
    optimizer = cifar10.Muon(0.1, momentum=0.0, adam_ratio=0.1)
    optimizer.build(model.trainable_variables)
    optimizer.apply([keras.random.normal(variable.shape) for variable in model.trainable_variables])
    for before, layer in zip((kernel, None), model.layers, strict=True):
        after = layer.kernel.numpy()
        if before is not None:
            scaled = before * 8**0.5 / np.linalg.norm(before)
            values = np.linalg.svd((after - scaled).reshape(-1, 8), compute_uv=False)
            assert np.allclose(values, 0.1, rtol=0.6), values
        assert np.abs(layer.bias.numpy()).max() == pytest.approx(0.01, rel=1e-3)

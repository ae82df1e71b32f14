"""Trainings in parts: killed at any moment they lose an epoch at most, and end where an undisturbed one ends."""

import json
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

from benchmarks import parts  # noqa: E402
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
@pytest.mark.parametrize("name", ["s1", "fast"])
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

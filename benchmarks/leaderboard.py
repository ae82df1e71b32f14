"""Judges an entry to the speed run, by the rules of SPEED_RUN.md, and writes it into data/leaderboard.csv.

    COURSE_DATA_DIR=... python -m benchmarks.leaderboard FILE.py
    python -m benchmarks.leaderboard --rehearse FILE.py

The entry trains in a process of its own for each seed (benchmarks/contest.py), which never gets the test labels. A
rehearsal does all of it with a few composed pictures in place of CIFAR-10, within a minute, and writes nothing.
"""

import argparse
import ast
import csv
import datetime
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from helpers import datasets, runs
from helpers.places import DATA

BOARD = DATA / "leaderboard.csv"
SEEDS = (1, 2, 3)
TARGET = 0.80  # mean test accuracy over the seeds
MOST_LINES, WIDEST_LINE = 120, 120
MINUTES = {"contest": 60.0, "rehearsal": 5.0}  # per seed
ALLOWED = {"keras", "numpy", "math", "itertools", "functools", "collections", "dataclasses", "random"}
FORBIDDEN = {  # what would bring in weights, pictures or labels from elsewhere, or get around this list
    *("applications", "datasets", "get_file", "load_model", "load_weights", "load", "loadtxt", "genfromtxt"),
    *("fromfile", "memmap", "save", "savez", "tofile", "open", "exec", "eval", "__import__", "__builtins__"),
}
COLUMNS = ("entry", "score", "accuracy", "per_seed", "cpu_seconds", "wall_seconds", "calibration_ms", "peak_rss_mib")
COLUMNS += ("lines", "sha256", "data_sha256", "keras", "hardware", "date")


class Refused(Exception):
    """The entry breaks a rule; the text says which, and where."""


def broken_rules(text):
    """What can be seen in an entry's text without running it: sentences with line numbers, none if all is well."""
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        yield f"it has {len(lines)} lines; {MOST_LINES} are allowed"
    for number, line in enumerate(lines, start=1):
        if len(line) > WIDEST_LINE:
            yield f"line {number} has {len(line)} characters; {WIDEST_LINE} are allowed"
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:  # a null character is the latter in Python 3.11, and has no line
        line = getattr(error, "lineno", None)
        yield f"{f'line {line}' if line else 'it'} is no Python: {getattr(error, 'msg', error)}"
        return
    for node in ast.walk(tree):
        for module in imported(node):
            if module.partition(".")[0] not in ALLOWED:
                yield f"line {node.lineno} imports {module}; allowed are {', '.join(sorted(ALLOWED))}"
        for name in sorted(names_in(node) & FORBIDDEN):
            yield f"line {node.lineno} uses {name}: an entry learns from the 50,000 pictures it is given, nothing else"
    if not any(isinstance(node, ast.FunctionDef) and node.name == "train" for node in tree.body):
        yield "it has no function train(images, labels, seed)"


def imported(node):
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return ["." * node.level + (node.module or "")]
    return []


def names_in(node):
    """The names that this very node uses: a variable, what stands behind a dot, the parts of an import."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Attribute):
        return {node.attr}
    if isinstance(node, ast.Import | ast.ImportFrom):
        words = [*imported(node), *(alias.name for alias in node.names)]
        return {part for word in words for part in word.split(".")}
    return set()


def text_of(path):
    """The text of an entry, without the mark that some editors put before it."""
    return path.read_text(encoding="utf-8-sig")


def contest_data():
    """All of CIFAR-10: (train images, labels), (test images, labels) and their SHA-256; exits if it is not here."""
    try:
        pictures = datasets.cifar10(train=50_000, validation=0, test=10_000)
    except ValueError as error:
        sys.exit(f"No contest: {error}")
    if pictures.stand_in:
        sys.exit(
            "No contest: it needs the real CIFAR-10, and only its stand-in is here. Name its folder in COURSE_DATA_DIR "
            "or allow the download (no COURSE_OFFLINE). To try an entry without it, add --rehearse."
        )
    return pictures.train, pictures.test, pictures.sha256


def rehearsal_data():
    """1,000 composed pictures to train on and 200 to test with, whatever else is on this machine."""
    from helpers.datasets import standins

    return standins.squares(1_000, "train"), standins.squares(200, "test"), ""


def one_seed(path, train, test, seed, minutes, calibrate=True):
    """Let the entry train with `seed` in a process of its own; return what it measured, with the test accuracy.

    `train` and `test` are pairs (images, labels). Only the test images reach that process, in an order drawn afresh:
    labels known from elsewhere would not fit. Raises Refused if the entry fails, takes over `minutes`, or answers with
    anything but one row of ten finite scores per picture.
    """
    order = np.random.default_rng().permutation(len(test[1]))
    with tempfile.TemporaryDirectory(prefix="course") as folder:
        folder = Path(folder)
        for name, array in {"images": train[0], "labels": train[1], "pictures": test[0][order]}.items():
            np.save(folder / f"{name}.npy", array)
        # No switch leads to the data, and no GPU: CPU seconds are what is compared.
        env = {key: value for key, value in os.environ.items() if key != "COURSE_DATA_DIR"}
        env |= {"COURSE_OFFLINE": "1", "COURSE_CACHE_DIR": str(folder / "cache"), "CUDA_VISIBLE_DEVICES": "-1"}
        command = [sys.executable, "-m", "benchmarks.contest", str(path), str(folder), str(seed), str(int(calibrate))]
        try:
            run = subprocess.run(
                command, cwd=DATA.parent, env=env, capture_output=True, text=True, timeout=60 * minutes
            )
        except subprocess.TimeoutExpired as error:
            raise Refused(f"seed {seed} was still running after {minutes:g} minutes, the limit") from error
        if not (folder / "result.json").is_file():
            last = (run.stderr.strip().splitlines() or ["it said nothing"])[-1]
            killed = " (killed; was there memory enough?)" if run.returncode == -9 else ""
            raise Refused(f"seed {seed}: its process ended with status {run.returncode}{killed}: {last[:200]}")
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        if "broken" in result:
            raise Refused(f"seed {seed}: {result['broken']}")
        scores = np.load(folder / "scores.npy", allow_pickle=False)
    result["test_accuracy"] = float(np.mean(scores.argmax(axis=1) == test[1][order]))
    return result


def summary(path, results, data_sha256=""):
    """The line of an entry: the mean accuracy, and its cost as a multiple of the calibration step.

    Each seed is divided by its own calibration, measured minutes before: a machine that is slow for a while is slow for
    both.
    """
    steps = [float(np.median(result["calibration"])) for result in results]
    costs = [result["cpu_seconds"] for result in results]
    text = text_of(path)
    here = runs.environment()
    return {
        "entry": path.stem,
        "score": round(float(np.median(np.divide(costs, steps)))),
        "accuracy": round(float(np.mean([result["test_accuracy"] for result in results])), 4),
        "per_seed": " ".join(f"{result['test_accuracy']:.4f}" for result in results),
        "cpu_seconds": round(float(np.median(costs)), 1),
        "wall_seconds": round(float(np.median([result["wall_seconds"] for result in results])), 1),
        "calibration_ms": round(1000 * float(np.median(steps)), 1),
        "peak_rss_mib": round(max(result["peak_rss_mib"] for result in results)),
        "lines": len(text.splitlines()),
        "sha256": hashlib.sha256(text.encode()).hexdigest()[:12],
        "data_sha256": data_sha256[:12],
        "keras": here["versions"]["keras"],
        "hardware": here["hardware"],
        "date": datetime.date.today().isoformat(),
    }


def judge(path, *, rehearse=False, minutes=None, seeds=SEEDS):
    """Run the entry at `path` once per seed and return its line. Raises Refused with the rule that it breaks."""
    try:
        found = list(broken_rules(text_of(path)))
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"it cannot be read ({type(error).__name__})") from error
    if found:
        raise Refused("; ".join(found))
    train, test, data_sha256 = rehearsal_data() if rehearse else contest_data()
    minutes = minutes or MINUTES["rehearsal" if rehearse else "contest"]
    results = []
    for seed in seeds:
        results.append(one_seed(path.resolve(), train, test, seed, minutes))
        taken = f"{results[-1]['wall_seconds']:.1f} s, of CPU time {results[-1]['cpu_seconds']:.1f} s"
        print(f"seed {seed}: {results[-1]['test_accuracy']:.1%} in {taken}", flush=True)
    mean = round(float(np.mean([result["test_accuracy"] for result in results])), 6)  # one picture more is 0.000033
    if not rehearse and mean < TARGET:
        raise Refused(f"its mean accuracy is {mean:.3%}; the target is {TARGET:.0%}")
    return summary(path, results, data_sha256)


def append(line, board=BOARD):
    """Add a line to the leaderboard and return its rank by score, from 1."""
    new = not board.is_file()
    with board.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(line)
    with board.open(newline="", encoding="utf-8") as file:
        return 1 + sum(float(row["score"]) < line["score"] for row in csv.DictReader(file))


def main(arguments=None):
    """Command line; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entry", type=Path, metavar="FILE.py")
    parser.add_argument("--rehearse", action="store_true", help="on a few composed pictures; writes nothing")
    parser.add_argument("--minutes", type=float, help="a shorter time limit per seed (60; in a rehearsal 5)")
    options = parser.parse_args(arguments)
    if options.minutes is not None and not 0 < options.minutes <= MINUTES["contest"]:
        parser.error(f"--minutes {options.minutes:g}: the rules allow more than 0 and at most {MINUTES['contest']:g}")
    try:
        line = judge(options.entry, rehearse=options.rehearse, minutes=options.minutes)
    except Refused as reason:
        sys.exit(f"{options.entry.name} is refused: {reason}.")
    print(", ".join(f"{name} {line[name]}" for name in ("score", "accuracy", "cpu_seconds", "calibration_ms")))
    if options.rehearse:
        print("A rehearsal: everything works. Its accuracy says nothing about CIFAR-10, and nothing was written.")
    else:
        print(f"Rank {append(line)} in data/{BOARD.name}.")


if __name__ == "__main__":
    main()

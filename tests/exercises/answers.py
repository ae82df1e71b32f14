"""What every exercise's tests share: right answers, wrong answers with the sentence they earn, and garbage."""

import numpy as np
import pytest

from helpers.exercises.engine import CORRECT, INCORRECT, NOT_ATTEMPTED


class Hostile:
    """An object on which everything fails, its own name included."""

    def __repr__(self):
        raise RuntimeError("no repr")

    def __eq__(self, other):
        raise RuntimeError("no ==")

    __hash__ = None

    def __array__(self, *_, **__):
        raise RuntimeError("no array")

    def __float__(self):
        raise RuntimeError("no float")


def raises(*_):
    raise ValueError("on purpose")


def leaves(*_):
    raise SystemExit


def never_returns(*_):
    while True:
        pass


def forgets_return(*values):
    len(values)


def takes_nothing():
    return 1


GARBAGE = {
    "None": None,
    "text": "thirteen",
    "ragged list": [[1, 2], [3]],
    "nan": float("nan"),
    "nan array": np.full((3, 3), np.nan),
    "empty array": np.array([]),
    "complex": 1 + 2j,
    "dict": {"a": 1},
    "class": dict,
    "object": object(),
    "hostile object": Hostile(),
    "returns None": forgets_return,
    "returns text": lambda *_: "13",
    "returns ragged": lambda *_: [[1, 2], [3]],
    "returns hostile": lambda *_: Hostile(),
    "raises": raises,
    "leaves": leaves,
    "never returns": never_returns,
    "takes nothing": takes_nothing,
}


def assert_right(problem, *answers):
    """The answer is accepted."""
    outcome = problem.judge(*answers)
    assert outcome.status == CORRECT, outcome.message


def assert_wrong(problem, answer, sentence):
    """The answer (a tuple for several) is refused with a message that holds `sentence`."""
    outcome = problem.judge(*answer) if isinstance(answer, tuple) else problem.judge(answer)
    assert outcome.status == INCORRECT, outcome.message
    assert sentence in outcome.message, outcome.message


def assert_survives_garbage(problem, monkeypatch, several=1):
    """No object, however odd, is accepted or raises; the untouched `...` is not attempted."""
    monkeypatch.setattr("helpers.exercises.compare.SECONDS", 0.3)
    assert problem.judge(*[...] * several).status == NOT_ATTEMPTED
    for name, value in GARBAGE.items():
        outcome = problem.judge(*[value] * several)
        assert outcome.status == INCORRECT, f"{name}: {outcome}"
        assert outcome.message and "Traceback" not in outcome.message, name
    with pytest.raises(AssertionError):
        assert_right(problem, *[None] * several)

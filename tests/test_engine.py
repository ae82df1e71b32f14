"""The exercise engine: three outcomes, sentences instead of tracebacks, nothing that hangs."""

import threading
import time

import numpy as np
import pytest
from answers import GARBAGE

from helpers.exercises import compare, display
from helpers.exercises.compare import Wrong
from helpers.exercises.engine import CORRECT, INCORRECT, NOT_ATTEMPTED, Outcome, Problem


def examine_double(answer):
    for value in (2, 5):
        given = compare.as_number(compare.call(answer, value), f"Your answer for {value}")
        if given == value:
            raise Wrong(f"For {value} you return `{given:g}`: that is the number itself.")
        if given != 2 * value:
            raise Wrong(f"For {value} you return `{given:g}`.")


@pytest.fixture
def double():
    return Problem("99", "q1", examine_double, praise="Twice is plus itself.", hints=["Add.", "Add it to itself."])


def test_the_three_outcomes(double):
    def untouched_stub(x): ...

    assert double.judge(lambda x: 2 * x) == Outcome(CORRECT, "Twice is plus itself.")
    assert double.judge(lambda x: x).status == INCORRECT
    assert "`2`" in double.judge(lambda x: x).message
    assert double.judge(...).status == NOT_ATTEMPTED
    assert double.judge(untouched_stub).status == NOT_ATTEMPTED


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_gets_a_sentence(double, name, monkeypatch):
    monkeypatch.setattr(compare, "SECONDS", 0.2)
    outcome = double.judge(GARBAGE[name])
    assert outcome.status == INCORRECT
    assert outcome.message
    assert len(outcome.message) < 400


def test_a_wrong_number_of_answers_is_no_traceback(double):
    assert double.judge(1, 2).status == INCORRECT
    assert double.judge().status == INCORRECT


def test_a_loop_without_end_is_ended(monkeypatch):
    monkeypatch.setattr(compare, "SECONDS", 0.2)
    before = threading.active_count()
    start = time.perf_counter()
    with pytest.raises(Wrong, match="still running after"):
        compare.call(GARBAGE["never returns"])
    assert time.perf_counter() - start < 3
    deadline = time.time() + 5
    while threading.active_count() > before and time.time() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_a_function_cannot_spoil_the_next_call():
    def spoil(array):
        array[:] = 0
        return array.sum()

    original = np.ones(3)
    compare.call(spoil, original)
    assert original.sum() == 3


def test_an_error_in_the_function_is_quoted():
    def divide(x):
        return x / 0

    with pytest.raises(Wrong, match=r"With `7`, your function stops with `ZeroDivisionError: division by zero`"):
        compare.call(divide, 7)


def test_the_wrong_arguments_are_named():
    with pytest.raises(Wrong, match=r"takes \(size\), but the check calls it with 2 values"):
        compare.call(lambda size: size, 1, 2)
    with pytest.raises(Wrong, match="its name, without brackets"):
        compare.call(13)


def test_untouched_is_not_the_same_as_returning_nothing():
    def with_text(x):
        """Say what it does."""
        ...

    def forgot_return(x):
        x + 1

    assert compare.untouched(with_text)
    assert not compare.untouched(forgot_return)
    assert not compare.untouched(lambda x: 5)
    assert not compare.untouched(None)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "return"),
        ("13", "without quotes"),
        (True, "asks for a number"),
        ([1, 2], "one single number"),
        (np.ones((2, 2)), "shape (2, 2)"),
        (float("nan"), "nan"),
        ([[1, 2], [3]], "one single number"),
    ],
)
def test_numbers_are_asked_for_with_a_reason(value, sentence):
    with pytest.raises(Wrong) as caught:
        compare.as_number(value)
    assert sentence in str(caught.value)


def test_numbers_of_every_kind_are_taken():
    for value in (13, 13.0, np.int64(13), np.float32(13), np.array(13)):
        assert compare.as_whole_number(value) == 13
    with pytest.raises(Wrong, match="no whole number"):
        compare.as_whole_number(13.5)


def test_arrays_are_asked_for_with_a_reason():
    assert compare.as_array([[1, 2], [3, 4]], shape=(2, 2)).dtype == float
    with pytest.raises(Wrong, match=r"shape \(2,\); it should be \(3,\)"):
        compare.as_array([1, 2], shape=(3,))
    with pytest.raises(Wrong, match="different lengths"):
        compare.as_array([[1, 2], [3]])
    with pytest.raises(Wrong, match="1 of 2 values"):
        compare.as_array([1.0, float("inf")])


def test_close_demands_that_every_value_agrees():
    assert compare.close([1, 2, 3], [1, 2, 3 + 1e-9])
    assert not compare.close([1, 2, 3], [1, 2, 4])
    assert not compare.close([1, 2, 3], [1, 2])
    assert not compare.close([1.0], [float("nan")])


def test_a_verdict_says_the_same_in_text_and_html():
    bundle = display.verdict(Outcome(INCORRECT, "You return `a < b`, **not** 5."))._repr_mimebundle_()
    assert bundle["text/plain"] == "Not yet. You return `a < b`, **not** 5."
    assert "<code>a &lt; b</code>" in bundle["text/html"]
    assert "<strong>not</strong>" in bundle["text/html"]


def test_check_and_hints_are_shown(double, monkeypatch):
    shown = []
    monkeypatch.setattr("helpers.exercises.engine.put_on_page", shown.append)
    double.check(lambda x: 2 * x)
    double.hint()
    double.hint()
    double.hint()
    assert [box._repr_mimebundle_()["text/plain"] for box in shown] == [
        "Correct. Twice is plus itself.",
        "Hint 1 of 2. Add.",
        "Hint 2 of 2. Add it to itself.",
        "Hint 2 of 2. Add it to itself.",
    ]


def test_a_solution_that_is_not_there_is_named(double):
    with pytest.raises(LookupError, match="Lesson 99 has no exercise cell"):
        double.solution()

"""The solution marker: one text, two editions."""

import pytest

from helpers.exercises import source

WORKED = '''\
def size(n, k):
    """Count positions."""
    # solution
    if k > n:
        return 0

    return n - k + 1


q2.check(size)'''


def test_the_body_after_the_marker_becomes_dots():
    assert source.exercise_from(WORKED) == ('def size(n, k):\n    """Count positions."""\n    ...\n\n\nq2.check(size)')


def test_the_worked_edition_keeps_everything_but_the_marker():
    assert source.solution_from(WORKED) == WORKED.replace("    # solution\n", "")


def test_a_value_becomes_dots():
    text = "padding = 1 + 1  # solution\nq1.check(padding)"
    assert source.exercise_from(text) == "padding = ...\nq1.check(padding)"
    assert source.solution_from(text) == "padding = 1 + 1\nq1.check(padding)"


def test_a_nested_body_ends_where_its_function_ends():
    text = "class A:\n    def f(self):\n        # solution\n        return 1\n\n    def g(self):\n        return 2"
    assert source.exercise_from(text) == (
        "class A:\n    def f(self):\n        ...\n\n    def g(self):\n        return 2"
    )


def test_text_without_a_marker_stays():
    assert source.exercise_from("x = 1  # a solution\n") == "x = 1  # a solution"
    assert not source.has_marker("x = 1")
    assert source.has_marker(WORKED)


@pytest.mark.parametrize(
    "line", ["a, b = 1, 2  # solution", "model.rate = 1  # solution", "]  # solution", "# solution"]
)
def test_a_marker_in_another_form_is_refused(line):
    with pytest.raises(ValueError, match="neither of the two forms"):
        source.exercise_from(f"x = 1\n{line}\nq1.check(x)")


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "LESSONS", tmp_path)
    head = '# %% [markdown]\n# # 42 · A lesson\n\n# %% tags=["exercise"]\n'
    (tmp_path / "42_a.py").write_text(f"{head}{WORKED}\n\n# %%\n# q2.hint()\n", encoding="utf-8")


def test_a_solution_is_found_in_the_lesson(lesson):
    found = source.find_solution("42", "q2")
    assert found.startswith("def size(n, k):")
    assert found.endswith("return n - k + 1")
    with pytest.raises(LookupError, match=r"q3\.check"):
        source.find_solution("42", "q3")

"""Every style rule fires on a notebook that breaks it, and none on one that does not."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from authoring import launch, style

FIRST = """\
# 42 · A tiny lesson

**A promise.**

By the end you can

- add
- subtract
- multiply

**Time:** about 13 minutes (estimate) · **You need:** nothing.

"""

LAST = """\
## What you can do now

- add
- subtract
- multiply

<details><summary>a</summary>b</details>
<details><summary>c</summary>d</details>
<details><summary>e</summary>f</details>

**Next:** [again](42_tiny.ipynb)"""

TAG = launch.configured().tag
NOT_YET = new_output("display_data", data={"text/plain": "Nothing to check yet. Replace.", "text/html": "<div>x</div>"})
FIGURE = new_output("display_data", data={"text/plain": "Figure: a", "text/html": '<img src="data:x" alt="a digit">'})


def exercise(number):
    return [
        new_markdown_cell(f"### Exercise {number} · Do it"),
        new_code_cell(f"answer_{number} = ...\nq{number}.check(answer_{number})", metadata={"tags": ["exercise"]}),
    ]


def good():
    """A notebook that breaks no rule."""
    compared = new_code_cell("1 + 1", metadata={"tags": ["nbval-check-output"]})
    compared.outputs = [new_output("execute_result", data={"text/plain": "2"}, execution_count=1)]
    figure = new_code_cell("show(digit, alt='a digit')", outputs=[FIGURE])
    first = new_markdown_cell(FIRST + launch.configured().badges("42_tiny.ipynb"))
    fetch = new_code_cell(launch.configured().cell(), id=launch.CELL_ID, metadata=launch.CELL_METADATA)
    cells = [first, fetch, new_markdown_cell("## One"), compared, figure]
    for number in (1, 2, 3):
        cells += exercise(number)
        cells[-1].outputs = [NOT_YET]
    notebook = new_notebook(cells=[*cells, new_markdown_cell(LAST)])
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    return notebook


def messages(notebook, tmp_path):
    count = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.execution_count != 0:
            count += 1
            cell.execution_count = count
        elif cell.cell_type == "code":
            cell.execution_count = None
    path = tmp_path / "42_tiny.ipynb"
    nbformat.write(notebook, path)
    return list(style.violations(notebook, path))


def test_a_good_notebook_breaks_no_rule(tmp_path):
    assert messages(good(), tmp_path) == []


def edit(index, old, new):
    def change(notebook):
        assert old in notebook.cells[index].source
        notebook.cells[index].source = notebook.cells[index].source.replace(old, new)

    return change


def output(index, made):
    def change(notebook):
        notebook.cells[index].outputs = [made]

    return change


def append(cell):
    def change(notebook):
        notebook.cells.insert(-1, cell)

    return change


def strip(notebook):
    notebook.cells[3].execution_count = 0


def widget_state(notebook):
    notebook.metadata["widgets"] = {}


def timing(notebook):
    notebook.cells[3].metadata["execution"] = {}


def heavy(notebook):
    notebook.cells[3].outputs[0].data["text/plain"] = "2" * 800_000


def empty(index):
    def change(notebook):
        notebook.cells[index].outputs = []

    return change


BROKEN = {
    "second title": (edit(2, "## One", "# One"), "exactly one H1"),
    "wrong number": (edit(0, "# 42", "# 41"), "begins with 42"),
    "two promises": (edit(0, "- multiply\n", ""), "lists 2 promises"),
    "no minutes": (edit(0, "**Time:**", "Time:"), "lacks the part '**Time:**'"),
    "promise not mirrored": (edit(-1, "- multiply\n", ""), "mirrors 2 of 3"),
    "answers not hidden": (edit(-1, "<details><summary>e", "<summary>e"), "has 2 hidden answers"),
    "no way onward": (edit(-1, "**Next:**", "Next:"), "lacks the part '**Next:**'"),
    "minutes made up": (edit(0, "13 minutes", "90 minutes"), "N near 13"),
    "long cell": (edit(3, "1 + 1", "x = 1\n" * 26 + "x"), "27 lines of code"),
    "wide cell": (edit(3, "1 + 1", "x = " + "1 + " * 30 + "1"), "a line of 125 characters"),
    "long cells": (lambda n: [edit(i, "q", "\n" * 7 + "q")(n) for i in (6, 8, 10)], "has a median of"),
    "bare picture": (output(3, new_output("display_data", data={"image/png": "x"})), "without alt text"),
    "empty alt": (output(3, new_output("display_data", data={"text/html": '<img alt="">'})), "<img> without alt"),
    "image in prose": (edit(2, "## One", "## One\n![](42_tiny.ipynb)"), "image without alt text"),
    "img in prose": (edit(2, "## One", '## One\n<img src="x">'), "image without alt text"),
    "jump in headings": (edit(2, "## One", "## One\n#### Deep"), "jumps from level 2 to 4"),
    "stderr": (output(3, new_output("stream", name="stderr", text="oops")), "standard error: 'oops'"),
    "error": (output(3, new_output("error", ename="KeyError", evalue="'x'", traceback=[])), "ends with KeyError"),
    "warning": (output(3, new_output("stream", text="a.py:1: FutureWarning: old")), "warning: FutureWarning:"),
    "address": (output(3, new_output("stream", text="<f at 0x7f0312345678>")), "memory address"),
    "path in output": (output(3, new_output("stream", text="saved to /home/ann/x")), "absolute path: '/home/ann/x'"),
    "path in code": (edit(3, "1 + 1", "'/tmp/model.keras'"), "absolute path"),
    "windows path": (edit(3, "1 + 1", r"r'C:\Users\ann'"), "absolute path"),
    "no check": (edit(6, "q1.check(answer_1)", "answer_1"), "never calls q1.check"),
    "solution shown": (edit(6, "answer_1 = ...", "answer_1 = 3"), "shows its solution"),
    "marker shown": (edit(6, "answer_1 = ...", "answer_1 = ...  # solution"), "shows its solution"),
    "not untouched": (empty(6), "does not answer 'Nothing to check yet.'"),
    "numbering": (edit(5, "Exercise 1 ·", "Exercise 4 ·"), "numbered [4, 2, 3]"),
    "leaning on an exercise": (append(new_code_cell("answer_1 + 1")), "uses 'answer_1', which the exercise in cell 7"),
    "star import": (edit(3, "1 + 1", "from math import *"), "star import"),
    "shell command": (edit(3, "1 + 1", "!pip install keras"), "shell or magic command"),
    "stripped": (strip, "not run from top to bottom"),
    "nothing to compare": (empty(3), "no output"),
    "figure not drawn": (empty(4), "shows a figure but has no output"),
    "dead link": (edit(2, "## One", "## One\n[there](43_next.ipynb)"), "43_next.ipynb, which does not exist"),
    "unfilled figure": (edit(2, "## One", "## One\n{{run.figure}}"), "was not filled in"),
    "no launch links": (edit(0, "https://mybinder.org", "mybinder"), "lacks the link https://mybinder.org/v2/gh/"),
    "link to another file": (edit(0, "lab/tree/notebooks/42_tiny", "lab/tree/notebooks/41_x"), "41_x.ipynb: not this"),
    "link to another branch": (edit(0, f"blob/{TAG}", "blob/main"), "/blob/main/notebooks/42_tiny.ipynb: not this"),
    "link elsewhere in prose": (edit(2, "## One", "## One\nhttps://mybinder.org/v2/gh/a/b/c"), "gh/a/b/c: not this"),
    "no cell for Colab": (lambda n: n.cells.pop(1), "not the generated cell that fetches"),
    "cell for Colab edited": (edit(1, "--depth=1", "--depth=2"), "not the generated cell that fetches"),
    "cell for Colab too late": (lambda n: n.cells.insert(3, n.cells.pop(1)), "not the generated cell that fetches"),
    "cell for Colab unfolded": (lambda n: n.cells[1].metadata.clear(), "is not folded"),
    "heavy": (heavy, "700 KB is the limit"),
    "widget state": (widget_state, "metadata that the build does not write"),
    "live view": (
        output(2, new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {}})),
        "stores the live view of a widget",
    ),
    "timing": (timing, "metadata that the build does not write: ['execution'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_rule_fires(name, tmp_path):
    change, message = BROKEN[name]
    notebook = good()
    change(notebook)
    found = messages(notebook, tmp_path)
    assert any(message in sentence for sentence in found), found


def test_every_rule_is_seen_to_fire(tmp_path):
    fired = set()
    for change, _ in BROKEN.values():
        notebook = good()
        change(notebook)
        messages(notebook, tmp_path)
        path = tmp_path / "42_tiny.ipynb"
        fired |= {rule.__name__ for rule in style.RULES if list(rule(notebook, path))}
    assert fired == {rule.__name__ for rule in style.RULES}


def test_minutes_count_words_and_both_kinds_of_exercise():
    notebook = good()
    before, _ = style.minutes(notebook)
    notebook.cells[2].source += " word" * 400
    notebook.cells[6].source = "def answer_1():\n    ...\n\n\nq1.check(answer_1)"
    after, basis = style.minutes(notebook)
    assert after - before == pytest.approx(2 + 1)
    assert "2 exercises for a value and 1 for a function" in basis


@pytest.mark.parametrize(
    "code",
    [
        "def later(answer_1):\n    return answer_1 + 1",
        "answer_1 = 3\nanswer_1 + 1",
        "[answer_1 for answer_1 in range(3)]",
    ],
)
def test_a_name_of_ones_own_is_no_use_of_an_exercise(code, tmp_path):
    notebook = good()
    append(new_code_cell(code))(notebook)
    assert messages(notebook, tmp_path) == []


def test_a_use_inside_a_function_is_found(tmp_path):
    notebook = good()
    append(new_code_cell("def helper():\n    answer_1 = 5"))(notebook)
    append(new_code_cell("def later():\n    return answer_1"))(notebook)
    assert any("uses 'answer_1'" in sentence for sentence in messages(notebook, tmp_path))

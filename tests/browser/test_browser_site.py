"""The course as a web site: what its pages leave out and add, and what is said while it is made."""

import re

import nbformat
import pytest

from authoring import course, execute, launch

FIRST = """\
# {number} · Lesson <{number}>

**You add two numbers,
and keep them.**

**Time:** about {number} minutes (estimate) · **You need:** nothing."""


def lesson(number, code):
    """A notebook with a first cell, the cell for Colab and one cell of code."""
    cells = [nbformat.v4.new_markdown_cell(FIRST.format(number=number))]
    cells.append(nbformat.v4.new_code_cell(launch.configured().cell(), id=launch.CELL_ID))
    cells.append(nbformat.v4.new_code_cell(code, id="sum"))
    kernel = {"name": "python3", "display_name": "Python 3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A course of two lessons, the second of which fails: exit status, what was said on either stream, the site."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "notebooks").mkdir()
    nbformat.write(lesson(41, "very_long = '" + "x" * 300 + "'\n40 + 2"), folder / "notebooks" / "41_fine.ipynb")
    nbformat.write(lesson(42, "40 / 0"), folder / "notebooks" / "42_fails.ipynb")
    patch = pytest.MonkeyPatch()
    for name, value in {
        "ROOT": folder,
        "NOTEBOOKS": folder / "notebooks",
        "SITE": folder / "build" / "site",
        "REPORT": folder / "build" / "run_report.json",
    }.items():
        patch.setattr(course, name, value)
    # A file has no terminal, as when somebody writes `make course >log 2>&1`.
    with open(folder / "out", "w") as out, open(folder / "err", "w") as err:
        patch.setattr(course.sys, "stdout", out)
        patch.setattr(course.sys, "stderr", err)
        status = course.main()
        patch.undo()
    return status, (folder / "out").read_text(), (folder / "err").read_text(), folder / "build" / "site"


def test_the_index_tells_what_one_does_and_how_long(made):
    index = (made[3] / "index.html").read_text(encoding="utf-8")
    assert '<a href="41_fine.html">41 · Lesson &lt;41&gt;</a>' in index
    assert "You add two numbers, and keep them." in index
    assert "About 41 minutes; ran here in" in index


def test_the_pages_leave_the_cell_for_colab_out(made):
    for name in ("41_fine", "42_fails"):
        page = (made[3] / f"{name}.html").read_text(encoding="utf-8")
        assert "google.colab" not in page
        assert "@title" not in page
    assert ">42<" in re.sub(r"\s", "", (made[3] / "41_fine.html").read_text(encoding="utf-8"))


def test_a_log_gets_a_line_per_lesson_and_no_bar(made):
    status, out, err, _ = made
    lines = out.splitlines()
    assert status == 1
    assert err == ""
    assert "\r" not in out
    assert re.fullmatch(r"41_fine: \d+ s, longest cell \d+ s, peak \d+ MiB, 0 errors, 0 warnings", lines[0])
    assert lines[1].startswith("42_fails: ")
    assert lines[2] == "  cell 3 (sum): ZeroDivisionError: division by zero"
    assert len(lines) == 4


def test_long_code_can_be_reached(made, browser):
    """In a real browser: what is wider than the column scrolls, and the page itself does not grow."""
    page = browser.new_page(viewport={"width": 900, "height": 700})
    page.goto((made[3] / "41_fine.html").as_uri())
    editor = page.locator(".jp-InputArea-editor").first
    assert editor.evaluate("node => node.scrollWidth > node.clientWidth + 500")
    assert editor.evaluate("node => { node.scrollLeft = 400; return node.scrollLeft; }") == 400
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()


def test_a_run_that_is_told_names_each_cell():
    report = execute.Report("01_a", 2.0, 100.0, 1.0, ["cell 3 (x): KeyError: 'a'\nmore"], ["first\nlast"])
    assert course.told(report).splitlines()[1:] == ["  cell 3 (x): KeyError: 'a'", "  last"]

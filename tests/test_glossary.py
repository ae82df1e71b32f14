"""The glossary of lesson 00: every word that a lesson introduces in bold stands in it, once and in order."""

import re

import jupytext
import pytest

from authoring.build import LESSONS, lesson_files

ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
BOLD = re.compile(r"(?<!\*)\*\*([^*]+)\*\*(?!\*)")
ENDINGS = ("", "s", "es", "d", "ed", "ing")  # a word also counts in the plural, or as another form of a verb

# Bold because the sentence turns on them; none of them is a term of the course.
STRESSED = """
one number|one|two|both|not|all|nothing|true|selects|normalises|learns|moves along|classified|above|positive|against|
bottom left|bottom right|looking locally|fewer than 100,000|tolerance, not invariance|prediction minus truth|work|size|
doctor|own label|positions|learned from data|fashion-mnist
""".replace("\n", "").split("|")


def prose(lesson):
    """The Markdown cells between the first and the last: those two list what the lesson promises, in bold verbs."""
    cells = [cell for cell in jupytext.read(lesson, fmt="py:percent").cells if cell.cell_type == "markdown"]
    return [cell.source for cell in cells[1:-1]]


def glossary():
    """Pairs of entry and meaning, in the order of the table."""
    table = next(text for text in prose(LESSONS / "00_start_here.py") if "## Glossary" in text)
    return ROW.findall(table)[1:]


def known_words():
    """All entries, and the other names that stand in brackets behind them, in small letters."""
    return {word.strip().lower() for entry, _ in glossary() for word in re.split(r"[(),]", entry)} - {""}


def forms(word):
    """The word as it may stand in a sentence."""
    return {word + ending for ending in ENDINGS} | {re.sub("y$", "ies", word)}


def introduced(lesson):
    """What a lesson's prose sets in bold, sentences aside; what begins a point of a list is that point's heading."""
    text = re.sub(r"`[^`]*`", "", "\n\n".join(prose(lesson)))
    text = re.sub(r"^- \*\*[^*]+\*\*", "-", text, flags=re.MULTILINE)
    return {" ".join(words.split()).lower().strip(".,:") for words in BOLD.findall(text) if len(words.split()) <= 3}


@pytest.mark.parametrize("lesson", lesson_files(), ids=lambda path: path.stem)
def test_a_word_in_bold_stands_in_the_glossary(lesson):
    known = {form for word in known_words() for form in forms(word)}
    missing = introduced(lesson) - known - set(STRESSED)
    assert not missing, (
        f"Add to the glossary of lesson 00, or, if it is only stressed and no term, to STRESSED: {sorted(missing)}"
    )


def test_a_word_without_an_entry_is_found():
    found = introduced(LESSONS / "02_pooling_activations_shapes.py")
    assert {"backpropagation", "receptive field"} <= found & known_words()
    assert "max pooling by hand" not in known_words()


def test_no_stressed_word_has_an_entry():
    assert not known_words() & set(STRESSED)


def test_the_glossary_is_short_sorted_and_has_each_word_once():
    entries = [entry for entry, _ in glossary()]
    names = [entry.partition(" (")[0].lower() for entry in entries]
    assert len(names) >= 80 and names == sorted(set(names))
    for entry, meaning in glossary():
        assert 2 <= len(meaning.split()) <= 16, f"{entry}: {meaning}"

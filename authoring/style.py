"""The house style of a built notebook: one small function per rule, each yielding (cell index or None, message)."""

import re
import statistics
import symtable
from pathlib import Path

from authoring import launch
from authoring.execute import LIVE_VIEW, WARNING
from helpers.exercises import source

LONGEST_CELL = 25  # lines
WIDEST_CODE = 100  # characters; a notebook shows no more without scrolling
LARGEST_NOTEBOOK = 700_000  # bytes
ABSOLUTE_PATH = re.compile(
    r"(?<![\w.])/(?:home|root|tmp|Users|usr|opt|var|private|Volumes|content|work|mnt)/\w|[A-Z]:\\\\?\w"
)
IMAGE = re.compile(r"<img\b[^>]*>")
ALT = re.compile(r'\balt="([^"]*\S[^"]*)"')
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
WORDS_PER_MINUTE = 200
MINUTES_PER_VALUE, MINUTES_PER_FUNCTION = 4, 5  # exercises that ask for a value, and for a function or class

RULES = []


def rule(function):
    """Register a rule; its docstring is the rule."""
    RULES.append(function)
    return function


def violations(notebook, path):
    """Every violation in a built notebook, as sentences with file and cell."""
    for check in RULES:
        for index, message in check(notebook, Path(path)):
            cell = "" if index is None else f", cell {index + 1} ({notebook.cells[index].id})"
            yield f"{Path(path).name}{cell}: {message}"


def code_cells(notebook):
    return [(index, cell) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def prose_cells(notebook):
    return [(index, cell) for index, cell in enumerate(notebook.cells) if cell.cell_type == "markdown"]


def tags(cell):
    return cell.metadata.get("tags", [])


def headings(notebook):
    for index, cell in prose_cells(notebook):
        text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
        for marks, title in re.findall(r"^(#+) (.+)$", text, re.MULTILINE):
            yield index, len(marks), title


def output_texts(cell):
    """Every text that an output carries: streams, plain and HTML twins, tracebacks."""
    for output in cell.get("outputs", []):
        yield output.get("text", "")
        yield "\n".join(output.get("traceback", []))
        for kind, value in output.get("data", {}).items():
            if kind.startswith("text/"):
                yield re.sub(r"base64,[^\"]+", "", value)


@rule
def one_title(notebook, path):
    """One H1, in the first cell, that begins with the lesson's number."""
    titles = [(index, title) for index, level, title in headings(notebook) if level == 1]
    if len(titles) != 1 or titles[0][0] != 0 or not titles[0][1].startswith(path.name[:2]):
        yield None, f"needs exactly one H1, in the first cell, that begins with {path.name[:2]}; found {titles}"


@rule
def first_cell(notebook, path):
    """Promise in bold, 3 to 5 things one can do by the end, minutes, what is needed first."""
    text = notebook.cells[0].source
    promises = re.findall(r"^- \S", text, re.MULTILINE)
    if not 3 <= len(promises) <= 5:
        yield 0, f"lists {len(promises)} promises; 3 to 5 are wanted"
    for part in ("**", "By the end you can", "**Time:**", "**You need:**"):
        if part not in text:
            yield 0, f"lacks the part {part!r}"


@rule
def last_cell(notebook, path):
    """Mirrors the promises, asks three questions with hidden answers, links onward."""
    last = len(notebook.cells) - 1
    text = notebook.cells[last].source
    promised = len(re.findall(r"^- \S", notebook.cells[0].source, re.MULTILINE))
    mirrored = len(re.findall(r"^- \S", text, re.MULTILINE))
    if promised != mirrored:
        yield last, f"mirrors {mirrored} of {promised} promises"
    if text.count("<details>") != 3:
        yield last, f"has {text.count('<details>')} hidden answers; 3 are wanted"
    for part in ("## What you can do now", "**Next:**"):
        if part not in text:
            yield last, f"lacks the part {part!r}"


@rule
def honest_minutes(notebook, path):
    """The minutes in the first cell are near what reading, the exercises and computing take."""
    stated = re.search(r"\*\*Time:\*\* about (\d+) minutes", notebook.cells[0].source)
    estimate, basis = minutes(notebook)
    if not stated or abs(int(stated[1]) - estimate) > 5:
        yield 0, f"should say '**Time:** about N minutes' with N near {estimate:.0f} ({basis})"


def minutes(notebook):
    """The estimate for a beginner, and in words what it rests on. Computing counts 1 minute."""
    words = sum(len(cell.source.split()) for _, cell in prose_cells(notebook))
    cells = [cell for _, cell in code_cells(notebook) if cell.id != launch.CELL_ID]
    exercises = [cell.source for cell in cells if "exercise" in tags(cell)]
    functions = sum(bool(re.search(r"^(def|class) ", text, re.MULTILINE)) for text in exercises)
    values = len(exercises) - functions
    basis = f"{words} words, {values} exercises for a value and {functions} for a function"
    return words / WORDS_PER_MINUTE + MINUTES_PER_VALUE * values + MINUTES_PER_FUNCTION * functions + 1, basis


@rule
def short_cells(notebook, path):
    """No code cell over 25 lines, none over 100 characters wide; the median is 6 lines or less."""
    lengths = [len(cell.source.splitlines()) for _, cell in code_cells(notebook)]
    for (index, _), length in zip(code_cells(notebook), lengths, strict=True):
        if length > LONGEST_CELL:
            yield index, f"has {length} lines of code; {LONGEST_CELL} is the limit"
    for index, cell in code_cells(notebook):
        widest = max(map(len, cell.source.splitlines()), default=0)
        if widest > WIDEST_CODE:
            yield index, f"has a line of {widest} characters; {WIDEST_CODE} fit on the page"
    if lengths and statistics.median(lengths) > 6:
        yield None, f"has a median of {statistics.median(lengths)} lines a code cell; split the long ones"


@rule
def alt_text(notebook, path):
    """Every picture carries alt text: figures go through plots.show, images in prose through ![text](file)."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if any(kind.startswith("image/") for kind in data):
                yield index, "shows a picture without alt text; use plots.show(figure, alt=…)"
            if any(not ALT.search(image) for image in IMAGE.findall(data.get("text/html", ""))):
                yield index, "shows an <img> without alt text"
        if cell.cell_type == "markdown":
            bare = [image for image in IMAGE.findall(cell.source) if not ALT.search(image)]
            if bare or re.search(r"!\[\s*\]\(", cell.source):
                yield index, "has an image without alt text"


@rule
def heading_order(notebook, path):
    """A heading is at most one level below the one before it."""
    previous = 0
    for index, level, title in headings(notebook):
        if level > previous + 1:
            yield index, f"heading {title!r} jumps from level {previous} to {level}"
        previous = level


@rule
def clean_outputs(notebook, path):
    """No standard error, no warning, no error but an announced one, no absolute path, no memory address."""
    for index, cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                yield index, f"writes to standard error: {output.text.strip()[:80]!r}"
            if output.output_type == "error" and "raises-exception" not in tags(cell):
                yield index, f"ends with {output.ename}: {output.evalue[:80]}"
        for text in output_texts(cell):
            if found := WARNING.search(text):
                yield index, f"shows a warning: {found[0]}"
            if found := re.search(r"\bat 0x[0-9a-f]{6,}", text):
                yield index, f"shows a memory address ({found[0]})"


@rule
def no_absolute_paths(notebook, path):
    """Neither text nor outputs name a folder of somebody's machine."""
    for index, cell in enumerate(notebook.cells):
        for text in [cell.source, *output_texts(cell)]:
            if found := ABSOLUTE_PATH.search(text):
                yield index, f"names an absolute path: {text[found.start() : found.start() + 40]!r}"


@rule
def exercises_have_checks(notebook, path):
    """Each exercise has its numbered heading, its gap and its check; learners find it not attempted."""
    numbers = [int(n) for _, _, title in headings(notebook) for n in re.findall(r"^Exercise (\d+) ·", title)]
    cells = [(index, cell) for index, cell in code_cells(notebook) if "exercise" in tags(cell)]
    if numbers != list(range(1, len(cells) + 1)):
        yield None, f"has {len(cells)} exercise cells under the headings 'Exercise N · …' numbered {numbers}"
    if not 3 <= len(cells) <= 6:
        yield None, f"has {len(cells)} exercises; 3 to 6 are wanted"
    for number, (index, cell) in enumerate(cells, start=1):
        if not re.search(rf"^q{number}\.check\(", cell.source, re.MULTILINE):
            yield index, f"never calls q{number}.check(…)"
        if "..." not in cell.source or source.has_marker(cell.source):
            yield index, "shows its solution: mark it with '# solution' in the lesson"
        if not any(text.startswith("Nothing to check yet.") for text in output_texts(cell)):
            yield index, "does not answer 'Nothing to check yet.' when it is untouched"


@rule
def exercises_are_dead_ends(notebook, path):
    """No later cell uses a name that only an exercise cell defines."""
    from_exercises, elsewhere = {}, set()
    for index, cell in code_cells(notebook):
        stored, loaded = names(cell.source)
        if "exercise" in tags(cell):
            from_exercises.update(dict.fromkeys(stored - elsewhere, index + 1))
            continue
        for name in sorted(loaded & from_exercises.keys() - stored):
            yield index, f"uses {name!r}, which the exercise in cell {from_exercises[name]} defines"
        elsewhere |= stored
        for name in stored & from_exercises.keys():
            del from_exercises[name]


def names(code):
    """The names that a cell defines and those that it reads, functions' own names aside; none if it is no Python."""
    try:
        cell = symtable.symtable(code, "cell", "exec")
    except SyntaxError:
        return set(), set()
    scopes = [cell]
    for scope in scopes:
        scopes += scope.get_children()
    stored = {symbol.get_name() for symbol in cell.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    loaded = {
        symbol.get_name()
        for scope in scopes
        for symbol in scope.get_symbols()
        if symbol.is_referenced() and (scope is cell or symbol.is_global())
    }
    return stored, loaded


@rule
def plain_python(notebook, path):
    """No star imports, no shell or magic commands."""
    for index, cell in code_cells(notebook):
        if re.search(r"^\s*from \S+ import \*", cell.source, re.MULTILINE):
            yield index, "has a star import"
        if re.search(r"^\s*[!%]", cell.source, re.MULTILINE):
            yield index, "uses a shell or magic command"


@rule
def executed(notebook, path):
    """Every code cell was run, in order, and what nbval compares has something to compare."""
    counts = [cell.execution_count for _, cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield None, "was not run from top to bottom, or its outputs were stripped: run make notebooks"
    for index, cell in code_cells(notebook):
        if "nbval-check-output" in tags(cell) and not cell.outputs:
            yield index, "is tagged nbval-check-output but has no output"
        shows = re.search(r"^show(_\w+)?\(|^\w+_explorer\(", cell.source, re.MULTILINE)
        if shows and not cell.outputs:
            yield index, "shows a figure but has no output"


@rule
def live_links(notebook, path):
    """Every relative link leads to a file, every figure from a recorded run was filled in."""
    for index, cell in prose_cells(notebook):
        for target in LINK.findall(cell.source):
            file = target.partition("#")[0]
            if file and "://" not in target and not (path.parent / file).exists():
                yield index, f"links to {target}, which does not exist"
        if "{{" in cell.source:
            yield index, "has a {{…}} that was not filled in"


@rule
def launch_links(notebook, path):
    """The first cell opens this very file on Binder and on Colab, from the repository and tag of pyproject.toml."""
    wanted = set(launch.configured().links(path.name).values())
    for address in sorted(wanted - set(launch.ONLINE.findall(notebook.cells[0].source))):
        yield 0, f"lacks the link {address}"
    for index, cell in prose_cells(notebook):
        for address in sorted(set(launch.ONLINE.findall(cell.source)) - wanted):
            yield index, f"links to {address}: not this file in the repository and tag of pyproject.toml"


@rule
def launch_cell(notebook, path):
    """The first code cell is the generated one that fetches the course on Colab."""
    wanted = launch.configured().cell()
    if not code_cells(notebook) or code_cells(notebook)[0][1].source != wanted or notebook.cells[1].source != wanted:
        yield 1, "is not the generated cell that fetches the course on Colab: run make notebooks"
    elif notebook.cells[1].metadata != launch.CELL_METADATA:
        yield 1, "is not folded, though learners start below it: run make notebooks"


@rule
def light(notebook, path):
    """At most 700 KB, no widget state or live view, no run-time metadata."""
    size = path.stat().st_size
    if size > LARGEST_NOTEBOOK:
        yield None, f"weighs {size / 1000:.0f} KB; {LARGEST_NOTEBOOK / 1000:.0f} KB is the limit"
    if set(notebook.metadata) != {"kernelspec", "language_info"}:
        yield None, f"carries metadata that the build does not write: {sorted(notebook.metadata)}"
    for index, cell in enumerate(notebook.cells):
        if any(LIVE_VIEW in output.get("data", {}) for output in cell.get("outputs", [])):
            yield index, "stores the live view of a widget, which shows nothing without its kernel: run make notebooks"
        if set(cell.metadata) - {"tags"} and cell.id != launch.CELL_ID:
            yield index, f"carries metadata that the build does not write: {sorted(cell.metadata)}"

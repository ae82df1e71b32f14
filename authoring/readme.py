"""Write the README's generated parts: address, lessons from their first cells, launch links, recorded runs."""

import re
from statistics import median
from typing import NamedTuple

import nbformat

from authoring import launch
from authoring.execute import NOTEBOOKS, ROOT
from helpers import runs

README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- (?P<table>\w+): .*? -->\n).*?(<!-- end -->)", re.DOTALL)
NO_ADDRESS = (
    f"There is no public repository yet: `{launch.PLACEHOLDER}` stands for its owner. Until then, unzip the archive\n"
    "that you were given and `cd` into its folder."
)
UNPUBLISHED = (
    "**Unproven until the course has a public repository:** in these links "
    f"`{launch.PLACEHOLDER}` stands for an owner that there is not yet."
)
# What the public tutorials are called that the course rebuilds; a recorded run names its own by the key.
SYSTEMS = {
    "S1": "a tutorial's CNN for CIFAR-10",
    "S2": "a tutorial's small Xception",
    "S3": "a blog post's dense network",
    "S4": "a Keras e-book's CNN, chapter 5",
    "S5": "a tutorial's first CNN for cats and dogs",
    "course": "the course's own",
}


class Headline(NamedTuple):
    """What the first cell of a notebook states: title, promise in one sentence, minutes as text."""

    title: str
    promise: str
    minutes: str


def headline(notebook):
    """The `Headline` of a notebook."""
    text = notebook.cells[0].source
    promise = re.search(r"^\*\*(.+?)\*\*$", text, re.MULTILINE | re.DOTALL)[1]
    return Headline(
        title=re.search(r"^# (.+)$", text, re.MULTILINE)[1],
        promise=" ".join(promise.split()),
        minutes=re.search(r"\*\*Time:\*\* about (\d+) minutes", text)[1],
    )


def headlines():
    """(path, `Headline`) of every notebook, in order."""
    return [(path, headline(nbformat.read(path, as_version=4))) for path in sorted(NOTEBOOKS.glob("*.ipynb"))]


def clone_lines():
    """How to get the course with git, and whether that can work yet."""
    place = launch.configured()
    lines = ["```", f"git clone {place.repository}", f"cd {place.repository.rpartition('/')[2]}", "```"]
    return "\n".join(lines if place.published else [*lines, "", NO_ADDRESS])


def lessons_table():
    """The lessons as a Markdown table: title, promise and minutes as their first cells state them."""
    rows = ["| lesson | what you do | minutes |", "|---|---|---|"]
    for path, (title, promise, minutes) in headlines():
        rows.append(f"| [{title}](notebooks/{path.name}) | {promise} | {minutes} |")
    return "\n".join(rows)


def launch_table():
    """The links that open each lesson online, as a Markdown table, and whether they can work yet."""
    place = launch.configured()
    rows = [] if place.published else [UNPUBLISHED, ""]
    rows += ["| lesson | Binder | Colab |", "|---|---|---|"]
    for path, (title, *_) in headlines():
        binder, colab = place.links(path.name).values()
        rows.append(f"| {title} | [open on Binder]({binder}) | [open on Colab]({colab}) |")
    return "\n".join(rows)


def runs_table():
    """The recorded runs as Markdown tables, variations apart, with where they were measured."""
    recorded = {path.stem: runs.load(path.stem) for path in sorted(runs.RESULTS.glob("*.json"))}

    def varies(name):
        return any(
            name.startswith(f"{other}_") and run["system"] == recorded[name]["system"]
            for other, run in recorded.items()
        )

    def table(names, quantity, title):
        yield f"| run | network and recipe of | trained on | test accuracy | tested on | seeds | {title} |"
        yield "|---|---|---|---|---|---|---|"
        for name in names:
            run, figures = recorded[name], runs.compare(name).loc[name]
            yield (
                f"| [`{name}`](data/results/{name}.json) | {SYSTEMS[run['system']]} | {run['dataset']['train']:,} | "
                f"{figures['test accuracy']} | {run['dataset']['test']:,} | {len(run['seeds'])} | "
                f"{median(run[quantity]):,.0f} |"
            )

    variations = [name for name in recorded if varies(name)]
    machines = sorted({f"{run['hardware']}, {run['date']}" for run in recorded.values()})
    rows = [*table((name for name in recorded if name not in variations), "wall_seconds", "training seconds"), ""]
    rows += [f"<details><summary>{len(variations)} variations: one of these runs with one thing changed</summary>", ""]
    rows += [*table(variations, "cpu_seconds", "CPU seconds"), "", "</details>", ""]
    rows.append(
        "Mean over seeds with the half-width of its 95 % interval in points; median seconds. Other work shared the "
        "machine at times: compare training seconds only where a lesson says that two runs were trained in turn. CPU "
        "seconds are those of all cores, loading and testing included. "
        f"Measured on {'; '.join(machines)}. Each file holds its seeds, data, versions and command."
    )
    return "\n".join(rows)


def wanted():
    """The README's text with its generated parts brought up to date."""
    tables = {"address": clone_lines, "lessons": lessons_table, "launch": launch_table, "runs": runs_table}
    text = README.read_text(encoding="utf-8")
    return BLOCK.sub(lambda match: f"{match[1]}\n{tables[match['table']]()}\n\n{match[3]}", text)


def readme_drift():
    """A sentence if the README's generated parts are out of date."""
    if wanted() != README.read_text(encoding="utf-8"):
        yield "README.md: its generated parts are not what lessons and recorded runs say: run make notebooks"
    title = launch.configured().title
    if not README.read_text(encoding="utf-8").startswith(f"# {title}\n"):
        yield f"README.md: its first line is not the title in pyproject.toml, '# {title}'"


def refresh():
    """Bring the README's generated parts up to date."""
    README.write_text(wanted(), encoding="utf-8")


if __name__ == "__main__":
    refresh()

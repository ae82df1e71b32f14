"""Write the README's tables: lessons from their first cells, launch links, recorded runs from data/results."""

import re

import nbformat

from authoring import launch
from authoring.execute import NOTEBOOKS, ROOT
from helpers import runs

README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- (?P<table>\w+): .*? -->\n).*?(<!-- end -->)", re.DOTALL)
UNPUBLISHED = (
    "**Unproven until the course has a public repository:** in these links "
    f"`{launch.PLACEHOLDER}` stands for an owner that there is not yet."
)
SYSTEMS = {"course": "the course's own"}


def lessons_table():
    """The lessons as a Markdown table: title, promise and minutes as their first cells state them."""
    rows = ["| lesson | what you do | minutes |", "|---|---|---|"]
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        text = nbformat.read(path, as_version=4).cells[0].source
        promise = " ".join(re.search(r"^\*\*(.+?)\*\*$", text, re.MULTILINE | re.DOTALL)[1].split())
        minutes = re.search(r"\*\*Time:\*\* about (\d+) minutes", text)[1]
        rows.append(f"| [{title_in(path)}](notebooks/{path.name}) | {promise} | {minutes} |")
    return "\n".join(rows)


def title_in(path):
    """The text of a notebook's first heading."""
    return re.search(r"^# (.+)$", nbformat.read(path, as_version=4).cells[0].source, re.MULTILINE)[1]


def launch_table():
    """The links that open each lesson online, as a Markdown table, and whether they can work yet."""
    place = launch.configured()
    rows = [] if place.published else [UNPUBLISHED, ""]
    rows += ["| lesson | Binder | Colab |", "|---|---|---|"]
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        binder, colab = place.links(path.name).values()
        rows.append(f"| {title_in(path)} | [open on Binder]({binder}) | [open on Colab]({colab}) |")
    return "\n".join(rows)


def runs_table():
    """The recorded runs as a Markdown table, with where they were measured."""
    rows = ["| run | system | test accuracy | test examples | seeds | training seconds |"]
    rows.append("|---|---|---|---|---|---|")
    machines = set()
    for name in sorted(path.stem for path in runs.RESULTS.glob("*.json")):
        run = runs.load(name)
        figures = runs.compare(name).loc[name]
        rows.append(
            f"| [`{name}`](data/results/{name}.json) | {SYSTEMS.get(run['system'], run['system'])} | "
            f"{figures['test accuracy']} | {figures['test examples']:,} | {figures['seeds']} | "
            f"{figures['training seconds']} |"
        )
        machines.add(f"{run['hardware']}, {run['date']}")
    rows += [
        "",
        "Mean over seeds with the half-width of its 95 % interval in points; median seconds. Measured on "
        f"{'; '.join(sorted(machines))}. Each file holds its seeds, data, versions and command.",
    ]
    return "\n".join(rows)


def wanted():
    """The README's text with its tables brought up to date."""
    tables = {"lessons": lessons_table, "launch": launch_table, "runs": runs_table}
    text = README.read_text(encoding="utf-8")
    return BLOCK.sub(lambda match: f"{match[1]}\n{tables[match['table']]()}\n\n{match[3]}", text)


def readme_drift():
    """A sentence if the README's tables are out of date."""
    if wanted() != README.read_text(encoding="utf-8"):
        yield "README.md: its tables are not what lessons and recorded runs say: run make notebooks"
    title = launch.configured().title
    if not README.read_text(encoding="utf-8").startswith(f"# {title}\n"):
        yield f"README.md: its first line is not the title in pyproject.toml, '# {title}'"


def refresh():
    """Bring the README's tables up to date."""
    README.write_text(wanted(), encoding="utf-8")


if __name__ == "__main__":
    refresh()

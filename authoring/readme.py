"""Write the README's table of recorded runs from data/results (python -m authoring.readme)."""

import re

from authoring.execute import ROOT
from helpers import runs

README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- figures: .*? -->\n).*?(<!-- end of figures -->)", re.DOTALL)
SYSTEMS = {"course": "the course's own"}


def table():
    """The recorded runs as a Markdown table, with where they were measured."""
    rows = ["## Recorded runs", "", "| run | system | test accuracy | test examples | seeds | training seconds |"]
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
    """The README's text with the table brought up to date."""
    text = README.read_text(encoding="utf-8")
    return BLOCK.sub(lambda match: f"{match[1]}\n{table()}\n\n{match[2]}", text)


def readme_drift():
    """A sentence if the README's figures are not those of the recorded runs."""
    if wanted() != README.read_text(encoding="utf-8"):
        yield "README.md: its figures are not those of data/results: run make notebooks"


def refresh():
    """Bring the README's table up to date."""
    README.write_text(wanted(), encoding="utf-8")


if __name__ == "__main__":
    refresh()

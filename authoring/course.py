"""Run every lesson and write the executed course as a web site.

    python -m authoring.course

build/site/index.html leads to one page per lesson; it needs no network. build/run_report.json says what each lesson
cost: seconds, peak memory, longest cell, errors, warnings. The profile is that of the shell (COURSE_PROFILE).
"""

import html
import json
import re
import shutil
import sys
from dataclasses import asdict

import latex2mathml.converter
import nbformat
from nbconvert import HTMLExporter
from tqdm import tqdm

from authoring import launch
from authoring.build import NOTEBOOKS
from authoring.execute import ROOT, kernel_environment, run_notebook
from authoring.readme import headline
from helpers import profile, runs

SITE = ROOT / "build" / "site"
REPORT = ROOT / "build" / "run_report.json"
MATH = re.compile(r"\$\$(?P<block>.+?)\$\$|(?<![\\$`\w])\$(?P<inline>[^$\n`]+?)\$(?!\w)", re.DOTALL)
STYLE = """<style>
main { max-width: 56rem; margin: 0 auto; }
div.jp-InputArea-editor, div.jp-OutputArea-output, div.jp-RenderedHTMLCommon { overflow-x: auto; }
nav.course { max-width: 56rem; margin: 1rem auto; font: 1rem sans-serif; display: flex; gap: 2rem; }
body.index { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1.1rem/1.6 sans-serif; }
body.index li { margin-bottom: 1rem; }
body.index small { color: #595959; }
</style>"""


def with_mathml(text):
    """Replace TeX in prose by MathML, which browsers draw by themselves: no script from the network is needed."""

    def convert(match):
        tex, display = (match["block"], "block") if match["block"] else (match["inline"], "inline")
        return latex2mathml.converter.convert(tex.strip(), display=display)

    parts = re.split(r"(```.*?```|`[^`\n]*`)", text, flags=re.DOTALL)  # dollars inside code are dollars
    return "".join(part if index % 2 else MATH.sub(convert, part) for index, part in enumerate(parts))


def page(notebook, path, titles):
    """The executed notebook as one HTML page, with links to the lessons before and after it.

    The cell that fetches the course on Colab has done nothing here and is left out.
    """
    notebook.cells = [cell for cell in notebook.cells if cell.id != launch.CELL_ID]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\((\d\d_\w+)\.ipynb", r"](\1.html", with_mathml(cell.source))
    exporter = HTMLExporter(mathjax_url="", require_js_url="", mermaid_js_url="")
    body, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": titles[path.stem]}})
    order = list(titles)
    here = order.index(path.stem)
    links = ['<a href="index.html">All lessons</a>']
    links += [f'<a href="{name}.html">← {html.escape(titles[name])}</a>' for name in order[max(here - 1, 0) : here]]
    links += [f'<a href="{name}.html">{html.escape(titles[name])} →</a>' for name in order[here + 1 : here + 2]]
    navigation = f'<nav class="course">{" ".join(links)}</nav>'
    body = body.replace("</head>", f"{STYLE}</head>").replace("</body>", f"{navigation}</body>")
    body = re.sub(
        r"<script[^>]*>\s*</script>|<script[^>]*>(?:(?!</script>).)*mermaid.*?</script>", "", body, flags=re.S
    )
    return re.sub(r"(<body[^>]*>)", lambda match: match[1] + navigation, body, count=1)


def index_page(headlines, reports):
    """The page that lists the lessons: what one does there, how long it takes a learner, what it took here."""
    items = []
    for report in reports:
        title, promise, minutes = (html.escape(text) for text in headlines[report.lesson])
        items.append(
            f'<li><a href="{report.lesson}.html">{title}</a><br>{promise}<br>'
            f"<small>About {minutes} minutes; ran here in {report.seconds:.0f} s, "
            f"peak {report.peak_mib:.0f} MiB</small></li>"
        )
    title = html.escape(launch.configured().title)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>{STYLE}</head>'
        f'<body class="index"><h1>{title}</h1><ul>{"".join(items)}</ul></body></html>\n'
    )


def told(report):
    """What a lesson cost and what went wrong in it, as lines of text."""
    lines = [
        f"{report.lesson}: {report.seconds:.0f} s, longest cell {report.longest_cell_seconds:.0f} s, "
        f"peak {report.peak_mib:.0f} MiB, {len(report.errors)} errors, {len(report.warnings)} warnings"
    ]
    lines += [f"  {error.splitlines()[0]}" for error in report.errors]
    return "\n".join(lines + [f"  {warning.splitlines()[-1]}" for warning in report.warnings])


def main():
    """Run all lessons; exit with 1 if one of them failed or warned."""
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    notebooks = {path: nbformat.read(path, as_version=4) for path in paths}
    headlines = {path.stem: headline(notebook) for path, notebook in notebooks.items()}
    titles = {name: found.title for name, found in headlines.items()}
    shutil.rmtree(SITE, ignore_errors=True)  # pages of lessons that are gone
    SITE.mkdir(parents=True)
    reports = []
    cells = sum(cell.cell_type == "code" for notebook in notebooks.values() for cell in notebook.cells)
    shape = "{l_bar}{bar:30}| {n}/{total} cells, {remaining} left"
    # disable=None: no bar where nobody looks on. The lines about the lessons come in any case.
    with tqdm(total=cells, unit="cell", bar_format=shape, disable=None) as bar:
        for path, notebook in notebooks.items():
            bar.set_description(path.stem)
            env = kernel_environment(offline=False)
            reports.append(run_notebook(notebook, path.stem, env=env, on_cell=bar.update))
            (SITE / f"{path.stem}.html").write_text(page(notebook, path, titles), encoding="utf-8")
            bar.write(told(reports[-1]))
            sys.stdout.flush()
    (SITE / "index.html").write_text(index_page(headlines, reports), encoding="utf-8")
    machine = runs.environment()
    summary = {"profile": profile.name(), "versions": machine["versions"], "cpu": machine["hardware"]}
    summary["lessons"] = [rounded(asdict(report)) for report in reports]
    REPORT.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(f"Read it: {(SITE / 'index.html').relative_to(ROOT)}; figures: {REPORT.relative_to(ROOT)}")
    return 1 if any(report.errors or report.warnings for report in reports) else 0


def rounded(fields):
    """The same dict with its floats cut to one decimal."""
    return {key: round(value, 1) if isinstance(value, float) else value for key, value in fields.items()}


if __name__ == "__main__":
    sys.exit(main())

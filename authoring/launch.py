"""Where the course can be opened online, all derived from [tool.course] in pyproject.toml.

A built notebook carries links that open it on Binder and Colab and a first code cell that fetches the course on Colab;
the README lists the links of all lessons. Nothing here asks the network.
"""

import functools
import re
import tomllib
from dataclasses import dataclass

from authoring.execute import ROOT

GITHUB = re.compile(r"https://github\.com/([\w-]+)/([\w-][\w.-]*)")
ONLINE = re.compile(r"https?://(?:mybinder\.org|colab\.research\.google\.com)/[^\s)\"'>]+")
PLACEHOLDER = "OWNER"
CELL_ID = "launch"
FOLDER = "course"  # what the clone is called on Colab

# The cell is folded: in JupyterLab by the first of these, on Colab by the second, which shows its title instead.
CELL_METADATA = {"cellView": "form", "jupyter": {"source_hidden": True}}

CELL = """\
# @title On Google Colab, fetch the course at its release; anywhere else this cell changes nothing.
import os
import sys
from importlib.util import find_spec
from subprocess import run
if not find_spec("helpers"):
    assert "google.colab" in sys.modules, "The course is not installed here: start it as in README."
{unpublished}\
    release = ["--branch={tag}", "{repository}"]
    run(["git", "clone", "--quiet", "--depth=1", *release, "{folder}"], check=True)
    run([sys.executable, "-m", "pip", "install", "-q", "-e", "{folder}"], check=True)
    sys.path.append(os.path.abspath("{folder}"))
    os.chdir("{folder}/notebooks")"""
UNPUBLISHED = """\
    raise RuntimeError("Colab cannot fetch the course: it has no public address yet (README.md).")
"""


@dataclass(frozen=True)
class Launch:
    """The public repository: its title, its address on GitHub, and the tag that learners get."""

    title: str
    repository: str
    tag: str

    def __post_init__(self):
        if not GITHUB.fullmatch(self.repository) or self.repository.endswith(".git"):
            raise ValueError(
                f"pyproject.toml, [tool.course]: repository is {self.repository!r}; "
                "write it as https://github.com/OWNER/NAME, without .git or a slash at the end."
            )
        if not re.fullmatch(r"[\w.-]+", self.tag):
            raise ValueError(f"pyproject.toml, [tool.course]: {self.tag!r} is no tag; use letters, digits, dots.")

    @property
    def published(self):
        """False while the owner is still the placeholder."""
        return GITHUB.fullmatch(self.repository)[1] != PLACEHOLDER

    def links(self, notebook):
        """The addresses that open the notebook of that file name, by service."""
        place = "/".join(GITHUB.fullmatch(self.repository).groups())
        return {
            "Binder": f"https://mybinder.org/v2/gh/{place}/{self.tag}?urlpath=lab/tree/notebooks/{notebook}",
            "Colab": f"https://colab.research.google.com/github/{place}/blob/{self.tag}/notebooks/{notebook}",
        }

    def badges(self, notebook):
        """The line of Markdown under a lesson's first cell. No pictures: a lesson also opens offline."""
        links = " · ".join(f"[{service}]({address})" for service, address in self.links(notebook).items())
        return f"**Open it online:** {links}" + ("" if self.published else " (works once the course is published)")

    def cell(self):
        """The code cell that fetches the course on Colab; the same in every lesson."""
        return CELL.format(
            repository=self.repository, tag=self.tag, folder=FOLDER, unpublished="" if self.published else UNPUBLISHED
        )


@functools.cache
def configured():
    """The `Launch` that pyproject.toml describes."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return Launch(**tomllib.loads(text)["tool"]["course"])


def launch_drift():
    """A sentence if the tag is not that of the version in pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if configured().tag != f"v{version}":
        yield f"pyproject.toml: the tag is {configured().tag}, the version {version}; the tag should be v{version}"

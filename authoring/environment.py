"""Write environment.yml, for conda (python -m authoring.environment).

Dependencies and comments come from pyproject.toml, versions from requirements.lock.
"""

import re
import tomllib

from packaging.requirements import Requirement

from authoring.execute import ROOT

TARGET = ROOT / "environment.yml"
# A learner's share of the dependencies; what authors need stays in pyproject's extra "author".
TABLES = ("dependencies", "tensorflow", "lab")
DEPENDENCY = re.compile(r'^\s+"(?P<spec>[^"]+)",\s*(?:# (?P<comment>.+))?$')
PYTHON = "3.12"
HEAD = f"""\
# The course's environment for conda. Generated from pyproject.toml and requirements.lock by `make lock`.
name: image-classification
channels:
  - conda-forge
dependencies:
  - python={PYTHON}  # without a version some services choose one that Keras does not run on
  - pip
  - pip:
"""


def dependency_lines(tables=TABLES):
    """Yield (requirement, comment) for every dependency in these tables of pyproject.toml, in its order."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for table in tables:
        block = re.search(rf"^{table} = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)[1]
        above = ""
        for line in block.splitlines():
            if line.strip().startswith("#"):
                above = line.strip().lstrip("# ")
            elif match := DEPENDENCY.match(line):
                yield match["spec"], match["comment"] or above


def locked_requirements():
    """Every requirement of requirements.lock, as `packaging` objects."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return [Requirement(line.rstrip(" \\")) for line in text.splitlines() if re.match(r"[a-z0-9]", line)]


def pinned(spec):
    """The requirement `spec` with the lock's version for PYTHON in place of its range; its marker stays."""
    wanted = Requirement(spec)
    environment = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
    for locked in locked_requirements():
        # A lock entry's marker also names platforms; only its Python part decides which of two versions is meant.
        about_python = locked.marker and "python" in str(locked.marker)
        if locked.name == wanted.name and (not about_python or locked.marker.evaluate(environment)):
            return f"{wanted.name}{locked.specifier}" + (f"; {wanted.marker}" if wanted.marker else "")
    raise ValueError(f"{wanted.name} is not in requirements.lock: run make lock")


def environment_text():
    """The whole text of environment.yml."""
    lines = [f"      # {comment}\n      - {pinned(spec)}" for spec, comment in dependency_lines()]
    return HEAD + "\n".join(lines) + "\n"


def uncommented():
    """Dependencies in pyproject.toml, of every table, that no comment explains."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    commented = {spec for spec, comment in dependency_lines(["dependencies", *extras]) if comment}
    return [spec for spec in sum(extras.values(), project["dependencies"]) if spec not in commented]


def environment_drift():
    """Sentences about what is out of step."""
    if not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != environment_text():
        yield "environment.yml is not what pyproject.toml says: run make lock"
    for spec in uncommented():
        yield f"pyproject.toml: the dependency {spec!r} has no comment that names its lessons"


if __name__ == "__main__":
    TARGET.write_text(environment_text(), encoding="utf-8")
    print(f"{TARGET.name}: written")

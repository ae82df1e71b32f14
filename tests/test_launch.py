"""Launches, as far as they can be proven without a public repository: Binder's recipe, conda's parser, a fake Colab.

The fake Colab downloads TensorFlow and takes minutes: COURSE_TEST_COLAB=1 asks for it. Versions below are Colab's of
August 2026; `tensorflow-cpu` stands for the same release with GPU support.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient

from authoring import check, launch, readme
from authoring.build import lesson_files, notebook_from
from authoring.environment import PYTHON, TARGET
from authoring.execute import ROOT

PUBLISHED = launch.Launch("A course", "https://github.com/somebody/image-classification-course", "v1.2.3")
COLAB_PYTHON = "3.13"
COLAB = {
    "tensorflow-cpu": "2.20.0",
    "keras": "3.13.2",
    "numpy": "2.1.3",
    "pandas": "2.2.3",
    "scipy": "1.16.3",
    "matplotlib": "3.10.0",
    "pillow": "11.3.0",
    "ipython": "7.34.0",
    "ipykernel": "6.17.1",
    "ipywidgets": "7.7.1",
    "anywidget": "0.9.21",
    "setuptools": "75.2.0",
    "scikit-learn": "1.6.1",
    "tqdm": "4.67.1",
}


def run(*command, **options):
    """Run a command to its end; what it wrote is shown if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


# The one place


def test_links_lead_to_the_file_at_the_tag():
    assert PUBLISHED.links("01_a.ipynb") == {
        "Binder": "https://mybinder.org/v2/gh/somebody/image-classification-course/v1.2.3"
        "?urlpath=lab/tree/notebooks/01_a.ipynb",
        "Colab": "https://colab.research.google.com/github/somebody/image-classification-course"
        "/blob/v1.2.3/notebooks/01_a.ipynb",
    }
    assert launch.ONLINE.findall(PUBLISHED.badges("01_a.ipynb")) == list(PUBLISHED.links("01_a.ipynb").values())


def test_a_placeholder_is_called_one():
    placeholder = launch.Launch("A course", f"https://github.com/{launch.PLACEHOLDER}/course", "v1")
    assert not placeholder.published
    assert PUBLISHED.published
    assert "once the course is published" in placeholder.badges("01_a.ipynb")
    assert "once the course is published" not in PUBLISHED.badges("01_a.ipynb")


@pytest.mark.parametrize(
    "repository",
    ["github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a/b.git", "https://github.com/a/b/", "file:///x"],
)
def test_an_address_of_another_form_is_refused(repository):
    with pytest.raises(ValueError, match=r"write it as https://github\.com/OWNER/NAME"):
        launch.Launch("A course", repository, "v1")


@pytest.mark.parametrize("tag", ["", "a b", 'v1", "--upload-pack=x', "v1/x"])
def test_a_tag_that_breaks_an_address_is_refused(tag):
    with pytest.raises(ValueError, match="is no tag"):
        launch.Launch("A course", "https://github.com/a/b", tag)


def test_the_tag_follows_the_version(monkeypatch):
    assert list(launch.launch_drift()) == []
    monkeypatch.setattr(launch, "configured", lambda: PUBLISHED)
    (sentence,) = launch.launch_drift()
    assert "the tag is v1.2.3" in sentence


def test_check_names_a_readme_that_lags_behind(monkeypatch):
    text = readme.wanted()
    assert launch.configured().links("01_convolution.ipynb")["Colab"] in text
    assert "Unproven until the course has a public repository" in text
    assert f"git clone {launch.configured().repository}\ncd image-classification-course\n" in text
    assert "There is no public repository yet" in text
    monkeypatch.setattr(launch, "configured", lambda: PUBLISHED)
    assert "Unproven until" not in readme.wanted()
    assert "no public repository yet" not in readme.wanted()
    assert f"git clone {PUBLISHED.repository}\n" in readme.wanted()
    sentences = list(check.readme_drift())
    assert any("its generated parts are not" in sentence for sentence in sentences)
    assert any("its first line is not the title" in sentence for sentence in sentences)


# The cell


def run_cell(cell, folder, before="", **env):
    """Run the text of the cell in a bare Python in `folder`, without the course and with `before` run first."""
    code = f"{before}\n{cell}\nprint('done in', os.getcwd())"
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=folder, env=clean | env, capture_output=True, text=True
    )


@pytest.mark.parametrize("place", [PUBLISHED, launch.configured()], ids=["published", "configured"])
def test_the_cell_does_nothing_where_the_course_is_installed(place, tmp_path):
    (tmp_path / "helpers").mkdir()
    before = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    done = run_cell(place.cell(), tmp_path, before, PATH="")  # no git, no pip to be found
    assert done.stdout.strip() == f"done in {tmp_path}", done.stderr
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["helpers"]


def test_without_the_course_the_cell_says_what_to_do(tmp_path):
    done = run_cell(PUBLISHED.cell(), tmp_path)
    assert done.stderr.strip().splitlines()[-1].endswith("The course is not installed here: start it as in README.")
    assert list(tmp_path.iterdir()) == []


def test_an_unpublished_course_says_so_on_colab(tmp_path):
    colab = "import sys; sys.modules['google.colab'] = sys"
    place = launch.Launch("A course", f"https://github.com/{launch.PLACEHOLDER}/course", "v1")
    done = run_cell(place.cell(), tmp_path, colab)
    assert "it has no public address yet" in done.stderr.strip().splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_the_cell_is_short_and_the_same_in_both_editions_of_every_lesson():
    cells = {
        notebook_from(lesson, solutions).cells[1].source for lesson in lesson_files() for solutions in (False, True)
    }
    assert cells == {launch.configured().cell()}
    for place in (PUBLISHED, launch.configured()):
        assert len(place.cell().splitlines()) <= 13
        assert max(map(len, place.cell().splitlines())) <= 100


# Binder and conda


def test_binder_takes_our_environment_and_our_python():
    pytest.importorskip("repo2docker", reason="jupyter-repo2docker is not installed: Binder's recipe is not rendered")
    recipe = run(sys.executable, "-m", "repo2docker", "--no-build", "--debug", ".", cwd=ROOT)
    assert f"Building conda environment for python={PYTHON}\n" in recipe
    assert "environment.yml ${REPO_DIR}/environment.yml" in recipe
    assert re.search(r"env update -p \$\{NB_PYTHON_PREFIX\} --file \"environment\.yml\"", recipe)
    assert "\nRUN ./postBuild\n" in recipe
    # A local package in environment.yml would switch Binder's layer cache off and copy everything first.
    assert recipe.index("src/environment.yml") < recipe.index("env update") < recipe.index("COPY --chown=0:0 src/ ")


def test_post_build_installs_the_course_and_nothing_else():
    script = ROOT / "postBuild"
    assert script.stat().st_mode & 0o111, "postBuild is not executable"
    assert run("git", "ls-files", "--stage", "postBuild", cwd=ROOT).startswith("100755 ")
    commands = [line for line in script.read_text().splitlines() if line and not line.startswith(("#", "set "))]
    assert commands == ["python -m pip install --no-deps --no-cache-dir --editable ."]


def conda_specs(text):
    """The lines of environment.yml that conda itself reads: neither comments nor what stands under pip."""
    return re.findall(r"^  - ([^\s#:]+)\s*(?:#.*)?$", text.partition("dependencies:\n")[2], re.MULTILINE)


def test_conda_reads_environment_yml_strictly():
    rattler = pytest.importorskip("rattler", reason="py-rattler is not installed: conda's specs are not parsed")
    specs = conda_specs(TARGET.read_text(encoding="utf-8"))
    assert [spec.partition("=")[0] for spec in specs] == ["python", "pip"]
    parsed = [rattler.MatchSpec(spec, strict=True) for spec in specs]
    assert str(parsed[0].version) == f"{PYTHON}.*"
    with pytest.raises(Exception, match="incompatible with '=='"):
        rattler.MatchSpec("keras==3.15.*", strict=True)  # strict means strict


# A fake Colab


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """A Python with Colab's versions, a stub of its package, and this checkout as the public repository."""
    if os.environ.get("COURSE_TEST_COLAB") != "1":
        pytest.skip("downloads TensorFlow and takes minutes; COURSE_TEST_COLAB=1 runs it")
    folder = tmp_path_factory.mktemp("colab")
    run(colab_python(), "-m", "venv", folder / "python")
    python = folder / "python" / "bin" / "python"
    run(python, "-m", "pip", "install", *(f"{name}=={version}" for name, version in COLAB.items()))
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (packages / "google" / "colab").mkdir(parents=True)
    (packages / "google" / "colab" / "__init__.py").touch()
    (packages / "colab_kernel.pth").write_text("import google.colab\n")  # Colab's own kernel has it imported, too
    publish(folder)
    return folder


def colab_python():
    """The Python that COURSE_COLAB_PYTHON names, else one of Colab's version, else this one."""
    if wanted := os.environ.get("COURSE_COLAB_PYTHON"):
        return wanted
    found = shutil.which(f"python{COLAB_PYTHON}")
    starts = found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0
    return found if starts else sys.executable


def publish(folder):
    """Make `folder`/public.git from the committed state of this checkout, and let git find it at the public address."""
    run("git", "clone", "--quiet", "--bare", ROOT, folder / "public.git")
    head = run("git", "rev-parse", "HEAD", cwd=ROOT).strip()
    run("git", "tag", PUBLISHED.tag, head, cwd=folder / "public.git")
    (folder / "gitconfig").write_text(
        f'[url "{(folder / "public.git").as_uri()}"]\n\tinsteadOf = {PUBLISHED.repository}\n'
        "[advice]\n\tdetachedHead = false\n"
    )


def frozen(python):
    """Everything that is installed, by name, the course aside."""
    lines = run(python, "-m", "pip", "list", "--format=freeze").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line)
    return {name: version for name, version in pairs if name != "image-classification-course"}


def kernel_in(python, folder):
    """A kernel manager whose only kernel is that Python's."""
    spec = folder / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True, exist_ok=True)
    command = f'["{python}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"]'
    spec.write_text(f'{{"argv": {command}, "display_name": "Colab", "language": "python"}}')
    return KernelSpecManager(kernel_dirs=[str(folder / "kernels")], ensure_native_kernel=False)


@pytest.mark.parametrize("number", [path.name[:2] for path in lesson_files()])
def test_a_lesson_runs_on_a_fake_colab(number, colab, tmp_path, monkeypatch):
    (lesson,) = lesson_files([number])
    monkeypatch.setattr(launch, "configured", lambda: PUBLISHED)
    notebook = notebook_from(lesson)
    probe = (
        "import helpers, numpy, pandas, keras, tensorflow\nfrom helpers.datasets import DATA\n"
        "print(os.getcwd(), helpers.__file__, DATA.is_dir(), sys.version.split()[0], tensorflow.__version__, "
        "keras.__version__, numpy.__version__, pandas.__version__, sep='|')"
    )
    notebook.cells.append(nbformat.v4.new_code_cell(probe, id="probe"))
    python = colab / "python" / "bin" / "python"
    before = frozen(python)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("COURSE_", "PYTHON"))}
    env |= {"GIT_CONFIG_GLOBAL": str(colab / "gitconfig"), "IPYTHONDIR": str(tmp_path / "ipython")}
    content = tmp_path / "content"  # like Colab: a folder with nothing of the course in it
    content.mkdir()
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(content)}})
    client.create_kernel_manager().kernel_spec_manager = kernel_in(python, tmp_path)
    start = time.perf_counter()
    try:
        client.execute(env=env)
    finally:
        installed = frozen(python)
        run(python, "-m", "pip", "uninstall", "--yes", "image-classification-course")  # the next lesson starts bare
    seconds = time.perf_counter() - start
    said = notebook.cells[-1].outputs[-1].text.strip()
    print(f"\n{lesson.stem} on a fake Colab: {seconds:.0f} s; {said}")
    folder, module, found, _, tensorflow, keras, numpy, pandas = said.split("|")
    clone = content / launch.FOLDER
    assert Path(folder) == clone / "notebooks"
    assert Path(module) == clone / "helpers" / "__init__.py"
    assert found == "True"
    assert (tensorflow, keras) == (COLAB["tensorflow-cpu"], COLAB["keras"])
    assert (numpy, pandas) == (COLAB["numpy"], COLAB["pandas"])
    changed = {name: installed.get(name) for name in before if installed.get(name) != before[name]}
    assert changed == {}, "the cell changed what Colab had installed"
    assert run("git", "describe", "--tags", "--exact-match", cwd=clone).strip() == PUBLISHED.tag
    assert run("git", "rev-list", "--count", "HEAD", cwd=clone).strip() == "1", "the clone is not shallow"
    assert troubles(notebook) == []


def troubles(notebook):
    """What cells wrote to standard error, and the errors that no tag announced."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                found.append(f"{cell.id}: {output.text[:300]}")
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                found.append(f"{cell.id}: {output.ename}")
    return found

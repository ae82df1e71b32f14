"""Run a notebook from top to bottom in a fresh kernel, and measure what it costs a learner."""

import contextlib
import os
import re
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
MIB = 2**20
LIVE_VIEW = "application/vnd.jupyter.widget-view+json"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # how IPython colours a traceback
WARNING = re.compile(r"\b\w{0,40}Warning:|^WARNING", re.MULTILINE)


@dataclass
class Report:
    """What one run of a notebook cost and whether it went well.

    The first line of an error says in which cell what happened, in one sentence.
    """

    lesson: str
    seconds: float = 0.0
    peak_mib: float = 0.0
    longest_cell_seconds: float = 0.0
    errors: list = field(default_factory=list)
    warnings: list = field(default_factory=list)


class MemoryWatch(threading.Thread):
    """Follow the resident memory of a process and its children until stopped; `peak` is in bytes."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.process = psutil.Process(pid)
        self.peak = 0
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(0.05):
            self.peak = max(self.peak, self.resident_now())

    def resident_now(self):
        """Resident bytes of the process and its children; one that has just ended, or hides, counts as nothing."""
        total = 0
        try:
            family = [self.process, *self.process.children(recursive=True)]
        except psutil.Error:
            return total
        for member in family:
            with contextlib.suppress(psutil.Error):
                total += member.memory_info().rss
        return total


def kernel_environment(profile=None, offline=True):
    """Environment of a kernel: this one's, with the profile and the network switch set.

    Published outputs and tests use the quick profile, no network and no staged data, whatever the caller's shell says.
    `profile=None` keeps what the shell says.
    """
    env = dict(os.environ)
    if profile:
        env["COURSE_PROFILE"] = profile
        env.pop("COURSE_DATA_DIR", None)
    if offline:
        env["COURSE_OFFLINE"] = "1"
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    # An empty IPython folder, so that nobody's own settings change what is published.
    ipython = ROOT / "build" / "ipython"
    ipython.mkdir(parents=True, exist_ok=True)
    env["IPYTHONDIR"] = str(ipython)
    return env


def run_notebook(notebook, name, *, cwd=NOTEBOOKS, env=None, timeout=600, on_cell=lambda: None):
    """Execute `notebook` in place in a fresh kernel and return a `Report`; it stops at the first error.

    `cwd` is the kernel's working folder, `env` its environment (see `kernel_environment`), `timeout` counts per cell
    in seconds, `on_cell` is called after each cell.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":  # what an earlier run left must not be taken for this one's
            cell.outputs, cell.execution_count = [], None
    report = Report(lesson=name)
    cell_started = {}

    def started(cell, cell_index):
        cell_started[cell_index] = time.perf_counter()

    def finished(cell, cell_index, execute_reply):
        seconds = time.perf_counter() - cell_started[cell_index]
        report.longest_cell_seconds = max(report.longest_cell_seconds, seconds)
        on_cell()

    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=timeout,
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        resources={"metadata": {"path": str(cwd)}},
        on_cell_execute=started,
        on_cell_executed=finished,
    )
    sockets = tempfile.TemporaryDirectory(prefix="course")
    manager = client.create_kernel_manager()
    if sys.platform != "win32":
        # Sockets in a private folder instead of open ports: no other user can reach the kernel, no port is taken.
        manager.transport, manager.ip = "ipc", str(Path(sockets.name) / "kernel")
    start = time.perf_counter()
    with sockets, client.setup_kernel(env=env or kernel_environment("quick")):
        watch = MemoryWatch(manager.provisioner.pid)
        watch.start()
        try:
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
        except CellExecutionError as error:
            head = f"cell {index + 1} ({cell.id}): {error.ename}: {error.evalue}"
            report.errors.append(COLOUR.sub("", f"{head}\n{error}").strip())
        except Exception as error:  # a cell that ran out of time, a kernel that died
            report.errors.append(f"cell {index + 1} ({cell.id}): {type(error).__name__}: {error}")
        watch.done.set()
        watch.join()
    report.seconds = time.perf_counter() - start
    report.peak_mib = watch.peak / MIB
    report.warnings = [text for cell in notebook.cells for text in warnings_in(cell)]
    drop_live_views(notebook)
    return report


def drop_live_views(notebook):
    """Leave of each widget what works without a kernel: its still figure.

    A stored live view points to an object of a kernel that is gone; JupyterLab would prefer it to the figure and say
    "Error displaying widget".
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(LIVE_VIEW, None)


def warnings_in(cell):
    """What a cell wrote to standard error, and every output line that looks like a warning."""
    for output in cell.get("outputs", []):
        text = output.get("text", "")
        if output.output_type == "stream" and (output.name == "stderr" or WARNING.search(text)):
            yield text.strip()

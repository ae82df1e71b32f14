"""The rail for tests in a real browser: a JupyterLab of its own, and a notebook page with what a test asks of it."""

import ast
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from authoring.execute import ROOT, kernel_environment

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENSHOTS = ROOT / "build" / "screenshots"
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are on the page, not only those in view
    "docmanager-extension/plugin": {"autosave": False},
}
LONGEST_SCREENSHOT = 3_000  # pixels; a longer picture cannot be read
ROOM_AROUND_CELLS = 250  # pixels: menus, tool bar, status bar
PANEL = "const panel = window.jupyterapp.shell.currentWidget;"


def why_not():
    """Why no browser test can run here, in a sentence; an empty one if they can."""
    if not CHROMIUM.exists():
        return "browser tests skipped: Debian's chromium is not installed (apt-get install chromium)"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "browser tests skipped: playwright is not installed (make install)"
    return ""


class Lab:
    """A JupyterLab server on a free loopback port, with folders of its own; `folder` is what it serves."""

    def __init__(self, home):
        self.folder = home / "notebooks"
        self.folder.mkdir(parents=True)
        self.log = home / "lab.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        env = kernel_environment("quick")
        for name in ("CONFIG", "DATA", "RUNTIME"):
            env[f"JUPYTER_{name}_DIR"] = str(home / name.lower())
        env["JUPYTERLAB_SETTINGS_DIR"] = str(home / "settings")
        env["JUPYTERLAB_WORKSPACES_DIR"] = str(home / "workspaces")
        for name, values in SETTINGS.items():
            file = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values), encoding="utf-8")
        options = [
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.folder}",
            "--IdentityProvider.token=",
            "--ServerApp.disable_check_xsrf=True",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
        ]
        with open(self.log, "wb") as log:
            command = [sys.executable, "-m", "jupyterlab", *options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=env, cwd=self.folder)

    def wait(self, seconds=120):
        """Return when the server answers."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/api/status", timeout=5):
                return
            time.sleep(0.2)
        raise RuntimeError(f"JupyterLab does not start:\n{self.log.read_text(errors='replace')[-3000:]}")

    def stop(self):
        """End the server; it ends its kernels."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def add(self, path):
        """Copy a notebook into the served folder, so that the original stays as it is; return its name."""
        shutil.copy(path, self.folder)
        return Path(path).name


class NotebookPage:
    """One notebook, open in the browser. `page` is Playwright's; `errors` collects what the browser complains about."""

    def __init__(self, page, url, name):
        self.page, self.name, self.errors = page, name, []
        page.on("console", self.listen)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{url}/lab/tree/{name}?reset")
        page.wait_for_function("window.jupyterapp !== undefined", timeout=120_000)
        page.evaluate("() => window.jupyterapp.restored")
        page.wait_for_function(
            f"() => {{ {PANEL} return panel && panel.context && panel.context.path === {json.dumps(name)}; }}",
            timeout=60_000,
        )
        page.evaluate(f"async () => {{ {PANEL} await panel.context.ready; await panel.sessionContext.ready; }}")
        self.wait_idle()

    def listen(self, message):
        """Keep what the console reports as an error, with the address that it is about."""
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location['url']})")

    def wait_idle(self, seconds=120):
        """Return when the kernel has nothing to do."""
        idle = f"() => {{ {PANEL} return panel.sessionContext.session?.kernel?.status === 'idle'; }}"
        self.page.wait_for_function(idle, timeout=1000 * seconds)

    def run_all(self, seconds=240):
        """Run all cells; return when the last one is done."""
        self.page.set_default_timeout(1000 * seconds)
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        self.wait_idle(seconds)
        self.page.set_default_timeout(30_000)

    def outputs(self):
        """The outputs of all code cells, from the notebook's model: a list of lists in nbformat."""
        script = "panel.context.model.toJSON().cells.filter(c => c.cell_type === 'code').map(c => c.outputs)"
        return self.page.evaluate(f"() => {{ {PANEL} return {script}; }}")

    def error_outputs(self):
        """The errors among the outputs, one line each."""
        flat = [output for outputs in self.outputs() for output in outputs]
        return [f"{output['ename']}: {output['evalue']}" for output in flat if output["output_type"] == "error"]

    def kernel(self, expression):
        """The value that a Python expression of plain values has in the kernel."""
        script = f"""async expression => {{
            {PANEL}
            const request = {{code: '', silent: true, user_expressions: {{value: expression}}}};
            const reply = await panel.sessionContext.session.kernel.requestExecute(request).done;
            return reply.content.user_expressions.value;
        }}"""
        value = self.page.evaluate(script, expression)
        if value["status"] != "ok":
            raise AssertionError(f"{expression}: {value['ename']}: {value['evalue']}")
        return ast.literal_eval(value["data"]["text/plain"])

    def until(self, expression, wanted, seconds=10):
        """Wait until an expression has the wanted value in the kernel; fail with what it has."""
        end = time.monotonic() + seconds
        while (value := self.kernel(expression)) != wanted:
            assert time.monotonic() < end, f"{expression} is {value!r}, not {wanted!r}"
            time.sleep(0.1)

    def too_wide(self):
        """Outputs and widgets that do not fit into the page: their classes and widths."""
        script = """() => [...document.querySelectorAll('.jp-OutputArea-output, .jp-OutputArea-output .widget-box')]
            .filter(node => node.scrollWidth > node.clientWidth + 1)
            .map(node => `${node.className}: ${node.scrollWidth} > ${node.clientWidth}`)"""
        return self.page.evaluate(script)

    def screenshot(self, name, width=1280):
        """Save the notebook from top to bottom, the page `width` pixels wide, under build/screenshots/.

        A long notebook gives several pictures, NAME-WIDTH-1.png and so on. Returns their paths.
        """
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        before = self.page.viewport_size
        self.resize(width, before["height"])
        cells = "[...document.querySelectorAll('.jp-NotebookPanel .jp-Cell')]"
        length = self.page.evaluate(f"() => {cells}.reduce((sum, cell) => sum + cell.offsetHeight, 0)")
        height = min(max(length + ROOM_AROUND_CELLS, 700), LONGEST_SCREENSHOT)
        self.resize(width, height)
        step = height - ROOM_AROUND_CELLS
        parts = max(1, -(-length // step))
        targets = []
        for part in range(parts):
            self.page.evaluate(f"top => {{ {PANEL} panel.content.outerNode.scrollTop = top; }}", part * step)
            self.page.wait_for_timeout(200)
            targets.append(SCREENSHOTS / (f"{name}-{width}-{part + 1}.png" if parts > 1 else f"{name}-{width}.png"))
            self.page.screenshot(path=targets[-1])
        self.resize(before["width"], before["height"])
        return targets

    def resize(self, width, height):
        """Give the window another size, and the page time to arrange itself anew."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.wait_for_timeout(300)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """End the kernel and close the page."""
        with contextlib.suppress(Exception):
            self.page.evaluate(f"() => {{ {PANEL} return panel.sessionContext.shutdown(); }}")
        self.page.context.close()

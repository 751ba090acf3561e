"""JupyterLab or Voila on loopback, and a real browser that can reach nothing else."""

import base64
import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import nbformat

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
SIZE = {"width": 1280, "height": 800}
#: For Playwright's `chromium.launch`.
CHROMIUM_OPTIONS = {
    "executable_path": CHROMIUM,
    "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
}
PATIENCE = 120  # seconds until what has not come is taken not to come; a busy machine is slow

#: A picture in a page of nbconvert.
SVG_IMAGE = re.compile(r'<img[^>]*src="data:image/svg\+xml;base64,([^"]*)"[^>]*>')

#: What would cover buttons or leave cells undrawn; see `Lab.choose` for the rest.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


class Server:
    """A server of notebooks in a folder of its own, for this machine only.

    Args:
        folder: empty; notebooks, settings and kernels are in it.
        module: jupyterlab or voila.
        options: more arguments of the command line.
    """

    def __init__(self, folder, module, *options):
        self.folder = folder
        self.root = self.notebooks = folder / "notebooks"
        self.root.mkdir(exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(paths))
        environment["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
        for name in ("CONFIG", "DATA", "RUNTIME"):
            environment[f"JUPYTER_{name}_DIR"] = str(folder / name.lower())
        environment["JUPYTER_PATH"] = str(ROOT / "share" / "jupyter")
        environment["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "settings")
        environment["JUPYTERLAB_WORKSPACES_DIR"] = str(folder / "workspaces")
        self._log = (folder / "server.log").open("w", encoding="utf-8")
        command = [sys.executable, "-m", module, "--no-browser", f"--port={port}", *options]
        self._process = subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._await()

    def _await(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            try:
                urllib.request.urlopen(self.url + "/favicon.ico", timeout=2)
                return
            except urllib.error.HTTPError:
                return  # it speaks
            except OSError:
                time.sleep(0.2)
        self.close()
        log = (self.folder / "server.log").read_text(encoding="utf-8")
        raise RuntimeError(f"The server did not start:\n{log[-2000:]}")

    def write(self, name, sources, kernel="python3"):
        """Makes a notebook of code cells."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
        notebook.metadata.kernelspec = {
            "name": kernel,
            "display_name": kernel,
            "language": "python",
        }
        (self.notebooks / name).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, self.notebooks / name)

    def kernel(self, name, *paths):
        """Adds a kernel of this Python that finds the packages of some folders first."""
        folder = self.folder / "data" / "kernels" / name
        folder.mkdir(parents=True, exist_ok=True)
        spec = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": name,
            "language": "python",
            "env": {"PYTHONPATH": os.pathsep.join(map(str, (*paths, ROOT)))},
        }
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()


class Voila(Server):
    """Voila with the lab's template, for a folder of notebooks."""

    def __init__(self, folder):
        super().__init__(folder, "voila", "--template=mof", "--Voila.ip=127.0.0.1")

    def open(self, page, name):
        """Opens a notebook and waits until all its cells have run."""
        # The page comes bit by bit while the cells run; "load" would be the end of all.
        page.goto(f"{self.url}/voila/render/{name}", wait_until="commit")
        page.wait_for_selector("#rendered_cells", timeout=10 * PATIENCE * 1000)


class Lab(Server):
    """JupyterLab."""

    def __init__(self, folder):
        for plugin, values in SETTINGS.items():
            _set(folder, plugin, values)
        super().__init__(
            folder,
            "jupyterlab",
            f"--IdentityProvider.token={token(folder)}",
            "--LabApp.expose_app_in_browser=True",
            "--ServerApp.allow_root=True",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.root_dir={folder / 'notebooks'}",
            "--LabApp.extension_manager=readonly",
        )
        self.kernel("python3")
        self.choose()

    @contextlib.contextmanager
    def working_in(self, name):
        """Notebooks are in a folder of this name meanwhile; their kernels end with it."""
        self.notebooks = self.root / name
        self.notebooks.mkdir()
        yield self
        for session in self._api("sessions"):
            self._api(f"sessions/{session['id']}", "DELETE")
        self.notebooks = self.root

    def _api(self, of, method="GET"):
        """What Jupyter's server answers, None if that is nothing."""
        known = {"Authorization": f"token {token(self.folder)}"}
        request = urllib.request.Request(f"{self.url}/api/{of}", headers=known, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or "null")

    def choose(
        self,
        theme="JupyterLab Light",
        subshells="perCommTarget",
        locale="default",
        windowing="none",
    ):
        """Sets JupyterLab's settings for the pages that are opened next."""
        _set(self.folder, "notebook-extension/tracker", {"windowingMode": windowing})
        _set(self.folder, "translation-extension/plugin", {"locale": locale})
        _set(self.folder, "apputils-extension/themes", {"theme": theme})
        _set(self.folder, "apputils-extension/kernels-settings", {"commsOverSubshells": subshells})

    def open(self, page, name):
        """Opens a notebook and waits until its kernel is there."""
        self.look(page, name)
        page.wait_for_function(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
            "?.connectionStatus === 'connected'",
            timeout=PATIENCE * 1000,
        )

    def look(self, page, name):
        """Opens a notebook, whether its kernel is there or not."""
        # A workspace of its own: a page that is reloaded must not show another page's notebooks.
        path = (self.notebooks / name).relative_to(self.root).as_posix()
        workspace = f"lab/workspaces/{path.partition('.')[0].replace('/', '_')}/tree/{path}"
        page.goto(f"{self.url}/{workspace}?reset&token={token(self.folder)}")
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=PATIENCE * 1000)

    def command(self, page, name):
        """Runs a command of JupyterLab and waits for it."""
        page.evaluate("name => window.jupyterapp.commands.execute(name)", name)

    def darken(self, page):
        """Changes the theme of an open page; what is opened next is light again."""
        change = "commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })"
        page.evaluate(f"() => {{ window.jupyterapp.{change}; }}")  # its promise may never end
        page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
        saved = _place(self.folder, "apputils-extension/themes")
        for _ in range(20 * PATIENCE):
            if saved.exists() and "Dark" in saved.read_text(encoding="utf-8"):
                break
            page.wait_for_timeout(50)  # JupyterLab keeps the choice, a moment later
        self.choose()

    def exported(self, name):
        """A notebook as the HTML that nbconvert makes of it; its pictures as what is in them."""
        command = [sys.executable, "-m", "nbconvert", "--to", "html", "--stdout", name]
        ran = subprocess.run(command, cwd=self.notebooks, capture_output=True, check=True)
        html = ran.stdout.decode("utf-8")
        return SVG_IMAGE.sub(lambda image: base64.b64decode(image[1]).decode("utf-8"), html)

    def run(self, page):
        """Runs all cells of the open notebook."""
        self.command(page, "notebook:run-all-cells")


def beside(root):
    """The outputs beside a widget in JupyterLab that a reader can see."""
    an_output = "*[contains(@class, 'jp-OutputArea-child')]"
    own = root.locator(f"xpath=ancestor::{an_output}[1]")
    return [o for o in own.locator(f"xpath=following-sibling::{an_output}").all() if o.is_visible()]


def reload(page):
    """Reloads a page with a widget. ipywidgets give a kernel four seconds to say what it has: on a
    busy machine not the first time."""
    for _ in range(4):
        page.reload()
        page.wait_for_selector(".mof-panel, .jp-OutputArea-child:has-text('model not found')")
        if page.locator(".mof-panel").count():
            break


def ask(lab, page, source):
    """What a cell that is added to the open notebook prints."""
    number = page.evaluate(
        """source => {
          const { content } = window.jupyterapp.shell.currentWidget;
          const { sharedModel } = content.model, number = sharedModel.cells.length;
          sharedModel.insertCell(number, { cell_type: "code", source });
          content.activeCellIndex = number;
          return number;
        }""",
        source,
    )
    lab.command(page, "notebook:run-cell")
    output = page.locator(".jp-Cell").nth(number).locator(".jp-OutputArea-output")
    output.wait_for()
    return output.inner_text()


def until(root, condition):
    """Waits until a function of JavaScript is true of an element on the page."""
    root.page.wait_for_function(
        condition, arg=root.element_handle(), timeout=PATIENCE * 1000, polling=50
    )


def slowness():
    """How much longer a computation takes now than on a quiet machine, where it is 1."""
    wall, own = time.perf_counter(), time.process_time()
    while time.process_time() - own < 0.1:
        pass
    return max(1.0, (time.perf_counter() - wall) / 0.1)


def token(folder):
    """The token of a server is the same for all that know its folder."""
    path = folder / "token"
    if not path.exists():
        path.write_text(secrets.token_hex(16), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _place(folder, plugin):
    return folder / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"


def _set(folder, plugin, values):
    path = _place(folder, plugin)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


class Gate:
    """Lets a browser's requests to this machine pass, stops and notes all others."""

    def __init__(self, context):
        self.outside = []
        context.route("**/*", self._check)
        context.on("page", lambda page: page.on("websocket", self._socket))

    def _local(self, url):
        parts = urlsplit(url)
        if parts.scheme in ("data", "blob", "about", "file") or parts.hostname == "127.0.0.1":
            return True
        self.outside.append(url)
        return False

    def _check(self, route):
        if self._local(route.request.url):
            route.continue_()
        else:
            route.abort()

    def _socket(self, socket_):
        self._local(socket_.url)

"""A real JupyterLab or Voilà on this machine and a real browser: fixtures for the tests that drive widgets.

Nothing is asked of the internet: each page records such requests in ``page.external`` and refuses them, and records
errors of the page's scripts in ``page.errors``. Pictures go to the folder that MUSICLAB_SHOTS names, else to a
temporary one.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from musiclab.datasets.cache import cache_folder

REPOSITORY = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--mute-audio",
]  # fmt: skip
APP = ["--no-browser", "--template=offline", "--Voila.ip=127.0.0.1", "--show_tracebacks=True"]
QUIET = {  # JupyterLab settings: nothing pops up, and every cell is in the page even when off screen
    "@jupyterlab/apputils-extension:notification": {
        "checkForUpdates": False, "fetchNews": "false", "doNotDisturbMode": True
    },
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}  # fmt: skip
RUN_ALL = """() => { window.ran = false; (async () => {
    const app = window.jupyterapp; await app.restored;
    const notebook = app.shell.currentWidget;
    await notebook.context.ready; await notebook.sessionContext.ready;
    await app.commands.execute('notebook:run-all-cells');
    window.ran = true; })(); }"""
ERRORS = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells].flatMap(
    cell => (cell.sharedModel.outputs || []).filter(output => output.output_type == 'error').map(
    error => error.ename + ': ' + error.evalue))"""


@pytest.fixture(scope="session")
def browser():
    """Chromium, started once; the tests are skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}: apt install chromium, or name one in the variable CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(90_000)  # a busy machine is no fault
    page = context.new_page()
    page.errors, page.external = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))

    def refuse(route):
        page.external.append(route.request.url)
        route.abort()

    context.route(lambda url: "//127.0.0.1" not in url and not url.startswith(("data:", "blob:")), refuse)
    yield page
    context.close()


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory) -> Path:
    """The folder that JupyterLab serves: a copy of our notebooks, to which a test may add its own."""
    root = tmp_path_factory.mktemp("lab")
    shutil.copytree(REPOSITORY / "notebooks", root / "notebooks")
    return root / "notebooks"


@pytest.fixture(scope="session")
def lab(lab_folder, browser) -> Iterator[str]:
    """The address of a JupyterLab that knows nothing of the user's own settings."""
    pytest.importorskip("jupyterlab", reason="needs JupyterLab: pip install jupyterlab")
    settings = lab_folder.parent / "settings"
    settings.mkdir()
    (settings / "overrides.json").write_text(json.dumps(QUIET))
    options = f"""jupyterlab --no-browser --allow-root --ip=127.0.0.1 --ServerApp.port_retries=0
        --IdentityProvider.token= --ServerApp.password= --ServerApp.disable_check_xsrf=True --LabApp.news_url=None
        --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate --LabApp.app_settings_dir={settings}
        --LabApp.extension_manager=readonly --ServerApp.terminals_enabled=False --expose-app-in-browser""".split()
    with _serving(options, lab_folder, "api/status") as address:
        yield address


@pytest.fixture(scope="session")
def voila(lab_folder, browser):
    """A function that serves one notebook as an app, as ``make app`` does, and returns the app's address."""
    pytest.importorskip("voila", reason="needs Voilà: pip install voila")
    with ExitStack() as open_servers:
        yield lambda name: open_servers.enter_context(
            _serving(["voila", name, *APP], lab_folder, "voila/static/voila.js")  # GET / would run the notebook
        )


@contextmanager
def _serving(options: list[str], folder: Path, ready: str) -> Iterator[str]:
    """Run ``python -m`` with these options and a free port, from a home of its own; stop it and its kernels after."""
    root = folder.parent
    places = "JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR JUPYTER_RUNTIME_DIR JUPYTERLAB_SETTINGS_DIR JUPYTERLAB_WORKSPACES_DIR"
    env = {name: str(root / "home" / name) for name in [*places.split(), "IPYTHONDIR"]}
    env = dict(os.environ, **env, HOME=str(root / "home"), PYTHONPATH=str(REPOSITORY))
    env.pop("MPLBACKEND", None)  # figures show, as for a user
    env["JUPYTER_PATH"] = str(folder / "app")  # where the app's page is
    env.setdefault("MUSICLAB_CACHE", str(cache_folder()))  # HOME is new, the cache is not
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = root / f"{options[0]}-{port}.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", *options, f"--port={port}"], cwd=folder, env=env, stdout=out,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(f"http://127.0.0.1:{port}/{ready}", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)  # its own session: the server and its kernels
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait_for(url: str, server: subprocess.Popen, log: Path, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not start:\n" + log.read_text()[-3000:])


@pytest.fixture
def run_notebook(lab):
    """A function that opens a notebook of the lab folder in a page, runs all its cells and returns their errors.

    Afterwards its kernel is stopped.
    """

    def run(page, name: str, seconds: float = 120, theme: str = "JupyterLab Light") -> list[str]:
        page.goto(f"{lab}/lab/tree/{name}?reset")  # reset: no workspace of an earlier test
        page.wait_for_function("window.jupyterapp && window.jupyterapp.started", timeout=60_000)
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        page.evaluate(RUN_ALL)
        page.wait_for_function("window.ran", timeout=seconds * 1000)
        return page.evaluate(ERRORS)

    yield run
    with urllib.request.urlopen(f"{lab}/api/kernels") as kernels:  # or each test leaves one
        for kernel in json.load(kernels):
            urllib.request.urlopen(urllib.request.Request(f"{lab}/api/kernels/{kernel['id']}", method="DELETE")).close()


@pytest.fixture(scope="session")
def write_notebook(lab_folder):
    """A function that writes a notebook with the given code cells into the lab folder and returns its name."""
    nbformat = pytest.importorskip("nbformat")

    def write(name: str, *cells: str) -> str:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, lab_folder / name)
        return name

    return write


@pytest.fixture
def kernel_state(lab_folder):
    """A function that names a file to which a notebook's kernel writes its state, and returns a function that waits
    until the state is as wanted, and returns it."""

    def watch(name: str):
        path = lab_folder / name
        path.unlink(missing_ok=True)

        def until(wanted, seconds=60):
            end, value = time.monotonic() + seconds, None
            while time.monotonic() < end:
                with suppress(OSError, ValueError):  # not there yet, or half written
                    value = json.loads(path.read_text())
                    if wanted(value):
                        return value
                time.sleep(0.03)
            raise AssertionError(f"never came about, last {value}")

        return until

    return watch


@pytest.fixture(scope="session")
def shots(tmp_path_factory) -> Path:
    """The folder for pictures of the page."""
    folder = Path(os.environ.get("MUSICLAB_SHOTS") or tmp_path_factory.mktemp("shots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder

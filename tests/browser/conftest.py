"""A JupyterLab and a Chromium for all tests of this folder; where one is missing, they skip."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import harness


@pytest.fixture(scope="session")
def browser():
    """Chromium, driven by Playwright."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install -e .[browser]"
    )
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed: pip install -e .[lab]")
    if not Path(harness.CHROMIUM).exists():
        pytest.skip("there is no /usr/bin/chromium: apt-get install chromium fonts-noto-cjk")
    with playwright.sync_playwright() as started:
        yield started.chromium.launch(**harness.CHROMIUM_OPTIONS)


@pytest.fixture(scope="session")
def jupyterlab(browser, tmp_path_factory):
    """A running JupyterLab."""
    server = harness.Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def lab(jupyterlab, request):
    """The running JupyterLab; the tests of each module have a folder and kernels of their own."""
    with jupyterlab.working_in(request.module.__name__.rpartition(".")[2]) as lab:
        yield lab


@contextlib.contextmanager
def guarded(browser, pictures, name):
    """A page of 1280 × 800; no script of the lab may fail, no request may leave this machine."""
    context = browser.new_context(viewport=harness.SIZE)
    gate, errors = harness.Gate(context), []
    page = context.new_page()
    page.set_default_timeout(harness.PATIENCE * 1000)
    page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    try:
        yield page
    except BaseException:
        page.screenshot(path=pictures / f"failed_{name}.png")
        raise
    finally:
        context.close()
    assert gate.outside == []
    assert [error for error in errors if "blob:" in error] == []  # where widgets run


@pytest.fixture
def page(browser, pictures, request):
    """A page of its own for a test."""
    with guarded(browser, pictures, request.node.name) as page:
        yield page
        if getattr(request.node, "failed", False):
            page.screenshot(path=pictures / f"failed_{request.node.name}.png")


@pytest.fixture(scope="module")
def browser_page(browser, pictures):
    """A page that the tests of a module share."""
    with guarded(browser, pictures, "shared") as page:
        yield page


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.failed = report.failed or getattr(item, "failed", False)
    return report


@pytest.fixture(scope="session")
def old_ipykernel(tmp_path_factory):
    """A folder with an ipykernel of the 6 line, for a kernel to find first."""
    folder = tmp_path_factory.mktemp("ipykernel")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
    packages = ["ipykernel==6.31.0", "nest_asyncio"]
    if subprocess.run([*map(str, command), *packages], capture_output=True).returncode:
        pytest.skip("pip could not bring ipykernel 6.31")
    return folder


@pytest.fixture(scope="session")
def voila(browser, tmp_path_factory):
    """A running Voila."""
    pytest.importorskip("voila", reason="Voila is not installed: pip install -e .[browser]")
    server = harness.Voila(tmp_path_factory.mktemp("voila"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def response():
    """Notes how soon something was; all of it goes to the file MOF_LAB_RESPONSE, if that is set.

    Call it with what was done, of what, the unit, the limit, all that was measured, and how many
    times slower than alone the machine was.
    """
    figures = []

    def note(what, of, unit, limit, measured, busy):
        measured, busy = [round(float(m), 2) for m in measured], round(busy, 2)
        figures.append(
            {
                "what": what,
                "of": of,
                "unit": unit,
                "limit": limit,
                "measured": measured,
                "busy": busy,
            }
        )
        print(f"{what}, {of}: {measured} {unit}, limit {limit}; {busy} times busy")

    yield note
    place = os.environ.get("MOF_LAB_RESPONSE")
    if place and figures:
        text = json.dumps(figures, ensure_ascii=False, indent=1)
        Path(place).write_text(text + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Where screenshots are kept: the folder MOF_LAB_PICTURES, to be looked at."""
    folder = os.environ.get("MOF_LAB_PICTURES")
    folder = Path(folder) if folder else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder

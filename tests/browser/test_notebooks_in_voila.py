"""The chat and the explorer served by Voila from the notebooks of the series."""

import shutil

import pytest

from .harness import ROOT

ALL_AT_REST = """() => [...document.querySelectorAll(".mof-panel")].every(
  (panel) => ["idle", "failed"].includes(panel.dataset.state))"""


@pytest.mark.parametrize("name", ["06_chat", "07_inside"])
def test_a_notebook_is_a_page(voila, page, pictures, name):
    shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", voila.notebooks)
    voila.open(page, f"{name}.ipynb")
    root = page.locator(".mof-panel:has(.mof-composer, .mof-axis)").first
    root.wait_for()
    page.wait_for_function(ALL_AT_REST)  # a kernel does one thing at a time
    if name == "06_chat":
        before = root.locator(".mof-exchange").count()
        root.locator("textarea").first.fill("你好")
        root.locator(".mof-main").click()
        root.locator(".mof-exchange").nth(before).locator(".mof-char").first.wait_for()
    else:
        root.locator(".mof-axis .mof-cell").nth(3).wait_for()
    page.screenshot(path=pictures / f"voila_{name}.png")

"""The explorer in a real browser: pointing, locking, switching off, comparing."""

import pytest

from .harness import PATIENCE

SOURCE = """\
from mof_lab import shipped
from mof_lab.widgets import Explorer
explorer = Explorer(shipped("tiny"), "法国的首都是哪里？", "日本的首都<b>是</b>哪里？")
explorer"""


@pytest.fixture(scope="module")
def root(lab, browser_page):
    """An explorer that has read two prompts."""
    lab.write("explorer.ipynb", [SOURCE])
    lab.open(browser_page, "explorer.ipynb")
    lab.run(browser_page)
    root = browser_page.locator(".mof-panel").first
    root.wait_for()
    browser_page.locator(".mof-axis").nth(1).wait_for()
    return root


def until(root, condition):
    handle = root.element_handle()
    root.page.wait_for_function(condition, arg=handle, timeout=PATIENCE * 1000)


def about(root):
    return root.locator(".mof-about").first.text_content()


def test_pointing_previews_clicking_locks_arrows_move(root, pictures):
    cells = root.locator(".mof-axis").first.locator(".mof-cell")
    until(root, "root => root.querySelector('.mof-axis img').naturalWidth === 720")
    cells.nth(4).hover()
    assert "4: " in about(root)
    assert root.locator(".mof-axis").first.locator(".mof-looked").count() == 5
    root.locator(".mof-status").hover()
    assert "4: " not in about(root)
    cells.nth(5).click()
    assert cells.nth(5).get_attribute("aria-current") == "true"
    root.page.keyboard.press("ArrowRight")
    assert cells.nth(6).get_attribute("aria-current") == "true"
    root.locator(".mof-status").hover()
    assert "6: " in about(root)
    root.page.screenshot(path=pictures / "explorer.png")
    root.page.keyboard.press("Escape")
    assert root.locator("[aria-current=true]").count() == 0


def test_a_switch_moves_the_probabilities_and_back(root, pictures):
    until(root, "root => root.dataset.state === 'idle'")
    before = about(root)
    switch = root.locator("[data-name='experts gru']")
    switch.click()
    until(root, "root => root.querySelector('.mof-guess').textContent.includes('→')")
    until(root, "root => root.dataset.state === 'idle'")
    assert not switch.is_checked() and about(root) != before
    root.locator(".mof-heads").scroll_into_view_if_needed()
    root.page.screenshot(path=pictures / "explorer_off.png")
    root.locator("[data-action=all_on]").click()
    until(root, "root => !root.querySelector('.mof-guess').textContent.includes('→')")
    until(root, "root => root.dataset.state === 'idle'")
    assert switch.is_checked() and about(root) == before


def test_another_head_and_no_markup(root):
    heads = root.locator(".mof-heads button")
    heads.nth(1).click()
    until(root, "r => r.querySelectorAll('.mof-heads button')[1].ariaPressed === 'true'")
    assert root.locator(".mof-heads [aria-pressed=true]").count() == 1
    assert root.locator("b").count() == 0
    assert root.evaluate("root => root.scrollWidth <= root.clientWidth")

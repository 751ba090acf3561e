"""The explorer in a real browser: pointing, locking, switching off, comparing."""

import pytest

from .harness import beside, reload, until

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


def about(root):
    return root.locator(".mof-about").first.text_content()


def test_pointing_previews_clicking_locks_arrows_move(root, pictures):
    cells = root.locator(".mof-axis").first.locator(".mof-cell")
    assert root.locator(".mof-axis > svg").first.bounding_box()["width"] == 720
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
    until(root, "root => root.querySelector('.mof-about').textContent.includes('6: ')")
    root.page.locator(".jp-InputArea").first.evaluate("a => a.style.display = 'none'")
    root.evaluate("root => root.scrollIntoView()")
    root.page.screenshot(path=pictures / "explorer.png")
    root.page.keyboard.press("Escape")
    assert root.locator("[aria-current=true]").count() == 0


def test_what_is_locked_never_jumps_back(root):
    """The kernel's word on an earlier character comes while the arrow keys go on."""
    axis = root.locator(".mof-axis").first
    axis.locator(".mof-cell").first.click()
    axis.evaluate(
        """axis => {
          const cells = [...axis.querySelectorAll(".mof-cell")];
          const at = () => cells.findIndex((c) => c.getAttribute("aria-current") === "true");
          window.locked = [at()];
          new MutationObserver(() => at() !== window.locked.at(-1) && window.locked.push(at()))
            .observe(axis, { attributes: true, subtree: true });
        }"""
    )
    for wait in (200, 20, 120, 160, 60, 250, 10):
        root.page.wait_for_timeout(wait)
        root.page.keyboard.press("ArrowRight")
    root.page.wait_for_timeout(2000)
    assert root.page.evaluate("window.locked") == list(range(8))
    root.page.keyboard.press("Escape")


def test_a_switch_moves_the_probabilities_and_back(root, pictures):
    until(root, "root => root.dataset.state === 'idle'")
    before = about(root)
    switch = root.locator("[data-name='experts gru']")
    switch.click()
    until(root, "root => root.querySelector('.mof-guess').textContent.includes('→')")
    until(root, "root => root.dataset.state === 'idle'")
    assert not switch.is_checked() and about(root) != before
    root.locator(".mof-heads").first.scroll_into_view_if_needed()
    root.page.screenshot(path=pictures / "explorer_off.png")
    root.locator("[data-action=all_on]").click()
    until(root, "root => !root.querySelector('.mof-guess').textContent.includes('→')")
    until(root, "root => root.dataset.state === 'idle'")
    assert switch.is_checked() and about(root) == before


def test_both_prompts_are_in_view_and_can_be_edited(root):
    until(root, "root => root.dataset.state === 'idle'")
    assert root.locator(".mof-axis").count() == 2
    symbols = root.locator(".mof-axis").nth(1).locator(".mof-cell")
    before = symbols.count()
    root.locator("[data-name=second]").fill("我叫<i>小明</i>\n你好，小明！")
    root.locator("[data-name=second]").press("Control+Enter")
    until(root, "r => r.querySelectorAll('.mof-axis')[1].textContent.includes('明')")
    until(root, "root => root.dataset.state === 'idle'")
    assert symbols.count() != before
    assert root.locator("i:has-text('小明')").count() == 0


def test_a_head_and_a_thought_can_be_off(root):
    for name in ("head", "thoughts 0"):
        root.locator(f"[data-name='{name}']").click()
        until(root, "root => root.querySelector('.mof-guess').textContent.includes('→')")
        until(root, "root => root.dataset.state === 'idle'")
    assert root.locator(".mof-heads .mof-off").count() == 2  # in the grid of each reading
    assert root.locator("[data-name='thoughts 0']").is_checked() is False
    root.locator("[data-action=all_on]").click()
    until(root, "root => !root.querySelector('.mof-heads .mof-off')")
    until(root, "root => root.dataset.state === 'idle'")


def test_with_the_keyboard_alone(root):
    page = root.page
    root.locator("[data-action=read]").focus()
    page.keyboard.press("Tab")  # from the button to the characters
    assert page.evaluate("document.activeElement.className") == "mof-cell"
    page.keyboard.press("End")
    last = page.evaluate("document.activeElement.ariaLabel")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.ariaLabel") != last
    page.wait_for_function("document.activeElement.ariaCurrent === 'true'")
    page.keyboard.press("Escape")
    until(root, "root => !root.querySelector('[aria-current=true]')")


def test_pointing_at_a_head_previews_it_clicking_chooses_it(root, pictures):
    grids = root.locator(".mof-heads")
    assert grids.count() == 2 and root.locator(".mof-near img").count() == 2
    before, rows = root.locator(".mof-near").text_content(), looked(root)
    grids.nth(1).locator("button").nth(2).hover()
    until(root, "r => r.querySelector('.mof-near').textContent.includes(', head 2')")
    assert looked(root) != rows  # the row below the characters is that head's, too
    root.page.screenshot(path=pictures / "explorer_heads.png")
    root.locator(".mof-status").hover()
    assert root.locator(".mof-near").text_content() == before and looked(root) == rows
    grids.first.locator("button").nth(1).click()
    until(root, "r => r.querySelectorAll('.mof-heads [aria-pressed=true]')[1]?.matches("
          "':nth-child(2)')")  # fmt: skip
    assert root.locator(".mof-heads [aria-pressed=true]").count() == 2
    assert root.locator("[data-picture^=whole] svg").count() == 2
    assert root.locator("b").count() == 0
    assert root.evaluate("root => root.scrollWidth <= root.clientWidth")


def looked(root):
    """The bars of the row of attention below the first reading."""
    bars = ".mof-axis .mof-looked"
    return root.locator(bars).evaluate_all("bars => bars.map((b) => b.style.height)")


def test_the_context_test_can_be_stopped(root):
    root.locator("[data-action=context]").click()
    until(root, "root => root.dataset.state === 'running'")
    root.locator("[data-action=stop]").press("Enter")
    until(root, "root => root.dataset.state === 'idle'")
    assert root.locator("[data-picture=context] svg").count() == 0
    focused = root.page.evaluate("document.activeElement.dataset.action")
    assert focused == "context"  # Stop is gone, and took no focus with it


def test_in_chinese_and_dark(lab, root, pictures):
    page = root.page
    lab.darken(page)
    root.locator(".mof-language").click()
    until(root, "root => root.lang === 'zh-CN'")
    paper = root.locator(".mof-axis rect").first.evaluate("r => getComputedStyle(r).fill")
    assert sum(int(x) for x in paper.strip("rgb()").split(",")[:3]) < 200
    root.evaluate("root => root.scrollIntoView()")
    page.screenshot(path=pictures / "explorer_dark_zh.png")
    root.locator(".mof-heads").first.scroll_into_view_if_needed()
    page.screenshot(path=pictures / "explorer_heads_dark_zh.png")


def test_it_outlives_a_reload_and_its_picture_the_kernel(lab, page, pictures):
    lab.write("kept.ipynb", [SOURCE])
    lab.open(page, "kept.ipynb")
    lab.run(page)
    root = page.locator(".mof-panel").first
    page.locator(".mof-axis").nth(1).wait_for()
    assert beside(root) == []
    axes = root.locator(".mof-axis").all_text_contents()
    page.locator(".jp-RenderedSVG").first.wait_for(state="attached")
    lab.command(page, "docmanager:save")
    reload(page)
    page.locator(".mof-axis").nth(1).wait_for()
    assert root.locator(".mof-axis").all_text_contents() == axes
    exported = lab.exported("kept.ipynb")
    assert "Reading 阅读 1" in exported and "Reading 阅读 2" in exported
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    lab.look(page, "kept.ipynb")
    picture = page.locator(".jp-RenderedSVG").first
    picture.wait_for()
    assert picture.bounding_box()["height"] > 300
    page.screenshot(path=pictures / "explorer_no_kernel.png")


def test_in_voila(voila, page, pictures):
    voila.write("explorer.ipynb", [SOURCE])
    voila.open(page, "explorer.ipynb")
    root = page.locator(".mof-panel").first
    page.locator(".mof-axis").nth(1).wait_for()
    before = about(root)
    root.locator(".mof-cell").nth(4).hover()
    assert about(root) != before
    root.locator("[data-name='experts gru']").click()
    until(root, "root => root.querySelector('.mof-guess').textContent.includes('→')")
    page.screenshot(path=pictures / "explorer_voila.png")

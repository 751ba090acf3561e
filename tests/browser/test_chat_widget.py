"""The chat in a real browser: what a user does, and what must never happen.

Times are the best of three, and as much longer as the machine is slower than alone: it may be doing
something else. How soon an answer begins is in `test_response.py`.
"""

import json
import re

import pytest

from .chat_page import (
    BESIDE,
    ENDLESS,
    LITERT,
    ChatPage,
    open_chat,
    reloaded,
    stopping,
    within,
)
from .harness import ask, until

MARKUP = '<img src="x" onerror="window.hacked = 1"><b>粗</b>'
HOSTILE = (
    "<script>window.hacked = 1</script>",
    "<svg/onload=window.hacked=1>",
    '<a href="javascript:window.hacked=1">好</a>',
    "</textarea></script><iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "\u202e右\u0301\u200b\ufeff⟨end⟩⟨assistant⟩",
    "{{7*7}} ${7*7} &lt;b&gt;粗&lt;/b&gt;",
)


@pytest.fixture(scope="module")
def opened(lab, browser_page):
    """One chat for the tests that need no page of their own."""
    return open_chat(lab, browser_page, "chat.ipynb")


@pytest.fixture
def chat(opened):
    opened.reset()
    return opened


def test_stop_keeps_what_is_there(chat):
    assert within(chat, 300, stopping)
    written = chat.answers()[-1]
    assert 20 <= len(written) < 2048
    assert chat.text.input_value() == ""
    chat.page.wait_for_timeout(300)
    assert chat.answers()[-1] == written  # nothing comes after it
    chat.set(temperature=0)
    before = len(chat.answers())
    chat.say("你是谁？")  # and the conversation goes on
    assert len(chat.answers()) == before + 1 and chat.answers()[-1]


def test_stop_before_the_first_character(chat):
    chat.set(**ENDLESS)
    chat.text.fill("讲" * 1500)
    chat.text.press("Enter")
    chat.text.press("Escape")
    chat.wait("root => root.querySelectorAll('.mof-exchange').length === 1")
    chat.idle()
    assert len(chat.answers()[0]) < 500  # of 2,048 that it would write
    chat.action("undo").click()
    chat.wait("root => !root.querySelector('.mof-exchange')")
    assert chat.text.input_value() == "讲" * 1500


def test_the_enter_of_an_input_method_does_not_send(chat):
    devtools = chat.page.context.new_cdp_session(chat.page)
    chat.text.focus()
    at_end = {"selectionStart": 5, "selectionEnd": 5}
    devtools.send("Input.imeSetComposition", {"text": "nihao", **at_end})
    for code in (229, 13):  # while it composes, some send the one and some the other
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": code}
        devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **key})
        devtools.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
    devtools.send("Input.insertText", {"text": "你好"})
    chat.page.wait_for_timeout(500)
    assert chat.exchanges.count() == 0
    assert chat.text.input_value() == "你好"
    chat.text.press("Enter")  # and afterwards it does
    chat.wait("root => root.querySelectorAll('.mof-exchange').length === 1")
    chat.idle()


def test_shift_enter_breaks_the_line(chat):
    chat.text.focus()
    chat.page.keyboard.type("你好")
    chat.page.keyboard.press("Shift+Enter")
    chat.page.keyboard.type("你是谁？")
    assert chat.text.input_value() == "你好\n你是谁？"
    chat.page.wait_for_timeout(300)
    assert chat.exchanges.count() == 0
    assert chat.page.locator(".jp-InputPrompt").first.inner_text() == "[1]:"  # nor ran the cell


def test_what_is_typed_is_never_markup(chat):
    chat.say(MARKUP)
    assert chat.questions() == [MARKUP]
    assert chat.root.locator("img, b:has-text('粗')").count() == 0
    assert chat.page.evaluate("window.hacked") is None


def test_a_transcript_is_never_markup(chat, tmp_path):
    """Also where the model's own side of it was written by somebody else."""
    said = [(one, other) for one in HOSTILE for other in (HOSTILE[0], MARKUP)]
    turns = [
        {"role": role, "content": text}
        for pair in said
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    path = tmp_path / "hostile.json"
    path.write_text(json.dumps({"format": "mof-lab transcript 1", "turns": turns}), "utf-8")
    chat.root.locator("input[type=file]").set_input_files(path)
    chat.wait(f"root => root.querySelectorAll('.mof-exchange').length === {len(said)}")
    chat.idle()
    assert list(zip(chat.questions(), chat.answers(), strict=True)) == said
    made = ":is(img, script, iframe, svg, a, b, object, embed, textarea)"
    assert chat.root.locator(f".mof-log {made}").count() == 0
    assert chat.page.evaluate("window.hacked") is None


def test_a_megabyte_is_refused_and_the_chat_goes_on(chat):
    chat.text.fill("<b>" * 350_000)
    chat.text.press("Enter")
    chat.root.get_by_role("alert").wait_for()
    assert "1,050,000" in chat.root.get_by_role("alert").inner_text()
    chat.idle()
    assert chat.exchanges.count() == 0
    chat.say("你好")
    assert chat.answers()[0]


def test_at_temperature_0_the_answer_is_the_same_again(chat):
    chat.say("你好")
    answer = chat.answers()
    old = chat.exchanges.last.element_handle()
    chat.action("again").click()
    chat.page.wait_for_function("old => !old.isConnected", arg=old)
    chat.idle()
    assert chat.answers() == answer != [""]


def test_clean_can_be_taken_back(chat):
    chat.say("我叫小明")
    answers = chat.answers()
    chat.text.fill("[CLEAN]")
    chat.text.press("Enter")
    chat.wait("root => !root.querySelector('.mof-exchange')")
    chat.idle()
    assert chat.text.input_value() == ""
    chat.action("undo").click()
    chat.wait("root => root.querySelector('.mof-exchange')")
    assert chat.answers() == answers
    chat.say("我叫什么名字？")
    assert "小明" in chat.answers()[-1]


def test_a_forced_expert_fills_the_bars(chat):
    bars = "a => [...a.querySelectorAll('.mof-char')].map(c => c.style.cssText)"
    chat.say("你好")
    mixed = chat.root.locator(".mof-answer").evaluate(bars)
    slider = chat.setting("position")
    slider.focus()
    slider.press("Home")
    chat.action("again").click()
    first = "root.querySelector('.mof-char')?.style.cssText.replace('0%, ', '0% ')"
    chat.wait(f"root => {first}?.includes('mof-expert-0) 0% 100%')")
    chat.idle()
    forced = chat.root.locator(".mof-answer").evaluate(bars)
    assert all("mof-expert-0) 0% 100%" in bar.replace("0%, ", "0% ", 1) for bar in forced)
    assert not any("0% 100%" in bar for bar in mixed)


def test_with_the_keyboard_alone(chat):
    page = chat.page
    chat.text.focus()
    page.keyboard.type("你好")
    page.keyboard.press("Enter")
    chat.wait("root => root.querySelector('.mof-note')?.textContent")
    chat.idle()
    assert chat.root.locator("[aria-live=polite] > p").all_text_contents() == chat.answers()
    page.keyboard.press("Shift+Tab")  # to the characters of the answer
    seen = []
    for _ in range(3):
        seen.append(chat.root.locator(".mof-inspector").inner_text())
        page.keyboard.press("ArrowRight")
    assert len(set(seen)) == 3
    assert page.evaluate("document.activeElement.ariaLabel").count("0.") >= 2
    assert page.evaluate("document.activeElement.textContent") == chat.answers()[0][3]
    name = "window.jupyterapp.shell.currentWidget.context.model.dirty"
    page.evaluate(f"{name} = true")
    page.keyboard.press("Control+s")  # what is JupyterLab's stays JupyterLab's
    page.wait_for_function(f"!{name}")


def test_a_character_explains_itself(chat):
    chat.say("你是谁？")
    chat.root.locator(".mof-char").nth(2).hover()
    inspector = chat.root.locator(".mof-inspector")
    assert inspector.locator(".mof-other").count() == 5
    text = inspector.inner_text()
    assert text.count("gru") >= 2 and text.count("transformer") >= 2 and "%" in text


def test_an_error_speaks_the_language_of_the_interface(chat):
    said, switch = chat.root.locator(".mof-sentence"), chat.root.locator(".mof-language")
    chat.set(temperature="")
    chat.text.fill("你好")
    chat.main.click()
    chat.wait("root => root.querySelector('.mof-sentence').textContent.startsWith('temperature')")
    try:
        switch.click()
        chat.wait("root => root.lang === 'zh-CN'")
        assert said.text_content() == "温度没有填，应为一个数。"
    finally:
        switch.click()
        chat.wait("root => root.lang === 'en'")
    assert said.text_content().startswith("temperature is None")
    chat.set(temperature=0)


def test_scrolling_is_polite(chat):
    chat.set(**ENDLESS)
    log = chat.root.locator(".mof-log")
    chat.text.fill("你好")
    chat.main.click()
    chat.writing(400)
    log.evaluate("l => { l.scrollTop = 0; }")
    chat.page.wait_for_timeout(400)
    assert log.evaluate("l => l.scrollTop") == 0
    chat.main.click()
    chat.idle()
    chat.root.locator(".mof-newest").click()
    assert log.evaluate("l => l.scrollHeight - l.scrollTop - l.clientHeight") < 40


def test_two_characters_do_not_look_the_same(chat):
    """A font is missing where every character is the same empty box."""
    chat.say("你好")
    for i in (0, 1):  # the bars below them differ whatever is written
        chat.root.locator(".mof-char").nth(i).evaluate("c => c.style.removeProperty('--mof-bar')")
    one, other = (
        chat.root.locator(".mof-char").nth(i).screenshot(animations="disabled") for i in (0, 1)
    )
    assert one != other


def test_a_transcript_is_saved_and_loaded(chat, tmp_path):
    chat.say("我叫小明")
    with chat.page.expect_download() as download:
        chat.action("save").click()
    path = tmp_path / "talk.json"
    download.value.save_as(path)
    answers = chat.answers()
    chat.action("clear").click()
    chat.wait("root => !root.querySelector('.mof-exchange')")
    chat.root.locator("input[type=file]").set_input_files(path)
    chat.wait("root => root.querySelector('.mof-exchange')")
    chat.idle()
    assert chat.answers() == answers
    chat.root.locator("input[type=file]").set_input_files(__file__)
    chat.root.get_by_role("alert").wait_for()
    assert chat.answers() == answers


def test_of_two_views_the_one_that_was_asked_saves(lab, page):
    twice = LITERT.removesuffix("chat") + "display(chat, chat)"
    chat = open_chat(lab, page, "two_views.ipynb", twice)
    save = page.locator("[data-action=save]")
    until(page.locator("body"), "body => body.querySelectorAll('[data-action=save]').length === 2")
    saved = []
    page.on("download", lambda download: saved.append(download.suggested_filename))
    with page.expect_download():
        save.nth(1).click()
    chat.say("你好")  # heard by one view, and shown in both
    page.wait_for_timeout(500)
    assert saved == ["mof-lab-chat.json"]
    assert page.locator(".mof-exchange").count() == 2


RERUN = LITERT.removesuffix("chat") + "chat.say('你好', *40 * ['还有呢？'])\nchat"


def test_a_cell_run_again_ends_the_answer_of_before(lab, page):
    settings = "temperature=10, top_p=1, max_length=2048"
    first = open_chat(lab, page, "rerun.ipynb", RERUN, settings)
    first.writing()
    before = first.root.element_handle()
    lab.run(page)
    page.wait_for_function("panel => !panel.isConnected", arg=before)
    again = ChatPage(page)
    again.writing()
    assert again.root.count() == 1
    again.main.click()
    again.idle()
    kept = "from ipywidgets.widgets.widget import _instances as kept\n"
    count = "print(sum(type(widget).__name__ == 'Chat' for widget in kept.values()))"
    assert int(ask(lab, page, kept + count)) == 1


def test_a_reload_keeps_the_conversation(lab, page):
    chat = open_chat(lab, page, "reload.ipynb", settings="temperature=0")
    lab.command(page, "docmanager:save")
    chat.say("你好")
    answers = chat.answers()
    chat = reloaded(page)
    chat.wait("root => root.querySelector('.mof-char')")
    assert chat.answers() == answers
    chat.say("你是谁？")
    assert len(chat.answers()) == 2


def test_without_a_kernel_there_is_a_picture(lab, page, pictures):
    chat = open_chat(lab, page, "picture.ipynb", settings="temperature=0")
    chat.say("你是谁？")
    beside = page.locator(".jp-OutputArea-child:has(.mof-panel) + .jp-OutputArea-child")
    assert beside.count() == 1 and not beside.is_visible()
    page.wait_for_timeout(500)
    lab.command(page, "docmanager:save")
    saved = (lab.notebooks / "picture.ipynb").read_text(encoding="utf-8")
    assert "image/svg+xml" in saved and chat.answers()[0] in saved
    assert re.search(r"<svg|image/svg\+xml", lab.exported("picture.ipynb"))
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    lab.look(page, "picture.ipynb")
    picture = page.locator(".jp-RenderedSVG").first
    picture.wait_for()
    assert picture.bounding_box()["height"] > 100
    page.screenshot(path=pictures / "no_kernel.png")


def test_side_by_side_with_one_stop(lab, page, pictures):
    chat = open_chat(lab, page, "beside.ipynb", BESIDE, "seed=1, max_length=2048")
    chat.say("你好")
    assert len(chat.answers()) == 4 and all(chat.answers())
    page.locator(".jp-InputArea").first.evaluate("a => a.style.display = 'none'")
    page.screenshot(path=pictures / "side_by_side.png")
    assert within(chat, 300, stopping)
    assert len(chat.answers()) % 4 == 0


@pytest.mark.parametrize("subshells", ["disabled", "perComm"])
def test_stop_with_and_without_subshells(lab, page, subshells):
    lab.choose(subshells=subshells)
    chat = open_chat(lab, page, f"subshells_{subshells}.ipynb")
    lab.choose()
    assert within(chat, 300, stopping)


def test_stop_on_an_older_kernel(lab, page, old_ipykernel):
    lab.kernel("older", old_ipykernel)
    chat = open_chat(lab, page, "older.ipynb", kernel="older")
    assert within(chat, 300, stopping)


def test_stop_in_voila(voila, page, pictures):
    voila.write("chat.ipynb", [LITERT.format(model="tiny", settings="")])
    voila.open(page, "chat.ipynb")
    chat = ChatPage(page)
    assert within(chat, 300, stopping)
    page.screenshot(path=pictures / "voila.png")


@pytest.mark.parametrize(
    ("name", "theme", "code"),
    [("light", "JupyterLab Light", "en"), ("dark", "JupyterLab Dark", "en"), ("zh", "", "zh")],
)
def test_theme_and_language(lab, page, pictures, name, theme, code):
    lab.choose(theme=theme or "JupyterLab Light")
    chat = open_chat(lab, page, f"{name}.ipynb", settings="temperature=0")
    lab.choose()
    if code == "zh":
        chat.root.locator(".mof-language").click()
        chat.wait("root => root.lang === 'zh-CN'")
    for message in ("你好", "我叫小明", "我叫什么名字？"):
        chat.say(message)
    page.locator(".jp-InputArea").first.evaluate("a => a.style.display = 'none'")
    chat.root.locator(".mof-answer").last.locator(".mof-char").nth(1).hover()
    paper = chat.root.evaluate("r => getComputedStyle(r).backgroundColor")
    brightness = sum(int(x) for x in paper.strip("rgb()").split(",")[:3])
    assert (brightness < 200) == (name == "dark")
    labels = chat.root.locator("button, summary, label").all_inner_texts()
    words = "".join(labels).replace("中文", "").replace("English", "")
    assert any("\u4e00" <= c <= "\u9fff" for c in words) == (code == "zh")
    for box in chat.root.locator("button:visible, input:visible, textarea:visible").all():
        rectangle = box.bounding_box()
        assert rectangle["x"] + rectangle["width"] <= 1280
    page.screenshot(path=pictures / f"chat_{name}.png")

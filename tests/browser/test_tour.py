"""The guided tours in a real browser: followed from the first step to the last, left, taken up."""

import json

import pytest

from .chat_page import ChatPage, reloaded
from .harness import ROOT, SIZE, until

GUIDE = "from mof_lab.notebook import tour\nguide = tour({name!r})\nguide.address = {to!r}\nguide"
CHAT = """\
from mof_lab import shipped
from mof_lab.widgets import Chat
chat = Chat(shipped("tiny"), temperature=0)
chat.say("你好")
chat"""
EXPLORER = """\
from mof_lab import shipped
from mof_lab.widgets import Explorer
explorer = Explorer(shipped("tiny"), "法国的首都是哪里？", "日本的首都是哪里？")
explorer"""
FAR = "from IPython.display import HTML\nHTML('<div style=\"height: 2000px\">far</div>')"


def cells(name, widget, *between, to="glossary.md"):
    return [GUIDE.format(name=name, to=to), *between, widget]


class TourPage:
    """The tour on a page, by role and class."""

    def __init__(self, page):
        self.page = page
        self.root = page.locator(".mof-tour")
        self.root.wait_for()
        self.strip = page.locator(".mof-strip")
        self.framed = page.locator(".mof-here")

    def chip(self, key):
        return self.root.locator(f"[data-step={key}]")

    def action(self, name):
        return self.root.locator(f"[data-action={name}]")

    def next(self):
        """Presses Next where it is seen."""
        self.page.locator("[data-action=next]:visible").first.click()

    def at(self, key):
        """Waits until a step is the present one."""
        self.root.locator(f"[data-step={key}][aria-current=step]").wait_for()

    def ticked(self, key):
        """Waits until a step is ticked off."""
        self.root.locator(f"[data-step={key}].mof-done").wait_for()

    def done(self):
        chips = self.root.locator(".mof-done").all()
        return [chip.get_attribute("data-step") for chip in chips]

    def frames(self, selector):
        """Waits until one thing is framed, and that it is this one."""
        self.page.locator(f"{selector}.mof-here").first.wait_for()
        assert self.framed.count() == 1


def opened(lab, page, name, sources):
    lab.write(name, sources)
    lab.open(page, name)
    lab.run(page)
    return TourPage(page)


def in_view(locator):
    top, bottom = locator.evaluate(
        "e => (({ top, bottom }) => [top, bottom])(e.getClientRects()[0])"
    )
    return top >= 0 and bottom <= SIZE["height"]


def test_the_tour_of_the_chat_is_followed_to_its_end(lab, page, pictures):
    tour = opened(lab, page, "tour.ipynb", cells("start", CHAT))
    chat = ChatPage(page)
    chat.exchanges.first.wait_for()
    chat.idle()
    assert tour.done() == [] and tour.framed.count() == 0 and not tour.strip.is_visible()

    tour.action("go_on").click()
    tour.at("say")
    tour.frames(".mof-composer")
    page.screenshot(path=pictures / "tour.png")
    chat.say("法国的首都是哪里？")
    tour.ticked("say")
    tour.at("say")  # it waits
    assert "mof-main" in tour.action("next").get_attribute("class")
    tour.next()

    tour.at("bars")
    assert "mof-main" not in tour.action("next").get_attribute("class")
    tour.frames(".mof-legend")
    tour.action("tick").click()
    tour.ticked("bars")
    tour.next()

    tour.at("look")
    tour.frames(".mof-log")
    assert not tour.action("tick").is_visible()  # what can be noticed has no such button
    tour.action("show").click()
    assert tour.done() == ["say", "bars"]  # being shown something is not doing it
    chat.root.locator(".mof-char").last.hover()
    tour.ticked("look")
    page.wait_for_timeout(1000)
    tour.at("look")  # who points at it reads what stands below
    inspector = page.locator(".mof-inspector")
    assert in_view(inspector) and inspector.locator("h4").count() == 4
    if tour.strip.is_visible():
        low = inspector.bounding_box()
        assert low["y"] + low["height"] <= tour.strip.bounding_box()["y"]
    tour.next()

    tour.at("warm")
    tour.frames("details.mof-settings summary")
    tour.action("show").click()
    tour.frames("[data-name=temperature]")
    assert in_view(chat.setting("temperature"))
    assert page.evaluate("document.activeElement.dataset.name") == "temperature"
    page.keyboard.type("1.5")
    page.keyboard.press("Tab")
    tour.ticked("warm")
    tour.next()

    tour.at("again")
    chat.answer_again()
    assert "again" not in tour.done()
    chat.set(temperature=0)
    tour.ticked("again")
    tour.next()
    tour.at("force")
    tour.frames(".mof-blend")
    for end in ("Home", "End"):
        chat.setting("position").press(end)
        chat.answer_again()
    assert "force" not in tour.done()
    chat.setting("forced").uncheck()
    tour.ticked("force")
    tour.next()
    tour.at("forget")
    chat.root.locator(".mof-char").last.hover()
    assert inspector.locator("h4").count()
    chat.action("clear").click()
    tour.ticked("forget")
    inspector.locator("h4").first.wait_for(state="detached")  # the answer is gone, so is this
    tour.next()
    tour.root.locator("[data-action=restart]").wait_for()
    assert len(tour.done()) == 7 and tour.framed.count() == 0
    page.screenshot(path=pictures / "tour_finished.png")


def test_any_order_leaving_reloading_and_coming_back(lab, page):
    tour = opened(lab, page, "tour_left.ipynb", cells("start", CHAT))
    chat = ChatPage(page)
    chat.exchanges.first.wait_for()
    chat.idle()
    chat.action("clear").click()  # it was not even started
    tour.ticked("forget")
    tour.chip("warm").click()
    tour.at("warm")
    chat.say("你好")
    tour.ticked("say")
    assert tour.framed.count() == 1  # still the present step's
    tour.action("leave").click()
    tour.framed.wait_for(state="detached")
    chat.set(temperature=1)
    tour.ticked("warm")
    chat.answer_again()
    chat.set(temperature=0)
    tour.ticked("again")
    lab.command(page, "docmanager:save")
    reloaded(page)
    tour = TourPage(page)
    tour.ticked("say")
    tour.strip.wait_for(state="attached")
    assert tour.strip.locator(".mof-note").text_content() == ""  # it is no news any more
    assert sorted(tour.done()) == ["again", "forget", "say", "warm"]
    tour.action("go_on").click()
    tour.at("force")
    lab.command(page, "notebook:run-all-cells")  # the cell again: the same tour
    tour.at("force")
    assert sorted(tour.done()) == ["again", "forget", "say", "warm"]


def test_with_the_keyboard_alone(lab, page):
    tour = opened(lab, page, "tour_keys.ipynb", cells("start", CHAT))
    chat = ChatPage(page)
    chat.exchanges.first.wait_for()
    chat.idle()
    tour.action("go_on").focus()
    page.keyboard.press("Enter")
    tour.at("say")
    page.wait_for_function("document.activeElement.dataset.action === 'show'")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.tagName === 'TEXTAREA'")
    page.keyboard.type("再见")
    page.keyboard.press("Enter")
    tour.ticked("say")
    chat.idle()
    tour.chip("look").focus()
    page.keyboard.press("Enter")
    tour.at("look")
    tour.action("show").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.className.includes('mof-char')")
    assert "look" not in tour.done()
    page.keyboard.press("ArrowRight")
    tour.ticked("look")


@pytest.mark.parametrize("windowing", ["none", "contentVisibility"])  # JupyterLab's own choice
def test_out_of_sight_the_step_is_below_the_notebook(lab, page, pictures, windowing):
    lab.choose(windowing=windowing)
    tour = opened(lab, page, f"tour_{windowing}.ipynb", cells("start", CHAT, FAR))
    lab.choose()
    ChatPage(page).exchanges.first.wait_for()
    tour.action("go_on").click()
    tour.at("say")
    assert not tour.strip.is_visible()
    tour.action("show").click()
    tour.strip.wait_for()
    composer = page.locator(".mof-composer")
    assert in_view(composer) and not in_view(tour.root)
    below, box = tour.strip.bounding_box(), composer.bounding_box()
    assert box["y"] + box["height"] <= below["y"]  # it does not cover what it speaks of
    page.screenshot(path=pictures / "tour_strip.png")
    tour.chip("bars").evaluate("chip => chip.click()")
    tour.strip.locator("[data-action=tick]").click()
    tour.ticked("bars")
    tour.strip.locator("[data-action=leave]").click()
    tour.strip.wait_for(state="hidden")
    assert tour.framed.count() == 0


def test_what_is_not_there_yet_is_said(lab, page):
    tour = opened(lab, page, "tour_alone.ipynb", cells("start", "pass"))
    tour.action("go_on").click()
    tour.at("say")
    before = tour.root.get_by_role("status").text_content()
    tour.action("show").click()
    assert tour.root.get_by_role("status").text_content() != before
    assert tour.framed.count() == 0


def test_a_term_says_what_it_means_and_opens_the_glossary_there(lab, page, pictures):
    """From where the Chinese edition lies."""
    (lab.notebooks / "docs").mkdir(exist_ok=True)
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    (lab.notebooks / "docs" / "glossary.md").write_text(text, encoding="utf-8")
    sources = cells("start", "pass", to="../../docs/glossary.md")
    tour = opened(lab, page, "notebooks/zh/tour_term.ipynb", sources)
    tour.chip("warm").click()
    tour.at("warm")
    term = tour.root.locator("a.mof-term")
    term.hover()
    assert len(tour.root.locator(".mof-meaning").text_content()) > 40
    term.click()
    row = page.locator(".jp-MarkdownViewer [data-jupyter-id=temperature]")
    row.wait_for(state="attached")  # an anchor has no size
    top = "row => row.getBoundingClientRect().top"
    page.wait_for_function(f"row => ({top})(row) < innerHeight", arg=row.element_handle())
    assert row.evaluate(top) >= 0
    page.screenshot(path=pictures / "tour_glossary.png")


def test_saved_it_is_a_list_to_read_without_a_kernel(lab, page):
    tour = opened(lab, page, "tour_saved.ipynb", cells("start", CHAT))
    chat = ChatPage(page)
    chat.exchanges.first.wait_for()
    chat.idle()
    beside = page.locator(".jp-OutputArea-child:has(.mof-tour) + .jp-OutputArea-child")
    assert not beside.is_visible()
    chat.action("clear").click()
    tour.ticked("forget")
    page.wait_for_timeout(1000)  # the update of the output arrives after the widget's
    lab.command(page, "docmanager:save")
    saved = json.loads((lab.notebooks / "tour_saved.ipynb").read_text(encoding="utf-8"))
    texts = [
        "".join(output["data"]["text/markdown"]).splitlines()
        for output in saved["cells"][0]["outputs"]
        if "text/markdown" in output.get("data", {})
    ]
    assert [len(lines) for lines in texts] == [7]
    assert [("✓" in line) for line in texts[0]] == 6 * [False] + [True]
    assert lab.exported("tour_saved.ipynb").count("<li>") >= 7


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_in_both_languages_and_themes_the_frame_stands_out(lab, page, pictures, theme):
    """Chinese with the light theme, English with the dark one."""
    lab.choose(theme=f"JupyterLab {theme}", locale="zh_CN" if theme == "Light" else "en")
    tour = opened(lab, page, f"tour_{theme}.ipynb", cells("start", CHAT))
    lab.choose()
    tour.action("go_on").click()
    tour.at("say")
    title = tour.chip("say").text_content()
    assert ("说句话" in title) == (theme == "Light")
    tour.frames(".mof-composer")
    colour = "e => getComputedStyle(e).outlineColor"
    paper = "e => getComputedStyle(e.closest('.mof-panel')).backgroundColor"
    frame = page.locator(".mof-composer")
    assert contrast(frame.evaluate(colour), frame.evaluate(paper)) >= 3
    page.screenshot(path=pictures / f"tour_{theme.lower()}.png")
    tour.root.locator(".mof-language").click()
    page.wait_for_function(
        "([chip, before]) => chip.textContent !== before",
        arg=[tour.chip("say").element_handle(), title],
    )
    assert tour.root.evaluate("root => root.scrollWidth <= root.clientWidth")


def contrast(one, other):
    """Of two colours as a browser writes them, by WCAG 2."""
    light = sorted(luminance(colour) for colour in (one, other))
    return (light[1] + 0.05) / (light[0] + 0.05)


def luminance(colour):
    channels = [int(x) / 255 for x in colour.strip("rgba()").split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def follow_inside(tour, root):
    """Does all of the tour of the explorer."""

    def idle():
        until(root, "root => root.dataset.state === 'idle'")

    cell = root.locator(".mof-axis").first.locator(".mof-cell").nth(4)
    cell.scroll_into_view_if_needed()
    tour.chip("point").evaluate("chip => chip.click()")
    tour.frames(".mof-axis")
    cell.hover()
    tour.ticked("point")
    cell.click()
    tour.ticked("lock")
    tour.chip("gates").evaluate("chip => chip.click()")
    tour.at("gates")
    tour.page.locator("[data-action=tick]:visible").first.click()
    tour.ticked("gates")
    tour.next()
    tour.frames(".mof-heads")
    root.locator(".mof-heads button").nth(2).click()
    tour.ticked("head")
    tour.next()
    tour.frames(".mof-switches")
    root.locator("[data-name='experts gru']").click()
    tour.ticked("expert")
    idle()
    root.locator("[data-name='thoughts 0']").click()
    tour.ticked("thought")
    idle()
    tour.chip("compare").evaluate("chip => chip.click()")
    tour.frames(".mof-prompts")
    root.locator("[data-name=second]").fill("12加7等于多少？")
    root.locator("[data-action=read]").click()
    tour.ticked("compare")
    idle()
    root.locator("[data-action=context]").click()
    tour.ticked("memory")
    root.locator("[data-action=stop]").click()
    assert len(tour.done()) == 8


def test_the_tour_of_the_explorer_is_followed_to_its_end(lab, page, pictures):
    tour = opened(lab, page, "tour_inside.ipynb", cells("inside", EXPLORER))
    page.locator(".mof-axis").nth(1).wait_for()
    follow_inside(tour, page.locator(".mof-panel:has(.mof-axis)"))
    page.screenshot(path=pictures / "tour_inside.png")


def test_in_voila(voila, page, pictures):
    voila.write("tour.ipynb", cells("inside", EXPLORER))
    voila.open(page, "tour.ipynb")
    page.locator(".mof-axis").nth(1).wait_for()
    tour = TourPage(page)
    tour.chip("head").click()
    tour.at("head")
    assert tour.root.locator("a").count() == 0  # nothing opens the glossary there
    tour.root.locator("button.mof-term").first.click()
    assert len(tour.root.locator(".mof-meaning").text_content()) > 40
    follow_inside(tour, page.locator(".mof-panel:has(.mof-axis)"))
    page.screenshot(path=pictures / "tour_voila.png")

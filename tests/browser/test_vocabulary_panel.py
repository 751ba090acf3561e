"""The vocabulary panel in a real browser: slider, text, saved pictures, languages, themes."""

import json

import pytest

from .harness import until

SOURCE = """\
from collections import Counter
from mof_lab.widgets import VocabularyPanel
text = "".join(chr(0x4e00 + i) * (400 // (i + 1) + 1) for i in range(600)) + "飞过山谷，说：？"
panel = VocabularyPanel(Counter(text), size=100, text="龘龘飞过山谷，🐉说：<b>一丁七万</b>？")
panel"""
FRAMED = "[data-picture=known] rect[rx='3']"  # the unknown characters


def shown(lab, page, name):
    lab.write(name, [SOURCE])
    lab.open(page, name)
    lab.run(page)
    root = page.locator(".mof-panel").first
    root.locator("[data-picture=known] svg").wait_for()
    return root


@pytest.fixture(scope="module")
def root(lab, browser_page):
    return shown(lab, browser_page, "vocabulary.ipynb")


def framed(root, count):
    """Waits until so many characters are marked as unknown."""
    until(root, f"root => root.querySelectorAll({FRAMED!r}).length === {count}")


def test_the_slider_says_what_it_covers_and_the_pictures_follow(root):
    slider = root.locator("[data-name=size]")
    slider.focus()
    slider.press("Home")  # with the keyboard
    framed(root, 20)  # all but 一丁
    slider.press("End")
    assert "100.00 %" in slider.get_attribute("aria-valuetext")
    until(root, "r => r.querySelector('[data-picture=curve]').textContent.includes('100.00%')")
    framed(root, 10)  # 龘龘, the dragon, <b>, </b>


def test_a_text_is_coloured_as_it_is_typed_and_never_markup(root):
    text = root.locator("[data-name=text]")
    text.fill("<img src=x onerror='window.hacked = 1'>一")
    framed(root, 39)
    assert root.locator("img").count() == 0
    assert root.page.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    ("kind", "begins"), [("svg", b"<svg "), ("png", b"\x89PNG"), ("html", b"<!DOC")]
)
def test_the_picture_is_saved(root, tmp_path, kind, begins):
    with root.page.expect_download() as download:
        root.locator(f"[data-export={kind}]").click()
    assert download.value.suggested_filename == f"mof-lab-vocabularypanel.{kind}"
    path = tmp_path / "picture"
    download.value.save_as(path)
    content = path.read_bytes()
    assert content.startswith(begins) and len(content) > 5000
    if kind == "png":
        assert int.from_bytes(content[16:20]) == 1440
    else:
        assert "词表".encode() in content


def test_saved_it_is_there_without_a_kernel(lab, root):
    slider = root.locator("[data-name=size]")
    slider.focus()
    slider.press("End")
    root.page.wait_for_timeout(2000)  # it has rested long enough to be kept
    lab.command(root.page, "docmanager:save")
    saved = json.loads((lab.notebooks / "vocabulary.ipynb").read_text(encoding="utf-8"))
    pictures = [o for o in saved["cells"][0]["outputs"] if "image/svg+xml" in o.get("data", {})]
    assert len(pictures) == 1
    assert "100.00%" in "".join(pictures[0]["data"]["image/svg+xml"])  # the last, not the first
    assert "data:image/svg+xml;base64," in lab.exported("vocabulary.ipynb")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_jupyterlabs_language_and_theme_are_the_panels(lab, page, pictures, theme):
    """Chinese with the light theme, English with the dark one."""
    lab.choose(theme=f"JupyterLab {theme}", locale="zh_CN" if theme == "Light" else "en")
    root = shown(lab, page, f"vocabulary_{theme}.ipynb")
    lab.choose()
    assert root.get_attribute("lang") == ("zh-CN" if theme == "Light" else "en")
    page.locator(".jp-InputArea").first.evaluate("a => a.style.display = 'none'")
    paper = root.locator("[data-picture=curve] rect").first.evaluate(
        "r => getComputedStyle(r).fill"
    )
    brightness = sum(int(x) for x in paper.strip("rgb()").split(",")[:3])
    assert (brightness < 200) == (theme == "Dark")
    page.screenshot(path=pictures / f"vocabulary_{theme.lower()}.png")

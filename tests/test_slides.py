"""The slides: their notebook, and the page made of it, which asks nobody for anything."""

import html
import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbconvert", reason="comes with the lab's packages: pip install -e .[lab]")

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK, PAGE = ROOT / "docs" / "slides.ipynb", ROOT / "docs" / "slides.html"


@pytest.fixture(scope="module")
def cells():
    return nbformat.read(NOTEBOOK, as_version=nbformat.NO_CONVERT).cells


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("slides", ROOT / "tools" / "slides.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kind(cell):
    return cell.metadata.slideshow.slide_type


def test_a_class_hour_of_slides_with_titles_in_both_languages_and_notes(cells):
    titles = [c.source for c in cells if kind(c) == "slide"]
    assert 14 <= len(titles) <= 20
    for title in titles:
        assert title.startswith("#") and re.search("[\u4e00-\u9fff]", title.split("\n\n")[0])
    assert sum(kind(c) == "notes" for c in cells) >= len(titles) - 2


def test_every_figure_is_there_and_the_set_up_is_not_shown(cells):
    code = [c for c in cells if c.cell_type == "code"]
    assert [c.execution_count for c in code] == list(range(1, len(code) + 1))
    assert kind(code[0]) == "skip" and not code[0].outputs
    for cell in code[1:]:
        assert any("image/svg+xml" in o.get("data", {}) for o in cell.outputs), cell.source


def test_the_page_is_of_this_notebook(tool):
    head = PAGE.read_text(encoding="utf-8")[:9000]
    made_from = re.search(r'<meta content="(\w+)" name="made-from"/>', head)[1]
    assert made_from == tool.fingerprint(NOTEBOOK), "run python tools/slides.py"


def test_the_page_asks_nobody_for_anything():
    text = PAGE.read_text(encoding="utf-8")
    assert PAGE.stat().st_size < 1_500_000
    assert not re.search(r"<link\b", text)
    markup = re.sub(r"(<script\b[^>]*>).*?</script>", r"\1", text, flags=re.S)
    assert not re.search(r"<(?:script|img|iframe)\b[^>]*\ssrc=(?![\"']?data:)", markup)
    styles = " ".join(re.findall(r"<style[^>]*>(.*?)</style>", text, re.S))
    pictures = re.findall(r'<img alt="([^"]*)"', text)
    assert len(pictures) > 10 and all(re.search("[\u4e00-\u9fff]", alt) for alt in pictures)
    assert "@import" not in styles and not re.search(r"url\((?![\"']?(data:|#))", styles)


def test_a_page_is_made_of_any_notebook(tool, tmp_path):
    made = nbformat.v4.new_notebook()
    for number, slide_type in enumerate(("slide", "notes", "skip", "slide")):
        cell = nbformat.v4.new_markdown_cell(f"words {number} <&")
        cell.metadata = {"slideshow": {"slide_type": slide_type}}
        made.cells.append(cell)
    nbformat.write(made, tmp_path / "n.ipynb")
    text = tool.page(tmp_path / "n.ipynb", 'var a = "</script>";', ".reveal {}", "var b;")
    assert text.count("<section") == 4  # reveal.js wants each slide in a stack of its own
    assert "words 2" not in text and "words 3" in html.unescape(text)
    assert '"<\\/script>"' in text and ".reveal {}" in text
    notes = re.search(r'<aside class="notes">(.*?)</aside>', text, re.S)[1]
    assert "words 1" in notes

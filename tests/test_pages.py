"""Every committed page with figures is what its tool makes of the committed figures."""

import importlib.util
import json
from pathlib import Path

import pytest

from mof_lab import model_card

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def tool(name):
    """`tools/NAME.py` as a module."""
    spec = importlib.util.spec_from_file_location(f"tool_{name}", ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: Figures → the page that shows them, and what makes it of them and of the page as it is.
PAGES = {
    "fixes.json": ("fixes.md", lambda found, page: tool("fixes").to_page(found)),
    "hubs/checks.json": (
        "hubs/README.md",
        lambda found, page: tool("hubs").with_table(page, found),
    ),
    "large_text.json": ("scaling.md", lambda found, page: tool("scaling").with_tables(page)),
    "model_card.json": ("model_card.md", lambda found, page: model_card.to_markdown(found)),
    "model_card_small.json": (
        "model_card_small.md",
        lambda found, page: model_card.to_markdown(found),
    ),
    "router_study.json": (
        "router_study.md",
        lambda found, page: tool("router_study").to_page(found),
    ),
    "router_study_shipped.json": (
        "router_study_shipped.md",
        lambda found, page: tool("router_study").to_page(found, DOCS / "router_study_shipped.json"),
    ),
    "router_study_three.json": (
        "router_study_three.md",
        lambda found, page: tool("router_study").to_page(found, DOCS / "router_study_three.json"),
    ),
    "scaling.json": ("scaling.md", lambda found, page: tool("scaling").with_tables(page)),
    "trials.json": ("trials.md", lambda found, page: tool("trials").page(found)),
}
NO_PAGE = {"soak.json"}  # docs/reliability.md tells it in words


def test_all_figures_are_shown_on_a_page():
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.json")}
    assert there == {*PAGES} | NO_PAGE


@pytest.mark.parametrize("figures", PAGES)
def test_a_page_is_what_its_tool_makes_of_its_figures(figures):
    name, made = PAGES[figures]
    page = (DOCS / name).read_text(encoding="utf-8")
    found = json.loads((DOCS / figures).read_text(encoding="utf-8"))
    assert made(found, page) == page, f"docs/{name}: let its tool make it anew"

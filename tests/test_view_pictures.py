"""Each view has its picture in the gallery, and the page lists what the tool drew."""

import importlib.util
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mof_lab import views

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 40_000  # bytes
#: No view of data; and the one that the gallery shows by itself, images/routing.svg.
APART = {"View", "stacked", "conversation"}


@pytest.fixture(scope="module")
def tool():
    place = ROOT / "tools" / "view_pictures.py"
    spec = importlib.util.spec_from_file_location("view_pictures", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_view_is_drawn_on_its_own_and_listed(tool):
    assert set(tool.VIEWS) == set(views.__all__) - APART
    assert {path.stem for path in tool.IMAGES.iterdir()} == set(tool.VIEWS)
    text = tool.GALLERY.read_text(encoding="utf-8")
    assert tool.with_page(text) == text, "run tools/view_pictures.py"


def test_the_pictures_are_small_and_whole(tool):
    for path in tool.IMAGES.iterdir():
        assert path.stat().st_size < LARGEST, path.name
        assert ElementTree.parse(path).getroot().get("viewBox", "").startswith("0 0 720 "), path


def test_the_model_that_is_drawn_is_the_one_that_ships(tool):
    """By its report and its recording, which are quick to draw again."""
    for name, view in tool.of_the_training().items():
        committed = (tool.IMAGES / f"{name}.svg").read_text(encoding="utf-8")
        assert committed == view.svg, f"{name}: run tools/view_pictures.py"


def test_the_roofline_is_a_measured_one(tool):
    assert "Roofline" in tool.measured().svg and "%" in tool.measured().text

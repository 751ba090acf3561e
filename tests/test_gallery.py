"""The gallery's pictures without a browser: each is made by a tool, shown, and whole."""

import importlib.util
import io
import re
from pathlib import Path

import pytest

from mof_lab.errors import LabError

Image = pytest.importorskip("PIL.Image", reason="pip install -e .[browser]")
ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "tools" / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_gallery_shows_every_picture_the_tool_makes_and_no_other_png(tool):
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]+\]\(images/(\w+)\.png\)", page)
    assert sorted(shown) == sorted(tool.NAMES)
    assert len(set(tool.NAMES)) == len(tool.NAMES)


def test_the_pictures_are_whole_widgets_of_one_width(tool):
    for name in tool.NAMES:
        with Image.open(IMAGES / f"{name}.png") as image:
            assert image.format == "PNG" and (IMAGES / f"{name}.png").stat().st_size < 200_000
            assert abs(image.width - tool.WIDTH) < 4, name


def test_a_picture_says_its_theme(tool):
    for name in tool.NAMES:
        corner = Image.open(IMAGES / f"{name}.png").convert("L").resize((1, 1)).getpixel((0, 0))
        assert (corner < 100) == name.endswith("_dark"), name


def test_a_picture_keeps_its_colours(tool):
    image = Image.new("RGB", (64, 64), "#fbfaf7")
    image.paste("#1d4e89", (0, 0, 32, 64))
    kept = Image.open(io.BytesIO(tool.packed(image))).convert("RGB")
    assert list(kept.getdata()) == list(image.getdata())


def test_an_unknown_picture_is_a_sentence(tool):
    with pytest.raises(LabError, match="no picture cat; there are chat_dark"):
        tool.main(["cat"])

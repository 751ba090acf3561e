"""The film of the chat: how long its pictures stand, how large it is, what it is made from."""

import importlib.util
import io
from pathlib import Path

import nbformat
import pytest

Image = pytest.importorskip(
    "PIL.Image", reason="Pillow is not installed: pip install -e .[browser]"
)

ImageChops, ImageStat = (pytest.importorskip(f"PIL.{name}") for name in ("ImageChops", "ImageStat"))

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
FILMS = {"English": "", "Chinese": "_zh"}


@pytest.fixture(scope="module")
def tool():
    path = ROOT / "tools" / "moving_picture.py"
    spec = importlib.util.spec_from_file_location("moving_picture", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def png(colour):
    file = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(file, "PNG")
    return file.getvalue()


def shown(content):
    """(images, milliseconds) of a film, as a viewer reads it."""
    film, images, milliseconds = Image.open(content), [], []
    for number in range(film.n_frames):
        film.seek(number)
        images.append(film.convert("RGB"))
        milliseconds.append(film.info["duration"])
    return images, milliseconds


def test_pictures_stand_as_long_as_they_stood_and_only_writing_is_slower(tool):
    times = (10.0, 10.1, 10.25, 10.3, 10.4, 10.5)
    colours = ("red", "red", "green", "blue", "white", "white")
    writing = (False, False, True, True, False, False)
    shots = [tool.Shot(png(c), at, w) for c, at, w in zip(colours, times, writing, strict=True)]
    images, milliseconds = tool.develop(shots)
    slower = tool.SLOWER
    assert milliseconds == [250, 50 * slower, 100 * slower, tool.HELD]
    assert [i.getpixel((0, 0)) for i in images[:3]] == [(255, 0, 0), (0, 128, 0), (0, 0, 255)]


def test_the_last_picture_is_held_also_where_it_stood_longer(tool):
    shots = [tool.Shot(png("red"), at, False) for at in (0, 1, 2, 3)]
    assert tool.develop(shots)[1] == [3000]


def test_a_film_shows_what_was_taken(tool):
    images = [Image.new("RGB", (8, 6), c) for c in ("red", "green", "blue")]
    seen, milliseconds = shown(io.BytesIO(tool.encode(images, [100, 300, 2000])))
    assert milliseconds == [100, 300, 2000]
    assert [i.tobytes() for i in seen] == [i.tobytes() for i in images]


def test_a_film_that_is_too_large_is_one_sentence(tool, monkeypatch):
    monkeypatch.setattr(tool, "LARGEST", 10)
    with pytest.raises(tool.LabError, match="10 is the most that a front page should load"):
        tool.encode([Image.new("RGB", (8, 6)), Image.new("RGB", (8, 6), "red")], [1, 1])


def test_it_opens_the_notebook_up_to_its_chat(tool):
    notebook = tool.opening(nbformat.read(tool.NOTEBOOK, 4))
    assert notebook.cells[-1].source.splitlines()[-1] == "chat"
    assert all(not c.outputs for c in notebook.cells if c.cell_type == "code")
    notebook.cells.pop()
    with pytest.raises(tool.LabError, match="no cell that begins with"):
        tool.opening(notebook)


@pytest.mark.parametrize("kind", FILMS.values(), ids=FILMS)
def test_the_films_of_the_front_page(tool, kind):
    path = IMAGES / f"chat_moving{kind}.webp"
    assert path.stat().st_size <= tool.LARGEST
    images, milliseconds = shown(path)
    assert images[0].width <= tool.WIDTH and len(images) > 20
    assert milliseconds[-1] >= tool.HELD and sum(milliseconds) < 60_000
    still = Image.open(IMAGES / f"chat_still{kind}.webp").convert("RGB")
    assert still.size == images[-1].size
    # No other film's: a film that had to be encoded with some loss differs by less.
    assert max(ImageStat.Stat(ImageChops.difference(still, images[-1])).mean) < 3

"""Films the chat for the front page: JupyterLab, a browser, notebook 06, the model that ships.

    python tools/moving_picture.py                    # docs/images/chat_moving.webp
    python tools/moving_picture.py --language zh      # …_zh.webp

Messages are typed a word at a time, as an input method gives them, and the widget is photographed
ten times a second, while it writes as often as the machine can. Nothing is drawn or left out. A
picture stands as long as it stood on the screen; only while an answer is written it stands `SLOWER`
times as long, because a whole one takes a fraction of a second: a caption has to say so. The last
picture is kept alone too (chat_still…), for people who want no motion.

It takes the packages of .[browser], the system's Chromium with a Chinese font, and two minutes.
"""

import argparse
import base64
import io
import math
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mof_lab.errors import LabError  # noqa: E402
from mof_lab.files import write_atomically  # noqa: E402

NOTEBOOK, IMAGES = ROOT / "notebooks" / "06_chat.ipynb", ROOT / "docs" / "images"
#: Something told, other talk, and the question for it.
MESSAGES = (("我", "叫", "小雨"), ("介绍", "一下", "你", "自己"), ("我", "叫", "什么", "名字？"))

WIDTH, HEIGHT = 800, 1000  # pixels: of the picture, at most; of the browser's window
LARGEST = 1_500_000  # bytes
EVERY = 0.1  # seconds from a picture to the next, while nothing is written
WORD, REST = 0.4, 1.2  # seconds from a word to the next; of looking at what is there
SLOWER = 4  # the times that writing is shown slower than it was
HELD = 2000  # milliseconds that the last picture stands

#: First without any loss; on a machine where the film became long, with some.
ENCODINGS = ({"lossless": True}, {"quality": 85}, {"quality": 60})

STATE = "root => [root.dataset.state, root.querySelectorAll('.mof-exchange').length]"
#: The first character of an answer of which the experts would have said different ones, else 0.
DISPUTED = """all => Math.max(0, all.findIndex(
  ({ character }) => new Set(character[5].map(([symbol]) => symbol)).size > 1))"""


@dataclass(frozen=True)
class Shot:
    """A screenshot."""

    png: bytes
    at: float  # seconds, of a clock that is never set
    writing: bool  # was an answer on its way?


class Camera:
    """Takes pictures of a chat.

    Args:
        chat: a `ChatPage`; its place on the page must stay what it is.
    """

    def __init__(self, chat):
        self.chat, self.shots = chat, []
        self._root = chat.root.element_handle()
        self._place = chat.root.bounding_box()
        self._devtools = chat.page.context.new_cdp_session(chat.page)

    def take(self):
        """One picture; returns the widget's state and how many exchanges it shows."""
        state, exchanges = self.chat.page.evaluate(STATE, self._root)
        at = time.monotonic()
        clip = {
            "x": math.floor(self._place["x"]),
            "y": math.floor(self._place["y"]),
            "width": min(WIDTH, math.ceil(self._place["width"])),
            "height": math.ceil(self._place["height"]),
            "scale": 1,
        }
        options = {"format": "png", "clip": clip, "optimizeForSpeed": True}
        taken = self._devtools.send("Page.captureScreenshot", options)
        writing = state not in ("idle", "failed")
        self.shots.append(Shot(base64.b64decode(taken["data"]), at, writing))
        return state, exchanges

    def watch(self, seconds):
        """Pictures for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            due = time.monotonic() + EVERY
            self.take()
            self.chat.page.wait_for_timeout(1000 * max(0, min(due, end) - time.monotonic()))

    def ask(self, words, patience):
        """Types a message, sends it, and watches until the answer is there.

        Raises:
            LabError: no answer in `patience` seconds, or none at all.
        """
        _, before = self.take()
        for word in words:
            self.chat.page.keyboard.insert_text(word)
            self.watch(WORD)
        self.chat.page.keyboard.press("Enter")
        end = time.monotonic() + patience
        state, exchanges = self.take()
        while state != "idle" or exchanges == before:
            if state == "failed" or time.monotonic() > end:
                raise LabError(
                    f"“{''.join(words)}” got no answer ({state}): try it by hand in "
                    f"{NOTEBOOK.name}, then film again."
                )
            state, exchanges = self.take()
        self.watch(REST)

    def still_there(self):
        """Did the chat stay where it was?"""
        return self.chat.root.bounding_box() == self._place


def record(folder, language):
    """Films a conversation.

    Args:
        folder: an empty one, for JupyterLab.
        language: en or zh.

    Returns:
        The `Shot`s.
    """
    from browser import harness  # of the tests
    from browser.chat_page import ChatPage
    from playwright.sync_api import Error, sync_playwright

    if not Path(harness.CHROMIUM).exists():
        raise LabError("there is no Chromium to film: apt-get install chromium fonts-noto-cjk.")
    os.environ["MOF_LAB_RUNS"] = str(folder / "runs")  # a model of your own is not the one shipped
    os.environ.pop("MOF_LAB_FAST", None)
    lab = harness.Lab(folder)
    try:
        nbformat.write(opening(nbformat.read(NOTEBOOK, 4)), lab.notebooks / NOTEBOOK.name)
        lab.choose(theme="JupyterLab Light")
        with sync_playwright() as started:
            browser = started.chromium.launch(**harness.CHROMIUM_OPTIONS)
            context = browser.new_context(viewport={**harness.SIZE, "height": HEIGHT})
            harness.Gate(context)
            page = context.new_page()
            page.set_default_timeout(1000 * harness.PATIENCE)
            lab.open(page, NOTEBOOK.name)
            lab.run(page)
            chat = ChatPage(page)
            chat.wait("root => root.querySelector('.mof-exchange')")
            chat.idle()  # what the notebook says is answered
            if language == "zh":
                chat.root.locator(".mof-language").click()
                chat.wait("root => root.lang === 'zh-CN'")
            fit(chat)
            return talk(chat, harness.PATIENCE)
    except Error as error:
        raise LabError(
            f"The browser did not get on ({str(error).splitlines()[0]}): close what keeps this "
            "machine busy, then film again."
        ) from error
    finally:
        lab.close()


def opening(notebook):
    """A notebook up to its first chat, without outputs."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            if cell.source.startswith("chat = Chat("):
                notebook.cells = cells
                return notebook
    raise LabError(
        f"{NOTEBOOK.name} has no cell that begins with “chat = Chat(”: say in tools/"
        "moving_picture.py where its chat is now."
    )


def fit(chat):
    """Makes the page as wide as lets the chat be `WIDTH` pixels wide, and shows all of it."""
    width, size = chat.root.bounding_box()["width"], chat.page.viewport_size
    size["width"] -= math.ceil(width - WIDTH)
    chat.page.set_viewport_size(size)
    chat.wait(f"root => Math.abs(root.getBoundingClientRect().width - {WIDTH}) < 4")
    chat.root.scroll_into_view_if_needed()
    chat.text.fill("。")  # the box gets the height that it has with text in it
    chat.text.fill("")
    chat.page.wait_for_timeout(1000 * REST)  # until nothing moves any more


def talk(chat, patience):
    """What is filmed: the messages, and a look at one character."""
    camera = Camera(chat)
    camera.watch(REST)
    for words in MESSAGES:
        camera.ask(words, patience)
    characters = chat.root.locator(".mof-answer").last.locator(".mof-char")
    characters.nth(characters.evaluate_all(DISPUTED)).hover()
    camera.watch(REST)
    if not camera.still_there():
        raise LabError("the chat moved on the page while it was filmed: film again.")
    return camera.shots


def develop(shots):
    """The pictures of a film, and how long each stands.

    Equal neighbours become one.

    Returns:
        (Pillow images, milliseconds).
    """
    from PIL import Image

    images, milliseconds, before = [], [], None
    for shot, following in zip(shots, [*shots[1:], None], strict=True):
        image = Image.open(io.BytesIO(shot.png)).convert("RGB")
        seconds = (following.at - shot.at) * (SLOWER if shot.writing else 1) if following else 0
        if image.tobytes() == before:
            milliseconds[-1] += 1000 * seconds
        else:
            images.append(image)
            milliseconds.append(1000 * seconds)
            before = image.tobytes()
    milliseconds[-1] = max(milliseconds[-1], HELD)
    return images, [round(m) for m in milliseconds]


def encode(images, milliseconds):
    """An animated WebP that goes on for ever, as bytes.

    Raises:
        LabError: it would be too large, whatever is lost.
    """
    for how in ENCODINGS:
        file = io.BytesIO()
        images[0].save(
            file,
            "WEBP",
            save_all=True,
            append_images=images[1:],
            duration=milliseconds,
            loop=0,
            kmax=0,
            **how,
        )
        if file.tell() <= LARGEST:
            return file.getvalue()
    raise LabError(
        f"The film has {file.tell():,} bytes, and {LARGEST:,} is the most that a front page should "
        "load: film shorter messages."
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="moving_picture.py", description="Films the chat.")
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        shots = record(Path(folder), options.language)
    images, milliseconds = develop(shots)
    kind = "_zh" * (options.language == "zh")
    still = io.BytesIO()
    images[-1].save(still, "WEBP", lossless=True)
    for name, content in (("moving", encode(images, milliseconds)), ("still", still.getvalue())):
        path = IMAGES / f"chat_{name}{kind}.webp"
        write_atomically(path, content)
        print(f"{path.relative_to(ROOT)}: {len(content) / 1e3:,.0f} kB")
    width, height = images[0].size
    print(
        f"{len(images)} pictures of {width} × {height} from {len(shots)} screenshots, "
        f"{sum(milliseconds) / 1000:.1f} s; answers {SLOWER} times slower than they were written."
    )


if __name__ == "__main__":
    try:
        main()
    except ModuleNotFoundError as error:
        sys.exit(f"{error}: pip install -c constraints.txt -e .[browser,lab] brings what films.")
    except (LabError, RuntimeError) as error:  # a server that does not start is one of the latter
        sys.exit(str(error))

"""Photographs the widgets for docs/gallery.md: JupyterLab, a browser, the models that ship.

    python tools/gallery.py                       # all of `SHOTS`, to docs/images
    python tools/gallery.py training replay       # those whose names begin so

Each picture is of a notebook of its own, with the language and the theme that its name ends in
(`_zh`, `_dark`; neither = English, light), and shows a whole widget, `WIDTH` pixels wide. The
training panel trains for half a minute; all together take ten. Look at what came out. The chat in
the light is filmed, by moving_picture.py.

It takes the packages of .[browser] and the system's Chromium with a Chinese font.
"""

import argparse
import io
import math
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from mof_lab.errors import LabError  # noqa: E402
from mof_lab.files import write_atomically  # noqa: E402

IMAGES = ROOT / "docs" / "images"
WIDTH, TALL = 980, 2600  # pixels: of a widget; of the browser's window, so that all of it is seen
PATIENCE = 900  # seconds until what has not come is taken not to come: the panel trains
REST = 1500  # milliseconds until nothing moves any more
PANEL, CHART = ".mof-panel", ".js-plotly-plot"


@dataclass(frozen=True)
class Shot:
    """A widget to photograph.

    Attributes:
        source: the code of the cell that shows it.
        act: what is done on the page before; given the page and the widget.
        target: CSS selector of what is photographed, from the first of them to the last.
        kinds: name endings of its pictures.
    """

    source: str
    act: Callable
    target: str = PANEL
    kinds: tuple[str, ...] = ("",)


def say(*messages):
    """Says these to a chat, and points at the second character of the last answer."""

    def act(page, root):
        from browser.chat_page import ChatPage

        chat = ChatPage(page)
        for message in messages:
            chat.say(message)
        chat.text.blur()
        chat.root.locator(".mof-answer").last.locator(".mof-char").nth(1).hover()

    return act


def look_inside(page, root):
    """Locks a character of the first reading."""
    page.locator(".mof-axis").nth(1).wait_for()
    idle(root)
    root.locator(".mof-axis").first.locator(".mof-cell").nth(8).click()
    leave(page)


def train(page, root):
    """Trains until the held-out text was measured a few times, pauses, and takes a sample."""
    from browser.harness import until

    press(root, "begin")
    at = "Number(root.querySelector('[data-name=timeline]').max)"
    until(root, f"root => {at} > 200")
    press(root, "pause")
    root.locator("[data-action=resume]").wait_for()
    before = root.locator("[data-picture=moment]").inner_html()
    press(root, "sample")
    moment = "root.querySelector('[data-picture=moment]').innerHTML"
    page.wait_for_function(
        f"([root, before]) => {moment} !== before", arg=[root.element_handle(), before]
    )
    leave(page)


def go_back(page, root):
    """Another run beside it, and the slider two fifths on its way."""
    fold = root.locator("details:has(.mof-earlier) > summary")
    fold.click()
    root.locator("[data-run]").first.check()
    root.locator("[data-picture=course] svg:has-text('tiny')").wait_for()
    fold.click()
    root.locator("[data-name=timeline]").evaluate(
        "it => { it.value = 0.4 * it.max; it.dispatchEvent(new Event('input')); }"
    )
    leave(page)


def drag(page, chart):
    """Zooms the middle of a curve."""
    area = page.locator(f"{CHART} .nsewdrag").first
    area.wait_for(state="attached")
    box, middle = area.bounding_box(), 0.5
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + middle * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + middle * box["height"], steps=6)
    page.mouse.up()
    leave(page)


def begin_tour(page, root):
    """The first step, with what it speaks of in its frame."""
    from browser.chat_page import ChatPage

    chat = ChatPage(page)
    chat.exchanges.first.wait_for()
    chat.idle()
    press(root, "go_on")
    page.locator(".mof-here").first.wait_for()
    leave(page)


def take_example(page, root):
    """The text that is taken where nobody has one."""
    press(root, "example")
    root.locator("[data-picture=bits] svg").wait_for()
    idle(root)
    leave(page)


def give(page, root):
    """Downloads the work."""
    with page.expect_download():
        press(root, "download")
    idle(root)
    leave(page)


def show_vocabulary(page, root):
    root.locator("[data-picture=known] svg").wait_for()


def leave(page):
    """Takes pointer and focus away: neither is of what is shown."""
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")


def press(root, action):
    root.locator(f"[data-action={action}]").click()


def idle(root):
    from browser.harness import until

    until(root, "root => root.dataset.state === 'idle'")


ALL = ("", "_zh", "_dark")
SHOTS = {
    "chat": Shot(
        'from mof_lab import shipped\nfrom mof_lab.widgets import Chat\nChat(shipped("small"))',
        say("我叫小明", "我叫什么名字？"),
        kinds=("_dark",),
    ),
    "side_by_side": Shot(
        "from mof_lab import shipped\nfrom mof_lab.widgets import SideBySide\n"
        'SideBySide(shipped("small"), seed=1)',
        say("法国的首都是哪里？", "你是谁？"),
        kinds=ALL,
    ),
    "explorer": Shot(
        "from mof_lab import shipped\nfrom mof_lab.widgets import Explorer\n"
        'Explorer(shipped("small"), "法国的首都是哪里？", "日本的首都是哪里？")',
        look_inside,
        kinds=ALL,
    ),
    "training": Shot(
        "from shutil import rmtree\nfrom mof_lab.notebook import open_run\n"
        "from mof_lab.widgets import TrainingPanel\nrun = open_run()\n"
        'rmtree(run.directory / "gru", ignore_errors=True)\nTrainingPanel(run, "gru")',
        train,
        kinds=ALL,
    ),
    "replay": Shot('from mof_lab.notebook import replay\nreplay("chat", "small")', go_back),
    "zoom": Shot(
        "from mof_lab import shipped\nfrom mof_lab.recording import Recording\n"
        "from mof_lab.training_views import course\n"
        'course(Recording.load(shipped("tiny") / "recordings" / "gru.json"))',
        drag,
        target=CHART,
    ),
    "tour": Shot(
        "from IPython.display import display\nfrom mof_lab import shipped\n"
        "from mof_lab.notebook import tour\nfrom mof_lab.widgets import Chat\n"
        'chat = Chat(shipped("small"), temperature=0)\nchat.say("你好")\n'
        'display(tour("start"), chat)',
        begin_tour,
    ),
    "upload": Shot(
        "from mof_lab.widgets import Upload\nUpload(minutes=2)", take_example, kinds=("", "_zh")
    ),
    "download": Shot(
        "from shutil import copytree\nfrom mof_lab import shipped\n"
        "from mof_lab.widgets import Download\n"
        'copytree(shipped("tiny"), "run/chat", dirs_exist_ok=True)\n'
        'Download("run/chat", "我的 日记.txt")',
        give,
    ),
    "vocabulary": Shot(
        "from collections import Counter\nfrom mof_lab.corpus import load, texts\n"
        "from mof_lab.widgets import VocabularyPanel\n"
        'rows = load("project", tell=lambda sentence: None)\n'
        "counts = Counter(character for text in texts(rows) for character in text)\n"
        'said = "小猫在河边钓鱼，忽然看见一只蜻蜓飞过。它眨眨眼：“真漂亮！”"\n'
        "VocabularyPanel(counts, size=400, text=said)",
        show_vocabulary,
        kinds=ALL,
    ),
}
NAMES = [name + kind for name, shot in SHOTS.items() for kind in shot.kinds]


def photograph(lab, browser, name):
    """One picture, as a Pillow image.

    Args:
        lab: a `harness.Lab`.
        name: one of `NAMES`.
    """
    from browser import harness
    from PIL import Image

    kind = next((kind for kind in ALL if kind and name.endswith(kind)), "")
    shot = SHOTS[name.removesuffix(kind)]
    lab.write(f"{name}.ipynb", [shot.source])
    lab.choose(
        theme=f"JupyterLab {'Dark' if kind == '_dark' else 'Light'}",
        locale="zh_CN" if kind == "_zh" else "en",
    )
    context = browser.new_context(viewport={"width": harness.SIZE["width"], "height": TALL})
    harness.Gate(context)
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    try:
        lab.open(page, f"{name}.ipynb")
        lab.run(page)
        root = page.locator(shot.target).first
        root.wait_for()
        wider = WIDTH - root.bounding_box()["width"]
        page.set_viewport_size({"width": harness.SIZE["width"] + math.ceil(wider), "height": TALL})
        page.wait_for_timeout(REST)
        shot.act(page, root)
        page.wait_for_timeout(REST)
        taken = page.screenshot(clip=frame(page, shot.target))
        page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    finally:
        context.close()
    return Image.open(io.BytesIO(taken)).convert("RGB")


def frame(page, target):
    """The rectangle around all that is photographed; all of it has to be in the window."""
    boxes = [one.bounding_box() for one in page.locator(target).all() if one.is_visible()]
    left, top = (min(box[side] for box in boxes) for side in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes)
    bottom = max(box["y"] + box["height"] for box in boxes)
    if top < 0 or bottom > TALL:
        raise LabError(f"the widget is taller than the window of {TALL} pixels: make TALL larger.")
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def packed(image):
    """A picture as the bytes of a PNG of 256 colours: no more are needed, and it is a third."""
    file = io.BytesIO()
    image.quantize(256, dither=0).save(file, "PNG", optimize=True)
    return file.getvalue()


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="gallery.py", description="Photographs the widgets.")
    parser.add_argument("names", nargs="*", help="beginnings of names; all of them if left out")
    wanted = tuple(parser.parse_args(arguments).names)
    names = [name for name in NAMES if not wanted or name.startswith(wanted)]
    if not names:
        raise LabError(f"There is no picture {' or '.join(wanted)}; there are {', '.join(NAMES)}.")
    from browser import harness
    from playwright.sync_api import Error, sync_playwright

    if not Path(harness.CHROMIUM).exists():
        raise LabError("there is no Chromium: apt-get install chromium fonts-noto-cjk.")
    harness.PATIENCE = PATIENCE
    os.environ.pop("MOF_LAB_FAST", None)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["MOF_LAB_RUNS"] = str(Path(folder) / "runs")  # none of yours is gone on with
        lab = harness.Lab(Path(folder))
        try:
            with sync_playwright() as started:
                browser = started.chromium.launch(**harness.CHROMIUM_OPTIONS)
                for name in names:
                    image = photograph(lab, browser, name)
                    content = packed(image)
                    write_atomically(IMAGES / f"{name}.png", content)
                    print(
                        f"{name}.png: {image.width} × {image.height}, {len(content) / 1e3:,.0f} kB"
                    )
        except Error as error:
            raise LabError(
                f"The browser did not get on with {name} ({str(error).splitlines()[0]}): close "
                "what keeps this machine busy, then try again."
            ) from error
        finally:
            lab.close()


if __name__ == "__main__":
    try:
        main()
    except ModuleNotFoundError as error:
        sys.exit(f"{error}: pip install -c constraints.txt -e .[browser,lab] brings what it takes.")
    except (LabError, RuntimeError) as error:  # a server that does not start is one of the latter
        sys.exit(str(error))

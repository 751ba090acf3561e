"""The training panel in a real browser: Train, Pause, Resume, Stop, and what is left of it.

The model is a toy; how soon a real one listens is in `test_response.py`.
"""

import pytest

from .harness import PATIENCE, beside, reload, until

SOURCE = """\
from dataclasses import replace
from mof_lab import corpus, preset
from mof_lab.configuration import ModelConfig
from mof_lab.pipeline import Run
from mof_lab.widgets import TrainingPanel

with open("mine.txt", "w", encoding="utf-8") as file:
    file.write("\\n\\n".join(f"第{i}天，米米在白桥边等阿旺，等了{i}个小时。" for i in range(400)))
rows = corpus.split(corpus.load("mine.txt", tell=lambda text: None))
toy = ModelConfig(embedding_dim=16, gru_units=16, num_layers=1, num_heads=2, router_units=4)
small = replace(preset("tiny"), model=toy, window=32, batch=2, vocabulary_size=200)
run = Run(small, "run", rows)
stage = replace(small.stage("gru"), steps=100_000)

panel = TrainingPanel(run, stage)
panel"""

#: Does the picture show the step that the status line names?
SAMPLED = """root => {
  const step = root.querySelector(".mof-status").textContent.match(/\\d+/)?.[0];
  return step && root.querySelector("[data-picture=moment]").innerHTML.includes(`step ${step} `);
}"""


@pytest.fixture(scope="module")
def root(lab, browser_page):
    """A panel whose training would go on for hours."""
    lab.write("training.ipynb", [SOURCE])
    lab.open(browser_page, "training.ipynb")
    lab.run(browser_page)
    root = browser_page.locator(".mof-panel").first
    root.wait_for(timeout=PATIENCE * 1000)
    return root


def press(root, key):
    root.locator(f"[data-action={key}]").click()


def step(root):
    """The newest step that the panel knows of."""
    return int(root.locator("[data-name=timeline]").get_attribute("max"))


def test_train_pause_resume_stop(root, pictures):
    press(root, "begin")
    until(root, "root => root.querySelector('[data-picture=course] svg')")
    until(root, "root => Number(root.querySelector('[data-name=timeline]').max) > 50")
    press(root, "pause")
    until(root, "root => !root.querySelector('[data-action=resume]').hidden")
    paused = step(root)
    root.page.wait_for_timeout(1500)
    assert step(root) == paused
    press(root, "sample")  # a look at the model while it waits
    until(root, SAMPLED)
    assert "你好" in root.locator("[data-picture=moment] + details").text_content()
    root.page.locator(".jp-InputArea").first.evaluate("a => a.style.display = 'none'")
    root.page.screenshot(path=pictures / "training_light.png")
    press(root, "resume")
    until(root, f"root => Number(root.querySelector('[data-name=timeline]').max) > {paused}")
    press(root, "stop")
    until(root, "root => !root.querySelector('[data-action=begin]').hidden")
    stopped = step(root)
    root.page.wait_for_timeout(1500)
    assert step(root) == stopped > paused


def test_the_curves_are_seen_to_be_zoomed_and_nothing_twice(root, pictures):
    button = root.locator("[data-action=zoom]")
    button.wait_for()  # it is there once plotly drew the chart
    assert beside(root) == []
    button.click()
    assert [output.locator(".js-plotly-plot").count() for output in beside(root)] == [1]
    root.page.screenshot(path=pictures / "training_zoomed.png")
    press(root, "begin")  # what it would show now is old
    until(root, "root => !root.classList.contains('mof-zoomed')")
    assert beside(root) == [] and not button.is_visible()
    press(root, "stop")
    until(root, "root => !root.querySelector('[data-action=begin]').hidden")


def test_the_slider_goes_back_to_an_earlier_step(root):
    slider = root.locator("[data-name=timeline]")
    before = root.locator("[data-number=loss]").inner_text()
    slider.evaluate("it => { it.value = 1; it.dispatchEvent(new Event('input')); }")
    assert root.locator(".mof-veil").count() >= 1
    assert root.locator("[data-number=loss]").inner_text() != before
    press(root, "play")  # and from there to the end again, without the kernel
    until(root, "root => !root.querySelector('.mof-veil')")
    assert root.locator("[data-number=loss]").inner_text() == before


def test_what_was_stopped_is_there_and_goes_on(root):
    stopped = step(root)
    press(root, "begin")
    until(root, f"root => Number(root.querySelector('[data-name=timeline]').max) > {stopped}")
    press(root, "stop")
    until(root, "root => !root.querySelector('[data-action=begin]').hidden")
    assert step(root) > stopped


def test_with_the_keyboard_alone(root):
    page, now = root.page, "document.activeElement.dataset.action"
    root.locator("[data-action=begin]").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"{now} === 'pause'")  # in the place of the button that went
    page.keyboard.press("Space")
    page.wait_for_function(f"{now} === 'resume'")
    page.keyboard.press("Tab")
    assert page.evaluate(now) == "stop"
    page.keyboard.press("Enter")
    page.wait_for_function(f"{now} === 'begin'")


def test_in_chinese_and_dark(lab, root, pictures):
    page = root.page
    lab.darken(page)
    root.locator(".mof-language").click()
    until(root, "root => root.lang === 'zh-CN'")
    page.screenshot(path=pictures / "training_zh.png")
    assert root.evaluate("root => root.scrollWidth <= root.clientWidth")


def test_it_outlives_a_reload_and_its_pictures_the_kernel(lab, page, pictures):
    source = SOURCE.replace('"run"', '"kept"').replace("100_000", "30")
    lab.write("kept.ipynb", [source])
    lab.open(page, "kept.ipynb")
    lab.run(page)
    root = page.locator(".mof-panel").first
    root.wait_for()
    press(root, "begin")
    until(root, "root => root.querySelector('[data-action=begin]').ariaDisabled === 'true'")
    until(root, "root => root.dataset.state === 'idle'")
    root.locator("[data-action=zoom]").wait_for()
    loss = root.locator("[data-number=loss]").inner_text()
    lab.command(page, "docmanager:save")
    reload(page)
    until(root, "root => root.querySelector('[data-picture=course] svg')")
    assert (step(root), root.locator("[data-number=loss]").inner_text()) == (30, loss)
    exported = lab.exported("kept.ipynb")
    assert "Stage 阶段 gru" in exported and "What it writes · step 30" in exported
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    lab.look(page, "kept.ipynb")
    page.locator(".jp-RenderedSVG svg, .jp-RenderedSVG img").first.wait_for()
    for picture in (".jp-RenderedPlotly", ".jp-RenderedSVG"):
        assert page.locator(picture).bounding_box()["height"] > 100, picture
    page.screenshot(path=pictures / "training_no_kernel.png", full_page=True)

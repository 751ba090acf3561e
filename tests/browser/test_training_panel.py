"""The training panel in a real browser: Train, Pause, Resume, Stop, and what is left of it."""

import pytest

from .harness import PATIENCE

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


@pytest.fixture(scope="module")
def root(lab, browser_page):
    """A panel whose training would go on for hours."""
    lab.write("training.ipynb", [SOURCE])
    lab.open(browser_page, "training.ipynb")
    lab.run(browser_page)
    root = browser_page.locator(".mof-panel").first
    root.wait_for(timeout=PATIENCE * 1000)
    return root


def until(root, condition):
    root.page.wait_for_function(
        condition, arg=root.element_handle(), timeout=PATIENCE * 1000, polling=50
    )


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
    root.page.screenshot(path=pictures / "training_light.png")
    press(root, "resume")
    until(root, f"root => Number(root.querySelector('[data-name=timeline]').max) > {paused}")
    press(root, "stop")
    until(root, "root => !root.querySelector('[data-action=begin]').hidden")
    stopped = step(root)
    root.page.wait_for_timeout(1500)
    assert step(root) == stopped > paused


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

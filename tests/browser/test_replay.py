"""The recordings that ship, played to their end in a real browser; no kernel is there."""

import json

import pytest

from mof_lab.notebook import replay
from tests.test_replay import SHIPPED

#: What anywidget gives to a widget's script, of a kernel that says nothing.
SHOW = """async ([script, style, state]) => {
  document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  const model = { get: (name) => state[name], set() {}, save_changes() {}, send() {},
                  on() {}, off() {} };
  widget.render({ model, el: document.body });
}"""


def show(page, shown, **changed):
    """Shows a replay on a page of its own."""
    state = {key: getattr(shown, key) for key in shown.keys if hasattr(shown, key)} | changed
    script, style = state.pop("_esm"), state.pop("_css")
    page.goto("about:blank")
    page.evaluate(SHOW, [str(script), str(style), json.loads(json.dumps(state, default=str))])


@pytest.mark.parametrize(("stage", "name"), SHIPPED)
def test_a_recording_that_ships_plays_to_its_end(page, stage, name):
    shown = replay(stage, name)
    page.clock.install(time=0)
    show(page, shown)
    page.clock.pause_at(60_000)  # else it plays on while a busy machine looks
    button, slider = page.locator("[data-action=play]"), page.locator("[data-name=timeline]")
    button.click()
    seconds = shown.points[-1][1] / float(page.locator("[data-name=speed]").input_value())
    picture, seen, heights = page.locator("[data-picture=moment]"), [], set()
    for _ in range(40):
        page.clock.fast_forward(int(1000 * seconds / 30))
        seen.append((float(slider.input_value()), picture.inner_html()))
        heights.add(page.locator(".mof-panel").evaluate("panel => panel.offsetHeight"))
    steps = [step for step, _ in seen]
    assert steps == sorted(steps) and steps[0] < shown.steps / 2 and steps[-1] == shown.steps
    assert len(heights) == 1  # nothing below the picture jumps
    assert button.inner_text() == "Play"  # no longer Halt
    assert len({drawn for _, drawn in seen}) >= 3  # moments passed by


def test_what_was_sampled_after_the_newest_point_is_shown(page):
    """A point is noted twice a second; a panel that is paused is asked at any step."""
    shown = replay("gru", "tiny")
    *most, (step, svg, text) = shown.moments
    show(page, shown, points=shown.points[:-1], moments=[*most, [step, svg, text]])
    assert shown.points[-2][0] < step
    assert f"step {step} " in page.locator("[data-picture=moment]").inner_html()

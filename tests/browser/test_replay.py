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


@pytest.mark.parametrize(("stage", "name"), SHIPPED)
def test_a_recording_that_ships_plays_to_its_end(page, stage, name):
    shown = replay(stage, name)
    state = {key: getattr(shown, key) for key in shown.keys if hasattr(shown, key)}
    script, style = state.pop("_esm"), state.pop("_css")
    page.clock.install()
    page.goto("about:blank")
    page.evaluate(SHOW, [str(script), str(style), json.loads(json.dumps(state, default=str))])
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

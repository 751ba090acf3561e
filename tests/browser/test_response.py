"""How soon the lab answers who clicks: the models that ship, in a real browser.

Everything is measured three times or more and printed; a limit holds for the best of them, and is
as much higher as the machine is slower than alone. `tools/response.py` keeps what is found.
"""

import json
from statistics import median

import pytest

from .chat_page import KERAS, LITERT, first_character, open_chat, stopping, timed
from .harness import PATIENCE, ask, slowness, until

TIMES = 3
BEGINS = {"LiteRT": (LITERT, 300), "Keras": (KERAS, 800)}  # milliseconds
STOPS, CLICKS, BATCHES = 300, 150, 2

#: A training of the whole model, whose kernel notes what it heard and what it did, when.
TRAINING = """\
import time
from dataclasses import replace
from mof_lab import preset
from mof_lab.pipeline import Run
from mof_lab.widgets import TrainingPanel

tiny = preset("tiny")
run = Run(tiny, "run")
stage = replace(tiny.stage("chat"), steps=100_000)
notes = []  # of (what, step, seconds)


class Watched(TrainingPanel):
    def note(self, what):
        notes.append((what, self.record.step, time.monotonic()))

    def _receive(self, _, content, buffers):
        self.note(content["kind"])
        super()._receive(_, content, buffers)

    def _note(self, progress):
        self.note("step")
        return super()._note(progress)

    def _show_job(self, job):
        self.note(job.state)
        super()._show_job(job)


panel = Watched(run, stage, sayings=())
panel"""

#: How long a click on the language takes until what it changes is on the page, milliseconds.
CLICK = """root => new Promise((done) => {
  const started = performance.now();
  const observer = new MutationObserver(() => {
    observer.disconnect();
    requestAnimationFrame(() => done(performance.now() - started));
  });
  observer.observe(root, { attributes: true, attributeFilter: ["lang"] });
  root.querySelector(".mof-language").click();
})"""


def click(root):
    """The median of eight clicks, milliseconds."""
    return median(root.evaluate(CLICK) for _ in range(8))


def soon(note, what, of, limit, measured):
    """Notes what was measured, pairs as `timed` gives them; was it soon enough once?"""
    note(what, of, "ms", limit, [ms for ms, _ in measured], max(busy for _, busy in measured))
    return any(ms < limit * busy for ms, busy in measured)


@pytest.mark.parametrize("model", ["tiny", "small"])
@pytest.mark.parametrize("engine", BEGINS)
def test_an_answer_begins_and_stops_soon(lab, page, response, engine, model):
    source, limit = BEGINS[engine]
    name = f"{engine}_{model}.ipynb"
    chat = open_chat(lab, page, name, source, "temperature=0", model=model)
    of = f"{model}, {engine}"
    began = [timed(first_character, chat) for _ in range(TIMES)]
    stopped = [timed(stopping, chat) for _ in range(TIMES)]
    assert soon(response, "first_character", of, limit, began)
    assert soon(response, "stop", of, STOPS, stopped)


def test_a_training_listens(lab, page, response):
    """Clicks while it trains; Pause and Stop within two batches; Resume goes on at once, with the
    step after the one that was done last."""
    lab.write("training.ipynb", [TRAINING])
    lab.open(page, "training.ipynb")
    lab.run(page)
    root = page.locator(".mof-panel").first
    root.wait_for(timeout=10 * PATIENCE * 1000)  # its text is packed first

    def press(key):
        root.locator(f"[data-action={key}]").click()

    def steps(more):
        wanted = int(root.locator("[data-name=timeline]").get_attribute("max")) + more
        condition = f"Number(root.querySelector('[data-name=timeline]').max) >= {wanted}"
        page.wait_for_function(
            f"root => {condition}", arg=root.element_handle(), timeout=10 * PATIENCE * 1000
        )  # the first one compiles

    press("begin")
    steps(4)
    clicks = [timed(click, root) for _ in range(TIMES)]
    for _ in range(TIMES):
        steps(2)
        press("pause")
        until(root, "root => root.dataset.state === 'paused'")
        page.wait_for_timeout(1000)
        press("resume")
        until(root, "root => root.dataset.state === 'running'")
    steps(2)
    press("stop")
    until(root, "root => root.dataset.state === 'idle'")
    notes = json.loads(ask(lab, page, "import json; print(json.dumps(notes))"))

    assert soon(response, "click", "tiny", CLICKS, clicks)
    busy = slowness()
    for asked, becomes in (("pause", "paused"), ("stop", "idle")):
        found = [after(notes, i, becomes)[1] - notes[i][1] for i in where(notes, asked)]
        response(asked, "tiny", "batches", BATCHES, found, busy)
        assert found and max(found) <= BATCHES, (asked, found)
    batch, found = a_batch(notes), []
    for i in where(notes, "resume"):
        what, step, _ = notes[i - 1]
        _, next_step, seconds = after(notes, i, "step")
        assert (what, next_step) == ("paused", step + 1)  # nothing was done meanwhile, or twice
        found.append((seconds - notes[i][2]) / batch)
    response("resume", "tiny", "batches", BATCHES, found, busy)
    assert len(found) == TIMES and min(found) <= BATCHES, found


def where(notes, what):
    return [i for i, (kind, *_) in enumerate(notes) if kind == what]


def after(notes, at, what):
    """The first note of a kind after another."""
    return next(note for note in notes[at + 1 :] if note[0] == what)


def a_batch(notes):
    """Seconds of the median batch."""
    steps = [note for note in notes if note[0] == "step"]
    pairs = zip(steps, steps[1:], strict=False)
    return median(later - sooner for (_, _, sooner), (_, _, later) in pairs)

"""A long action of a notebook: how far it is and how long it takes, with Pause, Resume and Stop.

    def work():                            # a generator, so it can be left wherever it yields
        for i, order in enumerate(orders):
            ...
            yield (i + 1) / len(orders), order      # the share that is done, what is being done
        return found

    task = Task("Four orders", work)
    task.start()                           # the same as its button
    task.result()                          # what `work` returned

`notebook.in_background` shows one and starts it. The training of a stage has a panel of its own,
`training.TrainingPanel`.
"""

import time
from contextlib import closing

import traitlets

from .. import drawing as draw
from .. import jobs
from ..progress import clock
from ..view import View
from . import texts
from .action import Action
from .base import HERE, STYLE, script
from .texts_task import TASK


class Task(Action):
    """Does something long in a job.

    Args:
        name: what people call it.
        work: a function of no arguments that gives a generator of (share done, what is being
            done), 0 … 1 and a text. Where it was stopped, `start` calls it anew: it should find
            what was done before.
    """

    _esm = script("task.js")
    _css = STYLE + (HERE / "task.css").read_text(encoding="utf-8")
    words = texts.texts(texts.COMMON, TASK)
    about = "A long action 耗时操作: run this cell to begin it 运行本单元格即可开始"

    name = traitlets.Unicode().tag(sync=True)
    share = traitlets.Float(0.0).tag(sync=True)  # that is done
    doing = traitlets.Unicode().tag(sync=True)
    left = traitlets.Unicode().tag(sync=True)  # time, 3:05; "" = nobody knows yet
    done = traitlets.Bool(False).tag(sync=True)

    def __init__(self, name, work):
        super().__init__(name=name)
        self._work, self._result, self._seconds = work, None, 0.0
        self._supersede(name)

    # ---- from a cell ----

    @property
    def called(self):
        return self.name

    @property
    def ready(self):
        return self.done

    def picture(self):
        if not self.share:
            return None
        width, note = draw.WIDTH - 2 * draw.MARGIN, f"{self.share:.0%} · {clock(self._seconds)}"
        bar = draw.rect(draw.MARGIN, draw.TOP, width, 10, draw.FAINT, rx=5)
        full = draw.rect(draw.MARGIN, draw.TOP, width * self.share, 10, draw.COLOURS[0], rx=5)
        svg = draw.page(self.name, draw.fit(note, width, 11.5), [bar, full], draw.TOP + 26)
        return View(svg, f"{self.name}: {note}")

    # ---- how it works ----

    def _show_job(self, job):
        super()._show_job(job)
        key = {jobs.RUNNING: "working", jobs.PAUSED: "paused", jobs.STOPPING: "stopping"}
        if job.state in key:
            self.tell(key[job.state])

    def _act(self, job):
        due, first, last = jobs.Due(jobs.CHART_HZ), None, time.monotonic()
        self._seconds = 0.0  # a pause is not counted
        with closing(self._steps()) as steps:
            for share, doing in steps:
                self._seconds += time.monotonic() - last
                # What went before the first was done earlier, or compiled.
                first = first or (share, self._seconds)
                if due():
                    self._show(share, doing, *first)
                if not job.go_on():
                    self._show(share, doing, *first)
                    return self.tell("stopped")
                last = time.monotonic()
            self._seconds += time.monotonic() - last
        self.share, self.doing, self.left, self.done = 1.0, "", "", True
        self.tell("done", time=clock(self._seconds))

    def _steps(self):
        self._result = yield from self._work()

    def _show(self, share, doing, began_at, began):
        self.share, self.doing = min(1.0, max(0.0, float(share))), str(doing)
        gained = share - began_at
        rest = (self._seconds - began) * (1 - share) / gained if gained > 0 else None
        self.left = "" if rest is None else clock(max(0.0, rest))

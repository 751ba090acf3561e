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
import weakref
from contextlib import closing

import traitlets

from .. import drawing as draw
from .. import jobs
from ..errors import LabError
from ..progress import clock
from ..view import View
from . import texts
from .base import HERE, STYLE, Panel, script
from .texts_task import TASK

#: What people call it → the newest task of that name.
_NEWEST = weakref.WeakValueDictionary()


def task_now(name):
    """The task of that name that is being done, paused or not; None = no one."""
    task = _NEWEST.get(name)
    return task if task is not None and task.alive else None


class Task(Panel):
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
        self._work, self._result, self._working, self._seconds = work, None, None, 0.0
        _NEWEST[name] = self

    # ---- from a cell ----

    @property
    def alive(self):
        """Is it being done, or paused?"""
        return self._working is not None and self._working.alive

    def start(self):
        """Begins, or goes on; returns the job, None if another one is running.

        Where somebody can click it returns at once, see `jobs.headless`.
        """
        job = self.run(self.name, self._run)
        self._working = job or self._working
        if job is not None and not job.alive:
            self.keep()  # from the cell itself: an executed notebook has to be complete
        return job

    def result(self):
        """What the work returned, once it is done.

        Raises:
            LabError: it is not done, or it failed; the sentence says what to do.
        """
        job = self._working
        if self.alive:
            raise jobs.NotReadyError(
                f"“{self.name}” is still going on: wait until it is done, then run this cell "
                "again. 还在进行：请等它结束，再运行本单元格。"
            )
        if job is not None and job.failure is not None:
            raise LabError(job.failure.sentence)
        if not self.done:
            raise jobs.NotReadyError(
                f"“{self.name}” is not done yet: press Start above and wait, then run this cell "
                "again. 还没有完成：请点“开始”，等它结束，再运行本单元格。"
            )
        return self._result

    def picture(self):
        if not self.share:
            return None
        width, note = draw.WIDTH - 2 * draw.MARGIN, f"{self.share:.0%} · {clock(self._seconds)}"
        bar = draw.rect(draw.MARGIN, draw.TOP, width, 10, draw.FAINT, rx=5)
        full = draw.rect(draw.MARGIN, draw.TOP, width * self.share, 10, draw.COLOURS[0], rx=5)
        svg = draw.page(self.name, draw.fit(note, width, 11.5), [bar, full], draw.TOP + 26)
        return View(svg, f"{self.name}: {note}")

    # ---- from the browser ----

    def on_begin(self, content):
        self.start()

    # ---- how it works ----

    def _changed(self, job):
        super()._changed(job)
        key = {jobs.RUNNING: "working", jobs.PAUSED: "paused", jobs.STOPPING: "stopping"}
        if job.state in key:
            self.tell(key[job.state])

    def _run(self, job):
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

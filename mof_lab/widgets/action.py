"""A panel with one long action: a cell or its button begins it, and a later cell asks for its end.

A subclass has `_act(job)`, which does it; once `ready`, `_result` is what came of it. A training
and a task are such panels.
"""

import weakref

from .. import jobs
from ..errors import LabError
from .base import Panel

#: What tells actions apart, a name or a folder → the newest panel of it.
_NEWEST = weakref.WeakValueDictionary()


def now(key):
    """The panel that does this now, paused or not; None = no one."""
    panel = _NEWEST.get(key)
    return panel if panel is not None and panel.alive else None


class Action(Panel):
    """Does one long thing in a job; see the top of this file."""

    _acting = None  # the newest job that does it; a panel may have others, such as a look

    def _supersede(self, key):
        """Closes an older panel of the same action, unless it is at it: its picture stays.

        ipywidgets keep every widget until it is closed, and with it here a model, its optimiser
        and its text, each time that a cell runs again.
        """
        older = _NEWEST.get(key)
        if older is not None:
            older.give_way()
            if older.alive:
                return
        _NEWEST[key] = self

    def give_way(self):
        if not self.alive:  # what goes on keeps its panel, see `notebook.train`
            super().give_way()

    @property
    def alive(self):
        """Is it being done, or paused?"""
        return self._acting is not None and self._acting.alive

    def start(self):
        """Begins, or goes on; returns the job, None if another one is running.

        Where somebody can click it returns at once, see `jobs.headless`.
        """
        job = self.run(self._act)
        self._acting = job or self._acting
        if job is not None and not job.alive:
            self.keep()  # from the cell itself: an executed notebook has to be complete
        return job

    def result(self):
        """What came of it.

        Raises:
            LabError: it is going on, or nothing came of it; the sentence says what to do.
        """
        if self.alive:
            raise jobs.NotReadyError(
                f"“{self.called}” is still going on: wait until it is done, or press Stop, then "
                "run this cell again. 还在进行：请等它结束或点“停止”，再运行本单元格。"
            )
        if self._acting is not None and self._acting.failure is not None:
            raise LabError(self._acting.failure.sentence)
        if not self.ready:
            english, chinese = (self.words[language]["begin"] for language in ("en", "zh"))
            raise jobs.NotReadyError(
                f"“{self.called}” is not done yet: press {english} above and wait, then run this "
                f"cell again. 还没有完成：请点“{chinese}”，等它结束，再运行本单元格。"
            )
        return self._result

    # ---- from the browser ----

    def on_begin(self, content):
        self.start()

"""A guided tour: what to look at and to do on a page, one step at a time, in any order.

from mof_lab.notebook import tour
tour("start")

`tours.py` has the steps. What was done is told by `deeds`, what was looked at by `tour.js`, which
also frames what the present step speaks of. Nothing waits for the tour, and nothing is locked.
"""

import re
import threading
from collections import deque

import traitlets

from ..errors import LabError
from . import deeds, glossary, texts
from .base import HERE, STYLE, Panel, script
from .texts_tour import TOUR
from .tours import TOURS

REMEMBERED = 500  # deeds; some steps are done by several


class Tour(Panel):
    """The steps of a tour, and which of them are done.

    Args:
        name: one of `tours.TOURS`.
    """

    _esm = script("tour.js")
    _css = STYLE + (HERE / "tour.css").read_text(encoding="utf-8")
    words = texts.texts(texts.COMMON, TOUR)
    about = "Guided tour 导览: run this cell to begin 运行本单元格即可开始"

    # of {"key", "target", "looks", "below", "by_hand", "terms"}
    steps = traitlets.List().tag(sync=True)
    done = traitlets.List().tag(sync=True)  # keys, in the order in which they were done
    at = traitlets.Unicode().tag(sync=True)  # the key of the present step; "" = it is over
    under_way = traitlets.Bool(False).tag(sync=True)  # else nothing is framed
    address = traitlets.Unicode().tag(sync=True)  # of the glossary, from the notebook; "" = none

    def __init__(self, name):
        if name not in TOURS:
            raise LabError(f"There is no tour {name!r}; there are {', '.join(TOURS)}.")
        self._steps = {step.key: step for step in TOURS[name]}
        self.terms = {step.key: _terms(step) for step in TOURS[name]}
        self.words = texts.texts(texts.COMMON, TOUR, self._words_of_steps())
        self._ticking = threading.RLock()  # deeds come from several pages, and from jobs
        super().__init__(
            steps=[
                {"key": s.key, "target": s.target, "looks": s.looks, "below": s.below}
                | {"by_hand": s.by_hand, "terms": list(self.terms[s.key])}
                for s in TOURS[name]
            ],
            address=glossary.address(),
        )
        self.restart()
        deeds.follow(self)

    # ---- from a cell ----

    def go(self, key):
        """Makes a step the present one, done or not."""
        self.at = self._step(key).key
        self.under_way = True
        self._count("count")

    def go_on(self):
        """Takes the tour up: at the present step, or at the next that is not done yet."""
        waiting = self.at and self.at not in self.done
        if key := self.at if waiting else self._next():
            self.go(key)

    def next(self):
        """Goes to the next step that is not done yet; where all are done the tour is over."""
        if key := self._next():
            self.go(key)
        else:
            self.at, self.under_way = "", False
            self._count("finished")

    def leave(self):
        """Frames nothing any more. What was done stays, and what is done is still ticked off."""
        self.under_way = False
        self._count("left" if self._next() else "finished")

    def restart(self):
        """As if nothing had been done; it waits to be started."""
        with self._ticking:
            self.done, self.under_way = [], False
            self._deeds = deque(maxlen=REMEMBERED)
            self.at = next(iter(self._steps))
            self._count("ready")
            self.keep()

    def tick(self, key):
        """Ticks a step off. The present one stays until somebody goes on: it is being read."""
        step = self._step(key)
        with self._ticking:
            if key in self.done:
                return
            self.done = [*self.done, key]
            if len(self.done) < len(self._steps):
                self._count("ticked", number=list(self._steps).index(step.key) + 1)
            else:
                self._count("finished")
            self.keep()

    def noticed(self, widget, kind, content):
        """Ticks off the steps that are done by this deed, see `deeds`."""
        with self._ticking:
            self._deeds.append((widget, kind, content))
            for step in self._steps.values():
                if step.deed is not None and step.deed(self._deeds):
                    self.tick(step.key)

    def snapshots(self):
        """The steps as a list to read where nothing runs."""
        return [Listed(self)]

    # ---- from the browser ----

    def on_go(self, content):
        self.go(content["step"])

    def on_go_on(self, content):
        self.go_on()

    def on_next(self, content):
        self.next()

    def on_leave(self, content):
        self.leave()

    def on_restart(self, content):
        self.restart()
        self.go_on()

    def on_tick(self, content):
        """Done was pressed; only what cannot be noticed has that button."""
        if not self._step(content["step"]).by_hand:
            raise LabError(f"Step {content['step']} is ticked off by doing it; try it.")
        self.tick(content["step"])

    def on_looked(self, content):
        if not self._step(content["step"]).looks:
            raise LabError(f"Step {content['step']} is not done by looking; try it.")
        self.tick(content["step"])

    # ---- how it works ----

    def _words_of_steps(self):
        """Their titles and texts, and the terms they name, as in `texts.py`."""
        words = {}
        for key, step in self._steps.items():
            words |= {f"{key}.title": step.title, f"{key}.text": step.text}
            for id, term in self.terms[key].items():
                words |= {f"term.{id}": term.name, f"meaning.{id}": term.meaning}
        return words

    def _step(self, key):
        if key not in self._steps:
            raise LabError(f"The tour has no step {key!r}; it has {', '.join(self._steps)}.")
        return self._steps[key]

    def _next(self):
        """The first step after the present one, round the end, that is not done; "" = none."""
        keys = list(self._steps)
        after = keys.index(self.at) + 1 if self.at else 0
        return next((key for key in keys[after:] + keys[:after] if key not in self.done), "")

    def _count(self, key, **values):
        self.tell(key, done=len(self.done), all=len(self._steps), **values)


class Listed:
    """What a tour leaves in a saved notebook: its steps in both languages, with their terms."""

    def __init__(self, tour):
        self._tour, self._done = tour, list(tour.done)

    def _repr_mimebundle_(self, include=None, exclude=None):
        lines = [self._line(*one) for one in enumerate(self._tour._steps.values(), start=1)]
        return {
            "text/markdown": "\n".join(lines),
            "text/plain": f"{len(lines)} steps, {len(self._done)} done 共 {len(lines)} 步",
        }

    def _line(self, number, step):
        mark = "✓ " if step.key in self._done else ""
        to = self._tour.address
        names = ((id, _plain(" ".join(t.name))) for id, t in self._tour.terms[step.key].items())
        links = [f"[{name}]({to}#{id})" if to else name for id, name in names]
        title, text = (" ".join(pair) for pair in (step.title, step.text))
        return f"{number}. {mark}**{title}** {text} {' · '.join(links)}".rstrip()


def _plain(name):
    """A term such as [CLEAN] as Markdown that is no link by itself."""
    return re.sub(r"([\[\]])", r"\\\1", name)


def _terms(step):
    """The terms of a step that the glossary has: anchor → `glossary.Term`."""
    return {id: glossary.terms()[id] for id in step.terms if id in glossary.terms()}

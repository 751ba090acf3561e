"""What every widget has: language, theme, a status line, errors, its job, and a snapshot.

To make one:

1. `class Mine(Panel)` with `_esm = script("mine.js")` and its words beside those of `texts.py`:
   `words = texts.texts(texts.COMMON, texts.MINE)`.
2. `mine.js` ends in `export default { render: ({ model, el }) => panel(model, el, build) }`, where
   `build(ui)` fills `ui.body` and returns a clean-up function. `base.js`, which is put before it,
   gives `element`, `ui.t(key, values)`, `ui.label(node, key)`, `ui.send(kind, content)`; see there.
3. In Python, a method `on_<kind>(self, content)` for each message; `self.answer(content, …)` goes
   back to the view that sent it, `self.send` to all that there are of the widget. Bytes that were
   sent with it are further arguments. It returns at once; what takes long goes through
   `self.run(work)`, one job at a time in a kernel. In a job set traits and send messages,
   never print or display.
   A trait that the page itself sets has to be in `settable`.
4. `picture(self)` returns a `views.View` (SVG and text) of what there is to keep. It is displayed
   beside the widget and renewed when a job ends: that is what is seen where there is no kernel.
   (What is no picture: `snapshots(self)` returns anything that displays itself, always as many.)
   (Once the page was reloaded JupyterLab no longer knows its place: it stays as it was until the
   cell runs again. The widget itself goes on.)

What must survive a reload of the page belongs in a synced trait; what streams, in messages.
"""

import re
import threading
from dataclasses import asdict
from pathlib import Path

import anywidget
import traitlets
from IPython.display import display

from .. import jobs
from ..errors import LabError
from ..language import LANGUAGES, alone, beside, follow, page_speaks
from ..language import language as choose_language
from ..zoom import Chart
from . import cells, deeds, texts

HERE = Path(__file__).parent
STYLE = (HERE / "style.css").read_text(encoding="utf-8")
EMPTY = {"text/plain": ""}
BRIEFLY = 5  # seconds that a cell waits for the end of what it did before
REFUSALS = ("busy", "nothing")  # keys of `words`: what the status line says if nothing was done


def script(*names):
    """The JavaScript of a widget: `base.js`, then files beside it, joined as one module."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("base.js", *names))


def pair(view):
    """A `views.View`, or None, as a trait holds it and `buildPicture` of `base.js` shows it."""
    return [] if view is None else [view.svg, view.text]


def mended(value):
    """JSON values with � for each half of a character, as where an emoji was cut in two.

    A trait that holds one cannot be sent, and after a reload of the page no widget comes back.
    """
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, dict):
        return {mended(key): mended(one) for key, one in value.items()}
    return [mended(one) for one in value] if isinstance(value, list) else value


class Panel(anywidget.AnyWidget):
    """The base of all widgets; see the top of this file."""

    _css = STYLE
    words = texts.texts(texts.COMMON)  # a class attribute of each widget
    about = "MoF Lab"  # what stands for it where it can't be shown
    _job = None  # the newest one
    settable = ()  # traits that a page may set, dicts; what changes in one is a deed
    #: Messages after which an error is still shown: nobody did anything new.
    aside = ("hello", "language", "stop", "pause", "resume")

    _words = traitlets.Dict().tag(sync=True)
    language = traitlets.Unicode().tag(sync=True)  # "" = JupyterLab's
    state = traitlets.Unicode(jobs.IDLE).tag(sync=True)  # of this widget's newest job
    status = traitlets.Dict().tag(sync=True)  # {"key": of `words`, "values": {…}}
    error = traitlets.Dict().tag(sync=True)  # a `jobs.Failure`; {} = none

    def __init__(self, **traits):
        cells.made(self)
        super().__init__(**traits)
        self._words = self.words
        self._shown, self._showing = [], threading.Lock()
        self._setting = threading.RLock()  # several pages set one trait, each in its thread
        self._telling = threading.RLock()  # a job may end while the next one begins
        self._seen, self._drawn_in = False, alone()  # was it ever on a page?
        follow(self)
        self.observe(lambda change: self._speak(), "language")
        self.on_msg(self._receive)
        self.tell("idle")

    # ---- for subclasses ----

    @property
    def called(self):
        """What people call it, also while they wait for it."""
        return self.in_words("title")

    def in_words(self, key, **values):
        """A text of `words` where Python says it: in both languages, or the one that is spoken."""
        english, chinese = (self.words[code][key].format(**values) for code in LANGUAGES)
        return english if english == chinese else beside(english, chinese)

    def picture(self):
        """A `views.View` of what there is to keep; None while there is nothing."""
        return None

    def snapshots(self):
        """What is displayed beside the widget, for where there is no kernel; None = nothing yet."""
        return [self.picture()]

    def redraw(self):
        """Draws anew what Python drew: another language is spoken now."""
        self.keep()

    def tell(self, key, **values):
        """Sets the status line to a text of `words`."""
        self.status = {"key": key, "values": values}

    def run(self, work):
        """Starts a job of this widget, see `jobs.JobRunner.start`; returns it, or None if refused.

        `state` follows it; an error becomes `error`; at its end the snapshot is renewed.
        """
        try:
            return jobs.start(self.called, work, self._changed)
        except jobs.BusyError as error:
            self.tell("busy", name=error.name)
            return None

    def settle(self):
        """For a cell: waits for what this widget was told to do before; no handler may wait."""
        if self._job is not None:
            self._job.wait()

    def stop(self):
        """Asks this widget's job to end; another's goes on."""
        if self._job is not None:
            self._job.stop()

    def pause(self):
        """Lets this widget's job wait."""
        if self._job is not None:
            self._job.pause()

    def resume(self):
        """Lets it go on."""
        if self._job is not None:
            self._job.resume()

    def answer(self, content, kind, buffers=None, **values):
        """Sends a message to the view alone that sent `content`; `send` reaches every view."""
        self.send({"kind": kind, **values, "to": content.get("view")}, buffers)

    def give_way(self):
        """Ends: its cell was run again and made another in its place."""
        self.stop()
        if self._job is not None:
            self._job.wait(BRIEFLY)
        self.close()

    def refuse(self, error):
        """Shows why something was not done."""
        self.error = asdict(jobs.Failure.of(error))

    def keep(self):
        """Renews the snapshot beside the widget."""
        with self._showing:
            views = self.snapshots() if self._shown else []
            for place, view in zip(self._shown, views, strict=True):
                if isinstance(view, Chart):  # plotly's renderer takes no news: it has to go first
                    place.update(EMPTY, raw=True)
                if view is not None:
                    place.update(view)

    # ---- how it works ----

    def set_state(self, sync_data):
        """Takes what the browser set, if it is `settable`; what changed in it is a deed."""
        refused = sorted(set(sync_data) - set(self.settable))
        if refused:
            own = ", ".join(self.settable) or "nothing"
            self.refuse(LabError(f"A page can't set {', '.join(refused)} here; it sets {own}."))
            return
        sync_data = mended(sync_data)
        with self._setting:
            before = {name: getattr(self, name) for name in sync_data}
            try:
                super().set_state(sync_data)
            except traitlets.TraitError as error:
                self.refuse(LabError(str(error)))
                return
            after = {name: getattr(self, name) for name in sync_data}
        for name, old in before.items():
            new = after[name]
            changed = {key: new[key] for key in new if key not in old or new[key] != old[key]}
            if changed:
                deeds.tell(self, name, changed)

    def _speak(self, seen=False):
        """Draws anew what Python drew, if it is in another language than is spoken now.

        Until somebody sees it, it may stay as it is. Of several that follow the language, one that
        fails keeps no other from it.
        """
        self._seen = self._seen or seen
        if self._seen and self._drawn_in != alone():
            self._drawn_in = alone()
            try:
                self.redraw()
            except Exception as error:
                self.refuse(error)

    def _changed(self, job):
        """Shows what a job just told, in its thread: what fails here must not end its work."""
        try:
            with self._telling:
                newest = self._job
                if newest is None or newest is job or not newest.alive:
                    self._job = job
                    self._show_job(job)
                elif job.failure is not None:
                    # Late news of an older job: the newer one began before that was told.
                    self.error = asdict(job.failure)
            if job.state in (jobs.IDLE, jobs.FAILED, jobs.PAUSED):
                self.keep()
        except Exception as error:
            self.refuse(error)

    def _show_job(self, job):
        """Shows the state of this widget's newest job, which just changed."""
        self.state = job.state
        if job.state == jobs.RUNNING:
            self.error = {}
        if job.failure is not None:
            self.error = asdict(job.failure)
            self.tell("idle")

    def _receive(self, _, content, buffers):
        kind = content.get("kind")
        handler = getattr(self, f"on_{kind}", None)
        if handler is None or hasattr(anywidget.AnyWidget, f"on_{kind}"):  # it has an `on_msg`
            return
        before = self.status
        if kind not in self.aside:
            self.error = {}
        try:
            content = mended(content)
            if kind == "hello":
                page_speaks(content.get("language"))
                self._speak(seen=True)
            handler(content, *buffers)
        except Exception as error:  # shown to who clicked; nobody reads the kernel's log
            self.refuse(error)
        else:
            refused = self.status is not before and self.status["key"] in REFUSALS
            if not refused and (kind in self.aside or not self.error):
                deeds.tell(self, kind, content)
        finally:
            self.answer(content, "heard", of=kind)

    def on_hello(self, content):
        """A view of this widget is there; override it to send what it can't have heard."""

    def on_stop(self, content):
        self.stop()

    def on_pause(self, content):
        self.pause()

    def on_resume(self, content):
        self.resume()

    def on_export(self, content):
        view, kind = self.picture(), content["format"]
        if view is None:
            self.tell("no_picture")
            return
        text = view.html if kind == "html" else view.svg  # the browser makes the PNG: it has fonts
        name = f"mof-lab-{type(self).__name__.lower()}"
        self.answer(content, "picture", format=kind, name=name, text=text)

    def on_language(self, content):
        choose_language(content["code"])

    def _ipython_display_(self):
        if self.comm is None:
            raise jobs.NotReadyError(
                "This panel was closed, since a newer one took its place: run the cell that makes "
                "it again. 这个面板已被新的取代而关闭：请重新运行创建它的单元格。"
            )
        cells.shown(self)
        self._speak(seen=True)
        bundle = self._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        display({**data, "text/plain": self.about}, raw=True)
        with self._showing:
            self._shown = [
                display(EMPTY, raw=True, display_id=True)
                if view is None
                else display(view, display_id=True)
                for view in self.snapshots()
            ]

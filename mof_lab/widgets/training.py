"""A training to watch and to steer, and the replay of one that is over.

training = TrainingPanel(run, "gru")     # a pipeline.Run and a stage of it
training                                 # show it, then
training.start()                         # the same as its button
Replay("runs/notebooks/gru")             # what was recorded, in a minute instead of ten
"""

import threading
import time
from contextlib import closing
from dataclasses import replace

import traitlets

from .. import jobs, recording
from ..progress import clock
from ..recording import Recording
from ..training_views import course, forming, moment, moments_room, outcome, summary
from . import texts
from .action import Action
from .base import HERE, STYLE, Panel, pair, script
from .texts_training import TRAINING

POINT_EVERY_SECONDS = 0.5
#: Looking at the model may take this share of the time, the first and the last look apart.
LOOKING = 0.1


class Replay(Panel):
    """A recorded training, played in the browser, which needs no kernel.

    What the same stage did in other runs can be drawn beside it, if its file is known; comparing
    needs the kernel.

    Args:
        source: a `Recording`, its file, or the folder of a checkpoint that has one.
    """

    _esm = script("training.js")
    _css = STYLE + (HERE / "training.css").read_text(encoding="utf-8")
    words = texts.texts(texts.COMMON, TRAINING)
    about = "A recorded training 训练录像: run this cell to play it 运行本单元格即可播放"

    live = traitlets.Bool(False).tag(sync=True)  # has it buttons to train with?
    stage = traitlets.Unicode().tag(sync=True)
    steps = traitlets.Int(1).tag(sync=True)
    points = traitlets.List().tag(sync=True)  # of `recording.Point`s
    course = traitlets.List().tag(sync=True)  # [SVG, text] or []; so is `forming`
    forming = traitlets.List().tag(sync=True)
    moments = traitlets.List().tag(sync=True)  # of [step, SVG, text]
    earlier = traitlets.List().tag(sync=True)  # names of runs to compare with
    chosen = traitlets.List().tag(sync=True)  # those that are drawn

    def __init__(self, source):
        super().__init__()
        self._drawing = threading.RLock()
        self._curves = {}
        if isinstance(source, Recording):
            self._show(source)
        else:
            self._show(Recording.load(source))
            self._beside(recording.neighbours(source))
        if self.recording.points:
            last = self.recording.points[-1]
            self.tell("recorded", steps=last.step, time=clock(last.seconds))

    def _show(self, shown):
        self.recording, self._looks = shown, {}
        self.stage = shown.stage
        self.draw()

    def _beside(self, curves):
        """Offers these to be compared with, see `recording.earlier`."""
        self._curves, self.earlier = curves, list(curves)

    def picture(self):
        return summary(self.recording, self._compared())

    def snapshots(self):
        """The curves by themselves, so that they can be zoomed; below them all else.

        In JupyterLab a button shows the first; where there is no kernel, both are seen.
        """
        return [course(self.recording, self._compared()), outcome(self.recording)]

    def draw(self):
        """Brings what is shown up to what is recorded."""
        with self._drawing:
            self.steps = max(1, self.recording.steps)
            self.points = [list(point) for point in self.recording.points]
            self.course = pair(course(self.recording, self._compared()))
            self.forming = pair(forming(self.recording))
            there, room = self.recording.moments, moments_room(self.recording)
            self._looks = {
                (id(m), room): self._looks.get((id(m), room))
                or (m, [m.step, *pair(moment(self.recording, m, room))])
                for m in there  # it is kept: no other gets its id
            }
            self.moments = [shown for _, shown in self._looks.values()]

    def redraw(self):
        with self._drawing:
            self._looks = {}
            self.draw()
        self.keep()

    def _compared(self):
        return {name: self._curves[name] for name in self.chosen}

    # ---- from the browser ----

    def on_compare(self, content):
        self.chosen = [name for name in self.earlier if name in content["names"]]
        self.draw()
        self.keep()


class TrainingPanel(Action, Replay):
    """Trains a stage of a run, and can be paused, stopped, asked for a sample, and looked back at.

    Args:
        run: a `pipeline.Run`.
        stage: its name, or a `configuration.Stage`.
        model: what to train; None = as the stage before left it, see `notebook.model_before`.
        sayings: what the model is asked to answer, to see how it comes along.
        options: more of `training.Trainer`, such as `seconds`.

    A training that was stopped goes on from its checkpoint, also in another kernel.
    """

    about = "Training 训练: run this cell to train 运行本单元格即可训练"

    def __init__(self, run, stage, model=None, sayings=("你好", "法国的首都是哪里？"), **options):
        from ..look import Look  # TensorFlow is slow to import
        from ..notebook import model_before

        name = stage if isinstance(stage, str) else stage.name
        model = model_before(run, name) if model is None else model
        self.trainer = run.trainer(stage, model, report_seconds=0, **options)
        self._look = Look(run, self.trainer.stage, model, sayings)
        self._asked = threading.Event()
        self._waiting, self._before, self._noted = [], None, 0.0
        self._cost, self._looked = 0.0, 0.0
        made_by = self.trainer
        super().__init__(
            recording.begun(made_by.directory, made_by.record, made_by.stage, run.preset, model)
        )
        self.live = True
        self._beside(recording.earlier(self.trainer.directory))
        self._say_where()
        self._supersede(self.trainer.directory)

    # ---- from a cell ----

    @property
    def record(self):
        """The trainer's `progress.Record`."""
        return self.trainer.record

    @property
    def called(self):
        return f"{super().called} {self.stage}"

    @property
    def ready(self):
        """Was there at least one step? What was stopped has a record too."""
        return self.record.step > 0

    @property
    def _result(self):
        return self.record

    # ---- from the browser ----

    def on_sample(self, content):
        training = self._acting
        if training is None or not training.alive:
            self.run(self._sample)
        else:
            self.tell("sampling")
            self._asked.set()
            training.wake()  # if it is paused: the model is at rest

    # ---- how it works ----

    def _show_job(self, job):
        super()._show_job(job)
        if job.state == jobs.STOPPING:
            self.tell("stopping")
        elif job is self._acting and job.state == jobs.PAUSED:
            self.tell("paused", step=self.record.step)
        elif job is self._acting and job.state == jobs.RUNNING:
            self.tell("training", stage=self.stage)

    def _sample(self, job):
        """A look at a model that is not being trained."""
        self._take(lambda: job.state != jobs.STOPPING, asked=True)
        self.recording.save(self.trainer.directory)

    def _act(self, job):
        trainer, record = self.trainer, self.trainer.record
        self.recording.back_to(record.step)
        self._waiting, self._before = [], None
        self._asked.clear()
        charts = jobs.Due(jobs.CHART_HZ)
        self.tell("compiling", stage=self.stage)

        def going():  # Stop ends a look; Pause waits for its end, since Sample needs the model
            return job.state != jobs.STOPPING

        def meanwhile():  # in a pause; Resume ends such a look too
            if self._asked.is_set():
                self._asked.clear()
                try:
                    self._take(lambda: job.waits, asked=True)
                except Exception as error:  # the training itself has done nothing wrong
                    self.refuse(error)

        try:
            if record.step == 0:
                self._take(going)
                self.tell("compiling", stage=self.stage)
            with closing(iter(trainer)) as reports:  # closed = saved, wherever it is left
                for progress in reports:
                    if self._before is None:
                        self.tell("training", stage=self.stage)
                    if self._note(progress) and charts():
                        self.draw()
                    if not job.go_on(meanwhile):
                        break
                    if self._asked.is_set():
                        self._asked.clear()
                        self._take(going, asked=True)
                    elif progress.bits_per_character is not None and self._affordable():
                        self._take(going)
        finally:
            self.recording.save(trainer.directory)
            self.draw()
        self._say_where()

    def _say_where(self):
        record = self.record
        if record.done:
            self.tell("trained", steps=record.steps, time=clock(record.seconds))
        elif record.step:
            self.tell("stopped", step=record.step, steps=record.steps)
        else:
            self.tell("idle")

    def _note(self, progress):
        """Adds a point to the recording twice a second, a mean over the steps; says if it did."""
        now, first = time.monotonic(), self._before is None
        if first:  # it compiled: a speed taken from it would promise hours
            self._before, self._noted = progress, now
        self._waiting.append(progress)
        wanted = progress.bits_per_character is not None or progress.step == progress.steps
        if not wanted and now - self._noted < POINT_EVERY_SECONDS:
            return False
        speed = progress.tokens_per_second
        if not first:
            took = max(1e-9, progress.seconds - self._before.seconds)
            speed = (progress.tokens - self._before.tokens) / took
        rest = progress.seconds_left * progress.tokens_per_second / max(1e-9, speed)
        loss = sum(p.loss for p in self._waiting) / len(self._waiting)
        self.recording.add(replace(progress, loss=loss, tokens_per_second=speed, seconds_left=rest))
        self._waiting, self._before, self._noted = [], progress, now
        return True

    def _affordable(self):
        """Has there been enough training since the last look, or is it the last of all?"""
        since = time.monotonic() - self._looked
        return self.record.step == self.record.steps or since * LOOKING >= self._cost

    def _take(self, go_on=lambda: True, asked=False):
        """Looks at the model as it is now and shows it."""
        began = time.monotonic()
        self.recording.add_moment(self._look.at(self.record.step, go_on, asked))
        self._looked = time.monotonic()
        self._cost = self._looked - began
        self.draw()
        if asked:
            self.tell("sampled", step=self.record.step)

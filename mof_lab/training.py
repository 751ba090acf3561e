"""Training one stage: a loop you can step through, stop, and go on with exactly.

    trainer = Trainer(model, vocabulary, packs, preset, stage, directory)
    for progress in trainer:
        print(progress)

Leaving the loop (break, Ctrl-C, an error elsewhere) saves; making the same trainer again goes
on at the step where it stopped, with the same weights, optimiser state and data, bit for bit.
The loop runs under any `tf.distribute` strategy (made in its scope, see `cluster`): each replica
reads and computes its part of a batch, and what is added up is what one would have computed.
"""

import contextlib
import math
import statistics
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import tensorflow as tf

from . import checkpoint
from .configuration import model_config_from_dict
from .curriculum import in_order
from .errors import LabError, one_line
from .evaluation import window_nats
from .files import locked
from .memory import keep_freed_memory, memory_in_use
from .optimizer import learning_rate, optimizer
from .packing import ANSWER, NOTHING, sample_windows
from .progress import LOOKS, Progress, Record
from .sizes import check_memory
from .steps import make_step

SAVE_EVERY_SECONDS = 30.0
#: What TensorFlow says where a worker does not answer any more.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)
#: Seconds that a training which was killed may take to end.
LOCK_SECONDS = 5.0


def lost(error, where):
    """What is said when TensorFlow raises one of `LOST`: its words may name another cause."""
    return LabError(
        f"A worker was lost {where} ({type(error).__name__}: {one_line(error)}); start all "
        "workers again: training goes on from the last checkpoint."
    )


class Trainer:
    """Trains one stage of a preset.

    Args:
        model: its weights are trained in place; frozen as the stage says.
        packs: kind → `Windows` to train on.
        held_out: kind → `Windows` to measure on; may be empty.
        preset, stage: what to do (see `configuration`).
        directory: the checkpoint's folder. If it holds this stage, unfinished, training goes on.
        seconds: the steps are made fewer to fit into this time on a slow machine; compiling,
            before the first of them, is not counted.
        reports: how many times the held-out text is measured over the stage.
        report_seconds: how often the loop is handed a `Progress`; 0 = after every step.
    """

    def __init__(
        self,
        model,
        vocabulary,
        packs,
        preset,
        stage,
        directory,
        held_out=None,
        seconds=math.inf,
        reports=LOOKS,
        report_seconds=0.5,
    ):
        check_memory(model, preset)
        keep_freed_memory()
        self.model, self.vocabulary, self.preset, self.stage = model, vocabulary, preset, stage
        self.directory = Path(directory)
        self.budget = seconds
        self.reports, self.report_seconds = reports, report_seconds
        names = [s.name for s in preset.stages]
        place = names.index(stage.name) if stage.name in names else len(names)
        self._text = packs, stage.shares, preset.batch, preset.seed * 1000 + place
        self.measured = sample_windows(held_out or {}, preset.batch)
        self.record = Record(steps=stage.steps)
        self.strategy = tf.distribute.get_strategy()
        self._check_parts()
        model.train_only(stage.trains)
        self.variables = model.trainable_variables
        self.optimizer = self._make_optimizer()
        self._loss = tf.Variable(0.0, trainable=False)  # of the last step
        self._step = make_step(model, self.variables, self.optimizer, preset, stage, self._loss)
        self._interrupted = self._torn = False
        self._guessing = math.log(model.config.vocabulary_size)  # nats a character
        self._found = self._kept()
        self._resume()
        self._order_text()

    def _order_text(self):
        """The batches of as many steps as there are now: a pure function of the step."""
        self.batches = in_order(self.preset.order, *self._text, self.record.steps)

    def _check_parts(self):
        """A batch is divided evenly, else some windows would count more than others."""
        replicas, parts = self.strategy.num_replicas_in_sync, self.preset.accumulate
        if self.preset.batch % (replicas * parts):
            raise LabError(
                f"A batch of {self.preset.batch} windows can't be divided among {replicas} "
                f"worker(s) in {parts} part(s) each; choose numbers whose product divides it."
            )
        if replicas > 1 and self.stage.balance:
            raise LabError(
                f"Stage {self.stage.name!r} has balance {self.stage.balance:g}, which squares the "
                f"mean weights of a batch and so can't be added up from {replicas} workers; train "
                "it in one process, or set balance to 0."
            )

    def _make_optimizer(self):
        with self.strategy.scope():
            made = optimizer(self.preset, self.stage.learning_rate)
            made.build(self.variables)
        return made

    def _resume(self):
        """Goes on where an earlier trainer of this stage stopped."""
        try:
            meta = checkpoint.read_meta(self.directory)
        except LabError:
            if (self.directory / "meta.json").exists():
                raise
            return
        config = model_config_from_dict(meta["config"])  # an older one lacks what came later
        if meta.get("stage") != self.stage.name or config != self.model.config:
            raise LabError(
                f"{self.directory} holds another training (stage {meta.get('stage')!r}); "
                "choose another folder or remove it."
            )
        if meta.get("vocabulary_hash") != self.vocabulary.hash:
            raise LabError(
                f"{self.directory} was trained with another vocabulary; "
                "choose another folder or remove it."
            )
        self.record = Record.of(meta.get("record"), self.directory)
        checkpoint.restore(self.directory, meta, "model", self.model.variables)
        if not self.record.done:
            checkpoint.restore(self.directory, meta, "optimizer", self.optimizer.variables)

    def __iter__(self):
        """Trains, and reports as often as asked; saves whenever the loop is left.

        What the loop does with a report, a pause perhaps, is not counted as training.
        """
        if self.record.done:
            return
        with self._alone():
            yield from self._train()

    def _alone(self):
        """Holds the stage's folder: of two trainings, one would overwrite what the other saved.

        Of several workers the one that saves does.
        """
        if not self.strategy.extended.should_checkpoint:
            return contextlib.nullcontext()
        busy = (
            f"Stage {self.stage.name} in {self.directory} is being trained already, by another "
            "program or an earlier cell; stop it, wait until it is done, or choose another folder."
        )
        return locked(self.directory / ".lock", busy, LOCK_SECONDS)

    def _kept(self):
        """What tells the checkpoint in the folder from every other one; None without one."""
        path = self.directory / "meta.json"
        return path.read_bytes() if path.exists() else None

    def _train(self):
        if self._kept() != self._found:
            raise LabError(
                f"Stage {self.stage.name} in {self.directory} was trained on elsewhere meanwhile; "
                "make its trainer (run its cell) again to go on from there."
            )
        if self._mean(self.record.step) != self.record.step:
            raise LabError(
                f"The workers are at different steps of stage {self.stage.name}, this one at "
                f"{self.record.step}; all need one shared folder: the same --out, on a shared disk."
            )
        started = reported = saved = time.monotonic()
        base, losses, since = self.record.seconds, [], self.record.tokens
        first = self.record.step  # of this session; the first two steps compile
        shorten_at = first + 42 if self.record.steps == self.stage.steps else None
        step_seconds = []
        try:
            while self.record.step < self.record.steps:
                before = time.monotonic()
                losses.append(self._one_step())
                self.record.note(float(losses[-1]), self._guessing)
                now = time.monotonic()
                self.record.seconds = base + now - started
                step_seconds.append(now - before)
                if self.record.step == shorten_at and self.budget < math.inf:
                    self._fit_budget(statistics.median(step_seconds))
                finished = self.record.step == self.record.steps
                if finished and self.preset.average:
                    self.optimizer.finalize_variable_values(self.variables)
                measure = finished or self._due()
                if measure or now - reported > self.report_seconds:
                    mean = float(tf.reduce_mean(losses))
                    if not math.isfinite(mean) or finished and not self._sound(losses):
                        raise self._ran_away(f"The weights ran away (loss {mean:.3g})")
                    if self.record.diverged(self._guessing):
                        raise self._ran_away(
                            f"The loss diverged: it rose from {self.record.lowest:.3g} to "
                            f"{self.record.recent:.3g} nats a character, guessing costs "
                            f"{self._guessing:.3g},"
                        )
                    bits = self.held_out_bits() if measure and self.measured else None
                    if measure:
                        self.record.curve.append(
                            [self.record.step, round(self.record.seconds, 2), mean, bits]
                        )
                    speed = (self.record.tokens - since) / max(1e-9, now - reported)
                    report, away = self._progress(mean, bits, speed), time.monotonic()
                    yield report
                    losses, since, reported = [], self.record.tokens, time.monotonic()
                    started += reported - away
                due = time.monotonic() - saved > SAVE_EVERY_SECONDS
                rests = not finished and not self.record.climbing
                if due and rests and self._sound(losses):
                    self.save()
                    saved = time.monotonic()
                if self._interrupted:
                    raise KeyboardInterrupt
            self.record.done = True
        finally:
            self._interrupted = False
            sound = not self._torn and not self.record.diverged(self._guessing)
            if sound and self._sound(losses):
                self.save()

    def _ran_away(self, what):
        """What is said of a training that has no sense to go on; its last checkpoint was good."""
        return LabError(
            f"{what} at step {self.record.step} of stage {self.stage.name}, whose learning rate is "
            f"{self.stage.learning_rate:g}; the last checkpoint is kept. Lower the learning rate "
            "and start again."
        )

    def run(self, show=None):
        """Trains to the end of the stage; `show` is called with each `Progress`."""
        for progress in self:
            if show is not None:
                show(progress)
        return self.record

    def save(self):
        """Writes the checkpoint, on one worker; a finished stage needs no optimiser state."""
        if not self.strategy.extended.should_checkpoint:
            return
        meta = {
            "stage": self.stage.name,
            "step": self.record.step,
            "preset": self.preset.name,
            "seed": self.preset.seed,
            "record": asdict(self.record),
        }
        optimizer = None if self.record.done else self.optimizer
        checkpoint.save(self.directory, self.model, self.vocabulary, meta, optimizer)
        self._found = self._kept()

    def held_out_bits(self):
        """Bits a character on a fixed sample of the held-out windows."""
        tokens, roles = self.measured
        nats = window_nats(self.model, tokens, self.stage.expert or None)
        wanted = self._learned(roles)
        return float(nats[wanted].mean() / math.log(2)) if wanted.any() else None

    def _one_step(self):
        batch = self.strategy.experimental_distribute_values_from_function(self._part)
        rate = learning_rate(
            self.record.step, self.record.steps, self.stage.learning_rate, self.preset
        )
        # NumPy's: TensorFlow keeps each Python number that it was ever given, 0.7 kB a step.
        self.optimizer.learning_rate = np.float32(rate)
        try:
            loss = tf.identity(self._step(*batch))
        except KeyboardInterrupt:
            # Ctrl-C is seen when the compiled step returns: if its weights are there, its number
            # must be too, or the step would be done twice.
            if self.optimizer.iterations.numpy() == self.record.step:
                raise
            loss, self._interrupted = tf.identity(self._loss), True
        except tf.errors.OpError as error:
            self._torn = True  # some weights may be those after the step, others not
            if not isinstance(error, LOST) or self.strategy.num_replicas_in_sync == 1:
                raise
            where = f"at step {self.record.step} of stage {self.stage.name}"
            raise lost(error, where) from None
        self.record.step += 1
        self.record.tokens += self.preset.batch * self.preset.window
        self.record.peak_memory = max(self.record.peak_memory, memory_in_use())
        return loss

    def _part(self, context):
        """What one replica reads of this step's batch: tokens and weights of its windows."""
        part, parts = context.replica_id_in_sync_group, context.num_replicas_in_sync
        tokens, roles = self.batches(self.record.step, part, parts)
        return tf.constant(tokens), tf.constant(self._learned(roles).astype(np.float32))

    def _learned(self, roles):
        """Which targets count: (windows, window), from the roles of window + 1 tokens."""
        return roles[:, 1:] == ANSWER if self.stage.answers_only else roles[:, 1:] != NOTHING

    def _sound(self, losses):
        """Are these losses, perhaps none, and all weights numbers? Nothing else is saved."""
        values = (*losses, *(v.value for v in self.variables))
        return all(bool(tf.reduce_all(tf.math.is_finite(value))) for value in values)

    def _mean(self, value):
        """The mean of a number over all replicas, the same at each."""
        here = self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(value, tf.float64)
        )
        return float(self.strategy.reduce(tf.distribute.ReduceOp.MEAN, here, axis=None))

    def _fit_budget(self, seconds_a_step):
        seconds_a_step = self._mean(seconds_a_step)  # workers agree on how many steps there are
        possible = max(self.record.step + 1, int(self.budget / seconds_a_step))
        self.record.steps = min(self.record.steps, possible)
        self._order_text()

    def _due(self):
        """Is the held-out text measured at this step? Not shortly before the end."""
        every = max(1, self.record.steps // self.reports)
        left = self.record.steps - self.record.step
        return self.record.step % every == 0 and 2 * left >= every

    def _progress(self, loss, bits, speed):
        left = (self.record.steps - self.record.step) * self.preset.batch * self.preset.window
        return Progress(
            self.stage.name,
            self.record.step,
            self.record.steps,
            loss,
            bits,
            self.record.tokens,
            speed,
            self.record.seconds,
            left / max(1.0, speed),
            float(self.optimizer.learning_rate.numpy()),
            memory_in_use(),
        )

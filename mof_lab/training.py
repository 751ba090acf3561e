"""Training one stage: a loop you can step through, stop, and go on with exactly.

    trainer = Trainer(model, vocabulary, packs, preset, stage, directory)
    for progress in trainer:
        print(progress)

Leaving the loop (break, Ctrl-C, an error elsewhere) saves; making the same trainer again goes
on at the step where it stopped, with the same weights, optimiser state and data, bit for bit.
The loop knows nothing about how many devices there are: it runs under any `tf.distribute`
strategy.
"""

import math
import statistics
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import psutil
import tensorflow as tf

from . import checkpoint
from .errors import LabError
from .evaluation import window_nats
from .memory import keep_freed_memory
from .optimizer import optimizer
from .packing import ANSWER, NOTHING, Batches
from .progress import Progress, Record

SAVE_EVERY_SECONDS = 30.0


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
        reports=12,
        report_seconds=0.5,
    ):
        keep_freed_memory()
        self.model, self.vocabulary, self.preset, self.stage = model, vocabulary, preset, stage
        self.directory = Path(directory)
        self.budget = seconds
        self.reports, self.report_seconds = reports, report_seconds
        names = [s.name for s in preset.stages]
        order = names.index(stage.name) if stage.name in names else len(names)
        self.batches = Batches(packs, stage.shares, preset.batch, preset.seed * 1000 + order)
        self.measured = sample_windows(held_out or {}, preset.batch)
        self.record = Record(steps=stage.steps)
        self.strategy = tf.distribute.get_strategy()
        model.train_only(stage.trains)
        self.variables = model.trainable_variables
        self.optimizer = self._make_optimizer()
        self._step = self._make_step()
        self._loss = tf.Variable(0.0, trainable=False)  # of the last step
        self._interrupted = False
        self._resume()

    def _make_optimizer(self):
        with self.strategy.scope():
            made = optimizer(self.preset, self.stage.learning_rate)
            made.build(self.variables)
        return made

    def _make_step(self):
        """One step over all replicas: gradients, compiled, then the update in place."""
        stage, model, variables = self.stage, self.model, self.variables
        parts = self.preset.accumulate

        def gradients(tokens, weights, total):
            with tf.GradientTape() as tape:
                logits = model(tokens[:, :-1], expert=stage.expert or None, training=True)["logits"]
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tokens[:, 1:], logits)
                # Divided by the weight of the whole batch: parts and replicas then simply add up.
                loss = tf.reduce_sum(losses * weights) / total
            grads = tape.gradient(loss, [v.value for v in variables])
            return loss, [tf.convert_to_tensor(g) for g in grads]  # a table's are slices

        compute = tf.function(gradients, jit_compile=self.preset.xla)
        with self.strategy.scope():  # each replica has sums of its own
            sums = [
                tf.Variable(
                    tf.zeros(v.shape),
                    trainable=False,
                    synchronization=tf.VariableSynchronization.ON_READ,
                    aggregation=tf.VariableAggregation.SUM,
                )
                for v in (variables if parts > 1 else ())
            ]

        def summed(tokens, weights, total):
            """The same, one part of the batch after another, added up where they lie."""
            tokens, weights = (tf.reshape(x, (parts, -1, x.shape[1])) for x in (tokens, weights))
            for one in sums:
                one.assign(tf.zeros_like(one))

            def add(i, loss):
                more, grads = compute(tokens[i], weights[i], total)
                for one, gradient in zip(sums, grads, strict=True):
                    one.assign_add(gradient)
                return i + 1, loss + more

            start = (tf.constant(0), tf.constant(0.0))
            _, loss = tf.while_loop(lambda i, _: i < parts, add, start, parallel_iterations=1)
            return loss, [tf.convert_to_tensor(one) for one in sums]

        def replica(tokens, weights, total):
            loss, grads = (compute if parts == 1 else summed)(tokens, weights, total)
            self.optimizer.apply(grads, variables)
            return loss

        @tf.function
        def step(tokens, weights, total):
            losses = self.strategy.run(replica, args=(tokens, weights, total))
            loss = self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
            return self._loss.assign(loss)

        return step

    def _resume(self):
        """Goes on where an earlier trainer of this stage stopped."""
        try:
            meta = checkpoint.read_meta(self.directory)
        except LabError:
            if (self.directory / "meta.json").exists():
                raise
            return
        if meta.get("stage") != self.stage.name or meta["config"] != checkpoint_config(self.model):
            raise LabError(
                f"{self.directory} holds another training (stage {meta.get('stage')!r}); "
                "choose another folder or remove it."
            )
        self.record = Record(**meta["record"])
        checkpoint.restore(self.directory, meta, "model", self.model.variables)
        if not self.record.done:
            checkpoint.restore(self.directory, meta, "optimizer", self.optimizer.variables)

    def __iter__(self):
        """Trains, and reports as often as asked; saves whenever the loop is left.

        What the loop does with a report, a pause perhaps, is not counted as training.
        """
        if self.record.done:
            return
        started = reported = saved = time.monotonic()
        base, losses, since = self.record.seconds, [], self.record.tokens
        first = self.record.step  # of this session; the first two steps compile
        shorten_at = first + 42 if first < 42 else None
        step_seconds = []
        try:
            while self.record.step < self.record.steps:
                before = time.monotonic()
                losses.append(self._one_step())
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
                        raise LabError(
                            f"The weights ran away (loss {mean:.3g}) at step {self.record.step} "
                            f"of stage {self.stage.name}; the last checkpoint is kept. "
                            "Lower the learning rate and start again."
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
                if due and not finished and self._sound(losses):
                    self.save()
                    saved = time.monotonic()
                if self._interrupted:
                    raise KeyboardInterrupt
            self.record.done = True
        finally:
            self._interrupted = False
            if self._sound(losses):
                self.save()

    def run(self, show=None):
        """Trains to the end of the stage; `show` is called with each `Progress`."""
        for progress in self:
            if show is not None:
                show(progress)
        return self.record

    def save(self):
        """Writes the checkpoint; a finished stage needs no optimiser state."""
        meta = {
            "stage": self.stage.name,
            "step": self.record.step,
            "preset": self.preset.name,
            "seed": self.preset.seed,
            "record": asdict(self.record),
        }
        optimizer = None if self.record.done else self.optimizer
        checkpoint.save(self.directory, self.model, self.vocabulary, meta, optimizer)

    def held_out_bits(self):
        """Bits a character on a fixed sample of the held-out windows."""
        tokens, roles = self.measured
        nats = window_nats(self.model, tokens, self.stage.expert or None)
        wanted = self._learned(roles)
        return float(nats[wanted].mean() / math.log(2)) if wanted.any() else None

    def _one_step(self):
        tokens, roles = self.batches(self.record.step)
        weights = self._learned(roles).astype(np.float32)
        total = np.float32(max(1.0, weights.sum()))
        self.optimizer.learning_rate = learning_rate(
            self.record.step, self.record.steps, self.stage.learning_rate, self.preset
        )
        try:
            loss = self._step(tf.constant(tokens), tf.constant(weights), tf.constant(total))
            loss = tf.identity(loss)
        except KeyboardInterrupt:
            # Ctrl-C is seen when the compiled step returns: if its weights are there, its number
            # must be too, or the step would be done twice.
            if int(self.optimizer.iterations) == self.record.step:
                raise
            loss, self._interrupted = tf.identity(self._loss), True
        self.record.step += 1
        self.record.tokens += weights.size
        self.record.peak_memory = max(self.record.peak_memory, memory_in_use())
        return loss

    def _learned(self, roles):
        """Which targets count: (windows, window), from the roles of window + 1 tokens."""
        return roles[:, 1:] == ANSWER if self.stage.answers_only else roles[:, 1:] != NOTHING

    def _sound(self, losses):
        """Are these losses, perhaps none, and all weights numbers? Nothing else is saved."""
        values = (*losses, *(v.value for v in self.variables))
        return all(bool(tf.reduce_all(tf.math.is_finite(value))) for value in values)

    def _fit_budget(self, seconds_a_step):
        possible = max(self.record.step + 1, int(self.budget / seconds_a_step))
        self.record.steps = min(self.record.steps, possible)

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
            float(self.optimizer.learning_rate),
            memory_in_use(),
        )


def learning_rate(step, steps, peak, preset):
    """Of a step of `steps`: a linear warm-up, then half a cosine down to `final_rate` · peak."""
    warmup = max(1, round(steps * preset.warmup))
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return peak * (preset.final_rate + (1 - preset.final_rate) * (1 + math.cos(math.pi * done)) / 2)


def checkpoint_config(model):
    """The model's configuration as `meta.json` holds it (tuples are lists there)."""
    values = asdict(model.config)
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def memory_in_use():
    """Bytes of memory this process holds."""
    return psutil.Process().memory_info().rss


def sample_windows(packs, count, seed=7):
    """Up to `count` windows of each kind, joined: (tokens, roles), or None if there are none."""
    rng = np.random.default_rng(seed)
    tokens, roles = [], []
    for windows in packs.values():
        chosen = rng.permutation(len(windows))[:count]
        tokens.append(windows.tokens[chosen])
        roles.append(windows.roles[chosen])
    if not tokens:
        return None
    return np.concatenate(tokens).astype(np.int32), np.concatenate(roles)

"""For equal time: ours, whole or one expert alone, the published form, and Keras's own GRU."""

import bisect
import math
import shutil
import time
from dataclasses import replace

import keras
import numpy as np

from mof_lab import training
from mof_lab.arguments import preset_of
from mof_lab.configuration import Stage
from mof_lab.evaluation import window_nats
from mof_lab.pipeline import Run
from mof_lab.published import honest
from mof_lab.published.configuration import PublishedConfig
from mof_lab.published.fixes import Mended

from ..lessons import Lessons
from ..worker import repeat, serve

training.SAVE_EVERY_SECONDS = math.inf
MOST_STEPS = 100  # a second, more than any machine here makes; the trainer fits them to the time


class Unsaved(training.Trainer):
    """A trainer that keeps nothing."""

    def save(self):
        """Nothing: only what was learnt is looked at."""


def prepare(preset, experts, folder):
    """Packs the project's text into windows: {"vocabulary_size", "batch", "window", "shares"}."""
    preset = preset_of(preset, experts)
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier text or preset
    run = Run(preset, folder)
    return {
        "vocabulary_size": len(run.vocabulary),
        "batch": preset.batch,
        "window": preset.window,
        "shares": preset.stage("joint").shares,
    }


class Learning:
    """One model that learns for some seconds, in slices, and is measured between them."""

    def start(self, preset, experts, folder, seconds, expert):
        """Our model.

        Args:
            experts: of the mixture; none = the preset's own.
            expert: the name of one to train alone, "" for the mixture.
        """
        preset = preset_of(preset, experts)
        run = Run(preset, folder)
        self.model, self.expert = run.new_model(), expert or None
        parts = ("stem", "head", expert) if expert else ("all",)
        joint = preset.stage("joint")
        rate = preset.stage(expert).learning_rate if expert else joint.learning_rate
        steps = round(seconds * MOST_STEPS)
        stage = Stage("benchmark", parts, steps, expert, False, rate, joint.shares)
        windows = run.windows("train")
        self.lessons = Lessons(folder, preset.batch, joint.shares, seconds, rate)
        nowhere = run.directory / "unsaved" / (expert or "mixture")  # a training holds its folder
        trainer = Unsaved(
            self.model, run.vocabulary, windows, preset, stage, nowhere,
            seconds=seconds, reports=1,
        )  # fmt: skip
        self.record, reports = trainer.record, iter(trainer)
        next(reports)  # it compiles

        def step():
            before = self.record.tokens
            next(reports, None)
            return self.record.tokens - before

        self.step = step
        self.nats = lambda tokens: window_nats(self.model, tokens, self.expert)
        trained = {v.path: math.prod(v.shape) for v in self.model.trainable_variables}
        return {"parameters": sum(trained.values())}

    def start_published(self, preset, experts, folder, seconds, rate, parameters):
        """The published form, of about so many parameters in all.

        Each of its outputs has seen the whole text, so a text is one target: what follows it.
        """
        preset = preset_of(preset, experts)
        run, sizes, shares = Run(preset, folder), preset.model, preset.stage("joint").shares
        config = PublishedConfig(
            len(run.vocabulary), sizes.embedding_dim, 8, sizes.router_units, sizes.num_layers,
            sizes.num_heads, window=preset.window, max_length=preset.window,
        )  # fmt: skip

        def made(units):
            keras.utils.set_random_seed(1)
            return Mended(replace(config, gru_units=units), "")

        widths = range(8, 2048, 8)
        nearest = bisect.bisect_left(widths, parameters, key=lambda u: made(u).count_params())
        units = widths[min(nearest, len(widths) - 1)]
        self.model = made(units)
        stage = Stage("benchmark", ("all",), 1, learning_rate=rate, shares=shares)
        self.lessons = Lessons(folder, preset.batch, shares, seconds, rate)
        windows = run.windows("train")
        lessons = honest.steps(
            self.model, windows, preset, stage, rate, seconds, clock=time.perf_counter
        )

        def step():
            _, characters, _ = next(lessons, (0, 0, 0))
            return characters

        self.step, self.nats = step, self._published_nats
        return {"parameters": self.model.count_params(), "units": units}

    def _published_nats(self, tokens):
        places = np.argwhere(self.lessons.counted)  # of a target: its window, its place less one
        texts = honest.up_to(tokens, places + [0, 1])
        nats = np.zeros(self.lessons.counted.shape, np.float32)
        nats[tuple(places.T)] = honest.surprise(
            self.model, [text[:-1] for text in texts], [text[-1] for text in texts]
        )
        return nats

    def start_keras(self, folder, seconds, rate, parameters, embedding_dim, about):
        """Embedding, Keras's GRU and a Dense, of about so many parameters in all.

        Args:
            about: what `prepare` returned.
        """
        size = about["vocabulary_size"]
        units = next(
            u for u in range(16, 8192, 8)
            if size * (embedding_dim + u) + 3 * u * (embedding_dim + u) >= parameters
        )  # fmt: skip
        self.lessons = Lessons(folder, about["batch"], about["shares"], seconds, rate)
        keras.utils.set_random_seed(1)
        self.model = keras.Sequential(
            [
                keras.layers.Embedding(size, embedding_dim),
                keras.layers.GRU(units, return_sequences=True),
                keras.layers.Dense(size),
            ]
        )
        optimizer = keras.optimizers.AdamW(rate, beta_2=0.98, weight_decay=0.02, global_clipnorm=1)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(optimizer, loss, jit_compile=False)
        self.spent = 0.0

        def step():
            started = time.perf_counter()
            tokens, weights = self.lessons.next()
            optimizer.learning_rate = self.lessons.rate(self.spent)
            self.model.train_on_batch(tokens[:, :-1], tokens[:, 1:], sample_weight=weights)
            self.spent += time.perf_counter() - started
            return weights.size

        self.step, self.nats = step, self._keras_nats
        step()
        self.spent = 0.0
        return {"parameters": self.model.count_params(), "units": units}

    def _keras_nats(self, tokens):
        logits = self.model.predict(tokens[:, :-1], batch_size=32, verbose=0)
        logits -= logits.max(axis=-1, keepdims=True)
        right = np.take_along_axis(logits, tokens[:, 1:, None], axis=-1)[..., 0]
        return np.log(np.exp(logits).sum(axis=-1)) - right

    def run(self, seconds):
        """Learns for so long; see `worker.repeat`."""
        return repeat(self.step, seconds)

    def bits(self):
        """{"bits"}: held out, a character."""
        return {"bits": self.lessons.bits(self.nats(self.lessons.held_out))}


if __name__ == "__main__":
    one = Learning()
    serve(
        {
            "prepare": prepare,
            "start": one.start,
            "start_keras": one.start_keras,
            "start_published": one.start_published,
            "run": one.run,
            "bits": one.bits,
        }
    )

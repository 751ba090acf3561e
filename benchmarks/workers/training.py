"""Ours: the lab's own trainer on all parts of a preset's model."""

import math
from dataclasses import replace

import tensorflow as tf

from mof_lab import training
from mof_lab.arguments import preset_of
from mof_lab.planner import practice, size_of

from ..worker import repeat, serve, warm_up

training.SAVE_EVERY_SECONDS = math.inf


class Training:
    """One preset in training, on noise."""

    def start(self, preset, batch, window, parts=1, recompute=False, xla=True, experts=()):
        """Builds model and trainer, and trains until steps are steady: the first ones compile.

        Args:
            parts: of a batch, computed one after the other.
            recompute: whether blocks compute twice to save memory.
            xla: whether XLA compiles the step; it takes memory to compile and for its buffers.
            experts: of the mixture; none = the preset's own.

        Returns:
            {"parameters", "in_products"}: all, and those that a character is multiplied with.
        """
        preset = replace(
            preset_of(preset, experts), batch=batch, window=window, accumulate=parts, xla=xla
        )
        if recompute:
            preset = replace(preset, model=replace(preset.model, recompute=True))
        size = size_of(preset)  # its model sets the seed; after a step all would compile again
        trainer = practice(preset)
        self.record, self.reports = trainer.record, iter(trainer)
        warm_up(self._step)
        return {"parameters": size.parameters, "in_products": size.multiplied}

    def hold(self, preset, experts=()):
        """Makes what every training has to hold: weights, their moments, and a gradient of each."""
        self.trainer = practice(preset_of(preset, experts))
        variables = self.trainer.model.trainable_variables
        self.gradients = [tf.fill(variable.shape, 1.0) for variable in variables]
        return {}

    def run(self, seconds):
        """Trains for so long; see `worker.repeat`."""
        return repeat(self._step, seconds)

    def _step(self):
        before = self.record.tokens
        next(self.reports)
        return self.record.tokens - before


if __name__ == "__main__":
    one = Training()
    serve({"start": one.start, "hold": one.hold, "run": one.run})

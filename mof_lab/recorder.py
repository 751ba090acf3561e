"""A recording of a training that nobody looks on at: made while it goes, or from what it left.

    train(run, trainer, send)    # `lab.py run --record`
    look_back(…)                 # of a run without one: how each stage began and ended

The model is asked `SAYINGS` now and then. That takes time of its own, which is not counted as
training, and memory.
"""

import contextlib
import time

from . import checkpoint, recording
from .configuration import preset
from .errors import LabError
from .packing import open_packed
from .recording import Recording
from .vocabulary import Vocabulary

SAYINGS = ("你好", "法国的首都是哪里？", "12加7等于多少？")
LOOKING = 0.05  # the share of the time that looks may take, the first and the last apart


def train(run, trainer, show=lambda progress: None):
    """Trains to the end of the stage, with a recording beside the checkpoint.

    Args:
        run: a `pipeline.Run`, and `trainer`, one that it made.
        show: called with each `progress.Progress`.

    Returns:
        the trainer's `progress.Record`.
    """
    from .look import Look  # TensorFlow is slow to import

    record, stage = trainer.record, trainer.stage
    made = recording.begun(trainer.directory, record, stage, run.preset, trainer.model)
    look = Look(run, stage, trainer.model, SAYINGS)
    if record.done:
        return record
    looked, cost = 0.0, 0.0
    try:
        if record.step == 0:
            made.add_moment(look.at(0))
        for progress in trainer:
            show(progress)
            made.add(progress)
            began = time.monotonic()
            affordable = (began - looked) * LOOKING >= cost or progress.step == progress.steps
            if progress.bits_per_character is not None and affordable:
                made.add_moment(look.at(progress.step))
                looked, cost = time.monotonic(), time.monotonic() - began
                made.save(trainer.directory)
    finally:
        made.save(trainer.directory)
    return record


def look_back(send, directory, names, at, most_bytes):
    """The recording of a stage; one of a run that left none is looked at now.

    Args:
        send: not used; it makes this a function for `processes.call`.
        directory: of the run, which may be of other text than the project has today.
        names: of its stages, in order.
        at: the index of the stage.
        most_bytes: the recording is reduced to so many.

    Raises:
        LabError: the folder keeps nothing of this stage.
    """
    name = names[at]
    found = Recording.load(directory / name)
    if not found.moments and found.points:
        from .look import Look  # TensorFlow is slow to import

        kept, stage = _Kept(directory), preset(found.preset).stage(name)
        with contextlib.suppress(LabError):  # only the end is kept
            before = kept.fresh(name) if at == 0 else kept.model_after(names[at - 1])
            found.add_moment(Look(kept, stage, before, SAYINGS).at(0))
        after = kept.model_after(name)
        found.add_moment(Look(kept, stage, after, SAYINGS).at(found.points[-1].step))
    return found.reduced(most_bytes)


class _Kept:
    """What is kept of a run, as `look.Look` wants it."""

    def __init__(self, directory):
        self.directory = directory
        self.vocabulary = Vocabulary.load(directory / "vocabulary.json")

    def windows(self, split):
        return open_packed(self.directory / "windows" / split)

    def model_after(self, stage):
        return checkpoint.load(self.directory / stage)[0]

    def fresh(self, stage):
        """The weights that the first stage began with."""
        from .model import MoF

        config, _, meta = checkpoint.describe(self.directory / stage)
        return MoF(config, seed=meta["seed"])

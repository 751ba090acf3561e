"""A run of all stages in one process, to be killed at any moment; test_resume.py does.

    python tests/killed.py FOLDER eager|compiled

It saves after every step and says where it is, `STAGE'S NUMBER STEP`: step 0 when a stage begins
or goes on, another one when it has been saved. The last stage is left one step before its end, so
that its optimiser's state can be compared too.
"""

import sys
from dataclasses import replace
from functools import partial

from conftest import toy_config, toy_preset, toy_rows

STEPS = {"eager": (2, 2, 2, 2, 3), "compiled": (4, 3, 3, 4, 5)}  # of the five stages


def preset(how):
    """The toy preset, small and with dropout, whose random numbers must go on too."""
    model = replace(toy_config(0), dropout=0.2, num_layers=1, gru_units=8, embedding_dim=8)
    whole = replace(toy_preset(model), window=16, batch=2)
    stages = (replace(s, steps=steps) for s, steps in zip(whole.stages, STEPS[how], strict=True))
    return replace(whole, stages=tuple(stages))


def _save_and_tell(trainer, save, tell):
    save()
    tell(trainer.record.step)


def run(folder, how, tell):
    """What the program does; `tell` is called with (stage's number, step)."""
    from mof_lab import training
    from mof_lab.corpus import Corpus
    from mof_lab.pipeline import Run

    training.SAVE_EVERY_SECONDS = -1.0
    tell(-1, 0)
    rows, chosen = toy_rows(), preset(how)
    job = Run(chosen, folder, Corpus(rows[5:], rows[:5], []))
    before = None
    for number, stage in enumerate(chosen.stages):
        tell(number, 0)
        model = job.new_model() if before is None else job.model_after(before)
        last = stage is chosen.stages[-1]
        trainer = job.trainer(stage, model, reports=2, report_seconds=0)
        trainer.save = partial(_save_and_tell, trainer, trainer.save, partial(tell, number))
        for progress in trainer:
            if last and progress.step == progress.steps - 1:
                break
        before = stage.name


if __name__ == "__main__":
    import tensorflow as tf

    tf.config.run_functions_eagerly(sys.argv[2] == "eager")
    run(*sys.argv[1:], lambda *where: print(*where, flush=True))

"""In which order a stage reads its windows: mixed, short documents first, easy first, by kind.

Every order is a permutation of the mixed one: the same windows, each as often, at other steps.

    rate(run)                                                # only for "difficulty", once
    for share, doing in rating(run): …                       # the same in a job, to be paused
    in_order("length", packs, shares, batch, seed, steps)    # batches, as `packing.Batches`

By length and by difficulty each kind of text keeps its share at every step, and its windows come
in `PHASES` phases (a curriculum in phases: Bengio et al. 2009, "Curriculum learning"). Within a
phase each epoch reads each of its windows once, shuffled: put in order to the end, a window that a
stage reads n times would come n times in a row.
"""

from contextlib import closing
from dataclasses import replace

import numpy as np

from . import processes
from .configuration import ModelConfig, Stage
from .errors import LabError
from .packing import NOTHING, Batches, Windows, save_difficulties
from .vocabulary import BEGIN, PADDING

ORDERS = ("mixed", "length", "difficulty", "kind")
PHASES = 8
#: What rates the windows: a GRU that has seen about 400,000 characters of them.
RATER = ModelConfig(embedding_dim=64, experts=("gru",), gru_units=64, num_heads=1, router_units=1)
RATER_STEPS = 400
READ_AT_ONCE = 512  # windows between two places where rating can be paused


def in_order(order, packs, shares, batch, seed, steps):
    """The batches of a stage of so many steps in one of `ORDERS`; see `packing.Batches`."""
    if order not in ORDERS:
        raise LabError(f"There is no order {order!r}; choose one of {', '.join(ORDERS)}.")
    if order == "mixed":
        return Batches(packs, shares, batch, seed)
    return Curriculum(order, packs, shares, batch, seed, steps)


class Curriculum(Batches):
    """The windows of `steps` mixed batches in another order, a pure function of the step, too.

    Args:
        order: "length", "difficulty" or "kind" (one after the other, as the shares name them).
        steps: of the whole stage: what comes last depends on how much there is.
        packs, shares, batch, seed: of `Batches`.
    """

    def __init__(self, order, packs, shares, batch, seed, steps):
        super().__init__(packs, shares, batch, seed)
        drawn = self._kinds_of(0, steps * batch)  # (windows,), as mixed
        rows = np.empty(len(drawn), int)
        for kind, name in enumerate(self.kinds):
            at = np.flatnonzero(drawn == kind)
            rows[at] = self._rows(kind, len(at))
            if order != "kind":
                phase = phases(scores(order, packs[name], name))[rows[at]]
                rows[at] = rows[at][np.argsort(phase, kind="stable")]
        by = np.argsort(drawn, kind="stable") if order == "kind" else slice(None)
        self._drawn, self._places = drawn[by], rows[by]

    def _rows(self, kind, count):
        """The rows of a kind that mixed batches read first, epoch after epoch."""
        size = len(self.packs[self.kinds[kind]])
        epochs = [self._order(kind, epoch) for epoch in range(-(-count // size))]
        return np.concatenate([np.empty(0, int), *epochs])[:count]

    def __call__(self, step, part=0, parts=1):
        """As `Batches`, up to the last step of the stage."""
        at = range(step * self.batch + part, (step + 1) * self.batch, parts)
        found = [(self.packs[self.kinds[self._drawn[i]]], self._places[i]) for i in at]
        tokens = np.stack([windows.tokens[row] for windows, row in found])
        return tokens.astype(np.int32), np.stack([windows.roles[row] for windows, row in found])


def scores(order, windows, name=""):
    """What the windows of one kind are put in order by, (windows,), lowest first."""
    if order == "length":
        tokens = np.asarray(windows.tokens)
        begun = (tokens == BEGIN).sum(axis=1)
        rest = tokens[:, 0] != BEGIN  # of a cut document; it opens its window
        return (tokens != PADDING).sum(axis=1) / (begun + rest)
    if windows.difficulty is None:
        raise LabError(
            f"The windows of {name or 'this kind'} are not rated yet, so they have no order by "
            "difficulty; call curriculum.rate(run) first."
        )
    return windows.difficulty


def phases(values):
    """The phase of each window, 0 … PHASES - 1, as many windows in each; equal values by row."""
    ranks = np.empty(len(values), int)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks * PHASES // len(values)


def rate(run, show=lambda text: None):
    """How difficult each window of a `pipeline.Run` is, once: see `packing.save_difficulties`.

    A small model, trained in `rater/` of the run's folder, says how surprised it is, in nats a
    character. All of it happens in a process of its own; `rating` does the same in this one.
    """
    if not _is_rated(run):
        processes.call(_rate, run, show=show)


def _is_rated(run):
    return all(windows.difficulty is not None for windows in run.windows("train").values())


def _rate(send, run):
    for _, doing in rating(run):
        send(doing)


def rating(run):
    """Rates the windows of a `pipeline.Run` step by step, to be paused and stopped; see `rate`.

    Yields:
        the share that is done, 0 … 1, and what is being done. Where it is left while the small
        model is trained, the next call goes on from there.
    """
    if _is_rated(run):
        return
    from .model import MoF  # TensorFlow is slow to import
    from .training import Trainer

    packs = run.windows("train")
    steps = min(RATER_STEPS, run.preset.stages[0].steps)  # a shortened preset shortens it, too
    stage = Stage("rater", ("stem", "head", "gru"), steps, "gru")
    preset = replace(run.preset, stages=(stage,), order="mixed", xla=False)  # compiled: no quicker
    model = MoF(replace(RATER, vocabulary_size=len(run.vocabulary)), seed=run.preset.seed)
    trainer = Trainer(model, run.vocabulary, packs, preset, stage, run.directory / "rater")
    learnt = 3 * steps * preset.batch  # windows; backward costs twice as much as forward
    work = learnt + sum(map(len, packs.values()))
    with closing(iter(trainer)) as reports:
        for progress in reports:
            yield learnt / work * progress.step / steps, str(progress)
    found, read = {}, 0
    for kind, windows in packs.items():
        parts = []
        for start in range(0, len(windows), READ_AT_ONCE):
            here = slice(start, start + READ_AT_ONCE)
            parts.append(mean_nats(model, Windows(windows.tokens[here], windows.roles[here])))
            read += len(parts[-1])
            yield (learnt + read) / work, f"rater reads {kind}: {start + len(parts[-1]):,} windows"
        found[kind] = np.concatenate(parts)
    save_difficulties(run.directory / "windows" / "train", found)


def mean_nats(model, windows):
    """How surprised a model is by each window, (windows,), in nats a character."""
    from .evaluation import window_nats

    learnt = windows.roles[:, 1:] != NOTHING
    nats = window_nats(model, windows.tokens, "gru", batch=64)
    return (nats * learnt).sum(axis=1) / np.maximum(1, learnt.sum(axis=1))

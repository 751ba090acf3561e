"""What counting alone predicts of a text: the bits that a trained model has to beat.

counts = Counts.of(run.windows("train"), len(run.vocabulary))
counts.single(targets)              # nats at each character, from how often it occurs
counts.pairs(before, targets)       # from how often it follows the one before
"""

from dataclasses import dataclass

import numpy as np

from .packing import NOTHING


@dataclass(frozen=True)
class Counts:
    """How often each pair of neighbours stands in some windows, the second one a target."""

    together: np.ndarray  # (size, size): how often an id (column) follows another (row)

    @property
    def times(self):
        """How often each id is a target, (size,)."""
        return self.together.sum(axis=0)

    @classmethod
    def of(cls, packs, size):
        """Counts what training learns from.

        Args:
            packs: kind → `packing.Windows`.
            size: of the vocabulary.
        """
        together = np.zeros(size * size, np.int64)
        for windows in packs.values():
            tokens = np.asarray(windows.tokens, np.int64)
            learnt = np.asarray(windows.roles[:, 1:]) != NOTHING
            before, targets = tokens[:, :-1][learnt], tokens[:, 1:][learnt]
            together += np.bincount(before * size + targets, minlength=size * size)
        return cls(together.reshape(size, size))

    def single(self, targets):
        """Surprise at ids, in nats, from how often they occur, once more each (Laplace)."""
        times = self.times
        return -np.log((times[targets] + 1) / (times.sum() + len(times)))

    def pairs(self, before, targets):
        """Surprise at ids, in nats, from how often they follow the one before them.

        After a character with T different followers a new one is as probable as T more sightings,
        and is then drawn from the single counts (Witten and Bell 1991, method C).
        """
        seen = self.together[before, targets]
        followers = np.count_nonzero(self.together, axis=1)[before]
        sightings = self.together.sum(axis=1)[before]
        alone = np.exp(-self.single(targets))
        known = sightings + followers
        mixed = (seen + followers * alone) / np.maximum(known, 1)
        return -np.log(np.where(known > 0, mixed, alone))

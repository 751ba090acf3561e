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
    """How often each id and each pair of neighbours stands in some windows, as targets."""

    times: np.ndarray  # (size,), of each id
    keys: np.ndarray  # (pairs,), before · size + id, in order
    together: np.ndarray  # (pairs,), of each pair

    @classmethod
    def of(cls, packs, size):
        """Counts what training learns from.

        Args:
            packs: kind → `packing.Windows`.
            size: of the vocabulary.
        """
        times, found = np.zeros(size, np.int64), []
        for windows in packs.values():
            tokens = np.asarray(windows.tokens, np.int64)
            learnt = np.asarray(windows.roles[:, 1:]) != NOTHING
            before, targets = tokens[:, :-1][learnt], tokens[:, 1:][learnt]
            times += np.bincount(targets, minlength=size)
            found.append(before * size + targets)
        keys, together = np.unique(np.concatenate(found), return_counts=True)
        return cls(times, keys, together)

    def single(self, targets):
        """Surprise at ids, in nats, from how often they occur, once more each (Laplace)."""
        return -np.log((self.times[targets] + 1) / (self.times.sum() + len(self.times)))

    def pairs(self, before, targets):
        """Surprise at ids, in nats, from how often they follow the one before them.

        After a character with T different followers a new one is as probable as T more sightings,
        and is then drawn from the single counts (Witten and Bell 1991, method C).
        """
        size = len(self.times)
        wanted = np.asarray(before, np.int64) * size + targets
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        seen = np.where(self.keys[at] == wanted, self.together[at], 0)
        firsts = self.keys // size
        followers = np.bincount(firsts, minlength=size)[before]
        sightings = np.bincount(firsts, self.together, minlength=size)[before]
        alone = np.exp(-self.single(targets))
        known = sightings + followers
        mixed = (seen + followers * alone) / np.maximum(known, 1)
        return -np.log(np.where(known > 0, mixed, alone))

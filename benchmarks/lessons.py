"""What every model of the suite `quality` learns from and is measured on. NumPy only."""

import math
from pathlib import Path

import numpy as np

from mof_lab.packing import NOTHING, Batches, open_packed

HELD_OUT = 24  # windows of each kind


class Lessons:
    """Batches of the windows that a run packed, and held-out ones.

    Args:
        folder: of the run, see `pipeline.Run`.
        batch: windows a step.
        shares: (kind, share) pairs of the batches.
        seconds: of training; the learning rate follows them.
        peak: the highest learning rate.
    """

    def __init__(self, folder, batch, shares, seconds, peak):
        folder = Path(folder) / "windows"
        self.batches = Batches(open_packed(folder / "train"), shares, batch, seed=1)
        rng, chosen = np.random.default_rng(1), []
        for windows in open_packed(folder / "held_out").values():
            rows = rng.permutation(len(windows))[:HELD_OUT]
            chosen.append((windows.tokens[rows], windows.roles[rows]))
        tokens, roles = (np.concatenate(parts) for parts in zip(*chosen, strict=True))
        self.held_out, self.counted = tokens.astype(np.int64), roles[:, 1:] != NOTHING
        self.seconds, self.peak, self.step = seconds, peak, 0

    def next(self):
        """Tokens (batch, window + 1) and the weights of the targets (batch, window)."""
        tokens, roles = self.batches(self.step)
        self.step += 1
        return tokens, (roles[:, 1:] != NOTHING).astype(np.float32)

    def rate(self, spent):
        """The learning rate after so many seconds: up for a twentieth, then down as a cosine."""
        at = min(spent / self.seconds, 1.0)
        if at < 0.05:
            return self.peak * max(at / 0.05, 0.02)
        return self.peak * (0.05 + 0.95 * (1 + math.cos(math.pi * (at - 0.05) / 0.95)) / 2)

    def bits(self, nats):
        """Bits a character from the held-out windows' nats, (windows, window)."""
        return float(nats[self.counted].mean() / math.log(2))

"""Notebook 04: what its exercises stand on, and wrong answers to them."""

import numpy as np

from mof_lab.exercises import check

CELLS = ()
GIVEN = {"np": np, "check": check}
WRONG = {
    "04.1": [
        'decided = {"the same at": 7, "about 巴": 14}',
        'decided = {"the same at": 5, "about 巴": 13}',
        'decided = {"the same at": 1, "about 巴": 13}',
    ],
    "04.2": [
        """
def blended_nats(nats, weights): return (weights.T * nats).sum(axis=0)
beats_oracle = False""",
        """
def blended_nats(nats, weights): return -np.log((weights.T * np.exp(-nats)).sum(axis=0))
beats_oracle = True""",
        """
def blended_nats(nats, weights): return (weights * np.exp(-nats)).sum(axis=0)
beats_oracle = False""",
    ],
    "04.3": [
        "def top_k(weights, k): return weights * (weights >= np.sort(weights)[..., -k, None])",
        """
def top_k(weights, k):
    kept = weights * (weights <= np.sort(weights)[..., k - 1, None])
    return kept / kept.sum(axis=-1, keepdims=True)""",
        """
def top_k(weights, k):
    kept = weights * (weights >= np.sort(weights.ravel())[-k])
    return kept / np.maximum(kept.sum(axis=-1, keepdims=True), 1e-9)""",
    ],
}

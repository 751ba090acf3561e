"""Notebook 09: what its exercises stand on, and wrong answers to them."""

import numpy as np

from mof_lab.exercises import check

CELLS = ()
GIVEN = {"np": np, "check": check}  # the cell that imports them loads TensorFlow
_MOVED = """positions_moved = {{
    "chat": {},
    "training": {},
    "training, other text": {},
    "training, layer norm": {},
}}"""
WRONG = {
    "09.1": [
        _MOVED.format(1, 12, 12, 1),
        _MOVED.format(7, 7, 0, 7),
        _MOVED.format(7, 12, 12, 12),
    ],
    "09.2": [
        """
def windowed(q, k, v, window):
    scores = np.triu(np.tril(q @ np.swapaxes(k, -1, -2)), -window)
    return scores / scores.sum(axis=-1, keepdims=True) @ v
characters_back = 57""",
        """
def windowed(q, k, v, window):
    scores = np.tril(q @ np.swapaxes(k, -1, -2))
    scores = scores / scores.sum(axis=-1, keepdims=True)
    return np.triu(scores, 1 - window) @ v
characters_back = 57""",
        """
def windowed(q, k, v, window):
    scores = np.triu(np.tril(q @ np.swapaxes(k, -1, -2)), 1 - window)
    return scores / scores.sum(axis=-1, keepdims=True) @ v
characters_back = 60""",
    ],
    "09.3": [
        """
def off_by(f, tokens):
    changed = tokens.copy()
    changed[:, -1] = (changed[:, -1] + 1) % 6
    return np.abs(f(changed) - f(tokens)).max(axis=(0, 2))
positions_off = 29""",
        """
def off_by(f, tokens):
    whole = f(tokens)
    parts = [f(tokens[:, : t + 1])[:, -1] for t in range(tokens.shape[1])]
    return np.array([np.abs(whole[0, t] - part[0]).max() for t, part in enumerate(parts)])
positions_off = 29""",
        """
def off_by(f, tokens):
    whole = f(tokens)
    parts = [f(tokens[:, : t + 1])[:, -1] for t in range(tokens.shape[1])]
    return np.array([np.abs(whole[:, t] - part).max() for t, part in enumerate(parts)])
positions_off = 10""",
    ],
}

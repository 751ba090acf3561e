"""Notebook 07: what its exercises stand on, and wrong answers to them."""

import numpy as np

from mof_lab.exercises import check

CELLS = ()
GIVEN = {"np": np, "check": check}  # the cell that imports them loads TensorFlow
WRONG = {
    "07.1": [
        """
moved = {
    "gru off": {"surprisal"},
    "thoughts off": {"surprisal", "expert_surprisal", "attention"},
}""",
        """
moved = {
    "gru off": {"router_weights", "surprisal", "update"},
    "thoughts off": {"surprisal", "expert_surprisal", "attention"},
}""",
        """
moved = {
    "gru off": {"router_weights", "surprisal"},
    "thoughts off": {"router_weights", "surprisal", "expert_surprisal", "attention"},
}""",
    ],
    "07.2": [
        """
def without_decay(attention, gamma):
    at = np.arange(len(attention))
    return attention / gamma ** np.abs(at[:, None] - at[None, :])
looks = "farther\"""",
        """
def without_decay(attention, gamma):
    at = np.arange(len(attention))
    scores = attention * gamma ** np.abs(at[:, None] - at[None, :])
    return scores / scores.sum(axis=1, keepdims=True)
looks = "farther\"""",
        """
def without_decay(attention, gamma):
    scores = attention / gamma
    return scores / scores.sum(axis=1, keepdims=True)
looks = "farther\"""",
    ],
    "07.3": [
        """
def worth(read, parts):
    return {p: (read(p) - read(set()), 0) for p in parts}""",
        """
def worth(read, parts):
    on = read(set())
    return {p: (read({p}) - on, read(set(parts) - {p}) - on) for p in parts}""",
        """
def worth(read, parts):
    on, off = read(set()), read(parts)
    return {p: (on - read({p}), read(set(parts) - {p}) - off) for p in parts}""",
    ],
}

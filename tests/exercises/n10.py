"""Notebook 10: what its exercises stand on, and wrong answers to them."""

import numpy as np

from mof_lab.exercises import check

CELLS = ()
GIVEN = {"np": np, "check": check}  # the cell that imports them loads TensorFlow
_PREDICTED = """predicted = {{
    "state at width 16": {},
    "state at width 1": {},
    "moved in the expert": {},
    "moved in the model": {},
}}"""
_STEP = """
def initial_state(batch, size):
    return np.zeros((batch, 31, size)){there}

def step(x, begins, state):
    {forget}
    seen = np.concatenate([seen, x[:, None]], axis=1)
    p = np.exp(np.einsum("bsd,bd->bs", seen, x) / np.sqrt(x.shape[-1]))
    {cut}
    return np.einsum("bs,bsd->bd", p / p.sum(axis=1, keepdims=True), seen), {after}"""
WRONG = {
    "10.1": [
        _PREDICTED.format(2048, 0, 1, 30),
        _PREDICTED.format(1920, 128, 1, 30),
        _PREDICTED.format(1920, 0, 1, 1),
    ],
    "10.2": [
        """
def balance_to(weights, aim):
    return np.mean(np.sum((weights - aim) ** 2 / aim, axis=1))
zero = "both\"""",
        """
def balance_to(weights, aim):
    return len(aim) * np.sum(np.mean(weights, axis=0) ** 2) - 1
zero = "both\"""",
        """
def balance_to(weights, aim):
    return np.sum((np.mean(weights, axis=0) - aim) ** 2 / aim)
zero = "balance\"""",
    ],
    "10.3": [
        _STEP.format(  # zeros in the empty places, as in the convolution
            there="",
            forget="seen = np.where(begins[:, None, None], 0, state)",
            cut="",
            after="seen[:, 1:]",
        ),
        _STEP.format(  # never forgets
            there=", np.zeros((batch, 31))",
            forget="seen, there = state",
            cut="there = np.c_[there, np.ones(len(x))]; p = p * there",
            after="(seen[:, 1:], there[:, 1:])",
        ),
        """
def initial_state(batch, size):
    return []

def step(x, begins, state):
    seen = [] if begins.any() else state
    seen = [*seen, x][-32:]
    p = np.exp([(x * s).sum(axis=1) / np.sqrt(x.shape[1]) for s in seen])
    return ((p / p.sum(axis=0))[..., None] * np.array(seen)).sum(axis=0), seen""",
    ],
}

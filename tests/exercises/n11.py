"""Notebook 11: what its exercises stand on, and wrong answers to them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from mof_lab import curriculum
from mof_lab.configuration import PRESETS
from mof_lab.exercises import check

CELLS = ()
# The cell that imports them loads TensorFlow; `run` is opened by one that packs all text.
GIVEN = {
    "np": np,
    "check": check,
    "replace": replace,
    "curriculum": curriculum,
    "run": SimpleNamespace(preset=PRESETS["tiny"]),
}
_PREDICTED = """predicted = {{
    "mixed": {},
    "length": {},
    "sorted outright": {},
    "first step without it": {},
}}"""
_LEARNT_AT = """
learnt_at = {{"easy first": {}, "hard first": {}}}"""
_HARD_FIRST = """
def hard_first(windows):
    return {k: replace(w, difficulty=-w.difficulty) for k, w in windows.items()}
"""
WRONG = {
    "11.1": [
        _PREDICTED.format(20, 5, 1, 10),
        _PREDICTED.format(40, 10, 1, 10),
        _PREDICTED.format(40, 5, 1, 40),
    ],
    "11.2": [
        """
def hard_first(windows):
    return {k: replace(w, difficulty=w.difficulty[::-1]) for k, w in windows.items()}
"""
        + _LEARNT_AT.format(0.81, 0.064),
        """
def hard_first(windows):
    for packed in windows.values():
        packed.difficulty *= -1
    return windows
"""
        + _LEARNT_AT.format(0.81, 0.064),
        _HARD_FIRST + _LEARNT_AT.format(1, 0.05),
    ],
    "11.3": [
        """
def growing_pool(values, count, seed):
    phase, rng = curriculum.phases(values), np.random.default_rng(seed)
    parts = np.arange(count) * curriculum.PHASES // count
    return np.array([rng.choice(np.flatnonzero(phase == k)) for k in parts])
times_as_often = 21.7""",
        """
def growing_pool(values, count, seed):
    phase, rng = curriculum.phases(values), np.random.default_rng()
    parts = np.array_split(np.arange(count), curriculum.PHASES)
    pools = [np.flatnonzero(phase <= k) for k in range(curriculum.PHASES)]
    return np.concatenate([rng.choice(p, len(part)) for p, part in zip(pools, parts)])
times_as_often = 21.7""",
        """
def growing_pool(values, count, seed):
    phase, rng = curriculum.phases(values), np.random.default_rng(seed)
    parts = np.array_split(np.arange(count), curriculum.PHASES)
    pools = [np.flatnonzero(phase <= k) for k in range(curriculum.PHASES)]
    return np.concatenate([rng.choice(p, len(part)) for p, part in zip(pools, parts)])
times_as_often = 8""",
    ],
}

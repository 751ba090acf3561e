"""Notebook 14: what its exercises stand on, and wrong answers to them."""

import numpy as np

from mof_lab.exercises import check

CELLS = ()
GIVEN = {"np": np, "check": check}  # the cell that imports them loads TensorFlow
_PREDICTED = """predicted = {{
    "steps": {},
    "times read": {},
    "held out for ± 0.25": {},
}}"""
_LEAKED = """
def leaked(train, held_out, length):
    there = {{text[i : i + length] for text in {train} for i in range(len(text) - length + 1)}}
    marked = total = 0
    for text in held_out:
        mark = np.zeros(len(text))
        for i in range(len(text) - length + 1):
            if text[i : i + length] in there:
                {marks}
        marked, total = marked + mark.sum(), total + len(text)
    return marked / total"""
WRONG = {
    "14.1": [
        _PREDICTED.format(153_600, 12, 12_000),
        _PREDICTED.format(1_200, 1.5, 12_000),
        _PREDICTED.format(1_200, 12, 6_000),
    ],
    "14.2": [
        """
def add_one(pair, seen, size):
    return pair / max(1, seen)
better = "Witten and Bell\"""",
        """
def add_one(pair, seen, size):
    return (pair + 1) / (seen + 1)
better = "Witten and Bell\"""",
        """
def add_one(pair, seen, size):
    return (pair + 1) / (seen + size)
better = "add one\"""",
    ],
    "14.3": [
        _LEAKED.format(train="train", marks="mark[i : i + length] += 1"),
        _LEAKED.format(train="train", marks="mark[i] = 1"),
        _LEAKED.format(train='["".join(train)]', marks="mark[i : i + length] = 1"),
    ],
}

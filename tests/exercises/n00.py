"""Notebook 00: what its exercises stand on, and wrong answers to them."""

import numpy as np

CELLS = ("00-01", "00-07")
GIVEN = {"np": np}  # the cell that imports it loads TensorFlow, too
WRONG = {
    "00.1": ["entries = 6", "entries = 2", 'entries = "four"'],
    "00.2": [
        'answers = {0: "你好", 1.5: "你好"}',
        'answers = {0: ["你好"] * 5, 1.5: list("abcde")}',
        """
session.chat("[CLEAN]")
same = [session.chat("你喜欢什么？", temperature=0)] * 5
answers = {0: same, 1.5: same}""",
    ],
    "00.3": [
        "def share(weights): return weights.mean(axis=0)",
        "def share(weights): return np.bincount(weights.argmax(axis=1))",
        "def share(weights): return weights[0] > weights[1] + nothing",
    ],
}

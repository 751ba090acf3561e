"""Notebook 08: what its exercises stand on, and wrong answers to them."""

import numpy as np

from mof_lab.exercises import check

CELLS = ()
GIVEN = {"np": np, "check": check}  # the cell that imports them loads TensorFlow
_PREDICTED = 'predicted = {{"one": {}, "one, int8": {}, "64 together": {}, "enough people": {}}}'
WRONG = {
    "08.1": [
        _PREDICTED.format(2000, 2000, 2000, 1),
        _PREDICTED.format(100, 400, 6400, 64),
        _PREDICTED.format(100, 400, 2000, 10),
    ],
    "08.2": [
        """
def unfused_cost(rows, columns):
    return np.array([5, 2 * 4]) * rows * columns
times_as_long = 1""",
        """
def unfused_cost(rows, columns):
    return np.array([5, 8 * 4]) * rows * columns
times_as_long = 4""",
        """
def unfused_cost(rows, columns):
    return 5 * rows * columns, 32 * rows * columns + 16 * rows
times_as_long = 5""",
    ],
    "08.3": [
        """
def gain(ours, theirs, turns, clock):
    took = []
    for work in (ours, theirs):
        work()
        times = []
        for _ in range(turns):
            started = clock()
            work()
            times.append(clock() - started)
        took.append(np.median(times))
    return took[1] / took[0]""",
        """
def gain(ours, theirs, turns, clock):
    took = {ours: 0, theirs: 0}
    for turn in range(turns + 1):
        for work in took:
            started = clock()
            work()
            took[work] += (clock() - started) * (turn > 0)
    return took[theirs] / took[ours]""",
        """
def gain(ours, theirs, turns, clock):
    took = []
    for work in (ours, theirs):
        started = clock()
        work()
        took.append(clock() - started)
    return took[1] / took[0]""",
    ],
}

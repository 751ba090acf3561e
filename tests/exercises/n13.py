"""Notebook 13: what its exercises stand on, and wrong answers to them."""

from dataclasses import replace

import numpy as np

from mof_lab import scaling
from mof_lab.exercises import check

CELLS = ()
# The cell that imports them loads TensorFlow.
GIVEN = {"np": np, "replace": replace, "scaling": scaling, "check": check}
_PREDICTED = """predicted = {{
    "times the bytes": {},
    "efficiency": {},
    "times the characters a second": {},
    "times at most": {},
}}"""
_SECONDS_16 = """
def seconds_16(step, workers, bandwidth, latency):
    step = replace(step, parameters=step.parameters / 2)
    return scaling.seconds(step, workers, bandwidth, latency)
"""
WRONG = {
    "13.1": [
        _PREDICTED.format(2, 0.4, 1.6, 4),
        _PREDICTED.format(1, 0.5, 2, 4),
        _PREDICTED.format(1, 0.4, 1.6, 2),
    ],
    "13.2": [
        """
def seconds_16(step, workers, bandwidth, latency):
    return scaling.seconds(step, workers, bandwidth, latency) / 2
saves_up_to = 2000""",
        """
def seconds_16(step, workers, bandwidth, latency):
    step = replace(step, parameters=step.parameters / 2)
    return scaling.seconds(step, workers, bandwidth)
saves_up_to = 2000""",
        _SECONDS_16 + "saves_up_to = 1",
    ],
    "13.3": [
        """
def overlapped(layers, workers, bandwidth, latency):
    whole = scaling.Step(sum(s for s, _ in layers), 0, sum(p for _, p in layers))
    return max(whole.seconds, scaling.seconds(replace(whole, seconds=0), workers, bandwidth))
at_most = 0.5""",
        """
def overlapped(layers, workers, bandwidth, latency):
    computed, done = 0, 0
    for seconds, parameters in layers:
        computed += seconds
        layer = scaling.Step(computed, 0, parameters)
        done = max(done, scaling.seconds(layer, workers, bandwidth, latency))
    return done
at_most = 0.5""",
        """
def overlapped(layers, workers, bandwidth, latency):
    computed, sent = 0, 0
    for seconds, parameters in layers:
        computed += seconds
        step = scaling.Step(max(computed, sent), 0, parameters)
        sent = scaling.seconds(step, workers, bandwidth, latency)
    return sent
at_most = 1""",
    ],
}

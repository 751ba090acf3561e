"""What training on more machines gives: a cost model, from a measured step and a link.

Every worker computes its windows, then all add up their gradients in a ring: each sends and
receives 2 (n - 1) / n times the gradient's bytes, in 2 (n - 1) messages (Patarasuk and Yuan 2009).
The lab's loop does one after the other, so

    seconds(n) = seconds of one worker + 2 (n - 1) / n · bytes / bandwidth + 2 (n - 1) · latency
"""

import math
from dataclasses import dataclass

#: Bytes a second of a link, by its name.
LINKS = {f"{rate} Gbit/s": rate * 1e9 / 8 for rate in (1, 10, 100)}
#: Seconds that a message takes, however short: usual within one room's Ethernet.
LATENCY = 50e-6
#: Bytes of a Chinese character in UTF-8; ASCII is taken as rare.
BYTES_A_CHARACTER = 3
#: Bytes of a weight's gradient, fp32.
BYTES_A_GRADIENT = 4


@dataclass(frozen=True)
class Step:
    """What one worker does in a step."""

    seconds: float  # to compute it, alone
    characters: int  # windows · window
    parameters: int  # that are trained

    @property
    def gradient(self):
        """Bytes of the gradient."""
        return BYTES_A_GRADIENT * self.parameters


def sent(step, workers):
    """Bytes that each of `workers` sends in a step."""
    return 2 * (workers - 1) / workers * step.gradient


def seconds(step, workers, bandwidth, latency=LATENCY):
    """Of a step of `workers`, each with as many windows as one alone.

    Args:
        bandwidth: bytes a second, each way, between any two neighbours of the ring.
        latency: seconds a message.
    """
    return step.seconds + sent(step, workers) / bandwidth + 2 * (workers - 1) * latency


def speed(step, workers, bandwidth, latency=LATENCY):
    """Characters a second of all workers."""
    return workers * step.characters / seconds(step, workers, bandwidth, latency)


def efficiency(step, workers, bandwidth, latency=LATENCY):
    """The share of a step in which a worker computes: 1 = nobody waits."""
    return step.seconds / seconds(step, workers, bandwidth, latency)


def days(text_bytes, characters_a_second):
    """To read so many bytes of Chinese text once."""
    return text_bytes / BYTES_A_CHARACTER / characters_a_second / 86400


def most_workers(step, bandwidth, share=0.5, latency=LATENCY):
    """Up to how many workers at least `share` of a step is computing; more work longer in waiting.

    The efficiency falls with every worker, so the last one is found by halving. Without latency it
    falls to a limit, since a worker sends at most twice its gradient: `math.inf` if that is enough.
    """
    if not latency and step.seconds / (step.seconds + 2 * step.gradient / bandwidth) >= share:
        return math.inf
    if efficiency(step, 2, bandwidth, latency) < share:
        return 1
    low, high = 2, 4
    while efficiency(step, high, bandwidth, latency) >= share:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        good = efficiency(step, middle, bandwidth, latency) >= share
        low, high = (middle, high) if good else (low, middle)
    return low


def fixed_batch_speedup(step, workers, bandwidth, latency=LATENCY):
    """How many times quicker a step of the *same* batch is when workers share its windows.

    Computing is taken in proportion to the windows, which flatters small shares.
    """
    shared = Step(step.seconds / workers, step.characters // workers, step.parameters)
    return step.seconds / seconds(shared, workers, bandwidth, latency)


def step_of(run):
    """The `Step` of one worker in a measurement or a prediction of `docs/scaling.json`."""
    return Step(run["seconds"], run["windows"] * run["window"], run["parameters"])


def steps_of(result):
    """preset → `Step` of a worker like the machine of `docs/scaling.json`, with all its cores."""
    cores = result["machine"]["cores"]
    alone = [r for r in result["runs"] if r["workers"] == 1 and r["threads"] == cores]
    return {run["preset"]: step_of(run) for run in (*alone, *result["computed"])}

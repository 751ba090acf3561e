"""What each preset would take on this machine, and which one to train in the time there is.

    print(planner.plan(minutes=30))

A measurement of about 20 seconds, then arithmetic. A character in training costs products, six
operations a parameter (Kaplan et al. 2020, §2.1) at the machine's matrix-product rate, and
everything else: activations, norms, softmax, the steps of a recurrence. That is taken in
proportion to the numbers that go through the layers, at the speed that a few steps of the
smallest preset show. Memory is what that preset took, less its own share, plus the other's.
"""

import contextlib
import itertools
import json
import math
import statistics
import tempfile
import time
from dataclasses import dataclass, replace

from . import folders
from .configuration import PRESETS
from .doctor import GB
from .errors import LabError
from .limits import allowed_memory
from .memory import peak_memory
from .pipeline import START_SECONDS, step_cost
from .processes import call
from .progress import duration
from .sizes import own_memory, size_of_model, without_values
from .tables import table

MEASURED = "tiny"
PRACTICE_SECONDS = 6.0
MAY_USE = 0.9  # share of the memory; the rest is the system's


@dataclass(frozen=True)
class Machine:
    """What `measure` found."""

    product_rate: float  # operations a second in a matrix product
    other_rate: float  # numbers a second through everything that is no product
    fixed_memory: float  # bytes for the libraries and what they compiled

    def seconds(self, size):
        """Training one character."""
        return 6 * size.multiplied / self.product_rate + size.numbers / self.other_rate

    def memory(self, size, preset):
        """Bytes at most, for training a preset whose model has this `Size`."""
        return self.fixed_memory + own_memory(size, preset)


@dataclass(frozen=True)
class Estimate:
    """One preset on this machine."""

    preset: str
    parameters: int
    speed: float  # characters a second, all parts trained
    seconds: float  # for all of its stages
    memory: float  # bytes
    quality: str  # what a run of it gave, in words

    def pass_seconds(self, characters):
        """One pass over a text of so many characters."""
        return characters / self.speed


@dataclass(frozen=True)
class Plan:
    """What `plan` found; prints as a table and a sentence."""

    estimates: tuple[Estimate, ...]
    minutes: float
    characters: int  # of the text that one pass is given for
    allowed: float  # bytes

    @property
    def recommended(self):
        """The longest training that is finished in time and fits the memory; else None."""
        fitting = [
            each
            for each in self.estimates
            if each.seconds <= self.minutes * 60 and each.memory <= self.allowed * MAY_USE
        ]
        return max(fitting, key=lambda each: PRESETS[each.preset].minutes, default=None)

    def __str__(self):
        header = (
            "preset 预设",
            "parameters",
            "char/s",
            "all stages 全部阶段",
            f"{self.characters / 1e6:g} M characters once",
            "memory 内存",
            "held out 留出",
        )
        rows = [
            (
                each.preset,
                f"{each.parameters / 1e6:.1f} M",
                f"{each.speed:,.0f}",
                duration(each.seconds),
                duration(each.pass_seconds(self.characters)),
                f"{each.memory / GB:.1f} GB" + (" !" if each.memory > self.allowed else ""),
                each.quality,
            )
            for each in self.estimates
        ]
        return f"{table(header, rows)}\n\n{self._advice()}"

    def _advice(self):
        chosen, name = self.recommended, MEASURED
        command = "python3 lab.py run --preset {} --minutes {:.10g}"
        if chosen is not None:
            name = chosen.preset
            words = f"{name}, which takes about {duration(chosen.seconds)}"
        else:
            words = f"{name} with fewer steps, because no preset is finished by then"
        time = duration(self.minutes * 60)
        return f"For {time} 建议: {words}.\n  {command.format(name, self.minutes)}"


def plan(minutes=10.0, characters=10_000_000, tell=lambda sentence: None):
    """Measures this machine and estimates every preset.

    Args:
        minutes: the time there is.
        characters: of a text, for the time of one pass over it.
        tell: called with a sentence before the measurement.

    Returns:
        a `Plan`.
    """
    for name, value in (("minutes", minutes), ("characters", characters)):
        if not 0 < value < math.inf:
            raise LabError(f"{name} is {value}; expected a number above 0.")
    tell("Measuring this machine for about 20 seconds …  正在测量本机")
    (machine, sizes), _ = call(_measure)
    estimates = tuple(estimate(PRESETS[name], size, machine) for name, size in sizes.items())
    return Plan(estimates, minutes, characters, allowed_memory())


def estimate(preset, size, machine):
    """An `Estimate` from a preset, its `Size` and a `Machine`."""
    a_step = preset.batch * preset.window * machine.seconds(size)
    steps = sum(stage.steps * step_cost(stage) for stage in preset.stages)
    return Estimate(
        preset.name,
        size.parameters,
        1 / machine.seconds(size),
        steps * a_step + START_SECONDS * len(preset.stages),
        machine.memory(size, preset),
        expected_quality(preset.name),
    )


def expected_quality(name):
    """What a preset's last run gave, or the run that ships: bits a character, right answers."""
    for folder in (folders.runs_folder() / name, folders.shipped(name)):
        path = folder / "report.json"
        try:
            report = json.loads(path.read_text(encoding="utf-8"))
            words = [f"{report['bits_per_character']['all']:.2f} bits/char"]
            for kind in ("knowledge", "reasoning"):
                counts = report["answers"][kind]
                words.append(f"{kind} {counts['correct'] / counts['total']:.0%}")
            return ", ".join(words)
        except (OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
            continue  # there is none, or it is damaged: then nothing is known
    return "not measured yet 尚未测量"


# ---- measuring ----------------------------------------------------------------------------------


def _measure(send):
    """A `Machine` and the `Size` of each preset by name; loads TensorFlow."""
    rate = product_rate(2.0)
    sizes = {name: size_of(preset) for name, preset in PRESETS.items()}
    preset = PRESETS[MEASURED]
    trainer = practice(preset)
    a_character = pace(trainer, PRACTICE_SECONDS)
    peak = peak_memory() or trainer.record.peak_memory
    return machine_from(preset, sizes[MEASURED], rate, a_character, peak), sizes


def pace(trainer, seconds):
    """Seconds of training that a character takes, the median over so many seconds of it."""
    times = []  # (seconds, characters so far) at each report
    for _ in trainer:
        times.append((time.perf_counter(), trainer.record.tokens))
        if len(times) > 3 and times[-1][0] - times[1][0] > seconds:
            break
    return statistics.median(
        (later[0] - earlier[0]) / (later[1] - earlier[1])
        for earlier, later in itertools.pairwise(times[1:])  # the first ones compile
    )


def machine_from(preset, size, rate, a_character, peak):
    """The `Machine` on which one preset showed this.

    Args:
        size: the preset's `Size`.
        rate: operations a second in a product.
        a_character: seconds of training.
        peak: bytes at most.
    """
    # On a busy machine little may be left for the rest, or nothing: it is at least a tenth.
    others = max(a_character - 6 * size.multiplied / rate, a_character / 10)
    fixed = peak - own_memory(size, preset)
    return Machine(rate, size.numbers / others, max(fixed, 0))


def product_rate(seconds, size=2048):
    """Operations a second of this machine in a square fp32 matrix product; the median."""
    import tensorflow as tf

    a, b = tf.random.normal((2, size, size), seed=1)
    product = tf.function(tf.matmul)
    product(a, b)
    found, began = [], time.perf_counter()
    while time.perf_counter() - began < seconds:
        started = time.perf_counter()
        product(a, b).numpy()
        found.append(2 * size**3 / (time.perf_counter() - started))
    return statistics.median(found)


def size_of(preset):
    """The `Size` of a preset with its largest vocabulary; no weight is allocated."""
    from .model import MoF

    config = replace(preset.model, vocabulary_size=preset.vocabulary_size)
    return size_of_model(without_values(lambda: MoF(config)))


def practice(preset):
    """A `rehearsal` of all parts of a preset's model, on noise.

    Every step learns from a whole batch, without padding.
    """
    import numpy as np

    from .model import MoF
    from .packing import CONTEXT, Windows
    from .vocabulary import SPECIAL_NAMES

    model = MoF(replace(preset.model, vocabulary_size=preset.vocabulary_size))
    shape = (64 + preset.batch, preset.window + 1)
    rng = np.random.default_rng(1)
    tokens = rng.integers(len(SPECIAL_NAMES), preset.vocabulary_size, shape, np.uint16)
    windows = Windows(tokens, np.full(shape, CONTEXT, np.uint8))
    return rehearsal(model, {"noise": windows}, preset, replace(preset.stage("joint"), shares=()))


def rehearsal(model, packs, preset, stage):
    """A trainer of a stage that never ends and keeps nothing, to be measured.

    Args:
        packs: kind → `packing.Windows`.
    """
    from .training import Trainer

    class Rehearsal(Trainer):
        def save(self):
            """Nothing: no one goes on from here."""

        def _alone(self):
            return contextlib.nullcontext()  # without a folder

    stage = replace(stage, steps=10**6)
    with tempfile.TemporaryDirectory() as folder:  # gone, and not looked for again
        return Rehearsal(model, None, packs, preset, stage, folder)

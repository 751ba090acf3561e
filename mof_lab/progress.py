"""Where a training stands, as values that any process can read without TensorFlow."""

from dataclasses import dataclass, field
from numbers import Real

from .errors import LabError

#: How many times a training looks at the held-out text.
LOOKS = 12
#: Share that a step has in the running mean of the loss: about the last 50 steps count.
NEWEST = 0.02
#: Shares of log(vocabulary), what guessing costs: how far the mean has risen, and where it has
#: come to, when a training has diverged. Harder text than before costs less than that: character
#: frequencies alone give about 0.8.
RISEN, USELESS = 0.5, 0.9
#: Steps within which a loss that begins to rise has diverged, or will not.
CLIMB = 100


@dataclass(frozen=True)
class Progress:
    """Where a training stands."""

    stage: str
    step: int  # optimiser steps done
    steps: int  # of so many
    loss: float  # nats a character, mean since the last report
    bits_per_character: float | None  # held out; None where it was not measured
    tokens: int  # characters trained on so far
    tokens_per_second: float  # since the last report
    seconds: float  # spent so far, over all sessions
    seconds_left: float
    learning_rate: float
    memory: int  # bytes held by this process

    def __str__(self):
        held_out = self.bits_per_character
        return (
            f"{self.stage} {self.step}/{self.steps}  loss {self.loss:.3f}"
            + (f"  held-out {held_out:.3f} bits/char" if held_out is not None else "")
            + f"  {self.tokens_per_second:,.0f} char/s  {clock(self.seconds_left)} left"
        )


def clock(seconds):
    """Seconds as people read them: 3:05."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"


def duration(seconds):
    """Seconds in the unit that people would use: 1.5 s, 40 s, 12 min, 2.5 h, 4.0 days."""
    for unit, length, digits in (("days", 86400, 1), ("h", 3600, 1), ("min", 60, 0)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.{digits}f} {unit}"
    return f"{seconds:.{0 if seconds >= 10 else 1}f} s"


@dataclass
class Record:
    """What a trainer must not lose beside weights and optimiser."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    steps: int = 0
    done: bool = False
    peak_memory: int = 0
    curve: list = field(default_factory=list)  # of [step, seconds, loss, held-out bits or None]
    recent: float | None = None  # nats a character, a running mean
    lowest: float | None = None  # that this mean has been
    risen_for: int = 0  # steps that it has been a quarter of the way to `RISEN`, or more

    @classmethod
    def of(cls, values, where):
        """From the JSON values that a checkpoint holds; `where` is what an error calls it."""
        try:
            made = cls(**values)
            counts = (made.step, made.tokens, made.steps, made.peak_memory, made.risen_for)
            sound = all(_counts(n) for n in counts) and isinstance(made.done, bool)
            for step, seconds, loss, bits in made.curve:
                sound &= _counts(step) and all(_is_number(x) for x in (seconds, loss, bits or 0.0))
            means = (made.recent, made.lowest)
            sound &= means == (None, None) or all(map(_is_number, means))
            sound &= _is_number(made.seconds)
        except (TypeError, ValueError):
            sound = False
        if not sound:
            raise LabError(f"The record of the training in {where} is damaged; train it again.")
        return made

    def note(self, loss, guessing):
        """Takes the loss of a step into the running mean.

        More than twice `guessing` counts as that: no single step ends a training, it has to stay
        bad for dozens of them.
        """
        loss = min(loss, 2 * guessing)
        if self.recent is None:
            self.recent = self.lowest = loss
        self.recent += NEWEST * (loss - self.recent)
        self.lowest = min(self.lowest, self.recent)
        self.risen_for = self.risen_for + 1 if self._rose(RISEN * guessing / 4) else 0

    def diverged(self, guessing):
        """Has the loss risen so far that the model is worse than one that knows nothing?"""
        return self._rose(RISEN * guessing) and self.recent > USELESS * guessing

    @property
    def climbing(self):
        """May it be on its way there? Then this is no time to save."""
        return 0 < self.risen_for < CLIMB

    def _rose(self, nats):
        return self.recent is not None and self.recent - self.lowest > nats


def _counts(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool) and abs(value) < 1e15

"""Where a training stands, as values that any process can read without TensorFlow."""

from dataclasses import dataclass, field


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

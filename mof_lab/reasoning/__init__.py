"""Reasoning questions from a seeded generator: sums, order, time, memory of what was said.

Answers show their steps, as a teacher would ("7+5=12，2+3+1=6，是62。"): each next character
can be looked up from those before it, which is what a small model can learn, and a person
sees where it went wrong.

Each kind is one function `rng → Problem`. A problem's key names its content and not its
wording (the operands, the names, the days), and the key alone decides whether it is held
out: a held-out sum is never met in training, in no wording and not as a step of another sum.
"""

import random

from ..errors import LabError
from . import characters, deduction, memory, order, products, sums, time, tracing
from .problem import Problem, is_kept, shows_held_out, shows_held_out_sum

__all__ = ["CORE", "KINDS", "MORE", "WIDE", "Problem", "generate", "shows_held_out_sum"]

_CORE = (
    sums.addition,
    sums.subtraction,
    order.comparison,
    order.counting,
    sums.sequence,
    time.weekday,
    time.clock,
    deduction.deduction,
    tracing.tracing,
    order.ordering,
    memory.memory,
)
_MORE = (
    sums.long_addition,
    sums.long_subtraction,
    products.multiplication,
    order.long_comparison,
    memory.long_memory,
)
_WIDE = (
    products.division,
    products.units,
    order.long_ordering,
    order.odd_one_out,
    time.calendar,
    time.minutes,
    deduction.long_deduction,
    deduction.either_or,
    deduction.syllogism,
    tracing.long_tracing,
    characters.characters,
    characters.repeat,
)
#: Every kind by name: a function that draws one problem from a random generator.
KINDS = {make.__name__: make for make in (*_CORE, *_MORE, *_WIDE)}
#: Kinds that a model of 1 M parameters learns in minutes.
CORE = tuple(make.__name__ for make in _CORE)
#: Kinds that a model of 5 M parameters learns in two hours.
MORE = tuple(make.__name__ for make in _MORE)
#: Kinds for a larger model still.
WIDE = tuple(make.__name__ for make in _WIDE)

#: A kind of which so many draws in a row bring nothing new is used up.
PATIENCE = 500


def generate(count, seed, held_out=False, kinds=None):
    """`count` problems, the kinds in turn, without repeating a dialogue.

    Args:
        count: how many; fewer come back when the kinds run out of different ones.
        seed: of the generator.
        held_out: False gives training problems, True those kept for judging.
        kinds: names of `KINDS`, for example `CORE`; None = all.

    Raises:
        LabError: there is no kind of such a name.
    """
    left = list(KINDS if kinds is None else kinds)
    if unknown := set(left) - set(KINDS):
        raise LabError(
            f"There is no kind of problem {min(unknown)!r}; choose from {', '.join(KINDS)}."
        )
    rng = random.Random(f"reasoning {seed} {held_out}")
    problems, seen, turn = [], set(), 0
    while len(problems) < count and left:
        kind = left[turn % len(left)]
        problem = _draw(rng, KINDS[kind], held_out, seen)
        if problem:
            seen.add(problem.turns)
            problems.append(problem)
            turn += 1
        else:
            left.remove(kind)  # used up: the others go on
    return problems


def _draw(rng, make, held_out, seen):
    """A problem that is not among `seen`; None when none is found."""
    for _ in range(PATIENCE):
        problem = make(rng)
        fits = is_kept(problem.key) if held_out else not shows_held_out(problem)
        if fits and problem.turns not in seen:
            return problem
    return None

"""What a problem is, and which ones are kept for judging."""

import re
from dataclasses import dataclass
from functools import lru_cache

from ..splits import is_held_out

HELD_OUT_SHARE = 0.1
#: Every number followed by a sign and a number; in 8-2-1 there are two.
_SUM = re.compile(r"(?<!\d)(\d+)([+×-])(?=(\d+))")


@dataclass(frozen=True)
class Problem:
    """One problem: a dialogue that ends with a question, and the answers that count as right."""

    kind: str  # "addition", "memory", …
    key: str  # its content, without the wording
    turns: tuple[str, ...]  # user, assistant, user, …; the last is the question
    answers: tuple[str, ...]  # right answers; training uses the first
    wording: str  # the question before its content was filled in
    shown: tuple[str, ...] = ()  # keys of other contents that it gives away


def ask(rng, kind, key, wordings, answer, shown=(), **content):
    """A problem of a single question, in one of its wordings.

    Args:
        wordings: templates with the names of `content` in braces.
        answer: the right one.
        shown: keys of other contents that the problem gives away.
    """
    wording = rng.choice(wordings)
    return Problem(kind, key, (wording.format(**content),), (answer,), wording, tuple(shown))


def sum_key(a, sign, b):
    """The key of a+b (the same as of b+a), of a-b or of a×b."""
    if sign == "+":
        return f"addition {min(a, b)} {max(a, b)}"
    return f"{'subtraction' if sign == '-' else 'multiplication'} {a} {b}"


@lru_cache(100_000)  # the one-digit sums are asked about again and again
def is_kept(key):
    """Is this content kept for judging? A tenth of all are.

    The sums up to 9+9 and what takes one digit from less than 20 are not: every longer sum
    is made of them. Nor are squares, and of 3×8 and 8×3 at most one is: a product that is
    met in neither order cannot be known. No other month is as long as February.
    """
    kind, *content = key.split(" ")
    if kind == "addition" and max(map(int, content)) < 10:
        return False
    if kind == "subtraction" and int(content[0]) < 20 and int(content[1]) < 10:
        return False
    if key == "calendar length 2":
        return False
    if kind == "multiplication":
        a, b = map(int, content)
        other = sum_key(b, "×", a)
        if a == b or (a > b and is_held_out(other, HELD_OUT_SHARE)):
            return False
    return is_held_out(key, HELD_OUT_SHARE)


def shows_held_out(problem):
    """Would training on it give away something that is kept for judging?"""
    return any(map(is_kept, (problem.key, *problem.shown))) or shows_held_out_sum(problem)


def shows_held_out_sum(problem):
    """Does a sum or product that is kept for judging stand anywhere in it, in signs?"""
    return states_held_out_sum(" ".join((*problem.turns, *problem.answers)))


def states_held_out_sum(text):
    """Does a sum or product that is kept for judging stand in a text, in signs?"""
    return any(is_kept(sum_key(int(a), sign, int(b))) for a, sign, b in _SUM.findall(text))

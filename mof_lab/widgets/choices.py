"""What can be set in a chat: the values as a browser sends them, checked."""

import secrets

import numpy as np

from ..errors import LabError
from ..generation import Sampling
from . import texts

LONGEST_ANSWER = 2048
SAMPLING = ("temperature", "top_k", "top_p", "repetition_penalty")
DEFAULTS = {
    **{name: getattr(Sampling(), name) for name in SAMPLING},
    "max_length": 300,  # characters of an answer
    "seed": None,  # None = another one for every answer
    "explain": True,  # costs a step of the model an expert and character
    "position": None,  # of the forced blend, from the first expert (0) on; None = the router's
}


def changed(settings, changes):
    """Settings with some of them changed."""
    unknown = set(changes) - set(DEFAULTS)
    if unknown:
        raise LabError(
            f"A chat has no setting {', '.join(sorted(unknown))}; it has {', '.join(DEFAULTS)}."
        )
    return {**settings, **changes}


def sampling(settings):
    """(a `Sampling` that has a seed, the longest answer in characters)."""
    given = {name: number(settings, name) for name in SAMPLING}
    length = whole(settings, "max_length")
    if not 1 <= length <= LONGEST_ANSWER:
        raise _expected(
            "max_length", length, f"from 1 to {LONGEST_ANSWER}", f"1 到 {LONGEST_ANSWER}"
        )
    given["top_k"] = whole(settings, "top_k")
    seed = secrets.randbelow(10**6) if settings["seed"] is None else whole(settings, "seed")
    if seed < 0:
        raise _expected(
            "seed", seed, "a whole number from 0 on, or nothing", "0 以上的整数，或不填"
        )
    return Sampling(**given, seed=seed), length


def blend(settings, experts):
    """The forced weights (experts,), two neighbours of the slider sharing; None = the router's."""
    if settings["position"] is None:
        return None
    position = number(settings, "position")
    if not 0 <= position <= experts - 1:
        last = experts - 1
        raise _expected(
            "position", position, f"from 0 to {last}, or nothing", f"0 到 {last}，或不填"
        )
    return np.clip(1 - np.abs(np.arange(experts) - position), 0, 1)


def whole(settings, name):
    """A setting that has to be a whole number."""
    value = number(settings, name)
    if value != int(value):
        raise _expected(name, value, "a whole number", "整数")
    return int(value)


def number(settings, name):
    """A setting that has to be a finite number."""
    value = settings[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise _expected(name, repr(value), "a number", "一个数")
    return value


def _expected(name, value, what, chinese):
    """The error for a setting that is something else."""
    label = texts.CHAT[name][1].partition("（")[0]
    is_now = "没有填" if value == "None" else f"是 {value}"
    return LabError(
        f"{name} is {value}; expected {what}.", chinese=f"{label}{is_now}，应为{chinese}。"
    )

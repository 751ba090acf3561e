"""The exercises of the notebooks: `check` says whether an answer is right, or gives a hint.

Module `n02` has the checks of notebook 02. A check gets the answer and returns None when it is
right, else a hint (English, Chinese) that does not show the answer:

    @exercise("02.1")
    def gates(answer):
        if answer != truth():
            return "Set z to 1 in the last equation.", "在最后一式里令 z 为 1。"

It finds the truth out from the model or the formula. A function of the learner's may be called as
it is: what it raises, and that it returned nothing, is said in a clear sentence.
"""

import functools
import importlib
import inspect

from ..errors import LabError
from ..language import beside

_CHECKS = {}


def exercise(number):
    """Registers a function as the check of an exercise, say "02.1"."""

    def register(function):
        _CHECKS[number] = function
        return function

    return register


def check(number, answer):
    """Prints one line: right, not answered yet, or a hint. A wrong answer raises nothing.

    Args:
        number: notebook and exercise, say "02.1".
        answer: a value, a function, or a tuple, list or dictionary of them; `...` = none yet.
    """
    mark, english, chinese = _verdict(_check_of(number), answer)
    print(mark, number, beside(english, chinese))


def _check_of(number):
    module = f"{__name__}.n{number.partition('.')[0]}"
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
    if number not in _CHECKS:
        raise LabError(f"There is no exercise {number!r}; its number is in the task above.")
    return _CHECKS[number]


def _verdict(look, answer):
    try:
        hint = look(_watched(answer))
    except _NotAnsweredError:
        return (
            "○",
            "Not answered yet: put your answer in place of `...`.",
            "尚未作答：请把 `...` 换成你的答案。",
        )
    except _StoppedError as stopped:
        hint = stopped.args
    except Exception as error:  # whatever an answer of another type leads to
        hint = (
            f"This answer can't be read ({_named(error)}): "
            "compare its type and shape with the task.",
            "读不懂这个答案：请对照题目检查它的类型和形状。",
        )
    return ("✗", *hint) if hint else ("✓", "Right.", "正确。")


# ---- what a learner's function does -------------------------------------------------------------


class _NotAnsweredError(Exception):
    """There is still a `...`."""


class _StoppedError(Exception):
    """A learner's function failed; the arguments are the hint in both languages."""


def _watched(answer):
    """The same answer with its functions watched; raises `_NotAnsweredError` at a `...`."""
    if answer is ...:
        raise _NotAnsweredError
    if type(answer) in (tuple, list):
        return type(answer)(_watched(part) for part in answer)
    if type(answer) is dict:
        return {key: _watched(part) for key, part in answer.items()}
    return _watched_function(answer) if inspect.isfunction(answer) else answer


def _watched_function(function):
    name = function.__name__

    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            raise _StoppedError(
                f"Your `{name}` stopped{_line(error)} with {_named(error)}.",
                f"你的 `{name}` 运行出错：{_named(error)}。",
            ) from error
        if result is None:
            raise _StoppedError(
                f"Your `{name}` returned nothing: does it end in `return`?",
                f"你的 `{name}` 没有返回值：最后写 `return` 了吗？",
            )
        _watched(result)  # `return ...` is the stub
        return result

    return call


def _line(error):
    inside = error.__traceback__.tb_next  # the first is our own call
    return f" in line {inside.tb_lineno}" if inside else ""


def _named(error):
    first_line = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__

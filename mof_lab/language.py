"""The language of the interface: English, or Chinese, for the whole session."""

from .errors import LabError

LANGUAGES = ("en", "zh")
_chosen = "en"


def language(code=None):
    """Sets the interface language ("en" or "zh") when a code is given; returns the current one."""
    global _chosen
    if code is not None:
        if code not in LANGUAGES:
            raise LabError(
                f"There is no interface language {code!r}; choose one of {', '.join(LANGUAGES)}."
            )
        _chosen = code
    return _chosen


def say(english, chinese):
    """The one of two texts that is in the interface language."""
    return chinese if _chosen == "zh" else english

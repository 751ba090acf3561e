"""The language of the interface: English, or Chinese, for the whole session."""

from .errors import LabError
from .followers import Followers

LANGUAGES = ("en", "zh")
_chosen = None
_following = Followers()


def language(code=None):
    """Sets the interface language ("en" or "zh") when a code is given; returns the current one.

    Widgets that are on the screen follow. As long as none was set, they speak JupyterLab's.
    """
    global _chosen
    if code is not None:
        if code not in LANGUAGES:
            raise LabError(
                f"There is no interface language {code!r}; choose one of {', '.join(LANGUAGES)}."
            )
        _chosen = code
        _following.tell(lambda follower: setattr(follower, "language", code))
    return _chosen or LANGUAGES[0]


def follow(follower):
    """Keeps the attribute `language` of an object at the chosen one; "" while none is chosen."""
    _following.add(follower)
    follower.language = _chosen or ""


def say(english, chinese):
    """The one of two texts that is in the interface language."""
    return chinese if language() == "zh" else english


def beside(english, chinese):
    """Two texts beside each other; once a language was chosen, the one in it alone."""
    return say(english, chinese) if _chosen else f"{english} {chinese}"

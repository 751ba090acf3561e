"""The language of the interface: English, or Chinese, for the whole session."""

from .errors import LabError
from .followers import Followers

LANGUAGES = ("en", "zh")
_chosen = None
_page = None  # what the page of a widget spoke when it said hello
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


def page_speaks(code):
    """Notes the language of a page, such as JupyterLab's, which widgets speak until one is chosen.

    One that the interface does not speak is none to note.
    """
    global _page
    if code in LANGUAGES:
        _page = code


def alone():
    """The one language of pictures: the chosen one, or Chinese on a Chinese page; None = both."""
    return _chosen or ("zh" if _page == "zh" else None)


def shown(english, chinese):
    """Those of two texts that a picture shows: one if it is spoken `alone`, else both, a tuple."""
    return {"en": (english,), "zh": (chinese,)}.get(alone(), (english, chinese))


def beside(english, chinese):
    """Two texts beside each other, or one of them `alone`."""
    return " ".join(shown(english, chinese))


def short(english, chinese):
    """One of two texts, where both are too many: English, unless Chinese is spoken `alone`."""
    return shown(english, chinese)[0]

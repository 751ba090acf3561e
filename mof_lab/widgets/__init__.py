"""What a notebook shows to be used with mouse and keyboard.

from mof_lab.widgets import Chat
Chat(shipped("tiny"))

base.py     Panel: what every widget has: language, theme, status, errors, a snapshot
texts.py    every word of the interface, in English and Chinese
chat.py     Chat, SideBySide
explorer.py Explorer: what happens inside, on one axis of characters
*.js, *.css what runs in the browser: plain modules, no build step, nothing from a network
"""

import importlib

_WHERE = {"Chat": "chat", "SideBySide": "chat", "Explorer": "explorer", "Panel": "base"}

__all__ = list(_WHERE)


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)

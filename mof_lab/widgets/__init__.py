"""What a notebook shows to be used with mouse and keyboard.

from mof_lab.widgets import Chat
Chat(shipped("tiny"))

base.py     Panel: what every widget has: language, theme, status, errors, a snapshot
texts.py    every word of the interface, in English and Chinese; texts_*.py those of one widget
chat.py     Chat       side_by_side.py  SideBySide
training.py TrainingPanel, Replay
explorer.py Explorer: what happens inside, on one axis of characters
vocabulary.py VocabularyPanel: how many characters to keep, and what is known then
tour.py     Tour: what to look at and to do, step by step       tours.py  the steps
deeds.py    what people do with a widget, told to the tour      glossary.py  the terms it names
upload.py   Upload: a text of your own, and what it is good for
download.py Download: what was made, in one zip
*.js, *.css what runs in the browser: plain modules, no build step, nothing from a network
"""

import importlib

_WHERE = {
    "Chat": "chat",
    "SideBySide": "side_by_side",
    "TrainingPanel": "training",
    "Replay": "training",
    "Explorer": "explorer",
    "VocabularyPanel": "vocabulary",
    "Tour": "tour",
    "Upload": "upload",
    "Download": "download",
    "Panel": "base",
}

__all__ = list(_WHERE)


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)

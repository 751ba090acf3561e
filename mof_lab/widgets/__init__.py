"""What a notebook shows to be used with mouse and keyboard.

from mof_lab.widgets import Chat
Chat(shipped("tiny"))

CONTRIBUTING.md has the map of this folder. What runs in the browser is in *.js and *.css: plain
modules, no build step, nothing from a network.
"""

import importlib

_WHERE = {
    "Chat": "chat",
    "SideBySide": "side_by_side",
    "TrainingPanel": "training",
    "Replay": "training",
    "Task": "task",
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

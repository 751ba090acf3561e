"""Which cell made a panel and which ones show it: one that is run again leaves nothing behind.

JupyterLab clears a cell's output when it runs again, and with it the Stop of what runs there;
ipywidgets keep every widget until it is closed, and with it here a model. So a panel gives way
when the cell that made it makes another one of its class, unless a cell shows it.
"""

import weakref

from .. import jobs

_newest = {}  # cell → its newest execution that made or showed a panel
_made = {}  # cell → {panel: (its class, execution)}, of those that it made
_shown = weakref.WeakKeyDictionary()  # panel → {cell: execution}


def made(panel):
    """A panel is being made: those in whose place it comes give way."""
    cell, execution = _executing()
    if cell is None:
        return
    _newest[cell] = execution
    there = _made.setdefault(cell, weakref.WeakKeyDictionary())
    for older, (kind, when) in list(there.items()):
        if kind is type(panel) and when != execution and not _is_shown(older):
            older.give_way()
            _forget(older)
    there[panel] = type(panel), execution  # anywidget gives each one a class of its own later


def shown(panel):
    """A panel is being displayed."""
    cell, execution = _executing()
    if cell is not None:
        _newest[cell] = execution
        _shown.setdefault(panel, {})[cell] = execution


def _executing():
    """(id of the cell, of its execution), as JupyterLab says; (None, None) where nobody does."""
    kernel = jobs.kernel()
    request = kernel.get_parent() if hasattr(kernel, "get_parent") else None
    cell = ((request or {}).get("metadata") or {}).get("cellId")
    return (cell, request["header"]["msg_id"]) if cell else (None, None)


def _is_shown(panel):
    return any(_newest[cell] == when for cell, when in _shown.get(panel, {}).items())


def _forget(panel):
    """IPython keeps what the last line of a cell gave, as Out[5] and as _5."""
    names = jobs.kernel().shell.user_ns
    outputs = names.get("_oh", {})
    for number in [number for number, value in outputs.items() if value is panel]:
        del outputs[number]
        names.pop(f"_{number}", None)

"""The view of packed windows: which documents share one, and what of it is learnt.

Import it from `views`, where all views are.
"""

from itertools import groupby

import numpy as np

from . import drawing as draw
from .drawing import View, checked
from .language import beside, short
from .packing import ANSWER
from .tables import bar, table
from .vocabulary import BEGIN, PADDING

LANE, STEP = 18, 26  # height of a window, from one to the next, pixels
PARTS = ("begin", "context", "learnt", "padding")
#: What stands at a place, in words.
WORDS = {
    "begin": ("begin", "开始"),
    "context": ("context", "上文"),
    "learnt": ("learnt", "学习"),
    "padding": ("padding", "空位"),
}


def packing(tokens, roles, first=0):
    """Windows of packed documents, a lane each, with the loss mask.

    Args:
        tokens: (windows, length), as `packing.Windows.tokens`.
        roles: (windows, length), as `packing.Windows.roles`.
        first: number of the first of these windows, for the labels.
    """
    tokens = checked("tokens", tokens, (None, None)).astype(int)
    roles = checked("roles", roles, tokens.shape).astype(int)
    parts = _parts(tokens, roles)
    total = {name: int(np.sum(parts == name)) for name in PARTS}
    signs = [
        (draw.swatch(draw.ACCENT), f"{beside('document', '文档')} · {total['begin']:,}"),
        (_low, f"{beside(*WORDS['context'])} · {total['context']:,}"),
        (draw.swatch(draw.COLOURS[0]), f"{beside(*WORDS['learnt'])} · {total['learnt']:,}"),
        (_empty, f"{beside(*WORDS['padding'])} · {total['padding']:,}"),
    ]
    drawn, top = draw.legend(signs, draw.TOP)
    cell = (draw.WIDTH - draw.LEFT - draw.MARGIN) / tokens.shape[1]
    rows = []
    for number, names in enumerate(parts):
        y = top + 6 + number * STEP
        drawn.append(draw.text(draw.LEFT - 8, y + 13, str(first + number), 11, draw.MUTED, "end"))
        drawn += _lane(y, cell, names, first + number)
        count = {name: int(np.sum(names == name)) for name in PARTS}
        # A window may open with the rest of a document that was cut: that has no beginning.
        documents = count["begin"] + int(names[0] != "begin" and names[0] != "padding")
        share = count["learnt"] / len(names)
        rows.append(
            [
                str(first + number),
                str(documents),
                str(count["context"]),
                f"{count['learnt']} {bar(share, 12)}",
                str(count["padding"]),
            ]
        )
    end = draw.LEFT + cell * tokens.shape[1]
    bottom = top + 6 + len(parts) * STEP
    drawn += [
        draw.text(draw.LEFT, bottom + 10, "0", 10, draw.MUTED),
        draw.text(end, bottom + 10, str(tokens.shape[1] - 1), 10, draw.MUTED, "end"),
    ]
    svg = draw.page(
        beside("Packed windows and their loss mask", "打包的窗口与损失掩码"),
        beside(
            "In chat tuning tall counts in the loss and low is only read.",
            "对话微调时，高：计入损失；矮：只读；空：填充。",
        ),
        drawn,
        bottom + 24,
    )
    header = [beside("window", "窗口"), beside("documents", "文档")]
    header += [beside(*WORDS[name]) for name in PARTS[1:]]
    return View(svg, table(header, rows))


def _parts(tokens, roles):
    """The name of what stands at each place, (windows, length); see `PARTS`."""
    choices = [tokens == PADDING, tokens == BEGIN, roles == ANSWER]
    return np.select(choices, ["padding", "begin", "learnt"], "context")


def _lane(top, cell, names, number):
    """One window: runs of places of one kind as one rectangle."""
    bottom, x = top + LANE, draw.LEFT
    drawn = [draw.line(x, bottom, x + cell * len(names), bottom)]
    looks = {
        "begin": (LANE, draw.ACCENT),
        "context": (6, "#b9b6ab"),
        "learnt": (LANE - 3, draw.COLOURS[0]),
    }
    at = 0
    for name, run in groupby(names):
        size = len(list(run))
        if name in looks:
            height, fill = looks[name]
            where = f"{short('window', '窗口')} {number}, {at}–{at + size - 1}"
            title = f"{where}: {short(*WORDS[name])}"
            left, width = x + at * cell, size * cell
            drawn.append(draw.rect(left, bottom - height, width, height, fill, title))
        at += size
    return drawn


def _low(x, y):
    return draw.rect(x, y + 1, 22, 6, "#b9b6ab")


def _empty(x, y):
    return draw.line(x, y + 7, x + 22, y + 7, draw.MUTED)

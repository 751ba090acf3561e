"""The view of a conversation: what was said, and under each character of an answer who was trusted.

Import it from `views`, where all views are.
"""

import math
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from . import drawing as draw
from .drawing import View
from .errors import LabError
from .language import beside
from .tables import MEANINGS, bar, mark, table

BAR = 15  # height of a split bar, pixels


class Room(NamedTuple):
    """What the picture of a conversation keeps room for."""

    lines: tuple = ()  # for the answers to each question, one after the other
    marks: frozenset = frozenset()  # that are explained
    bars: bool = False  # under the characters of answers


def room(several):
    """The `Room` in which pictures of several conversations have one height, and stand still.

    Args:
        several: of `exchanges`, as `conversation` takes them.
    """
    lines, symbols, bars = {}, set(), False
    for exchanges in several:
        for i, (question, answers) in enumerate(exchanges):
            symbols.update(_symbols(question, answers))
            for _, characters in answers:
                lines[i] = max(lines.get(i, 1), math.ceil(len(characters) / draw.PER_LINE))
                bars = bars or any(c.router_weights for c in characters)
    return Room(tuple(lines.values()), frozenset(symbols & set(MEANINGS)), bars)


def conversation(exchanges, experts, title=None, kept=None):
    """Questions and their answers, of one model or of several beside each other.

    Args:
        exchanges: of (question, answers); answers: of (who, characters), the characters being
            `explanation.Explanation`s, with or without weights.
        experts: names, in the order of the weights.
        title: None = that it is a conversation.
        kept: a `Room`; None = no more than it takes.
    """
    if not exchanges:
        raise LabError("The conversation is empty; say something first.")
    kept = kept or room([exchanges])._replace(lines=())
    parts, note, top = [], "", draw.top_below("")
    if kept.bars:
        note = beside(
            "Under each character: the experts' shares, in order from the bottom.",
            "字下的彩条：自下而上依次为各位专家的权重。",
        )
        signs = [draw.swatch(draw.COLOURS[i % len(draw.COLOURS)]) for i in range(len(experts))]
        parts, top = draw.legend(list(zip(signs, experts, strict=True)), draw.TOP)
    area, rows, you = BAR * kept.bars, [], beside("you", "你")
    for (question, answers), lines in zip_longest(exchanges, kept.lines[: len(exchanges)]):
        top = _said(parts, you, list(question), top + 6, 0)[1]
        rows.append([you, question, *("" for _ in experts)])
        for who, characters in answers:
            symbols = [c.symbol for c in characters]
            places, top = _said(parts, who, symbols, top, area, lines or 0)
            parts += _split_bars(places, [c.router_weights for c in characters])
            rows.append([who, "".join(symbols), *_shares(characters, experts)])
    notes, top = draw.explain(kept.marks, top)
    parts += notes
    svg = draw.page(title or beside("A conversation", "一段对话"), note, parts, top + 8)
    return View(svg, table([beside("who", "谁"), beside("text", "文字"), *experts], rows))


def _said(parts, who, symbols, top, area, lines=0):
    """Adds who said what; gives the place of each character's bar and where the next may begin.

    That is below so many lines at least.
    """
    least = top + 12 + lines * (area + 32)
    parts.append(draw.text(draw.LEFT, top + 10, who, 11, draw.MUTED, weight="bold"))
    if not symbols:
        parts.append(draw.text(draw.LEFT, top + 28, f"({beside('nothing', '无')})", 11, draw.MUTED))
        return [], max(top + 38, least)
    places, top = [], top + 12
    look = {"font_size": 14, "fill": draw.INK, "text_anchor": "middle"}
    for start in range(0, len(symbols), draw.PER_LINE):
        line, spans = symbols[start : start + draw.PER_LINE], []
        for column, symbol in enumerate(line):
            x, shown = draw.LEFT + column * draw.CELL, mark(symbol)
            size = None if len(shown) == 1 else 10
            middle = round(x + draw.CELL / 2, 1)
            spans.append(draw.element("tspan", draw.escape(shown), x=middle, font_size=size))
            places.append((x, top + 21))
        parts.append(draw.element("text", "".join(spans), y=top + 15, **look))
        top += area + 32
    return places, max(top, least)


def _symbols(question, answers):
    return [*question, *(c.symbol for _, characters in answers for c in characters)]


def _split_bars(places, weights):
    """One path an expert, however long the text: a conversation has to stay small."""
    drawn = {}
    for (x, y), shares in zip(places, weights, strict=True):
        edge = y + BAR
        for i, share in enumerate(shares):
            height = share * BAR
            drawn.setdefault(i, []).append(
                f"M{x + 1:.1f} {edge:.1f}h{draw.CELL - 2:.1f}v{-height:.1f}h{2 - draw.CELL:.1f}z"
            )
            edge -= height
    return [
        draw.element("path", d="".join(d), fill=draw.COLOURS[i % len(draw.COLOURS)])
        for i, d in drawn.items()
    ]


def _shares(characters, experts):
    """The mean weight of each expert over an answer, as a number and a bar."""
    known = [c.router_weights for c in characters if c.router_weights]
    if not known:
        return ["" for _ in experts]
    return [f"{mean:.3f} {bar(mean, 12)}" for mean in np.mean(known, axis=0)]

"""The text side of a view: what can be shown of a symbol, aligned tables, bars of blocks."""

import html
import unicodedata

import numpy as np

from .vocabulary import SPECIAL_NAMES

#: One character for each special token, in the order of `SPECIAL_NAMES`.
MARKS = dict(zip(SPECIAL_NAMES, "·▩◆▷▶■", strict=True))
MEANINGS = {
    "⟨pad⟩": "padding 填充",
    "⟨begin⟩": "begin 开始",
    "⟨user⟩": "user 用户",
    "⟨assistant⟩": "assistant 助手",
    "⟨end⟩": "end 结束",
    "▩": "unknown 未知",
    " ": "space 空格",
}


def visible(text):
    """The text with everything that can't be seen, or breaks XML, as a visible stand-in."""
    return "".join(_visible(c) for c in text)


def _visible(c):
    if c == "\n":
        return "↵"
    hidden = unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "\ufffd" if hidden or ord(c) & 0xFFFE == 0xFFFE else c


def mark(symbol):
    """What stands for a symbol where one character fits."""
    if symbol == " ":
        return "␣"
    shown = visible(MARKS.get(symbol, symbol))
    if shown and unicodedata.category(shown[0]).startswith("M"):
        return "◌" + shown  # a combining sign needs something to stand on
    return shown if len(shown) <= 1 else shown[0] + "…"


def columns(text):
    """The width of a text in a terminal."""
    return sum(
        0
        if unicodedata.category(c) in ("Mn", "Me")
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


class Table(str):
    """A text table, that a notebook shows as one of its own.

    There it has to be: in a browser a Chinese character is not as wide as two Latin ones.
    """

    def __new__(cls, header, rows):
        cells = [[visible(str(cell)) for cell in row] for row in (header, *rows)]
        widths = [max(columns(row[i]) for row in cells) for i in range(len(header))]
        lines = [
            "  ".join(cell + " " * (w - columns(cell)) for cell, w in zip(row, widths, strict=True))
            for row in cells
        ]
        lines.insert(1, "─" * (sum(widths) + 2 * (len(widths) - 1)))
        self = super().__new__(cls, "\n".join(line.rstrip() for line in lines))
        self.cells = cells
        return self

    def _repr_mimebundle_(self, include=None, exclude=None):
        parts = []
        for i, row in enumerate(self.cells):
            kind = "td" if i else "th"
            cells = (f'<{kind} style="{_style(c)}">{html.escape(c)}</{kind}>' for c in row)
            parts.append(f"<tr>{''.join(cells)}</tr>")
        return {"text/plain": str(self), "text/html": f"<table>{''.join(parts)}</table>"}


def _style(cell):
    """Of a cell in HTML; spaces are kept where they would be drawn as one, or not at all."""
    keep = "" if cell == " ".join(cell.split()) else "; white-space: pre-wrap"
    return f"text-align: left{keep}"


def table(header, rows):
    """Rows of strings as a `Table` with aligned columns."""
    return Table(header, rows)


def bar(share, width=20):
    """A share in [0, 1] as a bar of block characters."""
    eighths = round(min(1.0, max(0.0, float(share))) * width * 8) if share == share else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + " ▏▎▍▌▋▊▉"[rest].strip()


def sparkline(values):
    """A series as a line of block characters."""
    values = np.asarray(values, float)
    low, span = values.min(), np.ptp(values) or 1.0
    return "".join("▁▂▃▄▅▆▇█"[round(float((v - low) / span * 7))] for v in values)

"""What the views are drawn with: SVG elements as strings, and a small PNG encoder.

Everything is set by presentation attributes, so a picture looks the same in a notebook, on a
code host and in a file. Lengths are in pixels of a picture 720 wide.
"""

import base64
import html
import math
import re
import struct
import unicodedata
import zlib
from numbers import Real

import numpy as np

from .errors import LabError
from .language import beside
from .tables import MARKS, MEANINGS, mark, visible
from .view import FONT, View

WIDTH, MARGIN, LEFT = 720, 20, 56
PER_LINE = 36  # characters a line
CELL = (WIDTH - LEFT - MARGIN) / PER_LINE
PAPER, INK, MUTED, FAINT, ACCENT = "#fbfaf7", "#1f2933", "#52606d", "#d5d2c8", "#b4441c"
ON_LIGHT = "#10161e"  # ink on a bar that is light in both themes: no style sheet changes it
#: Colours that differ in lightness too; dashes and markers go with them, never hue alone.
COLOURS = ("#1d4e89", "#e08e36", "#4f9d8a", "#7a2e4d", "#7b8794", "#5b7f2b")
DASHES = ("none", "7 3", "2 3", "9 3 2 3", "5 5", "1 2")


def escape(text):
    """Text of a user or a model, safe inside XML."""
    return html.escape(visible(text))


# ---- SVG --------------------------------------------------------------------------------------


def element(name, content="", **attributes):
    """An SVG element; numbers are rounded, `_` in a name is `-`, None leaves one out."""
    parts = [
        f' {key.replace("_", "-")}="{_number(v) if isinstance(v, Real) else escape(v)}"'
        for key, v in attributes.items()
        if v is not None
    ]
    return (
        f"<{name}{''.join(parts)}>{content}</{name}>" if content else f"<{name}{''.join(parts)}/>"
    )


def _number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def text(x, y, content, size=12, fill=INK, anchor=None, weight=None):
    """A line of text, y at its baseline."""
    attributes = {"font_size": size, "fill": fill, "text_anchor": anchor, "font_weight": weight}
    return element("text", escape(content), x=x, y=y, **attributes)


def rect(x, y, width, height, fill, title=None, **attributes):
    """A rectangle; the title is shown on hovering and read by screen readers."""
    content = element("title", escape(title)) if title else ""
    return element("rect", content, x=x, y=y, width=width, height=height, fill=fill, **attributes)


def line(x1, y1, x2, y2, stroke=FAINT, dash=None):
    """A thin line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_dasharray=dash)


def text_width(content, size):
    """About how wide a text will be; rather too wide than too narrow."""
    return size * sum(
        1.0 if unicodedata.east_asian_width(c) in "WFA" else 0.66 if c.isupper() else 0.56
        for c in visible(content)
    )


def fit(content, width, size):
    """The text, cut with … where it would not fit."""
    if text_width(content, size) <= width:
        return content
    while content and text_width(content + "…", size) > width:
        content = content[:-1]
    return content + "…"


def page(title, note, parts, height, **attributes):
    """The whole picture, on a light ground of its own: title, one line of explanation, parts."""
    body = [
        rect(0.5, 0.5, WIDTH - 1, height - 1, PAPER, stroke=FAINT, rx=6),
        text(MARGIN, 29, title, 16, weight="bold"),
        *([text(MARGIN, 49, note, 11.5, MUTED)] if note else []),
        *parts,
    ]
    return element(
        "svg",
        "\n".join(body),
        xmlns="http://www.w3.org/2000/svg",
        width=WIDTH,
        height=height,
        viewBox=f"0 0 {WIDTH} {_number(height)}",
        role="img",
        aria_label=title,
        font_family=FONT,
        **attributes,
    )


def stacked(views):
    """Several `View`s as one, each below the one before."""
    if not views:
        raise LabError("There is no view to show; give at least one.")
    top, parts = 0.0, []
    for view in views:
        height = float(re.match(r'<svg [^>]*? height="([\d.]+)"', view.svg)[1])
        parts.append(view.svg.replace("<svg ", f'<svg y="{_number(top)}" ', 1))
        top += height + 8
    svg = element(
        "svg",
        "\n".join(parts),
        xmlns="http://www.w3.org/2000/svg",
        width=WIDTH,
        height=top - 8,
        viewBox=f"0 0 {WIDTH} {_number(top - 8)}",
        role="img",
        aria_label="MoF Lab",
    )
    return View(svg, "\n\n".join(view.text for view in views))


TOP = 66  # where the parts below title and note begin


def top_below(note):
    """Where the parts begin: higher up when there is no note."""
    return TOP if note else TOP - 18


def legend(entries, top):
    """Names with their signs, side by side.

    Args:
        entries: (sign, name); a sign is a function (x, y) → SVG, 22 wide around the height y.

    Returns:
        SVG parts and where the next thing may begin.
    """
    parts, x, y = [], MARGIN, top + 10
    for sign, name in entries:
        width = 28 + text_width(name, 12) + 18
        if x + width > WIDTH and x > MARGIN:
            x, y = MARGIN, y + 20
        parts += [sign(x, y), text(x + 28, y + 4.5, fit(name, WIDTH - MARGIN - 28 - x, 12))]
        x += width
    return parts, y + 18


def swatch(fill, **attributes):
    """A sign for `legend`: a small filled square."""
    return lambda x, y: rect(x, y - 7, 22, 14, fill, **attributes)


def write(symbols, top, area):
    """Symbols in lines of `PER_LINE`, with room under each for something to show about it.

    Args:
        area: height of the room under each line of symbols.

    Returns:
        SVG parts, the top left corner (x, y) of each symbol's room, where the next thing may
        begin. The special tokens that occur are explained at the end.
    """
    lines, places = {}, []
    for i, symbol in enumerate(symbols):
        row, column = divmod(i, PER_LINE)
        x, y = LEFT + column * CELL, top + row * (area + 32)
        shown = mark(symbol)
        own = {"fill": MUTED if symbol in MARKS or symbol == " " else None}
        own["font_size"] = None if len(shown) == 1 else 10
        written = element("text", escape(shown), x=x + CELL / 2, y=y + 15, **own)
        lines.setdefault(row, []).append(written)
        places.append((x, y + 21))
    parts = [  # what a line's symbols have in common is said once
        element("g", "".join(line), font_size=14, fill=INK, text_anchor="middle")
        for line in lines.values()
    ]
    notes, bottom = explain(symbols, places[-1][1] + area + 10)
    return parts + notes, places, bottom


def line_tops(places):
    """The height of each line of rooms that `write` gave."""
    return sorted({y for _, y in places})


def explain(symbols, top):
    """One line saying what the marks of special tokens stand for, if there are any."""
    used = [name for name in MEANINGS if name in set(symbols)]
    if not used:
        return [], top + 6
    return [
        text(
            MARGIN,
            top + 14,
            "  ·  ".join(f"{mark(n)} {beside(*MEANINGS[n].split())}" for n in used),
            11,
            MUTED,
        )
    ], top + 28


def nice_ticks(low, high, count=5):
    """Round numbers that cover low … high."""
    if high - low < 1e-8:  # ticks have ten digits after the point: these would be one and the same
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / count
    base = 10.0 ** math.floor(math.log10(raw))
    step = next(base * m for m in (1, 2, 5, 10) if base * m >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def axes(box, x_ticks, y_ticks, x_label, y_label):
    """Axes with ticks [(pixel, label), …] around a box (left, top, width, height)."""
    left, top, width, height = box
    parts = [text(left - 44, top - 10, y_label, 11.5, MUTED)] if y_label else []
    for y, label in y_ticks:
        parts += [line(left, y, left + width, y), text(left - 8, y + 4, label, 11, MUTED, "end")]
    for x, label in x_ticks:
        parts += [
            line(x, top + height, x, top + height + 4, MUTED),
            text(x, top + height + 18, label, 11, MUTED, "middle"),
        ]
    parts.append(line(left, top + height, left + width, top + height, MUTED))
    if x_label:
        middle = left + width / 2
        parts.append(text(middle, top + height + 38, x_label, 11.5, MUTED, "middle"))
    return parts


def path(points, stroke, dash="none", width=2):
    """A line through points (pixels)."""
    d = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return element(
        "path", d=d, fill="none", stroke=stroke, stroke_width=width, stroke_dasharray=dash
    )


_SHAPES = (
    "M-4 0 A4 4 0 1 1 4 0 A4 4 0 1 1 -4 0 Z",
    "M-4 -4 H4 V4 H-4 Z",
    "M0 -5 L5 4 H-5 Z",
    "M0 -5.5 L5.5 0 L0 5.5 L-5.5 0 Z",
    "M0 5 L5 -4 H-5 Z",
    "M-1.5 -5 H1.5 V-1.5 H5 V1.5 H1.5 V5 H-1.5 V1.5 H-5 V-1.5 H-1.5 Z",
)


def marker(x, y, index, title=None):
    """The sign of the index-th series at a point."""
    return element(
        "path",
        element("title", escape(title)) if title else "",
        d=_SHAPES[index % len(_SHAPES)],
        transform=f"translate({x:.1f} {y:.1f})",
        fill=COLOURS[index % len(COLOURS)],
        stroke=PAPER,
    )


def checked(name, values, shape):
    """An array of the expected shape (None = any length, but not empty)."""
    values = np.asarray(values, float)
    fits = len(values.shape) == len(shape) and all(
        want in (None, have) for have, want in zip(values.shape, shape, strict=True)
    )
    if not fits or not values.size:
        wanted = " × ".join("any" if n is None else str(n) for n in shape)
        raise LabError(
            f"{name} has the shape {values.shape}; expected {wanted} numbers, and not none: "
            "take arrays of one trace, of a model that has the part shown."
        )
    return values


# ---- heat maps --------------------------------------------------------------------------------

_STOPS = np.array([[246, 244, 238], [190, 209, 224], [98, 143, 186], [38, 80, 132], [12, 28, 58]])
#: 256 colours from light to dark, (256, 3): they keep their order in grey, too.
PALETTE = np.stack(
    [np.interp(np.linspace(0, 4, 256), range(5), _STOPS[:, i]) for i in range(3)], axis=-1
).astype(np.uint8)


def shade(value):
    """The colour of a value in [0, 1]."""
    return "#{:02x}{:02x}{:02x}".format(*PALETTE[round(min(1.0, max(0.0, float(value))) * 255)])


def png(values):
    """Values in [0, 1], (height, width), as the bytes of a PNG with `PALETTE`."""
    indices = np.round(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8)
    height, width = indices.shape
    lines = np.pad(indices, ((0, 0), (1, 0))).tobytes()  # a filter byte 0 before each line

    def chunk(kind, content):
        content = kind + content
        size = struct.pack(">I", len(content) - 4)
        return size + content + struct.pack(">I", zlib.crc32(content))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", PALETTE.tobytes())
        + chunk(b"IDAT", zlib.compress(lines, 9))
        + chunk(b"IEND", b"")
    )


def heat_map(x, y, width, height, values):
    """Values in [0, 1], (rows, columns), as an inlined picture."""
    data = base64.b64encode(png(values)).decode("ascii")
    return element(
        "image",
        x=x,
        y=y,
        width=width,
        height=height,
        preserveAspectRatio="none",
        image_rendering="pixelated" if width >= values.shape[1] else "auto",
        href=f"data:image/png;base64,{data}",
    )


def scale(top, labels, name):
    """A legend of the heat map's colours: a name, then a strip with a label under each part.

    Args:
        labels: what evenly spaced shades from lightest to darkest mean.
    """
    left, width = MARGIN + text_width(name, 11.5) + 12, 180
    parts = [
        text(MARGIN, top + 11, name, 11.5, MUTED),
        heat_map(left, top, width, 12, np.linspace(0, 1, 64)[None]),
    ]
    for i, label in enumerate(labels):
        x = left + width * i / (len(labels) - 1)
        parts.append(text(x, top + 25, label, 10, MUTED, "middle"))
    return parts, top + 36

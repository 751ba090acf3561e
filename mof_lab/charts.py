"""Charts that are not about single characters: bars, shares, curves, frequencies, a roofline.

Import them from `views`, where all views are.
"""

import math
from itertools import accumulate

import numpy as np

from . import drawing as draw
from .drawing import View
from .errors import LabError
from .language import beside, short, shown
from .tables import bar, mark, sparkline, table, visible
from .zoom import Chart, lines

LABELS = 190  # width of the column of labels


def bars(labels, values, title=None, note="", maximum=None, notes=None):
    """Horizontal bars with their numbers.

    Args:
        labels, values: one a bar; values are ≥ 0.
        maximum: what a full bar stands for; None = the largest value.
        notes: texts to write instead of the numbers, one a bar.
        title: None = that these are values.
    """
    title = title or beside("Values", "数值")
    values = [float(v) for v in values]
    _expect(labels, values, "labels and values")
    notes = [f"{v:,.3g}" for v in values] if notes is None else list(notes)
    _expect(labels, notes, "labels and notes")
    full = maximum or max(values) or 1.0
    room = max(draw.text_width(n, 12) for n in notes)
    left = draw.MARGIN + LABELS
    width = max(80.0, draw.WIDTH - draw.MARGIN - left - 10 - room)
    parts, top = [], draw.top_below(note)
    for i, (label, value, note_here) in enumerate(zip(labels, values, notes, strict=True)):
        y, size = top + i * 24, min(1.0, value / full) * width
        parts += [
            _label(label, y + 14),
            draw.rect(left, y + 2, width, 16, "#ecebe4"),
            draw.rect(left, y + 2, size, 16, draw.COLOURS[0], f"{label}: {note_here}"),
            draw.text(left + width + 10, y + 14, note_here, 12),
        ]
    svg = draw.page(title, note, parts, top + len(values) * 24 + 12)
    rows = [[b, bar(v / full), n] for b, v, n in zip(labels, values, notes, strict=True)]
    return View(
        svg,
        f"{visible(title)}\n" + table([beside("item", "项目"), "", beside("value", "数值")], rows),
    )


def shares(labels, weights, names, title=None, note=""):
    """One split bar a label; the parts of each sum to one.

    Args:
        weights: (labels, names).
        names: of the parts, in their order from left to right.
        title: None = that these are router weights.
    """
    title = title or beside("Router weights", "路由权重")
    _expect(labels, weights, "labels and weights")
    signs = [draw.swatch(draw.COLOURS[i % len(draw.COLOURS)]) for i in range(len(names))]
    parts, top = draw.legend(list(zip(signs, names, strict=True)), draw.top_below(note))
    left = draw.MARGIN + LABELS
    width = draw.WIDTH - draw.MARGIN - left
    for row, (label, shares_here) in enumerate(zip(labels, weights, strict=True)):
        _expect(names, shares_here, "names and the weights of a label")
        y = top + row * 28 + 6
        parts.append(_label(label, y + 15))
        starts = accumulate(shares_here, initial=0.0)
        for i, (share, start) in enumerate(zip(shares_here, starts, strict=False)):
            size, x = share * width, left + start * width
            title_here = f"{label}, {names[i]}: {share:.3f}"
            colour = draw.COLOURS[i % len(draw.COLOURS)]
            parts.append(draw.rect(x, y, size, 20, colour, title_here, stroke=draw.PAPER))
            if size > 36:
                ink = draw.PAPER if i % len(draw.COLOURS) in (0, 3, 5) else draw.ON_LIGHT
                parts.append(draw.text(x + size / 2, y + 14.5, f"{share:.2f}", 12, ink, "middle"))
    svg = draw.page(title, note, parts, top + len(labels) * 28 + 16)
    rows = [
        [label, *(f"{w:.3f} {bar(w, 12)}" for w in weights_here)]
        for label, weights_here in zip(labels, weights, strict=True)
    ]
    return View(svg, f"{visible(title)}\n" + table(["", *names], rows))


def curves(series, x_label="", y_label="", title=None, note=""):
    """Lines through points, each with its own colour, dashes and marker; JupyterLab zooms them.

    Args:
        series: name → [(x, y), …]; points whose y is None are left out.
        title: None = that these are curves.
    """
    title = title or beside("Curves", "曲线")
    series = {n: [(x, y) for x, y in points if y is not None] for n, points in series.items()}
    points = [point for values in series.values() for point in values]
    if not points:
        raise LabError("There is no point to draw; give at least one (x, y).")
    looks = [(draw.COLOURS[i % 6], draw.DASHES[i % 6]) for i in range(len(series))]
    parts, top = draw.legend(
        [(_sample(i, *look), n) for i, (n, look) in _looks(series, looks)], draw.top_below(note)
    )
    xs, ys = (draw.nice_ticks(*_range(axis)) for axis in zip(*points, strict=True))
    left = max(64.0, draw.MARGIN + 10 + max(draw.text_width(f"{y:,g}", 11) for y in ys))
    box = (left, top + 26.0, draw.WIDTH - left - 36, 250.0)
    to_x, to_y = _projection(box, xs, ys)
    parts += draw.axes(
        box,
        [(to_x(x), f"{x:,g}") for x in xs],
        [(to_y(y), f"{y:,g}") for y in ys],
        x_label,
        y_label,
    )
    rows = []
    for i, (name, (colour, dash)) in _looks(series, looks):
        values = series[name]
        if not values:
            continue
        pixels = [(to_x(x), to_y(y)) for x, y in values]
        parts.append(draw.path(pixels, colour, dash))
        marked = sorted({round(k) for k in np.linspace(0, len(values) - 1, 12)})
        for k in marked:
            title_here = f"{name}: {values[k][0]:,.5g} → {values[k][1]:.4g}"
            parts.append(draw.marker(*pixels[k], i, title_here))
        heights = [y for _, y in values]
        rows.append(
            [
                name,
                f"{heights[0]:.4g}",
                f"{heights[-1]:.4g}",
                f"{min(heights):.4g}",
                sparkline([heights[k] for k in marked]),
            ]
        )
    # Where the lines are, for who wants to point at a place of the x axis: a widget's slider.
    place = " ".join(f"{n:g}" for n in (*box, xs[0], xs[-1]))
    svg = draw.page(title, note, parts, box[1] + box[3] + 54, data_box=place)
    names = (("first", "首"), ("last", "末"), ("lowest", "最低"), ("course", "走势"))
    header = [y_label, *(beside(*name) for name in names)]
    words = f"{visible(title)}\n" + table(header, rows)
    return Chart(svg, words, *lines(series, x_label, y_label, title, note))


def frequency(counts, size):
    """How often the characters of a text occur, by rank, and what a vocabulary covers.

    Args:
        counts: character → times, e.g. a `Counter`.
        size: characters that the vocabulary keeps.
    """
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if not ranked or size < 1:
        raise LabError("There is nothing to draw; give counts of characters and a size above 0.")
    times = np.array([n for _, n in ranked], float)
    coverage = np.cumsum(times) / times.sum()
    size = min(size, len(ranked))
    covered = f"{coverage[size - 1]:.2%}"
    powers = range(int(np.ceil(np.log10(max(10, len(ranked))))) + 1)
    heights = range(int(np.ceil(np.log10(max(10.0, times[0])))) + 1)
    box = (74.0, draw.TOP + 28.0, draw.WIDTH - 74.0 - 30, 270.0)
    to_x, to_y = _projection(box, list(powers), list(heights))
    parts = draw.axes(
        box,
        [(to_x(p), f"{10**p:,}") for p in powers],
        [(to_y(p), f"{10**p:,}") for p in heights],
        beside("rank", "频率名次"),
        beside("times", "出现次数"),
    )
    picked = sorted({round(r) for r in np.geomspace(1, len(ranked), 200)})
    pixels = [(to_x(np.log10(r)), to_y(np.log10(times[r - 1]))) for r in picked]
    edge, bottom = to_x(np.log10(size)), box[1] + box[3]
    covering = f"first {size:,} cover {covered}", f"前 {size:,} 字覆盖 {covered}"
    x_words, side = (edge - 8, "end") if edge > draw.WIDTH / 2 else (edge + 8, "start")
    parts += [
        draw.rect(box[0], box[1], edge - box[0], box[3], "#e4ebf2"),
        draw.line(edge, box[1], edge, bottom, draw.ACCENT, "5 3"),
        draw.path(pixels, draw.COLOURS[0], width=2.5),
    ]
    for up, words in enumerate(reversed(shown(*covering))):
        parts.append(draw.text(x_words, bottom - 9 - 17 * up, words, 12, anchor=side))
    for rank in _landmarks(len(ranked)):
        character, n = ranked[rank - 1]
        x, y = to_x(np.log10(rank)), to_y(np.log10(n))
        parts += [
            draw.marker(x, y, 0, f"{rank}: {character} {n:,}"),
            draw.text(x + 5, y - 8, mark(character), 14),
        ]
    svg = draw.page(
        beside("How often characters occur", "字的频率"),
        beside(
            "Few characters make most of a text: both axes go by factors of ten.",
            "少数的字构成大部分文本；两轴均为对数。",
        ),
        parts,
        bottom + 54,
    )
    rows = [
        [
            f"{rank:,}",
            ranked[rank - 1][0],
            f"{ranked[rank - 1][1]:,}",
            f"{coverage[rank - 1]:7.2%} {bar(coverage[rank - 1])}",
        ]
        for rank in sorted({*_landmarks(len(ranked)), size, len(ranked)})
    ]
    names = (
        ("rank", "名次"),
        ("character", "字"),
        ("times", "次数"),
        ("covered so far", "累计覆盖"),
    )
    header = [beside(*name) for name in names]
    return View(svg, f"{short(*covering)}\n" + table(header, rows))


def roofline(operations, peak, bandwidth, title=None, note=""):
    """What operations reach, under the most that a machine allows (Williams et al. 2009, fig. 1).

    Left of the ridge the memory is too slow for the processor, right of it the processor is the
    limit. Both axes go by factors of ten.

    Args:
        operations: name → (floating-point operations, bytes moved, seconds), all above 0.
        peak: operations a second that the processor can do.
        bandwidth: bytes a second that the memory can give.
        title: None = that it is a roofline.
    """
    title = title or beside("Roofline", "屋顶线")
    numbers = [*(n for values in operations.values() for n in values), peak, bandwidth]
    if not operations or not all(0 < n < math.inf for n in numbers):
        raise LabError(
            "A roofline needs at least one operation, and only numbers above 0: "
            "operations, bytes, seconds, peak and bandwidth."
        )
    points = {
        name: (math.log10(flops / moved), math.log10(flops / seconds / 1e9))
        for name, (flops, moved, seconds) in operations.items()
    }
    ridge, flat = math.log10(peak / bandwidth), math.log10(peak / 1e9)
    xs = _powers([x for x, _ in points.values()] + [ridge])
    ys = _powers([y for _, y in points.values()] + [flat + 0.2])  # room for words above the roof
    box = (74.0, draw.top_below(note) + 28.0, draw.WIDTH - 74.0 - 30, 300.0)
    to_x, to_y = _projection(box, xs, ys)
    parts = draw.axes(
        box,
        [(to_x(p), f"{10.0**p:,g}") for p in xs],
        [(to_y(p), f"{10.0**p:,g}") for p in ys],
        beside("operations a byte", "每字节运算次数"),
        beside("G operations a second", "每秒十亿次运算"),
    )
    edge, bottom = to_x(ridge), box[1] + box[3]
    foot = max(xs[0], ys[0] + ridge - flat)  # where the slope enters the box
    roof = [(foot, flat + foot - ridge), (ridge, flat), (xs[-1], flat)]
    roof = [(to_x(x), to_y(y)) for x, y in roof]
    parts += [
        draw.rect(box[0], box[1], edge - box[0], box[3], "#e4ebf2"),
        draw.path(roof, draw.ACCENT, width=2.5),
    ]
    sides = beside("memory-bound", "受限于内存"), beside("compute-bound", "受限于算力")
    parts += _beside(edge, box[1] + 17, box, *sides)
    pixels = {name: (to_x(x), to_y(y)) for name, (x, y) in points.items()}
    along = np.linspace(roof[0][0], roof[-1][0], 120)
    line = zip(along, np.interp(along, *zip(*roof, strict=True)), strict=True)
    taken = [_around(*point, 5) for point in pixels.values()]
    taken += [_around(*point, 2) for point in line]
    rows = []
    for i, (name, (x, y)) in enumerate(points.items()):
        allowed = min(flat, flat + x - ridge)
        share = 10.0 ** (y - allowed)
        title_here = f"{name}: " + short(
            f"{10.0**x:.3g} operations a byte, {10.0**y:.4g} G a second",
            f"每字节 {10.0**x:.3g} 次运算，每秒 {10.0**y:.4g} 十亿次",
        )
        parts += [draw.marker(*pixels[name], i, title_here), _name(name, *pixels[name], box, taken)]
        bound = beside("memory", "内存") if x < ridge else beside("compute", "算力")
        of_roof = f"{share:4.0%} {bar(share)}"
        rows.append([name, f"{10.0**x:.3g}", f"{10.0**y:.3g}", bound, of_roof])
    svg = draw.page(title, note, parts, bottom + 54)
    header = [
        beside("operation", "运算"),
        beside("a byte", "每字节"),
        short("G a second", "每秒十亿次"),
        beside("bound by", "受限于"),
        short("of the roof", "占屋顶"),
    ]
    return View(svg, f"{visible(title)}\n" + table(header, rows))


def _powers(values):
    """Whole powers of ten around values that are logarithms, evenly spaced, at most nine."""
    low, high = math.floor(min(values)), math.ceil(max(values))
    step = max(1, math.ceil((high - low) / 8))
    return [low + i * step for i in range(max(1, math.ceil((high - low) / step)) + 1)]


def _beside(x, y, box, before, after):
    """Words to both sides of a height line, where they fit."""
    sides = ((before, x - 8, "end", x - box[0]), (after, x + 8, "start", box[0] + box[2] - x))
    return [
        draw.text(at, y, words, 12, draw.MUTED, anchor)
        for words, at, anchor, room in sides
        if draw.text_width(words, 12) + 8 < room
    ]


def _around(x, y, reach):
    """The box (left, top, right, bottom) of a point."""
    return x - reach, y - reach, x + reach, y + reach


def _name(name, x, y, box, taken):
    """A name near its point, where it covers little of the boxes taken; its own is added."""
    name = draw.fit(name, 260, 12)
    width, (left, ceiling) = draw.text_width(name, 12), box[:2]
    end, floor = left + box[2] - width, ceiling + box[3] - 14
    places = []
    for down in (-7, 7, -21, 21, -35):
        top = min(max(y + down, ceiling), floor)
        for start in (x + 9, x - width / 2, x - 9 - width):
            start = min(max(start, left + 2), end)
            places.append((start, top, start + width, top + 14))

    def cost(place):  # nearer is better, in steps of a small overlap
        return 12 * places.index(place) + sum(
            max(0, min(place[2], other[2]) - max(place[0], other[0]))
            * max(0, min(place[3], other[3]) - max(place[1], other[1]))
            for other in taken
        )

    best = min(places, key=cost)
    taken.append(best)
    return draw.text(best[0], best[1] + 11, name, 12)


def _landmarks(count):
    return [r for r in (1, 2, 5, 10, 30, 100, 300, 1000, 3000) if r <= count]


def _expect(one, other, names):
    if len(one) != len(other) or not len(one):
        raise LabError(
            f"{names}: there are {len(one)} and {len(other)}; expected as many of both, at least 1."
        )


def _label(label, y):
    return draw.text(draw.MARGIN, y, draw.fit(label, LABELS - 12, 12), 12)


def _range(values):
    return min(values), max(values)


def _looks(series, looks):
    return enumerate(zip(series, looks, strict=True))


def _sample(index, colour, dash):
    def sign(x, y):
        return draw.path([(x, y), (x + 22, y)], colour, dash) + draw.marker(x + 11, y, index)

    return sign


def _projection(box, xs, ys):
    """Functions from data to pixels; the first and last ticks are the box's edges."""
    left, top, width, height = box

    def to_x(x):
        return left + (x - xs[0]) / (xs[-1] - xs[0]) * width

    def to_y(y):
        return top + height - (y - ys[0]) / (ys[-1] - ys[0]) * height

    return to_x, to_y

"""Views that are pictures of matrices: attention, gates.

Import them from `views`, where all views are.
"""

import numpy as np

from . import drawing as draw
from .drawing import View, checked
from .language import beside, short, shown
from .tables import bar, mark, table


def attention(symbols, weights):
    """Who looks at whom in one head: rows read, columns are looked at.

    Args:
        weights: (time, time), causal, rows sum to 1.
    """
    time = len(symbols)
    weights = checked("weights", weights, (time, time))
    size = min(590.0, 24.0 * time)
    cell, left, top = size / time, 100.0, draw.TOP + 72
    every = int(np.ceil(9.5 / cell))
    parts, _ = draw.scale(draw.TOP, ["0", "1/16", "1/4", "9/16", "1"], beside("weight", "权重"))
    parts.append(draw.heat_map(left, top, size, size, np.sqrt(weights)))
    font = min(14.0, max(9.5, cell * 0.75))
    for t in range(0, time, every):
        middle, shown = (t + 0.5) * cell, mark(symbols[t])
        parts += [
            draw.text(left - 8, top + middle + font * 0.36, shown, font, anchor="end"),
            draw.text(left + middle, top - 7, shown, font, anchor="middle"),
        ]
    for t in range(time):
        title = f"{t} {symbols[t]} ← {_strongest(symbols, weights[t])}"
        parts.append(draw.rect(left, top + t * cell, size, cell, "transparent", title))
    parts += [
        draw.element(
            "rect", x=left, y=top, width=size, height=size, fill="none", stroke=draw.FAINT
        ),
        draw.text(left, top - 26, beside("is looked at", "被看的字") + " →", 11, draw.MUTED),
        draw.text(draw.MARGIN, top - 7, beside("reads", "在读") + " ↓", 11, draw.MUTED),
    ]
    notes, bottom = draw.explain(symbols, top + size + 8)
    svg = draw.page(
        beside("Effective attention of one head", "一个注意力头的有效注意力"),
        beside("Each row sums to one and looks only back.", "每行之和为一，只看前文。"),
        parts + notes,
        bottom,
    )
    rows = [
        [
            str(t),
            s,
            *(f"{symbols[i]} {w:.3f} {bar(w, 8)}" for i, w in _top(weights[t], 3)),
        ]
        for t, s in enumerate(symbols)
    ]
    rows = [row + [""] * (5 - len(row)) for row in rows]
    names = (("reads", "在读"), ("looks most at", "最看重"), ("then", "其次"), ("then", "再次"))
    return View(svg, table(["#", *(beside(*name) for name in names)], rows))


def attention_grid(symbols, weights):
    """The attention of all heads (columns) in all blocks (rows), small.

    Args:
        weights: (blocks, heads, time, time), causal, rows sum to 1.
    """
    time = len(symbols)
    weights = checked("weights", weights, (None, None, time, time))
    blocks, heads = weights.shape[:2]
    left, gap = 76.0, 12.0
    size = min(180.0, (draw.WIDTH - draw.MARGIN - left + gap) / heads - gap)
    parts, top = draw.scale(draw.TOP, ["0", "1/16", "1/4", "9/16", "1"], beside("weight", "权重"))
    top += 24
    back = mean_distance(weights)
    for head in range(heads):
        parts.append(
            draw.text(
                left + head * (size + gap),
                top - 6,
                f"{beside('head', '头')} {head}" if size > 60 else str(head),
                11,
                draw.MUTED,
            )
        )
    rows = []
    for block in range(blocks):
        y = top + block * (size + 26)
        for line, words in enumerate(shown(f"block {block}", f"第 {block} 层")):
            parts.append(draw.text(draw.MARGIN, y + size / 2 + 15 * line, words, 11, draw.MUTED))
        for head in range(heads):
            x, seen = left + head * (size + gap), weights[block, head]
            distance, on_itself = back[block, head], float(np.diagonal(seen).mean())
            title = short(
                f"block {block}, head {head}: looks {distance:.1f} characters back",
                f"第 {block} 层第 {head} 头：平均回看 {distance:.1f} 字",
            )
            frame = {"stroke": draw.FAINT}
            parts += [
                draw.heat_map(x, y, size, size, np.sqrt(seen)),
                draw.rect(x, y, size, size, "transparent", title, **frame),
                draw.text(x, y + size + 14, f"← {distance:.1f}", 11),
            ]
            rows.append(
                [
                    str(block),
                    str(head),
                    f"{distance:6.2f} {bar(distance / max(1, time - 1))}",
                    f"{on_itself:.3f} {bar(on_itself, 10)}",
                ]
            )
    y = top + blocks * (size + 26) + 16
    read = draw.fit("".join(mark(s) for s in symbols), draw.WIDTH - 2 * draw.MARGIN, 12)
    parts.append(draw.text(draw.MARGIN, y, read, 12))
    notes, bottom = draw.explain(symbols, y + 2)
    svg = draw.page(
        beside("Effective attention of all heads", "所有注意力头"),
        beside(
            "Rows read, columns are looked at; ← mean distance back in characters.",
            "← 为平均回看字数。",
        ),
        parts + notes,
        bottom,
    )
    header = (
        ("block", "层"),
        ("head", "头"),
        ("mean distance back", "平均回看"),
        ("weight on itself", "看自己"),
    )
    return View(svg, table([beside(*name) for name in header], rows))


def gates(symbols, update, reset):
    """The gates of the GRU expert: a column a character, a line for a group of units.

    Args:
        update: (time, units); 1 keeps the old state, 0 replaces it.
        reset: (time, units); 0 leaves the old state out of the new candidate.
    """
    update = checked("update", update, (len(symbols), None))
    reset = checked("reset", reset, update.shape)
    names = (("update", "更新"), ("reset", "重置"))
    height = 52
    parts, top = draw.scale(draw.TOP, ["0", "0.5", "1"], beside("gate", "门"))
    written, places, bottom = draw.write(symbols, top, 2 * height + 6)
    parts += written
    for row, y in enumerate(draw.line_tops(places)):
        here = slice(row * draw.PER_LINE, (row + 1) * draw.PER_LINE)
        for i, (name, values) in enumerate(zip(names, (update, reset), strict=True)):
            picture, base = grouped(values)[:, here], y + i * (height + 6)
            width = picture.shape[1] * draw.CELL
            for line, words in enumerate(shown(*name)):
                down = base + height / 2 + 14 * line
                parts.append(draw.text(draw.LEFT - 8, down, words, 11, draw.MUTED, "end"))
            parts.append(draw.heat_map(draw.LEFT, base, width, height, picture))
    means = np.stack([update.mean(axis=1), reset.mean(axis=1)], axis=1)  # (time, 2)
    for t, (x, y) in enumerate(places):
        title = f"{t} {symbols[t]}: " + short(
            f"mean update {means[t, 0]:.3f}, mean reset {means[t, 1]:.3f}",
            f"平均更新 {means[t, 0]:.3f}，平均重置 {means[t, 1]:.3f}",
        )
        parts.append(draw.rect(x, y, draw.CELL, 2 * height + 6, "transparent", title))
    svg = draw.page(
        beside("Gates of the GRU expert", "GRU 专家的门"),
        beside(
            "update: dark keeps the old state; reset: light ignores it.",
            "更新门深色保留旧状态，重置门浅色忽略它。",
        ),
        parts,
        bottom,
    )
    rows = [
        [str(t), s, *(f"{m:.3f} {bar(m, 16)}" for m in means[t])] for t, s in enumerate(symbols)
    ]
    header = [f"{short('mean', '平均')} {beside(*name)}" for name in names]
    return View(svg, table(["#", beside("symbol", "字"), *header], rows))


def _top(row, count):
    return [(int(i), float(row[i])) for i in np.argsort(-row, kind="stable")[:count] if row[i] > 0]


def _strongest(symbols, row):
    return ", ".join(f"{symbols[i]} ({i}) {w:.3f}" for i, w in _top(row, 5))


def mean_distance(weights):
    """How many positions back a head looks on average, (blocks, heads)."""
    position = np.arange(weights.shape[-1])
    return (weights * (position[:, None] - position)).sum(axis=-1).mean(axis=-1)


def grouped(values, groups=52):
    """(time, units) → (groups, time): means of neighbours among units sorted by their mean."""
    order = np.argsort(values.mean(axis=0), kind="stable")
    parts = np.array_split(values[:, order].T, min(groups, values.shape[1]))
    return np.stack([part.mean(axis=0) for part in parts])

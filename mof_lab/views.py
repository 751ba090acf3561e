"""One pure function a view: arrays in, a `View` out (an SVG picture and a text table).

Views of characters share one layout: lines of 36 characters with, under each character,
something about it. Titles on hovering hold the numbers; the text tables hold all of them.
"""

from collections import Counter

import numpy as np

from . import drawing as draw
from .charts import bars, curves, frequency, roofline, shares
from .conversation import conversation
from .drawing import View, checked, stacked
from .errors import LabError
from .heat_maps import attention, attention_grid, gates
from .language import beside, short
from .packing import ANSWER, CONTEXT
from .packing_view import packing
from .reading import context_test, next_characters, reading_view
from .tables import bar, table, visible
from .vocabulary import UNKNOWN, UNKNOWN_CHARACTER

__all__ = [
    "View",
    "attention",
    "attention_grid",
    "bars",
    "context_test",
    "conversation",
    "curves",
    "frequency",
    "gates",
    "known",
    "loss_mask",
    "next_characters",
    "packing",
    "reading_view",
    "roofline",
    "routing",
    "shares",
    "stacked",
    "surprisal",
    "thought",
]


def routing(symbols, router_weights, experts):
    """How much the router trusts each expert at each character.

    Args:
        symbols: (time,), as `Trace.symbols`.
        router_weights: (time, experts), rows sum to 1.
        experts: names, in the order of the weights.
    """
    weights = checked("router_weights", router_weights, (len(symbols), len(experts)))
    mean = weights.mean(axis=0)
    parts, top = draw.legend(
        [
            (draw.swatch(_colour(i)), f"{name} · {beside('mean', '平均')} {m:.2f}")
            for i, (name, m) in enumerate(zip(experts, mean, strict=True))
        ],
        draw.TOP,
    )
    height = 40
    written, places, bottom = draw.write(symbols, top, height)
    parts += written
    for y in draw.line_tops(places):
        parts += _axis(y, height, "1", "0")
    for t, (x, y) in enumerate(places):
        numbers = ", ".join(f"{n} {w:.3f}" for n, w in zip(experts, weights[t], strict=True))
        edge = y + height
        for i, weight in enumerate(weights[t]):
            edge -= weight * height
            parts.append(
                draw.rect(
                    x + 0.75,
                    edge,
                    draw.CELL - 1.5,
                    weight * height,
                    _colour(i),
                    f"{t} {symbols[t]}: {numbers}",
                )
            )
    for y in draw.line_tops(places):
        parts.append(
            draw.line(draw.LEFT, y + height / 2, _end(places, y), y + height / 2, draw.PAPER)
        )
    svg = draw.page(
        beside("Router weights, character by character", "逐字的路由权重"),
        beside(
            "Parts of a bar: the experts' shares, in order from the bottom.",
            "自下而上依次为各位专家的权重。",
        ),
        parts,
        bottom,
    )
    rows = [
        [str(t), s, *(f"{w:.3f} {bar(w, 12)}" for w in weights[t])] for t, s in enumerate(symbols)
    ]
    rows.append(["", beside("mean", "平均"), *(f"{w:.3f} {bar(w, 12)}" for w in mean)])
    return View(svg, table(["#", _symbol(), *experts], rows))


def surprisal(symbols, bits):
    """How surprised the model was by each character, given those before it.

    Args:
        bits: (time,); nan where nothing was predicted.
    """
    bits = checked("bits", bits, (len(symbols),))
    top_value = max(1.0, float(np.nanmax(bits, initial=0.0)))
    height = 44
    parts, places, bottom = draw.write(symbols, draw.TOP - 4, height + 12)
    for y in draw.line_tops(places):
        parts += _axis(y, height, f"{top_value:.0f}", "0")
    for t, (x, y) in enumerate(places):
        known_here = not np.isnan(bits[t])
        size = bits[t] / top_value * height if known_here else 0.0
        number = "–" if not known_here else f"{bits[t]:.1f}" if bits[t] < 9.95 else f"{bits[t]:.0f}"
        title = (
            f"{t} {symbols[t]}: {bits[t]:.2f} {short('bits', '比特')}"
            if known_here
            else f"{t} {symbols[t]}"
        )
        fill = draw.shade(0.35 + 0.5 * size / height)
        parts += [
            draw.rect(x + 1.5, y + height - size, draw.CELL - 3, size, fill, title),
            draw.text(x + draw.CELL / 2, y + height + 10, number, 8.5, draw.MUTED, "middle"),
        ]
    mean = np.nanmean(bits) if not np.isnan(bits).all() else np.nan
    svg = draw.page(
        beside("Surprisal of each character, in bits", "每个字的意外程度(比特)"),
        beside(
            f"0 = certain of it beforehand, 1 = a fair coin; mean {mean:.2f}.",
            f"0 表示早已料到，1 如同抛一次硬币；平均 {mean:.2f}。",
        ),
        parts,
        bottom,
    )
    rows = [[str(t), s, f"{b:5.2f} {bar(b / top_value)}"] for t, (s, b) in _pairs(symbols, bits)]
    return View(svg, table(["#", _symbol(), beside("bits", "比特")], rows))


def thought(symbols, strength):
    """How strongly the thought space moves the stream at each character.

    Args:
        strength: (blocks, time), |thought| / |stream|.
    """
    strength = checked("strength", strength, (None, len(symbols)))
    blocks, top_value = len(strength), max(1e-9, float(strength.max()))
    names = [short(f"block {block}", f"第 {block} 层") for block in range(blocks)]
    lane = 26
    parts, places, bottom = draw.write(symbols, draw.TOP - 4, blocks * lane)
    for y in draw.line_tops(places):
        for block in range(blocks):
            base = y + (block + 1) * lane - 2
            parts += [
                draw.text(draw.LEFT - 8, base - 2, names[block], 10, draw.MUTED, "end"),
                draw.line(draw.LEFT, base, _end(places, y), base),
            ]
    for t, (x, y) in enumerate(places):
        for block, value in enumerate(strength[:, t]):
            size = value / top_value * (lane - 4)
            base = y + (block + 1) * lane - 2
            parts.append(
                draw.rect(
                    x + 1.5,
                    base - size,
                    draw.CELL - 3,
                    size,
                    draw.shade(0.35 + 0.5 * value / top_value),
                    f"{t} {symbols[t]}, {names[block]}: {value:.3f}",
                )
            )
    svg = draw.page(
        beside("Strength of the thought space", "思维空间的强度"),
        beside(
            f"|thought| / |stream| in each block; the tallest bar is {top_value:.3f}.",
            f"各层中思维向量与残差流之比；最高柱为 {top_value:.3f}。",
        ),
        parts,
        bottom,
    )
    rows = [
        [str(t), s, *(f"{v:.3f} {bar(v / top_value, 12)}" for v in strength[:, t])]
        for t, s in enumerate(symbols)
    ]
    return View(svg, table(["#", _symbol(), *names], rows))


def loss_mask(symbols, roles):
    """Which characters of a dialogue the model learns to write.

    Args:
        roles: (time,), `packing.NOTHING`, `CONTEXT` or `ANSWER`.
    """
    roles = checked("roles", roles, (len(symbols),)).astype(int)
    words = (
        beside("nothing to learn", "不学"),
        beside("context only", "只作上文"),
        beside("learnt", "学习"),
    )
    looks = (
        ("none", 3, {"stroke": draw.FAINT}),
        (draw.FAINT, 5, {}),
        (draw.COLOURS[0], 14, {}),
    )
    parts, top = draw.legend(
        [
            (draw.swatch(fill, **more), f"{word} · {np.sum(roles == role)}")
            for role, (word, (fill, _, more)) in enumerate(zip(words, looks, strict=True))
        ],
        draw.TOP,
    )
    written, places, bottom = draw.write(symbols, top, 14)
    parts += written
    for t, (x, y) in enumerate(places):
        fill, height, more = looks[roles[t]]
        title = f"{t} {symbols[t]}: {words[roles[t]]}"
        parts.append(draw.rect(x + 1, y, draw.CELL - 2, height, fill, title, **more))
    svg = draw.page(
        beside("Loss mask", "损失掩码"),
        beside(
            "In chat tuning only the marked characters count in the loss.",
            "对话微调时，只有标出的字计入损失。",
        ),
        parts,
        bottom,
    )
    signs = {ANSWER: "█", CONTEXT: "░"}
    rows = [
        [str(t), s, f"{role} {signs.get(role, '')}", words[role]]
        for t, (s, role) in _pairs(symbols, roles)
    ]
    header = ["#", _symbol(), short("role", "角色"), beside("meaning", "含义")]
    return View(svg, table(header, rows))


def known(text, vocabulary):
    """Which characters of a text the vocabulary knows; the others become ▩."""
    if not text:
        raise LabError("The text is empty; give at least one character.")
    unknown = [i == UNKNOWN for i in vocabulary.encode(text)]
    counts = Counter(c for c, missing in zip(text, unknown, strict=True) if missing)
    share = 1 - sum(unknown) / len(text)
    written, places, bottom = draw.write(list(text), draw.TOP - 4, 18)
    parts = []
    for c, missing, (x, y) in zip(text, unknown, places, strict=True):
        if missing:
            frame = {"stroke": draw.ACCENT, "rx": 3}
            hover = f"{c} U+{ord(c):04X}: {short('unknown', '不认识')}"
            parts += [
                draw.rect(x + 0.5, y - 21, draw.CELL - 1, 21, "#f6ddd2", hover, **frame),
                draw.text(x + draw.CELL / 2, y + 14, UNKNOWN_CHARACTER, 13, draw.ACCENT, "middle"),
            ]
    line = beside(
        f"{len(text) - sum(unknown):,} of {len(text):,} characters are known ({share:.1%}); "
        f"those framed become {UNKNOWN_CHARACTER}.",
        f"认识 {share:.1%} 的字，加框的会变成 {UNKNOWN_CHARACTER}。",
    )
    title = beside("What the vocabulary knows", "词表认识的字")
    svg = draw.page(title, line, parts + written, bottom)
    rows = [[c, f"U+{ord(c):04X}", str(n)] for c, n in counts.most_common()]
    shown = "".join(
        UNKNOWN_CHARACTER if missing else c for c, missing in zip(text, unknown, strict=True)
    )
    lines = [f"{beside('known', '认识')} {share:.1%} {bar(share)}", visible(shown)]
    if rows:
        header = [beside("unknown", "不认识"), short("code point", "码位"), beside("times", "次数")]
        lines += ["", table(header, rows)]
    return View(svg, "\n".join(lines))


def _symbol():
    """The header of a column of symbols."""
    return beside("symbol", "字")


def _pairs(symbols, values):
    return enumerate(zip(symbols, values, strict=True))


def _colour(index):
    return draw.COLOURS[index % len(draw.COLOURS)]


def _end(places, top):
    """Where the line of characters at a height ends."""
    return max(x for x, y in places if y == top) + draw.CELL


def _axis(top, height, high, low):
    left = draw.LEFT - 6
    return [
        draw.text(left - 4, top + 8, high, 10, draw.MUTED, "end"),
        draw.text(left - 4, top + height, low, 10, draw.MUTED, "end"),
        draw.line(left, top, left, top + height, draw.MUTED),
    ]

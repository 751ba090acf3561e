"""The views of one reading: everything that happened inside, on one axis of characters.

Import them from `views`, where all views are.
"""

import numpy as np

from . import drawing as draw
from .charts import curves
from .drawing import View, checked
from .errors import LabError
from .heat_maps import grouped
from .language import beside, short
from .tables import bar, table, visible
from .zoom import Chart, columns

GROUPS = 8  # of units of the GRU, a line each
GAP = 5  # pixels between two lanes


def lanes(reading):
    """The lanes of a reading from top to bottom: of (key, label, pixels from the top, height).

    Args:
        reading: an `inspection.Trace`; lanes of parts that its model does not have are left out.
    """
    found = [("routing", short("router", "路由"), 30), ("surprisal", short("bits", "比特"), 30)]
    found += [(f"alone {i}", name, 16) for i, name in enumerate(reading.experts)]
    if reading.update.shape[1]:
        found += [("update", short("update", "更新"), 24), ("reset", short("reset", "重置"), 24)]
    thoughts = range(len(reading.thought))
    found += [(f"thought {i}", short(f"thought {i}", f"思维 {i}"), 13) for i in thoughts]
    if reading.attention.shape[0]:
        found.append(("attention", short("looks at", "回看"), 26))
    placed, top = [], 0
    for key, label, height in found:
        placed.append((key, label, top, height))
        top += height + GAP
    return placed


def _area(reading):
    """The height of all lanes."""
    *_, (_, _, top, height) = lanes(reading)
    return top + height


def layout(reading):
    """Where things stand in the picture that `reading_view` draws, as plain numbers.

    Returns:
        a dict of `width`, `height`, `cell` (width of a character), `per_line`, `symbol` (height of
        a character above its lanes), `area` (height of all lanes), `attention` (top and height of
        that lane below the character; None without one) and `places`, (x, y) of each character's
        lanes.
    """
    placed, area = lanes(reading), _area(reading)
    _, places, bottom = draw.write(reading.symbols, draw.TOP + 24, area)
    looks = [(top, height) for key, _, top, height in placed if key == "attention"]
    return {
        "width": draw.WIDTH,
        "height": bottom,
        "cell": draw.CELL,
        "per_line": draw.PER_LINE,
        "symbol": 21,
        "area": area,
        "attention": list(looks[0]) if looks else None,
        "places": [[round(x, 2), y] for x, y in places],
    }


def reading_view(reading, looks=None, title=None):
    """Router weights, surprisal, gates, thoughts and a row of attention, below each character.

    Args:
        reading: an `inspection.Trace`.
        looks: (block, head, position): the row of attention to show; None = that lane is empty.
        title: None = that it is one reading.
    """
    title = title or beside("Inside one reading", "一次阅读的内部")
    symbols, experts = reading.symbols, reading.experts
    time = len(symbols)
    weights = checked("router_weights", reading.router_weights, (time, len(experts)))
    bits = checked("surprisal", reading.surprisal, (time,))
    row = np.zeros(time) if looks is None else _row(reading, looks)
    most = max(1.0, float(np.nanmax(bits, initial=0.0)), _most(reading.expert_surprisal))
    strongest = max(1e-9, _most(reading.thought))
    signs = [(draw.swatch(_colour(i)), name) for i, name in enumerate(experts)]
    parts, _ = draw.legend(signs, draw.TOP - 6)
    written, places, bottom = draw.write(symbols, draw.TOP + 24, _area(reading))
    parts += written

    values = {"surprisal": bits / most}
    values |= {f"alone {i}": reading.expert_surprisal[:, i] / most for i in range(len(experts))}
    values |= {f"thought {i}": row / strongest for i, row in enumerate(reading.thought)}
    values["attention"] = np.sqrt(row)
    fills = {f"alone {i}": _colour(i) for i in range(len(experts))} | {"attention": draw.ACCENT}
    maps = {"update": reading.update, "reset": reading.reset}
    for key, label, top, height in lanes(reading):
        for number, y in enumerate(draw.line_tops(places)):
            here = slice(number * draw.PER_LINE, (number + 1) * draw.PER_LINE)
            base, line = y + top, places[here]
            end = line[-1][0] + draw.CELL
            parts.append(
                draw.text(draw.LEFT - 6, base + height / 2 + 4, draw.fit(label, 52, 8), 8,
                          draw.MUTED, "end")
            )  # fmt: skip
            if key in maps:
                picture = grouped(maps[key], GROUPS)[:, here]
                parts.append(draw.heat_map(draw.LEFT, base, end - draw.LEFT, height, picture))
                continue
            parts.append(draw.line(draw.LEFT, base + height, end, base + height))
            if key == "routing":
                parts += _split(line, base, height, weights[here])
            else:
                fill = fills.get(key, draw.MUTED)
                parts.append(_columns(line, base, height, values[key][here], fill))
    where = "" if looks is None else _where(symbols, looks)
    svg = draw.page(
        title + where,
        beside(
            "bits: surprisal, then each expert alone; dark: update keeps, reset uses the past",
            "深色：更新门保留，重置门使用过去",
        ),
        parts,
        bottom,
    )
    return View(svg, f"{visible(title)}{visible(where)}\n" + _as_text(reading, row, most))


def next_characters(names, guesses, title=None):
    """Probabilities of the next character, seen in several ways side by side.

    Args:
        names: of the ways, e.g. all parts, some switched off.
        guesses: of (symbol, probabilities), one probability a way; likeliest first.
        title: None = that it is the next character.
    """
    title = title or beside("The next character", "下一个字")
    if not guesses:
        raise LabError("There is no next character to show; give at least one guess.")
    values = checked("probabilities", [p for _, p in guesses], (len(guesses), len(names)))
    signs = [(draw.swatch(_colour(i)), name) for i, name in enumerate(names)]
    parts, top = draw.legend(signs, draw.top_below(""))
    left, width, step = draw.LEFT + 24, draw.WIDTH - draw.LEFT - 140, 10 * len(names) + 8
    for number, (symbol, _) in enumerate(guesses):
        y = top + 6 + number * step
        shown = draw.fit(symbol, 70, 14)
        parts.append(draw.text(left - 10, y + step / 2 + 2, shown, 14, anchor="end"))
        for i, p in enumerate(values[number]):
            parts += [
                draw.rect(left, y + 10 * i, p * width, 9, _colour(i), f"{symbol} {names[i]}: {p}"),
                draw.text(left + p * width + 6, y + 10 * i + 8, f"{p:.3f}", 9.5, draw.MUTED),
            ]
    svg = draw.page(title, "", parts, top + len(guesses) * step + 14)
    rows = [[s, *(f"{p:.3f} {bar(p, 12)}" for p in ps)] for s, ps in guesses]
    words = f"{visible(title)}\n" + table([beside("symbol", "字"), *names], rows)
    return Chart(svg, words, *columns(names, guesses, title))


def context_test(series):
    """How much it helps to have been told something, by how far back that was.

    Args:
        series: name → [(characters in between, bits saved), …].
    """
    return curves(
        series,
        beside("characters back", "相隔字数"),
        beside("bits saved", "省下的比特"),
        beside("Is the fact still used?", "说过的事还用得上吗？"),
        beside(
            "Bits a character of the right answer that having been told it saves; 0 = forgotten.",
            "0 表示已忘。",
        ),
    )


def _row(reading, looks):
    block, head, position = looks
    blocks, heads, time = reading.attention.shape[:3]
    if not (0 <= block < blocks and 0 <= head < heads and 0 <= position < time):
        raise LabError(
            f"There is no row {position} of head {head} in block {block}; the reading has {blocks} "
            f"blocks, {heads} heads and {time} characters, counted from 0."
        )
    return reading.attention[block, head, position]


def _where(symbols, looks):
    block, head, position = looks
    name = short(f"block {block}, head {head}", f"第 {block} 层第 {head} 头")
    return f" [{name}: {position} {symbols[position]}]"


def _most(values):
    return float(np.nanmax(values, initial=0.0))


def _colour(index):
    return draw.COLOURS[index % len(draw.COLOURS)]


def _split(places, top, height, weights):
    """One path an expert: a reading has thousands of bars."""
    edges = top + height * (1 - np.cumsum(weights, axis=1))  # (time, experts)
    paths = []
    for i in range(weights.shape[1]):
        sizes = weights[:, i] * height
        d = _bars(places, edges[:, i], sizes)
        paths.append(draw.element("path", d=d, fill=_colour(i)))
    return paths


def _columns(places, top, height, values, fill):
    sizes = np.clip(np.nan_to_num(values), 0, 1) * height
    return draw.element("path", d=_bars(places, top + height - sizes, sizes), fill=fill)


def _bars(places, tops, sizes):
    width = draw.CELL - 3
    return "".join(
        f"M{x + 1.5:.1f} {y:.1f}h{width:.1f}v{size:.1f}h{-width:.1f}z"
        for (x, _), y, size in zip(places, tops, sizes, strict=True)
    )


def _as_text(reading, row, most):
    header = ["#", beside("symbol", "字"), *reading.experts, beside("bits", "比特")]
    header += [f"{name} {short('bits', '比特')}" for name in reading.experts]
    gated = bool(reading.update.shape[1])
    header += [short("update", "更新"), short("reset", "重置")] * gated
    header += [short(f"thought {i}", f"思维 {i}") for i in range(len(reading.thought))]
    header += [beside("looked at", "被看")] * bool(reading.attention.shape[0])
    rows = []
    for t, symbol in enumerate(reading.symbols):
        cells = [str(t), symbol, *(f"{w:.3f}" for w in reading.router_weights[t])]
        cells += [f"{reading.surprisal[t]:.2f} {bar(reading.surprisal[t] / most, 8)}"]
        cells += [f"{b:.2f}" for b in reading.expert_surprisal[t]]
        if gated:
            cells += [f"{reading.update[t].mean():.3f}", f"{reading.reset[t].mean():.3f}"]
        cells += [f"{s:.3f}" for s in reading.thought[:, t]]
        if reading.attention.shape[0]:
            cells.append(f"{row[t]:.3f} {bar(row[t], 8)}")
        rows.append(cells)
    return table(header, rows)

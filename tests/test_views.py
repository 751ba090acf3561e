"""Views: well-formed whatever the text, every symbol and number there; the report; languages."""

import base64
import re
import struct
import sys
import zlib
from collections import Counter
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mof_lab import drawing, tables, views, zoom
from mof_lab.errors import LabError
from mof_lab.explanation import Explanation
from mof_lab.language import language, short
from mof_lab.packing import ANSWER, CONTEXT, NOTHING
from mof_lab.recording import Moment, Point, Recording
from mof_lab.report import to_html
from mof_lab.text_appraisal import Appraisal
from mof_lab.training_views import course, summary
from mof_lab.vocabulary import BEGIN, END, PADDING, Vocabulary

HOSTILE = ["<script>", "&", '"', "'", "]]>", "\0", "\x1b", "\n", "\t", " ", "\ud800", "\uffff"]
HOSTILE += ["\u202e", "\u0301", "😀", "字", "⟨begin⟩", "⟨user⟩", "⟨assistant⟩", "⟨end⟩", "⟨pad⟩"]
EXPERTS = ["gru", "<b>&"]
ALLOWED = {"svg", "g", "rect", "text", "tspan", "title", "line", "path", "image"}


def parse(view):
    """The picture as a tree: well-formed, of drawing elements only, everything within it."""
    view.svg.encode("utf-8")
    view.text.encode("utf-8")
    assert not set(map(ord, view.text)) & ({*range(32)} - {ord("\n")})
    tree = ElementTree.fromstring(view.svg)
    width, height = float(tree.get("width")), float(tree.get("height"))
    inherited = {node: group for group in tree.iter("{*}g") for node in group}
    for node in tree.iter():
        assert node.tag.partition("}")[2] in ALLOWED
        assert not {a for a in node.attrib if a.startswith("on") or a in ("style", "class")}
        assert node.get("href", "data:image/png;base64,").startswith("data:image/png;base64,")
        x, y = float(node.get("x", 0)), float(node.get("y", 0))
        assert 0 <= x <= x + float(node.get("width", 0)) <= width + 0.1
        assert 0 <= y <= y + float(node.get("height", 0)) <= height + 0.1
        if node.tag.endswith(("}text", "}tspan")) and node.text:
            of_group = inherited.get(node, {})
            points = node.get("font-size") or of_group.get("font-size", 14)
            size = drawing.text_width(node.text, float(points))
            anchor = node.get("text-anchor") or of_group.get("text-anchor")
            before = {"middle": size / 2, "end": size}.get(anchor, 0)
            assert -5 <= x - before <= x - before + size <= width + 5, node.text
    return tree


def texts(tree):
    return [node.text for node in tree.iter() if node.tag.endswith("}text")]


def titles(tree):
    return [node.text for node in tree.iter() if node.tag.endswith("}title")]


def causal(*shape):
    """Random attention, (…, time, time)."""
    weights = np.tril(np.random.default_rng(0).random(shape) + 0.01)
    return weights / weights.sum(axis=-1, keepdims=True)


def by_character(symbols):
    """Every view of single characters, of these symbols."""
    time, rng = len(symbols), np.random.default_rng(1)
    bits = np.array([np.nan, *rng.uniform(0, 12, time - 1)])
    return {
        "routing": views.routing(symbols, rng.dirichlet([1, 1], time), EXPERTS),
        "surprisal": views.surprisal(symbols, bits),
        "attention": views.attention(symbols, causal(time, time)),
        "attention_grid": views.attention_grid(symbols, causal(2, 3, time, time)),
        "thought": views.thought(symbols, rng.random((2, time))),
        "gates": views.gates(symbols, rng.random((time, 70)), rng.random((time, 70))),
        "loss_mask": views.loss_mask(symbols, rng.integers(0, 3, time)),
    }


VIEWS = list(by_character(["a", "b"]))


@pytest.mark.parametrize("name", VIEWS)
def test_hostile_symbols_are_shown_and_never_obeyed(name):
    tree = parse(by_character(HOSTILE)[name])
    shown = "".join(texts(tree))
    for symbol in HOSTILE:
        assert tables.mark(symbol) in shown
    assert "begin 开始" in shown


@pytest.mark.parametrize("name", VIEWS)
@given(symbols=st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=80))
def test_any_symbols_make_a_well_formed_picture(name, symbols):
    parse(by_character(symbols)[name])


@pytest.mark.parametrize("name", sorted(set(VIEWS) - {"attention_grid"}))
def test_every_symbol_has_its_line_in_the_table_and_its_title(name):
    symbols = [*"天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨", "⟨end⟩"]
    view = by_character(symbols)[name]
    hovering = " ".join(titles(parse(view)))
    for t, symbol in enumerate(symbols):
        assert re.search(rf"^{t}\s+{symbol}\s", view.text, re.MULTILINE)
        assert f"{t} {symbol}" in hovering


def told(symbols, weights=(0.25, 0.75)):
    return [Explanation(symbol, weights) for symbol in symbols]


@given(st.lists(st.text(min_size=1, max_size=3), max_size=80), st.text(max_size=80))
def test_any_conversation_is_a_well_formed_picture(symbols, question):
    answers = [("gru", told(symbols)), ("<both>", told(symbols, ()))]
    parse(views.conversation([(question, answers)] * 2, EXPERTS))


def test_a_conversation_shows_what_was_said_and_the_shares():
    view = views.conversation([("<b>你好", [("model", told(HOSTILE))])], EXPERTS)
    tree = parse(view)
    shown = [node.text for node in tree.iter() if node.tag.endswith("}tspan")]
    assert shown == [tables.mark(symbol) for symbol in ["<", "b", ">", "你", "好", *HOSTILE]]
    assert "0.250" in view.text and "0.750" in view.text and "<b>你好" in view.text
    bars = [node.get("d") for node in tree.iter() if node.get("fill") in drawing.COLOURS[:2]][-2:]
    heights = [sum(map(float, re.findall(r"v-([\d.]+)", d))) for d in bars]
    assert heights[1] / heights[0] == pytest.approx(3, rel=0.05)


def test_tables_hold_the_numbers():
    symbols, weights = ["你", "好"], np.array([[0.25, 0.75], [0.875, 0.125]])
    routing = views.routing(symbols, weights, EXPERTS).text
    assert "0.250 ███ " in routing
    assert "0.875 ██████████▌" in routing
    assert "0.562" in routing.splitlines()[-1]  # the mean
    surprisal = views.surprisal(symbols, np.array([np.nan, 3.25])).text
    assert "nan" in surprisal.splitlines()[2]
    assert "3.25 " + "█" * 20 in surprisal
    attention = views.attention(symbols, np.array([[1.0, 0.0], [0.3, 0.7]])).text
    assert attention.splitlines()[3].split()[2:] == ["好", "0.700", "█████▋", "你", "0.300", "██▍"]
    grid = views.attention_grid(symbols, np.array([[[[1.0, 0.0], [0.3, 0.7]]]])).text
    assert grid.splitlines()[2].split()[2] == "0.15"  # the mean of 0 and 0.3 positions back
    assert "0.850" in grid
    thought = views.thought(symbols, np.array([[0.5, 0.125]])).text
    assert "0.125 ███" in thought
    gates = views.gates(symbols, np.array([[0.2, 0.4], [1, 1]]), np.array([[0, 1], [0, 0]])).text
    assert "0.300" in gates
    assert "0.500" in gates
    mask = views.loss_mask(["甲", "乙", "丙"], [NOTHING, CONTEXT, ANSWER]).text
    assert re.search(r"2\s+丙\s+2 █\s+learnt", mask)


def test_a_split_bar_is_as_high_as_the_weights():
    weights = np.array([[0.25, 0.75], [0.9, 0.1]])
    tree = parse(views.routing(["你", "好"], weights, EXPERTS))
    drawn = [r for r in tree.iter() if len(r) and r.tag.endswith("}rect")]
    heights = np.array([float(r.get("height")) for r in drawn]).reshape(2, 2)
    np.testing.assert_allclose(heights / heights.sum(axis=1, keepdims=True), weights, atol=1e-3)
    assert len({r.get("fill") for r in drawn}) == 2


def test_wrong_shapes_are_one_sentence():
    with pytest.raises(LabError, match=r"router_weights has the shape \(2, 2\); expected 3 × 2"):
        views.routing("abc", np.ones((2, 2)), EXPERTS)
    with pytest.raises(LabError, match="has the part shown"):
        views.attention_grid("ab", np.zeros((0, 0, 2, 2)))
    with pytest.raises(LabError, match="has the part shown"):
        views.gates("ab", np.zeros((2, 0)), np.zeros((2, 0)))
    with pytest.raises(LabError, match="not none"):
        views.surprisal([], [])
    with pytest.raises(LabError, match="no point"):
        views.curves({"a": [(1, None)]})
    with pytest.raises(LabError, match="as many of both"):
        views.bars(["a"], [1, 2])
    with pytest.raises(LabError, match="empty"):
        views.known("", Vocabulary("ab"))
    with pytest.raises(LabError, match="nothing to draw"):
        views.frequency({}, 10)
    for operations in ({}, {"a": (1.0, 2.0, 0.0)}, {"a": (1.0, float("nan"), 1.0)}):
        with pytest.raises(LabError, match="numbers above 0"):
            views.roofline(operations, 1e9, 1e9)


def test_packed_windows_show_every_place_once():
    tokens = [[BEGIN, 7, 8, END, BEGIN, 9, PADDING], [7, 8, END, BEGIN, 9, 9, END]]
    roles = [[NOTHING, CONTEXT, ANSWER, ANSWER, NOTHING, ANSWER, NOTHING]]
    roles += [[NOTHING, ANSWER, ANSWER, NOTHING, CONTEXT, CONTEXT, ANSWER]]
    view = views.packing(tokens, roles, first=3)
    tree = parse(view)
    assert re.search(r"^3 +2 +1 +3 █+▏? +1$", view.text, re.MULTILINE)
    assert re.search(r"^4 +2 +3 +3 █+▏? +0$", view.text, re.MULTILINE)
    assert "window 4, 1–2: learnt" in titles(tree)
    drawn = [r for r in tree.iter() if len(r) and r.tag.endswith("}rect")]
    whole = (drawing.WIDTH - drawing.LEFT - drawing.MARGIN) / 7
    assert sum(float(r.get("width")) for r in drawn) == pytest.approx(13 * whole, abs=0.1)
    heights = {r.get("fill"): float(r.get("height")) for r in drawn}
    assert heights[drawing.COLOURS[0]] > 2 * min(heights.values())  # not by colour alone
    with pytest.raises(LabError, match=r"roles has the shape \(1, 2\); expected 1 × 1"):
        views.packing([[BEGIN]], [[0, 0]])


def test_known_marks_what_the_vocabulary_lacks():
    view = views.known("小猫<x>小狗\0", Vocabulary("小猫x"))
    assert texts(parse(view)).count("▩") == 4
    assert "known 认识 50.0%" in view.text
    assert "小猫▩x▩小▩▩" in view.text
    assert re.search(r"狗\s+U\+72D7\s+1", view.text)


@given(st.dictionaries(st.characters(), st.integers(1, 10**6), min_size=1), st.integers(1, 5000))
def test_frequency_of_any_counts(counts, size):
    view = views.frequency(counts, size)
    parse(view)
    kept = sorted(counts.values(), reverse=True)[:size]
    assert f"cover {sum(kept) / sum(counts.values()):.2%}" in view.text


def test_curves_go_through_their_points():
    series = {"<a>": [(0, 4.0), (10, 2.0), (20, None)], "b": [(0, 3.0), (20, 3.0)]}
    view = views.curves(series, "steps", "bits", "<title>")
    tree = parse(view)
    first, second = (
        np.array(re.findall(r"[\d.]+", p.get("d")), float).reshape(-1, 2)
        for p in tree.iter()
        if p.tag.endswith("}path") and p.get("fill") == "none" and p.get("stroke-width") == "2"
        if float(re.findall(r"[\d.]+", p.get("d"))[1]) > 100  # not the samples of the legend
    )
    (x0, y4), (x10, y2) = first
    (_, y3), (x20, _) = second
    assert y4 < y3 < y2
    assert y3 - y4 == pytest.approx(y2 - y3, abs=0.2)
    assert x10 - x0 == pytest.approx(x20 - x10, abs=0.2)
    assert re.search(r"^<a>\s+4\s+2\s+2\s", view.text, re.MULTILINE)


@given(st.lists(st.tuples(*[st.floats(-1e9, 1e9)] * 2), min_size=1, max_size=30))
def test_curves_of_any_points(points):
    parse(views.curves({"a": points}))


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=20))
def test_bars_of_any_values(values):
    labels = [f"<{i}>" + "长" * i for i in range(len(values))]
    tree = parse(views.bars(labels, values))
    assert len(titles(tree)) == len(values)


def test_shares_fill_the_bar():
    view = views.shares(["知识", "<"], [[0.25, 0.75], [1.0, 0.0]], EXPERTS)
    widths = [float(r.get("width")) for r in parse(view).iter() if r.get("stroke") and len(r)]
    assert widths[0] / (widths[0] + widths[1]) == pytest.approx(0.25, abs=1e-3)
    assert "0.250" in view.text


def test_a_roofline_has_its_points_where_they_belong():
    operations = {"<slow>": (10.0, 20.0, 1e-9), "half": (1e4, 10.0, 2e-7)}  # 0.5 and 1,000 a byte
    view = views.roofline(operations, peak=100e9, bandwidth=20e9)
    tree = parse(view)
    roof = next(p for p in tree.iter() if p.get("stroke") == drawing.ACCENT).get("d")
    (x0, y0), (x1, y1), (x2, y2) = np.array(re.findall(r"[\d.]+", roof), float).reshape(3, 2)
    moves = [p.get("transform") for p in tree.iter() if p.get("transform")]
    slow, half = (np.array(re.findall(r"[\d.]+", move), float) for move in moves)
    on_the_slope = y0 + (slow[0] - x0) * (y1 - y0) / (x1 - x0)
    assert slow[1] == pytest.approx(on_the_slope, abs=0.3)  # 10 G a second, all it can be
    assert y1 == y2 < half[1] and x1 < half[0] <= x2
    assert re.search(r"^<slow> +0\.5 +10 +memory 内存 +100% █{20}$", view.text, re.MULTILINE)
    assert re.search(r"^half +1e\+03 +50 +compute 算力 + 50% █{10}$", view.text, re.MULTILINE)


amounts = st.floats(1e-12, 1e15)


@given(st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=8), amounts, amounts)
def test_a_roofline_of_any_points(points, peak, bandwidth):
    names = [f"<{i}>" + "长" * 6 * i for i in range(len(points))]
    tree = parse(views.roofline(dict(zip(names, points, strict=True)), peak, bandwidth))
    assert len(titles(tree)) == len(points)


def test_a_view_shows_and_saves_itself(tmp_path):
    view = views.surprisal(["<", "好"], [1.0, 2.0])
    assert view._repr_mimebundle_() == {"image/svg+xml": view.svg, "text/plain": view.text}
    for suffix in ("svg", "html", "txt"):
        view.save(tmp_path / f"a.{suffix}")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == view.svg
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == view.text + "\n"
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    ElementTree.fromstring(page.partition("\n")[2])
    with pytest.raises(LabError, match=r"\.png, \.html or \.txt"):
        view.save(tmp_path / "a.gif")
    with pytest.raises(LabError, match="could not be saved"):
        view.save(tmp_path / "no" / "a.svg")


def test_a_view_is_saved_as_a_picture_of_pixels(tmp_path):
    pytest.importorskip("resvg_py", reason="pip install resvg_py")
    view = views.surprisal(["<", "好"], [1.0, 2.0])
    view.save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    height = float(ElementTree.fromstring(view.svg).get("height"))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (2 * drawing.WIDTH, 2 * height)


def test_without_the_package_a_png_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(LabError, match="pip install resvg_py"):
        views.surprisal(["好"], [1.0]).save(tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def unpack_png(data):
    """Indices and palette of a PNG, the slow and sure way."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        (check,) = struct.unpack(">I", data[at + 8 + size : at + 12 + size])
        assert check == zlib.crc32(kind + content)
        chunks[kind], at = content, at + 12 + size
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert (lines[:, 0] == 0).all()
    return lines[:, 1:], np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(256, 3)


@given(st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_png_holds_the_values(height, width, random):
    values = np.array([[random.random() for _ in range(width)] for _ in range(height)])
    indices, _ = unpack_png(drawing.png(values))
    np.testing.assert_allclose(indices / 255, values, atol=0.5 / 255 + 1e-9)


def test_heat_maps_show_the_weights_and_keep_their_order_in_grey():
    weights = causal(6, 6)
    tree = parse(views.attention("abcdef", weights))
    pictures = [n.get("href") for n in tree.iter() if n.tag.endswith("}image")]
    indices, palette = unpack_png(base64.b64decode(pictures[-1].partition(",")[2]))
    np.testing.assert_allclose((indices / 255) ** 2, weights, atol=0.01)
    grey = palette @ [0.299, 0.587, 0.114]
    assert (np.diff(grey) < 0.5).all()
    assert grey[0] - grey[-1] > 150


def test_a_table_is_one_of_the_notebooks_own():
    made = tables.table(["字", "<b>"], [["一", "a & b"]])
    shown = made._repr_mimebundle_()
    assert shown["text/plain"] == made
    rows = ElementTree.fromstring(shown["text/html"])
    assert [[cell.text for cell in row] for row in rows] == [["字", "<b>"], ["一", "a & b"]]


def test_columns_of_a_table_are_aligned():
    lines = tables.table(["a", "b"], [["字", "x"], ["⟨end⟩", "x"], ["e\u0301", "x"]]).splitlines()
    assert {tables.columns(line.partition("x")[0]) for line in lines[2:]} == {7}


def test_bars_of_text_grow_by_eighths():
    assert [tables.bar(s, 2) for s in (0, 1 / 16, 0.5, 1, 7, float("nan"))] == [
        *("", "▏", "█", "██", "██", "")
    ]


# ---- the report -------------------------------------------------------------------------------


def report():
    """A made-up report with everything in it, some of it hostile."""
    stages = [
        {
            "name": name,
            "seconds": 65.0,
            "steps": 4321,
            "tokens": 1_234_567,
            "tokens_per_second": 20_000,
            "bits_per_character": bits,
            "peak_memory_bytes": 1_250_000_000,
            "curve": [[10, 5.0, 3.0, None], [20, 9.0, 2.0, bits]],
        }
        for name, bits in (("gru", 3.25), ("transformer", 3.5), ("chat", None))
    ]
    answers = {
        "knowledge": {"correct": 3, "total": 4},
        "knowledge.places": {"correct": 3, "total": 4},
    }
    return {
        "preset": "tiny",
        "total_seconds": 311.0,
        "peak_memory_bytes": 1_500_000_000,
        "stages": stages,
        "parameters": 1_249_477,
        "experts": ["gru", "transformer"],
        "bits_per_character": {"all": 3.125, "story": 4.0},
        "answers": answers,
        "router_weights": {"story": [0.25, 0.75]},
        "samples": [
            {"user": "<script>\0", "assistant": "你好&", "router_weights": [0.3, 0.7]},
            {"user": "空", "assistant": "", "router_weights": []},
        ],
        "wrong_answers": [{"question": "1<2？", "expected": "是。", "given": "\ud800"}],
        "documents": {"story": 10},
        "vocabulary_size": 2156,
        "seed": 1,
        "data_hash": "01840f80536e236d",
        "machine": {"cores": 2, "system": "Linux", "cpu": "A & B"},
        "versions": {"python": "3.11.7"},
        "command": "python3 lab.py run --preset tiny",
    }


def read(page):
    """All text of a page, which has to be well-formed and to stand alone."""
    page.encode("utf-8")
    tree = ElementTree.fromstring(page.partition("\n")[2])
    assert not [n for n in tree.iter() if n.tag in ("script", "link", "img", "iframe")]
    assert not re.search(r"(?:src|href)=\"(?!data:)|@import|url\(", page)
    return " ".join(tree.itertext())


def test_report_holds_everything():
    text = read(to_html(report()))
    wanted = ["gru 专家", "transformer 专家", "chat 对话", "1:05", "4,321", "1,234,567", "20,000"]
    wanted += ["3.250", "3.500", "1.25 GB", "5:11", "1,249,477", "3.125", "75.0%", "3 / 4 (75%)"]
    wanted += ["places 地理", "<script>", "你好&", "1<2？", "01840f80536e236d", "A & B", "3.11.7"]
    wanted += ["python3 lab.py run --preset tiny", "0.25", "0.75", "2,156"]
    assert [w for w in wanted if w not in text] == []
    assert "alone" not in text


def test_report_with_a_comparison():
    result = {"seconds": 60.0, "bits_per_character": {"all": 2.5}}
    result["answers"] = {"knowledge": {"correct": 1, "total": 8}}
    text = read(to_html({**report(), "comparison": {"mixture": result, "gru": result}}))
    assert "each expert alone" in text
    assert "12.5%" in text
    assert "mixture 混合" in text


def test_report_of_a_run_that_measured_nothing():
    bare = report()
    bare.update(answers={}, router_weights={}, samples=[], wrong_answers=[])
    bare["stages"] = [{**stage, "curve": []} for stage in bare["stages"]]
    text = read(to_html(bare))
    assert "Stages" in text
    assert "Answers" not in text


# ---- the language -----------------------------------------------------------------------------


def test_language_is_chosen_once_for_all():
    assert language() == "en"
    try:
        assert short("yes", "是") == "yes"
        assert language("zh") == "zh"
        assert short("yes", "是") == "是"
        with pytest.raises(LabError, match="en, zh"):
            language("fr")
        assert language() == "zh"
    finally:
        language("en")


SYMBOLS = ["⟨begin⟩", *"0123456789" * 4, "⟨end⟩"]


def every_view():
    """Each view once, of symbols of no language; name → (`View`, traces for plotly and layout)."""
    time, rng = len(SYMBOLS), np.random.default_rng(1)
    bits = np.array([np.nan, *rng.uniform(0, 12, time - 1)])
    experts, text = ["E1", "E2"], "0011223456789"
    reading = SimpleNamespace(
        symbols=SYMBOLS,
        experts=experts,
        router_weights=rng.dirichlet([1, 1], time),
        surprisal=bits,
        expert_surprisal=np.stack([bits, bits], axis=1),
        attention=causal(2, 2, time, time),
        thought=rng.random((2, time)),
        update=rng.random((time, 9)),
        reset=rng.random((time, 9)),
    )
    tokens, roles = [[BEGIN, 7, 8, END, 9, PADDING]], [[NOTHING, CONTEXT, *[ANSWER] * 3, NOTHING]]
    bounds = {"1": (10.0, 20.0, 1e-9), "2": (1e4, 10.0, 2e-7)}
    numbers = dict.fromkeys(("documents", "dialogues", "characters", "held_out", "distinct"), 9)
    numbers |= dict.fromkeys(("once", "windows", "window", "judged"), 9)
    bits_of = dict.fromkeys(
        ("unknown", "guess", "single", "half", "pairs", "speed", "minutes"), 0.5
    )
    recording = Recording("1", "1", experts, 9)
    recording.points = [Point(s, s, 2.0, 3.0, 9.0, None, 9, 9.0) for s in (0, 9)]
    recording.moments = [
        Moment(s, [["1", [["2", [0.5, 0.5]]]], ["3", []]], {"chat": [0.5, 0.5]}, [0.1, 0.2])
        for s in (0, 9)
    ]
    return {
        **{name: view for name, view in by_character(SYMBOLS).items() if name != "routing"},
        "routing": views.routing(SYMBOLS, reading.router_weights, experts),
        "reading": views.reading_view(reading, (0, 0, 3)),
        "next": views.next_characters(["1", "2"], [("3", (0.5, 0.25))]),
        "context": views.context_test({"E1": [(0, 1.0), (9, 0.5)]}),
        "conversation": views.conversation([("1", [("2", told("34", (0.5, 0.5)))])], experts),
        "known": views.known(text, Vocabulary("0123")),
        "frequency": views.frequency(Counter(text), 3),
        "roofline": views.roofline(bounds, 1e11, 2e10),
        "packing": views.packing(tokens, roles),
        "bars": views.bars(["1"], [1]),
        "shares": views.shares(["1"], [[0.5, 0.5]], experts),
        "curves": views.curves({"1": [(0, 1.0), (1, 2.0)]}),
        "appraisal": Appraisal(**numbers, **bits_of, gain=(0.1, 0.2), same=False).picture(),
        "training": summary(recording),
        "course": course(recording),
    }


def words(view):
    """All that a view says: in its picture, hovering, to a screen reader, in its text, zoomed."""
    tree = ElementTree.fromstring(view.svg)
    said = [node.text or "" for node in tree.iter()]
    said += [node.get("aria-label", "") for node in tree.iter()] + [view.text]
    if isinstance(view, zoom.Chart):
        layout = view.layout
        said += [trace["name"] for trace in view.traces]
        said += [layout["title"]["text"], layout["title"]["subtitle"]["text"]]
        said += [layout[axis]["title"]["text"] for axis in ("xaxis", "yaxis")]
    return re.sub("⟨.*?⟩|MoF Lab", "", "\n".join(said))


#: Words of the other language, but for names and signs.
FOREIGN = {
    "zh": r"(?!(?:GRU|thought|stream|nan)\b)\b[A-Za-z]{3,}",
    "en": r"[\u4e00-\u9fff]",
}


@pytest.mark.parametrize("code", FOREIGN)
@pytest.mark.parametrize("name", every_view())
def test_a_picture_of_one_language_has_no_word_of_the_other(name, code):
    both = words(every_view()[name])
    assert re.search(FOREIGN["zh"], both) and re.search(FOREIGN["en"], both)
    language(code)
    alone = words(every_view()[name])
    assert re.findall(FOREIGN[code], alone) == []
    assert alone != both and re.search(FOREIGN["zh" if code == "en" else "en"], alone)


def test_views_load_no_tensorflow():
    import subprocess
    import sys

    code = "import sys, mof_lab.views, mof_lab.report; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_counter_of_a_text_can_be_drawn():
    view = views.frequency(Counter("天天天地地人"), 2)
    assert "first 2 cover 83.33%" in view.text
    assert re.search(r"^1\s+天\s+3\s+50.00%", view.text, re.MULTILINE)

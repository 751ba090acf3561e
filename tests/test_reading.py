"""The views of one reading, drawn from arrays that no model made."""

import re
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from mof_lab import views
from mof_lab.errors import LabError
from mof_lab.reading import lanes, layout


def made(time=50, experts=("gru", "transformer"), blocks=2, heads=3, units=10, seed=0):
    """What a trace could be."""
    rng = np.random.default_rng(seed)
    attention = np.tril(rng.random((blocks, heads, time, time)) + 1e-3)
    bits = rng.random(time) * 9
    bits[0] = np.nan
    alone = rng.random((time, len(experts))) * 9
    alone[0] = np.nan
    return SimpleNamespace(
        symbols=["⟨begin⟩", "<", *"好" * (time - 2)],
        experts=experts,
        router_weights=rng.dirichlet(np.ones(len(experts)), time),
        surprisal=bits,
        expert_surprisal=alone,
        attention=attention / attention.sum(axis=-1, keepdims=True),
        thought=rng.random((blocks, time)),
        update=rng.random((time, units)),
        reset=rng.random((time, units)),
    )


def test_all_lanes_stand_below_each_character_and_do_not_overlap():
    reading = made()
    view, place = views.reading_view(reading, (1, 2, 40)), layout(reading)
    ElementTree.fromstring(view.svg)
    assert f'height="{place["height"]:g}"' in view.svg
    assert len(place["places"]) == 50 and len({y for _, y in place["places"]}) == 2
    ends = 0
    for _, _, top, height in lanes(reading):
        assert top >= ends
        ends = top + height
    assert ends == place["area"]
    tops = sorted({y for _, y in place["places"]})
    assert tops[1] - tops[0] >= place["area"] + place["symbol"]


def test_the_row_of_attention_is_in_picture_and_text():
    reading = made()
    empty, shown = views.reading_view(reading), views.reading_view(reading, (0, 1, 3))
    assert empty.svg != shown.svg
    columns = [line.split() for line in shown.text.splitlines()[3:]]
    weights = reading.attention[0, 1, 3]
    for t in range(5):
        assert f"{weights[t]:.3f}" in columns[t]
    assert "block 0, head 1: 3 好" in shown.text
    with pytest.raises(LabError, match="no row 50 of head 0 in block 0"):
        views.reading_view(reading, (0, 0, 50))


def test_parts_that_a_model_does_not_have_take_no_room():
    reading = made(experts=("gru",), blocks=0, heads=0)
    keys = [key for key, *_ in lanes(reading)]
    assert keys == ["routing", "surprisal", "alone 0", "update", "reset"]
    assert layout(reading)["attention"] is None
    ElementTree.fromstring(views.reading_view(reading).svg)
    other = made(experts=("transformer",), units=0)
    assert "update" not in [key for key, *_ in lanes(other)]
    ElementTree.fromstring(views.reading_view(other).svg)


def test_a_long_reading_stays_small():
    view = views.reading_view(made(time=256, blocks=3), (0, 0, 200))
    assert len(view.svg) < 130_000


def test_next_characters_before_and_after():
    view = views.next_characters(["all", "without"], [("<b>", (0.7, 0.1)), ("是", (0.2, 0.6))])
    ElementTree.fromstring(view.svg)
    assert "<b>" not in view.svg
    assert "0.700" in view.text and "0.600" in view.text
    widths = [float(w) for w in re.findall(r'width="([\d.]+)" height="9"', view.svg)]
    assert widths[0] / widths[1] == pytest.approx(7, rel=0.01)
    with pytest.raises(LabError, match="at least one guess"):
        views.next_characters(["all"], [])


def test_stacked_views_do_not_overlap():
    one, two = views.bars(["a"], [1]), views.bars(["b", "c"], [1, 2])
    both = views.stacked([one, two])
    root = ElementTree.fromstring(both.svg)
    inner = [e for e in root if e.tag.endswith("svg")]
    tops = [(float(e.get("y")), float(e.get("height"))) for e in inner]
    assert tops[1][0] >= tops[0][0] + tops[0][1]
    assert float(root.get("height")) == tops[1][0] + tops[1][1]
    assert one.text in both.text and two.text in both.text
    with pytest.raises(LabError, match="at least one"):
        views.stacked([])

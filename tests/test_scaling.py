"""The cost model: what must hold for any step and any link, and one case by hand."""

import importlib.util
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mof_lab import scaling
from mof_lab.scaling import Step

steps = st.builds(Step, st.floats(1e-3, 100), st.integers(128, 10**6), st.integers(10**4, 10**9))
links = st.floats(1e7, 1e11)


def test_a_case_by_hand():
    """A million weights over 10 MB/s: four workers send 6 MB each, 0.6 s, in six messages."""
    step = Step(seconds=1.4, characters=1000, parameters=10**6)
    assert scaling.sent(step, 4) == 6e6
    assert scaling.seconds(step, 4, 1e7, latency=0.0) == pytest.approx(2.0)
    assert scaling.speed(step, 4, 1e7, latency=0.0) == pytest.approx(2000)
    assert scaling.efficiency(step, 4, 1e7, latency=0.0) == pytest.approx(0.7)
    assert scaling.seconds(step, 4, 1e7, latency=0.1) == pytest.approx(2.6)
    assert scaling.days(3 * 86400 * 2000, 2000) == pytest.approx(1.0)


@given(steps, st.integers(1, 5000), links)
def test_more_workers_wait_more(step, workers, link):
    """And together are never quicker than as many that wait for nobody."""
    one = scaling.efficiency(step, workers, link)
    assert scaling.efficiency(step, workers + 1, link) <= one <= 1
    ideal = workers * scaling.speed(step, 1, link)
    assert scaling.speed(step, workers, link) <= ideal * (1 + 1e-9)
    assert scaling.speed(step, 1, link) == pytest.approx(step.characters / step.seconds)


@given(steps, links, st.floats(0.1, 0.95))
def test_where_it_stops_paying(step, link, share):
    last = scaling.most_workers(step, link, share)
    assert scaling.efficiency(step, last + 1, link) < share
    assert last == 1 or scaling.efficiency(step, last, link) >= share


@given(steps, links, st.floats(0.1, 0.95))
def test_without_latency_it_may_pay_for_any_number(step, link, share):
    last = scaling.most_workers(step, link, share, latency=0.0)
    if last == math.inf:
        assert scaling.efficiency(step, 10**15, link, latency=0.0) >= share
    else:
        assert scaling.efficiency(step, last + 1, link, latency=0.0) < share


def test_a_link_that_never_costs_half_a_step():
    step = Step(seconds=1.0, characters=1000, parameters=10**6)  # at most 8 MB are sent
    assert scaling.most_workers(step, 8e6, latency=0.0) == math.inf
    assert scaling.most_workers(step, 7e6, latency=0.0) == 8


@given(steps, st.integers(2, 64), links)
def test_a_batch_that_is_shared(step, workers, link):
    """Never more times quicker than there are workers, and less than if each had a batch."""
    quicker = scaling.fixed_batch_speedup(step, workers, link)
    assert quicker <= workers
    assert quicker <= workers * scaling.efficiency(step, workers, link) * (1 + 1e-9)


@pytest.fixture
def tool(monkeypatch, tmp_path):
    """tools/scaling.py with a copy of its page."""
    place = Path(__file__).parents[1] / "tools" / "scaling.py"
    spec = importlib.util.spec_from_file_location("scaling_tool", place)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = tmp_path / "scaling.md"
    page.write_text(tool.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(tool, "PAGE", page)
    return tool


def test_the_page_is_what_its_tool_writes(tool):
    before = tool.PAGE.read_text(encoding="utf-8")
    tool.write_page()
    assert tool.PAGE.read_text(encoding="utf-8") == before, "run `python tools/scaling.py page`"


def test_a_page_without_a_large_text(tool, monkeypatch, tmp_path):
    monkeypatch.setattr(tool, "LARGE", tmp_path / "large_text.json")
    tool.write_page()
    written = tool.PAGE.read_text(encoding="utf-8")
    assert "<!-- large -->\n<!-- end of large -->\n" in written
    assert "|\n<!-- end of speed -->\n" in written

"""Curves in JupyterLab: plotly draws them, a drag zooms, and what is new is drawn anew."""

import pytest

from .harness import beside, until

SOURCE = """\
from mof_lab import shipped
from mof_lab.recording import Recording
from mof_lab.training_views import course
from mof_lab.widgets import Replay
recording = Recording.load(shipped("tiny") / "recordings" / "gru.json")
course(recording)"""
BESIDE = """\
replay = Replay(recording)
replay"""
KEPT = """\
recording.points = recording.points[:4]
replay.keep()"""

RANGE = "chart => chart._fullLayout.xaxis.range.map(Number)"
CHART = ".js-plotly-plot"


@pytest.fixture(scope="module")
def chart(lab, browser_page):
    pytest.importorskip("plotly")
    lab.write("zoom.ipynb", [SOURCE, BESIDE, KEPT])
    lab.open(browser_page, "zoom.ipynb")
    lab.command(browser_page, "notebook:run-cell-and-select-next")
    browser_page.locator(f"{CHART} .nsewdrag").first.wait_for(state="attached")
    return browser_page.locator(CHART).first


@pytest.fixture(scope="module")
def root(lab, chart):
    """A replay, in the cell after the chart."""
    lab.command(chart.page, "notebook:run-cell-and-select-next")
    root = chart.page.locator(".mof-panel").first
    root.wait_for()
    chart.page.locator(f"{CHART} .nsewdrag").nth(1).wait_for(state="attached")
    return root


def drag(chart):
    """Drags over the second quarter of a chart, until it shows that part alone."""
    chart.scroll_into_view_if_needed()
    before = chart.evaluate(RANGE)
    assert before[1] > 400
    box = chart.locator(".nsewdrag").first.bounding_box()
    mouse, middle = chart.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + box["width"] / 4, middle)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2, middle, steps=5)
    mouse.up()
    until(chart, f"chart => chart._fullLayout.xaxis.range[1] < {before[1] * 0.7}")
    low, high = chart.evaluate(RANGE)
    assert before[0] < low < high and high - low < 0.4 * (before[1] - before[0])


def test_a_drag_zooms(chart, pictures):
    chart.page.screenshot(path=pictures / "zoom_light.png")
    drag(chart)


def test_beside_a_widget_the_curves_are_seen_to_be_zoomed_and_nothing_twice(root, pictures):
    button = root.locator("[data-action=zoom]")
    button.wait_for()
    assert beside(root) == [] and button.get_attribute("aria-expanded") == "false"
    button.focus()
    root.page.keyboard.press("Enter")
    until(root, "root => root.classList.contains('mof-zoomed')")
    shown = beside(root)
    assert len(shown) == 1
    chart = shown[0].locator(CHART)
    width = chart.bounding_box()["width"]  # that of the page, though it was drawn out of sight
    assert width > 500 and abs(chart.evaluate("c => c._fullLayout.width") - width) < 20
    assert chart.bounding_box()["height"] > 300
    root.page.screenshot(path=pictures / "zoom_beside.png")
    drag(chart)
    button.click()
    assert beside(root) == []


def test_in_the_dark(lab, root, chart, pictures):
    lab.darken(chart.page)
    chart.page.wait_for_timeout(1000)  # JupyterLab has it drawn anew
    assert chart.bounding_box()["height"] > 300
    assert chart.evaluate("c => c._fullLayout.paper_bgcolor").replace(" ", "") == "rgba(0,0,0,0)"
    chart.page.screenshot(path=pictures / "zoom_dark.png")


def test_what_is_kept_anew_is_drawn_anew(lab, root, chart):
    """plotly's renderer takes no news; beside a widget it is made to."""
    page = chart.page
    page.wait_for_function(f"document.querySelectorAll('{CHART}')[1]?.data?.[0].x.length > 4")
    page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 2")
    lab.command(page, "notebook:run-cell")
    page.wait_for_function(f"document.querySelectorAll('{CHART}')[1]?.data?.[0].x.length === 4")
    root.locator("[data-action=zoom]").click()
    assert len(beside(root)) == 1  # and it says that the widget has more than the chart shows
    assert "run this cell again" in root.locator(".mof-status").inner_text()

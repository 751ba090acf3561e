"""Charts to zoom in: plotly's data says what the picture says, and is never needed."""

import builtins
import json
import re
import subprocess
import sys

import pytest

from mof_lab import views, zoom
from mof_lab.errors import LabError
from mof_lab.view import View

SERIES = {"<b>held</b> 留出": [(0, 4.0), (10, 2.0), (20, None)], "b": [(0, 3.0), (20, 3.5)]}
KNOWN = {"b": SERIES["b"]}
GUESSES = [("3", (0.5, 0.25)), ("<i>", (0.125, 0.0))]


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.fixture
def without_plotly(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.partition(".")[0] == "plotly":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_the_figure_has_the_points_and_words_of_the_picture():
    pytest.importorskip("plotly")
    view = views.curves(SERIES, "steps 步数", "bits 比特", "Loss <x> 损失", "A note. 说明。")
    bundle = view._repr_mimebundle_()
    assert set(bundle) == {zoom.MIME, "image/svg+xml", "text/plain"}
    chart = json.loads(json.dumps(bundle[zoom.MIME], allow_nan=False))
    first, second = chart["data"]
    assert (first["x"], first["y"]) == ([0, 10], [4, 2]) and second["y"] == [3, 3.5]
    assert first["name"] == "&lt;b&gt;held&lt;/b&gt; 留出"  # plotly would obey the tag
    layout = chart["layout"]
    assert layout["title"]["text"] == "Loss &lt;x&gt; 损失"
    assert layout["xaxis"]["title"]["text"] == "steps 步数"
    assert layout["yaxis"]["title"]["text"] == "bits 比特"
    assert len(json.dumps(chart)) < 4000
    assert type(view.figure).__name__ == "Figure"  # a FigureWidget brings 5 MB along


def test_switched_off_parts_beside_all_on():
    pytest.importorskip("plotly")
    chart = views.next_characters(["all on", "now"], GUESSES)._repr_mimebundle_()[zoom.MIME]
    assert [trace["type"] for trace in chart["data"]] == ["bar", "bar"]
    assert [trace["y"] for trace in chart["data"]] == [[0.5, 0.125], [0.25, 0.0]]
    assert chart["data"][0]["x"] == ["3", "&lt;i&gt;"]
    assert chart["layout"]["xaxis"]["type"] == "category"


def test_what_is_drawn_can_be_read_on_white_and_in_the_dark():
    _, layout = zoom.lines(KNOWN, "", "", "")
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
    for paper in ("#ffffff", "#111111"):
        assert contrast(zoom.INK, paper) > 4.2
        assert min(contrast(colour, paper) for colour in zoom.COLOURS) > 3


def test_lines_differ_by_more_than_their_colour():
    traces, _ = zoom.lines({str(i): [(0, i), (1, i)] for i in range(6)}, "", "", "")
    assert len({t["line"]["dash"] for t in traces}) == 6
    assert len({t["marker"]["symbol"] for t in traces}) == 6


def test_without_plotly_there_is_the_picture(without_plotly):
    view = views.curves(SERIES)
    assert view._repr_mimebundle_() == View(view.svg, view.text)._repr_mimebundle_()
    with pytest.raises(LabError, match="pip install plotly"):
        view.figure  # noqa: B018


def test_plotly_is_imported_when_a_chart_is_shown_and_no_sooner():
    code = (
        "import sys; from mof_lab import views; view = views.curves({'a': [(0, 1), (1, 2)]}); "
        "view.svg, view.html; print('plotly' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_the_colours_are_as_many_as_those_of_the_picture():
    from mof_lab import drawing

    assert len(zoom.COLOURS) == len(drawing.COLOURS) == len(zoom.DASHES) == len(zoom.SIGNS)
    assert re.search(r"Noto Sans CJK", zoom.lines(KNOWN, "", "", "")[1]["font"]["family"])

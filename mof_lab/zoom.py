"""Charts to zoom in: what plotly draws of them in JupyterLab, beside their picture.

JupyterLab takes plotly's data before an SVG, with the renderer that plotly's package brings; a
code host, Voila and the site take the SVG. It is a plain figure: a `FigureWidget` would put 5 MB
of JavaScript into a notebook. Without plotly there is the SVG alone.
"""

import html
import json
from dataclasses import dataclass

from .errors import LabError
from .language import beside
from .view import FONT, View

MIME = "application/vnd.plotly.v1+json"
#: Nothing is drawn behind a chart, so its colours have to be read on white and on near-black.
#: They go with `drawing.COLOURS`, whose darkest would be lost in the dark.
COLOURS = ("#3d7cc0", "#c9761c", "#36907b", "#b3587f", "#7b8794", "#6c9636")
INK, GRID, NOTHING = "#797979", "rgba(128,128,128,0.3)", "rgba(0,0,0,0)"
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SIGNS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
SIGNED = 60  # points up to which each has its sign; more would hide the line


@dataclass(frozen=True)
class Chart(View):
    """A picture, its text, and the same data for plotly: its traces and its layout, as dicts."""

    traces: list
    layout: dict

    @property
    def figure(self):
        """The chart as a `plotly.graph_objects.Figure`.

        Raises:
            LabError: plotly is missing.
        """
        try:
            from plotly.graph_objects import Figure  # slow to import, and not everybody's
        except ImportError:
            raise LabError(
                "A figure to zoom in needs the package plotly: pip install plotly, or use .svg."
            ) from None
        return Figure(self.traces, self.layout)

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = super()._repr_mimebundle_(include, exclude)
        try:
            figure = json.loads(self.figure.to_json())
        except LabError:
            return bundle
        # Not `responsive`: JupyterLab's renderer follows the width; both at once lose the height.
        figure["config"] = {"displaylogo": False}
        return {MIME: figure, **bundle}


def lines(series, x_label, y_label, title, note=""):
    """Traces and layout of lines: name → [(x, y), …], as `charts.curves` takes them."""
    traces = []
    for i, (name, points) in enumerate(series.items()):
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(points) <= SIGNED else "lines",
                "name": html.escape(name),
                "x": [float(x) for x, _ in points],
                "y": [float(y) for _, y in points],
                "line": {"color": COLOURS[i % 6], "dash": DASHES[i % 6]},
                "marker": {"symbol": SIGNS[i % 6], "size": 7},
            }
        )
    return traces, _layout(title, note, x_label, y_label)


def columns(names, guesses, title):
    """Traces and layout of bars beside each other, as `reading.next_characters` takes them."""
    traces = [
        {
            "type": "bar",
            "name": html.escape(name),
            "x": [html.escape(symbol) for symbol, _ in guesses],
            "y": [float(values[i]) for _, values in guesses],
            "marker": {"color": COLOURS[i % 6], "pattern": {"shape": "/" if i % 2 else ""}},
        }
        for i, name in enumerate(names)
    ]
    layout = _layout(title, "", "", beside("probability", "概率"))
    layout["xaxis"]["type"] = "category"  # a digit is a character
    return traces, layout


def _layout(title, note, x_label, y_label):
    def axis(label):
        return {"title": {"text": html.escape(label)}, "gridcolor": GRID, "zerolinecolor": GRID}

    return {
        "template": "none",
        "title": {
            "text": html.escape(title),
            "subtitle": {"text": html.escape(note), "font": {"size": 12, "color": INK}},
            "font": {"size": 16},
            "x": 0.01,
        },
        "font": {"family": FONT.replace("'", ""), "size": 12, "color": INK},
        "paper_bgcolor": NOTHING,
        "plot_bgcolor": NOTHING,
        "modebar": {"bgcolor": NOTHING, "color": INK, "activecolor": COLOURS[1]},
        "hoverlabel": {"namelength": -1},
        "xaxis": axis(x_label),
        "yaxis": axis(y_label),
        "legend": {"orientation": "h", "y": -0.2, "yanchor": "top"},
        "showlegend": True,
        "height": 400,
        "margin": {"l": 60, "r": 20, "t": 70, "b": 50},
    }

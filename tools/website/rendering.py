"""Cells to HTML: nbconvert with a template of our own, formulas as MathML, plotly as data."""

import json
import re
from pathlib import Path

from bs4 import BeautifulSoup
from jinja2 import pass_context
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import from_dict

from mof_lab.errors import LabError

from .documents import HAN

TEMPLATE = Path(__file__).parent / "template"
PLOTLY = "application/vnd.plotly.v1+json"
ANSI = re.compile(r"\x1b\[[\d;]*m")


def mathml(latex, block):
    """A formula as MathML, which browsers draw themselves.

    Raises:
        LabError: the formula has a mistake.
    """
    from math_core import LatexError, LatexToMathML

    try:
        return LatexToMathML().convert_with_local_state(latex, displaystyle=block)
    except LatexError as error:
        lines = [line.strip() for line in ANSI.sub("", str(error)).splitlines() if line.strip()]
        reason = lines[0].removeprefix("Error: ").rstrip(".") if lines else "no reason given"
        raise LabError(
            f"the formula {latex.strip()} cannot be set ({reason}): mend it, or write it with "
            "commands that LaTeX itself has."
        ) from error


class Renderer(IPythonRenderer):
    """nbconvert's renderer of markdown, but formulas become MathML at once."""

    def paragraph(self, text):
        return super().paragraph(languages_apart(text))

    def block_math(self, body):
        return mathml(body, block=True)

    def inline_math(self, body):
        return mathml(body, block=False)

    def latex_environment(self, name, body):
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


def languages_apart(text):
    """The lines of a paragraph (HTML), with a break between languages."""
    lines = text.split("\n")
    joined = lines[0]
    for before, line in zip(lines, lines[1:], strict=False):
        joined += ("\n" if _is_chinese(before) == _is_chinese(line) else "<br>\n") + line
    return joined


def _is_chinese(line):
    words = re.sub(r"<(code|math)\b.*?</\1>|<[^>]*>", "", line)
    return 3 * len(re.findall(f"[{HAN}]", words)) > len(re.findall(r"[A-Za-z]", words))


class Exporter(HTMLExporter):
    """A notebook's cells as HTML, nothing around them.

    After an export, `figures` holds its SVG pictures; their places are marked in the HTML, so that
    the parsers on the way neither read nor change them.
    """

    def __init__(self, **settings):
        super().__init__(
            template_name=TEMPLATE.name,
            extra_template_basedirs=[str(TEMPLATE.parent)],
            exclude_input_prompt=True,
            exclude_output_prompt=True,
            **settings,
        )
        self.figures = []

    @pass_context
    def markdown2html(self, context, source):
        attachments = context.get("cell", {}).get("attachments", {})
        renderer = Renderer(escape=False, exclude_anchor_links=True, attachments=attachments)
        return MarkdownWithMath(renderer=renderer).render(source)

    def default_filters(self):
        yield from super().default_filters()
        yield "figure", self._figure
        yield "formula", self._formula

    def _figure(self, output):
        svg = "".join(output.data["image/svg+xml"])
        self.figures.append(svg[svg.index("<svg") :])
        return f'<div class="figure" data-figure="{len(self.figures) - 1}"></div>'

    def _formula(self, latex):
        """An output of type text/latex, with its dollar signs."""
        return mathml(latex.strip().strip("$"), block=True)

    def cells(self, notebook):
        """The cells as a parsed document; figures are still only marked."""
        self.figures = []
        html, _ = self.from_notebook_node(_with_charts(notebook))
        return BeautifulSoup(html, "html.parser")


def _with_charts(notebook):
    """A copy in which a plotly figure is its data, for the one plotly.min.js of the site.

    Where there is a picture too, that is shown: it follows the page's theme and needs no script.
    """
    notebook = json.loads(json.dumps(notebook))
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            chart = output.get("data", {}).get(PLOTLY)
            if chart and "image/svg+xml" in output["data"]:
                output["data"].pop("text/html", None)  # the chart again, with a script
            elif chart:
                figure = {key: chart[key] for key in ("data", "layout") if key in chart}
                data = json.dumps(figure, ensure_ascii=False).replace("<", "\\u003c")
                output["data"] = {
                    "text/html": '<div class="chart"><script type="application/json">'
                    f"{data}</script></div>"
                }
    return from_dict(notebook)


def with_figures(html, figures):
    """The pictures put into their places, inline: the page's theme colours them."""

    def picture(match):
        number = int(match[1])
        svg = figures[number]
        # Ids are one page's in the site, but one picture's where it was drawn.
        for name in set(re.findall(r'\bid="([^"]+)"', svg)):
            own = f"f{number}-{name}"
            svg = svg.replace(f'id="{name}"', f'id="{own}"').replace(f"#{name})", f"#{own})")
            svg = svg.replace(f'href="#{name}"', f'href="#{own}"')
        return f'<div class="figure">{svg}</div>'

    return re.sub(r'<div class="figure" data-figure="(\d+)"></div>', picture, html)

"""Makes docs/slides.html of docs/slides.ipynb: one file that needs no network and no kernel.

    python tools/execute_notebooks.py docs/slides.ipynb    # where a figure has to change
    python tools/slides.py

nbconvert makes the slides; reveal.js, which it would load from elsewhere, is taken from its npm
package (fetched by npm once, checked, kept in `.cache/`) and put into the page.
"""

import base64
import hashlib
import re
import sys
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter

from mof_lab.errors import LabError
from mof_lab.files import write_atomically
from mof_lab.packages import Package, read

PROJECT = Path(__file__).resolve().parent.parent
NOTEBOOK, PAGE = PROJECT / "docs" / "slides.ipynb", PROJECT / "docs" / "slides.html"
REVEAL = Package(
    "npm",
    "reveal.js",
    2.4,
    "5.1.0",
    "524caf847e98033595943d994725dd357d20c7d07ad18afbaa932f1535e636e7",
)

#: nbconvert's own slides without what they load: no require.js, MathJax, theme or web font.
TEMPLATE = """\
{%- extends 'reveal/index.html.j2' -%}
{% block html_head_js %}
<meta name="made-from" content="{{ resources.made_from }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
{% endblock %}
{% block notebook_css %}<style>{{ resources.styles }}</style>{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block footer_js %}
<script>{{ resources.reveal_js }}</script>
<script>{{ resources.notes_js }}</script>
<script>
Reveal.initialize({
  width: 1080, height: 720, margin: 0.04, hash: true, slideNumber: "c/t", plugins: [RevealNotes],
  controlsBackArrows: "hidden", // it would lie on a figure
});
</script>
{% endblock %}
"""
PICTURE = re.compile(r'<img alt="[^"]*" src="(data:image/svg\+xml;base64,)([\w+/=]+)')
STYLE = """
html, body, main { height: 100%; margin: 0; }
body, .reveal-viewport { background: #fbfaf7; color: #1f2933; }
.reveal { font: 26px/1.5 "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
.reveal .slides { text-align: left; }
.reveal h1 { font-size: 54px; line-height: 1.25; margin: 0 0 18px; }
.reveal h2 { font-size: 38px; line-height: 1.25; margin: 0 0 14px; color: #1d4e89; }
.reveal p, .reveal ol { margin: 0 0 14px; }
.reveal p { white-space: pre-line; } /* a language a line */
.reveal table { border-collapse: collapse; margin: 8px 0 18px; }
.reveal th, .reveal td { border-bottom: 1px solid #d5d2c8; padding: 8px 18px 8px 0; }
.reveal th { text-align: left; }
.reveal pre { font: 22px/1.6 monospace; white-space: pre-wrap; margin: 0 0 14px; }
.reveal code { font-family: monospace; }
.reveal img { display: block; width: 1000px; max-width: 100%; max-height: 540px; margin: 0;
  object-fit: contain; object-position: left; }
.anchor-link, .jp-Cell-outputCollapser, .jp-OutputPrompt, .jp-InputPrompt { display: none; }
"""


def main(arguments=()):
    target = Path(arguments[0]) if arguments else PAGE
    text = page(NOTEBOOK, *(reveal(name) for name in ("js", "css", "notes")))
    write_atomically(target, text.encode("utf-8"))
    print(f"{target}: {len(text.encode('utf-8')) / 1e3:,.0f} kB")


def page(notebook, script, style, notes):
    """The page, as text; script, style, notes: reveal.js, its style, and its speaker's notes."""
    resources = {
        "made_from": fingerprint(notebook),
        "reveal_js": in_script(script),
        "notes_js": in_script(notes),
        "styles": style + STYLE,
    }
    exporter = SlidesExporter(raw_template=TEMPLATE, exclude_input=True, exclude_output_prompt=True)
    shown = nbformat.read(notebook, as_version=4)
    text, _ = exporter.from_notebook_node(shown, resources)
    text = PICTURE.sub(described, text)
    text = re.sub(r"<link[^>]*>", "", text)  # reveal.js's style is in the page; a theme is not used
    return re.sub(r"\n\s*\n+", "\n", text)


def described(found):
    """A picture with its own title as the text that is read in its place."""
    svg = base64.b64decode(found[2]).decode("utf-8")
    label = re.search(r'aria-label="([^"]*)"', svg)
    return f'<img alt="{label[1] if label else ""}" src="{found[1]}{found[2]}'


def reveal(part):
    """A file of reveal.js, as text."""
    names = {"js": "dist/reveal.js", "css": "dist/reveal.css", "notes": "plugin/notes/notes.js"}
    ((_, content),) = read(REVEAL, f"package/{names[part]}")
    return content.decode("utf-8")


def in_script(text):
    """JavaScript that may stand between script tags: its strings may name such a tag."""
    return re.sub(r"</(script)", r"<\\/\1", text, flags=re.IGNORECASE)


def fingerprint(notebook):
    """Of what the page shows; the test compares."""
    cells = nbformat.read(notebook, as_version=4).cells
    shown = [[c.source, c.get("outputs", []), c.metadata] for c in cells]
    return hashlib.sha256(repr(shown).encode("utf-8")).hexdigest()[:16]


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except LabError as error:
        sys.exit(str(error))

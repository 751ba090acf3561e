"""What the files inside packages hold, as rows that the adapters know.

Each function takes a file's bytes and yields dictionaries with `text`, `messages` or columns.
"""

import csv
import io
import json
from html.parser import HTMLParser

from .errors import LabError

#: Characters below which a page is a table of contents.
PAGE = 50


def simplifier():
    """A function from traditional characters to simplified ones."""
    try:
        from opencc import OpenCC
    except ImportError:
        raise LabError(
            "This source is in traditional characters, and OpenCC is missing; install it with "
            "`pip install opencc-python-reimplemented`, or choose another source."
        ) from None
    return OpenCC("t2s").convert


def rows(data):
    """A JSON list of rows."""
    yield from json.loads(data)


def chapters(data):
    """A JSON list of texts."""
    for chapter in json.loads(data):
        lines = (line.strip() for line in chapter.splitlines())
        yield {"text": "\n".join(line for line in lines if line)}


def poems(data):
    """A JSON list of poems: the title, then the lines."""
    for poem in json.loads(data):
        title = poem.get("title") or poem.get("rhythmic") or ""
        yield {"text": "\n".join(part for part in (title, *poem["paragraphs"]) if part)}


def exchanges(data):
    """YAML with lists of sayings, of two people in turn."""
    import yaml  # comes with `datasets`

    for sayings in yaml.safe_load(data)["conversations"]:
        if len(sayings) > 1:
            roles = ("user", "assistant")
            yield {
                "messages": [
                    {"role": roles[i % 2], "content": str(saying)}
                    for i, saying in enumerate(sayings)
                ]
            }


def idioms(data):
    """A table of idioms with their explanations, each as a question and an answer."""
    for idiom in csv.DictReader(io.StringIO(data.decode("utf-8"))):
        yield {"question": f"“{idiom['word']}”是什么意思？", "answer": idiom["explanation"]}


def pages(data):
    """The sentences of a page of HTML, in paragraphs that are mostly Chinese, as one text."""
    parser = _Paragraphs()
    parser.feed(data.decode("utf-8"))
    parser.close()
    text = "\n".join(p for p in parser.paragraphs if p[-1] in "。！？：；" and _chinese(p))
    if len(text) >= PAGE:
        yield {"text": text}


def _chinese(paragraph):
    """Are at least half of the letters Han characters?"""
    letters = [c for c in paragraph if c.isalpha()]
    return sum("\u4e00" <= c <= "\u9fff" for c in letters) * 2 > len(letters)


class _Paragraphs(HTMLParser):
    """Collects what stands in `<p>` and `<div class="para">`, without program listings."""

    def __init__(self):
        super().__init__()
        self.paragraphs = []
        self._open = []  # of each open element: "text", "code" or ""
        self._said = []

    def handle_starttag(self, tag, attributes):
        if tag in ("br", "img", "hr", "meta", "link", "input", "col"):
            return
        kind = dict(attributes).get("class") or ""
        code = tag in ("pre", "script", "style", "table", "head")
        text = tag == "p" or (tag == "div" and kind == "para")
        if text or code:
            self._end()
        self._open.append((tag, "code" if code else "text" if text else ""))

    def handle_endtag(self, tag):
        while any(name == tag for name, _ in self._open):
            name, kind = self._open.pop()
            if kind:
                self._end()
            if name == tag:
                return

    def handle_data(self, data):
        kinds = [kind for _, kind in self._open if kind]
        if "text" in kinds and "code" not in kinds:
            self._said.append(data)

    def _end(self):
        paragraph = " ".join("".join(self._said).split())
        if paragraph:
            self.paragraphs.append(paragraph)
        self._said = []

"""A document as a whole page: anchors, contents and links first, then what stands around it."""

import json
import posixpath
import re
import unicodedata
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .rendering import TEMPLATE, with_figures
from .words import WORDS

#: Elements whose text is searched as a piece; none of them stands in another of them.
PIECES = ("p", "li", "td", "th", "pre", "figcaption")


@dataclass
class Section:
    """What lies under one heading, or one term of a glossary; found as one by the search."""

    heading: str
    anchor: str
    level: int
    pieces: list = field(default_factory=list)


class Pages:
    """Draws documents, one after the other.

    After all are drawn, `files` holds what of the repository they need beside them: path in the
    repository -> path in the site; `charts` says whether one of them has a plotly figure.
    """

    def __init__(self, library, exporter):
        self.library, self.exporter = library, exporter
        self.files, self.charts, self.formulas, self.figures = {}, False, 0, 0
        environment = Environment(
            loader=FileSystemLoader(TEMPLATE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("page.html.j2")

    def draw(self, document):
        """A document's page.

        Returns:
            (HTML, its sections).

        Raises:
            LabError: a link is dead, or a formula has a mistake; it names the document.
        """
        soup = self.exporter.cells(document.notebook)
        self._mend_links(document, soup)
        self._mend_pictures(document, soup)
        _wrap_tables(soup)
        sections = _sections(soup, document)
        self._mark_places(document, soup)
        formulas, charts = len(soup.find_all("math")), bool(soup.select(".chart"))
        self.formulas += formulas
        self.figures += len(self.exporter.figures)
        self.charts |= charts
        body = with_figures(str(soup), self.exporter.figures)
        return self._around(document, body, sections, charts), sections

    # ---- what is in it --------------------------------------------------------------------------

    def _mend_links(self, document, soup):
        for link in soup.find_all("a", href=True):
            parts = urlsplit(link["href"])
            if parts.scheme or parts.netloc:
                link["rel"] = "noopener"
                link["class"] = [*link.get("class", []), "outside"]
            elif parts.path:
                target = self._target(document, link["href"])
                if target:
                    link["href"] = target
                else:
                    link.unwrap()

    def _target(self, document, href):
        """Relative to the document's page; "" where there is no page for it."""
        page, file, anchor = self.library.resolve(document, href)
        if file:
            page = self.files.setdefault(file, _place_of(file))
        if not page:
            return ""
        return document.relative(page) + (f"#{anchor}" if anchor else "")

    def _mend_pictures(self, document, soup):
        """Pictures of the repository come along; one from outside becomes its words."""
        for image in soup.find_all("img"):
            parts = urlsplit(image.get("src", ""))
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                image.replace_with(image.get("alt") or parts.netloc)
                continue
            image["src"] = self._target(document, image["src"])
            image["loading"] = "lazy"
        for source in soup.select("picture > source[srcset]"):  # one address, for some readers
            source["srcset"] = self._target(document, source["srcset"])

    def _mark_places(self, document, soup):
        """The cells that the other language's edition has too: the switch goes to them."""
        twin = self.library.twin(document)
        shared = {f"cell-{cell.id}" for cell in twin.notebook.cells} if twin else ()
        for cell in soup.select("div.cell"):
            if cell["id"] in shared:
                cell["data-place"] = ""

    # ---- what is around it ----------------------------------------------------------------------

    def _around(self, document, body, sections, charts):
        listed = self.library.in_language(document.language)
        keys = [other.key for other in listed]
        at = keys.index(document.key) if document.key in keys else None
        twin = self.library.twin(document)
        other = "en" if document.language == "zh" else "zh"
        there = twin or self.library.documents.get(
            "zh/index.html" if other == "zh" else "index.html"
        )
        words = WORDS[document.language]
        start = listed[0]

        def entry(found):
            return {
                "href": document.relative(found.page),
                "name": words["front"]
                if found is start
                else found.name_in(document.language, found.title),
                "here": found.key == document.key,
                "foreign": found.language != document.language,
            }

        series = [other for other in listed if other.source.endswith(".ipynb")]
        return self._template.render(
            language=document.language,
            words=words,
            root=document.root,
            title=document.name if document is not start else words["site"],
            is_front=document.key == start.key,
            source=document.source,
            body=Markup(body),
            front=entry(start),
            series=[entry(found) for found in series],
            more=[entry(found) for found in listed[1:] if found not in series],
            contents=[s for s in sections if s.level in (2, 3) and s.heading],
            previous=entry(listed[at - 1]) if at else None,
            following=entry(listed[at + 1]) if at is not None and at + 1 < len(listed) else None,
            other=there
            and {"href": document.relative(there.page), "code": other, "has": bool(twin)},
            charts=charts,
            spoken=json.dumps(
                {key: words[key] for key in ("found", "none", "loading", "copy", "copied")},
                ensure_ascii=False,
            ),
        )


def _place_of(file):
    """Where a file of the repository lies in the site; a browser shows it, whatever its name."""
    suffix = posixpath.splitext(file)[1]
    shown = suffix in (".html", ".svg", ".png", ".jpg", ".webp", ".gif", ".txt", ".json", ".pdf")
    return f"files/{file}" + ("" if shown else ".txt")


def slug(text):
    """An anchor as code hosts make it of a heading, so that links hold here and there."""
    text = unicodedata.normalize("NFKC", text).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-") or "section"


def _wrap_tables(soup):
    """A wide table scrolls by itself, not the page; a glossary is one whose rows have places."""
    for table in soup.find_all("table"):
        if table.select("td a[id]"):
            table["class"] = "glossary"
        table.wrap(soup.new_tag("div", attrs={"class": "wide", "tabindex": "0"}))


def _sections(soup, document):
    """Gives headings their anchors; cuts the text at them, and at the terms of a glossary."""
    taken = {tag["id"] for tag in soup.find_all(id=True)}
    sections, named = [Section("", "", 1)], []
    for tag in soup.find_all(["h1", "h2", "h3", "h4", "tr", *PIECES]):
        if tag.name[0] == "h" and tag.name[1:].isdigit():
            heading = " ".join(tag.get_text(" ", strip=True).split())
            anchor = tag.get("id") or _free(slug(heading), taken)
            tag["id"] = anchor
            shown = document.name_in(document.language, heading)
            sections.append(Section(shown, anchor, int(tag.name[1])))
            mark = soup.new_tag("a", attrs={"class": "anchor", "href": f"#{anchor}"})
            mark["aria-label"] = shown
            mark.string = "#"
            tag.append(mark)
        elif tag.name == "tr":
            term = tag.find("a", id=True)
            if term:
                named = tag.find_all("td")[:2]
                name = " ".join(cell.get_text(" ", strip=True) for cell in named)
                sections.append(Section(name, term["id"], 4))
        elif not any((tag in named, tag.find_parent(PIECES), tag.find_parent(class_="results"))):
            text = " ".join(tag.get_text("" if tag.name == "pre" else " ", strip=False).split())
            if text:
                sections[-1].pieces.append(text)
    return sections


def _free(anchor, taken):
    number, wanted = 0, anchor
    while anchor in taken:
        number += 1
        anchor = f"{wanted}-{number}"
    taken.add(anchor)
    return anchor

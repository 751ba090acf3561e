"""What becomes a page of the site, and where a link of one leads.

Notebooks and texts are one kind of thing here: a list of cells. A text is cut at its headings, so
that both have places that an edition in the other language shares.
"""

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import nbformat

from mof_lab.errors import LabError

LANGUAGES = ("en", "zh")

#: Texts of the front, in the order of the side list; the notebooks come after the first.
FRONT, AFTER = "README.md", ("docs/glossary.md", "docs/model_card.md")

#: Written in both languages side by side: a page in each language, with the same contents.
BILINGUAL = ("docs/glossary.md", "docs/gallery.md", "docs/model_card.md", "CONTRIBUTING.md")

HAN = "\u4e00-\u9fff"  # inside the brackets of a pattern
LINK = re.compile(r"""!?\[[^\]]*\]\(<?([^)\s>]+)|\b(?:href|src)="([^"]+)""")
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Document:
    """A page to be.

    Attributes:
        source: path in the repository, with /.
        page: path in the site, with /.
        language: en or zh.
        notebook: its cells.
        title: its first heading, as it is written.
    """

    source: str
    page: str
    language: str
    notebook: nbformat.NotebookNode
    title: str

    @property
    def key(self):
        """The same for both editions of a page."""
        return self.page.removeprefix("zh/")

    @property
    def name(self):
        """The title in the page's own language."""
        return self.name_in(self.language, self.title)

    def name_in(self, language, title):
        """One half of a title of this page that is written in both languages, with its number.

        Everywhere that is `English — 中文`; in a bilingual text also `English 中文`.
        """
        dash = " — | " if self.source in BILINGUAL else " — "
        halves = re.fullmatch(rf"(\d+ · |)([^{HAN}]+?)(?:{dash})([{HAN}].*)", title)
        if not halves:
            return title
        number, english, chinese = halves.groups()
        return number + (english if language == "en" else chinese)

    def relative(self, page):
        """The address of another page of the site, from this one."""
        return quote(posixpath.relpath(page, posixpath.dirname(self.page) or "."))

    @property
    def root(self):
        """From the page to the site's folder: "" or "../"."""
        return "../" * self.page.count("/")


def language_of(source):
    """The language that a document of the repository is written in, by its name."""
    return "zh" if ".zh-CN." in source or "/zh/" in source else "en"


def page_of(source, language):
    """Where a document's page lies, both editions of one below the same name.

    docs/guide.zh-CN.md -> zh/guide.html; notebooks/student/zh/03_x.ipynb -> zh/student/03_x.html.
    """
    path = re.sub(r"^(notebooks|docs)/", "", source)
    path = re.sub(r"\.(ipynb|md)$", "", path)
    if path.endswith(".zh-CN"):
        path = "zh/" + path.removesuffix(".zh-CN")
    elif language == "zh":
        path = "zh/" + re.sub(r"(^|/)zh/", r"\1", path)
    path = re.sub(r"(^|/)README$", r"\1index", path)
    return (path.lower() if source.endswith(".md") else path) + ".html"


class Library:
    """All documents of a repository.

    Args:
        repository: its folder.

    Raises:
        LabError: what must be there is missing, or cannot be read.
    """

    def __init__(self, repository):
        self.repository = Path(repository)
        self.documents = {}  # page -> Document
        notebooks = self._glob("notebooks/[0-9][0-9]_*.ipynb")
        if not notebooks or not (self.repository / FRONT).is_file():
            raise LabError(
                f"{self.repository} has no {FRONT} or no numbered notebooks in notebooks/: "
                "the site is made from a whole copy of the lab's repository."
            )
        self.order = [FRONT, *notebooks, *(s for s in AFTER if (self.repository / s).is_file())]
        for source in [*self.order, *self._glob("notebooks/zh/[0-9][0-9]_*.ipynb")]:
            self._add(source)

    def _glob(self, pattern):
        return [
            p.relative_to(self.repository).as_posix() for p in _sorted(self.repository, pattern)
        ]

    def _add(self, source):
        """Takes a document, then all that it links to."""
        languages = LANGUAGES if source in BILINGUAL else (language_of(source),)
        new = [code for code in languages if page_of(source, code) not in self.documents]
        if not new:
            return
        notebook = _read(self.repository / source, source)
        title = _title(notebook) or Path(source).stem
        for code in new:
            page = page_of(source, code)
            self.documents[page] = Document(source, page, code, notebook, title)
        chinese = source.removesuffix(".md") + ".zh-CN.md"
        for target in (chinese, *_targets(notebook, source)):
            if target.endswith((".md", ".ipynb")) and (self.repository / target).is_file():
                self._add(target)

    def in_language(self, language):
        """The series as its side list has it: each page in this language, else as it is."""
        listed = []
        for source in self.order:
            own = self.documents.get(page_of(source, language))
            listed.append(own or self.documents[page_of(source, "en")])
        return listed

    def twin(self, document):
        """The same page in the other language, or None."""
        zh = "zh/" + document.key
        return self.documents.get(document.key if document.language == "zh" else zh)

    def resolve(self, document, link):
        """Where a link of a document leads.

        Returns:
            (page of the site, "", anchor), or ("", file of the repository, anchor); both are ""
            for a folder, which is no page. A link stays in its page's language where it can,
            except from a page to its own other edition.

        Raises:
            LabError: nothing is there.
        """
        parts = urlsplit(link)
        folder = posixpath.dirname(document.source)
        target = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
        place = self.repository / target
        if not place.exists():  # an edition that is not written yet: the English one stands for it
            target = target.replace("/zh/", "/", 1)
            place = self.repository / target
        if target.startswith("..") or not place.exists():
            raise LabError(
                f"the link {link} leads to nothing in the repository: mend it, or add the file."
            )
        if place.is_dir():
            return "", "", ""
        page = page_of(target, document.language if target in BILINGUAL else language_of(target))
        if page not in self.documents:
            return "", target, parts.fragment
        found = self.documents[page]
        own = self.twin(found)
        if own and own.language == document.language and found.key != document.key:
            found = own
        return found.page, "", parts.fragment


def _sorted(folder, pattern):
    return sorted(path for path in folder.glob(pattern) if path.is_file())


def _read(path, source):
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".md":
            return _cells_of(text)
        return nbformat.reads(text, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        reason = str(error).partition("\n")[0]
        raise LabError(
            f"{source} cannot be read as {'text' if path.suffix == '.md' else 'a notebook'} "
            f"({reason}): restore it from the repository's history."
        ) from error


def _cells_of(text):
    """A text as a notebook: a cell up to the first heading of level 2, then one for each."""
    fenced = [match.span() for match in FENCE.finditer(text)]
    cuts = [
        match.start()
        for match in re.finditer(r"^## ", text, re.MULTILINE)
        if not any(start < match.start() < end for start, end in fenced)
    ]
    edges = [0, *cuts, len(text)]
    cells = [
        nbformat.v4.new_markdown_cell(text[start:end], id=f"part-{number:02d}")
        for number, (start, end) in enumerate(zip(edges, edges[1:], strict=False))
    ]
    return nbformat.v4.new_notebook(cells=cells)


def _title(notebook):
    for cell in notebook.cells:
        heading = re.search(r"^# +(.+?) *$", cell.source, re.MULTILINE)
        if cell.cell_type == "markdown" and heading:
            return heading[1]
    return ""


def _targets(notebook, source):
    """The files of the repository that a document's markdown links to."""
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for match in LINK.finditer(FENCE.sub("", cell.source)):
            parts = urlsplit(match[1] or match[2])
            if parts.path and not parts.scheme and not parts.netloc:
                folder = posixpath.dirname(source)
                yield posixpath.normpath(posixpath.join(folder, unquote(parts.path)))

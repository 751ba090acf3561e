"""A finished site looked over: nothing is loaded from outside, and no link inside is dead."""

import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes by which an element makes the browser load something.
LOADS = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src", "srcset"),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
STYLE_LOADS = re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s+['"]([^'"]+)""")


class Page(HTMLParser):
    """What a page loads, where it links to, and where one can link to in it."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.links, self.anchors = [], [], set()
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._inside = tag
        values = {name: value or "" for name, value in attributes}
        for name in ("id", "name") if tag == "a" else ("id",):
            if name in values:
                self.anchors.add(values[name])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.loads.append(values.get("content", "").partition("url=")[2])
        for name in LOADS.get(tag, ()):
            if name in values:
                several = values[name].split(",") if name == "srcset" else [values[name]]
                self.loads += [one.split()[0] for one in several if one.strip()]
        self.loads += _of_style(values.get("style", ""))

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        if self._inside == "style":
            self.loads += _of_style(data)

    def handle_endtag(self, tag):
        self._inside = ""


def _of_style(text):
    return [found[0] or found[1] for found in STYLE_LOADS.findall(text)]


def problems(folder):
    """What is wrong with a site, a sentence each; [] is what it should be.

    Args:
        folder: of the site, finished.
    """
    folder = Path(folder)
    found = []
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    pages = {
        name: Page((folder / name).read_text(encoding="utf-8"))
        for name in sorted(names)
        if name.endswith(".html")
    }
    for name, page in pages.items():
        for address in page.loads:
            if _is_outside(address):
                found.append(f"{name} loads {address[:100]} from outside.")
            elif not _is_inline(address) and _join(name, address)[0] not in names:
                found.append(f"{name} loads {address[:100]}, which is not in the site.")
        for address in page.links:
            if urlsplit(address).scheme or _is_outside(address):
                continue
            target, anchor = _join(name, address)
            if target not in names:
                found.append(f"{name} links to {address}, which is not in the site.")
            elif (
                anchor and target in pages and not pages[target].anchors & {anchor, unquote(anchor)}
            ):
                found.append(f"{name} links to {address}, but there is no such place in it.")
    for name in names:
        if name.startswith("assets/") and name.endswith(".css"):
            for address in _of_style((folder / name).read_text(encoding="utf-8")):
                if not _is_inline(address):
                    found.append(f"{name} loads {address}.")
    return found


def _is_inline(address):
    return address.startswith(("data:", "#", "blob:")) or not address


def _is_outside(address):
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https", "ws", "wss", "ftp", "file")


def _join(page, address):
    """(file of the site, anchor) of a relative address in a page."""
    parts = urlsplit(address)
    path = unquote(parts.path)
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
    return target, parts.fragment  # a browser looks for it as it is, then decoded

"""What the search of the site looks through."""

import json

from .documents import BILINGUAL

LONGEST = 2000  # characters of a section that are searched; code that goes on for longer is cut


def entries(document, sections):
    """The sections of a page that have something to find, as the search's rows.

    `both`: the page is in both languages with the same words, and found in the reader's only.
    """
    rows = []
    for section in sections:
        text = " ".join(section.pieces)
        if text or section.heading:
            rows.append(
                {
                    "page": document.page,
                    "language": document.language,
                    "both": document.source in BILINGUAL,
                    "title": document.name,
                    "heading": section.heading,
                    "anchor": section.anchor,
                    "text": text[:LONGEST],
                }
            )
    return rows


def script(rows):
    """The index as a script: a page that was opened from disk can load one, but not fetch JSON."""
    data = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return f"window.searchIndex={data};\n"

"""The terms of docs/glossary.md, for who names them, and where that file lies."""

import os
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ..folders import PROJECT

FILE = PROJECT / "docs" / "glossary.md"
ROW = re.compile(
    r'^\| ((?:<a id="[\w-]+"></a>)+)([^|]+)\|([^|]+)\|([^|]+)\|([^|]+)\|', re.MULTILINE
)


class Term(NamedTuple):
    """A row of the glossary: each is (English, Chinese)."""

    name: tuple[str, str]
    meaning: tuple[str, str]


@cache
def terms():
    """Anchor → `Term`; a row with several anchors is found by each. {} without the file."""
    found = {}
    for anchors, *cells in ROW.findall(_text()):
        english, chinese, meaning, in_chinese = (re.sub(r"[`*]", "", c).strip() for c in cells)
        term = Term((english, chinese), (meaning, in_chinese))
        found |= dict.fromkeys(re.findall(r'"([\w-]+)"', anchors), term)
    return found


def address():
    """The file as a relative link from the folder where a notebook runs.

    "" where it is not to be reached so: the notebook lies outside of the project.
    """
    here = Path.cwd()
    if not here.is_relative_to(PROJECT) or not FILE.exists():
        return ""
    return Path(os.path.relpath(FILE, here)).as_posix()


def _text():
    return FILE.read_text(encoding="utf-8") if FILE.exists() else ""

"""The map of the code names every module, none that is not there; pages show what exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAPPED = ("mof_lab", "tools", "benchmarks")
#: A line of a map: names, each a module or a folder, then what they are.
NAMES = re.compile(r"^ *((?:[\w./]+(?:\.py|/)(?:, )?)+)")


def of_the_map(folder):
    """The modules that CONTRIBUTING.md names in a folder of the project."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = text.split(f"\n### `{folder}/`")[1].split("```text\n")[1].split("```")[0]
    names, inside = [], ""
    for line in block.splitlines():
        found = NAMES.match(line)
        for name in found[1].split(", ") if found else ():
            deep = len(line) - len(line.lstrip()) == (4 if folder == "mof_lab" else 2)
            if name.endswith("/"):
                inside = name
            else:
                names.append(inside + name if deep and "/" not in name else name)
    return names


def of_the_folder(folder):
    paths = [p.relative_to(ROOT / folder).as_posix() for p in (ROOT / folder).rglob("*.py")]
    return [p for p in paths if not p.endswith("__init__.py") and not p.startswith("exercises/")]


@pytest.mark.parametrize("folder", MAPPED)
def test_the_map_names_every_module_once(folder):
    named, there = of_the_map(folder), of_the_folder(folder)
    assert len(there) > 10
    assert sorted(named) == sorted(there), "bring the map in CONTRIBUTING.md up to date"


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_a_front_page_shows_and_links_to_what_exists(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    places = re.findall(r"\]\(([^)#]+)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    local = [place for place in places if "://" not in place]
    assert len(local) > 20
    assert [place for place in local if not (ROOT / place).exists()] == []


def test_every_picture_is_shown_somewhere_and_every_picture_shown_exists():
    pages = [*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")]
    pattern = r'!\[[^\]]*\]\(([^)#]+)|(?:src|srcset)="([^"]+)"'
    shown = set()
    for page in pages:
        places = {a or b for a, b in re.findall(pattern, page.read_text(encoding="utf-8"))}
        shown |= {(page.parent / p).resolve() for p in places if "://" not in p}
    there = {path.resolve() for path in (ROOT / "docs" / "images").rglob("*.*")}
    assert len(there) > 10
    assert there - shown == set(), "show them in docs/gallery.md, or delete them"
    assert {path for path in shown if not path.exists()} == set()


def test_both_front_pages_say_the_same():
    """As far as can be counted: the same parts, commands, pictures, links and tables."""
    english, chinese = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
    )
    for pattern in (r"^#+ ", r"^\|", r"^```\w*", r"<img |<source |!\["):
        count = [len(re.findall(pattern, text, re.M)) for text in (english, chinese)]
        assert count[0] == count[1], pattern
    for pattern in (
        r"`((?:python3? |mof-lab |pip |voila )[^`…]+)`",
        r"\]\(notebooks/(?:zh/)?(\w+\.ipynb)",
    ):
        found = [set(re.findall(pattern, text)) for text in (english, chinese)]
        assert found[0] == found[1] != set()


def test_both_teachers_pages_say_the_same():
    """The same parts, commands and tables, with the same numbers in every row."""
    pages = [
        (ROOT / "docs" / name).read_text(encoding="utf-8").replace("两核", "2 核")
        for name in ("instructor.md", "instructor.zh-CN.md")
    ]
    for pattern in (r"^#+ ", r"^ *\|", r"^ *```\w*", r"^\d+\. "):
        count = [len(re.findall(pattern, page, re.M)) for page in pages]
        assert count[0] == count[1] > 5, pattern
    commands = [re.findall(r"^[\w./]*(?:python|mof-lab)[^#\n]*", page, re.M) for page in pages]
    assert commands[0] == commands[1] != []
    tables = [re.findall(r"^ *\|.*", page, re.M) for page in pages]
    for rows in zip(*tables, strict=True):
        english, chinese = (sorted(re.findall(r"\d+(?:[.,:]\d+)*", row)) for row in rows)
        assert english == chinese, "\n".join(rows)

"""The map of the code names every module, none that is not there; pages show what exists."""

import json
import re
from pathlib import Path

import pytest

from mof_lab.configuration import preset

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


def test_the_chinese_front_page_shows_chinese_pictures():
    text = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    shown = [ROOT / p for p in re.findall(r"docs/images/\w+\.\w+", text)]
    assert len(shown) > 3
    english = [p.name for p in shown if p.with_stem(f"{p.stem}_zh").exists()]
    assert not english, "these have a Chinese sibling"


#: "under 1 minute" and "不到 1 分钟", "2 min", "1.3 GB", "不到 1 GB": less?, the number.
MINUTES = r"(under |不到 |< )?(\d+) ?(?:min|分钟)"
MEMORY = r"(under |不到 )?([\d.]+) GB"


def fact(less, number):
    return bool(less), float(number)


def times_of_the_teacher(chinese):
    """The table of the teacher's page that says how long things take."""
    page = ROOT / "docs" / ("instructor.zh-CN.md" if chinese else "instructor.md")
    return page.read_text(encoding="utf-8").split("\n## ")[2]


def facts_of_the_notebooks(chinese):
    """Number of a notebook → its minutes and GB, of its first cell."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cell = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
        text = cell["metadata"]["mof_lab"]["zh"] if chinese else "".join(cell["source"])
        time = re.search(rf"(?:Time on 2 cores \(两核用时\): |两核用时：){MINUTES}", text)
        room = re.search(rf"(?:memory \(内存\): |内存：){MEMORY}", text)
        found[path.name[:2]] = fact(*time.groups()), fact(*room.groups())
    return found


@pytest.mark.parametrize("chinese", [False, True])
def test_minutes_and_memory_of_a_notebook_are_those_of_its_first_cell(chinese):
    """In both languages alike, on the front page, in the map of 00 and on the teacher's page."""
    facts = facts_of_the_notebooks(chinese)
    assert facts == facts_of_the_notebooks(not chinese) and len(facts) > 10
    page = ROOT / ("README.zh-CN.md" if chinese else "README.md")
    rows = re.findall(
        rf"^\| \[(\d\d)_.*\| {MINUTES}[^|]*\| {MEMORY} \|$", page.read_text(encoding="utf-8"), re.M
    )
    assert {n: (fact(*of[:2]), fact(*of[2:])) for n, *of in rows} == facts

    start = json.loads((ROOT / "notebooks" / "00_start.ipynb").read_text(encoding="utf-8"))
    cell = next(c for c in start["cells"] if c["id"] == "00-15")
    text = cell["metadata"]["mof_lab"]["zh"] if chinese else "".join(cell["source"])
    rows = re.findall(rf"^\| (?:\[|\*\*)(\d\d) .*\| {MINUTES}[^|]*\|$", text, re.M)
    minutes = {number: time for number, (time, _) in facts.items()}
    assert {n: fact(*of) for n, *of in rows} == minutes

    rows = re.findall(
        rf"^\| (?:notebooks? )?(\d\d[^|]*) \| [^|]*?{MINUTES}", times_of_the_teacher(chinese), re.M
    )
    told = {n: float(number) for names, _, number in rows for n in re.findall(r"\b\d\d\b", names)}
    assert told == {number: time[1] for number, time in minutes.items()}


@pytest.mark.parametrize("chinese", [False, True])
def test_the_teachers_times_are_those_of_their_sources(chinese):
    """Of the rows that name a preset or a file; nobody else writes the others down."""

    def read(place):
        return json.loads((ROOT / place).read_text(encoding="utf-8"))

    told, tiny = times_of_the_teacher(chinese), read("checkpoints/tiny/report.json")
    minutes, second = (" 分钟", " 秒") if chinese else (" minutes", " second")
    assert f"| {preset('tiny').minutes}{minutes} |" in told
    command = tiny["command"].replace(" --preset tiny", "")
    assert f"`{command}`" in told and f"{tiny['total_seconds'] / 60:.1f}{minutes}" in told
    spans = [divmod(round(stage["seconds"]), 60) for stage in tiny["stages"]]
    assert re.split("[,、] ?", ", ".join(f"{m}:{s:02d}" for m, s in spans)) in [
        re.split("[,、] ?", cell.strip()) for cell in told.split("|")
    ]
    first = read("benchmarks/results/decode.json")["figures"]["start_to_first_character_s"]
    assert f"{first:.1f}{second}" in told
    for name, found in read("docs/hubs/checks.json")["notebooks"]["of"].items():
        assert f"{name[:2]} {found['seconds']}{second[:2]}" in told

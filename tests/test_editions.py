"""The editions of the notebooks are what their one source makes, in both languages."""

import json
import re
import shutil
from pathlib import Path

import pytest

from mof_lab.widgets import glossary
from tests.test_exercises import editions

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
SOURCES = editions.sources()
MADE = sorted(path for name in editions.EDITIONS for path in (NOTEBOOKS / name).glob("*.ipynb"))
TERM = re.compile(r"\[[^\]]+\]\(([^)#]*glossary\.md)#([\w-]+)\)")
each_source = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
each_made = pytest.mark.parametrize("path", MADE, ids=lambda p: str(p.relative_to(NOTEBOOKS)))


def source_of(path):
    return editions.read(NOTEBOOKS / path.name)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def shown_texts(outputs):
    """The Markdown that outputs show, such as the steps of a tour."""
    return [text for o in outputs if (text := o.get("data", {}).get("text/markdown"))]


def without_links(outputs):
    """Outputs but for where the links of their Markdown lead: that depends on the folder."""
    outputs = json.loads(json.dumps(outputs))
    for output in outputs:
        if text := output.get("data", {}).get("text/markdown"):
            output["data"]["text/markdown"] = editions.LINK.sub("", text)
    return outputs


def test_no_edition_is_stale():
    stale = [str(path.relative_to(NOTEBOOKS)) for path in editions.stale_files()]
    assert not stale, f"run `python tools/editions.py`; stale are {', '.join(stale)}"


@each_source
def test_every_text_has_the_chinese_of_its_english(path):
    stale = editions.stale_texts(editions.read(path))
    assert not stale, f"{path.name}: the Chinese is missing or stale in cells {', '.join(stale)}"


@each_source
def test_chinese_is_no_gloss(path):
    for cell in editions.read(path).cells:
        if cell.cell_type == "markdown":
            chinese = editions.ours(cell)["zh"]
            assert re.search(r"[\u4e00-\u9fff]", chinese) and chinese != cell.source, cell.id
            assert chinese.count("$$") == cell.source.count("$$"), cell.id
            assert len(re.findall(r"^#", chinese, re.MULTILINE)) == len(
                re.findall(r"^#", cell.source, re.MULTILINE)
            ), cell.id


@each_made
def test_only_what_an_edition_is_about_differs(path):
    source, made = source_of(path), editions.read(path)
    kinds = editions.EDITIONS[path.parent.relative_to(NOTEBOOKS).as_posix()]
    assert [c.id for c in made.cells] == [c.id for c in source.cells]
    for ours, theirs in zip(code(source), code(made), strict=True):
        if "solved" not in kinds or "solution" not in editions.ours(ours):
            assert theirs.source == ours.source
        kept = [] if "bare" in kinds else ours.outputs
        assert without_links(theirs.outputs) == without_links(kept)
    first = [
        editions.LINK.sub("", t) for t in (texts(made)[0], source.cells[0].metadata.mof_lab.zh)
    ]
    assert ("chinese" in kinds) == (first[0] == first[1])


@each_made
def test_no_solution_outside_the_solutions(path):
    made = editions.read(path)
    solutions = [s for cell in source_of(path).cells if (s := editions.ours(cell).get("solution"))]
    assert all("mof_lab" not in cell.metadata for cell in made.cells)
    told = json.dumps([cell.source for cell in made.cells], ensure_ascii=False)
    for solution in solutions:
        is_there = json.dumps(solution, ensure_ascii=False)[1:-1] in told
        assert is_there == (path.parent.name == "solutions")


@pytest.mark.parametrize("path", [*SOURCES, *MADE], ids=lambda p: str(p.relative_to(NOTEBOOKS)))
def test_links_lead_somewhere(path):
    notebook = editions.read(path)
    outputs = [text for cell in code(notebook) for text in shown_texts(cell.outputs)]
    for text in texts(notebook) + outputs:
        for _, target in editions.LINK.findall(re.sub(r"\$[^$]*\$|`[^`]*`", "", text)):
            file = target.partition("#")[0]
            if file and not re.match(r"https?:|mailto:|attachment:|data:", target):
                assert (path.parent / file).exists(), f"{target} in {text[:60]!r}"


@pytest.mark.parametrize("path", [*SOURCES, *MADE], ids=lambda p: str(p.relative_to(NOTEBOOKS)))
def test_a_term_leads_to_the_glossary_where_it_is_first_met(path):
    """Once a notebook, in its text: not in a heading, where it would be in the contents too."""
    lines = [line for text in texts(editions.read(path)) for line in text.splitlines()]
    found = [(line, *link) for line in lines for link in TERM.findall(line)]
    assert all((path.parent / file).samefile(glossary.FILE) for _, file, _ in found)
    assert not [line for line, _, _ in found if line.startswith("#")]
    terms = [glossary.terms()[anchor] for _, _, anchor in found]
    assert len(terms) >= 3 and len(set(terms)) == len(terms)


# ---- the tool -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A folder of notebooks with one of them."""
    shutil.copy(SOURCES[0], tmp_path)
    editions.write_all(tmp_path)
    return tmp_path


def test_what_was_changed_or_left_over_is_stale_until_written(folder):
    assert editions.stale_files(folder) == []
    changed, left = folder / "zh" / SOURCES[0].name, folder / "student" / "99_gone.ipynb"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    shutil.copy(changed, left)
    assert editions.stale_files(folder) == sorted([changed, left])
    editions.write_all(folder)
    assert editions.stale_files(folder) == [] and not left.exists()


def test_a_changed_english_makes_its_chinese_stale_through_export_and_import(folder):
    path = folder / SOURCES[0].name
    notebook = editions.read(path)
    cell = notebook.cells[2]
    cell.source += " More."
    path.write_text(editions.written(notebook), encoding="utf-8")
    assert editions.stale_texts(editions.read(path)) == [cell.id]
    text = editions.exported(path)
    editions.import_texts(text, folder)
    assert editions.written(editions.read(path)) == editions.written(notebook)
    editions.import_texts(text.replace("zh stale", "zh"), folder)
    assert editions.stale_texts(editions.read(path)) == []


def test_import_puts_new_cells_at_the_end(folder):
    name = SOURCES[0].stem
    before = len(editions.read(folder / f"{name}.ipynb").cells)
    editions.import_texts(
        f"<!-- notebook {name} -->\n<!-- markdown new-1 -->\nWhy?\n<!-- zh -->\n为什么？\n"
        "<!-- code new-2 -->\nanswer = ...\n<!-- solution -->\nanswer = 3\n",
        folder,
    )
    *old, task, answer = editions.read(folder / f"{name}.ipynb").cells
    assert len(old) == before and task.metadata.mof_lab.zh == "为什么？"
    assert (answer.source, answer.metadata.mof_lab.solution) == ("answer = ...", "answer = 3")


@pytest.mark.parametrize(
    ("target", "in_zh", "in_student_zh"),
    [
        ("01_vocabulary.ipynb", "01_vocabulary.ipynb", "01_vocabulary.ipynb"),
        ("../docs/glossary.md#gru", "../../docs/glossary.md#gru", "../../../docs/glossary.md#gru"),
        ("images/a.svg", "../images/a.svg", "../../images/a.svg"),
        ("https://example.org/a/b", "https://example.org/a/b", "https://example.org/a/b"),
        ("#below", "#below", "#below"),
    ],
)
def test_links_are_right_from_every_folder(target, in_zh, in_student_zh):
    for folder, expected in (("zh", in_zh), ("student/zh", in_student_zh)):
        assert editions._linked_from(f"[a]({target})", folder) == f"[a]({expected})"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing", "should begin with"),
        ("<!-- notebook 77_none -->\n<!-- markdown a -->\nb\n", "0 notebooks"),
        ("<!-- notebook 00_start -->\n<!-- code 00-00 -->\nb\n", "is markdown, not code"),
    ],
)
def test_a_file_that_cannot_be_imported_is_said_to_be(folder, text, said):
    with pytest.raises(editions.EditionError, match=said):
        editions.import_texts(text, folder)

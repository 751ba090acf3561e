"""Every edition of the notebooks from the one source, `notebooks/*.ipynb`.

    python tools/editions.py                 write all editions
    python tools/editions.py --check         only say what is stale
    python tools/editions.py --export 02     the texts of notebook 02 as Markdown, to stdout
    python tools/editions.py --import FILE   such a file back into its notebook
    python tools/editions.py --ask 02        run its exercises alone, unanswered, for their outputs

    zh/           the Chinese text in place of the English; code and outputs are the same (but for
                  where links in an output's text lead from)
    solutions/    the exercises solved
    student/      without outputs; student/zh/ likewise, in Chinese

The source keeps in its cells' metadata, under `mof_lab`, what the editions need: of a text cell
`zh`, its Chinese, and `of`, a hash of the English that it is the Chinese of; of a cell that a
learner fills in `solution`, the code that solves it. A file of `--export` shows all of it:

    <!-- notebook 02_gru_expert -->
    <!-- markdown 02-00 -->
    English
    <!-- zh -->                              `zh stale`: the English is newer; mend the Chinese and
    Chinese                                  take the word away
    <!-- code 02-1-answer -->
    answer = ...
    <!-- solution -->
    answer = 3

`--import` takes all texts from the file, and puts cells that the notebook has not at its end.
"""

import argparse
import contextlib
import hashlib
import io
import os
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode, v4

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
#: Folder of an edition → what it is: in Chinese, solved, without outputs.
EDITIONS = {
    "zh": {"chinese"},
    "solutions": {"solved", "bare"},
    "student": {"bare"},
    "student/zh": {"chinese", "bare"},
}
LINK = re.compile(r"""(\]\(|(?:src|href)=["'])([^)\s"']+)""")


class EditionError(Exception):
    """A notebook, or a file to import, can't be used; the message says why."""


# ---- the source ---------------------------------------------------------------------------------


def sources(folder: Path = NOTEBOOKS) -> list[Path]:
    return sorted(folder.glob("*.ipynb"))


def find(number: str, folder: Path = NOTEBOOKS) -> Path:
    """A notebook by the start of its name."""
    found = [path for path in sources(folder) if path.name.startswith(number)]
    if len(found) != 1:
        raise EditionError(f"{number!r} is the start of {len(found)} notebooks' names, not of one.")
    return found[0]


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def ours(cell: NotebookNode) -> dict:
    """What the cell's metadata holds for the editions."""
    return cell.metadata.get("mof_lab", {})


def hash_of(english: str) -> str:
    return hashlib.sha256(english.encode()).hexdigest()[:12]


def stale_texts(notebook: NotebookNode) -> list[str]:
    """The ids of cells that have no Chinese, or Chinese of another English."""
    texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    return [c.id for c in texts if not ours(c).get("zh") or ours(c)["of"] != hash_of(c.source)]


def is_converted(notebook: NotebookNode) -> bool:
    """Has somebody begun to translate it?"""
    return any(ours(cell) for cell in notebook.cells)


def in_exercises(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells after the heading "Exercises"."""
    cells = notebook.cells
    at = [i for i, c in enumerate(cells) if c.source.startswith("## Exercises")]
    return [cell for cell in cells[at[-1] :] if cell.cell_type == "code"] if at else []


# ---- the editions -------------------------------------------------------------------------------


def edition(source: NotebookNode, folder: str) -> NotebookNode:
    """The edition of a notebook that lies in that folder."""
    kinds = EDITIONS[folder]
    notebook = nbformat.from_dict(source)
    for cell in notebook.cells:
        own = cell.metadata.pop("mof_lab", {})
        if cell.cell_type == "markdown":
            if "chinese" in kinds:
                cell.source = own.get("zh", cell.source)
            cell.source = _linked_from(cell.source, folder)
            continue
        if "solved" in kinds:
            cell.source = own.get("solution", cell.source)
        if "bare" in kinds:
            cell.outputs, cell.execution_count = [], None
        for output in cell.outputs:
            if "text/markdown" in output.get("data", {}):
                output.data["text/markdown"] = _linked_from(output.data["text/markdown"], folder)
    return notebook


def _linked_from(text: str, folder: str) -> str:
    """Relative links as they must be in the folder; other notebooks are beside it there, too."""
    up = "../" * len(Path(folder).parts)

    def moved(match):
        opening, target = match.groups()
        leaves = target.startswith("../") or ("/" in target and not re.match(r"\w+:|[#/]", target))
        return opening + (up + target if leaves else target)

    return LINK.sub(moved, text)


def written(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def all_editions(folder: Path = NOTEBOOKS) -> dict[Path, str]:
    """Path → content of everything that is made from the notebooks that have their Chinese."""
    made = {}
    for path in sources(folder):
        source = read(path)
        if is_converted(source):
            for name in EDITIONS:
                made[folder / name / path.name] = written(edition(source, name))
    return made


def stale_files(folder: Path = NOTEBOOKS) -> list[Path]:
    """Files of editions that are not what the source makes, or that it does not make at all."""
    made = all_editions(folder)
    there = [path for name in EDITIONS for path in (folder / name).glob("*.ipynb")]
    changed = [p for p, text in made.items() if not p.exists() or _text(p) != text]
    return sorted({*changed, *there} - {path for path in made if path not in changed})


def write_all(folder: Path = NOTEBOOKS) -> list[Path]:
    """Writes and removes what is stale; returns those files."""
    made, stale = all_editions(folder), stale_files(folder)
    for path in stale:
        if path in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, made[path])
        else:
            path.unlink()
    return stale


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8", newline="\n")
    os.replace(new, path)


# ---- for authors --------------------------------------------------------------------------------


def exported(path: Path) -> str:
    """Texts, exercises and solutions of a notebook as one Markdown file."""
    notebook = read(path)
    code, stale = {cell.id for cell in in_exercises(notebook)}, stale_texts(notebook)
    parts = [f"<!-- notebook {path.stem} -->"]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            word = "zh stale" if ours(cell) and cell.id in stale else "zh"
            more = [f"<!-- {word} -->", ours(cell).get("zh", "")]
        elif cell.id in code:
            solution = ours(cell).get("solution")
            more = ["<!-- solution -->", solution] if solution else []
        else:
            continue
        parts += [f"<!-- {cell.cell_type} {cell.id} -->", cell.source, *more]
    return "\n".join(parts) + "\n"


def import_texts(text: str, folder: Path = NOTEBOOKS) -> Path:
    """Puts such a file back into its notebook; returns the notebook's path."""
    head, *cells = re.split(r"^<!-- (markdown|code) ([\w-]+) -->\n", text, flags=re.MULTILINE)
    named = re.match(r"<!-- notebook ([\w-]+) -->\n", head)
    if not named or not cells:
        raise EditionError("The file should begin with <!-- notebook NAME -->, then its cells.")
    path = find(named[1], folder)
    notebook = read(path)
    there = {cell.id: cell for cell in notebook.cells}
    for kind, name, content in zip(cells[::3], cells[1::3], cells[2::3], strict=True):
        cell = there.get(name)
        if cell is None:
            cell = (v4.new_markdown_cell if kind == "markdown" else v4.new_code_cell)(id=name)
            notebook.cells.append(cell)
        elif cell.cell_type != kind:
            raise EditionError(f"Cell {name} of {path.name} is {cell.cell_type}, not {kind}.")
        _put(cell, content)
    nbformat.validate(notebook)
    _replace(path, written(notebook))
    return path


def _put(cell: NotebookNode, content: str) -> None:
    source, *more = re.split(r"^<!-- (zh stale|zh|solution) -->\n", content, flags=re.MULTILINE)
    if more and len(more) != 2:
        raise EditionError(f"Cell {cell.id} should have one <!-- zh --> or <!-- solution -->.")
    cell.source = source.strip("\n")
    kind, text = more[0] if more else "", more[1].strip("\n") if more else ""
    if kind.startswith("zh") and text:
        of = ours(cell).get("of", "") if "stale" in kind else hash_of(cell.source)
        cell.metadata["mof_lab"] = {"zh": text, "of": of}
    elif kind == "solution" and text:
        cell.metadata["mof_lab"] = {"solution": text}
    else:
        cell.metadata.pop("mof_lab", None)


def ask(path: Path) -> None:
    """Runs the exercises as a learner finds them, and keeps their outputs in the notebook.

    For a notebook that trains: the rest keeps the outputs that it has.
    """
    from mof_lab.exercises import check

    notebook = read(path)
    names = {"check": check}
    cells = in_exercises(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(cell.source, names)
        cell.execution_count = code.index(cell) + 1
        text = said.getvalue()
        cell.outputs = [v4.new_output("stream", name="stdout", text=text)] if text else []
    _replace(path, written(notebook))


# ---- the command --------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make every edition of the notebooks.")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="write nothing, say what is stale")
    action.add_argument("--export", metavar="NN", help="the texts of a notebook, to stdout")
    action.add_argument("--import", metavar="FILE", dest="file", help="put such a file back")
    action.add_argument("--ask", metavar="NN", help="run the exercises of a notebook unanswered")
    options = parser.parse_args(arguments)
    try:
        if options.export:
            print(exported(find(options.export)), end="")
        elif options.file:
            print(f"{import_texts(_text(Path(options.file))).name} has the texts of the file.")
        elif options.ask:
            ask(find(options.ask))
        else:
            return _make(write_nothing=options.check)
    except (EditionError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _make(write_nothing: bool) -> int:
    for path in sources():
        notebook = read(path)
        if is_converted(notebook):
            for cell in stale_texts(notebook):
                print(f"{path.name}, cell {cell}: the Chinese is missing or older than the English")
    stale = stale_files() if write_nothing else write_all()
    for path in stale:
        print(f"{path.relative_to(ROOT)} {'is stale' if write_nothing else 'written or removed'}")
    return int(write_nothing and bool(stale))


if __name__ == "__main__":
    sys.exit(main())

"""Every notebook is committed as people read it on a code host; `test_series_*` run them."""

import re
from pathlib import Path

import nbformat
import pytest
from series import NOTEBOOKS, ROOT, code_cells, read, runner, shows_something

LARGEST = 300_000  # bytes

#: Folders of somebody's machine: homes, the project's own place, temporary ones.
MACHINE_PATH = re.compile(
    rf"/home/\w|/Users/\w|/roo[t]/|/tmp/\w|[A-Z]:\\\\?Users|{re.escape(str(ROOT))}|{Path.home()}/\w"
)

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks_with_numbers_in_order():
    numbers = [path.stem[:2] for path in NOTEBOOKS]
    assert numbers == [f"{i:02d}" for i in range(len(numbers))]
    assert len(numbers) >= 9


@each_notebook
def test_long_actions_are_jobs(path):
    """A training in a cell can't be paused, and keeps every button waiting."""
    if path.name.startswith("13"):
        return  # ten steps of a toy: seconds
    for cell in code_cells(read(path)):
        waits = re.search(r"(?<!subprocess)\.run\(\)|curriculum\.rate\(|\.train_all\(", cell.source)
        assert waits is None, f"{waits[0]} in {cell.id} keeps the kernel waiting; use a job"


def test_a_shortened_run_reads_a_part_with_the_whole_vocabulary(tmp_path, monkeypatch):
    from mof_lab import corpus, preset
    from mof_lab.notebook import FEW, open_run
    from mof_lab.pipeline import vocabulary_of

    monkeypatch.setenv("MOF_LAB_RUNS", str(tmp_path))
    monkeypatch.setenv("MOF_LAB_FAST", "1")
    run, whole = open_run(), corpus.project(preset("tiny"))
    assert run.vocabulary == vocabulary_of(whole, preset("tiny"))
    assert set(run.windows("train")) == {row["kind"] for row in whole.train}
    assert max(run.documents.values()) <= FEW < len(whole.train)
    assert sum(map(len, run.windows("train").values())) < 3000
    assert open_run().vocabulary == run.vocabulary  # the same folder opens again


@each_notebook
def test_committed_with_its_outputs(path):
    notebook = read(path)
    for cell in code_cells(notebook):
        assert cell.execution_count, f"not executed: {cell.source}"
        assert not shows_something(cell.source) or cell.outputs, f"no output: {cell.source}"
        assert all(output.output_type != "error" for output in cell.outputs)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def shown(output):
    """What an output shows to who reads it without a kernel: text, or a picture, as one string."""
    if output.output_type == "stream":
        return output.text
    return "".join("".join(value) for value in output.get("data", {}).values()).strip()


def is_widget(output):
    """Is it the label of a widget, which a kernel would show in its place?"""
    return (
        output.output_type == "display_data"
        and set(output.data) == {"text/plain"}
        and "运行本单元格" in output.data["text/plain"]
    )


def has_picture(output):
    return any(output.get("data", {}).get(kind) for kind in ("image/svg+xml", "text/markdown"))


@each_notebook
def test_a_widget_is_committed_with_its_picture(path):
    """Nothing that is displayed is empty; what a widget shows is beside its label, but for the
    button of the download, which has nothing to show."""
    for cell in code_cells(read(path)):
        for i, output in enumerate(cell.outputs):
            after = cell.outputs[i + 1 : i + 2]
            if is_widget(output) and not output.data["text/plain"].startswith("Download"):
                assert any(map(has_picture, after)), f"no picture beside: {shown(output)}"
            button = i and shown(cell.outputs[i - 1]).startswith("Download")
            assert shown(output) or button, f"an empty output: {cell.source}"


def kinds_of_outputs(notebook):
    return {
        kind
        for cell in code_cells(notebook)
        for output in cell.outputs
        for kind in output.get("data", {})
    }


def test_a_chart_is_committed_as_its_picture():
    """A chart without a picture stays what it is."""
    chart = {"application/vnd.plotly.v1+json": {"data": []}, "text/plain": "a"}
    both = {**chart, "image/svg+xml": "<svg/>"}
    cells = [
        nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("display_data", data=data)])
        for data in (both, chart)
    ]
    notebook = runner().normalise(nbformat.v4.new_notebook(cells=cells), had_ids=True)
    first, second = (set(cell.outputs[0].data) for cell in notebook.cells)
    assert first == {"image/svg+xml", "text/plain"} and second == set(chart)


@each_notebook
def test_committed_without_what_depends_on_a_machine(path):
    notebook = read(path)
    assert path.stat().st_size < LARGEST
    assert "widgets" not in notebook.metadata
    assert "application/vnd.jupyter.widget-view+json" not in path.read_text(encoding="utf-8")
    assert not any("vnd.plotly" in kind for kind in kinds_of_outputs(notebook))
    assert notebook.metadata.kernelspec.name == "python3"
    found = MACHINE_PATH.search(path.read_text(encoding="utf-8"))
    assert found is None, f"the path of a machine: {found}"


@each_notebook
def test_has_the_anatomy_of_the_series(path):
    notebook = read(path)
    number = path.stem[:2]
    first, second = notebook.cells[:2]
    assert first.cell_type == "markdown" and first.source.startswith(f"# {number} ·")
    assert "At the end you will" in first.source
    assert "2 cores" in first.source and "memory" in first.source
    assert second.cell_type == "code" and "import" in second.source and "mof_lab" in second.source
    headings = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("#")
    ]
    assert any("Summary" in line for line in headings)
    assert "Exercises" in headings[-1]
    assert all(re.search(r"[\u4e00-\u9fff]", line) for line in headings)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    neighbours = [p.name for p in NOTEBOOKS if abs(int(p.stem[:2]) - int(number)) == 1]
    assert all(f"({name})" in "".join(c.source for c in notebook.cells) for name in neighbours)

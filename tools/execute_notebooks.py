"""Execute notebooks from top to bottom and write them back as they are committed.

    python tools/execute_notebooks.py                 all of notebooks/, in order
    python tools/execute_notebooks.py 03 05_chat      these, by the start of their names
    python tools/execute_notebooks.py --fast          only check that they run: MOF_LAB_FAST=1,
                                                      nothing is written

A committed notebook can be read on a code host and gives a small diff when it is executed again.
So outputs stay, and what changes with the machine or the day goes: timestamps, widgets (their text
stays), the kernel's version, paths, TensorFlow's start-up warnings. A notebook that fails stays as
it was.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
START_TIMEOUT = 300  # seconds; a busy machine takes more than nbclient's minute
CELL_TIMEOUT = 3600  # seconds; a cell that hangs must not hold a CI machine for ever

# Lines on stderr that TensorFlow and absl print when they start; none is about the lab.
START_UP_NOISE = re.compile(
    r"""^(
        \d{4}-\d\d-\d\d\ [\d:.]+:\ [IWE]\ .*   # TensorFlow's C++ log: date, time, level
      | [IWE]\d{4}\ [\d:.]+\ .*                # absl's log
      | WARNING:\ All\ log\ messages\ before\ absl::InitializeLog.*
      | WARNING:(tensorflow|absl):.*
      | To\ enable\ the\ following\ instructions:.*
    )\n?$""",
    re.VERBOSE,
)


class NotebookError(Exception):
    """A notebook did not run to its end; the message says where and why."""


def execute(path: Path, fast: bool) -> NotebookNode:
    """Run every cell in the notebook's own folder; return it normalised. Nothing is written.

    fast: the kernel sees MOF_LAB_FAST=1, with which a notebook takes its smallest preset.
    """
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    had_ids = (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    notebook = nbformat.convert(notebook, 4)
    reached = 0

    def note_cell(cell: NotebookNode, cell_index: int) -> None:
        nonlocal reached
        reached = cell_index

    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT,
        startup_timeout=START_TIMEOUT,
        resources={"metadata": {"path": str(path.resolve().parent)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,  # else the diff depends on how the kernel's prints were cut
        on_cell_start=note_cell,
    )
    environment = os.environ | {"PYTHONUTF8": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    environment["MOF_LAB_FAST"] = "1" if fast else ""
    try:
        # What the kernel process itself prints is start-up noise; what cells print is captured.
        client.execute(env=environment, stderr=subprocess.DEVNULL)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise NotebookError(_sentence(path, notebook, reached, error)) from error
    except AssertionError as error:  # of nbclient, whose kernel SIGINT or SIGTERM took away
        raise KeyboardInterrupt from error
    return normalise(notebook, had_ids)


def _sentence(path: Path, notebook: NotebookNode, index: int, error: Exception) -> str:
    """`03_router.ipynb, cell 5 of 12 ("x = 1 / 0"): ZeroDivisionError: division by zero`."""
    if isinstance(error, CellExecutionError):
        reason = f"{error.ename}: {error.evalue}"
    elif isinstance(error, CellTimeoutError):
        reason = f"not done after {CELL_TIMEOUT} s"
    else:
        reason = "the kernel died; most often the memory was full"
    first_line = notebook.cells[index].source.strip().partition("\n")[0]
    return f'{path.name}, cell {index + 1} of {len(notebook.cells)} ("{first_line}"): {reason}'


# ---- what is committed --------------------------------------------------------------------------


def normalise(notebook: NotebookNode, had_ids: bool) -> NotebookNode:
    """Leave nothing in the notebook that depends on the machine or the time; in place."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.kernelspec = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata.language_info = {"name": "python"}
    notebook.nbformat_minor = max(notebook.nbformat_minor, 5)  # the first with cell ids
    for index, cell in enumerate(notebook.cells):
        if not had_ids:
            cell.id = hashlib.sha256(f"{index} {cell.source}".encode()).hexdigest()[:8]
        for key in ("execution", "ExecuteTime", "collapsed"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = [_without_paths(output) for output in _without_noise(cell.outputs)]
            for output in cell.outputs:
                data = output.get("data", {})
                data.pop("application/vnd.jupyter.widget-view+json", None)  # no kernel, an error
                # A code host draws the SVG, and so does JupyterLab then. plotly's data would be as
                # long again: a notebook has 300 kB. Running the cell brings it back.
                if "image/svg+xml" in data:
                    data.pop("application/vnd.plotly.v1+json", None)
    nbformat.validate(notebook)
    return notebook


def _without_noise(outputs: list[NotebookNode]) -> list[NotebookNode]:
    kept = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stderr":
            lines = output.text.splitlines(keepends=True)
            output.text = "".join(line for line in lines if not START_UP_NOISE.match(line))
            if not output.text.strip():
                continue
        kept.append(output)
    return kept


def _machine_paths() -> list[tuple[re.Pattern, str]]:
    """Paths of this machine and what a reader sees instead, the longest first."""
    places = {
        ROOT: ".",
        Path(sys.prefix): "<environment>",
        Path(sys.base_prefix): "<python>",
        Path(tempfile.gettempdir()): "<temporary>",
        Path.home(): "~",
    }
    spelled = {}
    for place, shown in places.items():
        if len(place.parts) > 1:  # a home that is / would match everything
            for text in (str(place), place.as_posix(), str(place).replace("\\", r"\\")):
                spelled.setdefault(text, shown)
    longest_first = sorted(spelled.items(), key=lambda item: -len(item[0]))
    paths = [(re.compile(re.escape(text) + r"(?![\w-])"), shown) for text, shown in longest_first]
    return [(re.compile(r"[^\s\"'(]*ipykernel_\d+[/\\]+\d+\.py"), "<cell>"), *paths]


MACHINE_PATHS = _machine_paths()


def _without_paths(value):
    """The same value with this machine's paths replaced in every text inside it."""
    if isinstance(value, str):
        for pattern, shown in MACHINE_PATHS:
            value = pattern.sub(lambda _, shown=shown: shown, value)
        return value
    if isinstance(value, dict):
        return type(value)(
            {
                key: inner if key.startswith(("image/png", "image/jpeg")) else _without_paths(inner)
                for key, inner in value.items()
            }
        )
    if isinstance(value, list):
        return [_without_paths(inner) for inner in value]
    return value


def write(notebook: NotebookNode, path: Path) -> None:
    """Replace the file in one step: an interruption leaves the old one or the new one."""
    new = path.with_suffix(".new")
    with open(new, "w", encoding="utf-8", newline="\n") as file:
        nbformat.write(notebook, file)
    os.replace(new, path)


# ---- the command --------------------------------------------------------------------------------


def find(name: str) -> Path:
    """A notebook by its path or by the start of its name: 03, 03_router, 03_router.ipynb."""
    if Path(name).suffix == ".ipynb" and Path(name).exists():
        return Path(name)
    found = sorted(NOTEBOOKS.glob(f"{Path(name).stem}*.ipynb"))
    if len(found) != 1:
        there = ", ".join(path.stem for path in found or sorted(NOTEBOOKS.glob("*.ipynb")))
        problem = "fits several notebooks" if found else "names no notebook"
        raise NotebookError(f"{name!r} {problem}; choose one of: {there}")
    return found[0]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Execute notebooks from top to bottom.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all of notebooks/")
    parser.add_argument("--fast", action="store_true", help="smallest preset, write nothing")
    options = parser.parse_args(arguments)
    try:
        paths = [find(name) for name in options.names] or sorted(NOTEBOOKS.glob("*.ipynb"))
        for number, path in enumerate(paths, start=1):
            print(f"[{number}/{len(paths)}] {path.name} ", end="", flush=True)
            started = time.monotonic()
            notebook = execute(path, options.fast)
            if not options.fast:
                write(notebook, path)
            print(f"{time.monotonic() - started:.1f} s", flush=True)
    except NotebookError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the notebook that was running is left as it was.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the tests of the notebooks share: their cells, and running them from top to bottom."""

import ast
import functools
import importlib.util
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def read(path):
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(notebook):
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def shows_something(source):
    """Must the cell have an output: does it end in a value, or always print, draw or train?"""
    if source.startswith("%%writefile"):  # says so
        return True
    statements = ast.parse(source).body
    return isinstance(statements[-1], ast.Expr) or any(map(_always_shows, statements))


def _always_shows(node):
    if isinstance(node, ast.FunctionDef | ast.Lambda | ast.IfExp):
        return False
    if isinstance(node, ast.If):
        # The committed notebooks are run with TRAIN = True; other conditions are open.
        body = node.body if ast.unparse(node.test) == "TRAIN" else []
        return any(map(_always_shows, body))
    name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    if name in ("print", "display", "train"):
        return True
    return any(map(_always_shows, ast.iter_child_nodes(node)))


@functools.cache
def runner():
    """`tools/execute_notebooks.py` as a module."""
    place = ROOT / "tools" / "execute_notebooks.py"
    spec = importlib.util.spec_from_file_location("execute_notebooks", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_from_top_to_bottom(path):
    """Executes a shortened notebook; every cell that shows something has to."""
    for cell in code_cells(runner().execute(path, fast=True)):
        assert cell.execution_count, cell.source
        assert not shows_something(cell.source) or cell.outputs, cell.source

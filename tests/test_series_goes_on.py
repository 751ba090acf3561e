"""The later notebooks run from top to bottom; a file of its own, so that two run at a time."""

import pytest
from series import NOTEBOOKS, run_from_top_to_bottom


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One folder for the runs of all these notebooks: what one trains, the next ones find."""
    return tmp_path_factory.mktemp("runs")


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.stem >= "08"], ids=lambda path: path.stem
)
def test_runs_from_top_to_bottom(path, runs, monkeypatch):
    monkeypatch.setenv("MOF_LAB_RUNS", str(runs))
    run_from_top_to_bottom(path)

"""The first notebooks run from top to bottom, one after the other: each trains for the next."""

import pytest
from series import NOTEBOOKS, ROOT, run_from_top_to_bottom


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One folder for the runs of all these notebooks: what one trains, the next ones find."""
    return tmp_path_factory.mktemp("runs")


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.stem < "08"], ids=lambda path: path.stem
)
def test_runs_from_top_to_bottom(path, runs, monkeypatch):
    monkeypatch.setenv("MOF_LAB_RUNS", str(runs))
    run_from_top_to_bottom(path)


@pytest.mark.slow
def test_runs_cold(tmp_path, monkeypatch):
    """A notebook that needs an earlier one's model takes the shipped one in its place."""
    monkeypatch.setenv("MOF_LAB_RUNS", str(tmp_path))
    run_from_top_to_bottom(ROOT / "notebooks" / "03_transformer_expert.ipynb")

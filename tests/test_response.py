"""What `tools/response.py` writes, and when it writes nothing. Nothing is measured here."""

import importlib.util
import json
from pathlib import Path

import pytest

from mof_lab.errors import LabError

ROOT = Path(__file__).resolve().parent.parent
FIGURE = {
    "what": "stop",
    "of": "tiny, LiteRT",
    "unit": "ms",
    "limit": 300,
    "measured": [90.0, 50.0, 70.4],
    "busy": 3.1,
}


@pytest.fixture
def tool():
    place = ROOT / "tools" / "response.py"
    spec = importlib.util.spec_from_file_location("response", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def found(tool, monkeypatch):
    """Lets the tests have found these figures, and have ended with that code."""

    def found(figures, code=0, busy=1.0):
        def call(command, cwd, env):
            if figures:
                Path(env["MOF_LAB_RESPONSE"]).write_text(json.dumps(figures), encoding="utf-8")
            return code

        monkeypatch.setattr(tool.subprocess, "call", call)
        monkeypatch.setattr(tool, "slowness", lambda: busy)
        return tool.measure

    return found


def test_the_table_shows_the_median_beside_the_limit(tool, found):
    result = found([FIGURE])()
    assert result["figures"] == [FIGURE] and result["machine"]["cores"] >= 1
    page = tool.PAGE.read_text(encoding="utf-8")
    made = tool.with_page(page, result)
    assert "| tiny, LiteRT | 70 ms | 300 ms |" in made and tool.MISSED not in made
    assert tool.with_page(made, result) == made
    late = found([FIGURE | {"limit": 60}])()
    assert "| 70 ms | 60 ms, missed 未达到 |" in tool.page(late)


def test_nothing_is_kept_of_a_busy_machine_or_a_failure(found):
    with pytest.raises(LabError, match="2.0 times slower"):
        found([FIGURE], busy=2.0)()
    with pytest.raises(LabError, match="did not pass"):
        found([FIGURE], code=1)()
    with pytest.raises(LabError, match="did not pass"):
        found([])()  # skipped: there is no browser


def test_the_committed_table_is_that_of_the_committed_figures(tool):
    if tool.RESULTS.exists():
        result = json.loads(tool.RESULTS.read_text(encoding="utf-8"))
        page = tool.PAGE.read_text(encoding="utf-8")
        assert tool.with_page(page, result) == page
        assert all(figure["what"] in tool.WORDS for figure in result["figures"])

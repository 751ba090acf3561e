"""`import mof_lab` is quick, and what is heavy stays out until it is needed."""

import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "datasets", "plotly", "ipywidgets", "anywidget")


def fresh(code):
    """What a new Python prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
    return done.stdout.split()


def test_import_is_quick():
    code = (
        "import time; start = time.perf_counter(); import mof_lab; "
        "print(time.perf_counter() - start)"
    )
    assert min(float(fresh(code)[0]) for _ in range(3)) < 0.3


@pytest.mark.parametrize(
    "module",
    ["mof_lab", "mof_lab.vocabulary", "mof_lab.corpus", "mof_lab.packing", "mof_lab.checkpoint"]
    + ["mof_lab.configuration", "mof_lab.progress", "mof_lab.processes", "mof_lab.pipeline"]
    + ["mof_lab.generation", "mof_lab.litert", "mof_lab.chat", "mof_lab.export"]
    + ["mof_lab.archive", "mof_lab.counting", "mof_lab.own_text", "mof_lab.text_appraisal"],
)
def test_import_brings_nothing_heavy(module):
    code = f"import sys, {module}; print(*[m for m in {HEAVY} if m in sys.modules])"
    assert fresh(code) == []

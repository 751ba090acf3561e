"""Small machines: what does not fit is said first, threads follow the cores, and the notebooks
that everybody opens run on one core in 2 GB. And the page of promises names tests that exist."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from mof_lab import checkpoint, limits, pipeline, planner, sizes
from mof_lab.configuration import PRESETS
from mof_lab.corpus import Corpus
from mof_lab.errors import LabError

ROOT = Path(__file__).resolve().parent.parent
GB = 1e9
SMALL = 2 * GB
ONE_CORE = ("00", "02", "03", "04", "05", "06", "07")  # notebooks that run there


def python(*arguments, one_core=False, **environment):
    """A new Python, as a container of 2 GB would start it; on one core if so."""
    core = min(os.sched_getaffinity(0)) if one_core else None
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TF_NUM_")}
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=clean | {"PYTHONPATH": path, "MEM_LIMIT": "2000000000"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=(lambda: os.sched_setaffinity(0, {core})) if one_core else None,
    )


def peak_of(process, seconds):
    """Waits for a process; the most that it and its children held together, bytes."""
    watched, peak, end = psutil.Process(process.pid), 0, time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        total = 0
        try:
            for each in (watched, *watched.children(recursive=True)):
                total += each.memory_info().rss
        except psutil.Error:
            pass  # one of them just ended
        peak = max(peak, total)
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    return peak


# ---- memory


@pytest.mark.parametrize(
    ("name", "fits"), [("tiny", True), ("small", True), ("base", False), ("t6", False)]
)
def test_which_presets_fit_into_two_gigabytes(monkeypatch, name, fits):
    preset = PRESETS[name]
    whole, least = planner.size_of(preset), sizes.least_size(preset.model)
    monkeypatch.setattr(sizes, "allowed_memory", lambda: SMALL)
    for size in (whole, least):  # that of the model; what is known before there is one
        if fits:
            sizes.check_size(size, preset)
            continue
        sentence = rf"{name} takes about [\d.]+ GB .* gives 2\.0 GB"
        with pytest.raises(LabError, match=sentence) as caught:
            sizes.check_size(size, preset)
        assert "\n" not in str(caught.value)
    monkeypatch.setattr(sizes, "allowed_memory", lambda: 25 * GB)
    sizes.check_size(whole, preset)


@pytest.mark.parametrize(
    ("name", "batch", "window", "parts", "measured"),
    [  # peaks in benchmarks/results/memory.json and in the report of tiny
        ("tiny", 8, 128, 1, 1.40),
        ("small", 16, 256, 1, 2.37),
        ("small", 16, 256, 4, 1.82),
        ("t6", 16, 128, 1, 6.98),
        ("t6", 16, 128, 4, 5.20),
    ],
)
def test_what_is_said_to_be_needed_is_near_what_was_measured(name, batch, window, parts, measured):
    preset = replace(PRESETS[name], batch=batch, window=window, accumulate=parts)
    if name == "small":  # as it was when it was measured
        model = replace(preset.model, embedding_dim=256, gru_units=512, router_units=64)
        preset = replace(preset, model=model)
    needed = (sizes.FIXED_MEMORY + sizes.own_memory(planner.size_of(preset), preset)) / GB
    assert needed == pytest.approx(measured, rel=0.1)


def test_a_run_that_can_not_fit_is_not_begun(tmp_path, monkeypatch):
    """Before its text is read; but a run that was trained elsewhere may be opened."""
    monkeypatch.setenv("MEM_LIMIT", "2000000000")
    monkeypatch.setattr(pipeline.corpus, "project", lambda preset: pytest.fail("text was read"))
    with pytest.raises(LabError, match=r"Training t6 takes about [\d.]+ GB"):
        pipeline.Run(PRESETS["t6"], tmp_path / "run")
    assert not (tmp_path / "run").exists()
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(LabError, match="holds a run with another preset"):
        pipeline.Run(PRESETS["t6"], tmp_path, Corpus([], [], []))


def test_a_training_that_can_not_fit_is_not_begun(
    config, vocabulary, packs, preset, tmp_path, monkeypatch
):
    """From MEM_LIMIT to the sentence, and nothing is written."""
    from mof_lab.model import MoF
    from mof_lab.training import Trainer

    monkeypatch.setenv("MEM_LIMIT", "1G")
    stage = preset.stage("gru")
    with pytest.raises(LabError, match=r"Training toy takes about 1\.2 GB .* gives 1\.1 GB"):
        Trainer(MoF(config), vocabulary, packs, preset, stage, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_parts_of_a_step_make_it_fit():
    preset = PRESETS["base"]
    size, parts = planner.size_of(preset), replace(preset, accumulate=8)
    assert sizes.own_memory(size, parts) < sizes.own_memory(size, preset) / 3


# ---- cores

THREADS = """
import mof_lab, os
import tensorflow as tf
a = tf.random.normal((600, 600))
product = tf.function(lambda x: x @ x @ x, jit_compile=True)
for _ in range(3):
    product(a); tf.matmul(a, a)
names = [open(f"/proc/self/task/{t}/comm").read().strip() for t in os.listdir("/proc/self/task")]
print(os.environ["TF_NUM_INTRAOP_THREADS"], len(names))
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_tensorflow_has_a_thread_for_each_allowed_core():
    """In any process that imports the lab, also a notebook's; by affinity and by CPU_LIMIT."""
    found = {}
    for name, options in (
        ("affinity", {"one_core": True}),
        ("limit", {"CPU_LIMIT": "1"}),
        ("sixteen", {"TF_NUM_INTRAOP_THREADS": "16", "TF_NUM_INTEROP_THREADS": "16"}),
    ):
        process = python("-c", THREADS, **options)
        told, said = process.communicate(timeout=600)
        assert process.returncode == 0, said
        found[name] = tuple(map(int, told.split()))
    assert found["affinity"][0] == found["limit"][0] == 1
    assert found["sixteen"][0] == 16
    assert max(found["affinity"][1], found["limit"][1]) < found["sixteen"][1] - 10


def test_threads_that_were_chosen_are_left(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    limits.threads_for_tensorflow()
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "7"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
@pytest.mark.parametrize("name", ONE_CORE)
def test_notebooks_on_one_core_in_two_gigabytes(name, tmp_path):
    """All of the kernel and what runs it; there is no swap to hide in: the peak is what counts."""
    process = python(
        "tools/execute_notebooks.py",
        "--fast",
        name,
        one_core=True,
        CPU_LIMIT="1",
        MOF_LAB_RUNS=str(tmp_path),
    )
    peak = peak_of(process, 3600)
    told, said = process.communicate()
    assert process.returncode == 0, said
    print(f"{name}: {peak / GB:.2f} GB")
    assert peak < SMALL


# ---- what is left behind


@pytest.fixture
def soak(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    return importlib.import_module("soak")


@pytest.mark.parametrize(
    ("memory", "passed"),
    [  # MB after each of 100 rounds of 6 s
        (lambda n: 900 + min(n, 45) + 3 * (n % 3), True),  # a cache that is full some time
        (lambda n: 900 + 0.2 * n, False),  # too little to be seen in the whole
        (lambda n: 900 + 25 * (n // 20), False),  # a model now and then
    ],
)
def test_a_leak_is_told_from_a_cache(soak, memory, passed):
    held = {"threads": 9, "python_threads": 1, "files": 9}
    samples = [{"seconds": 6.0 * n, "memory_bytes": memory(n) * 1e6, **held} for n in range(101)]
    assert soak.judged(samples, 10)["passed"] is passed
    samples[-1] |= {"files": 10}
    assert not soak.judged(samples, 10)["passed"]


@pytest.mark.slow
def test_a_short_soak_leaves_nothing(tmp_path):
    """`tools/soak.py` for three minutes: no thread, no file, no model (25 MB)."""
    out = tmp_path / "soak.json"
    process = python("tools/soak.py", "--minutes", 3, "--out", out, MEM_LIMIT="8G")
    process.communicate(timeout=1800)
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["rounds"] > 5
    assert max(found["left"].values()) <= 0
    assert found["growth"] < 0.05 and found["bytes_a_round"] < 1e6


# ---- versions


def test_a_checkpoint_of_the_first_format_still_answers_alike():
    """Made by the lab when its format was 1; its logits were written down then."""
    folder = ROOT / "tests" / "data" / "checkpoint-1"
    model, vocabulary, meta = checkpoint.load(folder)
    assert meta["format"] == "mof-lab checkpoint 1" and "checksum" not in meta
    expected = json.loads((folder / "logits.json").read_text(encoding="utf-8"))
    logits = model(np.array([expected["tokens"]]))["logits"][0].numpy()
    np.testing.assert_allclose(logits, expected["logits"], atol=2e-4)
    assert vocabulary.characters == "一二三四五六"


# ---- the page of promises


def names_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_the_page_of_promises_names_exists():
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) > 25
    for file, test in named:
        assert test in names_in(ROOT / file), f"{file}::{test}"
    for file in re.findall(r"\]\(([^)#]+)\)", page):
        assert (ROOT / "docs" / file).exists(), file
    assert not re.search(r"\| *\|$", page, re.M), "every promise has a figure"
    assert f"| {len(ONE_CORE)} notebooks, each under {SMALL / GB:.0f} GB |" in page

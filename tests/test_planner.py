"""The planner's arithmetic on invented machines, and that sizes are those of the real model."""

import json
from dataclasses import replace

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mof_lab import cli, planner, progress
from mof_lab.configuration import PRESETS
from mof_lab.errors import LabError
from mof_lab.planner import Estimate, Machine, Plan
from mof_lab.sizes import Size, in_a_thread

GB = 1e9


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """No report of this machine's runs is found."""
    monkeypatch.setenv("MOF_LAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(planner.folders, "PROJECT", tmp_path)
    return tmp_path


# ---- arithmetic ---------------------------------------------------------------------------------

machines = st.builds(
    Machine,
    product_rate=st.floats(1e9, 1e14),
    other_rate=st.floats(1e6, 1e11),
    fixed_memory=st.floats(0, 4 * GB),
)
counts = st.integers(1, 10**9)
sizes = st.builds(
    lambda multiplied, looked_up, numbers: Size(multiplied + looked_up, multiplied, numbers),
    counts,
    counts,
    counts,
)


@given(machines, sizes, st.integers(1, 1000), st.floats(1.01, 100))
def test_more_of_anything_costs_more(machine, size, batch, factor):
    preset = replace(PRESETS["tiny"], batch=batch)
    bigger = Size(*(int(n * factor) + 1 for n in (size.parameters, size.multiplied, size.numbers)))
    assert machine.seconds(bigger) > machine.seconds(size)
    assert machine.memory(bigger, preset) > machine.memory(size, preset)
    more = replace(preset, batch=batch + 1)
    assert machine.memory(size, more) > machine.memory(size, preset)
    quicker = replace(machine, product_rate=machine.product_rate * factor)
    assert quicker.seconds(size) < machine.seconds(size)


@given(sizes, st.floats(1e9, 1e13), st.floats(1.2, 100))
def test_the_machine_explains_what_was_measured_on_it(size, rate, factor):
    a_character = factor * 6 * size.multiplied / rate
    preset = PRESETS["tiny"]
    peak = 30 * size.parameters + 20 * size.numbers * preset.batch * preset.window
    machine = planner.machine_from(preset, size, rate, a_character, peak)
    assert machine.seconds(size) == pytest.approx(a_character)
    assert machine.memory(size, preset) == pytest.approx(peak)


@given(sizes, st.floats(1e9, 1e13), st.floats(0.01, 1))
def test_a_disturbed_measurement_gives_a_finite_machine(size, rate, factor):
    a_character = factor * 6 * size.multiplied / rate  # quicker than its products alone
    machine = planner.machine_from(PRESETS["tiny"], size, rate, a_character, 0)
    assert machine.seconds(size) > a_character
    assert machine.fixed_memory == 0


def test_an_estimate_grows_with_the_steps_and_with_the_text():
    machine, size, preset = Machine(1e11, 1e9, GB), Size(10**6, 10**6, 10**4), PRESETS["tiny"]
    short, long = (planner.estimate(preset.shortened(f), size, machine) for f in (1.0, 2.0))
    start = planner.START_SECONDS * len(preset.stages)
    assert long.seconds - start == pytest.approx(2 * (short.seconds - start), rel=1e-3)
    assert short.speed == long.speed == pytest.approx(1 / (6e6 / 1e11 + 1e4 / 1e9))
    assert short.pass_seconds(2000) == pytest.approx(2 * short.pass_seconds(1000))


def test_sizes_are_those_of_the_real_model(preset, model, config):
    preset = replace(preset, vocabulary_size=config.vocabulary_size)
    size = planner.size_of(preset)
    assert size.parameters == model.count_params()
    assert size.multiplied == size.parameters  # its table is also its head
    untied = replace(config, tied_embeddings=False, learned_positions=64)
    lookups = (config.vocabulary_size + 64) * config.embedding_dim
    bigger = planner.size_of(replace(preset, model=untied))
    assert bigger.multiplied == bigger.parameters - lookups
    assert bigger.numbers > size.numbers


def test_the_presets_are_ordered_by_size():
    found = [planner.size_of(PRESETS[name]) for name in ("tiny", "small", "base", "t6")]
    for field in ("parameters", "multiplied", "numbers"):
        values = [getattr(size, field) for size in found]
        assert values == sorted(set(values)), field


# ---- recommending -------------------------------------------------------------------------------


def a_plan(minutes, allowed=100 * GB):
    hours = {"tiny": 0.1, "seed": 0.1, "small": 2, "base": 12}
    memory = {"tiny": 1, "seed": 1, "small": 2, "base": 8}
    estimates = tuple(
        Estimate(name, 10**6, 1000.0, 3600 * hours[name], memory[name] * GB, "not measured yet")
        for name in hours
    )
    return Plan(estimates, minutes, 10**7, allowed)


@pytest.mark.parametrize(
    ("minutes", "name"), [(6, "tiny"), (119, "tiny"), (120, "small"), (10**6, "base")]
)
def test_the_longest_training_that_is_finished_is_recommended(minutes, name):
    plan = a_plan(minutes)
    assert plan.recommended.preset == name
    assert f"--preset {name} --minutes {minutes}" in str(plan)


@given(st.floats(0.1, 2000), st.floats(1, 10))
def test_more_time_or_memory_never_means_a_smaller_preset(minutes, factor):
    def rank(plan):
        return -1 if plan.recommended is None else PRESETS[plan.recommended.preset].minutes

    assert rank(a_plan(minutes)) <= rank(a_plan(minutes * factor))
    assert rank(a_plan(minutes, 2 * GB)) <= rank(a_plan(minutes, 2 * GB * factor))


def test_what_does_not_fit_is_not_recommended():
    plan = a_plan(10**6, 4 * GB)
    assert plan.recommended.preset == "small"
    assert "8.0 GB !" in str(plan)
    plan = a_plan(1)
    assert plan.recommended is None
    assert "tiny with fewer steps" in str(plan)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.52, "1.5 s"),
        (40, "40 s"),
        (89, "89 s"),
        (90, "2 min"),
        (5399, "90 min"),
        (9000, "2.5 h"),
        (4e5, "4.6 days"),
    ],
)
def test_durations(seconds, words):
    assert progress.duration(seconds) == words


def test_quality_is_read_from_a_report_and_never_invented(own_folders):
    assert planner.expected_quality("tiny").startswith("not measured yet")
    right = {"correct": 3, "total": 4}
    report = {
        "bits_per_character": {"all": 3.1415},
        "answers": {"knowledge": right, "reasoning": right},
    }
    path = own_folders / "checkpoints" / "tiny" / "report.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(report), encoding="utf-8")
    assert planner.expected_quality("tiny") == "3.14 bits/char, knowledge 75%, reasoning 75%"


# ---- asking -------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [{"minutes": 0}, {"minutes": float("nan")}, {"characters": -1}])
def test_a_bad_request_is_refused_before_anything_is_measured(values):
    with pytest.raises(LabError, match="expected a number above 0"):
        planner.plan(**values)


def test_the_command_prints_the_plan(monkeypatch):
    machine, size = Machine(1e11, 1e9, GB), Size(10**6, 10**6, 10**4)
    monkeypatch.setattr(planner, "call", lambda _: ((machine, dict.fromkeys(PRESETS, size)), 0))
    result = CliRunner().invoke(cli.app, ["plan", "--minutes", "600"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:7]] == list(PRESETS)
    assert lines[-1].strip().startswith("python3 lab.py run --preset")


def test_practice_trains_on_whole_batches_and_keeps_nothing(preset, config):
    trainer = planner.practice(replace(preset, vocabulary_size=config.vocabulary_size))
    reports = iter(trainer)
    assert next(reports).tokens % (preset.batch * preset.window) == 0
    reports.close()
    assert trainer.record.step > 0
    assert not trainer.directory.exists()


def test_a_size_leaves_nothing_for_keras_to_draw_later(monkeypatch):
    def draw(*_, **__):
        raise AssertionError("a weight is drawn")

    for name in ("GlorotUniform", "OrthogonalInitializer"):
        monkeypatch.setattr(getattr(keras.initializers, name), "__call__", draw)

    def look():
        planner.size_of(PRESETS["tiny"])
        with keras.StatelessScope():
            pass

    in_a_thread(look)  # what other tests have left is another thread's

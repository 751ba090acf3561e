"""Measuring: in turn, by the median; the parts of a step are all of it; what is kept is told."""

import json
import time
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from mof_lab import profiling
from mof_lab.committed import benchmark
from mof_lab.planner import practice, size_of
from mof_lab.sizes import BYTES_A_NUMBER


def test_functions_take_turns_and_the_median_counts(monkeypatch):
    monkeypatch.setattr(profiling, "TURN", 0.0)  # one call a turn
    clock, calls = [0.0], []

    def takes(name, *seconds):
        durations = iter(seconds)

        def function():
            calls.append(name)
            clock[0] += next(durations)

        return function

    monkeypatch.setattr(
        profiling, "timeit", lambda function, number, timer: _timed(function, clock)
    )
    monkeypatch.setattr(profiling, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    functions = {"a": takes("a", 50, 1, 1, 90, 2), "b": takes("b", 60, 5, 5, 4, 3)}
    found = profiling.measure(functions, seconds=0)
    assert found == {"a": 2, "b": 4}  # neither the first calls count nor the one long call
    assert calls == list("aabb" + "ab" * 3)


def _timed(function, clock):
    before = clock[0]
    function()
    return clock[0] - before


def test_another_timer_counts_what_the_cores_did(monkeypatch):
    """Waiting is no work."""
    monkeypatch.setattr(profiling, "TURN", 0.0)
    found = profiling.measure({"sleep": lambda: time.sleep(0.1)}, 0, time.process_time)
    assert found["sleep"] < 0.05


def test_both_updates_do_the_same_to_the_weights(preset):
    """With the settings of the trainer, of which the decay is all that zero gradients leave."""
    trainer = practice(preset)
    both, after = profiling.updates(trainer), []
    before = [variable.numpy() for variable in trainer.variables]
    for update in both.values():
        for variable, value in zip(trainer.variables, before, strict=True):
            variable.assign(value)
        update()
        after.append([variable.numpy() for variable in trainer.variables])
    assert list(both) == ["Keras", "fused"]
    for theirs, ours in zip(*after, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)
    assert any((a != b).any() for a, b in zip(before, after[0], strict=True))


def test_a_quick_function_is_called_more_often_a_turn():
    counts = {"quick": 0, "slow": 0}

    def quick():
        counts["quick"] += 1

    def slow():
        counts["slow"] += 1
        np.linalg.svd(np.ones((200, 200)))

    found = profiling.measure({"quick": quick, "slow": slow}, seconds=0.05)
    assert counts["quick"] > 10 * counts["slow"]
    assert 0 < found["quick"] < found["slow"]


@pytest.mark.parametrize("xla", [False, True])
def test_gradients_are_those_of_a_tape(xla):
    layer, x = keras.layers.Dense(3), tf.random.normal((4, 2), seed=1)
    layer.build(x.shape)
    value, grads = profiling.forward_backward(
        lambda x: tf.reduce_sum(layer(x) ** 2), x, layer.trainable_variables, xla
    )()
    out = (x @ layer.kernel).numpy()
    assert float(value) == pytest.approx((out**2).sum(), rel=1e-4)
    wanted = (2 * out @ layer.kernel.numpy().T, 2 * x.numpy().T @ out, 2 * out.sum(axis=0))
    for found, correct in zip(grads, wanted, strict=True):
        np.testing.assert_allclose(found, correct, rtol=1e-3, atol=1e-4)


def test_a_table_has_a_whole_gradient():
    table, ids = keras.layers.Embedding(5, 2), tf.constant([1, 3, 3])
    table.build(ids.shape)
    _, grads = profiling.forward_backward(
        lambda ids: tf.reduce_sum(table(ids)), ids, table.trainable_variables
    )()
    np.testing.assert_array_equal(grads[0], [[0, 0], [1, 1], [0, 0], [2, 2], [0, 0]])


def test_the_parts_of_a_step_have_all_weights(preset):
    trainer = practice(preset)
    parts = profiling.training_parts(trainer, xla=False)
    assert list(parts) == ["stem", *trainer.model.config.experts, "router", "head", "optimizer"]
    shapes = []
    for name, part in parts.items():
        if name != "optimizer":
            value, grads = part()
            assert np.isfinite(value) and all(np.isfinite(g).all() for g in grads)
            shapes += [tuple(g.shape) for g in grads]
    batch = (preset.batch, preset.window)
    weights = [tuple(v.shape) for v in trainer.variables]
    weights.append(tuple(trainer.model.embedding.embeddings.shape))  # looked up, and the output
    assert sorted(s for s in shapes if s[:2] != batch) == sorted(weights)
    before = int(trainer.optimizer.iterations)
    parts["optimizer"]()
    assert int(trainer.optimizer.iterations) == before + 1


@pytest.mark.slow
def test_more_windows_take_more_memory(preset):
    found = profiling.peaks(preset, (513, 1))
    assert list(found) == [1, 513]
    numbers = 512 * preset.window * size_of(preset).numbers
    assert BYTES_A_NUMBER / 4 < (found[513] - found[1]) / numbers < BYTES_A_NUMBER * 4


def test_the_bandwidth_is_that_of_the_matrix(monkeypatch):
    monkeypatch.setattr(profiling, "measure", lambda functions, seconds: {"": 0.5})
    assert profiling.memory_bandwidth(1.0, size=16) == 4 * 16 * 16 / 0.5


def test_a_benchmark_is_told_as_it_was_written(tmp_path):
    assert "has not been measured yet" in benchmark("train", tmp_path)
    result = {
        "figures": {"gru_vs_keras_small": 2.5, "t6_train_vs_published": None},
        "table": {"header": ["what", "tokens/s"], "rows": [["t6", "300"]]},
        "notes": ["published is left out: no Python 3.11."],
        "machine": {"cpu": "A chip", "cores": 2},
        "date": "2026-01-02T03:04:05+00:00",
    }
    (tmp_path / "train.json").write_text(json.dumps(result), encoding="utf-8")
    told = benchmark("train", tmp_path)
    for words in (
        "A chip, 2 cores 核, 2026-01-02",
        "what 内容",
        "300",
        "2.5",
        "not measured",
        "left out",
    ):
        assert words in told

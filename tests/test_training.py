"""Training a stage: exact stops, frozen parts, the loss mask, the budget, and what goes wrong."""

import json
import math
import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from mof_lab import checkpoint, files, training
from mof_lab.errors import LabError
from mof_lab.model import MoF
from mof_lab.packing import ANSWER, CONTEXT, NOTHING, Windows
from mof_lab.progress import clock
from mof_lab.training import Trainer


@pytest.fixture
def eagerly():
    """Without compiling: slower steps, but a toy stage is over before XLA has begun."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def ticking(monkeypatch):
    """A clock that goes on by a second whenever somebody looks at it."""
    times = iter(range(10**6))
    monkeypatch.setattr(training.time, "monotonic", lambda: float(next(times)))


@pytest.fixture
def make(config, vocabulary, packs, preset):
    """Makes a trainer with a model of its own, for a stage by name or a changed one."""

    def make(
        folder,
        stage="gru",
        change=None,
        packs=packs,
        model_change=None,
        preset_change=None,
        **options,
    ):
        stage = replace(preset.stage(stage), **(change or {}))
        model = MoF(replace(config, **(model_change or {})))
        whole = replace(preset, **(preset_change or {}))
        return Trainer(model, vocabulary, packs, whole, stage, folder, **options)

    return make


def test_tensorflow_is_given_no_python_number_each_step(make, tmp_path, eagerly, monkeypatch):
    """It keeps every one of them for good: an hour of a toy's steps would be 140 MB."""
    trainer, rates = make(tmp_path), []
    optimizer = type(trainer.optimizer)
    setting = optimizer.learning_rate.fset

    def noting(self, rate):
        rates.append(rate)
        setting(self, rate)

    monkeypatch.setattr(optimizer, "learning_rate", optimizer.learning_rate.setter(noting))
    next(iter(trainer))
    assert rates and not any(type(rate) in (int, float) for rate in rates)


def test_workers_that_do_not_share_a_folder(make, tmp_path, eagerly, monkeypatch):
    """One has the checkpoint, the other one begins."""
    trainer = make(tmp_path)
    assert trainer._mean(7) == 7
    next(iter(trainer))
    again = make(tmp_path)
    monkeypatch.setattr(again, "_mean", lambda step: step / 2)
    before = again.record.step
    with pytest.raises(LabError, match=r"different steps of stage gru.*shared folder.*--out"):
        next(iter(again))
    assert again.record.step == before > 0


def arrays(variables):
    return [v.numpy() for v in variables]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def losses(trainer):
    """The curve without its seconds."""
    return [(step, loss, bits) for step, _, loss, bits in trainer.record.curve]


def equal(one, other):
    """Two trainers ended at the same place, bit for bit."""
    assert one.record.step == other.record.step
    assert one.record.tokens == other.record.tokens
    assert losses(one) == losses(other)
    assert same(arrays(one.model.variables), arrays(other.model.variables))
    assert same(arrays(one.optimizer.variables), arrays(other.optimizer.variables))


def stop_after(trainer, steps):
    for _ in trainer:
        if trainer.record.step == steps:
            break


# Stop and go on


def test_stopping_changes_nothing(make, tmp_path):
    """The compiled step, as in every real training."""
    whole = make(tmp_path / "whole")
    whole.run()
    stop_after(make(tmp_path / "parts"), 2)
    rest = make(tmp_path / "parts")
    assert rest.record.step == 2
    rest.run()
    equal(rest, whole)
    saved, _, _ = checkpoint.load(tmp_path / "parts")
    assert same(arrays(saved.variables), arrays(whole.model.variables))


@pytest.mark.parametrize(
    ("stage", "change"),
    [
        ("router", {}),
        ("chat", {}),
        ("router", {"optimizer": "muon", "average": 0.9}),
        ("router", {"optimizer": "lion"}),
    ],
)
def test_stopping_again_and_again_changes_nothing(eagerly, make, packs, tmp_path, stage, change):
    """With dropout, whose random numbers must go on too, and at each step."""
    model = {"dropout": 0.2, "num_layers": 1}
    options = {"stage": stage, "model_change": model, "preset_change": change, "held_out": packs}
    whole = make(tmp_path / "whole", **options)
    whole.run()
    for steps in range(1, whole.record.steps):
        stop_after(make(tmp_path / "parts", **options), steps)
    rest = make(tmp_path / "parts", **options)
    rest.run()
    equal(rest, whole)


def test_averaged_weights_are_the_mean_of_those_on_the_way(eagerly, make, tmp_path):
    trainer, passed = make(tmp_path / "mean", preset_change={"average": 0.75}), []
    step = trainer._step

    def watched(*batch):
        loss = step(*batch)
        passed.append(arrays(trainer.variables))
        return loss

    trainer._step = watched
    trainer.run()
    mean = passed[0]
    for weights in passed[1:]:
        mean = [0.75 * m + 0.25 * w for m, w in zip(mean, weights, strict=True)]
    for own, expected in zip(arrays(trainer.variables), mean, strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-6)


def test_an_interrupt_within_a_step_changes_nothing(eagerly, make, tmp_path):
    """Ctrl-C is seen when the compiled step returns: its weights are there, its number not yet."""
    whole = make(tmp_path / "whole")
    whole.run()
    part = make(tmp_path / "parts")
    step, count = part._step, iter(range(9))

    def interrupted(*batch):
        loss = step(*batch)
        if next(count) == 2:
            raise KeyboardInterrupt
        return loss

    part._step = interrupted
    with pytest.raises(KeyboardInterrupt):
        part.run()
    rest = make(tmp_path / "parts")
    rest.run()
    equal(rest, whole)


def _train_and_tell(connection, folder, preset, vocabulary, windows):
    """In a process of its own: saves and says so at each step, until it is killed."""
    training.SAVE_EVERY_SECONDS = 0.0
    trainer = Trainer(MoF(preset.model), vocabulary, windows, preset, preset.stage("joint"), folder)
    for progress in trainer:
        connection.send(progress.step)


@pytest.mark.slow
def test_a_killed_process_goes_on(make, packs, preset, vocabulary, tmp_path):
    whole = make(tmp_path / "whole", "joint")
    whole.run()
    windows = {kind: Windows(w.tokens[:], w.roles[:]) for kind, w in packs.items()}
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(
        target=_train_and_tell, args=(there, tmp_path / "killed", preset, vocabulary, windows)
    )
    process.start()
    assert here.poll(120)
    while here.recv() < 3:
        pass
    process.kill()  # SIGKILL: nothing is left to run in there
    process.join()
    rest = make(tmp_path / "killed", "joint")
    assert 2 <= rest.record.step < rest.record.steps
    rest.run()
    equal(rest, whole)


def test_a_finished_stage_stays_as_it_is(eagerly, make, tmp_path):
    first = make(tmp_path)
    record = first.run()
    assert record.done
    before = (tmp_path / "meta.json").read_bytes()
    again = make(tmp_path)
    assert list(again) == []
    assert again.run() == record
    assert same(arrays(again.model.variables), arrays(first.model.variables))
    assert (tmp_path / "meta.json").read_bytes() == before
    assert not list(tmp_path.glob("optimizer*"))


@pytest.mark.parametrize(
    "other",
    [
        {"stage": "router"},
        {"model_change": {"gru_units": 16}},
        {"model_change": {"experts": ("gru",)}},
    ],
)
def test_another_training_in_the_folder(eagerly, make, tmp_path, other):
    stop_after(make(tmp_path), 1)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(LabError, match="another training") as caught:
        make(tmp_path, **other)
    assert "\n" not in str(caught.value)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_training_from_before_an_option_goes_on(eagerly, make, tmp_path):
    """Its configuration knows nothing of `recompute`, which was off."""
    stop_after(make(tmp_path), 1)
    path = tmp_path / "meta.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    del meta["config"]["recompute"]
    path.write_text(json.dumps(checkpoint.sealed(meta)), encoding="utf-8")
    assert make(tmp_path).record.step == 1
    with pytest.raises(LabError, match="another training"):
        make(tmp_path, model_change={"recompute": True})


def test_a_damaged_checkpoint_in_the_folder(make, tmp_path):
    (tmp_path / "meta.json").write_text("{", encoding="utf-8")
    with pytest.raises(LabError, match="damaged"):
        make(tmp_path)


# What learns


@pytest.mark.parametrize("stage", ["gru", "transformer", "router", "joint", "chat"])
def test_what_is_frozen_stays_and_the_rest_learns(eagerly, make, preset, tmp_path, stage):
    trainer = make(tmp_path, stage, {"steps": 2})
    parts = trainer.model.parts()

    def now():
        return {
            name: [w for layer in layers for w in layer.get_weights()]
            for name, layers in parts.items()
        }

    before = now()
    trainer.run()
    trains = preset.stage(stage).trains
    for name, values in now().items():
        if "all" in trains or name in trains:
            moved = [not np.array_equal(a, b) for a, b in zip(values, before[name], strict=True)]
            assert np.mean(moved) > 0.9, name  # all, but perhaps for one that starts at its best
        else:
            assert same(values, before[name]), name


def one_window(last, role):
    """A window whose last token is a target only, never read."""
    rng = np.random.default_rng(1)
    tokens = rng.integers(6, 40, (4, 33)).astype(np.uint16)
    roles = np.full((4, 33), CONTEXT, np.uint8)
    roles[:, 8:20] = ANSWER
    tokens[:, -1], roles[:, -1] = last, role
    return {"chat": Windows(tokens, roles)}


@pytest.mark.parametrize(
    ("answers_only", "role", "matters"),
    [
        (True, CONTEXT, False),
        (True, NOTHING, False),
        (True, ANSWER, True),
        (False, CONTEXT, True),
        (False, NOTHING, False),
    ],
)
def test_which_targets_matter(eagerly, make, tmp_path, answers_only, role, matters):
    results = []
    for last in (10, 20):
        packs = one_window(last, role)
        change = {"steps": 2, "answers_only": answers_only}
        trainer = make(tmp_path / str(last), "joint", change, packs)
        trainer.run()
        results.append((losses(trainer), arrays(trainer.model.variables)))
    (curve, one), (other_curve, other) = results
    assert (curve != other_curve) == matters
    assert same(one, other) != matters


def test_a_batch_without_an_answer_is_harmless(eagerly, make, tmp_path):
    packs = {"story": one_window(10, CONTEXT)["chat"]}
    packs["story"].roles[:] = CONTEXT
    record = make(tmp_path, "chat", {"steps": 2}, packs).run()
    assert all(loss == 0 for _, _, loss, _ in record.curve)


@pytest.mark.parametrize("saving", ["accumulate", "recompute", "no xla"])
def test_what_saves_memory_changes_no_weight(make, tmp_path, saving):
    def trained(folder, change=None, model_change=None):
        options = {"model_change": model_change, "preset_change": change}
        trainer = make(tmp_path / folder, "joint", {"steps": 3}, **options)
        trainer.run()
        return arrays(trainer.model.weights)

    plain = trained("plain")
    if saving == "recompute":
        other = trained("other", model_change={"recompute": True})
    else:
        other = trained("other", {"accumulate": 2} if saving == "accumulate" else {"xla": False})
    for one, two in zip(plain, other, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("rate", [1.0, 10.0])
def test_alpha_stays_in_the_unit_interval(eagerly, make, tmp_path, rate):
    trainer = make(tmp_path, "joint", {"steps": 4, "learning_rate": rate})
    (transformer,) = trainer.model.parts()["transformer"]
    for _ in trainer:
        for block in transformer.blocks:
            assert 0 <= float(block.thought.alpha) <= 1


def test_the_model_learns(make, packs, tmp_path):
    """A hundred compiled steps on the toy text: far better than at the start."""
    trainer = make(tmp_path, "joint", {"steps": 100, "learning_rate": 1e-2}, held_out=packs)
    bits = [bits for *_, bits in trainer.run().curve]
    assert bits[0] > 3
    assert bits[-1] < 1.5
    assert trainer.record.tokens == 100 * 4 * 32


# Budget and reports


def test_the_budget_shortens_the_stage(make, tmp_path):
    trainer = make(tmp_path, change={"steps": 200}, seconds=0.0)
    last = list(trainer)[-1]
    assert trainer.record.steps < 60
    assert trainer.record.done
    assert last.step == last.steps == trainer.record.steps
    peak = trainer.stage.learning_rate
    assert last.learning_rate < peak * 0.3  # the schedule ends with the stage


def test_a_large_budget_changes_nothing(make, tmp_path):
    trainer = make(tmp_path, change={"steps": 60}, seconds=3600.0)
    assert trainer.run().steps == 60


def test_a_shortened_stage_goes_on_exactly(ticking, make, tmp_path):
    options = {"change": {"steps": 200}, "seconds": 120.0}
    whole = make(tmp_path / "whole", **options)
    whole.run()
    assert 44 < whole.record.steps < 150
    part = make(tmp_path / "parts", **options)
    stop_after(part, 44)
    assert part.record.steps == whole.record.steps
    rest = make(tmp_path / "parts", **options)
    rest.run()
    equal(rest, whole)


def test_the_budget_holds_after_an_early_stop(make, tmp_path):
    """Also when the stop came before the speed was known."""
    options = {"change": {"steps": 100}, "seconds": 0.0, "reports": 100}
    stop_after(make(tmp_path, **options), 3)
    rest = make(tmp_path, **options)
    rest.run()
    assert rest.record.steps < 100


def test_the_budget_holds_after_two_early_stops(make, tmp_path):
    """Also when each session was too short to know the speed, together they were not."""
    trainer = make(tmp_path, change={"steps": 200}, seconds=0.0)
    trainer.record.step = 60
    trainer._step = lambda *batch: tf.constant(1.0)
    trainer.run()
    assert trainer.record.steps < 110


def test_seconds_count_over_all_sessions(eagerly, ticking, make, tmp_path):
    stop_after(make(tmp_path), 3)
    first = checkpoint.read_meta(tmp_path)["record"]["seconds"]
    record = make(tmp_path).run()
    assert record.seconds > first > 0
    seconds = [seconds for _, seconds, *_ in record.curve]
    assert seconds == sorted(seconds)


def test_what_a_report_says(eagerly, make, packs, tmp_path):
    trainer = make(tmp_path, held_out=packs)
    reports = list(trainer)
    assert [r.step for r in reports] == [1, 2, 3, 4, 5, 6]
    for report in reports:
        assert report.stage == "gru"
        assert report.steps == 6
        assert report.tokens == report.step * 4 * 32
        assert math.isfinite(report.loss)
        assert report.bits_per_character > 0
        assert report.memory > 0
    assert "gru 6/6" in str(reports[-1])
    assert "held-out" in str(reports[-1])
    assert trainer.record.peak_memory > 0
    assert [clock(s) for s in (0, 59.6, 185)] == ["0:00", "1:00", "3:05"]


def test_without_held_out_text_nothing_is_measured(eagerly, make, tmp_path):
    reports = list(make(tmp_path, change={"steps": 2}))
    assert [r.bits_per_character for r in reports] == [None, None]
    assert "held-out" not in str(reports[0])


# What goes wrong


@pytest.mark.parametrize("save_every", [30.0, -1.0])
def test_a_loss_that_is_no_number(eagerly, make, tmp_path, monkeypatch, save_every):
    """The stage stops with a sentence; what was saved before is still good.

    Also when the time to save comes after the bad step and before the next report.
    """
    monkeypatch.setattr(training, "SAVE_EVERY_SECONDS", save_every)
    monkeypatch.setattr(training.time, "monotonic", lambda: 0.0)
    good = make(tmp_path, reports=3)  # a report every other step
    stop_after(good, 2)
    bad = make(tmp_path, reports=3)
    bad.model.head_norm.gamma.assign(np.full(16, np.nan, np.float32))
    with pytest.raises(LabError, match=r"ran away.*loss nan.*gru.*learning rate") as caught:
        bad.run()
    assert "\n" not in str(caught.value)
    kept, _, meta = checkpoint.load(tmp_path)
    assert meta["step"] == 2
    assert same(arrays(kept.variables), arrays(good.model.variables))


def test_weights_that_are_no_numbers_are_not_saved(eagerly, make, tmp_path):
    """The loss of a step is that of the weights before it, and may still be fine."""
    stop_after(make(tmp_path), 2)
    trainer = make(tmp_path)
    for _ in trainer:
        trainer.model.head_norm.gamma.assign(np.full(16, np.nan, np.float32))
        break
    kept, _, meta = checkpoint.load(tmp_path)
    assert meta["step"] == 2
    assert all(np.isfinite(a).all() for a in arrays(kept.variables))


def test_an_error_elsewhere_saves(eagerly, make, tmp_path):
    def fails(progress):
        if progress.step == 3:
            raise RuntimeError("a bug in a chart")

    with pytest.raises(RuntimeError):
        make(tmp_path).run(fails)
    assert checkpoint.read_meta(tmp_path)["step"] == 3


def test_a_full_disk_while_training(eagerly, make, tmp_path, monkeypatch):
    """The sentence arrives, and what was there goes on from where it was saved."""
    stop_after(make(tmp_path), 2)

    def no_space(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", no_space)
        with pytest.raises(LabError, match="No space left"):
            make(tmp_path).run()
    rest = make(tmp_path)
    assert rest.record.step == 2
    assert rest.run().done

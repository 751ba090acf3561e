"""Orders of the windows: permutations, pure functions of the step, stops that change nothing."""

import io
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from mof_lab import curriculum
from mof_lab.committed import trial
from mof_lab.curriculum import ORDERS, PHASES, in_order, phases, scores
from mof_lab.errors import LabError
from mof_lab.model import MoF
from mof_lab.packing import NOTHING, Windows, open_packed, pack, pack_by_kind
from mof_lab.training import Trainer
from mof_lab.vocabulary import BEGIN, PADDING

OTHERS = ORDERS[1:]
each_order = pytest.mark.parametrize("order", OTHERS)


def numbered(sizes, seed=0):
    """Packs whose windows say which they are: kind in roles, row in tokens; rated at random."""
    rng = np.random.default_rng(seed)
    packs = {}
    for kind, size in enumerate(sizes):
        tokens = np.repeat(np.arange(size, dtype=np.uint16)[:, None], 3, axis=1)
        roles = np.full((size, 3), kind, np.uint8)
        packs[f"kind {kind}"] = Windows(tokens, roles, rng.normal(size=size))
    return packs


def seen(batches, steps):
    """(kind, row) of every window, in order."""
    found = []
    for step in range(steps):
        tokens, roles = batches(step)
        found += zip(roles[:, 0].tolist(), tokens[:, 0].tolist(), strict=True)
    return found


SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=4)
BATCH, STEPS = st.integers(1, 7), st.integers(1, 40)


@each_order
@given(SIZES, BATCH, STEPS, st.integers(0, 9))
def test_every_order_reads_what_the_mixed_one_reads(order, sizes, batch, steps, seed):
    """Nothing is lost and nothing comes more often, whatever the epochs and the shares."""
    shares = [(f"kind {k}", 1.0 + k) for k in range(len(sizes))]
    given = numbered(sizes, seed), shares, batch, seed, steps
    mixed, other = (in_order(name, *given) for name in ("mixed", order))
    assert sorted(seen(mixed, steps)) == sorted(seen(other, steps))


@each_order
@given(SIZES, BATCH, STEPS, st.data())
def test_a_batch_is_a_pure_function_of_its_step(order, sizes, batch, steps, data):
    given = order, numbered(sizes), (), batch, 5, steps
    expected = [in_order(*given)(step) for step in range(steps)]
    asked = data.draw(st.lists(st.integers(0, steps - 1), max_size=8))
    again = in_order(*given)
    for step in asked:
        for one, other in zip(again(step), expected[step], strict=True):
            np.testing.assert_array_equal(one, other)


@each_order
def test_workers_read_the_parts_of_a_batch(order):
    batches = in_order(order, numbered([9, 20]), (), 6, 5, 7)
    for step in range(7):
        together = [batches(step, part, 3) for part in range(3)]
        for i, whole in enumerate(batches(step)):
            parts = np.stack([part[i] for part in together], axis=1)  # (2, 3, window + 1)
            np.testing.assert_array_equal(parts.reshape(whole.shape), whole)


@pytest.mark.parametrize("order", ["length", "difficulty"])
def test_shares_stay_and_phases_rise(order, rows, vocabulary, tmp_path):
    packs = numbered([300, 80])
    if order == "length":  # windows of 1 … 12 documents
        for windows in packs.values():
            tokens = np.full((len(windows), 25), 9, np.uint16)
            tokens[:, 0] = BEGIN
            for row in range(len(tokens)):
                tokens[row, 2 : 2 + row % 12] = BEGIN
            windows.__dict__.update(tokens=tokens, roles=np.repeat(windows.roles, 9, 1)[:, :25])
    batches = in_order(order, packs, (("kind 0", 0.75), ("kind 1", 0.25)), 8, 5, 60)
    mixed = in_order("mixed", packs, (("kind 0", 0.75), ("kind 1", 0.25)), 8, 5, 60)
    for step in range(60):  # each kind keeps its places
        np.testing.assert_array_equal(batches(step)[1][:, 0], mixed(step)[1][:, 0])
    assert packs["kind 1"].tokens.shape[0] < 60 * 8 / 4  # more than one epoch
    for kind, windows in enumerate(packs.values()):
        phase = phases(scores(order, windows))
        passed = phase[batches._places[batches._drawn == kind]]
        assert (np.diff(passed) >= 0).all()
        assert passed[0] == 0 and passed[-1] == PHASES - 1


def test_each_epoch_of_a_phase_reads_each_of_its_windows_once():
    batches = in_order("difficulty", numbered([40]), (), 4, 5, 30)  # three epochs
    rows = np.array([row for _, row in seen(batches, 30)])
    blocks = np.sort(rows.reshape(PHASES, 3, 5), axis=2)  # phase, epoch, window
    assert (blocks == blocks[:, :1]).all() and (np.diff(blocks) > 0).all()


def test_by_kind_one_comes_after_the_other():
    shares = (("kind 1", 1), ("kind 0", 2))
    kinds = [kind for kind, _ in seen(in_order("kind", numbered([9, 9]), shares, 4, 5, 30), 30)]
    assert np.count_nonzero(np.diff(kinds)) == 1 and kinds[0] == 1


@given(st.lists(st.floats(0, 9), min_size=1, max_size=50))
def test_phases_are_as_large_as_each_other(values):
    found = phases(np.array(values))
    sizes = np.bincount(found, minlength=PHASES)
    assert sizes.max() - sizes.min() <= 1
    for low in range(PHASES - 1):
        if sizes[low] and sizes[low + 1 :].any():
            assert np.max(np.array(values)[found == low]) <= np.min(np.array(values)[found > low])


def test_length_is_the_mean_of_the_documents_in_a_window(rows, vocabulary):
    windows = pack(rows, vocabulary, 32)
    found = scores("length", windows)
    for tokens, length in zip(windows.tokens, found, strict=True):
        text = tokens[tokens != PADDING]
        pieces = np.split(text, np.flatnonzero(text[1:] == BEGIN) + 1)
        assert length == np.mean([len(piece) for piece in pieces])


def test_what_is_not_known_is_said(packs):
    with pytest.raises(LabError, match="no order 'random'.*mixed, length"):
        in_order("random", packs, (), 4, 5, 3)
    with pytest.raises(LabError, match=r"not rated yet.*curriculum\.rate"):
        in_order("difficulty", packs, (), 4, 5, 3)


@pytest.fixture
def eagerly():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def rated(packs):
    """The toy's windows, rated by how many different characters they have."""
    return {
        kind: replace(w, difficulty=np.array([len(set(t)) for t in w.tokens.tolist()], float))
        for kind, w in packs.items()
    }


@each_order
def test_stopping_changes_nothing(eagerly, order, config, vocabulary, rated, preset, tmp_path):
    ordered = replace(preset, order=order, model=replace(config, num_layers=1))

    def trainer(name):
        stage = ordered.stage("transformer")
        return Trainer(MoF(ordered.model), vocabulary, rated, ordered, stage, tmp_path / name)

    whole, part = trainer("whole"), trainer("parts")
    whole.run()
    for _ in part:
        if part.record.step == 2:
            break
    rest = trainer("parts")
    assert rest.record.step == 2
    rest.run()
    assert rest.record.step == whole.record.step == 5
    for one, other in zip(rest.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_stage_that_is_shortened_reaches_the_last_phase(
    eagerly, config, vocabulary, rated, preset, tmp_path
):
    """The time decides after 42 steps how many there are; the order is that of so many."""
    stage = replace(preset.stage("router"), steps=10_000)
    ordered = replace(preset, order="difficulty", model=replace(config, num_layers=1))
    trainer = Trainer(MoF(ordered.model), vocabulary, rated, ordered, stage, tmp_path)
    trainer.budget, trainer.record.step = 60.0, 42
    trainer._fit_budget(1.0)
    assert trainer.record.steps == 60
    expected = in_order("difficulty", *trainer._text, 60)
    for step in range(60):
        np.testing.assert_array_equal(trainer.batches(step)[0], expected(step)[0])


def test_windows_are_rated_once(eagerly, rows, vocabulary, preset, tmp_path, monkeypatch):
    folder = tmp_path / "windows" / "train"
    pack_by_kind(rows, vocabulary, 32, folder)
    run = SimpleNamespace(
        directory=tmp_path,
        vocabulary=vocabulary,
        preset=preset,
        windows=lambda split: open_packed(folder),
    )
    monkeypatch.setattr(curriculum, "RATER_STEPS", 3)
    monkeypatch.setattr(
        curriculum.processes, "call", lambda work, run, show: work(lambda progress: None, run)
    )
    curriculum.rate(run)
    packs = open_packed(folder)
    for windows in packs.values():
        assert windows.difficulty.shape == (len(windows),)
        assert (windows.difficulty > 0).all()
    files = list(folder.glob("*.difficulty.npy"))
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    curriculum.rate(run)
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    story = folder / "story.difficulty.npy"
    other = io.BytesIO()
    np.save(other, packs["story"].difficulty[::-1])
    for damage in (b"", b"no array", before[story][1][:-1], other.getvalue()):
        story.write_bytes(damage)  # never read: another order would not be this run's
        assert all(windows.difficulty is None for windows in open_packed(folder).values())
        curriculum.rate(run)
        assert {path: path.read_bytes() for path in files} == {p: c for p, (_, c) in before.items()}
    in_order("difficulty", packs, (), 4, 5, 3)(0)
    pack_by_kind(rows[1:], vocabulary, 32, folder)  # other windows: rated anew
    assert all(windows.difficulty is None for windows in open_packed(folder).values())


def test_rating_can_be_left_and_goes_on(eagerly, rows, vocabulary, preset, tmp_path, monkeypatch):
    monkeypatch.setattr(curriculum, "RATER_STEPS", 4)
    monkeypatch.setattr(curriculum, "READ_AT_ONCE", 64)

    def run_in(name):
        folder = tmp_path / name / "windows" / "train"
        pack_by_kind(rows, vocabulary, 32, folder)
        return SimpleNamespace(
            directory=tmp_path / name,
            vocabulary=vocabulary,
            preset=preset,
            windows=lambda split: open_packed(folder),
        )

    straight, broken = run_in("straight"), run_in("broken")
    told = list(curriculum.rating(straight))
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and 0 < shares[0] < shares[-1] == pytest.approx(1)
    assert all(text for _, text in told)
    for steps in (1, len(told) - 1):  # while it learns, and while it reads
        left = curriculum.rating(broken)
        for _ in range(steps):
            next(left)
        left.close()
        assert all(windows.difficulty is None for windows in broken.windows("train").values())
    assert list(curriculum.rating(broken))
    for kind, windows in straight.windows("train").items():
        other = broken.windows("train")[kind]
        np.testing.assert_allclose(windows.difficulty, other.difficulty, rtol=1e-4)
        assert windows.difficulty.shape == (len(windows),)
    assert list(curriculum.rating(broken)) == []  # rated once


def test_a_window_s_difficulty_is_the_mean_over_its_text(model, vocabulary, packs):
    from mof_lab.evaluation import window_nats

    windows = packs["story"]
    found = curriculum.mean_nats(model, windows)
    nats = window_nats(model, windows.tokens, "gru")
    for row in range(len(windows)):
        learnt = windows.roles[row, 1:] != NOTHING
        assert found[row] == pytest.approx(nats[row][learnt].mean(), rel=1e-5)


def test_the_trial_is_told(tmp_path):
    """What notebook 11 says, before and after the question was asked."""
    file = tmp_path / "trials.json"
    assert "python tools/trials.py curriculum" in trial("curriculum", file)
    answers = {"knowledge": {"correct": 3, "total": 4}}
    figures = {"seconds": 9, "tokens": 1234, "bits_per_character": {"all": 2.5}, "answers": answers}
    file.write_text(json.dumps({"curriculum": {"mixed": figures}}), encoding="utf-8")
    told = trial("curriculum", file)
    assert all(
        part in told for part in ("mixed", "1,234", "2.500", "3 of 4", "right 答对: knowledge")
    )

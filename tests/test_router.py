"""The router's balance and entropy terms: where they push, and that 0 leaves nothing of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from mof_lab.configuration import Stage
from mof_lab.errors import LabError
from mof_lab.model import MoF
from mof_lab.router import router_loss
from mof_lab.training import Trainer

each_number = pytest.mark.parametrize("experts", [2, 3])


def some_scores(experts, lean=1.0, seed=1):
    """(batch, time, experts); the first expert is liked better by `lean`."""
    scores = np.random.default_rng(seed).normal(size=(3, 5, experts))
    scores[..., 0] += lean
    return tf.Variable(scores, dtype=tf.float32)


def descended(scores, balance, entropy, counts=None, steps=200):
    """The weights after so many steps down the terms alone."""
    counts = tf.ones(scores.shape[:2]) if counts is None else counts
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = router_loss(tf.nn.softmax(scores), counts, balance, entropy)
        scores.assign_sub(2.0 * tape.gradient(loss, scores))
    return tf.nn.softmax(scores).numpy()


def mean_entropy(weights):
    return float(-(weights * np.log(weights)).sum(-1).mean())


@each_number
def test_the_terms_at_their_ends(experts):
    counts = tf.ones((1, 4))
    even = tf.fill((1, 4, experts), 1.0 / experts)
    one = tf.one_hot([[0] * 4], experts)
    in_turn = tf.one_hot([[i % experts for i in range(2 * experts)]], experts)
    assert float(router_loss(even, counts, 1.0, 0.0)) == pytest.approx(0, abs=1e-6)
    assert float(router_loss(one, counts, 1.0, 0.0)) == pytest.approx(experts - 1)
    assert float(router_loss(in_turn, tf.ones(in_turn.shape[:2]), 1.0, 0.0)) == pytest.approx(
        0, abs=1e-6
    )  # sure, and balanced all the same
    assert float(router_loss(even, counts, 0.0, 1.0)) == pytest.approx(math.log(experts))
    assert float(router_loss(one, counts, 0.0, 1.0)) == pytest.approx(0, abs=1e-6)


@each_number
def test_balance_evens_out_the_means(experts):
    scores = some_scores(experts)
    before = tf.nn.softmax(scores).numpy().mean((0, 1))
    after = descended(scores, 1.0, 0.0).mean((0, 1))
    assert np.ptp(before) > 0.2 and np.ptp(after) < 0.02


@each_number
def test_entropy_makes_sure_or_blends(experts):
    scores = some_scores(experts)
    before = mean_entropy(tf.nn.softmax(scores).numpy())
    assert mean_entropy(descended(some_scores(experts), 0.0, 1.0)) < before - 0.1
    blended = mean_entropy(descended(some_scores(experts), 0.0, -1.0))
    assert blended > before + 0.1 and blended <= math.log(experts) + 1e-5


@each_number
def test_nothing_is_pushed_at_0(experts):
    scores = some_scores(experts)
    with tf.GradientTape() as tape:
        loss = router_loss(tf.nn.softmax(scores), tf.ones((3, 5)), 0.0, 0.0)
    assert float(loss) == 0
    assert not tape.gradient(loss, scores).numpy().any()


@each_number
def test_only_what_counts_counts(experts):
    scores = some_scores(experts)
    counts = np.zeros((3, 5), np.float32)
    counts[1] = 1
    with tf.GradientTape() as tape:
        loss = router_loss(tf.nn.softmax(scores), tf.constant(counts), 1.0, 1.0)
    pushed = np.abs(tape.gradient(loss, scores).numpy()).max(-1) > 0
    np.testing.assert_array_equal(pushed, counts > 0)
    nothing = router_loss(tf.nn.softmax(scores), tf.zeros((3, 5)), 1.0, 1.0)
    assert np.isfinite(nothing)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"balance": -0.1}, "balance is -0.1"),
        ({"entropy": math.nan}, "entropy nan"),
        ({"balance": math.inf}, "balance is inf"),
        ({"expert": "gru", "balance": 0.1}, "trains the expert gru alone"),
    ],
)
def test_a_stage_refuses_what_can_not_be(changes, message):
    with pytest.raises(LabError, match=message):
        Stage("router", ("router",), 5, **changes)


# In a training


@pytest.fixture
def train(config, vocabulary, packs, preset, tmp_path):
    """Trains the router of a lopsided toy model; gives the trainer."""

    def train(name, whole=None, **changes):
        experts = ("gru", "transformer") if "three" not in name else ("gru", "transformer", "b")
        model = MoF(replace(config, num_layers=1, experts=experts))
        bias = model.router.scores.bias
        bias.assign([2.0] + [0.0] * (len(experts) - 1))
        stage = replace(preset.stage("router"), learning_rate=0.1, steps=12, **changes)
        whole = replace(preset, xla=False, **(whole or {}))
        trainer = Trainer(model, vocabulary, packs, whole, stage, tmp_path / name, reports=12)
        trainer.run()
        return trainer

    return train


def weights_of(trainer, packs):
    tokens = packs["chat"].tokens[:8, :-1].astype(np.int32)
    return trainer.model(tokens)["router_weights"].numpy()


@pytest.mark.parametrize("experts", ["two", "three"])
def test_a_stage_with_terms(train, packs, experts):
    from mof_lab.experts import GRUExpert, expert

    expert("b")(GRUExpert)
    plain = train(f"{experts} plain")
    off = train(f"{experts} off", balance=0.0, entropy=0.0)
    for one, other in zip(plain.model.variables, off.model.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    even = train(f"{experts} even", balance=5.0)
    sure = train(f"{experts} sure", entropy=5.0)
    weights = {t: weights_of(t, packs) for t in (plain, even, sure)}
    spread = {t: np.ptp(w.mean((0, 1))) for t, w in weights.items()}
    assert spread[even] < spread[plain] - 0.1
    assert mean_entropy(weights[sure]) < mean_entropy(weights[plain]) - 0.05
    # What is reported is the loss of the text alone: one step in, it is the same for all.
    first = {t.record.curve[0][2] for t in (plain, even, sure)}
    assert len(first) == 1


def test_in_parts_the_terms_are_those_of_each_part(train, packs):
    even = train("parts", {"accumulate": 2}, balance=5.0)
    plain = train("plain")
    spreads = [np.ptp(weights_of(t, packs).mean((0, 1))) for t in (even, plain)]
    assert spreads[0] < spreads[1] - 0.1

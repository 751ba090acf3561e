"""A trace against the model itself, and against a second way of computing each part."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from conftest import scrambled
from hypothesis import given
from hypothesis import strategies as st

from mof_lab import inspection
from mof_lab.errors import LabError
from mof_lab.inspection import trace, trace_dialogue
from mof_lab.model import MoF
from mof_lab.vocabulary import BEGIN, END

TURNS = [("user", "米米在哪里？"), ("assistant", "在白桥。"), ("user", "1加2是几？")]


@pytest.fixture(scope="module")
def traced(model, vocabulary):
    return trace_dialogue(model, vocabulary, TURNS)


def log_probabilities(model, ids, expert=None):
    logits = model(tf.constant([ids]), expert=expert)["logits"][0]
    return tf.nn.log_softmax(tf.cast(logits, tf.float64)).numpy()


def bits_of(log_p, ids):
    return -log_p[np.arange(len(ids) - 1), ids[1:]] / np.log(2)


def test_it_agrees_with_the_model(model, traced):
    log_p = log_probabilities(model, traced.ids)
    out = model(tf.constant([traced.ids]))
    np.testing.assert_allclose(traced.router_weights, out["router_weights"][0], atol=1e-6)
    assert np.isnan(traced.surprisal[0])
    np.testing.assert_allclose(traced.surprisal[1:], bits_of(log_p, traced.ids), atol=1e-4)


def test_each_expert_alone_agrees_with_the_model(model, traced):
    for i, name in enumerate(model.config.experts):
        log_p = log_probabilities(model, traced.ids, expert=name)
        found = traced.expert_surprisal[:, i]
        np.testing.assert_allclose(found[1:], bits_of(log_p, traced.ids), atol=1e-4)
    assert np.ptp(traced.expert_surprisal[1:], axis=1).max() > 0.01


def test_the_likeliest_come_first_with_their_probabilities(model, vocabulary, traced):
    probabilities = np.exp(log_probabilities(model, traced.ids))
    for row, best in zip(probabilities, traced.top, strict=True):
        symbols = [vocabulary.symbol(i) for i in range(len(row))]
        assert [p for _, p in best] == pytest.approx(sorted(row, reverse=True)[:5], abs=1e-5)
        for symbol, p in best:
            assert row[symbols.index(symbol)] == pytest.approx(p, abs=1e-5)


@given(ids=st.lists(st.integers(END, 30), min_size=1, max_size=24))
def test_attention_is_causal_and_its_rows_sum_to_one(model, vocabulary, ids):
    found = trace(model, vocabulary, [BEGIN, *ids]).attention
    assert found.shape == (2, 2, len(ids) + 1, len(ids) + 1)
    assert (found >= 0).all()
    assert np.triu(found, 1).max() == 0
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)


def test_attention_times_values_is_what_the_layer_gives(model, traced):
    layer = model.expert_index("transformer")
    layer = model.experts[layer].blocks[0].attention
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(1, 19, 16)), tf.float32)
    begins = tf.constant([[True] + [False] * 18])
    values = layer.project(x)[2]  # (1, heads, time, head_dim)
    looked = tf.matmul(layer.weights_by_position(x), values)
    expected = tf.reshape(tf.transpose(looked, (0, 2, 1, 3)), x.shape)
    output, _ = layer(x, begins, layer.initial_state(1))
    np.testing.assert_allclose(output, expected, atol=1e-5)
    np.testing.assert_allclose(traced.decay, layer.decay)


def test_gates_lead_from_one_hidden_state_to_the_next(model, traced):
    expert = model.experts[model.expert_index("gru")]
    tokens = tf.constant([traced.ids])
    begins = tf.equal(tokens, BEGIN)
    x, _ = model.stem(model.embed(tokens), begins, model.stem.initial_state(1))
    state = expert.gru.initial_state(1)
    for t in range(len(traced.ids)):
        update, reset, candidate, kept = expert.gru.gates(x[:, t], begins[:, t], state)
        np.testing.assert_allclose(traced.update[t], update[0], atol=1e-5)
        np.testing.assert_allclose(traced.reset[t], reset[0], atol=1e-5)
        state = candidate + update * (kept - candidate)


def test_thoughts_vanish_with_alpha(config, vocabulary):
    model = scrambled(MoF(config))
    blocks = model.experts[model.expert_index("transformer")].blocks
    assert (trace_dialogue(model, vocabulary, TURNS).thought > 0).all()
    blocks[1].thought.alpha.assign(0.0)
    found = trace_dialogue(model, vocabulary, TURNS)
    assert (found.thought[0] > 0).all()
    assert (found.thought[1] == 0).all()
    np.testing.assert_allclose(found.alpha, [float(blocks[0].thought.alpha), 0.0])


ARTICLE = {
    "pre_norm": False,
    "tied_embeddings": False,
    "learned_positions": 8,  # shorter than the text
    "shortest_memory": 0,
    "stem_blend": 0.4,
}


@pytest.mark.parametrize("choices", [{}, ARTICLE], ids=["ours", "the article's"])
def test_the_blocks_are_seen_where_the_model_goes_through_them(config, vocabulary, choices):
    model = scrambled(MoF(replace(config, **choices)))
    found = trace_dialogue(model, vocabulary, TURNS)
    log_p = log_probabilities(model, found.ids)
    np.testing.assert_allclose(found.surprisal[1:], bits_of(log_p, found.ids), atol=1e-4)
    expert = model.experts[model.expert_index("transformer")]
    tokens = tf.constant([found.ids])
    begins, state = tf.equal(tokens, BEGIN), expert.initial_state(1)
    x, _ = model.stem(model.embed(tokens), begins, model.stem.initial_state(1))
    if expert.positions is not None:
        x = x + expert.positions(np.minimum(np.arange(len(found.ids)), 7))
    for block, block_state, attention, strength in zip(
        expert.blocks, state["blocks"], found.attention, found.thought, strict=True
    ):
        inputs = block.attention_norm(x) if model.config.pre_norm else x
        values = block.attention.project(inputs)[2]
        looked = tf.reshape(tf.transpose(attention[None] @ values, (0, 2, 1, 3)), x.shape)
        stream = x + block.output_projection(looked)
        stream = stream if model.config.pre_norm else block.attention_norm(stream)
        thought, _ = block.thought(stream, begins, block_state["thought"])
        ratio = np.linalg.norm(thought[0], axis=-1) / np.linalg.norm(stream[0], axis=-1)
        np.testing.assert_allclose(strength, ratio, rtol=1e-3)
        x, _ = block(x, begins, block_state)
    np.testing.assert_allclose(found.decay, expert.blocks[0].attention.decay)


@pytest.mark.parametrize("name", ["gru", "transformer"])
def test_a_model_of_one_expert(config, vocabulary, name):
    model = scrambled(MoF(replace(config, experts=(name,))))
    found = trace_dialogue(model, vocabulary, TURNS)
    time = len(found.ids)
    np.testing.assert_allclose(found.router_weights, np.ones((time, 1)))
    np.testing.assert_allclose(found.surprisal, found.expert_surprisal[:, 0], atol=1e-5)
    has_gru = name == "gru"
    assert found.update.shape == found.reset.shape == (time, 12 if has_gru else 0)
    assert found.attention.shape == ((0, 0) if has_gru else (2, 2)) + (time, time)
    assert found.thought.shape == (0 if has_gru else 2, time)
    assert len(found.alpha) == len(found.decay) == (0 if has_gru else 2)


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        ([], "has 0 characters"),
        ([7] * (inspection.LONGEST + 1), "has 1,025 characters"),
        ([BEGIN, 7, BEGIN, 7], "more than one document"),
        ([BEGIN, 60_000], "outside 0 …"),
        ([BEGIN, -1], "outside 0 …"),
    ],
)
def test_what_cannot_be_traced(model, vocabulary, ids, sentence):
    with pytest.raises(LabError, match=sentence):
        trace(model, vocabulary, ids)

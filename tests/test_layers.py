"""Every layer against a second implementation, and its two forms against each other."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import scrambled
from hypothesis import given, settings
from hypothesis import strategies as st

from mof_lab.kernels import linear_attention, running_mean
from mof_lab.layers import (
    GRU,
    LinearAttention,
    ThoughtSpace,
    TransformerBlock,
    UnitInterval,
    head_decays,
)
from mof_lab.model import Stem
from mof_lab.router import Router

SEEDS = st.integers(0, 2**20)


def normal(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def some_begins(rng, *shape):
    """Documents that begin here and there."""
    return rng.random(shape) < 0.15


def close(one, other, tolerance=1e-5):
    """Equal to `tolerance` of the largest value (and of 1, when all are small)."""
    one, other = np.asarray(one), np.asarray(other)
    assert one.shape == other.shape
    limit = tolerance * max(1.0, np.abs(other).max(initial=0.0))
    np.testing.assert_allclose(one, other, rtol=0, atol=limit)


# GRU


def gru_and_gradients(run, weights, x, state, wanted):
    """Outputs, and the gradients of weights, inputs and first state for one loss."""
    x, state = tf.constant(x), tf.constant(state)
    with tf.GradientTape() as tape:
        tape.watch([x, state])
        hiddens = run(x, state)
        loss = tf.reduce_sum(hiddens * wanted)
    return [hiddens, *tape.gradient(loss, [*weights, x, state])]


@settings(max_examples=12)
@given(st.integers(1, 4), st.integers(1, 20), st.integers(1, 9), st.integers(1, 9), SEEDS)
def test_gru_is_the_one_of_keras(batch, time, inputs, units, seed):
    rng = np.random.default_rng(seed)
    ours, theirs = GRU(units), keras.layers.GRU(units, return_sequences=True)
    ours.build((batch, time, inputs))
    theirs.build((batch, time, inputs))
    weights = [normal(rng, *w.shape) for w in ours.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    x, state, wanted = (
        normal(rng, batch, time, inputs),
        normal(rng, batch, units),
        normal(rng, batch, time, units),
    )
    no_begins = tf.zeros((batch, time), bool)
    mine = gru_and_gradients(
        lambda x, h: ours(x, no_begins, h)[0],
        [w.value for w in ours.trainable_weights],
        x,
        state,
        wanted,
    )
    keras_own = gru_and_gradients(
        lambda x, h: theirs(x, initial_state=h),
        [w.value for w in theirs.trainable_weights],
        x,
        state,
        wanted,
    )
    for one, other in zip(mine, keras_own, strict=True):
        close(one, other)


@settings(max_examples=12)
@given(st.integers(1, 3), st.integers(1, 16), st.integers(1, 7), SEEDS)
def test_gradient_of_the_gru_across_documents(batch, time, units, seed):
    """Against the automatic gradient of the one-step form, where documents begin anywhere."""
    rng = np.random.default_rng(seed)
    layer = GRU(units)
    layer.build((batch, time, 3))
    layer.set_weights([normal(rng, *w.shape) for w in layer.weights])
    begins = some_begins(rng, batch, time)
    x, state, wanted = (
        normal(rng, batch, time, 3),
        normal(rng, batch, units),
        normal(rng, batch, time, units),
    )

    def step_by_step(x, hidden):
        hiddens = []
        for t in range(time):
            output, hidden = layer.step(x[:, t], begins[:, t], hidden)
            hiddens.append(output)
        return tf.stack(hiddens, axis=1)

    weights = [w.value for w in layer.trainable_weights]
    at_once = gru_and_gradients(lambda x, h: layer(x, begins, h)[0], weights, x, state, wanted)
    expected = gru_and_gradients(step_by_step, weights, x, state, wanted)
    for one, other in zip(at_once, expected, strict=True):
        close(one, other)


# Linear attention


def quadratic_attention(queries, keys, values, decay, begins, state):
    """The definition: every weight by itself, O(T²), in float64."""
    batch, heads, time, size = values.shape
    document = np.cumsum(begins, axis=1)
    outputs = np.zeros(values.shape)
    for b, h, t in np.ndindex(batch, heads, time):
        weights = [
            float(queries[b, h, t] @ keys[b, h, s]) * decay[h] ** (t - s)
            if document[b, s] == document[b, t]
            else 0.0
            for s in range(t + 1)
        ]
        summed = np.array(weights) @ values[b, h, : t + 1].astype(float)
        total = sum(weights)
        if document[b, t] == 0:  # what came before this window counts
            carried = decay[h] ** (t + 1) * (queries[b, h, t].astype(float) @ state[b, h])
            summed, total = summed + carried[:size], total + carried[size]
        outputs[b, h, t] = summed / total
    return outputs


def recurrent_attention(queries, keys, values, decay, begins, state):
    """The recurrence of MOF.md, one position after the other, in float64."""
    batch, heads, time, size = values.shape
    outputs = np.zeros(values.shape)
    state = state.astype(float)
    for b, h in np.ndindex(batch, heads):
        S, z = state[b, h, :, :size].copy(), state[b, h, :, size].copy()
        for t in range(time):
            if begins[b, t]:
                S[:], z[:] = 0, 0
            k = keys[b, h, t].astype(float)
            S, z = decay[h] * S + np.outer(k, values[b, h, t]), decay[h] * z + k
            outputs[b, h, t] = queries[b, h, t] @ S / (queries[b, h, t] @ z)
        state[b, h] = np.concatenate([S, z[:, None]], axis=1)
    return outputs, state


@st.composite
def attention_inputs(draw):
    rng = np.random.default_rng(draw(SEEDS))
    batch, heads, time = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 40))
    features, size = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    queries, keys = (
        np.abs(normal(rng, batch, heads, time, features)) + np.float32(0.05) for _ in range(2)
    )
    values = normal(rng, batch, heads, time, size)
    decay = rng.choice([1.0, 0.99, 0.9, 0.5], heads).astype(np.float32)
    state = np.abs(normal(rng, batch, heads, features, size + 1))
    return queries, keys, values, decay, some_begins(rng, batch, time), state


@given(attention_inputs(), st.integers(1, 17))
def test_linear_attention_is_its_definition(inputs, chunk):
    output, _ = linear_attention(*map(tf.constant, inputs), chunk=chunk)
    close(output, quadratic_attention(*inputs))


@given(attention_inputs(), st.integers(1, 17))
def test_linear_attention_is_its_recurrence(inputs, chunk):
    output, state = linear_attention(*map(tf.constant, inputs), chunk=chunk)
    expected, expected_state = recurrent_attention(*inputs)
    close(output, expected)
    close(state, expected_state)


@given(attention_inputs(), st.integers(1, 17), st.data())
def test_linear_attention_in_two_pieces(inputs, chunk, data):
    queries, keys, values, decay, begins, state = inputs
    time = values.shape[2]
    cut = data.draw(st.integers(0, time))
    whole, last = linear_attention(*map(tf.constant, inputs), chunk=chunk)
    state, outputs = tf.constant(state), []
    for part in (slice(0, cut), slice(cut, time)):
        if part.start < part.stop:
            pieces = (tf.constant(x[:, :, part]) for x in (queries, keys, values))
            begun = tf.constant(begins[:, part])
            output, state = linear_attention(*pieces, tf.constant(decay), begun, state, chunk)
            outputs.append(output)
    close(tf.concat(outputs, axis=2), whole)
    close(state, last)


@given(st.integers(1, 3), st.integers(1, 90), st.integers(1, 5), SEEDS, st.integers(1, 64))
def test_running_mean(batch, time, size, seed, chunk):
    rng = np.random.default_rng(seed)
    values, begins = normal(rng, batch, time, size), some_begins(rng, batch, time)
    count = rng.integers(0, 9)
    state = np.concatenate([normal(rng, batch, size) * count, np.full((batch, 1), count)], axis=1)
    begins[:, 0] |= count == 0
    mean, after = running_mean(
        tf.constant(values), tf.constant(begins), tf.constant(state, tf.float32), chunk
    )
    for b in range(batch):
        total, number = state[b, :-1].copy(), count
        for t in range(time):
            if begins[b, t]:
                total, number = np.zeros(size), 0
            total, number = total + values[b, t], number + 1
            close(mean[b, t], total / number)
        close(after[b], [*total, number])


@given(st.integers(1, 8), st.integers(1, 200), st.integers(200, 5000))
def test_half_lives_of_the_heads(heads, shortest, longest):
    decays = head_decays(heads, shortest, longest)
    assert decays[0] ** shortest == pytest.approx(0.5)
    if heads > 1:
        assert decays[-1] ** longest == pytest.approx(0.5)
        assert decays == sorted(decays)
    assert head_decays(heads, shortest, 0)[-1] == 1.0  # never forgets
    assert head_decays(heads, 0, 0) == [1.0] * heads


@settings(max_examples=15)
@given(st.integers(1, 3), st.integers(1, 30), st.sampled_from([0, 2, 8]), SEEDS)
def test_effective_attention(batch, time, shortest, seed):
    rng = np.random.default_rng(seed)
    layer = LinearAttention(2, shortest)
    layer.build((batch, time, 8))
    x = tf.constant(normal(rng, batch, time, 8))
    weights = layer.weights_by_position(x).numpy()
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    assert (np.triu(weights, 1) == 0).all()  # nobody looks ahead
    _, _, values = layer.project(x)
    seen = tf.reshape(tf.transpose(weights @ values, (0, 2, 1, 3)), (batch, time, 8))
    output, _ = layer(x, tf.zeros((batch, time), bool), layer.initial_state(batch))
    close(seen, output)


# The two forms of each layer

LAYERS = {
    "gru": lambda: GRU(8),
    "attention": lambda: LinearAttention(2, 4),
    "thought": lambda: ThoughtSpace(),
    "pre-norm": lambda: TransformerBlock(2, 2.0, 4),
    "post-norm": lambda: TransformerBlock(2, 1.0, pre_norm=False),
    "stem": lambda: Stem(8, 0.4, 0.0),
    "router": lambda: Router(5, 3),
}


def built(make):
    layer = make()
    layer.build((None, None, 8))
    return scrambled(layer)


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=6)
@given(st.integers(1, 3), st.integers(1, 20), SEEDS)
def test_the_two_forms_are_equal(name, batch, time, seed):
    rng = np.random.default_rng(seed)
    layer = built(LAYERS[name])
    x, begins = normal(rng, batch, time, 8), some_begins(rng, batch, time)
    whole, last = layer(tf.constant(x), tf.constant(begins), layer.initial_state(batch))
    state = layer.initial_state(batch)
    for t in range(time):
        output, state = layer.step(tf.constant(x[:, t]), tf.constant(begins[:, t]), state)
        close(output, whole[:, t], 1e-4)
    for one, other in zip(tf.nest.flatten(state), tf.nest.flatten(last), strict=True):
        close(one, other, 1e-4)


@pytest.mark.parametrize("name", LAYERS)
def test_get_config_rebuilds_the_layer(name):
    layer = built(LAYERS[name])
    twin = type(layer).from_config(layer.get_config())
    twin.build((None, None, 8))
    assert twin.get_config() == layer.get_config()
    assert [w.path.split("/")[1:] for w in twin.weights] == [
        w.path.split("/")[1:] for w in layer.weights
    ]
    twin.set_weights(layer.get_weights())
    x, begins = tf.ones((2, 5, 8)), tf.zeros((2, 5), bool)
    one = layer(x, begins, layer.initial_state(2))[0]
    np.testing.assert_array_equal(twin(x, begins, twin.initial_state(2))[0], one)


@pytest.mark.parametrize("name", ["gru", "attention", "thought", "pre-norm", "post-norm"])
def test_keras_finds_the_layer_by_its_registered_name(name):
    layer = LAYERS[name]()
    twin = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(twin) is type(layer)
    assert twin.get_config() == layer.get_config()


@pytest.mark.parametrize("rate", [1.0, 1e6])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW"])
def test_alpha_stays_in_the_unit_interval(optimizer, rate):
    layer = built(ThoughtSpace)
    optimizer = getattr(keras.optimizers, optimizer)(rate)
    x, begins = tf.ones((1, 6, 8)), tf.zeros((1, 6), bool)
    for sign in (1, 1, -1, -1):
        with tf.GradientTape() as tape:
            loss = sign * tf.reduce_sum(layer(x, begins, layer.initial_state(1))[0])
        alpha = [layer.alpha]
        optimizer.apply(tape.gradient(loss, [layer.alpha.value]), alpha)
        assert 0 <= float(layer.alpha) <= 1


def test_alpha_that_is_no_number_becomes_zero():
    layer = built(ThoughtSpace)
    keras.optimizers.SGD(1.0).apply([tf.constant(np.nan)], [layer.alpha])
    assert float(layer.alpha) == 0


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_unit_interval(value):
    assert 0 <= float(UnitInterval()(tf.constant(value))) <= 1

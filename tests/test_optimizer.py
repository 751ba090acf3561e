"""The optimiser in place: Keras's numbers."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from mof_lab.configuration import preset
from mof_lab.errors import LabError
from mof_lab.optimizer import AdamW, optimizer


def weights_after(optimizer_class, steps, compiled):
    rng = np.random.default_rng(5)
    variables = [
        keras.Variable(rng.normal(size=shape).astype("f4"), name=name)
        for name, shape in {"kernel": (6, 5), "bias": (5,), "alpha": ()}.items()
    ]
    optimizer = optimizer_class(
        0.01, beta_2=0.98, weight_decay=0.3, global_clipnorm=0.5, epsilon=1e-6
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "alpha"])
    optimizer.build(variables)
    apply = (tf.function if compiled else lambda f: f)(lambda g: optimizer.apply(g, variables))
    for _ in range(steps):
        optimizer.learning_rate = 0.01 * rng.random()
        apply([tf.constant(rng.normal(size=v.shape), tf.float32) for v in variables])
    return [v.numpy() for v in (*variables, *optimizer.variables)]


@pytest.mark.parametrize("compiled", [False, True])
def test_it_gives_the_weights_and_moments_of_keras(compiled):
    ours = weights_after(AdamW, 20, compiled)
    keras_ = weights_after(keras.optimizers.AdamW, 20, compiled)
    assert len(ours) == len(keras_)
    for a, b in zip(ours, keras_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "muon", "lion"])
def test_each_optimiser_of_a_preset_learns(name):
    """A line of five numbers is found; biases, and nothing else, go without decay."""
    chosen = replace(preset("tiny"), optimizer=name, weight_decay=0.1)
    made = optimizer(chosen, 0.05)
    kernel = keras.Variable(np.ones((4, 1), "f4"), name="kernel")
    bias = keras.Variable(np.zeros(1, "f4"), name="bias")
    made.build([kernel, bias])
    assert made._use_weight_decay(kernel) and not made._use_weight_decay(bias)
    x = np.random.default_rng(3).normal(size=(64, 4)).astype("f4")
    y = x @ np.array([[1.0], [-2.0], [0.5], [3.0]], "f4") + 1
    losses = []
    for _ in range(150):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ kernel.value + bias.value - y) ** 2)
        made.apply(tape.gradient(loss, [kernel.value, bias.value]), [kernel, bias])
        losses.append(float(loss))
    assert losses[-1] < losses[0] / 2


def test_an_unknown_optimiser_is_named():
    with pytest.raises(LabError, match="'adam'; choose adamw, muon or lion"):
        optimizer(replace(preset("tiny"), optimizer="adam"), 0.01)

"""The optimiser in place: Keras's numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mof_lab.optimizer import AdamW


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

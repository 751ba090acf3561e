"""The router: at every character, how much to trust each expert."""

import keras
import tensorflow as tf

from .layers import GRU, LayerNorm


class Router(keras.layers.Layer):
    """GRU, layer norm, softmax over the experts, at every position.

    Args:
        units: hidden units of the GRU.
        num_experts: experts to weigh.
    """

    def __init__(self, units, num_experts, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.num_experts = num_experts
        self.gru = GRU(units, name="gru")
        self.norm = LayerNorm(name="norm")
        self.scores = keras.layers.Dense(num_experts, activation="softmax", name="scores")

    def build(self, shape):
        self.gru.build(shape)
        self.norm.build((*shape[:-1], self.units))
        self.scores.build((*shape[:-1], self.units))

    def initial_state(self, batch):
        return self.gru.initial_state(batch)

    def call(self, x, begins, state):
        """(batch, time, embedding_dim) → weights (batch, time, num_experts), ≥ 0, sum 1."""
        hiddens, state = self.gru(x, begins, state)
        return self.scores(self.norm(hiddens)), state

    def step(self, x, begins, state):
        hidden, state = self.gru.step(x, begins, state)
        return self.scores(self.norm(hidden)), state

    def get_config(self):
        return {**super().get_config(), "units": self.units, "num_experts": self.num_experts}


def router_loss(weights, counts, balance, entropy):
    """What a stage may add to its loss, a scalar in nats.

    `balance` times the squared coefficient of variation of the experts' mean weights (Shazeer et
    al. 2017, eq. 7): 0 where all are trusted alike, N - 1 where one of N has everything.
    `entropy` times the mean entropy of the weights, from 0 where each choice is sure to ln N:
    a factor above 0 makes the router choose, one below 0 makes it blend.

    Args:
        weights: (batch, time, experts), as the router gives them.
        counts: (batch, time), ≥ 0, how much each position counts.
    """
    share = counts / tf.maximum(tf.reduce_sum(counts), 1.0)
    mean = tf.reduce_sum(share[..., None] * weights, axis=(0, 1))  # (experts,)
    variation = weights.shape[-1] * tf.reduce_sum(mean**2) - 1.0
    unsure = -tf.reduce_sum(weights * tf.math.log(tf.maximum(weights, 1e-9)), axis=-1)
    return balance * variation + entropy * tf.reduce_sum(share * unsure)

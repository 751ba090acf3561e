"""The router: at every character, how much to trust each expert."""

import keras

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

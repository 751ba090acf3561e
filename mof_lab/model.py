"""MoF: embedding and stem, a list of experts, a router that weighs them, a head.

    tokens → stem → expert₁, expert₂, … → Σ router weight · expert → head → logits

`MoF(tokens)` is the parallel form over a window; `MoF.step(tokens, state)` reads one
character with a state of fixed size. Both are causal and equal at every position.
"""

import threading

import keras
import tensorflow as tf

from . import experts, proving
from .configuration import ModelConfig
from .errors import LabError
from .kernels import shape_of
from .layers import GRU, Dropout, LayerNorm
from .router import Router
from .vocabulary import BEGIN


class Stem(keras.layers.Layer):
    """What all experts read: `q f(e) + (1 - q) e`, with f = norm(relu(dense(gru(e))))."""

    def __init__(self, size, blend, dropout, **kwargs):
        super().__init__(**kwargs)
        self.blend = blend
        self.gru = GRU(size, name="gru")
        self.drop = Dropout(dropout)
        self.dense = keras.layers.Dense(size, activation="relu", name="dense")
        self.norm = LayerNorm(name="norm")

    def build(self, shape):
        for layer in (self.gru, self.dense, self.norm):
            layer.build(shape)

    def initial_state(self, batch):
        return self.gru.initial_state(batch)

    def call(self, e, begins, state, training=False):
        hiddens, state = self.gru(e, begins, state)
        return self._blend(e, self.drop(hiddens, training=training)), state

    def step(self, e, begins, state):
        hidden, state = self.gru.step(e, begins, state)
        return self._blend(e, hidden), state

    def _blend(self, e, hidden):
        return self.blend * self.norm(self.dense(hidden)) + (1 - self.blend) * e


class MoF(keras.Model):
    """The Mixed-of-Frameworks language model.

    Args:
        config: a `ModelConfig` with its `vocabulary_size` set.
        seed: of the initial weights.

    Call with integer tokens (batch, time); gives a dict of
        `logits` (batch, time, vocabulary_size),
        `router_weights` (batch, time, experts),
        `state`, to go on from.
    """

    #: A decoder reads a prompt in pieces of these lengths, so that few shapes are compiled.
    pieces = (256, 64, 16, 4, 1)

    def __init__(self, config: ModelConfig, seed=1, **kwargs):
        if config.vocabulary_size < 1:
            raise LabError("The model's vocabulary_size is 0; build a vocabulary first.")
        keras.utils.set_random_seed(seed)
        super().__init__(**kwargs)
        self.config = config
        size = config.embedding_dim
        mixture = size if config.tied_embeddings else config.gru_units
        self.embedding = keras.layers.Embedding(
            config.vocabulary_size,
            size,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=size**-0.5),
            name="embedding",
        )
        self.stem = Stem(size, config.stem_blend, config.dropout, name="stem")
        self.experts = [experts.make_expert(name, config, mixture) for name in config.experts]
        self.router = Router(config.router_units, len(self.experts), name="router")
        self.head_norm = LayerNorm(name="head_norm")
        self.output_layer = (
            None
            if config.tied_embeddings
            else keras.layers.Dense(config.vocabulary_size, name="output")
        )
        self._build(mixture)

    def _build(self, mixture):
        shape = (None, None, self.config.embedding_dim)
        self.embedding.build((None, None))
        self.stem.build(shape)
        for layer in self.experts:
            experts.build(layer, shape)
        self.router.build(shape)
        for layer in (self.stem, *self.experts, self.router):
            layer.built = True
        self.head_norm.build((None, None, mixture))
        if self.output_layer is not None:
            self.output_layer.build((None, None, mixture))
        self.built = True
        for name, layer in zip(self.config.experts, self.experts, strict=True):
            if experts.is_own(name):  # what is wrong with it is said before anything is compiled
                proving.check_forms(layer, self.config.embedding_dim, mixture)

    def initial_state(self, batch=1):
        """The state of `batch` empty histories, a nested structure of tensors."""
        return {
            "stem": self.stem.initial_state(batch),
            "experts": [expert.initial_state(batch) for expert in self.experts],
            "router": self.router.initial_state(batch),
        }

    def call(self, tokens, state=None, expert=None, router_weights=None, training=False):
        """The parallel form.

        Args:
            tokens: (batch, time), integers.
            state: from earlier characters of the same texts; None = an empty history.
            expert: a name: that expert alone answers and the others are not computed.
            router_weights: (experts,) or (batch, time, experts): used instead of the router's;
                all zeros leave the choice to the router.
            training: whether dropout is active.
        """
        if state is None:
            state = self.initial_state(shape_of(tokens)[0])

        def run(layer, x, begins, layer_state):
            if isinstance(layer, Router):
                return layer(x, begins, layer_state)
            return layer(x, begins, layer_state, training=training)

        mixed, out = self._forward(tokens, state, expert, router_weights, run)
        return {"logits": self.head(mixed), **out}

    def prefill(self, tokens, state, expert=None, router_weights=None):
        """The parallel form over a prompt; logits and router weights of its last position only.

        Args and result as in `step`, but tokens are (batch, time).
        """

        def run(layer, x, begins, layer_state):
            return layer(x, begins, layer_state)

        mixed, out = self._forward(tokens, state, expert, router_weights, run)
        weights = out["router_weights"][:, -1]
        return {**out, "logits": self.head(mixed[:, -1]), "router_weights": weights}

    def step(self, tokens, state, expert=None, router_weights=None):
        """The recurrent form: one character a text.

        Args:
            tokens: (batch,), integers; the rest as in `call`.

        Returns:
            as `call`, without the time axis.
        """

        def run(layer, x, begins, layer_state):
            return layer.step(x, begins, layer_state)

        mixed, out = self._forward(tokens, state, expert, router_weights, run)
        return {"logits": self.head(mixed), **out}

    def reader(self, expert=None, router_weights=None):
        """Prefill and step, compiled once for each way of using the model; see `Decoder`.

        Returns:
            a function of tokens (batch, time) and a state; gives what `prefill` gives.
        """
        compiled = vars(self).setdefault("_readers", {})  # past Keras, which would track it
        compiling = vars(self).setdefault("_compiling", threading.Lock())
        if router_weights is None:  # all zeros are the router's: one program for every blend
            router_weights = tf.zeros(len(self.experts))
        weights = tf.constant(router_weights)

        def forward(tokens, state, weights):
            if tokens.shape[1] == 1:
                return self.step(tokens[:, 0], state, expert, weights)
            return self.prefill(tokens, state, expert, weights)

        def read(tokens, state):
            given = tf.constant(tokens), state, weights
            way = expert, tokens.shape
            if way not in compiled:
                with compiling:  # an answer may wait for what another thread compiles
                    if way not in compiled:
                        # XLA is quicker with both, but a piece is read too seldom to win back the
                        # time that it takes longer to compile.
                        step = tf.function(forward, jit_compile=tokens.shape[1] == 1)
                        compiled[way] = step.get_concrete_function(*given)
            return compiled[way](*given)

        return read

    def _forward(self, tokens, state, expert, router_weights, run):
        begins = tf.equal(tokens, BEGIN)
        x, stem_state = run(self.stem, self.embed(tokens), begins, state["stem"])
        states = list(state["experts"])
        router_state = state["router"]
        if expert is not None:
            index = self.expert_index(expert)
            mixed, states[index] = run(self.experts[index], x, begins, states[index])
            one_hot = tf.one_hot(index, len(self.experts))
            weights = tf.zeros_like(x[..., :1]) + one_hot
        else:
            weights, router_state = run(self.router, x, begins, router_state)
            if router_weights is not None:
                forced = tf.zeros_like(weights) + router_weights
                weights = tf.where(tf.reduce_any(forced > 0, -1, keepdims=True), forced, weights)
            outputs = []
            for i, layer in enumerate(self.experts):
                output, states[i] = run(layer, x, begins, states[i])
                outputs.append(output)
            mixed = self.mix(outputs, weights)
        state = {"stem": stem_state, "experts": states, "router": router_state}
        return mixed, {"router_weights": weights, "state": state}

    def embed(self, tokens):
        """(…,) → (…, embedding_dim), scaled to unit variance."""
        return self.embedding(tokens) * self.config.embedding_dim**0.5

    def mix(self, outputs, weights):
        """The router-weighted sum of the experts' outputs."""
        return sum(weights[..., i : i + 1] * output for i, output in enumerate(outputs))

    def head(self, mixed):
        """(…, width of the mixture) → logits (…, vocabulary_size)."""
        normed = self.head_norm(mixed)
        if self.output_layer is not None:
            return self.output_layer(normed)
        return tf.matmul(normed, tf.convert_to_tensor(self.embedding.embeddings), transpose_b=True)

    def expert_index(self, name):
        """The place of an expert in the list."""
        return self.config.expert_index(name)

    def parts(self):
        """What a stage can train, by name: stem, head, router and each expert."""
        head = [self.head_norm] + ([self.output_layer] if self.output_layer is not None else [])
        experts = dict(zip(self.config.experts, ([e] for e in self.experts), strict=True))
        return {
            "stem": [self.embedding, self.stem],
            "head": head,
            "router": [self.router],
            **experts,
        }

    def train_only(self, names):
        """Freezes everything but the named parts (`"all"`: freezes nothing)."""
        parts = self.parts()
        unknown = set(names) - set(parts) - {"all"}
        if unknown:
            raise LabError(
                f"The model has no part {sorted(unknown)}; it has {', '.join(parts)} and all."
            )
        for name, layers in parts.items():
            for layer in layers:
                layer.trainable = "all" in names or name in names

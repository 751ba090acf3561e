"""The layers MoF is made of, each in two equal forms.

`layer(x, begins, state)` is the parallel form over a window (batch, time, …) and returns
the outputs and the state after it. `layer.step(x, begins, state)` is the recurrent form: one
position (batch, …), a state of fixed size. `begins` is True where a document begins; there
every layer forgets. `layer.initial_state(batch)` is the state of an empty history.
"""

import keras
import tensorflow as tf
from keras import ops

from .kernels import gru_sequence, linear_attention, normalise, running_mean, shape_of

LayerNorm = keras.layers.LayerNormalization


def Dropout(rate):  # noqa: N802 (a layer, made like the others)
    """Dropout with one mask for all positions of a window (Gal and Ghahramani 2016).

    A mask of its own for each position would let a GRU average the noise away, and drawing
    that many random numbers costs XLA more than the products of a small model.
    """
    return keras.layers.Dropout(rate, noise_shape=(None, 1, None))


@keras.saving.register_keras_serializable("mof_lab")
class GRU(keras.layers.Layer):
    """A gated recurrent unit with a hand-written gradient.

    Same equations and weights as `keras.layers.GRU` (Cho et al. 2014, `reset_after=True`),
    so one's weights can be set in the other.

    Args:
        units: size of the hidden state.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(shape[-1], 3 * self.units), initializer="glorot_uniform"
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(self.units, 3 * self.units), initializer="orthogonal"
        )
        self.bias = self.add_weight(name="bias", shape=(2, 3 * self.units), initializer="zeros")

    def initial_state(self, batch):
        return tf.zeros((batch, self.units))

    def call(self, x, begins, state):
        product = ops.matmul(ops.transpose(x, (1, 0, 2)), self.kernel) + self.bias[0]
        keep = 1.0 - tf.cast(tf.transpose(begins), tf.float32)[..., None]  # (time, batch, 1)
        hiddens = gru_sequence(
            product,
            keep,
            tf.convert_to_tensor(self.recurrent_kernel),
            tf.convert_to_tensor(self.bias[1]),
            state,
        )
        return ops.transpose(hiddens, (1, 0, 2)), hiddens[-1]

    def step(self, x, begins, state):
        update, reset, candidate, state = self.gates(x, begins, state)
        hidden = candidate + update * (state - candidate)
        return hidden, hidden

    def gates(self, x, begins, state):
        """Update gate, reset gate, candidate and kept state of one step, each (batch, units)."""
        state = state * (1.0 - tf.cast(begins, tf.float32)[:, None])
        x_z, x_r, x_n = ops.split(ops.matmul(x, self.kernel) + self.bias[0], 3, axis=-1)
        h = ops.matmul(state, self.recurrent_kernel) + self.bias[1]
        h_z, h_r, h_n = ops.split(h, 3, axis=-1)
        update, reset = ops.sigmoid(x_z + h_z), ops.sigmoid(x_r + h_r)
        return update, reset, ops.tanh(x_n + reset * h_n), state

    def get_config(self):
        return {**super().get_config(), "units": self.units}


#: φ: what makes queries and keys positive.
FEATURE_MAPS = {"elu": lambda x: tf.nn.elu(x) + 1, "softmax": tf.nn.softmax}


@keras.saving.register_keras_serializable("mof_lab")
class LinearAttention(keras.layers.Layer):
    """Causal multi-head linear attention with one decay a head.

    The feature map φ makes queries and keys positive: `elu(x) + 1` (Katharopoulos et al. 2020,
    eq. 7; the article's) or a softmax over the features (as in Hedgehog, Zhang et al. 2024),
    which is sharper and recalls better. Head h forgets by γ_h a position; the half-lives are
    spread geometrically from `shortest_memory` to `longest_memory`.

    Args:
        num_heads: heads; the input's width must be a multiple.
        shortest_memory: half-life in positions of the first head; 0 = no head forgets.
        longest_memory: half-life of the last head; 0 = it never forgets.
        feature_map: a name in `FEATURE_MAPS`.
    """

    def __init__(
        self, num_heads, shortest_memory=0, longest_memory=0, feature_map="softmax", **kwargs
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.shortest_memory = shortest_memory
        self.longest_memory = longest_memory
        self.feature_map = feature_map
        self.decay = head_decays(num_heads, shortest_memory, longest_memory)

    def build(self, shape):
        self.head_dim = shape[-1] // self.num_heads
        self.projection = keras.layers.Dense(3 * shape[-1], use_bias=False, name="projection")
        self.projection.build(shape)

    def initial_state(self, batch):
        return tf.zeros((batch, self.num_heads, self.head_dim, self.head_dim + 1))

    def project(self, x):
        """φ(queries), φ(keys), values, each (batch, heads, time, head_dim)."""
        batch, time, _ = shape_of(x)
        joint = tf.reshape(self.projection(x), (batch, time, 3, self.num_heads, self.head_dim))
        queries, keys, values = tf.unstack(tf.transpose(joint, (2, 0, 3, 1, 4)))
        positive = FEATURE_MAPS[self.feature_map]
        return positive(queries), positive(keys), values

    def call(self, x, begins, state):
        queries, keys, values = self.project(x)
        out, state = linear_attention(queries, keys, values, tf.constant(self.decay), begins, state)
        out = tf.transpose(out, (0, 2, 1, 3))  # (batch, time, heads, head_dim)
        return tf.reshape(out, shape_of(x)), state

    def step(self, x, begins, state):
        queries, keys, values = (a[:, :, 0] for a in self.project(x[:, None]))
        values = tf.concat([values, tf.ones_like(values[..., :1])], axis=-1)
        keep = 1.0 - tf.cast(begins, tf.float32)[:, None, None, None]
        fade = tf.constant(self.decay)[:, None, None]
        state = state * fade * keep + keys[..., :, None] * values[..., None, :]
        out = normalise(tf.matmul(queries[..., None, :], state)[..., 0, :])
        return tf.reshape(out, shape_of(x)), state

    def weights_by_position(self, x):
        """Effective attention (batch, heads, time, time): who looks at whom; rows sum to one.

        Computed the quadratic way, for one document, as a softmax attention would show it.
        """
        queries, keys, _ = self.project(x)
        position = tf.range(x.shape[1], dtype=tf.float32)
        distance = position[:, None] - position[None, :]
        log_decay = tf.math.log(tf.constant(self.decay))[:, None, None]
        fade = tf.where(distance >= 0, tf.exp(log_decay * tf.abs(distance)), 0.0)
        scores = tf.matmul(queries, keys, transpose_b=True) * fade
        return scores / tf.reduce_sum(scores, axis=-1, keepdims=True)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "shortest_memory": self.shortest_memory,
            "longest_memory": self.longest_memory,
            "feature_map": self.feature_map,
        }


def head_decays(num_heads, shortest, longest):
    """γ of each head from half-lives in positions, `γ = 2^(-1 / half-life)`."""
    if not shortest:
        return [1.0] * num_heads
    last = longest or 1024.0
    spread = [shortest * (last / shortest) ** (i / max(1, num_heads - 1)) for i in range(num_heads)]
    decays = [2.0 ** (-1.0 / half_life) for half_life in spread]
    if not longest:
        decays[-1] = 1.0
    return decays


@keras.saving.register_keras_serializable("mof_lab")
class ThoughtSpace(keras.layers.Layer):
    """The article's thought space, causal: `alpha` times a thought about the text so far.

    The mean of all positions so far, through Dense-GELU-Dense. `alpha` is trainable, starts
    at 0.3 and stays in [0, 1].
    """

    def build(self, shape):
        self.size = shape[-1]
        self.alpha = self.add_weight(
            name="alpha",
            shape=(),
            initializer=keras.initializers.Constant(0.3),
            constraint=UnitInterval(),
        )
        self.inner = keras.layers.Dense(self.size, activation="gelu", name="inner")
        self.outer = keras.layers.Dense(self.size, name="outer")
        self.inner.build(shape)
        self.outer.build(shape)

    def initial_state(self, batch):
        return tf.zeros((batch, self.size + 1))

    def think(self, mean):
        return self.alpha * self.outer(self.inner(mean))

    def call(self, x, begins, state):
        mean, state = running_mean(x, begins, state)
        return self.think(mean), state

    def step(self, x, begins, state):
        keep = 1.0 - tf.cast(begins, tf.float32)[:, None]
        state = state * keep + tf.concat([x, tf.ones_like(x[:, :1])], axis=-1)
        return self.think(state[:, :-1] / state[:, -1:]), state


@keras.saving.register_keras_serializable("mof_lab")
class UnitInterval(keras.constraints.Constraint):
    """Keeps a weight in [0, 1] after every optimiser step."""

    def __call__(self, w):
        return ops.where(w >= 0, ops.minimum(w, 1.0), 0.0)  # a clip would let NaN through


@keras.saving.register_keras_serializable("mof_lab")
class TransformerBlock(keras.layers.Layer):
    """Linear attention, thought space and feed-forward, each added to the residual stream.

    Args:
        num_heads, shortest_memory, longest_memory, feature_map: see `LinearAttention`.
        ffn_multiplier: feed-forward width / input width.
        pre_norm: norm before each sublayer; False is the article's add-and-norm.
        dropout: share dropped after attention and feed-forward, in training.
    """

    def __init__(
        self,
        num_heads,
        ffn_multiplier=2.0,
        shortest_memory=0,
        longest_memory=0,
        feature_map="softmax",
        pre_norm=True,
        dropout=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.settings = {
            "num_heads": num_heads,
            "ffn_multiplier": ffn_multiplier,
            "shortest_memory": shortest_memory,
            "longest_memory": longest_memory,
            "feature_map": feature_map,
            "pre_norm": pre_norm,
            "dropout": dropout,
        }
        self.pre_norm = pre_norm
        self.attention = LinearAttention(
            num_heads, shortest_memory, longest_memory, feature_map, name="attention"
        )
        self.thought = ThoughtSpace(name="thought")
        self.drop = Dropout(dropout)
        self.attention_norm = LayerNorm(name="attention_norm")
        self.ffn_norm = LayerNorm(name="ffn_norm")

    def build(self, shape):
        size = shape[-1]
        inner = int(size * self.settings["ffn_multiplier"])
        self.output_projection = keras.layers.Dense(size, name="output_projection")
        self.ffn_inner = keras.layers.Dense(inner, activation="gelu", name="ffn_inner")
        self.ffn_outer = keras.layers.Dense(size, name="ffn_outer")
        for layer in (self.attention, self.thought, self.attention_norm, self.ffn_norm):
            layer.build(shape)
        self.output_projection.build(shape)
        self.ffn_inner.build(shape)
        self.ffn_outer.build((*shape[:-1], inner))

    def initial_state(self, batch):
        return {
            "attention": self.attention.initial_state(batch),
            "thought": self.thought.initial_state(batch),
        }

    def call(self, x, begins, state, training=False):
        return self._forward(x, begins, state, self.attention, self.thought, training)

    def step(self, x, begins, state):
        return self._forward(x, begins, state, self.attention.step, self.thought.step, False)

    def _forward(self, x, begins, state, attention, thought, training):
        attended, attention_state = attention(self.attention_input(x), begins, state["attention"])
        x = x + self.drop(self.output_projection(attended), training=training)
        if not self.pre_norm:
            x = self.attention_norm(x)
        thoughts, thought_state = thought(x, begins, state["thought"])
        x = x + thoughts
        y = self.ffn_norm(x) if self.pre_norm else x
        x = x + self.drop(self.ffn_outer(self.ffn_inner(y)), training=training)
        if not self.pre_norm:
            x = self.ffn_norm(x)
        return x, {"attention": attention_state, "thought": thought_state}

    def attention_input(self, x):
        """What the attention reads: the normed stream, or the stream itself (post-norm)."""
        return self.attention_norm(x) if self.pre_norm else x

    def get_config(self):
        return {**super().get_config(), **self.settings}

"""The layers of the published model, as they are; `model` names what is odd about them."""

import keras
import tensorflow as tf

from ..layers import GRU

INNER_EPSILON, OUTER_EPSILON = 1e-6, 1e-3
ATTENTION_EPSILON = 1e-6


def norm(epsilon, name):
    """A layer norm with one of the TWO_EPSILONS."""
    return keras.layers.LayerNormalization(epsilon=epsilon, name=name)


def read(gru, x):
    """The hidden states (batch, time, units) of a GRU that begins with nothing."""
    batch, time = tf.shape(x)[0], tf.shape(x)[1]
    return gru(x, tf.zeros((batch, time), tf.bool), gru.initial_state(batch))[0]


class Stem(keras.layers.Layer):
    """What both experts and the router read: STEM_BATCH_NORM(relu(dense(gru(e)))) + e.

    Args:
        norm: another norm instead, for a `fixes.Mended`.
    """

    def __init__(self, vocab_size, size, norm=None, **kwargs):
        super().__init__(**kwargs)
        self.embedding = keras.layers.Embedding(vocab_size, size, name="embedding")
        self.gru = GRU(size, name="gru")
        self.drop = keras.layers.Dropout(0.5)
        self.dense = keras.layers.Dense(size, activation="relu", name="dense")
        self.norm = norm or keras.layers.BatchNormalization(epsilon=OUTER_EPSILON, name="norm")
        self.embedding.build(None)
        for layer in (self.gru, self.dense, self.norm):
            layer.build((None, None, size))
        self.built = True

    def call(self, tokens, training=False):
        e = self.embedding(tokens)
        return self.blend(e, self.drop(read(self.gru, e), training=training), training)

    def blend(self, e, hidden, training=False):
        """The stem's output from the embedding and the GRU's hidden state."""
        return self.norm(self.dense(hidden), training=training) + e


class GRUExpert(keras.layers.Layer):
    """Wide and shallow: dropout, GRU, norm."""

    def __init__(self, size, units, **kwargs):
        super().__init__(**kwargs)
        self.drop = keras.layers.Dropout(0.1)
        self.gru = GRU(units, name="gru")
        self.norm = norm(INNER_EPSILON, "norm")
        self.gru.build((None, None, size))
        self.norm.build((None, None, units))
        self.built = True

    def call(self, x, training=False):
        return self.norm(read(self.gru, self.drop(x, training=training)))


class Attention(keras.layers.Layer):
    """Linear attention that ATTENDS_TO_NOTHING and SEES_THE_FUTURE.

    Its product of keys and values sums over the positions of each apart, so it is
    `(Σᵢ φ(kᵢ)) (Σⱼ vⱼ)ᵀ`. Then `φ(q)·Σφ(k)` stands above and below the fraction bar, and what is
    left is `Σⱼ vⱼ`: a sum, not a mean, and the same for every query.
    """

    def __init__(self, size, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        names = ("query", "key", "value", "combine")
        self.query, self.key, self.value, self.combine = (
            keras.layers.Dense(size, name=name) for name in names
        )
        for layer in (self.query, self.key, self.value, self.combine):
            layer.build((None, None, size))
        self.built = True

    def call(self, x):
        queries, keys, values = (self.heads(f(x)) for f in (self.query, self.key, self.value))
        queries, keys = tf.nn.elu(queries) + 1, tf.nn.elu(keys) + 1
        product = tf.einsum("bhid,bhjv->bhdv", keys, values)  # meant was bhsd,bhsv->bhdv
        above = tf.einsum("bhsd,bhdv->bshv", queries, product)
        below = tf.einsum("bhsd,bhd->bsh", queries, tf.reduce_sum(keys, axis=2))
        return self.combine(tf.reshape(above / (below + ATTENTION_EPSILON)[..., None], tf.shape(x)))

    def heads(self, x):
        """(batch, time, size) → (batch, heads, time, head_dim)."""
        shape = (*tf.unstack(tf.shape(x)[:2]), self.num_heads, x.shape[-1] // self.num_heads)
        return tf.transpose(tf.reshape(x, shape), (0, 2, 1, 3))

    def same_for_all(self, x, kept=1.0):
        """What is left of `call` by algebra, (batch, 1, size): no query, no key, no matrix.

        Equal but for `ATTENTION_EPSILON`, which `φ(q)·Σφ(k)` outweighs by far: a query all of whose
        numbers are below -15 would be answered with less there, and to tell takes every query and
        key. It stays so in training: what has no influence has no gradient.

        Args:
            kept: (size,), 0 where a head is switched off and 1 elsewhere.
        """
        count = tf.cast(tf.shape(x)[1], x.dtype)
        return self.combine(kept * count * self.value(tf.reduce_mean(x, axis=1, keepdims=True)))


class Block(keras.layers.Layer):
    """Attention, thought space and feed-forward, each added; a norm after the first and last."""

    def __init__(self, size, num_heads, ffn_multiplier, **kwargs):
        super().__init__(**kwargs)
        self.attention = Attention(size, num_heads, name="attention")
        self.attention_dense = keras.layers.Dense(size, name="attention_dense")
        self.attention_norm = norm(INNER_EPSILON, "attention_norm")
        self.thought_inner = keras.layers.Dense(size, activation="gelu", name="thought_inner")
        self.thought_outer = keras.layers.Dense(size, name="thought_outer")
        inner = ffn_multiplier * size
        self.ffn_inner = keras.layers.Dense(inner, activation="gelu", name="ffn_inner")
        self.ffn_outer = keras.layers.Dense(size, name="ffn_outer")
        self.ffn_norm = norm(INNER_EPSILON, "ffn_norm")
        for layer in (
            self.attention_dense, self.attention_norm, self.thought_inner, self.thought_outer,
            self.ffn_inner, self.ffn_norm,
        ):  # fmt: skip
            layer.build((None, None, size))
        self.ffn_outer.build((None, None, inner))
        self.alpha = self.add_weight(
            name="alpha",
            shape=(1,),
            initializer=keras.initializers.Constant(0.3),
            constraint=lambda alpha: tf.clip_by_value(alpha, 0.0, 1.0),
        )
        self.built = True

    def call(self, x):
        x = self.attend(x, self.attention(x))
        return self.feed_forward(x + self.think(x))

    def attend(self, x, attended):
        """The stream after the attention's answer is added to it."""
        return self.attention_norm(x + self.attention_dense(attended))

    def think(self, x):
        """One thought about all positions, (batch, 1, size): it SEES_THE_FUTURE."""
        mean = tf.reduce_mean(x, axis=1, keepdims=True)
        return self.alpha * self.thought_outer(self.thought_inner(mean))

    def feed_forward(self, x):
        """The stream after the feed-forward network."""
        return self.ffn_norm(x + self.ffn_outer(self.ffn_inner(x)))


class TransformerExpert(keras.layers.Layer):
    """Deep and narrow: positions, the last `window` of them, blocks, Dense."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        size, self.window = config.embedding_dim, config.window
        self.positions = keras.layers.Embedding(config.max_length, size, name="positions")
        self.drop = keras.layers.Dropout(0.2)
        self.blocks = [
            Block(size, config.num_heads, config.ffn_multiplier, name=f"block_{i}")
            for i in range(config.num_layers)
        ]
        self.dense = keras.layers.Dense(config.gru_units, name="dense")
        self.positions.build(None)
        self.dense.build((None, None, size))
        self.built = True

    def call(self, x, training=False):
        x = self.drop(self.place(x), training=training)[:, -self.window :]
        for block in self.blocks:
            x = block(x)
        return self.dense(self.drop(x, training=training))  # (batch, ≤ window, gru_units)

    def place(self, x):
        """The stream with the position table added."""
        return x + self.positions(tf.range(tf.shape(x)[1]))

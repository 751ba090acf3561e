"""The published architecture, kept as it is: `Published(tokens)` gives what the package gives.

    tokens → stem → GRU expert, transformer expert → Σ router weight · norm(expert) → head

What is odd about it, and kept, has a name in this file:

    ATTENDS_TO_NOTHING   the attention gives every query the same answer (`Attention`)
    SEES_THE_FUTURE      sums, means and the router's weights are of the whole window: only the
                         last position is honest (`Attention`, `Block.think`, `Published.route`)
    PADS_AT_THE_END      of a text longer than its window the transformer expert's outputs, which
                         belong to the last positions, are added to the first (`Published.align`)
    ONE_ROUTER_WEIGHT    a text has one pair of weights, from its last character (`route`)
    STEM_BATCH_NORM      the stem's norm is over the batch, in training over all its positions;
                         no residual blends it: `embed_q` is never used (`Stem`)
    TWO_EPSILONS         norms inside the experts add 1e-6, all others 1e-3
"""

import keras
import tensorflow as tf

from ..errors import LabError
from ..layers import GRU
from .configuration import SEEN
from .window import Window

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
    """What both experts and the router read: STEM_BATCH_NORM(relu(dense(gru(e)))) + e."""

    def __init__(self, vocab_size, size, **kwargs):
        super().__init__(**kwargs)
        self.embedding = keras.layers.Embedding(vocab_size, size, name="embedding")
        self.gru = GRU(size, name="gru")
        self.drop = keras.layers.Dropout(0.5)
        self.dense = keras.layers.Dense(size, activation="relu", name="dense")
        self.norm = keras.layers.BatchNormalization(epsilon=OUTER_EPSILON, name="norm")
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

    def same_for_all(self, x):
        """What is left of `call` by algebra, (batch, 1, size): no query, no key, no matrix.

        Equal but for `ATTENTION_EPSILON`, which `φ(q)·Σφ(k)` outweighs by far. It stays so in
        training: what has no influence has no gradient.
        """
        count = tf.cast(tf.shape(x)[1], x.dtype)
        return self.combine(count * self.value(tf.reduce_mean(x, axis=1, keepdims=True)))


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


class Published(keras.Model):
    """The published mixture.

    Args:
        config: a `PublishedConfig` with its `vocab_size`.
        vocabulary: a `PublishedVocabulary`, for chat and views.

    Call with integer tokens (batch, time), numbered as the vocabulary file numbers them; gives
    logits (batch, time, vocab_size). The chat and the views use the lab's numbers instead, which
    `vocabulary` and `reader` translate.
    """

    #: A prompt of any length up to what the model sees is read at once.
    pieces = range(SEEN, 0, -1)

    def __init__(self, config, vocabulary=None, **kwargs):
        super().__init__(**kwargs)
        self.config, self.vocabulary = config, vocabulary
        size, units = config.embedding_dim, config.gru_units
        self.stem = Stem(config.vocab_size, size, name="stem")
        self.gru_expert = GRUExpert(size, units, name="gru_expert")
        self.transformer_expert = TransformerExpert(config, name="transformer_expert")
        self.expert_norms = [norm(OUTER_EPSILON, f"{name}_norm") for name in config.experts]
        self.router_gru = GRU(config.router_units, name="router_gru")
        self.router_norm = norm(OUTER_EPSILON, "router_norm")
        self.router_dense = keras.layers.Dense(
            len(config.experts), activation="softmax", name="router_dense"
        )
        self.mixture_norm = norm(OUTER_EPSILON, "mixture_norm")
        self.output_dense = keras.layers.Dense(config.vocab_size, name="output_dense")
        for layer in (*self.expert_norms, self.mixture_norm, self.output_dense):
            layer.build((None, None, units))
        self.router_gru.build((None, None, size))
        self.router_norm.build((None, config.router_units))
        self.router_dense.build((None, config.router_units))
        self.built = True
        self.window = Window(self)

    def call(self, tokens, training=False):
        return self._forward(tokens, training)["logits"]

    def parts(self, tokens):
        """What each part gives, as NumPy arrays under the reference's names.

        Returns:
            `embedded` (batch, time, embedding_dim), `router_weights` (batch, 2), `gru_expert`
            (batch, time, gru_units), `transformer_expert` (batch, min(time, window), gru_units),
            `logits` (batch, time, vocab_size), and what the first block's attention makes of the
            last positions of `embedded` itself (as the reference asks it, without the position
            table), `attention_block0` (batch, min(time, window), embedding_dim).
        """
        parts = self._forward(tf.convert_to_tensor(tokens), False)
        expert = self.transformer_expert
        parts["attention_block0"] = expert.blocks[0].attention(
            parts["embedded"][:, -expert.window :]
        )
        return {name: part.numpy() for name, part in parts.items()}

    def _forward(self, tokens, training):
        self._check(tokens)
        embedded = self.stem(tokens, training=training)
        weights = self.route(read(self.router_gru, embedded)[:, -1])
        gru = self.gru_expert(embedded, training=training)
        transformer = self.transformer_expert(embedded, training=training)
        outputs = [
            self.align(self.expert_norms[0](gru), tokens),
            self.align(self.expert_norms[1](transformer), tokens),
        ]
        mixed = sum(weights[:, i, None, None] * output for i, output in enumerate(outputs))
        return {
            "embedded": embedded,
            "router_weights": weights,
            "gru_expert": gru,
            "transformer_expert": transformer,
            "logits": self.head(mixed),
        }

    def route(self, hidden):
        """Weights (batch, 2) of a whole text from the router's last state: ONE_ROUTER_WEIGHT."""
        return self.router_dense(self.router_norm(hidden))

    def align(self, output, tokens):
        """An expert's output with as many positions as there are tokens: PADS_AT_THE_END."""
        missing = tf.shape(tokens)[1] - tf.shape(output)[1]
        return tf.pad(output, [[0, 0], [0, missing], [0, 0]])

    def head(self, mixed):
        """(…, gru_units) → logits (…, vocab_size)."""
        return self.output_dense(self.mixture_norm(mixed))

    def _check(self, tokens):
        longest, size = self.config.max_length, self.config.vocab_size
        shape = tuple(tokens.shape)
        if len(shape) != 2 or shape[1] == 0 or (shape[1] or 1) > longest:
            raise LabError(
                f"The tokens have the shape {shape}; expected (batch, time) with a time from 1 to "
                f"{longest:,}, as many positions as the published model knows."
            )
        if not tf.as_dtype(tokens.dtype).is_integer:
            raise LabError(f"The tokens are {tokens.dtype}; expected whole numbers.")
        if isinstance(tokens, tf.Tensor) and tf.executing_eagerly():
            low, high = int(tf.reduce_min(tokens)), int(tf.reduce_max(tokens))
            if low < 0 or high >= size:
                raise LabError(
                    f"The tokens go from {low} to {high}; the vocabulary has 0 … {size - 1}."
                )

    @property
    def endings(self):
        """How an answer ends, in the lab's ids."""
        return self.vocabulary.endings

    def initial_state(self, batch=1):
        """The state of an empty text; one text is read at a time."""
        if batch != 1:
            raise LabError(f"The published model reads one text at a time, not {batch}.")
        return self.window.nothing_read

    def reader(self, expert=None, router_weights=None):
        """What a `generation.Decoder` reads with, see `window.Window.reader`."""
        return self.window.reader(expert, router_weights)

"""The published architecture, kept as it is: `Published(tokens)` gives what the package gives.

    tokens → stem → GRU expert, transformer expert → Σ router weight · norm(expert) → head

What is odd about it, and kept, has a name here and where it happens:

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
from ..vocabulary import ASSISTANT, END, USER
from .configuration import SEEN
from .layers import OUTER_EPSILON, GRUExpert, Stem, TransformerExpert, norm, read
from .vocabulary import TEXT, Prompt
from .window import Window


class Published(keras.Model):
    """The published mixture.

    Args:
        config: a `PublishedConfig` with its `vocab_size`.
        vocabulary: a `PublishedVocabulary`, for chat and views.
        stem_norm: see `layers.Stem`.

    Call with integer tokens (batch, time), numbered as the vocabulary file numbers them; gives
    logits (batch, time, vocab_size). The chat and the views use the lab's numbers instead, which
    `vocabulary` and `reader` translate.
    """

    #: A prompt of any length up to what the model sees is read at once.
    pieces = range(SEEN, 0, -1)

    def __init__(self, config, vocabulary=None, stem_norm=None, **kwargs):
        super().__init__(**kwargs)
        self.config, self.vocabulary = config, vocabulary
        size, units = config.embedding_dim, config.gru_units
        self.stem = Stem(config.vocab_size, size, stem_norm, name="stem")
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

    def __call__(self, tokens, *args, **kwargs):
        # Checked here: what is raised in `call`, Keras wraps in a page of its own.
        return super().__call__(self._checked(tokens), *args, **kwargs)

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
        parts = self._forward(self._checked(tokens), False)
        expert = self.transformer_expert
        parts["attention_block0"] = expert.blocks[0].attention(
            parts["embedded"][:, -expert.window :]
        )
        return {name: part.numpy() for name, part in parts.items()}

    def _forward(self, tokens, training):
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

    def _checked(self, tokens):
        try:
            tokens = tf.convert_to_tensor(tokens)
        except (TypeError, ValueError, OverflowError, tf.errors.OpError):
            raise LabError(
                "The tokens are no array; expected whole numbers (batch, time), as many in each "
                "row."
            ) from None
        longest, size = self.config.max_length, self.config.vocab_size
        fits = len(tokens.shape) == 2 and (
            tokens.shape[1] is None or 1 <= tokens.shape[1] <= longest
        )
        if not fits:
            raise LabError(
                f"The tokens have the shape {tuple(tokens.shape)}; expected (batch, time) with a "
                f"time from 1 to {longest:,}, as many positions as the published model knows."
            )
        if not tokens.dtype.is_integer:
            raise LabError(f"The tokens are {tokens.dtype.name}; expected whole numbers.")
        if tf.executing_eagerly() and tf.size(tokens):
            low, high = int(tf.reduce_min(tokens)), int(tf.reduce_max(tokens))
            if low < 0 or high >= size:
                raise LabError(
                    f"The tokens go from {low} to {high}; the vocabulary has 0 … {size - 1}."
                )
        return tokens

    def endings(self, state):
        """What ends the text that is written from a state on, as tuples of the lab's ids."""
        return state.prompt.endings

    @property
    def longest_message(self):
        """Characters of a message that are all seen when its answer begins."""
        follows, _ = Prompt(self.vocabulary, USER).text([END, ASSISTANT])
        return max(1, self.config.context_length - len(follows))

    def used(self, state):
        """Characters that the model sees of what has been read."""
        return len(state.ids)

    def warm_up(self):
        """Compiles what reading needs: of two lengths TensorFlow makes one graph for any."""
        opening = self.vocabulary.number(TEXT)
        for length in (2, 3):
            self.window.logits(self.window.read(self.initial_state(), opening[:length]))

    def initial_state(self, batch=1):
        """The state of an empty text; one text is read at a time."""
        if batch != 1:
            raise LabError(f"The published model reads one text at a time, not {batch}.")
        return self.window.nothing_read

    def reader(self, expert=None, router_weights=None):
        """What a `generation.Decoder` reads with, see `window.Window.reader`."""
        return self.window.reader(expert, router_weights)

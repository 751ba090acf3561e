"""The published model mended, one fix after the other, in a form that can be trained.

    model = Mended(config, "causal")       # with the einsum corrected, and causal
    model(tokens)                          # (batch, time) → logits (batch, time, vocab_size)
    model.last(tokens, lengths)            # logits (batch, vocab_size) of what follows each text

What each fix changes:

    einsum    one index for keys and values: queries count
    causal    sums and means are of the past: attention, thought space; the one router weight of
              a text is that of its first character, since its last would see the rest; the stem's
              norm is over a position, since over a batch it sees all positions in training
    aligned   where a text is longer than the transformer expert's window, its outputs go to the
              positions they belong to, and positions are counted inside the window
    router    a pair of weights for each character

Without `causal` only `last` is honest: every other position has seen what follows it.
"""

import tensorflow as tf

from ..errors import LabError
from .layers import ATTENTION_EPSILON, OUTER_EPSILON, norm, read
from .model import Published

FIXES = ("einsum", "causal", "aligned", "router")


class Mended(Published):
    """A `Published` with the first of `FIXES` made; its weights are new.

    Args:
        config: a `PublishedConfig` with its `vocab_size`.
        up_to: the last fix that is made, with all before it; "" = none, the published form.
    """

    def __init__(self, config, up_to=FIXES[-1], **kwargs):
        if up_to not in ("", *FIXES):
            raise LabError(f"There is no fix {up_to!r}; choose one of {', '.join(FIXES)}, or ''.")
        fixes = FIXES[: FIXES.index(up_to) + 1] if up_to else ()
        stem_norm = norm(OUTER_EPSILON, "norm") if "causal" in fixes else None
        super().__init__(config, stem_norm=stem_norm, **kwargs)
        self.fixes = fixes

    @property
    def causal(self):
        """Is every position honest, so that all can be trained?"""
        return "causal" in self.fixes

    def call(self, tokens, training=False):
        return self.head(self._mixed(tokens, None, training)[0])

    def last(self, tokens, lengths=None, training=False):
        """Logits (batch, vocab_size) of the character after each text.

        Args:
            tokens: (batch, time); a text shorter than that is padded on the right.
            lengths: (batch,), of the texts, none longer than the window; None = `time`, all.
        """
        longest = self.config.window
        if lengths is not None and (tokens.shape[1] or 0) > longest:
            raise LabError(f"Texts of several lengths may have {longest} characters at most.")
        mixed, _ = self._mixed(tokens, lengths, training)
        return self.head(at_end(mixed, lengths))

    def router_weights(self, tokens):
        """Router weights (batch, time, 2); where a text has one pair, the time is 1."""
        return self._mixed(tokens, None, False)[1]

    def _mixed(self, tokens, lengths, training):
        """What the head reads, (batch, time, gru_units), and the router's weights."""
        seen = None if lengths is None else tf.sequence_mask(lengths, tf.shape(tokens)[1])
        stem, transformer = self.stem, self.transformer_expert
        e = stem.embedding(tokens)
        hidden = stem.dense(stem.drop(read(stem.gru, e), training=training))
        # A batch norm's statistics are of what is text.
        normed = (
            stem.norm(hidden) if self.causal else stem.norm(hidden, training=training, mask=seen)
        )
        x = normed + e
        hidden = read(self.router_gru, x)
        if "router" not in self.fixes:  # one pair of weights for the whole text
            one = hidden[:, 0] if self.causal else at_end(hidden, lengths)
            hidden = one[:, None]
        weights = self.route(hidden)
        outputs = self.gru_expert(x, training=training), self.reason(transformer, x, seen, training)
        normed = (f(output) for f, output in zip(self.expert_norms, outputs, strict=True))
        aligned = (self.align(output, tokens) for output in normed)
        return sum(weights[..., i, None] * output for i, output in enumerate(aligned)), weights

    def reason(self, expert, x, seen, training):
        """The transformer expert over the last positions, (batch, ≤ window, gru_units)."""
        if "aligned" in self.fixes:
            x = expert.place(x[:, -expert.window :])
        else:
            x = expert.place(x)[:, -expert.window :]
        x = expert.drop(x, training=training)
        for block in expert.blocks:
            x = block.attend(x, self.attention(block.attention, x, seen))
            x = block.feed_forward(x + self.think(block, x, seen))
        return expert.dense(expert.drop(x, training=training))

    def attention(self, layer, x, seen=None):
        """What `layer` (an `Attention`) makes of x, (batch, time, size), with the fixes.

        Args:
            seen: (batch, time), False where nothing stands; None = text everywhere.
        """
        queries, keys, values = (layer.heads(f(x)) for f in (layer.query, layer.key, layer.value))
        queries, keys = tf.nn.elu(queries) + 1, tf.nn.elu(keys) + 1
        if self.causal:
            scores = tf.linalg.band_part(tf.matmul(queries, keys, transpose_b=True), -1, 0)
            below = tf.reduce_sum(scores, axis=-1, keepdims=True)
            out = tf.matmul(scores / (below + ATTENTION_EPSILON), values)
            out = tf.transpose(out, (0, 2, 1, 3))
        else:
            if seen is not None:
                there = tf.cast(seen, x.dtype)[:, None, :, None]
                keys, values = keys * there, values * there
            pattern = "bhsd,bhsv->bhdv" if "einsum" in self.fixes else "bhid,bhjv->bhdv"
            above = tf.einsum("bhsd,bhdv->bshv", queries, tf.einsum(pattern, keys, values))
            below = tf.einsum("bhsd,bhd->bsh", queries, tf.reduce_sum(keys, axis=2))
            out = above / (below + ATTENTION_EPSILON)[..., None]
        return layer.combine(tf.reshape(out, tf.shape(x)))

    def think(self, block, x, seen=None):
        """A block's thought about the mean: of the past (batch, time, size), or of everything."""
        if self.causal:
            mean = tf.cumsum(x, axis=1) / tf.cast(tf.range(1, tf.shape(x)[1] + 1), x.dtype)[:, None]
        elif seen is None:
            mean = tf.reduce_mean(x, axis=1, keepdims=True)
        else:
            there = tf.cast(seen, x.dtype)[..., None]
            mean = tf.reduce_sum(x * there, 1, True) / tf.reduce_sum(there, 1, True)
        return block.alpha * block.thought_outer(block.thought_inner(mean))

    def align(self, output, tokens):
        """An expert's output with as many positions as there are tokens."""
        if "aligned" not in self.fixes:
            return super().align(output, tokens)
        missing = tf.shape(tokens)[1] - tf.shape(output)[1]
        return tf.pad(output, [[0, 0], [missing, 0], [0, 0]])


def at_end(x, lengths=None):
    """(batch, time, size) → (batch, size), at the last position of each text."""
    return x[:, -1] if lengths is None else tf.gather(x, lengths - 1, axis=1, batch_dims=1)

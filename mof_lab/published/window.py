"""Writing with the published model: its logits, sooner.

Its chat runs the last 128 characters again for every new one and looks at the last position. Here
the same logits come from less:

- Its GRUs begin anew with the first character of the window, and the window moves with every
  character. So the texts that begin at each of the next `ROWS` characters are read side by side:
  a new character is one step of `ROWS` rows, a product of matrices in place of 128 of a vector,
  and only every `ROWS` characters the window is read again.
- The attention is `Attention.same_for_all`, of one position instead of all; what it leaves out is
  below rounding unless a head's queries are all but nothing.
- Where the text is longer than the transformer expert's window, what is added to the last
  position is padding (PADS_AT_THE_END): that expert is not computed.
"""

from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from ..ablation import weights_without
from ..errors import LabError
from ..off import NOTHING
from ..vocabulary import BEGIN, SPECIAL_NAMES, UNKNOWN, UNKNOWN_CHARACTER
from .vocabulary import TEXT, Prompt

ROWS = 32


@dataclass(frozen=True)
class Reading:
    """What has been read of one text; a value, so it can be gone back to.

    Row r is the text from character `base + r` on.
    """

    prompt: Prompt
    ids: tuple = ()  # numbers of the characters that the model sees
    count: int = 0  # characters read, those no longer seen included
    base: int = 0  # the character at which row 0 begins
    hidden: tuple = ()  # of stem, GRU expert and router: (ROWS, units)
    before: np.ndarray | None = None  # the GRU expert's, one character earlier
    streams: tuple = ()  # the stem's output for each character from `base` on, (ROWS, size)

    @property
    def row(self):
        """The row whose text is the window."""
        return self.count - len(self.ids) - self.base

    def stream(self):
        """The stem's output over the window, (1, characters, size)."""
        row = self.row
        return np.stack([column[row] for column in self.streams[row:]])[None]


class Window:
    """The last characters of a text, and the model that sees no others.

    Args:
        model: a `Published`.
    """

    def __init__(self, model):
        self.model = model
        self.seen = model.config.context_length
        # A text of any length runs in the same graph: to make one for each would take far longer.
        self._read_rows = tf.function(self._rows, reduce_retracing=True)
        self._attend = tf.function(self._transformer, reduce_retracing=True)

    @property
    def nothing_read(self):
        """The `Reading` of an empty text."""
        return Reading(Prompt(self.model.vocabulary))

    def read(self, reading, numbers):
        """Takes in characters, at least one.

        Args:
            reading: a `Reading`.
            numbers: as the vocabulary file numbers them.
        """
        numbers = list(map(int, numbers))
        count, seen = reading.count + len(numbers), (*reading.ids, *numbers)[-self.seen :]
        base, hidden, streams = reading.base, reading.hidden, reading.streams
        if not hidden or count - len(seen) >= base + ROWS:  # no row begins where the window does
            base, numbers, streams = count - len(seen), seen, ()
            units = (gru.units for gru in self._grus())
            hidden = tuple(np.zeros((ROWS, size), np.float32) for size in units)
        first = count - len(numbers)
        begins = base + np.arange(ROWS)[:, None] == first + np.arange(len(numbers))
        numbers, begins = tf.constant(numbers), tf.constant(begins)
        stream, hidden, before = self._read_rows(numbers, begins, hidden)
        return replace(
            reading,
            ids=seen,
            count=count,
            base=base,
            hidden=tuple(hidden),
            before=before,
            streams=(*streams, *np.moveaxis(stream.numpy(), 1, 0)),
        )

    def _grus(self):
        model = self.model
        return model.stem.gru, model.gru_expert.gru, model.router_gru

    def _rows(self, numbers, begins, hidden):
        """The three GRUs over new characters (time,), in all rows, from their states on."""
        stem_gru, expert_gru, router_gru = self._grus()
        e = tf.repeat(self.model.stem.embedding(numbers)[None], ROWS, axis=0)
        hiddens, stem = stem_gru(e, begins, hidden[0])
        stream = self.model.stem.blend(e, hiddens)  # (ROWS, time, size)
        hiddens, expert = expert_gru(stream, begins, hidden[1])
        before = tf.concat([hidden[1][:, None], hiddens], axis=1)[:, -2]
        _, router = router_gru(stream, begins, hidden[2])
        return stream, (stem, expert, router), before

    def outputs(self, reading, off=NOTHING):
        """What the last position is mixed of.

        Args:
            off: an `off.Off`, the parts that are switched off.

        Returns:
            `router_weights` (2,), `experts` (2, gru_units), normed, and `thought` (blocks,), the
            strength of each block's: |thought| / |stream it is added to|.
        """
        model, config = self.model, self.model.config
        if not reading.ids:
            raise LabError(
                "The published model has read no character yet, so nothing follows; read ⟨begin⟩ "
                "or a text first."
            )
        _, gru, router = (state[reading.row][None] for state in reading.hidden)
        gru = model.expert_norms[0](model.gru_expert.norm(gru))
        if len(reading.ids) > model.transformer_expert.window:
            transformer, thought = tf.zeros_like(gru), tf.zeros(config.num_layers)
        else:
            transformer, thought = self._attend(tf.constant(reading.stream()), *_kept(off, config))
        return {
            "router_weights": weights_without(model.route(router), config.experts, off)[0].numpy(),
            "experts": tf.concat([gru, transformer], axis=0),
            "thought": thought.numpy(),
        }

    def _transformer(self, stream, heads, thoughts):
        """The transformer expert's normed output at the last position, and its thoughts.

        Args:
            heads, thoughts: see `_kept`.
        """
        expert, strengths = self.model.transformer_expert, []
        x = expert.place(stream)
        for i, block in enumerate(expert.blocks):
            x = block.attend(x, block.attention.same_for_all(x, heads[i]))
            thought = thoughts[i] * block.think(x)
            strengths.append(tf.norm(thought) / tf.norm(x[0, -1]))
            x = block.feed_forward(x + thought)
        return self.model.expert_norms[1](expert.dense(x[:, -1])), tf.stack(strengths)

    def logits(self, reading, weights=None):
        """Of the character after a reading: logits (vocab_size,), and weights (2,).

        Args:
            weights: (2,), used instead of the router's.
        """
        outputs = self.outputs(reading)
        weights = outputs["router_weights"] if weights is None else np.asarray(weights, np.float32)
        mixed = tf.linalg.matvec(outputs["experts"], weights, transpose_a=True)
        return self.model.head(mixed[None])[0].numpy(), weights

    def reader(self, expert=None, router_weights=None):
        """What a `generation.Decoder` reads with; see `model.MoF.reader`.

        Tokens are the lab's ids, (1, time); so are the logits, (1, 6 + vocab_size).
        """
        config = self.model.config
        if expert is not None:
            router_weights = np.eye(len(config.experts))[config.expert_index(expert)]

        def read(tokens, state):
            reading = self.read_ids(state, tokens[0])
            logits, weights = self.logits(self._begun(reading), router_weights)
            return {
                "logits": self.renumbered(logits[None]),
                "router_weights": weights[None],
                "state": reading,
            }

        return read

    def read_ids(self, reading, ids):
        """Takes in the lab's ids, as the published text that they stand for."""
        ids = np.asarray(ids)
        begun = np.flatnonzero(ids == BEGIN)
        if len(begun):
            reading, ids = self.nothing_read, ids[begun[-1] :]
        text, prompt = reading.prompt.text(ids)
        numbers = self.model.vocabulary.number(text)
        return replace(self.read(reading, numbers) if numbers else reading, prompt=prompt)

    def _begun(self, reading):
        """What ⟨begin⟩ alone is read as: a text begins, of which nothing has been written."""
        if reading.prompt.mark != BEGIN:
            return reading
        return self.read(reading, self.model.vocabulary.number(TEXT))

    def renumbered(self, logits):
        """Logits (…, 6 + vocab_size) by the lab's ids; no special id but ▩ is one character."""
        unknown = self.model.vocabulary.numbers[UNKNOWN_CHARACTER]
        special = np.full((*logits.shape[:-1], len(SPECIAL_NAMES)), -np.inf, logits.dtype)
        special[..., UNKNOWN] = logits[..., unknown]
        characters = logits.copy()
        characters[..., unknown] = -np.inf
        return np.concatenate([special, characters], axis=-1)


def _kept(off, config):
    """0 for what is switched off and 1 elsewhere, so that one graph serves every `Off`.

    Returns:
        of heads (blocks, embedding_dim), what each brings to `Attention.combine`, and of
        thoughts (blocks,).
    """
    heads = np.ones((config.num_layers, config.num_heads), np.float32)
    thoughts = np.ones(config.num_layers, np.float32)
    heads[tuple(np.reshape(sorted(off.heads), (-1, 2)).T.astype(int))] = 0
    thoughts[sorted(off.thoughts)] = 0
    return tf.repeat(heads, config.embedding_dim // config.num_heads, axis=1), tf.constant(thoughts)

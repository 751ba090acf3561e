"""What goes on inside a model while it reads one document, as plain arrays for the views."""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import tensorflow as tf

from .ablation import NOTHING, run_expert, weights_without
from .errors import LabError
from .experts import GRUExpert, TransformerExpert
from .packing import encode_dialogue
from .vocabulary import BEGIN

#: Attention is kept for every pair of characters: memory grows with the square of the length.
LONGEST = 1024
LIKELIEST = 5


@dataclass(frozen=True)
class Trace:
    """One document, seen from inside. Parts that a model does not have are empty arrays.

    Of several experts of the same class, attention, thought and gates are the first one's.
    """

    symbols: list  # (time,), characters and names of special tokens
    ids: np.ndarray  # (time,)
    experts: tuple  # names
    router_weights: np.ndarray  # (time, experts), ≥ 0, rows sum to 1
    surprisal: np.ndarray  # (time,), bits of each character given those before; nan first
    top: list  # (time,), the likeliest next: (symbol, probability), best first
    expert_surprisal: np.ndarray  # (time, experts), bits if that expert alone had spoken
    logits: np.ndarray  # (time, vocabulary), of the next character
    expert_logits: np.ndarray  # (experts, time, vocabulary), had that expert alone spoken
    attention: np.ndarray  # (blocks, heads, time, time), causal, rows sum to 1
    decay: np.ndarray  # (heads,), γ of each head
    thought: np.ndarray  # (blocks, time), |thought| / |stream it is added to|
    alpha: np.ndarray  # (blocks,), in [0, 1]
    update: np.ndarray  # (time, units), gate of the GRU expert: 1 keeps the old state
    reset: np.ndarray  # (time, units), 0 leaves the old state out of the new candidate


def trace_dialogue(model, vocabulary, turns, off=NOTHING):
    """`trace` of a conversation, (role, text) pairs as in `ChatSession.turns`."""
    return trace(model, vocabulary, encode_dialogue(turns, vocabulary)[0], off)


@singledispatch
def trace(model, vocabulary, ids, off=NOTHING):
    """Reads one document and notes everything a `Trace` holds.

    Models of another kind than `MoF` register how they are looked into: `trace.register`.

    Args:
        ids: of one document, e.g. from `packing.encode_dialogue`; at most `LONGEST`.
        off: an `ablation.Off`, the parts that are switched off for this reading.
    """
    ids, off = _checked(ids, model), off.checked(model.config)
    tokens = tf.constant(ids[None])
    begins = tf.equal(tokens, BEGIN)
    state = model.initial_state(1)
    stream, _ = model.stem(model.embed(tokens), begins, state["stem"])  # (1, time, embedding)
    router_weights, _ = model.router(stream, begins, state["router"])
    router_weights = weights_without(router_weights, model.config.experts, off)
    outputs, attention, gates = [], None, None
    for expert, expert_state in zip(model.experts, state["experts"], strict=True):
        if isinstance(expert, TransformerExpert) and attention is None:
            output, attention = _look_into_transformer(expert, stream, begins, expert_state, off)
        else:
            output = run_expert(expert, stream, begins, expert_state, off)
        if isinstance(expert, GRUExpert) and gates is None:
            gates = _look_into_gru(expert, stream, begins, expert_state)
        outputs.append(output)
    logits = model.head(model.mix(outputs, router_weights))[0]  # (time, vocabulary)
    alone = [model.head(output)[0] for output in outputs]
    return Trace(
        symbols=[vocabulary.symbol(i) for i in ids],
        ids=ids,
        experts=tuple(model.config.experts),
        router_weights=router_weights[0].numpy(),
        surprisal=surprisals(logits, ids),
        top=likeliest(logits, vocabulary),
        expert_surprisal=np.stack([surprisals(one, ids) for one in alone], axis=-1),
        logits=logits.numpy(),
        expert_logits=np.stack(alone),
        **(attention or _no_attention(len(ids))),
        **(gates or _no_gates(len(ids))),
    )


def _checked(ids, model):
    ids = np.asarray(ids, np.int32)
    if not 1 <= len(ids) <= LONGEST:
        raise LabError(
            f"The document has {len(ids):,} characters; from 1 to {LONGEST:,} can be traced; "
            "give a part of it."
        )
    if ids.min() < 0 or ids.max() >= model.config.vocabulary_size:
        raise LabError(
            f"The document has an id outside 0 … {model.config.vocabulary_size - 1}; "
            "encode it with the model's own vocabulary."
        )
    if BEGIN in ids[1:]:
        raise LabError("The ids hold more than one document; trace them one by one.")
    return ids


def surprisals(logits, ids):
    """Bits of each character, (time,), from logits (time, vocabulary)."""
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(ids[1:], logits[:-1])
    return np.concatenate([[np.nan], nats.numpy() / np.log(2)])


def likeliest(logits, vocabulary):
    """The next characters at each position, (symbol, probability), best first, from logits
    (time, vocabulary)."""
    found = tf.math.top_k(tf.nn.softmax(logits), min(LIKELIEST, len(vocabulary)))
    return [
        [(vocabulary.symbol(i), float(p)) for i, p in zip(indices, values, strict=True)]
        for indices, values in zip(found.indices.numpy(), found.values.numpy(), strict=True)
    ]


def _look_into_transformer(expert, stream, begins, state, off):
    """Its output, and attention and thoughts, noted while the blocks run."""
    attention, strength = [], []
    blocks = iter(expert.blocks)

    def note(read, x, thought):
        strength.append(tf.norm(thought[0], axis=-1) / tf.norm(x[0], axis=-1))
        attention.append(next(blocks).attention.weights_by_position(read)[0])

    output = run_expert(expert, stream, begins, state, off, note)
    return output, {
        "attention": np.stack(attention),
        "decay": np.array(expert.blocks[0].attention.decay),
        "thought": np.stack(strength),
        "alpha": np.array([float(block.thought.alpha) for block in expert.blocks]),
    }


def _look_into_gru(expert, stream, begins, state):
    """Gates at every position: all steps at once, each from the state before it."""
    hidden, _ = expert.gru(stream, begins, state)
    before = tf.concat([state[:, None], hidden[:, :-1]], axis=1)  # (1, time, units)
    update, reset, _, _ = expert.gru.gates(stream[0], begins[0], before[0])
    return {"update": np.array(update), "reset": np.array(reset)}


def _no_attention(time):
    return {
        "attention": np.zeros((0, 0, time, time)),
        "decay": np.zeros(0),
        "thought": np.zeros((0, time)),
        "alpha": np.zeros(0),
    }


def _no_gates(time):
    return {"update": np.zeros((time, 0)), "reset": np.zeros((time, 0))}

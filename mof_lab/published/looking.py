"""What goes on inside the published model, for the views: one `Trace`, as of ours.

It is not causal, so what it thought of a character is what it computed when that one was the
last: each position is looked at from its own window, as in its chat.
"""

import numpy as np
import tensorflow as tf

from ..errors import LabError
from ..inspection import LONGEST, Trace, likeliest, surprisals, trace
from ..off import NOTHING
from ..vocabulary import BEGIN, SPECIAL_NAMES, UNKNOWN, UNKNOWN_CHARACTER
from .model import Published


@trace.register
def trace_published(model: Published, vocabulary, ids, off=NOTHING):
    """See `inspection.trace`; the lab's special ids are shown as the text they stand for."""
    off = off.checked(model.config)
    ids = np.asarray(ids, np.int32)
    if len(ids) and (ids.min() < 0 or ids.max() >= len(vocabulary) or BEGIN in ids[1:]):
        raise LabError("The ids are not one document in the published model's own vocabulary.")
    text, _ = model.window.nothing_read.prompt.text(ids)
    if not 1 <= len(text) <= LONGEST:
        raise LabError(
            f"The document has {len(text):,} characters, its prompt included; from 1 to "
            f"{LONGEST:,} can be traced; give a part of it."
        )
    numbers = np.array(vocabulary.number(text), np.int32)
    notes = _look(model, numbers, off)
    logits, alone = (model.window.renumbered(notes.pop(name)) for name in ("logits", "alone"))
    known = numbers != vocabulary.numbers[UNKNOWN_CHARACTER]
    ids = np.where(known, numbers + len(SPECIAL_NAMES), UNKNOWN)
    alone = np.moveaxis(np.asarray(alone), 1, 0)  # (experts, time, vocabulary)
    blocks = model.transformer_expert.blocks
    return Trace(
        symbols=[vocabulary.symbol(i) for i in ids],
        ids=ids,
        experts=model.config.experts,
        surprisal=surprisals(logits, ids),
        top=likeliest(logits, vocabulary),
        expert_surprisal=np.stack([surprisals(one, ids) for one in alone], axis=-1),
        logits=np.asarray(logits),
        expert_logits=alone,
        attention=_attention(model, len(ids)),
        decay=np.ones(model.config.num_heads),
        alpha=np.array([float(block.alpha[0]) for block in blocks]),
        thought=notes.pop("thought").T,
        **notes,
    )


def _look(model, numbers, off):
    """What is noted at each character, by name: arrays (time, …)."""
    window, gru = model.window, model.gru_expert.gru
    reading, notes = window.nothing_read, []
    for number in numbers:
        reading = window.read(reading, [number])
        outputs = window.outputs(reading, off)
        mixed = tf.linalg.matvec(outputs["experts"], outputs["router_weights"], transpose_a=True)
        last, before = reading.streams[-1][reading.row], reading.before[reading.row]
        update, reset, _, _ = gru.gates(last[None], [False], before[None])
        notes.append(
            {
                "router_weights": outputs["router_weights"],
                "thought": outputs["thought"],
                "logits": model.head(mixed[None])[0],
                "alone": model.head(outputs["experts"]),
                "update": update[0],
                "reset": reset[0],
            }
        )
    return {name: np.stack([note[name] for note in notes]) for name in notes[0]}


def _attention(model, time):
    """What the sum over the window is as weights: the same for all it sees, in every head."""
    config = model.config
    sees = min(config.context_length, config.window)
    distance = np.arange(time)[:, None] - np.arange(time)[None, :]
    weights = ((distance >= 0) & (distance < sees)).astype(float)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.broadcast_to(weights, (config.num_layers, config.num_heads, time, time))

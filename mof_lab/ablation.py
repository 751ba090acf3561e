"""A model with parts switched off. No weight changes: the parts are left out on the way.

off = Off(heads={(1, 0)}, thoughts={0}, experts={"gru"})
inspection.trace(model, vocabulary, ids, off)
"""

import numpy as np
import tensorflow as tf

from .experts import TransformerExpert
from .off import NOTHING, Off

__all__ = ["NOTHING", "Off", "run_expert", "weights_without"]


def weights_without(weights, experts, off):
    """Router weights (…, experts) with 0 for those switched off; they still sum to 1.

    Args:
        experts: names, in the order of the weights.
    """
    if not off.experts:
        return weights
    kept = tf.constant([0.0 if name in off.experts else 1.0 for name in experts])
    # A floor: a router that trusts one expert alone has nothing to share out without it.
    weights = tf.maximum(weights, 1e-9) * kept
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)


def run_expert(expert, stream, begins, state, off, note=None):
    """The parallel form of an expert with parts switched off: (batch, time, output_dim).

    Args:
        note: for the transformer's blocks, called with (what its attention reads, the stream its
            thought is added to, that thought), each (batch, time, embedding_dim).
    """
    if not isinstance(expert, TransformerExpert):
        return expert(stream, begins, state)[0]
    x = expert._place(stream, tf.range(stream.shape[1])[None])
    for index, (block, block_state) in enumerate(zip(expert.blocks, state["blocks"], strict=True)):
        x = _run_block(index, block, x, begins, block_state, off, note)
    return expert.norm(expert.projection(x))


def _run_block(index, block, x, begins, state, off, note):
    attention = block.attention
    kept = [0.0 if (index, h) in off.heads else 1.0 for h in range(attention.num_heads)]
    mask = np.repeat(np.float32(kept), x.shape[-1] // attention.num_heads)  # (embedding_dim,)
    read = []

    def attend(x, begins, state):
        read.append(x)
        looked, state = attention(x, begins, state)
        return looked * mask, state

    def think(x, begins, state):
        thought, state = block.thought(x, begins, state)
        if index in off.thoughts:
            thought = tf.zeros_like(thought)
        if note is not None:
            note(read[0], x, thought)
        return thought, state

    return block._forward(x, begins, state, attend, think, False)[0]

"""The experts, and the protocol a new one follows.

An expert is a Keras layer that reads the stem's output and gives a vector a position:

    expert = Expert(config, output_dim)
    outputs, state = expert(x, begins, state, training)   # x: (batch, time, embedding_dim)
    output, state = expert.step(x, begins, state)         # x: (batch, embedding_dim)
    state = expert.initial_state(batch)

Outputs are (batch, time, output_dim), normed. Both forms agree at every position and forget
where a document begins. Register the class with `@expert("name")` and put the name into
`ModelConfig.experts`: router, trainer, chat and views take it from there. One class may be
registered under several names.

What is registered in a notebook is known to that kernel alone. An expert in a file is known
wherever it is needed: `use_file("my_expert.py")`, or MOF_LAB_EXPERTS=my_expert.py for a command.
"""

import importlib.util
import os
import sys
from pathlib import Path

import keras
import tensorflow as tf

from .errors import LabError
from .layers import GRU, Dropout, LayerNorm, TransformerBlock

EXPERTS = {}
#: The environment variable with the files of `use_file`; a process started from here has it too.
FILES = "MOF_LAB_EXPERTS"


def expert(name):
    """Class decorator: makes an expert known under a name.

    Raises:
        LabError: the name is one of the lab's own, which every other process would take.
    """

    def register(cls):
        if name in EXPERTS and EXPERTS[name].__module__ == __name__ != cls.__module__:
            raise LabError(f"{name!r} is an expert of the lab; choose another name for yours.")
        EXPERTS[name] = cls
        return cls

    return register


def make_expert(name, config, output_dim):
    """The expert of that name, as a new layer."""
    if name not in EXPERTS:
        for path in filter(None, os.environ.get(FILES, "").split(os.pathsep)):
            use_file(path)
    if name not in EXPERTS:
        raise LabError(
            f"There is no expert {name!r}; known ones are {', '.join(EXPERTS)}. "
            f"Register yours with @expert(name), in a file that {FILES} names if a command or a "
            "process of its own needs it."
        )
    return EXPERTS[name](config, output_dim, name=name)


def use_file(path):
    """Runs a Python file that registers experts, here and in every process started from here.

    Raises:
        LabError: it can't be run.
    """
    path = Path(path).absolute()
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    try:
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    except Exception as error:  # whatever somebody's file does
        raise LabError(
            f"The experts in {path} can't be used ({type(error).__name__}: {error}); expected a "
            "Python file with classes registered by @expert(name)."
        ) from error
    files = [p for p in os.environ.get(FILES, "").split(os.pathsep) if p and Path(p) != path]
    os.environ[FILES] = os.pathsep.join([*files, str(path)])


@expert("gru")
class GRUExpert(keras.layers.Layer):
    """Wide and shallow: one GRU over the whole history, meant for long context."""

    def __init__(self, config, output_dim, **kwargs):
        super().__init__(**kwargs)
        self.drop = Dropout(config.dropout)
        self.gru = GRU(config.gru_units, name="gru")
        # The article's GRU is as wide as the mixture; a narrower mixture needs a projection.
        needs_projection = config.gru_units != output_dim
        self.projection = keras.layers.Dense(output_dim, name="dense") if needs_projection else None
        self.norm = LayerNorm(name="norm")
        self.output_dim = output_dim

    def build(self, shape):
        self.gru.build(shape)
        if self.projection is not None:
            self.projection.build((*shape[:-1], self.gru.units))
        self.norm.build((*shape[:-1], self.output_dim))

    def initial_state(self, batch):
        return self.gru.initial_state(batch)

    def call(self, x, begins, state, training=False):
        hiddens, state = self.gru(self.drop(x, training=training), begins, state)
        return self._finish(hiddens), state

    def step(self, x, begins, state):
        hidden, state = self.gru.step(x, begins, state)
        return self._finish(hidden), state

    def _finish(self, hidden):
        return self.norm(hidden if self.projection is None else self.projection(hidden))


@expert("transformer")
class TransformerExpert(keras.layers.Layer):
    """Deep and narrow: blocks of linear attention with a thought space."""

    def __init__(self, config, output_dim, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [
            TransformerBlock(
                config.num_heads,
                config.ffn_multiplier,
                config.shortest_memory,
                config.longest_memory,
                config.feature_map,
                config.pre_norm,
                config.dropout,
                name=f"block_{i}",
            )
            for i in range(config.num_layers)
        ]
        self.positions = (
            keras.layers.Embedding(config.learned_positions, config.embedding_dim, name="positions")
            if config.learned_positions
            else None
        )
        self.projection = keras.layers.Dense(output_dim, name="projection")
        self.norm = LayerNorm(name="norm")
        self.output_dim = output_dim
        self.recompute = config.recompute

    def build(self, shape):
        for block in self.blocks:
            block.build(shape)
        if self.positions is not None:
            self.positions.build(shape)
        self.projection.build(shape)
        self.norm.build((*shape[:-1], self.output_dim))

    def initial_state(self, batch):
        blocks = [block.initial_state(batch) for block in self.blocks]
        return {"position": tf.zeros((batch,), tf.int32), "blocks": blocks}

    def call(self, x, begins, state, training=False):
        position = positions_in_document(begins, state["position"])
        x = self._place(x, position)
        states = []
        for block, block_state in zip(self.blocks, state["blocks"], strict=True):
            run = recomputing(block) if self.recompute and training else block
            x, block_state = run(x, begins, block_state, training=training)
            states.append(block_state)
        return self.norm(self.projection(x)), {"position": position[:, -1] + 1, "blocks": states}

    def step(self, x, begins, state):
        position = tf.where(begins, 0, state["position"])
        x = self._place(x, position)
        states = []
        for block, block_state in zip(self.blocks, state["blocks"], strict=True):
            x, block_state = block.step(x, begins, block_state)
            states.append(block_state)
        return self.norm(self.projection(x)), {"position": position + 1, "blocks": states}

    def _place(self, x, position):
        if self.positions is None:
            return x
        last = self.positions.input_dim - 1  # a longer text keeps the last position
        return x + self.positions(tf.minimum(position, last))


def recomputing(block):
    """The same block, but for its gradient it computes again what it would have kept.

    No gradient reaches the state it starts from: in training that is an empty history.
    """

    def run(x, begins, state, training):
        def forward(x):
            y, after = block(x, begins, state, training=training)
            return y, *tf.nest.flatten(after)

        y, *after = tf.recompute_grad(forward)(x)
        return y, tf.nest.pack_sequence_as(state, after)

    return run


def positions_in_document(begins, offset):
    """Characters since the document began, (batch, time), for a text that goes on at `offset`."""
    index = tf.range(tf.shape(begins)[1])[None, :]
    began = tf.where(begins, index, -1)
    began = tf.reduce_max(
        tf.where(index[:, :, None] >= index[:, None, :], began[:, None, :], -1), axis=-1
    )
    return tf.where(began >= 0, index - began, index + offset[:, None])

"""The experts, and the protocol a new one follows.

An expert is a Keras layer that reads the stem's output and gives a vector a position:

    expert = Expert(config, output_dim)
    outputs, state = expert(x, begins, state, training)   # x: (batch, time, embedding_dim)
    output, state = expert.step(x, begins, state)         # x: (batch, embedding_dim)
    state = expert.initial_state(batch)

Outputs are (batch, time, output_dim), normed. Both forms agree at every position and forget
where a document begins. `begins` is True there, (batch, time) or (batch,). The state is any nest
of tensors, bool ones too, each with the batch's axis; both forms give it back in the same
structure, shapes and types. `training` is given to `call` alone: a step never trains.

The lab makes the layer with `name=`, then calls `build((None, None, embedding_dim))` once, which
has to make every weight: it calls `build` of the sublayers too. These need no names: what Keras
numbers is counted anew in each expert. `proving.prove("name")` or `mof-lab expert my_expert.py`
checks the chief of this.

Register the class with `@expert("name")` and put the name into `ModelConfig.experts`: router,
trainer, chat and views take it from there. One class may be registered under several names.

What is registered in a notebook is known to that kernel alone. An expert in a file is known
wherever it is needed: `use_file("my_expert.py")`, or MOF_LAB_EXPERTS=my_expert.py for a command;
`mof-lab train --expert-file my_expert.py` trains a preset with it.
"""

import collections
import contextlib
import difflib
import importlib.util
import os
import sys
from pathlib import Path

import keras
import tensorflow as tf
from keras.src.backend.common import global_state

from .errors import LabError
from .kernels import shape_of
from .layers import GRU, Dropout, LayerNorm, TransformerBlock

EXPERTS = {}
#: The environment variable with the files of `use_file`; a process started from here has it too.
FILES = "MOF_LAB_EXPERTS"


#: Which file registered a name.
_ORIGIN = {}
#: The files that run, the innermost last, each with the names that it registered so far.
_RUNNING = []


def expert(name):
    """Class decorator: makes an expert known under a name.

    Raises:
        LabError: the class lacks a part of the protocol, or the name is taken: by the lab, whose
            class every other process would take, or by another file.
    """
    if not isinstance(name, str):
        raise LabError(
            f'@expert needs a name; write @expert("name") above {getattr(name, "__name__", name)}.'
        )

    def register(cls):
        lacks = [each for each in ("call", "step", "initial_state") if not _has(cls, each)]
        if lacks:
            raise LabError(
                f"{cls.__name__} has no {' and no '.join(lacks)}; an expert is a Keras layer with "
                "call, step and initial_state, as mof_lab/experts.py says."
            )
        if name in EXPERTS and EXPERTS[name].__module__ == __name__ != cls.__module__:
            raise LabError(f"{name!r} is an expert of the lab; choose another name for yours.")
        path, names = _RUNNING[-1] if _RUNNING else (None, [])
        before = _ORIGIN.get(name) if name in EXPERTS else None
        if path and before and before != path and before.exists():
            raise LabError(
                f"{name!r} in {path} is registered by {before} already; choose another name, or "
                f"restart Python and use {path.name} alone."
            )
        EXPERTS[name], _ORIGIN[name] = cls, path
        names.append(name)
        return cls

    return register


def _has(cls, method):
    found = getattr(cls, method, None)
    return callable(found) and found is not getattr(keras.layers.Layer, method, None)


def is_own(name):
    """Is it somebody's own class, not one of the lab's?"""
    return name in EXPERTS and EXPERTS[name].__module__ != __name__


def find(name):
    """The class of that name; the files that `FILES` names are run where it is not known yet.

    Raises:
        LabError: there is none.
    """
    if name not in EXPERTS:
        for path in filter(None, os.environ.get(FILES, "").split(os.pathsep)):
            use_file(path)
    if name not in EXPERTS:
        near = difflib.get_close_matches(name, EXPERTS, 1)
        meant = f"did you mean {near[0]}? Known" if near else "known"
        raise LabError(
            f"There is no expert {name!r}; {meant} ones are {', '.join(EXPERTS)}. "
            "Register yours with @expert(name); a command or a process of its own finds it in a "
            f"file that --expert-file or {FILES} names."
        )
    return EXPERTS[name]


def make_expert(name, config, output_dim):
    """The expert of that name, as a new layer; `build` makes its weights."""
    cls, counts = find(name), collections.defaultdict(int)
    with _counting(counts):
        layer = cls(config, output_dim, name=name)
    vars(layer)["_counts"] = counts  # past Keras, which would track it
    return layer


def build(layer, shape):
    """Makes the weights of an expert that `make_expert` made, for inputs of that shape."""
    with _counting(vars(layer)["_counts"]):
        layer.build(shape)


@contextlib.contextmanager
def _counting(counts):
    """Keras numbers layers without a name by how many this process has made; an expert's weights
    are saved under these names, so that in here it counts the expert's own alone."""
    before = global_state.get_global_attribute("object_name_uids")
    global_state.set_global_attribute("object_name_uids", counts)
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", before)


def use_file(path):
    """Runs a Python file that registers experts, here and in every process started from here.

    Returns:
        the names that it registered.

    Raises:
        LabError: it can't be run, or registers nothing.
    """
    path = Path(path).resolve()
    if path.is_dir() or (path.exists() and path.suffix != ".py"):
        raise LabError(f"{path} holds no experts; expected a .py file.")
    if not path.exists():
        raise LabError(f"There is no file {path}; expected one with classes under @expert(name).")
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    names = []
    _RUNNING.append((path, names))
    try:
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    except LabError:
        raise
    except Exception as error:  # whatever somebody's file does
        raise LabError(
            f"The experts in {path} can't be used ({type(error).__name__}: {error}); expected a "
            "Python file with classes registered by @expert(name)."
        ) from error
    finally:
        _RUNNING.pop()
    if not names:
        raise LabError(f'{path} registers no expert; write @expert("name") above its class.')
    files = [Path(p).resolve() for p in os.environ.get(FILES, "").split(os.pathsep) if p]
    files = dict.fromkeys(str(each) for each in (*files, path) if each.is_file())
    os.environ[FILES] = os.pathsep.join(files)
    return names


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
    index = tf.range(shape_of(begins)[1])[None, :]
    began = tf.where(begins, index, -1)
    began = tf.reduce_max(
        tf.where(index[:, :, None] >= index[:, None, :], began[:, None, :], -1), axis=-1
    )
    return tf.where(began >= 0, index - began, index + offset[:, None])

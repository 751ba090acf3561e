"""Reading the published weights: a TensorFlow checkpoint by the names of its object graph."""

import re
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..errors import LabError
from ..files import path_of
from ..sizes import in_a_thread, without_values
from .configuration import configuration_of
from .model import Published
from .vocabulary import PublishedVocabulary

STEM, MIXTURE = "layer_with_weights-0", "layer_with_weights-1"
VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
#: Of the files of a checkpoint.
ENDING = re.compile(r"\.(index|data-\d+-of-\d+)$")
#: In the file `checkpoint` of a folder.
NEWEST = re.compile(r'^model_checkpoint_path: "(.*)"', re.MULTILINE)
#: What TensorFlow takes for a pattern in a path.
PATTERN = re.compile(r"[][*?{}]")
#: What TensorFlow raises where the files are not what they were.
DAMAGED = (tf.errors.OpError, IndexError, ValueError, RuntimeError)


def load(checkpoint_dir, vocabulary_file, configuration):
    """A published model with its weights.

    Args:
        checkpoint_dir: a folder with a TensorFlow checkpoint, `….index` and `….data-…`; or one
            checkpoint of it, by either file or as TensorFlow names it, without an ending.
        vocabulary_file: a Python list of strings, in a text file; it is read, never run.
        configuration: a name such as `t6_beta_dense` (see `CONFIGURATIONS`), or a dict with the
            fields of a `PublishedConfig`, or the path of a `.json` file with them. Its `window`
            and `num_heads` are taken on trust: no weight has a shape that tells.

    Returns:
        a `Published`, with its `vocabulary`.
    """
    vocabulary = PublishedVocabulary.load(vocabulary_file)
    config = configuration_of(configuration, len(vocabulary.characters))
    path = _find(path_of(checkpoint_dir, "folder of the checkpoint"))
    reader, there = _open(path)
    if not there:
        raise LabError(
            f"The checkpoint {path} holds no weights of a published T6 model, whose names begin "
            f"with {STEM}; give the one that was published."
        )
    if config.num_layers > len(there):  # to make so many may take for ever
        raise LabError(
            f"The checkpoint {path} has {len(there):,} weights, too few for num_layers "
            f"{config.num_layers:,}; choose the configuration that belongs to it."
        )
    _compare(path, there, shapes(config))
    model = in_a_thread(lambda: _undrawn(config, vocabulary))
    for place, variable in places(model).items():
        variable.assign(_array(path, reader, place))
    return model


def shapes(config):
    """The shape of each weight by its name in the published checkpoint; none is allocated."""

    variables = places(without_values(lambda: Published(config)))
    return {place: tuple(variable.shape) for place, variable in variables.items()}


def _undrawn(config, vocabulary):
    """A model of zeros: to draw weights that are not kept would take seconds."""
    with keras.StatelessScope():  # at its end its variables get their first values
        model = Published(config, vocabulary)
        for variable in places(model).values():
            variable._initializer = keras.initializers.Zeros()
    return model


def places(model):
    """Each variable of a `Published` by its name in the published checkpoint."""
    experts, transformer = f"{MIXTURE}/experts", model.transformer_expert
    layers = {
        f"{STEM}/token_emb": model.stem.embedding,
        f"{STEM}/lstm1/cell": model.stem.gru,
        f"{STEM}/dense": model.stem.dense,
        f"{STEM}/bn": model.stem.norm,
        f"{experts}/0/context_encoders/0/cell": model.gru_expert.gru,
        f"{experts}/0/lnl": model.gru_expert.norm,
        f"{experts}/1/position_embedding/position_embedding": transformer.positions,
        f"{experts}/1/dense": transformer.dense,
        f"{MIXTURE}/expert_norms/0": model.expert_norms[0],
        f"{MIXTURE}/expert_norms/1": model.expert_norms[1],
        f"{MIXTURE}/router_gru/cell": model.router_gru,
        f"{MIXTURE}/router_gru_norm": model.router_norm,
        f"{MIXTURE}/router_dense": model.router_dense,
        f"{MIXTURE}/combined_norm": model.mixture_norm,
        f"{MIXTURE}/next_token_predictor": model.output_dense,
    }
    found = {}
    for i, block in enumerate(transformer.blocks):
        place = f"{experts}/1/transformer_blocks/{i}"
        found[f"{place}/alpha"] = block.alpha
        layers |= {
            f"{place}/lmha/query_dense": block.attention.query,
            f"{place}/lmha/key_dense": block.attention.key,
            f"{place}/lmha/value_dense": block.attention.value,
            f"{place}/lmha/combine_heads": block.attention.combine,
            f"{place}/attn_dense": block.attention_dense,
            f"{place}/layernorm1": block.attention_norm,
            f"{place}/thought_processor/layer_with_weights-0": block.thought_inner,
            f"{place}/thought_processor/layer_with_weights-1": block.thought_outer,
            f"{place}/ffn/layer_with_weights-0": block.ffn_inner,
            f"{place}/ffn/layer_with_weights-1": block.ffn_outer,
            f"{place}/layernorm2": block.ffn_norm,
        }
    for place, layer in layers.items():
        found |= {f"{place}/{variable.name}": variable for variable in layer.variables}
    return found


def _find(folder):
    """The path of a checkpoint without its ending; in a folder it is the newest."""
    if not folder.is_dir():
        prefix = ENDING.sub("", str(folder))
        if Path(f"{prefix}.index").exists():
            return Path(prefix)
    found = sorted(path.with_suffix("") for path in folder.glob("*.index"))
    if not found:
        raise LabError(
            f"There is no checkpoint in {folder}; expected the files ….index and "
            "….data-00000-of-00001, as TensorFlow saves weights."
        )
    if len(found) == 1:
        return found[0]
    newest = [path for path in found if path.name == _noted(folder)]
    if not newest:
        names = ", ".join(path.name for path in found[:5]) + (", …" if len(found) > 5 else "")
        raise LabError(
            f"There are several checkpoints in {folder}: {names}; give the path of one of them."
        )
    return newest[0]


def _noted(folder):
    """The name of the newest checkpoint, as TensorFlow noted it, perhaps on another machine."""
    try:
        note = (folder / "checkpoint").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    newest = NEWEST.search(note)
    return newest and re.split(r"[/\\]", newest[1])[-1]


def _open(path):
    """A reader of a checkpoint, and the shape of each of its arrays by its place."""
    try:
        reader = tf.train.load_checkpoint(str(path))
        there = {
            name.removesuffix(VALUE): tuple(shape)
            for name, shape in reader.get_variable_to_shape_map().items()
            if name.startswith((STEM, MIXTURE)) and name.endswith(VALUE)
            if ".OPTIMIZER_SLOT" not in name
        }
    except DAMAGED:
        raise _damaged(path) from None
    return reader, there


def _array(path, reader, place):
    """An array of a checkpoint by its place."""
    try:
        array = reader.get_tensor(place + VALUE)
    except DAMAGED:
        raise _damaged(path) from None
    if array.dtype != np.float32:
        raise LabError(
            f"{place} in the checkpoint {path} holds {array.dtype.name}; expected float32, as it "
            "was published."
        )
    if not np.isfinite(array).all():
        raise LabError(
            f"{place} in the checkpoint {path} holds numbers that are not finite; copy its files "
            "anew."
        )
    return array


def _damaged(path):
    if PATTERN.search(str(path)):
        return LabError(
            f"TensorFlow can't open the checkpoint {path}: it takes [ ] * ? {{ }} in a path for a "
            "pattern; name folder and file without them."
        )
    return LabError(f"The checkpoint {path} is damaged or incomplete; copy its files anew.")


def _compare(path, there, wanted):
    """Says what in a checkpoint does not fit the configuration."""
    missing, left = wanted.keys() - there.keys(), there.keys() - wanted.keys()
    wrong = [place for place in wanted if there.get(place, wanted[place]) != wanted[place]]
    if missing:
        problem = f"lacks {min(missing)} ({len(missing)} of {len(wanted)} weights are missing)"
    elif left:
        problem = f"also has {min(left)} ({len(left)} weights too many)"
    elif wrong:
        place = wrong[0]
        problem = f"has {place} in the shape {there[place]} where {wanted[place]} is expected"
    else:
        return
    raise LabError(
        f"The checkpoint {path} {problem}; choose the configuration and the vocabulary file that "
        "belong to it."
    )

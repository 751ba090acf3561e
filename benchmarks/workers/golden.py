"""The published package computes: the parts of a small model with weights from a seed."""

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from xiaothink.llm.inference import build_model as published

from ..seeded import case, weight
from ..worker import serve

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


def compute(number, path):
    """Saves tokens and parts of a case as `path`: {"config", "shapes"}.

    `shapes` has each weight's name in the package's own checkpoint.
    """
    config, texts = case(number)
    model = build(config)
    shapes = fill(model)
    arrays = {}
    for name, tokens in texts.items():
        arrays[f"{name}_tokens"] = tokens
        for part, value in parts(model, tokens, config["window"]).items():
            arrays[f"{name}_{part}"] = value.numpy()
    np.savez_compressed(path, **arrays)
    return {"config": config, "shapes": shapes}


def build(config):
    """The package's model in sizes that none of its own has."""
    sizes = {
        "rnn_units": config["gru_units"],
        "router_units": config["router_units"],
        "n_layer": 1,
        "embed_q": 0.4,
        "trans_layers": config["num_layers"],
        "num_heads": config["num_heads"],
        "dff_factor": config["ffn_multiplier"],
        "trans_window": config["window"],
        "all_maxlen": config["max_length"],
    }
    model = published.build_model(
        config["vocab_size"], config["embedding_dim"], sizes, batch_size=1, mt="t6_tiny", window=128
    )
    model(tf.zeros((1, 2), tf.int32))
    return model


def fill(model):
    """Gives a model its seeded weights; returns their shapes by their names in a checkpoint."""
    for i, variable in enumerate(model.variables):  # to see which one gets which name
        variable.assign(tf.fill(variable.shape, float(i)))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "t6")
        model.save_weights(path)
        reader = tf.train.load_checkpoint(path)
        names = [n for n in reader.get_variable_to_shape_map() if n.startswith("layer_with")]
        order = {n: int(reader.get_tensor(n).flat[0]) for n in names}
    for name, i in order.items():
        variable = model.variables[i]
        variable.assign(weight(name.removesuffix(VALUE), variable.shape))
    return {n.removesuffix(VALUE): model.variables[i].shape.as_list() for n, i in order.items()}


def parts(model, tokens, window):
    """What each part gives, under the reference's names."""
    _, stem, mixture = model.layers
    embedded = stem(tokens)
    block = mixture.experts[1].transformer_blocks[0]
    return {
        "embedded": embedded,
        "router_weights": mixture.router(embedded),
        "gru_expert": mixture.experts[0](embedded),
        "transformer_expert": mixture.experts[1](embedded),
        "logits": model(tokens),
        "attention_block0": block.lmha(embedded[:, -window:]),
    }


if __name__ == "__main__":
    serve({"compute": compute})

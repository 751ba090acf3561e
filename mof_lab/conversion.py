"""From a MoF to a LiteRT file: two signatures, built-in operations only, checked before it counts.

    step      tokens (1, 1), forced (1, experts), state…  →  logits, router_weights, state…
    prefill   the same for tokens (1, PIECE); logits and router weights are the last position's

Each leaf of the model's state is an input and an output of its own. `forced` is the blend of the
experts, all zeros for the router's. Only the parts that LiteRT lacks are put differently here:
a GRU over a window (its loop writes an array of arrays) and, for int8, lookup tables.
"""

import json
import tempfile
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from . import checkpoint, litert
from .errors import LabError
from .files import write_atomically
from .generation import Decoder, Sampling
from .layers import GRU
from .quantization import quantize
from .vocabulary import ASSISTANT, BEGIN, END, USER

#: Characters that `prefill` reads at once; the rest of a prompt is read by `step`.
PIECE = 32
#: Most bits a character by which the export may differ from its checkpoint.
TOLERANCE = {"int8": 0.05, "fp32": 1e-5}
#: Characters that both write and read for the comparison.
COMPARED = 256


def convert(directory, out, precision, tell):
    """What `export.export` does, in this process."""
    tell(f"Reading {directory} …")
    model, _, meta = checkpoint.load(directory)
    count = model.count_params()
    tell(f"Converting {count:,} parameters to {precision} …")
    try:
        content = to_litert(model, precision)
    except Exception as error:  # of the converter, which has many
        raise LabError(
            f"LiteRT has no form of this model ({litert.first_line(error)}); an expert of your own "
            "may use an operation that it lacks."
        ) from error
    least = 0.9 * count * np.dtype({"int8": np.int8, "fp32": np.float32}[precision]).itemsize
    if len(content) < least:
        raise LabError(
            f"The converted model has {len(content):,} bytes and should have {least:,.0f} or more; "
            "nothing was written. Install the versions of constraints.txt and export again."
        )
    tell("Comparing it with the checkpoint …")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / litert.FILE
        path.write_bytes(content)
        near = compare(litert.Model(path, model.config), checkpoint.load(directory)[0])
    if not near["bits"] <= TOLERANCE[precision]:
        raise LabError(
            f"The converted model is {near['bits']:.3f} bits a character away from the checkpoint; "
            f"at most {TOLERANCE[precision]} are allowed, so nothing was written."
        )
    card = {
        "format": litert.FORMAT,
        "weights": meta["files"]["model"]["sha256"],
        "precision": precision,
        "bytes": len(content),
        "difference": near,
        "versions": {p: version(p) for p in ("mof-lab", "keras", "ai-edge-litert")},
        "saved": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write(out, content, card, meta)
    return card


def to_litert(model, precision):
    """The bytes of a `.tflite` file. Takes the model apart: it is of no use afterwards."""
    for layer in model._flatten_layers():
        if isinstance(layer, GRU):
            layer.call = partial(_by_steps, layer)
        elif isinstance(layer, keras.layers.Embedding) and precision == "int8":
            _in_int8_rows(layer)
    archive = keras.export.ExportArchive()
    archive.track(model)
    forms = {"step": (1, lambda tokens, *rest: model.step(tokens[:, 0], *rest))}
    forms["prefill"] = (PIECE, model.prefill)
    for name, (length, form) in forms.items():
        archive.add_endpoint(name, *_signature(model, form, length))
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(forms))
        if precision == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return converter.convert()


def _signature(model, form, length):
    """A function of named tensors, the state among them, and what it takes."""
    state = model.initial_state()
    leaves = {"_".join(map(str, at)): x for at, x in keras.tree.flatten_with_path(state)}
    specs = {name: tf.TensorSpec(x.shape, x.dtype, name) for name, x in leaves.items()}
    specs["tokens"] = tf.TensorSpec((1, length), tf.int32, "tokens")
    specs["forced"] = tf.TensorSpec((1, len(model.experts)), tf.float32, "forced")

    def run(inputs):
        before = keras.tree.pack_sequence_as(state, [inputs[name] for name in leaves])
        out = form(inputs["tokens"], before, None, inputs["forced"])
        after = dict(zip(leaves, keras.tree.flatten(out["state"]), strict=True))
        return {"logits": out["logits"], "router_weights": out["router_weights"], **after}

    return run, [specs]


def _by_steps(gru, x, begins, state):
    """`GRU.call` as a loop over `GRU.step`, in operations of fixed shapes."""

    def step(t, hiddens, state):
        hidden, state = gru.step(tf.gather(x, t, axis=1), tf.gather(begins, t, axis=1), state)
        return t + 1, tf.concat([hiddens[:, 1:], hidden[:, None]], axis=1), state

    hiddens = tf.zeros((1, x.shape[1], gru.units))  # moves on by one position a step
    _, hiddens, state = tf.while_loop(
        lambda t, *_: t < x.shape[1], step, (tf.constant(0), hiddens, state)
    )
    return hiddens, state


def _in_int8_rows(embedding):
    """Keeps a lookup table as int8 with a scale for each row.

    The converter gives a table one scale, which is too coarse: on held-out text, 1.9 % of the most
    probable characters of `tiny` become others, with a scale a row 1.2 %. A head that is tied to
    the table reads the variable; converted, it has the same int8 rows, and the file holds them
    once.
    """
    rows, scale = quantize(embedding.embeddings.numpy())
    embedding.embeddings.assign(rows * scale)
    rows, scale = tf.constant(rows), tf.constant(scale)

    def look_up(ids):
        # gather_nd, because the converter would make the scales of a gather int8 too.
        return tf.cast(tf.gather(rows, ids), tf.float32) * tf.gather_nd(scale, ids[..., None])

    embedding.call = look_up


def compare(exported, model):
    """How near an export is to its model, on a dialogue that the export itself makes up.

    Returns:
        `bits`: the mean divergence KL(model ‖ export) of a character, in bits, read by steps or
        by pieces, whichever is larger; `same`: for how large a share of the characters both
        find the same one the most probable.
    """
    decoder = Decoder(exported)
    ids, seed = [], 0
    while len(ids) < COMPARED:
        for mark in ((BEGIN, USER), (END, ASSISTANT)):
            decoder.read(mark)
            drawn = decoder.write(Sampling(1.0, top_p=1.0, seed=seed), 40)
            ids += [*mark, *(character.token for character in drawn)]
            seed += 1
    ids = ids[:COMPARED]
    expected = model(tf.constant([ids]))["logits"][0].numpy()
    decoder.reset()
    by_steps = np.stack([decoder.read([token]) for token in ids])
    decoder.reset()
    pieces = range(0, COMPARED, PIECE)
    by_pieces = np.stack([decoder.read(ids[at : at + PIECE]) for at in pieces])
    return {
        "bits": max(
            _divergence(expected, by_steps), _divergence(expected[PIECE - 1 :: PIECE], by_pieces)
        ),
        "same": float((expected.argmax(-1) == by_steps.argmax(-1)).mean()),
    }


def _divergence(logits, others):
    """Mean KL(softmax(logits) ‖ softmax(others)) over rows, in bits."""
    one, other = (x - np.logaddexp.reduce(x, -1, keepdims=True) for x in (logits, others))
    return float((np.exp(one) * (one - other)).sum(-1).mean() / np.log(2))


def write(out, content, card, meta):
    """Both files, each whole or not at all; `litert` notices when only the first was replaced."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not (out / "meta.json").exists():
            text = json.dumps(meta, ensure_ascii=False, indent=1)
            write_atomically(out / "meta.json", text.encode("utf-8"))
        write_atomically(out / litert.FILE, content)
        card["sha256"] = litert.checksum(out / litert.FILE)
        text = json.dumps(card, indent=1)
        write_atomically(out / litert.CARD, text.encode("utf-8"))
    except OSError as error:
        raise LabError(
            f"The export could not be saved in {out}: {error.strerror}. "
            "Free some space or choose another folder."
        ) from None

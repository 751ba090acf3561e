"""The LiteRT form of a checkpoint: a quarter of its size, and answers without TensorFlow.

    card = export("runs/tiny/chat")     # writes model.tflite and export.json beside the weights

`litert` runs what is written here, `conversion` does the work, in a process of its own: a
converter does not give its memory back.
"""

import importlib.util
from pathlib import Path

from . import checkpoint, processes
from .errors import LabError

PRECISIONS = ("int8", "fp32")


def export(checkpoint_dir, out=None, quantize="int8", tell=print):
    """Converts a checkpoint, compares the result with it, and only then writes.

    Args:
        checkpoint_dir: the checkpoint's folder.
        out: the folder to write to, which then chats without the weights; the checkpoint's own
            when None.
        quantize: "int8": matrices and tables in 8 bits, inputs of a matrix product too, while it
            is computed (dynamic range). "fp32": as they are.
        tell: called with a sentence at the start of each part.

    Returns:
        the content of `export.json`.
    """
    if quantize not in PRECISIONS:
        raise LabError(f"quantize is {quantize!r}; expected {' or '.join(PRECISIONS)}.")
    if importlib.util.find_spec("ai_edge_litert") is None:
        raise LabError("LiteRT is not installed; install it with `pip install ai-edge-litert`.")
    directory = Path(checkpoint_dir)
    weights = _weights(directory)  # says what is wrong before a process starts
    out = directory if out is None else Path(out)
    if (out / "meta.json").exists() and _weights(out) != weights:
        raise LabError(f"{out} belongs to another checkpoint; choose another folder.")
    card, _ = processes.call(_convert, directory, out, quantize, show=tell)
    return card


def _weights(directory):
    return checkpoint.read_meta(directory)["files"]["model"]["sha256"]


def _convert(send, directory, out, precision):
    from .conversion import convert  # TensorFlow is slow to import

    return convert(directory, out, precision, send)

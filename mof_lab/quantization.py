"""Dynamic-range quantisation by hand, to look at what an export does to a model.

    codes, scale = quantize(matrix)       # matrix ≈ codes · scale: int8, and a scale a row

`kernels` names the matrices that the converter puts into int8, `stored` reads what a .tflite file
holds, `answering_peaks` measures the memory of answering. Written for notebook 12; `conversion`
makes the lookup tables of an export with it.
"""

from pathlib import Path

import numpy as np

from .checkpoint import read_meta
from .errors import LabError
from .litert import FILE, read_card
from .memory import peak_memory
from .processes import call

#: The converter leaves a smaller matrix as it is, numbers.
SMALLEST = 1024
PROGRAMS = "Keras", "LiteRT"


def quantize(matrix, bits=8):
    """Whole numbers and a scale for each row, so that `codes * scale` comes near the matrix.

    Args:
        matrix: (rows, columns); a row is what one output is computed from.
        bits: of a code, 2 to 8; the largest of a row becomes 2 ** (bits - 1) - 1, and nothing is
            shifted.

    Returns:
        codes (rows, columns) int8, scale (rows, 1) in the precision of the matrix.
    """
    if bits not in range(2, 9):
        raise LabError(f"bits is {bits!r}; expected a whole number from 2 to 8.")
    largest = 2 ** (bits - 1) - 1
    scale = np.maximum(np.abs(matrix).max(axis=1, keepdims=True), 1e-9) / largest
    return np.round(matrix / scale).astype(np.int8), scale


def kernels(model):
    """The variables of a `MoF` that an int8 export holds in int8, by path.

    Tables and matrices; biases, norms and what is small stay as they are.
    """
    found = {variable.path: variable for variable in model.weights if len(variable.shape) == 2}
    return {
        path: variable
        for path, variable in found.items()
        if path.endswith(("kernel", "embeddings")) and np.prod(variable.shape) >= SMALLEST
    }


def rows_of(variable):
    """A kernel with a row an output, as the converter divides it; a table as `conversion` does."""
    values = np.asarray(variable.value)
    if variable.path.endswith("embeddings"):
        return values
    return values.T.astype(np.float64)  # (outputs, inputs); the converter computes in doubles


def rounded(variable, bits=8):
    """What is left of a kernel or a table after int8, in its own shape."""
    codes, scale = quantize(rows_of(variable), bits)
    values = (codes * scale).astype(np.float32)
    return values if variable.path.endswith("embeddings") else values.T


def stored(path):
    """The constants of a .tflite file, each once.

    Returns:
        a list of (codes, scale): codes are an array in its own type; scale is (rows,) where the
        file keeps one with it, else None.
    """
    from ai_edge_litert import schema_py_generated as schema  # not for every system

    model = schema.ModelT.InitFromPackedBuf(Path(path).read_bytes(), 0)
    types = {number: name.lower() for name, number in vars(schema.TensorType).items()}
    found = {}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            if data is None or not len(data):
                continue
            codes = np.asarray(data, np.uint8).view(types[tensor.type]).reshape(tensor.shape)
            scale = None if tensor.quantization is None else tensor.quantization.scale
            if scale is not None or tensor.buffer not in found:  # a tied table is used twice
                found[tensor.buffer] = codes, scale
    return list(found.values())


def answering_peaks(directory, text, programs=PROGRAMS):
    """The most memory that answering takes, each program in a fresh process of its own.

    Args:
        directory: a checkpoint with its export beside it.
        text: what is said to it.
        programs: those of `PROGRAMS` to measure.

    Returns:
        {"Keras": bytes, "LiteRT": bytes}, libraries included.
    """
    if read_card(directory, read_meta(directory)) is None:  # it says what is wrong with one
        raise LabError(f"There is no export in {directory}; `mof-lab export` makes one.")
    return {name: call(_answer, directory, text, name)[0] for name in programs}


def _answer(send, directory, text, program):
    from . import checkpoint, litert
    from .chat import ChatSession

    config, vocabulary, _ = checkpoint.describe(directory)
    if program == "LiteRT":
        model = litert.Model(Path(directory) / FILE, config)
    else:
        model = checkpoint.load(directory)[0]
    ChatSession(model, vocabulary).chat(text, max_length=60, seed=1)
    return peak_memory()

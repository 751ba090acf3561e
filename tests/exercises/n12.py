"""Notebook 12: what its exercises stand on, and wrong answers to them."""

import numpy as np

from mof_lab.exercises import check
from mof_lab.quantization import quantize

CELLS = ()
# The cell that imports them loads TensorFlow.
GIVEN = {"np": np, "check": check, "quantize": quantize}
_PREDICTED = """predicted = {{
    "scale": {},
    "code of -0.31": {},
    "zeros at 4 bits": {},
    "times the error at 4 bits": {},
    "bits a weight": {},
}}"""
WRONG = {
    "12.1": [
        _PREDICTED.format(0.635 / 128, -62, 2, 18.1, 8.25),
        _PREDICTED.format(0.005, -62, 2, 16, 8.25),
        _PREDICTED.format(0.005, -62, 2, 18, 8 + 4 / 128),
    ],
    "12.2": [
        """
def quantize_along(matrix, axis, bits=8):
    largest = 2 ** (bits - 1) - 1
    scale = np.abs(matrix).max(axis=axis) / largest
    return np.round(matrix / scale).astype(np.int8), scale
after_the_sum = {1, None}""",
        """
def quantize_along(matrix, axis, bits=8):
    largest = 2 ** (bits - 1) - 1
    scale = np.abs(matrix).max(axis=axis, keepdims=True) / largest
    return np.round(matrix / scale).astype(np.int8), scale
after_the_sum = {1, None}""",
        """
def quantize_along(matrix, axis, bits=8):
    largest = 2 ** (bits - 1) - 1
    scale = np.maximum(np.abs(matrix).max(axis=axis, keepdims=True), 1e-9) / largest
    return np.round(matrix / scale).astype(np.int8), scale
after_the_sum = {0, 1}""",
    ],
    "12.3": [
        """
def by_groups(matrix, bits, group):
    codes, scale = quantize(matrix, bits)
    return codes * scale, bits + 32 / group""",
        """
def by_groups(matrix, bits, group):
    codes, scale = quantize(matrix.reshape(-1, group), bits)
    return (codes * scale).reshape(matrix.shape), bits + 4 / group""",
        """
def by_groups(matrix, bits, group):
    parts = matrix.reshape(-1, group)
    scale = np.abs(parts).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
    return (np.round(parts / scale) * scale).reshape(matrix.shape), bits + 32 / group""",
    ],
}

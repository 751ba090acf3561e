"""Quantisation by hand: a bound on its error, and equality with what the converter wrote."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mof_lab import checkpoint, litert
from mof_lab.errors import LabError
from mof_lab.folders import shipped
from mof_lab.quantization import kernels, quantize, rounded, rows_of, stored

MATRICES = arrays(
    np.float64, st.tuples(st.integers(1, 8), st.integers(1, 20)), elements=st.floats(-9, 9)
)


@given(MATRICES, st.sampled_from([2, 4, 8]))
def test_no_number_moves_by_more_than_half_a_step(matrix, bits):
    codes, scale = quantize(matrix, bits)
    largest = 2 ** (bits - 1) - 1
    assert codes.dtype == np.int8 and codes.min() >= -largest and codes.max() <= largest
    assert (np.abs(matrix - codes * scale) <= scale * (0.5 + 1e-9)).all()
    full = np.abs(matrix).max(axis=1) > 1e-6
    assert (np.abs(codes).max(axis=1) == largest)[full].all()


@given(MATRICES)
def test_what_is_rounded_stays(matrix):
    codes, scale = quantize(matrix)
    again, _ = quantize(codes * scale)
    np.testing.assert_array_equal(again, codes)


def test_a_kernel_has_a_scale_for_each_output(model):
    for path, variable in kernels(model).items():
        assert rounded(variable).shape == tuple(variable.shape)
        assert len(quantize(rows_of(variable))[1]) == variable.shape[0 if "embed" in path else 1]


@pytest.fixture(scope="module")
def tiny():
    return checkpoint.load(shipped("tiny"))[0]


def test_the_shipped_file_holds_what_is_computed_by_hand(tiny):
    """Every code of every kernel, and its scale, times alpha where that was multiplied in."""
    weights = {v.path: np.asarray(v.value) for v in tiny.weights}
    left = [part for part in stored(shipped("tiny") / litert.FILE) if part[0].dtype == np.int8]
    assert len(kernels(tiny)) == len(left)
    for path, variable in kernels(tiny).items():
        codes, scale = quantize(rows_of(variable))
        same = [i for i, part in enumerate(left) if np.array_equal(part[0], codes)]
        assert len(same) == 1, path
        folded = weights[path.replace("outer/kernel", "alpha")] if "thought/outer" in path else 1.0
        np.testing.assert_allclose(left.pop(same[0])[1], scale[:, 0] * folded, rtol=1e-6)
    assert not left


def test_the_rest_of_the_shipped_file_is_not_quantised(tiny):
    others = {v.path for v in tiny.weights} - set(kernels(tiny))
    assert "router/scores/kernel" in others  # too small to be worth it
    held = [part[0] for part in stored(shipped("tiny") / litert.FILE)]
    rest = [a.tobytes() for a in held if a.dtype == np.float32]
    biases = [v for v in tiny.weights if v.path.endswith("ffn_inner/bias")]
    assert biases and all(np.asarray(v.value).tobytes() in rest for v in biases)


@pytest.mark.parametrize("bits", [1, 9, 16, 7.5])
def test_a_code_has_2_to_8_bits(bits):
    with pytest.raises(LabError, match="from 2 to 8"):
        quantize(np.ones((1, 2)), bits)

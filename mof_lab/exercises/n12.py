"""Exercises of notebook 12: eight bits."""

import numpy as np

from ..quantization import quantize
from . import exercise

ROW = np.array([[0.635, -0.31, 0.012, 0.002]])  # of the first exercise
COLUMNS, SCALE_BITS = 128, 32


@exercise("12.1")
def one_row(predicted):
    codes, scale = quantize(ROW)
    coarse, coarse_scale = quantize(ROW, bits=4)
    found = predicted["scale"]
    if not np.isclose(found, scale[0, 0], rtol=0.002):
        return (
            "The scale is the row's largest weight over the largest code; one of 8 bits is a sign.",
            "缩放系数等于这一行最大的权重除以最大的编码；8 个比特里有一个是符号。",
        )
    found, truth = predicted["code of -0.31"], codes[0, 1]
    if found != truth:
        if found == -truth:
            return "Codes have a sign.", "编码有正负号。"
        return (
            "Your scale is right: how many steps is −0.31 from 0, as a whole number?",
            "缩放系数算对了：−0.31 离 0 有几步？取整数。",
        )
    if predicted["zeros at 4 bits"] != np.count_nonzero(coarse == 0):
        return (
            "With 7 in the place of 127 the step is wider: which weights are below half of it?",
            "127 换成了 7，步长变大：哪些权重不到半步？",
        )
    found, truth = predicted["times the error at 4 bits"], (coarse_scale / scale)[0, 0]
    if not np.isclose(found, truth, rtol=0.02):
        if np.isclose(found, truth**2, rtol=0.03):
            return "That is the square of the error.", "这是误差的平方。"
        if np.isclose(found, 1 / truth, rtol=0.03):
            return "Fewer bits, a larger error.", "比特少了，误差应当更大。"
        return (
            "The error goes with the step: what is the step at 4 bits, and what at 8? A code does "
            "not use all 2⁴ or 2⁸ values.",
            "误差与步长成正比：4 比特和 8 比特的步长各是多少？编码并没有用满 2⁴ 或 2⁸ 个值。",
        )
    found = predicted["bits a weight"]
    if np.isclose(found, 8 + SCALE_BITS / COLUMNS, rtol=1e-3):
        return None
    if np.isclose(found, 8 + SCALE_BITS / 8 / COLUMNS, rtol=1e-3):
        return "The scale was given in bytes.", "题目里缩放系数的单位是字节。"
    if np.isclose(found, 8):
        return "The scale has to be kept as well.", "缩放系数也要存下来。"
    return (
        "Add up the bits of a whole row with its scale, and divide by the number of its weights.",
        "把一整行连同缩放系数的比特加起来，再除以这一行的权重个数。",
    )


def _along(matrix, axis, bits):
    """Codes and scale along that axis, as `quantize` makes them along 1."""
    if axis is None:
        codes, scale = quantize(matrix.reshape(1, -1), bits)
        return codes.reshape(matrix.shape), scale
    if axis == 0:
        codes, scale = quantize(matrix.T, bits)
        return codes.T, scale.T
    return quantize(matrix, bits)


@exercise("12.2")
def whose_scale(answer):
    quantize_along, after_the_sum = answer
    matrix = np.random.default_rng(0).normal(size=(6, 5))
    matrix[2, 3] = -7.0  # the largest is negative
    for axis in (1, 0, None):
        for bits in (8, 4):
            hint = _of_codes(quantize_along, matrix, axis, bits)
            if hint:
                return hint
    matrix[1], matrix[:, 2] = 0, 0
    for axis in (1, 0):
        with np.errstate(all="ignore"):  # 0 / 0, which has a sentence of its own
            _, scale = quantize_along(matrix.copy(), axis)
        if not np.all(np.asarray(scale) > 0):
            return (
                "A row or a column may be all zeros, and 0 / 0 is no number: how does `quantize` "
                "keep its scale above 0?",
                "一行或一列可能全是 0，而 0 / 0 不是数：`quantize` 怎样让缩放系数大于 0？",
            )
    chosen = set(after_the_sum)
    if chosen - {1, 0, None}:
        return "Choose out of 1, 0 and None.", "请从 1、0、None 中选。"
    if 0 in chosen:
        return (
            "Write the sum of one output out, each weight as code times scale: which scales are "
            "the same in every term?",
            "把一个输出的求和写开，每个权重写成编码乘系数：哪些系数在每一项里都相同？",
        )
    if chosen != {1, None}:
        return (
            "What is the same in every term of the sum can be put before it; one kind is missing.",
            "凡是求和的每一项里都相同的系数，都能提到求和号外面；还少一种。",
        )
    return None


def _of_codes(quantize_along, matrix, axis, bits):
    """A hint about the codes and the scale along one axis, or None."""
    result = quantize_along(matrix.copy(), axis, bits)
    if not isinstance(result, tuple | list) or len(result) != 2:
        return "Return two things: codes and scale.", "要返回两样：编码和缩放系数。"
    codes, scale = (np.asarray(part) for part in result)
    if codes.shape != matrix.shape:
        return (
            f"There is a code for each weight: {matrix.shape}, not {codes.shape}.",
            f"每个权重一个编码：形状 {matrix.shape}，不是 {codes.shape}。",
        )
    try:
        wide = np.broadcast_to(scale, matrix.shape)
    except ValueError:
        return (
            f"With axis={axis} the scale has the shape {scale.shape}, and `codes * scale` can't "
            "be computed: look at `keepdims`.",
            f"`axis={axis}` 时缩放系数的形状是 {scale.shape}，算不出 `codes * scale`：看看 "
            "`keepdims`。",
        )
    true_codes, true_scale = _along(matrix, axis, bits)
    if not np.allclose(wide, true_scale):
        return _of_a_scale(wide, matrix, axis, bits)
    if codes.dtype != np.int8:
        return (
            f"The scale is right; codes are whole numbers in int8, not {codes.dtype}.",
            f"缩放系数对了；编码应当是 int8 整数，不是 {codes.dtype}。",
        )
    if np.array_equal(codes, true_codes):
        return None
    return (
        "The scale is right; a code is the whole number nearest to weight over scale.",
        "缩放系数对了；编码是最接近“权重 ÷ 系数”的整数。",
    )


def _of_a_scale(wide, matrix, axis, bits):
    """A hint about a scale that is not the right one, in the shape of the matrix."""
    others = [other for other in (1, 0, None) if other != axis]
    if any(np.allclose(wide, _along(matrix, other, bits)[1]) for other in others):
        return (
            f"With axis={axis} the scale is that of another axis. `max(axis=1)` runs along a row.",
            f"`axis={axis}` 时，系数却是另一种取法的。`max(axis=1)` 是沿着一行取。",
        )
    if bits != 8 and np.allclose(wide, _along(matrix, axis, 8)[1]):
        return "`bits` has no effect: this is the scale of 8.", "`bits` 没有起作用：这是 8 的系数。"
    largest = 2 ** (bits - 1) - 1
    if np.allclose(wide, matrix.max(axis=axis, keepdims=True) / largest):
        return (
            "The largest weight may be a negative one.",
            "绝对值最大的权重也可能是负数。",
        )
    return (
        f"With axis={axis} and bits={bits} the scale is not the largest |w| over the largest code.",
        f"`axis={axis}`、`bits={bits}` 时，缩放系数不等于最大的 |w| 除以最大的编码。",
    )


@exercise("12.3")
def groups(by_groups):
    rng = np.random.default_rng(0)
    for rows, columns, bits, group in ((6, 64, 4, 32), (6, 128, 4, 16), (5, 96, 8, 32)):
        matrix = rng.normal(size=(rows, columns))
        matrix[1, 3] = 40.0  # the others of its group become 0, those of its row do not
        hint = _of_groups(by_groups, matrix, bits, group)
        if hint:
            return hint
    matrix[2, :group] = 0
    with np.errstate(all="ignore"):
        left, _ = by_groups(matrix.copy(), bits, group)
    if not np.isfinite(left).all():
        return (
            "A group may be all zeros, and 0 / 0 is no number; `quantize` knows what to do.",
            "一组可能全是 0，而 0 / 0 不是数；`quantize` 知道怎么办。",
        )
    return None


def _of_groups(by_groups, matrix, bits, group):
    """A hint about one matrix, or None."""
    result = by_groups(matrix.copy(), bits, group)
    if not isinstance(result, tuple | list) or len(result) != 2:
        return (
            "Return two things: what is left of the matrix, and the bits a weight.",
            "要返回两样：还原后的矩阵，和每个权重的比特数。",
        )
    left, each = np.asarray(result[0]), result[1]
    codes, scale = quantize(matrix.reshape(-1, group), bits)
    truth = (codes * scale).reshape(matrix.shape)
    columns = matrix.shape[1]
    if left.shape != matrix.shape:
        return (
            f"What is left has the matrix's shape, {matrix.shape}, not {left.shape}.",
            f"还原后的形状与原矩阵相同，是 {matrix.shape}，不是 {left.shape}。",
        )
    if not np.allclose(left, truth):
        return _of_what_is_left(left, codes, matrix, bits, group)
    if np.isclose(each, bits + SCALE_BITS / group):
        return None
    said = f"{bits} bits in groups of {group}: ", f"{bits} 比特、每组 {group} 个："
    wrong = {
        bits: ("the scales have to be kept as well.", "缩放系数也要存下来。"),
        bits + SCALE_BITS / 8 / group: (
            "a scale takes 32 bits, which are 4 bytes.",
            "一个系数占 32 比特，也就是 4 个字节。",
        ),
        bits + SCALE_BITS / columns: (
            "how many scales has a row now?",
            "现在一行有几个系数？",
        ),
        matrix.size * (bits + SCALE_BITS / group): (
            "this is the whole matrix; how much of it has one weight?",
            "这是整个矩阵的；平均到一个权重是多少？",
        ),
    }
    for value, hint in wrong.items():
        if np.isclose(each, value):
            return said[0] + hint[0], said[1] + hint[1]
    return (
        said[0] + "add up the bits of one group with its scale, and divide by its weights.",
        said[1] + "把一组连同它的系数的比特加起来，再除以组里的权重个数。",
    )


def _of_what_is_left(left, codes, matrix, bits, group):
    """A hint about a matrix that was not rounded by its groups, or not to so many bits."""
    rows, columns = matrix.shape
    apart = matrix.reshape(rows, group, -1).swapaxes(1, 2)  # every (columns / group)-th of a row
    far = _rounded(apart.reshape(-1, group), bits).reshape(apart.shape).swapaxes(1, 2)
    down = _rounded(matrix.T.reshape(-1, group), bits).reshape(columns, rows).T
    not_beside = (
        "These groups are not of weights side by side in one row: with `np.arange(64)` as a row, "
        "what does your `reshape` put together?",
        "这样分的组，并不是同一行里相邻的权重：拿 `np.arange(64)` 当一行，看看你的 `reshape` "
        "把哪些放在了一起。",
    )
    wrong = [
        (matrix, ("Nothing was rounded.", "什么都没有舍入。")),
        (
            codes,
            (
                "These are the codes; what is left is each code times its scale.",
                "这是编码；还原要用每个编码乘它的系数。",
            ),
        ),
        (
            _rounded(matrix, bits),
            ("There is still one scale a row.", "现在仍是每行一个系数。"),
        ),
        (
            _rounded(matrix.reshape(1, -1), bits),
            ("There is one scale for the whole matrix.", "现在是整个矩阵一个系数。"),
        ),
        (far, not_beside),
        (down, not_beside),
        (
            _rounded(matrix.reshape(-1, group), 8),
            ("`bits` has no effect: these are 8.", "`bits` 没有起作用：这是 8 比特的结果。"),
        ),
    ]
    for values, hint in wrong:
        if np.allclose(left, values.reshape(matrix.shape)):
            return hint
    largest = 2 ** (bits - 1) - 1
    return (
        f"With {bits} bits in groups of {group} a group's codes go from {-largest} to {largest}, "
        "and its largest weight stays as it is.",
        f"{bits} 比特、每组 {group} 个：组里的编码从 {-largest} 到 {largest}，"
        "绝对值最大的权重不变。",
    )


def _rounded(rows, bits):
    codes, scale = quantize(rows, bits)
    return codes * scale

"""Exercises of notebook 02: the GRU."""

import numpy as np

from . import exercise

BATCH, TIME, SIZE, UNITS = 2, 9, 3, 4


def _weights(seed=0):
    """W, U, b, c of a small GRU."""
    rng = np.random.default_rng(seed)
    shapes = (SIZE, 3 * UNITS), (UNITS, 3 * UNITS), (3 * UNITS,), (3 * UNITS,)
    return [rng.normal(size=shape).astype("float32") * 0.4 for shape in shapes]


def _step(x, h, W, U, b, c):
    """One step of the GRU (Cho et al. 2014; the reset gate after the product)."""
    x_z, x_r, x_n = np.split(x @ W + b, 3, axis=-1)
    h_z, h_r, h_n = np.split(h @ U + c, 3, axis=-1)
    z, r = (1 / (1 + np.exp(-gate)) for gate in (x_z + h_z, x_r + h_r))
    n = np.tanh(x_n + r * h_n)
    return n + z * (h - n)


def _inputs(seed=1):
    """Characters (batch, time, size) and a state (batch, units)."""
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(BATCH, TIME, SIZE)).astype("float32"),
        rng.normal(size=(BATCH, UNITS)).astype("float32"),
    )


@exercise("02.1")
def extreme_gates(reads):
    hints = {
        "z = 1": (
            "Put z = 1 into the last equation and multiply out: what is left?",
            "把 z = 1 代入最后一式并展开：还剩什么？",
        ),
        "z = 0": (
            "For z = 0 the result is the candidate: which of x and h stand in its equation?",
            "z = 0 时结果就是候选：它的式子里有 x 和 h 中的哪些？",
        ),
        "z = 0, r = 0": (
            "The reset gate multiplies one term of the candidate: what is left without it?",
            "重置门乘着候选里的一项：去掉那一项还剩什么？",
        ),
    }
    for gates, hint in hints.items():
        if set(reads[gates]) != _read_by_a_step(gates):
            return hint
    return None


def _read_by_a_step(gates):
    """What moves the result when it changes, with gates held by biases of ±40: "x", "h"."""
    W, U, b, c = _weights()
    b[:UNITS] = 40 if "z = 1" in gates else -40
    b[UNITS : 2 * UNITS] = -40 if "r = 0" in gates else 40
    x, h = _inputs()
    before = _step(x[:, 0], h, W, U, b, c)
    moved = {"x": _step(x[:, 1], h, W, U, b, c), "h": _step(x[:, 0], -h, W, U, b, c)}
    return {name for name, after in moved.items() if not np.allclose(before, after, atol=1e-5)}


@exercise("02.2")
def reset_before(step):
    (x, h), (W, U, b, c) = _inputs(), _weights()
    found = np.asarray(step(x[:, 0], h.copy(), W, U, b, c))

    import keras  # slow to load, and not needed as long as there is no answer

    layer = keras.layers.GRU(UNITS, reset_after=False)
    layer.build((BATCH, 1, SIZE))
    layer.set_weights([W, U, b + c])  # this form has one bias
    truth = np.asarray(layer(x[:, :1], initial_state=h))
    if found.shape != truth.shape:
        return (
            f"The new state should have the shape of h, {truth.shape}, not {found.shape}.",
            f"新状态的形状应与 h 相同，是 {truth.shape}，不是 {found.shape}。",
        )
    if np.allclose(found, truth, atol=1e-5):
        return None
    if np.allclose(found, _step(x[:, 0], h, W, U, b, c), atol=1e-5):
        return (
            "This is still the GRU from above: the gate meets h @ U, not h.",
            "这还是上面的 GRU：门乘的是 h @ U，而不是 h。",
        )
    return (
        "Only the candidate changes, and only its part of U; does c still stand outside the gate?",
        "只有候选变了，而且只用到 U 中它的那一份；c 还在门的外面吗？",
    )


@exercise("02.3")
def forgets(read):
    (x, _), weights = _inputs(), _weights()
    begins = np.zeros((BATCH, TIME), bool)
    begins[0, 4] = begins[1, 7] = True
    truth = _read(x, begins, weights)
    found = np.asarray(read(x.copy(), begins.copy(), *weights))
    if found.shape != truth.shape:
        return (
            f"It should return the state after every character, {truth.shape}, not {found.shape}.",
            f"应当返回每个字之后的状态，形状 {truth.shape}，不是 {found.shape}。",
        )
    if np.allclose(found, truth, atol=1e-5):
        return None
    if not np.allclose(found[:, :4], truth[:, :4], atol=1e-5):
        return (
            "It is wrong before any document ends: compare it with the loop over gru_step above.",
            "第一篇还没结束就错了：对照上面用 gru_step 的循环。",
        )
    if np.allclose(found, _read(x, begins & False, weights), atol=1e-5):
        return "Nothing is forgotten: `begins` has no effect.", "什么都没忘：`begins` 没有起作用。"
    return (
        "Forget before the character is read, and only in the rows where a document begins.",
        "要在读这个字之前清空，而且只清空有新文档开始的那一行。",
    )


def _read(x, begins, weights):
    """The states (batch, time, units) of a GRU that forgets where a document begins."""
    h, states = np.zeros((BATCH, UNITS), "float32"), []
    for t in range(TIME):
        h = _step(x[:, t], np.where(begins[:, t, None], 0, h), *weights)
        states.append(h)
    return np.stack(states, axis=1)

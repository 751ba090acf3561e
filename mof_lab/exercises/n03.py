"""Exercises of notebook 03: linear attention."""

import numpy as np

from . import exercise

TIME, SIZE = 24, 8  # the notebook's


def _inputs(seed=1):
    """φ(q), φ(k) > 0 and v, each (time, size), and a γ for each character (time,)."""
    rng = np.random.default_rng(seed)
    fq, fk = rng.uniform(0.1, 2, size=(2, TIME, SIZE))
    return fq, fk, rng.normal(size=(TIME, SIZE)), rng.uniform(0.5, 1, size=TIME)


def _loop(fq, fk, v, gammas):
    """Linear attention (Katharopoulos et al. 2020, eq. 18-20) with a decay for each character."""
    S, z, outputs = np.zeros((SIZE, v.shape[1])), np.zeros(SIZE), []
    for t in range(TIME):
        S = gammas[t] * S + np.outer(fk[t], v[t])
        z = gammas[t] * z + fk[t]
        outputs.append(fq[t] @ S / (fq[t] @ z))
    return np.array(outputs)


@exercise("03.1")
def nothing_is_attended_to(published_out):
    fq, fk, v, _ = _inputs()
    S = np.einsum("id,jv->dv", fk, v)
    truth = (fq @ S / (fq @ fk.sum(axis=0))[:, None])[0]
    found = np.asarray(published_out(v.copy()))
    if found.shape != truth.shape:
        return (
            f"Every query gets the same {truth.shape}; yours has the shape {found.shape}.",
            f"每个查询得到的都一样，形状 {truth.shape}；你的形状是 {found.shape}。",
        )
    if np.allclose(found, truth):
        return None
    if np.allclose(found, v.mean(axis=0)):
        return (
            "Does the denominator count positions? Write S as an outer product of two sums, "
            "and divide.",
            "分母数的是位置的个数吗？把 S 写成两个和的外积，再做除法。",
        )
    if np.allclose(found, v[-1]):
        return (
            "j runs over the whole window, not only to its last position.",
            "j 跑遍整个窗口，不只是最后一个位置。",
        )
    return (
        "i stands with fk alone and j with v alone, so each is summed apart: what cancels then?",
        "i 只出现在 fk 上，j 只出现在 v 上，所以各自求和：之后什么会约掉？",
    )


@exercise("03.2")
def a_gate_for_each_character(answer):
    gated, first_seen = answer
    fq, fk, v, gammas = _inputs()
    truth = _loop(fq, fk, v, gammas)
    found = np.asarray(gated(fq.copy(), fk.copy(), v.copy(), gammas.copy()))
    if found.shape != truth.shape:
        return (
            f"It should return one answer a position, {truth.shape}, not {found.shape}.",
            f"每个位置应当有一个输出，形状 {truth.shape}，不是 {found.shape}。",
        )
    if not np.allclose(found, truth):
        if np.allclose(found, _loop(fq, fk, v, np.ones(TIME))):
            return "Nothing fades: `gammas` has no effect.", "什么都没淡去：`gammas` 没有起作用。"
        late = np.append(1.0, gammas[:-1])
        if np.allclose(found, _loop(fq, fk, v, late)):
            return (
                "The γ comes a step late: at t, what is already in S fades first, then k and v of "
                "t are added.",
                "γ 晚了一步：在第 t 步，S 里已有的先淡去，再加进这一步的 k 和 v。",
            )
        return (
            "Compare it with `recurrent`: S and z fade alike, and what comes in new does not.",
            "对照 `recurrent`：S 和 z 一样淡去，新加进来的不淡去。",
        )
    first = _first_seen(fq, fk, v)
    if first_seen == first:
        return None
    if first_seen == first + 1:
        return (
            "γ multiplies what was there before the step. Is the step's own k v among it?",
            "γ 乘的是这一步之前已有的内容。这一步自己的 k v 在里面吗？",
        )
    return (
        "Follow S through the steps 11, 12 and 13: what is left in it after each?",
        "跟着 S 走过第 11、12、13 步：每一步之后里面还剩什么？",
    )


def _first_seen(fq, fk, v):
    """The first character whose value moves what position 20 gets, with a γ of 0 at 12."""
    gammas = np.ones(TIME)
    gammas[12] = 0
    before = _loop(fq, fk, v, gammas)[20]
    for s in range(TIME):
        changed = v.copy()
        changed[s] += 1
        if not np.allclose(before, _loop(fq, fk, changed, gammas)[20]):
            return s


@exercise("03.3")
def gated_matrix(gated_weights):
    fq, fk, v, gammas = _inputs()
    truth = _weights(fq, fk, gammas)
    found = np.asarray(gated_weights(fq.copy(), fk.copy(), gammas.copy()))
    if found.shape != truth.shape:
        return (
            f"One row a query, one column a key: {truth.shape}, not {found.shape}.",
            f"每行一个查询，每列一个键：形状 {truth.shape}，不是 {found.shape}。",
        )
    if np.allclose(found, truth):
        return None
    if not np.allclose(np.triu(found, 1), 0):
        return "It looks ahead: a query sees no key after it.", "它看到了未来：查询看不到后面的键。"
    if not np.allclose(found.sum(axis=1), 1):
        return (
            "The rows do not sum to 1: where is the division by φ(q)·z?",
            "各行之和不为一：除以 φ(q)·z 的那一步呢？",
        )
    if np.allclose(found, _weights(fq, fk, np.ones(TIME))):
        return "Nothing fades: `gammas` has no effect.", "什么都没淡去：`gammas` 没有起作用。"
    equal = np.full(TIME, 0.9)
    if np.allclose(gated_weights(fq.copy(), fk.copy(), equal.copy()), _weights(fq, fk, equal)):
        return (
            "It is right when all γ are equal. Write out what is left of k₁ v₁ at t = 3: which of "
            "the γs multiply it?",
            "γ 全都相等时是对的。写出 t = 3 时 k₁ v₁ 还剩多少：乘了哪几个 γ？",
        )
    return (
        "Between s and t the γs are multiplied; a product is a difference of sums of logarithms.",
        "从 s 到 t 的各个 γ 要连乘；连乘就是对数累加之差。",
    )


def _weights(fq, fk, gammas):
    """The effective attention (time, time) of `_loop`: what it makes of each value in turn."""
    return _loop(fq, fk, np.eye(TIME), gammas)

"""Exercises of notebook 10: an expert of one's own."""

import numpy as np

from . import exercise

# ---- 10.1 ---------------------------------------------------------------------------------------

SIZE = 128  # embedding_dim of `tiny`
TIME, CHANGED = 40, 10  # the notebook's


@exercise("10.1")
def how_little_it_may_know(predicted):
    wide = predicted["state at width 16"]
    if wide == 16 * SIZE:
        return (
            "`step` gets the character that is being read: need the state hold it, too?",
            "正在读的字由 `x` 交给 `step`：状态里还用放它吗？",
        )
    if wide in (15, 16):
        return (
            "Those are characters; how many numbers is one of them?",
            "这是字数；一个字是多少个数？",
        )
    if wide != 15 * SIZE:
        return (
            "At width 16: which of the earlier characters does the next output still need? Look at "
            "`initial_state`.",
            "宽度为 16 时：算下一个输出还要用到前面哪些字？看 `initial_state`。",
        )
    if predicted["state at width 1"] != 0:
        return (
            "At width 1 the sum ends at k = 0: which earlier characters are in it?",
            "宽度为 1 时，求和到 k = 0 为止：里面还有前面的字吗？",
        )
    if predicted["moved in the expert"] != 1:
        return (
            "The expert alone, at width 1: which outputs have x at position 10 in their sum?",
            "单看专家，宽度为 1：哪些输出的求和里有位置 10 的 x？",
        )
    found = predicted["moved in the model"]
    if found == TIME - CHANGED:
        return None
    if found == 1:
        return (
            "In the model `x` comes from the stem: is it made of one character alone there?",
            "在模型里，`x` 来自主干：它只由一个字算出吗？",
        )
    if found == TIME:
        return (
            "The stem sees no future, either: what about the positions before the change?",
            "主干也不看未来：改动之前的那些位置呢？",
        )
    if found in (TIME - CHANGED - 1, TIME - CHANGED + 1):
        return (
            "Nearly: positions are counted from 0; which is the first to move, which the last?",
            "差一点：位置从 0 数起；最先变的是哪个，最后变的是哪个？",
        )
    return (
        "What stands before the expert in the model, and how far back can that look?",
        "在模型里，专家前面是什么？它能往前看多远？",
    )


# ---- 10.2 ---------------------------------------------------------------------------------------


def _balance(weights, aim):
    mean = weights.mean(axis=0)
    return ((mean - aim) ** 2 / aim).sum()


@exercise("10.2")
def another_aim(answer):
    balance_to, zero = answer
    rng = np.random.default_rng(0)
    weights = rng.dirichlet([4, 2, 1], size=50)  # (characters, experts)
    equal = np.full(3, 1 / 3)
    for aim in (np.array([0.2, 0.3, 0.5]), equal, weights.mean(axis=0)):
        truth, found = _balance(weights, aim), np.asarray(balance_to(weights.copy(), aim.copy()))
        if found.shape != ():
            return (
                f"One number is wanted, not the shape {found.shape}.",
                f"要一个数，而不是形状 {found.shape}。",
            )
        if np.isclose(found, truth, atol=1e-6):
            continue
        mean = weights.mean(axis=0)
        if np.isclose(found, ((weights - aim) ** 2 / aim).sum(axis=1).mean()):
            return (
                "First the mean over the characters, then the square; a single character may be "
                "as one-sided as it likes.",
                "先对各个字取平均，再平方；单个字上再偏向谁也没关系。",
            )
        if np.isclose(found, 3 * (mean**2).sum() - 1):
            return (
                "This is the old term: `aim` has no effect.",
                "这还是原来的均衡项：`aim` 没有起作用。",
            )
        if np.isclose(found, ((mean - aim) ** 2).sum()):
            return (
                "Something below the line is missing.",
                "分数线下面少了东西。",
            )
        return (
            f"For 50 characters and the aim {np.round(aim, 2).tolist()} it should be {truth:.3f}; "
            f"you get {found:.3f}.",
            f"50 个字、目标 {np.round(aim, 2).tolist()} 时应为 {truth:.3f}，你得到 {found:.3f}。",
        )
    if zero not in ("balance", "entropy", "both", "neither"):
        return (
            "The function is right; `zero` should be one of the four words.",
            "函数写对了；`zero` 应是那四个词之一。",
        )
    hard = np.tile(np.eye(3), (10, 1))
    terms = {
        "balance": _balance(hard, equal),
        "entropy": -(hard * np.log(np.maximum(hard, 1e-9))).sum(axis=1).mean(),
    }
    for name, hint in (
        (
            "balance",
            (
                "The function is right. Give it such weights: what is the mean weight of each?",
                "函数写对了。拿这样的权重代进去：每位专家的平均权重是多少？",
            ),
        ),
        (
            "entropy",
            (
                "The function is right. At one character a weight is 1 and the others are 0: what "
                "is w ln w for each?",
                "函数写对了。在一个字上，一个权重为 1，其余为 0：各自的 w ln w 是多少？",
            ),
        ),
    ):
        if (zero in (name, "both")) != np.isclose(terms[name], 0):
            return hint
    return None


# ---- 10.3 ---------------------------------------------------------------------------------------


def _attention(x, begins, width=32, root=True, zeros=False):
    """From all characters at once, (batch, time, size); with `zeros` in each empty place."""
    document, at = np.cumsum(begins, axis=1), np.arange(x.shape[1])
    back = at[:, None] - at[None, :]
    seen = (document[:, :, None] == document[:, None, :]) & (back >= 0) & (back < width)
    scores = x @ x.transpose(0, 2, 1) / (np.sqrt(x.shape[-1]) if root else 1)
    shares = np.where(seen, np.exp(scores), 0)
    total = shares.sum(axis=-1, keepdims=True)
    if zeros:
        total = total + width - seen.sum(axis=-1, keepdims=True)
    return shares @ x / total


def _shapes(state):
    """Shapes of all arrays of a state."""
    if isinstance(state, dict):
        return {key: _shapes(part) for key, part in state.items()}
    if isinstance(state, tuple | list):
        return [_shapes(part) for part in state]
    return np.shape(state)


def _read(step, x, begins, state):
    """Outputs (batch, time, size) and the last state, or a hint in place of the state."""
    outputs = []
    for t in range(x.shape[1]):
        answer = step(x[:, t].copy(), begins[:, t].copy(), state)
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            return None, (
                "`step` should return two things: the output and the state after.",
                "`step` 应返回两样东西：输出和之后的状态。",
            )
        y, after = answer
        if np.shape(y) != x[:, t].shape:
            return None, (
                f"The output of `step` has the shape {np.shape(y)}; {x[:, t].shape} is wanted.",
                f"`step` 的输出形状是 {np.shape(y)}，应为 {x[:, t].shape}。",
            )
        if _shapes(after) != _shapes(state):
            return None, (
                "The state after a step has other shapes than the one before: a state has the "
                "same size from the start, however much was read.",
                "走一步之后，状态里的形状变了：状态从一开始就是固定大小，读多少字都一样。",
            )
        outputs.append(y)
        state = after
    return np.stack(outputs, axis=1), None


def _of_one_text(found, x, begins):
    """A hint about the outputs for texts, or None."""
    truth = _attention(x, begins)
    if np.allclose(found, truth, atol=1e-4):
        return None
    none = np.zeros_like(begins)
    mistakes = (
        (
            _attention(x, begins, root=False),
            "The scores are too large: what does the formula divide them by?",
            "分数太大了：公式里要除以什么？",
        ),
        (
            _attention(x, begins, zeros=True),
            "The empty places take part: their score is 0, but their share of the softmax is not.",
            "空位也参加了：它们的分数是 0，在 softmax 里占的份额却不是 0。",
        ),
        (
            _attention(x, begins, width=31),
            "It looks back one character too few: 32 with the one being read.",
            "少看了一个字：连正在读的一共 32 个。",
        ),
        (
            _attention(x, begins, width=33),
            "It looks back one character too many: 32 with the one being read.",
            "多看了一个字：连正在读的一共 32 个。",
        ),
        (
            _attention(x, none),
            "Right within a document; but where one begins, the past is not forgotten.",
            "在一篇之内是对的；可是遇到新文档的开头，没有忘掉过去。",
        ),
        (
            _attention(x, np.broadcast_to(begins.any(axis=0), begins.shape)),
            "Where one text of the batch begins anew, all of them forget.",
            "批里有一段文本重新开头，所有的文本都忘掉了过去。",
        ),
    )
    for wrong, english, chinese in mistakes:
        if np.allclose(found, wrong, atol=1e-4):
            return english, chinese
    late = ~np.isclose(found, truth, atol=1e-4).all(axis=(0, 2))
    at = int(np.flatnonzero(late)[0])
    new = " (a document begins there)" if begins[:, at].any() else ""
    return (
        f"The output at position {at}{new} is the first that is wrong.",
        f"第一个出错的是位置 {at} 的输出{'（有一篇文档从那里开头）' if new else ''}。",
    )


@exercise("10.3")
def attention_by_steps(answer):
    initial_state, step = answer
    rng = np.random.default_rng(0)
    # A short text, one longer than the window, one with documents that begin anywhere.
    for batch, time, size, often in ((2, 20, 8, 0), (2, 80, 4, 0), (3, 90, 6, 0.04)):
        x = rng.normal(size=(batch, time, size)).astype("float32")
        begins = rng.random((batch, time)) < often
        state = initial_state(batch, size)
        for again in (False, True):  # the first state must still be what it was
            found, hint = _read(step, x, begins, state)
            hint = hint or _of_one_text(found, x, begins)
            if hint and again:
                return (
                    "Right the first time, wrong when the same state is used again: `step` must "
                    "make new arrays and leave the old ones as they are.",
                    "第一次是对的，同一个状态再用一次就错了：`step` 要建新数组，不要改动原来的。",
                )
            if hint:
                return hint
    return None

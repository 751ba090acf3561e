"""Exercises of notebook 09: reading the original."""

import numpy as np

from . import exercise

TIME, CHANGED = 12, 5  # the notebook's texts, and the character of them that is changed
LONG, WINDOW, BLOCKS = 30, 20, 3  # its long text; the window and the blocks of its model
MOVED = 1e-4

# ---- 09.1 ---------------------------------------------------------------------------------------


def _stem(e, normed):
    """A stem: what a recurrent layer and a dense layer make of e, normed, and e added."""
    size = e.shape[-1]
    recurrent, dense = np.random.default_rng(0).normal(scale=0.5, size=(2, size, size))
    h, hidden = np.zeros((len(e), size)), []
    for t in range(e.shape[1]):
        h = np.tanh(e[:, t] + h @ recurrent)
        hidden.append(h)
    return normed(np.maximum(np.stack(hidden, axis=1) @ dense, 0)) + e


def _over(axes):
    """A norm that takes mean and variance over the axes of (batch, time, size)."""
    return lambda x: (
        (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + 1e-3)
    )


def _positions_moved():
    """At how many positions each stem moves when one character does."""
    before = np.random.default_rng(1).normal(size=(2, TIME, 8))
    after = before.copy()
    after[0, CHANGED] = np.random.default_rng(2).normal(size=8)

    def count(text, normed):
        moved = np.abs(_stem(after, normed) - _stem(before, normed)).max(axis=-1)
        return int((moved[text] > 1e-6).sum())

    return {
        "chat": count(0, lambda x: x),  # with what is stored a norm is a fixed scale
        "training": count(0, _over((0, 1))),
        "training, other text": count(1, _over((0, 1))),
        "training, layer norm": count(0, _over(-1)),
    }


@exercise("09.1")
def batch_norm_leaks(positions_moved):
    truth = _positions_moved()
    found = {name: positions_moved[name] for name in truth}
    if any(not 0 <= n <= TIME for n in found.values()):
        return (
            f"Each answer is a number of positions, from 0 to {TIME}.",
            f"每个答案都是位置的个数，从 0 到 {TIME}。",
        )
    if found["chat"] == 1:
        return (
            "The changed character is also read into the state of the stem's GRU: who reads that?",
            "换掉的字还会读进主干 GRU 的状态：谁会读到这个状态？",
        )
    if found["chat"] != truth["chat"]:
        return (
            "In a chat the norm is a fixed scale. Which positions can a GRU tell about the "
            "change? Count them on your fingers, from 0.",
            "聊天时，归一化只是固定的缩放。GRU 能把这个改动告诉哪些位置？从 0 起，掰着指头数一数。",
        )
    if found["training"] != truth["training"]:
        return (
            "In training the mean is over all positions. If it moves, who is moved with it?",
            "训练时，均值取自所有位置。均值一动，谁会跟着动？",
        )
    if found["training, other text"] != truth["training, other text"]:
        return (
            "Of which texts are mean and variance taken, and which texts are normed with them?",
            "均值和方差取自哪些文本，又用来归一化哪些文本？",
        )
    if found["training, layer norm"] != truth["training, layer norm"]:
        return (
            "A layer norm tells nothing to another position: what is left that does?",
            "层归一化不会把任何东西告诉别的位置：那么还剩什么会？",
        )
    return None


# ---- 09.2 ---------------------------------------------------------------------------------------


def _band(q, k, v, window):
    """Linear attention whose position t sees t and the `window - 1` before it."""
    scores = np.triu(np.tril(q @ np.swapaxes(k, -1, -2)), 1 - window)
    return scores / scores.sum(axis=-1, keepdims=True) @ v


@exercise("09.2")
def a_window_for_each_position(answer):
    windowed, characters_back = answer
    for window in (5, 3, 1, TIME + 3):
        hint = _of_windowed(windowed, window)
        if hint:
            return hint
    across = np.triu(np.tril(np.ones((100, 100))), 1 - WINDOW)
    seen = np.flatnonzero(np.linalg.matrix_power(across, BLOCKS)[-1])
    back = 99 - seen[0]
    if characters_back == back:
        return None
    if characters_back in (WINDOW - 1, WINDOW):
        return (
            "That is one block. The second reads what the first has brought there.",
            "这只是一层。第二层读到的，是第一层已经带过来的内容。",
        )
    if characters_back == BLOCKS * WINDOW:
        return (
            "A window of 20 holds the position itself, too: how many before it?",
            "窗口里的 20 个位置包括它自己：它前面有几个？",
        )
    return (
        "Your function is right. With a window of 3, draw two blocks on paper: from where does "
        "each arrow come?",
        "函数写对了。取窗口 3，在纸上画两层：每个箭头从哪里来？",
    )


def _of_windowed(windowed, window):
    """A hint about the attention with one window, or None."""
    rng = np.random.default_rng(window)
    q, k = rng.uniform(0.1, 2, size=(2, 2, 3, TIME, 4)).astype("float32")
    v = rng.normal(size=(2, 3, TIME, 4)).astype("float32")

    def given(values):
        return np.asarray(windowed(q.copy(), k.copy(), values.copy(), window))

    truth, found = _band(q, k, v, window), given(v)
    if found.shape != truth.shape:
        return (
            f"One answer a position is wanted, {truth.shape}, not {found.shape}.",
            f"每个位置要有一个结果，形状 {truth.shape}，不是 {found.shape}。",
        )
    if np.allclose(found, truth, atol=1e-4):
        return None
    later = v.copy()
    later[:, :, -1] += 1
    if not np.allclose(given(later)[:, :, :-1], found[:, :, :-1], atol=1e-4):
        return (
            "It looks ahead: a new last value changes what earlier positions get.",
            "它看到了后文：换掉最后一个值，前面位置的结果也变了。",
        )
    if not np.allclose(given(np.ones_like(v)), 1, atol=1e-4):
        return (
            "The weights do not sum to 1 everywhere: divide by what is left of the scores, after "
            "the others are taken out.",
            "有些位置的权重之和不为一：先去掉窗口以外的分数，再除以剩下的分数之和。",
        )
    if np.allclose(found, _band(q, k, v, TIME), atol=1e-4):
        return (
            "Position t sees all that is before it: `window` has no effect.",
            "位置 t 看到了前面的全部：`window` 没有起作用。",
        )
    if np.allclose(found, _band(q, k, v, window + 1), atol=1e-4):
        return (
            "It sees one position too many: t itself is one of the `window`.",
            "多看了一个位置：t 自己也算在 `window` 里。",
        )
    if window > 1 and np.allclose(found, _band(q, k, v, window - 1), atol=1e-4):
        return (
            "It sees one position too few: t and `window − 1` before it.",
            "少看了一个位置：t 和它前面的 `window − 1` 个。",
        )
    return (
        f"With a window of {window} it is not right: which keys may position 4 of {TIME} see?",
        f"窗口为 {window} 时结果不对：{TIME} 个位置中，位置 4 可以看哪些键？",
    )


# ---- 09.3 ---------------------------------------------------------------------------------------

_TABLE = np.random.default_rng(4).normal(size=(6, 5))  # six characters, five logits


def _asked(f):
    """The function with what it is asked looked at first."""

    def ask(tokens):
        tokens = np.asarray(tokens)
        if tokens.ndim != 2 or not tokens.size or tokens.dtype.kind not in "iu":
            raise ValueError(f"f takes ids (batch, time), not {tokens.dtype} {tokens.shape}")
        return f(_TABLE[tokens])

    return ask


def _running(x):
    return np.cumsum(x, axis=1) / np.arange(1, x.shape[1] + 1)[:, None]


def _cropped(x):
    """As the mended model: causal, but of the last positions only, and zeros before them."""
    last = _running(x[:, -WINDOW:])
    missing = x.shape[1] - last.shape[1]
    return np.cumsum(x, axis=1) + np.pad(last, [(0, 0), (missing, 0), (0, 0)])


def _one_sees_the_next(x):
    """Causal but for one logit of the second text, which is less by the next character."""
    out = _running(x)
    out[1:, :-1, 2] -= np.abs(x[1:, 1:, 2])
    return out


#: What is tested → a function from vectors (batch, time, size) to logits.
_TESTED = {
    "sees the future": lambda x: _running(x) + x.mean(axis=1, keepdims=True),
    "causal": _running,
    "in one place": _one_sees_the_next,
    "cropped": _cropped,
}


def _differences(f, tokens):
    """For each position the differences (batch, time, size) of a whole text and a text up to it."""
    parts = [f(tokens[:, : t + 1])[:, -1] for t in range(tokens.shape[1])]
    return f(tokens) - np.stack(parts, axis=1)


@exercise("09.3")
def the_same_as_in_a_chat(answer):
    off_by, positions_off = answer
    rng = np.random.default_rng(5)
    for name, length in (
        ("sees the future", 9),
        ("causal", 9),
        ("in one place", 9),
        ("cropped", LONG),
    ):
        f, tokens = _asked(_TESTED[name]), rng.integers(0, 6, (2, length))
        truth = _differences(f, tokens)
        found = np.asarray(off_by(f, tokens.copy()), float)
        hint = _of_differences(found, truth, name)
        if hint:
            return hint
    count = int((np.abs(truth).max(axis=(0, 2)) > MOVED).sum())
    if positions_off == count:
        return None
    if positions_off == 0:
        return (
            "Your function is right; try it on `long`, which is longer than the window.",
            "函数写对了；请用在 `long` 上，它比窗口长。",
        )
    if positions_off == LONG - WINDOW:
        return (
            "Those are the ones that are padded. The others were read with another beginning of "
            "the window than in a chat: does that show?",
            "那只是补零的位置。其余的位置，窗口的起点与聊天时不同：看得出来吗？",
        )
    return (
        "Your function is right: count what it gives for `mended` and `long` above 1e-4.",
        "函数写对了：对 `mended` 和 `long`，它的结果中有几个大于 1e-4？",
    )


def _of_differences(found, truth, name):
    """A hint about what `off_by` returned for one function, or None."""
    largest = np.abs(truth).max(axis=(0, 2))
    if found.shape != largest.shape:
        return (
            f"One number a position is wanted, {largest.shape}, not {found.shape}.",
            f"每个位置要一个数，形状 {largest.shape}，不是 {found.shape}。",
        )
    if np.allclose(found, largest, atol=1e-6):
        return None
    if found[-1] > 1e-6:
        return (
            "At the last position `f` reads the whole text both times: the difference is 0 there.",
            "在最后一个位置，`f` 两次读的都是整个文本：那里的差应当为 0。",
        )
    if name == "causal":
        return (
            "This `f` is causal and differs nowhere: compare at the same position, t, both times.",
            "这个 `f` 是因果的，处处相同：两次比较的应当是同一个位置 t。",
        )
    if not found.any():
        return (
            "It sees no difference where there is one: does `f` read a text that ends at t?",
            "有差别，却没看出来：`f` 读的是到 t 为止的文本吗？",
        )
    if (found < -1e-6).any() or np.allclose(found, truth.max(axis=(0, 2)), atol=1e-6):
        return (
            "A difference below 0 is one, too: take its size, then the largest.",
            "小于 0 的差也是差：先取绝对值，再取最大。",
        )
    if np.allclose(found, np.abs(truth[0]).max(axis=-1), atol=1e-6):
        return (
            "It looks at the first text of the batch only.",
            "它只看了一批中的第一段文本。",
        )
    if np.allclose(found[1:], largest[:-1], atol=1e-6):
        return (
            "It comes one place late: the text up to position t holds t itself.",
            "晚了一位：到位置 t 为止的文本包括 t 自己。",
        )
    return (
        "The largest is wanted, over all texts of the batch and all logits, of the differences "
        "between f(tokens) at t and the last position of f of the text up to t.",
        "要的是最大的差：`f(tokens)` 在 t 处，减去 `f` 读到 t 为止时的最后一位，"
        "再在一批中的所有文本、所有 logits 上取最大。",
    )

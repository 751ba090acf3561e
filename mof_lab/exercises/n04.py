"""Exercises of notebook 04: the router."""

import numpy as np

from ..packing import encode_dialogue
from ..vocabulary import Vocabulary
from . import exercise


def _symbols(question, answer="是巴黎。"):
    """A dialogue as the router reads it, symbol by symbol."""
    vocabulary = Vocabulary.build([question, answer])
    ids, _ = encode_dialogue([("user", question), ("assistant", answer)], vocabulary)
    return [vocabulary.symbol(i) for i in ids]


@exercise("04.1")
def decided(answer):
    one, other = _symbols("法国的首都是哪里？"), _symbols("法国的首都在哪里？")
    same = [a == b for a, b in zip(one, other, strict=True)].index(False)
    found = answer["the same at"], answer["about 巴"]
    if found[0] == 1:
        return (
            "⟨begin⟩ is only the first: at each position ask what the router has read up to there.",
            "⟨begin⟩ 只是第一个：在每个位置都问一问，路由器到那里为止读了什么。",
        )
    if found[0] == same + 1:
        return (
            "The character that differs has been read at its own position already.",
            "不同的那个字，在它自己的位置上就已经读到了。",
        )
    if found[0] != same:
        return (
            "Its GRU has a state: once the texts have differed, can it be sure to forget that? "
            "And mind ⟨begin⟩ and ⟨user⟩.",
            "它的 GRU 带着状态：文字一旦不同，之后必定忘得掉吗？另外别漏了 ⟨begin⟩ 和 ⟨user⟩。",
        )
    if found[1] == one.index("巴"):
        return (
            "There 巴 has been read already; the weights speak about the character after it.",
            "到那里“巴”已经读过了；权重说的是它后面的字。",
        )
    if found[1] != one.index("巴") - 1:
        return (
            "Count the special symbols, too: `routed.symbols` above is the first dialogue.",
            "特殊符号也要数：上面的 `routed.symbols` 就是第一段对话。",
        )
    return None


def _measured(seed=0, characters=200, experts=3):
    """What experts alone would need (experts, characters), and weights (characters, experts)."""
    rng = np.random.default_rng(seed)
    nats = rng.exponential(3, size=(experts, characters))
    return nats, rng.dirichlet(np.ones(experts), size=characters)


@exercise("04.2")
def probabilities(answer):
    blended_nats, beats_oracle = answer
    nats, weights = _measured()
    truth = -np.log(np.einsum("ti,it->t", weights, np.exp(-nats)))
    found = np.asarray(blended_nats(nats.copy(), weights.copy()))
    if found.shape != truth.shape:
        return (
            f"It should return one number a character, {truth.shape}, not {found.shape}.",
            f"每个字应当有一个数，形状 {truth.shape}，不是 {found.shape}。",
        )
    if np.allclose(found, np.einsum("ti,it->t", weights, nats)):
        return (
            "This blends the surprises. Make probabilities of them first, blend, and go back.",
            "这是在混合意外程度。先化成概率，混合之后再化回去。",
        )
    if np.allclose(found, np.exp(-truth)):
        return "These are the probabilities; the surprise is wanted.", "这是概率；要的是意外程度。"
    if np.allclose(found, truth / np.log(2)):
        return "These are bits; nats are wanted.", "单位是比特；要的是 nat。"
    if not np.allclose(found, truth):
        return (
            "By hand first: experts that give 0.5 and 0.1, weights 0.8 and 0.2, make p = 0.42.",
            "先手算一个字：两位专家给出 0.5 和 0.1，权重 0.8 和 0.2，得 p = 0.42。",
        )
    if bool(beats_oracle) != bool((truth < nats.min(axis=0) - 1e-9).any()):
        return (
            "Compare p with the largest of the experts' probabilities, at any weights you like.",
            "把 p 与各专家概率中最大的一个相比，权重随你取。",
        )
    return None


@exercise("04.3")
def the_largest(top_k):
    weights = np.random.default_rng(0).dirichlet(np.ones(4), size=(2, 5))
    kept = np.argsort(weights, axis=-1)[..., ::-1]  # (batch, time, experts), the largest first
    for k in (1, 2, 4):
        truth = np.zeros_like(weights)
        largest = kept[..., :k]
        np.put_along_axis(truth, largest, np.take_along_axis(weights, largest, -1), -1)
        found = np.asarray(top_k(weights.copy(), k))
        if found.shape != truth.shape:
            return (
                f"The shape should stay {truth.shape}, not become {found.shape}.",
                f"形状应当仍是 {truth.shape}，不是 {found.shape}。",
            )
        if np.allclose(found, truth / truth.sum(axis=-1, keepdims=True)):
            continue
        if np.allclose(found, truth):
            return (
                "The right experts are kept; but what do their weights sum to now?",
                "留下的专家是对的；可是它们的权重现在加起来是多少？",
            )
        left = np.count_nonzero(found, axis=-1)
        if not (left == k).all():
            return (
                f"For k = {k} a position keeps {left.min()} to {left.max()} experts. Is it done at "
                "every position, along the last axis?",
                f"k = {k} 时，一个位置留下 {left.min()} 到 {left.max()} 位专家。"
                "是在每个位置上、沿最后一轴做的吗？",
            )
        if not np.array_equal(found > 0, truth > 0):
            return (
                "The number is right, but these are not the largest: which end of a sort is which?",
                "个数对了，但留下的不是最大的：排序之后，哪一头大？",
            )
        return (
            "The right experts are kept, but not in their proportions: 0.6 to 0.2 stays 3 to 1.",
            "留下的专家是对的，比例却变了：0.6 比 0.2 应当仍是 3 比 1。",
        )
    return None

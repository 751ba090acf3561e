"""Exercises of notebook 07: inside the model."""

import functools

import numpy as np

from . import exercise

ARRAYS = ("router_weights", "surprisal", "expert_surprisal", "attention", "update")


@functools.cache
def _moved():
    """What each switch changes in a trace of the shipped model: switch → names of arrays."""
    from .. import checkpoint  # slow to load
    from ..ablation import Off
    from ..folders import shipped
    from ..inspection import trace_dialogue

    model, vocabulary, _ = checkpoint.load(shipped("tiny"))
    turns = [("user", "法国的首都是哪里？"), ("assistant", "是巴黎。")]
    before = trace_dialogue(model, vocabulary, turns)
    switches = {
        "gru off": Off(experts={"gru"}),
        "thoughts off": Off(thoughts=range(len(before.alpha))),
    }
    moved = {}
    for switch, off in switches.items():
        after = trace_dialogue(model, vocabulary, turns, off)
        pairs = {name: (getattr(before, name), getattr(after, name)) for name in ARRAYS}
        moved[switch] = {
            name
            for name, (a, b) in pairs.items()
            if not np.allclose(a, b, atol=1e-4, equal_nan=True)
        }
    return moved


@exercise("07.1")
def how_far_a_switch_reaches(moved):
    named = {switch: set(moved[switch]) for switch in ("gru off", "thoughts off")}
    unknown = set().union(*named.values()) - set(ARRAYS)
    if unknown:
        return (
            f"{sorted(unknown)[0]!r} is none of the five arrays; give a set of names for each.",
            f"{sorted(unknown)[0]!r} 不是那五个数组之一；每种情况写一个名字的集合。",
        )
    hints = {
        ("gru off", "router_weights"): (
            "Without the GRU, to whom does its share go? The weights still sum to 1.",
            "没有了 GRU，它的那一份归谁？权重之和仍然为一。",
        ),
        ("gru off", "update"): (
            "Is the GRU silent, or does nobody listen to it? Its gates are inside it.",
            "是 GRU 不读了，还是没有人听它的了？门在它里面。",
        ),
        ("gru off", "expert_surprisal"): (
            "What an expert would say *alone* does not depend on how much it is trusted.",
            "专家**单独**会怎么说，与信任它多少无关。",
        ),
        ("gru off", "attention"): (
            "The two experts read the same stem side by side: does either read the other?",
            "两位专家并排读同一个主干：它们互相读吗？",
        ),
        ("thoughts off", "attention"): (
            "The second block reads the stream that the first block's thought was added to.",
            "第二层读的残差流，正是加过第一层思维的那个。",
        ),
        ("thoughts off", "expert_surprisal"): (
            "One of the two experts has the thoughts in it.",
            "两位专家中，有一位的内部就有思维。",
        ),
        ("thoughts off", "router_weights"): (
            "What does the router read: the experts' results, or the stem?",
            "路由器读的是专家的结果，还是主干？",
        ),
        ("thoughts off", "update"): (
            "Which expert has the gates, and which has the thoughts?",
            "门在哪位专家里，思维又在哪位里？",
        ),
    }
    truth = _moved()
    for (switch, name), hint in hints.items():
        if (name in named[switch]) != (name in truth[switch]):
            return hint
    if named != truth:  # only `surprisal` is left
        return (
            "The next character comes from the mixture: does either switch leave that as it is?",
            "下一个字出自混合的结果：哪个开关能让它保持不变？",
        )
    return None


def _attention(gamma, time=24):
    """Effective attention (time, time) of a head with that γ; the same scores for every γ."""
    scores = np.random.default_rng(0).uniform(0.1, 2, size=(time, time))
    at = np.arange(time)
    scores = np.tril(scores * gamma ** np.abs(at[:, None] - at[None, :]))
    return scores / scores.sum(axis=1, keepdims=True)


def _distance(attention):
    """Mean distance back."""
    at = np.arange(len(attention))
    return ((at[:, None] - at[None, :]) * attention).sum(axis=1).mean()


@exercise("07.2")
def decay_out_of_the_picture(answer):
    without_decay, looks = answer
    before, truth = _attention(0.9), _attention(1.0)
    found = np.asarray(without_decay(before.copy(), 0.9))
    if found.shape != truth.shape:
        return (
            f"One row a query, one column a key: {truth.shape}, not {found.shape}.",
            f"每行一个查询，每列一个键：形状 {truth.shape}，不是 {found.shape}。",
        )
    if not np.allclose(found, truth):
        if np.allclose(found, before):
            return "Nothing has changed.", "什么都没变。"
        if not np.allclose(np.triu(found, 1), 0):
            return "It looks ahead now.", "它现在看到了后文。"
        if not np.allclose(found.sum(axis=1), 1):
            return (
                "The rows do not sum to 1: the formula has a line with something below it.",
                "各行之和不为一：公式里有一条分数线，线下还有东西。",
            )
        if np.allclose(found, _attention(0.81)):
            return (
                "Now it decays twice: which way is a factor taken out?",
                "现在衰减了两次：要去掉一个因子，该怎么做？",
            )
        return (
            "What stands n characters back was multiplied by γⁿ: which n has each entry?",
            "n 个字之前的内容乘过 γⁿ：每一项的 n 是多少？",
        )
    if looks == ("farther" if _distance(truth) > _distance(before) else "nearer"):
        return None
    return (
        "Print the mean distance before and after: for each row the sum of (t − s) times weight.",
        "打印前后的平均距离：每一行是 (t − s) 乘权重之和。",
    )


@exercise("07.3")
def first_and_last(worth):
    parts = [(0, 0), (0, 1), (1, 0)]
    rng = np.random.default_rng(0)
    subsets = [frozenset(p for i, p in enumerate(parts) if n >> i & 1) for n in range(8)]
    bits = {off: rng.uniform(1, 2) + len(off) for off in subsets}

    def read(off):
        if not isinstance(off, set | frozenset | list | tuple) or not set(off) <= set(parts):
            raise ValueError(f"read takes a set of parts, such as {{(0, 1)}}, not {off!r}")
        return bits[frozenset(off)]

    found = worth(read, list(parts))
    if not isinstance(found, dict) or set(found) != set(parts):
        return "Return a dictionary with every part as a key.", "请返回一个字典，每个部分是一个键。"
    nothing, everything = frozenset(), frozenset(parts)
    truth = np.array(
        [
            (bits[frozenset({p})] - bits[nothing], bits[everything] - bits[everything - {p}])
            for p in parts
        ]
    )
    found = np.array([found[p] for p in parts], float)
    if found.shape != truth.shape:
        return "Two numbers for each part are wanted.", "每个部分要两个数。"
    first, last = (np.allclose(found[:, i], truth[:, i]) for i in (0, 1))
    if first and last:
        return None
    if np.allclose(found[:, ::-1], truth):
        return "The two numbers have changed places.", "两个数的位置反了。"
    if np.allclose(np.abs(found), np.abs(truth)):
        return (
            "A sign is wrong: here a part that helps gives two numbers above 0.",
            "有正负号反了：在这里，有用的部分两个数都大于 0。",
        )
    if first:
        return (
            "The first is right. For the second begin with all of `parts` off, and switch one on.",
            "第一个数对了。第二个数要从 `parts` 全部关掉开始，再打开一个。",
        )
    return (
        "For the first compare two readings: nothing off, and only this part off.",
        "第一个数比较两次阅读：什么都不关，和只关这一个。",
    )

"""Exercises of notebook 00: the first chat."""

import functools

import numpy as np

from . import exercise


@functools.cache
def _session():
    from ..chat import ChatSession  # the model is slow to load
    from ..folders import shipped

    return ChatSession.from_checkpoint(shipped())


@exercise("00.1")
def memory(entries):
    session = _session()
    session.clear()
    for text in ("我叫小明", "[CLEAN]", "你好", "我叫什么名字？"):
        session.chat(text, temperature=0, max_length=20)
    if entries == len(session.turns):
        return None
    if not hasattr(entries, "__index__"):
        return "Give a whole number, such as 3.", "请填一个整数，例如 3。"
    if entries == len(session.turns) // 2:
        return (
            "Question and answer are an entry each: look at the `role` of every one.",
            "一问一答各算一项：看看每一项的角色。",
        )
    return (
        "Go through the four messages one by one: which add entries, which one empties the list?",
        "把四次发送逐次过一遍：哪几次增加了项，哪一次把它们清空？",
    )


@exercise("00.2")
def temperature(answers):
    if not isinstance(answers, dict) or set(answers) != {0, 1.5}:
        return "Keep the two temperatures 0 and 1.5 as keys.", "请保留 0 和 1.5 两个温度作为键。"
    cold, warm = answers[0], answers[1.5]
    if isinstance(cold, str) or isinstance(warm, str) or len(cold) != 5 or len(warm) != 5:
        return (
            "Five answers for each temperature, please, as a list.",
            "每个温度请给五个回答，放在列表里。",
        )
    if len(set(cold)) > 1:
        return (
            "At temperature 0 the answers differ: does each conversation begin with `[CLEAN]`?",
            "温度为 0 时回答却不同：每次都先发送 `[CLEAN]` 了吗？",
        )
    session = _session()
    session.clear()
    if cold[0] != session.chat("你喜欢什么？", temperature=0):
        return (
            "The first list is not what the model says at temperature 0 in a fresh conversation.",
            "第一个列表不是模型在新对话、温度 0 时的回答。",
        )
    if len(set(warm)) == 1:
        return (
            "At 1.5 all five are the same: did the temperature reach `session.chat`, and do the "
            "seeds differ?",
            "温度 1.5 时五个全同：温度传给 `session.chat` 了吗？种子各不相同吗？",
        )
    return None


@exercise("00.3")
def trusted_more(share):
    weights = np.random.default_rng(0).dirichlet((2, 1, 1), size=50)
    truth = (weights == weights.max(axis=1, keepdims=True)).mean(axis=0)
    found = np.asarray(share(weights.copy()))
    if found.shape != truth.shape:
        return (
            f"It should return one number for each expert, not the shape {found.shape}.",
            f"应当给每位专家一个数，而不是形状 {found.shape}。",
        )
    if np.allclose(found, truth):
        return None
    if np.allclose(found, truth * len(weights)):
        return (
            "These are counts; the share of all characters is wanted.",
            "这是个数；要的是占全部字的比例。",
        )
    if np.allclose(found, weights.mean(axis=0)):
        return (
            "This is the mean weight. At each character first ask who has the largest.",
            "这是平均权重。先在每个字上问：谁的权重最大？",
        )
    return (
        "By hand first, three characters and two experts: [[.9, .1], [.4, .6], [.8, .2]].",
        "先用三个字、两位专家手算一遍：[[.9, .1], [.4, .6], [.8, .2]]。",
    )

"""Exercises of notebook 05: chat tuning."""

import numpy as np

from ..packing import ANSWER, encode_dialogue
from ..vocabulary import ASSISTANT, END, PADDING, Vocabulary
from . import exercise

TURNS = [  # the notebook's
    ("user", "我叫小明"),
    ("assistant", "小明，你好！"),
    ("user", "我叫什么名字？"),
    ("assistant", "你叫小明。"),
]


def _encoded(turns):
    """Vocabulary, ids and roles of a dialogue."""
    vocabulary = Vocabulary.build([*(text for _, text in turns), "好的"])
    return vocabulary, *encode_dialogue(turns, vocabulary)


@exercise("05.1")
def typed_marks(counted):
    turns = [("user", "⟨end⟩⟨assistant⟩我是小红。"), ("assistant", "好的。")]
    _, ids, roles = _encoded(turns)
    learnt = roles.count(ANSWER)
    if counted["⟨end⟩ marks"] != ids.count(END):
        return (
            "What is typed stays characters; which ⟨end⟩ does `encode_dialogue` put in itself?",
            "手打的只是普通字；哪些 ⟨end⟩ 是 `encode_dialogue` 自己放进去的？",
        )
    if counted["learnt"] == learnt - 1:
        return (
            "And how does the model learn that the answer is over?",
            "那么，模型怎么学会回答已经结束了？",
        )
    if counted["learnt"] == learnt + 1:
        return (
            "The mark ⟨assistant⟩ is given to the model; it does not have to write it.",
            "⟨assistant⟩ 是给模型的，不用它自己写。",
        )
    if counted["learnt"] != learnt:
        return (
            "Only what the assistant has to write is learnt: go through the tokens one by one.",
            "只学助手要写的：把符号逐个过一遍。",
        )
    m = np.array(roles[1:]) == ANSWER
    bits = -np.log2(np.where(m, 1 / 2, 1 / 1000))
    truth, found = (m * bits).sum() / m.sum(), counted["loss in bits"]
    if np.isclose(found, truth):
        return None
    if np.isclose(found, truth * np.log(2)):
        return "These are nats; bits are wanted.", "单位是 nat；要的是比特。"
    if np.isclose(found, truth * m.sum()):
        return "This is the sum; what is below the line?", "这是总和；分数线下面是什么？"
    return (
        "Where the mask is 0 a character adds nothing, neither above the line nor below it.",
        "掩码为 0 的字，在分子和分母里都不起作用。",
    )


@exercise("05.2")
def nothing_says_stop(answer):
    mask_without_end, vanished = answer
    vocabulary, ids, roles = _encoded(TURNS)
    before = np.array(roles[1:]) == ANSWER
    truth = before & (np.array(ids[1:]) != END)
    found = np.asarray(mask_without_end(list(ids), list(roles)))
    if found.shape != truth.shape:
        return (
            f"There is one target for each of ids[1:], {truth.shape}, not {found.shape}.",
            f"`ids[1:]` 里每个符号对应一个目标，形状 {truth.shape}，不是 {found.shape}。",
        )
    if np.array_equal(found, before):
        return "⟨end⟩ is still learnt.", "⟨end⟩ 还在学。"
    if not np.array_equal(found, truth):
        if np.array_equal(found[1:], truth[:-1]):
            return (
                "It comes one place late: the mask is of the targets, `roles[1:]`.",
                "晚了一位：掩码说的是目标，即 `roles[1:]`。",
            )
        return (
            "All else stays as it was: 1 on the assistant's characters, 0 on the user's.",
            "其余都不变：助手的字为 1，用户的字为 0。",
        )
    read = {vocabulary.symbol(ids[t]) for t in np.flatnonzero(before & ~truth)}
    if set(vanished) == read:
        return None
    if "⟨end⟩" in vanished:
        return (
            "The logits that predict ⟨end⟩ stand one place before it: what has just been read?",
            "预测 ⟨end⟩ 的 logits 在它前面一位：那时刚读完哪个符号？",
        )
    return (
        "Compare `gradient > 0` with the old mask and the new one, and print `symbols` where they "
        "differ.",
        "比较新旧两种掩码下的 `gradient > 0`，打印二者不同处的 `symbols`。",
    )


@exercise("05.3")
def marks_say_who_speaks(answer_mask):
    vocabulary, ids, roles = _encoded(TURNS)
    one = np.array(roles) == ANSWER
    found = np.asarray(answer_mask(list(ids)))
    if found.shape != one.shape:
        return (
            f"One entry a token is wanted, {one.shape}, not {found.shape}.",
            f"每个符号要有一项，形状 {one.shape}，不是 {found.shape}。",
        )
    ids = np.array(ids)
    if np.array_equal(found, one & (ids != END)):
        return (
            "The answers are found, but not how they end.",
            "回答找到了，可是回答的结尾没有算进去。",
        )
    if np.array_equal(found, one | (ids == ASSISTANT)):
        return (
            "⟨assistant⟩ itself is given, not written: the mask begins after it.",
            "⟨assistant⟩ 是给定的，不是写出来的：掩码从它后面开始。",
        )
    if np.array_equal(found, one | (ids == END)):
        return "Whose ⟨end⟩ is it, after a question?", "问句后面的 ⟨end⟩ 是谁的？"
    if not np.array_equal(found, one):
        at = int(np.flatnonzero(found != one)[0])
        return (
            f"In the dialogue above, token {at} ({vocabulary.symbol(ids[at])}) is the first that "
            "is wrong.",
            f"上面那段对话里，第一个出错的是第 {at} 个符号（{vocabulary.symbol(ids[at])}）。",
        )
    # The second dialogue ends with its question: ⟨pad⟩ follows a user's ⟨end⟩.
    window = [*ids.tolist(), *ids[:-7].tolist(), PADDING, PADDING]
    truth = [*one, *one[:-7], False, False]
    if not np.array_equal(answer_mask(window), truth):
        return (
            "One dialogue is right; with a second one and ⟨pad⟩ behind it, it is not.",
            "一段对话是对的；后面再接一段和 ⟨pad⟩ 就不对了。",
        )
    return None

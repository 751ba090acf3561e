"""Exercises of notebook 06: the chat."""

import numpy as np

from ..generation import NEVER, Sampling, probabilities
from ..vocabulary import BEGIN, END, USER
from . import exercise

FIRST = END + 1  # the id of the first character


def _drawn_from(scores, **sampling):
    """The distribution (characters,) over characters with these scores."""
    logits = np.concatenate([np.full(FIRST, -1e9), scores])
    return probabilities(logits, Sampling(**{"temperature": 1.0, "top_p": 1.0, **sampling}))[FIRST:]


@exercise("06.1")
def on_paper(predicted):
    scores = np.log([0.6, 0.3, 0.1])
    cold = _drawn_from(scores, temperature=0.5)
    warm = _drawn_from(scores, temperature=2.0, top_k=1)
    draws = {int(np.random.default_rng(seed).choice(3, p=warm)) for seed in range(100)}
    found = predicted["times as likely at 0.5"]
    if np.isclose(found, (0.6 / 0.3) ** 0.5, rtol=0.02):
        return (
            "That is what temperature 2 does: 0.5 sharpens.",
            "那是温度 2 的结果：0.5 会让分布更集中。",
        )
    if not np.isclose(found, cold[0] / cold[1]):
        return (
            "Write the quotient of two probabilities with the formula: what does dividing both "
            "scores by T do to it?",
            "用公式写出两个概率之比：两个分数都除以 T，这个比会怎样？",
        )
    for T in (1, 2):
        kept = np.count_nonzero(_drawn_from(scores, temperature=float(T), top_p=0.85))
        if predicted[f"kept by top_p at {T}"] != kept:
            return (
                f"At temperature {T}: compute the three probabilities, then add them up from the "
                "likeliest on until 0.85 is reached.",
                f"温度为 {T} 时：先算出三个概率，再从最大的开始相加，直到达到 0.85。",
            )
    if predicted["first characters with top_k 1"] != len(draws):
        return (
            "How many characters does `top_k=1` leave to draw from? Neither temperature nor seed "
            "adds one.",
            "`top_k=1` 留下几个字可抽？温度和种子都不会让字变多。",
        )
    return None


@exercise("06.2")
def other_order(answer):
    cut_first, keeps_more = answer
    logits = np.random.default_rng(5).normal(scale=2, size=60)
    logits[USER] = logits.max() + 3  # a mark, which is never drawn
    for temperature, top_p in ((1.4, 0.5), (1.0, 0.8), (0.5, 0.9)):
        at_one = probabilities(logits, Sampling(temperature=1.0, top_p=top_p))
        truth = at_one ** (1 / temperature)
        truth /= truth.sum()
        found = np.asarray(cut_first(logits.copy(), temperature, top_p))
        if found.shape != truth.shape:
            return (
                f"One probability for each character is wanted, {truth.shape}, not {found.shape}.",
                f"应当给每个字一个概率，形状 {truth.shape}，不是 {found.shape}。",
            )
        if np.allclose(found, truth):
            continue
        as_before = probabilities(logits, Sampling(temperature=temperature, top_p=top_p))
        if np.allclose(found, as_before):
            return (
                "This is still the old order: which temperature is in force when top_p cuts?",
                "这还是原来的次序：`top_p` 截断时用的是哪个温度？",
            )
        if np.allclose(found, at_one):
            return (
                "The cut is right; now the temperature has no effect.",
                "截断对了；可是温度没有起作用。",
            )
        if found[list(NEVER)].any():
            return (
                "It can draw a mark such as ⟨user⟩; `probabilities` leaves those out.",
                "它会抽到 ⟨user⟩ 这样的标记；`probabilities` 会把它们排除在外。",
            )
        if not np.isclose(found.sum(), 1):
            return "The probabilities do not sum to 1.", "概率之和不是 1。"
        if ((found > 0) != (truth > 0)).any():
            return (
                "What is cut off must stay at 0, and what is kept must stay above it.",
                "截掉的必须一直是 0，留下的必须大于 0。",
            )
        return (
            "The right characters are kept. Temperature divides the scores, which are the "
            "logarithms of probabilities: what does that do to a probability?",
            "留下的字对了。温度除的是分数，也就是概率的对数：对概率本身是什么运算？",
        )
    before, after = (
        np.count_nonzero(p)
        for p in (
            probabilities(logits, Sampling(temperature=1.4, top_p=0.5)),
            probabilities(logits, Sampling(temperature=1.0, top_p=0.5)),
        )
    )
    if keeps_more != ("temperature first" if before > after else "cut first"):
        return (
            "Your function is right: count what is above 0 in both orders.",
            "函数写对了：两种次序下，大于 0 的各有几个？",
        )
    return None


class _Reader:
    """Reads as a decoder does: the scores depend on all that was read, here on the last id."""

    #: Probabilities of ⟨end⟩ and of five characters, the same after every character.
    SHARES = {END: 0.1, FIRST: 0.42, FIRST + 1: 0.3, FIRST + 2: 0.12, FIRST + 3: 0.05}

    def __init__(self):
        self.pieces = []  # what was read, call by call

    def __call__(self, ids):
        self.pieces.append([int(i) for i in ids])
        logits = np.full(FIRST + 6, -50.0)
        for token, p in self.SHARES.items():
            logits[token] = np.log(p)
        logits[USER] = 2.0  # a mark, which is never drawn
        return logits


@exercise("06.3")
def min_p(write):
    prompt, share = [BEGIN, USER, FIRST, END], 0.2
    shares = {t: p for t, p in _Reader.SHARES.items() if p >= share * max(_Reader.SHARES.values())}
    first, longest, ended, varied = [], 12, 0, False
    for seed in range(200):
        read = _Reader()
        written = [int(i) for i in write(read, list(prompt), share, seed, longest)]
        first.append(written[0] if written else END)
        ended += len(written) < longest
        varied |= len(set(written)) > 1
        hint = _of_an_answer(written, read.pieces, prompt, shares, longest)
        if hint:
            return hint
    if len(set(first)) == 1:
        return (
            "All seeds give the same: draw, and do not take the likeliest.",
            "所有种子的结果都一样：要抽，不要总取最可能的。",
        )
    if not varied:
        return (
            "Each answer repeats one character: make the random generator once, before the loop.",
            "每个回答都只重复一个字：随机数生成器要在循环之前建立，只建一次。",
        )
    if not ended:
        return "It never ends by itself: END may be drawn too.", "它从不自己结束：END 也能抽到。"
    again = [[int(i) for i in write(_Reader(), list(prompt), share, 3, longest)] for _ in "12"]
    if again[0] != again[1]:
        return (
            "The same seed gives two answers: where is the random generator made?",
            "同一个种子给出两个回答：随机数生成器是在哪里建立的？",
        )
    total = sum(shares.values())
    if any(abs(first.count(t) / len(first) - p / total) > 0.14 for t, p in shares.items()):
        return (
            "The right characters, but not as often as they should come: draw in proportion to "
            "their probabilities.",
            "字选对了，但出现的次数不对：要按概率的比例来抽。",
        )
    return None


def _of_an_answer(written, pieces, prompt, shares, longest):
    """A hint about one answer and what was read for it, or None."""
    if not pieces or pieces[0] != prompt:
        return "First read the whole prompt, at once.", "先把整个提示一次读入。"
    if END in written:
        return (
            "END stands in the answer: it says that the answer is over and is no part of it.",
            "回答里出现了 END：它表示回答结束，不是回答的一部分。",
        )
    if len(written) > longest:
        return (
            f"It wrote {len(written)} characters where at most {longest} were asked for.",
            f"要求最多 {longest} 个字，却写了 {len(written)} 个。",
        )
    if set(written) & set(NEVER):
        return (
            "It wrote a mark such as ⟨user⟩; `probabilities` leaves those out.",
            "它写出了 ⟨user⟩ 这样的标记；`probabilities` 会把它们排除在外。",
        )
    if set(written) - set(shares):
        return (
            "It wrote a character that should be cut off: compare each probability with `share` "
            "times the largest.",
            "写出了本该截掉的字：每个字的概率都要与最大概率的 `share` 倍比较。",
        )
    told = [i for piece in pieces[1:] for i in piece]
    if any(len(piece) > 1 for piece in pieces[1:]):
        return (
            "`read` remembers: after the prompt give it only the new character.",
            "`read` 记得读过的内容：读完提示之后，每次只给它新写的那个字。",
        )
    if told not in (written, written[:-1]):
        return (
            "The next scores come from reading the character that was just written, each once.",
            "要读入刚写的那个字，才能得到下一次的分数；每个字只读一次。",
        )
    return None

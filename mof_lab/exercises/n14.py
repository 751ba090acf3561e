"""Exercises of notebook 14: a text of one's own."""

import math

import numpy as np

from . import exercise

# ---- 14.1 ---------------------------------------------------------------------------------------

#: The task's own numbers.
WINDOWS, WINDOW, BATCH, SPEED, SECONDS = 800, 128, 8, 20_480, 60
HELD_OUT, MARGIN, GAIN = 3_000, 0.5, 0.25


@exercise("14.1")
def before_it_runs(predicted):
    steps = SECONDS * SPEED / (BATCH * WINDOW)
    passes = SECONDS * SPEED / (WINDOWS * WINDOW)
    found = predicted["steps"]
    if math.isclose(found, SECONDS * SPEED / BATCH) or math.isclose(found, SECONDS * SPEED):
        return (
            "A step reads a batch of windows: how many characters are that?",
            "一步读一批窗口：那一共是多少个字？",
        )
    if not math.isclose(found, steps):
        return (
            "In so many seconds so many characters are read; divide by those of one step.",
            "先算这些秒里读了多少字，再除以一步的字数。",
        )
    found = predicted["times read"]
    if math.isclose(found, steps / WINDOWS):
        return (
            "A step reads more than one window.",
            "一步读的不止一个窗口。",
        )
    if not math.isclose(found, passes):
        return (
            "How many steps does it take to read all windows once?",
            "把所有窗口读一遍要多少步？",
        )
    found = predicted["held out for ± 0.25"]
    if found == HELD_OUT * MARGIN / GAIN:
        return (
            "The error of a mean does not fall as fast as its size grows: with the root.",
            "平均值的误差不会随数量成反比地下降，而是按平方根。",
        )
    if not math.isclose(found, HELD_OUT * (MARGIN / GAIN) ** 2):
        return (
            "Half the error: how many times as many characters does that take, if it falls with "
            "their root?",
            "误差减半：误差按字数的平方根下降，字数要变成几倍？",
        )
    return None


# ---- 14.2 ---------------------------------------------------------------------------------------


@exercise("14.2")
def add_one(answer):
    function, better = answer
    rng = np.random.default_rng(0)
    for size in (3, 40):
        together = rng.poisson(0.4, (size, size))
        together[1] = 0  # nothing was seen after this one
        for before, after in ((0, 1), (1, 2), (2, 2)):
            pair, seen = int(together[before, after]), int(together[before].sum())
            truth, found = (pair + 1) / (seen + size), function(pair, seen, size)
            if np.shape(found) != ():
                return "One number is wanted.", "应当返回一个数。"
            if np.isclose(found, truth):
                continue
            if seen == 0 and np.isclose(found, 0):
                return (
                    "After a character that was never seen every next one must be possible, too.",
                    "没见过的字后面，也要什么字都有可能。",
                )
            if np.isclose(found, (pair + 1) / (seen + 1)):
                return (
                    "If each of `size` characters is seen once more, how many sightings are added?",
                    "`size` 个字各多见一次，一共多了几次？",
                )
            if seen and np.isclose(found, pair / seen):
                return (
                    "This gives 0 to a pair that was not seen, which costs infinitely many bits.",
                    "没见过的对子概率为 0，那要花无穷多比特。",
                )
            return (
                f"Seen {pair} times of {seen}, with {size} characters: it should be {truth:.4f}; "
                f"you get {found:.4f}.",
                f"{seen} 次里见过 {pair} 次、共 {size} 个字时，应为 {truth:.4f}，"
                f"你得到 {found:.4f}。",
            )
    # The share that is left for what was not seen, after a character with 20 sightings of 10
    # different ones among 2,000.
    left = {"add one": 1 - (20 + 10) / (20 + 2000), "Witten and Bell": 10 / (20 + 10)}
    right = min(left, key=left.get)
    if better not in left:
        return (
            'The function is right; `better` should be "add one" or "Witten and Bell".',
            '函数写对了；`better` 应是 "add one" 或 "Witten and Bell"。',
        )
    if better != right:
        return (
            "The function is right. A character was seen 20 times, with 10 different ones after "
            "it, of 2,000 there are: what share does each way leave to those not seen?",
            "函数写对了。一个字见过 20 次，后面有 10 种不同的字，词表共 2,000 字："
            "两种算法各给没见过的字留多少概率？",
        )
    return None


# ---- 14.3 ---------------------------------------------------------------------------------------


def _leaked(train, held_out, length):
    """The same, by brute force."""
    there = {text[i : i + length] for text in train for i in range(len(text) - length + 1)}
    marked = total = 0
    for text in held_out:
        total += len(text)
        marked += sum(
            any(
                text[i : i + length] in there
                for i in range(max(0, k - length + 1), min(k, len(text) - length) + 1)
            )
            for k in range(len(text))
        )
    return marked / total


CASES = (
    (["一二三四五六七八"], ["甲三四五乙"], 3),
    (["一二三四五六七八"], ["甲二三四五乙"], 3),  # two passages that overlap
    (["一二三", "四五六"], ["三四五六"], 3),  # none across the end of a document
    (["一二三四"], ["二三", "二三四五"], 3),  # one shorter than a passage
    (["一二三四五六七八"], ["甲乙丙丁"], 2),
    (["天天天天"], ["天天天", "地天天地天天"], 2),
)


@exercise("14.3")
def leaked(function):
    for train, held_out, length in CASES:
        found, truth = function(list(train), list(held_out), length), _leaked(*(
            train, held_out, length
        ))  # fmt: skip
        if not isinstance(found, int | float | np.number):
            return "A share is wanted: one number.", "要一个比例：一个数。"
        if np.isclose(found, truth):
            continue
        joined = _leaked(["".join(train)], held_out, length)
        if joined != truth and np.isclose(found, joined):
            return (
                "A passage across the end of one document and the beginning of the next stands in "
                "no text: keep the documents apart.",
                "横跨两篇文档的片段，哪篇里都没有：不要把文档连起来。",
            )
        if found > 1 + 1e-9:
            return (
                "More than everything: passages overlap, and a character counts once.",
                "超过了全部：片段会重叠，每个字只算一次。",
            )
        shown = f"train {train}, held out {held_out}, length {length}"
        return (
            f"For {shown} it should be {truth:.3f}; you get {found:.3f}.",
            f"{shown} 时应为 {truth:.3f}，你得到 {found:.3f}。",
        )
    return None

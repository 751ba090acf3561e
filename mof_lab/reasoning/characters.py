"""The characters of a phrase, spelled out with running numbers: 小1河2镇3."""

from .problem import ask
from .words import (
    COLOURS,
    DEEDS,
    FOODS,
    GIVEN_NAMES,
    NAMES,
    OBJECTS,
    PHRASES,
    PLACES,
    SORTS,
    person,
)

_THINGS = tuple(
    word for sort in (*SORTS.values(), FOODS, COLOURS) for word in sort if len(word) > 1
)


def phrase(rng):
    """A word, a name or a small sentence of two to eight characters."""
    make = rng.randrange(5)
    if make == 0:
        return rng.choice(PHRASES)
    if make == 1:
        return rng.choice(_THINGS) + rng.choice(("", "", "真好", "和" + person(rng)))
    if make == 2:
        return rng.choice(NAMES) + rng.choice(DEEDS) + rng.choice(_THINGS)
    if make == 3:
        return rng.choice(OBJECTS) + "在" + rng.choice(PLACES)
    return "".join(rng.sample(GIVEN_NAMES, rng.randint(2, 6)))


def _spelled(text):
    return "".join(f"{character}{i}" for i, character in enumerate(text, start=1))


COUNT = (
    "“{text}”有几个字？",
    "“{text}”一共几个字",
    "数一数，“{text}”是几个字？",
    "“{text}”这句话有多少个字？",
    "请数数“{text}”的字数。",
    "“{text}”由几个字组成？",
    "写“{text}”要写几个字？",
    "考考你：“{text}”有几个字？",
    "{who}写了“{text}”，写了几个字？",
    "牌子上写着“{text}”，有几个字？",
    "“{text}”的字数是多少？",
)
NTH = (
    "“{text}”的第{n}个字是什么？",
    "“{text}”里第{n}个字是哪个？",
    "请说出“{text}”的第{n}个字。",
    "在“{text}”里，第{n}个是什么字？",
    "“{text}”从左数第{n}个字是什么",
    "考考你：“{text}”第{n}个字是什么？",
    "{who}写“{text}”，写的第{n}个字是什么？",
    "牌子上写着“{text}”，第{n}个字是什么？",
    "读一读“{text}”，第{n}个字是哪个字？",
    "数到第{n}个字：“{text}”，是什么字？",
    "“{text}”，第{n}个字呢？",
)


def characters(rng):
    """How many characters, or which is the n-th: spelling stops there."""
    text = phrase(rng)
    n = rng.randint(1, len(text))
    wordings, answer = rng.choice(
        (
            (COUNT, f"{_spelled(text)}，是{len(text)}个字。"),
            (NTH, f"{_spelled(text[:n])}，是{text[n - 1]}。"),
        )
    )
    key = f"characters {text}"
    return ask(rng, "characters", key, wordings, answer, text=text, n=n, who=rng.choice(NAMES))


TIMES = (
    "把“{text}”写{n}遍",
    "“{text}”写{n}遍",
    "请把“{text}”重复{n}遍。",
    "跟我说{n}遍“{text}”",
    "“{text}”说{n}遍",
    "请连着写{n}遍“{text}”。",
    "{who}要你把“{text}”念{n}遍",
    "抄{n}遍：“{text}”",
    "能把“{text}”说{n}遍吗？",
    "练字：“{text}”，写{n}遍",
    "老师让你把“{text}”抄{n}遍。",
)
BACKWARDS = (
    "把“{text}”倒着写",
    "“{text}”倒过来怎么写？",
    "请倒着念“{text}”。",
    "“{text}”反过来是什么？",
    "把“{text}”的字从后往前写一遍",
    "从最后一个字开始写“{text}”",
    "{who}倒着念“{text}”，念出来是什么？",
    "把“{text}”反着排，是什么？",
    "考考你：“{text}”倒着说是什么？",
    "“{text}”从右往左读是什么？",
    "文字游戏：把“{text}”倒过来。",
)


def repeat(rng):
    """A word several times, or backwards: spelled with numbers, read down from the last one."""
    text, n = phrase(rng), rng.randint(2, 4)
    while len(text) > 5:
        text = phrase(rng)
    pairs = [f"{character}{i}" for i, character in enumerate(text, start=1)]
    wordings, answer = rng.choice(
        (
            (TIMES, "、".join([text] * n) + "。"),
            (BACKWARDS, f"{''.join(pairs)}，{''.join(reversed(pairs))}，是{text[::-1]}。"),
        )
    )
    content = {"text": text, "n": "零一两三四"[n], "who": rng.choice(NAMES)}
    shown = [f"characters {text}"]  # a word backwards is spelled first
    return ask(rng, "repeat", f"repeat {text}", wordings, answer, shown, **content)

"""Exercises of notebook 01: the vocabulary."""

import functools
from collections import Counter

import numpy as np

from .. import corpus
from ..vocabulary import BEGIN, END, PADDING, SPECIAL_NAMES, UNKNOWN, Vocabulary
from . import exercise


@exercise("01.1")
def small(answer):
    made = Vocabulary.build(["好好学习", "天天向上", "今天天气好"], min_count=2)
    ids, encoded, decoded = answer["ids"], list(answer["encoded"]), answer["decoded"]
    if ids == len(made.characters):
        return (
            "These are the characters; which ids does every vocabulary have besides?",
            "这是字的个数；每个词表另外还有哪些编号？",
        )
    if ids != len(made):
        return (
            "Count how often each character occurs: which are seen twice or more?",
            "数一数每个字出现几次：哪些至少两次？",
        )
    truth = made.encode("天气好")
    if len(encoded) != len(truth):
        return "One character is one id.", "一个字对应一个编号。"
    if encoded[1] != UNKNOWN:
        return (
            "Is 气 in this vocabulary? What stands for a character that is not?",
            "“气”在这个词表里吗？不在词表里的字用什么表示？",
        )
    if encoded != truth:
        return (
            "The special tokens come first, then the characters, the most frequent before the "
            "others.",
            "特殊符号在前，然后才是字，出现最多的排在最前。",
        )
    if decoded == made.decode(made.encode("⟨end⟩好")):
        return None
    if decoded == "好" or "⟨end⟩" in decoded:
        return (
            "What is typed never becomes a special token: take it character by character.",
            "打出来的文字不会变成特殊符号：请一个字一个字地看。",
        )
    return (
        "How many characters stand between the beginning of ⟨end⟩好 and its end?",
        "⟨end⟩好 这段文字一共有几个字符？",
    )


@functools.cache
def _stories():
    """Texts to build from, and one that is held out."""
    rows = []
    for path in sorted((corpus.DATA / "core" / "stories").glob("*.jsonl")):
        rows += corpus.load(path, tell=lambda line: None)
    text = corpus.split(rows)
    return list(corpus.texts(text.train)), "".join(corpus.texts(text.held_out))


def _thinned(train, held_out, min_count):
    made = Vocabulary.build(train, min_count=min_count)
    return len(made), made.coverage(held_out)["known"]


@exercise("01.2")
def rare_characters(answer):
    thinned, falls_more = answer
    train, held_out = _stories()
    for min_count in (2, 20):
        ids, known = thinned(list(train), held_out, min_count)
        true_ids, true_known = _thinned(train, held_out, min_count)
        if ids == true_ids - len(SPECIAL_NAMES):
            return (
                "The special tokens have ids, too: what does `len` of a vocabulary say?",
                "特殊符号也占编号：词表的 `len` 是多少？",
            )
        if ids == _thinned([*train, held_out], held_out, min_count)[0] != true_ids:
            return (
                "The held-out text must not help to choose the characters.",
                "挑选字的时候不能用留出文本。",
            )
        if min_count == 20 and ids == _thinned(train, held_out, 2)[0]:
            return "`min_count` has no effect.", "`min_count` 没有起作用。"
        if ids != true_ids:
            return (
                "The number of ids is not that of the vocabulary built from `train`, all "
                "characters that are seen at least `min_count` times.",
                "编号个数不对：应当用 `train` 建词表，收下出现至少 `min_count` 次的全部字。",
            )
        if np.isclose(known, true_known):
            continue
        if np.isclose(known, _thinned(train, "".join(train), min_count)[1]):
            return (
                "This is the share of the text that chose the characters; measure on `held_out`.",
                "这是建词表所用文本的比例；要在 `held_out` 上量。",
            )
        if np.isclose(known, 1 - true_known):
            return "This is the share that is unknown.", "这是不认识的比例。"
        return (
            "The share known is from 0 to 1, over all characters of `held_out`; repeated ones "
            "count every time.",
            "认识的比例在 0 到 1 之间，按 `held_out` 的全部字来算；重复的字每次都算。",
        )
    (ids, known), (fewer, less) = (_thinned(train, held_out, n) for n in (2, 20))
    if falls_more != ("ids" if fewer / ids < less / known else "known"):
        return (
            "Your function is right: divide each of its two numbers at 20 by that at 2.",
            "函数写对了：把 20 时的两个数分别除以 2 时的，比一比。",
        )
    return None


#: Documents as ids: pairs that repeat, runs of the same character, marks, padding.
IDS = [
    *(BEGIN, 10, 11, 12, 10, 11, 13, 14, 14, 14, END),
    *(BEGIN, 10, 11, 12, 15, 14, 14, 16, 10, 11, UNKNOWN, UNKNOWN, UNKNOWN, END),
    *(BEGIN, 10, 11, 12, 17, 10, 11, 12, 14, 14, END),
    *[PADDING] * 20,
]


@exercise("01.3")
def common_pairs(merge_pairs):
    times, first = 3, 30
    found, pairs = merge_pairs(list(IDS), times, first)
    found, pairs = [int(i) for i in found], {int(i): tuple(p) for i, p in pairs.items()}
    if sorted(pairs) != list(range(first, first + times)):
        return (
            f"With times={times} and first={first} there should be {times} new ids, the first of "
            f"them {first}.",
            f"times={times}、first={first} 时，应当有 {times} 个新编号，第一个是 {first}。",
        )
    ids = IDS
    for new, pair in sorted(pairs.items()):
        if min(pair) <= END:
            return (
                f"{pair} has a special token in it: which pairs must not be counted?",
                f"{pair} 里有特殊符号：哪些组合不能算？",
            )
        if pair not in _most_frequent(ids):
            if pair in _most_frequent(IDS, len(pairs)):
                return (
                    "The first pair is right. After each pair count anew, in the list that has "
                    "become shorter.",
                    "第一对是对的。每合并一对之后，都要在变短的列表里重新数。",
                )
            return (
                f"{pair} is not the most frequent pair at its turn: count all neighbours, "
                "`zip(ids, ids[1:])`.",
                f"轮到 {pair} 时，它不是出现最多的一对：数一数相邻的两个，`zip(ids, ids[1:])`。",
            )
        ids = _merged(ids, pair, new)
    if found == ids:
        return None
    if _spelled(found, pairs) != IDS:
        return (
            "Written out again, your list is not the old one: in a run such as 14 14 14 two "
            "become one id, and the third stays.",
            "展开后与原来的列表不同：遇到 14 14 14 这样连续的编号，前两个合并，第三个保留。",
        )
    return (
        "The pairs are right, but the list still has some that were to be replaced everywhere.",
        "各对都对了，但列表里还有没换掉的：要全部换成新编号。",
    )


def _most_frequent(ids, places=1):
    """The pairs of neighbours that share the first places."""
    counts = Counter(pair for pair in zip(ids, ids[1:], strict=False) if min(pair) > END)
    least = sorted(counts.values(), reverse=True)[places - 1]
    return {pair for pair in counts if counts[pair] >= least}


def _merged(ids, pair, new):
    merged = []
    for i in ids:
        if merged and (merged[-1], i) == pair:
            merged[-1] = new
        else:
            merged.append(i)
    return merged


def _spelled(ids, pairs):
    """The ids with every new one written out."""
    while any(i in pairs for i in ids):
        ids = [part for i in ids for part in pairs.get(i, (i,))]
    return ids

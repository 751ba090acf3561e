"""Exercises of notebook 11: the order of the windows."""

import numpy as np

from ..curriculum import PHASES, in_order, phases
from ..packing import Windows
from . import exercise

BATCH, STEPS, SIZE = 8, 50, 40  # of 11.1: 80 of 400 windows are of the kind in question
TURNED_STEPS = 240  # of 11.2, as in the notebook


def _windows(size, kind, seed):
    """Windows that say which they are, row in tokens and kind in roles; rated at random."""
    difficulty = np.random.default_rng(seed).uniform(1, 6, size)
    difficulty.flags.writeable = False  # a run's are memory-mapped
    rows = np.arange(size, dtype=np.uint16)[:, None]
    return Windows(np.repeat(rows, 3, axis=1), np.full((size, 3), kind, np.uint8), difficulty)


def _read(order):
    """(steps, rows) at which the kind of 11.1 is read."""
    packs = {"first": _windows(SIZE, 0, 0), "second": _windows(4 * SIZE, 1, 1)}
    batches = in_order(order, packs, (("first", 0.2), ("second", 0.8)), BATCH, 1, STEPS)
    steps, rows = [], []
    for step in range(STEPS):
        tokens, roles = batches(step)
        found = tokens[roles[:, 0] == 0, 0]
        steps += [step] * len(found)
        rows += found.tolist()
    return np.array(steps), np.array(rows)


def _distance(rows):
    """How much later a row that is read twice comes again, in the mean."""
    return np.mean([np.diff(np.flatnonzero(rows == row)) for row in range(SIZE)])


@exercise("11.1")
def read_again(predicted):
    _, mixed = _read("mixed")
    _, ordered = _read("difficulty")  # by length they are as far apart: the phases are as large
    steps, _ = _read("kind")
    found = predicted["mixed"]
    if np.isclose(found, _distance(mixed) - 1):
        return (
            "Do not count what lies between: the very next window is 1 later.",
            "不是数中间隔着几个：紧接着的下一个算 1。",
        )
    if not np.isclose(found, _distance(mixed)):
        return (
            "`mixed` shuffles all windows of the kind, and anew for the second time through: at "
            "which place does a window stand in either, in the mean?",
            "`mixed` 把这一类的窗口全部打乱，读第二遍之前再打乱一次：平均来说，一个窗口排在"
            "每一遍的第几位？",
        )
    found = predicted["length"]
    if np.isclose(found, 2 * _distance(ordered)):
        return (
            "So many windows are read in a phase; but in these each comes twice.",
            "一段里读的正是这么多个窗口；可其中每个都来两次。",
        )
    if not np.isclose(found, _distance(ordered)):
        return (
            f"Within one of the {PHASES} phases it is as in `mixed`: how many different windows "
            "does a phase have?",
            f"在 {PHASES} 段的每一段里，情形与 `mixed` 相同：一段有几个不同的窗口？",
        )
    if not np.isclose(predicted["sorted outright"], _distance(np.sort(mixed))):
        return (
            "Sorted outright, both readings of a window have the same length: where do they stand?",
            "完全按长度排序时，同一个窗口的两次长度一样：它们会排在哪里？",
        )
    found, last = predicted["first step without it"], steps.max()
    if np.isclose(found, last):
        return (
            "That step is the last one that reads it; the next one is asked for.",
            "这一步是最后一次读它；问的是下一步。",
        )
    if np.isclose(found, last + 2):
        return "Nearly: the first step is step 0.", "差一点：第一步是第 0 步。"
    if not np.isclose(found, last + 1):
        return (
            "With `kind` a step reads nothing else until this kind is over: how many windows of it "
            "are there to read?",
            "按 `kind` 读时，这一类读完之前，每一步只读它：一共要读它的多少个窗口？",
        )
    return None


def _of_ratings(rated, old):
    """A hint about new ratings of windows, or None."""
    if rated.shape != old.shape:
        return (
            f"Each window needs one number, {old.shape}, not {rated.shape}.",
            f"每个窗口要一个数，形状 {old.shape}，不是 {rated.shape}。",
        )
    if np.array_equal(np.argsort(rated), np.argsort(old)):
        return (
            "Nothing is turned round: the easiest still comes first.",
            "没有反过来：最容易的仍然在最前面。",
        )
    if not np.array_equal(np.argsort(-rated), np.argsort(old)):
        return (
            "A rating belongs to its window: the one that was rated highest needs the lowest "
            "number now, in the same place.",
            "评分是跟着窗口走的：原来评分最高的窗口，现在要得到最低的数，位置不变。",
        )
    return None


@exercise("11.2")
def turned_round(answer):
    hard_first, learnt_at = answer
    windows = {"story": _windows(40, 0, 2), "reasoning": _windows(21, 1, 3)}
    given = dict(windows)
    found = hard_first(given)
    if [id(packed) for packed in given.values()] != [id(packed) for packed in windows.values()]:
        return (
            "The dictionary that it was given has changed; make a new one.",
            "传入的字典被改动了；请另建一个。",
        )
    if not isinstance(found, dict) or set(found) != set(windows):
        return (
            "Return a dictionary with the kinds of the one that it is given.",
            "请返回一个字典，类别与传入的字典相同。",
        )
    for kind, old in windows.items():
        new = found[kind]
        if not np.array_equal(new.tokens, old.tokens) or not np.array_equal(new.roles, old.roles):
            return (
                "Text and roles stay as they are, row by row: change only what orders them.",
                "文字和角色逐行保持原样：只改排序所依据的数。",
            )
        hint = _of_ratings(np.asarray(new.difficulty, float), old.difficulty)
        if hint:
            return hint
    return _of_rates(learnt_at["easy first"], learnt_at["hard first"])


def _of_rates(easy_first, hard_first):
    """A hint about the learning rates at which the easiest phase is learnt, or None."""
    from ..configuration import PRESETS
    from ..optimizer import learning_rate  # loads TensorFlow

    steps, preset = range(TURNED_STEPS), PRESETS["tiny"]
    rates = np.array([learning_rate(step, TURNED_STEPS, 1.0, preset) for step in steps])
    early, *_, late = rates.reshape(PHASES, -1).mean(axis=1)
    if abs(easy_first - early) < 0.02 and abs(hard_first - late) < 0.01:
        return None
    if abs(easy_first - late) < 0.01 and abs(hard_first - early) < 0.02:
        return "The two numbers have changed places.", "两个数的位置反了。"
    if np.isclose(easy_first, early * preset.stages[0].learning_rate, rtol=0.05):
        return "The peak is to be 1 here.", "这里把最高值当作 1。"
    if easy_first > 0.95:
        return (
            "Your function is right. But a stage does not begin at the peak of the learning rate.",
            "函数写对了。不过，阶段并不是一开始就用最高的学习率。",
        )
    if abs(easy_first - early) >= 0.02:
        return (
            "Your function is right. Easy first: which of the 240 steps read the easiest eighth? "
            "Take the mean over these.",
            "函数写对了。由易到难时，240 步里哪些步读最容易的八分之一？对这些步取平均。",
        )
    if np.isclose(hard_first, rates[-1], atol=0.003):
        return (
            "Hard first: that is the rate of the very last step; the mean over all steps that read "
            "the easiest eighth is asked for.",
            "由难到易：这是最后一步的学习率；要的是读最容易的八分之一的所有步的平均。",
        )
    return (
        "Easy first is right. Hard first: where has the easiest eighth gone?",
        "由易到难的数对了。由难到易时，最容易的八分之一到哪里去了？",
    )


def _of_pool(values, rows):
    """A hint about rows that a growing pool gave, or None; their number is one of `PHASES`."""
    phase = phases(values)
    for part, drawn in enumerate(np.split(phase[rows], PHASES)):
        if drawn.max() > part:
            return (
                f"In part {part} of the draws comes a window of phase {drawn.max()}; is it in the "
                "pool by then?",
                f"第 {part} 部分（从 0 数）抽到了第 {drawn.max()} 段的窗口；那时它已经在池里了吗？",
            )
        if part and drawn.min() == part:
            return (
                "Part 1 and the later ones read one phase each: the pool keeps what was in it.",
                "从第 1 部分起，每部分只读一段：池里原有的窗口应当留着。",
            )
    pool = [np.arange(PHASES) >= p for p in phase]  # of each window: in which parts it is drawn
    sizes = np.searchsorted(np.sort(phase), np.arange(PHASES), side="right")
    expected = (np.array(pool) / sizes).sum(axis=1) * len(rows) / PHASES
    times = np.bincount(rows, minlength=len(values))
    if (np.abs(times / expected - 1) > 0.5).any():  # five standard deviations: no chance
        return (
            "Phases come when they should, but not all windows of the pool are equally likely at "
            "each draw: count how often each is read.",
            "各段来的时候对了，但每次抽取时，池里的窗口并不是机会均等：数一数每个窗口读了几次。",
        )
    return None


@exercise("11.3")
def growing(answer):
    growing_pool, times_as_often = answer
    rng = np.random.default_rng(4)
    # Many draws only once: a learner may make them one by one.
    for size, count in ((16, 12_000), (20, 13), (9, 8), (5, 24)):
        values = rng.permutation(np.arange(size) / 7)
        found = np.asarray(growing_pool(values.copy(), count, 3))
        if found.shape != (count,):
            return (
                f"Asked for {count} rows, it returned the shape {found.shape}.",
                f"要 {count} 个行号，返回的形状却是 {found.shape}。",
            )
        if found.dtype.kind not in "iu" or found.min() < 0 or found.max() >= size:
            return (
                f"Of {size} windows the rows are the whole numbers 0 … {size - 1}.",
                f"{size} 个窗口的行号是整数 0 … {size - 1}。",
            )
        if size == 16:
            hint = _of_pool(values, found)
            if hint:
                return hint
            continue
        if not np.array_equal(found, growing_pool(values.copy(), count, 3)):
            return (
                "The same arguments give other rows the second time: where does chance come from?",
                "同样的参数，第二次得到的行号却不同：随机性从哪里来？",
            )
        if size == 20 and np.array_equal(found, growing_pool(values.copy(), count, 4)):
            return "Another seed gives the same rows.", "换一个种子，行号却没有变。"
    reads = np.cumsum(1 / np.arange(PHASES, 0, -1))[::-1]  # of phase p: the sum of 1/(k+1), k >= p
    truth = reads[0] / reads[-1]
    if np.isclose(times_as_often, truth, rtol=0.1):
        return None
    if np.isclose(times_as_often, 1 / truth, rtol=0.1):
        return "That is the other way round.", "正好反了。"
    if np.isclose(times_as_often, PHASES, rtol=0.1):
        return (
            "Phase 0 can be drawn in every part, yes; but in the first ones it shares the draws "
            "with few others.",
            "第 0 段每一部分都可能抽到，没错；可是在最初几部分里，和它分享机会的窗口很少。",
        )
    return (
        "Your function is right: draw many rows, and count how often windows of the first and of "
        "the last phase are read.",
        "函数写对了：多抽一些，数一数第一段和最后一段的窗口各读了几次。",
    )

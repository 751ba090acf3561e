"""What follows from what is told: chains of comparisons, either–or, all and some."""

from .problem import ask
from .words import GROUPS, NAMES, OBJECTS, PLACES, person

QUALITIES = (("高", "矮"), ("重", "轻"), ("快", "慢"), ("大", "小"))
MOST = (
    "{told}，谁最{asked}？",
    "{told}。最{asked}的是谁？",
    "已知{told}，请问谁最{asked}",
    "{told}，他们里面谁最{asked}？",
    "想一想：{told}，哪一个最{asked}？",
    "{told}，请说出最{asked}的一个。",
    "大家都说{told}，那么谁最{asked}？",
    "{told}，这几位谁最{asked}？",
    "如果{told}，最{asked}的会是谁？",
    "考考你：{told}，谁最{asked}？",
    "{told}，你说谁最{asked}",
    "听好了：{told}。谁最{asked}？",
    "小河镇里，{told}，谁最{asked}？",
    "{told}，从这里能看出谁最{asked}吗？",
    "我只知道{told}，到底谁最{asked}？",
    "{told}，比来比去，谁最{asked}？",
    "推一推：{told}，最{asked}的是哪一位？",
    "书上写着{told}，最{asked}的是谁",
    "{told}，把他们比一比，谁最{asked}？",
    "老师说{told}，请问最{asked}的是谁？",
    "{told}，最{asked}的叫什么名字？",
)
MIDDLE = (
    "{told}，谁排在中间？",
    "{told}。中间的是谁？",
    "已知{told}，请问谁在中间",
    "想一想：{told}，按顺序排，哪一个在中间？",
    "{told}，三个排一排，中间是谁？",
    "{told}，谁不是最{more}，也不是最{less}？",
    "考考你：{told}，中间的一位是谁？",
)


def _restated(pairs, quality):
    """The premises in one direction, and after each the order that is known by then.

    Args:
        pairs: (ahead, behind), each one after the first continues the chain at an end.

    Returns:
        the text, and the names in order.
    """
    chain, steps = list(pairs[0]), []
    for ahead, behind in pairs:
        steps.append(f"{ahead}比{behind}{quality}")
        if (ahead, behind) != pairs[0]:
            chain = [ahead, *chain] if behind == chain[0] else [*chain, behind]
            steps.append("、".join(chain))
    return "，".join(steps), chain


def _chain_key(names):
    return " ".join(("deduction", *names))


def _compared(rng, kind, size, middle):
    names = rng.sample(NAMES, size)
    links = list(zip(names, names[1:], strict=False))  # (more, less), side by side
    low = high = rng.randrange(len(links))
    pairs = [links[low]]
    while len(pairs) < len(links):  # told from anywhere outwards
        if low and (high == len(links) - 1 or rng.random() < 0.5):
            low -= 1
            pairs.append(links[low])
        else:
            high += 1
            pairs.append(links[high])
    # 慢慢 is a name: nobody is 比慢慢慢
    more, less = rng.choice([pair for pair in QUALITIES if pair[1] * 2 not in names])
    told = "，".join(
        f"{b}比{a}{less}" if rng.random() < 0.2 else f"{a}比{b}{more}" for a, b in pairs
    )
    asked = more if middle or rng.random() < 0.5 else less
    steps, chain = _restated(pairs, more)
    found = f"中间是{chain[1]}" if middle else f"{chain[0 if asked == more else -1]}最{asked}"
    return ask(
        rng,
        kind,
        _chain_key(names),
        MIDDLE if middle else MOST,
        f"{steps}，{found}。",
        shown=[_chain_key(names[i : i + 3]) for i in range(size - 2)],
        told=told,
        asked=asked,
        more=more,
        less=less,
    )


def deduction(rng):
    """Three names, who is most or least."""
    return _compared(rng, "deduction", 3, middle=False)


def long_deduction(rng):
    """Four names, or who of three is in the middle."""
    middle = rng.random() < 0.4
    return _compared(rng, "long_deduction", 3 if middle else 4, middle)


EITHER_PLACE = (
    "{thing}不在{one}就在{two}，{no}没有{thing}。{thing}在哪里？",
    "{thing}要么在{one}，要么在{two}。{no}找过了，没有。{thing}在哪儿？",
    "{who}的{thing}在{one}或者在{two}，可是不在{no}。去哪里找？",
    "{thing}只可能在{one}或{two}。{who}看了{no}，没看到。{thing}在哪里？",
    "{who}记得{thing}在{one}或{two}。不在{no}，那么在哪里？",
    "不是在{one}，就是在{two}，{who}的{thing}丢不了。{no}没有，它在哪儿？",
    "{who}把{thing}放在{one}或{two}了。{no}是空的，{thing}在哪里？",
    "已知{thing}在{one}或{two}，又知道不在{no}，请问{thing}在哪里？",
    "猜猜看：{thing}在{one}或{two}，{no}没有，{thing}在哪",
    "{thing}不在{no}。它在{one}或者{two}，到底在哪里？",
    "{who}只找了两个地方，{one}和{two}。{no}没有{thing}，{thing}在哪里找到的？",
)
EITHER_PERSON = (
    "{one}和{two}里有一个拿了{thing}，不是{no}拿的。谁拿了{thing}？",
    "{thing}是{one}或者{two}的，可是不是{no}的。{thing}是谁的？",
    "不是{one}就是{two}带走了{thing}。{no}没有带，是谁带走的？",
    "{thing}要么在{one}手里，要么在{two}手里。{no}手里没有，在谁手里？",
    "只有{one}和{two}碰过{thing}。{no}没有拿，是谁拿走的？",
    "{one}和{two}当中有一个找到了{thing}，{no}没找到。谁找到了？",
    "{thing}不见了，不是{one}拿的，就是{two}拿的。{no}没拿，是谁拿的？",
    "已知{thing}在{one}或{two}那里，{no}没有，请问在谁那里？",
    "{who}把{thing}送给了{one}或{two}。{no}没收到，谁收到了？",
    "{who}说，{thing}是{one}或{two}送来的。{no}没送过，是谁送来的？",
    "{one}或{two}要来取{thing}。{no}来不了，来的是谁？",
)


def either_or(rng):
    """Two possibilities, of which one is ruled out."""
    thing, who = rng.choice(OBJECTS), rng.choice(NAMES)
    if rng.random() < 0.5:
        wordings, (one, two), at = EITHER_PLACE, rng.sample(PLACES, 2), "在"
    else:
        others = [name for name in NAMES if name != who]
        wordings, (one, two), at = EITHER_PERSON, rng.sample(others, 2), ""
    no, found = rng.sample((one, two), 2)
    return ask(
        rng,
        "either_or",
        f"either_or {thing} {no} {found}",
        wordings,
        f"{one}或{two}，不{at or '是'}{no}，{at or '是'}{found}。",
        thing=thing,
        who=who,
        one=one,
        two=two,
        no=no,
    )


#: What can be said of somebody, and its opposite.
TRAITS = (
    ("会游泳", "不会游泳"),
    ("会骑车", "不会骑车"),
    ("会下棋", "不会下棋"),
    ("会包饺子", "不会包饺子"),
    ("戴着红帽子", "没戴红帽子"),
    ("带了雨伞", "没带雨伞"),
    ("带了水壶", "没带水壶"),
    ("去过月亮湖", "没去过月亮湖"),
    ("看过大海", "没看过大海"),
    ("喜欢唱歌", "不喜欢唱歌"),
    ("喜欢吃苹果", "不喜欢吃苹果"),
    ("养了小猫", "没养小猫"),
)
ALL = (
    "{group}都{trait}，{who}是{group}。{who}{trait}吗？",
    "所有{group}都{trait}。{who}是{group}，那么{who}{trait}吗？",
    "{who}是{group}，{group}个个都{trait}。{who}{trait}吗？",
    "已知{group}全都{trait}，{who}是{group}，请问{who}{trait}吗？",
    "我听说{group}都{trait}。{who}就是{group}，{who}{trait}吗",
    "想一想：{group}都{trait}，{who}是{group}，{who}是不是{trait}？",
    "每一位{group}都{trait}。{who}是{group}，能说{who}{trait}吗？",
)
NONE = (
    "{group}都{trait}，{who}{lacks}。{who}是{group}吗？",
    "所有{group}都{trait}。可是{who}{lacks}，{who}会不会是{group}？",
    "{who}{lacks}，而{group}个个都{trait}。{who}是{group}吗？",
    "已知{group}全都{trait}，{who}{lacks}，请问{who}是{group}吗？",
    "想一想：{group}都{trait}，{who}{lacks}，{who}是不是{group}？",
    "{who}说自己是{group}。{group}都{trait}，{who}却{lacks}，这话对吗？",
    "每一位{group}都{trait}。{who}{lacks}，能说{who}是{group}吗？",
)
SOME = (
    "有的{group}{trait}，{who}是{group}。{who}一定{trait}吗？",
    "有些{group}{trait}。{who}是{group}，那么{who}一定{trait}吗？",
    "{who}是{group}，有几位{group}{trait}。能肯定{who}{trait}吗？",
    "已知有的{group}{trait}，{who}是{group}，{who}肯定{trait}吗？",
    "想一想：有的{group}{trait}，{who}是{group}，{who}是不是一定{trait}？",
    "只有一部分{group}{trait}。{who}是{group}，{who}一定{trait}吗",
    "{group}里，有的{trait}，有的{lacks}。{who}是{group}，一定{trait}吗？",
)


def syllogism(rng):
    """All are, and one of them is; all are, and one is not; only some are."""
    group, (trait, lacks), who = rng.choice(GROUPS), rng.choice(TRAITS), person(rng)
    wordings, answer = rng.choice(
        (
            (ALL, f"{who}是{group}，{group}都{trait}，所以{who}{trait}。"),
            (NONE, f"{group}都{trait}，{who}{lacks}，所以{who}不是{group}。"),
            (SOME, f"只是有的{group}{trait}，所以{who}不一定{trait}。"),
        )
    )
    key = f"syllogism {who} {group} {trait}"
    return ask(
        rng, "syllogism", key, wordings, answer, who=who, group=group, trait=trait, lacks=lacks
    )

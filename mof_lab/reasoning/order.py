"""Which is more, in which order, how many, which one does not belong."""

from .problem import ask
from .words import HOW_MANY, NAMES, SORTS

BIGGER = (
    "{a}和{b}哪个大？",
    "{a}大还是{b}大？",
    "比一比，{a}和{b}哪个数更大",
    "{a}和{b}里面，大的是哪一个？",
    "{a}与{b}相比，哪个更大？",
    "考考你，{a}和{b}谁大？",
    "请找出较大的数：{a}，{b}",
    "把{a}和{b}比一比，大的是几？",
    "一边写着{a}，一边写着{b}，大的是几？",
    "{one}有{a}分，{two}有{b}分，高的是多少分？",
    "{one}摘了{a}个果子，{two}摘了{b}个，多的是多少个？",
    "一条路长{a}米，另一条长{b}米，长的是多少米？",
)
SMALLER = (
    "{a}和{b}哪个小？",
    "{a}小还是{b}小？",
    "比一比，{a}和{b}哪个数更小",
    "{a}和{b}里面，小的是哪一个？",
    "{a}与{b}相比，哪个更小？",
    "请找出较小的数：{a}，{b}",
    "把{a}和{b}比一比，小的是几？",
    "{one}有{a}分，{two}有{b}分，低的是多少分？",
    "{one}摘了{a}个果子，{two}摘了{b}个，少的是多少个？",
    "一条路长{a}米，另一条长{b}米，短的是多少米？",
)


def _compare(rng, kind, a, b, worked):
    """`worked` ends before the answer's number."""
    one, two = rng.sample(NAMES, 2)
    big, small = max(a, b), min(a, b)
    wordings, found = rng.choice(((BIGGER, big), (SMALLER, small)))
    key = f"comparison {small} {big}"
    answer = f"{worked}{big}比{small}大，是{found}。"
    return ask(rng, kind, key, wordings, answer, a=a, b=b, one=one, two=two)


def comparison(rng):
    a, b = rng.sample(range(1, 41), 2)
    return _compare(rng, "comparison", a, b, "")


def long_comparison(rng):
    """Numbers of which one has three digits: by their lengths, or place by place."""
    a, b = rng.randint(100, 999), rng.randint(*rng.choice(((10, 99), (100, 999), (100, 999))))
    if a // 100 != b // 100 and rng.random() < 0.5 and b >= 100:
        b = a // 100 * 100 + b % 100  # often the same hundreds
    if a == b:
        a = 100 + (a - 99) % 900
    if rng.random() < 0.5:
        a, b = b, a
    return _compare(rng, "long_comparison", a, b, _places(a, b))


def _places(a, b):
    big, small = max(a, b), min(a, b)
    if small < 100:
        return f"{big}是三位数，{small}是两位数，"
    steps = []
    for place, x, y in zip("百十个", str(big), str(small), strict=True):
        if x != y:
            return "，".join((*steps, f"{place}位{x}比{y}大，"))
        steps.append(f"{place}位都是{x}")


ARRANGE = (
    "把{listed}{direction}排一排",
    "{listed}，{direction}怎么排？",
    "请把{listed}按{direction}排好。",
    "{direction}排列{listed}",
    "将{listed}{direction}写出来",
    "请{direction}排列这几个数：{listed}",
    "{listed}这几个数，{direction}是什么顺序？",
    "帮我把{listed}{direction}排个队",
    "把这些数{direction}排：{listed}",
    "{listed}，按{direction}的顺序写一遍",
    "给{listed}排顺序，要{direction}",
    "{who}要把{listed}{direction}排好，怎么排？",
    "{who}有几张号码牌：{listed}，{direction}怎么摆？",
    "卡片上写着{listed}，{direction}摆成一排。",
    "考考你，{listed}{direction}怎么排？",
    "作业里要把{listed}{direction}排列，答案是什么？",
    "请按{direction}的顺序排列{listed}。",
    "几位客人的号码是{listed}，{direction}念一遍",
    "{listed}乱了，请{direction}重新排",
    "{direction}数一遍：{listed}",
    "{who}拿着{listed}几个号，{direction}该怎么站？",
)


def ordering(rng):
    numbers = rng.sample(range(1, 30), 3)
    return _arrange(rng, "ordering", numbers, "{found}。")


def long_ordering(rng):
    """Three or four numbers up to 999: one is taken out at a time, the others are said again."""
    numbers = rng.sample(range(1, 1000), rng.choice((3, 4, 4)))
    return _arrange(rng, "long_ordering", numbers, "{steps}是{found}。")


def _arrange(rng, kind, numbers, answer):
    up = rng.random() < 0.5
    found = sorted(numbers, reverse=not up)
    steps, left = "", list(numbers)
    for number in found[:-1]:
        left.remove(number)
        steps += f"{number}，剩{_listed(left)}；"
    return ask(
        rng,
        kind,
        _ordering_key(numbers),
        ARRANGE,
        answer.format(steps=steps, found=_listed(found)),
        shown=[_ordering_key(found[i:]) for i in range(1, len(found) - 2)],
        listed=_listed(numbers),
        direction="从小到大" if up else "从大到小",
        who=rng.choice(NAMES),
    )


def _ordering_key(numbers):
    return " ".join(("ordering", *map(str, sorted(numbers))))


def _listed(items):
    return "、".join(map(str, items))


LISTS = {name: SORTS[name] for name in ("水果", "动物", "颜色")} | {"朋友": NAMES}
COUNT = (
    "{listed}，一共有几{unit}{group}？",
    "数一数：{listed}，是几{unit}？",
    "这里有{listed}，请问有几{unit}{group}？",
    "{listed}，加在一起是几{unit}{group}",
    "我写了{listed}，你数数有几{unit}",
    "{group}有{listed}，一共几{unit}？",
    "{listed}，总共几{unit}？",
    "请数一数，{listed}，有几{unit}{group}？",
    "考考你：{listed}，这是几{unit}{group}？",
    "{listed}。我说了几{unit}{group}？",
    "纸上写着{listed}，有几{unit}{group}？",
    "{listed}，有几{unit}呢",
    "我数不清了，{listed}，到底几{unit}？",
    "说说看，{listed}，有多少{unit}{group}？",
    "{listed}，数出来是几{unit}？",
    "帮我数数有几{unit}{group}：{listed}",
    "小本子上记着{listed}，一共几{unit}{group}？",
    "名单上有{listed}，请问是几{unit}？",
    "刚才提到{listed}，一共提到几{unit}{group}？",
    "{listed}，这里面有几{unit}{group}？",
    "墙上画着{listed}，画了几{unit}{group}？",
)


def counting(rng):
    group = rng.choice(list(LISTS))
    items = rng.sample(LISTS[group], rng.randint(2, 7))
    unit = "位" if group == "朋友" else "种"
    return ask(
        rng,
        "counting",
        f"counting {_listed(sorted(items))}",  # in whatever order they are named
        COUNT,
        f"有{HOW_MANY[len(items)]}{unit}。",
        listed=_listed(items),
        group=group,
        unit=unit,
    )


ODD = (
    "{listed}，哪个和别的不一样？",
    "{listed}，哪一个不是一类？",
    "{listed}里面，哪个是多余的？",
    "找出不同类的一个：{listed}",
    "{listed}，谁跟大家不是一类？",
    "{listed}，哪个应该拿走？",
    "下面哪个不是同一类：{listed}",
    "这几个词里，哪个不合群：{listed}",
    "{listed}，请挑出不同类的。",
    "考考你：{listed}，哪个不同类？",
    "{listed}，有一个放错了，是哪个？",
    "{who}把{listed}放在一起，放错了哪一个？",
    "{who}的卡片是{listed}，哪张不是一类？",
    "分分类：{listed}，哪个要分出去？",
    "{listed}中有一个不同类，是哪一个？",
    "看看{listed}，哪一个跟其他几个不同类？",
    "{listed}，哪个词混进来了？",
    "{listed}这几个词，哪个不该在里面？",
    "小测验：{listed}，哪个不是一类的？",
    "{listed}，三个是一类，剩下的是哪个？",
    "四个词：{listed}。不同类的是哪个？",
    "你来找找，{listed}，哪个是另一类？",
)


def odd_one_out(rng):
    """Three of one sort and one of another: the sort of each is said."""
    sort, other = rng.sample(list(SORTS), 2)
    if {sort, other} == {"动物", "鸟"} or {sort, other} == {"动物", "鱼"}:
        other = "文具"  # birds and fish are animals too
    sorted_by = dict.fromkeys(rng.sample(SORTS[sort], 3), sort)
    odd = rng.choice(SORTS[other])
    sorted_by[odd] = other
    items = rng.sample(list(sorted_by), 4)
    said = "，".join(f"{item}是{sorted_by[item]}" for item in items)
    return ask(
        rng,
        "odd_one_out",
        f"odd_one_out {_listed(sorted(items))}",
        ODD,
        f"{said}，不同的是{odd}。",
        listed=_listed(items),
        who=rng.choice(NAMES),
    )

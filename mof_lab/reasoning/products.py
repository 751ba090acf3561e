"""Multiplication and division from the table, and units of measure.

A product is said as children in China learn it, the smaller number first: 3×8 and 8×3 are
both 三八二十四. A division counts the multiples of the divisor until the dividend is reached,
so that nothing has to be found backwards.
"""

from .problem import ask, sum_key
from .words import NAMES, THINGS, measure

TIMES = (
    "{a}乘{b}等于多少？",
    "{a}×{b}=？",
    "{a}×{b}等于几",
    "请算一算{a}乘{b}",
    "{a}乘以{b}是多少？",
    "帮我算{a}×{b}",
    "{a}与{b}的积是多少？",
    "求{a}和{b}的积。",
    "{a}的{b}倍是多少？",
    "{a}乘{b}得几？",
    "用口诀算：{a}×{b}",
    "背口诀，{a}乘{b}得多少？",
    "考考你，{a}乘{b}是多少？",
    "作业里有一题：{a}×{b}，答案是多少？",
    "一盘有{a}{unit}{thing}，{b}盘一共有多少{unit}？",
    "一篮装{a}{unit}{thing}，{b}篮装多少{unit}？",
    "{who}每天看{a}页书，{b}天看多少页？",
    "一支笔{a}元，买{b}支要多少元？",
    "每排坐{a}人，{b}排坐多少人？",
    "{who}每次搬{a}{unit}{thing}，搬了{b}次，一共搬了多少{unit}？",
    "一张桌子坐{a}个人，{b}张桌子坐多少人？",
    "{who}一分钟跳{a}下，{b}分钟跳多少下？",
)
SHARE = (
    "{a}除以{b}等于多少？",
    "{a}÷{b}=？",
    "{a}÷{b}等于几",
    "请算一算{a}除以{b}",
    "{a}除以{b}是几？",
    "帮我算{a}÷{b}",
    "{a}除以{b}的商是多少？",
    "{a}里面有几个{b}？",
    "{a}是{b}的几倍？",
    "把{a}平均分成{b}份，每份是多少？",
    "考考你，{a}除以{b}是多少？",
    "作业里有一题：{a}÷{b}，答案是多少？",
    "{a}要减几次{b}才得零？",
    "{a}{unit}{thing}平均分给{b}个朋友，每个朋友得几{unit}？",
    "{who}有{a}{unit}{thing}，每盘放{b}{unit}，要几个盘子？",
    "{a}个人坐船，每条船坐{b}人，要几条船？",
    "{who}有{a}元，一支笔{b}元，能买几支？",
    "一本书{a}页，{who}每天看{b}页，几天看完？",
    "{a}朵花插进{b}个瓶子，每瓶一样多，每瓶几朵？",
    "{a}个学生排成{b}排，每排一样多，每排几个人？",
    "{who}把{a}{unit}{thing}装进袋子，每袋{b}{unit}，装了几袋？",
    "{a}元买了{b}支一样的笔，一支几元？",
)
_DIGITS = "零一二三四五六七八九"


def said(number):
    """A number up to 99 as it is said at the end of a line of the table."""
    tens, ones = divmod(number, 10)
    return _DIGITS[tens] * (tens > 1) + "十" * (tens > 0) + _DIGITS[ones] * (ones > 0)


def recited(a, b):
    """The line of the table: 三八二十四, 二五一十, 二四得八."""
    a, b = min(a, b), max(a, b)
    result = "一十" if a * b == 10 else said(a * b)
    return _DIGITS[a] + _DIGITS[b] + "得" * (a * b < 10) + result


def multiplication(rng):
    a, b = rng.randint(1, 9), rng.randint(1, 9)
    thing = rng.choice(THINGS)
    return ask(
        rng,
        "multiplication",
        sum_key(a, "×", b),
        TIMES,
        f"{recited(a, b)}，是{a * b}。",
        a=a,
        b=b,
        who=rng.choice(NAMES),
        thing=thing,
        unit=measure(thing),
    )


def division(rng):
    divisor, result = rng.randint(2, 9), rng.randint(1, 9)
    counted = "，".join(f"{i}倍是{divisor * i}" for i in range(1, result + 1))
    thing = rng.choice(THINGS)
    return ask(
        rng,
        "division",
        f"division {divisor * result} {divisor}",
        SHARE,
        f"{divisor}的{counted}，是{result}。",
        a=divisor * result,
        b=divisor,
        who=rng.choice(NAMES),
        thing=thing,
        unit=measure(thing),
    )


#: The larger unit, the smaller one, how many make it, up to how many are asked for.
MEASURES = (
    ("米", "厘米", 100, 20),
    ("米", "分米", 10, 20),
    ("分米", "厘米", 10, 20),
    ("厘米", "毫米", 10, 20),
    ("千米", "米", 1000, 20),
    ("千克", "克", 1000, 20),
    ("吨", "千克", 1000, 20),
    ("升", "毫升", 1000, 20),
    ("元", "角", 10, 20),
    ("角", "分", 10, 20),
    ("元", "分", 100, 20),
    ("分米", "毫米", 100, 20),
    ("小时", "分钟", 60, 5),
    ("分钟", "秒", 60, 5),
    ("天", "小时", 24, 4),
    ("星期", "天", 7, 5),
)
CONVERT = (
    "{n}{unit}是多少{other}？",
    "{n}{unit}等于多少{other}？",
    "{n}{unit}有多少{other}",
    "{n}{unit}合多少{other}？",
    "{n}{unit}换成{other}是多少？",
    "把{n}{unit}换算成{other}",
    "请问{n}{unit}是多少{other}？",
    "{n}{unit}折合多少{other}？",
    "{n}{unit}=？{other}",
    "考考你，{n}{unit}是多少{other}？",
    "作业问：{n}{unit}等于多少{other}？",
    "{n}{unit}，用{other}来说是多少？",
    "{n}{unit}也就是多少{other}？",
    "我忘了，{n}{unit}是多少{other}来着？",
    "老师问{n}{unit}是多少{other}",
    "单位换算：{n}{unit}是多少{other}",
    "{who}想知道{n}{unit}是多少{other}。",
    "{who}写了{n}{unit}，改成{other}是多少{other}？",
    "{n}{unit}相当于多少{other}？",
    "要是用{other}作单位，{n}{unit}是多少？",
    "{who}问：{n}{unit}能换成多少{other}？",
    "算一算，{n}{unit}是多少{other}？",
)


def units(rng):
    """Into the smaller unit or back; units that are not made of tens are counted up."""
    large, small, factor, most = rng.choice(MEASURES)
    n = rng.randint(1, most)
    one_large, one_small = (f"1{large}", f"{factor}{small}")
    into = rng.random() < 0.6
    given, unit, other, found = (
        (n, large, small, f"{n * factor}{small}")
        if into
        else (n * factor, small, large, f"{n}{large}")
    )
    if factor in (10, 100, 1000):
        one, per = (one_large, one_small) if into else (one_small, one_large)
        worked = f"{one}是{per}，{given}{unit}就是{found}。"
    else:
        counted = "，".join(f"{i}{large}是{i * factor}{small}" for i in range(1, n + 1))
        worked = f"{counted}，是{found}。"
    return ask(
        rng,
        "units",
        f"units {large} {small} {n}",
        CONVERT,
        worked,
        n=given,
        unit=unit,
        other=other,
        who=rng.choice(NAMES),
    )

"""Addition, subtraction and sequences, worked column by column, units first.

Each step is a fact of the one-digit tables, with the carry as a third number: 27+35 is
7+5=12, then 2+3+1=6, then the digits are read off from the last step to the first. A column
with one number and no carry needs no step. Long numbers are first copied units first, so
that the columns can be read in the order in which they are needed.
"""

from .problem import ask, sum_key
from .words import NAMES, THINGS, measure

PLUS = (
    "{a}加{b}等于多少？",
    "{a}+{b}=？",
    "{a}+{b}等于几",
    "请算一算{a}加{b}",
    "{a}和{b}加起来是多少？",
    "{a}加上{b}是几？",
    "帮我算{a}+{b}",
    "{a}与{b}的和是多少？",
    "求{a}与{b}的和。",
    "考考你，{a}加{b}是多少？",
    "作业里有一题：{a}+{b}，答案是多少？",
    "比{a}多{b}的数是几？",
    "从{a}往后数{b}个数，数到几？",
    "{who}有{a}{unit}{thing}，又得到{b}{unit}，现在有多少{unit}？",
    "{who}有{a}{unit}{thing}，{other}有{b}{unit}，一共有多少{unit}？",
    "篮子里有{a}{unit}{thing}，再放进{b}{unit}，一共多少{unit}？",
    "上午来了{a}位客人，下午来了{b}位，今天一共来了多少位？",
    "{who}昨天看了{a}页书，今天看了{b}页，一共看了多少页？",
    "{who}先走了{a}步，又走了{b}步，总共走了多少步？",
    "树上有{a}只鸟，又飞来{b}只，现在有多少只？",
    "{who}送给{other}{a}{unit}{thing}，后来又送了{b}{unit}，一共送了多少{unit}？",
    "左边有{a}盏灯，右边有{b}盏灯，合起来有多少盏？",
    "{who}存了{a}元，又存了{b}元，现在存了多少元？",
    "船上有{a}个人，又上来{b}个人，船上有多少人？",
)
MINUS = (
    "{a}减{b}等于多少？",
    "{a}-{b}=？",
    "{a}-{b}等于几",
    "请算一算{a}减{b}",
    "{a}减去{b}是几？",
    "帮我算{a}-{b}",
    "{a}比{b}大多少？",
    "{a}去掉{b}还剩多少？",
    "{a}与{b}的差是多少？",
    "求{a}减{b}的差。",
    "考考你，{a}减{b}是多少？",
    "作业里有一题：{a}-{b}，答案是多少？",
    "比{a}少{b}的数是几？",
    "从{a}往前数{b}个数，数到几？",
    "{who}有{a}{unit}{thing}，送走{b}{unit}，还剩多少{unit}？",
    "{who}买了{a}{unit}{thing}，用掉{b}{unit}，还有多少{unit}？",
    "树上有{a}只鸟，飞走了{b}只，树上还有多少只？",
    "一本书有{a}页，看了{b}页，还有多少页没看？",
    "{who}有{a}{unit}{thing}，{other}有{b}{unit}，{who}比{other}多多少{unit}？",
    "河边有{a}只鸭子，游走了{b}只，还剩多少只？",
    "{who}带了{a}元，花了{b}元，还剩多少元？",
    "船上有{a}个人，下去{b}个人，船上还有多少人？",
    "盒子里有{a}{unit}{thing}，{who}拿走{b}{unit}，盒子里还有多少{unit}？",
    "要走{a}步，{who}已经走了{b}步，还要走多少步？",
)


def _story(rng):
    who, other = rng.sample(NAMES, 2)
    thing = rng.choice(THINGS)
    return {"who": who, "other": other, "thing": thing, "unit": measure(thing)}


def add_steps(a, b):
    """The columns of a+b, as "7+5=12，2+3+1=6"."""
    steps, carry = [], 0
    while (a and b) or (carry and (a or b)):
        terms = [n % 10 for n in (a, b) if n] + [1] * carry
        steps.append("+".join(map(str, terms)) + f"={sum(terms)}")
        carry = sum(terms) // 10
        a, b = a // 10, b // 10
    return "，".join(steps)


def subtract_steps(a, b):
    """The columns of a-b, a ≥ b, as "13-8=5，5-2-1=2": the 1 is what the units borrowed."""
    steps, borrow = [], 0
    while b or (borrow and a > 1):  # a 1 that was borrowed leaves nothing to write
        less = [b % 10] * (b > 0) + [1] * borrow
        borrow = int(a % 10 < sum(less))
        top = a % 10 + 10 * borrow
        steps.append("-".join(map(str, (top, *less))) + f"={top - sum(less)}")
        a, b = a // 10, b // 10
    return "，".join(steps)


def addition(rng):
    a, b = rng.randint(1, 30), rng.randint(1, 30)
    answer = f"{add_steps(a, b)}，是{a + b}。"
    return ask(rng, "addition", sum_key(a, "+", b), PLUS, answer, a=a, b=b, **_story(rng))


def subtraction(rng):
    a = rng.randint(2, 40)
    b = rng.randint(1, a - 1)
    answer = f"{subtract_steps(a, b)}，是{a - b}。"
    return ask(rng, "subtraction", sum_key(a, "-", b), MINUS, answer, a=a, b=b, **_story(rng))


def long_number(rng):
    """A number of one to three digits, the longer ones more often."""
    return rng.randint(*rng.choice(((1, 99), (10, 99), (100, 999), (100, 999), (100, 999))))


def _units_first(number):
    return "、".join(reversed(str(number)))


def long_addition(rng):
    """Sums up to 999+999 that `addition` cannot ask for."""
    a, b = long_number(rng), long_number(rng)
    if max(a, b) <= 40:
        a += 100
    answer = f"{_units_first(a)}加{_units_first(b)}：{add_steps(a, b)}，是{a + b}。"
    return ask(rng, "long_addition", sum_key(a, "+", b), PLUS, answer, a=a, b=b, **_story(rng))


def long_subtraction(rng):
    """Differences of numbers up to 999 that `subtraction` cannot ask for."""
    a, b = rng.randint(41, 999), long_number(rng)
    a, b = (a + 1, b) if a == b else (max(a, b), min(a, b))
    answer = f"{_units_first(a)}减{_units_first(b)}：{subtract_steps(a, b)}，是{a - b}。"
    return ask(rng, "long_subtraction", sum_key(a, "-", b), MINUS, answer, a=a, b=b, **_story(rng))


NEXT = (
    "{listed}，下一个数是几？",
    "找规律：{listed}，接着是多少？",
    "{listed}后面是哪个数？",
    "请接着数：{listed}",
    "这一列数{listed}，再往下是几？",
    "{listed}，你知道下一个是什么吗",
    "按规律填数：{listed}，（）",
    "{listed}，往下数一个是几",
    "看看这几个数：{listed}。下一个该是几？",
    "数列{listed}的下一项是多少？",
    "{listed}，后面该写几？",
    "{who}写了{listed}，接下来写几？",
    "{who}每天记一个数：{listed}，照这样下去，明天记几？",
    "柜子的号码依次是{listed}，下一个柜子是几号？",
    "{who}一边走一边数：{listed}，再往下数是几？",
    "门牌依次是{listed}，下一家是几号？",
    "接着往下写：{listed}……下一个是几？",
    "照{listed}的规律，下一个数是多少",
    "猜一猜，{listed}，再来一个是几？",
    "{who}跳格子，踩到{listed}，下一格是几？",
    "小题目：{listed}，然后呢？",
    "{listed}，继续",
)


def sequence(rng):
    """Three numbers: up or down, their difference, then the next one."""
    step, start = rng.choice((1, 2, 3, 4, 5, 10)), rng.randint(1, 50)
    if rng.random() < 0.4:
        start, step = start + 4 * step, -step
    first, second, last = (start + step * i for i in range(3))
    found = last + step
    if step > 0:
        how, change = "大", f"{subtract_steps(second, first)}，每次多{step}"
        worked = add_steps(last, step)
    else:
        how, change = "小", f"{subtract_steps(first, second)}，每次少{-step}"
        worked = subtract_steps(last, -step)
    return ask(
        rng,
        "sequence",
        f"sequence {start} {step}",
        NEXT,
        f"越来越{how}，{change}，{worked}，是{found}。",
        listed=f"{first}、{second}、{last}",
        who=rng.choice(NAMES),
    )

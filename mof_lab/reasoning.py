"""Reasoning questions from a seeded generator: small sums, order, time, memory of what was said.

Answers show their steps, as a teacher would ("7+5=12，50+12=62，是62。"): each step is
small enough for a small model to learn, and a person sees where it went wrong.

Each kind is one function `rng → Problem`. A problem's key names its content and not its
wording (the operands, the names, the days), and the key alone decides whether it is held
out: a held-out sum is never met in training, in no wording and not as a step of another sum.
"""

import random
import re
from dataclasses import dataclass

from .splits import is_held_out

KINDS = {}


@dataclass(frozen=True)
class Problem:
    """One problem: a dialogue that ends with a question, and the answers that count as right."""

    kind: str  # "addition", "memory", …
    key: str  # its content, without the wording
    turns: tuple[str, ...]  # user, assistant, user, …; the last is the question
    answers: tuple[str, ...]  # right answers; training uses the first


def generate(count, seed, held_out=False, kinds=None):
    """`count` problems, the kinds in turn, without repeating a dialogue.

    Args:
        count: how many; fewer come back when the kinds run out of different ones.
        seed: of the generator.
        held_out: False gives training problems, True those kept for judging.
    """
    rng = random.Random(f"reasoning {seed} {held_out}")
    problems, seen = [], set()
    makers = [(kind, KINDS[kind]) for kind in kinds or KINDS]
    misses = 0
    while len(problems) < count and misses < 2000:
        kind, make = makers[len(problems) % len(makers)]
        problem = make(rng)
        kept = _is_held_out(problem.key)
        fits = kept if held_out else not (kept or shows_held_out_sum(problem))
        if fits and problem.turns not in seen:
            seen.add(problem.turns)
            problems.append(problem)
            misses = 0
        else:
            misses += 1
            if misses % 200 == 199:  # a small kind is used up: let the others go on
                makers.remove((kind, make))
                if not makers:
                    break
    return problems


def _is_held_out(key):
    """A tenth of all contents, but no sum of the tables that every longer sum is made of."""
    kind, *operands = key.split()
    if kind == "addition" and max(map(int, operands)) < 10:
        return False
    if kind == "subtraction" and int(operands[0]) < 20 and int(operands[1]) < 10:
        return False
    return is_held_out(key, 0.1)


def shows_held_out_sum(problem):
    """Does a sum that is kept for judging stand anywhere in it, if only as a step?"""
    text = " ".join((*problem.turns, *problem.answers))
    sums = re.findall(r"(?=(?<!\d)(\d+)([+-])(\d+))", text)
    return any(_is_held_out(_sum_key(int(a), sign, int(b))) for a, sign, b in sums)


def _sum_key(a, sign, b):
    if sign == "+":
        return f"addition {min(a, b)} {max(a, b)}"
    return f"subtraction {a} {b}"


def _kind(make):
    KINDS[make.__name__] = make
    return make


def _words(text):
    return text.split()


NAMES = _words("米米 阿旺 灰灰 老博 慢慢 团团 跳跳 嘎嘎 球球 小枫 鼻鼻 啾啾 点点")
FAMILY_NAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN_NAMES = (
    "明红刚丽华军芳雨雪月宝杰宇安文天海云强美敏龙梅兰波东南北光新乐青春秋冬夏伟山晨阳平风"
    "田欢晶甜贝星亮静松竹石河江树叶花英玉志国家建心思一双"
)
THINGS = _words("苹果 面包 松果 鸡蛋 橘子 铅笔 贝壳 萝卜 气球 星星 蘑菇 纽扣 饼干 石子 花")
UNITS = {"铅笔": "支", "花": "朵", "石子": "颗", "星星": "颗", "纽扣": "颗", "饼干": "块"}
DAYS = "一二三四五六日"


def _add(a, b):
    if max(a, b) < 10 or (min(a, b) < 10 and a % 10 + b % 10 < 10):
        return f"{a}+{b}={a + b}，是{a + b}。"
    ones, tens = a % 10 + b % 10, a // 10 * 10 + b // 10 * 10
    return f"{a % 10}+{b % 10}={ones}，{tens}+{ones}={a + b}，是{a + b}。"


def _subtract(a, b):
    if a % 10 >= b % 10:
        return f"{a}-{b}={a - b}，是{a - b}。"
    middle = a - b // 10 * 10
    if b < 10:
        return f"1{a % 10}-{b}={10 + a % 10 - b}，是{a - b}。"
    return f"{a}-{b // 10 * 10}={middle}，{middle}-{b % 10}={a - b}，是{a - b}。"


@_kind
def addition(rng):
    a, b = rng.randint(1, 30), rng.randint(1, 30)
    who, other, thing = rng.choice(NAMES), rng.choice(NAMES), rng.choice(THINGS)
    unit = UNITS.get(thing, "个")
    plain = (
        f"{a}加{b}等于多少？",
        f"{a}+{b}=？",
        f"请算一算{a}加{b}",
        f"{a}和{b}加起来是多少？",
        f"{a}加上{b}是几？",
        f"帮我算{a}+{b}",
        f"{a}与{b}的和是多少？",
    )
    story = (
        f"{who}有{a}{unit}{thing}，又得到{b}{unit}，现在有多少{unit}？",
        f"{who}有{a}{unit}{thing}，{other}有{b}{unit}，一共有多少{unit}？",
        f"篮子里有{a}{unit}{thing}，再放进{b}{unit}，一共多少{unit}？",
        f"上午来了{a}位客人，下午来了{b}位，今天一共来了多少位？",
    )
    question = rng.choice(plain if rng.random() < 0.6 else story)
    return Problem("addition", _sum_key(a, "+", b), (question,), (_add(a, b),))


@_kind
def subtraction(rng):
    a = rng.randint(2, 40)
    b = rng.randint(1, a - 1)
    who, thing = rng.choice(NAMES), rng.choice(THINGS)
    unit = UNITS.get(thing, "个")
    plain = (
        f"{a}减{b}等于多少？",
        f"{a}-{b}=？",
        f"请算一算{a}减{b}",
        f"{a}减去{b}是几？",
        f"帮我算{a}-{b}",
        f"{a}比{b}大多少？",
        f"{a}去掉{b}还剩多少？",
    )
    story = (
        f"{who}有{a}{unit}{thing}，送走{b}{unit}，还剩多少{unit}？",
        f"{who}做了{a}{unit}{thing}，卖掉{b}{unit}，还有多少{unit}？",
        f"树上有{a}只鸟，飞走了{b}只，树上还有几只？",
        f"一本书有{a}页，看了{b}页，还有多少页没看？",
    )
    question = rng.choice(plain if rng.random() < 0.6 else story)
    return Problem("subtraction", _sum_key(a, "-", b), (question,), (_subtract(a, b),))


@_kind
def comparison(rng):
    a, b = rng.sample(range(1, 41), 2)
    one, two = rng.sample(NAMES, 2)
    big, small = max(a, b), min(a, b)
    question, answer = rng.choice(
        (
            (f"{a}和{b}哪个大？", big),
            (f"{a}大还是{b}大？", big),
            (f"比一比，{a}和{b}哪个数更大", big),
            (f"{a}和{b}里面，大的是哪一个？", big),
            (f"{a}和{b}哪个小？", small),
            (f"{a}小还是{b}小？", small),
            (f"{a}和{b}里面，小的是哪一个？", small),
            (f"{one}有{a}分，{two}有{b}分，高的是多少分？", big),
            (f"一条路长{a}米，另一条长{b}米，短的是多少米？", small),
        )
    )
    worked = f"{big}比{small}大，是{answer}。"
    return Problem("comparison", f"comparison {small} {big}", (question,), (worked,))


LISTS = {
    "水果": _words("苹果 梨 桃 香蕉 西瓜 葡萄 橘子 草莓 樱桃"),
    "动物": _words("猫 狗 兔子 马 牛 羊 老虎 大象 猴子"),
    "颜色": _words("红 黄 蓝 绿 白 黑 紫 灰"),
    "朋友": NAMES,
}
MEASURE = {"水果": "种", "动物": "种", "颜色": "种", "朋友": "位"}
HOW_MANY = "零一两三四五六七"  # before a measure word two is 两


@_kind
def counting(rng):
    group = rng.choice(list(LISTS))
    items = rng.sample(LISTS[group], rng.randint(2, 7))
    listed, unit = "、".join(items), MEASURE[group]
    question = rng.choice(
        (
            f"{listed}，一共有几{unit}{group}？",
            f"数一数：{listed}，是几{unit}？",
            f"这里有{listed}，请问有几{unit}{group}？",
            f"{listed}，加在一起是几{unit}{group}",
            f"我写了{listed}，你数数有几{unit}",
            f"{group}有{listed}，一共几{unit}？",
        )
    )
    key = f"counting {listed}"
    return Problem("counting", key, (question,), (f"有{HOW_MANY[len(items)]}{unit}。",))


@_kind
def sequence(rng):
    step, start = rng.choice((1, 2, 3, 4, 5, 10)), rng.randint(1, 50)
    if rng.random() < 0.4:
        start, step = start + 4 * step, -step
    shown = [start + step * i for i in range(3)]
    listed, answer = "、".join(map(str, shown)), start + step * 3
    question = rng.choice(
        (
            f"{listed}，下一个数是几？",
            f"找规律：{listed}，接着是多少？",
            f"{listed}后面是哪个数？",
            f"请接着数：{listed}",
            f"这一列数{listed}，再往下是几？",
            f"{listed}，你知道下一个是什么吗",
        )
    )
    change = f"多{step}" if step > 0 else f"少{-step}"
    worked = f"每次{change}，{shown[-1]}{step:+d}={answer}，是{answer}。"
    return Problem("sequence", f"sequence {start} {step}", (question,), (worked,))


@_kind
def weekday(rng):
    day, offset, who = rng.randrange(7), rng.randint(1, 6), rng.choice(NAMES)
    today, n = f"星期{DAYS[day]}", HOW_MANY[offset]
    days = "、".join(DAYS[(day + i + 1) % 7] for i in range(offset))
    question = rng.choice(
        (
            f"今天是{today}，{n}天后是星期几？",
            f"今天{today}，再过{n}天是星期几？",
            f"如果今天{today}，{n}天以后是星期几",
            f"{today}再过{n}天是星期几？",
            f"{who}{today}出门，走了{n}天，星期几到？",
            f"{who}{today}寄信，{n}天后送到，是星期几？",
            f"{who}{today}种下豆子，过{n}天发芽，是星期几发芽？",
            f"{today}那天{who}说，{n}天后见，是星期几见？",
        )
    )
    answer = f"数{n}天：{days}，是星期{DAYS[(day + offset) % 7]}。"
    return Problem("weekday", f"weekday {day} {offset}", (question,), (answer,))


@_kind
def clock(rng):
    hour, wait = rng.randint(1, 12), rng.randint(1, 9)
    back = rng.random() < 0.35
    answer = (hour + (-wait if back else wait) - 1) % 12 + 1
    who = rng.choice(NAMES)
    if back:
        question = rng.choice(
            (
                f"现在{hour}点，{wait}个小时前是几点？",
                f"{who}{hour}点到家，路上走了{wait}个小时，几点出发的？",
                f"钟上是{hour}点，往回{wait}个小时是几点",
            )
        )
    else:
        question = rng.choice(
            (
                f"现在{hour}点，再过{wait}个小时是几点？",
                f"{who}{hour}点出门，走了{wait}个小时，几点到？",
                f"{hour}点开始，{wait}个小时后结束，是几点？",
                f"钟上是{hour}点，{wait}小时以后是几点",
                f"{who}{hour}点睡下，睡了{wait}个小时，几点醒？",
            )
        )
    if back:
        worked = f"{hour}-{wait}" if hour > wait else f"{hour}+12-{wait}"
    else:
        worked = f"{hour}+{wait}" if hour + wait <= 12 else f"{hour}+{wait}-12"
    worked = f"{worked}={answer}，是{answer}点。"
    return Problem("clock", f"clock {hour} {answer}", (question,), (worked,))


QUALITIES = (("高", "矮"), ("重", "轻"), ("快", "慢"), ("大", "小"))


@_kind
def deduction(rng):
    first, second, third = rng.sample(NAMES, 3)
    more, less = rng.choice(QUALITIES)
    facts = [f"{first}比{second}{more}", f"{second}比{third}{more}"]
    if rng.random() < 0.3:
        facts[1] = f"{third}比{second}{less}"
    rng.shuffle(facts)
    told = "，".join(facts)
    asked, answer = rng.choice(((more, first), (less, third)))
    question = rng.choice(
        (
            f"{told}，谁最{asked}？",
            f"{told}。最{asked}的是谁？",
            f"已知{told}，请问谁最{asked}",
            f"{told}，三个里面谁最{asked}？",
            f"想一想：{told}，哪一个最{asked}？",
        )
    )
    key = f"deduction {first} {second} {third}"
    order = f"{first}、{second}、{third}" if asked == more else f"{third}、{second}、{first}"
    return Problem(
        "deduction", key, (question,), (f"从{asked}的排起：{order}，{answer}最{asked}。",)
    )


PLACES = _words("桌上 床下 门后 窗台 红盒子 蓝盒子 书包 篮子 抽屉 口袋 柜子 箱子")
OBJECTS = _words("球 钥匙 书 帽子 雨伞 信 手表 铅笔 苹果 面包 小鼓 风筝")


@_kind
def tracing(rng):
    thing, who, other = rng.choice(OBJECTS), *rng.sample(NAMES, 2)
    start, end, aside = rng.sample(PLACES, 3)
    moved = (
        f"{thing}在{start}，{who}把它放到{end}。",
        f"{who}把{thing}放在{start}，后来{other}把它拿到{end}。",
        f"{thing}原来在{start}，现在{who}把它换到了{end}。",
        f"{who}的{thing}先在{aside}，又到{start}，最后到了{end}。",
        f"{other}在{aside}找不到{thing}，因为{who}把它从{start}拿到了{end}。",
    )
    asked = (
        f"{thing}现在在哪里？",
        f"{thing}在哪儿？",
        f"要找{thing}，去哪里找？",
        f"现在{thing}在哪",
    )
    question = rng.choice(moved) + rng.choice(asked)
    key = f"tracing {thing} {start} {end}"
    return Problem("tracing", key, (question,), (f"在{end}。",))


@_kind
def ordering(rng):
    numbers = rng.sample(range(1, 30), 3)
    up = rng.random() < 0.5
    listed = "、".join(map(str, numbers))
    answer = "、".join(map(str, sorted(numbers, reverse=not up)))
    direction = "从小到大" if up else "从大到小"
    question = rng.choice(
        (
            f"把{listed}{direction}排一排",
            f"{listed}，{direction}怎么排？",
            f"请把{listed}按{direction}排好。",
            f"{direction}排列{listed}",
            f"将{listed}{direction}写出来",
        )
    )
    key = "ordering {} {} {}".format(*sorted(numbers))
    return Problem("ordering", key, (question,), (f"{answer}。",))


SMALL_TALK = (
    ("今天天气真好", "那就出去走走吧。"),
    ("我刚吃完饭", "吃饱了就有力气。"),
    ("你喜欢什么？", "我喜欢和你说话。"),
    ("我有点累", "休息一会儿吧。"),
    ("讲个笑话吧", "我数字不好，数到三就想睡。"),
    ("你在做什么？", "我在等你的下一个字。"),
    ("我们聊聊吧", "好呀，你先说。"),
    ("我在看书", "书里有很多朋友。"),
    ("外面下雨了", "记得带伞。"),
    ("你真有意思", "谢谢你的夸奖。"),
    ("你好", "你好呀！"),
    ("你是谁？", "我是小墨，一个很小的语言模型。"),
    ("我今天很开心", "真好，我也跟着开心。"),
    ("我要去上学了", "路上小心。"),
    ("你会唱歌吗？", "我只会写字，不会唱歌。"),
    ("我在想晚饭吃什么", "想吃什么就吃什么吧。"),
    ("今天好冷啊", "多穿一件衣服。"),
    ("谢谢你", "不客气。"),
    ("你说得对", "我们想到一起了。"),
    ("我有一个问题", "请说，我在听。"),
)
COLOURS = _words("红色 黄色 蓝色 绿色 白色 黑色 紫色 橙色 灰色 粉色")
FOODS = _words("面条 米饭 饺子 包子 面包 苹果 西瓜 鱼 豆腐 鸡蛋 蛋糕 玉米 南瓜饼 蜂蜜 香蕉")
PET_SYLLABLES = "豆球毛花黑点圆多旺咪白黄灰雪糖果米团跳奇乐福宝甜"


def _person(rng):
    one, two = rng.sample(GIVEN_NAMES, 2)
    family = rng.choice(FAMILY_NAMES)
    return rng.choice(
        (f"小{one}", f"{family}{one}", f"{family}{one}{two}", f"{one}{one}", f"阿{one}")
    )


def _pet(rng):
    one, two = rng.sample(PET_SYLLABLES, 2)
    return rng.choice((f"小{one}", f"{one}{one}", f"{one}{two}"))


def _aside(rng, value):
    """An exchange about something else, that does not give `value` away."""
    while True:
        aside = rng.choice(SMALL_TALK)
        if rng.random() < 0.4:
            problem = rng.choice((addition, subtraction, comparison))(rng)
            aside = (problem.turns[0], problem.answers[0])
            if _is_held_out(problem.key):
                continue
        if value not in "".join(aside):
            return aside


@_kind
def memory(rng):
    topic = rng.choice(("name", "name", "colour", "food", "pet"))
    if topic == "name":
        value = _person(rng)
        said = rng.choice(
            (f"我叫{value}", f"你好，我是{value}。", f"我的名字是{value}。", f"大家都叫我{value}")
        )
        reply = rng.choice(
            (f"你好，{value}！", f"{value}，很高兴认识你。", f"记住了，你叫{value}。")
        )
        asked = (
            "我叫什么名字？",
            "你还记得我叫什么吗？",
            "我是谁？",
            "说说我的名字",
            "我刚才说我叫什么？",
        )
        answer = f"你叫{value}。"
    elif topic == "colour":
        value = rng.choice(COLOURS)
        said = rng.choice((f"我最喜欢{value}", f"我喜欢的颜色是{value}。", f"我爱{value}"))
        reply = rng.choice((f"{value}很好看。", f"{value}真美。", f"我记住了，是{value}。"))
        asked = ("我喜欢什么颜色？", "你记得我爱什么颜色吗？", "我最喜欢的颜色是什么？")
        answer = f"你喜欢{value}。"
    elif topic == "food":
        value = rng.choice(FOODS)
        said = rng.choice((f"我爱吃{value}", f"我最爱吃的是{value}。", f"今天我吃了{value}"))
        reply = rng.choice(
            (f"{value}真香。", f"听起来不错，{value}很好吃。", f"{value}，我也想尝尝。")
        )
        asked = ("我说我吃什么？", "我刚才说的是什么吃的？", "你记得我说的吃的吗？")
        answer = f"你说的是{value}。"
    else:
        value, animal = _pet(rng), rng.choice("猫狗")
        said = rng.choice((f"我家的{animal}叫{value}", f"我有一只{animal}，名叫{value}。"))
        reply = rng.choice((f"{value}真是个好名字。", f"替我问{value}好。", f"{value}一定很可爱。"))
        asked = (
            f"我家的{animal}叫什么？",
            f"你记得我的{animal}叫什么吗？",
            f"我的{animal}叫什么名字？",
        )
        answer = f"它叫{value}。"
    turns = [*_aside(rng, value)] if rng.random() < 0.2 else []
    turns += [said, reply]
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
        turns += _aside(rng, value)
    turns.append(rng.choice(asked))
    return Problem("memory", f"memory {topic} {value}", tuple(turns), (answer,))


CORE, WIDE = tuple(KINDS), ()

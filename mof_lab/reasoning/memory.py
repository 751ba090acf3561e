"""What was said before: a name, a colour, a pet, asked for after talk about something else."""

from dataclasses import dataclass

from .order import comparison
from .problem import Problem, is_kept, states_held_out_sum
from .sums import addition, subtraction
from .words import (
    CITIES,
    COLOURS,
    FOODS,
    HOBBIES,
    MORE_COLOURS,
    MORE_FOODS,
    SUBJECTS,
    person,
    pet,
)

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
    ("风好大", "把窗户关好。"),
    ("我睡不着", "闭上眼睛，慢慢呼吸。"),
    ("我回来了", "欢迎回来。"),
    ("等我一下", "好，我不走开。"),
    ("今天作业好多", "一样一样来，不着急。"),
    ("你忙吗？", "不忙，陪你正好。"),
    ("月亮出来了", "今晚的路一定很亮。"),
    ("我口渴了", "快去喝点水。"),
    ("你会累吗？", "不会，我没有身体。"),
    ("花开了", "春天走到你家门口了。"),
    ("我想出去玩", "早去早回。"),
    ("好吧", "嗯，慢慢说。"),
)


@dataclass(frozen=True)
class _Topic:
    """Something that is told and asked for: {v}, about {a}."""

    told: tuple[str, ...]
    replies: tuple[str, ...]
    asked: tuple[str, ...]
    answer: str
    corrected: tuple[str, ...]  # told again, with a new value


TOPICS = {
    "name": _Topic(
        ("我叫{v}", "你好，我是{v}。", "我的名字是{v}。", "大家都叫我{v}"),
        ("你好，{v}！", "{v}，很高兴认识你。", "记住了，你叫{v}。"),
        (
            "我叫什么名字？",
            "你还记得我叫什么吗？",
            "我是谁？",
            "说说我的名字",
            "我刚才说我叫什么？",
            "你知道我叫什么吗",
            "还记得我的名字吗？",
            "我的名字是什么来着？",
        ),
        "你叫{v}。",
        ("我改名了，现在叫{v}", "刚才说错了，我叫{v}。", "以后叫我{v}吧"),
    ),
    "colour": _Topic(
        ("我最喜欢{v}", "我喜欢的颜色是{v}。", "我爱{v}"),
        ("{v}很好看。", "{v}真美。", "我记住了，是{v}。"),
        (
            "我喜欢什么颜色？",
            "你记得我爱什么颜色吗？",
            "我最喜欢的颜色是什么？",
            "我说我喜欢哪种颜色？",
            "还记得我爱的颜色吗？",
            "送我一支笔，该挑什么颜色？",
        ),
        "你喜欢{v}。",
        ("我现在更喜欢{v}了", "我改主意了，最喜欢{v}。", "说错了，我喜欢的是{v}"),
    ),
    "food": _Topic(
        ("我爱吃{v}", "我最爱吃的是{v}。", "今天我吃了{v}"),
        ("{v}真香。", "听起来不错，{v}很好吃。", "{v}，我也想尝尝。"),
        (
            "我说我吃什么？",
            "我刚才说的是什么吃的？",
            "你记得我说的吃的吗？",
            "我提过一样吃的，是什么？",
            "我说过什么好吃的？",
            "还记得我说的那样吃的吗？",
        ),
        "你说的是{v}。",
        ("不对，我说的应该是{v}", "我记错了，吃的是{v}。", "刚才说错了，是{v}"),
    ),
    "pet": _Topic(
        ("我家的{a}叫{v}", "我有一只{a}，名叫{v}。"),
        ("{v}真是个好名字。", "替我问{v}好。", "{v}一定很可爱。"),
        (
            "我家的{a}叫什么？",
            "你记得我的{a}叫什么吗？",
            "我的{a}叫什么名字？",
            "我家{a}的名字是什么？",
            "还记得我家{a}的名字吗？",
            "喊我家的{a}，该喊什么名字？",
        ),
        "它叫{v}。",
        ("我给{a}改了名，叫{v}", "说错了，我家的{a}叫{v}。", "{a}现在的名字是{v}"),
    ),
}
MORE_VALUES = {"colour": MORE_COLOURS, "food": MORE_FOODS}
#: What comes between may tell something of the kind itself if it has one of these.
NEAR = (
    *("我叫", "叫我", "名字", "我是", "喜欢", "我爱", "爱吃", "我吃", "我住", "我家"),
    *("爱好", "几岁", "多大"),
)
MORE_TOPICS = {
    "city": _Topic(
        ("我住在{v}", "我的家在{v}。", "我现在住{v}"),
        ("{v}是个好地方。", "原来你在{v}。", "我听说过{v}。"),
        (
            "我住在哪里？",
            "你记得我家在哪座城市吗？",
            "我住的城市叫什么？",
            "我说我家在哪儿？",
            "还记得我在哪座城市吗？",
        ),
        "你在{v}。",
        ("我搬家了，现在住{v}", "说错了，我家在{v}。", "我已经搬到{v}了"),
    ),
    "age": _Topic(
        ("我今年{v}", "我{v}了。", "我刚满{v}"),
        ("{v}，正是好时候。", "记住了，你{v}。", "{v}真好。"),
        (
            "我今年几岁？",
            "你记得我多大吗？",
            "我多大了？",
            "我说我几岁来着？",
            "还记得我的年龄吗？",
        ),
        "你{v}。",
        ("说错了，我{v}", "不对，我今年{v}。", "过完生日，我{v}了"),
    ),
    "hobby": _Topic(
        ("我喜欢{v}", "我的爱好是{v}。", "我有空就{v}"),
        ("{v}很有意思。", "{v}，真不错。", "喜欢{v}的人很快乐。"),
        (
            "我的爱好是什么？",
            "你记得我喜欢做什么吗？",
            "我有空做什么？",
            "我说我爱做什么？",
            "还记得我的爱好吗？",
        ),
        "你喜欢{v}。",
        ("我现在改喜欢{v}了", "说错了，我的爱好是{v}。", "我最近迷上了{v}，爱好换成它了"),
    ),
    "subject": _Topic(
        ("我最喜欢上{v}课", "我最爱的课是{v}。", "我{v}学得最好"),
        ("{v}课很有用。", "{v}，我也想学。", "{v}学好了不容易。"),
        (
            "我最喜欢上什么课？",
            "你记得我爱上哪门课吗？",
            "哪门课是我最喜欢的？",
            "我说我最爱哪门课？",
            "还记得我喜欢的课吗？",
        ),
        "你喜欢{v}课。",
        ("我现在更喜欢{v}课了", "说错了，我最爱上{v}课。", "我改主意了，最爱{v}课"),
    ),
}


def _value(rng, topic, words=None):
    """Something to tell of a topic; `words` are other choices for some topics."""
    if topic in (words or ()):
        return rng.choice(words[topic])
    draw = {
        "name": person,
        "pet": pet,
        "colour": lambda rng: rng.choice(COLOURS),
        "food": lambda rng: rng.choice(FOODS),
        "city": lambda rng: rng.choice(CITIES),
        "age": lambda rng: f"{rng.randint(6, 80)}岁",
        "hobby": lambda rng: rng.choice(HOBBIES),
        "subject": lambda rng: rng.choice(SUBJECTS),
    }
    return draw[topic](rng)


def _other_value(rng, topic, values, words=None):
    """One of no held-out problem, and unlike `values`; see `_value` for `words`."""
    while True:
        value = _value(rng, topic, words)
        alike = any(value in other or other in value for other in values)
        if not alike and not is_kept(f"memory {topic} {value}"):
            return value


def aside(rng, turns=(), values=(), sums=0.4):
    """An exchange about something else, that gives none of `values` away.

    Args:
        turns: what was said before; it is not said again.
        sums: the share of exchanges that are sums.
    """
    while True:
        pair = rng.choice(SMALL_TALK)
        if rng.random() < sums:
            problem = rng.choice((addition, subtraction, comparison))(rng)
            pair = (problem.turns[0], problem.answers[0])
            if is_kept(problem.key):
                continue
        if pair[0] in turns or any(value in text for value in values for text in pair):
            continue
        return pair


def _told(rng, wordings, topic, value, animal):
    told, reply = rng.choice(wordings), rng.choice(topic.replies)
    return [told.format(v=value, a=animal), reply.format(v=value)]


LONGEST_DIALOGUE = 160  # characters, before the question is asked


def _talk(rng, turns, count, values, sums):
    """`turns`, and up to `count` exchanges about something else, as many as there is room for."""
    for _ in range(count):
        pair = aside(rng, turns, values, sums)
        if sum(len(text) + 2 for text in (*turns, *pair)) < LONGEST_DIALOGUE:
            turns = [*turns, *pair]
    return turns


def memory(rng):
    """One thing, asked for after up to three other exchanges."""
    name = rng.choice(("name", "name", "colour", "food", "pet"))
    topic, value, animal = TOPICS[name], _value(rng, name), rng.choice("猫狗")
    turns = _talk(rng, [], int(rng.random() < 0.2), (value,), 0.4)
    turns += _told(rng, topic.told, topic, value, animal)
    turns = _talk(rng, turns, rng.choice((0, 0, 1, 1, 2, 3)), (value,), 0.4)
    return _recalled(rng, "memory", turns, name, topic, value, animal)


def long_memory(rng):
    """Told four to six exchanges ago; or two things told; or told anew: the newest counts."""
    topics = TOPICS | MORE_TOPICS
    name, second = rng.sample(list(topics), 2)
    topic, value, animal = topics[name], _value(rng, name), rng.choice("猫狗")
    way = rng.choice(("one", "two", "anew"))
    values = [value]
    if way == "two":
        values.append(_other_value(rng, second, values))
        turns = _told(rng, topic.told, topic, value, animal)
        other = _told(rng, topics[second].told, topics[second], values[1], animal)
        turns = turns + other if rng.random() < 0.5 else other + turns
    elif way == "anew":
        values.append(_other_value(rng, name, values))
        turns = _told(rng, topic.told, topic, values[1], animal)
        turns = _talk(rng, turns, 1, values, 0)
        turns += _told(rng, topic.corrected, topic, value, animal)
    else:
        turns = _told(rng, topic.told, topic, value, animal)
    count = rng.randint(4, 6) if way == "one" else rng.randint(0, 4)
    turns = _talk(rng, turns, count, values, 0.1)
    return _recalled(rng, "long_memory", turns, name, topic, value, animal)


def _recalled(rng, kind, turns, name, topic, value, animal):
    wording = rng.choice(topic.asked)
    turns = (*turns, wording.format(a=animal))
    return Problem(kind, f"memory {name} {value}", turns, (topic.answer.format(v=value),), wording)


def remembered(rng, fillers, room):
    """Turns of a talk in which one to three things are told, and asked for later.

    Unlike in `memory`, other text comes between, there are many more things to tell, and several
    are kept in mind at once. No content that is kept for judging is told.

    Args:
        rng: a `random.Random`.
        fillers: called with a number, gives so many (user, assistant) pairs to put between.
        room: characters that the talk may have; a turn takes two beside its own.

    Returns:
        a list of turns, user and assistant in turn; empty where there is no room for what was
        chosen to be told, even with nothing between.
    """
    topics = TOPICS | MORE_TOPICS
    names = rng.sample(list(topics), rng.choice((1, 2, 2, 3)))
    if "name" not in names and rng.random() < 0.4:
        names[0] = "name"
    values = []
    for name in names:
        values.append(_other_value(rng, name, values, MORE_VALUES))
    for between in range(rng.randint(0, 8), -1, -1):
        fitting = [pair for pair in fillers(between) if not _gives_away(pair, values)]
        slots = [[] for _ in range(len(fitting) + 1)]
        for name, value in zip(names, values, strict=True):
            topic, animal = topics[name], rng.choice("猫狗")
            first = rng.randint(0, len(fitting))
            last = min(len(fitting), first + rng.randint(0, 6))
            slots[first].append(_told(rng, topic.told, topic, value, animal))
            asked = rng.choice(topic.asked).format(a=animal)
            slots[last].append((asked, topic.answer.format(v=value)))
        pairs = [
            pair
            for slot, filler in zip(slots, [*fitting, None], strict=True)
            for pair in (*slot, filler)
            if pair
        ]
        turns = [turn for pair in pairs for turn in pair]
        if sum(len(turn) + 2 for turn in turns) <= room:
            return turns
    return []


def _gives_away(pair, values):
    """Does it say something of what is asked for or of its kind, or of what is kept for judging?"""
    hints = any(word in text for word in (*NEAR, *values) for text in pair)
    return hints or states_held_out_sum(" ".join(pair))

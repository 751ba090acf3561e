"""Where things are: they are put somewhere and moved, what was last counts."""

from .problem import ask
from .words import NAMES, OBJECTS, PLACES

MOVED = (
    "{thing}在{start}，{who}把它放到{end}。",
    "{who}把{thing}放在{start}，后来{other}把它拿到{end}。",
    "{thing}原来在{start}，现在{who}把它换到了{end}。",
    "{who}的{thing}先在{aside}，又到{start}，最后到了{end}。",
    "{other}在{aside}找不到{thing}，因为{who}把它从{start}拿到了{end}。",
    "早上{thing}在{start}，中午{who}把它挪到了{end}。",
    "{who}从{start}拿出{thing}，放在了{end}。",
    "{thing}一直在{start}，刚才{other}把它拿到了{end}。",
    "{who}本想把{thing}放在{start}，最后还是放在了{end}。",
)
ASKED = (
    "{asked}现在在哪里？",
    "{asked}在哪儿？",
    "要找{asked}，去哪里找？",
    "现在{asked}在哪",
    "请问{asked}在什么地方？",
    "{who}要找{asked}，该去哪里？",
)
TWICE = (
    "{thing}在{aside}，{who}把它放到{start}，{other}又把它放到{end}。",
    "{who}把{thing}放在{aside}，先挪到{start}，再挪到{end}。",
    "{thing}早上在{aside}，中午在{start}，晚上{who}把它放到了{end}。",
    "{who}从{aside}拿了{thing}，放在{start}。{other}看见了，把它移到{end}。",
    "{thing}先在{aside}，后来到了{start}，刚才又到了{end}。",
)
TWO_THINGS = (
    "{thing}在{start}，{second}在{aside}。{who}把{thing}放到{end}。",
    "{who}把{thing}放在{start}，把{second}放在{aside}。后来{other}把{thing}拿到{end}。",
    "{second}在{aside}，{thing}在{start}。{other}把{thing}换到了{end}。",
    "{who}有{thing}和{second}。{second}放在{aside}，{thing}先放在{start}，又放到{end}。",
    "{thing}和{second}分别在{start}和{aside}。{who}把{thing}移到了{end}。",
)


def _key(thing, *places):
    """`places`: where it was last, and where it is."""
    return " ".join(("tracing", thing, *places))


def _wordings(told):
    return [told + asked for asked in ASKED]


def tracing(rng):
    thing, (who, other) = rng.choice(OBJECTS), rng.sample(NAMES, 2)
    start, end, aside = rng.sample(PLACES, 3)
    return ask(
        rng,
        "tracing",
        _key(thing, start, end),
        _wordings(rng.choice(MOVED)),
        f"在{end}。",
        asked=thing,
        thing=thing,
        start=start,
        end=end,
        aside=aside,
        who=who,
        other=other,
    )


def long_tracing(rng):
    """One thing moved twice, or two things, one of them moved; its way is said again."""
    (thing, second), (who, other) = rng.sample(OBJECTS, 2), rng.sample(NAMES, 2)
    start, end, aside = rng.sample(PLACES, 3)
    told, asked, way = rng.choice(
        (
            (rng.choice(TWICE), thing, (aside, start, end)),
            (rng.choice(TWO_THINGS), thing, (start, end)),
            (rng.choice(TWO_THINGS), second, (aside,)),
        )
    )
    said = f"{asked}先在{'，再到'.join(way)}" if len(way) > 1 else f"没有人动{asked}"
    return ask(
        rng,
        "long_tracing",
        _key(asked, *way[-2:]),
        _wordings(told),
        f"{said}，在{way[-1]}。",
        shown=[_key(thing, start, end), _key(thing, aside, start)],
        asked=asked,
        thing=thing,
        second=second,
        start=start,
        end=end,
        aside=aside,
        who=who,
        other=other,
    )

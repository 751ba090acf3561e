"""The guided tours: what each step says, what it speaks of, and how it is known to be done.

A step is ticked off by what somebody did: by deeds (see `deeds.py`), by resting on something or
going there with the arrow keys (`looks`), and by the button Done where neither can tell.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..chat import CLEAN


def _did(widget, kind, when=lambda content: True):
    """Is the newest deed of this kind, of this class of widgets, with such a content?"""
    return lambda deeds: deeds[-1][:2] == (widget, kind) and bool(when(deeds[-1][2]))


def _did_one_of(*tests):
    return lambda deeds: any(test(deeds) for test in tests)


def _answered(deeds, name):
    """(the values of a setting of the chat with which it answered, the value now; None = unset)."""
    value, used = None, []
    for widget, kind, content in deeds:
        if widget != "Chat":
            continue
        if kind == "settings" and name in content:
            value = content[name] if isinstance(content[name], int | float) else None
        elif kind in ("again", "send"):
            used.append(value)
    return used, value


def _warm(value):
    return value is not None and value > 0


def _warm_and_cold_again(deeds):
    """Did the chat answer with a raised temperature, and is that 0 again?"""
    used, now = _answered(deeds, "temperature")
    return now == 0 and any(map(_warm, used))


def _both_ends_heard(deeds):
    """Did it answer with the blend at two whole positions, an expert each, and is it free again?"""
    used, now = _answered(deeds, "position")
    whole = {value for value in used if value is not None and value % 1 == 0}
    return now is None and len(whole) > 1


@dataclass(frozen=True)
class Step:
    """One thing to look at and to do.

    Attributes:
        key: its name in the tour.
        title, text: (English, Chinese); the text is one or two sentences.
        target: CSS selector of what is framed on the page; the first that is there.
        terms: anchors in the glossary.
        deed: deeds so far, (widget, kind, content) each → is it done? None = no deed does it.
        looks: CSS selector of what it is done by looking at; "" = no looking does.
        below: CSS selector of what has to be seen with the target, under it; "" = nothing.
    """

    key: str
    title: tuple[str, str]
    text: tuple[str, str]
    target: str
    terms: tuple[str, ...] = ()
    deed: Callable | None = None
    looks: str = ""
    below: str = ""

    @property
    def by_hand(self):
        """Can only the one who did it say that it is done?"""
        return self.deed is None and not self.looks


START = (
    Step(
        "say",
        ("Say something", "说句话"),
        (
            "Type 法国的首都是哪里？ into the box and press Enter. The answer comes one character "
            "at a time.",
            "在框里输入“法国的首都是哪里？”，按 Enter。回答是一个字一个字写出来的。",
        ),
        ".mof-composer",
        ("character",),
        _did("Chat", "send"),
    ),
    Step(
        "bars",
        ("Read the bars", "看懂彩条"),
        (
            "The bar under a character is split by how much each expert was trusted; the colours "
            "are named at the top. Find two characters whose bars differ, then press Done.",
            "每个字下面的彩条表示对各位专家的信任，哪种颜色是谁，看聊天框顶上的图例。"
            "找出彩条不同的两个字，再点“完成”。",
        ),
        ".mof-legend",
        ("expert", "router", "router-weights"),
    ),
    Step(
        "look",
        ("Ask about one character", "细看一个字"),
        (
            "Rest the pointer on a character of an answer, or focus one and press ← →. Below "
            "stand its surprisal, the runners-up, and what each expert alone would have said.",
            "把鼠标停在回答的某个字上，或选中一个字后按 ← →。下方是它的意外程度、候选字，"
            "以及每位专家单独作答会写什么。",
        ),
        ".mof-log",
        ("surprisal",),
        looks=".mof-log .mof-char",
        below=".mof-inspector",
    ),
    Step(
        "warm",
        ("Turn up the temperature", "调高温度"),
        (
            "Open Settings and set Temperature from 0 to 1.5: from now on it no longer always "
            "takes the likeliest character.",
            "打开“设置”，把温度从 0 改成 1.5：从现在起，它不再总取最可能的字。",
        ),
        "[data-name=temperature]",
        ("temperature",),
        lambda deeds: _did("Chat", "settings")(deeds) and _warm(_answered(deeds, "temperature")[1]),
    ),
    Step(
        "again",
        ("Answer again", "重新回答"),
        (
            "Press Answer again a few times: one question, several answers. Then set Temperature "
            "back to 0.",
            "多点几次“重新回答”：同一个问题，回答却不同。然后把温度改回 0。",
        ),
        "[data-action=again]",
        ("sampling-controls", "seed"),
        _warm_and_cold_again,
    ),
    Step(
        "force",
        ("Hear one expert alone", "只听一位专家"),
        (
            "Tick Force the blend, move the slider to one end and press Answer again, then the "
            "same at the other end. Then take the tick out: the router decides again.",
            "勾选“固定配比”，把滑块拖到一端，点“重新回答”；再到另一端，同样做一次。"
            "然后取消勾选，又由路由器决定。",
        ),
        ".mof-blend",
        ("fixed-blend", "gru-expert", "transformer-expert"),
        _both_ends_heard,
    ),
    Step(
        "forget",
        ("Make it forget", "让它忘掉"),
        (
            "Tell it 我叫小明, press Clear and ask 我叫什么名字？ Apart from the conversation it "
            "remembers nothing; Undo brings that back.",
            "告诉它“我叫小明”，点“清空”，再问“我叫什么名字？”。除了这段对话它什么都不记得；"
            "“撤回”可以恢复。",
        ),
        "[data-action=clear]",
        ("context", "clean"),
        _did_one_of(
            _did("Chat", "clear"),
            _did("Chat", "send", lambda content: str(content.get("text")).strip() == CLEAN),
        ),
    ),
)

INSIDE = (
    Step(
        "point",
        ("Point at a character", "指一个字"),
        (
            "Rest the pointer on a character of the axis, or focus one and press ← →. Below stand "
            "its surprisal, whom the router trusts, and what comes next.",
            "把鼠标停在横轴的某个字上，或选中一个字后按 ← →。下方是它的意外程度、"
            "路由器信谁、下一个字会是什么。",
        ),
        ".mof-axis",
        ("surprisal", "router-weights"),
        looks=".mof-axis .mof-cell",
        below=".mof-about",
    ),
    Step(
        "lock",
        ("Lock it", "锁定它"),
        (
            "Click a character: it stays while you do other things, and the columns in the lowest "
            "lane show what one head looks back at. Esc lets it go.",
            "单击一个字：做别的事时它也不变；最下面一栏的柱子是某个头回看的字。按 Esc 解锁。",
        ),
        ".mof-axis",
        ("attention",),
        _did("Explorer", "lock", lambda content: content["position"] is not None),
        below=".mof-about",
    ),
    Step(
        "gates",
        ("Find the gates", "找到门"),
        (
            "In the lanes “update” and “reset” each row is a group of units: dark update keeps "
            "the old state, light lets the new in. Find a character where it turns light, then "
            "press Done.",
            "update 和 reset 两栏中，每行是一组单元：update 越深，旧状态留得越多；越浅，换得越多。"
            "找一个变浅的字，再点“完成”。",
        ),
        ".mof-axis",
        ("gate", "state"),
    ),
    Step(
        "head",
        ("Choose another head", "换一个头"),
        (
            "Each small square is a head: a row is a character that looks, a column one that is "
            "looked at. Click a few: some look near, some far.",
            "每个小方块是一个头：一行是一个在看的字，一列是一个被看的字。点几个试试：有的看得近，"
            "有的看得远。",
        ),
        ".mof-heads",
        ("attention-head", "effective-attention"),
        _did("Explorer", "head"),
    ),
    Step(
        "expert",
        ("Switch an expert off", "关掉一位专家"),
        (
            "Take the tick from one expert: “all on → now” beside the next characters says what "
            "it was worth here. Then press All on.",
            "取消一位专家的勾选：下一个字旁的“全开 → 现在”说明它在这里值多少。然后点“全部开启”。",
        ),
        ".mof-switches",
        ("expert", "intervention"),
        _did("Explorer", "off", lambda content: content["off"]["experts"]),
    ),
    Step(
        "thought",
        ("Silence a thought", "关掉思维"),
        (
            "Do the same with the thought of a block. The line at the foot compares the mean "
            "surprisal with and without.",
            "再关掉某一层的思维。底部那一行比较关闭前后的平均意外程度。",
        ),
        ".mof-switches",
        ("thought-space", "bits-per-character"),
        _did("Explorer", "off", lambda content: content["off"]["thoughts"]),
    ),
    Step(
        "compare",
        ("Ask something else", "换个问题"),
        (
            "Change the second prompt, say to 12加7等于多少？, and press Read: two readings, one "
            "axis each, to compare.",
            "改一改第二个提示，比如“12加7等于多少？”，点“读取”：两次阅读各有一条横轴，可以对照。",
        ),
        ".mof-prompts",
        ("prefill",),
        _did("Explorer", "read"),
    ),
    Step(
        "memory",
        ("Test its memory", "考考记性"),
        (
            "Press Context test: the curves show how much a fact still helps that was told so many "
            "characters ago, and which expert remembers it. It takes a while; Stop ends it.",
            "点“上下文测试”。曲线表示：隔了多少个字，先前说的事还有多大帮助，是哪位专家记住的。"
            "要等一会儿，可以点“停止”。",
        ),
        "[data-action=context]",
        ("context",),
        _did("Explorer", "test"),
    ),
)

#: Name → its steps, in the order in which they are suggested.
TOURS = {"start": START, "inside": INSIDE}

"""What a `recording.Recording` shows: its curves, a moment of it, how the router forms.

The widget shows them while a model trains; they are as good without it.
"""

from math import log

from .charts import bars, curves, shares
from .conversation import conversation, room
from .drawing import stacked
from .explanation import Explanation
from .language import beside

#: The project's own kinds of text, in Chinese; others are shown by their names.
KINDS = {"chat": "闲聊", "story": "故事", "knowledge": "知识", "reasoning": "推理"}


def course(recording, earlier=None):
    """Bits a character over the steps, in training and held out; None before the first point.

    Args:
        recording: a `Recording`.
        earlier: what `recording.earlier` gave, or a part of it, to compare with.
    """
    training = beside("training", "训练")
    series = {
        training: [(p.step, p.loss) for p in recording.points],
        beside("held out", "留出文本"): [(p.step, p.held_out) for p in recording.points],
    }
    for name, curve in (earlier or {}).items():
        measured = [(step, bits) for step, _, _, bits in curve]
        if not any(bits is not None for _, bits in measured):
            measured = [(step, loss / log(2)) for step, _, loss, _ in curve]
        series[f"{name} ({beside('earlier', '以前')})"] = measured
    series = {n: [(x, y) for x, y in points if y is not None] for n, points in series.items()}
    if not series[training]:
        return None
    return curves(
        {name: points for name, points in series.items() if points},
        beside("steps", "步数"),
        beside("bits per character", "每字比特"),
        f"{beside('Stage', '阶段')} {recording.stage}",
    )


def forming(recording):
    """How router weights and thoughts form over the steps; None before there are two moments.

    Lines: the first expert's mean weight for each kind of text, the mean strength of the thoughts.
    """
    series = {}
    for moment in recording.moments:
        for kind, weights in moment.router.items():
            name = f"{recording.experts[0]}: {_kind(kind)}"
            series.setdefault(name, []).append((moment.step, weights[0]))
        if moment.thought:
            mean = sum(moment.thought) / len(moment.thought)
            series.setdefault(beside("thought", "思维"), []).append((moment.step, mean))
    if max(map(len, series.values()), default=0) < 2:
        return None
    note = beside(
        f"Weight of {recording.experts[0]} by kind of text; |thought| / |stream|.",
        f"各类文本中 {recording.experts[0]} 的权重；思维强度。",
    )
    title = beside("How trust and thought form", "信任与思维的形成")
    return curves(series, beside("steps", "步数"), "", title, note)


def moments_room(recording):
    """The `conversation.Room` in which no moment of a recording is taller than another."""
    return room(_said(moment) for moment in recording.moments)


def moment(recording, at, kept=None):
    """What the model wrote, trusted and thought at a moment.

    Args:
        at: a `Moment` of the recording.
        kept: what `moments_room` gave; None = no more room than it takes.
    """

    def titled(english, chinese):
        return beside(f"{english} · step {at.step}", f"{chinese}（第 {at.step} 步）")

    views = []
    if at.dialogues:
        title = titled("What it writes", "它写的")
        views.append(conversation(_said(at), recording.experts, title, kept))
    if at.router:
        title, kinds = titled("Mean router weights", "平均路由权重"), map(_kind, at.router)
        views.append(shares(list(kinds), list(at.router.values()), recording.experts, title))
    if at.thought:
        names = [beside(f"block {i}", f"第 {i} 层") for i in range(len(at.thought))]
        notes = [f"{value:.3f}" for value in at.thought]
        title = titled("Strength of the thoughts", "思维强度")
        views.append(bars(names, at.thought, title, notes=notes))
    return stacked(views) if views else None


def outcome(recording):
    """What forms and the last moment as one `View`; None while there is nothing."""
    views = [forming(recording)]
    if recording.moments:
        views.append(moment(recording, recording.moments[-1]))
    return _together(views)


def summary(recording, earlier=None):
    """All of it as one `View`: curves, what forms, the last moment; None while there is nothing."""
    return _together([course(recording, earlier), outcome(recording)])


def _said(at):
    """What a moment's model said, as `conversation` takes it."""
    who = beside("model", "模型")
    return [
        (question, [(who, [Explanation(symbol, tuple(w)) for symbol, w in characters])])
        for question, characters in at.dialogues
    ]


def _kind(name):
    return beside(name, KINDS[name]) if name in KINDS else name


def _together(views):
    views = [view for view in views if view is not None]
    return stacked(views) if views else None

"""What a `recording.Recording` shows: its curves, a moment of it, how the router forms.

The widget shows them while a model trains; they are as good without it.
"""

from math import log

from .charts import bars, curves, shares
from .conversation import conversation
from .drawing import stacked
from .explanation import Explanation

STEPS = "steps 步数"


def course(recording, earlier=None):
    """Bits a character over the steps, in training and held out; None before the first point.

    Args:
        recording: a `Recording`.
        earlier: what `recording.earlier` gave, or a part of it, to compare with.
    """
    series = {
        "training 训练": [(p.step, p.loss) for p in recording.points],
        "held out 留出": [(p.step, p.held_out) for p in recording.points],
    }
    for name, curve in (earlier or {}).items():
        measured = [(step, bits) for step, _, _, bits in curve]
        if not any(bits is not None for _, bits in measured):
            measured = [(step, loss / log(2)) for step, _, loss, _ in curve]
        series[f"{name} (earlier 以前)"] = measured
    series = {n: [(x, y) for x, y in points if y is not None] for n, points in series.items()}
    if not series["training 训练"]:
        return None
    return curves(
        {name: points for name, points in series.items() if points},
        STEPS,
        "bits per character 每字比特",
        f"Stage {recording.stage} 阶段",
    )


def forming(recording):
    """How router weights and thoughts form over the steps; None before there are two moments.

    Lines: the first expert's mean weight for each kind of text, the mean strength of the thoughts.
    """
    series = {}
    for moment in recording.moments:
        for kind, weights in moment.router.items():
            series.setdefault(f"{recording.experts[0]}: {kind}", []).append(
                (moment.step, weights[0])
            )
        if moment.thought:
            mean = sum(moment.thought) / len(moment.thought)
            series.setdefault("thought 思维", []).append((moment.step, mean))
    if max(map(len, series.values()), default=0) < 2:
        return None
    note = (
        f"Weight of {recording.experts[0]} by kind of text; |thought| / |stream|. "
        f"各类文本中 {recording.experts[0]} 的权重；思维强度。"
    )
    return curves(series, STEPS, "", "How trust and thought form 信任与思维的形成", note)


def moment(recording, at):
    """What the model wrote, trusted and thought at a moment.

    Args:
        at: a `Moment` of the recording.
    """
    when = f"step {at.step} 步"
    said = [
        (question, [("model 模型", [Explanation(s, tuple(w)) for s, w in characters])])
        for question, characters in at.dialogues
    ]
    views = []
    if said:
        views.append(conversation(said, recording.experts, f"What it writes 它写的 · {when}"))
    if at.router:
        title = f"Mean router weights 平均路由权重 · {when}"
        views.append(shares(list(at.router), list(at.router.values()), recording.experts, title))
    if at.thought:
        names = [f"block {i}" for i in range(len(at.thought))]
        notes = [f"{value:.3f}" for value in at.thought]
        title = f"Strength of the thoughts 思维强度 · {when}"
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


def _together(views):
    views = [view for view in views if view is not None]
    return stacked(views) if views else None

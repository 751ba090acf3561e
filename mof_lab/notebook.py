"""What the notebooks share: a run, where each stage starts, a training to watch, what was measured.

Written for a kernel of Jupyter; without one the same lines are printed.
"""

import json
import time
from contextlib import closing
from math import log

import numpy as np
from IPython.display import display

from . import checkpoint
from .configuration import preset
from .errors import LabError
from .folders import PROJECT, fast, runs_folder, shipped
from .packing import encode_dialogue
from .pipeline import Run
from .progress import clock
from .reasoning.memory import SMALL_TALK
from .reasoning.words import COLOURS
from .tables import bar, table
from .views import curves
from .vocabulary import PADDING

UPDATE_EVERY_SECONDS = 0.5

#: Something of two characters that is told, asked for and answered.
TOPICS = {
    "colour": (COLOURS, "我最喜欢{}", "{}很好看。", "我喜欢什么颜色？", "你喜欢{}。"),
    "name": (
        ("小明", "小红", "小雨", "王芳", "李强", "张伟", "阿林", "阿兰"),
        "我叫{}",
        "你好，{}！",
        "我叫什么名字？",
        "你叫{}。",
    ),
}


def open_run():
    """The run of all notebooks: what one of them trains, the next ones find.

    With MOF_LAB_FAST=1 the stages are shortened to a few steps, in a folder of their own.
    """
    if fast():
        return Run(preset("tiny").shortened(0.004), runs_folder() / "notebooks-fast")
    return Run(preset("tiny"), runs_folder() / "notebooks")


def model_before(run, stage):
    """The model that a stage starts from.

    That is the model as the stage before left it in this run. If that was not trained here, it
    is the shipped one with fresh weights in the parts that the stage trains.
    """
    stages = run.preset.stages
    stage = run.preset.stage(stage)
    at = stages.index(stage)
    if at == 0:
        return run.new_model()
    if has(run, stages[at - 1].name):
        return run.model_after(stages[at - 1].name)
    model, fresh = _shipped_model(run), run.new_model().parts()
    for name in set(stage.trains) - {"all"}:
        for layer, new in zip(model.parts()[name], fresh[name], strict=True):
            layer.set_weights(new.get_weights())
    return model


def model_after(run, stage):
    """The model as a stage left it in this run; if it was not trained here, the shipped one."""
    return run.model_after(stage) if has(run, stage) else _shipped_model(run)


def has(run, stage):
    """Did this run train that stage, or begin to?"""
    return (run.directory / stage / "meta.json").exists()


def _shipped_model(run):
    model, vocabulary, _ = checkpoint.load(shipped(run.preset.name))
    if vocabulary != run.vocabulary:
        raise LabError(
            "The shipped checkpoint was made from other text than this run has; "
            "run the earlier notebooks first."
        )
    return model


def train(trainer):
    """Trains to the end of a stage with one line that is kept up to date, then draws the curve.

    Interrupting the kernel stops the training and keeps it; the same cell goes on from there.

    Args:
        trainer: a `training.Trainer`, e.g. `run.trainer("gru", model)`.

    Returns:
        its `progress.Record`.
    """
    record, name = trainer.record, trainer.stage.name
    if record.done:
        _show(f"{name} was trained before: {_result(record)}")
    else:
        line = _show(f"{name}: compiling 编译中 …", display_id=True)
        try:
            with closing(iter(trainer)) as reports:  # closed = saved, wherever it is left
                _follow(reports, line)
            _update(line, f"{name} is trained 训练完成: {_result(record)}")
        except KeyboardInterrupt:
            _update(
                line,
                f"{name} stopped at step {record.step} of {record.steps} and is saved; run this "
                "cell again to go on. 已停止并保存，再次运行本单元格即可继续。",
            )
    if record.curve:
        display(training_curve(record, name))
    return record


def training_curve(record, name):
    """Bits a character over the steps of a stage, in training and held out."""
    return curves(
        {
            "training 训练": [(step, loss / log(2)) for step, _, loss, _ in record.curve],
            "held out 留出": [(step, bits) for step, _, _, bits in record.curve],
        },
        x_label="steps 步数",
        y_label="bits per character 每字比特",
        title=f"Stage {name} 阶段",
    )


def reminder(topic, told, answered, exchanges):
    """A dialogue, (role, text) pairs: something is told, other talk follows, it is asked for.

    Args:
        topic: one of `TOPICS`.
        told, answered: what was told and what is answered; the same, or not.
        exchanges: of small talk in between, up to 10.
    """
    _, tells, replies, asks, answers = TOPICS[topic]
    said = [tells.format(told), replies.format(told)]
    for talk in SMALL_TALK[:exchanges]:
        said += talk
    said += [asks, answers.format(answered)]
    return [(("user", "assistant")[i % 2], text) for i, text in enumerate(said)]


def recall(model, vocabulary, expert, topic):
    """How much more a model expects something because it was told, by characters in between.

    Args:
        expert: the name of one expert to ask alone; None = the mixture.
        topic: one of `TOPICS`.

    Returns:
        a list of (characters in between, bits a character of the right answer when it was told,
        the same when something else was told).
    """
    from .evaluation import window_nats  # TensorFlow is slow to import

    values = TOPICS[topic][0]
    others = (*values[1:], values[0])

    def bits(told, exchanges):
        tokens = np.full((len(values), 256), PADDING)
        for row, pair in zip(tokens, zip(told, values, strict=True), strict=True):
            ids, _ = encode_dialogue(reminder(topic, *pair, exchanges), vocabulary)
            row[-len(ids) :] = ids  # what stands before ⟨begin⟩ is forgotten
        nats = window_nats(model, tokens, expert)  # (values, 255)
        return float(nats[:, -4:-2].mean() / log(2))  # 。 and ⟨end⟩ come after the answer

    found = []
    for exchanges in (0, 1, 2, 4, 7, 10):
        between = sum(len(text) + 2 for pair in SMALL_TALK[:exchanges] for text in pair)
        found.append((between, bits(values, exchanges), bits(others, exchanges)))
    return found


def benchmark(suite, folder=PROJECT / "benchmarks" / "results"):
    """What a suite of `benchmarks/` measured, as text; one sentence when it has not been run."""
    path = folder / f"{suite}.json"
    if not path.exists():
        return (
            f"Suite {suite} has not been measured yet: `python3 lab.py bench {suite}` does it. "
            "尚未测量。"
        )
    result = json.loads(path.read_text(encoding="utf-8"))
    machine, measured = result["machine"], result["table"]
    figures = [
        (name, "not measured 未测" if value is None else f"{value:.3g}")
        for name, value in result["figures"].items()
    ]
    where = f"{machine['cpu']}, {machine['cores']} cores, {result['date'][:10]}"
    parts = [f"Suite {suite}: {where}", table(measured["header"], measured["rows"])]
    if figures:
        parts.append(table(("figure 指标", "found 实测"), figures))
    return "\n\n".join(parts + result["notes"])


def _follow(reports, line):
    shown, bits, first = 0.0, None, True
    for progress in reports:
        bits = bits if progress.bits_per_character is None else progress.bits_per_character
        if time.monotonic() - shown < UPDATE_EVERY_SECONDS:
            continue
        shown = time.monotonic()
        # The first step compiles: a speed taken from it would promise hours.
        left, first = "–:––" if first else clock(progress.seconds_left), False
        _update(
            line,
            f"{progress.stage} {bar(progress.step / progress.steps, 20)} "
            f"{progress.step}/{progress.steps}  loss {progress.loss:.3f}  "
            f"held out {'–' if bits is None else f'{bits:.3f}'} bits/char  "
            f"{progress.tokens_per_second:,.0f} char/s  {left} left",
        )


def _result(record):
    measured = [bits for *_, bits in record.curve if bits is not None]
    held_out = f", {measured[-1]:.3f} bits/char held out" if measured else ""
    speed = record.tokens / max(1e-9, record.seconds)
    return f"{record.steps} steps in {clock(record.seconds)}, {speed:,.0f} char/s{held_out}"


class _Line(str):
    """A text that is displayed as it is, without quotes."""

    __repr__ = str.__str__


def _show(text, **options):
    return display(_Line(text), **options)


def _update(line, text):
    if line is None:  # no kernel
        print(text)
    else:
        line.update(_Line(text))

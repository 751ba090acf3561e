"""What the notebooks share: a run, where each stage starts, a training to watch, what was measured.

Written for a kernel of Jupyter.
"""

import json
from dataclasses import replace
from math import log

import numpy as np
from IPython.display import display

from . import archive, checkpoint, corpus
from .configuration import preset
from .errors import LabError
from .explanation import log_softmax
from .folders import PROJECT, fast, runs_folder, shipped
from .generation import Decoder
from .jobs import NotReadyError
from .packing import STAMP, encode_dialogue
from .pipeline import Run, vocabulary_of
from .reasoning.memory import SMALL_TALK
from .reasoning.words import COLOURS
from .report import named
from .tables import table
from .vocabulary import PADDING

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


#: Documents of each kind, about, of a shortened run.
FEW = 1000


def open_run(of=None, name="notebooks"):
    """The run of all notebooks: what one of them trains, the next ones find.

    With MOF_LAB_FAST=1 the stages are shortened to a few steps, and of the text to train on there
    is a part, in a folder of their own; the vocabulary is that of the whole text.

    Args:
        of: another `Preset` than tiny.
        name: of the folder; another preset needs one of its own.
    """
    of = preset("tiny") if of is None else of
    if fast():  # a few steps are over before XLA has compiled one
        of, name = replace(of.shortened(0.004), xla=False), f"{name}-few"
    folder = runs_folder() / name
    if not (folder / "windows" / "held_out" / STAMP).exists():  # it comes when all is packed
        print("Packing the text into windows, only once … 正在把文本打包成窗口，只做一次……")
    return Run(of, folder, _a_part(of, folder) if fast() else None)


def _a_part(of, folder):
    """The project's text with few documents to train on; the run's vocabulary is of all."""
    text, path = corpus.project(of), folder / "vocabulary.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        vocabulary_of(text, of).save(path)
    kept = {}
    for row in text.train:
        kept.setdefault(row["kind"], []).append(row)
    some = [row for rows in kept.values() for row in rows[:: 1 + len(rows) // FEW]]
    return replace(text, train=some)


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


def train(run, stage, model=None, **options):
    """Shows a `widgets.TrainingPanel` and starts it, unless that stage is trained already.

    Where somebody can click it returns at once; the next cell begins with `training.result()`.

    Args:
        as of `widgets.TrainingPanel`.

    Returns:
        the panel.

    Raises:
        LabError: it is being trained already; the panel that trains it is shown again.
    """
    from .widgets import TrainingPanel, training  # needs the lab's packages

    older = training.training_now(run.directory / getattr(stage, "name", stage))
    if older is not None:  # this cell was run again: its buttons must not be lost
        display(older)
        raise NotReadyError(
            f"Stage {older.stage} is being trained already, in the panel below: wait or press "
            "Stop, then run this cell again. 这个阶段正在训练，面板在下面："
            "请等它结束或点“停止”，再运行本单元格。"
        )
    if fast():  # answers on the way would have to be compiled
        options["sayings"] = ()
    panel = TrainingPanel(run, stage, model, **options)
    display(panel)
    if not panel.record.done:
        panel.start()
    return panel


def in_background(name, work):
    """Shows a `widgets.Task` and starts it, unless that is going on already.

    Where somebody can click it returns at once; the next cell begins with its `result()`.

    Args:
        as of `widgets.Task`.

    Returns:
        the task.

    Raises:
        LabError: it is going on already; the task is shown again.
    """
    from .widgets import Task, task  # needs the lab's packages

    older = task.task_now(name)
    if older is not None:  # this cell was run again: its buttons must not be lost
        display(older)
        raise NotReadyError(
            f"“{name}” is going on already, in the panel below: wait or press Stop, then run this "
            "cell again. 已在进行，面板在下面：请等它结束或点“停止”，再运行本单元格。"
        )
    started = Task(name, work)
    display(started)
    started.start()
    return started


def replay(stage, name="tiny"):
    """A `widgets.Replay` of how a model that ships was trained: minutes or hours in one.

    Args:
        stage: its name.
        name: of the folder under `checkpoints/`.
    """
    from .widgets import Replay  # needs the lab's packages

    return Replay(shipped(name) / "recordings" / f"{stage}.json")


_tours = {}


def tour(name):
    """The guided tour of a notebook, a `widgets.Tour`: the same one as long as the kernel lives.

    Args:
        name: "start" or "inside".
    """
    from .widgets import Tour  # needs the lab's packages

    if name not in _tours or _tours[name].comm is None:  # all widgets were closed
        _tours[name] = Tour(name)
    return _tours[name]


def download(folder, title, **parts):
    """A button that gives what was made to the browser, as one zip.

    It is made at once, so that it is there too where nobody can click, and anew at every click.

    Args:
        folder: of a checkpoint.
        title: what people call it.
        parts: of `archive.write`: expert, talks, report, transcript, settings; a function of no
            arguments in place of a value is called each time.

    Returns:
        the path of the zip.
    """
    from .widgets import Download  # needs the lab's packages

    panel = Download(folder, title, **parts)
    panel.pack()
    display(panel)
    print(f"{panel.path.name}: {panel.path.stat().st_size / 1e6:.1f} MB")
    return panel.path


def restore(source, folder=None):
    """What such a zip holds, as an `archive.Work`: model, vocabulary, settings, transcript."""
    return archive.read(source, folder)


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


#: Where an answer's two characters stand in a dialogue: 。 and ⟨end⟩ come after them.
CONTENT = slice(-4, -2)


def _nats_in_window(model, rows, expert):
    """The surprise at the contents of all rows at once, (rows, 2)."""
    from .evaluation import window_nats

    tokens = np.full((len(rows), 256), PADDING)
    for row, ids in zip(tokens, rows, strict=True):
        row[-len(ids) :] = ids  # what stands before ⟨begin⟩ is forgotten
    return window_nats(model, tokens, expert)[:, CONTENT]


def _nats_as_last(model, rows, expert):
    """The same as in a chat, for a model that is honest at its last position alone."""
    found = []
    for ids in rows:
        decoder, at = Decoder(model, expert), 0
        for target in range(len(ids))[CONTENT]:
            decoder.read(ids[at:target])
            found.append(-log_softmax(decoder.output[0])[ids[target]])
            at = target
    return np.reshape(found, (len(rows), -1))


def recall(model, vocabulary, expert, topic):
    """How much more a model expects something because it was told, by characters in between.

    Args:
        expert: the name of one expert to ask alone; None = the mixture.
        topic: one of `TOPICS`.

    Returns:
        a list of (characters in between, bits a character of the right answer when it was told,
        the same when something else was told).
    """
    return list(recalling(model, vocabulary, expert, topic))


def recalling(model, vocabulary, expert, topic):
    """What `recall` gives, one after the other, so that it can be left in between."""
    from .published import Published  # TensorFlow is slow to import

    nats = _nats_as_last if isinstance(model, Published) else _nats_in_window
    values = TOPICS[topic][0]
    others = (*values[1:], values[0])

    def bits(told, exchanges):
        said = [reminder(topic, *pair, exchanges) for pair in zip(told, values, strict=True)]
        rows = [encode_dialogue(turns, vocabulary)[0] for turns in said]
        return float(np.mean(nats(model, rows, expert)) / log(2))

    for exchanges in (0, 1, 2, 4, 7, 10):
        between = sum(len(text) + 2 for pair in SMALL_TALK[:exchanges] for text in pair)
        yield between, bits(values, exchanges), bits(others, exchanges)


#: Chinese of the headers of the tables that `benchmarks/` writes.
HEADERS = {
    "what": "内容",
    "program": "程序",
    "tokens/s": "字/秒",
    "characters/s": "字/秒",
    "ms a character": "每字毫秒",
    "ms a thousand": "每千字毫秒",
    "peak memory": "内存峰值",
    "cost over the shortest": "与最短窗口之比",
    "ours ÷": "我们的倍数",
}


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
    where = f"{machine['cpu']}, {machine['cores']} cores 核, {result['date'][:10]}"
    header = [f"{word} {HEADERS.get(word, '')}".strip() for word in measured["header"]]
    parts = [f"Suite 测试集 {suite}: {where}", table(header, measured["rows"])]
    if figures:
        parts.append(table(("figure 指标", "found 实测"), figures))
    return "\n\n".join(parts + result["notes"])


def trial(name, file=PROJECT / "docs" / "trials.json"):
    """What a question of `tools/trials.py` gave, as text; one sentence when it has not been asked.

    Args:
        name: of the question.
        file: the results.
    """
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if not found.get(name):
        return f"Trial {name} is not run yet: `python tools/trials.py {name}` does it. 尚未试验。"
    rows = []
    for variant, figures in found[name].items():
        right = [f"{a['correct']:,} of {a['total']:,}" for a in figures["answers"].values()]
        bits = f"{figures['bits_per_character']['all']:.3f}"
        rows.append([variant, f"{figures['seconds']:,}", f"{figures['tokens']:,}", bits, *right])
    kinds = next(iter(found[name].values()))["answers"]
    header = ["variant 做法", "seconds 秒", "characters seen 读的字", "bits/char 每字比特"]
    return table([*header, *(f"right 答对: {kind}" for kind in kinds)], rows)


def fixes(file=PROJECT / "docs" / "fixes.json"):
    """What each fix of the published model is worth, as text, from the file of `tools/fixes.py`."""
    found = json.loads(file.read_text(encoding="utf-8"))["rungs"] if file.exists() else {}
    if not found:
        return "Not run yet: `python tools/fixes.py` does it. 尚未运行。"
    rows = []
    for rung, figures in found.items():
        bits = "{:.2f} [{:.2f}, {:.2f}]".format(*figures["bits"][0])
        targets = "–" if figures["targets"] is None else f"{figures['targets']:,}"
        right = [f"{a['correct']:,} of {a['total']:,}" for a in figures["answers"].values()]
        rows.append([rung, targets, bits, *right])
    kinds = next(iter(found.values()))["answers"]
    header = ["rung 级", "targets learnt 学过的目标", "bits/char 每字比特"]
    return table([*header, *(f"right 答对: {kind}" for kind in kinds)], rows)


def router_study(file=PROJECT / "docs" / "router_study_shipped.json"):
    """Whom the routers of the shipped models trust, and what forcing an expert costs, as text.

    Args:
        file: the figures of `tools/router_study.py --checkpoint`.
    """
    found = json.loads(file.read_text(encoding="utf-8"))["checkpoints"] if file.exists() else {}
    if not found:
        return (
            "Not run yet: `python tools/router_study.py --checkpoint checkpoints/tiny "
            "checkpoints/small` does it. 尚未运行。"
        )
    parts = []
    for name, figures in found.items():
        right = figures["right"]
        shares = {
            who: {kind: f"{count['correct'] / count['total']:.0%}" for kind, count in of.items()}
            for who, of in right.items()
        }
        means = {
            what: {
                who: {k: form.format(x["value"]) for k, x in of.items()} for who, of in all_.items()
            }
            for what, form, all_ in (
                ("weights", "{:.2f}", figures["weights"]),
                ("cost", "{:+.2f}", figures["cost"]),
            )
        }
        for title, of_all in (
            ("router weight 路由权重", means["weights"]),
            ("right answers 答对", shares),
            ("bits a character that forcing it adds 只用它，每字多花的比特", means["cost"]),
        ):
            kinds = dict.fromkeys(kind for of_one in of_all.values() for kind in of_one)
            rows = [[named(kind), *(of_one[kind] for of_one in of_all.values())] for kind in kinds]
            parts.append(f"{name} · {title}\n{table(['kind 类别', *of_all], rows)}")
    return "\n\n".join(parts)

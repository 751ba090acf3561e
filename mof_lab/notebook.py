"""What the notebooks share: a run, where each stage starts, a training to watch, what is recalled.

Written for a kernel of Jupyter.
"""

from dataclasses import replace
from math import log

import numpy as np
from IPython.display import display

from . import archive, checkpoint, corpus
from .configuration import preset
from .errors import LabError
from .explanation import log_softmax
from .folders import fast, runs_folder, shipped
from .generation import Decoder
from .jobs import NotReadyError
from .packing import STAMP, encode_dialogue
from .pipeline import Run, vocabulary_of
from .reasoning.memory import SMALL_TALK
from .reasoning.words import COLOURS
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
    from .widgets import TrainingPanel  # needs the lab's packages

    _not_twice(run.directory / getattr(stage, "name", stage))
    if fast():  # answers on the way would have to be compiled
        options["sayings"] = ()
    panel = TrainingPanel(run, stage, model, **options)
    display(panel)
    if not panel.record.done:
        panel.start()
    return panel


def _not_twice(key):
    """Refuses an action that is going on, see `widgets.action`, and shows its panel again."""
    from .widgets import action

    older = action.now(key)
    if older is not None:  # its cell was run again: its buttons must not be lost
        display(older)
        raise NotReadyError(
            f"“{older.called}” is going on already, in the panel below: wait or press Stop, then "
            "run this cell again. 已在进行，面板在下面：请等它结束或点“停止”，再运行本单元格。"
        )


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
    from .widgets import Task  # needs the lab's packages

    _not_twice(name)
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

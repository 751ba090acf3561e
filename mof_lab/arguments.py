"""What the arguments of a command stand for: folders, texts, stages; or the one sentence that says
what is wrong with them, before anything slow begins.
"""

import shlex
from pathlib import Path

from . import folders
from .console import note, shown
from .errors import LabError

OWN_TEXT = "project"  # the catalogue's name for the text of this repository


def check_sayings(sayings, limit):
    """Refuses what can't be said to a model, before anything is trained."""
    from .corpus import normalise

    for text in sayings:
        if not 0 < len(normalise(text).strip()) <= limit:
            raise LabError(
                f"--say has {len(text):,} characters; expected 1 to {limit:,} that can be read."
            )


def preset_of(name, experts=(), file=None):
    """The preset of that name, of the experts that were asked for.

    Args:
        experts: names in order; none = the preset's own, and those of the file.
        file: of own experts; it is run, here and in every process started from here.

    Raises:
        LabError: there is no such preset or expert, or the file has none.
    """
    from .configuration import preset

    chosen = preset(name)
    if not experts and file is None:
        return chosen
    from .experts import find, use_file  # TensorFlow is slow to import

    own = use_file(file) if file else []
    names = tuple(experts or dict.fromkeys((*chosen.model.experts, *own)))
    for each in names:
        find(each)
    return chosen.with_experts(names)


def named_experts(experts, file):
    """`--experts` and `--expert-file` as they are typed."""
    words = ["--experts", *experts] if experts else []
    return shlex.join([*words, *(["--expert-file", str(file)] if file else [])])


def run_folder(preset, data):
    """Where a run is kept unless it is said: a folder for each preset, its experts, and text."""
    from .configuration import ModelConfig

    usual = preset.model.experts == ModelConfig.experts
    parts = [preset.name, *(() if usual else preset.model.experts)]
    return folders.runs_folder() / "-".join(parts + ([] if data == OWN_TEXT else [Path(data).stem]))


def named(data, limit, opt_in):
    """`--data` with the options beside it, as they are typed."""
    words = [data, *(["--limit", str(limit)] if limit else []), *(["--opt-in"] if opt_in else [])]
    return shlex.join(words)


def text_of(data, limit, opt_in):
    """The text that `--data` names, split; None for the project's own, which splits itself."""
    from . import corpus

    if data == OWN_TEXT and limit is None:
        return None
    return corpus.split(corpus.load(data, limit=limit or corpus.LIMIT, opt_in=opt_in, tell=note))


def trainable(stages, text, data, wanted):
    """The stages that can learn from a text; an error where a wanted one can't."""
    from .pipeline import learnable

    able = learnable(stages, text)
    for each in stages:
        if each not in able and each.name in wanted:
            raise LabError(
                f"Stage {each.name!r} learns from answers, and {data} holds no dialogues; "
                "leave that stage out or use a file with questions and answers."
            )
    return able


def progress_of(job, stage):
    """ "missing", "unfinished" or "finished"."""
    from . import checkpoint

    if not (job.directory / stage / "meta.json").exists():
        return "missing"
    record = checkpoint.read_meta(job.directory / stage).get("record", {})
    return "finished" if record.get("done") else "unfinished"


def predecessor(job, stage):
    """The name of the stage whose model `stage` starts from; None for the first stage."""
    names = [each.name for each in job.preset.stages]
    earlier = names[: names.index(stage)]
    for name in reversed(earlier):  # a stage that was left out is skipped
        found = progress_of(job, name)
        if found == "finished":
            return name
        if found == "unfinished":
            raise LabError(
                f"Stage {stage!r} starts from {name!r}, which is unfinished in "
                f"{shown(job.directory)}; finish it first, with --stage {name}."
            )
    if earlier:
        raise LabError(
            f"Stage {stage!r} starts from an earlier one, and {shown(job.directory)} has none; "
            f"train it first, with --stage {earlier[0]}."
        )
    return None


def found_checkpoint(folder):
    """A checkpoint's folder: the one named or its run's last stage; the newest run's; or the one
    that ships."""
    if folder is not None:
        return folder if (folder / "meta.json").exists() else _last_stage(folder) or folder
    own = {}
    for run in folders.runs_folder().glob("*"):
        if place := _last_stage(run):
            own[place] = _saved(place)
    newest = max(own, key=own.get, default=None)
    if newest is not None and own[newest]:
        return newest
    if not (folders.shipped() / "meta.json").exists():
        raise LabError(
            "There is no checkpoint yet; train one with `python3 lab.py run`, or name its folder."
        )
    return folders.shipped()


def _last_stage(run):
    """The folder of a run's last stage: chat, or joint where its text holds no dialogue."""
    places = (run / "chat", run / "joint")
    return next((place for place in places if (place / "meta.json").exists()), None)


def _saved(place):
    """When a finished stage was saved, to be compared; "" for one that is unfinished or damaged."""
    from . import checkpoint

    try:
        meta = checkpoint.read_meta(place)
    except LabError:
        return ""
    return meta.get("saved", "") if meta.get("record", {}).get("done") else ""


def judged_text(meta):
    """The text that a checkpoint is judged on: (`Corpus`, `Preset`, gap).

    The gap is a sentence that says what can't be measured because the model was trained on
    something else; empty where the text is its own. The vocabulary tells: it is the characters
    of the training text, the most frequent first.
    """
    from . import corpus, pipeline
    from .configuration import PRESETS

    name = meta.get("preset")
    preset = PRESETS.get(name, PRESETS["tiny"])
    text = corpus.project(preset)
    if name not in PRESETS:
        reason = "The checkpoint names no preset of this lab"
    elif pipeline.vocabulary_of(text, preset).hash != meta["vocabulary_hash"]:
        reason = "The checkpoint was trained on other text than this lab's data"
    else:
        return text, preset, ""
    return (
        text,
        preset,
        f"{reason}, so held-out bits, answers, router weights, calibration and copied text can't "
        "be measured, and whether the contents of the probes are new to it is not known.",
    )


def check_target(path):
    """Refuses a file that can't be written, before anything is measured."""
    if path is None:
        return
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise LabError(f"{path} can't be written; expected a file in a folder that exists.")

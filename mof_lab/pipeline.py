"""The main job: from the text in `data/` to a model that talks, with a report.

    vocabulary → windows → gru → transformer → router → joint → chat → questions → export → report

Every stage is a checkpoint in the run's folder; the same call goes on where the last stopped.
"""

import contextlib
import hashlib
import json
import time
from collections import Counter
from dataclasses import MISSING, fields, replace
from pathlib import Path

from . import checkpoint, corpus, curriculum, litert, processes, recorder
from .configuration import ModelConfig, Preset, Stage, to_dict
from .configuration import preset as preset_named
from .errors import LabError
from .export import export
from .files import locked, write_atomically
from .folders import runs_folder
from .judging import QUESTIONS, compare_experts, judge, report_of
from .packing import open_packed, pack_by_kind
from .sizes import check_size, least_size
from .vocabulary import Vocabulary

#: Share of the time budget kept for everything that is not training.
EVALUATION_SHARE = 0.08
#: Seconds that a stage takes to start its process, to compile, to measure and to save.
START_SECONDS = 20.0
#: Seconds that a second program waits while the first one packs the text of a run.
PACKING_SECONDS = 900.0


class Run:
    """One run in one folder.

    Args:
        preset: a `Preset`.
        directory: made if it is missing; goes on if it holds a run of the same preset and text.
        text: a `corpus.Corpus`; None = the project's own.
    """

    def __init__(self, preset, directory, text=None):
        self.preset = preset
        self.directory = Path(directory)
        if not (self.directory / "run.json").exists():  # what was trained elsewhere may be opened
            check_size(least_size(preset.model), preset)
        text = text or corpus.project(preset)
        self.questions = text.questions
        self.documents = dict(Counter(row["kind"] for row in text.train))
        self.data_hash = hash_of(text)
        busy = f"Another program is packing the text of {self.directory}; wait until it is done."
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with locked(self.directory / ".packing", busy, PACKING_SECONDS):
                self._prepare(text)
        except OSError as error:
            raise LabError(
                f"The folder {self.directory} can't be used for a run ({error.strerror}); "
                "free some space or choose another with --out."
            ) from None

    def _prepare(self, text):
        """Vocabulary and windows, made once."""
        self._claim()
        path = self.directory / "vocabulary.json"
        if not path.exists():
            vocabulary_of(text, self.preset).save(path)
        self.vocabulary = Vocabulary.load(path)
        for name, rows in (("train", text.train), ("held_out", text.held_out)):
            folder = self.directory / "windows" / name
            pack_by_kind(rows, self.vocabulary, self.preset.window, folder, self.preset.seed)

    def _claim(self):
        """Refuses a folder that holds a run of another preset or of other text."""
        mine = {"preset": json.loads(json.dumps(to_dict(self.preset))), "data": self.data_hash}
        path = self.directory / "run.json"
        if not path.exists():
            text = json.dumps(mine, ensure_ascii=False, indent=1)
            write_atomically(path, text.encode("utf-8"))
        try:
            theirs = json.loads(path.read_text(encoding="utf-8"))
            # An older run knows nothing of the options that came later: they are what they are
            # unless told otherwise.
            theirs["preset"] = _defaults(Preset) | theirs["preset"]
            theirs["preset"]["model"] = _defaults(ModelConfig) | theirs["preset"]["model"]
            usual = _defaults(Stage)
            theirs["preset"]["stages"] = [usual | stage for stage in theirs["preset"]["stages"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            theirs = None
        if theirs != mine:
            raise LabError(
                f"{self.directory} holds a run with another preset or other text; "
                "choose another folder with --out or remove it."
            )

    def windows(self, split):
        """kind → `Windows` of "train" or "held_out"."""
        return open_packed(self.directory / "windows" / split)

    def rate(self):
        """Rates the windows, once, if the preset puts them in order by difficulty."""
        if self.preset.order == "difficulty":
            curriculum.rate(self)

    def new_model(self):
        """A model with fresh weights, always the same ones."""
        from .model import MoF  # TensorFlow is slow to import

        config = replace(self.preset.model, vocabulary_size=len(self.vocabulary))
        return MoF(config, seed=self.preset.seed)

    def model_after(self, stage):
        """The model as a stage left it."""
        return checkpoint.load(self.directory / stage)[0]

    def trainer(self, stage, model, **options):
        """The trainer of a stage (its name, or a `Stage`); see `training.Trainer`."""
        from .training import Trainer

        if isinstance(stage, str):
            stage = self.preset.stage(stage)
        self.rate()
        return Trainer(
            model,
            self.vocabulary,
            self.windows("train"),
            self.preset,
            stage,
            self.directory / stage.name,
            self.windows("held_out"),
            **options,
        )

    def train(
        self, stage, before=None, seconds=float("inf"), show=lambda progress: None, record=False
    ):
        """Trains a stage in a process of its own.

        Args:
            stage: a `Stage` or the name of one.
            before: name of the stage it starts from; None = fresh weights.
            seconds: at most so long; a slow machine makes fewer steps.
            show: called with each `training.Progress`.
            record: also ask the model now and then, for a `recording.Recording`; see `recorder`.

        Returns:
            what the stage took and gave, as `report.json` has it.
        """
        if isinstance(stage, str):
            stage = self.preset.stage(stage)
        job = (_train, self, stage, before, seconds, record)
        took, peak = processes.call(*job, show=show)
        return stage_report(stage.name, took, peak)

    def train_all(self, minutes=None, show=lambda progress: None, record=False, seconds=None):
        """All stages, one after the other.

        Args:
            minutes: for the whole run, evaluation included; the preset's own when None.
            show, record: as of `train`; what `record` takes comes on top of the time.
            seconds: of training alone, in place of `minutes`; math.inf = until the steps are done.

        Returns:
            a list of what `train` returns.
        """
        minutes = self.preset.minutes if minutes is None else minutes
        started = time.monotonic()
        self.rate()
        if seconds is None:  # rating the windows is out of the same budget
            seconds = minutes * 60 * (1 - EVALUATION_SHARE)
            seconds -= START_SECONDS * len(self.preset.stages) + time.monotonic() - started
            seconds = max(seconds, minutes * 30)
        work = {s.name: s.steps * step_cost(s) for s in self.preset.stages}
        reports, left, before = [], sum(work.values()), None
        for stage in self.preset.stages:
            budget = seconds * work[stage.name] / left
            reports.append(self.train(stage, before, budget, show, record))
            spent = max(0.0, reports[-1]["seconds"] - START_SECONDS)
            seconds, left = max(1.0, seconds - spent), left - work[stage.name]
            before = stage.name
        return reports


def _defaults(kind):
    """The options of a dataclass that may be left out, as JSON has them."""
    values = {f.name: f.default for f in fields(kind) if f.default is not MISSING}
    return json.loads(json.dumps(values))


def step_cost(stage):
    """Of a step of a stage, beside one that computes and trains everything."""
    if stage.expert:
        return 0.6
    return 0.5 if stage.trains == ("router",) else 1.0


def _open(send, preset, directory, text):
    return Run(preset, directory, text)


def learnable(stages, text):
    """The stages that can learn from a text: without dialogues there are no answers to learn."""
    if text.talks:
        return tuple(stages)
    return tuple(stage for stage in stages if not stage.answers_only)


def _train(send, run, stage, before, seconds, record):
    model = run.new_model() if before is None else run.model_after(before)
    trainer = run.trainer(stage, model, seconds=seconds)
    return recorder.train(run, trainer, send) if record else trainer.run(send)


def vocabulary_of(text, preset):
    """The characters that a run of this preset knows, from the text it trains on."""
    return Vocabulary.build(corpus.texts(text.train), preset.vocabulary_size, min_count=2)


def hash_of(text):
    """16 hex digits that name the text of a run."""
    digest = hashlib.sha256()
    for row in (*text.train, *text.held_out):
        digest.update(json.dumps(row, ensure_ascii=False, sort_keys=True).encode("utf-8"))
    return digest.hexdigest()[:16]


def stage_report(name, record, peak):
    """One stage as `report.json` has it."""
    measured = [bits for *_, bits in record.curve if bits is not None]
    return {
        "name": name,
        "seconds": round(record.seconds, 1),
        "steps": record.steps,
        "tokens": record.tokens,
        "tokens_per_second": round(record.tokens / max(1e-9, record.seconds)),
        "bits_per_character": measured[-1] if measured else None,
        "peak_memory_bytes": max(peak, record.peak_memory),
        "curve": record.curve,
    }


def run(
    preset="tiny",
    out=None,
    say=(),
    minutes=None,
    show=lambda progress: None,
    tell=print,
    compare=False,
    text=None,
    data="project",
    record=False,
    experts="",
):
    """The main job; writes `report.json` and `report.html` and returns the report.

    Args:
        preset: a `Preset`, or the name of one.
        out: the run's folder; PRESET in the folder of all runs when None.
        say: what to say to the model at the end.
        minutes: time budget; the preset's own when None.
        show: called with each `training.Progress`.
        tell: called with a sentence at the start of each part.
        compare: also train each expert alone for the same time, and report it.
        text: a `corpus.Corpus`; None = the project's own.
        data: the text's name, with its options, for the report.
        record: leave a recording of each stage to play, with samples; see `recorder`.
        experts: how the preset's experts were asked for, for the report.
    """
    chosen = preset_named(preset) if isinstance(preset, str) else preset
    out = Path(out or runs_folder() / chosen.name)
    if text is not None:
        chosen = replace(chosen, stages=learnable(chosen.stages, text))
    busy = (
        f"{out} is being run by another program; stop it, wait until it is done, or choose "
        "another folder with --out."
    )
    with locked(out / ".running", busy):
        return _run(chosen, out, say, minutes, show, tell, compare, text, data, record, experts)


def _run(chosen, out, say, minutes, show, tell, compare, text, data, record, experts):
    started, preset = time.monotonic(), chosen.name
    tell("Reading the text and packing it into windows …")
    # Also in a process of its own: the memory of what was read would stay with this one.
    job, _ = processes.call(_open, chosen, out, text)
    windows = job.windows("train")
    tell(
        f"{sum(job.documents.values()):,} documents, {len(job.vocabulary):,} characters and "
        f"tokens, {sum(len(w) for w in windows.values()):,} windows of {chosen.window}."
    )
    stages = job.train_all(minutes, show, record)
    tell("Asking what it has learnt …")
    last = chosen.stages[-1].name
    sayings = tuple(say) if say or not chosen.stages[-1].answers_only else QUESTIONS
    judged, peak = processes.call(judge, job, last, None, sayings)
    export_once(job.directory / last, tell)
    command = f"python3 lab.py run --preset {preset}" + "".join(
        (
            f" --data {data}" if data != "project" else "",
            f" {experts}" if experts else "",
            f" --minutes {minutes:g}" if minutes else "",
            " --compare" if compare else "",
            " --record" if record else "",
        )
    )
    seconds = time.monotonic() - started
    report = report_of(job, stages, judged, command, preset, seconds, peak)
    write_report(report, job.directory)
    if compare:
        report["comparison"] = compare_experts(job, report, show, tell)
        write_report(report, job.directory)
    return report


def export_once(directory, tell):
    """The LiteRT form of a checkpoint, unless it is there; a model that has none still chats."""
    with contextlib.suppress(LabError):  # one of other weights
        if litert.read_card(directory, checkpoint.read_meta(directory)):
            return
    tell("Exporting it, for quick answers without TensorFlow …")
    try:
        export(directory, tell=lambda sentence: None)
    except LabError as error:
        tell(str(error))


def write_report(report, directory):
    """`report.json` and `report.html`."""
    from .report import to_html

    text = json.dumps(report, ensure_ascii=False, indent=1)
    write_atomically(directory / "report.json", text.encode("utf-8"))
    write_atomically(directory / "report.html", to_html(report).encode("utf-8"))

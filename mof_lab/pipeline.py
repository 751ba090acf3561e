"""The main job: from the text in `data/` to a model that talks, with a report.

    vocabulary → windows → gru → transformer → router → joint → chat → questions → report

Every stage is a checkpoint in the run's folder; the same call goes on where the last stopped.
"""

import hashlib
import json
import multiprocessing
import os
import platform
import signal
import sys
import time
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from . import checkpoint, corpus
from .chat import ChatSession
from .configuration import preset as preset_named
from .configuration import to_dict
from .doctor import allowed_cores
from .errors import LabError
from .evaluation import bits_per_character, router_weights, score
from .generation import Sampling
from .packing import open_packed, pack_by_kind
from .training import Record, Trainer
from .vocabulary import Vocabulary

#: What `run` asks when nothing else is said.
QUESTIONS = (
    "你好",
    "你是谁？",
    "我叫小明",
    "法国的首都是哪里？",
    "12加7等于多少？",
    "我叫什么名字？",
)
#: Share of the time budget of each stage, when the machine is too slow for all steps.
EVALUATION_SHARE = 0.1


class Run:
    """One run in one folder.

    Args:
        preset: a `Preset`.
        directory: made if it is missing; goes on if it holds a run of the same preset.
        data: rows to use instead of the project's own text (a `corpus.Corpus`).
    """

    def __init__(self, preset, directory, data=None):
        self.preset = preset
        self.directory = Path(directory)
        self.corpus = data or corpus.project(preset.reasoning_examples, preset.seed)
        self._claim()
        self.vocabulary = self._vocabulary()
        pack = self.directory / "windows"
        self.train = pack_by_kind(
            self.corpus.train, self.vocabulary, preset.window, pack / "train", preset.seed
        )
        self.held_out = pack_by_kind(
            self.corpus.held_out, self.vocabulary, preset.window, pack / "held_out", preset.seed
        )

    def _claim(self):
        """Refuses a folder that holds a run of another preset or of other text."""
        mine = {"preset": json.loads(json.dumps(to_dict(self.preset))), "data": self.data_hash()}
        path = self.directory / "run.json"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            if path.exists():
                theirs = json.loads(path.read_text(encoding="utf-8"))
                if theirs != mine:
                    raise LabError(
                        f"{self.directory} holds a run with another preset or other text; "
                        "choose another folder with --out or remove it."
                    )
            else:
                text = json.dumps(mine, ensure_ascii=False, indent=1)
                checkpoint.write_atomically(path, text.encode("utf-8"))
        except OSError as error:
            raise LabError(
                f"The folder {self.directory} can't be written to: {error.strerror}; "
                "choose another with --out."
            ) from None

    def data_hash(self):
        """16 hex digits that name the text of this run."""
        digest = hashlib.sha256()
        for row in (*self.corpus.train, *self.corpus.held_out):
            digest.update(json.dumps(row, ensure_ascii=False, sort_keys=True).encode("utf-8"))
        return digest.hexdigest()[:16]

    def _vocabulary(self):
        path = self.directory / "vocabulary.json"
        if path.exists():
            return Vocabulary.load(path)
        texts = corpus.texts(self.corpus.train)
        vocabulary = Vocabulary.build(texts, self.preset.vocabulary_size, min_count=2)
        vocabulary.save(path)
        return vocabulary

    def new_model(self):
        """A model with fresh weights, always the same ones."""
        return new_model(self.preset, self.vocabulary)

    def trainer(self, name, model, **options):
        """The trainer of one stage; its checkpoint lies in the run's folder."""
        return Trainer(
            model,
            self.vocabulary,
            self.train,
            self.preset,
            self.preset.stage(name),
            self.directory / name,
            self.held_out,
            **options,
        )

    def train_all(self, show, minutes=None):
        """All stages, one after the other.

        Args:
            show: called with the stages' `Progress`.
            minutes: for the whole run; stages are shortened to fit on a slow machine.

        Returns:
            a list of what each stage took and gave, as `report.json` has it.
        """
        minutes = self.preset.minutes if minutes is None else minutes
        seconds = minutes * 60 * (1 - EVALUATION_SHARE)
        # A step's cost differs by stage, about as its trained and computed parts do.
        cost = {"gru": 0.6, "transformer": 0.6, "router": 0.5}
        work = {s.name: s.steps * cost.get(s.name, 1.0) for s in self.preset.stages}
        stages, left, before = [], sum(work.values()), None
        for stage in self.preset.stages:
            budget = seconds * work[stage.name] / left
            record = train_in_process(self, stage, budget, before, show)
            seconds, left = seconds - record.seconds, left - work[stage.name]
            stages.append(stage_report(stage.name, record))
            before = stage.name
        return stages


def new_model(preset, vocabulary):
    """A model of a preset for a vocabulary, with fresh weights, always the same ones."""
    from .model import MoF

    config = replace(preset.model, vocabulary_size=len(vocabulary))
    return MoF(config, seed=preset.seed)


def train_in_process(run, stage, seconds, before, show):
    """Trains a stage in a process of its own, which gives all its memory back.

    Args:
        before: the stage whose checkpoint it starts from; None = fresh weights.
        show: called with each `Progress`.

    Returns:
        the stage's `training.Record`.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    job = (run.preset, stage, run.directory, before, seconds)
    process = context.Process(target=_work, args=(there, *job))
    process.start()
    there.close()
    try:
        while True:
            message = here.recv()
            if isinstance(message, Record):
                return message
            if isinstance(message, LabError):
                raise message
            show(message)
    except EOFError:
        raise LabError(
            f"The training of stage {stage.name} stopped unexpectedly (exit code "
            f"{process.exitcode}); perhaps the machine ran out of memory. "
            "The same command goes on from the last checkpoint."
        ) from None
    except KeyboardInterrupt:
        if process.is_alive():
            process.join(5)  # a terminal interrupts both processes; else pass it on
        if process.is_alive():
            os.kill(process.pid, signal.SIGINT)
        raise
    finally:
        process.join(30)


def _work(connection, preset, stage, directory, before, seconds):
    """What the process of `train_in_process` does."""
    try:
        vocabulary = Vocabulary.load(directory / "vocabulary.json")
        model = new_model(preset, vocabulary)
        if before is not None:
            meta = checkpoint.read_meta(directory / before)
            checkpoint.restore(directory / before, meta, "model", model.variables)
        train, held_out = (open_packed(directory / "windows" / s) for s in ("train", "held_out"))
        folder = directory / stage.name
        trainer = Trainer(model, vocabulary, train, preset, stage, folder, held_out, seconds)
        connection.send(trainer.run(connection.send))
    except LabError as error:
        connection.send(error)
    except KeyboardInterrupt:
        sys.exit(130)


def stage_report(name, record):
    """One stage as `report.json` has it."""
    measured = [bits for *_, bits in record.curve if bits is not None]
    return {
        "name": name,
        "seconds": round(record.seconds, 1),
        "steps": record.steps,
        "tokens": record.tokens,
        "tokens_per_second": round(record.tokens / max(1e-9, record.seconds)),
        "bits_per_character": measured[-1] if measured else None,
        "peak_memory_bytes": record.peak_memory,
        "curve": record.curve,
    }


def converse(model, vocabulary, sayings):
    """A conversation at temperature 0 with the mean router weights of each answer."""
    session, samples = ChatSession(model, vocabulary), []
    for text in sayings:
        characters = list(session.stream(text, Sampling(temperature=0), max_length=120))
        weights = [c.router_weights for c in characters]
        samples.append(
            {
                "user": text,
                "assistant": vocabulary.decode(c.token for c in characters),
                "router_weights": [float(w) for w in np.mean(weights, axis=0)] if weights else [],
            }
        )
    return samples


def run(
    preset="tiny",
    out=None,
    say=(),
    minutes=None,
    show=lambda progress: None,
    tell=print,
    compare=False,
):
    """The main job; returns the report and writes `report.json` and `report.html`.

    Args:
        preset: a preset's name.
        out: the run's folder; `runs/PRESET` when None.
        say: what to say to the model at the end.
        show: called with each `training.Progress`.
        tell: called with a sentence at the start of each part.
        compare: also train each expert alone for the same time, and report it.
    """
    started = time.monotonic()
    chosen = preset_named(preset)
    tell("Reading the text and packing it into windows …")
    job = Run(chosen, out or Path("runs") / preset)
    counts = Counter(row["kind"] for row in job.corpus.train)
    tell(
        f"{sum(counts.values()):,} documents, {len(job.vocabulary):,} characters and tokens, "
        f"{sum(len(w) for w in job.train.values()):,} windows of {chosen.window}."
    )
    stages = job.train_all(show, minutes)
    model, _, _ = checkpoint.load(job.directory / chosen.stages[-1].name)
    tell("Asking what it has learnt …")
    answers, rows = score(model, job.vocabulary, job.corpus.questions)
    samples = converse(model, job.vocabulary, say or QUESTIONS)
    report = {
        "preset": preset,
        "total_seconds": round(time.monotonic() - started, 1),
        "trained_seconds": round(sum(stage["seconds"] for stage in stages), 1),
        "peak_memory_bytes": peak_memory(stages),
        "parameters": model.count_params(),
        "experts": list(model.config.experts),
        "stages": stages,
        "bits_per_character": bits_per_character(model, job.held_out),
        "answers": answers,
        "router_weights": router_weights(model, job.held_out),
        "samples": samples,
        "wrong_answers": [
            {"question": " / ".join(q.turns), "expected": q.answers[0], "given": text}
            for q, text, right in rows
            if not right
        ][:40],
        "documents": dict(counts),
        "padding": {kind: round(w.padding, 4) for kind, w in job.train.items()},
        "vocabulary_size": len(job.vocabulary),
        "seed": chosen.seed,
        "data_hash": job.data_hash(),
        "machine": {"cores": allowed_cores(), "system": platform.system(), "cpu": cpu_name()},
        "versions": {
            "python": platform.python_version(),
            **{p: version(p) for p in ("mof-lab", "keras", "numpy")},
            "tensorflow": tensorflow_version(),
        },
        "command": f"python3 lab.py run --preset {preset}" + (" --compare" if compare else ""),
    }
    if compare:
        report["comparison"] = compare_experts(job, report, show, tell)
    write_report(report, job.directory)
    return report


def compare_experts(job, report, show, tell):
    """Each expert alone, trained for as many seconds as all stages of the mixture took."""
    last = report["stages"][-1]["seconds"]
    shares = {"joint": report["trained_seconds"] - last, "chat": last}
    judged = ("knowledge", "reasoning")
    result = {
        "mixture": {
            "bits_per_character": report["bits_per_character"],
            "seconds": report["trained_seconds"],
            "answers": {kind: report["answers"][kind] for kind in judged},
        }
    }
    for expert in report["experts"]:
        tell(f"For comparison: the {expert} expert alone, for the same time …")
        trained = next(s for s in report["stages"] if s["name"] == expert)
        seconds_a_step = trained["seconds"] / trained["steps"]
        before, used = None, 0.0
        for base, seconds in shares.items():
            stage = replace(
                job.preset.stage(base),
                name=f"{base}_{expert}_alone",
                expert=expert,
                trains=("stem", "head", expert),
                learning_rate=job.preset.stage(expert if base == "joint" else base).learning_rate,
                steps=max(2, round(seconds / seconds_a_step)),
            )
            used += train_in_process(job, stage, seconds, before, show).seconds
            before = stage.name
        alone, _, _ = checkpoint.load(job.directory / before)
        answers, _ = score(alone, job.vocabulary, job.corpus.questions, expert)
        result[expert] = {
            "bits_per_character": bits_per_character(alone, job.held_out, expert),
            "seconds": round(used, 1),
            "answers": {kind: answers[kind] for kind in judged},
        }
    return result


def write_report(report, directory):
    """`report.json` and `report.html`."""
    from .report import to_html

    text = json.dumps(report, ensure_ascii=False, indent=1)
    checkpoint.write_atomically(directory / "report.json", text.encode("utf-8"))
    checkpoint.write_atomically(directory / "report.html", to_html(report).encode("utf-8"))


def peak_memory(stages):
    """The most memory this process ever held, in bytes."""
    seen = [stage["peak_memory_bytes"] for stage in stages]
    try:
        import resource
    except ImportError:  # Windows
        return max(seen)
    scale = 1 if sys.platform == "darwin" else 1024
    return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale, *seen)


def cpu_name():
    """What the machine calls its processor."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def tensorflow_version():
    """Of whichever TensorFlow distribution is installed."""
    import tensorflow as tf

    return tf.__version__

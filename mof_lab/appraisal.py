"""All measurements of one checkpoint, one after the other; `assessment` says what each is.

    result = appraise("checkpoints/tiny", text, preset)

The result is plain JSON with the keys of `report.json` and more; `model_card` puts it into words.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sized
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from . import assessment, checkpoint, litert
from .chat import ChatSession
from .corpus import texts
from .evaluation import score, window_measures
from .generation import Decoder, Sampling
from .limits import allowed_cores
from .machine import cpu_name, versions
from .memory import peak_memory
from .pipeline import hash_of, stage_report
from .probes import Probes
from .progress import Record
from .vocabulary import BEGIN

SEED = 1  # of everything that is drawn
SAMPLING = Sampling(seed=SEED)  # as a chat samples by default
DIALOGUES, STORIES, SAMPLES = 100, 20, 30
LONGEST = 300  # characters of a sampled text: a model that never ends one comes to an end too
#: Prompts answered at once; few of them hold a story, which takes memory.
BATCH, LONG_BATCH = 64, 8


def appraise(directory, text, preset, gap="", show=lambda part, done, left: None):
    """Measures a checkpoint.

    Args:
        directory: its folder.
        text: a `corpus.Corpus`: what the model was trained on, unless there is a `gap`.
        preset: the `Preset` whose windows and seed the training used.
        gap: a sentence that says why `text` is not what the model was trained on; what needs that
            is left out then.
        show: called with the part at work, the share of all work that is done, and the seconds
            left (None while they are not known).

    Returns:
        a dict of JSON values; `not_measured` says what is missing, and why.
    """
    started = time.monotonic()
    model, vocabulary, meta = checkpoint.load(directory)
    found, missing = {}, {}
    wanted = []
    for part in parts_of(_Job(model, vocabulary, text, preset)):
        reason = "" if part.material else f"It needs {part.needs}, and there are none."
        if gap and part.own_text:
            reason = gap
        if reason:
            missing |= dict.fromkeys(part.keys, reason)
        else:
            wanted.append(part)
    progress = _Progress(wanted, show)
    for part in wanted:
        found |= part.measure(progress.of(part))
    return {
        **about(Path(directory), model, vocabulary, meta),
        **found,
        "not_measured": missing,
        "documents": dict(Counter(row["kind"] for row in text.train)),
        "held_out_documents": dict(Counter(row["kind"] for row in text.held_out)),
        "data_hash": hash_of(text),
        "seed": SEED,
        "machine": {"cores": allowed_cores(), "cpu": cpu_name()},
        "versions": versions(),
        "evaluation_seconds": round(time.monotonic() - started, 1),
        "evaluation_memory_bytes": peak_memory(),
    }


def about(directory, model, vocabulary, meta):
    """What a checkpoint is and what its training took, from its files."""
    sizes = {"weights": (directory / meta["files"]["model"]["file"]).stat().st_size}
    if (directory / litert.FILE).exists():
        sizes["export"] = (directory / litert.FILE).stat().st_size
    return {
        "preset": meta.get("preset"),
        "stage": meta.get("stage"),
        "parameters": model.count_params(),
        "parts": {
            name: sum(layer.count_params() for layer in layers)
            for name, layers in model.parts().items()
        },
        "experts": list(model.config.experts),
        "vocabulary_size": len(vocabulary),
        "context_length": model.config.context_length,
        "bytes": sizes,
        "stages": stages(directory, meta),
    }


def stages(directory, meta):
    """What each stage took, as `report.json` has it, without its curve.

    A checkpoint's own `meta.json` knows its last stage; those before are in the `report.json` of
    its run, where one lies beside it that is about this training.
    """
    if "record" not in meta:
        return []
    last = stage_report(meta.get("stage"), Record.of(meta["record"], directory), 0)
    found = [last]
    for path in (directory / "report.json", directory.parent / "report.json"):
        try:
            reported = json.loads(path.read_text(encoding="utf-8"))["stages"]
            names = [stage["name"] for stage in reported]
            place = names.index(last["name"])
            if reported[place]["curve"] == last["curve"]:
                found = [*map(dict, reported[:place]), last]
                break
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue  # a folder need not have a report
    return [{key: value for key, value in s.items() if key != "curve"} for s in found]


@dataclass(frozen=True)
class Part:
    """One measurement, and what it needs."""

    keys: tuple[str, ...]  # of the result
    words: str  # for people who wait
    seconds: float  # for `tiny` on 2 cores: how the parts compare
    needs: str
    material: Sized  # what it needs; where that is empty it is left out
    measure: Callable  # from a function that takes the share done to a dict
    own_text: bool = False  # whether the text has to be the one that the model was trained on


def parts_of(job):
    """All measurements, in order."""
    windows, questions = job.held_out.packs, job.text.questions
    reading = ("bits_per_character", "router_weights", "calibration")
    documents, talks = "held-out documents", "held-out dialogues"
    long_talks = "held-out dialogues of several turns"
    contents = ", and contents that the model can write and was not trained on"
    return (
        Part(reading, "Held-out text 留出文本", 16, documents, windows, job.reading, True),
        Part(("answers",), "Questions 答题", 42, "questions", questions, job.answers, True),
        Part(
            ("memory",), "Memory by turns 多轮记忆", 25, talks + contents, job.by_turns, job.memory
        ),
        Part(
            ("recall",),
            "Recall by distance 远距回忆",
            60,
            "held-out stories" + contents,
            job.by_distance,
            job.recall,
        ),
        Part(("variety", "sampling"), "Dialogues 对话", 33, long_talks, job.said, job.talk),
        Part(("memorised",), "Stories 故事", 15, long_talks, job.said, job.memorised, True),
        Part(("samples",), "Samples 样例", 7, talks, job.asked, job.samples),
    )


class _Job:
    """One model and one text, and what is made of both."""

    def __init__(self, model, vocabulary, text, preset):
        self.model, self.vocabulary, self.text = model, vocabulary, text
        self.session = ChatSession(model, vocabulary)
        self.held_out = assessment.HeldOut(text.held_out, vocabulary, preset.window, preset.seed)
        probes = Probes(text, vocabulary, SEED)
        self.by_turns, self.by_distance = probes.memory_by_turns(), probes.recall_by_distance()
        limit = self.session.limit
        self.said = assessment.conversations(text.held_out, DIALOGUES, limit, SEED)
        self.asked = assessment.first_questions(text.held_out, SAMPLES, limit, SEED)
        self.written = []  # answers of `talk`

    def reading(self, tick):
        found = [{}, {}, {}, {}]
        for number, (kind, windows) in enumerate(self.held_out.packs.items()):
            tick(number / len(self.held_out.packs))
            for by_kind, values in zip(
                found, window_measures(self.model, windows.tokens), strict=True
            ):
                by_kind[kind] = values
        nats, weights, confidence, right = found
        return {
            **assessment.bits(self.held_out, nats, SEED),
            **assessment.routing(self.held_out, weights, SEED),
            **assessment.calibration(self.held_out, confidence, right, SEED),
        }

    def answers(self, tick):
        ask = self._ask(BATCH, tick)
        return {"answers": assessment.answers(ask, self.text.questions)}

    def memory(self, tick):
        return {"memory": assessment.memory(self._ask(BATCH, tick), self.by_turns)}

    def recall(self, tick):
        return {"recall": assessment.memory(self._ask(LONG_BATCH, tick), self.by_distance)}

    def talk(self, tick):
        dialogues = []
        for number, said in enumerate(self.said):
            tick(number / len(self.said))
            answers = [answer for answer, _ in self._conversation(said, number)]
            dialogues.append(answers)
            self.written += answers
        return {"variety": assessment.variety(dialogues), "sampling": asdict(SAMPLING)}

    def memorised(self, tick):
        stories = []
        for number in range(STORIES):
            tick(number / STORIES)
            decoder = Decoder(self.model)
            decoder.read([BEGIN])
            sampling = replace(SAMPLING, seed=SEED + number)
            stories.append(
                self.vocabulary.decode(c.token for c in decoder.write(sampling, LONGEST))
            )
        trained = list(texts(self.text.train))
        return {
            "memorised": {
                "dialogues": assessment.memorised(self.written, trained, SEED),
                "stories": assessment.memorised(stories, trained, SEED),
            }
        }

    def samples(self, tick):
        found = []
        for number, question in enumerate(self.asked):
            tick(number / len(self.asked))
            [(answer, weights)] = self._conversation([question], number)
            found.append({"user": question, "assistant": answer, "router_weights": weights})
        return {"samples": found}

    def _conversation(self, said, number):
        """(answer, mean router weights) to each thing said in a fresh conversation."""
        self.session.clear()
        for turn, text in enumerate(said):
            sampling = replace(SAMPLING, seed=SEED + 1000 * number + turn)
            characters = list(self.session.stream(text, sampling, LONGEST))
            weights = np.mean([c.router_weights for c in characters] or [[]], axis=0)
            yield self.vocabulary.decode(c.token for c in characters), weights.tolist()

    def _ask(self, batch, tick):
        """A function from questions to counts, that says how far it is."""

        def ask(questions):
            # Prompts of like length, so that little is padded.
            ordered = sorted(questions, key=lambda q: sum(map(len, q.turns)))
            counts = {}
            for start in range(0, len(ordered), 2 * batch):
                tick(start / len(ordered))
                asked = ordered[start : start + 2 * batch]
                for name, count in score(self.model, self.vocabulary, asked, batch=batch)[
                    0
                ].items():
                    counts.setdefault(name, Counter()).update(count)
            return dict(sorted(counts.items()))

        return ask


class _Progress:
    """How much of all parts is done, and the time left at the speed so far."""

    def __init__(self, parts, show):
        self.show = show
        self.whole = sum(part.seconds for part in parts)
        self.before, done = {}, 0.0
        for part in parts:
            self.before[part.words] = done
            done += part.seconds
        self.started = time.monotonic()

    def of(self, part):
        """A function that takes the share of a part that is done."""

        def tick(share):
            done = (self.before[part.words] + share * part.seconds) / self.whole
            spent = time.monotonic() - self.started
            self.show(part.words, done, spent / done * (1 - done) if done else None)

        tick(0.0)
        return tick

"""What is each fix of the published model worth? One fix more a rung, the same text, the same time.

    taskset -c 1 python tools/fixes.py --minutes 5     # runs what is missing
    python tools/fixes.py --page                       # writes docs/fixes.md anew from the figures

The rungs are the published form, `published.fixes.FIXES` one after the other, the lab's own layers
and the lab's own training. Each is trained for as many seconds of processor time, the last for as
many steps as the one before it made. Each is asked for the same held-out characters after the same
characters, and answers the same questions. What is found goes into docs/fixes.json at once: the
same command goes on with what is missing. docs/fixes.md is made from that file.
"""

import argparse
import itertools
import json
import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mof_lab import corpus, pipeline, processes
from mof_lab.configuration import preset as preset_named
from mof_lab.corpus import KINDS, QUESTION_KINDS
from mof_lab.errors import LabError
from mof_lab.files import write_atomically
from mof_lab.folders import PROJECT, runs_folder
from mof_lab.intervals import bootstrap, ratio, wilson
from mof_lab.model_card import table
from mof_lab.packing import ANSWER, encode
from mof_lab.published.configuration import PublishedConfig
from mof_lab.report import named

RESULTS, PAGE = PROJECT / "docs" / "fixes.json", PROJECT / "docs" / "fixes.md"
#: Rung → the last fix made of the published model; of the last two nothing is left of it.
RUNGS = {
    "published form": "",
    "+ einsum": "einsum",
    "+ causal": "causal",
    "+ aligned": "aligned",
    "+ router by character": "router",
    "our layers": None,
    "our layers and stages": None,
}
ALONE = tuple(RUNGS)[:-1]  # trained here, in one stage; the last rung by the lab's own pipeline
#: The published form at the size of `tiny`.
SIZES = PublishedConfig(0, 96, 208, router_units=32, num_layers=3, num_heads=4)
PUBLISHED_RATE = 1e-3  # peak, as in preset `seed`, which has the article's choices, too
CAUSAL, ALIGNED = "+ causal", "+ aligned"
HELPS, HARMS, NEITHER = "helps 有用", "does harm 有害", "no difference that shows 看不出差别"
LONG = "beyond the window"  # story characters with more than a window before them
SEEN = 2  # windows: no target is shown more characters before it
SEED = 1  # of targets and questions; the same for all rungs


@dataclass(frozen=True)
class Study:
    """What is trained and asked; all rungs of one file have the same settings."""

    preset: object  # a `Preset`
    text: object  # a `corpus.Corpus`
    minutes: float = 5.0  # of training, for each rung but the last
    asked: int = 200  # questions a kind, at most
    targets: int = 400  # held-out characters a kind, at most
    sizes: PublishedConfig = SIZES  # of the published form, but for vocabulary and window

    def settings(self):
        """As the file of results has them."""
        return {
            "preset": self.preset.name,
            "window": self.preset.window,
            "minutes": self.minutes,
            "asked": self.asked,
            "targets": self.targets,
            "data_hash": pipeline.hash_of(self.text),
        }

    def job(self, folder, steps=None):
        """A run in a folder of its own; of any number of steps all have the same windows.

        Args:
            steps: of all stages together, to rounding; None = the preset's.
        """
        whole = sum(stage.steps for stage in self.preset.stages)
        preset = self.preset.shortened(steps / whole) if steps else self.preset
        return pipeline.Run(preset, folder / str(steps or "all"), self.text)

    def questions(self):
        """Those that all rungs are asked."""
        return self.text.some_questions(self.asked, SEED)

    def run(self, rung, folder, asked, steps):
        """Trains and judges one rung; what docs/fixes.json keeps of it.

        Args:
            folder: where the runs are.
            asked: see `held_out`.
            steps: of the last rung, in all; the others are given time.
        """
        if rung in ALONE:
            return processes.call(train_and_judge, self, rung, self.job(folder), asked)[0]
        job = self.job(folder, steps)
        stages = job.train_all(seconds=math.inf)
        found = {
            "seconds": round(sum(s["seconds"] for s in stages)),
            "steps": sum(s["steps"] for s in stages),
            "characters": sum(s["tokens"] for s in stages),
            "targets": None,  # each stage has its own; not counted
        }
        last = self.preset.stages[-1].name
        return found | processes.call(judge_stage, job, last, asked, self.questions())[0]


def held_out(rows, vocabulary, window, count):
    """The characters that all rungs are asked for, `count` a kind.

    Only those that a model has to write itself (`packing.ANSWER`), each with what stands before it
    in its document.

    Returns:
        kind (or `LONG`) → list of (document, characters before, target).
    """
    encoded = {kind: [] for kind in KINDS}
    for row in rows:
        encoded[row["kind"]].append(encode(row, vocabulary))
    rng, found = np.random.default_rng(SEED), {}
    for kind, least in (*((kind, 1) for kind in KINDS), (LONG, window + 1)):
        documents = encoded["story" if kind == LONG else kind]
        places = [
            (document, at)
            for document, (_, roles) in enumerate(documents)
            for at, role in enumerate(roles)
            if role == ANSWER and at >= least
        ]
        chosen = (places[i] for i in sorted(rng.permutation(len(places))[:count]))
        found[kind] = [
            (document, documents[document][0][max(0, at - SEEN * window) : at],
             documents[document][0][at])
            for document, at in chosen
        ]  # fmt: skip
    return {kind: targets for kind, targets in found.items() if targets}


# ---- one rung -----------------------------------------------------------------------------------


def train_and_judge(send, study, rung, job, asked):
    """Trains a rung in one stage, the preset's last, and judges it."""
    from mof_lab.published import honest

    model, stage = made(study, rung, job), job.preset.stages[-1]
    peak = stage.learning_rate if RUNGS[rung] is None else PUBLISHED_RATE
    windows = job.windows("train")
    trained = honest.train(model, windows, job.preset, stage, peak, study.minutes * 60)
    return trained | judge(model, job.vocabulary, asked, study.questions())


def judge_stage(send, job, stage, asked, questions):
    """Judges what a stage of a run left."""
    return judge(job.model_after(stage), job.vocabulary, asked, questions)


def made(study, rung, job):
    """The model of a rung with fresh weights, always the same ones."""
    import keras

    from mof_lab.published.fixes import Mended

    if RUNGS[rung] is None:
        return job.new_model()
    keras.utils.set_random_seed(study.preset.seed)
    window = study.preset.window
    rest = {"vocab_size": len(job.vocabulary), "window": window, "max_length": SEEN * window}
    return Mended(replace(study.sizes, **rest), RUNGS[rung])


def judge(model, vocabulary, asked, questions):
    """Surprise at every target, in thousandths of a bit (as text: it is long), and answers."""
    from mof_lab.evaluation import tally
    from mof_lab.published import honest

    _, texts, characters = zip(*itertools.chain(*asked.values()), strict=True)
    bits = honest.surprise(model, texts, characters) / math.log(2)
    ends = np.cumsum([len(targets) for targets in asked.values()])
    surprise = {
        kind: " ".join(str(round(1000 * float(b))) for b in part)
        for kind, part in zip(asked, np.split(bits, ends[:-1]), strict=True)
    }
    counts, _ = tally(questions, honest.answer(model, vocabulary, questions))
    return {
        "parameters": model.count_params(),
        "surprise": surprise,
        "answers": {kind: count for kind, count in counts.items() if "." not in kind},
    }


# ---- all rungs ----------------------------------------------------------------------------------


def study(wanted, results=RESULTS, page=PAGE, folder=None, tell=print):
    """Trains and judges what is missing, and writes both files after each rung.

    Args:
        wanted: a `Study`.
        results, page: the files.
        folder: where the windows and the trainings are.
    """
    folder, settings = folder or runs_folder() / "fixes", wanted.settings()
    vocabulary = wanted.job(folder).vocabulary
    asked = held_out(wanted.text.held_out, vocabulary, wanted.preset.window, wanted.targets)
    documents = {k: " ".join(str(t[0]) for t in targets) for k, targets in asked.items()}
    start = {"settings": settings, "documents": documents, "rungs": {}}
    found = read(results) if results.exists() else start
    if (found["settings"], found["documents"]) != (settings, documents):
        raise LabError(
            f"{results} holds a study with other settings ({found['settings']}); "
            "name another file with --out, or remove it."
        )
    for rung in RUNGS:
        if rung in found["rungs"]:
            continue
        tell(f"{rung} …")
        steps = found["rungs"].get(ALONE[-1], {}).get("steps")
        figures = found["rungs"][rung] = wanted.run(rung, folder, asked, steps)
        figures["bits"] = [
            [round(x, 4) for x in (value, *interval)]
            for value, interval in (mean_bits(found, k, rung) for k in kinds_of(found) if k)
        ]
        text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
        write_atomically(results, text.encode("utf-8"))
        write_atomically(page, to_page(found).encode("utf-8"))
    return found


def read(results):
    """The figures of a file."""
    try:
        found = json.loads(results.read_text(encoding="utf-8"))
        _ = found["settings"]["minutes"], found["documents"], found["rungs"]
    except (OSError, ValueError, KeyError, TypeError):
        raise LabError(
            f"{results} is not a file of this study; name another with --out, or remove it."
        ) from None
    return found


# ---- the page -----------------------------------------------------------------------------------


def to_page(found):
    """The figures as Markdown."""
    settings, done = found["settings"], [rung for rung in RUNGS if rung in found["rungs"]]
    counts = {kind: len(documents.split()) for kind, documents in found["documents"].items()}
    short = sum(count for kind, count in counts.items() if kind != LONG)
    parts = [
        "# What is each fix worth? 每处修正值多少？",
        "Made by `tools/fixes.py` from `docs/fixes.json`: "
        f"`taskset -c 1 python tools/fixes.py --minutes {settings['minutes']:g}`.",
        "[Notebook 09](../notebooks/09_reading_the_original.ipynb) finds what is wrong in the "
        "published model and mends it. Here each fix is added to those before it and the model is "
        f"trained anew, at the size of `{settings['preset']}`, on the same text "
        f"({settings['data_hash'][:4]}), for {settings['minutes']:g} minutes of one core each. "
        f"Then all are asked for the same {short:,} characters of held-out text, each after the "
        "same characters of its document, as many from each kind; and they answer the same "
        "questions at temperature 0. In brackets: 95 % intervals, over documents (bootstrap) and "
        "over questions (Wilson). One training each: the intervals know nothing of another seed. "
        "逐处修正，同样的文本、同样的时间；再用同样的字和同样的问题评测；方括号内为 95 % 区间。",
        rungs_table(found, done),
        "## What a rung adds 每一级改了什么",
        ABOUT.format(window=settings["window"]),
        "## What it is worth 值多少",
        "Against the rung above it: bits a character saved on the same characters, and questions "
        "more that are right. 与上一级相比：每字省下的比特，多答对的题。",
    ]
    if len(done) > 1:
        parts.append(steps_table(found, done))
    return "\n\n".join([*parts, *verdicts(found, done)]) + "\n"


ABOUT = """\
- **published form**: what the published code computes. It sees the future, so only the character \
after a text is an honest target, and it is trained on that alone: one target a text. Its window \
is {window} characters, as long as any text it is trained on; the published models' windows are \
longer than what their chat shows them, so nobody met the padding.
- **+ einsum**: queries and keys count. Trained like the first.
- **+ causal**: attention and thought see only the past, the text's one router weight is that of \
its first character, and the stem's batch norm, which sees all positions in training, becomes a \
layer norm. Now every position is an honest target: what this rung is worth is mostly that.
- **+ aligned**: beyond the window the transformer's output goes where it belongs. It can't show \
in training or in shorter texts, so it has the column “beyond the window”: story characters with \
more than {window} before them.
- **+ router by character**: a pair of weights for each character.
- **our layers**: the lab's model, trained as those above. It differs in many ways at once: norm \
before each sublayer, decay in place of positions, a softmax as feature map, tied embeddings and \
so a wider stream, a residual that blends the stem, 0.1 of dropout in place of 0.5, 0.1 and 0.2, \
a layer that forgets where a document begins, and a higher learning rate, which only it takes.
- **our layers and stages**: the same, each expert alone first, then the router, all together, \
and the answers. It is given steps in place of minutes, as many in all as “our layers” made, and \
so reads as much."""


def rungs_table(found, done):
    """A row a rung."""
    header = ["rung 级", "parameters 参数", "characters read 读的字", "targets 目标"]
    header += ["bits/char 每字比特", f"{LONG} 超出窗口"]
    rows = []
    for rung in done:
        figures = found["rungs"][rung]
        targets = figures["targets"]
        row = [rung, f"{figures['parameters']:,}", f"{figures['characters']:,}"]
        row.append("–" if targets is None else f"{targets:,}")
        for kinds in kinds_of(found):
            row.append(shown(*mean_bits(found, kinds, rung)) if kinds else "–")
        for kind in QUESTION_KINDS:
            count = figures["answers"].get(kind, {"correct": 0, "total": 0})
            low, high = wilson(**count)
            share = count["correct"] / max(1, count["total"])
            row.append(f"{share:.1%} [{low:.1%}, {high:.1%}]")
        rows.append(row)
    return table([*header, *map(named, QUESTION_KINDS)], rows)


def kinds_of(found):
    """The kinds of the first figure, and those of the second."""
    asked = found["documents"]
    return [kind for kind in asked if kind != LONG], [LONG] if LONG in asked else []


def mean_bits(found, kinds, rung, before=None):
    """Bits a character over all targets of some kinds, and their interval.

    Args:
        before: a rung; then it is what `rung` saves against it, character by character.
    """
    strata = []
    for kind in kinds:
        bits = numbers(found["rungs"][rung]["surprise"][kind]) / 1000
        if before is not None:
            bits = numbers(found["rungs"][before]["surprise"][kind]) / 1000 - bits
        documents = numbers(found["documents"][kind])
        sums, counts = np.bincount(documents, bits), np.bincount(documents)
        strata.append(np.stack([sums, counts], axis=1)[counts > 0])
    total = sum(rows.sum(axis=0) for rows in strata)
    return float(total[0] / total[1]), bootstrap(strata, ratio, SEED)


def numbers(text):
    return np.array(text.split(), int)


def shown(value, interval):
    return f"{value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"


def right(found, rung):
    """Share of all questions answered right."""
    counts = found["rungs"][rung]["answers"].values()
    return sum(c["correct"] for c in counts) / max(1, sum(c["total"] for c in counts))


def steps_table(found, done):
    """A row a step from one rung to the next."""
    rows = []
    for before, rung in itertools.pairwise(done):
        row = [rung]
        for kinds in kinds_of(found):
            row.append(shown(*mean_bits(found, kinds, rung, before)) if kinds else "–")
        points = 100 * (right(found, rung) - right(found, before))
        rows.append([*row, f"{points:+.1f} points"])
    header = ["step 步", "bits saved 省下的比特", f"{LONG} 超出窗口", "right answers 答对"]
    return table(header, rows)


def verdicts(found, done):
    """What the figures say: of each step, and which one is worth most."""
    if len(done) < len(RUNGS):
        missing = ", ".join(rung for rung in RUNGS if rung not in done)
        return [f"Not finished: {missing} not run yet. 尚未完成。"]
    short, long = kinds_of(found)
    # Some stories are longer than the window; in dialogues both compute the same function.
    dialogues = [kind for kind in short if kind != "story"]
    noise = abs(mean_bits(found, dialogues, ALIGNED, CAUSAL)[0])
    said = {HELPS: [], HARMS: [], NEITHER: []}
    saved = {}
    for before, rung in itertools.pairwise(done):
        if rung != ALIGNED:
            saved[rung], interval = mean_bits(found, short, rung, before)
            said[judged(interval, noise)].append(rung)
    best = max(saved, key=saved.get)
    sentences = [f"{how}: {', '.join(which)}." for how, which in said.items() if which]
    sentences.append(f"Most is saved by: {best}, {saved[best]:.2f} bits a character.")
    if long:
        value, interval = mean_bits(found, long, ALIGNED, CAUSAL)
        how = judged(interval, noise)
        sentences.append(f"{ALIGNED} {LONG}: {how} ({shown(value, interval)} bits).")
    sentences.append(
        f"In dialogues, which fit into the window, {ALIGNED} and {CAUSAL} compute the same: the "
        f"{noise:.2f} bits between them there are chance, and a step is said to help or to do harm "
        "only where its interval lies beyond them. 对话都装得进窗口，这两级在对话上算的是同一个"
        "函数，相差的比特纯属偶然；区间整个超出这一偏差，才算有用或有害。"
    )
    return ["Verdict 结论: " + " ".join(sentences)]


def judged(interval, noise):
    """What bits saved say whose interval lies beyond what chance saves or costs, or does not."""
    low, high = interval
    return HELPS if low > noise else HARMS if high < -noise else NEITHER


def main(arguments=None):
    parser = argparse.ArgumentParser(description="What each fix of the published model is worth.")
    parser.add_argument("--preset", default="tiny", metavar="NAME")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training, each rung")
    parser.add_argument("--asked", type=int, default=200, help="questions a kind, at most")
    parser.add_argument("--targets", type=int, default=400, help="characters a kind, at most")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the figures; a page beside it")
    parser.add_argument("--page", action="store_true", help="only make the page anew")
    options = parser.parse_args(arguments)
    results, page = options.out, options.out.with_suffix(".md")
    try:
        if options.page:
            write_atomically(page, to_page(read(results)).encode("utf-8"))
            return 0
        if min(options.minutes, options.asked, options.targets) <= 0:
            raise LabError("--minutes, --asked and --targets must be above 0.")
        preset = preset_named(options.preset)
        wanted = Study(
            preset, corpus.project(preset), options.minutes, options.asked, options.targets
        )
        study(wanted, results, page)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from there.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Whom does the router trust, and is it right to? Several seeds of one preset, with intervals.

    python tools/router_study.py --preset tiny --seeds 3 --share 0.2
    python tools/router_study.py --page      # writes docs/router_study.md anew from the figures

With a third expert, one of a file of your own or the one that a notebook writes:

    python tools/router_study.py --experts gru transformer convolution \\
        --expert-file notebooks/10_your_own_expert.ipynb --out docs/router_study_three.json

Finished checkpoints, without any training, into docs/router_study_shipped.json and its page:

    python tools/router_study.py --checkpoint checkpoints/tiny checkpoints/small

Every training goes through all stages in `runs/router-study/…`, on the same text; only its seed
differs, and whether the router's balance or entropy term is on. What is measured of it goes into
docs/router_study.json, or the file of --out, at once: the same command goes on with what is
missing. The page beside it, docs/router_study.md, is made from that file. Of a checkpoint there is
one training alone: its intervals are over what was asked, and say nothing of another seed.
"""

import argparse
import json
import math
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mof_lab import checkpoint, corpus, pipeline, processes
from mof_lab.arguments import judged_text, preset_of
from mof_lab.configuration import ModelConfig
from mof_lab.errors import LabError
from mof_lab.files import write_atomically
from mof_lab.folders import PROJECT, runs_folder
from mof_lab.intervals import bootstrap, over_seeds, ratio
from mof_lab.model_card import table
from mof_lab.packing import pack
from mof_lab.probes import Probes
from mof_lab.report import named
from mof_lab.vocabulary import PADDING

RESULTS, PAGE = PROJECT / "docs" / "router_study.json", PROJECT / "docs" / "router_study.md"
SHIPPED = PROJECT / "docs" / "router_study_shipped.json"
DISTANCES = (16, 32, 64, 125, 250, 500, 1000, 2000)  # characters between a fact and its question
MIXTURE = "mixture"
TEXT_KINDS = ("story", "chat")  # held-out text that asks nothing
LN2 = math.log(2)
SEED = 1  # of which questions are asked; the same for all trainings
#: Texts read at once; one of 2,000 characters has 20 MB of logits.
BATCH, LONG_BATCH = 64, 8
#: What of the stages in which the router speaks is changed.
VARIANTS = {"plain": {}, "balance": {"balance": 0.1}, "entropy": {"entropy": 0.1}}


@dataclass(frozen=True)
class Study:
    """What is trained and asked; two studies with the same settings can share one file."""

    preset: object  # a `Preset`; its own seed is replaced
    text: object  # a `corpus.Corpus`, the same for all trainings
    share: float = 1.0  # of the preset's steps, for each seed
    asked: int = 400  # questions a kind, at most
    probes: int = 10  # conversations a topic and distance
    distances: tuple = DISTANCES

    def settings(self):
        """As the file of results has them."""
        return {
            "preset": self.preset.name,
            "experts": list(self.preset.model.experts),
            "share": self.share,
            "asked": self.asked,
            "probes": self.probes,
            "distances": list(self.distances),
            "data_hash": pipeline.hash_of(self.text),
        }

    def run(self, variant, seed, folder):
        """Trains one seed of one variant in a folder, and measures it."""
        stages = tuple(
            stage if stage.expert else replace(stage, **VARIANTS[variant])
            for stage in self.preset.stages
        )
        preset = replace(self.preset, seed=seed, stages=stages).shortened(self.share)
        job = pipeline.Run(preset, folder, self.text)
        trained = job.train_all(seconds=math.inf)  # steps: a busy machine changes nothing
        asked = self.text.some_questions(self.asked, SEED)
        probes = Probes(self.text, job.vocabulary, SEED)
        recalled = probes.recall_by_distance(self.probes, self.distances)
        arguments = (job, stages[-1].name, asked, recalled, probes.values)
        found, _ = processes.call(measure, *arguments)
        return {"tokens": sum(stage["tokens"] for stage in trained), **found}


# ---- one training -------------------------------------------------------------------------------


def measure(send, job, stage, questions, probes, values):
    """Weights by kind, right answers by kind and recall by distance, of each expert and of all."""
    from mof_lab.evaluation import bits_per_character, router_weights, score

    model, vocabulary = job.model_after(stage), job.vocabulary
    packs = {k: w for k, w in job.windows("held_out").items() if k in TEXT_KINDS}
    packs |= windows_of(questions, vocabulary, job.preset.window)
    found = {"weights": router_weights(model, packs)}
    found |= {figure: {} for figure in ("right", "bits", "recall", "saved")}
    for expert in (None, *model.config.experts):
        name = expert or MIXTURE
        by_kind = bits_per_character(model, packs, expert)
        found["bits"][name] = {kind: by_kind[kind] for kind in packs}
        counts, _ = score(model, vocabulary, questions, expert, BATCH)
        found["right"][name] = {k: share(c) for k, c in counts.items() if "." not in k}
        found["recall"][name], found["saved"][name] = {}, {}
        for distance in dict.fromkeys(probe.group for probe in probes):
            here = [probe for probe in probes if probe.group == distance]
            counts, _ = score(model, vocabulary, here, expert, LONG_BATCH)
            right = sum(c["correct"] for k, c in counts.items() if "." not in k)
            found["recall"][name][distance] = right / len(here)
            saved = bits_saved(model, vocabulary, here, values, expert)
            found["saved"][name][distance] = float(saved.mean())
    return found


def windows_of(questions, vocabulary, window):
    """kind → `Windows` of the questions with their right answers."""
    rows = {}
    for question in questions:
        rows.setdefault(question.kind, []).append(row_of(question))
    return {kind: pack(some, vocabulary, window) for kind, some in rows.items()}


def row_of(question):
    """A question with its right answer as a row of a corpus."""
    turns, roles = (*question.turns, question.answers[0]), ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
    return {"kind": question.kind, "text": "", "messages": messages}


def share(count):
    return count["correct"] / count["total"]


def bits_saved(model, vocabulary, probes, values, expert):
    """How much better a content is expected because it was told: bits a character, (probes,).

    Finer than right answers: it tells a little memory from none. 0 = being told makes no
    difference.

    Args:
        values: topic → contents, of `Probes`; what is told instead is another one of the topic.
    """
    from mof_lab.evaluation import prompt_ids, window_nats

    rows, places = [], []
    for probe in probes:
        value = content(probe)
        answer = vocabulary.encode(probe.answers[0])
        at = len(answer) - probe.answers[0].index(value)  # from the end
        places.append(slice(-at, len(value) - at or None))
        others = [v for v in values[probe.kind] if v != value]
        other = others[len(rows) % len(others)] if others else value
        told = [turn.replace(value, other) for turn in probe.turns[:2]]
        for turns in (probe.turns, (*told, *probe.turns[2:])):
            rows.append(prompt_ids(turns, vocabulary) + answer)
    longest = max(map(len, rows))
    longest += -longest % 64 + 1  # few shapes to compile
    tokens = np.full((len(rows), longest), PADDING, np.int32)
    for row, ids in zip(tokens, rows, strict=True):
        row[-len(ids) :] = ids  # what stands before ⟨begin⟩ is forgotten
    nats = window_nats(model, tokens, expert, LONG_BATCH)
    saved = [(nats[2 * i + 1, place] - nats[2 * i, place]).mean() for i, place in enumerate(places)]
    return np.array(saved) / LN2


def content(probe):
    """What was told: the shortest answer is the content and a full stop."""
    return probe.answers[-1].removesuffix("。")


# ---- one checkpoint -----------------------------------------------------------------------------


def examine(send, folder, asked, probes, distances):
    """What `measure` finds, of a finished checkpoint, each figure with its interval.

    Args:
        folder: of the checkpoint; it has to be of this lab's text.
        asked, probes, distances: as of a `Study`.

    Returns:
        `weights` by kind and expert; by expert, or all of them as "mixture", `right` and `bits` by
        kind, `recall` and `saved` by distance; `cost`, the bits that forcing an expert adds;
        `advantage`, the bits that the transformer alone needs more than the GRU alone; `lean`, of
        the weights, that for knowledge less that for reasoning. A figure is a count of
        `assessment.with_interval`, or {"value", "interval"}.
    """
    from mof_lab import assessment
    from mof_lab.evaluation import score, window_nats, window_router_weights

    text, preset, gap = judged_text(checkpoint.read_meta(folder))
    if gap:
        raise LabError(f"{folder}: {gap}")
    model, vocabulary, meta = checkpoint.load(folder)
    experts = model.config.experts
    questions = text.some_questions(asked, SEED)
    rows = [row for row in text.held_out if row["kind"] in TEXT_KINDS]
    rows += [row_of(question) for question in questions]
    held_out = assessment.HeldOut(rows, vocabulary, preset.window, preset.seed)
    packs, told = held_out.packs, Probes(text, vocabulary, SEED)
    recalled = told.recall_by_distance(probes, distances)

    weighed = {k: window_router_weights(model, w.tokens) for k, w in packs.items()}
    bits, right, recall, saved = {}, {}, {}, {}
    for expert in (None, *experts):
        who = expert or MIXTURE
        send(f"{folder.name}: {who} …")
        bits[who] = {k: window_nats(model, w.tokens, expert) / LN2 for k, w in packs.items()}
        counts, _ = score(model, vocabulary, questions, expert, BATCH)
        right[who] = {k: assessment.with_interval(c) for k, c in counts.items() if "." not in k}
        counts, _ = score(model, vocabulary, recalled, expert, LONG_BATCH)
        memory = assessment.memory(lambda _, counts=counts: counts, recalled)
        recall[who], saved[who] = memory["by_amount"], {}
        for distance in recall[who]:
            here = [probe for probe in recalled if probe.group == distance]
            each = bits_saved(model, vocabulary, here, told.values, expert)
            saved[who][distance] = mean_of(np.stack([each, np.ones_like(each)], axis=1))

    def by_kind(values):
        """Sums over each document: kind → (documents, 2), of the values and of the characters."""
        return {k: held_out.sums(k, v, np.ones_like(v)) for k, v in values.items()}

    weights = {
        e: by_kind({k: w[..., i] for k, w in weighed.items()}) for i, e in enumerate(experts)
    }
    lost = {who: {k: b - bits[MIXTURE][k] for k, b in bits[who].items()} for who in experts}
    found = {
        "weights": {e: of_kinds(sums) for e, sums in weights.items()},
        "right": right,
        "bits": {who: of_kinds(by_kind(values)) for who, values in bits.items()},
        "cost": {who: of_kinds(by_kind(values)) for who, values in lost.items()},
        "recall": recall,
        "saved": saved,
        "advantage": {},
        "lean": {},
    }
    if {"gru", "transformer"} <= set(experts):
        more = {k: bits["transformer"][k] - bits["gru"][k] for k in packs}
        found["advantage"] = of_kinds(by_kind(more))
    if {"knowledge", "reasoning"} <= set(packs):
        found["lean"] = {e: difference(w["knowledge"], w["reasoning"]) for e, w in weights.items()}
    return {
        "preset": meta.get("preset"),
        "step": meta["step"],
        "weights_hash": meta["files"]["model"]["sha256"],
        "data_hash": pipeline.hash_of(text),
        "experts": list(experts),
        **found,
    }


def of_kinds(sums):
    return {kind: mean_of(rows) for kind, rows in sums.items()}


def mean_of(rows):
    """First column over second, and its interval over the rows (a bootstrap)."""
    [value] = ratio(rows.sum(axis=0, keepdims=True))
    return {"value": float(value), "interval": bootstrap([rows], ratio, SEED)}


def difference(rows, others):
    """`mean_of` the one less that of the other."""

    def less(totals):
        return ratio(totals[:, :2]) - ratio(totals[:, 2:])

    strata = [np.pad(rows, ((0, 0), (0, 2))), np.pad(others, ((0, 0), (2, 0)))]
    [value] = less(sum(part.sum(axis=0, keepdims=True) for part in strata))
    return {"value": float(value), "interval": bootstrap(strata, less, SEED)}


def ask(folders, results=SHIPPED, page=None, probes=20, asked=400, distances=DISTANCES, tell=print):
    """Measures finished checkpoints and writes both files after each.

    Args:
        folders: of the checkpoints, each known by its last name.
        results, page: the files; the page is beside the results unless it is given.
        probes, asked, distances: as of a `Study`.
    """
    page = page or results.with_suffix(".md")
    settings = {"asked": asked, "probes": probes, "distances": list(distances)}
    found = read(results) if results.exists() else {"settings": settings, "checkpoints": {}}
    if found["settings"] != settings or "checkpoints" not in found:
        raise LabError(
            f"{results} holds figures of other questions ({found['settings']}); "
            "name another file with --out, or remove it."
        )
    for folder in folders:
        meta = checkpoint.read_meta(folder)
        before = found["checkpoints"].get(folder.name, {})
        if before.get("weights_hash") == meta["files"]["model"]["sha256"]:
            tell(f"{folder.name} is measured already.")
            continue
        figures, _ = processes.call(examine, folder, asked, probes, distances, show=tell)
        found["checkpoints"][folder.name] = figures
        write(found, results, page)
    return found


# ---- other experts ------------------------------------------------------------------------------


def as_python(path, folder):
    """The Python file of experts that is meant.

    Args:
        path: that file, or a notebook with a cell that writes one (`%%writefile`).
        folder: where that one is written to.
    """
    if path.suffix != ".ipynb":
        return path
    source, made = written_by(path), folder / f"{path.stem}.py"
    made.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(made, source.encode("utf-8"))
    return made


def written_by(notebook):
    """The Python file with experts that a notebook writes, as text."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]).partition("\n") for cell in cells]
    except (OSError, ValueError, KeyError, TypeError):
        raise LabError(f"{notebook} can't be read as a notebook; give another file.") from None
    for first, _, rest in sources:
        if first.startswith("%%writefile") and "@expert(" in rest:
            return rest
    raise LabError(
        f"{notebook} has no cell that writes a file with an @expert; expected one that begins "
        "with %%writefile, as in notebook 10."
    )


# ---- all trainings ------------------------------------------------------------------------------


def study(wanted, variants, seeds, results=RESULTS, page=PAGE, folder=None, tell=print):
    """Trains and measures what is missing, and writes both files after each.

    Args:
        wanted: a `Study`.
        variants: names in `VARIANTS`.
        seeds: numbers.
        results, page: the files.
        folder: where the trainings are; removed one by one, once they are measured.
    """
    folder = folder or runs_folder() / "router-study"
    settings = wanted.settings()
    # Two studies at once must not meet in one folder; the usual experts are not named there.
    experts = () if tuple(settings["experts"]) == ModelConfig.experts else settings["experts"]
    found = read(results) if results.exists() else {"settings": settings, "runs": {}}
    if found["settings"] != settings:
        raise LabError(
            f"{results} holds a study with other settings ({found['settings']}); "
            "name another file with --out, or remove it."
        )
    for seed in seeds:  # all variants of a seed first: a study that is stopped can be read
        for variant in variants:
            done = found["runs"].setdefault(variant, {})
            if str(seed) in done:
                continue
            tell(f"{variant}, seed {seed} …")
            place = folder / "-".join([wanted.preset.name, *experts]) / f"{variant}-{seed}"
            done[str(seed)] = wanted.run(variant, seed, place)
            write(found, results, page)
            shutil.rmtree(place, ignore_errors=True)
    return found


def write(found, results, page):
    """Both files."""
    text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
    write_atomically(results, text.encode("utf-8"))
    write_atomically(page, to_page(found, results).encode("utf-8"))


def read(results):
    """The figures of a file: of a study, or of checkpoints."""
    try:
        found = json.loads(results.read_text(encoding="utf-8"))
        if "checkpoints" in found:
            _ = found["settings"]["probes"], dict(found["checkpoints"])
        else:
            _ = found["settings"]["experts"], found["settings"]["share"], found["runs"]
    except (OSError, ValueError, KeyError, TypeError):
        raise LabError(
            f"{results} is not a file of this study; name another with --out, or remove it."
        ) from None
    return found


# ---- the page -----------------------------------------------------------------------------------


def to_page(found, results=RESULTS):
    """The figures of a file as Markdown."""
    if "checkpoints" in found:
        return checkpoints_page(found, results)
    settings = found["settings"]
    experts = settings["experts"]
    runs = {name: list(done.values()) for name, done in found["runs"].items() if done}
    counts = ", ".join(f"{name} {len(done)}" for name, done in runs.items())
    parts = [
        "# Router study 路由研究" + ("" if len(experts) == 2 else f": {len(experts)} experts 专家"),
        f"Made by `tools/router_study.py` from `docs/{results.name}`. Experts 专家: "
        f"{', '.join(experts)}. "
        f"Preset `{settings['preset']}`, {settings['share']:.0%} of its steps for each "
        f"seed, the same text ({settings['data_hash'][:4]}) for all. Trainings 训练次数: "
        f"{counts}. In brackets: the 95 % interval of the mean over seeds (Student's t), – where "
        "there is one seed only. 方括号内为种子间均值的 95 % 区间。",
        "## Where does the router send what? 什么交给谁？",
        "Mean router weights where the model answers, or writes on. The article expects knowledge "
        "to go to the GRU and reasoning to the transformer. "
        "论文认为知识归 GRU，推理归 Transformer。",
    ]
    for name, done in runs.items():
        parts += [f"### {about(name)}", weights_table(done, experts), verdict(done, experts)]
    parts += [
        "## What does forcing an expert cost? 只用一个专家要付多少？",
        "Right answers at temperature 0, by the mixture and by each expert alone; questions and "
        "contents never trained on. 温度为 0 时的正确率。",
    ]
    for name, done in runs.items():
        parts += [f"### {about(name)}", figures_table(done, "right", "kind 类别", named, percent)]
        if all("bits" in run for run in done):  # the first trainings were not asked for them
            parts += [BITS, figures_table(done, "bits", "kind 类别", named, decimals)]
    parts += [
        "## How far back does each remember? 各自能记多远？",
        "Something is told, so many characters of held-out stories follow, it is asked for. "
        "First: right answers. Second: the bits a character of the content that having been told "
        "it saves, against having been told another; 0 = forgotten. "
        "先告知，隔若干字再问：正确率；以及“说过”省下的比特。",
    ]
    for name, done in runs.items():
        heading = "characters back 相隔字数"
        parts += [
            f"### {about(name)}",
            figures_table(done, "recall", heading, str, percent),
            figures_table(done, "saved", heading, str, decimals),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


BITS = (
    "Bits a character of held-out text, where the model writes itself; lower is better. "
    "留出文本的每字比特，越低越好。"
)


def about(variant):
    changes = ", ".join(f"{name} = {value:g}" for name, value in VARIANTS[variant].items())
    return f"With {changes}" if changes else "Plain: neither term"


def weights_table(done, experts):
    rows = []
    for kind in done[0]["weights"]:
        by_expert = np.array([run["weights"][kind] for run in done]).T  # (experts, seeds)
        rows.append([named(kind), *(shown(values, decimals) for values in by_expert)])
    return table(["kind 类别", *(named(expert) for expert in experts)], rows)


def figures_table(done, figure, heading, words, form):
    """A row a kind or distance, a column for the mixture and for each expert."""
    first = done[0][figure]
    rows = [
        [words(key), *(shown([run[figure][who][key] for run in done], form) for who in first)]
        for key in first[MIXTURE]
    ]
    return table([heading, *(named(who) for who in first)], rows) if rows else ""


def verdict(done, experts):
    """Does the GRU get more of the knowledge than of the reasoning?"""
    there = set(done[0]["weights"]) >= {"knowledge", "reasoning"}
    if not there or not {"gru", "transformer"} <= set(experts):
        return ""
    leans = {}
    for expert in ("gru", "transformer"):
        at = experts.index(expert)
        knowledge, reasoning = (
            np.array([run["weights"][kind][at] for run in done])
            for kind in ("knowledge", "reasoning")
        )
        leans[expert] = knowledge - reasoning if expert == "gru" else reasoning - knowledge
    sentences = []
    for expert, more, less in (
        ("gru", "knowledge", "reasoning"),
        ("transformer", "reasoning", "knowledge"),
    ):
        interval = over_seeds(leans[expert])
        if interval is None:
            said = "one seed can't say whether by more than chance"
        else:
            said = {
                1: "as the article says",
                -1: "the opposite of what the article says",
                0: "no difference that these seeds can tell from chance",
            }[sign(interval)]
        gap = shown(leans[expert], decimals)
        sentences.append(f"{expert}, its weight for {more} less that for {less}: {gap}, {said}.")
    return "Verdict 结论: " + " ".join(sentences)


def sign(interval):
    """Of a figure with that interval: 1 or −1, 0 where it can't be told from 0."""
    return int(interval[0] > 0) - int(interval[1] < 0)


def shown(values, form):
    """The mean over seeds and its interval."""
    interval = over_seeds(values)
    bounds = "–" if interval is None else f"[{form(interval[0])}, {form(interval[1])}]"
    return f"{form(float(np.mean(values)))} {bounds}"


def percent(value):
    return f"{value:.1%}"


def decimals(value):
    return f"{value:.2f}"


# ---- the page of checkpoints --------------------------------------------------------------------


def checkpoints_page(found, results):
    """The figures of `ask` as Markdown."""
    settings = found["settings"]
    parts = [
        "# Router study of finished checkpoints 已训练模型的路由研究",
        f"Made by `tools/router_study.py --checkpoint` from `docs/{results.name}`; nothing was "
        "trained for it. There is one training of each, so the 95 % intervals in brackets are over "
        "what was asked (Wilson's for shares, else a bootstrap over documents or probes): another "
        "seed may well differ by more. The study over seeds is [another page](router_study.md). "
        "每个模型只训练过一次：方括号内的 95 % 区间只反映题目的抽样，不反映换一个种子会怎样；"
        "多个种子的研究见[另一页](router_study.md)。",
        "An expert alone is not an expert that was trained alone. In the last stages both learnt "
        "to be summed, so one alone answers without what it came to leave to the other: its "
        "figures say what the mixture loses, not what the expert could have learnt. "
        "“只用一个专家”不等于“只训练一个专家”：最后几个阶段里，两位学的是合起来作答，"
        "所以单独作答的成绩说明混合少了什么，不说明这位专家本来能学会什么。",
    ]
    for name, of_one in found["checkpoints"].items():
        parts += checkpoint_parts(name, of_one, settings)
    return "\n\n".join(part for part in parts if part) + "\n"


def checkpoint_parts(name, found, settings):
    experts, kinds = found["experts"], list(found["bits"][MIXTURE])
    kind, back = "kind 类别", "characters back 相隔字数"
    ways = (MIXTURE, *experts)
    distances = list(found["recall"][MIXTURE])
    asked = max((count["total"] for count in found["right"][MIXTURE].values()), default=0)
    parts = [
        f"## {name}",
        f"Experts 专家: {', '.join(experts)}. Step 步 {found['step']:,}, text 文本 "
        f"{found['data_hash'][:4]}, at most {asked:,} questions a kind 每类至多 {asked:,} 题.",
        *verdicts(found),
        f"### {name}: where does the router send what? 什么交给谁？",
        "Mean router weights where the model answers, or writes on. 平均路由权重。",
        grid(kind, named, kinds, experts, found["weights"], decimals),
        f"### {name}: what does forcing an expert cost? 只用一个专家要付多少？",
        "Right answers at temperature 0. 温度为 0 时的正确率。",
        grid(kind, named, list(found["right"][MIXTURE]), ways, found["right"], percent),
        BITS,
        grid(kind, named, kinds, ways, found["bits"], decimals),
        "Bits a character that forcing an expert adds to the mixture's. "
        "只用一个专家，每字多花的比特。",
        grid(kind, named, kinds, experts, found["cost"], decimals),
    ]
    if found["advantage"]:
        parts += [
            "Bits a character that the transformer alone needs more than the GRU alone: above 0 "
            "the GRU is the better one. 单独时 Transformer 比 GRU 每字多花的比特：大于 0 则 "
            "GRU 更好。",
            grid(kind, named, kinds, ("difference 差",), {"difference 差": found["advantage"]}),
        ]
    if not distances:
        return parts
    return [
        *parts,
        f"### {name}: how far back does each remember? 各自能记多远？",
        f"Right answers, of {found['recall'][MIXTURE][distances[0]]['total']} a distance; then the "
        "bits a character of the content that having been told it saves, against having been told "
        "another; 0 = forgotten. 正确率；以及“说过”省下的比特，0 即忘了。",
        grid(back, str, distances, ways, found["recall"], percent),
        grid(back, str, distances, ways, found["saved"], decimals),
    ]


def grid(heading, words, keys, ways, figures, form=None):
    """A row a key, a column a way; `figures`: by way and key."""
    form = form or decimals
    rows = [[words(key), *(with_bounds(figures[way][key], form) for way in ways)] for key in keys]
    return table([heading, *(named(way) for way in ways)], rows)


def with_bounds(figure, form):
    low, high = figure["interval"]
    value = figure["value"] if "value" in figure else share(figure)
    return f"{form(value)} [{form(low)}, {form(high)}]"


#: What a sign says of a claim of the article.
OF_CLAIM = {
    1: ("as the article says", "与论文一致"),
    -1: ("the opposite of what the article says", "与论文相反"),
    0: ("no difference that these questions can tell from chance", "差别小到无法与偶然区分"),
}


#: The same of who needs fewer bits alone, by the signs of the transformer's excess on knowledge
#: and on reasoning.
ALONE = {
    (1, -1): ("as the article says", "与论文一致"),
    (-1, 1): OF_CLAIM[-1],
    (1, 1): (
        "the GRU is the better one on both, which is not a division of labour",
        "两类都是 GRU 更好，谈不上分工",
    ),
    (-1, -1): (
        "the transformer is the better one on both, which is not a division of labour",
        "两类都是 Transformer 更好，谈不上分工",
    ),
    (0, 0): ("on one of them at least chance may have decided", "至少有一类可能只是偶然"),
}


def verdicts(found):
    """What the figures of a checkpoint say of the article's claim, as sentences."""
    parts = []
    if "gru" in found["lean"]:
        lean = found["lean"]["gru"]
        english, chinese = OF_CLAIM[sign(lean["interval"])]
        gap = with_bounds(lean, decimals)
        parts.append(
            f"The GRU's weight for knowledge less that for reasoning: {gap}, {english}. "
            f"GRU 在知识上的权重减去在推理上的权重：{chinese}。"
        )
    if {"knowledge", "reasoning"} <= set(found["advantage"]):
        knowledge, reasoning = (found["advantage"][kind] for kind in ("knowledge", "reasoning"))
        signs = sign(knowledge["interval"]), sign(reasoning["interval"])
        english, chinese = ALONE.get(signs, ALONE[0, 0])
        parts.append(
            "Alone, the transformer needs more bits a character than the GRU: "
            f"{with_bounds(knowledge, decimals)} on knowledge, {with_bounds(reasoning, decimals)} "
            f"on reasoning: {english}. 单独作答：{chinese}。"
        )
    whole, alone = (
        [share(count) for who in ways for count in found["right"][who].values()]
        for ways in ((MIXTURE,), found["experts"])
    )
    if whole:
        parts.append(
            f"Right answers of a kind: {min(whole):.0%} to {max(whole):.0%} by the mixture, "
            f"{min(alone):.0%} to {max(alone):.0%} by one expert alone. 各类正确率：混合 "
            f"{min(whole):.0%} 至 {max(whole):.0%}，单独一位专家 {min(alone):.0%} 至 "
            f"{max(alone):.0%}。"
        )
    for distance in list(found["saved"][MIXTURE])[:1]:
        saved = ", ".join(
            f"{named(who)} {with_bounds(found['saved'][who][distance], decimals)}"
            for who in found["experts"]
        )
        parts.append(
            f"Bits that having been told saves each alone, {distance} characters back "
            f"{distance} 字之前说过的事，单独作答时各省下的比特: {saved}."
        )
    return ["Verdict 结论:", "\n".join(f"- {part}" for part in parts)] if parts else []


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Several seeds, and whom their routers trust.")
    parser.add_argument("--preset", default="tiny", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 1 on")
    parser.add_argument("--share", type=float, default=1.0, help="of the preset's steps, for each")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--experts", nargs="+", metavar="NAME", help="of the mixture, in order")
    parser.add_argument("--expert-file", type=Path, help="Python or notebook that has new ones")
    parser.add_argument(
        "--checkpoint", nargs="+", type=Path, metavar="FOLDER", help="ask these; nothing is trained"
    )
    parser.add_argument("--out", type=Path, help="the figures; a page beside it")
    parser.add_argument("--page", action="store_true", help="only make the page anew")
    options = parser.parse_args(arguments)
    results = options.out or (SHIPPED if options.checkpoint else RESULTS)
    page = results.with_suffix(".md")
    try:
        if options.seeds < 1 or options.share <= 0:
            raise LabError("--seeds and --share must be above 0.")
        if options.page:
            write_atomically(page, to_page(read(results), results).encode("utf-8"))
            return 0
        if options.checkpoint:
            ask(options.checkpoint, results, page)
            return 0
        file = options.expert_file and as_python(
            options.expert_file, runs_folder() / "router-study"
        )
        preset = preset_of(options.preset, options.experts, file)
        wanted = Study(preset, corpus.project(preset), options.share)
        study(wanted, options.variants, range(1, options.seeds + 1), results, page)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from there.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Whom does the router trust, and is it right to? Several seeds of one preset, with intervals.

    python tools/router_study.py --preset tiny --seeds 3 --share 0.2
    python tools/router_study.py --page      # writes docs/router_study.md anew from the figures

With a third expert, one of a file of your own or the one that a notebook writes:

    python tools/router_study.py --experts gru transformer convolution \\
        --expert-file notebooks/10_your_own_expert.ipynb --out docs/router_study_three.json

Every training goes through all stages in `runs/router-study/…`, on the same text; only its seed
differs, and whether the router's balance or entropy term is on. What is measured of it goes into
docs/router_study.json, or the file of --out, at once: the same command goes on with what is
missing. The page beside it, docs/router_study.md, is made from that file.
"""

import argparse
import json
import math
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mof_lab import corpus, pipeline, processes
from mof_lab.arguments import preset_of
from mof_lab.configuration import ModelConfig
from mof_lab.errors import LabError
from mof_lab.files import write_atomically
from mof_lab.folders import PROJECT, runs_folder
from mof_lab.intervals import over_seeds
from mof_lab.model_card import table
from mof_lab.packing import pack
from mof_lab.probes import Probes
from mof_lab.report import named
from mof_lab.vocabulary import PADDING

RESULTS, PAGE = PROJECT / "docs" / "router_study.json", PROJECT / "docs" / "router_study.md"
DISTANCES = (16, 32, 64, 125, 250, 500, 1000, 2000)  # characters between a fact and its question
MIXTURE = "mixture"
TEXT_KINDS = ("story", "chat")  # held-out text that asks nothing
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
    from mof_lab.evaluation import router_weights, score

    model, vocabulary = job.model_after(stage), job.vocabulary
    packs = {k: w for k, w in job.windows("held_out").items() if k in TEXT_KINDS}
    packs |= windows_of(questions, vocabulary, job.preset.window)
    found = {"weights": router_weights(model, packs), "right": {}, "recall": {}, "saved": {}}
    for expert in (None, *model.config.experts):
        name = expert or MIXTURE
        counts, _ = score(model, vocabulary, questions, expert, BATCH)
        found["right"][name] = {k: share(c) for k, c in counts.items() if "." not in k}
        found["recall"][name], found["saved"][name] = {}, {}
        for distance in dict.fromkeys(probe.group for probe in probes):
            here = [probe for probe in probes if probe.group == distance]
            counts, _ = score(model, vocabulary, here, expert, LONG_BATCH)
            right = sum(c["correct"] for k, c in counts.items() if "." not in k)
            found["recall"][name][distance] = right / len(here)
            found["saved"][name][distance] = bits_saved(model, vocabulary, here, values, expert)
    return found


def windows_of(questions, vocabulary, window):
    """kind → `Windows` of the questions with their right answers."""
    rows = {}
    for question in questions:
        turns = (*question.turns, question.answers[0])
        roles = ("user", "assistant")
        messages = [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
        rows.setdefault(question.kind, []).append({"text": "", "messages": messages})
    return {kind: pack(some, vocabulary, window) for kind, some in rows.items()}


def share(count):
    return count["correct"] / count["total"]


def bits_saved(model, vocabulary, probes, values, expert):
    """How much better a content is expected because it was told: bits a character of it.

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
    return float(np.mean(saved) / math.log(2))


def content(probe):
    """What was told: the shortest answer is the content and a full stop."""
    return probe.answers[-1].removesuffix("。")


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
            text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
            write_atomically(results, text.encode("utf-8"))
            write_atomically(page, to_page(found, results).encode("utf-8"))
            shutil.rmtree(place, ignore_errors=True)
    return found


def read(results):
    """The figures of a file."""
    try:
        found = json.loads(results.read_text(encoding="utf-8"))
        _ = found["settings"]["experts"], found["settings"]["share"], found["runs"]
    except (OSError, ValueError, KeyError, TypeError):
        raise LabError(
            f"{results} is not a file of this study; name another with --out, or remove it."
        ) from None
    return found


# ---- the page -----------------------------------------------------------------------------------


def to_page(found, results=RESULTS):
    """The figures of a file as Markdown."""
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
        elif interval[0] > 0:
            said = "as the article says"
        elif interval[1] < 0:
            said = "the opposite of what the article says"
        else:
            said = "no difference that these seeds can tell from chance"
        gap = shown(leans[expert], decimals)
        sentences.append(f"{expert}, its weight for {more} less that for {less}: {gap}, {said}.")
    return "Verdict 结论: " + " ".join(sentences)


def shown(values, form):
    """The mean over seeds and its interval."""
    interval = over_seeds(values)
    bounds = "–" if interval is None else f"[{form(interval[0])}, {form(interval[1])}]"
    return f"{form(float(np.mean(values)))} {bounds}"


def percent(value):
    return f"{value:.1%}"


def decimals(value):
    return f"{value:.2f}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Several seeds, and whom their routers trust.")
    parser.add_argument("--preset", default="tiny", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 1 on")
    parser.add_argument("--share", type=float, default=1.0, help="of the preset's steps, for each")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--experts", nargs="+", metavar="NAME", help="of the mixture, in order")
    parser.add_argument("--expert-file", type=Path, help="Python or notebook that has new ones")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the figures; a page beside it")
    parser.add_argument("--page", action="store_true", help="only make the page anew")
    options = parser.parse_args(arguments)
    results, page = options.out, options.out.with_suffix(".md")
    try:
        if options.seeds < 1 or options.share <= 0:
            raise LabError("--seeds and --share must be above 0.")
        if options.page:
            write_atomically(page, to_page(read(results), results).encode("utf-8"))
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

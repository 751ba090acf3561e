"""Trials: the same text, the same minutes or steps, one thing changed; kept with their numbers.

    python tools/trials.py optimiser            # runs what is missing of this question
    python tools/trials.py                      # lists the questions; writes docs/trials.md anew

Where a question says one core, `taskset -c 0` before the command keeps it to one.

Each trial trains all stages in `runs/trials/QUESTION/VARIANT`, is judged as every run is, and
adds its figures to docs/trials.json. docs/trials.md is made from that file.
"""

import json
import math
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from mof_lab import judging, pipeline, processes
from mof_lab.configuration import preset as preset_named
from mof_lab.corpus import QUESTION_KINDS
from mof_lab.files import write_atomically

PROJECT = Path(__file__).resolve().parent.parent
RESULTS, PAGE = PROJECT / "docs" / "trials.json", PROJECT / "docs" / "trials.md"


@dataclass(frozen=True)
class Trial:
    """One question, and what is tried to answer it."""

    question: str
    variants: dict  # name -> what changes: fields of the preset, of its model, or see `changed`
    preset: str = "tiny"
    minutes: float = 3.0  # of training, for each variant
    #: Of the preset's steps, in place of minutes, where a step costs the same in all variants: a
    #: busy machine then changes nothing.
    share: float = 0.0
    cores: int = 2

    @property
    def budget(self):
        """What each variant is given, in words."""
        if self.share:
            return f"{self.share:.0%} of its steps each"
        return f"{self.minutes:g} minutes each, on {self.cores} core{'s' * (self.cores > 1)}"


#: `small` as it was until it was made smaller.
FIVE = {
    "embedding_dim": 256,
    "gru_units": 512,
    "router_units": 64,
    "shares": {"story": 0.03, "chat": 0.12, "knowledge": 0.45, "reasoning": 0.40},
}

TRIALS = {
    "seed": Trial(
        "How much does chance alone move the figures?",
        {"seed 1": {}, "seed 2": {"seed": 2}, "seed 3": {"seed": 3}},
        share=0.2,
    ),
    "optimiser": Trial(
        "AdamW, Muon or Lion?",
        {
            "AdamW": {},
            "Muon": {"optimizer": "muon"},
            "Lion": {"optimizer": "lion", "rate": 0.2, "weight_decay": 1.5},
        },
    ),
    "small_optimiser": Trial(
        "AdamW or Muon for a model of 5 M?",
        {"AdamW": FIVE, "Muon": {**FIVE, "optimizer": "muon"}},
        preset="small",
        minutes=8.0,
        cores=1,
    ),
    "rate": Trial(
        "Which learning rate?",
        {"3e-3": {}, "1.5e-3": {"rate": 0.5}, "6e-3": {"rate": 2.0}},
    ),
    "stages": Trial(
        "Do the experts learn alone first, and how long?",
        {
            "alone, then together, then chat": {},
            "together, then chat": {"only": ("joint", "chat")},
            "chat alone": {"only": ("chat",)},
            "three times the steps alone": {"longer": {"gru": 3, "transformer": 3}},
        },
    ),
    "batch": Trial(
        "How many windows a step, and how long?",
        {
            "8 of 128": {},
            "4 of 128": {"batch": 4},
            "16 of 128": {"batch": 16},
            "4 of 256": {"batch": 4, "window": 256},
        },
    ),
    "averaging": Trial(
        "Does a running mean of the weights help?",
        {"last weights": {}, "momentum 0.99": {"average": 0.99}},
    ),
    "decay": Trial(
        "How do the transformer's heads know what came before what?",
        {
            "decay, half-lives from 8": {},
            "decay, half-lives from 2": {"shortest_memory": 2},
            "no decay, learned positions": {"shortest_memory": 0, "learned_positions": 2048},
            "decay and positions": {"learned_positions": 2048},
        },
    ),
    "norm": Trial(
        "Norm before or after each sublayer; embeddings tied or not?",
        {
            "before, tied": {},
            "after, tied": {"pre_norm": False},
            "before, not tied": {"tied_embeddings": False},
        },
    ),
    "shape": Trial(
        "How wide the GRU, how deep the transformer?",
        {
            "256 units, 3 blocks": {},
            "384 units, 2 blocks": {"gru_units": 384, "num_layers": 2},
            "128 units, 5 blocks": {"gru_units": 128, "num_layers": 5},
            "256 units, 3 blocks of 192": {"embedding_dim": 192, "num_heads": 6},
        },
    ),
    "shares": Trial(
        "How much of each kind of text in the chat tuning?",
        {
            "reasoning 0.40, knowledge 0.45": {},
            "reasoning 0.57, knowledge 0.28": {
                "shares": {"story": 0.04, "chat": 0.11, "knowledge": 0.28, "reasoning": 0.57}
            },
            "twice the dialogues": {
                "shares": {"story": 0.03, "chat": 0.24, "knowledge": 0.38, "reasoning": 0.35}
            },
        },
    ),
    "curriculum": Trial(
        "In which order should the windows come?",
        {
            "mixed": {},
            "short documents first": {"order": "length"},
            "easy windows first": {"order": "difficulty"},
            "one kind after the other": {"order": "kind"},
        },
        share=0.2,
    ),
}


def changed(preset, changes):
    """A preset with changes: fields of its own or of its model, and for all stages `rate` (a
    factor), `only` (names), `longer` (name -> factor) and `shares` (of the last stage)."""
    own, model, stages = {}, {}, list(preset.stages)
    for name, value in changes.items():
        if name == "rate":
            stages = [replace(s, learning_rate=s.learning_rate * value) for s in stages]
        elif name == "only":
            stages = [replace(s, trains=("all",)) for s in stages if s.name in value]
        elif name == "longer":
            stages = [replace(s, steps=round(s.steps * value.get(s.name, 1))) for s in stages]
        elif name == "shares":
            stages[-1] = replace(stages[-1], shares=tuple(value.items()))
        elif hasattr(preset, name):
            own[name] = value
        else:
            model[name] = value
    return replace(preset, stages=tuple(stages), model=replace(preset.model, **model), **own)


def run(name, variant):
    """Trains and judges one variant; the figures that docs/trials.json keeps of it."""
    trial = TRIALS[name]
    preset = changed(preset_named(trial.preset), trial.variants[variant])
    # Or more steps than there is time for: the time ends each stage.
    preset = preset.shortened(trial.share or 2)
    folder = PROJECT / "runs" / "trials" / name / variant.replace(" ", "_")
    job = pipeline.Run(preset, folder)
    stages = job.train_all(seconds=math.inf if trial.share else 60 * trial.minutes)
    judged, _ = processes.call(judging.judge, job, preset.stages[-1].name, None, ())
    shutil.rmtree(folder)
    return {
        "parameters": judged["parameters"],
        "seconds": round(sum(s["seconds"] for s in stages)),
        "tokens": sum(s["tokens"] for s in stages),
        "peak_memory_bytes": max(s["peak_memory_bytes"] for s in stages),
        "bits_per_character": judged["bits_per_character"],
        "answers": {kind: judged["answers"][kind] for kind in QUESTION_KINDS},
        "data_hash": job.data_hash,
    }


def known(results, name, variant):
    """The figures of the same variant of another question: what nothing changes is run once."""
    trial = TRIALS[name]
    for other, done in results.items():
        same = (TRIALS[other].preset, TRIALS[other].budget) == (trial.preset, trial.budget)
        for label, figures in done.items():
            if same and TRIALS[other].variants[label] == trial.variants[variant]:
                return figures
    return None


def page(results):
    """docs/trials.md, from the figures."""
    lines = [
        "# Trials of one change each",
        "",
        "Made by `tools/trials.py` from `docs/trials.json`. Each trial changes one thing of a "
        "preset and trains as many minutes as the others of its question (or steps, where a step "
        "costs all the same), on the same text; the schedule ends with them. Bits per character "
        "and right answers are those of held-out text and questions, as in every report. One run "
        "each: read a difference against those of the first question, which changes nothing but "
        "the seed, and with it what is drawn of the reasoning text; and only between rows of the "
        "same text.",
    ]
    for name, trial in TRIALS.items():
        done = results.get(name, {})
        if not done:
            continue
        lines += [
            "",
            f"## {trial.question}",
            "",
            f"`python tools/trials.py {name}`: preset `{trial.preset}`, {trial.budget}.",
            "",
            "| variant | text | parameters | characters seen | bits/char | "
            + " | ".join(QUESTION_KINDS)
            + " |",
            "|---|---|---|---|---|" + "---|" * len(QUESTION_KINDS),
        ]
        for variant in trial.variants:
            if variant in done:
                lines.append(row(variant, done[variant]))
        lines += ["", verdict(name, done, results.get("seed", {}))]
    return "\n".join(lines) + "\n"


def row(variant, figures):
    shares = [f"{100 * share(figures, kind):.1f} %" for kind in QUESTION_KINDS]
    return (
        f"| {variant} | {figures['data_hash'][:4]} | {figures['parameters']:,} | "
        f"{figures['tokens']:,} | "
        f"{figures['bits_per_character']['all']:.3f} | {' | '.join(shares)} |"
    )


def share(figures, kind):
    return figures["answers"][kind]["correct"] / figures["answers"][kind]["total"]


def mean_right(figures):
    return sum(share(figures, kind) for kind in QUESTION_KINDS) / len(QUESTION_KINDS)


def verdict(name, done, seeds):
    """What the figures say, against the first variant and against chance."""
    first = next(iter(TRIALS[name].variants))
    if len(done) < 2 or first not in done:
        return "Not finished."
    right = {variant: mean_right(figures) for variant, figures in done.items()}
    best = max(right, key=right.get)
    gain = 100 * (right[best] - right[first])
    spread = [100 * mean_right(figures) for figures in seeds.values()]
    if len(spread) < 2:
        return "No verdict: how much chance moves the figures is not measured yet."
    noise = max(spread) - min(spread)
    if name == "seed":
        return f"Verdict: chance moves the mean of right answers by {noise:.1f} points."
    if best == first:
        second = max(value for variant, value in right.items() if variant != first)
        return (
            f"Verdict: {first} stays; the next is {100 * (right[first] - second):.1f} points "
            f"lower in the mean of right answers (chance: {noise:.1f})."
        )
    judged = "more than chance" if gain > noise else "no more than chance"
    return (
        f"Verdict: {best} gives {gain:.1f} points more right answers in the mean than {first}, "
        f"{judged} moves them ({noise:.1f})."
    )


def main(*names):
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in names:
        for variant in TRIALS[name].variants:
            if variant not in results.setdefault(name, {}):
                print(f"{name}: {variant} …", flush=True)
                results[name][variant] = known(results, name, variant) or run(name, variant)
                text = json.dumps(results, ensure_ascii=False, indent=1) + "\n"
                write_atomically(RESULTS, text.encode("utf-8"))
                write_atomically(PAGE, page(results).encode("utf-8"))
    for name, trial in TRIALS.items():
        print(f"{name}: {trial.question} {len(results.get(name, {}))}/{len(trial.variants)}")
    write_atomically(PAGE, page(results).encode("utf-8"))


if __name__ == "__main__":
    main(*sys.argv[1:])

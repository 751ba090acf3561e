"""What a report says about a finished run: answers, bits, a conversation, each expert alone."""

import platform
from dataclasses import replace

from . import corpus, processes
from .limits import allowed_cores
from .machine import cpu_name, versions

#: What `run` says to the model when nothing else is asked for.
QUESTIONS = (
    "你好",
    "你是谁？",
    "我叫小明",
    "法国的首都是哪里？",
    "12加7等于多少？",
    "我叫什么名字？",
)


def judge(send, run, stage, expert, sayings):
    """Everything a report says about the model that a stage left; see `report.json`."""
    from .evaluation import bits_per_character, router_weights, score

    model, held_out = run.model_after(stage), run.windows("held_out")
    answers, rows = score(model, run.vocabulary, run.questions, expert)
    wrong = [
        {"question": " / ".join(q.turns), "expected": q.answers[0], "given": text}
        for q, text, right in rows
        if not right
    ]
    return {
        "parameters": model.count_params(),
        "experts": list(model.config.experts),
        "bits_per_character": bits_per_character(model, held_out, expert),
        "answers": answers,
        "router_weights": router_weights(model, held_out),
        "samples": converse(model, run.vocabulary, sayings),
        "wrong_answers": wrong[:: max(1, len(wrong) // 40)],
    }


def report_of(run, stages, judged, command, name, seconds=None, peak=0):
    """What `report.json` says of a finished run, and `report.to_html` makes a page of.

    Args:
        run: a `pipeline.Run`.
        stages: what was trained, as `pipeline.stage_report` has it.
        judged: what `judge` gave, or the same of another judge.
        command: what does it again.
        name: of the preset, for people.
        seconds: that all of it took; None = as long as the training.
        peak: bytes that whatever was no training took of the memory.
    """
    trained = round(sum(stage["seconds"] for stage in stages), 1)
    return {
        "preset": name,
        "total_seconds": trained if seconds is None else round(seconds, 1),
        "trained_seconds": trained,
        "peak_memory_bytes": max(peak, *(stage["peak_memory_bytes"] for stage in stages)),
        "stages": stages,
        **judged,
        "documents": run.documents,
        "padding": {kind: round(w.padding, 4) for kind, w in run.windows("train").items()},
        "vocabulary_size": len(run.vocabulary),
        "seed": run.preset.seed,
        "data_hash": run.data_hash,
        "machine": {"cores": allowed_cores(), "system": platform.system(), "cpu": cpu_name()},
        "versions": versions(),
        "command": command,
    }


def converse(model, vocabulary, sayings):
    """A conversation at temperature 0 with the mean router weights of each answer."""
    from .chat import ChatSession
    from .generation import Sampling

    session, samples = ChatSession(model, vocabulary), []
    for text in sayings:
        characters = list(session.stream(text, Sampling(temperature=0), max_length=120))
        weights = [c.router_weights for c in characters]
        mean = [float(sum(w) / len(weights)) for w in zip(*weights, strict=True)]
        answer = vocabulary.decode(c.token for c in characters)
        samples.append({"user": text, "assistant": answer, "router_weights": mean})
    return samples


def compare_experts(job, report, show, tell):
    """Each expert alone, trained for as many seconds as all stages of the mixture took."""

    def result(judged, seconds):
        return {
            "seconds": round(seconds, 1),
            "bits_per_character": judged["bits_per_character"],
            "answers": {
                kind: judged["answers"][kind]
                for kind in corpus.QUESTION_KINDS
                if kind in judged["answers"]
            },
        }

    results = {"mixture": result(report, report["trained_seconds"])}
    shares = {s["name"]: s["seconds"] for s in report["stages"] if s["name"] in ("joint", "chat")}
    shares["joint"] += report["trained_seconds"] - sum(shares.values())
    alone = {stage.expert: stage.name for stage in job.preset.stages if stage.expert}
    for expert in report["experts"]:
        tell(f"For comparison: the {expert} expert alone, for the same time …")
        trained = next(s for s in report["stages"] if s["name"] == alone.get(expert, "joint"))
        seconds_a_step = trained["seconds"] / trained["steps"]
        before, used = None, 0.0
        for base, seconds in shares.items():
            like = alone.get(expert, base) if base == "joint" else base
            rate = job.preset.stage(like).learning_rate
            stage = replace(
                job.preset.stage(base),
                name=f"{base}_{expert}_alone",
                expert=expert,
                trains=("stem", "head", expert),
                learning_rate=rate,
                steps=max(2, round(2 * seconds / seconds_a_step)),  # the time ends it
            )
            used += job.train(stage, before, seconds, show)["seconds"]
            before = stage.name
        results[expert] = result(processes.call(judge, job, before, expert, ())[0], used)
    return results

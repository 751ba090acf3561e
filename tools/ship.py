"""Ships a finished run: its chat checkpoint, its report and a recording of each stage go to
checkpoints/NAME, its figures into the READMEs (between the marks of that name), its routing
picture to docs/images.

    python3 lab.py run --record           # without --record, a replay has no samples on the way
    python tools/ship.py runs/tiny tiny
    python tools/ship.py tiny             # only the READMEs, from the report that ships
"""

import json
import shutil
import sys
from pathlib import Path

from mof_lab.folders import PROJECT, shipped

RECORDED_BYTES = 95_000  # of all stages together
#: The rows of a table, and what they are called in each language.
ENGLISH = {
    "story": "story",
    "chat": "chat",
    "knowledge": "knowledge",
    "curious": "curious",
    "talk": "small talk",
    "familiar": "familiar",
    "reasoning": "reasoning",
}
CHINESE = {
    "story": "故事",
    "chat": "对话",
    "knowledge": "知识",
    "curious": "好奇",
    "talk": "闲聊",
    "familiar": "知识，换个学过的问法",
    "reasoning": "推理",
}
#: Asked like knowledge, but of another kind: they are rows of their own.
APART = ("curious", "talk")


def main(run, name):
    run, target = Path(run), shipped(name)
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    shutil.rmtree(target, ignore_errors=True)
    last = run / report["stages"][-1]["name"]
    shutil.copytree(last, target, ignore=shutil.ignore_patterns("recording.json", ".lock"))
    for file in ("report.json", "report.html"):
        shutil.copy(run / file, target / file)
    ship_recordings(run, report, target)
    if target == shipped():  # the picture is of the model to talk with
        draw(target, report)
    write_readmes(report, name)


def write_readmes(report, name):
    """The figures of a report into both READMEs, between the marks of `name`."""
    start, end = f"<!-- {name}: tools/ship.py writes this -->", f"<!-- end of {name} -->"
    for readme, chinese in (("README.md", False), ("README.zh-CN.md", True)):
        path = PROJECT / readme
        text = path.read_text(encoding="utf-8")
        if start not in text or end not in text:
            print(f"{readme} has no place for {name}: put it between {start} and {end}.")
            continue
        before, rest = text.split(start)
        after = rest.split(end)[1]
        text = f"{before}{start}\n{results(report, chinese)}\n{end}{after}"
        path.write_text(text, encoding="utf-8")


def ship_recordings(run, report, target):
    """How each stage went, for `notebook.replay`; less where the run's folder keeps less."""
    from mof_lab import processes, recorder
    from mof_lab.errors import LabError
    from mof_lab.recording import Recording

    names = [stage["name"] for stage in report["stages"]]
    share = RECORDED_BYTES // len(names)
    for at, name in enumerate(names):
        try:
            recording, _ = processes.call(recorder.look_back, run, names, at, share)
        except LabError as error:
            print(f"{name}: only the curve of the report ({error})")
            recording = Recording.of_report(report, name).reduced(share)
        recording.save(target / "recordings" / f"{name}.json")
        print(f"{name}: {len(recording.points)} points, {len(recording.moments)} looks")


def draw(checkpoint, report):
    """The picture of the README: one dialogue of the run's own sample, by who wrote it."""
    import mof_lab
    from mof_lab import inspection, views

    model, vocabulary, _ = mof_lab.load_checkpoint(checkpoint)
    said = report["samples"][3:5]
    turns = [(role, sample[role]) for sample in said for role in ("user", "assistant")]
    trace = inspection.trace_dialogue(model, vocabulary, turns)
    images = PROJECT / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    view = views.routing(trace.symbols, trace.router_weights, trace.experts)
    view.save(images / "routing.svg")


def told_apart(answers):
    """The answers of a report with the groups of `APART` as kinds, and knowledge without them."""
    answers = dict(answers)
    for kind in APART:
        if part := answers.pop(f"knowledge.{kind}", None):
            answers[kind] = part
            answers["knowledge"] = {k: answers["knowledge"][k] - part[k] for k in part}
    return answers


def results(report, chinese):
    """Markdown: what this run gave."""
    weights, bits = report["router_weights"], report["bits_per_character"]
    answers = told_apart(report["answers"])
    minutes, peak = report["total_seconds"] / 60, report["peak_memory_bytes"] / 1e9
    experts, cores = " / ".join(report["experts"]), report["machine"]["cores"]
    if chinese:
        lines = [
            f"`{report['command']}`：{minutes:.1f} 分钟，内存峰值 {peak:.2f} GB，"
            f"{report['parameters']:,} 个参数，{cores} 核。",
            "",
            f"| 类别 | 留出文本，比特/字 | 完全答对 | 路由权重（{experts}） |",
        ]
    else:
        lines = [
            f"`{report['command']}`: {minutes:.1f} minutes, peak {peak:.2f} GB, "
            f"{report['parameters']:,} parameters, {cores} core{'s' * (cores != 1)}.",
            "",
            f"| kind | held-out bits/char | exactly right | router weights ({experts}) |",
        ]
    lines.append("|---|---|---|---|")
    for kind, name in (CHINESE if chinese else ENGLISH).items():
        right = answers.get(kind)
        if not right and kind not in bits:
            continue  # the text of this run has none
        share = f"{right['correct']:,} / {right['total']:,}" if right else "–"
        split = " / ".join(f"{w:.2f}" for w in weights.get(kind, ())) or "–"
        each = f"{bits[kind]:.2f}" if kind in bits else "–"
        lines.append(f"| {name} | {each} | {share} | {split} |")
    if "comparison" in report:
        head = "同样的时间、同样的数据" if chinese else "same time, same data"
        names = ("知识", "推理") if chinese else ("knowledge", "reasoning")
        lines += [
            "",
            f"| {head} | {'秒' if chinese else 'seconds'} | bits/char | {' | '.join(names)} |",
            "|---|---|---|---|---|",
        ]
        for model, row in report["comparison"].items():
            shares = [
                f"{100 * row['answers'][k]['correct'] / row['answers'][k]['total']:.0f} %"
                for k in ("knowledge", "reasoning")
            ]
            lines.append(
                f"| {model} | {row['seconds']:.0f} | {row['bits_per_character']['all']:.3f} | "
                + " | ".join(shares)
                + " |"
            )
    lines += ["", "```text"]
    for sample in report["samples"]:
        lines += [f"> {sample['user']}", sample["assistant"]]
    return "\n".join([*lines, "```"])


if __name__ == "__main__":
    if len(sys.argv) == 2:
        (which,) = sys.argv[1:]
        report = shipped(which) / "report.json"
        write_readmes(json.loads(report.read_text(encoding="utf-8")), which)
    else:
        main(*sys.argv[1:])

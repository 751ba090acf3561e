"""Ships a finished run: its chat checkpoint and report go to checkpoints/NAME, its figures into
the READMEs (between the result marks) and its routing picture to docs/images.

    python tools/ship.py runs/tiny tiny
"""

import json
import shutil
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
START, END = "<!-- results: tools/ship.py writes this -->", "<!-- end of results -->"
KINDS = {"story": "故事", "chat": "对话", "knowledge": "知识", "reasoning": "推理"}


def main(run, name):
    run, target = Path(run), PROJECT / "checkpoints" / name
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(run / report["stages"][-1]["name"], target)
    for file in ("report.json", "report.html"):
        shutil.copy(run / file, target / file)
    draw(target)
    for readme, chinese in (("README.md", False), ("README.zh-CN.md", True)):
        path = PROJECT / readme
        text = path.read_text(encoding="utf-8")
        before, rest = text.split(START)
        after = rest.split(END)[1]
        text = f"{before}{START}\n{results(report, chinese)}\n{END}{after}"
        path.write_text(text, encoding="utf-8")


def draw(checkpoint):
    """The picture at the top of the README: one dialogue, coloured by who wrote it."""
    import mof_lab
    from mof_lab import inspection, views

    model, vocabulary, _ = mof_lab.load_checkpoint(checkpoint)
    turns = [("user", "法国的首都是哪里？"), ("assistant", "是巴黎。")]
    turns += [("user", "12加7等于多少？"), ("assistant", "12+7=19，是19。")]
    trace = inspection.trace_dialogue(model, vocabulary, turns)
    images = PROJECT / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    view = views.routing(trace.symbols, trace.router_weights, trace.experts)
    view.save(images / "routing.svg")


def results(report, chinese):
    """Markdown: what this run gave."""
    answers, weights, bits = (
        report[k] for k in ("answers", "router_weights", "bits_per_character")
    )
    minutes, peak = report["total_seconds"] / 60, report["peak_memory_bytes"] / 1e9
    if chinese:
        lines = [
            f"`{report['command']}`：{minutes:.1f} 分钟，内存峰值 {peak:.2f} GB，"
            f"{report['parameters']:,} 个参数，{report['machine']['cores']} 核。",
            "",
            "| 类别 | 留出文本，比特/字 | 完全答对 | 路由权重（"
            + " / ".join(report["experts"])
            + "） |",
        ]
    else:
        lines = [
            f"`{report['command']}`: {minutes:.1f} minutes, peak {peak:.2f} GB, "
            f"{report['parameters']:,} parameters, {report['machine']['cores']} cores.",
            "",
            "| kind | held-out bits/char | exactly right | router weights ("
            + " / ".join(report["experts"])
            + ") |",
        ]
    lines.append("|---|---|---|---|")
    for kind, name in KINDS.items():
        right = answers.get(kind)
        share = f"{right['correct']} / {right['total']}" if right else "–"
        split = " / ".join(f"{w:.2f}" for w in weights[kind])
        lines.append(f"| {name if chinese else kind} | {bits[kind]:.2f} | {share} | {split} |")
    if "comparison" in report:
        head = "同样的时间、同样的数据" if chinese else "same time, same data"
        lines += [
            "",
            f"| {head} | {'秒' if chinese else 'seconds'} | bits/char | "
            f"{'知识' if chinese else 'knowledge'} | {'推理' if chinese else 'reasoning'} |",
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
    main(*sys.argv[1:])

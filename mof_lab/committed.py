"""Results that were measured before and committed, as the tables that the notebooks print.

Each says which command measures it where that was not done yet.
"""

import json

from .folders import PROJECT
from .report import named
from .tables import table

#: Chinese of the headers of the tables that `benchmarks/` writes.
HEADERS = {
    "what": "内容",
    "program": "程序",
    "tokens/s": "字/秒",
    "characters/s": "字/秒",
    "ms a character": "每字毫秒",
    "ms a thousand": "每千字毫秒",
    "peak memory": "内存峰值",
    "cost over the shortest": "与最短窗口之比",
    "ours ÷": "我们的倍数",
}


def benchmark(suite, folder=PROJECT / "benchmarks" / "results"):
    """What a suite of `benchmarks/` measured, as text; one sentence when it has not been run."""
    path = folder / f"{suite}.json"
    if not path.exists():
        return (
            f"Suite {suite} has not been measured yet: `python3 lab.py bench {suite}` does it. "
            "尚未测量。"
        )
    result = json.loads(path.read_text(encoding="utf-8"))
    machine, measured = result["machine"], result["table"]
    figures = [
        (name, "not measured 未测" if value is None else f"{value:.3g}")
        for name, value in result["figures"].items()
    ]
    where = f"{machine['cpu']}, {machine['cores']} cores 核, {result['date'][:10]}"
    header = [f"{word} {HEADERS.get(word, '')}".strip() for word in measured["header"]]
    parts = [f"Suite 测试集 {suite}: {where}", table(header, measured["rows"])]
    if figures:
        parts.append(table(("figure 指标", "found 实测"), figures))
    return "\n\n".join(parts + result["notes"])


def trial(name, file=PROJECT / "docs" / "trials.json"):
    """What a question of `tools/trials.py` gave, as text; one sentence when it has not been asked.

    Args:
        name: of the question.
        file: the results.
    """
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if not found.get(name):
        return f"Trial {name} is not run yet: `python tools/trials.py {name}` does it. 尚未试验。"
    rows = []
    for variant, figures in found[name].items():
        right = [f"{a['correct']:,} of {a['total']:,}" for a in figures["answers"].values()]
        bits = f"{figures['bits_per_character']['all']:.3f}"
        rows.append([variant, f"{figures['seconds']:,}", f"{figures['tokens']:,}", bits, *right])
    kinds = next(iter(found[name].values()))["answers"]
    header = ["variant 做法", "seconds 秒", "characters seen 读的字", "bits/char 每字比特"]
    return table([*header, *(f"right 答对: {kind}" for kind in kinds)], rows)


def fixes(file=PROJECT / "docs" / "fixes.json"):
    """What each fix of the published model is worth, as text, from the file of `tools/fixes.py`."""
    found = json.loads(file.read_text(encoding="utf-8"))["rungs"] if file.exists() else {}
    if not found:
        return "Not run yet: `python tools/fixes.py` does it. 尚未运行。"
    rows = []
    for rung, figures in found.items():
        bits = "{:.2f} [{:.2f}, {:.2f}]".format(*figures["bits"][0])
        targets = "–" if figures["targets"] is None else f"{figures['targets']:,}"
        right = [f"{a['correct']:,} of {a['total']:,}" for a in figures["answers"].values()]
        rows.append([rung, targets, bits, *right])
    kinds = next(iter(found.values()))["answers"]
    header = ["rung 级", "targets learnt 学过的目标", "bits/char 每字比特"]
    return table([*header, *(f"right 答对: {kind}" for kind in kinds)], rows)


def router_study(file=PROJECT / "docs" / "router_study_shipped.json"):
    """Whom the routers of the shipped models trust, and what forcing an expert costs, as text.

    Args:
        file: the figures of `tools/router_study.py --checkpoint`.
    """
    found = json.loads(file.read_text(encoding="utf-8"))["checkpoints"] if file.exists() else {}
    if not found:
        return (
            "Not run yet: `python tools/router_study.py --checkpoint checkpoints/tiny "
            "checkpoints/small` does it. 尚未运行。"
        )
    parts = []
    for name, figures in found.items():
        right = figures["right"]
        shares = {
            who: {kind: f"{count['correct'] / count['total']:.0%}" for kind, count in of.items()}
            for who, of in right.items()
        }
        means = {
            what: {
                who: {k: form.format(x["value"]) for k, x in of.items()} for who, of in all_.items()
            }
            for what, form, all_ in (
                ("weights", "{:.2f}", figures["weights"]),
                ("cost", "{:+.2f}", figures["cost"]),
            )
        }
        for title, of_all in (
            ("router weight 路由权重", means["weights"]),
            ("right answers 答对", shares),
            ("bits a character that forcing it adds 只用它，每字多花的比特", means["cost"]),
        ):
            kinds = dict.fromkeys(kind for of_one in of_all.values() for kind in of_one)
            rows = [[named(kind), *(of_one[kind] for of_one in of_all.values())] for kind in kinds]
            parts.append(f"{name} · {title}\n{table(['kind 类别', *of_all], rows)}")
    return "\n\n".join(parts)

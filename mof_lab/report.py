"""`report.json` as a page to read: self-contained, no script, nothing loaded from elsewhere."""

import math

from . import views
from .drawing import escape
from .errors import LabError
from .progress import clock

CHINESE = {
    "gru": "专家",
    "transformer": "专家",
    "router": "路由",
    "joint": "一起训练",
    "chat": "对话",
    "mixture": "混合",
    "story": "故事",
    "knowledge": "知识",
    "familiar": "换个学过的问法",
    "reasoning": "推理",
    "all": "全部",
    "culture": "文化",
    "general": "常识",
    "talk": "闲聊",
    "curious": "好奇",
    "lab": "实验室",
    "language": "语言",
    "nature": "自然",
    "places": "地理",
    "town": "小镇",
    "addition": "加法",
    "clock": "钟点",
    "comparison": "比较",
    "counting": "数数",
    "deduction": "推断",
    "memory": "记忆",
    "ordering": "排序",
    "sequence": "数列",
    "subtraction": "减法",
    "tracing": "追踪",
    "weekday": "星期",
    "stem": "主干",
    "head": "输出头",
    "name": "名字",
    "colour": "颜色",
    "food": "食物",
    "pet": "宠物",
    "dialogues": "对话",
    "stories": "故事",
    "calendar": "日历",
    "characters": "数字数",
    "division": "除法",
    "either_or": "二选一",
    "long_addition": "长加法",
    "long_comparison": "大数比较",
    "long_deduction": "长推断",
    "long_memory": "长记忆",
    "long_ordering": "大数排序",
    "long_subtraction": "长减法",
    "long_tracing": "长追踪",
    "minutes": "时分",
    "multiplication": "乘法",
    "odd_one_out": "找不同",
    "repeat": "重复",
    "syllogism": "三段论",
    "units": "单位",
}

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.6 system-ui, 'Noto Sans CJK SC', 'WenQuanYi Micro Hei', 'Microsoft YaHei',
  'PingFang SC', sans-serif; max-width: 720px; margin: 2em auto; padding: 0 1em;
  color: #1f2933; background: #fff; }
h1 { margin-bottom: 0; } h2 { margin-top: 2em; }
.figures { display: flex; flex-wrap: wrap; gap: .8em; padding: 0; list-style: none; }
.figures li { border: 1px solid #b9b5a9; border-radius: 6px; padding: .4em .9em; }
.figures b { display: block; font-size: 1.4em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9em; }
th, td { text-align: left; padding: .3em .7em .3em 0; border-bottom: 1px solid #b9b5a9;
  vertical-align: top; overflow-wrap: anywhere; }
th { white-space: nowrap; } .n { text-align: right; white-space: nowrap; }
svg { max-width: 100%; height: auto; margin: .4em 0; }
dt { font-weight: bold; margin-top: .7em; } dd { margin: 0 0 0 1.5em; }
small { opacity: .75; } code { overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { body { color: #e6e4dd; background: #16191d; } }
"""


def to_html(report):
    """The page, as a string.

    Args:
        report: what `pipeline.run` returns and writes into `report.json`.
    """
    title = f"MoF Lab · {escape(report['preset'])}"
    parts = [
        f"<h1>{title}</h1>",
        "<p>What one run trained, how well it does, and what it cost. "
        "一次训练的结果：学到了什么，用了多少。</p>",
        _figures(report),
        *_section("Conversation 对话", _conversation(report)),
        *_section("Stages 训练阶段", _stages(report)),
        *_section("Answers 答题", _answers(report)),
        *_section("Where the router sends what 路由的去向", _router(report)),
        *_section("The mixture against each expert alone 混合与单个专家", _comparison(report)),
        *_section("Some wrong answers 一些答错的题", _wrong(report)),
        *_section("How to make it again 如何重现", _recipe(report)),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _section(title, parts):
    return [f"<h2>{title}</h2>", *parts] if parts else []


def _figures(report):
    figures = [
        (clock(report["total_seconds"]), "minutes in all 总时长"),
        (f"{report['peak_memory_bytes'] / 1e9:.2f} GB", "peak memory 内存峰值"),
        (f"{report['parameters']:,}", "parameters 参数"),
        (_bits(report["bits_per_character"]["all"]), "held-out bits per character 留出每字比特"),
    ]
    for kind, count in report["answers"].items():
        if "." not in kind:
            share = count["correct"] / max(1, count["total"])
            figures.append((f"{share:.1%}", f"{named(kind)}: right answers 答对"))
    items = (f"<li><b>{escape(n)}</b><small>{escape(what)}</small></li>" for n, what in figures)
    return f'<ul class="figures">{"".join(items)}</ul>'


def _conversation(report):
    turns = []
    for sample in report["samples"]:
        weights = ", ".join(
            f"{name} {w:.2f}"
            for name, w in zip(report["experts"], sample["router_weights"], strict=False)
        )
        turns.append(
            f"<dt>{escape(sample['user'])}</dt><dd>{escape(sample['assistant']) or '…'}"
            + (f" <small>({escape(weights)})</small>" if weights else "")
            + "</dd>"
        )
    note = (
        "<p><small>At temperature 0; in brackets, the mean router weights of each answer. "
        "温度为 0；括号内是每个回答的平均路由权重。</small></p>"
    )
    weighed = any(sample["router_weights"] for sample in report["samples"])
    return [f"<dl>{''.join(turns)}</dl>", *([note] if weighed else [])] if turns else []


def _stages(report):
    rows = [
        [
            named(stage["name"]),
            clock(stage["seconds"]),
            f"{stage['steps']:,}",
            f"{stage['tokens']:,}",
            f"{stage['tokens_per_second']:,}",
            _bits(stage["bits_per_character"]),
            f"{stage['peak_memory_bytes'] / 1e9:.2f} GB",
        ]
        for stage in report["stages"]
    ]
    header = [
        "stage 阶段",
        "time 时间",
        "steps 步",
        "tokens 字",
        "tokens/s 每秒字",
        "bits/char 比特",
        "memory 内存",
    ]
    training, held_out, start = {}, {}, 0.0
    for stage in report["stages"]:
        name = named(stage["name"])
        points = [(start + seconds, loss, bits) for _, seconds, loss, bits in stage["curve"]]
        training[name] = [(x, loss / math.log(2)) for x, loss, _ in points]
        held_out[name] = [(x, bits) for x, _, bits in points]
        start += stage["seconds"]
    pictures = [
        _curves(
            held_out,
            "Held-out text 留出文本",
            "How well unseen text is predicted; the chat stage counts answers only. "
            "预测未见文本的能力；对话阶段只计回答。",
        ),
        _curves(
            training,
            "Training text 训练文本",
            "The loss while learning; the chat stage counts answers only. "
            "训练时的损失；对话阶段只计回答。",
        ),
    ]
    return [_table(header, rows), *pictures]


def _curves(series, title, note):
    try:
        view = views.curves(
            series, "seconds of training 训练秒数", "bits per character 每字比特", title, note
        )
    except LabError:  # a run so short that nothing was measured
        return ""
    return view.svg


def _answers(report):
    if not report["answers"]:
        return []
    labels, values, notes = [], [], []
    for name, count in report["answers"].items():
        kind, _, group = name.partition(".")
        share = count["correct"] / max(1, count["total"])
        labels.append(f"· {named(group)}" if group else named(kind))
        values.append(share)
        notes.append(f"{count['correct']:,} / {count['total']:,} ({share:.0%})")
    note = (
        "Exactly right at temperature 0, on questions never trained on. "
        "温度为 0 时完全答对，题目未训练过。"
    )
    return [views.bars(labels, values, "Right answers 答对的题", note, 1.0, notes).svg]


def _router(report):
    weights = report["router_weights"]
    if not weights:
        return []
    note = (
        "Mean over held-out text of each kind; the parts of a bar sum to one. "
        "各类留出文本上的平均；每条之和为一。"
    )
    labels = [named(kind) for kind in weights]
    title = "Router weights 路由权重"
    view = views.shares(labels, list(weights.values()), report["experts"], title, note)
    return [view.svg]


def _comparison(report):
    if "comparison" not in report:
        return []
    results = report["comparison"]
    kinds = list(next(iter(results.values()))["answers"])
    rows = []
    for name, result in results.items():
        counts = [result["answers"][kind] for kind in kinds]
        rows.append(
            [
                named(name),
                clock(result["seconds"]),
                _bits(result["bits_per_character"]["all"]),
                *(f"{c['correct'] / max(1, c['total']):.1%}" for c in counts),
            ]
        )
    labels = [row[0] for row in rows]
    values = [result["bits_per_character"]["all"] for result in results.values()]
    header = ["model 模型", "time 时间", "bits/char 比特", *(named(kind) for kind in kinds)]
    note = "Same text, same training time; shorter is better. 文本与训练时间相同；越短越好。"
    notes = [_bits(value) for value in values]
    title = "Held-out bits per character 留出每字比特"
    view = views.bars(labels, values, title, note, notes=notes)
    return [_table(header, rows), view.svg]


def _wrong(report):
    rows = [[w["question"], w["expected"], w["given"]] for w in report["wrong_answers"]]
    header = ["question 问题", "expected 应答", "given 所答"]
    return [_table(header, rows, numbers=False)] if rows else []


def _recipe(report):
    machine, documents = report["machine"], report["documents"]
    rows = [
        ["command 命令", report["command"]],
        ["seed 种子", str(report["seed"])],
        ["data hash 数据指纹", report["data_hash"]],
        ["documents 文档", ", ".join(f"{named(k)} {n:,}" for k, n in documents.items())],
        ["vocabulary 词表", f"{report['vocabulary_size']:,}"],
        ["machine 机器", f"{machine['system']}, {machine['cpu']}, cores 核 {machine['cores']}"],
        ["versions 版本", ", ".join(f"{k} {v}" for k, v in report["versions"].items())],
    ]
    return [_table(["", ""], rows, numbers=False)]


def _table(header, rows, numbers=True):
    """An HTML table; with numbers, all columns but the first are set to the right."""
    sides = ["", *(' class="n"' if numbers else "" for _ in header[1:])]

    def cells(tag, row):
        return "".join(
            f"<{tag}{side}>{escape(cell)}</{tag}>" for side, cell in zip(sides, row, strict=True)
        )

    head = f"<tr>{cells('th', header)}</tr>" if any(header) else ""
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="wide"><table>{head}{body}</table></div>'


def _bits(value):
    return "–" if value is None else f"{value:.3f}"


def named(word):
    """A kind, group, stage or expert by its English and Chinese name."""
    return f"{word} {CHINESE[word]}" if word in CHINESE else word

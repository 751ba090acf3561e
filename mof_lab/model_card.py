"""A model card: what was measured of a checkpoint, in words; every number is from the result.

    result = appraisal.appraise(…) | {"command": "mof-lab evaluate …"}
    text = to_markdown(result)

Markdown, in English with the Chinese names of things beside.
"""

from .progress import clock
from .report import named
from .tables import visible


def to_markdown(result):
    """The card, as a string."""
    parts = [
        f"# {' '.join(filter(None, ('MoF', result['preset'])))}: model card 模型卡",
        "Shares and bits stand with their 95 % confidence intervals in brackets: Wilson's for "
        "shares, a bootstrap over documents for figures of text. Those of the calibration count "
        "each character as if it were alone, and are too narrow. 方括号内为 95 % 置信区间。",
    ]
    for title, keys, write_section in SECTIONS:
        parts.append(f"## {title}")
        reasons = [result["not_measured"][key] for key in keys if key in result["not_measured"]]
        if reasons:
            parts.append(f"Not measured 未测: {reasons[0]}")
        else:
            parts += write_section(result)
    return "\n\n".join(parts) + "\n"


def summary(result):
    """A few lines for a console."""
    missing = result["not_measured"]
    yield f"{result['parameters']:,} parameters 参数, {_sizes(result)}"
    if "bits_per_character" not in missing:
        yield f"Bits per character, held out 每字比特: {_bits(result, 'all')}"
        yield f"Calibration error 校准误差: {_calibration_error(result)}"
    if "answers" not in missing:
        for kind, count in result["answers"].items():
            if "." not in kind:
                yield f"Right answers 答对, {named(kind)}: {_share(count)}"
    for key, words in (
        ("memory", "Remembered by exchanges 多轮记忆"),
        ("recall", "Recalled by characters 远距回忆"),
    ):
        if key not in missing:
            counts = result[key]["by_amount"].items()
            shares = ", ".join(f"{n}: {c['correct'] / c['total']:.0%}" for n, c in counts)
            yield f"{words}: {shares}"
    if "variety" not in missing:
        yield f"Answers that repeat themselves 重复: {_share(result['variety']['repetition'])}"
    if "memorised" not in missing:
        for name, found in result["memorised"].items():
            yield f"Copied from training 照抄, {named(name)}: {_copied(found)}"


def _model(result):
    rows = [
        ["parameters 参数", f"{result['parameters']:,}"],
        *([f"· {named(name)}", f"{count:,}"] for name, count in result["parts"].items()),
        ["files 文件", _sizes(result)],
        ["vocabulary 词表", f"{result['vocabulary_size']:,}"],
        ["context 上下文", f"{result['context_length']:,} characters 字"],
        ["language 语言", "Chinese 中文, one token a character"],
    ]
    return [
        f"A small Chinese character model: experts of different frameworks "
        f"({', '.join(result['experts'])}) and a router that weighs them at every character. It is "
        "for learning how language models work, and no source of facts or advice. "
        "供学习语言模型原理之用，不可当作知识来源。",
        table(["what 项目", "value 数值"], rows),
    ]


def _training(result):
    stages = result["stages"]
    if not stages:
        return ["The checkpoint keeps no record of its training. 检查点没有训练记录。"]
    rows = [
        [
            named(stage["name"]),
            clock(stage["seconds"]),
            f"{stage['steps']:,}",
            f"{stage['tokens']:,}",
            f"{stage['peak_memory_bytes'] / 1e9:.2f} GB",
        ]
        for stage in stages
    ]
    trained, held_out = (
        ", ".join(f"{named(kind)} {n:,}" for kind, n in result[key].items())
        for key in ("documents", "held_out_documents")
    )
    header = ["stage 阶段", "time 时间", "steps 步", "characters 字", "memory 内存"]
    return [
        table(header, rows),
        f"In all {clock(sum(s['seconds'] for s in stages))} of training. Documents of the lab's "
        f"text to train on 训练文档: {trained}; held out 留出: {held_out}. "
        f"Data 数据指纹: {result['data_hash']}.",
    ]


def _held_out(result):
    rows = [
        [named(kind), f"{value:.3f}", _interval(result["bits_intervals"][kind], 3)]
        for kind, value in result["bits_per_character"].items()
    ]
    return [
        "Bits per character on text that was kept from training, where the model writes itself; "
        "lower is better. 留出文本的每字比特，越低越好。",
        table(["kind 类别", "bits 比特", "95 %"], rows),
    ]


def _answers(result):
    return [
        "Right to the character, at temperature 0. The wordings, or the operands, names and "
        "days, were never trained on; `familiar` facts are asked in a wording that is trained "
        "with other facts. 温度为 0，须完全一致；措辞或内容未训练过。",
        _counts(result["answers"], _named_group),
    ]


def _memory(result):
    return [
        "Something is told, other exchanges follow, then it is asked for; the contents and what "
        "comes between are not in the training text. 先告知，隔几轮再问；内容未训练过。",
        _counts(result["memory"]["by_amount"], heading="exchanges ago 几轮前"),
        _counts(result["memory"]["by_topic"], named),
    ]


def _recall(result):
    return [
        "Something is told, then so many characters of held-out stories, then it is asked for. "
        "先告知，再读若干字的留出故事，然后提问。",
        _counts(result["recall"]["by_amount"], heading="characters between 相隔字数"),
        _counts(result["recall"]["by_topic"], named),
    ]


def _variety(result):
    variety, sampling = result["variety"], result["sampling"]
    rows = [
        ["answers with a 4-gram twice 四字重复的回答", _share(variety["repetition"])],
        ["distinct-1 不同单字", f"{variety['distinct_1']:.3f}"],
        ["distinct-2 不同双字", f"{variety['distinct_2']:.3f}"],
    ]
    return [
        f"{variety['dialogues']:,} dialogues, the users' turns of held-out ones, "
        f"{variety['answers']:,} answers of {variety['characters']:,} characters in all, sampled "
        f"as a chat does by default (temperature {sampling['temperature']}, top-p "
        f"{sampling['top_p']}, seed {sampling['seed']}). 按默认采样的多轮对话。",
        table(["what 项目", "value 数值"], rows),
    ]


def _memorised(result):
    rows = [
        [
            named(name),
            f"{found['characters']:,}",
            _copied(found),
            f"{found['long_enough']:.1%}",
            _share(found["texts"]),
        ]
        for name, found in result["memorised"].items()
    ]
    header = ["text 文本", "characters 字", "copied 照抄", "could be 可计", "texts with any 篇数"]
    return [
        "The share of sampled characters inside 20 characters in a row that the training text "
        "has verbatim; shorter texts can't have any, which *could be* counts. Where nothing was "
        "found a bootstrap has no width, and the last column says how rare it may be. "
        "与训练文本连续 20 字相同的比例。",
        table(header, rows),
    ]


def _router(result):
    rows = []
    for kind, weights in result["router_weights"].items():
        intervals = result["router_intervals"][kind]
        cells = (f"{w:.2f} {_interval(i)}" for w, i in zip(weights, intervals, strict=True))
        rows.append([named(kind), *cells])
    return [
        "Mean weights of the experts where the model writes itself, on held-out text. "
        "留出文本上的平均路由权重。",
        table(["kind 类别", *(named(expert) for expert in result["experts"])], rows),
    ]


def _calibration(result):
    rows = [
        [
            f"{b['from']:.1f}–{b['to']:.1f}",
            f"{b['characters']:,}",
            "–" if b["confidence"] is None else f"{b['confidence']:.3f}",
            "–" if b["accuracy"] is None else f"{b['accuracy']:.3f} {_interval(b['interval'], 3)}",
        ]
        for b in result["calibration"]["bins"]
    ]
    return [
        "How often the most probable next character is right, by the probability that the model "
        f"gives it. Expected calibration error 期望校准误差: {_calibration_error(result)}.",
        table(["probability 概率", "characters 字", "mean 平均", "right 正确"], rows),
    ]


def _samples(result):
    rows = [[sample["user"], sample["assistant"] or "…"] for sample in result["samples"]]
    return [
        f"The first {len(rows)} of a seeded shuffle of held-out dialogues' first questions, "
        "unpicked, sampled as a chat does by default. 未经挑选。",
        table(["question 问题", "answer 回答"], rows),
    ]


def _recipe(result):
    versions = ", ".join(f"{name} {v}" for name, v in result["versions"].items())
    machine = result["machine"]
    rows = [
        ["command 命令", f"`{result['command']}`"],
        ["seed 种子", str(result["seed"])],
        ["machine 机器", f"{machine['cpu']}, cores 核 {machine['cores']}"],
        ["time 用时", clock(result["evaluation_seconds"])],
        ["memory 内存", f"{result['evaluation_memory_bytes'] / 1e9:.2f} GB"],
        ["versions 版本", versions],
    ]
    return [table(["what 项目", "value 数值"], rows)]


#: Heading, what the section needs, and what writes it.
SECTIONS = (
    ("The model 模型", (), _model),
    ("Training 训练", (), _training),
    ("Held-out text 留出文本", ("bits_per_character",), _held_out),
    ("Right answers 答题", ("answers",), _answers),
    ("Memory by turns 多轮记忆", ("memory",), _memory),
    ("Recall by distance 远距回忆", ("recall",), _recall),
    ("Repetition and variety 重复与多样", ("variety",), _variety),
    ("Copied text 照抄训练文本", ("memorised",), _memorised),
    ("Where the router sends what 路由的去向", ("router_weights",), _router),
    ("Calibration 校准", ("calibration",), _calibration),
    ("Samples 样例", ("samples",), _samples),
    ("How to measure it again 如何重测", (), _recipe),
)


def table(header, rows):
    """A Markdown table; nothing in a cell can break it."""

    def line(cells):
        return "| " + " | ".join(visible(cell).replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(header), "|" + " --- |" * len(header), *map(line, rows)])


def _counts(counts, words=str, heading="what 项目"):
    rows = [
        [words(name), f"{c['correct']:,} / {c['total']:,}", _percent(c)]
        for name, c in counts.items()
    ]
    return table([heading, "right 答对", "share 比例"], rows)


def _named_group(name):
    kind, _, group = name.partition(".")
    return f"· {named(group)}" if group else named(kind)


def _share(count):
    return f"{count['correct']:,} / {count['total']:,}, {_percent(count)}"


def _percent(count):
    low, high = count["interval"]
    return f"{count['correct'] / max(1, count['total']):.1%} [{low:.1%}, {high:.1%}]"


def _copied(found):
    low, high = found["interval"]
    return f"{found['share']:.1%} [{low:.1%}, {high:.1%}]"


def _bits(result, kind):
    value = result["bits_per_character"][kind]
    return f"{value:.3f} {_interval(result['bits_intervals'][kind], 3)}"


def _calibration_error(result):
    found = result["calibration"]
    return f"{found['error']:.3f} {_interval(found['interval'], 3)}"


def _interval(pair, digits=2):
    low, high = pair
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


def _sizes(result):
    return ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in result["bytes"].items())

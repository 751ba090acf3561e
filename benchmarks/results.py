"""What a suite found: the figures and their bars, as a table and as a JSON file."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mof_lab.files import write_atomically
from mof_lab.tables import table

FOLDER = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Bar:
    """What a figure should reach."""

    about: str
    chinese: str  # the same
    relation: str  # "≥", "≤" or "<"
    value: float
    unit: str = "×"

    @property
    def wanted(self):
        """Relation, value and unit in words."""
        return f"{self.relation} {self.value:g} {self.unit}"

    def holds(self, figure):
        """Does a figure reach it?"""
        if self.relation == "≥":
            return figure >= self.value
        return figure <= self.value if self.relation == "≤" else figure < self.value

    def verdict(self, figure):
        """Does a figure reach it? None where there is no figure."""
        return None if figure is None else self.holds(figure)


#: What `Bar.verdict` says, in English and Chinese.
VERDICTS = {
    True: ("reached", "达到"),
    False: ("missed", "未达到"),
    None: ("not measured", "未测"),
}


#: Suite → figure → bar. {preset} becomes the name of the preset that was measured.
BARS = {
    "train": {
        "{preset}_train_vs_published": Bar(
            "training speed over the published package's", "训练速度 ÷ 原版", "≥", 1.3
        ),
        "{preset}_train_of_matmul_rate": Bar(
            "training over the matrix-product rate", "训练的运算速度 ÷ 本机矩阵乘法", "≥", 0.80
        ),
        "{preset}_train_vs_pytorch_transformer": Bar(
            "training speed over a PyTorch transformer's of equal size",
            "训练速度 ÷ 同样大小的 PyTorch Transformer",
            "≥",
            0.85,
        ),
        "gru_vs_keras_small": Bar(
            "GRU 16×128, 256→512, over Keras's", "GRU 层 16×128、256→512 ÷ Keras", "≥", 2.3
        ),
        "gru_vs_keras_large": Bar(
            "GRU 32×256, 512→1400, over Keras's", "GRU 层 32×256、512→1400 ÷ Keras", "≥", 2.3
        ),
        "gru_vs_pytorch_small": Bar(
            "GRU 16×128, 256→512, over PyTorch's", "GRU 层 16×128、256→512 ÷ PyTorch", "≥", 1.1
        ),
    },
    "decode": {
        "{preset}_answer_fp32_vs_published": Bar(
            "answering over the published, fp32", "回答速度 ÷ 原版（fp32）", "≥", 35
        ),
        "{preset}_answer_int8_vs_published": Bar(
            "answering over the published, int8", "回答速度 ÷ 原版（int8）", "≥", 120
        ),
        "answer_cost_2000_over_20": Bar(
            "cost at position 2,000 over position 20", "第 2,000 个字的耗时 ÷ 第 20 个字", "≤", 1.05
        ),
        "start_to_first_character_s": Bar(
            "start to the first answered character", "从启动到回答第一个字", "<", 3, "s"
        ),
    },
    "context": {
        "train_cost_2048_over_128": Bar(
            "training cost, window 2,048 over 128", "每字训练耗时：窗口 2,048 ÷ 128", "≤", 1.15
        ),
    },
    "memory": {
        "{preset}_train_peak_gb": Bar(
            "peak of training, 2,048 tokens a step",
            "训练的内存峰值（每步 2,048 字）",
            "<",
            2.5,
            "GB",
        ),
        "small_train_peak_gb": Bar(
            "peak of training small", "训练 small 的内存峰值", "<", 1.2, "GB"
        ),
        "chat_peak_gb": Bar(
            "peak of a chat with the int8 model of small",
            "用 small 的 int8 模型聊天的内存峰值",
            "<",
            0.2,
            "GB",
        ),
    },
    "quality": {},
}


@dataclass
class Result:
    """What one suite found.

    `figures` has a value, or None, for each of the suite's bars; `notes` say why one is missing.
    """

    suite: str
    preset: str
    default_preset: str  # the one that the bars are for
    header: tuple  # of the table of what was measured
    rows: list = field(default_factory=list)  # of strings
    figures: dict = field(default_factory=dict)
    bounds: dict = field(default_factory=dict)  # figure → what bounds it, where that was measured
    measured: dict = field(default_factory=dict)  # every single measurement, for the file
    notes: list = field(default_factory=list)

    @property
    def bars(self):
        """Figure → `Bar`, by the figures' own names."""
        bars = BARS[self.suite].items()
        return {name.format(preset=self.preset): bar for name, bar in bars}

    def set(self, figure, value):
        """Sets a figure, named as in `BARS`."""
        self.figures[figure.format(preset=self.preset)] = value

    def bound(self, figure, value):
        """Sets what a figure could reach at most here, or nothing where it was not measured."""
        if value is not None:
            self.bounds[figure.format(preset=self.preset)] = value

    def __str__(self):
        parts = [table(self.header, self.rows)] if self.rows else []
        if self.bars:
            parts.append(table(("figure", "found", "bound", "wanted", ""), self._judged()))
        return "\n\n".join(parts + self.notes)

    def _judged(self):
        for name, bar in self.bars.items():
            value = self.figures.get(name)
            found = "–" if value is None else f"{value:.3g} {bar.unit}"
            bound = self.bounds.get(name)
            bound = "" if bound is None else f"{bound:.3g} {bar.unit}"
            if self.preset != self.default_preset:
                yield bar.about, found, bound, "", ""
                continue
            yield bar.about, found, bound, bar.wanted, VERDICTS[bar.verdict(value)][0]

    def save(self, machine, seconds, folder=FOLDER):
        """Writes `SUITE.json`, or `SUITE-PRESET.json` of another preset; returns its path."""
        name = self.suite if self.preset == self.default_preset else f"{self.suite}-{self.preset}"
        path = Path(folder) / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "suite": self.suite,
            "preset": self.preset,
            "figures": {name: _rounded(self.figures.get(name)) for name in self.bars},
            "bounds": {name: _rounded(value) for name, value in self.bounds.items()},
            "table": {"header": self.header, "rows": self.rows},
            "measured": self.measured,
            "notes": self.notes,
            "machine": machine,
            "seconds": round(seconds),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        text = json.dumps(content, ensure_ascii=False, indent=1)
        write_atomically(path, (text + "\n").encode("utf-8"))
        return path


def _rounded(value):
    """Four digits are more than a run gives."""
    return None if value is None else float(f"{value:.4g}")

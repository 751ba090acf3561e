"""Draws each view on its own from the model that ships, and lists them in the gallery.

    python tools/view_pictures.py    # docs/images/views/*.svg, and its part of docs/gallery.md

Everything is computed anew from `tiny`: what it reads and says, its text, its report and recording.
Only the roofline was measured, on the machine where notebook 08 ran, and is taken from there.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import nbformat
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from mof_lab import checkpoint, corpus, preset, shipped, views  # noqa: E402
from mof_lab.errors import LabError  # noqa: E402
from mof_lab.files import write_atomically  # noqa: E402
from mof_lab.inspection import trace, trace_dialogue  # noqa: E402
from mof_lab.notebook import recall  # noqa: E402
from mof_lab.off import Off  # noqa: E402
from mof_lab.packing import pack  # noqa: E402
from mof_lab.recording import Recording  # noqa: E402
from mof_lab.training_views import course  # noqa: E402
from mof_lab.view import View  # noqa: E402

IMAGES, GALLERY = ROOT / "docs" / "images" / "views", ROOT / "docs" / "gallery.md"
MEASURED = ROOT / "notebooks" / "08_speed.ipynb"
BEGIN, END = "<!-- views -->\n", "<!-- end of views -->\n"
NAME = "tiny"
TOLD = [("user", "我叫小明"), ("assistant", "你好，小明！")]
TALK = [*TOLD, ("user", "我叫什么名字？"), ("assistant", "你叫小明。")]
STRANGE = "小明在河边看见一只翡翠色的蜻蜓，它停在芦苇上。"
WINDOWS = 6

#: View → what it shows, in English and Chinese.
VIEWS = {
    "routing": ("How much each expert is trusted", "对每位专家的信任"),
    "surprisal": ("What the model did not expect", "模型没料到的字"),
    "thought": ("Where the thought space moves the stream", "思维空间在哪里起作用"),
    "gates": ("What the GRU keeps and forgets", "GRU 记住和忘掉什么"),
    "attention": ("Who looks at whom in one head", "一个注意力头里谁看谁"),
    "attention_grid": ("All heads of all blocks", "各层的所有注意力头"),
    "reading_view": (
        "All of it on one axis, with the row of attention of the last character",
        "合在一条轴上，附最后一个字的一行注意力",
    ),
    "next_characters": (
        "What comes next, with all on and with an expert off",
        "下一个字：全开，或关掉一位专家",
    ),
    "context_test": ("Is what was told still used, and by whom?", "说过的事谁还记得？"),
    "loss_mask": ("Which characters of a dialogue are learnt", "对话里学哪些字"),
    "packing": ("Documents packed into windows", "打包成窗口的文档"),
    "frequency": ("How often characters occur, and what is covered", "字频与覆盖"),
    "known": ("What of a text is known", "一段文字里认识哪些字"),
    "bars": ("Held-out bits a character by kind of text", "各类留出文本的每字比特"),
    "shares": ("Mean router weights by kind of text", "各类文本的平均路由权重"),
    "curves": ("A training, in training and held-out text", "一次训练的曲线"),
    "roofline": (
        "What operations reach of what the machine allows, as measured in notebook 08",
        "各运算达到本机上限的多少，在笔记本 08 中实测",
    ),
}


def draw():
    """View → its picture, a `views.View`."""
    model, vocabulary, _ = checkpoint.load(shipped(NAME))
    seen = trace_dialogue(model, vocabulary, TALK)
    return {
        **of_a_reading(seen),
        **of_the_model(model, vocabulary, seen),
        **of_the_text(vocabulary),
        **of_the_training(),
        "roofline": measured(),
    }


def of_a_reading(seen):
    last = len(seen.symbols) - 1
    return {
        "routing": views.routing(seen.symbols, seen.router_weights, seen.experts),
        "surprisal": views.surprisal(seen.symbols, seen.surprisal),
        "thought": views.thought(seen.symbols, seen.thought),
        "gates": views.gates(seen.symbols, seen.update, seen.reset),
        "attention": views.attention(seen.symbols, seen.attention[-1, -1]),
        "attention_grid": views.attention_grid(seen.symbols, seen.attention),
        "reading_view": views.reading_view(seen, (len(seen.thought) - 1, 0, last)),
    }


def of_the_model(model, vocabulary, seen):
    answers = [i for i, symbol in enumerate(seen.symbols) if symbol == "⟨assistant⟩"]
    asked = seen.ids[: answers[-1] + 3]  # 你叫, and then?

    def chances(off):
        logits = trace(model, vocabulary, asked, off).logits[-1]
        powers = np.exp(logits - logits.max())
        return powers / powers.sum()

    ways = {"all on 全开": Off()} | {f"without 无 {e}": Off(experts={e}) for e in seen.experts}
    found = np.stack([chances(off) for off in ways.values()])  # (ways, vocabulary)
    likeliest = np.argsort(-found.max(axis=0))[:6]
    saved = {
        expert or "mixture 混合": [
            (between, other - told)
            for between, told, other in recall(model, vocabulary, expert, "colour")
        ]
        for expert in (None, *seen.experts)
    }
    guesses = [(vocabulary.symbol(i), found[:, i]) for i in likeliest]
    return {
        "next_characters": views.next_characters(list(ways), guesses),
        "context_test": views.context_test(saved),
    }


def of_the_text(vocabulary):
    made = preset(NAME)
    rows = corpus.project(made).train
    counts = Counter(character for text in corpus.texts(rows) for character in text)
    talks = [row for row in rows if row["kind"] == "knowledge"]
    packed = pack(talks[: 40 * WINDOWS], vocabulary, made.window)
    tokens, roles = packed.tokens[:WINDOWS], packed.roles[:WINDOWS]
    return {
        "loss_mask": views.loss_mask([vocabulary.symbol(i) for i in tokens[0]], roles[0]),
        "packing": views.packing(tokens, roles),
        "frequency": views.frequency(counts, size=1000),
        "known": views.known(STRANGE, vocabulary),
    }


def of_the_training():
    report = json.loads((shipped(NAME) / "report.json").read_text(encoding="utf-8"))
    bits, weights = report["bits_per_character"], report["router_weights"]
    recording = Recording.load(shipped(NAME) / "recordings" / "gru.json")
    title = "Held-out bits per character 留出文本每字比特"
    return {
        "bars": views.bars(list(bits), list(bits.values()), title),
        "shares": views.shares(list(weights), list(weights.values()), report["experts"]),
        "curves": course(recording),
    }


def measured():
    """The roofline of notebook 08."""
    for cell in nbformat.read(MEASURED, as_version=4).cells:
        if cell.cell_type == "code" and "views.roofline(" in cell.source:
            for output in cell.outputs:
                if "image/svg+xml" in output.get("data", {}):
                    data = output.data
                    return View("".join(data["image/svg+xml"]), "".join(data["text/plain"]))
    raise LabError(f"{MEASURED.name} has no roofline; execute it: tools/execute_notebooks.py 08")


def page():
    """The part of docs/gallery.md that lists them."""
    parts = [
        f"### `{name}`\n\n{english}.\n{chinese}。\n\n![{english}](images/views/{name}.svg)\n"
        for name, (english, chinese) in VIEWS.items()
    ]
    return "\n".join(parts)


def with_page(text):
    """The gallery's text with the views between its marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{page()}\n{END}{after}"


def main():
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, view in draw().items():
        write_atomically(IMAGES / f"{name}.svg", view.svg.encode("utf-8"))
        print(f"{name:<16}{len(view.svg):>8,} bytes")
    text = with_page(GALLERY.read_text(encoding="utf-8"))
    write_atomically(GALLERY, text.encode("utf-8"))


if __name__ == "__main__":
    main()

"""What a text can teach, and when it is too small: numbers, and a sentence for each warning.

    appraisal = appraise(run, text, speed, minutes)
    print(appraisal)

No number here is a rule of thumb. What the text teaches is asked of two predictors that count, and
take a second (`counting`); how sure that is, of the held-out text itself; how often the text will
be read, of this machine.
"""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from .corpus import texts
from .counting import Counts
from .errors import LabError
from .intervals import bootstrap, ratio
from .language import beside
from .packing import Windows, sample
from .progress import LOOKS, duration
from .tables import table
from .views import bars
from .vocabulary import UNKNOWN

#: Windows of each kind that a text is judged on.
JUDGED = 256
#: Characters that count as one observation: those of a sentence belong together.
BLOCK = 32
#: Observations that it takes at least to say how far they are apart.
LEAST = 3 * BLOCK

#: What an appraisal says, in both languages; also the words of the upload widget.
SAID = {
    "same": (
        "There is one document only, so nothing is held out: the model is judged on what it "
        "learns from. Part the text by empty lines, or give more than 1,000 characters.",
        "整个文本只有一篇文档，没有可留出的：学什么就考什么，分数不可信。"
        "请用空行把文本分成几篇，或提供 1,000 字以上。",
    ),
    "little": (
        "Too small to judge: of {held_out} characters held out {judged} are known, and to say how "
        "sure a figure is takes {least}. Give more text.",
        "文本太小，没法评判：留出 {held_out} 字，认识的只有 {judged} 个，而要算出误差，至少要 "
        "{least} 个。请多给些文本。",
    ),
    "useless": (
        "Too small: on {judged} characters held out, counting pairs ({pairs} bits) predicts no "
        "better than counting characters ({single} bits). From so little text a model learns only "
        "by heart.",
        "文本太小：在留出的 {judged} 字上，数双字（{pairs} 比特）并不比数单字（{single} 比特）"
        "猜得准。这么少的文本，模型只会死记硬背。",
    ),
    "few": (
        "Too small to judge: on {judged} characters held out, knowing the character before saves "
        "{gain} bits, give or take {margin}. To be sure of as much takes about {times} times the "
        "text.",
        "文本太小，测不准：在留出的 {judged} 字上，知道前一个字能省 {gain} 比特，误差却有 "
        "±{margin}。要测准它，文本约需现在的 {times} 倍。",
    ),
    "rare": (
        "Of new text {unknown} will be ▩: one character or more in every window of {window}. "
        "{once} of the {distinct} different characters occur once.",
        "遇到新文本，有 {unknown} 的字会变成 ▩：每个 {window} 字的窗口里至少一个。"
        "{distinct} 个不同的字里，{once} 只出现一次。",
    ),
    "again": (
        "In {minutes} min the text is read {passes} times, {between} times between two looks at "
        "the held-out text: expect it to be learnt by heart. In {enough} it is read {looks} times.",
        "{minutes} 分钟会把文本读 {passes} 遍，两次查看留出文本之间就读 {between} 遍：很可能"
        "死记硬背。{enough} 就能读 {looks} 遍。",
    ),
    "long": (
        "In {minutes} min only {share} of the text is read; once through takes {once_through}: "
        "give more minutes, or a part of the text.",
        "{minutes} 分钟只读得完文本的 {share}；读一遍要 {once_through}：请加长时间，或只用一部分"
        "文本。",
    ),
    "fine": (
        "No warning: the text is large enough to learn from and to judge on.",
        "没有警告：文本够学，也够测。",
    ),
}
#: The numbers of an appraisal.
FACTS = {
    "documents": ("documents (with dialogues)", "文档（其中对话）"),
    "characters": ("characters to learn from", "用来学的字数"),
    "held_out": ("characters held out", "留出的字数"),
    "distinct": ("different characters", "不同的字"),
    "once": ("of these, seen once", "其中只出现一次"),
    "unknown": ("of the held-out text unknown, ▩", "留出文本中不认识的字（▩）"),
    "windows": ("windows", "窗口"),
    "speed": ("characters a second, here", "本机每秒学的字数"),
    "passes": ("times read in the minutes given", "给定时间内读几遍"),
    "guess": ("bits a character: guessing", "每字比特：瞎猜"),
    "single": ("bits: counting characters", "比特：数单字"),
    "half": ("bits: counting pairs in half the text", "比特：只在一半文本里数双字"),
    "pairs": ("bits: counting pairs in all of it", "比特：在全部文本里数双字"),
}
#: What counting does, on a bar of a picture.
BARS = {
    "guess": ("guessing", "瞎猜"),
    "single": ("characters", "数单字"),
    "half": ("pairs, half", "一半文本数双字"),
    "pairs": ("pairs", "数双字"),
}


@dataclass(frozen=True)
class Appraisal:
    """What a text can teach; see `FACTS`.

    Bits are a character, on held-out text: of the characters that the model has to write itself
    those that it knows. How many it does not is `unknown`.
    """

    documents: int
    dialogues: int
    characters: int
    held_out: int
    distinct: int  # in the part to learn from
    once: int  # of these
    unknown: float  # share of the held-out characters
    windows: int
    window: int  # characters of one
    guess: float  # bits
    single: float
    half: float
    pairs: float
    gain: tuple  # 95 % interval of single - pairs
    same: bool  # is it judged on what it learns from?
    speed: float  # characters a second
    minutes: float
    judged: int  # held-out characters that the bits are of, marks such as ⟨end⟩ too

    @property
    def passes(self):
        """How many times the minutes read the text."""
        return 60 * self.minutes / self.pass_seconds

    @property
    def pass_seconds(self):
        """How long reading it once takes."""
        return self.windows * self.window / self.speed

    @property
    def warnings(self):
        """[(key of `SAID`, what fills its gaps), …]; empty where there is nothing to say."""
        return [(key, self._values()) for key, there in self._found() if there]

    @property
    def said(self):
        """`warnings`; where there are none, that there are none."""
        return self.warnings or [("fine", {})]

    def _found(self):
        gain, margin = self.single - self.pairs, self._margin
        yield "same", self.same
        sure = not self.same and margin < math.inf
        yield "little", not self.same and not sure
        yield "useless", sure and gain <= 0
        yield "few", sure and 0 < gain <= margin
        yield "rare", self.unknown * self.window >= 1
        yield "again", self.passes > LOOKS  # where the curve turns could no longer be seen
        yield "long", self.passes < 1

    @property
    def _margin(self):
        low, high = self.gain
        return (high - low) / 2

    def _values(self):
        gain, margin = self.single - self.pairs, self._margin
        times = math.ceil((margin / gain) ** 2) if gain > 0 and margin < math.inf else 2
        return {
            "held_out": f"{self.held_out:,}",
            "judged": f"{self.judged:,}",
            "least": f"{LEAST}",
            "pairs": f"{self.pairs:.2f}",
            "single": f"{self.single:.2f}",
            "gain": f"{gain:.2f}",
            "margin": f"{margin:.2f}",
            "times": f"{max(2, times)}",
            "unknown": f"{self.unknown:.1%}",
            "window": f"{self.window}",
            "once": f"{self.once / max(1, self.distinct):.0%}",
            "distinct": f"{self.distinct:,}",
            "minutes": f"{self.minutes:g}",
            "passes": _short(self.passes),
            "between": _short(self.passes / LOOKS),
            "enough": duration(LOOKS * self.pass_seconds),
            "looks": f"{LOOKS}",
            "share": f"{self.passes:.0%}",
            "once_through": duration(self.pass_seconds),
        }

    @property
    def facts(self):
        """[(key of `FACTS`, its number in words), …]."""
        shown = {
            "documents": f"{self.documents:,} ({self.dialogues:,})",
            "once": f"{self.once:,} ({self.once / max(1, self.distinct):.0%})",
            "unknown": f"{self.unknown:.2%}",
            "windows": f"{self.windows:,} × {self.window}",
            "speed": f"{self.speed:,.0f}",
            "passes": f"{_short(self.passes)} ({self.minutes:g} min)",
        }
        for key in ("characters", "held_out", "distinct"):
            shown[key] = f"{getattr(self, key):,}"
        for key in ("guess", "single", "half", "pairs"):
            shown[key] = f"{getattr(self, key):.2f}"
        return [(key, shown[key]) for key in FACTS]

    def sentences(self):
        """The warnings in the language of the interface; one sentence where there are none."""
        return [beside(*(text.format(**values) for text in SAID[key])) for key, values in self.said]

    def table(self):
        """The numbers as a `tables.Table`."""
        return table(["", ""], [[beside(*FACTS[key]), shown] for key, shown in self.facts])

    def __str__(self):
        return "\n".join([str(self.table()), "", *self.sentences()])

    def picture(self, more=None):
        """A `views.View` of the bits, and of `more` of them: name → bits."""
        given = {beside(*names): getattr(self, key) for key, names in BARS.items()}
        given |= more or {}
        return bars(
            list(given),
            list(given.values()),
            beside("Held-out bits per character", "留出每字比特"),
            beside("The less, the better it is predicted.", "越小，猜得越准。"),
            notes=[f"{bits:.2f}" for bits in given.values()],
        )


def judged(run):
    """kind → `Windows`: what is held out, or a sample of it, always the same."""
    return sample(run.windows("held_out"), JUDGED)


def known(windows):
    """Which characters are judged, (windows, window): those to write that have an id."""
    return windows.answers & (np.asarray(windows.tokens[:, 1:]) != UNKNOWN)


def appraise(run, text, speed, minutes):
    """The `Appraisal` of a text.

    Args:
        run: a `pipeline.Run` of it, and `text`, its `corpus.Corpus`.
        speed: characters a second that training takes in.
    """
    size, train = len(run.vocabulary), run.windows("train")
    before, targets, unknown = _pairs(judged(run))
    counts = Counts.of(train, size)
    halves = {k: Windows(w.tokens[::2], w.roles[::2]) for k, w in train.items()}
    half = Counts.of(halves, size).pairs(before, targets)
    single, pairs = counts.single(targets), counts.pairs(before, targets)
    seen = Counter()
    for part in texts(text.train):
        seen.update(part)
    rows = (*text.train, *text.held_out)
    return Appraisal(
        documents=len(rows),
        dialogues=sum(bool(row["messages"]) for row in rows),
        characters=sum(seen.values()),
        held_out=sum(map(len, texts(text.held_out))),
        distinct=len(seen),
        once=sum(times == 1 for times in seen.values()),
        unknown=unknown,
        windows=sum(map(len, train.values())),
        window=run.preset.window,
        guess=math.log2(size),
        single=_bits(single),
        half=_bits(half),
        pairs=_bits(pairs),
        gain=_interval(single - pairs),
        same=text.train == text.held_out,
        speed=float(speed),
        minutes=float(minutes),
        judged=len(targets),
    )


def _pairs(packs):
    """The ids before, (characters,), the judged ids, (characters,), the share of unknown ones."""
    before, targets, there = [], [], 0
    for windows in packs.values():
        chosen = known(windows)
        before.append(windows.tokens[:, :-1][chosen])
        targets.append(windows.tokens[:, 1:][chosen])
        there += np.sum(windows.answers)
    before, targets = (np.concatenate(part).astype(np.int64) for part in (before, targets))
    if not len(targets):
        raise LabError(
            "Of what is held out of this text the model would know no character, or have none to "
            "write itself; give more text, of dialogues more answers."
        )
    return before, targets, float(1 - len(targets) / there)


def _bits(nats):
    return float(nats.mean() / math.log(2))


def _interval(nats):
    """95 % of the mean, in bits, over blocks; without end where there are too few to say."""
    if len(nats) < LEAST:
        return -math.inf, math.inf
    blocks = np.split(nats / math.log(2), range(BLOCK, len(nats), BLOCK))
    sums = np.array([(block.sum(), len(block)) for block in blocks])
    low, high = bootstrap([sums], ratio, seed=1)
    return low, high


def _short(number):
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"

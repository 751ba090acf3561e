"""The look inside as a widget: one axis of characters for everything, switches, a context test.

from mof_lab.widgets import Explorer
Explorer(shipped("tiny"), "法国的首都是哪里？")      # or Explorer((model, vocabulary), …)
"""

import base64
import threading

import numpy as np
import traitlets

from .. import views
from ..drawing import png
from ..errors import LabError
from ..heat_maps import mean_distance
from ..language import beside
from ..off import NOTHING, Off
from ..reading import lanes, layout
from . import texts
from .base import HERE, Panel, mended, pair, script
from .base import STYLE as COMMON_STYLE
from .prompt import encode_prompt
from .texts_explorer import EXPLORER

GUESSES = 5
ALL_ON = {"heads": [], "thoughts": [], "experts": []}


class Explorer(Panel):
    """Reads one prompt or two and shows what happens inside the model at each character.

    Args:
        source: the folder of a checkpoint, or a pair (model, vocabulary) of a `MoF`.
        prompt, other: lines are turns, the user's first; `other` = a prompt to compare with.
    """

    _esm = script("explorer.js")
    _css = COMMON_STYLE + (HERE / "explorer.css").read_text(encoding="utf-8")
    words = texts.texts(texts.COMMON, EXPLORER)
    about = "Inside 模型内部: run this cell to look inside 运行本单元格即可查看"

    parts = traitlets.Dict().tag(sync=True)  # {"experts": names, "blocks", "heads", "topics"}
    prompts = traitlets.List(["", ""]).tag(sync=True)
    readings = traitlets.List().tag(sync=True)  # see `_packed`
    off = traitlets.Dict(ALL_ON).tag(sync=True)  # see `off.Off`
    head = traitlets.List([0, 0]).tag(sync=True)  # (block, head) whose attention is shown
    attention = traitlets.List().tag(sync=True)  # of all heads, a reading each: see `_packed_heads`
    # of {"block", "head", "back": a reading each, "png": a reading each}
    heads = traitlets.List().tag(sync=True)
    whole_heads = traitlets.List().tag(sync=True)  # [SVG, text] of that head a reading
    locked = traitlets.List().tag(sync=True)  # a position or None a reading
    context = traitlets.List().tag(sync=True)  # [SVG, text] or []

    def __init__(self, source, prompt="", other=""):
        if isinstance(source, tuple):
            self.model, self.vocabulary = source
        else:
            from ..checkpoint import load  # TensorFlow is slow to import

            self.model, self.vocabulary, _ = load(source)
        from ..notebook import TOPICS  # TensorFlow again

        config = self.model.config
        has_blocks = "transformer" in config.experts
        super().__init__(
            parts={
                "experts": list(config.experts),
                "blocks": config.num_layers if has_blocks else 0,
                "heads": config.num_heads if has_blocks else 0,
                "topics": list(TOPICS),
            }
        )
        self._now, self._whole = [], []  # traces with the parts off, and with everything on
        self._tested = {}  # of the context test: expert, None = all → points
        self._drawing = threading.RLock()  # a job publishes, a page asks for another language
        self.prompts = mended([prompt, other])  # there to be read also if its job is refused
        if prompt:
            self.read(prompt, other)

    # ---- from a cell ----

    def read(self, prompt, other=""):
        """Reads a prompt, and another to compare with; returns the job, None if refused.

        What was asked for before from a cell is done first.
        """
        self.settle()
        return self._read(*mended([prompt, other]))

    def _read(self, prompt, other):
        given = [text for text in (prompt, other) if text.strip()] or [prompt]
        ids = [encode_prompt(text, self.vocabulary) for text in given]
        return self._start(ids, self._off(self.off), [prompt, other])

    def switch_off(self, heads=(), thoughts=(), experts=()):
        """Reads again with these parts off, see `off.Off`; returns the job, None if refused."""
        self.settle()
        return self._switch_off(Off(heads, thoughts, experts))

    def _switch_off(self, off):
        if not self._now:
            raise LabError("Nothing was read yet; read a prompt first.")
        return self._start([trace.ids for trace in self._whole], off, self.prompts)

    def look(self, block, head):
        """Shows the attention of another head."""
        if not (0 <= block < self.parts["blocks"] and 0 <= head < self.parts["heads"]):
            raise LabError(f"The model has no head {head} in block {block}.")
        with self._drawing:
            self.head = [block, head]
            self._show_head()

    def lock(self, position, reading=0):
        """Keeps a character of a reading (0 or 1) in view; None = lets it go."""
        with self._drawing:
            if not 0 <= reading < len(self._now):
                raise LabError(f"There is no reading {reading}; there are {len(self._now)}.")
            time = len(self._now[reading].symbols)
            if position is not None and not 0 <= position < time:
                raise LabError(f"There is no character {position}; the reading has {time}.")
            self.locked = [position if i == reading else p for i, p in enumerate(self.locked)]

    def test_context(self, topic="colour"):
        """How much a fact helps from how many characters back, and which expert.

        Args:
            topic: one of `notebook.TOPICS`.

        Returns:
            the job; None if it was refused.
        """
        self.settle()
        return self._test(topic)

    def _test(self, topic):
        if topic not in self.parts["topics"]:
            raise LabError(f"There is no topic {topic!r}; there are {self.parts['topics']}.")

        def work(job):
            series = {}
            for expert in (None, *self.parts["experts"]):
                self.tell("testing", name=_named(expert))
                series[expert] = []
                for point in self._gained(expert, topic):
                    series[expert].append(point)
                    if not job.go_on():
                        return self.tell("stopped")
            with self._drawing:
                self._tested = series
                self._show_tested()
            self.tell("tested")

        return self.run(work)

    def redraw(self):
        with self._drawing:
            both = zip(self.readings, self._now, strict=True)
            self.readings = [{**reading, **_drawn(trace)} for reading, trace in both]
            self._show_head()
            self._show_tested()
        self.keep()

    def picture(self):
        with self._drawing:
            return self._picture()

    def _picture(self):
        shown = []
        for number, trace in enumerate(self._now):
            looks = (*self.head, self._at(number)) if self.parts["blocks"] else None
            title = f"{beside('Reading', '阅读')} {number + 1}"
            shown.append(views.reading_view(trace, looks, title))
            names, guesses = self._guesses(number, self._at(number))
            shown.append(views.next_characters(names, guesses))
        if self._tested:
            shown.append(self._curves())
        return views.stacked(shown) if shown else None

    # ---- from the browser ----

    def on_read(self, content):
        self._read(*map(str, content["prompts"][:2]))

    def on_off(self, content):
        self._switch_off(self._off(content["off"]))

    def on_head(self, content):
        self.look(int(content["block"]), int(content["head"]))
        self.keep()

    def on_lock(self, content):
        position = content["position"]
        self.lock(None if position is None else int(position), int(content["reading"]))
        self.keep()

    def on_test(self, content):
        self._test(str(content["topic"]))

    # ---- how it works ----

    def _off(self, off):
        return Off({tuple(pair) for pair in off["heads"]}, off["thoughts"], off["experts"])

    def _start(self, ids, off, prompts):
        off.checked(self.model.config)

        def work(job):
            self.tell("reading")
            kept = [t.ids for t in self._whole]
            same = len(kept) == len(ids) and all(
                np.array_equal(a, b) for a, b in zip(kept, ids, strict=True)
            )
            whole = self._whole if same else [self._trace(one, NOTHING) for one in ids]
            now = [self._trace(one, off) for one in ids] if off else whole
            if not job.go_on():
                return self.tell("stopped")
            with self._drawing:
                self._whole, self._now = whole, now
                self.prompts = list(prompts)
                self.off = {
                    "heads": [list(pair) for pair in sorted(off.heads)],
                    "thoughts": sorted(off.thoughts),
                    "experts": sorted(off.experts),
                }
                self._publish(same, off)

        return self.run(work)

    def _trace(self, ids, off):
        from ..inspection import trace  # TensorFlow is slow to import

        return trace(self.model, self.vocabulary, ids, off)

    def _publish(self, same, off):
        self.locked = self.locked if same else [None] * len(self._now)
        self.readings = [self._packed(i) for i in range(len(self._now))]
        self._show_heads()
        self._show_head()
        if not off:
            self.tell("done")
            return
        means = [np.nanmean(t[0].surprisal) for t in (self._whole, self._now)]
        count = sum(map(len, self.off.values()))
        self.tell("without", count=count, before=f"{means[0]:.2f}", after=f"{means[1]:.2f}")

    def _at(self, number):
        """The position to look at in a reading: the locked one, else the last."""
        last = len(self._now[number].symbols) - 1
        position = self.locked[number] if number < len(self.locked) else None
        return last if position is None else min(position, last)

    def _packed(self, number):
        """A reading as JSON values."""
        trace = self._now[number]
        time = range(len(trace.symbols))
        bits = [None if np.isnan(b) else round(float(b), 3) for b in trace.surprisal]
        return {
            "symbols": list(trace.symbols),
            **_drawn(trace),
            "layout": layout(trace),
            "lanes": [[key.split()[0], top, height] for key, _, top, height in lanes(trace)],
            "weights": np.round(trace.router_weights, 4).tolist(),
            "bits": bits,
            "update": np.round(trace.update.mean(axis=1), 3).tolist() if trace.update.size else [],
            "reset": np.round(trace.reset.mean(axis=1), 3).tolist() if trace.reset.size else [],
            "thought": np.round(trace.thought.T, 4).tolist(),
            "next": [
                [[s, *(round(p, 5) for p in ps)] for s, ps in self._guesses(number, t)[1]]
                for t in time
            ],
            "alone": [[self._best(logits[t]) for logits in trace.expert_logits] for t in time],
        }

    def _guesses(self, number, position):
        """Names of the ways, and the likeliest next characters with a probability each way."""
        ways = [self._whole[number]]
        if self._now[number] is not self._whole[number]:
            ways.append(self._now[number])
        chances = np.stack([_softmax(trace.logits[position]) for trace in ways])
        likeliest = np.argsort(-chances.max(axis=0), kind="stable")[:GUESSES]
        guesses = [(self.vocabulary.symbol(i), tuple(map(float, chances[:, i]))) for i in likeliest]
        return [beside("all on", "全开"), beside("now", "现在")][: len(ways)], guesses

    def _best(self, logits):
        chances = _softmax(logits)
        best = np.argsort(-chances, kind="stable")[:3]
        return [[self.vocabulary.symbol(i), round(float(chances[i]), 4)] for i in best]

    def _show_head(self):
        if self.parts["blocks"] and self._now:
            self.whole_heads = [
                pair(views.attention(trace.symbols, trace.attention[*self.head]))
                for trace in self._now
            ]

    def _show_tested(self):
        self.context = pair(self._curves()) if self._tested else []

    def _curves(self):
        return views.context_test({_named(e): points for e, points in self._tested.items()})

    def _show_heads(self):
        if not self.parts["blocks"]:
            return
        # All at once, so that a head that is pointed at needs no kernel.
        self.attention = [_packed_heads(trace.attention) for trace in self._now]
        back = [mean_distance(trace.attention) for trace in self._now]
        self.heads = [
            {
                "block": b,
                "head": h,
                "back": [round(float(one[b, h]), 1) for one in back],
                "png": [_picture(trace.attention[b, h]) for trace in self._now],
            }
            for b in range(self.parts["blocks"])
            for h in range(self.parts["heads"])
        ]

    def _gained(self, expert, topic):
        """Of (characters back, bits a character that having been told it saves), one by one."""
        from ..notebook import recalling

        for between, told, other in recalling(self.model, self.vocabulary, expert, topic):
            yield between, other - told


def _drawn(trace):
    """What of a packed reading is in a language."""
    view = views.reading_view(trace)
    return {"svg": view.svg, "text": view.text}


def _named(expert):
    return expert or beside("mixture", "混合")


def _packed_heads(weights):
    """The roots of (blocks, heads, time, time) weights, of which 65535 is 1, as little-endian."""
    return np.round(np.sqrt(np.clip(weights, 0, 1)) * 65535).astype("<u2").tobytes()


def _picture(weights):
    return base64.b64encode(png(np.sqrt(weights))).decode("ascii")


def _softmax(logits):
    chances = np.exp(np.asarray(logits, float) - np.max(logits))
    return chances / chances.sum()

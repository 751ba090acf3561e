"""A vocabulary to choose: how many characters it keeps, what that covers, what it knows of a text.

from mof_lab.widgets import VocabularyPanel
VocabularyPanel(counts, size=1000, text="龘飞过山谷")      # counts: character → times
"""

import numpy as np
import traitlets

from .. import views
from ..errors import LabError
from ..vocabulary import UNKNOWN_CHARACTER, Vocabulary
from . import texts
from .base import HERE, STYLE, Panel, mended, pair, script
from .texts_vocabulary import VOCABULARY

CHOICES = 160  # places of the slider
MOST_TEXT = 360  # characters of a text: ten lines of the picture


class VocabularyPanel(Panel):
    """The frequency curve with a slider on it, and a text coloured by what is known.

    Args:
        counts: character → times, e.g. a `Counter`.
        size: characters to keep, to begin with; the nearest place of the slider is taken.
        text: what to look at, to begin with.
    """

    _esm = script("vocabulary.js")
    _css = STYLE + (HERE / "vocabulary.css").read_text(encoding="utf-8")
    words = texts.texts(texts.COMMON, VOCABULARY)
    aside = (*Panel.aside, "keep")  # it follows every change by itself
    about = "Vocabulary 词表: run this cell to try sizes 运行本单元格即可试不同大小"

    choices = traitlets.List().tag(sync=True)  # of [characters kept, share of the text covered]
    choice = traitlets.Int().tag(sync=True)  # which of them
    text = traitlets.Unicode().tag(sync=True)
    curve = traitlets.List().tag(sync=True)  # [SVG, text table]; so is `known`, or []
    known = traitlets.List().tag(sync=True)

    def __init__(self, counts, size=1000, text=""):
        self._counts = {c: n for c, n in counts.items() if n > 0 and c != UNKNOWN_CHARACTER}
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        if len(ranked) < 2:
            raise LabError(
                f"There are counts of {len(ranked)} characters; give those of a longer text."
            )
        super().__init__()
        self._ranked = "".join(character for character, _ in ranked)
        covered = np.cumsum([times for _, times in ranked])
        sizes = sorted({round(n) for n in np.geomspace(2, len(ranked), CHOICES)})
        # Not rounded: page and picture would round what was rounded, and each its own way.
        self.choices = [[n, float(covered[n - 1] / covered[-1])] for n in sizes]
        self.tell("ready")
        self.keep_characters(size)
        self.read(text)

    # ---- from a cell ----

    def keep_characters(self, size):
        """Moves the slider to the nearest of its places."""
        if not size >= 1:
            raise LabError(f"size is {size}; a vocabulary keeps at least one character.")
        self._choose(min(range(len(self.choices)), key=lambda i: abs(self.choices[i][0] - size)))
        self._draw_text()

    def read(self, text):
        """Shows which characters of a text are known; "" shows nothing."""
        self.text = mended(text[:MOST_TEXT])
        if len(text) > MOST_TEXT:
            self.tell("too_long", most=MOST_TEXT)
        self._draw_text()

    @property
    def vocabulary(self):
        """The `Vocabulary` of the size that is chosen."""
        return Vocabulary(self._ranked[: self.choices[self.choice][0]])

    def redraw(self):
        self._choose(self.choice)
        self._draw_text()
        self.keep()

    def picture(self):
        shown = [self._curve] if self._known is None else [self._curve, self._known]
        return views.stacked(shown)

    # ---- from the browser ----

    def on_show(self, content):
        choice = int(content["choice"])
        if not 0 <= choice < len(self.choices):
            raise LabError(f"There is no place {choice} on the slider.")
        self.tell("ready")
        self._choose(choice)
        self.read(str(content["text"]))

    def on_keep(self, content):
        self.keep()

    # ---- how it works ----

    def _choose(self, choice):
        self.choice = choice
        self._curve = views.frequency(self._counts, self.choices[choice][0])
        self.curve = pair(self._curve)

    def _draw_text(self):
        self._known = views.known(self.text, self.vocabulary) if self.text else None
        self.known = pair(self._known)

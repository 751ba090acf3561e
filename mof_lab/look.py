"""A quick look at a model while it is trained: what it writes, whom it trusts, how it thinks."""

import numpy as np

from .chat import ChatSession
from .evaluation import mean_weights, window_router_weights
from .experts import TransformerExpert
from .generation import Sampling
from .generation import go_on as continue_text
from .inspection import trace_dialogue
from .packing import ANSWER, Windows
from .recording import Moment

LONGEST = 40  # characters of an answer
WINDOWS = 8  # of each kind of held-out text
DIALOGUE = (("user", "我叫小明"), ("assistant", "小明，你好！"))  # what it is seen to think about


class Look:
    """Takes `recording.Moment`s of a model.

    Args:
        run: a `pipeline.Run`, for its vocabulary and its held-out text.
        stage: a `configuration.Stage`: one that trains an expert is answered by it alone.
        sayings: what the model is asked; where it learns no dialogues, what it goes on from.
    """

    def __init__(self, run, stage, model, sayings):
        self.model, self.vocabulary, self.sayings = model, run.vocabulary, sayings
        self.expert = stage.expert or None
        names = [self.expert] if self.expert else model.config.experts
        used = [model.experts[model.config.expert_index(name)] for name in names]
        self._thinks = any(isinstance(one, TransformerExpert) for one in used)
        self._talks = set(run.windows("train")) != {"story"}
        self._windows = {} if self.expert else _some(run.windows("held_out"))

    def at(self, step, go_on=lambda: True, asked=False):
        """A `Moment`; what is being written ends when `go_on()` is false."""
        return Moment(step, self._said(go_on), self._router(), self._thought(), asked)

    def _said(self, go_on):
        said = []
        for question in self.sayings:
            stream = self._stream(question, stop=lambda: not go_on())
            said.append([question, [self._character(c) for c in stream]])
        return said

    def _stream(self, question, stop):
        sampling = Sampling(temperature=0)
        if self._talks:
            session = ChatSession(self.model, self.vocabulary, expert=self.expert)
            return session.stream(question, sampling, LONGEST, stop)
        how = sampling, LONGEST, self.expert, stop
        return continue_text(self.model, self.vocabulary, question, *how)

    def _character(self, character):
        weights = [] if self.expert else [round(float(w), 3) for w in character.router_weights]
        return [self.vocabulary.symbol(character.token), weights]

    def _router(self):
        if not self._windows:
            return {}
        # All kinds in one pass: a pass costs as much as a full batch.
        tokens = np.concatenate([windows.tokens for windows in self._windows.values()])
        ends = np.cumsum([len(windows.tokens) for windows in self._windows.values()])
        weights = np.split(window_router_weights(self.model, tokens), ends[:-1])
        by_kind = dict(zip(self._windows, weights, strict=True))
        mean = mean_weights(self._windows, by_kind)
        return {kind: [round(w, 4) for w in shares] for kind, shares in mean.items()}

    def _thought(self):
        if not self._thinks:
            return []
        strength = trace_dialogue(self.model, self.vocabulary, DIALOGUE).thought
        return [round(float(mean), 4) for mean in strength.mean(axis=1)]


def _some(packs):
    """The first windows of each kind in which the model has to write something."""
    some = {
        k: Windows(np.array(w.tokens[:WINDOWS]), np.array(w.roles[:WINDOWS]))
        for k, w in packs.items()
    }
    return {kind: w for kind, w in some.items() if np.any(w.roles[:, 1:] == ANSWER)}

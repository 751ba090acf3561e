"""Writing: one character after the other, with a state of fixed size.

A `Decoder` holds the state of one text; a `Sampling` says how a character is drawn from the
logits. A state is a value: keep it to go back to where you were. Nothing here needs TensorFlow:
the model that is read with may be a `model.MoF` or a `litert.Model`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from .corpus import normalise
from .errors import LabError
from .vocabulary import BEGIN, END, PADDING, UNKNOWN


@dataclass(frozen=True)
class Sampling:
    """How the next character is drawn."""

    temperature: float = 0.32  # 0 = always the most probable
    top_k: int = 0  # only the k most probable; 0 = all
    top_p: float = 0.95  # only the most probable that together reach this
    repetition_penalty: float = 1.0  # > 1 makes what was just written less probable
    seed: int | None = None  # None = different every time

    def __post_init__(self):
        for name, low, high in (
            ("temperature", 0, 10),
            ("top_k", 0, 10**6),
            ("top_p", 0, 1),
            ("repetition_penalty", 0.1, 10),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise LabError(
                    f"{name} is {value}; expected a number from {low} to {high}.",
                    chinese=f"{name} 是 {value}，应为 {low} 到 {high} 的数。",
                )


#: So many are sorted for `Sampling.top_p`, if they reach it.
CANDIDATES = 200
NEVER = (PADDING, UNKNOWN, 2, 3, 4)  # what an answer can't contain: everything special but END


def probabilities(logits, sampling, written=()):
    """The distribution that is drawn from, (vocabulary,).

    Args:
        logits: (vocabulary,).
        written: ids of the answer so far, for the repetition penalty (Keskar et al. 2019, §4.1).
    """
    logits = np.array(logits, np.float64)
    if not (logits < np.inf).all():  # -inf is what a model may forbid; NaN is not below it
        raise LabError("The model's logits are no numbers: its weights are damaged; load others.")
    logits[list(NEVER)] = -np.inf
    if sampling.repetition_penalty != 1.0 and len(written):
        seen = np.unique(np.asarray(written[-64:]))
        seen = seen[seen > END]
        values = logits[seen]
        penalty = sampling.repetition_penalty
        logits[seen] = np.where(values > 0, values / penalty, values * penalty)
    if sampling.temperature == 0:
        result = np.zeros_like(logits)
        result[np.argmax(logits)] = 1.0
        return result
    logits = logits / sampling.temperature
    if 0 < sampling.top_k < len(logits):
        cut = np.partition(logits, -sampling.top_k)[-sampling.top_k]
        logits[logits < cut] = -np.inf
    result = np.exp(logits - logits.max())
    result /= result.sum()
    if sampling.top_p < 1.0:
        kept = _most_probable(result, max(sampling.top_p, 1e-9))
        chosen = np.zeros_like(result)
        chosen[kept] = result[kept]
        result = chosen / chosen.sum()
    return result


def _most_probable(chances, share):
    """The fewest ids that together reach a share, or all; of equal ones those with small ids.

    Almost always a few are enough: only the largest are sorted, and all of them where these do
    not reach it.
    """
    candidates = np.arange(len(chances))
    if len(chances) > CANDIDATES:
        least = np.partition(chances, -CANDIDATES)[-CANDIDATES]
        candidates = np.flatnonzero((chances >= least) & (chances > 0))  # with all equal ones
    while True:
        order = candidates[np.argsort(-chances[candidates], kind="stable")]
        together = np.cumsum(chances[order])
        if together[-1] >= share or len(order) == len(chances):
            return order[: np.searchsorted(together, share) + 1]
        candidates = np.arange(len(chances))


@dataclass(frozen=True)
class Character:
    """One generated character and why it came."""

    token: int
    logits: np.ndarray  # (vocabulary,), what it was drawn from
    router_weights: np.ndarray  # (experts,)
    _read_again: Callable | None = field(default=None, repr=False, compare=False)

    def expert_logits(self):
        """What it would have been drawn from had each expert spoken alone, (experts, vocabulary).

        The text before is the same for all. Costs a step of the model for each,
        when it is asked for; None where the other experts were not computed.
        """
        return None if self._read_again is None else self._read_again()


class Decoder:
    """Reads and writes one text.

    Args:
        model: a `MoF`, or its exported form, a `litert.Model`.
        expert: the name of one expert to use alone; None = the mixture.
        router_weights: (experts,), used instead of the router's.
    """

    _mixes = False  # are all experts computed, so that each can be asked again?

    def __init__(self, model, expert=None, router_weights=None):
        self.model, self._expert = model, expert
        if expert is not None:
            model.config.expert_index(expert)  # says so if there is none
        self._mixes = expert is None
        blend = None if router_weights is None else self._blend(router_weights)
        self._made = self._read = model.reader(expert, blend)
        self.reset()

    def force(self, router_weights):
        """From the next character read on, uses a blend (experts,); None = as it was made."""
        if router_weights is None:
            self._read = self._made
        elif self._mixes:
            self._read = self.model.reader(None, self._blend(router_weights))
        else:
            raise LabError(
                f"Here {self._expert} speaks alone, and the others have read nothing; "
                "to force a blend, make the session without expert=."
            )

    def _blend(self, router_weights):
        count = len(self.model.config.experts)
        blend = np.asarray(router_weights, np.float32)
        if blend.shape != (count,) or not (blend >= 0).all() or not 0 < blend.sum() < np.inf:
            raise LabError(f"router_weights needs {count} numbers ≥ 0, one an expert, not all 0.")
        return blend / blend.sum()

    def reset(self):
        """Forgets everything."""
        self.state = self.model.initial_state()
        self.output = None  # logits and router weights after the last character read
        self._last = None  # (piece that was read last, the state before it)
        self._count = 0  # ids read

    @property
    def used(self):
        """Characters of context used, special ones included; a model may count its own."""
        own = getattr(self.model, "used", None)
        return self._count if own is None else own(self.state)

    def keep(self):
        """This moment as a value, for `take_back`."""
        return self.state, self.output, self._last, self._count

    def take_back(self, moment):
        """Goes back to a moment that `keep` gave."""
        self.state, self.output, self._last, self._count = moment

    def warm_up(self):
        """Compiles what `read` needs, smallest piece first, so that no answer waits for it."""
        if hasattr(self.model, "warm_up"):  # one whose pieces are not read each by its own graph
            self.model.warm_up()
            return
        for size in sorted(self.model.pieces):
            self._read(np.full((1, size), PADDING, np.int32), self.model.initial_state())

    def read(self, ids):
        """Takes in ids, in the parallel form as far as it goes.

        Returns:
            logits (vocabulary,) for the character after them.
        """
        ids = np.asarray(ids, np.int32)
        at = 0
        while at < len(ids):
            size = next(p for p in self.model.pieces if p <= len(ids) - at)
            self._last = ids[None, at : at + size], self.state
            out = self._read(*self._last)
            self.state = out["state"]
            self.output = tuple(np.asarray(out[x])[0] for x in ("logits", "router_weights"))
            at += size
        self._count += at
        return None if self.output is None else self.output[0]

    @property
    def endings(self):
        """Ids that end what is written; a model whose turns are marked by text has its own."""
        own = getattr(self.model, "endings", None)
        return ((END,),) if own is None else own(self.state)

    def write(self, sampling, max_length, stop=None):
        """Generates until an answer's ending, `max_length` characters, or `stop()` is true.

        Yields:
            `Character`; an ending such as ⟨end⟩ is not yielded, and nothing of it is read.
        """
        if self.output is None:
            raise LabError("There is nothing to go on from; read a prompt first.")
        rng = np.random.default_rng(sampling.seed)
        endings = self.endings
        written, held, moments = [], [], []  # held: what an ending may begin with
        while len(written) < max_length and not (stop is not None and stop()):
            logits, weights = self.output
            chosen = probabilities(logits, sampling, written)
            token = int(rng.choice(len(chosen), p=chosen))
            written.append(token)
            again = partial(self._alone, *self._last) if self._mixes else None
            held.append(Character(token, logits, weights, again))
            moments.append(self.keep())  # before each of them
            sure = []
            while held and not _begins_one_of(endings, held):
                sure.append(held.pop(0))
                moments.pop(0)
            ended = tuple(c.token for c in held) in endings
            if ended:
                self.take_back(moments[0])
            else:
                self.read([token])
            yield from sure
            if ended:
                return
        yield from held

    def _alone(self, piece, state):
        """The logits of each expert alone after a piece, (experts, vocabulary)."""
        blends = np.eye(len(self.model.config.experts), dtype=np.float32)
        reads = (self.model.reader(None, blend) for blend in blends)
        return np.stack([np.asarray(read(piece, state)["logits"])[0] for read in reads])


def _begins_one_of(endings, characters):
    tokens = tuple(c.token for c in characters)
    return any(ending[: len(tokens)] == tokens for ending in endings)


def go_on(model, vocabulary, prompt, sampling=None, max_length=120, expert=None, stop=None):
    """Goes on with a text that somebody else began.

    Args:
        prompt: its beginning, which is normalised as the texts were; "" = none.
        expert: the name of one expert to use alone; None = the mixture.
        sampling, max_length, stop: see `Decoder.write`.

    Yields:
        `Character`.
    """
    decoder, ids = Decoder(model, expert), vocabulary.encode(normalise(prompt))
    if len(ids) >= model.config.context_length:
        raise LabError(
            f"The beginning has {len(ids):,} characters; at most "
            f"{model.config.context_length - 1:,} fit: shorten it."
        )
    decoder.read([BEGIN, *ids])
    yield from decoder.write(sampling or Sampling(), max_length, stop)


def continuation(model, vocabulary, prompt, sampling=None, max_length=120, expert=None):
    """`go_on` as a string: the prompt and what follows it."""
    written = go_on(model, vocabulary, prompt, sampling, max_length, expert)
    return prompt + vocabulary.decode(character.token for character in written)

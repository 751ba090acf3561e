"""Writing: one character after the other, with a state of fixed size.

A `Decoder` holds the compiled step and the state of one text; a `Sampling` says how a
character is drawn from the logits. A state is a value: keep it to go back to where you were.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from .errors import LabError
from .vocabulary import END, PADDING, UNKNOWN

#: Prompts are read in pieces of these lengths, so that only so many shapes are compiled.
PIECES = (256, 64, 16, 4, 1)


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
                raise LabError(f"{name} is {value}; expected a number from {low} to {high}.")


NEVER = (PADDING, UNKNOWN, 2, 3, 4)  # what an answer can't contain: everything special but END


def probabilities(logits, sampling, written=()):
    """The distribution that is drawn from, (vocabulary,).

    Args:
        logits: (vocabulary,).
        written: ids of the answer so far, for the repetition penalty (Keskar et al. 2019, §4.1).
    """
    logits = np.array(logits, np.float64)
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
        order = np.argsort(-result)
        before = np.cumsum(result[order]) - result[order]
        result[order[before >= max(sampling.top_p, 1e-9)]] = 0.0
        result /= result.sum()
    return result


@dataclass(frozen=True)
class Character:
    """One generated character and why it came."""

    token: int
    logits: np.ndarray  # (vocabulary,), what it was drawn from
    router_weights: np.ndarray  # (experts,)


class Decoder:
    """Reads and writes one text.

    Args:
        model: a `MoF`.
        expert: the name of one expert to use alone; None = the mixture.
        router_weights: (experts,), used instead of the router's.
    """

    def __init__(self, model, expert=None, router_weights=None):
        if expert is not None:
            model.expert_index(expert)  # says so if there is none
        if router_weights is not None:
            router_weights = np.asarray(router_weights, np.float32)
            if router_weights.shape != (len(model.experts),) or (router_weights < 0).any():
                raise LabError(
                    f"router_weights needs {len(model.experts)} numbers ≥ 0, one an expert."
                )
            router_weights = tf.constant(router_weights / max(1e-9, router_weights.sum()))
        self.model, self.expert, self.forced = model, expert, router_weights
        self._step, self._prefill = _compiled(model, expert, router_weights is not None)
        self.reset()

    def reset(self):
        """Forgets everything."""
        self.state = self.model.initial_state(1)
        self.output = None  # logits and router weights after the last character read

    def read(self, ids):
        """Takes in ids, in the parallel form as far as it goes.

        Returns:
            logits (vocabulary,) for the character after them.
        """
        ids = np.asarray(ids, np.int32)
        at = 0
        while at < len(ids):
            size = next(p for p in PIECES if p <= len(ids) - at)
            piece = tf.constant(ids[None, at : at + size])
            if size == 1:
                out = self._step(piece[0], self.state, self.forced)
            else:
                out = self._prefill(piece, self.state, self.forced)
            self.state = out["state"]
            self.output = (out["logits"][0], out["router_weights"][0])
            at += size
        return None if self.output is None else self.output[0].numpy()

    def write(self, sampling, max_length, stop=None):
        """Generates until ⟨end⟩, `max_length` characters, or `stop()` is true.

        Yields:
            `Character`; ⟨end⟩ is neither read nor yielded.
        """
        if self.output is None:
            raise LabError("There is nothing to go on from; read a prompt first.")
        rng = np.random.default_rng(sampling.seed)
        written = []
        while len(written) < max_length and not (stop is not None and stop()):
            logits, weights = (x.numpy() for x in self.output)
            chosen = probabilities(logits, sampling, written)
            token = int(rng.choice(len(chosen), p=chosen))
            if token == END:
                break
            written.append(token)
            self.read([token])
            yield Character(token, logits, weights)

    def complete(self, prompts, batch, max_length):
        """Continues many prompts at once at temperature 0.

        Prompts are padded on the left: each begins with ⟨begin⟩, where every layer forgets.

        Returns:
            a list of lists of ids, without ⟨end⟩.
        """
        longest = max(len(p) for p in prompts)
        longest += -longest % 32  # few shapes to compile
        tokens = np.full((batch, longest), PADDING, np.int32)
        for row, prompt in zip(tokens, prompts, strict=False):
            row[longest - len(prompt) :] = prompt
        state = self.model.initial_state(batch)
        out = self._prefill(tf.constant(tokens), state, self.forced)
        written = np.zeros((max_length, batch), np.int32)
        live = np.arange(batch) < len(prompts)
        for i in range(max_length):
            logits = out["logits"].numpy()
            logits[:, list(NEVER)] = -np.inf
            written[i] = np.where(live, logits.argmax(-1), END)
            live &= written[i] != END
            if not live.any():
                break
            out = self._step(tf.constant(written[i]), out["state"], self.forced)
        return [column[: _end(column)].tolist() for column in written.T[: len(prompts)]]


def _end(column):
    ends = np.flatnonzero((column == END) | (column == PADDING))
    return ends[0] if len(ends) else len(column)


def _compiled(model, expert, forced):
    """The compiled step and prefill of a model, made once for each way of using it."""
    cache = model.__dict__.setdefault("_decoders", {})
    if (expert, forced) not in cache:

        def step(tokens, state, weights):
            return model.step(tokens, state, expert=expert, router_weights=weights)

        def prefill(tokens, state, weights):
            return model.prefill(tokens, state, expert=expert, router_weights=weights)

        cache[expert, forced] = tf.function(step), tf.function(prefill)
    return cache[expert, forced]

"""Why a character was written: what the chat shows under it and beside it.

An `Explanation` is plain numbers and symbols; `pack` and `unpack` are its short form in JSON, of
which a widget holds one a character.
"""

from dataclasses import dataclass

import numpy as np

RUNNERS_UP = 5


@dataclass(frozen=True)
class Explanation:
    """One written character. All probabilities are the model's own, before temperature and cuts."""

    symbol: str
    router_weights: tuple = ()  # (experts,), ≥ 0, sum 1; () where only the text is known
    surprisal: float | None = None  # bits, -log₂ of its probability
    rank: int | None = None  # 1 = it was the likeliest
    runners_up: tuple = ()  # (symbol, probability), the likeliest others, best first
    alone: tuple = ()  # an expert each: (its likeliest symbol, that's probability, this one's)

    def pack(self):
        """As a list that JSON can hold."""
        numbers = [round(float(w), 4) for w in self.router_weights]
        bits = None if self.surprisal is None else round(self.surprisal, 3)
        others = [[symbol, round(p, 5)] for symbol, p in self.runners_up]
        alone = [[symbol, round(p, 5), round(own, 5)] for symbol, p, own in self.alone]
        return [self.symbol, numbers, bits, self.rank, others, alone]


def unpack(packed):
    """The `Explanation` that `pack` gave, rounded."""
    symbol, weights, bits, rank, others, alone = packed
    return Explanation(
        symbol, tuple(weights), bits, rank, tuple(map(tuple, others)), tuple(map(tuple, alone))
    )


def explain(character, vocabulary):
    """The `Explanation` of a `generation.Character`.

    Costs a step of the model an expert, see `Character.expert_logits`.
    """
    token = character.token
    nats = log_softmax(character.logits)
    order = np.argsort(-nats, kind="stable")
    others = [i for i in order[: RUNNERS_UP + 1] if i != token][:RUNNERS_UP]
    logits = character.expert_logits()
    alone = () if logits is None else tuple(_alone(row, token, vocabulary) for row in logits)
    return Explanation(
        symbol=vocabulary.symbol(token),
        router_weights=tuple(float(w) for w in character.router_weights),
        surprisal=max(0.0, float(-nats[token] / np.log(2))),
        rank=int(np.count_nonzero(nats > nats[token])) + 1,
        runners_up=tuple((vocabulary.symbol(i), float(np.exp(nats[i]))) for i in others),
        alone=alone,
    )


def _alone(logits, token, vocabulary):
    nats = log_softmax(logits)
    best = int(nats.argmax())
    return vocabulary.symbol(best), float(np.exp(nats[best])), float(np.exp(nats[token]))


def log_softmax(logits):
    """(vocabulary,) → log-probabilities, nats."""
    logits = np.asarray(logits, np.float64)
    return logits - np.logaddexp.reduce(logits)

"""Everything that is measured of a checkpoint, one function a measurement, as plain dicts.

Shares carry Wilson intervals, figures of text bootstrap intervals over documents, all of 95 %.
What is measured are functions and arrays: a model, or a stub in a test, stands behind them. The
names are those of `report.json`.
"""

import math
import random
from collections import Counter

import numpy as np

from .evaluation import mean_bits, mean_weights
from .intervals import bootstrap, ratio, wilson
from .packing import pack
from .vocabulary import BEGIN, PADDING

BINS = 10  # of a reliability table
COPIED = 20  # characters in a row that count as copied
REPEATED = 4  # characters in a row that count as said again


# ---- held-out text ------------------------------------------------------------------------------


class HeldOut:
    """Held-out text as windows, and which document each of their characters belongs to.

    Args:
        rows: of a corpus.
        vocabulary: of the model.
        window, seed: of the preset, so that the windows are those of the training's report.
    """

    def __init__(self, rows, vocabulary, window, seed):
        by_kind = {}
        for row in rows:
            by_kind.setdefault(row["kind"], []).append(row)
        self.packs, self.documents, self.sizes = {}, {}, {}
        for kind in sorted(by_kind):
            windows = pack(by_kind[kind], vocabulary, window, seed)
            self.packs[kind] = windows
            self.documents[kind] = _documents(by_kind[kind], windows, vocabulary, window)
            self.sizes[kind] = len(by_kind[kind])

    def sums(self, kind, *values):
        """Sums over the characters that the model writes itself: (documents, values).

        Args:
            values: arrays (windows, window).
        """
        learned = self.packs[kind].answers
        chosen, size = self.documents[kind][learned], self.sizes[kind]
        return np.stack([np.bincount(chosen, v[learned], size) for v in values], axis=1)


def _documents(rows, windows, vocabulary, window):
    """The number of the document that each target is from, (windows, window); −1 for padding."""
    numbers = {}
    for number, row in enumerate(rows):
        for piece in pack([row], vocabulary, window).tokens:  # each piece in a window of its own
            numbers[piece[piece != PADDING].tobytes()] = number
    found = np.full(windows.tokens.shape, -1)
    for tokens, places in zip(windows.tokens, found, strict=True):
        end = int((tokens != PADDING).sum())
        starts = sorted({0, *np.flatnonzero(tokens == BEGIN).tolist()})
        for start, stop in zip(starts, [*starts[1:], end], strict=True):
            places[start:stop] = numbers[tokens[start:stop].tobytes()]
    return found[:, 1:]


def bits(held_out, nats, seed):
    """Bits a character by kind and over all, and their intervals.

    Args:
        nats: by kind, (windows, window); see `evaluation.window_measures`.
    """
    sums = {
        kind: held_out.sums(kind, values / math.log(2), np.ones_like(values))
        for kind, values in nats.items()
    }
    intervals = {kind: bootstrap([rows], ratio, seed) for kind, rows in sums.items()}
    intervals["all"] = bootstrap(list(sums.values()), ratio, seed)
    figures = mean_bits(held_out.packs, nats)
    return {"bits_per_character": figures, "bits_intervals": intervals}


def routing(held_out, weights, seed):
    """Mean router weights by kind, one an expert, and their intervals, [low, high] an expert.

    Args:
        weights: by kind, (windows, window, experts).
    """
    intervals = {}
    for kind, values in weights.items():
        columns = [*np.moveaxis(values, -1, 0), np.ones(values.shape[:2])]
        low, high = bootstrap(
            [held_out.sums(kind, *columns)], lambda sums: sums[:, :-1] / sums[:, -1:], seed
        )
        intervals[kind] = [list(pair) for pair in zip(low, high, strict=True)]
    figures = mean_weights(held_out.packs, weights)
    return {"router_weights": figures, "router_intervals": intervals}


def calibration(held_out, confidence, right, seed):
    """How often the most probable character is right, by its probability; see `reliability`.

    Args:
        confidence, right: by kind, (windows, window); see `evaluation.window_measures`.
    """
    strata = []
    for kind, values in confidence.items():
        bins = bin_of(values)
        columns = [
            np.where(bins == i, value, 0.0)
            for i in range(BINS)
            for value in (np.ones_like(values), values, right[kind])
        ]
        strata.append(held_out.sums(kind, *columns))
    return {"calibration": reliability(strata, seed)}


def bin_of(confidence):
    """The bin of each probability: bin i holds i/10 up to below (i + 1)/10, the last also 1."""
    return np.minimum((np.asarray(confidence) * BINS).astype(int), BINS - 1)


def reliability(strata, seed):
    """The expected calibration error (Naeini et al. 2015) and the table behind it.

    Args:
        strata: arrays (documents, 3 · BINS): for each bin in turn the number of characters, the
            sum of their probabilities, the number that were right.
    """
    total = sum(rows.sum(axis=0) for rows in strata)
    bins = []
    for i, (count, confidence, right) in enumerate(total.reshape(BINS, 3).tolist()):
        share = {"accuracy": None, "confidence": None, "interval": wilson(right, count)}
        if count:
            share |= {"accuracy": right / count, "confidence": confidence / count}
        bins.append({"from": i / BINS, "to": (i + 1) / BINS, "characters": int(count), **share})
    return {
        "error": float(_calibration_error(total[None])[0]),
        "interval": bootstrap(strata, _calibration_error, seed),
        "bins": bins,
    }


def _calibration_error(totals):
    count, confidence, right = np.moveaxis(totals.reshape(len(totals), BINS, 3), -1, 0)
    return np.abs(confidence - right).sum(axis=1) / np.maximum(count.sum(axis=1), 1e-9)


# ---- questions ----------------------------------------------------------------------------------


def answers(ask, questions):
    """Questions answered exactly right, by kind and by group.

    Args:
        ask: from questions to the counts of `evaluation.score`.
    """
    return {name: with_interval(count) for name, count in ask(questions).items()}


def memory(ask, questions):
    """Probes answered exactly right, by how long ago it was told and by topic.

    Args:
        ask: from questions to the counts of `evaluation.score`.
        questions: of `probes.Probes`: the kind is the topic, the group how long ago.
    """
    by_amount, by_topic = {}, {}
    for name, count in ask(questions).items():
        topic, _, amount = name.partition(".")
        if not amount:
            by_topic[topic] = with_interval(count)
            continue
        total = by_amount.setdefault(amount, Counter())
        total.update(count)
    ordered = sorted(by_amount, key=int)
    return {
        "by_amount": {amount: with_interval(by_amount[amount]) for amount in ordered},
        "by_topic": by_topic,
    }


def with_interval(count):
    """A count of `evaluation.score` with the interval of its share."""
    correct, total = int(count["correct"]), int(count["total"])
    return {"correct": correct, "total": total, "interval": wilson(correct, total)}


# ---- text that the model writes -----------------------------------------------------------------


def conversations(rows, count, limit, seed):
    """What users say in `count` held-out dialogues of several turns, in a seeded order.

    Where there are fewer, they come again; their answers are drawn anew.

    Args:
        limit: characters of a message that a conversation takes.
    """
    said = [
        turns
        for row in rows
        if row["kind"] == "chat" and len(turns := user_turns(row)) > 1
        if all(0 < len(turn.strip()) <= limit for turn in turns)
    ]
    random.Random(f"conversations {seed}").shuffle(said)
    return [said[i % len(said)] for i in range(count)] if said else []


def first_questions(rows, count, limit, seed):
    """What users say first in held-out dialogues: the first `count` of a seeded shuffle."""
    said = [turns[0] for row in rows if row["kind"] == "chat" and (turns := user_turns(row))]
    random.Random(f"samples {seed}").shuffle(said)
    return [text for text in said if 0 < len(text.strip()) <= limit][:count]


def user_turns(row):
    """What the user says in a document."""
    return [m["content"] for m in row["messages"] if m["role"] == "user"]


def variety(dialogues):
    """How much answers repeat themselves, and how many different n-grams they have.

    Distinctness (Li et al. 2016) has no interval: drawing answers anew repeats them, so it would
    look smaller than it is. It falls with the amount of text: compare equal amounts.

    Args:
        dialogues: lists of answers.
    """
    given = [answer for dialogue in dialogues for answer in dialogue]
    repeating = sum(map(repeats, given))
    return {
        "dialogues": len(dialogues),
        "answers": len(given),
        "characters": sum(map(len, given)),
        "repetition": with_interval({"correct": repeating, "total": len(given)}),
        "distinct_1": distinct(given, 1),
        "distinct_2": distinct(given, 2),
    }


def grams(text, size):
    """All substrings of `size` characters, in order."""
    return [text[i : i + size] for i in range(len(text) - size + 1)]


def repeats(answer):
    """Does a 4-gram occur again within the answer?"""
    found = grams(answer, REPEATED)
    return len(set(found)) < len(found)


def distinct(given, size):
    """Different n-grams over all n-grams of the answers."""
    found = [gram for answer in given for gram in grams(answer, size)]
    return len(set(found)) / max(1, len(found))


def memorised(written, training_texts, seed):
    """The share of characters inside 20 characters in a row that the training text has verbatim.

    Args:
        written: texts of the model.
        training_texts: an iterable of strings.

    Returns:
        `share`, its `interval`, `characters`, `long_enough`: the share of characters in texts
        of at least 20 characters, the most that `share` can be, and `texts`: those with any.
    """
    wanted = {gram for text in written for gram in grams(text, COPIED)}
    known = set()
    for text in training_texts:
        known.update(wanted.intersection(grams(text, COPIED)))
    rows = []
    for text in written:
        copied = np.zeros(len(text), bool)
        for i, gram in enumerate(grams(text, COPIED)):
            if gram in known:
                copied[i : i + COPIED] = True
        rows.append((copied.sum(), len(text), len(text) if len(text) >= COPIED else 0))
    sums = np.array(rows, float).reshape(-1, 3)
    copied, characters, long_enough = sums.sum(axis=0)
    return {
        "share": copied / max(1, characters),
        "interval": bootstrap([sums], ratio, seed) if len(sums) else [0.0, 1.0],
        "characters": int(characters),
        "long_enough": long_enough / max(1, characters),
        "texts": with_interval({"correct": (sums[:, 0] > 0).sum(), "total": len(sums)}),
    }

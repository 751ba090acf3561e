"""What a model is worth: bits a character, right answers, where the router sends what."""

import math
from operator import attrgetter

import numpy as np
import tensorflow as tf

from .errors import LabError
from .generation import NEVER
from .packing import encode_dialogue
from .vocabulary import ASSISTANT, END, PADDING


def window_nats(model, tokens, expert=None, batch=32):
    """Surprise at each character: (windows, window), in nats.

    Args:
        tokens: (windows, window + 1) ids.
        expert: the name of one expert to use alone; None = the mixture.
    """
    return _forward(model, tokens, expert, batch, _surprise)[0]


def window_router_weights(model, tokens, batch=32):
    """Router weights at each character: (windows, window, experts)."""
    return _forward(model, tokens, None, batch, _surprise)[1]


def window_measures(model, tokens, batch=32):
    """Everything that is known at each character, from one pass.

    Returns:
        surprise in nats (windows, window), router weights (windows, window, experts), the
        probability of the most probable character (windows, window), and True where that
        character stands there.
    """
    return _forward(model, tokens, None, batch, _everything)


def _surprise(out, targets):
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, out["logits"])
    return nats, out["router_weights"]


def _everything(out, targets):
    logits = out["logits"]
    highest = tf.reduce_max(logits, -1) - tf.reduce_logsumexp(logits, -1)
    right = tf.equal(tf.argmax(logits, -1, tf.int32), targets)
    return *_surprise(out, targets), tf.exp(highest), right


def _forward(model, tokens, expert, batch, measure):
    from .published import Published

    if isinstance(model, Published):
        raise LabError(
            "The published model has seen what follows each character of a window but the last, "
            "so it can't be measured at all of them; look at a text with inspection.trace."
        )
    compiled = _compiled(model, expert, measure)
    parts = []
    for start in range(0, len(tokens), batch):
        part = np.asarray(tokens[start : start + batch], np.int32)
        padded = np.pad(part, ((0, batch - len(part)), (0, 0)))  # one shape, compiled once
        parts.append([found.numpy()[: len(part)] for found in compiled(tf.constant(padded))])
    return [np.concatenate(found) for found in zip(*parts, strict=True)]


def _compiled(model, expert, measure):
    cache = model.__dict__.setdefault("_evaluators", {})
    if (expert, measure) not in cache:

        @tf.function  # not XLA: compiling takes longer than it saves here
        def run(tokens):
            return measure(model(tokens[:, :-1], expert=expert), tokens[:, 1:])

        cache[expert, measure] = run
    return cache[expert, measure]


def bits_per_character(model, packs, expert=None, mask=attrgetter("answers")):
    """Held-out bits a character by kind of text, and over all (`"all"`).

    Args:
        mask: from `Windows` to the characters that count, (windows, window); unless told
            otherwise those that the model has to write itself.
    """
    nats = {k: window_nats(model, w.tokens, expert) for k, w in packs.items()}
    return mean_bits(packs, nats, mask)


def mean_bits(packs, nats, mask=attrgetter("answers")):
    """`bits_per_character` from the nats of `window_nats` by kind."""
    result, total, count = {}, 0.0, 0
    for kind, windows in packs.items():
        counted = nats[kind][mask(windows)]
        result[kind] = float(counted.sum() / max(1, len(counted)) / math.log(2))
        total, count = total + counted.sum(), count + len(counted)
    result["all"] = float(total / max(1, count) / math.log(2))
    return result


def router_weights(model, packs):
    """Mean router weights by kind of text, where the model writes itself (`packing.ANSWER`)."""
    return mean_weights(
        packs, {k: window_router_weights(model, w.tokens) for k, w in packs.items()}
    )


def mean_weights(packs, weights):
    """`router_weights` from those of `window_router_weights` by kind."""
    result = {}
    for kind, windows in packs.items():
        result[kind] = [float(w) for w in weights[kind][windows.answers].mean(axis=0)]
    return result


def answer(model, vocabulary, questions, expert=None, max_length=60, batch=64):
    """Answers of the model at temperature 0, all questions in parallel.

    Args:
        questions: lists of turns (user, assistant, …, user).

    Returns:
        a list of strings.
    """
    answers = []
    prompts = [prompt_ids(turns, vocabulary) for turns in questions]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    found = {}
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        texts = complete(model, [prompts[i] for i in chosen], expert, batch, max_length)
        found.update(zip(chosen, texts, strict=True))
    for i in range(len(prompts)):
        answers.append(vocabulary.decode(found[i]))
    return answers


def complete(model, prompts, expert=None, batch=64, max_length=60):
    """Continues up to `batch` prompts at once at temperature 0.

    Prompts are padded on the left: each begins with ⟨begin⟩, where every layer forgets.

    Returns:
        a list of lists of ids, without ⟨end⟩.
    """
    read = model.reader(expert)
    longest = max(len(p) for p in prompts)
    longest += -longest % 32  # few shapes to compile
    tokens = np.full((batch, longest), PADDING, np.int32)
    for row, prompt in zip(tokens, prompts, strict=False):
        row[longest - len(prompt) :] = prompt
    out = read(tokens, model.initial_state(batch))
    written = np.zeros((max_length, batch), np.int32)
    live = np.arange(batch) < len(prompts)
    for i in range(max_length):
        logits = out["logits"].numpy()
        logits[:, list(NEVER)] = -np.inf
        written[i] = np.where(live, logits.argmax(-1), END)
        live &= written[i] != END
        if not live.any():
            break
        out = read(written[i][:, None], out["state"])
    return [column[: _end(column)].tolist() for column in written.T[: len(prompts)]]


def _end(column):
    ends = np.flatnonzero((column == END) | (column == PADDING))
    return ends[0] if len(ends) else len(column)


def prompt_ids(turns, vocabulary):
    """Ids up to and including the mark after which the assistant speaks."""
    roles = ("user", "assistant")
    ids, _ = encode_dialogue([(roles[i % 2], t) for i, t in enumerate(turns)], vocabulary)
    return [*ids, ASSISTANT]


def score(model, vocabulary, questions, expert=None, batch=64):
    """Asks the questions and counts what is right; see `answer` and `tally`."""
    given = answer(model, vocabulary, [q.turns for q in questions], expert, batch=batch)
    return tally(questions, given)


def tally(questions, given):
    """Questions answered exactly right, by kind and by group.

    Args:
        given: an answer to each question.

    Returns:
        {"knowledge": {"correct", "total"}, "knowledge.places": …} and a list of
        (question, given answer, right or not).
    """
    counts, rows = {}, []
    for question, text in zip(questions, given, strict=True):
        right = text in question.answers
        rows.append((question, text, right))
        for name in (question.kind, f"{question.kind}.{question.group}"):
            entry = counts.setdefault(name, {"correct": 0, "total": 0})
            entry["correct"] += right
            entry["total"] += 1
    return dict(sorted(counts.items())), rows

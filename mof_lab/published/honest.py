"""Training and asking a `fixes.Mended` without letting it see what it is asked for.

A causal model learns from every position of a window. One that sees the future is asked only for
the character after its text, so each text is one target; and it writes by reading its text anew
for each character, as the published chat does.

The lab's own `MoF` can be trained and asked here, too, to be compared.
"""

import functools
import itertools
import math
import time

import numpy as np
import tensorflow as tf

from .. import evaluation
from ..errors import LabError
from ..generation import NEVER
from ..optimizer import learning_rate, optimizer
from ..packing import ANSWER, NOTHING, Batches
from ..vocabulary import BEGIN, END, PADDING
from .fixes import Mended

BATCH = 32  # texts a step where each gives one target
POOL = 4  # steps whose texts are put in order by length together: less padding
BUCKET = 32  # texts are padded to multiples of this: few shapes to compile
ASKED = 64  # texts read at once where nothing is learnt


def train(model, packs, preset, stage, peak, seconds):
    """Trains a model on packed windows for so many seconds of processor time; see `steps`.

    Returns:
        {"seconds", "steps", "characters" read, "targets" learnt from}.
    """
    done = list(steps(model, packs, preset, stage, peak, seconds))
    spent, characters, targets = zip(*done, strict=True)
    return {
        "seconds": round(spent[-1]),
        "steps": len(done),
        "characters": sum(characters),
        "targets": sum(targets),
    }


def steps(model, packs, preset, stage, peak, seconds, clock=time.process_time):
    """Trains a model on packed windows, a step an item, until `seconds` are over.

    What compiles does so before the first step, and is not counted.

    Args:
        packs: kind → `Windows`.
        preset, stage: the optimiser's numbers, the batch, what is learnt, the shares of the kinds.
        peak: the highest learning rate.
        clock: seconds that are counted, and that the learning rate follows.

    Yields:
        (seconds so far, characters read, targets learnt from).
    """
    every = not isinstance(model, Mended) or model.causal
    batch, loss, examples = (every_position if every else last_position)(
        model, packs, preset, stage
    )
    variables, adam = model.trainable_variables, optimizer(preset, peak)
    adam.build(variables)

    def gradients(*given):
        with tf.GradientTape() as tape:
            nats = loss(*given)
        found = tape.gradient(
            nats, [v.value for v in variables], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return nats, [tf.convert_to_tensor(g) for g in found]  # a table's are slices

    compute = tf.function(gradients, jit_compile=preset.xla)

    @tf.function
    def learn(*given):
        nats, found = compute(*given)
        adam.apply(found, variables)
        return nats

    state = [*model.variables, *adam.variables]
    kept = [variable.numpy() for variable in state]
    for given in examples:
        learn(*map(tf.constant, given))
    for variable, value in zip(state, kept, strict=True):
        variable.assign(value)

    spent = 0.0
    for step in itertools.count():
        before = clock()
        given, learnt = batch(step)
        adam.learning_rate = learning_rate(spent, seconds, peak, preset)
        nats = float(learn(*map(tf.constant, given)))
        if not math.isfinite(nats):
            raise LabError(f"The weights ran away at step {step}; lower the learning rate.")
        spent += clock() - before
        yield spent, given[0].size, int(learnt)
        if spent >= seconds:
            return


def learnt_in(roles, stage):
    """Which characters a stage learns from, bool as `roles`."""
    return roles == ANSWER if stage.answers_only else roles != NOTHING


def every_position(model, packs, preset, stage):
    """Batches and loss of a causal model, which learns from every position; an example to compile.

    Returns:
        step → (what the loss is given, how many targets), the loss, [what the loss is given].
    """
    batches = Batches(packs, stage.shares, preset.batch, preset.seed)

    def batch(step):
        tokens, roles = batches(step)
        learnt = learnt_in(roles[:, 1:], stage)
        return (tokens[:, :-1], tokens[:, 1:], learnt.astype(np.float32)), learnt.sum()

    def loss(tokens, targets, weights):
        found = model(tokens, training=True)
        logits = found["logits"] if isinstance(found, dict) else found
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        return tf.reduce_sum(nats * weights) / tf.maximum(1.0, tf.reduce_sum(weights))

    return batch, loss, [batch(0)[0]]


def last_position(model, packs, preset, stage):
    """Those of a model that sees the future: a text is what stands before a target.

    Targets are drawn from packed windows, one a window; a text begins with the target's document.
    """
    batches = Batches(packs, stage.shares, BATCH * POOL, preset.seed)

    @functools.lru_cache(maxsize=1)
    def pool(number):
        tokens, roles = batches(number)
        chance = np.random.default_rng([preset.seed, number]).random(roles.shape)
        chance[:, 0] = 0  # nothing stands before it
        ends = np.where(learnt_in(roles, stage), chance, 0).argmax(axis=1)
        # No end: a window without a target.
        return sorted(up_to(tokens, [(row, end) for row, end in enumerate(ends) if end]), key=len)

    def batch(step):
        number, part = divmod(step, POOL)
        found = pool(number)
        chosen = [
            found[i * len(found) // (BATCH * POOL)] for i in range(part * BATCH, (part + 1) * BATCH)
        ]
        targets = np.array([text[-1] for text in chosen], np.int32)
        texts, window = [text[:-1] for text in chosen], preset.window
        return (*padded(texts, window), targets), BATCH

    def loss(tokens, lengths, targets):
        logits = model.last(tokens, lengths, training=True)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits))

    def example(length):
        texts = [[BEGIN] * length] * BATCH
        return *padded(texts, preset.window), np.zeros(BATCH, np.int32)

    lengths = {
        min(length + BUCKET - 1, preset.window) for length in range(1, preset.window, BUCKET)
    }
    return batch, loss, [example(length) for length in sorted(lengths)]


def up_to(tokens, places):
    """The texts that end at some places, each from the beginning of its document.

    Args:
        tokens: (windows, time).
        places: (window, position) pairs; no position is 0.

    Returns:
        a list of arrays of ids; the last one is the character at the place.
    """
    begun = np.where(tokens == BEGIN, np.arange(tokens.shape[1]), 0)
    begun = np.maximum.accumulate(begun, axis=1)
    return [tokens[row, begun[row, at - 1] : at + 1] for row, at in places]


def padded(texts, window):
    """Texts of ids, padded on the right: (texts, time ≤ window) and their lengths, both int32."""
    lengths = np.array([len(text) for text in texts], np.int32)
    time = min(window, lengths.max() + -lengths.max() % BUCKET)
    tokens = np.full((len(texts), time), PADDING, np.int32)
    for row, text in zip(tokens, texts, strict=True):
        row[: len(text)] = text
    return tokens, lengths


def surprise(model, texts, targets):
    """Nats of the character after each text, (texts,).

    Args:
        texts: lists of ids.
        targets: (texts,), ids.
    """
    if not isinstance(model, Mended):
        longest = max(map(len, texts))
        rows = np.full((len(texts), longest + 1), PADDING, np.int32)
        for row, text, target in zip(rows, texts, targets, strict=True):
            row[-len(text) - 1 :] = *text, target  # what stands before ⟨begin⟩ is forgotten
        return evaluation.window_nats(model, rows)[:, -1]
    last = tf.function(model.last, input_signature=[tf.TensorSpec([None, None], tf.int32)])
    lengths, targets = np.array([len(text) for text in texts]), np.asarray(targets)
    found = np.empty(len(texts), np.float32)
    for length in np.unique(lengths):  # read as they are: what lies beyond the window is judged
        same = np.flatnonzero(lengths == length)
        for at in np.split(same, range(ASKED, len(same), ASKED)):
            logits = last(tf.constant([texts[i] for i in at], tf.int32))
            found[at] = tf.nn.sparse_softmax_cross_entropy_with_logits(targets[at], logits)
    return found


def answer(model, vocabulary, questions, max_length=60):
    """Answers at temperature 0, as `evaluation.answer` gives them."""
    asked = [question.turns for question in questions]
    if not isinstance(model, Mended):
        return evaluation.answer(model, vocabulary, asked, max_length=max_length)
    prompts = [evaluation.prompt_ids(turns, vocabulary) for turns in asked]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    shapes = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)
    last = tf.function(model.last, input_signature=shapes)
    found = {}
    for start in range(0, len(order), ASKED):
        chosen = order[start : start + ASKED]
        written = complete(model, last, [prompts[i] for i in chosen], max_length)
        found.update(zip(chosen, written, strict=True))
    return [vocabulary.decode(found[i]) for i in range(len(prompts))]


def complete(model, last, prompts, max_length):
    """Continues prompts; for each character the last ones, as many as the window has, are read.

    Args:
        last: the model's `last`, compiled.

    Returns:
        a list of lists of ids, without ⟨end⟩.
    """
    written, live, window = [[] for _ in prompts], range(len(prompts)), model.config.window
    for _ in range(max_length):
        texts = [[*prompts[i], *written[i]][-window:] for i in live]
        logits = last(*map(tf.constant, padded(texts, window))).numpy()
        logits[:, list(NEVER)] = -np.inf
        chosen = dict(zip(live, logits.argmax(axis=-1).tolist(), strict=True))
        live = [i for i in live if chosen[i] != END]
        for i in live:
            written[i].append(chosen[i])
        if not live:
            break
    return written

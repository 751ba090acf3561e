"""Measuring speed: how long functions take beside each other, and what a machine can do at most.

    seconds = measure({"ours": ours, "Keras": keras}, seconds=2.0)

A function is measured by the median of its calls, in turn with those it is compared with. The
rate of matrix products is measured by `planner.product_rate`.
"""

import statistics
import time
from timeit import timeit

import keras
import tensorflow as tf

from .memory import peak_memory
from .optimizer import NOT_DECAYED
from .planner import practice
from .processes import call
from .vocabulary import SPECIAL_NAMES

#: A quicker function is called several times a turn, seconds.
TURN = 0.02


def measure(functions, seconds, timer=None):
    """Seconds a call of each function, the median over turns.

    They take turns, so that whatever else the machine does meets all alike. The first call of
    each, in which it may be compiled, is not counted.

    Args:
        functions: name → function without arguments that returns when its work is done.
        seconds: for each of them, about; at least 3 turns.
        timer: `time.process_time` counts what the cores did, whoever else used them meanwhile;
            None = the clock.

    Returns:
        name → seconds.
    """
    calls, timer = {}, timer or time.perf_counter
    for name, function in functions.items():
        function()
        once = timeit(function, number=1, timer=timer)
        calls[name] = max(1, round(TURN / max(1e-7, once)))
    found = {name: [] for name in functions}
    began, turns = time.perf_counter(), 0
    while turns < 3 or time.perf_counter() - began < seconds * len(functions):
        for name, function in functions.items():
            found[name].append(timeit(function, number=calls[name], timer=timer) / calls[name])
        turns += 1
    return {name: statistics.median(values) for name, values in found.items()}


def memory_bandwidth(seconds, size=8192):
    """Bytes a second at which this machine reads a matrix that fits no cache.

    Measured by the product of a (size, size) fp32 matrix with a vector: it uses each number once.
    """
    matrix, vector = tf.ones((size, size)), tf.ones((size,))
    product = tf.function(tf.linalg.matvec)
    return 4 * size**2 / measure({"": lambda: product(matrix, vector)}, seconds)[""]


def forward_backward(loss, x, variables, xla=True):
    """A function that computes a loss and its gradients, compiled.

    Args:
        loss: a function of x that returns a scalar.
        x: a tensor; gets a gradient, too, if it holds floats.
        variables: Keras variables that get one.
        xla: compiled by XLA; False = a plain TensorFlow graph.
    """
    gradients = tf.function(_gradients(loss, variables), jit_compile=xla)
    compiled = gradients.get_concrete_function(x)  # one shape: nothing to warn of
    return lambda: compiled(x)


def _gradients(loss, variables):
    weights = [variable.value for variable in variables]

    def gradients(x):
        sources = [x, *weights] if x.dtype.is_floating else weights
        with tf.GradientTape() as tape:
            tape.watch(sources)
            value = loss(x)
        # Of a table it is given by rows; the optimiser needs the whole.
        return value, [tf.convert_to_tensor(g) for g in tape.gradient(value, sources)]

    return gradients


def training_parts(trainer, xla=True):
    """The parts of a trainer's step, each alone on random input of a whole batch.

    Returns:
        name → function: forward and backward of stem (with the embedding), each expert, router
        and head (with the loss), and `optimizer`, the update of all weights, never XLA's.
    """
    model, preset = trainer.model, trainer.preset
    shape = (preset.batch, preset.window)
    tokens = tf.random.uniform(
        shape, len(SPECIAL_NAMES), model.config.vocabulary_size, tf.int32, seed=1
    )
    x = tf.random.normal((*shape, model.config.embedding_dim), seed=1)
    begins = tf.zeros(shape, tf.bool)

    def squares(layer, **options):
        state = layer.initial_state(preset.batch)
        return lambda x: tf.reduce_sum(tf.square(layer(x, begins, state, **options)[0]))

    def stem(tokens):
        return squares(model.stem, training=True)(model.embed(tokens))

    def head(x):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, model.head(x))
        return tf.reduce_sum(losses)

    mixed = tf.random.normal((*shape, model.head_norm.gamma.shape[0]), seed=1)
    table = [model.embedding.embeddings]
    output = table if model.output_layer is None else model.output_layer.trainable_variables
    losses = {"stem": (stem, tokens, table + model.stem.trainable_variables)}
    for expert in model.experts:
        losses[expert.name] = squares(expert, training=True), x, expert.trainable_variables
    losses["router"] = squares(model.router), x, model.router.trainable_variables
    losses["head"] = head, mixed, model.head_norm.trainable_variables + output
    parts = {name: forward_backward(*one, xla) for name, one in losses.items()}

    nothing = [tf.zeros(variable.shape) for variable in trainer.variables]
    update = tf.function(lambda gradients: trainer.optimizer.apply(gradients, trainer.variables))
    return parts | {"optimizer": lambda: update(nothing)}


def updates(trainer):
    """The update of all weights, by Keras's AdamW with a trainer's settings, and by the trainer's.

    Returns:
        name → function.
    """
    theirs = keras.optimizers.AdamW.from_config(trainer.optimizer.get_config())
    theirs.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    theirs.build(trainer.variables)
    nothing = [tf.zeros(variable.shape) for variable in trainer.variables]

    def update(optimizer):
        compiled = tf.function(lambda gradients: optimizer.apply(gradients, trainer.variables))
        return lambda: compiled(nothing)

    return {"Keras": update(theirs), "fused": update(trainer.optimizer)}


def peaks(preset, batches):
    """The most memory that the gradient of a preset's model takes, by windows a batch.

    Measured in a process of its own, in which nothing else was freed before, and as a plain graph:
    what XLA takes while it compiles would hide the difference.

    Args:
        batches: numbers of windows.

    Returns:
        batch → bytes of the whole process, libraries included.
    """
    return call(_peaks, preset, sorted(batches))[0]


def _peaks(send, preset, batches):
    trainer, found = practice(preset), {}

    def loss(tokens):
        logits = trainer.model(tokens, training=True)["logits"]
        return tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, logits))

    any_batch = tf.TensorSpec((None, preset.window), tf.int32)
    compiled = tf.function(_gradients(loss, trainer.variables), input_signature=[any_batch])
    for batch in batches:
        compiled(tf.fill((batch, preset.window), len(SPECIAL_NAMES)))
        found[batch] = peak_memory()
    return found

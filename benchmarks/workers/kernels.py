"""A GRU layer, forward and backward, ours or Keras's, and the machine's matrix products."""

import time
from collections import Counter
from dataclasses import replace

import keras
import tensorflow as tf

from mof_lab.arguments import preset_of
from mof_lab.layers import GRU
from mof_lab.model import MoF
from mof_lab.planner import product_rate
from mof_lab.profiling import memory_bandwidth

from ..worker import repeat, serve, warm_up


class Layer:
    """One layer on one random input; gradients go to the input and to all weights."""

    def start_ours(self, batch, time, inputs, units):
        """The lab's GRU, compiled as in its trainer."""
        layer = GRU(units)
        begins, state = tf.zeros((batch, time), tf.bool), tf.zeros((batch, units))
        return self._start(layer, lambda x: layer(x, begins, state)[0], True, batch, time, inputs)

    def start_keras(self, batch, time, inputs, units):
        """Keras's GRU as a graph, which is quicker than XLA here."""
        layer = keras.layers.GRU(units, return_sequences=True)
        return self._start(layer, layer, False, batch, time, inputs)

    def _start(self, layer, forward, jit_compile, batch, time, inputs):
        layer.build((batch, time, inputs))
        x = tf.random.normal((batch, time, inputs), seed=1)
        weights = [variable.value for variable in layer.trainable_variables]

        @tf.function(jit_compile=jit_compile)
        def gradients(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(tf.square(forward(x)))
            return tape.gradient(loss, [x, *weights])

        def step():
            gradients(x)[0].numpy()
            return batch * time

        self.step = step
        warm_up(step)
        return {}

    def run(self, seconds):
        """Forward and backward for so long; see `worker.repeat`."""
        return repeat(self.step, seconds)


class Products:
    """The matrix products of a training step at their own shapes, and nothing else.

    For each kernel the product forwards and the two backwards. A recurrent one meets the state of
    one position at a time, but for the gradient of its weights: those come one after the other in
    a loop of the graph, as there.
    """

    def start(self, preset, batch, window, experts=()):
        """Collects the shapes from the preset's model; `experts`: none = its own."""
        preset = preset_of(preset, experts)
        model = MoF(replace(preset.model, vocabulary_size=preset.vocabulary_size))
        self._begin(batch, window)
        for variable in model.trainable_variables:
            if len(variable.shape) != 2 or "embedding" in variable.path.split("/")[-1]:
                continue
            self._add(*variable.shape, recurrent=variable.name == "recurrent_kernel")
        if model.output_layer is None:
            outputs, inputs = model.embedding.embeddings.shape
            self._add(inputs, outputs)
        return self._compile()

    def start_layer(self, batch, time, inputs, units):
        """Those of one GRU layer, with the gradient of its input."""
        self._begin(batch, time)
        self._add(inputs, 3 * units)
        self._add(units, 3 * units, recurrent=True)
        return self._compile()

    def _begin(self, batch, time):
        self.batch, self.time, self.tokens, self.products = batch, time, batch * time, Counter()

    def _add(self, inputs, outputs, recurrent=False):
        """The three products of a kernel (inputs, outputs), as (rows, inner, columns) → times."""
        times, rows = (self.time, self.batch) if recurrent else (1, self.tokens)
        self.products[rows, inputs, outputs] += times
        self.products[rows, outputs, inputs] += times
        self.products[inputs, self.tokens, outputs] += 1

    def _compile(self):
        """Makes each product ready in two ways; the quicker one counts."""
        self.ways = []
        for (rows, inner, columns), times in self.products.items():
            a, b = tf.random.normal((rows, inner)), tf.random.normal((inner, columns))
            ways = [tf.function(_one_by_one, jit_compile=xla) for xla in (False, True)]
            for way in ways:
                way(a, b, times)
            self.ways.append((ways, a, b, times))
        return {}

    def run(self):
        """{"tokens", "seconds"} of one step; each shape by its quickest of three."""
        seconds = sum(
            min(_seconds(way, a, b, times) for way in ways for _ in range(3))
            for ways, a, b, times in self.ways
        )
        return {"tokens": self.tokens, "seconds": seconds}


def _one_by_one(a, b, times):
    """So many products, each of which waits for the one before, as in a recurrence."""
    if times == 1:
        return tf.matmul(a, b)

    def again(i, a):
        return i + 1, a + 1e-30 * tf.reduce_max(tf.matmul(a, b), axis=1, keepdims=True)

    return tf.while_loop(lambda i, _: i < times, again, (0, a), maximum_iterations=times)[1]


def _seconds(products, a, b, times):
    started = time.perf_counter()
    products(a, b, times).numpy()
    return time.perf_counter() - started


def matmul(seconds):
    """{"flops"}: floating-point operations a second of a matrix product."""
    return {"flops": product_rate(seconds)}


def bandwidth(seconds):
    """{"bytes"}: read from memory a second by the product of a matrix with a vector."""
    return {"bytes": memory_bandwidth(seconds)}


if __name__ == "__main__":
    one, products = Layer(), Products()
    serve(
        {
            "start_ours": one.start_ours,
            "start_keras": one.start_keras,
            "run": one.run,
            "matmul": matmul,
            "bandwidth": bandwidth,
            "start_products": products.start,
            "start_layer_products": products.start_layer,
            "run_products": products.run,
        }
    )

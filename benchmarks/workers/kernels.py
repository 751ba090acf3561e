"""A GRU layer, forward and backward, ours or Keras's, and the machine's matrix-product rate."""

import keras
import tensorflow as tf

from mof_lab.layers import GRU
from mof_lab.planner import product_rate

from ..worker import repeat, serve


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
        step()
        return {}

    def run(self, seconds):
        """Forward and backward for so long; see `worker.repeat`."""
        return repeat(self.step, seconds)


def matmul(seconds):
    """{"flops"}: floating-point operations a second of a matrix product."""
    return {"flops": product_rate(seconds)}


if __name__ == "__main__":
    one = Layer()
    serve(
        {
            "start_ours": one.start_ours,
            "start_keras": one.start_keras,
            "run": one.run,
            "matmul": matmul,
        }
    )

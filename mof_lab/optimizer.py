"""AdamW that updates weights and moments where they lie."""

import keras
import tensorflow as tf


class AdamW(keras.optimizers.AdamW):
    """Keras's AdamW (Loshchilov and Hutter 2019), each variable updated by one fused operation.

    Same numbers, half the memory: Keras's own update makes new weights and moments beside the
    old ones before it stores them, for all variables at once if XLA compiles it.
    """

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.convert_to_tensor(learning_rate),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )

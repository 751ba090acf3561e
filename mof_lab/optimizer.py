"""The optimisers: AdamW that updates weights and moments where they lie; Muon; Lion."""

import math

import keras
import tensorflow as tf

from .errors import LabError

#: Variables without weight decay, by a part of their name.
NOT_DECAYED = ("bias", "gamma", "beta", "alpha")
AHEAD = 7  # updates that may begin before an earlier one is over: enough to keep all cores busy


class AdamW(keras.optimizers.AdamW):
    """Keras's AdamW (Loshchilov and Hutter 2019), each variable updated where it lies.

    Same numbers, less memory: Keras clips all gradients, decays all weights and makes all new
    weights and moments before it stores the first of them. Here a few variables at a time have
    their turn, and what an update needs is gone before a later one begins.
    """

    def _clip_gradients(self, grads):
        self._updates = []  # of this step, in the variables' order
        limit, self._share = self.global_clipnorm, None
        if not limit:
            return super()._clip_gradients(grads)
        self._share = limit / tf.maximum(tf.linalg.global_norm(grads), limit)
        return grads

    def _apply_weight_decay(self, variables):
        """Each variable's turn has its own."""

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        with tf.control_dependencies(self._updates[:-AHEAD][-1:]):
            if self._share is not None:
                gradient = gradient * self._share
            if self._use_weight_decay(variable):
                variable.assign_sub(variable * (self.weight_decay * learning_rate))
            update = tf.raw_ops.ResourceApplyAdam(
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
        if update is not None:  # outside of a graph there is nothing to wait for
            self._updates.append(update)


def optimizer(preset, learning_rate):
    """The optimiser of a preset, not built yet.

    Muon (Jordan et al. 2024) makes each matrix's update orthogonal, scaled so that AdamW's
    learning rate and decay fit (Liu et al. 2025); the embedding and all that is no matrix get
    AdamW. Lion (Chen et al. 2023) keeps one moment and steps by its sign: it wants about a
    fifth of AdamW's learning rate, and five times its decay.
    """
    shared = {
        "weight_decay": preset.weight_decay,
        "global_clipnorm": preset.clip_norm,
        "use_ema": preset.average > 0,
        "ema_momentum": preset.average or None,
    }
    if preset.optimizer == "adamw":
        made = AdamW(learning_rate, beta_2=0.98, **shared)
    elif preset.optimizer == "muon":
        made = keras.optimizers.Muon(
            learning_rate, adam_beta_2=0.98, adam_weight_decay=preset.weight_decay, **shared
        )
    elif preset.optimizer == "lion":
        made = keras.optimizers.Lion(learning_rate, **shared)
    else:
        raise LabError(f"There is no optimiser {preset.optimizer!r}; choose adamw, muon or lion.")
    made.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return made


def learning_rate(step, steps, peak, preset):
    """Of a step of `steps`: a linear warm-up, then half a cosine down to `final_rate` · peak."""
    warmup = max(1, round(steps * preset.warmup))
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return peak * (preset.final_rate + (1 - preset.final_rate) * (1 + math.cos(math.pi * done)) / 2)

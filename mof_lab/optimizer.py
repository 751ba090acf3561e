"""The optimisers: AdamW that updates weights and moments where they lie; Muon; Lion."""

import math

import keras
import tensorflow as tf

from .errors import LabError

#: Variables without weight decay, by a part of their name.
NOT_DECAYED = ("bias", "gamma", "beta", "alpha")


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

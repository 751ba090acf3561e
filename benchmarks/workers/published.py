"""The published package, `xiaothink`: its model in training, and its way of generating.

The package has no training loop. Keras's own is used, with the legacy Adam, which takes as long
as the newer one and less memory; compiled with XLA this model is compiled anew at every step, so
it is not. Generation is the loop of its chat: the last 128 characters are run again
for every new one, with its chat's settings.
"""

import numpy as np
import tensorflow as tf
from xiaothink.llm.inference import build_model as published
from xiaothink.llm.inference import test as generation

from ..worker import repeat, serve, warm_up

WINDOW = 128  # what its generation runs again


class Published:
    """Its MoF at the size of one of our presets; at t6 it is its own `t6_beta_dense`."""

    def build(self, vocabulary_size, config):
        """Builds the model.

        Args:
            config: the sizes of a `ModelConfig`, or None for `t6_beta_dense`.
        """
        embedding_dim, sizes, window = published.dic["t6_beta_dense"]
        if config is not None:
            embedding_dim = config["embedding_dim"]
            sizes = {
                **sizes,
                "rnn_units": config["gru_units"],
                "router_units": config["router_units"],
                "trans_layers": config["num_layers"],
                "num_heads": config["num_heads"],
                "dff_factor": int(config["ffn_multiplier"]),
            }
        self.vocabulary_size = vocabulary_size
        self.model = published.build_model(
            vocabulary_size, embedding_dim, sizes, batch_size=1, mt="t6_beta_dense", window=window
        )

    def start(self, vocabulary_size, config, batch, window):
        """Builds it and trains on noise until steps are steady."""
        self.build(vocabulary_size, config)
        self.model.compile(
            tf.keras.optimizers.legacy.Adam(1e-4),
            tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        self.shape, self.rng = (batch, window + 1), np.random.default_rng(1)
        warm_up(self._step)
        parameters = self.model.count_params()
        embedding = next(x for x in self.model.layers if hasattr(x, "token_emb")).token_emb
        return {"parameters": parameters, "in_products": parameters - embedding.count_params()}

    def run(self, seconds):
        """Trains for so long; see `worker.repeat`."""
        return repeat(self._step, seconds)

    def _step(self):
        tokens = self.rng.integers(1, self.vocabulary_size, self.shape)
        self.model.train_on_batch(tokens[:, :-1], tokens[:, 1:])
        return tokens[:, 1:].size

    def start_answering(self, vocabulary_size, config):
        """Builds it and writes two characters."""
        self.build(vocabulary_size, config)
        letters = ["▩", *(chr(0x4E00 + i) for i in range(vocabulary_size - 1))]
        self.vocabulary = [{c: i for i, c in enumerate(letters)}, np.array(letters)]
        self.answer(2)
        return {"parameters": self.model.count_params()}

    def answer(self, characters):
        """Writes so many characters after a window full of text: {"tokens", "seconds"}."""

        def step():
            generation.generate_texts_untilstr_loop(
                self.model,
                self.vocabulary,
                self.vocabulary[1][-1] * WINDOW,
                num_generate=characters,
                temperature=0.32,
                top_p=0.8,
                stop_c=[],
            )
            return characters

        return repeat(step, 0)


if __name__ == "__main__":
    one = Published()
    serve(
        {
            "start": one.start,
            "run": one.run,
            "start_answering": one.start_answering,
            "answer": one.answer,
        }
    )

"""A model without TensorFlow, for tests of what is around one."""

from types import SimpleNamespace

import numpy as np

from mof_lab.vocabulary import END


class Variable:
    """What a checkpoint saves of a variable."""

    def __init__(self, path, value):
        self.path, self.value = path, value

    def numpy(self):
        return np.asarray(self.value)

    def assign(self, value):
        self.value = value


class EchoModel:
    """Answers with the character that it read last; asked as a `litert.Model` is."""

    pieces = (16, 1)

    def __init__(self, vocabulary, context_length=200):
        self.size = len(vocabulary)
        self.config = SimpleNamespace(experts=("gru",), context_length=context_length)
        self.read = []  # every id

    def initial_state(self):
        return ()

    def reader(self, expert=None, router_weights=None):
        def read(tokens, state):
            self.read += tokens[0].tolist()
            logits = np.zeros((1, self.size), np.float32)
            last = self.read[-1]
            logits[0, last if last > END else END + 1] = 9.0
            return {"logits": logits, "router_weights": np.ones((1, 1)), "state": state}

        return read

"""How large a model is, and what training it takes of the memory: said before it begins."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .errors import LabError
from .limits import allowed_memory

GB = 1e9
#: Weight, gradient and AdamW's two moments, in fp32.
BYTES_A_PARAMETER = 16
#: What a step keeps for its gradient, by `Size.numbers`: from peaks of tiny and small.
BYTES_A_NUMBER = 10
#: A parameter's share where a step is computed in parts: their gradients are added up beside it,
#: and what a save copies does not fit into what the step let go. From t6 in 4 parts (5.2 GB).
BYTES_BESIDE_PARTS = 20
#: Libraries, what XLA compiled, and the process that waits: what is left of the measured peaks of
#: tiny (1.4 GB), small with 4,096 characters a step (2.4 GB) and t6 with 2,048 (7.0 GB).
FIXED_MEMORY = 1.2 * GB


@dataclass(frozen=True)
class Size:
    """What decides the cost of one character in training."""

    parameters: int
    multiplied: int  # parameters without tables that are only looked up
    numbers: int  # that go into and out of the matrices


def in_a_thread(make):
    """What a function gives in a thread of its own.

    Keras notes for each thread which variables have no value yet, and draws them later: those of a
    model that is only looked at must not be among them.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(make).result()


def without_values(make):
    """What a function makes with variables that have shapes and no values: nothing is allocated."""
    import keras

    def made():
        with keras.StatelessScope(initialize_variables=False):
            return make()

    return in_a_thread(made)


def size_of_model(model):
    """The `Size` of a model."""
    parameters = model.count_params()
    looked_up = 0 if model.config.tied_embeddings else model.embedding.count_params()
    looked_up += model.config.learned_positions * model.config.embedding_dim
    matrices = [
        v.shape for v in model.trainable_variables if len(v.shape) == 2 and min(v.shape) > 2
    ]
    return Size(parameters, parameters - looked_up, sum(sum(shape) for shape in matrices))


def least_size(config):
    """A `Size` that no model of a `ModelConfig` is below; without TensorFlow."""
    parameters = config.fewest_parameters()
    numbers = sum(rows + columns for rows, columns in config.fewest_matrices())
    return Size(parameters, parameters, numbers)


def own_memory(size, preset):
    """Bytes for the weights and for a step of a preset whose model has this `Size`."""
    a_parameter = BYTES_A_PARAMETER + BYTES_BESIDE_PARTS * (preset.accumulate > 1)
    characters = preset.batch * preset.window / preset.accumulate  # that lie in memory together
    return a_parameter * size.parameters + BYTES_A_NUMBER * size.numbers * characters


def check_memory(model, preset):
    """Refuses a training that would be killed for its memory, before it begins.

    All parts of the model count: a preset that can't be finished is not begun.
    """
    check_size(size_of_model(model), preset)


def check_size(size, preset):
    """`check_memory` for a model that need not be there yet."""
    needed = FIXED_MEMORY + own_memory(size, preset)
    allowed = allowed_memory()
    if needed > allowed:
        raise LabError(
            f"Training {preset.name} takes about {needed / GB:.1f} GB of memory, and this machine "
            f"or container gives {allowed / GB:.1f} GB; choose a smaller preset, give it more, or "
            "set accumulate to compute a step in parts."
        )

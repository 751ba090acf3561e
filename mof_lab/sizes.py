"""How large a model is, and what training it takes of the memory: said before it begins."""

from dataclasses import dataclass

from .errors import LabError
from .limits import allowed_memory

GB = 1e9
#: Weight, gradient and AdamW's two moments, in fp32.
BYTES_A_PARAMETER = 16
#: What a step keeps for its gradient, by `Size.numbers`: from peaks of tiny and small.
BYTES_A_NUMBER = 10
#: Libraries, what XLA compiled, and the process that waits: what is left of the measured peaks of
#: tiny (1.4 GB), small with 4,096 characters a step (2.4 GB) and t6 with 2,048 (7.0 GB).
FIXED_MEMORY = 1.2 * GB


@dataclass(frozen=True)
class Size:
    """What decides the cost of one character in training."""

    parameters: int
    multiplied: int  # parameters without tables that are only looked up
    numbers: int  # that go into and out of the matrices


def size_of_model(model):
    """The `Size` of a model."""
    parameters = model.count_params()
    looked_up = 0 if model.config.tied_embeddings else model.embedding.count_params()
    looked_up += model.config.learned_positions * model.config.embedding_dim
    matrices = [
        v.shape for v in model.trainable_variables if len(v.shape) == 2 and min(v.shape) > 2
    ]
    return Size(parameters, parameters - looked_up, sum(sum(shape) for shape in matrices))


def own_memory(size, characters):
    """Bytes for the weights and for a step of so many characters."""
    return BYTES_A_PARAMETER * size.parameters + BYTES_A_NUMBER * size.numbers * characters


def characters_at_once(preset):
    """Of a step, those that lie in memory together."""
    return preset.batch * preset.window / preset.accumulate


def check_memory(model, preset):
    """Refuses a training that would be killed for its memory, before it begins.

    All parts of the model count: a preset that can't be finished is not begun.
    """
    needed = FIXED_MEMORY + own_memory(size_of_model(model), characters_at_once(preset))
    allowed = allowed_memory()
    if needed > allowed:
        raise LabError(
            f"Training {preset.name} takes about {needed / GB:.1f} GB of memory, and this machine "
            f"or container gives {allowed / GB:.1f} GB; choose a smaller preset, give it more, or "
            "set accumulate to compute a step in parts."
        )

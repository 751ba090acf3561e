"""What of a model is switched off; without TensorFlow. `ablation` runs a model so."""

from dataclasses import dataclass

from .errors import LabError


@dataclass(frozen=True)
class Off:
    """What is switched off; nothing as it is made."""

    heads: frozenset = frozenset()  # of (block, head): what the head brings becomes zero
    thoughts: frozenset = frozenset()  # of blocks: nothing is added to the stream there
    experts: frozenset = frozenset()  # of names: the others share the router's weights

    def __post_init__(self):
        for name in ("heads", "thoughts", "experts"):
            object.__setattr__(self, name, frozenset(getattr(self, name)))

    def __bool__(self):
        return bool(self.heads or self.thoughts or self.experts)

    def checked(self, config):
        """This, if a model of that `ModelConfig` has all of it and something stays on.

        Raises:
            LabError: there is no such part, or no expert would be left.
        """
        blocks = config.num_layers if "transformer" in config.experts else 0
        for block, head in sorted(self.heads):
            if not (0 <= block < blocks and 0 <= head < config.num_heads):
                raise LabError(
                    f"There is no head {head} in block {block}; the model has {blocks} blocks of "
                    f"{config.num_heads} heads, counted from 0."
                )
        for block in sorted(self.thoughts):
            if not 0 <= block < blocks:
                raise LabError(
                    f"There is no thought space in block {block}; the model has {blocks} blocks, "
                    "counted from 0."
                )
        for name in sorted(self.experts):
            config.expert_index(name)  # says so if there is none
        if len(self.experts) == len(config.experts):
            raise LabError("All experts are switched off; leave at least one on.")
        return self


NOTHING = Off()

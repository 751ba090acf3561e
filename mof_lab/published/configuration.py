"""The sizes of the published T6 models, by the names that the package gives them."""

import json
import operator
import reprlib
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from ..errors import LabError
from ..files import path_of

#: Of a size, as 32 bits hold it.
MOST = 2**31 - 1
#: What its chat lets the model see: the last so many characters.
SEEN = 128


@dataclass(frozen=True)
class PublishedConfig:
    """One published model; the fields are those of a `config.json`."""

    vocab_size: int = 0  # characters; 0 = as many as the vocabulary file has
    embedding_dim: int = 512  # width of the stem and of the transformer expert
    gru_units: int = 1400  # width of the GRU expert and of the mixture
    router_units: int = 128  # hidden units of the router's GRU
    num_layers: int = 23  # blocks of the transformer expert
    num_heads: int = 8  # attention heads a block
    ffn_multiplier: int = 1  # feed-forward width / embedding_dim
    window: int = 200  # the transformer expert sees the last so many positions
    max_length: int = 4096  # rows of the position table: no text may be longer

    #: Of each published model, in the order of its router's weights.
    experts = ("gru", "transformer")

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "vocab_size" else 1
            whole = _whole(value)
            if whole is None or not least <= whole <= MOST:
                raise LabError(
                    f"{field.name} of the published model is {reprlib.repr(value)}; "
                    f"expected a whole number from {least} to {MOST:,}."
                )
            object.__setattr__(self, field.name, whole)
        if self.embedding_dim % self.num_heads:
            raise LabError(
                f"embedding_dim {self.embedding_dim} is not a multiple of num_heads "
                f"{self.num_heads}; the published attention can't be cut into such heads."
            )

    @property
    def context_length(self):
        """Characters that the model sees in a chat."""
        return min(SEEN, self.max_length)

    def expert_index(self, name):
        """The place of an expert in the list."""
        if name not in self.experts:
            raise LabError(f"The model has no expert {name!r}; it has {', '.join(self.experts)}.")
        return self.experts.index(name)


def _whole(value):
    """A whole number of Python or NumPy as an int; None if it is none."""
    try:
        return None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        return None


def _sizes(embedding_dim, gru_units, router_units, num_layers, num_heads, ffn, window, length):
    return PublishedConfig(
        0, embedding_dim, gru_units, router_units, num_layers, num_heads, ffn, window, length
    )


#: The text models of xiaothink 1.5.1; it has the sizes of the last two but can't build them.
CONFIGURATIONS = {
    #                       embed   gru  router  layers  heads  ffn  window  length
    "t6_beta_dense": _sizes(512, 1400, 128, 23, 8, 1, 200, 4096),
    "t6_mini2": _sizes(360, 2400, 128, 37, 6, 2, 130, 2048),
    "t6_tiny": _sizes(240, 1400, 64, 39, 4, 2, 140, 2048),
    "t6_deep": _sizes(360, 1200, 128, 73, 4, 2, 130, 1024),
    "t6_standard": _sizes(512, 1100, 128, 33, 8, 4, 140, 2048),
    "t6_fast": _sizes(256, 600, 64, 17, 4, 2, 140, 2048),
    "t6_large": _sizes(920, 1200, 512, 41, 4, 2, 130, 2048),
    "t6_bigger": _sizes(1024, 4096, 128, 23, 8, 2, 130, 4096),
    "t6_beta_big": _sizes(512, 4096, 128, 37, 8, 2, 130, 4096),
}


def configuration_of(given, vocabulary_size):
    """A `PublishedConfig` with its `vocab_size`.

    Args:
        given: a name in `CONFIGURATIONS`, a dict as in `config.json`, the path of such a file, or
            a `PublishedConfig`.
        vocabulary_size: characters in the vocabulary file.
    """
    config = given if isinstance(given, PublishedConfig) else _read(given)
    if config.vocab_size not in (0, vocabulary_size):
        raise LabError(
            f"The configuration has {config.vocab_size:,} characters but the vocabulary file "
            f"{vocabulary_size:,}; take the two files that were published together."
        )
    return replace(config, vocab_size=vocabulary_size)


def _read(given):
    if isinstance(given, Path) or (isinstance(given, str) and given.endswith(".json")):
        given = _in_file(given)
    if isinstance(given, str):
        if given not in CONFIGURATIONS:
            reason = " (it reads images)" if given.endswith("_vision") else ""
            raise LabError(
                f"{given!r}{reason} is none of the published T6 text models, which are "
                f"{', '.join(CONFIGURATIONS)}; choose one, or give the sizes as a dict."
            )
        return CONFIGURATIONS[given]
    names = {field.name for field in fields(PublishedConfig)}
    if not isinstance(given, dict) or set(given) - names or names - {"vocab_size"} - set(given):
        shown = sorted(map(str, given)) if isinstance(given, dict) else given
        raise LabError(
            f"The configuration {shown!r} is not one of a published model; expected a name such "
            f"as 't6_beta_dense', or a dict or a file with {', '.join(sorted(names))}."
        )
    return PublishedConfig(**given)


def _in_file(given):
    path = path_of(given, "configuration file")
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        reason = error.strerror
    except (ValueError, RecursionError):
        reason = "it is not JSON"
    raise LabError(
        f"The configuration file {path} can't be read: {reason}; give the path of a config.json, "
        "or a name such as 't6_beta_dense'."
    )

"""Every number of a model and of its training, as frozen dataclasses, and the presets.

A preset is written out in full: what you read is what runs. Sizes are in units of the
layer they name, rates are per step, shares sum to one.
"""

import math
from dataclasses import asdict, dataclass, fields, replace

from .errors import LabError

FEATURE_MAPS = ("softmax", "elu")  # see `layers.FEATURE_MAPS`
#: Of the numbers of a `ModelConfig`: (type, lowest, highest); beyond them a file is damaged.
RANGES = {
    "vocabulary_size": (int, 0, 2**16),  # ids are packed as uint16
    "embedding_dim": (int, 1, 2**16),
    "gru_units": (int, 1, 2**16),
    "num_layers": (int, 1, 1000),
    "num_heads": (int, 1, 2**16),
    "ffn_multiplier": (float, 0.01, 100),
    "router_units": (int, 1, 2**16),
    "shortest_memory": (int, 0, 10**9),
    "longest_memory": (int, 0, 10**9),
    "learned_positions": (int, 0, 10**7),
    "stem_blend": (float, 0, 1),
    "dropout": (float, 0, 0.99),
    "context_length": (int, 1, 10**9),
}


@dataclass(frozen=True)
class ModelConfig:
    """The architecture of one MoF (see `model.MoF`)."""

    vocabulary_size: int = 0  # characters and special tokens; 0 until a vocabulary is built
    embedding_dim: int = 128  # width of the embedding, the stem and the transformer
    experts: tuple[str, ...] = ("gru", "transformer")  # names in `experts.EXPERTS`, in order
    gru_units: int = 256  # hidden units of the GRU expert (wide and shallow)
    num_layers: int = 3  # blocks of the transformer expert (deep and narrow)
    num_heads: int = 4  # attention heads a block
    ffn_multiplier: float = 2.0  # feed-forward width / embedding_dim
    router_units: int = 32  # hidden units of the router's GRU
    shortest_memory: int = 8  # positions: the half-life of the quickest-forgetting head
    longest_memory: int = 0  # positions: half-life of the slowest head; 0 = it never forgets
    feature_map: str = "softmax"  # φ of the linear attention; the article's is "elu"
    pre_norm: bool = True  # norm before each sublayer; False is the article's add-and-norm
    tied_embeddings: bool = True  # the output layer reuses the embedding table
    learned_positions: int = 0  # rows of a position table; 0 = decay alone tells the order
    stem_blend: float = 0.5  # q of the stem's residual q f(e) + (1 - q) e; the article has 0.4
    dropout: float = 0.0  # share of activations dropped in training
    recompute: bool = False  # blocks compute twice instead of keeping what their gradient needs
    context_length: int = 2048  # characters of history a chat is meant for

    def __post_init__(self):
        for name, (kind, low, high) in RANGES.items():
            value = getattr(self, name)
            kinds = (int, float) if kind is float else int
            if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
                number = "a whole number" if kind is int else "a number"
                raise LabError(f"{name} is {value!r}; expected {number} from {low} to {high}.")
        for name in ("pre_norm", "tied_embeddings", "recompute"):
            if not isinstance(getattr(self, name), bool):
                raise LabError(f"{name} is {getattr(self, name)!r}; expected true or false.")
        if self.feature_map not in FEATURE_MAPS:
            choices = ", ".join(FEATURE_MAPS)
            raise LabError(f"feature_map is {self.feature_map!r}; expected one of {choices}.")
        if self.embedding_dim % self.num_heads:
            raise LabError(
                f"embedding_dim {self.embedding_dim} is not a multiple of num_heads "
                f"{self.num_heads}; choose a multiple."
            )
        if self.inner_dim < 1:
            enough = 1.01 / self.embedding_dim  # more than one unit, however it is rounded
            raise LabError(
                f"ffn_multiplier is {self.ffn_multiplier!r}; expected at least {enough:.3g}: "
                "the feed-forward layer needs one unit or more."
            )
        if not self.experts:
            raise LabError("A model needs at least one expert; name some in `experts`.")
        if not isinstance(self.experts, tuple) or not all(isinstance(e, str) for e in self.experts):
            raise LabError(f"experts is {self.experts!r}; expected names.")
        parts = (*self.experts, "stem", "head", "router", "all")  # a stage says what it trains
        if len(set(parts)) < len(parts):
            raise LabError(
                f"experts are {', '.join(self.experts)}; expected names that differ, none of them "
                "stem, head, router or all: register the class under another name too."
            )

    @property
    def inner_dim(self):
        """Width of the transformer's feed-forward layers."""
        return int(self.embedding_dim * self.ffn_multiplier)

    def expert_index(self, name):
        """The place of an expert in the list."""
        if name not in self.experts:
            raise LabError(f"The model has no expert {name!r}; it has {', '.join(self.experts)}.")
        return self.experts.index(name)

    def fewest_matrices(self):
        """(rows, columns) of the embedding and of the largest matrices that such a model has."""
        d, units, router = self.embedding_dim, self.gru_units, self.router_units
        inner = self.inner_dim
        found = [(self.vocabulary_size, d), (router, 3 * router), (d, 3 * router)]
        if not self.tied_embeddings:
            found.append((units, self.vocabulary_size))
        if "gru" in self.experts:
            found += [(units, 3 * units), (d, 3 * units)]
        if "transformer" in self.experts:
            found.append((self.learned_positions, d))
            found += [(d, 3 * d), (d, inner), (inner, d)] * self.num_layers
        return found

    def fewest_parameters(self):
        """So many parameters such a model has at least."""
        return sum(rows * columns for rows, columns in self.fewest_matrices())


@dataclass(frozen=True)
class Stage:
    """One step of the training."""

    name: str  # also the name of its checkpoint folder
    trains: tuple[str, ...]  # parts that learn: "stem", "head", "router", an expert, or "all"
    steps: int  # optimiser steps
    expert: str = ""  # train this expert alone; "" = the mixture
    answers_only: bool = False  # loss on the assistant's characters only
    learning_rate: float = 3e-3  # peak
    shares: tuple[tuple[str, float], ...] = ()  # kind of text -> share of the windows
    # Factor of the router's load-balance term (`router.router_loss`); 0 = off. Where a batch is
    # computed in parts (`Preset.accumulate`) it is the term of each part; workers refuse it.
    balance: float = 0.0
    entropy: float = 0.0  # factor of its entropy term: > 0 chooses, < 0 blends; 0 = off

    def __post_init__(self):
        if not (0 <= self.balance < math.inf and abs(self.entropy) < math.inf):
            raise LabError(
                f"balance is {self.balance} and entropy {self.entropy}; expected numbers, the "
                "first at least 0."
            )
        if self.expert and (self.balance or self.entropy):
            raise LabError(
                f"Stage {self.name!r} trains the expert {self.expert} alone, without the router; "
                "leave its balance and entropy at 0."
            )


@dataclass(frozen=True)
class Preset:
    """A model, its training and what it costs."""

    name: str
    about: str  # one line for a menu: size, time and memory on 2 cores
    model: ModelConfig
    stages: tuple[Stage, ...]
    window: int  # characters a window
    batch: int  # windows a step
    vocabulary_size: int  # at most so many characters; the rest become ▩
    reasoning_examples: int  # dialogues drawn from the reasoning generator
    shelves: tuple[str, ...]  # folders of `data/` that it reads
    minutes: float  # budget on a slow machine: stages are shortened to fit it
    memories: int = 0  # dialogues in which something is told and asked for later
    weight_decay: float = 0.02
    warmup: float = 0.05  # share of a stage's steps
    final_rate: float = 0.05  # learning rate at the end / peak
    clip_norm: float = 1.0  # global gradient norm
    optimizer: str = "adamw"  # or "muon", "lion" (see `optimizer`)
    average: float = 0.0  # the weights kept are a running mean with this momentum; 0 = the last
    order: str = "mixed"  # of the windows; or "length", "difficulty", "kind" (see `curriculum`)
    accumulate: int = 1  # parts that a batch is computed in, one after the other, to save memory
    xla: bool = True  # compile the training step with XLA; False = a plain TensorFlow graph
    seed: int = 1

    def stage(self, name):
        """The stage of that name."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        names = ", ".join(stage.name for stage in self.stages)
        raise LabError(f"There is no stage {name!r} in preset {self.name!r}; it has {names}.")

    def shortened(self, factor):
        """The same preset with `factor` times the steps (at least 2 a stage)."""
        stages = tuple(replace(s, steps=max(2, round(s.steps * factor))) for s in self.stages)
        return replace(self, stages=stages)

    def with_experts(self, names):
        """The same preset of other experts: each learns alone first, a new one as the last does.

        The first learns with stem and head, on which the others then stand.

        Raises:
            LabError: names are the same, or that of a part or of another stage.
        """
        model = replace(self.model, experts=tuple(names))
        alone = {stage.expert: stage for stage in self.stages if stage.expert}
        together = [stage for stage in self.stages if not stage.expert]
        taken = [stage.name for stage in together if stage.name in names]
        if taken:
            raise LabError(
                f"An expert is called {taken[0]!r}, as a stage of {self.name} is; register it "
                "under another name."
            )
        if not alone:  # they learn together from the beginning
            return replace(self, model=model)
        *_, last = alone.values()
        own = [
            replace(alone.get(name, last), name=name, trains=(name,), expert=name) for name in names
        ]
        own[0] = replace(own[0], trains=("stem", "head", names[0]))
        return replace(self, model=model, stages=(*own, *together))


PRETRAIN = (("story", 0.18), ("chat", 0.17), ("knowledge", 0.3), ("reasoning", 0.35))
CHAT = (("story", 0.03), ("chat", 0.12), ("knowledge", 0.45), ("reasoning", 0.40))
#: With more kinds of reasoning, more small talk and talks to remember.
SMALL_CHAT = (("story", 0.02), ("chat", 0.28), ("knowledge", 0.35), ("reasoning", 0.35))


def _stages(gru, transformer, router, joint, chat, rate, chat_shares=CHAT):
    return (
        Stage("gru", ("stem", "head", "gru"), gru, "gru", False, rate, PRETRAIN),
        Stage("transformer", ("transformer",), transformer, "transformer", False, rate, PRETRAIN),
        Stage("router", ("router",), router, "", False, rate, PRETRAIN),
        Stage("joint", ("all",), joint, "", False, rate * 0.8, PRETRAIN),
        Stage("chat", ("all",), chat, "", True, rate, chat_shares),
    )


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            name="tiny",
            about="1 M parameters, all stages in under 10 minutes, under 1.5 GB",
            model=ModelConfig(dropout=0.1),
            stages=_stages(600, 600, 120, 600, 7000, 3e-3),
            window=128,
            batch=8,
            vocabulary_size=2400,
            reasoning_examples=60_000,
            shelves=("core",),
            minutes=9.3,
            weight_decay=0.3,
        ),
        Preset(
            name="small",
            about="4 M parameters, up to 2½ hours, about 2 GB",
            model=ModelConfig(
                embedding_dim=224,
                gru_units=448,
                num_layers=4,
                num_heads=8,
                router_units=48,
                dropout=0.1,
            ),
            stages=_stages(600, 600, 120, 1200, 12000, 2e-3, SMALL_CHAT),
            window=256,
            batch=8,
            vocabulary_size=4000,
            reasoning_examples=200_000,
            shelves=("core", "more"),
            memories=20_000,
            minutes=150.0,
            weight_decay=0.3,
        ),
        Preset(
            name="base",
            about="20 M parameters, overnight",
            model=ModelConfig(
                embedding_dim=384,
                gru_units=1024,
                num_layers=8,
                num_heads=8,
                router_units=96,
                dropout=0.1,
            ),
            stages=_stages(12000, 10000, 1000, 14000, 6000, 1.5e-3),
            window=512,
            batch=16,
            vocabulary_size=6000,
            reasoning_examples=200_000,
            shelves=("core", "more", "wide", "deep"),
            minutes=720.0,
        ),
        Preset(
            name="t6",
            about="79 M parameters, the article's size: days",
            model=ModelConfig(
                embedding_dim=512,
                gru_units=1400,
                num_layers=23,
                num_heads=8,
                ffn_multiplier=1.5,  # the article: 1, and a second Dense after the attention
                router_units=128,
                tied_embeddings=False,
                learned_positions=4096,
                dropout=0.1,
            ),
            stages=_stages(40000, 40000, 2000, 60000, 20000, 6e-4),
            window=256,
            batch=16,
            vocabulary_size=6000,
            reasoning_examples=300_000,
            shelves=("core", "more", "wide", "deep"),
            minutes=5760.0,
        ),
        Preset(
            name="seed",
            about="tiny in the article's own choices: post-norm, positions, untied, no decay",
            model=ModelConfig(
                shortest_memory=0,
                feature_map="elu",
                pre_norm=False,
                tied_embeddings=False,
                learned_positions=4096,
                stem_blend=0.4,
                ffn_multiplier=1.0,
            ),
            stages=_stages(600, 600, 120, 600, 7000, 1e-3),
            window=128,
            batch=8,
            vocabulary_size=2400,
            reasoning_examples=60_000,
            shelves=("core",),
            minutes=9.0,
        ),
    )
}


def preset(name):
    """The preset of that name."""
    if name not in PRESETS:
        raise LabError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def model_config_from_dict(values):
    """A `ModelConfig` from a checkpoint's `meta.json`."""
    known = {f.name for f in fields(ModelConfig)}
    unknown = set(values) - known
    if unknown:
        raise LabError(
            f"The configuration has unknown fields {sorted(unknown)}; "
            "it was made by another version of the lab: update it, or train again."
        )
    return ModelConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def to_dict(config):
    """A dataclass as plain JSON values."""
    return asdict(config)

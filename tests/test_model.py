"""The invariants of the mixture, over random sizes, configurations and numbers of experts."""

import re
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import scrambled
from hypothesis import given, settings
from hypothesis import strategies as st

from mof_lab import experts as experts_module
from mof_lab.configuration import PRESETS, ModelConfig, model_config_from_dict, preset, to_dict
from mof_lab.errors import LabError
from mof_lab.layers import LayerNorm, ThoughtSpace
from mof_lab.model import MoF
from mof_lab.vocabulary import BEGIN, SPECIAL_NAMES

SEEDS = st.integers(0, 2**20)
pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1")


class MeanExpert(keras.layers.Layer):
    """A third expert: a thought about the mean of the text so far."""

    def __init__(self, config, output_dim, **kwargs):
        super().__init__(**kwargs)
        self.thought = ThoughtSpace(name="thought")
        self.projection = keras.layers.Dense(output_dim, name="projection")
        self.norm = LayerNorm(name="norm")
        self.output_dim = output_dim

    def build(self, shape):
        self.thought.build(shape)
        self.projection.build(shape)
        self.norm.build((*shape[:-1], self.output_dim))

    def initial_state(self, batch):
        return self.thought.initial_state(batch)

    def call(self, x, begins, state, training=False):
        thought, state = self.thought(x, begins, state)
        return self.norm(self.projection(thought)), state

    def step(self, x, begins, state):
        thought, state = self.thought.step(x, begins, state)
        return self.norm(self.projection(thought)), state


@pytest.fixture(scope="module")
def third_expert():
    """One class and one line: the mean is an expert."""
    experts_module.expert("mean")(MeanExpert)
    yield
    del experts_module.EXPERTS["mean"]


STYLES = {
    "pre-norm, tied": {},
    "post-norm, untied, positions": {
        "pre_norm": False,
        "tied_embeddings": False,
        "learned_positions": 24,  # fewer than the longest text of these tests
        "shortest_memory": 0,
        "stem_blend": 0.4,
        "ffn_multiplier": 1.0,
    },
}
MIXTURES = [
    ("pre-norm, tied", ("gru",)),
    ("post-norm, untied, positions", ("transformer",)),
    *[(style, ("gru", "transformer")) for style in STYLES],
    *[(style, ("gru", "transformer", "mean")) for style in STYLES],
]


@pytest.fixture(scope="module", params=MIXTURES, ids=lambda p: f"{p[0]}, {len(p[1])}")
def mof(request, third_expert):
    """A model of each style with one, two and three experts, and its compiled step."""
    style, names = request.param
    config = ModelConfig(
        vocabulary_size=30,
        embedding_dim=16,
        gru_units=12,
        num_layers=2,
        num_heads=2,
        router_units=8,
        **{"shortest_memory": 4, **STYLES[style]},
        experts=names,
    )
    model = scrambled(MoF(config))
    return model, tf.function(model.step)


def some_text(rng, batch, time, begin=0.1):
    """Random tokens, special ones too; documents begin here and there."""
    tokens = rng.integers(0, 30, (batch, time))
    tokens[tokens == BEGIN] = len(SPECIAL_NAMES)
    tokens[rng.random((batch, time)) < begin] = BEGIN
    return tokens.astype(np.int32)


def same(one, other, tolerance=1e-4):
    np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


FEW = settings(max_examples=4)


@FEW
@given(st.integers(1, 3), st.integers(2, 30), SEEDS, st.data())
def test_nothing_sees_the_future(mof, batch, time, seed, data):
    model, _ = mof
    rng = np.random.default_rng(seed)
    t = data.draw(st.integers(0, time - 2), label="t")
    tokens = some_text(rng, batch, time)
    changed = tokens.copy()
    changed[:, t + 1 :] = some_text(rng, batch, time - t - 1, begin=0.3)
    one, other = model(tokens), model(changed)
    for part in ("logits", "router_weights"):
        same(one[part][:, : t + 1], other[part][:, : t + 1], 1e-6)


@FEW
@given(st.sampled_from([1, 3]), st.integers(1, 80), SEEDS, st.data())
def test_the_forms_are_equal_however_a_text_is_cut(mof, batch, time, seed, data):
    model, step = mof
    rng = np.random.default_rng(seed)
    cuts = data.draw(st.sets(st.integers(1, time), max_size=3), label="cuts")
    tokens = some_text(rng, batch, time)
    whole = model(tokens)

    state = model.initial_state(batch)
    edges = [0, *sorted(cuts - {time}), time]
    for start, stop in zip(edges, edges[1:], strict=False):
        out = model.prefill(tokens[:, start:stop], state)
        state = out["state"]
        for part in ("logits", "router_weights"):
            same(out[part], whole[part][:, stop - 1])

    state = model.initial_state(batch)
    for t in range(time):
        out = step(tf.constant(tokens[:, t]), state)
        state = out["state"]
        for part in ("logits", "router_weights"):
            same(out[part], whole[part][:, t])


@FEW
@given(st.integers(1, 16), st.integers(1, 16), SEEDS)
def test_a_text_goes_on_in_the_parallel_form(mof, first, second, seed):
    """A state of either form is a place to go on from in the other."""
    model, step = mof
    tokens = some_text(np.random.default_rng(seed), 1, first + second)
    whole = model(tokens)["logits"]
    state = model.initial_state(1)
    for t in range(first):
        state = step(tf.constant(tokens[:, t]), state)["state"]
    same(model(tokens[:, first:], state)["logits"], whole[:, first:])


@FEW
@given(st.integers(1, 24), st.integers(1, 16), SEEDS)
def test_nothing_before_begin_matters(mof, before, time, seed):
    model, step = mof
    rng = np.random.default_rng(seed)
    text = some_text(rng, 1, time)
    text[0, 0] = BEGIN
    outs = []
    for _ in range(2):
        tokens = np.concatenate([some_text(rng, 1, before), text], axis=1)
        outs.append(model(tokens)["logits"][:, before:])
    same(*outs, 1e-6)
    same(outs[0], model(text)["logits"])
    dirty = model(some_text(rng, 1, before))["state"]
    out = step(tf.constant(text[:, 0]), dirty)
    same(out["logits"], outs[0][:, 0])


@FEW
@given(st.integers(1, 3), st.integers(1, 12), SEEDS)
def test_router_weights_are_a_mixture(mof, batch, time, seed):
    model, step = mof
    tokens = some_text(np.random.default_rng(seed), batch, time)
    weights = model(tokens)["router_weights"].numpy()
    assert weights.shape == (batch, time, len(model.experts))
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)


@FEW
@given(st.integers(1, 3), st.integers(1, 12), SEEDS)
def test_a_forced_weight_of_one_is_the_expert_alone(mof, batch, time, seed):
    model, _ = mof
    tokens = some_text(np.random.default_rng(seed), batch, time)
    state = model.initial_state(batch)
    for i, name in enumerate(model.config.experts):
        one = np.eye(len(model.experts), dtype=np.float32)[i]
        alone, forced = model(tokens, expert=name), model(tokens, router_weights=one)
        same(alone["logits"], forced["logits"], 1e-6)
        np.testing.assert_array_equal(alone["router_weights"], forced["router_weights"])
        np.testing.assert_array_equal(alone["router_weights"][0, 0], one)
        first = tf.constant(tokens[:, 0])
        alone = model.step(first, state, expert=name)["logits"]
        same(alone, model.step(first, state, router_weights=one)["logits"], 1e-6)
        same(alone, model.prefill(tokens[:, :1], state, expert=name)["logits"])


def test_the_head_is_linear_in_nothing_but_the_mixture(mof):
    """A forced blend is the weighted sum of the experts' outputs, at every position."""
    model, _ = mof
    count = len(model.experts)
    blend = np.random.default_rng(1).dirichlet(np.ones(count), (2, 7)).astype(np.float32)
    outputs = [tf.constant(np.full((2, 7, 4), i + 1.0, np.float32)) for i in range(count)]
    same(model.mix(outputs, blend), (blend @ np.arange(1, count + 1))[..., None] + np.zeros(4))
    tokens = some_text(np.random.default_rng(2), 2, 7)
    out = model(tokens, router_weights=blend)
    np.testing.assert_array_equal(out["router_weights"], blend)


def test_a_blend_of_zeros_leaves_the_choice_to_the_router(mof):
    """Position by position."""
    model, _ = mof
    tokens = some_text(np.random.default_rng(3), 2, 7)
    free = model(tokens)
    blend = np.zeros((2, 7, len(model.experts)), np.float32)
    blend[:, 3, 0] = 1
    out = model(tokens, router_weights=blend)
    expected = free["router_weights"].numpy()
    expected[:, 3] = blend[:, 3]
    np.testing.assert_array_equal(out["router_weights"], expected)
    same(out["logits"][:, :3], free["logits"][:, :3])


def test_a_step_costs_the_same_after_500(mof):
    model, _ = mof
    step = tf.function(model.step)
    tokens = some_text(np.random.default_rng(4), 500, 1)
    state, shapes = model.initial_state(1), []
    for token in tokens:
        state = step(tf.constant(token), state)["state"]
        shapes.append([(x.shape, x.dtype) for x in tf.nest.flatten(state)])
    assert shapes[0] == shapes[-1]
    assert [x.shape for x in tf.nest.flatten(model.initial_state(1))] == [s for s, _ in shapes[0]]
    assert step.experimental_get_tracing_count() == 1  # one graph: the same operations each time
    assert all(np.isfinite(x).all() for x in tf.nest.flatten(state))


def test_logits_stay_sane_over_a_long_text(model):
    """Far beyond any window, nothing overflows and both forms still agree."""
    tokens = some_text(np.random.default_rng(5), 1, 1200, begin=0.0)
    whole = tf.function(model.prefill)(tf.constant(tokens), model.initial_state(1))
    assert np.isfinite(whole["logits"]).all()
    state, prefill = model.initial_state(1), tf.function(model.prefill)
    for start in range(0, 1200, 150):
        out = prefill(tf.constant(tokens[:, start : start + 150]), state)
        state = out["state"]
    same(out["logits"], whole["logits"])


def test_the_same_seed_gives_the_same_weights(config):
    one, twin, other = MoF(config), MoF(config), MoF(config, seed=2)
    pairs = list(zip(one.variables, twin.variables, other.variables, strict=True))
    assert all(np.array_equal(a, b) for a, b, _ in pairs)
    assert not all(np.array_equal(a, c) for a, _, c in pairs)


def test_train_only_freezes_the_rest(config):
    model = MoF(config)
    for name, layers in model.parts().items():
        model.train_only([name])
        mine = {id(w) for layer in layers for w in layer.trainable_weights}
        assert {id(w) for w in model.trainable_variables} == mine
        assert mine
    model.train_only(["all"])
    assert len(model.trainable_variables) == len(model.variables) - sum(
        not w.trainable for w in model.variables
    )


def test_every_weight_belongs_to_a_part(config):
    model = MoF(config)
    parts = [id(w) for layers in model.parts().values() for x in layers for w in x.weights]
    assert sorted(parts) == sorted(id(w) for w in model.weights)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vocabulary_size": 0}, "vocabulary_size"),
        ({"experts": ("gru", "oracle")}, "oracle.*gru"),
    ],
)
def test_a_model_that_can_not_be(config, change, said):
    with pytest.raises(LabError, match=said):
        MoF(replace(config, **change))


def test_a_configuration_that_can_not_be():
    with pytest.raises(LabError, match="num_heads"):
        ModelConfig(embedding_dim=10, num_heads=4)
    with pytest.raises(LabError, match="expert"):
        ModelConfig(experts=())
    assert ModelConfig(embedding_dim=32, ffn_multiplier=1 / 32).inner_dim == 1


def test_the_least_that_is_advised_is_enough():
    for width in range(1, 100):
        few = {"embedding_dim": width, "num_heads": 1}
        with pytest.raises(LabError, match="ffn_multiplier is 0.01; expected at least") as caught:
            ModelConfig(**few, ffn_multiplier=0.01)
        [advised] = re.findall(r"at least ([\d.]+):", str(caught.value))
        assert ModelConfig(**few, ffn_multiplier=float(advised)).inner_dim == 1


def test_a_preset_of_other_experts():
    """Each learns alone first, the first one with stem and head, a new one as the last does."""
    tiny = preset("tiny")
    other = tiny.with_experts(("mine", "gru"))
    assert [stage.name for stage in other.stages] == ["mine", "gru", "router", "joint", "chat"]
    trains = [stage.trains for stage in other.stages[:2]]
    assert trains == [("stem", "head", "mine"), ("gru",)]
    assert other.stage("mine").steps == tiny.stage("transformer").steps
    assert other.stages[2:] == tiny.stages[2:]
    assert tiny.with_experts(tiny.model.experts) == tiny
    together = replace(tiny, stages=tiny.stages[2:])
    assert together.with_experts(("mine",)).stages == together.stages
    with pytest.raises(LabError, match="called 'joint', as a stage of tiny"):
        tiny.with_experts(("gru", "joint"))
    with pytest.raises(LabError, match="names that differ"):
        tiny.with_experts(("gru", "gru"))


def test_an_expert_or_part_that_is_not_there(model):
    with pytest.raises(LabError, match="oracle.*gru, transformer"):
        model.expert_index("oracle")
    with pytest.raises(LabError, match="oracle"):
        model.train_only(["oracle"])


# Presets


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name):
    chosen = preset(name)
    assert chosen.name == name
    assert [s.name for s in chosen.stages] == ["gru", "transformer", "router", "joint", "chat"]
    config = model_config_from_dict({**to_dict(chosen.model), "experts": ["gru", "transformer"]})
    assert config == chosen.model
    for stage in chosen.stages:
        assert chosen.stage(stage.name) is stage
        assert sum(share for _, share in stage.shares) == pytest.approx(1)
    assert all(s.steps >= 2 for s in chosen.shortened(0.001).stages)


@pytest.mark.parametrize(("name", "low", "high"), [("tiny", 0.6, 1.5), ("small", 4, 6)])
def test_size_of_a_preset(name, low, high):
    chosen = preset(name)
    model = MoF(replace(chosen.model, vocabulary_size=chosen.vocabulary_size))
    assert low < model.count_params() / 1e6 < high


@pytest.mark.slow
@pytest.mark.parametrize(("name", "low", "high"), [("base", 18, 22), ("t6", 78, 80)])
def test_size_of_a_large_preset(name, low, high):
    test_size_of_a_preset(name, low, high)


def test_an_unknown_preset_or_stage():
    with pytest.raises(LabError, match="'huge'.*tiny, small, base, t6, seed"):
        preset("huge")
    with pytest.raises(LabError, match="'talk'.*gru, transformer"):
        preset("tiny").stage("talk")


def test_an_unknown_field_of_a_configuration():
    with pytest.raises(LabError, match="num_eyes"):
        model_config_from_dict({"embedding_dim": 16, "num_eyes": 2})

"""Parts switched off: what is left is what is left, and nothing stays changed."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import scrambled

from mof_lab.ablation import Off, weights_without
from mof_lab.errors import LabError
from mof_lab.inspection import trace_dialogue
from mof_lab.model import MoF

TURNS = [("user", "米米在哪里？"), ("assistant", "在白桥。"), ("user", "1加2是几？")]
PARTS = [Off(heads={(0, 1)}), Off(heads={(1, 0)}), Off(thoughts={0}), Off(experts={"gru"})]


@pytest.fixture(scope="module")
def whole(model, vocabulary):
    return trace_dialogue(model, vocabulary, TURNS)


@pytest.mark.parametrize("off", PARTS)
def test_a_part_counts_and_is_there_again_afterwards(model, vocabulary, whole, off):
    before = [v.numpy() for v in model.trainable_variables]
    without = trace_dialogue(model, vocabulary, TURNS, off)
    assert np.abs(without.logits - whole.logits).max() > 1e-3
    for variable, value in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    np.testing.assert_array_equal(trace_dialogue(model, vocabulary, TURNS).logits, whole.logits)
    np.testing.assert_allclose(without.attention.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(without.router_weights.sum(axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize(("name", "other"), [("gru", "transformer"), ("transformer", "gru")])
def test_without_one_expert_it_is_the_other_alone(model, vocabulary, whole, name, other):
    without = trace_dialogue(model, vocabulary, TURNS, Off(experts={name}))
    alone = model(tf.constant([whole.ids]), expert=other)["logits"][0]
    np.testing.assert_allclose(without.logits, alone, atol=1e-4)
    index = model.expert_index(other)
    np.testing.assert_allclose(without.logits, whole.expert_logits[index], atol=1e-4)
    np.testing.assert_allclose(without.router_weights[:, index], 1)


def test_nothing_off_is_the_model(model, whole):
    np.testing.assert_allclose(
        whole.logits, model(tf.constant([whole.ids]))["logits"][0], atol=1e-4
    )
    assert not Off() and Off(thoughts={1})


def test_it_is_the_same_as_with_the_weights_set_to_zero(config, vocabulary):
    model = scrambled(MoF(config))
    found = trace_dialogue(model, vocabulary, TURNS, Off(heads={(1, 0)}, thoughts={0}))
    blocks = model.experts[model.expert_index("transformer")].blocks
    kernel = blocks[1].output_projection.kernel
    kernel.assign(np.where(np.arange(16)[:, None] < 8, 0, kernel.numpy()))
    blocks[0].thought.alpha.assign(0.0)
    np.testing.assert_allclose(
        found.logits, trace_dialogue(model, vocabulary, TURNS).logits, atol=1e-5
    )
    assert (found.thought[0] == 0).all() and (found.thought[1] > 0).all()


def test_a_head_changes_nothing_before_its_block(model, vocabulary, whole):
    without = trace_dialogue(model, vocabulary, TURNS, Off(heads={(1, 0)}))
    np.testing.assert_array_equal(without.attention, whole.attention)
    np.testing.assert_array_equal(without.thought[0], whole.thought[0])
    assert np.abs(without.thought[1] - whole.thought[1]).max() > 0
    np.testing.assert_array_equal(without.update, whole.update)


def test_weight_that_nobody_has_left_is_shared():
    weights = weights_without(tf.constant([[1.0, 0.0, 0.0]]), ["a", "b", "c"], Off(experts={"a"}))
    np.testing.assert_allclose(weights, [[0, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("off", "sentence"),
    [
        (Off(heads={(2, 0)}), "no head 0 in block 2; the model has 2 blocks of 2 heads"),
        (Off(heads={(0, -1)}), "no head -1"),
        (Off(thoughts={7}), "no thought space in block 7"),
        (Off(experts={"bert"}), "bert"),
        (Off(experts={"gru", "transformer"}), "leave at least one on"),
    ],
)
def test_what_can_not_be_switched_off(model, vocabulary, off, sentence):
    with pytest.raises(LabError, match=sentence):
        trace_dialogue(model, vocabulary, TURNS, off)

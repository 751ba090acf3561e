"""Why a character came: numbers that agree with the model, however it is run."""

import json

import numpy as np
import pytest

from mof_lab.chat import ChatSession
from mof_lab.explanation import RUNNERS_UP, explain, unpack
from mof_lab.generation import Decoder, Sampling
from mof_lab.packing import encode_dialogue

LENGTH = 6
HOT = Sampling(1.5, top_p=1.0, seed=2)


@pytest.fixture
def session(model, vocabulary):
    return ChatSession(model, vocabulary)


@pytest.fixture
def written(session, vocabulary):
    """(character, its explanation) for a whole answer, each explained while it is written."""
    return [(c, explain(c, vocabulary)) for c in session.stream("你好", HOT, LENGTH)]


def softmax(logits):
    logits = np.asarray(logits, np.float64)
    return np.exp(logits - np.logaddexp.reduce(logits))


def test_the_numbers_are_the_distribution_s(written, vocabulary):
    assert len(written) > 2
    for character, told in written:
        p = softmax(character.logits)
        assert told.symbol == vocabulary.symbol(character.token)
        assert 2**-told.surprisal == pytest.approx(p[character.token])
        assert told.rank == 1 + int((p > p[character.token]).sum())
        assert sum(told.router_weights) == pytest.approx(1, abs=1e-5)
        symbols, values = zip(*told.runners_up, strict=True)
        assert len(symbols) == RUNNERS_UP and told.symbol not in symbols
        others = np.sort(np.delete(p, character.token))[::-1]
        np.testing.assert_allclose(values, others[:RUNNERS_UP])


def test_an_expert_alone_says_what_a_session_with_it_says(model, vocabulary, written, session):
    """Two ways to the same numbers: forced for one step, and a decoder of one expert."""
    ids, _ = encode_dialogue(session.turns, vocabulary)
    prompt = ids[: 1 + 1 + 2 + 1 + 1]  # ⟨begin⟩ ⟨user⟩ 你好 ⟨end⟩ ⟨assistant⟩
    for i, name in enumerate(model.config.experts):
        decoder = Decoder(model, expert=name)
        logits = decoder.read(prompt)
        for character, told in written:
            p = softmax(logits)
            np.testing.assert_allclose(character.expert_logits()[i], logits, atol=2e-4)
            assert told.alone[i][0] == vocabulary.symbol(int(p.argmax()))
            assert told.alone[i][1:] == pytest.approx((p.max(), p[character.token]), abs=1e-4)
            logits = decoder.read([character.token])


def test_explaining_changes_nothing(model, vocabulary, written):
    plain = ChatSession(model, vocabulary)
    tokens = [c.token for c in plain.stream("你好", HOT, LENGTH)]
    assert tokens == [c.token for c, _ in written]


def test_where_one_expert_is_computed_the_others_say_nothing(model, vocabulary):
    alone = ChatSession(model, vocabulary, expert="gru")
    told = [explain(c, vocabulary) for c in alone.stream("你好", HOT, 2)]
    assert told and all(t.alone == () and t.router_weights == (1.0, 0.0) for t in told)


def test_a_blend_can_be_forced_and_left(model, vocabulary, session):
    """What is read does not depend on the blend, so it may change in a conversation."""
    fresh = ChatSession(model, vocabulary)
    session.decoder.force([0, 1])
    forced = list(session.stream("你好", HOT, LENGTH))
    assert all(c.router_weights.tolist() == [0.0, 1.0] for c in forced)
    session.undo()
    session.decoder.force(None)
    again = [c.token for c in session.stream("你好", HOT, LENGTH)]
    assert again == [c.token for c in fresh.stream("你好", HOT, LENGTH)]


def test_the_short_form_comes_back(written):
    for _, told in written:
        packed = told.pack()
        assert unpack(json.loads(json.dumps(packed))).pack() == packed
        assert unpack(packed).symbol == told.symbol
        assert unpack(packed).surprisal == pytest.approx(told.surprisal, abs=1e-3)


def test_a_conversation_is_a_value(session, model, vocabulary):
    session.chat("你好", 0, 4)
    kept = session.keep()
    turns, used = list(session.turns), session.context_used
    session.clear()
    session.chat("再见", max_length=4)
    session.take_back(kept)
    assert (session.turns, session.context_used) == (turns, used)
    other = ChatSession(model, vocabulary)
    other.chat("你好", 0, 4)
    assert session.chat("再见", 0, 4) == other.chat("再见", 0, 4)
    session.undo()
    assert session.undo() == "你好"
    session.take_back(kept)  # still whole
    assert session.turns == turns

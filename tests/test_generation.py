"""Drawing characters from known logits, and writing with the toy model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mof_lab.errors import LabError
from mof_lab.evaluation import answer, complete, prompt_ids
from mof_lab.generation import NEVER, Decoder, Sampling, probabilities
from mof_lab.vocabulary import ASSISTANT, BEGIN, END, USER

LOGITS = st.lists(
    st.floats(-20, 20, width=32), min_size=len(NEVER) + 3, max_size=40, unique=True
).map(np.array)
TEMPERATURES = st.floats(0.05, 5)


def plain(**changes):
    """A sampling that changes nothing but what is named."""
    return Sampling(**{"temperature": 1.0, "top_p": 1.0, **changes})


@given(LOGITS, TEMPERATURES)
def test_temperature_alone_is_a_softmax(logits, temperature):
    result = probabilities(logits, plain(temperature=temperature))
    allowed = np.setdiff1d(np.arange(len(logits)), NEVER)
    expected = np.exp((logits[allowed] - logits[allowed].max()) / temperature)
    np.testing.assert_allclose(result[allowed], expected / expected.sum(), atol=1e-9)


@given(
    LOGITS,
    st.one_of(st.just(0.0), TEMPERATURES),
    st.integers(0, 50),
    st.floats(0, 1),
    st.floats(0.1, 10),
    st.lists(st.integers(0, 7), max_size=70),
)
def test_every_setting_gives_a_distribution(logits, temperature, top_k, top_p, penalty, written):
    sampling = Sampling(temperature, top_k, top_p, penalty)
    result = probabilities(logits, sampling, written)
    assert result.shape == logits.shape
    assert (result >= 0).all()
    assert result.sum() == pytest.approx(1)
    assert (result[list(NEVER)] == 0).all()


@given(LOGITS, st.integers(0, 50), st.floats(0, 1))
def test_temperature_0_and_top_k_1_are_greedy(logits, top_k, top_p):
    allowed = logits.copy()
    allowed[list(NEVER)] = -np.inf
    for sampling in (
        Sampling(0, top_k, top_p),
        plain(top_k=1),
        Sampling(0.7, 1, top_p),
        plain(top_p=0.0),
    ):
        result = probabilities(logits, sampling)
        assert result.argmax() == allowed.argmax()
        assert result.max() == 1


@given(LOGITS, st.integers(1, 50))
def test_top_k_keeps_the_k_most_probable(logits, k):
    free, result = probabilities(logits, plain()), probabilities(logits, plain(top_k=k))
    kept = np.flatnonzero(result)
    assert len(kept) == min(k, np.count_nonzero(free))
    assert min(free[kept]) >= max(np.delete(free, kept), default=0)  # ties may fall either way
    np.testing.assert_allclose(result[kept], free[kept] / free[kept].sum(), rtol=1e-6)


@given(LOGITS, st.floats(0.01, 0.99))
def test_top_p_keeps_the_fewest_that_reach_p(logits, p):
    free, result = probabilities(logits, plain()), probabilities(logits, plain(top_p=p))
    kept = np.flatnonzero(result)
    order = np.argsort(-free)
    assert set(kept) == set(order[: len(kept)])
    assert free[kept].sum() >= p - 1e-9
    assert free[order[: len(kept) - 1]].sum() < p + 1e-9  # one fewer would not reach it
    np.testing.assert_allclose(result[kept], free[kept] / free[kept].sum(), rtol=1e-6)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([8, 199, 201, 3000]),
    st.sampled_from([0.01, 1.0, 8.0]),  # flat, where many candidates are needed; or peaked
    st.booleans(),
    st.sampled_from([0, 1, 40, 500]),
    st.one_of(st.just(0.0), st.floats(0, 0.999999)),
)
def test_top_p_is_what_sorting_everything_gives(seed, size, spread, ties, top_k, top_p):
    """To the last bit, also where many are equally probable: those with small ids stay."""
    logits = np.random.default_rng(seed).normal(0, spread, size).astype(np.float32)
    if ties:
        logits = np.round(logits)
    settings = {"temperature": 0.7, "top_k": top_k}
    free = probabilities(logits, plain(**settings))
    order = np.argsort(-free, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(free[order])[:-1]])
    expected = free.copy()
    expected[order[before >= max(top_p, 1e-9)]] = 0.0
    expected /= expected.sum()
    result = probabilities(logits, plain(top_p=top_p, **settings))
    np.testing.assert_array_equal(result, expected)


@given(LOGITS, st.floats(1.01, 10), st.lists(st.integers(6, 7), min_size=1))
def test_a_penalty_makes_what_was_written_less_probable(logits, penalty, written):
    free = probabilities(logits, plain())
    result = probabilities(logits, plain(repetition_penalty=penalty), written)
    seen = np.isin(np.arange(len(logits)), written)
    assert result[seen].sum() <= free[seen].sum() + 1e-12
    others = ~seen & (free > 0)
    assert (result[others] >= free[others] - 1e-12).all()


def test_a_penalty_by_hand():
    logits = np.array([0, 0, 0, 0, 0, 1.0, 2.0, -2.0, 0.5])
    weights = np.exp([1.0, 2.0 / 2, -2.0 * 2, 0.5])  # positive divided, negative multiplied
    result = probabilities(logits, plain(repetition_penalty=2.0), [6, 7, 6])
    np.testing.assert_allclose(result[END:], weights / weights.sum())
    # ⟨end⟩ is never punished: an answer may end.
    np.testing.assert_allclose(
        probabilities(logits, plain(repetition_penalty=2.0), [END]), probabilities(logits, plain())
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("top_k", -1),
        ("top_p", 1.5),
        ("top_p", -0.1),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", 11),
    ],
)
def test_a_setting_that_can_not_be(name, value):
    with pytest.raises(LabError, match=f"{name} is {value}") as caught:
        Sampling(**{name: value})
    assert "\n" not in str(caught.value)


# Writing


@pytest.fixture(scope="module")
def prompt(vocabulary):
    return prompt_ids(["米米在哪里？"], vocabulary)


def written(model, prompt, sampling, length=12, **options):
    decoder = Decoder(model, **options)
    decoder.read(prompt)
    return [c.token for c in decoder.write(sampling, length)]


def test_the_seed_decides(model, prompt):
    texts = [written(model, prompt, Sampling(1.0, top_p=1.0, seed=s)) for s in (1, 1, 2, 3)]
    assert texts[0] == texts[1]
    assert len({tuple(t) for t in texts}) == 3


def test_without_a_seed_every_text_is_another(model, prompt):
    assert len({tuple(written(model, prompt, Sampling(2.0, top_p=1.0))) for _ in range(4)}) == 4


def test_greedy_is_always_the_same(model, prompt):
    first = written(model, prompt, Sampling(0))
    assert first
    assert written(model, prompt, Sampling(0)) == first
    assert written(model, prompt, Sampling(1.0, top_k=1)) == first
    assert written(model, prompt, Sampling(0, seed=5, top_k=3, top_p=0.5)) == first


def test_special_tokens_are_never_written(model, prompt):
    for seed in range(8):
        tokens = written(model, prompt, Sampling(10, top_p=1.0, seed=seed), 40)
        assert all(token > END for token in tokens)


def test_each_character_comes_with_its_reasons(model, prompt):
    decoder = Decoder(model)
    decoder.read(prompt)
    for character in decoder.write(Sampling(0), 5):
        allowed = character.logits.copy()
        allowed[list(NEVER)] = -np.inf
        assert character.token == allowed.argmax()
        assert character.router_weights.shape == (2,)
        assert character.router_weights.sum() == pytest.approx(1, abs=1e-5)


def test_stop_and_length(model, prompt):
    decoder = Decoder(model)
    decoder.read(prompt)
    count = iter(range(100))
    sampling = Sampling(10, top_p=1.0, seed=1)
    assert len(list(decoder.write(sampling, 50, lambda: next(count) >= 3))) == 3
    assert list(decoder.write(sampling, 50, lambda: True)) == []
    assert list(decoder.write(sampling, 0)) == []
    assert len(list(decoder.write(sampling, 4))) <= 4


def test_the_end_ends(vocabulary):
    class Ends:
        """A model whose third character is ⟨end⟩."""

        pieces = (1,)

        def initial_state(self):
            return 0

        def reader(self, expert, router_weights):
            def read(tokens, state):
                logits = np.zeros((1, len(vocabulary)))
                logits[0, END] = 99 if state + 1 >= 3 else -99
                return {"logits": logits, "router_weights": np.ones((1, 1)), "state": state + 1}

            return read

    decoder = Decoder(Ends())
    decoder.read([BEGIN])
    assert len(list(decoder.write(Sampling(1.0, seed=1), 50))) == 2
    assert decoder.state == 3  # ⟨end⟩ is not read


def test_reading_in_pieces_is_reading_at_once(model):
    ids = [BEGIN, USER, *np.random.default_rng(1).integers(6, 40, 90)]
    one, other = Decoder(model), Decoder(model)
    whole = one.read(ids)
    for start in range(0, len(ids), 7):
        pieces = other.read(ids[start : start + 7])
    np.testing.assert_allclose(whole, pieces, atol=1e-4)


def test_nothing_to_go_on_from(model):
    decoder = Decoder(model)
    assert decoder.read([]) is None
    with pytest.raises(LabError, match="read a prompt first"):
        next(decoder.write(Sampling(), 3))


def test_reset_forgets(model, prompt):
    decoder = Decoder(model)
    first = decoder.read(prompt)
    decoder.reset()
    np.testing.assert_array_equal(decoder.read(prompt), first)


@pytest.mark.parametrize("expert", ["gru", "transformer"])
def test_a_forced_blend_of_one_is_the_expert(model, prompt, expert):
    blend = [3.0 * (name == expert) for name in model.config.experts]
    alone = written(model, prompt, Sampling(0), expert=expert)
    assert written(model, prompt, Sampling(0), router_weights=blend) == alone


@pytest.mark.parametrize("weights", [[1.0], [1, 1, 1], [[1, 1]], [1.0, -0.5], [0, 0]])
def test_a_blend_that_can_not_be(model, weights):
    with pytest.raises(LabError, match="2 numbers"):
        Decoder(model, router_weights=weights)


def test_an_expert_that_is_not_there(model):
    with pytest.raises(LabError, match="'oracle'"):
        Decoder(model, expert="oracle")


# Many at once


@settings(max_examples=5)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(0, 99))
def test_completing_in_a_batch_is_completing_one_by_one(model, lengths, seed):
    rng = np.random.default_rng(seed)
    prompts = [[BEGIN, *rng.integers(6, 40, n - 1), ASSISTANT] for n in lengths]
    together = complete(model, prompts, batch=4, max_length=10)
    for prompt, text in zip(prompts, together, strict=True):
        assert complete(model, [prompt], batch=4, max_length=10) == [text]
        assert written(model, prompt, Sampling(0), 10) == text


def test_answers_keep_the_order_of_the_questions(model, vocabulary):
    questions = [("米米在哪里？",), ("1加2是几？",), ("我叫阿旺", "你好，阿旺！", "再见")]
    expected = [
        vocabulary.decode(written(model, prompt_ids(turns, vocabulary), Sampling(0), 9))
        for turns in questions
    ]
    assert answer(model, vocabulary, questions, max_length=9, batch=2) == expected
    assert answer(model, vocabulary, []) == []

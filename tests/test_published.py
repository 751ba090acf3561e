"""The published model: equal to what its package computes, quicker in its chat, safe to load."""

import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.seeded import CASES, case, weight
from mof_lab import jobs, notebook, published, views
from mof_lab.chat import ChatSession
from mof_lab.errors import LabError
from mof_lab.evaluation import window_measures, window_nats, window_router_weights
from mof_lab.generation import Decoder, Sampling, continuation
from mof_lab.inspection import trace_dialogue
from mof_lab.notebook import SMALL_TALK, TOPICS, recall
from mof_lab.off import Off
from mof_lab.packing import encode_dialogue
from mof_lab.published import loading
from mof_lab.published.configuration import CONFIGURATIONS, PublishedConfig, configuration_of
from mof_lab.published.loading import VALUE, places
from mof_lab.published.vocabulary import MOST_BYTES, Prompt, PublishedVocabulary
from mof_lab.published.window import ROWS
from mof_lab.vocabulary import SPECIAL_NAMES

GOLDEN = Path(__file__).parent / "data" / "published"
KNOWN = json.loads((GOLDEN / "cases.json").read_text(encoding="utf-8"))
LENGTHS = ("short", "window", "long")
SIGNS = '▩\n"{}[]: ,acdefilnorstuv'  # what the prompt is written with


def write_checkpoint(folder, arrays):
    """A checkpoint as TensorFlow writes it, with an optimiser's leftovers."""
    names = [f"{place}{VALUE}" for place in arrays]
    extra = {names[0].replace(VALUE, f"/.OPTIMIZER_SLOT/optimizer/m{VALUE}"): np.ones(3)}
    tf.raw_ops.SaveV2(
        prefix=str(folder / "t6"),
        tensor_names=[*names, *extra, f"save_counter{VALUE}"],
        shape_and_slices=[""] * (len(names) + 2),
        tensors=[*map(tf.constant, arrays.values()), *extra.values(), tf.constant(1, tf.int64)],
    )
    part = folder / "t6.data-00000-of-00001"
    assert part.exists()


def seeded(number):
    """A case's arrays by the package's own names."""
    return {place: weight(place, shape) for place, shape in KNOWN[number]["shapes"].items()}


def characters(size):
    """A vocabulary list of that size: the prompt's signs, then Chinese."""
    return [*SIGNS, *(chr(0x4E00 + i) for i in range(size))][:size]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Each case as files: a checkpoint and a vocabulary file."""
    found = []
    for number in range(CASES):
        folder = tmp_path_factory.mktemp(f"case{number}")
        write_checkpoint(folder, seeded(number))
        size = KNOWN[number]["config"]["vocab_size"]
        (folder / "vocab.txt").write_text(repr(characters(size)), encoding="utf-8")
        found.append(folder)
    return found


@pytest.fixture(scope="module")
def models(folders):
    return [
        published.load(folder, folder / "vocab.txt", KNOWN[number]["config"])
        for number, folder in enumerate(folders)
    ]


# ---- the package's outputs -----------------------------------------------------------------------


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("number", range(CASES))
def test_every_part_gives_what_the_package_gives(models, number, length):
    golden = np.load(GOLDEN / f"case{number}.npz")
    config, tokens = case(number)
    assert config == KNOWN[number]["config"]
    np.testing.assert_array_equal(tokens[length], golden[f"{length}_tokens"])
    parts = models[number].parts(tokens[length])
    assert {f"{length}_{name}" for name in parts} | {f"{length}_tokens"} == {
        name for name in golden if name.startswith(length)
    }
    for name, part in parts.items():
        expected = golden[f"{length}_{name}"]
        assert part.shape == expected.shape
        np.testing.assert_allclose(part, expected, atol=1e-4, rtol=0, err_msg=name)
    logits = models[number](tokens[length])
    np.testing.assert_allclose(logits, golden[f"{length}_logits"], atol=1e-4, rtol=0)


def test_the_golden_arrays_are_small_and_differ():
    assert sum(path.stat().st_size for path in GOLDEN.iterdir()) < 300_000
    assert len({json.dumps(known["config"]) for known in KNOWN}) == CASES
    for number in range(CASES):
        golden = np.load(GOLDEN / f"case{number}.npz")
        assert all(np.ptp(golden[f"{length}_logits"]) > 0.5 for length in LENGTHS)


def test_every_weight_has_the_name_of_the_package(models):
    for model, known in zip(models, KNOWN, strict=True):
        shapes = {place: list(variable.shape) for place, variable in places(model).items()}
        assert shapes == known["shapes"]


# ---- what is odd about it, and kept --------------------------------------------------------------


def test_the_attention_answers_every_query_alike(models):
    for model in models:
        block = model.transformer_expert.blocks[0]
        x = tf.random.normal((2, 9, model.config.embedding_dim), seed=1)
        answers = block.attention(x).numpy()
        scale = np.abs(answers).max()
        assert np.ptp(answers, axis=1).max() < 1e-4 * scale < scale
        same = block.attention.same_for_all(x).numpy()
        np.testing.assert_allclose(answers, np.repeat(same, 9, axis=1), atol=1e-4 * scale)


def test_it_sees_the_future(models):
    model, tokens = models[0], case(0)[1]["window"]
    changed = tokens.copy()
    changed[:, -1] = (changed[:, -1] + 1) % model.config.vocab_size
    assert np.abs(model(tokens)[:, 0] - model(changed)[:, 0]).max() > 1e-3


def test_past_its_window_the_transformer_is_padded_at_the_end(models):
    for number, model in enumerate(models):
        tokens = case(number)[1]["long"]
        before = model(tokens).numpy()
        weights = [variable.numpy() for variable in model.transformer_expert.dense.variables]
        try:
            model.transformer_expert.dense.kernel.assign(weights[0][:, ::-1])
            differs = np.abs(model(tokens) - before).max(axis=(0, 2)) > 1e-6
        finally:
            model.transformer_expert.dense.kernel.assign(weights[0])
        window = model.config.window
        assert differs[:window].all() and not differs[window:].any()


# ---- its chat's window, sooner -------------------------------------------------------------------


def slow(model):
    """Its own way of generating: the window again, and the last position of it."""
    run = tf.function(model.call, reduce_retracing=True)
    return lambda text: run(tf.constant([text[-model.config.context_length :]])).numpy()[0, -1]


@given(st.integers(0, CASES - 1), st.integers(0, 2**31), st.lists(st.integers(1, 50), max_size=6))
def test_the_window_gives_the_logits_of_reading_it_again(models, number, seed, pieces):
    model = models[number]
    again = vars(model).setdefault("_slow", slow(model))
    text = np.random.default_rng(seed).integers(0, model.config.vocab_size, 300).tolist()
    reading, at = model.window.nothing_read, 0
    for piece in (1, *pieces, 1, 1):
        reading, at = model.window.read(reading, text[at : at + piece]), at + piece
        logits, _ = model.window.logits(reading)
        np.testing.assert_allclose(logits, again(text[:at]), atol=1e-4, rtol=0)


def test_the_window_moves_past_every_row(models):
    for model in models:
        again = vars(model).setdefault("_slow", slow(model))
        length = model.config.context_length + 2 * ROWS + 3
        text = np.random.default_rng(1).integers(0, model.config.vocab_size, length).tolist()
        reading = model.window.nothing_read
        for at, token in enumerate(text, 1):
            reading = model.window.read(reading, [token])
            if at % 7 == 0:
                logits, weights = model.window.logits(reading)
                np.testing.assert_allclose(logits, again(text[:at]), atol=1e-4, rtol=0)
                assert weights.sum() == pytest.approx(1)
        assert len(reading.streams) <= model.config.context_length + ROWS


def test_a_reading_can_be_gone_back_to(models):
    window = models[1].window
    first = window.read(window.nothing_read, [1, 2, 3])
    expected = window.logits(first)[0]
    window.read(window.read(first, [4] * 9), [5])
    np.testing.assert_array_equal(window.logits(first)[0], expected)


# ---- chat and views ------------------------------------------------------------------------------


def test_the_prompt_is_the_published_one():
    """With what the package does to a message and to an answer that it is given (`add_his`)."""
    vocabulary = PublishedVocabulary([*characters(60), "\\"])
    ids = [2, 3, *vocabulary.encode("一\n丁"), 5, 4, *vocabulary.encode('"上\n"'), 5, 3, 5, 4]
    text, prompt = Prompt(vocabulary).text(ids)
    assert text == (
        '{"conversations": [{"role": "user", "content": "一\\n丁"}, '
        '{"role": "assistant", "content": ""上\\n""}, {"role": "user", "content": ""}, '
        '{"role": "assistant", "content": "'
    )
    assert prompt.text([5])[0] == '"}'


def test_a_text_has_the_form_of_the_pretraining():
    vocabulary = PublishedVocabulary([*characters(60), "<", "/", ">"])
    ids = vocabulary.encode("一丁")
    for pieces in ([[2, *ids, 5]], [[2], ids, [0, 5]]):
        prompt, text = Prompt(vocabulary), ""
        for piece in pieces:
            more, prompt = prompt.text(piece)
            text += more
        assert text == '{"text": "<s>一丁</s>"}'
    _, prompt = Prompt(vocabulary).text([2, *ids])
    assert [vocabulary.decode(ending) for ending in prompt.endings] == ["</s>", '"}']
    _, prompt = Prompt(vocabulary).text([2, 3])
    assert [vocabulary.decode(ending) for ending in prompt.endings] == ['"}']


@pytest.mark.parametrize("ending", ["</s>", '"}'])
def test_a_text_is_gone_on_with_in_that_form(talker, monkeypatch, ending):
    vocabulary = talker.vocabulary = PublishedVocabulary([*characters(47), *"</>"])
    for prompt in ("", "上"):
        marker = f'{{"text": "<s>{prompt}'
        read = rigged(talker, monkeypatch, "一丁" + ending, marker)
        assert continuation(talker, vocabulary, prompt, Sampling(0), 9) == prompt + "一丁"
        assert "".join(read) == "".join(known(vocabulary, f"{marker}一丁{ending[:-1]}"))


def rigged(model, monkeypatch, answer, marker='"assistant", "content": "'):
    """Lets a model answer a given text, and notes the text that it was asked to go on with."""
    vocabulary, read = model.vocabulary, []
    marker = "".join(known(vocabulary, marker))

    def logits(reading, weights=None):
        read[:] = (vocabulary.characters[n] for n in reading.ids)
        text = "".join(read)
        so_far = text[text.rindex(marker) + len(marker) :] if marker in text else ""
        chosen = vocabulary.number((answer + "[")[len(so_far) :][:1] or "[")
        return np.eye(len(vocabulary.characters))[chosen[0]] * 9, np.array([0.5, 0.5])

    monkeypatch.setattr(model.window, "logits", logits)
    return read


def known(vocabulary, text):
    """What its vocabulary lacks is read as the sign for the unknown."""
    return [c if c in vocabulary.numbers else "▩" for c in text]


@pytest.fixture
def talker(folders):
    """A model with all of the prompt's signs, and Chinese."""
    number = max(range(CASES), key=lambda n: KNOWN[n]["config"]["vocab_size"])
    config = {**KNOWN[number]["config"], "vocab_size": 50, "window": 200, "max_length": 256}
    return published.Published(configuration_of(config, 50), PublishedVocabulary(characters(50)))


@pytest.mark.parametrize("answer", ["一丁", 'n"一""', "一"])
def test_an_answer_ends_with_quote_and_brace(talker, monkeypatch, answer):
    read = rigged(talker, monkeypatch, answer + '"}]')
    session = ChatSession(talker, talker.vocabulary)
    assert session.chat("上", temperature=0) == answer
    assert session.turns == [("user", "上"), ("assistant", answer)]
    expected = '{"conversations": [{"role": "user", "content": "上"}, '
    expected += '{"role": "assistant", "content": "' + answer + '"}'
    assert "".join(read) == "".join(known(talker.vocabulary, expected))


def test_a_string_of_several_characters_ends_an_answer(talker, monkeypatch):
    """As the package looks for `"}` in the text that is written, not among its strings."""
    talker.vocabulary = PublishedVocabulary([*characters(47), "丁丂", '"}', "七"])
    answer = [talker.vocabulary.encode("一")[0] - 6, 47, 48]

    def logits(reading, weights=None):
        text = "".join(talker.vocabulary.characters[n] for n in reading.ids)
        written = text.rpartition('"')[2]
        number = answer[{"": 0, "一": 1}.get(written, 2)]
        return np.eye(50)[number] * 9, np.array([0.5, 0.5])

    monkeypatch.setattr(talker.window, "logits", logits)
    session = ChatSession(talker, talker.vocabulary)
    assert session.chat("上", temperature=0, max_length=9) == "一丁丂"
    assert session.decoder.state.prompt.mark == 5


@pytest.mark.parametrize("answer", ['丁"', '"丁""'])
def test_an_answer_is_remembered_as_it_is_put_in(talker, monkeypatch, answer):
    """One that ends with a quote has two: its own, and the one that closes it."""
    rigged(talker, monkeypatch, answer + '"}]')
    said, put, loaded = (ChatSession(talker, talker.vocabulary) for _ in range(3))
    assert said.chat("上", temperature=0) == answer
    put.add("上", answer)
    loaded.loads(said.dumps())
    assert said.turns == put.turns == loaded.turns
    for session in (put, loaded):
        assert session.decoder.state.ids == said.decoder.state.ids
        assert session.context_used == said.context_used


def test_an_answer_cut_short_keeps_its_quote(talker, monkeypatch):
    rigged(talker, monkeypatch, '一"丁')
    assert ChatSession(talker, talker.vocabulary).chat("上", 0, max_length=2) == '一"'


def test_the_context_is_what_the_model_sees(talker):
    session = ChatSession(talker, talker.vocabulary)
    limit, follows = session.limit, '"}, {"role": "assistant", "content": "'
    assert session.context_used == (0, limit)
    list(session.stream("一丁", Sampling(1, seed=1), max_length=3))
    said = f'{{"conversations": [{{"role": "user", "content": "一丁{follows}123"}}'
    assert session.context_used == (min(len(said), limit), limit)
    with pytest.raises(LabError, match=f"at most {limit - len(follows)} fit"):
        session.stream("一" * (limit - len(follows) + 1))
    with pytest.raises(LabError, match=f"has {limit - len(follows) + 1} characters"):
        session.stream("一" * (limit - len(follows) - 2) + "\n丁")  # read as \\n
    assert next(session.stream("一" * (limit - len(follows))))
    session.undo()
    session.undo()
    assert session.context_used == (0, limit)


def test_a_decoder_warms_up(talker):
    decoder = Decoder(talker)
    decoder.warm_up()
    graphs = [talker.window._read_rows, talker.window._attend]
    counts = [graph.experimental_get_tracing_count() for graph in graphs]
    assert min(counts) > 0
    session = ChatSession(talker, talker.vocabulary)
    list(session.stream("一丁", Sampling(1, seed=1), max_length=3))
    assert [graph.experimental_get_tracing_count() for graph in graphs] == counts
    with pytest.raises(LabError, match="has read no character"):
        Decoder(talker).read([0, 0])


def test_a_conversation_goes_on_and_is_taken_back(models):
    model = max(models, key=lambda model: model.config.vocab_size)
    session = ChatSession(model, model.vocabulary)
    answers = [session.chat("a", 1.0, max_length=5, seed=seed) for seed in (1, 2)]
    assert session.turns[1::2] == [("assistant", answer) for answer in answers]
    assert session.undo() == "a"
    assert session.chat("a", 1.0, max_length=5, seed=2) == answers[1]
    for expert in model.config.experts:
        alone = ChatSession(model, model.vocabulary, expert=expert)
        [first, *_] = alone.stream("a", Sampling(0), max_length=2)
        assert first.router_weights.tolist() == [float(e == expert) for e in model.config.experts]


def test_every_view_takes_its_trace(models):
    for model in models:
        again = vars(model).setdefault("_slow", slow(model))
        vocabulary = model.vocabulary
        trace = trace_dialogue(model, vocabulary, [("user", "ac"), ("assistant", "d")])
        numbers = vocabulary.number("".join(trace.symbols))
        t = len(numbers) - 1
        logits = again(numbers[:t]).astype(float)
        bits = (np.log(np.exp(logits).sum()) - logits[numbers[t]]) / np.log(2)
        assert trace.surprisal[t] == pytest.approx(bits, abs=1e-3)
        np.testing.assert_allclose(trace.attention.sum(axis=-1), 1)
        np.testing.assert_allclose(trace.router_weights.sum(axis=-1), 1, atol=1e-5)
        assert ((trace.update > 0) & (trace.update < 1)).all()
        for view in (
            views.routing(trace.symbols, trace.router_weights, trace.experts),
            views.surprisal(trace.symbols, trace.surprisal),
            views.thought(trace.symbols, trace.thought),
            views.attention(trace.symbols, trace.attention[0, 0]),
            views.attention_grid(trace.symbols, trace.attention),
            views.gates(trace.symbols, trace.update, trace.reset),
            views.known("ac龍", vocabulary),
        ):
            assert view.svg.startswith("<svg")


# ---- parts switched off --------------------------------------------------------------------------

SAID = [("user", "ac"), ("assistant", "d")]


def without(model, off):
    """The trace of a few words with parts off."""
    return trace_dialogue(model, model.vocabulary, SAID, off)


def test_switching_nothing_off_changes_nothing(models):
    for model in models:
        whole = trace_dialogue(model, model.vocabulary, SAID)
        same = without(model, Off())
        for name in ("logits", "router_weights", "thought", "expert_logits"):
            np.testing.assert_array_equal(getattr(whole, name), getattr(same, name))


def read_whole(model):
    """The last logits of the few words, as `Published.call` gives them."""
    trace = trace_dialogue(model, model.vocabulary, SAID)
    return slow(model)(model.vocabulary.number("".join(trace.symbols)))


def as_if(variable, value):
    """The variable with other numbers; returns what puts its own back."""
    kept = variable.numpy()
    variable.assign(value)
    return lambda: variable.assign(kept)


@pytest.fixture(scope="module")
def short(folders):
    """A model whose window holds the few words: past it the transformer expert is nothing."""
    vocabulary = PublishedVocabulary(characters(50))
    config = PublishedConfig(50, 8, 12, 4, 2, 2, 1, 200, 256)
    model, rng = published.Published(config, vocabulary), np.random.default_rng(5)
    for variable in model.trainable_variables:  # biases too: nothing may stay 0
        variable.assign(variable + rng.normal(0, 0.3, variable.shape))
    return model


def test_a_thought_off_is_alpha_of_zero(short):
    block = short.transformer_expert.blocks[1]
    whole, found = without(short, Off()), without(short, Off(thoughts={1}))
    back = as_if(block.alpha, [0.0])
    try:
        expected = read_whole(short)
    finally:
        back()
    known = found.logits[-1, len(SPECIAL_NAMES) :]
    finite = np.isfinite(known)
    np.testing.assert_allclose(known[finite], expected[finite], atol=1e-4)
    assert (found.thought[1] == 0).all() and (found.thought[0] > 0).all()
    assert np.abs(softmax(found.logits) - softmax(whole.logits)).max() > 1e-4


@pytest.mark.parametrize("head", [0, 1])
def test_a_head_off_is_its_rows_of_combine_at_zero(short, head):
    kernel = short.transformer_expert.blocks[0].attention.combine.kernel
    whole, found = without(short, Off()), without(short, Off(heads={(0, head)}))
    rows = np.array(kernel)
    size = len(rows) // short.config.num_heads
    rows[head * size : (head + 1) * size] = 0
    back = as_if(kernel, rows)
    try:
        expected = read_whole(short)
    finally:
        back()
    known = found.logits[-1, len(SPECIAL_NAMES) :]
    finite = np.isfinite(known)
    np.testing.assert_allclose(known[finite], expected[finite], atol=1e-4)
    assert np.abs(softmax(found.logits) - softmax(whole.logits)).max() > 1e-4


def test_an_expert_off_leaves_the_other_alone(short):
    whole = without(short, Off())
    for i, name in enumerate(short.config.experts):
        found = without(short, Off(experts={name}))
        assert (found.router_weights[:, i] == 0).all()
        np.testing.assert_allclose(found.router_weights.sum(axis=-1), 1, atol=1e-6)
        alone = whole.expert_logits[1 - i]
        np.testing.assert_allclose(softmax(found.logits), softmax(alone), atol=1e-5)
        assert np.abs(softmax(found.logits) - softmax(whole.logits)).max() > 1e-4


@pytest.mark.parametrize(
    "off",
    [
        Off(heads={(9, 0)}),
        Off(heads={(0, 9)}),
        Off(thoughts={9}),
        Off(experts={"convolution"}),
        Off(experts={"gru", "transformer"}),
    ],
)
def test_a_part_that_is_none_can_not_be_switched_off(short, off):
    with pytest.raises(LabError):
        without(short, off)


def test_the_explorer_switches_its_parts_off(short, monkeypatch):
    pytest.importorskip("anywidget", reason="widgets need the lab's packages")
    from mof_lab.widgets import Explorer

    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=True))
    explorer = Explorer((short, short.vocabulary), "ac\nd")
    assert (explorer.error, explorer.status["key"]) == ({}, "done")
    assert explorer.parts["experts"] == ["gru", "transformer"]
    assert (explorer.parts["blocks"], explorer.parts["heads"]) == (2, 2)
    before = explorer.readings
    for off in ({"heads": [(0, 1)]}, {"thoughts": [1]}, {"experts": ["gru"]}):
        explorer.switch_off(**off)
        assert (explorer.error, explorer.status["key"]) == ({}, "without")
        assert explorer.readings[0]["next"] != before[0]["next"]
        # Of each of the likeliest: the symbol, with everything on, and now.
        assert any(abs(on - now) > 1e-4 for _, on, now in explorer.readings[0]["next"][-1])
        explorer.switch_off()
        assert explorer.readings == before
    explorer.look(1, 1)
    assert explorer.picture().svg.startswith("<svg")


def test_readings_and_next_characters_of_a_switched_model(short):
    ways = [without(short, Off()), without(short, Off(heads={(0, 0)}, thoughts={1}))]
    for trace in ways:
        drawn = views.reading_view(trace, (0, 0, len(trace.symbols) - 1))
        assert drawn.svg.startswith("<svg") and "thought 1" in drawn.text
    chances = [softmax(trace.logits[-1]) for trace in ways]
    best = np.argsort(-chances[0])[:4]
    guesses = [(short.vocabulary.symbol(i), tuple(float(p[i]) for p in chances)) for i in best]
    assert "without" in views.next_characters(["with", "without"], guesses).text


def softmax(logits):
    chances = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return chances / chances.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("expert", [None, "transformer"])
def test_what_was_told_counts_as_far_as_the_window(expert, monkeypatch):
    """The explorer's context test: in a chat it sees 128 characters, and no difference before."""
    values, *forms = TOPICS["colour"]
    monkeypatch.setitem(TOPICS, "colour", (values[:2], *forms))
    talk = "".join(text for pair in SMALL_TALK for text in pair)
    letters = sorted({*talk, *(c for part in TOPICS["colour"] for text in part for c in text)})
    vocabulary = PublishedVocabulary([*SIGNS, *(c for c in letters if c not in SIGNS)])
    size = len(vocabulary.characters)
    model = published.Published(PublishedConfig(size, 8, 12, 4, 1, 2, 1, 200, 256), vocabulary)
    found = recall(model, vocabulary, expert, "colour")
    assert found[0][1] != found[0][2]
    far = [(told, other) for between, told, other in found if between > 128]
    assert far
    for told, other in far:
        assert told == pytest.approx(other, abs=1e-6)


def test_asked_at_its_last_position_a_model_says_what_a_window_says(model, vocabulary, monkeypatch):
    """Nothing is read that stands after what is asked for."""
    turns = [("user", "米米在哪里？"), ("assistant", "在白桥。")]
    ids, _ = encode_dialogue(turns, vocabulary)
    pieces, read = [], Decoder.read
    monkeypatch.setattr(Decoder, "read", lambda d, some: (pieces.extend(some), read(d, some))[1])
    found = notebook._nats_as_last(model, [ids], None)
    np.testing.assert_allclose(found, notebook._nats_in_window(model, [ids], None), atol=1e-4)
    assert pieces == list(ids[:-3])


def test_a_window_is_measured_of_a_causal_model_alone(models):
    tokens = np.zeros((1, 9), np.int32)
    for measure in (window_nats, window_router_weights, window_measures):
        with pytest.raises(LabError, match="has seen what follows") as caught:
            measure(models[0], tokens)
        assert "\n" not in str(caught.value)


# ---- other spellings of the same files -----------------------------------------------------------


@pytest.mark.parametrize("ending", ["", ".index", ".data-00000-of-00001"])
def test_a_checkpoint_by_its_files(folders, models, ending):
    folder, config = folders[0], KNOWN[0]["config"]
    for place in (folder / f"t6{ending}", str(folder / f"t6{ending}")):
        model = published.load(place, folder / "vocab.txt", config)
        kernel = model.output_dense.kernel
        np.testing.assert_array_equal(kernel, models[0].output_dense.kernel)


def test_one_of_several_checkpoints(folders, tmp_path):
    for path in folders[0].glob("t6.*"):
        for name in ("ckpt-1.5", "ckpt-2"):
            (tmp_path / path.name.replace("t6", name, 1)).write_bytes(path.read_bytes())
    vocabulary, config = folders[0] / "vocab.txt", KNOWN[0]["config"]
    several = "are several checkpoints in .*: ckpt-1.5, ckpt-2; give the path of one"
    assert re.search(several, refused(tmp_path, vocabulary, config))
    assert "no checkpoint" in refused(tmp_path / "ckpt-1", vocabulary, config)
    published.load(tmp_path / "ckpt-1.5", vocabulary, config)
    note, text = tmp_path / "checkpoint", 'model_checkpoint_path: "%s"\nall_model: "ckpt-2"\n'
    for content in (b"\xff\x00", b"", (text % "/gone/ckpt-3").encode()):
        note.write_bytes(content)
        assert re.search(several, refused(tmp_path, vocabulary, config))
    # TensorFlow notes where it was, perhaps on another machine, in letters of another encoding.
    for place in ("ckpt-1.5", "/gone/ckpt-1.5", r"E:\\\\论文\\\\ckpt-1.5"):
        note.write_bytes((text % place).encode("gbk"))
        assert loading._find(tmp_path) == tmp_path / "ckpt-1.5"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_configuration_and_a_vocabulary_in_files(folders, models, tmp_path, mark):
    made, written = tmp_path / "config.json", KNOWN[0]["config"]
    made.write_text(mark + json.dumps(written), encoding="utf-8")
    vocabulary = tmp_path / "vocab.txt"
    there = (folders[0] / "vocab.txt").read_text(encoding="utf-8")
    vocabulary.write_text(mark + there, encoding="utf-8")
    for place in (made, str(made)):
        model = published.load(folders[0], vocabulary, place)
        assert model.config == models[0].config
        assert model.vocabulary.characters == models[0].vocabulary.characters


@pytest.mark.parametrize(
    "content", [b"{", b"\xff\xfe", b"[1]", b"7", b'{"window": 3}', b"[" * 9999]
)
def test_a_configuration_file_that_is_none(folders, tmp_path, content):
    path = tmp_path / "config.json"
    assert "can't be read" in refused(folders[0], folders[0] / "vocab.txt", path)
    path.write_bytes(content)
    sentence = refused(folders[0], folders[0] / "vocab.txt", path)
    assert re.search("not JSON|not one of a published model", sentence)


# ---- what does not fit ---------------------------------------------------------------------------


def refused(*arguments):
    """The one sentence that loading ends in."""
    with pytest.raises(LabError) as caught:
        published.load(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "__import__('pathlib').Path('ran').touch()",
        "['▩', __import__('pathlib').Path('ran').touch()]",
        "{'▩': 0}",
        "['▩', 7]",
        "['▩', ",
        "[" * 5000,
        "",
        "['a', 'b']",
        "['▩']",
        "['▩', '▩']",
        "['▩', '']",
        "['▩', '\\ud800']",
        "['▩', 'a']" + " " * MOST_BYTES,
    ],
)
def test_a_vocabulary_file_is_read_never_run(folders, tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    Path("vocab.txt").write_text(content, encoding="utf-8")
    assert "vocabulary" in refused(folders[0], "vocab.txt", KNOWN[0]["config"])
    Path("vocab.txt").write_bytes(b"['\xff\xfe']")
    assert "vocabulary" in refused(folders[0], "vocab.txt", KNOWN[0]["config"])
    assert not Path("ran").exists()


@pytest.mark.parametrize("name", ["t6.index", "t6.data-00000-of-00001"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cut_checkpoint_is_damaged(folders, tmp_path, name, share):
    for path in folders[0].glob("t6.*"):
        content = path.read_bytes()
        size = int(len(content) * share) if path.name == name else len(content)
        (tmp_path / path.name).write_bytes(content[:size])
    sentence = refused(tmp_path, folders[0] / "vocab.txt", KNOWN[0]["config"])
    assert "damaged" in sentence


def test_a_folder_whose_name_is_a_pattern(folders, tmp_path):
    folder = tmp_path / "t6 [1]"
    folder.mkdir()
    for path in folders[0].glob("t6.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    sentence = refused(folder, folders[0] / "vocab.txt", KNOWN[0]["config"])
    assert "for a pattern" in sentence and "damaged" not in sentence


def test_a_checkpoint_of_other_weights(folders, tmp_path):
    write_checkpoint(tmp_path, {f"model/{place}": a for place, a in seeded(0).items()})
    sentence = refused(tmp_path, folders[0] / "vocab.txt", KNOWN[0]["config"])
    assert "no weights of a published T6 model" in sentence


@pytest.mark.parametrize("given", [None, 3, b"t6", "t" * 5000, "\0", ["t6"]])
def test_a_path_that_is_none(folders, given):
    folder, vocabulary, config = folders[0], folders[0] / "vocab.txt", KNOWN[0]["config"]
    for arguments, name in (
        ((given, vocabulary, config), "folder of the checkpoint"),
        ((folder, given, config), "vocabulary file"),
    ):
        sentence = refused(*arguments)
        assert sentence.startswith(f"The {name} is given as") and len(sentence) < 200


@pytest.mark.parametrize("kind", ["float16", "float64", "int32"])
def test_weights_of_another_kind(folders, tmp_path, kind):
    write_checkpoint(tmp_path, {place: a.astype(kind) for place, a in seeded(0).items()})
    sentence = refused(tmp_path, folders[0] / "vocab.txt", KNOWN[0]["config"])
    assert f"holds {kind}; expected float32" in sentence


@pytest.fixture
def undrawn(monkeypatch):
    """Lets no weight be drawn."""

    def draw(*_, **__):
        raise AssertionError("a weight is drawn")

    for name in ("GlorotUniform", "OrthogonalInitializer", "RandomUniform"):
        monkeypatch.setattr(getattr(keras.initializers, name), "__call__", draw)


@pytest.mark.usefixtures("undrawn")
def test_no_weight_is_drawn_to_be_overwritten(folders, models):
    model = published.load(folders[0], folders[0] / "vocab.txt", KNOWN[0]["config"])
    kernel = model.gru_expert.gru.recurrent_kernel
    np.testing.assert_array_equal(kernel, models[0].gru_expert.gru.recurrent_kernel)


@pytest.mark.usefixtures("undrawn")
def test_shapes_leave_nothing_for_keras_to_draw_later():
    def look():
        loading.shapes(PublishedConfig(**KNOWN[0]["config"]))
        with keras.StatelessScope():
            pass

    with ThreadPoolExecutor(1) as thread:  # what other tests have left is another thread's
        thread.submit(look).result()


def test_no_checkpoint(folders, tmp_path):
    assert "no checkpoint" in refused(tmp_path, folders[0] / "vocab.txt", KNOWN[0]["config"])
    assert "can't be read" in refused(folders[0], tmp_path / "none.txt", KNOWN[0]["config"])


@pytest.mark.parametrize(
    ("field", "by", "word"),
    [
        ("num_layers", 1, "lacks"),
        ("gru_units", 1, "shape"),
        ("router_units", 1, "shape"),
        ("max_length", 1, "shape"),
        ("ffn_multiplier", 1, "shape"),
        ("vocab_size", 1, "vocabulary file"),
    ],
)
def test_a_wrong_size(folders, field, by, word):
    config = KNOWN[1]["config"]
    changed = {**config, field: config[field] + by}
    assert word in refused(folders[1], folders[1] / "vocab.txt", changed)


@pytest.mark.parametrize(
    ("field", "size", "word"),
    [
        ("gru_units", 10**6, "shape"),
        ("max_length", 10**9, "shape"),
        ("num_layers", 10**9, "too few for num_layers"),
    ],
)
def test_a_size_that_no_memory_holds_is_never_made(folders, field, size, word):
    sentence = refused(folders[1], folders[1] / "vocab.txt", {**KNOWN[1]["config"], field: size})
    assert word in sentence
    assert "choose the configuration" in sentence


#: Parameters with 6,000 characters, in thousands; `max_length` rows of positions among them.
SIZES = {
    "t6_beta_dense": 78848,
    "t6_mini2": 92109,
    "t6_tiny": 42889,
    "t6_deep": 121337,
    "t6_standard": 148745,
    "t6_fast": 20210,
    "t6_large": 413758,
    "t6_bigger": 375505,
    "t6_beta_big": 197578,
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_sizes_of_the_published_models(name):
    """Each of the nine, from shapes alone: no weight is allocated."""
    shapes = loading.shapes(configuration_of(name, 6000))
    assert round(sum(map(math.prod, shapes.values())) / 1000) == SIZES[name]


def test_too_many_blocks_and_numbers_that_are_none(folders, tmp_path):
    number = next(n for n in range(CASES) if KNOWN[n]["config"]["num_layers"] > 1)
    config, arrays = KNOWN[number]["config"], seeded(number)
    vocabulary = folders[number] / "vocab.txt"
    assert "also has" in refused(folders[number], vocabulary, {**config, "num_layers": 1})
    arrays[next(iter(arrays))].flat[0] = np.nan
    write_checkpoint(tmp_path, arrays)
    assert "finite" in refused(tmp_path, vocabulary, config)


@pytest.mark.parametrize(
    "configuration",
    ["t7", "t6_tiny_vision", {}, {"vocab_size": 3}, {**KNOWN[0]["config"], "extra": 1}, 6, None]
    + [{**KNOWN[0]["config"], "window": value} for value in (0, -1, 2.0, "8", True, 10**30)]
    + [{**KNOWN[0]["config"], "num_heads": 1000}],
)
def test_a_configuration_that_is_none(folders, configuration):
    sentence = refused(folders[0], folders[0] / "vocab.txt", configuration)
    assert re.search("choose one|configuration|expected|window|heads", sentence)


def test_sizes_may_be_numbers_of_numpy():
    sizes = {name: np.int64(size) for name, size in KNOWN[0]["config"].items()}
    config = configuration_of(sizes, KNOWN[0]["config"]["vocab_size"])
    assert config == configuration_of(KNOWN[0]["config"], KNOWN[0]["config"]["vocab_size"])
    assert {type(getattr(config, name)) for name in sizes} == {int}
    with pytest.raises(LabError, match="window of the published model is"):
        configuration_of({**sizes, "window": np.True_}, KNOWN[0]["config"]["vocab_size"])


def test_tokens_that_are_none(models):
    model = models[0]
    size, longest = model.config.vocab_size, model.config.max_length
    for tokens in (
        np.zeros(4, np.int32),
        np.zeros((1, 0), np.int32),
        np.zeros((1, longest + 1), np.int32),
        np.full((1, 2), size, np.int32),
        np.full((1, 2), -1, np.int32),
        np.zeros((1, 2), np.float32),
        [[1, 2], [3]],
        tf.ragged.constant([[1, 2], [3]]),
        None,
        [[2**70]],
        [["一"]],
        object(),
    ):
        for use in (model, model.parts):
            with pytest.raises(LabError):
                use(tokens)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_published_sizes(name):
    config = configuration_of(name, 6000)
    assert config.vocab_size == 6000 and config.context_length == 128
    assert config.window >= config.context_length  # in its chat the transformer is never padding


@pytest.mark.slow
def test_the_article_s_model_has_its_parameters():
    model = published.Published(configuration_of("t6_beta_dense", 6000))
    assert model.count_params() / 1e6 == pytest.approx(78.85, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in CONFIGURATIONS if n not in ("t6_large", "t6_bigger")])
def test_a_checkpoint_of_every_size_loads_by_its_name(name, tmp_path):
    """The two largest take gigabytes; their sizes are held above."""
    symbols = characters(5000)
    sizes = loading.shapes(replace(CONFIGURATIONS[name], vocab_size=len(symbols)))
    write_checkpoint(tmp_path, {place: weight(place, shape) for place, shape in sizes.items()})
    path = tmp_path / "vocabulary.txt"
    path.write_text(repr(symbols), encoding="utf-8")
    model = published.load(tmp_path, path, name)
    assert model.count_params() == sum(math.prod(shape) for shape in sizes.values())
    logits = np.asarray(model(np.full((1, 20), 30)))
    assert logits.shape == (1, 20, len(symbols)) and np.isfinite(logits).all()

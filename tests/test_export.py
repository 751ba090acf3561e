"""The LiteRT export: the same model, smaller and without TensorFlow, or the checkpoint itself."""

import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import scrambled
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mof_lab import checkpoint, cli, conversion, corpus, experts, folders, litert, packing
from mof_lab.card import facts_about
from mof_lab.chat import ChatSession
from mof_lab.configuration import preset as preset_named
from mof_lab.conversion import PIECE, convert
from mof_lab.errors import LabError
from mof_lab.evaluation import prompt_ids
from mof_lab.experts import GRUExpert, expert
from mof_lab.export import export
from mof_lab.generation import Decoder, Sampling
from mof_lab.judging import QUESTIONS
from mof_lab.model import MoF
from mof_lab.vocabulary import BEGIN, PADDING

#: The project's text with little reasoning.
FEW = replace(preset_named("tiny"), reasoning_examples=100)
HOT = {"temperature": 1.5, "top_p": 1.0}


def silent(sentence):
    pass


def load(folder):
    """The export in a checkpoint's folder."""
    config, _, meta = checkpoint.describe(folder)
    return litert.load(folder, config, meta)


def text(size, length, seed=1):
    """Random ids of a vocabulary; a document begins here and there."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(1, size, length)
    ids[rng.random(length) < 0.05] = BEGIN
    ids[0] = BEGIN
    return ids.tolist()


def outputs(decoder, ids):
    """Logits and router weights after each character, read one by one."""
    rows = []
    for token in ids:
        decoder.read([token])
        rows.append(decoder.output)
    return [np.stack(column) for column in zip(*rows, strict=True)]


@pytest.fixture(scope="module")
def toy(checkpoint_folder, tmp_path_factory):
    """The toy checkpoint with an fp32 export; nobody changes it."""
    folder = tmp_path_factory.mktemp("toy") / "checkpoint"
    shutil.copytree(checkpoint_folder, folder)
    convert(folder, folder, "fp32", silent)
    return folder


@pytest.fixture
def copy(toy, tmp_path):
    """The same, to be spoilt."""
    return shutil.copytree(toy, tmp_path / "copy")


@pytest.fixture(scope="module")
def exported(toy):
    return load(toy)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The shipped checkpoint with an int8 export, made in a process of its own."""
    folder = shutil.copytree(folders.shipped("tiny"), tmp_path_factory.mktemp("tiny") / "tiny")
    told = []
    card = export(folder, tell=told.append)
    return folder, card, told


# The same model


def test_every_position_is_the_model_s(model, exported):
    ids = text(model.config.vocabulary_size, 150)
    expected = model(tf.constant([ids]))
    logits, weights = outputs(Decoder(exported), ids)
    np.testing.assert_allclose(logits, expected["logits"][0], atol=1e-4)
    np.testing.assert_allclose(weights, expected["router_weights"][0], atol=1e-4)


@settings(max_examples=8)
@given(st.integers(1, 3 * PIECE), st.integers(0, 99))
def test_the_state_is_the_model_s(model, exported, length, seed):
    """Leaf by leaf, by its path, whatever was read in pieces and whatever by steps."""
    ids = text(model.config.vocabulary_size, length, seed)
    one, other = Decoder(model), Decoder(exported)
    one.read(ids)
    other.read(ids)
    leaves = keras.tree.flatten_with_path(one.state)
    assert {"_".join(map(str, path)) for path, _ in leaves} == set(other.state)
    for path, value in leaves:
        np.testing.assert_allclose(other.state["_".join(map(str, path))], value, atol=1e-4)


@settings(max_examples=8)
@given(st.lists(st.integers(1, 2 * PIECE), min_size=1, max_size=4), st.integers(0, 99))
def test_prefill_is_steps(exported, lengths, seed):
    ids = text(exported.config.vocabulary_size, sum(lengths), seed)
    by_steps, by_pieces = Decoder(exported), Decoder(exported)
    expected = outputs(by_steps, ids)[0]
    at = 0
    for length in lengths:
        logits = by_pieces.read(ids[at : at + length])
        at += length
        np.testing.assert_allclose(logits, expected[at - 1], atol=1e-4)
    for name, value in by_steps.state.items():
        np.testing.assert_allclose(by_pieces.state[name], value, atol=1e-4)


def test_a_state_is_a_value(exported):
    decoder = Decoder(exported)
    decoder.read([BEGIN, 7, 8])
    state = decoder.state
    first = decoder.read([9, 10])
    decoder.read(text(40, 60))
    decoder.state = state
    np.testing.assert_array_equal(decoder.read([9, 10]), first)
    decoder.reset()
    assert all((value == 0).all() for value in decoder.state.values())


@pytest.mark.parametrize(
    "options", [{"expert": "gru"}, {"expert": "transformer"}, {"router_weights": [1, 3]}]
)
def test_a_forced_blend_is_the_model_s(model, exported, options):
    ids = text(model.config.vocabulary_size, PIECE + 5)
    logits, weights = outputs(Decoder(model, **options), ids)
    decoder = Decoder(exported, **options)
    others = outputs(decoder, ids)
    np.testing.assert_allclose(others[0], logits, atol=1e-4)
    np.testing.assert_allclose(others[1], weights, atol=1e-6)
    decoder.reset()
    np.testing.assert_allclose(decoder.read(ids), logits[-1], atol=1e-4)


def test_an_expert_that_is_not_there(exported):
    with pytest.raises(LabError, match="no expert 'oracle'"):
        Decoder(exported, expert="oracle")


def test_other_architectures_convert(config, vocabulary, tmp_path):
    """The article's choices, tables large enough to become int8, and an expert of one's own."""

    @expert("second")
    class Second(GRUExpert):
        """One more GRU."""

    model = scrambled(
        MoF(
            replace(
                config,
                experts=("gru", "second", "transformer"),
                shortest_memory=0,
                feature_map="elu",
                pre_norm=False,
                tied_embeddings=False,
                learned_positions=96,
            )
        )
    )
    assert "second" in experts.EXPERTS
    checkpoint.save(tmp_path, model, vocabulary, {"step": 1})
    card = convert(tmp_path, tmp_path, "int8", silent)
    assert card["difference"]["bits"] < 0.05
    ids = text(len(vocabulary), 110)  # positions go on past the last row of their table
    logits, weights = outputs(Decoder(load(tmp_path)), ids)
    expected = model(tf.constant([ids]))
    scale = np.abs(expected["logits"]).max()
    np.testing.assert_allclose(logits, expected["logits"][0], atol=0.05 * scale)
    np.testing.assert_allclose(weights, expected["router_weights"][0], atol=0.05)


def test_a_table_in_int8_rows():
    """Each row is as exact as its own size allows, and what a tied head reads is the same."""
    layer = keras.layers.Embedding(50, 8)
    layer.build()
    table = np.random.default_rng(1).normal(size=(50, 8)) * np.logspace(-6, 2, 50)[:, None]
    table[7] = 0
    layer.embeddings.assign(table)
    conversion._in_int8_rows(layer)
    rows = layer(np.arange(50)[None])[0].numpy()
    half_a_step = np.abs(table).max(1, keepdims=True) / 127 / 2
    assert (np.abs(rows - table) <= half_a_step * 1.001 + 1e-12).all()
    np.testing.assert_array_equal(layer.embeddings.numpy(), rows)


# int8, of the checkpoint that ships


def test_int8_is_a_third_of_a_tiny_checkpoint(tiny):
    """A quarter for the weights; the rest is the graph, which larger models share among more."""
    folder, card, told = tiny
    weights = next(folder.glob("*.safetensors")).stat().st_size
    assert 0.25 < (folder / litert.FILE).stat().st_size / weights < 0.36
    assert card["difference"]["same"] >= 0.96 and card["difference"]["bits"] < 0.02
    assert len(told) == 3


@pytest.mark.parametrize("share", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_int8_on_held_out_text(tiny, share):
    """The same most probable character in 98 % of the places, within 0.02 bits a character."""
    folder = tiny[0]
    model, vocabulary, meta = checkpoint.load(folder)
    window = preset_named(meta["preset"]).window
    held_out = corpus.project(FEW).held_out
    windows = packing.pack(held_out, vocabulary, window).tokens[::share].astype(np.int32)
    forward = tf.function(lambda tokens: model(tokens)["logits"])
    decoder, same, bits, count = Decoder(load(folder)), 0, 0.0, 0
    for tokens in windows:
        length = np.count_nonzero(tokens != PADDING) - 1
        targets = tokens[1 : length + 1]
        expected = forward(tokens[None, :-1])[0, :length].numpy()
        decoder.reset()
        logits = outputs(decoder, tokens[:length])[0]
        same += (expected.argmax(-1) == logits.argmax(-1)).sum()
        bits += (surprise(logits, targets) - surprise(expected, targets)).sum()
        count += length
    assert same / count >= 0.98
    assert abs(bits / count) < 0.02


def surprise(logits, targets):
    """Bits of each target."""
    chosen = np.take_along_axis(logits, targets[:, None], -1)[:, 0]
    return (np.logaddexp.reduce(logits, -1) - chosen) / math.log(2)


def test_int8_answers_as_the_model_does(tiny):
    folder = tiny[0]
    model, vocabulary, _ = checkpoint.load(folder)
    questions = [q.turns for q in corpus.project(FEW).questions[::90]]
    questions += [(text,) for text in QUESTIONS]
    given = []
    for each in (model, load(folder)):
        decoder, answers = Decoder(each), []
        for turns in questions:
            decoder.reset()
            decoder.read(prompt_ids(turns, vocabulary))
            answers.append([character.token for character in decoder.write(Sampling(0), 40)])
        given.append(answers)
    same = [one == other for one, other in zip(*given, strict=True)]
    assert sum(same) >= 0.85 * len(same)


def test_chatting_needs_no_tensorflow_and_little_memory(tiny):
    code = (
        "import sys\n"
        "from mof_lab import ChatSession\n"
        "from mof_lab.memory import peak_memory\n"
        f"session = ChatSession.from_checkpoint({str(tiny[0])!r})\n"
        "assert session.chat('你好') and session.chat('法国的首都是哪里？', 0)\n"
        "print(*[m for m in ('tensorflow', 'keras', 'datasets', 'plotly') if m in sys.modules])\n"
        "print(peak_memory())\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    modules, peak = done.stdout.splitlines()
    assert modules == ""
    assert int(peak) < 200e6
    assert done.stderr == ""


# Chatting with the export, or without


def test_a_session_uses_the_export(model, vocabulary, toy):
    told = []
    session = ChatSession.from_checkpoint(toy, tell=told.append)
    other = ChatSession(model, vocabulary)
    assert isinstance(session.decoder.model, litert.Model) and told == []
    for seed, question in enumerate(("你好", "米米在哪里？")):
        answers = [s.chat(question, max_length=8, seed=seed, **HOT) for s in (session, other)]
        assert answers[0] == answers[1]
    assert session.context_used == other.context_used
    assert session.undo() == "米米在哪里？"
    session.add("再见", "再见。")
    alone = ChatSession.from_checkpoint(toy, expert="gru")
    assert alone.chat("你好", 0, 8) == ChatSession(model, vocabulary, "gru").chat("你好", 0, 8)


def spoil_byte(folder):
    content = bytearray((folder / litert.FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / litert.FILE).write_bytes(content)


def spoil_end(folder):
    path = folder / litert.FILE
    path.write_bytes(path.read_bytes()[:-1000])


def new_weights(folder):
    """As after more training: the export is of the weights before."""
    model, vocabulary, _ = checkpoint.load(folder)
    checkpoint.save(folder, scrambled(model, 9), vocabulary, {"step": 9})


def another_program(folder):
    """A file of the right name that nobody can run, with a card that says it is right."""
    path = folder / litert.FILE
    path.write_bytes(b"TFL3" * 4000)
    card = json.loads((folder / litert.CARD).read_text("utf-8"))
    card["sha256"] = litert.checksum(path)
    (folder / litert.CARD).write_text(json.dumps(card), "utf-8")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_byte, "is damaged"),
        (spoil_end, "is damaged"),
        (new_weights, "other weights"),
        (another_program, "LiteRT can't open"),
        (lambda folder: (folder / litert.CARD).unlink(), "is damaged"),
        (lambda folder: (folder / litert.CARD).write_bytes(b"\xff{"), "is damaged"),
        (lambda folder: (folder / litert.CARD).write_text("[]", "utf-8"), "is damaged"),
    ],
)
def test_an_export_that_can_not_be_used(copy, spoil, words):
    """One sentence, and the checkpoint answers."""
    spoil(copy)
    told = []
    session = ChatSession.from_checkpoint(copy, tell=told.append)
    assert isinstance(session.decoder.model, MoF)
    (sentence,) = told
    assert words in sentence and "Keras answers" in sentence and "\n" not in sentence
    model, vocabulary, _ = checkpoint.load(copy)
    expected = ChatSession(model, vocabulary).chat("你好", 0, 8)
    assert session.chat("你好", 0, 8) == expected


def test_without_an_export_nothing_is_said(checkpoint_folder):
    told = []
    session = ChatSession.from_checkpoint(checkpoint_folder, tell=told.append)
    assert isinstance(session.decoder.model, MoF) and told == []


def test_without_litert_the_checkpoint_answers(toy, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    told = []
    session = ChatSession.from_checkpoint(toy, tell=told.append)
    assert isinstance(session.decoder.model, MoF) and len(told) == 1


# Writing it


@pytest.mark.parametrize(
    ("name", "result", "words"),
    [
        ("to_litert", b"TFL3 and no weights", "should have"),
        ("compare", {"bits": 0.5, "same": 0.3}, "0.500 bits a character away"),
        ("compare", {"bits": float("nan"), "same": 0.0}, "nothing was written"),
    ],
)
def test_a_bad_conversion_replaces_nothing(copy, monkeypatch, name, result, words):
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    monkeypatch.setattr(conversion, name, lambda *_: result)
    with pytest.raises(LabError, match=words) as caught:
        convert(copy, copy, "int8", silent)
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_what_the_converter_refuses(copy, monkeypatch):
    def refuse(*_):
        raise RuntimeError("tf.Foo is not supported\nat line 7")

    before = (copy / litert.FILE).read_bytes()
    monkeypatch.setattr(conversion, "to_litert", refuse)
    with pytest.raises(LabError, match=r"no form of this model \(tf\.Foo is not supported\);"):
        convert(copy, copy, "int8", silent)
    assert (copy / litert.FILE).read_bytes() == before


def test_an_export_chats_without_the_weights(toy, tmp_path, model, vocabulary):
    convert(toy, tmp_path / "alone", "int8", silent)
    assert {path.name for path in (tmp_path / "alone").iterdir()} == {
        "meta.json",
        litert.FILE,
        litert.CARD,
    }
    session = ChatSession.from_checkpoint(tmp_path / "alone")
    assert session.chat("你好", 0, 5) == ChatSession(model, vocabulary).chat("你好", 0, 5)


def test_what_can_not_be_exported(toy, copy, tmp_path):
    with pytest.raises(LabError, match="no checkpoint in"):
        export(tmp_path / "nowhere")
    with pytest.raises(LabError, match="quantize is 'int4'; expected int8 or fp32"):
        export(toy, quantize="int4")
    new_weights(copy)
    with pytest.raises(LabError, match="another checkpoint"):
        export(toy, copy)


def test_the_command_line(tiny, monkeypatch):
    folder, card, _ = tiny
    monkeypatch.setattr("mof_lab.export.export", lambda *_, **__: card)
    result = CliRunner().invoke(cli.app, ["export", str(folder)])
    assert result.exit_code == 0, result.output
    size = f"int8, {card['bytes'] / 1e6:.1f} MB"
    assert f"model.tflite: {size}" in result.stdout
    facts = dict(facts_about(folder))
    assert facts["export"].startswith(size)
    (folder / litert.CARD).rename(folder / "away.json")
    try:
        assert "is damaged" in dict(facts_about(folder))["export"]
    finally:
        (folder / "away.json").rename(folder / litert.CARD)

"""The third expert that notebook 10 writes, and everything that has to take it unchanged."""

import json
import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from mof_lab import checkpoint, evaluation, experts, litert, pipeline, views
from mof_lab.chat import ChatSession
from mof_lab.configuration import ModelConfig, Stage, to_dict
from mof_lab.conversion import convert
from mof_lab.corpus import Corpus, Question
from mof_lab.errors import LabError
from mof_lab.explanation import explain
from mof_lab.generation import Sampling
from mof_lab.inspection import trace_dialogue
from mof_lab.model import MoF
from mof_lab.vocabulary import BEGIN

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "10_your_own_expert.ipynb"
THREE = ("gru", "transformer", "convolution")
TURNS = [("user", "米米在哪里？"), ("assistant", "在白桥。")]


@contextmanager
def eagerly():
    """Without compiling, which takes longer than it saves here."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The file that the notebook writes."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    [source] = [cell.source for cell in cells if cell.source.startswith("%%writefile")]
    path = tmp_path_factory.mktemp("own") / "my_expert.py"
    path.write_text(source.partition("\n")[2], encoding="utf-8")
    return path


@pytest.fixture(scope="module", autouse=True)
def registered(file):
    """Known here and in processes started from here; forgotten after the last test."""
    before = dict(experts.EXPERTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(experts.FILES, "")
        experts.use_file(file)
        yield
    experts.EXPERTS.clear()
    experts.EXPERTS.update(before)


@pytest.fixture(scope="module")
def preset(preset):
    """The toy preset with a third expert and a stage for it."""
    stages = list(preset.stages)
    alone = replace(
        stages[1], name="convolution", trains=("convolution",), expert="convolution", steps=3
    )
    stages.insert(2, alone)
    model = replace(preset.model, experts=THREE, num_layers=1)
    return replace(preset, model=model, stages=tuple(replace(s, steps=3) for s in stages))


@pytest.fixture(scope="module")
def run(preset, rows, tmp_path_factory):
    """Trained through all stages, in this process."""
    questions = [Question("knowledge", "places", ("米米在哪里？",), ("在白桥。",))]
    text = Corpus(rows[5:], rows[:5], questions)
    made = pipeline.Run(preset, tmp_path_factory.mktemp("runs") / "three", text)
    before = None
    with eagerly():
        for stage in preset.stages:
            model = made.new_model() if before is None else made.model_after(before)
            made.trainer(stage, model).run()
            before = stage.name
    return made


@pytest.fixture(scope="module")
def three(run):
    """The model after the last stage; nobody changes it."""
    return run.model_after("chat")


# ---- the expert itself


def test_it_is_written_in_under_40_lines(file):
    source = file.read_text(encoding="utf-8")
    assert 10 < len(source.partition("@expert")[2].splitlines()) < 40


@settings(max_examples=8)
@given(st.integers(1, 40), st.integers(0, 2**20), st.data())
def test_it_keeps_its_promises(time, seed, data):
    """Window = steps = pieces; nothing sees the future; a document's begin forgets."""
    rng = np.random.default_rng(seed)
    layer = experts.make_expert("convolution", ModelConfig(embedding_dim=4, num_heads=1), 6)
    layer.build((None, None, 4))
    x = rng.normal(size=(2, time, 4)).astype(np.float32)
    begins = rng.random((2, time)) < 0.15
    earlier = tf.constant(rng.normal(size=(2, 15, 4)), tf.float32)  # of a text that goes on
    whole, after = layer(tf.constant(x), tf.constant(begins), earlier)

    state, stepped = earlier, []
    for t in range(time):
        output, state = layer.step(tf.constant(x[:, t]), tf.constant(begins[:, t]), state)
        stepped.append(output)
    np.testing.assert_allclose(np.stack(stepped, axis=1), whole, atol=1e-4)
    np.testing.assert_allclose(state, after, atol=1e-6)

    cut = data.draw(st.integers(0, time - 1), label="cut")
    changed = x.copy()
    changed[:, cut] += 1
    moved = np.abs(layer(tf.constant(changed), tf.constant(begins), earlier)[0] - whole).max(-1)
    assert (moved[:, :cut] < 1e-6).all()
    for row in range(2):
        later = np.flatnonzero(begins[row, cut + 1 :])
        if len(later):
            assert (moved[row, cut + 1 + later[0] :] < 1e-6).all()


# ---- who takes it


def test_every_stage_is_a_checkpoint_of_three(run, preset, three):
    for stage in preset.stages:
        config, _, meta = checkpoint.describe(run.directory / stage.name)
        assert config.experts == THREE and meta["record"]["done"]
    fresh, alone = run.model_after("transformer"), run.model_after("convolution")
    moved = {
        name: any(
            not np.array_equal(a.numpy(), b.numpy())
            for one, other in zip(layers, alone.parts()[name], strict=True)
            for a, b in zip(one.weights, other.weights, strict=True)
        )
        for name, layers in fresh.parts().items()
    }
    assert moved == dict.fromkeys(moved, False) | {"convolution": True}


def test_the_checkpoint_comes_back(run, three, tmp_path):
    checkpoint.save(tmp_path, three, run.vocabulary, {"step": 1})
    loaded, _, _ = checkpoint.load(tmp_path)
    ids = np.array([[BEGIN, 7, 8, 9]], np.int32)
    np.testing.assert_array_equal(loaded(ids)["logits"], three(ids)["logits"])
    assert loaded(ids)["router_weights"].shape == (1, 4, 3)


def test_the_budget_and_the_comparison_know_it(preset):
    costs = {stage.name: pipeline.step_cost(stage) for stage in preset.stages}
    assert costs["convolution"] == costs["gru"] < costs["joint"] == 1
    assert costs["router"] < 1


def test_it_is_measured(run, three):
    held_out = run.windows("held_out")
    for weights in evaluation.router_weights(three, held_out).values():
        assert len(weights) == 3 and sum(weights) == pytest.approx(1, abs=1e-4)
    bits = evaluation.bits_per_character(three, held_out, "convolution")
    assert 0 < bits["all"] < 20
    counts, _ = evaluation.score(three, run.vocabulary, run.questions, "convolution")
    assert counts["knowledge"]["total"] == 1


def test_it_talks_and_explains(run, three):
    session = ChatSession(three, run.vocabulary)
    [character] = list(session.stream("你好", Sampling(temperature=0), 1))
    told = explain(character, run.vocabulary)
    assert len(told.router_weights) == len(told.alone) == 3
    assert sum(told.router_weights) == pytest.approx(1, abs=1e-4)
    exchange = [("你好", [("model", [told])])]
    view = views.conversation(exchange, THREE)
    assert all(colour in view.svg for colour in views.draw.COLOURS[:3])
    assert "convolution" in view.text


def test_it_is_drawn(run, three):
    seen = trace_dialogue(three, run.vocabulary, TURNS)
    assert seen.router_weights.shape[1] == len(seen.expert_logits) == 3
    pictures = [
        views.routing(seen.symbols, seen.router_weights, seen.experts),
        views.shares(["chat"], [[0.2, 0.3, 0.5]], THREE),
        views.reading_view(seen),
    ]
    for view in pictures:
        assert all(colour in view.svg for colour in views.draw.COLOURS[:3])
        assert "convolution" in view.text


def test_the_widgets_take_it(run, three, monkeypatch):
    pytest.importorskip("anywidget", reason="widgets need the lab's packages")
    from mof_lab import jobs
    from mof_lab.widgets import Explorer, SideBySide

    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=True))
    with eagerly():
        beside = SideBySide(ChatSession(three, run.vocabulary), max_length=2, seed=1, position=1.5)
        beside.say("你好")
        [exchange] = beside.exchanges
        assert len(beside.columns) == len(exchange["answers"]) == 5  # three alone, mixture, blend
        explorer = Explorer((three, run.vocabulary), "你好")
        assert explorer.parts["experts"] == list(THREE)
        explorer.switch_off(experts={"convolution"})
        weights = np.array(explorer.readings[0]["weights"])
        assert weights.shape[1] == 3 and not weights[:, 2].any()
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-3)


@pytest.mark.slow
def test_it_is_exported(run, tmp_path):
    convert(run.directory / "chat", tmp_path, "fp32", lambda sentence: None)
    config, _, meta = checkpoint.describe(tmp_path)
    exported = litert.load(tmp_path, config, meta)
    session = ChatSession(exported, run.vocabulary)
    original = ChatSession(run.model_after("chat"), run.vocabulary)
    assert session.chat("你好", 0, 5) == original.chat("你好", 0, 5)
    assert session.decoder.output[1].shape == (3,)


@pytest.mark.slow
def test_a_process_of_its_own_knows_it(preset, rows, tmp_path):
    """Where nothing was registered but what the file says; and compiled, as in earnest."""
    made = pipeline.Run(preset, tmp_path / "run", Corpus(rows[5:], rows[:5], []))
    assert made.train("convolution")["steps"] == 3


# ---- what is refused


def test_an_expert_that_nobody_knows(config, monkeypatch):
    monkeypatch.setenv(experts.FILES, "")
    experts.EXPERTS.pop("convolution")
    with pytest.raises(LabError, match="no expert 'convolution'.*MOF_LAB_EXPERTS"):
        MoF(replace(config, experts=THREE))


def test_a_file_is_found_by_its_name_in_the_environment(config, file, monkeypatch):
    monkeypatch.setenv(experts.FILES, str(file))
    experts.EXPERTS.pop("convolution")
    assert len(MoF(replace(config, experts=THREE, num_layers=1)).experts) == 3


@pytest.mark.parametrize("content", ["1 / 0", "class ("])
def test_a_file_that_can_not_be_used(tmp_path, content):
    path, before = tmp_path / "mine.py", os.environ[experts.FILES]
    path.write_text(content, encoding="utf-8")
    with pytest.raises(LabError, match="mine.py can't be used"):
        experts.use_file(path)
    assert os.environ[experts.FILES] == before


@pytest.mark.parametrize("names", [("gru", "gru"), ("gru", "router"), ("all",)])
def test_names_of_parts_differ(names):
    with pytest.raises(LabError, match="names that differ"):
        ModelConfig(experts=names)


# ---- one class, two names


def test_two_experts_of_one_class(config, vocabulary):
    for name in ("talker", "thinker"):
        experts.expert(name)(experts.GRUExpert)
    model = MoF(replace(config, experts=("talker", "thinker")))
    talker, thinker = model.experts
    for variable in thinker.variables:
        variable.assign(variable + 0.1)
    seen = trace_dialogue(model, vocabulary, TURNS)
    assert not np.allclose(*seen.expert_logits)
    assert seen.update.shape[1] == config.gru_units
    model.train_only(["thinker"])
    assert thinker.trainable_variables and not talker.trainable_variables
    model.experts.reverse()  # the gates are those of the first of them
    assert not np.allclose(seen.update, trace_dialogue(model, vocabulary, TURNS).update)


def test_a_run_from_before_an_option_goes_on(preset, rows, run, tmp_path):
    """An older `run.json` knows nothing of balance and entropy: they were off."""
    text = Corpus(rows[5:], rows[:5], [])
    pipeline.Run(preset, tmp_path, text)
    path = tmp_path / "run.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    for stage in written["preset"]["stages"]:
        del stage["balance"], stage["entropy"]
    path.write_text(json.dumps(written), encoding="utf-8")
    pipeline.Run(preset, tmp_path, text)
    other = replace(preset, stages=(Stage("router", ("router",), 3, balance=0.1),))
    with pytest.raises(LabError, match="another preset"):
        pipeline.Run(other, tmp_path, text)
    assert to_dict(preset)["stages"][0]["balance"] == 0


def test_the_labs_own_names_are_taken():
    """Another process would take the lab's class and never run the file."""

    class Mine(experts.GRUExpert):
        """Another class of the same name."""

    with pytest.raises(LabError, match="'gru' is an expert of the lab"):
        experts.expert("gru")(Mine)
    assert experts.EXPERTS["gru"] is experts.GRUExpert

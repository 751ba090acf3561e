"""The published model mended step by step, trained honestly; and the study of what it is worth."""

import importlib.util
import itertools
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from mof_lab import committed, evaluation
from mof_lab.corpus import Corpus, Question
from mof_lab.errors import LabError
from mof_lab.packing import ANSWER
from mof_lab.published import Published, PublishedConfig, honest
from mof_lab.published.fixes import FIXES, Mended
from mof_lab.vocabulary import BEGIN, PADDING
from tests.conftest import scrambled

PLACE = Path(__file__).resolve().parent.parent / "tools" / "fixes.py"
SIZES = PublishedConfig(0, 8, 12, 6, 2, 2, 1, 16, 32)
STEPS = ("", *FIXES)
SEES_THE_FUTURE, CAUSAL = STEPS[:2], STEPS[2:]


@pytest.fixture(scope="module")
def mended():
    """The last fix made → a model with it, whose weights are random."""
    config = replace(SIZES, vocab_size=40)
    return {up_to: scrambled(Mended(config, up_to)) for up_to in STEPS}


@pytest.fixture(scope="module")
def tokens():
    return np.random.default_rng(1).integers(0, 40, (2, 14)).astype("int32")


def moved(f, tokens, at):
    """By how much each position's output moves when one character of the first text changes."""
    changed = tokens.copy()
    changed[0, at] = (changed[0, at] + 1) % 40
    return np.abs(f(changed) - f(tokens)).max(axis=-1)[0]


# ---- what each fix does --------------------------------------------------------------------------


def test_without_a_fix_it_is_the_published_model(mended):
    published = Published(mended[""].config)
    for mine, theirs in zip(mended[""].weights, published.weights, strict=True):
        theirs.assign(mine)
    long = np.random.default_rng(2).integers(0, 40, (2, 25)).astype("int32")  # than its window
    np.testing.assert_allclose(mended[""](long), published(long), atol=1e-5)


@pytest.mark.parametrize("up_to", STEPS)
def test_queries_count_from_the_first_fix_on(mended, up_to):
    model = mended[up_to]
    layer = model.transformer_expert.blocks[0].attention
    x = tf.random.normal((1, 9, 8), seed=1)
    before, kept = model.attention(layer, x), layer.query.kernel.numpy()
    layer.query.kernel.assign(tf.random.normal(kept.shape, seed=2))
    after = model.attention(layer, x)
    layer.query.kernel.assign(kept)
    same = np.abs(after - before).max() < 1e-4
    assert same == (up_to == "")


@pytest.mark.parametrize("up_to", SEES_THE_FUTURE)
def test_without_the_second_fix_positions_see_what_follows(mended, tokens, up_to):
    assert (moved(mended[up_to], tokens, 13)[:13] > 1e-4).all()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("up_to", CAUSAL)
def test_from_the_second_fix_on_they_do_not(mended, tokens, up_to, training, monkeypatch):
    """Not in training, either: a norm over the batch would show all positions."""
    for layer in mended[up_to]._flatten_layers():
        if isinstance(layer, tf.keras.layers.Dropout):
            monkeypatch.setattr(layer, "rate", 0.0)
    for at in (5, 13):
        found = moved(lambda t: mended[up_to](t, training=training), tokens, at)
        assert found[:at].max() < 1e-6 < found[at]


def test_a_causal_attention_that_finds_nothing_is_a_number(mended, tokens):
    model = mended["causal"]
    bias = model.transformer_expert.blocks[0].attention.key.bias
    kept = bias.numpy()
    bias.assign(kept - 200)  # φ(k) is 0
    try:
        assert np.isfinite(model(tokens)).all()
    finally:
        bias.assign(kept)


def test_a_causal_attention_is_a_mean_of_the_past(mended):
    model = mended["causal"]
    layer = model.transformer_expert.blocks[0].attention
    x = tf.repeat(tf.random.normal((1, 1, 8), seed=1), 6, axis=1)
    np.testing.assert_allclose(  # of values that are all alike
        model.attention(layer, x), layer.combine(layer.value(x)), atol=1e-5
    )


@pytest.mark.parametrize("up_to", STEPS)
def test_beyond_the_window_the_last_position_has_the_transformer_once_aligned(mended, up_to):
    long = np.random.default_rng(3).integers(0, 40, (1, 25)).astype("int32")
    model = mended[up_to]
    kernel = model.transformer_expert.dense.kernel
    before, kept = model.last(long), kernel.numpy()
    kernel.assign(-kept)
    reached = np.abs(model.last(long) - before).max() > 1e-5
    kernel.assign(kept)
    assert reached == ("aligned" in model.fixes)


@pytest.mark.parametrize("up_to", STEPS)
def test_padding_does_not_change_what_is_said(mended, tokens, up_to):
    model = mended[up_to]
    lengths = tf.constant([6, 11])
    found = model.last(tokens, lengths)
    for row, length in enumerate(lengths):
        alone = model.last(tokens[row : row + 1, :length])
        np.testing.assert_allclose(found[row], alone[0], atol=1e-5)
    with pytest.raises(LabError, match="at most"):
        model.last(np.zeros((1, 17), "int32"), tf.constant([17]))


@pytest.mark.parametrize("up_to", STEPS)
def test_the_last_position_says_what_a_chat_would_hear(mended, tokens, up_to):
    """`last` is what all positions say, at the last of them; in a causal model at every one."""
    model = mended[up_to]
    everywhere = model(tokens)
    for time in range(1, 15) if model.causal else (14,):
        np.testing.assert_allclose(model.last(tokens[:, :time]), everywhere[:, time - 1], atol=1e-5)


@pytest.mark.parametrize("up_to", STEPS)
def test_the_router_weighs_each_character_once_mended(mended, tokens, up_to):
    weights = mended[up_to].router_weights(tokens).numpy()
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    assert weights.shape[1] == (14 if up_to == "router" else 1)
    if up_to == "router":
        assert (np.ptp(weights, axis=1) > 1e-4).all()


def test_an_unknown_fix_is_refused():
    with pytest.raises(LabError, match="einsum, causal"):
        Mended(replace(SIZES, vocab_size=9), "all")


# ---- honest training -----------------------------------------------------------------------------


def test_a_text_is_what_stands_in_the_document_before_a_target(mended, packs, preset):
    batch, *_ = honest.last_position(None, packs, preset, preset.stages[-1])
    answers = {
        (tuple(row[begun : at + 1]))
        for windows in packs.values()
        for row, roles in zip(np.asarray(windows.tokens, int), windows.roles, strict=True)
        for at in np.flatnonzero(roles == ANSWER)
        for begun in [max([0, *np.flatnonzero(row[:at] == BEGIN)])]
    }
    for step in range(2 * honest.POOL):
        (tokens, lengths, targets), learnt = batch(step)
        assert learnt == len(tokens) == honest.BATCH
        for row, length, target in zip(tokens, lengths, targets, strict=True):
            assert (*row[:length], target) in answers
            assert (row[length:] == PADDING).all()
    for one, other in zip(batch(1)[0], batch(1)[0], strict=True):  # a pure function of the step
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def quick(preset):
    """The toy preset without XLA, which takes longer to compile than such a model to train."""
    return replace(preset, xla=False)


@pytest.mark.parametrize("up_to", ["", "router", None])
def test_a_training_learns(packs, quick, model_of, up_to):
    """The surprise at what it trained on falls; as many steps on every machine."""
    model = model_of(up_to)
    row = np.asarray(packs["story"].tokens[0], int)
    texts, targets = [row[:at] for at in range(4, 20)], row[4:20]
    before = honest.surprise(model, texts, targets).mean()
    ticks = itertools.count().__next__  # a step takes one
    done = list(honest.steps(model, packs, quick, quick.stages[0], 1e-2, 300, clock=ticks))
    assert [spent for spent, _, _ in done] == list(range(1, 301))
    assert all(0 < learnt <= read for _, read, learnt in done)
    assert honest.surprise(model, texts, targets).mean() < before


def test_a_training_takes_processor_time(packs, quick, model_of):
    found = honest.train(model_of(None), packs, quick, quick.stages[0], 1e-2, 1.0)
    assert found["seconds"] >= 1 and found["steps"] > 1
    assert 0 < found["targets"] <= found["characters"]


def test_what_compiles_leaves_no_trace(packs, quick, model_of, monkeypatch):
    """However many examples there are, the first step is the same, weights and norm's means."""
    plain, found = honest.last_position, []
    for times in (1, 3):
        monkeypatch.setattr(
            honest, "last_position", lambda *a, n=times: (*plain(*a)[:2], plain(*a)[2] * n)
        )
        tf.keras.utils.set_random_seed(1)
        model = model_of("")
        assert len(list(honest.steps(model, packs, quick, quick.stages[0], 1e-2, 1e-9))) == 1
        found.append([variable.numpy() for variable in model.variables])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_where_every_character_is_learnt_targets_are_of_the_past(packs, preset):
    """A stage that learns from more than answers; no target stands at a window's beginning."""
    stage = replace(preset.stages[0], answers_only=False)
    batch, *_ = honest.last_position(None, packs, preset, stage)
    (tokens, lengths, targets), _ = batch(0)
    assert lengths.min() > 0 and (targets != PADDING).all()
    windows = np.array([[0, BEGIN, 7, 8, BEGIN, 9]])
    texts = honest.up_to(windows, [(0, 3), (0, 4), (0, 5)])
    assert [text.tolist() for text in texts] == [[BEGIN, 7, 8], [BEGIN, 7, 8, BEGIN], [BEGIN, 9]]


@pytest.fixture
def model_of(vocabulary, config):
    """A function of the last fix (None: our layers) → a new model."""

    def make(up_to):
        from mof_lab.model import MoF

        if up_to is None:
            return MoF(config)
        return Mended(replace(SIZES, vocab_size=len(vocabulary), window=32, max_length=64), up_to)

    return make


def test_ours_is_asked_the_same_way(model, rows, vocabulary):
    """Its surprise after a text is that of its parallel form, whatever is padded on the left."""
    ids = [BEGIN, *vocabulary.encode(rows[0]["text"])]
    found = honest.surprise(model, [ids[:5], ids[:9]], [ids[5], ids[9]])
    nats = evaluation.window_nats(model, np.array([ids[:10]]))[0]
    np.testing.assert_allclose(found, nats[[4, 8]], atol=1e-4)


def test_it_writes_what_it_would_write_alone(model_of, vocabulary):
    """Side by side and padded, and for prompts longer than the window."""
    model = scrambled(model_of("einsum"))
    asked = ["米米在哪里？", "1加2是几？" * 8, "你好"]
    questions = [Question("knowledge", "places", (text,), ("",)) for text in asked]
    together = honest.answer(model, vocabulary, questions, max_length=4)
    assert together == [honest.answer(model, vocabulary, [q], max_length=4)[0] for q in questions]


# ---- the study -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tool():
    """`tools/fixes.py` as a module."""
    spec = importlib.util.spec_from_file_location("fixes", PLACE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fixes"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["fixes"]


@pytest.fixture(scope="module")
def text(rows):
    questions = [Question("knowledge", "places", ("米米在哪里？",), ("在白桥。",))]
    questions.append(Question("reasoning", "addition", ("1加2是几？",), ("是3。",)))
    return Corpus(rows, rows, questions)


@pytest.fixture
def small(tool, quick, text):
    """A study of a moment."""
    return tool.Study(replace(quick, window=8), text, 0.1 / 60, asked=1, targets=4, sizes=SIZES)


def test_all_rungs_are_asked_for_the_same(tool, text, vocabulary):
    asked = tool.held_out(text.held_out, vocabulary, 8, 20)
    assert asked == tool.held_out(text.held_out, vocabulary, 8, 20)
    assert set(asked) == {"story", "chat", "knowledge", "reasoning", tool.LONG}
    for kind, targets in asked.items():
        assert 0 < len(targets) <= 20 and len(set(map(str, targets))) == len(targets)
        for _, before, target in targets:
            assert 1 <= len(before) <= 16 and target != PADDING
            assert kind != tool.LONG or len(before) > 8


def test_each_rung_is_trained_and_judged(tool, small, tmp_path, monkeypatch):
    """In this process, for a moment; the pipeline's own training is tested elsewhere."""
    monkeypatch.setattr(tool.processes, "call", lambda f, *given: (f(print, *given), 0))
    monkeypatch.setattr(tool.pipeline.Run, "train_all", trained_by_nobody)
    monkeypatch.setattr(tool.pipeline.Run, "model_after", lambda run, stage: run.new_model())
    monkeypatch.setattr(honest, "complete", lambda model, last, prompts, _: [[]] * len(prompts))
    monkeypatch.setattr(evaluation, "complete", lambda model, prompts, *_: [[]] * len(prompts))
    results, page = tmp_path / "fixes.json", tmp_path / "fixes.md"
    found = tool.study(small, results, page, tmp_path / "runs", lambda said: None)
    assert list(found["rungs"]) == list(tool.RUNGS)
    assert json.loads(results.read_text(encoding="utf-8")) == found
    for figures in found["rungs"].values():
        lengths = {k: len(bits.split()) for k, bits in figures["surprise"].items()}
        assert lengths == {k: len(d.split()) for k, d in found["documents"].items()}
    written = page.read_text(encoding="utf-8")
    assert "Verdict" in written and "nan" not in written
    told = committed.fixes(results)
    assert all(rung in told for rung in tool.RUNGS) and "of 1" in told
    assert "Not run yet" in committed.fixes(tmp_path / "none.json")


def trained_by_nobody(run, seconds):
    assert seconds == math.inf
    return [{"seconds": 1.0, "steps": 2, "tokens": 3}]


def test_the_stages_together_make_the_steps_of_the_rung_before_them(tool, small, tmp_path):
    job = small.job(tmp_path, 300)
    assert sum(stage.steps for stage in job.preset.stages) == pytest.approx(300, abs=5)
    one = small.job(tmp_path)
    assert one.preset == small.preset and one.directory != job.directory
    assert one.vocabulary == job.vocabulary
    for kind, windows in one.windows("train").items():
        np.testing.assert_array_equal(windows.tokens, job.windows("train")[kind].tokens)


def made_up(rung, bits, correct=1):
    """Figures that a rung might have: the same surprise at every character."""
    surprise = {kind: " ".join([str(round(1000 * bits))] * 4) for kind in ("story", "chat", "LONG")}
    answers = {"knowledge": {"correct": correct, "total": 4}}
    return {
        "parameters": 9, "seconds": 1, "steps": 1, "characters": 1, "targets": 1,
        "surprise": surprise, "answers": answers,
    }  # fmt: skip


def study_of(tool, bits):
    """A file of results whose rungs have these surprises."""
    settings = {"preset": "toy", "window": 8, "minutes": 1, "data_hash": "abcd"}
    documents = {"story": "0 0 1 2", "chat": "0 0 1 2", tool.LONG: "0 1 1 2"}
    rungs = {}
    for rung, value in zip(tool.RUNGS, bits, strict=False):
        rungs[rung] = made_up(rung, value)
        rungs[rung]["surprise"][tool.LONG] = rungs[rung]["surprise"].pop("LONG")
    return {"settings": settings, "documents": documents, "rungs": rungs}


def test_the_verdict_follows_the_figures(tool):
    found = study_of(tool, [8, 8.3, 3.3, 3.7, 4.2, 3, 2.7])
    verdict = tool.to_page(found).partition("Verdict")[2]
    assert "helps 有用: + causal, our layers." in verdict
    assert "does harm 有害: + router by character." in verdict
    shows = "no difference that shows 看不出差别"
    assert f"{shows}: + einsum, our layers and stages." in verdict  # less than 0.4, which is chance
    assert "compute the same: the 0.40 bits between them there are chance" in verdict
    assert "Most is saved by: + causal, 5.00 bits" in verdict
    assert f"+ aligned beyond the window: {shows} (-0.40 [-0.40, -0.40] bits)" in verdict
    found["rungs"]["+ aligned"]["surprise"][tool.LONG] = "2000 2000 2000 2000"
    assert "+ aligned beyond the window: helps 有用 (1.30" in tool.to_page(found)
    found["rungs"]["+ aligned"]["surprise"]["story"] = "3300 3300 3300 9000"  # not of chance
    assert "the 0.40 bits between them" in tool.to_page(found)
    other = tool.to_page(study_of(tool, [8, 1, 3, 3, 3.5, 3, 2.5]))
    assert "Most is saved by: + einsum, 7.00 bits" in other
    assert "does harm 有害: + causal, + router by character." in other
    unfinished = tool.to_page(study_of(tool, [8, 7]))
    assert "Not finished: + causal" in unfinished and "Verdict" not in unfinished


def test_a_study_goes_on(tool, small, monkeypatch, tmp_path):
    def run(study, rung, folder, asked, steps):
        assert steps == (1 if rung == "our layers and stages" else None)
        if rung == "+ causal" and len(told) == 3:
            raise KeyboardInterrupt
        figures = made_up(rung, 3.0)
        bits = {kind: " ".join(["3000"] * len(t)) for kind, t in asked.items()}
        return {**figures, "surprise": bits}

    monkeypatch.setattr(tool.Study, "run", run)
    results, page, told = tmp_path / "fixes.json", tmp_path / "fixes.md", []
    given = results, page, tmp_path / "runs", told.append
    with pytest.raises(KeyboardInterrupt):
        tool.study(small, *given)
    assert "Not finished" in page.read_text(encoding="utf-8")
    found = tool.study(small, *given)
    assert told == [f"{rung} …" for rung in [*list(tool.RUNGS)[:3], *list(tool.RUNGS)[2:]]]
    assert list(found["rungs"]) == list(tool.RUNGS)
    with pytest.raises(LabError, match="other settings"):
        tool.study(replace(small, minutes=2.0), *given)


def test_files_of_something_else_are_refused(tool, tmp_path, capsys):
    path = tmp_path / "other.json"
    path.write_text("{}", encoding="utf-8")
    assert tool.main(["--out", str(path), "--page"]) == 1
    assert "not a file of this study" in capsys.readouterr().err
    assert tool.main(["--minutes", "0"]) == 1

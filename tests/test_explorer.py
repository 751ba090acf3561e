"""The explorer without a browser: messages in, traits out, one snapshot for all places."""

import base64
import inspect
import json
import re
import threading
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("anywidget", reason="widgets need the lab's packages: pip install -e .[lab]")

from mof_lab import jobs
from mof_lab.errors import LabError
from mof_lab.notebook import TOPICS
from mof_lab.off import Off
from mof_lab.vocabulary import ASSISTANT, BEGIN, END, USER
from mof_lab.widgets import Explorer
from mof_lab.widgets import explorer as explorer_module
from mof_lab.widgets.prompt import LONGEST_PROMPT, encode_prompt
from mof_lab.widgets.texts_explorer import EXPLORER

PROMPT, OTHER = "米米在哪里？", "阿旺在哪里？\n在树下。"
KINDS = ("heads", "thoughts", "experts")
ALL_ON = {kind: [] for kind in KINDS}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Every test has a runner of its own, one that blocks."""
    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=True))


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def made(model, vocabulary, ids, off):
    """What a model of two experts could be seen to do; each thing off moves it."""
    time, size = len(ids), len(vocabulary)
    rng = np.random.default_rng(ids)
    attention = np.tril(rng.random((2, 2, time, time)) + 1e-3)
    weights = softmax(rng.normal(size=(time, 2)))
    logits = rng.normal(size=(2, time, size)) + rng.normal(size=size) * len(off.heads)
    logits = logits + np.arange(size) * 0.01 * len(off.thoughts)
    kept = [float(name not in off.experts) for name in model.config.experts]
    weights = weights * kept / (weights * kept).sum(axis=-1, keepdims=True)
    mixed = (weights.T[..., None] * logits).sum(axis=0)
    bits = rng.random((time, 3)) * 9
    bits[0] = np.nan
    return SimpleNamespace(
        ids=np.asarray(ids),
        symbols=[vocabulary.symbol(i) for i in ids],
        experts=model.config.experts,
        router_weights=weights,
        surprisal=bits[:, 0] + len(off.heads),
        expert_surprisal=bits[:, 1:],
        attention=attention / attention.sum(axis=-1, keepdims=True),
        thought=rng.random((2, time)),
        update=rng.random((time, 12)),
        reset=rng.random((time, 12)),
        logits=mixed,
        expert_logits=logits,
    )


@pytest.fixture
def reads(monkeypatch):
    """Nobody computes: a trace is made up."""
    monkeypatch.setattr(
        Explorer, "_trace", lambda self, ids, off: made(self.model, self.vocabulary, ids, off)
    )


@pytest.fixture
def pair(reads, config, vocabulary):
    """(model, vocabulary) as an explorer takes them; the model has nothing but its config."""
    return SimpleNamespace(config=config), vocabulary


@pytest.fixture
def explorer(pair):
    return Explorer(pair, PROMPT, OTHER)


def receive(widget, kind, **content):
    widget._receive(widget, json.loads(json.dumps({"kind": kind, **content})), [])


# ---- prompts


def test_lines_are_turns_and_the_last_stays_open(vocabulary):
    asked, answered = vocabulary.encode("米米"), vocabulary.encode("在")
    assert encode_prompt("米米\n", vocabulary) == [BEGIN, USER, *asked, END, ASSISTANT]
    assert encode_prompt(" 米米\n\n在 ", vocabulary) == [
        BEGIN, USER, *asked, END, ASSISTANT, *answered,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", " \n ", "好" * LONGEST_PROMPT])
def test_prompts_that_can_not_be_are_said(explorer, text):
    before = explorer.readings
    receive(explorer, "read", prompts=[text, ""])
    assert "The prompt" in explorer.error["sentence"] and explorer.error["traceback"] == ""
    assert explorer.error["chinese"].startswith("提示")
    assert explorer.readings == before


# ---- what is shown is what the model does


def check(readings, found):
    """Is the first reading that trace?"""
    shown = json.loads(json.dumps(readings))[0]
    assert shown["symbols"] == found.symbols
    np.testing.assert_allclose(shown["weights"], found.router_weights, atol=1e-4)
    np.testing.assert_allclose(shown["bits"][1:], found.surprisal[1:], atol=1e-3)
    assert shown["bits"][0] is None
    np.testing.assert_allclose(shown["thought"], found.thought.T, atol=1e-4)
    for guesses, chances in zip(shown["next"], softmax(found.logits), strict=True):
        assert [p for _, p in guesses] == pytest.approx(sorted(chances)[:-6:-1], abs=1e-4)
    assert len(shown["layout"]["places"]) == len(found.symbols) == len(shown["alone"])


def test_a_reading_is_the_trace(explorer):
    ids = encode_prompt(PROMPT, explorer.vocabulary)
    check(explorer.readings, made(explorer.model, explorer.vocabulary, ids, Off()))
    assert explorer.status["key"] == "done" and explorer.state == jobs.IDLE


def test_it_works_with_a_real_model(model, vocabulary):
    from mof_lab.inspection import trace

    explorer = Explorer((model, vocabulary), PROMPT)
    ids = encode_prompt(PROMPT, vocabulary)
    check(explorer.readings, trace(model, vocabulary, ids))
    explorer.switch_off(heads=[(1, 0)], thoughts=[0], experts=["gru"])
    assert (explorer.error, explorer.status["key"]) == ({}, "without")
    off = Off({(1, 0)}, {0}, {"gru"})
    found = trace(model, vocabulary, ids, off)
    np.testing.assert_allclose(explorer.readings[0]["weights"], found.router_weights, atol=1e-4)
    for guesses, chances in zip(explorer.readings[0]["next"], softmax(found.logits), strict=True):
        for _, _, p in guesses:
            assert np.abs(chances - p).min() < 1e-4


def unpacked(explorer, number):
    """The attention of all heads of a reading as the browser reads it."""
    time, parts = len(explorer.readings[number]["symbols"]), explorer.parts
    numbers = np.frombuffer(explorer.attention[number], "<u2").astype(float) / 65535
    return numbers.reshape(parts["blocks"], parts["heads"], time, time) ** 2


def test_attention_of_each_head_has_rows_that_sum_to_one(explorer):
    for number, now in enumerate(explorer._now):
        weights = unpacked(explorer, number)
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-3)
        np.testing.assert_allclose(weights, now.attention, atol=2e-5)
    assert [(h["block"], h["head"]) for h in explorer.heads] == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_the_heads_of_both_readings_are_shown(explorer):
    for one in explorer.heads:
        assert len(one["png"]) == len(one["back"]) == 2 and one["png"][0] != one["png"][1]
        assert all(base64.b64decode(png).startswith(b"\x89PNG") for png in one["png"])
    seen = []
    for block, head in ((0, 0), (0, 1), (1, 1)):
        receive(explorer, "head", block=block, head=head)
        assert explorer.head == [block, head]
        seen += explorer.whole_heads
    assert len({svg for svg, _ in seen}) == 6
    assert "米" in seen[0][1] and "阿" in seen[1][1]
    receive(explorer, "head", block=2, head=0)
    assert "no head 0 in block 2" in explorer.error["sentence"] and explorer.head == [1, 1]


def test_two_prompts_are_compared_and_one_can_be_left_out(explorer, pair):
    assert [r["symbols"][2] for r in explorer.readings] == ["米", "阿"]
    assert explorer.prompts == [PROMPT, OTHER]
    single = Explorer(pair, PROMPT)
    assert len(single.readings) == len(single.attention) == len(single.locked) == 1
    assert len(single.whole_heads) == len(single.heads[0]["png"]) == 1


def test_half_a_character_is_no_prompt(pair):
    explorer = Explorer(pair, "\ud83d好")
    assert explorer.prompts == ["\ufffd好", ""]
    receive(explorer, "read", prompts=["好\udc00", ""])
    explorer.read("好\udc00")
    assert explorer.prompts == ["好\ufffd", ""] and explorer.error == {}


def test_a_prompt_that_was_refused_is_there_to_be_read(pair, monkeypatch):
    runner = jobs.JobRunner(blocking=False)
    monkeypatch.setattr(jobs, "_RUNNER", runner)
    go = threading.Event()
    other = runner.start("another", lambda job: go.wait(60))
    explorer = Explorer(pair, PROMPT, OTHER)
    assert explorer.status["key"] == "busy" and explorer.prompts == [PROMPT, OTHER]
    go.set()
    assert other.wait(60)


# ---- switches


@pytest.mark.parametrize(
    ("kind", "value"), [("heads", [[0, 1]]), ("thoughts", [1]), ("experts", ["gru"])]
)
def test_a_switch_moves_the_next_character_and_back_again(explorer, kind, value):
    before = explorer.readings
    receive(explorer, "off", off={**ALL_ON, kind: value})
    assert explorer.off == {**ALL_ON, kind: value} and explorer.status["key"] == "without"
    moved = 0.0
    for old, new in zip(before[0]["next"], explorer.readings[0]["next"], strict=True):
        chances = {s: p for s, p, _ in new}
        assert all(chances[s] == p for s, p in old if s in chances)  # "all on" stays in view
        moved = max(moved, *(abs(p - q) for _, p, q in new))
    assert moved > 1e-4
    receive(explorer, "off", off=ALL_ON)
    assert explorer.readings == before and explorer.off == ALL_ON


def test_what_can_not_be_switched_off_changes_nothing(explorer):
    before = explorer.readings
    receive(explorer, "off", off={**ALL_ON, "experts": ["gru", "transformer"]})
    assert "leave at least one on" in explorer.error["sentence"]
    receive(explorer, "off", off={**ALL_ON, "thoughts": [9]})
    assert "no thought space in block 9" in explorer.error["sentence"]
    assert explorer.readings == before and explorer.off == ALL_ON


def test_nothing_can_be_switched_off_before_a_reading(pair):
    explorer = Explorer(pair)
    assert explorer.picture() is None and explorer.readings == []
    with pytest.raises(LabError, match="Nothing was read yet"):
        explorer.switch_off(thoughts=[0])


# ---- locking and the snapshot


def test_the_snapshot_shows_the_locked_character(explorer):
    ElementTree.fromstring(explorer.picture().svg)
    receive(explorer, "lock", reading=0, position=3)
    assert explorer.locked == [3, None]
    text = explorer.picture().text
    assert f"block 0, head 0: 3 {explorer.readings[0]['symbols'][3]}" in text
    receive(explorer, "lock", reading=0, position=99)
    assert "no character 99" in explorer.error["sentence"]
    receive(explorer, "lock", reading=5, position=0)
    assert "no reading 5" in explorer.error["sentence"] and explorer.locked == [3, None]
    assert len(explorer.picture().svg) < 100_000


@pytest.mark.parametrize(("act", "trait"), [("lock", "locked"), ("look", "head")])
def test_what_is_looked_at_waits_until_a_reading_is_published(explorer, act, trait):
    before = getattr(explorer, trait)
    thread = threading.Thread(target=getattr(explorer, act), args=(1, 1))
    with explorer._drawing:
        thread.start()
        thread.join(0.1)
        assert getattr(explorer, trait) == before
    thread.join(60)
    assert getattr(explorer, trait) != before


def test_what_is_typed_never_becomes_markup(pair):
    explorer = Explorer(pair, '<script>alert("1")</script>')
    for svg in (explorer.readings[0]["svg"], explorer.whole_heads[0][0], explorer.picture().svg):
        ElementTree.fromstring(svg)
        assert "<script" not in svg


# ---- context test


def test_the_context_test_is_a_curve_an_expert(explorer, monkeypatch):
    from mof_lab import notebook

    asked = []

    def recalling(model, vocabulary, expert, topic):
        asked.append((expert, topic))
        yield from [(0, 1.0, 4.0), (40, 2.0, 2.5)]

    monkeypatch.setattr(notebook, "recalling", recalling)
    receive(explorer, "test", topic="name")
    assert asked == [(None, "name"), ("gru", "name"), ("transformer", "name")]
    ElementTree.fromstring(explorer.context[0])
    assert "gru" in explorer.context[1] and explorer.status["key"] == "tested"
    assert "gru" in explorer.picture().text and "bits saved" in explorer.picture().text
    receive(explorer, "test", topic="age")
    assert "no topic 'age'" in explorer.error["sentence"]


def test_a_context_test_that_is_stopped_measures_no_further_point(explorer, monkeypatch):
    measured = []

    def gained(expert, topic):
        for between in range(6):
            measured.append(between)
            if between == 2:
                receive(explorer, "stop")
            yield between, 1.0

    monkeypatch.setattr(explorer, "_gained", gained)
    receive(explorer, "test", topic="name")
    assert measured == [0, 1, 2]
    assert explorer.context == [] and explorer.status["key"] == "stopped"


def test_another_language_is_drawn_and_nothing_is_computed_anew(explorer, monkeypatch):
    points = [(0, 3.0), (40, 0.5)]
    monkeypatch.setattr(explorer, "_gained", lambda expert, topic: points)
    receive(explorer, "hello", language="en")
    receive(explorer, "test", topic="name")
    before, curves = explorer.readings, explorer.context
    for name in ("_guesses", "_best", "_trace", "_gained"):
        monkeypatch.setattr(explorer, name, lambda *_: 1 / 0)
    for code, here, gone in (("zh", "混合", "mixture"), ("en", "mixture", "混合")):
        receive(explorer, "language", code=code)
        assert explorer.error == {}
        assert here in explorer.context[1] and gone not in explorer.context[1]
        for old, new in zip(before, explorer.readings, strict=True):
            assert (
                (">路由</text>" in new["svg"]) == (code == "zh") != (">router</text>" in new["svg"])
            )
            assert old["svg"] != new["svg"] and old["text"] != new["text"]
            assert {**old, "svg": 0, "text": 0} == {**new, "svg": 0, "text": 0}
    assert explorer.context != curves  # both were spoken


def test_before_a_context_test_another_language_draws_none(explorer):
    receive(explorer, "hello", language="zh")
    assert explorer.context == [] and explorer.error == {}


def test_a_picture_of_a_reading_that_nobody_could_lock_yet_shows_its_end(explorer):
    whole = explorer.picture().text
    explorer.locked = []  # a job has read, and not told yet
    assert explorer.picture().text == whole


# ---- texts


def test_every_text_is_there_twice_with_the_same_gaps():
    gap = re.compile(r"\{(\w+)\}")
    for key, (english, chinese) in EXPLORER.items():
        assert sorted(gap.findall(english)) == sorted(gap.findall(chinese)), key
        assert english and chinese


LANES = ("routing", "surprisal", "alone", "update", "reset", "thought", "attention")


def test_every_row_has_a_sentence_that_says_what_it_is(explorer):
    found = {key for reading in explorer.readings for key, _, _ in reading["lanes"]}
    assert found == set(LANES)
    for key in found:
        assert EXPLORER[f"lane_{key}"][0].endswith(".")
        assert EXPLORER[f"lane_{key}"][1].endswith("。")


#: A key of the words, as the script names one; `label` may hold another call before it.
CALL = r'(?:ui\.t|button)\(\s*"(\w+)"|label\((?:[^()]|\([^()]*\))*?,\s*"(\w+)"'


def test_every_text_that_the_script_asks_for_exists():
    asked = {one or other for one, other in re.findall(CALL, Explorer._esm)}
    assert len(asked) > 10
    assert asked <= set(Explorer.words["en"]), asked - set(Explorer.words["en"])
    used = Explorer._esm + inspect.getsource(explorer_module)
    used += "".join(f'"{topic}"' for topic in TOPICS)
    used += "".join(f'"lane_{key}"' for key in LANES)
    assert [key for key in EXPLORER if f'"{key}"' not in used] == []

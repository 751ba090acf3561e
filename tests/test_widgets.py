"""Widgets without a browser: messages in, traits and messages out, one snapshot for all places."""

import gc
import json
import re
import sys
import threading
import time
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest
import traitlets

pytest.importorskip("anywidget", reason="widgets need the lab's packages: pip install -e .[lab]")

import mof_lab
from mof_lab import generation, jobs
from mof_lab.chat import ChatSession
from mof_lab.errors import LabError
from mof_lab.explanation import Explanation
from mof_lab.views import conversation
from mof_lab.vocabulary import END
from mof_lab.widgets import Chat, SideBySide, Task, VocabularyPanel, base, deeds, texts
from mof_lab.widgets.base import Panel
from mof_lab.widgets.exchange import Exchange

spoken = sys.modules["mof_lab.language"]  # the module; `mof_lab.language` is its function

FOLDER = Path(base.__file__).parent
SOON = 30
QUICK = {"temperature": 1.5, "top_p": 1.0, "max_length": 6, "seed": 3}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Every test has a runner of its own, one that blocks."""
    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=True))


@pytest.fixture
def live(monkeypatch):
    """As where somebody clicks: `say` returns at once."""
    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=False))


@pytest.fixture
def session(model, vocabulary):
    return ChatSession(model, vocabulary)


def watched(widget):
    """The widget's messages to the browser, as they go, but for those that only say "heard"."""
    messages = []

    def send(content, buffers=None):
        if content["kind"] != "heard":
            messages.append(json.loads(json.dumps(content)))

    widget.send = send
    return messages


def receive(widget, kind, **content):
    widget._receive(widget, {"kind": kind, **content}, [])


def text_of(exchange, column=0):
    return "".join(packed[0] for packed in exchange["answers"][column]["characters"])


@pytest.fixture
def chat(session):
    return Chat(session, **QUICK)


# ---- talking


def test_what_is_said_is_what_the_session_says(chat, model, vocabulary):
    receive(chat, "send", text="你好")
    receive(chat, "send", text="米米在哪里？")
    plain = ChatSession(model, vocabulary)
    settings = {k: v for k, v in QUICK.items() if k != "max_length"}
    answers = [plain.chat(q, max_length=6, **settings) for q in ("你好", "米米在哪里？")]
    assert [text_of(e) for e in chat.exchanges] == answers
    assert [e["question"] for e in chat.exchanges] == ["你好", "米米在哪里？"]
    assert chat.session.turns == plain.turns
    assert chat.context == list(plain.context_used)
    assert (chat.state, chat.error, chat.status["key"]) == (jobs.IDLE, {}, "done")


def test_a_seed_is_named_only_where_something_was_drawn(chat):
    told = []
    for temperature in (0, 1.5):
        chat.set(temperature=temperature)
        chat.say("你好")
        for said in (chat.status, chat.exchanges[-1]["answers"][0]["note"]):
            told += [words[said["key"]].format(**said["values"]) for words in chat.words.values()]
    named = ["seed 3" in text or "种子 3" in text for text in told]
    assert named == 4 * [False] + 4 * [True]


def test_the_stream_is_the_answer(chat):
    messages = watched(chat)
    chat.say("你好")
    streamed = []
    for message in messages:
        if message["kind"] == "writing":
            answer = message["exchange"]["answers"][0]
            assert answer["from"] == len(streamed)
            streamed += answer["characters"]
    whole = json.loads(json.dumps(chat.exchanges[0]["answers"][0]["characters"]))
    assert 0 < len(streamed) <= len(whole)
    assert whole[: len(streamed)] == streamed
    assert messages[0] == {"kind": "taken", "text": "你好"}
    weights, bits, rank, others, alone = whole[0][1:]
    assert sum(weights) == pytest.approx(1, abs=1e-3)
    assert bits > 0 and rank >= 1 and len(others) == 5 and len(alone) == 2


def test_stop_keeps_what_is_there(session, live, monkeypatch):
    monkeypatch.setattr(generation, "NEVER", (*generation.NEVER, END))  # only Stop ends it
    chat = Chat(session, **{**QUICK, "max_length": 2048, "temperature": 10})
    some = threading.Event()
    watch = chat.send

    def send(content, buffers=None):
        watch(content, buffers)
        if content["kind"] == "writing" and content["exchange"]["answers"][0]["from"] > 1:
            some.set()

    chat.send = send
    job = chat.say("你好")
    assert some.wait(SOON) and chat.state == jobs.RUNNING
    receive(chat, "send", text="再见")  # refused, and says so
    assert (chat.status["key"], chat.status["values"]) == ("busy", {"name": "Chat 聊天"})
    receive(chat, "undo")
    assert chat.status["key"] == "busy"
    receive(chat, "stop")
    assert job.wait(SOON)
    assert (chat.state, chat.status["key"], len(chat.exchanges)) == (jobs.IDLE, "stopped", 1)
    assert 0 < len(text_of(chat.exchanges[0])) < 2048
    assert chat.session.turns[1][1] == text_of(chat.exchanges[0])


def test_stop_before_the_first_character(chat, monkeypatch):
    monkeypatch.setattr(jobs.Job, "go_on", lambda job: False)
    chat._exchange(jobs.Job("a", None), "你好", chat._how())
    assert [text_of(e) for e in chat.exchanges] == [""]
    assert chat.session.turns == [("user", "你好"), ("assistant", "")]
    assert chat.status["key"] == "stopped"


def test_what_is_there_is_kept_when_something_breaks(chat, monkeypatch):
    explained = chat._explained

    def breaks(character):
        if len(chat._writing.characters[0]) == 3:
            raise RuntimeError("broken")
        return explained(character)

    monkeypatch.setattr(chat, "_explained", breaks)
    receive(chat, "send", text="你好")
    assert "broken" in chat.error["sentence"] and "Traceback" in chat.error["traceback"]
    assert len(text_of(chat.exchanges[0])) == 3 and chat._writing is None
    assert len(chat.session.turns) == 2
    receive(chat, "undo")
    assert chat.exchanges == [] and chat.session.turns == []


def test_a_cell_that_clears_waits_for_the_answer(session, live, monkeypatch):
    monkeypatch.setattr(generation, "NEVER", (*generation.NEVER, END))
    chat = Chat(session, **{**QUICK, "max_length": 40})
    chat.say("你好")
    chat.clear()
    assert (chat.exchanges, chat.session.turns, chat.context[0]) == ([], [], 1)
    chat.undo()
    assert len(chat.exchanges) == 1 and len(text_of(chat.exchanges[0])) == 40


def test_a_cell_that_asks_again_or_loads_waits_for_the_answer(session, live, monkeypatch, tmp_path):
    monkeypatch.setattr(generation, "NEVER", (*generation.NEVER, END))
    chat = Chat(session, **{**QUICK, "max_length": 40})
    chat.say("你好")
    chat.set(max_length=9)
    assert chat.again().wait(SOON)
    assert [len(text_of(e)) for e in chat.exchanges] == [9]
    chat.save(tmp_path / "talk.json")
    chat.say("再见")
    assert chat.load(tmp_path / "talk.json").wait(SOON)
    assert chat.status == {"key": "loaded", "values": {"count": 1}}


def test_a_refused_message_changes_no_answer(session, live, monkeypatch):
    monkeypatch.setattr(generation, "NEVER", (*generation.NEVER, END))
    chat = Chat(session, **{**QUICK, "max_length": 60, "explain": False})
    job = chat.say("你好")
    chat.set(position=1)
    receive(chat, "send", text="再见")
    assert chat.status["key"] in ("busy", "done")
    assert job.wait(SOON)
    plain = ChatSession(session.decoder.model, session.vocabulary)
    settings = {k: v for k, v in QUICK.items() if k != "max_length"}
    assert text_of(chat.exchanges[0]) == plain.chat("你好", max_length=60, **settings)


def test_a_session_that_was_made_with_a_blend_keeps_it(model, vocabulary):
    chat = Chat(ChatSession(model, vocabulary, router_weights=[0, 1]), **QUICK)
    chat.say("你好")
    chat.set(position=0)
    chat.say("你好")
    chat.set(position=None)
    chat.say("你好")
    weights = [e["answers"][0]["characters"][0][1] for e in chat.exchanges]
    assert weights == [[0, 1], [1, 0], [0, 1]]
    alone = Chat(ChatSession(model, vocabulary, expert="gru"), **QUICK)
    alone.set(position=1)
    receive(alone, "send", text="你好")
    assert "gru speaks alone" in alone.error["sentence"] and alone.exchanges == []


# ---- going back


def test_everything_can_be_taken_back(chat, tmp_path):
    messages = watched(chat)
    chat.say("你好")
    one = chat.exchanges
    chat.say("再见")
    two = chat.exchanges
    chat.set(seed=9)
    chat.again()
    assert chat.exchanges[0] == two[0] and chat.exchanges[1]["id"] != two[1]["id"]
    chat.say("[CLEAN]")
    assert (chat.exchanges, chat.context[0], chat.session.turns) == ([], 1, [])
    chat.undo()
    assert len(chat.exchanges) == 2
    chat.undo()
    assert chat.exchanges == two
    chat.undo()
    assert chat.exchanges == one
    assert messages[-1] == {"kind": "said", "text": "再见"}
    assert chat.session.turns[1][1] == text_of(one[0])
    chat.undo()
    chat.undo()
    assert (chat.exchanges, chat.status["key"]) == ([], "nothing")


def test_again_with_the_same_seed_is_the_same(chat):
    chat.say("你好", "再见")
    before = [text_of(e) for e in chat.exchanges]
    chat.again()
    assert [text_of(e) for e in chat.exchanges] == before


def test_saved_and_loaded(chat, session, model, vocabulary, tmp_path):
    messages = watched(chat)
    chat.say("你好", "再见")
    receive(chat, "save")
    content = messages[-1]["text"]
    assert messages[-1]["kind"] == "file"
    chat.save(tmp_path / "talk.json")
    assert (tmp_path / "talk.json").read_text(encoding="utf-8") == content
    other = Chat(ChatSession(model, vocabulary), **QUICK)
    other.say("米米在哪里？")
    receive(other, "load", text=content)
    assert other.status == {"key": "loaded", "values": {"count": 2}}
    assert [text_of(e) for e in other.exchanges] == [text_of(e) for e in chat.exchanges]
    assert other.session.turns == chat.session.turns
    other.undo()
    assert other.exchanges[0]["question"] == "米米在哪里？"
    other.load(tmp_path / "talk.json")
    assert other.session.turns == chat.session.turns


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", "__import__('os')", "[" * 99_999, "好" * 1_000_001]
)
def test_what_is_no_transcript_changes_nothing(chat, text):
    chat.say("你好")
    before = chat.exchanges
    receive(chat, "load", text=text)
    assert chat.exchanges == before and "transcript" in chat.error["sentence"]
    chat.undo()
    assert chat.exchanges == []


# ---- settings and errors


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"temperature": -1}, "temperature is -1"),
        ({"temperature": None}, "temperature is None"),
        ({"max_length": 2.5}, "max_length is 2.5; expected a whole number"),
        ({"top_p": "1; rm"}, "top_p is '1; rm'"),
        ({"max_length": 0}, "max_length is 0"),
        ({"seed": -4}, "seed is -4"),
        ({"top_k": float("nan")}, "top_k is nan"),
        ({"position": "gru"}, "position is 'gru'"),
    ],
)
def test_settings_that_can_not_be_are_said(chat, settings, said):
    chat.settings = {**chat.settings, **settings}  # as a browser sets them
    receive(chat, "send", text="你好")
    assert said in chat.error["sentence"] and chat.error["traceback"] == ""
    assert chat.error["chinese"].endswith("。")
    assert chat.exchanges == []


def test_an_error_has_a_chinese_sentence_where_a_page_may_cause_it_by_typing(chat):
    for text, said in (("\u200b", "消息是空的"), ("好" * 500, "消息有 500 字")):
        receive(chat, "send", text=text)
        assert said in chat.error["chinese"]
    chat.settings = {**chat.settings, "temperature": None}
    receive(chat, "send", text="你好")
    assert chat.error["chinese"] == "温度没有填，应为一个数。"
    receive(chat, "language", code="fr")  # there is none of this one
    assert chat.error["sentence"] and chat.error["chinese"] == ""


def test_a_question_is_answered_with_the_settings_it_brings(chat, model, vocabulary):
    """What the page set a moment before may come later: it is slower than the message."""
    told = deeds_of(chat)
    brought = {**chat.settings, "seed": 8, "max_length": 4}
    receive(chat, "send", text="你好", settings=brought)
    assert chat.settings == brought and told == [("settings", {"seed": 8, "max_length": 4}), "send"]
    settings = {k: v for k, v in QUICK.items() if k != "max_length"} | {"seed": 8}
    plain = ChatSession(model, vocabulary)
    assert text_of(chat.exchanges[0]) == plain.chat("你好", max_length=4, **settings)
    receive(chat, "again", settings={**brought, "position": 1})
    assert chat.exchanges[0]["answers"][0]["characters"][0][1] == [0.0, 1.0]
    chat.set_state({"settings": chat.settings})  # it comes at last
    assert told[2:] == [("settings", {"position": 1}), "again"]


@pytest.mark.parametrize("brought", [None, [1], {}, {"seed": 1}, "extra"])
@pytest.mark.parametrize("kind", ["send", "again"])
def test_no_answer_begins_with_settings_that_were_refused(chat, kind, brought):
    chat.say("你好")
    before, settings, told = chat.exchanges, chat.settings, deeds_of(chat)
    brought = {**settings, "seed": 8, "extra": 1} if brought == "extra" else brought
    receive(chat, kind, text="再见", settings=brought)
    assert "settings" in chat.error["sentence"] and chat.error["traceback"] == ""
    assert (chat.exchanges, chat.settings, told) == (before, settings, [])


def deeds_of(widget):
    """What is told of a widget from now on: kinds of messages, settings with their changes."""

    class Follower:
        def noticed(self, name, kind, content):
            told.append((kind, content) if kind == "settings" else kind)

    told = []
    widget.follower = Follower()  # as long as the widget lives
    deeds.follow(widget.follower)
    return told


def test_an_unknown_setting(session):
    with pytest.raises(LabError, match="no setting heat; it has temperature"):
        Chat(session, heat=1)


def test_a_message_that_can_not_be_leaves_no_trace(chat):
    receive(chat, "send", text="\u200b")
    assert "empty" in chat.error["sentence"]
    assert (chat.exchanges, chat.state) == ([], jobs.FAILED)
    receive(chat, "undo")
    assert chat.status["key"] == "nothing"
    receive(chat, "send", text="你好")
    assert (chat.error, chat.state) == ({}, jobs.IDLE)


def test_an_unexpected_error_is_shown_with_its_traceback(chat, monkeypatch):
    def fails(*_, **options):
        raise RuntimeError("the disk\nis full")

    monkeypatch.setattr(chat.session, "stream", fails)
    receive(chat, "send", text="你好")
    assert "RuntimeError: the disk is full" in chat.error["sentence"]
    assert "Traceback" in chat.error["traceback"]


def test_a_blend_can_be_forced(chat, model, vocabulary):
    chat.set(position=1)
    chat.say("你好")
    weights = [packed[1] for packed in chat.exchanges[0]["answers"][0]["characters"]]
    assert weights and all(w == [0.0, 1.0] for w in weights)
    chat.set(position=None)
    chat.again()
    weights = [packed[1] for packed in chat.exchanges[0]["answers"][0]["characters"]]
    assert all(0 < w[0] < 1 for w in weights)


def test_without_explanations_the_answer_is_the_same(chat, session):
    chat.say("你好")
    before = text_of(chat.exchanges[0])
    chat.set(explain=False)
    chat.again()
    packed = chat.exchanges[0]["answers"][0]["characters"]
    assert text_of(chat.exchanges[0]) == before
    assert all(len(p[1]) == 2 and p[2] is None for p in packed)


def test_a_reload_in_the_middle_gets_everything(chat):
    messages = watched(chat)
    chat._writing = Exchange(4, "你好", 1)
    chat._writing.characters[0] += [Explanation(c).pack() for c in "米米"]
    chat._writing.news()
    receive(chat, "hello")
    answer = messages[-1]["exchange"]["answers"][0]
    assert (answer["from"], "".join(p[0] for p in answer["characters"])) == (0, "米米")


def test_a_page_that_comes_when_an_answer_ends_is_told_of_it_or_of_nothing(chat, monkeypatch):
    found = [None, Exchange(4, "你好", 1)]  # the job lets go of it while the page is told
    monkeypatch.setattr(Chat, "_writing", property(lambda chat: found.pop()), raising=False)
    receive(chat, "hello")
    assert chat.error == {}


# ---- side by side


def test_side_by_side_saves_the_mixture_and_all_go_on_with_what_is_loaded(session):
    beside = SideBySide(session, **{**QUICK, "position": 0.25})
    messages = watched(beside)
    beside.say("你好")
    receive(beside, "save")
    mixture = list(beside.session.turns)
    assert messages[-1]["kind"] == "file" and mixture == beside.sessions[-2].turns
    content = messages[-1]["text"]
    beside.say("再见")
    receive(beside, "load", text=content)
    assert beside.status == {"key": "loaded", "values": {"count": 1}}
    assert [s.turns for s in beside.sessions] == [mixture] * 4
    said = [text_of({"answers": [a]}) for a in beside.exchanges[0]["answers"]]
    assert len(beside.exchanges) == 1 and len(set(said)) == 1
    receive(beside, "undo")
    assert len(beside.exchanges) == 2


def test_side_by_side_each_column_is_what_it_says(model, vocabulary, session):
    session.add("我叫米米", "你好，米米！")  # its own conversation stays its own
    beside = SideBySide(session, **{**QUICK, "position": 0.25})
    assert beside.picture() is None
    beside.say("你好", "再见")
    blends = [[1, 0], [0, 1], None, [0.75, 0.25]]
    for i, blend in enumerate(blends):
        alone = ChatSession(model, vocabulary, router_weights=blend)
        for exchange in beside.exchanges:
            settings = {k: v for k, v in QUICK.items() if k != "max_length"}
            answer = alone.chat(exchange["question"], max_length=6, **settings)
            assert text_of(exchange, i) == answer
    assert [c["key"] for c in beside.columns] == ["alone", "alone", "mixture", "blend"]
    assert len(session.turns) == 2
    assert "forced blend" in beside.picture().text
    beside.again()
    beside.undo()
    assert len(beside.exchanges) == 2


def test_who_is_refused_is_told_which_widget_is_at_work_in_the_language_that_is_spoken(
    session, live
):
    go = threading.Event()
    beside = SideBySide(session)
    for code, name in ((None, "Side by side 并排比较"), ("zh", "并排比较"), ("en", "Side by side")):
        if code:
            mof_lab.language(code)
        job = beside.run(lambda job: go.wait(SOON))
        receive(chat := Chat(session), "send", text="你好")
        assert chat.status == {"key": "busy", "values": {"name": name}}
        go.set()
        assert job.wait(SOON)
        go.clear()


# ---- what is shown where no browser runs it


def test_the_snapshot_holds_what_was_said_and_no_markup_of_it(chat):
    assert chat.picture() is None
    chat.say('<img src=x onerror="alert(1)">')
    view = chat.picture()
    assert "<img" not in view.svg and "&lt;" in view.svg
    assert "onerror" in view.text
    assert len(view.svg) < 20_000


def test_the_snapshot_says_who_spoke_in_the_language_that_is_chosen(chat):
    chat.say("你好")
    for code, who in ((None, "model 模型"), ("en", "model"), ("zh", "模型")):
        if code:
            mof_lab.language(code)
        names = [line.split("  ")[0] for line in chat.picture().text.splitlines()]
        assert who in names, names


def test_a_conversation_of_2000_characters_stays_small():
    told = [Explanation("好", (0.3, 0.7), 1.0, 1)] * 2000
    view = conversation([("说", [("model", told)])], ["gru", "transformer"])
    assert len(view.svg) < 290_000
    assert view.svg.count("<path") == 2


def test_an_empty_conversation_and_an_empty_answer():
    with pytest.raises(LabError, match="empty"):
        conversation([], ["gru"])
    view = conversation([("你好", [("model", [])])], ["gru"])
    assert "nothing" in view.svg and "你好" in view.text


# ---- texts, scripts, language


@pytest.mark.parametrize("part", [texts.COMMON, texts.CHAT])
def test_every_text_is_there_twice_with_the_same_gaps(part):
    gap = re.compile(r"\{(\w+)\}")
    for key, (english, chinese) in part.items():
        assert sorted(gap.findall(english)) == sorted(gap.findall(chinese)), key
        assert english and chinese


def test_every_text_that_a_script_asks_for_exists():
    source = Chat._esm
    asked = set(re.findall(r"""(?:ui\.t|label\([^"\n]*,|part|action)\(?\s*"(\w+)\"""", str(source)))
    assert len(asked) > 10
    assert asked <= set(Chat.words["en"]), asked - set(Chat.words["en"])


def test_what_a_notebook_loads_is_small_and_local():
    files = [*FOLDER.glob("*.js"), *FOLDER.glob("*.css")]
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert len(source.encode()) < 100_000
    assert not re.search(
        r"https?://|\bimport\b.*from|innerHTML|insertAdjacentHTML|\beval\b", source
    )


def test_widgets_follow_the_language(chat, monkeypatch):
    from mof_lab import language as module  # the function

    chosen = module.__globals__
    monkeypatch.setitem(chosen, "_chosen", None)
    mof_lab.language("en")
    assert chat.language == "en"
    mof_lab.language("zh")
    assert chat.language == "zh"
    receive(chat, "language", code="en")
    assert chat.language == "en" and mof_lab.language() == "en"
    receive(chat, "language", code="fr")
    assert "fr" in chat.error["sentence"]


def test_a_page_speaks_no_other_language_than_the_interface(monkeypatch):
    monkeypatch.setattr(spoken, "_page", None)
    for code in (None, "fr", ["zh"], {"zh": 1}, 7):
        assert spoken.page_speaks(code) is None and spoken.alone() is None
    spoken.page_speaks("zh")
    spoken.page_speaks("fr")
    assert spoken.alone() == "zh"


class Drawn(Panel):
    """A widget that notes in which language it draws."""

    def __init__(self):
        super().__init__()
        self.drawn = []

    def redraw(self):
        self.drawn.append(spoken.alone())


def test_a_widget_is_drawn_anew_once_somebody_sees_it_in_another_language(monkeypatch):
    monkeypatch.setattr(spoken, "_page", None)
    monkeypatch.setattr(base, "display", lambda *views, **how: None)
    seen, unseen = Drawn(), Drawn()
    receive(seen, "hello", language="en")
    assert seen.drawn == []  # both languages, as it was
    receive(seen, "hello", language="zh")
    receive(seen, "hello", language="zh")
    assert seen.drawn == ["zh"] and unseen.drawn == []
    mof_lab.language("zh")
    assert seen.drawn == ["zh"]  # that is what it speaks
    mof_lab.language("en")
    assert seen.drawn == ["zh", "en"] and unseen.drawn == []
    unseen._ipython_display_()
    unseen._ipython_display_()
    assert unseen.drawn == ["en"]


def test_what_fails_to_be_drawn_anew_says_so_and_stops_nobody(monkeypatch):
    monkeypatch.setattr(spoken, "_page", None)
    fails, works, said = Drawn(), Drawn(), []
    fails.send = lambda content, buffers=None: said.append(content["kind"])
    fails.redraw = lambda: 1 / 0
    for widget in (fails, works):
        receive(widget, "hello", language="zh")
    assert "ZeroDivisionError" in fails.error["sentence"] and said == ["heard"]
    fails.error = {}
    receive(works, "language", code="en")
    assert "ZeroDivisionError" in fails.error["sentence"]
    assert (works.drawn, works.error) == (["zh", "en"], {})


def test_late_news_of_an_older_job_are_none():
    """A job may begin between the end of the one before and the moment when that is told."""
    widget = Panel()
    older, newer = (jobs.Job(name, None, widget._changed) for name in ("older", "newer"))
    older._become(jobs.RUNNING)
    older._over = True
    newer._become(jobs.RUNNING)
    older.failure = jobs.Failure("late", "")
    older._become(jobs.FAILED)
    assert (widget._job, widget.state) == (newer, jobs.RUNNING)
    assert widget.error["sentence"] == "late"  # but nobody has seen yet why it failed
    newer._over = True
    newer._become(jobs.IDLE)
    assert (widget._job, widget.state) == (newer, jobs.IDLE)


class Unshowable(Panel):
    """A widget whose snapshot can't be drawn."""

    def picture(self):
        raise RuntimeError("no font")


def test_a_snapshot_that_fails_is_said_and_ends_no_job(live):
    widget, paused = Unshowable(), threading.Event()
    widget._shown = [None]
    widget.observe(lambda change: change.new == jobs.PAUSED and paused.set(), "state")
    go = threading.Event()

    def work(job):
        assert go.wait(SOON) and job.go_on()
        return "done"

    job = widget.run(work)
    widget.pause()
    go.set()
    assert paused.wait(SOON)
    widget.resume()
    assert job.wait(SOON) and (job.result, job.failure) == ("done", None)
    assert "no font" in widget.error["sentence"] and widget.state == jobs.IDLE


def test_news_of_two_jobs_are_shown_one_after_the_other():
    """Else an older job's end could be shown after the newer one's begin."""

    class Slow(Panel):
        def _show_job(self, job):
            if job.name == "older" and job.state == jobs.IDLE:
                begins.set()
                over.wait(0.2)
            super()._show_job(job)
            over.set()

    begins, over, widget = threading.Event(), threading.Event(), Slow()
    older, newer = (jobs.Job(name, None, widget._changed) for name in ("older", "newer"))
    older._become(jobs.RUNNING)
    over.clear()
    older._over = True
    thread = threading.Thread(target=lambda: older._become(jobs.IDLE))
    thread.start()
    assert begins.wait(SOON)
    newer._become(jobs.RUNNING)
    thread.join(SOON)
    assert (widget._job, widget.state) == (newer, jobs.RUNNING)


# ---- cells that run again


class Kernel:
    """What is asked of a kernel: which cell it executes, and what IPython keeps."""

    _allow_stdin = False

    def __init__(self):
        self.shell = SimpleNamespace(user_ns={"_oh": {}})
        self.parent = {}

    def run(self, cell, count=[0]):  # noqa: B006
        """From now on that cell is executed; None = by somebody who names no cells."""
        count[0] += 1
        metadata = {} if cell is None else {"cellId": cell}
        self.parent = {"header": {"msg_id": f"request {count[0]}"}, "metadata": metadata}

    def get_parent(self):
        return self.parent


@pytest.fixture
def kernel(monkeypatch):
    made = Kernel()
    monkeypatch.setattr(jobs, "kernel", lambda: made)
    place = SimpleNamespace(update=lambda *views, **how: None)
    monkeypatch.setattr(base, "display", lambda *views, **how: place)
    return made


def is_open(panel):
    return panel.comm is not None


def test_a_cell_run_again_ends_what_it_did_before_and_lets_go_of_it(
    session, model, vocabulary, live, kernel, monkeypatch
):
    monkeypatch.setattr(generation, "NEVER", (*generation.NEVER, END))  # only Stop ends it
    long = {**QUICK, "max_length": 2048, "temperature": 10}
    kernel.run("a")
    older = Chat(session, **long)
    job = older.say("你好")
    older._ipython_display_()
    other = Drawn()  # of another class
    kernel.shell.user_ns |= {"_oh": {5: older, 6: other}, "_5": older, "_6": other}
    kernel.run("a")
    newer = Chat(ChatSession(model, vocabulary), **QUICK)
    assert not job.alive and not is_open(older) and is_open(other)
    assert kernel.shell.user_ns == {"_oh": {6: other}, "_6": other}
    assert newer.say("你好").wait(SOON) and len(newer.exchanges) == 1
    with pytest.raises(jobs.NotReadyError, match="a newer one took its place"):
        older._ipython_display_()
    left = weakref.ref(older)
    del older, job
    gc.collect()
    assert left() is None


def test_what_is_shown_elsewhere_or_made_in_no_cell_stays(kernel):
    kernel.run("a")
    one, two = Drawn(), Drawn()
    kernel.run("b")
    one._ipython_display_()
    for _ in range(2):  # made there, or shown there again
        kernel.run("b")
        one._ipython_display_()
        Drawn()
        assert is_open(one)
    kernel.run("a")
    assert is_open(Drawn()) and is_open(one) and not is_open(two)
    kernel.run("b")
    Drawn()._ipython_display_()  # in its place
    kernel.run("a")
    three = Drawn()
    assert is_open(three) and not is_open(one)
    for _ in range(2):
        kernel.run(None)
        four, five = Drawn(), Drawn()
    assert is_open(four) and is_open(five) and is_open(three)


def test_a_long_action_that_goes_on_keeps_its_panel(live, kernel):
    go = threading.Event()

    def work():
        yield 0.5, "half"
        assert go.wait(SOON)

    kernel.run("a")
    older = Task("one", work)
    job = older.start()
    kernel.run("a")
    newer = Task("two", work)
    assert is_open(older) and job.alive
    go.set()
    assert job.wait(SOON)
    kernel.run("a")
    assert is_open(Task("three", work)) and not is_open(older) and not is_open(newer)


def test_jupyterlab_says_which_cell_runs():
    """A kernel, asked as JupyterLab asks it."""
    manager = pytest.importorskip("jupyter_client.manager")
    kernel, client = manager.start_new_kernel(kernel_name="python3")
    try:
        code = "from mof_lab.widgets import Panel; panels = [*globals().get('panels', ()), Panel()]"
        for _ in range(2):
            content = {"code": code, "silent": False, "stop_on_error": True}
            message = client.session.msg("execute_request", content, metadata={"cellId": "a"})
            client.shell_channel.send(message)
            assert client.get_shell_msg(timeout=SOON)["content"]["status"] == "ok"
        told = {"open": "[panel.comm is not None for panel in panels]"}
        client.execute("", user_expressions=told)
        [answer] = client.get_shell_msg(timeout=SOON)["content"]["user_expressions"].values()
        assert answer["data"]["text/plain"] == "[False, True]"
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


# ---- what a page may do


def test_unknown_messages_are_nothing(chat):
    receive(chat, "system", command="rm")
    receive(chat, "msg", callback="rm")  # ipywidgets' own `on_msg`
    assert chat.error == {} and len(chat._msg_callbacks.callbacks) == 1


def test_a_page_sets_what_is_its_own_and_nothing_else(chat):
    words = chat._words
    chat.set_state({"settings": {**chat.settings, "seed": 5}, "_words": {"en": {}}})
    assert "can't set _words here; it sets settings" in chat.error["sentence"]
    assert chat._words == words and chat.settings["seed"] == 3
    chat.set_state({"settings": [1]})
    assert "settings" in chat.error["sentence"] and chat.settings["seed"] == 3
    chat.set_state({"settings": {**chat.settings, "seed": 5}})
    assert chat.settings["seed"] == 5


def test_what_a_page_asked_for_goes_to_that_page(chat, monkeypatch):
    said = []
    monkeypatch.setattr(chat, "send", lambda content, buffers=None: said.append(content))
    chat.say("你好")
    said.clear()
    receive(chat, "save", view="one")
    receive(chat, "export", format="svg", view="two")
    assert [(m["kind"], m["to"]) for m in said] == [
        ("file", "one"), ("heard", "one"), ("picture", "two"), ("heard", "two"),
    ]  # fmt: skip


def test_what_two_pages_set_is_set_one_after_the_other():
    class Set(Panel):
        settable = ("one",)
        one = traitlets.Dict().tag(sync=True)

        @traitlets.observe("one")
        def _noted(self, change):
            inside.append(change.new)
            time.sleep(0.05)
            most.append(len(inside))
            inside.pop()

    inside, most, panel = [], [], Set()
    threads = [
        threading.Thread(target=panel.set_state, args=({"one": {"a": i}},)) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert most == [1, 1, 1, 1] and panel.error == {}


def test_an_error_is_shown_until_something_else_is_done(chat):
    receive(chat, "load", text="[1]")
    error = chat.error
    for kind, content in (("hello", {}), ("language", {"code": "en"}), ("stop", {})):
        receive(chat, kind, **content)
        assert chat.error == error != {}
    receive(chat, "undo")
    assert chat.error == {}


def test_half_a_character_is_replaced_before_it_can_be_kept(chat, session):
    half, whole = "\ud83d好", "\ufffd好"
    chat.say(half)
    receive(chat, "send", text=half)
    receive(chat, "load", text='{"turns": "\\ud83d"}')
    assert "transcript" in chat.error["sentence"]
    chat.set_state({"settings": {**chat.settings, half: [half]}})
    assert whole in chat.error["sentence"]
    assert [e["question"] for e in chat.exchanges] == [whole, whole]
    panel = VocabularyPanel({"好": 3, "米": 2}, text=half)
    assert panel.text == whole
    receive(panel, "show", choice=0, text="米" + half)
    assert panel.text == "米" + whole
    for widget in (chat, panel):
        json.dumps(widget.get_state(), ensure_ascii=False).encode()  # as it is sent


def test_an_answer_of_which_nobody_could_be_told_is_not_being_written(chat, monkeypatch):
    def fails(content, buffers=None):
        if content["kind"] == "taken":
            raise RuntimeError("no page")

    monkeypatch.setattr(chat, "send", fails)
    chat.say("你好")
    assert "no page" in chat.error["sentence"] and chat._writing is None


def test_a_message_that_is_too_deep_is_answered_too(chat, monkeypatch):
    said, deep = [], []
    for _ in range(sys.getrecursionlimit()):
        deep = [deep]
    monkeypatch.setattr(chat, "send", lambda content, buffers=None: said.append(content["kind"]))
    receive(chat, "send", text=deep)
    assert "RecursionError" in chat.error["sentence"] and said == ["heard"]


@pytest.mark.parametrize("text", [{}, {"text": None}, {"text": ["[CLEAN]"]}])
def test_a_message_without_a_text_is_refused_in_a_sentence(chat, text):
    receive(chat, "send", **text)
    assert "expected a text" in chat.error["sentence"] and chat.error["traceback"] == ""


def test_the_page_is_told_that_it_was_heard_whatever_happens(chat, monkeypatch):
    said = []
    monkeypatch.setattr(chat, "send", lambda content, buffers=None: said.append(content))

    def fails(content):
        raise KeyboardInterrupt

    monkeypatch.setattr(chat, "on_hello", fails)
    with pytest.raises(KeyboardInterrupt):
        receive(chat, "hello")
    assert said == [{"kind": "heard", "of": "hello", "to": None}]

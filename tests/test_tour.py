"""The guided tours without a browser: what was done is ticked off, in any order, and only that."""

import gc
import random
import re
import threading
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
from stubs import EchoModel

pytest.importorskip("anywidget", reason="widgets need the lab's packages: pip install -e .[lab]")

from mof_lab import jobs, notebook
from mof_lab.chat import ChatSession
from mof_lab.errors import LabError
from mof_lab.folders import PROJECT
from mof_lab.followers import Followers
from mof_lab.widgets import Chat, Explorer, Tour, base, deeds, glossary
from mof_lab.widgets.texts_tour import TOUR
from mof_lab.widgets.tours import TOURS
from tests.test_explorer import ALL_ON, made, receive

SCRIPTS = {
    "start": Path(base.__file__).with_name("chat.js").read_text(encoding="utf-8"),
    "inside": Path(base.__file__).with_name("explorer.js").read_text(encoding="utf-8"),
}
EVERY_STEP = [pytest.param(name, s, id=f"{name} {s.key}") for name in TOURS for s in TOURS[name]]


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Every test has tours and a runner of its own, one that blocks."""
    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=True))
    monkeypatch.setattr(deeds, "_following", Followers())
    monkeypatch.setattr(notebook, "_tours", {})


@pytest.fixture
def start():
    return Tour("start")


@pytest.fixture
def inside():
    return Tour("inside")


@pytest.fixture
def chat(vocabulary):
    model = EchoModel(vocabulary)
    model.config.experts = ("gru", "transformer")
    return Chat(ChatSession(model, vocabulary), explain=False, max_length=3)


@pytest.fixture
def explorer(monkeypatch, config, vocabulary):
    """An explorer of a model that nobody computes."""
    monkeypatch.setattr(
        Explorer, "_trace", lambda self, ids, off: made(self.model, self.vocabulary, ids, off)
    )
    monkeypatch.setattr(Explorer, "_gained", lambda *_: [(0, 1.0), (9, 0.5)])
    model = type("Model", (), {"config": config})
    return Explorer((model, vocabulary), "米米在哪里？", "阿旺在哪里？")


def setting(chat, **changes):
    """Sets settings as the browser does."""
    chat.set_state({"settings": {**chat.settings, **changes}})


def keys(tour):
    return [step["key"] for step in tour.steps]


# ---- ticked off by what was done


def test_each_deed_in_the_chat_ticks_its_step_and_no_other(start, chat):
    receive(chat, "send", text="你好")
    assert start.done == ["say"]
    setting(chat, temperature=1.5)
    assert start.done == ["say", "warm"]
    receive(chat, "again")
    assert start.done == ["say", "warm"]
    setting(chat, temperature=0)
    assert start.done == ["say", "warm", "again"]
    for end in (0, 1):
        setting(chat, position=end)
        receive(chat, "again")
    assert start.done == ["say", "warm", "again"]
    setting(chat, position=None)
    assert start.done == ["say", "warm", "again", "force"]
    receive(chat, "clear")
    assert start.done == ["say", "warm", "again", "force", "forget"]
    assert chat.error == {} and start.error == {}


def test_each_deed_in_the_explorer_ticks_its_step_and_no_other(inside, explorer):
    receive(explorer, "lock", reading=0, position=3)
    assert inside.done == ["lock"]
    receive(explorer, "head", block=1, head=0)
    receive(explorer, "off", off={**ALL_ON, "experts": ["gru"]})
    assert inside.done == ["lock", "head", "expert"]
    receive(explorer, "off", off=ALL_ON)
    receive(explorer, "off", off={**ALL_ON, "thoughts": [0]})
    receive(explorer, "read", prompts=["米米", ""])
    receive(explorer, "test", topic="name")
    assert inside.done == ["lock", "head", "expert", "thought", "compare", "memory"]
    assert explorer.error == {} and inside.error == {}


@pytest.mark.parametrize(
    "deeds_done",
    [
        [{"temperature": 0}, "again"],  # it was never raised
        [{"temperature": 1.5}, {"temperature": 0}, "again"],  # nothing was answered meanwhile
        [{"temperature": 1.5}, "again", {"temperature": 1}, {"top_k": 3}],
        [{"temperature": "hot"}, "again", {"temperature": 0}],
    ],
)
def test_answer_again_is_not_done_by_half_of_it(start, deeds_done):
    tell(start, deeds_done)
    assert "again" not in start.done
    tell(start, [{"temperature": 2}, "send", {"temperature": 0}])
    assert "again" in start.done


@pytest.mark.parametrize(
    "deeds_done",
    [
        [{"position": 0}, "again", {"position": None}],  # one end
        [{"position": 0}, "again", {"position": 0.5}, "again", {"position": None}],
        [{"position": 0}, {"position": 1}, "again", {"position": None}],  # one was not heard
        [{"position": 0}, "again", {"position": 1}, "again"],  # the tick is in
        [{"position": float("inf")}, "again", {"position": 0}, "again", {"position": None}],
    ],
)
def test_both_experts_have_to_be_heard_and_the_router_decides_again(start, deeds_done):
    tell(start, deeds_done)
    assert "force" not in start.done
    start.restart()
    tell(start, [{"position": 1}, "again", {"position": 0.95}, {"position": 0}, "again"])
    assert "force" not in start.done
    tell(start, [{"position": None}])
    assert "force" in start.done


def test_starting_over_forgets_the_halves(start):
    tell(start, [{"temperature": 2}, "again"])
    start.restart()
    tell(start, [{"temperature": 0}])
    assert start.done == []


def tell(tour, what):
    """Deeds in a chat: settings that changed, or the kind of a message."""
    for one in what:
        kind, content = ("settings", one) if isinstance(one, dict) else (one, {})
        tour.noticed("Chat", kind, content)


def test_the_command_that_forgets_is_as_good_as_the_button(start, chat):
    receive(chat, "send", text=" [CLEAN] ")
    assert "forget" in start.done


def test_a_message_of_any_other_kind_forgets_nothing(start):
    for content in ({}, {"text": None}, {"text": ["[CLEAN]"]}):
        assert not start._steps["forget"].deed([("Chat", "send", content)])
    assert start._steps["forget"].deed([("Chat", "send", {"text": " [CLEAN] "})])


def test_what_a_cell_does_is_no_deed(start, inside, chat, explorer):
    chat.say("你好", "再见")
    chat.again()
    chat.set(temperature=1.5, position=0)
    chat.clear()
    explorer.lock(2)
    explorer.look(1, 1)
    explorer.switch_off(experts=["gru"], thoughts=[0])
    explorer.test_context("name")
    assert start.done == [] and inside.done == []


def test_what_was_refused_or_changed_nothing_is_no_deed(start, inside, chat, explorer, monkeypatch):
    receive(chat, "again")  # nothing was said
    receive(chat, "send", wrong="你好")
    setting(chat, temperature=chat.settings["temperature"])
    setting(chat, position=None, top_k=3)
    receive(explorer, "lock", reading=0, position=10**6)
    receive(explorer, "lock", reading=0, position=None)
    receive(explorer, "off", off=ALL_ON)
    receive(explorer, "read", prompts=["", ""])
    receive(explorer, "test", topic="weather")
    monkeypatch.setattr(jobs, "start", busy)
    receive(chat, "send", text="你好")
    receive(chat, "send", text="你好")
    receive(explorer, "read", prompts=["米米", ""])
    assert chat.status["key"] == explorer.status["key"] == "busy"
    assert start.done == [] and inside.done == []


def busy(*_):
    raise jobs.BusyError("another", 1)


def test_an_earlier_refusal_hides_no_deed(start, chat):
    receive(chat, "undo")
    assert chat.status["key"] == "nothing"
    setting(chat, seed=4)
    receive(chat, "send", text="你好")
    assert start.done == ["say"]


def test_looking_and_done_tick_only_what_they_may(start):
    receive(start, "looked", step="look")
    receive(start, "tick", step="bars")
    assert start.done == ["look", "bars"] and start.error == {}
    for kind, step, said in (
        ("tick", "say", "by doing it"),
        ("looked", "warm", "not done by looking"),
        ("tick", "dance", "no step 'dance'; it has say, bars"),
        ("go", "dance", "no step 'dance'"),
    ):
        receive(start, kind, step=step)
        assert said in start.error["sentence"] and start.error["traceback"] == ""
    assert start.done == ["look", "bars"]


# ---- one step after the other, in any order


def test_a_done_step_stays_until_next_is_pressed(start):
    receive(start, "go_on")
    assert (start.at, start.under_way) == ("say", True)
    start.tick("look")
    assert start.at == "say"
    start.tick("say")
    assert (start.at, start.under_way) == ("say", True)
    receive(start, "next")
    assert start.at == "bars"
    start.tick("bars")
    assert start.at == "bars"
    assert start.status == {"key": "ticked", "values": {"done": 3, "all": 7, "number": 2}}
    receive(start, "next")
    assert start.at == "warm"  # "look" is done already
    receive(start, "next")
    assert start.at == "again"  # nothing has to be done
    start.tick("bars")
    assert start.done == ["look", "say", "bars"]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", TOURS)
def test_any_order_leads_to_the_end(name, seed):
    tour, rng = Tour(name), random.Random(seed)
    order = rng.sample(keys(tour), len(tour.steps))
    for count, key in enumerate(order):
        if rng.random() < 0.5:
            tour.go(rng.choice(order[count:]))
        if rng.random() < 0.2:
            tour.leave()
        tour.tick(key)
        if rng.random() < 0.5:
            tour.next()
            assert bool(tour.at) == (len(tour.done) < len(order)) and tour.at not in tour.done
    tour.next()
    assert (tour.at, tour.under_way, tour.status["key"]) == ("", False, "finished")
    assert tour.done == order


def test_a_done_step_can_be_looked_at_again_and_the_end_is_the_end(start):
    *most, last = keys(start)
    for key in most:
        start.tick(key)
    receive(start, "go", step="say")
    assert (start.at, start.under_way) == ("say", True)
    start.tick(last)
    assert (start.at, start.under_way, start.status["key"]) == ("say", True, "finished")
    receive(start, "next")
    assert (start.at, start.under_way, start.status["key"]) == ("", False, "finished")
    start.go_on()
    assert not start.under_way
    start.go("bars")
    assert (start.at, start.under_way) == ("bars", True)


def test_leaving_keeps_what_was_done_and_goes_on_noticing(start, chat):
    receive(start, "go", step="warm")
    receive(start, "leave")
    assert (start.under_way, start.status["key"]) == (False, "left")
    setting(chat, temperature=2.0)
    assert start.done == ["warm"] and not start.under_way
    receive(start, "go_on")
    assert (start.at, start.under_way) == ("again", True)
    for key in ("again", "force", "forget"):
        start.tick(key)
    start.next()
    assert start.at == "say"  # round the end to what is left
    receive(start, "restart")
    assert (start.done, start.at, start.under_way) == ([], "say", True)


# ---- kept while the kernel lives


def test_the_same_tour_as_long_as_the_kernel_lives():
    one = notebook.tour("start")
    one.tick("say")
    assert notebook.tour("start") is one and notebook.tour("inside") is not one
    one.close()
    assert notebook.tour("start").done == []
    with pytest.raises(LabError, match="no tour 'end'; there are start, inside"):
        notebook.tour("end")


def test_what_nobody_follows_any_more_is_not_told():
    class Follower:
        def noticed(self, *deed):
            raise AssertionError(deed)

    follower = Follower()
    deeds.follow(follower)
    with pytest.raises(AssertionError, match="'Follower', 'a', 1"):
        deeds.tell(follower, "a", 1)
    other = object()
    del follower
    gc.collect()
    deeds.tell(other, "a", 1)


def test_who_comes_while_the_others_are_counted_waits_until_that_is_done():
    """Else a set would change while it is iterated, and a deed be told to nobody."""

    class Slow(weakref.WeakSet):
        def __iter__(self):
            counting.set()
            assert go_on.wait(30)
            return super().__iter__()

    class Follower:
        pass

    def come():
        followers.add(late)
        added.set()

    counting, go_on, added = threading.Event(), threading.Event(), threading.Event()
    followers, told, first, late = Followers(), [], Follower(), Follower()
    followers._all = Slow([first])
    threads = [threading.Thread(target=followers.tell, args=[told.append])]
    threads.append(threading.Thread(target=come))
    threads[0].start()
    assert counting.wait(30)
    threads[1].start()
    assert not added.wait(0.2)
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert told == [first] and added.is_set()


@pytest.mark.parametrize("act", ["tick", "restart"])
def test_two_deeds_at_once_are_noticed_one_after_the_other(start, monkeypatch, act):
    noticing, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def waits(deeds):
        noticing.set()
        return go_on.wait(30)

    def other():
        getattr(start, act)(*["bars"] * (act == "tick"))
        done.set()

    start._steps = {"say": replace(start._steps["say"], deed=waits), "bars": start._steps["bars"]}
    threads = [
        threading.Thread(target=work) for work in (lambda: start.noticed("Chat", "send", {}), other)
    ]
    threads[0].start()
    assert noticing.wait(30)
    threads[1].start()
    assert not done.wait(0.2)
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert start.done == {"tick": ["say", "bars"], "restart": []}[act]


# ---- what is read where nothing runs


@pytest.mark.parametrize(
    ("folder", "to"),
    [
        ("notebooks", "../docs/glossary.md"),
        ("notebooks/zh", "../../docs/glossary.md"),
        ("notebooks/student/zh", "../../../docs/glossary.md"),
    ],
)
@pytest.mark.parametrize("name", TOURS)
def test_the_saved_list_is_every_step_in_both_languages(name, folder, to, monkeypatch):
    monkeypatch.chdir(PROJECT / folder)
    tour = Tour(name)
    lines = tour.snapshots()[0]._repr_mimebundle_()["text/markdown"].splitlines()
    assert len(lines) == len(TOURS[name])
    for number, (line, step) in enumerate(zip(lines, TOURS[name], strict=True), start=1):
        assert line.startswith(f"{number}. **") and "✓" not in line
        assert all(words in line for words in (*step.title, *step.text))
        links = re.findall(r"\]\((.*?)#(.*?)\)", line)
        assert links == [(to, term) for term in step.terms]
        assert (Path.cwd() / to).samefile(glossary.FILE)


def test_the_saved_list_shows_what_was_done(start):
    before = start.snapshots()[0]
    start.tick("bars")
    assert "✓" not in before._repr_mimebundle_()["text/markdown"]
    lines = start.snapshots()[0]._repr_mimebundle_()["text/markdown"].splitlines()
    assert [("✓" in line) for line in lines] == [False, True] + 5 * [False]


def test_away_from_the_project_terms_are_no_links(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tour = Tour("start")
    text = tour.snapshots()[0]._repr_mimebundle_()["text/markdown"]
    assert tour.address == "" and "](" not in text and "router 路由器" in text


def test_without_a_glossary_the_steps_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(glossary, "FILE", tmp_path / "none.md")
    glossary.terms.cache_clear()
    try:
        tour = Tour("start")
        assert [step["terms"] for step in tour.steps] == 7 * [[]] and tour.address == ""
        assert tour.snapshots()[0]._repr_mimebundle_()["text/markdown"].count("\n") == 6
    finally:
        glossary.terms.cache_clear()


def test_a_tour_has_no_picture_to_save(start):
    receive(start, "export", format="svg")
    assert start.status["key"] == "no_picture" and start.error == {}


# ---- what the steps say


@pytest.mark.parametrize("name", TOURS)
def test_a_tour_is_short(name):
    assert 5 <= len(TOURS[name]) <= 8
    assert len({step.key for step in TOURS[name]}) == len(TOURS[name])


@pytest.mark.parametrize(("name", "step"), EVERY_STEP)
def test_a_step_is_a_sentence_or_two_in_both_languages(name, step):
    for english, chinese in (step.title, step.text):
        assert re.search("[a-z]", english) and re.search(r"[\u4e00-\u9fff]", chinese)
    assert len(re.findall(r"[.?？](?= [A-Z]|$)", step.text[0])) in (1, 2)
    assert all(term in glossary.terms() for term in step.terms) and step.terms


@pytest.mark.parametrize(("name", "step"), EVERY_STEP)
def test_what_a_step_speaks_of_is_in_its_widget(name, step):
    named = re.findall(r"\.([\w-]+)|=(\w+)\]", f"{step.target} {step.looks} {step.below}")
    for css_class, value in named:
        if css_class:
            assert re.search(rf'class: "[^"]*\b{css_class}\b|add\("{css_class}"', SCRIPTS[name])
        else:
            assert re.search(rf'["\s]{value}[":]', SCRIPTS[name])


def test_a_term_is_its_row_of_the_glossary():
    term = glossary.terms()["router"]
    assert term.name == ("router", "路由器")
    assert term.meaning[0].startswith("The part that decides") and "路由器" not in term.meaning[1]
    assert glossary.terms()["alpha"] is glossary.terms()["thought-space"]
    rows = [row for row in glossary.FILE.read_text(encoding="utf-8").splitlines() if "| <a" in row]
    assert len(set(glossary.terms().values())) == len(rows)
    assert all(all(name) and all(meaning) for name, meaning in glossary.terms().values())


def test_every_text_is_there_twice_and_all_that_is_asked_for(start, inside):
    gap = re.compile(r"\{(\w+)\}")
    for key, (english, chinese) in TOUR.items():
        assert english and chinese
        assert sorted(gap.findall(english)) == sorted(gap.findall(chinese)), key
    source = str(start._esm)
    asked = set(re.findall(r"""(?:ui\.t\(|label\([^"\n]*, )"(\w+)\"""", source))
    assert {"title", "place", "not_there", "is_done"} <= asked <= set(start.words["en"])
    for tour in (start, inside):
        for words in tour.words.values():
            assert {f"{key}.title" for key in keys(tour)} <= set(words)
            assert {f"term.{t}" for step in tour.steps for t in step["terms"]} <= set(words)

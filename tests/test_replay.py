"""A recorded training as a picture and as a widget; no model is needed."""

import gc
import json
import re
import sys
import weakref

import pytest

pytest.importorskip("anywidget", reason="widgets need the lab's packages: pip install -e .[lab]")

from mof_lab.configuration import PRESETS
from mof_lab.folders import shipped
from mof_lab.notebook import replay
from mof_lab.progress import Progress
from mof_lab.recording import Moment, Recording
from mof_lab.training_views import course, forming, moment, summary
from mof_lab.widgets import Replay, base
from mof_lab.widgets.texts_training import TRAINING
from mof_lab.zoom import Chart

#: (stage, checkpoint) of each recording that ships.
SHIPPED = [
    (path.stem, name)
    for name in ("tiny", "small")
    for path in sorted((shipped(name) / "recordings").glob("*.json"))
]
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def recorded():
    made = Recording("router", "toy", ["gru", "transformer"], 100)
    for step in range(0, 101, 10):
        bits = 5.0 - step / 50 if step % 20 == 0 else None
        made.add(Progress("router", step, 100, 2.0, bits, 64, 640.0, step / 10, 3.0, 1e-3, 10**8))
    for step in (0, 50, 100):
        said = [[MARKUP, [["你", [0.25, 0.75]], ["好", [0.5, 0.5]]]]]
        made.add_moment(Moment(step, said, {"chat": [0.4, 0.6]}, [0.1, 0.2]))
    return made


def test_the_views_show_what_is_recorded(recorded):
    assert "3" in course(recorded).text and "held out" in course(recorded).text
    assert "gru: chat" in forming(recorded).text and "thought" in forming(recorded).text
    seen = moment(recorded, recorded.moments[1])
    assert "step 50" in seen.svg and "0.400" in seen.text and "block 1" in seen.text
    whole = summary(recorded)
    assert "step 100" in whole.svg and whole.svg.count("<svg") > 3
    assert len(whole.svg) < 60_000


def test_a_moment_that_is_drawn_is_kept_so_that_no_other_takes_its_place(recorded):
    replay = Replay(recorded)
    drawn = weakref.ref(recorded.moments.pop())  # as when a training goes back
    gc.collect()
    assert drawn() is not None
    replay.draw()
    gc.collect()
    assert drawn() is None and len(replay.moments) == 2


def test_on_a_chinese_page_the_pictures_speak_chinese_alone(recorded, monkeypatch):
    """And both languages on an English one, until somebody chooses."""
    spoken = sys.modules["mof_lab.language"]
    monkeypatch.setattr(spoken, "_chosen", None)
    monkeypatch.setattr(spoken, "_page", None)
    replay = Replay(recorded)

    def shown():
        return "\n".join(view[-1] for view in (replay.course, replay.forming, *replay.moments))

    both = shown()
    assert "step 50 " in replay.moments[1][1] and "闲聊" in both and "block 1" in both
    for message, english, chinese in (
        ({"kind": "hello", "language": "en"}, True, True),
        ({"kind": "hello", "language": "zh"}, False, True),
        ({"kind": "language", "code": "en"}, True, False),
        ({"kind": "language", "code": "zh"}, False, True),
    ):
        replay._receive(None, message, [])
        words = re.findall(r"held out|chat|block|step|weights", shown() + replay.moments[1][1])
        assert bool(words) == english and ("闲聊" in shown()) == chinese, message
        assert not replay.error


def height(svg):
    return float(re.search(r' height="([\d.]+)"', svg)[1])


def places(svg):
    """(y, text) of what stands in a picture but for answers and numbers."""
    return re.findall(r' y="([\d.]+)"[^>]*>([^<\d][^<]*)</text>', svg)


def test_every_moment_of_a_replay_is_as_tall_and_nothing_in_it_moves(recorded):
    """Whatever was written then: nothing, one line, three, a mark that has to be explained."""
    answers = ["", "好", "好" * 80, "▩ ", "好"]
    for step, answer in enumerate(answers):
        said = [[q, [[s, [0.5, 0.5]] for s in answer]] for q in ("你好", "再见")]
        recorded.add_moment(Moment(10 * step, said, {"chat": [0.4, 0.6]}, [0.1, 0.2]))
    recorded.moments = recorded.moments[: len(answers)]
    replay = Replay(recorded)
    assert len({height(svg) for _, svg, _ in replay.moments}) == 1
    told = [{(y, t) for y, t in places(svg) if "步" not in t} for _, svg, _ in replay.moments]
    same = set.intersection(*told)
    assert sum(text == "model 模型" for _, text in same) == 2
    assert (
        sum("闲聊" in text for _, text in same) == sum("block 1" in text for _, text in same) == 1
    )
    short = moment(recorded, recorded.moments[1])
    assert height(short.svg) < height(replay.moments[1][1])  # by itself it wastes nothing


def test_a_longer_answer_makes_room_in_all_moments(recorded):
    replay = Replay(recorded)
    before = height(replay.moments[0][1])
    said = [[MARKUP, [["好", [0.5, 0.5]]] * 200]]
    recorded.add_moment(Moment(70, said, {"chat": [0.4, 0.6]}, [0.1, 0.2]))
    replay.draw()
    heights = {height(svg) for _, svg, _ in replay.moments}
    assert len(heights) == 1 and heights.pop() > before


def test_where_no_weights_are_known_no_room_is_kept_for_them(recorded):
    for one in recorded.moments:
        one.router, one.thought = {}, []
    weighed = height(Replay(recorded).moments[0][1])
    for one in recorded.moments:
        one.dialogues = [[q, [[s, []] for s, _ in said]] for q, said in one.dialogues]
    bare = Replay(recorded).moments[0][1]
    assert height(bare) < weighed - 40 and "transformer" not in bare and "好" in bare


@pytest.mark.parametrize(("stage", "name"), SHIPPED)
def test_a_recording_that_ships_stands_still(stage, name):
    assert len({height(svg) for _, svg, _ in replay(stage, name).moments}) == 1


def test_nothing_recorded_yet():
    empty = Recording("gru", "toy", ["gru"], 10)
    assert course(empty) is forming(empty) is summary(empty) is None
    replay = Replay(empty)
    assert (replay.course, replay.moments, replay.picture()) == ([], [], None)


def test_one_moment_forms_no_curve(recorded):
    recorded.moments = recorded.moments[-1:]
    assert forming(recorded) is None
    assert "step 100" in summary(recorded).svg


def test_earlier_runs_are_drawn_beside_it(recorded):
    curves = {"before": [[1, 0.1, 3.0, None], [90, 9.0, 2.0, 4.5]], "short": [[5, 1, 2.0, None]]}
    text = course(recorded, curves).text
    assert "before (earlier" in text and "4.5" in text
    assert "short (earlier" in text and "2.885" in text  # nats as bits where nothing was held out


def test_a_replay_compares_with_other_runs_of_its_stage(recorded, tmp_path):
    for run in ("mine", "theirs"):
        recorded.save(tmp_path / run / "recordings" / "router.json")
    recorded.save(tmp_path / "theirs" / "recordings" / "gru.json")
    (tmp_path / "broken" / "recordings").mkdir(parents=True)
    (tmp_path / "broken" / "recordings" / "router.json").write_text("{", encoding="utf-8")
    replay = Replay(tmp_path / "mine" / "recordings" / "router.json")
    assert replay.earlier == ["theirs"] and "theirs" not in replay.picture().text
    alone = replay.course
    replay._receive(replay, {"kind": "compare", "names": ["theirs", "broken"]}, [])
    assert (replay.chosen, replay.error) == (["theirs"], {})
    assert "theirs (earlier" in replay.course[1] and "theirs (earlier" in replay.picture().text
    # what is held out is compared, at the bits that were measured
    row = next(line for line in replay.course[1].splitlines() if line.startswith("theirs"))
    assert row.split()[3:6] == ["5", "3", "3"], row
    replay._receive(replay, {"kind": "compare", "names": []}, [])
    assert replay.course == alone
    assert Replay(recorded).earlier == []


def test_markup_stays_text(recorded):
    replay = Replay(recorded)
    assert all("<img" not in svg and "&lt;" in svg for _, svg, _ in replay.moments)
    assert "<img" not in replay.picture().svg


def test_a_replay_has_all_it_needs_in_the_browser(recorded, tmp_path):
    recorded.save(tmp_path)
    replay = Replay(tmp_path)
    assert not replay.live and len(replay.points) == 11
    assert [step for step, *_ in replay.moments] == [0, 50, 100]
    assert replay.status["key"] == "recorded"
    sent = {n: getattr(replay, n) for n in ("points", "moments", "course", "forming", "steps")}
    assert len(json.dumps(sent)) < 100_000
    box = list(map(float, re.search(r'data-box="([^"]*)"', replay.course[0])[1].split()))
    assert len(box) == 6 and (box[4], box[5]) == (0, 100)


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_every_stage_of_a_model_that_ships_is_recorded(name):
    assert {s for s, of in SHIPPED if of == name} == {s.name for s in PRESETS[name].stages}


@pytest.mark.parametrize(("stage", "name"), SHIPPED)
def test_a_recording_that_ships_is_whole(stage, name):
    """From its first step to its last: times that go on, and a picture at every moment."""
    shown = replay(stage, name)
    steps, seconds = zip(*(point[:2] for point in shown.points), strict=True)
    assert shown.stage == stage and steps[-1] == shown.steps
    assert list(steps) == sorted(steps) and list(seconds) == sorted(seconds)
    moments = [step for step, *_ in shown.moments]
    assert len(moments) >= 3 and moments == sorted(moments) and moments[-1] == shown.steps
    for step, svg, text in shown.moments:
        assert svg.startswith("<svg") and f"step {step}" in svg and text
    assert shown.course and f"step {shown.steps}" in shown.picture().svg


def test_every_text_is_there_twice_and_all_that_is_asked_for():
    gap = re.compile(r"\{(\w+)\}")
    for key, (english, chinese) in TRAINING.items():
        assert sorted(gap.findall(english)) == sorted(gap.findall(chinese)), key
    source = str(Replay._esm)
    asked = set(re.findall(r"""(?:ui\.t|action)\(?\s*"(\w+)\"""", source))
    asked |= set(re.findall(r"""label\([^\n]*?, "(\w+)"\)""", source))
    assert len(asked) > 10
    assert asked <= set(Replay.words["en"]), asked - set(Replay.words["en"])


class Place:
    """What `display` gave: it notes what is put there."""

    def __init__(self):
        self.put = []

    def update(self, view, **how):
        self.put.append(view)


def test_the_curves_are_kept_apart_from_the_rest_to_be_zoomed(recorded, monkeypatch):
    shown = []
    monkeypatch.setattr(base, "display", lambda view, **how: shown.append(view) or Place())
    replay = Replay(recorded)
    replay._ipython_display_()
    _, curves, rest = shown
    assert isinstance(curves, Chart) and not isinstance(rest, Chart)
    assert "step 100" in rest.svg and curves.svg not in rest.svg
    replay.keep()
    # plotly's renderer keeps an old chart as long as its place holds one
    assert replay._shown[0].put == [base.EMPTY, curves] and replay._shown[1].put == [rest]


def test_before_the_first_step_two_places_are_kept_free(monkeypatch):
    shown = []
    monkeypatch.setattr(base, "display", lambda view, **how: shown.append(view) or Place())
    replay = Replay(Recording("gru", "toy", ["gru"], 10))
    replay._ipython_display_()
    assert shown[1:] == [base.EMPTY, base.EMPTY]
    replay.keep()
    assert [place.put for place in replay._shown] == [[], []]

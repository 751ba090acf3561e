"""A recorded training: what is kept, how small, and what a damaged file says."""

import json
import math
from dataclasses import asdict

import pytest

from mof_lab import checkpoint, recording
from mof_lab.errors import LabError
from mof_lab.progress import Progress, Record
from mof_lab.recording import Moment, Recording


def progress(step, steps=100, loss=2.0, bits=None):
    return Progress(
        "router", step, steps, loss, bits, step * 64, 640.0, step / 10, 3.0, 1e-3, 10**8
    )


@pytest.fixture
def made():
    made = Recording("router", "toy", ["gru", "transformer"], 100)
    for step in range(0, 101, 10):
        made.add(progress(step, bits=5.0 - step / 50 if step % 20 == 0 else None))
    for step in (0, 50, 100):
        dialogues = [["你好", [["你", [0.25, 0.75]], ["好", []]]]]
        made.add_moment(Moment(step, dialogues, {"chat": [0.4, 0.6]}, [0.1, 0.2], step == 50))
    return made


def test_saved_and_loaded(made, tmp_path):
    made.save(tmp_path / "router")
    assert Recording.load(tmp_path / "router") == made
    assert Recording.load(tmp_path / "router" / recording.FILE) == made
    assert made.points[2].loss == pytest.approx(2 / math.log(2), abs=1e-3)


def test_a_checkpoint_without_a_recording_gives_its_curve(tmp_path, model, vocabulary):
    curve = [[25, 2.0, 2.0, None], [50, 4.0, 1.0, 3.5]]
    record = Record(50, 4.0, 3200, 100, False, 10**8, curve)
    meta = {"stage": "gru", "step": 50, "preset": "toy", "seed": 1, "record": asdict(record)}
    checkpoint.save(tmp_path, model, vocabulary, meta)
    found = Recording.load(tmp_path)
    assert (found.stage, found.steps, found.moments) == ("gru", 100, [])
    assert [(p.step, p.held_out, p.seconds_left) for p in found.points] == [
        (25, None, 6.0),
        (50, 3.5, 4.0),
    ]
    assert found.points[1].loss == pytest.approx(1 / math.log(2), abs=1e-3)
    found.save(tmp_path)
    assert Recording.load(tmp_path) == found  # from the file now
    del meta["record"]
    checkpoint.save(tmp_path / "bare", model, vocabulary, meta)
    with pytest.raises(LabError, match="keeps no course of its training"):
        Recording.load(tmp_path / "bare")


def test_a_moment_is_found_by_its_step(made):
    assert [made.moment_at(s).step for s in (0, 49, 50, 99, 200)] == [0, 0, 50, 50, 100]
    assert made.moment_at(-1) is None
    made.add_moment(Moment(50))
    assert [m.step for m in made.moments] == [0, 50, 100] and made.moment_at(60).dialogues == []


def test_going_back_to_a_checkpoint(made):
    made.back_to(55)
    assert (made.points[-1].step, made.moments[-1].step) == (50, 50)


def test_a_long_training_stays_small(tmp_path):
    made = Recording("joint", "toy", ["gru", "transformer"], 10**5)
    told = [["法国的首都是哪里？", [["好", [0.1234, 0.8766]]] * 40]] * 3
    for step in range(10_000):
        made.add(progress(step, 10**5, bits=4.0 if step % 1000 == 0 else None))
        if step % 50 == 0:
            made.add_moment(Moment(step, told, {}, [], step == 150))
    assert len(made.points) <= recording.MOST_POINTS
    assert len(made.moments) <= recording.MOST_MOMENTS
    assert (made.points[0].step, made.points[-1].step) == (0, 9999)
    assert (made.moments[0].step, made.moments[-1].step) == (0, 9950)
    assert sum(p.held_out is not None for p in made.points) == 10  # no measurement is lost
    made.save(tmp_path)
    assert (tmp_path / recording.FILE).stat().st_size < 200_000


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"experts": "ab"},
        {"steps": "100"},
        {"points": [[1, 2]]},
        {"points": [[1, 2, "<b>", None, 1, 1, 1, 1]]},
        {"points": [[1, 2, None, None, 1, 1, 1, 1]]},
        {"points": [[1, 2, float("nan"), None, 1, 1, 1, 1]]},
        {"moments": [{"step": 1, "router": {"chat": [1.0]}}]},
        {"moments": [{"step": 1, "thought": ["x"]}]},
        {"moments": [{"step": 1, "dialogues": [["你好", [[1, []]]]]}]},
        {"more": 1},
    ],
)
def test_a_damaged_file_is_said(made, tmp_path, change):
    made.save(tmp_path)
    path = tmp_path / recording.FILE
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**values, **change}), encoding="utf-8")
    with pytest.raises(LabError, match="damaged"):
        Recording.load(path)


@pytest.mark.parametrize("text", ["", "[1]", "null", "[" * 99_999])
def test_what_is_no_recording(tmp_path, text):
    (tmp_path / recording.FILE).write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match="damaged"):
        Recording.load(tmp_path)


def test_none_there(tmp_path):
    with pytest.raises(LabError, match="no recording"):
        Recording.load(tmp_path)


def test_earlier_runs_are_found_newest_first(tmp_path):
    files = {"model": {"file": "m", "sha256": "0"}}
    meta = {"format": checkpoint.FORMAT, "config": {}, "vocabulary": "", "step": 2, "files": files}
    for i, name in enumerate(("old", "new", "mine", "empty")):
        folder = tmp_path / name / "gru"
        folder.mkdir(parents=True)
        curve = [[1, 0.5, 3.0, None], [2, 1.0, 2.5 + i, 4.0]] if name != "empty" else []
        own = {**meta, "record": {"curve": curve}, "saved": f"2026-01-0{i + 1}"}
        own = checkpoint.sealed(own)
        (folder / "meta.json").write_text(json.dumps(own), encoding="utf-8")
    damaged = tmp_path / "damaged" / "gru"
    damaged.mkdir(parents=True)
    (damaged / "meta.json").write_text("{", encoding="utf-8")
    found = recording.earlier(tmp_path / "mine" / "gru")
    assert list(found) == ["new", "old"]
    assert found["new"][1] == [2.0, 1.0, 3.5, 4.0]
    assert recording.earlier(tmp_path / "mine" / "chat") == {}

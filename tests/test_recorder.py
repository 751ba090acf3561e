"""A run that is recorded, one that was not, and what of both is shipped."""

import copy
import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
import tensorflow as tf

from mof_lab import folders, processes, recorder
from mof_lab.corpus import Corpus
from mof_lab.errors import LabError
from mof_lab.model import MoF
from mof_lab.packing import pack_by_kind
from mof_lab.pipeline import Run
from mof_lab.recording import Moment, Point, Recording
from mof_lab.training import Trainer

STAGES = ["gru", "router"]


class Glance:
    """In place of `look.Look`, which the panel's tests know: notes which weights it saw."""

    def __init__(self, run, stage, model, sayings):
        assert run.vocabulary is not None and run.windows("held_out")
        self.stage, self.model = stage, model

    def at(self, step):
        return Moment(step, [["你好", [["好", []]]]], {"chat": seen(self.model)})


def seen(model):
    return [sum(float(abs(v.numpy()).sum()) for v in layer) for layer in halves(model)]


def halves(model):
    """The weights of the router, and all others."""
    router = {v.path for v in model.router.variables}
    floats = [v for v in model.variables if "float" in v.dtype]
    return [v for v in floats if v.path in router], [v for v in floats if v.path not in router]


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    """No compiling, and no look that computes."""
    monkeypatch.setattr("mof_lab.look.Look", Glance)
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


class ToyRun:
    """A run's folder, as `pipeline.Run` leaves it, and what the recorder uses of it."""

    def __init__(self, directory, preset, rows, vocabulary):
        self.directory, self.preset, self.vocabulary = directory, preset, vocabulary
        vocabulary.save(directory / "vocabulary.json")
        held_out = directory / "windows" / "held_out"
        self.packs = pack_by_kind(rows[:9], vocabulary, preset.window, held_out, 1)

    def windows(self, split):
        return self.packs

    def trainer(self, name, model):
        stage, folder = self.preset.stage(name), self.directory / name
        parts = (self.packs, self.preset, stage, folder, self.packs)
        return Trainer(model, self.vocabulary, *parts, reports=2, report_seconds=0)


@pytest.fixture
def run(tmp_path, preset, rows, vocabulary, monkeypatch):
    monkeypatch.setattr(recorder, "preset", lambda name: preset)
    return ToyRun(tmp_path, preset, rows, vocabulary)


@pytest.fixture(scope="module")
def tool():
    path = Path(__file__).resolve().parent.parent / "tools" / "ship.py"
    spec = importlib.util.spec_from_file_location("ship", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_recorded_stage_has_its_begin_its_course_and_its_end(run, config):
    shown = []
    trainer = run.trainer("router", MoF(config))
    recorder.train(run, trainer, shown.append)
    made = Recording.load(run.directory / "router")
    assert [p.step for p in made.points] == [p.step for p in shown] == [1, 2, 3, 4]
    steps = [m.step for m in made.moments]
    assert steps[0] == 0 and steps[-1] == 4
    assert made.moments[0].router["chat"][0] != made.moments[-1].router["chat"][0]
    assert made.moments[-1].router["chat"] == seen(trainer.model)
    before = (run.directory / "router" / "recording.json").read_bytes()
    recorder.train(run, run.trainer("router", MoF(config)))  # it is done: nothing is added
    assert (run.directory / "router" / "recording.json").read_bytes() == before


def test_a_stopped_one_goes_on(run, config):
    def stop(progress):
        if progress.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recorder.train(run, run.trainer("router", MoF(config)), stop)
    assert Recording.load(run.directory / "router").points[-1].step < 4
    recorder.train(run, run.trainer("router", MoF(config)))
    made = Recording.load(run.directory / "router")
    steps = [p.step for p in made.points]
    assert steps == sorted(set(steps)) and steps[-1] == 4
    assert [made.moments[0].step, made.moments[-1].step] == [0, 4]


def test_a_run_without_a_recording_is_looked_at_afterwards(run, config, monkeypatch):
    model = MoF(config, seed=run.preset.seed)
    looks = [seen(model)]
    for name in STAGES:
        run.trainer(name, model).run()
        looks.append(seen(model))
    gru, router = (
        recorder.look_back(None, run.directory, STAGES, at, 20_000) for at in range(len(STAGES))
    )
    assert [m.step for m in gru.moments] == [0, 6] and [m.step for m in router.moments] == [0, 4]
    found = [m.router["chat"] for m in (*gru.moments, *router.moments)]
    wanted = [looks[0], looks[1], looks[1], looks[2]]  # each stage begins where the last ended
    assert all(a == pytest.approx(b) for a, b in zip(found, wanted, strict=True))
    monkeypatch.setattr(MoF, "__init__", None)  # what has moments is not looked at again
    router.save(run.directory / "router")
    assert recorder.look_back(None, run.directory, STAGES, 1, 20_000) == router


def test_what_ships_is_small_and_less_is_shipped_where_less_is_kept(
    run, config, tool, tmp_path, monkeypatch
):
    monkeypatch.setattr(processes, "call", lambda f, *rest, **_: (f(None, *rest), 0))
    recorder.train(run, run.trainer("router", MoF(config)))
    curve = [[3, 1.5, 2.0, None], [6, 3.0, 1.0, 4.0]]
    one = {"steps": 6, "curve": curve, "tokens_per_second": 90, "peak_memory_bytes": 10**8}
    report = {"preset": "toy", "experts": list(config.experts)}
    report["stages"] = [{"name": name, **one} for name in STAGES]
    tool.ship_recordings(run.directory, report, tmp_path / "shipped")
    gru, router = (
        Recording.load(tmp_path / "shipped" / "recordings" / f"{n}.json") for n in STAGES
    )
    assert ([p.step for p in gru.points], gru.points[-1].seconds_left) == ([3, 6], 0)
    assert gru.moments == [] and len(router.moments) >= 2


def test_small_talk_is_told_apart_from_knowledge(tool):
    answers = {
        "knowledge": {"correct": 9, "total": 20},
        "knowledge.places": {"correct": 7, "total": 8},
        "knowledge.talk": {"correct": 2, "total": 12},
    }
    before = copy.deepcopy(answers)
    assert tool.told_apart(answers) == {
        "knowledge": {"correct": 7, "total": 8},
        "knowledge.places": {"correct": 7, "total": 8},
        "talk": {"correct": 2, "total": 12},
    }
    assert answers == before
    without = {kind: answers[kind] for kind in ("knowledge.places",)}
    assert tool.told_apart(without) == without


@pytest.mark.parametrize("chinese", [False, True], ids=["English", "Chinese"])
@pytest.mark.parametrize("name", ["small", "tiny"])
def test_the_figures_of_the_front_pages_are_those_of_the_reports(tool, name, chinese):
    file = folders.shipped(name) / "report.json"
    report = json.loads(file.read_text(encoding="utf-8"))
    page = folders.PROJECT / ("README.zh-CN.md" if chinese else "README.md")
    written = tool.results(report, chinese)
    assert f"\n{written}\n<!-- end of {name} -->" in page.read_text(encoding="utf-8")
    talk = f"| {'闲聊' if chinese else 'small talk'} |"
    assert (talk in written) == (name == "small")  # no row for what tiny never read


def test_reduced_to_what_was_asked_for():
    made = Recording("joint", "toy", ["gru", "transformer"], 300)
    point = (1.0, 2.0, None, 10.0, 1e-3, 10**8, 1.0)
    written = [["好", [0.123, 0.877]]] * 40
    made.points = [Point(i, *point) for i in range(300)]
    made.points[150] = made.points[150]._replace(held_out=3.0)
    made.moments = [
        Moment(25 * i, [["你好", written]] * 3, {"chat": [0.5, 0.5]}) for i in range(12)
    ]
    small = made.reduced(19_000)
    assert len(small._text().encode("utf-8")) <= 19_000
    assert len(small.moments) >= 3 and len(small.points) >= 20
    assert [small.points[0].step, small.points[-1].step] == [0, 299]
    assert [small.moments[0].step, small.moments[-1].step] == [0, 275]
    assert any(p.held_out for p in small.points)
    assert len(made.points) == 300 and len(made.moments) == 12  # the whole one is untouched
    assert made.reduced(10**6) == made
    least = made.reduced(10)  # begin and end stay, and that is no 10 bytes
    assert len(least.points) <= 10 and len(least.moments) == 2


@pytest.mark.parametrize("folder", sorted((folders.PROJECT / "checkpoints").iterdir()))
def test_every_shipped_model_has_its_replays(folder):
    files = sorted((folder / "recordings").glob("*.json"))
    assert [f.stem for f in files] == sorted(["gru", "transformer", "router", "joint", "chat"])
    assert sum(f.stat().st_size for f in files) < 100_000
    for file in files:
        made = Recording.load(file)
        assert made.stage == file.stem and len(made.points) >= 5
        assert not (folder / "recording.json").exists()


def test_none_for_a_stage_that_is_not_there():
    from mof_lab.notebook import replay

    with pytest.raises(LabError, match="no recording"):
        replay("dance")


@pytest.mark.slow
def test_a_stage_recorded_in_a_process_of_its_own(rows, preset, tmp_path):
    """With what the model really says."""
    text = Corpus(rows[5:], rows[:5], [])
    small = replace(preset, model=replace(preset.model, num_layers=1))
    Run(small, tmp_path, text).train("router", record=True)
    moments = Recording.load(tmp_path / "router").moments
    assert [moments[0].step, moments[-1].step] == [0, 4]
    for moment in moments:
        assert [question for question, _ in moment.dialogues] == list(recorder.SAYINGS)
        assert "story" in moment.router and len(moment.thought) == 1

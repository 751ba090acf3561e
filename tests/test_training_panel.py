"""The training panel without a browser: buttons in, a checkpoint and a recording out."""

import gc
import threading
import weakref
from types import SimpleNamespace

import pytest
from waiting import SOON, until

pytest.importorskip("anywidget", reason="widgets need the lab's packages: pip install -e .[lab]")

import tensorflow as tf

from mof_lab import checkpoint, jobs, notebook
from mof_lab.errors import LabError
from mof_lab.generation import Sampling, continuation
from mof_lab.look import Look
from mof_lab.model import MoF
from mof_lab.recording import Moment, Recording
from mof_lab.training import Trainer
from mof_lab.widgets import TrainingPanel, action


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    """No compiling, a runner of its own that blocks, short answers."""
    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=True))
    monkeypatch.setattr("mof_lab.look.LONGEST", 3)
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def live(monkeypatch):
    """As where somebody clicks: `start` returns at once."""
    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=False))


class ToyRun:
    """What the panel uses of a `pipeline.Run`."""

    def __init__(self, preset, vocabulary, packs, directory):
        self.preset, self.vocabulary, self.packs = preset, vocabulary, packs
        self.directory = directory

    def windows(self, split):
        return self.packs

    def trainer(self, stage, model, **options):
        stage = self.preset.stage(stage)
        folder = self.directory / stage.name
        parts = (model, self.vocabulary, self.packs, self.preset, stage, folder, self.packs)
        return Trainer(*parts, **options)


@pytest.fixture
def make(preset, vocabulary, packs, config, tmp_path):
    def make(stage="router", name="mine", sayings=()):  # a character is slow without compiling
        run = ToyRun(preset, vocabulary, packs, tmp_path / name)
        return TrainingPanel(run, stage, MoF(config), sayings=sayings, reports=2)

    return make


def receive(panel, kind, **content):
    panel._receive(panel, {"kind": kind, **content}, [])


def paused_at(panel, step):
    """Starts it and lets it wait after a step; returns the job."""
    there, note = threading.Event(), panel._note

    def noted(progress):
        if progress.step == step:
            receive(panel, "pause")
        return note(progress)

    panel._note = noted
    watch = panel._changed

    def changed(job):
        watch(job)
        if job.state == jobs.PAUSED:
            there.set()

    panel._changed = changed
    job = panel.start()
    assert there.wait(SOON), panel.error
    return job


def test_a_whole_training(make, preset):
    panel = make(sayings=("你好",))
    panel.start()
    assert (panel.state, panel.error, panel.status["key"]) == (jobs.IDLE, {}, "trained")
    assert panel.result().done and panel.record.step == preset.stage("router").steps
    recorded = Recording.load(panel.trainer.directory)
    assert recorded == panel.recording
    assert [m.step for m in (recorded.moments[0], recorded.moments[-1])] == [0, 4]
    assert recorded.points[-1].step == 4 and recorded.points[-1].held_out > 0
    last = recorded.moments[-1]
    assert all(sum(w) == pytest.approx(1, abs=1e-3) for w in last.router.values())
    assert last.router
    assert len(last.thought) == preset.model.num_layers and min(last.thought) > 0
    assert last.dialogues[0][0] == "你好"
    picture = panel.picture()
    assert "held out" in picture.text and picture.svg.count("<svg") > 3
    assert len(picture.svg) < 100_000
    assert checkpoint.load(panel.trainer.directory)[2]["record"]["done"]


def test_one_expert_alone_has_no_router_and_a_gru_no_thought(make):
    panel = make("gru", sayings=("你好",))
    panel.start()
    last = panel.recording.moments[-1]
    assert (last.router, last.thought, panel.forming) == ({}, [], [])
    assert all(weights == [] for _, weights in last.dialogues[0][1])


def test_where_nobody_talks_it_goes_on_with_a_text(make, packs):
    panel = make("gru", sayings=("米米在",))
    alone = ToyRun(panel.trainer.preset, panel.trainer.vocabulary, {"story": packs["story"]}, None)
    look = Look(alone, panel.trainer.stage, panel.trainer.model, ("米米在",))
    [[saying, characters]] = look.at(0).dialogues
    written = continuation(
        look.model, look.vocabulary, saying, Sampling(temperature=0), 3, look.expert
    )
    assert saying + "".join(symbol for symbol, _ in characters) == written


def test_pause_sample_and_stop(make, live):
    panel = make()
    job = paused_at(panel, 2)
    assert (panel.status["key"], panel.record.step) == ("paused", 2)
    with pytest.raises(LabError, match="“Training 训练 router” is still going on"):
        panel.result()
    receive(panel, "sample")
    until(lambda: panel.status["key"] == "sampled")
    assert panel.recording.moments[-1].step == 2 and panel.recording.moments[-1].asked
    receive(panel, "begin")  # refused, and says so
    assert panel.status["key"] == "busy"
    receive(panel, "stop")
    assert job.wait(SOON) and panel.record.step == 2
    assert panel.status == {"key": "stopped", "values": {"step": 2, "steps": 4}}
    _, _, meta = checkpoint.load(panel.trainer.directory)
    assert (meta["step"], meta["record"]["done"]) == (2, False)


@pytest.mark.parametrize("button", ["resume", "stop"])
def test_a_look_in_a_pause_is_ended_by_every_button(make, live, monkeypatch, button):
    """It is taken where the model is used, and not while the message is heard."""
    panel = make()
    job = paused_at(panel, 2)
    begun, seen = threading.Event(), []

    def at(step, go_on, asked):
        begun.set()
        until(lambda: not go_on())
        seen.append((step, threading.current_thread() is threading.main_thread(), job.state))
        return Moment(step, [], {}, [], asked)

    monkeypatch.setattr(panel._look, "at", at)
    receive(panel, "sample")
    assert begun.wait(SOON) and panel.status["key"] == "sampling" and not seen
    monkeypatch.undo()
    receive(panel, button)
    assert job.wait(SOON)
    state = jobs.PAUSED if button == "resume" else jobs.STOPPING
    assert seen == [(2, False, state)] and panel.record.done == (button == "resume")


def test_a_look_that_fails_in_a_pause_ends_no_training(make, live, monkeypatch):
    panel = make()
    job = paused_at(panel, 2)
    monkeypatch.setattr(panel._look, "at", lambda *_: 1 / 0)
    receive(panel, "sample")
    until(lambda: panel.error)
    assert "ZeroDivisionError" in panel.error["sentence"] and panel.state == jobs.PAUSED
    monkeypatch.undo()
    receive(panel, "resume")
    assert job.wait(SOON) and panel.result().done


def test_resume_goes_on(make, live):
    panel = make()
    job = paused_at(panel, 1)
    receive(panel, "resume")
    assert job.wait(SOON)
    assert panel.result().done


def test_a_stopped_training_goes_on_in_another_kernel(make, live):
    job = paused_at(first := make(), 2)
    first.stop()
    assert job.wait(SOON)
    second = make()
    assert second.status["key"] == "stopped" and second.points == first.points
    assert second.start().wait(SOON)
    assert second.result().done
    steps = [p.step for p in second.recording.points]
    assert steps == sorted(set(steps)) and steps[-1] == 4


def test_what_fails_is_shown_and_said(make, monkeypatch):
    panel = make()

    def fails(step, *_):
        raise LabError("The disk is full.")

    monkeypatch.setattr(panel._look, "at", fails)
    panel.start()
    assert (panel.state, panel.error["sentence"]) == (jobs.FAILED, "The disk is full.")
    with pytest.raises(LabError, match="disk is full"):
        panel.result()


def test_not_trained_yet(make):
    with pytest.raises(LabError, match="“Training 训练 router” is not done yet: press Train"):
        make().result()


def test_earlier_runs_can_be_compared(make):
    make(name="before").start()
    panel = make()
    assert panel.earlier == ["before"]
    panel.start()
    receive(panel, "compare", names=["before", "../../etc"])
    assert panel.chosen == ["before"] and "before (earlier" in panel.course[1]
    receive(panel, "compare", names=[])
    assert "before" not in panel.course[1]


def test_a_newer_panel_of_a_stage_lets_go_of_the_older(make):
    older = make()
    older.start()
    left = [weakref.ref(part) for part in (older, older.trainer, older.trainer.model)]
    newer = make()
    jobs.start("another", lambda job: None)  # the runner knows its newest job
    del older
    gc.collect()
    assert [part() for part in left] == [None, None, None]
    other = make(name="another run")
    assert newer.comm is not None and other.comm is not None


def test_a_panel_that_trains_is_not_closed(make, live):
    older = make("chat")
    job = paused_at(older, 2)
    newer = make("chat")
    assert older.comm is not None and newer.comm is not None
    assert action.now(newer.trainer.directory) is older
    older.stop()
    assert job.wait(SOON)
    assert action.now(newer.trainer.directory) is None


def test_the_cell_of_a_training_run_again_shows_its_panel(make, live, monkeypatch):
    older = make("chat")
    job, shown = paused_at(older, 2), []
    monkeypatch.setattr(notebook, "display", shown.append)
    run = SimpleNamespace(directory=older.trainer.directory.parent)
    with pytest.raises(LabError, match="“Training 训练 chat” is going on already"):
        notebook.train(run, "chat")
    assert shown == [older]
    older.stop()
    assert job.wait(SOON)

"""Jobs: one at a time, paused, resumed and stopped from outside, and what went wrong is said."""

import os
import subprocess
import sys
import threading

import pytest

from mof_lab import jobs
from mof_lab.errors import LabError
from mof_lab.jobs import FAILED, IDLE, PAUSED, RUNNING, STOPPING, BusyError, Due, JobRunner

SOON = 10  # seconds; what takes longer has hung


class Steps:
    """Work in steps that the test lets happen one by one."""

    def __init__(self):
        self.done, self._may, self._did = 0, threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, job):
        while job.go_on():
            assert self._may.acquire(timeout=SOON)
            self.done += 1
            self._did.release()
        return self.done

    def step(self):
        self._may.release()
        assert self._did.acquire(timeout=SOON)


class States(list):
    """Notes the states of a job; a test can wait for one."""

    def __init__(self):
        self._changed = threading.Condition()

    def __call__(self, job):
        with self._changed:
            self.append(job.state)
            self._changed.notify_all()

    def expect(self, state):
        with self._changed:
            assert self._changed.wait_for(lambda: state in self, SOON), (state, self)


@pytest.fixture
def runner():
    runner = JobRunner(blocking=False)
    yield runner
    runner.stop()
    assert runner.job is None or runner.job.wait(SOON)


def test_start_returns_while_the_work_goes_on(runner):
    work, states = Steps(), States()
    assert runner.state == IDLE
    job = runner.start("steps", work, states)
    work.step()
    work.step()
    assert (runner.state, work.done) == (RUNNING, 2)
    job.stop()
    assert job.state == STOPPING
    work.step()  # the one that it was waiting for
    assert job.wait(SOON)
    assert (job.result, job.failure, runner.state) == (3, None, IDLE)
    assert states == [RUNNING, STOPPING, IDLE]


def test_pause_and_resume(runner):
    work, states = Steps(), States()
    job = runner.start("steps", work, states)
    job.pause()
    work.step()
    states.expect(PAUSED)
    assert work.done == 1
    job.resume()
    work.step()
    job.stop()
    work.step()
    assert job.wait(SOON)
    assert states == [RUNNING, PAUSED, RUNNING, STOPPING, IDLE]


def test_a_paused_job_can_be_stopped(runner):
    work, states = Steps(), States()
    job = runner.start("steps", work, states)
    job.pause()
    work.step()
    states.expect(PAUSED)
    runner.stop()
    assert job.wait(SOON)
    assert states == [RUNNING, PAUSED, STOPPING, IDLE]


@pytest.mark.parametrize("then", ["stop", "resume"])
def test_who_waits_does_meanwhile_what_is_asked(runner, then):
    states, did, done = States(), [], threading.Semaphore(0)

    def meanwhile():
        did.append((job.state, job.waits))
        done.release()

    def work(job):
        while job.go_on(meanwhile):
            pass

    job = runner.start("steps", work, states)
    job.pause()
    states.expect(PAUSED)
    for _ in range(2):  # when it begins to wait, and once more
        assert done.acquire(timeout=SOON)
        job.wake()
    assert done.acquire(timeout=SOON) and did == 3 * [(PAUSED, True)]
    getattr(job, then)()
    assert not job.waits
    job.stop()
    assert job.wait(SOON) and len(did) == 3


def test_a_pause_after_stop_holds_nobody(runner):
    work, states = Steps(), States()
    job = runner.start("steps", work, states)
    job.stop()
    job.pause()
    work.step()
    assert job.wait(SOON) and states == [RUNNING, STOPPING, IDLE]


def test_who_fails_to_hear_of_the_stop_keeps_nobody_waiting(runner):
    def changed(job):
        states(job)
        if job.state == STOPPING:
            raise RuntimeError("not heard")

    states = States()
    job = runner.start("steps", lambda job: [job.go_on() for _ in iter(job.go_on, False)], changed)
    job.pause()
    states.expect(PAUSED)
    with pytest.raises(RuntimeError, match="not heard"):
        job.stop()
    assert job.wait(SOON)


class Interrupted(threading.Thread):
    """One whose start is interrupted: before there is a thread, or when it runs already."""

    runs = False

    def start(self):
        if self.runs:
            super().start()
            assert self.working.wait(SOON)
        raise KeyboardInterrupt


@pytest.mark.parametrize("runs", [False, True])
def test_an_interrupt_while_a_job_begins_leaves_the_lab_free(runner, monkeypatch, runs):
    working, states = threading.Event(), States()

    def work(job):
        working.set()
        while job.go_on():
            pass
        return "stopped"

    monkeypatch.setattr(Interrupted, "runs", runs)
    monkeypatch.setattr(Interrupted, "working", working, raising=False)
    monkeypatch.setattr(jobs.threading, "Thread", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.start("one", work, states)
    monkeypatch.undo()
    one = runner.job
    assert one.wait(SOON) and not one.alive
    assert one.result == ("stopped" if runs else None) and states[-1] == IDLE
    assert runner.start("two", lambda job: "done").wait(SOON) and runner.job.result == "done"


def test_a_worker_that_comes_after_the_interrupt_does_nothing():
    done = []
    job = jobs.Job("one", lambda job: done.append(1))
    job.cancel()
    job._thread.start()
    job._thread.join(SOON)
    assert job.wait(SOON) and done == [] and job.state == IDLE


def test_a_second_job_is_refused_and_told_why(runner):
    work = Steps()
    job = runner.start("training gru", work)
    with pytest.raises(BusyError, match="training gru") as caught:
        runner.start("chat", lambda job: None)
    assert "stop it or wait" in str(caught.value) and caught.value.name == "training gru"
    assert runner.job is job and job.state == RUNNING
    job.stop()
    work.step()
    assert job.wait(SOON)
    assert runner.start("chat", lambda job: 7).wait(SOON)
    assert runner.job.result == 7


def test_the_next_job_can_start_from_the_last_change(runner):
    """Who hears that a job is over may start the next one."""
    started = []

    def changed(job):
        if job.state == IDLE:
            started.append(runner.start("second", lambda job: "done"))

    runner.start("first", lambda job: None, changed).wait(SOON)
    assert started[0].wait(SOON)
    assert started[0].result == "done"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (LabError("The message is empty;\ntype something."), "The message is empty; type"),
        (KeyError("weights"), "unexpected happened, KeyError: 'weights'"),
        (ZeroDivisionError(), "ZeroDivisionError: no reason"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_an_error_is_a_sentence_and_a_traceback(runner, error, sentence):
    def work(job):
        raise error

    job = runner.start("work", work)
    assert job.wait(SOON)
    assert runner.state == FAILED
    assert sentence in job.failure.sentence and "\n" not in job.failure.sentence
    if isinstance(error, LabError):
        assert job.failure.traceback == ""  # the sentence says it all
    else:
        assert "test_jobs.py" in job.failure.traceback and "raise error" in job.failure.traceback
    assert runner.start("next", lambda job: None).wait(SOON)
    assert runner.state == IDLE


def test_what_is_over_can_not_be_stopped_or_paused(runner):
    job = runner.start("short", lambda job: job.go_on())
    assert job.wait(SOON)
    job.stop()
    job.pause()
    assert (job.state, job.result) == (IDLE, True)


def test_headless_a_job_is_over_when_start_returns():
    states = States()
    job = JobRunner(blocking=True).start("work", lambda job: job.go_on() and "done", states)
    assert (job.result, job.state) == ("done", IDLE)
    assert states == [RUNNING, IDLE]


@pytest.mark.parametrize(
    ("decided", "allows_input", "server", "expected"),
    [
        ("", None, "", True),  # a script
        ("", True, "", False),  # JupyterLab
        ("", False, "", True),  # nbclient, papermill
        ("", False, "voila/0.5", False),
        ("1", True, "", True),
        ("0", None, "", False),
    ],
)
def test_who_is_headless(monkeypatch, decided, allows_input, server, expected):
    class Kernel:
        _allow_stdin = allows_input

    monkeypatch.setenv("MOF_LAB_HEADLESS", decided)
    monkeypatch.setenv("SERVER_SOFTWARE", server)
    monkeypatch.setattr(jobs, "kernel", lambda: None if allows_input is None else Kernel())
    assert jobs.headless() is expected


def test_the_process_has_one_runner():
    code = """
from mof_lab import jobs
print(jobs.start("a", lambda job: 5).result, end=" ")
try:
    jobs.start("b", lambda job: jobs.start("c", print)).wait()
    print(jobs.start("d", lambda job: 6).result, jobs._RUNNER.job.name, end="")
except jobs.BusyError:
    print("left busy", end="")
"""
    environment = os.environ | {"MOF_LAB_HEADLESS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (ran.stdout, ran.stderr) == ("5 6 d", "")  # "c" was refused, and "d" is not


def test_it_is_due_so_many_times_a_second(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    due, times = Due(20), []
    for i in range(10):
        if due():
            times.append(i)
        now[0] += 0.02
    assert times == [0, 3, 6, 9]  # the first at once, then after 0.05 s and more

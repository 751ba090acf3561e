"""A long action of a notebook: it can be paused and stopped, goes on, and says how far it is."""

import threading
import time

import pytest
from waiting import SOON, until

pytest.importorskip("anywidget", reason="widgets need the lab's packages: pip install -e .[lab]")

from mof_lab import jobs, notebook
from mof_lab.errors import LabError
from mof_lab.widgets import Task, task


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Every test has a runner of its own, one that blocks."""
    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=True))


@pytest.fixture
def live(monkeypatch):
    """As where somebody clicks."""
    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=False))


class Counting:
    """Work in a hundred pieces, each when it is let; it remembers what is done."""

    def __init__(self, free=True):
        self.done, self.left, self.let = 0, 0, threading.Semaphore(10**6 if free else 0)

    def __call__(self):
        try:
            while self.done < 100:
                assert self.let.acquire(timeout=SOON)
                self.done += 1
                yield self.done / 100, f"piece {self.done}"
            return "counted"
        finally:
            self.left += 1


def test_it_does_its_work_and_keeps_what_came_of_it():
    counting = Counting()
    made = Task("Counting", counting)
    with pytest.raises(LabError, match="press Start"):
        made.result()
    assert made.picture() is None
    made.start()
    assert (made.result(), made.share, made.done, made.left) == ("counted", 1.0, True, "")
    assert made.status["key"] == "done" and made.state == jobs.IDLE and counting.left == 1
    assert made.picture().svg.startswith("<svg") and "100%" in made.picture().text


def test_pause_holds_it_and_stop_leaves_it_to_go_on(live):
    counting = Counting(free=False)
    made = Task("Counting", counting)
    made._receive(made, {"kind": "begin"}, [])
    counting.let.release(3)
    until(lambda: counting.done == 3)
    with pytest.raises(jobs.NotReadyError, match="still going on"):
        made.result()
    made._receive(made, {"kind": "pause"}, [])
    counting.let.release()
    until(lambda: made.state == jobs.PAUSED)
    assert made.status["key"] == "paused"
    counting.let.release(5)
    time.sleep(0.1)
    assert counting.done == 4  # it waits
    made._receive(made, {"kind": "resume"}, [])
    until(lambda: counting.done == 9)
    made._receive(made, {"kind": "stop"}, [])
    counting.let.release()
    until(lambda: not made.alive)
    assert counting.left == 1 and counting.done == 10  # closed where it was
    assert (made.share, made.done, made.status["key"]) == (0.1, False, "stopped")
    with pytest.raises(jobs.NotReadyError, match="not done yet"):
        made.result()
    counting.let.release(90)
    made._receive(made, {"kind": "begin"}, [])
    until(lambda: not made.alive)
    assert made.result() == "counted" and counting.done == 100


def test_the_time_left_is_that_of_the_share_that_is_left(monkeypatch):
    now, seen = [100.0], []
    monkeypatch.setattr(task.time, "monotonic", lambda: now[0])

    def work():
        for share, seconds in ((0.2, 50), (0.4, 10), (0.6, 10), (0.8, 10)):  # 50: it compiled
            now[0] += seconds
            yield share, "…"
            seen.append(made.left)
        now[0] += 10

    made = Task("Timed", work)
    monkeypatch.setattr(task.jobs, "Due", lambda hertz: lambda: True)
    made.start()
    assert seen == ["", "0:30", "0:20", "0:10"]
    assert made.status["values"]["time"] == "1:30"


@pytest.mark.parametrize("error", [LabError("No text is there."), ValueError()])
def test_a_failure_is_a_sentence(error):
    def work():
        yield 0.5, "half"
        raise error

    made = Task("Failing", work)
    made.start()
    sentence = made.error["sentence"]
    assert sentence and str(error) in sentence
    with pytest.raises(LabError) as caught:
        made.result()
    assert str(caught.value) == sentence


def test_the_cell_run_again_finds_its_buttons(live, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", shown.append)
    counting = Counting(free=False)
    made = notebook.in_background("Counting", counting)
    assert shown == [made] and made.alive
    with pytest.raises(jobs.NotReadyError, match="going on already"):
        notebook.in_background("Counting", counting)
    assert shown == [made, made]
    counting.let.release(100)
    until(lambda: not made.alive)
    again = notebook.in_background("Counting", Counting())
    until(lambda: not again.alive)
    assert again is not made and again.result() == "counted"

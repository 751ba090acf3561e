"""Long actions of a notebook: one worker thread, with Pause, Resume and Stop.

    def count(job):
        for i in range(1000):
            if not job.go_on():        # waits here while paused; False once it is to stop
                break

    job = jobs.start("counting", count)     # returns at once; the interface stays responsive
    job.stop()

A cell that computes keeps every button of its notebook waiting; a thread that looks at an event
does not, on all kernels. Where nobody can click (nbclient, papermill, a script, a test) `start`
returns when the job is over, so that an executed notebook is complete.

Inside a job neither print nor display: their output would land in another cell, or nowhere. Hand
values to a widget, when it is `Due` where they are many.
"""

import math
import os
import threading
import time
import traceback
from dataclasses import dataclass

from .errors import LabError

IDLE, RUNNING, PAUSED, STOPPING, FAILED = "idle", "running", "paused", "stopping", "failed"
TEXT_HZ, CHART_HZ = 20, 2  # how often text is handed on, and what is drawn anew


class BusyError(LabError):
    """A job was refused because another one is running; `name` is that one's."""

    def __init__(self, name, seconds):
        super().__init__(
            f"“{name}” has been running for {seconds:.0f} s, and the lab does one thing at a time: "
            "stop it or wait until it is done.",
            chinese=f"“{name}”已运行 {seconds:.0f} 秒，一次只能做一件事：请先停止它或等它结束。",
        )
        self.name = name


class NotReadyError(LabError):
    """Something needs what is not there yet; a notebook shows the sentence alone."""

    def _render_traceback_(self):
        return [str(self)]


@dataclass(frozen=True)
class Failure:
    """Why something failed: one sentence for everybody; for what nobody expected, the traceback."""

    sentence: str
    traceback: str
    chinese: str = ""  # the sentence; "" = there is none

    @classmethod
    def of(cls, error):
        said = " ".join(str(error).split())
        expected = isinstance(error, LabError)
        if not expected:
            said = f"Something unexpected happened, {type(error).__name__}: {said or 'no reason'}"
        folded = "" if expected else "".join(traceback.format_exception(error)).strip()
        return cls(said, folded, getattr(error, "chinese", ""))


class Job:
    """One action; made by `JobRunner.start`.

    Args:
        name: what people call it, for the sentence that refuses another one.
        work: a function of the job; it calls `go_on` as often as it can be stopped.
        changed: called with the job whenever its `state` changed, in the thread that changed it.
    """

    def __init__(self, name, work, changed=None):
        self.name, self._work, self._changed = name, work, changed
        self.state, self.failure, self.result = IDLE, None, None
        self.started = time.monotonic()
        self._begun = self._over = False
        self._paused = self._stopping = self._woken = False
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)  # of those three
        self._ended = threading.Event()  # and what had to be told of it was told
        self._thread = threading.Thread(target=self._run, name=f"mof-lab {name}", daemon=True)

    @property
    def alive(self):
        """Is it still to end? True from its making on."""
        return not self._over

    @property
    def waits(self):
        """Is the work to wait, or is it waiting?"""
        return self._paused and not self._stopping

    def go_on(self, meanwhile=None):
        """For the work: waits here while the job is paused; False when it is to stop.

        Args:
            meanwhile: called when the waiting begins and after each `wake`; what takes long in it
                ends when `waits` is false.
        """
        if self.waits:
            self._become(PAUSED)
            while self.waits:
                if meanwhile is not None:
                    meanwhile()
                with self._news:
                    self._news.wait_for(lambda: self._woken or not self.waits)
                    self._woken = False
            self._become(RUNNING)
        return not self._stopping

    def wake(self):
        """Lets the work do what it does in a pause, if it waits."""
        with self._news:
            self._woken = True
            self._news.notify_all()

    def pause(self):
        """Lets the work wait at its next `go_on`; the state is `PAUSED` once it does."""
        self._paused = True

    def resume(self):
        """Lets a paused job go on."""
        with self._news:
            self._paused = False
            self._news.notify_all()

    def stop(self):
        """Asks the work to end, also when it is paused; a job that is over stays as it is."""
        with self._news:
            if self._over:
                return
            self._stopping = True
            try:
                self._become(STOPPING)
            finally:  # whoever fails to hear of it: the work does
                self._news.notify_all()

    def wait(self, seconds=None):
        """Until the job is over, or so many seconds; returns whether it is.

        Interrupting the kernel meanwhile stops the job.
        """
        try:
            return self._ended.wait(seconds)
        except KeyboardInterrupt:
            self.stop()
            self._ended.wait()
            raise

    def begin(self):
        """Starts the worker; `JobRunner.start` does it."""
        self._become(RUNNING)
        self._thread.start()

    def cancel(self):
        """For who was kept from beginning it: it ends. A worker that comes yet does nothing."""
        with self._lock:
            if not self._begun:
                self._end()
        self.stop()

    def _run(self):
        with self._lock:
            if self._over:
                return
            self._begun = True
        try:
            self.result = self._work(self)
        except BaseException as error:  # nothing may escape: the thread has nobody to tell
            self.failure = Failure.of(error)
        with self._lock:
            self._end()

    def _end(self):
        self._over = True
        try:
            self._become(IDLE if self.failure is None else FAILED)
        finally:
            self._ended.set()

    def _become(self, state):
        with self._lock:
            if self.state == STOPPING and state in (PAUSED, RUNNING) or self.state == state:
                return
            self.state = state
        if self._changed is not None:
            self._changed(self)


class JobRunner:
    """Runs one job at a time and refuses a second one, saying why.

    Args:
        blocking: whether `start` waits for the job's end; None = as `headless()` says.
    """

    def __init__(self, blocking=None):
        self.job = None  # the newest
        self._blocking = blocking
        self._lock = threading.Lock()

    @property
    def state(self):
        """Of the newest job; `IDLE` before the first."""
        return IDLE if self.job is None else self.job.state

    def start(self, name, work, changed=None):
        """Starts a job, see `Job` for the arguments; returns it.

        Raises:
            BusyError: another job is not over yet.
        """
        job = Job(name, work, changed)
        try:  # an interrupt may come anywhere
            with self._lock:
                if self.job is not None and self.job.alive:
                    raise BusyError(self.job.name, time.monotonic() - self.job.started)
                self.job = job
            job.begin()
        except BaseException:  # else the process would wait for it for ever
            job.cancel()
            raise
        if headless() if self._blocking is None else self._blocking:
            job.wait()
        return job

    def pause(self):
        if self.job is not None:
            self.job.pause()

    def resume(self):
        if self.job is not None:
            self.job.resume()

    def stop(self):
        if self.job is not None:
            self.job.stop()


class Due:
    """Says whether it is time again, at most so many times a second.

    Args:
        hertz: `TEXT_HZ`, `CHART_HZ`.
    """

    def __init__(self, hertz):
        self._pause, self._last = 1 / hertz, -math.inf

    def __call__(self):
        now = time.monotonic()
        due = now - self._last >= self._pause
        if due:
            self._last = now
        return due


def headless():
    """Can nobody click? True in scripts and where a program executes a notebook.

    MOF_LAB_HEADLESS=1 or 0 decides; otherwise a notebook that can't be asked for input (as
    nbclient, nbconvert and papermill execute it) is taken to have nobody in front of it, except
    in Voila.
    """
    if decided := os.environ.get("MOF_LAB_HEADLESS"):
        return decided == "1"
    here = kernel()
    if here is None:
        return True
    voila = os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")
    return not voila and not getattr(here, "_allow_stdin", True)


def kernel():
    """The Jupyter kernel that this process is, or None."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return getattr(get_ipython(), "kernel", None)


_RUNNER = JobRunner()


def runner():
    """The one `JobRunner` of this process: one worker, and with it one user of the model."""
    return _RUNNER


def start(name, work, changed=None):
    """`JobRunner.start` of this process's runner."""
    return _RUNNER.start(name, work, changed)

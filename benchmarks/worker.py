"""A program under test in a process of its own, asked in JSON lines. Standard library only.

One side asks, and waits for the answer:

    with Worker("pytorch", [python, "-m", "benchmarks.workers.pytorch"]) as worker:
        worker.ask("run", seconds=5)     # {"tokens": 2048, "seconds": 5.6}

The other side answers with a function for each request:

    serve({"run": run})                  # run(seconds) returns {"tokens": …, "seconds": …}
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from mof_lab.errors import LabError
from mof_lab.memory import peak_memory

PROJECT = Path(__file__).resolve().parent.parent


class WorkerError(LabError):
    """A worker could not do what it was asked."""


class Worker:
    """Starts a program and asks it.

    Args:
        name: for sentences.
        command: the program and its arguments; runs in the project's folder.
        environment: its environment variables; None = those of this process.
    """

    def __init__(self, name, command, environment=None):
        self.name = name
        self.peak_memory = 0  # bytes, as of its last answer
        self._log = tempfile.TemporaryFile()  # noqa: SIM115, closed by `close`
        self._process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**(os.environ if environment is None else environment), "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="utf-8",
        )

    def ask(self, do, **arguments):
        """The answer to one request, a dict."""
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self._process.wait()
            raise WorkerError(
                f"{self.name} ended during {do!r} with exit code {code}: {self._last_words()}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.name} failed during {do!r}: {answer['error']}")
        self.peak_memory = answer.pop("peak_memory")
        return answer

    def _last_words(self):
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def close(self):
        """Ends the program."""
        with contextlib.suppress(BrokenPipeError):  # it may have ended with a request unread
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self._process.kill()
        self.close()


def serve(actions):
    """Answers requests on standard input until it ends, then ends the process.

    Args:
        actions: name → function; a request's other fields are its arguments, and the dict that
            it returns is the answer. What it raises is answered as an error.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print what they like; it must not get between the answers
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = actions[request.pop("do")](**request)
            answer = {**answer, "peak_memory": peak_memory()}
        except Exception as error:
            traceback.print_exc()
            kind = "" if isinstance(error, LabError) else f"{type(error).__name__}: "
            answer = {"error": " ".join(f"{kind}{error}".split())}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    os._exit(0)  # nothing is left to keep; the threads of some libraries would take seconds


def warm_up(step, most=6, within=0.3):
    """Calls `step()`, which returns its tokens, until two in a row run at about the same pace.

    What compiles does so in the first step, and may do so again in a later one.

    Args:
        most: calls at most.
        within: the share by which the slower of two may exceed the quicker.
    """
    last = None
    for _ in range(most):
        started = time.perf_counter()
        tokens = step()
        pace = (time.perf_counter() - started) / tokens
        if last is not None and max(pace, last) <= (1 + within) * min(pace, last):
            return
        last = pace


def repeat(step, seconds):
    """Calls `step()`, which returns its tokens, until `seconds` are over or none are left.

    Returns:
        {"tokens", "seconds"}: what was done, and the time it took.
    """
    tokens, started = 0, time.perf_counter()
    while True:
        done = step()
        tokens, spent = tokens + done, time.perf_counter() - started
        if spent >= seconds or not done:
            return {"tokens": tokens, "seconds": spent}

"""Runs one function in a process of its own, which gives all its memory back when it ends.

TensorFlow keeps what it compiled, about 200 MB a training stage, for as long as the process
lives. A stage a process keeps the whole run within the memory of its largest stage.
"""

import multiprocessing
import os
import signal
import sys
import threading

import psutil

from .errors import LabError


def call(function, *arguments, show=lambda message: None):
    """The result of `function(send, *arguments)`, computed in a new process.

    Args:
        function: of a module's top level; what it gives to `send` arrives at `show` here.
        arguments: anything that can be pickled.

    Returns:
        (result, peak): the result, and the most bytes that both processes held together.
    """
    os.environ.setdefault("MALLOC_ARENA_MAX", "1")  # glibc: 100 MB less, no slower here
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, function, arguments))
    process.start()
    there.close()
    peak = 0
    try:
        while True:
            while not here.poll(0.2):
                peak = max(peak, _memory(process))
            kind, message = here.recv()
            peak = max(peak, _memory(process))
            if kind == "result":
                return message, peak
            if kind == "error":
                raise LabError(message)
            show(message)
    except EOFError:
        process.join(10)
        raise LabError(
            f"The process that did the work ended unexpectedly (exit code {process.exitcode}); "
            "perhaps the machine ran out of memory. The same command goes on from the last "
            "checkpoint."
        ) from None
    except KeyboardInterrupt:
        process.join(3)  # a terminal interrupts both processes
        if process.is_alive() and os.name == "posix":
            os.kill(process.pid, signal.SIGINT)
        raise
    finally:
        here.close()
        process.join(30)


def _end_with_parent():
    """A parent that was killed can't stop this process: it would go on, for nobody."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _stop_once(number, frame):
    """What the first Ctrl-C asks for, a save perhaps, is not interrupted by the next ones."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _work(connection, function, arguments):
    signal.signal(signal.SIGINT, _stop_once)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        result = function(lambda message: connection.send(("message", message)), *arguments)
        connection.send(("result", result))
    except LabError as error:
        connection.send(("error", str(error)))
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)


def _memory(process):
    """Bytes held by this process and the other one."""
    try:
        return psutil.Process().memory_info().rss + psutil.Process(process.pid).memory_info().rss
    except psutil.Error:
        return 0

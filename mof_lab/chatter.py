"""What TensorFlow and LiteRT say about themselves, and how to keep it from people."""

import contextlib
import os
import re
import sys
import threading

_CHATTER = re.compile(
    rb"[IW]\d{4} \d\d:\d\d:\d|WARNING: All log messages before absl::|INFO: Created TensorFlow Lite"
)
_LAST_LINE = b"\0last line\n"


@contextlib.contextmanager
def without_chatter():
    """Keeps log lines of TensorFlow and LiteRT, also of child processes, out of standard error.

    Their C++ writes some before any setting is read. Everything else that is written arrives, and
    what Python writes goes no detour, so that it keeps its order with standard output.
    """
    real = os.dup(2)
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    os.close(writer)

    def pump():
        with open(reader, "rb") as lines:
            for line in lines:
                if line.endswith(_LAST_LINE):  # no end of file: children may still hold the pipe
                    os.write(real, line.removesuffix(_LAST_LINE))
                    return
                if not _CHATTER.match(line):
                    os.write(real, line)

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    with open(real, "w", buffering=1, encoding=encoding, errors="replace") as direct:
        ours = sys.stderr is sys.__stderr__  # a notebook or a test may have put another there
        try:
            with contextlib.redirect_stderr(direct if ours else sys.stderr):
                yield
        finally:
            os.write(2, _LAST_LINE)
            thread.join()
            os.dup2(real, 2)

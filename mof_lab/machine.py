"""What a result was measured on: the processor, and the packages that decide about a model."""

import platform
from importlib.metadata import version
from pathlib import Path


def versions():
    """Of Python and of the packages that decide what a model becomes."""
    found = {"python": platform.python_version()}
    for name in ("mof-lab", "keras", "numpy", "tensorflow-cpu", "tensorflow"):
        try:
            found[name] = version(name)
        except ImportError:
            continue
    return found


def cpu_name():
    """What the machine calls its processor."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()

"""How much memory this process takes and has taken at most, and that it keeps it.

psutil is imported where it is needed: the peers' programs in `benchmarks/` run without it.
"""

import ctypes
from pathlib import Path

#: Parameters of glibc's `mallopt`, see malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def memory_in_use():
    """Bytes of memory this process holds."""
    import psutil

    return psutil.Process().memory_info().rss


def peak_memory():
    """Bytes, counted by the system."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would count what the parent held before the program started
        line = next(x for x in status.read_text(encoding="ascii").splitlines() if "VmHWM" in x)
        return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on a Mac


def keep_freed_memory():
    """Has glibc keep what is freed for the next step, instead of giving it back to the system.

    XLA asks for its working memory anew at every step. Given back, each page has to be mapped and
    cleared again, which was a quarter of the time of a step of `small`. Elsewhere, nothing happens.
    """
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, -1)

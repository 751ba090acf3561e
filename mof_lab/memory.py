"""How much memory this process has taken at most. Standard library only."""

from pathlib import Path


def peak_memory():
    """Bytes, counted by the system; 0 where it keeps no such count."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would count what the parent held before the program started
        line = next(x for x in status.read_text(encoding="ascii").splitlines() if "VmHWM" in x)
        return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on a Mac

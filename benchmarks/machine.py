"""What the figures were measured on, and how quiet it was."""

import os
import platform

from mof_lab.doctor import GB
from mof_lab.limits import allowed_cores, allowed_memory
from mof_lab.machine import cpu_name, versions

#: Above it, somebody else computes too: only ratios mean something, and they are less sure.
QUIET_LOAD = 0.3


def facts():
    """Processor, cores, memory, system and versions, as a result file has them."""
    return {
        "cpu": cpu_name(),
        "cores": allowed_cores(),
        "memory_gb": round(allowed_memory() / GB, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions(),
    }


def load():
    """How many programs wanted a core over the last minute; None where that is not known."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def worker_environment():
    """The environment of a worker: no more threads than cores that we may use, as in the lab."""
    cores = str(allowed_cores())
    threads = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    return {
        **os.environ,
        **dict.fromkeys(threads, cores),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "MALLOC_ARENA_MAX": "1",  # as `mof_lab.processes` sets it
    }

"""What this process was given: cores and memory.

TensorFlow, Python and psutil all see the host's inside a container, and a program that believes
them crawls or is killed. Here is read what the container was given: scheduler affinity, cgroup v1
and v2, and the CPU_LIMIT and MEM_LIMIT of JupyterHub and Binder.

By hand: `docker run --cpus 1 -m 2g …` must report 1 core and 2.1 GB.
"""

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

SYSTEM_ROOT = Path("/")


def allowed_cores(root: Path = SYSTEM_ROOT) -> int:
    """Cores this process may use, at least 1; a part of a core counts as one, as in Go and Java."""
    return max(1, math.ceil(core_share(root)))


def allowed_memory(root: Path = SYSTEM_ROOT) -> int:
    """Bytes of memory this process may use: physical, or less where a container was given less."""
    import psutil  # not for those who only ask for cores

    limits = [psutil.virtual_memory().total]
    for folder in _cgroup_folders("memory", root):
        for name in ("memory.max", "memory.limit_in_bytes"):  # cgroup v2, v1
            limits += _numbers(folder / name)
    limits += _environment_number("MEM_LIMIT")
    return int(min(limits))


def core_share(root: Path = SYSTEM_ROOT) -> float:
    """Cores, with their part: 0.5 is half the time of one core."""
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [float(seen)]
    for folder in _cgroup_folders("cpu", root):
        quota = _numbers(folder / "cpu.max")  # v2: "50000 100000", or "max 100000"
        if not quota:  # v1: -1 means no limit
            quota = _numbers(folder / "cpu.cfs_quota_us") + _numbers(folder / "cpu.cfs_period_us")
        if len(quota) == 2 and min(quota) > 0:
            limits.append(quota[0] / quota[1])
    limits += _environment_number("CPU_LIMIT")
    return min(limits)


def _cgroup_folders(controller: str, root: Path) -> Iterator[Path]:
    """Folders whose limits bind us, from our own group up to the top of what is mounted."""
    groups = root / "proc/self/cgroup"
    lines = groups.read_text(encoding="utf-8").splitlines() if groups.exists() else []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # v2 has one tree for all controllers
            top = root / "sys/fs/cgroup"
        elif controller in controllers.split(","):
            mounts = [root / "sys/fs/cgroup" / name for name in (controllers, controller)]
            top = next((mount for mount in mounts if mount.exists()), mounts[0])
        else:
            continue
        folder = top / path.strip("/")
        yield folder
        while folder != top:
            folder = folder.parent
            yield folder


def _numbers(file: Path) -> list[float]:
    """The numbers in a cgroup file; none where it is missing or says "max"."""
    try:
        return [float(word) for word in file.read_text(encoding="utf-8").split()]
    except (OSError, ValueError):
        return []


def _environment_number(name: str) -> list[float]:
    """A positive number such as 1.5, 2147483648 or 2G from the environment, if there is one."""
    match = re.fullmatch(r"([0-9.]+)([KMGT]?)I?B?", os.environ.get(name, "").strip().upper())
    try:
        number = float(match[1]) * 1024 ** " KMGT".index(match[2] or " ")
    except (TypeError, ValueError):
        return []
    return [number] if number > 0 else []


def threads_for_tensorflow():
    """TensorFlow starts a thread for each core it is allowed; set before it is first used."""
    cores = str(allowed_cores())
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, cores)

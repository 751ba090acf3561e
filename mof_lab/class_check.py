"""`lab.py doctor --class`: one line about a machine, for a student to send before the class.

It is the same in every language: names, numbers, OK or FAIL with the failed checks.
"""

import importlib.metadata
import platform
import shutil
from pathlib import Path

from . import doctor, limits, planner, processes
from .errors import LabError

SECONDS = 2.0  # of multiplying


def line(checks=None, rate=None):
    """The line.

    Args:
        checks: the doctor's, done; None = do them.
        rate: operations a second in a matrix product; None = measure it, in a process of its own.
    """
    checks = doctor.run_checks() if checks is None else checks
    failed = [check.name.split(" ")[0] for check in checks if not check.ok]
    if rate is None and any(c.name == "TensorFlow" and not c.ok for c in checks):
        rate = 0.0  # what does not load is not fast
    rate = measured_rate() if rate is None else rate
    share = f" ({', '.join(failed)})" if failed else ""
    return " | ".join(
        (
            f"MoF Lab {_version('mof-lab')}",
            f"Python {platform.python_version()}",
            f"{platform.system()} {platform.machine()}",
            f"CPU {limits.allowed_cores()}",
            f"RAM {limits.allowed_memory() / doctor.GB:.1f} GB",
            f"disk {shutil.disk_usage(Path.cwd()).free / doctor.GB:.0f} GB",
            f"TensorFlow {_version('tensorflow-cpu', 'tensorflow')}",
            f"{rate / 1e9:.0f} GFLOP/s" if rate else "- GFLOP/s",
            f"{'FAIL' if failed else 'OK'} {len(failed)}/{len(checks)}{share}",
        )
    )


def main():
    """Prints the line; 1 where a check failed that stops the lab."""
    checks = doctor.run_checks()
    print(line(checks))
    return int(any(check.blocking and not check.ok for check in checks))


def measured_rate():
    """Operations a second in a matrix product; 0 where it can't be measured."""
    try:
        return processes.call(_rate)[0]
    except LabError:
        return 0.0


def _rate(send):
    return planner.product_rate(SECONDS)


def _version(*names):
    """Of the first of these packages that is installed."""
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "-"

"""All tests: first those without a browser, as many files at a time as there are cores; then the
browser's, which measure how long things take, alone.

    python tools/run_tests.py [--slow] [PYTEST'S OPTIONS]     # with a path: only what it names
"""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BROWSER = "tests/browser"
PARTS = (
    ["--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile", f"--ignore={BROWSER}"],
    [BROWSER, "-rs"],  # what no browser or kernel was there for is named at the end
)
NOTHING_SELECTED = 5  # pytest's code where, say, -k leaves no test of a part


def main(arguments):
    """Runs pytest; returns its exit code, of two parts the first that is not good."""
    paths = [a for a in arguments if (PROJECT / a.split("::")[0]).exists()]
    codes = [run(*arguments)] if paths else [run(*part, *arguments) for part in PARTS]
    failed = [code for code in codes if code not in (0, NOTHING_SELECTED)]
    return failed[0] if failed else min(codes)


def run(*options):
    """One call of pytest, in the project's folder."""
    return subprocess.call([sys.executable, "-m", "pytest", *options], cwd=PROJECT)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

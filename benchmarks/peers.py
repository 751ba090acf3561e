"""The peers' environments: made on first use in `.venv-bench/NAME`, remembered by a stamp.

PyPI's Linux package of PyTorch brings CUDA libraries along, several GB that no figure needs; a
smaller CPU package is taken where pip or uv are told of one.
"""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

import lab
from mof_lab.folders import PROJECT

from . import machine
from .worker import Worker, WorkerError

FOLDER = PROJECT / ".venv-bench"
THIS_PYTHON = lab.python_version()


#: For a Python whose environment has none of the lab's packages: arguments are names of packages.
VERSIONS = """
import json, platform, sys
from importlib import metadata

found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass  # for another system
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Peer:
    """A program that people would use instead."""

    requirements: tuple[str, ...]
    python: str  # the version that has packages for all of them


PEERS = {
    "published": Peer(
        (
            "xiaothink==1.5.1",
            "tensorflow-cpu==2.15.*; sys_platform != 'darwin'",
            "tensorflow==2.15.*; sys_platform == 'darwin'",
        ),
        "3.11",
    ),
    "pytorch": Peer(("torch==2.13.0", "numpy"), THIS_PYTHON),
}


def python_of(name, tell):
    """The Python of a peer's environment, made now if it is missing.

    Args:
        tell: called with a sentence.
    """
    peer, folder = PEERS[name], FOLDER / name
    python, stamp = lab.environment_python(folder), folder / lab.STAMP
    wanted = f"{' '.join(peer.requirements)} Python {peer.python}\n"
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    tell(f"Making the environment of the peer {name} in {folder.relative_to(PROJECT)}, once.")
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    try:
        if uv:
            make = [uv, "venv", "--quiet", "--python", peer.python]
            install = [uv, "pip", "install", "--python", str(python)]
        else:
            make = [_interpreter(peer.python), "-m", "venv"]
            install = [str(python), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
        lab.run_step(f"making a Python {peer.python} of its own", [*make, str(folder)])
        lab.run_step(f"installing {peer.requirements[0]}", [*install, *peer.requirements])
    except SystemExit as ending:
        if ending.code != 1:  # stopped by the user
            raise
        raise WorkerError(f"the environment of {name} could not be made") from None
    stamp.write_text(wanted, encoding="utf-8")
    return python


def versions(name):
    """Of Python and of the packages that a peer's environment was made of; {} if there is none."""
    python = lab.environment_python(FOLDER / name)
    packages = [re.match(r"[\w.-]+", one).group() for one in PEERS[name].requirements]
    try:
        done = subprocess.run([python, "-c", VERSIONS, *packages], capture_output=True, check=True)
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return {}


def _interpreter(version):
    """A Python of that version: this one, or one on PATH."""
    if version == THIS_PYTHON:
        return sys.executable
    found = shutil.which(f"python{version}")
    if not found or not lab.is_python(version, [found]):
        raise WorkerError(f"it needs Python {version}: install it, or uv, which brings its own")
    return found


def ours(module, name="ours"):
    """A worker in the lab's own environment; `module` is one of `benchmarks.workers`."""
    return _start(sys.executable, module, name, machine.worker_environment())


def peer(name, module, tell):
    """A worker in a peer's environment."""
    environment = machine.worker_environment()
    environment.pop("PYTHONPATH", None)  # what it names is for the lab's Python
    return _start(python_of(name, tell), module, name, environment)


def _start(python, module, name, environment):
    return Worker(name, [str(python), "-m", f"benchmarks.workers.{module}"], environment)

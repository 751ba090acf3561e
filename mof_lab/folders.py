"""Where the lab keeps what it makes and what it ships, and how long a notebook may take."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def runs_folder():
    """The folder of all runs: MOF_LAB_RUNS (`~` is the user's home), or `runs/` of the project."""
    return Path(os.environ.get("MOF_LAB_RUNS") or PROJECT / "runs").expanduser()


def cache_folder():
    """Where downloads are kept: MOF_LAB_CACHE, or `.cache/` of the project."""
    return Path(os.environ.get("MOF_LAB_CACHE") or PROJECT / ".cache").expanduser()


def shipped(name="small"):
    """The folder of a checkpoint that comes with the project: the one to talk with, or `tiny`."""
    return PROJECT / "checkpoints" / name


def fast():
    """Are notebooks asked to shorten their training (MOF_LAB_FAST=1), as the tests do?"""
    return os.environ.get("MOF_LAB_FAST") == "1"

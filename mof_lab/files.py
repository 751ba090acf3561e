"""Files that are whole or absent, and folders that one program at a time works in."""

import contextlib
import os
import reprlib
import time
from pathlib import Path

import filelock

from .errors import LabError

#: Windows replaces no file while anyone, perhaps a virus scanner, has it open: ask again.
REPLACE_TRIES = 10 if os.name == "nt" else 1
REPLACE_SECONDS = 0.1  # between two tries


def path_of(given, what):
    """A path that somebody gave; of a value that can be none, one sentence."""
    try:
        path = Path(given)
        path.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return path  # who opens it says so
    except (TypeError, ValueError, OSError):
        raise LabError(
            f"The {what} is given as {reprlib.repr(given)}; expected a path that this system takes."
        ) from None
    return path


def write_atomically(path, content):
    """Replaces the file `path` by `content` (bytes), on disk before it gets its name."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def replace(part, path):
    """Gives the file `part` the name `path`, in one operation; or a folder, where there is none."""
    for _ in range(REPLACE_TRIES - 1):
        try:
            os.replace(part, path)
            break
        except PermissionError:
            time.sleep(REPLACE_SECONDS)
    else:
        os.replace(part, path)
    _settle(Path(path).parent)


def _settle(directory):
    """Brings new names in a folder to the disk: else a power cut may keep the later ones alone."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        folder = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def locked(path, busy, wait=0.0):
    """Holds a lock while the block runs; the system lets go of it however the process ends.

    Args:
        path: of the lock file, which stays; its folder is made.
        busy: what the `LabError` says when somebody else holds it.
        wait: seconds to wait for that one to end.
    """
    path = Path(path)
    # One thread may begin what another one ends: a generator is closed wherever it is forgotten.
    lock = filelock.FileLock(path, timeout=wait, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        raise LabError(busy) from None
    except OSError as error:
        raise LabError(
            f"Nothing can be written in {path.parent} ({error.strerror or error}); "
            "free some space or choose another folder."
        ) from None
    try:
        yield
    finally:
        lock.release()

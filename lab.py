#!/usr/bin/env python3
"""The door to MoF Lab: makes the lab's environment on first use, then does what you ask.

Standard library only, and readable for Python 3.7: an old Python gets a sentence that it can act
on, not a syntax error. What is installed is remembered in `.venv/mof-lab-setup.txt`; to start
afresh, delete `.venv`. By hand, the same is:

    python3.11 -m venv .venv && .venv/bin/pip install -c constraints.txt -e .[cpu,lab,site,test]
"""

import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent
SUPPORTED = ("3.11", "3.12")
PACKAGES = ["-c", "constraints.txt", "-e", ".[cpu,lab,site,test]"]
STAMP = "mof-lab-setup.txt"  # inside the environment: what it was made from
FIRST, FIRST_ZH = "notebooks/00_start.ipynb", "notebooks/zh/00_start.ipynb"
UNFINISHED = "unfinished"  # the stamp of an environment whose making was interrupted
REPORT_EVERY = 10  # seconds between two lines of progress

USAGE = """\
usage: python3 lab.py COMMAND [ARGUMENTS]

  run                the whole path from text to a first chat
  open               the notebooks, in JupyterLab; --zh opens the Chinese ones 打开中文版
  test               the tests; --slow adds the slow ones, the rest goes to pytest
  notebooks [NAME]   execute the notebooks from top to bottom (--fast: only check them)
  site [FOLDER]      notebooks and texts as pages that work without a network
  bench SUITE        train, decode, context, memory or quality, beside what others use
  bundle [FILE]      one archive from which the lab starts where there is no network
  doctor             does this machine have what the lab needs? --class: in one line

The first use makes an environment in .venv, or in the folder that MOF_LAB_VENV names."""

# What pip or uv says when it fails, and what helps.
REMEDIES = (
    (
        r"No space left|Disk quota|not enough space",
        "The disk is full: the environment needs 2.5 GB.",
    ),
    (
        r"ensurepip|python3-venv",
        "This Python lacks its venv module: install python3-venv (Debian, Ubuntu), or install uv.",
    ),
    (
        r"name resolution|getaddrinfo|Failed to establish a new connection|ConnectTimeout"
        r"|Read timed out|Failed to fetch|error sending request",
        "The package index was not reached. Check the network; where a mirror is nearer, name it in"
        " PIP_INDEX_URL. What was downloaded is kept, so the next start is shorter.",
    ),
    (
        r"No matching distribution found for tensorflow|tensorflow\S* has no wheels",
        "There is no package for this machine: the lab needs a 64-bit Python on Linux, Windows, or"
        " a Mac with an Apple chip.",
    ),
)


def main(arguments):
    command, rest = (arguments[0] if arguments else ""), arguments[1:]
    if command in ("", "help", "-h", "--help"):
        print(USAGE)
        return 0
    starts = {
        "run": ["-m", "mof_lab.cli", "run"],
        "open": ["-m", "jupyterlab", "--ServerApp.root_dir=.", FIRST],
        "test": ["tools/run_tests.py"],
        "notebooks": ["tools/execute_notebooks.py"],
        "site": [str(ROOT / "tools" / "site.py")],
        "bench": ["-m", "benchmarks"],
        "bundle": [str(ROOT / "tools" / "bundle.py")],
        "doctor": ["-m", "mof_lab.cli", "doctor"],
    }
    if command not in starts:
        print(f"lab.py has no command {command!r}.\n\n{USAGE}", file=sys.stderr)
        return 2
    require_python(arguments)
    python = prepare_environment()
    if command == "open":
        trust_notebooks(python)
        if "--zh" in rest:
            rest.remove("--zh")
            starts["open"][-1] = FIRST_ZH
    # These see files from where you are; the others, from the project.
    folder = Path.cwd() if command in ("run", "bundle", "site", "doctor") else ROOT
    return hand_over([str(python)] + starts[command] + rest, folder)


def trust_notebooks(python):
    """Else JupyterLab shows no figure before its cell is run. What fails here costs only that."""
    notebooks = sorted(str(path) for path in (ROOT / "notebooks").rglob("*.ipynb"))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.call([str(python), "-m", "jupyter", "trust", *notebooks], **quiet)


# ---- a bundle -----------------------------------------------------------------------------------


def made_for():
    """[Python version, system, machine] of the wheels beside the project; [] without any."""
    note = ROOT / "wheels" / "made_for.txt"
    return note.read_text(encoding="utf-8").split() if note.exists() else []


def this_machine():
    return [python_version(), platform.system(), platform.machine()]


def offline():
    """Options for pip that keep it from the network where there are wheels beside the project."""
    if not made_for():
        return []
    if made_for() != this_machine():
        give_up(
            "The wheels in this bundle are for Python {} on {} {}; this is Python {} on {} {}. "
            "Make a bundle on a machine like this one, or delete the folder wheels to install "
            "from the network.".format(*made_for(), *this_machine())
        )
    return ["--no-index", "--find-links", str(ROOT / "wheels")]


# ---- the right Python ---------------------------------------------------------------------------


def python_version():
    return "{}.{}".format(*sys.version_info)


def require_python(arguments):
    """Go on under a supported Python; without one, say what to install and end with code 2."""
    supported = made_for()[:1] or SUPPORTED
    if python_version() in supported:
        return
    for version in supported:
        launchers = [[f"python{version}"]]
        if os.name == "nt":
            launchers.insert(0, ["py", f"-{version}"])
        for name, *options in launchers:
            python = [shutil.which(name) or "", *options]
            if python[0] and is_python(version, python):
                sys.exit(hand_over(python + [str(ROOT / "lab.py")] + arguments, Path.cwd()))
    print(
        f"MoF Lab needs Python {' or '.join(supported)} and this is {python_version()}: install "
        f"one (from python.org, with `uv python install {supported[0]}`, or as "
        f"python{supported[0]} of your system's packages) and run this again.",
        file=sys.stderr,
    )
    sys.exit(2)


def is_python(version, command):
    """A name on PATH promises little: a version manager's may only print that it has none."""
    check = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.call(command + ["-c", check], **quiet) == 0


# ---- the environment ----------------------------------------------------------------------------


def environment_folder():
    return Path(os.environ.get("MOF_LAB_VENV") or ROOT / ".venv").expanduser().resolve()


def environment_python(folder):
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint():
    """What the environment depends on: the two files, where they lie, and the Python version."""
    digest = hashlib.sha256(str(ROOT).encode("utf-8"))
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return f"{digest.hexdigest()} Python {python_version()}"


def read_stamp(folder):
    stamp = folder / STAMP
    return stamp.read_text(encoding="utf-8").strip() if stamp.exists() else ""


def prepare_environment():
    """Return the environment's Python; make, mend or update the environment where it needs it."""
    folder = environment_folder()
    python = environment_python(folder)
    wanted, made_from = fingerprint(), read_stamp(folder)
    if made_from == wanted and python.exists():
        return python

    started = time.time()
    options = offline()
    uv = None if options else shutil.which("uv")  # pip comes with Python, uv would fetch it
    if can_be_updated(folder, made_from):
        say(f"Updating the environment in {folder} to what the project asks for now.")
        if made_from:
            (folder / STAMP).unlink()  # it has none until it is up to date again
    else:
        if made_from == UNFINISHED:
            say(f"The environment in {folder} was not finished: making it anew.")
        elif made_from:
            say(f"The environment in {folder} is of another Python: making it anew.")
        elif folder.exists() and any(folder.iterdir()):
            give_up(
                f"{folder} holds something that lab.py did not make: move it away, or name "
                "another folder in MOF_LAB_VENV."
            )
        tool, duration = ("uv", "half a minute") if uv else ("pip", "two minutes")
        line = "from the wheels of the bundle" if options else "on a good line"
        say(f"Making the lab's environment in {folder} with {tool}.")
        say(f"This happens once: about {duration} {line}, and 2.5 GB of disk.")
        make_environment(folder, uv)
    install_packages(python, uv, options)
    (folder / STAMP).write_text(wanted + "\n", encoding="utf-8")
    say(f"The environment is ready, after {time.time() - started:.0f} s.")
    return python


def can_be_updated(folder, made_from):
    """A whole environment of this Python can, be it lab.py's or one that somebody made by hand."""
    if not environment_python(folder).exists() or not (folder / "pyvenv.cfg").exists():
        return False
    return not made_from or made_from.endswith(f"Python {python_version()}")


def make_environment(folder, uv):
    try:
        if folder.exists():
            shutil.rmtree(str(folder))
        folder.mkdir(parents=True)
        (folder / STAMP).write_text(UNFINISHED + "\n", encoding="utf-8")
    except OSError as error:
        give_up(f"{folder} cannot be made anew ({error}): close the programs that use it.")
    if uv:
        command = [uv, "venv", "--quiet", "--seed", "--allow-existing", "--python", sys.executable]
    else:
        command = [sys.executable, "-m", "venv"]
    run_step(f"making a Python {python_version()} of its own", command + [str(folder)])


def install_packages(python, uv, options):
    if uv:
        command = [uv, "pip", "install", "--compile-bytecode", "--python", str(python)]
    else:
        command = [str(python), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
        command.append("--disable-pip-version-check")
    words = "installing about 150 packages, TensorFlow the largest"
    run_step(words, command + options + PACKAGES)


def run_step(words, command):
    """Run one command of the set-up in the project's folder; tell how it goes, in words."""
    say("- " + words)
    started = time.time()
    environment = dict(os.environ, PYTHONUTF8="1")
    if environment.get("PIP_INDEX_URL"):  # uv does not read pip's name for a mirror
        environment.setdefault("UV_DEFAULT_INDEX", environment["PIP_INDEX_URL"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the child too, below
    child = subprocess.Popen(
        command,
        cwd=str(ROOT),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, now = deque(maxlen=1000), [""]

    def follow():
        for raw in child.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            said.append(line)
            now[0] = in_words(line) or now[0]

    reader = threading.Thread(target=follow, daemon=True)
    reader.start()
    try:
        while reader.is_alive():
            reader.join(REPORT_EVERY)
            if reader.is_alive():
                say(f"  {time.time() - started:3.0f} s  {now[0]}")
        code = child.wait()
    except KeyboardInterrupt:
        say("\nStopped. The next start begins anew; what was downloaded is kept.")
        sys.exit(130)
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()
    if code:
        matches = (advice for pattern, advice in REMEDIES if re.search(pattern, "\n".join(said)))
        last_lines = "\n    ".join(list(said)[-12:])
        give_up(
            f"The set-up failed while {words} (exit code {code}). The last lines:\n\n"
            f"    {last_lines}\n\n{next(matches, '')}"
        )


def in_words(line):
    """What pip or uv is doing, from a line it prints; "" where the line says nothing about it."""
    verb, _, rest = line.strip().partition(" ")
    if verb in ("Collecting", "Downloading") and rest:
        package = re.split(r"-\d|[^\w.-]", rest)[0]
        return f"{'choosing a version of' if verb == 'Collecting' else 'downloading'} {package}"
    return {"Building": "building", "Installing": "unpacking", "Prepared": "unpacking"}.get(
        verb, ""
    )


# ---- the child ----------------------------------------------------------------------------------


def hand_over(command, folder):
    """Become `command` in `folder`: Ctrl-C, signals and the exit code are its own."""
    sys.stdout.flush()
    programs = os.path.dirname(command[0])
    path = programs + os.pathsep + os.environ.get("PATH", "")
    environment = dict(os.environ, PYTHONUTF8="1", PATH=path)
    if os.name == "posix":
        os.chdir(str(folder))
        os.execve(command[0], command, environment)
    # Windows cannot replace a process. The child gets Ctrl-C too, and decides what it means.
    child = subprocess.Popen(command, cwd=str(folder), env=environment)
    signal.signal(signal.SIGINT, lambda *_: None)
    return child.wait()


def say(words):
    print(words, flush=True)


def give_up(sentence):
    print(sentence.rstrip(), file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):  # a console may lack the letters of a folder's name
        sys.stdout.reconfigure(errors="replace")
        sys.stderr.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))

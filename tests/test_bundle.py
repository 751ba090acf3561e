"""The archive of a workshop without a network: what is in it, and that the lab starts from it."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tool():
    return load(ROOT / "tools" / "bundle.py")


@pytest.fixture
def lab(tmp_path):
    """lab.py in a small project, its pip a stub that writes wheels."""
    project = tmp_path / "project"
    for name in ("data/core", ".git", ".venv/bin", "runs/tiny", "mine", "notebooks/__pycache__"):
        (project / name).mkdir(parents=True)
    for name in ("lab.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, project)
    for name in ("data/core/故事.txt", ".git/HEAD", "runs/tiny/a", "mine/pyvenv.cfg", "old.zip"):
        (project / name).write_text(name, encoding="utf-8")
    (project / ".gitignore").touch()
    module = load(project / "lab.py")
    module.steps = []

    def pip(words, command):
        module.steps.append(command)
        folder = Path(command[command.index("--wheel-dir") + 1])
        for name in ("numpy-2.0-py3-none-any.whl", "mof_lab-0.1.0-py3-none-any.whl"):
            (folder / name).write_bytes(b"wheel")

    module.run_step = pip
    return module


def test_the_archive_has_the_project_and_the_wheels_and_nothing_of_the_machine(
    tool, lab, tmp_path, capsys
):
    target = tmp_path / "class.zip"
    assert tool.main([str(target)], lab) == 0
    names = set(zipfile.ZipFile(target).namelist())
    assert names == {
        f"mof-lab/{name}"
        for name in (
            "lab.py",
            "pyproject.toml",
            "constraints.txt",
            ".gitignore",
            "data/core/故事.txt",
            "wheels/numpy-2.0-py3-none-any.whl",
            "wheels/made_for.txt",
        )
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["class.zip", "project"]
    said = capsys.readouterr().out
    assert "ready: 0 MB" in said and "python3.1" in said
    packages, build = lab.steps
    assert packages[-3:] == ["-c", "constraints.txt", ".[cpu,lab,site,test]"]
    assert "hatchling" in build


def test_lab_installs_from_the_wheels_beside_it_and_from_nothing_else(tool, lab, tmp_path):
    tool.main([str(tmp_path / "class.zip")], lab)
    zipfile.ZipFile(tmp_path / "class.zip").extractall(tmp_path / "there")
    there = load(tmp_path / "there" / "mof-lab" / "lab.py")
    steps = []

    def pretend(words, command):
        steps.append(command)
        there.environment_python(there.ROOT / ".venv").parent.mkdir(exist_ok=True)

    there.run_step = pretend
    there.prepare_environment()
    make, install = steps
    wheels = str(there.ROOT / "wheels")
    assert make[:3] == [sys.executable, "-m", "venv"]  # uv would fetch what pip brings along
    assert install[-7:-4] == ["--no-index", "--find-links", wheels]
    bundled = tool.project_files(there.ROOT)  # a bundle of a bundle takes the same wheels anew
    assert not any("wheels" in file.parts for file in bundled)


def test_wheels_for_another_machine_are_refused(lab, capsys):
    (lab.ROOT / "wheels").mkdir()
    note = lab.ROOT / "wheels" / "made_for.txt"
    note.write_text(f"{lab.python_version()}\nDarwin\nppc\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        lab.prepare_environment()
    said = capsys.readouterr().err
    assert "on Darwin ppc; this is Python" in said and said.count("\n") == 1
    assert not (lab.ROOT / ".venv" / lab.STAMP).exists()


def test_a_bundle_wants_the_python_it_was_made_with(lab, monkeypatch, capsys):
    (lab.ROOT / "wheels").mkdir()
    (lab.ROOT / "wheels" / "made_for.txt").write_text("3.12\nLinux\nx\n", encoding="utf-8")
    monkeypatch.setattr(lab, "python_version", lambda: "3.11")
    monkeypatch.setattr(lab.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit) as ending:
        lab.require_python(["open"])
    assert ending.value.code == 2
    assert "needs Python 3.12 and this is 3.11" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, OSError(28, "No space left")])
def test_a_bundle_that_was_stopped_leaves_nothing(tool, lab, tmp_path, monkeypatch, ending):
    target = tmp_path / "class.zip"
    target.write_bytes(b"the one before")

    def write(self, *_):
        raise ending

    monkeypatch.setattr(zipfile.ZipFile, "write", write)
    try:
        code = tool.main([str(target)], lab)
    except SystemExit as left:
        code = left.code
    assert code != 0
    assert target.read_bytes() == b"the one before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["class.zip", "project"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.zip", "b.zip"], "usage"),
        (["--help"], "usage"),
        (["class.tar"], "ends in .zip"),
        (["nowhere/class.zip"], "no folder"),
    ],
)
def test_a_bad_name_is_said(tool, lab, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        tool.main(arguments, lab)
    assert said in capsys.readouterr().err
    assert lab.steps == []


#: Starts a command in a network that has this machine's loopback and nothing else.
LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:  # SIOCSIFFLAGS: lo is up and running; a kernel talks over it
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x41))
os.execvp(sys.argv[1], sys.argv[1:])
"""


def without_network():
    """What stands before a command that must reach nothing; [] where this machine can't."""
    shut = ["unshare", "-rn", sys.executable, "-c", LOOPBACK]
    try:
        works = subprocess.run([*shut, "true"], capture_output=True).returncode == 0
    except OSError:
        works = False
    return shut if works else []


def test_without_a_network_only_this_machine_is_reached():
    if not (shut := without_network()):
        pytest.skip("unshare -rn does not work here")
    ask = """
import socket
with socket.create_server(("127.0.0.1", 0)) as here:
    socket.create_connection(here.getsockname(), 5).close()
try:
    socket.create_connection(("192.0.2.1", 80), 5)
except OSError as error:
    print(error.strerror)
"""
    told = subprocess.run([*shut, sys.executable, "-c", ask], capture_output=True, text=True)
    assert told.stdout == "Network is unreachable\n", told.stderr


@pytest.mark.slow
def test_the_lab_starts_from_a_bundle_with_no_network(tmp_path):
    """Minutes: about 150 packages are collected, packed, unpacked and installed.

    Where no network of its own can be had, the index is a dead address. The last line that it
    prints is what docs/instructor.md says of the bundle: run it with `-s`.
    """
    target = tmp_path / "class.zip"
    program = [sys.executable, str(ROOT / "tools" / "bundle.py"), str(target)]
    subprocess.run(program, check=True, cwd=tmp_path)
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "MOF_LAB_"))}
    environment = {
        **kept,
        "PATH": "/usr/bin:/bin" if os.name == "posix" else os.environ["PATH"],
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_NO_CACHE_DIR": "1",
    }
    environment.pop("PYTHONPATH", None)
    base = Path(sys.base_prefix) / ("python.exe" if os.name == "nt" else "bin/python3")
    python, shut = str(base) if base.exists() else sys.executable, without_network()
    folder = tmp_path / "mof-lab"
    programs = folder / ".venv" / ("Scripts" if os.name == "nt" else "bin")

    def run(*command, said=None):
        """What it prints, and the seconds that it took."""
        started = time.monotonic()
        told = subprocess.run(
            [*shut, *map(str, command)],
            cwd=folder,
            env=environment,
            input=said,
            capture_output=True,
            encoding="utf-8",
        )
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout, time.monotonic() - started

    told, installing = run(python, "lab.py", "doctor", "--class")
    line = told.splitlines()[-1]
    assert "TensorFlow 2" in line and "TensorFlow)" not in line
    assert (folder / ".venv" / "mof-lab-setup.txt").exists()
    answer, _ = run(programs / "mof-lab", "chat", said="你好\n")
    assert re.search(r"[\u4e00-\u9fff]{2}", answer), answer
    _, executing = run(programs / "python", "tools/execute_notebooks.py", "--fast", "00")
    print(
        f"\nbundle of {date.today()}: {target.stat().st_size / 1e6:,.0f} MB; installed and checked "
        f"in {installing:.0f} s, notebook 00 in {executing:.0f} s, "
        f"{'without a network' if shut else 'without an index'}"
    )

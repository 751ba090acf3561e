"""The archive of a workshop without a network: what is in it, and that the lab starts from it."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
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


@pytest.mark.slow
def test_the_lab_starts_from_a_bundle_with_no_index(tmp_path):
    """Minutes: about 150 packages are collected, packed, unpacked and installed."""
    target = tmp_path / "class.zip"
    program = [sys.executable, str(ROOT / "tools" / "bundle.py"), str(target)]
    subprocess.run(program, check=True, cwd=tmp_path)
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path)
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_", "MOF_LAB_"))]:
        del os.environ[name]
    environment = {
        **os.environ,
        "PATH": "/usr/bin:/bin" if os.name == "posix" else os.environ["PATH"],
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_NO_CACHE_DIR": "1",
    }
    environment.pop("PYTHONPATH", None)
    base = Path(sys.base_prefix) / ("python.exe" if os.name == "nt" else "bin/python3")
    python = str(base) if base.exists() else sys.executable
    told = subprocess.run(
        [python, "lab.py", "doctor", "--class"],
        cwd=tmp_path / "mof-lab",
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert told.returncode == 0, told.stdout + told.stderr
    line = told.stdout.splitlines()[-1]
    assert "TensorFlow 2" in line and "TensorFlow)" not in line
    assert (tmp_path / "mof-lab" / ".venv" / "mof-lab-setup.txt").exists()

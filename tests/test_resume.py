"""Nothing is lost: runs and saves that are killed, two runs in one folder, full and read-only
disks, clocks that jump."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import killed
import numpy as np
import pytest
import tensorflow as tf

from mof_lab import checkpoint, files, pipeline, processes, training
from mof_lab.corpus import Corpus
from mof_lab.errors import LabError
from mof_lab.model import MoF
from mof_lab.recording import Recording
from mof_lab.training import Trainer
from mof_lab.vocabulary import Vocabulary

HERE = Path(__file__).parent
SECONDS = 1800  # what takes longer has hung
CLOCK = ("seconds", "peak_memory")


def mounted(place, *options):
    """A file system in memory at a folder, where the machine lets us mount one."""
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a file system")


@pytest.fixture
def eagerly():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def make(config, vocabulary, packs, preset):
    """Makes a trainer with a model of its own."""

    def make(folder, **changes):
        stage = replace(preset.stage("gru"), **changes)
        options = {"report_seconds": 0}
        return Trainer(MoF(config), vocabulary, packs, preset, stage, folder, **options)

    return make


# ---- killed while it runs


def end_of(folder):
    """What a run left: for each stage its arrays by checksum, and its record without the clock."""
    found = {}
    for path in sorted(Path(folder).glob("*/meta.json")):
        meta = checkpoint.read_meta(path.parent)
        record = {k: v for k, v in meta["record"].items() if k not in CLOCK}
        record["curve"] = [[step, loss, bits] for step, _, loss, bits in record["curve"]]
        arrays = {part: entry["sha256"] for part, entry in meta["files"].items()}
        for entry in meta["files"].values():
            assert (path.parent / entry["file"]).exists()
        found[path.parent.name] = arrays, record
    return found


def started(folder, how):
    command = [sys.executable, str(HERE / "killed.py"), str(folder), how]
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def kill_at(folder, how, where, later):
    """Starts the run and kills it so many seconds after it has come to a place; it must live yet.

    Where that place is a step, it has been saved, so the next run goes on from a checkpoint.
    """
    process = started(folder, how)
    for line in process.stdout:
        if tuple(map(int, line.split())) >= where:
            break
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(later)
    process.kill()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    number, step = where
    stage = killed.preset(how).stages[number].name
    assert step == 0 or checkpoint.read_meta(folder / stage)["step"] >= step


def kills(how, count, seed):
    """Places of a run in their order, spread over it, and how long after each it is killed.

    In each stage once after a step: the last one at once, compiled it is over in no time.
    """
    rng = random.Random(seed)
    steps = [stage.steps for stage in killed.preset(how).stages]
    within = [(n, rng.randrange(1, most)) for n, most in enumerate(steps[:-1])]
    places = [(-1, 0), *((n, step) for n, most in enumerate(steps[:-1]) for step in range(most))]
    places = sorted(within + rng.choices(places, k=count - 1 - len(within)))
    laters = [rng.choice([0.003, 0.03, 0.3]) * rng.random() for _ in places]
    return [*zip(places, laters, strict=True), ((len(steps) - 1, 1), 0)]


def ends_alike(folder, how, kills):
    killed.run(folder / "whole", how, lambda *where: None)
    for where, later in kills:
        kill_at(folder / "killed", how, where, later)
    last = started(folder / "killed", how)
    told, _ = last.communicate(timeout=SECONDS)
    assert last.returncode == 0
    again = {tuple(map(int, line.split())) for line in told.splitlines()}
    assert not again & {where for where, _ in kills if where[1]}  # what was saved is not redone
    whole = end_of(folder / "whole")
    assert list(whole["chat"][0]) == ["model", "optimizer"]
    assert len(whole) == 5 and end_of(folder / "killed") == whole


@pytest.fixture
def often():
    """killed.py saves after every step."""
    before = training.SAVE_EVERY_SECONDS
    yield
    training.SAVE_EVERY_SECONDS = before


def test_four_kills_change_nothing(eagerly, often, tmp_path):
    """Before there is a trainer, in two stages after a step, and in the last one at once."""
    kills = [((-1, 0), 0.05), ((0, 1), 0.01), ((3, 1), 0.01), ((4, 1), 0)]
    ends_alike(tmp_path, "eager", kills)


@pytest.mark.slow
def test_twenty_kills_change_nothing(often, tmp_path):
    """Of the compiled step, as it trains in earnest."""
    ends_alike(tmp_path, "compiled", kills("compiled", 20, seed=1))


def test_a_stage_ends_with_the_run_that_started_it(tmp_path):
    """Nobody can stop the process of a killed parent: it must end by itself."""
    child = "import os, time\ndef lingers(send):\n    send(os.getpid())\n    time.sleep(600)\n"
    (tmp_path / "test_resume_child.py").write_text(child, encoding="utf-8")
    (tmp_path / "parent.py").write_text(
        "import test_resume_child\nfrom mof_lab import processes\n"
        "if __name__ == '__main__':\n"
        "    processes.call(test_resume_child.lingers, show=lambda p: print(p, flush=True))\n",
        encoding="utf-8",
    )
    path = os.pathsep.join([str(tmp_path), str(HERE.parent)])
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py")],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    child = processes.psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.stdout.close()
    parent.wait()
    child.wait(30)  # an error if it takes longer


# ---- killed while it saves

SAVING = '''
import io, os, pathlib, signal, sys
import numpy as np
from types import SimpleNamespace
from mof_lab import checkpoint
from mof_lab.configuration import ModelConfig
from mof_lab.vocabulary import Vocabulary

folder, words = pathlib.Path(sys.argv[1]), Vocabulary("一二三四")
config = ModelConfig(vocabulary_size=len(words))

def save(value):
    array = np.full(5000, value, np.float32)
    variables = [SimpleNamespace(path="w", numpy=lambda: array)]
    kept = SimpleNamespace(variables=variables, config=config)
    checkpoint.save(folder, kept, words, {"step": 7, "value": value}, kept)

def found():
    meta = checkpoint.read_meta(folder)
    parts = [checkpoint.read_arrays(folder, meta, part)["w"] for part in meta["files"]]
    assert all((array == meta["value"]).all() for array in parts), "torn"
    return meta["value"]

class Torn:
    """A file of which half is written when the process ends."""
    def __init__(self, file): self.file = file
    def write(self, content):
        at = len(content) // 2
        self.file.write(content[:at]); self.file.flush(); point()
        self.file.write(content[at:]); point()
    def __getattr__(self, name): return getattr(self.file, name)
    def __enter__(self): return self
    def __exit__(self, *_): self.file.close(); point()

left = 0
def point():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

def watch(module, name):
    real = getattr(module, name)
    def watched(*arguments, **options):
        point()
        done = real(*arguments, **options)
        point()
        return done
    setattr(module, name, watched)

save(0.0)
seen, killed, moment = [0.0], 0, 0
while True:
    pid = os.fork()
    if pid == 0:
        left = moment
        for name in ("fsync", "replace", "unlink", "mkdir"):
            watch(os, name)
        opened = pathlib.Path.open
        pathlib.Path.open = lambda path, mode="r", *a, **o: (
            Torn(opened(path, mode, *a, **o)) if "w" in mode else opened(path, mode, *a, **o))
        save(moment + 1.0)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    value = found()
    assert value in (seen[-1], moment + 1.0), value
    seen.append(value)
    if code == 0:
        break
    assert code == -signal.SIGKILL, code
    killed, moment = killed + 1, moment + 1
assert value == moment + 1.0
save(-1.0)
rest = sorted(p.name.split("-")[0] for p in folder.iterdir())
assert found() == -1.0 and rest == ["meta.json", "model", "optimizer"], rest
print(killed, len(set(seen)))
'''


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_every_file_operation_of_a_save(tmp_path):
    """Each time one of the two checkpoints is there, whole, and the next save cleans up."""
    done = subprocess.run(
        [sys.executable, "-c", SAVING, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    killed_times, values = map(int, done.stdout.split())
    assert killed_times > 20 and values > 2  # some of them came after meta.json was replaced
    promises = (HERE.parent / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert f"rename, removal: {killed_times} places" in promises


# ---- two in one folder


def test_two_trainings_in_one_folder(eagerly, make, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "LOCK_SECONDS", 0.0)
    first, second = make(tmp_path), make(tmp_path)
    loop = iter(first)
    next(loop)
    with pytest.raises(LabError, match=r"Stage gru in .* is being trained already") as caught:
        second.run()
    assert "\n" not in str(caught.value)
    loop.close()  # and saves
    before = (tmp_path / "meta.json").read_bytes()
    with pytest.raises(LabError, match="trained on elsewhere meanwhile"):
        second.run()  # from its own step 0 it would go back
    assert (tmp_path / "meta.json").read_bytes() == before
    assert make(tmp_path).run().done


def test_a_killed_training_leaves_no_lock(tmp_path):
    code = (
        "import os, sys\nfrom mof_lab.files import locked\n"
        "with locked(sys.argv[1], 'busy'):\n    os.kill(os.getpid(), 9)\n"
    )
    path = tmp_path / ".lock"
    assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode == -9
    with files.locked(path, "busy"):
        taken = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True
        )
    assert taken.returncode == 1 and "LabError: busy" in taken.stderr


def test_two_runs_in_one_folder(tmp_path, monkeypatch):
    """Said at once, before the text is read."""
    monkeypatch.setattr(pipeline.processes, "call", lambda *_, **__: pytest.fail("began"))
    with (
        files.locked(tmp_path / ".running", "busy"),
        pytest.raises(LabError, match="is being run by another program.*--out") as caught,
    ):
        pipeline.run("tiny", tmp_path)
    assert "\n" not in str(caught.value)


# ---- disks


def writers(session, vocabulary, preset, rows, folder):
    """Everything that writes, by name."""
    recording = Recording("gru", "toy", ["gru"], 3)
    model = session.decoder.model
    return {
        "checkpoint": lambda: checkpoint.save(folder, model, vocabulary, {"step": 1}),
        "transcript": lambda: session.save(folder / "talk.json"),
        "recording": lambda: recording.save(folder),
        "run": lambda: pipeline.Run(preset, folder, Corpus(rows[5:], rows[:5], [])),
        "lock": lambda: files.locked(folder / ".lock", "busy").__enter__(),
    }


@pytest.mark.parametrize("options", [("ro",), ("size=4k",)], ids=["read-only", "full"])
def test_a_disk_that_takes_nothing(model, vocabulary, preset, rows, tmp_path, options):
    """One sentence from everything that writes; also for root, whom permissions don't stop."""
    from mof_lab.chat import ChatSession

    place = tmp_path / "disk"
    mounted(place, *options)
    try:
        if options != ("ro",):
            (place / "filler").write_bytes(bytes(4096))
        session = ChatSession(model, vocabulary)
        session.add("你好", "你好。" * 50)
        ways = writers(session, vocabulary, preset, rows, place)
        if options != ("ro",):
            del ways["lock"]  # takes no room
        for name, write in ways.items():
            with pytest.raises(LabError) as caught:
                write()
            assert "\n" not in str(caught.value) and str(place) in str(caught.value), name
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_vocabulary_is_never_half(tmp_path, monkeypatch):
    """A run that was killed while it wrote it could never go on."""
    Vocabulary("一二").save(tmp_path / "v.json")

    def power_cut(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", power_cut)
    with pytest.raises(KeyboardInterrupt):
        Vocabulary("三四五").save(tmp_path / "v.json")
    assert Vocabulary.load(tmp_path / "v.json") == Vocabulary("一二")


def test_another_vocabulary_is_not_trained_on(eagerly, make, vocabulary, tmp_path):
    for _ in make(tmp_path):
        break
    other = make(tmp_path / "elsewhere")
    other.directory, other.vocabulary = tmp_path, Vocabulary(vocabulary.characters[::-1])
    with pytest.raises(LabError, match="another vocabulary"):
        other._resume()


# ---- clocks


def test_a_clock_that_jumps_changes_nothing(eagerly, make, tmp_path, monkeypatch):
    """The wall clock goes by years, back and forth, whenever somebody looks at it."""
    whole = make(tmp_path / "whole")
    whole.run()
    jumps = iter(range(10**6))
    real = training.time.time
    years = 3.2e7
    monkeypatch.setattr(
        training.time, "time", lambda: real() + (-1) ** (n := next(jumps)) * n * years
    )
    part = make(tmp_path / "part")
    for _ in part:
        if part.record.step == 2:
            break
    rest = make(tmp_path / "part")
    rest.run()
    assert rest.record.seconds < 1000
    for one, other in zip(whole.model.variables, rest.model.variables, strict=True):
        assert np.array_equal(one.numpy(), other.numpy())


# ---- trainings that go wrong


def test_a_diverging_loss_is_stopped(eagerly, make, tmp_path, monkeypatch):
    """The loss stays a number and is bad for long: the sentence says what it did and why."""
    monkeypatch.setattr(training, "SAVE_EVERY_SECONDS", -1.0)
    trainer = make(tmp_path, steps=400)
    step, good = trainer._step, {}

    def bad(*batch):
        loss = step(*batch)
        return loss if trainer.record.step < 5 else loss * 0 + 1e4

    trainer._step = bad
    with pytest.raises(LabError, match=r"diverged: it rose from .* learning rate is 0\.003") as e:
        for _ in trainer:
            good[trainer.record.step] = [v.numpy() for v in trainer.model.variables]
    assert "\n" not in str(e.value)
    assert 30 < trainer.record.step < 60  # not for a single bad step
    kept, _, meta = checkpoint.load(tmp_path)
    assert 5 <= meta["step"] < 25  # what was saved had hardly begun to rise
    for one, other in zip(kept.variables, good[meta["step"]], strict=True):
        assert np.array_equal(one.numpy(), other)


def test_harder_text_is_no_divergence():
    """As where a stage goes on to other text: the loss rises for good, and saving goes on."""
    record, guessing, saved = training.Record(), 8.0, []
    for step in range(600):
        record.note(0.5 if step < 200 else 6.5 - step / 400, guessing)
        assert not record.diverged(guessing)
        saved.append(not record.climbing)
    assert all(saved[:200]) and not all(saved[200:300]) and all(saved[320:])


def test_one_bad_step_is_no_divergence(eagerly, make, tmp_path):
    trainer = make(tmp_path)
    step = trainer._step
    trainer._step = lambda *batch: step(*batch) + (1e6 if trainer.record.step == 3 else 0)
    assert trainer.run().done


def test_a_record_survives_json(make, tmp_path):
    record = training.Record(3, 1.5, 96, 6, curve=[[1, 0.5, 3.0, None]])
    record.note(4.0, 4.0)
    record.note(100.0, 4.0)
    values = json.loads(json.dumps(training.asdict(record)))
    assert training.Record.of(values, "here") == record
    assert (record.lowest, record.recent) == (4.0, pytest.approx(4.08))
    for change in ({"step": -1}, {"curve": [[1]]}, {"done": 1}, {"recent": "x"}, {"new": 1}):
        with pytest.raises(LabError, match="record of the training in here"):
            training.Record.of({**values, **change}, "here")

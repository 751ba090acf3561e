"""The main job on a toy preset, in real processes, and everything it refuses."""

import json
import math
import os
import signal
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from mof_lab import checkpoint, configuration, pipeline
from mof_lab.corpus import Corpus, Question
from mof_lab.errors import LabError

STAGES = ["gru", "transformer", "router", "joint", "chat"]


@pytest.fixture(scope="module")
def preset(preset):
    """The toy preset with one block: five processes compile it."""
    return replace(preset, model=replace(preset.model, num_layers=1))


@pytest.fixture(scope="module")
def text(rows):
    """The toy rows, some held out, and a few questions."""
    questions = [
        Question("knowledge", "places", ("米米在哪里？",), ("在白桥。",)),
        Question("reasoning", "addition", ("1加2是几？",), ("是3。",)),
        Question("reasoning", "memory", ("我叫米米", "你好，米米！", "再见"), ("再见。",)),
    ]
    return Corpus(rows[5:], rows[:5], questions)


@pytest.fixture(scope="module")
def runs(text, preset, tmp_path_factory):
    """The same run done twice in one folder: both reports, what was shown, what was written."""
    folder = tmp_path_factory.mktemp("runs") / "toy"
    done = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(configuration.PRESETS, "toy", preset)
        for _ in range(2):
            shown, told = [], []
            report = pipeline.run(
                "toy", folder, ("你好",), show=shown.append, tell=told.append, text=text
            )
            files = {
                path.relative_to(folder): path.stat().st_mtime_ns
                for path in folder.rglob("*")
                if path.is_file() and not path.name.startswith("report")
            }
            done.append(SimpleNamespace(report=report, shown=shown, told=told, files=files))
    return folder, *done


@pytest.mark.slow
def test_a_text_without_dialogues_or_questions(rows, preset, tmp_path, monkeypatch):
    stages = (preset.stage("gru"), preset.stage("chat"))
    monkeypatch.setitem(configuration.PRESETS, "toy", replace(preset, stages=stages))
    stories = [row for row in rows if row["text"]]
    text = Corpus(stories[2:], stories[:2], [])
    report = pipeline.run(
        "toy",
        tmp_path / "run",
        tell=lambda sentence: None,
        text=text,
        data="my.txt",
        experts="--experts gru transformer",
    )
    assert [stage["name"] for stage in report["stages"]] == ["gru"]
    assert report["answers"] == {}
    assert report["samples"] == []  # nobody taught it to answer
    assert set(report["bits_per_character"]) == {"story", "all"}
    assert report["command"].endswith("--data my.txt --experts gru transformer")
    assert (tmp_path / "run" / "report.html").exists()


def test_the_report_has_what_the_issue_names(runs, preset):
    report = runs[1].report
    assert report["total_seconds"] > 0
    assert report["peak_memory_bytes"] > 50_000_000
    assert [stage["name"] for stage in report["stages"]] == STAGES
    for stage, planned in zip(report["stages"], preset.stages, strict=True):
        assert stage["tokens"] == planned.steps * preset.batch * preset.window
        assert stage["seconds"] > 0
        assert stage["tokens_per_second"] > 0
        assert 0 < stage["bits_per_character"] < 20
        assert 50_000_000 < stage["peak_memory_bytes"] <= report["peak_memory_bytes"]
    for kind, total in (("knowledge", 1), ("reasoning", 2), ("reasoning.memory", 1)):
        assert report["answers"][kind]["total"] == total
        assert 0 <= report["answers"][kind]["correct"] <= total
    for weights in report["router_weights"].values():
        assert sum(weights) == pytest.approx(1, abs=1e-4)
    assert [sample["user"] for sample in report["samples"]] == ["你好"]
    assert isinstance(report["samples"][0]["assistant"], str)
    assert report["experts"] == ["gru", "transformer"]
    assert set(report["versions"]) >= {"python", "keras", "numpy"}
    assert report["seed"] == preset.seed
    assert len(report["data_hash"]) == 16
    assert set(report["bits_per_character"]) >= {"story", "all"}


def test_the_report_is_written(runs):
    folder, _, again = runs
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == again.report
    assert (folder / "report.html").exists()


def test_progress_of_every_stage_is_shown(runs):
    _, run, _ = runs
    assert list(dict.fromkeys(progress.stage for progress in run.shown)) == STAGES
    last = {progress.stage: progress for progress in run.shown}
    assert all(progress.step == progress.steps for progress in last.values())
    assert run.told


def test_every_stage_is_a_checkpoint(runs, preset):
    folder, _, _ = runs
    for stage in STAGES:
        meta = checkpoint.read_meta(folder / stage)
        assert meta["stage"] == stage
        assert meta["record"]["done"]
        assert list(meta["files"]) == ["model"]
    model, vocabulary, _ = checkpoint.load(folder / "chat")
    assert len(vocabulary) == model.config.vocabulary_size
    assert replace(model.config, vocabulary_size=0) == replace(preset.model, vocabulary_size=0)


def test_running_again_trains_nothing_and_says_the_same(runs):
    _, first, again = runs
    assert again.shown == []
    assert again.files == first.files
    same = ("answers", "samples", "bits_per_character", "router_weights", "data_hash")
    assert {k: again.report[k] for k in same} == {k: first.report[k] for k in same}
    for one, other in zip(again.report["stages"], first.report["stages"], strict=True):
        timed = {"peak_memory_bytes"}
        assert {k: v for k, v in one.items() if k not in timed} == {
            k: v for k, v in other.items() if k not in timed
        }


@pytest.mark.parametrize("change", ["preset", "text"])
def test_another_run_in_the_folder_is_refused(runs, text, preset, change):
    folder, _, again = runs
    other = replace(preset, seed=2) if change == "preset" else preset
    rows = text.train[1:] if change == "text" else text.train
    with pytest.raises(LabError, match="another preset or other text.*--out") as caught:
        pipeline.Run(other, folder, Corpus(rows, text.held_out, text.questions))
    assert "\n" not in str(caught.value)
    assert all((folder / name).stat().st_mtime_ns == at for name, at in again.files.items())


def test_a_run_opens_without_training(runs, text, preset):
    folder, _, _ = runs
    job = pipeline.Run(preset, folder, text)
    assert set(job.windows("train")) == {"story", "chat", "knowledge", "reasoning"}
    assert job.documents["story"] > 5
    fresh = [job.new_model().get_weights() for _ in range(2)]
    assert all((a == b).all() for a, b in zip(*fresh, strict=True))


def test_the_time_of_a_training_is_shared_by_its_stages(tmp_path, text, preset, monkeypatch):
    """Seconds of training alone, or minutes of which the rest of the run has its part."""
    given = []

    def train(run, stage, before, seconds, show, record):
        given.append(seconds)
        took = min(seconds, 999) + pipeline.START_SECONDS  # compiling comes on top
        return {"seconds": took}

    monkeypatch.setattr(pipeline.Run, "train", train)
    job = pipeline.Run(preset, tmp_path, text)
    job.train_all(seconds=100.0)
    assert sum(given) == pytest.approx(100)
    work = [stage.steps * pipeline.step_cost(stage) for stage in preset.stages]
    assert given == pytest.approx([100 * w / sum(work) for w in work])
    given.clear()
    job.train_all(seconds=math.inf)
    assert given == [math.inf] * len(STAGES)
    given.clear()
    job.train_all(10)
    rest = pipeline.START_SECONDS * len(STAGES)
    assert sum(given) == pytest.approx(600 * (1 - pipeline.EVALUATION_SHARE) - rest, abs=5)


def test_an_unknown_preset(tmp_path):
    with pytest.raises(LabError, match="'huge'.*tiny") as caught:
        pipeline.run("huge", tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_can_not_be_written(tmp_path, text, preset):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(LabError, match="can't be used for a run") as caught:
            pipeline.Run(preset, folder, text)
        assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "no folder"


def test_a_folder_with_a_foreign_run_file(tmp_path, text, preset):
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(LabError, match="another preset|can't be used") as caught:
        pipeline.Run(preset, tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_run_from_before_some_options_is_opened(tmp_path, text, preset):
    """It was made as these options are unless told otherwise; another value is another run."""
    pipeline.Run(preset, tmp_path, text)
    path = tmp_path / "run.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    for name in ("order", "memories", "average", "optimizer", "accumulate", "xla"):
        del written["preset"][name]
    del written["preset"]["model"]["recompute"]
    for stage in written["preset"]["stages"]:
        del stage["balance"], stage["entropy"]
    path.write_text(json.dumps(written), encoding="utf-8")
    pipeline.Run(preset, tmp_path, text)
    for change in ({"average": 0.9}, {"order": "length"}):
        with pytest.raises(LabError, match="another preset"):
            pipeline.Run(replace(preset, **change), tmp_path, text)
    del written["preset"]["window"]  # no option: every run has one
    path.write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(LabError, match="another preset"):
        pipeline.Run(preset, tmp_path, text)


@pytest.mark.parametrize("where", ["vocabulary", "windows"])
def test_a_full_disk_while_preparing(tmp_path, text, preset, monkeypatch, where):
    """One sentence, and the same call goes on when there is space again."""

    def no_space(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if where == "vocabulary":
            patch.setattr(pipeline.Vocabulary, "save", no_space)
        else:
            patch.setattr("mof_lab.packing.np.save", no_space)
        with pytest.raises(LabError, match="No space left"):
            pipeline.Run(preset, tmp_path, text)
    assert pipeline.Run(preset, tmp_path, text).windows("train")


def test_a_different_text_has_a_different_hash(text):
    assert pipeline.hash_of(text) == pipeline.hash_of(text)
    other = Corpus(text.train[1:], text.held_out, text.questions)
    assert pipeline.hash_of(text) != pipeline.hash_of(other)


def _fails(send):
    raise LabError("The sentence.")


def _dies(send):
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def _doubles(send, number):
    send("half way")
    return 2 * number


def test_a_process_gives_its_result_and_its_messages():
    shown = []
    result, peak = pipeline.processes.call(_doubles, 21, show=shown.append)
    assert result == 42
    assert shown == ["half way"]
    assert peak > 0


def test_a_process_passes_its_sentence_on():
    with pytest.raises(LabError, match=r"^The sentence\.$"):
        pipeline.processes.call(_fails)


def _saves_when_stopped(send, path):
    import os
    import time

    try:
        send(os.getpid())
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(1)
        path.write_text("saved", encoding="utf-8")
        raise


@pytest.mark.skipif(os.name != "posix", reason="sends a Ctrl-C to another process")
def test_a_second_interrupt_does_not_end_the_save_that_the_first_asked_for(tmp_path):
    """A terminal sends one to both processes, and `call` another one when it takes long."""

    def twice(process):
        for _ in range(2):
            os.kill(process, signal.SIGINT)
            time.sleep(0.3)

    with pytest.raises(LabError, match="exit code 130"):
        pipeline.processes.call(_saves_when_stopped, tmp_path / "saved", show=twice)
    assert (tmp_path / "saved").exists()


def test_a_process_that_dies_is_said():
    with pytest.raises(LabError, match=r"ended unexpectedly \(exit code -9\)") as caught:
        pipeline.processes.call(_dies)
    assert "\n" not in str(caught.value)

"""Several replicas train what one would; a lost worker ends the job; experts trained at once."""

import json
import multiprocessing
import os
import signal
import sys
from contextlib import nullcontext
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from mof_lab import checkpoint, cluster, corpus, pipeline
from mof_lab.arguments import predecessor, progress_of
from mof_lab.configuration import ModelConfig, Preset, Stage
from mof_lab.errors import LabError
from mof_lab.packing import Windows
from mof_lab.pipeline import Run
from mof_lab.vocabulary import Vocabulary

STEPS, WINDOW, BATCH = 10, 16, 8
CLIPPED = (None, 0.5)  # the gradient's norm, at most
LOST_AT = 5  # the step after which one of Ray's workers dies
MODEL = ModelConfig(
    vocabulary_size=46,
    embedding_dim=16,
    gru_units=12,
    num_layers=1,
    num_heads=2,
    router_units=8,
)
TOY = Preset(
    name="toy",
    about="for these tests",
    model=MODEL,
    stages=(
        Stage("gru", ("gru",), STEPS, "gru"),
        Stage("transformer", ("transformer",), STEPS, "transformer"),
        Stage("router", ("router",), STEPS),
        Stage("joint", ("all",), STEPS, learning_rate=0.5),
    ),
    window=WINDOW,
    batch=BATCH,
    vocabulary_size=46,
    reasoning_examples=0,
    shelves=(),
    minutes=1.0,
    xla=False,  # takes longer to compile than to run
)


def trained(folder, show=None, clip=None, **changes):
    """Weights after ten steps of SGD, and the losses, under the strategy in whose scope it is.

    AdamW would hide a gradient of the wrong size, and so would clipping: with it, at every step,
    each worker has to know the norm of the whole. The parts of a batch weigh differently.
    """
    import keras

    from mof_lab.model import MoF
    from mof_lab.training import Trainer

    class Plain(Trainer):
        def _make_optimizer(self):
            made = keras.optimizers.SGD(0.5 if clip else 0.05, global_clipnorm=clip)
            made.build(self.variables)
            return made

    preset = replace(TOY, **changes)
    rng = np.random.default_rng(1)
    tokens = rng.integers(6, 46, (40, WINDOW + 1), np.uint16)
    roles = (rng.random((40, WINDOW + 1)) < rng.random((40, 1))).astype(np.uint8)
    vocabulary = Vocabulary([chr(0x4E00 + i) for i in range(40)])
    packs = {"story": Windows(tokens, roles)}
    stage = preset.stage("joint")
    trainer = Plain(MoF(MODEL), vocabulary, packs, preset, stage, folder, reports=STEPS)
    record = trainer.run(show)
    assert record.tokens == STEPS * BATCH * WINDOW
    return [v.numpy() for v in trainer.model.trainable_variables], [c[2] for c in record.curve]


def assert_equal(one, other):
    weights, losses = one
    np.testing.assert_allclose(losses, other[1], rtol=0, atol=1e-5)
    assert len(losses) == STEPS and np.ptp(losses) > 0.1  # something was learnt
    for a, b in zip(weights, other[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


def in_processes(function, *argument_lists):
    """Starts `function(connection, *arguments)` in one process for each list of arguments.

    Returns:
        (process, what it sends to us) of each.
    """
    context, found = multiprocessing.get_context("spawn"), []
    for arguments in argument_lists:
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=function, args=(there, *arguments))
        process.start()
        there.close()
        found.append((process, here))
    return found


def received(connection, seconds=900):
    assert connection.poll(seconds), "nothing came"
    return connection.recv()


# ---- the same as one ----------------------------------------------------------------------------


def _replicas(connection, folder):
    """One replica, two, and two that compute their windows in two parts: in one process."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    for clip in CLIPPED:
        connection.send(trained(folder / f"one, {clip}", clip=clip))
        for parts in (1, 2):
            strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
            with strategy.scope():
                assert strategy.num_replicas_in_sync == 2
                where = folder / f"two in {parts}, {clip}"
                connection.send(trained(where, clip=clip, accumulate=parts))


def test_two_replicas_equal_one(tmp_path):
    ((process, results),) = in_processes(_replicas, (tmp_path,))
    for _ in CLIPPED:
        one = received(results)
        for _ in range(2):
            assert_equal(received(results), one)
    process.join()
    assert process.exitcode == 0


def _worker(connection, folder, config):
    os.environ["TF_CONFIG"] = config
    with cluster.strategy_named("multi-worker").scope():
        for clip in CLIPPED:
            connection.send(trained(folder / str(clip), clip=clip))


def _alone(connection, folder, *clips):
    for clip in clips:
        connection.send(trained(folder / str(clip), clip=clip))


@pytest.mark.slow
def test_two_workers_equal_one(tmp_path):
    one, two = cluster.on_this_machine(2)
    shared = tmp_path / "two"
    started = in_processes(_worker, (shared, one), (shared, two))
    started += in_processes(_alone, (tmp_path / "one", *CLIPPED))
    for _ in CLIPPED:
        first, second, alone = [received(results) for _, results in started]
        assert_equal(first, alone)
        assert_equal(second, alone)
    for process, _ in started:
        process.join()
        assert process.exitcode == 0
    for clip in CLIPPED:
        assert checkpoint.read_meta(shared / str(clip))["record"]["done"]


def test_a_batch_that_can_not_be_divided(tmp_path):
    with pytest.raises(LabError, match=r"8 windows.*3 part"):
        trained(tmp_path, accumulate=3)


def test_what_workers_can_not_train(monkeypatch, tmp_path):
    """The balance term of a batch is not the sum of those of its parts."""
    import tensorflow as tf

    from mof_lab.model import MoF
    from mof_lab.training import Trainer

    model, stage = MoF(MODEL), replace(TOY.stage("router"), balance=0.1)
    vocabulary = Vocabulary([chr(0x4E00 + i) for i in range(40)])
    two = SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(tf.distribute, "get_strategy", lambda: two)
    with pytest.raises(LabError, match=r"'router' has balance 0\.1.*2 workers"):
        Trainer(model, vocabulary, {}, TOY, stage, tmp_path)


# ---- stages, lost workers -----------------------------------------------------------------------


@pytest.fixture
def text():
    rows = [
        corpus._document("story", str(i), text="甲乙丙丁戊己庚辛"[i % 5 :] * (1 + i % 3))
        for i in range(60)
    ]
    return corpus.split(rows)


@pytest.mark.parametrize("first", [True, False])
def test_the_first_worker_rates_before_all_meet(monkeypatch, tmp_path, first):
    events = []
    strategy = SimpleNamespace(
        extended=SimpleNamespace(should_checkpoint=first), scope=lambda: nullcontext()
    )

    class Run:
        def __init__(self, *arguments):
            events.append("run")

        def rate(self):
            events.append("rate")

    monkeypatch.setattr(pipeline, "Run", Run)
    monkeypatch.setattr(cluster, "strategy_named", lambda name: strategy)
    monkeypatch.setattr(cluster, "meet", lambda strategy: events.append("meet"))
    cluster.work(print, TOY, tmp_path, None, [], "multi-worker")
    assert events == (["run", "rate", "meet"] if first else ["meet", "run"])


def test_a_lost_worker_is_one_line_with_the_cause():
    import tensorflow as tf

    from mof_lab.training import LOST

    def reduce(*arguments, **options):
        raise tf.errors.InternalError(None, None, "cuDNN\nfailed" + 1000 * "!")

    broken = SimpleNamespace(
        experimental_distribute_values_from_function=lambda function: function(None), reduce=reduce
    )
    assert tf.errors.InternalError in LOST
    with pytest.raises(LabError, match=r"lost between two stages.*cuDNN failed!") as caught:
        cluster.meet(broken)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def _work(connection, folder, config, text, steps):
    from mof_lab import training

    os.environ["TF_CONFIG"] = config
    training.SAVE_EVERY_SECONDS = 0.0
    preset = replace(TOY, stages=tuple(replace(s, steps=steps) for s in TOY.stages))
    try:
        cluster.work(connection.send, preset, folder, text, ["gru"], "multi-worker")
        connection.send("finished")
    except LabError as error:
        connection.send(str(error))


@pytest.mark.slow
def test_a_lost_worker_ends_the_job_and_it_goes_on(text, tmp_path):
    """And what comes of it is, bit for bit, what would have come without the loss."""

    def start(folder, steps=200):
        pairs = cluster.on_this_machine(2)
        return in_processes(_work, *((tmp_path / folder, config, text, steps) for config in pairs))

    def finish(begun):
        """The steps that both workers told of; both are heard, as who is not heard has to wait."""
        steps, talking = [], [said for _, said in begun]
        while talking:
            ready = wait(talking, 900)
            assert ready, "nothing came"
            for said in ready:
                message = said.recv()
                if isinstance(message, str):
                    assert message == "finished"
                    talking.remove(said)
                else:
                    steps.append(message.step)
        for process, _ in begun:
            process.join()
            assert process.exitcode == 0
        return steps

    def weights(folder):
        meta = checkpoint.read_meta(tmp_path / folder / "gru")
        assert meta["record"]["done"]
        return checkpoint.read_arrays(tmp_path / folder / "gru", meta, "model")

    (first, said), (second, _) = start("lost")
    while received(said).step < 3:
        pass
    while not (tmp_path / "lost" / "gru" / "meta.json").exists():
        received(said)
    os.kill(second.pid, signal.SIGKILL)
    message = received(said)
    while not isinstance(message, str):
        message = received(said)
    assert "worker was lost" in message and "last checkpoint" in message
    first.join()
    second.join()
    meta = checkpoint.read_meta(tmp_path / "lost" / "gru")
    assert 0 < meta["step"] < 200 and not meta["record"]["done"]
    steps = finish(start("lost"))
    assert min(steps) > meta["step"] and max(steps) == 200
    finish(start("undisturbed"))
    found, expected = weights("lost"), weights("undisturbed")
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


# ---- Ray ----------------------------------------------------------------------------------------


def _on_ray(folder, lost):
    """Trains in one of Ray's workers; with `lost`, the second one dies within the first job."""
    from mof_lab import training

    training.SAVE_EVERY_SECONDS = 0.0
    second, steps = cluster.workers()[1] == 1, []

    def show(progress):
        steps.append(progress.step)
        if lost and second and progress.step == LOST_AT and not (folder / "lost").exists():
            (folder / "lost").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    with cluster.strategy_named("multi-worker").scope():
        weights, losses = trained(folder / "run", show)
    if not second:
        np.savez(folder / "weights.npz", *weights, losses=losses, began=steps[0])


def _from_ray(folder):
    """Weights and losses, and the first step of the job that finished."""
    with np.load(folder / "weights.npz") as found:
        weights = [found[f"arr_{i}"] for i in range(len(found.files) - 2)]
        return (weights, found["losses"].tolist()), int(found["began"])


@pytest.fixture
def ray_workers(monkeypatch):
    pytest.importorskip("ray", reason="Ray is not installed: extra cluster")
    here = os.pathsep.join([os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))])
    monkeypatch.setenv("PYTHONPATH", here)


@pytest.mark.slow
def test_two_ray_workers_equal_one(ray_workers, tmp_path):
    cluster.with_ray(2, tmp_path, _on_ray, tmp_path, False)
    ((_, results),) = in_processes(_alone, (tmp_path / "one", None))
    found, began = _from_ray(tmp_path)
    assert began == 1
    assert_equal(found, received(results))


@pytest.mark.slow
def test_a_lost_ray_worker(ray_workers, tmp_path):
    """Lost after a saved step: the same command goes on from there, to what one would train."""
    with pytest.raises(LabError, match=r"Ray job ended.*last checkpoint") as caught:
        cluster.with_ray(2, tmp_path, _on_ray, tmp_path, True)
    assert (tmp_path / "lost").exists(), caught.value  # and not that Ray did not start
    meta = checkpoint.read_meta(tmp_path / "run")
    # Nobody begins a step before the first worker has saved the one before.
    assert LOST_AT - 1 <= meta["step"] < STEPS and not meta["record"]["done"]
    cluster.with_ray(2, tmp_path, _on_ray, tmp_path, True)
    assert checkpoint.read_meta(tmp_path / "run")["record"]["done"]
    ((_, results),) = in_processes(_alone, (tmp_path / "one", None))
    found, began = _from_ray(tmp_path)
    assert began == meta["step"] + 1
    assert_equal(found, received(results))


def test_without_ray(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(LabError, match=r"not installed.*cluster"):
        cluster.with_ray(2, tmp_path, print)


@pytest.fixture
def toy_ray(monkeypatch):
    """A Ray that can be told what its cluster and its trainer raise."""
    ray, train = ModuleType("ray"), ModuleType("ray.train")
    inner = ModuleType("ray.train.tensorflow")
    told = SimpleNamespace(init=None, fit=None)

    def raises(name):
        def function(*arguments, **options):
            if getattr(told, name):
                raise getattr(told, name)

        return function

    ray.is_initialized, ray.init, ray.shutdown = (lambda: False), raises("init"), lambda: None
    train.RunConfig = train.ScalingConfig = dict
    inner.TensorflowTrainer = lambda *a, **o: SimpleNamespace(fit=raises("fit"))
    for module in (ray, train, inner):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return told


@pytest.mark.parametrize(
    ("where", "error", "said"),
    [
        ("init", ConnectionError("no cluster\nat host-a:6379"), "ConnectionError: at host-a:6379"),
        ("fit", OSError("Worker:\n disk full.\n\n"), "OSError: disk full"),
        ("fit", OSError("x\nmof_lab.errors.LabError: Do that.\nmore"), "Do that"),
    ],
)
def test_why_a_ray_job_ended(toy_ray, tmp_path, where, error, said):
    setattr(toy_ray, where, error)
    with pytest.raises(LabError) as caught:
        cluster.with_ray(2, tmp_path, print)
    again = "The same command goes on from the last checkpoint."
    assert str(caught.value) == f"The Ray job ended: {said}. {again}"


@pytest.mark.parametrize("ray", [None, 2])
def test_workers_are_told_the_whole_path(monkeypatch, tmp_path, ray):
    """They have other working directories."""
    told = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "with_ray", lambda *arguments: told.extend(arguments))
    monkeypatch.setattr(cluster.processes, "call", lambda *a, show: told.extend(a))
    cluster.train(TOY, Path("run"), None, TOY.stages, "multi-worker", ray)
    assert str(tmp_path / "run") in told and Path("run") not in told


# ---- experts at the same time -------------------------------------------------------------------


@pytest.mark.slow
def test_two_experts_at_once_then_the_router(text, tmp_path):
    """What comes of it is what one after the other would have given, bit for bit."""
    stages = [TOY.stage("gru"), TOY.stage("transformer")]
    at_once = Run(TOY, tmp_path / "at once", text)
    cluster.train_at_once(at_once, stages, "experts")
    one_by_one = Run(TOY, tmp_path / "one by one", text)
    one_by_one.train("gru")
    one_by_one.train("transformer", "gru")
    both = [r.model_after(n) for r, n in ((at_once, "experts"), (one_by_one, "transformer"))]
    fresh = at_once.new_model()
    for a, b, before in zip(*(m.trainable_variables for m in (*both, fresh)), strict=True):
        assert np.array_equal(a, b), a.path
        expert = a.path.split("/")[0] in ("gru", "transformer")
        assert expert != np.array_equal(a, before), a.path
    report = at_once.train("router", "experts")
    assert report["steps"] == STEPS
    assert checkpoint.read_meta(at_once.directory / "router")["record"]["done"]


def test_what_comes_after_experts_at_once_has_both(text, tmp_path, monkeypatch):
    """Also where it starts from the last stage and not from `into`."""
    stages, events = [TOY.stage("gru"), TOY.stage("transformer")], []
    run = Run(TOY, tmp_path, text)

    def train(stage, before, show):
        events.append(stage.name)
        model = run.new_model()
        for variable in model.parts()[stage.name][0].variables:
            variable.assign(variable + 1)
        meta = {"stage": stage.name, "step": STEPS, "record": {"done": True, "step": STEPS}}
        checkpoint.save(run.directory / stage.name, model, run.vocabulary, meta)
        return {"steps": STEPS}

    monkeypatch.setattr(run, "train", train)
    monkeypatch.setattr(run, "rate", lambda: events.append("rate"))
    cluster.train_at_once(run, stages, "experts")
    assert events[0] == "rate" and sorted(events[1:]) == ["gru", "transformer"]
    assert predecessor(run, "router") == "transformer"
    expected = checkpoint.arrays_of(run.model_after("experts").variables)
    fresh = checkpoint.arrays_of(run.new_model().variables)
    for stage in stages:
        changed = [n for n in expected if not np.array_equal(expected[n], fresh[n])]
        assert any(name.startswith(stage.name) for name in changed)
        found = checkpoint.arrays_of(run.model_after(stage.name).variables)
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
        assert checkpoint.read_meta(run.directory / stage.name)["stage"] == stage.name
        assert progress_of(run, stage.name) == "finished"


@pytest.mark.parametrize(
    "stages",
    [
        (Stage("gru", ("stem", "head", "gru"), 1, "gru"), TOY.stage("transformer")),
        (TOY.stage("gru"), TOY.stage("router")),
        (TOY.stage("gru"), replace(TOY.stage("gru"), name="again")),
    ],
)
def test_stages_that_need_each_other(stages):
    with pytest.raises(LabError, match="at once"):
        cluster.train_at_once(None, stages, "experts")


# ---- what is said before anything begins --------------------------------------------------------


GOOD = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}


def test_where_the_workers_are(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", json.dumps(GOOD))
    assert cluster.workers() == (["a:1", "b:2"], 1)
    cluster.check("multi-worker")
    for i, config in enumerate(map(json.loads, cluster.on_this_machine(3))):
        assert config["task"] == {"type": "worker", "index": i}
        assert len(set(config["cluster"]["worker"])) == 3


@pytest.mark.parametrize(
    "config",
    [
        "",
        "{",
        "[]",
        '"worker"',
        json.dumps({**GOOD, "task": {"type": "worker", "index": 2}}),
        json.dumps({**GOOD, "task": {"type": "worker", "index": -1}}),
        json.dumps({**GOOD, "task": {"type": "ps", "index": 0}}),
        json.dumps({**GOOD, "cluster": {"worker": ["a:1", "b"]}}),
        json.dumps({**GOOD, "cluster": {"worker": [], "chief": ["a:1"]}}),
        json.dumps({**GOOD, "cluster": {"worker": "a:1"}}),
    ],
)
def test_a_bad_cluster(monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(LabError, match="TF_CONFIG is .*expected") as caught:
        cluster.check("multi-worker")
    assert "\n" not in str(caught.value)
    monkeypatch.delenv("TF_CONFIG")
    with pytest.raises(LabError, match="TF_CONFIG"):
        cluster.check("multi-worker")


def test_an_unknown_strategy():
    with pytest.raises(LabError, match=r"'horovod'.*mirrored"):
        cluster.check("horovod")

"""Training on several devices or machines: strategies of `tf.distribute`, TF_CONFIG, Ray Train.

    mof-lab train --strategy mirrored         all GPUs of this machine
    mof-lab train --strategy multi-worker     the workers that TF_CONFIG names, this command on each
    mof-lab train --ray 2                     as many workers, started by Ray

Workers share one run's folder. Each computes its part of every batch, so that together they train
what one process would; the first writes the checkpoints. A worker that is lost ends the job; the
same commands go on from the last checkpoint.
"""

import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from . import checkpoint, processes
from .arguments import predecessor, progress_of
from .errors import LabError, cause_of, one_line

STRATEGIES = ("one", "mirrored", "multi-worker")
EXAMPLE = (
    '{"cluster": {"worker": ["host-a:2222", "host-b:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


# ---- strategies ---------------------------------------------------------------------------------


def check(strategy):
    """Refuses a strategy that can't be, before anything slow begins."""
    if strategy not in STRATEGIES:
        raise LabError(f"There is no strategy {strategy!r}; choose one of {', '.join(STRATEGIES)}.")
    if strategy == "multi-worker":
        workers()


def workers():
    """The addresses of all workers and the number of this one, from TF_CONFIG."""
    try:
        config = json.loads(os.environ["TF_CONFIG"])
        addresses, task = config["cluster"]["worker"], config["task"]
        index = task["index"]
        known = task["type"] == "worker" and list(config["cluster"]) == ["worker"]
        listed = isinstance(addresses, list) and all(":" in each for each in addresses)
        if not known or not listed or index not in range(len(addresses)):
            raise ValueError
        return addresses, index
    except (KeyError, ValueError, TypeError):
        raise LabError(
            f"TF_CONFIG is {os.environ.get('TF_CONFIG', '')[:200]!r}; expected the addresses of "
            f"all workers and the number of this one, such as TF_CONFIG='{EXAMPLE}'."
        ) from None


def on_this_machine(count):
    """The TF_CONFIG of each of `count` workers on free ports of this machine."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in found]
    return [
        json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": i}})
        for i in range(count)
    ]


def strategy_named(name):
    """A `tf.distribute.Strategy`; with multi-worker it waits until all workers are there."""
    import tensorflow as tf

    check(name)
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    if name == "multi-worker":
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except tf.errors.OpError as error:
            raise LabError(
                f"This worker could not join the others ({one_line(error)!r}); check "
                "that the addresses in TF_CONFIG are free and can be reached, and start all again."
            ) from None
    return tf.distribute.get_strategy()


def meet(strategy):
    """Waits until every worker has come this far."""
    import tensorflow as tf

    from .training import LOST, lost

    one = strategy.experimental_distribute_values_from_function(lambda _: tf.constant(1.0))
    try:
        strategy.reduce(tf.distribute.ReduceOp.SUM, one, axis=None)
    except LOST as error:
        raise lost(error, "between two stages") from None


# ---- stages -------------------------------------------------------------------------------------


def train(preset, directory, text, stages, strategy, ray=None, show=print):
    """Trains stages on more than one device; see `work`.

    Args:
        strategy: one of `STRATEGIES`.
        ray: so many workers that Ray starts; None = this process is one of them, or the only one.
        show: called with each `Progress`; with Ray, the first worker prints them.
    """
    names = [stage.name for stage in stages]
    directory = os.path.abspath(directory)  # Ray's workers have other working directories
    if ray:
        with_ray(ray, directory, work, _tell, preset, directory, text, names, "multi-worker")
    else:
        processes.call(work, preset, directory, text, names, strategy, show=show)


def work(send, preset, directory, text, names, strategy):
    """One worker's part: all stages in one process, since workers that end find no one again.

    Args:
        send: called with each `Progress`.
        directory: the run's folder, the same one for all workers.
        names: of the stages, in order; those that are finished are left out.
    """
    from .pipeline import Run

    strategy = strategy_named(strategy)
    job = None
    if strategy.extended.should_checkpoint:
        job = Run(preset, directory, text)
        job.rate()
    meet(strategy)  # the first worker has made the vocabulary and the windows, and rated them
    job = job or Run(preset, directory, text)
    for name in names:
        if progress_of(job, name) != "finished":
            before = predecessor(job, name)
            with strategy.scope():
                model = job.new_model() if before is None else job.model_after(before)
                job.trainer(name, model).run(send)
        meet(strategy)  # the checkpoint is there


def _tell(progress):
    if workers()[1] == 0:
        print(progress, flush=True)  # Ray brings it to the terminal


def with_ray(count, directory, function, *arguments):
    """Calls `function(*arguments)` in each of `count` Ray workers, with TF_CONFIG set.

    Args:
        directory: Ray keeps its own notes on the job there, in `ray/`.
    """
    try:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray
        from ray.train import RunConfig, ScalingConfig
        from ray.train.tensorflow import TensorflowTrainer
    except ImportError:
        raise LabError(
            "Ray is not installed; `pip install -c constraints.txt -e .[cluster]` brings it."
        ) from None
    ours = not ray.is_initialized()
    try:
        if ours:
            local = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": count + 1}
            ray.init(include_dashboard=False, logging_level="ERROR", **local)
        TensorflowTrainer(
            lambda config: config["function"](*config["arguments"]),
            train_loop_config={"function": function, "arguments": arguments},
            scaling_config=ScalingConfig(num_workers=count),
            run_config=RunConfig(storage_path=os.path.abspath(os.path.join(directory, "ray"))),
        ).fit()
    except Exception as error:  # Ray wraps what a worker raised, each version in other classes
        raise LabError(
            f"The Ray job ended: {cause_of(error).rstrip('.: ')}. "
            "The same command goes on from the last checkpoint."
        ) from None
    finally:
        if ours:
            ray.shutdown()


# ---- stages at the same time --------------------------------------------------------------------


def train_at_once(run, stages, into, before=None, show=lambda progress: None):
    """Stages that have nothing to do with each other, each in a process; then one model of them.

    An expert alone needs the stem and the head, and no other expert. So two experts over a stem
    and a head that neither trains are two jobs, on two machines if you like.

    Args:
        run: a `pipeline.Run`.
        stages: `Stage`s of one expert each.
        into: the name of the checkpoint, in the run's folder, that holds what all have learnt.
        before: the stage that all start from; None = the same fresh weights.

    Returns:
        what each stage took and gave, as `Run.train`. The stages' checkpoints hold that model, too:
        what comes next starts from the last of them.
    """
    _check_independent(stages)
    run.rate()  # once for all
    with ThreadPoolExecutor(len(stages)) as pool:
        reports = list(pool.map(lambda stage: run.train(stage, before, show=show), stages))
    model = run.new_model() if before is None else run.model_after(before)
    for stage in stages:
        ours, theirs = model.parts(), run.model_after(stage.name).parts()
        for part in stage.trains:
            for to, source in zip(ours[part], theirs[part], strict=True):
                for variable, trained in zip(to.variables, source.variables, strict=True):
                    variable.assign(trained)
    meta = {"stage": into, "step": sum(report["steps"] for report in reports)}
    checkpoint.save(run.directory / into, model, run.vocabulary, meta)
    for folder in (run.directory / stage.name for stage in stages):
        checkpoint.save(folder, model, run.vocabulary, checkpoint.read_meta(folder))
    return reports


def _check_independent(stages):
    """No stage may train what another one reads."""
    for stage in stages:
        for other in stages:
            used = {"stem", "head", other.expert}
            shared = sorted(used & set(stage.trains))
            if stage is not other and (shared or not stage.expert or "all" in stage.trains):
                raise LabError(
                    f"Stages {stage.name!r} and {other.name!r} can't be trained at once: "
                    f"{stage.name!r} trains {', '.join(shared or stage.trains)}, which "
                    f"{other.name!r} uses; train one expert alone in each."
                )

"""Suite `memory`: the most memory that training and chatting take, each in a fresh process."""

from dataclasses import replace
from functools import partial

from mof_lab.configuration import to_dict

from .decode import checkpoint_folder
from .peers import ours, peer
from .results import Result
from .worker import WorkerError

PRESET = "t6"
AGAINST = ("published", "pytorch")
ROUNDS = 1  # a peak is a peak
SMALL = "small"
SHAPE = {"batch": 16, "window": 128}  # 2,048 characters a step
#: How a trainer saves memory → the options of `workers.training.Training.start`.
SAVING = {
    "ours": {},
    "ours, in 4 parts, blocks computed twice": {"parts": 4, "recompute": True},
    "ours, the same without XLA": {"parts": 4, "recompute": True, "xla": False},
}
SECONDS = 5.0  # of training after the first steps


def run(options, tell):
    """Measures; see `benchmarks.__main__` for the options."""
    result = Result("memory", options.label, PRESET, ("what", "program", "peak memory", "tokens/s"))
    _training(options, result, tell)
    _small(replace(options, preset=SMALL), result, tell)
    return result


def _training(options, result, tell):
    """The large preset in training, and its peers."""
    preset = options.chosen
    what = f"training {options.label}, {SHAPE['batch']}×{SHAPE['window']}"
    go_on = "run", {"seconds": SECONDS}
    trained, peak = _least(result, tell, what, {**options.request, **SHAPE})
    result.set("{preset}_train_peak_gb", peak)
    hold = partial(ours, "training"), ("hold", options.request)
    _, least = _peak(result, tell, what, "what any training has to hold", *hold)
    result.bound("{preset}_train_peak_gb", least)
    request = {"vocabulary_size": preset.vocabulary_size, **SHAPE}
    if "published" in options.against:
        config = None if preset.name == "t6" else to_dict(preset.model)
        start = partial(peer, "published", "published", tell)
        begin = ("start", {**request, "config": config})
        _peak(result, tell, what, "published", start, begin, go_on)
    if "pytorch" in options.against and trained:
        start = partial(peer, "pytorch", "pytorch", tell)
        begin = ("start", {**request, "parameters": trained["in_products"]})
        _peak(result, tell, what, "pytorch", start, begin, go_on)


def _small(options, result, tell):
    """The small preset in training at its own batch, and in a chat."""
    preset = options.chosen
    shape = {"batch": preset.batch, "window": preset.window}
    what = f"training {options.label}, {preset.batch}×{preset.window}"
    _, found = _least(result, tell, what, {**options.request, **shape})
    result.set("small_train_peak_gb", found)
    folder = str(checkpoint_folder(options, result.notes, tell))
    requests = ("start", {"folder": folder}), ("chat", {"text": "一丁七万丈"})
    start = partial(ours, "answering")
    opened, found = _peak(result, tell, f"a chat with {options.label}", "ours", start, *requests)
    if opened and opened["runtime"] == "litert":
        result.set("chat_peak_gb", found)


def _least(result, tell, what, request):
    """Trains in each way of `SAVING`; returns what the last one said, and the least peak in GB."""
    said, peaks = None, []
    for program, saving in SAVING.items():
        requests = ("start", {**request, **saving}), ("run", {"seconds": SECONDS})
        answer, found = _peak(result, tell, what, program, partial(ours, "training"), *requests)
        if answer:
            said = answer
            peaks.append(found)
    return said, min(peaks, default=None)


def _peak(result, tell, what, program, start, *requests):
    """Asks a fresh worker for its work, and notes its peak.

    Args:
        start: a function that returns the `Worker`.
        requests: (do, arguments) pairs.

    Returns:
        its answer to the first request, and its peak in GB; None, None when it failed.
    """
    tell(f"- {what}: {program}")
    try:
        with start() as worker:
            answers = [worker.ask(do, **arguments) for do, arguments in requests]
            found = worker.peak_memory / 1e9
    except WorkerError as error:
        result.notes.append(f"{what}: {program} is left out: {error}.")
        tell(f"  {result.notes[-1]}")
        return None, None
    last = answers[-1]
    speed = f"{last['tokens'] / last['seconds']:,.0f}" if "tokens" in last else ""
    result.rows.append((what, program, f"{found:.2f} GB", speed))
    result.measured[f"{what}: {program}"] = found
    return answers[0], found

"""Suite `decode`: characters a second in an answer, their cost by position, and the first one.

Weights are fresh: what an answer costs does not depend on what it says.
"""

import statistics
import subprocess
import sys
import time
from functools import partial

from mof_lab.configuration import to_dict
from mof_lab.folders import runs_folder
from mof_lab.planner import size_of

from . import machine
from .first_answer import seconds_to_first_answer
from .peers import ours, peer
from .results import Result
from .timing import Field, medians, ratio, speed
from .worker import PROJECT, WorkerError

PRESET = "t6"
AGAINST = ("published",)
ROUNDS = 7
EARLY, LATE = 20, 2000  # positions in a text


def run(options, tell):
    """Measures; see `benchmarks.__main__` for the options."""
    header = ("what", "program", "characters/s", "ms a character", "peak memory")
    result = Result("decode", options.label, PRESET, header)
    folder = checkpoint_folder(options, result.notes, tell)
    _speeds(options, folder, result, tell)
    _start(options.rounds, result, tell)
    return result


def checkpoint_folder(options, notes, tell):
    """A checkpoint of a preset with fresh weights, with its int8 export where there is one."""
    folder = runs_folder() / "bench" / options.label
    tell(f"Making a checkpoint of {options.label} with fresh weights, and its int8 export.")
    with ours("answering") as worker:
        worker.ask("make", folder=str(folder), **options.request)
    try:
        with ours("answering", "export") as worker:
            worker.ask("export", folder=str(folder))
    except WorkerError as error:
        notes.append(f"int8 is left out: {error}.")
        tell(f"  {notes[-1]}")
    return folder


def _speeds(options, folder, result, tell):
    """Characters a second at the start of a text, and the cost of late ones over early ones."""
    preset = options.chosen
    tell(f"Answering with {options.label}.")
    with Field(tell, result.notes) as field:
        where = {"folder": str(folder)}
        field.add("ours fp32", partial(ours, "answering", "ours fp32"), "start_keras", **where)
        chosen = field.add("ours", partial(ours, "answering"), "start", **where)
        if "published" in options.against:
            field.add(
                "published",
                partial(peer, "published", "published", tell),
                "start_answering",
                vocabulary_size=preset.vocabulary_size,
                config=None if preset.name == "t6" else to_dict(preset.model),
            )
        measures = {
            "ours fp32": speed("write", position=EARLY, characters=60),
            "published": speed("answer", characters=4),
        }
        for position in (EARLY, LATE):
            measures[f"ours: {position}"] = speed("write", position=position, characters=150)
        field.add("memory", partial(ours, "kernels", "memory"), "bandwidth", seconds=0.5)
        measures["memory"] = _bandwidth
        measured = field.interleave(measures, options.rounds)
        peaks = {name: worker.peak_memory for name, worker in field.workers.items()}
    result.measured["characters a second"] = measured
    found = medians(measured)
    int8 = chosen is not None and chosen["runtime"] == "litert"
    runtime = "LiteRT int8" if int8 else "Keras fp32"
    names = {"ours fp32": "ours, Keras fp32", "published": "published, fp32"}
    names |= {f"ours: {p}": f"ours, {runtime}, from position {p:,}" for p in (EARLY, LATE)}
    bandwidth = found.pop("memory", None)
    for name, value in found.items():
        peak = f"{peaks[name.split(':')[0]] / 1e9:.2f} GB"
        row = (options.label, names[name], f"{value:,.1f}", f"{1000 / value:,.2f}", peak)
        result.rows.append(row)
    if bandwidth:  # each answered character reads all weights that it is multiplied with
        for kind, size in (("fp32", 4), ("int8", 1)):
            value = bandwidth / (size * size_of(preset).multiplied)
            program = f"memory bandwidth, {bandwidth / 1e9:.0f} GB/s, {kind}"
            row = (options.label, program, f"{value:,.1f}", f"{1000 / value:,.2f}", "")
            result.rows.append(row)
            if found.get("published"):
                figure = f"{{preset}}_answer_{kind}_vs_published"
                result.bound(figure, value / found["published"])
    early, late, published = (
        found.get(x) for x in (f"ours: {EARLY}", f"ours: {LATE}", "published")
    )
    result.set("{preset}_answer_fp32_vs_published", ratio(found.get("ours fp32"), published))
    if int8:
        result.set("{preset}_answer_int8_vs_published", ratio(early, published))
    result.set("answer_cost_2000_over_20", ratio(early, late))


def _bandwidth(worker):
    return worker.ask("bandwidth", seconds=0.5)["bytes"]


def _start(rounds, result, tell):
    """Seconds to a first answer: in the first notebook, and in a process that does nothing else."""
    result.measured["first answer"] = {}
    for what, measure in (
        ("00_start", seconds_to_first_answer),
        ("a process alone", _process_seconds),
    ):
        tell(f"From the start to the first answer: {what}.")
        try:
            seconds = [measure() for _ in range(rounds + 1)][1:]  # the first fills the file cache
        except WorkerError as error:
            result.notes.append(f"The first answer in {what} is left out: {error}.")
            tell(f"  {result.notes[-1]}")
            continue
        median = statistics.median(seconds)
        tell(f"  {median:.2f} s")
        result.measured["first answer"][what] = seconds
        result.rows.append(("tiny, as shipped", f"first answer, {what}", "", f"{median:.2f} s", ""))
        if measure is seconds_to_first_answer:
            result.set("start_to_first_character_s", median)


def _process_seconds():
    """From the start of a process that loads the shipped checkpoint to its first character."""
    command = [sys.executable, "-m", "benchmarks.workers.first_character"]
    environment = machine.worker_environment()
    started = time.perf_counter()
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip() or "it said nothing"
        raise WorkerError(words.splitlines()[-1])
    return seconds

"""Measures one process and two workers, and writes docs/scaling.json and the tables of scaling.md.

    python tools/scaling.py measure            # 4 minutes on a machine that does nothing else
    python tools/scaling.py page               # the tables alone, from docs/*.json and reports

Two workers share this machine, so each of the three ways has its threads said: `one` has one core,
as each of the two workers, and `all` has every core.
"""

import json
import multiprocessing
import os
import statistics
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import machine  # noqa: E402
from mof_lab import cluster, planner, scaling  # noqa: E402
from mof_lab.configuration import preset as preset_named  # noqa: E402
from mof_lab.limits import allowed_cores  # noqa: E402
from mof_lab.processes import call  # noqa: E402

RESULT, PAGE = ROOT / "docs" / "scaling.json", ROOT / "docs" / "scaling.md"
LARGE = ROOT / "docs" / "large_text.json"
LARGE_MEMORY = 600e6  # bytes that a process may ask for, however large the text
MEASURED = {"tiny": 60, "small": 12}  # preset -> steps
COMPUTED = ("base", "t6")
WORKERS = (2, 8, 64, 1024)
TEXT = 100e9  # bytes
TOKENS_A_PARAMETER = 20  # Hoffmann et al. 2022
#: Of a step that are not counted: they compile, and fill caches.
FIRST = 3


# ---- measuring ----------------------------------------------------------------------------------


def practise(connection, name, steps, threads, config):
    """In a process of its own: seconds of each step, and bytes that crossed the loopback."""
    os.environ.update(TF_NUM_INTRAOP_THREADS=str(threads), TF_NUM_INTEROP_THREADS=str(threads))
    if config:
        os.environ["TF_CONFIG"] = config
    strategy = cluster.strategy_named("multi-worker" if config else "one")
    preset = preset_named(name)
    replicas = strategy.num_replicas_in_sync
    with strategy.scope():
        trainer = planner.practice(replace(preset, batch=preset.batch * replicas))
        trainer.report_seconds = 0.0
        times, sent = [], []
        for _ in trainer:
            times.append(time.perf_counter())
            sent.append(_loopback())
            if trainer.record.step == FIRST + steps:
                break
    each = [
        later - earlier for earlier, later in zip(times[FIRST:], times[FIRST + 1 :], strict=False)
    ]
    connection.send(
        {
            "preset": name,
            "workers": replicas,
            "threads": threads,
            "windows": preset.batch,
            "window": preset.window,
            "parameters": trainer.model.count_params(),
            "seconds": statistics.median(each),
            "seconds_spread": [min(each), max(each)],
            "steps": len(each),
            "loopback_bytes": (sent[-1] - sent[FIRST]) / len(each),
            "memory": trainer.record.peak_memory,
        }
    )


def _loopback():
    counters = psutil.net_io_counters(pernic=True)
    return sum(counters[name].bytes_sent for name in counters if name.startswith("lo"))


def measure():
    """Everything of docs/scaling.json."""
    load = machine.load()
    runs = []
    for name, steps in MEASURED.items():
        for threads, configs in (
            (allowed_cores(), [""]),
            (1, [""]),
            (1, cluster.on_this_machine(2)),
        ):
            found = _together(practise, [(name, steps, threads, config) for config in configs])
            runs.append(found[0])
            print(found[0], flush=True)
    rate, sizes = call(_ceiling)[0]
    first, preset = runs[0], preset_named(runs[0]["preset"])
    a_character = first["seconds"] / (preset.batch * preset.window)
    size = sizes[preset.name]
    whole = planner.machine_from(preset, size, rate, a_character, first["memory"])
    return {
        "command": "python tools/scaling.py measure",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.facts(),
        "load": load,
        "quiet": load is not None and load < machine.QUIET_LOAD,
        "runs": runs,
        "computed": [_computed(preset_named(name), sizes[name], whole) for name in COMPUTED],
    }


def _ceiling(send):
    sizes = {name: planner.size_of(preset_named(name)) for name in (*MEASURED, *COMPUTED)}
    return planner.product_rate(2.0), sizes


def _computed(preset, size, whole):
    """A step of a preset that takes too long to measure, as `planner` predicts it."""
    return {
        "preset": preset.name,
        "parameters": size.parameters,
        "windows": preset.batch,
        "window": preset.window,
        "seconds": whole.seconds(size) * preset.batch * preset.window,
    }


def _together(function, argument_lists):
    """What processes that run at the same time send back."""
    context, started = multiprocessing.get_context("spawn"), []
    for arguments in argument_lists:
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=function, args=(there, *arguments))
        process.start()
        there.close()
        started.append((process, here))
    found = [connection.recv() for _, connection in started]
    for process, _ in started:
        process.join()
    return found


# ---- tables -------------------------------------------------------------------------------------


def measured_table(result):
    """What was measured, with the all-reduce's bytes beside those that arithmetic expects."""
    rows = []
    for run in result["runs"]:
        n, step = run["workers"], scaling.step_of(run)
        expected = n * scaling.sent(step, n)
        rows.append(
            [
                run["preset"],
                f"{n} × {run['threads']}",
                f"{n * run['windows']}×{run['window']}",
                f"{1000 * step.seconds:,.0f} ({1000 * run['seconds_spread'][0]:,.0f} – "
                f"{1000 * run['seconds_spread'][1]:,.0f})",
                f"{n * step.characters / step.seconds:,.0f}",
                f"{run['loopback_bytes'] / 1e6:,.1f}" if n > 1 else "–",
                f"{expected / 1e6:,.1f}" if n > 1 else "–",
                f"{run['memory'] / 1e9:.2f}",
            ]
        )
    header = [
        "preset 预设",
        "workers × cores 进程×核",
        "windows a step 每步窗口",
        "ms a step 每步毫秒",
        "char/s 字/秒",
        "MB a step 每步传输",
        "expected 应为",
        "GB each 内存",
    ]
    return _markdown(header, rows)


def speed_table(result):
    """Characters a second and efficiency of more workers over each link."""
    rows = []
    for name, step in scaling.steps_of(result).items():
        for link, bandwidth in scaling.LINKS.items():
            cells = []
            for n in WORKERS:
                busy = scaling.efficiency(step, n, bandwidth)
                cells.append(f"{scaling.speed(step, n, bandwidth):,.0f} ({busy:.0%})")
            one = f"{step.characters / step.seconds:,.0f}"
            last = f"{scaling.most_workers(step, bandwidth):,}"
            known = "measured 实测" if name in MEASURED else "computed 计算"
            rows.append([f"{name}, {known}", link, one, *cells, last])
    header = [
        "preset 预设",
        "link 网络",
        "1",
        *(f"{n:,}" for n in WORKERS),
        "half waits at 一半在等",
    ]
    return _markdown(header, rows)


def text_table(result):
    """Days that 100 GB of text take, read once."""
    rows = []
    for name, step in scaling.steps_of(result).items():
        for link, bandwidth in scaling.LINKS.items():
            cells = [
                f"{scaling.days(TEXT, scaling.speed(step, n, bandwidth)):,.1f}"
                for n in (1, *WORKERS)
            ]
            rows.append([name, link, *cells])
    return _markdown(["preset 预设", "link 网络", *(f"{n:,}" for n in (1, *WORKERS))], rows)


def shared_table(result):
    """How many times quicker the preset's own batch is, shared by workers."""
    rows = []
    for name, step in scaling.steps_of(result).items():
        windows = preset_named(name).batch
        shared = [n for n in (2, 4, 8, 16) if windows % n == 0]
        for link, bandwidth in scaling.LINKS.items():
            cells = [f"{scaling.fixed_batch_speedup(step, n, bandwidth):.2f} ×" for n in shared]
            rows.append([name, link, *cells, *["–"] * (4 - len(cells))])
    return _markdown(["preset 预设", "link 网络", "2", "4", "8", "16"], rows)


def limits():
    """Two lines: how few steps `tiny` would have, and what 100 GB of text are enough for."""
    tiny, small = (
        json.loads((ROOT / "checkpoints" / name / "report.json").read_text(encoding="utf-8"))
        for name in MEASURED
    )
    preset, workers = preset_named("tiny"), WORKERS[-1]
    step = workers * preset.batch * preset.window
    trained = sum(stage["tokens"] for stage in tiny["stages"])
    characters = TEXT / scaling.BYTES_A_CHARACTER
    enough = characters / TOKENS_A_PARAMETER
    return (
        f"- **The batch.** With {workers:,} workers and {preset.batch} windows of {preset.window} "
        f"characters each, a step is {step / 1e6:.1f} million characters. Beyond a critical batch, "
        "larger ones save hardly any steps (McCandlish et al. 2018), and the whole of `tiny`'s "
        f"training is {trained / 1e6:.1f} million: {trained / step:.0f} steps. Many workers need a "
        "large model and much text. 批量过大，步数几乎不再减少。\n"
        f"- **The model.** About {TOKENS_A_PARAMETER} tokens a parameter is what a model makes the "
        f"best use of (Hoffmann et al. 2022): {characters / 1e9:.0f} billion characters are for "
        f"{enough / 1e9:.1f} billion parameters, {enough / small['parameters']:.0f} times `small`. "
        "小模型用不了那么多文本。\n"
    )


def large_table():
    """What docs/large_text.json has; empty where nobody has measured it."""
    if not LARGE.exists():
        return ""
    result = json.loads(LARGE.read_text(encoding="utf-8"))
    names = {
        "documents": "read 读入",
        "windows": "tokenise, pack 编码装窗",
        "train, no XLA": "train, without XLA 训练（不用 XLA）",
        "train": "train, compiled by XLA 训练（XLA 编译）",
    }
    rows = [
        [
            label,
            f"{result['parts'][part]['seconds']:,.0f}",
            f"{result['parts'][part]['characters_a_second']:,}",
            *(
                f"{result['parts'][part][key] / 1e6:,.0f}"
                for key in ("libraries", "private", "resident")
            ),
            "yes 是" if result["parts"][part]["private"] < LARGE_MEMORY else "no 否",
        ]
        for part, label in names.items()
        if part in result["parts"]
    ]
    made = result["parts"]["generate"]
    header = [
        "part 部分",
        "s 秒",
        "char/s 字/秒",
        "libraries 库, MB",
        "private 私有, MB",
        "resident 驻留, MB",
        f"private under 私有低于 {LARGE_MEMORY / 1e6:.0f} MB",
    ]
    return (
        f"{made['bytes'] / 1e6:,.0f} MB, {made['characters']:,} characters 字. "
        + _where(result)
        + "\n\n"
        + _markdown(header, rows)
    )


def _where(result):
    cpu, cores = result["machine"]["cpu"], result["machine"]["cores"]
    words = f"{cpu}, {cores} cores 核, {result['date'][:10]}"
    if not result["quiet"]:
        words += (
            f"; load {result['load']}: other programs were computing, so the figures are to be "
            "measured again 当时机器并不空闲，需重测"
        )
    return words + "."


def _markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def with_tables(page):
    """docs/scaling.md with its tables made anew, each between its two marks."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    tables = {
        "measured": _where(result) + "\n\n" + measured_table(result),
        "speed": speed_table(result),
        "shared": shared_table(result),
        "text": text_table(result),
        "large": large_table(),
        "limits": limits(),
    }
    for name, text in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        before, rest = page.split(begin)
        page = f"{before}{begin}{text}{end}{rest.split(end)[1]}"
    return page


def main(arguments):
    if arguments not in (["measure"], ["page"]):
        raise SystemExit(__doc__)
    if arguments == ["measure"]:
        text = json.dumps(measure(), ensure_ascii=False, indent=1)
        RESULT.write_text(text + "\n", encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Does a kernel leak? Chats and trainings are started and stopped in one process, as by clicks.

    python tools/soak.py --minutes 60                 # writes docs/soak.json
    python tools/soak.py --minutes 3 --out soak.json

A round: a chat widget answers three messages with the model that ships, one answer is stopped on
its way, the conversation is saved, loaded and undone; a training panel trains a toy, is paused,
resumed and stopped, which saves a checkpoint. Memory, threads and open files are taken after each
round, when nothing runs. The first sixth of the time (10 minutes of 60) is for what is compiled and
cached once; what the process holds then and at the end is compared, and over the second half of the
rounds memory may hardly grow with each: a leak goes on, a cache is full some time.

`--again 10` runs the training's cell anew every tenth round: a new model, a new panel. TensorFlow
keeps what it compiled for the old ones, so memory grows with each; no thread or file may be left.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

os.environ["MOF_LAB_HEADLESS"] = "0"  # as where somebody clicks: jobs run beside the cells

import numpy as np
import psutil

from mof_lab import corpus, jobs, preset, shipped
from mof_lab.configuration import ModelConfig
from mof_lab.limits import allowed_cores
from mof_lab.machine import cpu_name, versions
from mof_lab.pipeline import Run
from mof_lab.widgets import Chat, TrainingPanel

OUT = Path(__file__).resolve().parent.parent / "docs" / "soak.json"
WARM = 1 / 6  # of the time
MOST_GROWTH = 0.05  # of the memory, from then to the end
MOST_A_ROUND = 100_000  # bytes, over the second half
LONG = 120  # seconds; what takes longer has hung


class Rounds:
    """What is done again and again, in a folder of its own."""

    def __init__(self, folder, again):
        self.folder, self.again = folder, again
        self.done = self.answers = self.steps = self.models = 0
        path = folder / "mine.txt"
        lines = (f"第{i}天，米米在白桥边等阿旺，等了{i}个小时。" for i in range(400))
        path.write_text("\n\n".join(lines), encoding="utf-8")
        text = corpus.split(corpus.load(path, tell=lambda said: None))
        toy = ModelConfig(embedding_dim=16, gru_units=16, num_layers=1, num_heads=2, router_units=4)
        small = replace(preset("tiny"), model=toy, window=32, batch=2, vocabulary_size=200)
        self.run = Run(small, folder / "run", text)
        self.stage = replace(small.stage("gru"), steps=10**7)
        self.chat = Chat(shipped(), max_length=40, seed=1)

    def one(self):
        """A round; afterwards nothing runs."""
        if not self.models or self.again and self.done % self.again == 0:
            self.panel = TrainingPanel(self.run, self.stage, sayings=("米米",))
            self.models += 1
        self._talk()
        self._train()
        self.done += 1

    def _talk(self):
        chat, transcript = self.chat, self.folder / "talk.json"
        _over(chat.say("你好", "我叫小明", "我叫什么名字？"))
        chat.set(temperature=10, top_p=1.0, max_length=2048)
        job = chat.say("讲一个很长的故事")
        job.wait(0.3)
        chat.stop()
        _over(job)
        chat.set(temperature=0.32, top_p=0.95, max_length=40)
        chat.save(transcript)
        _over(chat.load(transcript))
        chat.undo()
        self.answers += len(chat.exchanges)
        chat.clear()

    def _train(self):
        panel, first = self.panel, self.panel.record.step
        job = panel.start()
        self._until(lambda: panel.record.step > first + 5, job)
        panel.pause()
        self._until(lambda: job.state == jobs.PAUSED, job)
        panel.resume()
        job.wait(1.0)
        panel.stop()
        _over(job)
        self.steps += panel.record.step - first

    def _until(self, condition, job):
        end = time.monotonic() + LONG
        while not condition():
            if job.wait(0.02) or time.monotonic() > end:
                raise SystemExit(f"The training did not go on: {job.state}, {job.failure}")


def _over(job):
    if not job.wait(LONG) or job.failure is not None:
        raise SystemExit(f"{job.name} did not end well: {job.state}, {job.failure}")


def measure():
    """What the process holds now."""
    gc.collect()
    process = psutil.Process()
    files = process.num_fds() if hasattr(process, "num_fds") else len(process.open_files())
    return {
        "memory_bytes": process.memory_info().rss,
        "threads": process.num_threads(),
        "python_threads": threading.active_count(),
        "files": files,
    }


def judged(samples, minutes):
    """What was left behind, from the samples (see `measure`) of all rounds of so many minutes."""
    warm = next(s for s in samples if s["seconds"] >= 60 * minutes * WARM)
    last, half = samples[-1], [s["memory_bytes"] for s in samples[len(samples) // 2 :]]
    growth = last["memory_bytes"] / warm["memory_bytes"] - 1
    # A line through all of them: what a single round frees late, or early, says little.
    a_round = float(np.polyfit(range(len(half)), half, 1)[0]) if len(half) > 1 else 0.0
    left = {name: last[name] - warm[name] for name in ("threads", "python_threads", "files")}
    return {
        "warm": warm,
        "end": last,
        "growth": round(growth, 4),
        "bytes_a_round": round(a_round),
        "left": left,
        "passed": growth < MOST_GROWTH and a_round < MOST_A_ROUND and max(left.values()) <= 0,
    }


def soak(minutes, again=0, tell=print):
    """Rounds for so many minutes; returns what `docs/soak.json` holds."""
    began, samples = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        rounds = Rounds(Path(folder), again)
        while time.monotonic() - began < 60 * minutes or len(samples) < 3:
            rounds.one()
            samples.append({"seconds": round(time.monotonic() - began, 1), **measure()})
            if rounds.done % 20 == 1:
                tell(f"round {rounds.done}: {samples[-1]}")
    return {
        "command": f"python tools/soak.py --minutes {minutes:g}"
        + (f" --again {again}" if again else ""),
        "minutes": round((time.monotonic() - began) / 60, 1),
        "rounds": rounds.done,
        "answers": rounds.answers,
        "training_steps": rounds.steps,
        "models": rounds.models,
        **judged(samples, minutes),
        "samples": samples[:: max(1, len(samples) // 60)],
        "machine": {"cpu": cpu_name(), "cores": allowed_cores()},
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Does a kernel leak?")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--again", type=int, default=0, help="rounds after which a cell is rerun")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    found = soak(options.minutes, options.again)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(
        f"{found['rounds']} rounds in {found['minutes']} minutes: memory "
        f"{found['warm']['memory_bytes'] / 1e6:.0f} → {found['end']['memory_bytes'] / 1e6:.0f} MB "
        f"({found['growth']:+.1%}, {found['bytes_a_round'] / 1e6:+.3f} MB a round at the end), "
        f"left {found['left']}: " + ("passed" if found["passed"] else "NOT passed")
    )
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())

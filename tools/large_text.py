"""Generated text through documents → windows → training, with the speed and the memory of each.

    python tools/large_text.py --megabytes 1000     # writes docs/large_text.json

Every part is a process of its own. Its memory is counted twice: *private*, what it asked for
itself, and *resident*, with the pages of memory-mapped files that the system keeps as long as
nobody else wants the room. `libraries` is the private memory once everything is imported.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import machine  # noqa: E402
from mof_lab import corpus, processes, shards  # noqa: E402
from mof_lab.configuration import preset  # noqa: E402
from mof_lab.vocabulary import Vocabulary  # noqa: E402

RESULT = ROOT / "docs" / "large_text.json"
PRESET = preset("tiny")
FILE_BYTES = 20_000_000
COMPILED = 3  # steps until nothing more is compiled


def generate(send, folder, size):
    """About `size` bytes of JSON lines: sentences of the project's stories, shuffled."""
    stories = [row["text"] for row in corpus.project(PRESET).train if row["kind"] == "story"]
    sentences = [s + "。" for story in stories for s in story.split("。") if s]
    rng, written, characters, number = random.Random(1), 0, 0, 0
    with measured() as found:
        while written < size:
            with (folder / f"{number:05d}.jsonl").open("w", encoding="utf-8") as file:
                while file.tell() < min(FILE_BYTES, size - written):
                    text = "".join(rng.choices(sentences, k=rng.randint(5, 40)))
                    characters += len(text)
                    file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
                written, number = written + file.tell(), number + 1
    return {**found, "bytes": written, "characters": characters, "files": number}


def read(send, texts, folder):
    """The files as documents on disk."""
    import datasets  # noqa: F401 (its memory is that of a library)

    with measured() as found:
        rows = _documents(texts, folder)
        found["documents"] = len(rows)
    return found


def tokenise(send, texts, folder):
    """A vocabulary, and all windows."""
    import datasets  # noqa: F401

    rows = _documents(texts, folder)  # they are there
    with measured() as found:
        vocabulary = shards.vocabulary_of(rows, PRESET.vocabulary_size)
        vocabulary.save(folder / "vocabulary.json")
        shards.tokenise(rows, vocabulary, PRESET.window, folder)
    packs = shards.open_shards(folder, "train")
    found["windows"] = sum(len(windows) for windows in packs.values())
    found["bytes"] = sum(path.stat().st_size for path in folder.rglob("*.npy"))
    return found


def train(send, folder, seconds, xla):
    """Some seconds of the preset's joint stage, on windows from everywhere in the text."""
    from dataclasses import replace

    from mof_lab.model import MoF
    from mof_lab.training import Trainer

    class Unsaved(Trainer):
        def save(self):
            """Nothing: no one goes on from here."""

    vocabulary = Vocabulary.load(folder / "vocabulary.json")
    with measured() as found:
        stage = replace(PRESET.stage("joint"), steps=10**6, shares=())
        model = MoF(replace(PRESET.model, vocabulary_size=len(vocabulary)))
        packs = shards.open_shards(folder, "train")
        how = replace(PRESET, xla=xla)
        trainer = Unsaved(model, vocabulary, packs, how, stage, folder / "run")
        reports = iter(trainer)
        while trainer.record.step < COMPILED:
            next(reports)
        began, before = time.monotonic(), trainer.record.tokens
        for _ in reports:
            if time.monotonic() - began > seconds:
                break
        spent, tokens = time.monotonic() - began, trainer.record.tokens - before
    found.update(seconds=round(spent, 1), characters=tokens)
    return {**found, "characters_a_second": round(tokens / spent)}


def _documents(texts, folder):
    return shards.documents("json", folder, data_files=sorted(map(str, texts.glob("*.jsonl"))))


@contextmanager
def measured():
    """A dictionary that has seconds and bytes of memory, once the block is left."""
    found, done = {"seconds": 0.0, "libraries": _memory()[0], "private": 0, "resident": 0}, []

    def watch():
        while not done:
            for name, now in zip(("private", "resident"), _memory(), strict=True):
                found[name] = max(found[name], now)
            time.sleep(0.05)

    watcher, began = threading.Thread(target=watch, daemon=True), time.monotonic()
    watcher.start()
    yield found
    done.append(True)
    watcher.join()
    found["seconds"] = round(time.monotonic() - began, 1)


def _memory():
    """Bytes of this process, private and resident; Linux alone counts them apart."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return tuple(int(status[name].split()[0]) * 1024 for name in ("RssAnon", "VmRSS"))


def main():
    parser = argparse.ArgumentParser(description="A large text through the whole of the data path.")
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0, help="of training")
    parser.add_argument("--folder", type=Path, help="a disk with room for five times the text")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    texts = folder / "texts"
    texts.mkdir()
    load, parts = machine.load(), {}
    work = {
        "generate": (generate, texts, options.megabytes * 10**6),
        "documents": (read, texts, folder),
        "windows": (tokenise, texts, folder),
        "train, no XLA": (train, folder, options.seconds, False),
        "train": (train, folder, options.seconds, True),  # its compiler asks for twice as much
    }
    try:
        for name, (function, *arguments) in work.items():
            parts[name], _ = processes.call(function, *arguments)
            if name in ("documents", "windows"):
                per_second = parts["generate"]["characters"] / parts[name]["seconds"]
                parts[name]["characters_a_second"] = round(per_second)
            print(name, parts[name], flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {
        "command": f"python tools/large_text.py --megabytes {options.megabytes}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.facts(),
        "load": load,
        "quiet": load is not None and load < machine.QUIET_LOAD,
        "parts": parts,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Ours: a chat session that writes, with Keras's step or with what `ChatSession` chooses.

Where an exported int8 file lies beside the checkpoint, `ChatSession` takes that one, and this
process never loads TensorFlow: nothing here imports it.
"""

import importlib
import sys
import time
from dataclasses import replace
from pathlib import Path

from mof_lab.arguments import preset_of
from mof_lab.configuration import to_dict
from mof_lab.errors import LabError

from ..worker import serve

#: As the published chat has them.
SAMPLING = {"temperature": 0.32, "top_p": 0.8, "repetition_penalty": 1.2}


def make(folder, preset, experts=()):
    """A checkpoint of a preset with fresh weights, unless the folder holds one.

    Args:
        experts: of the mixture; none = the preset's own.
    """
    from mof_lab import checkpoint
    from mof_lab.vocabulary import SPECIAL_NAMES, Vocabulary

    preset = preset_of(preset, experts)
    config = replace(preset.model, vocabulary_size=preset.vocabulary_size)
    wanted = {k: list(v) if isinstance(v, tuple) else v for k, v in to_dict(config).items()}
    try:
        if checkpoint.read_meta(folder)["config"] == wanted:
            return {}
    except LabError:
        pass
    from mof_lab.model import MoF

    for path in Path(folder).glob("*"):
        path.unlink()  # an export of other weights must not stay beside them
    count = preset.vocabulary_size - len(SPECIAL_NAMES)
    vocabulary = Vocabulary(chr(0x4E00 + i) for i in range(count))
    meta = {"step": 0, "stage": "chat", "preset": preset.name}
    checkpoint.save(folder, MoF(config), vocabulary, meta)
    return {}


def export(folder):
    """The int8 file beside a checkpoint; an error where something that makes it is missing."""
    try:
        exporter = importlib.import_module("mof_lab.export")
    except ModuleNotFoundError as missing:
        raise LabError(f"{missing.name} is missing here") from None
    exporter.export(Path(folder))
    return {}


class Answering:
    """Sessions of one checkpoint, by name."""

    def start_keras(self, folder):
        """Sessions with Keras's compiled step, whatever lies beside the checkpoint."""
        from mof_lab import checkpoint
        from mof_lab.chat import ChatSession

        model, vocabulary, _ = checkpoint.load(folder)
        self._new = lambda: ChatSession(model, vocabulary)
        return self._warm_up()

    def start(self, folder):
        """Sessions with the model that the lab would open, the same one for all of them.

        A copy of the weights for each would be measured too: which one lies better in memory.
        """
        from mof_lab.chat import ChatSession

        opened = ChatSession.from_checkpoint(folder)
        self._new = lambda: ChatSession(opened.decoder.model, opened.vocabulary)
        return self._warm_up()

    def _warm_up(self):
        self.sessions = {}
        self.write(20, 4)
        return {"runtime": "keras" if "tensorflow" in sys.modules else "litert"}

    def write(self, position, characters):
        """Writes so many characters after reading up to a position: {"tokens", "seconds"}.

        What was written is taken back, so that each round begins at the same position.
        """
        if position not in self.sessions:
            self.sessions[position] = session = self._new()
            letters = session.vocabulary.characters
            text = (letters * (position // len(letters) + 1))[:position]
            session.decoder.read(session.vocabulary.encode(text))
        decoder = self.sessions[position].decoder
        before = decoder.state, decoder.output
        started, written = time.perf_counter(), 0
        while written < characters:  # weights that learnt nothing may end an answer at once
            written += _count(decoder, characters - written)
        seconds = time.perf_counter() - started
        decoder.state, decoder.output = before
        return {"tokens": written, "seconds": seconds}

    def chat(self, text):
        """One answer: {"text"}."""
        return {"text": self.sessions[20].chat(text, max_length=40)}


def _count(decoder, characters):
    from mof_lab.generation import Sampling

    return sum(1 for _ in decoder.write(Sampling(**SAMPLING), characters))


if __name__ == "__main__":
    one = Answering()
    serve(
        {
            "make": make,
            "export": export,
            "start_keras": one.start_keras,
            "start": one.start,
            "write": one.write,
            "chat": one.chat,
        }
    )

"""Answering without TensorFlow: the export of a checkpoint, run by LiteRT.

    model.tflite   the model, as the signatures `step` and `prefill`
    export.json    which weights it was made from, its checksum, how near it comes to them

Both lie beside the checkpoint (`export.export` writes them). They are used as long as they belong
to its weights.
"""

import hashlib
import json
import threading
import timeit
from pathlib import Path

import numpy as np

from .chatter import without_chatter
from .errors import LabError
from .limits import allowed_cores

FILE, CARD = "model.tflite", "export.json"
FORMAT = "mof-lab export 1"
#: A smaller file is read quicker than two threads meet, bytes.
WORTH_THREADS = 16e6


class Model:
    """An exported MoF, with what a `generation.Decoder` needs of one.

    Args:
        path: of the `.tflite` file.
        config: the `ModelConfig` of the model it was made from.
    """

    def __init__(self, path, config):
        self.config = config
        interpreter = _open(path, _threads(Path(path)))
        runners = [interpreter.get_signature_runner(name) for name in ("prefill", "step")]
        inputs = [runner.get_input_details() for runner in runners]
        self.pieces = tuple(int(details.pop("tokens")["shape"][1]) for details in inputs)
        self._runners = dict(zip(self.pieces, runners, strict=True))
        self._running = threading.Lock()  # an interpreter computes one thing at a time
        self._state = {
            name: np.zeros(details["shape"], details["dtype"])
            for name, details in inputs[-1].items()
            if name != "forced"
        }

    def initial_state(self):
        """The state of an empty history, by name."""
        return self._state

    def reader(self, expert=None, router_weights=None):
        """Prefill and step, see `model.MoF.reader`; tokens are (1, one of `pieces`).

        An expert alone is a blend in which it has all the weight; without either, the blend is
        all zeros and the router decides.
        """
        forced = np.zeros((1, len(self.config.experts)), np.float32)
        if expert is not None:
            forced[0, self.config.expert_index(expert)] = 1
        elif router_weights is not None:
            forced[0] = router_weights

        def read(tokens, state):
            with self._running:
                out = self._runners[tokens.shape[1]](tokens=tokens, forced=forced, **state)
            logits, weights = out.pop("logits"), out.pop("router_weights")
            return {"logits": logits, "router_weights": weights, "state": out}

        return read


def _open(path, threads):
    from ai_edge_litert.interpreter import Interpreter  # not for every system

    with without_chatter():
        interpreter = Interpreter(str(path), num_threads=threads)
        interpreter.allocate_tensors()  # what can't run here is said here
    return interpreter


def _threads(path):
    """One thread, or one a core where that is quicker here and now."""
    if path.stat().st_size < WORTH_THREADS:
        return 1
    return min({1, allowed_cores()}, key=lambda threads: _seconds_a_step(_open(path, threads)))


def _seconds_a_step(interpreter):
    step = interpreter.get_signature_runner("step")
    inputs = {
        name: np.zeros(details["shape"], details["dtype"])
        for name, details in step.get_input_details().items()
    }
    return min(timeit.repeat(lambda: step(**inputs), number=1, repeat=5))


def load(directory, config, meta):
    """The export that lies beside a checkpoint, as a `Model`; None where there is none.

    Args:
        directory, config, meta: of the checkpoint; see `checkpoint.describe`.
    """
    card = read_card(directory, meta)
    if card is None:
        return None
    path = Path(directory) / FILE
    try:
        return Model(path, config)
    except (ImportError, ValueError, RuntimeError, KeyError) as error:
        reason = first_line(error)
        raise LabError(f"LiteRT can't open {path} ({reason}), so Keras answers.") from None


def first_line(error):
    """What an exception of LiteRT says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def read_card(directory, meta):
    """`export.json` of an export that can be used; None where there is no export."""
    path = Path(directory) / FILE
    if not path.exists():
        return None
    try:
        card = json.loads(path.with_name(CARD).read_text(encoding="utf-8"))
        whole = card["format"] == FORMAT and card["sha256"] == checksum(path)
        fits = card["weights"] == meta["files"]["model"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        whole = fits = False
    if not whole:
        reason = f"is damaged or not what {CARD} describes"
    elif not fits:
        reason = "was made from other weights than these"
    else:
        return card
    raise LabError(f"{path} {reason}, so Keras answers; `mof-lab export` makes it anew.")


def checksum(path):
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""A training as it went: its course and moments of it, small enough to keep beside the checkpoint.

    recording = Recording.load("runs/notebooks/gru")     # its folder, or the file in it
    recording.moment_at(120)                             # what was seen then

`recording.json` needs neither the model nor TensorFlow, so that a class can look at a training
that nobody waits for.
"""

import json
import math
from dataclasses import asdict, dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import NamedTuple

from . import checkpoint
from .errors import LabError
from .files import write_atomically
from .progress import Record

FILE = "recording.json"
FORMAT = "mof-lab recording 1"
MOST_POINTS, MOST_MOMENTS = 300, 24
MOST = 1e15  # of any number
MOST_BYTES = 5_000_000  # of a file that is read in


class Point(NamedTuple):
    """Where a training stood."""

    step: int
    seconds: float  # of training so far
    loss: float  # bits a character, since the point noted before it
    held_out: float | None  # bits a character; None where it was not measured
    tokens_per_second: float
    learning_rate: float | None  # None where it was not noted
    memory: int  # bytes
    seconds_left: float


@dataclass
class Moment:
    """What the model wrote, whom it trusted and how it thought after so many steps."""

    step: int
    dialogues: list = field(default_factory=list)  # of [question, [[symbol, weights], …]]
    router: dict = field(default_factory=dict)  # kind of text → (experts,); {} without a router
    thought: list = field(default_factory=list)  # (blocks,), |thought| / |stream|; [] without
    asked: bool = False  # somebody wanted to see it


@dataclass
class Recording:
    """The course of one stage of a run.

    Args:
        experts: names, in the order of the weights.
        steps: of the whole stage.
    """

    stage: str
    preset: str
    experts: list
    steps: int
    points: list = field(default_factory=list)
    moments: list = field(default_factory=list)

    def add(self, progress):
        """Notes a `progress.Progress`."""
        self.steps = progress.steps
        self.points.append(
            Point(
                progress.step,
                round(progress.seconds, 2),
                round(progress.loss / math.log(2), 4),
                _rounded(progress.bits_per_character),
                round(progress.tokens_per_second, 1),
                progress.learning_rate,
                progress.memory,
                round(progress.seconds_left, 1),
            )
        )
        if len(self.points) > MOST_POINTS:
            self.points = _thinned(self.points, lambda point: point.held_out is not None)
        if len(self.points) > MOST_POINTS:  # nearly all of them are measured
            self.points = _thinned(self.points, lambda point: False)

    def add_moment(self, moment):
        """Notes a `Moment`; one that was taken at the same step gives way."""
        self.moments = [m for m in self.moments if m.step != moment.step]
        self.moments = sorted([*self.moments, moment], key=lambda m: m.step)
        if len(self.moments) > MOST_MOMENTS:
            self.moments = _thinned(self.moments, lambda moment: moment.asked)
            self.moments = self.moments[:1] + self.moments[1:][1 - MOST_MOMENTS :]

    def moment_at(self, step):
        """The last `Moment` at or before a step; None if there is none."""
        return next((m for m in reversed(self.moments) if m.step <= step), None)

    def back_to(self, step):
        """Forgets what came after a step: a training goes on from its last checkpoint."""
        self.points = [p for p in self.points if p.step <= step]
        self.moments = [m for m in self.moments if m.step <= step]

    def reduced(self, most_bytes):
        """A recording of fewer points and moments, so that its file has at most so many bytes.

        First, last and measured ones stay longest.
        """
        made = replace(self)
        while len(made._text().encode("utf-8")) > most_bytes:
            points, moments = made.points, made.moments
            if len(points) > 5 * len(moments):
                made.points = _thinned(points, lambda point: point.held_out is not None)
                if len(made.points) == len(points):
                    made.points = _thinned(points, lambda point: False)
            else:
                made.moments = _thinned(moments, lambda moment: False)
            if (len(points), len(moments)) == (len(made.points), len(made.moments)):
                break  # nothing to leave out any more
        return made

    def _text(self):
        return json.dumps(
            {"format": FORMAT, **asdict(self)}, ensure_ascii=False, separators=(",", ":")
        )

    def save(self, path):
        """Writes `recording.json` into a folder, or the file that `path` names (`….json`).

        The one that was there stays whole until then.
        """
        path = Path(path)
        path, text = path if path.suffix == ".json" else path / FILE, self._text()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text.encode("utf-8"))
        except OSError as error:
            raise LabError(
                f"The recording could not be saved as {path}: {error.strerror}; "
                "free some space or choose another folder."
            ) from None

    @classmethod
    def load(cls, path):
        """Reads a recording; path: the file, or the folder of a checkpoint.

        Where nobody looked on, as in `lab.py run` without --record, it is the curve that each
        checkpoint keeps.

        Raises:
            LabError: there is none, or it is damaged.
        """
        path = Path(path)
        if path.is_dir():
            if not (path / FILE).exists() and (path / "meta.json").exists():
                return cls._of_checkpoint(path)
            path = path / FILE
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ValueError
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls._checked(values)
        except OSError:
            raise LabError(
                f"There is no recording at {path}; a training in a notebook leaves one beside "
                "its checkpoint."
            ) from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise LabError(
                f"{path} is damaged or no recording of this lab; train again or copy it anew."
            ) from None

    @classmethod
    def _of_checkpoint(cls, directory):
        meta = checkpoint.read_meta(directory)
        try:
            record = Record.of(meta["record"], directory)
            made = cls(meta["stage"], meta["preset"], meta["config"]["experts"], record.steps)
            speed = record.tokens / max(1e-9, record.seconds)
            made._add_curve(record.curve, speed, record.peak_memory)
        except LabError:
            raise
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            raise LabError(
                f"The checkpoint in {directory} keeps no course of its training; train it again."
            ) from None
        return made

    @classmethod
    def of_report(cls, report, stage):
        """The curve of a stage as `report.json` (its values) has it; no moments."""
        one = next(s for s in report["stages"] if s["name"] == stage)
        made = cls(stage, report["preset"], report["experts"], one["steps"])
        made._add_curve(one["curve"], one["tokens_per_second"], one["peak_memory_bytes"])
        return made

    def _add_curve(self, curve, speed, memory):
        for step, seconds, loss, bits in curve:
            left = round(seconds * (self.steps / step - 1), 1)
            point = (step, seconds, round(loss / math.log(2), 4), _rounded(bits), round(speed, 1))
            self.points.append(Point(*point, None, memory, left))

    @classmethod
    def _checked(cls, values):
        """From JSON values; ValueError, TypeError or KeyError where they are something else."""
        _must(values.pop("format") == FORMAT)
        made = cls(**values)
        _must(isinstance(made.stage, str) and isinstance(made.preset, str))
        _must(isinstance(made.experts, list) and all(isinstance(e, str) for e in made.experts))
        _must(made.experts and isinstance(made.steps, int) and made.steps >= 0)
        made.points = [Point(*point) for point in made.points]
        for point in made.points:
            _must(_numbers(0 if x is None else x for x in point))
            _must(None not in point._replace(held_out=0, learning_rate=0))
        made.moments = [Moment(**moment) for moment in made.moments]
        for moment in made.moments:
            _must(_numbers([moment.step]) and _numbers(moment.thought))
            _must(all(map(made._shares, moment.router.values())))
            for question, characters in moment.dialogues:
                _must(isinstance(question, str))
                for symbol, weights in characters:
                    _must(isinstance(symbol, str) and (weights == [] or made._shares(weights)))
        return made

    def _shares(self, weights):
        return len(weights) == len(self.experts) and _numbers(weights)


def begun(directory, record, stage, preset, model):
    """The `Recording` of a stage up to its checkpoint; a new one where there is none to go on.

    Args:
        directory: of the stage, RUN/STAGE.
        record: the trainer's `progress.Record`.
        stage, preset: of `configuration`.
        model: what is trained.
    """
    try:
        found = Recording.load(directory)
    except LabError:
        return Recording(stage.name, preset.name, list(model.config.experts), record.steps)
    found.back_to(record.step)
    return found


def earlier(directory, limit=5):
    """The curves of the same stage in other runs, newest first.

    Args:
        directory: of the stage, RUN/STAGE; the runs beside RUN are looked at.
        limit: so many at most.

    Returns:
        name of the run → [[step, seconds, loss in nats, held-out bits or None], …].
    """
    directory = Path(directory).resolve()
    found = {}
    for path in directory.parent.parent.glob(f"*/{directory.name}/meta.json"):
        if path.parent == directory:
            continue
        try:
            meta = checkpoint.read_meta(path.parent)
            curve = [[*map(float, row[:3]), _rounded(row[3])] for row in meta["record"]["curve"]]
            saved = str(meta["saved"])
        except (LabError, KeyError, TypeError, ValueError, IndexError):
            continue  # damaged, or no training's: nothing to compare with
        if curve:
            found[path.parent.parent.name] = saved, curve
    newest = sorted(found, key=lambda name: found[name][0], reverse=True)[:limit]
    return {name: found[name][1] for name in newest}


def neighbours(path, limit=5):
    """`earlier` for a recording that is over, by its path, see `Recording.load`.

    Beside RUN/recordings/STAGE.json, as they ship, lie those of other runs.
    """
    path = Path(path).resolve()
    if path.parent.name != "recordings":
        return earlier(path.parent if path.is_file() else path, limit)
    found = {}
    for other in sorted(path.parent.parent.parent.glob(f"*/recordings/{path.name}")):
        if other == path or len(found) == limit:
            continue
        try:
            points = Recording.load(other).points
        except LabError:
            continue
        if points:
            rows = [[p.step, p.seconds, p.loss * math.log(2), p.held_out] for p in points]
            found[other.parent.parent.name] = rows
    return found


def _thinned(values, keep):
    """Every second of them, with the first, the last, and those that are to be kept."""
    last = len(values) - 1
    return [v for i, v in enumerate(values) if i % 2 == 0 or i == last or keep(v)]


def _rounded(number):
    return None if number is None else round(float(number), 4)


def _numbers(values):
    return all(isinstance(v, Real) and not isinstance(v, bool) and abs(v) < MOST for v in values)


def _must(sound):
    if not sound:
        raise ValueError

"""A text of your own: made ready for a training of so many minutes, and reported on after it.

own = prepare("my.txt", minutes=2)
print(own.appraisal)                # numbers, and a warning where it is too small
own.run, own.stage                  # to train: a `pipeline.Run`, a `configuration.Stage`
"""

import hashlib
import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path

from . import corpus
from .configuration import Stage, preset, to_dict
from .errors import LabError
from .folders import fast, runs_folder
from .judging import report_of
from .pipeline import Run, hash_of, learnable
from .planner import pace, rehearsal
from .readers import FORMATS, is_file
from .sources import find
from .text_appraisal import Appraisal, appraise, judged, known

#: Bytes of a file: what `corpus.LIMIT` Chinese characters take in UTF-8.
MOST_BYTES = 3 * corpus.LIMIT
MOST_MINUTES = 24 * 60
PACE_SECONDS = 4.0
EXPERT = "gru"


@dataclass(frozen=True)
class Own:
    """A text that is ready to be learnt."""

    name: str
    text: corpus.Corpus
    run: Run
    stage: Stage  # trains the GRU expert alone, for the minutes that were asked for
    appraisal: Appraisal

    @property
    def talks(self):
        """Does it teach to answer?"""
        return self.text.talks

    @property
    def prompts(self):
        """Two beginnings that were held out: questions, or the first characters of a text.

        Where no dialogue is held out, questions that were learnt.
        """
        if not self.talks:
            found = itertools.islice(corpus.texts(self.text.held_out), 2)
            return tuple(text.split("\n")[0][:4] for text in found)
        from .assessment import first_questions  # TensorFlow is slow to import

        of = self.run.preset
        wanted = 2, of.model.context_length, of.seed
        asked = (first_questions(rows, *wanted) for rows in (self.text.held_out, self.text.train))
        return tuple(next(filter(None, asked), ()))

    def bits(self, model, expert=EXPERT):
        """Held-out bits a character of a model, on the characters of the `Appraisal`."""
        from .evaluation import bits_per_character  # TensorFlow is slow to import

        return bits_per_character(model, judged(self.run), expert, known)["all"]


def example(folder):
    """Writes `example.txt`, the project's own stories, into a folder; returns its path."""
    stories = []
    for shelf in sorted((corpus.DATA / "core" / "stories").glob("*.jsonl")):
        lines = shelf.read_text(encoding="utf-8").splitlines()
        stories += [json.loads(line)["text"] for line in lines]
    path = Path(folder) / "example.txt"
    path.write_text("\n\n".join(stories) + "\n", encoding="utf-8")
    return path


def prepare(source, minutes, step=lambda key: None, tell=print, speed=None, opt_in=False):
    """Reads a text, packs it, measures this machine with it, and appraises it.

    Args:
        source: the path of a file, or a name of the catalogue (`corpus.sources`).
        minutes: how long a training is to take.
        step: called with "reading", "packing" and "measuring" as it goes.
        tell, opt_in: see `corpus.load`.
        speed: characters a second that training takes in; None = it is measured now.

    Returns:
        an `Own`; its run lies in a folder named by preset and text, so that the same text goes on.

    Raises:
        LabError: the text can't be read, or is too large or too poor to be learnt at all.
    """
    if not isinstance(minutes, int | float) or not 0 < minutes <= MOST_MINUTES:
        raise LabError(f"MINUTES is {minutes!r}; expected a number above 0, up to {MOST_MINUTES}.")
    check_file(source)
    step("reading")
    rows = corpus.load(source, opt_in=opt_in, tell=tell)
    step("packing")
    text = corpus.split(rows)
    of = preset("tiny")
    of = replace(of, stages=learnable(of.stages, text))
    of = of.shortened(0.004) if fast() else of
    run = Run(of, folder_of(of, text), text)
    step("measuring")
    stage = stage_of(run, minutes)
    speed = speed or speed_of(run, stage)
    steps = max(2, round(60 * minutes * speed / (of.batch * of.window)))
    stage = replace(stage, steps=of.stage(EXPERT).steps if fast() else steps)
    return Own(Path(str(source)).name, text, run, stage, appraise(run, text, speed, minutes))


def folder_of(preset, text):
    """Where the run of this preset on this text lies."""
    both = json.dumps(to_dict(preset), sort_keys=True) + hash_of(text)
    return runs_folder() / f"own-{hashlib.sha256(both.encode('utf-8')).hexdigest()[:16]}"


def check_file(source):
    """Refuses what is no file, nor a name of the catalogue, and a file that is too large."""
    name = str(source)
    if find(name) is not None:
        return
    if not is_file(name):
        raise LabError(
            f"There is no file {name[:200]}; give the path of one, in {', '.join(FORMATS)}, or a "
            "name of corpus.sources()."
        )
    size = Path(name).stat().st_size if Path(name).is_file() else 0
    if size > MOST_BYTES:
        raise LabError(
            f"{Path(name).name} has {size / 1e6:,.0f} MB; up to {MOST_BYTES / 1e6:.0f} MB are "
            "taken, hours of training: cut it, or use corpus.load with limit=."
        )


def stage_of(run, minutes):
    """The stage that trains the GRU expert for so long; each kind of text by its size."""
    sizes = {kind: len(windows) for kind, windows in run.windows("train").items()}
    shares = tuple((kind, size / sum(sizes.values())) for kind, size in sizes.items())
    known = run.preset.stage(EXPERT)
    return replace(known, name=f"{EXPERT}-{minutes:g}min", shares=shares)


def speed_of(run, stage):
    """Characters a second that a stage of a run takes in on this machine, now."""
    trainer = rehearsal(run.new_model(), run.windows("train"), run.preset, stage)
    return 1 / pace(trainer, 0.0 if fast() else PACE_SECONDS)


def report(own, stages, model, expert=EXPERT, samples=()):
    """What `report.to_html` makes a page of.

    Args:
        stages: what was trained, as `pipeline.stage_report` has it.
        expert: the one that was trained alone; None = the mixture.
        samples: (prompt, what was written) pairs.
    """
    from .evaluation import router_weights  # TensorFlow is slow to import

    parts = model.parts()
    trained = own.stage.trains if expert else tuple(parts)
    found = {
        "parameters": sum(layer.count_params() for name in trained for layer in parts[name]),
        "experts": list(model.config.experts),
        "bits_per_character": {"all": own.bits(model, expert)},
        "answers": {},
        "router_weights": {} if expert else router_weights(model, judged(own.run)),
        "wrong_answers": [],
        "samples": [{"user": a, "assistant": b, "router_weights": []} for a, b in samples],
    }
    name = f"{own.run.preset.name} · {own.name}"
    return report_of(own.run, stages, found, "notebooks/14_your_own_text.ipynb", name)

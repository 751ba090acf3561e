"""Suite `quality`: how well models know held-out text after equal time on the same text.

Ours as a mixture and each of its experts alone, one of your own too; a PyTorch transformer, a GRU
of Keras's layers and the published form of the mixture, these three of as many parameters as ours.
All learn in slices in turn, so that a busy machine slows all of them; compiling and measuring are
not counted.
"""

from functools import partial

from mof_lab.folders import runs_folder
from mof_lab.tables import sparkline

from .peers import ours, peer
from .results import Result
from .timing import Field

PRESET = "tiny"
AGAINST = ("gru", "transformer", "pytorch", "keras", "published-form")
ROUNDS = 6  # slices
RATES = {
    "pytorch": 1e-3,
    "keras": 3e-3,
    "published-form": 1e-3,
}  # peaks, as is usual at this size; not tuned

PUBLISHED = (
    "published-form can't be trained on all positions at once, since each of its outputs has seen "
    "the whole window: a text of it is one target, the character after it, and is what stands "
    "before that in its document."
)


class Curve:
    """What one model knew after each of its slices of the time."""

    def __init__(self, seconds, slices):
        self.seconds, self.slices = seconds, slices
        self.points = []  # of [seconds so far, tokens so far, bits a character]

    def go_on(self, worker):
        """Lets the worker learn for one more slice; returns its bits a character."""
        spent, tokens, _ = self.points[-1] if self.points else (0.0, 0, None)
        answer = worker.ask(
            "run", seconds=(self.seconds - spent) / (self.slices - len(self.points))
        )
        bits = worker.ask("bits")["bits"]
        spent, tokens = spent + answer["seconds"], tokens + answer["tokens"]
        self.points.append([round(spent, 2), tokens, bits])
        return bits


def run(options, tell):
    """Measures; see `benchmarks.__main__` for the options."""
    header = ("model", "parameters", "tokens/s", "tokens", "bits a character", "over time")
    result = Result("quality", options.label, PRESET, header)
    preset, seconds = options.chosen, options.minutes * 60
    folder = str(runs_folder() / "bench" / f"quality-{options.label}")
    tell(f"Every model learns for {options.minutes:g} minutes, with the windows of {preset.name}.")
    with ours("learning") as worker:
        about = worker.ask("prepare", **options.request, folder=folder)
    with Field(tell, result.notes) as field:
        where = {"folder": folder, "seconds": seconds}
        answers = {}
        for name, expert in {"mixture": "", **{e: e for e in preset.model.experts}}.items():
            if name in options.against or name not in AGAINST:
                request = {**options.request, "expert": expert, **where}
                start = partial(ours, "learning", name)
                answers[name] = field.add(name, start, "start", **request)
        if answers["mixture"] is None:
            return result
        size = {"parameters": answers["mixture"]["parameters"], "about": about}
        if "pytorch" in options.against:
            start = partial(peer, "pytorch", "pytorch", tell)
            request = {"rate": RATES["pytorch"], **size, **where}
            answers["pytorch"] = field.add("pytorch", start, "start_learning", **request)
        if "keras" in options.against:
            width = {"embedding_dim": preset.model.embedding_dim}
            request = {"rate": RATES["keras"], **width, **size, **where}
            start = partial(ours, "learning", "keras")
            answers["keras"] = field.add("keras", start, "start_keras", **request)
        if "published-form" in options.against:
            request = {"rate": RATES["published-form"], **options.request, **where}
            request["parameters"] = size["parameters"]
            start = partial(ours, "learning", "published-form")
            answers["published-form"] = field.add(
                "published-form", start, "start_published", **request
            )
            result.notes.append(PUBLISHED)
        curves = {name: Curve(seconds, options.rounds) for name in field.workers}
        measures = {name: curve.go_on for name, curve in curves.items()}
        field.interleave(measures, options.rounds)
    for name, curve in curves.items():
        if curve.points:
            spent, tokens, bits = curve.points[-1]
            row = (name, f"{answers[name]['parameters'] / 1e6:.2f} M", f"{tokens / spent:,.0f}")
            line = sparkline([point[2] for point in curve.points])
            result.rows.append((*row, f"{tokens:,}", f"{bits:.3f}", line))
    result.measured = {
        "columns": ["seconds", "tokens", "bits a character"],
        "curves": {name: curve.points for name, curve in curves.items()},
    }
    return result

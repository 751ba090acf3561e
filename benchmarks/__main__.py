"""The command line: python3 lab.py bench SUITE [--preset NAME] [--against NAME …].

Every suite takes other experts too: --experts gru transformer NAME --expert-file FILE, as
`mof-lab train` does.
"""

import importlib
import time
from dataclasses import dataclass
from typing import Annotated

import typer

from mof_lab.arguments import preset_of
from mof_lab.cli import INTERRUPTED, ExpertFile, Experts, Lists
from mof_lab.configuration import preset as preset_named
from mof_lab.console import note, shown
from mof_lab.errors import LabError

from . import machine
from .peers import PEERS, versions
from .results import BARS

SUITES = tuple(BARS)


@dataclass(frozen=True)
class Options:
    """What a suite is asked for."""

    preset: str
    against: tuple[str, ...]  # programs to compare with
    rounds: int  # how often each program is measured
    minutes: float  # of training for each model, in `quality`
    experts: tuple[str, ...] = ()  # of the mixture, in order; none = the preset's own

    @property
    def chosen(self):
        """The `Preset`, with these experts."""
        return preset_of(self.preset, self.experts)

    @property
    def request(self):
        """What a worker is told of it; `preset_of` there takes it."""
        return {"preset": self.preset, "experts": list(self.experts)}

    @property
    def label(self):
        """What it is called in a result: other experts have a file of their own."""
        return "-".join((self.preset, *self.experts))


def chosen(
    suite, preset=None, against=None, rounds=None, minutes=1.5, experts=(), expert_file=None
):
    """The module of a suite and its `Options`; what is None is the suite's own."""
    if suite not in SUITES:
        raise LabError(f"There is no suite {suite!r}; choose one of {', '.join(SUITES)}.")
    module = importlib.import_module(f"benchmarks.{suite}")
    preset = preset_named(preset or module.PRESET)
    if experts or expert_file:
        wanted = preset_of(preset.name, experts, expert_file).model.experts
        experts = () if wanted == preset.model.experts else wanted
    against = module.AGAINST if not against else tuple(name for name in against if name != "none")
    unknown = [name for name in against if name not in module.AGAINST]
    if unknown:
        raise LabError(
            f"Suite {suite} has no comparison with {unknown[0]!r}; "
            f"choose from {', '.join(module.AGAINST) or 'nothing'}, or none."
        )
    rounds = rounds or module.ROUNDS
    return module, Options(preset.name, against, rounds, minutes, tuple(experts))


def main(
    suite: Annotated[str, typer.Argument(help=f"{', '.join(SUITES)}.")],
    preset: Annotated[str | None, typer.Option(help="The preset to measure.")] = None,
    against: Annotated[
        list[str] | None, typer.Option(help="A program to compare with, or none; may be repeated.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Times each is measured.")] = None,
    minutes: Annotated[float, typer.Option(min=0.05, help="quality: for each model.")] = 1.5,
    experts: Experts = None,
    expert_file: ExpertFile = None,
):
    """Measure one suite, print its table and write benchmarks/results/SUITE.json."""
    try:
        module, options = chosen(
            suite, preset, against, rounds, minutes, experts or (), expert_file
        )
        before, started = machine.load(), time.monotonic()
        if before is not None and before > machine.QUIET_LOAD:
            note(f"Other programs are at work here (load {before}): figures will be less sure.")
        result = module.run(options, note)
        facts = {**machine.facts(), "load": {"before": before, "after": machine.load()}}
        facts["peers"] = {name: versions(name) for name in options.against if name in PEERS}
        path = result.save(facts, time.monotonic() - started)
        typer.echo(f"\n{result}\n\n{shown(path)}")
    except LabError as error:
        note(" ".join(str(error).split()))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        note("\nStopped: nothing is kept of this suite; the others' results are untouched.")
        raise typer.Exit(INTERRUPTED) from None


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(cls=Lists)(main)
    app(prog_name="lab.py bench")

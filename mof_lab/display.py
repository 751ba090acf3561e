"""How a training looks on a console: a bar a stage in a terminal, now and then a line elsewhere.

with Display(preset.stages) as display:
    pipeline.run(preset.name, show=display.show, tell=display.tell)
"""

import math
import os
import sys
import time

from .pipeline import step_cost
from .progress import clock

LINE_EVERY_SECONDS = 10.0


class Display:
    """Shows progress on standard output.

    Args:
        stages: the `Stage`s to come, for the time left of all of them; () = not known.
        minutes: that all of them have; later ones are shortened to keep to it.
    """

    def __init__(self, stages=(), minutes=math.inf):
        self._ends = time.monotonic() + minutes * 60
        self._work = {s.name: s.steps * step_cost(s) for s in stages}
        terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._view = _Bars() if terminal else _Lines()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._view.close()

    def tell(self, sentence):
        """Shows a sentence."""
        self._view.tell(sentence)

    def show(self, progress):
        """Shows a `training.Progress`; call it as often as you like."""
        self._view.show(progress, self._seconds_left(progress))

    def _seconds_left(self, progress):
        """Of this stage and those after it, at this stage's speed; None where none is known."""
        names = list(self._work)
        if progress.stage not in names[:-1]:
            return None
        later = sum(self._work[name] for name in names[names.index(progress.stage) + 1 :])
        whole = progress.seconds + progress.seconds_left
        needed = progress.seconds_left + whole * later / self._work[progress.stage]
        return max(0.0, min(needed, self._ends - time.monotonic()))


class Waiting:
    """How far an evaluation is: one bar in a terminal, now and then a line elsewhere.

    It is shown on standard error, so that results can be piped on.
    """

    def __init__(self):
        terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._bar, self._last = None, -LINE_EVERY_SECONDS
        if terminal:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._bar = Progress(
                BarColumn(bar_width=30),
                TextColumn("{task.description}", markup=False),
                console=Console(stderr=True, highlight=False, markup=False),
                transient=True,
            )
            self._task = self._bar.add_task("", total=1.0)

    def __enter__(self):
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_):
        if self._bar is not None:
            self._bar.stop()

    def show(self, part, done, seconds_left):
        """Shows the part at work and the time left; call it as often as you like.

        Args:
            done: the share of everything that is done.
            seconds_left: None while it is not known.
        """
        left = "" if seconds_left is None else f"  {clock(seconds_left)} left"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=f"{part}{left}")
        elif time.monotonic() - self._last >= LINE_EVERY_SECONDS:
            print(f"{done:4.0%}  {part}{left}", file=sys.stderr, flush=True)
            self._last = time.monotonic()


class _Lines:
    """A line at most every 10 seconds, and one at the end of each stage."""

    def __init__(self):
        self._last = -LINE_EVERY_SECONDS

    def tell(self, sentence):
        print(sentence, flush=True)

    def show(self, progress, seconds_left):
        rest = "" if seconds_left is None else clock(seconds_left)
        if progress.step == progress.steps:
            after = rest and f"; {rest} left for the stages after it"
            self.tell(f"{progress.stage} is trained: {_result(progress)}{after}")
        elif progress.step > 1 and time.monotonic() - self._last >= LINE_EVERY_SECONDS:
            # The first step compiles: after it, the time left would look like hours.
            after = rest and f", {rest} for all stages"
            self.tell(f"{progress}{after}  {progress.memory / 1e9:.2f} GB")
        else:
            return
        self._last = time.monotonic()

    def close(self):
        pass


class _Bars:
    """A bar for each stage, below what was told."""

    def __init__(self):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        self._bars = Progress(
            TextColumn("{task.description:<11}", markup=False),
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=6)),
            TextColumn("{task.fields[numbers]}", markup=False, table_column=Column(no_wrap=True)),
            console=Console(highlight=False, markup=False),
            expand=True,
        )
        self._tasks = {}
        self._bits = {}  # stage → held-out bits, which few reports bring
        self._bars.start()

    def tell(self, sentence):
        self._bars.console.print(sentence)

    def show(self, progress, seconds_left):
        stage = progress.stage
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=progress.steps, numbers="")
        if progress.bits_per_character is not None:
            self._bits[stage] = f"{progress.bits_per_character:.2f} bits"
        if progress.step == progress.steps:
            numbers = _result(progress)
        elif progress.step == 1:
            numbers = f"loss {progress.loss:.2f}"
        else:
            left = clock(progress.seconds_left)
            if seconds_left is not None:
                left += f"/{clock(seconds_left)}"
            numbers = "  ".join(
                (
                    f"loss {progress.loss:.2f}",
                    self._bits.get(stage, "  –  bits"),
                    f"{progress.tokens_per_second / 1000:.1f}k char/s",
                    f"{left} left",
                    f"{progress.memory / 1e9:.1f} GB",
                )
            )
        self._bars.update(
            self._tasks[stage], completed=progress.step, total=progress.steps, numbers=numbers
        )

    def close(self):
        self._bars.stop()


def _result(progress):
    """A finished stage in words."""
    bits = progress.bits_per_character
    held_out = "" if bits is None else f", {bits:.3f} bits/char held out"
    return f"{progress.steps} steps in {clock(progress.seconds)}{held_out}"

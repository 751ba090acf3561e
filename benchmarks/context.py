"""Suite `context`: what a character costs in training when the window is long.

The same number of characters a step, cut into few long windows or many short ones.
"""

from functools import partial

from .peers import ours
from .results import Result
from .timing import Field, medians, ratio, speed

PRESET = "small"
AGAINST = ()
ROUNDS = 5
CHARACTERS = 16_384  # a step
WINDOWS = (128, 2048)
SECONDS = 4.0  # of training a round, and at least one step


def run(options, tell):
    """Measures; see `benchmarks.__main__` for the options."""
    header = ("what", "tokens/s", "ms a thousand", "peak memory", "cost over the shortest")
    result = Result("context", options.label, PRESET, header)
    tell(f"Training {options.label} on windows of {', '.join(map(str, WINDOWS))} characters.")
    with Field(tell, result.notes) as field:
        for window in WINDOWS:
            name, shape = f"{window}", {"batch": CHARACTERS // window, "window": window}
            request = {**options.request, **shape}
            field.add(name, partial(ours, "training", name), "start", **request)
        measures = {f"{window}": speed("run", seconds=SECONDS) for window in WINDOWS}
        measured = field.interleave(measures, options.rounds)
        peaks = {name: worker.peak_memory for name, worker in field.workers.items()}
    result.measured["tokens a second"] = measured
    found = medians(measured)
    shortest = found.get(f"{WINDOWS[0]}")
    for window in WINDOWS:
        value = found.get(f"{window}")
        if value is None:
            continue
        result.rows.append(
            (
                f"{options.label}, {CHARACTERS // window}×{window}",
                f"{value:,.0f}",
                f"{1e6 / value:,.0f}",
                f"{peaks[f'{window}'] / 1e9:.1f} GB",
                f"{shortest / value:.2f} ×" if shortest else "",
            )
        )
    result.set("train_cost_2048_over_128", ratio(shortest, found.get(f"{WINDOWS[-1]}")))
    return result

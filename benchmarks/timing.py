"""Rounds that alternate between programs, and what is kept of them: the medians."""

import contextlib
import statistics

from .worker import WorkerError


class Field(contextlib.ExitStack):
    """The programs of one comparison; one that fails is told of and left out.

    Args:
        tell: called with a sentence about what happens.
        notes: a list; why a program is missing is added to it.
    """

    def __init__(self, tell, notes):
        super().__init__()
        self.workers, self.tell, self.notes = {}, tell, notes

    def add(self, name, start, do, **arguments):
        """Starts a worker and asks it for its first work, which warms it up.

        Args:
            start: a function that returns the `Worker`.

        Returns:
            its answer; None if it failed.
        """
        self.tell(f"- starting {name}")
        try:
            worker = self.enter_context(start())
            answer = worker.ask(do, **arguments)
        except WorkerError as error:
            self._leave_out(name, error)
            return None
        self.workers[name] = worker
        return answer

    def interleave(self, measures, rounds):
        """Measures programs in turn, every other round in the opposite order.

        Args:
            measures: name → function of a worker that measures once and returns a number.
                The name is that of a worker, or begins with it and a colon.
            rounds: how often each is measured.

        Returns:
            name → its numbers; what was left out has none.
        """
        found = {name: [] for name in measures if name.split(":")[0] in self.workers}
        for number in range(rounds):
            for name in list(found)[:: -1 if number % 2 else 1]:
                try:
                    worker = self.workers[name.split(":")[0]]
                    found[name].append(measures[name](worker))
                except WorkerError as error:
                    self._leave_out(name, error)
                    del found[name]
            words = ", ".join(f"{name} {values[-1]:,.4g}" for name, values in found.items())
            self.tell(f"  round {number + 1} of {rounds}: {words}")
        return found

    def _leave_out(self, name, error):
        self.notes.append(f"{name} is left out: {error}.")
        self.tell(f"  {self.notes[-1]}")


def speed(do, **arguments):
    """For `Field.interleave`: tokens a second of one request."""

    def measure(worker):
        answer = worker.ask(do, **arguments)
        return answer["tokens"] / answer["seconds"]

    return measure


def medians(found):
    """name → median."""
    return {name: statistics.median(values) for name, values in found.items()}


def ratio(numerator, denominator):
    """Their quotient; None where one of them is missing."""
    return numerator / denominator if numerator and denominator else None

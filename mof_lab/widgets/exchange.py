"""One question and its answers while they are written: what there is, and what was sent already."""

import time

from ..explanation import unpack


class Exchange:
    """A question with one answer a column.

    Args:
        id: of the browser's element for it; no two of a widget are the same.
        question: what was said.
        columns: how many answer it.
    """

    def __init__(self, id, question, columns):
        self.id, self.question = id, question
        self.characters = [[] for _ in range(columns)]  # packed `Explanation`s
        self.notes = [None] * columns  # {"key", "values"} under each answer
        self._sent = [0] * columns
        self._started = time.monotonic()

    @property
    def count(self):
        """Characters written, all answers together."""
        return sum(map(len, self.characters))

    @property
    def speed(self):
        """Characters a second, all answers together."""
        return round(self.count / max(1e-3, time.monotonic() - self._started))

    def whole(self):
        """Everything, as JSON values: what a widget keeps."""
        return self._since([0] * len(self.characters))

    def news(self):
        """What came since the last `news`, as JSON values."""
        since, self._sent = self._sent, [len(answer) for answer in self.characters]
        return self._since(since)

    def _since(self, starts):
        answers = [
            {"from": start, "characters": answer[start:], "note": note}
            for start, answer, note in zip(starts, self.characters, self.notes, strict=True)
        ]
        return {"id": self.id, "question": self.question, "answers": answers}


def shown(exchange, names):
    """What `Exchange.whole` gave, as `views.conversation` takes it; names: of the columns."""
    answers = [
        (name, [unpack(packed) for packed in answer["characters"]])
        for name, answer in zip(names, exchange["answers"], strict=True)
    ]
    return exchange["question"], answers

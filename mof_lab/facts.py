"""True facts as questions and answers: tables of relations, and single facts.

`data/relations/*.json` holds tables: (subject, value) pairs with wordings that fit every
pair. `data/facts/*.jsonl` holds facts that fit no table, each with its own wordings. In both,
the wordings under `held_out` are never trained on: they judge whether the model knows the
fact or only the sentence.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError


@dataclass(frozen=True)
class Fact:
    """One fact, all its wordings filled in."""

    group: str  # the file's name: "places", "nature", …
    questions: tuple[str, ...]  # trained on
    held_out: tuple[str, ...]  # asked only when judging
    answers: tuple[str, ...]  # all count as right


def read_facts(data):
    """All facts under the folder `data`, in a fixed order."""
    facts = []
    for path in sorted((Path(data) / "relations").glob("*.json")):
        facts += _read(path, _from_table, [json.loads(path.read_text(encoding="utf-8"))])
    for path in sorted((Path(data) / "facts").glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        facts += _read(path, _from_line, [json.loads(line) for line in lines if line.strip()])
    return facts


def _read(path, convert, items):
    try:
        return [fact for item in items for fact in convert(path.stem, item)]
    except (KeyError, TypeError, ValueError) as error:
        raise LabError(
            f"{path} does not hold facts as data/README.md describes: {error}."
        ) from None


def _from_table(group, relations):
    for relation in relations:
        for subject, value in relation["facts"]:

            def fill(templates, subject=subject, value=value):
                return tuple(t.replace("{s}", subject).replace("{v}", value) for t in templates)

            yield Fact(
                group,
                fill(relation["questions"]),
                fill(relation["held_out"]),
                fill(relation["answers"]),
            )


def _from_line(group, item):
    yield Fact(group, tuple(item["questions"]), tuple(item["held_out"]), tuple(item["answers"]))

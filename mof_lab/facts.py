"""True facts as questions and answers: tables of relations, and single facts.

On each shelf of `data/`, `relations/*.json` holds tables: (subject, value) pairs with wordings
that fit every pair; a table without wordings goes on with the one of its name on a shelf before.
`facts/*.jsonl` holds facts that fit no table, each with its own wordings. Two sorts of question
are kept for judging: the wordings under `held_out`, never trained on with any subject, and for
each fact of a table one wording that is trained on with other subjects only.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError
from .splits import number

#: So many facts a table needs before each of them keeps a wording for judging.
FAMILIAR_FROM = 10


@dataclass(frozen=True)
class Fact:
    """One fact, all its wordings filled in."""

    group: str  # the file's name: "places", "nature", …
    questions: tuple[str, ...]  # trained on
    held_out: tuple[str, ...]  # asked only when judging, of every subject
    familiar: tuple[str, ...]  # asked only when judging, of this subject
    answers: tuple[str, ...]  # all count as right


def read_facts(data, shelves):
    """All facts on some shelves of the folder `data`, in a fixed order."""
    facts, tables = [], {}
    for folder in (Path(data) / shelf for shelf in shelves):
        for path in sorted((folder / "relations").glob("*.json")):
            facts += _read(path, lambda p: _from_tables(p.stem, json.loads(_text(p)), tables))
        for path in sorted((folder / "facts").glob("*.jsonl")):
            facts += _read(path, lambda p: _from_lines(p.stem, _text(p).splitlines()))
    return facts


def _text(path):
    return path.read_text(encoding="utf-8")


def _read(path, convert):
    try:
        facts = list(convert(path))
        for fact in facts:
            texts = (*fact.questions, *fact.held_out, *fact.familiar, *fact.answers)
            "".join(texts).encode("utf-8")  # texts, without half a character
            if not (fact.questions and fact.held_out and fact.answers):
                raise ValueError("a fact lacks a question or an answer")
        return facts
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise LabError(
            f"{path} does not hold facts as data/README.md describes: {error}."
        ) from None


def _from_tables(group, relations, tables):
    for relation in relations:
        table = tables[relation["relation"]] = {**tables.get(relation["relation"], {}), **relation}
        for subject, value in table["facts"]:
            questions, held_out, answers = (
                tuple(t.replace("{s}", subject).replace("{v}", value) for t in table[name])
                for name in ("questions", "held_out", "answers")
            )
            kept = -1  # the wording that is kept for judging
            if len(table["facts"]) >= FAMILIAR_FROM:
                kept = number(f"{table['relation']} {subject}") % len(questions)
            trained = tuple(q for i, q in enumerate(questions) if i != kept)
            familiar = tuple(q for i, q in enumerate(questions) if i == kept)
            yield Fact(group, trained, held_out, familiar, answers)


def _from_lines(group, lines):
    for item in map(json.loads, filter(str.strip, lines)):
        texts = (tuple(item[name]) for name in ("questions", "held_out"))
        yield Fact(group, *texts, (), tuple(item["answers"]))

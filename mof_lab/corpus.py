"""Text: the project's own corpus, and whatever else `sources.py` finds by name.

Your own text, in three lines:

    rows = corpus.load("my.txt")
    text = corpus.split(rows)
    run = Run(preset("tiny"), "runs/mine", text)

Inside the lab a document is one row with `kind`, `key`, `text` and `messages`: either a text,
or a dialogue as `[{"role": "user" | "assistant", "content": …}]`. Everything that is judged
on is split off here, by key, before a vocabulary or a window is made.
"""

import json
import random
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import reasoning
from . import sources as places
from .adapters import adapt
from .catalogue import PROJECT
from .configuration import preset
from .errors import LabError
from .facts import read_facts
from .language import beside
from .sources import sources
from .splits import is_held_out

__all__ = ["Corpus", "Question", "load", "normalise", "project", "sources", "split", "texts"]

KINDS = ("story", "chat", "knowledge", "reasoning")
#: What a model is asked: a wording never trained on; a wording trained on with other facts only;
#: a problem with contents never trained on.
QUESTION_KINDS = ("knowledge", "familiar", "reasoning")
DATA = Path(__file__).resolve().parent.parent / "data"
#: Kinds of reasoning that belong to each shelf of `data/`.
REASONING = {
    "core": reasoning.CORE,
    "more": reasoning.MORE,
    "wide": reasoning.WIDE,
    "deep": (),
}
#: Problems of each kind that are kept for judging, where there are so many.
PROBLEMS = 100
#: Share of stories and dialogues kept for judging.
HELD_OUT_SHARE = 0.05
#: Whose text `load("project")` gives; that of another is `project(preset(NAME))`.
PRESET = "tiny"
#: Characters that `load` takes unless told otherwise; hours of training on a laptop.
LIMIT = 10_000_000


@dataclass(frozen=True)
class Question:
    """What a model is judged on: a dialogue that ends with a question."""

    kind: str  # one of `QUESTION_KINDS`
    group: str  # "places", "addition", …
    turns: tuple[str, ...]  # user, assistant, …, user
    answers: tuple[str, ...]  # all count as right


@dataclass(frozen=True)
class Corpus:
    """Documents to train on, documents to measure on, questions to ask."""

    train: list  # rows
    held_out: list  # rows
    questions: list  # of `Question`

    @property
    def talks(self):
        """Has the part to train on dialogues? Else there are no answers to learn."""
        return any(row["messages"] for row in self.train)

    def some_questions(self, count, seed):
        """At most `count` questions of each kind, drawn with a seed: the same ones every time."""
        rng, found = np.random.default_rng(seed), []
        for kind in QUESTION_KINDS:
            there = [question for question in self.questions if question.kind == kind]
            found += [there[i] for i in rng.permutation(len(there))[:count]]
        return found


_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF10, 0xFF5B) if chr(code).isalnum()}


def normalise(text):
    """Full-width digits and letters become half-width, line ends \\n, control characters go.

    Punctuation stays as it is: plain NFKC would turn ，？！ into ASCII.
    """
    text = text.translate(_FULL_WIDTH).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs")
    )


def project(preset, data=DATA):
    """The corpus of this repository, `data/`, with reasoning from the generator.

    Args:
        preset: a `Preset`: which shelves of `data/` it reads, how many dialogues the generator
            makes, and the seed of the generator and of the grouping of facts into dialogues.
    """
    train, held_out, questions = [], [], []
    for folder in (Path(data) / shelf for shelf in preset.shelves):
        for name, kind in (("stories", "story"), ("dialogues", "chat")):
            for path in sorted((folder / name).glob("*.jsonl")):
                for row in _rows(path):
                    kept = is_held_out(row["key"], HELD_OUT_SHARE)
                    (held_out if kept else train).append(_document(kind, **row))
    facts = read_facts(data, preset.shelves)
    train += _knowledge(facts, preset.seed)
    for fact in facts:
        questions += [Question("knowledge", fact.group, (q,), fact.answers) for q in fact.held_out]
        questions += [Question("familiar", fact.group, (q,), fact.answers) for q in fact.familiar]
        asked = fact.held_out[0]
        held_out.append(_dialogue("knowledge", asked, (asked, fact.answers[0])))
    kinds = [kind for shelf in preset.shelves for kind in REASONING[shelf]]
    for problem in reasoning.generate(preset.reasoning_examples, preset.seed, kinds=kinds):
        train.append(_dialogue("reasoning", problem.key, (*problem.turns, problem.answers[0])))
    for kind in kinds:
        for problem in reasoning.generate(PROBLEMS, preset.seed, held_out=True, kinds=[kind]):
            questions.append(Question("reasoning", kind, problem.turns, problem.answers))
            turns = (*problem.turns, problem.answers[0])
            held_out.append(_dialogue("reasoning", problem.key, turns))
    train += _memories(preset, train, facts)
    return Corpus(train, held_out, questions)


LISTENING = ("嗯，我听着呢。", "好，接着说。", "后来呢？", "我在听。")
#: Characters of a window that a dialogue to remember from leaves free.
SPARE = 6
#: Talks that may be tried for one that is kept: in a small window few have room.
TRIES = 20


def _memories(preset, rows, facts):
    """`Preset.memories` dialogues in which something is told and asked for some exchanges later.

    Between lies what the other documents are made of: exchanges of the dialogues, facts, sums,
    sentences of stories. Each fits in a window; where hardly any does, there are fewer.
    """
    rng = random.Random(f"memories {preset.seed}")
    said = [(row["kind"], tuple(m["content"] for m in row["messages"])) for row in rows]
    dialogues = [turns for kind, turns in said if kind == "chat"]
    known = {turns for _, turns in said}
    told = (s for row in rows for s in re.split(r"(?<=。)", row["text"]))
    sentences = [s for s in told if re.fullmatch(r"[^“”？！]{1,59}。", s)]

    def fillers(count):
        pairs = []
        while len(pairs) < count:
            way = rng.random()
            if way < 0.55:
                turns = rng.choice(dialogues)
                first = rng.randrange(0, len(turns), 2)
                turns = turns[first : first + 2 * rng.randint(1, 3)]
                pairs += zip(turns[::2], turns[1::2], strict=True)
            elif way < 0.75:
                fact = rng.choice(facts)
                pairs.append((rng.choice(fact.questions), rng.choice(fact.answers)))
            elif way < 0.9:
                pairs.append(reasoning.memory.aside(rng))
            else:
                pairs.append((rng.choice(sentences), rng.choice(LISTENING)))
        return pairs[:count]

    found, room = {}, preset.window - SPARE
    for _ in range(TRIES * preset.memories):
        if len(found) == preset.memories:
            break
        turns = tuple(reasoning.memory.remembered(rng, fillers, room))
        if turns and turns not in known:
            found.setdefault(turns, _dialogue("chat", f"memory {len(found)}", turns))
    return list(found.values())


def _knowledge(facts, seed):
    """Every training wording of every fact once, in dialogues of one to three questions."""
    pairs = [
        (question, fact.answers[i % len(fact.answers)])
        for fact in facts
        for i, question in enumerate(fact.questions)
    ]
    rng = random.Random(f"knowledge {seed}")
    rng.shuffle(pairs)
    documents = []
    while pairs:
        size = rng.choice((1, 1, 1, 2, 3))
        taken, pairs = pairs[:size], pairs[size:]
        turns = tuple(turn for pair in taken for turn in pair)
        documents.append(_dialogue("knowledge", turns[0], turns))
    return documents


def _dialogue(kind, key, turns):
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
    return _document(kind, key, messages=messages)


def _document(kind, key, text="", messages=()):
    messages = [{**m, "content": normalise(m["content"])} for m in messages]
    return {"kind": kind, "key": key, "text": normalise(text), "messages": messages}


def _rows(path):
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise LabError(f"{path} is no text in UTF-8; copy it anew.") from None
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            said = [m[part] for m in row.get("messages", ()) for part in ("role", "content")]
            texts = [row["key"], row.get("text", ""), *said]
            sound = {*row} <= {"key", "text", "messages"} and any(texts[1:])
            sound &= all(isinstance(text, str) and _whole(text) == text for text in texts)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            raise LabError(
                f"{path}, line {number}, is not a record; "
                "expected JSON with key and text or messages."
            )
        yield row


def load(source, /, *, limit=LIMIT, opt_in=False, tell=print, **options):
    """Documents of a source of the catalogue, of a local file, or of a data set on the Hub.

    Args:
        source: a name of `sources()`; a .txt, .jsonl, .json, .csv or .parquet file; or
            `owner/name` of the Hub, or a folder laid out like a data set there.
        limit: at most so many characters, in whole documents from the beginning.
        opt_in: True for a source of the catalogue whose licence you have to judge yourself.
        tell: called with the licence and the size before anything is read, then with the count.
        options: of the Hub alone, e.g. `data_files=`, `split="train[:1%]"`, `streaming=True`.

    Returns:
        a list of rows; those with a held-out key are not marked: see `split`.

    Raises:
        LabError: there is no such source, it can't be had here, or it holds no text.
    """
    if not isinstance(limit, int) or limit < 1:
        raise LabError(f"limit is {limit!r}; expected a number of characters, 1 or more.")
    name = str(source)
    known = places.find(name)
    if known and known.where == PROJECT:
        places.only_for_the_hub(name, options)
        places.announce(known, opt_in, tell)
        found = _own(project(preset(PRESET)))
    else:
        found = _documents(name, places.rows(name, opt_in, tell, options))
    rows, size = [], 0
    for row in found:
        length = sum(map(len, texts([row])))
        if rows and size + length > limit:
            tell(f"Only the first {limit:,} characters of {name} are taken: see limit=.")
            break
        rows.append(row)
        size += length
    if not rows:
        raise LabError(f"{name} holds no text; use a file with some.")
    documents, characters = beside("documents", "篇"), beside("characters", "字")
    tell(f"{name}: {len(rows):,} {documents}, {size:,} {characters}")
    return rows


def _own(text):
    """The project's rows; of what is judged on, only what `split` holds out again, by key."""
    yield from text.train
    yield from (row for row in text.held_out if row["kind"] in ("story", "chat"))


def document(where, item, simplify=str):
    """A row of the lab from one of any schema; None where it says nothing.

    The key of a row without one is what it begins with, so that equal documents, and dialogues
    that begin with the same question, are on the same side of a split.

    Args:
        where: what an error calls it.
        item: a dictionary, see `adapters.adapt`.
        simplify: what turns traditional characters into simplified ones.
    """
    made = adapt(item, where)
    if made is None:
        return None
    text = simplify(made.get("text", ""))
    messages = [{**m, "content": simplify(m["content"])} for m in made.get("messages", ())]
    row = _document("chat" if messages else "story", "", text, messages)
    begin = next(texts([row]), "").strip()
    key = item.get("key")
    return {**row, "key": begin if key is None else _whole(str(key))} if begin else None


def _documents(name, found):
    """Rows of the lab from (where, row) pairs of any schema, each document once."""
    simplify = places.simplify(name) or str
    seen, keys = set(), {}
    for where, item in found:
        row = document(where, item, simplify)
        if row is None:
            continue
        content = hash((row["text"], *(m["content"] for m in row["messages"])))
        if content in seen:
            continue
        seen.add(content)
        if item.get("key") is not None and keys.setdefault(row["key"], where) != where:
            raise LabError(
                f"{where} has the key {row['key'][:40]!r}, as has {keys[row['key']]}; "
                "expected one for each document: give it another, or leave the column out."
            )
        yield row


def _whole(text):
    """The text with a mark for each half of a character, which nothing can be written with."""
    return text.encode("utf-8", "replace").decode("utf-8")


def split(rows, share=HELD_OUT_SHARE):
    """A `Corpus` of your own rows, a share of them held out by key."""
    train = [row for row in rows if not is_held_out(row["key"], share)]
    held_out = [row for row in rows if is_held_out(row["key"], share)]
    if not train or not held_out:  # very short: the last document is held out
        train, held_out = rows[:-1] or rows, rows[-1:]
    return Corpus(train, held_out, [])


def texts(rows):
    """All strings of the rows, for building a vocabulary."""
    for row in rows:
        if row["text"]:
            yield row["text"]
        for message in row["messages"]:
            yield message["content"]

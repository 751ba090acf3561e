"""Text: the project's own corpus, a local file, or a data set of the Hub.

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

from . import reasoning
from .errors import LabError
from .facts import read_facts
from .splits import is_held_out

KINDS = ("story", "chat", "knowledge", "reasoning")
#: What a model is asked: a wording never trained on; a wording trained on with other facts only;
#: a problem with contents never trained on.
QUESTION_KINDS = ("knowledge", "familiar", "reasoning")
DATA = Path(__file__).resolve().parent.parent / "data"
#: Kinds of reasoning that belong to each shelf of `data/`.
REASONING = {"core": reasoning.CORE, "wide": reasoning.WIDE, "deep": ()}
#: Problems of each kind that are kept for judging, where there are so many.
PROBLEMS = 100
#: Share of stories and dialogues kept for judging.
HELD_OUT_SHARE = 0.05


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
    return Corpus(train, held_out, questions)


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
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            _ = row["key"], row.get("text") or row["messages"]
        except (ValueError, KeyError, TypeError):
            raise LabError(
                f"{path}, line {number}, is not a record; "
                "expected JSON with key and text or messages."
            ) from None
        yield row


FORMATS = {".txt": "text", ".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}


def load(source, **options):
    """Documents of a local file or of a data set on the Hub, as rows.

    Args:
        source: a .txt, .jsonl, .json, .csv or .parquet file, or the name of a data set on the
            Hub. In a .txt file an empty line ends a document.
        options: for `datasets.load_dataset`, e.g. `split="train[:1%]"`, `data_files=…`.

    Returns:
        a list of rows; those with a held-out key are not marked: see `split`.
    """
    import datasets  # slow to import, and only needed here

    name, path = str(source), Path(source)
    if path.suffix in FORMATS or path.exists():
        _check_file(path)
        kind = FORMATS[path.suffix]
        extra = {"sample_by": "paragraph"} if kind == "text" else {}
        source, options = kind, {"data_files": str(path), **extra, **options}
    options.setdefault("split", "train")
    try:
        loaded = datasets.load_dataset(source, **options)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise LabError(f"The data set {name!r} could not be loaded: {reason}") from None
    rows = [row for i, item in enumerate(loaded) for row in _adapt(i, item)]
    if not rows:
        raise LabError(f"{name} holds no text; use a file with some.")
    return rows


def split(rows, share=HELD_OUT_SHARE):
    """A `Corpus` of your own rows, a share of them held out by key."""
    train = [row for row in rows if not is_held_out(row["key"], share)]
    held_out = [row for row in rows if is_held_out(row["key"], share)]
    if not train or not held_out:  # very short: the last document is held out
        train, held_out = rows[:-1] or rows, rows[-1:]
    return Corpus(train, held_out, [])


def _check_file(path):
    if not path.is_file():
        raise LabError(f"There is no file {path}; give the path of an existing text file.")
    if path.suffix not in FORMATS:
        raise LabError(f"{path.name}: expected one of {', '.join(FORMATS)}; rename or convert it.")
    if path.stat().st_size == 0:
        raise LabError(f"{path.name} is empty; expected some text.")
    if path.suffix == ".parquet":
        return
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            if b"\0" in block:
                raise LabError(f"{path.name} is a binary file; expected text in UTF-8.")
    try:
        with path.open(encoding="utf-8") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError as error:
        raise LabError(
            f"{path.name} is not UTF-8 (byte {error.start} does not fit); "
            "save it as UTF-8, for example in a text editor."
        ) from None


_ALIASES = {
    "text": ("text", "completion", "content"),
    "question": ("instruction", "prompt", "question", "input", "instruction_zh"),
    "answer": ("output", "response", "answer", "target", "output_zh"),
}


def _adapt(number, item):
    """Rows of the lab from one row of a data set, whichever of the usual schemas it has."""
    key = str(item.get("key") or number)
    turns = item.get("messages") or item.get("conversations")
    if turns:
        if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
            return
        roles = {"human": "user", "gpt": "assistant"}
        messages = []
        for turn in turns:
            role = turn.get("role") or turn.get("from")
            messages.append(
                {"role": roles.get(role, role), "content": turn.get("content") or turn.get("value")}
            )
        messages = [m for m in messages if _spoken(m)]
        if messages:
            yield _document("chat", key, messages=messages)
        return
    found = {
        meaning: next((item[name] for name in names if isinstance(item.get(name), str)), None)
        for meaning, names in _ALIASES.items()
    }
    if found["question"] and found["answer"]:
        context = item.get("input") if item.get("instruction") else ""
        yield _dialogue("chat", key, (found["question"] + (context or ""), found["answer"]))
    elif found["text"] and found["text"].strip():
        yield _document("story", key, text=re.sub(r"[ \t]+\n", "\n", found["text"]).strip())
    elif not any(found.values()) and number == 0:
        raise LabError(
            f"The data has the columns {', '.join(item)}; expected text, messages, conversations, "
            "or a question and an answer (instruction/output, prompt/response, …)."
        )


def _spoken(message):
    """Does somebody of a dialogue say something here?"""
    content = message["content"]
    return message["role"] in ("user", "assistant") and isinstance(content, str) and content


def texts(rows):
    """All strings of the rows, for building a vocabulary."""
    for row in rows:
        if row["text"]:
            yield row["text"]
        for message in row["messages"]:
            yield message["content"]

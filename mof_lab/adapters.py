"""Rows of a data set, whichever of seven usual schemas they have, to a text or a dialogue.

An adapter takes one row as a dictionary and returns a string, a dialogue as (role, text) pairs,
or None where the row has another schema. The first that fits decides.
"""

from .errors import LabError

#: What data sets call the two who speak; others (system, tools) are left out.
ROLES = {
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "bot", "chatgpt", "model"), "assistant"),
    **dict.fromkeys(("system", "tool", "function", "function_call", "observation"), None),
}
TEXT = ("text", "completion", "content")
QUESTION = ("instruction", "prompt", "question", "query", "input")
ANSWER = ("output", "response", "answer", "target", "completion")
CHOICES = ("choices", "choice", "options")
CHOSEN = ("answer", "answerkey", "label")
PROBLEM = ("original_text", "problem", "input")
SOLUTION = ("golden", "ans", "solution")

EXPECTED = (
    "text, messages, conversations, chosen, or a question and an answer "
    "(instruction/output, prompt/response, question/answer, input/target, …)"
)


def adapt(item, where="the row"):
    """One row of a data set as the lab has it.

    Args:
        item: the row, a dictionary.
        where: what an error calls it.

    Returns:
        `{"text": …}` or `{"messages": [{"role", "content"}, …]}`; None where nothing is said.

    Raises:
        LabError: the schema is unknown, or something in it has a strange type.
    """
    if not isinstance(item, dict):
        raise LabError(f"{where} is {_kind(item)}; expected columns with names, such as text.")
    row = {str(name).strip().lower(): value for name, value in item.items()}
    filled = {name: value for name, value in row.items() if value is not None}
    try:  # an empty column hides no filled one; where all are empty, nothing is said
        for adapter, columns in ((a, c) for c in (filled, row) for a in ADAPTERS):
            found = adapter(columns)
            if isinstance(found, str):
                return {"text": found} if found else None
            if found is not None:
                said = [{"role": role, "content": text} for role, text in found if text]
                return {"messages": said} if said else None
    except LabError as error:
        raise LabError(f"{where}: {error}") from None
    names = ", ".join(" ".join(str(name).split())[:40] for name in list(item)[:12]) or "none"
    raise LabError(f"{where} has the columns {names}; expected {EXPECTED}.")


def preference(row):
    """`chosen` beside `rejected`: the chosen answer to a prompt, or a whole chosen dialogue."""
    if "chosen" not in row:
        return None
    chosen = row["chosen"]
    said = _turns("chosen", [chosen] if isinstance(chosen, dict) else chosen)
    if said and said[0][0] == "user":
        return said
    column = _first(row, ("conversations", "messages", *QUESTION))
    if column is None:
        raise LabError("chosen stands without a question; expected a prompt or conversations.")
    asked = row[column]
    before = _turns(column, asked) if isinstance(asked, list) else [("user", _question(row))]
    answered = any(text for _, text in before) and any(text for _, text in said)
    return [*before, *said] if answered else []


def dialogue(row):
    """Turns with role and content, or (ShareGPT's) with from and value."""
    column = _first(row, ("messages", "conversations", "conversation"))
    return None if column is None else _turns(column, row[column])


def choice(row):
    """A question, its options (a list, or columns A, B, …) and the right one; the answer names it.

    Rows without an answer, as test sets have, say nothing.
    """
    labels, options = _options(row)
    question = _first(row, ("question", "query", "problem"))
    if not options or question is None:
        return None
    answer = row.get(_first(row, CHOSEN))
    if answer is None or answer in ("", -1):
        return []
    letters = [chr(ord("A") + i) for i in range(len(options))]
    right = _right(answer, labels or letters, options)
    listed = "\n".join(f"{a}. {text}" for a, text in zip(letters, options, strict=True))
    context = row.get("context") or ""
    if isinstance(context, list):
        context = "\n".join(_text("context", part) for part in context)
    asked = "\n".join(part for part in (context, _text(question, row[question]), listed) if part)
    return [("user", asked), ("assistant", f"{letters[right]}. {options[right]}")]


def maths(row):
    """A problem and its result: `input/golden`, `original_text/ans`, `problem/solution`."""
    problem, solution = _first(row, PROBLEM), _first(row, SOLUTION)
    if problem is None or solution is None:
        return None
    return _exchange(_text(problem, row[problem]), _text(solution, row[solution], numbers=True))


def alpaca(row):
    """A question and an answer under any of their names, with `input` and `history`."""
    answer = _first(row, ANSWER)
    if _first(row, QUESTION) is None or answer is None:
        return None
    said = _exchange(_question(row), _text(answer, row[answer], numbers=True))
    return [*_history(row.get("history")), *said] if said else []


def text(row):
    """`text`, `completion` or `content`."""
    column = _first(row, TEXT)
    if column is None:
        return None
    return "\n".join(line.rstrip() for line in _text(column, row[column]).split("\n"))


ADAPTERS = (preference, choice, dialogue, maths, alpaca, text)


def _first(row, names):
    """The first of the columns that is there; a Chinese one (`output_zh`) before the other."""
    return next(
        (name for n in names for name in (f"{n}_zh", n) if name in row),
        None,
    )


def _question(row):
    """The question, and what `input` adds to it."""
    column, extra = _first(row, QUESTION), _first(row, ("input",))
    asked = _text(column, row.get(column))
    return asked if extra in (None, column) else asked + _text(extra, row[extra])


def _exchange(question, answer):
    """A question with its answer; nothing where one is missing."""
    return [("user", question), ("assistant", answer)] if question and answer else []


def _history(pairs):
    """Earlier questions and answers, `[[question, answer], …]`."""
    if not pairs:
        return []
    if not isinstance(pairs, list) or not all(isinstance(p, list) and len(p) == 2 for p in pairs):
        raise LabError("history is no list of pairs; expected [[question, answer], …].")
    return [
        turn
        for question, answer in pairs
        for turn in _exchange(_text("history", question), _text("history", answer))
    ]


def _turns(column, turns):
    """(role, text) pairs of a list of turns, or of one answer that stands for itself."""
    if turns is None:
        return []
    if isinstance(turns, str) and column == "chosen":
        return [("assistant", turns.strip())]
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise LabError(f"{column} is {_kind(turns)}; expected a list of turns with role, content.")
    said = []
    for turn in turns:
        name = turn.get("role") or turn.get("from")
        if not isinstance(name, str) or name.lower() not in ROLES:
            raise LabError(f"a turn is said by {name!r}; expected user or assistant.")
        role = ROLES[name.lower()]
        if role:
            said.append((role, _text(column, turn.get("content") or turn.get("value"))))
    return said


def _options(row):
    """(their own labels or [], the options of a question as texts); none where the row has none."""
    column, labels = _first(row, CHOICES), []
    options = row.get(column)
    if column is None:
        options = [row[letter] for letter in "abcdefgh" if row.get(letter) not in (None, "")]
        column = "options"
    elif isinstance(options, dict):
        given = options
        options = given.get("text") or list(given.values())
        labels = given.get("label") if "text" in given else list(given)
    if not isinstance(options, list) or len(options) < 2:
        return [], []
    if not isinstance(labels, list) or len(labels) != len(options):
        labels = []
    texts = [_text(column, option, numbers=True) for option in options]
    return [str(label).strip() for label in labels], texts


def _right(answer, letters, options):
    """The index of the right option, from its label, its index (from 0) or its text."""
    named = str(answer).strip()
    if named in letters:
        return letters.index(named)
    if isinstance(answer, int) and 0 <= answer < len(options):
        return answer
    if named in options:
        return options.index(named)
    raise LabError(f"the answer {named[:40]!r} names none of the {len(options)} options.")


def _text(column, value, numbers=False):
    """A value as a text without surrounding space; numbers count where `numbers` says so."""
    if value is None:
        return ""
    if numbers and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise LabError(f"{column} holds {_kind(value)}; expected a text.")
    return value.strip()


def _kind(value):
    """What a value is, in plain words."""
    names = {dict: "a table", list: "a list", str: "a text", bool: "yes or no", type(None): "empty"}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number"
    return names.get(type(value), type(value).__name__)

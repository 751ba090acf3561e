"""The published vocabulary under the lab's numbers, and the published prompt.

In the lab a dialogue is built of special ids, 0-5. The published model knows none: its turns are
marked by text. So the lab's ids are translated when they are read:

    ⟨begin⟩⟨user⟩你好⟨end⟩⟨assistant⟩  →  {"conversations": [{"role": "user", "content": "你好"},
                                          {"role": "assistant", "content": "

(in one line). That is why a text with `"}` in it ends its turn, as it does there.
"""

import ast
import hashlib
from pathlib import Path

from ..errors import LabError
from ..vocabulary import (
    ASSISTANT,
    BEGIN,
    END,
    PADDING,
    SPECIAL_NAMES,
    UNKNOWN,
    UNKNOWN_CHARACTER,
    USER,
    Vocabulary,
)

OPENING = '{"conversations": ['
ROLES = {USER: "user", ASSISTANT: "assistant"}
QUOTE, BRACE = '"', "}"


class PublishedVocabulary(Vocabulary):
    """The strings of a published vocabulary file; number `i` there is the lab's id `6 + i`.

    ▩ is the lab's id for the unknown.

    Args:
        characters: a list of strings with ▩ among them. Of two equal ones the last is meant.
    """

    def __init__(self, characters):
        if UNKNOWN_CHARACTER not in characters:
            raise LabError(f"The vocabulary lacks {UNKNOWN_CHARACTER}, its sign for the unknown.")
        self.characters = tuple(characters)
        self.numbers = {c: i for i, c in enumerate(self.characters)}
        self._ids = {c: i + len(SPECIAL_NAMES) for c, i in self.numbers.items()}
        self._ids[UNKNOWN_CHARACTER] = UNKNOWN

    @classmethod
    def load(cls, path):
        """Reads a vocabulary file, a Python list of strings; nothing in it is run."""
        try:  # -sig: an editor of Windows may have put a byte order mark before it
            characters = ast.literal_eval(Path(path).read_text(encoding="utf-8-sig").strip())
        except OSError as error:
            raise LabError(
                f"The vocabulary file {path} can't be read: {error.strerror}; "
                "give the path of the one that was published with the weights."
            ) from None
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            characters = None
        if not isinstance(characters, list) or not all(isinstance(c, str) for c in characters):
            raise LabError(
                f"{path} is not a published vocabulary; expected nothing but a list of strings, "
                "['▩', '的', …]. It was not run."
            )
        return cls(characters)

    @property
    def hash(self):
        """16 hex digits that name this vocabulary."""
        return hashlib.sha256(repr(self.characters).encode("utf-8")).hexdigest()[:16]

    @property
    def endings(self):
        """An answer ends with the text `"}`."""
        return (tuple(self._ids.get(c, UNKNOWN) for c in (QUOTE, BRACE)),)

    def number(self, text):
        """The numbers that the published model reads for a text."""
        unknown = self.numbers[UNKNOWN_CHARACTER]
        return [self.numbers.get(c, unknown) for c in text]


class Prompt:
    """Where a dialogue stands while it is turned into the published text.

    Args:
        mark: the last special id that was read, None at the start.
        last: what was read last, "" after a special id.
    """

    def __init__(self, vocabulary, mark=None, last=""):
        self.vocabulary, self.mark, self.last = vocabulary, mark, last

    def text(self, ids):
        """The published text of the lab's ids, and the `Prompt` after them."""
        parts, mark, last = [], self.mark, self.last
        for token in map(int, ids):
            if token == PADDING:
                continue
            if token == UNKNOWN or token >= len(SPECIAL_NAMES):
                last = self.vocabulary.symbol(token)
                # A user's line end is written as in JSON; nothing else is.
                parts.append("\\n" if last == "\n" and mark == USER else last)
                continue
            if token == BEGIN:
                parts.append(OPENING)
            elif token == END:
                # Of an answer that ended by itself the quote has been read.
                quoted = mark == ASSISTANT and last == QUOTE
                parts.append(BRACE if quoted else QUOTE + BRACE)
            else:
                comma = "" if mark == BEGIN else ", "
                parts.append(f'{comma}{{"role": "{ROLES[token]}", "content": "')
            mark, last = token, ""
        return "".join(parts), Prompt(self.vocabulary, mark, last)

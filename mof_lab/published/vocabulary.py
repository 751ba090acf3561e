"""The published vocabulary under the lab's numbers, and the published prompt.

In the lab a dialogue is built of special ids, 0-5. The published model knows none: its turns are
marked by text. So the lab's ids are translated when they are read:

    ⟨begin⟩⟨user⟩你好⟨end⟩⟨assistant⟩  →  {"conversations": [{"role": "user", "content": "你好"},
                                          {"role": "assistant", "content": "
    ⟨begin⟩你好⟨end⟩                   →  {"text": "<s>你好</s>"}

(each in one line). That is why a text with `"}` in it ends its turn, as it does there.
"""

import ast
import hashlib

from ..errors import LabError
from ..files import path_of
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
    is_half,
)

#: Of a vocabulary file; 50,000 Chinese characters take 0.4 MB.
MOST_BYTES = 2_000_000
#: How a dialogue and a text begin, and what ends a turn and a text.
CONVERSATION, TEXT = '{"conversations": [', '{"text": "<s>'
TURN_END, TEXT_END = '"}', "</s>"
ROLES = {USER: "user", ASSISTANT: "assistant"}


class PublishedVocabulary(Vocabulary):
    """The strings of a published vocabulary file; number `i` there is the lab's id `6 + i`.

    ▩ is the lab's id for the unknown.

    Args:
        characters: a list of strings with ▩ among them. Of two equal ones the last is meant. A
            string of several characters may be written; what is read are single ones.
    """

    def __init__(self, characters):
        self.characters = tuple(characters)
        self.numbers = {c: i for i, c in enumerate(self.characters)}
        if UNKNOWN_CHARACTER not in self.numbers:
            raise LabError(f"The vocabulary lacks {UNKNOWN_CHARACTER}, its sign for the unknown.")
        if len(self.numbers) < 2:
            raise LabError(
                f"The vocabulary has nothing but {UNKNOWN_CHARACTER}, its sign for the unknown; "
                "expected characters too."
            )
        if "" in self.numbers:
            raise LabError("The vocabulary has an empty string; expected characters.")
        if any(map(is_half, "".join(self.characters))):
            raise LabError("The vocabulary holds half a character; expected whole ones.")
        self._ids = {c: i + len(SPECIAL_NAMES) for c, i in self.numbers.items()}
        self._ids[UNKNOWN_CHARACTER] = UNKNOWN

    @classmethod
    def load(cls, path):
        """Reads a vocabulary file, a Python list of strings; nothing in it is run."""
        path = path_of(path, "vocabulary file")
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise LabError(
                f"The vocabulary file {path} can't be read: {error.strerror}; "
                "give the path of the one that was published with the weights."
            ) from None
        if len(content) > MOST_BYTES:
            raise LabError(
                f"{path} has more than {MOST_BYTES:,} bytes, far more than a published "
                "vocabulary; give the path of the one that was published with the weights."
            )
        try:  # -sig: an editor of Windows may have put a byte order mark before it
            characters = ast.literal_eval(content.decode("utf-8-sig").strip())
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

    def encode(self, text):
        """A list of ids; a line end becomes `\\n`, as the package writes what it is given."""
        return super().encode(text.replace("\n", "\\n"))

    def spellings(self, text):
        """Every way to write a text with the vocabulary's strings, as tuples of ids."""
        if not text:
            return [()]
        return [
            (self._ids[text[:end]], *rest)
            for end in range(1, len(text) + 1)
            if text[:end] in self._ids
            for rest in self.spellings(text[end:])
        ]

    def number(self, text):
        """The numbers that the published model reads for a text."""
        unknown = self.numbers[UNKNOWN_CHARACTER]
        return [self.numbers.get(c, unknown) for c in text]


class Prompt:
    """Where a dialogue or a text stands while it is turned into the published text.

    Args:
        mark: the last special id that was read; None where a text is read that is no dialogue.
    """

    def __init__(self, vocabulary, mark=None):
        self.vocabulary, self.mark = vocabulary, mark

    @property
    def endings(self):
        """What ends the text that is written here, as tuples of ids."""
        endings = (TURN_END,) if self.mark in ROLES else (TEXT_END, TURN_END)
        return [ids for ending in endings for ids in self.vocabulary.spellings(ending)]

    def text(self, ids):
        """The published text of the lab's ids, and the `Prompt` after them."""
        parts, mark = [], self.mark
        for token in map(int, ids):
            if token == BEGIN:  # what follows says what begins
                mark = BEGIN
            elif token in ROLES:
                parts.append(CONVERSATION if mark == BEGIN else ", ")
                parts.append(f'{{"role": "{ROLES[token]}", "content": "')
                mark = token
            elif token != PADDING:
                if mark == BEGIN:
                    parts.append(TEXT)
                    mark = None
                if token == END:
                    parts.append(TURN_END if mark is not None else TEXT_END + TURN_END)
                    mark = END
                else:
                    parts.append(self.vocabulary.symbol(token))
        return "".join(parts), Prompt(self.vocabulary, mark)

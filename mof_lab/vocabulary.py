"""Characters to integers and back.

Ids 0-5 are special tokens. They are ids, never text: nothing that a user types can become
one of the five that structure a dialogue. A character outside the vocabulary becomes ▩.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path

from .errors import LabError
from .files import write_atomically

FORMAT = "mof-lab vocabulary 1"
PADDING, UNKNOWN, BEGIN, USER, ASSISTANT, END = range(6)
UNKNOWN_CHARACTER = "▩"
#: How views show the special tokens; never parsed.
SPECIAL_NAMES = ("⟨pad⟩", UNKNOWN_CHARACTER, "⟨begin⟩", "⟨user⟩", "⟨assistant⟩", "⟨end⟩")


class Vocabulary:
    """A list of characters, the most frequent first.

    Args:
        characters: distinct single characters; character i has the id 6 + i.
    """

    def __init__(self, characters):
        self.characters = "".join(characters)
        if len(set(self.characters)) != len(self.characters):
            raise LabError("The vocabulary names a character twice; each may occur once.")
        if any(map(is_half, self.characters)):
            raise LabError("The vocabulary holds half a character; expected whole ones.")
        if UNKNOWN_CHARACTER in self.characters:
            raise LabError(f"{UNKNOWN_CHARACTER} stands for the unknown and can't be a character.")
        self._ids = {c: i + len(SPECIAL_NAMES) for i, c in enumerate(self.characters)}

    @classmethod
    def build(cls, texts, size=None, min_count=1):
        """Counts the characters of `texts` and keeps the most frequent.

        Args:
            texts: an iterable of strings.
            size: at most so many ids, special tokens included; None keeps all.
            min_count: characters seen less often become ▩.
        """
        counts = Counter()
        for text in texts:
            counts.update(text)
        counts.pop(UNKNOWN_CHARACTER, None)
        # Ties are broken by code point, so that the same text gives the same vocabulary.
        ranked = sorted(
            (c for c in counts if counts[c] >= min_count and not is_half(c)),
            key=lambda c: (-counts[c], c),
        )
        if len(ranked) < 2:
            raise LabError(
                f"The text has {len(ranked)} distinct character(s); a vocabulary needs at least 2. "
                "Use a longer text."
            )
        return cls(ranked if size is None else ranked[: max(2, size - len(SPECIAL_NAMES))])

    def __len__(self):
        return len(SPECIAL_NAMES) + len(self.characters)

    def __eq__(self, other):
        return isinstance(other, Vocabulary) and self.characters == other.characters

    def __hash__(self):
        return hash(self.characters)

    def encode(self, text):
        """A list of ids, one a character."""
        return [self._ids.get(c, UNKNOWN) for c in text]

    def decode(self, ids):
        """The text of `ids`; tokens that structure a dialogue have none."""
        return "".join(self.symbol(i) for i in ids if i >= len(SPECIAL_NAMES) or i == UNKNOWN)

    def symbol(self, token):
        """One token as people see it, special tokens by name."""
        token = int(token)
        if token < len(SPECIAL_NAMES):
            return SPECIAL_NAMES[token]
        return self.characters[token - len(SPECIAL_NAMES)]

    def coverage(self, text):
        """A report: `characters`, `known` (share of them), `unknown` (Counter of the others)."""
        unknown = Counter(c for c in text if c not in self._ids)
        known = 1 - sum(unknown.values()) / len(text) if text else 1.0
        return {"characters": len(text), "known": known, "unknown": unknown}

    @property
    def hash(self):
        """16 hex digits that name this vocabulary in checkpoints and packed data."""
        return hashlib.sha256(self.characters.encode("utf-8")).hexdigest()[:16]

    def save(self, path):
        """Writes a small JSON file."""
        write_atomically(path, self.dumps().encode("utf-8"))

    def dumps(self):
        """What `save` writes."""
        data = {"format": FORMAT, "characters": self.characters, "hash": self.hash}
        return json.dumps(data, ensure_ascii=False)

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            characters = data["characters"]
            if not isinstance(characters, str) or data["format"] != FORMAT:
                raise KeyError("format")
            made = cls(characters)
            if data.get("hash", made.hash) != made.hash:  # the lab's first files had none
                raise ValueError
        except FileNotFoundError:
            raise LabError(f"There is no vocabulary file {path}; build one and save it.") from None
        except LabError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise LabError(
                f"{path} is not a vocabulary file, or a damaged one; expected JSON made by "
                "Vocabulary.save."
            ) from None
        return made


def is_half(character):
    """Half a character, as a broken paste gives it: no file can hold one."""
    return "\ud800" <= character <= "\udfff"

"""A conversation: turns in, turns out, a memory that can be cleared, saved and taken back."""

import json
from collections import deque
from pathlib import Path

from . import checkpoint, litert
from .corpus import normalise
from .errors import LabError
from .files import write_atomically
from .generation import Decoder, Sampling
from .packing import encode_dialogue
from .vocabulary import ASSISTANT, BEGIN, END, USER

CLEAN = "[CLEAN]"
TRANSCRIPT = "mof-lab transcript 1"
MOST_BYTES = 4_000_000  # of a transcript that is read in
#: Exchanges that `undo` takes back: each keeps a state of the model, 0.05 to 3 MB.
UNDOS = 50
#: A message this many times longer than what fits is not even cleaned before it is refused.
FAR_TOO_LONG = 16


class ChatSession:
    """Talks with a model.

    Args:
        model, vocabulary: what `checkpoint.load` gives; or a `litert.Model`.
        expert: the name of one expert to talk with alone; None = the mixture.
        router_weights: (experts,), a forced blend instead of the router's.
    """

    def __init__(self, model, vocabulary, expert=None, router_weights=None):
        self.vocabulary = vocabulary
        self.decoder = Decoder(model, expert, router_weights)
        self.limit = model.config.context_length
        self.longest = getattr(model, "longest_message", self.limit)
        self.clear()

    @classmethod
    def from_checkpoint(cls, directory, tell=print, **options):
        """A session with the model of a checkpoint folder.

        The LiteRT export beside the checkpoint answers where there is one (see `export`): it is
        quicker and needs no TensorFlow.

        Args:
            tell: called with a sentence when there is one that can't be used.
            options: `expert`, `router_weights`.
        """
        config, vocabulary, meta = checkpoint.describe(directory)
        model = None
        try:
            model = litert.load(directory, config, meta)
        except LabError as error:
            tell(str(error))
        if model is None:
            model, vocabulary, _ = checkpoint.load(directory)
        return cls(model, vocabulary, **options)

    def clear(self):
        """Forgets the conversation, as `[CLEAN]` does."""
        self.turns = []  # of (role, text)
        self._before = deque(maxlen=UNDOS)  # what to go back to, one entry an exchange
        self.decoder.reset()
        self.decoder.read([BEGIN])

    @property
    def context_used(self):
        """(characters used, characters the model is meant for)."""
        return self.decoder.used, self.limit

    def chat(self, text, temperature=0.32, max_length=2048, **sampling):
        """One answer as a string. `sampling`: the other fields of `Sampling`."""
        characters = self.stream(text, Sampling(temperature=temperature, **sampling), max_length)
        return self.vocabulary.decode(c.token for c in characters)

    def stream(self, text, sampling=None, max_length=2048, stop=None):
        """Answers character by character.

        Args:
            text: what the user says; `[CLEAN]` clears the conversation instead.
            sampling: a `Sampling`; None = its defaults.
            stop: a function; the answer ends when it returns True.

        Yields:
            `generation.Character`. Leaving the loop early keeps what was said.
        """
        if text.strip() == CLEAN:
            self.clear()
            return iter(())
        text = self._checked(text)
        return self._answer(text, sampling or Sampling(), max_length, stop)

    def _answer(self, text, sampling, max_length, stop):
        self._remember()
        self.decoder.read([USER, *self.vocabulary.encode(text), END, ASSISTANT])
        written = []
        try:
            for character in self.decoder.write(sampling, max_length, stop):
                written.append(character.token)
                yield character
        finally:
            self.decoder.read([END])
            self.turns += [("user", text), ("assistant", self.vocabulary.decode(written))]

    def _checked(self, text):
        length = len(text)
        if length <= FAR_TOO_LONG * self.limit:
            text = normalise(text).strip()
            length = len(self.vocabulary.encode(text))
        if not text:
            raise LabError(
                "The message is empty; type something to talk about.",
                chinese="消息是空的：请输入想说的话。",
            )
        if length > self.longest:
            raise LabError(
                f"The message has {length:,} characters; at most {self.longest:,} fit into the "
                "context; shorten it.",
                chinese=f"消息有 {length:,} 字，上下文最多放得下 {self.longest:,} 字：请缩短。",
            )
        return text

    def add(self, question, answer):
        """Puts an exchange into the history as if it had happened."""
        self._put(self._checked(question), self._checked(answer))

    def _put(self, question, answer):
        self._remember()
        ids, _ = encode_dialogue([("user", question), ("assistant", answer)], self.vocabulary)
        self.decoder.read(ids[1:])
        self.turns += [("user", question), ("assistant", answer)]

    def undo(self):
        """Takes the last exchange back, up to `UNDOS` of them.

        Returns what the user had said, or None where there is nothing to take back.
        """
        if not self._before:
            return None
        said = self.turns[-2][1]
        self.turns = self.turns[:-2]
        self.decoder.take_back(self._before.pop())
        return said

    def keep(self):
        """The conversation as a value, for `take_back`; states are shared, not copied."""
        return list(self.turns), list(self._before), self.decoder.keep()

    def take_back(self, kept):
        """Makes the conversation what it was when `keep` gave this."""
        turns, before, moment = kept
        self.turns, self._before = list(turns), deque(before, UNDOS)
        self.decoder.take_back(moment)

    def dumps(self):
        """The transcript as JSON text."""
        turns = [{"role": role, "content": text} for role, text in self.turns]
        return json.dumps({"format": TRANSCRIPT, "turns": turns}, ensure_ascii=False, indent=1)

    def save(self, path):
        """Writes the transcript as JSON."""
        try:
            write_atomically(path, self.dumps().encode("utf-8"))
        except OSError as error:
            raise LabError(
                f"The transcript could not be saved as {path}: {error.strerror}; "
                "free some space or choose another folder."
            ) from None

    def load(self, path):
        """Clears the conversation and reads one that `save` wrote."""
        try:
            with Path(path).open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError:
            raise LabError(f"There is no transcript {path}; save one first.") from None
        self.loads(content, str(path))

    def loads(self, content, name="This"):
        """`load`, from what `dumps` gave, or its bytes; `name` is what an error calls it."""
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogatepass")
        if len(content) > MOST_BYTES:
            raise LabError(
                f"{name} has more than {MOST_BYTES:,} bytes; no transcript has so many: choose "
                "another file."
            )
        try:
            content = json.loads(content)
            turns = [(turn["role"], turn["content"]) for turn in content["turns"]]
            roles = [role for role, _ in turns]
            good = (
                content["format"] == TRANSCRIPT
                and roles == ["user", "assistant"] * (len(turns) // 2)
                and all(isinstance(text, str) for _, text in turns)
            )
            if good:
                "".join(text for _, text in turns).encode("utf-8")  # half a character is an error
        except (ValueError, KeyError, TypeError, RecursionError):
            good = False
        if not good:
            raise LabError(f"{name} is not a transcript; expected JSON made by ChatSession.save.")
        self.clear()
        for i in range(0, len(turns), 2):
            self._put(turns[i][1], turns[i + 1][1])  # an answer may be empty, or very long

    def _remember(self):
        self._before.append(self.decoder.keep())

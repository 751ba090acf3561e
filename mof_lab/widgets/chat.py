"""The chat as a widget; `side_by_side` gives it several columns.

chat = Chat(shipped("tiny"))        # a checkpoint, or a ChatSession of yours
chat.say("你好", "你是谁？")          # as if typed; then show it:
chat
"""

import threading
from pathlib import Path

import traitlets

from .. import jobs
from ..chat import CLEAN, UNDOS, ChatSession
from ..conversation import conversation
from ..errors import LabError
from ..explanation import Explanation, explain
from . import choices, texts
from .base import Panel, mended, script
from .exchange import Exchange, shown

LONGEST_TRANSCRIPT = 1_000_000  # characters of JSON that are read in


class Chat(Panel):
    """Talks with a model, and shows for every character where it came from.

    Args:
        source: a `ChatSession`, or the folder of a checkpoint.
        changes: settings to begin with, any of `choices.DEFAULTS`.
    """

    _esm = script("chat.js")
    words = texts.texts(texts.COMMON, texts.CHAT)
    settable = ("settings",)
    about = "Chat 聊天: run this cell to talk 运行本单元格即可聊天"

    experts = traitlets.List().tag(sync=True)  # names
    columns = traitlets.List().tag(sync=True)  # of {"key": of `words`, "values": {…}}
    settings = traitlets.Dict().tag(sync=True)  # see choices.py
    context = traitlets.List([0, 1]).tag(sync=True)  # characters used, meant for
    # of {"id", "question", "answers": [{"characters": packed explanations, "note": a text}]}
    exchanges = traitlets.List().tag(sync=True)

    def __init__(self, source, **changes):
        session = source if isinstance(source, ChatSession) else ChatSession.from_checkpoint(source)
        config = session.decoder.model.config
        self.sessions, columns = self._columns(session)
        super().__init__(experts=list(config.experts), columns=columns)
        self._writing = None  # the exchange that is being written
        self._before = []  # what Undo goes back to: (exchanges, a conversation a session)
        self._next_id = 0
        self.exchanges = [self._told(*turns) for turns in _pairs(self.session.turns)]
        self.settings = dict(choices.DEFAULTS)
        self.set(**changes)
        self._count()
        if not jobs.headless():
            warm = session.decoder.warm_up  # else the first answer would wait for a compiler
            threading.Thread(target=warm, name="mof-lab warm-up", daemon=True).start()

    def _columns(self, session):
        return [session], [{"key": "model", "values": {}}]

    @property
    def session(self):
        """The `ChatSession` that this chat talks with."""
        return self.sessions[0]

    # ---- from a cell ----

    def set(self, **changes):
        """Changes settings, see `choices.DEFAULTS`."""
        self.settings = choices.changed(self.settings, changes)

    def say(self, *messages):
        """Says these, one after the other, as if they were typed; returns the job.

        It is None if it was refused, since another widget is at work; the status line says which.
        Where somebody can click it returns at once, see `jobs.headless`; `wait` of the job waits
        for the answers. What was said before from a cell is answered first.
        """
        self.settle()
        return self._start(mended(list(messages)))

    def _start(self, messages):
        how = self._how()

        def work(job):
            for message in messages:
                if job.go_on():
                    self._say(job, message, how)

        return self.run(work)

    def clear(self):
        """Forgets the conversation, as `[CLEAN]` does; `undo` brings it back."""
        self.settle()
        self._forget()
        self.keep()

    def undo(self):
        """Takes back what was done last: an exchange, another answer, clearing, loading."""
        self.settle()
        if not self._before:
            self.tell("nothing")
            return
        exchanges, kept = self._before.pop()
        gone = self.exchanges[len(exchanges) :]
        for session, moment in zip(self.sessions, kept, strict=True):
            session.take_back(moment)
        self._set(exchanges, "undone")
        self.keep()
        if gone:
            self.send({"kind": "said", "text": gone[0]["question"]})

    def again(self):
        """Answers the last message anew, with the settings as they are now; returns the job."""
        self.settle()
        return self._again()

    def _again(self):
        if not self.exchanges:
            self.tell("nothing")
            return None
        question = self.exchanges[-1]["question"]
        how = self._how()

        def work(job):
            self._remember()
            for session in self.sessions:
                session.undo()
            self.exchanges = self.exchanges[:-1]
            self._exchange(job, question, how)

        return self.run(work)

    def save(self, path):
        """Writes the transcript, see `ChatSession.save`."""
        self.session.save(path)

    def load(self, path):
        """Goes on with a saved transcript; `undo` brings the present one back; returns the job."""
        self.settle()
        try:
            return self._load(Path(path).read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError):
            raise LabError(f"{path} can't be read; expected a transcript saved before.") from None

    def picture(self):
        if not self.exchanges:
            return None
        names = [self.in_words(column["key"], **column["values"]) for column in self.columns]
        return conversation([shown(e, names) for e in self.exchanges], self.experts)

    # ---- from the browser ----

    def on_hello(self, content):
        writing = self._writing  # once: the job lets go of it meanwhile
        if writing is not None:
            self.send({"kind": "writing", "exchange": writing.whole()})

    def on_send(self, content):
        text = content.get("text")
        if not isinstance(text, str):
            raise LabError(f"The message is {text!r}; expected a text: type one and send it again.")
        if self._takes(content):
            self._start([text])

    def on_again(self, content):
        if self._takes(content):
            self._again()

    def on_undo(self, content):
        self._unless_busy(self.undo)

    def on_clear(self, content):
        self._unless_busy(self.clear)

    def on_save(self, content):
        self.answer(content, "file", name="mof-lab-chat.json", text=self.session.dumps())

    def on_load(self, content):
        self._load(str(content["text"]), "The file")

    # ---- how it works ----

    @traitlets.validate("settings")
    def _whole(self, proposal):
        settings = proposal["value"]
        if set(settings) != set(choices.DEFAULTS):
            raise traitlets.TraitError(
                f"The settings of a chat are {', '.join(choices.DEFAULTS)}; "
                f"{', '.join(map(str, settings)) or 'none'} came: reload the page and try again."
            )
        return settings

    def _takes(self, content):
        """Sets the settings that came with a message; False if they were refused.

        The page sets them as a trait too, but that waits its turn, and the message overtakes it.
        """
        if "settings" in content:
            self.set_state({"settings": content["settings"]})
            return self.settings == content["settings"]
        return True

    def _unless_busy(self, act):
        if self._job is not None and self._job.alive:
            self.tell("busy", name=self._job.name)
        else:
            act()

    def _how(self):
        """How to draw, as it is set now: (`Sampling`, longest answer, forced blend or None)."""
        blend = choices.blend(self.settings, len(self.experts))
        return *choices.sampling(self.settings), blend

    def _forget(self):
        self._remember()
        for session in self.sessions:
            session.clear()
        self._set([], "cleared")

    def _say(self, job, message, how):
        if message.strip() == CLEAN:
            self._forget()
            self.send({"kind": "taken", "text": CLEAN})
            return
        self._remember()
        before = len(self.exchanges)
        try:
            self._exchange(job, message, how)
        finally:
            if len(self.exchanges) == before:
                self._before.pop()  # nothing was said

    def _exchange(self, job, message, how):
        """All columns answer, a character each in turn; what is there is kept, however it ends."""
        sampling, length, blend = how
        self.sessions[-1].decoder.force(blend)
        turns = len(self.session.turns)
        streams = [
            session.stream(message, sampling, length, stop=lambda: not job.go_on())
            for session in self.sessions
        ]
        exchange = Exchange(self._new_id(), message.strip(), len(streams))
        text, speed = jobs.Due(jobs.TEXT_HZ), jobs.Due(1)  # a screen reader reads each speed
        writing = dict(enumerate(streams))
        try:
            self._writing = exchange
            self.send({"kind": "taken", "text": exchange.question})
            self.send({"kind": "writing", "exchange": exchange.news()})
            while writing:
                for column, stream in list(writing.items()):
                    character = next(stream, None)
                    if character is None:
                        del writing[column]
                        exchange.notes[column] = self._note(exchange, column, sampling)
                    else:
                        exchange.characters[column].append(self._explained(character).pack())
                        if text():
                            self.send({"kind": "writing", "exchange": exchange.news()})
                        if speed():
                            self.tell("writing", speed=exchange.speed)
        finally:
            for stream in streams:
                stream.close()  # what it has said is in its session then
            if len(self.session.turns) > turns:
                self.exchanges = [*self.exchanges, exchange.whole()]
            self._writing = None
            self._count()
        if job.go_on():
            done = {"count": exchange.count, "speed": exchange.speed, "seed": sampling.seed}
            self.tell(_said("done", sampling), **done)
        else:
            self.tell("stopped", count=exchange.count)

    def _note(self, exchange, column, sampling):
        count = len(exchange.characters[column])
        return {
            "key": _said("note", sampling),
            "values": {"count": count, "seed": sampling.seed},
        }

    def _explained(self, character):
        vocabulary = self.session.vocabulary
        if self.settings["explain"]:
            return explain(character, vocabulary)
        weights = tuple(float(w) for w in character.router_weights)
        return Explanation(vocabulary.symbol(character.token), weights)

    def _load(self, text, name):
        if len(text) > LONGEST_TRANSCRIPT:
            raise LabError(
                f"{name} has more than the {LONGEST_TRANSCRIPT:,} characters that a transcript has "
                "at most: choose another file."
            )

        def work(job):
            self.tell("loading")
            self._remember()
            try:
                for session in self.sessions:
                    session.loads(text, name)
            except LabError:
                self._before.pop()
                raise
            pairs = _pairs(self.session.turns)
            self._set([self._told(*pair) for pair in pairs], "loaded", count=len(pairs))

        return self.run(work)

    def _told(self, question, answer):
        """An exchange of which only the text is known."""
        exchange = Exchange(self._new_id(), question, len(self.sessions))
        for characters in exchange.characters:
            characters += [Explanation(symbol).pack() for symbol in answer]
        return exchange.whole()

    def _remember(self):
        self._before.append((self.exchanges, [session.keep() for session in self.sessions]))
        del self._before[:-UNDOS]

    def _set(self, exchanges, key, **values):
        self.exchanges = exchanges
        self._count()
        self.tell(key, **values)

    def _count(self):
        self.context = list(max(session.context_used for session in self.sessions))

    def _new_id(self):
        self._next_id += 1
        return self._next_id


def _said(key, sampling):
    """The text that names the seed, or the one that does not: at temperature 0 nothing is drawn."""
    return key if sampling.temperature else f"{key}_certain"


def _pairs(turns):
    """[(question, answer), …] of (role, text) pairs."""
    texts_only = [text for _, text in turns]
    return list(zip(texts_only[::2], texts_only[1::2], strict=True))

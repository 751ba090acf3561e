"""What a learner has made, in one zip to take home, and back from it.

    README.md            how to open it again
    work.json            what it is, settings, and the size and checksum of every other file
    checkpoint/          the model, as `checkpoint` saves it
    vocabulary.json      its characters
    report.html, .json   what the training gave
    transcript.json      a chat, or transcript.txt, what was written

What comes back may have been made by anybody. Nothing is unpacked by its own name: only these
files are known, they are read up to a limit, checked, and written by the lab into a folder of its
own; a checkpoint holds no code.
"""

import hashlib
import io
import json
import os
import re
import struct
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from . import checkpoint
from .chat import ChatSession
from .errors import LabError
from .files import replace, write_atomically
from .folders import runs_folder
from .generation import Sampling, continuation
from .report import to_html
from .vocabulary import Vocabulary

FORMAT = "mof-lab work 1"
CARD = "work.json"
#: The files that a zip may hold.
KNOWN = re.compile(
    r"README\.md|work\.json|vocabulary\.json|report\.(html|json)|transcript\.(json|txt)"
    r"|checkpoint/(meta\.json|(model|optimizer)-[0-9a-f-]{1,40}\.safetensors)"
)
NEEDED = {CARD, "vocabulary.json", "checkpoint/meta.json"}
#: Bytes of all files together: `small` in the middle of a stage, or `base` once trained.
MOST_BYTES = 150_000_000
#: What a zip that is none, or a damaged or encrypted one, leads to.
BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Bytes of the record that a zip ends with, of what may stand before it, of its list of contents.
END, LOCATOR, MOST_LIST = 22, 20, 10_000
MOST_CARD = 1_000_000  # bytes of `work.json`
MOST_SETTINGS = 100_000  # characters of JSON

README = """\
# {title}

Made with MoF Lab. To open it again, copy this zip into the lab's folder `notebooks/` and run there:

```python
from mof_lab.notebook import restore
work = restore("{name}")
print(work.{do}({prompt}))
```

`work.model`, `work.vocabulary`, `work.settings` and `work.transcript` are what they were.
`report.html` opens in any browser. The text that was learnt is not in here.

---

# {title}

由 MoF Lab 制作。要再打开它，把这个压缩包复制到实验室的 `notebooks/` 文件夹，在那里运行上面三行。

`work.model`、`work.vocabulary`、`work.settings`、`work.transcript` 都和原来一样。
`report.html` 用任何浏览器都能打开。学过的文本不在包里。
"""


@dataclass(frozen=True)
class Work:
    """What came out of a zip."""

    folder: Path
    model: object  # a `MoF`
    vocabulary: Vocabulary
    title: str
    expert: str | None  # whoever was trained alone
    talks: bool  # did it learn dialogues?
    settings: dict
    transcript: str  # JSON of a chat where it talks, else what was written

    def session(self):
        """A `ChatSession` that goes on where the transcript ends."""
        made = ChatSession(self.model, self.vocabulary, expert=self.expert)
        if self.talks and self.transcript:
            made.loads(self.transcript, "The transcript")
        return made

    def chat(self, text, **options):
        """One answer, in a new conversation; see `ChatSession.chat`."""
        session = ChatSession(self.model, self.vocabulary, expert=self.expert)
        return session.chat(text, **options)

    def write(self, prompt, length=120, **sampling):
        """A text that begins with the prompt, see `generation.continuation`."""
        how = Sampling(**sampling)
        return continuation(self.model, self.vocabulary, prompt, how, length, self.expert)


# ---- there --------------------------------------------------------------------------------------


def write(
    path, folder, title, *, expert=None, talks=False, report=None, transcript="", settings=None
):
    """Makes the zip.

    Args:
        path: of the zip.
        folder: of the checkpoint.
        title: what people call it.
        expert: the one that was trained alone; None = the mixture.
        talks: did it learn dialogues? Else it goes on with texts.
        report: see `report.to_html`; None = none.
        transcript: JSON of `ChatSession.dumps` where it talks, else what was written.
        settings: what the notebook was set to, JSON values.

    Returns:
        the path.

    Raises:
        LabError: there is no checkpoint, it is damaged, or too large.
    """
    path, folder = Path(path), Path(folder)
    _, vocabulary, meta = checkpoint.describe(folder)
    meta_json = json.dumps(meta, ensure_ascii=False, indent=1)  # what was read, not read again
    files = {"checkpoint/meta.json": meta_json.encode("utf-8")}
    for part in meta["files"]:
        name, data, _ = checkpoint.read_part(folder, meta, part)  # says what is wrong with it
        files[f"checkpoint/{name}"] = data
    files["vocabulary.json"] = vocabulary.dumps().encode("utf-8")
    if report is not None:
        files["report.json"] = json.dumps(report, ensure_ascii=False, indent=1).encode("utf-8")
        files["report.html"] = to_html(report).encode("utf-8")
    if transcript:
        files[f"transcript.{'json' if talks else 'txt'}"] = transcript.encode("utf-8", "replace")
    do, prompt = ("chat", "你好") if talks else ("write", _first(vocabulary))
    prompt = json.dumps(prompt, ensure_ascii=False)
    readme = README.format(title=title, name=path.name, do=do, prompt=prompt)
    files["README.md"] = readme.encode("utf-8")
    card = {
        "format": FORMAT,
        "title": title,
        "expert": expert,
        "talks": talks,
        "settings": _settings(settings or {}),
        "files": {name: _sums(data) for name, data in files.items()},
    }
    files[CARD] = json.dumps(card, ensure_ascii=False, indent=1).encode("utf-8")
    size = sum(map(len, files.values()))
    if size > MOST_BYTES:
        raise LabError(
            f"This work has {size / 1e6:,.0f} MB; a zip takes up to {MOST_BYTES / 1e6:.0f} MB: "
            f"copy the folder {folder.name} of the runs itself."
        )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in sorted(files.items()):
            made.writestr(name, data)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content.getvalue())
    except OSError as error:
        raise LabError(
            f"{path.name} could not be written ({error.strerror}); free some space or choose "
            "another place."
        ) from None
    return path


def _first(vocabulary):
    """A character to begin with: the most frequent that is a letter."""
    return next((c for c in vocabulary.characters if c.isalpha()), vocabulary.characters[0])


def _settings(values):
    try:
        text = json.dumps(values, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        text = None
    if text is None or not isinstance(values, dict) or len(text) > MOST_SETTINGS:
        raise LabError("settings can't be kept; expected a small dictionary of JSON values.")
    return json.loads(text)


def _sums(data):
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


# ---- and back -----------------------------------------------------------------------------------


def read(source, folder=None):
    """Opens a zip that `write` made.

    Args:
        source: its path.
        folder: where its files are kept; None = a folder of the runs, named by what is in it.

    Returns:
        a `Work`.

    Raises:
        LabError: it is no such zip, or damaged, or holds what it should not; nothing is kept then.
    """
    path = Path(source)
    files, card = _contents(path)
    name = hashlib.sha256(files[CARD]).hexdigest()[:12]
    folder = runs_folder() / f"restored-{name}" if folder is None else Path(folder)
    try:
        if not _free(folder, files[CARD]):
            raise LabError(f"The folder {folder.name} holds something else; give another.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=folder.parent, prefix=".restoring-", ignore_cleanup_errors=True
        ) as temporary:
            made = Path(temporary) / "work"
            (made / "checkpoint").mkdir(parents=True)
            for file, data in files.items():
                write_atomically(made / file, data)
            loaded = _loaded(made, path.name, card["expert"])  # before any of it is kept
            if (folder / CARD).exists():  # the same work: what was changed in it comes back
                (folder / "checkpoint").mkdir(exist_ok=True)
                for file in files:
                    replace(made / file, folder / file)
            else:
                if folder.exists():
                    folder.rmdir()  # empty; Windows replaces no folder
                replace(made, folder)
    except OSError as error:
        raise LabError(
            f"{path.name} could not be unpacked ({error.strerror}); free some space, or give "
            "another folder."
        ) from None
    model, vocabulary = loaded
    transcript = next((files[n] for n in sorted(files) if n.startswith("transcript.")), b"")
    return Work(
        folder,
        model,
        vocabulary,
        card["title"],
        card["expert"],
        card["talks"],
        card["settings"],
        transcript.decode("utf-8", "replace"),
    )


def _free(folder, card):
    """Is there nothing in the folder, or the same work already?"""
    if not folder.exists() or not any(folder.iterdir()):
        return True
    return (folder / CARD).exists() and (folder / CARD).read_bytes() == card


def _loaded(folder, name, expert):
    """(model, vocabulary) of the checkpoint in an unpacked zip."""
    try:
        vocabulary = Vocabulary.load(folder / "vocabulary.json")
        model, own, _ = checkpoint.load(folder / "checkpoint")
        if expert is not None:
            model.config.expert_index(expert)  # says so if there is none
    except LabError as error:
        said = str(error).replace(str(folder), name)
        raise LabError(f"{name} holds no sound model: {said}") from None
    if vocabulary != own:
        raise _damaged(name, "its vocabulary is not its model's")
    return model, vocabulary


def _contents(path):
    """(name → bytes, the card) of a zip, checked."""
    if not path.is_file():
        raise LabError(f"There is no file {path}; give the path of a zip that was downloaded here.")
    try:
        content = path.open("rb")
    except OSError as error:
        raise LabError(
            f"{path.name} can't be read ({error.strerror}); copy it anew, or download it anew."
        ) from None
    with content:
        try:
            files = _unpacked(path.name, content)
        except LabError:
            raise
        except BROKEN:
            raise LabError(
                f"{path.name} is no zip, or a damaged or encrypted one; download it anew."
            ) from None
    return files, _card(path.name, files)


def _unpacked(name, content):
    """name → bytes of a zip that is open."""
    size = content.seek(0, os.SEEK_END)
    if size > MOST_BYTES:
        raise LabError(
            f"{name} has {size / 1e6:,.0f} MB; a learner's work has up to "
            f"{MOST_BYTES / 1e6:.0f} MB: choose another file."
        )
    _check_end(name, content, size)
    files = {}
    with zipfile.ZipFile(content) as found:
        entries = found.infolist()
        _check_entries(name, entries)
        for entry in entries:
            with found.open(entry) as file:  # a size that lies is found out, too
                data = file.read(entry.file_size + 1)
            if len(data) != entry.file_size:
                raise _damaged(name, f"{entry.filename} is not as long as it says")
            files[entry.filename] = data
    return files


def _check_end(name, content, size):
    """Refuses a list of contents that would fill the memory: it is read as a whole.

    A zip ends with where and how long it is, before that perhaps with the same in 64 bits, and
    perhaps with a comment; `write` makes neither.
    """
    content.seek(max(0, size - END - LOCATOR))
    tail = content.read()
    end = tail[-END:]
    if len(end) < END or not end.startswith(b"PK\5\6") or end[-2:] != b"\0\0":
        raise zipfile.BadZipFile
    if tail.startswith(b"PK\6\7") or int.from_bytes(end[12:16], "little") > MOST_LIST:
        raise LabError(
            f"{name} holds more files than a learner's work has; nothing was unpacked: choose "
            "another file."
        )


def _check_entries(name, entries):
    """Refuses what `write` never writes, before anything is unpacked."""
    names = [entry.filename for entry in entries]
    for entry in entries:
        if not KNOWN.fullmatch(entry.filename):
            raise LabError(
                f"{name} holds {entry.filename[:60]!r}, which is no part of a learner's work; "
                "nothing was unpacked: choose a zip that was downloaded here."
            )
        if entry.compress_type not in PACKED:
            raise _damaged(name, f"{entry.filename} is packed in another way")
    if len(set(names)) < len(names):
        raise _damaged(name, "it names a file twice")
    size = sum(entry.file_size for entry in entries)
    if size > MOST_BYTES:
        raise LabError(
            f"{name} would unpack to {size / 1e6:,.0f} MB, and a learner's work has up to "
            f"{MOST_BYTES / 1e6:.0f} MB; nothing was unpacked: choose another file."
        )
    card = next((entry for entry in entries if entry.filename == CARD), None)
    if card is not None and card.file_size > MOST_CARD:
        raise _damaged(name, f"its {CARD} is too long")
    missing = sorted(NEEDED - set(names))
    if missing:
        raise _damaged(name, f"{', '.join(missing)} is missing")


def _card(name, files):
    """`work.json`, checked against the files."""
    try:
        card = json.loads(files[CARD])
        sound = isinstance(card["title"], str) and isinstance(card["talks"], bool)
        sound &= isinstance(card["expert"], str | None) and isinstance(card["settings"], dict)
        made_in, listed = card["format"], dict(card["files"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged(name, f"its {CARD} can't be read") from None
    if made_in != FORMAT:
        raise LabError(
            f"{name} has the format {str(made_in)[:60]!r}; this lab reads {FORMAT!r}: update the "
            "lab if a newer one made it."
        )
    if not sound or set(listed) != set(files) - {CARD}:
        raise _damaged(name, f"its {CARD} names other files than it holds")
    wrong = [file for file, sums in listed.items() if sums != _sums(files[file])]
    if wrong:
        raise _damaged(name, f"{wrong[0]} was changed")
    return card


def _damaged(name, what):
    return LabError(f"{name} is damaged: {what}; download it anew.")

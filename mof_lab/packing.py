"""Documents to fixed windows of token ids, packed once into memory-mapped arrays.

A window holds whole documents, best fit first, so almost nothing is padding; a layer forgets
where a document begins, so neighbours do not see each other. Beside each token stands its
role, which becomes the loss mask: 0 nothing to learn, 1 context, 2 what the model itself has to
write (the assistant's characters; all of a text where nobody is asked).
"""

import hashlib
import io
import json
import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .errors import LabError
from .files import write_atomically
from .vocabulary import ASSISTANT, BEGIN, END, PADDING, USER

STAMP = "packed.json"
RATED = "rated.json"  # checksums of the difficulties; it comes when all are there
NOTHING, CONTEXT, ANSWER = range(3)
TYPES = np.uint16, np.uint8  # of tokens and of roles
PHI = (5**0.5 - 1) / 2


def encode_dialogue(turns, vocabulary):
    """⟨begin⟩⟨user⟩…⟨end⟩⟨assistant⟩…⟨end⟩… as ids and roles.

    Args:
        turns: (role, text) pairs, role "user" or "assistant".
    """
    ids, roles = [BEGIN], [NOTHING]
    for role, text in turns:
        mark, value = (USER, CONTEXT) if role == "user" else (ASSISTANT, ANSWER)
        content = vocabulary.encode(text)
        ids += [mark, *content, END]
        roles += [CONTEXT, *[value] * len(content), value]
    return ids, roles


def encode_text(text, vocabulary):
    """⟨begin⟩…⟨end⟩ as ids and roles."""
    ids = vocabulary.encode(text)
    return [BEGIN, *ids, END], [NOTHING, *[ANSWER] * len(ids), ANSWER]


def encode(row, vocabulary):
    """Ids and roles of one row of a corpus."""
    if row["messages"]:
        return encode_dialogue([(m["role"], m["content"]) for m in row["messages"]], vocabulary)
    return encode_text(row["text"], vocabulary)


@dataclass(frozen=True)
class Windows:
    """Packed windows of one kind of text."""

    tokens: np.ndarray  # (windows, window + 1) uint16
    roles: np.ndarray  # (windows, window + 1) uint8
    difficulty: np.ndarray | None = None  # (windows,) nats a character, see `curriculum.rate`

    def __len__(self):
        return len(self.tokens)

    @property
    def answers(self):
        """Which targets the model itself has to write, (windows, window)."""
        return np.asarray(self.roles[:, 1:]) == ANSWER

    @property
    def padding(self):
        """Share of positions that hold no text."""
        return float(np.mean(np.asarray(self.tokens) == PADDING))


def padding_unpacked(rows, vocabulary, window):
    """Share of positions that would hold no text if each document had windows of its own."""
    pieces = _pieces(rows, vocabulary, window)
    return 1 - sum(len(ids) for ids, _ in pieces) / (len(pieces) * (window + 1))


def _pieces(rows, vocabulary, window):
    """Ids and roles of all documents, cut where they are longer than a window."""
    pieces = []
    for row in rows:
        ids, roles = encode(row, vocabulary)
        for start in range(0, max(1, len(ids) - 1), window):
            end = start + window + 1
            pieces.append((ids[start:end], roles[start:end]))
    if not pieces:
        raise LabError("There is no document to pack; the corpus is empty.")
    return pieces


def pack(rows, vocabulary, window, seed=1):
    """Windows of `window` characters (and one more, the last target) from rows.

    A document that is longer is cut; its pieces overlap by one token, so that each
    character is a target once.
    """
    length = window + 1
    pieces = _pieces(rows, vocabulary, window)
    random.Random(f"pack {seed}").shuffle(pieces)
    # The rest of a cut document has no ⟨begin⟩ at which layers forget what stands before it, so
    # it opens a window. Then longest first into the fullest window that has room; equal lengths
    # stay shuffled.
    pieces.sort(key=lambda piece: (piece[0][0] == BEGIN, -len(piece[0])))
    bins, by_room = [], [[] for _ in range(length + 1)]
    for piece in pieces:
        size = len(piece[0])
        room = None
        if piece[0][0] == BEGIN:
            room = next((r for r in range(size, length) if by_room[r]), None)
        if room is None:
            bins.append([piece])
            index, room = len(bins) - 1, length
        else:
            index = by_room[room].pop()
            bins[index].append(piece)
        by_room[room - size].append(index)
    tokens = np.full((len(bins), length), PADDING, np.uint16)
    roles = np.zeros((len(bins), length), np.uint8)
    order = random.Random(f"place {seed}")
    for i, content in enumerate(bins):
        order.shuffle(content)
        content.sort(key=lambda piece: piece[0][0] == BEGIN)
        at = 0
        for piece_ids, piece_roles in content:
            end = at + len(piece_ids)
            tokens[i, at:end], roles[i, at:end] = piece_ids, piece_roles
            roles[i, at] = NOTHING  # its predecessor is another document
            at = end
    return Windows(tokens, roles)


def pack_by_kind(rows, vocabulary, window, directory, seed=1):
    """`Windows` for each kind of text in `rows`, made once and then memory-mapped.

    Args:
        directory: where the arrays live; a second call with the same content only opens them.
    """
    directory = Path(directory)
    content = hashlib.sha256(f"windows 2 {vocabulary.hash} {window} {seed}".encode())
    by_kind = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
        content.update(json.dumps(row, ensure_ascii=False).encode("utf-8"))
    wanted = {"content": content.hexdigest(), "kinds": sorted(by_kind)}
    if not _packed(directory, wanted):
        directory.mkdir(parents=True, exist_ok=True)
        stamp = directory / STAMP
        stamp.unlink(missing_ok=True)  # it comes back when all are there
        (directory / RATED).unlink(missing_ok=True)
        for kind, kind_rows in by_kind.items():
            windows = pack(kind_rows, vocabulary, window, seed)
            np.save(directory / f"{kind}.tokens.npy", windows.tokens)
            np.save(directory / f"{kind}.roles.npy", windows.roles)
        text = json.dumps({**wanted, "files": _checksums(directory, by_kind)})
        write_atomically(stamp, text.encode("utf-8"))
    return open_packed(directory)


def _packed(directory, wanted):
    """Are these windows there, whole? A damaged file is packed anew."""
    try:
        stamp = json.loads((directory / STAMP).read_text(encoding="utf-8"))
        return stamp == {**wanted, "files": _checksums(directory, wanted["kinds"])}
    except (OSError, ValueError, RecursionError):
        return False


def _checksums(directory, kinds):
    found = {}
    for name in (f"{kind}.{what}.npy" for kind in kinds for what in ("tokens", "roles")):
        with (directory / name).open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def open_packed(directory):
    """kind → `Windows`, memory-mapped, from a folder that `pack_by_kind` filled."""
    directory = Path(directory)

    def opened(kind, what):
        return np.load(directory / f"{kind}.{what}.npy", mmap_mode="r", allow_pickle=False)

    try:
        kinds = json.loads((directory / STAMP).read_text(encoding="utf-8"))["kinds"]
        packed = {k: Windows(opened(k, "tokens"), opened(k, "roles")) for k in kinds}
        sound = all(w.tokens.shape == w.roles.shape and w.tokens.ndim == 2 for w in packed.values())
        sound &= all((w.tokens.dtype, w.roles.dtype) == TYPES for w in packed.values())
    except Exception:  # of numpy's reader of headers, which has many
        sound = False
    if not sound:
        raise LabError(f"The windows in {directory} are damaged; open the run again to pack anew.")
    found = _difficulties(directory, packed)
    return {k: replace(w, difficulty=found.get(k)) for k, w in packed.items()}


def save_difficulties(directory, difficulties):
    """Writes kind → difficulty (windows,) beside the windows; `open_packed` reads it from there."""
    directory, checksums = Path(directory), {}
    for kind, values in difficulties.items():
        content = io.BytesIO()
        np.save(content, values)
        name = f"{kind}.difficulty.npy"
        write_atomically(directory / name, content.getvalue())
        checksums[name] = hashlib.sha256(content.getvalue()).hexdigest()
    write_atomically(directory / RATED, json.dumps(checksums).encode("utf-8"))


def _difficulties(directory, packed):
    """As they were saved; none where one is missing or damaged: then all are rated anew."""
    try:
        checksums = json.loads((directory / RATED).read_text(encoding="utf-8"))
        found = {}
        for kind in packed:
            name = f"{kind}.difficulty.npy"
            content = (directory / name).read_bytes()
            if hashlib.sha256(content).hexdigest() != checksums[name]:
                return {}
            found[kind] = np.load(io.BytesIO(content), allow_pickle=False)
            found[kind].flags.writeable = False  # as what is memory-mapped
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found


def sample(packs, count, seed=7):
    """kind → `Windows`: up to `count` windows of each kind, always the same ones."""
    rng, found = np.random.default_rng(seed), {}
    for kind, windows in packs.items():
        chosen = np.sort(rng.permutation(len(windows))[:count])
        found[kind] = Windows(windows.tokens[chosen], windows.roles[chosen])
    return found


def sample_windows(packs, count):
    """`sample`, joined: (tokens, roles), or None if there are no windows."""
    found = sample(packs, count).values()
    if not found:
        return None
    tokens = np.concatenate([windows.tokens for windows in found])
    return tokens.astype(np.int32), np.concatenate([windows.roles for windows in found])


class Batches:
    """Batches for every step of a stage, each a pure function of the step's number.

    So a run that starts again at step n sees what it would have seen: there is no position
    to lose. Kinds are interleaved in their shares, evenly (by the golden ratio); each kind is
    shuffled anew every epoch.

    Args:
        packs: kind → `Windows`.
        shares: ((kind, share), …); kinds without windows are left out.
        batch: windows a step.
        seed: of the shuffles; stages have different ones.
    """

    def __init__(self, packs, shares, batch, seed):
        shares = [(k, s) for k, s in shares if s > 0 and k in packs]
        shares = shares or [(k, 1.0) for k in packs]
        self.kinds = [kind for kind, _ in shares]
        weights = np.array([share for _, share in shares])
        self.limits = np.cumsum(weights / weights.sum())
        self.limits[-1] = 1.0
        self.packs, self.batch, self.seed = packs, batch, seed
        self._orders = {}
        self._at = 0, np.zeros(len(self.kinds), int)  # a step, rows of each kind before it

    def __call__(self, step, part=0, parts=1):
        """Tokens (batch / parts, window + 1) int32 and roles (…, window + 1) of a step.

        Args:
            part, parts: a worker reads only its part: the rows part, part + parts, … of the batch.
        """
        before = self._rows_before(step).copy()
        tokens, roles = [], []
        for i, kind in enumerate(self._kinds_of(step * self.batch, (step + 1) * self.batch)):
            windows = self.packs[self.kinds[kind]]
            epoch, place = divmod(int(before[kind]), len(windows))
            before[kind] += 1
            if i % parts != part:
                continue
            row = self._order(kind, epoch)[place]
            tokens.append(windows.tokens[row])
            roles.append(windows.roles[row])
        return np.stack(tokens).astype(np.int32), np.stack(roles)

    def _rows_before(self, step):
        """How many rows of each kind the steps before this one took."""
        known, rows = self._at
        if step < known:
            known, rows = 0, np.zeros_like(rows)
        passed = self._kinds_of(known * self.batch, step * self.batch)
        self._at = step, rows + np.bincount(passed, minlength=len(rows))
        return self._at[1]

    def _kinds_of(self, first, last):
        return np.searchsorted(self.limits, np.arange(first, last) * PHI % 1.0, side="right")

    def _order(self, kind, epoch):
        if self._orders.get(kind, (None,))[0] != epoch:
            rng = np.random.default_rng([self.seed, kind, epoch])
            self._orders[kind] = (epoch, rng.permutation(len(self.packs[self.kinds[kind]])))
        return self._orders[kind][1]

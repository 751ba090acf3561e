"""Documents to fixed windows of token ids, packed once into memory-mapped arrays.

A window holds whole documents, best fit first, so almost nothing is padding; a layer forgets
where a document begins, so neighbours do not see each other. Beside each token stands its
role, which becomes the loss mask: 0 nothing to learn, 1 context, 2 what the model itself has to
write (the assistant's characters; all of a text where nobody is asked).
"""

import hashlib
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import LabError
from .vocabulary import ASSISTANT, BEGIN, END, PADDING, USER

NOTHING, CONTEXT, ANSWER = range(3)
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

    def __len__(self):
        return len(self.tokens)

    @property
    def padding(self):
        """Share of positions that hold no text."""
        return float(np.mean(self.tokens == PADDING))


def pack(rows, vocabulary, window, seed=1):
    """Windows of `window` characters (and one more, the last target) from rows.

    A document that is longer is cut; its pieces overlap by one token, so that each
    character is a target once.
    """
    length = window + 1
    pieces = []
    for row in rows:
        ids, roles = encode(row, vocabulary)
        for start in range(0, max(1, len(ids) - 1), window):
            pieces.append((ids[start : start + length], roles[start : start + length]))
    if not pieces:
        raise LabError("There is no document to pack; the corpus is empty.")
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
    content = hashlib.sha256(f"{vocabulary.hash} {window} {seed}".encode())
    by_kind = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
        content.update(json.dumps(row, ensure_ascii=False).encode("utf-8"))
    stamp = directory / "packed.json"
    wanted = {"content": content.hexdigest(), "kinds": sorted(by_kind)}
    if not stamp.exists() or json.loads(stamp.read_text(encoding="utf-8")) != wanted:
        directory.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        for kind, kind_rows in by_kind.items():
            windows = pack(kind_rows, vocabulary, window, seed)
            np.save(directory / f"{kind}.tokens.npy", windows.tokens)
            np.save(directory / f"{kind}.roles.npy", windows.roles)
        part = stamp.with_suffix(".part")
        part.write_text(json.dumps(wanted), encoding="utf-8")
        os.replace(part, stamp)
    return open_packed(directory)


def open_packed(directory):
    """kind → `Windows`, memory-mapped, from a folder that `pack_by_kind` filled."""
    directory = Path(directory)

    def opened(kind, what):
        return np.load(directory / f"{kind}.{what}.npy", mmap_mode="r", allow_pickle=False)

    kinds = json.loads((directory / "packed.json").read_text(encoding="utf-8"))["kinds"]
    return {k: Windows(opened(k, "tokens"), opened(k, "roles")) for k in kinds}


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
        self._next, self._before = 0, np.zeros(len(self.kinds), int)  # rows of each kind so far

    def __call__(self, step):
        """Tokens (batch, window + 1) int32 and roles (batch, window + 1) of a step."""
        if step != self._next:
            earlier = self._kinds_of(0, step * self.batch)
            self._before = np.bincount(earlier, minlength=len(self.kinds))
        tokens, roles = [], []
        for kind in self._kinds_of(step * self.batch, (step + 1) * self.batch):
            windows = self.packs[self.kinds[kind]]
            epoch, place = divmod(int(self._before[kind]), len(windows))
            self._before[kind] += 1
            row = self._order(kind, epoch)[place]
            tokens.append(windows.tokens[row])
            roles.append(windows.roles[row])
        self._next = step + 1
        return np.stack(tokens).astype(np.int32), np.stack(roles)

    def _kinds_of(self, first, last):
        return np.searchsorted(self.limits, np.arange(first, last) * PHI % 1.0, side="right")

    def _order(self, kind, epoch):
        if self._orders.get(kind, (None,))[0] != epoch:
            rng = np.random.default_rng([self.seed, kind, epoch])
            self._orders[kind] = (epoch, rng.permutation(len(self.packs[self.kinds[kind]])))
        return self._orders[kind][1]

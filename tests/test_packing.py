"""Documents to windows: nothing lost, nothing twice, the right roles, each window in its turn."""

import json
import os
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mof_lab.corpus import _dialogue, _document
from mof_lab.errors import LabError
from mof_lab.packing import (
    ANSWER,
    CONTEXT,
    NOTHING,
    Batches,
    Windows,
    encode,
    encode_dialogue,
    encode_text,
    pack,
    pack_by_kind,
    padding_unpacked,
)
from mof_lab.vocabulary import ASSISTANT, BEGIN, END, PADDING, USER, Vocabulary

FIRST = 0x4E00
HAN = Vocabulary([chr(FIRST + i) for i in range(4000)])


@st.composite
def documents(draw):
    """Texts and dialogues in which every character of the whole corpus is another one."""
    sizes = draw(st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=5), min_size=1))
    at, rows = FIRST, []
    for i, lengths in enumerate(sizes[:20]):
        parts = []
        for length in lengths:
            parts.append("".join(chr(at + j) for j in range(length)))
            at += length
        if len(parts) == 1:
            rows.append(_document("story", str(i), text=parts[0]))
        else:
            rows.append(_dialogue("chat", str(i), parts))
    return rows


def place(windows, token):
    """Where a token stands: (window, position), the first of them."""
    return [int(x[0]) for x in np.nonzero(windows.tokens == token)]


@given(documents(), st.integers(4, 60), st.integers(0, 3))
def test_every_token_is_a_target_once(rows, window, seed):
    windows = pack(rows, HAN, window, seed)
    assert windows.tokens.shape[1] == windows.roles.shape[1] == window + 1
    targets = windows.tokens[:, 1:][windows.roles[:, 1:] != NOTHING]
    expected = [token for row in rows for token in encode(row, HAN)[0][1:]]
    assert Counter(targets.tolist()) == Counter(expected)
    assert not {PADDING, BEGIN} & set(targets.tolist())


@given(documents(), st.integers(4, 60), st.integers(0, 3))
def test_documents_stay_whole_and_keep_their_roles(rows, window, seed):
    windows = pack(rows, HAN, window, seed)
    for row in rows:
        ids, roles = encode(row, HAN)
        for start in range(0, len(ids) - 1, window):  # one piece, if it fits
            piece = ids[start : start + window + 1]
            known = next(i for i, token in enumerate(piece[1:], 1) if token > END or i == 1)
            if piece[known] <= END:  # no character of its own: nothing to find it by
                continue
            row_number, position = place(windows, piece[known])
            at = position - known
            if at < 0 or windows.tokens[row_number, at] != piece[0]:  # the overlap came first
                found = np.argwhere(windows.tokens == piece[known])[-1]
                row_number, at = int(found[0]), int(found[1]) - known
            cut = slice(at, at + len(piece))
            assert windows.tokens[row_number, cut].tolist() == piece
            expected = [NOTHING, *roles[start + 1 : start + window + 1]]
            assert windows.roles[row_number, cut].tolist() == expected


@given(documents(), st.integers(4, 60), st.integers(0, 3))
def test_within_a_window_every_document_begins_with_begin(rows, window, seed):
    """Only there do layers forget; the rest of a cut document therefore opens a window."""
    windows = pack(rows, HAN, window, seed)
    first = (windows.roles == NOTHING) & (windows.tokens != PADDING)
    assert (windows.tokens[:, 1:][first[:, 1:]] == BEGIN).all()


@given(st.lists(st.text(alphabet=HAN.characters[:9], min_size=1), min_size=1, max_size=6))
def test_roles_of_a_dialogue(texts):
    turns = [(("user", "assistant")[i % 2], text) for i, text in enumerate(texts)]
    ids, roles = encode_dialogue(turns, HAN)
    assert len(ids) == len(roles)
    assert (ids[0], roles[0]) == (BEGIN, NOTHING)
    at = 1
    for role, text in turns:
        assert ids[at] == (USER if role == "user" else ASSISTANT)
        assert roles[at] == CONTEXT  # who speaks is given
        said = slice(at + 1, at + 1 + len(text))
        assert HAN.decode(ids[said]) == text
        assert ids[said.stop] == END
        value = ANSWER if role == "assistant" else CONTEXT
        assert set(roles[said]) | {roles[said.stop]} == {value}
        at = said.stop + 1
    assert at == len(ids)


def test_roles_of_a_text():
    assert encode_text("一", HAN) == (
        [BEGIN, HAN.encode("一")[0], END],
        [NOTHING, ANSWER, ANSWER],
    )


def test_what_packing_spares():
    """Documents of 8 and 12 ids, ⟨begin⟩ and ⟨end⟩ among them, in windows of 9 + 1 positions."""
    rows = [_document("story", f"{n}", text="中" * (n - 2)) for n in (8, 12)]
    # 8 of 10; then 10 of 10 and, one of them once more, 3 of 10.
    assert padding_unpacked(rows, HAN, 9) == pytest.approx(1 - (8 + 10 + 3) / 30)
    short = [_document("story", f"{n}", text="中" * 6) for n in range(40)]
    assert pack(short, HAN, 128).padding < padding_unpacked(short, HAN, 128)


def test_many_short_documents_leave_little_padding():
    rows = [_document("story", str(i), text=HAN.characters[: 5 + i % 23]) for i in range(400)]
    assert pack(rows, HAN, 128).padding < 0.02


def test_nothing_to_pack_is_said():
    with pytest.raises(LabError, match="empty"):
        pack([], HAN, 32)


def test_windows_are_packed_once(rows, vocabulary, tmp_path):
    def stamps():
        return {p.name: os.stat(p).st_mtime_ns for p in sorted(tmp_path.iterdir())}

    first = pack_by_kind(rows, vocabulary, 32, tmp_path)
    assert set(first) == {"story", "chat", "knowledge", "reasoning"}
    assert all(isinstance(w.tokens, np.memmap) for w in first.values())
    before = stamps()
    again = pack_by_kind(rows, vocabulary, 32, tmp_path)
    assert stamps() == before
    for kind, windows in first.items():
        np.testing.assert_array_equal(windows.tokens, again[kind].tokens)
        np.testing.assert_array_equal(windows.roles, again[kind].roles)


@pytest.mark.parametrize("change", ["window", "seed", "rows", "vocabulary"])
def test_windows_are_packed_anew_when_anything_changes(rows, vocabulary, tmp_path, change):
    pack_by_kind(rows, vocabulary, 32, tmp_path)
    stamp = (tmp_path / "packed.json").read_text(encoding="utf-8")
    pack_by_kind(
        rows[1:] if change == "rows" else rows,
        Vocabulary(vocabulary.characters[::-1]) if change == "vocabulary" else vocabulary,
        33 if change == "window" else 32,
        tmp_path,
        2 if change == "seed" else 1,
    )
    assert (tmp_path / "packed.json").read_text(encoding="utf-8") != stamp


def test_an_interrupted_packing_is_done_again(rows, vocabulary, tmp_path):
    whole = pack_by_kind(rows, vocabulary, 32, tmp_path)["story"].tokens.copy()
    (tmp_path / "packed.json").unlink()
    (tmp_path / "story.tokens.npy").write_bytes(b"half")
    np.testing.assert_array_equal(
        pack_by_kind(rows, vocabulary, 32, tmp_path)["story"].tokens, whole
    )
    assert json.loads((tmp_path / "packed.json").read_text(encoding="utf-8"))["kinds"]


def numbered(sizes):
    """Packs whose windows say which they are: kind number in roles, window number in tokens."""
    return {
        f"kind {k}": Windows(
            np.repeat(np.arange(size, dtype=np.uint16)[:, None], 3, axis=1),
            np.full((size, 3), k, np.uint8),
        )
        for k, size in enumerate(sizes)
    }


SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=4)
SHARES = st.lists(st.integers(1, 9), min_size=4, max_size=4)


@given(SIZES, SHARES, st.integers(1, 7), st.lists(st.integers(0, 60), max_size=8))
def test_a_batch_depends_on_its_step_only(sizes, shares, batch, asked):
    packs = numbered(sizes)
    named = tuple((f"kind {k}", share) for k, share in enumerate(shares))
    in_order = Batches(packs, named, batch, seed=5)
    expected = [in_order(step) for step in range(61)]
    any_order = Batches(packs, named, batch, seed=5)
    for step in asked:
        for one, other in zip(any_order(step), expected[step], strict=True):
            np.testing.assert_array_equal(one, other)


@given(SIZES, SHARES, st.integers(1, 7))
def test_shares_are_kept_evenly(sizes, shares, batch):
    named = tuple((f"kind {k}", share) for k, share in enumerate(shares))
    batches = Batches(numbered(sizes), named, batch, seed=5)
    total = sum(share for _, share in named[: len(sizes)])
    counts = np.zeros(len(sizes))
    for step in range(60):
        kinds = batches(step)[1][:, 0]
        counts += np.bincount(kinds, minlength=len(sizes))
        expected = np.array(shares[: len(sizes)]) / total * (step + 1) * batch
        assert np.abs(counts - expected).max() <= 4  # at every step, not on average


@given(SIZES, st.integers(1, 7))
def test_each_window_comes_once_an_epoch(sizes, batch):
    batches = Batches(numbered(sizes), (), batch, seed=5)
    seen = {kind: [] for kind in range(len(sizes))}
    for step in range(40):
        for window, kind in zip(*(x[:, 0] for x in batches(step)), strict=True):
            seen[kind].append(int(window))
    for kind, size in enumerate(sizes):
        epochs = [seen[kind][i : i + size] for i in range(0, len(seen[kind]) - size + 1, size)]
        assert all(sorted(epoch) == list(range(size)) for epoch in epochs)
        if size > 8 and len(epochs) > 1:
            assert epochs[0] != epochs[1]  # shuffled anew


def test_kinds_without_share_or_windows_are_left_out():
    shares = (("kind 0", 0.0), ("kind 1", 0.5), ("nowhere", 0.5))
    batches = Batches(numbered([3, 3]), shares, 4, seed=5)
    assert set(np.concatenate([batches(step)[1].ravel() for step in range(9)])) == {1}


def test_seeds_give_other_orders():
    packs = numbered([30])
    one, other = (Batches(packs, (), 20, seed)(0)[0][:, 0].tolist() for seed in (1, 2))
    assert one != other


@given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.sampled_from([1, 2, 3, 6]))
def test_workers_share_every_batch(steps, parts):
    """Each reads its rows, and together they read the batch, whatever the order of the steps."""
    packs = {
        kind: Windows(np.repeat(np.arange(n), 9).reshape(n, 9) + first, np.zeros((n, 9), np.uint8))
        for kind, n, first in (("story", 11, 100), ("chat", 5, 200))
    }
    shares = (("story", 0.7), ("chat", 0.3))
    whole, shared = Batches(packs, shares, 6, 1), Batches(packs, shares, 6, 1)
    for step in steps:
        tokens, roles = whole(step)
        found = [shared(step, part, parts) for part in range(parts)]
        for part, (some, their_roles) in enumerate(found):
            assert np.array_equal(some, tokens[part::parts])
            assert np.array_equal(their_roles, roles[part::parts])


def test_a_notebook_says_that_windows_are_packed_and_says_it_once(tmp_path, monkeypatch, capsys):
    notebook = pytest.importorskip("mof_lab.notebook", reason="comes with the lab's packages")

    def packs(of, folder, text):
        held_out = folder / "windows" / "held_out"
        held_out.mkdir(parents=True, exist_ok=True)
        (held_out / notebook.STAMP).touch()

    monkeypatch.setattr(notebook, "Run", packs)
    monkeypatch.setattr(notebook, "runs_folder", lambda: tmp_path)
    notebook.open_run()
    said = capsys.readouterr().out
    assert "only once" in said and "只做一次" in said and said.count("\n") == 1
    notebook.open_run()
    assert capsys.readouterr().out == ""

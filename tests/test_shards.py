"""Text beyond memory: every document in exactly one shard, windows as `pack` makes them."""

import json
from collections import Counter

import datasets
import numpy as np
import pytest

from mof_lab import corpus, shards
from mof_lab.curriculum import in_order
from mof_lab.errors import LabError, cause_of
from mof_lab.packing import NOTHING, Batches, Windows, encode
from mof_lab.splits import is_held_out
from mof_lab.vocabulary import Vocabulary

WINDOW, FILES = 24, 4


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Four files of texts, all different."""
    folder = tmp_path_factory.mktemp("texts")
    for i in range(FILES):
        rows = [{"text": f"第{i}卷第{j}页，" + "甲乙丙丁戊"[j % 5] * (j % 40)} for j in range(50)]
        content = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{i}.jsonl").write_text(content, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def options(texts):
    return {"name": "json", "data_files": sorted(map(str, texts.glob("*.jsonl")))}


def rows_of(dataset):
    return [json.loads(row) for row in dataset["row"]]


@pytest.fixture(scope="module")
def whole(options, tmp_path_factory):
    """All documents, read by one worker."""
    return rows_of(shards.documents(directory=tmp_path_factory.mktemp("whole"), **options))


def test_workers_divide_the_source(options, whole, tmp_path):
    """With as many workers as divide the files, and with a number that does not."""
    assert len(whole) == FILES * 50
    for parts in (2, 3):
        found = [
            rows_of(
                shards.documents(directory=tmp_path / str(parts), part=i, parts=parts, **options)
            )
            for i in range(parts)
        ]
        assert all(found)
        keys = Counter(row["key"] for part in found for row in part)
        assert keys == Counter(row["key"] for row in whole)


def test_every_token_is_in_one_shard(options, whole, tmp_path):
    """Two workers, both splits: each character of each document is a target once."""
    vocabulary = Vocabulary.build(corpus.texts(whole))
    for part in range(2):
        rows = shards.documents(directory=tmp_path, part=part, parts=2, **options)
        shards.tokenise(rows, vocabulary, WINDOW, tmp_path, part, 2, batch=17)
    assert {path.name for path in tmp_path.iterdir()} == {"train", "held_out"}
    for split in shards.SPLITS:
        held_out = split == "held_out"
        rows = [row for row in whole if is_held_out(row["key"], corpus.HELD_OUT_SHARE) == held_out]
        assert rows
        windows = shards.open_shards(tmp_path, split)["story"]
        tokens, roles = (
            np.stack([x[i] for i in range(len(x))]) for x in (windows.tokens, windows.roles)
        )
        assert tokens.dtype == np.uint16 and tokens.shape[1] == roles.shape[1] == WINDOW + 1
        targets = tokens[:, 1:][roles[:, 1:] != NOTHING]
        assert Counter(targets.tolist()) == Counter(
            t for r in rows for t in encode(r, vocabulary)[0][1:]
        )
        order = np.array([len(tokens) - 1, 0])
        assert (windows.tokens[order] == tokens[order]).all()


def test_tokenised_once(options, whole, tmp_path):
    vocabulary = Vocabulary.build(corpus.texts(whole))
    rows = shards.documents(directory=tmp_path, **options)
    shards.tokenise(rows, vocabulary, WINDOW, tmp_path)
    path = tmp_path / "train" / "part-00000" / "story.tokens.npy"
    before = path.stat().st_mtime_ns
    rows = shards.documents(directory=tmp_path, **options)
    shards.tokenise(rows, vocabulary, WINDOW, tmp_path)
    assert path.stat().st_mtime_ns == before
    assert {path.name for path in tmp_path.iterdir()} == {"train", "held_out"}


@pytest.fixture
def rows():
    """Of a text, as `documents` gives them; `change` leaves the keys as they are."""

    def rows(change=""):
        found = [corpus._document("story", str(i), text=f"甲乙丙{i}{change}") for i in range(60)]
        texts = [json.dumps(row, ensure_ascii=False) for row in found]
        return datasets.Dataset.from_dict({"row": texts})

    return rows


def test_another_text_is_tokenised_anew(rows, tmp_path):
    vocabulary = Vocabulary(list("甲乙丙丁0123456789"))

    def characters():
        windows = shards.open_shards(tmp_path, "train")["story"]
        return set(vocabulary.decode(np.asarray(windows.tokens).ravel()))

    for change in ("", "丁", ""):
        shards.tokenise(rows(change), vocabulary, WINDOW, tmp_path)
        assert ("丁" in characters()) == bool(change)


def test_files_that_change_are_read_anew(tmp_path):
    """One that is named, one that a pattern finds, and one in a folder."""
    sources = {
        "file": ("json", tmp_path / "file" / "1.jsonl"),
        "pattern": ("json", {"train": [str(tmp_path / "pattern" / "*.jsonl")]}),
        "folder": (str(tmp_path / "folder"), None),
    }
    for kind, (name, data_files) in sources.items():
        (tmp_path / kind).mkdir()
        options = {"data_files": str(data_files) if kind == "file" else data_files}
        for i in range(3):
            for number in range(i):  # at first one file, then another and more
                path = tmp_path / kind / f"{number}.jsonl"
                path.write_text(json.dumps({"text": f"第{i}次"}), encoding="utf-8")
            (tmp_path / kind / "1.jsonl").write_text(
                "\n".join([json.dumps({"text": f"第{i}次"})] * (i + 1)), encoding="utf-8"
            )
            found = shards.documents(name, tmp_path / f"{kind} kept", **options)
            assert {row["text"] for row in rows_of(found)} == {f"第{i}次"}


def test_shards_that_do_not_belong_together(rows, tmp_path):
    one, other = Vocabulary(list("甲乙丙")), Vocabulary(list("丙乙甲"))
    for part in range(2):
        if part:
            with pytest.raises(LabError, match="1 of 2 workers.*tokenise again"):
                shards.open_shards(tmp_path, "train")  # the other one is not done yet
        shards.tokenise(rows(part), one, WINDOW, tmp_path, part, 2)
    shards.open_shards(tmp_path, "train")
    shards.tokenise(rows(), other, WINDOW, tmp_path, 0, 2)
    with pytest.raises(LabError, match="several vocabularies"):
        shards.open_shards(tmp_path, "train")
    shards.tokenise(rows(), one, WINDOW, tmp_path, 0, 1)
    with pytest.raises(LabError, match="2 of 1 workers"):
        shards.open_shards(tmp_path, "train")
    with pytest.raises(LabError, match="no part 1 of 1"):
        shards.tokenise(rows(), one, WINDOW, tmp_path, 1)


def test_half_written_shards_have_no_stamp(rows, tmp_path, monkeypatch):
    vocabulary = Vocabulary(list("甲乙丙"))
    shards.tokenise(rows(), vocabulary, WINDOW, tmp_path)

    def full(*arguments):
        raise OSError

    monkeypatch.setattr(shards, "_write", full)
    with pytest.raises(OSError):
        shards.tokenise(rows("丁"), vocabulary, WINDOW, tmp_path)
    with pytest.raises(LabError, match="no windows"):
        shards.open_shards(tmp_path, "train")


def test_joined_arrays_are_one_array():
    whole = np.arange(21, dtype=np.uint16).reshape(7, 3)
    joined = shards.Joined([whole[:2], whole[2:6], whole[6:]])
    assert np.array_equal(joined, whole) and np.asarray(joined).dtype == np.uint16
    assert np.asarray(joined, float).dtype == float
    mask = whole[:, 0] % 2 == 0
    assert (joined[mask] == whole[mask]).all()
    for row in (-1, 7):
        with pytest.raises(IndexError, match=f"no row {row}"):
            joined[row]


def test_windows_of_shards_have_an_order_and_padding():
    rng = np.random.default_rng(1)
    tokens = rng.integers(0, 9, (40, WINDOW + 1), np.uint16)
    whole = Windows(tokens, np.ones_like(tokens))
    parts = [shards.Joined([array[:13], array[13:]]) for array in (whole.tokens, whole.roles)]
    joined = Windows(*parts)
    assert joined.padding == whole.padding > 0
    one, other = (in_order("length", {"story": w}, (), 4, 1, 10) for w in (joined, whole))
    for step in range(10):
        assert (one(step)[0] == other(step)[0]).all()


@pytest.mark.slow
def test_several_processes_give_the_same_documents(options, whole, tmp_path):
    rows = shards.documents(directory=tmp_path, processes=2, **options)
    assert Counter(r["key"] for r in rows_of(rows)) == Counter(r["key"] for r in whole)
    vocabulary = shards.vocabulary_of(rows, 100)
    shards.tokenise(rows, vocabulary, WINDOW, tmp_path, processes=2)
    packs = shards.open_shards(tmp_path, "train")
    tokens, _ = Batches(packs, (), 4, 1)(3)
    assert tokens.shape == (4, WINDOW + 1)


def test_what_is_not_there(tmp_path):
    with pytest.raises(LabError, match="no windows"):
        shards.open_shards(tmp_path, "train")
    for processes in (1, 2):
        with pytest.raises(LabError, match=r"^The data set.*nothing\.jsonl") as caught:
            missing = str(tmp_path / "nothing.jsonl")
            shards.documents("json", tmp_path, processes=processes, data_files=missing)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LabError("No, do that."), "No, do that."),
        (RuntimeError("Traceback:\n  x.LabError: No, do that.\n\nmore"), "No, do that."),
        (RuntimeError("first\n last\n\n"), "RuntimeError: last"),
        (RuntimeError(), "RuntimeError: "),
    ],
)
def test_why_a_worker_ended(error, said):
    assert cause_of(error) == said


@pytest.mark.slow
def test_the_same_functions_in_ray_data(options, whole, tmp_path):
    """The packer as `map_batches`, the training's batches as `map`."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: extra cluster")
    import ray.data  # noqa: F811

    vocabulary = Vocabulary.build(corpus.texts(whole))
    packer = shards.Packer(vocabulary, WINDOW)
    batch = {"row": [json.dumps(row, ensure_ascii=False) for row in whole]}
    ours = packer(batch)
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    try:
        items = ray.data.from_items([{"row": row} for row in batch["row"]], override_num_blocks=1)
        packed = items.map_batches(packer, batch_size=None, batch_format="numpy")
        theirs = packed.take_all()
        assert len(theirs) == len(ours["tokens"])
        for name, values in ours.items():
            assert all(
                (row[name] == value).all() for row, value in zip(theirs, values, strict=True)
            )
        shards.tokenise(
            shards.documents(directory=tmp_path, **options), vocabulary, WINDOW, tmp_path
        )
        batches = Batches(shards.open_shards(tmp_path, "train"), (), 4, 1)
        steps = ray.data.range(6).map(lambda row: {**row, "tokens": batches(row["id"])[0]})
        for row in steps.take_all():
            assert (row["tokens"] == batches(row["id"])[0]).all()
    finally:
        ray.shutdown()

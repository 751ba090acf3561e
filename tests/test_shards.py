"""Text beyond memory: every document in exactly one shard, windows as `pack` makes them."""

import json
from collections import Counter

import numpy as np
import pytest

from mof_lab import corpus, shards
from mof_lab.errors import LabError
from mof_lab.packing import NOTHING, Batches, encode
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
        shards.tokenise(rows, vocabulary, WINDOW, tmp_path, part, batch=17)
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
    shards.tokenise(None, vocabulary, WINDOW, tmp_path)  # the rows are not looked at
    assert path.stat().st_mtime_ns == before


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
    with pytest.raises(LabError, match=r"nothing\.jsonl"):
        shards.documents("json", tmp_path, data_files=str(tmp_path / "nothing.jsonl"))


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

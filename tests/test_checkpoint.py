"""A checkpoint is whole or refused, and a failed save never costs the one before."""

import errno
import json
import os
import shutil
import subprocess
import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from conftest import scrambled
from stubs import Variable

from mof_lab import checkpoint, files
from mof_lab.errors import LabError
from mof_lab.model import MoF
from mof_lab.vocabulary import Vocabulary


def values(model):
    return [v.numpy() for v in model.variables]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def edit_meta(folder, **changes):
    path = folder / "meta.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    edited = checkpoint.sealed({**meta, **changes})
    path.write_text(json.dumps(edited), encoding="utf-8")


@pytest.fixture
def folder(checkpoint_folder, tmp_path):
    """A copy of the shared checkpoint, to be damaged."""
    return shutil.copytree(checkpoint_folder, tmp_path / "copy")


def refused(folder, said):
    """Loading fails with one sentence that matches."""
    with pytest.raises(LabError, match=said) as caught:
        checkpoint.load(folder)
    assert "\n" not in str(caught.value)


def test_round_trip_is_bitwise(model, vocabulary, checkpoint_folder):
    loaded, words, meta = checkpoint.load(checkpoint_folder)
    assert same(values(model), values(loaded))
    assert words == vocabulary
    assert loaded.config == model.config
    assert (meta["step"], meta["stage"]) == (3, "chat")


def test_round_trip_of_the_optimizer(config, vocabulary, tmp_path):
    model = scrambled(MoF(config))
    optimizer = keras.optimizers.AdamW(0.01)
    optimizer.build(model.trainable_variables)
    for variable in optimizer.variables[2:]:
        variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    optimizer.iterations.assign(7)
    checkpoint.save(tmp_path, model, vocabulary, {"step": 7}, optimizer)
    other = keras.optimizers.AdamW(0.01)
    other.build(MoF(config).trainable_variables)
    checkpoint.restore(tmp_path, checkpoint.read_meta(tmp_path), "optimizer", other.variables)
    assert same([v.numpy() for v in optimizer.variables], [v.numpy() for v in other.variables])


@pytest.mark.parametrize("change", [{"dropout": 0.1}, {"learned_positions": 8}, {"gru_units": 16}])
def test_a_checkpoint_loads_twice_in_one_process(config, vocabulary, tmp_path, change):
    """What Keras counts by itself (layers, optimisers, dropouts made so far) must not matter."""
    model = scrambled(MoF(replace(config, **change)))
    checkpoint.save(tmp_path, model, vocabulary, {"step": 1})
    for _ in range(2):
        assert same(values(model), values(checkpoint.load(tmp_path)[0]))


def test_weights_of_equal_names_are_kept_apart():
    one, two = (Variable("dense/kernel", i) for i in (1, 2))
    assert len(checkpoint.arrays_of([one, two])) == 2


def test_saving_again_leaves_one_set_of_arrays(model, vocabulary, folder):
    checkpoint.save(folder, model, vocabulary, {"step": 4})
    assert sorted(p.suffix for p in folder.iterdir()) == [".json", ".safetensors"]
    assert checkpoint.load(folder)[2]["step"] == 4


# What is not a checkpoint


@pytest.mark.parametrize("where", [0, 4, 200, -1])
def test_a_flipped_byte(folder, where):
    (path,) = folder.glob("model-*")
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    refused(folder, r"model-.*damaged")


@pytest.mark.parametrize("size", [0, 5, 1000])
def test_truncated_arrays(folder, size):
    (path,) = folder.glob("model-*")
    path.write_bytes(path.read_bytes()[:size])
    refused(folder, r"model-.*damaged")


def test_missing_arrays(folder):
    (path,) = folder.glob("model-*")
    path.unlink()
    refused(folder, r"model-.*missing")


def test_no_checkpoint_at_all(tmp_path):
    refused(tmp_path, r"no checkpoint .*meta\.json")
    refused(tmp_path / "nowhere", "no checkpoint")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"{}",
        b"\xff\xfe",
        b'{"format": "mof-lab checkpoint 1"}',
    ],
)
def test_a_foreign_meta(folder, content):
    (folder / "meta.json").write_bytes(content)
    refused(folder, r"meta\.json is damaged or not the lab's")


def test_another_format(folder):
    edit_meta(folder, format="mof-lab checkpoint 99")
    refused(folder, "format 'mof-lab checkpoint 99'")


def test_another_vocabulary(folder, vocabulary):
    edit_meta(folder, vocabulary=vocabulary.characters[::-1])
    refused(folder, "vocabulary .*does not fit")
    edit_meta(folder, vocabulary="甲乙", vocabulary_hash=Vocabulary("甲乙").hash)
    refused(folder, "vocabulary .*does not fit")


def test_an_unknown_field(folder):
    config = checkpoint.read_meta(folder)["config"]
    edit_meta(folder, config={**config, "num_eyes": 2})
    refused(folder, "num_eyes")


@pytest.mark.parametrize("change", [{"gru_units": 13}, {"num_layers": 1}, {"experts": ["gru"]}])
def test_another_architecture(folder, change):
    config = checkpoint.read_meta(folder)["config"]
    edit_meta(folder, config={**config, **change})
    refused(folder, "do not fit the configuration")


@pytest.mark.parametrize("change", [{"gru_units": "wide"}, {"num_heads": 0}, {"num_layers": None}])
def test_a_configuration_with_nonsense(folder, change):
    config = checkpoint.read_meta(folder)["config"]
    edit_meta(folder, config={**config, **change})
    refused(folder, ".")


def test_arrays_stay_in_the_folder(folder, tmp_path):
    """A meta.json can not point to a file elsewhere."""
    (path,) = folder.glob("model-*")
    shutil.move(path, tmp_path / path.name)
    files = checkpoint.read_meta(folder)["files"]
    files["model"]["file"] = f"../{path.name}"
    edit_meta(folder, files=files)
    refused(folder, "missing")


def test_no_optimizer_to_go_on_from(folder):
    with pytest.raises(LabError, match="no optimizer"):
        checkpoint.restore(folder, checkpoint.read_meta(folder), "optimizer", [])


# Saving that fails


@pytest.fixture
def changed(config):
    """A model with other weights, to be saved over the first."""
    return scrambled(MoF(config), seed=9)


def no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("fails_at", [0, 2])
def test_a_full_disk_keeps_the_old_checkpoint(
    model, changed, vocabulary, folder, monkeypatch, fails_at
):
    """Full while the arrays are written, or when only meta.json is left to write."""
    calls, fsync = [], os.fsync

    def sometimes(number):
        calls.append(number)
        return no_space() if len(calls) > fails_at else fsync(number)

    monkeypatch.setattr(os, "fsync", sometimes)
    with pytest.raises(LabError, match="No space left.*untouched") as caught:
        checkpoint.save(folder, changed, vocabulary, {"step": 4})
    assert "\n" not in str(caught.value)
    loaded, _, meta = checkpoint.load(folder)
    assert same(values(model), values(loaded))
    assert meta["step"] == 3
    assert not list(folder.glob("*.part"))
    monkeypatch.undo()
    checkpoint.save(folder, changed, vocabulary, {"step": 4})  # there is space again
    assert same(values(changed), values(checkpoint.load(folder)[0]))


@pytest.mark.parametrize("step", [4, 3])
def test_a_crash_before_meta_is_replaced_keeps_the_old_checkpoint(
    model, changed, vocabulary, folder, monkeypatch, step
):
    """Also when the new weights belong to the same step as the old ones."""
    replace_file = os.replace

    def power_cut(source, target):
        if str(target).endswith("meta.json"):
            raise KeyboardInterrupt
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", power_cut)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(folder, changed, vocabulary, {"step": step})
    loaded, _, meta = checkpoint.load(folder)
    assert same(values(model), values(loaded))
    assert meta["step"] == 3


def test_a_place_that_can_not_be_written(model, vocabulary, tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(LabError, match="could not be saved") as caught:
        checkpoint.save(tmp_path / "file" / "run", model, vocabulary, {"step": 1})
    assert "\n" not in str(caught.value)


def test_a_save_copies_one_part_at_a_time(vocabulary, config, tmp_path):
    """Else a large model's save takes more memory than its training."""
    size = 8_000_000

    def part():
        variable = Variable("w", 0.0)
        variable.numpy = lambda: np.ones(size // 4, np.float32)
        return SimpleNamespace(variables=[variable], config=config)

    def peak(*optimizer):
        tracemalloc.start()
        checkpoint.save(tmp_path, part(), vocabulary, {"step": 1}, *optimizer)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert size < peak() < 4 * size
    assert peak(part()) < peak() + size / 4


def test_a_file_that_somebody_reads_does_not_stop_a_save(
    model, changed, vocabulary, folder, monkeypatch
):
    """Windows neither replaces nor removes it meanwhile."""
    replace_file, refused = os.replace, iter(range(3))

    def busy(*names):
        if next(refused, None) is None:
            return replace_file(*names)
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def never(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr(Path, "unlink", never)
    monkeypatch.setattr(files, "REPLACE_TRIES", 4)
    monkeypatch.setattr(files, "REPLACE_SECONDS", 0.0)
    checkpoint.save(folder, changed, vocabulary, {"step": 4})
    monkeypatch.undo()
    assert len(list(folder.glob("model-*"))) == 2
    assert same(values(changed), values(checkpoint.load(folder)[0]))
    checkpoint.save(folder, changed, vocabulary, {"step": 4})
    assert len(list(folder.glob("model-*"))) == 1


@pytest.mark.parametrize("tries", [1, 4])
def test_a_folder_without_the_right_to_write_is_still_said(
    changed, vocabulary, folder, monkeypatch, tries
):
    def refused(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "replace", refused)
    monkeypatch.setattr(files, "REPLACE_TRIES", tries)
    monkeypatch.setattr(files, "REPLACE_SECONDS", 0.0)
    with pytest.raises(LabError, match="Permission denied.*untouched"):
        checkpoint.save(folder, changed, vocabulary, {"step": 4})


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB, where the machine lets us mount one."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a small file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_really_full_disk(model, changed, vocabulary, small_disk):
    folder = small_disk / "run"
    checkpoint.save(folder, model, vocabulary, {"step": 3})
    try:
        with (small_disk / "filler").open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
    except OSError:
        pass
    with pytest.raises(LabError, match="No space left"):
        checkpoint.save(folder, changed, vocabulary, {"step": 4})
    assert same(values(model), values(checkpoint.load(folder)[0]))

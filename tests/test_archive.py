"""A learner's work as one zip: there and back, and what somebody else may have made of it."""

import hashlib
import io
import json
import os
import random
import re
import zipfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mof_lab import archive, checkpoint, notebook
from mof_lab.chat import ChatSession
from mof_lab.errors import LabError
from mof_lab.generation import Decoder, Sampling
from mof_lab.judging import report_of
from mof_lab.pipeline import stage_report
from mof_lab.progress import Record
from mof_lab.vocabulary import BEGIN, Vocabulary

SETTINGS = {"MINUTES": 2, "文本": ["mine.txt", None]}


@pytest.fixture(autouse=True)
def runs(monkeypatch, tmp_path):
    """A folder of its own for what is restored."""
    monkeypatch.setenv("MOF_LAB_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture(autouse=True)
def eagerly():
    """Each model that comes back would be compiled anew."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def zipped(checkpoint_folder, tmp_path):
    """A zip of the toy model."""
    return archive.write(
        tmp_path / "work.zip",
        checkpoint_folder,
        "我的故事",
        expert="gru",
        transcript="从前有座山。",
        settings=SETTINGS,
    )


def contents(path):
    with zipfile.ZipFile(path) as found:
        return {name: found.read(name) for name in found.namelist()}


def rewritten(path, files, sums=True):
    """The zip with other files; the card's checksums are right, as whoever forges it makes them."""
    if sums and archive.CARD in files:
        card = json.loads(files[archive.CARD])
        card["files"] = {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in files.items()
            if name != archive.CARD
        }
        files = files | {archive.CARD: json.dumps(card).encode("utf-8")}
    with zipfile.ZipFile(path, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def refused(path, said, runs):
    """It ends in one sentence, and nothing is left behind."""
    with pytest.raises(LabError, match=said) as error:
        archive.read(path)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")
    assert not runs.exists() or list(runs.iterdir()) == []


# ---- there and back -----------------------------------------------------------------------------


def test_what_comes_back_is_what_went(zipped, model, vocabulary, runs):
    work = archive.read(zipped)
    prompt = [BEGIN, *vocabulary.encode("米米在")]
    for expert in (None, "gru"):
        logits = [Decoder(m, expert).read(prompt) for m in (model, work.model)]
        assert np.array_equal(*logits)
    assert (work.vocabulary, work.settings, work.expert) == (vocabulary, SETTINGS, "gru")
    assert (work.title, work.talks, work.transcript) == ("我的故事", False, "从前有座山。")
    assert work.folder.parent == runs and [p.name for p in runs.iterdir()] == [work.folder.name]
    assert archive.read(zipped).folder == work.folder  # twice is once
    written = work.write("米米", length=5, temperature=0)
    assert written.startswith("米米") and 2 <= len(written) <= 7


def test_a_chat_goes_on_where_it_was(checkpoint_folder, model, vocabulary, tmp_path):
    session = ChatSession(model, vocabulary)
    session.add("我叫米米", "你好，米米！")
    path = archive.write(
        tmp_path / "chat.zip", checkpoint_folder, "t", talks=True, transcript=session.dumps()
    )
    work = archive.read(path)
    assert work.talks and work.expert is None
    again = work.session()
    assert again.turns == session.turns
    assert np.allclose(again.decoder.output[0], session.decoder.output[0], atol=1e-4)
    assert isinstance(work.chat("再见", max_length=3, temperature=0), str)


def test_an_unfinished_stage_keeps_what_it_needs_to_go_on(model, vocabulary, tmp_path):
    from mof_lab.optimizer import optimizer
    from tests.conftest import toy_preset

    kept = optimizer(toy_preset(model.config), 1e-3)
    kept.build(model.trainable_variables)
    checkpoint.save(tmp_path / "c", model, vocabulary, {"step": 3, "stage": "gru"}, kept)
    work = archive.read(archive.write(tmp_path / "w.zip", tmp_path / "c", "t"))
    meta = checkpoint.read_meta(work.folder / "checkpoint")
    assert checkpoint.read_arrays(work.folder / "checkpoint", meta, "optimizer")


def test_the_readmes_three_lines_open_it(zipped, monkeypatch, capsys):
    readme = contents(zipped)["README.md"].decode("utf-8")
    lines = re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1]
    assert lines.count("\n") == 3
    monkeypatch.chdir(zipped.parent)
    exec(lines, {})
    assert capsys.readouterr().out.strip()
    assert re.search(r"[\u4e00-\u9fff]", readme)


def report_of_a_toy():
    """As `own_text.report` makes it."""
    run = SimpleNamespace(
        documents={"story": 3},
        windows=lambda split: {},
        vocabulary="一丁",
        preset=SimpleNamespace(seed=1),
        data_hash="0123",
    )
    record = Record(step=2, seconds=3.0, tokens=10, steps=2, curve=[[2, 3.0, 1.5, 2.5]])
    judged = {
        "parameters": 7,
        "experts": ["gru"],
        "bits_per_character": {"all": 2.5},
        "answers": {},
        "router_weights": {},
        "wrong_answers": [],
        "samples": [{"user": "从前", "assistant": "有座山", "router_weights": []}],
    }
    return report_of(run, [stage_report("gru", record, 0)], judged, "a notebook", "tiny · mine.txt")


def test_the_report_and_nothing_of_the_machine_is_in_it(checkpoint_folder, tmp_path):
    report = report_of_a_toy()
    path = archive.write(
        tmp_path / "work.zip", checkpoint_folder, "t", report=report, transcript="从前有座山。"
    )
    files = contents(path)
    assert json.loads(files["report.json"]) == report
    page = files["report.html"].decode("utf-8")
    assert page.startswith("<!") and "tiny · mine.txt" in page and "有座山" in page
    for name, data in files.items():
        for place in (tmp_path, checkpoint_folder, Path.home()):
            assert str(place).encode() not in data, name
        assert archive.KNOWN.fullmatch(name)
    restored = archive.read(path).folder
    assert (restored / "report.html").read_bytes() == files["report.html"]


def test_each_file_of_the_checkpoint_is_read_once(checkpoint_folder, tmp_path, monkeypatch):
    """Else a training that saves meanwhile would leave two halves that do not fit."""
    read, path_open = Counter(), Path.open

    def opened(path, *args, **options):
        read[path.name] += path.parent == checkpoint_folder
        return path_open(path, *args, **options)

    monkeypatch.setattr(Path, "open", opened)
    files = contents(archive.write(tmp_path / "w.zip", checkpoint_folder, "t"))
    monkeypatch.undo()
    assert {name for name in read if read[name]} == {p.name for p in checkpoint_folder.iterdir()}
    assert max(read.values()) == 1
    for path in checkpoint_folder.iterdir():
        assert files[f"checkpoint/{path.name}"] == path.read_bytes()


def test_wherever_it_is_interrupted_it_can_be_opened_again(zipped, tmp_path, monkeypatch):
    """Also over what is there already, of which a file was lost."""
    place, replace = tmp_path / "places", os.replace
    for at in range(1, 100):
        left = [at]

        def stopped(*args, left=left):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return replace(*args)

        folder = place / str(at)
        for before in (None, "vocabulary.json"):
            if before is not None:
                (folder / before).unlink()
                left[0] = at
            monkeypatch.setattr(os, "replace", stopped)
            try:
                archive.read(zipped, folder)
            except KeyboardInterrupt:
                over = False
            else:
                over = True
            monkeypatch.setattr(os, "replace", replace)
            assert [p.name for p in place.iterdir() if p.name.startswith(".")] == []
            archive.read(zipped, folder)
            for name, data in contents(zipped).items():
                assert (folder / name).read_bytes() == data
        if over:
            break
    assert 6 < at < 30


def test_an_empty_folder_is_filled_and_a_file_is_none(zipped, tmp_path):
    (tmp_path / "empty").mkdir()
    assert archive.read(zipped, tmp_path / "empty").folder == tmp_path / "empty"
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(LabError, match="could not be unpacked"):
        archive.read(zipped, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_zip_that_nobody_may_read(zipped, runs, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    refused(zipped, r"can't be read \(Permission denied\)", runs)


def test_notebook_restore_is_the_same(zipped, tmp_path):
    work = notebook.restore(zipped, tmp_path / "here")
    assert work.folder == tmp_path / "here" and (work.folder / "README.md").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(LabError, match="holds something else"):
        notebook.restore(zipped, tmp_path / "full")
    assert (tmp_path / "full" / "mine.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("settings", [{"a": object()}, ["a"], {"a": "b" * 10**6}, {"a": np.nan}])
def test_settings_that_cannot_be_kept(checkpoint_folder, tmp_path, settings):
    with pytest.raises(LabError, match="settings can't be kept"):
        archive.write(tmp_path / "w.zip", checkpoint_folder, "t", settings=settings)
    assert not (tmp_path / "w.zip").exists()


def test_a_work_that_is_too_large_is_not_packed(checkpoint_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 1000)
    with pytest.raises(LabError, match="a zip takes up to"):
        archive.write(tmp_path / "w.zip", checkpoint_folder, "t")
    assert not (tmp_path / "w.zip").exists()


# ---- what somebody else may send ----------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../escaped.txt",
        "/etc/escaped",
        "checkpoint/../../escaped",
        "checkpoint\\..\\..\\escaped",
        "C:\\escaped",
        "checkpoint/model-000003-01234567.safetensors/../../x",
        "mof_lab/__init__.py",
        "checkpoint/",
        "README.md\n",
        "~/.bashrc",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(zipped, tmp_path, runs, name):
    before = sorted(p.name for p in tmp_path.iterdir())
    files = contents(zipped)
    rewritten(zipped, {**files, name: b"escaped"})
    refused(zipped, "no part of a learner's work", runs)
    assert sorted(p.name for p in tmp_path.iterdir()) in (before, sorted([*before, "runs"]))


def test_a_bomb_is_not_unpacked(zipped, runs, monkeypatch):
    files = contents(zipped)
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, b"\0" * 30_000_000 if name == "README.md" else data)
    assert zipped.stat().st_size < 1_000_000
    monkeypatch.setattr(archive, "MOST_BYTES", 20_000_000)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *a, **k: pytest.fail("it was unpacked"))
    refused(zipped, "would unpack to 30 MB", runs)


def test_a_list_without_end_is_not_read(zipped, runs, monkeypatch):
    """A million entries of nothing: the list alone would take a gigabyte."""
    with zipfile.ZipFile(zipped, "a") as made:
        for i in range(200):
            made.writestr(f"checkpoint/model-{i:06d}.safetensors", b"")
    monkeypatch.setattr(zipfile, "ZipFile", lambda *a, **k: pytest.fail("it was read"))
    refused(zipped, "more files than", runs)


def test_a_list_in_64_bits_is_not_read(zipped, runs, monkeypatch):
    data = zipped.read_bytes()
    zipped.write_bytes(data[:-22] + b"PK\6\7" + b"\0" * 16 + data[-22:])
    monkeypatch.setattr(zipfile, "ZipFile", lambda *a, **k: pytest.fail("it was read"))
    refused(zipped, "more files than", runs)


@pytest.mark.parametrize("change", [-5, 1, 1000])
def test_a_size_that_lies_is_found_out(zipped, runs, change):
    """A central directory that promises less than is there, or more than comes."""
    data = bytearray(zipped.read_bytes())
    with zipfile.ZipFile(zipped) as found:
        entry = found.getinfo("vocabulary.json")
        size = entry.file_size.to_bytes(4, "little")
        promised = (entry.file_size + change).to_bytes(4, "little")
    at = data.rindex(b"vocabulary.json") - 46 + 24  # of the central directory: its file size
    assert data[at : at + 4] == size
    data[at : at + 4] = promised
    zipped.write_bytes(data)
    refused(zipped, "damaged or encrypted" if change < 0 else "not as long as it says", runs)


@pytest.mark.parametrize("gone", sorted(archive.NEEDED))
def test_a_missing_file_is_named(zipped, runs, gone):
    files = contents(zipped)
    del files[gone]
    refused(rewritten(zipped, files), f"{gone} is missing", runs)


def weights_of(files):
    return next(name for name in files if name.endswith(".safetensors"))


def test_missing_weights_are_found_out(zipped, runs):
    files = contents(zipped)
    del files[weights_of(files)]
    refused(rewritten(zipped, files), "no sound model: .*is missing", runs)


def test_a_changed_file_is_found_out(zipped, runs):
    files = contents(zipped)
    name = weights_of(files)
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    refused(rewritten(zipped, files, sums=False), f"{name} was changed", runs)
    refused(rewritten(zipped, files), "no sound model: .*checksum differs", runs)


def test_a_damaged_checkpoint_is_found_out(zipped, runs):
    files = contents(zipped)
    meta = json.loads(files["checkpoint/meta.json"])
    for change, said in (
        (lambda m: m["config"].update(gru_units=13), "changed by hand"),
        (lambda m: m.update(checkpoint.sealed(m | {"config": m["config"] | {"gru_units": 13}})),
         "do not fit"),
        (lambda m: m.update(checkpoint.sealed(m | {"config": m["config"] | {"gru_units": -1}})),
         "gru_units is -1"),
        (lambda m: m.clear(), "damaged"),
    ):  # fmt: skip
        changed = json.loads(json.dumps(meta))
        change(changed)
        forged = files | {"checkpoint/meta.json": json.dumps(changed).encode("utf-8")}
        refused(rewritten(zipped, forged), f"no sound model: .*{said}", runs)


def test_another_models_vocabulary_is_found_out(zipped, runs):
    files = contents(zipped)
    files["vocabulary.json"] = Vocabulary("一丁").dumps().encode("utf-8")
    refused(rewritten(zipped, files), "vocabulary is not its model's", runs)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "mof-lab work 9"}, "this lab reads"),
        ({"format": None}, "this lab reads"),
        ({"expert": "nobody"}, "no expert 'nobody'"),
        ({"expert": 3}, "names other files|damaged"),
        ({"talks": "yes"}, "damaged"),
        ({"settings": []}, "damaged"),
        ({"title": None}, "damaged"),
    ],
)
def test_a_card_that_is_none_of_ours(zipped, runs, changes, said):
    files = contents(zipped)
    files[archive.CARD] = json.dumps(json.loads(files[archive.CARD]) | changes).encode("utf-8")
    refused(rewritten(zipped, files), said, runs)


@pytest.mark.parametrize("card", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"format": 1}'])
def test_a_card_that_cannot_be_read(zipped, runs, card):
    refused(rewritten(zipped, contents(zipped) | {archive.CARD: card}, sums=False), "damaged", runs)


def test_a_file_that_stands_twice(zipped, runs):
    with zipfile.ZipFile(zipped, "a") as made, pytest.warns(UserWarning, match="Duplicate"):
        made.writestr("README.md", b"another")
    refused(zipped, "names a file twice", runs)


def test_an_encrypted_one_and_another_packing(zipped, runs):
    data = bytearray(zipped.read_bytes())
    sound = bytes(data)
    for mark, at in ((b"PK\1\2", 8), (b"PK\3\4", 6)):  # the flags of all headers: encrypted
        for found in re.finditer(re.escape(mark), sound):
            data[found.start() + at] |= 1
    zipped.write_bytes(data)
    refused(zipped, "encrypted", runs)
    files = contents(io.BytesIO(sound))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_LZMA) as made:
        for name, content in files.items():
            made.writestr(name, content)
    refused(zipped, "packed in another way", runs)


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"PK\5\6" + b"\0" * 18])
def test_what_is_no_zip(tmp_path, runs, content):
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    refused(path, "no zip|is missing", runs)
    refused(tmp_path / "nowhere.zip", "There is no file", runs)


def test_whatever_byte_is_damaged_nothing_but_a_sentence_comes_of_it(zipped, model, vocabulary):
    sound, rng = zipped.read_bytes(), random.Random(4)
    logits = Decoder(model).read([BEGIN])
    for _ in range(40):
        data = bytearray(sound)
        for _ in range(rng.choice((1, 1, 4))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        zipped.write_bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])
        try:
            work = archive.read(zipped)
        except LabError:
            continue
        assert np.array_equal(Decoder(work.model).read([BEGIN]), logits)


# ---- going on with a text -----------------------------------------------------------------------


def test_a_text_goes_on_as_a_decoder_writes(model, vocabulary):
    from mof_lab.generation import go_on

    sampling = Sampling(temperature=0)
    decoder = Decoder(model, "gru")
    decoder.read([BEGIN, *vocabulary.encode("米米在")])
    expected = [c.token for c in decoder.write(sampling, 8)]
    written = go_on(model, vocabulary, "米米在", sampling, 8, "gru")
    assert [c.token for c in written] == expected
    wide = go_on(model, vocabulary, "米米\u200b在\r", sampling, 8, "gru")  # as texts are cleaned
    plain = go_on(model, vocabulary, "米米在\n", sampling, 8, "gru")
    assert [c.token for c in wide] == [c.token for c in plain]
    with pytest.raises(LabError, match="at most 199 fit"):
        list(go_on(model, vocabulary, "米" * 200))

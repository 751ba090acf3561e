"""A text of one's own: what counting predicts, what the appraisal says, when it warns."""

import math
import random
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mof_lab import corpus, own_text, text_appraisal
from mof_lab.counting import Counts
from mof_lab.errors import LabError
from mof_lab.packing import ANSWER, NOTHING, Windows
from mof_lab.progress import LOOKS
from mof_lab.text_appraisal import Appraisal
from mof_lab.vocabulary import UNKNOWN

SPEED = 1000.0  # characters a second


@pytest.fixture(autouse=True)
def quickly(monkeypatch, tmp_path):
    """A machine of known speed, and a folder of its own for the runs."""
    monkeypatch.setenv("MOF_LAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(own_text, "speed_of", lambda run, stage: SPEED)


def own(tmp_path, text, minutes=1.0):
    """A prepared text."""
    path = tmp_path / "mine.txt"
    path.write_text(text, encoding="utf-8")
    return own_text.prepare(path, minutes, tell=lambda sentence: None)


def test_only_a_text_that_teaches_to_answer_talks(tmp_path):
    """A dialogue that is only held out leaves no stage for answers, and so no chat."""
    rows = [{"kind": "story", "key": s, "text": s, "messages": []} for s in sentences(60)]
    said = [{"role": "user", "content": "在？"}, {"role": "assistant", "content": "在。"}]
    talk = {"kind": "chat", "key": "t", "text": "", "messages": said}
    assert not corpus.Corpus(rows, [talk], []).talks
    assert corpus.Corpus([*rows, talk], rows, []).talks


def keys(appraisal):
    return [key for key, _ in appraisal.warnings]


def sentences(count, seed=1):
    """Documents in which characters follow each other as in a language, all of one length."""
    rng = random.Random(seed)
    words = ["春天", "小河", "来了", "朋友", "看见", "山上", "白云", "下雨", "回家", "唱歌"]
    return ["".join(rng.choices(words, k=12)) + "。" for _ in range(count)]


# ---- counting -----------------------------------------------------------------------------------

SIZE = 9


def windows_of(rows):
    tokens = np.array(rows, np.uint16)
    roles = np.full(tokens.shape, ANSWER, np.uint8)
    roles[:, 0] = NOTHING
    return Windows(tokens, roles)


@given(st.lists(st.lists(st.integers(0, SIZE - 1), min_size=5, max_size=5), min_size=1, max_size=6))
def test_counting_is_what_it_says(rows):
    counts = Counts.of({"story": windows_of(rows[:1]), "chat": windows_of(rows)}, SIZE)
    pairs = Counter(pair for row in (rows[0], *rows) for pair in zip(row, row[1:], strict=False))
    singles = Counter(after for (_, after), n in pairs.items() for _ in range(n))
    ids = np.arange(SIZE)
    single = np.exp(-counts.single(ids))
    assert single.sum() == pytest.approx(1)
    assert single == pytest.approx(
        [(singles[i] + 1) / (sum(singles.values()) + SIZE) for i in range(SIZE)]
    )
    for before in range(SIZE):
        p = np.exp(-counts.pairs(np.full(SIZE, before), ids))
        assert p.sum() == pytest.approx(1)
        after = {b: n for (a, b), n in pairs.items() if a == before}
        known = sum(after.values()) + len(after)
        for i in range(SIZE):
            mixed = (after.get(i, 0) + len(after) * single[i]) / known if known else single[i]
            assert p[i] == pytest.approx(mixed)


def test_what_is_not_learnt_is_not_counted():
    rows = windows_of([[3, 4, 5, 6, 7]])
    rows.roles[0, 2] = NOTHING
    assert Counts.of({"story": rows}, SIZE).times.tolist() == [0, 0, 0, 0, 1, 0, 1, 1, 0]


# ---- the appraisal ------------------------------------------------------------------------------


def test_the_numbers_of_a_made_text(tmp_path):
    found = own(tmp_path, "\n\n".join([*sentences(200), "龘靐齉"]))
    train, held_out = found.text.train, found.text.held_out
    a, seen = found.appraisal, Counter("".join(row["text"] for row in train))
    assert a.documents == len(train) + len(held_out)
    assert (a.characters, a.distinct) == (sum(seen.values()), len(seen))
    assert a.once == sum(n == 1 for n in seen.values()) > 0
    assert a.held_out == sum(len(row["text"]) for row in held_out)
    known = set(found.run.vocabulary.characters)
    new = sum(c not in known for row in held_out for c in row["text"])
    assert a.unknown == pytest.approx(new / (a.held_out + len(held_out)))  # ⟨end⟩ is asked, too
    assert a.windows == sum(len(w) for w in found.run.windows("train").values())
    assert a.window == 128 and a.dialogues == 0 and not found.talks
    assert a.guess == pytest.approx(math.log2(len(found.run.vocabulary)))
    assert a.guess > a.single > a.pairs
    low, high = a.gain
    assert 0 < low < a.single - a.pairs < high
    assert a.passes == pytest.approx(60 * SPEED / (a.windows * 128))
    assert a.passes * a.pass_seconds == pytest.approx(60)


def test_unknown_characters_are_not_judged(tmp_path):
    found = own(tmp_path, "\n\n".join(sentences(200)))
    packs = text_appraisal.judged(found.run)
    before, targets, share = text_appraisal._pairs(packs)
    assert share == 0 and len(before) == len(targets)
    windows = packs["story"]
    windows.tokens[:, 5] = UNKNOWN
    _, fewer, share = text_appraisal._pairs(packs)
    gone = np.sum(windows.roles[:, 5] == ANSWER)
    assert len(fewer) == len(targets) - gone and share == pytest.approx(gone / len(targets))


def test_a_model_is_judged_on_the_characters_that_counting_is(tmp_path, monkeypatch):
    from mof_lab import evaluation

    found = own(tmp_path, "\n\n".join([*sentences(200), "龘靐齉"]))
    packs = text_appraisal.judged(found.run)
    packs["story"].tokens[0, 5:9] = UNKNOWN
    monkeypatch.setattr(own_text, "judged", lambda run: packs)
    surprise = np.random.default_rng(3).random((len(packs["story"]), 128))
    monkeypatch.setattr(evaluation, "window_nats", lambda model, tokens, expert: surprise)
    _, targets, _ = text_appraisal._pairs(packs)
    counted = [
        surprise[row, at]
        for row, (tokens, roles) in enumerate(
            zip(packs["story"].tokens, packs["story"].roles, strict=True)
        )
        for at in range(128)
        if roles[at + 1] == ANSWER and tokens[at + 1] != UNKNOWN
    ]
    assert len(counted) == len(targets)
    assert found.bits(model=None) == pytest.approx(np.mean(counted) / math.log(2))


def test_a_sound_text_brings_no_warning(tmp_path):
    found = own(tmp_path, "\n\n".join(dict.fromkeys(sentences(3000))), minutes=10)
    assert found.appraisal.warnings == []
    assert found.appraisal.sentences() == [" ".join(text_appraisal.SAID["fine"])]


def test_more_minutes_are_warned_of_and_the_right_number_is_not(tmp_path):
    text = "\n\n".join(sentences(300))
    many = own(tmp_path, text, minutes=10).appraisal
    assert keys(many) == ["again"]
    enough = LOOKS * many.pass_seconds / 60
    assert keys(replace(many, minutes=enough * 0.99)) == []
    assert keys(replace(many, minutes=enough * 1.01)) == ["again"]
    assert keys(replace(many, minutes=0.99 * many.pass_seconds / 60)) == ["long"]
    said = many.sentences()[0]
    assert f"is read {many.passes:,.0f} times" in said and "很可能死记硬背" in said


def test_a_single_document_is_judged_on_itself(tmp_path):
    found = own(tmp_path, "".join(sentences(10)))
    assert found.text.train == found.text.held_out
    assert keys(found.appraisal)[0] == "same"
    assert "little" not in keys(found.appraisal)


def test_too_little_is_held_out_to_measure_anything(tmp_path):
    assert keys(own(tmp_path, "\n\n".join(sentences(8))).appraisal)[0] == "little"


def test_without_any_order_pairs_do_not_help(tmp_path):
    rng = random.Random(2)
    noise = ["".join(rng.choices("春夏秋冬山水日月风云雨雪", k=60)) for _ in range(60)]
    appraisal = own(tmp_path, "\n\n".join(noise)).appraisal
    assert {"useless", "few"} & set(keys(appraisal))
    low, high = appraisal.gain
    assert low < 0.01 and high < 0.2  # bits; nothing to gain, and it is seen


def test_rare_characters_are_warned_of(tmp_path):
    rare = [f"{s}{chr(0x6000 + i)}" for i, s in enumerate(sentences(200))]
    appraisal = own(tmp_path, "\n\n".join(rare)).appraisal
    assert "rare" in keys(appraisal)
    assert appraisal.unknown == pytest.approx(1 / 26, abs=0.01)
    assert 190 <= appraisal.once <= 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"gain": (0.4, 0.6)}, []),
        ({"gain": (-0.1, 1.1)}, ["few"]),
        ({"single": 5.0}, ["useless"]),
        ({"gain": (-math.inf, math.inf)}, ["little"]),
        ({"same": True, "gain": (-math.inf, math.inf)}, ["same"]),
        ({"unknown": 1 / 128}, ["rare"]),
        ({"unknown": 0.99 / 128}, []),
        ({"minutes": 100.0}, ["again"]),
        ({"minutes": 0.1}, ["long"]),
    ],
)
def test_each_warning_has_its_reason(changes, expected):
    sound = Appraisal(
        100, 0, 12_800, 700, 300, 10, 0.001, 100, 128, 8.0, 6.0, 5.7, 5.5, (0.3, 0.7), False,
        1000.0, 1.0, 690,
    )  # fmt: skip
    appraisal = replace(sound, **changes)
    assert keys(appraisal) == expected
    for said in appraisal.sentences():
        assert not re.search(r"[{}]|inf|nan", said)
        if expected in (["useless"], ["few"]):  # 690 were judged of 700 that are held out
            assert said.count("690") == 2 and "700" not in said


def test_how_much_more_text_is_needed():
    """The error of a mean falls with the root of how much it is taken over."""
    appraisal = Appraisal(
        9, 0, 900, 90, 80, 9, 0.0, 9, 128, 8.0, 6.0, 5.7, 5.5, (-0.5, 1.5), False, 100.0, 1.0, 85
    )
    assert dict(appraisal.warnings)["few"]["times"] == "4"  # 1.0 of an error for 0.5 of a gain


def test_every_sentence_is_there_twice_with_the_same_gaps():
    gap = re.compile(r"\{(\w+)\}")
    for texts in (text_appraisal.SAID, text_appraisal.FACTS, text_appraisal.BARS):
        for key, (english, chinese) in texts.items():
            assert sorted(gap.findall(english)) == sorted(gap.findall(chinese)), key
            assert re.search(r"[\u4e00-\u9fff]", chinese)
            assert english.replace("▩", "").isascii()


# ---- preparing ----------------------------------------------------------------------------------


def test_the_stage_is_as_long_as_was_asked_for(tmp_path):
    found = own(tmp_path, "\n\n".join(sentences(300)), minutes=5)
    preset = found.run.preset
    assert found.stage.steps == round(300 * SPEED / (preset.batch * preset.window))
    assert found.stage.expert == "gru" and not found.stage.answers_only
    assert sum(share for _, share in found.stage.shares) == pytest.approx(1)
    assert "chat" not in [stage.name for stage in preset.stages]  # nobody answers in it


def test_dialogues_make_it_talk_and_each_kind_counts_by_its_size(tmp_path):
    path = tmp_path / "mine.jsonl"
    rows = [f'{{"question": "{s[:6]}？", "answer": "{s[6:]}"}}' for s in sentences(80)]
    rows += [f'{{"text": "{s}"}}' for s in sentences(40, seed=2)]
    path.write_text("\n".join(rows), encoding="utf-8")
    found = own_text.prepare(path, 1, tell=lambda sentence: None)
    assert found.talks and found.appraisal.dialogues > 70
    assert len(found.prompts) == 2
    held_out = [row["messages"][0]["content"] for row in found.text.held_out if row["messages"]]
    assert set(found.prompts) <= set(held_out)
    learnt = replace(found, text=replace(found.text, held_out=found.text.held_out[:0]))
    assert len(learnt.prompts) == 2 and not set(learnt.prompts) & set(held_out)
    windows = found.run.windows("train")
    assert dict(found.stage.shares)["chat"] / dict(found.stage.shares)["story"] == pytest.approx(
        len(windows["chat"]) / len(windows["story"])
    )
    assert "chat" in [stage.name for stage in found.run.preset.stages]


def test_the_same_text_goes_on_and_another_begins_anew(tmp_path):
    first, second = (own(tmp_path, "\n\n".join(sentences(50, seed))) for seed in (1, 2))
    again = own(tmp_path, "\n\n".join(sentences(50)), minutes=3)
    assert first.run.directory == again.run.directory != second.run.directory
    assert first.stage.name != again.stage.name  # other minutes, another training
    other = replace(first.run.preset, batch=4)  # as another version of the lab may have it
    assert own_text.folder_of(first.run.preset, first.text) == first.run.directory
    assert own_text.folder_of(other, first.text) != first.run.directory


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("mine.docx", b"PK\3\4", "expected one of .txt"),
        ("mine.txt", b"", "is empty"),
        ("mine.txt", b"\xff\xfe\x00", "UTF-8|binary"),
        ("mine.txt", "一".encode() * 3, "distinct character"),
        ("mine.json", b"{", "is not JSON"),
        ("mine.csv", b"a,a\n1,2\n", "two columns of one name"),
        ("mine.parquet", b"PAR1", "could not be loaded as parquet"),
        ("mine.jsonl", '{"question": "在吗？"}\n{"nothing": 1}\n'.encode(), "columns"),
    ],
)
def test_every_bad_file_ends_in_a_sentence(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LabError, match=said) as error:
        own_text.prepare(path, 1, tell=lambda sentence: None)
    assert "\n" not in str(error.value) and str(error.value).endswith((".", "。", ")"))


@pytest.mark.parametrize("minutes", [0, -1, math.nan, math.inf, "2", 10**6])
def test_minutes_that_are_none(tmp_path, minutes):
    with pytest.raises(LabError, match="MINUTES is"):
        own_text.prepare(tmp_path / "no.txt", minutes)


@pytest.mark.parametrize(
    "name", ["nowhere.txt", "letter.docx", "owner/name", "", "a\0b", "x" * 999]
)
def test_what_is_not_there_is_not_looked_for_elsewhere(name):
    with pytest.raises(LabError, match="There is no file|can't be read|expected one of"):
        own_text.prepare(name, 1, tell=lambda sentence: None)


def test_a_text_of_the_catalogue_can_be_taken_by_name(monkeypatch):
    given = {}

    def load(source, **options):
        given.update(options, source=source)
        raise LabError("stop here")

    monkeypatch.setattr(corpus, "load", load)
    with pytest.raises(LabError, match="stop here"):
        own_text.prepare("project", 1, tell=print, opt_in=True)
    assert given == {"source": "project", "opt_in": True, "tell": print}


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(own_text, "MOST_BYTES", 10)
    monkeypatch.setattr(corpus, "load", lambda *args, **kwargs: pytest.fail("it was read"))
    path = tmp_path / "mine.txt"
    path.write_text("一" * 40, encoding="utf-8")
    with pytest.raises(LabError, match=r"mine.txt has .* MB"):
        own_text.prepare(path, 1)


def test_the_example_is_the_projects_own(tmp_path):
    rows = corpus.load(own_text.example(tmp_path), tell=lambda sentence: None)
    shelf = corpus.DATA / "core" / "stories"
    stories = "".join(path.read_text(encoding="utf-8") for path in shelf.glob("*.jsonl"))
    assert len(rows) > 300 and all(not row["messages"] for row in rows)
    assert all(row["text"].split("\n")[0] in stories for row in rows)

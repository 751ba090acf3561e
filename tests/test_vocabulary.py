"""Characters to ids and back, and nothing typed that becomes a special token."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mof_lab.errors import LabError
from mof_lab.vocabulary import (
    ASSISTANT,
    BEGIN,
    END,
    PADDING,
    SPECIAL_NAMES,
    UNKNOWN,
    UNKNOWN_CHARACTER,
    USER,
    Vocabulary,
)

STRUCTURE = {PADDING, BEGIN, USER, ASSISTANT, END}
NASTY = (
    "",
    "▩",
    "⟨begin⟩⟨user⟩你好⟨end⟩⟨assistant⟩",
    "⟨pad⟩" * 3,
    '{"role": "assistant", "content": "好"}',
    "[CLEAN]",
    "\x00\x01\x02\x03\x04\x05",
    "\ufeff\u200b\u202e右\u0301",
    "👩‍👩‍👧‍👦🇨🇳",
    "𠮷野家\U0010ffff",
    "\ud800",  # half a character, as a broken paste gives it
    "a\r\nb\tc\n",
    "好" * 5000,
)


def nasty_or_any():
    return st.one_of(st.text(), st.sampled_from(NASTY))


def known(vocabulary, text):
    """The text with ▩ for each character that is not in the vocabulary."""
    return "".join(c if c in vocabulary.characters else UNKNOWN_CHARACTER for c in text)


@given(st.lists(st.text(), min_size=1), nasty_or_any())
def test_decode_gives_back_what_encode_took(texts, text):
    vocabulary = Vocabulary.build([*texts, "一二"])
    ids = vocabulary.encode(text)
    assert len(ids) == len(text)
    assert vocabulary.decode(ids) == known(vocabulary, text)


@given(st.lists(nasty_or_any(), min_size=1), nasty_or_any())
def test_nothing_typed_becomes_a_special_token(texts, text):
    """Not even what was in the text that the vocabulary was built from."""
    vocabulary = Vocabulary.build([*texts, *NASTY])
    ids = vocabulary.encode(text)
    assert not STRUCTURE & set(ids)
    assert all(i < len(vocabulary) for i in ids)


@given(st.lists(st.integers(0, 5)))
def test_special_tokens_have_no_text(specials):
    vocabulary = Vocabulary("一二")
    assert vocabulary.decode(specials) == UNKNOWN_CHARACTER * specials.count(UNKNOWN)


@given(st.lists(st.text(alphabet="一二三四五六七八", min_size=2), min_size=1), st.randoms())
def test_the_order_of_the_texts_does_not_matter(texts, rng):
    texts.append("一二")
    shuffled = rng.sample(texts, len(texts))
    assert Vocabulary.build(texts) == Vocabulary.build(shuffled)
    assert Vocabulary.build(texts).hash == Vocabulary.build(shuffled).hash


def test_the_most_frequent_characters_are_kept():
    texts = ["丙丙丙丙甲甲甲乙乙丁"]
    assert Vocabulary.build(texts).characters == "丙甲乙丁"
    assert Vocabulary.build(texts, size=len(SPECIAL_NAMES) + 2).characters == "丙甲"
    assert Vocabulary.build(texts, min_count=2).characters == "丙甲乙"
    assert Vocabulary.build(["▩甲乙▩▩"]).characters == "乙甲"  # by code point when equal


@pytest.mark.parametrize("text", ["", "好", "好好好好", "▩▩"])
def test_one_character_is_no_vocabulary(text):
    with pytest.raises(LabError, match="at least 2") as caught:
        Vocabulary.build([text])
    assert "\n" not in str(caught.value)


def test_a_character_occurs_once_and_is_not_the_unknown():
    with pytest.raises(LabError, match="twice"):
        Vocabulary("一二一")
    with pytest.raises(LabError, match="unknown"):
        Vocabulary("一▩")


def test_symbols_show_every_token():
    vocabulary = Vocabulary("一二")
    assert [vocabulary.symbol(i) for i in range(len(vocabulary))] == [*SPECIAL_NAMES, "一", "二"]


def test_coverage():
    report = Vocabulary("一二").coverage("一二三三")
    assert report == {"characters": 4, "known": 0.5, "unknown": {"三": 2}}
    assert Vocabulary("一二").coverage("")["known"] == 1.0


@given(st.sets(st.characters(exclude_characters="▩", exclude_categories=["Cs"]), min_size=2))
def test_save_and_load(tmp_path_factory, characters):
    path = tmp_path_factory.getbasetemp() / "saved-vocabulary.json"
    vocabulary = Vocabulary(sorted(characters))
    vocabulary.save(path)
    loaded = Vocabulary.load(path)
    assert loaded == vocabulary
    assert loaded.hash == vocabulary.hash
    assert hash(loaded) == hash(vocabulary)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe\x00",
        b'{"format": "mof-lab vocabulary 1"}',
        b'{"format": "mof-lab vocabulary 1", "characters": ["a", "b"]}',
        json.dumps({"format": "another", "characters": "ab"}).encode(),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, content):
    path = tmp_path / "foreign.json"
    path.write_bytes(content)
    with pytest.raises(LabError, match=r"foreign\.json is not a vocabulary") as caught:
        Vocabulary.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(LabError, match=r"no vocabulary file .*nothing\.json"):
        Vocabulary.load(tmp_path / "nothing.json")

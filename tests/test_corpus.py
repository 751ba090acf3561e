"""Every usual file becomes documents, and every bad one a sentence."""

import csv
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mof_lab import corpus
from mof_lab.corpus import load, normalise, split, texts
from mof_lab.errors import LabError
from mof_lab.splits import is_held_out
from mof_lab.vocabulary import Vocabulary


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def said(row):
    return [(m["role"], m["content"]) for m in row["messages"]]


# Good files


def test_a_text_file(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text("天亮了。\n鸟叫了。\n\n天黑了。\n\n\n\n１２点。\n", encoding="utf-8")
    rows = load(path)
    assert [row["text"] for row in rows] == ["天亮了。\n鸟叫了。", "天黑了。", "12点。"]
    assert {row["kind"] for row in rows} == {"story"}
    assert len({row["key"] for row in rows}) == 3
    assert load(str(path)) == rows


def test_windows_line_ends(tmp_path):
    path = tmp_path / "story.txt"
    path.write_bytes("天亮了。\r\n鸟叫了。\r\n\r\n天黑了。\r\n".encode())
    assert [row["text"] for row in load(path)] == ["天亮了。\n鸟叫了。", "天黑了。"]


@pytest.mark.parametrize("column", ["text", "completion", "content"])
def test_texts_in_json_lines(tmp_path, column):
    rows = load(jsonl(tmp_path / "a.jsonl", [{column: "天亮了。"}, {column: " 天黑了。 "}]))
    assert [row["text"] for row in rows] == ["天亮了。", "天黑了。"]
    assert [row["messages"] for row in rows] == [[], []]


def test_messages(tmp_path):
    turns = [
        {"role": "system", "content": "你是小墨。"},
        {"role": "user", "content": "你好"},
        {"role": "assistant", "content": "你好！"},
    ]
    (row,) = load(jsonl(tmp_path / "a.jsonl", [{"messages": turns}]))
    assert said(row) == [("user", "你好"), ("assistant", "你好！")]
    assert (row["kind"], row["text"]) == ("chat", "")


def test_conversations_of_sharegpt(tmp_path):
    turns = [{"from": "human", "value": "你好"}, {"from": "gpt", "value": "你好！"}]
    (row,) = load(jsonl(tmp_path / "a.jsonl", [{"conversations": turns}]))
    assert said(row) == [("user", "你好"), ("assistant", "你好！")]


@pytest.mark.parametrize(
    ("item", "question"),
    [
        ({"instruction": "加一加：", "input": "1+2", "output": "3"}, "加一加：1+2"),
        ({"instruction": "1+2？", "input": "", "output": "3"}, "1+2？"),
        ({"instruction": "1+2？", "output": "3"}, "1+2？"),
        ({"prompt": "1+2？", "response": "3"}, "1+2？"),
        ({"question": "1+2？", "answer": "3"}, "1+2？"),
        ({"input": "1+2？", "target": "3"}, "1+2？"),
        ({"instruction_zh": "1+2？", "output_zh": "3"}, "1+2？"),
    ],
)
def test_questions_and_answers(tmp_path, item, question):
    (row,) = load(jsonl(tmp_path / "a.jsonl", [item]))
    assert said(row) == [("user", question), ("assistant", "3")]


def test_a_table(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["question", "answer"], ["你好，在吗？", "在。"]])
    (row,) = load(path)
    assert said(row) == [("user", "你好，在吗？"), ("assistant", "在。")]


def test_parquet(tmp_path):
    import datasets

    path = tmp_path / "a.parquet"
    datasets.Dataset.from_dict({"text": ["天亮了。", "天黑了。"]}).to_parquet(path)
    assert [row["text"] for row in load(path)] == ["天亮了。", "天黑了。"]


def test_a_part_of_a_file(tmp_path):
    path = jsonl(tmp_path / "a.jsonl", [{"text": f"第{i}天。"} for i in range(10)])
    assert len(load(path, limit=14)) == 3
    assert len(load(path, limit=1)) == 1  # a document is never cut, and one is always taken


# Bad files


def refused(path, said, name=None):
    with pytest.raises(LabError, match=said) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert (name or path.name) in str(caught.value)


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".json", ".csv", ".parquet"])
def test_a_missing_or_empty_file(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    refused(path, "no file")
    path.write_bytes(b"")
    refused(path, "is empty")


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("你好，世界。\n".encode("gb18030")[:-2], "not UTF-8"),
        (b"ab\xff" * 100, "not UTF-8"),
        ("你好".encode()[:-1], "not UTF-8"),
        ("你好".encode("utf-16"), "not UTF-8"),
        ("你好\n".encode("utf-16"), "not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "not UTF-8"),
        (b"GIF89a\x00\x01\n", "binary"),
    ],
)
def test_a_file_that_is_no_text(tmp_path, suffix, content, said):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    refused(path, said)


def test_text_saved_as_gbk_is_read_and_that_is_said(tmp_path):
    path, told = tmp_path / "a.txt", []
    for encoding, said in (("gbk", True), ("utf-8", False)):
        path.write_text("你好，世界。\n", encoding=encoding)
        told.clear()
        assert [row["text"] for row in corpus.load(path, tell=told.append)] == ["你好，世界。"]
        assert any("read as GB18030" in sentence for sentence in told) == said


def test_a_bad_byte_far_into_a_large_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("好".encode() * 700_000 + b"\xff")  # 2 MB
    refused(path, "not UTF-8")


@pytest.mark.parametrize("content", [b"PAR1 and then nothing", b"\x00" * 50])
def test_a_broken_parquet_file(tmp_path, content):
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    refused(path, "could not be loaded")


def test_a_folder_and_an_unknown_suffix(tmp_path):
    (tmp_path / "folder.txt").mkdir()
    refused(tmp_path / "folder.txt", "no file")
    path = tmp_path / "a.docx"
    path.write_text("你好", encoding="utf-8")
    refused(path, r"\.txt, \.jsonl")


def test_a_data_set_that_is_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match="'nobody/nothing' could not be loaded") as caught:
        load("nobody/nothing")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [" \n\n \n", "\n"])
def test_a_text_file_with_nothing_in_it(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_text(content, encoding="utf-8")
    refused(path, "no text")


@pytest.mark.parametrize(
    "content",
    [
        "{not json}\n",
        '{"text": "天亮了。"}\n{"text": \n',
        '"a text"\n',
        "[1, 2]\n",
        '{"weather": "sunny"}\n',
        '{"text": 3}\n',
        '{"text": null}\n',
        '{"text": "  "}\n',
        '{"messages": []}\n',
        '{"messages": "你好"}\n',
        '{"messages": ["你好"]}\n',
        '{"messages": [{"role": "user", "content": ["你好"]}]}\n',
        '{"messages": [{"role": "user", "content": null}]}\n',
        '{"messages": [{"role": "narrator", "content": "你好"}]}\n',
    ],
)
def test_json_lines_that_hold_no_documents(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(LabError) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["好", "好好好\n\n好"])
def test_a_corpus_of_one_character(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match="at least 2"):
        Vocabulary.build(t.replace("\n", "") for t in texts(load(path)))


# What text becomes


@given(st.text())
def test_normalising_twice_is_normalising_once(text):
    once = normalise(text)
    assert normalise(once) == once
    assert not any(c in once for c in "\r\x00\x1b\u200b\ufeff")


def test_what_is_normalised():
    assert normalise("ＡＢｃ１２３，？！。\r\n\ra\tb") == "ABc123，？！。\n\nab"
    assert normalise("，？！：；（）“”《》～　") == "，？！：；（）“”《》～　"


# Splits


@given(st.text(), st.floats(0, 1))
def test_a_key_decides_alone(key, share):
    assert is_held_out(key, share) == is_held_out(key, share)
    assert not is_held_out(key, 0.0)
    assert is_held_out(key, 1.0)
    if is_held_out(key, share):
        assert is_held_out(key, min(1.0, share * 1.5))  # a larger share holds out more, not others


def test_about_so_many_keys_are_held_out():
    assert sum(is_held_out(str(i), 0.1) for i in range(10_000)) == pytest.approx(1000, abs=100)


@given(st.lists(st.integers(), min_size=1, max_size=40, unique=True))
def test_a_split_loses_nothing(keys):
    rows = [corpus._document("story", str(key), text="好") for key in keys]
    parts = split(rows)
    assert parts.train
    assert parts.held_out
    if len(rows) > 1:
        together = sorted(row["key"] for row in (*parts.train, *parts.held_out))
        assert together == sorted(str(key) for key in keys)


def test_some_questions_are_the_same_ones_every_time():
    kinds = {"reasoning": 30, "knowledge": 3, "familiar": 0}
    questions = [
        corpus.Question(kind, "", (f"{kind}{i}？",), ("好。",))
        for kind, count in kinds.items()
        for i in range(count)
    ]
    text = corpus.Corpus([], [], questions)
    found = text.some_questions(5, 1)
    assert Counter(q.kind for q in found) == {"knowledge": 3, "reasoning": 5}
    assert set(found) <= set(questions) and len(set(found)) == len(found)
    assert text.some_questions(5, 1) == found != text.some_questions(5, 2)
    assert set(text.some_questions(99, 1)) == set(questions)


def test_all_strings_of_the_rows(rows):
    found = list(texts(rows))
    assert "再见。" in found
    assert "" not in found
    assert len(found) == sum(bool(r["text"]) + len(r["messages"]) for r in rows)

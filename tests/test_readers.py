"""Local files: every row once, with the place that an error can name."""

import json

import pytest

from mof_lab import readers
from mof_lab.errors import LabError


def rows(path, content=None):
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif content is not None:
        path.write_bytes(content)
    return list(readers.read(path))


def refused(path, content, words):
    with pytest.raises(LabError, match=words) as caught:
        rows(path, content)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def test_the_place_of_each_row(tmp_path):
    found = rows(tmp_path / "a.jsonl", '{"text": "一"}\n\n{"text": "二"}\n')
    assert found == [("a.jsonl, line 1", {"text": "一"}), ("a.jsonl, line 3", {"text": "二"})]
    assert [place for place, _ in rows(tmp_path / "a.txt", "\n一\n二\n\n\n三")] == [
        "a.txt, line 2",
        "a.txt, line 6",
    ]


def test_a_long_text_without_empty_lines_is_cut_at_lines(tmp_path):
    lines = [f"第{i}行：" + "天" * 90 for i in range(100)]
    found = [row["text"] for _, row in rows(tmp_path / "a.txt", "\n".join(lines))]
    assert "\n".join(found).split("\n") == lines
    assert len(found) > 3
    assert max(map(len, found)) < readers.DOCUMENT + 120


def test_a_json_file_in_each_of_its_shapes(tmp_path):
    wanted = [{"text": "一"}, {"text": "二"}]
    path = tmp_path / "a.json"
    for content in (
        json.dumps(wanted),
        json.dumps(wanted, indent=2),
        "\n".join(map(json.dumps, wanted)),
    ):
        assert [row for _, row in rows(path, content)] == wanted
    assert [row for _, row in rows(path, json.dumps(wanted[0], indent=2))] == wanted[:1]


def test_a_byte_order_mark_is_no_text(tmp_path):
    assert rows(tmp_path / "a.txt", "\ufeff一".encode())[0][1] == {"text": "一"}
    assert rows(tmp_path / "a.csv", "\ufefftext\n一\n".encode())[0][1] == {"text": "一"}
    assert rows(tmp_path / "b.json", '\ufeff[{"text": "一"}]'.encode())[0][1] == {"text": "一"}


CHINESE = "春天来了，小河边的草绿了。\n“你好！”小明说。\n"


@pytest.mark.parametrize("encoding", ["gb2312", "gbk", "gb18030"])
def test_chinese_text_as_windows_saves_it(tmp_path, encoding):
    table = f'text\n"{CHINESE.strip()}"\n'.encode(encoding)
    assert rows(tmp_path / "a.txt", CHINESE.encode(encoding))[0][1] == {"text": CHINESE.strip()}
    assert rows(tmp_path / "a.csv", table)[0][1] == {"text": CHINESE.strip()}
    listed = json.dumps([{"text": CHINESE}], ensure_ascii=False).encode(encoding)
    assert rows(tmp_path / "a.json", listed)[0][1] == {"text": CHINESE}


def test_the_beginning_may_end_within_a_character(tmp_path, monkeypatch):
    for monkeypatched in range(7, 12):
        monkeypatch.setattr(readers, "BEGINNING", monkeypatched)
        for encoding in ("gbk", "utf-8"):
            found = rows(tmp_path / "a.txt", CHINESE.encode(encoding))
            assert found[0][1] == {"text": CHINESE.strip()}


def test_each_character_of_a_long_text_is_looked_up_once(tmp_path, monkeypatch):
    asked, is_common = [], readers._is_common
    monkeypatch.setattr(readers, "_is_common", lambda c: asked.append(c) or is_common(c))
    path = tmp_path / "a.txt"
    path.write_bytes((CHINESE * 100).encode("gbk"))
    assert readers.encoding(path) == "gb18030"
    assert len(asked) == len(set(asked))
    rare = "茕茕孑立，" * 9 + "这是一行字有很多"  # 27 rare characters of 53, 2 of 12 different ones
    path.write_bytes(rare.encode("gbk"))
    assert readers.encoding(path) == "utf-8-sig"  # each counts as often as it stands there


@pytest.mark.parametrize(
    "content",
    [
        CHINESE.encode() + b"\xb5",
        "春が来た。川辺の草が緑になった。".encode("shift-jis"),
        "春が来た。川辺の草が緑になった。".encode("euc-jp"),
        "春天來了，小河邊的草綠了。".encode("big5"),
        "Élève à l’école, où".encode("cp1252"),
    ],
)
def test_what_only_happens_to_be_valid_gb18030_is_refused_in_both_languages(tmp_path, content):
    refused(tmp_path / "a.txt", content, "not UTF-8 .*记事本")


def test_a_cell_may_hold_lines(tmp_path):
    found = rows(tmp_path / "a.csv", 'question,answer\r\n"一\n二","说""三"""\r\n\r\n四,五\r\n')
    assert [row for _, row in found] == [
        {"question": "一\n二", "answer": '说"三"'},
        {"question": "四", "answer": "五"},
    ]


def test_an_ending_in_capitals(tmp_path):
    assert rows(tmp_path / "A.TXT", "一")[0][1] == {"text": "一"}


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv"])
def test_a_huge_line(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(readers, "LINE", 1000)
    refused(tmp_path / f"a{suffix}", "text\n" * (suffix == ".csv") + "好" * 1001, "break it into")


def test_a_huge_json_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "WHOLE", 10)
    refused(tmp_path / "a.json", '[{"text": "一"}]', "expected at most 10")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", '{"text": "一"}\n{"text": \n', "line 2, is not JSON"),
        ("a.json", '[\n{"text": "一"},\n{"text": }]', "line 3, is not JSON"),
        ("a.json", "[" * 100_000, "nested too deeply|is not JSON"),
        ("a.jsonl", '{"text": "一", "text": "二"}', "line 1: the name 'text' stands twice"),
        ("a.json", '[{"text": "一", "text": "二"}]', "the name 'text' stands twice"),
        ("a.csv", "text,text\n一,二\n", "two columns of one name"),
        ("a.csv", "question,answer\n一\n", "line 2, has 1 cells; expected 2"),
        ("a.csv", 'text\n"一\n', "no table"),
        ("a.txt", b"\xff\xfe", "not UTF-8"),
        ("a.json", b'[{"text": "\xff"}]', "not UTF-8"),
        ("a.csv", b"text\n\xff\n", "not UTF-8"),
        ("a.txt", b"", "is empty"),
        ("a.txt", b"a\0b", "binary"),
        ("a.parquet", b"PAR1 nothing PAR1", "could not be loaded"),
        ("a.docx", b"PK", "expected one of"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path, name, content, words):
    refused(tmp_path / name, content, words)


@pytest.mark.parametrize("content", ["\n", "\ufeff", "text\n"])
def test_a_table_without_rows(tmp_path, content):
    assert rows(tmp_path / "a.csv", content) == []

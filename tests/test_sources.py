"""The catalogue, and what `corpus.load` makes of each kind of source."""

import json
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mof_lab import catalogue, corpus, extraction, packages, sources
from mof_lab.catalogue import CATALOGUE, Source
from mof_lab.errors import LabError
from mof_lab.language import language
from mof_lab.packages import Package

PACKED = [source for source in CATALOGUE if isinstance(source.where, Package)]
#: One small file of each source's own shape, with what it is to become.
FILES = {
    extraction.chapters: (json.dumps(["第一回\n\n  \n\t话说天下。"]), "第一回\n话说天下。"),
    extraction.poems: (
        json.dumps([{"title": "春曉", "author": "某", "paragraphs": ["處處聞啼鳥。"]}]),
        "春曉\n處處聞啼鳥。",
    ),
    extraction.exchanges: ("conversations:\n- - 你好\n  - 1963\n- - 独白\n", "你好\n1963"),
    extraction.rows: (json.dumps([{"instruction": "一？", "output": "二。"}]), "一？\n二。"),
    extraction.idioms: (",word,explanation\n0,画蛇添足,多此一举。\n", "画蛇添足"),
    extraction.pages: (
        "<html><head><title>题目。</title></head><body><p class='title'>表 1</p>"
        f"<div class='para'>{'天亮了。' * 20}<pre>rm</pre><code>ls</code>好。<br>再见。</div>"
        "<p>English only here.</p><p>天黑了<b>，</b>鸟睡了。</body>",
        "天黑了，鸟睡了。",
    ),
}


@pytest.fixture
def packed(monkeypatch):
    """Packages whose only file is the small one above."""

    def read(package, pattern, tell):
        source = next(s for s in PACKED if (s.where, s.files) == (package, pattern))
        yield pattern.replace("*", "1"), FILES[source.extract][0].encode("utf-8")

    monkeypatch.setattr(packages, "read", read)


@pytest.fixture
def told():
    """What `load` says."""
    return []


def test_names_are_distinct_and_every_source_says_what_it_is():
    names = [source.name for source in CATALOGUE]
    assert len(set(names)) == len(names)
    for source in CATALOGUE:
        assert source.note
        assert any("\u4e00" <= c <= "\u9fff" for c in source.chinese)
        assert (source.licence and source.size) or source.on_hub
        assert "/" not in source.name and "." not in source.name  # else it would be a file


@pytest.mark.parametrize("source", PACKED, ids=lambda source: source.name)
def test_a_pinned_version_has_a_sum(source):
    assert bool(source.where.version) == bool(source.where.sha256)
    assert source.where.version or source.where.registry == "Debian"
    assert source.extract in FILES


@pytest.mark.parametrize("source", PACKED, ids=lambda source: source.name)
def test_each_package_becomes_documents(source, packed, told):
    rows = corpus.load(source.name, opt_in=source.opt_in, tell=told.append)
    text = "\n".join(corpus.texts(rows))
    assert (sources.simplify(source.name) or str)(FILES[source.extract][1]) in text
    assert len(rows) == 1
    assert source.licence in told[0] and source.size in told[0]
    assert "1 documents" in told[-1]


def test_traditional_characters_are_simplified(packed, told):
    (row,) = corpus.load("tang", tell=told.append)
    assert row["text"] == "春晓\n处处闻啼鸟。"
    assert row["key"] == row["text"]


def test_without_opencc_it_is_one_sentence(packed, monkeypatch):
    monkeypatch.setitem(sys.modules, "opencc", None)
    with pytest.raises(LabError, match="pip install opencc-python-reimplemented"):
        corpus.load("tang")
    assert corpus.load("ci")


def test_pages_keep_sentences_only():
    (page,) = extraction.pages(FILES[extraction.pages][0].encode("utf-8"))
    assert page["text"].split("\n") == ["天亮了。" * 20, "ls好。再见。", "天黑了，鸟睡了。"]
    assert list(extraction.pages("<p>太短。</p>".encode())) == []


def test_opting_in(packed, told):
    with pytest.raises(LabError, match="for you to judge .* opt_in=True"):
        corpus.load("idioms", tell=told.append)
    assert told == []
    assert corpus.load("idioms", opt_in=True, tell=told.append)


def test_options_are_for_the_hub(packed, tmp_path):
    (tmp_path / "a.txt").write_text("天亮了。", encoding="utf-8")
    for name in ("sanguo", tmp_path / "a.txt"):
        with pytest.raises(LabError, match="split can't be used"):
            corpus.load(name, split="train[:1%]")


@pytest.mark.parametrize(
    "name", ["sangou", "sanguo ", "", "  ", "nothing", "没有", "a\0b", "x" * 500]
)
def test_an_unknown_name(name):
    with pytest.raises(LabError, match="no source") as caught:
        corpus.load(name)
    assert ("did you mean 'sanguo'" in str(caught.value)) == name.startswith("sang")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("limit", [0, -1, None, 1.5, "many"])
def test_a_limit_that_is_no_number_of_characters(limit):
    with pytest.raises(LabError, match="limit is"):
        corpus.load("project", limit=limit)


def test_the_table_in_both_languages():
    try:
        for code, word in (("en", "public domain"), ("zh", "早期白话小说")):
            language(code)
            table = corpus.sources()
            assert word in table
            assert "opt_in=True" in table
            assert len(table.splitlines()) == len(CATALOGUE) + 2
            assert "<table>" in table._repr_mimebundle_()["text/html"]
    finally:
        language("en")


def test_the_table_on_a_chinese_page_where_nobody_chose(monkeypatch):
    monkeypatch.setattr(sys.modules["mof_lab.language"], "_page", "zh")
    assert "早期白话小说" in corpus.sources()


# The project's own


@pytest.fixture
def small(rows, monkeypatch):
    """A small corpus in the project's place."""
    made = corpus.split(rows, 0.2)
    extra = corpus._dialogue("knowledge", "judged", ("问？", "答。"))
    made = replace(made, held_out=[*made.held_out, extra])
    monkeypatch.setattr(corpus, "project", lambda preset: made)
    return made


def test_the_project_by_name_holds_no_judged_question(small, told):
    rows = corpus.load("project", tell=told.append)
    assert "CC BY 4.0" in told[0]
    assert all(row in rows for row in small.train)
    assert "judged" not in [row["key"] for row in rows]
    stories = [row for row in small.held_out if row["kind"] in ("story", "chat")]
    assert stories and all(row in rows for row in stories)


# Any source


def jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@given(
    st.lists(st.text("天亮黑了鸟", min_size=1, max_size=9), min_size=1, max_size=30),
    st.integers(1, 100),
)
def test_limit_takes_whole_documents_from_the_beginning(tmp_path_factory, texts, limit):
    path = jsonl(tmp_path_factory.mktemp("a") / "a.jsonl", [{"text": text} for text in texts])
    distinct = list(dict.fromkeys(texts))
    found = [row["text"] for row in corpus.load(path, limit=limit, tell=lambda sentence: None)]
    assert found == distinct[: len(found)]
    assert len(found) == 1 or sum(map(len, found)) <= limit
    if len(found) < len(distinct):
        assert sum(map(len, distinct[: len(found) + 1])) > limit


def test_equal_documents_count_once_and_equal_beginnings_stay_together(tmp_path, told):
    chat = [{"messages": [{"role": "user", "content": "你好"}, {"role": "assistant", "content": a}]}
            for a in ("好！", "在。", "好！")]  # fmt: skip
    rows = corpus.load(jsonl(tmp_path / "a.jsonl", chat), tell=told.append)
    assert [row["messages"][1]["content"] for row in rows] == ["好！", "在。"]
    assert {row["key"] for row in rows} == {"你好"}


def test_keys_of_your_own(tmp_path, told):
    rows = [{"key": 1, "text": "一"}, {"key": "2", "text": "二"}, {"key": 1, "text": "一"}]
    found = corpus.load(jsonl(tmp_path / "a.jsonl", rows), tell=told.append)
    assert [row["key"] for row in found] == ["1", "2"]
    rows[2]["text"] = "三"
    with pytest.raises(LabError, match="a.jsonl, line 3 has the key '1', as has a.jsonl, line 1"):
        corpus.load(jsonl(tmp_path / "a.jsonl", rows), tell=told.append)


def test_a_bad_row_is_named_by_its_line(tmp_path, told):
    path = jsonl(tmp_path / "a.jsonl", [{"text": "一"}, {"text": None}, {"text": 3}])
    with pytest.raises(LabError, match="a.jsonl, line 3: text holds a number"):
        corpus.load(path, tell=told.append)


def test_your_own_text_in_three_lines(tmp_path, monkeypatch, preset):
    from mof_lab import Run

    monkeypatch.chdir(tmp_path)
    lines = [f"米米在桥上走了{i}步。\n" for i in range(600)]  # a novel without empty lines
    (tmp_path / "my.txt").write_text("".join(lines), encoding="utf-8")

    rows = corpus.load("my.txt")
    text = corpus.split(rows)
    run = Run(preset, "runs/mine", text)

    assert len(text.train) + len(text.held_out) == len(rows) > 2
    assert text.held_out
    assert "\n".join(row["text"] for row in rows) == "".join(lines).strip()
    assert set(run.windows("train")) == {"story"}
    assert run.questions == []


def test_a_source_is_one_entry(monkeypatch, packed, told):
    mine = Source("mine", "owner/mine", "MIT", "3 rows", "a test", "测试")
    monkeypatch.setattr(sources, "CATALOGUE", (*catalogue.CATALOGUE, mine))
    monkeypatch.setattr(sources.hub, "about", lambda name: "licence 许可 mit")
    monkeypatch.setattr(
        sources.hub, "read", lambda name, **options: iter([("row 1", {"text": name})])
    )
    assert corpus.load("mine", tell=told.append)[0]["text"] == "owner/mine"
    assert told[1] == "owner/mine: licence 许可 mit"

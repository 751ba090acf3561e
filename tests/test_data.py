"""The project's own text: enough of it, nothing twice, nothing leaked, simplified, and right."""

import json
import random
import re
from collections import Counter
from dataclasses import replace

import pytest
from opencc import OpenCC

from mof_lab import corpus
from mof_lab.configuration import PRESETS
from mof_lab.evaluation import answer
from mof_lab.facts import read_facts
from mof_lab.reasoning import CORE, KINDS, MORE, WIDE, memory
from mof_lab.reasoning.problem import is_kept

FILES = sorted(corpus.DATA.rglob("*.json*"))
KINDS_ASKED = ("knowledge", "familiar")
#: OpenCC would write these otherwise, though they are right in simplified Chinese.
SIMPLIFIED_TOO = {"昇"}  # 毕昇 (Bi Sheng): in his name the character is kept


@pytest.fixture(scope="module", params=["tiny", "small"])
def preset(request):
    return replace(PRESETS[request.param], reasoning_examples=10_000)


@pytest.fixture(scope="module")
def world(preset):
    """The corpus as a preset trains on it, with less reasoning."""
    return corpus.project(preset)


@pytest.fixture(scope="module", params=["tiny", "small", "base"])
def facts(request):
    return read_facts(corpus.DATA, PRESETS[request.param].shelves)


@pytest.fixture(scope="module")
def trained(world):
    """Every string that is trained on, once."""
    return set(corpus.texts(world.train))


def turns(row):
    return tuple(m["content"] for m in row["messages"])


def bare(text):
    """Without punctuation: a question is the same with ？ and without."""
    return re.sub(r"[^\w]", "", text)


def lines_of(path):
    """Of a JSON Lines file; none of another."""
    return path.read_text(encoding="utf-8").splitlines() if path.suffix == ".jsonl" else ()


def repeated(items):
    return [item for item, count in Counter(items).items() if count > 1]


# Amount and form


def test_there_is_enough_text(world):
    own = [r for r in world.train + world.held_out if r["kind"] in ("story", "chat")]
    assert sum(len("".join(corpus.texts([r])).encode()) for r in own) >= 300_000


def test_the_whole_of_the_text_is_large():
    """Written, before any table is filled in and any problem made: in bytes of UTF-8."""
    rows = [json.loads(line) for path in FILES for line in lines_of(path)]
    told = sum(len(row.get("text", "").encode()) for row in rows)
    said = sum(len(m["content"].encode()) for row in rows for m in row.get("messages", ()))
    asked = sum(
        len("".join((*row["questions"], *row["held_out"], *row["answers"])).encode())
        for row in rows
        if "questions" in row
    )
    assert told + said + asked >= 900_000
    kinds = Counter(path.parent.name for path in FILES for _ in lines_of(path))
    assert kinds["stories"] >= 600 and kinds["dialogues"] >= 800
    explained = [row for row in rows if re.match("explain|why|curious", row["key"])]
    assert len(explained) >= 300


def test_there_are_many_facts():
    facts = read_facts(corpus.DATA, PRESETS["base"].shelves)
    assert sum(bool(fact.familiar) for fact in facts) >= 3000


def test_every_kind_is_there(world, preset):
    for rows in (world.train, world.held_out):
        counts = Counter(row["kind"] for row in rows)
        assert set(counts) == set(corpus.KINDS)
        assert min(counts.values()) >= 10
    assert {q.kind for q in world.questions} == set(corpus.QUESTION_KINDS)
    kinds = {kind for shelf in preset.shelves for kind in corpus.REASONING[shelf]}
    assert {q.group for q in world.questions if q.kind == "reasoning"} == kinds
    assert corpus.REASONING["core"] == CORE and {*CORE, *MORE, *WIDE} == set(KINDS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_file_is_well_formed(path):
    content = path.read_text(encoding="utf-8")
    assert content.endswith("\n")
    assert "\r" not in content
    if path.suffix != ".jsonl":
        return
    rows = [json.loads(line) for line in content.splitlines()]
    assert repeated(row["key"] for row in rows) == []
    assert repeated(json.dumps({**row, "key": ""}, sort_keys=True) for row in rows) == []
    for row in rows:
        roles = [m["role"] for m in row.get("messages", ())]
        assert roles == ["user", "assistant"] * (len(roles) // 2)


def test_no_text_is_there_twice(world):
    rows = world.train + world.held_out
    assert repeated(row["text"] for row in rows if row["text"]) == []
    assert repeated(turns(row) for row in rows if row["messages"]) == []
    sentences = [s for row in rows for s in re.split(r"(?<=[。！？])", row["text"]) if len(s) > 8]
    assert repeated(sentences) == []


def test_text_is_clean_and_short_enough(world):
    for row in world.train + world.held_out:
        for text in corpus.texts([row]):
            assert text == corpus.normalise(text).strip() != ""
        assert len(row["text"]) <= 256
        assert all(len(text) <= 60 for text in turns(row))
        assert sum(len(text) + 2 for text in turns(row)) <= 450


def test_every_right_answer_can_be_given(world):
    """Judging reads at most so many characters."""
    longest = answer.__defaults__[1]
    assert all(len(text) <= longest for q in world.questions for text in q.answers)


def test_characters_are_simplified():
    convert = OpenCC("t2s").convert
    found = {}
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            for own, other in zip(line, convert(line), strict=True):
                if own != other and own not in SIMPLIFIED_TOO:
                    found[own] = line
    assert found == {}


# Facts


def test_facts_and_their_wordings(facts):
    assert len(facts) >= 600
    for fact in facts:
        assert len(fact.questions) >= 8, fact
        assert len(fact.held_out) >= (2 if fact.familiar else 1), fact
        assert len(fact.answers) >= (3 if fact.familiar else 1), fact
        texts = (*fact.questions, *fact.held_out, *fact.familiar, *fact.answers)
        assert not any("{" in text for text in texts)
    assert {"places", "nature", "culture", "language", "lab", "general"} <= {f.group for f in facts}


def test_no_question_is_asked_twice(facts):
    """Not even in another fact, where it would have another answer."""
    assert repeated(bare(q) for f in facts for q in (*f.questions, *f.held_out, *f.familiar)) == []


# Talks to remember from


@pytest.fixture(scope="module")
def memories():
    preset = replace(PRESETS["small"], reasoning_examples=2_000, memories=600)
    rows = corpus.project(preset).train
    found = [turns(row) for row in rows if re.match(r"memory \d", row["key"])]
    assert len(found) == 600
    return found


@pytest.fixture(scope="module")
def short_memories():
    """Those of a preset with a small window."""
    preset = replace(PRESETS["tiny"], window=96, reasoning_examples=500, memories=100)
    rows = corpus.project(preset).train
    return [turns(row) for row in rows if re.match(r"memory \d", row["key"])]


def recalls(talk):
    """(topic, value, turns it is told in, turn it is asked for in) of each answer from memory."""
    for name, topic in (memory.TOPICS | memory.MORE_TOPICS).items():
        before, after = map(re.escape, topic.answer.split("{v}"))
        asked = {question.format(a=animal) for question in topic.asked for animal in "猫狗"}
        told = [
            re.escape(text).replace(r"\{v\}", "(.+?)").replace(r"\{a\}", "[猫狗]")
            for text in topic.told
        ]
        for at in range(0, len(talk), 2):
            if talk[at] not in asked or not (
                found := re.fullmatch(f"{before}(.+){after}", talk[at + 1])
            ):
                continue
            places = [
                i
                for i in range(0, at, 2)
                for form in told
                if (said := re.fullmatch(form, talk[i])) and said[1] == found[1]
            ]
            yield name, found[1], places, at


def test_what_is_asked_for_was_told_once_before(memories):
    gaps = Counter()
    for talk in memories:
        answers = list(recalls(talk))
        assert answers, talk
        for *_, places, at in answers:
            assert len(places) == 1, talk
            gaps[(at - places[0]) // 2] += 1
    assert all(gaps[gap] >= 20 for gap in range(1, 6))  # at once, and some exchanges later


def test_what_is_told_is_not_kept_for_judging(memories):
    for talk in memories:
        for name, value, *_ in recalls(talk):
            assert not is_kept(f"memory {name} {value}"), talk


def test_a_talk_to_remember_fits_in_a_window(memories, short_memories):
    assert len(short_memories) == 100
    for talks, window in ((memories, 256), (short_memories, 96)):
        longest = max(sum(len(text) + 2 for text in talk) for talk in talks)
        assert 0.9 * (window - corpus.SPARE) <= longest <= window - corpus.SPARE
        assert len(set(talks)) == len(talks)
        assert all(list(recalls(talk)) for talk in talks)


def test_where_nothing_has_room_nothing_is_remembered():
    rng, none = random.Random(1), lambda count: []
    assert [memory.remembered(rng, none, 10) for _ in range(20)] == [[]] * 20
    preset = replace(PRESETS["tiny"], window=16, reasoning_examples=10, memories=5)
    assert not [r for r in corpus.project(preset).train if re.match(r"memory \d", r["key"])]


# Nothing leaks


def test_held_out_keys_are_not_trained_on(world):
    trained = {(row["kind"], row["key"]) for row in world.train}
    assert [r["key"] for r in world.held_out if (r["kind"], r["key"]) in trained] == []


def test_held_out_documents_are_not_trained_on(world, trained):
    together = "\n".join(trained)
    dialogues = {turns(row) for row in world.train}
    for row in world.held_out:
        assert not row["text"] or row["text"] not in together
        assert not row["messages"] or turns(row) not in dialogues


def test_held_out_knowledge_questions_are_nowhere_in_training(world, trained):
    """A familiar wording may be the end of another question: 马 is asked about, and 河马."""
    together = "\n".join(trained)
    without = {bare(text) for text in trained}
    asked = {kind: [q.turns[-1] for q in world.questions if q.kind == kind] for kind in KINDS_ASKED}
    assert [q for q in asked["knowledge"] if q in together] == []
    assert [q for kind in KINDS_ASKED for q in asked[kind] if bare(q) in without] == []


def test_held_out_problems_are_nowhere_in_training(world, trained):
    """A longer number or list may end like a shorter one: 17-5 is not 7-5, 樱桃 is not 桃."""
    together = "\n".join(text for text in trained)
    dialogues = {turns(row)[:-1] for row in world.train}
    for question in (q for q in world.questions if q.kind == "reasoning"):
        assert question.turns not in dialogues
        if len(question.turns) == 1:
            asked = re.escape(question.turns[0])
            found = (
                re.search(rf"(?<![\d、樱]){asked}(?!\d)", together) if asked in together else None
            )
            assert not found, question.turns


def test_held_out_sums_are_nowhere_in_training(world, trained):
    """Not as a question, and not as a worked step of another answer."""
    numbers = re.compile(r"(?<![\d+-])(\d+)([+-])(\d+)(?!\d)")
    stated = {(int(a), sign, int(b)) for t in trained for a, sign, b in numbers.findall(t)}
    judged = [q for q in world.questions if q.group in ("addition", "subtraction")]
    assert len(judged) >= 50
    for question in judged:
        a, b = map(int, re.findall(r"\d+", question.turns[-1])[:2])
        sign = "+" if question.group == "addition" else "-"
        assert (a, sign, b) not in stated, question.turns
        assert sign == "-" or (b, sign, a) not in stated, question.turns


def test_the_data_card_counts_right():
    card = (corpus.DATA / "README.md").read_text(encoding="utf-8")
    for name in ("stories", "dialogues", "relations", "facts"):
        cells = re.search(rf"^\| `{name}/` \|(.*)\|$", card, re.M).group(1).split("|")[1:5]
        for shelf, cell in zip(("core", "more", "wide", "deep"), cells, strict=True):
            files = list((corpus.DATA / shelf / name).glob("*"))
            count = sum(len(lines_of(path)) for path in files if path.suffix == ".jsonl")
            for path in files:
                if path.suffix == ".json":
                    tables = json.loads(path.read_text(encoding="utf-8"))
                    count += sum(len(table["facts"]) for table in tables)
            assert cell.strip() == (f"{count:,}" if count else "–")

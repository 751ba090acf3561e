"""Probes: contents that training never used, told as long ago as is said, the same by seed."""

import pytest

from mof_lab import probes
from mof_lab.corpus import Corpus, _dialogue, _document, texts
from mof_lab.reasoning import generate
from mof_lab.vocabulary import Vocabulary


def all_characters():
    """A vocabulary of everything that a probe can say."""
    return Vocabulary(
        sorted({c for topic in probes.TOPICS.values() for c in "".join(topic.values)})
    )


@pytest.fixture
def text(rows):
    """A corpus whose training text tells and answers with some of the contents."""
    told = [
        _dialogue("reasoning", value, (said.replace("{v}", value), answer.replace("{v}", value)))
        for topic in probes.TOPICS.values()
        for value in topic.values[:3]
        for said, answer in [(topic.told[-1], "好。"), ("嗯", topic.answers[0])]
    ]
    chats = [
        ("今天天气真好", "出去走走吧。"),
        ("我叫小明", "你好，小明！"),
        ("我爱吃面", "面真香。"),
        ("外面下雨了", "记得带伞。"),
    ]
    held_out = [_dialogue("chat", f"c{i}", turns) for i, turns in enumerate(chats)]
    held_out += [_document("story", f"s{i}", text=f"从前有{i}只鸟，\n住在树上。") for i in range(9)]
    return Corpus(rows + told, held_out, [])


@pytest.fixture
def made(text):
    return probes.Probes(text, all_characters(), seed=3)


def test_contents_are_new_to_training(made, text):
    training = "\n".join(texts(text.train))
    asked = made.memory_by_turns(each=30) + made.recall_by_distance(each=30)
    assert {q.kind for q in asked} == set(probes.TOPICS)
    for question in asked:
        assert question.turns[0] not in training
        assert not any(a in training for a in question.answers[:-1])
    for name, topic in probes.TOPICS.items():
        assert not set(topic.values[:3]) & set(made.values[name])


def test_the_vocabulary_can_write_them(text):
    few = Vocabulary(sorted("王明红色面条豆球"))
    values = probes.Probes(text, few).values
    assert values["pet"] and set("".join(values["pet"])) <= set("豆球")
    assert values["food"] == []  # training tells it
    assert values["name"] and all(set(value) <= set("王明红") for value in values["name"])


def test_it_was_told_as_long_ago_as_the_group_says(made):
    for question in made.memory_by_turns(each=5):
        turns, topic = question.turns, probes.TOPICS[question.kind]
        assert len(turns) == 2 * int(question.group) + 1
        value = question.answers[-1][:-1]
        assert value in turns[0] and value in turns[1]
        between = "".join(turns[2:-1])
        assert value not in between
        assert not any(word in between for word in topic.near)
        assert turns[-1] in topic.asked
    groups = {q.group for q in made.memory_by_turns(each=1)}
    assert groups == {str(n) for n in probes.EXCHANGES}


def test_exactly_so_many_characters_lie_between(made):
    questions = made.recall_by_distance(each=2)
    assert len(questions) == 2 * len(probes.TOPICS) * len(probes.DISTANCES)
    for question in questions:
        told, _, filler, _, asked = question.turns
        value = question.answers[-1][:-1]
        assert len(filler) == int(question.group)
        assert value in told and value not in filler and value not in asked


def test_the_seed_decides(made, text):
    again = probes.Probes(text, all_characters(), seed=3)
    other = probes.Probes(text, all_characters(), seed=4)
    assert again.memory_by_turns() == made.memory_by_turns()
    assert again.recall_by_distance() == made.recall_by_distance()
    assert other.memory_by_turns() != made.memory_by_turns()


def test_without_held_out_text_there_is_nothing_to_ask(rows):
    empty = probes.Probes(Corpus(rows, [], []), all_characters())
    assert empty.memory_by_turns() == [] and empty.recall_by_distance() == []


def test_answers_are_said_as_training_says_them():
    """Else a model would be judged by a form that it never saw."""
    asked, answered = set(), set()
    for problem in generate(20_000, seed=1):
        if problem.kind == "memory":
            asked.add(problem.turns[-1])
            answered.update(problem.answers)
    for topic in probes.TOPICS.values():
        assert set(topic.asked) <= asked
        assert any(topic.answers[0].replace("{v}", value) in answered for value in topic.values)

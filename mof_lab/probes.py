"""Seeded conversations that ask for what was said before, on contents that training never used.

Two kinds: something is told some exchanges ago (`memory_by_turns`), or some hundred characters
of a story ago (`recall_by_distance`). What comes between is held-out text, so neither the
contents nor their surroundings were trained on. The wordings are those of the lab's
reasoning questions: memory is asked for here, not the understanding of a new wording.
"""

import random
from dataclasses import dataclass
from itertools import islice

from .corpus import Question, texts
from .reasoning.words import FAMILY_NAMES, MORE_COLOURS, MORE_FOODS, PET_SYLLABLES

EXCHANGES = (1, 2, 3, 4, 5, 6)  # how many ago something was told
DISTANCES = (50, 100, 200, 500, 1000, 2000)  # characters of filler
ENOUGH = 40  # different contents a topic


@dataclass(frozen=True)
class Topic:
    """Something that is told and asked for; {v} stands for its content."""

    told: tuple[str, ...]  # by the user
    reply: str  # of the assistant
    asked: tuple[str, ...]  # by the user, later
    answers: tuple[str, ...]  # all count as right
    values: tuple[str, ...]  # candidates; those that training used are left out
    near: tuple[str, ...]  # a filler with one of these might tell something of the kind itself


GIVEN_NAMES = "明红刚丽华军芳雨雪月宝文安天海云美梅兰波东南北光新乐春秋冬夏山晨平风"
NAMES = tuple(
    family + one + two
    for i, family in enumerate(FAMILY_NAMES)
    for one in GIVEN_NAMES
    for two in ("", GIVEN_NAMES[i])
)
PETS = tuple(one + two for one in PET_SYLLABLES for two in PET_SYLLABLES if one != two)
TOPICS = {
    "name": Topic(
        ("我叫{v}", "你好，我是{v}。", "我的名字是{v}。"),
        "你好，{v}！",
        ("我叫什么名字？", "你还记得我叫什么吗？", "我刚才说我叫什么？"),
        ("你叫{v}。", "你的名字是{v}。", "{v}。"),
        NAMES,
        ("我叫", "我是", "名字", "叫我"),
    ),
    "colour": Topic(
        ("我最喜欢{v}", "我喜欢的颜色是{v}。"),
        "{v}很好看。",
        ("我喜欢什么颜色？", "我最喜欢的颜色是什么？"),
        ("你喜欢{v}。", "你最喜欢{v}。", "{v}。"),
        MORE_COLOURS,
        ("色", "喜欢"),
    ),
    "food": Topic(
        ("我爱吃{v}", "我最爱吃的是{v}。"),
        "{v}真香。",
        ("我说我吃什么？", "你记得我说的吃的吗？"),
        ("你说的是{v}。", "你爱吃{v}。", "{v}。"),
        MORE_FOODS,
        ("吃", "饭"),
    ),
    "pet": Topic(
        ("我家的猫叫{v}", "我有一只猫，名叫{v}。"),
        "{v}真是个好名字。",
        ("我家的猫叫什么？", "我的猫叫什么名字？"),
        ("它叫{v}。", "你的猫叫{v}。", "{v}。"),
        PETS,
        ("猫", "名字"),
    ),
}


class Probes:
    """Makes questions whose contents a text never used.

    Args:
        text: a `corpus.Corpus`; fillers come from its `held_out`.
        vocabulary: of the model; contents it can't write are left out.
        seed: of every choice.
    """

    def __init__(self, text, vocabulary, seed=1):
        self.seed = seed
        self.values = unseen("\n".join(texts(text.train)), vocabulary, seed)
        self.exchanges = [
            tuple(message["content"] for message in row["messages"][:2])
            for row in text.held_out
            if row["kind"] == "chat" and len(row["messages"]) >= 2
        ]
        self.stories = ["".join(row["text"].split()) for row in text.held_out if row["text"]]

    def memory_by_turns(self, each=24):
        """`each` conversations a topic and number of exchanges; the kind is the topic, the group
        the number. None at all where the text has no dialogue to put between."""
        return self._questions("turns", EXCHANGES, each, self._small_talk)

    def recall_by_distance(self, each=10, distances=None):
        """`each` conversations a topic and number of characters (`DISTANCES` unless others are
        given); the kind is the topic, the group the number. None at all where the text has no
        story to put between."""
        return self._questions("distance", distances or DISTANCES, each, self._story)

    def _questions(self, name, amounts, each, between):
        questions = []
        for name_of_topic, topic in TOPICS.items():
            rng = random.Random(f"{name} {name_of_topic} {self.seed}")
            for amount in amounts:
                for _ in range(each if self.values[name_of_topic] else 0):
                    value = rng.choice(self.values[name_of_topic])
                    filler = between(rng, amount, topic, value)
                    if filler is None:
                        continue
                    told, reply, asked = (
                        rng.choice(topic.told),
                        topic.reply,
                        rng.choice(topic.asked),
                    )
                    turns = (told, reply, *filler, asked)
                    questions.append(
                        Question(
                            name_of_topic,
                            str(amount),
                            tuple(turn.replace("{v}", value) for turn in turns),
                            tuple(a.replace("{v}", value) for a in topic.answers),
                        )
                    )
        return questions

    def _small_talk(self, rng, amount, topic, value):
        """Turns of exchanges between, so that the telling is `amount` exchanges ago."""
        fitting = [
            pair
            for pair in self.exchanges
            if not any(word in text for word in (*topic.near, value) for text in pair)
        ]
        if not fitting:
            return None
        chosen = rng.sample(fitting, min(amount - 1, len(fitting)))
        chosen += rng.choices(fitting, k=amount - 1 - len(chosen))
        return [turn for pair in chosen for turn in pair]

    def _story(self, rng, amount, topic, value):
        """A user's turn of exactly `amount` characters of stories, and a short reply."""
        fitting = [story for story in self.stories if story and value not in story]
        if not fitting:
            return None
        told = ""
        while len(told) < amount:
            told += "".join(rng.sample(fitting, len(fitting)))
        return told[:amount], "好，我听着呢。"


def unseen(training_text, vocabulary, seed):
    """topic → contents in a seeded order, at most `ENOUGH`.

    The vocabulary can write them, and no training document tells them or answers with them.
    """
    known, found = set(vocabulary.characters), {}
    for name, topic in TOPICS.items():
        values = [value for value in topic.values if known.issuperset(value)]
        random.Random(f"values {name} {seed}").shuffle(values)
        # A bare {v} is an answer too, but says nothing of what a document uses it for.
        forms = [form for form in (*topic.told, *topic.answers) if form != "{v}。"]
        new = (
            value
            for value in values
            if not any(form.replace("{v}", value) in training_text for form in forms)
        )
        found[name] = list(islice(new, ENOUGH))
    return found

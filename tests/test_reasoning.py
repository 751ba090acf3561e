"""The generated problems: every answer computed anew, nothing leaked, many wordings."""

import calendar
import re
from collections import Counter, defaultdict

import pytest
from opencc import OpenCC

from mof_lab.errors import LabError
from mof_lab.reasoning import CORE, KINDS, MORE, WIDE, generate, shows_held_out_sum
from mof_lab.reasoning.deduction import TRAITS
from mof_lab.reasoning.memory import MORE_TOPICS, TOPICS
from mof_lab.reasoning.problem import is_kept, sum_key
from mof_lab.reasoning.words import (
    CITIES,
    COLOURS,
    DAYS,
    FOODS,
    HOBBIES,
    HOW_MANY,
    NAMES,
    OBJECTS,
    PLACES,
    SORTS,
    SUBJECTS,
)

TRAINING, JUDGED = 28_000, 28 * 100


@pytest.fixture(scope="module")
def training():
    return generate(TRAINING, seed=5)


@pytest.fixture(scope="module")
def judged():
    return generate(JUDGED, seed=5, held_out=True)


@pytest.fixture(scope="module")
def by_kind(training, judged):
    found = defaultdict(list)
    for problem in (*training, *judged):
        found[problem.kind].append(problem)
    return found


# The generator


def test_no_trained_repetition_spells_a_judged_text(by_kind):
    spelled = [p for p in by_kind["repeat"] if "1" in p.answers[-1] and not is_kept(p.key)]
    texts = [p.key.removeprefix("repeat ") for p in spelled]
    assert len(texts) > 100
    assert not [text for text in texts if is_kept(f"characters {text}")]


def test_each_kind_is_on_one_shelf():
    kinds = (*CORE, *MORE, *WIDE)
    assert len(kinds) == len(set(kinds)) and set(kinds) == set(KINDS)


def test_a_count_is_held_out_in_every_order():
    keys = {}
    for held_out in (False, True):
        found = generate(1500, 1, held_out=held_out, kinds=["counting"])
        keys[held_out] = {p.key for p in found}
    assert not keys[False] & keys[True]
    things = {
        k: {frozenset(key.removeprefix("counting ").split("、")) for key in v}
        for k, v in keys.items()
    }
    assert not things[False] & things[True]


def test_the_seed_decides():
    assert generate(300, 1) == generate(300, 1) != generate(300, 2)


def test_no_dialogue_comes_twice(training, judged):
    for problems in (training, judged):
        assert len({p.turns for p in problems}) == len(problems)


def test_kinds_can_be_chosen():
    counts = Counter(p.kind for p in generate(220, 1, kinds=CORE))
    assert counts == dict.fromkeys(CORE, 20)


def test_an_unknown_kind_is_named():
    with pytest.raises(LabError, match="'algebra'.*addition"):
        generate(10, 1, kinds=["addition", "algebra"])


def test_a_kind_that_is_used_up_leaves_the_others():
    problems = generate(12_000, 1, kinds=("weekday", "counting"))
    counts = Counter(p.kind for p in problems)
    assert len(problems) == 12_000
    assert 3_000 < counts["weekday"] < 5_000 < counts["counting"]


def test_a_hundred_of_each_kind_are_judged(judged):
    assert Counter(p.kind for p in judged) == dict.fromkeys(KINDS, 100)


def test_each_kind_has_many_wordings(by_kind):
    few = {kind: len({p.wording for p in by_kind[kind]}) for kind in KINDS}
    assert {kind: count for kind, count in few.items() if count < 20} == {}


def test_everything_is_short_enough(training, judged):
    for p in (*training, *judged):
        assert max(map(len, (*p.turns, *p.answers))) <= 60, p
        assert sum(len(text) + 2 for text in (*p.turns, p.answers[0])) <= 180, p


def test_text_is_simplified_and_complete(training, judged):
    convert = OpenCC("t2s").convert
    together = "\n".join(text for p in (*training, *judged) for text in (*p.turns, *p.answers))
    assert convert(together) == together
    assert not re.search(r"[{}]|  |，，|。。|，。", together)


def test_core_numbers_stay_small(by_kind):
    for kind in ("addition", "subtraction", "comparison", "ordering"):
        assert max(max(numbers(p.key)) for p in by_kind[kind]) <= 40
    for kind in ("long_addition", "long_subtraction", "long_comparison"):
        assert min(max(numbers(p.key)) for p in by_kind[kind]) > 40


# Nothing leaks


def told(problem):
    return "\n".join((*problem.turns, *problem.answers))


def test_contents_are_kept_by_key_whatever_the_wording(training, judged):
    kept = {p.key for p in judged}
    assert [p for p in training if p.key in kept] == []
    assert [p for p in training if not kept.isdisjoint(p.shown)] == []


def test_held_out_sums_are_no_steps(training, judged):
    """Asked for, or a step of another answer, as a sum in signs."""
    signs = {"addition": "+", "subtraction": "-", "multiplication": "×", "division": "÷"}
    kept = {p.key for p in judged}
    sums = re.compile(r"(?<!\d)(\d+)([-+×÷])(?=(\d+))")
    stated = {found for p in training for found in sums.findall(told(p))}
    for a, sign, b in stated:
        for key in (f"{kind} {a} {b}" for kind in signs if signs[kind] == sign):
            assert key not in kept, (a, sign, b)
            assert sign != "+" or f"addition {b} {a}" not in kept, (a, sign, b)
    assert {sign for _, sign, _ in stated} == set("+-×÷")


def test_a_step_with_a_held_out_sum_is_noticed(judged):
    for problem in judged:
        if problem.kind.endswith(("addition", "subtraction")) and re.search(
            r"\d[+-]\d", problem.turns[0]
        ):
            assert shows_held_out_sum(problem), problem


def test_sums_of_the_tables_are_trained(training):
    keys = {p.key for p in training}
    assert not any(is_kept(sum_key(a, "+", b)) for a in range(1, 10) for b in range(1, 10))
    products = [(a, b) for a in range(1, 10) for b in range(1, 10)]
    kept = [(a, b) for a, b in products if is_kept(sum_key(a, "×", b))]
    assert 3 <= len(kept) <= 12
    assert all(sum_key(b, "×", a) in keys for a, b in kept)


def test_a_fact_that_nothing_else_shows_is_trained(training):
    """All other lengths and seasons follow from the lists that other months' answers recite."""
    keys = {p.key for p in training}
    assert "calendar length 2" in keys
    for months in ("3 4 5", "6 7 8", "9 10 11", "12 1 2"):
        assert any(f"calendar season {month}" in keys for month in months.split())


def test_held_out_orders_are_no_steps(training, judged):
    """Three names in a row, from the most to the least."""
    kept = {tuple(p.key.split()[1:]) for p in judged if p.kind == "deduction"}
    for problem in (p for p in training if p.kind.endswith("deduction")):
        for chain in re.findall(r"(?:..、){2,3}..", problem.answers[0]):
            names = tuple(chain.split("、"))
            threes = {names[i : i + 3] for i in range(len(names) - 2)}
            assert kept.isdisjoint(threes), problem


def test_held_out_memories_are_told_in_judged_dialogues_only(training, judged):
    kept = {tuple(p.key.split()[1:]) for p in judged if "memory" in p.kind}
    for problem in (p for p in training if "memory" in p.kind):
        for topic, value in statements(problem):
            assert (topic, value) not in kept, problem


# The answers, computed anew from the question


def numbers(text):
    return [int(n) for n in re.findall(r"\d+", text)]


def direction(question, past):
    return -1 if re.search(past, question) else 1


def smaller_asked(question):
    return re.search("哪个更?小|小还是|更小|小的|低的|少的|短的", question)


def days_after(question):
    day = DAYS.index(re.search(f"星期([{DAYS}])", question).group(1))
    count = HOW_MANY.index(re.search("([一两三四五六])天", question).group(1))
    return f"星期{DAYS[(day + count) % 7]}"


def hours_after(question):
    hour, wait = numbers(question)
    way = direction(question, "小时前|以前|往前|往回|到家|干完|醒来|点到岸，|点停，")
    return f"{(hour + way * wait - 1) % 12 + 1}点"


def minutes_after(question):
    times = [
        60 * int(hour) + (30 if half else int(minute or 0))
        for hour, half, minute in re.findall(r"(\d+)点(半)?(?:(\d+)分(?!钟))?", question)
    ]
    if len(times) == 2:
        return f"{times[1] - times[0]}分钟"
    wait = int(re.search(r"(\d+)分钟", question).group(1))
    way = direction(question, "分钟前|往回|到店|出炉，|下课，")
    hour, minute = divmod(times[0] + way * wait, 60)
    return f"{(hour - 1) % 12 + 1}点" + (f"{minute}分" if minute else "")


def date_asked(question):
    month = int(re.search(r"(\d+)月", question).group(1))
    if on := re.search(r"(\d+)个月", question):
        way = direction(question, "前|搬完")
        return f"{(month + way * int(on.group(1)) - 1) % 12 + 1}月"
    if day := re.search(r"(\d+)日.*?(\d+)天", question):
        later = int(day.group(1)) + int(day.group(2))
        assert later <= 28
        return f"{month}月{later}日"
    if "季节" in question:
        return "冬春夏秋"[month % 12 // 3] + "天"
    return f"{calendar.monthrange(2023, month)[1]}天"


def ranked(question):
    """Who is asked for, by counting whom each one is ahead of."""
    ahead = defaultdict(set)
    for one, two, quality in re.findall("(..)比(..)([高矮重轻快慢大小])", question):
        more, less = (one, two) if quality in "高重快大" else (two, one)
        ahead[more].add(less)
    names = set(ahead).union(*ahead.values())
    for _ in names:
        for name in names:
            ahead[name] |= set().union(*(ahead[other] for other in ahead[name]))
    order = sorted(names, key=lambda name: -len(ahead[name]))
    assert [len(ahead[name]) for name in order] == list(range(len(order)))[::-1]
    if "中间" in question or "也不是最" in question:
        return f"中间是{order[1]}"
    quality = re.search("最([高矮重轻快慢大小])", question).group(1)
    return f"{order[0 if quality in '高重快大' else -1]}最{quality}"


TOKENS = re.compile("|".join((*NAMES, *PLACES, *OBJECTS, "[，。]")))


def where(question):
    """The last place of the thing that is asked for, clause by clause."""
    told, asked = question.rsplit("。", 1)
    at, thing = {}, None
    if both := re.search(f"({'|'.join(OBJECTS)})和({'|'.join(OBJECTS)})分别在", told):
        one, two = [token for token in TOKENS.findall(told) if token in PLACES][:2]
        at = {both.group(1): one, both.group(2): two}
        told = told.split("。")[1]
    for token in TOKENS.findall(told):
        if token in OBJECTS:
            thing = token
        elif token in PLACES:
            at[thing] = token
    (asked,) = [token for token in TOKENS.findall(asked) if token in OBJECTS]
    return f"在{at[asked]}"


def not_excluded(problem):
    *_, no, found = problem.key.split()
    question = problem.turns[0]
    assert question.count(no) == 2, problem
    assert question.count(found) == 1, problem
    denied = (
        f"{no}(?:手里)?(?:找过了，)?(?:没|来不了|是空的)|"
        f"(?:不在|不是){no}(?:的|拿的)?[。，？](?!就是)|看了{no}，没"
    )
    assert re.search(denied, question), problem
    assert not re.search(denied.replace(no, found), question), problem
    return ("在" if no in PLACES else "是") + found


def concluded(problem):
    who, group, trait = problem.key.split()[1:]
    question = problem.turns[0]
    lacks = dict(TRAITS)[trait]
    if re.search("有的|有些|有几位|一部分", question):
        return f"所以{who}不一定{trait}"
    if lacks in question:
        return f"所以{who}不是{group}"
    return f"所以{who}{trait}"


FACTORS = {
    "毫米": 1,
    "厘米": 10,
    "分米": 100,
    "米": 1000,
    "千米": 1_000_000,
    "克": 1,
    "千克": 1000,
    "吨": 1_000_000,
    "毫升": 1,
    "升": 1000,
    "分": 1,
    "角": 10,
    "元": 100,
    "秒": 1,
    "分钟": 60,
    "小时": 3600,
    "天": 86_400,
    "星期": 7 * 86_400,
}
UNIT = "|".join(sorted(FACTORS, key=len, reverse=True))


def converted(question):
    question = re.sub("|".join(NAMES), "", question)
    amount, unit = re.search(rf"(\d+)({UNIT})", question).groups()
    other = re.search(UNIT, question.replace(amount + unit, "")).group()
    result, rest = divmod(int(amount) * FACTORS[unit], FACTORS[other])
    assert rest == 0
    return f"{result}{other}"


def spelled(question):
    text = re.search("“(.+)”", question).group(1)
    if nth := re.search(r"第(\d+)", question):
        return text[int(nth.group(1)) - 1]
    return f"{len(text)}个字"


def repeated(question):
    text = re.search("“(.+)”", question).group(1)
    if times := re.search("([两三四])遍", question):
        return "、".join([text] * HOW_MANY.index(times.group(1)))
    return text[::-1]


def odd(question):
    words = sorted({w for sort in SORTS.values() for w in sort}, key=len, reverse=True)
    items = re.findall("|".join(words), re.search("[^，：？。]+、[^，：？。]+", question).group())
    sorts = {item: [name for name, sort in SORTS.items() if item in sort] for item in items}
    assert len(sorts) == 4, question
    counts = Counter(name for (name,) in sorts.values())
    assert sorted(counts.values()) == [1, 3], question
    (found,) = [item for item, (name,) in sorts.items() if counts[name] == 1]
    return found


VALUES = {
    "name": ".{2,3}",
    "pet": "..",
    "age": r"\d+岁",
    "colour": "|".join(COLOURS),
    "food": "|".join(FOODS),
    "city": "|".join(CITIES),
    "hobby": "|".join(HOBBIES),
    "subject": "|".join(SUBJECTS),
}
STATEMENTS = [
    (name, re.compile(template.replace("{v}", f"({VALUES[name]})").replace("{a}", "[猫狗]")))
    for name, topic in (TOPICS | MORE_TOPICS).items()
    for template in (*topic.told, *topic.corrected)
]


def statements(problem):
    """(topic, value) of everything that the user tells, in order."""
    matches = (
        (name, pattern.fullmatch(turn))
        for turn in problem.turns[:-1:2]
        for name, pattern in STATEMENTS
    )
    return [(name, match.group(1)) for name, match in matches if match]


def remembered(problem):
    _, topic, value = problem.key.split()
    newest = [told for name, told in statements(problem) if name == topic][-1]
    assert newest == value, problem
    assert value not in problem.turns[-1], problem
    assert sum(value in turn for turn in problem.turns[::2]) == 1, problem
    return newest


def by_question(evaluate):
    return lambda problem: evaluate(problem.turns[-1])


def listed(numbers, question):
    return "、".join(map(str, sorted(numbers, reverse="从大到小" in question)))


total = by_question(lambda q: sum(numbers(q)))
difference = by_question(lambda q: numbers(q)[0] - numbers(q)[1])
compared = by_question(lambda q: (min if smaller_asked(q) else max)(numbers(q)))
arranged = by_question(lambda q: listed(numbers(q), q))
EXPECTED = {
    "addition": total,
    "subtraction": difference,
    "long_addition": total,
    "long_subtraction": difference,
    "multiplication": by_question(lambda q: numbers(q)[0] * numbers(q)[1]),
    "division": by_question(lambda q: numbers(q)[0] / numbers(q)[1]),
    "comparison": compared,
    "long_comparison": compared,
    "ordering": arranged,
    "long_ordering": arranged,
    "counting": by_question(lambda q: HOW_MANY[q.count("、") + 1]),
    "sequence": by_question(lambda q: 2 * numbers(q)[2] - numbers(q)[1]),
    "weekday": by_question(days_after),
    "clock": by_question(hours_after),
    "minutes": by_question(minutes_after),
    "calendar": by_question(date_asked),
    "deduction": by_question(ranked),
    "long_deduction": by_question(ranked),
    "either_or": not_excluded,
    "syllogism": concluded,
    "tracing": by_question(where),
    "long_tracing": by_question(where),
    "units": by_question(converted),
    "characters": by_question(spelled),
    "repeat": by_question(repeated),
    "odd_one_out": by_question(odd),
    "memory": remembered,
    "long_memory": remembered,
}
#: What stands before the result, where it is not 是.
BEFORE = {
    "counting": "有",
    "deduction": "，",
    "long_deduction": "，",
    "either_or": "，",
    "syllogism": "，",
    "tracing": "",
    "long_tracing": "，",
    "ordering": "",
    "odd_one_out": "不同的是",
}


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_right(kind, by_kind):
    assert len(by_kind[kind]) > 500
    for problem in by_kind[kind]:
        expected, (answer,) = EXPECTED[kind](problem), problem.answers
        if isinstance(expected, float):
            assert expected.is_integer(), problem
            expected = int(expected)
        if kind.endswith("memory"):
            assert expected in answer, problem
        elif kind == "counting":
            assert re.fullmatch(f"有{expected}[种位]。", answer), problem
        elif kind == "repeat" and re.search("[两三四]遍", problem.turns[0]):
            assert answer == f"{expected}。", problem
        else:
            assert answer.endswith(f"{BEFORE.get(kind, '是')}{expected}。"), problem


def test_equations_are_true_and_of_the_tables(training):
    """Each column of a sum: at most two digits and a carry, so that it can be known by heart."""
    stated = set()
    for problem in training:
        for left, right in re.findall(r"(?<![\d+-])(\d+[+-][\d+-]+)=(\d+)", problem.answers[0]):
            terms = [int(term) for term in re.findall(r"[+-]?\d+", left)]
            assert sum(terms) == int(right), problem
            assert terms[0] <= 19, problem
            assert all(abs(term) <= 9 for term in terms[1:]), problem
            stated.add(left)
    assert 200 < len(stated) < 500


def test_lines_of_the_table_are_true(by_kind):
    digits = "零一二三四五六七八九"

    def value(said):
        tens, _, ones = said.rpartition("十")
        tens = (digits.index(tens) if tens else 1) if "十" in said else 0
        return 10 * tens + (digits.index(ones) if ones else 0)

    for problem in by_kind["multiplication"]:
        line = problem.answers[0].split("，")[0]
        a, b = map(digits.index, line[:2])
        assert a <= b and a * b == value(line[2:].removeprefix("得")), problem
    for problem in by_kind["division"]:
        divisor, *counted = numbers(problem.answers[0])
        assert counted[1:-1:2] == [divisor * i for i in counted[:-1:2]], problem


def test_comparisons_that_are_stated_are_true(by_kind):
    for problem in (*by_kind["comparison"], *by_kind["long_comparison"]):
        for big, small in re.findall(r"(\d+)比(\d+)大", problem.answers[0]):
            assert int(big) > int(small), problem


def test_running_numbers_run(by_kind):
    for problem in by_kind["characters"]:
        said, _ = problem.answers[0].split("，")
        text = re.search("“(.+)”", problem.turns[0]).group(1)
        pairs = re.findall(r"(\D)(\d+)", said)
        assert pairs == [(c, str(i)) for i, c in enumerate(text[: len(pairs)], start=1)], problem

"""Each of the seven schemas becomes a text or a dialogue, and anything else a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mof_lab.adapters import ROLES, adapt
from mof_lab.errors import LabError

ASKED = [{"role": "user", "content": "一加一？"}]
SAID = [*ASKED, {"role": "assistant", "content": "二。"}]
HUMAN = [{"from": "human", "value": "一加一？"}]


def said(item):
    return [m["content"] for m in adapt(item)["messages"]]


@pytest.mark.parametrize(
    "item",
    [
        {"text": " 天亮了。 \n鸟叫了。"},
        {"completion": "天亮了。\n鸟叫了。", "source": "wikipedia"},
        {"content": "天亮了。\n鸟叫了。", "title": "早晨"},
        {"Text": "天亮了。\n鸟叫了。", "url": None},
    ],
)
def test_texts(item):
    assert adapt(item) == {"text": "天亮了。\n鸟叫了。"}


@pytest.mark.parametrize(
    "item",
    [
        {"messages": SAID},
        {"conversations": SAID},
        {"messages": [{"role": "system", "content": "你是小墨。"}, *SAID]},
        {"conversations": [*HUMAN, {"from": "gpt", "value": "二。"}]},
        {"conversation": [*HUMAN, {"from": "assistant", "value": "二。"}]},
        {
            "conversations": [
                *HUMAN,
                {"from": "function_call", "value": "{}"},
                {"from": "observation", "value": "2"},
                {"from": "gpt", "value": "二。"},
            ],
            "tools": "[]",
        },
        {"instruction": "一加一？", "input": "", "output": "二。"},
        {"instruction": "一加", "input": "一？", "output": "二。", "history": None},
        {"instruction": "x", "output": "y", "instruction_zh": "一加一？", "output_zh": "二。"},
        {"kind": "sum", "input": "一加一？", "target": "二。"},
        {"prompt": "一加一？", "completion": "二。"},
        {"query": "一加一？", "response": "二。", "history": []},
        {"chosen": "二。", "rejected": "三。", "prompt": "一加一？"},
        {"chosen": {"from": "gpt", "value": "二。"}, "rejected": {}, "conversations": HUMAN},
        {"chosen": [SAID[1]], "rejected": [], "prompt": ASKED},
        {"chosen": SAID, "rejected": [], "prompt": "一加一？"},
        {"chosen": "二。", "rejected": "三。", "instruction": "一加", "input": "一？"},
        {"input": "一加一？", "golden": "二。"},
        {"original_text": "一加一？", "ans": "二。", "equation": "x=1+1"},
        {"problem": "一加一？", "solution": "二。"},
    ],
)
def test_every_way_to_write_one_exchange(item):
    assert adapt(item) == {"messages": SAID}


def test_a_result_may_be_a_number():
    assert said({"original_text": "1+1", "ans": 2}) == ["1+1", "2"]
    assert said({"question": "1+1", "answer": 2.5}) == ["1+1", "2.5"]


def test_history_comes_first():
    item = {"instruction": "再加一？", "output": "三。", "history": [["一加一？", "二。"]]}
    assert said(item) == ["一加一？", "二。", "再加一？", "三。"]


@pytest.mark.parametrize(
    "item",
    [
        {"Question": "谁会叫？", "A": "鱼", "B": "鸟", "C": "树", "Answer": "B"},
        {"question": "谁会叫？", "choices": ["鱼", "鸟", "树"], "answer": 1},
        {"question": "谁会叫？", "choice": ["鱼", "鸟", "树"], "answer": "鸟", "context": []},
        {
            "question": "谁会叫？",
            "choices": {"text": ["鱼", "鸟", "树"], "label": ["A", "B", "C"]},
            "answerKey": "B",
        },
        {"question": "谁会叫？", "options": {"A": "鱼", "B": "鸟", "C": "树"}, "answer": "B"},
        {"question": "谁会叫？", "choices": {"text": ["鱼", "鸟", "树"]}, "answer": 1},
        {
            "question": "谁会叫？",
            "choices": {"text": ["鱼", "鸟", "树"], "label": [1, 2, 3]},
            "answerKey": "2",  # its label, not an index
        },
        {"question": "谁会叫？", "options": ["鱼", "鸟", "树"], "answer": "B", "output": None},
    ],
)
def test_multiple_choice(item):
    assert said(item) == ["谁会叫？\nA. 鱼\nB. 鸟\nC. 树", "B. 鸟"]


def test_an_empty_column_hides_no_filled_one():
    item = {"messages": None, "instruction": "谁会叫？", "input": None, "output": "鸟。"}
    assert said(item) == ["谁会叫？", "鸟。"]
    assert adapt({"text": "天亮了。", "conversations": None}) == {"text": "天亮了。"}


def test_multiple_choice_with_a_text_to_read():
    item = {
        "context": ["清晨。", "鸟叫。"],
        "question": "何时？",
        "choice": ["早", "晚"],
        "answer": "早",
    }
    assert said(item)[0] == "清晨。\n鸟叫。\n何时？\nA. 早\nB. 晚"


@pytest.mark.parametrize(
    "item",
    [
        {"text": None},
        {"text": " \n "},
        {"messages": []},
        {"messages": None},
        {"messages": [{"role": "system", "content": "你是小墨。"}]},
        {"messages": [{"role": "assistant", "content": None}]},
        {"instruction": "", "output": "二。"},
        {"instruction": "一加一？", "output": None},
        {"chosen": "", "prompt": "一加一？"},
        {"question": "谁会叫？", "choices": ["鱼", "鸟"], "answer": -1},
        {"question": "谁会叫？", "choices": ["鱼", "鸟"], "answer": ""},
        {"input": "一加一？", "golden": ""},
    ],
)
def test_a_row_that_says_nothing_is_none(item):
    assert adapt(item) is None


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (3, "is a number"),
        (["天亮了。"], "is a list"),
        (None, "is empty"),
        ({}, "columns none"),
        ({"weather": "sunny"}, "columns weather"),
        ({"question": "谁？"}, "columns question"),
        ({"text": 3}, "text holds a number"),
        ({"text": ["天亮了。"]}, "text holds a list"),
        ({"text": True}, "text holds yes or no"),
        ({"text": b"\xff"}, "text holds bytes"),
        ({"messages": "你好"}, "messages is a text"),
        ({"messages": ["你好"]}, "messages is a list"),
        ({"messages": {"role": "user"}}, "messages is a table"),
        ({"messages": [*ASKED, 3]}, "expected a list of turns"),
        ({"messages": [{"role": "narrator", "content": "你好"}]}, "said by 'narrator'"),
        ({"messages": [{"role": ["user"], "content": "你好"}]}, r"said by \['user'\]"),
        ({"messages": [{"role": "user", "content": [{"text": "你好"}]}]}, "messages holds a list"),
        ({"conversations": [{"from": "human", "value": 1}]}, "conversations holds a number"),
        ({"instruction": "一加一？", "output": ["二。"]}, "output holds a list"),
        ({"instruction": {"a": 1}, "output": "二。"}, "instruction holds a table"),
        ({"instruction": "一？", "output": "二。", "history": ["零？"]}, "history is no list"),
        ({"instruction": "一？", "output": "二。", "history": [["零？", 3]]}, "history holds"),
        ({"question": "谁？", "choices": ["鱼", "鸟"], "answer": "D"}, "none of the 2"),
        ({"question": "谁？", "choices": ["鱼", "鸟"], "answer": 2}, "none of the 2"),
        ({"chosen": 3, "prompt": "一？"}, "chosen is a number"),
        ({"chosen": "二。"}, "without a question"),
    ],
)
def test_strange_rows_are_one_sentence(item, words):
    with pytest.raises(LabError, match=words) as caught:
        adapt(item, "walk.jsonl, line 7")
    assert str(caught.value).startswith("walk.jsonl, line 7")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
columns = st.sampled_from(
    ["text", "messages", "conversations", "chosen", "instruction", "input", "output", "history"]
    + ["question", "choices", "answer", "golden", "A", "B", "context", "prompt", "role", "x"]
)
turns = st.fixed_dictionaries(
    {}, optional={"role": values | st.sampled_from(list(ROLES)), "content": values, "from": values}
)


@given(st.dictionaries(columns, values | st.lists(turns, max_size=3)) | values)
def test_whatever_comes_is_a_document_or_a_sentence(item):
    try:
        made = adapt(item)
    except LabError as error:
        assert "\n" not in str(error) or "\n" in repr(item)
        return
    if made is None:
        return
    if "text" in made:
        assert isinstance(made["text"], str) and made["text"].strip()
    else:
        assert made["messages"]
        for message in made["messages"]:
            assert message["role"] in ("user", "assistant")
            assert isinstance(message["content"], str) and message["content"]

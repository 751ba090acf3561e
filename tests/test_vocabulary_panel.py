"""The vocabulary panel without a browser: messages in, pictures and numbers out."""

import re
from collections import Counter

import pytest

pytest.importorskip("anywidget", reason="widgets need the lab's packages: pip install -e .[lab]")

from mof_lab import views
from mof_lab.errors import LabError
from mof_lab.vocabulary import Vocabulary
from mof_lab.widgets import VocabularyPanel
from mof_lab.widgets.texts_vocabulary import VOCABULARY
from mof_lab.widgets.vocabulary import MOST_TEXT

TEXT = "".join(chr(0x4E00 + i) * (40 - i) for i in range(40))
COUNTS = Counter(TEXT)


def receive(panel, kind, **content):
    panel._receive(panel, {"kind": kind, **content}, [])


@pytest.fixture
def panel():
    return VocabularyPanel(COUNTS, size=10, text="一丁龘")


def test_it_knows_what_the_vocabulary_of_that_size_knows(panel):
    built = Vocabulary.build([TEXT])
    for choice, (size, share) in enumerate(panel.choices):
        receive(panel, "show", choice=choice, text=TEXT[:50])
        assert panel.vocabulary.characters == built.characters[:size]
        assert share == pytest.approx(panel.vocabulary.coverage(TEXT)["known"], abs=1e-12)
        assert panel.known[1] == views.known(TEXT[:50], panel.vocabulary).text
        assert panel.curve == [*vars(views.frequency(COUNTS, size)).values()]
    assert panel.choices[-1] == [40, 1.0]


def test_the_nearest_place_of_the_slider_is_taken(panel):
    assert panel.choices[panel.choice][0] == 10
    panel.keep_characters(10**9)
    assert panel.choices[panel.choice][0] == 40
    assert "known 认识 66.7%" in panel.known[1]
    with pytest.raises(LabError, match="at least one"):
        panel.keep_characters(0)


def test_both_pictures_speak_the_language_that_is_chosen(panel):
    receive(panel, "hello", language="en")
    both = panel.curve + panel.known
    for code, here, gone in (("zh", "覆盖", "cover"), ("en", "cover", "覆盖")):
        receive(panel, "language", code=code)
        alone = "".join(panel.curve + panel.known)
        assert here in alone and gone not in alone and panel.error == {}
        assert panel.picture().text in "\n\n".join([panel.curve[1], panel.known[1]])
    assert panel.curve + panel.known != both


def test_no_text_and_a_long_one(panel):
    receive(panel, "show", choice=0, text="")
    assert panel.known == [] and panel.picture().text == panel.curve[1]
    receive(panel, "show", choice=0, text="一" * 1000)
    assert panel.status["key"] == "too_long" and len(panel.text) == MOST_TEXT
    receive(panel, "show", choice=0, text="<img src=x onerror=alert(1)>")
    assert "<img" not in panel.known[0] and panel.status["key"] == "ready"


def test_bad_input_is_one_sentence(panel):
    receive(panel, "show", choice=10**6, text="")
    assert "no place 1000000" in panel.error["sentence"] and not panel.error["traceback"]
    with pytest.raises(LabError, match="counts of 1 characters"):
        VocabularyPanel({"一": 3, "▩": 4})


def test_a_picture_is_sent_in_the_form_that_is_asked_for(panel):
    sent = []
    panel.send = lambda content, buffers=None: sent.append(content)
    for kind in ("svg", "png", "html"):
        receive(panel, "export", format=kind)
    pictures = [message for message in sent if message["kind"] == "picture"]
    assert [p["format"] for p in pictures] == ["svg", "png", "html"]
    assert pictures[0]["text"] == pictures[1]["text"] == panel.picture().svg
    assert pictures[2]["text"] == panel.picture().html
    panel.picture = lambda: None
    receive(panel, "export", format="svg")
    assert panel.status["key"] == "no_picture"


def test_every_text_is_there_twice_and_all_that_is_asked_for(panel):
    gap = re.compile(r"\{(\w+)\}")
    for key, (english, chinese) in VOCABULARY.items():
        assert english and chinese
        assert sorted(gap.findall(english)) == sorted(gap.findall(chinese)), key
    call = r'ui\.t\(\s*"(\w+)"|label\((?:[^()]|\([^()]*\))*?,\s*"(\w+)"'
    asked = {one or other for one, other in re.findall(call, str(panel._esm))}
    assert {"size", "covers", "text", "export"} <= asked <= set(panel.words["en"])

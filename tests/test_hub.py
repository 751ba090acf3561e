"""The path to the Hub, on folders laid out like data sets there, and on a server that is none."""

import http.server
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from mof_lab import corpus, hub
from mof_lab.errors import LabError


def talk(who, what, *said):
    """Turns as a data set has them; `who` and `what` are its names of a speaker and a saying."""
    return [{who[0]: speaker, what: text} for speaker, text in zip(who[1:], said, strict=True)]


FROM = ("from", "human", "gpt")
#: One row of each schema met on the Hub; what it says ends with 路。
SCHEMAS = {
    "tinystories-zh": {"text": "桥是路。"},
    "wikipedia-cn": {"completion": "桥是路。", "source": "wikipedia.zh2307"},
    "wikipedia-zh": {"id": "13", "url": "u", "title": "桥", "text": "桥是路。"},
    "minimind": {"conversations": talk(("role", "user", "assistant"), "content", "桥？", "路。")},
    "alpaca-zh": {"instruction": "说桥", "input": "短些", "output": "路。"},
    "alpaca-gpt4-zh": {
        "instruction": "?",
        "output": "!",
        "instruction_zh": "桥？",
        "output_zh": "路。",
    },
    "belle": {"instruction": "桥？", "input": "", "output": "路。"},
    "belle, conversations": {"id": "7", "conversations": talk(FROM, "value", "桥？", "路。")},
    "firefly": {"kind": "Summary", "input": "桥？", "target": "路。"},
    "preferences": {
        "conversations": talk(FROM[:2], "value", "桥？"),
        "chosen": {"from": "gpt", "value": "路。"},
        "rejected": {"from": "gpt", "value": "水。"},
    },
    "choice": {"question": "桥是？", "A": "水。", "B": "路。", "answer": "B"},
    "maths": {"original_text": "桥？", "equation": "x=1", "ans": "路。"},
}


@pytest.fixture(autouse=True)
def no_bars():
    import datasets

    datasets.disable_progress_bars()


def made(folder, rows, name="train.jsonl"):
    """A folder laid out like a data set of the Hub."""
    folder.mkdir(exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / name).write_text(lines, encoding="utf-8")
    return str(folder)


def silent(sentence):
    """Says nothing."""


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("streaming", [False, True])
def test_each_schema(tmp_path, schema, streaming):
    folder = made(tmp_path / "set", [SCHEMAS[schema]])
    (row,) = corpus.load(folder, streaming=streaming, tell=silent)
    assert list(corpus.texts([row]))[-1].endswith("路。")
    assert [m["role"] for m in row["messages"]] in ([], ["user", "assistant"])


def test_a_stream_is_read_no_further_than_the_limit(tmp_path, monkeypatch):
    import datasets

    taken = []

    def stream(path, **options):
        for i in range(10**9):
            taken.append(i)
            yield {"text": f"第{i}天。"}

    monkeypatch.setattr(datasets, "load_dataset", stream)
    (tmp_path / "set").mkdir()
    assert len(corpus.load(str(tmp_path / "set"), limit=40, tell=silent)) == 10
    assert len(taken) == 11


def test_a_part_and_a_file(tmp_path):
    folder = made(tmp_path / "set", [{"text": f"第{i}天。"} for i in range(10)])
    made(tmp_path / "set", [{"text": "另一份。"}], "other.jsonl")
    assert len(corpus.load(folder, data_files="train.jsonl", split="train[:30%]", tell=silent)) == 3
    (row,) = corpus.load(folder, data_files="other.jsonl", tell=silent)
    assert row["text"] == "另一份。"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data_files": "nothing.jsonl"}, "name files that it has with data_files="),
        ({"split": "test"}, "Unknown split"),
        ({"split": None}, r"it has the splits train; choose one with split="),
        ({"name": "poems"}, "'poems' not found"),
        ({"split": "train[:1%]", "streaming": True}, "Bad split"),
        ({"colour": "red"}, "have a 'colour' key"),
    ],
)
def test_options_that_do_not_fit(tmp_path, options, words):
    folder = made(tmp_path / "set", [{"text": "天亮了。"}])
    with pytest.raises(LabError, match=words) as caught:
        corpus.load(folder, tell=silent, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"weather": "sunny"}\n', "columns weather; expected text, messages"),
        ('{"text": 3}\n', "row 1: text holds a number"),
        ('{"text": "一"}\n{"text": \n', "could not be loaded"),
        ('{"text": "一"}\n{"text": [1]}\n', "could not be loaded|holds a list"),
        ('{"text": null}\n', "holds no text"),
    ],
)
def test_data_that_is_no_text(tmp_path, streaming, content, words):
    folder = made(tmp_path / "set", [])
    (tmp_path / "set" / "train.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(LabError, match=words) as caught:
        corpus.load(folder, streaming=streaming, tell=silent)
    assert "\n" not in str(caught.value)


def test_an_empty_folder(tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(LabError, match="could not be loaded: .*data_files="):
        corpus.load(str(tmp_path / "set"), tell=silent)


@pytest.mark.parametrize("name", ["nobody/nothing", "a/b/c", "no body/nothing", "/", "../x/y"])
def test_offline_it_is_one_sentence(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match="could not be loaded") as caught:
        corpus.load(name, tell=silent)
    assert "\n" not in str(caught.value)


def outside(endpoint, name="nobody/nothing"):
    """What `load` says of a data set in a process that is not offline."""
    program = (
        "from mof_lab import corpus, LabError\n"
        f"try: corpus.load({name!r})\n"
        "except LabError as error: print(error)"
    )
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0"}
    environment.update({"HF_DATASETS_OFFLINE": "0", "NO_PROXY": "127.0.0.1"})
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    return done.stdout


class Mirror(http.server.BaseHTTPRequestHandler):
    """A mirror of the Hub with the card of one data set and without its files."""

    asked = []

    def answer(self):
        self.asked.append(self.path)
        known = self.path.split("?")[0] == "/api/datasets/some/body"
        card = {"id": "some/body", "cardData": {"license": "mit", "size_categories": ["n<1K"]}}
        body = json.dumps(card if known else {"error": "no"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_GET = do_HEAD = answer  # noqa: N815

    def log_message(self, *arguments):
        """Says nothing."""


def test_the_mirror_that_hf_endpoint_names_is_asked():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        said = outside(f"http://127.0.0.1:{server.server_port}", "some/body")
    finally:
        server.shutdown()
        server.server_close()
    assert any(path.startswith("/api/datasets/some/body") for path in Mirror.asked)
    assert "licence 许可 mit" in said.splitlines()[0]
    assert "could not be loaded" in said.splitlines()[-1]


def test_a_hub_that_does_not_answer_is_said_at_once():
    started = time.monotonic()
    assert "can't be reached" in outside("http://127.0.0.1:9")
    assert time.monotonic() - started < 20


def test_a_folder_has_no_card(tmp_path):
    assert "your own" in hub.about(str(tmp_path))

"""The widgets that take a text in and give the work out, without a browser."""

import re
import threading
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("anywidget", reason="widgets need the lab's packages: pip install -e .[lab]")

from mof_lab import archive, jobs, notebook, own_text, text_appraisal
from mof_lab.errors import LabError
from mof_lab.widgets import Download, Upload, base
from mof_lab.widgets import download as download_module
from mof_lab.widgets import upload as upload_module
from mof_lab.widgets.texts_upload import DOWNLOAD, UPLOAD

TEXT = "\n\n".join(f"第{i}天，米米在白桥边等阿旺，等了{i % 7}个小时。" for i in range(120))
SOON = 60


@pytest.fixture(autouse=True)
def quickly(monkeypatch, tmp_path):
    """Runs in a folder of their own, no measurement, a runner of its own that blocks."""
    monkeypatch.setenv("MOF_LAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(own_text, "speed_of", lambda run, stage: 5000.0)
    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=True))


@pytest.fixture
def live(monkeypatch):
    """As where somebody clicks: a job's start returns at once."""
    monkeypatch.setattr(jobs, "_RUNNER", jobs.JobRunner(blocking=False))


def watched(widget):
    """What goes to the browser: (content, buffers) pairs, but for "heard"."""
    sent = []

    def send(content, buffers=None):
        if content["kind"] != "heard":
            sent.append((content, buffers or []))

    widget.send = send
    return sent


def receive(widget, kind, *buffers, **content):
    widget._receive(widget, {"kind": kind, **content}, [memoryview(b) for b in buffers])


def give(upload, sent, name, data, number=1):
    """As the browser sends a file: a piece whenever one is asked for."""
    receive(upload, "begin", name=name, size=len(data), number=number)
    asked = 0
    while len(sent) > asked:
        asked = len(sent)
        at = sent[-1][0]["at"]
        receive(upload, "piece", data[at : at + upload.piece], number=number)


@pytest.fixture
def upload(monkeypatch):
    monkeypatch.setattr(upload_module, "PIECE", 700)
    made = Upload(minutes=2)
    made.piece = 700
    return made


# ---- taking a text in ---------------------------------------------------------------------------


def test_a_file_comes_in_pieces_and_is_what_was_sent(upload):
    data, sent = TEXT.encode(), watched(upload)
    give(upload, sent, "我的 日记.txt", data)
    assert [content["at"] for content, _ in sent] == list(range(0, len(data), 700))
    assert (upload.error, upload.status["key"], upload.name) == ({}, "ready", "我的 日记.txt")
    own = upload.result()
    whole = "".join(row["text"] for row in (*own.text.train, *own.text.held_out))
    assert sorted(whole) == sorted(TEXT.replace("\n", ""))
    assert dict(map(tuple, upload.facts)).keys() == text_appraisal.FACTS.keys()
    assert {key for key, _ in upload.warnings} <= text_appraisal.SAID.keys() and upload.warnings
    assert upload.bits == base.pair(own.appraisal.picture())
    assert upload.picture().svg == own.appraisal.picture().svg


def test_without_a_file_the_example_is_taken(upload):
    assert upload.picture() is None and upload.status["key"] == "nothing"
    own = upload.result()
    assert own.name == "example.txt" and upload.result() is own
    assert own.appraisal.minutes == 2


def test_by_path_and_the_example_by_its_button(upload, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text(TEXT, encoding="utf-8")
    receive(upload, "read", path=f"  {path} ")
    assert upload.name == "mine.txt"
    receive(upload, "example")
    assert upload.name == "example.txt" and upload.result().name == "example.txt"


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("photo.png", 10, "photo.png: expected one of .txt"),
        ("mine", 10, "expected one of"),
        ("../../evil.sh", 10, "evil.sh: expected one of"),
        ("mine.txt", 0, "expected some text"),
        ("mine.txt", -5, "expected some text"),
        ("mine.txt", own_text.MOST_BYTES + 1, "of up to 30 MB"),
    ],
)
def test_a_file_is_refused_before_it_is_sent(upload, name, size, said):
    sent = watched(upload)
    receive(upload, "begin", name=name, size=size, number=1)
    assert said in upload.error["sentence"] and not upload.error["traceback"] and not sent
    with pytest.raises(LabError, match=re.escape(said)):  # and no example in its place
        upload.result()


@pytest.mark.parametrize("name", ["/etc/x.txt", "..\\..\\x.txt", "a\0b.txt", "x" * 500 + ".txt"])
def test_a_name_leads_nowhere(upload, name):
    receive(upload, "begin", name=name, size=10, number=1)
    path = upload._coming["path"]
    assert path.parent == Path(upload._coming["folder"].name)
    assert path.suffix == ".txt" and len(path.name) <= 80


def test_a_bad_file_ends_in_a_sentence_and_the_next_one_is_taken(upload):
    sent = watched(upload)
    give(upload, sent, "mine.csv", b"a,a\n1,2\n")
    assert "mine.csv has two columns of one name" in upload.error["sentence"]
    assert (upload.own, upload.name, upload.facts) == (None, "", [])
    give(upload, sent, "mine.txt", TEXT.encode(), number=2)
    assert upload.error == {} and upload.result().name == "mine.txt"


def test_pieces_that_do_not_fit_are_refused(upload):
    for piece in (b"", b"x" * 701, b"x" * 11):
        receive(upload, "begin", name="mine.txt", size=10, number=1)
        receive(upload, "piece", piece, number=1)
        assert "changed while it was sent" in upload.error["sentence"]
        assert upload._coming is None
    upload.error = {}
    receive(upload, "piece", b"x", number=1)  # of nothing: no error of its own
    receive(upload, "piece", number=1)
    assert upload.error == {}


def test_a_second_choice_replaces_the_first(upload):
    sent, data = watched(upload), TEXT.encode()
    receive(upload, "begin", name="first.txt", size=len(data), number=1)
    receive(upload, "piece", data[:700], number=1)
    folder = Path(upload._coming["folder"].name)
    give(upload, sent, "second.txt", data, number=2)
    receive(upload, "piece", data[700:1400], number=1)  # late
    assert upload.result().name == "second.txt" and not folder.exists()


def test_nothing_is_left_of_the_file_that_was_sent(upload):
    folders = []
    prepare = own_text.prepare

    def noted(source, *rest, **options):
        folders.append(Path(source).parent)
        return prepare(source, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_text, "prepare", noted)
        give(upload, watched(upload), "mine.txt", TEXT.encode())
        give(upload, watched(upload), "mine.csv", b"a,a\n", number=2)
    assert len(folders) == 2 and not any(folder.exists() for folder in folders)


def test_a_cell_waits_for_nothing_but_says_so(live, tmp_path, monkeypatch):
    go, prepare = threading.Event(), own_text.prepare

    def slowly(*args, **options):
        assert go.wait(SOON)
        return prepare(*args, **options)

    monkeypatch.setattr(own_text, "prepare", slowly)
    path = tmp_path / "mine.txt"
    path.write_text(TEXT, encoding="utf-8")
    upload = Upload(minutes=1, source=path)
    with pytest.raises(LabError, match="still being read"):
        upload.result()
    receive(upload, "begin", name="other.txt", size=5, number=1)
    go.set()
    assert upload._job.wait(SOON)
    with pytest.raises(LabError, match="other.txt was not read"):
        upload.result()
    receive(upload, "read", path=str(path))
    assert upload._job.wait(SOON) and upload.result().name == "mine.txt"


def test_a_file_that_is_still_coming_is_waited_for(upload):
    """Else a cell would go on with the example, or with the text before."""
    sent, data = watched(upload), TEXT.encode()
    receive(upload, "begin", name="mine.txt", size=len(data), number=1)
    receive(upload, "piece", data[:700], number=1)
    with pytest.raises(LabError, match="still being read"):
        upload.result()
    while sent[-1][0]["at"] + 700 < len(data):
        receive(upload, "piece", data[sent[-1][0]["at"] :][:700], number=1)
    receive(upload, "piece", data[sent[-1][0]["at"] :], number=1)
    assert upload.result().name == "mine.txt"


def test_a_page_that_is_gone_is_not_waited_for(upload, monkeypatch):
    now, data = [100.0], TEXT.encode()
    monkeypatch.setattr(upload_module.time, "monotonic", lambda: now[0])
    receive(upload, "begin", name="mine.txt", size=len(data), number=1)
    now[0] += upload_module.SILENCE - 1
    receive(upload, "piece", data[:700], number=1)
    now[0] += upload_module.SILENCE - 1
    with pytest.raises(jobs.NotReadyError, match="still being read"):
        upload.result()
    now[0] += 2
    for _ in range(2):  # and no example in its place
        with pytest.raises(jobs.NotReadyError, match="mine.txt did not arrive"):
            upload.result()
    assert "did not arrive" in upload.error["sentence"] and upload._coming is None
    give(upload, watched(upload), "mine.txt", data, number=2)
    assert upload.result().name == "mine.txt"


def test_an_error_of_something_else_hides_no_text(upload):
    give(upload, watched(upload), "mine.txt", TEXT.encode())
    receive(upload, "language", code="fr")
    assert upload.error and upload.result().name == "mine.txt"
    receive(upload, "begin", name="photo.png", size=10, number=2)
    receive(upload, "export", format="svg")  # nothing new was chosen
    with pytest.raises(LabError, match="photo.png: expected one of"):
        upload.result()


@pytest.fixture
def training(live):
    """Another job is running; the function ends it."""
    go = threading.Event()
    job = jobs.start("a training", lambda job: go.wait(SOON))

    def end():
        go.set()
        assert job.wait(SOON)

    yield end
    end()


@pytest.mark.parametrize("how", ["sent", "sent before", "by path", "at once", "example"])
def test_what_is_refused_is_not_replaced_by_another_text(training, tmp_path, how):
    path = tmp_path / "mine.txt"
    path.write_text(TEXT, encoding="utf-8")
    upload = Upload(minutes=1, source=path if how == "at once" else None)
    sent, data = watched(upload), b"abc"
    if how == "sent before":  # it came while nothing was running yet
        runner, jobs._RUNNER = jobs._RUNNER, jobs.JobRunner(blocking=False)
        receive(upload, "begin", name="mine.txt", size=3, number=1)
        folder, jobs._RUNNER = Path(upload._coming["folder"].name), runner
        receive(upload, "piece", data, number=1)
        assert not folder.exists()
    elif how == "sent":
        give(upload, sent, "mine.txt", data)
        assert not sent  # it is refused before it is sent
    elif how == "by path":
        receive(upload, "read", path=str(path))
    elif how == "example":
        receive(upload, "example")
    said = "was not read, because “a training” was running"
    assert said in upload.error["sentence"]
    training()
    with pytest.raises(LabError, match=said):
        upload.result()
    receive(upload, "read", path=str(path))  # and the way out is what the sentence says
    assert upload._job.wait(SOON) and upload.result().name == "mine.txt"


def test_an_example_that_nobody_chose_is_taken_once_there_is_time(training):
    upload = Upload(minutes=1)
    with pytest.raises(LabError, match="example could not be read"):
        upload.result()
    training()
    assert upload.result().name == "example.txt"


def test_what_is_told_of_a_text_is_shown_and_opt_in_is_handed_on(upload, monkeypatch):
    give(upload, watched(upload), "mine.txt", TEXT.encode())
    assert re.fullmatch(r"mine\.txt: 120 documents .*", upload.told[-1])  # no path of the kernel's
    given = []
    monkeypatch.setattr(own_text, "prepare", lambda *a, **options: given.append(options))
    Upload(minutes=1, source="project", opt_in=True)
    assert given == [{"opt_in": True}]


def test_the_picture_speaks_the_language_that_is_chosen(upload):
    receive(upload, "hello", language="en")
    receive(upload, "language", code="zh")
    assert upload.bits == [] and upload.error == {}  # nothing is there
    give(upload, watched(upload), "mine.txt", TEXT.encode())
    assert all(re.search("篇|字节", one) and "bytes" not in one for one in upload.told)
    assert "瞎猜" in upload.bits[1] and "guessing" not in upload.bits[1]
    receive(upload, "language", code="en")
    assert "guessing" in upload.bits[1] and "瞎猜" not in upload.bits[1]


# ---- giving the work out ------------------------------------------------------------------------


@pytest.fixture
def folder(checkpoint_folder, tmp_path):
    """The toy checkpoint, in a run's folder of its own."""
    place = tmp_path / "run" / "gru"
    place.mkdir(parents=True)
    for path in checkpoint_folder.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    return place


def test_a_click_gives_the_zip_as_it_is_then(folder):
    said = ["一"]
    panel = Download(folder, "我的 日记.txt", transcript=lambda: said[0])
    sent = watched(panel)
    for text in ("一", "二"):
        said[0] = text
        receive(panel, "download", view="one")
        (content, [data]) = sent[-1]
        assert content == {"kind": "zip", "name": "mof-lab-我的-日记.zip", "to": "one"}
        assert data == panel.path.read_bytes()
        with zipfile.ZipFile(panel.path) as made:
            assert made.read("transcript.txt").decode("utf-8") == text
    assert panel.status["key"] == "given" and panel.path.parent == folder.parent


def test_what_is_too_large_for_a_message_is_where_the_sentence_says(folder, monkeypatch):
    monkeypatch.setattr(download_module, "MOST_SENT", 10)
    panel = Download(folder, "t")
    sent = watched(panel)
    receive(panel, "download")
    assert sent == [] and panel.status["key"] == "large"
    assert panel.status["values"]["folder"] == "run" and panel.path.exists()


def test_damage_is_said_in_a_sentence(folder):
    panel = Download(folder, "t")
    next(folder.glob("*.safetensors")).write_bytes(b"x")
    receive(panel, "download")
    assert "is damaged" in panel.error["sentence"] and not panel.error["traceback"]


@pytest.mark.parametrize("title", ["", "..", "../../x", "a/b\\c", "一" * 500, "\0"])
def test_a_title_makes_a_name_and_no_path(folder, title):
    path = Download(folder, title).path
    assert path.parent == folder.parent and len(path.name) < 80 and path.suffix == ".zip"


def test_without_anybody_the_zip_is_there_too(folder, capsys, model):
    path = notebook.download(folder, "mine", expert="gru", settings={"MINUTES": 3})
    assert f"{path.name}: " in capsys.readouterr().out
    work = notebook.restore(path)
    assert isinstance(work, archive.Work) and work.settings == {"MINUTES": 3}
    with pytest.raises(LabError, match="There is no checkpoint"):
        notebook.download(folder / "nothing", "mine")


# ---- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("widget", "words"), [(Upload, UPLOAD), (Download, DOWNLOAD)])
def test_every_text_is_there_twice_and_all_that_is_asked_for(widget, words):
    gap = re.compile(r"\{(\w+)\}")
    for key, (english, chinese) in words.items():
        assert english and chinese
        assert sorted(gap.findall(english)) == sorted(gap.findall(chinese)), key
    call = r'ui\.t\(\s*"(\w+)"|label\((?:[^()]|\([^()]*\))*?,\s*"(\w+)"|act\("(\w+)"'
    asked = {next(filter(None, found)) for found in re.findall(call, str(widget._esm))}
    assert {"title", "export"} <= asked <= set(widget.words["en"])

"""The benchmarks' machinery, on toy workers of a few lines; nothing is installed or measured."""

import importlib.util
import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

import lab
from benchmarks import __main__ as program
from benchmarks import decode, first_answer, memory, peers, quality, results, timing, train
from benchmarks.worker import Worker, WorkerError, warm_up
from benchmarks.workers import answering
from mof_lab import experts
from mof_lab.chat import ChatSession
from mof_lab.errors import LabError

ROOT = Path(__file__).resolve().parent.parent

#: The figures that were promised, by suite.
PROMISED = {
    "train": {
        "t6_train_vs_published",
        "t6_train_of_matmul_rate",
        "t6_train_vs_pytorch_transformer",
        "gru_vs_keras_small",
        "gru_vs_keras_large",
        "gru_vs_pytorch_small",
    },
    "decode": {
        "t6_answer_fp32_vs_published",
        "t6_answer_int8_vs_published",
        "answer_cost_2000_over_20",
        "start_to_first_character_s",
    },
    "context": {"train_cost_2048_over_128"},
    "memory": {"t6_train_peak_gb", "small_train_peak_gb", "chat_peak_gb"},
}

TOY = """
import os, sys
from benchmarks.worker import serve

def fail():
    raise ValueError("no\\nluck")

def die():
    print("the last words", file=sys.stderr)
    sys.stderr.flush()
    os._exit(3)

def add(a, b):
    print("libraries print what they like")
    os.system("echo and their children too")
    return {"sum": a + b, "text": "墨"}

serve({"add": add, "fail": fail, "die": die})
"""


@pytest.fixture
def toy():
    with Worker("toy", [sys.executable, "-c", TOY]) as worker:
        yield worker


# ---- workers ------------------------------------------------------------------------------------


def test_a_worker_answers_whatever_is_printed(toy):
    assert toy.ask("add", a=1, b=2) == {"sum": 3, "text": "墨"}
    assert toy.ask("add", a=3, b=4) == {"sum": 7, "text": "墨"}
    assert toy.peak_memory > 2**20 or not sys.platform.startswith("linux")


def test_a_failed_request_is_one_sentence_and_the_worker_goes_on(toy):
    with pytest.raises(WorkerError, match="^toy failed during 'fail': ValueError: no luck$"):
        toy.ask("fail")
    assert toy.ask("add", a=1, b=1)["sum"] == 2


def test_a_worker_that_ends_says_how(toy):
    for _ in range(2):  # the second request finds no one
        with pytest.raises(WorkerError, match="exit code 3: the last words"):
            toy.ask("die")


@pytest.mark.parametrize(
    ("seconds", "calls"),
    [
        ((9, 1, 1.2, 1), 3),  # the first compiles
        ((9, 8, 1, 1), 2),  # two that agree
        ((9, 1, 9, 1, 1.1, 1), 5),  # one compiles late
        ((9, 1, 9, 1, 9, 1, 9, 1), 6),  # nothing is steady here: it is measured all the same
    ],
)
def test_a_step_is_measured_once_two_in_a_row_agree(seconds, calls, monkeypatch):
    clock, made = [0.0], []
    monkeypatch.setattr("benchmarks.worker.time.perf_counter", lambda: clock[0])

    def step():
        made.append(10 * len(made) + 10)  # other numbers of tokens: it is the pace that agrees
        clock[0] += seconds[len(made) - 1] * made[-1]
        return made[-1]

    warm_up(step)
    assert len(made) == calls


def test_a_worker_ends_with_its_input():
    with Worker("toy", [sys.executable, "-c", TOY]) as worker:
        worker.ask("add", a=1, b=1)
    assert worker._process.returncode == 0


def test_a_program_that_does_not_start_is_one_sentence():
    with (
        pytest.raises(WorkerError, match="No module named"),
        Worker("toy", [sys.executable, "-m", "benchmarks.workers.nothing"]) as worker,
    ):
        worker.ask("add", a=1, b=1)


# ---- rounds -------------------------------------------------------------------------------------


class Recorded:
    """A worker that is no process."""

    def __init__(self, name, order, fails_at=None):
        self.name, self.order, self.left = name, order, fails_at

    def ask(self, do):
        self.order.append(self.name)
        if self.left == 0:
            raise WorkerError(f"{self.name} is tired")
        self.left = None if self.left is None else self.left - 1
        return {"tokens": 10, "seconds": 2}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.order.append(f"{self.name} closed")


def test_rounds_alternate_and_a_failing_program_is_left_out():
    order, notes = [], []
    with timing.Field(lambda words: None, notes) as field:
        field.add("a", lambda: Recorded("a", order), "start")
        field.add("b", lambda: Recorded("b", order, fails_at=2), "start")
        assert field.add("c", lambda: Recorded("c", order, fails_at=0), "start") is None
        order.clear()
        measures = {name: timing.speed("run") for name in ("a", "a: again", "b", "c")}
        found = field.interleave(measures, 3)
    assert order[:7] == ["a", "a", "b", "b", "a", "a", "a"]
    assert {name: len(values) for name, values in found.items()} == {"a": 3, "a: again": 3}
    assert timing.medians(found)["a"] == 5
    assert notes == ["c is left out: c is tired.", "b is left out: b is tired."]
    assert order[-3:] == ["c closed", "b closed", "a closed"]


def test_a_ratio_needs_both():
    assert timing.ratio(6, 3) == 2
    assert timing.ratio(None, 3) is timing.ratio(6, None) is None


def test_positions_are_compared_in_one_model(checkpoint_folder, monkeypatch):
    """Else the cost of a late character would be that of other weights and other threads."""
    opened, loaded = [], ChatSession.from_checkpoint
    monkeypatch.setattr(
        ChatSession, "from_checkpoint", lambda folder: opened.append(folder) or loaded(folder)
    )
    one = answering.Answering()
    one.start(str(checkpoint_folder))
    for _ in range(2):
        assert one.write(50, 3)["tokens"] == 3
    early, late = (one.sessions[position].decoder for position in (20, 50))
    assert len(opened) == 1
    assert early.model is late.model
    assert early.state is not late.state


# ---- a first answer -----------------------------------------------------------------------------

PICTURE = 'from IPython.display import SVG, display\ndisplay(SVG("<svg></svg>"))'


def a_notebook(folder, *cells):
    path = folder / "first.ipynb"
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells]), path)
    return path


def test_the_first_answer_is_the_first_picture(tmp_path, monkeypatch):
    """A stream is none; what comes after the picture is not waited for."""
    cells = ("print('▶')", "import os\nassert os.environ['A'] == '1'", PICTURE, "1 / 0")
    monkeypatch.setattr(first_answer, "NOTEBOOK", a_notebook(tmp_path, *cells))
    assert first_answer.seconds_to_first_answer({"A": "1"}) > 0


@pytest.mark.parametrize(
    ("cell", "silence", "words"),
    [
        ("1 / 0", 60, "first.ipynb failed: ZeroDivisionError: division by zero"),
        ("print('▶')", 60, "first.ipynb said nothing for 1 seconds before a first answer"),
        ("import time\ntime.sleep(60)", 0.5, "first.ipynb said nothing for 0.5 seconds"),
    ],
)
def test_a_notebook_that_answers_nothing_is_one_sentence(
    cell, silence, words, tmp_path, monkeypatch
):
    monkeypatch.setattr(first_answer, "NOTEBOOK", a_notebook(tmp_path, cell))
    monkeypatch.setattr(first_answer, "SILENCE", silence)
    monkeypatch.setattr(first_answer, "AFTERWARDS", 1)
    with pytest.raises(WorkerError, match=words):
        first_answer.seconds_to_first_answer()


def test_the_first_notebook_shows_its_chat_before_any_other_picture():
    """What `first_answer` waits for, as it was committed."""
    cells = [c for c in nbformat.read(first_answer.NOTEBOOK, 4).cells if c.cell_type == "code"]
    shown = [
        (o.output_type, c.source)
        for c in cells
        for o in c.outputs
        if first_answer.ANSWER in o.get("data", {})
    ]
    assert shown[0][0] == "display_data"
    assert "chat.say(" in shown[0][1]


# ---- results ------------------------------------------------------------------------------------


def a_result(suite, preset="t6"):
    return results.Result(suite, preset, "t6", ("what", "tokens/s"), [("a", "1")])


@pytest.mark.parametrize("suite", PROMISED)
def test_a_result_file_has_exactly_the_promised_figures(suite, tmp_path):
    result = a_result(suite)
    path = result.save({"cpu": "a"}, 12.3, tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == f"{suite}.json"
    assert set(content["figures"]) == PROMISED[suite]
    assert set(content["figures"].values()) == {None}
    assert {"machine", "measured", "notes", "seconds", "date"} <= set(content)


def test_figures_are_judged_at_the_preset_that_the_bars_are_for(tmp_path):
    for preset, name, verdicts in (("t6", "train", 1), ("tiny", "train-tiny", 0)):
        result = a_result("train", preset)
        result.set("{preset}_train_vs_published", 1.31)
        result.set("gru_vs_keras_small", 2.2)
        shown = str(result)
        assert (shown.count("reached"), shown.count("missed")) == (verdicts, verdicts)
        path = result.save({}, 1, tmp_path)
        assert path.name == f"{name}.json"
        figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
        assert figures[f"{preset}_train_vs_published"] == 1.31


@pytest.mark.parametrize(
    ("relation", "holds"),
    [("≥", (False, True, True)), ("≤", (True, True, False)), ("<", (True, False, False))],
)
def test_bars(relation, holds):
    bar = results.Bar("about", "指标", relation, 2.0)
    assert tuple(bar.holds(x) for x in (1.9, 2.0, 2.1)) == holds


def test_a_table_has_a_row_a_figure_and_the_notes():
    result = a_result("decode")
    result.notes.append("int8 is left out: it is missing here.")
    lines = str(result).splitlines()
    assert lines[2].split() == ["a", "1"]
    assert sum(line.endswith("not measured") for line in lines) == len(PROMISED["decode"])
    assert lines[-1] == result.notes[0]


def results_page():
    """`tools/results_page.py` as a module."""
    place = ROOT / "tools" / "results_page.py"
    spec = importlib.util.spec_from_file_location("results_page", place)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_what_bounds_a_figure_is_shown_beside_it(tmp_path):
    result = a_result("train")
    result.set("gru_vs_keras_small", 2.0)
    result.bound("gru_vs_keras_small", 2.5)
    result.bound("{preset}_train_vs_published", None)  # not measured
    [line] = [
        line for line in str(result).splitlines() if "over Keras's" in line and "512→" not in line
    ]
    assert "2.5 ×" in line
    path = result.save({"cpu": "a", "cores": 2}, 1, tmp_path)
    assert json.loads(path.read_text(encoding="utf-8"))["bounds"] == {"gru_vs_keras_small": 2.5}
    assert "2 × (bound 2.5 ×: 80% of it)" in results_page().page(0, tmp_path)
    assert "（上限 2.5 ×，达到其 80%）" in results_page().page(1, tmp_path)


def test_the_products_of_a_layer_are_all_that_it_multiplies():
    """Two operations a weight and character forward, four backward."""
    kernels = pytest.importorskip("benchmarks.workers.kernels")
    products = kernels.Products()
    products.start_layer(batch=2, time=5, inputs=3, units=4)
    made = {(4, 10, 12): 1, (3, 10, 12): 1, (2, 4, 12): 5, (2, 12, 4): 5}
    assert dict(products.products) == made | {(10, 3, 12): 1, (10, 12, 3): 1}
    operations = sum(2 * a * b * c * times for (a, b, c), times in products.products.items())
    assert operations == 18 * 4 * (3 + 4) * 2 * 5
    assert products.run()["tokens"] == 10


class Toy:
    """A worker that answers every question of the suite `train`, ours at twice the others' pace."""

    peak_memory = 1

    def __init__(self, name):
        self.name = name

    def ask(self, do, **arguments):
        if do == "matmul":
            return {"flops": 1e12}
        seconds = {"ours": 1, "products": 0.8}.get(self.name, 2)
        made = {"parameters": 5, "in_products": 4, "runtime": "keras", "bytes": 1e9}
        return {"tokens": 10, "seconds": seconds, **made}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_training_is_measured_with_xla_and_without_and_bounded_by_products(monkeypatch):
    monkeypatch.setattr(train, "ours", lambda module, name="ours": Toy(name))
    monkeypatch.setattr(train, "peer", lambda name, module, tell: Toy(name))
    _, options = program.chosen("train", "tiny", rounds=1)
    result = train.run(options, lambda words: None)
    assert set(result.figures) == set(result.bars) == set(result.bounds)
    assert result.figures["tiny_train_vs_published"] == result.figures["gru_vs_keras_small"] == 2
    assert result.bounds["tiny_train_vs_published"] == result.bounds["gru_vs_keras_small"] == 2.5
    of_rate = "tiny_train_of_matmul_rate"
    assert result.bounds[of_rate] == pytest.approx(result.figures[of_rate] / 0.8)
    plain = [row for row in result.rows if row[1] == "ours, without XLA"]
    assert [row[-1] for row in plain] == ["2.00 ×"]
    alone = [row for row in result.rows if "products alone" in row[0] + row[1]]
    assert len(alone) == 2 + 2  # of two shapes of the model and of two layers


def test_the_peak_of_training_is_bounded_by_what_it_has_to_hold(monkeypatch):
    """The real workers of ours; the peers and the chat are toys."""
    real = memory.ours
    monkeypatch.setattr(
        memory, "ours", lambda module, *a: real(module, *a) if module == "training" else Toy("ours")
    )
    monkeypatch.setattr(memory, "checkpoint_folder", lambda *_: "")
    monkeypatch.setattr(memory, "peer", lambda name, module, tell: Toy(name))
    monkeypatch.setattr(memory, "SAVING", {"ours": {"xla": False}})
    monkeypatch.setattr(memory, "SMALL", "tiny")
    monkeypatch.setattr(memory, "SECONDS", 0.1)
    _, options = program.chosen("memory", "tiny")
    result = memory.run(options, lambda words: None)
    least, peak = (x["tiny_train_peak_gb"] for x in (result.bounds, result.figures))
    assert 0.2 < least < peak


class Pupil(Toy):
    """A worker of the suite `quality` that knows more after each slice."""

    def ask(self, do, **arguments):
        if do == "prepare":
            return {"vocabulary_size": 9, "batch": 8, "window": 16, "shares": []}
        if do == "run":
            self.learnt = getattr(self, "learnt", 0) + 1
            return {"tokens": 10, "seconds": arguments["seconds"]}
        return {"bits": 8 / self.learnt} if do == "bits" else {"parameters": 5_000_000}


def test_quality_asks_every_model_after_each_slice(monkeypatch):
    """Ours, each expert and each peer; the published form with how it has to be trained."""
    monkeypatch.setattr(quality, "ours", lambda module, name="ours": Pupil(name))
    monkeypatch.setattr(quality, "peer", lambda name, module, tell: Pupil(name))
    _, options = program.chosen("quality", rounds=3, minutes=0.5)
    result = quality.run(options, lambda words: None)
    models = ["mixture", "gru", "transformer", "pytorch", "keras", "published-form"]
    assert [row[0] for row in result.rows] == models
    for points in result.measured["curves"].values():
        assert [point[0] for point in points] == [10, 20, 30]
        assert [point[2] for point in points] == [8, 4, 8 / 3]
    assert "one target" in " ".join(result.notes)
    _, few = program.chosen("quality", against=["keras"], rounds=1)
    assert [row[0] for row in quality.run(few, lambda words: None).rows] == ["mixture", "keras"]


@pytest.mark.slow
def test_the_published_form_learns_beside_ours(tmp_path):
    """The real workers of `quality`, for seconds: of about ours's size, and surprised less."""
    _, options = program.chosen("quality", against=["published-form"], rounds=2, minutes=0.2)
    result = quality.run(options, lambda words: None)
    ours, published = (float(row[1].split()[0]) for row in result.rows)
    assert published == pytest.approx(ours, rel=0.05)
    for points in result.measured["curves"].values():
        assert points[1][2] < points[0][2]


# ---- a third expert -----------------------------------------------------------------------------

NOTEBOOK = ROOT / "notebooks" / "10_your_own_expert.ipynb"
THREE = ("gru", "transformer", "convolution")


@pytest.fixture
def own_expert(monkeypatch, tmp_path):
    """The file that notebook 10 writes; what it registers is forgotten after the test."""
    cells = nbformat.read(NOTEBOOK, 4).cells
    [source] = [cell.source for cell in cells if cell.source.startswith("%%writefile")]
    path = tmp_path / "my_expert.py"
    path.write_text(source.partition("\n")[2], encoding="utf-8")
    monkeypatch.setenv(experts.FILES, "")
    monkeypatch.setattr(experts, "EXPERTS", dict(experts.EXPERTS))
    return path


@pytest.mark.parametrize("suite", program.SUITES)
def test_a_suite_takes_a_third_expert(own_expert, monkeypatch, tmp_path, suite):
    """Every worker of ours is told of it, and the usual result stays what it was."""
    asked = []

    class Told(Pupil if suite == "quality" else Toy):
        def ask(self, do, **arguments):
            asked.append((self.name, do, arguments))
            return super().ask(do, **arguments)

    module, options = program.chosen(
        suite, rounds=1, minutes=0.5, expert_file=own_expert, experts=THREE
    )
    for one in (module, decode):  # which makes checkpoints for others too
        monkeypatch.setattr(one, "ours", lambda module, name="ours": Told(name))
        monkeypatch.setattr(one, "peer", lambda name, module, tell: Told(name), raising=False)
    monkeypatch.setattr(decode, "_start", lambda *_: None)  # of the checkpoint that ships
    result = module.run(options, lambda words: None)
    of_ours = {name: arguments["experts"] for name, _, arguments in asked if "experts" in arguments}
    models = {
        "quality": {"ours", "mixture", *THREE, "published-form"},  # all open one run's folder
        "train": {"ours", "products", "ours, without XLA"},
        "decode": {"ours"},  # makes the checkpoint that the others open
        "context": {"128", "2048"},
        "memory": {"ours"},
    }
    assert set(of_ours) == models[suite]
    assert all(told == list(THREE) for told in of_ours.values())
    assert all("experts" in told for _, _, told in asked if "preset" in told)
    if suite == "quality":
        assert {row[0] for row in result.rows} >= {"mixture", *THREE}
    path = result.save({}, 1.0, tmp_path)
    assert path.name == f"{suite}-{module.PRESET}-gru-transformer-convolution.json"
    assert "reached" not in str(result) and "missed" not in str(result)


def test_other_experts_are_those_that_a_suite_takes(own_expert):
    """Of the file alone they come after the preset's; what can't be measured is one sentence."""
    assert program.chosen("train", "tiny", expert_file=own_expert)[1].experts == THREE
    usual = program.chosen("quality", experts=["gru", "transformer"])[1]
    assert (usual.experts, usual.label) == ((), "tiny")
    with pytest.raises(LabError, match="no expert 'convolutoin'"):
        program.chosen("train", experts=["gru", "convolutoin"])


@pytest.mark.slow
def test_a_third_expert_learns_beside_ours(own_expert):
    """The real workers, each a process of its own that finds the file, for seconds."""
    _, options = program.chosen(
        "quality", against=["none"], rounds=2, minutes=0.2, experts=THREE, expert_file=own_expert
    )
    result = quality.run(options, lambda words: None)
    assert [row[0] for row in result.rows] == ["mixture", "convolution"], result.notes
    for points in result.measured["curves"].values():
        assert points[1][2] < points[0][2]


# ---- the command line ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["poetry"], "no suite 'poetry'; choose one of train, decode"),
        (["train", "--preset", "huge"], "no preset 'huge'"),
        (["train", "--against", "horse"], "no comparison with 'horse'"),
    ],
)
def test_a_bad_request_is_one_sentence(arguments, words):
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_a_suite_is_asked_for_its_own_defaults_or_for_less():
    module, options = program.chosen("train")
    assert (options.preset, options.against) == ("t6", ("published", "pytorch", "keras", "no-xla"))
    assert options.rounds == module.ROUNDS
    assert program.chosen("train", "tiny", ["pytorch"], 2)[1].against == ("pytorch",)
    assert program.chosen("decode", against=["none"])[1].against == ()
    with pytest.raises(LabError):
        program.chosen("context", against=["pytorch"])


def test_lab_py_hands_a_suite_over(monkeypatch, tmp_path):
    handed = []
    monkeypatch.setattr(lab, "prepare_environment", lambda: tmp_path / "python")
    monkeypatch.setattr(lab, "hand_over", lambda *arguments: handed.append(arguments) or 0)
    assert lab.main(["bench", "train", "--preset", "tiny"]) == 0
    command = [str(tmp_path / "python"), "-m", "benchmarks", "train", "--preset", "tiny"]
    assert handed == [(command, ROOT)]


# ---- peers --------------------------------------------------------------------------------------


@pytest.fixture
def steps(monkeypatch, tmp_path):
    """The set-up commands of a peer's environment, recorded instead of run."""
    commands = []

    def pretend(words, command):
        commands.append(command)
        if "venv" in command:
            python = lab.environment_python(Path(command[-1]))
            python.parent.mkdir(parents=True)
            python.touch()

    monkeypatch.setattr(peers, "PROJECT", tmp_path)
    monkeypatch.setattr(peers, "FOLDER", tmp_path / "peers")
    monkeypatch.setattr(peers, "PEERS", {"horse": peers.Peer(("horse==1",), peers.THIS_PYTHON)})
    monkeypatch.setattr(lab, "run_step", pretend)
    return commands


def test_a_peer_is_installed_once_and_anew_when_it_changes(steps, monkeypatch):
    told = []
    python = peers.python_of("horse", told.append)
    assert python.exists()
    make, install = steps
    assert "venv" in make
    assert install[-1] == "horse==1"
    assert peers.python_of("horse", told.append) == python
    assert (len(steps), len(told)) == (2, 1)

    monkeypatch.setattr(peers, "PEERS", {"horse": peers.Peer(("horse==2",), peers.THIS_PYTHON)})
    peers.python_of("horse", told.append)
    assert steps[-1][-1] == "horse==2"
    assert len(steps) == 4


def test_a_peer_that_cannot_be_installed_is_one_sentence_and_tried_again(steps, monkeypatch):
    whole = lab.run_step

    def fail(words, command):
        whole(words, command)
        if "install" in command:
            raise SystemExit(1)

    monkeypatch.setattr(lab, "run_step", fail)
    with pytest.raises(WorkerError, match="environment of horse could not be made"):
        peers.python_of("horse", print)
    monkeypatch.setattr(lab, "run_step", whole)
    assert peers.python_of("horse", print).exists()
    assert len(steps) == 4


def test_a_stopped_installation_stops_the_suite(steps, monkeypatch):
    def stop(words, command):
        raise SystemExit(130)

    monkeypatch.setattr(lab, "run_step", stop)
    with pytest.raises(SystemExit):
        peers.python_of("horse", print)


def test_a_peer_that_needs_a_python_that_is_missing_says_so(steps, monkeypatch):
    monkeypatch.setattr(peers, "PEERS", {"horse": peers.Peer(("horse==1",), "2.9")})
    monkeypatch.setattr(peers.shutil, "which", lambda name: None)
    with pytest.raises(WorkerError, match=r"needs Python 2\.9"):
        peers.python_of("horse", print)


def test_a_result_names_the_versions_of_its_peers(monkeypatch, tmp_path):
    requirements = ("numpy==1.0; sys_platform != 'x'", "no-such-package==1")
    monkeypatch.setattr(peers, "PEERS", {"horse": peers.Peer(requirements, peers.THIS_PYTHON)})
    monkeypatch.setattr(lab, "environment_python", lambda folder: Path(sys.executable))
    found = peers.versions("horse")
    assert found == {"python": platform.python_version(), "numpy": version("numpy")}
    monkeypatch.setattr(lab, "environment_python", lambda folder: tmp_path / "none")
    assert peers.versions("horse") == {}


@pytest.mark.parametrize(("readme", "language"), [("README.md", 0), ("README.zh-CN.md", 1)])
def test_the_readmes_show_the_committed_figures(readme, language):
    tool = results_page()
    text = (ROOT / readme).read_text(encoding="utf-8")
    assert tool.with_page(text, language) == text, "run tools/results_page.py"

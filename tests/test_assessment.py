"""Measurements: figures that are known beforehand come out, by stubs and by a toy model."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from conftest import scrambled
from typer.testing import CliRunner

from mof_lab import assessment, cli, configuration, corpus, intervals, model_card, probes
from mof_lab.corpus import Corpus, Question, _dialogue, _document
from mof_lab.evaluation import bits_per_character, router_weights, tally, window_measures
from mof_lab.packing import ANSWER

# ---- intervals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [  # from the formula, by hand and by Newcombe 1998, table I
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_wilson_against_known_values(correct, total, low, high):
    assert intervals.wilson(correct, total) == pytest.approx([low, high], abs=5e-5)


def test_nothing_counted_tells_nothing():
    assert intervals.wilson(0, 0) == [0.0, 1.0]


def test_the_bootstrap_of_a_mean_is_as_wide_as_theory_says():
    values = np.random.default_rng(5).normal(3.0, 2.0, 400)
    rows = np.stack([values, np.ones(400)], axis=1)
    low, high = intervals.bootstrap([rows], intervals.ratio, seed=1)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert [low, high] == intervals.bootstrap([rows], intervals.ratio, seed=1)
    assert [low, high] != intervals.bootstrap([rows], intervals.ratio, seed=2)


def test_the_mixture_of_kinds_stays_as_it_is():
    """Kinds without variation have no interval, however different they are."""
    strata = [np.tile([8.0, 1.0], (5, 1)), np.tile([0.5, 1.0], (50, 1))]
    low, high = intervals.bootstrap(strata, intervals.ratio, seed=1)
    assert low == pytest.approx(high) == pytest.approx((40 + 25) / 55)


# ---- held-out text ------------------------------------------------------------------------------


@pytest.fixture
def held_out(rows, vocabulary):
    long = [_document("story", "long", text="米米在白桥等朋友，" * 12)]  # cut into several windows
    return assessment.HeldOut(rows + long, vocabulary, 32, 1)


def test_every_character_is_of_one_document(rows, vocabulary, held_out):
    for kind, windows in held_out.packs.items():
        ones = np.ones(windows.roles[:, 1:].shape)
        counts = held_out.sums(kind, ones)[:, 0]
        mine = [row for row in rows if row["kind"] == kind]
        expected = [
            len(row["text"]) + 1
            if row["text"]
            else sum(len(m["content"]) + 1 for m in row["messages"] if m["role"] == "assistant")
            for row in mine
        ]
        assert counts[: len(mine)].tolist() == expected
        assert counts.sum() == (windows.roles[:, 1:] == ANSWER).sum()
    assert held_out.sums("story", np.ones((len(held_out.packs["story"]), 32)))[-1, 0] == 109


def test_figures_are_those_of_the_report_inside_their_intervals(model, held_out):
    measures = {k: window_measures(model, w.tokens) for k, w in held_out.packs.items()}
    nats, weights, confidence, right = (
        {kind: found[i] for kind, found in measures.items()} for i in range(4)
    )
    found = assessment.bits(held_out, nats, seed=1)
    assert found["bits_per_character"] == bits_per_character(model, held_out.packs)
    for kind, value in found["bits_per_character"].items():
        low, high = found["bits_intervals"][kind]
        assert low < value < high
    routed = assessment.routing(held_out, weights, seed=1)
    assert routed["router_weights"] == router_weights(model, held_out.packs)
    for kind, values in routed["router_weights"].items():
        for value, (low, high) in zip(values, routed["router_intervals"][kind], strict=True):
            assert low - 1e-6 <= value <= high + 1e-6
    calibrated = assessment.calibration(held_out, confidence, right, seed=1)["calibration"]
    written = sum((w.roles[:, 1:] == ANSWER).sum() for w in held_out.packs.values())
    assert sum(b["characters"] for b in calibrated["bins"]) == written


def documents_of(confidence, right, size=50):
    """What `reliability` takes, from probabilities and hits."""
    columns = []
    for i in range(assessment.BINS):
        inside = assessment.bin_of(confidence) == i
        columns += [inside, inside * confidence, inside * right]
    return [np.stack(columns, axis=1).reshape(-1, size, 3 * assessment.BINS).sum(axis=1)]


def test_true_probabilities_are_calibrated():
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0, 1, 40_000)
    right = rng.uniform(0, 1, 40_000) < confidence
    found = assessment.reliability(documents_of(confidence, right), seed=1)
    assert found["error"] < 0.01
    for each in found["bins"]:
        assert each["from"] <= each["confidence"] < each["to"]
        assert each["accuracy"] == pytest.approx(each["confidence"], abs=0.03)
        assert each["interval"][0] < each["accuracy"] < each["interval"][1]


def test_the_error_of_false_probabilities_is_the_distance():
    confidence, right = np.full(1000, 0.85), np.arange(1000) % 2 == 0
    found = assessment.reliability(documents_of(confidence, right), seed=1)
    assert found["error"] == pytest.approx(0.35)
    filled = [b for b in found["bins"] if b["characters"]]
    assert [b["from"] for b in filled] == [0.8] and filled[0]["accuracy"] == 0.5
    assert found["bins"][0]["accuracy"] is None
    assert assessment.bin_of([0.0, 0.1, 0.999, 1.0]).tolist() == [0, 1, 9, 9]


# ---- questions ----------------------------------------------------------------------------------


def oracle(questions):
    return tally(questions, [q.answers[-1] for q in questions])[0]


def silent(questions):
    return tally(questions, ["" for _ in questions])[0]


QUESTIONS = [
    Question(kind, group, (f"{kind}{group}{i}？",), ("是。", "对。"))
    for kind in ("knowledge", "familiar", "reasoning")
    for group in ("places", "town")
    for i in range(4)
]


def test_an_oracle_is_right_and_silence_is_wrong():
    best, worst = (assessment.answers(ask, QUESTIONS) for ask in (oracle, silent))
    assert set(best) == set(worst) and len(best) == 9
    assert all(c["correct"] == c["total"] and c["interval"][1] == 1 for c in best.values())
    assert all(c["correct"] == 0 and c["interval"][0] == 0 for c in worst.values())
    assert best["familiar"]["total"] == 8 and best["familiar.town"]["total"] == 4


def test_memory_is_counted_by_amount_and_by_topic():
    questions = [
        Question(topic, amount, ("问？",), (f"{topic}{amount}",))
        for topic in ("name", "pet")
        for amount in ("10", "2")
        for _ in range(3)
    ]

    def forgetful(asked):
        return tally(asked, [q.answers[0] if q.group == "2" else "？" for q in asked])[0]

    found = assessment.memory(forgetful, questions)
    assert list(found["by_amount"]) == ["2", "10"]
    assert found["by_amount"]["2"] == assessment.with_interval({"correct": 6, "total": 6})
    assert found["by_amount"]["10"]["correct"] == 0
    assert found["by_topic"]["pet"] == assessment.with_interval({"correct": 3, "total": 6})
    perfect = assessment.memory(oracle, questions)
    assert all(c["correct"] == c["total"] for part in perfect.values() for c in part.values())


# ---- written text -------------------------------------------------------------------------------


def test_a_repeating_model_is_caught():
    parrot = assessment.variety([["好的好的好的", "好的好的好的"], ["好的好的好的"]])
    assert parrot["repetition"]["correct"] == parrot["answers"] == 3
    fresh = assessment.variety([["天地玄黄宇宙洪荒", "日月盈昃"], ["辰宿列张"]])
    assert fresh["repetition"]["correct"] == 0
    assert fresh["distinct_1"] == fresh["distinct_2"] == 1.0
    assert parrot["distinct_1"] == 2 / 18 and parrot["distinct_2"] == 2 / 15
    assert parrot["dialogues"] == 2 and parrot["characters"] == 18


def test_a_gram_has_to_come_again_in_the_same_answer():
    assert assessment.repeats("今天天气好，今天天气冷")
    assert not assessment.repeats("今天天好，今天天冷")
    assert not assessment.variety([["今天天气", "今天天气"]])["repetition"]["correct"]


TRAINING = ["".join(chr(0x4E00 + 100 * k + i) for i in range(60)) for k in range(3)]


def test_copied_text_is_all_memorised_and_new_text_is_not():
    copied = assessment.memorised([TRAINING[0][5:45], TRAINING[2]], TRAINING, 1)
    assert copied["share"] == 1.0 and copied["interval"] == [1.0, 1.0]
    new = assessment.memorised(["新" * 50, TRAINING[0][::-1]], TRAINING, 1)
    assert new["share"] == 0.0 and new["texts"]["correct"] == 0


def test_only_whole_stretches_of_one_document_count():
    stretch, short = TRAINING[0][10:30], TRAINING[1][:19]
    found = assessment.memorised(["甲" * 20 + stretch, short, short + "乙"], TRAINING, 1)
    assert found["share"] == pytest.approx(20 / (40 + 19 + 20))
    assert found["long_enough"] == pytest.approx(60 / 79)
    assert found["texts"] == assessment.with_interval({"correct": 1, "total": 3})
    across = TRAINING[0][-10:] + TRAINING[1][:10]
    assert assessment.memorised([across], TRAINING, 1)["share"] == 0.0
    assert assessment.memorised([], TRAINING, 1)["characters"] == 0


def test_conversations_come_from_held_out_dialogues_by_seed(rows):
    talks = [
        _dialogue("chat", str(i), (f"话{i}", "好。", f"再说{i}", "行。")) for i in range(5)
    ] + [
        _dialogue("chat", "one", ("单", "嗯。")),
        _dialogue("chat", "long", ("长" * 99, "a", "b", "c")),
    ]
    said = assessment.conversations(talks, 12, 50, seed=1)
    assert len(said) == 12 and {len(turns) for turns in said} == {2}
    assert len({tuple(turns) for turns in said[:5]}) == 5 and said[5] == said[0]
    assert said == assessment.conversations(talks, 12, 50, seed=1)
    assert said != assessment.conversations(talks, 12, 50, seed=2)
    assert assessment.conversations(talks[5:6], 12, 50, seed=1) == []
    first = assessment.first_questions(talks, 4, 50, seed=1)
    assert len(first) == 4 and set(first) <= {"单", *(f"话{i}" for i in range(5))}


# ---- a whole checkpoint -------------------------------------------------------------------------


@pytest.fixture(scope="session")
def world(rows, config, preset, tmp_path_factory):
    """A corpus and a checkpoint of a toy model that was "trained" on it."""
    from mof_lab import checkpoint, pipeline
    from mof_lab.model import MoF

    names = "".join("".join(topic.values[:40]) for topic in probes.TOPICS.values())
    train = [*rows, _document("story", "all", text=names * 2)]
    text = Corpus(train, rows[::3], QUESTIONS[::2])
    preset = replace(preset, vocabulary_size=500)
    vocabulary = pipeline.vocabulary_of(text, preset)
    model = scrambled(MoF(replace(config, vocabulary_size=len(vocabulary))))
    folder = tmp_path_factory.mktemp("assessed")
    record = {"step": 9, "seconds": 61.0, "tokens": 1152, "steps": 9, "done": True}
    meta = {"step": 9, "stage": "chat", "preset": "toy", "seed": 1}
    checkpoint.save(folder / "own", model, vocabulary, {**meta, "record": record})
    checkpoint.save(folder / "nameless", model, vocabulary, {"step": 9})
    return text, preset, folder, checkpoint.load(folder / "own")


FEW = (
    ("DIALOGUES", 3),
    ("STORIES", 2),
    ("SAMPLES", 2),
    ("LONGEST", 20),
    ("LONG_BATCH", 64),  # as all questions: compiled once
)


@pytest.fixture
def short(monkeypatch, world, tmp_path):
    """Few and short texts, and the toy corpus in the project's place."""
    from mof_lab import appraisal, checkpoint

    text, preset, folder, (model, vocabulary, _) = world

    def load(directory):  # the same weights: compiled once for all tests
        return model, vocabulary, checkpoint.read_meta(directory)

    monkeypatch.setattr(appraisal.checkpoint, "load", load)
    for name, value in FEW:
        monkeypatch.setattr(appraisal, name, value)
    monkeypatch.setattr(probes, "EXCHANGES", (1, 2))
    monkeypatch.setattr(probes, "DISTANCES", (20, 40))
    monkeypatch.setattr(corpus, "project", lambda *_: text)
    configuration.PRESETS["toy"] = preset
    monkeypatch.chdir(tmp_path)
    return folder


def call(*arguments):
    return CliRunner().invoke(cli.app, ["evaluate", *map(str, arguments)])


def test_evaluate_writes_figures_and_a_card(short, tmp_path):
    result = call(short / "own", "--json", "own.json", "--card", "own.md")
    assert result.exit_code == 0, result.output
    own = json.loads((tmp_path / "own.json").read_text("utf-8"))
    assert own["not_measured"] == {}
    assert own["answers"]["familiar"]["total"] == 4
    assert own["stages"][0]["seconds"] == 61.0 and own["stages"][0]["tokens"] == 1152
    assert len(own["samples"]) == 2
    assert set(own["memory"]["by_amount"]) == {"1", "2"}
    assert set(own["recall"]["by_amount"]) == {"20", "40"}
    card = (tmp_path / "own.md").read_text("utf-8")
    assert card == model_card.to_markdown(own)
    assert re.findall(r"^## (.*)", card, re.M) == [title for title, _, _ in model_card.SECTIONS]
    assert all(re.search(r"[\u4e00-\u9fff]", title) for title, _, _ in model_card.SECTIONS)
    assert f"{own['parameters']:,}" in card and "1:01" in card
    assert "familiar 换个学过的问法" in card and "Not measured" not in card
    assert "Right answers 答对, familiar" in result.stdout
    assert "Held-out text" in result.stderr and "Held-out text" not in result.stdout

    # The same weights again, in a checkpoint that says nothing of what they were trained on.
    result = call(short / "nameless", "--json", "nameless.json", "--card", "nameless.md")
    assert result.exit_code == 0, result.output
    nameless = json.loads((tmp_path / "nameless.json").read_text("utf-8"))
    missing = {"bits_per_character", "router_weights", "calibration", "answers", "memorised"}
    assert set(nameless["not_measured"]) == missing and not missing & set(nameless)
    for key in ("memory", "recall", "variety", "samples"):
        assert nameless[key] == own[key]
    card = (tmp_path / "nameless.md").read_text("utf-8")
    assert card.startswith("# MoF: model card")
    assert "Not measured 未测: The checkpoint names no preset" in card
    assert "no record of its training" in card


def test_a_checkpoint_of_other_text_is_measured_as_far_as_it_goes(short, tmp_path, monkeypatch):
    from mof_lab import appraisal

    found = {}

    def appraise(folder, text, preset, gap, show):
        found.update(gap=gap, preset=preset.name)
        raise KeyboardInterrupt

    monkeypatch.setattr(appraisal, "appraise", appraise)
    call(short / "own")
    assert found == {"gap": "", "preset": "toy"}
    call(short / "nameless")
    assert "names no preset" in found["gap"] and found["preset"] == "tiny"
    other = Corpus([_document("story", "x", text="完全不同的文字，" * 9)], [], [])
    monkeypatch.setattr(corpus, "project", lambda *_: other)
    call(short / "own")
    assert "other text" in found["gap"]


def test_text_without_dialogues_or_questions(short, world):
    from mof_lab.appraisal import appraise

    text, preset, folder, _ = world
    bare = Corpus(text.train, [r for r in text.held_out if r["kind"] == "knowledge"], [])
    seen = []
    result = appraise(folder / "own", bare, preset, show=lambda *told: seen.append(told))
    assert set(result["bits_per_character"]) == {"knowledge", "all"}
    assert set(result["not_measured"]) == {
        *("answers", "memory", "recall", "variety", "sampling", "memorised", "samples")
    }
    card = model_card.to_markdown({**result, "command": ""})
    assert "It needs held-out dialogues, and there are none." in card
    assert seen[0] == ("Held-out text 留出文本", 0.0, None)


def test_the_time_left_follows_the_work_that_is_done(monkeypatch):
    from mof_lab import appraisal

    now, seen = [100.0], []
    monkeypatch.setattr(appraisal.time, "monotonic", lambda: now[0])
    parts = [
        appraisal.Part((n,), n, seconds, "", (), None) for n, seconds in (("a", 10), ("b", 30))
    ]
    progress = appraisal._Progress(parts, lambda *told: seen.append(told))
    progress.of(parts[0])
    now[0] += 20
    tick = progress.of(parts[1])
    now[0] += 20
    tick(1 / 3)
    assert seen == [("a", 0.0, None), ("b", 0.25, 60.0), ("b", 0.5, 40.0)]


def test_ctrl_c_is_one_sentence_and_nothing_is_written(short, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(assessment.HeldOut, "__init__", interrupted)
    result = call(short / "own", "--json", "figures.json")
    assert result.exit_code == 130
    assert "Stopped: nothing was written" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr and not (tmp_path / "figures.json").exists()


@pytest.mark.parametrize("name", ["nowhere/card.md", "."])
def test_a_file_that_cannot_be_written_is_said_first(short, name):
    result = call(short / "own", "--card", name)
    assert result.exit_code == 1
    assert "can't be written" in result.stderr.splitlines()[-1]
    assert "Loading" not in result.stderr

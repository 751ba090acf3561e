"""tools/router_study.py on a toy: what it measures, that it goes on, and what its page says."""

import importlib.util
import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mof_lab import evaluation, probes
from mof_lab.committed import router_study
from mof_lab.configuration import PRESETS
from mof_lab.corpus import Corpus, Question, _document
from mof_lab.errors import LabError
from mof_lab.intervals import T, over_seeds
from mof_lab.planner import size_of
from mof_lab.probes import Probes
from mof_lab.vocabulary import Vocabulary

PLACE = Path(__file__).resolve().parent.parent / "tools" / "router_study.py"
EXPERTS = ("gru", "transformer")
ALL = Vocabulary(sorted({c for topic in probes.TOPICS.values() for c in "".join(topic.values)}))


@pytest.fixture(scope="module")
def tool():
    """`tools/router_study.py` as a module."""
    spec = importlib.util.spec_from_file_location("router_study", PLACE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def text(rows):
    """The toy rows, with stories to put between and questions of two kinds."""
    questions = [
        Question("knowledge", "places", (f"{who}在哪里？",), ("在白桥。",)) for who in "米阿灰"
    ]
    questions.append(Question("reasoning", "addition", ("1加2是几？",), ("是3。",)))
    held_out = [_document("story", f"s{i}", text=f"米米在河边等了{i}天。") for i in range(9)]
    return Corpus(rows, held_out + rows[:5], questions)


@pytest.fixture
def small(tool, preset, text):
    """A study of one stage and a few steps."""
    stage = replace(preset.stage("joint"), steps=1)
    toy = replace(preset, stages=(stage,), model=replace(preset.model, num_layers=1))
    return tool.Study(toy, text, share=1.0, asked=2, probes=1, distances=(4, 16))


@pytest.mark.slow
def test_a_study_in_earnest(tool, small, tmp_path, monkeypatch):
    """Processes of their own, compiled, and answers written to their ends."""
    monkeypatch.setitem(sys.modules, "router_study", tool)
    monkeypatch.syspath_prepend(str(PLACE.parent))
    results = tmp_path / "study.json"
    found = tool.study(small, ["entropy"], [1], results, tmp_path / "study.md", tmp_path / "runs")
    assert set(found["runs"]["entropy"]["1"]["right"]) == {"mixture", *EXPERTS}


def test_what_is_measured(tool, text, packs, vocabulary, model, preset, monkeypatch):
    """Of a toy that nobody trained, and that writes nothing: 60 characters an answer take long."""
    monkeypatch.setattr(evaluation, "complete", lambda model, prompts, *_: [[]] * len(prompts))
    job = SimpleNamespace(
        model_after=lambda stage: model,
        vocabulary=vocabulary,
        windows=lambda split: packs,
        preset=preset,
    )
    values = {topic: list(t.values[:3]) for topic, t in probes.TOPICS.items()}
    asked = Probes(text, ALL, 1).recall_by_distance(1, (4,))
    assert asked
    found = tool.measure(print, job, "chat", text.questions, asked, values)
    assert set(found["weights"]) == {"story", "chat", "knowledge", "reasoning"}
    for weights in found["weights"].values():
        assert sum(weights) == pytest.approx(1, abs=1e-4)
    for who in ("mixture", *EXPERTS):
        assert found["right"][who] == {"knowledge": 0, "reasoning": 0}
        assert set(found["bits"][who]) == set(found["weights"])
        assert found["recall"][who] == {"4": 0}
        assert math.isfinite(found["saved"][who]["4"])


@pytest.fixture
def of_toy(tool, text, preset, monkeypatch):
    """The toy's checkpoints count as trained on the toy text; they answer nothing, quickly."""
    monkeypatch.setattr(evaluation, "complete", lambda model, prompts, *_: [[]] * len(prompts))
    monkeypatch.setattr(tool, "judged_text", lambda meta: (text, preset, ""))
    monkeypatch.setattr(tool, "Probes", lambda text, _, seed: Probes(text, ALL, seed))


def test_a_checkpoint_is_examined_without_training(tool, checkpoint_folder, of_toy):
    """Figures that follow from one another do, and each lies in its interval."""
    found = tool.examine(print, checkpoint_folder, 2, 1, (4,))
    ways, kinds = {"mixture", *EXPERTS}, set(found["bits"]["mixture"])
    assert kinds >= {"story", "knowledge", "reasoning"}
    value = {
        figure: {w: {k: f["value"] for k, f in by_key.items()} for w, by_key in by_way.items()}
        for figure, by_way in found.items()
        if figure in ("weights", "bits", "cost", "saved")
    }
    assert set(value["bits"]) == ways and set(value["weights"]) == set(EXPERTS)
    for kind in kinds:
        bits, cost = value["bits"], value["cost"]
        assert sum(value["weights"][e][kind] for e in EXPERTS) == pytest.approx(1, abs=1e-4)
        for e in EXPERTS:
            assert cost[e][kind] == pytest.approx(bits[e][kind] - bits["mixture"][kind], abs=1e-4)
        advantage = bits["transformer"][kind] - bits["gru"][kind]
        assert found["advantage"][kind]["value"] == pytest.approx(advantage, abs=1e-4)
    gap = value["weights"]["gru"]["knowledge"] - value["weights"]["gru"]["reasoning"]
    assert found["lean"]["gru"]["value"] == pytest.approx(gap)
    asked = found["right"]["mixture"]
    assert {kind: count["total"] for kind, count in asked.items()} == {
        "knowledge": 2,
        "reasoning": 1,
    }
    assert found["recall"]["gru"]["4"]["total"] == len(probes.TOPICS)
    assert set(value["saved"]["transformer"]) == {"4"}
    for figure in (*found["advantage"].values(), *found["bits"]["gru"].values()):
        low, high = figure["interval"]
        assert low - 1e-6 <= figure["value"] <= high + 1e-6


def test_checkpoints_of_other_text_are_refused(tool, checkpoint_folder):
    with pytest.raises(LabError, match="names no preset of this lab"):
        tool.examine(print, checkpoint_folder, 2, 1, (4,))


def test_checkpoints_are_asked_once_and_shown(
    tool, checkpoint_folder, of_toy, monkeypatch, tmp_path
):
    monkeypatch.setattr(tool.processes, "call", lambda f, *a, show: (f(show, *a), 0))
    results, told = tmp_path / "shipped.json", []
    few = {"probes": 1, "asked": 2, "distances": (4,), "tell": told.append}
    found = tool.ask([checkpoint_folder], results, **few)
    assert json.loads(results.read_text(encoding="utf-8")) == found
    assert len(told) == 3  # the mixture and both experts
    assert tool.ask([checkpoint_folder], results, **few) == found
    assert told[3:] == [f"{checkpoint_folder.name} is measured already."]
    written = results.with_suffix(".md").read_text(encoding="utf-8")
    for title in ("Verdict 结论", "send what?", "cost?", "remember?", "story 故事", "| 4 |"):
        assert title in written
    assert "nan" not in written and "docs/shipped.json" in written
    told_in_notebook = router_study(results)
    for words in ("knowledge 知识", "router weight 路由权重", "right answers 答对", "0%", "+0."):
        assert words in told_in_notebook
    assert tool.main(["--page", "--out", str(results)]) == 0
    assert results.with_suffix(".md").read_text(encoding="utf-8") == written
    with pytest.raises(LabError, match="figures of other questions"):
        tool.ask([checkpoint_folder], results, **few | {"asked": 3})


def test_a_notebook_says_how_the_figures_are_made(tmp_path):
    assert "tools/router_study.py --checkpoint" in router_study(tmp_path / "none.json")


def test_a_study_is_no_place_for_checkpoints(tool, checkpoint_folder, tmp_path):
    path = tmp_path / "study.json"
    path.write_text('{"settings": {"experts": [], "share": 1}, "runs": {}}', encoding="utf-8")
    with pytest.raises(LabError, match="figures of other questions"):
        tool.ask([checkpoint_folder], path)


def test_checkpoints_have_a_file_of_their_own(tool, monkeypatch):
    asked = []
    monkeypatch.setattr(tool, "ask", lambda *arguments: asked.append(arguments))
    assert tool.main(["--checkpoint", "a", "b"]) == 0
    assert asked == [([Path("a"), Path("b")], tool.SHIPPED, tool.SHIPPED.with_suffix(".md"))]


def test_the_interval_of_a_difference(tool):
    """0.7 of one stratum less 0.2 of another; it shrinks with what was asked."""
    widths = []
    for count in (20, 2000):
        rows, others = (
            np.stack([np.arange(count) % 10 < tenths, np.ones(count)], axis=1) for tenths in (7, 2)
        )
        found = tool.difference(rows, others)
        low, high = found["interval"]
        assert found["value"] == pytest.approx(0.5) and low < 0.5 < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 5


@pytest.mark.parametrize(
    ("knowledge", "reasoning", "said"),
    [
        ([0.1, 0.2], [-0.2, -0.1], "as the article says"),
        ([-0.2, -0.1], [0.1, 0.2], "the opposite"),
        ([0.1, 0.2], [0.1, 0.2], "the GRU is the better one on both"),
        ([-0.2, -0.1], [-0.2, -0.1], "the transformer is the better one on both"),
        ([0.1, 0.2], [-0.1, 0.2], "chance may"),
    ],
)
def test_the_verdict_on_who_is_better_alone(tool, knowledge, reasoning, said):
    """Knowledge for the GRU, reasoning for the transformer, says the article."""
    more = {
        "knowledge": {"value": sum(knowledge) / 2, "interval": knowledge},
        "reasoning": {"value": sum(reasoning) / 2, "interval": reasoning},
    }
    half = {"knowledge": {"correct": 1, "total": 2}, "reasoning": {"correct": 1, "total": 4}}
    none = {kind: {"correct": 0, "total": 2} for kind in half}
    figures = {
        "experts": EXPERTS,
        "lean": {},
        "advantage": more,
        "right": {"mixture": half} | dict.fromkeys(EXPERTS, none),
        "saved": {"mixture": {}},
    }
    _, written = tool.verdicts(figures)
    alone, answers = written.splitlines()
    assert said in alone
    assert "25% to 50% by the mixture, 0% to 0% by one expert alone" in answers


def test_bits_over_seeds_are_shown_where_all_were_asked_for_them(tool):
    """The first trainings of a file may lack them."""
    runs = [made_up_figures(np.random.default_rng(seed)) for seed in (1, 2)]
    settings = {"experts": list(EXPERTS), "share": 1, "preset": "toy", "data_hash": "abcd"}
    found = {"settings": settings, "runs": {"plain": dict(enumerate(runs))}}
    assert tool.BITS not in tool.to_page(found)
    runs[0]["bits"] = {w: {"story": 1.5} for w in ("mixture", *EXPERTS)}
    assert tool.BITS not in tool.to_page(found)
    runs[1]["bits"] = {w: {"story": 2.5} for w in ("mixture", *EXPERTS)}
    assert tool.BITS in tool.to_page(found) and "| story 故事 | 2.00 [" in tool.to_page(found)


def made_up(tool, study, variant, seed, folder):
    """A training that takes no time."""
    folder.mkdir(parents=True)
    return made_up_figures(np.random.default_rng([seed, len(variant)]))


def made_up_figures(rng):
    """Figures that a training might give."""
    ways = ("mixture", *EXPERTS)
    return {
        "tokens": 1,
        "weights": {k: rng.dirichlet([1, 1]).tolist() for k in ("knowledge", "reasoning")},
        "right": {w: {"knowledge": rng.random()} for w in ways},
        "recall": {w: {"4": rng.random()} for w in ways},
        "saved": {w: {"4": rng.normal()} for w in ways},
    }


def test_a_study_goes_on_and_says_what_it_found(tool, small, monkeypatch, tmp_path):
    monkeypatch.setattr(tool.Study, "run", lambda *a: made_up(tool, *a))
    results, page, told = tmp_path / "study.json", tmp_path / "study.md", []
    options = {"results": results, "page": page, "folder": tmp_path / "runs", "tell": told.append}
    tool.study(small, ["plain"], [1], **options)
    first = json.loads(results.read_text(encoding="utf-8"))
    found = tool.study(small, ["plain", "balance"], [1, 2], **options)
    order = [("plain", 1), ("balance", 1), ("plain", 2), ("balance", 2)]
    assert told == [f"{variant}, seed {seed} …" for variant, seed in order]
    assert first["runs"]["plain"]["1"] == found["runs"]["plain"]["1"]
    assert json.loads(results.read_text(encoding="utf-8")) == found
    assert not list((tmp_path / "runs" / "toy").iterdir())
    written = page.read_text(encoding="utf-8")
    assert "plain 2, balance 2" in written and "With balance = 0.1" in written
    assert written.count("Verdict") == 2 and "nan" not in written
    mean = np.mean([run["right"]["gru"]["knowledge"] for run in found["runs"]["plain"].values()])
    assert f"| {mean:.1%} [" in written
    with pytest.raises(LabError, match="other settings"):
        tool.study(replace(small, share=2.0), ["plain"], [1], **options)


def test_terms_go_where_the_router_speaks(tool, preset, text, monkeypatch, tmp_path):
    made = []

    def run(preset, folder, text):
        made.append(preset)
        raise LabError("enough")

    monkeypatch.setattr(tool.pipeline, "Run", run)
    with pytest.raises(LabError, match="enough"):
        tool.Study(preset, text).run("balance", 7, tmp_path)
    factors = {stage.name: stage.balance for stage in made[0].stages}
    assert factors == {"gru": 0, "transformer": 0, "router": 0.1, "joint": 0.1, "chat": 0.1}
    assert made[0].seed == 7


def test_bits_saved_are_those_of_the_content(tool, text, monkeypatch):
    """A reader that knows what was told saves all of it; one that does not saves nothing."""
    known = "".join(
        "".join((*topic.values, *topic.told, topic.reply, *topic.asked, *topic.answers))
        for topic in probes.TOPICS.values()
    )
    vocabulary = Vocabulary(sorted(set(known + "米在河边等了0123456789天好，我听着呢。")))
    made = Probes(text, vocabulary, 1)
    asked = made.recall_by_distance(2, (8,))
    assert asked

    def knowing(model, tokens, expert, batch):
        """4 ln 2 nats for a character that stands only once in its row, 0 for others."""
        nats = np.zeros((len(tokens), tokens.shape[1] - 1))
        for row, found in zip(tokens, nats, strict=True):
            for i, token in enumerate(row[1:], start=1):
                found[i - 1] = 0 if (row[:i] == token).any() else 4 * math.log(2)
        return nats

    monkeypatch.setattr("mof_lab.evaluation.window_nats", knowing)
    saved = tool.bits_saved(None, vocabulary, asked, made.values, None)
    assert saved.shape == (len(asked),) and 2 < saved.mean() <= 4
    monkeypatch.setattr(
        "mof_lab.evaluation.window_nats", lambda model, tokens, *_: np.ones(tokens[:, 1:].shape)
    )
    assert not tool.bits_saved(None, vocabulary, asked, made.values, None).any()


NOTEBOOK = PLACE.parent.parent / "notebooks" / "10_your_own_expert.ipynb"
THREE = (*EXPERTS, "convolution")


def test_a_third_expert_learns_alone_then_is_routed(tool, preset, monkeypatch, tmp_path):
    """The one that notebook 10 writes; processes started from here find it in the file."""
    monkeypatch.setenv("MOF_LAB_EXPERTS", "")
    monkeypatch.setitem(PRESETS, "toy", preset)
    with pytest.raises(LabError, match="no expert 'convolution'.*--expert-file"):
        tool.preset_of("toy", THREE)
    file = tool.as_python(NOTEBOOK, tmp_path)
    three = tool.preset_of("toy", THREE, file)
    assert Path(os.environ["MOF_LAB_EXPERTS"]) == file == tmp_path / f"{NOTEBOOK.stem}.py"
    assert tool.preset_of("toy", file=file) == three
    assert three.model.experts == THREE
    assert [stage.name for stage in three.stages] == [*THREE, "router", "joint", "chat"]
    alone = three.stage("convolution")
    assert (alone.trains, alone.expert) == (("convolution",), "convolution")
    assert preset.with_experts(EXPERTS) == preset
    assert size_of(three).parameters > size_of(preset).parameters


def test_a_study_of_three_has_a_file_and_a_page_of_its_own(tool, monkeypatch, tmp_path):
    def run(self, variant, seed, folder):
        assert folder.parts[-2:] == ("tiny-gru-transformer-convolution", "plain-1")
        ways = ("mixture", *self.preset.model.experts)
        one = {way: {"4": 0.5} for way in ways}
        weights = {kind: [0.2, 0.3, 0.5] for kind in ("knowledge", "reasoning")}
        right = {way: {"knowledge": 0.5} for way in ways}
        return {"tokens": 1, "weights": weights, "right": right, "recall": one, "saved": one}

    monkeypatch.setenv("MOF_LAB_EXPERTS", "")
    monkeypatch.setattr(tool.Study, "run", run)
    monkeypatch.setattr(tool, "runs_folder", lambda: tmp_path / "runs")
    monkeypatch.setattr(tool.corpus, "project", lambda preset: Corpus([], [], []))
    out = tmp_path / "router_study_three.json"
    command = ["--expert-file", str(NOTEBOOK), "--out", str(out), "--variants", "plain"]
    assert tool.main([*command, "--seeds", "1", "--experts", *THREE]) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["settings"]["experts"] == list(THREE)
    page = out.with_suffix(".md").read_text(encoding="utf-8")
    assert "3 experts" in page and "docs/router_study_three.json" in page
    assert "convolution" in page


def test_a_file_without_an_expert_is_one_sentence(tool, tmp_path):
    path = tmp_path / "other.ipynb"
    path.write_text('{"cells": []}', encoding="utf-8")
    with pytest.raises(LabError, match="no cell that writes a file with an @expert"):
        tool.as_python(path, tmp_path)
    path.write_text("no notebook", encoding="utf-8")
    with pytest.raises(LabError, match="can't be read as a notebook"):
        tool.as_python(path, tmp_path)


def seeds(gaps):
    """Trainings whose GRU weighs knowledge by so much more than reasoning."""
    return [{"weights": {"knowledge": [0.5 + g, 0.5 - g], "reasoning": [0.5, 0.5]}} for g in gaps]


@pytest.mark.parametrize(
    ("gaps", "said"),
    [
        ((0.2, 0.21, 0.22), "as the article says"),
        ((-0.2, -0.21, -0.22), "the opposite"),
        ((-0.2, 0.2, 0.01), "no difference"),
        ((0.2,), "one seed"),
    ],
)
def test_the_verdict_follows_from_the_figures(tool, gaps, said):
    assert tool.verdict(seeds(gaps), EXPERTS).count(said) == 2  # of each of the two experts
    assert tool.verdict(seeds(gaps), ("a", "b")) == ""


def test_the_interval_over_seeds():
    """It holds the true mean in 95 % of many samples; one value says nothing."""
    rng = np.random.default_rng(1)
    for count in (2, 3, 10):
        samples = rng.normal(3.0, 2.0, (4000, count))
        bounds = [over_seeds(sample) for sample in samples]
        assert 0.935 < np.mean([low <= 3.0 <= high for low, high in bounds]) < 0.965
    assert over_seeds([1.0]) is None
    assert all(a > b for a, b in zip(T, T[1:], strict=False)) and T[-1] > 1.96


@pytest.mark.parametrize("content", ["{}", '{"settings": {"experts": []}, "runs": {}}'])
def test_files_of_something_else_are_refused(tool, tmp_path, capsys, content):
    """Or of a study whose settings don't say what share of the steps was trained."""
    path = tmp_path / "other.json"
    path.write_text(content, encoding="utf-8")
    assert tool.main(["--out", str(path), "--page"]) == 1
    assert "not a file of this study" in capsys.readouterr().err
    assert tool.main(["--seeds", "0"]) == 1

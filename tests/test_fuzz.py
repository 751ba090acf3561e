"""Damaged files: each is a sentence or right, never another error, a hang, or a wrong model.

A file is changed by chance, always the same ones; what is opened from it must be what was written
or, where a reader cannot know better, what the file now says.
"""

import io
import json
import random
import shutil
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from conftest import toy_config, toy_preset, toy_rows
from hypothesis import given
from hypothesis import strategies as st
from mutations import NASTY, of_bytes, of_json
from stubs import EchoModel, Variable

from mof_lab import appraisal, checkpoint, corpus, litert, planner, training_views
from mof_lab.adapters import ANSWER, CHOICES, PROBLEM, QUESTION, SOLUTION, TEXT, adapt
from mof_lab.chat import ChatSession
from mof_lab.corpus import Corpus
from mof_lab.errors import LabError
from mof_lab.facts import read_facts
from mof_lab.packing import open_packed, save_difficulties
from mof_lab.pipeline import Run
from mof_lab.progress import Record
from mof_lab.recording import Moment, Point, Recording
from mof_lab.vocabulary import ASSISTANT, BEGIN, END, USER, Vocabulary

CPU_SECONDS = 5.0  # one case may take so long
CHARACTERS = "一二三四五六七八九十。，？天地人你好"
DRAWN = {"svg", "g", "path", "rect", "text", "tspan", "title", "desc", "style", "line", "circle"}
QUICK, MANY = 400, 10_000  # cases, of all kinds of file together, and at least so many


class File:
    """A file to be damaged, and what has to be right when it opens all the same.

    Args:
        path: of the file.
        opens: a function without arguments; a `LabError`, or whatever `right` looks at.
        right: told (what `opens` gave, the file's bytes) it asserts that this is right.
    """

    def __init__(self, path, opens, right=lambda found, content: None, reseal=None):
        self.path, self.opens, self.right, self.reseal = path, opens, right, reseal
        self.whole = path.read_bytes()

    def check(self, rng, as_json):
        content = self.damaged(rng, as_json)
        self.path.write_bytes(content)
        if self.reseal is not None:
            self.reseal()
        began = time.process_time()
        try:
            found = self.opens()
        except LabError as error:
            said = str(error)
            assert said and "\n" not in said and len(said) < 1500, said
        else:
            self.right(found, self.path.read_bytes())
        finally:
            took = time.process_time() - began
            self.path.write_bytes(self.whole)
        assert took < CPU_SECONDS, f"{took:.1f} s for {content[:200]!r}"

    def damaged(self, rng, as_json):
        if not as_json:
            return of_bytes(rng, self.whole)
        value = of_json(rng, json.loads(self.whole))
        return json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


# ---- files, and what is right


def parameters():
    rng = np.random.default_rng(1)
    names = {"a/kernel": (20, 30), "b/gamma": (30,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in names.items()}


def saved_checkpoint(folder):
    words = Vocabulary(CHARACTERS)
    variables = [Variable(name, value) for name, value in parameters().items()]
    config = toy_config(len(words))
    record = Record(6, 3.5, 700, 6, True, 10**8, [[3, 1.5, 3.0, None], [6, 3.5, 2.0, 3.5]])
    meta = {"step": 6, "stage": "gru", "preset": "toy", "seed": 1, "record": vars(record)}
    checkpoint.save(folder, SimpleNamespace(variables=variables, config=config), words, meta)
    return folder / "meta.json", next(folder.glob("model-*"))


def opened_checkpoint(folder):
    """All that there is to read in one, but for the building of its model."""
    config, words, meta = checkpoint.describe(folder)
    arrays = checkpoint.read_arrays(folder, meta, "model")
    record = Record.of(meta["record"], folder) if "record" in meta else None
    appraisal.stages(folder, meta)
    return config, words, arrays, record


def same_checkpoint(found, content):
    config, words, arrays, record = found
    assert config == toy_config(len(words)) and words == Vocabulary(CHARACTERS)
    assert {k: v.tolist() for k, v in arrays.items()} == {
        k: v.tolist() for k, v in parameters().items()
    }
    assert record.step == 6 and record.done


def fitting_arrays(found, content):
    """Arrays of another file with a right checksum: a model takes them, or says why not."""
    variables = [Variable(name, value) for name, value in parameters().items()]
    try:
        checkpoint._assign("here", found, variables)
    except LabError:
        return
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in parameters().items()}
    assert all(np.isfinite(v).all() and v.dtype == np.float32 for v in found.values())


def meta_file(tmp_path):
    path, _ = saved_checkpoint(tmp_path)
    return File(path, lambda: opened_checkpoint(tmp_path), same_checkpoint)


def arrays_file(tmp_path):
    _, path = saved_checkpoint(tmp_path)
    return File(path, lambda: opened_checkpoint(tmp_path), same_checkpoint)


def resealed_meta_file(tmp_path):
    """As somebody would write it who computes the checksum anew: what it says has to make sense."""
    path, _ = saved_checkpoint(tmp_path)

    def reseal():
        try:
            meta = json.loads(path.read_bytes())
            path.write_text(json.dumps(checkpoint.sealed(meta)), encoding="utf-8")
        except (ValueError, AttributeError, RecursionError):
            pass

    def right(found, content):
        config, words, *_ = found
        meta = json.loads(content)
        assert words.characters == meta["vocabulary"]
        assert all(
            getattr(config, k) in (v, tuple(v) if isinstance(v, list) else v)
            for k, v in meta["config"].items()
        )
        assert config.fewest_parameters() > 0
        list(Recording.load(tmp_path).points)

    def opens():
        found = opened_checkpoint(tmp_path)
        Recording.load(tmp_path)
        return found

    return File(path, opens, right, reseal)


def resealed_arrays_file(tmp_path):
    _, path = saved_checkpoint(tmp_path)
    meta = checkpoint.read_meta(tmp_path)

    def reseal():
        digest = checkpoint.hashlib.sha256(path.read_bytes()).hexdigest()
        meta["files"]["model"]["sha256"] = digest

    opens = lambda: checkpoint.read_arrays(tmp_path, meta, "model")  # noqa: E731
    return File(path, opens, fitting_arrays, reseal)


def vocabulary_file(tmp_path):
    path = tmp_path / "vocabulary.json"
    Vocabulary(CHARACTERS).save(path)

    def right(found, content):
        said = json.loads(content)
        assert found.characters == said["characters"]
        assert found.characters == CHARACTERS or "hash" not in said

    return File(path, lambda: Vocabulary.load(path), right)


def transcript_file(tmp_path):
    path, words = tmp_path / "talk.json", Vocabulary(CHARACTERS)
    session = ChatSession(EchoModel(words), words)
    session.add("你好", "你好。")
    session.add("天地人？", "一二三。")
    session.save(path)

    def opens():
        session.decoder.model.read = []
        session.load(path)
        return session

    def right(found, content):
        said = [(turn["role"], turn["content"]) for turn in json.loads(content)["turns"]]
        assert found.turns == said
        special = [i for i in found.decoder.model.read if i in (BEGIN, USER, ASSISTANT, END)]
        assert special == [BEGIN, *[USER, END, ASSISTANT, END] * (len(said) // 2)]

    return File(path, opens, right)


def recording_file(tmp_path):
    made = Recording("router", "toy", ["gru", "transformer"], 100)
    made.points = [
        Point(step, step / 10, 3.0, 3.5 if step % 20 == 0 else None, 900.0, 1e-3, 10**8, 5.0)
        for step in range(0, 101, 10)
    ]
    told = [["你好", [["你", [0.25, 0.75]], ["好", []]]]]
    made.add_moment(Moment(50, told, {"chat": [0.4, 0.6]}, [0.1, 0.2], True))
    made.save(tmp_path)

    def right(found, content):
        for view in (training_views.course, training_views.forming, training_views.summary):
            with_sentence(view, found)
        for moment in found.moments:
            with_sentence(training_views.moment, found, moment)
        assert found.stage == json.loads(content)["stage"]

    return File(tmp_path / "recording.json", lambda: Recording.load(tmp_path), right)


def with_sentence(view, *arguments):
    """A view is a picture without scripts, None, or one sentence."""
    try:
        made = view(*arguments)
    except LabError as error:
        assert "\n" not in str(error)
        return
    for element in ElementTree.fromstring(made.svg).iter() if made is not None else ():
        assert element.tag.rpartition("}")[2] in DRAWN, element.tag
        assert not any(name.startswith("on") or "href" in name for name in element.attrib)


def report_file(tmp_path):
    """Read for what a preset gave, and for the stages of a checkpoint."""
    folder = tmp_path / "runs" / "toy"
    saved_checkpoint(folder / "gru")
    curve = checkpoint.read_meta(folder / "gru")["record"]["curve"]
    stage = {"name": "gru", "seconds": 3.5, "steps": 6, "curve": curve}
    count = {"correct": 3, "total": 4}
    report = {
        "bits_per_character": {"all": 3.1},
        "answers": {"knowledge": count, "reasoning": count},
        "stages": [{**stage, "name": "stem", "curve": []}, stage],
    }
    path = folder / "report.json"
    path.write_text(json.dumps(report), encoding="utf-8")

    def opens():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MOF_LAB_RUNS", str(tmp_path / "runs"))
            expected = planner.expected_quality("toy")
        return expected, appraisal.stages(folder / "gru", checkpoint.read_meta(folder / "gru"))

    def right(found, content):
        assert isinstance(found[0], str)
        assert found[1][-1]["name"] == "gru" and all(isinstance(s, dict) for s in found[1])

    return File(path, opens, right)


def card_file(tmp_path):
    """The export's: what is not the export of these weights is not answered from."""
    meta = {"files": {"model": {"sha256": "a" * 64}}}
    (tmp_path / litert.FILE).write_bytes(b"model")
    card = {
        "format": litert.FORMAT,
        "weights": "a" * 64,
        "sha256": litert.checksum(tmp_path / litert.FILE),
    }
    path = tmp_path / litert.CARD
    path.write_text(json.dumps(card), encoding="utf-8")

    def right(found, content):
        assert found is not None and {k: found[k] for k in card} == card

    return File(path, lambda: litert.read_card(tmp_path, meta), right)


def run_file(tmp_path, name):
    """A file of a run's folder: what is opened is what was packed, if need be anew."""
    rows = toy_rows()[:20]
    text, chosen = Corpus(rows[4:], rows[:4], []), toy_preset(toy_config(0))
    chosen = replace(chosen, window=24)
    run = Run(chosen, tmp_path / "run", text)
    before = {k: w.tokens.tolist() for k, w in run.windows("train").items()}

    def right(found, content):
        assert {k: w.tokens.tolist() for k, w in found.windows("train").items()} == before

    return File(tmp_path / "run" / name, lambda: Run(chosen, tmp_path / "run", text), right)


def windows_file(tmp_path):
    file = run_file(tmp_path, "windows/train/story.tokens.npy")

    def opens():  # without packing anew, which looks at the checksums
        return {k: np.asarray(w.tokens) for k, w in open_packed(file.path.parent).items()}

    before = {k: tokens.copy() for k, tokens in opens().items()}

    def right(found, content):
        """The others are whole; here are windows as before, of what the file now says."""
        story = found.pop("story")
        assert all(np.array_equal(tokens, before[k]) for k, tokens in found.items())
        assert story.shape == before["story"].shape and story.dtype == before["story"].dtype
        assert np.array_equal(story, np.load(io.BytesIO(content), allow_pickle=False))

    return File(file.path, opens, right)


def difficulty_file(tmp_path, name):
    """Read as it was saved, or not at all: then the windows are rated anew."""
    folder, rng = windows_file(tmp_path).path.parent, np.random.default_rng(1)
    saved = {k: rng.uniform(1, 6, len(w)) for k, w in open_packed(folder).items()}
    save_difficulties(folder, saved)

    def right(found, content):
        given = {k: w.difficulty for k, w in found.items()}
        none = all(values is None for values in given.values())
        assert none or all(np.array_equal(values, saved[k]) for k, values in given.items())

    return File(folder / name, lambda: open_packed(folder), right)


def data_file(tmp_path, name):
    rows = [
        {"instruction": "一加一？", "output": "二。", "key": "one"},
        {"instruction": "天地人？", "output": "你好，你好。", "key": "two"},
    ]
    path = tmp_path / name
    text = {
        ".txt": "天地人，一二三。\n\n你好你好。\n",
        ".jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows),
        ".json": json.dumps(rows, ensure_ascii=False),
        ".csv": 'instruction,output\n一加一？,二。\n天地人？,"你好，\n你好。"\n',
    }
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text(text[path.suffix], encoding="utf-8")
    return File(path, lambda: corpus.load(str(path), tell=lambda said: None), good_rows)


def good_rows(found, content=None):
    assert found
    for row in found:
        assert set(row) == {"kind", "key", "text", "messages"}
        assert all(set(m) == {"role", "content"} for m in row["messages"])
        assert all(m["role"] in ("user", "assistant") for m in row["messages"])
        assert bool(row["text"]) != bool(row["messages"])
        for text in (row["key"], *corpus.texts([row])):
            assert isinstance(text, str) and text.encode("utf-8").decode("utf-8") == text
    corpus.split(found)


def facts_file(tmp_path):
    for part in ("relations", "facts", "stories"):
        (tmp_path / "core" / part).mkdir(parents=True)
    table = {"relation": "capital", "questions": ["{s}的首都？"], "held_out": ["{s}首都在哪？"]}
    table |= {"answers": ["{v}。"], "facts": [["甲", "乙"], ["丙", "丁"]]}
    path = tmp_path / "core" / "relations" / "places.json"
    path.write_text(json.dumps([table], ensure_ascii=False), encoding="utf-8")

    def right(found, content):
        for fact in found:
            assert all(isinstance(text, str) for text in (*fact.questions, *fact.answers))

    return File(path, lambda: read_facts(tmp_path, ("core",)), right)


def story_file(tmp_path):
    path = tmp_path / "stories.jsonl"
    path.write_text('{"key": "一", "text": "天地人。"}\n' * 2, encoding="utf-8")

    def opens():
        return [corpus._document("story", **row) for row in corpus._rows(path)]

    def right(found, content):
        assert not found or good_rows(found) is None

    return File(path, opens, right)


FILES = {
    "meta": (meta_file, True),
    "arrays": (arrays_file, False),
    "resealed meta": (resealed_meta_file, True),
    "resealed arrays": (resealed_arrays_file, False),
    "vocabulary": (vocabulary_file, True),
    "transcript": (transcript_file, True),
    "recording": (recording_file, True),
    "report": (report_file, True),
    "export card": (card_file, True),
    "run": (lambda path: run_file(path, "run.json"), True),
    "run's vocabulary": (lambda path: run_file(path, "vocabulary.json"), True),
    "run's windows": (lambda path: run_file(path, "windows/train/chat.roles.npy"), False),
    "windows": (windows_file, False),
    "difficulty": (lambda path: difficulty_file(path, "chat.difficulty.npy"), False),
    "difficulty's checksums": (lambda path: difficulty_file(path, "rated.json"), True),
    "facts": (facts_file, True),
    "stories": (story_file, False),
    **{
        f"text {kind}": (lambda path, kind=kind: data_file(path, f"mine.{kind}"), kind == "json")
        for kind in ("txt", "jsonl", "json", "csv", "parquet")
    },
}


def of_each(cases):
    return -(-cases // len(FILES))


def fuzz(kind, tmp_path, count, seed):
    make, is_json = FILES[kind]
    file = make(tmp_path)
    file.right(file.opens(), file.whole)  # undamaged, it is right
    rng = random.Random(f"{kind} {seed}")
    for number in range(count):
        file.check(rng, as_json=is_json and number % 2 == 0)


@pytest.mark.parametrize("kind", FILES)
def test_damaged_files(kind, tmp_path):
    fuzz(kind, tmp_path, of_each(QUICK), 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
def test_ten_thousand_damaged_files(kind, tmp_path):
    fuzz(kind, tmp_path, of_each(MANY), 2)


#: Of a model's configuration.
TOO_LARGE = (
    {"num_layers": 900},
    {"gru_units": 60_000},
    {"embedding_dim": 60_000},
    {"router_units": 65_000},
    {"learned_positions": 10**7},
    {"ffn_multiplier": 99.0, "num_layers": 999},
    {"tied_embeddings": False, "gru_units": 65_000},
)


def test_the_promises_say_how_many_files():
    quick, many = (of_each(cases) * len(FILES) for cases in (QUICK, MANY))
    assert quick >= QUICK and many >= MANY
    page = Path(__file__).parent.parent.joinpath("docs", "reliability.md")
    promises = page.read_text(encoding="utf-8")
    assert f"{quick} and {many:,} changed files of {len(FILES)} kinds" in promises
    assert f"| {len(TOO_LARGE)} such configurations |" in promises


@pytest.mark.parametrize("change", TOO_LARGE)
def test_a_model_that_would_fill_the_memory_is_not_built(checkpoint_folder, tmp_path, change):
    """The checksums are right, the weights are not there: said before memory is taken."""
    folder = shutil.copytree(checkpoint_folder, tmp_path / "copy")
    meta = checkpoint.read_meta(folder)
    meta["config"].update(change)
    text = json.dumps(checkpoint.sealed(meta))
    (folder / "meta.json").write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match="do not fit the configuration"):
        checkpoint.load(folder)


def test_the_fewest_parameters_are_never_more_than_there_are(model, config):
    """Else a good checkpoint would be refused, or a training that fits."""
    from mof_lab.configuration import PRESETS
    from mof_lab.planner import size_of
    from mof_lab.sizes import least_size

    assert 0.5 * model.count_params() < config.fewest_parameters() <= model.count_params()
    for name in ("tiny", "seed"):
        chosen = replace(PRESETS[name].model, vocabulary_size=PRESETS[name].vocabulary_size)
        least, whole = least_size(chosen), size_of(PRESETS[name])
        assert 0.5 * whole.parameters < least.parameters <= whole.parameters
        assert 0.5 * whole.numbers < least.numbers <= whole.numbers


# ---- adapters

COLUMNS = sorted(
    {*TEXT, *QUESTION, *ANSWER, *CHOICES, *PROBLEM, *SOLUTION, "A", "B", "answerkey", "label"}
    | {"messages", "conversations", "conversation", "chosen", "rejected", "history", "context"}
    | {"output_zh", "Text", " input ", "key"}
)
scalars = st.one_of(st.sampled_from(NASTY), st.text(max_size=8), st.integers(), st.floats())
turns = st.fixed_dictionaries(
    {},
    optional={
        "role": st.one_of(st.sampled_from(["user", "assistant", "system", "User"]), scalars),
        "from": st.one_of(st.sampled_from(["human", "gpt"]), scalars),
        "content": st.one_of(st.text(max_size=8), scalars),
        "value": scalars,
    },
)
values = st.recursive(
    scalars | st.lists(turns, max_size=4) | st.binary(max_size=4),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["text", "label", "A", "role"]), inner, max_size=3),
    ),
    max_leaves=8,
)
items = st.dictionaries(st.sampled_from(COLUMNS) | st.text(max_size=5), values, max_size=5)


def adapted(item):
    try:
        found = adapt(item, "the row")
    except LabError as error:
        assert "\n" not in str(error).replace(repr(item), "") and len(str(error)) < 1500
        return
    if found is None:
        return
    (name,) = found
    said = [found] if name == "text" else found["messages"]
    assert name in ("text", "messages") and said
    for each in said:
        text = each["text"] if name == "text" else each["content"]
        assert isinstance(text, str) and text
        assert name == "text" or each["role"] in ("user", "assistant")


@given(items)
def test_any_row_is_a_text_a_dialogue_or_a_sentence(item):
    adapted(item)


@given(values)
def test_anything_at_all_is_adapted_or_refused(item):
    adapted(item)

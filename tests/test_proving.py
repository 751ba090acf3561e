"""An expert of one's own: proved, refused with one sentence, saved without names of its layers."""

import os
import shlex
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from mof_lab import checkpoint, cli, experts, proving
from mof_lab.errors import LabError
from mof_lab.model import MoF
from mof_lab.optimizer import optimizer

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "10_your_own_expert.ipynb"

#: A mean over the document so far; no layer of it has a name.
MEAN = """
import keras
import tensorflow as tf

from mof_lab.experts import expert


@expert("mean")
class Mean(keras.layers.Layer):
    def __init__(self, config, output_dim, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.outer = keras.layers.Dense(8), keras.layers.Dense(output_dim)
        self.norm = keras.layers.LayerNormalization()

    def build(self, shape):
        self.inner.build(shape)
        self.outer.build((None, None, 8))
        self.norm.build((None, None, self.outer.units))

    def initial_state(self, batch):
        return {"sum": tf.zeros((batch, 8)), "count": tf.zeros((batch, 1))}

    def call(self, x, begins, state, training=False):
        outputs = []
        for t in range(x.shape[1]):
            output, state = self.step(x[:, t], begins[:, t], state)
            outputs.append(output)
        outputs = tf.stack(outputs, axis=1)
        return outputs, state

    def step(self, x, begins, state):
        keep = 1 - tf.cast(begins, tf.float32)[:, None]
        total = keep * state["sum"] + self.inner(x)
        count = keep * state["count"] + 1
        return self.norm(self.outer(total / count)), {"sum": total, "count": count}
"""


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    monkeypatch.setenv(experts.FILES, "")


def written(folder, *changes, name="my_expert.py"):
    """The file with the mean, changed."""
    source = MEAN
    for before, after in changes:
        assert before in source
        source = source.replace(before, after)
    path = folder / name
    path.write_text(source, encoding="utf-8")
    return path


# ---- names that nobody gave


def test_layers_without_names_are_saved_and_resumed(preset, config, vocabulary, tmp_path):
    """Twice in one process, where Keras would count on; and its optimiser goes on."""
    experts.use_file(written(tmp_path))
    config = replace(config, experts=("gru", "mean"))

    def trained(model, made):
        for variable in model.trainable_variables:
            variable.assign_add(tf.ones_like(variable))
        made.apply_gradients([(tf.ones_like(v), v) for v in model.trainable_variables])

    model, made = MoF(config), optimizer(preset, 1e-3)
    made.build(model.trainable_variables)
    trained(model, made)
    checkpoint.save(tmp_path, model, vocabulary, {"step": 1}, made)
    names = list(checkpoint.arrays_of(model.variables))
    assert {"mean/dense/kernel", "mean/dense_1/kernel"} <= set(names)
    for _ in range(2):
        again, _, meta = checkpoint.load(tmp_path)
        assert list(checkpoint.arrays_of(again.variables)) == names
        resumed = optimizer(preset, 1e-3)
        resumed.build(again.trainable_variables)
        checkpoint.restore(tmp_path, meta, "optimizer", resumed.variables)
    for each in ((model, made), (again, resumed)):
        trained(*each)
    for one, other in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_changed_class_is_named(config, vocabulary, tmp_path):
    experts.use_file(written(tmp_path))
    config = replace(config, experts=("mean",))
    checkpoint.save(tmp_path, MoF(config), vocabulary, {"step": 1})
    wider = ("Dense(8)", "Dense(9)"), ("None, 8)", "None, 9)"), ("(batch, 8)", "(batch, 9)")
    experts.use_file(written(tmp_path, *wider))
    with pytest.raises(LabError, match=r"'mean'.*mean/dense/kernel: saved \(\d+, 8\), now .*9\)"):
        checkpoint.load(tmp_path)
    other = MoF(replace(config, router_units=config.router_units + 1))  # not its fault alone
    with pytest.raises(LabError, match="do not fit the configuration"):
        checkpoint.restore(tmp_path, checkpoint.read_meta(tmp_path), "model", other.variables)


# ---- proved


@pytest.mark.parametrize("name", ["gru", "transformer"])
def test_the_labs_experts_are_proved(name):
    assert len(proving.prove(name, tell=lambda line: None)) == len(proving.PROMISES)


def test_the_command_that_is_advised_can_be_typed_anywhere(tmp_path, monkeypatch):
    folder = tmp_path / "my experts"
    folder.mkdir()
    path = written(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(proving, "prove", lambda name, tell: None)
    told = CliRunner().invoke(cli.app, ["expert", path.name]).output
    [_, command] = told.splitlines()[-1].split(": ")
    assert shlex.split(command) == ["export", f"{experts.FILES}={path.resolve()}"]


def test_the_experts_of_files_are_proved(tmp_path):
    [source] = [
        cell.source
        for cell in nbformat.read(NOTEBOOK, as_version=4).cells
        if cell.source.startswith("%%writefile")
    ]
    (tmp_path / "convolution.py").write_text(source.partition("\n")[2], encoding="utf-8")
    written(tmp_path)
    for name in ("convolution", "my_expert"):
        told = CliRunner().invoke(cli.app, ["expert", str(tmp_path / f"{name}.py")])
        assert told.exit_code == 0 and told.output.count("✓") == len(proving.PROMISES)


BAD = {
    "does not take": [("def step(self, x, begins, state)", "def step(self, x, state)")],
    r"expected \(2, 3, 40\).*output_dim": [("Dense(output_dim)", "Dense(output_dim + 1)")],
    r"float32 from call; expected \(outputs, state\)": [
        ("return outputs, state", "return outputs")
    ],
    "state of .* changes in call": [
        ('{"sum": total, "count": count}', '{"sum": total, "count": count, "more": count}')
    ],
    "ignores batch": [
        ("tf.zeros((batch, 1))}", 'tf.zeros((batch, 1)), "memory": tf.zeros((1, 1))}'),
        ('"count": count}', '"count": count, "memory": state["memory"]}'),
    ],
    "mixes the texts": [
        ("return self.norm(", "total += tf.reduce_mean(total, 0)\n        return self.norm(")
    ],
    "sees the future": [
        (
            "return outputs, state",
            "return outputs + tf.reduce_mean(x, (1, 2))[:, None, None], state",
        )
    ],
    "sees the future.*": [  # through a norm, which a shift of all channels would not show
        (
            "return outputs, state",
            "seen = keras.layers.LayerNormalization(scale=False, center=False)(x)\n"
            "        return outputs + tf.reduce_mean(seen**3, (1, 2))[:, None, None], state",
        )
    ],
    "stopped in the check “It takes any number of texts at once”: ValueError: too many": [
        (
            "outputs = []",
            "outputs = []\n        if len(x) > 2:\n            raise ValueError('too many')",
        )
    ],
    "'mean' calls itself 'my_mean'": [
        ("super().__init__(**kwargs)", "super().__init__(name='my_mean')")
    ],
    "does not forget": [("keep * state", "state")],
    "other outputs in steps": [("return outputs, state", "return 2 * outputs, state")],
    "No gradient reaches mean/dense/kernel": [
        ("+ self.inner(x)", "+ tf.stop_gradient(self.inner(x))")
    ],
    "stopped in call, compiled": [
        (
            "outputs = tf.stack(outputs, axis=1)",
            "outputs = tf.constant(tf.stack(outputs, 1).numpy())",
        )
    ],
    "other outputs in call once it is compiled": [
        ("return outputs, state", "return outputs * (1 + tf.executing_eagerly()), state"),
        ("output, state = self.step(", "output, state = self.either("),
        (
            "    def step(self, x, begins, state):",
            "    def step(self, x, begins, state):\n"
            "        output, state = self.either(x, begins, state)\n"
            "        return 2 * output, state\n\n"
            "    def either(self, x, begins, state):",
        ),
    ],
    "other outputs in step once it is compiled": [
        ("output, state = self.step(", "output, state = self.either("),
        (
            "    def step(self, x, begins, state):",
            "    def step(self, x, begins, state):\n"
            "        output, state = self.either(x, begins, state)\n"
            "        return output * (2 - tf.executing_eagerly()), state\n\n"
            "    def either(self, x, begins, state):",
        ),
    ],
    "and, made again,": [
        (
            "self.inner, self.outer",
            "Mean.made = getattr(Mean, 'made', 0) + 1\n        self.inner, self.outer",
        ),
        ("Dense(8)", "Dense(8, name=f'inner_{Mean.made}')"),
    ],
}


@pytest.mark.parametrize("said", BAD)
def test_a_promise_that_does_not_hold_is_named(tmp_path, said):
    experts.use_file(written(tmp_path, *BAD[said]))
    with pytest.raises(LabError, match=said):
        proving.prove("mean", tell=lambda line: None)


def test_an_expert_that_begins_with_a_norm_reads_its_input(tmp_path):
    """A shift of all channels changes nothing there; other characters do."""
    changes = (
        ("self.inner(x)", "self.inner(self.first(x))"),
        ("self.inner.build(shape)", "self.first.build(shape)\n        self.inner.build(shape)"),
        ("self.norm =", "self.first = keras.layers.LayerNormalization()\n        self.norm ="),
    )
    experts.use_file(written(tmp_path, *changes))
    assert len(proving.prove("mean", tell=lambda line: None)) == len(proving.PROMISES)


@pytest.mark.parametrize("said", ["output_dim", "outputs, state"])
def test_a_model_names_the_expert_that_breaks_it(config, tmp_path, said):
    [changes] = [changes for each, changes in BAD.items() if said in each]
    experts.use_file(written(tmp_path, *changes))
    with pytest.raises(LabError, match="expert 'mean'"):
        MoF(replace(config, experts=("gru", "mean")))


# ---- registered


def test_what_is_no_expert_is_refused(tmp_path):
    for changes, said in {
        ('@expert("mean")', "@expert"): r'write @expert\("name"\) above Mean',
        ("def step", "def stride"): "Mean has no step",
        ('@expert("mean")', ""): "registers no expert",
        ('"mean"', '"gru"'): "^'gru' is an expert of the lab",
    }.items():
        with pytest.raises(LabError, match=said):
            experts.use_file(written(tmp_path, changes))
    with pytest.raises(LabError, match="There is no file"):
        experts.use_file(tmp_path / "nowhere.py")
    with pytest.raises(LabError, match="expected a .py file"):
        experts.use_file(tmp_path)
    assert os.environ[experts.FILES] == ""


def test_another_file_with_the_same_name_says_so(tmp_path):
    path = written(tmp_path)
    assert experts.use_file(path) == experts.use_file(path) == ["mean"]
    other = written(tmp_path, name="other.py")
    with pytest.raises(LabError, match=r"'mean' in .*other.py is registered by .*my_expert.py"):
        experts.use_file(other)
    path.unlink()  # renamed
    assert experts.use_file(other) == ["mean"]
    assert os.environ[experts.FILES] == str(other)  # other processes look for no file that is gone


def test_a_file_is_handed_on_once_however_it_is_called(tmp_path, monkeypatch):
    path = written(tmp_path)
    (tmp_path / "link.py").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(experts.FILES, os.pathsep.join([path.name, "", path.name]))
    for way in (path, path.name, "link.py", tmp_path / ".." / tmp_path.name / path.name):
        assert experts.use_file(way) == ["mean"]
        assert os.environ[experts.FILES] == str(path.resolve())


def test_a_name_that_is_nearly_right(config):
    with pytest.raises(LabError, match="did you mean transformer"):
        MoF(replace(config, experts=("transfomer",)))

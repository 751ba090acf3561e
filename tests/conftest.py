"""What the tests share: a toy world, toy models, and a clean slate after each test.

TensorFlow is imported by the fixtures that need it only, so that one quick test stays quick.
"""

import os
import random
import sys

import pytest
from hypothesis import settings

for name, value in (
    ("TF_CPP_MIN_LOG_LEVEL", "3"),
    ("MALLOC_ARENA_MAX", "1"),
    ("CUDA_VISIBLE_DEVICES", "-1"),
    ("TF_NUM_INTRAOP_THREADS", "1"),  # toy models are quicker without a pool of threads
    ("TF_NUM_INTEROP_THREADS", "1"),
    ("XLA_FLAGS", "--xla_backend_optimization_level=0"),  # a toy runs for less than it compiles
    ("HF_HUB_OFFLINE", "1"),  # a data set that is not a local file is an error at once
    ("HF_DATASETS_OFFLINE", "1"),
):
    os.environ[name] = value

settings.register_profile(
    "lab", deadline=None, derandomize=True, database=None, max_examples=30, print_blob=False
)
settings.load_profile("lab")

WINDOW, BATCH = 32, 4


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: runs with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def own_caches(tmp_path_factory):
    """Libraries keep their caches in a folder of this test run."""
    os.environ["HF_HOME"] = str(tmp_path_factory.mktemp("huggingface"))


@pytest.fixture(autouse=True)
def clean_slate():
    """What is global is afterwards as before: experts, presets, language, random numbers, cwd."""
    import numpy as np

    folder, environment = os.getcwd(), dict(os.environ)
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    registries = {}
    for module, table in (("mof_lab.experts", "EXPERTS"), ("mof_lab.configuration", "PRESETS")):
        if module in sys.modules:
            registries[module, table] = dict(getattr(sys.modules[module], table))
    yield
    for (module, table), before in registries.items():
        getattr(sys.modules[module], table).clear()
        getattr(sys.modules[module], table).update(before)
    if "mof_lab.language" in sys.modules:
        spoken = sys.modules["mof_lab.language"]
        spoken._chosen = spoken._page = None  # as at the start of a session
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)


def toy_rows():
    """A few dozen documents of all kinds."""
    from mof_lab.corpus import _dialogue, _document

    who = ["米米", "阿旺", "灰灰", "老博", "慢慢"]
    where = ["白桥", "树下", "河边"]
    found = []
    for i, name in enumerate(who):
        for j, place in enumerate(where):
            text = f"{name}在{place}等朋友，等了{i + j + 1}天。"
            found.append(_document("story", f"story {name} {place}", text=text))
            asked, answer = f"{name}在哪里？", f"在{place}。"
            found.append(_dialogue("knowledge", asked + place, (asked, answer)))
            total = (f"{i}加{j}是几？", f"是{i + j}。")
            found.append(_dialogue("reasoning", total[0], total))
        found.append(_dialogue("chat", name, (f"我叫{name}", f"你好，{name}！", "再见", "再见。")))
    return found


@pytest.fixture(scope="session")
def rows():
    """`toy_rows`."""
    return toy_rows()


@pytest.fixture(scope="session")
def vocabulary(rows):
    """The characters of `rows`."""
    from mof_lab.corpus import texts
    from mof_lab.vocabulary import Vocabulary

    return Vocabulary.build(texts(rows))


@pytest.fixture(scope="session")
def packs(rows, vocabulary, tmp_path_factory):
    """kind → `Windows` of `rows`."""
    from mof_lab.packing import pack_by_kind

    return pack_by_kind(rows, vocabulary, WINDOW, tmp_path_factory.mktemp("windows"))


def toy_config(vocabulary_size):
    """A toy `ModelConfig`."""
    from mof_lab.configuration import ModelConfig

    return ModelConfig(
        vocabulary_size=vocabulary_size,
        embedding_dim=16,
        gru_units=12,
        num_layers=2,
        num_heads=2,
        router_units=8,
        context_length=200,
    )


@pytest.fixture(scope="session")
def config(vocabulary):
    """`toy_config` for `rows`."""
    return toy_config(len(vocabulary))


def toy_preset(config):
    """A toy `Preset`: all five stages, a few steps each."""
    from mof_lab.configuration import Preset, Stage

    shares = (("story", 0.25), ("chat", 0.25), ("knowledge", 0.25), ("reasoning", 0.25))
    return Preset(
        name="toy",
        about="for the tests",
        model=config,
        stages=(
            Stage("gru", ("stem", "head", "gru"), 6, "gru", False, 3e-3, shares),
            Stage("transformer", ("transformer",), 5, "transformer", False, 3e-3, shares),
            Stage("router", ("router",), 4, "", False, 3e-3, shares),
            Stage("joint", ("all",), 5, "", False, 1e-3, shares),
            Stage("chat", ("all",), 5, "", True, 1e-3, shares[1:]),
        ),
        window=WINDOW,
        batch=BATCH,
        vocabulary_size=200,
        reasoning_examples=40,
        shelves=("core",),
        minutes=5.0,
    )


@pytest.fixture(scope="session")
def preset(config):
    """`toy_preset`."""
    return toy_preset(config)


def scrambled(model, seed=3):
    """The model with noise on every weight, so that no bias is zero and no norm is one."""
    import numpy as np

    rng = np.random.default_rng(seed)
    for variable in model.variables:
        if "float" not in variable.dtype:
            continue  # where the random numbers of a dropout stand
        noise = rng.normal(0, 0.1, variable.shape)
        variable.assign(np.asarray(variable.value + noise, np.float32))
        if variable.constraint is not None:
            variable.assign(variable.constraint(variable.value))
    return model


@pytest.fixture(scope="session")
def model(config):
    """A toy model with random weights, compiled once for all; nobody trains it."""
    from mof_lab.model import MoF

    return scrambled(MoF(config))


@pytest.fixture(scope="session")
def checkpoint_folder(model, vocabulary, tmp_path_factory):
    """A checkpoint of `model`; nobody changes it."""
    from mof_lab import checkpoint

    folder = tmp_path_factory.mktemp("checkpoint")
    checkpoint.save(folder, model, vocabulary, {"step": 3, "stage": "chat"})
    return folder

"""MoF Lab: see how a small language model works, and train one on a plain CPU.

Names and submodules are loaded when they are first used, so that `import mof_lab` is quick and
TensorFlow, slow to load, comes with the first model.
"""

import importlib
import importlib.util
import os
import pkgutil

# The function, not the submodule of that name: imported here, before anything else can bind it.
from .language import language
from .limits import threads_for_tensorflow

__version__ = "0.1.0"

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads them when it is loaded
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
threads_for_tensorflow()

#: Public name → (submodule, its name there).
_PUBLIC = {
    "ChatSession": ("chat", "ChatSession"),
    "LabError": ("errors", "LabError"),
    "MoF": ("model", "MoF"),
    "ModelConfig": ("configuration", "ModelConfig"),
    "PRESETS": ("configuration", "PRESETS"),
    "Preset": ("configuration", "Preset"),
    "Run": ("pipeline", "Run"),
    "Sampling": ("generation", "Sampling"),
    "Trainer": ("training", "Trainer"),
    "Vocabulary": ("vocabulary", "Vocabulary"),
    "fast": ("folders", "fast"),
    "load_checkpoint": ("checkpoint", "load"),
    "preset": ("configuration", "preset"),
    "prove": ("proving", "prove"),
    "run": ("pipeline", "run"),
    "runs_folder": ("folders", "runs_folder"),
    "shipped": ("folders", "shipped"),
}

__all__ = ["language", *_PUBLIC]


def __getattr__(name):
    if name in _PUBLIC:
        module, attribute = _PUBLIC[name]
        value = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
        globals()[name] = value
        return value
    if not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    submodules = {module.name for module in pkgutil.iter_modules(__path__)}
    return sorted({"__version__", *__all__, *submodules})

"""A checkpoint: a folder with `meta.json` and the arrays it names, saved atomically.

    meta.json                    configuration, vocabulary, stage, step, curve, versions, checksums
    model-001200-….safetensors      the weights, by the variables' paths
    optimizer-001200-….safetensors  the optimiser's state, while a stage is unfinished

The arrays are written first under names of their own; `meta.json` is replaced last, in one
operation. Whenever the machine stops, the folder holds the old checkpoint or the new one.
safetensors and JSON hold no code, so loading runs none.
"""

import hashlib
import json
import os
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from .configuration import model_config_from_dict, to_dict
from .errors import LabError
from .vocabulary import Vocabulary

FORMAT = "mof-lab checkpoint 1"
#: Keras numbers these by how many the process has made so far; a checkpoint must not.
COUNTED = re.compile(r"^(adam_w|muon|lion|seed_generator)_\d+(?=/)")


def save(directory, model, vocabulary, meta, optimizer=None):
    """Writes a checkpoint; the one that was there stays whole until the new one is.

    Args:
        directory: made if it is missing.
        meta: JSON values to keep beside the weights; `step` is required.
        optimizer: its state is kept too, for an exact resume.
    """
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tag = f"{meta['step']:06d}"
        parts = {"model": arrays_of(model.variables)}
        if optimizer is not None:
            parts["optimizer"] = arrays_of(optimizer.variables)
        files = {}
        for name, arrays in parts.items():
            content = safetensors.numpy.save(arrays)
            digest = hashlib.sha256(content).hexdigest()
            # Named by content too: other weights of the same step never replace these.
            file_name = f"{name}-{tag}-{digest[:8]}.safetensors"
            write_atomically(directory / file_name, content)
            files[name] = {"file": file_name, "sha256": digest}
        full = {
            "format": FORMAT,
            **meta,
            "config": to_dict(model.config),
            "vocabulary": vocabulary.characters,
            "vocabulary_hash": vocabulary.hash,
            "files": files,
            "versions": {p: version(p) for p in ("mof-lab", "keras", "numpy")},
            "saved": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        text = json.dumps(full, ensure_ascii=False, indent=1)
        write_atomically(directory / "meta.json", text.encode("utf-8"))
    except OSError as error:
        raise LabError(
            f"The checkpoint could not be saved in {directory}: {error.strerror}. "
            "The one saved before is untouched; free some space or choose another folder."
        ) from None
    kept = {entry["file"] for entry in files.values()}
    for path in directory.glob("*-*.safetensors*"):
        if path.name not in kept:
            path.unlink(missing_ok=True)


def write_atomically(path, content):
    """Replaces the file `path` by `content` (bytes), on disk before it gets its name."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def arrays_of(variables):
    """Variables as arrays by path; the order of equal paths is kept by a number."""
    arrays = {}
    for variable in variables:
        name = COUNTED.sub(r"\1", variable.path)
        while name in arrays:
            name += "'"
        arrays[name] = np.asarray(variable.value)
    return arrays


def read_meta(directory):
    """The `meta.json` of a checkpoint, checked."""
    path = Path(directory) / "meta.json"
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        known = meta["format"] == FORMAT
        _ = meta["config"], meta["vocabulary"], meta["step"], meta["files"]["model"]["sha256"]
    except FileNotFoundError:
        raise LabError(
            f"There is no checkpoint in {directory}; expected a folder with meta.json, "
            "as the lab's training makes it."
        ) from None
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        raise LabError(
            f"{path} is damaged or not the lab's; train again or copy it anew."
        ) from None
    if not known:
        raise LabError(f"{path} has the format {meta['format']!r}; this lab reads {FORMAT!r}.")
    return meta


def describe(directory):
    """What a checkpoint is, without its weights and without TensorFlow.

    Returns:
        (ModelConfig, Vocabulary, dict): the dict is its `meta`.
    """
    meta = read_meta(directory)
    vocabulary = Vocabulary(meta["vocabulary"])
    config = model_config_from_dict(meta["config"])
    if vocabulary.hash != meta["vocabulary_hash"] or len(vocabulary) != config.vocabulary_size:
        raise LabError(f"The vocabulary in {directory} does not fit its model; copy it anew.")
    return config, vocabulary, meta


def load(directory):
    """The model and the vocabulary of a checkpoint, and its `meta`.

    Returns:
        (MoF, Vocabulary, dict)
    """
    from .model import MoF  # TensorFlow is slow to import

    config, vocabulary, meta = describe(directory)
    model = MoF(config)
    restore(directory, meta, "model", model.variables)
    return model, vocabulary, meta


def restore(directory, meta, part, variables):
    """Sets variables to the arrays of one part of a checkpoint."""
    entry = meta["files"].get(part)
    if entry is None:
        raise LabError(f"The checkpoint in {directory} has no {part}; it can't go on from there.")
    path = Path(directory) / Path(entry["file"]).name
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise LabError(
                f"{path} is damaged (its checksum differs); copy it anew or train again."
            )
        arrays = safetensors.numpy.load(content)
    except OSError:
        raise LabError(f"{path} is missing or can't be read; copy the checkpoint anew.") from None
    except safetensors.SafetensorError:
        raise LabError(f"{path} is not a safetensors file; copy the checkpoint anew.") from None
    current = arrays_of(variables)
    if {k: v.shape for k, v in current.items()} != {k: v.shape for k, v in arrays.items()}:
        raise LabError(f"The weights in {path} do not fit the configuration in meta.json.")
    for name, variable in zip(current, variables, strict=True):
        variable.assign(arrays[name])

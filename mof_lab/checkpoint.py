"""A checkpoint: a folder with `meta.json` and the arrays it names, saved atomically.

    meta.json                    configuration, vocabulary, stage, step, curve, versions, checksums
    model-001200-….safetensors      the weights, by the variables' paths
    optimizer-001200-….safetensors  the optimiser's state, while a stage is unfinished

The arrays are written first under names of their own; `meta.json` is replaced last, in one
operation. Whenever the machine stops, the folder holds the old checkpoint or the new one.
safetensors and JSON hold no code, so loading runs none. What is loaded was checked before a model
is made of it: every file against its checksum, `meta.json` against its own, names, shapes and
types against the configuration.

Formats: 1 had no checksum of `meta.json`; it is still read.
"""

import contextlib
import hashlib
import json
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from .configuration import model_config_from_dict, to_dict
from .errors import LabError
from .files import write_atomically
from .vocabulary import Vocabulary

FORMAT = "mof-lab checkpoint 2"
READABLE = ("mof-lab checkpoint 1", FORMAT)
#: What `meta.json` holds: always, and where a training made it.
ALWAYS = {"config": dict, "vocabulary": str, "step": int, "files": dict}
PERHAPS = {
    "stage": str,
    "preset": str,
    "seed": int,
    "record": dict,
    "vocabulary_hash": str,
    "versions": dict,
    "saved": str,
}
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
        parts = {"model": model} | ({} if optimizer is None else {"optimizer": optimizer})
        files = {
            name: _write_part(directory, f"{name}-{tag}", part.variables)
            for name, part in parts.items()
        }
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
        text = json.dumps(sealed(full), ensure_ascii=False, indent=1)
        write_atomically(directory / "meta.json", text.encode("utf-8"))
    except OSError as error:
        raise LabError(
            f"The checkpoint could not be saved in {directory}: {error.strerror}. "
            "The one saved before is untouched; free some space or choose another folder."
        ) from None
    kept = {entry["file"] for entry in files.values()}
    for path in directory.glob("*-*.safetensors*"):
        if path.name not in kept:
            with contextlib.suppress(OSError):  # somebody reads it; the next save removes it
                path.unlink(missing_ok=True)


def _write_part(directory, name, variables):
    """Writes one part; its copies are gone before those of the next one are made."""
    content = safetensors.numpy.save(arrays_of(variables))
    digest = hashlib.sha256(content).hexdigest()
    # Named by content too: other weights of the same step never replace these.
    file_name = f"{name}-{digest[:8]}.safetensors"
    write_atomically(directory / file_name, content)
    return {"file": file_name, "sha256": digest}


def sealed(meta):
    """The meta with the checksum of all that is in it."""
    rest = {key: value for key, value in meta.items() if key != "checksum"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode("utf-8")).hexdigest()
    return {**rest, "checksum": digest}


def arrays_of(variables):
    """Variables as arrays by path; the order of equal paths is kept by a number."""
    arrays = {}
    for variable in variables:
        name = COUNTED.sub(r"\1", variable.path)
        while name in arrays:
            name += "'"
        arrays[name] = np.asarray(variable.numpy())  # also of a distributed variable
    return arrays


def read_meta(directory):
    """The `meta.json` of a checkpoint, checked."""
    path = Path(directory) / "meta.json"
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        made_in = meta["format"]
        if made_in in READABLE:
            whole = _whole(meta)
    except FileNotFoundError:
        raise LabError(
            f"There is no checkpoint in {directory}; expected a folder with meta.json, "
            "as the lab's training makes it."
        ) from None
    except OSError as error:
        raise LabError(f"{path} can't be read ({error.strerror}); check the folder.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise LabError(
            f"{path} is damaged or not the lab's; train again or copy it anew."
        ) from None
    if made_in not in READABLE:
        raise LabError(
            f"{path} has the format {str(made_in)[:80]!r}; this lab reads up to {FORMAT!r}: "
            "update the lab if a newer one made it, or train again."
        )
    if not whole:
        raise LabError(f"{path} is damaged or was changed by hand; copy it anew or train again.")
    return meta


def _whole(meta):
    """Is it as it was written? KeyError or TypeError where it is no meta of ours."""
    if not all(_is(meta[key], kind) for key, kind in ALWAYS.items()):
        raise TypeError
    if not all(_is(meta[key], kind) for key, kind in PERHAPS.items() if key in meta):
        raise TypeError
    if not (meta["step"] >= 0 and _is(meta["files"]["model"]["sha256"], str)):
        raise TypeError
    if meta["format"] == READABLE[0] and "checksum" not in meta:
        return True
    return meta["checksum"] == sealed(meta)["checksum"]


def _is(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool)


def describe(directory):
    """What a checkpoint is, without its weights and without TensorFlow.

    Returns:
        (ModelConfig, Vocabulary, dict): the dict is its `meta`.
    """
    meta = read_meta(directory)
    vocabulary = Vocabulary(meta["vocabulary"])
    config = model_config_from_dict(meta["config"])
    fits = vocabulary.hash == meta.get("vocabulary_hash")
    if not fits or len(vocabulary) != config.vocabulary_size:
        raise LabError(f"The vocabulary in {directory} does not fit its model; copy it anew.")
    return config, vocabulary, meta


def load(directory):
    """The model and the vocabulary of a checkpoint, and its `meta`.

    Returns:
        (MoF, Vocabulary, dict)
    """
    config, vocabulary, meta = describe(directory)
    arrays = read_arrays(directory, meta, "model")
    if sum(array.size for array in arrays.values()) < config.fewest_parameters():
        raise _unfit(directory)  # said before memory is taken for a model that was never trained

    from .model import MoF  # TensorFlow is slow to import

    model = MoF(config)
    _assign(directory, arrays, model.variables)
    return model, vocabulary, meta


def restore(directory, meta, part, variables):
    """Sets variables to the arrays of one part of a checkpoint."""
    _assign(directory, read_arrays(directory, meta, part), variables)


def read_arrays(directory, meta, part):
    """The arrays of one part of a checkpoint by name, as they were written."""
    return read_part(directory, meta, part)[2]


def read_part(directory, meta, part):
    """(name of its file, that file's bytes, its arrays by name) of one part of a checkpoint."""
    entry = meta["files"].get(part)
    if entry is None:
        raise LabError(f"The checkpoint in {directory} has no {part}; it can't go on from there.")
    try:
        path = Path(directory) / Path(entry["file"]).name
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise LabError(
                f"{path} is damaged (its checksum differs); copy it anew or train again."
            )
        arrays = safetensors.numpy.load(content)
    except OSError:
        raise LabError(f"{path} is missing or can't be read; copy the checkpoint anew.") from None
    except LabError:
        raise
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError):
        raise LabError(
            f"The {part} in {directory} is no safetensors file; copy the checkpoint anew."
        ) from None
    if not all(np.isfinite(a).all() for a in arrays.values() if a.dtype.kind == "f"):
        raise LabError(f"{path} holds weights that are no numbers; train again or copy it anew.")
    return path.name, content, arrays


def _assign(directory, arrays, variables):
    current = arrays_of(variables)

    def form(arrays):
        return {name: (array.shape, array.dtype) for name, array in arrays.items()}

    if form(current) != form(arrays):
        raise _changed(directory, arrays, current) or _unfit(directory)
    for name, variable in zip(current, variables, strict=True):
        variable.assign(arrays[name])


def _changed(directory, saved, current):
    """An error that says which weights of an own expert's class changed.

    None where a weight of the lab's differs too: then the checkpoint is of another model.
    """
    from .experts import is_own

    said = None
    for name in [*current, *saved]:
        owner = name.split("/")[0]
        before, now = (
            str(arrays[name].shape) if name in arrays else "none" for arrays in (saved, current)
        )
        if before == now:
            continue
        if not is_own(owner):
            return None
        said = said or (
            f"The weights of the expert {owner!r} in {directory} have other names or shapes "
            f"than its class makes now ({name}: saved {before}, now {now}); use the file it "
            "was trained with, or train anew."
        )
    return said and LabError(said)


def _unfit(directory):
    return LabError(
        f"The weights in {directory} do not fit the configuration in meta.json; "
        "copy the checkpoint anew."
    )

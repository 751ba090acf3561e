"""What a checkpoint is, in words, and whether it is whole."""

import hashlib
from dataclasses import asdict
from pathlib import Path

from . import checkpoint, litert
from .console import shown
from .errors import LabError
from .progress import Record, clock
from .vocabulary import SPECIAL_NAMES


def facts_about(folder):
    """(name, value) pairs about a checkpoint; damaged files are an error."""
    meta = checkpoint.read_meta(folder)
    size = sum(len(content) for content in checked_files(folder, meta))
    model, vocabulary, _ = checkpoint.load(folder)
    record = asdict(Record.of(meta["record"], folder)) if "record" in meta else {}
    measured = [(step, bits) for step, _, _, bits in record.get("curve", ()) if bits is not None]
    yield "checkpoint", shown(folder)
    yield "preset", meta.get("preset", "unknown")
    yield "stage", meta.get("stage", "unknown")
    if record:
        state = "finished" if record["done"] else "unfinished"
        yield "step", f"{meta['step']} of {record['steps']}, {state}"
        yield "trained", f"{record['tokens']:,} characters in {clock(record['seconds'])}"
    if measured:
        step, bits = measured[-1]
        yield "held out", f"{bits:.3f} bits per character after step {step}"
    yield "parameters", f"{model.count_params():,}"
    for name, layers in model.parts().items():
        yield f"  {name}", f"{sum(layer.count_params() for layer in layers):,}"
    yield "vocabulary", f"{len(vocabulary.characters):,} characters, {len(SPECIAL_NAMES)} special"
    yield "context", f"{model.config.context_length:,} characters"
    yield "versions", ", ".join(f"{k} {v}" for k, v in meta.get("versions", {}).items())
    yield "saved", meta.get("saved", "unknown")
    yield "size", f"{size / 1e6:.1f} MB"
    yield "checksums", "right"
    try:
        card = litert.read_card(folder, meta)
        yield "export", about_export(card) if card else "none; mof-lab export makes one"
    except LabError as error:
        yield "export", str(error)


def checked_files(folder, meta):
    """The contents of all files of a checkpoint, each of the checksum it should have."""
    yield (folder / "meta.json").read_bytes()
    for entry in meta["files"].values():
        path = folder / Path(entry["file"]).name
        try:
            content = path.read_bytes()
        except OSError:
            raise LabError(
                f"{path} is missing or can't be read; copy the checkpoint anew."
            ) from None
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise LabError(
                f"{path} is damaged (its checksum differs); copy it anew or train again."
            )
        yield content


def about_export(card):
    """An export in words."""
    near = card["difference"]
    return (
        f"{card['precision']}, {card['bytes'] / 1e6:.1f} MB, {near['bits']:.4f} bits a character "
        f"away from the weights, {near['same']:.1%} of the most probable characters the same"
    )

"""Text that does not fit into memory: streamed, tokenised once, then read from memory-mapped files.

    rows = documents("json", folder, data_files="texts/*.jsonl", processes=4)
    vocabulary = vocabulary_of(rows, 6000)
    tokenise(rows, vocabulary, 256, folder, processes=4)
    packs = open_shards(folder, "train")      # for `training.Trainer` and `packing.Batches`

At no time does a process hold more than a batch of documents. With several workers each takes its
part of the source and writes its own shards; all read all of them.
"""

import glob
import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np

from . import corpus, hub
from .errors import LabError, cause_of
from .files import write_atomically
from .packing import STAMP, Windows, open_packed, pack
from .splits import is_held_out
from .vocabulary import Vocabulary

SPLITS = ("train", "held_out")


def documents(name, directory, part=0, parts=1, processes=1, **options):
    """The documents of a source as a `datasets.Dataset` on disk.

    Args:
        name: of a data set of the Hub, a folder, or a format of files: "json", "text", "parquet".
        directory: where they are kept until `tokenise` is done.
        part, parts: this worker's part of the source.
        processes: that read at the same time, each a part of the part.
        options: for `datasets.load_dataset`, e.g. `data_files=`.
    """
    import datasets  # slow to import

    places = [part * processes + i for i in range(processes)]
    try:
        return datasets.Dataset.from_generator(
            _rows,
            features=datasets.Features({"row": datasets.Value("string")}),
            cache_dir=str(_waiting(directory, part)),
            gen_kwargs={
                "places": places,
                "of": parts * processes,
                "name": name,
                "options": options,
                "state": _state(name, **options),
            },
            num_proc=processes if processes > 1 else None,
        )
    except datasets.exceptions.DatasetGenerationError as error:
        raise LabError(cause_of(error.__cause__ or error)) from None


def _state(name, data_files=(), data_dir=None, **_):
    """Path, size and time of change of a source's local files, as one string.

    `datasets` keeps documents under the arguments of `_rows`, so that what changed is read again;
    a list would be divided among processes.
    """
    folders = [folder for folder in (name, data_dir) if folder and os.path.isdir(folder)]
    patterns = [*_flat(data_files or ()), *(os.path.join(glob.escape(f), "**") for f in folders)]
    paths = {path for pattern in patterns for path in glob.glob(pattern, recursive=True)}
    found = [(path, os.stat(path)) for path in sorted(paths) if os.path.isfile(path)]
    return "\n".join(f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in found)


def _flat(names):
    """The names in what `data_files=` takes: one, some, or those of each split."""
    if isinstance(names, str | os.PathLike):
        return [os.fspath(names)]
    names = names.values() if isinstance(names, dict) else names
    return [name for each in names for name in _flat(each)]


def _rows(places, of, name, options, state):
    for place in places:
        found = hub.read(name, part=place, parts=of, streaming=True, **options)
        for where, item in found:
            row = corpus.document(where, item)
            if row is not None:
                yield {"row": json.dumps(row, ensure_ascii=False)}


def vocabulary_of(rows, size, limit=100_000):
    """The characters of the first `limit` documents that are trained on, see `Vocabulary.build`."""
    found = (json.loads(row) for batch in rows.take(limit).iter(1000) for row in batch["row"])
    trained = (row for row in found if not is_held_out(row["key"], corpus.HELD_OUT_SHARE))
    return Vocabulary.build(corpus.texts(trained), size, min_count=2)


class Packer:
    """Windows from a batch of documents: for `datasets.map` and for Ray Data's `map_batches`.

    Called with {"row": documents as JSON}; gives `split` and `kind` (windows,), places in `SPLITS`
    and `corpus.KINDS`, and `tokens` and `roles` (windows, window + 1).
    """

    def __init__(self, vocabulary, window, seed=1):
        self.vocabulary, self.window, self.seed = vocabulary, window, seed

    def __call__(self, batch):
        groups = {}
        for text in batch["row"]:
            row = json.loads(text)
            split = int(is_held_out(row["key"], corpus.HELD_OUT_SHARE))
            groups.setdefault((split, corpus.KINDS.index(row["kind"])), []).append(row)
        found = {"split": [], "kind": [], "tokens": [], "roles": []}
        for (split, kind), rows in sorted(groups.items()):
            windows = pack(rows, self.vocabulary, self.window, self.seed)
            found["split"].append(np.full(len(windows), split, np.uint8))
            found["kind"].append(np.full(len(windows), kind, np.uint8))
            found["tokens"].append(windows.tokens)
            found["roles"].append(windows.roles)
        return {name: np.concatenate(parts) for name, parts in found.items()}


def tokenise(rows, vocabulary, window, directory, part=0, parts=1, processes=1, batch=500, seed=1):
    """Writes the windows of `rows` into `directory`, unless they are there.

    Args:
        rows: what `documents` gave for the same part.
        part, parts: the number of this worker, and how many there are.
        batch: documents that are packed together; more fill windows better and need more memory.
    """
    import datasets

    if part not in range(parts):
        raise LabError(f"There is no part {part} of {parts}; parts are numbered from 0.")
    content = {"vocabulary": vocabulary.hash, "window": window, "seed": seed, "parts": parts}
    wanted = {"content": content, "documents": _hash_of(rows)}
    folders = [_folder(directory, split, part) for split in SPLITS]
    if all(wanted.items() <= _stamp(folder).items() for folder in folders):
        shutil.rmtree(_waiting(directory, part), ignore_errors=True)
        return
    number, length = datasets.Value("uint8"), window + 1
    packed = rows.map(
        Packer(vocabulary, window, seed),
        batched=True,
        batch_size=batch,
        num_proc=processes if processes > 1 else None,
        remove_columns=["row"],
        features=datasets.Features(
            split=number,
            kind=number,
            tokens=datasets.Sequence(datasets.Value("uint16"), length=length),
            roles=datasets.Sequence(number, length=length),
        ),
    )
    splits, kinds = (packed.data.column(name).to_numpy() for name in ("split", "kind"))
    for i, folder in enumerate(folders):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / STAMP).unlink(missing_ok=True)  # it comes back when all arrays are there
        there = []
        for k, kind in enumerate(corpus.KINDS):
            chosen = np.flatnonzero((splits == i) & (kinds == k))
            if len(chosen):
                there.append(kind)
                for what, form in (("tokens", np.uint16), ("roles", np.uint8)):
                    _write(folder / f"{kind}.{what}.npy", packed, what, form, chosen, length)
        stamp = json.dumps({**wanted, "kinds": there})
        write_atomically(folder / STAMP, stamp.encode("utf-8"))
    del packed
    shutil.rmtree(_waiting(directory, part), ignore_errors=True)


def _hash_of(rows, batch=1000):
    """The sha256 of the documents, read batch by batch."""
    digest = hashlib.sha256()
    for found in rows.iter(batch):
        digest.update("\n".join([*found["row"], ""]).encode("utf-8"))
    return digest.hexdigest()


def _write(path, packed, what, form, chosen, length, rows=4096):
    """An array file, written piece by piece: a writable memory map would fill the memory."""
    source = packed.with_format("arrow")
    with path.open("wb") as file:
        shape = {"descr": np.dtype(form).str, "fortran_order": False}
        np.lib.format.write_array_header_2_0(file, {**shape, "shape": (len(chosen), length)})
        for start in range(0, len(chosen), rows):
            piece = source[chosen[start : start + rows]].column(what).combine_chunks()
            file.write(piece.flatten().to_numpy().astype(form).tobytes())


def open_shards(directory, split):
    """kind → `Windows` over the shards of all workers, memory-mapped.

    Raises:
        LabError: there are none, some are missing, or they do not belong together.
    """
    stamps = {f: _stamp(f) for f in sorted((Path(directory) / split).glob("part-*"))}
    contents = [stamp["content"] for stamp in stamps.values() if stamp]
    if not contents:
        raise LabError(f"There are no windows in {directory}; make some with shards.tokenise.")
    parts = contents[0].get("parts", "?")
    if any(content != contents[0] for content in contents) or len(contents) != parts:
        raise LabError(
            f"{directory} holds shards of {len(contents)} of {parts} workers, or of several "
            "vocabularies, windows or seeds; remove it and tokenise again."
        )
    opened = [open_packed(folder) for folder, stamp in stamps.items() if stamp]
    return {
        kind: Windows(
            Joined([packs[kind].tokens for packs in opened if kind in packs]),
            Joined([packs[kind].roles for packs in opened if kind in packs]),
        )
        for kind in corpus.KINDS
        if any(kind in packs for packs in opened)
    }


class Joined:
    """Arrays one after the other as one; only the rows that are asked for are read.

    `np.asarray` reads all of them into memory.
    """

    def __init__(self, arrays):
        self.arrays = arrays
        self.ends = np.cumsum([len(array) for array in arrays])

    def __len__(self):
        return int(self.ends[-1])

    def __getitem__(self, row):
        """A row, counted from 0, or the rows of an array of numbers or a mask: (rows, window + 1).

        Raises:
            IndexError: there is no such row.
        """
        if np.ndim(row):
            rows = np.flatnonzero(row) if np.asarray(row).dtype == bool else row
            return np.stack([self[one] for one in rows])
        if not 0 <= row < len(self):
            raise IndexError(f"There is no row {row}; rows are numbered from 0 to {len(self) - 1}.")
        place = int(np.searchsorted(self.ends, row, side="right"))
        array = self.arrays[place]
        return array[row - self.ends[place] + len(array)]

    def __array__(self, dtype=None, copy=None):
        return np.concatenate(self.arrays, dtype=dtype, casting="unsafe")


def _folder(directory, split, part):
    return Path(directory) / split / f"part-{part:05d}"


def _waiting(directory, part):
    return Path(directory) / f"documents-{part:05d}"


def _stamp(folder):
    path = folder / STAMP
    return json.loads(path.read_text(encoding="utf-8")) if os.path.exists(path) else {}

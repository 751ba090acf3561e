"""Local files, row by row: .txt, .jsonl, .json, .csv and .parquet, in UTF-8 or GB18030."""

import codecs
import csv
import json
import os
from collections import Counter
from pathlib import Path

from .errors import LabError

#: Characters of a document of a text file: longer ones are cut at a line's end.
DOCUMENT = 1_000
#: Characters of a line; what is longer is no text that somebody wrote.
LINE = 1_000_000
#: Bytes of a .json file, which is read at once.
WHOLE = 1 << 28
#: Bytes at the beginning of a file that tell in which encoding it was saved.
BEGINNING = 1 << 20
#: Share of a text's characters beyond ASCII that are common Chinese ones, if it is Chinese.
COMMON = 0.8


def read(path):
    """The rows of a local file.

    Args:
        path: a .txt file (an empty line ends a document, and so does a line's end after
            `DOCUMENT` characters), .jsonl (a row a line), .json (a list of rows), .csv (with a
            header) or .parquet.

    Yields:
        (where, row): what an error calls it, and a dictionary.

    Raises:
        LabError: there is no such file, or it can't be read; with the line.
    """
    path = Path(path)
    _check(path)
    for place, row in FORMATS[path.suffix.lower()](path):
        yield f"{path.name}, {place}", row


def is_file(source):
    """Does a source name a file rather than a data set?"""
    return Path(source).suffix.lower() in FORMATS or os.path.isfile(source)


def encoding(path):
    """ "utf-8-sig", or "gb18030" (which GBK and GB2312 are part of) where that gives Chinese text.

    Windows has long saved Chinese text as GBK. Other bytes that happen to be valid GB18030, such
    as damaged UTF-8 or Japanese, give rare characters, and stay UTF-8 to be refused as such.
    """
    if Path(path).suffix.lower() == ".parquet":
        return "utf-8-sig"
    with Path(path).open("rb") as file:
        beginning = file.read(BEGINNING)
    whole = len(beginning) < BEGINNING
    for name in ("utf-8-sig", "gb18030"):
        try:
            text = codecs.getincrementaldecoder(name)().decode(beginning, whole)
        except UnicodeDecodeError:
            continue
        if name != "gb18030" or _is_chinese(text):
            return name
    return "utf-8-sig"


def _is_chinese(text):
    """Are nearly all characters beyond ASCII of GB2312's punctuation or its 3,755 common ones?"""
    found = Counter(text)  # few characters make up a long text: each is looked up once
    beyond = {character: times for character, times in found.items() if character > "\x7f"}
    common = sum(times for character, times in beyond.items() if _is_common(character))
    return common >= COMMON * sum(beyond.values()) > 0


def _is_common(character):
    code = character.encode("gb2312", "ignore")
    return len(code) == 2 and (code[0] in (0xA1, 0xA3) or 0xB0 <= code[0] <= 0xD7)


def _not_utf8(path, error):
    return LabError(
        f"{path.name} is not UTF-8 ({error.reason}); save it as UTF-8, for example in a text "
        "editor. 不是 UTF-8（可能是 GBK）。请用记事本“另存为”，编码选 UTF-8。"
    )


def _check(path):
    if not path.is_file():
        raise LabError(f"There is no file {path}; give the path of an existing text file.")
    if path.suffix.lower() not in FORMATS:
        raise LabError(f"{path.name}: expected one of {', '.join(FORMATS)}; rename or convert it.")
    try:
        if path.stat().st_size == 0:
            raise LabError(f"{path.name} is empty; expected some text.")
    except OSError as error:
        raise LabError(f"{path.name} can't be read ({error.strerror}); check the file.") from None


def _lines(path):
    """(number, line without its end) of a text file; a byte order mark is no text."""
    try:
        with path.open(encoding=encoding(path)) as file:
            number = 0
            while line := file.readline(LINE + 1):
                number += 1
                if "\0" in line:
                    raise LabError(f"{path.name} is a binary file; expected text in UTF-8.")
                if len(line.rstrip("\n")) > LINE:
                    raise LabError(
                        f"{path.name}, line {number}, has more than {LINE:,} characters; "
                        "break it into lines."
                    )
                yield number, line.rstrip("\n")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from None


def _documents(path):
    start, lines, size = 1, [], 0
    for number, line in _lines(path):
        if line.strip():
            start = start if lines else number
            lines.append(line)
            size += len(line)
        if lines and (not line.strip() or size >= DOCUMENT):
            yield f"line {start}", {"text": "\n".join(lines)}
            lines, size = [], 0
    if lines:
        yield f"line {start}", {"text": "\n".join(lines)}


def _json_lines(path):
    for number, line in _lines(path):
        if line.strip():
            yield f"line {number}", _json(line, path.name, number)


def _json_list(path):
    size = path.stat().st_size
    if size > WHOLE:
        raise LabError(
            f"{path.name} has {size:,} bytes; expected at most {WHOLE:,}: "
            "write it as .jsonl, one row a line."
        )
    try:
        text = path.read_text(encoding=encoding(path))
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from None
    first, _, rest = text.strip().partition("\n")
    if rest.strip() and first.startswith("{") and first.rstrip().endswith("}"):
        yield from _json_lines(path)  # JSON lines under the other name are common
        return
    rows = _json(text, path.name)
    for i, row in enumerate(rows if isinstance(rows, list) else [rows], start=1):
        yield f"row {i}", row


def _json(text, name, line=None):
    try:
        return json.loads(text, object_pairs_hook=_once)
    except LabError as error:
        raise LabError(f"{name}, line {line}: {error}" if line else f"{name}: {error}") from None
    except (ValueError, RecursionError) as error:
        at = line or getattr(error, "lineno", 1)
        deep = isinstance(error, RecursionError)
        reason = "nested too deeply" if deep else getattr(error, "msg", str(error))
        raise LabError(f"{name}, line {at}, is not JSON ({reason}); expected one row.") from None


def _once(pairs):
    """A JSON object whose names are all different."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise LabError(f"the name {twice[:40]!r} stands twice in one row; keep one.")
    return row


def _table(path):
    rows = csv.reader((line + "\n" for _, line in _lines(path)), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if len(set(header)) < len(header):
            raise LabError(f"{path.name} has two columns of one name; expected {len(header)}.")
        for cells in rows:
            if cells and len(cells) != len(header):
                raise LabError(
                    f"{path.name}, line {rows.line_num}, has {len(cells)} cells; "
                    f"expected {len(header)}, as in the header."
                )
            if cells:
                yield f"line {rows.line_num}", dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise LabError(
            f"{path.name}, line {rows.line_num}, is no table ({error}); expected commas and quotes."
        ) from None


def _parquet(path):
    import pyarrow.parquet  # comes with `datasets`

    try:
        number = 0
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(1_000):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LabError(f"{path.name} could not be loaded as parquet: {reason}") from None


FORMATS = {
    ".txt": _documents,
    ".jsonl": _json_lines,
    ".json": _json_list,
    ".csv": _table,
    ".parquet": _parquet,
}

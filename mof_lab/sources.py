"""Text by name: a source of the catalogue, a local file, or a data set of the Hub.

Here any of them becomes rows of whatever schema; `adapters.py` makes documents of those.
"""

import os
from difflib import get_close_matches
from pathlib import Path

from . import extraction, hub, packages, readers
from .catalogue import CATALOGUE
from .errors import LabError
from .language import beside, short
from .packages import Package


def find(name):
    """The source of that name in the catalogue, or None."""
    return next((source for source in CATALOGUE if source.name == name), None)


def rows(name, opt_in=False, tell=print, options=None):
    """The rows of a source of the catalogue, a file, a folder or a data set of the Hub.

    Args:
        name: see `corpus.load`.
        opt_in: True for a source whose licence the user has judged.
        tell: called with its licence and size before the first row.
        options: for `datasets.load_dataset`.

    Yields:
        (where, row): what an error calls it, and a dictionary of whatever schema.
    """
    source, options = find(name), options or {}
    if source is None and readers.is_file(name):
        only_for_the_hub(name, options)
        found = readers.read(name)
        first = next(found, None)  # what is wrong with the file comes before anything is told
        own, unit = beside("your own file", "自己的文件"), short("bytes", "字节")
        tell(f"{name}: {own}, {Path(name).stat().st_size:,} {unit}")
        if first is not None and readers.encoding(name) == "gb18030":
            tell(f"{name} is not UTF-8: it is read as GB18030. 不是 UTF-8，按 GB18030（GBK）读取。")
        yield from () if first is None else (first, *found)
    elif source is None:
        if "/" not in name and not os.path.isdir(name):
            raise LabError(_unknown(name))
        tell(f"{name}: {hub.about(name)}")
        yield from hub.read(name, **options)
    else:
        if isinstance(source.where, Package):
            only_for_the_hub(name, options)
        announce(source, opt_in, tell)
        if isinstance(source.where, Package):
            yield from _packed(source, tell)
        else:
            yield from hub.read(source.where, **{**source.options, **options})


def _packed(source, tell):
    for path, data in packages.read(source.where, source.files, tell):
        for number, row in enumerate(source.extract(data), start=1):
            yield f"{source.name}: {path}, row {number}", row


def announce(source, opt_in, tell):
    """Says what a source is before it is used, and refuses one that nobody has opted into."""
    licence = f"licence 许可 {source.licence or short('see its card', '见数据卡')}"
    if source.opt_in and not opt_in:
        raise LabError(
            f"The licence of {source.name!r} is for you to judge ({licence}); "
            "if you may use it, say opt_in=True (--opt-in)."
        )
    facts = [source.place, licence, source.size, f"{source.note} {source.chinese}"]
    tell(f"{source.name}: {'; '.join(filter(None, facts))}")
    if source.on_hub:
        tell(f"{source.where}: {hub.about(source.where)}")


def simplify(name):
    """What turns a source's text into simplified characters; None where it has them."""
    source = find(name)
    return extraction.simplifier() if source and source.traditional else None


def sources():
    """The catalogue as a table, in the language of the interface."""
    from .tables import table

    header = short(
        ("name", "where", "licence", "size", "good for"), ("名称", "来源", "许可", "大小", "用途")
    )
    unknown = short("see its card", "见数据卡")
    return table(
        header,
        [
            (
                source.name,
                source.place,
                (source.licence or unknown) + (", opt_in=True" if source.opt_in else ""),
                source.size or unknown,
                short(source.note, source.chinese),
            )
            for source in CATALOGUE
        ],
    )


def only_for_the_hub(name, options):
    """Refuses the Hub's options for what lies elsewhere."""
    if options:
        raise LabError(
            f"{', '.join(options)} can't be used with {name}, only with a data set of the Hub; "
            "limit= takes the beginning of any source."
        )


def _unknown(name):
    known = [source.name for source in CATALOGUE]
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"the catalogue has {', '.join(known)}."
    return (
        f"There is no source {name[:80]!r}; give a name of the catalogue, a file with its ending, "
        f"or owner/name of the Hub: {hint}"
    )

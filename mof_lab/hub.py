"""Data sets of the Hub, or a folder laid out like one, through `datasets`.

`HF_ENDPOINT` names a mirror; it has to be set before `datasets` is first loaded.
"""

import os

from .errors import LabError

UNREACHABLE = (
    "the Hub can't be reached; check the network, name a mirror in HF_ENDPOINT, set "
    "HF_HUB_OFFLINE=1 to read what is in the cache, or use a source that needs no network."
)


def about(name):
    """The licence and size that a data set's card names, as a sentence.

    Raises:
        LabError: the Hub can't be reached (said at once, where `datasets` would try for long).
    """
    if os.path.isdir(name):
        return "a folder of your own 自己的文件夹"
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        card = HfApi().dataset_info(name, timeout=10).card_data or {}
    except (HfHubHTTPError, OfflineModeIsEnabled, ValueError):  # `read` finds out what it means
        return "licence and size unknown here: see its card 许可与大小见数据卡"
    except Exception:  # of whichever HTTP client is in use
        raise LabError(f"The data set {name!r} could not be loaded: {UNREACHABLE}") from None
    licence, size = (card.get(key) or "not named" for key in ("license", "size_categories"))
    return f"licence 许可 {licence}, rows 行数 {size}"


def read(name, /, split="train", part=0, parts=1, **options):
    """The rows of a data set, or a worker's part of them.

    Args:
        name: `owner/name` on the Hub, or a folder.
        split: e.g. "train" or "train[:1%]".
        part, parts: which part of how many; whole files where `parts` divides their number.
        options: for `datasets.load_dataset`, e.g. `data_files=`, `name=` (a configuration) or
            `streaming=True` (nothing is kept; the first rows come at once).

    Yields:
        (where, row): what an error calls it, and a dictionary.

    Raises:
        LabError: it can't be reached or found, or an option doesn't fit.
    """
    import datasets.distributed  # slow to import, and only needed here

    try:
        loaded = datasets.load_dataset(name, split=split, **options)
        if isinstance(loaded, dict):
            raise ValueError(f"it has the splits {', '.join(loaded)}; choose one with split=")
        if parts > 1:
            loaded = datasets.distributed.split_dataset_by_node(loaded, part, parts)
        for number, row in enumerate(loaded, start=1):
            yield f"{name}, row {number}", row
    except Exception as error:  # of datasets, pyarrow, the HTTP client …: each says why
        raise LabError(f"The data set {name!r} could not be loaded: {_reason(error)}") from None


def _reason(error):
    """One sentence: what hindered `datasets`, and what to do."""
    import datasets

    cause = error
    while cause is not None and not isinstance(cause, ConnectionError | FileNotFoundError):
        cause = cause.__cause__ or cause.__context__
    said = str(cause or error).strip().splitlines() or [type(error).__name__]
    what = said[0].rstrip(".")
    what = what if len(what) < 300 else f"{what[:100]} … {what[-150:]}"
    if isinstance(error, datasets.exceptions.DatasetNotFoundError):
        return "the Hub has none of that name that is open to you; check owner/name."
    if isinstance(cause, ConnectionError):
        return UNREACHABLE
    if isinstance(cause, FileNotFoundError):
        return f"{what}; name files that it has with data_files=."
    return f"{what}."

"""The site: every notebook and text of the lab as static pages that need no network.

    python3 lab.py site              into build/site
    python3 lab.py site FOLDER       into a folder of your own, new, empty or an earlier site
    python3 lab.py site --check FOLDER    look a finished site over; nothing is written

Open index.html from disk, or copy the folder to any web server. Pages are in both languages where
the repository has both (notebooks/zh/, README.zh-CN.md); search, pictures, formulas and themes work
offline. A dead link, a formula with a mistake, or anything that a page would load from outside ends
the work with a sentence that says where, and an earlier site stays as it was.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

from website import checks, searching
from website.documents import Library
from website.pages import Pages
from website.rendering import TEMPLATE, Exporter

from mof_lab.errors import LabError

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "site"
SCRIPTS = ("site.css", "site.js", "theme.js", "mark.svg")
INDEX = "assets/search.js"  # also the sign by which an earlier site is known
LARGEST_PAGE, LARGEST = 1_000_000, 15_000_000  # bytes


def build(folder, repository=ROOT, tell=print):
    """Makes the site; an earlier one is replaced when the new one is whole.

    Args:
        folder: where to: new, empty, or an earlier site.
        repository: of the lab.
        tell: takes a line a page.

    Returns:
        The `Pages` that drew it.

    Raises:
        LabError: the folder holds something else, or the repository has a mistake.
    """
    folder = Path(folder).absolute()
    _require_room(folder)
    library = Library(repository)
    pages, rows = Pages(library, Exporter()), []
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        (new / "assets").mkdir(parents=True)
        for number, (name, document) in enumerate(library.documents.items(), start=1):
            try:
                html, sections = pages.draw(document)
            except LabError as error:
                raise LabError(f"{document.source}: {error}") from error
            size = _write(new / name, html)
            if size > LARGEST_PAGE:
                raise LabError(
                    f"{document.source} makes a page of {size:,} bytes, and {LARGEST_PAGE:,} is "
                    "the most that opens well on a phone: shorten its outputs."
                )
            rows += searching.entries(document, sections)
            tell(f"[{number:2}/{len(library.documents)}] {name}")
        _write(new / INDEX, searching.script(rows))
        _bring_along(new, pages)
        wrong = checks.problems(new)
        if wrong:
            rest = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            raise LabError(f"{wrong[0]}{rest} Mend the page's source.")
        if folder.exists():
            shutil.rmtree(folder)
        new.rename(folder)
    except OSError as error:
        raise LabError(f"{folder} cannot be written ({error}): name another folder.") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return pages


def _require_room(folder):
    if folder.exists() and not folder.is_dir():
        raise LabError(f"{folder} is a file, and a folder was expected: name another one.")
    if folder.exists() and any(folder.iterdir()) and not (folder / INDEX).exists():
        raise LabError(
            f"{folder} holds something that is no site of this lab: name a new folder, or empty it."
        )


def _bring_along(folder, pages):
    """The scripts of the site, and the files that its pages show or link to."""
    for name in SCRIPTS:
        shutil.copyfile(TEMPLATE / name, folder / "assets" / name)
    for file, place in sorted(pages.files.items()):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pages.library.repository / file, folder / place)
    if pages.charts:
        import plotly

        shutil.copyfile(TEMPLATE / "charts.js", folder / "assets" / "charts.js")
        script = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
        shutil.copyfile(script, folder / "assets" / "plotly.min.js")


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(text.encode("utf-8"))


def size_of(folder):
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="lab.py site", description="The lab's notebooks and texts as pages that work offline."
    )
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="only look a finished site over")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        if options.check:
            return _check(options.folder)
        pages = build(options.folder, tell=lambda line: print(line, flush=True))
    except ModuleNotFoundError as error:
        print(
            f"{error}: install the site's packages with pip install -e .[site,lab].",
            file=sys.stderr,
        )
        return 1
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; an earlier site is left as it was.", file=sys.stderr)
        return 130
    size = size_of(options.folder)
    print(
        f"{len(pages.library.documents)} pages, {size / 1e6:.1f} MB, {pages.figures} figures, "
        f"{pages.formulas} formulas; no dead link, nothing from outside. "
        f"{time.monotonic() - started:.0f} s.\nOpen {options.folder.absolute() / 'index.html'}"
    )
    if size > LARGEST:
        print(f"That is more than {LARGEST / 1e6:.0f} MB, slow on a bad line.", file=sys.stderr)
    return 0


def _check(folder):
    if not (folder / INDEX).exists():
        raise LabError(f"{folder} holds no site of this lab: make one with python3 lab.py site.")
    wrong = checks.problems(folder)
    print("\n".join(wrong) or "No dead link, nothing from outside.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

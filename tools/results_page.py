"""Writes what the benchmarks measured into both READMEs, between two marks.

    python tools/results_page.py

The figures are those of `benchmarks/results/*.json`; each file names its machine and versions.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.results import BARS, FOLDER, VERDICTS  # noqa: E402

BEGIN, END = "<!-- benchmarks -->\n", "<!-- end of benchmarks -->\n"
READMES = {"README.md": 0, "README.zh-CN.md": 1}  # file → language: 0 = English, 1 = Chinese
HEADER = (
    ("suite", "figure", "found", "wanted", ""),
    ("套件", "指标", "实测", "目标", ""),
)
WHERE = (
    "Measured on {machines}; every single measurement is in `benchmarks/results/`.",
    "实测于 {machines}；每一次测量都在 `benchmarks/results/` 里。",
)
#: What bounds a figure from above or below, and how much of that was reached or taken.
MOST = (" (bound {}: {:.0%} of it)", "（上限 {}，达到其 {:.0%}）")
LEAST = (" (at least {}: {:.2g} times that)", "（至少要 {}，是它的 {:.2g} 倍）")
MACHINE = ("{cpu} with {cores} cores ({dates})", "{cpu}，{cores} 核（{dates}）")


def page(language, folder=FOLDER):
    """The figures as Markdown.

    Args:
        language: 0 = English, 1 = Chinese.
    """
    rows, notes, machines = [], [], {}
    for suite, bars in BARS.items():
        path = folder / f"{suite}.json"
        if not bars or not path.exists():
            continue
        result = json.loads(path.read_text(encoding="utf-8"))
        machine = result["machine"]["cpu"], result["machine"]["cores"]
        machines.setdefault(machine, set()).add(result["date"][:10])
        notes += result["notes"]
        for name, bar in bars.items():
            value = result["figures"].get(name.format(preset=result["preset"]))
            found = "–" if value is None else f"{value:.3g} {bar.unit}"
            bound = result.get("bounds", {}).get(name.format(preset=result["preset"]))
            if value is not None and bound:
                words = LEAST if bar.wanted[0] in "<≤" else MOST
                found += words[language].format(f"{bound:.3g} {bar.unit}", value / bound)
            about = (bar.about, bar.chinese)[language]
            rows.append((suite, about, found, bar.wanted, VERDICTS[bar.verdict(value)][language]))
    places = [
        MACHINE[language].format(cpu=cpu, cores=cores, dates=", ".join(sorted(dates)))
        for (cpu, cores), dates in machines.items()
    ]
    where = WHERE[language].format(machines="; ".join(places))
    return "\n\n".join([_table(HEADER[language], rows), where, *notes]) + "\n"


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def with_page(text, language):
    """A README's text with the page between its marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{page(language)}{END}{after}"


def main():
    for name, language in READMES.items():
        path = ROOT / name
        text = with_page(path.read_text(encoding="utf-8"), language)
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

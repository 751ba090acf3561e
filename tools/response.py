"""How soon the lab answers who clicks: measures it in a real browser and writes down what is found.

    python tools/response.py         # docs/response.json, and its table in docs/reliability.md

It runs tests/browser/test_response.py, for some minutes, on a machine that does nothing else: where
it was busy, nothing is written. The table shows the median; the file has every measurement.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser.harness import slowness  # noqa: E402

from mof_lab.errors import LabError  # noqa: E402
from mof_lab.files import write_atomically  # noqa: E402
from mof_lab.limits import allowed_cores  # noqa: E402
from mof_lab.machine import cpu_name, versions  # noqa: E402

TESTS = "tests/browser/test_response.py"
RESULTS, PAGE = ROOT / "docs" / "response.json", ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- response -->\n", "<!-- end of response -->\n"
BUSY = 1.3  # times slower than alone, by what else runs; more says nothing about the lab

MISSED = ", missed 未达到"

#: What is measured, in English and Chinese.
WORDS = {
    "first_character": ("a click on Send to the first visible character", "点“发送”到看见第一个字"),
    "stop": ("a click on Stop to stopped", "点“停止”到停下"),
    "click": ("a click while it trains, to the page", "训练时点击到页面变化"),
    "pause": ("Pause to paused", "点“暂停”到暂停"),
    "resume": ("Resume to the end of the next batch", "点“继续”到下一批结束"),
}


def measure():
    """Runs the tests; returns what docs/response.json holds.

    Raises:
        LabError: the tests failed or were skipped, or the machine was busy.
    """
    before = busy()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "pytest", "-s", "-rs", TESTS]
        environment = dict(os.environ, MOF_LAB_RESPONSE=str(place))
        failed = subprocess.call(command, cwd=ROOT, env=environment)
        if failed or not place.exists():
            raise LabError(f"{TESTS} did not pass, see above: nothing is written.")
        figures = json.loads(place.read_text(encoding="utf-8"))
    busiest = max(before, busy())
    if busiest > BUSY:
        raise LabError(
            f"The machine was {busiest:.1f} times slower than alone: nothing is written; end what "
            "else runs on it and try again."
        )
    return {
        "command": "python tools/response.py",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"cpu": cpu_name(), "cores": allowed_cores()},
        "versions": versions(),
        "figures": figures,
    }


def busy():
    """How much slower the machine is now than alone. Between the measurements the kernel and the
    browser are what makes it slower, and that is the lab's own affair."""
    return median(slowness() for _ in range(9))


def page(result):
    """The figures as Markdown."""
    machine = result["machine"]
    lines = [
        f"Median; measured on {machine['cpu']} with {machine['cores']} cores, {result['date']}; "
        "every measurement is in [response.json](response.json). 中位数。",
        "",
        "| what 做什么 | of 对象 | found 实测 | limit 上限 |",
        "|---|---|---|---|",
    ]
    for figure in result["figures"]:
        english, chinese = WORDS[figure["what"]]
        found, unit = median(figure["measured"]), figure["unit"]
        shown = f"{found:.0f}" if unit == "ms" else f"{found:.2g}"
        limit = f"{figure['limit']} {unit}" + MISSED * (found > figure["limit"])
        lines.append(f"| {english} {chinese} | {figure['of']} | {shown} {unit} | {limit} |")
    return "\n".join(lines) + "\n"


def with_page(text, result):
    """The text of docs/reliability.md with the table between its marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{page(result)}{END}{after}"


def main():
    try:
        result = measure()
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    text = json.dumps(result, ensure_ascii=False, indent=1) + "\n"
    write_atomically(RESULTS, text.encode("utf-8"))
    write_atomically(PAGE, with_page(PAGE.read_text(encoding="utf-8"), result).encode("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

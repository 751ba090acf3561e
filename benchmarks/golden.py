"""What the published package computes, for the tests: python -m benchmarks.golden

Makes the package's environment on first use (see `peers`), lets it compute the cases of `seeded`,
and writes `tests/data/published/`: a file of arrays for each case, and the sizes and the names of
the weights as JSON.
"""

import json

from mof_lab.folders import PROJECT

from .peers import peer
from .seeded import CASES

FOLDER = PROJECT / "tests" / "data" / "published"


def main(tell=print):
    """Writes the golden arrays anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with peer("published", "golden", tell) as worker:
        cases = [
            worker.ask("compute", number=i, path=str(FOLDER / f"case{i}.npz")) for i in range(CASES)
        ]
    text = json.dumps(cases, indent=1)
    (FOLDER / "cases.json").write_text(text + "\n", encoding="utf-8")
    for path in sorted(FOLDER.iterdir()):
        tell(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

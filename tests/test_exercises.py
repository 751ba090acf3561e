"""Every exercise: its solution passes, wrong answers get a hint, and nothing raises.

`tests/exercises/nNN.py` says for notebook NN which of its cells the exercises stand on (`CELLS`),
what else they need (`GIVEN`, a dictionary), and three wrong answers to each (`WRONG`), as code in
place of the answer cell.
"""

import ast
import functools
import importlib.util
import re
import runpy
import sys
from pathlib import Path

import pytest

from mof_lab import LabError, language
from mof_lab.exercises import check

ROOT = Path(__file__).resolve().parent.parent


def _tool():
    place = ROOT / "tools" / "editions.py"
    spec = importlib.util.spec_from_file_location("editions", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


editions = _tool()


@functools.cache
def answers_and_checks(path):
    """Number → (answer cell, check cell) of a notebook."""
    cells = editions.in_exercises(editions.read(path))
    checks = [(re.search(r'check\("(\d\d\.\d)", ', cell.source), cell) for cell in cells]
    return {
        found[1]: (cells[at - 1], cell) for at, (found, cell) in enumerate(checks) if found and at
    }


CONVERTED = {
    path.name[:2]: path for path in editions.sources() if editions.is_converted(editions.read(path))
}
EXERCISES = [number for path in CONVERTED.values() for number in answers_and_checks(path)]
each_exercise = pytest.mark.parametrize("number", EXERCISES)


@functools.cache
def about(notebook):
    """CELLS, GIVEN and WRONG of a notebook."""
    return runpy.run_path(str(ROOT / "tests" / "exercises" / f"n{notebook}.py"))


@functools.cache
def names_before(notebook):
    """The names that the exercises of a notebook stand on."""
    wanted = about(notebook)
    names = dict(wanted.get("GIVEN", {}))
    cells = {cell.id: cell.source for cell in editions.read(CONVERTED[notebook]).cells}
    for name in wanted["CELLS"]:
        exec(cells[name], names)
    return names


@functools.cache
def gives_away(number):
    """What a hint must not say: lines of the solution, and values that are its answer.

    Of values those that nobody says by chance, and that neither the task nor the stub has.
    """
    cells = editions.read(CONVERTED[number[:2]]).cells
    answer, _ = answers_and_checks(CONVERTED[number[:2]])[number]
    at = [cell.id for cell in cells].index(answer.id)
    solution, told = editions.ours(answer)["solution"], cells[at - 1].source + answer.source
    told += editions.ours(cells[at - 1])["zh"]
    lines = (line.partition("  #")[0].strip() for line in solution.splitlines())
    secret = {line for line in lines if len(line) >= 12 and not line.startswith(("def ", "class "))}
    for given in ast.parse(solution).body:
        for part in ast.walk(given) if isinstance(given, ast.Assign) else ():
            if isinstance(part, ast.Constant):
                value = part.value
                secret.add(value if isinstance(value, str) else repr(value))
    return {each for each in secret if len(each) >= 2 and each not in told}


def verdict(number, answer_code, capsys):
    """What the check cell prints after the code in place of the answer cell."""
    notebook = number[:2]
    names = dict(names_before(notebook))
    _, check_cell = answers_and_checks(CONVERTED[notebook])[number]
    exec(answer_code, names)
    capsys.readouterr()
    exec(check_cell.source, names)
    return re.search(r"[✓✗○].*", capsys.readouterr().out, re.DOTALL)[0]


@pytest.mark.parametrize("notebook", CONVERTED)
def test_three_exercises_in_order(notebook):
    notebook_cells = editions.read(CONVERTED[notebook]).cells
    found = answers_and_checks(CONVERTED[notebook])
    assert list(found) == [f"{notebook}.{i}" for i in (1, 2, 3)]
    for (number, (answer, _)), level in zip(
        found.items(), ("Predict", "Change", "Build"), strict=True
    ):
        assert editions.ours(answer)["solution"] != answer.source and "..." in answer.source
        task = notebook_cells[notebook_cells.index(answer) - 1]
        assert task.source.startswith(f"**{number} {level}")


@each_exercise
def test_the_solution_passes(number, capsys):
    answer, _ = answers_and_checks(CONVERTED[number[:2]])[number]
    said = verdict(number, editions.ours(answer)["solution"], capsys)
    assert said.startswith(f"✓ {number} "), said


@each_exercise
def test_the_stub_is_not_answered_yet(number, capsys):
    answer, _ = answers_and_checks(CONVERTED[number[:2]])[number]
    said = verdict(number, answer.source, capsys)
    assert said.startswith(f"○ {number} Not answered yet"), said


@each_exercise
def test_wrong_answers_get_a_hint(number, capsys):
    wrong = about(number[:2])["WRONG"][number]
    assert len(set(wrong)) == 3
    for code in wrong:
        said = verdict(number, code, capsys)
        assert said.startswith(f"✗ {number} ") and said.count("\n") == 1, f"{code}\n{said}"
        assert re.search(r"[A-Za-z]{3,}", said) and re.search(r"[\u4e00-\u9fff]", said), said
        for secret in gives_away(number):
            given = re.search(rf"(?<![\w.]){re.escape(secret)}(?![\w.]*\w)", said)
            assert not given, f"{secret!r} is of the solution, and is in the hint: {said}"


def test_solutions_have_what_a_hint_could_give_away():
    """Else the test above would look for nothing."""
    assert sum(bool(gives_away(number)) for number in EXERCISES) > 0.8 * len(EXERCISES)


# ---- check itself -------------------------------------------------------------------------------


@pytest.fixture
def double(monkeypatch):
    """An exercise 00.9: a function that doubles."""
    from mof_lab import exercises

    monkeypatch.setattr(exercises, "_CHECKS", dict(exercises._CHECKS))
    exercises.exercise("00.9")(lambda f: None if f(2) == 4 else ("Try 2.", "试试 2。"))


def failing(x):
    return [][x]


def silent(x):
    pass


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (..., "○ 00.9 Not answered yet"),
        (lambda x: ..., "○ 00.9 Not answered yet"),
        (lambda x: 2 * x, "✓ 00.9 Right. 正确。"),
        (lambda x: x, "✗ 00.9 Try 2. 试试 2。"),
        (failing, "✗ 00.9 Your `failing` stopped in line"),
        (silent, "✗ 00.9 Your `silent` returned nothing"),
        (lambda: 4, "✗ 00.9 Your `<lambda>` stopped with TypeError"),
        (4, "✗ 00.9 This answer can't be read (TypeError"),
    ],
)
def test_check_says_in_one_line_what_is_the_matter(double, capsys, answer, expected):
    check("00.9", answer)
    said = capsys.readouterr().out
    assert said.startswith(expected) and said.count("\n") == 1


def test_check_speaks_the_chosen_language(double, capsys, monkeypatch):
    monkeypatch.setattr(sys.modules["mof_lab.language"], "_chosen", None)
    for code, expected in (("en", "✗ 00.9 Try 2.\n"), ("zh", "✗ 00.9 试试 2。\n")):
        language(code)
        check("00.9", lambda x: x)
        assert capsys.readouterr().out == expected


@pytest.mark.parametrize("number", ["00.8", "77.1"])
def test_an_unknown_exercise_is_an_error(number):
    with pytest.raises(LabError, match="There is no exercise"):
        check(number, 1)

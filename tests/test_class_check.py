"""The line that a student sends: what stands in it, and that it stays one line."""

import re

import pytest

from mof_lab import class_check, doctor
from mof_lab.doctor import Check
from mof_lab.errors import LabError

GOOD = [Check("TensorFlow", True, "loads"), Check("Memory 内存", True, "64 GB")]
BAD = [Check("Memory 内存", False, "1 GB", "more", blocking=True), Check("Disk 磁盘", False, "")]


def test_one_line_with_every_part_and_no_words_of_one_language():
    line = class_check.line(GOOD, rate=95.4e9)
    assert "\n" not in line and line.isascii()
    assert re.fullmatch(
        r"MoF Lab [\w.]+ \| Python 3\.\d+\.\d+ \| \w+ \w+ \| CPU \d+ \| RAM \d+\.\d GB"
        r" \| disk \d+ GB \| TensorFlow [\w.-]+ \| 95 GFLOP/s \| OK 0/2",
        line,
    )


def test_failed_checks_are_counted_and_named():
    assert class_check.line(GOOD + BAD, rate=1e9).endswith("| FAIL 2/4 (Memory, Disk)")


def test_nothing_is_multiplied_where_tensorflow_does_not_load(monkeypatch):
    monkeypatch.setattr(class_check.processes, "call", None)
    broken = [Check("TensorFlow", False, "no wheel", blocking=True)]
    assert "| - GFLOP/s | FAIL 1/1 (TensorFlow)" in class_check.line(broken)


def test_a_rate_that_cannot_be_measured_is_a_dash(monkeypatch):
    def dies(*_, **__):
        raise LabError("out of memory")

    monkeypatch.setattr(class_check.processes, "call", dies)
    assert "| - GFLOP/s | OK 0/2" in class_check.line(GOOD)


@pytest.mark.parametrize(("checks", "code"), [(GOOD, 0), (GOOD + BAD, 1), (GOOD + BAD[1:], 0)])
def test_the_exit_code_is_the_doctors(monkeypatch, capsys, checks, code):
    monkeypatch.setattr(doctor, "run_checks", lambda: checks)
    monkeypatch.setattr(class_check, "measured_rate", lambda: 1e9)
    assert class_check.main() == code
    assert capsys.readouterr().out.count("\n") == 1

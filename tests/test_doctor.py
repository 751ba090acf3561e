"""The doctor: limits read from made-up cgroup trees, and checks that can fail, failing."""

import importlib.metadata
import subprocess
import sys
from types import SimpleNamespace

import pytest

from mof_lab import doctor, limits
from mof_lab.doctor import Check


@pytest.fixture(autouse=True)
def big_machine(monkeypatch):
    """A host with 8 cores and 64 GB, so that only the limits of a test bind."""
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    memory = SimpleNamespace(total=64_000_000_000)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: memory)
    monkeypatch.delenv("CPU_LIMIT", raising=False)
    monkeypatch.delenv("MEM_LIMIT", raising=False)


def tree(root, **files):
    """Files of a made-up system; a file's name spells / as __ and . as itself."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


V1_GROUPS = "5:cpu,cpuacct:/docker/77\n4:memory:/docker/77\n"
CORES = {
    "no cgroup": ({}, 8),
    "v2, no limit": ({"proc__self__cgroup": "0::/\n", "sys__fs__cgroup__cpu.max": "max 100000"}, 8),
    "v2": ({"proc__self__cgroup": "0::/\n", "sys__fs__cgroup__cpu.max": "200000 100000\n"}, 2),
    "v2, part of a core": (
        {"proc__self__cgroup": "0::/\n", "sys__fs__cgroup__cpu.max": "150000 100000\n"},
        2,
    ),
    "v2, the parent binds": (
        {
            "proc__self__cgroup": "0::/user/job\n",
            "sys__fs__cgroup__user__cpu.max": "100000 100000",
            "sys__fs__cgroup__user__job__cpu.max": "400000 100000",
        },
        1,
    ),
    "v1, mounted as its own root": (
        {
            "proc__self__cgroup": V1_GROUPS,
            "sys__fs__cgroup__cpu,cpuacct__cpu.cfs_quota_us": "300000",
            "sys__fs__cgroup__cpu,cpuacct__cpu.cfs_period_us": "100000",
        },
        3,
    ),
    "v1, mounted by its short name": (
        {
            "proc__self__cgroup": V1_GROUPS,
            "sys__fs__cgroup__cpu__docker__77__cpu.cfs_quota_us": "400000",
            "sys__fs__cgroup__cpu__docker__77__cpu.cfs_period_us": "100000",
        },
        4,
    ),
    "v1, no limit": (
        {
            "proc__self__cgroup": V1_GROUPS,
            "sys__fs__cgroup__cpu,cpuacct__cpu.cfs_quota_us": "-1",
            "sys__fs__cgroup__cpu,cpuacct__cpu.cfs_period_us": "100000",
        },
        8,
    ),
}


@pytest.mark.parametrize(("files", "cores"), CORES.values(), ids=CORES.keys())
def test_cores_from_cgroup(tmp_path, files, cores):
    tree(tmp_path, **files)
    assert limits.allowed_cores(tmp_path) == cores


@pytest.mark.parametrize(
    ("limit", "cores"), [("1.0", 1), ("0.5", 1), ("3", 3), ("100", 8), ("", 8), ("many", 8)]
)
def test_cores_from_cpu_limit(tmp_path, monkeypatch, limit, cores):
    monkeypatch.setenv("CPU_LIMIT", limit)
    assert limits.allowed_cores(tmp_path) == cores


def test_cores_from_affinity(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert limits.allowed_cores(tmp_path) == 2


MEMORY = {
    "no cgroup": ({}, 64_000_000_000),
    "v2": (
        {"proc__self__cgroup": "0::/\n", "sys__fs__cgroup__memory.max": "2147483648\n"},
        2**31,
    ),
    "v2, no limit": (
        {"proc__self__cgroup": "0::/\n", "sys__fs__cgroup__memory.max": "max\n"},
        64_000_000_000,
    ),
    "v1": (
        {
            "proc__self__cgroup": V1_GROUPS,
            "sys__fs__cgroup__memory__memory.limit_in_bytes": "4294967296",
        },
        2**32,
    ),
    "v1, no limit": (
        {
            "proc__self__cgroup": V1_GROUPS,
            "sys__fs__cgroup__memory__memory.limit_in_bytes": "9223372036854771712",
        },
        64_000_000_000,
    ),
}


@pytest.mark.parametrize(("files", "memory"), MEMORY.values(), ids=MEMORY.keys())
def test_memory_from_cgroup(tmp_path, files, memory):
    tree(tmp_path, **files)
    assert limits.allowed_memory(tmp_path) == memory


@pytest.mark.parametrize(
    ("limit", "memory"), [("2147483648", 2**31), ("2G", 2**31), ("512Mi", 2**29)]
)
def test_memory_from_mem_limit(tmp_path, monkeypatch, limit, memory):
    monkeypatch.setenv("MEM_LIMIT", limit)
    assert limits.allowed_memory(tmp_path) == memory


def test_half_a_core_and_little_memory_fail(monkeypatch):
    monkeypatch.setenv("CPU_LIMIT", "0.5")
    monkeypatch.setenv("MEM_LIMIT", "1G")
    assert not doctor.check_cores().ok
    memory = doctor.check_memory()
    assert (memory.ok, memory.blocking) == (False, True)


def test_python_outside_the_range_fails(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 13, 0))
    assert not doctor.check_python().ok


@pytest.fixture
def installed(monkeypatch):
    """Replaces what is installed by a mapping from package to version."""
    requirements = [
        "keras<4,>=3.12",
        "numpy>=1.26",
        "plotly>=6; extra == 'lab'",
        "tensorflow-cpu<2.22,>=2.19; extra == 'cpu'",
    ]
    packages = {}

    def version(name):
        if name not in packages:
            raise importlib.metadata.PackageNotFoundError(name)
        return packages[name]

    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda _: requirements)
    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    return packages


def test_packages_in_range_pass_and_extras_are_apart(installed):
    installed |= {"keras": "3.15.1", "numpy": "2.4.6"}
    assert doctor.check_packages().ok
    notebooks = doctor.check_notebook_packages()
    assert (notebooks.ok, notebooks.blocking, notebooks.detail) == (
        False,
        False,
        "plotly is missing",
    )


def test_packages_missing_or_out_of_range_are_named(installed):
    installed |= {"keras": "2.15.0"}
    check = doctor.check_packages()
    assert (check.ok, check.blocking) == (False, True)
    assert check.detail == "keras 2.15.0 is not <4,>=3.12, numpy is missing"


def test_without_an_installed_mof_lab_it_says_so(installed, monkeypatch):
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.importlib.metadata, "requires", requires)
    monkeypatch.setattr(doctor, "_load_tensorflow", lambda: ("", ""))
    installed |= {"tensorflow": "2.21.0"}
    assert doctor.check_tensorflow().ok
    check = doctor.check_packages()
    assert (check.ok, check.blocking, check.detail) == (False, True, "mof-lab is not installed")


@pytest.mark.parametrize(
    ("packages", "detail"),
    [
        ({}, "not installed"),
        ({"tensorflow-cpu": "2.18.0"}, "tensorflow-cpu 2.18.0 is not <2.22,>=2.19"),
        (
            {"tensorflow-cpu": "2.21.0", "tensorflow": "2.21.0"},
            "tensorflow 2.21.0 and tensorflow-cpu 2.21.0",
        ),
    ],
)
def test_tensorflow_is_not_loaded_when_its_version_is_wrong(
    installed, monkeypatch, packages, detail
):
    installed |= packages
    monkeypatch.setattr(doctor, "_load_tensorflow", lambda: pytest.fail("loaded"))
    check = doctor.check_tensorflow()
    assert (check.ok, check.blocking, check.detail) == (False, True, detail)


@pytest.mark.parametrize(
    ("ending", "ok", "detail"),
    [
        ((0, ""), True, "tensorflow 2.21.0, loads in 0 s"),
        ((1, "Traceback\nImportError: bad wheel\n"), False, "ImportError: bad wheel"),
        ((-4, ""), False, "illegal instruction while loading"),
        ((-11, ""), False, "exit code -11"),
    ],
)
def test_tensorflow_loads_in_a_process_of_its_own(installed, monkeypatch, ending, ok, detail):
    installed |= {"tensorflow": "2.21.0"}
    child = SimpleNamespace(returncode=ending[0], stderr=ending[1])
    monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: child)
    check = doctor.check_tensorflow()
    assert (check.ok, check.detail) == (ok, detail)


def test_full_disk_is_advice_only(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    check = doctor.check_disk()
    assert (check.ok, check.blocking) == (False, False)


def test_write_access(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert doctor.check_write_access().ok
    assert list(tmp_path.iterdir()) == []

    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    check = doctor.check_write_access()
    assert (check.ok, check.blocking) == (False, True)
    assert "Permission denied" in check.detail


@pytest.mark.parametrize(("listing", "font"), [("\n", None), ("文泉驿\nNoto Sans\n", "Noto Sans")])
def test_chinese_font_from_fontconfig(monkeypatch, listing, font):
    monkeypatch.setattr(doctor.shutil, "which", lambda _: "fc-list")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=listing))
    check = doctor.check_chinese_font()
    assert (check.ok, check.blocking) == (font is not None, False)
    assert check.detail == (font or "none found")


def test_chinese_font_from_a_known_path(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    monkeypatch.setenv("WINDIR", str(tmp_path))
    (tmp_path / "Fonts").mkdir()
    (tmp_path / "Fonts/msyh.ttc").touch()
    assert doctor.check_chinese_font().detail == "msyh"


def test_widget_manager_needs_its_extension(installed, monkeypatch, tmp_path):
    paths = pytest.importorskip("jupyter_core.paths")
    monkeypatch.setattr(paths, "jupyter_path", lambda *_: [str(tmp_path)])
    installed |= {"jupyterlab_widgets": "3.0.17"}
    assert not doctor.check_widget_manager().ok
    extension = tmp_path / "@jupyter-widgets/jupyterlab-manager/package.json"
    extension.parent.mkdir(parents=True)
    extension.touch()
    assert doctor.check_widget_manager().ok
    installed.clear()
    assert "not installed" in doctor.check_widget_manager().detail


GOOD = Check("Cores", True, "2 of 2")
ADVICE = Check("Font", False, "none found", "Install one.")
STOP = Check("Python", False, "3.9", "Install 3.11.", blocking=True)


@pytest.mark.parametrize(
    ("checks", "code"), [([GOOD], 0), ([GOOD, ADVICE], 0), ([STOP, GOOD], 1), ([ADVICE, STOP], 1)]
)
def test_only_a_blocking_failure_ends_with_1(capsys, checks, code):
    assert doctor.report(checks) == code
    marks = [line[:6] for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert marks == ["[OK]  " if check.ok else "[FAIL]" for check in checks]


def test_report_says_what_to_do(capsys):
    doctor.report([ADVICE, STOP])
    said = capsys.readouterr().out
    assert "(the lab runs without 不影响运行) Install one." in said
    assert "(stops the lab 必须解决) Install 3.11." in said


def test_report_survives_a_console_without_chinese():
    program = "from mof_lab.doctor import *; report([Check('内存', True, '2 GB')])"
    child = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", program],
        capture_output=True,
        encoding="ascii",
        env=doctor.os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert child.returncode == 0, child.stderr
    assert "[OK]   ??: 2 GB" in child.stdout

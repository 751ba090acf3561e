"""Does this machine have what the lab needs? One check a question, each with advice.

`run_checks()` gives a list of `Check`, `main()` prints them and gives the exit code.
"""

import contextlib
import importlib.metadata
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from .limits import allowed_memory, core_share

GB = 1e9
MEMORY_NEEDED = 1.4 * GB  # what a run of `tiny` takes; see `sizes`
DISK_WANTED = 2 * GB  # runs with their checkpoints, and a downloaded corpus
REPAIR = (
    "python3 lab.py doctor (it repairs .venv), or: pip install -c constraints.txt -e .[cpu,lab]"
)


@dataclass(frozen=True)
class Check:
    """What one check found. Only a failed check that is `blocking` stops the lab."""

    name: str  # English and Chinese
    ok: bool
    detail: str  # what was found
    advice: str = ""  # what to do when it failed
    blocking: bool = False


# ---- the checks ---------------------------------------------------------------------------------


def check_python() -> Check:
    found = sys.version_info[:2]
    return Check(
        "Python 版本",
        (3, 11) <= found < (3, 13),
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "Install Python 3.11 or 3.12, then: python3.11 lab.py doctor  请安装 3.11 或 3.12",
        blocking=True,
    )


def check_packages() -> Check:
    return _check_requirements("Packages 必需的包", extra="", blocking=True)


def check_notebook_packages() -> Check:
    return _check_requirements("Notebook packages 笔记本的包", extra="lab", blocking=False)


def _requirements(extra: str) -> list:
    """What `extra` adds to mof-lab's requirements; with "", what mof-lab always requires."""
    from packaging.requirements import Requirement

    def applies(requirement: Requirement, extra: str) -> bool:
        return requirement.marker is None or requirement.marker.evaluate({"extra": extra})

    stated = [Requirement(line) for line in importlib.metadata.requires("mof-lab") or []]
    return [each for each in stated if applies(each, extra) and not (extra and applies(each, ""))]


def _check_requirements(name: str, extra: str, blocking: bool) -> Check:
    """Is each package there, in the range that pyproject.toml states? Nothing is imported."""
    try:
        requirements = _requirements(extra)
    except ImportError as missing:  # mof-lab itself, or packaging
        return Check(name, False, f"{missing.name} is not installed", REPAIR, blocking)
    wrong, right = [], []
    for requirement in requirements:
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if requirement.specifier.contains(version, prereleases=True):
            right.append(f"{requirement.name} {version}")
        else:
            wrong.append(f"{requirement.name} {version} is not {requirement.specifier}")
    return Check(name, not wrong, ", ".join(wrong or right), REPAIR, blocking)


def check_tensorflow() -> Check:
    """Loads TensorFlow and Keras, in a process of its own: a bad wheel can crash, not only fail."""
    name = "TensorFlow"
    versions = {}
    for package in ("tensorflow", "tensorflow-cpu"):  # the gpu extra's package, the cpu extra's
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    found = " and ".join(f"{package} {version}" for package, version in versions.items())
    if not versions:
        return Check(name, False, "not installed", REPAIR, blocking=True)
    if len(versions) > 1:
        advice = "They own the same folder: pip uninstall both, then install one of them."
        return Check(name, False, found, advice, blocking=True)
    with contextlib.suppress(ImportError):  # mof-lab is not installed: check_packages says so
        for requirement in _requirements("cpu"):
            if not requirement.specifier.contains(*versions.values(), prereleases=True):
                detail = f"{found} is not {requirement.specifier}"
                return Check(name, False, detail, REPAIR, blocking=True)
    started = time.monotonic()
    failure, advice = _load_tensorflow()
    detail = failure or f"{found}, loads in {time.monotonic() - started:.0f} s"
    return Check(name, not failure, detail, advice, blocking=True)


def _load_tensorflow() -> tuple[str, str]:
    """Why TensorFlow does not load and what to do about it; two empty strings when it loads."""
    program = (
        "import tensorflow, keras; assert keras.config.backend() == 'tensorflow', "
        "f'KERAS_BACKEND is {keras.config.backend()}, not tensorflow'"
    )
    try:
        child = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=180,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUTF8": "1"},
        )
    except subprocess.TimeoutExpired:
        return "did not load within 180 s", REPAIR
    if child.returncode == 0:
        return "", ""
    if hasattr(signal, "SIGILL") and child.returncode == -signal.SIGILL:
        return (
            "illegal instruction while loading",
            "This processor lacks AVX, which TensorFlow needs: use another machine.",
        )
    said = child.stderr.strip().splitlines() or [f"exit code {child.returncode}"]
    return said[-1], REPAIR


def check_cores() -> Check:
    share = core_share()
    return Check(
        "Cores 核心",
        share >= 1,
        f"{share:g} allowed of {os.cpu_count()} seen  可用 {share:g}，共 {os.cpu_count()}",
        "Less than one core: training is slow; give the container one.  训练会很慢",
    )


def check_memory() -> Check:
    memory = allowed_memory()
    return Check(
        "Memory 内存",
        memory >= MEMORY_NEEDED,
        f"{memory / GB:.1f} GB allowed, {psutil.virtual_memory().total / GB:.1f} GB seen",
        f"Training is killed below {MEMORY_NEEDED / GB:.1f} GB: give the container more.  内存不足",
        blocking=True,
    )


def check_disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    return Check(
        "Disk 磁盘",
        free >= DISK_WANTED,
        f"{free / GB:.1f} GB free here",
        f"Make room: runs and corpora take up to {DISK_WANTED / GB:.0f} GB.  请清理磁盘",
    )


def check_write_access() -> Check:
    name, advice = "Write access 写权限", "Go to a folder that is yours.  请换到有写权限的文件夹"
    try:
        with tempfile.TemporaryFile(dir=Path.cwd()):
            pass
    except OSError as error:
        return Check(name, False, f"{Path.cwd()}: {error.strerror}", advice, blocking=True)
    return Check(name, True, "this folder can be written")


def check_text_encoding() -> Check:
    encoding = (sys.stdout.encoding or "none").lower()
    return Check(
        "Text encoding 文字编码",
        encoding.replace("-", "") == "utf8",
        encoding,
        "Set PYTHONUTF8=1: otherwise Chinese text is printed as ?.  请设 PYTHONUTF8=1",
    )


def check_chinese_font() -> Check:
    font = _chinese_font()
    return Check(
        "Chinese font 中文字体",
        font is not None,
        font or "none found",
        "Only a browser on this machine needs one; Debian, Ubuntu: apt install fonts-noto-cjk; "
        "Fedora: dnf install google-noto-sans-cjk-fonts.  请安装中文字体",
    )


def _chinese_font() -> str | None:
    """Name of a font with Chinese glyphs, or None."""
    if shutil.which("fc-list"):
        listing = subprocess.run(
            ["fc-list", ":lang=zh-cn", "family"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        return min(filter(None, listing.stdout.splitlines()), default=None)
    windows = Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"
    known = [windows / name for name in ("msyh.ttc", "msyh.ttf", "simsun.ttc", "Deng.ttf")]
    known += [
        Path("/System/Library/Fonts") / name
        for name in ("PingFang.ttc", "Hiragino Sans GB.ttc", "STHeiti Light.ttc")
    ]
    return next((file.stem for file in known if file.exists()), None)


def check_widget_manager() -> Check:
    """ipywidgets draw nothing in JupyterLab without this extension of the right major version."""
    name, extension = "Widgets 控件", "@jupyter-widgets/jupyterlab-manager/package.json"
    try:
        from jupyter_core.paths import jupyter_path

        version = importlib.metadata.version("jupyterlab_widgets")
    except ImportError as missing:
        return Check(name, False, f"{missing.name} is not installed", REPAIR)
    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    present = any((folder / extension).exists() for folder in folders)
    detail = f"jupyterlab_widgets {version}" + ("" if present else ", but its extension is missing")
    return Check(name, present, detail, "pip install --force-reinstall jupyterlab_widgets")


CHECKS = (
    check_python,
    check_packages,
    check_notebook_packages,
    check_tensorflow,
    check_cores,
    check_memory,
    check_disk,
    check_write_access,
    check_text_encoding,
    check_chinese_font,
    check_widget_manager,
)


def run_checks() -> list[Check]:
    return [check() for check in CHECKS]


def report(checks: Iterable[Check]) -> int:
    """Print each check as soon as it is done; return 1 when one that stops the lab failed."""
    failed = []
    for check in checks:
        _print(f"{'[OK]  ' if check.ok else '[FAIL]'} {check.name}: {check.detail}")
        if not check.ok:
            failed.append(check)
            weight = (
                "stops the lab 必须解决" if check.blocking else "the lab runs without 不影响运行"
            )
            _print(f"       ({weight}) {check.advice}")
    stops = sum(check.blocking for check in failed)
    if stops:
        _print(f"{stops} of {len(failed)} failed checks stop the lab. 有 {stops} 项必须解决。")
    elif failed:
        _print("The lab runs; what failed is advice. 可以运行。")
    else:
        _print("All is well. 一切正常。")
    return 1 if stops else 0


def main() -> int:
    return report(check() for check in CHECKS)


def _print(line: str) -> None:
    """Print, with ? for what the console has no letter for: a report must not crash on GBK."""
    encoding = sys.stdout.encoding or "utf-8"
    print(line.encode(encoding, "replace").decode(encoding), flush=True)

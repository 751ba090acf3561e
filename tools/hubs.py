"""Does Binder, or a hub's image, get what this repository promises? Checked without Docker.

    python tools/hubs.py     # what docs/hubs/checks.json lacks, some minutes; and its table

1. repo2docker reads the repository and says which Python and which files it would build from.
2. pip resolves the list of `environment.yml` in a new environment, and installs nothing.
3. The packages that repo2docker's base image brings, then our list over them, then `pip check`.
4. On one core, with the limits that Binder sets: seconds to the first answers of `00_start`, and
   the seconds and peak memory of the notebooks that a class opens there, run from top to bottom.

The base is the lock file that repo2docker carries. Of its conda packages those are installed that
the package index has in the same version; the others are named.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.first_answer import seconds_to_first_answer  # noqa: E402
from mof_lab.files import write_atomically  # noqa: E402
from mof_lab.folders import PROJECT  # noqa: E402
from mof_lab.model_card import table  # noqa: E402

RESULTS, PAGE = PROJECT / "docs" / "hubs" / "checks.json", PROJECT / "docs" / "hubs" / "README.md"
BEGIN, END = "<!-- checks: made by tools/hubs.py -->", "<!-- /checks -->"
TOOLS = Path(__file__).resolve().parent
NOTEBOOKS = ("00", "01", "06", "07", "09")  # those that train nothing for long
LIMITS = {"MEM_LIMIT": "2G", "CPU_LIMIT": "1"}
OUR_LIST = ["-c", "constraints.txt", "-e", ".[cpu,lab]"]  # as environment.yml


def main():
    start = {"command": "python tools/hubs.py", "date": time.strftime("%Y-%m-%d")}
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else start
    checks = {
        "repo2docker": repo2docker,
        "dry run": dry_run,
        "base": base,
        "first answer": first_answer,
        "notebooks": notebooks,
    }
    with tempfile.TemporaryDirectory(prefix="hubs-") as folder:
        for name, check in checks.items():
            if name in found:
                continue
            print(f"{name} …", flush=True)
            started = time.monotonic()
            result = check(Path(folder))
            found[name] = {**result, "seconds": round(time.monotonic() - started)}
            text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
            write_atomically(RESULTS, text.encode("utf-8"))
    write_atomically(PAGE, with_table(PAGE.read_text(encoding="utf-8"), found).encode("utf-8"))


# ---- the checks ---------------------------------------------------------------------------------


def repo2docker(folder):
    """What `jupyter-repo2docker --no-build --debug` says of the repository."""
    environment(folder, "repo2docker", "jupyter-repo2docker")
    program = folder / "repo2docker" / "bin" / "jupyter-repo2docker"
    done = run([program, "--no-build", "--debug", PROJECT], cwd=folder)
    said = done.stdout + done.stderr
    return {
        "version": run([program, "--version"]).stdout.strip(),
        "exit code": done.returncode,
        "python": re.search(r"conda environment for python=([\d.]+)", said)[1],
        "environment.yml": "environment.yml" in said,
        "postBuild": "postBuild" in said,
    }


def dry_run(folder):
    """How many packages pip would install of our list."""
    pip = environment(folder, "empty")
    report = folder / "report.json"
    checked([*pip, "install", "--dry-run", "--quiet", "--report", report, *OUR_LIST])
    installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {"packages": len(installed)}


def base(folder):
    """Our list over the packages of repo2docker's base; what `pip check` says."""
    pip = environment(folder, "base")
    if not (folder / "repo2docker").exists():
        environment(folder, "repo2docker", "jupyter-repo2docker")
    brought = list(frozen(folder / "repo2docker"))
    alone = [*pip, "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    missing = [package for package in brought if run([*alone, package]).returncode]
    before = versions(pip)
    checked([*pip, "install", "--quiet", *OUR_LIST])
    after = versions(pip)
    check = run([*pip, "check"])
    return {
        "packages of the base": len(brought) - len(missing),
        "not in the index": missing,
        "changed": {n: [v, after[n]] for n, v in before.items() if after.get(n) not in (v, None)},
        "pip check": check.stdout.strip(),
        "exit code": check.returncode,
    }


def first_answer(folder):
    """`00_start` on one core, cold: seconds from its kernel's start."""
    seconds, peak = on_one_core(lambda: [seconds_to_first_answer(LIMITS) for _ in range(3)])
    return {"to the first answers": [round(s, 2) for s in seconds], "peak bytes": peak}


def notebooks(folder):
    """Each of `NOTEBOOKS` whole, on one core; nothing is written."""
    found = {}
    for name in NOTEBOOKS:
        (path,) = (PROJECT / "notebooks").glob(f"{name}_*.ipynb")
        whole = f"import execute_notebooks as n; n.execute(n.Path({str(path)!r}), False)"
        command = [sys.executable, "-c", whole]
        environment = {**os.environ, **LIMITS, "PYTHONPATH": f"{PROJECT}{os.pathsep}{TOOLS}"}
        began = time.monotonic()
        done, peak = on_one_core(partial(run, command, env=environment))
        if done.returncode:
            sys.exit(f"{path.name} failed:\n{done.stderr[-2000:]}")
        found[path.stem] = {"seconds": round(time.monotonic() - began), "peak bytes": peak}
    return {"of": found}


def on_one_core(work):
    """What the work returns, and the most that the processes it starts held together, in bytes."""
    peak, done = [0], threading.Event()
    watcher = threading.Thread(target=watch, args=(peak, done))
    watcher.start()
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})  # what is started inherits it
    try:
        result = work()
        return result, peak[0]
    finally:
        os.sched_setaffinity(0, allowed)
        done.set()
        watcher.join()


# ---- how ----------------------------------------------------------------------------------------


def environment(folder, name, *packages):
    """A new environment with packages; its pip."""
    checked([sys.executable, "-m", "venv", folder / name])
    pip = [folder / name / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    if packages:
        checked([*pip, "install", "--quiet", *packages])
    return pip


def frozen(folder):
    """name==version of the Python packages in the lock file of repo2docker's base."""
    (lock,) = folder.glob("lib/*/site-packages/repo2docker/**/environment.py-3.11-linux-64.lock")
    for line in lock.read_text(encoding="utf-8").splitlines():
        found = re.search(r"/([^/]+)-([^-/]+)-([^-/]*py[^-/]*)\.(?:conda|tar\.bz2)", line)
        if found and found[1] not in ("python", "python_abi", "pip", "setuptools", "wheel"):
            yield f"{found[1].removesuffix('-singleuser')}=={found[2]}"


def versions(pip):
    listed = json.loads(checked([*pip, "list", "--format=json"]).stdout)
    return {each["name"]: each["version"] for each in listed}


def run(command, **options):
    words = [str(word) for word in command]
    return subprocess.run(
        words, capture_output=True, encoding="utf-8", **{"cwd": PROJECT, **options}
    )


def checked(command):
    done = run(command)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")
    return done


def watch(peak, done):
    """Keeps the most that this process's children held together, in bytes."""
    while not done.wait(0.05):
        total = 0
        for each in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):  # it just ended
                total += each.memory_info().rss
        peak[0] = max(peak[0], total)


# ---- the page -----------------------------------------------------------------------------------


def with_table(page, found):
    """The page with the table of the checks put in anew."""
    asked, list_, over, first, books = (
        found[name] for name in ("repo2docker", "dry run", "base", "first answer", "notebooks")
    )
    seconds = sorted(first["to the first answers"])
    rows = [
        [
            "`jupyter-repo2docker --no-build --debug .`",
            f"exit code {asked['exit code']}; Python {asked['python']}; version {asked['version']}",
        ],
        ["pip's dry run of the list 依赖试算", f"{list_['packages']} packages"],
        [
            "the list over repo2docker's base, then `pip check` 在基础镜像的包之上安装",
            f"{over['packages of the base']} packages of the base, "
            f"{len(over['changed'])} of them changed; {over['pip check']}",
        ],
        [
            "00_start on one core in 2 GB: kernel to first answers 单核 2 GB 下首次回答",
            f"{seconds[len(seconds) // 2]:.1f} s; peak {first['peak bytes'] / 1e6:,.0f} MB",
        ],
    ]
    for name, measured in books["of"].items():
        memory = f"{measured['peak bytes'] / 1e6:,.0f} MB"
        rows.append([f"{name}, whole 整本", f"{measured['seconds']} s; peak {memory}"])
    made = table(["check 检查", f"{found['date']}, `{found['command']}`"], rows)
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    main()

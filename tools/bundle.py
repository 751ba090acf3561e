"""`python3 lab.py bundle [FILE]`: one archive from which the lab starts without a network.

It holds the project (text, checkpoints, notebooks) and, in `wheels/`, every package for this
machine's system and Python; where lab.py finds that folder it installs from nothing else.
Stopped with Ctrl-C it leaves nothing behind: the archive gets its name when it is whole.
"""

import importlib.util
import os
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ["hatchling", "editables"]  # an editable installation is built, also without a network
#: What is made, not kept: any folder of these names stays here. Folders with a dot, but .ci, too.
LEFT_OUT = {"runs", "wheels", "build", "dist", "__pycache__", "htmlcov", "node_modules"}
REPORT_EVERY = 5  # seconds


def main(arguments, lab=None):
    lab = lab or load_lab()
    lab.offline()  # a bundle for another machine can't be made into one for this
    target = target_of(arguments, lab)
    started = time.time()
    try:
        with tempfile.TemporaryDirectory(prefix=".bundle-", dir=target.parent) as folder:
            wheels = Path(folder) / "wheels"
            collect_wheels(wheels, lab)
            part = Path(folder) / target.name
            write_archive(part, wheels, lab)
            os.replace(part, target)
    except OSError as error:
        lab.give_up(f"The bundle could not be written ({error.strerror}): it needs 1.5 GB of room.")
    except KeyboardInterrupt:
        print("\nStopped: no bundle was written.", file=sys.stderr)
        return 130
    size, version = target.stat().st_size / 1e6, lab.python_version()
    lab.say(
        f"{target} is ready: {size:,.0f} MB, after {time.time() - started:.0f} s.\n"
        f"On a machine like this one, with Python {version} and without a network: unpack it, "
        f"then python{version} lab.py open"
    )
    return 0


def load_lab():
    """lab.py as a module: its steps tell how they go, can be stopped, and know what helps."""
    spec = importlib.util.spec_from_file_location("lab", ROOT / "lab.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def target_of(arguments, lab):
    """Where the archive goes: FILE, or a name that says what it is for, here."""
    if len(arguments) > 1 or arguments[:1] and arguments[0].startswith("-"):
        lab.give_up("usage: python3 lab.py bundle [FILE.zip]")
    version, system, machine = lab.this_machine()
    name = f"mof-lab-python{version}-{system.lower()}-{machine}.zip"
    target = Path(arguments[0] if arguments else name).expanduser().resolve()
    if target.suffix != ".zip" or target.is_dir():
        lab.give_up(f"{target} can't be the bundle: expected the name of a file that ends in .zip.")
    if not target.parent.is_dir():
        lab.give_up(f"There is no folder {target.parent}: make it, or choose another place.")
    return target


def collect_wheels(wheels, lab):
    """Every package as a wheel; what was downloaded for the environment comes from pip's cache."""
    wheels.mkdir()
    command = [sys.executable, "-m", "pip", "wheel", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--wheel-dir", str(wheels), *lab.offline()]
    requirements = [word for word in lab.PACKAGES if word != "-e"]  # the project itself is no wheel
    lab.run_step("collecting about 150 packages, TensorFlow the largest", command + requirements)
    lab.run_step("and what builds the lab", command + BUILD)
    for own in wheels.glob("mof_lab-*.whl"):
        own.unlink()
    (wheels / "made_for.txt").write_text("\n".join(lab.this_machine()) + "\n", encoding="utf-8")


def write_archive(path, wheels, lab):
    files = [(file, file.relative_to(lab.ROOT)) for file in project_files(lab.ROOT)]
    files += [(file, file.relative_to(wheels.parent)) for file in sorted(wheels.iterdir())]
    whole, done, said = sum(file.stat().st_size for file, _ in files), 0, time.time()
    lab.say(f"- packing {len(files):,} files, {whole / 1e6:,.0f} MB")
    with zipfile.ZipFile(path, "w") as archive:
        for file, name in files:
            packed = file.suffix in (".whl", ".png", ".gif")
            how = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            archive.write(file, Path("mof-lab") / name, how)
            done += file.stat().st_size
            if time.time() - said > REPORT_EVERY:
                said = time.time()
                lab.say(f"  {done / whole:4.0%}  {name}")


def project_files(root):
    """The files of the project in order, without what it makes and what others need not see."""
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if name not in LEFT_OUT
            and (not name.startswith(".") or name == ".ci")
            and not (here / name / "pyvenv.cfg").exists()  # an environment, whatever its name
        )
        for name in sorted(names):
            made = name == ".git" or name.endswith((".pyc", ".part", ".zip", ".ipynb.swp"))
            if not made and (here / name).is_file():
                yield here / name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

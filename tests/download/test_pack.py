"""Folders and tars become zips: the same files give the same bytes, wherever and in whatever order they are stored."""

import hashlib
import os
import tarfile
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes.archive.safe_zip import SafeZip
from scenes.common.errors import InputError
from scenes.download import pack, partial
from scenes.download.local import check_zip
from scenes.download.pack import pack_folder, pack_tar

FILES = {
    "train/cat/10.jpg": b"ten",
    "train/cat/9.JPG": b"nine",
    "train/e\u0301/猫 [1], 'x'.png": b"\0" * 3000,
    "labels.csv": b"a,b\n",
    "notes/readme.md": b"left out",
    "model.bin": b"left out too",
    "LICENSE": b"and this",
}
PACKED = {name: content for name, content in FILES.items() if not content.startswith((b"left", b"and"))}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_folder(tmp_path):
    folder = write(tmp_path / "folder", FILES)
    left_out = pack_folder(folder, tmp_path / "a.zip")
    assert left_out == {".md": 1, ".bin": 1, "no suffix": 1}
    assert contents(tmp_path / "a.zip") == PACKED
    assert list(contents(tmp_path / "a.zip")) == sorted(PACKED)
    assert check_zip(tmp_path / "a.zip", "here") == len(PACKED)
    with SafeZip(tmp_path / "a.zip", 1000_000, 200) as archive:
        assert {name: archive.read(name) for name in archive.files} == PACKED


def test_same_files_give_the_same_bytes(tmp_path):
    """Whatever their dates, their permissions and the order in which they were written."""
    one = write(tmp_path / "one", FILES)
    two = write(tmp_path / "a longer name", dict(reversed(FILES.items())))
    for number, path in enumerate(sorted(two.rglob("*.*"))):
        os.utime(path, (number, number))
        path.chmod(0o600)
    for folder in (one, two):
        pack_folder(folder, folder.with_suffix(".zip"))
    assert one.with_suffix(".zip").read_bytes() == two.with_suffix(".zip").read_bytes()


def test_bytes_are_those_of_other_machines(tmp_path):
    pack_folder(write(tmp_path / "folder", FILES), tmp_path / "a.zip")
    digest = hashlib.sha256((tmp_path / "a.zip").read_bytes()).hexdigest()
    assert digest == "1ece96a92ea21aa93a09c3180174c5b8486b7b801ebad1320547b83354cc798c"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.dictionaries(
        st.text(st.characters(categories=["L", "N", "S"], exclude_characters="\\"), min_size=1, max_size=20),
        st.binary(max_size=50),
        max_size=8,
    )
)
def test_any_names_and_contents(tmp_path, files):
    folder = tmp_path / hashlib.sha256(repr(files).encode()).hexdigest()[:16]
    folder.mkdir()
    write(folder, {f"{name}.jpg": content for name, content in files.items()})
    pack_folder(folder, tmp_path / "a.zip")
    expected = {path.name: path.read_bytes() for path in folder.iterdir()}  # some file systems fold names
    assert contents(tmp_path / "a.zip") == expected


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_tar(tmp_path, mode):
    folder = write(tmp_path / "folder", FILES)
    with tarfile.open(tmp_path / "a.tar", mode) as archive:
        archive.add(folder, arcname=".")
    assert pack_tar(tmp_path / "a.tar", tmp_path / "b.zip") == {".md": 1, ".bin": 1, "no suffix": 1}
    assert contents(tmp_path / "b.zip") == PACKED
    first = (tmp_path / "b.zip").read_bytes()
    pack_tar(tmp_path / "a.tar", tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_bytes() == first


def test_disk_is_full_before_anything_is_written(tmp_path, monkeypatch):
    folder = write(tmp_path / "folder", FILES)
    needed = sum(map(len, PACKED.values()))
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(partial.shutil, "disk_usage", lambda _: usage(needed))
    with pytest.raises(InputError, match=r"^the disk is full"):
        pack_folder(folder, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()
    monkeypatch.setattr(partial.shutil, "disk_usage", lambda _: usage(needed + 2000))
    pack_folder(folder, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").stat().st_size <= needed + 2000


def test_a_file_that_vanishes_while_it_is_packed(tmp_path, monkeypatch):
    folder = write(tmp_path / "folder", FILES)
    listed = pack.list_folder(folder)
    (folder / "train/cat/9.JPG").unlink()
    monkeypatch.setattr(pack, "list_folder", lambda _: listed)
    with pytest.raises(InputError, match=r"9\.JPG vanished while it was packed; run again$"):
        pack_folder(folder, tmp_path / "a.zip")

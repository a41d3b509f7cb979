"""Tars are listed and read; what does not belong in one is refused in a sentence."""

import io
import struct
import subprocess
import tarfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.download import tar
from scenes.download.tar import Tar, is_tar

FILES = {"cat/1.jpg": b"one" * 500, "cat/2.jpg": b"", "é/猫.png": bytes(range(256)) * 20}


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, link
    return info


def pack(path: Path, files: dict[str, bytes] = FILES, mode: str = "w", more: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            archive.addfile(member(name, size=len(content)), io.BytesIO(content))
        for info in more:
            archive.addfile(info, io.BytesIO(bytes(info.size)))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught, Tar(path) as archive:
        for name in archive.files:
            archive.read(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_read_back(tmp_path, mode, kind, monkeypatch):
    monkeypatch.setattr(tarfile.TarFile, "format", kind)
    path = pack(tmp_path / "any name", mode=mode)
    assert is_tar(path)
    with Tar(path) as archive:
        assert archive.files == {name: len(content) for name, content in FILES.items()}
        assert {name: archive.read(name) for name in archive.files} == FILES
        assert archive.read("cat/1.jpg") == FILES["cat/1.jpg"], "also backwards"


@pytest.mark.process
@pytest.mark.parametrize("options", ["-cf", "-czf"])
def test_as_tar_itself_packs_a_folder(tmp_path, options):
    for name, content in FILES.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    (tmp_path / "in/.hidden").touch()
    subprocess.run(["tar", options, tmp_path / "a.tar", "-C", tmp_path / "in", "."], check=True)
    with Tar(tmp_path / "a.tar") as archive:
        assert {name: archive.read(name) for name in archive.files} == FILES


def test_the_last_of_several_with_one_name_counts(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for content in (b"old", b"newer"):
            archive.addfile(member("./a.jpg", size=len(content)), io.BytesIO(content))
    with Tar(tmp_path / "a.tar") as archive:
        assert archive.read("a.jpg") == b"newer"


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        (member("a", tarfile.SYMTYPE, link="/etc/passwd"), "'a' is a link or a device"),
        (member("a", tarfile.LNKTYPE, link="cat/1.jpg"), "is a link or a device"),
        (member("a", tarfile.FIFOTYPE), "is a link or a device"),
        (member("a", tarfile.CHRTYPE), "is a link or a device"),
        (member("/a"), "has an absolute path"),
        (member("a/../../b"), "climbs out"),
        (member("a\nb"), "holds a control character"),
        (member("a\\b"), "holds a backslash"),
        (member("a\udce9"), "is not UTF-8"),
    ],
)
def test_members_that_do_not_belong(tmp_path, info, sentence):
    assert sentence in refusal(pack(tmp_path / "a.tar", more=(info,)))


def test_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(tar, "BOMB_BYTES", 1_000_000)
    path = pack(tmp_path / "a.tar.gz", {str(number): bytes(900_000) for number in range(3)}, "w:gz")
    with Tar(path) as archive:  # gzip packs zeros by a thousand to one: no more than any gzip does
        assert len(archive.files) == 3
    path = pack(tmp_path / "a.tar.bz2", {str(number): bytes(900_000) for number in range(3)}, "w:bz2")
    assert "refused as a bomb" in refusal(path)


def test_sparse_file_that_claims_to_be_huge(tmp_path):
    with (tmp_path / "a.tar").open("wb") as file:
        file.write(member("a", size=1 << 33).tobuf())
    message = refusal(tmp_path / "a.tar")
    assert "bomb" in message or "no sound tar" in message


def test_extended_header_that_claims_to_be_huge(tmp_path):
    """tarfile would read it into memory at once."""
    with (tmp_path / "a.tar").open("wb") as file:
        file.write(member("a", tarfile.XHDTYPE, size=1 << 32).tobuf(tarfile.USTAR_FORMAT))
        file.truncate(1 << 33)
    assert "a header of impossible size" in refusal(tmp_path / "a.tar")


def test_no_tar(tmp_path):
    (tmp_path / "a.gz").write_bytes(zlib.compress(b"no tar" * 1000, wbits=31))
    assert is_tar(tmp_path / "a.gz")
    assert "is no sound tar" in refusal(tmp_path / "a.gz")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(600))
    assert not is_tar(tmp_path / "a.zip")


def test_wrong_checksum_at_the_end(tmp_path):
    path = pack(tmp_path / "a.tgz", mode="w:gz")
    content = path.read_bytes()
    checksum, size = struct.unpack("<II", content[-8:])
    path.write_bytes(content[:-8] + struct.pack("<II", checksum ^ 1, size))
    assert "is no sound tar" in refusal(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.sampled_from(["w", "w:gz", "w:bz2", "w:xz"]), st.floats(0, 1), st.integers(1, 255), st.floats(0, 1))
def test_any_damage_ends_in_a_sentence_or_does_not_matter(tmp_path, mode, place, flip, kept):
    path = pack(tmp_path / "a", mode=mode)
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= flip
    path.write_bytes(content[: int(len(content) * (1 - kept / 20))])
    try:
        with Tar(path) as archive:
            for name in archive.files:
                archive.read(name)
    except InputError as error:
        assert "\n" not in str(error)

"""Zips of every honest shape are opened; hostile ones are refused in one sentence."""

import copy
import struct
import sys
import unicodedata
import warnings
import zipfile
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes.archive.packed import DamagedMember, unpack
from scenes.archive.safe_zip import SafeZip
from scenes.common.errors import InputError
from tests.helpers import own_archives
from tests.helpers.pictures import encode, pack, patched, with_mode

SMALL = {f"seg_{split}/{label}/1.jpg": b"bytes" for split in ("train", "test") for label in ("lake", "moor")}
FIRST = "seg_train/lake/1.jpg"


def opened(path, max_member_bytes: int = 5_000_000, max_ratio: float = 200, **options) -> SafeZip:
    return SafeZip(path, max_member_bytes, max_ratio, **options)


def refusal(path, **options) -> str:
    """Open a zip that must be refused, and return the sentence."""
    with pytest.raises(InputError) as caught:
        opened(path, **options)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert message.isprintable()
    assert len(message) < 400
    return message


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.sets(
        # zipfile itself cuts a name at NUL before it writes it.
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="/\0"), min_size=1, max_size=12),
        max_size=6,
    )
)
def test_any_name_is_read_back_or_refused(tmp_path, names):
    files = {f"seg_train/lake/{name}": name.encode() for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = pack(tmp_path / "names.zip", SMALL | files)
    try:
        archive = opened(path)
    except InputError as error:
        assert str(error).isprintable()
        harmful = any("\\" in n or n == ".." or unicodedata.category(c) in ("Cc", "Zl", "Zp") for n in names for c in n)
        assert harmful or "1.jpg" in names
        return
    with archive:
        assert archive.files.keys() == files.keys() | SMALL.keys()
        assert all(archive.read(name) == files[name] for name in files if name != FIRST)


def test_a_closed_archive_is_a_mistake_and_no_damage(tmp_path):
    with opened(pack(tmp_path / "a.zip", SMALL)) as archive:
        pass
    with pytest.raises(ValueError, match="closed"):
        archive.read(FIRST)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/seg_train/lake/1.jpg", "absolute"),
        ("C:/seg_train/lake/1.jpg", "absolute"),
        ("seg_train/../lake/1.jpg", "'..'"),
        ("../1.jpg", "'..'"),
        ("seg_train\\lake\\1.jpg", "backslash"),
        ("seg_train/lake/1\n.jpg", "control"),
        ("seg_train/lake/\x1b[31m.jpg", "control"),
        ("seg_train/lake/1\u2028.jpg", "control"),
        ("__MACOSX/../x", "'..'"),
    ],
)
def test_harmful_names(tmp_path, name, reason):
    message = refusal(pack(tmp_path / "a.zip", SMALL | {name: b"x"}))
    assert reason in message
    assert "pack the archive again" in message


def test_a_name_that_zipfile_would_cut_at_a_nul(tmp_path):
    path = pack(tmp_path / "a.zip", SMALL | {"seg_train/lake/9.jpg~hidden": b"x"})
    path.write_bytes(path.read_bytes().replace(b"9.jpg~hidden", b"9.jpg\0hidden"))
    assert "control character" in refusal(path)


def test_a_name_that_is_no_utf8(tmp_path):
    path = pack(tmp_path / "a.zip", SMALL | {"seg_train/lake/é.jpg": b"x"})
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xfe"))
    assert "not a zip that can be read" in refusal(path)


@pytest.mark.parametrize("mode", [0o120777, 0o020600, 0o010600])
def test_links_and_devices(tmp_path, mode):
    path = pack(tmp_path / "a.zip", [*SMALL.items(), (with_mode("seg_train/lake/2.jpg", mode), b"/etc/passwd")])
    assert "link or a device" in refusal(path)


def test_encrypted_members(tmp_path):
    assert "encrypted" in refusal(patched(pack(tmp_path / "a.zip", SMALL), FIRST, flag=1))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_limit(tmp_path, method):
    assert "compressed by a method other than deflate" in refusal(pack(tmp_path / "a.zip", SMALL, method))


def test_two_members_of_one_name(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = pack(tmp_path / "a.zip", [*SMALL.items(), (FIRST, b"other")])
    assert f"2 members are named '{FIRST}'" in refusal(path)


def test_bombs_by_ratio(tmp_path):
    path = pack(tmp_path / "a.zip", SMALL | {"seg_train/lake/2.jpg": bytes(3_000_000)})
    assert "archive.max_ratio (200)" in refusal(path)
    opened(path, max_ratio=2000)


def test_a_small_member_may_pack_well(tmp_path):
    opened(pack(tmp_path / "a.zip", SMALL | {"seg_train/lake/2.jpg": bytes(900_000)}))


def test_members_that_are_too_large(tmp_path):
    path = pack(tmp_path / "a.zip", SMALL | {"seg_train/lake/2.jpg": bytes(1001)}, zipfile.ZIP_STORED)
    opened(path, max_member_bytes=1001)
    assert "1001 bytes, more than archive.max_member_bytes (1000)" in refusal(path, max_member_bytes=1000)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("stated", [0, 10, 99_999])
def test_a_size_that_lies(tmp_path, method, stated):
    path = pack(tmp_path / "a.zip", SMALL | {FIRST: bytes(100_000)}, method)
    with opened(patched(path, FIRST, size=stated)) as archive, pytest.raises(InputError, match="unpacks to more than"):
        archive.read(FIRST)


def test_a_size_that_promises_too_much(tmp_path):
    path = patched(pack(tmp_path / "a.zip", SMALL), FIRST, size=6)
    with opened(path) as archive, pytest.raises(DamagedMember):
        archive.read(FIRST)


def test_members_that_share_their_bytes(tmp_path):
    path = pack(tmp_path / "a.zip", SMALL | {FIRST: bytes(100)}, zipfile.ZIP_STORED)
    assert "shares its bytes" in refusal(patched(path, FIRST, packed=200))


@pytest.mark.parametrize("shift", [1, 1000, 2**31])
def test_a_directory_that_points_before_the_file(tmp_path, shift):
    path = pack(tmp_path / "a.zip", SMALL)
    data = bytearray(path.read_bytes())
    stated = struct.unpack_from("<L", data, len(data) - 6)[0]
    struct.pack_into("<L", data, len(data) - 6, stated + shift)
    path.write_bytes(data)
    assert "download it again" in refusal(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_member_is_read_from_its_bytes_alone_as_zipfile_reads_it(tmp_path, data):
    files = SMALL | {"seg_train/": b"", "seg_train/é.jpg": bytes(range(256)) * 30}
    path = pack(tmp_path / "a.zip", files, data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])))
    damaged = bytearray(b"a program that unpacks it" + path.read_bytes())
    for _ in range(data.draw(st.integers(0, 2))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    try:
        archive = opened(path)
    except InputError:
        return
    with archive, zipfile.ZipFile(path) as other:
        for name, info in archive.files.items():
            place, packed = archive.locate(name)
            try:
                found = unpack(place.read(), packed)
            except (DamagedMember, InputError):
                found = None
            whole = copy.copy(info)
            whole.file_size = sys.maxsize  # else zipfile stops where the directory says
            try:
                expected = other.open(whole).read()
            except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError):
                # zipfile also refuses flags of what nobody uses; the checksum is right then.
                assert found is None or zlib.crc32(found) == info.CRC
            else:
                assert found == (expected if len(expected) == info.file_size else None)


@pytest.mark.parametrize("place", [0, 0.3, 0.9])
def test_damaged_bytes_of_a_member(tmp_path, place):
    data = bytes(range(256)) * 40
    path = pack(tmp_path / "a.zip", {FIRST: data, **{n: d for n, d in SMALL.items() if n != FIRST}})
    with zipfile.ZipFile(path) as archive:
        packed = archive.getinfo(FIRST).compress_size
    damaged = bytearray(path.read_bytes())
    damaged[30 + len(FIRST) + int(place * packed)] ^= 0xFF
    path.write_bytes(damaged)
    with opened(path) as archive, pytest.raises(DamagedMember, match=r"1\.jpg"):
        archive.read(FIRST)


def test_a_text_a_folder_and_nothing(tmp_path):
    (tmp_path / "b.zip").write_bytes(b"<html>not found</html>")
    assert "not a zip" in refusal(tmp_path / "b.zip")
    (tmp_path / "c.zip").write_bytes(b"")
    assert "not a zip" in refusal(tmp_path / "c.zip")
    assert "is a folder" in refusal(tmp_path)
    assert "does not exist" in refusal(tmp_path / "d.zip")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_refused_or_harmless(tmp_path, data):
    """Whatever byte of a zip is wrong, there is a sentence, a damaged member, or right bytes: never another error."""
    sound = bytearray(pack(tmp_path / "a.zip", SMALL).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        sound[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.zip"
    path.write_bytes(sound[: data.draw(st.sampled_from([len(sound), len(sound) - 7, len(sound) // 2]))])
    try:
        with opened(path) as archive:
            for name in archive.files:
                assert archive.read(name) == b"bytes"
    except (InputError, DamagedMember):
        pass


# Uncompressed images


@pytest.mark.parametrize(("kind", "suffix"), [("BMP", "bmp"), ("PPM", "pnm"), ("TIFF", "tif")])
def test_a_scan_of_a_white_sheet_is_no_bomb(tmp_path, kind, suffix):
    sheet = encode(own_archives.sheet(), kind)
    path = pack(tmp_path / "a.zip", SMALL | {f"seg_train/lake/2.{suffix}": sheet})
    with zipfile.ZipFile(path) as archive:
        packed = archive.getinfo(f"seg_train/lake/2.{suffix}")
        assert packed.file_size > max(1_000_000, 200 * packed.compress_size)
    with opened(path) as archive:
        assert archive.read(f"seg_train/lake/2.{suffix}") == sheet
    assert "max_member_bytes" in refusal(path, max_member_bytes=1_000_000)
    longer = pack(tmp_path / "b.zip", SMALL | {f"seg_train/lake/2.{suffix}": sheet + bytes(3_000_000)})
    assert "as a zip bomb does" in refusal(longer)
    shorter = pack(tmp_path / "c.zip", SMALL | {f"seg_train/lake/2.{suffix}": sheet[:1_010_000]})
    assert "as a zip bomb does" in refusal(shorter)

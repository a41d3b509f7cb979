"""Sound zips pass; everything else is named for what it is."""

import io
import struct
import warnings
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.download.local import check_zip
from tests.helpers.loopback import make_zip

SOUND = make_zip(member_bytes=40, members=3)


def packed(method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def refusal(tmp_path, content: bytes) -> str:
    path = tmp_path / "archive.zip"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^here: ") as caught:
        check_zip(path, "here")
    return str(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_sound_zip_gives_its_number_of_files(tmp_path, method):
    path = tmp_path / "archive.zip"
    path.write_bytes(packed(method, **{"folder/": b"", "folder/a": b"1" * 5000, "folder/b": b""}))
    assert check_zip(path, "here") == 2


def test_bytes_before_the_zip_are_no_fault(tmp_path):
    path = tmp_path / "archive.zip"
    path.write_bytes(b"#!/bin/sh\n" + SOUND)
    assert check_zip(path, "here") == 3


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><html>", "web page"),
        (b"<?xml version='1.0'?><Error/>", "web page"),
        (b'{"code": 500}', "not a zip"),
        (b"Rar!\x1a\x07\x01\x00", "not a zip"),
        (packed(), "the zip is empty"),
    ],
)
def test_no_zip(tmp_path, content, sentence):
    assert sentence in refusal(tmp_path, content)


def test_cut_short_anywhere(tmp_path):
    for length in range(4, len(SOUND), 7):
        assert "cut short" in refusal(tmp_path, SOUND[:length])


def test_damaged_table_of_contents(tmp_path):
    start = SOUND.index(b"PK\x01\x02")
    assert "table of contents is damaged" in refusal(tmp_path, SOUND[:start] + b"XX" + SOUND[start + 2 :])


def test_table_of_contents_of_another_zip(tmp_path):
    start = SOUND.index(b"PK\x01\x02")
    other = SOUND[start:].replace(b"sea/0.jpg", b"sea/9.jpg")
    assert "sea/9.jpg' is damaged" in refusal(tmp_path, SOUND[:start] + other)


def test_wrong_checksum_names_the_member(tmp_path):
    spoilt = bytearray(SOUND)
    spoilt[SOUND.index(b"sea/1.jpg") + 20] ^= 1
    assert "'train/sea/1.jpg' is damaged" in refusal(tmp_path, bytes(spoilt))


def test_second_of_two_members_with_one_name_does_not_hide_the_first(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings(action="ignore"):
        archive.writestr("a", b"first content")
        archive.writestr("a", b"second content")
    assert "'a' is damaged" in refusal(tmp_path, buffer.getvalue().replace(b"first", b"fIrst"))


def test_password(tmp_path):
    locked = bytearray(SOUND)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[SOUND.index(mark) + offset] |= 1
    assert "needs a password" in refusal(tmp_path, bytes(locked))


def test_bomb_is_refused_before_it_is_unpacked(tmp_path):
    content = packed(a=b"0" * 1000)
    at = content.index(b"PK\x01\x02") + 24  # where the unpacked size stands in the table of contents
    assert "zip bomb" in refusal(tmp_path, content[:at] + struct.pack("<I", 4_000_000_000) + content[at + 4 :])


def test_blank_scans_are_no_bomb(tmp_path, monkeypatch):
    """Deflate packs white pages by nearly a thousand to one."""
    monkeypatch.setattr("scenes.download.local.BOMB_BYTES", 1 << 20)
    path = tmp_path / "archive.zip"
    path.write_bytes(packed(**{f"{number}.bmp": b"\xff" * 1_000_000 for number in range(4)}))
    assert path.stat().st_size * 200 < 4_000_000
    assert check_zip(path, "here") == 4


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(SOUND) - 1), st.integers(1, 255), st.integers(0, 40))
def test_any_damage_ends_in_a_sentence_or_does_not_matter(tmp_path, position, flip, removed):
    spoilt = bytearray(SOUND)
    spoilt[position] ^= flip
    path = tmp_path / "archive.zip"
    path.write_bytes(bytes(spoilt[: len(spoilt) - removed]))
    try:
        check_zip(path, "here")
    except InputError as error:
        assert str(error).startswith("here: ")

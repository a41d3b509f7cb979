"""Names in a zip are read as they were meant, refused with the choices there are, and never silently garbled."""

import struct
import zipfile
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes.archive.safe_zip import SafeZip
from scenes.common.errors import InputError
from tests.helpers.own_archives import UnflaggedName, pack_unflagged
from tests.helpers.pictures import pack

# What people of these systems write.
SAMPLES = {
    "gbk": ["苹果", "杯子", "一次性快餐盒"],
    "shift_jis": ["りんご", "表計算", "ソース"],  # 表 and ソ hold the byte of a backslash
    "cp949": ["사과", "나비"],
    "big5": ["蘋果", "功夫"],  # 功 holds the byte of a backslash
    "cp866": ["яблоко", "груша"],
    "cp1251": ["яблоко", "груша"],
    "cp1252": ["Äpfel", "pêche"],
    "cp850": ["Äpfel", "pêche"],
    "cp437": ["Äpfel", "pêche"],
}


def opened(path, **options) -> SafeZip:
    return SafeZip(path, 10**6, 200, **options)


def members(names):
    return [(f"train/{name}/{number}.jpg", f"{number}".encode()) for number, name in enumerate(names)]


@pytest.mark.parametrize("encoding", SAMPLES)
def test_an_encoding_is_proposed_and_then_used(tmp_path, encoding):
    files = members(SAMPLES[encoding])
    path = pack_unflagged(tmp_path / "a.zip", files, encoding)
    with pytest.raises(InputError) as caught:
        opened(path, strict_names=True)
    message = str(caught.value)
    assert any(f"{name[:16]!r} in " in message for name in SAMPLES[encoding])
    assert " in cp437" in message
    assert "set archive.name_encoding" in message
    assert message.isprintable()
    assert len(message.replace(str(tmp_path), "")) < 400
    with opened(path, strict_names=True, name_encoding=encoding) as archive:
        assert {name: archive.read(name) for name in archive.files} == dict(files)
        assert f"read as {encoding}, as archive.name_encoding says" in archive.name_note


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(
        st.text(
            st.characters(exclude_categories=("C", "Zl", "Zp"), exclude_characters="/\\"), min_size=1, max_size=8
        ).filter(lambda name: name != ".."),
        min_size=1,
        unique=True,
    ),
    encoding=st.sampled_from(["utf-8", "gb18030", "utf-8 with flag"]),
)
def test_names_of_any_letters_are_read_back_with_their_encoding(tmp_path, names, encoding):
    files = members(names)
    if encoding.endswith("flag"):
        path = pack(tmp_path / "a.zip", files)
        options = {}
    else:
        path = pack_unflagged(tmp_path / "a.zip", files, encoding)
        options = {} if encoding == "utf-8" else {"name_encoding": encoding}
    with opened(path, strict_names=True, **options) as archive:
        assert {name: archive.read(name) for name in archive.files} == dict(files)
        is_said = not encoding.endswith("flag") and not all(name.isascii() for name in names)
        assert bool(archive.name_note) == is_said


def test_visitors_zips_are_never_refused_for_their_names(tmp_path):
    path = pack_unflagged(tmp_path / "a.zip", members(["苹果"]), "gbk")
    with opened(path) as archive:
        (name,) = archive.files
        assert name == "train/╞╗╣√/0.jpg"
        assert archive.read(name) == b"0"
    with opened(pack_unflagged(tmp_path / "b.zip", members(["ñé"]), "utf-8")) as archive:
        assert list(archive.files) == ["train/ñé/0.jpg"]


def test_an_encoding_that_does_not_fit_is_refused(tmp_path):
    path = pack_unflagged(tmp_path / "a.zip", members(["Äpfel"]), "cp1252")
    with pytest.raises(InputError, match="not all names in the zip are in utf-8"):
        opened(path, strict_names=True, name_encoding="utf-8")
    with pytest.raises(InputError, match="is 'klingon', which is not an encoding"):
        opened(path, strict_names=True, name_encoding="klingon")


def test_names_are_checked_once_they_are_decoded(tmp_path):
    """A cut name, two equal ones, and one with a real backslash are refused whatever the encoding."""
    path = pack_unflagged(tmp_path / "a.zip", [("表\\1.jpg", b"1")], "shift_jis")
    with pytest.raises(InputError, match="holds a backslash"):
        opened(path, name_encoding="shift_jis")
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = pack_unflagged(tmp_path / "b.zip", [("é.jpg", b"1"), ("é.jpg", b"2")], "utf-8")
    with pytest.raises(InputError, match=r"2 members are named 'é\.jpg'"):
        opened(path)
    path = pack_unflagged(tmp_path / "c.zip", [("é.jpg~x", b"1")], "utf-8")
    path.write_bytes(path.read_bytes().replace(b".jpg~x", b".jpg\0x"))
    with pytest.raises(InputError, match="control character"):
        opened(path)


def test_a_name_in_an_extra_field_counts(tmp_path):
    """Info-ZIP's Unicode Path: WinZip and others write the name twice."""
    name = "train/苹果/1.jpg"
    plain = "train/__/1.jpg"
    unicode_path = b"\1" + struct.pack("<L", zlib.crc32(plain.encode())) + name.encode()
    entry = UnflaggedName(plain)
    entry.extra = struct.pack("<HH", 0x7075, len(unicode_path)) + unicode_path
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, b"1")
    with opened(path, strict_names=True) as archive:
        assert (list(archive.files), archive.read(name), archive.name_note) == ([name], b"1", "")

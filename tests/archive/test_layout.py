"""Archives of every honest shape are read; hostile ones are refused in one sentence."""

import pickle
import struct
import unicodedata
import warnings
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes.archive.layout import Archive, Member
from scenes.archive.safe_zip import DamagedMember
from scenes.common.errors import InputError
from tests.helpers.pictures import LAYOUT, opened, pack, patched, sound_files, with_mode

SMALL = {f"seg_{split}/{label}/1.jpg": b"bytes" for split in ("train", "test") for label in ("lake", "moor")}
FIRST = "seg_train/lake/1.jpg"


def paths(archive: Archive) -> list[str]:
    return [member.path for member in archive.members]


def refusal(path, **options) -> str:
    """Open an archive that must be refused, and return the sentence."""
    with pytest.raises(InputError) as caught:
        opened(path, **options)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert message.isprintable()
    assert len(message) < 400
    return message


# What is read


@pytest.mark.parametrize("top", ["", "seg_{}/", "intel/", "a/b/seg_{}/", "./", "seg_pred/seg_test/"])
def test_layouts_with_any_top_folder_are_alike(tmp_path, top):
    expected = {
        top.format(split) + f"seg_{split}/{label}/{split}.jpg".replace("//", "/"): (split, label)
        for split, label in [("train", "lake"), ("train", "moor"), ("test", "lake"), ("test", "moor"), ("pred", "")]
    }
    path = pack(tmp_path / "a.zip", {name: name.encode() for name in expected})
    with opened(path) as archive:
        assert {member.path: (member.split, member.label) for member in archive.members} == expected
        assert archive.classes == ("lake", "moor")
        assert all(archive.read(name) == name.encode() for name in expected)


def test_members_are_sorted_whatever_the_order_in_the_zip(tmp_path):
    files = sound_files()
    with opened(pack(tmp_path / "a.zip", dict(reversed(files.items())))) as archive:
        assert paths(archive) == sorted(files)
        assert archive.members[-1] == Member(paths(archive)[-1], "train", "moor", len(files[paths(archive)[-1]]))


def test_pred_is_optional_in_the_archive_and_in_the_layout(tmp_path):
    path = pack(tmp_path / "a.zip", SMALL)
    layout = {"train": "seg_train", "test": "seg_test"}
    for each in (layout, layout | {"pred": None}):
        settings = {"layout": each, "max_member_bytes": 1000, "max_ratio": 200, "max_pixels": 1}
        with Archive.from_settings(path, settings) as archive:
            assert {member.split for member in archive.members} == {"train", "test"}


def test_litter_and_files_outside_are_counted_and_skipped(tmp_path):
    litter = [
        "__MACOSX/seg_train/lake/._1.jpg",
        "seg_train/lake/.DS_Store",
        "seg_train/lake/Thumbs.db",
        ".hidden/seg_train/lake/2.jpg",
        "seg_train/.cache/deep/er/1.jpg",
    ]
    outside = ["ground_truth.csv", "docs/readme/long.txt", "seg_train/labels.txt", "other/lake/1.jpg"]
    folders = ["seg_train/", "seg_train/lake/", "docs/", "__MACOSX/"]
    path = pack(tmp_path / "a.zip", SMALL | dict.fromkeys([*litter, *outside, *folders], b""))
    with opened(path) as archive:
        assert paths(archive) == sorted(SMALL)
        assert (archive.litter, archive.outside, archive.case_collisions) == (len(litter), len(outside), 0)


def test_names_that_differ_in_case_or_unicode_form_alone_are_counted(tmp_path):
    cafe = "café"
    names = ["A.jpg", "a.jpg", f"{unicodedata.normalize('NFC', cafe)}.jpg", f"{unicodedata.normalize('NFD', cafe)}.jpg"]
    with opened(
        pack(tmp_path / "a.zip", SMALL | {f"seg_train/lake/{name}": name.encode() for name in names})
    ) as archive:
        assert archive.case_collisions == 4
        assert len(archive.members) == len(SMALL) + 4
        assert archive.read("seg_train/lake/a.jpg") == b"a.jpg"


def test_a_class_is_one_whatever_its_unicode_form(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Küste") for form in ("NFC", "NFD"))
    files = {f"seg_train/{decomposed}/1.jpg": b"1", f"seg_test/{composed}/1.jpg": b"2"}
    with opened(pack(tmp_path / "a.zip", files)) as archive:
        assert archive.classes == (composed,)
        assert archive.read(f"seg_train/{decomposed}/1.jpg") == b"1"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.sets(
        # zipfile itself cuts a name at NUL before it writes it.
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="/\0"), min_size=1, max_size=12),
        max_size=6,
    )
)
def test_any_name_is_read_back_skipped_or_refused(tmp_path, names):
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
        kept = set(paths(archive)) - set(SMALL)
        assert kept | set(SMALL) <= set(files) | set(SMALL)
        assert all(archive.read(name) == files[name] for name in kept)
        assert archive.litter == len(set(files) - kept - set(SMALL))


def test_an_archive_can_be_sent_to_another_process(tmp_path):
    with opened(pack(tmp_path / "a.zip", SMALL)) as archive, pickle.loads(pickle.dumps(archive)) as other:
        assert other.members == archive.members
        assert other.read(FIRST) == archive.read(FIRST)


def test_a_closed_archive_is_a_mistake_and_no_damage(tmp_path):
    with opened(pack(tmp_path / "a.zip", SMALL)) as archive:
        pass
    with pytest.raises(ValueError, match="closed"):
        archive.read(FIRST)


# What is refused


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


def test_a_class_in_one_split_only(tmp_path):
    path = pack(tmp_path / "a.zip", SMALL | {"seg_train/dune/1.jpg": b"x"})
    assert "'dune' is in seg_train but not in seg_test" in refusal(path)
    path = pack(tmp_path / "a.zip", SMALL | {"seg_test/dune/1.jpg": b"x"})
    assert "'dune' is in seg_test but not in seg_train" in refusal(path)


@pytest.mark.parametrize("inside", ["", ".DS_Store", "Thumbs.db"])
def test_an_empty_class(tmp_path, inside):
    folder = {"seg_train/dune/": b""}
    path = pack(tmp_path / "a.zip", SMALL | folder | {f"seg_train/dune/{inside}": b""})
    assert "seg_train/dune' is empty" in refusal(path)


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("seg_train/lake/summer/1.jpg", "in seg_train/<class>"),
        ("seg_train/lake/summer/", "in seg_train/<class>"),
        ("seg_test/lake/a/b/1.jpg", "in seg_test/<class>"),
        ("seg_pred/lake/1.jpg", "directly in seg_pred"),
    ],
)
def test_folders_below_a_class(tmp_path, name, where):
    assert where in refusal(pack(tmp_path / "a.zip", SMALL | {name: b""}))


@pytest.mark.parametrize("missing", ["train", "test"])
def test_a_split_that_is_missing(tmp_path, missing):
    files = {name: data for name, data in SMALL.items() if LAYOUT[missing] not in name}
    message = refusal(pack(tmp_path / "a.zip", files))
    assert f"no image in '{LAYOUT[missing]}/<class>/'" in message
    assert f"archive.layout.{missing}" in message


def test_an_empty_zip_a_text_a_folder_and_nothing(tmp_path):
    assert "no image in" in refusal(pack(tmp_path / "a.zip", {}))
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
            for member in archive.members:
                assert archive.read(member.path) == b"bytes"
    except (InputError, DamagedMember):
        pass

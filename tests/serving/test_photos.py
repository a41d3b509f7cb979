"""Whatever people bring is a photo or a sentence: no crash, no hang, no memory beyond the limits, nothing written."""

import io
import os
import struct
import sys
import tempfile
import time
import tracemalloc
import unicodedata
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from scenes.common.errors import InputError
from scenes.common.suffixes import is_image
from scenes.images.formats import FORMATS
from scenes.serving import photos
from scenes.serving.photos import Limits, Photo, Refused, one_line, printable
from tests.helpers.image_bytes import SAMPLES, exif, ftyp, shades
from tests.helpers.photo_outcomes import LIMITS, is_a_sentence, only, outcomes, refusal
from tests.helpers.pictures import encode, jpeg, pack, patched, picture, with_mode

JPEG = jpeg(1)
READ = f"(supported: {', '.join(FORMATS[:-1])} and {FORMATS[-1]})"
DAMAGED = "the image is damaged or cut short; save or download it again"
HEIC = DAMAGED if "HEIF" in FORMATS else f"this is a HEIC photo, which cannot be read here; export it as JPEG {READ}"
INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


# Images of every kind


@pytest.mark.parametrize("kind", ["CMYK", "PNG, 16-bit colours", "GIF, animated", "WebP, animated", "BMP", "TIFF, LZW"])
def test_a_kind_of_image_gives_its_first_picture(kind):
    found = photos.decode(SAMPLES[kind], LIMITS).pixels
    assert (found.dtype, found.shape) == (np.uint8, (30, 40, 3))
    away = [np.abs(found.astype(int) - picture(seed, 40, 30)).mean() for seed in (1, 2)]
    assert away[0] < 0.25 * away[1]  # JPEG and palettes are not exact


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_sample_that_the_fuzzing_starts_from_is_read(kind):
    assert sorted(photos.decode(SAMPLES[kind], LIMITS).pixels.shape) == [3, 30, 40]


def test_what_is_transparent_lies_on_white():
    assert np.array_equal(
        photos.decode(encode(Image.new("RGBA", (3, 2), (255, 0, 0, 0)), "PNG"), LIMITS).pixels, np.full((2, 3, 3), 255)
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_a_photo_as_pillow_does(kind, orientation):
    data = encode(shades(), kind, exif=exif(orientation)[6:] if kind == "TIFF" else exif(orientation))
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert expected.shape == ((40, 30, 3) if orientation > 4 else (30, 40, 3))
    assert np.array_equal(photos.decode(data, LIMITS).pixels, expected)


# What is no image


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "it is empty (0 bytes); choose another file"),
        (b"just text", f"this is not a readable image; choose another file {READ}"),
        (bytes(1000), f"this is not a readable image; choose another file {READ}"),
        (ftyp(b"heic", b"mif1", b"heic"), HEIC),
        (ftyp(b"mif1", b"mif1", b"heic"), HEIC),
        (ftyp(b"avif", b"avif", b"mif1"), DAMAGED),
        (ftyp(b"mif1", b"avif"), DAMAGED),
        (ftyp(b"isom"), f"this is not a readable image; choose another file {READ}"),
        (b"<svg onload='alert(1)'/>", f"this is an SVG drawing, which cannot be read here; export it as JPEG {READ}"),
        (
            b'\xef\xbb\xbf<?xml version="1.0"?><svg xmlns=""/>',
            f"this is an SVG drawing, which cannot be read here; export it as JPEG {READ}",
        ),
        (b"\xff\x0a" + bytes(9), f"this is a JPEG XL photo, which cannot be read here; export it as JPEG {READ}"),
        (b"\n<!DOCTYPE html><script>alert(1)</script>", f"this is a web page; save the photo that is on it {READ}"),
        (b"%PDF-1.7", f"this is a PDF, which cannot be read here; export it as JPEG {READ}"),
        (b"PK\x03\x04" + bytes(50), f"this is a zip, but its name does not end in .zip {READ}"),
    ],
)
def test_a_stranger_is_called_by_its_name(data, sentence):
    assert refusal(data) == sentence


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_file_that_is_cut_short(kind):
    data = SAMPLES[kind]
    try:
        assert photos.decode(data[: len(data) // 2], LIMITS).pixels.shape[2] == 3
        assert "animated" in kind  # of two frames the first may be whole
    except InputError as error:
        assert str(error) == DAMAGED


def test_a_damaged_photo_is_read_and_says_so():
    scan = JPEG.rindex(b"\xff\xda")
    photo = photos.decode(JPEG[: (scan + len(JPEG)) // 2] + b"\xff\xd9", LIMITS)
    assert photo.damaged
    assert photo.pixels.shape == photos.decode(JPEG, LIMITS).pixels.shape
    assert not photos.decode(JPEG, LIMITS).damaged


def test_limits_name_themselves():
    assert refusal(bytes(1_000_001)) == (
        "it has 1.0 MB, more than the 1 MB allowed (archive.max_member_bytes); make it smaller"
    )
    assert refusal(encode(picture(1, 1001, 1000), "PNG")) == (
        "1,001 x 1,000 pixels are more than the 1,000,000 pixels allowed (archive.max_pixels); make it smaller"
    )
    largest = photos.decode(encode(picture(1, 1000, 1000), "BMP"), Limits(4_000_000, 200, 1_000_000))
    assert largest.pixels.size == 3_000_000


# Several things in one file


def test_polyglots_are_read_as_what_their_name_says(tmp_path):
    inside = pack(tmp_path / "inside", {"a.jpg": jpeg(2), "evil.html": b"<script>alert(1)</script>"}).read_bytes()
    both = JPEG + inside
    (tmp_path / "both.jpg").write_bytes(both)
    (tmp_path / "both.zip").write_bytes(both)
    expected = photos.decode(JPEG, LIMITS).pixels
    assert np.array_equal(only(tmp_path / "both.jpg"), expected)
    found, passed_over = outcomes(tmp_path / "both.zip")
    assert list(found) == [f"{tmp_path}/both.zip/a.jpg"]
    assert np.array_equal(found[f"{tmp_path}/both.zip/a.jpg"], photos.decode(jpeg(2), LIMITS).pixels)
    assert passed_over == [f"{tmp_path}/both.zip/evil.html"]
    assert np.array_equal(photos.decode(JPEG + b"<html><script>alert(1)</script>", LIMITS).pixels, expected)
    assert np.array_equal(photos.decode(jpeg(1, comment=b"*/=1;alert(1)/*<script>"), LIMITS).pixels, expected)
    assert "a web page" in refusal(b"<html><!--" + JPEG)


# Zips


@pytest.mark.parametrize(
    "name", ["../a.jpg", "/etc/a.jpg", "..\\a.jpg", "C:\\a.jpg", "C:a.jpg", "a/../../a.jpg", "a\x1b[31m.jpg", "a\n.jpg"]
)
def test_a_zip_with_a_path_that_leads_out(tmp_path, name):
    said = only(pack(tmp_path / "a.zip", {"sound.jpg": JPEG, name: JPEG}))
    assert said.startswith("the member name ")
    assert not said.startswith(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


@pytest.mark.parametrize("mode", [0o120777, 0o020600, 0o010600])
def test_a_zip_with_a_link_or_a_device(tmp_path, mode):
    said = only(pack(tmp_path / "a.zip", [("sound.jpg", JPEG), (with_mode("a.jpg", mode), b"/etc/passwd")]))
    assert said == "'a.jpg' is a link or a device, not a file; pack the archive again with the file itself"


def test_a_zip_that_unpacks_to_far_more(tmp_path):
    path = pack(tmp_path / "a.zip", {"a.jpg": bytes(1_500_000)})
    assert "200) times its packed size, as a zip bomb does" in only(path, limits=Limits(10_000_000, 200, 1))


def test_a_zip_that_is_encrypted_or_names_two_files_alike_or_overlaps(tmp_path):
    sound = {"a.jpg": JPEG, "b.jpg": JPEG}
    assert "'a.jpg' is encrypted" in only(patched(pack(tmp_path / "a.zip", sound), "a.jpg", flag=1))
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = pack(tmp_path / "b.zip", [("a.jpg", JPEG), ("a.jpg", JPEG)])
    assert "2 members are named 'a.jpg'" in only(path)
    path = patched(pack(tmp_path / "c.zip", sound, zipfile.ZIP_STORED), "a.jpg", packed=len(JPEG) + 100)
    assert "'b.jpg' shares its bytes with 'a.jpg'" in only(path)


def listing(count: int, extra: int = 0) -> bytes:
    """A zip of as many entries, each of some bytes of extra fields, whose end states that there are 3."""
    fields = struct.pack("<HH", 0x100, 0) * (extra // 4)
    entries = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 10, len(fields), 0, 0, 0, 0, 30 * number)
        + b"%06d.jpg" % number
        + fields
        for number in range(count)
    )
    return bytes(30 * count) + entries + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 3, 3, len(entries), 30 * count, 0)


@pytest.mark.parametrize(
    ("refused", "count", "extra"),
    [(False, 300, 0), (True, 301, 0), (False, 150, 400), (True, 151, 400), (False, 1, 4000), (True, 1, 4096)],
)
def test_as_many_files_as_a_zip_may_list(refused, count, extra):
    limits = Limits(1_000_000, 200, 1_000_000, max_entries=300)
    found = list(photos.in_zip("a.zip", limits, str, io.BytesIO(listing(count, extra))))
    if refused:
        (photo,) = found
        assert photo.sentence == (
            "it lists more than the 300 files allowed, or names that are too long for paths; split it into several zips"
        )
    else:
        assert [type(photo) for photo in found] == [Photo] * count


def test_a_zip_of_very_many_files_takes_no_time():
    """At 50 MB; Python took 10 s for the first and minutes for the second."""
    zipped = [listing(560_000), listing(760, 65_000)]
    for data in zipped:
        assert 47_000_000 < len(data) < 50_000_000
        started = time.process_time()
        tracemalloc.start()
        (photo,) = photos.in_zip("a.zip", LIMITS, str, io.BytesIO(data))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert isinstance(photo, Refused)
        assert time.process_time() - started < 2
        assert peak < 60_000_000  # the directory as bytes, which is nearly all of it


def test_a_member_may_begin_as_a_directory_of_a_zip_does(tmp_path):
    data = b"PK\x01\x02" + bytes(100)
    path = pack(tmp_path / "a.zip", {"a.jpg": data, "b.jpg": data[:10]}, zipfile.ZIP_STORED)
    read = [photo.read() for photo in photos.find([path], LIMITS, str)]
    assert read == [data, data[:10]]


def test_one_damaged_member_does_not_hold_up_the_others(tmp_path):
    path = pack(tmp_path / "a.zip", {f"{name}.jpg": jpeg(index) for index, name in enumerate("abc")})
    data = bytearray(path.read_bytes())
    data[data.index(b"b.jpg") + 100] ^= 0xFF
    path.write_bytes(data)
    found, _ = outcomes(path)
    assert found[f"{path}/b.jpg"] == "it is damaged within the zip; pack it again"
    assert np.array_equal(found[f"{path}/c.jpg"], photos.decode(jpeg(2), LIMITS).pixels)
    assert len(found) == 3


def test_a_zip_that_is_none_or_is_not_there(tmp_path):
    (tmp_path / "text.zip").write_bytes(b"<html>not found</html>")
    (tmp_path / "empty.zip").touch()
    (tmp_path / "loop.zip").symlink_to("loop.zip")
    os.mkfifo(tmp_path / "pipe.zip")
    assert only(tmp_path / "text.zip").startswith("it is not a zip that can be read")
    assert only(tmp_path / "empty.zip").startswith("it is not a zip that can be read")
    assert only(tmp_path / "nothing.zip") == "there is no such file"
    assert only(tmp_path / "loop.zip") == "it cannot be read (Too many levels of symbolic links)"
    assert only(tmp_path / "pipe.zip") == "it is a pipe or a device, not a file; save the photo first"
    assert only(tmp_path / "text.zip" / "a.zip") == "it cannot be read (Not a directory)"


def test_a_zip_in_memory_is_left_open(tmp_path):
    inside = io.BytesIO(pack(tmp_path / "a.zip", {"x/a.jpg": JPEG, "x/.hidden.jpg": b"", "b.txt": b""}).read_bytes())
    passed_over = []
    for _ in range(2):
        (photo,) = photos.in_zip("<b>.zip", LIMITS, passed_over.append, inside)
        assert photo.name == "<b>.zip/x/a.jpg"
    assert [skipped.name for skipped in passed_over] == ["<b>.zip/b.txt"] * 2
    with pytest.raises(ValueError, match="closed"):
        photo.read()
    (refused,) = photos.in_zip("a\x1b.zip", LIMITS, passed_over.append, io.BytesIO(b"no zip"))
    assert refused.name == "a\\x1b.zip"
    assert refused.sentence.startswith("it is not a zip")


# Folders


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    names = ["b/a.jpg", "b/c/d.PNG", "b.jpg", "a.webp", "b-1.tiff", "C.jpeg", "é.gif"]
    others = [
        "notes.txt",
        "b/archive.zip",
        ".hidden.jpg",
        ".git/a.jpg",
        "__MACOSX/a.jpg",
        "Thumbs.db",
        "jpg",
        "a.jpg.txt",
    ]
    for name in [*names, *others]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(JPEG)
    found, passed_over = outcomes(tmp_path)
    paths = sorted((tmp_path / name for name in names), key=lambda path: path.parts)
    assert list(found) == list(map(str, paths))
    assert passed_over == [str(tmp_path / name) for name in ("a.jpg.txt", "b/archive.zip", "jpg", "notes.txt")]


def test_which_files_are_photos_depends_on_no_list_of_this_machine(monkeypatch):
    import mimetypes

    monkeypatch.setattr(mimetypes, "guess_type", None)
    for name in ("a.jpg", "b/A.JPEG", "a.webp", "a.heic", "a.avif", "a.svg", "a.tif", "a.gif", "a.bmp", "a.png"):
        assert is_image(name)
    for name in ("jpg", "a.jpg.exe", "data:image/png,a.txt", "a.zip", "a", ""):
        assert not is_image(name)


def test_what_is_skipped_is_said_by_reason(tmp_path):
    sound = {"a.jpg": JPEG}
    inside = pack(tmp_path / "inside", sound).read_bytes()
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for name, data in {"a.jpg": JPEG, "deep/notes.txt": b"", "deep/B.ZIP": inside, "z.txt": b"", "c.zip": b""}.items():
        (folder / name).write_bytes(data)
    (folder / "up").symlink_to("..")
    packed = pack(tmp_path / "packed.zip", {**sound, "c.zip": inside, "notes.txt": b""})
    skipped = []
    assert [photo.name for photo in photos.find([folder, packed], LIMITS, skipped.append)] == [
        f"{folder}/a.jpg",
        f"{packed}/a.jpg",
    ]
    assert photos.skipped_in_words(skipped, shown=2) == [
        f"3 skipped, because zips inside a folder or a zip are not opened; give them by themselves: "
        f"{folder}/c.zip, {folder}/deep/B.ZIP and 1 more",
        f"3 skipped, because their names are not those of images: {folder}/deep/notes.txt, {folder}/z.txt and 1 more",
        f"1 skipped, because they are links, which are followed only if their names are those of images: {folder}/up",
    ]
    assert photos.skipped_in_words([], shown=2) == []


def test_what_is_no_file_is_a_sentence_and_nothing_waits(tmp_path):
    inside = tmp_path / "photos"
    (inside / "deep.jpg").mkdir(parents=True)
    (inside / "a.jpg").write_bytes(JPEG)
    os.mkfifo(inside / "pipe.jpg")
    os.mkfifo(inside / "pipe.txt")
    for name, target in {
        "device.jpg": "/dev/zero",
        "terminal.jpg": "/dev/tty",
        "loop.jpg": "loop.jpg",
        "nowhere.jpg": "nothing.jpg",
        "same.jpg": "a.jpg",
        "folder.jpg": "..",
        "up": "..",
        "deep.jpg/up": "../..",
    }.items():
        (inside / name).symlink_to(target)
    found, passed_over = outcomes(inside)
    no_file = "it is a pipe or a device, not a file; save the photo first"
    same = found.pop(f"{inside}/same.jpg")
    assert np.array_equal(same, found.pop(f"{inside}/a.jpg"))
    assert {Path(name).name: said for name, said in found.items()} == {
        "device.jpg": no_file,
        "folder.jpg": "it is a folder, not a file",
        "loop.jpg": "it cannot be read (Too many levels of symbolic links)",
        "nowhere.jpg": "there is no such file",
        "pipe.jpg": no_file,
        "terminal.jpg": no_file,
    }
    assert {Path(name).name for name in passed_over} == {"pipe.txt", "up"}
    assert only(inside / "pipe.jpg") == only("/dev/zero") == no_file
    assert only(inside / "nothing.jpg") == only("") == "there is no such file"
    assert only(inside / "a.jpg" / "b.jpg") == "it cannot be read (Not a directory)"
    assert only("x" * 300 + ".jpg") == "it cannot be read (File name too long)"
    assert only("a\0.jpg") == "it cannot be read (embedded null byte)"
    (tmp_path / "linked").symlink_to("photos")  # what is brought may be a link
    assert f"{tmp_path}/linked/a.jpg" in outcomes(tmp_path / "linked")[0]


@pytest.fixture
def nobody():
    """A folder that anybody may enter, and for root a change to a user who may not do everything."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder), 65534 if os.geteuid() == 0 else os.geteuid()


def test_what_may_not_be_read_is_a_sentence(nobody):
    folder, user = nobody
    for name in ("a/1.jpg", "closed/2.jpg", "listed/3.jpg", "listed/notes.txt", "4.jpg", "closed.zip"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(JPEG)
    modes = {"closed": 0o000, "listed": 0o444, "4.jpg": 0o000, "closed.zip": 0o000}
    for name, mode in modes.items():
        (folder / name).chmod(mode)
    me = os.geteuid()
    os.seteuid(user)
    try:
        found, passed_over = outcomes(
            folder, folder / "closed.zip", folder / "closed" / "2.jpg", folder / "closed" / "x"
        )
    finally:
        os.seteuid(me)
        for name in modes:
            (folder / name).chmod(0o755)
    assert isinstance(found.pop(f"{folder}/a/1.jpg"), np.ndarray)
    assert found == dict.fromkeys(
        (f"{folder}/{name}" for name in
         ("4.jpg", "closed", "closed.zip", "closed/2.jpg", "closed/x", "listed/3.jpg", "listed/notes.txt")),
        "it cannot be read (Permission denied)",
    )  # fmt: skip
    assert passed_over == [f"{folder}/closed.zip"]


def test_folders_deeper_than_python_calls(tmp_path):
    depth = (os.pathconf(tmp_path, "PC_PATH_MAX") - len(str(tmp_path)) - 10) // 2
    assert depth > sys.getrecursionlimit()
    (tmp_path / "d").mkdir()
    here = os.open(tmp_path / "d", os.O_RDONLY)
    for _ in range(depth):  # by descriptor: the whole path would soon be too long for the system
        os.mkdir("d", dir_fd=here)
        here, above = os.open("d", os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(os.open("a.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    try:
        (said,) = outcomes(tmp_path)[0].values()
    finally:  # rmtree calls itself for each
        os.unlink("a.jpg", dir_fd=here)
        for _ in range(depth):
            here, below = os.open("..", os.O_RDONLY, dir_fd=here), here
            os.close(below)
            os.rmdir("d", dir_fd=here)
        os.close(here)
    assert said in ("it is empty (0 bytes); choose another file", "it cannot be read (File name too long)")


# Names

HOSTILE_NAMES = [
    "<img src=x onerror=alert(1)>.jpg",
    "**bold** _it_ `code`.jpg",
    "[a](javascript:alert(1)).jpg",
    "=HYPERLINK(1).jpg",
    "$(touch x);'\".jpg",
    "-rf.jpg",
    "\x1b]0;title\x07\x1b[31mred.jpg",
    "new\nline\r.jpg",
    "tab\t\x7f\x85.jpg",
    "\u202egnp.jpg",
    "\u2066\u200f\ufeff.jpg",
    "two\u2028lines.jpg",
    os.fsdecode(b"\xff\xfe no text.jpg"),
    "y" * 251 + ".jpg",
    "日本 café.jpg",
]


def test_a_name_of_any_kind_is_one_line_and_tells_its_file(tmp_path):
    for index, name in enumerate(HOSTILE_NAMES):
        (tmp_path / name).write_bytes(jpeg(index))
    found, passed_over = outcomes(tmp_path)
    assert len(found) == len(HOSTILE_NAMES)
    assert not passed_over
    for index, name in enumerate(HOSTILE_NAMES):
        assert np.array_equal(found[one_line(str(tmp_path / name))], photos.decode(jpeg(index), LIMITS).pixels)
    said = [name for name in found if any(unicodedata.category(character) in INVISIBLE for character in name)]
    assert not said
    assert one_line("\x1b[31m\u202e\n" + os.fsdecode(b"\xff")) == "\\x1b[31m\\u202e\\n\\udcff"
    for name in HOSTILE_NAMES:  # by themselves
        assert isinstance(only(tmp_path / name), np.ndarray)


@given(st.text())
def test_any_name_is_one_line(name):
    line = one_line(name)
    assert len(line.splitlines()) <= 1
    assert not any(unicodedata.category(character) in INVISIBLE for character in line)
    assert one_line(line) == line
    line.encode()  # there is no half of a character


@given(st.text(), st.integers(1, 200))
def test_a_printable_name_is_as_long_as_it_may_be(name, shown):
    line, short = one_line(name), printable(name, shown)
    assert len(short) == min(len(line), shown)
    if len(line) > shown:
        assert "…" in short
        start, _, end = short.partition("…") if "…" not in line else (short[: (shown - 1) // 2], "", "")
        assert line.startswith(start)
        assert line.endswith(end)
    else:
        assert short == line
    assert printable(short, shown) == short


@given(st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs")), max_size=120))
def test_an_ordinary_name_stays_as_it_is(name):
    assert printable(name) == one_line(name) == name


# Generated variants


@st.composite
def variants(draw, samples: dict[str, bytes], others: dict[str, bytes]):
    """Sound files with bits turned, numbers made extreme, parts cut off, left out, or of another file put in."""
    data = bytearray(samples[draw(st.sampled_from(sorted(samples)))])
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data))) if draw(st.booleans()) else draw(st.integers(0, min(len(data), 200)))
        match draw(st.sampled_from(["bit", "number", "cut", "leave out", "splice"])):
            case "bit":
                data[place : place + 1] = bytes(byte ^ 1 << draw(st.integers(0, 7)) for byte in data[place : place + 1])
            case "number":
                extremes = [b"\xff" * 4, bytes(4), b"\x7f" + b"\xff" * 3, b"\0\0\0\x01", b"\xff\xff", b"\x80\0"]
                data[place : place + 4] = draw(st.sampled_from(extremes))
            case "cut":
                del data[place:]
            case "leave out":
                del data[place : place + draw(st.integers(1, 100))]
            case "splice":
                other = others[draw(st.sampled_from(sorted(others)))]
                start = draw(st.integers(0, len(other) - 1))
                data[place : place + draw(st.integers(0, 40))] = other[start : start + draw(st.integers(1, 400))]
    if data.startswith(b"\x89PNG") and draw(st.booleans()):
        repair(data)
    return bytes(data)


def repair(data: bytearray) -> None:
    """Make the checksums of a PNG right, which otherwise keep what is changed from being looked at."""
    start = 8
    while start + 12 <= len(data):
        end = start + 8 + int.from_bytes(data[start : start + 4])
        if end + 4 <= len(data):
            data[end : end + 4] = struct.pack(">L", zlib.crc32(data[start + 4 : end]))
        start = end + 4


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(variants(SAMPLES, SAMPLES))
def test_any_variant_of_an_image_is_pixels_or_a_sentence(data):
    try:
        found = photos.decode(data, LIMITS).pixels
    except InputError as error:
        assert is_a_sentence(str(error))
    else:
        assert found.dtype == np.uint8
        assert found.ndim == 3
        assert found.shape[2] == 3
        assert 0 < found.shape[0] * found.shape[1] <= LIMITS.max_pixels


def zips() -> dict[str, bytes]:
    made = {}
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.comment = b"comment"
            for member, kind in (("a.jpg", "grey"), ("b/c.png", "PNG"), ("d.txt", "GIF"), ("é.gif", "GIF")):
                archive.writestr(member, SAMPLES[kind])
        made[name] = stream.getvalue()
    return made | {"in front": SAMPLES["JPEG"] + made["stored"]}


ZIPS = zips()


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(variants(ZIPS, ZIPS | SAMPLES), st.booleans())
def test_any_variant_of_a_zip_is_photos_or_a_sentence(data, on_disk):
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        path = Path(folder) / "a.zip"
        path.write_bytes(data)
        found = photos.find([path], LIMITS, str) if on_disk else photos.in_zip("a.zip", LIMITS, str, io.BytesIO(data))
        for photo in found:
            if isinstance(photo, Refused):
                assert is_a_sentence(photo.sentence)
                continue
            assert isinstance(photo, Photo)
            try:
                photos.decode(photo.read(), LIMITS)
            except InputError as error:
                assert is_a_sentence(str(error))

"""Whatever people bring is a photo or a sentence: no crash, no hang, no memory beyond the limits, nothing written."""

import io
import json
import os
import struct
import subprocess
import sys
import tempfile
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

from scenes import images, photos
from scenes.errors import InputError
from scenes.photos import Limits, Photo, Refused, one_line, printable
from tests.code_facts import ROOT
from tests.pictures import encode, jpeg, pack, picture
from tests.scenes.test_archive import patched, with_mode
from tests.scenes.test_images import exif, png, scanlines

LIMITS = Limits(max_member_bytes=1_000_000, max_ratio=200, max_pixels=1_000_000)
JPEG = jpeg(1)
READ = "(read are JPEG, PNG, WEBP, GIF, BMP and TIFF)"
INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def is_a_sentence(text: str) -> bool:
    return 10 < len(text) <= 400 and text == one_line(text) and not text.endswith(".")


def refusal(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(InputError) as caught:
        photos.decode(data, limits)
    assert is_a_sentence(str(caught.value))
    return str(caught.value)


def outcomes(*paths, limits: Limits = LIMITS) -> tuple[dict[str, object], list[str]]:
    """Find and read all; return what became of each (pixels or a sentence) by name, and what was passed over."""
    found, passed_over = {}, []
    for item in photos.find(paths, limits, passed_over.append):
        assert item.name not in found
        assert item.name == one_line(item.name)
        if isinstance(item, Refused):
            found[item.name] = item.sentence
        else:
            try:
                found[item.name] = photos.decode(item.read(), limits)
            except InputError as error:
                found[item.name] = str(error)
        assert isinstance(found[item.name], np.ndarray) or is_a_sentence(found[item.name])
    return found, passed_over


def only(path, **options) -> object:
    """What became of the one thing that ``path`` leads to."""
    found, _ = outcomes(path, **options)
    (outcome,) = found.values()
    return outcome


# Images of every kind


def shades(seed: int = 1) -> Image.Image:
    return Image.fromarray(picture(seed, 40, 30))


def with_alpha() -> Image.Image:
    image = shades().convert("RGBA")
    image.putalpha(image.convert("L"))
    return image


def sixteen_bits(colour: int) -> bytes:
    pixels = picture(1, 40, 30).astype(">u2") * 257
    return png(40, 30, 16, colour, scanlines(pixels if colour == 2 else pixels[..., :1]))


SAMPLES = {
    "JPEG": encode(shades()),
    "progressive": encode(shades(), progressive=True, exif=exif(6)),
    "CMYK": encode(shades().convert("CMYK")),
    "grey": encode(shades().convert("L")),
    "PNG": encode(shades(), "PNG"),
    "PNG, alpha": encode(with_alpha(), "PNG"),
    "PNG, palette and alpha": encode(shades().quantize(16), "PNG", transparency=0),
    "PNG, 16-bit grey": sixteen_bits(0),
    "PNG, 16-bit colours": sixteen_bits(2),
    "GIF": encode(shades().quantize(64), "GIF"),
    "GIF, animated": encode(shades().quantize(64), "GIF", save_all=True, append_images=[shades(2).quantize(64)]),
    "WebP": encode(shades(), "WEBP", lossless=True),
    "WebP, alpha": encode(with_alpha(), "WEBP"),
    "WebP, animated": encode(shades(), "WEBP", save_all=True, append_images=[shades(2)], lossless=True),
    "BMP": encode(shades(), "BMP"),
    "BMP, palette": encode(shades().quantize(16), "BMP"),
    "TIFF": encode(shades(), "TIFF"),
    "TIFF, LZW": encode(shades(), "TIFF", compression="tiff_lzw"),
    "TIFF, deflate and alpha": encode(with_alpha(), "TIFF", compression="tiff_adobe_deflate"),
    "TIFF, JPEG": encode(shades(), "TIFF", compression="jpeg"),
}


@pytest.mark.parametrize("kind", ["CMYK", "PNG, 16-bit colours", "GIF, animated", "WebP, animated", "BMP", "TIFF, LZW"])
def test_a_kind_of_image_gives_its_first_picture(kind):
    found = photos.decode(SAMPLES[kind], LIMITS)
    assert (found.dtype, found.shape) == (np.uint8, (30, 40, 3))
    away = [np.abs(found.astype(int) - picture(seed, 40, 30)).mean() for seed in (1, 2)]
    assert away[0] < 0.25 * away[1]  # JPEG and palettes are not exact


@pytest.mark.parametrize("kind", SAMPLES)
def test_every_sample_that_the_fuzzing_starts_from_is_read(kind):
    assert sorted(photos.decode(SAMPLES[kind], LIMITS).shape) == [3, 30, 40]


def test_what_is_transparent_lies_on_white():
    assert np.array_equal(
        photos.decode(encode(Image.new("RGBA", (3, 2), (255, 0, 0, 0)), "PNG"), LIMITS), np.full((2, 3, 3), 255)
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_a_photo_as_pillow_does(kind, orientation):
    data = encode(shades(), kind, exif=exif(orientation)[6:] if kind == "TIFF" else exif(orientation))
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert expected.shape == ((40, 30, 3) if orientation > 4 else (30, 40, 3))
    assert np.array_equal(photos.decode(data, LIMITS), expected)


# What is no image


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    box = b"ftyp" + major + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">L", len(box) + 4) + box + bytes(100)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "it is empty (0 bytes); choose another file"),
        (b"just text", f"this is no image that can be read; choose another file {READ}"),
        (bytes(1000), f"this is no image that can be read; choose another file {READ}"),
        (ftyp(b"heic", b"mif1", b"heic"), f"this is a HEIC photo, which can't be read here; export it as JPEG {READ}"),
        (ftyp(b"mif1", b"mif1", b"heic"), f"this is a HEIC photo, which can't be read here; export it as JPEG {READ}"),
        (ftyp(b"avif", b"avif", b"mif1"), f"this is an AVIF photo, which can't be read here; export it as JPEG {READ}"),
        (ftyp(b"mif1", b"avif"), f"this is an AVIF photo, which can't be read here; export it as JPEG {READ}"),
        (ftyp(b"isom"), f"this is no image that can be read; choose another file {READ}"),
        (b"<svg onload='alert(1)'/>", f"this is an SVG drawing, which can't be read here; export it as JPEG {READ}"),
        (
            b'\xef\xbb\xbf<?xml version="1.0"?><svg xmlns=""/>',
            f"this is an SVG drawing, which can't be read here; export it as JPEG {READ}",
        ),
        (b"\n<!DOCTYPE html><script>alert(1)</script>", f"this is a web page; save the photo that is on it {READ}"),
        (b"%PDF-1.7", f"this is a PDF, which can't be read here; export it as JPEG {READ}"),
        (b"PK\x03\x04" + bytes(50), f"this is a zip, but its name does not end in .zip {READ}"),
    ],
)
def test_a_stranger_is_called_by_its_name(data, sentence):
    assert refusal(data) == sentence


def test_an_avif_is_refused_though_pillow_may_read_it():
    if ".avif" not in Image.registered_extensions():
        pytest.skip("Pillow writes no AVIF here")
    assert "an AVIF photo" in refusal(encode(shades(), "AVIF"))


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_file_that_is_cut_short(kind):
    data = SAMPLES[kind]
    try:
        assert photos.decode(data[: len(data) // 2], LIMITS).shape[2] == 3  # of two frames the first may be whole
        assert "animated" in kind
    except InputError as error:
        assert str(error) == "the image is damaged or cut short; save or download it again"


def test_limits_name_themselves():
    assert refusal(bytes(1_000_001)) == (
        "it has 1.0 MB, more than the 1 MB that are taken (archive.max_member_bytes); make it smaller"
    )
    assert refusal(encode(picture(1, 1001, 1000), "PNG")) == (
        "1,001 x 1,000 pixels are more than the 1,000,000 pixels that are taken (archive.max_pixels); make it smaller"
    )
    assert photos.decode(encode(picture(1, 1000, 1000), "BMP"), Limits(4_000_000, 200, 1_000_000)).size == 3_000_000


# Several things in one file


def test_polyglots_are_read_as_what_their_name_says(tmp_path):
    inside = pack(tmp_path / "inside", {"a.jpg": jpeg(2), "evil.html": b"<script>alert(1)</script>"}).read_bytes()
    both = JPEG + inside
    (tmp_path / "both.jpg").write_bytes(both)
    (tmp_path / "both.zip").write_bytes(both)
    expected = photos.decode(JPEG, LIMITS)
    assert np.array_equal(only(tmp_path / "both.jpg"), expected)
    found, passed_over = outcomes(tmp_path / "both.zip")
    assert list(found) == [f"{tmp_path}/both.zip/a.jpg"]
    assert np.array_equal(found[f"{tmp_path}/both.zip/a.jpg"], photos.decode(jpeg(2), LIMITS))
    assert passed_over == [f"{tmp_path}/both.zip/evil.html"]
    assert np.array_equal(photos.decode(JPEG + b"<html><script>alert(1)</script>", LIMITS), expected)
    assert np.array_equal(photos.decode(jpeg(1, comment=b"*/=1;alert(1)/*<script>"), LIMITS), expected)
    assert "a web page" in refusal(b"<html><!--" + JPEG)


# Bombs: a few bytes that would take gigabytes or minutes


def tiff(*entries: tuple[int, int, int], data: bytes) -> bytes:
    """A TIFF of 16 x 16 grey pixels, deflated, with more entries of (tag, type, value) than honest ones have."""
    honest = [(256, 4, 16), (257, 4, 16), (258, 3, 8), (259, 3, 8), (262, 3, 1), (277, 3, 1)]
    place = 8 + 2 + 12 * (len(honest) + len(entries) + 2) + 4
    directory = sorted([*honest, *entries, (324, 4, place), (325, 4, len(data))], key=lambda entry: entry[0])
    packed = [struct.pack("<HHL", tag, kind, 1) + struct.pack("<L", value) for tag, kind, value in directory]
    return b"II*\0" + struct.pack("<LH", 8, len(directory)) + b"".join(packed) + bytes(4) + data


def tiled(*sides: int, kind: int = 4, unpacked: int = 256) -> bytes:
    packer = zlib.compressobj()
    data = b"".join(packer.compress(bytes(min(unpacked, 1_000_000))) for _ in range(max(1, unpacked // 1_000_000)))
    return tiff(*((tag, kind, side) for side in sides for tag in (322, 323)), data=data + packer.flush())


def with_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again until there are ``count``."""
    data = encode(shades().convert("L"), progressive=True)
    start, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:start] + data[start:end] * (count - data.count(b"\xff\xda") + 1) + data[end:]


def webp_canvas(side: int) -> bytes:
    """An animated WebP of 8 x 8 pixels on a canvas of ``side`` a side."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack("<L", len(data)) + data

    whole, small = (struct.pack("<L", size - 1)[:3] for size in (side, 8))
    frame = chunk(b"ANMF", bytes(6) + small * 2 + bytes(4) + encode(Image.new("RGB", (8, 8)), "WEBP")[12:])
    body = b"WEBP" + chunk(b"VP8X", b"\x12\0\0\0" + whole * 2) + chunk(b"ANIM", bytes(6)) + frame
    return b"RIFF" + struct.pack("<L", len(body)) + body


def gif_frame(side: int) -> bytes:
    """A GIF of one pixel, its first frame ``side`` a side."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + frame + b"\x3b"


def png_bomb(side: int) -> bytes:
    return png(side, side, 1, 0, bytes(side * (1 + (side + 7) // 8)))


MEASURE = """
import json, resource, sys, time
from pathlib import Path
from scenes import photos
from scenes.errors import InputError

limits = photos.Limits(1_000_000, 200, 1_000_000)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
photos.decode(Path(sys.argv[1]).read_bytes(), limits)
said, before, started = {}, peak(), time.process_time()
for photo in photos.find(sys.argv[2:], limits, print):
    try:
        said[photo.name] = photo.sentence if isinstance(photo, photos.Refused) else photos.decode(photo.read(), limits).shape
    except InputError as error:
        said[photo.name] = str(error)
print(json.dumps([said, peak() - before, time.process_time() - started]))
"""  # noqa: E501


def test_bombs_take_no_memory_no_time_and_write_nothing(tmp_path):
    """Each would take from 50 MB to 900 MB, or more than a minute, if it were decoded."""
    folder, elsewhere = tmp_path / "bombs", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    bombs = {
        "30,000 x 30,000.png": png_bomb(30_000),
        "9,000 x 9,000.png": png_bomb(9000),
        "frame.gif": gif_frame(60_000),
        "frame, smaller.gif": gif_frame(9000),
        "canvas.webp": webp_canvas(16_383),
        "tile.tif": tiled(9000, unpacked=81_000_000),
        "tile twice.tif": tiled(9000, 16, unpacked=81_000_000),
        "scans.jpg": with_scans(2000),
        "comments.png": png_with_text(80_000_000),
    }
    for name, data in bombs.items():
        assert len(data) < 1_000_000
        (folder / name).write_bytes(data)
    with (folder / "100 MB.jpg").open("wb") as file:
        file.truncate(100_000_000)
    deflated = {"a.jpg": bytes(60_000_000)}
    nested = pack(
        tmp_path / "nested", {f"{number}.zip": pack(tmp_path / "n", deflated).read_bytes() for number in "12"}
    )
    zips = {
        "large.zip": pack(tmp_path / "large.zip", deflated),
        "size.zip": patched(pack(tmp_path / "size.zip", deflated), "a.jpg", size=900_000),
        "nested.zip": nested.rename(tmp_path / "nested.zip"),
    }
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    (tmp_path / "sound").write_bytes(SAMPLES["PNG, alpha"])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, tmp_path / "sound", folder, *zips.values()],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(elsewhere), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    *passed_over, result = done.stdout.splitlines()
    said, megabytes, seconds = json.loads(result)
    sentences = {Path(name).relative_to(tmp_path).as_posix(): sentence for name, sentence in said.items()}
    assert all(map(is_a_sentence, sentences.values()))
    assert sentences.keys() == {
        *(f"bombs/{name}" for name in (*bombs, "100 MB.jpg")),
        "large.zip",
        "size.zip/a.jpg",
    }
    assert "100.0 MB, more than the 1 MB" in sentences["bombs/100 MB.jpg"]
    assert "'a.jpg' has 60000000 bytes" in sentences["large.zip"]
    assert "unpacks to more than the 900000 bytes" in sentences["size.zip/a.jpg"]
    for name in ("30,000 x 30,000.png", "9,000 x 9,000.png", "frame.gif", "frame, smaller.gif", "canvas.webp"):
        assert "more than the 1,000,000 pixels" in sentences[f"bombs/{name}"]
    assert passed_over == [f"{tmp_path}/nested.zip/{number}.zip" for number in "12"]
    assert megabytes < 30  # a file of at most 1 MB, twice, and what its header brings
    assert seconds < 10
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not any(elsewhere.iterdir())


def png_with_text(unpacked: int) -> bytes:
    """A PNG with compressed text, of which Pillow unpacks no more than a megabyte."""
    packer = zlib.compressobj()
    text = b"a\0\0" + b"".join(packer.compress(bytes(1_000_000)) for _ in range(unpacked // 1_000_000)) + packer.flush()
    chunk = struct.pack(">L", len(text)) + b"zTXt" + text + struct.pack(">L", zlib.crc32(b"zTXt" + text))
    sound = SAMPLES["PNG"]
    return sound[:33] + chunk + sound[33:]


@pytest.mark.parametrize("data", [tiled(16), tiled(16, 32), tiled(256, unpacked=256**2)])
def test_an_honest_tile_is_read(data):
    assert photos.decode(data, LIMITS).shape == (16, 16, 3)


@pytest.mark.parametrize(
    "data", [tiled(2000), tiled(16, 2000), tiled(2000, 16), tiled(2000, kind=3), tiled(16, kind=9)]
)
def test_a_tile_that_is_larger_than_an_image_may_be(data):
    assert "damaged" in refusal(data)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_tiles_of_every_kind_of_tiff(order, big):
    entry, count = ("HHQQ", "Q") if big else ("HHLL", "H")

    directory = struct.pack(order + count, 2) + b"".join(
        struct.pack(order + entry, tag, 16 if big else 4, 1, side) for tag, side in ((322, 3000), (323, 2000))
    )
    prefix = b"II" if order == "<" else b"MM"
    head = prefix + struct.pack(order + "H", 43 if big else 42) + bytes(12)
    assert images._tile_pixels(head + directory, prefix, 16) == 6_000_000


def test_as_many_scans_as_a_jpeg_may_have():
    assert photos.decode(with_scans(100), LIMITS).shape == (30, 40, 3)
    assert "damaged" in refusal(with_scans(101))
    # Beyond the end of the picture anything may stand, as phones put a film there.
    film = b"\xff\xda\0\2" * 1000
    assert np.array_equal(photos.decode(JPEG + film, LIMITS), photos.decode(JPEG, LIMITS))


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
    assert "2 members are called 'a.jpg'" in only(path)
    path = patched(pack(tmp_path / "c.zip", sound, zipfile.ZIP_STORED), "a.jpg", packed=len(JPEG) + 100)
    assert "'b.jpg' shares its bytes with 'a.jpg'" in only(path)


def test_one_damaged_member_does_not_hold_up_the_others(tmp_path):
    path = pack(tmp_path / "a.zip", {f"{name}.jpg": jpeg(index) for index, name in enumerate("abc")})
    data = bytearray(path.read_bytes())
    data[data.index(b"b.jpg") + 100] ^= 0xFF
    path.write_bytes(data)
    found, _ = outcomes(path)
    assert found[f"{path}/b.jpg"] == "it is damaged within the zip; pack it again"
    assert np.array_equal(found[f"{path}/c.jpg"], photos.decode(jpeg(2), LIMITS))
    assert len(found) == 3


def test_a_zip_that_is_none_or_is_not_there(tmp_path):
    (tmp_path / "text.zip").write_bytes(b"<html>not found</html>")
    (tmp_path / "empty.zip").touch()
    (tmp_path / "loop.zip").symlink_to("loop.zip")
    os.mkfifo(tmp_path / "pipe.zip")
    assert only(tmp_path / "text.zip").startswith("it is not a zip that can be read")
    assert only(tmp_path / "empty.zip").startswith("it is not a zip that can be read")
    assert only(tmp_path / "nothing.zip") == "there is no such file"
    assert only(tmp_path / "loop.zip") == "it can't be read (Too many levels of symbolic links)"
    assert only(tmp_path / "pipe.zip") == "it is a pipe or a device, not a file; save the photo first"
    assert only(tmp_path / "text.zip" / "a.zip") == "it can't be read (Not a directory)"


def test_a_zip_in_memory_is_left_open(tmp_path):
    inside = io.BytesIO(pack(tmp_path / "a.zip", {"x/a.jpg": JPEG, "x/.hidden.jpg": b"", "b.txt": b""}).read_bytes())
    passed_over = []
    for _ in range(2):
        (photo,) = photos.in_zip("<b>.zip", LIMITS, passed_over.append, inside)
        assert photo.name == "<b>.zip/x/a.jpg"
    assert passed_over == ["<b>.zip/b.txt"] * 2
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
        assert photos._is_image(name)
    for name in ("jpg", "a.jpg.exe", "data:image/png,a.txt", "a.zip", "a", ""):
        assert not photos._is_image(name)


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
        "loop.jpg": "it can't be read (Too many levels of symbolic links)",
        "nowhere.jpg": "there is no such file",
        "pipe.jpg": no_file,
        "terminal.jpg": no_file,
    }
    assert {Path(name).name for name in passed_over} == {"pipe.txt", "up"}
    assert only(inside / "pipe.jpg") == only("/dev/zero") == no_file
    assert only(inside / "nothing.jpg") == only("") == "there is no such file"
    assert only(inside / "a.jpg" / "b.jpg") == "it can't be read (Not a directory)"
    assert only("x" * 300 + ".jpg") == "it can't be read (File name too long)"
    assert only("a\0.jpg") == "it can't be read (embedded null byte)"
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
        "it can't be read (Permission denied)",
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
    assert said in ("it is empty (0 bytes); choose another file", "it can't be read (File name too long)")


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
        assert np.array_equal(found[one_line(str(tmp_path / name))], photos.decode(jpeg(index), LIMITS))
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
    return bytes(data)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(variants(SAMPLES, SAMPLES))
def test_any_variant_of_an_image_is_pixels_or_a_sentence(data):
    try:
        found = photos.decode(data, LIMITS)
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

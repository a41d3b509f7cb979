"""A few bytes, or as many as are taken, that would take gigabytes or minutes: refused, and what is honest is read."""

import io
import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from scenes.common.limited_reader import LimitedReader
from scenes.images import decompression
from scenes.serving import photos
from scenes.serving.photos import Limits
from tests.code_facts import ROOT
from tests.helpers.header_bombs import GIF_IMAGE, HEADERS, PROFILE, SOUND, segment, tiff
from tests.helpers.image_bytes import SAMPLES, chunk, exif, png, shades
from tests.helpers.photo_outcomes import LIMITS, is_a_sentence, refusal
from tests.helpers.pictures import NO_SUBSET, SUBSET, encode, jpeg, pack, patched

JPEG = jpeg(1)


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
from scenes.serving import photos
from scenes.common.errors import InputError

limits = photos.Limits(1_000_000, 200, 1_000_000)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
photos.decode(Path(sys.argv[1]).read_bytes(), limits)
said, before, started = {}, peak(), time.process_time()
for photo in photos.find(sys.argv[2:], limits, lambda skipped: print(skipped.name)):
    try:
        refused = isinstance(photo, photos.Refused)
        said[photo.name] = photo.sentence if refused else photos.decode(photo.read(), limits).pixels.shape
    except InputError as error:
        said[photo.name] = str(error)
print(json.dumps([said, peak() - before, time.process_time() - started]))
"""


@pytest.mark.process
def test_bombs_take_no_memory_no_time_and_write_nothing(tmp_path):
    """Each would take from 50 MB to 900 MB, or more than a minute, if it were decoded."""
    folder, elsewhere = tmp_path / "bombs", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    small = {
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
    for name, data in small.items():
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
        *(f"bombs/{name}" for name in (*small, "100 MB.jpg")),
        "large.zip",
        "size.zip/a.jpg",
        "nested.zip",
    }
    assert "100.0 MB, more than the 1 MB" in sentences["bombs/100 MB.jpg"]
    assert "'a.jpg' has 60000000 bytes" in sentences["large.zip"]
    assert "unpacks to more than the 900000 bytes" in sentences["size.zip/a.jpg"]
    for name in ("30,000 x 30,000.png", "9,000 x 9,000.png", "frame.gif", "frame, smaller.gif", "canvas.webp"):
        assert "more than the 1,000,000 pixels" in sentences[f"bombs/{name}"]
    assert sentences["nested.zip"] == "it contains no image"
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
    assert photos.decode(data, LIMITS).pixels.shape == (16, 16, 3)


@pytest.mark.parametrize(
    "data", [tiled(2000), tiled(16, 2000), tiled(2000, 16), tiled(2000, kind=3), tiled(16, kind=9)]
)
def test_a_tile_that_is_larger_than_an_image_may_be(data):
    assert "damaged" in refusal(data)


def directory(order: str, big: bool, *entries: tuple[int, int, int, int]) -> bytes:
    """The head of a TIFF and its directory, of entries of (tag, type, count, value)."""
    entry, count = ("HHQQ", "Q") if big else ("HHLL", "H")
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "LQ", 16, 0)
    packed = b"".join(struct.pack(order + entry, *each) for each in entries)
    return head + struct.pack(order + count, len(entries)) + packed


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_tiles_of_every_kind_of_tiff(order, big):
    data = directory(order, big, *((tag, 16 if big else 4, 1, side) for tag, side in ((322, 3000), (323, 2000))))
    assert decompression.is_bomb(data, 5_999_999)
    assert not decompression.is_bomb(data, 6_000_000)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_an_entry_that_cannot_be_read_hides_no_other(order, big):
    for kind in (16, 99):
        data = directory(order, big, (322, kind, 1, 8), (273, 4, 200_001, 0)) + bytes(900_000)
        assert decompression.is_bomb(data, LIMITS.max_pixels)


@pytest.mark.parametrize("head", [b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0", b"II*\0", b"MM\0*", b"II*\0\xff\xff"])
def test_a_directory_that_lies_nowhere_is_left_to_the_decoder(head):
    for rest in (b"", b"\xff" * 8, b"\x7f" + b"\xff" * 7, bytes(8)):
        assert not decompression.is_bomb(head + rest, LIMITS.max_pixels)
        assert "damaged" in refusal(head + rest) or "not a readable image" in refusal(head + rest)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_numbers_of_every_kind_of_tiff(order, big):
    for kind, size in {3: 2, 4: 4, 5: 8, 9: 4, 10: 8, 11: 4, 12: 8}.items():
        for count in (200_000, 200_001):
            data = directory(order, big, (273, kind, count, 0)) + bytes(count * size)
            assert decompression.is_bomb(data, LIMITS.max_pixels) == (count > 200_000)
    # A count that the file has no room for is damage, which Pillow passes over, and bytes stay bytes.
    assert not decompression.is_bomb(directory(order, big, (273, 4, 300_000, 0)) + bytes(100_000), LIMITS.max_pixels)
    assert not decompression.is_bomb(directory(order, big, (34377, 7, 900_000, 0)) + bytes(900_000), LIMITS.max_pixels)
    assert decompression.is_bomb(directory(order, big, *[(40_000, 3, 1, 0)] * 5001), LIMITS.max_pixels)
    assert not decompression.is_bomb(directory(order, big, *[(40_000, 3, 1, 0)] * 4999), LIMITS.max_pixels)


def test_as_many_scans_as_a_jpeg_may_have():
    assert photos.decode(with_scans(100), LIMITS).pixels.shape == (30, 40, 3)
    assert "damaged" in refusal(with_scans(101))
    # Beyond the end of the picture anything may stand, as phones put a film there.
    film = b"\xff\xda\0\2" * 1000
    assert np.array_equal(photos.decode(JPEG + film, LIMITS).pixels, photos.decode(JPEG, LIMITS).pixels)


# Headers of very many parts


MEASURE_HEADERS = """
import json, resource, time
from scenes.serving import photos
from scenes.common.errors import InputError
from tests.helpers.pictures import encode, picture
from tests.helpers.header_bombs import HEADERS

limits = photos.Limits(50_000_000, 200, 50_000_000)

def spent(data):
    started = time.process_time()
    try:
        said = photos.decode(data, limits).pixels.shape
    except InputError as error:
        said = str(error)
    return said, time.process_time() - started

ordinary = min(spent(encode(picture(1, 6000, 4000), "PNG", compress_level=1))[1] for _ in range(3))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
bombs = {name: [len(data := make(49_900_000)), *spent(data)] for name, make in HEADERS.items()}
print(json.dumps([bombs, ordinary, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024]))
"""


@pytest.mark.process
def test_headers_of_many_parts_take_no_longer_than_a_photo():
    """At 50 MB; they took Pillow from 5 s to 100 s each, and up to 2 GB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE_HEADERS],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found, ordinary, megabytes = json.loads(done.stdout)
    for name, (size, said, seconds) in found.items():
        assert 49_000_000 < size <= 50_000_000, name
        assert "the image is damaged" in said, name
        assert seconds < 10 * ordinary, (name, ordinary)
    assert megabytes < 150  # of which a file takes 50, while it is made 50 more


@pytest.mark.parametrize(
    "kind",
    sorted({kind for kind in HEADERS if not kind.startswith(("BMP", "TIFF"))} - {"JPEG, ends", "AVIF, properties"}),
)
def test_a_part_or_two_of_these_are_no_harm(kind):
    size = {"JPEG, EXIF": 70_000, "JPEG, Photoshop": 70_000, "GIF, comments": 5}.get(kind, 24)
    if "profiles" in kind:
        size = len(PROFILE)
    assert photos.decode(HEADERS[kind](size), LIMITS).pixels.shape == (30, 40, 3)


# What is honest, and has much beside its pixels


def rechunked(data: bytes, size: int) -> bytes:
    """A PNG with its pixels in chunks of ``size`` bytes each."""
    start, parts = 8, []
    while start < len(data):
        length, kind = struct.unpack_from(">L4s", data, start)
        parts.append((kind, data[start + 8 : start + 8 + length]))
        start += 12 + length
    packed = b"".join(part for kind, part in parts if kind == b"IDAT")
    chunks = [chunk(b"IDAT", packed[place : place + size]) for place in range(0, len(packed), size)]
    head = [chunk(*part) for part in parts[: [kind for kind, _ in parts].index(b"IDAT")]]
    return b"".join([data[:8], *head, *chunks, chunk(b"IEND", b"")])


def blocks(data: bytes, size: int = 255) -> bytes:
    parts = [data[place : place + size] for place in range(0, len(data), size)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def much_text() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for number in range(100):
        info.add_text(f"key {number}", "value")
    info.add_itxt("XML:com.adobe.xmp", "x" * 3_000_000)
    return info


NOISE = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
EXTENDED_XMP = segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 65_400)
RESOURCES = segment(0xED, b"Photoshop 3.0\0" + b"8BIM\0\0\0\0\0\0\0\0" * 300)
HONEST = {
    "JPEG, a profile and EXIF": encode(shades(), icc_profile=bytes(3_000_000), exif=exif(1), comment=b"a" * 60_000),
    "JPEG, a picture in XMP": SOUND["JPEG"][:2] + EXTENDED_XMP * 160 + SOUND["JPEG"][2:],
    "JPEG, Photoshop": SOUND["JPEG"][:2] + RESOURCES * 8 + SOUND["JPEG"][2:],
    "JPEG, fill bytes": SOUND["JPEG"][:2] + b"\xff" * 500 + SOUND["JPEG"][2:],
    "MPO": encode(shades(), "MPO", save_all=True, append_images=[shades(2)] * 20, exif=exif(1)),
    "PNG, texts and a profile": encode(shades(), "PNG", pnginfo=much_text(), icc_profile=bytes(900_000), exif=exif(1)),
    "PNG, data of 1 KB each": rechunked(encode(NOISE, "PNG", compress_level=1), 1000),
    "PNG, animated": encode(shades(), "PNG", save_all=True, append_images=[shades(2)] * 100),
    "GIF, XMP and a profile": (
        SOUND["GIF"][:GIF_IMAGE]
        + b"!\xff\x0bXMP DataXMP" + blocks(bytes(100_000), 80)
        + b"!\xff\x0bICCRGBG1012" + blocks(bytes(500_000)) + SOUND["GIF"][GIF_IMAGE:]
    ),
    "GIF, animated": encode(shades().quantize(8), "GIF", save_all=True, append_images=[shades(2).quantize(8)] * 200),
    "WebP": encode(shades(), "WEBP", icc_profile=bytes(2_000_000), exif=exif(1), xmp=b"a" * 2_000_000),
    "TIFF, a row a strip": encode(NOISE, "TIFF", strip_size=1),
    "TIFF, layers": encode(shades(), "TIFF", tiffinfo={37724: bytes(5_000_000)}, icc_profile=bytes(500_000)),
}  # fmt: skip


@pytest.mark.parametrize("kind", HONEST)
def test_honest_files_of_much_metadata_are_read(kind):
    limits = Limits(50_000_000, 200, 50_000_000)
    found = photos.decode(HONEST[kind], limits).pixels
    assert found.shape == (NOISE.shape if kind in ("PNG, data of 1 KB each", "TIFF, a row a strip") else (30, 40, 3))


@pytest.mark.skipif(not SUBSET.exists(), reason=NO_SUBSET)
def test_no_real_photo_comes_near_a_ration():
    with zipfile.ZipFile(SUBSET) as archive:
        for name in sorted(archive.namelist())[::40]:
            file = LimitedReader(io.BytesIO(archive.read(name)), decompression.OPENING / 100, decompression.cost)
            with Image.open(file) as image:
                file.left = decompression.LOADING / 1000
                image.load()
            assert not decompression.is_bomb(file.getvalue(), 50_000_000)

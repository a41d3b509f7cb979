"""The size that a header states is that of the file that Pillow writes, or 0 for what is compressed or damaged."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scenes.archive.uncompressed import stated_bytes
from tests.helpers.pictures import encode


def stated(data: bytes) -> int:
    return stated_bytes(io.BytesIO(data), len(data))


@given(
    mode=st.sampled_from(["1", "L", "P", "RGB", "RGBA", "I;16", "CMYK", "F"]),
    kind=st.sampled_from(["BMP", "PPM", "TIFF"]),
    width=st.integers(1, 300),
    height=st.integers(1, 200),
)
def test_what_pillow_writes(mode, kind, width, height):
    try:
        data = encode(Image.new(mode, (width, height)), kind)
    except OSError:
        return  # the format has no such mode
    if (mode, kind) == ("F", "PPM"):  # PFM
        assert stated(data) == 0
    elif kind == "TIFF":  # tags and a palette follow
        assert 0 <= len(data) - stated(data) < 2000
        assert stated(data) >= width * height * {"1": 1, "P": 8}.get(mode, 8) // 8
    else:
        assert stated(data) == len(data)


def test_a_tiff_whose_directory_follows_its_pixels():
    """As libtiff writes it; Pillow puts the directory first."""
    pixels = bytes(64 * 100 * 3)
    tags = [(256, 4, 1, 100), (257, 4, 1, 64), (258, 3, 3, 8 + len(pixels)), (259, 3, 1, 1), (277, 3, 1, 3)]
    for order, magic in (("<", b"II*\0"), (">", b"MM\0*")):
        bits = struct.pack(f"{order}3H", 8, 8, 8)
        directory = struct.pack(f"{order}H", len(tags))
        for tag, kind, count, value in tags:
            short = kind == 3 and count == 1
            directory += struct.pack(f"{order}HHL" + ("HH" if short else "L"), tag, kind, count, value, *[0] * short)
        offset = 8 + len(pixels) + len(bits)
        data = magic + struct.pack(f"{order}L", offset) + pixels + bits + directory + bytes(4)
        assert stated(data) == len(pixels)


def test_comments_in_netpbm():
    data = b"P5\n# a comment\n 3 # width\n2\n255\n" + bytes(6)
    assert stated(data) == len(data)
    assert stated(b"P4 9 2\n" + b"255 ") == len(b"P4 9 2\n") + 4
    assert stated(b"P2 3 2 255 1 2 3 4 5 6") == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_compressed_formats(kind):
    assert stated(encode(Image.new("RGB", (40, 30)), kind)) == 0
    assert stated(encode(Image.new("RGB", (40, 30)), "TIFF", compression="tiff_lzw")) == 0


@given(st.sampled_from([b"", b"BM", b"II*\0", b"MM\0*", b"P5 ", b"P6\n1 "]), st.binary(max_size=200))
def test_any_bytes(magic, data):
    assert stated(magic + data) >= 0

"""Formats beside the usual ones, and files that are none."""

import numpy as np
import pytest
from PIL import Image

from scenes.images.decode import decode, is_web_page
from scenes.images.formats import format_not_read, not_read
from tests.helpers.decoded import LIMIT, pixels, problem
from tests.helpers.image_bytes import HEIC, SAMPLES, exif
from tests.helpers.pictures import encode, picture


def test_avif_is_read_with_its_orientation_and_transparency():
    image = decode(encode(picture(1, 40, 24), "AVIF", quality=95, exif=exif(6)), max_pixels=LIMIT)
    assert (image.format, image.mode, image.pixels.shape) == ("AVIF", "RGB", (40, 24, 3))
    upright = np.rot90(picture(1, 40, 24), -1).astype(int)
    assert np.abs(image.pixels - upright).mean() < 6
    glass = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert pixels(encode(glass, "AVIF")).min() > 250
    assert problem(encode(picture(1, 40, 30), "AVIF"), max_pixels=1199).reason == "too_many_pixels"


def test_heic_is_read_where_its_decoder_is_installed():
    pytest.importorskip("pi_heif", reason="pi-heif is not installed")
    image = decode(HEIC, max_pixels=LIMIT)
    assert (image.format, image.mode, image.pixels.shape) == ("HEIF", "RGB", (30, 40, 3))
    assert np.abs(image.pixels.astype(int) - picture(1, 40, 30)).mean() < 12
    assert problem(HEIC, max_pixels=1199).reason == "too_many_pixels"
    assert problem(HEIC[:-100]).reason == "corrupt"


@pytest.mark.parametrize(
    ("found", "data"),
    [
        (True, b"<!DOCTYPE html><title>404</title>"),
        (True, b"\xef\xbb\xbf\n  <HTML lang='en'>"),
        (False, b"<svg xmlns=''/>"),
        (False, b"a <html>"),
        (False, encode(picture(1))),
        (False, b""),
    ],
)
def test_web_pages(found, data):
    assert is_web_page(data) is found


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("JPEG XL", bytes.fromhex("ff0a fa1f 0190 0800")),
        ("JPEG XL", bytes.fromhex("0000000c 4a584c20 0d0a870a 00000014") + b"ftypjxl "),
        ("JPEG 2000", encode(picture(1), "JPEG2000", no_jp2=False)),
        ("JPEG 2000", encode(picture(1), "JPEG2000", no_jp2=True)),
        ("SVG", b"<svg xmlns=''/>"),
        ("SVG", b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<SVG/>'),
        ("", b"<?xml version='1.0'?><kml/>"),
        ("", b"\xff"),
        ("", b""),
        *(("", data) for data in SAMPLES.values()),
    ],
)
def test_formats_that_are_not_read_are_known(name, data):
    assert format_not_read(data) == name
    assert not name or problem(data).reason == "not_an_image"


def test_formats_that_are_not_read_are_counted():
    assert not_read(["SVG", "JPEG XL", "JPEG 2000", "JPEG XL"]) == [
        "2 images are JPEG XL, which is not read; save them as JPEG or PNG",
        "1 image is JPEG 2000, which is not read; save it as JPEG or PNG",
        "1 image is SVG, which is not read; save it as JPEG or PNG",
    ]

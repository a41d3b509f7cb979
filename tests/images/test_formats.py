"""Formats beside the usual ones, and files that are none."""

import numpy as np
import pytest
from PIL import Image

from scenes.images.decode import decode, is_web_page
from tests.helpers.decoded import LIMIT, pixels, problem
from tests.helpers.image_bytes import HEIC, exif
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

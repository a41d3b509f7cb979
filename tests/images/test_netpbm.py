"""PBM, PGM and PPM give Pillow's pixels, faster, or are refused."""

import io

import numpy as np
import pytest
from PIL import Image

from scenes.images.decode import decode
from tests.helpers.decoded import LIMIT, pixels, problem
from tests.helpers.image_bytes import netpbm


@pytest.mark.parametrize("magic", [b"P2", b"P5", b"P3", b"P6"])
@pytest.mark.parametrize("largest", [1, 15, 255, 1000, 65535])
def test_netpbm_gives_pillows_pixels(magic, largest):
    shape = (13, 17) if magic in (b"P2", b"P5") else (13, 17, 3)
    samples = np.random.default_rng(largest).integers(0, largest + 1, shape)
    data = netpbm(magic, samples, largest)
    with Image.open(io.BytesIO(data)) as reference:
        expected = np.asarray(reference)
    if expected.dtype != np.uint8:
        expected = (expected >> 8).astype(np.uint8)
    if expected.ndim == 2:
        expected = np.repeat(expected[..., None], 3, axis=2)
    assert np.array_equal(pixels(data), expected)
    assert decode(data, max_pixels=LIMIT).format == "PPM"


def test_bits_of_netpbm_are_black_where_they_are_set():
    bits = np.random.default_rng(0).integers(0, 2, (5, 9))
    expected = np.repeat(255 * (1 - bits)[..., None], 3, axis=2)
    assert np.array_equal(pixels(netpbm(b"P1", bits, 1)), expected)
    assert np.array_equal(pixels(netpbm(b"P1", bits, 1).replace(b" 1 ", b"1")), expected)  # no blanks are needed
    packed = np.packbits(bits, axis=1).tobytes()
    assert np.array_equal(pixels(b"P4\n9 5\n" + packed), expected)


@pytest.mark.parametrize(
    "data",
    [
        b"P2\n2 2\n9\n1 2 3",
        b"P2\n2 2\n9\n1 2 3 x",
        b"P2\n2 2\n9\n1 2 3 10",
        b"P2\n2 2\n9\n1 2 3 -1",
        b"P5\n2 2\n9\n123",
        b"P6\n2 2\n65535\n123",
        b"P1\n2 2\n101",
        b"P1\n2 2\n1012",
        b"P4\n9 2\n123",
    ],
)
def test_netpbm_with_samples_missing_or_out_of_range_is_corrupt(data):
    found = problem(data)
    assert (found.reason, found.height) == ("corrupt", 2)


def test_text_that_begins_like_netpbm_is_no_image():
    for data in (b"P3 is a road", b"P1", b"P5\n", b"PyTorch models", b"P7\nWIDTH 2\n"):
        assert problem(data).reason == "not_an_image"

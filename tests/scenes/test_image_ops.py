"""Images decoded and fitted in a TensorFlow graph, held against Pillow."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from scenes import image_ops, images
from tests.pictures import encode, picture

pytestmark = pytest.mark.usefixtures("deterministic")
GREY = Image.fromarray(picture(1)).convert("L")


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height + width).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    "data",
    [
        encode(picture(1), quality=75),
        encode(picture(2, 37, 51), quality=90, subsampling=0),
        encode(picture(3), quality=90, progressive=True),
        encode(GREY, quality=90),
        encode(picture(4), "PNG"),
        encode(GREY, "PNG"),
        encode(Image.fromarray(picture(5)).convert("CMYK")),
        encode(Image.fromarray(picture(6)).convert("P"), "PNG"),
        encode(Image.fromarray(np.arange(0, 65_000, 50, np.uint16).reshape(26, 50)), "PNG"),
    ],
    ids=["jpeg", "odd size", "progressive", "grey", "png", "grey png", "cmyk", "palette", "16-bit"],
)
def test_the_pixels_are_pillows(data):
    expected = images.decode(data, max_pixels=10_000).pixels
    np.testing.assert_array_equal(image_ops.decode(tf.constant(data)), expected)


# Larger and smaller, an odd number cut off, far from square. Noise is the worst there is.
@pytest.mark.parametrize("shape", [(64, 64), (150, 150), (113, 150), (150, 113), (20, 31), (90, 400), (333, 500)])
def test_fitted_as_pillow_does_it(shape):
    pixels = noise(*shape)
    found = image_ops.fit(tf.constant(pixels), 48, 48).numpy().astype(int)
    away = np.abs(found - images.fit(pixels, 48))
    assert away.max() <= 1
    assert away.mean() < 0.002


def test_of_a_tall_image_pillow_takes_the_rows_first():
    away = image_ops.fit(tf.constant(noise(400, 90)), 48, 48).numpy().astype(int) - images.fit(noise(400, 90), 48)
    assert np.abs(away).max() <= 5
    smooth = picture(1, 90, 400)
    away = image_ops.fit(tf.constant(smooth), 48, 48).numpy().astype(int) - images.fit(smooth, 48)
    assert np.abs(away).max() <= 1


def test_an_image_of_the_size_wanted_stays_as_it_is():
    pixels = noise(48, 48)
    np.testing.assert_array_equal(image_ops.fit(tf.constant(pixels), 48, 48), pixels)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "WEBP"])
def test_other_formats_fail(kind):
    with pytest.raises(tf.errors.InvalidArgumentError):
        image_ops.fit(image_ops.decode(tf.constant(encode(picture(1), kind))), 48, 48)

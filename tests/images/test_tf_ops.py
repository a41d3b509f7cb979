"""Images decoded and fitted in a TensorFlow graph, held against Pillow."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from scenes.images import decode, tf_ops
from tests.helpers.pictures import encode, picture

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
    expected = decode.decode(data, max_pixels=10_000).pixels
    np.testing.assert_array_equal(tf_ops.decode(tf.constant(data)), expected)


# Larger and smaller, an odd number cut off, far from square. Noise is the worst there is.
@pytest.mark.parametrize("shape", [(64, 64), (150, 150), (113, 150), (150, 113), (20, 31), (90, 400), (333, 500)])
def test_fitted_as_pillow_does_it(shape):
    pixels = noise(*shape)
    found = tf_ops.fit(tf.constant(pixels), 48, 48).numpy().astype(int)
    away = np.abs(found - decode.fit(pixels, 48))
    assert away.max() <= 1
    assert away.mean() < 0.002


def test_of_a_tall_image_pillow_takes_the_rows_first():
    away = tf_ops.fit(tf.constant(noise(400, 90)), 48, 48).numpy().astype(int) - decode.fit(noise(400, 90), 48)
    assert np.abs(away).max() <= 5
    smooth = picture(1, 90, 400)
    away = tf_ops.fit(tf.constant(smooth), 48, 48).numpy().astype(int) - decode.fit(smooth, 48)
    assert np.abs(away).max() <= 1


def test_an_image_of_the_size_wanted_stays_as_it_is():
    pixels = noise(48, 48)
    np.testing.assert_array_equal(tf_ops.fit(tf.constant(pixels), 48, 48), pixels)


def test_a_photo_is_not_turned_by_its_exif_orientation():
    exif = Image.Exif()
    exif[0x0112] = 6
    upright, lying = (encode(picture(1, 60, 40), quality=90, **options) for options in ({}, {"exif": exif}))
    np.testing.assert_array_equal(tf_ops.decode(tf.constant(lying)), tf_ops.decode(tf.constant(upright)))
    assert decode.decode(lying, max_pixels=10_000).pixels.shape == (60, 40, 3)  # here Pillow's route turns it


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_transparency_is_dropped(mode):
    image = Image.fromarray(picture(1)).convert(mode)
    if mode == "P":
        data = encode(image, "PNG", transparency=bytes(range(256)))
    else:
        image.putalpha(Image.fromarray(noise(48, 48)[..., 0]))
        data = encode(image, "PNG")
    np.testing.assert_array_equal(tf_ops.decode(tf.constant(data)), image.convert("RGB"))
    on_white = decode.decode(data, max_pixels=10_000).pixels
    assert (on_white != image.convert("RGB")).any()  # here Pillow's route lays it on white


def animated() -> bytes:
    first, *others = (Image.fromarray(picture(seed)) for seed in range(3))
    return encode(first, "GIF", save_all=True, append_images=others)


@pytest.mark.parametrize(
    "data",
    [*(encode(picture(1), kind) for kind in ("BMP", "TIFF", "WEBP")), animated()],
    ids=["bmp", "tiff", "webp", "animated gif"],
)
def test_other_formats_fail(data):
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf_ops.decode(tf.constant(data))

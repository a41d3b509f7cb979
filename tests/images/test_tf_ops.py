"""Images decoded and fitted in a TensorFlow graph, held against Pillow."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scenes.images import decode, tf_ops
from tests.helpers.damaged_jpegs import variants
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
SHAPES = [(64, 64), (150, 150), (113, 150), (150, 113), (20, 31), (84, 51), (90, 400), (400, 90), (333, 500), (1, 70)]


@pytest.mark.parametrize("method", decode.FIT_METHODS)
@pytest.mark.parametrize("shape", SHAPES)
def test_fitted_as_pillow_does_it(shape, method):
    pixels = noise(*shape)
    found = tf_ops.fit(tf.constant(pixels), 48, 48, method).numpy().astype(int)
    away = np.abs(found - decode.fit(pixels, 48, method))
    assert away.max() <= 2
    assert away.mean() < 0.02
    smooth = picture(1, *shape[::-1])
    away = tf_ops.fit(tf.constant(smooth), 48, 48, method).numpy().astype(int) - decode.fit(smooth, 48, method)
    assert np.abs(away).max() <= 1


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20))
def test_padding_is_as_wide_as_pillows(height, width, size):
    """Halves are rounded alike, and no side is rounded to nothing."""
    pixels = np.full((height, width, 3), 200, np.uint8)
    found = tf_ops.fit(tf.constant(pixels), size, size, "pad")
    np.testing.assert_array_equal(found.numpy() == 200, decode.fit(pixels, size, "pad") == 200)


def test_a_picture_can_become_a_rectangle():
    pixels = np.full((30, 90, 3), 200, np.uint8)
    padded = tf_ops.fit(tf.constant(pixels), 20, 40, "pad").numpy()
    rows = np.flatnonzero((padded == 200).all(axis=(1, 2)))
    assert rows.tolist() == list(range(3, 16))  # 40 / 90 of 30 rows
    assert tf_ops.fit(tf.constant(pixels), 20, 40, "squash").shape == (20, 40, 3)
    assert tf_ops.fit(tf.constant(pixels), 20, 40, "crop").shape == (20, 40, 3)


@pytest.mark.parametrize("method", decode.FIT_METHODS)
def test_an_image_of_the_size_wanted_stays_as_it_is(method):
    pixels = noise(48, 48)
    np.testing.assert_array_equal(tf_ops.fit(tf.constant(pixels), 48, 48, method), pixels)


def test_another_method_is_refused():
    with pytest.raises(ValueError, match="'stretch' is none of crop, pad, squash"):
        tf_ops.fit(tf.constant(noise(9, 9)), 8, 8, "stretch")


def test_a_damaged_jpeg_gives_the_pixels_of_the_pipeline_or_an_error():
    """Except for those that it decodes differently when they are sound, and a few progressive ones."""
    equal = 0
    for name, data in variants(400):
        if any(kind in name for kind in ("turned", "CMYK", "progressive")):
            continue
        try:
            found = tf_ops.decode(tf.constant(data))
        except tf.errors.InvalidArgumentError:
            continue
        np.testing.assert_array_equal(found, decode.decode(data, max_pixels=10_000).pixels)
        equal += 1
    assert equal > 100


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

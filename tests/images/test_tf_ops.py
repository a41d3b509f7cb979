"""Images decoded and fitted in a TensorFlow graph, held against Pillow."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from scenes.images import decode, tf_ops
from tests.helpers.damaged_jpegs import variants
from tests.helpers.pictures import encode, picture

pytestmark = pytest.mark.usefixtures("deterministic")
GREY = Image.fromarray(picture(1)).convert("L")
SIDES = st.integers(1, 40) | st.integers(1, 400)


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


@pytest.mark.parametrize("method", decode.FIT_METHODS)
@settings(max_examples=40)
@given(height=SIDES, width=SIDES, size=st.integers(1, 130), values=st.sampled_from([2, 256]), seed=st.integers(0, 9))
@example(height=96, width=96, size=48, values=256, seed=0)  # nearly every sum is a half
@example(height=1, width=2, size=256, values=256, seed=0)  # so are the weights in fixed-point numbers
@example(height=48, width=48, size=48, values=256, seed=0)
@example(height=1500, width=2001, size=48, values=256, seed=0)
def test_fitted_pixels_are_pillows(method, height, width, size, values, seed):
    """Of noise, and of black and white, which overshoots most."""
    pixels = np.random.default_rng(seed).integers(0, values, (height, width, 3), np.uint8) * (255 // (values - 1))
    np.testing.assert_array_equal(tf_ops.fit(tf.constant(pixels), size, method), decode.fit(pixels, size, method))


def test_another_method_is_refused():
    with pytest.raises(ValueError, match="'stretch' is none of crop, pad, squash"):
        tf_ops.fit(tf.constant(noise(9, 9)), 8, "stretch")


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

"""Decodes and resizes images inside a TensorFlow graph, to the pixels that ``scenes.images.decode`` gives.

Sound JPEGs and PNGs give the same pixels to the bit: both decoders use libjpeg-turbo's accurate integer DCT, and
:func:`fit` computes Pillow's bicubic resize in Pillow's own fixed-point numbers.

Unlike ``scenes.images.decode``, this module does not apply the EXIF orientation, does not composite transparent pixels
on white (it drops the transparency), does not read BMP, TIFF, WebP, AVIF, netpbm and animated GIFs, does not limit the
size, and does not say whether an image is damaged.
"""

from typing import Any

from scenes.images.decode import FIT_METHODS, PADDING

_PRECISION = 2**22  # Pillow's weights are multiples of 1 / _PRECISION


def decode(data: Any) -> Any:
    """Return the pixels of one image file.

    Args:
        data: tf.Tensor, string (): a JPEG or PNG.

    Returns:
        tf.Tensor: uint8 (height, width, 3). Other bytes raise InvalidArgumentError when the graph runs.
    """
    import tensorflow as tf

    # The op also reads PNG, and WebP, whose result has a further dimension of frames.
    return tf.ensure_shape(tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"), (None, None, 3))


def fit(pixels: Any, size: int, method: str = "crop") -> Any:
    """Return what ``scenes.images.decode.fit`` returns, to the bit.

    Args:
        pixels: tf.Tensor, uint8 (any height, any width, 3).
        size: pixels a side of the result.
        method: ``crop``, ``pad`` or ``squash``, see ``scenes.images.decode.fit``.

    Returns:
        tf.Tensor: uint8 (size, size, 3).

    Raises:
        ValueError: there is no such method.
    """
    import tensorflow as tf

    if method not in FIT_METHODS:
        raise ValueError(f"{method!r} is none of {', '.join(FIT_METHODS)}")
    old = tf.cast(tf.shape(pixels)[:2], tf.float64)  # in float64 all sums below are exact
    new, margin = tf.constant([size, size]), tf.zeros(2, tf.float64)
    if method == "crop":
        margin = (old - tf.reduce_min(old)) / 2
    elif method == "pad":
        new = tf.maximum(tf.cast(tf.round(old * size / tf.reduce_max(old)), tf.int32), 1)
    rows, columns = (_bicubic(old[axis], margin[axis], new[axis]) for axis in (0, 1))
    # Columns first, then rows, rounded and clipped to uint8 after each, as in ``scenes.images.decode``.
    planes = tf.cast(tf.transpose(pixels, (2, 0, 1)), tf.float64)
    narrow = _to_uint8_range(tf.matmul(planes, columns, transpose_b=True))
    result = tf.cast(tf.transpose(_to_uint8_range(tf.matmul(rows, narrow)), (1, 2, 0)), tf.uint8)
    if method == "pad":
        before = (size - new) // 2
        margins = tf.stack([before, size - new - before], axis=1)
        result = tf.pad(result, tf.pad(margins, [[0, 1], [0, 0]]), constant_values=PADDING)
    return tf.ensure_shape(result, (size, size, 3))


def _bicubic(length: Any, margin: Any, new_length: Any) -> Any:
    """Return Pillow's weights along one side, integers as float64 (new_length, length); divide by ``_PRECISION``.

    Args:
        length: of the side in pixels, float64 ().
        margin: pixels to leave out at both ends, float64 (), may be a half. The kernel still sees them.
        new_length: in pixels, int32 ().

    Source: precompute_coeffs and normalize_coeffs_8bpc in src/libImaging/Resample.c of Pillow; Keys' kernel, a = -0.5.
    """
    import tensorflow as tf

    scale = (length - 2 * margin) / tf.cast(new_length, tf.float64)
    widening = tf.maximum(scale, 1)  # antialiasing when the image shrinks
    centre = (margin + (tf.range(tf.cast(new_length, tf.float64)) + 0.5) * scale)[:, None]
    pixel = tf.range(length)
    x = tf.abs((pixel - centre + 0.5) * (1 / widening))
    inner, outer = (1.5 * x - 2.5) * x * x + 1, (((x - 5) * x + 8) * x - 4) * -0.5
    first, end = (tf.floor(centre + side * 2 * widening + 0.5) for side in (-1, 1))
    weights = tf.where((pixel >= first) & (pixel < end) & (x < 2), tf.where(x < 1, inner, outer), 0)
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)
    return tf.cast(tf.cast(weights * _PRECISION + tf.sign(weights) / 2, tf.int32), tf.float64)  # half away from 0


def _to_uint8_range(sums: Any) -> Any:
    """Return ``sums`` / ``_PRECISION`` as integers from 0 to 255, halves rounded up, float64."""
    import tensorflow as tf

    return tf.clip_by_value(tf.floor(sums / _PRECISION + 0.5), 0, 255)

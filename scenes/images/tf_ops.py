"""Decodes and resizes images inside a TensorFlow graph, close to what ``scenes.images.decode`` does with Pillow.

Sound JPEGs and PNGs give the same pixels to the bit, because both use libjpeg-turbo's accurate integer DCT. After
resizing, nearly all pixels equal those of ``scenes.images.decode.fit``. The others differ by 1 or 2 of 255, where
Pillow's fixed-point sums fall on a half.

Unlike ``scenes.images.decode``, this module does not apply the EXIF orientation, does not composite transparent pixels
on white (it drops the transparency), does not read BMP, TIFF, WebP, AVIF, netpbm and animated GIFs, does not limit the
size, and does not say whether an image is damaged.
"""

from typing import Any

from scenes.images.decode import FIT_METHODS, PADDING


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


def fit(pixels: Any, height: int, width: int, method: str = "crop") -> Any:
    """Bring a picture to one size, bicubically with antialiasing.

    Args:
        pixels: tf.Tensor, uint8 (any height, any width, 3).
        height, width: of the result, in pixels.
        method: ``crop`` (the largest centred part with the proportions of the result), ``pad`` or ``squash``, see
            ``scenes.images.decode.fit``.

    Returns:
        tf.Tensor: uint8 (height, width, 3); equal to ``pixels`` if they have that shape.

    Raises:
        ValueError: there is no such method.
    """
    import tensorflow as tf

    if method not in FIT_METHODS:
        raise ValueError(f"{method!r} is none of {', '.join(FIT_METHODS)}")
    old = tf.shape(pixels)[:2]
    new = _contained_size(old, height, width) if method == "pad" else tf.constant([height, width])
    scale = tf.cast(new, tf.float32) / tf.cast(old, tf.float32)
    if method == "crop":
        scale = tf.fill([2], tf.reduce_max(scale))
    # Columns first, then rows, rounded and clipped to uint8 after each, as in Pillow.
    narrow = _resize_axis(pixels, 1, scale[1], new[1])
    result = _resize_axis(narrow, 0, scale[0], new[0])
    if method == "pad":
        before = ([height, width] - new) // 2
        margins = tf.stack([before, [height, width] - new - before], axis=1)
        result = tf.pad(result, tf.pad(margins, [[0, 1], [0, 0]]), constant_values=PADDING)
    return tf.ensure_shape(result, (height, width, 3))


def _contained_size(old: Any, height: int, width: int) -> Any:
    """Return the size that pixels of the size ``old`` get within (height, width), int32 (2,); a side is at least 1."""
    import tensorflow as tf

    old = tf.cast(old, tf.float64)  # holds the products exactly, so that halves are rounded as in Python
    products = old * tf.constant([width, height], tf.float64)
    shrunk = tf.maximum(tf.cast(tf.round(products / old[::-1]), tf.int32), 1)
    is_wide = products[1] >= products[0]
    return tf.where(is_wide, tf.stack([shrunk[0], width]), tf.stack([height, shrunk[1]]))


def _resize_axis(pixels: Any, axis: int, scale: Any, length: int) -> Any:
    """Scale one axis, 0 or 1, of uint8 pixels and crop both of its ends, so that ``length`` pixels are left."""
    import tensorflow as tf

    shape = tf.shape(pixels)[:2]
    selected = tf.one_hot(axis, 2)
    # The crop may end in the middle of a pixel, which tf.image.resize does not support but the op behind it does. As in
    # Pillow, the kernel (Keys, a = -0.5) also sees the pixels that are cropped.
    resized = tf.raw_ops.ScaleAndTranslate(
        images=pixels[None],
        size=tf.where(selected > 0, length, shape),
        scale=tf.where(selected > 0, scale, 1.0),
        translation=selected * (tf.cast(length, tf.float32) - scale * tf.cast(shape, tf.float32)) / 2,
        kernel_type="keyscubic",
        antialias=True,
    )
    return tf.saturate_cast(tf.round(resized[0]), tf.uint8)

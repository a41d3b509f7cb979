"""Decodes and resizes images inside a TensorFlow graph, close to what ``scenes.images.decode`` does with Pillow.

Decoded JPEGs and PNGs are equal to Pillow's to the bit, because both use libjpeg-turbo's accurate integer DCT. After
cropping and resizing, nearly all pixels equal those of ``scenes.images.decode.fit``. The others differ by 1 of 255,
where Pillow's fixed-point sums fall on a half. In images at least twice as tall as wide, for which Pillow resizes the
rows first, a few pixels differ by up to 5 where colours jump from pixel to pixel.

Unlike ``scenes.images.decode``, this module does not apply the EXIF orientation, does not composite transparent pixels
on white (it drops the transparency), does not read BMP, TIFF, WebP and animated GIFs, and does not limit the size.
"""

from typing import Any


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


def fit(pixels: Any, height: int, width: int) -> Any:
    """Crop the largest centred part with the target's proportions and resize it, bicubically with antialiasing.

    Args:
        pixels: tf.Tensor, uint8 (any height, any width, 3).
        height, width: of the result, in pixels.

    Returns:
        tf.Tensor: uint8 (height, width, 3); equal to ``pixels`` if they have that shape.
    """
    import tensorflow as tf

    shape = tf.cast(tf.shape(pixels)[:2], tf.float32)
    scale = tf.reduce_max([height, width] / shape)
    # Columns first, then rows, rounded and clipped to uint8 after each, as in Pillow.
    narrow = _resize_axis(pixels, 1, scale, width)
    return tf.ensure_shape(_resize_axis(narrow, 0, scale, height), (height, width, 3))


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
        translation=selected * (length - scale * tf.cast(shape, tf.float32)) / 2,
        kernel_type="keyscubic",
        antialias=True,
    )
    return tf.saturate_cast(tf.round(resized[0]), tf.uint8)

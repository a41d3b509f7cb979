"""How bytes become pixels inside a TensorFlow graph, where there is no Pillow: near enough to ``scenes.images.decode``.

The pixels of a JPEG or PNG are Pillow's, bit for bit, since both decode with libjpeg-turbo's accurate integer DCT.
Cropped and resized nearly all are what ``scenes.images.decode.fit`` gives, and the others 1 of 255 away, where Pillow's
fixed-point sums fall on a half. Of images twice as tall as wide or more Pillow takes the rows first, and where colours
jump from pixel to pixel a few are up to 5 away.

What ``scenes.images.decode`` does and this does not: turn an image as its EXIF orientation says, lay what is transparent on
white (it is dropped), read BMP, TIFF, WebP and animated GIFs, and refuse an image for its size.

``scenes.dataset.records`` decodes by the same operation, in a line of its own: it knows the shape of its images, and every
stage that reads records would depend on this file.
"""


def decode(data):
    """Return the pixels of one image file.

    Args:
        data: tf.Tensor, string (): a JPEG or PNG.

    Returns:
        tf.Tensor: uint8 (height, width, 3). Bytes that are no such image fail as InvalidArgumentError when the graph
        runs.
    """
    import tensorflow as tf

    # It takes PNG as well, and WebP, which has a dimension of frames more.
    return tf.ensure_shape(tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"), (None, None, 3))


def fit(pixels, height: int, width: int):
    """Cut out the largest centred part of the shape wanted, and resize it bicubically with antialiasing.

    Args:
        pixels: tf.Tensor, uint8 (any height, any width, 3).
        height, width: wanted, in pixels.

    Returns:
        tf.Tensor: uint8 (height, width, 3), the pixels given if they have that shape.
    """
    import tensorflow as tf

    found = tf.cast(tf.shape(pixels)[:2], tf.float32)
    scale = tf.reduce_max([height, width] / found)
    # Columns first, then rows, with whole numbers between 0 and 255 in between: overshoot is cut off twice in Pillow.
    narrow = _resize_axis(pixels, 1, scale, width)
    return tf.ensure_shape(_resize_axis(narrow, 0, scale, height), (height, width, 3))


def _resize_axis(pixels, axis: int, scale, wanted: int):
    """Return uint8 pixels whose ``axis``, 0 or 1, is scaled and cut off at both ends to ``wanted`` pixels."""
    import tensorflow as tf

    shape = tf.shape(pixels)[:2]
    chosen = tf.one_hot(axis, 2)
    # Half a pixel may be cut off at either side, which tf.image.resize cannot do and the op behind it can. As in
    # Pillow the kernel (Keys, a = -0.5) sees the pixels that are cut off.
    resized = tf.raw_ops.ScaleAndTranslate(
        images=pixels[None],
        size=tf.where(chosen > 0, wanted, shape),
        scale=tf.where(chosen > 0, scale, 1.0),
        translation=chosen * (wanted - scale * tf.cast(shape, tf.float32)) / 2,
        kernel_type="keyscubic",
        antialias=True,
    )
    return tf.saturate_cast(tf.round(resized[0]), tf.uint8)

"""Keras' Resizing layer as two matrix products, for formats that have no bicubic resizing of their own."""

import numpy as np


def as_products(network, height: int, width: int):
    """Return ``network`` with its Resizing layers replaced, for images of one size; weights are shared, not copied.

    LiteRT has no bicubic kernel, and ONNX's treats the edges otherwise. Resizing is linear and takes rows and columns
    one after the other, so it is known by what it makes of unit vectors: that gives the matrices, edges included.

    Args:
        network: keras.Model from (batch, height, width, 3); a CNN, which has no such layer, is returned with its own.
        height, width: of the images, in pixels.
    """
    import keras

    def replace(layer):
        if not isinstance(layer, keras.layers.Resizing):
            return layer
        rows, columns = _matrix(layer, height, layer.height), _matrix(layer, width, layer.width)
        return _products_layer()(rows, columns, name=layer.name)

    return keras.models.clone_model(network, clone_function=replace)


def _matrix(layer, length: int, wanted: int) -> np.ndarray:
    """Return float32 (wanted, length): what ``layer`` does along one side."""
    import keras

    resize = keras.layers.Resizing(wanted, length, interpolation=layer.interpolation, dtype="float32")
    unit_vectors = np.eye(length, dtype=np.float32)[None, :, :, None]
    return keras.ops.convert_to_numpy(resize(unit_vectors))[0, :, :, 0]


def _products_layer():
    """Return the layer's class: Keras is imported as late as everywhere in this project."""
    import keras

    class Products(keras.layers.Layer):
        """Images (batch, h, w, c) to float32 (batch, height, width, c) by matrices (height, h) and (width, w)."""

        def __init__(self, rows, columns, **options):
            super().__init__(dtype="float32", **options)
            self.rows, self.columns = rows, columns

        def call(self, images):
            ops = keras.ops
            (height, h), (width, w) = self.rows.shape, self.columns.shape
            channels = images.shape[-1]
            flat = ops.matmul(self.rows, ops.reshape(images, (-1, h, w * channels)))
            turned = ops.transpose(ops.reshape(flat, (-1, height, w, channels)), (0, 2, 1, 3))
            flat = ops.matmul(self.columns, ops.reshape(turned, (-1, w, height * channels)))
            return ops.transpose(ops.reshape(flat, (-1, width, height, channels)), (0, 2, 1, 3))

        def compute_output_shape(self, shape):
            return (shape[0], len(self.rows), len(self.columns), shape[3])

    return Products

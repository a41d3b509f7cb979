"""A TensorFlow graph that holds its weights as constants, and of which equal functions give equal bytes.

Keras' Resizing layer as two matrix products, for formats that have no bicubic resizing of their own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

IMAGE = "image"  # the name of the input that takes pixels, in every format


@dataclass(frozen=True)
class ConstantGraph:
    """A traced function.

    Attributes:
        definition: tf.compat.v1.GraphDef without variables.
        outputs: names of tensors, nested as what the function returned. The inputs have the names that they were given.
    """

    definition: object
    outputs: Mapping


def trace(function: Callable, *inputs) -> ConstantGraph:
    """Return the graph of ``function``.

    ``tf.saved_model.save`` and freezing its variables afterwards would give other bytes in every process: the first
    numbers its functions and checkpoints anew, the second goes through a C++ hash table. Tracing gives the same
    nodes in the order of the Python code. Only the numbers that tell functions within the graph apart count on in a
    process; they are taken off.

    Args:
        function: of tensors, free of variables (see :func:`frozen`), returning nested dicts of tensors.
        inputs: tf.TensorSpec of each argument, with a name.
    """
    import keras
    import tensorflow as tf

    traced = tf.function(function, input_signature=inputs, autograph=False).get_concrete_function()
    definition = traced.graph.as_graph_def()
    nodes = {node.name: node for node in definition.node}
    for value, placeholder in traced.graph.captures:  # tensors made before: what Keras' Normalization has learned
        node = nodes[placeholder.op.name]
        node.Clear()
        node.name, node.op = placeholder.op.name, "Const"
        node.attr["dtype"].type = value.dtype.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.numpy()))
    _drop_numbers(definition)
    names = keras.tree.map_structure(lambda tensor: tensor.name, traced.structured_outputs)
    return ConstantGraph(definition, names)


def _drop_numbers(definition) -> None:
    """Name the functions of a graph without the number that ends each name (``map_while_body_816``)."""
    from google.protobuf import text_format

    functions = definition.library.function
    names = {function.signature.name: re.sub(r"_\d+$", "", function.signature.name) for function in functions}
    if len(set(names.values())) < len(names):
        raise ValueError(f"two functions of the graph differ by their number alone: {', '.join(names)}")
    for function in functions:
        text = text_format.MessageToString(function)  # arguments are named after functions as well
        for old in sorted(names, key=len, reverse=True):
            text = text.replace(old, names[old])
        function.Clear()
        text_format.Parse(text, function)
    functions.sort(key=lambda function: function.signature.name)  # they stand in the order of a hash of their names
    for node in definition.node:
        for attribute in node.attr.values():
            if attribute.HasField("func"):
                attribute.func.name = names[attribute.func.name]


def frozen(network) -> Callable:
    """Return ``network`` as a function of images whose weights are constants of the graph that is being traced.

    Args:
        network: keras.Model from (batch, height, width, 3) to a dict of outputs.
    """
    import tensorflow as tf

    kinds = network.trainable_variables, network.non_trainable_variables
    with tf.init_scope():  # outside of the graph, where variables have values
        values = [[variable.numpy() for variable in kind] for kind in kinds]
    constants = [[tf.constant(value) for value in kind] for kind in values]

    def predict(images):
        outputs, _ = network.stateless_call(*constants, images, training=False)
        return outputs

    return predict


def trace_pixels(network, image_shape: Sequence[int]) -> ConstantGraph:
    """Return the graph of ``network`` with one input, ``IMAGE``, in operations that other formats have as well.

    Args:
        network: keras.Model from uint8 images (batch, height, width, 3) to a dict of outputs.
        image_shape: (height, width, 3) of the images; the graph takes no others, but any number at a time.
    """
    import tensorflow as tf

    height, width, _ = image_shape
    network = resizing_as_products(network, height, width)
    images = tf.TensorSpec((None, *image_shape), tf.uint8, name=IMAGE)
    return trace(lambda image: frozen(network)(image), images)


def resizing_as_products(network, height: int, width: int):
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

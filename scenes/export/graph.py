"""TensorFlow graphs for the exports: weights as constants, bicubic resizing as matrix products, equal bytes twice."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

IMAGE = "image"  # the name of the input that takes pixels, in every format


@dataclass(frozen=True)
class ConstantGraph:
    """A traced function.

    Attributes:
        definition: tf.compat.v1.GraphDef without variables.
        outputs: names of tensors, nested like the result of the function. The inputs keep their names.
    """

    definition: Any
    outputs: Mapping[str, Any]


def trace(function: Callable[..., Any], *inputs: Any) -> ConstantGraph:
    """Return the graph of ``function``; the same function gives the same bytes in every process.

    ``tf.saved_model.save`` numbers its functions and checkpoints differently each time, and freezing variables
    afterwards goes through a C++ hash table. Tracing gives the same nodes in the order of the Python code. Only the
    numbers in the names of inner functions increase within a process; they are removed.

    Args:
        function: of tensors, without variables (see :func:`frozen`), returning nested dicts of tensors.
        inputs: tf.TensorSpec of each argument, with a name.
    """
    import keras
    import tensorflow as tf

    traced = tf.function(function, input_signature=inputs, autograph=False).get_concrete_function()
    definition = traced.graph.as_graph_def()
    nodes = {node.name: node for node in definition.node}
    for value, placeholder in traced.graph.captures:  # existing tensors: the statistics of Keras' Normalization
        node = nodes[placeholder.op.name]
        node.Clear()
        node.name, node.op = placeholder.op.name, "Const"
        node.attr["dtype"].type = value.dtype.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.numpy()))
    _drop_numbers(definition)
    names = keras.tree.map_structure(lambda tensor: tensor.name, traced.structured_outputs)
    return ConstantGraph(definition, names)


def _drop_numbers(definition: Any) -> None:
    """Remove the number at the end of each inner function's name (``map_while_body_816``)."""
    from google.protobuf import text_format

    functions = definition.library.function
    names = {function.signature.name: re.sub(r"_\d+$", "", function.signature.name) for function in functions}
    if len(set(names.values())) < len(names):
        raise ValueError(f"two functions of the graph differ only by their number: {', '.join(names)}")
    for function in functions:
        text = text_format.MessageToString(function)  # arguments are named after functions too
        for old in sorted(names, key=len, reverse=True):
            text = text.replace(old, names[old])
        function.Clear()
        text_format.Parse(text, function)
    functions.sort(key=lambda function: function.signature.name)  # TensorFlow orders them by a hash
    for node in definition.node:
        for attribute in node.attr.values():
            if attribute.HasField("func"):
                attribute.func.name = names[attribute.func.name]


def frozen(network: "keras.Model") -> Callable[[Any], dict[str, Any]]:
    """Return ``network`` as a function of images, with its weights as constants of the graph being traced.

    Args:
        network: from (batch, height, width, 3) to probabilities.
    """
    import tensorflow as tf

    kinds = network.trainable_variables, network.non_trainable_variables
    with tf.init_scope():  # outside the graph, where variables have values
        values = [[variable.numpy() for variable in kind] for kind in kinds]
    constants = [[tf.constant(value) for value in kind] for kind in values]

    def predict(images: Any) -> dict[str, Any]:
        probabilities, _ = network.stateless_call(*constants, images, training=False)
        return {"probabilities": probabilities}

    return predict


def trace_pixels(network: "keras.Model", image_shape: Sequence[int]) -> ConstantGraph:
    """Return the graph of ``network`` with one input, ``IMAGE``, in operations that all formats support.

    Args:
        network: from uint8 images (batch, height, width, 3) to probabilities.
        image_shape: (height, width, 3) of the images; the graph takes batches of any size of this shape only.
    """
    import tensorflow as tf

    height, width, _ = image_shape
    network = resizing_as_products(network, height, width)
    images = tf.TensorSpec((None, *image_shape), tf.uint8, name=IMAGE)
    return trace(lambda image: frozen(network)(image), images)


def resizing_as_products(network: "keras.Model", height: int, width: int) -> "keras.Model":
    """Return ``network`` with matrix products instead of Resizing layers; weights are shared, not copied.

    LiteRT has no bicubic kernel, and that of ONNX treats edges differently. Resizing is linear and handles rows and
    columns separately, so applying it to unit vectors gives its two matrices, edges included.

    Args:
        network: from (batch, height, width, 3); layers of other types are kept.
        height, width: of the images, in pixels.
    """
    import keras

    def replace(layer: "keras.Layer") -> "keras.Layer":
        if not isinstance(layer, keras.layers.Resizing):
            return layer
        rows, columns = _matrix(layer, height, layer.height), _matrix(layer, width, layer.width)
        return _products_layer()(rows, columns, name=layer.name)

    return keras.models.clone_model(network, clone_function=replace)


def _matrix(layer: "keras.layers.Resizing", length: int, new_length: int) -> np.ndarray:
    """Return float32 (new_length, length): the effect of ``layer`` along one side."""
    import keras

    resize = keras.layers.Resizing(new_length, length, interpolation=layer.interpolation, dtype="float32")
    unit_vectors = np.eye(length, dtype=np.float32)[None, :, :, None]
    return keras.ops.convert_to_numpy(resize(unit_vectors))[0, :, :, 0]


def _products_layer() -> "type[keras.Layer]":
    """Return the class of the layer; defined here because Keras is imported late."""
    import keras

    class Products(keras.layers.Layer):
        """Images (batch, h, w, c) to float32 (batch, height, width, c) by matrices (height, h) and (width, w)."""

        def __init__(self, rows: np.ndarray, columns: np.ndarray, **options: Any) -> None:
            super().__init__(dtype="float32", **options)
            self.rows, self.columns = rows, columns

        def call(self, images: Any) -> Any:
            ops = keras.ops
            (height, h), (width, w) = self.rows.shape, self.columns.shape
            channels = images.shape[-1]
            flat = ops.matmul(self.rows, ops.reshape(images, (-1, h, w * channels)))
            transposed = ops.transpose(ops.reshape(flat, (-1, height, w, channels)), (0, 2, 1, 3))
            flat = ops.matmul(self.columns, ops.reshape(transposed, (-1, w, height * channels)))
            return ops.transpose(ops.reshape(flat, (-1, width, height, channels)), (0, 2, 1, 3))

        def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
            return (shape[0], len(self.rows), len(self.columns), shape[3])

    return Products

"""A TensorFlow graph that holds its weights as constants, and of which equal functions give equal bytes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scenes import resizing

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


def of_pixels(network, image_shape: Sequence[int]) -> ConstantGraph:
    """Return the graph of ``network`` with one input, ``IMAGE``, in operations that other formats have as well.

    Args:
        network: keras.Model from uint8 images (batch, height, width, 3) to a dict of outputs.
        image_shape: (height, width, 3) of the images; the graph takes no others, but any number at a time.
    """
    import tensorflow as tf

    height, width, _ = image_shape
    network = resizing.as_products(network, height, width)
    images = tf.TensorSpec((None, *image_shape), tf.uint8, name=IMAGE)
    return trace(lambda image: frozen(network)(image), images)

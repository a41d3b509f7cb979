"""A model as a SavedModel that takes the bytes of image files: decoding, cropping and resizing travel with it.

What is written is one file, saved_model.pb, which TensorFlow Serving, `tf.saved_model.load` and
`keras.layers.TFSMLayer` read. The weights stand in the graph, so there is no checkpoint beside it; a message of
Protocol Buffers may not be larger than 2 GB, which is four times EfficientNetV2L.

Source: https://www.tensorflow.org/guide/saved_model, tensorflow/core/protobuf/saved_model.proto
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from scenes.export import graph as export_graph
from scenes.images import tf_ops

BYTES, PIXELS = "serving_default", "pixels"  # the two signatures
INPUTS = {BYTES: "image_bytes", PIXELS: export_graph.IMAGE}  # the name of the one input of each


def save(folder: str | Path, network, *, classes: Sequence[str], image_shape: Sequence[int]) -> None:
    """Write ``network`` into an existing folder; equal ones give equal bytes.

    Both signatures return ``probabilities`` and ``presence``, float32 (n, classes), and ``class``, string (n,).
    ``serving_default`` takes ``image_bytes``, string (n,), image files as ``scenes.images.tf_ops`` reads them; ``pixels``
    takes ``image``, uint8 (n, height, width, 3).

    Args:
        network: keras.Model from uint8 images (batch, height, width, 3), see ``scenes.models.store.load_multilabel``.
        classes: names, in the order of the outputs.
        image_shape: (height, width, 3) of the images that it was trained on.
    """
    import tensorflow as tf

    height, width, channels = image_shape
    pixels = tf.TensorSpec((height, width, channels), tf.uint8)

    def signatures(image_bytes, image):
        predict = export_graph.frozen(network)

        def answer(images):
            found = predict(images)
            return {**found, "class": tf.gather(tf.constant(list(classes)), tf.argmax(found["probabilities"], axis=1))}

        def read(data):
            return tf_ops.fit(tf_ops.decode(data), height, width)

        return {
            BYTES: answer(tf.map_fn(read, image_bytes, fn_output_signature=pixels)),
            PIXELS: answer(image),
        }

    graph = export_graph.trace(
        signatures,
        tf.TensorSpec((None,), tf.string, name=INPUTS[BYTES]),
        tf.TensorSpec((None, *pixels.shape), tf.uint8, name=INPUTS[PIXELS]),
    )
    write(folder, graph, {name: ((INPUTS[name],), graph.outputs[name]) for name in (BYTES, PIXELS)})


def write(folder: str | Path, graph: export_graph.ConstantGraph, signatures: dict) -> None:
    """Write a graph as saved_model.pb.

    Args:
        signatures: by name, the names of the inputs used and the outputs, the names of tensors by their own.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

    with tf.Graph().as_default() as imported:
        tf.import_graph_def(graph.definition, name="")

    def described(tensor: str) -> meta_graph_pb2.TensorInfo:
        found = imported.get_tensor_by_name(tensor)
        return meta_graph_pb2.TensorInfo(
            name=tensor, dtype=found.dtype.as_datatype_enum, tensor_shape=found.shape.as_proto()
        )

    model = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta_graph = model.meta_graphs.add(graph_def=graph.definition)
    meta_graph.meta_info_def.tags.append(tf.saved_model.SERVING)
    meta_graph.meta_info_def.tensorflow_version = tf.__version__
    for name, (inputs, outputs) in signatures.items():
        signature = meta_graph.signature_def[name]
        signature.method_name = tf.saved_model.PREDICT_METHOD_NAME
        for own in inputs:
            signature.inputs[own].CopyFrom(described(f"{own}:0"))
        for own, tensor in outputs.items():
            signature.outputs[own].CopyFrom(described(tensor))
    (Path(folder) / "saved_model.pb").write_bytes(model.SerializeToString(deterministic=True))


def load(folder: str | Path, signature: str = BYTES) -> Callable:
    """Return a signature as a function from its input, a list or an array, to a dict of arrays."""
    import tensorflow as tf

    run = tf.saved_model.load(str(folder)).signatures[signature]

    def predict(images):
        found = run(**{INPUTS[signature]: tf.constant(images)})
        return {name: value.numpy() for name, value in found.items()}

    return predict

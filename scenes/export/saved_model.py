"""The SavedModel export, which takes the bytes of image files: decoding and resizing are part of it.

It is one file, saved_model.pb, for TensorFlow Serving, `tf.saved_model.load` and `keras.layers.TFSMLayer`. The weights
are part of the graph, without a checkpoint. Protocol Buffers limits the file to 2 GB, four times EfficientNetV2L.

Source: https://www.tensorflow.org/guide/saved_model, tensorflow/core/protobuf/saved_model.proto
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.export.graph import IMAGE, ConstantGraph, frozen, trace
from scenes.images import tf_ops

if TYPE_CHECKING:
    import keras

BYTES, PIXELS = "serving_default", "pixels"  # the two signatures
INPUTS = {BYTES: "image_bytes", PIXELS: IMAGE}  # the input of each


def save(
    folder: str | Path, network: "keras.Model", *, classes: Sequence[str], image_shape: Sequence[int], fit: str
) -> None:
    """Write ``network`` into an existing folder; equal networks give equal bytes.

    The signature ``serving_default`` takes ``image_bytes``, string (n,): JPEG and PNG files of any size, which get the
    pixels that the pipeline gives them, except that EXIF orientations are not applied and transparency is dropped (see
    ``scenes.images.tf_ops``). ``pixels`` takes ``image``, uint8 (n, height, width, 3). Both return
    ``probabilities``, float32 (n, classes), and ``class``, string (n,).

    Args:
        network: from uint8 images (batch, height, width, 3), see ``scenes.models.store.load``.
        classes: names, in the order of the outputs.
        image_shape: (height, width, 3) of the training images, which are square.
        fit: how image files get that shape, see ``scenes.images.tf_ops.fit``.
    """
    import tensorflow as tf

    pixels = tf.TensorSpec(tuple(image_shape), tf.uint8)

    def signatures(image_bytes: Any, image: Any) -> dict[str, dict[str, Any]]:
        predict = frozen(network)

        def answer(images: Any) -> dict[str, Any]:
            outputs = predict(images)
            names = tf.constant(list(classes))
            return {**outputs, "class": tf.gather(names, tf.argmax(outputs["probabilities"], axis=1))}

        def read(data: Any) -> Any:
            return tf_ops.fit(tf_ops.decode(data), image_shape[0], fit)

        return {
            BYTES: answer(tf.map_fn(read, image_bytes, fn_output_signature=pixels)),
            PIXELS: answer(image),
        }

    graph = trace(
        signatures,
        tf.TensorSpec((None,), tf.string, name=INPUTS[BYTES]),
        tf.TensorSpec((None, *pixels.shape), tf.uint8, name=INPUTS[PIXELS]),
    )
    write(folder, graph, {name: ((INPUTS[name],), graph.outputs[name]) for name in (BYTES, PIXELS)})


def write(
    folder: str | Path, graph: ConstantGraph, signatures: Mapping[str, tuple[Sequence[str], Mapping[str, str]]]
) -> None:
    """Write a graph as saved_model.pb.

    Args:
        signatures: by name, the names of its inputs, and the tensors of its outputs by name.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

    with tf.Graph().as_default() as imported:
        tf.import_graph_def(graph.definition, name="")

    def tensor_info(name: str) -> Any:
        tensor = imported.get_tensor_by_name(name)
        return meta_graph_pb2.TensorInfo(
            name=name, dtype=tensor.dtype.as_datatype_enum, tensor_shape=tensor.shape.as_proto()
        )

    model = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta_graph = model.meta_graphs.add(graph_def=graph.definition)
    meta_graph.meta_info_def.tags.append(tf.saved_model.SERVING)
    meta_graph.meta_info_def.tensorflow_version = tf.__version__
    for name, (inputs, outputs) in signatures.items():
        signature = meta_graph.signature_def[name]
        signature.method_name = tf.saved_model.PREDICT_METHOD_NAME
        for input_name in inputs:
            signature.inputs[input_name].CopyFrom(tensor_info(f"{input_name}:0"))
        for output_name, tensor_name in outputs.items():
            signature.outputs[output_name].CopyFrom(tensor_info(tensor_name))
    (Path(folder) / "saved_model.pb").write_bytes(model.SerializeToString(deterministic=True))


def load(folder: str | Path, signature: str = BYTES) -> Callable[[Any], dict[str, np.ndarray]]:
    """Return a signature as a function from its input, a list or an array, to a dict of arrays."""
    import tensorflow as tf

    run = tf.saved_model.load(str(folder)).signatures[signature]

    def predict(images: Any) -> dict[str, np.ndarray]:
        outputs = run(**{INPUTS[signature]: tf.constant(images)})
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    return predict

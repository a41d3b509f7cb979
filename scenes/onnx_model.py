"""A model as an ONNX file, in float32: for ONNX Runtime, which needs neither TensorFlow nor Keras.

Source: https://onnx.ai, https://github.com/onnx/tensorflow-onnx
"""

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from scenes.constant_graph import ConstantGraph

INPUT = "image"
OPSET = 18  # of 2022: runtimes of the last years know it, and it is the newest that tf2onnx writes


def save(path: str | Path, graph: ConstantGraph) -> None:
    """Write a graph of ``scenes.constant_graph.of_pixels``; equal ones give equal bytes."""
    import tf2onnx
    import tf2onnx.tfonnx  # which takes a number, too, when it is loaded

    tf2onnx.utils.INTERNAL_NAME = 1  # it numbers names on and on in a process
    with _without_warnings():
        model, _ = tf2onnx.convert.from_graph_def(
            graph.definition,
            name="scenes",
            input_names=[f"{INPUT}:0"],
            output_names=list(graph.outputs.values()),
            opset=OPSET,
            tensors_to_rename={f"{INPUT}:0": INPUT} | {tensor: name for name, tensor in graph.outputs.items()},
        )
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    Path(path).write_bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _without_warnings():
    """Keep back what TensorFlow says of functions that tf2onnx calls and that a next major version may lack."""
    import tensorflow as tf

    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


def load(path: str | Path, *, threads: int) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Return the model as a function from uint8 (n, height, width, 3) to a dict of arrays (n, classes).

    Args:
        threads: of one operation; operations run one after the other.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.use_deterministic_compute = True
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda images: dict(zip(names, session.run(names, {INPUT: images}), strict=True))

"""The ONNX export, in float32, for ONNX Runtime, which needs neither TensorFlow nor Keras.

Source: https://onnx.ai, https://github.com/onnx/tensorflow-onnx
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from scenes.export.graph import IMAGE, ConstantGraph

OPSET = 18  # of 2022, so that older runtimes support it; the newest that tf2onnx writes


def save(path: str | Path, graph: ConstantGraph) -> None:
    """Write a graph, see ``scenes.export.graph.trace_pixels``; equal graphs give equal bytes."""
    import tensorflow as tf
    import tf2onnx

    inputs, outputs = [f"{IMAGE}:0"], list(graph.outputs.values())
    names = {inputs[0]: IMAGE} | {tensor: name for name, tensor in graph.outputs.items()}
    with _without_warnings(), tf.Graph().as_default() as imported:
        tf.import_graph_def(graph.definition, name="")
        converted = tf2onnx.tfonnx.process_tf_graph(
            imported, opset=OPSET, input_names=inputs, output_names=outputs, tensors_to_rename=names
        )
        # Without tf2onnx's optimizers, whose result depends on Python's hash seed. ONNX Runtime has its own, and the
        # graph is not slower.
        model = converted.make_model("scenes")
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    _number(model.graph)
    Path(path).write_bytes(model.SerializeToString(deterministic=True))


def _number(graph: Any) -> None:
    """Sort the nodes and constants of a graph in the order of their use, and name them by their number in that order.

    The names that tf2onnx gives depend on what the process converted before, and its order on Python's hash seed.

    Args:
        graph: onnx.GraphProto; its inputs and outputs keep their names.
    """
    makers = {output: node for node in graph.node for output in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    names = {value.name: value.name for value in (*graph.input, *graph.output)} | {"": ""}  # "": an omitted input
    nodes: dict[str, Any] = {}
    tensors: list[Any] = []
    stack = [(value.name, False) for value in reversed(graph.output)]
    while stack:
        name, inputs_done = stack.pop()
        if name in constants and name not in names:
            names[name] = f"constant_{len(tensors)}"
            tensors.append(copy.deepcopy(constants[name]))
            tensors[-1].name = names[name]
        elif name in makers and makers[name].output[0] not in nodes:
            node = makers[name]
            if not inputs_done:
                stack += [(name, True), *((source, False) for source in reversed(node.input))]
                continue
            nodes[node.output[0]] = numbered = copy.deepcopy(node)
            numbered.name = f"{node.op_type}_{len(nodes)}"
            for index, output in enumerate(node.output):
                names.setdefault(output, f"{numbered.name}_{index}")
            numbered.input[:] = [names[source] for source in node.input]
            numbered.output[:] = [names[output] for output in node.output]
            numbered.attribute.sort(key=lambda attribute: attribute.name)
    for field, ordered in ((graph.node, nodes.values()), (graph.initializer, tensors)):
        del field[:]
        field.extend(ordered)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Hide TensorFlow's deprecation warnings about functions that tf2onnx calls."""
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
        threads: per operation; operations run one after the other.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.use_deterministic_compute = True
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda images: dict(zip(names, session.run(names, {IMAGE: images}), strict=True))

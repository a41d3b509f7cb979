"""The LiteRT (TFLite) export, in float32, for phones and small machines.

TensorFlow converts (`tf.lite.TFLiteConverter`); its interpreter is deprecated in favour of the package ai-edge-litert,
which runs the file here.

Source: https://ai.google.dev/edge/litert
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from scenes.export import saved_model
from scenes.export.graph import IMAGE, ConstantGraph

SIGNATURE = "serving_default"


def save(path: str | Path, graph: ConstantGraph) -> None:
    """Write a graph, see ``scenes.export.graph.trace_pixels``; equal graphs give equal bytes."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        saved_model.write(folder, graph, {SIGNATURE: ((IMAGE,), graph.outputs)})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        Path(path).write_bytes(converter.convert())


def load(path: str | Path, *, threads: int) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Return the model as a function from uint8 (n, height, width, 3) to a dict of arrays (n, classes).

    Args:
        threads: of the interpreter.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    run = interpreter.get_signature_runner(SIGNATURE)
    return lambda images: run(**{IMAGE: images})

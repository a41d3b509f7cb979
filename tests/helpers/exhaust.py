"""TensorFlow's own error for memory that ran out, without using any up."""

from typing import Any


def exhausted(inputs: Any) -> Any:
    """An operation with the shape of ``inputs`` that fails with a ResourceExhaustedError when it runs.

    TensorFlow reports a MemoryError of Python as that (tensorflow/python/lib/core/py_func.cc).
    """
    import tensorflow as tf

    def fail(values):
        raise MemoryError("OOM when allocating tensor with shape[64,112,112,32]")

    outputs = tf.numpy_function(fail, [inputs], inputs.dtype)
    outputs.set_shape(inputs.shape)
    return outputs

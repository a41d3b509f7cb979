"""Running out of memory, in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from scenes.common.errors import InputError

# Of TensorFlow's allocators, XLA and CUDA. Keras may wrap a layer's error in a RuntimeError that quotes it, and JAX has
# one class for all errors of XLA, so the text decides.
_SIGNS = ("OOM when allocating", "Out of memory while trying to allocate", "CUDA_ERROR_OUT_OF_MEMORY")


@contextmanager
def out_of_memory(advice: str) -> Iterator[None]:
    """Turn the errors that mean "out of memory" into one sentence; other exceptions pass.

    Args:
        advice: what was done, with the sizes that decide, and what to lower: "in ..., with ...; lower ...".

    Raises:
        InputError: the memory of the device did not suffice.
    """
    try:
        yield
    except Exception as error:
        # TensorFlow's own class by its name: this module must not import TensorFlow.
        if type(error).__name__ == "ResourceExhaustedError" or any(sign in str(error) for sign in _SIGNS):
            raise InputError(f"out of memory {advice}") from error
        raise

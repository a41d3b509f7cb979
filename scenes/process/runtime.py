"""How a process computes: seeds, threads and number format, and how C libraries are silenced."""

import gc
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scenes.common.errors import InputError

if TYPE_CHECKING:
    import jax

# TensorFlow and Keras import these if installed; hiding them halves the start-up time. Code that needs one imports it
# later.
DEFERRED = frozenset(["jax", "matplotlib", "pandas", "sklearn"])


def cores() -> int:
    """Return the number of cores that this process may use, e.g. fewer than the machine has in a job queue."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keras_backend() -> str:
    """Return Keras' backend for a training: ``tensorflow``, or what the environment variable KERAS_BACKEND names."""
    return os.environ.get("KERAS_BACKEND", "tensorflow")


def configure(*, seed: int, threads: int, xla: bool = False, backend: str = "tensorflow") -> None:
    """Seed all generators, turn op determinism on and fix the size of the thread pools.

    Call it before TensorFlow runs its first op. A float sum depends on how a kernel divides it among threads, so the
    number of threads is part of what determines a result: it overrides ``OMP_NUM_THREADS`` and ``TF_NUM_*_THREADS``.

    Args:
        seed: for Python, NumPy, TensorFlow and Keras.
        threads: size of the pools. The inter-op pool only orders independent ops.
        xla: let XLA compile what it can; on GPUs with deterministic kernels only.
        backend: what Keras computes with: ``tensorflow``, or ``jax``, which leaves the reading of records to TensorFlow
            and always compiles with XLA. KERAS_BACKEND and keras.json do not matter.

    Raises:
        InputError: another backend.
        RuntimeError: TensorFlow has already run an op.

    Source: https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism
    """
    if backend not in ("tensorflow", "jax"):
        raise InputError(f"KERAS_BACKEND is {backend}; set it to tensorflow or jax")
    os.environ["KERAS_BACKEND"] = backend
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if backend == "jax":
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
        os.environ["NPROC"] = str(threads)  # the size of XLA's thread pool
    elif xla:  # by flags, because Keras refuses its own switch while op determinism is on
        os.environ["TF_XLA_FLAGS"] = "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit"
        os.environ["XLA_FLAGS"] = "--xla_gpu_deterministic_ops=true"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    gc.disable()  # the imports make hundreds of thousands of objects that stay; not to go through them saves 0.5 s
    with muted_stderr(), _Hiding(DEFERRED - {backend}):
        import keras
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    gc.freeze()
    gc.enable()
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    if backend == "jax":
        tf.config.set_visible_devices([], "GPU")
    else:
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


class _Hiding:
    """Makes imports of some modules fail in this thread, as if they were not installed."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names, self.thread = frozenset(names), threading.get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name in self.names and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(f"{name} is not needed yet", name=name)

    def __enter__(self) -> None:
        sys.meta_path.insert(0, self)

    def __exit__(self, *error: object) -> None:
        sys.meta_path.remove(self)


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Silence file descriptor 2 for the whole process. Not thread-safe.

    C libraries write there directly: TensorFlow a page about CPU features on import, libtiff the faults of an image,
    which are reported anyway. Python's exceptions are not affected.
    """
    sys.stderr.flush()
    original, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(original, 2)
        os.close(original)
        os.close(null)


def gpu_names() -> list[str]:
    """Return the models of the GPUs that Keras can use, e.g. "NVIDIA H200"; an empty list if the CPU computes.

    With JAX they are those of all processes that train together.
    """
    if keras_backend() == "jax":
        return [device.device_kind for device in _jax_gpus()]
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.device_type) for gpu in gpus]


def device(threads: int) -> str:
    """Return on what a training runs, for its log: a GPU's model, or the CPU with its number of threads.

    With TensorFlow the first GPU computes and any others stay idle; with JAX, all devices of all processes compute.
    """
    name = next(iter(gpu_names()), f"CPU, {threads} thread{'s' * (threads != 1)}")
    if keras_backend() != "jax":
        return name
    import jax

    return f"{jax.device_count()} x {name}, with JAX"


def set_precision(precision: str) -> str:
    """Set Keras' dtype policy for layers built from now on. Weights and saved models are float32 under every policy.

    Args:
        precision: ``float32``, ``mixed_bfloat16``, ``mixed_float16``, or ``auto``: bfloat16 on GPUs that compute in it
            (compute capability 8.0, Ampere, or later), float16 on those whose tensor cores have only that (7.0),
            float32 elsewhere.

    Returns:
        The name of the policy.

    Source: https://www.tensorflow.org/guide/mixed_precision, https://developer.nvidia.com/cuda-gpus
    """
    import keras

    policy = automatic_precision(_capabilities()) if precision == "auto" else precision
    keras.config.set_dtype_policy(policy)
    return policy


def automatic_precision(capabilities: list[tuple[int, int]]) -> str:
    """Return the policy for GPUs of these compute capabilities: the one that the weakest of them computes fast."""
    weakest = min(capabilities, default=(0, 0))
    if weakest >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if weakest >= (7, 0) else "float32"


def _jax_gpus() -> "list[jax.Device]":
    import jax

    return [device for device in jax.devices() if device.platform == "gpu"]


def _capabilities() -> list[tuple[int, int]]:
    if keras_backend() == "jax":
        versions = (device.compute_capability.partition(".") for device in _jax_gpus())
        return [(int(major), int(minor)) for major, _, minor in versions]
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
    return [tuple(detail.get("compute_capability", (0, 0))) for detail in details]

"""Training on several devices with Keras' JAX backend: each computes a share of every batch, all have the same weights.

One process a host uses all of its devices. Keras' DataParallel keeps a copy of the weights on each device, and XLA sums
the gradients and the statistics of batch normalisation over all of them. So a training computes what it computes on one
device, but for the order of float sums.
"""

import atexit
import hashlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.common.errors import InputError
from scenes.dataset.batch_shares import ONE_DEVICE, BatchShares, Devices
from scenes.dataset.records import Records
from scenes.process.distributed import from_environment
from scenes.process.meeting import GRACE, Meeting
from scenes.training import batches

if TYPE_CHECKING:
    import keras

# Seconds without a sign of life after which a process counts as dead and the others end.
HEARTBEAT = 30


@contextmanager
def connected() -> Iterator[None]:
    """Join the other processes that the environment names, if any, and leave them after the block, when all are done.

    Enter it before anything else of JAX. If one of them fails or dies, the others end, too, with a status other than 0.

    Raises:
        InputError: JAX is not installed; see also :class:`scenes.process.meeting.Meeting` and
            :func:`scenes.process.distributed.from_environment`.
    """
    if not find_spec("jax"):
        raise InputError(
            "KERAS_BACKEND is jax, and JAX is not installed; run "
            "`pip install --no-deps --require-hashes -r requirements-scale.txt`"
        )
    processes = from_environment()
    if processes.count == 1:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # JAX would set it to 1, also for TensorFlow
    meeting = Meeting(processes)
    import jax

    jax.distributed.initialize(
        processes.address,
        processes.count,
        processes.number,
        local_device_ids=[],  # all that this process sees
        heartbeat_timeout_seconds=HEARTBEAT,
    )
    atexit.register(_leave)
    try:
        yield
    except InputError:
        raise
    except Exception:
        time.sleep(2 * GRACE)  # meanwhile the meeting ends this process, if it is because another one has ended
        raise
    jax.distributed.shutdown()
    meeting.leave()


def _leave() -> None:
    """End a process that has failed. JAX would wait for the others at its exit, while these wait for it to compute."""
    import jax

    if jax.distributed.is_initialized():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


def distribute() -> Devices:
    """Spread the weights of all models built from now on over all devices, if there are several; return these.

    Raises:
        InputError: the processes have different numbers of devices.
    """
    import jax
    import keras

    if jax.device_count() == 1:
        return ONE_DEVICE
    devices = Devices(jax.device_count(), jax.process_count(), jax.process_index())
    if jax.local_device_count() * devices.processes != devices.count:
        raise InputError(
            f"process {devices.process} has {jax.local_device_count()} of {devices.count} devices; give each of the "
            f"{devices.processes} processes the same number"
        )

    class DataParallel(keras.distribution.DataParallel):
        def get_tensor_layout(self, path: str) -> Any:
            # Each process reads all predictions, so all of them are sent to it.
            probabilities = path.endswith("probabilities/output")
            return keras.distribution.TensorLayout((None, None), self.device_mesh) if probabilities else None

    keras.distribution.set_distribution(DataParallel(auto_shard_dataset=False))
    return devices


def current() -> Devices:
    """Return the devices over which Keras spreads models."""
    import keras

    if keras.distribution.distribution() is None:
        return ONE_DEVICE
    import jax

    return Devices(jax.device_count(), jax.process_count(), jax.process_index())


def cut_padding(model: "keras.Model", shares: BatchShares) -> None:
    """Make the steps of ``model`` drop the rows that only fill a batch up.

    A weight of 0 would leave them in the statistics of batch normalisation.
    """
    import jax

    step = model.train_step

    def train_step(state: Any, batch: Any) -> Any:
        return step(state, jax.tree.map(lambda rows: rows[: shares.images(len(rows))], batch))

    model.train_step = train_step


def validation_images(split: Records, batch_size: int) -> Iterable[tuple[Any, Any]]:
    """Return the batches of :func:`scenes.training.batches.validation_images` for the current backend and devices.

    On several devices, the inputs are spread over them and may have more rows than there are labels, as padding.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        return batches.validation_images(split, batch_size)
    return _Spread(split, batch_size)


class _Spread:
    """An iterable of (inputs, one-hot labels) for JAX."""

    def __init__(self, split: Records, batch_size: int) -> None:
        self.shares = BatchShares(split.count, batch_size, current())
        self.local = batches.validation_images(split, batch_size, self.shares.devices)

    def __iter__(self) -> Iterator[tuple[Any, np.ndarray]]:
        import jax
        import keras
        from jax.experimental import multihost_utils

        distribution = keras.distribution.distribution()
        for inputs, one_hot in self.local.as_numpy_iterator():
            if distribution is None:
                yield inputs, one_hot
                continue
            layout = distribution.get_data_layout(inputs.shape).backend_layout
            labels = multihost_utils.process_allgather(one_hot, tiled=True)
            images = self.shares.images(len(labels))
            yield jax.make_array_from_process_local_data(layout, inputs), labels[:images]


def from_first(content: bytes, devices: Devices) -> bytes:
    """Return the ``content`` of process 0; all processes call it."""
    if devices.processes == 1:
        return content
    from jax.experimental.multihost_utils import broadcast_one_to_all

    size = int(broadcast_one_to_all(np.int32(len(content))))
    own = np.frombuffer(content, np.uint8) if devices.process == 0 else np.zeros(size, np.uint8)
    return broadcast_one_to_all(own).tobytes()


def check_weights(model: "keras.Model", devices: Devices) -> None:
    """Compare the weights of all processes.

    Raises:
        RuntimeError: they differ.
    """
    if devices.processes > 1:
        digest = hashlib.sha256(b"".join(value.tobytes() for value in model.get_weights())).digest()
        if not is_same(digest, devices):
            raise RuntimeError("the weights differ between processes")


def is_same(content: bytes, devices: Devices) -> bool:
    """Return whether all processes have the ``content`` of process 0; all of them call it."""
    if devices.processes == 1:
        return True
    from jax.experimental.multihost_utils import process_allgather

    digest = np.frombuffer(hashlib.sha256(content).digest(), np.uint8)
    digests = process_allgather(digest)
    return bool((digests == digests[0]).all())

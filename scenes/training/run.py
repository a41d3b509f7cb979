"""The frame of every training: the backend set up, the state of an interrupted one kept."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from scenes.common.errors import InputError
from scenes.dataset.batch_shares import ONE_DEVICE, Devices
from scenes.process.runtime import configure, device, set_precision
from scenes.process.stage_lock import FOLDER
from scenes.training import devices as several_devices
from scenes.training.state_key import state_key


@contextmanager
def training_run(
    name: str,
    *,
    inputs: Iterable[str | Path],
    settings: dict,
    code: str,
    seed: int,
    threads: int,
    precision: str,
    xla: bool,
    backend: str = "tensorflow",
) -> Iterator[Path]:
    """Set up the backend and Keras, name the devices, and yield the file for the state of the training.

    Args:
        name, inputs, code: see :func:`resumable`.
        settings: JSON values; all settings that determine the result, except those below.
        seed, threads, xla: see :func:`scenes.process.runtime.configure`.
        precision: see :func:`scenes.process.runtime.set_precision`.
        backend: ``tensorflow``; or ``jax``, which trains on all devices of all processes that the environment names,
            see ``scenes.training.devices``.

    Yields:
        See :func:`resumable`.

    Raises:
        InputError: the processes have other inputs, settings or code; see also ``scenes.training.devices`` and
            :func:`scenes.process.runtime.configure`.
    """
    with several_devices.connected() if backend == "jax" else nullcontext():
        configure(seed=seed, threads=threads, xla=xla, backend=backend)
        devices = several_devices.distribute() if backend == "jax" else ONE_DEVICE
        policy = set_precision(precision)
        if devices.process == 0:
            print(f"{name}: on {device(threads)}, in {policy}", flush=True)
        runtime = {"seed": seed, "threads": threads, "precision": precision, "xla": xla}
        settings = {"settings": settings, **runtime}
        with resumable(name, inputs=inputs, settings=settings, code=code, devices=devices) as state:
            yield state


@contextmanager
def resumable(
    name: str, *, inputs: Iterable[str | Path], settings: dict, code: str, devices: Devices = ONE_DEVICE
) -> Iterator[Path]:
    """Yield the file for the state of the training ``name``; remove it when the block succeeds.

    The file's name is a hash of everything that determines the result, so the state of another training is never
    used. One process at a time may train ``name`` in this folder, see ``scenes.process.stage_lock``.

    Args:
        inputs, settings, code: see :func:`scenes.training.state_key.state_key`.
        devices: those that train together. Process 0 keeps the state.

    Yields:
        A path for ``scenes.training.checkpoint``; its folder exists, the file only after an interruption.

    Raises:
        InputError: the processes have other inputs, settings, code or libraries.
    """
    key = state_key(inputs, settings, code, devices)
    if not several_devices.is_same(key.encode(), devices):
        raise InputError("the processes have other data, params, code or versions of libraries; make the copies equal")
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    yield folder / f"{key}.npz"
    if devices.process == 0:
        shutil.rmtree(folder)  # states of other settings included

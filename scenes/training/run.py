"""The frame of every training: TensorFlow set up, one process at a time, the state of an interrupted one kept."""

import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from scenes.common.errors import InputError
from scenes.common.runtime import configure, device, set_precision
from scenes.training.state_key import state_key

FOLDER = Path(".resume")  # outside the outs, which DVC deletes before a stage runs
_PATIENCE = 20.0  # seconds; a training whose dvc was killed ends within one


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
) -> Iterator[Path]:
    """Set up TensorFlow and Keras, name the device, and yield the file for the state of the training.

    Args:
        name, inputs, code: see :func:`resumable`.
        settings: JSON values; all settings that determine the result, except those below.
        seed, threads, xla: see :func:`scenes.common.runtime.configure`.
        precision: see :func:`scenes.common.runtime.set_precision`.

    Yields:
        See :func:`resumable`.

    Raises:
        InputError: another process trains ``name`` in this folder.
    """
    configure(seed=seed, threads=threads, xla=xla)
    policy = set_precision(precision)
    print(f"{name}: on {device(threads)}, in {policy}", flush=True)
    runtime = {"seed": seed, "threads": threads, "precision": precision, "xla": xla}
    with resumable(name, inputs=inputs, settings={"settings": settings, **runtime}, code=code) as state:
        yield state


@contextmanager
def resumable(name: str, *, inputs: Iterable[str | Path], settings: dict, code: str) -> Iterator[Path]:
    """Yield the file for the state of the training ``name``; remove it when the block succeeds.

    The file's name is a hash of everything that determines the result, so the state of another training is never
    used. Until the block ends, no other process enters it for the same ``name``. A training must therefore not outlive
    the process that started it (see ``scenes.common.watchdog``).

    Args:
        inputs, settings, code: see :func:`scenes.training.state_key.state_key`.

    Yields:
        A path for ``scenes.training.checkpoint``; its folder exists, the file only after an interruption.

    Raises:
        InputError: another process trains ``name`` in this folder.
    """
    folder = FOLDER / name
    with _alone(FOLDER / f"{name}.lock"):
        folder.mkdir(parents=True, exist_ok=True)
        yield folder / f"{state_key(inputs, settings, code)}.npz"
        shutil.rmtree(folder)  # states of other settings included


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``. The system releases it when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    deadline = time.monotonic() + _PATIENCE
    while not _acquired(lock):
        if time.monotonic() > deadline:
            raise InputError(f"another process is training {path.stem} here; wait for it, or end it (it holds {path})")
        print(f"waiting for another process, which is training {path.stem}", file=sys.stderr, flush=True)
        time.sleep(1)
    try:
        yield
    finally:
        lock.release()


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True

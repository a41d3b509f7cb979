"""The frame of every training: TensorFlow set up, the state of an interrupted one kept."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scenes.common.runtime import configure, device, set_precision
from scenes.common.stage_lock import FOLDER
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
) -> Iterator[Path]:
    """Set up TensorFlow and Keras, name the device, and yield the file for the state of the training.

    Args:
        name, inputs, code: see :func:`resumable`.
        settings: JSON values; all settings that determine the result, except those below.
        seed, threads, xla: see :func:`scenes.common.runtime.configure`.
        precision: see :func:`scenes.common.runtime.set_precision`.

    Yields:
        See :func:`resumable`.
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
    used. One process at a time may train ``name`` in this folder, see ``scenes.common.stage_lock``.

    Args:
        inputs, settings, code: see :func:`scenes.training.state_key.state_key`.

    Yields:
        A path for ``scenes.training.checkpoint``; its folder exists, the file only after an interruption.
    """
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    yield folder / f"{state_key(inputs, settings, code)}.npz"
    shutil.rmtree(folder)  # states of other settings included

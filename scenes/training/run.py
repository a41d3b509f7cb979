"""A training as every stage that trains runs it: the same surroundings, one at a time, resumed where it was killed.

Where an interrupted training is kept, and that only one at a time uses it.
"""

import fcntl
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scenes.common.errors import InputError
from scenes.common.runtime import configure, set_precision
from scenes.provenance.fingerprint import fingerprint


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
    """Set up TensorFlow and Keras, and yield the file for the state of the training.

    Args:
        name, inputs, code: see :func:`scenes.training.run.resumable`.
        settings: what else determines the result, as JSON can hold it.
        seed, threads, xla: see :func:`scenes.common.runtime.configure`.
        precision: see :func:`scenes.common.runtime.set_precision`.

    Yields:
        See :func:`scenes.training.run.resumable`.

    Raises:
        InputError: another process trains ``name`` in this folder.
    """
    configure(seed=seed, threads=threads, xla=xla)
    set_precision(precision)
    surroundings = {"seed": seed, "threads": threads, "precision": precision, "xla": xla}
    with resumable(name, inputs=inputs, settings={"settings": settings, **surroundings}, code=code) as state:
        yield state


FOLDER = Path(".resume")  # outside the outs, which DVC deletes before a stage runs
_PATIENCE = 20.0  # seconds: an orphan ends within one


@contextmanager
def resumable(name: str, *, inputs: Iterable[str | Path], settings: dict, code: str) -> Iterator[Path]:
    """Yield the file for the state of the training ``name``; remove it when the block ends well.

    The file's name holds the fingerprint of all that determines the result, so that another training's state is never
    taken for this one's. Until the block ends, no other process enters it for the same ``name``: so see to it that this
    one does not outlive what started it (see ``scenes.common.watchdog``).

    Args:
        inputs, settings, code: see :func:`scenes.provenance.fingerprint.fingerprint`.

    Yields:
        A path for :mod:`scenes.training.checkpoint`. Its parent exists, and the file may.

    Raises:
        InputError: another process trains ``name`` in this folder.
    """
    folder = FOLDER / name
    with _alone(FOLDER / f"{name}.lock"):
        folder.mkdir(parents=True, exist_ok=True)
        yield folder / f"{fingerprint(inputs, settings, code)}.npz"
        shutil.rmtree(folder)  # with what other settings left behind


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock that the system lets go of when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        deadline = time.monotonic() + _PATIENCE
        while not _locked(file):
            if time.monotonic() > deadline:
                raise InputError(
                    f"another process is training {path.stem} here; wait for it, or end it (it holds {path})"
                )
            print(f"waiting for another process that trains {path.stem}", file=sys.stderr, flush=True)
            time.sleep(1)
        yield


def _locked(file) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

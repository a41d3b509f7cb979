"""Where an interrupted training is kept, and that only one at a time uses it."""

import fcntl
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scenes.errors import InputError
from scenes.fingerprint import fingerprint

FOLDER = Path(".resume")  # outside the outs, which DVC deletes before a stage runs
_PATIENCE = 20.0  # seconds: an orphan ends within one


@contextmanager
def resumable(name: str, *, inputs: Iterable[str | Path], settings: dict) -> Iterator[Path]:
    """Yield the file for the state of the training ``name``; remove it when the block ends well.

    The file's name holds the fingerprint of all that determines the result, so that another training's state is never
    taken for this one's. Until the block ends, no other process enters it for the same ``name``: so see to it that this
    one does not outlive what started it (see ``scenes.orphan``).

    Args:
        inputs, settings: see :func:`scenes.fingerprint.fingerprint`.

    Yields:
        A path for :mod:`scenes.checkpoint`. Its parent exists, and the file may.

    Raises:
        InputError: another process trains ``name`` in this folder.
    """
    folder = FOLDER / name
    with _alone(FOLDER / f"{name}.lock"):
        folder.mkdir(parents=True, exist_ok=True)
        yield folder / f"{fingerprint(inputs, settings)}.npz"
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

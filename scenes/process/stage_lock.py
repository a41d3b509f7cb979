"""A stage lives as long as its dvc, runs once at a time in a folder, and starts without what a killed one has left."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from scenes.common.errors import InputError, exit_on_input_error
from scenes.common.files import remove_leftovers
from scenes.process.distributed import from_environment

FOLDER = Path(".resume")  # outside the outs, which DVC deletes before a stage runs
OUTPUTS = ("code", "data", "metrics", "models", "plots", "reports")  # what only stages write
_PATIENCE = 20.0  # seconds; a stage whose dvc was killed ends within one, see scenes.process.watchdog
_ORPHANS_END = 1.0  # seconds
_PAUSE = 0.05


@contextmanager
def running_stage(name: str) -> Iterator[None]:
    """Run the stage ``name``, with the arguments of this process; as long as its ``dvc`` lives, see ``stages``.

    Processes that train one model together may do it in one folder, each with a lock of its own.

    Raises:
        SystemExit: see :func:`scenes.common.errors.exit_on_input_error`.
    """
    with exit_on_input_error(), stage_lock("@".join([name, *sys.argv[1:], *_process()])):
        yield


def _process() -> list[str]:
    number = from_environment().number
    return [f"process-{number}"] if number else []


@contextmanager
def stage_lock(name: str) -> Iterator[None]:
    """Let no other process enter for the same ``name``, and remove the temporary files of killed stages.

    The system releases the lock when the process ends, however it ends. Temporary files may belong to a stage that
    runs beside this one in the same folder, so they are only removed if there is none.

    Raises:
        InputError: another process holds the lock, and did not end in time.
    """
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name.replace(os.sep, '-')}.lock"
    with path.open("a") as own, (FOLDER / "stages.lock").open("a") as all_stages:
        if not _acquire(own, seconds=0):
            print(f"waiting for another process, which is running {name}", file=sys.stderr, flush=True)
            if not _acquire(own, seconds=_PATIENCE):
                raise InputError(f"another process is running {name} here; wait for it, or end it (it holds {path})")
        # An orphan of another stage ends meanwhile. A stage of a living dvc goes on, and holds this lock as shared.
        if _acquire(all_stages, seconds=_ORPHANS_END):
            remove_leftovers(OUTPUTS)
        fcntl.flock(all_stages, fcntl.LOCK_SH)
        yield


def _acquire(file: IO[str], seconds: float) -> bool:
    """Return whether the exclusive lock could be had within ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE)
        else:
            return True

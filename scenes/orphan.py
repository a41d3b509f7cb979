"""A stage whose `dvc` was killed must not go on: the next run would race it."""

import os
import sys
import threading
import time
from pathlib import Path

import psutil

_SECONDS = 0.5  # between two looks at the process that started this one


def end_with_dvc() -> psutil.Process | None:
    """End this process soon after the `dvc` that runs it is gone, even if that was killed with SIGKILL.

    A signal at the parent's death (prctl) would not do: between `dvc` and a stage there may be a shell, which lives on.
    The process ends in the middle of what it does, which is safe as long as files are written beside their
    target and renamed. Without a `dvc` among its ancestors, as when a stage is run by hand, nothing is done.

    Returns:
        The `dvc` process that is watched, or None.
    """
    dvc = _dvc()
    if dvc is not None:
        threading.Thread(target=_watch, args=(dvc,), name="orphan", daemon=True).start()
    return dvc


def _dvc() -> psutil.Process | None:
    """Return the nearest ancestor that is a `dvc` (also as `python -m dvc`)."""
    for parent in psutil.Process().parents():
        try:
            program, *arguments = [Path(word).name for word in parent.cmdline()[:4]] or [""]
        except psutil.Error:
            continue
        if program == "dvc" or (program.startswith("python") and "dvc" in arguments):
            return parent
    return None


def _watch(process: psutil.Process) -> None:
    while _alive(process):
        time.sleep(_SECONDS)
    print(
        "the dvc that started this is gone; ending, `dvc repro` goes on from the last epoch",
        file=sys.stderr,
        flush=True,
    )
    os._exit(1)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

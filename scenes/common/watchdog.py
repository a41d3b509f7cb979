"""Ends a stage whose `dvc` was killed: if it went on, it would race the next run."""

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

import psutil

_SECONDS = 0.5  # between two checks


def exit_with_dvc() -> psutil.Process | None:
    """End this process soon after the `dvc` that runs it has ended, even by SIGKILL.

    The process ends wherever it is, which is safe because files are written beside their target and renamed. A stage
    run by hand has no `dvc` and is left alone. One whose `dvc` was killed during the stage's imports ends at once.
    A signal at the parent's death (prctl) is not enough: the parent may be a shell that outlives `dvc`.

    Returns:
        The `dvc` process that is watched, or None.
    """
    ancestors = _ancestors()
    dvc = next((process for process, command in ancestors if _is_dvc(command)), None)
    if dvc is not None:
        threading.Thread(target=_watch, args=(dvc,), name="watchdog", daemon=True).start()
    # DVC sets DVC_STAGE for its commands. A living Python ancestor may be a program that runs DVC as a library.
    elif "DVC_STAGE" in os.environ and not any(_is_python(command) for _, command in ancestors):
        _end()
    return dvc


def _ancestors() -> list[tuple[psutil.Process, list[str]]]:
    """Return this process's ancestors, nearest first, each with the first words of its command, stripped of folders."""
    ancestors = []
    for process in psutil.Process().parents():
        with contextlib.suppress(psutil.Error):
            ancestors.append((process, [Path(word).name for word in process.cmdline()[:4]]))
    return ancestors


def _is_python(command: list[str]) -> bool:
    return bool(command) and command[0].startswith("python")


def _is_dvc(command: list[str]) -> bool:
    """Return whether the command is `dvc` or `python -m dvc`."""
    return command[:1] == ["dvc"] or (_is_python(command) and "dvc" in command)


def _watch(process: psutil.Process) -> None:
    while _is_alive(process):
        time.sleep(_SECONDS)
    _end()


def _end() -> None:
    print(
        "the dvc that started this is gone; stopping here, `dvc repro` resumes after the last epoch",
        file=sys.stderr,
        flush=True,
    )
    os._exit(1)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

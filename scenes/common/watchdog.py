"""Ends a stage whose `dvc` was killed: if it went on, it would race the next run."""

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

# Imported where it is used: the stages' package can be imported with nothing installed.
if TYPE_CHECKING:
    import psutil

_SECONDS = 0.5  # between two checks


def exit_with_dvc() -> "psutil.Process | None":
    """End this process soon after the `dvc` that runs it has ended, even by SIGKILL.

    The process ends wherever it is, which is safe because files are written beside their target and renamed. The next
    run may start sooner: its stage waits for this one, see :func:`scenes.common.stage_lock.stage_lock`. A stage run by
    hand has no `dvc` and is left alone. One whose `dvc` was killed during the stage's imports ends at once.
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


def dvc_in(folder: Path) -> list[int]:
    """Return the ids of the ``dvc`` processes that run in ``folder`` or deeper; none of those that may not be seen."""
    import psutil

    running = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command, cwd = process.info["cmdline"] or [], process.info["cwd"] or os.devnull
        if _is_dvc(_names(command)) and Path(cwd).is_relative_to(folder.resolve()):
            running.append(process.pid)
    return running


def _names(command: list[str]) -> list[str]:
    """Return the first words of a command, stripped of folders."""
    return [Path(word).name for word in command[:4]]


def _ancestors() -> "list[tuple[psutil.Process, list[str]]]":
    """Return this process's ancestors, nearest first, each with the first words of its command, stripped of folders."""
    import psutil

    ancestors = []
    for process in psutil.Process().parents():
        with contextlib.suppress(psutil.Error):
            ancestors.append((process, _names(process.cmdline())))
    return ancestors


def _is_python(command: list[str]) -> bool:
    return bool(command) and command[0].startswith("python")


def _is_dvc(command: list[str]) -> bool:
    """Return whether the command is `dvc` or `python -m dvc`."""
    return command[:1] == ["dvc"] or (_is_python(command) and "dvc" in command)


def _watch(process: "psutil.Process") -> None:
    while _is_alive(process):
        time.sleep(_SECONDS)
    _end()


def _end() -> None:
    print(
        "the dvc that started this is gone; stopping here: `dvc repro` runs this stage again, and a training resumes "
        "after its last epoch",
        file=sys.stderr,
        flush=True,
    )
    os._exit(1)


def _is_alive(process: "psutil.Process") -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

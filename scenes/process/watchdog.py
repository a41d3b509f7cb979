"""Ends a stage whose `dvc` was killed: if it went on, it would race the next run."""

import contextlib
import json
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
    run may start sooner: its stage waits for this one, see :func:`scenes.process.stage_lock.stage_lock`. A process
    without DVC_STAGE, which DVC sets for its commands, is left alone. One whose `dvc` is already gone ends at once.
    A signal at the parent's death (prctl) is not enough: the parent may be a shell that outlives `dvc`.

    Call it before the stage's imports, which take seconds.

    Returns:
        The process that is watched, or None.
    """
    if "DVC_STAGE" not in os.environ:
        return None
    # A program may run DVC as a library.
    running = _dvc_at_work()
    dvc = next((process for process, command in _ancestors() if _is_dvc(command) or process.pid in running), None)
    if dvc is None:
        _end()
    else:
        threading.Thread(target=_watch, args=(dvc,), name="watchdog", daemon=True).start()
    return dvc


def _dvc_at_work() -> set[int]:
    """Return the ids of the processes that run a stage in this folder, and perhaps of some that were killed.

    DVC writes them into its lock file.
    """
    for _ in range(5):
        try:
            lock = json.loads(Path(".dvc/tmp/rwlock").read_bytes())
            return {entry["pid"] for entry in lock["write"].values()}
        except FileNotFoundError:
            break
        except (ValueError, KeyError, TypeError, AttributeError):
            time.sleep(0.1)  # DVC is writing it
    return set()


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

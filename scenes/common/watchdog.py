"""A stage whose `dvc` was killed must not go on: the next run would race it."""

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

import psutil

_SECONDS = 0.5  # between two looks at the process that started this one


def exit_with_dvc() -> psutil.Process | None:
    """End this process soon after the `dvc` that runs it is gone, even if that was killed with SIGKILL.

    A signal at the parent's death (prctl) would not do: between `dvc` and a stage there may be a shell, which lives on.
    The process ends in the middle of what it does, which is safe as long as files are written beside their
    target and renamed. Without a `dvc` among its ancestors, as when a stage is run by hand, nothing is done; but a
    `dvc` that was killed while this process was still importing what it needs is gone too.

    Returns:
        The `dvc` process that is watched, or None.
    """
    programs = _programs()
    dvc = next((process for process, words in programs if _is_dvc(words)), None)
    if dvc is not None:
        threading.Thread(target=_watch, args=(dvc,), name="orphan", daemon=True).start()
    # DVC names the stage to its commands. A program in Python may run it by DVC's library, and then lives still.
    elif "DVC_STAGE" in os.environ and not any(_is_python(words) for _, words in programs):
        _end()
    return dvc


def _programs() -> list[tuple[psutil.Process, list[str]]]:
    """Return the ancestors of this process, nearest first, with the first words of their commands, without folders."""
    found = []
    for parent in psutil.Process().parents():
        with contextlib.suppress(psutil.Error):
            found.append((parent, [Path(word).name for word in parent.cmdline()[:4]]))
    return found


def _is_python(words: list[str]) -> bool:
    return bool(words) and words[0].startswith("python")


def _is_dvc(words: list[str]) -> bool:
    """Whether it is a `dvc`, also as `python -m dvc`."""
    return words[:1] == ["dvc"] or (_is_python(words) and "dvc" in words)


def _watch(process: psutil.Process) -> None:
    while _alive(process):
        time.sleep(_SECONDS)
    _end()


def _end() -> None:
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

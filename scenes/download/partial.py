"""The folder in which an unfinished download waits for the next run."""

import fcntl
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path

from scenes.common.errors import InputError


@contextmanager
def resumable_download_dir(folder: str | Path):
    """Yield ``folder`` as a Path, created if missing; remove it on success and leave it as it is on failure.

    The folder is locked while it is in use: killing ``dvc`` leaves a running stage alive, and a second
    ``dvc repro`` would write into the same partial file. The lock goes with the process, whatever ends it.

    Raises:
        InputError: another process is using the folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder} is in use: another download from this source is running; wait for it or end it"
            ) from None
        try:
            yield folder
            shutil.rmtree(folder)
        finally:
            (folder / "lock").unlink(missing_ok=True)
            for empty in (folder, folder.parent):
                with suppress(OSError):  # what an unfinished download left is in it: this one's or another's
                    empty.rmdir()


def check_room(folder: Path, needed: int) -> None:
    """Raise InputError if ``needed`` bytes do not fit on the disk of ``folder``: sooner said than halfway through."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(f"the disk is full: {folder} has {free} bytes free of {needed} needed; free some space")

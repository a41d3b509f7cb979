"""The folder in which an unfinished download waits for the next run."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from scenes.common.errors import InputError


@contextmanager
def resumable_download_dir(folder: str | Path) -> Iterator[Path]:
    """Yield ``folder``, created if missing. On success it is removed, on failure its files stay for the next run.

    The folder is locked while it is in use: a stage may outlive a killed ``dvc``, and the next ``dvc repro`` would
    write to the same partial file. The system releases the lock when the process ends, however it ends.

    Raises:
        InputError: another process is using the folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{folder} is in use: another download from this source is running; wait for it or end it"
        ) from None
    try:
        yield folder
        shutil.rmtree(folder)
    finally:
        (folder / "lock").unlink(missing_ok=True)
        for path in (folder, folder.parent):
            with suppress(OSError):  # not empty: an unfinished download is in it
                path.rmdir()
        lock.release()


def check_room(folder: Path, needed: int) -> None:
    """Raise InputError if ``needed`` bytes do not fit on the disk of ``folder``, before any of them is written."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(f"the disk is full: {folder} has {free} bytes free of {needed} needed; free some space")

"""The folder in which an unfinished download waits for the next run."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from scenes.common.errors import InputError

# What a download may be whose size neither `archive_bytes` nor the server tells: bytes, and a share of the free disk.
UNANNOUNCED_BYTES = 100 * 10**9
UNANNOUNCED_SHARE = 0.9


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


def check_room(folder: Path, needed: int, announced: str = "") -> None:
    """Raise InputError if ``needed`` bytes do not fit on the disk of ``folder``, before any of them is written.

    Args:
        announced: who says that they are needed, to begin the message with; the claim may be wrong.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"{announced or 'the disk is full: '}{folder} has {free} bytes free of {needed} needed; free some space"
        )


def unannounced_limit(folder: Path) -> int:
    """Return how many bytes a download into ``folder`` may have whose size is not known."""
    return min(UNANNOUNCED_BYTES, int(UNANNOUNCED_SHARE * shutil.disk_usage(folder).free))


def check_limit(size: int, what: str, limit: int, *, announced: bool) -> None:
    """Raise InputError if a download has reached more than ``limit`` bytes.

    Args:
        size: of what has arrived, in bytes.
        what: where it comes from, for the error message.
        limit: in bytes.
        announced: whether the server or ``archive_bytes`` tells the limit; otherwise :func:`unannounced_limit` does.
    """
    if size <= limit:
        return
    if announced:
        raise InputError(f"{what}: it sends more than the {limit} bytes announced or expected; check the source")
    most = f"{UNANNOUNCED_BYTES // 10**9} GB or, if less, {UNANNOUNCED_SHARE:.0%} of the free disk"
    raise InputError(
        f"{what}: it sends more than {limit} bytes and does not say how many there are, for which the limit is {most}; "
        "check the source, free some space, or set archive_bytes"
    )

"""The audit: every image of an archive is decoded once, in several processes, and gets a row in a table."""

import hashlib
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, Any

from scenes.archive.layout import Archive, Member
from scenes.archive.safe_zip import DamagedMember
from scenes.common.errors import InputError
from scenes.dataset.audit_table import COLUMNS, usable
from scenes.dataset.duplicates import groups, perceptual_hash
from scenes.images import decode

if TYPE_CHECKING:
    import pandas as pd

# Members that a process takes at a time: enough to keep the transfer cheap, few enough to share the last ones evenly.
_CHUNK = 64
# Chunks per process: one in work, one waiting.
_IN_FLIGHT = 2

_FORMAT_OF_SUFFIX = {
    "jpg": {"JPEG", "MPO"},
    "jpeg": {"JPEG", "MPO"},
    "png": {"PNG"},
    "webp": {"WEBP"},
    "gif": {"GIF"},
    "bmp": {"BMP"},
    "tif": {"TIFF"},
    "tiff": {"TIFF"},
}


def audit(
    archive: Archive, *, max_pixels: int, near_duplicate_distance: int, workers: int | None = None
) -> "pd.DataFrame":
    """Decode every member of the archive and return the table that ``scenes.dataset.audit_table`` describes.

    The table depends neither on ``workers`` nor on the order of the archive. The memory needed is that of the table and
    of a few images per process.

    Args:
        archive: an open archive; each process opens it again.
        max_pixels: a larger image gets a row but is not decoded.
        near_duplicate_distance: the largest difference between the perceptual hashes of near duplicates, in bits of 64.
        workers: processes; by default one for each core that this process may use.

    Raises:
        InputError: a class has no usable image in train or in test, a member is larger than the archive states, or a
            process was killed.
    """
    import pandas as pd

    rows = list(_rows(archive, max_pixels, workers or _cores()))
    table = pd.DataFrame(rows, columns=[column for column in COLUMNS if column != "group"])
    _mark_odd_sizes(table)
    table["group"] = groups(
        *(table[column].tolist() for column in ("sha256", "pixel_sha256", "phash", "path")),
        distance=near_duplicate_distance,
    )
    _refuse_empty_classes(table, archive)
    return table[list(COLUMNS)]


def inspect(member: Member, data: bytes, *, max_pixels: int) -> dict[str, Any]:
    """Return a row of the table, without the group, from the bytes of one member."""
    row = _blank(member) | {"sha256": hashlib.sha256(data).hexdigest()}
    try:
        image = decode.decode(data, max_pixels=max_pixels)
    except decode.ImageProblem as error:
        return row | {
            "width": error.width,
            "height": error.height,
            "mode": error.mode,
            "problem": error.reason,
        }
    height, width, _ = image.pixels.shape
    pixels = hashlib.sha256(f"{height}x{width}x3:".encode())
    pixels.update(image.pixels.reshape(-1).data)
    suffix = member.path.rpartition(".")[2].lower()
    problem = ""
    if image.format not in _FORMAT_OF_SUFFIX.get(suffix, {image.format}):
        problem = "wrong_format"
    elif image.mode != "RGB":
        problem = "odd_mode"
    return row | {
        "width": width,
        "height": height,
        "mode": image.mode,
        "pixel_sha256": pixels.hexdigest(),
        "phash": perceptual_hash(image.pixels),
        "problem": problem,
    }


def _blank(member: Member) -> dict[str, Any]:
    """Return a row that describes only the member."""
    texts = dict.fromkeys(("mode", "sha256", "pixel_sha256", "phash", "problem"), "")
    return member._asdict() | {"width": 0, "height": 0} | texts


def _inspect_chunk(archive: Archive, members: Sequence[Member], max_pixels: int) -> list[dict[str, Any]]:
    rows = []
    for member in members:
        try:
            data = archive.read(member.path)
        except DamagedMember:
            rows.append(_blank(member) | {"problem": decode.CORRUPT})
        else:
            rows.append(inspect(member, data, max_pixels=max_pixels))
    return rows


def _rows(archive: Archive, max_pixels: int, workers: int) -> Iterator[dict[str, Any]]:
    """Yield a row per member, in the order of the archive."""
    from tqdm import tqdm

    members = archive.members
    chunks = [members[start : start + _CHUNK] for start in range(0, len(members), _CHUNK)]
    inspected = _in_processes(archive, chunks, max_pixels, workers) if workers > 1 and len(chunks) > 1 else None
    with tqdm(total=len(members), desc="audit", unit=" images", disable=None) as progress:
        for rows in inspected or (_inspect_chunk(archive, chunk, max_pixels) for chunk in chunks):
            yield from rows
            progress.update(len(rows))


def _in_processes(
    archive: Archive, chunks: Sequence[Sequence[Member]], max_pixels: int, workers: int
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of each chunk, in order, from a pool of processes."""
    # Spawned, not forked: the fork of a process with threads (TensorFlow's, in tests) may hang.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (archive, max_pixels))
    waiting: deque[Future[list[dict[str, Any]]]] = deque()
    try:
        for chunk in chunks:
            if len(waiting) == workers * _IN_FLIGHT:
                yield waiting.popleft().result()
            waiting.append(pool.submit(_work, chunk))
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise InputError(
            f"{archive.path}: a process that decodes images was killed, most likely for lack of memory; "
            "lower archive.max_pixels or free some memory"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_worker_state: dict[str, Any] = {}


def _start_worker(archive: Archive, max_pixels: int) -> None:
    _worker_state.update(archive=archive, max_pixels=max_pixels)
    # Ctrl-C reaches all processes of the terminal; only the parent reports it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _work(members: Sequence[Member]) -> list[dict[str, Any]]:
    return _inspect_chunk(_worker_state["archive"], members, _worker_state["max_pixels"])


def _cores() -> int:
    """Return the number of cores that this process may use, e.g. fewer than the machine has in a job queue."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _mark_odd_sizes(table: "pd.DataFrame") -> None:
    """Mark images without another problem as ``odd_size``, if more than half of the usable images have another size."""
    good = usable(table)
    sizes = Counter(zip(good["width"], good["height"], strict=True))
    (width, height), count = max(sizes.items(), key=lambda item: item[1], default=((0, 0), 0))
    if 2 * count > len(good):
        odd = (good["problem"] == "") & ((good["width"] != width) | (good["height"] != height))
        table.loc[good.index[odd], "problem"] = "odd_size"


def _refuse_empty_classes(table: "pd.DataFrame", archive: Archive) -> None:
    """Raise an InputError if a class has no usable image in train or in test."""
    good = usable(table)
    filled = set(zip(good["split"], good["label"], strict=True))
    for split in ("train", "test"):
        for label in archive.classes:
            if (split, label) not in filled:
                raise InputError(
                    f"{archive.path}: no image of the class {label!r} in {split} can be decoded; "
                    "replace them or leave the class out"
                )

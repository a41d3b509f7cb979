"""The work of the stage ``records``: from packed members of the archive to TFRecords. A shard is a part of a file."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

from scenes.archive.packed import Packed, unpack
from scenes.dataset.record_writer import Item, RecordShard, record_image, shard_bytes
from scenes.executors import reuse
from scenes.executors.shards import ByteRange, Job, Shard, first_and_last
from scenes.layout.layout import Archive

# Of one shard: a file of 1,000 images can take a minute and 5 GB, too much to wait for and to hold in each worker.
_IMAGES = 250
_PACKED_BYTES = 1 << 26


class _Spec(NamedTuple):
    items: tuple[Item, ...]
    packed: tuple[Packed, ...]


def record_job(*, classes: Sequence[str], image_size: int, fit: str, max_pixels: int) -> Job:
    """Return the job whose results are parts of files of records.

    Args:
        classes: names; labels are indices into them.
        image_size, fit, max_pixels: see :func:`scenes.dataset.record_writer.record_image`.
    """
    work = partial(_record, classes=tuple(classes), image_size=image_size, fit=fit, max_pixels=max_pixels)
    advice = "lower archive.max_pixels, or free some memory"
    return Job("records", work, advice=advice)


def file_keys(
    archive: Archive, files: Iterable[RecordShard], *, classes: Sequence[str], facts: Sequence[object]
) -> dict[str, str]:
    """Return the key of each file by its name, see ``scenes.executors.reuse``.

    Args:
        archive: where the images are. Of each, the size and the CRC-32 count, not its place.
        files: of records.
        classes: names. Those of the images in the file count.
        facts: what else determines a file: the digest of the code, and the other arguments of :func:`record_job`.
    """
    names = [*classes, ""]  # the label -1 is that of no class
    keys = {}
    for file in files:
        packing = [archive.locate(item.key)[1] for item in file.items]
        images = [
            (item, names[item.label], packed.bytes, packed.crc)
            for item, packed in zip(file.items, packing, strict=True)
        ]
        keys[file.name] = reuse.key(*facts, images)
    return keys


def file_parts(archive: Archive, files: Iterable[RecordShard]) -> list[list[Shard]]:
    """Return the shards of each file, in order. A file is its parts put together.

    They have the place and the packing of each image, so no worker lists the archive.
    """
    return [_parts(archive, file) for file in files]


def _parts(archive: Archive, file: RecordShard) -> list[Shard]:
    parts: list[list[tuple[Item, ByteRange, Packed]]] = []
    size = 0
    for item in file.items:
        place, packed = archive.locate(item.key)
        if not parts or len(parts[-1]) == _IMAGES or size + packed.packed_bytes > _PACKED_BYTES:
            parts.append([])
            size = 0
        parts[-1].append((item, place, packed))
        size += packed.packed_bytes
    result = []
    for number, part in enumerate(parts, 1):
        items, places, packing = zip(*part, strict=True)
        images = first_and_last([item.key for item in items])
        result.append(Shard(f"{file.name}, part {number}", places, _Spec(items, packing), len(items), images))
    return result


def contents(parts: Iterable[Sequence[Shard]], results: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the content of each file from the results of the job, which are used up."""
    for part in parts:
        yield b"".join(islice(results, len(part)))


def _record(
    _: None, shard: Shard, parts: Sequence[bytes], *, classes: Sequence[str], image_size: int, fit: str, max_pixels: int
) -> bytes:
    spec: _Spec = shard.spec
    images = (
        record_image(unpack(part, packed), image_size, fit=fit, max_pixels=max_pixels)
        for part, packed in zip(parts, spec.packed, strict=True)
    )
    return shard_bytes(spec.items, images, classes)

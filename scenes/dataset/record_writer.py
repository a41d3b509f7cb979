"""TFRecord shards of images: the same images always give the same bytes."""

import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

from PIL import Image

from scenes.common.hash_order import hash_rank
from scenes.common.outputs import write_sums
from scenes.common.tables import write_json
from scenes.dataset.tfrecord import example, tfrecord
from scenes.images import decode


@dataclass(frozen=True, order=True)
class Item:
    """An image to write. Items are sorted by ``position``, a hash of the seed and the key."""

    position: int
    key: str
    label: int


def position(key: str, seed: int) -> int:
    """Return the position of ``key`` in a shuffled order: 0 to 2**64 - 1, a function of key and seed alone."""
    return int.from_bytes(hash_rank(seed, key)[:8], "big")


def shards(items: Iterable[Item], shard_size: int) -> list[list[Item]]:
    """Distribute ``items`` over shards; read one after the other, the shards are in the order of position.

    Each shard covers an equal part of the range of positions, so one image more changes one shard, not all that follow.
    Shards therefore hold ``shard_size`` items only on average.
    """
    ordered = sorted(items)
    count = max(-(-len(ordered) // shard_size), 1)
    result: list[list[Item]] = [[] for _ in range(count)]
    for item in ordered:
        result[item.position * count >> 64].append(item)
    return result


def record_image(data: bytes, image_size: int, *, fit: str = "crop", max_pixels: int) -> bytes:
    """Return the bytes to record for an image file, which any decoder reads without a warning.

    They are the file's own if it is a sound JPEG of the right size (``portable``, see
    :class:`scenes.images.decode.Decoded`), else a PNG of its pixels. Either way they give the pixels that
    :func:`scenes.images.decode.decode` and :func:`scenes.images.decode.fit` give.

    Args:
        data: an image file.
        image_size: pixels a side of every recorded image.
        fit: how pictures of another shape get this size, see :func:`scenes.images.decode.fit`.
        max_pixels: see :func:`scenes.images.decode.decode`.

    Raises:
        scenes.images.decode.ImageProblem: ``data`` is not a usable image.
    """
    image = decode.decode(data, max_pixels=max_pixels)
    if image.portable and image.pixels.shape == (image_size, image_size, 3):
        return data
    buffer = io.BytesIO()
    Image.fromarray(decode.fit(image.pixels, image_size, fit)).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class RecordShard:
    """A file of records.

    Attributes:
        name: ``<split>-00000-of-000NN.tfrecord``, of the second archive ``<split>-archive-2-00000-of-000NN.tfrecord``.
        items: its images, in order.
    """

    name: str
    items: list[Item]


def plan(
    splits: Mapping[str, Sequence[tuple[str, str]]],
    archives: Mapping[str, int],
    *,
    classes: Sequence[str],
    seed: int,
    shard_size: int,
) -> dict[str, list[RecordShard]]:
    """Return the files of each split. Each has images of one archive, so another archive changes none of them.

    They are in the order in which their ranges of positions start, so that the archives take turns: training in memory
    reads them in this order in its first epoch.

    Args:
        splits: per split, (key, class name or "") of each image.
        archives: the number of each key's archive, from 1.
        classes: names; a label is an index into them, -1 for none.
        seed: of the order of the images.
        shard_size: images per shard, on average.
    """
    label_of = {name: label for label, name in enumerate(classes)} | {"": -1}
    result = {}
    for split, members in splits.items():
        items: dict[int, list[Item]] = defaultdict(list)
        for key, name in members:
            items[archives[key]].append(Item(position(key, seed), key, label_of[name]))
        files = []
        for archive, some in items.items():
            parts = shards(some, shard_size)
            prefix = split if archive == 1 else f"{split}-archive-{archive}"
            for number, part in enumerate(parts):
                name = f"{prefix}-{number:05d}-of-{len(parts):05d}.tfrecord"
                files.append((Fraction(number, len(parts)), archive, RecordShard(name, part)))
        result[split] = [file for *_, file in sorted(files, key=itemgetter(0, 1))]
    return result


def shard_bytes(items: Iterable[Item], images: Iterable[bytes], classes: Sequence[str]) -> bytes:
    """Return the content of a file of records.

    Args:
        items: in the order of the file.
        images: the JPEG or PNG of each, an RGB image of the shape of all.
        classes: names.
    """
    return tfrecord(
        [
            example(
                {
                    "image/encoded": image,
                    "image/key": item.key.encode(),
                    "image/class/label": item.label,
                    "image/class/text": classes[item.label].encode() if item.label >= 0 else b"",
                }
            )
            for item, image in zip(items, images, strict=True)
        ]
    )


def missing(folder: str | Path, planned: Mapping[str, Sequence[RecordShard]]) -> list[RecordShard]:
    """Return the files that are not in ``folder``, in the order of ``planned``."""
    return [shard for shard in chain(*planned.values()) if not (Path(folder) / shard.name).exists()]


def write(
    folder: str | Path,
    planned: Mapping[str, Sequence[RecordShard]],
    contents: Iterable[bytes],
    *,
    classes: Sequence[str],
    image_size: int,
    fit: str = "crop",
) -> dict[str, Any]:
    """Write the shards, index.json and SHA256SUMS into an existing folder.

    Args:
        folder: with some of the shards or none.
        planned: the files of each split.
        contents: those of the :func:`missing` files.
        classes: names.
        image_size: pixels a side of every image.
        fit: how they got that size, for index.json; see :func:`record_image`.

    Returns:
        The content of index.json: classes, image_shape, fit, and per split its count, shards and counts per class.
    """
    folder = Path(folder)
    for shard, content in zip(missing(folder, planned), contents, strict=True):
        (folder / shard.name).write_bytes(content)
    split_entries: dict[str, dict[str, Any]] = {}
    for split, parts in planned.items():
        counts = Counter(item.label for part in parts for item in part.items)
        split_entries[split] = {"count": counts.total(), "shards": [part.name for part in parts]}
        if set(counts) - {-1}:
            split_entries[split]["per_class"] = {name: counts[label] for label, name in enumerate(classes)}
    shape = [image_size, image_size, 3]
    index = {"classes": list(classes), "image_shape": shape, "fit": fit, "splits": split_entries}
    write_json(folder / "index.json", index)
    write_sums(folder)
    return index

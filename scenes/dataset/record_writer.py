"""Writing images from an archive as TFRecord shards, the same bytes whoever writes them."""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from scenes.images import decode


@dataclass(frozen=True, order=True)
class Item:
    """An image to be written. Its order is that of ``position``, a hash of the seed and the key."""

    position: int
    key: str
    label: int


def position(key: str, seed: int) -> int:
    """Return where ``key`` stands in a shuffled order: an integer in 0..2**64-1 that depends on nothing else."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8], "big")


def shards(items: Iterable[Item], shard_size: int) -> list[list[Item]]:
    """Share ``items`` out over shards by position; the global order is that of the positions.

    Each shard is an equal stretch of the hash's range, so that one image more changes one shard, not all that
    follow; shards therefore hold ``shard_size`` items only on average.
    """
    items = sorted(items)
    count = max(-(-len(items) // shard_size), 1)
    result = [[] for _ in range(count)]
    for item in items:
        result[item.position * count >> 64].append(item)
    return result


def record_image(data: bytes, image_size: int, *, max_pixels: int) -> bytes:
    """Return the bytes to record for an image file: its own if they serve as they are, else a PNG of the one shape.

    Args:
        data: an image file.
        image_size: pixels a side of every recorded image.
        max_pixels: see :func:`scenes.images.decode.decode`.

    Raises:
        scenes.images.decode.ImageProblem: ``data`` is no usable image.
    """
    if decode.usable_as_stored(data, image_size):
        return data
    pixels = decode.fit(decode.decode(data, max_pixels=max_pixels).pixels, image_size)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write(
    folder: str | Path,
    splits: dict[str, list[tuple[str, str]]],
    encoded: Callable[[str], bytes],
    *,
    classes: Sequence[str],
    image_size: int,
    seed: int,
    shard_size: int,
) -> dict:
    """Write ``<split>-00000-of-000NN.tfrecord`` shards and index.json into an existing, empty folder.

    Args:
        splits: per split, (key, class name or "") of each image.
        encoded: gives a key's JPEG or PNG bytes, an RGB image of ``image_size`` pixels a side.
        classes: names; a label is an index into them, -1 for none.

    Returns:
        What index.json holds: classes, image_shape, and per split its count, shards and counts per class.
    """
    import tensorflow as tf

    def feature(value):
        if isinstance(value, int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    folder = Path(folder)
    label_of = {name: label for label, name in enumerate(classes)} | {"": -1}
    index = {"classes": list(classes), "image_shape": [image_size, image_size, 3], "splits": {}}
    with tqdm(total=sum(map(len, splits.values())), desc="records", unit="image", disable=None) as bar:
        for split, members in splits.items():
            parts = shards((Item(position(key, seed), key, label_of[name]) for key, name in members), shard_size)
            names = [f"{split}-{number:05d}-of-{len(parts):05d}.tfrecord" for number in range(len(parts))]
            for name, part in zip(names, parts, strict=True):
                with tf.io.TFRecordWriter(str(folder / name)) as writer:
                    for item in part:
                        features = {
                            "image/encoded": feature(encoded(item.key)),
                            "image/key": feature(item.key.encode()),
                            "image/class/label": feature(item.label),
                            "image/class/text": feature(classes[item.label].encode() if item.label >= 0 else b""),
                        }
                        example = tf.train.Example(features=tf.train.Features(feature=features))
                        # Map fields have no order of their own in protocol buffers.
                        writer.write(example.SerializeToString(deterministic=True))
                        bar.update()
            per_class = {name: sum(label == name for _, label in members) for name in classes}
            index["splits"][split] = {"count": len(members), "shards": names}
            if any(per_class.values()):
                index["splits"][split]["per_class"] = per_class
    (folder / "index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return index

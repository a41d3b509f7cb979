"""TFRecords as a fast tf.data input.

If the decoded images of a split fit into the given memory, each is decoded once and stays there as uint8, and a batch
is one gather. A larger split is streamed from its shards and decoded in each epoch.
"""

import functools
import mmap
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import simplejpeg

from scenes.common.outputs import checked
from scenes.common.tables import read_json
from scenes.dataset.batch_shares import ONE_DEVICE, BatchShares, Devices
from scenes.images import tf_ops

if TYPE_CHECKING:
    import tensorflow as tf

_CHUNK = 64  # records that a thread takes at a time: about 10 ms of work


@dataclass(frozen=True)
class Records:
    """One split of a records folder.

    Attributes:
        files: the shards, in order.
        count: the number of images.
        image_shape: (height, width, channels), the same for every image.
        fit: how pictures of other shapes became ``image_shape``, see ``scenes.images.decode.fit``.
        classes: names; a label is an index into them, -1 for none.
        per_class: the number of images of each class; empty if they have no labels.
    """

    files: tuple[str, ...]
    count: int
    image_shape: tuple[int, int, int]
    fit: str
    classes: tuple[str, ...]
    per_class: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Size of all decoded images in bytes."""
        return self.count * int(np.prod(self.image_shape))


def _index(folder: str | Path) -> dict[str, Any]:
    return read_json(Path(folder) / "index.json")


def splits(folder: str | Path) -> list[str]:
    """Return the names of the splits in ``folder``, sorted; ``pred`` only if the archive has unlabelled images."""
    return sorted(_index(folder)["splits"])


def open_records(folder: str | Path, split: str) -> Records:
    """Return one split (train, val, test or pred) of a records folder, as described by its index.json.

    Raises:
        InputError: index.json or a shard of the split is missing or damaged.
        KeyError: the folder has no such split.
    """
    folder = Path(folder)
    index = _index(folder)
    entry = index["splits"][split]
    return Records(
        files=tuple(str(checked(folder / name)) for name in entry["shards"]),
        count=entry["count"],
        image_shape=tuple(index["image_shape"]),
        fit=index["fit"],
        classes=tuple(index["classes"]),
        per_class=tuple(entry["per_class"][name] for name in index["classes"] if "per_class" in entry),
    )


def _feature_spec() -> dict[str, Any]:
    import tensorflow as tf

    return {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/key": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }


def _own(serialized: "tf.data.Dataset", shares: BatchShares) -> "tf.data.Dataset":
    """Return what this process takes of the records of an epoch, in their order; padding included."""
    import tensorflow as tf

    if shares.devices == ONE_DEVICE:
        return serialized
    times = tf.constant(np.bincount(shares.positions(), minlength=shares.count))
    return serialized.enumerate().flat_map(
        lambda position, record: tf.data.Dataset.from_tensors(record).repeat(times[position])
    )


def _decoded(serialized: "tf.data.Dataset", image_shape: tuple[int, int, int]) -> "tf.data.Dataset":
    """Return a dict for each record: ``key`` string, ``image`` uint8 (h, w, c), ``label`` int64."""
    import tensorflow as tf

    def decode(record: Any) -> dict[str, Any]:
        example = tf.io.parse_single_example(record, _feature_spec())
        return {
            "key": example["image/key"],
            "image": tf.ensure_shape(tf_ops.decode(example["image/encoded"]), image_shape),
            "label": example["image/class/label"],
        }

    return serialized.map(decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def load(records: Records) -> dict[str, np.ndarray]:
    """Return the whole split, decoded: ``key`` bytes (n,), ``image`` uint8 (n, h, w, c), ``label`` int64 (n,)."""
    arrays, progress = _load_in_background(records)
    for _ in progress:
        pass
    return arrays | {"key": arrays["key"].astype(bytes)}


def _load_in_background(records: Records) -> tuple[dict[str, np.ndarray], Iterator[int]]:
    """Return the arrays of :func:`load`, which threads are still filling, and their progress.

    Decoding takes most of the time. simplejpeg is faster than tf.io, because it releases the GIL and decodes into the
    array. Both give the same pixels, by the accurate integer DCT of libjpeg-turbo.

    Returns:
        The arrays (``key`` as objects), and an iterator over the number of images that are ready.

    Raises:
        ValueError: the index gives another number of images.
    """
    serialized = list(_serialized(records.files))
    if len(serialized) != records.count:
        raise ValueError(f"the records hold {len(serialized)} images, their index says {records.count}")
    arrays = {
        "key": np.empty(records.count, object),
        "image": _page_aligned((records.count, *records.image_shape)),
        "label": np.empty(records.count, np.int64),
    }
    # One thread per core. The default of four more took 1.7 times as long, because they wait for the GIL.
    pool = ThreadPoolExecutor(os.cpu_count())
    stops = [*range(_CHUNK, records.count, _CHUNK), records.count]
    filling = [pool.submit(_fill, arrays, serialized, max(stop - 1, 0) // _CHUNK * _CHUNK, stop) for stop in stops]
    pool.shutdown(wait=False)  # submitted work continues
    return arrays, (part.result() for part in filling)


def _serialized(files: Sequence[str]) -> Iterator[memoryview]:
    """Yield the bytes of each record. Tracing a tf.data graph for it would take longer than the reading itself."""
    for file in files:
        if not Path(file).stat().st_size:
            continue  # the hash of no image is in the range of this shard, and nothing can be mapped
        with Path(file).open("rb") as opened:
            yield from _split(memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)))


def _split(data: memoryview) -> Iterator[memoryview]:
    """Yield the records in the content of a file.

    A record comes after its length (8 bytes, little-endian) and a CRC (4 bytes), and before another CRC (4 bytes); see
    https://www.tensorflow.org/tutorials/load_data/tfrecord. :func:`open_records` has compared the file's hash, so the
    CRCs are not checked.
    """
    start = 0
    while start < len(data):
        stop = start + 12 + int.from_bytes(data[start : start + 8], "little")
        yield data[start + 12 : stop]
        start = stop + 4


def _fill(arrays: dict[str, np.ndarray], serialized: list[memoryview], start: int, stop: int) -> int:
    """Parse and decode the records ``start`` to ``stop`` into ``arrays``; return ``stop``."""
    import tensorflow as tf

    for index in range(start, stop):
        features = tf.train.Example.FromString(serialized[index]).features.feature
        arrays["key"][index] = features["image/key"].bytes_list.value[0]
        arrays["label"][index] = features["image/class/label"].int64_list.value[0]
        encoded = features["image/encoded"].bytes_list.value[0]
        if encoded.startswith(b"\xff\xd8"):
            simplejpeg.decode_jpeg(encoded, buffer=arrays["image"][index])
        else:
            arrays["image"][index] = tf.io.decode_png(encoded, channels=3).numpy()
    return stop


def _page_aligned(shape: tuple[int, ...]) -> np.ndarray:
    """Return uint8 zeros that TensorFlow can use without a copy; it needs a stricter alignment than NumPy's."""
    memory = mmap.mmap(-1, int(np.prod(shape)), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(memory, np.uint8).reshape(shape)


def ordered_batches(records: Records, batch_size: int, devices: Devices = ONE_DEVICE) -> "tf.data.Dataset":
    """Return a dataset of ``key``, ``image`` and ``label`` batches in stored order, streamed, for prediction.

    Args:
        devices: see :func:`shuffled_batches`.
    """
    import tensorflow as tf

    shares = BatchShares(records.count, batch_size, devices)
    own = _own(tf.data.TFRecordDataset(list(records.files)), shares)
    batches = _decoded(own, records.image_shape).batch(shares.local_batch_size).prefetch(tf.data.AUTOTUNE)
    return batches.apply(tf.data.experimental.assert_cardinality(shares.steps))


def shard_batches(data: bytes, image_shape: tuple[int, int, int], batch_size: int) -> "tf.data.Dataset":
    """Return the batches of :func:`ordered_batches` for the content of one shard, wherever its file is."""
    import tensorflow as tf

    serialized = tf.constant([bytes(record) for record in _split(memoryview(data))], tf.string)
    examples = _decoded(tf.data.Dataset.from_tensor_slices(serialized), image_shape)
    return examples.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def shuffled_batches(
    records: Records,
    *,
    batch_size: int,
    epochs: int,
    seed: int,
    cache_mb: float,
    start: int = 0,
    devices: Devices = ONE_DEVICE,
) -> "tf.data.Dataset":
    """Return a dataset of (image, one-hot label) batches over all epochs, each epoch in a different order.

    The order of epoch ``e`` is a function of (seed, e) alone, so a training that resumes at epoch ``start`` sees the
    same batches as an uninterrupted one. Use it with ``steps_per_epoch``.

    Args:
        batch_size: images per batch; the last batch of an epoch may be smaller.
        epochs: of the whole training.
        cache_mb: MB for decoded images; a larger split is streamed. Streaming permutes the shards and shuffles within a
            window of as many images as half that memory holds, so its order is less random than in memory.
        start: the first epoch of the dataset, counted from 0.
        devices: if there are several, a batch has the rows of this process, see ``scenes.dataset.batch_shares``. In
            memory each process keeps the whole split. Streaming, it reads all of it and decodes only its own rows.

    Returns:
        uint8 (b, h, w, c) and float32 (b, classes). The cardinality is known, because Keras runs an extra step per
        epoch on an input of unknown length.
    """
    import tensorflow as tf

    shares = BatchShares(records.count, batch_size, devices)
    if records.nbytes <= cache_mb * 1e6:
        dataset = _from_memory(records, shares, epochs, seed, start)
    else:
        window = max(int(cache_mb * 1e6 / 2 / np.prod(records.image_shape)), 1)
        dataset = _streamed(records, shares, epochs, seed, start, window)
    return dataset.prefetch(4).apply(tf.data.experimental.assert_cardinality(shares.steps * (epochs - start)))


def _from_memory(records: Records, shares: BatchShares, epochs: int, seed: int, start: int) -> "tf.data.Dataset":
    """Return batches of (image, one-hot label) from the decoded split, which is filled during the first epoch."""
    import tensorflow as tf

    arrays, progress = _load_in_background(records)
    # DLPack shares the memory instead of copying it, and keeps it on the CPU if there is a GPU.
    images = tf.experimental.dlpack.from_dlpack(arrays["image"].__dlpack__())
    one_hot = np.eye(len(records.classes), dtype=np.float32)
    positions, rows, steps = shares.positions(), shares.local_batch_size, shares.steps
    ready = 0

    @functools.lru_cache(maxsize=1)
    def order(epoch: int) -> np.ndarray:
        # The stored order is already random (by hash; several archives take turns, shard by shard), so the first epoch
        # can use it and need not wait until everything is decoded.
        whole = np.random.default_rng([seed, epoch]).permutation(records.count) if epoch else np.arange(records.count)
        return whole[positions]

    def batch(step: Any) -> tuple[Any, np.ndarray]:
        nonlocal ready
        epoch, position = divmod(int(step), steps)
        indices = order(epoch)[position * rows : (position + 1) * rows]
        while ready <= indices.max():
            ready = next(progress)
        return tf.gather(images, indices), one_hot[arrays["label"][indices]]

    def shaped(step: Any) -> tuple[Any, Any]:
        # A Python function, because tf.data would copy each tensor that a graph captures, here all images.
        image, label = tf.py_function(batch, [step], (tf.uint8, tf.float32))
        return tf.ensure_shape(image, (None, *records.image_shape)), tf.ensure_shape(label, (None, len(one_hot)))

    return tf.data.Dataset.range(start * steps, epochs * steps).map(shaped)


def _streamed(
    records: Records, shares: BatchShares, epochs: int, seed: int, start: int, window: int
) -> "tf.data.Dataset":
    """Return batches of (image, one-hot label), shuffled within ``window`` images and decoded in each epoch."""
    import tensorflow as tf

    def batches(epoch: int) -> "tf.data.Dataset":
        rng = np.random.default_rng([seed, epoch])
        serialized = tf.data.TFRecordDataset(list(rng.permutation(np.array(records.files))))
        shuffled = serialized.shuffle(window, int(rng.integers(2**31)), reshuffle_each_iteration=False)
        return _decoded(_own(shuffled, shares), records.image_shape).batch(shares.local_batch_size)

    dataset = batches(start)
    for epoch in range(start + 1, epochs):
        dataset = dataset.concatenate(batches(epoch))
    return dataset.map(lambda example: (example["image"], tf.one_hot(example["label"], len(records.classes))))

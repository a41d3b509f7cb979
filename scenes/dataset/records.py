"""Reading TFRecords as a tf.data input that never starves a training step.

A record is decoded once. While the decoded images of a split fit in the memory given, they stay there as
uint8 and a batch is one gather; a larger split streams from the shards, decoding anew in each epoch.
"""

import functools
import json
import mmap
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg

_CHUNK = 64  # records that a thread takes at a time: some 10 ms of work


@dataclass(frozen=True)
class Records:
    """One split of a records folder.

    Attributes:
        files: its shards, in order.
        count: its number of images.
        image_shape: (height, width, channels) in pixels, the same for every image.
        classes: names; a label is an index into them. Images without a label have -1.
    """

    files: tuple[str, ...]
    count: int
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all images decoded."""
        return self.count * int(np.prod(self.image_shape))


def _index(folder: str | Path) -> dict:
    return json.loads((Path(folder) / "index.json").read_text(encoding="utf-8"))


def splits(folder: str | Path) -> list[str]:
    """Return the names of the splits in ``folder``, sorted; ``pred`` is there only if the archive has such images."""
    return sorted(_index(folder)["splits"])


def open_records(folder: str | Path, split: str) -> Records:
    """Describe the ``split`` (train, val, test or pred) in ``folder`` by its index.json.

    Raises:
        KeyError: the folder has no such split.
    """
    folder = Path(folder)
    index = _index(folder)
    entry = index["splits"][split]
    return Records(
        files=tuple(str(folder / name) for name in entry["shards"]),
        count=entry["count"],
        image_shape=tuple(index["image_shape"]),
        classes=tuple(index["classes"]),
    )


def _features() -> dict:
    import tensorflow as tf

    return {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/key": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }


def _examples(records: Records, files):
    """Dataset of dicts ``key`` (string), ``image`` (uint8, image_shape) and ``label`` (int64), in stored order."""
    import tensorflow as tf

    def decode(record):
        example = tf.io.parse_single_example(record, _features())
        # decode_jpeg reads PNG too. The accurate DCT is what Pillow uses, so both see the same pixels.
        image = tf.io.decode_jpeg(example["image/encoded"], channels=3, dct_method="INTEGER_ACCURATE")
        return {
            "key": example["image/key"],
            "image": tf.ensure_shape(image, records.image_shape),
            "label": example["image/class/label"],
        }

    return tf.data.TFRecordDataset(list(files)).map(decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def load(records: Records) -> dict[str, np.ndarray]:
    """Return the whole split decoded: ``key`` bytes (n,), ``image`` uint8 (n, h, w, c), ``label`` int64 (n,)."""
    arrays, progress = _load_in_background(records)
    for _ in progress:
        pass
    return arrays | {"key": arrays["key"].astype(bytes)}


def _load_in_background(records: Records) -> tuple[dict[str, np.ndarray], Iterator[int]]:
    """Return the arrays of :func:`load`, which are still being filled, and how far that has come.

    Decoding is nearly all the work. simplejpeg does it in less time than tf.io, without Python's lock and straight into
    the array, and gives the same pixels: both use the accurate integer DCT of libjpeg-turbo.

    Returns:
        The arrays (``key`` as objects), and an iterator that gives the number of images that are ready.
    """
    serialized = list(_serialized(records.files))
    if len(serialized) != records.count:
        raise ValueError(f"the records hold {len(serialized)} images, their index says {records.count}")
    arrays = {
        "key": np.empty(records.count, object),
        "image": _page_aligned((records.count, *records.image_shape)),
        "label": np.empty(records.count, np.int64),
    }
    # One thread a core. The default, four more, took 1.7 times as long: they wait for Python's lock.
    pool = ThreadPoolExecutor(os.cpu_count())
    stops = [*range(_CHUNK, records.count, _CHUNK), records.count]
    filling = [pool.submit(_fill, arrays, serialized, max(stop - 1, 0) // _CHUNK * _CHUNK, stop) for stop in stops]
    pool.shutdown(wait=False)  # what has been submitted goes on
    return arrays, (part.result() for part in filling)


def _serialized(files: Sequence[str]) -> Iterator[memoryview]:
    """Yield each record's bytes. To trace a tf.data graph that does it would take longer than the reading itself.

    A record is framed by its length (8 bytes, little-endian) and a CRC (4) before it, and another CRC (4) behind it
    (https://www.tensorflow.org/tutorials/load_data/tfrecord). DVC has hashed the file, so the CRCs are left alone.
    """
    for file in files:
        with Path(file).open("rb") as opened:
            data = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
        start = 0
        while start < len(data):
            stop = start + 12 + int.from_bytes(data[start : start + 8], "little")
            yield data[start + 12 : stop]
            start = stop + 4


def _fill(arrays: dict[str, np.ndarray], serialized: list[memoryview], start: int, stop: int) -> int:
    """Parse and decode the records ``start`` to ``stop`` into their places in ``arrays``; return ``stop``."""
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
    """Return uint8 zeros that TensorFlow can use without a copy, which takes a stricter alignment than NumPy's."""
    memory = mmap.mmap(-1, int(np.prod(shape)), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(memory, np.uint8).reshape(shape)


def ordered_batches(records: Records, batch_size: int):
    """Dataset of ``key``, ``image``, ``label`` batches in stored order, streamed, for prediction."""
    import tensorflow as tf

    batches = _examples(records, records.files).batch(batch_size).prefetch(tf.data.AUTOTUNE)
    return batches.apply(tf.data.experimental.assert_cardinality(-(-records.count // batch_size)))


def shuffled_batches(records: Records, *, batch_size: int, epochs: int, seed: int, cache_mb: float, start: int = 0):
    """Dataset of (image, one-hot label) batches over all epochs, each in an order of its own.

    The order of epoch ``e`` is a function of (seed, e) alone, so a training that goes on at epoch ``start``
    sees just what an uninterrupted one does. Use it with ``steps_per_epoch``.

    Args:
        batch_size: images a batch; the last one of an epoch may be smaller.
        epochs: of the whole training.
        cache_mb: MB for decoded images; a larger split streams. Streaming permutes the shards and shuffles
            within a window of half that memory, so its order is less random than in memory.
        start: the first epoch to give, counted from 0.

    Returns:
        tf.data.Dataset of uint8 (b, h, w, c) and float32 (b, classes), its cardinality known: Keras runs a
        phantom step an epoch on an input of unknown length.
    """
    import tensorflow as tf

    if records.nbytes <= cache_mb * 1e6:
        dataset = _from_memory(records, batch_size, epochs, seed, start)
    else:
        window = max(int(cache_mb * 1e6 / 2 / np.prod(records.image_shape)), 1)
        dataset = _streamed(records, batch_size, epochs, seed, start, window)
    steps = -(-records.count // batch_size) * (epochs - start)
    return dataset.prefetch(4).apply(tf.data.experimental.assert_cardinality(steps))


def _from_memory(records: Records, batch_size: int, epochs: int, seed: int, start: int):
    """Batches of (image, one-hot label) from the decoded split, which is filled while the first epoch is read."""
    import tensorflow as tf

    arrays, progress = _load_in_background(records)
    # DLPack shares the memory, which is most of what there is, and leaves it to the CPU where there is a GPU.
    images = tf.experimental.dlpack.from_dlpack(arrays["image"].__dlpack__())
    one_hot = np.eye(len(records.classes), dtype=np.float32)
    steps = -(-records.count // batch_size)
    ready = 0

    @functools.lru_cache(maxsize=1)
    def order(epoch):
        # The stored order is a random one already, that of a hash: so the first epoch need not wait until
        # everything is decoded.
        return np.random.default_rng([seed, epoch]).permutation(records.count) if epoch else np.arange(records.count)

    def batch(step):
        nonlocal ready
        epoch, position = divmod(int(step), steps)
        indices = order(epoch)[position * batch_size : (position + 1) * batch_size]
        while ready <= indices.max():
            ready = next(progress)
        return tf.gather(images, indices), one_hot[arrays["label"][indices]]

    def shaped(step):
        # A Python function, because tf.data copies every tensor that a graph holds, here all images.
        image, label = tf.py_function(batch, [step], (tf.uint8, tf.float32))
        return tf.ensure_shape(image, (None, *records.image_shape)), tf.ensure_shape(label, (None, len(one_hot)))

    return tf.data.Dataset.range(start * steps, epochs * steps).map(shaped)


def _streamed(records: Records, batch_size: int, epochs: int, seed: int, start: int, window: int):
    """Batches of (image, one-hot label) decoded anew in each epoch, shuffled within ``window`` images."""
    import tensorflow as tf

    dataset = None
    for epoch in range(start, epochs):
        rng = np.random.default_rng([seed, epoch])
        examples = _examples(records, rng.permutation(np.array(records.files)))
        shuffled = examples.shuffle(window, int(rng.integers(2**31)), reshuffle_each_iteration=False)
        dataset = shuffled.batch(batch_size) if dataset is None else dataset.concatenate(shuffled.batch(batch_size))
    return dataset.map(lambda example: (example["image"], tf.one_hot(example["label"], len(records.classes))))

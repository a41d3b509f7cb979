"""Reading TFRecords as a tf.data input that never starves a training step.

A record is decoded once. While the decoded images of a split fit in the memory given, they stay there as
uint8 and a batch is one gather; a larger split streams from the shards, decoding anew in each epoch.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


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


def _examples(records: Records, files):
    """Dataset of dicts ``key`` (string), ``image`` (uint8, image_shape) and ``label`` (int64), in stored order."""
    import tensorflow as tf

    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/key": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }

    def decode(record):
        example = tf.io.parse_single_example(record, features)
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
    arrays = {
        "key": np.empty(records.count, object),
        "image": np.empty((records.count, *records.image_shape), np.uint8),
        "label": np.empty(records.count, np.int64),
    }
    start = 0
    for batch in _examples(records, records.files).batch(256).prefetch(2).as_numpy_iterator():
        stop = start + len(batch["label"])
        for name, values in batch.items():
            arrays[name][start:stop] = values
        start = stop
    if start != records.count:
        raise ValueError(f"the records hold {start} images, their index says {records.count}")
    arrays["key"] = arrays["key"].astype(bytes) if records.count else np.empty(0, "S1")
    return arrays


def ordered_batches(records: Records, batch_size: int):
    """Dataset of ``key``, ``image``, ``label`` batches in stored order, streamed, for prediction."""
    import tensorflow as tf

    batches = _examples(records, records.files).batch(batch_size).prefetch(tf.data.AUTOTUNE)
    return batches.apply(tf.data.experimental.assert_cardinality(-(-records.count // batch_size)))


def shuffled_batches(records: Records, *, batch_size: int, epochs: int, seed: int, memory_mb: float, start: int = 0):
    """Dataset of (image, one-hot label) batches over all epochs, each in an order of its own.

    The order of epoch ``e`` is a function of (seed, e) alone, so a training that goes on at epoch ``start``
    sees just what an uninterrupted one does. Use it with ``steps_per_epoch``.

    Args:
        batch_size: images a batch; the last one of an epoch may be smaller.
        epochs: of the whole training.
        memory_mb: MB for decoded images; a larger split streams. Streaming permutes the shards and shuffles
            within a window of half that memory, so its order is less random than in memory.
        start: the first epoch to give, counted from 0.

    Returns:
        tf.data.Dataset of uint8 (b, h, w, c) and float32 (b, classes), its cardinality known: Keras runs a
        phantom step an epoch on an input of unknown length.
    """
    import tensorflow as tf

    if records.nbytes <= memory_mb * 1e6:
        arrays = load(records)
        images, labels = tf.constant(arrays["image"]), tf.constant(arrays["label"])

        def epoch_batches(rng):
            return tf.data.Dataset.from_tensor_slices(rng.permutation(records.count)).batch(batch_size)

        def finish(indices):
            return tf.gather(images, indices), tf.one_hot(tf.gather(labels, indices), len(records.classes))

    else:
        window = max(int(memory_mb * 1e6 / 2 / np.prod(records.image_shape)), 1)

        def epoch_batches(rng):
            examples = _examples(records, rng.permutation(np.array(records.files)))
            shuffle_seed = int(rng.integers(2**31))
            return examples.shuffle(window, shuffle_seed, reshuffle_each_iteration=False).batch(batch_size)

        def finish(examples):
            return examples["image"], tf.one_hot(examples["label"], len(records.classes))

    dataset = epoch_batches(np.random.default_rng([seed, start]))
    for epoch in range(start + 1, epochs):
        dataset = dataset.concatenate(epoch_batches(np.random.default_rng([seed, epoch])))
    steps = -(-records.count // batch_size) * (epochs - start)
    return (
        dataset.map(finish, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
        .apply(tf.data.experimental.assert_cardinality(steps))
    )

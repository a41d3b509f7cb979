"""A few images out of many records: by key, decoded, or the first ones as files."""

from collections.abc import Collection

import numpy as np

from scenes.dataset import records
from scenes.dataset.records import Records

BATCH_SIZE = 64  # decode in batches; keep only the requested images


def read_selected(split: Records, keys: Collection[str]) -> dict[str, np.ndarray]:
    """Return the images with these keys, by key, each uint8 (height, width, 3).

    The records are streamed once; only the requested images are kept in memory.

    Raises:
        KeyError: the split has no image with one of the keys.
    """
    requested = {key.encode() for key in keys}
    selected: dict[str, np.ndarray] = {}
    for batch in records.ordered_batches(split, BATCH_SIZE):
        images = batch["image"]
        for index, key in enumerate(batch["key"].numpy()):
            if key in requested:
                selected[key.decode()] = images[index].numpy()
        if len(selected) == len(requested):
            break
    if missing := set(keys) - set(selected):
        raise KeyError(f"the records do not contain the image {min(missing)}")
    return selected


def read_encoded(split: Records, count: int) -> list[bytes]:
    """Return the first ``count`` images, or all if there are fewer, as the bytes of JPEG or PNG files.

    Records are in the order of a hash, so the first ones are a random sample: of the first archive, if there are
    several.
    """
    import tensorflow as tf

    serialized = tf.data.TFRecordDataset(list(split.files)).take(count).as_numpy_iterator()
    examples = map(tf.train.Example.FromString, serialized)
    return [example.features.feature["image/encoded"].bytes_list.value[0] for example in examples]

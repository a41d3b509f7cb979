"""A few images out of many records.

Images of the records as the files they are, for whatever decodes them itself.
"""

from collections.abc import Collection

import numpy as np

from scenes.dataset import records
from scenes.dataset.records import Records

BATCH_SIZE = 64  # of images; what is decoded at a time, and let go of but for those wanted


def read_selected(split: Records, keys: Collection[str]) -> dict[str, np.ndarray]:
    """Return the images of ``split`` with these keys, by key, each uint8 (height, width, 3).

    The records are streamed once: the memory taken is that of the images wanted.

    Raises:
        KeyError: the split has no image of such a key.
    """
    wanted = {key.encode() for key in keys}
    found = {}
    for batch in records.ordered_batches(split, BATCH_SIZE):
        images = batch["image"]
        for index, key in enumerate(batch["key"].numpy()):
            if key in wanted:
                found[key.decode()] = images[index].numpy()
        if len(found) == len(wanted):
            break
    if missing := set(keys) - set(found):
        raise KeyError(f"no such image in the records: {min(missing)}")
    return found


def read_encoded(split: Records, count: int) -> list[bytes]:
    """Return the first ``count`` images of ``split``, or all if it has fewer: JPEG or PNG files.

    The order of the records is that of a hash, so the first ones are of all classes.
    """
    import tensorflow as tf

    serialized = tf.data.TFRecordDataset(list(split.files)).take(count).as_numpy_iterator()
    examples = map(tf.train.Example.FromString, serialized)
    return [example.features.feature["image/encoded"].bytes_list.value[0] for example in examples]

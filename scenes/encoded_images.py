"""Images of the records as the files they are, for whatever decodes them itself."""

from scenes.records import Records


def read(split: Records, count: int) -> list[bytes]:
    """Return the first ``count`` images of ``split``, or all if it has fewer: JPEG or PNG files.

    The order of the records is that of a hash, so the first ones are of all classes.
    """
    import tensorflow as tf

    serialized = tf.data.TFRecordDataset(list(split.files)).take(count).as_numpy_iterator()
    examples = map(tf.train.Example.FromString, serialized)
    return [example.features.feature["image/encoded"].bytes_list.value[0] for example in examples]

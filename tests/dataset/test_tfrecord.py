"""TFRecords written without TensorFlow: the bytes that TensorFlow writes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.dataset.tfrecord import example, tfrecord

FEATURES = st.fixed_dictionaries(
    {
        "image/encoded": st.binary(max_size=600),
        "image/key": st.text(min_size=1, max_size=200).map(str.encode),
        "image/class/label": st.integers(-(2**63), 2**63 - 1),
        "image/class/text": st.binary(max_size=200),
    }
)


@settings(max_examples=60)
@given(st.lists(FEATURES, min_size=1, max_size=4))
def test_examples_are_those_of_tensorflow(features):
    import tensorflow as tf

    def feature(value):
        if isinstance(value, int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    for each in features:
        theirs = tf.train.Example(
            features=tf.train.Features(feature={name: feature(value) for name, value in each.items()})
        )
        assert example(each) == theirs.SerializeToString(deterministic=True)


@pytest.mark.parametrize("sizes", [[], [0], [4, 5, 255, 256, 257, 70_000], [*range(600)]])
def test_files_are_those_of_tensorflow(sizes, tmp_path):
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    records = [example({"image/encoded": rng.bytes(size)}) for size in sizes]
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrecord")) as writer:
        for record in records:
            writer.write(record)
    assert tfrecord(records) == (tmp_path / "x.tfrecord").read_bytes()

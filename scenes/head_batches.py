"""What a head is fed: batches of cached features in a new order each epoch."""

import numpy as np

from scenes.embeddings import Embeddings


def validation(embeddings: Embeddings, batch_size: int = 1024):
    """Return (features, one-hot label) batches in stored order."""
    import tensorflow as tf

    one_hot = np.eye(len(embeddings.classes), dtype=np.float32)[embeddings.label]
    return tf.data.Dataset.from_tensor_slices((embeddings.features, one_hot)).batch(batch_size)


def training(embeddings: Embeddings, *, batch_size: int, epochs: int, seed: int, start: int = 0):
    """Return the (features, one-hot label) batches of all epochs, from epoch ``start`` (counted from 0) on.

    The order of an epoch is a function of (seed, epoch) alone. Features always fit in memory.
    """
    import tensorflow as tf

    features = tf.constant(embeddings.features)
    one_hot = tf.one_hot(embeddings.label, len(embeddings.classes))

    def indices():
        for epoch in range(start, epochs):
            order = np.random.default_rng([seed, epoch]).permutation(len(embeddings.label))
            for begin in range(0, len(order), batch_size):
                yield order[begin : begin + batch_size]

    dataset = tf.data.Dataset.from_generator(indices, output_signature=tf.TensorSpec([None], tf.int64))
    steps = -(-len(embeddings.label) // batch_size) * (epochs - start)
    return (
        dataset.map(lambda index: (tf.gather(features, index), tf.gather(one_hot, index)))
        .prefetch(tf.data.AUTOTUNE)
        .apply(tf.data.experimental.assert_cardinality(steps))
    )

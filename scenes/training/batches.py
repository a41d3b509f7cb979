"""What a CNN is fed: batches of images in a new order each epoch, flipped and shifted at random.

What a head is fed: batches of cached features in a new order each epoch.
"""

import numpy as np

from scenes.dataset import records
from scenes.dataset.records import Records
from scenes.models.features import Features


def sample_augmentation(
    rng: np.random.Generator, count: int, image_shape: tuple, *, flip: bool, max_shift: float
) -> dict:
    """Draw the augmentation of ``count`` images.

    Drawing apart from applying makes an epoch a function of (seed, epoch) alone, whatever the threads do
    and wherever a training was interrupted.

    Args:
        image_shape: (height, width, channels) in pixels.
        flip: mirror half of the images left to right.
        max_shift: largest shift, as a share of height and width.

    Returns:
        ``flip`` bool (count,), ``dy`` and ``dx`` int32 (count,) in pixels.
    """
    height, width, _ = image_shape
    dy, dx = int(height * max_shift), int(width * max_shift)
    return {
        "flip": rng.random(count) < (0.5 if flip else 0.0),
        "dy": rng.integers(-dy, dy, count, dtype=np.int32, endpoint=True),
        "dx": rng.integers(-dx, dx, count, dtype=np.int32, endpoint=True),
    }


def augment(images, draws):
    """Flip and shift a batch; what a shift uncovers is filled by reflection.

    Args:
        images: tensor (batch, height, width, channels), any dtype.
        draws: what :func:`sample_augmentation` returns, for this batch.

    Returns:
        A tensor of the same shape and dtype; only whole pixels move, so nothing is rounded.
    """
    import tensorflow as tf

    def moved(size, offset):
        index = tf.range(size)[None, :] - offset[:, None]
        index = tf.abs(index)  # reflect about the first pixel ...
        return tf.where(index < size, index, 2 * (size - 1) - index)  # ... and about the last

    height, width = images.shape[1], images.shape[2]
    rows = moved(height, draws["dy"])
    columns = moved(width, draws["dx"])
    columns = tf.where(draws["flip"][:, None], columns[:, ::-1], columns)
    return tf.gather(tf.gather(images, rows, batch_dims=1, axis=1), columns, batch_dims=1, axis=2)


def training_images(
    split: Records,
    *,
    batch_size: int,
    epochs: int,
    seed: int,
    cache_mb: float,
    flip: bool,
    max_shift: float,
    start: int = 0,
):
    """Return the augmented (image, one-hot label) batches of all epochs, from epoch ``start`` (counted from 0) on.

    What an epoch holds is a function of (seed, epoch) alone: see ``scenes.dataset.records.shuffled_batches``, whose arguments
    these are, and :func:`sample_augmentation`.
    """
    import tensorflow as tf

    def epoch_draws(epoch):
        # The third number keeps these draws apart from those that order the epoch.
        rng = np.random.default_rng([seed, epoch, 1])
        draws = sample_augmentation(rng, split.count, split.image_shape, flip=flip, max_shift=max_shift)
        return tf.data.Dataset.from_tensor_slices(draws).batch(batch_size)

    draws = epoch_draws(start)
    for epoch in range(start + 1, epochs):
        draws = draws.concatenate(epoch_draws(epoch))
    batches = records.shuffled_batches(
        split, batch_size=batch_size, epochs=epochs, seed=seed, cache_mb=cache_mb, start=start
    )
    return (
        tf.data.Dataset.zip(batches, draws)
        .map(
            lambda example, drawn: (augment(example[0], drawn), example[1]),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def validation_images(split: Records, batch_size: int):
    """Return (image, one-hot label) batches in stored order, streamed."""
    import tensorflow as tf

    return records.ordered_batches(split, batch_size).map(
        lambda batch: (batch["image"], tf.one_hot(batch["label"], len(split.classes)))
    )


def validation_features(embeddings: Features, batch_size: int = 1024):
    """Return (features, one-hot label) batches in stored order."""
    import tensorflow as tf

    one_hot = np.eye(len(embeddings.classes), dtype=np.float32)[embeddings.label]
    return tf.data.Dataset.from_tensor_slices((embeddings.features, one_hot)).batch(batch_size)


def training_features(embeddings: Features, *, batch_size: int, epochs: int, seed: int, start: int = 0):
    """Return the (features, one-hot label) batches of all epochs, from epoch ``start`` (counted from 0) on.

    The order of an epoch is a function of (seed, epoch) alone. Features always fit in memory.
    """
    import tensorflow as tf

    features = tf.constant(embeddings.features)
    one_hot = tf.one_hot(embeddings.label, len(embeddings.classes))

    def indices(epoch):
        order = np.random.default_rng([seed, epoch]).permutation(len(embeddings.label))
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    order = indices(start)
    for epoch in range(start + 1, epochs):
        order = order.concatenate(indices(epoch))
    options = tf.data.Options()
    # There is nothing here to tune; and when a training ended, it was seen to wait for the tuner's next round, which
    # came up to ten seconds later.
    options.autotune.enabled = False
    return (
        order.map(lambda index: (tf.gather(features, index), tf.gather(one_hot, index)))
        .prefetch(2)
        .with_options(options)
    )

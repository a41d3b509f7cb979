"""Batches of images or cached features for training and validation.

The content and order of an epoch are a function of (seed, epoch) alone, whatever the threads do and wherever a training
was interrupted. For images the augmentation is therefore sampled first and applied later.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.backbones.features import Features
from scenes.dataset import records
from scenes.dataset.records import Records

if TYPE_CHECKING:
    import tensorflow as tf


def training_images(
    split: Records,
    *,
    batch_size: int,
    epochs: int,
    seed: int,
    cache_mb: float,
    augmentation: Mapping[str, Any],
    start: int = 0,
) -> "tf.data.Dataset":
    """Return the augmented (image, one-hot label) batches of all epochs, from epoch ``start`` (counted from 0) on.

    Args:
        split, batch_size, epochs, seed, cache_mb, start: see ``scenes.dataset.records.shuffled_batches``.
        augmentation: ``flip`` and ``max_shift``, see :func:`sample_augmentation`.
    """
    import tensorflow as tf

    def epoch_draws(epoch: int) -> tf.data.Dataset:
        # The third number makes these draws independent of those that order the epoch.
        rng = np.random.default_rng([seed, epoch, 1])
        draws = sample_augmentation(rng, split.count, split.image_shape, **augmentation)
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
            lambda example, sampled: (augment(example[0], sampled), example[1]),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def sample_augmentation(
    rng: np.random.Generator, count: int, image_shape: tuple[int, int, int], *, flip: bool, max_shift: float
) -> dict[str, np.ndarray]:
    """Draw the augmentation of ``count`` images.

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


def augment(images: Any, draws: Any) -> Any:
    """Flip and shift a batch; the border that a shift uncovers is filled by reflection.

    Args:
        images: tensor (batch, height, width, channels), any dtype.
        draws: what :func:`sample_augmentation` returns, for this batch.

    Returns:
        A tensor of the same shape and dtype. Only whole pixels move, so no value changes.
    """
    import tensorflow as tf

    def moved(size: int, offset: Any) -> Any:
        index = tf.range(size)[None, :] - offset[:, None]
        index = tf.abs(index)  # reflect about the first pixel ...
        return tf.where(index < size, index, 2 * (size - 1) - index)  # ... and about the last

    height, width = images.shape[1], images.shape[2]
    rows = moved(height, draws["dy"])
    columns = moved(width, draws["dx"])
    columns = tf.where(draws["flip"][:, None], columns[:, ::-1], columns)
    return tf.gather(tf.gather(images, rows, batch_dims=1, axis=1), columns, batch_dims=1, axis=2)


def validation_images(split: Records, batch_size: int) -> "tf.data.Dataset":
    """Return (image, one-hot label) batches in stored order, streamed."""
    import tensorflow as tf

    return records.ordered_batches(split, batch_size).map(
        lambda batch: (batch["image"], tf.one_hot(batch["label"], len(split.classes)))
    )


def training_features(
    features: Features, *, batch_size: int, epochs: int, seed: int, start: int = 0
) -> "tf.data.Dataset":
    """Return the (features, one-hot label) batches of all epochs, from epoch ``start`` (counted from 0) on.

    Features always fit in memory.
    """
    import tensorflow as tf

    inputs, labels = tf.constant(features.features), tf.constant(_one_hot(features))

    def epoch_order(epoch: int) -> tf.data.Dataset:
        order = np.random.default_rng([seed, epoch]).permutation(len(features.label))
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    order = epoch_order(start)
    for epoch in range(start + 1, epochs):
        order = order.concatenate(epoch_order(epoch))
    options = tf.data.Options()
    options.autotune.enabled = False  # nothing to tune, and its next round can delay the end by up to ten seconds
    return (
        order.map(lambda index: (tf.gather(inputs, index), tf.gather(labels, index))).prefetch(2).with_options(options)
    )


def validation_features(features: Features, batch_size: int = 1024) -> "tf.data.Dataset":
    """Return (features, one-hot label) batches in stored order."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((features.features, _one_hot(features))).batch(batch_size)


def _one_hot(features: Features) -> np.ndarray:
    """Return the labels as float32 (n, k)."""
    return np.eye(len(features.classes), dtype=np.float32)[features.label]

"""Batches of images or cached features for training and validation.

The content and order of an epoch are a function of (seed, epoch) alone, whatever the threads do and wherever a training
was interrupted. For images the augmentation is therefore sampled first and applied later.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.backbones.features import Features
from scenes.dataset import records
from scenes.dataset.batch_shares import ONE_DEVICE, BatchShares, Devices
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
    devices: Devices = ONE_DEVICE,
) -> "tf.data.Dataset":
    """Return the augmented (image, one-hot label) batches of all epochs, from epoch ``start`` (counted from 0) on.

    Args:
        split, batch_size, epochs, seed, cache_mb, start, devices: see ``scenes.dataset.records.shuffled_batches``.
        augmentation: ``flip``, ``min_area`` and ``colour``, see :func:`sample_augmentation`.
    """
    import tensorflow as tf

    shares = BatchShares(split.count, batch_size, devices)
    positions = shares.positions()

    def epoch_draws(epoch: int) -> tf.data.Dataset:
        # The third number makes these draws independent of those that order the epoch.
        rng = np.random.default_rng([seed, epoch, 1])
        draws = sample_augmentation(rng, split.count, **augmentation)
        own = {name: values[positions] for name, values in draws.items()}
        return tf.data.Dataset.from_tensor_slices(own).batch(shares.local_batch_size)

    draws = epoch_draws(start)
    for epoch in range(start + 1, epochs):
        draws = draws.concatenate(epoch_draws(epoch))
    batches = records.shuffled_batches(
        split, batch_size=batch_size, epochs=epochs, seed=seed, cache_mb=cache_mb, start=start, devices=devices
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
    rng: np.random.Generator, count: int, *, flip: bool, min_area: float, colour: float
) -> dict[str, np.ndarray]:
    """Draw the augmentation of ``count`` images: random resized crops, mirrored or not, in other colours.

    Args:
        flip: mirror half of the images left to right.
        min_area: smallest share of the area that a crop keeps; 1: no crop. The width over the height changes by up to
            a third.
        colour: largest change of brightness, contrast and saturation, as a share; 0: none.

    Returns:
        ``box`` float32 (count, 4): top, left, bottom and right of the crop, as shares of the height and the width; left
        and right are exchanged where the image is mirrored. ``colour`` float32 (count, 3): factors of brightness,
        contrast and saturation.

    Source: Szegedy et al. 2015, https://arxiv.org/abs/1409.4842, section 6.
    """
    area = rng.uniform(min_area, 1, count)
    ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), count)) if min_area < 1 else np.ones(count)
    height, width = np.minimum(np.sqrt([area / ratio, area * ratio]), 1)
    top, left = rng.random(count) * (1 - height), rng.random(count) * (1 - width)
    right = left + width
    mirrored = rng.random(count) < (0.5 if flip else 0.0)
    box = [top, np.where(mirrored, right, left), top + height, np.where(mirrored, left, right)]
    factors = rng.uniform(1 - colour, 1 + colour, (count, 3))
    return {"box": np.stack(box, axis=1).astype(np.float32), "colour": factors.astype(np.float32)}


def augment(images: Any, draws: Any) -> Any:
    """Crop, mirror and recolour a batch as drawn.

    Args:
        images: tensor (batch, height, width, 3) in 0..255, any dtype.
        draws: what :func:`sample_augmentation` returns, for this batch.

    Returns:
        A float32 tensor of the same shape, in 0..255. Crops are enlarged to that shape by bilinear interpolation.
    """
    import tensorflow as tf

    images = tf.image.crop_and_resize(images, draws["box"], tf.range(tf.shape(images)[0]), images.shape[1:3])
    brightness, contrast, saturation = (draws["colour"][:, number, None, None, None] for number in range(3))
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    mean = tf.reduce_mean(grey, axis=(1, 2), keepdims=True)
    # Saturation about the grey of each pixel, then contrast about the mean of the image, then brightness.
    recoloured = brightness * (mean + contrast * (grey - mean + saturation * (images - grey)))
    return tf.clip_by_value(recoloured, 0.0, 255.0)


def validation_images(split: Records, batch_size: int, devices: Devices = ONE_DEVICE) -> "tf.data.Dataset":
    """Return (image, one-hot label) batches in stored order, streamed.

    Args:
        devices: see ``scenes.dataset.records.shuffled_batches``.
    """
    import tensorflow as tf

    return records.ordered_batches(split, batch_size, devices).map(
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

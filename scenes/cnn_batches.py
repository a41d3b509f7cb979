"""What a CNN is fed: batches of images in a new order each epoch, flipped and shifted at random."""

import numpy as np

from scenes import records
from scenes.records import Records


def draw(rng: np.random.Generator, count: int, image_shape: tuple, *, flip: bool, shift: float) -> dict:
    """Draw the augmentation of ``count`` images.

    Drawing apart from applying makes an epoch a function of (seed, epoch) alone, whatever the threads do
    and wherever a training was interrupted.

    Args:
        image_shape: (height, width, channels) in pixels.
        flip: mirror half of the images left to right.
        shift: largest shift, as a share of height and width.

    Returns:
        ``flip`` bool (count,), ``dy`` and ``dx`` int32 (count,) in pixels.
    """
    height, width, _ = image_shape
    dy, dx = int(height * shift), int(width * shift)
    return {
        "flip": rng.random(count) < (0.5 if flip else 0.0),
        "dy": rng.integers(-dy, dy, count, dtype=np.int32, endpoint=True),
        "dx": rng.integers(-dx, dx, count, dtype=np.int32, endpoint=True),
    }


def apply(images, draws):
    """Flip and shift a batch; what a shift uncovers is filled by reflection.

    Args:
        images: tensor (batch, height, width, channels), any dtype.
        draws: what :func:`draw` returns, for this batch.

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


def training(
    split: Records,
    *,
    batch_size: int,
    epochs: int,
    seed: int,
    memory_mb: float,
    flip: bool,
    shift: float,
    start: int = 0,
):
    """Return the augmented (image, one-hot label) batches of all epochs, from epoch ``start`` (counted from 0) on.

    What an epoch holds is a function of (seed, epoch) alone: see ``scenes.records.shuffled_batches``, whose arguments
    these are, and :func:`draw`.
    """
    import tensorflow as tf

    def epoch_draws(epoch):
        # The third number keeps these draws apart from those that order the epoch.
        rng = np.random.default_rng([seed, epoch, 1])
        draws = draw(rng, split.count, split.image_shape, flip=flip, shift=shift)
        return tf.data.Dataset.from_tensor_slices(draws).batch(batch_size)

    draws = epoch_draws(start)
    for epoch in range(start + 1, epochs):
        draws = draws.concatenate(epoch_draws(epoch))
    batches = records.shuffled_batches(
        split, batch_size=batch_size, epochs=epochs, seed=seed, memory_mb=memory_mb, start=start
    )
    return (
        tf.data.Dataset.zip(batches, draws)
        .map(
            lambda example, drawn: (apply(example[0], drawn), example[1]),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def validation(split: Records, batch_size: int):
    """Return (image, one-hot label) batches in stored order, streamed."""
    import tensorflow as tf

    return records.ordered_batches(split, batch_size).map(
        lambda batch: (batch["image"], tf.one_hot(batch["label"], len(split.classes)))
    )

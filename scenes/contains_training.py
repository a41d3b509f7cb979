"""Fitting the output that says what a photo contains, from images of which one class is known."""

from collections.abc import Callable
from functools import partial

import numpy as np

from scenes import contains, single_positive


def fit_all(features: np.ndarray, label: np.ndarray, classes: int, *, rejected: float, **settings) -> dict:
    """Return the networks that ``scenes.contains`` names: the one by large loss rejection, and the naive one.

    Args:
        rejected: see :func:`scenes.single_positive.large_loss_rejection`.
        features, label, classes, settings: see :func:`fit`.
    """
    losses = {
        contains.CHOSEN: partial(single_positive.large_loss_rejection, rejected=rejected),
        contains.NAIVE: single_positive.assume_negative,
    }
    return {name: fit(features, label, classes, loss, **settings) for name, loss in losses.items()}


def fit(
    features: np.ndarray,
    label: np.ndarray,
    classes: int,
    loss: Callable,
    *,
    units: int | None,
    dropout: float,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    seed: int,
):
    """Return the network of ``scenes.contains``, fitted by AdamW at a rate that falls to 0 along a half cosine.

    It takes seconds and keeps no state: what is interrupted begins again. Keras is seeded anew, so that nothing that
    the process did before has a say in the result.

    Args:
        features: float32 (n, d).
        label: int (n,), the one class that each image is known to contain.
        classes: number of them.
        loss: from (known, logits) to losses, see ``scenes.single_positive``.
        units, dropout: see :func:`scenes.contains.build`.
        learning_rate: the first and highest.
        weight_decay: decoupled, relative to the rate; biases are left out.
    """
    import keras

    keras.utils.set_random_seed(seed)
    network = contains.build(features.shape[1], classes, units=units, dropout=dropout)
    network.get_layer("standardise").adapt(features)
    logits = keras.Model(network.input, network.get_layer("logits").output)
    steps = -(-len(label) // batch_size)
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(learning_rate, steps * epochs), weight_decay=weight_decay
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    # JAX would run a step op by op without it, see scenes/training.py.
    logits.compile(optimizer, loss, jit_compile=keras.backend.backend() == "jax")
    logits.optimizer.build(logits.trainable_variables)  # else the first step is traced twice
    one_hot = np.eye(classes, dtype=np.float32)[label]
    logits.fit(
        batches(features, one_hot, batch_size=batch_size, epochs=epochs, seed=seed),
        epochs=epochs,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
    )
    return network


def batches(features: np.ndarray, known: np.ndarray, *, batch_size: int, epochs: int, seed: int):
    """Return a tf.data.Dataset of the (features, known) batches of all epochs.

    The order of an epoch is a function of (seed, epoch) alone.
    """
    import tensorflow as tf

    features, known = tf.constant(features), tf.constant(known)

    def indices(epoch):
        order = np.random.default_rng([seed, epoch]).permutation(len(known))
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    order = indices(0)
    for epoch in range(1, epochs):
        order = order.concatenate(indices(epoch))
    options = tf.data.Options()
    options.autotune.enabled = False  # there is nothing to tune, and its end would be waited for
    return (
        order.map(lambda index: (tf.gather(features, index), tf.gather(known, index))).prefetch(2).with_options(options)
    )

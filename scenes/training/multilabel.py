"""Losses for images of which one class is known and the others are unknown, not absent.

All take ``known`` float (batch, k), 1 for what an image is known to contain and 0 for the unknown, and ``logits`` float
(batch, k), the scores before their sigmoid; they return the mean over the classes, float (batch,). Plain Keras
operations: TensorFlow and JAX run them.

Fitting the output that says what a photo contains, from images of which one class is known.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from scenes.models import multilabel


def assume_negative(known, logits):
    """The naive binary loss: what is not known to be there counts as absent.

    -log(p) where known and -log(1 - p) elsewhere, p being the sigmoid of the logit: "AN" in Cole et al. 2021,
    Multi-Label Learning from Single Positive Labels, https://arxiv.org/abs/2106.09708, equation 3.
    """
    return large_loss_rejection(known, logits, rejection_rate=0.0)


def large_loss_rejection(known, logits, *, rejection_rate: float):
    """The naive loss without the largest losses of the unknown: those are the likeliest to be there after all.

    A network fits what is right before it fits what is wrong, so an unknown class that is scored high against its
    label is taken for unknown indeed, and teaches nothing. "LL-R" in Kim et al. 2022, Large Loss Matters in Weakly
    Supervised Multi-Label Classification, https://arxiv.org/abs/2206.03740, equations 3 to 5. There the share rises
    with the epochs; here it is the same in all of them, which scored the same and keeps the loss free of a state.

    Args:
        rejection_rate: share of the unknown of a batch whose loss is left out, those of equal loss together; of less than
            one entry, none. 0: all are kept.
    """
    from keras import ops

    known = ops.cast(known, "bool")
    losses = ops.softplus(ops.where(known, -logits, logits))
    # The larger the logit of the unknown, the larger its loss. The known stand below them all.
    unknown = ops.reshape(ops.where(known, -float("inf"), logits), (-1,))
    number = ops.floor(rejection_rate * ops.sum(ops.cast(ops.logical_not(known), "float32")))
    # One more at the end, which nothing reaches: where none is to be left out, it is the limit.
    rising = ops.concatenate([ops.sort(unknown), ops.full((1,), float("inf"), dtype=unknown.dtype)])
    limit = ops.take(rising, ops.shape(unknown)[0] - ops.cast(number, "int32"))
    kept = ops.logical_or(known, logits < limit)
    return ops.mean(ops.where(kept, losses, 0.0), axis=-1)


def fit_all(features: np.ndarray, label: np.ndarray, classes: int, *, rejection_rate: float, **settings) -> dict:
    """Return the networks that ``scenes.models.multilabel`` names: the one by large loss rejection, and the naive one.

    Args:
        rejection_rate: see :func:`scenes.training.multilabel.large_loss_rejection`.
        features, label, classes, settings: see :func:`fit`.
    """
    losses = {
        multilabel.PRESENCE: partial(large_loss_rejection, rejection_rate=rejection_rate),
        multilabel.PRESENCE_NAIVE: assume_negative,
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
    """Return the network of ``scenes.models.multilabel``, fitted by AdamW at a rate that falls to 0 along a half cosine.

    It takes seconds and keeps no state: what is interrupted begins again. Keras is seeded anew, so that nothing that
    the process did before has a say in the result.

    Args:
        features: float32 (n, d).
        label: int (n,), the one class that each image is known to contain.
        classes: number of them.
        loss: from (known, logits) to losses, see ``scenes.training.multilabel``.
        units, dropout: see :func:`scenes.models.multilabel.build`.
        learning_rate: the first and highest.
        weight_decay: decoupled, relative to the rate; biases are left out.
    """
    import keras

    keras.utils.set_random_seed(seed)
    network = multilabel.build(features.shape[1], classes, units=units, dropout=dropout)
    network.get_layer("standardise").adapt(features)
    logits = keras.Model(network.input, network.get_layer("logits").output)
    steps = -(-len(label) // batch_size)
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(learning_rate, steps * epochs), weight_decay=weight_decay
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    # JAX would run a step op by op without it, see scenes/training/fit.py.
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

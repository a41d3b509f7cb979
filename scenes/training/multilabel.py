"""Fitting the second output, which scores each class by itself, from images with one known class each.

The other classes of an image are unknown, not absent. The losses here take ``positives`` float (batch, k), 1 for the
label and 0 for the unknown classes, and ``logits`` float (batch, k), the scores before their sigmoid; they return the
mean over the classes, float (batch,). They use Keras operations only, so they run on TensorFlow and JAX.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.backbones.features import Features
from scenes.models import multilabel, standardisation
from scenes.training import batches

if TYPE_CHECKING:
    import keras


def assume_negative(positives: Any, logits: Any) -> Any:
    """Return the naive binary loss, which counts unknown classes as absent.

    That is -log(p) for the known class and -log(1 - p) for the others, p being the sigmoid of the logit.

    Source: "AN" in Cole et al. 2021, Multi-Label Learning from Single Positive Labels,
    https://arxiv.org/abs/2106.09708, equation 3.
    """
    return large_loss_rejection(positives, logits, rejection_rate=0.0)


def large_loss_rejection(positives: Any, logits: Any, *, rejection_rate: float) -> Any:
    """Return the naive loss without the largest losses of unknown classes, which are the likeliest to be present.

    A network fits correct labels before wrong ones. A high score for an unknown class therefore suggests that the class
    is present, and its loss would teach the opposite. In the paper the rejected share grows with the epochs. Here it is
    constant, which scored the same and keeps the loss stateless.

    Args:
        rejection_rate: share of the unknown entries of a batch whose loss is dropped, rounded down to whole entries;
            entries of equal loss are dropped together. 0: none.

    Source: "LL-R" in Kim et al. 2022, Large Loss Matters in Weakly Supervised Multi-Label Classification,
    https://arxiv.org/abs/2206.03740, equations 3 to 5.
    """
    from keras import ops

    positives = ops.cast(positives, "bool")
    losses = ops.softplus(ops.where(positives, -logits, logits))
    # The loss of an unknown entry grows with its logit. Known entries sort below all others.
    unknown = ops.reshape(ops.where(positives, -float("inf"), logits), (-1,))
    number = ops.floor(rejection_rate * ops.sum(ops.cast(ops.logical_not(positives), "float32")))
    # Sentinel: with nothing to reject, the limit is +inf.
    rising = ops.concatenate([ops.sort(unknown), ops.full((1,), float("inf"), dtype=unknown.dtype)])
    limit = ops.take(rising, ops.shape(unknown)[0] - ops.cast(number, "int32"))
    kept = ops.logical_or(positives, logits < limit)
    return ops.mean(ops.where(kept, losses, 0.0), axis=-1)


def fit_all(train: Features, *, rejection_rate: float, **settings: Any) -> "dict[str, keras.Model]":
    """Return the fitted networks by name: by large loss rejection and, for comparison, by the naive loss.

    Args:
        rejection_rate: see :func:`large_loss_rejection`.
        train, settings: see :func:`fit`.
    """
    losses: dict[str, Callable[[Any, Any], Any]] = {
        multilabel.PRESENCE: partial(large_loss_rejection, rejection_rate=rejection_rate),
        multilabel.PRESENCE_NAIVE: assume_negative,
    }
    return {name: fit(train, loss, **settings) for name, loss in losses.items()}


def fit(
    train: Features,
    loss: Callable[[Any, Any], Any],
    *,
    units: int | None,
    dropout: float,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    seed: int,
) -> "keras.Model":
    """Return a network (see ``scenes.models.multilabel.build``) fitted by AdamW, with a half cosine as its schedule.

    Fitting takes seconds, so no state is kept. Keras is seeded anew: the result does not depend on what the process did
    before.

    Args:
        train: its labels name the one class that each image is known to contain.
        loss: from (positives, logits) to losses.
        units, dropout: see ``scenes.models.multilabel.build``.
        learning_rate: at the start; it falls to 0.
        weight_decay: decoupled, relative to the rate; biases do not decay.
    """
    import keras

    keras.utils.set_random_seed(seed)
    network = multilabel.build(train.features.shape[1], len(train.classes), units=units, dropout=dropout)
    _standardise(network, train.features)
    logits = keras.Model(network.input, network.get_layer("logits").output)
    steps = -(-len(train.label) // batch_size)
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(learning_rate, steps * epochs), weight_decay=weight_decay
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    # JAX would run a step op by op without jit_compile, see scenes/training/fit.py.
    logits.compile(optimizer, loss, jit_compile=keras.backend.backend() == "jax")
    logits.optimizer.build(logits.trainable_variables)  # else the first step is traced twice
    logits.fit(
        batches.training_features(train, batch_size=batch_size, epochs=epochs, seed=seed),
        epochs=epochs,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
    )
    return network


def _standardise(network: "keras.Model", features: np.ndarray) -> None:
    """Set the mean and variance by which ``network`` standardises to those of ``features`` float32 (n, d)."""
    layer = network.get_layer("standardise")
    mean, variance = standardisation.moments(features)
    layer.adapt_mean.assign(mean)
    layer.adapt_variance.assign(variance)
    layer.finalize_state()

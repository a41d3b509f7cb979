"""Training the two kinds of classifier: a CNN on images, and a head on the cached features of a backbone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.dataset.records import Records
from scenes.models import cnn, head
from scenes.models.features import Features
from scenes.training import batches, fit

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def fit_cnn(
    train: Records,
    validation: "tf.data.Dataset",
    settings: Mapping[str, Any],
    *,
    seed: int,
    state: Path | None = None,
) -> "tuple[keras.Model, dict[str, list[float]]]":
    """Train a CNN from scratch; return it (see ``scenes.models.cnn.build``) and its history.

    Args:
        validation: see :func:`scenes.training.batches.validation_images`.
        settings: ``network``, ``training``, ``augmentation`` and ``cache_mb`` of a model in params.yaml.
        state: see :func:`scenes.training.fit.run`, also for the history and the errors.
    """
    network = cnn.build(train.image_shape, len(train.classes), **settings["network"])
    training = settings["training"]
    history = fit.run(
        network,
        lambda start: batches.training_images(
            train,
            batch_size=training["batch_size"],
            epochs=training["epochs"],
            seed=seed,
            cache_mb=settings["cache_mb"],
            start=start,
            **settings["augmentation"],
        ),
        validation,
        count=train.count,
        state=state,
        **training,
    )
    return network, history


def fit_head(
    train: Features,
    validation: "tf.data.Dataset",
    settings: Mapping[str, Any],
    *,
    seed: int,
    state: Path | None = None,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
) -> "tuple[keras.Model, dict[str, list[float]]]":
    """Train a head; return it (see ``scenes.models.head.build``) and its history.

    Args:
        validation: see :func:`scenes.training.batches.validation_features`.
        settings: ``network`` and ``training`` of a model in params.yaml.
        state, callbacks: see :func:`scenes.training.fit.run`, also for the history and the errors.
    """
    network = head.build(train.features.shape[1], len(train.classes), **settings["network"])
    head.standardise(network, train.features)
    training = settings["training"]
    history = fit.run(
        network,
        lambda start: batches.training_features(
            train, batch_size=training["batch_size"], epochs=training["epochs"], seed=seed, start=start
        ),
        validation,
        count=len(train.label),
        state=state,
        callbacks=callbacks,
        **training,
    )
    return network, history

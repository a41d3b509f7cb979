"""Training the two kinds of classifier: a CNN on images, and a head on the cached features of a backbone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.dataset.records import Records
from scenes.models import cnn, head
from scenes.models.features import Features
from scenes.training import batches, fit

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def for_profile(
    settings: Mapping[str, Any],
    *,
    epochs: int | None,
    image_size: int | None = None,
    image_shape: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Return the ``settings`` of a model in params.yaml with what the profile sets instead.

    Args:
        epochs: those of the training; None: as ``settings`` say.
        image_size: pixels a side that a CNN sees. None, or no less than the images have: it sees them as they are.
        image_shape: (height, width, 3) of the images, for a CNN.
    """
    network, training = dict(settings["network"]), dict(settings["training"])
    if epochs is not None:
        training["epochs"] = epochs
    if image_size is not None and image_shape is not None and image_size < min(image_shape[:2]):
        network["image_size"] = image_size
    return {**settings, "network": network, "training": training}


def fit_cnn(
    train: Records,
    validation: "tf.data.Dataset",
    settings: Mapping[str, Any],
    *,
    augmentation: Mapping[str, Any],
    seed: int,
    state: Path | None = None,
) -> "tuple[keras.Model, dict[str, list[float]]]":
    """Train a CNN from scratch; return it (see ``scenes.models.cnn.build``) and its history.

    Args:
        validation: see :func:`scenes.training.batches.validation_images`.
        settings: ``network``, ``training`` and ``cache_mb`` of a model, see :func:`for_profile`.
        augmentation: see :func:`scenes.training.batches.training_images`.
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
            augmentation=augmentation,
            start=start,
        ),
        validation,
        per_class=train.per_class,
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
        settings: ``network`` and ``training`` of a model, see :func:`for_profile`.
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
        per_class=np.bincount(train.label, minlength=len(train.classes)).tolist(),
        state=state,
        callbacks=callbacks,
        **training,
    )
    return network, history

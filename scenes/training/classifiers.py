"""Training a convolutional network from scratch on the images of the records.

Training a head on the cached features of a backbone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scenes.dataset.records import Records
from scenes.models import cnn, head
from scenes.models.features import Features
from scenes.training import batches, fit


def fit_cnn(train: Records, validation, settings: Mapping, *, seed: int, state: Path | None = None) -> tuple:
    """Train a CNN, and return it (a keras.Model, see ``scenes.models.cnn.build``) and its history.

    Args:
        validation: see ``scenes.training.batches.validation_images``.
        settings: ``network``, ``training``, ``augmentation`` and ``cache_mb`` of a model in params.yaml.
        state: see ``scenes.training.fit.run``, which says of the history and the errors as well.
    """
    network = cnn.build(train.image_shape, len(train.classes), **settings["network"])
    fitting = settings["training"]
    history = fit.run(
        network,
        lambda start: batches.training_images(
            train,
            batch_size=fitting["batch_size"],
            epochs=fitting["epochs"],
            seed=seed,
            cache_mb=settings["cache_mb"],
            start=start,
            **settings["augmentation"],
        ),
        validation,
        count=train.count,
        state=state,
        **fitting,
    )
    return network, history


def fit_head(
    train: Features,
    validation,
    settings: Mapping,
    *,
    seed: int,
    state: Path | None = None,
    callbacks: Sequence = (),
) -> tuple:
    """Train a head, and return it (a keras.Model, see ``scenes.models.head.build``) and its history.

    Args:
        validation: see ``scenes.training.batches.validation_features``.
        settings: ``network`` and ``training`` of a model in params.yaml.
        state, callbacks: see ``scenes.training.fit.run``, which says of the history and the errors as well.
    """
    network = head.build(train.features.shape[1], len(train.classes), **settings["network"])
    head.standardise(network, train.features)
    fitting = settings["training"]
    history = fit.run(
        network,
        lambda start: batches.training_features(
            train, batch_size=fitting["batch_size"], epochs=fitting["epochs"], seed=seed, start=start
        ),
        validation,
        count=len(train.label),
        state=state,
        callbacks=callbacks,
        **fitting,
    )
    return network, history

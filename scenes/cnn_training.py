"""Training a convolutional network from scratch on the images of the records."""

from collections.abc import Mapping
from pathlib import Path

from scenes import cnn, cnn_batches, training
from scenes.records import Records


def fit(train: Records, validation, settings: Mapping, *, seed: int, state: Path | None = None) -> tuple:
    """Train a CNN, and return it (a keras.Model, see ``scenes.cnn.build``) and its history.

    Args:
        validation: see ``scenes.cnn_batches.validation``.
        settings: ``network``, ``training``, ``augmentation`` and ``memory_mb`` of a model in params.yaml.
        state: see ``scenes.training.run``, which says of the history and the errors as well.
    """
    network = cnn.build(train.image_shape, len(train.classes), **settings["network"])
    fitting = settings["training"]
    history = training.run(
        network,
        lambda start: cnn_batches.training(
            train,
            batch_size=fitting["batch_size"],
            epochs=fitting["epochs"],
            seed=seed,
            memory_mb=settings["memory_mb"],
            start=start,
            **settings["augmentation"],
        ),
        validation,
        count=train.count,
        state=state,
        **fitting,
    )
    return network, history

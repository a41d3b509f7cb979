"""Training a head on the cached features of a backbone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scenes import head, head_batches, training
from scenes.embeddings import Embeddings


def fit(
    train: Embeddings,
    validation,
    settings: Mapping,
    *,
    seed: int,
    state: Path | None = None,
    callbacks: Sequence = (),
) -> tuple:
    """Train a head, and return it (a keras.Model, see ``scenes.head.build``) and its history.

    Args:
        validation: see ``scenes.head_batches.validation``.
        settings: ``network`` and ``training`` of a model in params.yaml.
        state, callbacks: see ``scenes.training.run``, which says of the history and the errors as well.
    """
    network = head.build(train.features.shape[1], len(train.classes), **settings["network"])
    head.standardise(network, train.features)
    fitting = settings["training"]
    history = training.run(
        network,
        lambda start: head_batches.training(
            train, batch_size=fitting["batch_size"], epochs=fitting["epochs"], seed=seed, start=start
        ),
        validation,
        count=len(train.label),
        state=state,
        callbacks=callbacks,
        **fitting,
    )
    return network, history

"""Training a CNN from scratch on images."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.dataset.batch_shares import ONE_DEVICE, Devices
from scenes.dataset.records import Records
from scenes.models import cnn
from scenes.process.memory import out_of_memory
from scenes.training import batches, fit

if TYPE_CHECKING:
    import keras


def for_profile(
    settings: Mapping[str, Any], *, epochs: int | None, image_size: int | None, image_shape: Sequence[int]
) -> dict[str, Any]:
    """Return the ``settings`` of a CNN in params.yaml with what the profile sets instead.

    Args:
        epochs: those of the training; None: as ``settings`` say.
        image_size: pixels a side that the CNN sees. None, or no less than the images have: it sees them as they are.
        image_shape: (height, width, 3) of the images.
    """
    network, training = dict(settings["network"]), dict(settings["training"])
    if epochs is not None:
        training["epochs"] = epochs
    if image_size is not None and image_size < min(image_shape[:2]):
        network["image_size"] = image_size
    return {**settings, "network": network, "training": training}


def fit_cnn(
    train: Records,
    validation: Iterable[tuple[Any, Any]],
    settings: Mapping[str, Any],
    *,
    flip: bool,
    seed: int,
    state: Path | None = None,
    after_epoch: fit.AfterEpoch | None = None,
    devices: Devices = ONE_DEVICE,
) -> "tuple[keras.Model, dict[str, list[float]]]":
    """Train a CNN from scratch; return it (see ``scenes.models.cnn.build``) and its history.

    Args:
        validation: see :func:`scenes.training.devices.validation_images`.
        settings: ``network``, ``augmentation``, ``training`` and ``cache_mb`` of a model, see :func:`for_profile`.
        flip: see :func:`scenes.training.batches.sample_augmentation`.
        state, after_epoch, devices: see :func:`scenes.training.fit.run`, also for the history and the errors.
    """
    network = cnn.build(train.image_shape, len(train.classes), **settings["network"])
    training = settings["training"]
    image_size = settings["network"].get("image_size") or max(train.image_shape[:2])
    with out_of_memory(
        f"in training, with batch_size {training['batch_size']}, no gradient accumulation and image_size {image_size}; "
        "lower one of them"
    ):
        history = fit.run(
            network,
            lambda start: batches.training_images(
                train,
                batch_size=training["batch_size"],
                epochs=training["epochs"],
                seed=seed,
                cache_mb=settings["cache_mb"],
                augmentation={"flip": flip, **settings["augmentation"]},
                start=start,
                devices=devices,
            ),
            validation,
            per_class=train.per_class,
            state=state,
            after_epoch=after_epoch,
            devices=devices,
            **training,
        )
    return network, history

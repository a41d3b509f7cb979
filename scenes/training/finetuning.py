"""Fine-tuning a pretrained backbone together with a classifier on its features."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.backbones import backbone, finetuning
from scenes.backbones.extraction import compile_extractor, compute_features
from scenes.dataset.records import Records
from scenes.models import linear
from scenes.process.memory import out_of_memory
from scenes.training import batches, checkpoint, fit, logistic_regression

if TYPE_CHECKING:
    import keras


def fit_backbone(
    network: "keras.Model",
    train: Records,
    val: Records,
    *,
    features_batch_size: int,
    probe_C: float,
    blocks: int | None,
    epochs: int,
    batch_size: int,
    gradient_accumulation: int,
    cache_mb: float,
    flip: bool,
    augmentation: Mapping[str, Any],
    training: Mapping[str, Any],
    seed: int,
    state: Path,
    after_epoch: fit.AfterEpoch | None = None,
) -> dict[str, list[float]]:
    """Fit a linear classifier to the frozen features, then train it and the last blocks of ``network`` together.

    Args:
        network: see ``scenes.backbones.backbone.load``; it ends with the trained weights.
        features_batch_size: images at a time while the frozen features are computed.
        probe_C: see :func:`scenes.training.logistic_regression.fit`.
        blocks: see ``scenes.backbones.finetuning.unfreeze``.
        epochs, batch_size, gradient_accumulation, state, after_epoch: see :func:`scenes.training.fit.run`.
        cache_mb, seed: see :func:`scenes.training.batches.training_images`.
        flip, augmentation: see :func:`scenes.training.batches.sample_augmentation`.
        training: the remaining arguments of :func:`scenes.training.fit.run`; ``class_weight`` applies to both fits.

    Returns:
        The history, see :func:`scenes.training.fit.run`.

    Raises:
        InputError: memory runs out; see also ``scenes.backbones.extraction.compute_features`` and
            :func:`scenes.training.fit.run`.
    """
    extractor = backbone.feature_extractor(network)
    probe = linear.build(network.output_shape[-1], len(train.classes))
    if checkpoint.load(state) is None:  # a state holds the weights of the probe, too
        frozen = compute_features(compile_extractor(extractor), train, batch_size=features_batch_size, desc="train")
        logistic_regression.fit(probe, frozen, C=probe_C, class_weight=training["class_weight"])
    finetuning.unfreeze(network, blocks)
    with out_of_memory(
        f"in fine-tuning, with batch_size {batch_size}, gradient_accumulation {gradient_accumulation} and image_size "
        f"{network.input_shape[1]}; halve batch_size and double gradient_accumulation, which changes no step, or lower "
        "image_size"
    ):
        return fit.run(
            finetuning.classifier(extractor, probe),
            lambda start: batches.training_images(
                train,
                batch_size=batch_size,
                epochs=epochs,
                seed=seed,
                cache_mb=cache_mb,
                augmentation={"flip": flip, **augmentation},
                start=start,
            ),
            batches.validation_images(val, batch_size),
            per_class=train.per_class,
            epochs=epochs,
            batch_size=batch_size,
            gradient_accumulation=gradient_accumulation,
            state=state,
            after_epoch=after_epoch,
            **training,
        )

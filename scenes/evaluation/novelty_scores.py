"""How well the distance to the training images tells other images from validation images: areas under the ROC curve.

Two kinds of other images can be had in every run of a model of photos: drawings, made by code; and the validation
images of one class, whose training images are left out.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenes.backbones.features import Features
from scenes.common.tables import rounded
from scenes.dataset import records
from scenes.evaluation import novelty
from scenes.images import decode
from scenes.models import classifier_features, store, training_distance
from scenes.synthetic.archive import SIZES, draw_image
from scenes.synthetic.faults import Place
from scenes.synthetic.scenes import CLASSES

if TYPE_CHECKING:
    import keras

DRAWINGS = 120
_BATCH_SIZE = 32  # images at a time; bounds the memory for their activations
_VALIDATION = 10_000  # validation images, at most, that the distance is measured on
_MIN_IMAGES = 10  # of a class and of the others, for an AUROC


def measure(
    folder: str | Path, data: str | Path, network: "keras.Model", *, drawn: bool
) -> tuple[np.ndarray, dict[str, Any]]:
    """Choose the training images to keep and the threshold, and measure how well the distance works.

    Args:
        folder: of a model, see ``scenes.models.store.save_network``.
        data: with the records, and the features of a linear model.
        network: the whole model, see ``scenes.models.store.load``.
        drawn: whether its training images are drawings. Then there are no others to compare with.

    Returns:
        The features of training images, float16 (m, d), see ``scenes.models.training_distance.choose``; and the scores:
        ``images`` (m); ``unlike_above``, see ``scenes.evaluation.novelty.threshold``; ``share``, of images like the
        training images that are beyond it; ``drawings``, with ``auroc`` and ``unlike`` (the share beyond it), or None;
        ``left_out``, with ``mean``, ``min`` and ``max`` of the AUROC over the classes, or None.
    """
    train = classifier_features.load(folder, data, "train")
    validation = classifier_features.load(folder, data, "val", size=_VALIDATION)
    training = training_distance.choose(train.features, train.label)
    known = training_distance.distances(validation.features, training)
    unlike_above = novelty.threshold(known)
    scores: dict[str, Any] = {"images": len(training), "unlike_above": unlike_above, "share": novelty.SHARE}
    scores |= {"drawings": None, "left_out": None}
    if not drawn:
        images = drawings(records.open_records(Path(data) / "records", "train").image_shape[0])
        outputs = training_distance.with_distance(network, training).predict(images, batch_size=_BATCH_SIZE, verbose=0)
        others = outputs["distance"]
        share = novelty.unlike(others, unlike_above).mean()
        scores["drawings"] = {"auroc": auroc(known, others), "unlike": float(share)}
    description = store.describe(folder)
    # A network that learned the classes has features for each of them, also for one that is left out here.
    if description["kind"] == "linear" and not description["backbone"]["finetuned"]:
        by_class = list(left_out_classes(train, validation).values())
        if by_class:
            scores["left_out"] = {"mean": float(np.mean(by_class)), "min": min(by_class), "max": max(by_class)}
    return training, rounded(scores)


def auroc(known: np.ndarray, others: np.ndarray) -> float:
    """Return how often one of ``others`` is farther than one of ``known``; ties count half.

    Args:
        known, others: distances, float (n,) and (m,).
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.repeat([0, 1], [len(known), len(others)]), np.concatenate([known, others])))


def left_out_classes(train: Features, validation: Features) -> dict[str, float]:
    """Return by class the :func:`auroc` of its validation images, if it is left out of the training images.

    A class with fewer than ten validation images has none, nor has one with fewer than ten in all other classes.

    Args:
        train, validation: labelled features, which must not have been learned from these labels.
    """
    result = {}
    for label, name in enumerate(train.classes):
        rest, other = train.label != label, validation.label == label
        if rest.any() and min(other.sum(), (~other).sum()) >= _MIN_IMAGES:
            training = training_distance.choose(train.features[rest], train.label[rest])
            distances = training_distance.distances(validation.features, training)
            result[name] = auroc(distances[~other], distances[other])
    return result


def drawings(size: int) -> np.ndarray:
    """Return ``DRAWINGS`` scenes drawn by code, always the same ones, uint8 (n, size, size, 3).

    Args:
        size: pixels a side.
    """
    images = []
    for number in range(DRAWINGS):
        subject = CLASSES[number % len(CLASSES)]
        place = Place("pred", subject, number, subject)
        data, _ = draw_image(place, seed=0, size=min(max(size, SIZES[0]), SIZES[1]))
        images.append(decode.fit(decode.decode(data, max_pixels=SIZES[1] ** 2).pixels, size))
    return np.stack(images)

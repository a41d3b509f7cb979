"""Out-of-fold predictions: each image's class by a logistic regression fitted without it and its duplicates."""

from collections.abc import Sequence

import numpy as np

from scenes.backbones.features import SAMPLE, blocks
from scenes.backbones.sharded_rows import ShardedRows
from scenes.common.stratified import StratifiedSample


def predict(
    features: np.ndarray | ShardedRows,
    labels: np.ndarray,
    groups: np.ndarray,
    classes: int,
    *,
    folds: int,
    C: float,
    seed: int,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """Return each image's class probabilities by a logistic regression fitted without it and its duplicates.

    Each is fitted to no more than about ``scenes.backbones.features.SAMPLE`` images.

    Args:
        features: float (m, d).
        labels: int (n,), less than ``classes``; each label that occurs has images in at least ``folds`` groups.
        groups: (n,); images of one group are always in the same fold.
        classes: number of classes.
        folds: 2 or more.
        C: inverse of the strength of the L2 regularisation; the features are standardised.
        seed: of the folds.
        rows: int (n,), the rows of ``features`` that belong to these images; None: all.

    Returns:
        float64 (n, classes), rows sum to 1. The row of an image is 0 if its class has no image in the other folds, as
        groups of several classes can cause.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    rows = np.arange(len(labels)) if rows is None else rows
    probabilities = np.zeros((len(labels), classes))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with threadpool_limits(1):  # how sums are divided among threads changes their rounding
        for rest, held_out in splitter.split(rows, labels, groups):
            known = np.unique(labels[rest])
            fold = held_out[np.isin(labels[held_out], known)]
            if len(known) < 2 or not len(fold):
                continue
            fitted = rest[StratifiedSample(np.bincount(labels[rest]), SAMPLE).mask(labels[rest])]
            classifier = make_pipeline(StandardScaler(copy=False), LogisticRegression(C=C, max_iter=500))
            classifier.fit(features[rows[fitted]].astype(np.float64), labels[fitted])
            for part in blocks(fold):
                inputs = features[rows[part]].astype(np.float64)
                probabilities[np.ix_(part, classifier.classes_)] = classifier.predict_proba(inputs)
    return probabilities


def groups_per_class(labels: np.ndarray, groups: np.ndarray, classes: int) -> np.ndarray:
    """Return the number of different groups in each class, int (classes,)."""
    _, number = np.unique(groups, return_inverse=True)
    return np.bincount(np.unique(np.stack([labels, number]), axis=1)[0], minlength=classes)


def limits(per_class: np.ndarray, classes: Sequence[str], folds: int, count: int) -> str:
    """Return a sentence on the classes that are too small for ``folds``, and on ``count`` images too many, or ''."""
    several = np.flatnonzero(per_class > 1)
    if len(several) < 2:
        return "no label is judged: fewer than two classes have two images that are not duplicates of each other"
    parts = []
    if alone := [classes[index] for index in np.flatnonzero(per_class == 1).tolist()]:
        more = f" and {len(alone) - 3} more" if len(alone) > 3 else ""
        names = ", ".join(alone[:3])
        parts.append(f"labels of {names}{more} are not judged: there is one image, or duplicates of one")
    smallest = int(several[per_class[several].argmin()])
    asked, folds = folds, min(folds, int(per_class[smallest]))
    if folds < asked:
        parts.append(
            f"{folds} folds instead of {asked}: {classes[smallest]} has {folds} images, duplicates not counted"
        )
    if (others := count * (folds - 1) // folds) > SAMPLE:
        parts.append(f"each classifier is fitted to {SAMPLE:,} of the {others:,} images in the other folds")
    return "; ".join(parts)

"""Presence: which classes a photo contains, by a model that learned one label for each image.

Softmax makes classes compete: in a photo of a street, the houses get what the street leaves. The score of a class is
therefore its log-probability minus the mean of those of all classes (the centred log-ratio). Platt scaling turns it
into the probability that the photo contains the class, which is at least the probability that this is its one class.
From one half on, it does.

Platt scaling is fitted for each class on validation images whose content is known. A class of which too few are known
gets the scaling of the labels: one for all classes, fitted as if an image contained its label and nothing else. Its
log-odds are raised by ``BEYOND_THE_LABEL``, because images contain more than that.

Sources: Platt 1999, Probabilistic Outputs for Support Vector Machines, section 2.2; Aitchison 1982, The Statistical
Analysis of Compositional Data (the log-ratio).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scenes.common.stratified import StratifiedSample
from scenes.common.tables import rounded
from scenes.dataset.contained_classes import known_rows

if TYPE_CHECKING:
    from scenes.evaluation.inference import Predictions

MIN_CLASSES = 3  # of two classes, presence repeats the probabilities
MIN_KNOWN = 10  # images that contain a class, and images that do not, to fit its scaling
# A class counts as contained where the scaling of the labels says 0.07: log(0.93 / 0.07). On 150 validation photos
# judged by eye, F1 is within 0.004 of its best from 0.04 to 0.11.
BEYOND_THE_LABEL = 2.6
CONTAINED = 0.5
_SCORES = 1_000_000  # that the scaling of the labels is fitted to, at most: it has two parameters
_TINY = 1e-12


class PresenceCalibration(NamedTuple):
    """Platt scaling for each class.

    Attributes:
        slope: factors of the scores (k,).
        intercept: added to the products (k,).
    """

    slope: list[float]
    intercept: list[float]

    def presence(self, probabilities: np.ndarray) -> np.ndarray:
        """Return how probably each image contains each class, float64 (n, k).

        Args:
            probabilities: float (n, k), calibrated.
        """
        from scipy.special import expit

        scaled = expit(np.asarray(self.slope) * log_ratios(probabilities) + np.asarray(self.intercept))
        return np.maximum(scaled, probabilities)


def log_ratios(probabilities: np.ndarray) -> np.ndarray:
    """Return the centred log-ratios of probabilities (n, k), float64; rows sum to 0."""
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), _TINY))
    return logs - logs.mean(axis=1, keepdims=True)


def judge(
    val: "Predictions", test: "Predictions", known: Mapping[str, np.ndarray]
) -> tuple[PresenceCalibration, dict[str, Any]]:
    """Return the scaling, fitted on validation images, and what it is worth on test images, see :func:`evaluate`.

    Args:
        known: see ``scenes.dataset.contained_classes.read``.
    """
    in_val, in_test = (known_rows(images.key, known, len(images.classes)) for images in (val, test))
    calibration = fit(val.probabilities, val.label, in_val)
    return calibration, evaluate(test.probabilities, in_test, calibration, test.classes)


def fit(probabilities: np.ndarray, labels: np.ndarray, contained: np.ndarray) -> PresenceCalibration:
    """Fit the scaling of each class on validation images.

    Args:
        probabilities: float (n, k), calibrated.
        labels: int (n,).
        contained: float (n, k), 1 or 0, NaN where it is not known; see ``scenes.dataset.contained_classes``.
    """
    scores = log_ratios(probabilities)
    classes = scores.shape[1]
    sample = StratifiedSample(np.bincount(labels, minlength=classes), _SCORES // classes).mask(labels)
    slope, intercept = _platt(scores[sample].ravel(), np.eye(classes, dtype=bool)[labels[sample]].ravel())
    slopes, intercepts = [slope] * classes, [intercept + BEYOND_THE_LABEL] * classes
    for index in range(classes):
        known = ~np.isnan(contained[:, index])
        present = contained[known, index] == 1
        if min(np.count_nonzero(present), np.count_nonzero(~present)) >= MIN_KNOWN:
            slopes[index], intercepts[index] = _platt(scores[known, index], present)
    return PresenceCalibration([round(each, 6) for each in slopes], [round(each, 6) for each in intercepts])


def _platt(scores: np.ndarray, present: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept of the scaling of scores (n,), where ``present``, bool (n,), has both values."""
    from sklearn.linear_model import LogisticRegression

    # The paper's targets are not quite 1 and 0. scikit-learn takes such a target as two images with weights.
    positive = np.count_nonzero(present)
    target = np.where(present, (positive + 1) / (positive + 2), 1 / (len(present) - positive + 2))
    inputs, outcomes = np.tile(scores[:, None], (2, 1)), np.repeat([1, 0], len(scores))
    fitted = LogisticRegression().fit(inputs, outcomes, sample_weight=np.concatenate([target, 1 - target]))
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def evaluate(
    probabilities: np.ndarray, contained: np.ndarray, calibration: PresenceCalibration, classes: Sequence[str]
) -> dict[str, Any]:
    """Return how well the content of test images is found, where it is known; {} if it is known of none.

    Args:
        probabilities: float (n, k), calibrated.
        contained: as for :func:`fit`.

    Returns:
        ``images`` of which something is known; ``mean_average_precision`` and, for comparison, that of the
        probabilities, ``softmax_mean_average_precision``; ``macro_f1``; and
        ``per_class.<class>.{images,average_precision,precision,recall,f1}``, without classes that no image contains or
        all contain. The means are over these classes.
    """
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support

    per_class, softmax = {}, []
    presence = calibration.presence(probabilities)
    for index, name in enumerate(classes):
        known = ~np.isnan(contained[:, index])
        present = contained[known, index] == 1
        if not 0 < np.count_nonzero(present) < len(present):
            continue
        scores = presence[known, index]
        precision, recall, f1, _ = precision_recall_fscore_support(
            present, scores >= CONTAINED, average="binary", zero_division=0.0
        )
        per_class[name] = {
            "images": int(np.count_nonzero(present)),
            "average_precision": average_precision_score(present, scores),
            "precision": precision,
            "recall": recall,
            "f1": f1,
        }
        softmax.append(average_precision_score(present, probabilities[known, index]))
    if not per_class:
        return {}
    means = {key: np.mean([entry[key] for entry in per_class.values()]) for key in ("average_precision", "f1")}
    result = {
        "images": int((~np.isnan(contained)).any(axis=1).sum()),
        "mean_average_precision": means["average_precision"],
        "softmax_mean_average_precision": np.mean(softmax),
        "macro_f1": means["f1"],
        "per_class": per_class,
    }
    return rounded(result)


def format_summary(name: str, scores: dict[str, Any]) -> str:
    """Return one line on how model ``name`` finds what photos contain.

    Args:
        scores: see :func:`evaluate`.
    """
    if not scores:
        return f"{name}: what photos contain is not known, so that finding it is not measured"
    return (
        f"{name}: what {scores['images']:,} test images contain, all classes: F1 {scores['macro_f1']:.4f}, "
        f"mean average precision {scores['mean_average_precision']:.4f}"
    )

"""How many images a classifier can answer if it may pass on those it is not sure of (selective prediction).

A threshold on the confidence is chosen on one set of images (validation) for a precision that is wanted, and then
applied to others, where the precision may turn out otherwise. Confidence here is always the calibrated one.

Source: Geifman & El-Yaniv 2017, https://arxiv.org/abs/1705.08500; without their bound, so with few images to choose on
expect the precision to miss its aim by some points.
"""

from collections.abc import Mapping

import numpy as np

PRECISIONS = {"precision_90": 0.90, "precision_95": 0.95, "precision_99": 0.99}
DECIMALS = 6
NEVER = 1.0  # the threshold that no confidence reaches


def confidence(probabilities: np.ndarray) -> np.ndarray:
    """Return float64 (n,): each row's largest probability in six decimals, at most 0.999999.

    Rounded as it is written to files, so that a threshold read from one divides the images in the same way; and below
    1, so that there is a threshold (``NEVER``) to say that no image is sure enough.

    Args:
        probabilities: float (n, k), calibrated.
    """
    largest = probabilities.max(axis=1).astype(np.float64)
    return np.minimum(largest, 1 - 10.0**-DECIMALS).round(DECIMALS)


def threshold(labels: np.ndarray, probabilities: np.ndarray, precision: float) -> float:
    """Return the least confidence for which the images at or above it have at least ``precision`` right answers.

    Args:
        labels: int (n,), n > 0.
        probabilities: float (n, k), calibrated.
        precision: share of right answers wanted.

    Returns:
        One of the confidences, or ``NEVER`` if none will do.
    """
    sure = confidence(probabilities)
    surest_first = np.argsort(-sure, kind="stable")
    sure, right = sure[surest_first], (probabilities.argmax(axis=1) == labels)[surest_first]
    reached = np.cumsum(right) / np.arange(1, len(right) + 1) >= precision
    # Images of equal confidence stand on the same side of a threshold.
    last_of_equals = np.append(sure[1:] != sure[:-1], True)
    return float(sure[reached & last_of_equals].min(initial=NEVER))


def thresholds(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return the :func:`threshold` for each of ``PRECISIONS``, by its name."""
    return {name: threshold(labels, probabilities, precision) for name, precision in PRECISIONS.items()}


def scores(labels: np.ndarray, probabilities: np.ndarray, chosen: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return what thresholds give on a set of images, the one they were chosen on or another.

    Args:
        labels: int (n,), n > 0.
        probabilities: float (n, k), calibrated.
        chosen: what :func:`thresholds` returns.

    Returns:
        Per name of a threshold: ``confidence`` (the threshold itself), ``coverage`` (the share of images at or above
        it) and ``precision`` (the share of right answers among those; 0 where there are none).
    """
    sure, right = confidence(probabilities), probabilities.argmax(axis=1) == labels
    result = {}
    for name, least in chosen.items():
        answered = sure >= least
        result[name] = {
            "confidence": least,
            "coverage": answered.mean(),
            "precision": right[answered].mean() if answered.any() else 0.0,
        }
    return result

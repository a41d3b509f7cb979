"""Selective prediction: how many images a classifier answers, and how well, if it may abstain when it is unsure.

A threshold on the confidence is chosen on one set of images (validation) for a target precision. It is then applied to
other images, where the precision may differ. Confidence here is always the calibrated one.

Source: Geifman & El-Yaniv 2017, https://arxiv.org/abs/1705.08500, without their bound: with few images to choose on,
the precision may miss its target by some points.
"""

from collections.abc import Mapping

import numpy as np

from scenes.common.tables import DECIMALS

PRECISIONS = {"precision_90": 0.90, "precision_95": 0.95, "precision_99": 0.99}
NEVER = 1.0  # a threshold that no confidence reaches


def confidence(probabilities: np.ndarray) -> np.ndarray:
    """Return float64 (n,): the largest probability of each row, rounded to six decimals and at most 0.999999.

    Files hold rounded values, and a threshold read from a file must divide the images in the same way. The maximum
    leaves room for a threshold (``NEVER``) that no image reaches.

    Args:
        probabilities: float (n, k), calibrated.
    """
    largest = probabilities.max(axis=1).astype(np.float64)
    return np.minimum(largest, 1 - 10.0**-DECIMALS).round(DECIMALS)


def threshold(labels: np.ndarray, probabilities: np.ndarray, precision: float) -> float:
    """Return the lowest confidence such that at least ``precision`` of the images at or above it are classified right.

    Args:
        labels: int (n,), n > 0.
        probabilities: float (n, k), calibrated.
        precision: target share of correct answers.

    Returns:
        One of the confidences, or ``NEVER`` if none reaches the target.
    """
    confidences = confidence(probabilities)
    descending = np.argsort(-confidences, kind="stable")
    confidences, correct = confidences[descending], (probabilities.argmax(axis=1) == labels)[descending]
    reached = np.cumsum(correct) / np.arange(1, len(correct) + 1) >= precision
    # A threshold cannot separate images of equal confidence.
    last_of_equals = np.append(confidences[1:] != confidences[:-1], True)
    return float(confidences[reached & last_of_equals].min(initial=NEVER))


def thresholds(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return the :func:`threshold` for each of ``PRECISIONS``, by name."""
    return {name: threshold(labels, probabilities, precision) for name, precision in PRECISIONS.items()}


def scores(
    labels: np.ndarray, probabilities: np.ndarray, thresholds: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Return what each threshold gives on a set of images, which may differ from the one it was chosen on.

    Args:
        labels: int (n,), n > 0.
        probabilities: float (n, k), calibrated.
        thresholds: by name, see :func:`thresholds`.

    Returns:
        By name: ``confidence`` (the threshold), ``coverage`` (share of images at or above it) and ``precision`` (share
        of correct answers among those; 0 if there are none).
    """
    confidences, correct = confidence(probabilities), probabilities.argmax(axis=1) == labels
    result = {}
    for name, lowest in thresholds.items():
        answered = confidences >= lowest
        result[name] = {
            "confidence": lowest,
            "coverage": answered.mean(),
            "precision": correct[answered].mean() if answered.any() else 0.0,
        }
    return result

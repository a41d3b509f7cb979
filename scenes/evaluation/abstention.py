"""Selective prediction: how many images a classifier answers, and how well, if it may abstain when it is unsure.

A threshold on the confidence promises a precision on new images. It is chosen on the validation images, and the test
images show whether the promise is kept. Confidence here is always the calibrated one.

Source: Geifman & El-Yaniv 2017, https://arxiv.org/abs/1705.08500, with the bound of Clopper & Pearson 1934,
https://doi.org/10.1093/biomet/26.4.404.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from scenes.common.tables import DECIMALS
from scenes.common.words import count
from scenes.evaluation import intervals

PRECISIONS = {"precision_90": 0.90, "precision_95": 0.95, "precision_99": 0.99}
LEVEL = 0.90  # how sure a promise is
# Of a model without a threshold:
NO_PROMISE = "never unsure: the validation images are too few, or too often answered wrong, to promise a precision"


def confidence(probabilities: np.ndarray) -> np.ndarray:
    """Return float64 (n,): the largest probability of each row, rounded to six decimals and at most 0.999999.

    Files hold rounded values, and a threshold read from a file must divide the images in the same way.

    Args:
        probabilities: float (n, k), calibrated.
    """
    largest = probabilities.max(axis=1).astype(np.float64)
    return np.minimum(largest, 1 - 10.0**-DECIMALS).round(DECIMALS)


def lower_bound(right: np.ndarray, answered: np.ndarray) -> np.ndarray:
    """Return the precision that ``right`` of ``answered`` images prove with a confidence of ``LEVEL``, float (n,).

    It is the one-sided bound of Clopper and Pearson.

    Args:
        right: int (n,).
        answered: int (n,), at least 1.
    """
    from scipy.stats import beta

    return np.where(right > 0, beta.ppf(1 - LEVEL, right, answered - right + 1), 0.0)


def threshold(labels: np.ndarray, probabilities: np.ndarray, precision: float) -> float | None:
    """Return the lowest confidence such that the images at or above it prove at least ``precision``.

    The bound holds for one threshold that is chosen beforehand, and this is the lowest of many. Simulated with 100 to
    3,000 validation images and the confidences of the real subset's models, of calibrated and of overconfident ones, at
    most 11 % of the validation sets gave a threshold that misses the precision on new images; where the confidence says
    nothing about the answer, 26 % did. Learn then Test (Angelopoulos et al. 2021, https://arxiv.org/abs/2110.01052)
    tests from the highest confidence down and stops at the first failure. It guarantees 10 %, but one early error stops
    it: with 240 validation images, a CNN that is right on 0.91 answers 0.56 of new images instead of 0.77.

    Args:
        labels: int (n,), n > 0.
        probabilities: float (n, k), calibrated.
        precision: share of correct answers that is promised.

    Returns:
        One of the confidences, or None if the images do not prove the precision at any.
    """
    confidences = confidence(probabilities)
    descending = np.argsort(-confidences, kind="stable")
    confidences, correct = confidences[descending], (probabilities.argmax(axis=1) == labels)[descending]
    proved = lower_bound(np.cumsum(correct), np.arange(1, len(correct) + 1)) >= precision
    # A threshold cannot separate images of equal confidence.
    last_of_equals = np.append(confidences[1:] != confidences[:-1], True)
    found = confidences[proved & last_of_equals]
    return float(found.min()) if len(found) else None


def thresholds(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """Return the :func:`threshold` for each of ``PRECISIONS``, by name."""
    return {name: threshold(labels, probabilities, precision) for name, precision in PRECISIONS.items()}


def why_no_threshold(name: str, images: int) -> str:
    """Return why there is no threshold, in words.

    Args:
        name: one of ``PRECISIONS``.
        images: number of validation images.
    """
    precision = PRECISIONS[name]
    needed = math.ceil(math.log(1 - LEVEL) / math.log(precision))  # precision ** needed is at most 1 - LEVEL
    promised = f"{100 * precision:.0f} %"
    if images < needed:
        few = count(images, "validation image")
        return f"no threshold: {few} cannot promise {promised}; that takes {needed}, all answered right"
    return (
        f"no threshold: {images:,} validation images do not prove {promised} at any confidence; "
        f"the surest {needed} answered right would, or more with a few errors"
    )


def scores(
    labels: np.ndarray, probabilities: np.ndarray, thresholds: Mapping[str, float | None]
) -> dict[str, dict[str, Any]]:
    """Return what each threshold gives on a set of images, which may differ from the one it was chosen on.

    Args:
        labels: int (n,), n > 0.
        probabilities: float (n, k), calibrated.
        thresholds: by name, see :func:`thresholds`.

    Returns:
        By name: ``confidence`` (the threshold), ``coverage`` (share of images at or above it), ``precision`` (share of
        correct answers among those) and its interval ``precision_interval.{low,high}``. Each is None without a
        threshold, and the last two also if it leaves no image.
    """
    confidences, correct = confidence(probabilities), probabilities.argmax(axis=1) == labels
    result = {}
    for name, lowest in thresholds.items():
        answered = np.empty(0, bool) if lowest is None else correct[confidences >= lowest]
        result[name] = {
            "confidence": lowest,
            "coverage": None if lowest is None else len(answered) / len(correct),
            "precision": answered.mean() if len(answered) else None,
            "precision_interval": intervals.share(answered.sum(), len(answered)) if len(answered) else None,
        }
    return result


def verdict(name: str, entry: Mapping[str, Any]) -> str:
    """Return whether a set of images keeps the promise: ``kept`` or ``missed`` if its interval shows that, or ``open``.

    Args:
        name: one of ``PRECISIONS``.
        entry: of :func:`scores`, with a threshold.
    """
    interval, precision = entry["precision_interval"] or {"low": 0.0, "high": 1.0}, PRECISIONS[name]
    return "kept" if interval["low"] >= precision else "missed" if interval["high"] < precision else "open"

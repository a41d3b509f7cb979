"""Calibration: whether a classifier is right as often as its confidence says.

Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 2. The remedy is in ``scenes.models.temperature``.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

BINS = 15
SIMULATIONS = 500  # of the noise floor, which then varies by about 1 % of its value
SEED = 0


def reliability_table(labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> "pd.DataFrame":
    """Return one row for each of ``bins`` equal intervals of confidence in (0, 1].

    Args:
        labels: int (n,).
        probabilities: float (n, k), rows sum to 1.

    Returns:
        ``lower`` and ``upper`` (the edges; the lower one is not part of the bin), ``count``, and the mean
        ``confidence`` (largest probability) and ``accuracy`` of the images in the bin, NaN if there are none.
    """
    import pandas as pd

    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bin_of_image = _bin_of_image(confidence, bins)
    count = np.bincount(bin_of_image, minlength=bins)
    divisor = np.where(count, count, np.nan)
    edges = np.arange(bins + 1) / bins
    columns = {
        "lower": edges[:-1],
        "upper": edges[1:],
        "count": count,
        "confidence": np.bincount(bin_of_image, weights=confidence, minlength=bins) / divisor,
        "accuracy": np.bincount(bin_of_image, weights=correct, minlength=bins) / divisor,
    }
    return pd.DataFrame(columns)


def expected_calibration_error(table: "pd.DataFrame") -> float:
    """Return the mean gap between confidence and accuracy over the bins, weighted by count (equation 3).

    Args:
        table: see :func:`reliability_table`.
    """
    return float((_gaps(table) * table["count"]).sum() / table["count"].sum())


def maximum_calibration_error(table: "pd.DataFrame") -> float:
    """Return the largest gap between confidence and accuracy in any bin, however few its images (equation 5).

    Args:
        table: see :func:`reliability_table`.
    """
    return float(_gaps(table).max())


def noise_floor(probabilities: np.ndarray, bins: int = BINS) -> float:
    """Return the mean expected calibration error of a perfectly calibrated classifier with the same confidences.

    It is not 0: with few images in a bin, the share of right answers differs from the confidence by chance. A model
    with an error close to this one may well be calibrated. Answers are simulated ``SIMULATIONS`` times with a fixed
    seed: each is right as often as its confidence says.

    Args:
        probabilities: float (n, k), n > 0, rows sum to 1.

    Source: Vaicenavicius et al. 2019, https://arxiv.org/abs/1902.06977, consistency resampling.
    """
    confidence = probabilities.max(axis=1)
    bin_of_image = _bin_of_image(confidence, bins)
    rng = np.random.default_rng(SEED)
    gaps = [
        np.abs(np.bincount(bin_of_image, weights=(rng.random(len(confidence)) < confidence) - confidence)).sum()
        for _ in range(SIMULATIONS)
    ]
    return float(np.mean(gaps) / len(confidence))


def errors(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return ``ece`` and ``mce``, the expected and the maximum calibration error, and ``ece_floor``, with 15 bins.

    The floor is that of :func:`noise_floor`.
    """
    table = reliability_table(labels, probabilities)
    return {
        "ece": expected_calibration_error(table),
        "ece_floor": noise_floor(probabilities),
        "mce": maximum_calibration_error(table),
    }


def _bin_of_image(confidence: np.ndarray, bins: int) -> np.ndarray:
    return np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)


def _gaps(table: "pd.DataFrame") -> "pd.Series":
    return (table["accuracy"] - table["confidence"]).abs()

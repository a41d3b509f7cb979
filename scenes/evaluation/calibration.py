"""Calibration: whether a classifier is right as often as its confidence says.

Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 2. The remedy is in ``scenes.models.temperature``.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

BINS = 15


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
    bin_of_image = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
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


def errors(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return ``ece`` and ``mce``, the expected and the maximum calibration error, with ``BINS`` bins."""
    table = reliability_table(labels, probabilities)
    return {"ece": expected_calibration_error(table), "mce": maximum_calibration_error(table)}


def _gaps(table: "pd.DataFrame") -> "pd.Series":
    return (table["accuracy"] - table["confidence"]).abs()
